//! The shapes of MLflow's answers, as protobuf's JSON writes them: what is empty is left out.

use std::collections::BTreeMap;

use api::{
    RunId,
    run::Run,
    series::Point,
    tracking::{Experiment, RunInput},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::tracking::client::Told;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    failure::Failure,
    fields::{number, text},
};

/// A key with its text: params, tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair {
    pub(super) key: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) value: String,
}

pub(super) fn pairs<'a>(texts: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<Pair> {
    texts.into_iter().map(|(key, value)| Pair { key: key.clone(), value: value.clone() }).collect()
}

#[derive(Debug, Serialize)]
pub(super) struct Metric<'a> {
    pub(super) key: &'a str,
    #[serde(serialize_with = "float")]
    pub(super) value: f64,
    pub(super) timestamp: i64,
    pub(super) step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_id: Option<RunId>,
}

impl<'a> Metric<'a> {
    pub(super) const fn of(key: &'a str, point: Point, run_id: Option<RunId>) -> Self {
        Self { key, value: point.value, timestamp: point.time_ms, step: point.step, run_id }
    }
}

/// Bytes of a point in JSON, about: what is reserved for each.
const POINT_BYTES: usize = 96;

/// A page of one series, written as it is read: a value of its own for each of a hundred thousand points would take
/// longer than all else.
pub(super) fn history(key: &str, points: &[Point], next_page_token: Option<&str>) -> serde_json::Result<Vec<u8>> {
    let mut text = HistoryText::of(key)?;
    let mut bytes = text.points(points)?;
    bytes.append(&mut text.end(next_page_token)?);
    Ok(bytes)
}

/// The same in pieces: each call tells what follows upon what was told.
pub(super) struct HistoryText {
    /// What stands before each point's value.
    head: Vec<u8>,
    /// Some point was written.
    begun: bool,
}

impl HistoryText {
    pub(super) fn of(key: &str) -> serde_json::Result<Self> {
        let mut head = b"{\"key\":".to_vec();
        serde_json::to_writer(&mut head, key)?;
        head.extend_from_slice(b",\"value\":");
        Ok(Self { head, begun: false })
    }

    pub(super) fn points(&mut self, points: &[Point]) -> serde_json::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64 + points.len() * (POINT_BYTES + self.head.len()));
        for point in points {
            let before: &[u8] = if self.begun { b"," } else { b"{\"metrics\":[" };
            bytes.extend_from_slice(before);
            self.begun = true;
            bytes.extend_from_slice(&self.head);
            float(&point.value, &mut serde_json::Serializer::new(&mut bytes))?;
            bytes.extend_from_slice(b",\"timestamp\":");
            serde_json::to_writer(&mut bytes, &point.time_ms)?;
            bytes.extend_from_slice(b",\"step\":");
            serde_json::to_writer(&mut bytes, &point.step)?;
            bytes.push(b'}');
        }
        Ok(bytes)
    }

    pub(super) fn end(&self, next_page_token: Option<&str>) -> serde_json::Result<Vec<u8>> {
        let mut bytes = if self.begun { b"]".to_vec() } else { b"{".to_vec() };
        if let Some(token) = next_page_token {
            if self.begun {
                bytes.push(b',');
            }
            bytes.extend_from_slice(b"\"next_page_token\":");
            serde_json::to_writer(&mut bytes, token)?;
        }
        bytes.push(b'}');
        Ok(bytes)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn float<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    api::series::float::serialize(value, serializer)
}

#[derive(Debug, Serialize)]
pub(super) struct WireExperiment {
    experiment_id: String,
    name: String,
    artifact_location: String,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair>,
}

impl From<Experiment> for WireExperiment {
    fn from(experiment: Experiment) -> Self {
        Self {
            experiment_id: experiment.number.to_string(),
            artifact_location: experiment
                .location
                .unwrap_or_else(|| format!("mlflow-artifacts:/{}", experiment.number)),
            lifecycle_stage: stage(experiment.deleted_ms.is_some()),
            last_update_time: experiment.updated_ms,
            creation_time: experiment.created_ms,
            tags: pairs(&experiment.tags),
            name: experiment.name,
        }
    }
}

pub(super) const fn stage(deleted: bool) -> &'static str {
    if deleted { "deleted" } else { "active" }
}

#[derive(Debug, Serialize)]
pub(super) struct RunInfo {
    run_uuid: RunId,
    experiment_id: String,
    run_name: String,
    user_id: String,
    status: &'static str,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: &'static str,
    run_id: RunId,
}

impl RunInfo {
    pub(super) fn of(told: &Told) -> Self {
        let run: &Run = &told.row.run;
        Self {
            run_uuid: run.id,
            experiment_id: told.experiment.to_string(),
            run_name: run.name.clone(),
            user_id: run.user.clone().unwrap_or_default(),
            status: engine::run::mlflow_status(run.state),
            start_time: run.started_ms.unwrap_or(run.created_ms),
            end_time: run.ended_ms,
            artifact_uri: told.artifact_uri.clone(),
            lifecycle_stage: stage(run.deleted_ms.is_some()),
            run_id: run.id,
        }
    }
}

/// A run with its data, as borrowed parts: a search answers a hundred of them.
#[derive(Debug, Serialize)]
pub(super) struct WireRun<'a> {
    info: RunInfo,
    data: RunData<'a>,
    inputs: RunInputs,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<RunOutputs>,
}

