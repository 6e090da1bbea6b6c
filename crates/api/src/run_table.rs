//! What is asked of the run table beyond a page of it: its groups, the ids of a stretch, its cells as text.
//!
//! Each is about everything that a filter matches, not about the rows that a page has fetched.

pub mod values;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use self::values::{ListValues, RunValues};
use crate::{
    figure::{count, counted},
    id::{RunId, SplitId},
    run::{FilterNote, MetricCell, RunKind, RunRow, RunState},
    series::NonFinite,
    tracking::Scope,
};

/// The newest run with figures that a client began below a program's, as a script does that chooses an experiment by
/// itself: its figures and params are all that is known of what the program measured. Rows show them, marked by
/// [`BELOW`]; filters, orders, groups and charts look at what each run has itself, so that no figure counts twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Below {
    pub run: RunId,
    pub name: String,
    pub params: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, MetricCell>,
}

impl RunRow {
    /// A run of which nothing more is known.
    pub fn bare(id: RunId, name: String, kind: RunKind, state: RunState) -> Self {
        Self {
            id,
            name,
            experiment: String::new(),
            kind,
            state,
            model: None,
            snapshot_number: None,
            commit: None,
            created_ms: 0,
            started_ms: None,
            ended_ms: None,
            device: None,
            user: None,
            duration_secs: None,
            fraction: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            metrics: BTreeMap::new(),
            versions: Vec::new(),
            aliases: Vec::new(),
            resumable: false,
            split: None,
            cost: None,
            currency: None,
            parent: None,
            below: None,
        }
    }

    /// Its figure of a metric, else that of the run below it, and whether it is that one's.
    pub fn figure(&self, key: &str) -> Option<(&MetricCell, bool)> {
        let own = self.metrics.get(key).map(|cell| (cell, false));
        own.or_else(|| self.below.as_ref()?.metrics.get(key).map(|cell| (cell, true)))
    }

    /// The same of a param.
    pub fn param(&self, key: &str) -> Option<(&str, bool)> {
        let own = self.params.get(key).map(|value| (value.as_str(), false));
        own.or_else(|| self.below.as_ref()?.params.get(key).map(|value| (value.as_str(), true)))
    }

    /// Whether its figures are of other rows than those of the newest run, so that they can't be ranked with it.
    /// `best` is [`crate::run::RunTable::best_split`].
    pub fn has_other_rows(&self, best: Option<SplitId>) -> bool {
        self.split.zip(best).is_some_and(|(own, best)| own != best)
    }
}

/// Behind a figure or param of the run below, and before what is said of it.
pub const BELOW: char = '†';
/// The column that names the run below whose figures stand in a row; `figures_of` of [`crate::run_diff::DiffedRun`].
pub const FIGURES_OF: &str = "figures_of";
/// The column that names the run above; `parent` of [`crate::run::RunRow`].
pub const PARENT: &str = "parent";

/// Which runs, and in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub of: Scope,
    /// Those that were deleted, instead of those that are there.
    #[serde(default)]
    pub deleted: bool,
    /// As [`crate::run::ListRuns::filter`].
    #[serde(default)]
    pub filter: String,
    /// As [`crate::run::ListRuns::sort`].
    #[serde(default)]
    pub sort: Option<String>,
    #[serde(default)]
    pub descending: bool,
}

/// Groups the runs by one or more params, tags or values of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRuns {
    /// Sorts by `runs`, by one of `by`, or by the mean of a `metric.KEY`; by default as `by` says. Several stand by commas, as
    /// those of [`crate::run::ListRuns::sort`] do.
    pub list: Listing,
    /// `param.KEY`, `tag.KEY`, `name`, `state`, `kind`, `device`, `commit`, `snapshot`, `user`. None of them: all runs
    /// are one group.
    #[serde(default)]
    pub by: Vec<String>,
    /// Keys of the metrics that are summed up.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// Leaves runs that were validated on other rows than these out of the figures: theirs can't be compared. The groups
    /// hold them all the same, and [`RunGroups::other_rows`] says how many they are.
    #[serde(default)]
    pub validated_on: Option<SplitId>,
    #[serde(default)]
    pub offset: u64,
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunGroups {
    pub groups: Vec<RunGroup>,
    /// How many groups there are in all.
    pub total: u64,
    /// How many runs they hold.
    pub runs: u64,
    /// How many of those the figures leave out, for they were validated on other rows.
    #[serde(default)]
    pub other_rows: u64,
    /// Of what they are grouped by and of the metrics, the keys that no run has.
    #[serde(default)]
    pub notes: Vec<FilterNote>,
}

