//! The grammar of the run list's filter: MLflow's, and what it lacks.
//!
//! ```text
//! filter     = any { "or" any }
//! any        = one { ["and"] one }
//! one        = "not" one | "(" filter ")" | comparison | word
//! comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "like" | "ilike") value
//!            | field "not" ("like" | "ilike") value
//!            | field ["not"] "in" "(" value { "," value } [","] ")"
//!            | field "is" ["not"] "null"
//! field      = ("metric" | "param" | "tag" | "attribute" | "dataset", or their plurals and MLflow's other names) "." key
//!            | "name" | "state" | "kind" | "experiment" | "folder" | "within" | "model" | "device" | "commit" | "snapshot"
//!            | "created" | "started" | "ended" | "duration" | "cost" | "user" | "notes" | "parent" | "id" | MLflow's attributes
//! ```
//! A time is before or after a number of milliseconds, a date, or a date and a time. A metric's value may be `nan`, `inf`,
//! `infinity` or `-inf`, in any case and without quotes: `= nan` finds what is no number, `!= nan` what is one.
//!
//! A key with other characters than letters, digits and `_-/.` stands in quotes or backticks; what stands before its dot
//! may stand in backticks, too. What stands in quotes is
//! meant as it is (`api::run_table::quote_length` says where they end): a backslash stands for itself. `~` means contains,
//! in any case; words match names, models, params, tags, notes, names of datasets, and where several experiments are looked
//! at their names. What MLflow accepts means here what it means there: a comparison, `!=` too, is never true of a run that
//! has no such value.

pub mod compare;
mod fields;
mod figure;
mod moment;
mod tokens;

use api::{
    ApiError,
    tracking::{NAME_TAG, NOTE_TAG},
};
use jiff::tz::TimeZone;

use fields::{Entity, attribute};
pub(crate) use fields::{fields_of, has_words, model_status, unknown_fields, unknown_keys};
use tokens::{KEYWORDS, Kind, Token, tokens};

/// What a filter or an order looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Metric(String),
    Param(String),
    Tag(String),
    Name,
    State,
    /// MLflow's word for the state: "FINISHED" …
    Status,
    Kind,
    /// The name of its experiment.
    Experiment,
    /// The kind of model that was trained.
    Model,
    /// The folder of its experiment: "vision/resnet"; of one at the top an empty text, which is also none.
    Folder,
    /// The folder of its experiment and each one above it: one of them must pass, and of what is not so all.
    Within,
    Device,
    Commit,
    /// The snapshot's number.
    Snapshot,
    /// Milliseconds since the epoch.
    Created,
    /// In milliseconds too; of a run that waits, when it was created. MLflow's start time.
    Started,
    /// In milliseconds too.
    Ended,
    /// Seconds.
    Duration,
    /// In the currency of its settings.
    Cost,
    /// The run's id.
    Id,
    User,
    Notes,
    ArtifactUri,
    Dataset(DatasetField),
    /// The validation figure that ranks, of runs that are ranked by this key.
    Rank(String),
    /// One that records of another kind have.
    Attribute(String),
}

/// What a filter asks of the datasets that a run was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetField {
    Name,
    Digest,
    Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Part of it, in any case.
    Contains,
    /// SQL's pattern with `%` and `_`, the case counts.
    Like,
    /// The same in any case.
    ILike,
    NotLike,
    NotILike,
    In,
    NotIn,
    IsNull,
    IsNotNull,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Text(String),
    List(Vec<String>),
    /// Of `is null`.
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Field, Comparison, Value),
    /// A bare word: part of a name, a model, a param, a tag, the notes or the name of a dataset.
    Word(String),
}

/// Deeper nesting than a person types.
const DEPTH: usize = 64;
/// More conditions than a program asks for: each is held against every run.
const CONDITIONS: usize = 1_000;
/// Texts of one list.
const LONGEST_LIST: usize = 10_000;
/// Orders of one search: each is compared wherever those before it are equal.
const ORDERS: usize = 32;
/// Characters between two `%` with a `_` among them: such a piece is held against every place of every text.
const LONGEST_PIECE: usize = 250;
/// Characters of a wrong filter that its error repeats, on each side of what is wrong.
const SHOWN: usize = 60;

pub fn parse(text: &str) -> Result<Filter, ApiError> {
    parse_of(text, None)
}

