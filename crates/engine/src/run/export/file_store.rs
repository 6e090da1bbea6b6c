//! Runs as MLflow's file store.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use api::{series::Point, tracking::LoggedModel};
use foreign::{
    Head, Media, Surroundings,
    mlflow_files::write::{self, FileStore, models::address},
    registry::GroupHead,
};

use super::{
    Form, Left, Told,
    event_files::file_name,
    media::{Fate, Medium},
    models::{Exported, logged_head, model_head},
};
use crate::{run::media::sniffed, tracking::registry::Registered};

/// Folders within folders that a key may name.
const DEEPEST: usize = 16;
/// The tag by which MLflow's `load_table` finds the runs that have a table.
const LOGGED_ARTIFACTS: &str = "mlflow.loggedArtifacts";
/// The folder of tables.
const TABLES: &str = "tables";

pub(super) struct FileStoreForm {
    store: FileStore,
    /// Experiments that were written.
    groups: HashSet<String>,
    run: Option<write::Run>,
    name: String,
    /// The run's metrics that have no place.
    without: HashSet<String>,
    /// What the run's tag says of its tables, and the artifacts that are tables since.
    tables_told: Option<String>,
    tables: Vec<String>,
    exported: Exported,
}

impl FileStoreForm {
    /// Written into `folder`, which will be moved to `place`.
    pub(super) fn new(folder: &Path, place: &Path) -> anyhow::Result<Self> {
        let place = match (place.parent().and_then(|parent| parent.canonicalize().ok()), place.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => place.to_path_buf(),
        };
        Ok(Self {
            store: FileStore::open_for(folder.to_path_buf(), place)?,
            groups: HashSet::new(),
            run: None,
            name: String::new(),
            without: HashSet::new(),
            tables_told: None,
            tables: Vec::new(),
            exported: Exported::default(),
        })
    }

    /// Writes an experiment, once: before what is in it.
    fn group(&mut self, group: &GroupHead, left: &mut Left) -> anyhow::Result<()> {
        if self.groups.insert(group.name.clone()) {
            let without = self.store.group(group)?;
            without.iter().for_each(|one| left.say(format!("{}: {one}", group.name)));
        }
        Ok(())
    }
}

