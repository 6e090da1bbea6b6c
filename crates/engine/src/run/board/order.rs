//! The order of rows, over the tables of several experiments: MLflow's rules for what is missing and for equals.

use std::cmp::Ordering;

use super::{
    Order, Table,
    cells::Names,
    column::{Numbers, Texts},
    patience::Patience,
    rows::Run,
};
use crate::run::{filter::Field, mlflow_status};

/// Rows whose keys are looked up between two looks at the clock.
const TOGETHER: usize = 1024;

/// What a row is sorted by. NaN stands behind all numbers and a missing value behind that, whatever the direction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Key<'a> {
    Number(f64),
    Text(&'a str),
    NotANumber,
    Missing,
}

impl Key<'_> {
    const fn group(self) -> u8 {
        match self {
            Self::Number(_) | Self::Text(_) => 0,
            Self::NotANumber => 1,
            Self::Missing => 2,
        }
    }

    fn compare(self, other: Self, descending: bool) -> Ordering {
        let within = match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.total_cmp(&right),
            // A column has each text once, and a long one may stand in all rows.
            (Self::Text(left), Self::Text(right)) if std::ptr::eq(left, right) => Ordering::Equal,
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => return self.group().cmp(&other.group()),
        };
        if descending { within.reverse() } else { within }
    }
}

fn number<'a>(value: Option<f64>) -> Key<'a> {
    match value {
        None => Key::Missing,
        Some(value) if value.is_nan() => Key::NotANumber,
        Some(value) => Key::Number(value),
    }
}

fn text(value: Option<&str>) -> Key<'_> {
    value.map_or(Key::Missing, Key::Text)
}

