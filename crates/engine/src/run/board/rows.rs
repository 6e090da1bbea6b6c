//! The rows of a table: what each run has of its own. What is a text stands in a column, once however many runs have it,
//! so that a hundred thousand rows take a few MB.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use api::{
    RunId, SplitId,
    run::{RunKind, RunState, seconds},
};
use hashbrown::HashTable;
use store::run_columns::RunHead;

use super::column::{Numbers, Texts, room};
use crate::run::filter::Field;

/// In the place of a time that a run has not.
const NEVER: i64 = i64::MIN;

#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Rows by their runs' ids, which stand in the rows alone.
    at: HashTable<u32>,
    hasher: RandomState,
    own: Vec<Own>,
    pub(super) names: Texts,
    pub(super) models: Texts,
    devices: Texts,
    users: Texts,
    commits: Texts,
    /// None where they are empty.
    pub(super) notes: Texts,
    addresses: Texts,
    snapshots: Numbers,
    costs: Numbers,
    /// The keys that rank, and their values.
    ranked_by: Texts,
    ranked: Numbers,
    splits: HashMap<u32, SplitId>,
}

#[derive(Debug, Clone, Copy)]
struct Own {
    id: RunId,
    created_ms: i64,
    started_ms: i64,
    ended_ms: i64,
    kind: RunKind,
    state: RunState,
}

impl Rows {
    /// Replaces a run's row, or adds one. Where it stands.
    pub(super) fn put(&mut self, head: &RunHead) -> usize {
        let own = Own {
            id: head.id,
            created_ms: head.created_ms,
            started_ms: head.started_ms.unwrap_or(NEVER),
            ended_ms: head.ended_ms.unwrap_or(NEVER),
            kind: head.kind,
            state: head.state,
        };
        let row = match self.place(head.id) {
            Some(row) => {
                self.own[row] = own;
                row
            }
            None => self.add(own),
        };
        let ranked = head.ranked.as_ref();
        let notes = Some(head.notes.as_str()).filter(|notes| !notes.is_empty());
        for (column, text) in [
            (&mut self.names, Some(head.name.as_str())),
            (&mut self.models, head.model.as_deref()),
            (&mut self.devices, head.device.as_deref()),
            (&mut self.users, head.user.as_deref()),
            (&mut self.commits, head.commit.as_deref()),
            (&mut self.notes, notes),
            (&mut self.addresses, head.address.as_deref()),
            (&mut self.ranked_by, ranked.map(|(key, _)| key.as_str())),
        ] {
            match text {
                Some(text) => column.set(row, text),
                None => column.clear(row),
            }
        }
        for (column, number) in [
            (&mut self.snapshots, head.snapshot.map(f64::from)),
            (&mut self.costs, head.cost),
            (&mut self.ranked, ranked.and_then(|(_, value)| *value)),
        ] {
            match number {
                Some(number) => column.set(row, number),
                None => column.clear(row),
            }
        }
        match head.split {
            Some(split) => self.splits.insert(row as u32, split),
            None => self.splits.remove(&(row as u32)),
        };
        row
    }

    /// Where it stands from now on.
    fn add(&mut self, new: Own) -> usize {
        let Self { at, hasher, own, .. } = self;
        let row = own.len();
        at.insert_unique(hasher.hash_one(new.id), row as u32, |row| hasher.hash_one(own[*row as usize].id));
        room(own, 1);
        own.push(new);
        row
    }

    /// Where a run's row stands.
    pub(super) fn place(&self, run: RunId) -> Option<usize> {
        let row = self.at.find(self.hasher.hash_one(run), |row| self.own[*row as usize].id == run);
        row.map(|row| *row as usize)
    }

    pub(super) fn run(&self, row: usize) -> Run<'_> {
        Run { rows: self, own: &self.own[row], row }
    }

    /// The column of a field that is a text.
    pub(super) const fn texts(&self, field: &Field) -> Option<&Texts> {
        match field {
            Field::Name => Some(&self.names),
            Field::Model => Some(&self.models),
            Field::Device => Some(&self.devices),
            Field::User => Some(&self.users),
            Field::Commit => Some(&self.commits),
            Field::Notes => Some(&self.notes),
            _ => None,
        }
    }

    /// The column of a field that is a number.
    pub(super) const fn numbers(&self, field: &Field) -> Option<&Numbers> {
        match field {
            Field::Snapshot => Some(&self.snapshots),
            Field::Cost => Some(&self.costs),
            _ => None,
        }
    }
}