impl Form for FileStoreForm {
    fn begin(&mut self, told: &Told, left: &mut Left) -> anyhow::Result<()> {
        let run = &told.run;
        self.group(&told.group, left)?;
        let pairs = |map: &std::collections::BTreeMap<String, String>| {
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let mut tags = pairs(&run.tags);
        if run.deleted_ms.is_some() {
            tags.push(("mlflow.lifecycle_stage".to_owned(), "deleted".to_owned()));
        }
        let head = Head {
            key: run.id.to_string(),
            id: Some(*run.id.as_bytes()),
            name: run.name.clone(),
            group: told.group.name.clone(),
            state: run.state,
            created_ms: run.started_ms.unwrap_or(run.created_ms),
            ended_ms: run.ended_ms,
            user: run.user.clone(),
            notes: Some(run.notes.clone()).filter(|notes| !notes.is_empty()),
            params: pairs(&run.params),
            tags,
            artifacts: None,
            commit: run.code.as_ref().map(|code| code.commit.clone()),
            command: run.command.clone(),
            replaces: false,
            surroundings: Surroundings::default(),
        };
        let (written, mut without) = self.store.run(*run.id.as_bytes(), &head)?;
        // Of two that clash the one is kept that more was logged to.
        let mut metrics: Vec<_> = run.metrics.iter().collect();
        metrics.sort_by_key(|metric| Reverse(metric.count));
        let of_metrics = written.refused_metrics(metrics.into_iter().map(|metric| metric.key.as_str()));
        self.without = of_metrics.iter().map(|one| one.key.clone()).collect();
        without.extend(of_metrics);
        without.iter().for_each(|one| left.say(format!("{}: {one}", run.name)));
        for input in &told.inputs {
            written.input(input)?;
        }
        for (model, step) in &told.models.said {
            written.model(model, *step)?;
        }
        self.exported.runs.insert(run.id, told.group.name.clone());
        self.name.clone_from(&run.name);
        self.tables_told = run.tags.get(LOGGED_ARTIFACTS).cloned();
        self.tables.clear();
        self.run = Some(written);
        Ok(())
    }

    fn points(&mut self, key: &str, points: &[Point], _: &mut Left) -> anyhow::Result<()> {
        if let Some(run) = self.run.as_ref().filter(|_| !self.without.contains(key)) {
            run.points(key, points)?;
        }
        Ok(())
    }

    fn artifact(&self, path: &str) -> Option<PathBuf> {
        self.run.as_ref().map(|run| run.artifacts().join(path))
    }

    /// An artifact such as `images/KEY/step_N.png`, whose name says its key and step here.
    fn medium(&mut self, medium: Medium) -> anyhow::Result<Fate> {
        let Medium { key, step, content, .. } = medium;
        let Some(run) = &self.run else { return Ok(Fate::Left) };
        let Some(MediumFile { of_kind, ending, bytes }) = MediumFile::of(content)? else { return Ok(Fate::Unread) };
        let folder = folder_of(run.artifacts(), of_kind, &key);
        let writing = || format!("write {}", folder.display());
        fs::create_dir_all(&folder).with_context(writing)?;
        // On a disk that knows no case, and of keys that are called alike there, both have a place.
        let numbered = |at: u32| if at == 1 { format!("step_{step}") } else { format!("{at}/step_{step}") };
        let free = (1..).map(|at| folder.join(format!("{}.{ending}", numbered(at)))).find(|path| !path.exists());
        let path = free.with_context(writing)?;
        fs::create_dir_all(path.parent().with_context(writing)?).with_context(writing)?;
        fs::File::create_new(&path).and_then(|mut file| file.write_all(&bytes)).with_context(writing)?;
        if of_kind == TABLES {
            let below = path.strip_prefix(run.artifacts()).with_context(writing)?;
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            self.tables.push(parts.join("/"));
        }
        Ok(Fate::Written)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(run) = self.run.take() else { return Ok(()) };
        if let Some(told) = with_tables(self.tables_told.as_deref(), &self.tables) {
            run.tag(LOGGED_ARTIFACTS, &told)?;
        }
        Ok(run.finish()?)
    }

    fn logged(&mut self, model: &LoggedModel, group: &GroupHead, left: &mut Left) -> anyhow::Result<Option<PathBuf>> {
        if self.exported.logged.insert(model.id.clone(), group.name.clone()).is_some() {
            return Ok(None);
        }
        self.group(group, left)?;
        let (folder, without) = self.store.logged(&logged_head(model, &group.name))?;
        without.iter().for_each(|one| left.say(format!("{}: {one}", model.name)));
        Ok(Some(folder))
    }

    fn registered(&mut self, model: &Registered, left: &mut Left) -> anyhow::Result<()> {
        let of_run = |group: &str, run: api::RunId| self.store.artifacts_of(group, *run.as_bytes());
        let of_logged = |group: &str, id: &str| self.store.artifacts_of_logged(group, id);
        let Some(head) = model_head(model, &self.exported, &of_run, &of_logged, &address) else { return Ok(()) };
        match self.store.registered(&head)? {
            Some(without) => without.iter().for_each(|one| left.say(format!("{}: {one}", head.name))),
            None => {
                left.say(format!("MLflow's file store takes no model named \"{}\", or it is there twice.", head.name))
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The tag with these tables behind those that it names already, as MLflow's `log_table` writes it; `None` where nothing
/// comes to it, or what stands there is no list.
fn with_tables(told: Option<&str>, tables: &[String]) -> Option<String> {
    let before: Vec<serde_json::Value> = told.map_or(Some(Vec::new()), |told| serde_json::from_str(told).ok())?;
    let tables = tables.iter().map(|path| serde_json::json!({ "path": path, "type": "table" }));
    let new: Vec<_> = tables.filter(|table| !before.contains(table)).collect();
    (!new.is_empty()).then(|| serde_json::Value::from([before, new].concat()).to_string())
}

/// The folder of a key's media. One of the key `a` is the file `a/step_1.png`, which another key may be called: its folder
/// is `a/step_1.png_`.
fn folder_of(artifacts: PathBuf, of_kind: &str, key: &str) -> PathBuf {
    let is_taken = |path: &PathBuf| path.symlink_metadata().is_ok_and(|found| !found.is_dir());
    let parts = key.split('/').take(DEEPEST).map(file_name);
    std::iter::once(of_kind.to_owned()).chain(parts).fold(artifacts, |folder, mut part| {
        while is_taken(&folder.join(&part)) {
            part.push('_');
        }
        folder.join(part)
    })
}

/// Whether a file stands where a path needs a folder.
pub(super) fn stands_in_the_way(path: &Path) -> bool {
    path.ancestors().any(|above| above.symlink_metadata().is_ok_and(|found| !found.is_dir()))
}

/// A medium as a file: the folder of its kind, what its name ends with, and what it holds.
#[derive(Debug, PartialEq)]
struct MediumFile {
    of_kind: &'static str,
    ending: &'static str,
    bytes: Vec<u8>,
}

impl MediumFile {
    /// None of bytes that are of no known format.
    fn of(content: Media) -> anyhow::Result<Option<Self>> {
        let (of_kind, ending, bytes) = match content {
            Media::Image(bytes) => {
                let Some(ending) = sniffed(&bytes).and_then(|kind| kind.strip_prefix("image/")) else {
                    return Ok(None);
                };
                ("images", ending, bytes)
            }
            Media::Audio(bytes) => {
                let ending = match sniffed(&bytes).and_then(|kind| kind.strip_prefix("audio/")) {
                    Some("mpeg") => "mp3",
                    // As a video's file is called, too.
                    Some("mp4") => "m4a",
                    Some(ending) => ending,
                    None => return Ok(None),
                };
                ("sounds", ending, bytes)
            }
            Media::Text(text) => ("texts", "txt", text.into_bytes()),
            Media::Table { columns, rows } => {
                let table = serde_json::json!({ "columns": columns, "data": rows });
                (TABLES, "table.json", serde_json::to_vec(&table)?)
            }
            Media::Histogram(histogram) => {
                let histogram = histogram.rising();
                let told = serde_json::json!({ "bins": histogram.edges, "counts": histogram.counts });
                ("histograms", "histogram.json", serde_json::to_vec(&told)?)
            }
            // It is an artifact already.
            Media::File(_) => return Ok(None),
        };
        Ok(Some(Self { of_kind, ending, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_called_as_a_picture_of_another_has_a_folder_beside_it() {
        let artifacts = tempfile::tempdir().unwrap();
        fs::create_dir_all(artifacts.path().join("images/a")).unwrap();
        fs::write(artifacts.path().join("images/a/step_1.png"), "").unwrap();
        fs::write(artifacts.path().join("texts"), "").unwrap();
        let of = |kind: &str, key: &str| folder_of(artifacts.path().to_path_buf(), kind, key);
        assert_eq!(of("images", "a/step_1.png/b"), artifacts.path().join("images/a/step_1.png_/b"));
        assert_eq!(of("images", "a"), artifacts.path().join("images/a"));
        // An artifact that is called as they are stays.
        assert_eq!(of("texts", "a"), artifacts.path().join("texts_/a"));
    }

    #[test]
    fn mlflows_load_table_finds_a_table_by_the_tag_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut form = FileStoreForm::new(folder.path(), folder.path()).unwrap();
        let head = Head {
            key: "one".to_owned(),
            id: None,
            name: "one".to_owned(),
            group: "Default".to_owned(),
            state: api::run::RunState::Finished,
            created_ms: 0,
            ended_ms: None,
            user: None,
            notes: None,
            params: Vec::new(),
            tags: Vec::new(),
            artifacts: None,
            commit: None,
            command: None,
            replaces: false,
            surroundings: Surroundings::default(),
        };
        let (run, _) = form.store.run([7; 16], &head).unwrap();
        let tag = run.artifacts().with_file_name("tags").join(LOGGED_ARTIFACTS);
        form.run = Some(run);
        form.tables_told = Some(r#"[{"path": "t.json", "type": "table"}]"#.to_owned());
        for content in
            [Media::Table { columns: vec!["n".to_owned()], rows: Vec::new() }, Media::Text("no table".to_owned())]
        {
            let medium = Medium { key: "seen/at".to_owned(), step: 3, time_ms: 0, content };
            assert!(matches!(form.medium(medium).unwrap(), Fate::Written));
        }
        form.end().unwrap();
        let told = fs::read_to_string(tag).unwrap();
        let new = r#"{"path":"tables/seen/at/step_3.table.json","type":"table"}"#;
        assert_eq!(told, format!(r#"[{{"path":"t.json","type":"table"}},{new}]"#));
        let one = ["t.json".to_owned()];
        for (told, tables) in [(Some(told.as_str()), &one[..]), (None, &one[..0]), (Some("no list"), &one[..])] {
            assert_eq!(with_tables(told, tables), None, "{told:?}");
        }
    }

    #[test]
    fn a_file_of_a_medium_is_called_as_media_are_known_by() {
        use api::media::{MediumKind, medium_by_name};
        let file = |content: Media| MediumFile::of(content).unwrap();
        let histogram = foreign::Histogram { edges: vec![1.0, 0.9, 2.0], counts: vec![0.0, 3.0] };
        let rows = vec![vec!["a".to_owned(), "0.5".to_owned()]];
        for (content, kind, bytes) in [
            (Media::Image(b"\x89PNG".to_vec()), MediumKind::Image, &b"\x89PNG"[..]),
            (Media::Audio(b"RIFF\0\0\0\0WAVE".to_vec()), MediumKind::Audio, b"RIFF\0\0\0\0WAVE"),
            (Media::Audio(b"ID3".to_vec()), MediumKind::Audio, b"ID3"),
            (Media::Audio(b"\0\0\0 ftypM4A ".to_vec()), MediumKind::Audio, b"\0\0\0 ftypM4A "),
            (Media::Image(b"BM6".to_vec()), MediumKind::Image, b"BM6"),
            (Media::Text("said".to_owned()), MediumKind::Text, b"said"),
            (Media::Histogram(histogram), MediumKind::Histogram, br#"{"bins":[1.0,2.0],"counts":[3.0]}"#),
            (
                Media::Table { columns: vec!["n".to_owned(), "x".to_owned()], rows },
                MediumKind::Table,
                br#"{"columns":["n","x"],"data":[["a","0.5"]]}"#,
            ),
        ] {
            let found = file(content).unwrap();
            let path = format!("{}/seen/step_3.{}", found.of_kind, found.ending);
            let stem = format!("{}/seen/step_3", found.of_kind);
            assert_eq!(medium_by_name(&path), Some((stem.as_str(), kind)), "{path}");
            assert_eq!(found.bytes, bytes, "{path}");
        }
        assert_eq!((file(Media::Image(b"none".to_vec())), file(Media::Audio(b"RIFF".to_vec()))), (None, None));
    }
}
