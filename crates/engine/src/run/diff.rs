//! What differs between runs, part by part.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::bail;
use api::{
    ApiError,
    figure::measured,
    run::{DATA_CHANGED, MACHINE, MACHINE_BY_CLIENT, MACHINE_UNMEASURED, MetricSummary, PACKAGE, Run, SYSTEM},
    run_diff::{DiffCell, DiffPart, DiffRow, DiffRuns, DiffedRun, DiffedSnapshot, MOST, NOT_KNOWN, RunDiff, SNAPSHOT},
    run_table::Below,
    tracking::{RunInput, SOURCE_TAG, is_of_client},
};
use store::{Connection, run::RunRow, snapshot::SnapshotRow};

use super::requirements;
use crate::{Engine, error, project, snapshot, tracking::client::code_of};

/// The key of the row that says what had changed in the folder since: what it was then, nobody kept.
const SINCE: &str = "changed since the snapshot";

/// A run with what stands beside its record.
struct Compared {
    run: Run,
    inputs: Vec<RunInput>,
    below: Option<Below>,
    snapshot: Option<Told>,
}

/// A snapshot with its place.
struct Told {
    row: SnapshotRow,
    project: store::project::ProjectRow,
    dataset: String,
}

pub async fn compare(engine: &Engine, request: DiffRuns) -> anyhow::Result<RunDiff> {
    let DiffRuns { runs: ids, all, system } = request;
    if !(2..=MOST).contains(&ids.len()) {
        let given = ids.len();
        bail!(
            ApiError::invalid(format!("2 to {MOST} runs are compared at once, and {given} were named."))
                .with_hint("Name the runs to compare.")
        );
    }
    let asked = ids.clone();
    let found = engine
        .store()
        .read(move |c| {
            let all_of = |id| {
                let Some(row) = store::run::get(c, id)? else { return Ok(None) };
                let keys = row.run.metrics.iter().map(|metric| &metric.key);
                let below = store::run_row::below(c, id, row.run.kind, keys)?;
                let snapshot = told(c, &row)?;
                Ok(Some((row, store::run_input::of_run(c, id)?, below, snapshot)))
            };
            asked.into_iter().map(all_of).collect::<store::error::Result<Vec<_>>>()
        })
        .await?;
    let mut runs = Vec::with_capacity(found.len());
    for (id, found) in ids.into_iter().zip(found) {
        let (mut row, inputs, below, snapshot) = found.ok_or_else(|| error::missing("run", id))?;
        if !row.run.environment.keys().any(|name| name.starts_with(PACKAGE)) {
            let required = requirements::of_run(engine, &row).await?;
            row.run.environment.extend(required);
        }
        runs.push(Compared { run: row.run, inputs, below, snapshot });
    }
    let mut rows = rows(&runs);
    let data = data_of(&runs);
    if !system {
        rows.retain(|row| row.part != DiffPart::Metrics || !row.key.starts_with(SYSTEM));
    }
    if !all {
        rows.retain(|row| match (row.part, row.key.as_str()) {
            // By content, not by what it is called.
            (DiffPart::Data, SNAPSHOT) => data.windows(2).any(|pair| pair[0] != pair[1]),
            // The same words may be of other bytes.
            (DiffPart::Data, SINCE) => true,
            _ => differs(row),
        });
    }
    let diffed = runs.into_iter().zip(data).map(|(Compared { run, below, snapshot, .. }, data)| {
        let snapshot = snapshot.zip(data).map(|(told, data)| DiffedSnapshot {
            id: told.row.snapshot.id,
            project: told.project.id,
            number: told.row.snapshot.number,
            data,
        });
        let (figures_of, is_deleted) = (below.map(|below| below.name), run.deleted_ms.is_some());
        // One that is read as the same number is none.
        let is_other =
            |metric: &&MetricSummary| metric.kept.is_some_and(|kept| measured(kept.logged) != measured(metric.last));
        let of_kept = run.metrics.iter().filter(is_other).map(|metric| metric.key.clone()).collect();
        DiffedRun { id: run.id, name: run.name, figures_of, snapshot, is_deleted, of_kept }
    });
    Ok(RunDiff { runs: diffed.collect(), rows })
}

/// The snapshot of a run; none of what a deleted project left.
fn told(connection: &Connection, row: &RunRow) -> store::error::Result<Option<Told>> {
    let Some(id) = row.run.snapshot else { return Ok(None) };
    let Some(row) = store::snapshot::get(connection, id)? else { return Ok(None) };
    let Some(dataset) = store::dataset::get(connection, row.snapshot.dataset)? else { return Ok(None) };
    let project = store::project::get(connection, dataset.project)?;
    Ok(project.map(|project| Told { row, project, dataset: dataset.name }))
}

