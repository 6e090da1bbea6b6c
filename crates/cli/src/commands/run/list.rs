//! `slipway run list`: a page of runs, groups of them, or all of them as CSV or Markdown.

mod followed;
mod shown;
mod values;

use api::{
    ApiError,
    figure::counted,
    run::{FilterNote, ListRuns, RunTable, SYSTEM},
    run_table::{
        BELOW, CellPlace, FIGURES_OF, GroupFigure, GroupRuns, Listing, PickRuns, PickedRuns, Pieces, RunCells,
        RunGroup, RunGroups, TabulateRuns, below_in, filled, parts,
    },
    table_view::{TableView, field, sort_of},
};
use charts::text_table::{csv_line, markdown, markdown_head, markdown_line};
use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use super::views;
use crate::{
    context::{Context, Outcome},
    output::{self, one_line, table},
    terminal, words,
};

/// Rows that are asked for at once.
const PIECE: u32 = 5_000;
/// Runs, or groups, that a person is shown where no number is said.
const PAGE: u32 = 50;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// `metric."average_precision/validation" > 0.8 and param.model = "trees"`, with `or`, `not` and parentheses; words
    /// match names, models, params, tags, notes and names of datasets. `created`, `started` (of a run that waits: created) and `ended` are
    /// before or after a date (`started > '2026-11-24 18:00'`) or milliseconds since 1970, `duration` is in seconds; with
    /// --everywhere `experiment = "NAME"`, `folder = "NAME"` or `within = "NAME"` (also folders below it) chooses some, and
    /// words match the names of experiments
    #[arg(long, default_value = "")]
    filter: String,
    /// A saved view, as `run views list` names it; what else is given here stands before what it says
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// The runs of this experiment, by name or number, instead of the project's
    #[arg(long)]
    experiment: Option<String>,
    /// The runs of every experiment
    #[arg(long, conflicts_with = "experiment")]
    everywhere: bool,
    /// Those that were deleted, instead of those that are there
    #[arg(long)]
    deleted: bool,
    /// `metric.KEY`, `param.KEY`, `started`, `name`, `experiment`, `folder`, `model`, `duration`, `state`; several by commas, each
    /// with asc or desc
    #[arg(long)]
    sort: Option<String>,
    /// From the highest value down
    #[arg(long, short)]
    descending: bool,
    /// Runs, or groups, to leave out, from the first on
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// At most so many runs, or groups; by default 50, and with --csv or --markdown all
    #[arg(long)]
    limit: Option<u32>,
    /// Group by these, by commas: `param.KEY`, `tag.KEY`, `state`, `kind`, `device`, `commit`, `snapshot`, `user`, `name`
    #[arg(long, value_name = "FIELDS")]
    group_by: Option<String>,
    /// Instead of runs the values that they have for a field, each with how many have it: `param.KEY`, `tag.KEY`, `name`, `state`,
    /// `kind`, `experiment`, `folder`, `model`, `device`, `commit`, `snapshot`, `user`, `dataset.name`
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["group_by", "columns", "sort", "descending", "offset", "follow"])]
    values: Option<String>,
    /// Metrics whose mean ± deviation each group shows, by commas: `loss` or `metric.loss`; by default what ranks, or those
    /// that fit the terminal, and with --csv, --markdown or --json all but what the machine used (`system/`)
    #[arg(long, value_name = "KEYS", requires = "group_by")]
    metrics: Option<String>,
    /// The columns, by commas: `name`, `metric.KEY`, `param.KEY`, `tag.KEY`, `id` …; by default what fits the terminal,
    /// and with --csv all, or of more than 5,000 keys those that most of the runs have
    #[arg(long, conflicts_with = "group_by")]
    columns: Option<String>,
    /// The columns are a saved view's, of which some may be gone
    #[arg(skip)]
    has_columns_of_view: bool,
    /// Print all that match as CSV
    #[arg(long, conflicts_with = "markdown")]
    csv: bool,
    /// Print a table of Markdown
    #[arg(long)]
    markdown: bool,
    /// Print the table again every two seconds as runs change, until none that passes goes on: at a terminal over itself, into
    /// a pipe the rows that changed, and with --json each of them as a line
    #[arg(long, short, conflicts_with_all = ["csv", "markdown", "deleted"])]
    follow: bool,
}

/// How the table is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Markdown,
    /// For a person, or as JSON.
    Shown,
}

