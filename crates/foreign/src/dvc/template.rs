//! The templates of `dvc.yaml`: `${…}` of its vars and params, and the stages that `foreach` and `matrix` stand for.
//! As DVC's `parsing` module resolves them; nothing is computed, as nothing is there.

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use crate::value::Value;

/// Stages that one `dvc.yaml` stands for, at most.
const STAGES: usize = 10_000;
/// Maps and files of `vars` that one stage sees, at most.
pub(super) const SCOPES: usize = 1000;
/// What the stages and templates of one `dvc.yaml` may take: values looked at, and bytes of text made.
const STEPS: usize = 20_000_000;
/// Steps that looking a file up takes.
pub(super) const FILE: usize = 1000;

/// The values that `${…}` may name: a later scope before an earlier one. Clones share them, and the steps that are left.
#[derive(Debug, Clone)]
pub(super) struct Context {
    scopes: Option<Rc<Scope>>,
    stages: Rc<Cell<usize>>,
    steps: Rc<Cell<usize>>,
}

#[derive(Debug)]
struct Scope {
    value: Value,
    origin: Origin,
    earlier: Option<Rc<Scope>>,
    /// This one and the earlier ones.
    depth: usize,
}

/// Where the values of a scope stand.
#[derive(Debug, Clone)]
enum Origin {
    /// In `dvc.yaml` itself.
    Pipeline,
    /// In a file, by their own names.
    File(String),
    /// Those below `item` are one of a list or map in a file: the file, and the names that lead there.
    Item(String, String),
}

/// Values of files that templates used: by their file and then by the names that lead to them.
pub(super) type Used = BTreeMap<String, BTreeMap<String, Value>>;

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
    #[error("with it, dvc.yaml stands for more than {STAGES} stages")]
    Many,
    #[error("its stages and templates take more than {STEPS} steps")]
    Long,
}

/// A stage as it runs, with the names that are its own.
pub(super) struct Stage<'a> {
    pub(super) name: String,
    pub(super) value: &'a Value,
    pub(super) context: Context,
}

/// A row of a matrix: what it is called after, and its values by their axes.
type Row = (Vec<String>, Vec<(String, Value)>);

impl Default for Context {
    fn default() -> Self {
        Self { scopes: None, stages: Rc::new(Cell::new(STAGES)), steps: Rc::new(Cell::new(STEPS)) }
    }
}

impl Context {
    /// Takes from the steps that are left.
    pub(super) fn step(&self, steps: usize) -> Result<(), Unresolved> {
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(left.unwrap_or_default());
        left.map(drop).ok_or(Unresolved::Long)
    }

    /// Whether the steps are used up, so that nothing more is to be read of this `dvc.yaml`.
    pub(super) fn is_spent(&self) -> bool {
        self.steps.get() == 0
    }

    /// Whether no more `vars` are to be added.
    pub(super) fn is_full(&self) -> bool {
        self.scopes.as_ref().is_some_and(|scope| scope.depth >= SCOPES)
    }

    /// With names of `dvc.yaml` that come before those that are known.
    pub(super) fn with(&self, value: Value) -> Self {
        self.within(value, Origin::Pipeline)
    }

    /// With the names of a file before those that are known.
    pub(super) fn with_file(&self, file: &str, value: Value) -> Self {
        self.within(value, Origin::File(file.to_owned()))
    }

    fn within(&self, value: Value, origin: Origin) -> Self {
        let earlier = self.scopes.clone();
        let depth = earlier.as_ref().map_or(0, |scope| scope.depth) + 1;
        Self { scopes: Some(Rc::new(Scope { value, origin, earlier, depth })), ..self.clone() }
    }

