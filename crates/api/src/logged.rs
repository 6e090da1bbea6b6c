//! Models that MLflow's clients logged, for a person: those of a run, and one with what became of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    id::{RunId, VersionId},
    registered::MlModel,
    run::{Artifact, LineageNode},
    tracking::{LoggedMetric, LoggedModel, Scope},
};

/// Whose logged models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedBy {
    /// Those that a run made.
    Run(RunId),
    /// Those of experiments.
    Within(Scope),
    /// Those that no run made, of all experiments.
    NoRun,
}

/// How many a list has at most, the newest first.
pub const MOST: usize = 1_000;

/// What is listed, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoggedList {
    /// At most [`MOST`], the newest first; either none that was deleted, or only such.
    pub models: Vec<LoggedModel>,
    /// Where each of them stands.
    #[serde(default)]
    pub places: Vec<LoggedPlace>,
    pub total: u64,
    /// How many were deleted and can be restored, whether or not these are what is listed.
    pub deleted: u64,
}

/// Where a logged model stands, by names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedPlace {
    /// The run that made it.
    pub run: Option<String>,
    pub experiment: String,
}

/// A version that was registered from a logged model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedVersion {
    pub id: VersionId,
    /// The name that it is registered under.
    pub name: String,
    pub number: u32,
    pub aliases: Vec<String>,
    /// The address of its page, without the host's.
    pub page: String,
}

/// A logged model with all that is shown of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedDetail {
    pub model: LoggedModel,
    /// The run that made it, by its name and its page.
    pub run: Option<(String, String)>,
    pub experiment_name: String,
    /// What was registered from it, the oldest first.
    pub versions: Vec<LoggedVersion>,
    /// By their paths in its folder.
    pub files: Vec<Artifact>,
    /// What its `MLmodel` file says; `None` where there is none.
    pub described: Option<MlModel>,
    /// Why the `MLmodel` file can't be read, where there is one.
    pub unreadable: Option<String>,
    /// What it came from, itself, and what came of it.
    pub lineage: Vec<LineageNode>,
}

/// Name and digest; `None` is what was measured on no dataset.
pub type MeasuredOn = Option<(String, String)>;

/// A figure of a logged model, and the step that it was logged at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasuredFigure {
    pub value: f64,
    pub step: i64,
}

/// The figures of a logged model as a table: a row a key, a column a dataset, in each cell the newest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FiguresByDataset {
    pub datasets: Vec<MeasuredOn>,
    pub rows: Vec<(String, Vec<Option<MeasuredFigure>>)>,
}

impl FiguresByDataset {
    pub fn of(model: &LoggedModel) -> Self {
        let dataset = |metric: &LoggedMetric| {
            metric.dataset_name.clone().map(|name| (name, metric.dataset_digest.clone().unwrap_or_default()))
        };
        let mut newest: BTreeMap<&str, BTreeMap<MeasuredOn, &LoggedMetric>> = BTreeMap::new();
        for metric in &model.metrics {
            let cell = newest.entry(&metric.key).or_default().entry(dataset(metric)).or_insert(metric);
            if (cell.time_ms, cell.step) <= (metric.time_ms, metric.step) {
                *cell = metric;
            }
        }
        let datasets: BTreeSet<_> = newest.values().flat_map(BTreeMap::keys).cloned().collect();
        let datasets: Vec<_> = datasets.into_iter().collect();
        let cells = |of: BTreeMap<MeasuredOn, &LoggedMetric>| {
            let figure = |metric: &&LoggedMetric| MeasuredFigure { value: metric.value, step: metric.step };
            datasets.iter().map(|dataset| of.get(dataset).map(figure)).collect()
        };
        let rows = newest.into_iter().map(|(key, of)| (key.to_owned(), cells(of))).collect();
        Self { datasets, rows }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListLogged {
    pub of: LoggedBy,
    /// Those that were deleted, instead of those that are there.
    #[serde(default)]
    pub deleted: bool,
}

/// In this and the requests below a logged model is named by its id ("m-" and 32 hexadecimal digits), or by its name
/// where no other has that.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetLogged {
    pub model: String,
}

/// What becomes a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedAt {
    Model(String),
    /// A folder of a run's artifacts that has an `MLmodel` file, by its path among these.
    Folder {
        run: RunId,
        path: String,
    },
}

/// Registers what a client logged as the next version of a registered model, which is made where there is none of the
/// name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterLogged {
    pub from: LoggedAt,
    pub name: String,
}

/// Deletes a logged model so that it can be restored; refused while a version points at its files. After a day the next
/// [`crate::host::CollectGarbage`] deletes it for good, with its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteLogged {
    pub model: String,
}

/// Restores a logged model that was deleted, also by a client, and that no cleaning took yet. A name is looked for
/// among those that were deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreLogged {
    pub model: String,
}

crate::requests! { METHODS;
    ListLogged => "model.logged_list" -> LoggedList, |me| match me.of {
        LoggedBy::Run(run) => vec![Tag::Run(run), Tag::ClientModels],
        LoggedBy::Within(scope) => vec![scope.tag(), Tag::ClientModels],
        LoggedBy::NoRun => vec![Tag::Experiments, Tag::ClientModels],
    };
    GetLogged => "model.logged" -> LoggedDetail, |_me| vec![Tag::AnyModels];
    RegisterLogged => "model.register_logged" -> LoggedVersion;
    DeleteLogged => "model.delete_logged" -> LoggedModel;
    RestoreLogged => "model.restore_logged" -> LoggedModel;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::LoggedStatus;

    #[test]
    fn figures_stand_by_their_datasets_and_the_newest_counts() {
        let run = RunId::from_bytes([1; 16]);
        let metric = |key: &str, dataset: Option<&str>, step, value| LoggedMetric {
            run,
            key: key.to_owned(),
            dataset_name: dataset.map(str::to_owned),
            dataset_digest: dataset.map(|_| "d1".to_owned()),
            step,
            time_ms: 5,
            value,
        };
        let metrics =
            vec![metric("f1", Some("test"), 2, 0.9), metric("f1", Some("test"), 1, 0.5), metric("loss", None, 0, 0.1)];
        let model = LoggedModel {
            id: "m-1".to_owned(),
            experiment: crate::ExperimentId::from_bytes([2; 16]),
            name: "forest".to_owned(),
            run: Some(run),
            kind: None,
            status: LoggedStatus::Ready,
            status_message: None,
            created_ms: 0,
            updated_ms: 0,
            deleted_ms: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            metrics,
        };
        let table = FiguresByDataset::of(&model);
        assert_eq!(table.datasets, [None, Some(("test".to_owned(), "d1".to_owned()))]);
        let some = |value, step| Some(MeasuredFigure { value, step });
        let rows = [("f1".to_owned(), vec![None, some(0.9, 2)]), ("loss".to_owned(), vec![some(0.1, 0), None])];
        assert_eq!(table.rows, rows);
    }
}
