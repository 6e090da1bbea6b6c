//! The run table beyond a page of it: groups, the ids of a stretch, cells as text. All of it is answered from memory
//! ([`super::board`]), about everything that the filter matches.

use anyhow::bail;
use api::{
    ApiError, ExperimentId,
    figure::{self, counted},
    run::KeyKind,
    run_table::{
        FIGURES_OF, GroupRuns, Listing, PARENT, PickRuns, PickedRuns, RunCells, RunGroups, TabulateRuns, named, parts,
        values::{ListValues, RunValues},
    },
    tracking::Scope,
};
use store::Connection;

use super::{
    board::{Column, Commonest, GroupOrder, Grouping, Order, Query, Told, View},
    filter::{self, Field, Filter},
    meant,
};
use crate::Engine;

/// Values that runs can be grouped by at once.
const MOST_BY: usize = 8;
/// Groups of one answer.
const MOST_GROUPS: u32 = 10_000;
/// Rows of cells of one answer.
const MOST_ROWS: u32 = 10_000;
/// What the rows of one answer take, about.
const MOST_BYTES: usize = 4 << 20;
/// Metrics, params and tags of a table whose columns nobody chose.
const MOST_COLUMNS: usize = 5_000;
/// Bytes of the names of all metrics, params and tags that a page of runs is told with, at most.
const MOST_KEY_BYTES: usize = super::PAGE_BYTES;
/// What a name takes beside its text.
const KEY_BYTES: usize = 3;
/// Values of a field that are told, and where nobody says how many.
const MOST_VALUES: u32 = 1_000;
const VALUES: u32 = 50;
/// The columns that every run has, as they stand in a table whose columns nobody chose.
const OWN: [&str; 13] = [
    "id",
    "name",
    "state",
    "experiment",
    "kind",
    "model",
    "snapshot",
    "commit",
    "user",
    "created",
    "started",
    "ended",
    "duration",
];

/// Groups of runs with the mean, spread and range of metrics.
pub async fn group(engine: &Engine, request: GroupRuns) -> anyhow::Result<RunGroups> {
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let by = grouped_by(engine, of, &request.by).await?;
    let orders = group_orders(&request)?;
    // Among equals as the last of them.
    let descending = orders.last().map_or(request.list.descending, |(_, descending)| *descending);
    let (metrics, validated_on) = (request.metrics, request.validated_on);
    let grouping = Grouping { by, metrics, validated_on, orders, descending };
    let limit = u64::from(request.limit.unwrap_or(1000).min(MOST_GROUPS));
    let (list, offset, board) = (request.list, request.offset, engine.clone());
    let (asked, _asking) = engine.board().ask();
    let answer = engine.store().read(move |c| {
        let query = query(c, &list, filter, Vec::new(), offset, limit)?;
        let groups = board.board().groups(c, &asked, &query, &grouping)?;
        let keys = board.board().keys(c, &asked, &query.experiments)?;
        let metrics: Vec<Field> = grouping.metrics.iter().cloned().map(Field::Metric).collect();
        let named = grouping.by.iter().map(|(_, field)| field).chain(&metrics);
        let notes = filter::unknown_fields(named, &keys, &asked.time_for_help());
        Ok(RunGroups { notes, ..groups })
    });
    Ok(answer.await?)
}

/// What runs are grouped by, each with its name, as a filter has it.
pub(super) async fn grouped_by(engine: &Engine, of: Scope, names: &[String]) -> anyhow::Result<Vec<(String, Field)>> {
    if names.len() > MOST_BY {
        bail!(ApiError::invalid(format!("Runs are grouped by {MOST_BY} values at most.")));
    }
    let by = meant::each(names, |name| groupable(name).map(|field| (name.to_owned(), field)));
    meant::or_meant(engine, of, by).await
}

