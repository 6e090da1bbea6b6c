//! What a run holds at a step beside numbers, a card for each key with its steps to slide through.

use std::collections::BTreeMap;

use api::{
    id::RunId,
    media::{GetMedium, GetMediumSteps, ListMedia, MediaOfKey, Medium, MediumContent, MediumKind, RunMedia},
};
use charts::{
    axis::Axis,
    distribution_steps::{self, Distribution, SHARES, Step},
    plot::Size,
};
use leptos::prelude::*;

use super::WALKS_APART_MS;
use crate::{
    client::{
        Client,
        query::{Query, paced},
    },
    frame::address::filter_of_address,
    parts::{
        button::IconButton,
        field::TextField,
        icon,
        medium::{OneMedium, address},
        picture::Picture,
        save,
        states::{Empty, Load, prose},
        step_slider::{StepSlider, Walk},
        toast::Toasts,
        words,
    },
};

/// More keys than are seen at a glance: from here on they can be searched.
const MANY: usize = 12;
/// Of a histogram so many steps are laid beside each other.
const STEPS: usize = 60;

#[component]
pub(super) fn MediaTab(run: Memo<RunId>, media: Query<RunMedia>) -> impl IntoView {
    view! {
        <Load query=media let:media>
            {
                let wanted = filter_of_address("words");
                // An address that names words asks for them.
                let asked = RwSignal::new(wanted.get_untracked());
                let is_cut = Memo::new(move |_| media.with(|media| media.total > media.keys.len() as u64));
                // What is here is looked through as it is typed; what is not, where a person says that this is the word.
                let elsewhere = paced(
                    move || {
                        let words = asked.get();
                        let is_asked = is_cut.get() && !words.trim().is_empty();
                        is_asked.then(|| ListMedia { run: run.get(), words })
                    },
                    WALKS_APART_MS,
                );
                let found = Memo::new(move |_| {
                    let words = wanted.get();
                    let is_asked = is_cut.get() && words == asked.get() && !words.trim().is_empty();
                    elsewhere.value.get().filter(|_| is_asked).map_or_else(
                        || media.with(|media| here(media, &ListMedia { run: run.get(), words })),
                        |found| (found, true),
                    )
                });
                let keys = Memo::new(move |_| found.with(|(found, _)| found.keys.iter().map(|of| of.key.clone()).collect::<Vec<_>>()));
                let none = Memo::new(move |_| media.with(|media| media.keys.is_empty()));
                let is_many = Memo::new(move |_| media.with(|media| media.keys.len() > MANY));
                let said = Memo::new(move |_| {
                    let is_wanted = wanted.with(|wanted| !wanted.trim().is_empty());
                    found.with(|found| said_of_keys(found, is_wanted))
                });
                let look = Callback::new(move |()| asked.set(wanted.get_untracked()));
                view! {
                    {move || none.get().then(|| view! {
                        <Empty mark=icon::IMAGE title="No media" text="Pictures, videos, sounds, pages, texts and tables that a run logs stand here by their step." />
                    })}
                    {move || is_many.get().then(|| view! {
                        <div class="plot-tools flex wrap">
                            <TextField value=wanted name="Filter media" placeholder="Filter media" mark=icon::LIST_FILTER is_filter=true on_enter=look on_change=look />
                        </div>
                    })}
                    <div class="media">
                        <For each=move || keys.get() key=Clone::clone let:key>
                            {
                                let of = Memo::new(move |_| found.with(|(found, _)| found.keys.iter().find(|of| of.key == key).cloned()));
                                view! { <OfKey run of /> }
                            }
                        </For>
                    </div>
                    {move || said.get().map(|said| view! { <p class="muted small" role="status">{said}</p> })}
                }
            }
        </Load>
    }
}

/// Of the keys that are here those that are asked for, and whether these are all that there are.
fn here(media: &RunMedia, asked: &ListMedia) -> (RunMedia, bool) {
    let keys: Vec<MediaOfKey> = media.keys.iter().filter(|of| asked.asks_for(&of.key)).cloned().collect();
    let is_whole = media.total == media.keys.len() as u64;
    // Words leave nothing out but what they do not fit.
    let total = if asked.words.trim().is_empty() { media.total } else { keys.len() as u64 };
    (RunMedia { keys, total }, is_whole)
}

