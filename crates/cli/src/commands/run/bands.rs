//! `slipway run plot --filter`: the curves of all runs that pass it, however many, as the mean of each group.

use api::{
    ApiError,
    run::{ListRuns, SYSTEM},
    run_table::{AggregateRuns, BandAxis, Listing, RunBands, parts},
};
use charts::{group, role::Role};
use serde_json::{Value, json};

use super::{
    chosen,
    curves::{Along, Drawn, Plot, print_drawn, said_diverged, write_picture},
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
        all.push((metric, bands));
    }
    if asked.file().is_some() {
        return write_picture(context, asked, all.iter().map(|(key, bands)| drawn(key, bands)).collect());
    }
    if context.output.json {
        let told: Vec<Value> = all.iter().map(|(key, bands)| told(key, bands)).collect();
        return context.output.show(&told, |_| String::new());
    }
    all.iter().try_for_each(|(key, bands)| print_drawn(context, asked, &drawn(key, bands)))
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

fn drawn(key: &str, bands: &RunBands) -> Drawn {
    let lines = bands.bands.iter().enumerate().map(|(at, band)| group::of_band(band, Role::series(at)));
    let mut notes = bands.said();
    notes.extend(bands.notes.iter().map(|note| note.sentence.clone()));
    let lines: Vec<_> = lines.filter(|line| !line.x.is_empty()).collect();
    notes.extend(lines.iter().filter_map(said_diverged));
    notes.push(if lines.is_empty() { "no run has a curve of it" } else { "mean ± sd" }.to_owned());
    Drawn { key: key.to_owned(), lines, notes }
}

fn told(key: &str, bands: &RunBands) -> Value {
    let mut told = json!(bands);
    told["key"] = key.into();
    told
}
