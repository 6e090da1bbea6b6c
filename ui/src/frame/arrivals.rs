//! Files and folders that a person brings: dropped on the window or chosen in a dialog. In our
//! window they come as paths, in a browser they are uploaded first; the pages see the same.

use api::host::Uploaded;
use leptos::{ev, html, prelude::*, task::spawn_local};
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::JsCast as _;

use super::place::{self, Place};
use crate::{
    client::{
        Client, shell,
        upload::{self, Dropped, Progress},
    },
    parts::{
        card,
        icon::{DOWNLOAD, icon},
        row_form::DroppedPicture,
        toast::Toasts,
        words,
    },
};

/// What arrived: paths that the host can read.
#[derive(Clone, PartialEq)]
pub(crate) struct Arrival {
    /// The files and folders that were brought; one at least.
    pub(crate) paths: Vec<String>,
    /// The files lie in the host's staging folder and must be copied into a project.
    pub(crate) uploaded: bool,
}

impl Arrival {
    /// "a.csv", "a.csv and 2 more".
    pub(crate) fn name(&self) -> String {
        let first = self.paths.first().map_or("", |path| path.rsplit(['/', '\\']).next().unwrap_or(path));
        match self.paths.len() {
            0 | 1 => first.to_owned(),
            all => format!("{first} and {} more", all - 1),
        }
    }
}

/// The newest arrival, until a page takes it.
#[derive(Clone, Copy)]
pub(crate) struct Arrivals {
    pub(crate) newest: RwSignal<Option<Arrival>>,
    over: RwSignal<bool>,
    progress: RwSignal<Option<Progress>>,
    client: Client,
    toasts: Toasts,
    folder_input: NodeRef<html::Input>,
    files_input: NodeRef<html::Input>,
}

impl Arrivals {
    pub(crate) fn get() -> Self {
        expect_context()
    }

    /// Asks the person for a folder.
    pub(crate) fn choose_folder(self) {
        if shell::is_there() {
            spawn_local(async move {
                if let Some(path) = shell::pick_folder("Open a folder").await {
                    self.paths(vec![path]);
                }
            });
        } else if let Some(input) = self.folder_input.get_untracked() {
            input.click();
        }
    }

    /// Asks the person for tables.
    pub(crate) fn choose_files(self) {
        if shell::is_there() {
            spawn_local(async move {
                let paths = shell::pick_files("Open tables").await;
                if !paths.is_empty() {
                    self.paths(paths);
                }
            });
        } else if let Some(input) = self.files_input.get_untracked() {
            input.click();
        }
    }

    fn paths(self, paths: Vec<String>) {
        if !paths.is_empty() {
            self.newest.set(Some(Arrival { paths, uploaded: false }));
        }
    }

    async fn send(self, files: Dropped) {
        match self.client.upload(files, self.progress).await {
            Ok(uploaded) => self.newest.set(Some(Arrival { paths: dropped(&uploaded), uploaded: true })),
            Err(error) => self.toasts.error(&error),
        }
    }
}

/// The files and folders that were dropped, where they are staged: files of a folder are that folder.
fn dropped(uploaded: &Uploaded) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in &uploaded.paths {
        // One separator, then the name of what was dropped.
        let Some(inside) = path.strip_prefix(&uploaded.folder).and_then(|inside| inside.get(1..)) else { continue };
        let below = inside.find(['/', '\\']).map_or(0, |end| inside.len() - end);
        let place = &path[..path.len() - below];
        if !found.iter().any(|found| found == place) {
            found.push(place.to_owned());
        }
    }
    found
}

/// A drag over our window or a drop on it, in the screen's pixels.
#[derive(serde::Deserialize)]
struct ShellDrag {
    #[serde(default)]
    paths: Vec<String>,
    position: ShellPlace,
}

#[derive(serde::Deserialize)]
struct ShellPlace {
    x: f64,
    y: f64,
}

impl ShellDrag {
    /// Whether it is over a part of the page that takes pictures by itself.
    fn is_on_picture(&self) -> bool {
        let scale = window().device_pixel_ratio();
        let (x, y) = ((self.position.x / scale) as f32, (self.position.y / scale) as f32);
        document().element_from_point(x, y).is_some_and(|element| takes_pictures(&element))
    }
}

fn takes_pictures(element: &web_sys::Element) -> bool {
    element.closest("[data-takes=picture]").ok().flatten().is_some()
}

/// Whether a browser's drag is over a part of the page that takes pictures by itself.
fn is_on_picture(event: &web_sys::DragEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| takes_pictures(&element))
}

