//! `slipway run plot --scatter` and `--parallel`: runs by their values, a point or a line each, as the window draws them.

use std::collections::BTreeSet;

use api::{
    ApiError, RunId,
    figure::counted,
    run::{GetRuns, ListRuns, Run},
    run_diff,
    run_table::{Listing, PickRuns, Pieces, TabulateRuns},
    table_view::Plotted,
    tracking::Scope,
};
use charts::{
    plot::Size,
    ramp::{self, Shade},
    role::Role,
    runs::{
        self, Cells, axis_of, is_log,
        keys::{Keys, METRIC, PARAM, TAG, below, differing, differing_among, rare},
        moment::is_moment,
        parallel_file, parallel_of, scatter_file, scatter_of,
    },
    scatter::Scatter,
    shape::Mark,
};
use serde_json::{Map, Value, json};

use super::{
    chosen,
    curves::{Plot, put_svg},
    views,
};
use crate::{
    context::{Context, Outcome},
    output, plot, words,
};

/// The pictures', as in the window's exports.
const SCATTER: Size = Size { width: 860.0, height: 380.0 };
const PARALLEL: Size = Size { width: 1_100.0, height: 340.0 };
/// The first runs, by which the axes are chosen that nobody named.
const FIRST: u32 = 100;

/// Whose values are drawn.
struct Drawn {
    list: Listing,
    runs: Vec<RunId>,
    /// How many there are in all.
    total: u64,
    /// A person named them, so that each is told from the others.
    are_named: bool,
}

pub(super) async fn run(context: &Context, mut asked: Plot) -> Outcome {
    let axes = asked.scatter.as_deref().map(scatter_axes).transpose()?;
    check(context, &asked, axes.as_deref())?;
    let mut now = Plotted::default();
    if let Some(name) = asked.view.take() {
        let view = chosen::view(context, &asked, &name).await?;
        now = view.plotted;
        asked.filter.get_or_insert(view.filter);
    }
    if let Some(columns) = &asked.log_of {
        now.log = views::names(columns);
    }
    let drawn = drawn(context, &asked).await?;
    let named = asked.parallel.as_deref().map(views::names).unwrap_or_default();
    let axes = match axes {
        Some(axes) => axes,
        None if !named.is_empty() => named,
        None if !now.axes.is_empty() => now.axes.clone(),
        None => first_axes(context, &drawn).await?,
    };
    if asked.log_of.is_some() {
        // Who names some says of all.
        now.linear = axes.iter().filter(|name| !now.log.contains(name)).cloned().collect();
    }
    let cells = cells(context, drawn, &axes).await?;
    match asked.scatter {
        Some(_) => show_scatter(context, &asked, (&cells, &now), &axes),
        None => show_parallel(context, &asked, (&cells, &now), &axes),
    }
}

/// What a scatter lies along, and what colours it.
fn scatter_axes(text: &str) -> Outcome<Vec<String>> {
    let axes = views::names(text);
    if (2..=3).contains(&axes.len()) {
        return Ok(axes);
    }
    Err(ApiError::invalid("A scatter has two axes, and a colour where one is wanted.")
        .with_hint("Name them by commas: --scatter param.lr,metric.loss or --scatter param.lr,param.l2,metric.loss."))
}

/// Refuses what does not go together.
fn check(context: &Context, asked: &Plot, axes: Option<&[String]>) -> Outcome {
    if asked.contour && axes.is_some_and(|axes| axes.len() < 3) {
        return Err(ApiError::invalid("Contours are of a third value.")
            .with_hint("Name it behind the axes: --scatter param.lr,param.l2,metric.loss --contour."));
    }
    asked.check_file()?;
    let is_for_terminal = asked.file().is_none() && !context.output.json;
    if is_for_terminal && (asked.contour || axes.is_none()) {
        let what = if asked.contour { "Contours" } else { "Parallel coordinates" };
        return Err(ApiError::invalid(format!("{what} are drawn in a picture.")).with_hint(
            "Say where: --out FILE.svg or --out FILE.png. --json prints the values; --scatter without --contour is drawn \
             here.",
        ));
    }
    Ok(())
}

