//! From a window back to the rows that it was counted from, as long as the log keeps them.
//!
//! Only a page of rows is in memory: a filter reads its one column batch by batch and remembers where the rows of
//! the page lie; then these alone are read whole. It ends with the request.

use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    config::ColumnType,
    dataset::{Column, Preview, Role},
    drift::{ColumnDrift, DriftReport},
    monitor::{ColumnPart, GetWindowRows, RowsOf, WindowRows},
};
use arrow_schema::SchemaRef;
use data::drift::part;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection},
};
use store::window::KeptPiece;

use crate::{
    Engine,
    blocking::{self, Tell},
    deploy,
    monitor::window,
};

const MOST_ROWS: u32 = 1000;
const BATCH_ROWS: usize = 8192;
/// The log's column with the time of receipt.
const RECEIVED: &str = "_received_ms";

pub(crate) async fn get(engine: &Engine, request: GetWindowRows) -> anyhow::Result<WindowRows> {
    let (row, hidden) = window::shown(engine, request.window).await?;
    let log_days = deploy::find(engine, row.deployment).await?.spec.log_days;
    let only = request.only.map(|only| known(&row.report, only)).transpose()?;
    let asked = row.clone();
    let pieces = engine.store().read(move |c| store::window::pieces(c, &asked)).await?;
    let kept = Kept { folder: engine.workspace().deployment(row.deployment), pieces, report: row.report, hidden };
    let (offset, limit) = (request.offset, u64::from(request.limit.min(MOST_ROWS)));
    let mut heard = |()| ControlFlow::Continue(());
    blocking::run(&mut heard, move |tell| {
        let segments = kept.segments()?;
        let Some(schema) = segments.first().map(Segment::schema).transpose()? else {
            let page = Preview { columns: Vec::new(), total_rows: 0, offset, rows: Vec::new() };
            return Ok(WindowRows { page, gone_rows: row.rows, log_days, not_logged: Vec::new() });
        };
        let not_logged = kept.not_logged(&schema);
        let (total_rows, wanted) = choose(&segments, only.as_ref(), offset, limit, tell)?;
        let mut page = Preview { columns: kept.columns(&schema), total_rows, offset, rows: Vec::new() };
        for (segment, places) in wanted {
            page.rows.extend(read(segment, &places, &page.columns, tell)?);
        }
        let kept_rows: u64 = segments.iter().map(|segment| segment.rows).sum();
        Ok(WindowRows { page, gone_rows: row.rows.saturating_sub(kept_rows), log_days, not_logged })
    })
    .await
}

/// A filter's column as it was compared. Refuses what no row can be asked by.
fn known(report: &DriftReport, only: RowsOf) -> anyhow::Result<(ColumnDrift, ColumnPart)> {
    let name = &only.column;
    let Some(column) = report.columns.iter().find(|column| column.column == *name) else {
        bail!(ApiError::not_found(format!("The window has no column \"{name}\".")));
    };
    let bars = column.distribution.as_ref().map(part::bars);
    match (only.part, bars) {
        (ColumnPart::Missing, _) => {}
        (_, None) => bail!(ApiError::invalid(format!(
            "\"{name}\" has no distribution in this window, so its rows can't be chosen by it: {}.",
            column.sentence
        ))),
        (ColumnPart::Bar { bar }, Some(bars)) if bar as usize >= bars => {
            bail!(ApiError::invalid(format!("\"{name}\" has {bars} bars, numbered from 0: there is no bar {bar}.")))
        }
        _ => {}
    }
    Ok((column.clone(), only.part))
}

/// What is left of a window.
struct Kept {
    folder: PathBuf,
    pieces: Vec<KeptPiece>,
    report: DriftReport,
    /// Columns that are sensitive now, whatever the log has of them.
    hidden: Vec<String>,
}

impl Kept {
    /// Pieces whose rows are there.
    fn segments(&self) -> anyhow::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for piece in &self.pieces {
            let Some(file) = &piece.file else { continue };
            let path = self.folder.join(file);
            if path.try_exists().with_context(|| format!("read {}", path.display()))? {
                segments.push(Segment { path, from_row: piece.from_row, rows: piece.rows });
            }
        }
        Ok(segments)
    }

    fn kind(&self, name: &str) -> Option<ColumnType> {
        self.report.columns.iter().find(|column| column.column == name).map(|column| column.kind)
    }

    /// The receipt, then the others as they were logged.
    fn columns(&self, schema: &SchemaRef) -> Vec<Column> {
        let received = schema.fields().iter().filter(|field| field.name() == RECEIVED).map(|field| Column {
            name: field.name().clone(),
            kind: ColumnType::Datetime,
            role: Role::Timestamp,
        });
        let is_shown = |name: &String| name != RECEIVED && !self.hidden.contains(name);
        let others = schema.fields().iter().filter(|field| is_shown(field.name())).map(|field| Column {
            name: field.name().clone(),
            kind: self.kind(field.name()).unwrap_or_else(|| data::column::kind(field)),
            role: Role::Feature,
        });
        received.chain(others).collect()
    }

    fn not_logged(&self, schema: &SchemaRef) -> Vec<String> {
        let names = self.report.columns.iter().map(|column| &column.column);
        let is_logged = |name: &str| schema.column_with_name(name).is_some();
        names.filter(|name| !is_logged(name) || self.hidden.contains(name)).cloned().collect()
    }
}

