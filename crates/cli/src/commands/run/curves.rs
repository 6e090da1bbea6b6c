//! `slipway run plot`: the curves of runs in the terminal, or in a picture.

use std::path::PathBuf;

use api::{
    ApiError, ErrorCode, RunId,
    run::{GetRun, Run},
    series::Series,
};
use charts::{
    axis::Axis,
    export,
    line::{self, Line, LineChart},
    plot::Size,
    role::Role,
};
use clap::{Args, ValueEnum};
use client::call::Viewport;
use serde_json::{Value, json};

use crate::{
    context::{Context, Outcome},
    output, plot,
};

/// The picture's, as in the window's exports.
const PICTURE: Size = Size { width: 860.0, height: 420.0 };
/// Points of a series for each character of the drawing's width.
const DETAIL: usize = 4;

#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// Runs by name or id, or `latest`; several lie over each other
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Only this series; may be given several times. By default every one that is not about the system
    #[arg(long = "metric", short, value_name = "KEY")]
    metrics: Vec<String>,
    /// What lies along the axis: steps, or seconds since the run began
    #[arg(long, value_enum, default_value_t = Along::Step)]
    x: Along,
    /// From this step on
    #[arg(long)]
    from: Option<i64>,
    /// Up to this step
    #[arg(long)]
    to: Option<i64>,
    /// The drawing's width in characters
    #[arg(long, default_value_t = 72)]
    width: usize,
    /// The drawing's height in lines
    #[arg(long, default_value_t = 12)]
    height: usize,
    /// Write a picture of one series into this file instead
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Along {
    Step,
    Time,
}

impl Along {
    const fn label(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Time => "s",
        }
    }
}

/// A series of a run.
struct Curve {
    run: RunId,
    name: String,
    key: String,
    series: Series,
    /// Milliseconds since the epoch.
    began_ms: f64,
}

impl Curve {
    fn x(&self, along: Along) -> Vec<f64> {
        match along {
            Along::Step => self.series.step.clone(),
            Along::Time => self.series.time_ms.iter().map(|at_ms| (at_ms - self.began_ms) / 1000.0).collect(),
        }
    }

    fn to_json(&self) -> Value {
        let numbers = |values: &[f64]| values.iter().map(|value| number(*value)).collect::<Vec<_>>();
        json!({
            "run": self.run, "name": self.name, "key": self.key, "raw": self.series.raw,
            "step": numbers(&self.series.step), "time_ms": numbers(&self.series.time_ms),
            "last": numbers(&self.series.last), "min": numbers(&self.series.min), "max": numbers(&self.series.max),
        })
    }
}

pub(super) async fn run(context: &Context, asked: Plot) -> Outcome {
    let mut runs = Vec::with_capacity(asked.runs.len());
    for run in context.runs(&asked.runs, false).await? {
        runs.push(context.call(GetRun { run }).await?);
    }
    let keys = keys(&runs, &asked.metrics)?;
    if asked.svg.is_some() && keys.len() != 1 {
        return Err(ApiError::invalid(format!("A picture has one series, and there are {}.", keys.len()))
            .with_hint(format!("Name one with --metric: {}.", keys.join(", "))));
    }
    let mut charts = Vec::with_capacity(keys.len());
    for key in keys {
        let curves = curves(context, &asked, &runs, &key).await?;
        charts.push((key, curves));
    }
    if let (Some(file), [(key, curves)]) = (&asked.svg, charts.as_slice()) {
        let svg = picture(key, curves, asked.x);
        std::fs::write(file, svg)
            .map_err(|error| ApiError::new(ErrorCode::Invalid, format!("Can't write {}: {error}.", file.display())))?;
        return context.output.show(&json!({ "file": file }), |_| format!("{} is written.", file.display()));
    }
    if context.output.json {
        let all: Vec<Value> = charts.iter().flat_map(|(_, curves)| curves).map(Curve::to_json).collect();
        return context.output.show(&all, |_| String::new());
    }
    for (key, curves) in charts {
        let lines: Vec<plot::Line> = curves
            .iter()
            .map(|curve| {
                let points = curve.x(asked.x).into_iter().zip(curve.series.last.iter().copied()).collect();
                plot::Line { name: output::harmless(&curve.name).into_owned(), points }
            })
            .collect();
        let drawn = plot::plot(&lines, asked.width, asked.height, output::coloured_answer());
        context.output.print(&format!("{}\n{drawn}\n", output::harmless(&key)))?;
    }
    Ok(())
}

/// The series to draw: those that are asked for, each of which a run must have, or all that are not about the system.
fn keys(runs: &[Run], asked: &[String]) -> Outcome<Vec<String>> {
    // A final figure has no points, only a value.
    let all = runs.iter().flat_map(|run| &run.metrics).filter(|metric| metric.count > 0);
    let mut known: Vec<String> = all.map(|metric| metric.key.clone()).collect();
    known.sort_unstable();
    known.dedup();
    if let Some(missing) = asked.iter().find(|key| !known.contains(key)) {
        let error = ApiError::not_found(format!("No such series is there: \"{missing}\"."));
        return Err(if known.is_empty() {
            error
        } else {
            error.with_hint(format!("There are: {}.", known.join(", ")))
        });
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    known.retain(|key| !key.starts_with("system/"));
    Ok(known)
}

/// A series of those runs that have it.
async fn curves(context: &Context, asked: &Plot, runs: &[Run], key: &str) -> Outcome<Vec<Curve>> {
    let has = |run: &&Run| run.metrics.iter().any(|metric| metric.key == key && metric.count > 0);
    let points = u32::try_from(asked.width * DETAIL).unwrap_or(u32::MAX);
    let mut curves = Vec::new();
    for run in runs.iter().filter(has) {
        let viewport = Viewport { run: run.id, key: key.to_owned(), from: asked.from, to: asked.to, points };
        let series = context.session.series(&viewport).await?;
        let began_ms = run.started_ms.unwrap_or(run.created_ms) as f64;
        curves.push(Curve { run: run.id, name: run.name.clone(), key: key.to_owned(), series, began_ms });
    }
    Ok(curves)
}

fn picture(key: &str, curves: &[Curve], along: Along) -> String {
    let line = |(index, curve): (usize, &Curve)| {
        let band = curve.series.min.iter().copied().zip(curve.series.max.iter().copied()).collect();
        let (x, y) = (curve.x(along), curve.series.last.clone());
        Line { band, ..Line::new(curve.name.clone(), Role::series(index), x, y) }
    };
    let lines: Vec<Line> = curves.iter().enumerate().map(line).collect();
    let names: Vec<(Role, String)> = lines.iter().map(|line| (line.role, format!("{key}: {}", line.name))).collect();
    let x = Axis::labelled(along.label());
    let chart =
        LineChart { name: key.to_owned(), lines, x, y: Axis::labelled(key), has_marks: true, ..LineChart::default() };
    export::standalone(&export::with_names(&line::draw(&chart, PICTURE), PICTURE, &names), &export::LIGHT)
}

/// NaN and ±∞ as the texts that the protocol uses.
fn number(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => number.into(),
        None if value.is_nan() => "NaN".into(),
        None => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
    }
}
