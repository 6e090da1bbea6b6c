//! Start.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Start() -> impl IntoView {
    crumbs(|| vec![("Start".to_owned(), None)]);
    view! { <Empty mark=icon::HOUSE title="Start" text="Projects and samples." /> }
}
