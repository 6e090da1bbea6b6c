//! Files that the host keeps: a tree of their folders, one of them read beside it, saved.

mod preview;
mod shown;
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use api::run::Artifact;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use self::{
    preview::Preview,
    tree::{Folder, Line, PIECE, around, found, parent},
};
use super::{
    button::IconButton,
    card::Card,
    field::TextField,
    icon::{self, icon},
    menu::{Item, MenuButton, Menus},
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
/// Letters from which on a name is long, and how many of its last then always stay.
const LONG: usize = 24;
const ENDING: usize = 12;

fn as_text(all: &[Artifact], form: Form) -> TextTable {
    let size = if form == Form::Csv { "Size in bytes" } else { "Size" };
    let row = |one: &Artifact| [one.path.clone(), form.size(one.size_bytes), form.moment(Some(one.modified_ms))];
    TextTable::of([("File", false), (size, true), ("Changed", false)], all.iter().map(row))
}

/// A file or a folder that is to be deleted, as its line shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doomed {
    pub(crate) path: String,
    /// Files that go: of a folder all that are in it.
    pub(crate) files: u64,
    pub(crate) size_bytes: u64,
    pub(crate) is_folder: bool,
}

/// How files are deleted, where they can be.
#[derive(Clone, Copy)]
pub(crate) struct Deleting {
    /// Only what lies below this folder goes alone: "artifacts/".
    pub(crate) below: &'static str,
    /// Why even that can't go.
    pub(crate) blocked: Option<&'static str>,
    /// Asks whether one is to go.
    pub(crate) ask: Callback<Doomed>,
}

/// What the lines of a tree share.
#[derive(Clone, Copy)]
struct Tree {
    /// By their keys, as they are now.
    lines: Memo<Arc<HashMap<String, Line>>>,
    open: RwSignal<BTreeSet<String>>,
    /// Of folders of which more than a piece is shown: how much.
    more: RwSignal<BTreeMap<String, usize>>,
    /// The path of the file that is read.
    chosen: RwSignal<Option<String>>,
    save: Callback<String>,
    deleting: Option<Deleting>,
}

impl Tree {
    /// The word of a line's menu that takes it away, where it has one.
    fn delete_item(self, path: &str, now: Memo<Line>) -> Option<Item> {
        let Deleting { blocked, ask, .. } = self.deleting.filter(|deleting| path.starts_with(deleting.below))?;
        let path = path.to_owned();
        let delete = move || {
            let (files, size_bytes) = now.with_untracked(|line| (line.count(), line.size_bytes()));
            let is_folder = now.with_untracked(|line| matches!(line, Line::Folder { .. }));
            ask.run(Doomed { path: path.clone(), files, size_bytes, is_folder });
        };
        Some(Item::new("Delete…", icon::TRASH, delete).danger().blocked(blocked.map(str::to_owned)))
    }

    /// A line as it is now; one that is gone as it was.
    fn now(self, line: Line) -> Memo<Line> {
        let key = line.key();
        Memo::new(move |before: Option<&Line>| {
            let now = self.lines.with(|lines| lines.get(&key).cloned());
            now.or_else(|| before.cloned()).unwrap_or_else(|| line.clone())
        })
    }
}

