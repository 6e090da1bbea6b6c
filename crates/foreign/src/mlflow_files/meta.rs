//! `meta.yaml` of an experiment or a run.

use std::borrow::Cow;

use crate::value::{Malformed, Value};

/// The single values of a `meta.yaml`, as text; what is null or empty is left out.
pub(super) struct Meta(Vec<(String, String)>);

impl Meta {
    /// A mapping of plain values, as MLflow writes them, is read without a YAML parser, which takes longer than
    /// all the rest of a run; anything else goes through one.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(entries) = plain(text) {
            return Ok(Self(entries));
        }
        let value = Value::from_yaml(text)?;
        let entries = value.entries().iter().filter(|(_, value)| *value != Value::Null);
        Ok(Self(entries.map(|(key, value)| (key.clone(), value.text())).filter(|(_, text)| !text.is_empty()).collect()))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn milliseconds(&self, key: &str) -> Option<i64> {
        self.get(key)?.parse().ok()
    }
}

/// `None` where a line is more than a key and a plain or simply quoted scalar.
fn plain(text: &str) -> Option<Vec<(String, String)>> {
    let mut entries = Vec::with_capacity(16);
    for line in text.lines() {
        let (key, value) = line.split_once(':')?;
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if key.is_empty() || !key.bytes().all(known) {
            return None;
        }
        let value = scalar(value.strip_prefix(' ')?)?;
        if !value.is_empty() {
            entries.push((key.to_owned(), value.into_owned()));
        }
    }
    Some(entries)
}

fn scalar(value: &str) -> Option<Cow<'_, str>> {
    if let Some(quoted) = value.strip_prefix('\'') {
        let inner = quoted.strip_suffix('\'')?;
        return (!inner.contains('\'')).then_some(Cow::Borrowed(inner));
    }
    if matches!(value, "null" | "~" | "[]") {
        return Some(Cow::Borrowed(""));
    }
    let begins = value.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'/' || byte >= 0x80);
    let simple = begins && !value.contains(" #") && !value.contains(": ") && !value.ends_with([':', ' ']);
    simple.then_some(Cow::Borrowed(value))
}

#[cfg(test)]
mod tests {
    use super::Meta;

    #[test]
    fn what_pyyaml_writes_is_read_with_and_without_the_parser() {
        let text = "end_time: null\nexperiment_id: '0'\nlifecycle_stage: active\nrun_name: a b\nsource_name: ''\n\
                    start_time: 17\ntags: []\n";
        let odd = format!("{text}user_id: \"o'x\"\nlong: one\n  two\n");
        for text in [text, &odd] {
            let Ok(meta) = Meta::parse(text) else { panic!("{text}") };
            assert_eq!(meta.get("experiment_id"), Some("0"));
            assert_eq!(meta.get("run_name"), Some("a b"));
            assert_eq!(meta.get("source_name"), None);
            assert_eq!(meta.milliseconds("start_time"), Some(17));
            assert_eq!(meta.milliseconds("end_time"), None);
        }
        let Ok(meta) = Meta::parse(&odd) else { panic!("{odd}") };
        assert_eq!((meta.get("user_id"), meta.get("long")), (Some("o'x"), Some("one two")));
    }

    #[test]
    fn a_half_written_one_is_no_panic() {
        let whole = "artifact_uri: file:///a\nrun_name: \"x\\u00e9y\"\nstatus: 3\ntags: [a, {b: c}]\n";
        for end in 0..whole.len() {
            if let Ok(meta) = Meta::parse(&whole[..end]) {
                assert!(meta.get("status").is_none_or(|status| status == "3"));
            }
        }
    }
}