/// The ids of a stretch of the table.
pub async fn pick(engine: &Engine, request: PickRuns) -> anyhow::Result<PickedRuns> {
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let sort = meant::orders(request.list.sort.as_deref(), request.list.descending);
    let sort = meant::or_meant(engine, of, sort).await?;
    let evenly_by = match request.evenly_by.as_deref() {
        Some(by) => {
            let names: Vec<String> = parts(by).into_iter().map(str::to_owned).collect();
            Some(grouped_by(engine, of, &names).await?)
        }
        None => None,
    };
    let (list, offset, board) = (request.list, request.offset, engine.clone());
    let limit = request.limit.unwrap_or(u64::from(u32::MAX));
    let (asked, _asking) = engine.board().ask();
    let answer = engine.store().read(move |c| {
        let orders = sort.map_or_else(|| ranked(c, list.of), Ok)?;
        let query = query(c, &list, filter, orders, offset, limit)?;
        let page = match &evenly_by {
            Some(by) => board.board().page_evenly(c, &asked, &query, by)?,
            None => board.board().page(c, &asked, &query)?,
        };
        Ok(PickedRuns { runs: page.runs, total: page.total })
    });
    Ok(answer.await?)
}

/// The values that runs have for a field, those that most have first.
pub async fn values(engine: &Engine, request: ListValues) -> anyhow::Result<RunValues> {
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let field = listable(&request.field).map_err(|error| (error, Some(request.field.clone())));
    let field = meant::or_meant(engine, of, field).await?;
    let most = request.limit.unwrap_or(VALUES).min(MOST_VALUES) as usize;
    let (list, part, board) = (request.list, request.part, engine.clone());
    let (asked, _asking) = engine.board().ask();
    let answer = engine.store().read(move |c| {
        let query = query(c, &list, filter, Vec::new(), 0, u64::MAX)?;
        board.board().values(c, &asked, &query, (&field, &part, most))
    });
    Ok(answer.await?)
}

/// Cells of a stretch of the table as text.
pub async fn tabulate(engine: &Engine, request: TabulateRuns) -> anyhow::Result<RunCells> {
    let of = request.list.of;
    let filter = meant::filter(engine, of, &request.list.filter).await?;
    let sort = meant::orders(request.list.sort.as_deref(), request.list.descending);
    let sort = meant::or_meant(engine, of, sort).await?;
    let chosen = meant::or_meant(engine, of, meant::each(&request.columns, column)).await?;
    let own = OWN.iter().map(|name| column(name)).collect::<Result<Vec<_>, ApiError>>()?;
    let limit = u64::from(request.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS));
    let (list, offset, board, runs) = (request.list, request.offset, engine.clone(), request.runs);
    if runs.len() > MOST_ROWS as usize {
        bail!(ApiError::invalid(format!("The cells of {MOST_ROWS} runs are asked for at once at most.")));
    }
    let (asked, _asking) = engine.board().ask();
    let answer = engine.store().read(move |c| {
        let orders = sort.map_or_else(|| ranked(c, list.of), Ok)?;
        let query = query(c, &list, filter, orders, offset, limit)?;
        let (mut names, mut left_out, mut columns, mut notes) = (Vec::new(), 0, chosen, Vec::new());
        if columns.is_empty() {
            let found = board.board().commonest(c, &asked, &query, MOST_COLUMNS)?;
            (names, left_out) = (names_of(&found), found.left_out);
            let lent = found.has_lent.then_some(Column::FiguresOf);
            columns = own.into_iter().chain(lent).chain(found.fields.into_iter().map(Column::Field)).collect();
        } else {
            let keys = board.board().keys(c, &asked, &query.experiments)?;
            let fields = columns.iter().filter_map(|column| match column {
                Column::Field(field) => Some(field),
                Column::Experiment | Column::Folder | Column::Parent | Column::FiguresOf => None,
            });
            notes = filter::unknown_fields(fields, &keys, &asked.time_for_help());
        }
        if !notes.is_empty() {
            let lent = board.board().lent(c, &asked, &query)?;
            notes.retain(|note| match note.kind {
                KeyKind::Metric => !lent.iter().any(|below| below.metrics.contains_key(&note.key)),
                KeyKind::Param => !lent.iter().any(|below| below.params.contains_key(&note.key)),
                KeyKind::Tag => true,
            });
        }
        if runs.is_empty() {
            let (told, total) = board.board().cells(c, &asked, &query, (&columns, MOST_BYTES))?;
            let Told { rows, below } = told;
            return Ok(RunCells { columns: names, left_out, rows, total, looked_at: 0, notes, below });
        }
        let (told, looked_at) = board.board().cells_of(c, &asked, (&query, &runs), (&columns, MOST_BYTES))?;
        let (Told { rows, below }, total) = (told, runs.len() as u64);
        Ok(RunCells { columns: names, left_out, rows, total, looked_at, notes, below })
    });
    Ok(answer.await?)
}