/// What is said of keys that are not shown.
fn said_of_keys((found, is_whole): &(RunMedia, bool), is_wanted: bool) -> Option<String> {
    let left_out = found.total.saturating_sub(found.keys.len() as u64);
    let how = match (is_wanted, left_out) {
        (true, _) if !is_whole => return Some("Of the first keys alone: Enter looks among all.".to_owned()),
        (true, _) if found.keys.is_empty() => return Some("No key has these words.".to_owned()),
        (_, 0) => return None,
        (true, _) => "name more of their words",
        (false, _) => "filter by their words",
    };
    Some(format!("{} not shown: {how}.", words::counted(left_out, "more key is", "more keys are")))
}

#[component]
fn OfKey(run: Memo<RunId>, of: Memo<Option<MediaOfKey>>) -> impl IntoView {
    let key = Memo::new(move |_| of.with(|of| of.as_ref().map(|of| of.key.clone()).unwrap_or_default()));
    let steps = Memo::new(move |_| of.with(|of| of.as_ref().map(|of| of.steps.clone()).unwrap_or_default()));
    let (client, toasts) = (Client::get(), Toasts::get());
    let walk = Walk::new(steps);
    let step = walk.step;
    // Which of several at a step: that of another step says nothing of this one.
    let picked = RwSignal::new(None::<(i64, u64)>);
    let turn = Memo::new(move |_| picked.get().filter(|(of, _)| step.get() == Some(*of)).map(|(_, turn)| turn));
    let asked = move || {
        let at = step.get()?;
        Some(GetMedium { run: run.get(), key: key.get(), step: Some(at), turn: turn.get() })
    };
    let medium = paced(asked, WALKS_APART_MS);
    let among = Memo::new(move |_| {
        medium.value.with(|medium| medium.as_ref().and_then(|medium| Some((medium.step, medium.among?))))
    });
    let is_histogram = Memo::new(move |_| of.with(|of| of.as_ref().is_some_and(|of| of.kind == MediumKind::Histogram)));
    let has_steps = Memo::new(move |_| steps.with(|steps| steps.len() > 1));
    let by_step = Memo::new(move |_| of.with(|of| of.as_ref().is_some_and(|of| of.by_step)));
    let cut = Memo::new(move |_| of.with(|of| of.as_ref().and_then(said_of_steps)));
    let more = Memo::new(move |_| if cut.with(Option::is_some) { vec![run.get()] } else { Vec::new() });
    view! {
        <section class="card medium">
            <header class="flex">
                <strong class="cut mono" title=move || key.get()>{move || key.get()}</strong>
                <span class="faint caption">{move || step.get().filter(|_| by_step.get()).map(|step| format!("step {step}"))}</span>
                {move || among.get().map(|(step, among)| view! {
                    <span class="faint caption">{format!("{} of {}", among.turn, among.of)}</span>
                    <IconButton label=format!("The next at step {step}") mark=icon::CHEVRON_RIGHT on_press=move |_| picked.set(Some((step, among.next()))) />
                })}
                <StepSlider walk of=key more />
                {move || medium.value.with(|medium| medium.as_ref().map(|medium| (medium.file.clone(), medium.step, medium.among))).map(|(name, step, among)| view! {
                    <IconButton label="Save" mark=icon::DOWNLOAD on_press=move |_| {
                        let at = address(&key.get_untracked(), step, among);
                        save::file(client, toasts, name.clone(), format!("/api/blob/media/{}/whole?{at}", run.get_untracked()));
                    } />
                })}
            </header>
            <OneMedium run key medium by_step />
            {move || cut.get().map(|said| view! { <p class="muted small padded">{prose(&said)}</p> })}
            {move || (has_steps.get() && is_histogram.get()).then(|| view! { <OverSteps run key steps /> })}
        </section>
    }
}

