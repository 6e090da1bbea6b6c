//! The folder of closed segments: what lies there, what was fetched, what was lost.
//!
//! A segment's id is `TIME-INSTANCE-SEQUENCE`: unique over restarts and instances, and sorted as it
//! was closed, since the time never goes back within a folder. Its file is `ID.parquet`.
//! `state.json` keeps what was acknowledged and lost, so that a restart forgets neither.
//!
//! Two servers share a folder while one takes over from the other: each sees the other's segments, and
//! `lock` is held from the choice of an id until its file stands there, so that no id comes up behind
//! one that was listed already.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde::{Deserialize, Serialize};

use super::segment::Closed;

pub(super) const TOO_SLOW: &str = "the disk could not follow the requests";
pub(super) const UNWRITTEN: &str = "the segment could not be written";
const TOO_LARGE: &str = "the log was full before the segment was fetched";
const TOO_OLD: &str = "the segment was older than the days that the log is kept, and not fetched";
const DAY_MS: i64 = 86_400_000;
/// Gaps that are remembered one by one; older ones are joined.
const MOST_GAPS: usize = 100;

/// A closed segment, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Segment {
    pub(crate) id: String,
    pub(crate) rows: u64,
    pub(crate) size_bytes: u64,
    /// Receipt of its first and last row.
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    #[serde(skip)]
    closed_ms: i64,
}

/// Rows that were answered and can't be fetched any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) rows: u64,
    pub(crate) reason: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    acknowledged: String,
    lost_rows: u64,
    gaps: Vec<Gap>,
}

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    most_bytes: u64,
    days: u32,
    segments: BTreeMap<String, Segment>,
    /// Files that look like segments and are none: said once.
    strangers: BTreeSet<String>,
    state: State,
    newest_ms: i64,
}

