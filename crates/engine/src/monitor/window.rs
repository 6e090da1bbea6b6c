//! Windows: which logged rows are compared together, and what came out.

use std::{fs::File, path::Path};

use anyhow::Context as _;
use api::{
    VersionId, WindowId,
    config::{ColumnType, MonitoringConfig},
    drift::{ColumnDrift, DriftReport, DriftTest, Verdict},
    figure::counted,
    monitor::{WindowCell, WindowSummary},
};
use arrow_array::RecordBatch;
use data::drift::{
    compare::{self, ColumnSpec},
    floor::Floors,
    window::{WindowRule, window_closes},
};
use jiff::{Timestamp, tz::TimeZone};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use store::{
    blob::BlobHash,
    deployment::DeploymentRow,
    version::VersionRow,
    window::{Piece, SegmentRow, WindowRow},
};

use crate::{Engine, deploy, error, package, snapshot::thousands};

/// Windows that one pass closes at most: a long backlog leaves room for other deployments.
const AT_ONCE: usize = 50;

/// "every 1,000 rows", "every day".
pub(crate) fn every(rule: WindowRule) -> String {
    match rule {
        WindowRule::Rows { rows } => format!("every {} rows", thousands(rows)),
        WindowRule::Time { interval_ms, min_rows } => {
            let every = match span(interval_ms) {
                (1, unit) => unit.to_owned(),
                (count, unit) => format!("{count} {unit}s"),
            };
            format!("every {every}, with at least {}", counted(min_rows, "row", "rows"))
        }
    }
}

/// When the open window closes, and how many rows it has: "closes at 14:00 tomorrow, if it then has 1,000
/// rows; 312 so far". The time of day is that of `zone`.
pub(crate) fn until(rule: WindowRule, rows: u64, opened_ms: Option<i64>, now_ms: i64, zone: &TimeZone) -> String {
    let more = |missing: u64| format!("closes after {}", counted(missing, "more row", "more rows"));
    let when = match (rule, opened_ms) {
        (WindowRule::Rows { rows: needed }, _) => more(needed.saturating_sub(rows)),
        (WindowRule::Time { interval_ms, min_rows }, None) => {
            let (count, unit) = span(interval_ms);
            let plural = if count == 1 { "" } else { "s" };
            let closes = format!("begins with the next row and closes {count} {unit}{plural} later");
            return if min_rows > 1 {
                format!("{closes}, if it then has {} rows", thousands(min_rows))
            } else {
                closes
            };
        }
        (WindowRule::Time { interval_ms, min_rows }, Some(opened_ms)) => {
            let closes_ms = opened_ms.saturating_add(interval_ms);
            let missing = min_rows.saturating_sub(rows);
            match (closes_ms <= now_ms, missing) {
                (true, 0) => "closes at the next look".to_owned(),
                (true, missing) => more(missing),
                (false, 0) => format!("closes {}", moment(closes_ms, now_ms, zone)),
                (false, _) => {
                    let at = moment(closes_ms, now_ms, zone);
                    format!("closes {at}, if it then has {}", counted(min_rows, "row", "rows"))
                }
            }
        }
    };
    let so_far = if rows == 0 { "none".to_owned() } else { thousands(rows) };
    format!("{when}; {so_far} so far")
}

/// "at 14:00", "at 14:00 tomorrow", "at 14:00 on 30 Nov"; a minute that has begun counts whole.
fn moment(at_ms: i64, now_ms: i64, zone: &TimeZone) -> String {
    let local = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(zone.clone());
    let (at, today) = (local(at_ms.saturating_add(59_999)), local(now_ms).date());
    let clock = at.strftime("%H:%M");
    if at.date() == today {
        format!("at {clock}")
    } else if today.tomorrow().is_ok_and(|tomorrow| tomorrow == at.date()) {
        format!("at {clock} tomorrow")
    } else {
        format!("at {clock} on {}", at.strftime("%-d %b"))
    }
}

/// An interval in the largest unit that it is a whole number of: (36, "hour"), (1, "day").
const fn span(ms: i64) -> (i64, &'static str) {
    let seconds = (ms + 999) / 1000;
    if seconds % 86_400 == 0 {
        (seconds / 86_400, "day")
    } else if seconds % 3_600 == 0 {
        (seconds / 3_600, "hour")
    } else if seconds % 60 == 0 {
        (seconds / 60, "minute")
    } else {
        (seconds, "second")
    }
}

pub(crate) async fn find(engine: &Engine, id: WindowId) -> anyhow::Result<WindowRow> {
    let found = engine.store().read(move |c| store::window::get(c, id)).await?;
    found.ok_or_else(|| error::missing("window", id))
}

