//! The lifecycle as a road: where a project stands, what happened, what waits for a person.

use std::{collections::BTreeSet, path::Path};

use api::{
    DeploymentId, VersionId,
    deploy::{DeploymentState, in_sentence},
    evaluation::Figure,
    figure,
    figure::counted,
    model::Version,
    monitor::{Alert, WindowSummary},
    project::{Action, GetOverview, Overview, Stage, Station, StationState, Waiting},
    run::RunState,
};
use store::{deployment::DeploymentRow, project::ProjectRow, run::RunRow, snapshot::SnapshotRow};

use crate::{
    Engine,
    deploy::sensitive::logged_still,
    folder::{self, Seen},
    monitor::{alert, window},
    project,
};

/// What a road is drawn from.
struct Facts {
    row: ProjectRow,
    seen: Seen,
    newest: Option<SnapshotRow>,
    run: Option<RunRow>,
    best: Option<RunRow>,
    version: Option<Version>,
    /// Where the newest version was never rolled out: the older ones of its model that answer, each with where.
    answering: Vec<(Version, DeploymentRow)>,
    deployments: Vec<DeploymentRow>,
    /// Deployments of which what runs logs columns that were marked sensitive since.
    logging: Vec<(DeploymentRow, Vec<String>)>,
    alerts: Vec<Alert>,
    /// Whether a watched deployment was asked.
    is_asked: bool,
    /// Of each watched deployment the newest window of the version that it has.
    windows: Vec<(DeploymentId, WindowSummary)>,
    /// The number of a version that was not compared yet, where the one before it was.
    new_on_watch: Option<u32>,
}

impl Facts {
    /// The project names no data and has none: its runs are those of programs.
    fn is_without_data(&self) -> bool {
        self.newest.is_none() && self.seen.files == 0 && self.row.file.data.paths.is_empty()
    }
}

async fn facts(engine: &Engine, row: &ProjectRow) -> anyhow::Result<Facts> {
    let seen = folder::seen(engine, row).await?;
    let row = project::find(engine, row.id).await?;
    let id = row.id;
    Ok(engine
        .store()
        .read(move |c| {
            let newest = match store::dataset::of_project(c, id)? {
                Some(dataset) => store::snapshot::newest(c, dataset.id)?,
                None => None,
            };
            let version = store::version::of_project(c, id)?.into_iter().next().map(|row| row.version);
            let deployments = store::deployment::list(c, Some(id))?;
            let answering = match &version {
                Some(version) => older_answers(c, version, &deployments)?,
                None => Vec::new(),
            };
            let mut logging = Vec::new();
            for deployment in &deployments {
                // What is wanted may have failed: what was good last is what logs.
                let Some(good) = store::deployment::newest_good(c, deployment.id)? else { continue };
                let version = store::version::get(c, good.rollout.version)?.map(|row| row.version);
                let still = version.map(|version| logged_still(&good.spec, &version, &row.file.data));
                if let Some(columns) = still.filter(|columns| !columns.is_empty()) {
                    logging.push((deployment.clone(), columns));
                }
            }
            let (mut is_asked, mut windows, mut new_on_watch) = (false, Vec::new(), None);
            for row in deployments.iter().filter(|row| row.monitored) {
                is_asked |= store::traffic::total(c, row.id)?.is_some_and(|total| total.counts.requests > 0);
                if let Some(newest) = store::window::newest(c, row.id, Some(row.version), 1)?.pop() {
                    windows.push((row.id, window::summary(&newest)));
                } else if store::window::count(c, row.id)? > 0 {
                    new_on_watch = Some(row.version_number);
                }
            }
            let mut alerts = store::alert::list(c, Some(id), true, 20)?;
            alert::hide(&mut alerts, &row.file.data.sensitive);
            Ok(Facts {
                seen,
                newest,
                run: store::run::newest(c, id, 1)?.pop(),
                best: store::run::best(c, id)?,
                version,
                answering,
                deployments,
                logging,
                alerts,
                is_asked,
                windows,
                new_on_watch,
                row,
            })
        })
        .await?)
}

