//! What a run holds at a step beside numbers, a card for each key with its steps to slide through.

use std::{collections::BTreeMap, time::Duration};

use api::{
    id::RunId,
    media::{GetMedium, GetMediumSteps, MediaOfKey, Medium, MediumContent, MediumKind, RunMedia},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Histogram},
    distribution_steps::{self, Distribution, Step},
    plot::Size,
    role::Role,
};
use leptos::prelude::*;

use super::WALKS_APART_MS;
use crate::{
    client::{
        Client,
        query::{Query, paced},
        wire,
    },
    parts::{
        button::IconButton,
        dialog::Dialog,
        icon,
        picture::Picture,
        states::{Empty, Load},
        take_table::{TakeTable, TextTable},
        words,
    },
};

/// How long a step stays while it plays.
const STAYS: Duration = Duration::from_millis(700);
/// Of a histogram so many steps are laid beside each other.
const STEPS: usize = 60;

#[component]
pub(super) fn MediaTab(run: Memo<RunId>, media: Query<RunMedia>) -> impl IntoView {
    view! {
        <Load query=media let:media>
            {
                let keys = Memo::new(move |_| media.with(|media| media.keys.iter().map(|of| of.key.clone()).collect::<Vec<_>>()));
                let left_out = move || media.with(|media| media.total.saturating_sub(media.keys.len() as u64));
                view! {
                    {move || keys.with(Vec::is_empty).then(|| view! {
                        <Empty mark=icon::IMAGE title="No media" text="Pictures, sounds, texts and tables that a run logs stand here by their step." />
                    })}
                    <div class="media">
                        <For each=move || keys.get() key=Clone::clone let:key>
                            {
                                let of = Memo::new(move |_| media.with(|media| media.keys.iter().find(|of| of.key == key).cloned()));
                                view! { <OfKey run of /> }
                            }
                        </For>
                    </div>
                    {move || (left_out() > 0).then(|| view! {
                        <p class="muted small">{format!("{} more are not shown.", words::counted(left_out(), "key", "keys"))}</p>
                    })}
                }
            }
        </Load>
    }
}

#[component]
fn OfKey(run: Memo<RunId>, of: Memo<Option<MediaOfKey>>) -> impl IntoView {
    let key = Memo::new(move |_| of.with(|of| of.as_ref().map(|of| of.key.clone()).unwrap_or_default()));
    let steps = Memo::new(move |_| of.with(|of| of.as_ref().map(|of| of.steps.clone()).unwrap_or_default()));
    // Until a step is chosen, the last is shown, also when one comes to it.
    let chosen = RwSignal::new(None::<usize>);
    let at = Memo::new(move |_| {
        let last = steps.with(Vec::len).saturating_sub(1);
        chosen.get().map_or(last, |chosen| chosen.min(last))
    });
    let step = Memo::new(move |_| steps.with(|steps| steps.get(at.get()).copied()));
    let asked = move || step.get().map(|step| GetMedium { run: run.get(), key: key.get(), step: Some(step) });
    let medium = paced(asked, WALKS_APART_MS);
    let plays = RwSignal::new(false);
    Effect::new(move |_| {
        if !plays.get() {
            return;
        }
        let next = move || {
            let last = steps.with_untracked(Vec::len).saturating_sub(1);
            let now = at.get_untracked();
            if now >= last {
                plays.set(false);
            } else {
                chosen.set(Some(now + 1));
            }
        };
        if let Ok(handle) = set_interval_with_handle(next, STAYS) {
            on_cleanup(move || handle.clear());
        }
    });
    let play = move || {
        if !plays.get_untracked() && at.get_untracked() + 1 >= steps.with_untracked(Vec::len) {
            chosen.set(Some(0));
        }
        plays.update(|plays| *plays = !*plays);
    };
    let slider = move || {
        view! {
            <span class="flex smoothing">
                {move || view! {
                    <IconButton
                        label=if plays.get() { "Pause" } else { "Play" }
                        mark=if plays.get() { icon::SQUARE } else { icon::PLAY }
                        on_press=move |_| play()
                    />
                }}
                <input
                    type="range"
                    min="0"
                    max=move || steps.with(Vec::len).saturating_sub(1)
                    aria-label=move || format!("Step of {}", key.get())
                    aria-valuetext=move || step.get().map(|step| format!("Step {step}"))
                    prop:value=move || at.get().to_string()
                    on:input=move |event| {
                        plays.set(false);
                        chosen.set(event_target_value(&event).parse().ok());
                    }
                />
            </span>
        }
    };
    let is_histogram = Memo::new(move |_| of.with(|of| of.as_ref().is_some_and(|of| of.kind == MediumKind::Histogram)));
    let has_steps = Memo::new(move |_| steps.with(|steps| steps.len() > 1));
    view! {
        <section class="card medium">
            <header class="flex">
                <strong class="cut mono" title=move || key.get()>{move || key.get()}</strong>
                <span class="faint caption">{move || step.get().map(|step| format!("step {step}"))}</span>
                {move || has_steps.get().then(slider)}
            </header>
            <Load query=medium let:medium>
                {move || shown(run.get(), medium.get())}
            </Load>
            {move || (has_steps.get() && is_histogram.get()).then(|| view! { <OverSteps run key steps /> })}
        </section>
    }
}

