//! `slipway.toml`: read with line, column and what was expected; edited key by key.
//!
//! An unknown key is an error that names the nearest known one; in a file of a newer version it is a
//! warning. Edits keep comments, order and unknown keys. Nothing here touches a disk but [`write()`].

use std::{io::Write as _, ops::Range, path::Path};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    config::{ColumnType, DataConfig, DataKind, ProjectFile, TrainingConfig},
    spending::BudgetConfig,
};
use data::drift::window::WindowRule;
use serde_json::Value;
use toml_edit::{Document, DocumentMut, Item, Key, Table, TableLike};

use crate::package;

/// The file's name in a project's folder.
pub const NAME: &str = "slipway.toml";
/// The version that this program writes.
pub const VERSION: u32 = 1;
/// A longer file is no form of a project; reading it would take long.
pub const MOST_BYTES: u64 = 1_000_000;

/// As a run's name; what it names stands in lists and in an image's labels.
const LONGEST_NAME_CHARS: usize = 200;

/// A file that can be in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub file: ProjectFile,
    /// Keys that only a newer Slipway knows.
    pub warnings: Vec<String>,
}

/// What a text is called that is not written yet: its lines are nowhere to be seen.
pub const EDITED: &str = "slipway.toml as it would be";

/// Reads the text; `name` is what the file is called in errors.
pub fn parse(text: &str, name: &str) -> Result<Parsed, ApiError> {
    let document = Document::parse(text.to_owned())
        .map_err(|error| wrong(name, text, error.span(), &plain(error.message()), None))?;
    let version = document.get("version").and_then(Item::as_integer).unwrap_or(i64::from(VERSION));
    let newer = version > i64::from(VERSION);
    let mut unknown = Vec::new();
    find_unknown(document.as_table(), &known_keys(), &mut Vec::new(), &mut unknown);
    if newer {
        let mut known =
            text.parse::<DocumentMut>().map_err(|error| wrong(name, text, error.span(), error.message(), None))?;
        let warnings = unknown
            .iter()
            .map(|key| {
                format!("{name}: the key `{}` is not known to this Slipway and has no effect; update it.", key.path())
            })
            .collect();
        unknown.iter().for_each(|key| remove(known.as_table_mut(), &key.keys));
        let file = toml_edit::de::from_document(known)
            .map_err(|error| wrong(name, text, None, &plain(error.message()), None))?;
        return check(file, &document, text, name).map(|file| Parsed { file, warnings });
    }
    if let Some(key) = unknown.into_iter().next() {
        let hint = match &key.nearest {
            Some(nearest) => format!("Perhaps `{nearest}` is meant."),
            None => "`slipway project keys` explains every key.".to_owned(),
        };
        return Err(wrong(name, text, key.span.clone(), &format!("the key `{}` is not known", key.path()), Some(hint)));
    }
    no_bare_choice(&document, text, name)?;
    let file = toml_edit::de::from_str::<ProjectFile>(text)
        .map_err(|error| wrong(name, text, error.span(), &plain(error.message()), None))?;
    check(file, &document, text, name).map(|file| Parsed { file, warnings: Vec::new() })
}

/// What a hyperparameter may be is a table: a list alone, or a single value, is told with how it is written.
fn no_bare_choice(document: &Document<String>, text: &str, name: &str) -> Result<(), ApiError> {
    let space = document.get("search").and_then(|item| item.get("space")).and_then(Item::as_table_like);
    let bare = space.and_then(|space| space.iter().find(|(_, item)| !item.is_table_like()));
    let Some((key, item)) = bare else { return Ok(()) };
    let path = format!("search.space.{key}");
    let what = format!("`{path}` must be {{ values = […] }} or {{ min = …, max = … }}");
    Err(wrong(name, text, item.span(), &what, None).with_key(path))
}

