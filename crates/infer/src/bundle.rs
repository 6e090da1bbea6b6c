//! The model folder: written once, whole or not at all, and never used before every byte of it was
//! checked against `bundle.json`.
//!
//! Nothing in it is executable: JSON, safetensors, UBJSON, Parquet. A path in `bundle.json` that
//! leaves the folder is refused.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use api::{
    config::{DataKind, ModelChoice},
    evaluation::Task,
    model::{Bundle, BundleFile},
};
use candle_core::{DType, Device};
use sha2::{Digest, Sha256};

use crate::{
    forward::{Architecture, Forward},
    model::Model,
    network::NetworkError,
    preprocessing::Preprocessing,
    trees::{Trees, TreesError},
};

pub const HEAD_FILE: &str = "bundle.json";
pub const WEIGHTS_FILE: &str = "weights.safetensors";
pub const TREES_FILE: &str = "trees.ubj";
pub const PREPROCESSING_FILE: &str = "preprocessing.json";
pub const REFERENCE_FILE: &str = "reference.parquet";
pub const PROFILE_FILE: &str = "profile.json";
pub const EVALUATION_FILE: &str = "evaluation.json";
pub const EXAMPLES_FILE: &str = "examples.json";

/// Files that hold rows and values of the data, for forms and for drift. They stay in the workspace:
/// what is served or packaged never carries them, and a bundle without them is whole.
const AT_HOME: [&str; 3] = [REFERENCE_FILE, PROFILE_FILE, EXAMPLES_FILE];

/// Whether a file of a bundle goes with it to where it is served.
pub fn travels(path: &str) -> bool {
    !AT_HOME.contains(&path)
}

/// The newest format that we read.
pub const FORMAT: u32 = 2;

/// The oldest format that says all of a model: a program that knows nothing of factors must not call classes without
/// them.
const fn format_of(class_factors: &[f64]) -> u32 {
    if class_factors.is_empty() { 1 } else { 2 }
}

