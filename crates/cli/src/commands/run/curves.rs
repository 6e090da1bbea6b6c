//! `slipway run plot`: the curves of runs in the terminal, or in a picture; over steps, times or another metric, as
//! they are or as the means of groups.

pub(super) mod beside;
pub(super) mod screen;

use std::{
    collections::BTreeSet,
    io::IsTerminal as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use api::{
    ApiError, ErrorCode, RunId,
    figure::{count, counted},
    grouping,
    run::{GetRun, GetRuns, Run, SYSTEM},
    run_diff::MOST,
    series::{MOST_VIEWPORTS, NonFinite, OverMetric, Series, Viewport, Viewports},
};
use charts::{
    axis::Axis,
    export, group,
    line::{self, Line, LineChart, Weight},
    plot::{Scale, Size},
    role::Role,
    smooth::smooth,
};
use clap::{Args, ValueEnum};
use engine::nearest::did_you_mean;
use serde_json::{Value, json};

use super::{bands, by_values, chosen};
use crate::{
    context::{Context, Outcome},
    interrupts::Interrupts,
    output,
    picture::{check_place, png, save},
    plot, terminal, words,
};

/// The picture's, as in the window's exports.
const PICTURE: Size = Size { width: 860.0, height: 420.0 };
/// How often runs are drawn anew that are followed.
pub(super) const AGAIN: Duration = Duration::from_secs(2);
/// Points of a series for each character of the drawing's width.
const DETAIL: usize = 4;

/// Options that say something of curves alone.
const OF_CURVES: [&str; 12] =
    ["each", "metrics", "x", "x_metric", "group_by", "log", "smooth", "baseline", "from", "to", "follow", "sort"];

#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// Runs by name or id, or `latest`; several lie over each other
    #[arg(required_unless_present_any = ["filter", "view"], value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// All runs that pass this, as in `run list`, however many: the mean ± standard deviation of their curves, of each group
    /// with --group-by; "" means all
    #[arg(long, conflicts_with = "runs")]
    pub(super) filter: Option<String>,
    /// All runs that a saved view shows, as `run views list` names it, in its groups; what else is given here stands before
    /// what it says
    #[arg(long, value_name = "NAME", conflicts_with = "runs")]
    pub(super) view: Option<String>,
    /// Instead of curves a point a run, by two of its values and coloured by a third: `param.lr,metric.loss`, as `run list`
    /// names columns
    #[arg(long, value_name = "X,Y[,COLOUR]", conflicts_with_all = OF_CURVES)]
    pub(super) scatter: Option<String>,
    /// With --scatter and a colour: the points lie over its contours, in a picture
    #[arg(long, requires = "scatter")]
    pub(super) contour: bool,
    /// Instead of curves a line a run over an axis a value, in a picture: --parallel=param.lr,param.model,metric.loss; by
    /// default the params that differ and the metric that ranks
    #[arg(long, value_name = "AXES", num_args = 0..=1, require_equals = true, default_missing_value = "",
        conflicts_with = "scatter", conflicts_with_all = OF_CURVES)]
    pub(super) parallel: Option<String>,
    /// With --scatter or --parallel these columns lie on logarithmic axes and no others, by commas: `param.lr`; by default
    /// params whose values span two decades
    #[arg(long, value_name = "COLUMNS")]
    pub(super) log_of: Option<String>,
    /// With --filter or --view the curve of each run by itself, instead of their means: of the first ones in the list's order
    #[arg(long, conflicts_with_all = ["runs", "group_by"])]
    pub(super) each: bool,
    /// With --each at most so many runs; by default 20
    #[arg(long, requires = "each", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) limit: Option<u32>,
    /// With --each which runs come first, as in `run list`
    #[arg(long, requires = "each")]
    pub(super) sort: Option<String>,
    /// With --sort from the highest value down
    #[arg(long, requires = "sort")]
    pub(super) descending: bool,
    /// The experiment, by name or number, whose runs are meant instead of the project's: by their names, --filter or --view
    #[arg(long)]
    pub(super) experiment: Option<String>,
    /// With --filter or --view the runs of every experiment
    #[arg(long, conflicts_with_all = ["experiment", "runs"])]
    pub(super) everywhere: bool,
    /// Only this series; may be given several times. By default every one that is not about the system
    #[arg(long = "metric", short, value_name = "KEY")]
    pub(super) metrics: Vec<String>,
    /// What lies along the axis: steps, relative time (seconds since the run started), wall time (clock), or the share
    /// of the run in percent
    #[arg(long, value_enum, default_value_t = Along::Step)]
    pub(super) x: Along,
    /// Another metric along the axis: of each step that has both the value over that one's
    #[arg(long, value_name = "KEY", conflicts_with = "x")]
    pub(super) x_metric: Option<String>,
    /// The mean ± standard deviation of the runs that share these, by commas as in `run list`: `param.KEY`, `tag.KEY`, `state`,
    /// `kind`, `device`, `commit`, `snapshot`, `user`, `name`
    #[arg(long, value_name = "WHAT")]
    pub(super) group_by: Option<String>,
    /// Logarithmic axes: what is not positive is left out
    #[arg(long, value_enum, value_name = "AXES")]
    log: Option<LogAxes>,
    /// How much curves are smoothed, from 0 to 0.98, as TensorBoard does it; a picture keeps the raw line behind
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = parse_smoothing)]
    smooth: f64,
    /// A run to compare with: drawn over the others, or over the means of groups, and how far each ends from it is said
    #[arg(long, value_name = "RUN")]
    pub(super) baseline: Option<String>,
    /// From this step on
    #[arg(long)]
    pub(super) from: Option<i64>,
    /// Up to this step
    #[arg(long)]
    pub(super) to: Option<i64>,
    /// The drawing's width in characters
    #[arg(long, default_value_t = 72, value_parser = parse_side)]
    pub(super) width: usize,
    /// The drawing's height in lines
    #[arg(long, default_value_t = 12, value_parser = parse_side)]
    pub(super) height: usize,
    /// Write a picture into this file instead, each series below the one before: SVG or PNG, as it ends in `.svg` or `.png`
    #[arg(long, value_name = "FILE", conflicts_with = "svg")]
    out: Option<PathBuf>,
    /// The same as SVG, whatever the file is called
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace the picture's file where there is one already
    #[arg(long)]
    force: bool,
    /// The file is ours by now: what is followed is drawn over it.
    #[arg(skip)]
    is_written: AtomicBool,
    /// Draw anew every two seconds until the runs are over: in a terminal, or in the picture
    #[arg(long, short)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Along {
    Step,
    Time,
    Clock,
    Share,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogAxes {
    X,
    Y,
    Xy,
}

