//! A row's values as text.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use api::{
    ExperimentId, RunId,
    run::RunKind,
    run_table::{Below, CellPlace, SparseRow},
    tracking::PARENT_TAG,
};
use store::Connection;

use super::{
    Asked, Board, Patience, Query, Table,
    column::{Numbers, Texts},
    matched, order,
};
use crate::run::{filter::Field, mlflow_status};

/// What stands in a column of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    Field(Field),
    /// The name of its experiment.
    Experiment,
    /// The folder of its experiment.
    Folder,
    /// The name of the run that it stands under, as [`api::run::RunRow::parent`] has it.
    Parent,
    /// The name of the run below a program whose figures stand for its own.
    FiguresOf,
}

/// Rows of the cells that they have, and which of these are of runs below.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) rows: Vec<SparseRow>,
    pub(crate) below: Vec<CellPlace>,
}

/// Rows, and how many match in all or were looked at.
type SparseCells = (Told, u64);

/// What a cell takes beside its text, about: on the wire, and while the answer is made.
const CELL_BYTES: usize = 32;

impl Board {
    /// The cells of the runs that match, in their order: rows of so many bytes at most, but one in any case. Blocks.
    pub(crate) fn cells(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        (columns, most_bytes): (&[Column], usize),
    ) -> store::Result<SparseCells> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, rows) = matched(connection, &tables, query, asked)?;
        let total = rows.len() as u64;
        let names = experiments(connection, query.experiments.iter().copied(), sorts(query))?;
        let count = query.offset.saturating_add(query.limit);
        let sorted = order::first(&only, rows, (&query.orders, &names), count, &asked.patience())?;
        let places: Vec<(usize, u32)> = sorted.into_iter().skip(query.offset as usize).collect();
        let told = rows_of(connection, (&only, &places), (columns, most_bytes), &asked.patience(), true)?;
        Ok((told, total))
    }

    /// What is told of runs below in the place of the runs that match. Blocks.
    pub(crate) fn lent(&self, connection: &Connection, asked: &Asked, query: &Query) -> store::Result<Vec<Below>> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, rows) = matched(connection, &tables, query, asked)?;
        lent(connection, &only, &rows, &asked.patience())
    }

    /// The cells of these runs, whatever they match by now, in their order: rows of so many bytes at most, but one in any
    /// case; and how many of the runs were looked at. Blocks.
    pub(crate) fn cells_of(
        &self,
        connection: &Connection,
        asked: &Asked,
        (query, runs): (&Query, &[RunId]),
        (columns, most_bytes): (&[Column], usize),
    ) -> store::Result<SparseCells> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let tables: Vec<&Table> = tables.values().map(|table| &**table).collect();
        let place = |run: &RunId| {
            let has = |(index, table): (usize, &&Table)| {
                let row = table.rows.place(*run).filter(|_| table.has(*run))?;
                Some((index, row as u32))
            };
            tables.iter().enumerate().find_map(has)
        };
        let found: Vec<Option<(usize, u32)>> = runs.iter().map(place).collect();
        let places: Vec<(usize, u32)> = found.iter().flatten().copied().collect();
        let told = rows_of(connection, (&tables, &places), (columns, most_bytes), &asked.patience(), true)?;
        // Behind the last row that came stand those that are gone, up to the next that is there.
        let rows = told.rows.len();
        let looked_at = match places.len() == rows {
            true => found.len(),
            false => found.iter().enumerate().filter(|(_, place)| place.is_some()).nth(rows).map_or(0, |(at, _)| at),
        };
        Ok((told, looked_at as u64))
    }

    /// Of the runs that match and have a finite value of a metric the cells of those alone that `choose` takes, by
    /// their places in the order, and how many there are; what runs have themselves. Blocks.
    pub(crate) fn cells_of_some(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        (key, columns): (&str, &[Column]),
        choose: impl FnOnce(usize) -> Vec<usize>,
    ) -> store::Result<(Vec<SparseRow>, u64)> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, mut rows) = matched(connection, &tables, query, asked)?;
        rows.retain(|(index, row)| metric(only[*index], key, *row as usize).is_some_and(f64::is_finite));
        let total = rows.len() as u64;
        let names = experiments(connection, query.experiments.iter().copied(), sorts(query))?;
        let sorted = order::first(&only, rows, (&query.orders, &names), total, &asked.patience())?;
        let places: Vec<(usize, u32)> =
            choose(sorted.len()).into_iter().filter_map(|at| sorted.get(at).copied()).collect();
        let told = rows_of(connection, (&only, &places), (columns, usize::MAX), &asked.patience(), false)?;
        Ok((told.rows, total))
    }
}

