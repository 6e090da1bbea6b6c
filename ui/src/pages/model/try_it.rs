//! Try it: the form made from the signature, asked in the host's own process.

use api::model::{Predict, Predictions, VersionDetail};
use leptos::prelude::*;
use serde_json::Value;
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
    let asked = RwSignal::new(Value::Null);
    let ask = move || {
        let row = untrack(|| draft.row());
        let rows = vec![row.clone()];
        pending.run(async move { client.call(Predict { version, rows }).await }, move |answers| {
            asked.set(row);
            answer.set(Some(answers));
        });
    };
    let wrong = Memo::new(move |_| draft.wrong());
    let is_of_before = Memo::new(move |_| answer.with(Option::is_some) && asked.get() != draft.row());
    view! {
        <Card title="Try it" class="h" extra=ViewFn::from(|| view! { <span class="faint caption">"answers as a deployment does"</span> })>
            <div class="form" on:keydown=move |event| {
                if event.key() == "Enter" && wrong.with_untracked(Option::is_none) && event.target().is_some_and(|target| target.has_type::<web_sys::HtmlInputElement>()) {
                    event.prevent_default();
                    ask();
                }
            }>
                <div class="flex">
                    <Button label="Predict" mark=icon::PLAY kind="primary" disabled=Signal::derive(move || pending.busy.get() || wrong.with(Option::is_some)) on_press=ask />
                    <span class="small muted">
                        {move || match wrong.get() {
                            Some(wrong) => Some(wrong),
                            None if is_of_before.get() => Some("The answer is of the values before.".to_owned()),
                            None => answer.with(|answer| answer.as_ref().map(|answer| match answer.duration_secs {
                                quick if quick < 0.001 => "answered in under 1 ms".to_owned(),
                                seconds => format!("answered in {}", words::duration(seconds)),
                            })),
                        }}
                    </span>
                </div>
                // Above the form, where it is seen however many inputs there are; its place is kept, so that nothing jumps.
                <div class:of-before=is_of_before>
                {move || match answer.get().and_then(|answer| answer.rows.into_iter().next()) {
                    Some(row) => view! { <Answer row threshold positive=positive.clone() /> }.into_any(),
                    None => view! { <div class="predicted"><span class="small muted">"The prediction appears here."</span></div> }.into_any(),
                }}
                </div>
                <RowForm draft examples />
            </div>
        </Card>
    }
}