    /// `a.b[0].c`, or `a.b.0.c`, and where it stands, if in a file.
    fn named<'a>(&'a self, name: &str) -> Result<(&'a Value, Option<Place>), Unresolved> {
        let parts: Vec<&str> = name.split(['.', '[', ']']).map(str::trim).filter(|part| !part.is_empty()).collect();
        let step = |value: &'a Value, part: &&str| match value {
            Value::List(items) => items.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        };
        let below = |scope: &'a Scope| parts.iter().try_fold(&scope.value, step);
        let scopes = std::iter::successors(self.scopes.as_deref(), |scope| scope.earlier.as_deref());
        let mut scopes = scopes.filter(|_| !parts.is_empty());
        let (scope, value) = loop {
            let scope = scopes.next().ok_or_else(|| Unresolved::Unknown(name.to_owned()))?;
            self.step(parts.len())?;
            if let Some(value) = below(scope) {
                break (scope, value);
            }
        };
        let place = match &scope.origin {
            Origin::Pipeline => None,
            Origin::File(file) => Some((file.clone(), parts.join("."))),
            Origin::Item(file, at) if parts[0] == "item" => {
                Some((file.clone(), [&[at.as_str()], &parts[1..]].concat().join(".")))
            }
            Origin::Item(..) => None,
        };
        Ok((value, place))
    }

    /// A text with its names replaced; `\${` is a plain one.
    ///
    /// # Errors
    /// Where a name is unknown or no scalar.
    pub(super) fn text(&self, template: &str) -> Result<String, Unresolved> {
        self.step(template.len())?;
        let mut text = String::new();
        for piece in pieces(template) {
            match piece? {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Name(name) => {
                    let (value, _) = self.named(name)?;
                    if matches!(value, Value::List(_) | Value::Map(_)) {
                        return Err(Unresolved::NoText(name.to_owned()));
                    }
                    text.push_str(&shown(value));
                }
            }
            self.step(text.len())?;
        }
        Ok(text)
    }

    /// Notes the values of files that the texts within a value use; a name that has none is no matter here.
    pub(super) fn note_used(&self, value: &Value, used: &mut Used) {
        if self.step(1).is_err() {
            return;
        }
        match value {
            Value::Text(text) => self.note_named(text, used),
            Value::List(items) => items.iter().for_each(|item| self.note_used(item, used)),
            Value::Map(entries) => {
                for (key, value) in entries.iter() {
                    self.note_named(key, used);
                    self.note_used(value, used);
                }
            }
            _ => {}
        }
    }

    fn note_named(&self, text: &str, used: &mut Used) {
        if self.step(text.len()).is_err() {
            return;
        }
        for piece in pieces(text) {
            if let Ok(Piece::Name(name)) = piece
                && let Ok((value, Some((file, key)))) = self.named(name)
            {
                used.entry(file).or_default().insert(key, value.clone());
            }
        }
    }

    /// Takes from the stages that are left, and from the steps what stands in each.
    fn take_stages<'a>(&self, items: impl ExactSizeIterator<Item = &'a Value>) -> Result<(), Unresolved> {
        let left = self.stages.get().checked_sub(items.len()).ok_or(Unresolved::Many)?;
        self.stages.set(left);
        items.map(size).try_for_each(|size| self.step(size))
    }

    /// What a list or map is, also where it is named as a whole.
    fn whole<'a>(&'a self, value: &'a Value) -> Result<(&'a Value, Option<Place>), Unresolved> {
        match value.as_str().and_then(|text| text.trim().strip_prefix("${")?.strip_suffix('}')) {
            Some(name) => self.named(name),
            None => Ok((value, None)),
        }
    }

    /// The stages that a stage of `dvc.yaml` stands for.
    ///
    /// # Errors
    /// Where what they are made of is unknown, no list, or far too long, alone or with the stages before.
    pub(super) fn stages<'a>(&self, name: &str, value: &'a Value) -> Result<Vec<Stage<'a>>, Unresolved> {
        let own = |key: &str, scope: Vec<(&str, Value)>, value, origin| {
            let scope = Value::map(scope.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
            Stage { name: format!("{name}@{key}"), value, context: self.within(scope, origin) }
        };
        if let (Some(each), Some(of)) = (value.get("foreach"), value.get("do")) {
            let (each, place) = self.whole(each)?;
            let origin = |below: &str| match &place {
                Some((file, at)) => Origin::Item(file.clone(), format!("{at}.{below}")),
                None => Origin::Pipeline,
            };
            return Ok(match each {
                Value::List(items) => {
                    self.take_stages(items.iter())?;
                    let by_place = items.iter().any(|item| matches!(item, Value::List(_) | Value::Map(_)));
                    let stage = |(at, item): (usize, &Value)| {
                        let key = if by_place { at.to_string() } else { shown(item) };
                        own(&key, vec![("item", item.clone())], of, origin(&at.to_string()))
                    };
                    items.iter().enumerate().map(stage).collect()
                }
                Value::Map(entries) => {
                    self.take_stages(entries.iter().map(|(_, item)| item))?;
                    let stage = |(name, item): &(String, Value)| {
                        let key = ("key", Value::Text(name.clone()));
                        own(name, vec![key, ("item", item.clone())], of, origin(name))
                    };
                    entries.iter().map(stage).collect()
                }
                _ => return Err(Unresolved::NoList),
            });
        }
        if let Some(matrix) = value.get("matrix") {
            let mut rows: Vec<Row> = vec![(Vec::new(), Vec::new())];
            for (axis, of) in self.whole(matrix)?.0.entries() {
                let (Value::List(items), _) = self.whole(of)? else { return Err(Unresolved::NoList) };
                if rows.len().saturating_mul(items.len()) > self.stages.get() {
                    return Err(Unresolved::Many);
                }
                // Each row is made anew with each item.
                let before: usize =
                    rows.iter().map(|(keys, _)| keys.iter().map(|key| key.len() + 1).sum::<usize>()).sum();
                let sizes: usize = items.iter().map(size).sum();
                self.step(before.saturating_mul(items.len()).saturating_add(sizes.saturating_mul(rows.len())))?;
                let with = |(keys, row): &Row, at: usize, item: &Value| {
                    let key = match item {
                        Value::List(_) | Value::Map(_) => format!("{axis}{at}"),
                        scalar => shown(scalar),
                    };
                    let keys = keys.iter().cloned().chain([key]).collect();
                    (keys, row.iter().cloned().chain([(axis.clone(), item.clone())]).collect())
                };
                let items = || items.iter().enumerate();
                rows = rows.iter().flat_map(|row| items().map(move |(at, item)| with(row, at, item))).collect();
            }
            let stage = |(keys, row): Row| {
                let key = keys.join("-");
                let scope = vec![("key", Value::Text(key.clone())), ("item", Value::map(row))];
                own(&key, scope, value, Origin::Pipeline)
            };
            self.stages.set(self.stages.get().saturating_sub(rows.len()));
            return Ok(rows.into_iter().map(stage).collect());
        }
        self.take_stages([value].into_iter())?;
        Ok(vec![Stage { name: name.to_owned(), value, context: self.clone() }])
    }
}

