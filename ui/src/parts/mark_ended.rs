//! A run whose client died is marked as ended: from its page and from its row.

use api::{
    id::RunId,
    run::{Ending, MarkEnded as Mark},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    dialog::Dialog,
    field::{Labelled, Segments},
    toast::Toasts,
};
use crate::client::Client;

const FAILED: &str = "failed";
const KILLED: &str = "killed";

#[component]
pub(crate) fn MarkEnded(
    open: RwSignal<bool>,
    /// The run and its name; read when the dialog opens.
    #[prop(into)]
    run: Signal<Option<(RunId, String)>>,
) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let ending = RwSignal::new(FAILED.to_owned());
    let title = Signal::derive(move || {
        run.with(|run| run.as_ref().map_or_else(String::new, |(_, name)| format!("Mark {name} as ended?")))
    });
    let mark = move || {
        let Some((run, name)) = run.get_untracked() else { return };
        let ending = if ending.get_untracked() == KILLED { Ending::Killed } else { Ending::Failed };
        pending.run(async move { client.call(Mark { run, ending }).await }, move |_| {
            open.try_set(false);
            toasts.done(format!("Marked {name} as ended"));
        });
    };
    view! {
        <Dialog open title>
            <div class="content form">
                <p class="small muted">"Nobody here watches over its process. Where that still lives, it is left alone: what it logs is taken, and what it says of its end counts."</p>
                <Labelled label="It was">
                    <Segments value=ending options=vec![(FAILED, "Failed"), (KILLED, "Killed")] name="How it ended" />
                </Labelled>
            </div>
            <footer>
                <Button label="Cancel" on_press=move || open.set(false) />
                <Button label="Mark as ended" kind="primary" disabled=pending.busy on_press=mark />
            </footer>
        </Dialog>
    }
}
