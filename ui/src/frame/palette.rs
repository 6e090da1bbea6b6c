//! The command palette: every page, project, run, model and action by a few letters.

mod entries;

use std::rc::Rc;

use leptos::{html, prelude::*};
use leptos_router::hooks::use_navigate;

use super::place::Place;
use crate::parts::{
    button::Act,
    icon::{self, Icon, icon},
};

/// One line of the palette.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) label: String,
    /// What kind of thing it is: "Page", "Run", "Model" …
    pub(crate) kind: &'static str,
    pub(crate) mark: Icon,
    /// Shortcut, where it has one.
    pub(crate) keys: String,
    /// It is what the whole text names, by its id or its link.
    pub(crate) is_named: bool,
    pub(crate) act: Act,
}

impl Entry {
    fn new(kind: &'static str, label: impl Into<String>, mark: Icon, act: Act) -> Self {
        Self { label: label.into(), kind, mark, keys: String::new(), is_named: false, act }
    }

    fn by(self, keys: impl Into<String>) -> Self {
        Self { keys: keys.into(), ..self }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Palette(RwSignal<bool>);

impl Palette {
    pub(crate) fn provide() -> Self {
        let palette = Self(RwSignal::new(false));
        provide_context(palette);
        palette
    }

    pub(crate) fn open(self) {
        self.0.set(true);
    }
}

#[component]
pub(crate) fn PaletteLayer(palette: Palette) -> impl IntoView {
    let open = palette.0;
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let wanted = open.get();
        if let Some(dialog) = node.get() {
            if wanted && !dialog.open() {
                let _ = dialog.show_modal();
            } else if !wanted && dialog.open() {
                dialog.close();
            }
        }
    });
    view! {
        <dialog
            node_ref=node
            class="palette-layer"
            aria-label="Search or run a command"
            on:close=move |_| open.set(false)
            on:mousedown=move |event| {
                let hit = node.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()));
                if hit {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <PaletteBox open />
            </Show>
        </dialog>
    }
}

const SHOWN: usize = 12;

#[component]
fn PaletteBox(open: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    let navigate = use_navigate();
    let go: Rc<dyn Fn(String)> = Rc::new(move |to: String| navigate(&to, Default::default()));
    let text = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let all = entries::entries(place, text, &go);
    let found = RwSignal::new_local(Vec::<Entry>::new());
    Effect::new(move |_| {
        let text = text.get();
        let mut fitting: Vec<(u32, Entry)> =
            all.get().into_iter().filter_map(|entry| rank(&text, &entry).map(|rank| (rank, entry))).collect();
        fitting.sort_by_key(|(rank, _)| *rank);
        fitting.truncate(SHOWN);
        at.set(0);
        found.set(fitting.into_iter().map(|(_, entry)| entry).collect());
    });
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let run = move |index: usize| {
        let entry = found.with_untracked(|found| found.get(index).cloned());
        if let Some(entry) = entry {
            open.set(false);
            (entry.act)();
        }
    };
    view! {
        <div class="sheet">
            <div class="ask">
                {icon(icon::SEARCH)}
                <input
                    node_ref=input
                    type="text"
                    role="combobox"
                    aria-expanded="true"
                    aria-controls="palette-list"
                    aria-activedescendant=move || format!("palette-{}", at.get())
                    placeholder="Pages, projects, experiments, runs, models, actions – or a run's id or link"
                    spellcheck="false"
                    autocomplete="off"
                    on:input=move |event| text.set(event_target_value(&event))
                    on:keydown=move |event| {
                        let count = found.with_untracked(Vec::len).max(1);
                        match event.key().as_str() {
                            "ArrowDown" => at.update(|at| *at = (*at + 1) % count),
                            "ArrowUp" => at.update(|at| *at = (*at + count - 1) % count),
                            "Enter" => run(at.get_untracked()),
                            _ => return,
                        }
                        event.prevent_default();
                    }
                />
                <kbd>"Esc"</kbd>
            </div>
            <div id="palette-list" role="listbox" aria-label="Found">
                {move || {
                    found.with(|found| {
                        if found.is_empty() {
                            return view! { <div class="none">"Nothing has that name."</div> }.into_any();
                        }
                        found
                            .iter()
                            .enumerate()
                            .map(|(index, entry)| {
                                view! {
                                    <div
                                        id=format!("palette-{index}")
                                        role="option"
                                        class="line"
                                        class:on=move || at.get() == index
                                        aria-selected=move || (at.get() == index).to_string()
                                        on:pointermove=move |_| at.set(index)
                                        on:click=move |_| run(index)
                                    >
                                        {icon(entry.mark)}
                                        <span class="grow cut">{entry.label.clone()}</span>
                                        <span class="faint caption">{entry.kind}</span>
                                        {(!entry.keys.is_empty()).then(|| view! { <kbd>{entry.keys.clone()}</kbd> })}
                                    </div>
                                }
                            })
                            .collect_view()
                            .into_any()
                    })
                }}
            </div>
        </div>
    }
}

/// How well an entry fits: lower is better, `None` not at all. Words may come in any order.
fn rank(text: &str, entry: &Entry) -> Option<u32> {
    if entry.is_named {
        return Some(0);
    }
    let label = entry.label.to_lowercase();
    let kind = entry.kind.to_lowercase();
    let mut rank = 0;
    for word in text.to_lowercase().split_whitespace() {
        rank += if label.starts_with(word) {
            0
        } else if label.split([' ', '-', '_', ':']).any(|part| part.starts_with(word)) {
            1
        } else if label.contains(word) {
            2
        } else if kind.starts_with(word) {
            3
        } else {
            return None;
        };
    }
    Some(rank)
}

/// The link of a page of the project at hand.
fn of_project(place: Place, page: &str) -> Option<String> {
    place.at_hand.get().map(|project| place.page_of(project, page))
}
