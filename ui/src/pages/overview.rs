//! Overview: the lifecycle as a road.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Overview() -> impl IntoView {
    crumbs(|| vec![("Overview".to_owned(), None)]);
    view! { <Empty mark=icon::HOUSE title="Overview" text="The road of this project." /> }
}
