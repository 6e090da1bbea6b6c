//! Model: what it is, how good, try it.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Model() -> impl IntoView {
    crumbs(|| vec![("Model".to_owned(), None)]);
    view! { <Empty mark=icon::BOX title="Model" text="This model version can't be shown yet." /> }
}
