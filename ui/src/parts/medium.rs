//! One medium of a run: a picture, a sound, a video, a page, a text, a table, a histogram.

pub(crate) mod cells;
pub(crate) mod played;

use api::{
    ApiError,
    id::RunId,
    media::{Among, Medium, MediumContent, MediumKind},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Histogram},
    plot::Size,
    role::Role,
};
use leptos::prelude::*;

use self::{
    cells::{Cells, Rows},
    played::Played,
};
use super::{
    icon,
    markdown::Markdown,
    picture::Picture,
    states::{Failure, Skeleton},
    take_table::{TakeTable, TextTable},
    words,
};
use crate::client::{query::Query, wire};

/// What there is of a medium.
#[derive(Debug, Clone, PartialEq)]
enum Is {
    Waits,
    Failed(ApiError),
    Shown(RunId, Medium),
}

/// How it is seen: of what the browser draws or plays only the address changes from step to step.
#[derive(Clone, PartialEq)]
enum Seen {
    Waits,
    Failed(ApiError),
    Played(MediumKind),
    Drawn(Medium),
}

/// A medium as it is seen, whoever's page it stands on. What is shown stays until that of the next step has come.
#[component]
pub(crate) fn OneMedium(
    #[prop(into)] run: Signal<RunId>,
    key: Memo<String>,
    medium: Query<Medium>,
    /// Its step says something.
    by_step: Memo<bool>,
    /// How many grey lines stand for what comes.
    #[prop(default = 6)]
    lines: usize,
) -> impl IntoView {
    let is = Memo::new(move |before: Option<&Is>| {
        let came = medium.value.get().map(Ok).or_else(|| medium.error.get().map(Err));
        key.with(|key| next(before, (run.get(), key), came))
    });
    let seen = Memo::new(move |_| {
        is.with(|is| match is {
            Is::Waits => Seen::Waits,
            Is::Failed(error) => Seen::Failed(error.clone()),
            Is::Shown(_, Medium { kind, content: MediumContent::Bytes { .. }, .. }) => Seen::Played(*kind),
            Is::Shown(_, medium) => Seen::Drawn(medium.clone()),
        })
    });
    move || match seen.get() {
        Seen::Waits => view! { <Skeleton lines /> }.into_any(),
        Seen::Failed(error) => view! { <Failure error again=move || medium.refresh() /> }.into_any(),
        Seen::Drawn(medium) => drawn(medium),
        Seen::Played(kind) => {
            let bytes = Memo::new(move |before: Option<&Bytes>| {
                let now = is.with(|is| Bytes::of(is, by_step.get()));
                now.or_else(|| before.cloned()).unwrap_or_default()
            });
            let from = Signal::derive(move || bytes.with(|bytes| bytes.from.clone()));
            let size_bytes = Signal::derive(move || bytes.with(|bytes| bytes.size_bytes));
            let name = Signal::derive(move || bytes.with(|bytes| bytes.name.clone()));
            view! { <Played from kind size_bytes name /> }.into_any()
        }
    }
}

/// What there is after an answer, or while there is none; of another run or key nothing stays.
fn next(before: Option<&Is>, (run, key): (RunId, &String), came: Option<Result<Medium, ApiError>>) -> Is {
    match (came, before) {
        (Some(Ok(medium)), _) => Is::Shown(run, medium),
        (Some(Err(error)), _) => Is::Failed(error),
        (None, Some(Is::Shown(of, medium))) if *of == run && medium.key == *key => Is::Shown(run, medium.clone()),
        (None, _) => Is::Waits,
    }
}

/// Where the bytes of a medium are, and what they are called.
#[derive(Clone, PartialEq, Default)]
struct Bytes {
    from: String,
    size_bytes: u64,
    name: String,
}

impl Bytes {
    fn of(is: &Is, by_step: bool) -> Option<Self> {
        let Is::Shown(run, Medium { key, step, among, content: MediumContent::Bytes { size_bytes }, .. }) = is else {
            return None;
        };
        Some(Self {
            from: format!("/api/blob/media/{run}?{}", address(key, *step, *among)),
            size_bytes: *size_bytes,
            name: called(key, by_step.then_some(*step), *among),
        })
    }
}

fn called(key: &str, step: Option<i64>, among: Option<Among>) -> String {
    let step = step.map(|step| format!(" at step {step}")).unwrap_or_default();
    let which = among.map(|Among { turn, of }| format!(", {turn} of {of}")).unwrap_or_default();
    format!("{key}{step}{which}")
}

