//! Files that the host keeps: a tree of their folders, one of them read beside it, saved.

mod preview;
mod shown;
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::run::Artifact;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use self::{
    preview::Preview,
    tree::{Folder, Line, PIECE, found, parent},
};
use super::{
    button::IconButton,
    card::Card,
    field::TextField,
    icon::{self, icon},
    row_keys::{is_meant_for_row, move_among_rows, opens_row},
    save,
    take_table::{Form, TakeTable, TextTable},
    toast::Toasts,
    when::Ago,
    words,
};
use crate::client::{Client, wire};

/// More files than are found at a glance: from here on they can be searched.
const MANY: usize = 20;
/// Pixels that a folder's content stands to its right.
const STEP: usize = 18;
/// Levels that are indented; deeper ones would leave no room for the name.
const DEEPEST: usize = 12;

fn as_text(all: &[Artifact], form: Form) -> TextTable {
    let size = if form == Form::Csv { "Size in bytes" } else { "Size" };
    let row = |one: &Artifact| [one.path.clone(), form.size(one.size_bytes), form.moment(Some(one.modified_ms))];
    TextTable::of([("File", false), (size, true), ("Changed", false)], all.iter().map(row))
}

/// What the lines of a tree share.
#[derive(Clone, Copy)]
struct Tree {
    files: Signal<Vec<Artifact>>,
    open: RwSignal<BTreeSet<String>>,
    /// Of folders of which more than a piece is shown: how much.
    more: RwSignal<BTreeMap<String, usize>>,
    chosen: RwSignal<Option<Artifact>>,
    save: Callback<String>,
}

#[component]
pub(crate) fn Files(
    /// The address that their paths stand behind: `/api/blob/runs/RUN`.
    #[prop(into)]
    from: String,
    files: Signal<Vec<Artifact>>,
    #[prop(optional, into)] class: String,
) -> impl IntoView {
    let (client, toasts) = (Client::get(), Toasts::get());
    let from = StoredValue::new(from);
    let address = move |path: &str| {
        let encoded = path.split('/').map(wire::encode).collect::<Vec<_>>().join("/");
        from.with_value(|from| format!("{from}/{encoded}"))
    };
    let save = Callback::new(move |path: String| {
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        save::file(client, toasts, name, address(&path));
    });
    let top = Memo::new(move |_| Arc::new(files.with(|files| Folder::of(files))));
    let tree = Tree {
        files,
        open: RwSignal::new(top.get_untracked().first_open()),
        more: RwSignal::default(),
        chosen: RwSignal::new(None),
        save,
    };
    let wanted = RwSignal::new(String::new());
    let is_sought = Memo::new(move |_| wanted.with(|wanted| !wanted.trim().is_empty()));
    let lines = Memo::new(move |_| {
        if is_sought.get() {
            let most = tree.more.with(|more| more.get("").copied().unwrap_or(PIECE));
            return files.with(|files| wanted.with(|wanted| found(files, wanted, most)));
        }
        tree.open.with(|open| tree.more.with(|more| top.with(|top| top.lines(open, more))))
    });
    let none = Memo::new(move |_| lines.with(Vec::is_empty));
    let is_many = Memo::new(move |_| files.with(Vec::len) > MANY);
    let count = Signal::derive(move || words::counted(files.with(Vec::len) as u64, "file", "files"));
    let total = move || words::bytes(files.with(|files| files.iter().map(|file| file.size_bytes).sum()));
    let taken = ViewFn::from(move || {
        view! {
            <span class="faint caption">{total}</span>
            <TakeTable of=("file", "files") table=move |form| files.with_untracked(|files| as_text(files, form)) />
        }
    });
    // Its row has the focus again, where it is still seen.
    let close = Callback::new(move |()| {
        let row = document().query_selector(".files tr.on").ok().flatten();
        if let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = row.focus();
        }
        tree.chosen.set(None);
    });
    view! {
        <div class="files" class:with-preview=move || tree.chosen.with(Option::is_some)>
            <Card title=count class=format!("h {class}") flush=true extra=taken>
                {move || is_many.get().then(|| view! {
                    <div class="find">
                        <TextField value=wanted name="Find files" placeholder="Find by name or folder" mark=icon::SEARCH is_filter=true />
                    </div>
                })}
                {move || none.get().then(|| view! { <p class="muted small padded">"No file has these words in its path."</p> })}
                <table class="small-table opens" on:keydown=move_among_rows><tbody>
                    <For each=move || lines.get() key=move |line| key_of(line, files) let:line>
                        {match line {
                            Line::Folder { path, name, depth, count, size_bytes } => {
                                view! { <FolderLine path name depth count size_bytes tree /> }.into_any()
                            }
                            Line::File { at, name, depth } => view! { <FileLine at name depth tree /> }.into_any(),
                            Line::More { folder, depth, left } => view! { <MoreLine folder depth left tree /> }.into_any(),
                        }}
                    </For>
                </tbody></table>
            </Card>
            {move || tree.chosen.get().map(|file| {
                let (address, path) = (address(&file.path), file.path.clone());
                view! { <Preview file address on_close=close on_save=Callback::new(move |()| save.run(path.clone())) /> }
            })}
        </div>
    }
}