/// What the columns of a table are called that nobody chose.
fn names_of(found: &Commonest) -> Vec<String> {
    let keyed = found.fields.iter().filter_map(|field| match field {
        Field::Metric(key) => Some(named("metric", key)),
        Field::Param(key) => Some(named("param", key)),
        Field::Tag(key) => Some(named("tag", key)),
        _ => None,
    });
    let lent = found.has_lent.then_some(FIGURES_OF);
    OWN.iter().copied().chain(lent).map(str::to_owned).chain(keyed).collect()
}

/// The orders that a request names, the first of which counts most: `metric.loss`, `metric.loss desc, created`.
/// `descending` is of those that say no direction. `None` where it names none.
///
/// # Errors
/// Something that runs can't be sorted by.
pub(super) fn orders(sort: Option<&str>, descending: bool) -> Result<Option<Vec<Order>>, ApiError> {
    let Some(sort) = sort else { return Ok(None) };
    let named = parts(sort);
    if named.is_empty() {
        return filter::field(sort).and_then(sortable).map(|field| Some(vec![Order { field, descending }]));
    }
    filter::check_orders(named.len())?;
    let orders = named.into_iter().map(|part| {
        let last = part.rsplit(char::is_whitespace).next().unwrap_or_default();
        let is_said = last.eq_ignore_ascii_case("asc") || last.eq_ignore_ascii_case("desc");
        let (field, down) = filter::order_of(part, None)?;
        let field = sortable(field)?;
        Ok(Order { field, descending: if is_said { down } else { descending } })
    });
    orders.collect::<Result<_, ApiError>>().map(Some)
}

/// A run may have several datasets, none of which stands before the others.
fn sortable(field: Field) -> Result<Field, ApiError> {
    match field {
        Field::Dataset(_) => Err(ApiError::invalid("Runs can't be sorted by their datasets.")
            .with_hint("Choose some by the filter: dataset.name = 'NAME'.")),
        // Which stands in one folder stands in all above it, too: the folder itself tells the order.
        Field::Within => Ok(Field::Folder),
        field => Ok(field),
    }
}

/// How runs stand where nobody says it: by what ranks a project's, else the newest first.
pub(super) fn ranked(connection: &Connection, of: Scope) -> store::Result<Vec<Order>> {
    let ranking = match of {
        Scope::Project(project) => store::run::ranking(connection, project)?,
        Scope::Experiment(_) | Scope::All => None,
    };
    Ok(vec![by_rank(ranking.as_ref())])
}

/// The same, of a project whose ranking is known.
pub(super) fn by_rank(ranking: Option<&(String, bool)>) -> Order {
    match ranking {
        Some((key, more)) => Order { field: Field::Rank(key.clone()), descending: *more },
        None => Order { field: Field::Created, descending: true },
    }
}

