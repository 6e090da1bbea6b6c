//! Hardware: processors, memory, disk and workers.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Hardware() -> impl IntoView {
    crumbs(|| vec![("Hardware".to_owned(), None)]);
    view! { <Empty mark=icon::CPU title="Hardware" text="What this machine trains with, and why something does not start." /> }
}