fn parse_smoothing(text: &str) -> Result<f64, String> {
    let weight = crate::commands::parse_number(text)?;
    if (0.0..=0.98).contains(&weight) { Ok(weight) } else { Err("not from 0 to 0.98".to_owned()) }
}

/// Characters of a drawing's side: no terminal shows more.
fn parse_side(text: &str) -> Result<usize, String> {
    const MOST: usize = 1_000;
    match text.trim().parse() {
        Ok(side) if (2..=MOST).contains(&side) => Ok(side),
        _ => Err(format!("not a whole number from 2 to {MOST}")),
    }
}

impl Plot {
    /// The picture's file, where one is asked for.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.out.as_ref().or(self.svg.as_ref())
    }

    /// What the file is to be: "svg" or "png".
    fn kind(&self) -> Option<String> {
        match &self.out {
            Some(file) => Some(file.extension()?.to_str()?.to_lowercase()),
            None => self.svg.as_ref().map(|_| "svg".to_owned()),
        }
    }

    /// Refuses what does not go together.
    fn check(&self, context: &Context) -> Outcome {
        let are_means = (self.filter.is_some() || self.view.is_some()) && !self.each;
        if self.each && self.filter.is_none() && self.view.is_none() {
            return Err(ApiError::invalid("--each draws runs that are chosen by --filter or --view."));
        }
        if self.is_clock() && self.has_log_x() {
            return Err(ApiError::invalid("Wall time has no logarithmic axis.").with_hint("Use --log y, or --x time."));
        }
        if self.log_of.is_some() {
            return Err(ApiError::invalid("--log-of is of runs by their values.")
                .with_hint("Use --log x, y or xy for curves, or draw --scatter or --parallel."));
        }
        self.check_file()?;
        if self.follow && are_means {
            return Err(ApiError::invalid("The means of all runs are not followed: each reads all of their curves.")
                .with_hint("Follow each run with --each, or name some."));
        }
        let is_shown = !context.output.json && std::io::stdout().is_terminal();
        if self.follow && self.file().is_none() && !is_shown {
            return Err(
                ApiError::invalid("--follow draws anew in a terminal.").with_hint("Or in a picture: --out FILE.")
            );
        }
        Ok(())
    }

    /// Refuses a file that is no picture, or that is there.
    pub(super) fn check_file(&self) -> Outcome {
        if self.out.is_some() && !self.kind().is_some_and(|kind| ["svg", "png"].contains(&kind.as_str())) {
            return Err(ApiError::invalid("A picture is an SVG or a PNG.").with_hint("Name a file.svg or a file.png."));
        }
        self.file().map_or(Ok(()), |file| check_place(file, self.force))
    }

    /// What lies along the axis, in a word.
    fn label(&self) -> &str {
        match (&self.x_metric, self.x) {
            (Some(key), _) => key,
            (None, Along::Step) => "step",
            (None, Along::Time) => "s",
            (None, Along::Clock) => "time",
            (None, Along::Share) => "%",
        }
    }

    fn is_clock(&self) -> bool {
        self.x_metric.is_none() && self.x == Along::Clock
    }

    pub(super) const fn has_log_x(&self) -> bool {
        matches!(self.log, Some(LogAxes::X | LogAxes::Xy))
    }

    const fn has_log_y(&self) -> bool {
        matches!(self.log, Some(LogAxes::Y | LogAxes::Xy))
    }
}

