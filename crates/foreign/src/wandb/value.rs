//! What a row of history holds: numbers, texts, and objects whose `_type` says what they are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use super::proto::{Item, Typed};
use crate::{Histogram, Media, value::Value};

/// Values by their names.
type Fields = Vec<(String, Value)>;

/// Collects what a row's items hold.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) numbers: Vec<(String, f64)>,
    /// Objects with a `_type`, each with its key.
    pub(crate) objects: Vec<(String, Value)>,
    /// Values that could not be read.
    pub(crate) malformed: usize,
    /// Texts, and lists as JSON, but for the client's own.
    pub(crate) texts: Vec<(String, String)>,
}

/// The keys that lead to an item.
pub(crate) fn path_of(item: &Item) -> &[String] {
    if item.nested_key.is_empty() { std::slice::from_ref(&item.key) } else { &item.nested_key }
}

pub(crate) fn value_of(item: &Item) -> Option<Value> {
    match &item.typed {
        None if item.value_json.is_empty() => Some(Value::Null),
        None => json(&item.value_json),
        Some(Typed::None(_)) => Some(Value::Null),
        Some(Typed::Boolean(truth)) => Some(Value::Bool(*truth)),
        Some(Typed::Integer(number)) => Some(Value::Integer(*number)),
        Some(Typed::Number(number)) => Some(Value::Number(*number)),
        Some(Typed::Text(text)) => Some(Value::Text(text.clone())),
        Some(Typed::Json(text)) => json(text),
    }
}

/// Most are numbers, which need no parser of JSON.
pub(crate) fn json(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse() {
        return Some(Value::Integer(number));
    }
    text.parse().map(Value::Number).ok().or_else(|| Value::from_json(text).ok())
}

impl Row {
    /// An object's fields come as items of their own, side by side or not: those under the same keys are one again.
    pub(crate) fn of(items: &[Item]) -> Self {
        let mut row = Self::default();
        let mut nested: BTreeMap<&[String], Fields> = BTreeMap::new();
        for item in items {
            let Some(value) = value_of(item) else {
                row.malformed += 1;
                continue;
            };
            match path_of(item) {
                [key] => row.add(key.clone(), value),
                [above @ .., key] => nested.entry(above).or_default().push((key.clone(), value)),
                [] => {}
            }
        }
        // A shorter path comes before those that it begins.
        let mut object: Option<(&[String], Fields)> = None;
        for (path, mut fields) in nested {
            if let Some((above, of)) = &mut object
                && let Some(below) = path.strip_prefix(*above)
            {
                of.push((below.join("."), Value::map(fields)));
                continue;
            }
            if fields.iter().any(|(key, _)| key == "_type") {
                row.finish(object.replace((path, std::mem::take(&mut fields))));
            }
            for (key, value) in fields {
                row.add(format!("{}.{key}", path.join(".")), value);
            }
        }
        row.finish(object);
        row
    }

    fn finish(&mut self, object: Option<(&[String], Fields)>) {
        if let Some((path, fields)) = object {
            self.objects.push((path.join("."), Value::map(fields)));
        }
    }

    // As deep as the parser lets a text nest.
    fn add(&mut self, key: String, value: Value) {
        if let Some(number) = value.number() {
            self.numbers.push((key, number));
        } else if let Value::Bool(truth) = value {
            self.numbers.push((key, f64::from(u8::from(truth))));
        } else if value.items().iter().any(|item| item.get("_type").is_some()) {
            // Several media without an object of their own around them.
            self.objects.push((key, Value::map(vec![("items".to_owned(), value)])));
        } else if matches!(value, Value::Text(_) | Value::List(_)) {
            if !key.starts_with('_') {
                self.texts.push((key, value.text()));
            }
        } else if value.get("_type").is_some() {
            self.objects.push((key, value));
        } else if let Value::Map(fields) = value {
            for (name, value) in fields.iter() {
                self.add(format!("{key}.{name}"), value.clone());
            }
        }
    }
}

/// The media of a key, or why they are left out.
pub(super) type Shown = Result<Vec<Media>, String>;

impl Row {
    /// What stands in it beside numbers, by key; files lie below `files`.
    pub(super) fn media(&self, files: &Path) -> Vec<(String, Shown)> {
        let texts = self.texts.iter().map(|(key, text)| (key.clone(), Ok(vec![Media::Text(text.clone())])));
        let objects = self.objects.iter().map(|(key, object)| (key.clone(), media(object, files)));
        texts.chain(objects).collect()
    }
}

/// The media that an object is, whose files lie below `files`; else why it is left out.
fn media(object: &Value, files: &Path) -> Shown {
    let kind = object.get("_type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "histogram" => histogram(object).map(|one| vec![one]).ok_or_else(|| "the histogram is malformed".to_owned()),
        "table" if object.get("data").is_some() => Ok(vec![table(object)]),
        _ if object.get("path").is_some() => Ok(vec![Media::File(file_of(object.get("path"), files)?)]),
        _ => {
            // Several at once: their file names, or an object for each.
            let names = object.get("filenames").map(Value::items).unwrap_or_default().iter().map(Some);
            let lists = object.entries().iter().flat_map(|(_, value)| value.items()).map(|one| one.get("path"));
            let paths: Vec<&Value> = names.chain(lists).flatten().collect();
            if paths.is_empty() {
                return Err(format!("nothing is known of the type {kind:?}"));
            }
            paths.into_iter().map(|path| file_of(Some(path), files).map(Media::File)).collect()
        }
    }
}

/// `bins`, or `packedBins` of their least edge, width and count.
fn histogram(object: &Value) -> Option<Media> {
    let numbers = |key| object.get(key).map(|list| list.items().iter().filter_map(Value::number).collect::<Vec<_>>());
    let counts = numbers("values")?;
    let edges = numbers("bins").or_else(|| {
        let packed = object.get("packedBins")?;
        let (min, size) = (packed.get("min")?.number()?, packed.get("size")?.number()?);
        Some((0..=counts.len()).map(|at| size.mul_add(at as f64, min)).collect())
    })?;
    (edges.len() == counts.len() + 1).then_some(Media::Histogram(Histogram { edges, counts }))
}

fn table(object: &Value) -> Media {
    let texts = |list: &Value| list.items().iter().map(Value::text).collect();
    let columns = object.get("columns").map(texts).unwrap_or_default();
    let rows = object.get("data").map(|data| data.items().iter().map(texts).collect()).unwrap_or_default();
    Media::Table { columns, rows }
}

fn file_of(path: Option<&Value>, files: &Path) -> Result<PathBuf, String> {
    file_below(path.and_then(Value::as_str).unwrap_or_default(), files)
}

/// A file below the run's files: nothing that a log says leads out of there.
pub(super) fn file_below(name: &str, files: &Path) -> Result<PathBuf, String> {
    let below = Path::new(name);
    if name.is_empty() || !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("{name:?} leads out of the run's files"));
    }
    let path = files.join(below);
    match (fs::canonicalize(&path), fs::canonicalize(files)) {
        (Ok(real), Ok(folder)) if real.starts_with(&folder) && real.is_file() => Ok(path),
        (Ok(_), Ok(_)) => Err(format!("{name:?} leads out of the run's files, or is no file")),
        (Err(error), _) | (_, Err(error)) => Err(format!("{name:?} can't be found: {error}")),
    }
}
