//! Run.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn RunPage() -> impl IntoView {
    crumbs(|| vec![("Run".to_owned(), None)]);
    view! { <Empty mark=icon::ACTIVITY title="Run" text="One run." /> }
}