impl List {
    /// Looks as a saved view does where nothing else is said.
    fn seen_as(&mut self, view: TableView) {
        if self.filter.is_empty() {
            self.filter.clone_from(&view.filter);
        }
        let fields = |names: &[String]| names.iter().map(|name| field(name)).collect::<Vec<_>>().join(",");
        let is_grouped = self.group_by.is_none() && self.columns.is_none() && !view.group.is_empty();
        if self.sort.is_none() {
            (self.sort, self.descending) = match is_grouped {
                true => sort_of_groups(&view),
                false => sort_of(view.order.as_ref(), &view.further),
            };
        }
        if is_grouped {
            self.group_by = Some(fields(&view.group));
        }
        let columns = view.columns.filter(|columns| !columns.is_empty() && self.group_by.is_none());
        if let (None, Some(columns)) = (&self.columns, columns) {
            // As the window shows them, where the view names all that it shows; else behind what tells runs apart.
            let is_whole = columns.iter().any(|name| name == "name");
            let own = ["name".to_owned(), "state".to_owned()].into_iter().filter(|_| !is_whole);
            self.columns = Some(own.chain([fields(&columns)]).collect::<Vec<_>>().join(","));
            self.has_columns_of_view = true;
        }
        self.deleted |= view.deleted;
    }
}

/// The orders of a view's groups: their own, or of those of the runs what groups can have.
fn sort_of_groups(view: &TableView) -> (Option<String>, bool) {
    if view.group_order.is_some() {
        return sort_of(view.group_order.as_ref(), &view.group_further);
    }
    let can_have = |order: &&(String, bool)| {
        let (key, _) = order;
        key == "runs" || key.starts_with("metric.") || view.group.contains(key)
    };
    let orders: Vec<(String, bool)> = view.order.iter().chain(&view.further).filter(can_have).cloned().collect();
    sort_of(orders.first(), orders.get(1..).unwrap_or_default())
}

pub(super) async fn run(context: &mut Context, mut list: List) -> Outcome {
    check(&list)?;
    if list.follow {
        context.lasting().await?;
    }
    let of = views::scope(context, list.experiment.as_deref(), list.everywhere).await?;
    // Programs that open a view are told all of each run: what it shows is for people.
    let is_whole = context.output.json && list.columns.is_none();
    if let Some(name) = list.view.take() {
        list.seen_as(views::named(context, of, &name).await?);
    }
    let form = match (list.csv, list.markdown) {
        (true, _) => Form::Csv,
        (_, true) => Form::Markdown,
        _ => Form::Shown,
    };
    let listing = Listing {
        of,
        deleted: list.deleted,
        filter: list.filter.clone(),
        sort: list.sort.clone(),
        descending: list.descending,
    };
    if let Some(field) = &list.values {
        return values::run(context, &list, listing, field, form).await;
    }
    if list.follow {
        return followed::run(context, &list, &listing, is_whole).await;
    }
    match (&list.group_by, form) {
        (Some(by), form) => grouped(context, &list, listing, by, form).await,
        (None, Form::Shown) => match list.columns.as_deref().filter(|_| !is_whole) {
            Some(columns) => chosen(context, &list, listing, columns).await,
            None => {
                let answer = listed(context, ListRuns::of(listing, list.offset, list.limit.unwrap_or(PAGE))).await?;
                let asked = shown::Asked { filter: &list.filter, sort: list.sort.as_deref().unwrap_or_default() };
                context.output.show(&answer, |runs| shown::page(runs, asked, list.everywhere, terminal::columns()))
            }
        },
        (None, form) => {
            if list.columns.is_none() && form == Form::Markdown {
                list.columns = as_shown(context, &list, &listing).await?;
            }
            cells(context, &list, listing, form).await
        }
    }
}

/// The columns that a person is shown, who reads Markdown, too; `None` of no runs.
async fn as_shown(context: &Context, list: &List, listing: &Listing) -> Outcome<Option<String>> {
    let limit = list.limit.unwrap_or(PAGE).min(PAGE);
    let page = listed(context, ListRuns::of(listing.clone(), list.offset, limit)).await?;
    let asked = shown::Asked { filter: &list.filter, sort: list.sort.as_deref().unwrap_or_default() };
    let names = shown::names(&page, asked, list.everywhere, terminal::columns());
    Ok((!page.rows.is_empty()).then(|| names.join(",")))
}

