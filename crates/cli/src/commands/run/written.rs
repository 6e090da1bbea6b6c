//! A run as a table for programs: `slipway run show --csv`.

use api::run::{MetricSummary, Run, SYSTEM};

use crate::{output, words};

/// A row a fact of the run, a param, a tag and a series, parts named as in `run diff --csv`; without `system` none of
/// what the machine did.
pub(super) fn of(run: &Run, system: bool) -> String {
    let row = |part: &str, key: &str, value: String| {
        let mut row = vec![part.to_owned(), key.to_owned(), value];
        row.resize(HEAD.len(), String::new());
        row
    };
    let moment = |at_ms: Option<i64>| at_ms.map(words::exact_time);
    let facts = [
        ("id", Some(run.id.to_string())),
        ("name", Some(run.name.clone())),
        ("state", Some(words::word(&run.state))),
        ("kind", Some(words::word(&run.kind))),
        ("because", run.ended_because.as_ref().map(ToString::to_string)),
        ("command", run.command.as_deref().map(words::command)),
        ("exit_code", run.exit_code.map(|code| code.to_string())),
        ("snapshot", run.snapshot_number.map(|number| number.to_string())),
        ("commit", run.code.as_ref().map(|code| code.commit.clone())),
        ("seed", run.seed.map(|seed| seed.to_string())),
        ("device", run.device.clone()),
        ("user", run.user.clone()),
        ("created", moment(Some(run.created_ms))),
        ("started", moment(run.started_ms)),
        ("ended", moment(run.ended_ms)),
        ("deleted", moment(run.deleted_ms)),
        ("notes", Some(run.notes.clone()).filter(|notes| !notes.is_empty())),
    ];
    let facts = facts.into_iter().filter_map(|(key, value)| Some(row("run", key, value?)));
    let params = run.params.iter().map(|(key, value)| row("params", key, value.clone()));
    let tags = run.tags.iter().map(|(key, value)| row("tags", key, value.clone()));
    let is_told = |metric: &&MetricSummary| system || !metric.key.starts_with(SYSTEM);
    let series = |metric: &MetricSummary| {
        let MetricSummary { key, count, step, last, min, max, time_ms, kept } = metric;
        // A figure of the report has no series, and of a kept model the step is another than the last.
        let step = kept.as_ref().map_or(Some(*step).filter(|_| *count > 0), |kept| kept.step);
        vec![
            "metrics".to_owned(),
            key.clone(),
            words::digits(*last),
            words::digits(*min),
            words::digits(*max),
            count.to_string(),
            step.map(|step| step.to_string()).unwrap_or_default(),
            words::exact_time(*time_ms),
        ]
    };
    let metrics = run.metrics.iter().filter(is_told).map(series);
    output::csv(&HEAD, facts.chain(params).chain(tags).chain(metrics))
}

const HEAD: [&str; 8] = ["part", "key", "value", "min", "max", "points", "step", "time"];