/// What an address of a medium's bytes says of it.
pub(crate) fn address(key: &str, step: i64, among: Option<Among>) -> String {
    format!("key={}&{}", wire::encode(key), standing(step, among))
}

fn standing(step: i64, among: Option<Among>) -> String {
    let turn = among.map(|among| format!("&turn={}", among.turn)).unwrap_or_default();
    format!("step={step}{turn}")
}

/// What we draw ourselves.
fn drawn(medium: Medium) -> AnyView {
    let Medium { key, content, .. } = medium;
    match content {
        // The browser does.
        MediumContent::Bytes { .. } => ().into_any(),
        MediumContent::Text { text, is_cut } => view! {
            {if is_markdown(&key) {
                view! { <div class="scrolls padded"><Markdown text=Signal::stored(text) /></div> }.into_any()
            } else {
                view! { <pre class="log">{text}</pre> }.into_any()
            }}
            {is_cut.then(|| view! { <p class="muted small">"Its first 256 KiB are shown."</p> })}
        }
        .into_any(),
        MediumContent::Table { columns, rows, total_rows } => {
            let table = Rows::first_of(&columns, &rows, total_rows);
            let came = rows.len() as u64;
            let kept = StoredValue::new((columns, rows));
            view! {
                <div class="takes">
                    <TakeTable of=("row", "rows") mark=icon::COPY table=move |_| kept.with_value(|(columns, rows)| as_text(columns, rows)) />
                </div>
                <Cells table />
                {(total_rows > came).then(|| view! {
                    <p class="muted small padded">{format!("It has {}: the first {} stand here. Save has all.", words::counted(total_rows, "row", "rows"), words::count(came))}</p>
                })}
            }
            .into_any()
        }
        MediumContent::Histogram { edges, counts } => {
            let name = key.clone();
            let counts: Vec<f64> = counts.into_iter().map(|count| count.max(0.0)).collect();
            view! {
                <Picture name=key of="bin" draw=move |width, _| bars::histogram(
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

fn is_markdown(key: &str) -> bool {
    let (_, ending) = key.rsplit_once('.').unwrap_or_default();
    ["md", "markdown"].iter().any(|known| ending.eq_ignore_ascii_case(known))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_stays_until_that_of_the_next_step_has_come() {
        let run = |number: u8| RunId::from_bytes([number; 16]);
        let (sample, other) = ("sample".to_owned(), "other".to_owned());
        let content = MediumContent::Bytes { size_bytes: 3 };
        let medium = Medium {
            key: sample.clone(),
            kind: MediumKind::Image,
            step: 20,
            time_ms: None,
            content,
            file: String::new(),
            among: None,
        };
        let first = next(None, (run(1), &sample), Some(Ok(medium)));
        assert!(matches!(first, Is::Shown(_, Medium { step: 20, .. })));
        assert_eq!(next(Some(&first), (run(1), &sample), None), first);
        assert_eq!(next(Some(&first), (run(2), &sample), None), Is::Waits, "of another run");
        assert_eq!(next(Some(&first), (run(1), &other), None), Is::Waits, "of another key");
    }

    #[test]
    fn of_several_at_a_step_each_has_its_own_address_and_name() {
        let second = Some(Among { turn: 2, of: 3 });
        assert_eq!(
            [None, second].map(|among| called("a b", Some(7), among)),
            ["a b at step 7", "a b at step 7, 2 of 3"]
        );
        assert_eq!(called("plot.png", None, second), "plot.png, 2 of 3");
        assert_eq!([None, second].map(|among| standing(7, among)), ["step=7", "step=7&turn=2"]);
    }

    #[test]
    fn a_text_in_markdown_is_known_by_its_name() {
        assert_eq!(["notes/report.md", "READ.MD", "md", "notes.txt"].map(is_markdown), [true, true, false, false]);
    }

    #[test]
    fn a_logged_table_is_taken_as_it_was_logged() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let table = as_text(&cells(["name", "score"]), &[cells(["a|b", "0.125"]), cells(["c", ""])]);
        assert_eq!(table.head, [("name".to_owned(), false), ("score".to_owned(), true)]);
        assert_eq!(table.rows, [cells(["a|b", "0.125"]), cells(["c", ""])]);
    }
}
