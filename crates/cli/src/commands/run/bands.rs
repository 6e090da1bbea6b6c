//! `slipway run plot --filter`: the curves of all runs that pass it, however many, as the mean of each group.

use api::{
    ApiError,
    run::{GetRun, ListRuns, Run, SYSTEM},
    run_table::{AggregateRuns, BandAxis, Listing, RunBands, parts},
};
use charts::{group, line::Line, role::Role};
use serde_json::{Value, json};

use super::{
    chosen,
    curves::{Along, Drawn, Plot, beside, print_drawn, said_diverged, write_picture},
};
use crate::context::{Context, Outcome};

/// Series that are drawn where none is named: each is a read of all runs.
const MOST: usize = 4;

pub(super) async fn run(context: &Context, asked: &Plot, filter: String) -> Outcome {
    let along = along(asked)?;
    let of = chosen::scope(context, asked).await?;
    let list = Listing { of, deleted: false, filter, sort: None, descending: false };
    let by: Vec<String> =
        asked.group_by.as_deref().map(parts).unwrap_or_default().into_iter().map(str::to_owned).collect();
    let baseline = match &asked.baseline {
        Some(named) => Some(baseline(context, asked, named).await?),
        None => None,
    };
    let mut all = Vec::new();
    for metric in metrics(context, asked, &list).await? {
        let request = AggregateRuns {
            list: list.clone(),
            by: by.clone(),
            metric: metric.clone(),
            along,
            over: asked.x_metric.clone(),
            log: asked.has_log_x(),
            from: asked.from.map(|step| step as f64),
            to: asked.to.map(|step| step as f64),
            points: None,
            groups: None,
            within_ms: None,
        };
        let bands = context.call(request).await?;
        if bands.runs == 0 {
            return Err(ApiError::not_found("No run here passes the filter.")
                .with_hint("`slipway run list --filter` says why, where it is known."));
        }
        let beside = match &baseline {
            Some(run) => {
                let curve = beside::curve(context, asked, run, &metric).await?;
                Some(Beside { name: run.name.clone(), curve })
            }
            None => None,
        };
        all.push((metric, bands, beside));
    }
    if asked.file().is_some() {
        let all = all.into_iter().map(|(key, bands, beside)| drawn(&key, &bands, beside)).collect();
        return write_picture(context, asked, all);
    }
    if context.output.json {
        let told: Vec<Value> = all.iter().map(|(key, bands, beside)| told(key, bands, beside.as_ref())).collect();
        return context.output.show(&told, |_| String::new());
    }
    all.into_iter().try_for_each(|(key, bands, beside)| print_drawn(context, asked, &drawn(&key, &bands, beside)))
}

/// The run that the means are drawn beside.
struct Beside {
    name: String,
    /// Its curve, where it has one: as a line, and as programs are told it.
    curve: Option<(Line, Value)>,
}

/// The run that is named, whether it passes the filter or not.
async fn baseline(context: &Context, asked: &Plot, named: &str) -> Outcome<Run> {
    let experiment = context.experiment_if_named(asked.experiment.as_deref()).await?;
    let run = context.run_of(named, experiment.as_ref()).await?;
    context.call(GetRun { run }).await
}

/// What the means lie along.
fn along(asked: &Plot) -> Outcome<BandAxis> {
    let along = match asked.x {
        Along::Step if asked.x_metric.is_none() => return Ok(BandAxis::Step),
        // Another metric stands before it.
        Along::Step => BandAxis::Step,
        Along::Time => BandAxis::Seconds,
        Along::Share => BandAxis::Share,
        Along::Clock => {
            return Err(ApiError::invalid(
                "The means of all runs lie along steps, relative time, the share of the run or another metric.",
            )
            .with_hint("Use --x step, --x time, --x share or --x-metric KEY, or draw each run with --each."));
        }
    };
    if asked.from.is_some() || asked.to.is_some() {
        return Err(ApiError::invalid("--from and --to are steps, and the means lie along something else.")
            .with_hint("Leave --x and --x-metric out, or --from and --to."));
    }
    Ok(along)
}