/// Values of the right type that make no sense.
fn check(file: ProjectFile, document: &Document<String>, text: &str, name: &str) -> Result<ProjectFile, ApiError> {
    let refuse = |table: &str, key: &str, expected: &str| {
        let span = document.get(table).and_then(|item| item.get(key)).and_then(Item::span);
        let path = format!("{table}.{key}");
        Err(wrong(name, text, span, &format!("`{path}` must be {expected}"), None).with_key(path))
    };
    if let Some((path, span)) = not_finite(document.as_table(), &mut Vec::new()) {
        let what = format!("`{path}` must be a number, not infinite and not nan");
        return Err(wrong(name, text, span, &what, None).with_key(path));
    }
    if document.contains_key("version") && file.version == 0 {
        let span = document.get("version").and_then(Item::span);
        return Err(wrong(name, text, span, &format!("`version` must be at least 1; it is {VERSION} today"), None));
    }
    if !file.name.is_empty() && file.name.trim().is_empty() {
        let span = document.get("name").and_then(Item::span);
        return Err(wrong(name, text, span, "`name` must have a letter, or not be there", None).with_key("name"));
    }
    if file.name.chars().any(char::is_control) || file.name.chars().count() > LONGEST_NAME_CHARS {
        let span = document.get("name").and_then(Item::span);
        let what = format!("`name` must be one line of at most {LONGEST_NAME_CHARS} characters");
        return Err(wrong(name, text, span, &what, None).with_key("name"));
    }
    let picture = file.data.types.iter().find(|(_, kind)| **kind == ColumnType::Image).map(|(column, _)| column);
    if let (DataKind::Table, Some(column)) = (file.data.kind, picture) {
        let types = document.get("data").and_then(|data| data.get("types"));
        let span = types.and_then(|types| types.get(column)).and_then(Item::span);
        let path = format!("data.types.{column}");
        let what =
            format!("`{path}` must be boolean, integer, decimal, datetime, category or text: a table has no images");
        return Err(wrong(name, text, span, &what, None).with_key(path));
    }
    let (split, monitoring, evaluation) = (&file.split, &file.monitoring, &file.evaluation);
    let share = |value: f64| value > 0.0 && value < 1.0;
    let part = |value: f64| (0.0..=1.0).contains(&value);
    let window = WindowRule::parse(&monitoring.window, monitoring.min_rows).is_ok();
    let DataConfig { paths, delimiter, encoding, .. } = &file.data;
    let paths = paths.iter().all(|path| !path.trim().is_empty());
    let delimiter = delimiter.as_deref().is_none_or(|given| data::delimited::delimiter(given).is_some());
    let encoding = encoding.as_deref().is_none_or(data::encoding::is_known);
    let positive = file.data.positive.as_deref().is_none_or(|value| !value.is_empty());
    let rules = [
        (paths, "data", "paths", "a list of files, folders and globs, none of them empty"),
        (delimiter, "data", "delimiter", "one character, such as \";\", or \"tab\""),
        (encoding, "data", "encoding", "the name of an encoding, such as \"utf-8\" or \"windows-1252\""),
        (positive, "data", "positive", "one of the target's two values"),
        (share(split.validation), "split", "validation", "a share between 0 and 1"),
        (share(split.test), "split", "test", "a share between 0 and 1"),
        (
            split.validation + split.test < 1.0,
            "split",
            "test",
            "so small that with `split.validation` rows are left to train on",
        ),
        (part(monitoring.log_share), "monitoring", "log_share", "a share from 0 to 1"),
        (part(monitoring.drift_share), "monitoring", "drift_share", "a share from 0 to 1"),
        (window, "monitoring", "window", "a time such as \"1 day\" or \"6 hours\", or rows such as \"1000 rows\""),
        (monitoring.raise_after > 0, "monitoring", "raise_after", "at least 1"),
        (monitoring.clear_after > 0, "monitoring", "clear_after", "at least 1"),
        (evaluation.cost_false_negative >= 0.0, "evaluation", "cost_false_negative", "a cost of 0 or more"),
        (evaluation.cost_false_positive >= 0.0, "evaluation", "cost_false_positive", "a cost of 0 or more"),
        (evaluation.bootstrap <= 100_000, "evaluation", "bootstrap", "at most 100,000"),
    ];
    for (holds, table, key, expected) in
        rules.into_iter().chain(training_rules(&file.training)).chain(budget_rules(&file.budget))
    {
        if !holds {
            return refuse(table, key, expected);
        }
    }
    if let Err(error) = crate::search::space::rules(&file.search) {
        let key = error.key.clone().unwrap_or_default();
        let span = key.split('.').try_fold(document.as_item(), |item, part| item.get(part)).and_then(Item::span);
        return Err(wrong(name, text, span, &error.message, None).with_key(key));
    }
    if !file.search.space.is_empty()
        && let Err(error) = tune::space::Space::try_from(file.search.space.clone())
    {
        let span = document.get("search").and_then(|item| item.get("space")).and_then(Item::span);
        let what = format!("`search.space` can't be searched: {error}");
        return Err(wrong(name, text, span, &what, None).with_key("search.space"));
    }
    Ok(file)
}