/// A series of a run.
struct Curve {
    run: RunId,
    name: String,
    key: String,
    series: Series,
    /// Milliseconds since the epoch.
    began_ms: i64,
    /// Of the whole series, however little of it is looked at.
    last_step: f64,
    is_baseline: bool,
    /// Of what it is a member; of nothing where runs are not grouped.
    group: String,
}

impl Curve {
    fn x(&self, asked: &Plot) -> Vec<f64> {
        match (&asked.x_metric, asked.x) {
            (Some(_), _) => self.series.over.clone(),
            (None, Along::Step) => self.series.step.clone(),
            (None, Along::Time) => self.series.seconds_since(self.began_ms),
            (None, Along::Clock) => self.series.time_ms.clone(),
            (None, Along::Share) => {
                self.series.step.iter().map(|step| step / self.last_step.max(1.0) * 100.0).collect()
            }
        }
    }

    fn to_json(&self) -> Value {
        let mut told = json!({
            "run": self.run, "name": self.name, "key": self.key, "raw": self.series.raw,
            "step": numbers(&self.series.step), "time_ms": numbers(&self.series.time_ms),
            "last": numbers(&self.series.last), "min": numbers(&self.series.min), "max": numbers(&self.series.max),
        });
        if !self.series.non_finite.is_empty() {
            let odd = &self.series.non_finite;
            told["non_finite"] = odd.iter().map(|one| json!([one.nan, one.plus, one.minus])).collect();
        }
        told
    }
}

/// A curve over another metric, as its points and what it has no partner for.
fn over_json(curve: &Curve, over: &str) -> Value {
    let mut told = curve.to_json();
    told["over"] = json!({ "key": over, "x": numbers(&curve.series.over), "left_out": curve.series.left_out });
    told
}

/// Lines that lie on the same axes, and what is to be said of them.
pub(super) struct Drawn {
    pub(super) key: String,
    pub(super) lines: Vec<Line>,
    pub(super) notes: Vec<String>,
}