/// The rows of a fetched segment that the window took.
struct Segment {
    path: PathBuf,
    from_row: u64,
    rows: u64,
}

impl Segment {
    fn open(&self) -> anyhow::Result<ParquetRecordBatchReaderBuilder<File>> {
        let file = File::open(&self.path).with_context(|| reading(&self.path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(|| reading(&self.path))?;
        Ok(builder.with_batch_size(BATCH_ROWS))
    }

    fn schema(&self) -> anyhow::Result<SchemaRef> {
        Ok(self.open()?.schema().clone())
    }

    /// One column of the window's rows.
    fn column(&self, name: &str) -> anyhow::Result<ParquetRecordBatchReader> {
        let builder = self.open()?;
        let Some((place, _)) = builder.schema().column_with_name(name) else {
            bail!(
                ApiError::invalid(format!("\"{name}\" is not in the log, so its rows can't be chosen by it."))
                    .with_hint("Sensitive columns and pictures are never logged.")
            );
        };
        let mask = ProjectionMask::roots(builder.parquet_schema(), [place]);
        let (from, rows) = (usize::try_from(self.from_row)?, usize::try_from(self.rows)?);
        builder.with_projection(mask).with_offset(from).with_limit(rows).build().with_context(|| reading(&self.path))
    }
}

fn reading(path: &Path) -> String {
    format!("read {}", path.display())
}

/// Rows of one file by their places in it, rising.
type Places<'a> = (&'a Segment, Vec<usize>);

/// How many rows fit, and where those of the page lie.
fn choose<'a>(
    segments: &'a [Segment],
    only: Option<&(ColumnDrift, ColumnPart)>,
    offset: u64,
    limit: u64,
    tell: Tell<'_, ()>,
) -> anyhow::Result<(u64, Vec<Places<'a>>)> {
    let (mut total, mut wanted) = (0, Vec::new());
    let page = offset..offset.saturating_add(limit);
    for segment in segments {
        let mut places = Vec::new();
        match only {
            None => {
                let start = page.start.clamp(total, total + segment.rows) - total;
                let end = page.end.clamp(total, total + segment.rows) - total;
                for row in start..end {
                    places.push(usize::try_from(segment.from_row + row)?);
                }
                total += segment.rows;
            }
            Some((column, part)) => {
                let mut row = usize::try_from(segment.from_row)?;
                for batch in segment.column(&column.column)? {
                    let batch = batch.with_context(|| reading(&segment.path))?;
                    let fits = part::rows_in(&batch, column, *part)?.unwrap_or_default();
                    for (at, _) in fits.iter().enumerate().filter(|(_, fits)| **fits) {
                        if page.contains(&total) {
                            places.push(row + at);
                        }
                        total += 1;
                    }
                    row += batch.num_rows();
                    go_on(tell)?;
                }
            }
        }
        if !places.is_empty() {
            wanted.push((segment, places));
        }
    }
    Ok((total, wanted))
}

fn read(
    segment: &Segment,
    places: &[usize],
    columns: &[Column],
    tell: Tell<'_, ()>,
) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let builder = segment.open()?;
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows())?;
    let selection = RowSelection::from_consecutive_ranges(places.iter().map(|place| *place..*place + 1), rows);
    let reader = builder.with_row_selection(selection).build().with_context(|| reading(&segment.path))?;
    let mut cells = Vec::with_capacity(places.len());
    for batch in reader {
        cells.extend(data::preview::cells(&batch.with_context(|| reading(&segment.path))?, columns));
        go_on(tell)?;
    }
    Ok(cells)
}

/// Nobody waits for the answer any more: the request was given up.
fn go_on(tell: Tell<'_, ()>) -> anyhow::Result<()> {
    if tell(()).is_break() {
        bail!(ApiError::new(ErrorCode::Cancelled, "It was cancelled."));
    }
    Ok(())
}