/// The older versions that answer in the place of one that was never rolled out, each with its deployment.
fn older_answers(
    c: &store::Connection,
    version: &Version,
    deployments: &[DeploymentRow],
) -> store::Result<Vec<(Version, DeploymentRow)>> {
    let mut answering = Vec::new();
    if !store::deployment::using_version(c, version.id)?.is_empty() {
        return Ok(answering);
    }
    for row in deployments.iter().filter(|row| row.model == version.model && row.version_number < version.number) {
        if let Some(older) = store::version::get(c, row.version)? {
            answering.push((older.version, row.clone()));
        }
    }
    Ok(answering)
}

/// The road in miniature, for the start page.
pub(crate) async fn road(engine: &Engine, row: &ProjectRow) -> anyhow::Result<Vec<Station>> {
    Ok(stations(&facts(engine, row).await?))
}

pub async fn get(engine: &Engine, request: GetOverview) -> anyhow::Result<Overview> {
    let id = request.project;
    let row = project::find(engine, id).await?;
    let facts = facts(engine, &row).await?;
    let happened = engine.store().read(move |c| store::happening::newest(c, id, 20)).await?;
    let row = facts.row.clone();
    Ok(Overview {
        project: project::describe(engine, row).await?,
        headline: headline(&facts),
        road: stations(&facts),
        happened,
        waits: waits(&facts),
    })
}

fn headline(facts: &Facts) -> String {
    let mut parts = Vec::new();
    match &facts.newest {
        Some(newest) => parts.push(counted(newest.snapshot.rows, "row", "rows")),
        None if facts.is_without_data() => parts.push("no data yet".to_owned()),
        None if facts.seen.files == 1 => parts.push("1 file".to_owned()),
        None => parts.push(counted(facts.seen.files, "file", "files")),
    }
    if let Some(target) = &facts.row.file.data.target {
        parts.push(format!("predicts {target}"));
    }
    parts.push(Path::new(&facts.row.path).to_string_lossy().into_owned());
    parts.join(" · ")
}

fn stations(facts: &Facts) -> Vec<Station> {
    vec![data(facts), train(facts), evaluate(facts), model(facts), deploy(facts), watch(facts)]
}

fn station(stage: Stage, state: StationState, figure: impl Into<String>, detail: impl Into<String>) -> Station {
    Station { stage, state, figure: figure.into(), detail: detail.into(), since_ms: None, progress: None, action: None }
}

fn action(facts: &Facts, label: &str, page: &str, primary: bool) -> Option<Action> {
    Some(Action { label: label.to_owned(), link: format!("/p/{}/{page}", facts.row.id), primary })
}

fn data(facts: &Facts) -> Station {
    if let Some(problem) = &facts.seen.problem {
        let figure = facts.newest.as_ref().map_or_else(|| "–".to_owned(), |row| format!("v{}", row.snapshot.number));
        let detail = facts.seen.missing.clone().unwrap_or_else(|| problem.message.clone());
        return Station {
            action: action(facts, "Open data", "data", false),
            ..station(Stage::Data, StationState::Bad, figure, detail)
        };
    }
    if facts.is_without_data() {
        return Station {
            action: action(facts, "Add data", "data", false),
            ..station(Stage::Data, StationState::Empty, "–", "No data yet")
        };
    }
    match (&facts.newest, &facts.seen.change) {
        (None, _) => Station {
            action: action(facts, "Take snapshot", "data", true),
            ..station(Stage::Data, StationState::Empty, "–", "No snapshot yet")
        },
        (Some(row), Some(change)) => Station {
            since_ms: Some(change.seen_ms),
            action: action(facts, "Take snapshot", "data", false),
            ..station(Stage::Data, StationState::Warn, format!("v{}", row.snapshot.number), folder::describe(change))
        },
        (Some(row), None) => Station {
            since_ms: Some(row.snapshot.created_ms),
            action: action(facts, "Open data", "data", false),
            ..station(
                Stage::Data,
                StationState::Good,
                format!("v{}", row.snapshot.number),
                format!(
                    "{}, {}",
                    counted(row.snapshot.rows, "row", "rows"),
                    counted(u64::from(row.snapshot.columns), "column", "columns")
                ),
            )
        },
    }
}

