//! The dialog that writes runs as other tools read them.

use api::{
    RunId,
    export::{ExportFormat, ExportRuns},
    run_table::Listing,
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    client::shell,
    parts::{
        button::Button,
        dialog::Dialog,
        field::{Labelled, Select, Switch, TextField},
        icon,
        toast::Toasts,
        under_way::{Started, Starting},
        words,
    },
};

/// The formats: how each is named on the wire, called, and what it holds.
const FORMATS: [(ExportFormat, &str, &str, &str); 4] = [
    (
        ExportFormat::Mlflow,
        "mlflow",
        "MLflow file store",
        "Params, every point, tags, datasets, logged models; MLflow opens the folder.",
    ),
    (ExportFormat::Tensorboard, "tensorboard", "TensorBoard", "A folder of event files a run, with its params."),
    (ExportFormat::Csv, "csv", "CSV", "runs.csv with a line a run, points.csv with a line a point."),
    (ExportFormat::Parquet, "parquet", "Parquet", "The same two tables, small and typed."),
];

#[component]
pub(super) fn ExportRunsDialog(
    open: RwSignal<bool>,
    list: Signal<Option<Listing>>,
    /// Of these alone, where some are picked.
    picked: RwSignal<Vec<String>>,
) -> impl IntoView {
    view! { <Dialog open title="Export runs"><Form open list picked /></Dialog> }
}

#[component]
fn Form(open: RwSignal<bool>, list: Signal<Option<Listing>>, picked: RwSignal<Vec<String>>) -> impl IntoView {
    let toasts = Toasts::get();
    let exporting = Starting::new(move |job| {
        toasts.done(format!("Exported {}", job.message));
        open.try_set(false);
    });
    let (format, folder) = (RwSignal::new("mlflow".to_owned()), RwSignal::new(String::new()));
    let (artifacts, models) = (RwSignal::new(true), RwSignal::new(false));
    let chosen = Memo::new(move |_| format.with(|word| FORMATS.iter().find(|(_, own, ..)| own == word).copied()));
    let is_store = Memo::new(move |_| chosen.get().is_some_and(|(format, ..)| format == ExportFormat::Mlflow));
    let hint = Signal::derive(move || chosen.get().map(|(.., holds)| holds.to_owned()).unwrap_or_default());
    let what = move || match picked.with(Vec::len) {
        0 => "All runs that the filter matches".to_owned(),
        count => words::counted(count as u64, "selected run", "selected runs"),
    };
    // The system's dialog knows folders that are there; the export makes one of its own in it.
    let choose = move || {
        spawn_local(async move {
            if let Some(path) = shell::pick_folder("Export into").await {
                let name = format.try_get_untracked().unwrap_or_default();
                let separator = if path.contains('\\') { '\\' } else { '/' };
                folder.try_set(format!("{}{separator}runs-{name}", path.trim_end_matches(separator)));
            }
        });
    };
    let start = move || {
        let (Some(list), Some((format, ..))) = (list.get_untracked(), chosen.get_untracked()) else { return };
        let runs: Vec<RunId> = picked.with_untracked(|picked| picked.iter().filter_map(|id| id.parse().ok()).collect());
        let to = folder.with_untracked(|folder| folder.trim().to_owned());
        let artifacts = artifacts.get_untracked() && format == ExportFormat::Mlflow;
        let models = models.get_untracked() && format == ExportFormat::Mlflow;
        exporting.start(ExportRuns { list, runs, format, to, artifacts, models });
    };
    let cannot = Signal::derive(move || exporting.busy.get() || folder.with(|folder| folder.trim().is_empty()));
    let options: Vec<_> =
        FORMATS.iter().map(|(_, word, called, _)| ((*word).to_owned(), (*called).to_owned())).collect();
    view! {
        <div class="content form">
            <p class="muted">{what}</p>
            <Labelled label="Format" hint=hint><Select value=format options name="Format" /></Labelled>
            <div class="with-button">
                <Labelled label="New folder on the host's machine" hint="It must not be there yet: nothing is replaced, and an export that fails leaves nothing behind.">
                    <TextField value=folder class="mono" placeholder="/home/you/runs" on_enter=Callback::new(move |()| start()) />
                </Labelled>
                {shell::is_there().then(|| view! { <Button label="Choose…" on_press=choose /> })}
            </div>
            {move || is_store.get().then(|| view! {
                <Switch value=artifacts label="Copy the artifacts too" />
                <Switch value=models label="Add the registered versions that point to these runs" />
            })}
            <Started starting=exporting />
        </div>
        <footer>
            <Button label="Close" on_press=move || open.set(false) />
            <Button label="Export" kind="primary" mark=icon::DOWNLOAD disabled=cannot on_press=start />
        </footer>
    }
}