/// As many runs as a page is asked to have, however many of them the host tells at once.
async fn listed(context: &Context, request: ListRuns) -> Outcome<RunTable> {
    let mut table = context.call(request.clone()).await?;
    while let Some(next) = request.lacking(table.rows.len(), table.total) {
        let further = context.call(next).await?.rows;
        if further.is_empty() {
            break;
        }
        table.rows.extend(further);
    }
    Ok(table)
}

/// Refuses what would print nothing, or rows of nothing.
fn check(list: &List) -> Outcome {
    if list.limit == Some(0) {
        return Err(ApiError::invalid("--limit 0 asks for no runs.").with_hint("Say how many, or leave it out."));
    }
    if list.columns.as_deref().is_some_and(|columns| parts(columns).is_empty()) {
        return Err(ApiError::invalid("--columns names no column.")
            .with_hint("Name some by commas, as in --columns name,metric.loss, or leave it out."));
    }
    Ok(())
}

/// A page with the columns that were chosen, as a table or as JSON.
async fn chosen(context: &Context, list: &List, listing: Listing, columns: &str) -> Outcome {
    let columns = fields(columns);
    let answer = chosen_cells(context, list, &listing, &columns).await?;
    if answer.rows.is_empty() && !context.output.json {
        let notes = notes(context, listing).await?;
        return context.output.print(&shown::nothing(answer.total, &notes, &list.filter));
    }
    context.output.show(&shown::as_json(&columns, &answer), |_| shown::chosen(&columns, &answer))
}

/// What is named by commas.
fn fields(named: &str) -> Vec<String> {
    parts(named).into_iter().map(str::to_owned).collect()
}

/// The cells of such a page. Of runs that are followed a column may be only to come.
async fn chosen_cells(context: &Context, list: &List, listing: &Listing, columns: &[String]) -> Outcome<RunCells> {
    let most = list.limit.unwrap_or(PAGE).into();
    let mut table = Cells::picked(context, listing.clone(), columns.to_vec(), (list.offset, most)).await?;
    let (mut rows, mut below) = (Vec::new(), Vec::<CellPlace>::new());
    while let Some(piece) = table.next(context).await? {
        if rows.is_empty() && table.total > 0 && !list.follow {
            check_columns(context, list, &piece.notes)?;
        }
        let before = rows.len() as u32;
        below.extend(piece.below.into_iter().map(|(row, column)| (before + row, column)));
        rows.extend(piece.rows);
    }
    Ok(RunCells { columns: Vec::new(), left_out: 0, rows, total: table.total, looked_at: 0, notes: Vec::new(), below })
}

/// Refuses columns that a person named and no run has; of those of a saved view it is said.
fn check_columns(context: &Context, list: &List, notes: &[FilterNote]) -> Outcome {
    if list.has_columns_of_view {
        notes.iter().for_each(|note| context.output.say(&note.sentence));
        return Ok(());
    }
    if notes.is_empty() {
        return Ok(());
    }
    let sentences = notes.iter().map(|note| note.sentence.as_str()).collect::<Vec<_>>().join(" ");
    Err(ApiError::not_found(sentences).with_hint("`slipway run list --csv` has every column that there is."))
}

/// Why nothing passes a filter, as far as it is known.
async fn notes(context: &Context, listing: Listing) -> Outcome<Vec<FilterNote>> {
    Ok(context.call(ListRuns::of(listing, 0, 1)).await?.notes)
}

/// A table that is asked for piece by piece: its rows are those that matched when it was begun.
struct Cells {
    list: Listing,
    /// Those of the first piece, where none were named.
    columns: Vec<String>,
    pieces: Pieces,
    is_begun: bool,
    /// How many runs match.
    total: u64,
}

impl Cells {
    async fn picked(
        context: &Context,
        list: Listing,
        columns: Vec<String>,
        (offset, most): (u64, u64),
    ) -> Outcome<Self> {
        let pick = PickRuns { list: list.clone(), offset, limit: Some(most), evenly_by: None };
        let PickedRuns { runs, total } = context.call(pick).await?;
        Ok(Self { list, columns, pieces: Pieces::of(runs), is_begun: false, total })
    }

    /// The next piece; `None` behind the last. The first comes in any case: it may say what the columns are.
    async fn next(&mut self, context: &Context) -> Outcome<Option<RunCells>> {
        let runs = self.pieces.following();
        if runs.is_empty() && self.is_begun {
            return Ok(None);
        }
        let (list, columns) = (self.list.clone(), self.columns.clone());
        // Without a run the list's own rows would come.
        let limit = runs.is_empty().then_some(0);
        let piece = context.call(TabulateRuns { list, columns, offset: 0, limit, runs }).await?;
        if !self.is_begun && self.columns.is_empty() {
            self.columns.clone_from(&piece.columns);
        }
        self.is_begun = true;
        self.pieces.came(piece.looked_at);
        Ok(Some(piece))
    }
}