/// Runs that share the values that they are grouped by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunGroup {
    /// One for each of `by`; `None` of the runs that have none.
    pub values: Vec<Option<String>>,
    pub runs: u64,
    /// One for each of the metrics; `None` where no run has a value that is a number.
    pub figures: Vec<Option<GroupFigure>>,
    /// A filter that exactly its runs pass, of those that the request's filter passes; empty where all do.
    pub filter: String,
}

/// What the values of one metric come to in a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroupFigure {
    /// Runs with a value that is a number.
    pub runs: u64,
    #[serde(with = "crate::series::float")]
    pub mean: f64,
    /// The sample standard deviation (n − 1, as pandas has it); `None` of fewer than two values, or where one is
    /// infinite.
    pub sd: Option<f64>,
    #[serde(with = "crate::series::float")]
    pub min: f64,
    #[serde(with = "crate::series::float")]
    pub max: f64,
    /// Between what most of the finite values lie, those left out that are so far off that the others would look the same.
    /// Said of all runs as one group; `None` of several, and where no value is finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<(f64, f64)>,
}

/// What lies along the axis of bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandAxis {
    #[default]
    Step,
    /// Seconds since each run began.
    Seconds,
    /// How far each run has come: percent of its curve's last step.
    Share,
}

/// The curves of one metric over all runs that match, as a mean with its spread for each group of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AggregateRuns {
    /// Its order counts for nothing.
    pub list: Listing,
    /// As [`GroupRuns::by`].
    #[serde(default)]
    pub by: Vec<String>,
    /// A metric's key.
    pub metric: String,
    #[serde(default)]
    pub along: BandAxis,
    /// Another metric's key, which lies along the axis in the place of that: a curve is of the steps that have both. Of
    /// several points at one value of it their mean stands there.
    #[serde(default)]
    pub over: Option<String>,
    /// Over another metric the axis is logarithmic: places stand evenly on it, and what is not positive is left out.
    #[serde(default)]
    pub log: bool,
    /// The part of the axis that is looked at, both inclusive; from the first to the last point of the runs where it is
    /// not given. A run counts in a part where it has points in it or as near to it as the part is long.
    #[serde(default)]
    pub from: Option<f64>,
    #[serde(default)]
    pub to: Option<f64>,
    /// Places along the axis, at most 512, by default 256. Of fewer steps than that each is one, else they stand evenly.
    #[serde(default)]
    pub points: Option<u32>,
    /// Groups with most runs, at most 50, which is also the default.
    #[serde(default)]
    pub groups: Option<u32>,
    /// No further curve is read after so many milliseconds, by default and at most 8,000. What was read until then is a
    /// fair sample: chosen by chance, from each group in turn.
    #[serde(default)]
    pub within_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunBands {
    /// In the order of their values.
    pub bands: Vec<RunBand>,
    /// How many groups there are in all.
    pub total: u64,
    /// How many runs they hold.
    pub runs: u64,
    /// Of the curves that were read those of runs that have not the other metric, which lies along the axis.
    #[serde(default)]
    pub off_axis: u64,
    /// Of what they are grouped by, the keys that no run has.
    #[serde(default)]
    pub notes: Vec<FilterNote>,
}

/// A group's curves, summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunBand {
    /// One for each of [`AggregateRuns::by`]; `None` of the runs that have none.
    pub values: Vec<Option<String>>,
    pub runs: u64,
    /// How many of them have the metric.
    pub measured: u64,
    /// How many of those were read in the time that there was.
    pub read: u64,
    /// How many of these are not finite from a place on to their end, as far as that is looked at: the mean is without them
    /// there.
    #[serde(default)]
    pub diverged: u64,
    /// A filter that exactly its runs pass, of those that the request's filter passes; empty where all do.
    pub filter: String,
    /// Where a run of it stands; none where each has but a final figure.
    pub points: Vec<BandPoint>,
}