/// The runs that are named, or all that pass.
async fn drawn(context: &Context, asked: &Plot) -> Outcome<Drawn> {
    let Some(filter) = asked.filter.clone() else {
        let experiment = context.experiment_if_named(asked.experiment.as_deref()).await?;
        let runs = context.runs_of(&asked.runs, experiment.as_ref()).await;
        let runs = runs.map_err(|error| axes_or_runs(error, asked))?;
        let list = all_of(Scope::All);
        return Ok(Drawn { list, total: runs.len() as u64, runs, are_named: true });
    };
    let of = chosen::scope(context, asked).await?;
    let list = Listing { of, deleted: false, filter, sort: None, descending: false };
    let pick = PickRuns { list: list.clone(), offset: 0, limit: Some(runs::MOST), evenly_by: None };
    let picked = context.call(pick).await?;
    if picked.runs.is_empty() {
        return Err(chosen::none());
    }
    Ok(Drawn { list, total: picked.total, runs: picked.runs, are_named: false })
}

/// All runs that are there.
const fn all_of(of: Scope) -> Listing {
    Listing { of, deleted: false, filter: String::new(), sort: None, descending: false }
}

/// What is said where axes were taken for runs: what stands behind `--parallel` and a space is a run.
fn axes_or_runs(error: ApiError, asked: &Plot) -> ApiError {
    let is_column = |run: &String| [METRIC, PARAM, TAG].iter().any(|kind| run.starts_with(kind));
    match asked.parallel.as_deref() {
        Some("") if asked.runs.iter().any(is_column) => {
            error.with_hint("Axes stand behind an equals sign: --parallel=param.lr,metric.loss.")
        }
        _ => error,
    }
}

/// The axes of parallel coordinates that nobody named: the window's own.
async fn first_axes(context: &Context, drawn: &Drawn) -> Outcome<Vec<String>> {
    let axes = match drawn.are_named {
        true => of_named(context, &drawn.runs).await?,
        false => {
            let table = context.call(ListRuns::of(drawn.list.clone(), 0, FIRST)).await?;
            let (below_metrics, below_params) = below(&table);
            let (rare, differing) = (rare(&table), differing(&table));
            let keys = Keys {
                metrics: &table.metric_keys,
                rare: &rare,
                params: &table.param_keys,
                tags: &table.tag_keys,
                below_metrics: &below_metrics,
                below_params: &below_params,
                differing: &differing,
                ranked_by: table.ranked_by.as_ref().map(|(key, _)| key.as_str()),
            };
            keys.first_axes()
        }
    };
    if axes.is_empty() {
        return Err(ApiError::not_found("The runs have no metric, and no param that differs.")
            .with_hint("Name the axes: --parallel=param.lr,param.model. `slipway run list --csv` has every column."));
    }
    Ok(axes)
}

/// Of runs that were named, by what these have alone, and by the metric that ranks where they are of one project.
async fn of_named(context: &Context, ids: &[RunId]) -> Outcome<Vec<String>> {
    let mut all: Vec<Run> = Vec::with_capacity(ids.len());
    for piece in ids.chunks(run_diff::MOST) {
        all.extend(context.call(GetRuns { runs: piece.to_vec() }).await?.into_iter().flatten());
    }
    let metrics: BTreeSet<&String> = all.iter().flat_map(|run| &run.metrics).map(|metric| &metric.key).collect();
    let metrics: Vec<String> = metrics.into_iter().cloned().collect();
    let params: Vec<_> = all.iter().map(|run| &run.params).collect();
    let project = all.first().and_then(|run| run.project);
    let project = project.filter(|project| all.iter().all(|run| run.project == Some(*project)));
    let ranked_by = match project {
        Some(project) => context.call(ListRuns::of(all_of(Scope::Project(project)), 0, 1)).await?.ranked_by,
        None => None,
    };
    let (differing, none) = (differing_among(&params), BTreeSet::new());
    let keys = Keys {
        metrics: &metrics,
        rare: &[],
        params: &differing,
        tags: &[],
        below_metrics: &none,
        below_params: &none,
        differing: &differing,
        ranked_by: ranked_by.as_ref().map(|(key, _)| key.as_str()),
    };
    Ok(keys.first_axes())
}