/// All that match, each piece written as it comes.
async fn cells(context: &Context, list: &List, listing: Listing, form: Form) -> Outcome {
    let columns = list.columns.as_deref().map(parts).unwrap_or_default().into_iter().map(str::to_owned).collect();
    let most = list.limit.map_or(u64::MAX, u64::from);
    let mut table = Cells::picked(context, listing.clone(), columns, (list.offset, most)).await?;
    let (mut is_first, mut borrowing) = (true, 0);
    while let Some(piece) = table.next(context).await? {
        let columns = &table.columns;
        if is_first && table.total > 0 {
            check_columns(context, list, &piece.notes)?;
        }
        if is_first && !output::pass(&head(columns, form))? {
            return Ok(());
        }
        if is_first && let Some(said) = left_out(piece.left_out) {
            context.output.say(&said);
        }
        if is_first && table.total == 0 {
            notes(context, listing.clone()).await?.iter().for_each(|note| context.output.say(&note.sentence));
        }
        is_first = false;
        let row = |(at, row)| {
            let marks = below_in(&piece.below, at);
            borrowing += u64::from(!marks.is_empty());
            let mut cells: Vec<String> =
                filled(row, columns.len()).into_iter().map(Option::unwrap_or_default).collect();
            if form == Form::Csv {
                return csv_line(cells);
            }
            for (_, column) in marks {
                if let Some(cell) = cells.get_mut(*column as usize) {
                    *cell = format!("{cell} {BELOW}");
                }
            }
            markdown_line(&cells)
        };
        if !output::pass(&piece.rows.into_iter().enumerate().map(row).collect::<String>())? {
            return Ok(());
        }
    }
    match (borrowing, form) {
        (0, _) => Ok(()),
        // Numbers stay numbers: whoever reads them is told beside them.
        (_, Form::Csv) => {
            context.output.say(&of_runs_below(borrowing));
            Ok(())
        }
        _ => output::pass(&format!("\n{}\n", shown::BELOW_SAID)).map(drop),
    }
}

/// What is said of rows whose figures are not their own.
fn of_runs_below(rows: u64) -> String {
    let show = if rows == 1 { "shows" } else { "show" };
    let runs = counted(rows, "run", "runs");
    format!("{runs} without metrics {show} those of a run that the program started: the column {FIGURES_OF} names it.")
}

/// How the table begins.
fn head(columns: &[String], form: Form) -> String {
    let is_number: Vec<bool> = columns.iter().map(|name| shown::is_number(name)).collect();
    if form == Form::Csv { csv_line(columns) } else { markdown_head(columns, &is_number) }
}

/// What is said of columns that are too many to be all of a table.
fn left_out(count: u64) -> Option<String> {
    let are = if count == 1 { "is" } else { "are" };
    let keys = counted(count, "metric, param or tag", "metrics, params and tags");
    (count > 0).then(|| {
        format!(
            "{keys} {are} left out: the columns are those that most of the runs have. Choose others with --columns \
             name,metric.KEY,param.KEY,tag.KEY."
        )
    })
}

async fn grouped(context: &Context, list: &List, listing: Listing, by: &str, form: Form) -> Outcome {
    let by = fields(by);
    let (groups, metrics) = groups(context, list, listing, (&by, form)).await?;
    if form != Form::Shown {
        other_rows(groups.other_rows).iter().for_each(|said| context.output.say(said));
    }
    groups.notes.iter().for_each(|note| context.output.say(&note.sentence));
    let room = if list.metrics.is_some() { usize::MAX } else { terminal::columns() };
    match form {
        Form::Shown => context.output.show(&groups, |groups| groups_shown(groups, &by, &metrics, room)),
        Form::Csv => {
            let mut text = csv_line(
                by.iter().cloned().chain(["runs".to_owned()]).chain(
                    metrics
                        .iter()
                        .flat_map(|key| ["mean", "sd", "min", "max", "runs"].map(|what| format!("{what} of {key}"))),
                ),
            );
            groups.groups.iter().for_each(|group| text.push_str(&csv_line(digits(group))));
            output::pass(&text).map(drop)
        }
        Form::Markdown => {
            let head: Vec<String> = by.iter().cloned().chain(["runs".to_owned()]).chain(metrics).collect();
            let is_number: Vec<bool> = (0..head.len()).map(|at| at >= by.len()).collect();
            let rows: Vec<Vec<String>> = groups.groups.iter().map(line).collect();
            output::pass(&markdown(&head, &is_number, &rows)).map(drop)
        }
    }
}

