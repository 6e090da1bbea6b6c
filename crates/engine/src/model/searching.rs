//! Which versions match a filter, each looked at with the model that it stands under.

use std::collections::BTreeMap;

use api::{
    ApiError,
    model::{Model, Version},
    tracking::{ClientVersion, Stage},
};

use crate::run::{
    board::Asked,
    filter::{
        self, Field, Filter,
        compare::{Cell, Ready},
    },
    start::word,
};

const ATTRIBUTES: &[&str] = &["name", "version", "alias", "stage", "user", "notes", "created"];

pub(super) fn filter(text: &str) -> Result<Filter, ApiError> {
    filter::parse_of(text, Some(ATTRIBUTES))
}

/// The models with those of their versions that match; one without versions where it matches by itself.
///
/// # Errors
/// Where that is not to go on.
pub(super) fn passing(
    c: &store::Connection,
    models: Vec<Model>,
    asked: &Asked,
    filter: &Filter,
) -> store::Result<Vec<Model>> {
    if matches!(filter, Filter::All) {
        return Ok(models);
    }
    let (ready, goes_on) = (Ready::of(filter), asked.goes_on());
    let holds = |facts: &Facts<'_>| ready.holds(&|field| facts.cell(field), &|text| facts.has(text));
    let mut passing = Vec::new();
    for mut model in models {
        goes_on()?;
        let bare = model.versions.is_empty() && model.client_versions.is_empty();
        if bare {
            if holds(&Facts::of(&model)) {
                passing.push(model);
            }
            continue;
        }
        let (ours, clients) = (std::mem::take(&mut model.versions), std::mem::take(&mut model.client_versions));
        let mut versions = Vec::new();
        for version in ours {
            let tags = store::client_version::tags(c, version.id.as_bytes())?;
            let notes = store::client_version::notes(c, version.id)?.unwrap_or_default();
            if holds(&Facts::of(&model).ours(&version, tags, notes.stage, notes.notes)) {
                versions.push(version);
            }
        }
        let client_versions: Vec<ClientVersion> =
            clients.into_iter().filter(|version| holds(&Facts::of(&model).client(version))).collect();
        if !versions.is_empty() || !client_versions.is_empty() {
            passing.push(Model { versions, client_versions, ..model });
        }
    }
    Ok(passing)
}

/// What a version is looked for by, or a model that has none.
struct Facts<'m> {
    model: &'m Model,
    number: Option<u32>,
    aliases: Vec<String>,
    stage: Option<Stage>,
    user: Option<String>,
    notes: String,
    tags: BTreeMap<String, String>,
    created_ms: i64,
    /// What else words match.
    made_of: String,
}

impl<'m> Facts<'m> {
    fn of(model: &'m Model) -> Self {
        Self {
            model,
            number: None,
            aliases: Vec::new(),
            stage: None,
            user: None,
            notes: String::new(),
            tags: BTreeMap::new(),
            created_ms: model.created_ms,
            made_of: String::new(),
        }
    }

    fn ours(self, version: &Version, tags: BTreeMap<String, String>, stage: Stage, notes: String) -> Self {
        Self {
            number: Some(version.number),
            aliases: version.aliases.clone(),
            stage: Some(stage),
            notes,
            tags,
            created_ms: version.created_ms,
            made_of: format!("{} {}", version.run_name, word(&version.kind)),
            ..self
        }
    }

    fn client(self, version: &ClientVersion) -> Self {
        Self {
            number: Some(version.number),
            aliases: version.aliases.clone(),
            stage: Some(version.stage),
            user: version.user.clone(),
            notes: version.notes.clone(),
            tags: version.tags.clone(),
            created_ms: version.created_ms,
            made_of: version.source.clone(),
            ..self
        }
    }

    /// A version is described by what stands at it and at its model.
    fn notes(&self) -> impl Iterator<Item = &String> {
        [&self.notes, &self.model.notes].into_iter().filter(|notes| !notes.is_empty())
    }

    fn cell(&self, field: &Field) -> Cell {
        match field {
            Field::Tag(key) => self.tags.get(key).or_else(|| self.model.tags.get(key)).into(),
            Field::Attribute(name) => match name.as_str() {
                "name" => Cell::Text(self.model.name.clone()),
                "version" => self.number.map_or(Cell::Missing, |number| Cell::Number(f64::from(number))),
                "alias" => Cell::Texts(self.aliases.clone()),
                "stage" => self.stage.map_or(Cell::Missing, |stage| Cell::Text(word(&stage))),
                "user" => self.user.as_ref().into(),
                "notes" => Cell::Texts(self.notes().cloned().collect()),
                _ => Cell::Number(self.created_ms as f64),
            },
            _ => Cell::Missing,
        }
    }

    fn has(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let has = |own: &str| own.to_lowercase().contains(&text);
        let tagged = |tags: &BTreeMap<String, String>| tags.iter().any(|(key, value)| has(key) || has(value));
        has(&self.model.name)
            || self.number.is_some_and(|number| has(&format!("v{number}")))
            || self.aliases.iter().chain(&self.user).chain(self.notes()).any(|own| has(own))
            || has(&self.made_of)
            || tagged(&self.tags)
            || tagged(&self.model.tags)
    }
}
