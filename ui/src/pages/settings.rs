//! Settings.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Settings() -> impl IntoView {
    crumbs(|| vec![("Settings".to_owned(), None)]);
    view! { <Empty mark=icon::SETTINGS title="Settings" text="Appearance, storage, secrets, registries and targets." /> }
}
