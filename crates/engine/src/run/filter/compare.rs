//! What the comparisons of a filter mean, and a filter held against one record.

use std::{cmp::Ordering, collections::HashSet};

use super::{Comparison, Field, Filter, Value};

/// What a record has for a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Number(f64),
    /// Several, of which one must pass; of a comparison that denies all must pass.
    Texts(Vec<String>),
    /// A folder's path, which is empty at the top: nothing is there.
    Path(String),
    /// A folder's path with all above it.
    Within(String),
    Missing,
}

impl From<Option<&String>> for Cell {
    fn from(text: Option<&String>) -> Self {
        text.map_or(Self::Missing, |text| Self::Text(text.clone()))
    }
}

/// A filter made ready for many records: what it compares with is prepared once.
pub struct Ready<'f>(Test<'f>);

enum Test<'f> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Word(&'f str),
    Compare(&'f Field, Comparison, &'f Value, Box<dyn Fn(&str) -> bool + 'f>),
}

impl<'f> Ready<'f> {
    pub fn of(filter: &'f Filter) -> Self {
        Self(Test::of(filter))
    }

    /// Whether a record passes; a bare word passes where `word` says so.
    pub fn holds(&self, cell: &dyn Fn(&Field) -> Cell, word: &dyn Fn(&str) -> bool) -> bool {
        self.0.holds(cell, word)
    }
}

impl<'f> Test<'f> {
    fn of(filter: &'f Filter) -> Self {
        match filter {
            Filter::All => Self::All(Vec::new()),
            Filter::And(all) => Self::All(all.iter().map(Self::of).collect()),
            Filter::Or(any) => Self::Any(any.iter().map(Self::of).collect()),
            Filter::Not(inner) => Self::Not(Box::new(Self::of(inner))),
            Filter::Word(text) => Self::Word(text),
            Filter::Compare(field, comparison, value) => {
                Self::Compare(field, *comparison, value, passes(*comparison, value))
            }
        }
    }

    fn holds(&self, cell: &dyn Fn(&Field) -> Cell, word: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(cell, word)),
            Self::Any(any) => any.iter().any(|one| one.holds(cell, word)),
            Self::Not(inner) => !inner.holds(cell, word),
            Self::Word(text) => word(text),
            Self::Compare(field, comparison, value, passes) => match (cell(field), value) {
                (Cell::Missing, _) => *comparison == Comparison::IsNull,
                (Cell::Number(own), Value::Number(wanted)) => compares(own, *comparison, *wanted),
                (Cell::Number(own), Value::Text(_) | Value::List(_)) => passes(&own.to_string()),
                (Cell::Number(_), Value::None) => *comparison == Comparison::IsNotNull,
                (Cell::Text(own), _) => passes(&own),
                (Cell::Texts(own), _) => match (own.is_empty(), denies(*comparison)) {
                    (true, _) => *comparison == Comparison::IsNull,
                    (false, true) => own.iter().all(|own| passes(own)),
                    (false, false) => own.iter().any(|own| passes(own)),
                },
                (Cell::Path(own), _) => is_at(&own, *comparison, value),
                (Cell::Within(own), _) => is_within(&own, *comparison, value),
            },
        }
    }
}

/// Records that are matched between two looks at whether that goes on.
const TOGETHER: usize = 16;

/// The records that pass.
///
/// # Errors
/// What `goes_on` says on the way.
pub fn passing<T, E>(
    records: Vec<T>,
    goes_on: impl Fn() -> Result<(), E>,
    passes: impl Fn(&T) -> bool,
) -> Result<Vec<T>, E> {
    let mut passing = Vec::new();
    for (at, record) in records.into_iter().enumerate() {
        if at % TOGETHER == 0 {
            goes_on()?;
        }
        if passes(&record) {
            passing.push(record);
        }
    }
    Ok(passing)
}

