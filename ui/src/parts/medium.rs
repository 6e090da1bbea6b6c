//! One medium of a run: a picture, a sound, a video, a page, a text, a table, a histogram.

use api::{
    ApiError,
    id::RunId,
    media::{Medium, MediumContent, MediumKind},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Histogram},
    plot::Size,
    role::Role,
};
use leptos::prelude::*;

use super::{
    button::Button,
    dialog::Dialog,
    icon,
    picture::Picture,
    sandboxed::{Page, WHOLE_BYTES, drawing_address},
    take_table::{TakeTable, TextTable},
    words,
};
use crate::client::{Client, wire};

/// A larger one is fetched when a person says so.
const ASKED_FROM_BYTES: u64 = 32 << 20;

/// A medium as it is seen, whoever's page it stands on.
pub(crate) fn shown(run: RunId, medium: Medium) -> AnyView {
    let Medium { key, kind, step, content, .. } = medium;
    match content {
        MediumContent::Bytes { size_bytes } => view! { <Played run key step kind size_bytes /> }.into_any(),
        MediumContent::Text { text, is_cut } => view! {
            <pre class="log">{text}</pre>
            {is_cut.then(|| view! { <p class="muted small">"Its first 256 KiB are shown."</p> })}
        }
        .into_any(),
        MediumContent::Table { columns, rows, total_rows } => {
            let more = total_rows.saturating_sub(rows.len() as u64);
            let kept = StoredValue::new((columns.clone(), rows.clone()));
            view! {
                <div class="flex"><span class="right">
                    <TakeTable of=("row", "rows") table=move |_| kept.with_value(|(columns, rows)| as_text(columns, rows)) />
                </span></div>
                <div class="scrolls">
                    <table class="small-table">
                        <thead><tr>{columns.into_iter().map(|column| view! { <th>{column}</th> }).collect_view()}</tr></thead>
                        <tbody>
                            {rows.into_iter().map(|row| view! {
                                <tr>{row.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr>
                            }).collect_view()}
                        </tbody>
                    </table>
                </div>
                {(more > 0).then(|| view! { <p class="muted small">{format!("{} more are not shown.", words::counted(more, "row", "rows"))}</p> })}
            }
            .into_any()
        }
        MediumContent::Histogram { edges, counts } => {
            let name = key.clone();
            let counts: Vec<f64> = counts.into_iter().map(|count| count.max(0.0)).collect();
            view! {
                <Picture name=key draw=move |width, _| bars::histogram(
                    &Histogram {
                        name: name.clone(),
                        edges: edges.clone(),
                        sets: vec![Bars { name: name.clone(), role: Role::Series(1), counts: counts.clone() }],
                        x: Axis::default(),
                        has_counts: true,
                    },
                    Size { width, height: 180.0 },
                ) />
            }
            .into_any()
        }
    }
}

/// The rows that are shown, as they were logged.
fn as_text(columns: &[String], rows: &[Vec<String>]) -> TextTable {
    let is_number = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
    };
    let head = columns.iter().enumerate().map(|(at, column)| (column.clone(), is_number(at))).collect();
    TextTable { head, rows: rows.to_vec() }
}

/// What there is to see or hear.
#[derive(Clone)]
enum Came {
    /// An address for the browser.
    Address(String),
    Page(String),
}

async fn fetched(
    client: Client,
    from: &str,
    kind: MediumKind,
    held: StoredValue<Option<String>>,
) -> Result<Came, ApiError> {
    match kind {
        MediumKind::Page => client.text(from).await.map(Came::Page),
        MediumKind::Drawing => client.text(from).await.map(|svg| Came::Address(drawing_address(&svg))),
        _ => {
            let address = client.blob(from).await?;
            if held.try_set_value(Some(address.clone())).is_some() {
                // Another step was chosen before its bytes came.
                wire::forget_object(&address);
            }
            Ok(Came::Address(address))
        }
    }
}