#[component]
pub(crate) fn Files(
    /// The address that their paths stand behind: `/api/blob/runs/RUN`.
    #[prop(into)]
    from: String,
    files: Signal<Vec<Artifact>>,
    #[prop(optional, into)] class: String,
    /// Without it nothing can be deleted.
    #[prop(optional)]
    deleting: Option<Deleting>,
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
    let open = RwSignal::new(top.get_untracked().first_open());
    let more = RwSignal::new(BTreeMap::<String, usize>::new());
    let wanted = RwSignal::new(String::new());
    let is_sought = Memo::new(move |_| wanted.with(|wanted| !wanted.trim().is_empty()));
    let lines = Memo::new(move |_| {
        if is_sought.get() {
            let most = more.with(|more| more.get("").copied().unwrap_or(PIECE));
            return files.with(|files| wanted.with(|wanted| found(files, wanted, most)));
        }
        open.with(|open| more.with(|more| top.with(|top| top.lines(open, more))))
    });
    let keys = Memo::new(move |_| lines.with(|lines| lines.iter().map(Line::key).collect::<Vec<_>>()));
    let by_key = Memo::new(move |_| {
        lines.with(|lines| Arc::new(lines.iter().map(|line| (line.key(), line.clone())).collect::<HashMap<_, _>>()))
    });
    let tree = Tree { lines: by_key, open, more, chosen: RwSignal::new(None), save, deleting };
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
                <table class="small-table opens" role="treegrid" aria-label="Files" on:keydown=move_among_rows><tbody>
                    <For each=move || keys.get() key=Clone::clone let:key>
                        {drawn(tree, &key)}
                    </For>
                </tbody></table>
            </Card>
            {move || {
                let path = tree.chosen.get()?;
                let find = move |files: &Vec<Artifact>, path: &str| files.iter().find(|file| file.path == path).cloned();
                let first = files.with_untracked(|files| find(files, &path))?;
                // One that is gone is shown as it was.
                let file = Memo::new(move |before: Option<&Artifact>| {
                    let now = files.with(|files| find(files, &first.path));
                    now.or_else(|| before.cloned()).unwrap_or_else(|| first.clone())
                });
                let address = address(&path);
                Some(view! { <Preview file address on_close=close on_save=Callback::new(move |()| save.run(path.clone())) /> })
            }}
        </div>
    }
}

/// A line of the tree, by its key.
fn drawn(tree: Tree, key: &str) -> AnyView {
    let Some(line) = tree.lines.with_untracked(|lines| lines.get(key).cloned()) else { return ().into_any() };
    let now = tree.now(line.clone());
    match line {
        Line::Folder { path, name, depth, .. } => view! { <FolderLine path name depth now tree /> }.into_any(),
        Line::File { file, name, depth } => view! { <FileLine path=file.path name depth now tree /> }.into_any(),
        Line::More { folder, depth, .. } => view! { <MoreLine folder depth now tree /> }.into_any(),
    }
}

/// As assistive technology counts it.
fn level(depth: usize) -> String {
    (depth + 1).to_string()
}

fn indent(depth: usize) -> String {
    format!("{}px", depth.min(DEEPEST) * STEP)
}

/// A long name in two: its ending stays where there is no room. A short one has none.
fn with_ending(name: &str) -> (String, String) {
    let letters = name.chars().count();
    if letters <= LONG {
        return (name.to_owned(), String::new());
    }
    (name.chars().take(letters - ENDING).collect(), name.chars().skip(letters - ENDING).collect())
}

