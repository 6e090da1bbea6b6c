//! Which registered models and versions stand in a log: what it renames and deletes is renamed and deleted here. What it
//! deletes can be brought back for a day, as what a person deletes.

use std::collections::{BTreeMap, HashSet};

use api::{ModelId, VersionId, tracking::ClientVersion};
use foreign::registry::{ModelHead, StandingModel};
use store::{
    model::ModelRow,
    source::RecordKind::{Model, Version},
};

use super::{CREATED, NAME, Writing, version_key, wanted};
use crate::{source::heard::Heard, tracking::gone};

/// What stands behind every key: no text has this as its first letter.
const END: &str = "\u{10FFFF}";

/// A version of a model of the log that was told before.
struct ToldVersion {
    number: u32,
    id: Option<VersionId>,
}

impl Writing<'_, '_> {
    /// Follows the names of the log's models: one that it has under another name now is called so here, and one that it has
    /// no more is deleted.
    pub(super) fn standing(&mut self, standing: Vec<StandingModel>) -> store::Result<()> {
        let known: BTreeMap<String, String> =
            store::source::keyed(self.tx, self.source.id, Model, ("", END))?.into_iter().collect();
        let stands: HashSet<&str> = standing.iter().map(|model| model.name.as_str()).collect();
        let mut new: Vec<&StandingModel> = standing.iter().filter(|model| !known.contains_key(&model.name)).collect();
        for (was, id) in known.iter().filter(|(was, _)| !stands.contains(was.as_str())) {
            let row = id.parse::<ModelId>().ok().map(|id| store::model::get(self.tx, id)).transpose()?.flatten();
            let heard = Heard::of(self.tx, self.source.id, "model", id)?;
            // A renamed one keeps the time of its registration, by which it is known.
            let is_same = |model: &StandingModel| {
                let told = |created_ms: i64| heard.says(CREATED, &created_ms.to_string());
                let is_of =
                    |created_ms| told(created_ms) || row.as_ref().is_some_and(|row| row.created_ms == created_ms);
                model.created_ms.is_some_and(is_of)
            };
            let mut same = new.iter().enumerate().filter(|(_, model)| is_same(model)).map(|(at, _)| at);
            match (same.next(), same.next()) {
                (Some(at), None) => {
                    let now = new.remove(at);
                    self.renamed(was, &now.name, row, heard)?;
                }
                _ => self.model_gone(was, row)?,
            }
        }
        Ok(())
    }

    /// Gives a model of the log the name that it has there now, unless a person gave it another here.
    fn renamed(&mut self, was: &str, now: &str, row: Option<ModelRow>, mut heard: Heard) -> store::Result<()> {
        for version in self.told_versions(was)? {
            let (from, to) = (version_key(was, version.number), version_key(now, version.number));
            store::source::move_record(self.tx, self.source.id, Version, &from, &to)?;
        }
        store::source::move_record(self.tx, self.source.id, Model, was, now)?;
        // What a person deleted here stays deleted.
        let Some(mut row) = row else { return Ok(()) };
        if row.name == wanted(now) {
            heard.is_news(NAME, &row.name);
        } else if heard.says(NAME, &row.name) || row.name == wanted(was) {
            row.name = self.free_name(now)?;
            heard.is_news(NAME, &row.name);
            store::model::put(self.tx, &row)?;
            self.wrote.models = true;
            for version in store::client_version::of_model(self.tx, row.id)? {
                self.announce(&version)?;
            }
        }
        heard.keep(self.tx)
    }

    /// Deletes a model that the log has no more, unless versions stand under it that are not the log's.
    fn model_gone(&mut self, name: &str, row: Option<ModelRow>) -> store::Result<()> {
        let told = self.told_versions(name)?;
        if let Some(row) = row {
            let own: HashSet<VersionId> = told.iter().filter_map(|version| version.id).collect();
            let mut versions = store::client_version::of_model(self.tx, row.id)?;
            let is_whole = versions.iter().all(|version| own.contains(&version.id));
            versions.retain(|version| own.contains(&version.id));
            for version in &versions {
                self.announce(version)?;
            }
            if is_whole && store::version::of_model(self.tx, row.id)?.is_empty() {
                gone::take_model(self.tx, row, self.now_ms)?;
            } else {
                for version in versions {
                    gone::take_version(self.tx, row.clone(), version, self.now_ms)?;
                }
            }
            self.wrote.models = true;
        }
        for version in told {
            store::source::forget_record(self.tx, self.source.id, Version, &version_key(name, version.number))?;
        }
        store::source::forget_record(self.tx, self.source.id, Model, name)
    }

    /// Deletes the versions that the log has no more.
    pub(super) fn versions_gone(&mut self, row: &ModelRow, head: &ModelHead) -> store::Result<()> {
        let Some(standing) = &head.standing else { return Ok(()) };
        let standing: HashSet<u32> = standing.iter().copied().collect();
        for told in self.told_versions(&head.name)?.into_iter().filter(|told| !standing.contains(&told.number)) {
            let found = told.id.map(|id| store::client_version::get(self.tx, id)).transpose()?.flatten();
            if let Some(version) = found.filter(|version| version.model == row.id) {
                let version = store::client_version::whole(self.tx, version)?;
                self.announce(&version)?;
                gone::take_version(self.tx, row.clone(), version, self.now_ms)?;
            }
            store::source::forget_record(self.tx, self.source.id, Version, &version_key(&head.name, told.number))?;
        }
        Ok(())
    }

    fn told_versions(&self, model: &str) -> store::Result<Vec<ToldVersion>> {
        // Behind the slash of a key's number comes the zero.
        let (from, before) = (format!("{model}/"), format!("{model}0"));
        let all = store::source::keyed(self.tx, self.source.id, Version, (&from, &before))?;
        let told = |(key, id): (String, String)| {
            let number = key.strip_prefix(&from)?.parse().ok()?;
            Some(ToldVersion { number, id: id.parse().ok() })
        };
        Ok(all.into_iter().filter_map(told).collect())
    }

    /// Notes whose pages tell of a version.
    fn announce(&mut self, version: &ClientVersion) -> store::Result<()> {
        let row = version.run.map(|run| store::run::bare(self.tx, run)).transpose()?.flatten();
        self.wrote.runs.extend(version.run);
        self.wrote.projects.extend(row.and_then(|row| row.run.project));
        Ok(())
    }
}
