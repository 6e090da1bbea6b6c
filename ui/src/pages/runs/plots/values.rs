//! Cells of many runs as axes, and what is brushed on an axis as conditions of the filter.

use std::collections::BTreeMap;

use api::run_table::quoted;
use charts::{
    parallel::{Brush, Coordinate, Kind},
    plot::Scale,
    text_table::csv_line,
};

use super::super::{
    columns::{self, METRIC, PARAM, TAG},
    comparison::Mark,
    overlaid::Compared,
};

/// What was fetched of the runs, in the order of the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cells {
    pub(super) ids: Vec<String>,
    pub(super) names: Vec<String>,
    /// By the column's name.
    pub(super) columns: BTreeMap<String, Vec<Option<String>>>,
    /// How many runs match in all.
    pub(super) total: u64,
    /// What runs are known by elsewhere on the page, one for each, or none.
    pub(super) marks: Vec<Mark>,
    /// What a legend says of them.
    pub(super) legend: Vec<(Mark, String)>,
}

impl Cells {
    pub(super) fn of_compared(runs: &[Compared], names: &[String]) -> Self {
        let column = |name: &String| (name.clone(), runs.iter().map(|run| cell(run, name)).collect());
        Self {
            ids: runs.iter().map(|run| run.id.to_string()).collect(),
            names: runs.iter().map(|run| run.name.clone()).collect(),
            columns: names.iter().map(column).collect(),
            total: runs.len() as u64,
            ..Self::default()
        }
    }

    /// These columns of these runs as they were logged, a line a run.
    pub(super) fn as_csv(&self, columns: &[String], runs: &[usize]) -> String {
        let head = ["id", "name"].map(str::to_owned).into_iter().chain(columns.iter().cloned());
        let row = |run: &usize| {
            let own = [&self.ids, &self.names].map(|texts| texts.get(*run).cloned().unwrap_or_default());
            let cell = |name: &String| self.column(name).get(*run).cloned().flatten().unwrap_or_default();
            csv_line(own.into_iter().chain(columns.iter().map(cell)))
        };
        csv_line(head) + &runs.iter().map(row).collect::<String>()
    }

    pub(super) fn column(&self, name: &str) -> &[Option<String>] {
        self.columns.get(name).map_or(&[], Vec::as_slice)
    }

    /// A column's numbers; NaN where there is none.
    pub(super) fn numbers(&self, name: &str) -> Vec<f64> {
        let number = |cell: &Option<String>| cell.as_ref().and_then(|text| text.trim().parse().ok());
        self.column(name).iter().map(|cell| number(cell).unwrap_or(f64::NAN)).collect()
    }
}

fn cell(run: &Compared, name: &str) -> Option<String> {
    if let Some(key) = name.strip_prefix(METRIC) {
        return run.values.get(key).map(ToString::to_string);
    }
    let of = |kind: &str, all: &BTreeMap<String, String>| name.strip_prefix(kind).and_then(|key| all.get(key).cloned());
    of(PARAM, &run.params).or_else(|| of(TAG, &run.tags))
}

/// A column as an axis: of numbers where every value that is there is one, else of categories by their names.
pub(super) fn coordinate(name: &str, cells: &[Option<String>], is_log: bool) -> Coordinate {
    let (_, label) = columns::called(name);
    let number = |cell: &Option<String>| cell.as_ref().map_or(Some(f64::NAN), |text| text.trim().parse().ok());
    if let Some(numbers) = cells.iter().map(number).collect::<Option<Vec<f64>>>() {
        let scale = if is_log { Scale::Log } else { Scale::Linear };
        return Coordinate::new(label, Kind::Numbers(scale), numbers);
    }
    let mut names: Vec<&str> = cells.iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let place = |cell: &Option<String>| {
        let at = cell.as_ref().and_then(|text| names.binary_search(&text.as_str()).ok());
        at.map_or(f64::NAN, |at| at as f64)
    };
    let values = cells.iter().map(place).collect();
    Coordinate::new(label, Kind::Categories(names.iter().map(|name| (*name).to_owned()).collect()), values)
}