pub(super) type Names = HashMap<ExperimentId, Named>;

/// What an experiment is called, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    /// `None` at the top.
    pub(super) folder: Option<String>,
}

/// Whether experiments' names or folders sort the runs.
pub(super) fn sorts(query: &Query) -> bool {
    query.orders.iter().any(|order| matches!(order.field, Field::Experiment | Field::Folder))
}

/// What experiments are called and where they stand, where a column or an order tells it.
pub(super) fn experiments(
    connection: &Connection,
    experiments: impl Iterator<Item = ExperimentId>,
    are_told: bool,
) -> store::Result<Names> {
    let mut names = Names::new();
    if are_told {
        for id in experiments {
            names.extend(store::experiment::get(connection, id)?.map(|found| {
                let folder = Some(found.folder).filter(|folder| !folder.is_empty());
                (id, Named { name: found.name, folder })
            }));
        }
    }
    Ok(names)
}

/// What is told of runs below in the place of these rows (table's index, row).
pub(super) fn lent(
    connection: &Connection,
    tables: &[&Table],
    rows: &[(usize, u32)],
    patience: &Patience<'_>,
) -> store::Result<Vec<Below>> {
    let mut lent = Vec::new();
    for (index, row) in rows {
        let run = tables[*index].rows.run(*row as usize);
        if run.kind() == RunKind::Command {
            patience.check()?;
            lent.extend(store::run_row::below_of(connection, run.id(), run.kind())?);
        }
    }
    Ok(lent)
}

/// The cells of rows (table's index, row), of so many bytes at most, but one row in any case. Of the tables of these rows
/// alone: there may be thousands of others. With `borrows` what a program has not itself is that of the run below it.
fn rows_of(
    connection: &Connection,
    (tables, places): (&[&Table], &[(usize, u32)]),
    (columns, most_bytes): (&[Column], usize),
    patience: &Patience<'_>,
    borrows: bool,
) -> store::Result<Told> {
    let of: HashSet<ExperimentId> = places.iter().map(|(index, _)| tables[*index].experiment).collect();
    let are_told = columns.iter().any(|column| matches!(column, Column::Experiment | Column::Folder));
    let names = experiments(connection, of.into_iter(), are_told)?;
    let parents: Vec<u32> =
        columns.iter().zip(0..).filter_map(|(column, at)| (*column == Column::Parent).then_some(at)).collect();
    let mut known: HashMap<usize, Vec<(u32, Source<'_>)>> = HashMap::new();
    let (mut answer, mut bytes) = (Told::default(), 0);
    for (index, row) in places {
        patience.check()?;
        let (table, row) = (tables[*index], *row as usize);
        let of_table = known.entry(*index).or_insert_with(|| sources(table, columns));
        let mut cells: SparseRow = of_table
            .iter()
            .filter_map(|(at, source)| Some((*at, source.text(table, row, &names)?.into_owned())))
            .collect();
        if !parents.is_empty()
            && let Some(parent) = parent(connection, table, row)?
        {
            cells.extend(parents.iter().map(|at| (*at, parent.clone())));
            cells.sort_unstable_by_key(|(at, _)| *at);
        }
        let run = table.rows.run(row);
        let below = if borrows { store::run_row::below_of(connection, run.id(), run.kind())? } else { None };
        let marks = below.map(|below| borrow(&mut cells, columns, &below)).unwrap_or_default();
        bytes += cells.iter().map(|(_, text)| text.len() + CELL_BYTES).sum::<usize>() + CELL_BYTES;
        if bytes > most_bytes && !answer.rows.is_empty() {
            break;
        }
        let place = answer.rows.len() as u32;
        answer.below.extend(marks.into_iter().map(|at| (place, at)));
        answer.rows.push(cells);
    }
    Ok(answer)
}

/// What the run is called that a row stands under; `None` also where that is not here.
fn parent(connection: &Connection, table: &Table, row: usize) -> store::Result<Option<String>> {
    let named = table.tags.get(PARENT_TAG).and_then(|column| column.text(row));
    // A client may name any text as the parent, and the run itself.
    match named.and_then(|named| named.parse::<RunId>().ok()).filter(|parent| *parent != table.rows.run(row).id()) {
        Some(parent) => store::run::name(connection, parent),
        None => Ok(None),
    }
}

/// Fills what a row has not itself from the run below it; which places those are, but for the name of that run.
fn borrow(cells: &mut SparseRow, columns: &[Column], below: &Below) -> Vec<u32> {
    let mut marks = Vec::new();
    let own: HashSet<u32> = cells.iter().map(|(at, _)| *at).collect();
    for (column, at) in columns.iter().zip(0..).filter(|(_, at)| !own.contains(at)) {
        let text = match column {
            Column::Field(Field::Metric(key)) => below.metrics.get(key).map(|cell| number(cell.last).into_owned()),
            Column::Field(Field::Param(key)) => below.params.get(key).cloned(),
            Column::FiguresOf => {
                cells.push((at, below.name.clone()));
                continue;
            }
            Column::Field(_) | Column::Experiment | Column::Folder | Column::Parent => None,
        };
        if let Some(text) = text {
            cells.push((at, text));
            marks.push(at);
        }
    }
    cells.sort_unstable_by_key(|(at, _)| *at);
    marks
}

/// Where a table has what stands in a column: looked up once for all of its rows.
enum Source<'t> {
    Numbers(&'t Numbers),
    Texts(&'t Texts),
    OfRow(&'t Column),
}

impl Source<'_> {
    fn text<'s>(&'s self, table: &'s Table, row: usize, names: &'s Names) -> Option<Cow<'s, str>> {
        match self {
            Self::Numbers(column) => column.get(row).map(number),
            Self::Texts(column) => column.text(row).map(Cow::Borrowed),
            Self::OfRow(column) => cell(table, row, column, names).map(Cow::Owned),
        }
    }
}

