//! What JSON, YAML and TOML hold, as one tree: numbers that are not finite stay, keys keep their order.

use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed as _},
};

/// Entries of a map above which its keys are looked up in an index.
const INDEXED: usize = 16;

/// Digits of the largest float.
const LARGEST_DIGITS: usize = 309;

/// What a value of JSON may take of memory, with what is told of it, about.
const MOST_BYTES: usize = 128 << 20;
/// What an entry of a map takes with its key, as it is read, as a leaf and as a series of one point.
const ENTRY_BYTES: usize = 300;
/// What an item of a list takes, as it is read and as a point.
const ITEM_BYTES: usize = 80;

/// The one key of what `toml_edit` tells a date as.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A value of a file of params or metrics. A clone shares its lists and maps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Arc<Vec<Value>>),
    Map(Arc<Entries>),
}

/// A map's entries in the order of their text.
#[derive(Debug)]
pub(crate) struct Entries {
    entries: Vec<(String, Value)>,
    /// Where each key stands, made when it is first asked for.
    index: OnceLock<HashMap<String, usize>>,
}

impl Deref for Entries {
    type Target = [(String, Value)];

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Entries {
    fn get(&self, key: &str) -> Option<&Value> {
        if self.entries.len() <= INDEXED {
            return self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        }
        let index = self.index.get_or_init(|| {
            // The first of a key counts, as above.
            let places = self.entries.iter().enumerate().rev();
            places.map(|(at, (name, _))| (name.clone(), at)).collect()
        });
        index.get(key).map(|at| &self.entries[*at].1)
    }
}

/// Why a text is no JSON, YAML or TOML.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it is no JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error(
        "it would take more than {} MiB of memory: write its values a row a step, as CSV or JSON Lines, which are read in pieces",
        MOST_BYTES >> 20
    )]
    TooLarge,
    #[error("it is no YAML: {0}")]
    Yaml(Box<serde_saphyr::Error>),
    #[error("it is no TOML: {0}")]
    Toml(Box<toml_edit::de::Error>),
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        // Any value of JSON is one of ours: nothing else is wrong with the data.
        if error.is_data() { Self::TooLarge } else { Self::Json(error) }
    }
}

impl Value {
    /// JSON, with `NaN`, `Infinity` and `-Infinity` as Python writes them, and numbers beyond all floats as it reads them.
    pub(crate) fn from_json(text: &str) -> Result<Self, Malformed> {
        fn one(text: &str) -> serde_json::Result<Value> {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let value = Within(&Cell::new(MOST_BYTES)).deserialize(&mut deserializer)?;
            deserializer.end()?;
            Ok(value)
        }
        read_json(text, one)
    }

    /// The first document of a YAML text; an empty one is `Null`.
    pub(crate) fn from_yaml(text: &str) -> Result<Self, Malformed> {
        if text.trim().is_empty() {
            return Ok(Self::Null);
        }
        // As DVC reads it: YAML 1.2, in which `yes` is text.
        let options = serde_saphyr::options! {
            non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
            strict_booleans: true,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| Malformed::Yaml(Box::new(error)))
    }

    pub(crate) fn from_toml(text: &str) -> Result<Self, Malformed> {
        toml_edit::de::from_str(text).map_err(|error| Malformed::Toml(Box::new(error)))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        if let Self::Map(entries) = self { entries.get(key) } else { None }
    }

    pub(crate) fn map(entries: Vec<(String, Self)>) -> Self {
        Self::Map(Arc::new(Entries { entries, index: OnceLock::new() }))
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    pub(crate) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The number that it is; text counts where it names one that is not finite.
    #[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Text(text) => text.parse().ok().filter(|value: &f64| !value.is_finite()),
            _ => None,
        }
    }

    /// As a person would write it; a list or map as JSON.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value) if !value.is_finite() => value.to_string(),
            other => other.json().to_string(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Number(value) if value.is_finite() => (*value).into(),
            Self::Number(value) => value.to_string().into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.json())).collect(),
        }
    }

    /// Whatever is no map, each under the keys that lead to it, joined; an empty map is nothing.
    pub(crate) fn leaves(&self, separator: &str) -> Vec<(String, &Self)> {
        let mut leaves = Vec::new();
        gather(self, String::new(), separator, &mut leaves);
        leaves
    }
}

