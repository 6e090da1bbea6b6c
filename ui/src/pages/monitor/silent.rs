//! Nothing was asked yet: how the first requests come, instead of empty charts.

use api::deploy::Deployment;
use leptos::prelude::*;

use crate::{
    frame::place::Place,
    parts::{icon, request::Request, states::Empty},
};

/// A request to copy; rows of a file are offered beside it.
#[component]
pub(super) fn Silent(deployment: Deployment, place: Place) -> impl IntoView {
    let Deployment { id, address, spec, .. } = deployment;
    view! {
        <section class="card">
            <Empty mark=icon::SEND title="Nothing was asked yet" text="Requests are counted and compared with what the model learned from. Sample calls of this window don't count.">
                <a class="btn" href=move || place.link(&format!("deploy?deployment={id}"))>"See the deployment"</a>
            </Empty>
            <div class="padded"><Request address=Signal::stored(address) version=Signal::stored(spec.version) /></div>
        </section>
    }
}
