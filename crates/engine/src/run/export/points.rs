//! The points of some series as CSV, as many of them as a chart has in view: read and written in pieces as they are taken, so
//! that the longest series needs no more room than a short one, and none is ever left out. Of a long series only what the
//! view touches is read.

use std::{collections::VecDeque, ops::Range};

use anyhow::{Context as _, bail};
use api::{
    ApiError, RunId,
    series::{MOST_VIEWPORTS, Point, Viewport},
};
use store::points::Window;

use super::{PIECE, tables::POINT_COLUMNS};
use crate::{
    Engine,
    run::board::{moment, number},
};

/// A series, and how far it was told.
struct Series {
    run: RunId,
    /// The run's.
    name: String,
    key: String,
    number: i64,
    window: Window,
    /// What comes later is not told.
    end: u64,
    /// Where the points stand that are not read yet; `None` before the first are.
    left: Option<VecDeque<Range<u64>>>,
}

/// What is not told yet.
pub struct Telling {
    series: VecDeque<Series>,
}

/// The first line, which names the columns, and what follows it: each series in turn, its points in the order of their
/// coming. What of the runs is not there, since they have only begun, has no points.
pub async fn tell(engine: &Engine, asked: Vec<Viewport>) -> anyhow::Result<(Vec<u8>, Telling)> {
    if asked.len() > MOST_VIEWPORTS {
        let message = format!("{MOST_VIEWPORTS} series are written at once, and {} were named.", asked.len());
        bail!(ApiError::invalid(message).with_hint("Ask for the others apart."));
    }
    if asked.iter().any(|one| one.over.is_some()) {
        let message = "Points over another metric are not written: each stands at its step.";
        bail!(ApiError::invalid(message).with_hint("Ask for both metrics without it; they meet by their steps."));
    }
    let opened = engine.store().read(move |c| {
        let mut series = VecDeque::with_capacity(asked.len());
        for Viewport { run, key, from, to, from_ms, to_ms, .. } in asked {
            let Some(row) = store::run::bare(c, run)? else {
                return Err(ApiError::not_found("One of these runs is not there any more.").into());
            };
            let Some((number, end)) = store::metric::find(c, run, &key)? else { continue };
            let between = |from: Option<i64>, to: Option<i64>| (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
            let window = Window { steps: between(from, to), times: between(from_ms, to_ms) };
            series.push_back(Series { run, name: row.run.name, key, number, window, end, left: None });
        }
        Ok(series)
    });
    let series = opened.await?;
    let head = lines(|out| Ok(out.write_record(POINT_COLUMNS)?))?;
    Ok((head, Telling { series }))
}

impl Telling {
    /// The next lines, and what is left behind them; `None` once all were told.
    pub async fn next(mut self, engine: &Engine) -> anyhow::Result<Option<(Vec<u8>, Self)>> {
        while let Some(one) = self.series.pop_front() {
            if one.left.as_ref().is_some_and(VecDeque::is_empty) {
                continue;
            }
            let (one, points) = engine.store().read(move |c| one.piece(c)).await?;
            let text = lines(|out| one.write(&points, out))?;
            self.series.push_front(one);
            // Of what is not in view nothing is said.
            if !text.is_empty() {
                return Ok(Some((text, self)));
            }
        }
        Ok(None)
    }
}

impl Series {
    /// The next points in its window: none where what was read has none.
    fn piece(mut self, c: &store::Connection) -> store::Result<(Self, Vec<Point>)> {
        let mut left = match self.left.take() {
            Some(left) => left,
            None => store::points::touched(c, self.number, self.window, self.end)?.into(),
        };
        let (mut points, mut read) = (Vec::new(), 0);
        while read < PIECE
            && let Some(span) = left.pop_front()
        {
            let count = (span.end - span.start).min(PIECE - read);
            let found = store::points::raw_points(c, self.number, span.start, count)?;
            if found.is_empty() {
                return Err(ApiError::not_found("The run was deleted while its points were read.").into());
            }
            let next = span.start + found.len() as u64;
            if next < span.end {
                left.push_front(next..span.end);
            }
            read += found.len() as u64;
            points.extend(found.into_iter().filter(|point| self.window.has(point.step, point.time_ms)));
        }
        self.left = Some(left);
        Ok((self, points))
    }

    fn write(&self, points: &[Point], out: &mut csv::Writer<Vec<u8>>) -> anyhow::Result<()> {
        let id = self.run.to_string();
        for point in points {
            let (step, time, value) = (point.step.to_string(), moment(point.time_ms), number(point.value));
            out.write_record([&*id, &*self.name, &*self.key, &*step, &*time, &*value])?;
        }
        Ok(())
    }
}

fn lines(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> anyhow::Result<()>) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    write(&mut out)?;
    out.into_inner().context("write points as CSV")
}
