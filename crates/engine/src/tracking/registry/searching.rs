//! Clients search models and versions: what the filter and the order ask of is read of all, the rest of the answered
//! page alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use api::{
    ModelId, VersionId,
    tracking::{PROMPT_TAG, Stage, VersionNotes},
};
use store::model::ModelRow;

use super::{Registered, Version, by_id, made_by, named, read};
use crate::{
    Engine,
    run::{
        PAGE_BYTES,
        board::{Asked, Order},
        filter::{
            self, Comparison, Field, Filter, Value,
            compare::{self, Cell, Ready},
        },
    },
    tracking::texts::bytes_in,
};

/// What is sought, and which of what is found is answered.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    pub filter: String,
    pub order: Vec<String>,
    pub skip: u64,
    pub most: u64,
}

/// A page, whether there is more behind it, and where that begins: of what has many and long texts it holds less than it may.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found<T> {
    pub page: Vec<T>,
    pub has_more: bool,
    pub end: u64,
}

/// What a version or model takes beside its texts, about.
const RECORD_BYTES: usize = 400;

impl<T> Found<T> {
    /// The page of what was found, each thing read whole, which takes so many bytes of a page.
    fn of<H>(
        all: Vec<H>,
        sought: &Sought,
        mut whole: impl FnMut(H) -> store::Result<Option<T>>,
        bytes_of: impl Fn(&T) -> usize,
    ) -> store::Result<Self> {
        let place = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (skip, most, total) = (place(sought.skip), place(sought.most), all.len());
        let (mut page, mut end, mut bytes) = (Vec::new(), skip, 0_usize);
        for one in all.into_iter().skip(skip).take(most) {
            if let Some(one) = whole(one)? {
                bytes = bytes.saturating_add(bytes_of(&one));
                if bytes > PAGE_BYTES && !page.is_empty() {
                    break;
                }
                page.push(one);
            }
            end += 1;
        }
        Ok(Self { page, has_more: total > end, end: end as u64 })
    }
}

fn bytes_of_version(version: &Version) -> usize {
    RECORD_BYTES + version.source.len() + version.notes.notes.len() + bytes_in(&version.tags)
}

/// With all of its versions, which are read for those that are told.
fn bytes_of_model(model: &Registered) -> usize {
    let versions: usize = model.versions.iter().map(bytes_of_version).sum();
    RECORD_BYTES + model.row.notes.len() + bytes_in(&model.tags) + versions
}

/// Orders of other records than runs: `name ASC`, `creation_time DESC`.
pub(in crate::tracking) fn orders(texts: &[String], attributes: &'static [&'static str]) -> anyhow::Result<Vec<Order>> {
    filter::check_orders(texts.len())?;
    texts
        .iter()
        .map(|text| {
            let (field, descending) = filter::order_of(text, Some(attributes))?;
            Ok(Order { field, descending })
        })
        .collect()
}

fn descending(orders: &[Order]) -> Vec<bool> {
    orders.iter().map(|order| order.descending).collect()
}

/// MLflow keeps prompts among the models, and answers them only to a filter whose first condition on their tag asks for
/// them.
fn asks_for_prompts(filter: &Filter) -> bool {
    fn first(filter: &Filter) -> Option<bool> {
        match filter {
            Filter::And(all) | Filter::Or(all) => all.iter().find_map(first),
            Filter::Not(inner) => first(inner).map(|asks| !asks),
            Filter::Compare(Field::Tag(key), comparison, Value::Text(value)) if key == PROMPT_TAG => {
                Some(match comparison {
                    Comparison::Equal => value.eq_ignore_ascii_case("true"),
                    Comparison::NotEqual => value.eq_ignore_ascii_case("false"),
                    _ => false,
                })
            }
            Filter::All | Filter::Compare(..) | Filter::Word(_) => None,
        }
    }
    first(filter).unwrap_or(false)
}

