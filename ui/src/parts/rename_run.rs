//! Another name for a run, from its page and from its row.

use api::{id::RunId, run::EditRun};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    dialog::Dialog,
    field::{Labelled, TextField},
};
use crate::client::Client;

#[component]
pub(crate) fn RenameRun(
    open: RwSignal<bool>,
    /// The run and the name that it has; read when the dialog opens.
    #[prop(into)]
    run: Signal<Option<(RunId, String)>>,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let name = RwSignal::new(String::new());
    Effect::new(move |_| {
        if open.get() {
            name.set(run.get_untracked().map(|(_, name)| name).unwrap_or_default());
        }
    });
    let save = move || {
        let Some((run, _)) = run.get_untracked() else { return };
        let request =
            EditRun { run, name: Some(name.get_untracked().trim().to_owned()), notes: None, tags: Default::default() };
        pending.run(async move { client.call(request).await }, move |_| open.set(false));
    };
    view! {
        <Dialog open title="Rename run">
            <div class="content"><Labelled label="Name"><TextField value=name on_enter=Callback::new(move |()| save()) /></Labelled></div>
            <footer>
                <Button label="Cancel" on_press=move || open.set(false) />
                <Button label="Rename" kind="primary" disabled=Signal::derive(move || pending.busy.get() || name.with(|name| name.trim().is_empty())) on_press=save />
            </footer>
        </Dialog>
    }
}
