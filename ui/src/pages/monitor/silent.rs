//! Nothing was asked yet: how the first requests come, instead of empty charts.

use api::{dataset::GetDataset, deploy::SendTraffic, id::DeploymentId};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        icon,
        states::Empty,
        toast::Toasts,
        words,
    },
};

/// Enough for two windows of a thousand rows.
const ROWS: u64 = 2000;

/// Offers a table that lies beside the data, as a sample's second period does, and else the
/// deployment's own page.
#[component]
pub(super) fn Silent(id: DeploymentId, place: Place) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let dataset = query(move || place.project.get().map(|project| GetDataset { project }));
    let beside = Memo::new(move |_| {
        dataset.value.with(|data| data.as_ref().and_then(|data| data.beside.first().map(|file| file.path.clone())))
    });
    let is_sample =
        place.known.value.with_untracked(|project| project.as_ref().is_some_and(|project| project.sample.is_some()));
    let label = if is_sample { "Send the second period" } else { "Send rows of a file" };
    let send = move || {
        let Some(path) = beside.get_untracked() else { return };
        let request = SendTraffic { deployment: id, path, rows: ROWS, offset: 0, batch: None };
        pending.run(async move { client.call(request).await }, move |job| {
            toasts.note(job.title, None, Some("/jobs".to_owned()));
        });
    };
    view! {
        <section class="card">
            <Empty mark=icon::SEND title="Nothing was asked yet" text="Requests are counted and compared with what the model learned from. Sample calls of this window don't count.">
                {move || beside.get().map(|path| view! {
                    <Button
                        label=Signal::derive(move || if pending.busy.get() { "Sending…".to_owned() } else { label.to_owned() })
                        tip=format!("{} of {path}, as ordinary requests", words::counted(ROWS, "row", "rows"))
                        mark=icon::SEND kind="primary" disabled=pending.busy on_press=send
                    />
                })}
                <a class="btn" href=move || place.link(&format!("deploy?deployment={id}"))>"See its address"</a>
            </Empty>
        </section>
    }
}