/// A number for each run's data: equal where the bytes and how they are read are.
fn data_of(runs: &[Compared]) -> Vec<Option<u32>> {
    let is_same = |one: &SnapshotRow, other: &SnapshotRow| {
        one.snapshot.content == other.snapshot.content
            && snapshot::reading(&one.config) == snapshot::reading(&other.config)
    };
    let rows: Vec<Option<&SnapshotRow>> = runs.iter().map(|run| run.snapshot.as_ref().map(|told| &told.row)).collect();
    let first = |row: &SnapshotRow| rows.iter().position(|other| other.is_some_and(|other| is_same(other, row)));
    rows.iter().map(|row| first((*row)?).and_then(|at| u32::try_from(at).ok())).collect()
}

type Cells = BTreeMap<String, DiffCell>;

/// Everything of the runs that can be compared.
fn rows(runs: &[Compared]) -> Vec<DiffRow> {
    type Part = (DiffPart, fn(&Compared) -> Cells);
    let parts: [Part; 7] = [
        (DiffPart::Params, params),
        (DiffPart::Environment, |of| environment(&of.run)),
        (DiffPart::Code, |of| code(&of.run)),
        (DiffPart::Data, data),
        (DiffPart::Command, |of| command(&of.run)),
        (DiffPart::Tags, |of| tags(&of.run)),
        (DiffPart::Metrics, metrics),
    ];
    let rows = parts.into_iter().flat_map(|(part, cells)| {
        let of_runs: Vec<Cells> = runs.iter().map(cells).collect();
        let keys: BTreeSet<String> = of_runs.iter().flat_map(|of_run| of_run.keys().cloned()).collect();
        keys.into_iter().map(move |key| {
            let value = |(of_run, of): (&Cells, &Compared)| {
                let unknown = || is_unknown(&of.run, part, &key).then(|| DiffCell::Text(NOT_KNOWN.to_owned()));
                of_run.get(&key).cloned().or_else(unknown)
            };
            let values = of_runs.iter().zip(runs).map(value).collect();
            DiffRow { part, key, values }
        })
    });
    rows.collect()
}

/// Why a machine was not measured, and what a client measured of it, are remarks about other rows and figures.
const REMARKS: [&str; 2] = [MACHINE_UNMEASURED, MACHINE_BY_CLIENT];

/// Whether nothing was noted of the packages, or of the machine, that the key is of: a client that logged no model
/// names no package, and one that was over at once was not measured.
fn is_unknown(run: &Run, part: DiffPart, key: &str) -> bool {
    let family = [PACKAGE, MACHINE].into_iter().find(|family| part == DiffPart::Environment && key.starts_with(family));
    family.is_some_and(|family| {
        !run.environment.keys().any(|name| name.starts_with(family) && !REMARKS.contains(&name.as_str()))
    })
}

fn differs(row: &DiffRow) -> bool {
    if row.part == DiffPart::Environment && REMARKS.contains(&row.key.as_str()) {
        return false;
    }
    let same = |left: &Option<DiffCell>, right: &Option<DiffCell>| match (left, right) {
        // NaN is the same as NaN here, and 0 as -0.
        (Some(DiffCell::Number(left)), Some(DiffCell::Number(right))) => {
            left == right || left.is_nan() && right.is_nan()
        }
        (left, right) => left == right,
    };
    let is_known = |cell: &&Option<DiffCell>| {
        row.part != DiffPart::Environment || !matches!(cell, Some(DiffCell::Text(text)) if text == NOT_KNOWN)
    };
    let known: Vec<&Option<DiffCell>> = row.values.iter().filter(is_known).collect();
    known.windows(2).any(|pair| !same(pair[0], pair[1]))
}

fn texts(map: &BTreeMap<String, String>) -> Cells {
    map.iter().map(|(key, value)| (key.clone(), DiffCell::Text(value.clone()))).collect()
}

/// The environment, without what is said of the data.
fn environment(run: &Run) -> Cells {
    let mut cells = texts(&run.environment);
    cells.remove(DATA_CHANGED);
    cells
}

/// Those that are there, by name.
fn given<const N: usize>(values: [(&str, Option<String>); N]) -> Cells {
    values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), DiffCell::Text(value?)))).collect()
}