/// All that a bundle is made of. The signature comes from the preprocessing.
#[derive(Debug)]
pub struct Parts<'a> {
    pub task: Task,
    pub kind: ModelChoice,
    pub data: DataKind,
    pub target: String,
    /// Empty for regression; the positive class is `classes[1]` of a binary task.
    pub classes: Vec<String>,
    pub threshold: Option<f64>,
    /// One a class, or none; only of more than two classes.
    pub class_factors: Vec<f64>,
    pub lineage: BTreeMap<String, String>,
    pub preprocessing: &'a Preprocessing,
    pub forward: &'a Forward,
    /// Further files by name: [`REFERENCE_FILE`], [`PROFILE_FILE`], [`EVALUATION_FILE`],
    /// [`EXAMPLES_FILE`].
    pub files: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("there is no model in {folder}: bundle.json is missing")]
    NoBundle { folder: PathBuf },
    #[error("{path} can't be read or written: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is not as it was written ({what} is {found}, bundle.json says {expected}): it was changed or damaged, and is not used. Copy the model again from its source, or train it again"
    )]
    Changed { path: PathBuf, what: &'static str, expected: String, found: String },
    #[error("{folder} has no {file}, which bundle.json names: copy the model again from its source")]
    MissingFile { folder: PathBuf, file: String },
    #[error("bundle.json in {folder} names the path \"{path}\", which leaves the folder: this bundle is not trusted")]
    OutsidePath { folder: PathBuf, path: String },
    #[error("the model in {folder} has format {found}; this program reads up to {FORMAT}: update Slipway")]
    Newer { folder: PathBuf, found: u32 },
    #[error("{path} can't be understood: {reason}. Train the model again")]
    Malformed { path: PathBuf, reason: String },
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Trees(#[from] TreesError),
}

/// Writes a bundle into `folder`, which must not exist or be replaced: everything goes into a
/// temporary sibling, is synced, and is renamed last, so that a crash leaves the old bundle or none.
pub fn write(folder: &Path, parts: Parts<'_>) -> Result<Bundle, BundleError> {
    let temporary = sibling(folder, "writing");
    remove(&temporary)?;
    fs::create_dir_all(&temporary).map_err(io_error(&temporary))?;
    let mut contents: Vec<(String, Vec<u8>)> =
        vec![model_file(parts.forward)?, (PREPROCESSING_FILE.into(), json(&temporary, parts.preprocessing)?)];
    contents.extend(parts.files);
    let mut files = Vec::with_capacity(contents.len());
    for (path, bytes) in &contents {
        files.push(write_file(&temporary, path, bytes)?);
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let head = Bundle {
        format: format_of(&parts.class_factors),
        task: parts.task,
        kind: parts.kind,
        data: parts.data,
        target: parts.target,
        signature: parts.preprocessing.signature(parts.task, &parts.classes),
        classes: parts.classes,
        threshold: parts.threshold,
        class_factors: parts.class_factors,
        architecture: serde_json::to_value(parts.forward.architecture())
            .map_err(|source| BundleError::Malformed { path: temporary.join(HEAD_FILE), reason: source.to_string() })?,
        lineage: parts.lineage,
        files,
    };
    write_file(&temporary, HEAD_FILE, &json(&temporary, &head)?)?;
    replace(&temporary, folder)?;
    Ok(head)
}

/// Opens a bundle for the CPU, after checking every file of it.
pub fn open(folder: &Path) -> Result<Model, BundleError> {
    open_on(folder, &Device::Cpu)
}

/// Opens a bundle for a device, after checking every file of it.
pub fn open_on(folder: &Path, device: &Device) -> Result<Model, BundleError> {
    let (head, content) = read_head(folder)?;
    let mut needed = BTreeMap::new();
    for file in here(folder, &head) {
        let bytes = read_checked(folder, file)?;
        if [WEIGHTS_FILE, TREES_FILE, PREPROCESSING_FILE].contains(&file.path.as_str()) {
            needed.insert(file.path.clone(), bytes);
        }
    }
    let take = |name: &str| {
        needed.get(name).ok_or_else(|| BundleError::MissingFile { folder: folder.to_owned(), file: name.to_owned() })
    };
    let malformed = |name: &str, reason: String| BundleError::Malformed { path: folder.join(name), reason };
    let preprocessing: Preprocessing = serde_json::from_slice(take(PREPROCESSING_FILE)?)
        .map_err(|source| malformed(PREPROCESSING_FILE, source.to_string()))?;
    let architecture: Architecture =
        serde_json::from_value(head.architecture.clone()).map_err(|source| malformed(HEAD_FILE, source.to_string()))?;
    let forward = match architecture {
        Architecture::Trees { .. } => Forward::Trees(Trees::from_ubjson(take(TREES_FILE)?)?),
        Architecture::Network(network) => {
            let weights =
                candle_core::safetensors::load_buffer(take(WEIGHTS_FILE)?, device).map_err(NetworkError::Tensor)?;
            let weights = weights.into_iter().collect();
            network.check(&weights)?;
            Forward::Network { network, weights, device: device.clone() }
        }
    };
    let classes = head.classes.len();
    if (head.task == Task::BinaryClassification && classes != 2)
        || (head.task == Task::MulticlassClassification && classes < 2)
    {
        return Err(malformed(HEAD_FILE, format!("{:?} with {classes} classes", head.task)));
    }
    let factors = &head.class_factors;
    if !factors.is_empty()
        && (factors.len() != classes || !factors.iter().all(|factor| factor.is_finite() && *factor > 0.0))
    {
        return Err(malformed(HEAD_FILE, format!("the factors {factors:?} for {classes} classes")));
    }
    Ok(Model::new(head, content, preprocessing, forward))
}

/// `bundle.json` and its BLAKE3, without the other files.
pub fn read_head(folder: &Path) -> Result<(Bundle, String), BundleError> {
    let path = folder.join(HEAD_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(BundleError::NoBundle { folder: folder.to_owned() });
        }
        Err(source) => return Err(BundleError::Io { path, source }),
    };
    let malformed =
        |reason: serde_json::Error| BundleError::Malformed { path: path.clone(), reason: reason.to_string() };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(malformed)?;
    // The format is read first: a newer one may lack or change anything else.
    if let Some(found) =
        value.get("format").and_then(serde_json::Value::as_u64).filter(|found| *found > u64::from(FORMAT))
    {
        return Err(BundleError::Newer { folder: folder.to_owned(), found: found.try_into().unwrap_or(u32::MAX) });
    }
    let head: Bundle = serde_json::from_value(value).map_err(malformed)?;
    Ok((head, blake3::hash(&bytes).to_hex().to_string()))
}

/// Checks every file of a bundle without building the model; gives its head and content hash.
pub fn verify(folder: &Path) -> Result<(Bundle, String), BundleError> {
    let (head, content) = read_head(folder)?;
    for file in here(folder, &head) {
        read_checked(folder, file)?;
    }
    Ok((head, content))
}

/// The files that must be in the folder: all, but for those at home that did not travel with it.
fn here<'a>(folder: &'a Path, head: &'a Bundle) -> impl Iterator<Item = &'a BundleFile> {
    head.files.iter().filter(|file| travels(&file.path) || folder.join(&file.path).exists())
}

/// Reads one file that `bundle.json` names, checked; `None` where it names no such file.
pub fn read_file(folder: &Path, head: &Bundle, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
    head.files.iter().find(|file| file.path == name).map(|file| read_checked(folder, file)).transpose()
}

fn read_checked(folder: &Path, file: &BundleFile) -> Result<Vec<u8>, BundleError> {
    if !is_inside(&file.path) {
        return Err(BundleError::OutsidePath { folder: folder.to_owned(), path: file.path.clone() });
    }
    let path = folder.join(&file.path);
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BundleError::MissingFile { folder: folder.to_owned(), file: file.path.clone() },
        _ => BundleError::Io { path: path.clone(), source },
    })?;
    let found = describe(&file.path, &bytes);
    let changed =
        |what, expected: String, found: String| Err(BundleError::Changed { path: path.clone(), what, expected, found });
    if found.size_bytes != file.size_bytes {
        return changed("the size", file.size_bytes.to_string(), found.size_bytes.to_string());
    }
    if found.blake3 != file.blake3 {
        return changed("the BLAKE3 hash", file.blake3.clone(), found.blake3);
    }
    if found.sha256 != file.sha256 {
        return changed("the SHA-256 hash", file.sha256.clone(), found.sha256);
    }
    Ok(bytes)
}

