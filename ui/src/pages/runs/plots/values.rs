//! Cells of many runs as axes, and what is brushed on an axis as conditions of the filter.

use std::collections::BTreeMap;

use api::run_table::quoted;
use charts::{
    parallel::{Brush, Coordinate, Kind},
    plot::Scale,
    runs::{Cells, moment},
};

use super::super::{
    columns::{METRIC, PARAM, TAG},
    overlaid::Compared,
};

/// The cells of compared runs, of which all is known.
pub(super) fn of_compared(runs: &[Compared], names: &[String]) -> Cells {
    let column = |name: &String| (name.clone(), runs.iter().map(|run| cell(run, name)).collect());
    Cells {
        ids: runs.iter().map(|run| run.id.to_string()).collect(),
        names: runs.iter().map(Compared::called).collect(),
        columns: names.iter().map(column).collect(),
        total: runs.len() as u64,
        ..Cells::default()
    }
}

fn cell(run: &Compared, name: &str) -> Option<String> {
    match name {
        "started" => return Some(moment::written(run.began_ms as f64)),
        "duration" => return run.duration_secs.map(|secs| secs.to_string()),
        _ => {}
    }
    if let Some(key) = name.strip_prefix(METRIC) {
        return run.values.get(key).map(ToString::to_string);
    }
    let of = |kind: &str, all: &BTreeMap<String, String>| name.strip_prefix(kind).and_then(|key| all.get(key).cloned());
    of(PARAM, &run.params).or_else(|| of(TAG, &run.tags))
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
        // Four digits of a moment are days.
        Kind::Numbers(Scale::Time { .. }) => Some(Brush::Between(low.round(), high.round())),
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

/// An end of a brush as its axis's field has it: a moment as a person writes one, in UTC.
pub(super) fn bound_said(name: &str, bound: &str) -> String {
    let ms = bound.parse::<f64>().ok().filter(|_| moment::is_moment(name));
    ms.map_or_else(|| bound.to_owned(), moment::written)
}

/// The same read: what is no moment stays as it is written.
pub(super) fn bound_read(name: &str, text: &str) -> String {
    let ms = if moment::is_moment(name) { moment::read(text) } else { None };
    ms.map_or_else(|| text.to_owned(), |ms| ms.to_string())
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
    use charts::runs::coordinate;

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
            duration_secs: None,
            params: params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            tags: [("team".to_owned(), "red".to_owned())].into(),
            own: Default::default(),
            values: values.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect(),
            curves: Default::default(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: Default::default(),
        };
        let runs = [run(&[("lr", "0.1")], &[("loss", 0.123_456_789_012)]), run(&[], &[("loss", f64::NAN)])];
        let names = ["param.lr", "metric.loss", "tag.team", "param.none"].map(str::to_owned);
        let drawn = of_compared(&runs, &names);
        assert_eq!((drawn.total, drawn.names.len(), drawn.column("param.none")), (2, 2, &[None, None][..]));
        assert_eq!(drawn.column("param.lr"), cells(&["0.1", ""]));
        assert_eq!(drawn.column("tag.team"), cells(&["red", "red"]));
        let of_time = Compared { began_ms: 86_400_000, duration_secs: Some(2.5), ..runs[0].clone() };
        let drawn_in_time = of_compared(&[of_time, runs[1].clone()], &["started", "duration"].map(str::to_owned));
        assert_eq!(drawn_in_time.numbers("started"), [86_400_000.0, 0.0]);
        assert!(drawn_in_time.numbers("duration")[0] == 2.5 && drawn_in_time.numbers("duration")[1].is_nan());
        let csv = drawn.as_csv(&names[..2], &[1]);
        assert_eq!(csv, format!("id,name,param.lr,metric.loss\r\n{},brisk-heron,,NaN\r\n", drawn.ids[1]));
        let loss = drawn.numbers("metric.loss");
        assert!(loss[0] == 0.123_456_789_012 && loss[1].is_nan());
    }

    #[test]
    fn what_is_brushed_is_said_as_the_filter_reads_it() {
        let mut rates = coordinate("a key".to_owned(), &cells(&["0.1", "0.5"]), false);
        assert_eq!(condition("param.a key", &rates), None);
        rates.brush = between("0.2", "");
        assert_eq!(condition("param.a key", &rates).unwrap(), "param.\"a key\" >= 0.2");
        rates.brush = between("0.2", "0.000001");
        assert_eq!(condition("param.lr", &rates).unwrap(), "param.lr >= 0.2 and param.lr <= 0.000001");
        rates.brush = Some(Brush::Missing);
        assert_eq!(condition("metric.loss", &rates).unwrap(), "metric.loss is null");
        let mut models = coordinate("model".to_owned(), &cells(&["a", "b\"", "c"]), false);
        models.brush = tidy(Brush::Between(0.4, 1.3), &models.kind);
        assert_eq!(condition("param.model", &models).unwrap(), "param.model = 'b\"'");
        models.brush = tidy(Brush::Between(-0.5, 1.3), &models.kind);
        assert_eq!(condition("param.model", &models).unwrap(), "param.model in (\"a\", 'b\"')");
        assert_eq!(tidy(Brush::Between(0.2, 0.8), &models.kind), None);
        let mut moments = coordinate("Started".to_owned(), &cells(&["1764547200123"]), false);
        moments.kind = Kind::Numbers(Scale::Time { offset_minutes: 0 });
        moments.brush = tidy(Brush::Between(1_764_547_200_123.4, f64::INFINITY), &moments.kind);
        assert_eq!(condition("started", &moments).unwrap(), "started >= 1764547200123");
        let said = [bound_said("started", "1764547200000"), bound_said("metric.a", "5")];
        assert_eq!(said, ["2025-12-01T00:00:00Z", "5"]);
        assert_eq!(bound_read("started", "2025-12-01"), "1764547200000");
        assert_eq!([bound_read("started", ""), bound_read("duration", "60")], ["", "60"]);
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