fn train(facts: &Facts) -> Station {
    let Some(row) = &facts.run else {
        return Station {
            action: if facts.is_without_data() { None } else { action(facts, "Train", "runs?train=1", true) },
            ..station(Stage::Train, StationState::Empty, "–", "No run yet")
        };
    };
    let run = &row.run;
    let open = |label: &str| action(facts, label, &format!("runs/{}", run.id), false);
    let again = if facts.is_without_data() { open("Open run") } else { action(facts, "Train", "runs?train=1", false) };
    match run.state {
        RunState::Queued | RunState::Running => {
            let fraction = run.progress.as_ref().and_then(|progress| progress.fraction);
            let figure = fraction.map_or_else(|| "…".to_owned(), |fraction| format!("{:.0} %", fraction * 100.0));
            Station {
                since_ms: run.started_ms,
                progress: Some(fraction.unwrap_or(0.0)),
                action: open("Watch"),
                ..station(Stage::Train, StationState::Live, figure, run.name.clone())
            }
        }
        RunState::Finished => Station {
            since_ms: run.ended_ms,
            action: again,
            ..station(Stage::Train, StationState::Good, run.name.clone(), "Finished")
        },
        RunState::Stopped => Station {
            since_ms: run.ended_ms,
            action: open(if run.resumable { "Resume" } else { "Open run" }),
            ..station(Stage::Train, StationState::Warn, run.name.clone(), "Stopped")
        },
        RunState::Failed | RunState::Killed => {
            let reason = run.ended_because.as_ref().map_or_else(|| "Failed".to_owned(), |error| error.message.clone());
            Station {
                since_ms: run.ended_ms,
                action: open("Open run"),
                ..station(Stage::Train, StationState::Bad, run.name.clone(), reason)
            }
        }
    }
}

fn evaluate(facts: &Facts) -> Station {
    let Some((row, (key, value, _))) = facts.best.as_ref().and_then(|row| Some((row, row.ranked.as_ref()?))) else {
        return station(Stage::Evaluate, StationState::Empty, "–", "Nothing evaluated yet");
    };
    let name = figure::name(key.trim_end_matches("/validation"));
    Station {
        since_ms: row.run.ended_ms,
        action: action(facts, "Open report", &format!("runs/{}?tab=evaluation", row.run.id), false),
        ..station(
            Stage::Evaluate,
            StationState::Good,
            value.map_or_else(|| "–".to_owned(), figure::measured),
            format!("{name} on validation, {}", row.run.name),
        )
    }
}

fn model(facts: &Facts) -> Station {
    match (&facts.version, &facts.best) {
        (Some(version), _) => {
            let aliases = version.aliases.iter().map(|alias| format!("@{alias}")).collect::<Vec<_>>().join(" ");
            Station {
                since_ms: Some(version.created_ms),
                action: action(facts, "Open model", &format!("models/{}", version.id), false),
                ..station(
                    Stage::Model,
                    StationState::Good,
                    format!("v{}", version.number),
                    format!("{} {aliases}", version.model_name).trim_end(),
                )
            }
        }
        (None, Some(best)) => Station {
            action: action(facts, "Register", &format!("runs/{}?register=1", best.run.id), true),
            ..station(Stage::Model, StationState::Empty, "–", format!("{} can be registered", best.run.name))
        },
        (None, None) => station(Stage::Model, StationState::Empty, "–", "No model yet"),
    }
}

