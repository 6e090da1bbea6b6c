//! One file beside the list: its text, its table, its picture, read when it is chosen and not before, and again when it
//! was written again.

use api::{ApiError, run::Artifact};
use leptos::{ev, html, prelude::*};

use super::shown::{Kind, READ_BYTES, pretty, rows, text_of};
use crate::{
    client::Client,
    parts::{
        button::IconButton,
        icon,
        markdown::Markdown,
        medium::{
            cells::{Cells, Rows},
            played::Played,
        },
        row_keys::is_typing,
        states::{Failure, Skeleton},
        when::Ago,
        words,
    },
};

/// So much of it is in sight where it begins in sight, in pixels.
const HEAD: f64 = 120.0;

/// What there is to see. A text stands beside it: where it changes it stays the same text, read as far as it was.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Text,
    Markdown,
    Table(Rows),
    /// Why there is nothing.
    Nothing(&'static str),
}

/// The pane of a chosen file.
#[component]
pub(super) fn Preview(
    /// As it is now; its path stays.
    file: Memo<Artifact>,
    /// Where its bytes are.
    address: String,
    on_close: Callback<()>,
    on_save: Callback<()>,
) -> impl IntoView {
    let client = Client::get();
    let kind = file.with_untracked(Kind::of);
    let size_bytes = Memo::new(move |_| file.with(|file| file.size_bytes));
    let modified_ms = Memo::new(move |_| file.with(|file| file.modified_ms));
    let is_medium = matches!(kind, Kind::Medium(_));
    let is_cut = move || size_bytes.get() > READ_BYTES && !is_medium;
    let (found, text) = (RwSignal::new(None::<Result<Content, ApiError>>), RwSignal::new(String::new()));
    let seen = Memo::new(move |_| found.get());
    let address = StoredValue::new(address);
    let asked = StoredValue::new(0_u32);
    // What is shown stays until there is something newer.
    let load = move || {
        let size_bytes = size_bytes.get_untracked();
        asked.update_value(|asked| *asked += 1);
        let own = asked.get_value();
        leptos::task::spawn_local(async move {
            let Some(address) = address.try_get_value() else { return };
            let answer = read(client, &address, kind, size_bytes).await;
            // It was written again meanwhile, or another file was chosen.
            if asked.try_get_value() != Some(own) {
                return;
            }
            let answer = answer.map(|(content, now)| {
                if text.with_untracked(|text| *text != now) {
                    text.set(now);
                }
                content
            });
            found.set(Some(answer));
        });
    };
    Effect::new(move |_| {
        file.track();
        if !is_medium {
            load();
        }
    });
    let section = NodeRef::<html::Section>::new();
    Effect::new(move |_| {
        if let Some(section) = section.get() {
            bring_into_view(&section);
        }
    });
    let escape = window_event_listener(ev::keydown, move |event| {
        let is_other = || document().query_selector("dialog[open], .menu").ok().flatten().is_some();
        if event.key() == "Escape" && !event.default_prevented() && !is_typing(&event) && !is_other() {
            on_close.run(());
        }
    });
    on_cleanup(move || escape.remove());
    let path = file.with_untracked(|file| file.path.clone());
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let called = StoredValue::new(name.clone());
    let body = move || {
        if let Kind::Medium(kind) = kind {
            file.track();
            let (from, size_bytes) = (address.get_value(), size_bytes.get());
            return view! { <Played from kind size_bytes name=called.get_value() is_chosen=true /> }.into_any();
        }
        match seen.get() {
            None => view! { <div class="padded"><Skeleton lines=4 /></div> }.into_any(),
            Some(Err(error)) => {
                let again = move || {
                    found.set(None);
                    load();
                };
                view! { <Failure error again /> }.into_any()
            }
            Some(Ok(content)) => drawn(content, text),
        }
    };
    view! {
        <section class="card preview" aria-label=format!("Preview of {name}") node_ref=section>
            <header class="flex">
                <strong class="cut mono grow" title=path.clone()>{name.clone()}</strong>
                <IconButton label=format!("Save {name}, which is shown") mark=icon::DOWNLOAD on_press=move |_| on_save.run(()) />
                <IconButton label="Close the preview" mark=icon::X on_press=move |_| on_close.run(()) />
            </header>
            <div class="faint caption about">
                {move || words::bytes(size_bytes.get())}" · changed "<Ago ms=modified_ms />
                {move || is_cut().then(|| format!(" · its first {} are shown", words::bytes(READ_BYTES)))}
            </div>
            {body}
        </section>
    }
}

/// Where there is no room beside a list it stands above it: who opens the hundredth file would not see it.
fn bring_into_view(section: &web_sys::Element) {
    let top = section.get_bounding_client_rect().top();
    let page = section.closest("main").ok().flatten();
    let from = page.map_or(0.0, |page| page.get_bounding_client_rect().top());
    let until = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(f64::INFINITY);
    if top < from || top + HEAD > until {
        section.scroll_into_view_with_bool(true);
    }
}

fn drawn(content: Content, text: RwSignal<String>) -> AnyView {
    match content {
        Content::Text => view! { <pre class="log seen-whole">{move || text.get()}</pre> }.into_any(),
        Content::Markdown => view! { <div class="padded seen-whole"><Markdown text /></div> }.into_any(),
        Content::Table(table) => view! { <Cells table /> }.into_any(),
        Content::Nothing(why) => view! { <p class="muted small padded">{why}</p> }.into_any(),
    }
}

/// What there is to see, and its text where it is one.
async fn read(client: Client, address: &str, kind: Kind, size_bytes: u64) -> Result<(Content, String), ApiError> {
    let nothing = |why| Ok((Content::Nothing(why), String::new()));
    if size_bytes == 0 {
        return nothing("The file is empty.");
    }
    let is_cut = size_bytes > READ_BYTES;
    let start = client.start_of(address, READ_BYTES).await?;
    let Some(text) = text_of(&start, is_cut) else {
        return nothing("The file is no text: save it to open it elsewhere.");
    };
    Ok(match kind {
        Kind::Table(delimiter) => match rows(&text, delimiter, is_cut) {
            // Its first line alone is longer than what is read.
            none if none.head.is_empty() => (Content::Text, text),
            table => (Content::Table(table), String::new()),
        },
        Kind::Markdown => (Content::Markdown, text),
        Kind::Json => (Content::Text, pretty(&text).unwrap_or(text)),
        _ => (Content::Text, text),
    })
}
