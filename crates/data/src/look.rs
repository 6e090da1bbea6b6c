//! What a folder or file turns out to be, before anything is stored: read far enough to propose a
//! `slipway.toml`, never further, so that a folder of any size answers at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use api::{
    ApiError,
    config::{ColumnType, DataConfig, DataKind, ProjectFile, Ragged},
    dataset::WarningKind,
    project::LookColumn,
};

use crate::{
    error::{DataError, thousands},
    images,
    progress::silent,
    scan::{self, FileFormat, ScannedFile},
    survey::{self, FileSurvey},
    typing::Typing,
};

const SAMPLE_ROWS: u64 = 20_000;
const MOST_FILES: usize = 50;
/// Images decoded to say their size and whether they are whole.
const SAMPLE_IMAGES: usize = 50;
const ID_ROWS: u64 = 50;
/// Classes of pictures that are named.
const NAMED_CLASSES: usize = 12;

/// The part of [`api::project::Look`] that this room knows; the engine adds ids and TOML text.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    pub found: Vec<String>,
    pub problems: Vec<ApiError>,
    /// One of the problems is a line of another width than the header's, which may be left out.
    pub ragged_lines: bool,
    pub kind: DataKind,
    /// The likeliest target first.
    pub columns: Vec<LookColumn>,
    /// Name, paths, kind, target, ignored, timestamp; version 1 and no id.
    pub proposal: ProjectFile,
    pub size_bytes: u64,
    /// Where it was counted; a large file is only sampled.
    pub rows: Option<u64>,
}

/// Looks at a folder, a table, a folder of images, or at several of them that are to be one project. The proposed
/// paths are those of a project that holds the entries of the one folder, or else each by its own name. An error
/// only where there is nothing at a path or it can't be listed; what is wrong with single files stands in
/// `problems`. Lines of another width than the header's are read as `ragged` says, and so does the proposal.
pub fn look(paths: &[impl AsRef<Path>], ragged: Ragged) -> Result<Looked, DataError> {
    let paths = paths
        .iter()
        .map(AsRef::as_ref)
        .map(|path| path.canonicalize().map_err(DataError::io("look at", path)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut lying = Lying::default();
    for path in &paths {
        if path.is_file() {
            lying.add_file(path)?;
        } else {
            lying.add_folder(path, paths.len() > 1)?;
        }
    }
    let name = paths.first().map_or_else(|| "project".to_owned(), |path| name_of(path));
    let mut looked = look_at_files(name, &lying, ragged);
    if looked.kind == DataKind::Images || lying.tables.is_empty() {
        looked.found.extend(hidden_classes(&lying.pictures));
    }
    looked.problems.extend(lying.passed_over.into_values().map(ApiError::from));
    if let [folder] = paths.as_slice()
        && folder.is_dir()
    {
        looked.found.extend(other_tools(folder));
    }
    Ok(looked)
}

/// What lies in the places that are looked at, each file by its name in the project.
#[derive(Default)]
struct Lying {
    tables: Vec<ScannedFile>,
    pictures: Vec<ScannedFile>,
    /// Why files were passed over, by what is said of them.
    passed_over: BTreeMap<String, DataError>,
}

impl Lying {
    /// A file named by itself is a table whatever its name, unless that is a picture's.
    fn add_file(&mut self, path: &Path) -> Result<(), DataError> {
        let folder = path.parent().unwrap_or(path);
        let config = DataConfig { paths: vec![scan::name(folder, path)], ..DataConfig::default() };
        let files = scan::files(folder, &config)?;
        match scan::format(path) {
            Some(FileFormat::Image) => self.pictures.extend(files),
            _ => self.tables.extend(files),
        }
        Ok(())
    }

    fn add_folder(&mut self, path: &Path, by_name: bool) -> Result<(), DataError> {
        for (kind, into) in [(DataKind::Table, &mut self.tables), (DataKind::Images, &mut self.pictures)] {
            let (files, passed_over) = scan::everything(path, kind)?;
            let named = |file: ScannedFile| ScannedFile { name: format!("{}/{}", name_of(path), file.name), ..file };
            into.extend(files.into_iter().map(|file| if by_name { named(file) } else { file }));
            self.passed_over.extend(passed_over.into_iter().map(|error| (error.to_string(), error)));
        }
        Ok(())
    }
}

fn look_at_files(name: String, lying: &Lying, ragged: Ragged) -> Looked {
    let Lying { tables, pictures, .. } = lying;
    let classes: BTreeSet<&str> = pictures.iter().filter_map(|file| images::class(&file.name)).collect();
    // A table beside many images is about the images (labels, sizes); images beside tables are pictures.
    if classes.len() > 1 && pictures.len() > tables.len() {
        return look_at_images(name, pictures, classes.len());
    }
    look_at_tables(name, tables, ragged)
}

/// What other tools left in the folder, so that a person sees that it was seen and stays as it is.
fn other_tools(path: &Path) -> Vec<String> {
    let is_there = |name: &str| path.join(name).exists();
    let mut found = Vec::new();
    if is_there("dvc.yaml") || is_there(".dvc") {
        found.push("A DVC project; its data files are read where they lie, its pipeline is left alone".to_owned());
    }
    if is_there("mlruns") || is_there("mlflow.db") {
        found.push("MLflow runs; they stay where they are, and are not read".to_owned());
    }
    if is_there("MLproject") {
        found.push("An MLproject; run its entry points with `slipway exec -- COMMAND`".to_owned());
    }
    let scripts = std::fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let extension = Path::new(&name).extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        matches!(extension.as_deref(), Some("py" | "r" | "jl" | "ipynb"))
    });
    let mut scripts: Vec<String> = scripts.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    scripts.sort();
    match scripts.as_slice() {
        [] => {}
        [one] => found.push(format!("The script {one}; track its runs with `slipway exec -- COMMAND`")),
        [one, ..] => found
            .push(format!("{} scripts, such as {one}; track their runs with `slipway exec -- COMMAND`", scripts.len())),
    }
    found
}

