//! Files that the host keeps: listed, read where they are text, saved.

use api::run::Artifact;
use leptos::prelude::*;

use super::{
    button::{IconButton, Pending},
    card::Card,
    dialog::Dialog,
    icon::{self, icon},
    take_table::{Form, TakeTable, TextTable},
    when::Ago,
    words,
};
use crate::client::{Client, wire};

/// More of a text is not read in the window.
const READ_BYTES: u64 = 256 << 10;
/// Endings of files that are text whoever wrote them.
const TEXTS: [&str; 13] =
    ["txt", "md", "yaml", "yml", "json", "jsonl", "toml", "csv", "tsv", "py", "ini", "cfg", "log"];

/// Whether a file is shown when it is opened.
fn is_text(file: &Artifact) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let ends = name.rsplit_once('.').is_some_and(|(_, ending)| TEXTS.contains(&ending.to_ascii_lowercase().as_str()));
    (ends || name == "MLmodel") && file.size_bytes <= READ_BYTES
}

fn as_text(all: &[Artifact], form: Form) -> TextTable {
    let size = if form == Form::Csv { "Size in bytes" } else { "Size" };
    let row = |one: &Artifact| [one.path.clone(), form.size(one.size_bytes), form.moment(Some(one.modified_ms))];
    TextTable::of([("File", false), (size, true), ("Changed", false)], all.iter().map(row))
}

#[component]
pub(crate) fn Files(
    /// The address that their paths stand behind: `/api/blob/runs/RUN`.
    #[prop(into)]
    from: String,
    files: Vec<Artifact>,
    #[prop(optional, into)] class: String,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let from = StoredValue::new(from);
    let (open, title, text) = (RwSignal::new(false), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let address = move |path: &str| {
        let encoded = path.split('/').map(wire::encode).collect::<Vec<_>>().join("/");
        from.with_value(|from| format!("{from}/{encoded}"))
    };
    let save = move |path: String| {
        let from = address(&path);
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        pending.run(async move { client.blob(&from).await }, move |address| {
            wire::save_address(&name, &address);
            wire::forget_object(&address);
        });
    };
    let read = move |path: String| {
        let from = address(&path);
        pending.run(async move { client.text(&from).await }, move |read| {
            title.try_set(path);
            text.try_set(read);
            open.try_set(true);
        });
    };
    let total = files.iter().map(|file| file.size_bytes).sum::<u64>();
    let kept = StoredValue::new(files.clone());
    let taken = ViewFn::from(move || {
        view! {
            <span class="faint caption">{words::bytes(total)}</span>
            <TakeTable of=("file", "files") table=move |form| kept.with_value(|files| as_text(files, form)) />
        }
    });
    view! {
        <Card title=words::counted(files.len() as u64, "file", "files") class=format!("h {class}") flush=true extra=taken>
            <table class="small-table"><tbody>
                {files.into_iter().map(|file| {
                    let (path, name) = (file.path.clone(), file.path.clone());
                    let shown = match is_text(&file) {
                        true => {
                            let path = file.path.clone();
                            view! { <button type="button" class="reads mono" title="Read it here" on:click=move |_| read(path.clone())>{file.path}</button> }.into_any()
                        }
                        false => view! { <span class="mono">{file.path}</span> }.into_any(),
                    };
                    view! {
                        <tr>
                            <td><span class="flex"><span class="faint flex">{icon(icon::FILE)}</span>{shown}</span></td>
                            <td class="num muted">{words::bytes(file.size_bytes)}</td>
                            <td class="num faint"><Ago ms=file.modified_ms /></td>
                            <td class="end"><IconButton label=format!("Save {name}") mark=icon::DOWNLOAD on_press=move |_| save(path.clone()) /></td>
                        </tr>
                    }
                }).collect_view()}
            </tbody></table>
        </Card>
        <Dialog open title=title wide=true>
            <div class="content markdown"><pre>{move || text.get()}</pre></div>
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_bytes() {
        let file = Artifact { path: "model/weights.bin".to_owned(), size_bytes: 4096, modified_ms: 0 };
        assert_eq!(as_text(&[file], Form::Csv).rows, [["model/weights.bin", "4096", "1970-01-01T00:00:00Z"]]);
    }

    #[test]
    fn small_texts_are_read_in_the_window() {
        let file = |path: &str, size_bytes| Artifact { path: path.to_owned(), size_bytes, modified_ms: 0 };
        let shown =
            [file("model/MLmodel", 9), file("conda.YAML", 9), file("model.pkl", 9), file("big.csv", READ_BYTES + 1)];
        assert_eq!(shown.map(|file| is_text(&file)), [true, true, false, false]);
    }
}