/// The same for records of another kind, which have these attributes.
pub fn parse_of(text: &str, attributes: Option<&'static [&'static str]>) -> Result<Filter, ApiError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0, conditions: 0, attributes };
    let filter = parser.alternatives()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.unexpected("\"and\", \"or\" or the end")),
    }
}

/// The first word that a filter compares and that is no field: a key, perhaps, without what it is the key of.
pub(crate) fn unknown_field(text: &str) -> Option<String> {
    let tokens = tokens(text).ok()?;
    let unknown = |pair: &[Token]| {
        let [word, next] = pair else { return None };
        let name = match &word.kind {
            Kind::Word(name) => name,
            // `metric."a key"` is one field.
            Kind::Quoted(name) if !word.joined => name,
            _ => return None,
        };
        let is_compared = match &next.kind {
            Kind::Compare(_) => true,
            Kind::Word(next) => ["like", "ilike", "in", "is", "not"].iter().any(|sign| next.eq_ignore_ascii_case(sign)),
            _ => false,
        };
        let has_kind = name.split_once('.').is_some_and(|(entity, _)| Entity::named(entity).is_some());
        (is_compared && !has_kind && attribute(name).is_none()).then(|| name.clone())
    };
    tokens.windows(2).find_map(unknown)
}

/// A field alone, as the order names it.
pub fn field(text: &str) -> Result<Field, ApiError> {
    field_of(text, None)
}

/// # Errors
/// More orders than a program asks for.
pub fn check_orders(count: usize) -> Result<(), ApiError> {
    if count > ORDERS {
        return Err(ApiError::invalid(format!("There are {count} orders, more than {ORDERS}."))
            .with_hint("Of so many the first few decide: leave the last ones out."));
    }
    Ok(())
}

/// The same of records of another kind, which have these attributes.
pub fn field_of(text: &str, attributes: Option<&'static [&'static str]>) -> Result<Field, ApiError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0, conditions: 0, attributes };
    let field = match parser.next() {
        Some(Token { kind: Kind::Word(word), .. }) => parser.field(&word)?,
        // MLflow knows attributes in quotes, such as `Run name`.
        Some(Token { kind: Kind::Quoted(word), .. }) => parser.attribute(&word),
        _ => None,
    };
    match (field, parser.peek()) {
        (Some(field), None) => Ok(field),
        _ => Err(ApiError::invalid(format!("Runs can't be sorted by \"{}\".", around(text, 0)))
            .with_hint("Sort by metric.KEY, param.KEY, tag.KEY, created, started, ended, name, experiment, folder, model, state, duration, cost or user.")),
    }
}