fn name_of(path: &Path) -> String {
    let name = if path.is_file() { path.file_stem() } else { path.file_name() };
    name.map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn look_at_images(name: String, files: &[ScannedFile], classes: usize) -> Looked {
    let mut problems: Vec<ApiError> = Vec::new();
    // Spread over the folders, which sort by class.
    let step = files.len().div_ceil(SAMPLE_IMAGES).max(1);
    let mut sizes = BTreeSet::new();
    for file in files.iter().step_by(step) {
        let decoded =
            std::fs::read(&file.path).map_err(|error| error.to_string()).and_then(|bytes| images::decode(&bytes));
        match decoded {
            Ok(size) => drop(sizes.insert(size)),
            Err(reason) => problems.push(DataError::CorruptImage { file: file.name.clone(), reason, others: 0 }.into()),
        }
    }
    if let Some(file) = files.iter().find(|file| images::class(&file.name).is_none()) {
        problems.push(DataError::ImageWithoutClass { folder: PathBuf::from(&name), file: file.name.clone() }.into());
    }
    let size = match sizes.first() {
        Some((width, height)) if sizes.len() == 1 => format!("{width} × {height} pixels"),
        _ => "different sizes".to_owned(),
    };
    let first_levels: BTreeSet<&str> =
        files.iter().filter_map(|file| file.name.split_once('/')).map(|(first, _)| first).collect();
    // One folder that holds all classes is the data; else the classes lie here.
    let deep = files.iter().all(|file| file.name.matches('/').count() >= 2);
    let paths = match first_levels.first() {
        Some(folder) if deep && first_levels.len() == 1 => vec![(*folder).to_owned()],
        _ => vec![".".to_owned()],
    };
    let data = DataConfig { paths, kind: DataKind::Images, target: Some("class".to_owned()), ..DataConfig::default() };
    let names: BTreeSet<&str> = files.iter().filter_map(|file| images::class(&file.name)).collect();
    let more = if names.len() > NAMED_CLASSES { ", …" } else { "" };
    let named = names.iter().take(NAMED_CLASSES).copied().collect::<Vec<_>>().join(", ");
    let count = thousands(files.len() as u64);
    Looked {
        found: vec![format!("{count} images in {classes} folders, which are their classes: {named}{more}; {size}")],
        problems,
        ragged_lines: false,
        kind: DataKind::Images,
        columns: vec![LookColumn {
            name: "class".to_owned(),
            kind: ColumnType::Category,
            examples: names.iter().take(5).map(|name| (*name).to_owned()).collect(),
            distinct: Some(classes as u64),
            target_score: 1.0,
            doubt: None,
        }],
        proposal: ProjectFile { name, data, ..ProjectFile::default() },
        size_bytes: files.iter().map(|file| file.size_bytes).sum(),
        rows: Some(files.len() as u64),
    }
}

/// Names the hidden folders beside those of the classes that hold pictures too.
fn hidden_classes(pictures: &[ScannedFile]) -> Option<String> {
    let has_class = |file: &&ScannedFile| images::class(&file.name).is_some();
    let above: BTreeSet<&Path> =
        pictures.iter().filter(has_class).filter_map(|file| file.path.parent()?.parent()).collect();
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_picture = |path: &Path| scan::format(path) == Some(FileFormat::Image);
    let hidden = above.into_iter().flat_map(entries).filter(|entry| scan::is_hidden(&entry.file_name()));
    let holding = hidden.filter(|entry| entries(&entry.path()).any(|inner| is_picture(&inner.path())));
    let names: BTreeSet<String> = holding.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    if names.is_empty() {
        return None;
    }
    let more = if names.len() > NAMED_CLASSES { ", …" } else { "" };
    let named = names.iter().take(NAMED_CLASSES).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    Some(format!(
        "Hidden folders with pictures are left out: {named}{more}; one that is a class needs a name without the dot"
    ))
}

fn look_at_tables(name: String, files: &[ScannedFile], ragged: Ragged) -> Looked {
    let mut problems: Vec<ApiError> = Vec::new();
    let mut ragged_lines = false;
    let config = DataConfig { ragged, ..DataConfig::default() };
    let mut surveyed: Vec<(&ScannedFile, FileSurvey)> = Vec::new();
    for file in files.iter().take(MOST_FILES) {
        match survey::survey_file(file, &config, Some(SAMPLE_ROWS), &mut silent) {
            Ok(found) => surveyed.push((file, found)),
            Err(error) => {
                ragged_lines |= matches!(error, DataError::Ragged { .. });
                problems.push(error.into());
            }
        }
    }
    let mut found = Vec::new();
    if files.is_empty() {
        found.push("No table and no folder of images".to_owned());
    }
    if files.len() > MOST_FILES {
        found.push(format!("{} files; the first {MOST_FILES} were looked at", thousands(files.len() as u64)));
    }
    let group = largest_group(&surveyed);
    let group_names: BTreeSet<&str> = group.iter().map(|(file, _)| file.name.as_str()).collect();
    for (file, survey) in &surveyed {
        let rows = if survey.complete { format!("{} rows, ", thousands(survey.rows)) } else { String::new() };
        let other = if group_names.contains(file.name.as_str()) { "" } else { "; other columns, left out" };
        found.push(format!(
            "{}: {rows}{} columns, {}{other}",
            file.name,
            survey.columns.len(),
            survey.notes.join(", ")
        ));
    }
    let mut columns: Vec<(String, Typing)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (_, survey) in &group {
        for (name, typing) in &survey.columns {
            match places.get(name.as_str()) {
                Some(place) => columns[*place].1.merge(typing),
                None => {
                    places.insert(name, columns.len());
                    columns.push((name.clone(), typing.clone()));
                }
            }
        }
    }
    let data = propose(files, &group, &columns);
    let mut looked: Vec<LookColumn> = columns
        .iter()
        .enumerate()
        .map(|(place, (name, typing))| look_column(name, typing, place + 1 == columns.len()))
        .collect();
    looked.sort_by(|left, right| right.target_score.total_cmp(&left.target_score));
    let target = looked.first().filter(|column| column.target_score >= 0.3).map(|column| column.name.clone());
    let ignore = data.ignore.into_iter().filter(|name| target.as_ref() != Some(name)).collect();
    let data = DataConfig { target, ignore, ragged, ..data };
    found.extend(
        data.timestamp
            .as_ref()
            .map(|name| format!("\"{name}\" is taken as the time of a row: rows are split by it, and it is no input")),
    );
    if !data.ignore.is_empty() {
        let names: Vec<String> = data.ignore.iter().map(|name| format!("\"{name}\"")).collect();
        let (verb, each) = if names.len() == 1 { ("looks like an id", "is") } else { ("look like ids", "are") };
        found.push(format!("{} {verb}, and {each} no input", names.join(", ")));
    }
    let complete = group.iter().all(|(_, survey)| survey.complete) && files.len() <= MOST_FILES;
    Looked {
        found,
        problems,
        ragged_lines,
        kind: DataKind::Table,
        columns: looked,
        proposal: ProjectFile { name, data, ..ProjectFile::default() },
        size_bytes: files.iter().map(|file| file.size_bytes).sum(),
        rows: (complete && !group.is_empty()).then(|| group.iter().map(|(_, survey)| survey.rows).sum()),
    }
}

type Surveyed<'a> = (&'a ScannedFile, FileSurvey);