/// What the curves of a group come to at one place of the axis. A run stands there where it has begun and not ended,
/// between its points by linear interpolation; values that are not finite are stepped over, and counted. Of a curve that is longer
/// than there are places the newest value of each stretch stands for it; of one of more than 16,384 points over another metric
/// the extremes of each stretch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandPoint {
    pub x: f64,
    /// How many runs stand here with a number.
    pub runs: u64,
    /// NaN where none does, as the extremes are.
    #[serde(with = "crate::series::float")]
    pub mean: f64,
    /// The sample standard deviation (n − 1); `None` of one run.
    #[serde(with = "crate::series::float::option", default)]
    pub sd: Option<f64>,
    #[serde(with = "crate::series::float")]
    pub min: f64,
    #[serde(with = "crate::series::float")]
    pub max: f64,
    /// Runs whose value here is not finite, also those that have a number before and behind it.
    #[serde(default, skip_serializing_if = "is_finite")]
    pub non_finite: NonFinite,
    /// How many of these have none before or behind it: they are not among [`Self::runs`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub diverged: u64,
}

fn is_finite(odd: &NonFinite) -> bool {
    odd.is_none()
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl RunKind {
    pub const ALL: [Self; 5] = [Self::Training, Self::Command, Self::Client, Self::Imported, Self::Search];

    /// Its word in a filter, and in a cell of the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Command => "command",
            Self::Client => "client",
            Self::Imported => "imported",
            Self::Search => "search",
        }
    }
}

impl RunState {
    /// Its word in a filter, and in a cell of the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Killed => "killed",
        }
    }
}

impl RunBands {
    /// Runs of the groups that are here.
    pub fn shown(&self) -> u64 {
        self.bands.iter().map(|band| band.runs).sum()
    }

    /// Whether every run of the groups that are here is in them.
    pub fn is_whole(&self) -> bool {
        self.bands.iter().all(|band| band.read == band.measured)
    }

    /// What it is of, and what was left out, a sentence each: "Bands of 5,000 runs in 12 groups."
    pub fn said(&self) -> Vec<String> {
        let sum = |of: fn(&RunBand) -> u64| self.bands.iter().map(of).sum::<u64>();
        let (measured, read, shown) = (sum(|band| band.measured), sum(|band| band.read), self.bands.len() as u64);
        let mut said = vec![format!(
            "Bands of {} in {}.",
            counted(self.shown(), "run", "runs"),
            counted(shown, "group", "groups")
        )];
        if shown < self.total {
            let (groups, runs) = (counted(self.total - shown, "group", "groups"), self.runs - self.shown());
            said.push(format!(
                "Those with most runs; {groups} with {} are left out: narrow the filter.",
                counted(runs, "run", "runs")
            ));
        }
        if measured < self.shown() {
            let (having, lacking) = (counted(measured, "run has", "runs have"), self.shown() - measured);
            let do_not = if lacking == 1 { "does" } else { "do" };
            said.push(format!("{having} the metric, {} {do_not} not.", count(lacking)));
        }
        if self.off_axis > 0 {
            said.push(format!("{} without the metric along the axis.", counted(self.off_axis, "run is", "runs are")));
        }
        let diverged = sum(|band| band.diverged);
        if diverged > 0 {
            let curves = counted(diverged, "curve", "curves");
            said.push(format!("{curves} diverged: where one is not finite, the mean is of the others."));
        }
        if read < measured {
            said.push(format!(
                "{} of {} were read in the time that there is, chosen by chance from each group in turn: narrow the \
                 filter to have all.",
                count(read),
                counted(measured, "curve", "curves")
            ));
        }
        said
    }
}