/// A window as it may be looked into, and its version's columns that are sensitive now: of one that was marked since,
/// no values are shown.
pub(crate) async fn shown(engine: &Engine, id: WindowId) -> anyhow::Result<(WindowRow, Vec<String>)> {
    let mut row = find(engine, id).await?;
    let version = row.version;
    let hidden = match engine.store().read(move |c| store::version::get(c, version)).await? {
        Some(version) => deploy::sensitive::of(engine, &version.version).await?,
        None => Vec::new(),
    };
    for column in row.report.columns.iter_mut().filter(|column| hidden.contains(&column.column)) {
        column.distribution = None;
        column.sentence = "It is sensitive: its values are not shown".to_owned();
    }
    Ok((row, hidden))
}

pub(crate) fn summary(row: &WindowRow) -> WindowSummary {
    WindowSummary {
        id: row.id,
        version: row.version,
        version_number: row.version_number,
        from_ms: row.from_ms,
        to_ms: row.to_ms,
        rows: row.rows,
        cells: row.report.columns.iter().map(cell).collect(),
        drifted: row.report.drifted,
        dataset_drifted: row.report.dataset_drifted,
    }
}

fn cell(column: &ColumnDrift) -> WindowCell {
    WindowCell {
        column: column.column.clone(),
        value: column.adjusted.or(column.value),
        intensity: intensity(column),
        verdict: column.verdict,
    }
}

/// How near its limit a column is: 1 at the limit. p-values on their logarithm, since 0.05 and 0.0005
/// are as far apart as 0.5 and 0.005.
pub(crate) fn intensity(column: &ColumnDrift) -> f64 {
    let missing = if column.missing_drifted {
        (column.current_missing - column.reference_missing).abs() / compare::MISSING_LIMIT
    } else {
        0.0
    };
    let Some(value) = column.adjusted.or(column.value).filter(|value| !value.is_nan()) else { return missing };
    let intensity = if column.test.is_p_value() {
        value.max(1e-300).ln() / column.threshold.clamp(1e-300, 0.999).ln()
    } else {
        value / column.threshold.max(column.floor.unwrap_or(0.0)).max(1e-12)
    };
    intensity.clamp(0.0, 1000.0).max(missing)
}

/// A piece of a segment that a window takes.
struct Taken {
    segment: SegmentRow,
    from: u64,
    rows: u64,
}

/// The rows of the next window, if one is due.
fn due(segments: &[SegmentRow], rule: WindowRule, now_ms: i64) -> Option<Vec<Taken>> {
    let available: u64 = segments.iter().map(|segment| segment.rows - segment.taken).sum();
    let opened_ms = segments.first()?.from_ms;
    if !window_closes(now_ms, opened_ms, available, rule) {
        return None;
    }
    let mut taken = Vec::new();
    let mut rows = 0;
    for segment in segments {
        let left = segment.rows - segment.taken;
        let room = rule.room(rows).unwrap_or(left);
        let count = left.min(room);
        if count > 0 {
            taken.push(Taken { segment: segment.clone(), from: segment.taken, rows: count });
            rows += count;
        }
        // After a long gap the backlog is cut where its windows would have closed.
        if window_closes(segment.to_ms, opened_ms, rows, rule) {
            break;
        }
    }
    Some(taken)
}

/// Closes every window of a version that is due; the newly closed ones, oldest first.
pub(crate) async fn close_due(
    engine: &Engine,
    row: &DeploymentRow,
    version: VersionId,
    config: &MonitoringConfig,
) -> anyhow::Result<Vec<WindowRow>> {
    let rule = WindowRule::parse(&config.window, config.min_rows)?;
    let mut closed = Vec::new();
    while closed.len() < AT_ONCE {
        let id = row.id;
        let segments = engine.store().read(move |c| store::window::open_segments(c, id, version)).await?;
        let Some(taken) = due(&segments, rule, engine.now_ms()) else { break };
        let window = close(engine, row, version, config, taken).await?;
        closed.push(window);
    }
    Ok(closed)
}

