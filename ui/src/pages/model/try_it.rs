//! Try it: the form made from the signature, asked in the host's own process.

use api::model::{Predict, Predictions, VersionDetail};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::{
    client::Client,
    parts::{
        button::{Button, Pending},
        card::Card,
        icon,
        row_form::{Answer, RowDraft, RowForm},
        words,
    },
};

#[component]
pub(super) fn TryIt(now: Signal<VersionDetail>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let answer = RwSignal::new(None::<Predictions>);
    let (version, threshold, signature, examples) = now.with_untracked(|now| {
        (now.version.id, now.version.threshold, now.version.signature.clone(), now.examples.clone())
    });
    let positive = signature.positive().map(str::to_owned);
    let draft = RowDraft::new(&signature);
    let ask = move || {
        let rows = vec![draft.row()];
        pending
            .run(async move { client.call(Predict { version, rows }).await }, move |answers| answer.set(Some(answers)));
    };
    view! {
        <Card title="Try it" class="h" extra=ViewFn::from(|| view! { <span class="faint caption">"answers as a deployment does"</span> })>
            <div class="form" on:keydown=move |event| {
                if event.key() == "Enter" && draft.is_right() && event.target().is_some_and(|target| target.has_type::<web_sys::HtmlInputElement>()) {
                    event.prevent_default();
                    ask();
                }
            }>
                <div class="flex">
                    <Button label="Predict" mark=icon::PLAY kind="primary" disabled=Signal::derive(move || pending.busy.get() || !draft.is_right()) on_press=ask />
                    <span class="small muted">
                        {move || answer.with(|answer| answer.as_ref().map(|answer| match answer.duration_secs {
                            quick if quick < 0.001 => "answered in under 1 ms".to_owned(),
                            seconds => format!("answered in {}", words::duration(seconds)),
                        }))}
                    </span>
                </div>
                // Above the form, where it is seen however many inputs there are; its place is kept, so that nothing jumps.
                {move || match answer.get().and_then(|answer| answer.rows.into_iter().next()) {
                    Some(row) => view! { <Answer row threshold positive=positive.clone() /> }.into_any(),
                    None => view! { <div class="predicted"><span class="small muted">"The answer to the row below stands here."</span></div> }.into_any(),
                }}
                <RowForm draft examples />
            </div>
        </Card>
    }
}