/// The ids of a stretch of the table, or of all of it: what a selection is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PickRuns {
    pub list: Listing,
    #[serde(default)]
    pub offset: u64,
    /// By default to the end.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Takes them in turn from the groups by these, by commas each one of [`GroupRuns::by`], so that a limit leaves each
    /// some; they stand in the order of the list all the same.
    #[serde(default)]
    pub evenly_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PickedRuns {
    pub runs: Vec<RunId>,
    /// How many the filter matches in all.
    pub total: u64,
}

/// Cells of the table as text, for CSV and Markdown: whoever wants all of it asks piece by piece. What a program has not
/// itself is that of the run below it ([`RunCells::below`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TabulateRuns {
    pub list: Listing,
    /// What [`crate::run::ListRuns::sort`] names, and `id`, `created`, `user`, [`FIGURES_OF`] … None of them: all that the runs have,
    /// or of more metrics, params and tags than 5,000 those that most of the runs have. Whoever asks for a further piece names what
    /// the first answered.
    #[serde(default)]
    pub columns: Vec<String>,
    #[serde(default)]
    pub offset: u64,
    /// At most 10,000, which is also the default. Fewer come where they would be more than a few megabytes, but one in any
    /// case: what follows is asked for by the number of rows that came.
    #[serde(default)]
    pub limit: Option<u32>,
    /// The rows of these alone, in this order, instead of a stretch of the list; those that are gone are left out. Whoever
    /// wants all rows once picks them first ([`PickRuns`]) and asks for them in [`Pieces`]: runs come and change meanwhile.
    #[serde(default)]
    pub runs: Vec<RunId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCells {
    /// The columns, where the request named none; else empty.
    #[serde(default)]
    pub columns: Vec<String>,
    /// How many metrics, params and tags are not among [`Self::columns`], for they are too many.
    #[serde(default)]
    pub left_out: u64,
    /// Of each run the cells that it has, each with its column's place, in their order: one run with ten thousand keys makes no
    /// other row longer. With all digits; times in UTC by ISO 8601, durations in seconds, numbers that are none as `NaN`, `Infinity`,
    /// `-Infinity`.
    pub rows: Vec<SparseRow>,
    /// How many match; of named runs, how many were named.
    pub total: u64,
    /// How many of the named runs were looked at: what follows stands behind them.
    #[serde(default)]
    pub looked_at: u64,
    /// Columns that were named and that none of the experiments' runs has.
    #[serde(default)]
    pub notes: Vec<FilterNote>,
    /// The cells that are of runs below, each by the place of its row among [`Self::rows`] and that of its column,
    /// sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<CellPlace>,
}

/// The place of a row and of a column.
pub type CellPlace = (u32, u32);

/// Of such cells, sorted, those of one row.
pub fn below_in(below: &[CellPlace], row: usize) -> &[CellPlace] {
    let before = |row: usize| below.partition_point(|(own, _)| (*own as usize) < row);
    &below[before(row)..before(row + 1)]
}

impl RunCells {
    /// The rows without what is of runs below.
    pub fn own_rows(self) -> Vec<SparseRow> {
        let Self { mut rows, below, .. } = self;
        for (row, column) in below {
            if let Some(cells) = rows.get_mut(row as usize) {
                cells.retain(|(at, _)| *at != column);
            }
        }
        rows
    }
}

/// Runs whose cells are asked for piece by piece: of any length the table takes no memory, and no row comes twice.
#[derive(Debug, Clone)]
pub struct Pieces {
    runs: Vec<RunId>,
    at: usize,
    size: usize,
}

impl Pieces {
    /// Rows that are asked for at once.
    const MOST: usize = 5_000;

    pub const fn of(runs: Vec<RunId>) -> Self {
        Self { runs, at: 0, size: Self::MOST }
    }

    /// The runs of the next piece; none behind the last.
    pub fn following(&self) -> Vec<RunId> {
        self.runs.iter().skip(self.at).take(self.size).copied().collect()
    }

    /// Goes on behind those that an answer looked at. Where rows are so wide that few came, few more are named.
    pub fn came(&mut self, looked_at: u64) {
        let came = usize::try_from(looked_at).unwrap_or(Self::MOST).clamp(1, Self::MOST);
        self.at += came;
        self.size = Self::MOST.min(came * 2);
    }
}