/// What is no prompt has no such tag, and is asked for by `!= 'true'` or `= 'false'`.
fn tag_cell(tags: &BTreeMap<String, String>, key: &str) -> Cell {
    match tags.get(key) {
        None if key == PROMPT_TAG => Cell::Text("false".to_owned()),
        found => found.into(),
    }
}

/// The tags of models and versions by these keys, and by that of prompts.
struct Tags(Vec<(String, HashMap<[u8; 16], String>)>);

impl Tags {
    fn read<'f>(c: &store::Connection, fields: impl Iterator<Item = &'f Field>) -> store::Result<Self> {
        let asked = fields.filter_map(|field| if let Field::Tag(key) = field { Some(key.as_str()) } else { None });
        let keys: BTreeSet<&str> = asked.chain([PROMPT_TAG]).collect();
        let all = keys.into_iter().map(|key| Ok((key.to_owned(), store::client_version::tagged(c, key)?)));
        Ok(Self(all.collect::<store::Result<_>>()?))
    }

    fn of(&self, owner: &[u8; 16]) -> BTreeMap<String, String> {
        let of = |(key, values): &(String, HashMap<[u8; 16], String>)| Some((key.clone(), values.get(owner)?.clone()));
        self.0.iter().filter_map(of).collect()
    }
}

/// What words are looked for in beside names, in small letters: tags, aliases and descriptions, by the bytes of the id of
/// the model or version. A filter without words reads none.
struct Texts(HashMap<[u8; 16], String>);

impl Texts {
    fn read(c: &store::Connection, filter: &Filter) -> store::Result<Self> {
        let mut all = HashMap::<[u8; 16], String>::new();
        if !filter::has_words(filter) {
            return Ok(Self(all));
        }
        let mut add = |owner: &[u8; 16], text: &str| {
            let held = all.entry(*owner).or_default();
            held.push_str(&text.to_lowercase());
            held.push('\n');
        };
        for (owner, key, value) in store::client_version::all_tags(c)? {
            add(&owner, &key);
            add(&owner, &value);
        }
        for (version, notes) in store::client_version::noted(c)? {
            add(version.as_bytes(), &notes);
        }
        for (model, version, alias) in store::alias::all(c)? {
            add(model.as_bytes(), &alias);
            add(version.as_bytes(), &alias);
        }
        Ok(Self(all))
    }

    /// Whether a word stands in a name or among the texts of its owner.
    fn have(&self, owner: &[u8; 16], names: &[&str], word: &str) -> bool {
        let word = word.to_lowercase();
        self.0.get(owner).is_some_and(|text| text.contains(&word))
            || names.iter().any(|name| name.to_lowercase().contains(&word))
    }
}

fn is_prompt(tags: &BTreeMap<String, String>) -> bool {
    tags.get(PROMPT_TAG).is_some_and(|is| is == "true")
}

/// Every model with the name by which clients know it.
fn models(c: &store::Connection) -> store::Result<Vec<(ModelRow, String)>> {
    let rows = store::model::all(c)?;
    // They stand by name.
    let same = rows.windows(2).filter(|pair| pair[0].name == pair[1].name);
    let several: HashSet<String> = same.map(|pair| pair[0].name.clone()).collect();
    let told = rows.into_iter().map(|row| {
        let name = if several.contains(&row.name) { named::told(c, &row)? } else { row.name.clone() };
        Ok((row, name))
    });
    told.collect()
}

const MODEL_ATTRIBUTES: &[&str] = &["name", "timestamp", "last_updated_timestamp", "creation_timestamp"];

struct ModelHead {
    row: ModelRow,
    name: String,
    tags: BTreeMap<String, String>,
}

