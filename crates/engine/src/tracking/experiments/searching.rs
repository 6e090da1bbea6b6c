//! Which experiments match: for clients, who ask as MLflow has it, and for a person's lists, by one grammar.

use api::{
    ApiError,
    tracking::{Experiment, NOTE_TAG},
};

use crate::run::{
    board::{Asked, Order, View},
    filter::{
        self, Field, Filter,
        compare::{self, Cell, Ready},
    },
};

/// MLflow's names, and those by which runs are filtered.
pub(super) const ATTRIBUTES: &[&str] =
    &["name", "folder", "within", "notes", "created", "updated", "creation_time", "last_update_time", "experiment_id"];

pub(super) fn filter(text: &str) -> Result<Filter, ApiError> {
    filter::parse_of(text, Some(ATTRIBUTES))
}

/// Those that match, in their order.
///
/// # Errors
/// Where that is not to go on.
pub(super) fn passing(
    all: Vec<Experiment>,
    asked: &Asked,
    view: View,
    filter: &Filter,
) -> store::Result<Vec<Experiment>> {
    let is_seen = |experiment: &Experiment| match view {
        View::Active => experiment.deleted_ms.is_none(),
        View::Deleted => experiment.deleted_ms.is_some(),
        View::All => true,
    };
    // Notes are a tag, too.
    let word = |experiment: &Experiment, word: &str| {
        let word = word.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&word);
        let has_tag = || experiment.tags.iter().any(|(key, value)| has(key) || has(value));
        has(&experiment.name) || has(&experiment.folder) || has_tag()
    };
    let ready = Ready::of(filter);
    compare::passing(all, asked.goes_on(), |experiment| {
        is_seen(experiment) && ready.holds(&|field| cell(experiment, field), &|text| word(experiment, text))
    })
}

/// The newest first, unless an order is given.
///
/// # Errors
/// Where that is not to go on.
pub(super) fn matching(
    all: Vec<Experiment>,
    asked: &Asked,
    view: View,
    (filter, orders): (&Filter, &[Order]),
) -> store::Result<Vec<Experiment>> {
    let all = passing(all, asked, view, filter)?;
    let descending: Vec<bool> = orders.iter().map(|order| order.descending).collect();
    let cells = |experiment: &Experiment| orders.iter().map(|order| cell(experiment, &order.field)).collect::<Vec<_>>();
    Ok(compare::sorted(all, &descending, cells, |left, right| {
        right.created_ms.cmp(&left.created_ms).then(right.number.cmp(&left.number))
    }))
}

fn cell(experiment: &Experiment, field: &Field) -> Cell {
    match field {
        Field::Tag(key) => experiment.tags.get(key).into(),
        Field::Attribute(name) => match name.as_str() {
            "name" => Cell::Text(experiment.name.clone()),
            "folder" => Cell::Path(experiment.folder.clone()),
            "within" => Cell::Within(experiment.folder.clone()),
            "notes" => experiment.tags.get(NOTE_TAG).into(),
            "created" | "creation_time" => Cell::Number(experiment.created_ms as f64),
            "updated" | "last_update_time" => Cell::Number(experiment.updated_ms as f64),
            _ => Cell::Number(experiment.number as f64),
        },
        _ => Cell::Missing,
    }
}