/// Refuses to tell keys that would be an answer of any size: each page has those of all runs, whatever it is a page of.
pub(super) fn check_keys([metrics, params, tags]: &[Vec<String>; 3], of: Scope) -> Result<(), ApiError> {
    let bytes: usize = [metrics, params, tags].into_iter().flatten().map(|key| key.len() + KEY_BYTES).sum();
    if bytes <= MOST_KEY_BYTES {
        return Ok(());
    }
    let metrics = counted(metrics.len() as u64, "metric", "metrics");
    let (params, tags) = (counted(params.len() as u64, "param", "params"), counted(tags.len() as u64, "tag", "tags"));
    let message = format!(
        "The runs here have {metrics}, {params} and {tags}, whose names take more than {} and are not told \
         at once.",
        figure::bytes(MOST_KEY_BYTES as u64)
    );
    let fewer = match of {
        Scope::All => "Look at one project or experiment; ",
        Scope::Project(_) => "Look at one of the project's experiments; ",
        Scope::Experiment(_) => "Move runs with names of their own into another experiment with `slipway run move`; ",
    };
    let columns = "`slipway run list --columns name,metric.KEY` shows chosen columns, and `--csv` the commonest.";
    Err(ApiError::invalid(message).with_hint(format!("{fewer}{columns}")))
}

pub(super) fn experiments(connection: &Connection, of: Scope) -> store::Result<Vec<ExperimentId>> {
    match of {
        Scope::Project(project) => store::experiment::all_of_project(connection, project),
        Scope::Experiment(experiment) => Ok(vec![experiment]),
        Scope::All => store::experiment::there(connection),
    }
}

pub(super) fn query(
    connection: &Connection,
    list: &Listing,
    filter: Filter,
    orders: Vec<Order>,
    offset: u64,
    limit: u64,
) -> store::Result<Query> {
    let view = if list.deleted { View::Deleted } else { View::Active };
    Ok(Query { experiments: experiments(connection, list.of)?, view, filter, orders, offset, limit })
}

/// What runs can share: no measure, no time, and nothing that is of one run alone.
fn groupable(name: &str) -> Result<Field, ApiError> {
    let refused = || {
        ApiError::invalid(format!("Runs can't be grouped by \"{name}\"."))
            .with_hint("Group by param.KEY, tag.KEY, name, state, kind, device, commit, snapshot or user.")
    };
    let field = filter::field(name).map_err(|_| refused())?;
    let is_shared = matches!(
        field,
        Field::Param(_)
            | Field::Tag(_)
            | Field::Name
            | Field::State
            | Field::Status
            | Field::Kind
            | Field::Device
            | Field::Commit
            | Field::Snapshot
            | Field::User
    );
    if is_shared { Ok(field) } else { Err(refused()) }
}

/// What has values that a filter names: no measure, no time, and no text that is written about one run.
fn listable(name: &str) -> Result<Field, ApiError> {
    let refused = || {
        ApiError::invalid(format!("There is no list of the values of \"{name}\".")).with_hint(
            "There are those of param.KEY, tag.KEY, name, state, status, kind, experiment, folder, within, model, device, commit, \
             snapshot, user, dataset.name, dataset.digest and dataset.context.",
        )
    };
    let field = filter::field(name).map_err(|_| refused())?;
    let has_values = matches!(
        field,
        Field::Param(_)
            | Field::Tag(_)
            | Field::Name
            | Field::State
            | Field::Status
            | Field::Kind
            | Field::Experiment
            | Field::Folder
            | Field::Within
            | Field::Model
            | Field::Device
            | Field::Commit
            | Field::Snapshot
            | Field::User
            | Field::Dataset(_)
    );
    if has_values { Ok(field) } else { Err(refused()) }
}

/// The orders that a request names for its groups, each with whether it descends.
fn group_orders(request: &GroupRuns) -> Result<Vec<(GroupOrder, bool)>, ApiError> {
    let Some(sort) = request.list.sort.as_deref() else { return Ok(Vec::new()) };
    let named = parts(sort);
    if named.is_empty() {
        return group_order(request, sort).map(|order| vec![(order, request.list.descending)]);
    }
    filter::check_orders(named.len())?;
    let order = |part: &str| {
        let (key, descending) = match part.rsplit_once(char::is_whitespace) {
            Some((key, way)) if way.eq_ignore_ascii_case("desc") => (key.trim_end(), true),
            Some((key, way)) if way.eq_ignore_ascii_case("asc") => (key.trim_end(), false),
            _ => (part, request.list.descending),
        };
        Ok((group_order(request, key)?, descending))
    };
    named.into_iter().map(order).collect()
}