type Rule = (bool, &'static str, &'static str, &'static str);

fn training_rules(training: &TrainingConfig) -> Vec<Rule> {
    let good = |value: Option<usize>, most: usize| value.is_none_or(|value| (1..=most).contains(&value));
    let weight = |value: Option<f64>| value.is_none_or(|value| value >= 0.0 && value.is_finite());
    let rate = training.learning_rate.is_none_or(|rate| rate > 0.0 && rate.is_finite());
    let dropout = training.dropout.is_none_or(|dropout| (0.0..1.0).contains(&dropout));
    let hidden = training.hidden.iter().all(|width| (1..=65_536).contains(width));
    vec![
        (rate, "training", "learning_rate", "a number above 0"),
        (dropout, "training", "dropout", "from 0 to below 1"),
        (weight(training.weight_decay), "training", "weight_decay", "0 or more"),
        (weight(training.l2), "training", "l2", "0 or more"),
        (good(training.batch_size, 1_000_000), "training", "batch_size", "from 1 to 1,000,000"),
        (good(training.epochs, 100_000), "training", "epochs", "from 1 to 100,000"),
        (good(training.rounds, 100_000), "training", "rounds", "from 1 to 100,000"),
        (good(training.max_depth, 32), "training", "max_depth", "from 1 to 32"),
        (hidden, "training", "hidden", "a list of widths from 1 to 65,536"),
        (training.threads <= 1024, "training", "threads", "at most 1,024; 0 takes as many as there are cores"),
    ]
}

pub(crate) fn budget_rules(budget: &BudgetConfig) -> [Rule; 3] {
    let good = |most: Option<f64>| most.is_none_or(|most| most > 0.0);
    [
        (good(budget.max_cost), "budget", "max_cost", "an amount above 0"),
        (good(budget.max_hours), "budget", "max_hours", "hours above 0"),
        (good(budget.max_kwh), "budget", "max_kwh", "kilowatt-hours above 0"),
    ]
}

/// The same rules for settings that come with a request instead of the file.
pub fn check_training(training: &TrainingConfig) -> Result<(), ApiError> {
    keeps(training_rules(training))
}

/// The same for limits that come with a request.
pub fn check_budget(budget: &BudgetConfig) -> Result<(), ApiError> {
    keeps(budget_rules(budget))
}

fn keeps(rules: impl IntoIterator<Item = Rule>) -> Result<(), ApiError> {
    match rules.into_iter().find(|(holds, ..)| !holds) {
        Some((_, _, key, expected)) => Err(ApiError::invalid(format!("`{key}` must be {expected}."))),
        None => Ok(()),
    }
}

/// The first infinite number or nan: neither can be kept, nor means anything in any key.
fn not_finite(table: &dyn TableLike, above: &mut Vec<String>) -> Option<(String, Option<Range<usize>>)> {
    table.iter().find_map(|(key, item)| {
        above.push(key.to_owned());
        let found = match item.as_table_like() {
            Some(below) => not_finite(below, above),
            None => item.as_float().filter(|value| !value.is_finite()).map(|_| (above.join("."), item.span())),
        };
        above.pop();
        found
    })
}

struct Unknown {
    keys: Vec<String>,
    span: Option<Range<usize>>,
    nearest: Option<String>,
}

impl Unknown {
    fn path(&self) -> String {
        self.keys.join(".")
    }
}

/// The keys that exist, as the default file's JSON: an empty object is a table with free keys.
fn known_keys() -> Value {
    serde_json::to_value(ProjectFile::default()).unwrap_or_default()
}

fn find_unknown(table: &dyn TableLike, known: &Value, above: &mut Vec<String>, found: &mut Vec<Unknown>) {
    let Some(known) = known.as_object().filter(|known| !known.is_empty()) else { return };
    for (name, item) in table.iter() {
        above.push(name.to_owned());
        match known.get(name) {
            Some(below) => {
                if let Some(table) = item.as_table_like() {
                    find_unknown(table, below, above, found);
                }
            }
            None => {
                let span = table.get_key_value(name).and_then(|(key, _)| key.span());
                found.push(Unknown { keys: above.clone(), span, nearest: nearest(name, above.len() == 1, known) });
            }
        }
        above.pop();
    }
}

/// The nearest known key of the same table, or, for a key at the top, of any.
fn nearest(name: &str, top: bool, known: &serde_json::Map<String, Value>) -> Option<String> {
    let same = known.keys().map(|key| (key.clone(), key.clone()));
    let below = known
        .iter()
        .filter(|_| top)
        .filter_map(|(table, keys)| Some((table, keys.as_object()?)))
        .flat_map(|(table, keys)| keys.keys().map(move |key| (key.clone(), format!("{table}.{key}"))));
    same.chain(below)
        .map(|(key, path)| (strsim::damerau_levenshtein(name, &key), path))
        .filter(|(distance, path)| *distance <= (path.len().min(name.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, path)| path)
}

fn wrong(name: &str, text: &str, span: Option<Range<usize>>, what: &str, hint: Option<String>) -> ApiError {
    let place = match span {
        Some(span) if name == EDITED => format!("slipway.toml can't have `{}`", line(text, span.start)),
        Some(span) => {
            let (line, column) = place(text, span.start);
            format!("{name}, line {line}, column {column}")
        }
        None => name.to_owned(),
    };
    let mut error = ApiError::new(ErrorCode::InvalidProjectFile, format!("{place}: {}.", what.trim_end_matches('.')));
    let usual = match name {
        EDITED => "Nothing was written.",
        _ => "Mend that line; until then the last good form stays in force.",
    };
    error.hint = Some(hint.unwrap_or_else(|| usual.to_owned()));
    error
}

/// The line of a byte.
fn line(text: &str, byte: usize) -> &str {
    let (line, _) = place(text, byte);
    text.lines().nth(line - 1).unwrap_or_default().trim()
}

/// Line and column of a byte, both from 1; columns count characters.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// What the reader says, with a value's kind in a person's words.
fn plain(message: &str) -> String {
    const KINDS: [(&str, &str); 11] = [
        ("u8", "a whole number from 0 to 255"),
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("u64", "a whole number of at least 0"),
        ("usize", "a whole number of at least 0"),
        ("i64", "a whole number"),
        ("f32", "a number"),
        ("f64", "a number"),
        ("a string", "a text"),
        ("a sequence", "a list"),
        ("a map", "a table"),
    ];
    let message = one_line(message);
    // What it is called in our code is no word of a person's.
    if let Some((said, _)) = message.rsplit_once("expected struct ") {
        return format!("{said}expected a table");
    }
    let kind =
        KINDS.iter().find_map(|(kind, words)| Some((message.strip_suffix(kind)?.strip_suffix("expected ")?, words)));
    kind.map_or_else(|| message.clone(), |(said, words)| format!("{said}expected {words}"))
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Sets or removes keys in a text; what it doesn't name stays as it is, to the byte. A single value for a key that is
/// a list is a list of one.
pub fn edit(text: &str, set: &[(String, Value)]) -> anyhow::Result<String> {
    let mut document = text.parse::<DocumentMut>().context("edit slipway.toml")?;
    for (path, value) in set {
        let keys = Key::parse(path)
            .map_err(|error| ApiError::invalid(format!("\"{path}\" is not a key: {}", error.message())))?;
        let keys: Vec<String> = keys.iter().map(|key| key.get().to_owned()).collect();
        if value.is_null() {
            remove(document.as_table_mut(), &keys);
        } else {
            let list = is_list(&keys) && !value.is_array();
            let value = if list { &Value::Array(vec![value.clone()]) } else { value };
            put(document.as_table_mut(), &keys, value).with_context(|| format!("set `{path}`"))?;
        }
    }
    Ok(document.to_string())
}

fn is_list(keys: &[String]) -> bool {
    let known = known_keys();
    keys.iter().try_fold(&known, |table, key| table.get(key)).is_some_and(Value::is_array)
}

fn remove(table: &mut dyn TableLike, keys: &[String]) {
    match keys {
        [] => {}
        [last] => {
            table.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(below) = table.get_mut(first).and_then(Item::as_table_like_mut) {
                remove(below, rest);
            }
        }
    }
}

fn put(table: &mut dyn TableLike, keys: &[String], value: &Value) -> anyhow::Result<()> {
    let Some((first, rest)) = keys.split_first() else { bail!(ApiError::invalid("A key is empty.")) };
    if !rest.is_empty() {
        if table.get(first).is_none() {
            let mut below = Table::new();
            below.set_implicit(rest.len() > 1);
            table.insert(first, Item::Table(below));
        }
        let below = table.get_mut(first).and_then(Item::as_table_like_mut);
        let below = below.ok_or_else(|| ApiError::invalid(format!("`{first}` is no table.")))?;
        return put(below, rest, value);
    }
    let mut new = to_toml(value)?;
    match table.get_mut(first) {
        Some(Item::Value(held)) => {
            // The comment at the end of the line belongs to the value.
            *new.decor_mut() = held.decor().clone();
            *held = new;
        }
        Some(held) => *held = Item::Value(new),
        None => {
            table.insert(first, Item::Value(new));
        }
    }
    Ok(())
}

fn to_toml(value: &Value) -> anyhow::Result<toml_edit::Value> {
    Ok(match value {
        Value::Bool(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => bail!(ApiError::invalid(format!("{number} is too large for TOML."))),
        },
        Value::Array(values) => {
            let mut array = toml_edit::Array::new();
            for value in values {
                array.push(to_toml(value)?);
            }
            toml_edit::Value::Array(array)
        }
        Value::Object(values) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, value) in values {
                table.insert(key, to_toml(value)?);
            }
            toml_edit::Value::InlineTable(table)
        }
        Value::Null => bail!(ApiError::invalid("TOML has no null: leave the key out.")),
    })
}

/// A new file that says what differs from the defaults, and the data in any case.
pub fn compose(file: &ProjectFile) -> anyhow::Result<String> {
    let mut set = Vec::new();
    differing(&serde_json::to_value(file)?, &known_keys(), &mut Vec::new(), &mut set);
    set.retain(|(path, _)| path != "version" && path != "id" && path != "name");
    let mut head = vec![("version".to_owned(), Value::from(VERSION))];
    if let Some(id) = file.id {
        head.push(("id".to_owned(), Value::from(id.to_string())));
    }
    head.push(("name".to_owned(), Value::from(file.name.clone())));
    head.extend(set);
    let text = edit("", &head)?;
    Ok(format!("# A Slipway project. `slipway project keys` explains every key.\n{text}"))
}

fn differing(value: &Value, default: &Value, above: &mut Vec<String>, set: &mut Vec<(String, Value)>) {
    if value == default || value.is_null() {
        return;
    }
    match (value, default) {
        (Value::Object(values), Value::Object(defaults)) => {
            // Plain keys before tables, as TOML wants them.
            let (tables, plain): (Vec<_>, Vec<_>) = values.iter().partition(|(_, value)| value.is_object());
            for (key, value) in plain.into_iter().chain(tables) {
                above.push(quoted(key));
                differing(value, defaults.get(key).unwrap_or(&Value::Null), above, set);
                above.pop();
            }
        }
        (Value::Object(values), _) if !above.is_empty() => {
            for (key, value) in values {
                set.push((format!("{}.{}", above.join("."), quoted(key)), value.clone()));
            }
        }
        _ => set.push((above.join("."), value.clone())),
    }
}

fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { key.to_owned() } else { toml_edit::Value::from(key).to_string() }
}

