//! Which colour a run has among those that it is laid beside: that of its id, so that it keeps it when others come and go.

use std::collections::HashMap;

use api::RunId;
use leptos::prelude::*;

/// After so many runs their colours come again.
const COLOURS: usize = 8;

/// Whether what has this place has the colour of one before it, so that its line is dashed.
pub(super) const fn is_dashed_at(place: usize) -> bool {
    charts::shape::is_dashed_at(place)
}

/// Each run's place among the colours, which a known one keeps. The others take, in their order, the colour that their id
/// says, or the next that is free; no colour comes again before all are taken.
pub(super) fn places(runs: &[(RunId, Option<usize>)]) -> Vec<usize> {
    // Of each time that the colours come, those that are taken, a bit each.
    let mut taken = Vec::<u8>::new();
    let mut take = |place: usize| {
        let (turn, colour) = (place / COLOURS, place % COLOURS);
        if taken.len() <= turn {
            taken.resize(turn + 1, 0);
        }
        let is_free = taken[turn] & (1 << colour) == 0;
        taken[turn] |= 1 << colour;
        is_free
    };
    runs.iter().filter_map(|(_, known)| *known).for_each(|place| {
        take(place);
    });
    let mut turn = 0;
    let mut place = |(run, known): &(RunId, Option<usize>)| {
        if let Some(known) = known {
            return *known;
        }
        loop {
            let own = own(*run);
            let free = (0..COLOURS).map(|next| turn * COLOURS + (own + next) % COLOURS).find(|place| take(*place));
            match free {
                Some(free) => return free,
                None => turn += 1,
            }
        }
    };
    runs.iter().map(&mut place).collect()
}

/// The places of the picked rows of a table: a run keeps its colour while others are picked and left out.
pub(super) fn of_picked(picked: RwSignal<Vec<String>>) -> Memo<HashMap<String, usize>> {
    Memo::new(move |before: Option<&HashMap<String, usize>>| {
        picked.with(|picked| {
            let known = |id: &String| before.and_then(|before| before.get(id)).copied();
            let run = |id: &String| id.parse().unwrap_or(RunId::from_bytes([0; 16]));
            let runs: Vec<_> = picked.iter().map(|id| (run(id), known(id))).collect();
            picked.iter().cloned().zip(places(&runs)).collect::<HashMap<_, _>>()
        })
    })
}

/// The colour that an id says, by FNV-1a: the ids of runs that began one after another are alike.
fn own(run: RunId) -> usize {
    let hash = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    run.as_bytes().iter().fold(0x811c_9dc5, hash) as usize % COLOURS
}

/// A run as an address names it, with its place where that is written there: `ID` or `ID~3`.
pub(super) fn read(text: &str) -> Option<(RunId, Option<usize>)> {
    let (id, place) = text.split_once('~').map_or((text, None), |(id, place)| (id, place.parse().ok()));
    // An address may say anything: a place beyond all runs would be a row of as many colours.
    Some((id.parse().ok()?, place.filter(|place| *place < COLOURS * api::run_diff::MOST)))
}

/// Runs as an address names them. Their places stand there, too, where they would be others without those that have left.
pub(super) fn written(runs: &[RunId], known: &HashMap<RunId, usize>) -> String {
    let alone: Vec<(RunId, Option<usize>)> = runs.iter().map(|run| (*run, None)).collect();
    let is_same = |(run, place): (&RunId, usize)| known.get(run).is_none_or(|known| *known == place);
    let is_plain = runs.iter().zip(places(&alone)).all(is_same);
    let one = |run: &RunId| match known.get(run).filter(|_| !is_plain) {
        Some(place) => format!("{run}~{place}"),
        None => run.to_string(),
    };
    runs.iter().map(one).collect::<Vec<_>>().join(",")
}

/// The same of runs of the table, whose places are known by their ids as it writes them.
pub(super) fn written_of(runs: &[RunId], picked: &HashMap<String, usize>) -> String {
    let known = |run: &RunId| Some((*run, *picked.get(&run.to_string())?));
    written(runs, &runs.iter().filter_map(known).collect::<HashMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ids(count: u8) -> Vec<RunId> {
        (0..count).map(|number| RunId::from_bytes([number; 16])).collect()
    }

    fn new(runs: &[RunId]) -> Vec<(RunId, Option<usize>)> {
        runs.iter().map(|run| (*run, None)).collect()
    }

    #[test]
    fn a_run_keeps_its_colour_when_another_leaves_or_comes() {
        let mut runs = ids(12);
        let all: HashMap<RunId, usize> = runs.iter().copied().zip(places(&new(&runs))).collect();
        let gone = runs.remove(2);
        let address = written(&runs, &all);
        let read: Vec<(RunId, Option<usize>)> = address.split(',').filter_map(read).collect();
        let left = places(&read);
        assert_eq!(left, runs.iter().map(|run| all[run]).collect::<Vec<_>>(), "{address}");
        // Another takes the place that is free, and nobody else's.
        let more: Vec<_> = read.into_iter().chain([(RunId::from_bytes([99; 16]), None)]).collect();
        let with = places(&more);
        assert_eq!((&with[..11], with[11]), (left.as_slice(), all[&gone]));
        // In the same order the same runs have the same colours, wherever they are compared.
        assert_eq!(written(&ids(12), &all), ids(12).iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    }

    #[test]
    fn a_baseline_takes_no_colour_of_those_that_are_picked() {
        let all = ids(12);
        let known: HashMap<RunId, usize> = all.iter().copied().zip(places(&new(&all))).collect();
        // The others were picked after those that are not any more.
        let picked: HashMap<String, usize> = all[8..].iter().map(|run| (run.to_string(), known[run])).collect();
        // One that is not picked itself stands first.
        let runs: Vec<RunId> = all[..1].iter().chain(&all[8..]).copied().collect();
        let address = written_of(&runs, &picked);
        let read: Vec<(RunId, Option<usize>)> = address.split(',').filter_map(read).collect();
        let places = places(&read);
        assert_eq!(places[1..], all[8..].iter().map(|run| known[run]).collect::<Vec<_>>(), "{address}");
        assert!(!places[1..].contains(&places[0]), "{address}");
    }

    #[test]
    fn no_colour_comes_again_before_all_are_taken() {
        let found = places(&new(&ids(40)));
        for turn in found.chunks(COLOURS) {
            assert_eq!(turn.iter().map(|place| place % COLOURS).collect::<HashSet<_>>().len(), COLOURS, "{found:?}");
        }
        assert!(found[..8].iter().all(|place| !is_dashed_at(*place)) && is_dashed_at(found[8]));
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 40);
        // A colour is the id's where it is free.
        assert_eq!(found[0], own(RunId::from_bytes([0; 16])));
    }

    #[test]
    fn what_an_address_says_wrongly_is_no_place() {
        let run = ids(1)[0];
        assert_eq!(read(&format!("{run}~3")), Some((run, Some(3))));
        for place in ["x", "-1", "99999999999", ""] {
            assert_eq!(read(&format!("{run}~{place}")), Some((run, None)));
        }
        assert_eq!(read("groups"), None);
    }
}
