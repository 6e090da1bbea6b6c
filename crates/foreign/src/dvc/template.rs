//! The templates of `dvc.yaml`: `${…}` of its vars and params, and the stages that `foreach` and `matrix` stand for.
//! As DVC's `parsing` module resolves them; nothing is computed, as nothing is there.

use crate::value::Value;

/// Stages that one `dvc.yaml` stands for, at most.
const STAGES: usize = 10_000;

/// The values that `${…}` may name: a later scope before an earlier one.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    scopes: Vec<Value>,
}

/// Why a template has no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("nothing is called {0}")]
    Unknown(String),
    #[error("a {{ has no }}")]
    Open,
    #[error("{0} is a list or a map, and no part of a text")]
    NoText(String),
    #[error("it is neither a list nor a map")]
    NoList,
    #[error("it stands for more than {STAGES} stages")]
    Many,
}

/// A stage as it runs, with the names that are its own.
pub(super) struct Stage<'a> {
    pub(super) name: String,
    pub(super) value: &'a Value,
    pub(super) context: Context,
}

/// A cell of a matrix: what it is called after, and its values by their axes.
type Cell = (Vec<String>, Vec<(String, Value)>);

impl Context {
    /// With names that come before those that are known.
    pub(super) fn with(&self, scope: Value) -> Self {
        let mut scopes = self.scopes.clone();
        scopes.push(scope);
        Self { scopes }
    }

    /// `a.b[0].c`, or `a.b.0.c`.
    fn named(&self, name: &str) -> Result<&Value, Unresolved> {
        let parts: Vec<&str> = name.split(['.', '[', ']']).map(str::trim).filter(|part| !part.is_empty()).collect();
        let below = |scope| {
            parts.iter().try_fold(scope, |value: &Value, part| match value {
                Value::List(items) => items.get(part.parse::<usize>().ok()?),
                value => value.get(part),
            })
        };
        let found = self.scopes.iter().rev().filter(|_| !parts.is_empty()).find_map(below);
        found.ok_or_else(|| Unresolved::Unknown(name.to_owned()))
    }

    /// A text with its names replaced; `\${` is a plain one.
    ///
    /// # Errors
    /// Where a name is unknown or no scalar.
    pub(super) fn text(&self, template: &str) -> Result<String, Unresolved> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, from)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('\\') {
                text.push_str(before);
                text.push_str("${");
                rest = from;
                continue;
            }
            let (name, behind) = from.split_once('}').ok_or(Unresolved::Open)?;
            let value = self.named(name)?;
            if matches!(value, Value::List(_) | Value::Map(_)) {
                return Err(Unresolved::NoText(name.to_owned()));
            }
            text.push_str(before);
            text.push_str(&value.text());
            rest = behind;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// What a list or map is, also where it is named as a whole.
    fn whole<'a>(&'a self, value: &'a Value) -> Result<&'a Value, Unresolved> {
        match value.as_str().and_then(|text| text.trim().strip_prefix("${")?.strip_suffix('}')) {
            Some(name) => self.named(name),
            None => Ok(value),
        }
    }

    /// The stages that a stage of `dvc.yaml` stands for.
    ///
    /// # Errors
    /// Where what they are made of is unknown, no list, or far too long.
    pub(super) fn stages<'a>(&self, name: &str, value: &'a Value) -> Result<Vec<Stage<'a>>, Unresolved> {
        let own = |key: &str, scope: Vec<(&str, Value)>, value| {
            let scope = Value::Map(scope.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
            Stage { name: format!("{name}@{key}"), value, context: self.with(scope) }
        };
        if let (Some(each), Some(of)) = (value.get("foreach"), value.get("do")) {
            let stages: Vec<_> = match self.whole(each)? {
                Value::List(items) => {
                    let items = items.iter().enumerate();
                    items.map(|(at, item)| own(&shown(item, at), vec![("item", item.clone())], of)).collect()
                }
                Value::Map(entries) => {
                    let key = |key: &str| ("key", Value::Text(key.to_owned()));
                    entries.iter().map(|(name, item)| own(name, vec![key(name), ("item", item.clone())], of)).collect()
                }
                _ => return Err(Unresolved::NoList),
            };
            return if stages.len() > STAGES { Err(Unresolved::Many) } else { Ok(stages) };
        }
        if let Some(matrix) = value.get("matrix") {
            let mut rows: Vec<Cell> = vec![(Vec::new(), Vec::new())];
            for (axis, of) in self.whole(matrix)?.entries() {
                let Value::List(items) = self.whole(of)? else { return Err(Unresolved::NoList) };
                if rows.len().saturating_mul(items.len()) > STAGES {
                    return Err(Unresolved::Many);
                }
                let with = |(keys, row): &Cell, at: usize, item: &Value| {
                    let key = match item {
                        Value::List(_) | Value::Map(_) => format!("{axis}{at}"),
                        scalar => scalar.text(),
                    };
                    let keys = keys.iter().cloned().chain([key]).collect();
                    (keys, row.iter().cloned().chain([(axis.clone(), item.clone())]).collect())
                };
                let items = || items.iter().enumerate();
                rows = rows.iter().flat_map(|row| items().map(move |(at, item)| with(row, at, item))).collect();
            }
            let stage = |(keys, row): Cell| {
                let key = keys.join("-");
                own(&key, vec![("key", Value::Text(key.clone())), ("item", Value::Map(row))], value)
            };
            return Ok(rows.into_iter().map(stage).collect());
        }
        Ok(vec![Stage { name: name.to_owned(), value, context: self.clone() }])
    }
}