/// A field with its direction, as MLflow orders: `metrics.loss ASC`, `start_time DESC`; ascending where nothing is said.
/// Whether it is descending stands second.
pub fn order_of(text: &str, attributes: Option<&'static [&'static str]>) -> Result<(Field, bool), ApiError> {
    let text = text.trim();
    let (field, descending) = match text.rsplit_once(char::is_whitespace) {
        Some((field, word)) if word.eq_ignore_ascii_case("asc") => (field.trim(), false),
        Some((field, word)) if word.eq_ignore_ascii_case("desc") => (field.trim(), true),
        _ => (text, false),
    };
    Ok((field_of(field, attributes)?, descending))
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    conditions: usize,
    /// Of records of another kind than runs.
    attributes: Option<&'static [&'static str]>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token { kind: Kind::Word(word), .. }) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Filter, ApiError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(wrong(self.text, 0, "it is nested too deeply"));
        }
        let mut any = vec![self.all()?];
        while self.keyword("or") {
            any.push(self.all()?);
        }
        self.depth -= 1;
        Ok(joined(any, Filter::Or))
    }

    fn all(&mut self) -> Result<Filter, ApiError> {
        let mut all = vec![self.one()?];
        loop {
            let and = self.keyword("and");
            let more = match self.peek() {
                None => false,
                Some(Token { kind: Kind::Close, .. }) => false,
                Some(Token { kind: Kind::Word(word), .. }) => !word.eq_ignore_ascii_case("or"),
                Some(_) => true,
            };
            if !more && and {
                return Err(self.unexpected("a condition after \"and\""));
            }
            if !more {
                return Ok(joined(all, Filter::And));
            }
            if !and && self.goes_on_after_a_quote() {
                return Err(self.unexpected("\"and\", \"or\" or the end"));
            }
            all.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Filter, ApiError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS {
            let column = self.peek().map_or(0, |token| token.column);
            return Err(wrong(self.text, column, &format!("it has more than {CONDITIONS} conditions")));
        }
        if self.keyword("not") {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err(wrong(self.text, 0, "it is nested too deeply"));
            }
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        match self.next() {
            Some(Token { kind: Kind::Open, .. }) => {
                let filter = self.alternatives()?;
                match self.next() {
                    Some(Token { kind: Kind::Close, .. }) => Ok(filter),
                    _ => {
                        self.at -= 1;
                        Err(self.unexpected("\")\""))
                    }
                }
            }
            Some(Token { kind: kind @ (Kind::Quoted(_) | Kind::Word(_)), column, .. }) => {
                let is_quoted = matches!(kind, Kind::Quoted(_));
                let (word, known) = match kind {
                    Kind::Word(word) => (word.clone(), self.field(&word)?),
                    Kind::Quoted(word) => (word.clone(), self.attribute(&word)),
                    _ => (String::new(), None),
                };
                let Some(comparison) = self.comparison()? else {
                    self.check_word(&word, is_quoted, known.is_some(), column)?;
                    return Ok(Filter::Word(word));
                };
                let Some(known) = known else {
                    let meant = fields::meant(&word, self.attributes);
                    let error = wrong(self.text, column, &format!("there is no field \"{word}\".{meant}"));
                    return Err(fields::with_fields(error, self.attributes));
                };
                let value = match comparison {
                    Comparison::In | Comparison::NotIn => self.list()?,
                    Comparison::IsNull | Comparison::IsNotNull => Value::None,
                    _ if matches!(known, Field::Metric(_)) => self.figure(comparison)?,
                    _ => self.value()?,
                };
                let value = moment::in_milliseconds(&known, comparison, value, TimeZone::system);
                self.check(&known, comparison, &value, column)?;
                Ok(Filter::Compare(known, comparison, value))
            }
            _ => {
                self.at -= 1;
                Err(self.unexpected("a condition or a word"))
            }
        }
    }

    /// Whether what comes stands right behind a quote, as the rest of a text that was meant to be quoted whole does.
    fn goes_on_after_a_quote(&self) -> bool {
        let behind = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        matches!(behind, Some(Token { kind: Kind::Quoted(_), .. }))
            && matches!(self.peek(), Some(Token { kind: Kind::Word(_) | Kind::Quoted(_), joined: true, .. }))
    }

    /// Refuses what begins as a condition and is none as a bare word, which would silently find nothing.
    fn check_word(&self, word: &str, is_quoted: bool, is_field: bool, column: usize) -> Result<(), ApiError> {
        if is_quoted {
            return Ok(());
        }
        if ["and", "or"].iter().any(|joining| word.eq_ignore_ascii_case(joining)) {
            return Err(wrong(self.text, column, "a condition or a word was expected"));
        }
        if !is_field {
            return Ok(());
        }
        // "created in may" and "state is it" may be words of a note, but `metrics.acc` is none.
        let is_qualified = word.contains('.');
        let next = match self.peek() {
            Some(Token { kind: Kind::Word(next), .. }) => next.to_ascii_lowercase(),
            _ => String::new(),
        };
        let end = self.text.chars().count();
        let (expected, ahead) = match next.as_str() {
            "like" | "ilike" => ("a text in quotes", 1),
            "in" if is_qualified => ("a list in parentheses", 1),
            "is" if is_qualified => ("\"null\" or \"not null\"", 1),
            _ if is_qualified => ("=, !=, <, <=, >, >=, \"~\", \"like\", \"in\" or \"is\"", 0),
            _ => return Ok(()),
        };
        let column = self.tokens.get(self.at + ahead).map_or(end, |token| token.column);
        Err(wrong(self.text, column, &format!("{expected} was expected")))
    }

    /// The sign or words between a field and a value; `None` where none stands here.
    fn comparison(&mut self) -> Result<Option<Comparison>, ApiError> {
        if let Some(Token { kind: Kind::Compare(comparison), .. }) = self.peek() {
            let comparison = *comparison;
            self.at += 1;
            return Ok(Some(comparison));
        }
        for (keyword, comparison) in [("like", Comparison::Like), ("ilike", Comparison::ILike), ("in", Comparison::In)]
        {
            // "in" as a word of a text has no list behind it.
            let follows = match (comparison, self.tokens.get(self.at + 1).map(|token| &token.kind)) {
                (Comparison::In, next) => matches!(next, Some(Kind::Open)),
                (_, next) => matches!(next, Some(Kind::Quoted(_))),
            };
            if follows && self.keyword(keyword) {
                return Ok(Some(comparison));
            }
        }
        let next = |word: &str| matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Word(next), .. }) if next.eq_ignore_ascii_case(word));
        let (not_in, null, not) = (next("in"), next("null"), next("not"));
        // Without a text in quotes behind it "not like" may be two words of a note.
        let is_pattern = matches!(self.tokens.get(self.at + 2).map(|token| &token.kind), Some(Kind::Quoted(_)));
        let not_like = [("like", Comparison::NotLike), ("ilike", Comparison::NotILike)];
        let not_like = not_like.into_iter().find(|(keyword, _)| is_pattern && next(keyword));
        if not_in && self.keyword("not") {
            self.at += 1;
            return Ok(Some(Comparison::NotIn));
        }
        if let Some((_, comparison)) = not_like
            && self.keyword("not")
        {
            self.at += 1;
            return Ok(Some(comparison));
        }
        if (null || not) && self.keyword("is") {
            let not = self.keyword("not");
            return match self.keyword("null") {
                true if not => Ok(Some(Comparison::IsNotNull)),
                true => Ok(Some(Comparison::IsNull)),
                false => Err(self.unexpected("\"null\"")),
            };
        }
        Ok(None)
    }

    fn list(&mut self) -> Result<Value, ApiError> {
        let mut texts = Vec::new();
        if !matches!(self.next(), Some(Token { kind: Kind::Open, .. })) {
            self.at -= 1;
            return Err(self.unexpected("\"(\""));
        }
        loop {
            match self.value()? {
                Value::Text(text) => texts.push(text),
                Value::Number(number) => texts.push(number.to_string()),
                Value::List(_) | Value::None => {}
            }
            if texts.len() > LONGEST_LIST {
                let column = self.tokens.get(self.at.saturating_sub(1)).map_or(0, |token| token.column);
                return Err(wrong(self.text, column, &format!("its list has more than {LONGEST_LIST} values")));
            }
            match self.next() {
                Some(Token { kind: Kind::Close, .. }) => return Ok(Value::List(texts)),
                // One comma may end a list: Python writes a tuple of one so.
                Some(Token { kind: Kind::Comma, .. })
                    if matches!(self.peek(), Some(Token { kind: Kind::Close, .. })) =>
                {
                    self.at += 1;
                    return Ok(Value::List(texts));
                }
                Some(Token { kind: Kind::Comma, .. }) => {}
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected("\",\" or \")\""));
                }
            }
        }
    }

    fn value(&mut self) -> Result<Value, ApiError> {
        match self.next() {
            Some(Token { kind: Kind::Quoted(text), .. }) => Ok(Value::Text(text)),
            Some(Token { kind: Kind::Word(word), column, .. })
                if KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) =>
            {
                Err(wrong(self.text, column, "a value was expected; one that is called so stands in quotes"))
            }
            Some(Token { kind: Kind::Word(word), .. }) => Ok(match word.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Number(number),
                _ => Value::Text(word),
            }),
            _ => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    /// What a metric is compared with, which may be no finite number.
    fn figure(&mut self, comparison: Comparison) -> Result<Value, ApiError> {
        let Some(Token { kind: Kind::Word(word), column, .. }) = self.peek() else { return self.value() };
        let Some(number) = figure::not_finite(word) else { return self.value() };
        if let Some(what) = figure::never_true(number, comparison) {
            return Err(wrong(self.text, *column, what));
        }
        self.at += 1;
        Ok(Value::Number(number))
    }

    /// Refuses what can never be true.
    fn check(&self, field: &Field, comparison: Comparison, value: &Value, column: usize) -> Result<(), ApiError> {
        let is_number =
            matches!(field, Field::Metric(_) | Field::Snapshot | Field::Duration | Field::Cost | Field::Rank(_))
                || moment::is_time(field);
        let no_number = matches!(value, Value::Text(_) | Value::List(_))
            || matches!(
                comparison,
                Comparison::Contains
                    | Comparison::Like
                    | Comparison::ILike
                    | Comparison::NotLike
                    | Comparison::NotILike
            );
        if is_number && no_number && !matches!(comparison, Comparison::IsNull | Comparison::IsNotNull) {
            let is_time = moment::is_time(field);
            let unit = match field {
                _ if is_time => " in milliseconds since 1970, in UTC",
                Field::Duration => " in seconds",
                _ => "",
            };
            let date = if is_time { ", or by <, <=, >, >= with a date as '2026-11-24 18:00'" } else { "" };
            let what = format!("it is a number{unit}, and is compared by =, !=, <, <=, >, >= with another{date}");
            return Err(wrong(self.text, column, &what));
        }
        if let Some(what) = fields::unknown_word(field, comparison, value) {
            return Err(wrong(self.text, column, &what));
        }
        let is_pattern =
            matches!(comparison, Comparison::Like | Comparison::ILike | Comparison::NotLike | Comparison::NotILike);
        if let (true, Value::Text(pattern)) = (is_pattern, value)
            && pattern.split('%').any(|piece| piece.contains('_') && piece.chars().count() > LONGEST_PIECE)
        {
            let what = format!("between two \"%\" its pattern has more than {LONGEST_PIECE} characters with a \"_\"");
            return Err(wrong(self.text, column, &what));
        }
        Ok(())
    }

    /// `metric."a key"` comes as a word that ends in a dot and a quoted text joined to it.
    fn field(&mut self, word: &str) -> Result<Option<Field>, ApiError> {
        let Some((entity, key)) = word.split_once('.') else { return Ok(self.attribute(word)) };
        let Some(entity) = Entity::named(entity) else { return Ok(None) };
        let key = if key.is_empty() {
            match self.next() {
                Some(Token { kind: Kind::Quoted(key), joined: true, .. }) => key,
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected("a key"));
                }
            }
        } else {
            key.to_owned()
        };
        let known = match entity {
            Entity::Metric => Some(Field::Metric(key.clone())),
            Entity::Param => Some(Field::Param(key.clone())),
            // Two of MLflow's tags are values of the run itself.
            Entity::Tag if self.attributes.is_none() && key == NAME_TAG => Some(Field::Name),
            Entity::Tag if self.attributes.is_none() && key == NOTE_TAG => Some(Field::Notes),
            Entity::Tag => Some(Field::Tag(key.clone())),
            Entity::Attribute => self.attribute(&key),
            Entity::Dataset => fields::dataset(&key).map(Field::Dataset),
        };
        match known {
            Some(field) => Ok(Some(field)),
            None => {
                let column = self.tokens.get(self.at.saturating_sub(1)).map_or(0, |token| token.column);
                let meant = match entity {
                    Entity::Dataset => fields::meant_of_datasets(&key),
                    _ => fields::meant(&key, self.attributes),
                };
                let error = wrong(self.text, column, &format!("there is no attribute \"{key}\".{meant}"));
                Err(fields::with_fields(error, self.attributes))
            }
        }
    }

    fn attribute(&self, name: &str) -> Option<Field> {
        match self.attributes {
            Some(known) => known.contains(&name).then(|| Field::Attribute(name.to_owned())),
            None => attribute(name),
        }
    }

    fn unexpected(&self, expected: &str) -> ApiError {
        let column = self.peek().map_or(self.text.chars().count(), |token| token.column);
        wrong(self.text, column, &format!("{expected} was expected"))
    }
}

/// Several filters as one, a single one as it is.
fn joined(mut filters: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            filters.extend(last);
            join(filters)
        }
    }
}

fn wrong(text: &str, column: usize, what: &str) -> ApiError {
    let text = around(text, column);
    let end = if what.ends_with(['.', '?']) { "" } else { "." };
    ApiError::invalid(format!("The filter \"{text}\" is wrong at column {}: {what}{end}", column + 1))
        .with_hint("For example: metric.\"roc_auc/validation\" > 0.8 and param.model = \"trees\".")
}

/// A long text's part around a column.
fn around(text: &str, column: usize) -> String {
    let length = text.chars().count();
    if length <= 2 * SHOWN {
        return text.to_owned();
    }
    let from = column.saturating_sub(SHOWN).min(length - SHOWN);
    let part: String = text.chars().skip(from).take(2 * SHOWN).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if from + 2 * SHOWN < length { "…" } else { "" });
    format!("{before}{part}{after}")
}

#[cfg(test)]
mod tests;
