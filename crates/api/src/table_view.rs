//! How the run table is looked at: what an address says, and a view that was saved under a name.

use std::collections::BTreeMap;

/// Columns by their names: `metric.KEY`, `param.KEY`, `tag.KEY`, `created` …
type Names = Vec<String>;
/// A column, and whether the highest stands first.
type Order = (String, bool);

/// A column as filter and order name it: a key that is no word stands in quotes there.
pub fn field(name: &str) -> String {
    let keyed = name.split_once('.').filter(|(kind, _)| ["metric", "param", "tag"].contains(kind));
    keyed.map_or_else(|| name.to_owned(), |(kind, key)| crate::run_table::named(kind, key))
}

/// What the table shows, as its address says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableView {
    pub filter: String,
    pub order: Option<Order>,
    /// The orders among equals.
    pub further: Vec<Order>,
    /// What runs are grouped by.
    pub group: Names,
    /// The order of the groups, which is not that of the runs.
    pub group_order: Option<Order>,
    /// The orders among groups that are equal by it.
    pub group_further: Vec<Order>,
    pub deleted: bool,
    /// The columns that a person chose, in their order. Where `name` is not among them, and nothing else that every run has,
    /// they are metrics, params and tags alone, and the others stand there as they do by themselves.
    pub columns: Option<Names>,
    /// Those that stay at the left.
    pub pinned: Names,
    /// Pixels of the columns that a person drew to a width, by what the order calls them.
    pub widths: BTreeMap<String, f64>,
    /// The cells of metrics have no colours.
    pub flat: bool,
    /// Whether more of a metric is better, where a person said so, by its key.
    pub better: BTreeMap<String, bool>,
    /// Whether the curve of a metric stands beside it, where a person said so, by its key.
    pub curves: BTreeMap<String, bool>,
    /// The chart that stands in the table's place.
    pub plotted: Plotted,
    /// The figure whose curves the pane of the selected runs draws; empty where nobody chose one.
    pub curve: String,
}