/// What is brushed on an axis, as the filter says it; `None` where nothing is.
pub(super) fn condition(name: &str, coordinate: &Coordinate) -> Option<String> {
    let field = api::table_view::field(name);
    match (coordinate.brush?, &coordinate.kind) {
        (Brush::Missing, _) => Some(format!("{field} is null")),
        (Brush::Between(low, high), Kind::Numbers(_)) => {
            let bounds = [(">=", low), ("<=", high)].into_iter().filter(|(_, bound)| bound.is_finite());
            let bounds: Vec<String> = bounds.map(|(sign, bound)| format!("{field} {sign} {bound}")).collect();
            if bounds.is_empty() { Some(format!("{field} is not null")) } else { Some(bounds.join(" and ")) }
        }
        (Brush::Between(low, high), Kind::Categories(names)) => {
            let chosen = names.iter().enumerate().filter(|(at, _)| (low..=high).contains(&(*at as f64)));
            let chosen: Vec<String> = chosen.map(|(_, name)| quoted(name)).collect();
            match chosen.as_slice() {
                [] => None,
                [one] => Some(format!("{field} = {one}")),
                several => Some(format!("{field} in ({})", several.join(", "))),
            }
        }
    }
}

/// The filter with further conditions: what was written stays one of them.
pub(super) fn joined(filter: &str, conditions: &[String]) -> String {
    let filter = filter.trim();
    let has_choice = filter.split(|letter: char| !letter.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("or"));
    let before = match filter {
        "" => None,
        _ if has_choice && !conditions.is_empty() => Some(format!("({filter})")),
        _ => Some(filter.to_owned()),
    };
    before.into_iter().chain(conditions.iter().cloned()).collect::<Vec<_>>().join(" and ")
}

/// A brush of dragged edges: four digits of them say as much as a pixel does. `None` where it holds no category.
pub(super) fn tidy(brush: Brush, kind: &Kind) -> Option<Brush> {
    let Brush::Between(low, high) = brush else { return Some(brush) };
    match kind {
        Kind::Numbers(_) => Some(Brush::Between(rounded(low), rounded(high))),
        Kind::Categories(names) => {
            let (low, high) = (low.ceil().max(0.0), high.floor().min(names.len() as f64 - 1.0));
            (low <= high).then_some(Brush::Between(low, high))
        }
    }
}

fn rounded(value: f64) -> f64 {
    if value.is_finite() { format!("{value:.3e}").parse().unwrap_or(value) } else { value }
}

/// What the fields of an axis say: an empty one is open. `None` where both are open or one is no number.
pub(super) fn between(least: &str, most: &str) -> Option<Brush> {
    let bound = |text: &str, open: f64| match text.trim() {
        "" => Some(open),
        text => text.parse::<f64>().ok().filter(|value| !value.is_nan()),
    };
    let (low, high) = (bound(least, f64::NEG_INFINITY)?, bound(most, f64::INFINITY)?);
    (low.is_finite() || high.is_finite()).then_some(Brush::Between(low, high))
}

/// A brush and its column as the address has them: `0.1~0.5~param.lr`, an open end being empty, and `none` for runs
/// without a value.
pub(super) fn brush_said(name: &str, brush: Brush) -> String {
    let (low, high) = match brush {
        Brush::Missing => ("none".to_owned(), String::new()),
        Brush::Between(..) => fields(Some(brush)),
    };
    format!("{low}~{high}~{name}")
}

/// What [`brush_said`] says, read; `None` of what is no brush.
pub(super) fn brush_read(said: &str) -> Option<(String, Brush)> {
    let mut parts = said.splitn(3, '~');
    let (low, high, name) = (parts.next()?, parts.next()?, parts.next().filter(|name| !name.is_empty())?);
    let brush = if low == "none" { Brush::Missing } else { between(low, high)? };
    Some((name.to_owned(), brush))
}