/// What is shown by its bytes, which come by the way that keeps the token.
#[component]
fn Played(run: RunId, key: String, step: i64, kind: MediumKind, size_bytes: u64) -> impl IntoView {
    let client = Client::get();
    let came = RwSignal::new(None::<Came>);
    let problem = RwSignal::new(None::<String>);
    // What the browser keeps for us until it is given back.
    let held = StoredValue::new(None::<String>);
    // The bytes came, and the browser can make nothing of them.
    let is_damaged = RwSignal::new(false);
    let large = RwSignal::new(false);
    let name = StoredValue::new(format!("{key} at step {step}"));
    let is_text = matches!(kind, MediumKind::Page | MediumKind::Drawing);
    if is_text && size_bytes > WHOLE_BYTES {
        return view! { <p class="muted small padded">"It is larger than 4 MiB, which is not shown here: save its file from the run's artifacts."</p> }
            .into_any();
    }
    let is_asked = RwSignal::new(size_bytes < ASKED_FROM_BYTES);
    let from = StoredValue::new(format!("/api/blob/media/{run}?key={}&step={step}", wire::encode(&key)));
    Effect::new(move |_| {
        if !is_asked.get() {
            return;
        }
        leptos::task::spawn_local(async move {
            let Some(from) = from.try_get_value() else { return };
            match fetched(client, &from, kind, held).await {
                Ok(found) => drop(came.try_set(Some(found))),
                Err(error) => drop(problem.try_set(Some(error.message))),
            }
        });
    });
    on_cleanup(move || {
        if let Some(address) = held.try_get_value().flatten() {
            wire::forget_object(&address);
        }
    });
    view! {
        {move || (!is_asked.get()).then(|| view! {
            <div class="padded"><Button label=format!("Load it · {}", words::bytes(size_bytes)) mark=icon::DOWNLOAD on_press=move || is_asked.set(true) /></div>
        })}
        {move || problem.get().map(|problem| view! { <p class="bad small padded">{problem}</p> })}
        {move || is_damaged.get().then(|| view! {
            <p class="bad small padded">{format!("This {}: its bytes are damaged, or of a kind that isn't known here.", fails(kind))}</p>
        })}
        {move || came.get().filter(|_| !is_damaged.get()).map(|came| match (came, kind) {
            (Came::Page(text), _) => view! { <Page text name=name.get_value() /> }.into_any(),
            (Came::Address(address), MediumKind::Audio) => view! { <audio controls src=address on:error=move |_| is_damaged.set(true)></audio> }.into_any(),
            (Came::Address(address), MediumKind::Video) => view! {
                <video controls src=address aria-label=name.get_value() on:error=move |_| is_damaged.set(true)></video>
            }
            .into_any(),
            (Came::Address(address), _) => view! {
                <button
                    type="button"
                    class="enlarges"
                    aria-label=format!("Enlarge {}", name.get_value())
                    on:click=move |_| large.set(true)
                >
                    <img src=address alt=name.get_value() on:error=move |_| is_damaged.set(true) />
                </button>
            }
            .into_any(),
        })}
        <Dialog open=large title=name.get_value() wide=true>
            {move || came.get().and_then(|came| match came {
                Came::Address(address) => Some(view! {
                    <div class="content large-picture"><img src=address alt=name.get_value() /></div>
                }),
                Came::Page(_) => None,
            })}
        </Dialog>
    }
    .into_any()
}

/// What is said of one that can't be shown.
const fn fails(kind: MediumKind) -> &'static str {
    match kind {
        MediumKind::Audio => "sound can't be played",
        MediumKind::Video => "video can't be played",
        _ => "picture can't be shown",
    }
}

#[cfg(test)]
mod tests {
    use super::as_text;

    #[test]
    fn a_logged_table_is_taken_as_it_was_logged() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let table = as_text(&cells(["name", "score"]), &[cells(["a|b", "0.125"]), cells(["c", ""])]);
        assert_eq!(table.head, [("name".to_owned(), false), ("score".to_owned(), true)]);
        assert_eq!(table.rows, [cells(["a|b", "0.125"]), cells(["c", ""])]);
    }
}