/// Bytes that a copy of a value takes, about: lists and maps are shared.
fn size(value: &Value) -> usize {
    value.as_str().map_or(8, |text| text.len() + 8)
}

/// A file, and the names that lead to a value in it.
type Place = (String, String);

enum Piece<'a> {
    Plain(&'a str),
    Name(&'a str),
}

/// A template's plain texts and names, one after the other.
fn pieces(template: &str) -> impl Iterator<Item = Result<Piece<'_>, Unresolved>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if let Some(from) = rest.strip_prefix("${") {
            let Some((name, behind)) = from.split_once('}') else {
                rest = "";
                return Some(Err(Unresolved::Open));
            };
            rest = behind;
            return Some(Ok(Piece::Name(name)));
        }
        if let Some(behind) = rest.strip_prefix(r"\${") {
            rest = behind;
            return Some(Ok(Piece::Plain("${")));
        }
        let end = rest.match_indices("${").map(|(at, _)| at - usize::from(rest[..at].ends_with('\\'))).next();
        let (plain, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        (!plain.is_empty()).then_some(Ok(Piece::Plain(plain)))
    })
}

/// A scalar as DVC puts it into a text: as Python's `str` says it, but `true` and `false`.
fn shown(value: &Value) -> String {
    let number = match value {
        Value::Null => return "None".to_owned(),
        Value::Number(number) => *number,
        value => return value.text(),
    };
    // As `repr` of a float: the shortest digits that are it, from 1e16 on and below 1e-4 with an exponent.
    let size = number.abs();
    if number.is_nan() {
        "nan".to_owned()
    } else if number.is_finite() && size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        format!("{digits}e{sign}{exponent:0>2}")
    } else {
        format!("{number:?}")
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
