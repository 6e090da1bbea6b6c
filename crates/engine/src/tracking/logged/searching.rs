//! Clients search logged models: what the filter and the order ask of is read of all, the rest of the answered page alone.

use std::collections::{BTreeSet, HashMap};

use api::{
    ExperimentId,
    tracking::{Experiment, LoggedMetric, LoggedModel},
};

use super::Told;
use crate::{
    Engine,
    run::{
        PAGE_BYTES,
        board::{Asked, Order},
        filter::{
            self, Field, Filter,
            compare::{self, Cell, Ready},
        },
    },
    tracking::texts::bytes_in,
};

/// A dataset by its name, and by its digest where that is said.
pub type OnDataset = (String, Option<String>);

/// An order of logged models; a metric may be of one dataset.
#[derive(Debug, Clone)]
pub struct ModelOrder {
    pub order: Order,
    pub dataset: Option<OnDataset>,
}

/// Which logged models are sought, and which of these are answered.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    pub experiments: Vec<Experiment>,
    pub filter: String,
    /// Metrics are looked at on these alone, where any are given.
    pub datasets: Vec<OnDataset>,
    /// The newest stand first among equals.
    pub orders: Vec<ModelOrder>,
    pub skip: u64,
    pub most: u64,
}

/// A page of logged models, whether there are more behind them, and where these begin: of models with many and long texts it
/// holds fewer than it may.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    pub models: Vec<Told>,
    pub has_more: bool,
    pub end: u64,
}

/// What a model, or a figure of one, takes beside its texts, about.
const RECORD_BYTES: usize = 400;

const ATTRIBUTES: &[&str] = &[
    "name",
    "model_id",
    "model_type",
    "status",
    "source_run_id",
    "experiment_id",
    "creation_timestamp",
    "creation_time",
    "creation_timestamp_ms",
    "last_updated_timestamp",
    "last_updated_time",
];

/// Field and order of a name in the protocol.
pub fn order(field: &str, ascending: bool, dataset: Option<OnDataset>) -> anyhow::Result<ModelOrder> {
    let parsed = filter::field_of(field, Some(ATTRIBUTES))?;
    Ok(ModelOrder { order: Order { field: parsed, descending: !ascending }, dataset })
}

pub async fn search(engine: &Engine, sought: Sought) -> anyhow::Result<Found> {
    let filter = filter::parse_of(&sought.filter, Some(ATTRIBUTES))?;
    let (asked, _asking) = engine.board().ask();
    Ok(engine.store().read(move |c| page(c, &asked, &sought, &filter)).await?)
}

fn page(c: &store::Connection, asked: &Asked, sought: &Sought, filter: &Filter) -> store::Result<Found> {
    let mut fields = filter::fields_of(filter);
    // Who names datasets and no metric wants the models that have any on them.
    let of_datasets = !sought.datasets.is_empty() && !fields.iter().any(|field| matches!(field, Field::Metric(_)));
    fields.extend(sought.orders.iter().map(|one| &one.order.field));
    let (mut found, goes_on) = (Vec::new(), asked.goes_on());
    for experiment in &sought.experiments {
        goes_on()?;
        let models = read(c, experiment.id, &fields, (of_datasets, filter::has_words(filter)))?;
        found.extend(models.into_iter().map(|model| (model, experiment.number)));
    }
    let ready = Ready::of(filter);
    let passes = |told: &Told| {
        let looked_at = |field: &Field| cell(told, field, [&sought.datasets, &[]]);
        let word = |word: &str| {
            let word = word.to_lowercase();
            let texts = told.0.params.iter().chain(&told.0.tags).flat_map(|(key, value)| [key, value]);
            std::iter::once(&told.0.name).chain(texts).any(|text| text.to_lowercase().contains(&word))
        };
        (!of_datasets || told.0.metrics.iter().any(|metric| is_on(metric, &sought.datasets)))
            && ready.holds(&looked_at, &word)
    };
    let matched = compare::passing(found, goes_on, passes)?;
    let descending: Vec<bool> = sought.orders.iter().map(|one| one.order.descending).collect();
    let cells = |told: &Told| {
        let of = |one: &ModelOrder| cell(told, &one.order.field, [&sought.datasets, one.dataset.as_slice()]);
        sought.orders.iter().map(of).collect::<Vec<_>>()
    };
    let found = compare::sorted(matched, &descending, cells, |left, right| {
        right.0.created_ms.cmp(&left.0.created_ms).then_with(|| right.0.id.cmp(&left.0.id))
    });
    let (skip, most) = (place(sought.skip), place(sought.most));
    let (total, mut models, mut bytes) = (found.len(), Vec::new(), 0_usize);
    for (model, number) in found.into_iter().skip(skip).take(most) {
        let bare = LoggedModel { metrics: Vec::new(), ..model };
        let whole = store::logged_model::whole(c, bare)?;
        bytes = bytes.saturating_add(bytes_of(&whole));
        if bytes > PAGE_BYTES && !models.is_empty() {
            break;
        }
        models.push((whole, number));
    }
    let end = skip.saturating_add(models.len());
    Ok(Found { models, has_more: total > end, end: end as u64 })
}