async fn close(
    engine: &Engine,
    row: &DeploymentRow,
    version: VersionId,
    config: &MonitoringConfig,
    taken: Vec<Taken>,
) -> anyhow::Result<WindowRow> {
    let version = package::version(engine, version).await?;
    let floors_name = store::setting::floors_of(&version.version.content);
    let name = floors_name.clone();
    let floors: Floors = engine.store().read(move |c| store::setting::get(c, &name)).await?.unwrap_or_default();
    let (blobs, folder, config) = (engine.blobs().clone(), engine.workspace().deployment(row.id), config.clone());
    let mut window = WindowRow {
        id: WindowId::from_bytes(engine.new_id()),
        deployment: row.id,
        version: version.version.id,
        version_number: version.version.number,
        from_ms: taken.iter().map(|piece| piece.segment.from_ms).min().unwrap_or_default(),
        to_ms: taken.iter().map(|piece| piece.segment.to_ms).max().unwrap_or_default(),
        rows: taken.iter().map(|piece| piece.rows).sum(),
        report: DriftReport {
            reference_rows: 0,
            current_rows: 0,
            columns: Vec::new(),
            drifted: 0,
            share: 0.0,
            dataset_drifted: false,
            remarks: Vec::new(),
        },
    };
    let pieces: Vec<Piece> = taken
        .iter()
        .map(|piece| Piece { segment: piece.segment.name.clone(), from_row: piece.from, rows: piece.rows })
        .collect();
    // What one of the instances did not log, or must not have logged, is not watched.
    let mut hidden = deploy::sensitive::of(engine, &version.version).await?;
    hidden.extend(row.spec.not_logged.iter().cloned());
    let (report, grown) = tokio::task::spawn_blocking(move || {
        let mut floors = floors;
        let report = compare_rows(&blobs, &version, &folder, &taken, &config, &hidden, &mut floors)?;
        anyhow::Ok((report, floors))
    })
    .await??;
    window.report = report;
    let written = window.clone();
    engine
        .store()
        .write(move |tx| {
            store::setting::put(tx, &floors_name, &grown)?;
            store::window::close(tx, &written, &pieces)
        })
        .await?;
    Ok(window)
}

fn compare_rows(
    blobs: &store::blob::Blobs,
    version: &VersionRow,
    folder: &Path,
    taken: &[Taken],
    config: &MonitoringConfig,
    hidden: &[String],
    floors: &mut Floors,
) -> anyhow::Result<DriftReport> {
    let reference = match version.files.iter().find(|file| file.path == infer::bundle::REFERENCE_FILE) {
        Some(file) => {
            let hash: BlobHash = file.blake3.parse().context("read the hash of the reference")?;
            read(&blobs.path(&hash), 0, u64::MAX)?
        }
        None => Vec::new(),
    };
    let mut current = Vec::new();
    for piece in taken {
        current.extend(read(&folder.join(&piece.segment.file), piece.from, piece.rows)?);
    }
    let options = compare::Options { drift_share: config.drift_share, ..compare::Options::default() };
    Ok(compare::compare(&reference, &current, &columns(version, config, hidden), &options, floors)?)
}

/// The model's inputs, the hidden ones not watched, then what it answered: drift of its predictions.
fn columns(version: &VersionRow, config: &MonitoringConfig, hidden: &[String]) -> Vec<ColumnSpec> {
    let signature = &version.version.signature;
    let spec = |name: &str, kind: ColumnType, sensitive: bool| ColumnSpec {
        name: name.to_owned(),
        kind,
        sensitive,
        test: config.tests.get(name).copied(),
        threshold: config.thresholds.get(name).copied(),
    };
    let inputs = signature.inputs.iter().map(|input| spec(&input.name, input.kind, hidden.contains(&input.name)));
    let outputs = signature.outputs.iter().map(|output| {
        // The log renames an answer that has an input's name.
        let taken = signature.inputs.iter().any(|input| input.name == output.name);
        let name = if taken { format!("_output_{}", output.name) } else { output.name.clone() };
        spec(&name, output.kind, false)
    });
    inputs.chain(outputs).collect()
}

/// Some rows of a Parquet file.
fn read(path: &Path, from: u64, rows: u64) -> anyhow::Result<Vec<RecordBatch>> {
    let named = || format!("read {}", path.display());
    let file = File::open(path).with_context(named)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(named)?;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let reader = builder.with_offset(from as usize).with_limit(rows).build().with_context(named)?;
    reader.collect::<Result<Vec<_>, _>>().with_context(named)
}

/// "amount drifted: Wasserstein 0.31, limit 0.10, for 2 windows".
pub(crate) fn sentence(column: &ColumnDrift, windows: u32) -> String {
    let test = match column.test {
        DriftTest::Ks => "Kolmogorov–Smirnov p",
        DriftTest::Chisquare => "chi² p",
        DriftTest::Z => "Z test p",
        DriftTest::Wasserstein => "Wasserstein",
        DriftTest::Jensenshannon => "Jensen–Shannon",
        DriftTest::Psi => "PSI",
    };
    let value = column.adjusted.or(column.value).unwrap_or_default();
    let value =
        if column.test.is_p_value() && value < 0.001 { "under 0.001".to_owned() } else { format!("{value:.2}") };
    let plural = if windows == 1 { "" } else { "s" };
    if column.missing_drifted {
        return format!(
            "{} drifted: share of missing values, limit {:.0} points, for {windows} window{plural}. {}",
            column.column,
            compare::MISSING_LIMIT * 100.0,
            column.sentence
        );
    }
    format!(
        "{} drifted: {test} {value}, limit {:.2}, for {windows} window{plural}. {}",
        column.column, column.threshold, column.sentence
    )
}