/// The models that match, by name unless an order is given; prompts only where they are asked for.
pub async fn models_found(engine: &Engine, sought: Sought) -> anyhow::Result<Found<Registered>> {
    let filter = filter::parse_of(&sought.filter, Some(MODEL_ATTRIBUTES))?;
    let orders = orders(&sought.order, MODEL_ATTRIBUTES)?;
    let (asked, _asking) = engine.board().ask();
    Ok(engine.store().read(move |c| found_models(c, &asked, &sought, (&filter, &orders))).await?)
}

fn found_models(
    c: &store::Connection,
    asked: &Asked,
    sought: &Sought,
    (filter, orders): (&Filter, &[Order]),
) -> store::Result<Found<Registered>> {
    let tags = Tags::read(c, filter::fields_of(filter).into_iter())?;
    let head = |(row, name): (ModelRow, String)| ModelHead { tags: tags.of(row.id.as_bytes()), row, name };
    let all: Vec<ModelHead> = models(c)?.into_iter().map(head).collect();
    let cell = |model: &ModelHead, field: &Field| match field {
        Field::Tag(key) => tag_cell(&model.tags, key),
        Field::Attribute(name) if name == "name" => Cell::Text(model.name.clone()),
        Field::Attribute(name) if name == "creation_timestamp" => Cell::Number(model.row.created_ms as f64),
        Field::Attribute(_) => Cell::Number(model.row.updated_ms as f64),
        _ => Cell::Missing,
    };
    let texts = Texts::read(c, filter)?;
    let word =
        |model: &ModelHead, word: &str| texts.have(model.row.id.as_bytes(), &[&model.name, &model.row.notes], word);
    let (with_prompts, ready) = (asks_for_prompts(filter), Ready::of(filter));
    let all = compare::passing(all, asked.goes_on(), |model| {
        (with_prompts || !is_prompt(&model.tags)) && ready.holds(&|field| cell(model, field), &|text| word(model, text))
    })?;
    let cells = |model: &ModelHead| orders.iter().map(|order| cell(model, &order.field)).collect::<Vec<_>>();
    let all = compare::sorted(all, &descending(orders), cells, |left, right| left.name.cmp(&right.name));
    Found::of(all, sought, |model| read(c, model.row).map(Some), bytes_of_model)
}

const VERSION_ATTRIBUTES: &[&str] = &[
    "name",
    "version_number",
    "run_id",
    "source_path",
    "source",
    "creation_timestamp",
    "last_updated_timestamp",
    "timestamp",
    "model_id",
    "current_stage",
];

/// The versions that match, last changed first unless an order is given; those of prompts only where they are asked for.
pub async fn versions_found(engine: &Engine, sought: Sought) -> anyhow::Result<Found<Version>> {
    let filter = filter::parse_of(&sought.filter, Some(VERSION_ATTRIBUTES))?;
    let orders = orders(&sought.order, VERSION_ATTRIBUTES)?;
    let (asked, _asking) = engine.board().ask();
    Ok(engine.store().read(move |c| found_versions(c, &asked, &sought, (&filter, &orders))).await?)
}