impl Folder {
    pub(super) fn open(path: &Path, most_bytes: u64, days: u32, now_ms: i64) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("make the folder of the request log, {}", path.display()))?;
        let state = match fs::read(path.join("state.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => State::default(),
        };
        let newest_ms = closed_ms(&state.acknowledged).unwrap_or(0);
        let (segments, strangers) = (BTreeMap::new(), BTreeSet::new());
        let mut folder = Self { path: path.to_owned(), most_bytes, days, segments, strangers, state, newest_ms };
        let _lock = folder.lock()?;
        for entry in fs::read_dir(path).with_context(|| format!("read the request log in {}", path.display()))? {
            let file = entry?.path();
            // Nobody writes now: an earlier process was killed while it did.
            if file.extension().is_some_and(|extension| extension == "writing") {
                fs::remove_file(&file)?;
            }
        }
        folder.look()?;
        folder.sweep(now_ms);
        Ok(folder)
    }

    /// Held while a segment or the state is written.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.path.join("lock");
        let named = || format!("lock the request log by {}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(named)?;
        file.lock().with_context(named)?;
        Ok(file)
    }

    /// Takes in segments that another server closed, and lets go of those that it dropped.
    pub(super) fn look(&mut self) -> anyhow::Result<()> {
        let path = self.path.clone();
        let named = || format!("read the request log in {}", path.display());
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&path).with_context(named)? {
            let file = entry.with_context(named)?.path();
            let Some(id) = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else { continue };
            if file.extension().is_none_or(|extension| extension != "parquet") {
                continue;
            }
            there.insert(id.clone());
            if self.segments.contains_key(&id) || self.strangers.contains(&id) {
                continue;
            }
            match describe(&file) {
                Some(segment) => {
                    self.newest_ms = self.newest_ms.max(segment.closed_ms);
                    self.segments.insert(id, segment);
                }
                None => {
                    crate::say(&format!("{} is not a segment and is left alone", file.display()));
                    self.strangers.insert(id);
                }
            }
        }
        self.segments.retain(|id, _| there.contains(id));
        Ok(())
    }

    /// Writes a segment: beside, synced, then renamed.
    pub(super) fn add(&mut self, closed: Closed, now_ms: i64) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        self.look()?;
        let closed_ms = now_ms.max(self.newest_ms + 1);
        let id = format!("{closed_ms:013}-{}", closed.name);
        let bytes = closed.to_parquet().with_context(|| format!("write the segment {id}"))?;
        let file = self.path.join(format!("{id}.parquet"));
        write_whole(&file, &bytes).with_context(|| format!("write {}", file.display()))?;
        self.newest_ms = closed_ms;
        let (rows, from_ms, to_ms, size_bytes) = (closed.rows, closed.from_ms, closed.to_ms, bytes.len() as u64);
        self.segments.insert(id.clone(), Segment { id, rows, size_bytes, from_ms, to_ms, closed_ms });
        Ok(())
    }

    /// Drops what is too old, and the oldest while the folder is too large: fetched ones first.
    /// What was never fetched becomes a gap.
    pub(super) fn sweep(&mut self, now_ms: i64) {
        let before = now_ms - i64::from(self.days) * DAY_MS;
        let old = self.segments.values().filter(|segment| segment.closed_ms < before).map(|segment| segment.id.clone());
        for id in old.collect::<Vec<_>>() {
            self.remove(&id, TOO_OLD);
        }
        while self.bytes() > self.most_bytes {
            // Ids sort by time, and what is fetched is a prefix: the first is the right one for both.
            let Some(id) = self.segments.keys().next().cloned() else { break };
            self.remove(&id, TOO_LARGE);
        }
    }

    fn remove(&mut self, id: &str, reason: &str) {
        let Some(segment) = self.segments.remove(id) else { return };
        if let Err(error) = fs::remove_file(self.path.join(format!("{id}.parquet")))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            crate::say(&format!("the segment {id} of the request log could not be deleted: {error}"));
        }
        if *id > *self.state.acknowledged {
            let Segment { from_ms, to_ms, rows, .. } = segment;
            self.lose(Gap { from_ms, to_ms, rows, reason: reason.to_owned() });
        }
    }

    /// Writes down that rows are lost.
    pub(super) fn lose(&mut self, gap: Gap) {
        self.state.lost_rows += gap.rows;
        let joins = self.state.gaps.len() >= MOST_GAPS;
        match self.state.gaps.last_mut() {
            Some(last) if last.reason == gap.reason || joins => {
                last.rows += gap.rows;
                last.from_ms = last.from_ms.min(gap.from_ms);
                last.to_ms = last.to_ms.max(gap.to_ms);
            }
            _ => self.state.gaps.push(gap),
        }
        self.save();
    }

    /// Notes that everything up to a segment is fetched. Only an id of this folder counts: a cursor
    /// of another instance must not.
    pub(super) fn acknowledge(&mut self, id: &str) -> bool {
        if *id <= *self.state.acknowledged || !self.segments.contains_key(id) {
            return false;
        }
        id.clone_into(&mut self.state.acknowledged);
        self.save();
        true
    }

    pub(super) fn after(&self, id: Option<&str>) -> Vec<Segment> {
        self.segments.values().filter(|segment| id.is_none_or(|id| *segment.id > *id)).cloned().collect()
    }

    pub(super) fn path(&self, id: &str) -> Option<PathBuf> {
        self.segments.contains_key(id).then(|| self.path.join(format!("{id}.parquet")))
    }

    pub(super) fn unfetched(&self) -> usize {
        self.segments.keys().filter(|id| **id > self.state.acknowledged).count()
    }

    pub(super) fn gaps(&self) -> &[Gap] {
        &self.state.gaps
    }

    pub(super) fn lost_rows(&self) -> u64 {
        self.state.lost_rows
    }

    pub(super) fn count(&self) -> usize {
        self.segments.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.size_bytes).sum()
    }

    fn save(&mut self) {
        let file = self.path.join("state.json");
        // The server that takes over may have been acknowledged more.
        let there = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        if let Some(there) = there.filter(|there| there.acknowledged > self.state.acknowledged) {
            self.state.acknowledged = there.acknowledged;
        }
        let saved = serde_json::to_vec_pretty(&self.state)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(write_whole(&file, &bytes)?));
        if let Err(error) = saved {
            crate::say(&format!("{} could not be written: {error}", file.display()));
        }
    }
}

/// Writes beside, syncs, renames. What could not be written whole is removed: half a file would keep the
/// space that was missing.
fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("writing");
    let written = File::create(&beside).and_then(|mut written| {
        written.write_all(bytes)?;
        written.sync_all()
    });
    let written = written.and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn closed_ms(id: &str) -> Option<i64> {
    id.split_once('-')?.0.parse().ok()
}