/// A row of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'t> {
    rows: &'t Rows,
    own: &'t Own,
    row: usize,
}

impl<'t> Run<'t> {
    pub(super) const fn id(self) -> RunId {
        self.own.id
    }

    pub(super) const fn kind(self) -> RunKind {
        self.own.kind
    }

    pub(super) const fn state(self) -> RunState {
        self.own.state
    }

    pub(super) const fn created_ms(self) -> i64 {
        self.own.created_ms
    }

    /// As [`api::run::Run::began_ms`].
    pub(super) fn began_ms(self) -> i64 {
        self.started_ms().unwrap_or(self.own.created_ms)
    }

    fn started_ms(self) -> Option<i64> {
        Some(self.own.started_ms).filter(|ms| *ms != NEVER)
    }

    pub(super) fn ended_ms(self) -> Option<i64> {
        Some(self.own.ended_ms).filter(|ms| *ms != NEVER)
    }

    /// Seconds; `None` of a run that is not over.
    pub(super) fn duration(self) -> Option<f64> {
        Some(seconds(self.started_ms()?, self.ended_ms()?))
    }

    pub(super) fn snapshot(self) -> Option<u32> {
        self.rows.snapshots.get(self.row).map(|number| number as u32)
    }

    /// Of its artifacts, of a run that was moved.
    pub(super) fn address(self) -> Option<&'t str> {
        self.rows.addresses.text(self.row)
    }

    /// What it is ranked by, where that is this metric.
    pub(super) fn rank(self, key: &str) -> Option<f64> {
        self.rows.ranked_by.text(self.row).filter(|own| *own == key)?;
        self.rows.ranked.get(self.row)
    }

    /// Which rows it was validated on.
    pub(super) fn split(self) -> Option<SplitId> {
        self.rows.splits.get(&(self.row as u32)).copied()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::run::board) fn head(name: &str) -> RunHead {
        RunHead {
            id: RunId::from_bytes([7; 16]),
            experiment: api::ExperimentId::from_bytes([1; 16]),
            name: name.to_owned(),
            kind: RunKind::Client,
            state: RunState::Running,
            model: None,
            device: None,
            user: Some("ada".to_owned()),
            commit: None,
            snapshot: Some(3),
            notes: String::new(),
            created_ms: 5,
            started_ms: None,
            ended_ms: None,
            deleted: false,
            ranked: Some(("loss".to_owned(), Some(0.5))),
            cost: None,
            split: Some(SplitId::from_bytes([2; 16])),
            address: None,
        }
    }

    #[test]
    fn a_row_is_what_its_run_is_by_now() {
        let mut rows = Rows::default();
        assert_eq!(rows.put(&head("one")), 0);
        let run = rows.run(0);
        assert_eq!((run.began_ms(), run.ended_ms(), run.duration()), (5, None, None));
        assert_eq!((run.snapshot(), run.rank("loss"), run.rank("auc")), (Some(3), Some(0.5), None));
        assert!(run.split().is_some() && !rows.notes.any());
        let later = RunHead {
            started_ms: Some(0),
            ended_ms: Some(2_000),
            user: None,
            snapshot: None,
            ranked: None,
            split: None,
            notes: "good".to_owned(),
            address: Some("elsewhere".to_owned()),
            ..head("two")
        };
        assert_eq!(rows.put(&later), 0, "it is the same run");
        let run = rows.run(0);
        assert_eq!((run.began_ms(), run.duration(), run.address()), (0, Some(2.0), Some("elsewhere")));
        assert_eq!((run.snapshot(), run.rank("loss"), run.split()), (None, None, None));
        let text = |field: &Field| rows.texts(field).and_then(|column| column.text(0));
        assert_eq!([text(&Field::Name), text(&Field::User), text(&Field::Notes)], [Some("two"), None, Some("good")]);
    }
}
