//! Monitor: traffic, latency, errors and drift of a deployment.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Monitor() -> impl IntoView {
    crumbs(|| vec![("Monitor".to_owned(), None)]);
    view! { <Empty mark=icon::EYE title="Monitor" text="A deployed model is watched: what it is asked, how fast it answers, and whether the data drifts." /> }
}
