//! What the comparisons of a filter mean, and a filter held against one record.

use std::{cmp::Ordering, collections::HashSet};

use super::{Comparison, Field, Filter, Value};

/// What a record has for a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Number(f64),
    /// Several, of which one must pass.
    Numbers(Vec<f64>),
    Missing,
}

impl From<Option<&String>> for Cell {
    fn from(text: Option<&String>) -> Self {
        text.map_or(Self::Missing, |text| Self::Text(text.clone()))
    }
}

/// Whether a record passes; a bare word passes where `word` says so.
pub fn holds(filter: &Filter, cell: &dyn Fn(&Field) -> Cell, word: &dyn Fn(&str) -> bool) -> bool {
    match filter {
        Filter::All => true,
        Filter::And(all) => all.iter().all(|one| holds(one, cell, word)),
        Filter::Or(any) => any.iter().any(|one| holds(one, cell, word)),
        Filter::Not(inner) => !holds(inner, cell, word),
        Filter::Word(text) => word(text),
        Filter::Compare(field, comparison, value) => match (cell(field), value) {
            (Cell::Missing, _) => *comparison == Comparison::IsNull,
            (Cell::Numbers(own), Value::Number(wanted)) => own.iter().any(|own| compares(*own, *comparison, *wanted)),
            (Cell::Numbers(own), _) => own.is_empty() == (*comparison == Comparison::IsNull),
            (Cell::Number(own), Value::Number(wanted)) => compares(own, *comparison, *wanted),
            (Cell::Number(own), Value::Text(_) | Value::List(_)) => passes(*comparison, value)(&own.to_string()),
            (Cell::Number(_), Value::None) => *comparison == Comparison::IsNotNull,
            (Cell::Text(own), _) => passes(*comparison, value)(&own),
        },
    }
}

/// Two records by one field: what is missing stands last, whatever the direction.
pub fn order(left: &Cell, right: &Cell, descending: bool) -> Ordering {
    let within = match (left, right) {
        (Cell::Missing, Cell::Missing) => return Ordering::Equal,
        (Cell::Missing, _) => return Ordering::Greater,
        (_, Cell::Missing) => return Ordering::Less,
        (Cell::Number(left), Cell::Number(right)) => left.total_cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        // What has several values is not ordered by.
        (Cell::Numbers(_), _) | (_, Cell::Numbers(_)) => Ordering::Equal,
        (Cell::Number(_), Cell::Text(_)) => Ordering::Less,
        (Cell::Text(_), Cell::Number(_)) => Ordering::Greater,
    };
    if descending { within.reverse() } else { within }
}

pub(crate) fn compares(own: f64, comparison: Comparison, wanted: f64) -> bool {
    match comparison {
        Comparison::Equal => own == wanted,
        Comparison::NotEqual => own != wanted,
        Comparison::Less => own < wanted,
        Comparison::LessOrEqual => own <= wanted,
        Comparison::Greater => own > wanted,
        Comparison::GreaterOrEqual => own >= wanted,
        Comparison::IsNotNull => true,
        _ => false,
    }
}

/// How a text is compared. With a number it is read as one.
pub(crate) fn passes<'v>(comparison: Comparison, value: &'v Value) -> Box<dyn Fn(&str) -> bool + 'v> {
    match (comparison, value) {
        (Comparison::IsNotNull, _) => Box::new(|_| true),
        (Comparison::IsNull, _) => Box::new(|_| false),
        (Comparison::In | Comparison::NotIn, Value::List(list)) => {
            let list: HashSet<&str> = list.iter().map(String::as_str).collect();
            Box::new(move |own| list.contains(own) == (comparison == Comparison::In))
        }
        (Comparison::Contains, Value::Text(text)) => {
            let wanted = text.to_lowercase();
            Box::new(move |own| own.to_lowercase().contains(&wanted))
        }
        (Comparison::Contains, Value::Number(number)) => {
            let wanted = number.to_string();
            Box::new(move |own| own.contains(&wanted))
        }
        (Comparison::Like, Value::Text(pattern)) => Box::new(move |own| like(own, pattern)),
        (Comparison::ILike, Value::Text(pattern)) => {
            let pattern = pattern.to_lowercase();
            Box::new(move |own| like(&own.to_lowercase(), &pattern))
        }
        (_, Value::Number(number)) => {
            Box::new(move |own| own.trim().parse().is_ok_and(|own| compares(own, comparison, *number)))
        }
        (Comparison::Equal, Value::Text(text)) => Box::new(move |own| own == text),
        (Comparison::NotEqual, Value::Text(text)) => Box::new(move |own| own != text),
        (Comparison::Less, Value::Text(text)) => Box::new(move |own| own < text.as_str()),
        (Comparison::LessOrEqual, Value::Text(text)) => Box::new(move |own| own <= text.as_str()),
        (Comparison::Greater, Value::Text(text)) => Box::new(move |own| own > text.as_str()),
        (Comparison::GreaterOrEqual, Value::Text(text)) => Box::new(move |own| own >= text.as_str()),
        _ => Box::new(|_| false),
    }
}

/// SQL's LIKE: `%` is any text, `_` any character. What stands between two `%` is searched for in a time that grows
/// with the text alone, unless a `_` stands in it.
fn like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('%');
    let Some(rest) = after(text, pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let Some(mut rest) = before(rest, last) else { return false };
    pieces.all(|piece| {
        let found = behind(rest, piece);
        rest = found.unwrap_or_default();
        found.is_some()
    })
}

/// What is left of a text that begins with a piece.
fn after<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    piece.chars().all(|one| rest.next().is_some_and(|own| one == '_' || own == one)).then_some(rest.as_str())
}

/// What is left of a text that ends with a piece.
fn before<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    piece.chars().rev().all(|one| rest.next_back().is_some_and(|own| one == '_' || own == one)).then_some(rest.as_str())
}

/// What stands behind the first place of a piece.
fn behind<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    if !piece.contains('_') {
        return text.find(piece).map(|at| &text[at + piece.len()..]);
    }
    text.char_indices().find_map(|(at, _)| after(&text[at..], piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "_b_"),
            ("aXbXc", "a%X_"),
            ("aab", "%ab"),
            ("aXbXc", "%X%X%"),
            ("a🦀c", "a_c"),
            ("xa🦀cy", "%a_c%"),
            ("ab", "%%a%%b%%"),
            ("aba", "%_ba"),
        ] {
            assert!(like(text, pattern), "{text} like {pattern}");
        }
        for (text, pattern) in [
            ("a", ""),
            ("abc", "a"),
            ("abc", "_"),
            ("ABC", "a%"),
            ("", "_"),
            ("aab", "%a"),
            ("aba", "aba%aba"),
            ("aXbc", "%X%X%"),
            ("ab", "%_a%"),
        ] {
            assert!(!like(text, pattern), "{text} not like {pattern}");
        }
    }

    #[test]
    fn patterns_that_nearly_match_everywhere_end_soon() {
        let text = "a".repeat(60_000);
        let began = std::time::Instant::now();
        for wrong in [format!("%{}b%", "a".repeat(30_000)), "%a".repeat(30_000) + "b", "%".repeat(60_000) + "b"] {
            assert!(!like(&text, &wrong));
        }
        // Going back for every character took some minutes of an unoptimised program.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
