//! The media of compared runs beside each other: one key at one step, a card a run. What a run has not, its card says.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use api::{
    ApiError, ErrorCode,
    id::RunId,
    media::{GetMedium, ListMedia, MediaOfKey, MediumKind, RunMedia, by_key},
};
use charts::role::Role;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::{
    comparison::{Seen, roles},
    overlaid::Compared,
};
use crate::{
    client::query::paced,
    frame::{address::keep_in_address, place::Place},
    parts::{
        field::Select,
        icon,
        medium::OneMedium,
        states::{Empty, Failure, Skeleton},
        step_slider::{StepSlider, Walk},
        words,
    },
};

/// So many runs are shown beside each other.
const MOST: usize = 6;
/// Milliseconds between two looks at what lies in a run's folder.
const WALKS_APART_MS: i32 = 2_000;

/// What each run has, as far as it is known.
type Found = BTreeMap<RunId, RunMedia>;

/// The keys that the runs have, each with its kind and how many have it: pictures first, and what most of them have.
fn keys(found: &Found) -> Vec<(String, MediumKind, usize)> {
    let mut all = BTreeMap::<&str, (MediumKind, usize)>::new();
    for of in found.values().flat_map(|media| &media.keys) {
        all.entry(&of.key).or_insert((of.kind, 0)).1 += 1;
    }
    let mut all: Vec<_> = all.into_iter().map(|(key, (kind, count))| (key.to_owned(), kind, count)).collect();
    let place = |(_, kind, count): &(String, MediumKind, usize)| (!is_seen(*kind), Reverse(*count));
    all.sort_by(|left, right| place(left).cmp(&place(right)).then_with(|| by_key(&left.0, &right.0)));
    all
}

const fn is_seen(kind: MediumKind) -> bool {
    matches!(kind, MediumKind::Image | MediumKind::Drawing | MediumKind::Video)
}

/// Whether a run has nothing of a key, as far as the host names its keys.
fn lacks(media: &RunMedia, key: &str) -> bool {
    !key.is_empty() && keys_left_out(media) == 0 && !media.keys.iter().any(|of| of.key == key)
}

/// The steps at which any of the runs has the key.
fn steps(found: &Found, key: &str) -> Vec<i64> {
    let of_key = found.values().flat_map(|media| &media.keys).filter(|of| of.key == key);
    let all: BTreeSet<i64> = of_key.flat_map(|of| of.steps.iter().copied()).collect();
    all.into_iter().collect()
}

/// Whether a run logged the key by steps, so that they say something.
fn is_by_step(found: &Found, key: &str) -> bool {
    found.values().flat_map(|media| &media.keys).any(|of| of.key == key && of.by_step)
}

/// The runs that may have steps of the key which are not here.
fn with_more(found: &Found, key: &str) -> Vec<RunId> {
    let may_have = |media: &RunMedia| match media.keys.iter().find(|of| of.key == key) {
        Some(of) => of.total > of.steps.len() as u64,
        None => keys_left_out(media) > 0,
    };
    found.iter().filter(|(_, media)| may_have(media)).map(|(run, _)| *run).collect()
}

/// Why a run has nothing to show of a key at a step; `None` where it has, or may have: of very many keys and steps the
/// host names some only, of the steps always the first and the last.
fn missing(media: &RunMedia, key: &str, step: i64) -> Option<String> {
    let Some(MediaOfKey { steps, total, .. }) = media.keys.iter().find(|of| of.key == key) else {
        return (keys_left_out(media) == 0).then(|| "This run has none of this key.".to_owned());
    };
    let (first, last) = (steps.first().copied()?, steps.last().copied()?);
    let may_have = *total > steps.len() as u64 && (first..=last).contains(&step);
    if may_have || steps.binary_search(&step).is_ok() {
        return None;
    }
    Some(if first == last {
        format!("None at step {step}: it has one at step {first}.")
    } else {
        format!("None at step {step}: it has some from step {first} to {last}.")
    })
}