fn bytes_of(model: &LoggedModel) -> usize {
    let figures: usize = model.metrics.iter().map(|metric| metric.key.len() + RECORD_BYTES).sum();
    RECORD_BYTES + bytes_in(&model.params) + bytes_in(&model.tags) + figures
}

fn place(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// An experiment's models with what these fields ask of, and with their figures or all their texts where these are asked of
/// anyway.
fn read(
    c: &store::Connection,
    experiment: ExperimentId,
    fields: &[&Field],
    (of_datasets, of_texts): (bool, bool),
) -> store::Result<Vec<LoggedModel>> {
    let mut models = store::logged_model::of_experiment(c, experiment)?;
    let at: HashMap<String, usize> = models.iter().enumerate().map(|(at, model)| (model.id.clone(), at)).collect();
    let keys = fields.iter().filter_map(|field| match field {
        Field::Param(key) => Some((false, key.as_str())),
        Field::Tag(key) => Some((true, key.as_str())),
        _ => None,
    });
    let mut put = |id: &String, is_tag: bool, key: String, value: String| {
        if let Some(at) = at.get(id) {
            let model = &mut models[*at];
            if is_tag { &mut model.tags } else { &mut model.params }.insert(key, value);
        }
    };
    if of_texts {
        for (id, is_tag, key, value) in store::logged_model::every_text_within(c, experiment)? {
            put(&id, is_tag, key, value);
        }
    } else {
        for (is_tag, key) in keys.collect::<BTreeSet<_>>() {
            for (id, value) in store::logged_model::texts_within(c, experiment, (is_tag, key))? {
                put(&id, is_tag, key.to_owned(), value);
            }
        }
    }
    if of_datasets || fields.iter().any(|field| matches!(field, Field::Metric(_))) {
        for (id, metric) in store::logged_model::figures_within(c, experiment)? {
            if let Some(at) = at.get(&id) {
                models[*at].metrics.push(metric);
            }
        }
    }
    Ok(models)
}

/// Whether a figure is on one of these datasets; on any where none are given.
fn is_on(metric: &LoggedMetric, datasets: &[OnDataset]) -> bool {
    let is = |(name, digest): &OnDataset| {
        metric.dataset_name.as_ref() == Some(name)
            && digest.as_ref().is_none_or(|digest| metric.dataset_digest.as_ref() == Some(digest))
    };
    datasets.is_empty() || datasets.iter().any(is)
}

/// A model's figure of a key that counts, as of a run: of the greatest step the latest, of these the greatest. It is on one of
/// the datasets of each list that has any.
fn latest<'m>(model: &'m LoggedModel, key: &str, on: [&[OnDataset]; 2]) -> Option<&'m LoggedMetric> {
    let all = model.metrics.iter().filter(|metric| metric.key == key && on.iter().all(|one| is_on(metric, one)));
    all.max_by(|left, right| {
        let by_place = (left.step, left.time_ms).cmp(&(right.step, right.time_ms));
        by_place.then_with(|| left.value.total_cmp(&right.value))
    })
}

fn cell((model, number): &Told, field: &Field, on: [&[OnDataset]; 2]) -> Cell {
    let text = |text: Option<String>| text.map_or(Cell::Missing, Cell::Text);
    match field {
        Field::Metric(key) => latest(model, key, on).map_or(Cell::Missing, |metric| Cell::Number(metric.value)),
        Field::Param(key) => model.params.get(key).into(),
        Field::Tag(key) => model.tags.get(key).into(),
        Field::Attribute(name) => match name.as_str() {
            "name" => Cell::Text(model.name.clone()),
            "model_id" => Cell::Text(model.id.clone()),
            "model_type" => text(model.kind.clone()),
            "status" => Cell::Text(filter::model_status(model.status)),
            "source_run_id" => text(model.run.map(|run| run.to_string())),
            "experiment_id" => Cell::Text(number.to_string()),
            "creation_timestamp" | "creation_time" | "creation_timestamp_ms" => Cell::Number(model.created_ms as f64),
            _ => Cell::Number(model.updated_ms as f64),
        },
        _ => Cell::Missing,
    }
}