impl TableView {
    /// The part of an address behind its path; empty where nothing was chosen.
    pub fn address(&self, encode: impl Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        if !self.filter.is_empty() {
            parts.push(format!("filter={}", encode(&self.filter)));
        }
        if let Some((key, descending)) = &self.order {
            parts.push(format!("sort={}", encode(key)));
            if !descending {
                parts.push("way=up".to_owned());
            }
        }
        let joined = |names: &Names| names.iter().map(|name| encode(name)).collect::<Vec<_>>().join(",");
        // A sign stands before the name: it is none of a name's first letters.
        let sign = |(key, descending): &Order| format!("{}{key}", if *descending { '-' } else { '+' });
        if !self.further.is_empty() {
            parts.push(format!("then={}", joined(&self.further.iter().map(sign).collect())));
        }
        if !self.group.is_empty() {
            parts.push(format!("group={}", joined(&self.group)));
        }
        if let Some((key, descending)) = &self.group_order {
            parts.push(format!("groupsort={}", encode(key)));
            if !descending {
                parts.push("groupway=up".to_owned());
            }
        }
        if !self.group_further.is_empty() {
            parts.push(format!("groupthen={}", joined(&self.group_further.iter().map(sign).collect())));
        }
        if self.deleted {
            parts.push("deleted=1".to_owned());
        }
        if let Some(columns) = &self.columns {
            parts.push(format!("columns={}", joined(columns)));
        }
        if !self.pinned.is_empty() {
            parts.push(format!("pinned={}", joined(&self.pinned)));
        }
        if !self.widths.is_empty() {
            let width = |(name, width): (&String, &f64)| format!("{width}~{name}");
            parts.push(format!("widths={}", joined(&self.widths.iter().map(width).collect())));
        }
        if self.flat {
            parts.push("flat=1".to_owned());
        }
        for (key, told) in [("better", &self.better), ("curves", &self.curves)] {
            if !told.is_empty() {
                let sign = |(name, is): (&String, &bool)| format!("{}{name}", if *is { '+' } else { '-' });
                parts.push(format!("{key}={}", joined(&told.iter().map(sign).collect())));
            }
        }
        let Plotted { view, axes, x, y, colour, log, linear, contours, brushes } = &self.plotted;
        for (key, text) in [("view", view), ("x", x), ("y", y), ("colour", colour), ("curve", &self.curve)] {
            if !text.is_empty() {
                parts.push(format!("{key}={}", encode(text)));
            }
        }
        for (key, names) in [("axes", axes), ("log", log), ("linear", linear), ("brush", brushes)] {
            if !names.is_empty() {
                parts.push(format!("{key}={}", joined(names)));
            }
        }
        if *contours {
            parts.push("contours=1".to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// What such an address says; parts that it does not know are passed over.
    pub fn read(address: &str, decode: impl Fn(&str) -> String) -> Self {
        let mut shown = Self::default();
        let (mut sort, mut is_up) = (None, false);
        let (mut group_sort, mut is_group_up) = (None, false);
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(&decode).collect::<Names>();
        let order = |name: String| match name.strip_prefix('-') {
            Some(key) => (key.to_owned(), true),
            None => (name.trim_start_matches('+').to_owned(), false),
        };
        let signed = |text: &str| {
            let told = |name: String| match name.strip_prefix('-') {
                Some(key) => (key.to_owned(), false),
                None => (name.strip_prefix('+').unwrap_or(&name).to_owned(), true),
            };
            names(text).into_iter().map(told).collect::<BTreeMap<String, bool>>()
        };
        for part in address.trim_start_matches('?').split('&') {
            match part.split_once('=') {
                Some(("filter", text)) => shown.filter = decode(text),
                Some(("sort", key)) => sort = Some(decode(key)),
                Some(("way", way)) => is_up = way == "up",
                Some(("groupsort", key)) => group_sort = Some(decode(key)),
                Some(("groupway", way)) => is_group_up = way == "up",
                Some(("deleted", _)) => shown.deleted = true,
                Some(("groupthen", text)) => shown.group_further = names(text).into_iter().map(order).collect(),
                Some(("then", text)) => shown.further = names(text).into_iter().map(order).collect(),
                Some(("group", text)) => shown.group = names(text),
                Some(("columns", text)) => shown.columns = Some(names(text)),
                Some(("pinned", text)) => shown.pinned = names(text),
                Some(("widths", text)) => {
                    let width = |text: String| {
                        let (width, name) = text.split_once('~')?;
                        let width = width.parse::<f64>().ok().filter(|width| width.is_finite() && *width > 0.0)?;
                        Some((name.to_owned(), width))
                    };
                    shown.widths = names(text).into_iter().filter_map(width).collect();
                }
                Some(("flat", _)) => shown.flat = true,
                Some(("better", text)) => shown.better = signed(text),
                Some(("curves", text)) => shown.curves = signed(text),
                Some(("view", text)) => shown.plotted.view = decode(text),
                Some(("x", text)) => shown.plotted.x = decode(text),
                Some(("y", text)) => shown.plotted.y = decode(text),
                Some(("colour", text)) => shown.plotted.colour = decode(text),
                Some(("axes", text)) => shown.plotted.axes = names(text),
                Some(("log", text)) => shown.plotted.log = names(text),
                Some(("linear", text)) => shown.plotted.linear = names(text),
                Some(("contours", _)) => shown.plotted.contours = true,
                Some(("brush", text)) => shown.plotted.brushes = names(text),
                Some(("curve", text)) => shown.curve = decode(text),
                _ => {}
            }
        }
        shown.order = sort.map(|key| (key, !is_up));
        shown.group_order = group_sort.map(|key| (key, !is_group_up));
        shown
    }
}

/// The order as the engine is asked for it: [`crate::run_table::Listing::sort`] and `descending`.
pub fn sort_of(order: Option<&Order>, further: &[Order]) -> (Option<String>, bool) {
    let Some((key, descending)) = order else { return (None, false) };
    if further.is_empty() {
        return (Some(key.clone()), *descending);
    }
    let said = |(key, descending): &Order| format!("{key} {}", if *descending { "desc" } else { "asc" });
    let orders: Vec<String> = order.into_iter().chain(further).map(said).collect();
    (Some(orders.join(", ")), false)
}

/// What is drawn, as the address says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plotted {
    /// `parallel`, `scatter` or `importance`; empty is the table.
    pub view: String,
    /// Of parallel coordinates; none until a person chooses.
    pub axes: Names,
    pub x: String,
    pub y: String,
    pub colour: String,
    /// Columns whose axes a person made logarithmic, and those that a person made linear. Of the others their values say.
    pub log: Names,
    pub linear: Names,
    /// The scatter lies over the contours of its colour.
    pub contours: bool,
    /// What is brushed of parallel coordinates, each as the page says it with its column's name.
    pub brushes: Names,
}

impl Plotted {
    pub fn is_table(&self) -> bool {
        !["parallel", "scatter", "importance"].contains(&self.view.as_str())
    }

    /// Whether a person made an axis logarithmic, or linear; `None` where nobody chose.
    pub fn chosen_log(&self, name: &str) -> Option<bool> {
        let has = |names: &Names| names.iter().any(|own| own == name);
        if has(&self.log) { Some(true) } else { has(&self.linear).then_some(false) }
    }

    pub fn choose_log(&mut self, name: &str, is_log: bool) {
        self.log.retain(|own| own != name);
        self.linear.retain(|own| own != name);
        let chosen = if is_log { &mut self.log } else { &mut self.linear };
        chosen.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_keeps_the_scale_that_was_chosen() {
        let mut now = Plotted::default();
        assert_eq!(now.chosen_log("param.lr"), None);
        for is_log in [true, false, false, true] {
            now.choose_log("param.lr", is_log);
            assert_eq!((now.chosen_log("param.lr"), now.log.len() + now.linear.len()), (Some(is_log), 1));
        }
    }

    #[test]
    fn what_a_view_keeps_is_what_it_opens() {
        let encode = |text: &str| text.replace('%', "%25").replace('&', "%26").replace(',', "%2C");
        let decode = |text: &str| text.replace("%2C", ",").replace("%26", "&").replace("%25", "%");
        for shown in [
            TableView::default(),
            TableView {
                filter: "a = \"50 % & more\"".to_owned(),
                order: Some(("metric.f1".to_owned(), true)),
                ..TableView::default()
            },
            TableView {
                order: Some(("created".to_owned(), false)),
                deleted: true,
                columns: Some(["param.a,b".to_owned(), "metric.f1".to_owned()].into()),
                ..TableView::default()
            },
            TableView { columns: Some(Vec::new()), ..TableView::default() },
            TableView {
                order: Some(("metric.f1".to_owned(), true)),
                further: vec![("param.a,b".to_owned(), false), ("created".to_owned(), true)],
                group: vec!["param.a,b".to_owned(), "state".to_owned()],
                group_order: Some(("metric.\"a,b\"".to_owned(), false)),
                group_further: vec![("runs".to_owned(), true), ("param.\"a,b\"".to_owned(), false)],
                pinned: vec!["metric.f1".to_owned()],
                columns: Some(["name", "metric.f1", "user", "started"].map(str::to_owned).to_vec()),
                widths: [("metric.f1".to_owned(), 120.0), ("param.\"a,b~c\"".to_owned(), 61.5)].into(),
                flat: true,
                better: [("a,b".to_owned(), true), ("-x & y".to_owned(), false)].into(),
                curves: [("+loss".to_owned(), true), ("f1".to_owned(), false)].into(),
                ..TableView::default()
            },
            TableView {
                plotted: Plotted {
                    view: "scatter".to_owned(),
                    axes: vec!["param.a,b".to_owned(), "metric.f1".to_owned()],
                    x: "param.a&b".to_owned(),
                    y: "metric.f1".to_owned(),
                    colour: "metric.loss".to_owned(),
                    log: vec!["param.a&b".to_owned()],
                    linear: vec!["param.lr,2".to_owned()],
                    contours: true,
                    brushes: vec!["0.5~~param.a~b,c".to_owned(), "~-0.1~metric.f1".to_owned()],
                },
                curve: "train/loss & more".to_owned(),
                ..TableView::default()
            },
        ] {
            assert_eq!(TableView::read(&shown.address(encode), decode), shown);
        }
        assert_eq!(TableView::default().address(encode), "");
        let odd = TableView::read("?widths=x~a,-3~b,inf~c,7,80~d&unknown=1", decode);
        assert_eq!(odd.widths, [("d".to_owned(), 80.0)].into());
    }
}
