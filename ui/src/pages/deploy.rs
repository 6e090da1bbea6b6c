//! Deploy: targets as columns, versions as rows, rollouts as timelines.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Deploy() -> impl IntoView {
    crumbs(|| vec![("Deploy".to_owned(), None)]);
    view! { <Empty mark=icon::UPLOAD title="Deploy" text="A deployed model answers requests, on this machine or on a cluster." /> }
}