/// The groups, and the metrics that are summed up in them.
async fn groups(
    context: &Context,
    list: &List,
    listing: Listing,
    (by, form): (&[String], Form),
) -> Outcome<(RunGroups, Vec<String>)> {
    let known = context.call(ListRuns::of(Listing { sort: None, ..listing.clone() }, 0, 1)).await?;
    let keys = known.metric_keys;
    let mut metrics: Vec<String> = match (&list.metrics, known.ranked_by) {
        (Some(metrics), _) => parts(metrics).into_iter().map(|named| metric_key(named, &keys)).collect(),
        (None, Some((ranking, _))) => vec![ranking],
        (None, None) => keys.iter().filter(|key| !key.starts_with(SYSTEM)).cloned().collect(),
    };
    // What they are sorted by is summed up, too.
    let sorted = views::orders(listing.sort.as_deref().unwrap_or_default(), false);
    for (sort, _) in sorted.iter().filter(|(sort, _)| sort.starts_with("metric.")) {
        let key = metric_key(sort, &keys);
        if !metrics.contains(&key) {
            metrics.push(key);
        }
    }
    let first = GroupRuns {
        list: listing,
        by: by.to_vec(),
        metrics: metrics.clone(),
        // Figures of other rows than the newest run's can't be compared with its.
        validated_on: known.best_split,
        offset: list.offset,
        limit: Some(PIECE),
    };
    let most = list.limit.map_or(if form == Form::Shown { u64::from(PAGE) } else { u64::MAX }, u64::from);
    Ok((all_groups(context, first, most).await?, metrics))
}

/// At most so many groups, piece by piece.
async fn all_groups(context: &Context, first: GroupRuns, most: u64) -> Outcome<RunGroups> {
    let piece = |fetched: u64| GroupRuns {
        offset: first.offset + fetched,
        limit: Some((most - fetched).min(u64::from(PIECE)) as u32),
        ..first.clone()
    };
    let mut all = context.call(piece(0)).await?;
    let wanted = most.min(all.total.saturating_sub(first.offset));
    while (all.groups.len() as u64) < wanted {
        let more = context.call(piece(all.groups.len() as u64)).await?.groups;
        if more.is_empty() {
            break;
        }
        all.groups.extend(more);
    }
    Ok(all)
}

/// What is said of the runs that the figures leave out.
fn other_rows(count: u64) -> Option<String> {
    let are = if count == 1 { "is" } else { "are" };
    let runs = counted(count, "run", "runs");
    (count > 0).then(|| {
        format!(
            "{runs} validated on other rows than the newest {are} left out of the metrics, which can't be compared."
        )
    })
}

/// A metric's key, which may also be named as the filter names it.
fn metric_key(named: &str, known: &[String]) -> String {
    let plain = |text: &str| text.trim_matches(['"', '\'', '`']).to_owned();
    let key = plain(named);
    match named.strip_prefix("metric.").or_else(|| named.strip_prefix("metrics.")) {
        Some(behind) if !known.contains(&key) => plain(behind),
        _ => key,
    }
}

/// As many metrics as lines of so many columns have room for, one in any case.
fn groups_shown(groups: &RunGroups, by: &[String], metrics: &[String], room: usize) -> String {
    let by = by.iter().map(|name| one_line(name)).chain([">runs".to_owned()]);
    let mut head: Vec<String> = by.collect();
    let own = head.len();
    head.extend(metrics.iter().map(|key| format!(">{}", one_line(key))));
    let mut rows: Vec<Vec<String>> =
        groups.groups.iter().map(|group| line(group).iter().map(|cell| one_line(cell)).collect()).collect();
    let (mut fits, mut taken) = (0, 0);
    for (at, heading) in head.iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width());
        taken += cells.fold(output::heading_text(heading).width(), usize::max) + shown::SPACE;
        if at > own && taken > room.saturating_add(shown::SPACE) {
            break;
        }
        fits = at + 1;
    }
    let left_out = head.len() - fits;
    head.truncate(fits);
    rows.iter_mut().for_each(|row| row.truncate(fits));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let text = table(&head, rows);
    let mut notes = Vec::new();
    if left_out > 0 {
        let metrics = counted(left_out as u64, "metric doesn't fit", "metrics don't fit");
        notes.push(format!("{metrics}: choose with --metrics KEYS."));
    }
    if (groups.groups.len() as u64) < groups.total {
        notes.push(format!("{} of {} groups", groups.groups.len(), words::count(groups.total)));
    }
    notes.extend(other_rows(groups.other_rows));
    [text].into_iter().chain(notes).collect::<Vec<_>>().join("\n\n")
}