fn deploy(facts: &Facts) -> Station {
    let deployments = &facts.deployments;
    let Some(first) = deployments.first() else {
        let next = facts
            .version
            .as_ref()
            .and_then(|version| action(facts, "Deploy", &format!("deploy?version={}", version.id), true));
        return Station { action: next, ..station(Stage::Deploy, StationState::Empty, "–", "Not deployed") };
    };
    let state = if deployments.iter().any(|row| row.state == DeploymentState::Failed) {
        StationState::Bad
    } else if deployments.iter().any(|row| matches!(row.state, DeploymentState::Degraded | DeploymentState::Unknown)) {
        StationState::Warn
    } else if deployments.iter().any(|row| matches!(row.state, DeploymentState::Rolling | DeploymentState::Deleting)) {
        StationState::Live
    } else {
        StationState::Good
    };
    let figure =
        if deployments.len() == 1 { format!("v{}", first.version_number) } else { format!("{}", deployments.len()) };
    let detail = if deployments.len() == 1 {
        placed(first)
    } else {
        let targets: BTreeSet<&str> = deployments.iter().map(|row| in_sentence(&row.target_name)).collect();
        format!("deployments on {}", targets.into_iter().collect::<Vec<_>>().join(", "))
    };
    // Where several answer, which of them is meant is chosen in what waits.
    let next = match newer(facts).as_slice() {
        [only] => Some(only.clone()),
        _ => action(facts, "Open", "deploy", false),
    };
    Station { action: next, ..station(Stage::Deploy, state, figure, detail) }
}

/// What rolls the newest version out to each deployment in which an older one still answers: it leads only where the
/// version is better.
fn newer(facts: &Facts) -> Vec<Action> {
    let Some(version) = &facts.version else { return Vec::new() };
    let is_alone = facts.answering.len() == 1;
    let each = facts.answering.iter().enumerate().filter_map(|(index, (_, row))| {
        let place = if is_alone { String::new() } else { format!(" as {}", placed(row)) };
        let label = format!("Deploy v{}{place}", version.number);
        action(facts, &label, &update_of(row, version.id), index == 0 && is_better(facts))
    });
    each.collect()
}

/// The page that updates a deployment to a version: without the deployment it would offer a new one.
fn update_of(row: &DeploymentRow, version: VersionId) -> String {
    format!("deploy?version={version}&deployment={}", row.id)
}

/// "prod on this machine".
fn placed(row: &DeploymentRow) -> String {
    format!("{} on {}", row.name, in_sentence(&row.target_name))
}

/// The newest version's figure on test is better than that of each version that answers in its place.
fn is_better(facts: &Facts) -> bool {
    let beats = |older: &Version| facts.version.as_ref().and_then(|version| version.beats(older)) == Some(true);
    !facts.answering.is_empty() && facts.answering.iter().all(|(older, _)| beats(older))
}

/// "Its average precision on test is 0.0443. What answers now is v1 on this machine, with 0.5299."
fn compared(version: &Version, answering: &[(Version, DeploymentRow)]) -> String {
    let own = version.primary.as_ref();
    let older = answering.iter().map(|(older, row)| {
        let place = in_sentence(&row.target_name);
        let with = older.primary.as_ref().map(|figure| format!(", with {}", beside(figure, own))).unwrap_or_default();
        format!("v{} on {place}{with}", older.number)
    });
    let own = own.map(|figure| {
        format!("Its {} on test is {}. ", figure::name_in_sentence(&figure.name), figure::measured(figure.value))
    });
    let older = older.collect::<Vec<_>>().join("; ");
    let is_of_other_rows = |(older, _): &(Version, DeploymentRow)| version.is_of_other_data(older);
    let apart = if answering.iter().any(is_of_other_rows) {
        " Each was measured on the test part of its own data."
    } else {
        ""
    };
    format!("{}What answers now is {older}.{apart}", own.unwrap_or_default())
}

/// A figure behind another one: its name is said only where it is another.
fn beside(figure: &Figure, other: Option<&Figure>) -> String {
    match other {
        Some(other) if other.name == figure.name => figure::measured(figure.value),
        _ => format!("{} {}", figure::name_in_sentence(&figure.name), figure::measured(figure.value)),
    }
}