/// The lines of curves, which of so many runs some may lack: one each, or one a group.
fn drawn((key, runs): (&str, u64), curves: &[Curve], asked: &Plot) -> Drawn {
    let line = |(index, curve): (usize, &Curve)| {
        Line::of_series(curve.name.clone(), Role::series(index), curve.x(asked), &curve.series)
    };
    let lines: Vec<Line> = curves.iter().enumerate().map(line).collect();
    let mut notes = Vec::new();
    let lacking = runs.saturating_sub(curves.len() as u64);
    if lacking > 0 {
        let having = counted(runs - lacking, "run has", "runs have");
        notes.push(format!(
            "{having} a curve of it, {} {} not",
            count(lacking),
            if lacking == 1 { "does" } else { "do" }
        ));
    }
    let left_out: u64 = curves.iter().map(|curve| curve.series.left_out).sum();
    if let (Some(over), 1..) = (&asked.x_metric, left_out) {
        notes.push(format!("{} without {over}", counted(left_out, "point", "points")));
    }
    for line in &lines {
        let mut odd = NonFinite::default();
        (0..line.x.len()).for_each(|index| odd += line.non_finite_at(index));
        if !odd.is_none() {
            notes.push(format!("{}: {odd}", line.name));
        }
    }
    notes.extend(beside::ends(curves));
    // A run without a point here takes no room.
    let mut there: Vec<(&Curve, Line)> = curves.iter().zip(lines).filter(|(_, line)| !line.x.is_empty()).collect();
    let baseline = there.iter().find(|(curve, _)| curve.is_baseline).map(|(_, line)| line.clone());
    let lines = if asked.group_by.is_some() {
        notes.push("mean ± sd".to_owned());
        let order = group::in_order(there.iter().map(|(curve, _)| curve.group.clone()));
        let mut means =
            group::means(there.into_iter().map(|(curve, line)| (curve.group.clone(), line)).collect(), &order);
        notes.extend(means.iter().filter_map(said_diverged));
        means.extend(baseline.map(Line::over_groups));
        means
    } else {
        // The baseline is drawn last, over the others.
        there.sort_by_key(|(curve, _)| curve.is_baseline);
        let weight = |curve: &Curve| if curve.is_baseline { Weight::Strong } else { Weight::default() };
        there.into_iter().map(|(curve, line)| Line { weight: weight(curve), ..line }).collect()
    };
    Drawn { key: key.to_owned(), lines, notes }
}

pub(super) async fn run(context: &mut Context, mut asked: Plot) -> Outcome {
    if asked.scatter.is_some() || asked.parallel.is_some() {
        return by_values::run(context, asked).await;
    }
    asked.check(context)?;
    if let Some(name) = asked.view.take() {
        chosen::seen_as(context, &mut asked, &name).await?;
    }
    let filter = asked.filter.take();
    if let Some(filter) = filter.clone().filter(|_| !asked.each) {
        // All runs are read, some seconds for each series.
        context.lasting().await?;
        return bands::run(context, &asked, filter).await;
    }
    if asked.follow {
        context.lasting().await?;
    }
    let experiment = context.experiment_if_named(asked.experiment.as_deref()).await?;
    let mut baseline = None;
    if let Some(named) = asked.baseline.take() {
        baseline = Some(context.run_of(&named, experiment.as_ref()).await?);
    }
    let mut ids = match filter {
        Some(filter) => chosen::runs(context, &asked, filter).await?,
        None => context.runs_of(&asked.runs, experiment.as_ref()).await?,
    };
    ids.extend(baseline.filter(|baseline| !ids.contains(baseline)));
    if let Some(by) = asked.group_by.as_deref().and_then(grouping::unknown) {
        return Err(ApiError::invalid(format!("Runs can't be grouped by \"{by}\"."))
            .with_hint(format!("Name some by commas: param.KEY, tag.KEY, {}.", grouping::OWN.join(", "))));
    }
    if !asked.follow {
        return once(context, &asked, &ids, baseline).await.map(drop);
    }
    let mut interrupts = Interrupts::take()?;
    let to_their_end = async {
        while once(context, &asked, &ids, baseline).await? {
            tokio::time::sleep(AGAIN).await;
        }
        Ok::<(), ApiError>(())
    };
    // Heard between two pictures, so that none is left half-written.
    tokio::select! {
        ended = to_their_end => ended,
        () = interrupts.next() => {
            Err(ApiError::new(ErrorCode::Cancelled, "The runs are followed no more, and go on."))
        }
    }
}

/// The runs as they are now. Of those that are followed one that is gone meanwhile is left out.
async fn there(context: &Context, asked: &Plot, ids: &[RunId]) -> Outcome<Vec<Run>> {
    let mut runs = Vec::with_capacity(ids.len());
    for piece in ids.chunks(MOST) {
        let found = context.call(GetRuns { runs: piece.to_vec() }).await?;
        for (id, run) in piece.iter().zip(found) {
            match run {
                Some(run) => runs.push(run),
                None if asked.follow => {}
                // Its error says so.
                None => runs.push(context.call(GetRun { run: *id }).await?),
            }
        }
    }
    if runs.is_empty() {
        return Err(ApiError::not_found("None of the runs is here: they were deleted for good.")
            .with_hint("`slipway run list` names those that are."));
    }
    Ok(runs)
}