/// The values of the runs, piece by piece.
async fn cells(context: &Context, drawn: Drawn, axes: &[String]) -> Outcome<Cells> {
    let Drawn { list, runs, total, are_named } = drawn;
    let names: BTreeSet<&String> = axes.iter().collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let columns = Cells::asked(&names);
    let mut cells = Cells { total, zone_minutes: words::offset_minutes(), ..Cells::default() };
    let mut pieces = Pieces::of(runs);
    loop {
        let runs = pieces.following();
        if runs.is_empty() {
            break;
        }
        let request = TabulateRuns { list: list.clone(), columns: columns.clone(), offset: 0, limit: None, runs };
        let piece = context.call(request).await?;
        if !piece.notes.is_empty() {
            let sentences = piece.notes.iter().map(|note| note.sentence.as_str()).collect::<Vec<_>>().join(" ");
            return Err(
                ApiError::not_found(sentences).with_hint("`slipway run list --csv` has every column that there is.")
            );
        }
        pieces.came(piece.looked_at);
        cells.add(&names, piece);
    }
    if cells.ids.is_empty() {
        return Err(ApiError::not_found("None of the runs is here: they were deleted.")
            .with_hint("`slipway run list` names those that are; `slipway run restore` brings one back."));
    }
    if are_named {
        cells.marks = (0..cells.ids.len()).map(Mark::series).collect();
    }
    if cells.marks.len() > 1 {
        cells.legend = cells.marks.iter().copied().zip(cells.names.iter().cloned()).collect();
    }
    Ok(cells)
}

/// A column as a person reads it beside a drawing.
fn called(name: &str) -> String {
    let key = [METRIC, PARAM, TAG].iter().find_map(|kind| name.strip_prefix(kind));
    key.unwrap_or(name).to_owned()
}

fn show_scatter(context: &Context, asked: &Plot, (cells, now): (&Cells, &Plotted), axes: &[String]) -> Outcome {
    let [x, y, colour] = [0, 1, 2].map(|at| axes.get(at).map_or("", String::as_str));
    let chart = scatter_of(cells, now, [x, y, colour], called);
    let left_out = chart.left_out();
    if context.output.json && asked.file().is_none() {
        let mut told = told(cells, axes);
        told["left_out"] = left_out.into();
        return context.output.show(&told, |_| String::new());
    }
    if left_out == cells.ids.len() {
        return Err(ApiError::not_found(format!("No run has a place on the axes {x} and {y}."))
            .with_hint("A scatter lies along numbers, on a logarithmic axis along positive ones."));
    }
    let mut notes = notes(cells);
    if left_out > 0 {
        let runs = counted(left_out as u64, "run has", "runs have");
        notes.push(format!("{runs} no place on these axes: no number there, or none that a logarithm has."));
    }
    if asked.file().is_some() {
        let (drawing, _) = scatter_file(&chart, asked.contour, cells.legend.clone(), SCATTER);
        return write(context, asked, &drawing.svg, &notes);
    }
    let axes = plot::Axes { log_x: is_log(cells, now, x), log_y: is_log(cells, now, y), is_clock: is_moment(x) };
    let text = in_characters(&chart, &cells.legend, (asked.width, asked.height), (axes, output::coloured_answer()));
    let below = notes.iter().map(|note| format!("\n{}", output::harmless(note))).collect::<String>();
    context.output.print_drawn(&format!("{text}{below}"))
}

fn show_parallel(context: &Context, asked: &Plot, (cells, now): (&Cells, &Plotted), axes: &[String]) -> Outcome {
    if context.output.json && asked.file().is_none() {
        return context.output.show(&told(cells, axes), |_| String::new());
    }
    let axis = |name: &String| axis_of(cells, name, called(name), is_log(cells, now, name));
    let chart = parallel_of(axes.iter().map(axis).collect(), &cells.marks);
    let drawing = parallel_file(&chart, cells.legend.clone(), PARALLEL);
    write(context, asked, &drawing.svg, &notes(cells))
}

fn write(context: &Context, asked: &Plot, svg: &str, notes: &[String]) -> Outcome {
    put_svg(asked, svg)?;
    let Some(file) = asked.file() else { return Ok(()) };
    let said = |_: &Value| {
        let written = format!("{} is written.", file.display());
        [written].into_iter().chain(notes.iter().cloned()).collect::<Vec<_>>().join("\n")
    };
    context.output.show(&json!({ "file": file }), said)
}

/// What is said of the runs that are not drawn.
fn notes(cells: &Cells) -> Vec<String> {
    let shown = cells.ids.len() as u64;
    let said = || format!("The first {} of {} are drawn.", words::count(shown), counted(cells.total, "run", "runs"));
    (shown < cells.total).then(said).into_iter().collect()
}

/// The values for programs: a number where it is one, else as it was logged.
fn told(cells: &Cells, axes: &[String]) -> Value {
    let value = |text: &Option<String>| match text {
        Some(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => json!(text),
        },
        None => Value::Null,
    };
    let run = |(at, (id, name)): (usize, (&String, &String))| {
        let cell = |column: &String| (column.clone(), cells.column(column).get(at).map_or(Value::Null, value));
        json!({ "run": id, "name": name, "values": axes.iter().map(cell).collect::<Map<_, _>>() })
    };
    let runs: Vec<Value> = cells.ids.iter().zip(&cells.names).enumerate().map(run).collect();
    json!({ "axes": axes, "total": cells.total, "runs": runs })
}