fn code(run: &Run) -> Cells {
    // Of runs that were logged before their tags were read as code, these say it still.
    let of_tags = || code_of(|key| run.tags.get(key).map(String::as_str));
    let own = run.code.clone().or_else(of_tags);
    let own = own.as_ref();
    given([
        ("commit", own.map(|code| code.commit.clone())),
        ("branch", own.and_then(|code| code.branch.clone())),
        ("changes", own.map(|code| if code.dirty { "yes" } else { "no" }.to_owned())),
        ("source", run.tags.get(SOURCE_TAG).cloned()),
    ])
}

/// A snapshot by project, dataset and version, with the begin of its content's hash: numbers are each dataset's own.
fn called(told: &Told) -> String {
    let project = project::name_of(&told.project.file, Path::new(&told.project.path));
    let snapshot = &told.row.snapshot;
    let content: String = snapshot.content.chars().take(12).collect();
    format!("{project}/{} v{} ({content})", told.dataset, snapshot.number)
}

/// The snapshot, and each dataset that a client logged by its name: of several of one name all digests.
fn data(Compared { run, inputs, snapshot, .. }: &Compared) -> Cells {
    let mut digests = BTreeMap::<String, Vec<String>>::new();
    for input in inputs {
        let context = input.context().map(|context| format!(" ({context})")).unwrap_or_default();
        let told = format!("{}{context}", input.dataset.digest);
        digests.entry(format!("dataset {}", input.dataset.name)).or_default().push(told);
    }
    let datasets = digests.into_iter().map(|(key, digests)| (key, DiffCell::Text(digests.join(", "))));
    let own = given([
        (SNAPSHOT, snapshot.as_ref().map(called)),
        (SINCE, run.environment.get(DATA_CHANGED).cloned()),
        ("split", run.split.map(|split| split.short())),
    ]);
    own.into_iter().chain(datasets).collect()
}

fn command(run: &Run) -> Cells {
    given([
        ("command", run.command.as_ref().map(|command| command.join(" "))),
        ("exit code", run.exit_code.map(|code| code.to_string())),
        ("seed", run.seed.map(|seed| seed.to_string())),
        ("device", run.device.clone()),
    ])
}

fn tags(run: &Run) -> Cells {
    let own = run.tags.iter().filter(|(key, _)| !is_of_client(key));
    own.map(|(key, value)| (key.clone(), DiffCell::Text(value.clone()))).collect()
}

/// Its own go before those that its program logged below it.
fn params(of: &Compared) -> Cells {
    let below = of.below.as_ref().map(|below| texts(&below.params)).unwrap_or_default();
    below.into_iter().chain(texts(&of.run.params)).collect()
}

fn metrics(of: &Compared) -> Cells {
    let own = of.run.metrics.iter().map(|metric| (&metric.key, metric.last));
    let below = of.below.iter().flat_map(|below| below.metrics.iter().map(|(key, cell)| (key, cell.last)));
    own.chain(below).map(|(key, last)| (key.clone(), DiffCell::Number(last))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_no_difference_and_a_missing_value_is_one() {
        let row = |values: [Option<f64>; 2]| {
            let values = values.map(|value| value.map(DiffCell::Number)).into();
            differs(&DiffRow { part: DiffPart::Metrics, key: "loss".into(), values })
        };
        assert!(!row([Some(f64::NAN), Some(f64::NAN)]) && !row([Some(0.0), Some(-0.0)]));
        assert!(row([Some(f64::NAN), Some(1.0)]) && row([None, Some(1.0)]));
    }

    #[test]
    fn what_nobody_noted_is_no_difference() {
        let row = |values: &[Option<&str>]| {
            let values = values.iter().map(|value| value.map(|text| DiffCell::Text(text.to_owned()))).collect();
            differs(&DiffRow { part: DiffPart::Environment, key: "package.mlflow".into(), values })
        };
        assert!(!row(&[Some("3.17.2"), Some(NOT_KNOWN)]) && !row(&[Some("3.17.2"), Some(NOT_KNOWN), Some("3.17.2")]));
        assert!(row(&[Some("3.17.2"), Some(NOT_KNOWN), Some("3.1.0")]) && row(&[Some("3.17.2"), None]));
        let values = vec![Some(DiffCell::Text("its process is over".to_owned())), None];
        assert!(!differs(&DiffRow { part: DiffPart::Environment, key: MACHINE_UNMEASURED.into(), values }));
    }
}
