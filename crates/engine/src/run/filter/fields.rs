//! The fields that a filter can name, and what was probably meant by one that it can't.

use api::{
    ApiError, RunId,
    run::{FilterNote, KeyKind, RunKind, RunState},
    tracking::{LoggedStatus, PARENT_TAG},
};

use super::{Comparison, DatasetField, Field, Filter, Value};
use crate::{
    nearest::{did_you_mean, nearest},
    run::start::word,
};

/// The fields without a key that an error may propose; MLflow's other names for them are known as well.
const KNOWN: [&str; 23] = [
    "name",
    "state",
    "status",
    "kind",
    "experiment",
    "model",
    "folder",
    "within",
    "device",
    "commit",
    "snapshot",
    "created",
    "started",
    "ended",
    "start_time",
    "end_time",
    "duration",
    "cost",
    "user",
    "notes",
    "parent",
    "run_id",
    "artifact_uri",
];

const FIELDS: &str = "There are metric.KEY, param.KEY, tag.KEY, dataset.name, dataset.digest, dataset.context, name, state, \
                      kind, experiment, folder, within (a folder or one below it), model, created, started, ended (a date as '2026-11-24', or milliseconds \
                      since 1970), duration (in seconds), cost, user, notes, device, commit, snapshot, parent, \
                      artifact_uri and id.";

/// What stands behind `dataset.`.
const OF_DATASETS: [&str; 3] = ["name", "digest", "context"];

/// The words before a key.
const ENTITIES: [&str; 5] = ["metric", "param", "tag", "attribute", "dataset"];

#[derive(Debug, Clone, Copy)]
pub(super) enum Entity {
    Metric,
    Param,
    Tag,
    Attribute,
    Dataset,
}

impl Entity {
    /// By any of the names that MLflow knows it by.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "metric" | "metrics" => Self::Metric,
            "param" | "params" | "parameter" | "parameters" => Self::Param,
            "tag" | "tags" => Self::Tag,
            "attribute" | "attributes" | "attr" | "run" => Self::Attribute,
            "dataset" | "datasets" => Self::Dataset,
            _ => return None,
        })
    }
}

/// A field that has no key.
pub(super) fn attribute(name: &str) -> Option<Field> {
    Some(match name {
        "name" | "run_name" | "run name" | "Run name" | "Run Name" => Field::Name,
        "state" => Field::State,
        "status" => Field::Status,
        "kind" => Field::Kind,
        "experiment" => Field::Experiment,
        "model" => Field::Model,
        "folder" => Field::Folder,
        "within" => Field::Within,
        "device" => Field::Device,
        "commit" => Field::Commit,
        "snapshot" => Field::Snapshot,
        "created" => Field::Created,
        "started" | "Created" | "start_time" => Field::Started,
        "ended" | "end_time" => Field::Ended,
        "duration" => Field::Duration,
        "cost" => Field::Cost,
        "run_id" | "id" => Field::Id,
        "user_id" | "user" => Field::User,
        "notes" => Field::Notes,
        "artifact_uri" => Field::ArtifactUri,
        // The run that a nested run stands under.
        "parent" => Field::Tag(PARENT_TAG.to_owned()),
        _ => return None,
    })
}

/// What a filter asks of datasets.
pub(super) fn dataset(key: &str) -> Option<DatasetField> {
    Some(match key {
        "name" => DatasetField::Name,
        "digest" => DatasetField::Digest,
        "context" => DatasetField::Context,
        _ => return None,
    })
}

/// " Did you mean …?" behind something of datasets that there is not.
pub(super) fn meant_of_datasets(key: &str) -> String {
    nearest(key, OF_DATASETS).map_or_else(String::new, |key| format!(" Did you mean dataset.{key}?"))
}

/// " Did you mean …?" behind a field that is not there; empty where none is near. `attributes` are those of records of
/// another kind than runs.
pub(super) fn meant(field: &str, attributes: Option<&'static [&'static str]>) -> String {
    match field.split_once('.') {
        Some((entity, key)) => nearest(entity, ENTITIES)
            .map_or_else(String::new, |entity| format!(" Did you mean {}?", api::run_table::named(entity, key))),
        None => did_you_mean(field, attributes.unwrap_or(&KNOWN).iter().copied()),
    }
}

/// Says which fields there are.
pub(super) fn with_fields(error: ApiError, attributes: Option<&'static [&'static str]>) -> ApiError {
    match attributes {
        Some(known) => error.with_hint(format!("There are tag.KEY and {}.", known.join(", "))),
        None => error.with_hint(FIELDS),
    }
}

