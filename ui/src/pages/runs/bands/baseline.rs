//! The run that the means of groups are drawn beside: any, also one that the filter leaves out. It stands in the address as
//! that of compared runs does.

use api::{
    id::RunId,
    run::{GetRun, Run, RunRow},
};
use charts::role::Role;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::{client::query::query, frame::address::keep_in_address, parts::curves::Wanted};

use super::super::overlaid::{Compared, told_apart};

#[derive(Clone, Copy)]
pub(super) struct Baseline {
    /// Its id; empty where none is pinned.
    pub(super) pin: RwSignal<String>,
    run: Memo<Option<Run>>,
}

impl Baseline {
    /// As the address says, which then follows what is chosen.
    pub(super) fn of_address(asked: Memo<ParamsMap>) -> Self {
        let pin = RwSignal::new(asked.with_untracked(|asked| asked.get("pin")).unwrap_or_default());
        keep_in_address(move || vec![("pin", pin.get())]);
        let found = query(move || pin.with(|pin| pin.parse::<RunId>().ok()).map(|run| GetRun { run }));
        let run = Memo::new(move |_| {
            let is_pinned = |run: &Run| pin.with(|pin| *pin == run.id.to_string());
            found.value.get().filter(is_pinned)
        });
        Self { pin, run }
    }

    /// Its curve of a figure, where it has one.
    pub(super) fn wanted(self, metric: &str) -> Vec<Wanted> {
        self.run.with(|run| run.as_ref().and_then(|run| wanted(run, metric)).into_iter().collect())
    }

    /// The runs that may be it: these, and the one that is.
    pub(super) fn options(self, rows: &[RunRow]) -> Vec<(String, String)> {
        let own = self.run.with(|run| run.as_ref().map(|run| run.name.clone()));
        self.pin.with(|pin| options(rows, pin, own))
    }
}

fn wanted(run: &Run, metric: &str) -> Option<Wanted> {
    run.metrics.iter().find(|own| own.key == metric && own.count > 1)?;
    let (key, name) = (metric.to_owned(), run.name.clone());
    Some(Wanted { run: run.id, key, name, role: Role::Text, began_ms: run.began_ms() })
}

fn options(rows: &[RunRow], pin: &str, own: Option<String>) -> Vec<(String, String)> {
    // Those of one name are told apart.
    let rows = told_apart(rows.iter().map(Compared::from).collect());
    let mut all = vec![(String::new(), "No baseline".to_owned())];
    all.extend(rows.into_iter().map(|run| (run.id.to_string(), run.name)));
    if all.iter().all(|(id, _)| id != pin) {
        all.push((pin.to_owned(), own.unwrap_or_else(|| "…".to_owned())));
    }
    all
}

#[cfg(test)]
mod tests {
    use api::run::{RunKind, RunState};

    use super::*;

    #[test]
    fn the_run_that_is_the_baseline_is_among_those_that_may_be_it() {
        let row = |number: u8, name: &str| {
            RunRow::bare(RunId::from_bytes([number; 16]), name.to_owned(), RunKind::Client, RunState::Finished)
        };
        let rows = [row(1, "heron"), row(2, "otter"), row(3, "heron")];
        let names = |pin: &str, own: Option<&str>| {
            let all = options(&rows, pin, own.map(str::to_owned));
            all.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        let plain = names("", None);
        assert_eq!((plain.len(), plain[0].as_str(), plain[2].as_str()), (4, "No baseline", "otter"));
        assert_ne!(plain[1], plain[3], "runs of one name are told apart");
        assert_eq!(names(&rows[1].id.to_string(), Some("otter")).len(), 4);
        let other = RunId::from_bytes([9; 16]).to_string();
        assert_eq!(names(&other, Some("magpie")).last().map(String::as_str), Some("magpie"));
        assert_eq!(names(&other, None).last().map(String::as_str), Some("…"));
    }
}