#[derive(Debug, Serialize)]
struct RunData<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Metric<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Borrowed<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Borrowed<'a>>,
}

/// A [`Pair`] of a run that is told: a search tells thousands.
#[derive(Debug, Serialize)]
struct Borrowed<'a> {
    key: &'a str,
    value: &'a str,
}

fn borrowed(texts: &BTreeMap<String, String>) -> Vec<Borrowed<'_>> {
    texts.iter().map(|(key, value)| Borrowed { key, value }).collect()
}

#[derive(Debug, Serialize)]
struct RunInputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_inputs: Vec<DatasetInput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_inputs: Vec<ModelInput>,
}

#[derive(Debug, Serialize)]
struct RunOutputs {
    model_outputs: Vec<ModelOutput>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ModelInput {
    pub(super) model_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ModelOutput {
    pub(super) model_id: String,
    #[serde(default, deserialize_with = "number")]
    pub(super) step: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DatasetInput {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Pair>,
    pub(super) dataset: api::tracking::Dataset,
}

impl From<RunInput> for DatasetInput {
    fn from(input: RunInput) -> Self {
        Self { tags: pairs(&input.tags), dataset: input.dataset }
    }
}

impl<'a> WireRun<'a> {
    pub(super) fn of(told: &'a Told) -> Self {
        let run = &told.row.run;
        let metrics = run.metrics.iter().map(|summary| Metric {
            key: &summary.key,
            value: summary.last,
            timestamp: summary.time_ms,
            step: summary.step,
            run_id: None,
        });
        let given = told.models.iter().filter(|(_, output_at)| output_at.is_none());
        let made = told.models.iter().filter_map(|(id, at)| Some(ModelOutput { model_id: id.clone(), step: (*at)? }));
        let made: Vec<ModelOutput> = made.collect();
        Self {
            info: RunInfo::of(told),
            data: RunData { metrics: metrics.collect(), params: borrowed(&run.params), tags: borrowed(&run.tags) },
            inputs: RunInputs {
                dataset_inputs: told.inputs.iter().cloned().map(DatasetInput::from).collect(),
                model_inputs: given.map(|(id, _)| ModelInput { model_id: id.clone() }).collect(),
            },
            outputs: (!made.is_empty()).then_some(RunOutputs { model_outputs: made }),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct FileInfo {
    pub(super) path: String,
    pub(super) is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_size: Option<u64>,
}

/// MLflow's page token: where the next page begins.
#[derive(Debug, Serialize, Deserialize)]
struct Offset {
    offset: u64,
}

pub(super) fn page_token(offset: u64) -> String {
    BASE64_STANDARD.encode(format!("{{\"offset\": {offset}}}"))
}

pub(super) fn offset(token: Option<&str>) -> Result<u64, Failure> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(0) };
    let wrong = || Failure::invalid("Invalid page token, could not base64-decode");
    let bytes = BASE64_STANDARD.decode(token).map_err(|_| wrong())?;
    serde_json::from_slice::<Offset>(&bytes).map(|page| page.offset).map_err(|_| wrong())
}

/// A page of what is all at hand, and the token of the next. It ends before it would be too large by the bytes of each, but has
/// one in any case.
pub(super) fn page<T>(
    all: Vec<T>,
    token: Option<&str>,
    most: u64,
    bytes_of: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, Option<String>), Failure> {
    let place = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let (skip, total) = (place(offset(token)?), all.len());
    let (mut page, mut bytes) = (Vec::new(), 0_usize);
    for one in all.into_iter().skip(skip).take(place(most)) {
        bytes = bytes.saturating_add(bytes_of(&one));
        if bytes > engine::run::PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(one);
    }
    let end = skip.saturating_add(page.len());
    Ok((page, (end < total).then(|| page_token(end as u64))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        metrics: Vec<Metric<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_page_token: Option<&'a str>,
    }

    #[test]
    fn a_page_that_is_written_by_hand_is_what_serde_writes() {
        let values = [0.1, -0.0, 1e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.0];
        let steps = [0, -1, i64::MAX, i64::MIN, 7, 8, 9, 10];
        let point = |(step, value)| Point { step, time_ms: 1_700_000_000_000 + step % 1_000, value };
        let all: Vec<Point> = steps.into_iter().zip(values).map(point).collect();
        for (key, points, next_page_token) in [
            ("loss", &all[..], None),
            ("a/b \"quoted\" ü\n", &all[..3], Some("eyJvZmZzZXQiOiAzfQ==")),
            ("loss", &all[..1], None),
            ("loss", &[], None),
            ("loss", &[], Some("x")),
        ] {
            let metrics = points.iter().map(|point| Metric::of(key, *point, None)).collect();
            let expected = serde_json::to_string(&Whole { metrics, next_page_token }).unwrap();
            let written = history(key, points, next_page_token).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), expected);
            // Whatever the pieces.
            let mut text = HistoryText::of(key).unwrap();
            let mut pieces: Vec<u8> = points.chunks(3).flat_map(|piece| text.points(piece).unwrap()).collect();
            pieces.extend(text.end(next_page_token).unwrap());
            assert_eq!(String::from_utf8(pieces).unwrap(), expected);
        }
    }
}