/// Reads what a file of an earlier start holds.
fn describe(file: &Path) -> Option<Segment> {
    let id = file.file_stem()?.to_str()?.to_owned();
    let closed_ms = closed_ms(&id)?;
    let opened = File::open(file).ok()?;
    let size_bytes = opened.metadata().ok()?.len();
    let reader = SerializedFileReader::new(opened).ok()?;
    let about = reader.metadata().file_metadata();
    let number = |key: &str| {
        let pairs = about.key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_ref()?.parse::<i64>().ok()
    };
    let (from_ms, to_ms) = (number("slipway.from_ms")?, number("slipway.to_ms")?);
    Some(Segment { id, rows: about.num_rows() as u64, size_bytes, from_ms, to_ms, closed_ms })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    fn segment(name: &str, rows: usize, at_ms: i64) -> Closed {
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Float64, true)]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(Float64Array::from(vec![1.0; rows]))]).unwrap();
        Closed {
            name: name.into(),
            model: "m".into(),
            batches: vec![batch],
            rows: rows as u64,
            from_ms: at_ms,
            to_ms: at_ms + 5,
        }
    }

    #[test]
    fn a_restart_forgets_nothing_and_ids_never_go_back() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path(), u64::MAX, 14, 1_000).unwrap();
        folder.add(segment("one-1", 3, 900), 1_000).unwrap();
        folder.add(segment("one-2", 4, 990), 1_000).unwrap();
        let first = folder.after(None);
        assert!(folder.acknowledge(&first[0].id));
        assert!(!folder.acknowledge("9999999999999-other-1"), "a cursor of another folder counts for nothing");
        fs::write(home.path().join("x.writing"), "half").unwrap();

        // The clock went back.
        let mut again = Folder::open(home.path(), u64::MAX, 14, 500).unwrap();
        assert_eq!(again.after(None), first);
        assert_eq!(again.unfetched(), 1);
        again.add(segment("two-1", 5, 500), 500).unwrap();
        let rows: Vec<u64> = again.after(Some(&first[0].id)).iter().map(|segment| segment.rows).collect();
        assert_eq!(rows, [4, 5]);
        assert!(!home.path().join("x.writing").exists());
    }

    #[test]
    fn two_servers_of_one_folder_see_each_others_segments_in_the_order_of_their_closing() {
        let home = tempfile::tempdir().unwrap();
        let mut old = Folder::open(home.path(), u64::MAX, 14, 1_000).unwrap();
        old.add(segment("old-1", 1, 900), 1_000).unwrap();
        let mut new = Folder::open(home.path(), u64::MAX, 14, 1_000).unwrap();
        new.add(segment("new-1", 2, 900), 1_000).unwrap();
        let listed = new.after(None);
        new.acknowledge(&listed[1].id);
        // The old one's last words, by a clock that is behind.
        old.add(segment("old-2", 3, 900), 999).unwrap();
        new.look().unwrap();
        let late: Vec<u64> = new.after(Some(&listed[1].id)).iter().map(|segment| segment.rows).collect();
        assert_eq!(late, [3], "it comes behind what was listed");
        assert_eq!(old.unfetched(), 3, "it knows nothing of the fetches");
        old.lose(Gap { from_ms: 1, to_ms: 2, rows: 1, reason: TOO_SLOW.into() });
        assert_eq!(old.unfetched(), 1, "and doesn't take them back");
        // What one drops, the other doesn't offer.
        old.sweep(999 + 100 * DAY_MS);
        new.look().unwrap();
        assert_eq!((new.count(), new.lost_rows()), (0, 0));
    }

    #[test]
    fn what_is_dropped_unfetched_is_a_gap() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path(), u64::MAX, 1, 0).unwrap();
        for (number, at) in [(1, 1_000), (2, 2_000), (3, 3_000)] {
            folder.add(segment(&format!("a-{number}"), 10 * number, at), at).unwrap();
        }
        let ids: Vec<String> = folder.after(None).into_iter().map(|segment| segment.id).collect();
        folder.acknowledge(&ids[0]);
        folder.most_bytes = folder.bytes() - 1;
        folder.sweep(4_000);
        assert_eq!((folder.count(), folder.lost_rows()), (2, 0), "the fetched one went first, and is no loss");
        folder.most_bytes = folder.bytes() - 1;
        folder.sweep(4_000);
        assert_eq!(folder.gaps(), [Gap { from_ms: 2_000, to_ms: 2_005, rows: 20, reason: TOO_LARGE.into() }]);
        folder.sweep(3_000 + 2 * DAY_MS);
        assert_eq!((folder.count(), folder.lost_rows()), (0, 50));
        assert_eq!(Folder::open(home.path(), u64::MAX, 1, 0).unwrap().gaps().len(), 2);
    }
}