/// What a stage of `foreach` is called after: its item, or the item's place where that is no scalar.
fn shown(item: &Value, at: usize) -> String {
    match item {
        Value::List(_) | Value::Map(_) => at.to_string(),
        scalar => scalar.text(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, STAGES};
    use crate::value::Value;

    fn value(yaml: &str) -> Value {
        Value::from_yaml(yaml).expect("YAML")
    }

    fn context(yaml: &str) -> Context {
        Context::default().with(value(yaml))
    }

    #[test]
    fn names_are_replaced() {
        let context = context("a: {b: [x, {c: 2}], d: 1.5}\nflag: true\n").with(value("flag: false\n"));
        let text = |template: &str| context.text(template).map_err(|error| error.to_string());
        let expect = |text: &str| Ok(text.to_owned());
        assert_eq!(text("m/${a.b[0]}/${ a.b.1.c }-${a.d}.json"), expect("m/x/2-1.5.json"));
        assert_eq!(
            (text("${flag}"), text(r"\${flag}"), text("plain")),
            (expect("false"), expect("${flag}"), expect("plain"))
        );
        for (template, why) in [
            ("${nothing}", "nothing is called nothing"),
            ("${a.b[7]}", "nothing is called a.b[7]"),
            ("${}", "nothing is called "),
            ("${a.b}", "a.b is a list or a map, and no part of a text"),
            ("${a", "a { has no }"),
        ] {
            assert_eq!(text(template), Err(why.to_owned()), "{template}");
        }
    }

    #[test]
    fn a_stage_stands_for_many() {
        let context = context("sizes: [1, 2]\nbig: [0]\n");
        let said = |yaml: &str, template: &str| -> Vec<String> {
            let stage = value(yaml);
            let stages = context.stages("s", &stage).unwrap_or_else(|error| panic!("{yaml}: {error}"));
            let text =
                |stage: &super::Stage<'_>| stage.context.text(template).unwrap_or_else(|error| error.to_string());
            stages.iter().map(|stage| format!("{} {}", stage.name, text(stage))).collect()
        };
        assert_eq!(said("foreach: ${sizes}\ndo: {}", "${item}"), ["s@1 1", "s@2 2"]);
        assert_eq!(said("foreach: [{x: a}, {x: b}]\ndo: {}", "${item.x}"), ["s@0 a", "s@1 b"]);
        assert_eq!(said("foreach: {u: {x: 3}}\ndo: {}", "${key}${item.x}"), ["s@u u3"]);
        let matrix = "matrix: {n: [p, q], size: \"${sizes}\"}\ncmd: x";
        let expect = ["s@p-1 p/1", "s@p-2 p/2", "s@q-1 q/1", "s@q-2 q/2"];
        assert_eq!(said(matrix, "${item.n}/${item.size}"), expect);
        assert_eq!(said("cmd: x", "y"), ["s y"]);
        let many = format!("matrix: {{a: {0:?}, b: {0:?}}}", vec![0; STAGES / 10]);
        for wrong in ["foreach: 3\ndo: {}", "foreach: ${none}\ndo: {}", "matrix: {a: 1}", &many] {
            assert!(context.stages("s", &value(wrong)).is_err(), "{wrong:.40}");
        }
    }
}