/// What is said of a key of which not all steps are here.
fn said_of_steps(of: &MediaOfKey) -> Option<String> {
    let here = of.steps.len() as u64;
    (of.total > here).then(|| {
        let all = words::counted(of.total, "step", "steps");
        format!("{} of {all} are here, evenly apart: type the step of another.", words::count(here))
    })
}

/// Evenly so many, the first and the last among them.
fn thinned(steps: &[i64], most: usize) -> Vec<i64> {
    if steps.len() <= most || most < 2 {
        return steps.to_vec();
    }
    (0..most).map(|index| steps[index * (steps.len() - 1) / (most - 1)]).collect()
}

/// What the drawing of all steps shows.
fn bands() -> String {
    let half = SHARES.len() / 2;
    let shares = SHARES[..half].iter().rev().map(|below| format!("{:.0}", (1.0 - 2.0 * below) * 100.0));
    let shares: Vec<String> = shares.collect();
    let (last, others) =
        shares.split_last().map_or((String::new(), String::new()), |(last, others)| (last.clone(), others.join(", ")));
    format!(
        "Over its steps: the line is the median; the bands hold, from within, {others} and {last}\u{a0}% of the values."
    )
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
        <p class="muted small over-steps">{bands()}</p>
        <Picture name=format!("{} over steps", key.get_untracked()) of="step" draw=move |width, _| draw(width) />
        {move || cut().then(|| view! { <p class="muted small">{format!("{STEPS} steps are drawn, evenly apart.")}</p> })}
    }
}

#[cfg(test)]
mod tests {
    use api::{
        RunId,
        media::{ListMedia, MediaOfKey, MediumKind, RunMedia},
    };

    use super::{bands, here, said_of_keys, said_of_steps, thinned};

    #[test]
    fn keys_are_found_by_words_and_those_that_are_not_here_are_said() {
        let of = |key: &str| MediaOfKey {
            key: key.to_owned(),
            kind: MediumKind::Image,
            steps: vec![0],
            total: 1,
            by_step: true,
        };
        let media = |total| RunMedia { keys: vec![of("val/Samples"), of("train/samples")], total };
        let asked = |words: &str| ListMedia { words: words.to_owned(), ..ListMedia::of(RunId::from_bytes([1; 16])) };
        let told = |total, words: &str| {
            let found = here(&media(total), &asked(words));
            let keys: Vec<String> = found.0.keys.iter().map(|of| of.key.clone()).collect();
            (keys.join(" "), said_of_keys(&found, !words.is_empty()).unwrap_or_default())
        };
        assert_eq!(told(2, ""), ("val/Samples train/samples".to_owned(), String::new()));
        assert_eq!(told(2, "samples VAL"), ("val/Samples".to_owned(), String::new()));
        assert_eq!(told(2, "test").1, "No key has these words.");
        assert_eq!(told(1_002, "").1, "1,000 more keys are not shown: filter by their words.");
        assert_eq!(told(1_002, "test").1, "Of the first keys alone: Enter looks among all.");
        let many = (media(40), true);
        assert_eq!(said_of_keys(&many, true).as_deref(), Some("38 more keys are not shown: name more of their words."));
    }

    #[test]
    fn steps_that_are_left_out_are_said() {
        let of = |total: u64| MediaOfKey {
            key: "sample".to_owned(),
            kind: MediumKind::Image,
            steps: vec![0, 7, 20],
            total,
            by_step: true,
        };
        assert_eq!(said_of_steps(&of(3)), None);
        let said = said_of_steps(&of(25_000)).unwrap_or_default();
        assert!(said.starts_with("3 of 25,000 steps are here, evenly apart: "), "{said}");
        assert!(said.ends_with("type the step of another."), "{said}");
    }

    #[test]
    fn the_bands_are_told_from_within() {
        assert!(bands().ends_with("from within, 38, 68, 87 and 100\u{a0}% of the values."), "{}", bands());
    }

    #[test]
    fn of_many_steps_the_ends_stay() {
        let steps: Vec<i64> = (0..200).collect();
        let few = thinned(&steps, 60);
        assert_eq!((few.len(), few[0], few[59]), (60, 0, 199));
        assert_eq!(thinned(&steps[..3], 60), [0, 1, 2]);
    }
}