/// A state or kind that there is none of: what is wrong with it. A run's `status` is MLflow's, whose clients may ask for any
/// word; of a model's it has refused an unknown one since 3.18.
pub(super) fn unknown_word(field: &Field, comparison: Comparison, value: &Value) -> Option<String> {
    let (what, known) = match field {
        Field::State => {
            use RunState::{Failed, Finished, Killed, Queued, Running, Stopped};
            ("state", [Queued, Running, Stopped, Finished, Failed, Killed].map(|state| word(&state)).to_vec())
        }
        Field::Kind => {
            use RunKind::{Client, Command, Imported, Search, Training};
            ("kind", [Training, Command, Client, Imported, Search].map(|kind| word(&kind)).to_vec())
        }
        // Of records of another kind only models that clients logged have one.
        Field::Attribute(name) if name == "status" => {
            use LoggedStatus::{Failed, Pending, Ready};
            let mut known = [Pending, Ready, Failed].map(model_status).to_vec();
            // MLflow's word where none is told: it may be asked for, and no model here has it.
            known.push("UNSPECIFIED".to_owned());
            ("status", known)
        }
        _ => return None,
    };
    let asked = match (comparison, value) {
        (Comparison::Equal | Comparison::NotEqual, Value::Text(asked)) => vec![asked.clone()],
        (Comparison::Equal | Comparison::NotEqual, Value::Number(asked)) => vec![asked.to_string()],
        (Comparison::In | Comparison::NotIn, Value::List(asked)) => asked.clone(),
        _ => return None,
    };
    let unknown = asked.iter().find(|asked| !known.contains(asked))?;
    let meant = did_you_mean(unknown, known.iter().map(String::as_str));
    let all = known.join(", ");
    Some(format!("there is no {what} \"{unknown}\": there are {all}.{meant}"))
}

/// The word by which a filter asks for the status of a model that a client logged; the protocol has another.
pub(crate) fn model_status(status: LoggedStatus) -> String {
    word(&status).to_uppercase()
}

/// What a filter that finds nothing may find nothing for: keys that no run has, of `[metrics, params, tags]` that there
/// are, sorted. What was meant is looked for only while `has_time`.
pub(crate) fn unknown_keys(filter: &Filter, known: &[Vec<String>; 3], has_time: &dyn Fn() -> bool) -> Vec<FilterNote> {
    let mut notes = Vec::new();
    unknown_keys_of(filter, known, has_time, &mut notes);
    notes
}

/// What a filter compares.
pub(crate) fn fields_of(filter: &Filter) -> Vec<&Field> {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().flat_map(fields_of).collect(),
        Filter::Not(inner) => fields_of(inner),
        Filter::All | Filter::Word(_) => Vec::new(),
        Filter::Compare(field, ..) => vec![field],
    }
}

/// Whether a filter has words, which are looked for in all texts of a record.
pub(crate) fn has_words(filter: &Filter) -> bool {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().any(has_words),
        Filter::Not(inner) => has_words(inner),
        Filter::Word(_) => true,
        Filter::All | Filter::Compare(..) => false,
    }
}

fn unknown_keys_of(
    filter: &Filter,
    known: &[Vec<String>; 3],
    has_time: &dyn Fn() -> bool,
    notes: &mut Vec<FilterNote>,
) {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().for_each(|one| unknown_keys_of(one, known, has_time, notes)),
        Filter::Not(inner) => unknown_keys_of(inner, known, has_time, notes),
        Filter::All | Filter::Word(_) => {}
        Filter::Compare(field, comparison, value) => {
            let note = unknown_key(field, known, has_time).or_else(|| no_parent(field, *comparison, value));
            if let Some(note) = note
                && !notes.contains(&note)
            {
                notes.push(note);
            }
        }
    }
}

/// The same of fields that are named beside a filter.
pub(crate) fn unknown_fields<'a>(
    fields: impl Iterator<Item = &'a Field>,
    known: &[Vec<String>; 3],
    has_time: &dyn Fn() -> bool,
) -> Vec<FilterNote> {
    fields.filter_map(|field| unknown_key(field, known, has_time)).collect()
}

fn unknown_key(field: &Field, known: &[Vec<String>; 3], has_time: &dyn Fn() -> bool) -> Option<FilterNote> {
    let is_known = |at: usize, key: &String| known[at].binary_search(key).is_ok();
    let (at, kind, what, key) = match field {
        Field::Metric(key) => (0, KeyKind::Metric, "metric", key),
        Field::Param(key) => (1, KeyKind::Param, "param", key),
        Field::Tag(key) if key != PARENT_TAG => (2, KeyKind::Tag, "tag", key),
        _ => return None,
    };
    if is_known(at, key) {
        return None;
    }
    let elsewhere = || {
        let other = [(0, "metric"), (1, "param"), (2, "tag")].into_iter().find(|(at, _)| is_known(*at, key));
        other.map_or_else(String::new, |(_, what)| format!(" There is a {what} of this name."))
    };
    let keys = known[at].iter().map(String::as_str).take_while(|_| has_time());
    let meant = nearest(key, keys).map(str::to_owned);
    let hint = meant.as_ref().map_or_else(elsewhere, |meant| format!(" Did you mean \"{meant}\"?"));
    let sentence = format!("No run here has a {what} \"{key}\".{hint}");
    Some(FilterNote { sentence, kind, key: key.clone(), meant })
}