/// Whether a relative path with forward slashes stays in its folder, on every platform.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn model_file(forward: &Forward) -> Result<(String, Vec<u8>), BundleError> {
    match forward {
        Forward::Trees(trees) => Ok((TREES_FILE.into(), trees.to_ubjson()?)),
        Forward::Network { network, weights, .. } => {
            network.check(weights)?;
            let bytes = weights_bytes(weights).map_err(NetworkError::Tensor)?;
            Ok((WEIGHTS_FILE.into(), bytes))
        }
    }
}

/// Safetensors, f32, sorted by name: equal weights give equal bytes.
fn weights_bytes(weights: &crate::network::Weights) -> candle_core::Result<Vec<u8>> {
    let plain = weights
        .iter()
        .map(|(name, tensor)| Ok((name, tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?)))
        .collect::<candle_core::Result<Vec<_>>>()?;
    Ok(safetensors::serialize(plain.iter().map(|(name, tensor)| (name.as_str(), tensor)), None)?)
}

fn json(folder: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>, BundleError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| BundleError::Malformed { path: folder.to_owned(), reason: source.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn describe(path: &str, bytes: &[u8]) -> BundleFile {
    BundleFile {
        path: path.to_owned(),
        size_bytes: bytes.len() as u64,
        blake3: blake3::hash(bytes).to_hex().to_string(),
        sha256: hex::encode(Sha256::digest(bytes)),
    }
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<BundleFile, BundleError> {
    if !is_inside(name) {
        return Err(BundleError::OutsidePath { folder: folder.to_owned(), path: name.to_owned() });
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io_error(parent))?;
    }
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(io_error(&path))?;
    Ok(describe(name, bytes))
}

/// Renames last, over what was there: the old folder steps aside first, since no platform replaces
/// a full folder in one step.
fn replace(temporary: &Path, folder: &Path) -> Result<(), BundleError> {
    sync_folder(temporary)?;
    let old = sibling(folder, "old");
    remove(&old)?;
    if folder.exists() {
        fs::rename(folder, &old).map_err(io_error(folder))?;
    }
    fs::rename(temporary, folder).map_err(io_error(folder))?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent)?;
    }
    remove(&old)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), BundleError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error(folder))
}

/// Windows has no way to sync a folder; NTFS journals the rename.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), BundleError> {
    Ok(())
}

fn sibling(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix}"));
    folder.with_file_name(name)
}

fn remove(folder: &Path) -> Result<(), BundleError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(BundleError::Io { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BundleError + '_ {
    move |source| BundleError::Io { path: path.to_owned(), source }
}