fn group_order(request: &GroupRuns, sort: &str) -> Result<GroupOrder, ApiError> {
    if sort == "runs" {
        return Ok(GroupOrder::Runs);
    }
    let field = filter::field(sort).ok();
    let of_metric = |key: &String| field.as_ref() == Some(&Field::Metric(key.clone()));
    let by_value = request.by.iter().position(|name| field.is_some() && filter::field(name).ok() == field);
    let by_mean = request.metrics.iter().position(of_metric);
    by_value.map(GroupOrder::Value).or_else(|| by_mean.map(GroupOrder::Mean)).ok_or_else(|| {
        ApiError::invalid(format!("Groups can't be sorted by \"{sort}\"."))
            .with_hint("Sort by runs, by what they are grouped by, or by a metric that is summed up.")
    })
}

fn column(name: &str) -> Result<Column, ApiError> {
    match name {
        "experiment" => Ok(Column::Experiment),
        "folder" => Ok(Column::Folder),
        PARENT => Ok(Column::Parent),
        FIGURES_OF => Ok(Column::FiguresOf),
        _ => match filter::field(name) {
            Ok(
                Field::Experiment
                | Field::Folder
                | Field::Within
                | Field::ArtifactUri
                | Field::Dataset(_)
                | Field::Attribute(_),
            )
            | Err(_) => Err(ApiError::invalid(format!("There is no column \"{name}\".")).with_hint(
                "There are metric.KEY, param.KEY, tag.KEY, id, name, experiment, folder, state, kind, model, device, \
                 commit, snapshot, user, notes, created, started, ended, duration, parent and figures_of.",
            )),
            Ok(field) => Ok(Column::Field(field)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_together_are_refused_with_the_way_out() {
        let keys = |bytes: usize| [vec!["m".repeat(bytes / 2)], vec!["p".repeat(bytes / 2); 2], Vec::new()];
        assert!(check_keys(&keys(MOST_KEY_BYTES / 2), Scope::All).is_ok());
        let refused = check_keys(&keys(MOST_KEY_BYTES), Scope::All).unwrap_err();
        assert_eq!(
            refused.message,
            "The runs here have 1 metric, 2 params and 0 tags, whose names take more than 33.6 MB and are not told at once."
        );
        assert!(refused.hint.unwrap().starts_with("Look at one project or experiment; `slipway run list --columns"));
        let of_one = check_keys(&keys(MOST_KEY_BYTES), Scope::Experiment(ExperimentId::from_bytes([1; 16])));
        assert!(of_one.unwrap_err().hint.unwrap().contains("slipway run move"));
    }

    #[test]
    fn several_orders_each_say_their_direction() {
        let order = |field, descending| Order { field, descending };
        let metric = |key: &str| Field::Metric(key.to_owned());
        let read = |text, descending| orders(Some(text), descending).unwrap().unwrap();
        assert_eq!(read("metric.loss", true), [order(metric("loss"), true)]);
        assert_eq!(
            read("metric.\"a, b\" desc, created asc,name", true),
            [order(metric("a, b"), true), order(Field::Created, false), order(Field::Name, true)]
        );
        assert_eq!(read("experiment, model desc", false), [order(Field::Experiment, false), order(Field::Model, true)]);
        assert_eq!(read("folder desc, name", false), [order(Field::Folder, true), order(Field::Name, false)]);
        assert_eq!(read("within", false), [order(Field::Folder, false)]);
        assert_eq!(orders(None, true).unwrap(), None);
        for wrong in ["", ",", "nothing", "metric.loss, nothing desc", "dataset.name"] {
            assert!(orders(Some(wrong), false).is_err(), "{wrong}");
        }
    }
}