fn line(group: &RunGroup) -> Vec<String> {
    let values = group.values.iter().map(|value| value.clone().unwrap_or_else(|| "–".to_owned()));
    let figures = group.figures.iter().map(|figure| words::or_dash(*figure, spread));
    values.chain([words::count(group.runs)]).chain(figures).collect()
}

/// The spread of one value is nothing.
fn spread(figure: GroupFigure) -> String {
    match figure.sd {
        Some(sd) => format!("{} ± {}", words::figure(figure.mean), words::figure(sd)),
        None => words::figure(figure.mean),
    }
}

fn digits(group: &RunGroup) -> Vec<String> {
    let values = group.values.iter().map(|value| value.clone().unwrap_or_default());
    let figures = group.figures.iter().flat_map(|figure| match figure {
        Some(figure) => [
            format!("{:?}", figure.mean),
            figure.sd.map(|sd| format!("{sd:?}")).unwrap_or_default(),
            format!("{:?}", figure.min),
            format!("{:?}", figure.max),
            figure.runs.to_string(),
        ],
        None => ["", "", "", "", "0"].map(str::to_owned),
    });
    values.chain([group.runs.to_string()]).chain(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_of_groups_is_named_by_its_key_or_as_the_filter_names_it() {
        let known = ["val/loss", "a key", "metric.own"].map(str::to_owned);
        for (named, key) in [
            ("val/loss", "val/loss"),
            ("metric.val/loss", "val/loss"),
            ("metrics.\"a key\"", "a key"),
            ("\"a key\"", "a key"),
            ("metric.own", "metric.own"),
        ] {
            assert_eq!(metric_key(named, &known), key);
        }
    }

    #[test]
    fn groups_of_a_view_have_their_own_order() {
        let order = |key: &str| Some((key.to_owned(), true));
        let view = TableView { group: vec!["param.lr".to_owned()], order: order("created"), ..TableView::default() };
        let sort = |key: &str, descending| (Some(key.to_owned()), descending);
        assert_eq!(sort_of_groups(&view), (None, false), "groups can't be sorted by when runs were created");
        let by_mean = TableView { group_order: order("metric.loss"), ..view.clone() };
        assert_eq!(sort_of_groups(&by_mean), sort("metric.loss", true));
        let by_two = TableView { group_further: vec![("runs".to_owned(), false)], ..by_mean };
        assert_eq!(sort_of_groups(&by_two), sort("metric.loss desc, runs asc", false));
        let further = vec![("created".to_owned(), true), ("metric.loss".to_owned(), false)];
        let before = TableView { order: order("param.lr"), further, ..view };
        assert_eq!(sort_of_groups(&before), sort("param.lr desc, metric.loss asc", false));
    }

    #[test]
    fn groups_have_as_many_metrics_as_fit() {
        let figure = Some(GroupFigure { runs: 1, mean: 0.5, sd: None, min: 0.5, max: 0.5, usual: None });
        let group = RunGroup { values: vec![None], runs: 2, figures: vec![figure; 3], filter: String::new() };
        let groups = RunGroups { groups: vec![group], total: 1, runs: 2, other_rows: 0, notes: Vec::new() };
        let metrics = ["accuracy", "loss", "recall"].map(str::to_owned);
        let told = |room| groups_shown(&groups, &["param.lr".to_owned()], &metrics, room);
        assert!(told(80).starts_with("param.lr  runs  accuracy    loss  recall\n"), "{}", told(80));
        assert!(told(32).contains("loss") && !told(32).contains("recall"), "{}", told(32));
        assert!(told(32).ends_with("1 metric doesn't fit: choose with --metrics KEYS."), "{}", told(32));
        assert!(told(3).contains("accuracy") && !told(3).contains("loss"), "{}", told(3));
    }
}