/// The cells that a row has, each with the place of its column.
pub type SparseRow = Vec<(u32, String)>;

/// A row with a cell for each of so many columns: `None` where it has no value.
pub fn filled(row: SparseRow, columns: usize) -> Vec<Option<String>> {
    let mut cells = vec![None; columns];
    for (at, text) in row {
        if let Some(cell) = cells.get_mut(at as usize) {
            *cell = Some(text);
        }
    }
    cells
}

/// Which params a metric follows, over all runs that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessParams {
    pub list: Listing,
    /// A metric's key; its last value counts.
    pub metric: String,
}

/// Answer to [`AssessParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamImportances {
    /// Runs with a finite value of the metric.
    pub runs: u64,
    /// How many of them, chosen at random, were looked at.
    pub runs_used: u64,
    /// As many runs are needed; of fewer nothing is said.
    pub runs_needed: u64,
    /// How much of the variance the params explain each by itself, together; what is missing to 1 is of several params
    /// in concert.
    pub alone: f64,
    /// The params that are not the same in all of the runs, the most important first.
    pub params: Vec<ParamImportance>,
}

impl ParamImportances {
    /// Why the figures are little more than chance, where they are: a handful of runs, or no more of them than params that
    /// could each explain every one.
    pub fn unsure(&self) -> Option<String> {
        const FEW: u64 = 10;
        let params = self.params.len() as u64;
        let needed = FEW.max(params + 1);
        if params == 0 || self.runs_used >= needed {
            return None;
        }
        let (runs, differ) = (counted(self.runs_used, "run", "runs"), counted(params, "parameter", "parameters"));
        Some(format!(
            "Not reliable: {runs} for {differ}. With fewer than {} another order may be as likely.",
            counted(needed, "run", "runs")
        ))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamImportance {
    pub param: String,
    /// By fANOVA. They add up to 1, or are all 0 where nothing follows from any param.
    pub share: f64,
    /// Spearman's rank correlation with the metric; `None` of params that are no numbers.
    pub correlation: Option<f64>,
}

/// How filter, order and columns name a key of a metric, a param or a tag: `metric.loss`, `param."a key"`.
pub fn named(kind: &str, key: &str) -> String {
    let is_plain =
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || "_-/.".contains(character));
    if is_plain { format!("{kind}.{key}") } else { format!("{kind}.{}", quoted(key)) }
}

/// A text as a filter has it: as it is, in a quote that does not stand in it. Where all do, in backticks, which are then
/// written twice; and so is what ends in a backslash not in quotes, where it would belong to the quote behind it.
pub fn quoted(text: &str) -> String {
    let fits = |quote: &char| !text.contains(*quote) && (*quote == '`' || !text.ends_with('\\'));
    match ['"', '\'', '`'].into_iter().find(fits) {
        Some(quote) => format!("{quote}{text}{quote}"),
        None => format!("`{}`", text.replace('`', "``")),
    }
}

/// A key or text without the quotes that it stands in; as it is where it stands in none.
pub fn unquoted(text: &str) -> Cow<'_, str> {
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return if quote == '`' { Cow::Owned(inner.replace("``", "`")) } else { Cow::Borrowed(inner) };
        }
    }
    Cow::Borrowed(text)
}

/// The bytes of the quote that a text begins with; `None` where it is not closed. By MLflow's rule a quote that stands
/// twice, or behind a backslash, is part of the text, unless the quote is closed nowhere else.
pub fn quote_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.first()?;
    let (mut at, mut last) = (1, None);
    while let Some(byte) = bytes.get(at) {
        let is_pair = bytes.get(at + 1) == Some(&quote);
        match *byte {
            one if one == quote && !is_pair => return Some(at + 1),
            one if one == quote => (at, last) = (at + 2, Some(at + 1)),
            b'\\' if is_pair && quote != b'`' => (at, last) = (at + 2, Some(at + 2)),
            _ => at += 1,
        }
    }
    last
}