/// The id that a folder's file has now, where it can be read.
pub(crate) fn id_in(folder: &Path) -> Option<api::ProjectId> {
    let text = std::fs::read_to_string(folder.join(NAME)).ok()?;
    parse(&text, NAME).ok()?.file.id
}

/// Writes the file whole, if its bytes are still `read`; `None` where it did not exist. One that could not be read again
/// is refused.
pub fn write(folder: &Path, read: Option<&str>, text: &str) -> anyhow::Result<()> {
    let path = folder.join(NAME);
    let size_bytes = text.len() as u64;
    if size_bytes > MOST_BYTES {
        let message = format!("{} would have {}; at most 1 MB is read.", path.display(), package::size(size_bytes));
        bail!(ApiError::invalid(message).with_hint("Name a folder or a pattern instead of each of its files."));
    }
    let now = match std::fs::read_to_string(&path) {
        Ok(now) => Some(now),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    if now.as_deref() != read {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("{} changed while it was being edited.", path.display()))
                .with_hint("Look at it again, then repeat the change.")
        );
    }
    let mut temporary = tempfile::Builder::new()
        .prefix(".slipway-")
        .tempfile_in(folder)
        .with_context(|| format!("write in {}", folder.display()))?;
    temporary.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    temporary.as_file().sync_all().with_context(|| format!("write {}", path.display()))?;
    keep_permissions(&path, temporary.path()).with_context(|| format!("write {}", path.display()))?;
    temporary.persist(&path).map_err(|error| error.error).with_context(|| format!("write {}", path.display()))?;
    Ok(())
}

#[cfg(unix)]
fn keep_permissions(old: &Path, new: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(old).map_or(0o644, |metadata| metadata.permissions().mode());
    std::fs::set_permissions(new, std::fs::Permissions::from_mode(mode))
}

/// A new file inherits its folder's rights.
#[cfg(not(unix))]
fn keep_permissions(_old: &Path, _new: &Path) -> std::io::Result<()> {
    Ok(())
}
