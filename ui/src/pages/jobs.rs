//! Jobs: everything that runs or ran.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Jobs() -> impl IntoView {
    crumbs(|| vec![("Jobs".to_owned(), None)]);
    view! { <Empty mark=icon::LIST_CHECKS title="Jobs" text="Everything that takes time is listed here, with its progress." /> }
}