/// Whether a verdict speaks of drift at all.
pub(crate) fn verdict(report: &DriftReport, column: &str) -> Option<Verdict> {
    report.columns.iter().find(|found| found.column == column).map(|found| found.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(name: &str, rows: u64, from_ms: i64, to_ms: i64) -> SegmentRow {
        SegmentRow {
            deployment: api::DeploymentId::from_bytes([1; 16]),
            name: name.to_owned(),
            instance: "i".to_owned(),
            version: VersionId::from_bytes([2; 16]),
            rows,
            taken: 0,
            from_ms,
            to_ms,
            file: String::new(),
        }
    }

    fn rows(taken: Option<Vec<Taken>>) -> Vec<(String, u64, u64)> {
        taken.unwrap_or_default().into_iter().map(|piece| (piece.segment.name, piece.from, piece.rows)).collect()
    }

    #[test]
    fn a_window_of_rows_takes_exactly_its_rows_and_leaves_the_rest() {
        let rule = WindowRule::Rows { rows: 1000 };
        let mut segments = vec![segment("a", 700, 0, 1), segment("b", 700, 2, 3)];
        assert_eq!(rows(due(&segments, rule, 9)), [("a".to_owned(), 0, 700), ("b".to_owned(), 0, 300)]);
        segments.remove(0);
        segments[0].taken = 300;
        assert_eq!(rows(due(&segments, rule, 9)), []);
        segments.push(segment("c", 600, 4, 5));
        assert_eq!(rows(due(&segments, rule, 9)), [("b".to_owned(), 300, 400), ("c".to_owned(), 0, 600)]);
    }

    #[test]
    fn a_backlog_is_cut_where_its_windows_would_have_closed() {
        let rule = WindowRule::Time { interval_ms: 100, min_rows: 10 };
        let segments = vec![segment("a", 8, 0, 50), segment("b", 8, 60, 120), segment("c", 8, 130, 200)];
        assert_eq!(rows(due(&segments, rule, 1000)), [("a".to_owned(), 0, 8), ("b".to_owned(), 0, 8)]);
        assert_eq!(rows(due(&segments[2..], rule, 1000)), [], "too few rows");
        assert_eq!(rows(due(&segments[..1], rule, 60)), []);
    }

    #[test]
    fn words_for_people() {
        assert_eq!(every(WindowRule::Rows { rows: 1000 }), "every 1,000 rows");
        assert_eq!(
            every(WindowRule::Time { interval_ms: 86_400_000, min_rows: 1000 }),
            "every day, with at least 1,000 rows"
        );
        assert_eq!(
            every(WindowRule::Time { interval_ms: 129_600_000, min_rows: 1 }),
            "every 36 hours, with at least 1 row"
        );
    }

    #[test]
    fn the_open_window_says_when_it_closes() {
        const HOUR: i64 = 3_600_000;
        let check = |rule, rows, opened_ms, now_ms, expected: &str| {
            assert_eq!(until(rule, rows, opened_ms, now_ms, &TimeZone::fixed(jiff::tz::offset(1))), expected);
        };
        let full = WindowRule::Rows { rows: 1000 };
        check(full, 400, None, 0, "closes after 600 more rows; 400 so far");
        check(full, 999, Some(0), 0, "closes after 1 more row; 999 so far");
        check(full, 0, None, 0, "closes after 1,000 more rows; none so far");
        // Noon of the zone on the first of January 1970.
        let noon = 11 * HOUR;
        let day = WindowRule::Time { interval_ms: 24 * HOUR, min_rows: 1000 };
        check(day, 0, None, noon, "begins with the next row and closes 1 day later, if it then has 1,000 rows");
        let opened = Some(noon + 2 * HOUR);
        check(day, 312, opened, noon + 3 * HOUR, "closes at 14:00 tomorrow, if it then has 1,000 rows; 312 so far");
        check(day, 1312, opened, noon + 20 * HOUR, "closes at 14:00; 1,312 so far");
        check(day, 312, opened, noon + 30 * HOUR, "closes after 688 more rows; 312 so far");
        check(day, 1312, opened, noon + 30 * HOUR, "closes at the next look; 1,312 so far");
        let week = WindowRule::Time { interval_ms: 7 * 24 * HOUR, min_rows: 1 };
        check(week, 1, Some(noon + 1), noon + HOUR, "closes at 12:01 on 8 Jan; 1 so far");
    }
}