/// What of the runs that were followed did not end by itself.
fn say_what_was_deleted(context: &Context, runs: &[Run], all: usize) {
    for run in runs.iter().filter(|run| !run.state.is_over() && run.deleted_ms.is_some()) {
        context
            .output
            .say(&format!("{} was deleted, and is followed no more. Back: slipway run restore {}", run.name, run.id));
    }
    let gone = all.saturating_sub(runs.len()) as u64;
    if gone > 0 {
        let was = if gone == 1 { "was" } else { "were" };
        context.output.say(&format!("{} {was} deleted for good.", counted(gone, "run", "runs")));
    }
}

/// Draws what is there now; whether it is to be drawn again.
async fn once(context: &Context, asked: &Plot, ids: &[RunId], baseline: Option<RunId>) -> Outcome<bool> {
    let runs = there(context, asked, ids).await?;
    // A client may go on logging to a run that was deleted: nobody waits for that.
    let is_live = asked.follow && runs.iter().any(|run| !run.state.is_over() && run.deleted_ms.is_none());
    // While a run goes on its first points may still come.
    let missing = missing(&runs, asked);
    if let Some(error) = missing.as_ref().filter(|_| !is_live) {
        return Err(error.clone());
    }
    let keys = keys(&runs, asked);
    if keys.is_empty() && !is_live {
        if asked.follow {
            say_what_was_deleted(context, &runs, ids.len());
        }
        return Err(nothing(&runs));
    }
    let all_runs = runs.len() as u64;
    let mut charts = Vec::with_capacity(keys.len());
    for key in keys {
        let curves = curves(context, asked, &runs, baseline, &key).await?;
        charts.push((key, curves));
    }
    if asked.file().is_some() {
        let all: Vec<Drawn> = charts.iter().map(|(key, curves)| drawn((key, all_runs), curves, asked)).collect();
        match is_live {
            true if all.is_empty() => {}
            true => put_picture(asked, &all)?,
            false => write_picture(context, asked, all)?,
        }
    } else if context.output.json {
        let told = |(key, curves): &(String, Vec<Curve>)| -> Vec<Value> {
            match (&asked.group_by, &asked.x_metric) {
                (Some(_), _) => {
                    drawn((key, all_runs), curves, asked).lines.iter().map(|line| group_json(key, line)).collect()
                }
                (None, Some(over)) => curves.iter().map(|curve| over_json(curve, over)).collect(),
                (None, None) => curves.iter().map(Curve::to_json).collect(),
            }
        };
        let all: Vec<Value> = charts.iter().flat_map(told).collect();
        context.output.show(&all, |_| String::new())?;
    } else if asked.follow {
        let all: Vec<Drawn> = charts.iter().map(|(key, curves)| drawn((key, all_runs), curves, asked)).collect();
        let said = match &missing {
            Some(error) => Some(error.to_string()),
            None => all.is_empty().then(|| "No points yet.".to_owned()),
        };
        // At once, from the screen's upper edge on, over what was drawn before.
        context.output.print_drawn(&format!("{}{}", screen::FRESH, on_screen(asked, &all, said)))?;
    } else {
        charts
            .iter()
            .try_for_each(|(key, curves)| print_drawn(context, asked, &drawn((key, all_runs), curves, asked)))?;
    }
    if asked.follow && !is_live {
        say_what_was_deleted(context, &runs, ids.len());
    }
    Ok(is_live)
}

/// The drawings, and what is said below them, as the terminal has room for them now.
fn on_screen(asked: &Plot, all: &[Drawn], said: Option<String>) -> String {
    let shown = terminal::size();
    let said = said.map(|said| output::one_line(&output::harmless(&said)).chars().take(shown.0).collect::<String>());
    // Without colours each line has a drawing of its own.
    let drawings: usize = all.iter().map(|drawn| if output::coloured_answer() { 1 } else { drawn.lines.len() }).sum();
    screen::fitted((asked.width, asked.height), drawings, shown, |width, height| {
        let drawn = all.iter().map(|drawn| in_characters(asked, drawn, (width, height)));
        drawn.chain(said.clone()).collect::<Vec<_>>().join("\n")
    })
}