fn watch(facts: &Facts) -> Station {
    if let Some(worst) = facts.alerts.first() {
        let alerts = facts.alerts.iter().map(|alert| (alert.column.as_str(), alert.deployment_name.as_str()));
        return Station {
            since_ms: Some(worst.raised_ms),
            action: action(facts, "Look", &format!("monitor/{}", worst.deployment), true),
            ..station(
                Stage::Watch,
                if facts.alerts.iter().any(Alert::is_grave) { StationState::Bad } else { StationState::Warn },
                format!("{} drifted", facts.alerts.len()),
                drifted_columns(&alerts.collect::<Vec<_>>()),
            )
        };
    }
    if !facts.deployments.iter().any(|row| row.monitored) {
        return station(Stage::Watch, StationState::Empty, "–", "Nothing is watched");
    }
    let drifted = facts.windows.iter().filter(|(_, window)| window.drifted > 0);
    if let Some((deployment, window)) = drifted.max_by_key(|(_, window)| window.drifted) {
        let (drifted, columns) = (window.drifted, window.cells.len());
        // Of many columns one exceeds its 99 % by chance now and then: nothing is alarmed before an alert is.
        let after = facts.row.file.monitoring.raise_after.max(1);
        return Station {
            since_ms: Some(window.to_ms),
            action: action(facts, "Look", &format!("monitor/{deployment}"), false),
            ..station(
                Stage::Watch,
                StationState::Warn,
                "No alert",
                format!("{drifted} of {columns} columns drifted in the newest window; an alert takes {after} in a row"),
            )
        };
    }
    let is_decided = facts.windows.iter().any(|(_, window)| window.is_decided());
    let known = match (facts.windows.is_empty(), facts.new_on_watch, facts.is_asked) {
        (false, ..) if is_decided => station(Stage::Watch, StationState::Good, "Calm", "No drift"),
        (false, ..) => station(Stage::Watch, StationState::Empty, "–", "The newest window decides no column"),
        (true, Some(number), _) => {
            station(Stage::Watch, StationState::Empty, "–", format!("No window of v{number} has closed yet"))
        }
        (true, None, true) => station(Stage::Watch, StationState::Empty, "–", "No window has closed yet"),
        (true, None, false) => station(Stage::Watch, StationState::Empty, "–", "Not asked yet"),
    };
    Station { action: action(facts, "Open", "monitor", false), ..known }
}

/// "amount, hour and 2 more on card-fraud", of columns with their deployments, the gravest first; several deployments
/// are not named.
fn drifted_columns(alerts: &[(&str, &str)]) -> String {
    const NAMED: usize = 3;
    let mut names: Vec<&str> = Vec::new();
    for (column, _) in alerts {
        if !names.contains(column) {
            names.push(column);
        }
    }
    let columns = match names.as_slice() {
        [first, second, rest @ ..] if names.len() > NAMED => format!("{first}, {second} and {} more", rest.len()),
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    };
    let place = alerts.first().map(|(_, place)| *place);
    match place.filter(|first| alerts.iter().all(|(_, place)| place == first)) {
        Some(place) => format!("{columns} on {place}"),
        None => columns,
    }
}