fn keys_left_out(media: &RunMedia) -> u64 {
    media.total.saturating_sub(media.keys.len() as u64)
}

/// What a run's card shows.
#[derive(Debug, Clone, PartialEq)]
enum Card {
    /// It is not known yet what the run has.
    Waits,
    /// And it could not be asked.
    Failed(ApiError),
    /// Why there is nothing.
    Nothing(String),
    /// What the host answers: it has some at the step, or may have.
    Asked,
}

#[component]
pub(super) fn SeenBeside(chosen: Memo<Vec<Compared>>, query: Memo<ParamsMap>, seen: Seen) -> impl IntoView {
    let found = RwSignal::new(Found::new());
    let runs = Memo::new(move |_| {
        chosen.with(|chosen| chosen.iter().take(MOST).map(|run| (run.id, run.called())).collect::<Vec<_>>())
    });
    let all = Memo::new(move |_| found.with(keys));
    // Until somebody chooses, what most of them have.
    let wanted = RwSignal::new(query.with_untracked(|query| query.get("media")).unwrap_or_default());
    keep_in_address(move || vec![("media", wanted.get())]);
    let key = Memo::new(move |_| {
        let wanted = wanted.get();
        all.with(|all| {
            let named = all.iter().find(|(key, ..)| *key == wanted);
            named.or_else(|| all.first()).map(|(key, ..)| key.clone()).unwrap_or_default()
        })
    });
    let value = RwSignal::new(String::new());
    Effect::new(move |_| value.set(key.get()));
    Effect::new(move |before: Option<()>| {
        let now = value.get();
        if before.is_some() && !now.is_empty() && key.with_untracked(|key| *key != now) {
            wanted.set(now);
        }
    });
    let options = Signal::derive(move || {
        let count = runs.with(Vec::len);
        let label = |(key, _, of): (String, MediumKind, usize)| {
            let label = if of == count { key.clone() } else { format!("{key} ({of} of {count} runs)") };
            (key, label)
        };
        all.get().into_iter().map(label).collect::<Vec<_>>()
    });
    let walk = Walk::new(Memo::new(move |_| found.with(|found| key.with(|key| steps(found, key)))));
    let by_step = Memo::new(move |_| found.with(|found| key.with(|key| is_by_step(found, key))));
    let more = Memo::new(move |_| found.with(|found| key.with(|key| with_more(found, key))));
    Effect::new(move |before: Option<String>| {
        let now = key.get();
        if before.is_some_and(|before| before != now) {
            walk.forget();
        }
        now
    });
    let has_some = Memo::new(move |_| all.with(|all| !all.is_empty()));
    // Runs of which it can't be told what they have: their cards say why.
    let failed = RwSignal::new(BTreeSet::<RunId>::new());
    let has_failed = Memo::new(move |_| failed.with(|failed| !failed.is_empty()));
    let is_known = Memo::new(move |_| runs.with(Vec::len) == found.with(BTreeMap::len));
    let has_runs = Memo::new(move |_| runs.with(|runs| !runs.is_empty()));
    let is_undecided = Memo::new(move |_| has_runs.get() && !has_some.get() && !has_failed.get());
    let unlisted = Memo::new(move |_| found.with(|found| found.values().map(keys_left_out).max().unwrap_or_default()));
    // They share a line: a card each would say nothing else.
    let without = Memo::new(move |_| {
        let key = key.get();
        let is_without = |run: &RunId| found.with(|found| found.get(run).is_some_and(|media| lacks(media, &key)));
        runs.with(|runs| {
            runs.iter().filter(|(run, _)| is_without(run)).map(|(_, name)| name.clone()).collect::<Vec<_>>()
        })
    });
    let left_out = Memo::new(move |_| chosen.with(Vec::len).saturating_sub(MOST));
    let roles = Memo::new(move |_| chosen.with(|chosen| seen.bands.with(|bands| roles(chosen, bands))));
    view! {
        {move || (is_undecided.get() && !is_known.get()).then(|| view! { <Skeleton lines=6 /> })}
        {move || (is_undecided.get() && is_known.get()).then(|| view! {
            <Empty mark=icon::IMAGE title="No media" text="None of these runs logged a picture, a sound, a video, a page, a text or a table." />
        })}
        <section class:hidden=move || !has_some.get() && !has_failed.get() aria-label="Media of the runs">
            <div class="flex wrap tools-of-charts tools-of-media" class:hidden=move || !has_some.get()>
                <Select value options name="Key of the media" />
                <span class="faint caption">{move || walk.step.get().filter(|_| by_step.get()).map(|step| format!("step {step}"))}</span>
                <StepSlider walk of=key more />
                {move || (left_out.get() > 0).then(|| view! {
                    <span class="faint caption">{format!("The first {MOST} runs; {} not shown", words::counted(left_out.get() as u64, "more is", "more are"))}</span>
                })}
                {move || (unlisted.get() > 0).then(|| view! {
                    <span class="faint caption">{words::counted(unlisted.get(), "more key of a run is not listed", "more keys of a run are not listed")}</span>
                })}
            </div>
            {move || without.with(|without| (!without.is_empty()).then(|| view! {
                <p class="muted small notices">{format!("Without it: {}.", without.join(", "))}</p>
            }))}
            <div class="media">
                <For each=move || runs.get() key=Clone::clone let:run>
                    {
                        let (run, name) = run;
                        view! { <OfRun run name found failed key step=walk.step by_step role=Signal::derive(move || roles.with(|roles| roles.get(&run).copied())) /> }
                    }
                </For>
            </div>
        </section>
    }
}