/// Records in their order: by their cells, the first of which counts most (`true` is descending), and among equals by
/// `last`. Each cell is looked up once.
pub fn sorted<T>(
    records: Vec<T>,
    descending: &[bool],
    cells: impl Fn(&T) -> Vec<Cell>,
    last: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    let mut keyed: Vec<(Vec<Cell>, T)> = records.into_iter().map(|record| (cells(&record), record)).collect();
    keyed.sort_by(|(left, one), (right, other)| {
        let mut by = left.iter().zip(right).zip(descending).map(|((left, right), down)| order(left, right, *down));
        by.find(|by| by.is_ne()).unwrap_or_else(|| last(one, other))
    });
    keyed.into_iter().map(|(_, record)| record).collect()
}

/// Two records by one field: what is missing stands last, whatever the direction.
fn order(left: &Cell, right: &Cell, descending: bool) -> Ordering {
    let within = match (left, right) {
        (Cell::Missing, Cell::Missing) => return Ordering::Equal,
        (Cell::Missing, _) => return Ordering::Greater,
        (_, Cell::Missing) => return Ordering::Less,
        (Cell::Number(left), Cell::Number(right)) => left.total_cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        (Cell::Path(left) | Cell::Within(left), Cell::Path(right) | Cell::Within(right)) => left.cmp(right),
        // What has several values is not ordered by, and a field is a path of all records or of none.
        (Cell::Texts(_) | Cell::Path(_) | Cell::Within(_), _)
        | (_, Cell::Texts(_) | Cell::Path(_) | Cell::Within(_)) => Ordering::Equal,
        (Cell::Number(_), Cell::Text(_)) => Ordering::Less,
        (Cell::Text(_), Cell::Number(_)) => Ordering::Greater,
    };
    if descending { within.reverse() } else { within }
}