/// Brings the focus to a folder's line, or to that of the nearest around it: one that holds a folder alone shares its.
fn go_to(folder: &str) {
    let Ok(rows) = document().query_selector_all(".files tr[data-folder]") else { return };
    let rows = (0..rows.length()).filter_map(|at| rows.get(at)?.dyn_into::<web_sys::HtmlElement>().ok());
    let rows: Vec<web_sys::HtmlElement> = rows.collect();
    let mut folder = folder;
    while !folder.is_empty() {
        if let Some(row) = rows.iter().find(|row| row.get_attribute("data-folder").as_deref() == Some(folder)) {
            let _ = row.focus();
            return;
        }
        folder = parent(folder);
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
fn FolderLine(path: String, name: String, depth: usize, now: Memo<Line>, tree: Tree) -> impl IntoView {
    let path = StoredValue::new(path);
    let is_open = Memo::new(move |_| path.with_value(|path| tree.open.with(|open| open.contains(path))));
    let fold = move |open: bool| {
        tree.open.update(|all| {
            if open {
                path.with_value(|path| all.extend(around(path)));
            } else {
                all.remove(&path.get_value());
            }
        });
    };
    let turn = move || fold(!is_open.get_untracked());
    let menus = Menus::get();
    let items = move || path.with_value(|path| tree.delete_item(path, now)).into_iter().collect::<Vec<_>>();
    let has_menu = !items().is_empty();
    let mark = move || icon(if is_open.get() { icon::CHEVRON_DOWN } else { icon::CHEVRON_RIGHT });
    view! {
        <tr
            class="opens"
            tabindex="0"
            data-folder=path.get_value()
            attr:aria-level=level(depth)
            aria-expanded=move || is_open.get().to_string()
            aria-label=format!("Folder {name}")
            on:click=move |_| turn()
            on:contextmenu=move |event| {
                if has_menu {
                    menus.open_at(&event, items());
                }
            }
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
                    <span class="faint caption">{move || words::counted(now.with(Line::count), "file", "files")}</span>
                </span>
            </td>
            <td class="num muted">{move || words::bytes(now.with(Line::size_bytes))}</td>
            <td></td>
            <td class="end">{has_menu.then(|| view! { <MenuButton items label=format!("More of {name}") /> })}</td>
        </tr>
    }
}

#[component]
fn FileLine(path: String, name: String, depth: usize, now: Memo<Line>, tree: Tree) -> impl IntoView {
    let called = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let own = StoredValue::new(path.clone());
    let is_on = Memo::new(move |_| {
        tree.chosen.with(|chosen| own.with_value(|own| chosen.as_ref().is_some_and(|chosen| chosen == own)))
    });
    let read = move || tree.chosen.set(Some(own.get_value()));
    let (saved, menus) = (path.clone(), Menus::get());
    let items = move || {
        let path = own.get_value();
        let delete = tree.delete_item(&path, now);
        [Item::new("Save", icon::DOWNLOAD, move || tree.save.run(path.clone()))]
            .into_iter()
            .chain(delete)
            .collect::<Vec<_>>()
    };
    let has_more = items().len() > 1;
    let (start, ending) = with_ending(&name);
    let class = if ending.is_empty() { "reads mono cut" } else { "reads mono long" };
    let called_so = match ending.is_empty() {
        true => name.into_any(),
        false => view! { <span>{start}</span><span>{ending}</span> }.into_any(),
    };
    let modified_ms = Memo::new(move |_| now.with(Line::modified_ms));
    view! {
        <tr
            class="opens"
            class:on=is_on
            tabindex="0"
            attr:aria-level=level(depth)
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
                    own.with_value(|own| go_to(parent(own)));
                }
            }
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <td>
                <span class="flex" style:padding-left=indent(depth)>
                    <span class="faint flex">{icon(icon::FILE)}</span>
                    <button type="button" class=class tabindex="-1" title=path.clone() on:click=move |_| read()>{called_so}</button>
                </span>
            </td>
            <td class="num muted">{move || words::bytes(now.with(Line::size_bytes))}</td>
            <td class="num faint"><Ago ms=modified_ms /></td>
            <td class="end">
                <IconButton label=format!("Save {called}") mark=icon::DOWNLOAD on_press=move |_| tree.save.run(saved.clone()) />
                {has_more.then(|| view! { <MenuButton items label=format!("More of {called}") /> })}
            </td>
        </tr>
    }
}

#[component]
fn MoreLine(folder: String, depth: usize, now: Memo<Line>, tree: Tree) -> impl IntoView {
    let label = move || {
        let left = now.with(Line::count);
        format!("Show {} of {} more", words::count(left.min(PIECE as u64)), words::count(left))
    };
    let show = move |_| {
        tree.more.update(|more| {
            let shown = more.entry(folder.clone()).or_insert(PIECE);
            *shown += PIECE;
        });
    };
    view! {
        <tr attr:aria-level=level(depth)>
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
    fn a_long_name_keeps_its_ending() {
        let (start, ending) = with_ending("predictions+step+10+timestamp+1764.png");
        assert_eq!(ending, "amp+1764.png");
        assert_eq!(start + &ending, "predictions+step+10+timestamp+1764.png");
        assert_eq!(with_ending("weights.bin"), ("weights.bin".to_owned(), String::new()));
    }

    #[test]
    fn a_file_is_told_by_its_bytes() {
        let file = Artifact { path: "model/weights.bin".to_owned(), size_bytes: 4096, modified_ms: 0 };
        assert_eq!(as_text(&[file], Form::Csv).rows, [["model/weights.bin", "4096", "1970-01-01T00:00:00Z"]]);
    }
}