/// What `read` reads of a text of JSON in which Python's words for numbers may stand, and numbers beyond all floats, as
/// `1e400`: where there are any, it is asked again.
pub(crate) fn read_json<T>(text: &str, read: impl Fn(&str) -> serde_json::Result<T>) -> Result<T, Malformed> {
    // Windows' editors and PowerShell begin a text with its byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read(text).or_else(|error| read(&quote_not_finite(text)).map_err(|_| error.into()))
}

/// Hands over the items of a list of JSON one after the other: as values they take fifty times the memory of their text.
pub(crate) fn each_item(text: &str, each: &mut dyn FnMut(Value)) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Deserializer::deserialize_seq(&mut deserializer, Items(each))?;
    deserializer.end()
}

struct Items<'a>(&'a mut dyn FnMut(Value));

impl<'de> de::Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Self(each) = self;
        while let Some(item) = sequence.next_element_seed(Within(&Cell::new(MOST_BYTES)))? {
            each(item);
        }
        Ok(())
    }
}

// As deep as the parsers let a text nest.
fn gather<'a>(value: &'a Value, key: String, separator: &str, leaves: &mut Vec<(String, &'a Value)>) {
    let Value::Map(entries) = value else {
        leaves.push((key, value));
        return;
    };
    for (name, value) in entries.iter() {
        let key = if key.is_empty() { name.clone() } else { format!("{key}{separator}{name}") };
        gather(value, key, separator, leaves);
    }
}

/// Quotes the three words that Python's `json` writes and JSON does not know, where they stand outside of text. A number
/// beyond all floats becomes one of them, as Python reads it.
fn quote_not_finite(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(|one: char| one.is_ascii_digit() || "\"NI-".contains(one)) {
        let (before, from) = rest.split_at(at);
        quoted.push_str(before);
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| from.starts_with(word));
        let taken = match word {
            Some(word) => word.len(),
            None if from.starts_with('"') => text_length(from),
            None => number_length(from).max(1),
        };
        let (own, behind) = from.split_at(taken);
        match word.or_else(|| beyond(own)) {
            Some(word) => quoted.extend(["\"", word, "\""]),
            None => quoted.push_str(own),
        }
        rest = behind;
    }
    quoted.push_str(rest);
    quoted
}

/// The word for a number that no float is as large as.
fn beyond(number: &str) -> Option<&'static str> {
    // Text is none, and most numbers are too short.
    if number.starts_with('"') || !number.contains(['e', 'E']) && number.len() < LARGEST_DIGITS {
        return None;
    }
    let value = number.parse().ok().filter(|value: &f64| value.is_infinite())?;
    Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
}

/// Bytes of the number that `from` starts with.
fn number_length(from: &str) -> usize {
    from.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count()
}

/// Bytes of the quoted text that `from` starts with, to its closing quote or the end.
fn text_length(from: &str) -> usize {
    let bytes = from.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Within(&Cell::new(usize::MAX)).deserialize(deserializer)
    }
}

/// A value that takes no more than so many bytes of memory, about.
#[derive(Clone, Copy)]
struct Within<'a>(&'a Cell<usize>);

impl Within<'_> {
    fn take<E: de::Error>(self, bytes: usize) -> Result<(), E> {
        let Self(left) = self;
        left.set(left.get().checked_sub(bytes).ok_or_else(|| E::custom("it takes too much memory"))?);
        Ok(())
    }
}