/// The files with the same columns that hold the most bytes.
fn largest_group<'a, 'b>(surveyed: &'b [Surveyed<'a>]) -> Vec<&'b Surveyed<'a>> {
    let mut groups: Vec<(BTreeSet<&str>, Vec<&Surveyed<'a>>)> = Vec::new();
    for item in surveyed {
        let names: BTreeSet<&str> = item.1.columns.iter().map(|(name, _)| name.as_str()).collect();
        match groups.iter_mut().find(|(known, _)| *known == names) {
            Some((_, group)) => group.push(item),
            None => groups.push((names, vec![item])),
        }
    }
    let size = |group: &[&Surveyed<'a>]| group.iter().map(|(file, _)| file.size_bytes).sum::<u64>();
    groups
        .into_iter()
        .map(|(_, group)| group)
        .reduce(|best, next| if size(&next) > size(&best) { next } else { best })
        .unwrap_or_default()
}

fn propose(files: &[ScannedFile], group: &[&Surveyed<'_>], columns: &[(String, Typing)]) -> DataConfig {
    let names: Vec<&str> = group.iter().map(|(file, _)| file.name.as_str()).collect();
    let folders: BTreeSet<&str> =
        names.iter().filter_map(|name| name.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let in_one_folder =
        folders.first().copied().filter(|_| folders.len() == 1 && names.iter().all(|name| name.contains('/')));
    // A whole folder is named as such, so that a file added later belongs to the data.
    let whole_folder = in_one_folder.filter(|folder| {
        let prefix = format!("{folder}/");
        files.iter().filter(|file| file.name.starts_with(&prefix)).count() == names.len()
    });
    let paths = match whole_folder {
        Some(folder) => vec![folder.to_owned()],
        None => names.into_iter().map(str::to_owned).collect(),
    };
    let dates: Vec<&str> = columns
        .iter()
        .filter(|(_, typing)| typing.decide(None).kind() == ColumnType::Datetime)
        .map(|(name, _)| name.as_str())
        .collect();
    let says_time =
        |name: &&&str| ["time", "date", "created", "when"].iter().any(|word| name.to_lowercase().contains(word));
    let timestamp = dates.iter().find(says_time).or(if dates.len() == 1 { dates.first() } else { None });
    let ignore =
        columns.iter().filter(|(name, typing)| looks_like_id(name, typing)).map(|(name, _)| name.clone()).collect();
    DataConfig { paths, ignore, timestamp: timestamp.map(|name| (*name).to_owned()), ..DataConfig::default() }
}

fn looks_like_id(name: &str, typing: &Typing) -> bool {
    let kind = typing.decide(None).kind();
    if !matches!(kind, ColumnType::Integer | ColumnType::Category | ColumnType::Text) || typing.present() < ID_ROWS {
        return false;
    }
    let lower = name.to_lowercase();
    let named = matches!(lower.as_str(), "id" | "uuid" | "guid" | "index" | "row" | "column_1" | "unnamed: 0")
        || lower.ends_with("_id")
        || name.ends_with("Id");
    match typing.distinct() {
        Some(distinct) => distinct == typing.present() && (named || kind != ColumnType::Integer),
        None => named,
    }
}

fn look_column(name: &str, typing: &Typing, is_last: bool) -> LookColumn {
    let kind = typing.decide(None).kind();
    let distinct = typing.distinct();
    LookColumn {
        name: name.to_owned(),
        kind,
        examples: typing.examples().to_vec(),
        distinct,
        target_score: if looks_like_id(name, typing) {
            0.0
        } else {
            target_score(name, kind, distinct, typing.present(), is_last)
        },
        doubt: doubt(name, typing),
    }
}

/// Why a column can teach a model nothing, as far as the rows that were looked at say.
fn doubt(name: &str, typing: &Typing) -> Option<WarningKind> {
    if typing.present() == 0 && typing.missing() > 0 {
        return Some(WarningKind::AllMissing);
    }
    // A running number and an order's code have their own value in every row too, whatever they are called.
    let is_own = match (typing.decide(None).kind(), typing.distinct()) {
        (ColumnType::Integer, Some(distinct)) => distinct == typing.present(),
        (ColumnType::Integer, None) => typing.rises(),
        (ColumnType::Text, _) => !typing.repeats(),
        _ => false,
    };
    let is_doubtful = (is_own && typing.present() >= ID_ROWS) || looks_like_id(name, typing);
    is_doubtful.then_some(WarningKind::LooksLikeId)
}

/// By name, place and values, as a person would guess.
fn target_score(name: &str, kind: ColumnType, distinct: Option<u64>, present: u64, is_last: bool) -> f64 {
    const NAMES: [&str; 18] = [
        "target",
        "label",
        "class",
        "y",
        "outcome",
        "result",
        "species",
        "diagnosis",
        "churn",
        "fraud",
        "default",
        "survived",
        "progression",
        "price",
        "quality",
        "category_label",
        "response",
        "income",
    ];
    let values = match (kind, distinct) {
        (ColumnType::Text | ColumnType::Datetime | ColumnType::Image, _) | (_, Some(0 | 1)) => return 0.0,
        (_, Some(2)) => 0.25,
        (ColumnType::Category | ColumnType::Integer, Some(3..=20)) => 0.15,
        (ColumnType::Integer | ColumnType::Decimal, _) => 0.1,
        _ => 0.0,
    };
    if present == 0 {
        return 0.0;
    }
    let lower = name.to_lowercase();
    let named = if NAMES.contains(&lower.as_str()) {
        0.55
    } else if lower.starts_with("is_")
        || lower.starts_with("has_")
        || NAMES.iter().any(|word| word.len() > 1 && lower.contains(word))
    {
        0.4
    } else {
        0.0
    };
    let placed = if is_last { 0.2 } else { 0.0 };
    f64::min(values + named + placed, 1.0)
}
