//! One file beside the list: its text, its table, its picture, read when it is chosen and not before.

use api::{ApiError, run::Artifact};
use leptos::{ev, prelude::*};

use super::shown::{COLUMNS, Kind, READ_BYTES, ROWS, Rows, pretty, rows, text_of};
use crate::{
    client::{Client, wire},
    parts::{
        button::{Button, IconButton},
        icon,
        markdown::Markdown,
        sandboxed::{Page, WHOLE_BYTES, drawing_address},
        states::{Failure, Skeleton},
        when::Ago,
        words,
    },
};

/// A larger picture, sound or video is fetched when a person says so.
const ASKED_FROM_BYTES: u64 = 32 << 20;

/// What there is to see.
#[derive(Clone)]
enum Content {
    Text(String),
    Table(Rows),
    Markdown(String),
    /// The address of a picture or drawing.
    Picture(String),
    Page(String),
    Sound(String),
    Video(String),
    /// Why there is nothing.
    Nothing(&'static str),
}

/// The pane of a chosen file.
#[component]
pub(super) fn Preview(
    file: Artifact,
    /// Where its bytes are.
    address: String,
    on_close: Callback<()>,
    on_save: Callback<()>,
) -> impl IntoView {
    let client = Client::get();
    let kind = Kind::of(&file);
    let is_media = matches!(kind, Kind::Picture | Kind::Sound | Kind::Video);
    let is_cut = file.size_bytes > READ_BYTES && !is_media && !matches!(kind, Kind::Drawing | Kind::Page);
    let found = RwSignal::new(None::<Result<Content, ApiError>>);
    // What the browser keeps for us until it is given back.
    let held = StoredValue::new(None::<String>);
    let is_asked = RwSignal::new(!is_media || file.size_bytes < ASKED_FROM_BYTES);
    let size_bytes = file.size_bytes;
    let load = move || {
        let address = address.clone();
        found.set(None);
        leptos::task::spawn_local(async move {
            let content = read(client, &address, kind, size_bytes).await;
            if is_media && let Ok(Content::Picture(made) | Content::Sound(made) | Content::Video(made)) = &content {
                // Another file was chosen before its bytes came.
                if held.try_set_value(Some(made.clone())).is_some() {
                    wire::forget_object(made);
                }
            }
            found.try_set(Some(content));
        });
    };
    let load = StoredValue::new(load);
    Effect::new(move |_| {
        if is_asked.get() {
            load.with_value(|load| load());
        }
    });
    on_cleanup(move || {
        if let Some(made) = held.try_get_value().flatten() {
            wire::forget_object(&made);
        }
    });
    let escape = window_event_listener(ev::keydown, move |event| {
        let is_other = || document().query_selector("dialog[open], .menu").ok().flatten().is_some();
        if event.key() == "Escape" && !event.default_prevented() && !is_other() {
            on_close.run(());
        }
    });
    on_cleanup(move || escape.remove());
    let Artifact { path, modified_ms, .. } = file;
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let called = StoredValue::new(name.clone());
    let body = move || {
        match found.get() {
        _ if !is_asked.get() => view! {
            <div class="padded"><Button label=format!("Load it · {}", words::bytes(size_bytes)) mark=icon::DOWNLOAD on_press=move || is_asked.set(true) /></div>
        }
        .into_any(),
        None => view! { <div class="padded"><Skeleton lines=4 /></div> }.into_any(),
        Some(Err(error)) => view! { <Failure error again=move || load.with_value(|load| load()) /> }.into_any(),
        Some(Ok(content)) => drawn(content, called.get_value()),
    }
    };
    view! {
        <section class="card preview" aria-label=format!("Preview of {name}")>
            <header class="flex">
                <strong class="cut mono grow" title=path.clone()>{name.clone()}</strong>
                <IconButton label=format!("Save {name}, which is shown") mark=icon::DOWNLOAD on_press=move |_| on_save.run(()) />
                <IconButton label="Close the preview" mark=icon::X on_press=move |_| on_close.run(()) />
            </header>
            <div class="faint caption about">
                {words::bytes(size_bytes)}" · changed "<Ago ms=modified_ms />
                {is_cut.then(|| format!(" · its first {} are shown", words::bytes(READ_BYTES)))}
            </div>
            {body}
        </section>
    }
}

fn drawn(content: Content, name: String) -> AnyView {
    match content {
        Content::Text(text) => view! { <pre class="log seen-whole">{text}</pre> }.into_any(),
        Content::Markdown(text) => {
            view! { <div class="padded seen-whole"><Markdown text=Signal::stored(text) /></div> }.into_any()
        }
        Content::Table(table) => view! { <Cells table /> }.into_any(),
        Content::Picture(address) => view! { <Shown what="picture" address name /> }.into_any(),
        Content::Page(text) => view! { <Page text name /> }.into_any(),
        Content::Sound(address) => view! { <Shown what="sound" address name /> }.into_any(),
        Content::Video(address) => view! { <Shown what="video" address name /> }.into_any(),
        Content::Nothing(why) => view! { <p class="muted small padded">{why}</p> }.into_any(),
    }
}

/// What the browser plays or draws, or that it can't.
#[component]
fn Shown(what: &'static str, address: String, name: String) -> impl IntoView {
    let failed = RwSignal::new(false);
    let (address, name) = (StoredValue::new(address), StoredValue::new(name));
    move || {
        match (failed.get(), what) {
        (true, _) => {
            let said = format!("This {what} can't be shown: its bytes are damaged, or of a kind that isn't known here.");
            view! { <p class="bad small padded">{said}</p> }.into_any()
        }
        (_, "sound") => view! {
            <audio controls src=address.get_value() aria-label=name.get_value() on:error=move |_| failed.set(true)></audio>
        }
        .into_any(),
        (_, "video") => view! {
            <video controls src=address.get_value() aria-label=name.get_value() on:error=move |_| failed.set(true)></video>
        }
        .into_any(),
        _ => view! {
            <div class="large-picture padded">
                <img src=address.get_value() alt=name.get_value() on:error=move |_| failed.set(true) />
            </div>
        }
        .into_any(),
    }
    }
}

async fn read(client: Client, address: &str, kind: Kind, size_bytes: u64) -> Result<Content, ApiError> {
    if size_bytes == 0 {
        return Ok(Content::Nothing("The file is empty."));
    }
    match kind {
        Kind::Picture => return client.blob(address).await.map(Content::Picture),
        Kind::Sound => return client.blob(address).await.map(Content::Sound),
        Kind::Video => return client.blob(address).await.map(Content::Video),
        Kind::Drawing | Kind::Page if size_bytes > WHOLE_BYTES => {
            return Ok(Content::Nothing(
                "It is larger than 4 MiB, which is not shown here: save it to open it elsewhere.",
            ));
        }
        Kind::Drawing => return client.text(address).await.map(|svg| Content::Picture(drawing_address(&svg))),
        Kind::Page => return client.text(address).await.map(Content::Page),
        _ => {}
    }
    let is_cut = size_bytes > READ_BYTES;
    let start = client.start_of(address, READ_BYTES).await?;
    let Some(text) = text_of(&start, is_cut) else {
        return Ok(Content::Nothing("The file is no text: save it to open it elsewhere."));
    };
    Ok(match kind {
        Kind::Table(delimiter) => Content::Table(rows(&text, delimiter, is_cut)),
        Kind::Markdown => Content::Markdown(text),
        Kind::Json => Content::Text(pretty(&text).unwrap_or(text)),
        _ => Content::Text(text),
    })
}

#[component]
fn Cells(table: Rows) -> impl IntoView {
    let Rows { head, rows, has_more_rows, has_more_columns } = table;
    let cell = |text: String| {
        let whole = text.clone();
        view! { <td><span class="cut" title=whole>{text}</span></td> }
    };
    let left_out = match (has_more_rows, has_more_columns) {
        (true, false) => Some(format!("The first {} are shown.", words::counted(rows.len() as u64, "row", "rows"))),
        (false, true) => Some(format!("The first {COLUMNS} columns are shown.")),
        (true, true) => Some(format!("The first {ROWS} rows and {COLUMNS} columns are shown.")),
        (false, false) => None,
    };
    view! {
        <div class="scrolls seen-whole">
            <table class="small-table">
                <thead><tr>{head.into_iter().map(|title| view! { <th scope="col">{title}</th> }).collect_view()}</tr></thead>
                <tbody>{rows.into_iter().map(|row| view! { <tr>{row.into_iter().map(cell).collect_view()}</tr> }).collect_view()}</tbody>
            </table>
        </div>
        {left_out.map(|said| view! { <p class="muted small padded">{said}</p> })}
    }
}