/// Evenly so many, the first and the last among them.
fn thinned(steps: &[i64], most: usize) -> Vec<i64> {
    if steps.len() <= most || most < 2 {
        return steps.to_vec();
    }
    (0..most).map(|index| steps[index * (steps.len() - 1) / (most - 1)]).collect()
}

/// A histogram's steps beside each other, as bands between its percentiles, asked for at once.
#[component]
fn OverSteps(run: Memo<RunId>, key: Memo<String>, steps: Memo<Vec<i64>>) -> impl IntoView {
    let client = Client::get();
    let found = RwSignal::new(BTreeMap::<(RunId, i64), Step>::new());
    let wanted = Memo::new(move |_| steps.with(|steps| thinned(steps, STEPS)));
    Effect::new(move |_| {
        let (run, key, mut wanted) = (run.get(), key.get(), wanted.get());
        found.update(|found| found.retain(|(of, step), _| *of == run && wanted.contains(step)));
        found.with_untracked(|found| wanted.retain(|step| !found.contains_key(&(run, *step))));
        if wanted.is_empty() {
            return;
        }
        leptos::task::spawn_local(async move {
            // A step that can't be read is a gap, which its own card says more of.
            let media = client.call(GetMediumSteps { run, key, steps: wanted }).await.unwrap_or_default();
            found.try_update(|found| {
                for medium in media.into_iter().flatten() {
                    if let Medium { step, content: MediumContent::Histogram { edges, counts }, .. } = medium {
                        found.insert((run, step), Step { x: step as f64, edges, counts });
                    }
                }
            });
        });
    });
    let draw = move |width: f64| {
        let steps = found
            .with(|found| found.iter().filter(|((of, _), _)| *of == run.get()).map(|(_, step)| step.clone()).collect());
        let chart = Distribution { name: key.get(), steps, x: Axis::steps(), y: Axis::default() };
        distribution_steps::draw(&chart, Size { width, height: 180.0 })
    };
    let cut = move || steps.with(|steps| steps.len() > STEPS);
    view! {
        <Picture name=format!("{} over steps", key.get_untracked()) draw=move |width, _| draw(width) />
        {move || cut().then(|| view! { <p class="muted small">{format!("{STEPS} steps are drawn, evenly apart.")}</p> })}
    }
}

fn shown(run: RunId, medium: Medium) -> AnyView {
    let Medium { key, kind, step, content, .. } = medium;
    match content {
        MediumContent::Bytes { .. } => view! { <Played run key step kind /> }.into_any(),
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
            let counts: Vec<u64> = counts.into_iter().map(|count| count.max(0.0).round() as u64).collect();
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

/// A picture or a sound, whose bytes come by the way that keeps the token.
#[component]
fn Played(run: RunId, key: String, step: i64, kind: MediumKind) -> impl IntoView {
    let client = Client::get();
    let address = RwSignal::new(None::<String>);
    let problem = RwSignal::new(None::<String>);
    // The bytes came, and the browser can make nothing of them.
    let is_damaged = RwSignal::new(false);
    let large = RwSignal::new(false);
    let name = StoredValue::new(format!("{key} at step {step}"));
    let from = format!("/api/blob/media/{run}?key={}&step={step}", wire::encode(&key));
    leptos::task::spawn_local(async move {
        match client.blob(&from).await {
            Ok(found) => {
                if address.try_set(Some(found.clone())).is_some() {
                    // Another step was chosen before its bytes came.
                    wire::forget_object(&found);
                }
            }
            Err(error) => drop(problem.try_set(Some(error.message))),
        }
    });
    on_cleanup(move || {
        if let Some(address) = address.try_get_untracked().flatten() {
            wire::forget_object(&address);
        }
    });
    view! {
        {move || problem.get().map(|problem| view! { <p class="bad small padded">{problem}</p> })}
        {move || is_damaged.get().then(|| {
            let what = if kind == MediumKind::Audio { "sound can't be played" } else { "picture can't be shown" };
            view! { <p class="bad small padded">{format!("This {what}: its bytes are damaged, or of a kind that isn't known here.")}</p> }
        })}
        {move || address.get().filter(|_| !is_damaged.get()).map(|address| match kind {
            MediumKind::Audio => view! { <audio controls src=address on:error=move |_| is_damaged.set(true)></audio> }.into_any(),
            _ => view! {
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
            {move || address.get().map(|address| view! {
                <div class="content large-picture"><img src=address alt=name.get_value() /></div>
            })}
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    use super::{as_text, thinned};

    #[test]
    fn a_logged_table_is_taken_as_it_was_logged() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let table = as_text(&cells(["name", "score"]), &[cells(["a|b", "0.125"]), cells(["c", ""])]);
        assert_eq!(table.head, [("name".to_owned(), false), ("score".to_owned(), true)]);
        assert_eq!(table.rows, [cells(["a|b", "0.125"]), cells(["c", ""])]);
    }

    #[test]
    fn of_many_steps_the_ends_stay() {
        let steps: Vec<i64> = (0..200).collect();
        let few = thinned(&steps, 60);
        assert_eq!((few.len(), few[0], few[59]), (60, 0, 199));
        assert_eq!(thinned(&steps[..3], 60), [0, 1, 2]);
    }
}