/// A parent that is named as people call a run.
fn no_parent(field: &Field, comparison: Comparison, value: &Value) -> Option<FilterNote> {
    let (Field::Tag(key), Value::Text(named)) = (field, value) else { return None };
    let is_named = key == PARENT_TAG && comparison == Comparison::Equal && named.parse::<RunId>().is_err();
    let sentence = || format!("A parent is told by its run's id or name, and \"{named}\" is none.");
    is_named.then(|| FilterNote { sentence: sentence(), kind: KeyKind::Tag, key: key.clone(), meant: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::filter::parse;

    #[test]
    fn a_field_that_is_not_there_is_told_with_the_nearest() {
        for (wrong, expected) in [
            ("stat = finished", "no field \"stat\". Did you mean \"state\"?"),
            ("metrc.loss > 1", "no field \"metrc.loss\". Did you mean metric.loss?"),
            ("attribute.nmae = 'x'", "no attribute \"nmae\". Did you mean \"name\"?"),
            ("artefact_uri = 'x'", "no field \"artefact_uri\". Did you mean \"artifact_uri\"?"),
            ("dataset.digset = 'x'", "no attribute \"digset\". Did you mean dataset.digest?"),
            ("datset.digest = 'x'", "no field \"datset.digest\". Did you mean dataset.digest?"),
            ("state = 'finshed'", "no state \"finshed\": there are queued, running"),
            ("state = 'finshed'", "Did you mean \"finished\"?"),
            ("state in ('running', 'Finished')", "no state \"Finished\""),
            ("kind != 'trainings'", "Did you mean \"training\"?"),
            ("created = '2026-11-24'", "in milliseconds since 1970"),
            ("created > 'yesterday'", "with a date as '2026-11-24 18:00'"),
            ("duration > 'long'", "in seconds"),
        ] {
            let message = parse(wrong).unwrap_err().message;
            assert!(message.contains(expected), "{wrong}: {message}");
        }
        let all = parse("size = 3").unwrap_err().hint.unwrap();
        for field in ["duration (in seconds)", "dataset.digest", "dataset.context", "artifact_uri"] {
            assert!(all.contains(field), "{field}: {all}");
        }
        for fine in ["status = 'ANY'", "state ~ 'fin'", "state like 'f%'", "experiment in ('a', 'b')", "started > 5"] {
            assert!(parse(fine).is_ok(), "{fine}");
        }
        assert!(parse("created >= 2026-11-24 and ended < '2026-11-25 08:00'").is_ok());
        for name in KNOWN {
            assert!(attribute(name).is_some(), "{name}");
        }
        for name in OF_DATASETS {
            assert!(dataset(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_not_like_a_pattern_is_asked_for_as_in_sql() {
        let pattern =
            |comparison| Filter::Compare(Field::Tag("team".to_owned()), comparison, Value::Text("Blue%".to_owned()));
        assert_eq!(parse("tag.team not like 'Blue%'").unwrap(), pattern(Comparison::NotLike));
        assert_eq!(parse("tag.team NOT ILIKE 'Blue%'").unwrap(), pattern(Comparison::NotILike));
        assert_eq!(parse("not tag.team like 'Blue%'").unwrap(), Filter::Not(Box::new(pattern(Comparison::Like))));
        // Words of a note stay words.
        assert!(matches!(parse("state not like it").unwrap(), Filter::And(words) if words.len() == 3));
        for (wrong, expected) in [
            ("tag.team not like x", "was expected"),
            ("metric.loss not like '1%'", "it is a number"),
            ("tag.team not like", "was expected"),
        ] {
            let message = parse(wrong).unwrap_err().message;
            assert!(message.contains(expected), "{wrong}: {message}");
        }
    }

    #[test]
    fn keys_that_no_run_has_are_told() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let known = [texts(&["accuracy", "loss"]), texts(&["lr"]), Vec::new()];
        let notes = |filter: &str| unknown_keys(&parse(filter).unwrap(), &known, &|| true);
        let told = |filter: &str| notes(filter).into_iter().map(|note| note.sentence).collect::<Vec<_>>();
        let los = &notes("metrics.los < 1")[0];
        assert_eq!((los.kind, los.key.as_str(), los.meant.as_deref()), (KeyKind::Metric, "los", Some("loss")));
        assert_eq!(notes("param.loss = 1")[0].meant, None);
        assert_eq!(
            told("metric.los < 1 and param.lr = 1"),
            ["No run here has a metric \"los\". Did you mean \"loss\"?"]
        );
        assert_eq!(
            told("param.loss = 1 or parent = 'my sweep'"),
            [
                "No run here has a param \"loss\". There is a metric of this name.",
                "A parent is told by its run's id or name, and \"my sweep\" is none."
            ]
        );
        assert!(told("parent = '01a22c5ed718785fa15b54a78efbaadd' and parent ~ 'sweep'").is_empty());
        assert_eq!(told("not (tag.a = 1 or tag.a = 2)"), ["No run here has a tag \"a\"."]);
        // Without the time to look for what was meant, it is said all the same.
        let hurried = unknown_keys(&parse("metric.los < 1").unwrap(), &known, &|| false);
        assert_eq!(hurried[0].sentence, "No run here has a metric \"los\".");
    }
}