/// Writes the picture that was asked for, each series below the one before.
pub(super) fn write_picture(context: &Context, asked: &Plot, all: Vec<Drawn>) -> Outcome {
    let Some(file) = asked.file() else { return Ok(()) };
    put_picture(asked, &all)?;
    let said = |_: &Value| {
        let notes = all.iter().flat_map(|drawn| drawn.notes.iter().map(|note| (&drawn.key, note)));
        let notes: String = notes
            .map(|(key, note)| match all.len() {
                1 => format!("\n{}", output::harmless(note)),
                _ => format!("\n{}: {}", output::harmless(key), output::harmless(note)),
            })
            .collect();
        format!("{} is written.{notes}", file.display())
    };
    context.output.show(&json!({ "file": file }), said)
}

/// The same without a word.
fn put_picture(asked: &Plot, all: &[Drawn]) -> Outcome {
    let pictures: Vec<(String, Size)> = all.iter().map(|drawn| picture(drawn, asked)).collect();
    match pictures.as_slice() {
        [(only, _)] => put_svg(asked, only),
        several => put_svg(asked, &export::stacked(several)),
    }
}

/// Writes a drawing's SVG into the file that was asked for, as what that is to be.
pub(super) fn put_svg(asked: &Plot, svg: &str) -> Outcome {
    let Some(file) = asked.file() else { return Ok(()) };
    let svg = export::standalone(svg, &export::LIGHT);
    let bytes = match asked.kind().as_deref() {
        Some("png") => png(&svg)?,
        _ => svg.into_bytes(),
    };
    save(file, &bytes, asked.force || asked.is_written.load(Ordering::Relaxed))?;
    asked.is_written.store(true, Ordering::Relaxed);
    Ok(())
}

/// Draws a series with characters, and says below it what is to be said.
pub(super) fn print_drawn(context: &Context, asked: &Plot, drawn: &Drawn) -> Outcome {
    context.output.print_drawn(&in_characters(asked, drawn, (asked.width, asked.height)))
}

/// The same in a width and a height.
fn in_characters(asked: &Plot, drawn: &Drawn, (width, height): (usize, usize)) -> String {
    let lines: Vec<plot::Line> = drawn.lines.iter().map(|line| in_terminal(line, asked.smooth)).collect();
    let axes = plot::Axes { log_x: asked.has_log_x(), log_y: asked.has_log_y(), is_clock: asked.is_clock() };
    let plotted = plot::plot(&lines, width, height, axes, output::coloured_answer());
    let notes: String = drawn.notes.iter().map(|note| format!("{}\n", output::harmless(note))).collect();
    format!("{}\n{plotted}\n{notes}", output::harmless(&drawn.key)).trim_end_matches('\n').to_owned()
}

/// Where most runs of a group are not finite: "0.1 (8 runs): 2 of 8 diverged at 40".
pub(super) fn said_diverged(line: &Line) -> Option<String> {
    let at = line.most_diverged()?;
    Some(format!("{}: {} at {}", line.name, line.said_odd(at)?, words::figure(*line.x.get(at)?)))
}

/// A line as it is drawn with characters; they have no room for its band.
fn in_terminal(line: &Line, smoothing: f64) -> plot::Line {
    let y = if smoothing > 0.0 { smooth(&line.y, smoothing) } else { line.y.clone() };
    let points = line.x.iter().copied().zip(y).collect();
    plot::Line { name: output::harmless(&line.name).into_owned(), points }
}

fn group_json(key: &str, line: &Line) -> Value {
    let (low, high): (Vec<f64>, Vec<f64>) = line.band.iter().copied().unzip();
    let mut told = json!({
        "group": line.name, "key": key, "x": numbers(&line.x), "mean": numbers(&line.y),
        "mean_less_sd": numbers(&low), "mean_plus_sd": numbers(&high),
    });
    if line.most_diverged().is_some() {
        told["diverged"] = line.non_finite.iter().map(|odd| json!([odd.nan, odd.plus, odd.minus])).collect();
        told["runs"] = json!(line.members);
    }
    told
}