/// Where a table has what an order sorts by.
enum Source<'a> {
    Numbers(&'a Numbers),
    Texts(&'a Texts),
    /// No row has it.
    Nothing,
    OfRun(&'a Field),
    /// The same for all of its rows.
    Whole(&'a str),
    /// By the bytes of the id, which stands for addresses too.
    Id,
}

impl<'a> Source<'a> {
    fn of(table: &'a Table, field: &'a Field, names: &'a Names) -> Self {
        let texts = |column: Option<&'a Texts>| column.map_or(Self::Nothing, Self::Texts);
        match field {
            Field::Metric(name) => table.metrics.get(name).map_or(Self::Nothing, Self::Numbers),
            Field::Param(name) => texts(table.params.get(name)),
            Field::Tag(name) => texts(table.tags.get(name)),
            Field::Id | Field::ArtifactUri => Self::Id,
            // A table is of one experiment.
            Field::Experiment => names.get(&table.experiment).map_or(Self::Nothing, |named| Self::Whole(&named.name)),
            Field::Folder => {
                let folder = names.get(&table.experiment).and_then(|named| named.folder.as_deref());
                folder.map_or(Self::Nothing, Self::Whole)
            }
            field => match (table.rows.texts(field), table.rows.numbers(field)) {
                (Some(column), _) => Self::Texts(column),
                (None, Some(column)) => Self::Numbers(column),
                (None, None) => Self::OfRun(field),
            },
        }
    }

    fn key(&self, table: &'a Table, row: usize) -> Key<'a> {
        match self {
            Self::Numbers(column) => number(column.get(row)),
            Self::Texts(column) => text(column.text(row)),
            Self::OfRun(field) => of_run(table.rows.run(row), field),
            Self::Whole(name) => Key::Text(name),
            Self::Nothing | Self::Id => Key::Missing,
        }
    }
}

fn of_run<'a>(run: Run<'_>, field: &Field) -> Key<'a> {
    match field {
        Field::State => text(Some(run.state().word())),
        Field::Status => text(Some(mlflow_status(run.state()))),
        Field::Kind => text(Some(run.kind().word())),
        Field::Created => Key::Number(run.created_ms() as f64),
        Field::Started => Key::Number(run.began_ms() as f64),
        Field::Ended => number(run.ended_ms().map(|ms| ms as f64)),
        Field::Duration => number(run.duration()),
        Field::Rank(wanted) => number(run.rank(wanted)),
        // Columns, ids and experiments have sources of their own; datasets have no order.
        _ => Key::Missing,
    }
}

/// A row with the first key that it is sorted by; the others are looked up among equals alone.
#[derive(Debug, Clone, Copy)]
struct Keyed<'a> {
    key: Key<'a>,
    table: usize,
    row: u32,
}

/// The first `count` of the matched rows (table's index, row) in order; `names` are those of the experiments, where an order
/// is by them.
///
/// # Errors
/// Where that is not to go on.
pub(super) fn first(
    tables: &[&Table],
    matched: Vec<(usize, u32)>,
    (orders, names): (&[Order], &Names),
    count: u64,
    patience: &Patience<'_>,
) -> store::Result<Vec<(usize, u32)>> {
    let orders = deciding(tables, orders, names);
    let sources: Vec<Vec<Source<'_>>> = tables
        .iter()
        .map(|table| orders.iter().map(|order| Source::of(table, &order.field, names)).collect())
        .collect();
    let compare = |left: &Keyed<'_>, right: &Keyed<'_>| {
        let run = |at: &Keyed<'_>| tables[at.table].rows.run(at.row as usize);
        let key = |at: &Keyed<'_>, order: usize| sources[at.table][order].key(tables[at.table], at.row as usize);
        for (at, order) in orders.iter().enumerate() {
            let by = match (&sources[left.table][at], at) {
                (Source::Id, _) => {
                    let by = run(left).id().cmp(&run(right).id());
                    if order.descending { by.reverse() } else { by }
                }
                (_, 0) => left.key.compare(right.key, order.descending),
                _ => key(left, at).compare(key(right, at), order.descending),
            };
            if by.is_ne() {
                return by;
            }
        }
        let (one, other) = (run(left), run(right));
        other.created_ms().cmp(&one.created_ms()).then_with(|| one.id().cmp(&other.id()))
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 {
        return Ok(Vec::new());
    }
    // Only what is shown is kept and sorted: whatever is behind the last of so many is none of them.
    let room = count.saturating_mul(2).max(TOGETHER);
    let mut keyed: Vec<Keyed<'_>> = Vec::with_capacity(matched.len().min(room));
    let mut last: Option<Keyed<'_>> = None;
    for (at, (table, row)) in matched.into_iter().enumerate() {
        if at % TOGETHER == 0 {
            patience.check()?;
        }
        let key = sources[table].first().map_or(Key::Missing, |source| source.key(tables[table], row as usize));
        let own = Keyed { key, table, row };
        if last.as_ref().is_some_and(|last| compare(&own, last).is_gt()) {
            continue;
        }
        keyed.push(own);
        if keyed.len() == room {
            keyed.select_nth_unstable_by(count - 1, compare);
            keyed.truncate(count);
            last = keyed.last().copied();
        }
    }
    if count < keyed.len() {
        keyed.select_nth_unstable_by(count - 1, compare);
        keyed.truncate(count);
    }
    keyed.sort_unstable_by(compare);
    Ok(keyed.into_iter().map(|at| (at.table, at.row)).collect())
}

/// Without those that tell no rows apart: by what no row has, and by what an earlier one is by.
fn deciding<'a>(tables: &[&Table], orders: &'a [Order], names: &Names) -> Vec<&'a Order> {
    let has =
        |order: &Order| tables.iter().any(|table| !matches!(Source::of(table, &order.field, names), Source::Nothing));
    let is_first = |at: usize| orders[..at].iter().all(|before| before.field != orders[at].field);
    orders.iter().enumerate().filter(|(at, order)| is_first(*at) && has(order)).map(|(_, order)| order).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use store::run_columns::RunHead;

    use super::*;
    use crate::run::board::{
        Moment,
        datasets::Datasets,
        patience,
        rows::{Rows, tests::head},
    };

    /// A table of one run with a loss and a learning rate.
    pub(in crate::run::board) fn table() -> Table {
        let mut table = Table {
            experiment: api::ExperimentId::from_bytes([1; 16]),
            rows: Rows::default(),
            is_current: true,
            standing: Vec::new(),
            bytes: Vec::new(),
            metrics: Default::default(),
            params: Default::default(),
            tags: Default::default(),
            datasets: Datasets::default(),
        };
        table.metrics.named("loss").set(0, 0.5);
        table.params.named("lr").set(0, "0.1");
        table
    }

    #[test]
    fn the_first_of_very_many_are_those_that_sorting_all_of_them_gives() {
        let mut table = table();
        for row in 0..5_000_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&row.to_be_bytes());
            table.place(&RunHead { id: api::RunId::from_bytes(id), created_ms: i64::from(row % 7), ..head("run") });
            if row % 11 > 0 {
                let loss = f64::from(row.wrapping_mul(2_654_435_761) % 97);
                table.metrics.named("loss").set(row as usize, if row % 13 == 0 { f64::NAN } else { loss });
            }
        }
        let orders = [Order { field: Field::Metric("loss".to_owned()), descending: true }];
        let (asked, _asking) = patience::ask(Moment(0), Default::default());
        let of = |count: u64| {
            let rows = (0..5_000).map(|row| (0, row)).collect();
            first(&[&table], rows, (&orders, &Names::new()), count, &asked.patience()).unwrap()
        };
        let all = of(u64::MAX);
        assert_eq!(all.len(), 5_000);
        for count in [0, 1, 100, 600, 4_999] {
            assert_eq!(of(count), all[..count as usize], "{count}");
        }
        let loss = |at: usize| table.metrics.get("loss").unwrap().get(all[at].1 as usize);
        assert_eq!((loss(0), loss(4_999)), (Some(96.0), None));
    }

    /// Each would be looked at wherever two runs are equal by those before it.
    #[test]
    fn of_many_orders_those_that_tell_no_rows_apart_are_never_looked_at() {
        let table = table();
        let (metric, param) = (Field::Metric("loss".to_owned()), |key: &str| Field::Param(key.to_owned()));
        let order = |field: Field, descending| Order { field, descending };
        let lr = param("lr");
        for (field, expected) in
            [(param("nothing"), vec![&metric]), (lr.clone(), vec![&lr, &metric]), (metric.clone(), vec![&metric])]
        {
            let repeated = (0..10_000).map(|at| order(field.clone(), at % 2 == 1));
            let orders: Vec<Order> = repeated.chain([order(metric.clone(), false)]).collect();
            let left = deciding(&[&table], &orders, &Names::new());
            assert_eq!(left.iter().map(|order| &order.field).collect::<Vec<_>>(), expected);
        }
    }
}
