//! What runs share, so that they are grouped by it: one list and one meaning for the table, for compared runs and for the
//! command line.

use std::collections::BTreeMap;

use crate::{
    run::{Run, RunKind, RunRow, RunState},
    run_table::{parts, unquoted},
};

/// What runs have of their own that they can share, as a filter names it.
pub const OWN: [&str; 7] = ["name", "state", "kind", "device", "commit", "snapshot", "user"];

/// Of one run what stands for each of [`OWN`], where it has that.
pub type Own = BTreeMap<&'static str, String>;

/// What a run is grouped by: its params, its tags, and what it has of its own.
pub type Shared<'run> = (&'run BTreeMap<String, String>, &'run BTreeMap<String, String>, &'run Own);

impl Run {
    /// What it has of its own that others can share.
    pub fn own(&self) -> Own {
        let commit = self.code.as_ref().map(|code| code.commit.as_str());
        let texts = [self.device.as_deref(), commit, self.user.as_deref()];
        own(&self.name, (self.state, self.kind), texts, self.snapshot_number)
    }
}

impl RunRow {
    /// As [`Run::own`].
    pub fn own(&self) -> Own {
        let texts = [self.device.as_deref(), self.commit.as_deref(), self.user.as_deref()];
        own(&self.name, (self.state, self.kind), texts, self.snapshot_number)
    }
}

fn own(
    name: &str,
    (state, kind): (RunState, RunKind),
    [device, commit, user]: [Option<&str>; 3],
    snapshot: Option<u32>,
) -> Own {
    let there = [("name", name), ("state", state.word()), ("kind", kind.word())].into_iter();
    let may_be = [("device", device), ("commit", commit), ("user", user)].into_iter();
    let all = there.chain(may_be.filter_map(|(name, value)| Some((name, value?))));
    let all = all.map(|(name, value)| (name, value.to_owned()));
    all.chain(snapshot.map(|number| ("snapshot", number.to_string()))).collect()
}

/// The values that a run is grouped by, one for each of what `by` names by commas as
/// [`crate::run_table::GroupRuns::by`] does; `None` where it has none.
pub fn values_of<'run>((params, tags, own): Shared<'run>, by: &str) -> Vec<Option<&'run str>> {
    let value = |by: &str| -> Option<&'run str> {
        let of_key = |values: &'run BTreeMap<String, String>, key: &str| {
            values.get(key).or_else(|| values.get(&*unquoted(key))).map(String::as_str)
        };
        match key_of(by) {
            Some((true, key)) => of_key(params, key),
            Some((false, key)) => of_key(tags, key),
            None => own.get(by).map(String::as_str),
        }
    };
    parts(by).into_iter().map(value).collect()
}

/// The first of what is named by commas that compared runs can't be grouped by.
pub fn unknown(by: &str) -> Option<&str> {
    parts(by).into_iter().find(|by| key_of(by).is_none() && !OWN.contains(by))
}

/// Whether it is a param's key, else a tag's; `None` of what has no key.
fn key_of(by: &str) -> Option<(bool, &str)> {
    let behind = |kinds: [&str; 2]| kinds.into_iter().find_map(|kind| by.strip_prefix(kind));
    let param = behind(["param.", "params."]).map(|key| (true, key));
    param.or_else(|| behind(["tag.", "tags."]).map(|key| (false, key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunId;

    #[test]
    fn a_run_has_a_value_for_each_that_it_is_grouped_by() {
        let text = |text: &str| text.to_owned();
        let row = RunRow {
            params: [(text("lr"), text("0.1")), (text("a, b"), text("2"))].into(),
            tags: [(text("team"), text("red"))].into(),
            device: Some(text("cuda:0")),
            snapshot_number: Some(3),
            ..RunRow::bare(RunId::from_bytes([1; 16]), text("heron"), RunKind::Client, RunState::Failed)
        };
        let own = row.own();
        let told = |by: &str| {
            let values = values_of((&row.params, &row.tags, &own), by);
            values.into_iter().map(|value| value.unwrap_or("–")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("param.lr"), "0.1");
        assert_eq!(told("params.lr, tag.team,state"), "0.1 red failed");
        assert_eq!(told("param.\"a, b\", tags.team"), "2 red");
        assert_eq!(told("kind, device, snapshot, name"), "client cuda:0 3 heron");
        assert_eq!(told("commit, user, param.l2"), "– – –");
        assert_eq!(told(""), "");
        assert_eq!(unknown("param.lr, state, user"), None);
        assert_eq!(unknown("param.lr, duration"), Some("duration"));
    }
}
