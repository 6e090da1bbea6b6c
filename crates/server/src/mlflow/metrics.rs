//! `metrics/…`: the points of series.

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use engine::tracking::history;
use futures::{StreamExt as _, future, stream};
use serde::{Deserialize, Serialize};

use api::RunId;

use super::{
    failure::Failure,
    fields::{Fields, Int, many, required, wrong},
    runs::{parse_run, run_id},
    wire::{self, HistoryText, Metric, offset, page_token},
};
use crate::Host;

/// MLflow's limits.
const MOST_RUNS: usize = 100;
const MOST_BULK: u64 = 25_000;
const MOST_INTERVAL: u64 = 2_500;

#[derive(Debug, Deserialize)]
pub(super) struct History {
    run_id: Option<String>,
    run_uuid: Option<String>,
    metric_key: Option<String>,
    page_token: Option<String>,
    max_results: Option<Int>,
}

#[derive(Debug, Serialize)]
struct Points<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Metric<'a>>,
}

/// JSON that was written already.
pub(super) fn json(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

fn written(points: &Points<'_>) -> Result<Response, Failure> {
    serde_json::to_vec(points).map(json).map_err(|error| wrong(&error))
}

pub(super) async fn history(State(host): State<Host>, Fields(asked): Fields<History>) -> Result<Response, Failure> {
    let key = required(asked.metric_key, "metric_key")?;
    let run = run_id(asked.run_id, asked.run_uuid)?;
    let skip = offset(asked.page_token.as_deref())?;
    let most = match asked.max_results.map(|most| most.0) {
        None => u64::MAX,
        Some(most) => u64::try_from(most).ok().filter(|most| *most > 0).ok_or_else(|| {
            let message = format!("Invalid value {most} for parameter 'max_results' supplied.");
            Failure::invalid(format!("{message} It must be a positive integer."))
        })?,
    };
    let telling = history::tell(&host.engine, run, key.clone(), skip, most).await?;
    let next_page_token = telling.has_more.then(|| page_token(skip.saturating_add(most)));
    let (points, rest) = telling.next(&host.engine).await?;
    if rest.is_over() {
        return wire::history(&key, &points, next_page_token.as_deref()).map(json).map_err(|error| wrong(&error));
    }
    let mut text = HistoryText::of(&key).map_err(|error| wrong(&error))?;
    let begun = text.points(&points).map_err(|error| wrong(&error))?;
    Ok(in_pieces(host, begun, (text, rest), next_page_token))
}

/// A long series is written as it is read, and read as its client takes it.
fn in_pieces(
    host: Host,
    begun: Vec<u8>,
    rest: (HistoryText, history::Telling),
    next_page_token: Option<String>,
) -> Response {
    let pieces = stream::try_unfold(Some((rest, next_page_token)), move |state| {
        let host = host.clone();
        async move {
            let Some(((mut text, rest), next_page_token)) = state else { return Ok(None) };
            if rest.is_over() {
                return Ok(Some((text.end(next_page_token.as_deref())?, None)));
            }
            let (points, rest) = rest.next(&host.engine).await?;
            let piece = text.points(&points)?;
            Ok::<_, anyhow::Error>(Some((piece, Some(((text, rest), next_page_token)))))
        }
    });
    let all = stream::once(future::ready(Ok(begun))).chain(pieces);
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(all)).into_response()
}

#[derive(Debug, Deserialize)]
pub(super) struct Bulk {
    #[serde(default, deserialize_with = "many")]
    run_id: Vec<String>,
    #[serde(default, deserialize_with = "many")]
    run_ids: Vec<String>,
    metric_key: Option<String>,
    max_results: Option<Int>,
    start_step: Option<Int>,
    end_step: Option<Int>,
}

impl Bulk {
    /// The runs that are asked for, sorted, and the key.
    fn runs(&self) -> Result<(Vec<RunId>, String), Failure> {
        let texts = if self.run_ids.is_empty() { &self.run_id } else { &self.run_ids };
        if texts.is_empty() || texts.len() > MOST_RUNS {
            return Err(Failure::invalid(format!(
                "GetMetricHistoryBulk request must specify between 1 and {MOST_RUNS} run_ids. Received {}.",
                texts.len()
            )));
        }
        let key = required(self.metric_key.clone().filter(|key| !key.is_empty()), "metric_key")?;
        let mut runs = texts.iter().map(|text| parse_run(text)).collect::<Result<Vec<_>, _>>()?;
        runs.sort_unstable();
        Ok((runs, key))
    }
}

pub(super) async fn history_bulk(State(host): State<Host>, Fields(asked): Fields<Bulk>) -> Result<Response, Failure> {
    let (runs, key) = asked.runs()?;
    let most = asked.max_results.map_or(MOST_BULK, |most| most.0.max(0) as u64).min(MOST_BULK) as usize;
    let mut metrics = Vec::new();
    for run in runs {
        let left = most - metrics.len();
        if left == 0 {
            break;
        }
        let page = history::page(&host.engine, run, key.clone(), 0, left as u64).await?;
        metrics.extend(page.points.into_iter().map(|point| (run, point)));
    }
    let metrics = metrics.into_iter().map(|(run, point)| Metric::of(&key, point, Some(run))).collect();
    written(&Points { metrics })
}

/// A bounded number of points over an interval of steps, of each run, its first and last point among them.
pub(super) async fn history_bulk_interval(
    State(host): State<Host>,
    Fields(asked): Fields<Bulk>,
) -> Result<Response, Failure> {
    let (runs, key) = asked.runs()?;
    let most = asked.max_results.map_or(MOST_INTERVAL as i64, |most| most.0);
    if !(1..=MOST_INTERVAL as i64).contains(&most) {
        return Err(Failure::invalid(format!("max_results must be between 1 and {MOST_INTERVAL}.")));
    }
    let (from, to) = match (asked.start_step, asked.end_step) {
        (None, None) => (i64::MIN, i64::MAX),
        (Some(Int(from)), Some(Int(to))) if from <= to => (from, to),
        (Some(Int(from)), Some(Int(to))) => {
            return Err(Failure::invalid(format!(
                "end_step must be greater than start_step. Found start_step={from} and end_step={to}."
            )));
        }
        _ => return Err(Failure::invalid("If either start step or end step are specified, both must be specified.")),
    };
    let mut metrics = Vec::new();
    for run in runs {
        let sampled = history::sampled(&host.engine, run, key.clone(), from..=to, most as u64).await?;
        metrics.extend(sampled.into_iter().map(|point| (run, point)));
    }
    let metrics = metrics.into_iter().map(|(run, point)| Metric::of(&key, point, Some(run))).collect();
    written(&Points { metrics })
}