/// The same the other way.
pub(super) fn fields(brush: Option<Brush>) -> (String, String) {
    let said = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
    match brush {
        Some(Brush::Between(low, high)) => (said(low), said(high)),
        _ => (String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned()).filter(|text| !text.is_empty())).collect()
    }

    #[test]
    fn compared_runs_are_drawn_from_what_is_known_of_them() {
        let run = |params: &[(&str, &str)], values: &[(&str, f64)]| Compared {
            id: api::RunId::from_bytes([1; 16]),
            name: "brisk-heron".to_owned(),
            place: 0,
            began_ms: 0,
            params: params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            tags: [("team".to_owned(), "red".to_owned())].into(),
            values: values.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect(),
            curves: Default::default(),
        };
        let runs = [run(&[("lr", "0.1")], &[("loss", 0.123_456_789_012)]), run(&[], &[("loss", f64::NAN)])];
        let names = ["param.lr", "metric.loss", "tag.team", "param.none"].map(str::to_owned);
        let drawn = Cells::of_compared(&runs, &names);
        assert_eq!((drawn.total, drawn.names.len(), drawn.column("param.none")), (2, 2, &[None, None][..]));
        assert_eq!(drawn.column("param.lr"), cells(&["0.1", ""]));
        assert_eq!(drawn.column("tag.team"), cells(&["red", "red"]));
        let csv = drawn.as_csv(&names[..2], &[1]);
        assert_eq!(csv, format!("id,name,param.lr,metric.loss\r\n{},brisk-heron,,NaN\r\n", drawn.ids[1]));
        let loss = drawn.numbers("metric.loss");
        assert!(loss[0] == 0.123_456_789_012 && loss[1].is_nan());
    }

    #[test]
    fn a_column_is_of_numbers_or_of_categories() {
        let rates = coordinate("param.lr", &cells(&["0.1", "", "1e-3"]), true);
        assert_eq!(rates.kind, Kind::Numbers(Scale::Log));
        assert!(rates.value(1).is_nan() && rates.value(2) == 0.001);
        let models = coordinate("param.model", &cells(&["trees", "", "linear", "trees"]), true);
        assert_eq!(models.kind, Kind::Categories(vec!["linear".to_owned(), "trees".to_owned()]));
        assert!(models.value(0) == 1.0 && models.value(1).is_nan());
    }

    #[test]
    fn what_is_brushed_is_said_as_the_filter_reads_it() {
        let mut rates = coordinate("param.a key", &cells(&["0.1", "0.5"]), false);
        assert_eq!(condition("param.a key", &rates), None);
        rates.brush = between("0.2", "");
        assert_eq!(condition("param.a key", &rates).unwrap(), "param.\"a key\" >= 0.2");
        rates.brush = between("0.2", "0.000001");
        assert_eq!(condition("param.lr", &rates).unwrap(), "param.lr >= 0.2 and param.lr <= 0.000001");
        rates.brush = Some(Brush::Missing);
        assert_eq!(condition("metric.loss", &rates).unwrap(), "metric.loss is null");
        let mut models = coordinate("param.model", &cells(&["a", "b\"", "c"]), false);
        models.brush = tidy(Brush::Between(0.4, 1.3), &models.kind);
        assert_eq!(condition("param.model", &models).unwrap(), "param.model = 'b\"'");
        models.brush = tidy(Brush::Between(-0.5, 1.3), &models.kind);
        assert_eq!(condition("param.model", &models).unwrap(), "param.model in (\"a\", 'b\"')");
        assert_eq!(tidy(Brush::Between(0.2, 0.8), &models.kind), None);
    }

    #[test]
    fn a_filter_of_choices_keeps_its_meaning() {
        let further = ["param.lr < 1".to_owned()];
        assert_eq!(joined("", &further), "param.lr < 1");
        assert_eq!(joined("state = finished", &further), "state = finished and param.lr < 1");
        assert_eq!(joined("a or b", &further), "(a or b) and param.lr < 1");
        assert_eq!(joined("a or b", &[]), "a or b");
    }

    #[test]
    fn a_brush_in_the_address_is_what_it_was() {
        for (name, brush) in [
            ("param.a~b,c", Brush::Between(0.5, f64::INFINITY)),
            ("metric.f1", Brush::Between(f64::NEG_INFINITY, -1e-9)),
            ("metric.loss", Brush::Between(-3.0, 1e20)),
            ("param.lr", Brush::Missing),
        ] {
            assert_eq!(brush_read(&brush_said(name, brush)), Some((name.to_owned(), brush)));
        }
        for odd in ["1", "0.1~x~param.a", "~~param.b", "0~1~"] {
            assert_eq!(brush_read(odd), None, "{odd}");
        }
    }

    #[test]
    fn fields_say_a_brush_and_a_brush_fields() {
        assert_eq!(between("", " "), None);
        assert_eq!(between("x", "1"), None);
        for text in [("0.25", "1"), ("", "3"), ("-2", "")] {
            assert_eq!(fields(between(text.0, text.1)), (text.0.to_owned(), text.1.to_owned()));
        }
        assert_eq!(
            tidy(Brush::Between(0.123456, f64::INFINITY), &Kind::Numbers(Scale::Linear)),
            Some(Brush::Between(0.1235, f64::INFINITY))
        );
    }
}
