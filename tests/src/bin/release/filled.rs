//! A workspace as it is after a year: 10,000 runs in one project, one of them of a million points,
//! ten million points in all. Copies of a run that was really trained, written through the store.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use api::{JobId, RunId, job::Subject, series::Point};
use store::{Store, job, metric, param, run, tag};

const RUNS: u64 = 10_000;
const LONG: u64 = 1_000_000;
const POINTS: u64 = 10_000_000;
const BATCH: u64 = 250;
const SERIES: [&str; 2] = ["loss/train", "loss/validation"];

/// Adds runs beside `model` until there are 10,000, and returns the one of a million points. The
/// host must not run.
pub(crate) async fn fill(workspace: &Path, model: RunId) -> Result<RunId> {
    let store = Store::open(workspace)?;
    let row = store.read(move |c| run::get(c, model)).await?.context("the run to copy is not there")?;
    let id = row.run.job.context("the run has no job")?;
    let work = store.read(move |c| job::get(c, id)).await?.context("the run's job is not there")?;
    let project = row.run.project.context("the run belongs to no project")?;
    let have = store.read(move |c| run::count(c, project)).await?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let copies = RUNS - have;
    let short = (POINTS - LONG) / (copies - 1);
    let rest = POINTS - LONG - short * (copies - 1);
    let template = Arc::new(Template { row, work, now_ms, copies });
    for first in (0..copies).step_by(BATCH as usize) {
        let template = template.clone();
        let written = store.write(move |transaction| {
            for index in first..(first + BATCH).min(copies) {
                let points = match index {
                    0 => LONG,
                    1 => short + rest,
                    _ => short,
                };
                template.write(transaction, index, points)?;
            }
            Ok(())
        });
        written.await?;
    }
    let total = store.read(move |c| run::count(c, project)).await?;
    ensure!(total == RUNS, "{total} runs were made, {RUNS} are wanted");
    let long = template.id(0);
    let folder = |id: RunId| workspace.join("runs").join(id.to_string());
    copy_files(&folder(model), &folder(long))?;
    Ok(long)
}

/// What every copy has in common.
struct Template {
    row: run::RunRow,
    work: job::JobRow,
    now_ms: u64,
    copies: u64,
}

impl Template {
    /// Spread over the last year, the long one newest.
    fn created_ms(&self, index: u64) -> u64 {
        let year = Duration::from_secs(365 * 24 * 3600).as_millis() as u64;
        self.now_ms - year * index / self.copies
    }

    fn uuid(&self, index: u64, kind: u8) -> [u8; 16] {
        let mut rest = [kind; 10];
        rest[2..].copy_from_slice(&index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(self.created_ms(index), &rest).into_uuid().into_bytes()
    }

    fn id(&self, index: u64) -> RunId {
        RunId::from_bytes(self.uuid(index, 1))
    }

    fn write(&self, transaction: &store::Transaction<'_>, index: u64, points: u64) -> store::Result<()> {
        let created_ms = self.created_ms(index) as i64;
        let (id, job) = (self.id(index), JobId::from_bytes(self.uuid(index, 2)));
        let quality = noise(index, 0);

        let mut work = self.work.clone();
        work.job = api::job::Job { id: job, subject: Subject::Run(id), created_ms, ..work.job };
        (work.job.started_ms, work.job.ended_ms) = (Some(created_ms + 5), Some(created_ms + 60_000));
        job::insert(transaction, &work)?;

        let mut row = self.row.clone();
        row.run = api::run::Run { id, job: Some(job), name: format!("copy-{index:05}"), created_ms, ..row.run };
        (row.run.started_ms, row.run.ended_ms) = (Some(created_ms + 5), Some(created_ms + 60_000));
        let key = row.ranked.as_mut().map(|(key, value, _)| {
            *value = Some(quality);
            key.clone()
        });
        run::put(transaction, &row)?;
        for (name, value) in &self.row.run.params {
            param::put(transaction, id, name, value)?;
        }
        param::put(transaction, id, "learning_rate", &format!("{:.5}", noise(index, 1) / 10.0))?;
        tag::put(transaction, id, "batch", &format!("sweep {}", index % 40))?;

        let each = points / SERIES.len() as u64;
        for (number, name) in SERIES.iter().enumerate() {
            let count = if number == 0 { points - each * (SERIES.len() as u64 - 1) } else { each };
            let new: Vec<Point> = (0..count)
                .map(|step| Point {
                    step: step as i64,
                    time_ms: created_ms + (step * 60_000 / count) as i64,
                    value: (1.0 + quality) / (1.0 + step as f64 / 100.0) + noise(index ^ step, number as u64) / 20.0,
                })
                .collect();
            metric::append(transaction, id, name, &new)?;
        }
        if let Some(key) = key {
            metric::set_figure(transaction, id, &key, quality)?;
        }
        Ok(())
    }
}

/// A number in 0..1 that looks random and is the same every time.
fn noise(one: u64, other: u64) -> f64 {
    let mut word = one.wrapping_add(other << 32).wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