/// The parts of a list by commas; one within quotes parts nothing.
pub fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = text[at..].find(['"', '\'', '`', ',']) {
        at += found;
        if text[at..].starts_with(',') {
            parts.push(text[start..at].trim());
            start = at + 1;
            at = start;
        } else {
            at += quote_length(&text[at..]).unwrap_or(text.len() - at);
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

crate::requests! { METHODS;
    GroupRuns => "run.group" -> RunGroups, |me| vec![me.list.of.tag()];
    PickRuns => "run.pick" -> PickedRuns;
    AggregateRuns => "run.aggregate" -> RunBands, |me| vec![me.list.of.tag()];
    TabulateRuns => "run.tabulate" -> RunCells;
    ListValues => "run.values" -> RunValues;
    AssessParams => "run.importance" -> ParamImportances;
}

#[cfg(test)]
mod tests {
    use super::{
        BandPoint, NonFinite, ParamImportance, ParamImportances, Pieces, RunBand, RunBands, RunCells, RunId, RunKind,
        RunState, SparseRow, below_in, named, parts, quote_length, quoted, unquoted,
    };

    #[test]
    fn a_word_is_the_one_of_the_wire() {
        for kind in RunKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
        assert_eq!(serde_json::to_value(RunState::Killed).unwrap(), RunState::Killed.word());
    }

    #[test]
    fn a_place_at_which_no_run_has_a_number_comes_back_as_it_was_sent() {
        let nan = f64::NAN;
        let non_finite = NonFinite { nan: 1, plus: 2, minus: 0 };
        let point = BandPoint { x: 1.0, runs: 0, mean: nan, sd: None, min: nan, max: nan, non_finite, diverged: 3 };
        let back: BandPoint = serde_json::from_str(&serde_json::to_string(&point).unwrap()).unwrap();
        assert!(back.mean.is_nan() && back.min.is_nan() && back.max.is_nan(), "{back:?}");
        assert_eq!((back.non_finite, back.diverged, back.runs), (non_finite, 3, 0));
        // As an earlier host sends it.
        let earlier = r#"{"x": 1, "runs": 1, "mean": 2, "sd": null, "min": 2, "max": 2}"#;
        let earlier: BandPoint = serde_json::from_str(earlier).unwrap();
        assert_eq!((earlier.min, earlier.non_finite, earlier.diverged), (2.0, NonFinite::default(), 0));
    }

    #[test]
    fn bands_say_what_they_leave_out() {
        let band = |runs: u64, measured: u64, read: u64| RunBand {
            values: vec![Some(runs.to_string())],
            runs,
            measured,
            read,
            diverged: 0,
            filter: String::new(),
            points: Vec::new(),
        };
        let bands = RunBands {
            bands: vec![band(4_990, 4_990, 4_990), band(10, 10, 10)],
            total: 2,
            runs: 5_000,
            off_axis: 0,
            notes: Vec::new(),
        };
        assert_eq!(bands.said(), ["Bands of 5,000 runs in 2 groups."]);
        let cut = RunBands { bands: vec![band(90, 80, 64)], total: 3, runs: 100, off_axis: 1, notes: Vec::new() };
        let said = cut.said();
        assert!(!cut.is_whole() && bands.is_whole());
        assert_eq!(
            said[..4],
            [
                "Bands of 90 runs in 1 group.",
                "Those with most runs; 2 groups with 10 runs are left out: narrow the filter.",
                "80 runs have the metric, 10 do not.",
                "1 run is without the metric along the axis.",
            ]
        );
        assert!(said[4].starts_with("64 of 80 curves were read"), "{said:?}");
    }

    #[test]
    fn an_importance_of_few_runs_says_so() {
        let of = |runs: u64, params: usize| {
            let param = ParamImportance { param: "lr".to_owned(), share: 1.0, correlation: None };
            let params = vec![param; params];
            ParamImportances { runs, runs_used: runs, runs_needed: 5, alone: 1.0, params }.unsure()
        };
        let unsure = of(6, 1).unwrap();
        assert!(unsure.starts_with("Not reliable: 6 runs for 1 parameter. With fewer than 10 runs"), "{unsure}");
        assert!(of(20, 20).is_some_and(|unsure| unsure.contains("fewer than 21 runs")));
        assert_eq!([of(10, 3), of(21, 20), of(3, 0)], [None, None, None]);
    }

    #[test]
    fn cells_of_runs_below_are_told_from_a_rows_own() {
        let below = vec![(0, 2), (2, 0), (2, 1)];
        assert_eq!([0, 1, 2, 3].map(|row| below_in(&below, row).len()), [1, 0, 2, 0]);
        let row = |cells: &[u32]| cells.iter().map(|at| (*at, at.to_string())).collect::<SparseRow>();
        let rows = vec![row(&[0, 2]), row(&[1]), row(&[0, 1, 2])];
        let cells =
            RunCells { columns: Vec::new(), left_out: 0, rows, total: 3, looked_at: 3, notes: Vec::new(), below };
        assert_eq!(cells.own_rows(), [row(&[0]), row(&[1]), row(&[2])]);
    }

    #[test]
    fn a_key_is_quoted_where_the_filter_would_not_read_it() {
        for (key, name) in [
            ("loss/validation", "metric.loss/validation"),
            ("a key", "metric.\"a key\""),
            ("a\"b\\c", "metric.'a\"b\\c'"),
            ("größe", "metric.\"größe\""),
            ("", "metric.\"\""),
        ] {
            assert_eq!(named("metric", key), name);
        }
    }

    #[test]
    fn pieces_go_on_behind_what_was_looked_at() {
        let runs: Vec<RunId> = (0..12_000_u128).map(|at| RunId::from_bytes(at.to_be_bytes())).collect();
        let mut pieces = Pieces::of(runs.clone());
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        // Of the second piece three rows come, and of the others all.
        while !pieces.following().is_empty() {
            let piece = pieces.following();
            let looked_at = if sizes.len() == 1 { 3 } else { piece.len() };
            sizes.push(piece.len());
            all.extend_from_slice(&piece[..looked_at]);
            pieces.came(looked_at as u64);
        }
        assert_eq!(sizes[..4], [5_000, 5_000, 6, 12]);
        assert!(all == runs, "{} of {}", all.len(), runs.len());
    }

    #[test]
    fn quotes_end_where_mlflow_ends_them() {
        for (text, quote) in [
            (r"'C:\tmp' and", r"'C:\tmp'"),
            (r"'x\'", r"'x\'"),
            (r"'x\' y", r"'x\'"),
            (r"'x\' and b = 'y'", r"'x\' and b = '"),
            ("'a''b' c", "'a''b'"),
            ("'a'''", "'a'''"),
            ("'a''", "'a'"),
            ("''", "''"),
            ("'' ", "''"),
            ("\"a\"\"b\"", "\"a\"\"b\""),
            (r"`a\` b`", r"`a\`"),
            ("'\"'\"", "'\"'"),
        ] {
            assert_eq!(quote_length(text).map(|length| &text[..length]), Some(quote), "{text}");
        }
        for open in ["'", "'a", r"'\", "\"'", "`\u{1f980}"] {
            assert_eq!(quote_length(open), None, "{open}");
        }
        for (text, expected) in [
            (r"C:\tmp", "\"C:\\tmp\""),
            (r"C:\", r"`C:\`"),
            ("say \"hi\"", "'say \"hi\"'"),
            ("it's \"it\"", "`it's \"it\"`"),
            ("`it's` \"it\"", "```it's`` \"it\"`"),
        ] {
            assert_eq!(quoted(text), expected);
            assert_eq!(unquoted(expected), text);
            assert_eq!(quote_length(&format!("{expected} or '`\"")), Some(expected.len()), "{text}");
        }
    }

    #[test]
    fn commas_in_quotes_part_nothing() {
        assert_eq!(parts("metric.a desc, param.\"b, c\" ,created"), ["metric.a desc", "param.\"b, c\"", "created"]);
        assert_eq!(parts("param.\"a\\\", b\", c"), ["param.\"a\\\", b\"", "c"]);
        assert_eq!(parts("param.\"a\\\", b"), ["param.\"a\\\"", "b"]);
        assert_eq!(parts("ü, \"ü, b"), ["ü", "\"ü, b"]);
        assert_eq!(parts(" , "), [""; 0]);
    }
}