fn waits(facts: &Facts) -> Vec<Waiting> {
    let mut waits = Vec::new();
    let actions = |list: Vec<Option<Action>>| list.into_iter().flatten().collect::<Vec<_>>();
    if let Some(error) = &facts.seen.file_error {
        waits.push(Waiting {
            title: "slipway.toml is wrong".to_owned(),
            detail: error.to_string(),
            actions: Vec::new(),
        });
    }
    for row in &facts.deployments {
        let how = match row.state {
            DeploymentState::Failed => "failed",
            DeploymentState::Degraded => "is degraded",
            _ => continue,
        };
        waits.push(Waiting {
            title: format!("{} {how}", placed(row)),
            detail: row.problem.as_ref().map(|problem| problem.message.clone()).unwrap_or_default(),
            actions: actions(vec![action(facts, "Look", &format!("deploy?deployment={}", row.id), true)]),
        });
    }
    if facts.is_without_data() && facts.run.is_none() {
        waits.push(Waiting {
            title: "Track a program".to_owned(),
            detail: "In a terminal in this folder, `slipway exec -- COMMAND` keeps a program as a run: its output, \
                     metrics and exit code."
                .to_owned(),
            actions: actions(vec![action(facts, "Open runs", "runs", false)]),
        });
    } else if facts.row.file.data.target.is_none()
        && facts.row.file.data.kind == api::config::DataKind::Table
        && !facts.is_without_data()
    {
        waits.push(Waiting {
            title: "Choose what to predict".to_owned(),
            detail: "The project names no target column yet.".to_owned(),
            actions: actions(vec![action(facts, "Choose target", "data", true)]),
        });
    }
    if let (Some(change), Some(_)) = (&facts.seen.change, &facts.newest) {
        waits.push(Waiting {
            title: "New data".to_owned(),
            detail: folder::describe(change),
            actions: actions(vec![
                action(facts, "Train on it", "runs?train=1", true),
                action(facts, "Take snapshot", "data", false),
            ]),
        });
    }
    for (deployment, columns) in &facts.logging {
        let what = if columns.len() == 1 { "a sensitive column" } else { "sensitive columns" };
        waits.push(Waiting {
            title: format!("{} logs {what}", deployment.name),
            detail: format!(
                "{}: marked since its rollout. Deploy it again, and it is logged no more.",
                columns.join(", ")
            ),
            actions: actions(vec![action(facts, "Deploy again", &update_of(deployment, deployment.version), false)]),
        });
    }
    for alert in facts.alerts.iter().filter(|alert| alert.acknowledged_ms.is_none()) {
        waits.push(Waiting {
            title: format!("{} drifted on {}", alert.column, alert.deployment_name),
            detail: alert.sentence.clone(),
            actions: actions(vec![
                // A better version that was trained since is the likelier answer.
                action(facts, "Retrain", &format!("runs?train=1&alert={}", alert.id), !is_better(facts)),
                action(facts, "Look", &format!("monitor/{}", alert.deployment), false),
            ]),
        });
    }
    let mut rolls_out = newer(facts);
    if let (false, Some(version)) = (rolls_out.is_empty(), &facts.version) {
        rolls_out.extend(action(facts, "Open model", &format!("models/{}", version.id), false));
        waits.push(Waiting {
            title: format!("{} v{} is not deployed", version.model_name, version.number),
            detail: compared(version, &facts.answering),
            actions: rolls_out,
        });
    }
    if let Some(row) = facts.run.as_ref().filter(|row| row.run.resumable && row.run.state != RunState::Running) {
        waits.push(Waiting {
            title: format!("{} can go on", row.run.name),
            detail: row.run.ended_because.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
            actions: actions(vec![action(facts, "Open run", &format!("runs/{}", row.run.id), false)]),
        });
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drifted_is_named_and_the_rest_is_counted() {
        let one = |columns: &[&'static str]| {
            drifted_columns(&columns.iter().map(|column| (*column, "fraud")).collect::<Vec<_>>())
        };
        assert_eq!(one(&["amount"]), "amount on fraud");
        assert_eq!(one(&["amount", "hour", "place"]), "amount, hour and place on fraud");
        assert_eq!(one(&["amount", "hour", "place", "v1"]), "amount, hour and 2 more on fraud");
        assert_eq!(drifted_columns(&[("amount", "fraud"), ("amount", "spare")]), "amount");
    }

    #[test]
    fn a_figure_of_another_name_is_not_said_as_if_it_were_the_same() {
        let figure = |name: &str| Figure {
            name: name.to_owned(),
            value: 0.5299,
            interval: None,
            baseline: None,
            more_is_better: true,
            unit: None,
        };
        let precision = figure("average_precision");
        assert_eq!(beside(&precision, Some(&precision)), "0.5299");
        assert_eq!(beside(&figure("roc_auc"), Some(&precision)), "ROC AUC 0.5299");
        assert_eq!(beside(&precision, None), "average precision 0.5299");
    }
}