fn found_versions(
    c: &store::Connection,
    asked: &Asked,
    sought: &Sought,
    (filter, orders): (&Filter, &[Order]),
) -> store::Result<Found<Version>> {
    let all = version_heads(c, filter)?;
    let text = |text: Option<String>| text.map_or(Cell::Missing, Cell::Text);
    let cell = |version: &Version, field: &Field| match field {
        Field::Tag(key) => tag_cell(&version.tags, key),
        Field::Attribute(name) => match name.as_str() {
            "name" => Cell::Text(version.name.clone()),
            "version_number" => Cell::Number(f64::from(version.number)),
            // A version of no run has an empty one, as in MLflow.
            "run_id" => Cell::Text(version.run_told.clone().unwrap_or_default()),
            "source_path" | "source" => Cell::Text(version.source.clone()),
            "creation_timestamp" => Cell::Number(version.created_ms as f64),
            "model_id" => text(version.logged.clone()),
            "current_stage" => Cell::Text(version.notes.stage.word().to_owned()),
            _ => Cell::Number(version.notes.updated_ms as f64),
        },
        _ => Cell::Missing,
    };
    let texts = Texts::read(c, filter)?;
    let word = |version: &Version, word: &str| texts.have(version.id.as_bytes(), &[&version.name], word);
    // One version that is a prompt makes its model one.
    let of_prompts: HashSet<ModelId> = match asks_for_prompts(filter) {
        true => HashSet::new(),
        false => all.iter().filter(|version| is_prompt(&version.tags)).map(|version| version.model).collect(),
    };
    let ready = Ready::of(filter);
    let all = compare::passing(all, asked.goes_on(), |version| {
        !of_prompts.contains(&version.model) && ready.holds(&|field| cell(version, field), &|text| word(version, text))
    })?;
    let cells = |version: &Version| orders.iter().map(|order| cell(version, &order.field)).collect::<Vec<_>>();
    let all = compare::sorted(all, &descending(orders), cells, |left, right| {
        let last = right.notes.updated_ms.cmp(&left.notes.updated_ms);
        last.then_with(|| left.name.cmp(&right.name)).then(right.number.cmp(&left.number))
    });
    Found::of(all, sought, |version| by_id(c, &version.name, version.id), bytes_of_version)
}

/// Every version of both kinds, without aliases and notes, and with the tags alone that the filter asks of; none of a
/// project that was deleted, whose models are not there either.
fn version_heads(c: &store::Connection, filter: &Filter) -> store::Result<Vec<Version>> {
    let tags = Tags::read(c, filter::fields_of(filter).into_iter())?;
    let names: HashMap<ModelId, String> = models(c)?.into_iter().map(|(row, name)| (row.id, name)).collect();
    let stages = store::client_version::stages(c)?;
    let notes = |id: VersionId, created_ms: i64| {
        let (stage, updated_ms) = stages.get(&id).copied().unwrap_or((Stage::None, created_ms));
        VersionNotes { stage, updated_ms, ..VersionNotes::default() }
    };
    let ours = store::version::heads(c)?.into_iter().filter_map(|one| {
        let name = names.get(&one.model)?.clone();
        Some(Version {
            id: one.id,
            model: one.model,
            name,
            number: one.number,
            run: Some(one.run),
            run_told: Some(one.run.to_string()),
            run_link: None,
            source: made_by(one.run),
            location: made_by(one.run),
            logged: None,
            user: None,
            created_ms: one.created_ms,
            aliases: Vec::new(),
            tags: tags.of(one.id.as_bytes()),
            notes: notes(one.id, one.created_ms),
            of_client: false,
        })
    });
    let clients = store::client_version::all(c)?.into_iter().filter_map(|one| {
        let name = names.get(&one.model)?.clone();
        Some(Version {
            name,
            tags: tags.of(one.id.as_bytes()),
            notes: notes(one.id, one.created_ms),
            id: one.id,
            model: one.model,
            number: one.number,
            run: one.run,
            run_told: one.run_told,
            run_link: one.run_link,
            source: one.source,
            location: one.location,
            logged: one.logged,
            user: one.user,
            created_ms: one.created_ms,
            aliases: Vec::new(),
            of_client: true,
        })
    });
    Ok(ours.chain(clients).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_asked_for_by_their_tag_alone() {
        let asks = |filter: &str| asks_for_prompts(&filter::parse_of(filter, Some(MODEL_ATTRIBUTES)).unwrap());
        for yes in [
            "tags.`mlflow.prompt.is_prompt` = 'true'",
            "name = 'x' and tag.`mlflow.prompt.is_prompt` = 'True'",
            "tags.mlflow.prompt.is_prompt != 'false'",
        ] {
            assert!(asks(yes), "{yes}");
        }
        for no in ["", "name = 'x'", "tags.kind = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'"] {
            assert!(!asks(no), "{no}");
        }
    }
}
