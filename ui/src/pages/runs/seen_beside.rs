//! The media of compared runs beside each other: one key at one step, a card a run. What a run has not, its card says.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    id::RunId,
    media::{GetMedium, ListMedia, MediaOfKey, MediumKind, RunMedia},
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
        medium::shown,
        states::{Empty, Load},
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

/// The keys that the runs have, each with its kind and how many have it: first what most of them have.
fn keys(found: &Found) -> Vec<(String, MediumKind, usize)> {
    let mut all = BTreeMap::<&str, (MediumKind, usize)>::new();
    for of in found.values().flat_map(|media| &media.keys) {
        all.entry(&of.key).or_insert((of.kind, 0)).1 += 1;
    }
    let mut all: Vec<_> = all.into_iter().map(|(key, (kind, count))| (key.to_owned(), kind, count)).collect();
    all.sort_by(|left, right| right.2.cmp(&left.2).then_with(|| left.0.cmp(&right.0)));
    all
}

/// The steps at which any of the runs has the key.
fn steps(found: &Found, key: &str) -> Vec<i64> {
    let of_key = found.values().flat_map(|media| &media.keys).filter(|of| of.key == key);
    let all: BTreeSet<i64> = of_key.flat_map(|of| of.steps.iter().copied()).collect();
    all.into_iter().collect()
}

/// Why a run has nothing to show of a key at a step; `None` where it has.
fn missing(media: Option<&RunMedia>, key: &str, step: i64) -> Option<String> {
    let of_key = |media: &RunMedia| media.keys.iter().find(|of| of.key == key).cloned();
    let Some(MediaOfKey { steps, .. }) = media.and_then(of_key) else {
        return Some("This run has none of this key.".to_owned());
    };
    match (steps.binary_search(&step), steps.first(), steps.last()) {
        (Ok(_), ..) => None,
        (_, Some(first), Some(last)) if first != last => {
            Some(format!("None at step {step}: it has some from step {first} to {last}."))
        }
        (_, Some(only), _) => Some(format!("None at step {step}: it has one at step {only}.")),
        _ => Some(format!("None at step {step}.")),
    }
}

#[component]
pub(super) fn SeenBeside(chosen: Memo<Vec<Compared>>, query: Memo<ParamsMap>, seen: Seen) -> impl IntoView {
    let found = RwSignal::new(Found::new());
    let runs = Memo::new(move |_| {
        chosen.with(|chosen| chosen.iter().take(MOST).map(|run| (run.id, run.name.clone())).collect::<Vec<_>>())
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
    Effect::new(move |before: Option<String>| {
        let now = key.get();
        if before.is_some_and(|before| before != now) {
            walk.forget();
        }
        now
    });
    let has_some = Memo::new(move |_| all.with(|all| !all.is_empty()));
    let is_known = move || runs.with(|runs| !runs.is_empty() && runs.len() == found.with(BTreeMap::len));
    let has_none = Memo::new(move |_| !has_some.get() && is_known());
    let left_out = Memo::new(move |_| chosen.with(Vec::len).saturating_sub(MOST));
    let roles = Memo::new(move |_| chosen.with(|chosen| seen.bands.with(|bands| roles(chosen, bands))));
    view! {
        {move || has_none.get().then(|| view! {
            <Empty mark=icon::IMAGE title="No media" text="None of these runs logged a picture, a sound, a video, a page, a text or a table." />
        })}
        <section class:hidden=move || !has_some.get() aria-label="Media of the runs">
            <div class="flex wrap tools-of-charts">
                <Select value options name="Key of the media" />
                <span class="faint caption">{move || walk.step.get().map(|step| format!("step {step}"))}</span>
                <StepSlider walk of=key />
                {move || (left_out.get() > 0).then(|| view! {
                    <span class="faint caption">{format!("The first {MOST} runs; {} not shown", words::counted(left_out.get() as u64, "more is", "more are"))}</span>
                })}
            </div>
            <div class="media">
                <For each=move || runs.get() key=Clone::clone let:run>
                    {
                        let (run, name) = run;
                        view! { <OfRun run name found key step=walk.step has_some role=Signal::derive(move || roles.with(|roles| roles.get(&run).copied())) /> }
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
    key: Memo<String>,
    step: Memo<Option<i64>>,
    has_some: Memo<bool>,
    role: Signal<Option<Role>>,
) -> impl IntoView {
    let place = Place::get();
    let media = paced(move || Some(ListMedia { run }), WALKS_APART_MS);
    Effect::new(move |_| {
        if let Some(media) = media.value.get() {
            found.update(|found| drop(found.insert(run, media)));
        }
    });
    on_cleanup(move || {
        found.try_update(|found| found.remove(&run));
    });
    let why = Memo::new(move |_| {
        let step = step.get()?;
        found.with(|found| key.with(|key| missing(found.get(&run), key, step)))
    });
    let asked = move || {
        let step = step.get().filter(|_| why.with(Option::is_none))?;
        Some(GetMedium { run, key: key.get(), step: Some(step) })
    };
    let medium = paced(asked, WALKS_APART_MS);
    view! {
        <section class="card medium">
            <header class="flex">
                <i class=move || format!("swatch fill {}", role.get().map(|role| role.class()).unwrap_or_default())></i>
                <strong class="cut"><a class="plain" href=place.link(&format!("runs/{run}"))>{name}</a></strong>
            </header>
            {move || has_some.get().then(|| match why.get() {
                Some(why) => view! { <p class="muted small padded">{why}</p> }.into_any(),
                None => view! { <Load query=medium lines=3 let:medium>{move || shown(run, medium.get())}</Load> }.into_any(),
            })}
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
        assert_eq!(steps(&found, "samples"), [10, 20, 30]);
    }

    #[test]
    fn a_run_without_it_says_so() {
        let one = media(&[("a", &[1]), ("samples", &[10, 20])]);
        assert_eq!(missing(Some(&one), "samples", 20), None);
        let why = |media: Option<&RunMedia>, key: &str| missing(media, key, 15).unwrap_or_default();
        assert!(why(Some(&one), "samples").contains("from step 10 to 20"));
        assert!(why(Some(&one), "a").contains("one at step 1."));
        assert!(why(Some(&one), "b").contains("none of this key") && why(None, "a").contains("none of this key"));
    }
}
