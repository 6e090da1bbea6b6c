//! Runs.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Runs() -> impl IntoView {
    crumbs(|| vec![("Runs".to_owned(), None)]);
    view! { <Empty mark=icon::ACTIVITY title="Runs" text="The table of the runs." /> }
}