/// The series that the runs have.
fn known(runs: &[Run]) -> Vec<String> {
    // A final figure has no points, only a value.
    let all = runs.iter().flat_map(|run| &run.metrics).filter(|metric| metric.count > 0);
    let mut known: Vec<String> = all.map(|metric| metric.key.clone()).collect();
    known.sort_unstable();
    known.dedup();
    known
}

/// Said where there is no curve, with what the runs have instead.
fn nothing(runs: &[Run]) -> ApiError {
    let known = known(runs);
    let (system, own): (Vec<&str>, Vec<&str>) =
        known.iter().map(String::as_str).partition(|key| key.starts_with(SYSTEM));
    let metrics = runs.iter().flat_map(|run| &run.metrics);
    let figures: BTreeSet<&str> = metrics.filter(|metric| metric.count == 0).map(|one| one.key.as_str()).collect();
    let params: BTreeSet<&String> = runs.iter().flat_map(|run| run.params.keys()).collect();
    let mut there = Vec::new();
    if !own.is_empty() {
        there.push(own.join(", "));
    }
    if let Some(first) = system.first() {
        let machine = counted(system.len() as u64, "series", "series");
        there.push(format!("{machine} of what the machine did (--metric {first})"));
    }
    if !figures.is_empty() {
        there.push(format!("figures without a curve ({})", figures.into_iter().collect::<Vec<_>>().join(", ")));
    }
    if !params.is_empty() {
        there.push(counted(params.len() as u64, "param", "params"));
    }
    let (who, shown) = match runs {
        [run] => ("run has", format!("`slipway run show {}` shows all of it.", run.id)),
        _ => ("runs have", "`slipway run list` shows them.".to_owned()),
    };
    let error = ApiError::not_found(format!("The {who} no series to draw."));
    match there.as_slice() {
        [] => error.with_hint(format!("There is no metric and no param. {shown}")),
        there => error.with_hint(format!("There are: {}. {shown}", there.join(", "))),
    }
}

/// What is wrong where one is asked for that no run has.
fn missing(runs: &[Run], Plot { metrics: asked, x_metric, .. }: &Plot) -> Option<ApiError> {
    let known = known(runs);
    let missing = asked.iter().chain(x_metric).find(|key| !known.contains(key))?;
    let meant = did_you_mean(missing, known.iter().map(String::as_str));
    let error = ApiError::not_found(format!("No such series is there: \"{missing}\".{meant}"));
    // Those of the machine would stand among what the runs measured.
    let (system, own): (Vec<&str>, Vec<&str>) =
        known.iter().map(String::as_str).partition(|key| key.starts_with(SYSTEM));
    let machine = counted(system.len() as u64, "series", "series");
    let there = match (own.as_slice(), system.as_slice()) {
        ([], []) => return Some(error),
        ([], system) => system.join(", "),
        (own, []) => own.join(", "),
        (own, _) => format!("{}, and {machine} of what the machine did ({SYSTEM}…)", own.join(", ")),
    };
    Some(error.with_hint(format!("There are: {there}.")))
}

/// The series to draw: of those that are asked for the ones that are there, or all that are not about the system.
fn keys(runs: &[Run], Plot { metrics: asked, x_metric, .. }: &Plot) -> Vec<String> {
    let mut known = known(runs);
    if x_metric.as_ref().is_some_and(|over| !known.contains(over)) {
        return Vec::new();
    }
    if !asked.is_empty() {
        return asked.iter().filter(|key| known.contains(key)).cloned().collect();
    }
    known.retain(|key| !key.starts_with(SYSTEM) && Some(key) != x_metric.as_ref());
    known
}