/// NaN equals itself here, so that it can be asked for, and is less or greater than nothing.
pub(crate) fn compares(own: f64, comparison: Comparison, wanted: f64) -> bool {
    let is_same = || own == wanted || own.is_nan() && wanted.is_nan();
    match comparison {
        Comparison::Equal => is_same(),
        Comparison::NotEqual => !is_same(),
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
        (Comparison::NotLike, Value::Text(pattern)) => Box::new(move |own| !like(own, pattern)),
        (Comparison::NotILike, Value::Text(pattern)) => {
            let pattern = pattern.to_lowercase();
            Box::new(move |own| !like(&own.to_lowercase(), &pattern))
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

/// Whether a comparison says what something is not: of several values it is true where it is of each.
const fn denies(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::NotEqual | Comparison::NotIn | Comparison::NotLike | Comparison::NotILike)
}

/// How a folder's path is compared, which is empty at the top: nothing is there.
pub(crate) fn is_at(folder: &str, comparison: Comparison, value: &Value) -> bool {
    match comparison {
        Comparison::IsNull => folder.is_empty(),
        Comparison::IsNotNull => !folder.is_empty(),
        _ => passes(comparison, value)(folder),
    }
}

/// The same of the folder and all above it: one of them must pass, and of a comparison that denies all.
pub(crate) fn is_within(folder: &str, comparison: Comparison, value: &Value) -> bool {
    let above = folder.match_indices('/').map(|(at, _)| &folder[..at]);
    let mut paths = above.chain([folder]).map(|path| is_at(path, comparison, value));
    if denies(comparison) { paths.all(|passes| passes) } else { paths.any(|passes| passes) }
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
    fn nan_is_asked_for_by_equality_alone() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (own, comparison, wanted, passes) in [
            (nan, Comparison::Equal, nan, true),
            (nan, Comparison::NotEqual, nan, false),
            (1.0, Comparison::Equal, nan, false),
            (inf, Comparison::NotEqual, nan, true),
            (nan, Comparison::NotEqual, 1.0, true),
            (nan, Comparison::Less, inf, false),
            (1.0, Comparison::Less, inf, true),
            (inf, Comparison::Equal, inf, true),
            (-inf, Comparison::Equal, inf, false),
        ] {
            assert_eq!(compares(own, comparison, wanted), passes, "{own} {comparison:?} {wanted}");
        }
    }

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
    fn a_folder_is_within_itself_and_all_above_it() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (folder, comparison, value, expected) in [
            ("vision", Comparison::Equal, text("vision"), true),
            ("vision/50%_x/deep", Comparison::Equal, text("vision/50%_x"), true),
            ("vision/50 of x", Comparison::Equal, text("vision/50%_x"), false),
            ("visionary", Comparison::Equal, text("vision"), false),
            ("", Comparison::Equal, text("vision"), false),
            ("vision/deep", Comparison::NotEqual, text("vision"), false),
            ("text", Comparison::NotEqual, text("vision"), true),
            ("vision/deep", Comparison::NotIn, Value::List(vec!["vision".to_owned()]), false),
            ("vision/deep", Comparison::In, Value::List(vec!["text".to_owned(), "vision".to_owned()]), true),
            ("a/b/c", Comparison::Like, text("a/_"), true),
            ("a/b/c", Comparison::NotLike, text("a/_"), false),
            ("a", Comparison::NotILike, text("B%"), true),
            ("", Comparison::IsNull, Value::None, true),
            ("a/b", Comparison::IsNotNull, Value::None, true),
        ] {
            assert_eq!(is_within(folder, comparison, &value), expected, "{folder:?} {comparison:?} {value:?}");
        }
        assert!(!is_at("vision/deep", Comparison::Equal, &text("vision")));
    }

    #[test]
    fn one_of_several_texts_must_pass_and_of_a_denial_all() {
        let holds = |filter: &str, own: &[&str]| {
            let filter = super::super::parse_of(filter, Some(&["alias"])).unwrap();
            let texts = own.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            Ready::of(&filter).holds(&|_| Cell::Texts(texts.clone()), &|_| false)
        };
        assert!(holds("alias = 'b'", &["a", "b"]) && !holds("alias != 'b'", &["a", "b"]));
        assert!(holds("alias != 'b'", &["a", "c"]) && holds("alias not like 'b%'", &["a"]));
        // Of what has none no comparison is true, not even a denial.
        assert!(!holds("alias != 'b'", &[]) && holds("alias is null", &[]) && holds("alias is not null", &["a"]));
    }

    #[test]
    fn records_stand_by_the_first_order_that_tells_them_apart() {
        let records = vec![("b", 1.0), ("a", 1.0), ("c", 2.0), ("d", f64::NAN)];
        let cells = |(_, value): &(&str, f64)| {
            let missing = if value.is_nan() { Cell::Missing } else { Cell::Number(*value) };
            // Orders by what no record has decide nothing.
            std::iter::repeat_n(Cell::Missing, 30).chain([missing]).collect::<Vec<_>>()
        };
        let names = |descending: bool| {
            let sorted = sorted(records.clone(), &[descending; 31], cells, |left, right| left.0.cmp(right.0));
            sorted.into_iter().map(|(name, _)| name).collect::<String>()
        };
        assert_eq!([names(false), names(true)], ["abcd", "cabd"]);
    }

    #[test]
    fn what_nobody_waits_for_is_not_matched_to_its_end() {
        let looks = std::cell::Cell::new(0);
        let goes_on = || {
            looks.set(looks.get() + 1);
            if looks.get() < 3 { Ok(()) } else { Err("gone") }
        };
        let numbers = |count: u32| (0..count).collect::<Vec<u32>>();
        assert_eq!(passing(numbers(20), goes_on, |number: &u32| number.is_multiple_of(7)), Ok(vec![0, 7, 14]));
        looks.set(0);
        assert_eq!(passing(numbers(1_000), goes_on, |_: &u32| true), Err("gone"));
    }

    #[test]
    fn a_long_list_is_made_ready_once() {
        let list: Vec<String> = (0..10_000).map(|at| format!("{at}-{}", "x".repeat(20))).collect();
        let filter = Filter::Compare(
            Field::Name,
            Comparison::In,
            Value::List(list.iter().cloned().chain(["b".to_owned()]).collect()),
        );
        let (ready, began) = (Ready::of(&filter), std::time::Instant::now());
        let hits = (0..100_000).filter(|at| {
            let name = if at % 2 == 0 { "a" } else { "b" };
            ready.holds(&|_| Cell::Text(name.to_owned()), &|_| false)
        });
        assert_eq!(hits.count(), 50_000);
        // Made anew for each it took minutes of an unoptimised program.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
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