/// Letters that tell runs apart; of more runs it is said how many lie at a place.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The scatter with characters: of a colour its step from 1 to 7, of named runs a letter each, else how many there are.
fn in_characters(
    chart: &Scatter,
    legend: &[(Mark, String)],
    size: (usize, usize),
    (axes, has_colours): (plot::Axes, bool),
) -> String {
    let tint = |index: usize| if has_colours { plot::colour(index) } else { 0 };
    let letter = |index: usize| LETTERS.chars().nth(index).unwrap_or('●');
    let has_letters = (2..=LETTERS.len()).contains(&legend.len());
    let mark = |members: &[usize]| match (&chart.shade, members) {
        (Some(shade), members) => (step(shade, members), 0),
        (None, [one]) if has_letters => (letter(*one), tint(*one)),
        (None, [_]) => ('●', 0),
        (None, _) if has_letters => ('*', 0),
        (None, several) => {
            (u32::try_from(several.len()).ok().and_then(|count| char::from_digit(count, 10)).unwrap_or('#'), 0)
        }
    };
    let points: Vec<(f64, f64)> = chart.x_values.iter().copied().zip(chart.y_values.iter().copied()).collect();
    let drawn = plot::scatter(&points, size, axes, mark).unwrap_or_else(|| "No points to draw.".to_owned());
    let key = match &chart.shade {
        Some(shade) => {
            let range = shade.range();
            vec![format!("1 to 7: {} from {} to {}", shade.name, words::figure(range.low), words::figure(range.high))]
        }
        None if has_letters => {
            let names = legend.iter().enumerate().map(|(index, (_, name))| format!("{} {name}", letter(index)));
            names.chain(["* several".to_owned()]).collect()
        }
        None => vec!["● a run, 2 to 9 so many, # more".to_owned()],
    };
    let key = key.iter().map(|line| output::one_line(&output::harmless(line))).collect::<Vec<_>>().join("\n");
    format!("{}\n{drawn}\n{key}", output::one_line(&output::harmless(&chart.name)))
}

/// The step of the mean of some runs' colour, from 1 on, as a picture has it; a dot where none has one.
fn step(shade: &Shade, members: &[usize]) -> char {
    let values: Vec<f64> =
        members.iter().filter_map(|at| shade.values.get(*at).copied()).filter(|value| value.is_finite()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    match ramp::role(&shade.range(), mean) {
        Role::Ramp(step) => char::from_digit(u32::from(step) + 1, 10).unwrap_or('·'),
        _ => '·',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scatter_has_two_axes_and_perhaps_a_colour() {
        assert_eq!(scatter_axes("param.\"a, b\",metric.loss").unwrap(), ["param.a, b", "metric.loss"]);
        assert_eq!(scatter_axes("param.lr,param.l2,metric.loss").unwrap().len(), 3);
        for odd in ["", "param.lr", "param.a,param.b,param.c,param.d"] {
            assert!(scatter_axes(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_point_says_who_it_is_how_many_they_are_or_its_colour() {
        let chart = Scatter {
            name: "loss over lr".to_owned(),
            x_values: vec![0.0, 1.0, 1.0],
            y_values: vec![0.0, 1.0, 1.0],
            ..Scatter::default()
        };
        let legend: Vec<(Mark, String)> = ["slow", "fast", "other"]
            .iter()
            .enumerate()
            .map(|(at, name)| (Mark::series(at), (*name).to_owned()))
            .collect();
        let drawn =
            |chart: &Scatter, legend: &[_]| in_characters(chart, legend, (4, 2), (plot::Axes::default(), false));
        let named = drawn(&chart, &legend);
        assert!(named.starts_with("loss over lr\n1 ┤   *\n0 ┤a   \n"), "{named}");
        assert!(named.ends_with("a slow\nb fast\nc other\n* several"), "{named}");
        assert!(drawn(&chart, &[]).contains("1 ┤   2\n0 ┤●   \n"), "{}", drawn(&chart, &[]));
        let shade = Some(Shade { name: "f1".to_owned(), values: vec![0.0, 1.0, 1.0], ..Shade::default() });
        let coloured = drawn(&Scatter { shade, ..chart.clone() }, &legend);
        assert!(coloured.contains("1 ┤   7\n0 ┤1   \n") && coloured.ends_with("1 to 7: f1 from 0 to 1"), "{coloured}");
    }
}