#[component]
fn OfRun(
    run: RunId,
    name: String,
    found: RwSignal<Found>,
    failed: RwSignal<BTreeSet<RunId>>,
    key: Memo<String>,
    step: Memo<Option<i64>>,
    by_step: Memo<bool>,
    role: Signal<Option<Role>>,
) -> impl IntoView {
    let place = Place::get();
    let media = paced(move || Some(ListMedia::of(run)), WALKS_APART_MS);
    Effect::new(move |_| {
        let now = media.value.get();
        if let Some(now) = now.filter(|now| found.with_untracked(|found| found.get(&run) != Some(now))) {
            found.update(|found| drop(found.insert(run, now)));
        }
    });
    let why_not = Memo::new(move |_| media.error.get().filter(|_| media.value.with(Option::is_none)));
    Effect::new(move |_| {
        let is_failed = why_not.with(Option::is_some);
        if failed.with_untracked(|failed| failed.contains(&run)) != is_failed {
            failed.update(|failed| {
                let _ = if is_failed { failed.insert(run) } else { failed.remove(&run) };
            });
        }
    });
    on_cleanup(move || {
        found.try_update(|found| found.remove(&run));
        failed.try_update(|failed| failed.remove(&run));
    });
    let card = Memo::new(move |_| {
        if let Some(error) = why_not.get() {
            return Card::Failed(error);
        }
        let (key, step) = (key.get(), step.get());
        found.with(|found| match (found.get(&run), step) {
            (None, _) => Card::Waits,
            (Some(_), None) => Card::Nothing("This run has no media.".to_owned()),
            (Some(media), Some(step)) => missing(media, &key, step).map_or(Card::Asked, Card::Nothing),
        })
    });
    let is_without =
        Memo::new(move |_| found.with(|found| key.with(|key| found.get(&run).is_some_and(|media| lacks(media, key)))));
    let asked = move || {
        let step = step.get().filter(|_| card.with(|card| *card == Card::Asked))?;
        Some(GetMedium { run, key: key.get(), step: Some(step), turn: None })
    };
    let medium = paced(asked, WALKS_APART_MS);
    // Of what may be there the host knows.
    let is_not_there = Memo::new(move |_| {
        medium.error.with(|error| error.as_ref().is_some_and(|error| error.code == ErrorCode::NotFound))
    });
    let not_there = move || step.get().map(|step| format!("None at step {step}.")).unwrap_or_default();
    let nothing = |why: String| view! { <p class="muted small padded">{why}</p> };
    view! {
        <section class="card medium" class:hidden=is_without>
            <header class="flex">
                <i class=move || format!("swatch fill {}", role.get().map(|role| role.class()).unwrap_or_default())></i>
                <strong class="cut"><a class="plain" href=place.link(&format!("runs/{run}"))>{name}</a></strong>
            </header>
            {move || match card.get() {
                Card::Waits => view! { <Skeleton lines=3 /> }.into_any(),
                Card::Failed(error) => view! { <Failure error again=move || media.refresh() /> }.into_any(),
                Card::Nothing(why) => nothing(why).into_any(),
                Card::Asked if is_not_there.get() => nothing(not_there()).into_any(),
                Card::Asked => view! { <OneMedium run key medium by_step lines=3 /> }.into_any(),
            }}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(keys: &[(&str, &[i64])]) -> RunMedia {
        let of = |(key, steps): &(&str, &[i64])| MediaOfKey {
            key: (*key).to_owned(),
            kind: MediumKind::Image,
            steps: steps.to_vec(),
            total: steps.len() as u64,
            by_step: true,
        };
        RunMedia { keys: keys.iter().map(of).collect(), total: keys.len() as u64 }
    }

    #[test]
    fn what_most_runs_have_comes_first_and_their_steps_are_one_walk() {
        let id = |number: u8| RunId::from_bytes([number; 16]);
        let found: Found = [
            (id(1), media(&[("a", &[1]), ("samples", &[10, 20])])),
            (id(2), media(&[("samples", &[20, 30])])),
            (id(3), media(&[])),
        ]
        .into();
        let named: Vec<_> = keys(&found).into_iter().map(|(key, _, count)| (key, count)).collect();
        assert_eq!(named, [("samples".to_owned(), 2), ("a".to_owned(), 1)]);
        assert!(lacks(&found[&id(2)], "a") && !lacks(&found[&id(1)], "a"));
        assert_eq!(steps(&found, "samples"), [10, 20, 30]);
        assert!(is_by_step(&found, "samples") && !is_by_step(&found, "none"));
        // A picture says more beside another than a table does, however many have that.
        let mut tables = media(&[("table", &[1])]);
        tables.keys[0].kind = MediumKind::Table;
        let found: Found = [(id(1), tables.clone()), (id(2), tables), (id(3), media(&[("z", &[1])]))].into();
        assert_eq!(keys(&found).into_iter().map(|(key, ..)| key).collect::<Vec<_>>(), ["z", "table"]);
        let numbered: Found = [(id(1), media(&[("t10", &[1]), ("t2", &[1])]))].into();
        assert_eq!(keys(&numbered).into_iter().map(|(key, ..)| key).collect::<Vec<_>>(), ["t2", "t10"]);
    }

    #[test]
    fn a_run_without_it_says_so() {
        let one = media(&[("a", &[1]), ("samples", &[10, 20])]);
        assert_eq!(missing(&one, "samples", 20), None);
        let why = |key: &str| missing(&one, key, 15).unwrap_or_default();
        assert!(why("samples").contains("from step 10 to 20"));
        assert!(why("a").contains("one at step 1."));
        assert!(why("b").contains("none of this key"));
    }

    #[test]
    fn what_was_left_out_of_a_list_may_be_there() {
        let mut cut = media(&[("samples", &[10, 20, 30])]);
        cut.keys[0].total = 21;
        assert_eq!(missing(&cut, "samples", 15), None);
        assert!(missing(&cut, "samples", 31).is_some(), "the last is never left out");
        assert!(missing(&cut, "b", 15).is_some());
        let id = RunId::from_bytes([1; 16]);
        let more = |cut: &RunMedia, key: &str| with_more(&Found::from([(id, cut.clone())]), key);
        assert_eq!((more(&cut, "samples"), more(&cut, "b")), (vec![id], Vec::new()));
        cut.total = 2;
        assert_eq!(more(&cut, "b"), [id]);
        assert_eq!((missing(&cut, "b", 15), keys_left_out(&cut)), (None, 1));
    }
}