/// The columns that a table has anything of, each with its place.
fn sources<'t>(table: &'t Table, columns: &'t [Column]) -> Vec<(u32, Source<'t>)> {
    let source = |column: &'t Column| match column {
        Column::Field(Field::Metric(key)) => table.metrics.get(key).map(Source::Numbers),
        Column::Field(Field::Param(key)) => table.params.get(key).map(Source::Texts),
        Column::Field(Field::Tag(key)) => table.tags.get(key).map(Source::Texts),
        of_row => Some(Source::OfRow(of_row)),
    };
    columns.iter().zip(0..).filter_map(|(column, at)| Some((at, source(column)?))).collect()
}

fn cell(table: &Table, row: usize, column: &Column, names: &Names) -> Option<String> {
    match column {
        Column::Experiment => names.get(&table.experiment).map(|named| named.name.clone()),
        Column::Folder => names.get(&table.experiment).and_then(|named| named.folder.clone()),
        Column::FiguresOf | Column::Parent => None,
        Column::Field(field) => text(table, row, field).map(Cow::into_owned),
    }
}

pub(super) fn metric(table: &Table, key: &str, row: usize) -> Option<f64> {
    table.metrics.get(key)?.get(row)
}

/// What a row has for a field.
pub(super) fn text<'t>(table: &'t Table, row: usize, field: &Field) -> Option<Cow<'t, str>> {
    if let Some(column) = table.rows.texts(field) {
        return column.text(row).map(Cow::Borrowed);
    }
    let run = table.rows.run(row);
    match field {
        Field::Metric(key) => metric(table, key, row).map(number),
        Field::Param(key) => table.params.get(key).and_then(|column| column.text(row)).map(Cow::Borrowed),
        Field::Tag(key) => table.tags.get(key).and_then(|column| column.text(row)).map(Cow::Borrowed),
        Field::State => Some(Cow::Borrowed(run.state().word())),
        Field::Status => Some(Cow::Borrowed(mlflow_status(run.state()))),
        Field::Kind => Some(Cow::Borrowed(run.kind().word())),
        Field::Snapshot => run.snapshot().map(|number| Cow::Owned(number.to_string())),
        Field::Created => Some(Cow::Owned(moment(run.created_ms()))),
        Field::Started => Some(Cow::Owned(moment(run.began_ms()))),
        Field::Ended => run.ended_ms().map(moment).map(Cow::Owned),
        Field::Duration => run.duration().map(number),
        Field::Cost => table.rows.numbers(field).and_then(|column| column.get(row)).map(number),
        Field::Id => Some(Cow::Owned(run.id().to_string())),
        Field::Rank(wanted) => run.rank(wanted).map(number),
        _ => None,
    }
}

/// With all digits that tell it from its neighbours.
pub(crate) fn number(value: f64) -> Cow<'static, str> {
    match value {
        _ if value.is_nan() => Cow::Borrowed("NaN"),
        f64::INFINITY => Cow::Borrowed("Infinity"),
        f64::NEG_INFINITY => Cow::Borrowed("-Infinity"),
        _ => Cow::Owned(format!("{value:?}")),
    }
}

/// In UTC by ISO 8601; a time beyond the calendar as its milliseconds.
pub(crate) fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}
