//! Data.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Data() -> impl IntoView {
    crumbs(|| vec![("Data".to_owned(), None)]);
    view! { <Empty mark=icon::DATABASE title="Data" text="The versions of the data." /> }
}