/// The series to draw: those that are asked for, else the one that ranks, or all where they are few.
async fn metrics(context: &Context, asked: &Plot, list: &Listing) -> Outcome<Vec<String>> {
    if !asked.metrics.is_empty() {
        return Ok(asked.metrics.clone());
    }
    let known = context.call(ListRuns::of(list.clone(), 0, 1)).await?;
    if let Some((ranking, _)) = known.ranked_by {
        return Ok(vec![ranking]);
    }
    let mut keys = known.metric_keys;
    keys.retain(|key| !key.starts_with(SYSTEM));
    match keys.len() {
        0 => Err(ApiError::not_found("The runs have no series to draw.").with_hint(
            "What the machine did (system/…) is drawn by --metric. `slipway run list` shows what they have.",
        )),
        1..=MOST => Ok(keys),
        _ => Err(ApiError::invalid("The runs have many series, and none is named.")
            .with_hint(format!("Name some with --metric KEY. There are: {}.", keys.join(", ")))),
    }
}

fn drawn(key: &str, bands: &RunBands, beside: Option<Beside>) -> Drawn {
    let lines = bands.bands.iter().enumerate().map(|(at, band)| group::of_band(band, Role::series(at)));
    let mut notes = bands.said();
    notes.extend(bands.notes.iter().map(|note| note.sentence.clone()));
    let mut lines: Vec<Line> = lines.filter(|line| !line.x.is_empty()).collect();
    notes.extend(lines.iter().filter_map(said_diverged));
    notes.push(if lines.is_empty() { "no run has a curve of it" } else { "mean ± sd" }.to_owned());
    match beside {
        None => {}
        Some(Beside { name, curve: None }) => notes.push(format!("the baseline {name} has no curve of it")),
        Some(Beside { name, curve: Some((line, _)) }) => {
            notes.extend(beside_baseline(&lines, &name, &line));
            lines.push(line);
        }
    }
    Drawn { key: key.to_owned(), lines, notes }
}

/// How far each group's mean ends from the baseline.
fn beside_baseline(means: &[Line], name: &str, baseline: &Line) -> Vec<String> {
    let end = |line: &Line| line.y.last().copied().filter(|value| value.is_finite());
    let Some(of) = end(baseline) else { return vec![format!("the baseline {name} ends with no number")] };
    means.iter().filter_map(|mean| Some(beside::away((mean.name.as_str(), end(mean)?), (name, of)))).collect()
}

fn told(key: &str, bands: &RunBands, beside: Option<&Beside>) -> Value {
    let mut told = json!(bands);
    told["key"] = key.into();
    if let Some(Beside { curve, .. }) = beside {
        told["baseline"] = curve.as_ref().map_or(Value::Null, |(_, told)| told.clone());
    }
    told
}

#[cfg(test)]
mod tests {
    use api::{
        run_table::{BandPoint, RunBand},
        series::NonFinite,
    };

    use super::*;

    #[test]
    fn the_baseline_lies_over_the_means_and_how_far_they_end_from_it_is_said() {
        let point = |x, mean| BandPoint {
            x,
            runs: 2,
            mean,
            sd: Some(0.5),
            min: mean,
            max: mean,
            non_finite: NonFinite::default(),
            diverged: 0,
        };
        let band = RunBand {
            values: vec![Some("0.1".to_owned())],
            runs: 2,
            measured: 2,
            read: 2,
            diverged: 0,
            filter: String::new(),
            points: vec![point(0.0, 4.0), point(1.0, 3.0)],
        };
        let bands = RunBands { bands: vec![band], total: 1, runs: 2, off_axis: 0, notes: Vec::new() };
        let line = Line::new("slow", Role::Text, vec![0.0, 1.0], vec![4.0, 2.0]).over_groups();
        let told = json!({ "run": "slow" });
        let beside = |curve| Some(Beside { name: "slow".to_owned(), curve });
        let with = drawn("loss", &bands, beside(Some((line.clone(), told.clone()))));
        assert_eq!(with.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["0.1 (2 runs)", "slow"]);
        assert!(with.lines[1].is_dashed && with.lines[1].band.is_empty());
        assert!(with.notes.contains(&"0.1 (2 runs): +1 (+50.0 %) from slow".to_owned()), "{:?}", with.notes);
        let without = drawn("loss", &bands, beside(None));
        assert_eq!(without.lines.len(), 1);
        assert!(without.notes.contains(&"the baseline slow has no curve of it".to_owned()), "{:?}", without.notes);
        let json = |beside: Option<Beside>| super::told("loss", &bands, beside.as_ref());
        assert_eq!(json(beside(Some((line, told))))["baseline"]["run"], "slow");
        assert!(json(beside(None))["baseline"].is_null() && json(None).get("baseline").is_none());
    }
}