/// What tells a line from others and from itself as it was.
fn key_of(line: &Line, files: Signal<Vec<Artifact>>) -> String {
    match line {
        Line::Folder { path, depth, count, size_bytes, .. } => format!("{path}/ {depth} {count} {size_bytes}"),
        Line::File { at, name, depth } => files.with_untracked(|files| {
            let file = files.get(*at).map(|file| (file.path.as_str(), file.size_bytes, file.modified_ms));
            format!("{file:?} {name} {depth}")
        }),
        Line::More { folder, left, .. } => format!("{folder} + {left}"),
    }
}

fn indent(depth: usize) -> String {
    format!("{}px", depth.min(DEEPEST) * STEP)
}

/// Brings the focus to a folder's line.
fn go_to(folder: &str) {
    let Ok(rows) = document().query_selector_all(".files tr[data-folder]") else { return };
    let rows = (0..rows.length()).filter_map(|at| rows.get(at)?.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(row) = rows.into_iter().find(|row| row.get_attribute("data-folder").as_deref() == Some(folder)) {
        let _ = row.focus();
    }
}

/// Brings the focus to the line below that which has it.
fn go_on() {
    let row = document().active_element().and_then(|row| row.next_element_sibling());
    if let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = row.focus();
    }
}

#[component]
fn FolderLine(path: String, name: String, depth: usize, count: u64, size_bytes: u64, tree: Tree) -> impl IntoView {
    let path = StoredValue::new(path);
    let is_open = Memo::new(move |_| path.with_value(|path| tree.open.with(|open| open.contains(path))));
    let fold = move |open: bool| {
        tree.open.update(|all| {
            if open {
                all.insert(path.get_value());
            } else {
                all.remove(&path.get_value());
            }
        });
    };
    let turn = move || fold(!is_open.get_untracked());
    let mark = move || icon(if is_open.get() { icon::CHEVRON_DOWN } else { icon::CHEVRON_RIGHT });
    view! {
        <tr
            class="opens"
            tabindex="0"
            data-folder=path.get_value()
            aria-expanded=move || is_open.get().to_string()
            aria-label=format!("Folder {name}")
            on:click=move |_| turn()
            on:keydown=move |event| {
                if opens_row(&event) {
                    turn();
                } else if event.target() == event.current_target() {
                    match (event.key().as_str(), is_open.get_untracked()) {
                        ("ArrowRight", false) => fold(true),
                        ("ArrowRight", true) => go_on(),
                        ("ArrowLeft", true) => fold(false),
                        ("ArrowLeft", false) => path.with_value(|path| go_to(parent(path))),
                        _ => return,
                    }
                    event.prevent_default();
                }
            }
        >
            <td>
                <span class="flex" style:padding-left=indent(depth)>
                    <span class="faint flex">{mark}{icon(icon::FOLDER)}</span>
                    <b class="cut">{name.clone()}</b>
                    <span class="faint caption">{words::counted(count, "file", "files")}</span>
                </span>
            </td>
            <td class="num muted">{words::bytes(size_bytes)}</td>
            <td></td>
            <td></td>
        </tr>
    }
}

#[component]
fn FileLine(at: usize, name: String, depth: usize, tree: Tree) -> impl IntoView {
    let Some(file) = tree.files.with_untracked(|files| files.get(at).cloned()) else { return ().into_any() };
    let (path, modified_ms, size_bytes) = (file.path.clone(), file.modified_ms, file.size_bytes);
    let called = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let file = StoredValue::new(file);
    let is_on = {
        let path = path.clone();
        Memo::new(move |_| tree.chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.path == path)))
    };
    let read = move || tree.chosen.set(Some(file.get_value()));
    let saved = path.clone();
    view! {
        <tr
            class="opens"
            class:on=is_on
            tabindex="0"
            aria-label=path.clone()
            on:click=move |event| {
                if is_meant_for_row(&event) {
                    read();
                }
            }
            on:keydown=move |event| {
                if opens_row(&event) {
                    read();
                } else if event.key() == "ArrowLeft" && event.target() == event.current_target() {
                    event.prevent_default();
                    file.with_value(|file| go_to(parent(&file.path)));
                }
            }
        >
            <td>
                <span class="flex" style:padding-left=indent(depth)>
                    <span class="faint flex">{icon(icon::FILE)}</span>
                    <button type="button" class="reads mono cut" tabindex="-1" title=path.clone() on:click=move |_| read()>{name}</button>
                </span>
            </td>
            <td class="num muted">{words::bytes(size_bytes)}</td>
            <td class="num faint"><Ago ms=modified_ms /></td>
            <td class="end"><IconButton label=format!("Save {called}") mark=icon::DOWNLOAD on_press=move |_| tree.save.run(saved.clone()) /></td>
        </tr>
    }
    .into_any()
}

#[component]
fn MoreLine(folder: String, depth: usize, left: usize, tree: Tree) -> impl IntoView {
    let label = format!("Show {} of {left} more", left.min(PIECE));
    let show = move |_| {
        tree.more.update(|more| {
            let shown = more.entry(folder.clone()).or_insert(PIECE);
            *shown += PIECE;
        });
    };
    view! {
        <tr>
            <td colspan="4">
                <span class="flex" style:padding-left=indent(depth)>
                    <button type="button" class="btn quiet s" on:click=show>{label}</button>
                </span>
            </td>
        </tr>
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
}
