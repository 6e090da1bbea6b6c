//! Models: the registry by name.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Models() -> impl IntoView {
    crumbs(|| vec![("Models".to_owned(), None)]);
    view! { <Empty mark=icon::BOX title="Models" text="A run that is good enough becomes a model version: a name that others can rely on." /> }
}