/// A series of those runs that have it.
async fn curves(
    context: &Context,
    asked: &Plot,
    runs: &[Run],
    baseline: Option<RunId>,
    key: &str,
) -> Outcome<Vec<Curve>> {
    let has = |run: &&Run| run.metrics.iter().any(|metric| metric.key == key && metric.count > 0);
    let points = u32::try_from(asked.width * DETAIL).unwrap_or(u32::MAX);
    let over = asked.x_metric.as_ref().map(|key| OverMetric {
        key: key.clone(),
        from: None,
        to: None,
        log: asked.has_log_x(),
        whole: true,
    });
    let having: Vec<&Run> = runs.iter().filter(has).collect();
    let along_time = asked.x_metric.is_none() && asked.x == Along::Time;
    let mut curves = Vec::new();
    for runs in having.chunks(MOST_VIEWPORTS) {
        let viewport = |run: &&Run| Viewport {
            from: asked.from,
            to: asked.to,
            over: over.clone(),
            ..Viewport::whole(run.id, key.to_owned())
        };
        let series = context.session.series(Viewports { series: runs.iter().map(viewport).collect(), points }).await?;
        // One that is gone since is left out.
        for (run, series) in runs.iter().zip(series).filter_map(|(run, series)| Some((run, series?))) {
            let began_ms = run.began_ms();
            let series = if along_time { series.in_time_order().into_owned() } else { series };
            let own = run.own();
            let group = asked.group_by.as_deref();
            let group = group.map(|by| group::called(grouping::values_of((&run.params, &run.tags, &own), by)));
            let group = group.unwrap_or_default();
            let last_step =
                run.metrics.iter().find(|metric| metric.key == key).map_or(0.0, |metric| metric.step as f64);
            curves.push(Curve {
                run: run.id,
                name: run.name.clone(),
                key: key.to_owned(),
                series,
                began_ms,
                last_step,
                is_baseline: Some(run.id) == baseline,
                group,
            });
        }
    }
    Ok(curves)
}

/// A series' drawing with the names of its lines, and its size.
fn picture(Drawn { key, lines, .. }: &Drawn, asked: &Plot) -> (String, Size) {
    let sign = |line: &Line| export::Sign::of_line(line.is_dashed);
    let names: Vec<(Role, export::Sign, String)> =
        lines.iter().map(|line| (line.role, sign(line), format!("{key}: {}", line.name))).collect();
    let scale = |is_log: bool| if is_log { Scale::Log } else { Scale::Linear };
    let along = if asked.is_clock() {
        Axis { scale: Scale::Time { offset_minutes: words::offset_minutes() }, ..Axis::default() }
    } else {
        Axis { scale: scale(asked.has_log_x()), ..Axis::labelled(asked.label()) }
    };
    let chart = LineChart {
        name: key.clone(),
        lines: lines.clone(),
        x: along,
        y: Axis { scale: scale(asked.has_log_y()), ..Axis::labelled(key) },
        has_marks: true,
        smoothing: asked.smooth,
        ..LineChart::default()
    };
    let svg = export::with_names(&line::draw(&chart, PICTURE), PICTURE, &names);
    (svg, export::size_with_names(PICTURE, names.len()))
}

fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().map(|value| number(*value)).collect()
}

/// NaN and ±∞ as the texts that the protocol uses.
fn number(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => number.into(),
        None if value.is_nan() => "NaN".into(),
        None => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
    }
}

#[cfg(test)]
mod tests {
    use charts::{
        group::{self, Spread},
        line::Line,
        role::Role,
    };
    use serde_json::json;

    use super::{group_json, parse_side, said_diverged};

    #[test]
    fn a_group_of_which_runs_diverge_is_named_with_the_place_where_most_do() {
        let line = |y: [f64; 3]| Line::new("", Role::series(0), vec![0.0, 10.0, 20.0], y.to_vec());
        let nan = f64::NAN;
        let lines = [line([1.0, nan, nan]), line([1.0, 2.0, nan]), line([1.0, 2.0, 3.0])];
        let of = |lines: &[Line]| group::mean("lr 0.1", Role::series(0), lines, Spread::Deviation);
        let said = said_diverged(&of(&lines)).unwrap();
        assert!(said.starts_with("lr 0.1: 2 of 3 diverged at 20"), "{said}");
        assert_eq!(said_diverged(&of(&lines[2..])), None);
        let told = group_json("loss", &of(&lines));
        assert_eq!((&told["diverged"][2][0], &told["runs"][2]), (&json!(2), &json!(3)));
        assert!(group_json("loss", &of(&lines[2..])).get("diverged").is_none());
    }

    #[test]
    fn a_drawing_is_no_larger_than_a_terminal_shows() {
        assert_eq!(parse_side("72"), Ok(72));
        for wrong in ["0", "1", "1001", "18446744073709551615", "wide", "-3"] {
            assert!(parse_side(wrong).is_err(), "{wrong}");
        }
    }
}