/// Listens to drops on the whole window, in a browser and in our own.
pub(crate) fn listen() {
    let arrivals = Arrivals {
        newest: RwSignal::new(None),
        over: RwSignal::new(false),
        progress: RwSignal::new(None),
        client: Client::get(),
        toasts: Toasts::get(),
        folder_input: NodeRef::new(),
        files_input: NodeRef::new(),
    };
    provide_context(arrivals);

    let pictures = DroppedPicture::provide();
    shell::listen("tauri://drag-enter", move |drag: ShellDrag| arrivals.over.set(!drag.is_on_picture()));
    shell::listen("tauri://drag-over", move |drag: ShellDrag| {
        let over = !drag.is_on_picture();
        if arrivals.over.get_untracked() != over {
            arrivals.over.set(over);
        }
    });
    shell::listen("tauri://drag-leave", move |_: serde_json::Value| arrivals.over.set(false));
    shell::listen("tauri://drag-drop", move |drop: ShellDrag| {
        arrivals.over.set(false);
        match drop.paths.first() {
            Some(path) if drop.is_on_picture() => {
                let path = path.clone();
                spawn_local(async move {
                    match shell::picture(&path).await {
                        Ok(picture) => pictures.put(picture),
                        Err(error) => arrivals.toasts.error(&error),
                    }
                });
            }
            _ => arrivals.paths(drop.paths),
        }
    });
    if shell::is_there() {
        let navigate = use_navigate();
        let take = move || {
            let navigate = navigate.clone();
            spawn_local(async move {
                let arrived = shell::take_arrivals().await;
                if let Some(page) = arrived.page {
                    navigate(&page, Default::default());
                }
                arrivals.paths(arrived.paths);
            });
        };
        take();
        shell::listen("arrived", move |_: bool| take());
    }

    let over = window_event_listener(ev::dragover, move |event| {
        let files = event.data_transfer().is_some_and(|transfer| transfer.types().includes(&"Files".into(), 0));
        if files {
            event.prevent_default();
            arrivals.over.set(!is_on_picture(&event));
        }
    });
    let left = window_event_listener(ev::dragleave, move |event| {
        if event.related_target().is_none() {
            arrivals.over.set(false);
        }
    });
    let dropped = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        arrivals.over.set(false);
        if is_on_picture(&event) {
            return;
        }
        if let Some(transfer) = event.data_transfer() {
            let files = upload::of_drop(&transfer);
            spawn_local(async move { arrivals.send(files.await).await });
        }
    });
    on_cleanup(move || {
        over.remove();
        left.remove();
        dropped.remove();
    });

    // A drop on a project's page is for its data; anywhere else it may become a project.
    let place = Place::get();
    let path = use_location().pathname;
    let navigate = use_navigate();
    Effect::new(move |_| {
        if arrivals.newest.get().is_none() {
            return;
        }
        let to =
            place.project.get_untracked().map_or_else(|| "/".to_owned(), |project| place::address(project, "data"));
        if path.get_untracked() != to {
            navigate(&to, Default::default());
        }
    });
}

/// What is seen while something is dragged over the window or uploaded, and the hidden choosers.
#[component]
pub(crate) fn DropLayer() -> impl IntoView {
    let arrivals = Arrivals::get();
    let place = Place::get();
    let chosen = move |event: web_sys::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        if let Some(input) = input {
            let files = input.files().as_ref().map(upload::of_list).unwrap_or_default();
            input.set_value("");
            if !files.is_empty() {
                spawn_local(arrivals.send(files));
            }
        }
    };
    view! {
        <input node_ref=arrivals.folder_input type="file" class="hidden" aria-hidden="true" tabindex="-1" data-choose="folder"
            prop:webkitdirectory=true multiple on:change=chosen />
        <input node_ref=arrivals.files_input type="file" class="hidden" aria-hidden="true" tabindex="-1" data-choose="files"
            multiple accept=".csv,.tsv,.txt,.parquet,.jsonl,.ndjson,.arrow,.feather" on:change=chosen />
        <Show when=move || arrivals.over.get()>
            <div class="drop-layer">
                <div>
                    {icon(DOWNLOAD)}
                    <b>{move || if place.project.get().is_some() { format!("Drop to add to {}", place.name()) } else { "Drop to look at it".to_owned() }}</b>
                </div>
            </div>
        </Show>
        {move || {
            arrivals.progress.get().map(|progress| {
                let fraction = progress.done as f64 / progress.files.max(1) as f64;
                view! {
                    <div class="uploading" role="status">
                        <div class="flex small">
                            <span class="grow cut">"Uploading "{progress.name}</span>
                            <span class="num faint">{words::count(progress.done as u64 + 1)}" of "{words::count(progress.files as u64)}</span>
                        </div>
                        <card::Progress fraction=Some(fraction) label="Upload" />
                    </div>
                }
            })
        }}
    }
}