impl<'de> de::DeserializeSeed<'de> for Within<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Within<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "what fits no i64 is a float, as everywhere in JSON")]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.take::<E>(value.len())?;
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(self)? {
            self.take::<A::Error>(ITEM_BYTES)?;
            items.push(item);
        }
        // Of a series of millions a third of the room would stay empty.
        items.shrink_to_fit();
        Ok(Value::list(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry_seed(self, self)? {
            self.take::<A::Error>(ENTRY_BYTES)?;
            entries.push((key.text(), value));
        }
        // As the parser tells a date.
        if let [(key, value)] = &entries[..]
            && key == TOML_DATE
        {
            return Ok(value.clone());
        }
        Ok(Value::map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_date_of_toml_is_its_text() {
        let value = Value::from_toml("[data]\nuntil = 2024-05-01\nat = 2024-05-01T10:00:00Z");
        let Ok(value) = value else { panic!("{value:?}") };
        let data: Vec<_> = value.leaves(".").iter().map(|(key, value)| (key.clone(), value.text())).collect();
        let expect = [("data.until", "2024-05-01"), ("data.at", "2024-05-01T10:00:00Z")];
        assert_eq!(data, expect.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn pythons_words_are_numbers_and_text_stays() {
        let value = Value::from_json(r#"{"a": NaN, "b": [-Infinity, -1], "say \"NaN": "Infinity NaN", "c": Infinity}"#);
        let Ok(value) = value else { panic!("{value:?}") };
        assert!(value.get("a").and_then(Value::number).is_some_and(f64::is_nan));
        assert_eq!(value.get("c").and_then(Value::number), Some(f64::INFINITY));
        assert_eq!(value.get("say \"NaN").and_then(Value::as_str), Some("Infinity NaN"));
        assert_eq!(value.get("b").map(Value::text).as_deref(), Some(r#"["-Infinity",-1]"#));
    }

    #[test]
    fn a_number_beyond_all_floats_is_infinite() {
        let digits = "9".repeat(400);
        let text = format!(r#"{{"a": 1e400, "b": [-1E+999,{digits}, 1.5e3, 12], "1e400": "1e400", "c": 1e-400}}"#);
        let value = Value::from_json(&text).expect("JSON");
        let number = |key: &str| value.get(key).and_then(Value::number);
        assert_eq!((number("a"), number("c")), (Some(f64::INFINITY), Some(0.0)));
        let list: Vec<_> = value.get("b").map(Value::items).unwrap_or_default().iter().map(Value::number).collect();
        assert_eq!(list, [f64::NEG_INFINITY, f64::INFINITY, 1500.0, 12.0].map(Some));
        assert_eq!(value.get("1e400").and_then(Value::as_str), Some("1e400"));
        for wrong in ["{\"a\": 1e400", "[1e400 2]", "[1e400e]", "1e400x"] {
            assert!(Value::from_json(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cut_text_is_an_error_and_no_panic() {
        let whole = r#"{"a": {"b": NaN, "c": "d\\"}, "e": [1.5, null, true]}"#;
        for end in 0..whole.len() {
            assert!(Value::from_json(&whole[..end]).is_err(), "{end}");
        }
        assert!(Value::from_json(&"[".repeat(100_000)).is_err());
        assert!(Value::from_yaml(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn keys_of_a_long_map_are_found() {
        let text: String = (0..100).map(|at| format!("k{at}: {at}\n")).collect();
        let value = Value::from_yaml(&text).expect("YAML");
        assert_eq!((value.get("k99"), value.get("k100")), (Some(&Value::Integer(99)), None));
    }

    #[test]
    fn leaves_carry_the_way_to_them() {
        let value = Value::from_yaml("a:\n  b: 1\n  2: .nan\nc: [1, x]\nd: yes\n").expect("YAML");
        let leaves = value.leaves(".");
        let said: Vec<String> = leaves.iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
        assert_eq!(said, ["a.b=1", "a.2=NaN", "c=[1,\"x\"]", "d=yes"]);
    }
}
