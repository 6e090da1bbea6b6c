//! Packages: a model version as an OCI image, made without Docker or root, and its way to registries.
//!
//! The image is two layers on nothing: the static serving program, whose layer is kept and used again
//! for every model, and the model's bundle under `/model`. No time, name or order of this machine
//! enters it: the same program and version give the same digest. What the model came from travels
//! with it, in the manifest's annotations and the configuration's labels.

mod image;
mod layer;
mod program;
pub(crate) mod push;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
pub(crate) use api::figure::bytes as size;
use api::{
    ApiError, ErrorCode, PackageId, VersionId,
    event::Tag,
    figure::counted,
    job::{Job, JobKind, Subject},
    package::{BuildPackage, ExportPackage, ListPackages, Package, PushPackage},
};
use store::{
    blob::{BlobHash, Blobs},
    package::{PackageBlob, PackageBlobs, PackageRow},
    version::VersionRow,
};

use crate::{
    Engine,
    blocking::{Step, Tell},
    error,
    jobs::{self, JobContext, NewJob},
    output::Output,
    package::{
        image::About,
        layer::{Layer, LayerWriter},
    },
    ports::AWAITS_PROGRAM,
};

const PLATFORM: &str = "linux/amd64";
/// The program is compressed once and sent to many; a model is compressed while a person waits.
const PROGRAM_LEVEL: u32 = 6;
const MODEL_LEVEL: u32 = 2;
/// Part of the cache's key: another way to make the layer is another layer.
const PROGRAM_LAYER: &str = "1";

pub(crate) async fn version(engine: &Engine, id: VersionId) -> anyhow::Result<VersionRow> {
    let found = engine.store().read(move |c| store::version::get(c, id)).await?;
    found.ok_or_else(|| error::missing("model version", id))
}

pub(crate) async fn find(engine: &Engine, id: PackageId) -> anyhow::Result<PackageRow> {
    let found = engine.store().read(move |c| store::package::get(c, id)).await?;
    found.ok_or_else(|| error::missing("package", id))
}

pub async fn list(engine: &Engine, request: ListPackages) -> anyhow::Result<Vec<Package>> {
    let rows = engine.store().read(move |c| store::package::list(c, request.version)).await?;
    Ok(rows.into_iter().map(|row| row.package).collect())
}

pub async fn build(engine: &Engine, request: BuildPackage) -> anyhow::Result<Job> {
    let row = version(engine, request.version).await?;
    let (model, number) = (row.version.model_name.clone(), row.version.number);
    let new = NewJob {
        kind: JobKind::Package,
        title: format!("Package {model} v{number}"),
        project: Some(row.version.project),
        subject: Subject::None,
        memory_bytes: 0,
        request: jobs::retry_with(&request),
    };
    engine
        .jobs()
        .start(engine, new, async move |context: JobContext| {
            await_program(&context, || context.progress(None, AWAITS_PROGRAM)).await?;
            context.progress(None, "Builds the image");
            let built = make(context.engine(), &row).await?;
            context.set_subject(Subject::Package(built.package.id)).await?;
            let layers = counted(built.package.layers.len() as u64, "layer", "layers");
            Ok(format!("{layers}, {}", size(built.package.size_bytes)))
        })
        .await
}

pub async fn push(engine: &Engine, request: PushPackage) -> anyhow::Result<Job> {
    let row = version(engine, request.version).await?;
    let registry = crate::registry::find(engine, request.registry).await?;
    let place = push::Place::of(engine, &row, registry, request.repository.as_deref(), request.tag.as_deref()).await?;
    let new = NewJob {
        kind: JobKind::Push,
        title: format!("Push {} v{} to {}", row.version.model_name, row.version.number, place.registry.name),
        project: Some(row.version.project),
        subject: Subject::None,
        memory_bytes: 0,
        request: jobs::retry_with(&request),
    };
    engine
        .jobs()
        .start(engine, new, async move |context: JobContext| {
            await_program(&context, || context.progress(None, AWAITS_PROGRAM)).await?;
            context.progress(None, "Builds the image");
            let built = make(context.engine(), &row).await?;
            context.set_subject(Subject::Package(built.package.id)).await?;
            let told = context.clone();
            let pushed = push::run(context.engine(), &built, &place, &|fraction, message| {
                told.progress(fraction, message);
                !told.is_cancelled()
            })
            .await?;
            Ok(format!("{} sent, {} were there", size(pushed.sent_bytes), size(pushed.skipped_bytes)))
        })
        .await
}

/// Waits for the serving program of images where it is still being built, and says so first. Errs with `cancelled`
/// where a person asked to stop.
pub(crate) async fn await_program(context: &JobContext, tell: impl FnOnce()) -> anyhow::Result<()> {
    let adapters = context.engine().adapters();
    if !adapters.serving_image_is_being_built().await {
        return Ok(());
    }
    tell();
    tokio::select! {
        program = adapters.serving_image_binary() => Ok(program.map(drop)?),
        () = context.cancelled() => Ok(context.check()?),
    }
}

/// The image of a version: built, or found where the same was built before.
pub(crate) async fn make(engine: &Engine, row: &VersionRow) -> anyhow::Result<PackageRow> {
    let program = engine.adapters().serving_image_binary().await?;
    // Nothing may collect the blobs before their record is there.
    let _held = engine.hold_blobs().await;
    let (blobs, version) = (engine.blobs().clone(), row.clone());
    let task = engine.clone();
    let serving = serving_layer(&task, &program).await?;
    let built = tokio::task::spawn_blocking(move || assemble(&blobs, &version, serving)).await??;
    let (id, digest) = (row.version.id, built.manifest.digest.clone());
    let wanted = digest.clone();
    if let Some(found) = engine.store().read(move |c| store::package::by_digest(c, id, &wanted)).await? {
        return Ok(found);
    }
    let package = PackageRow {
        package: Package {
            id: PackageId::from_bytes(engine.new_id()),
            version: id,
            digest,
            size_bytes: 0,
            layers: Vec::new(),
            platform: PLATFORM.to_owned(),
            pushes: Vec::new(),
            created_ms: engine.now_ms(),
        },
        blobs: built,
    };
    let id = package.package.id;
    let entered = engine.store().write(move |tx| {
        let is_there = store::version::get(tx, package.package.version)?.is_some();
        if is_there {
            store::package::insert(tx, &package)?;
        }
        Ok(is_there)
    });
    if !entered.await? {
        let gone = format!("{} v{} was deleted meanwhile.", row.version.model_name, row.version.number);
        bail!(ApiError::new(ErrorCode::Conflict, gone));
    }
    engine.changed(Tag::Packages);
    find(engine, id).await
}

/// The layer of the serving program: compressed at its first use, then found by the program's hash.
async fn serving_layer(engine: &Engine, program: &Path) -> anyhow::Result<Layer> {
    let path = program.to_owned();
    let bytes = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(&path).with_context(|| format!("read the serving program {}", path.display()))?;
        program::check(&bytes, &path)?;
        anyhow::Ok(bytes)
    })
    .await??;
    let name = format!("serving_layer/{PROGRAM_LAYER}/{}", BlobHash::of(&bytes));
    let key = name.clone();
    let known: Option<Layer> = engine.store().read(move |c| store::setting::get(c, &key)).await?;
    if let Some(known) = known.filter(|layer| engine.blobs().contains(&layer.blob.hash)) {
        return Ok(known);
    }
    let blobs = engine.blobs().clone();
    let layer = tokio::task::spawn_blocking(move || {
        let mut writer = LayerWriter::new(&blobs, PROGRAM_LEVEL)?;
        writer.file("slipway-serving", true, &bytes)?;
        writer.finish("serving")
    })
    .await??;
    let kept = layer.clone();
    engine.store().write(move |tx| store::setting::put(tx, &name, &kept)).await?;
    Ok(layer)
}

fn assemble(blobs: &Blobs, row: &VersionRow, serving: Layer) -> anyhow::Result<PackageBlobs> {
    // Rows of the data, sensitive columns among them, have no place in an image.
    let mut files: Vec<_> = row.files.iter().filter(|file| infer::bundle::travels(&file.path)).collect();
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let mut writer = LayerWriter::new(blobs, MODEL_LEVEL)?;
    writer.folder("model")?;
    let mut folders = Vec::new();
    for file in files {
        let hash: BlobHash = file.blake3.parse().with_context(|| format!("read the hash of {}", file.path))?;
        for (at, _) in file.path.match_indices('/') {
            let folder = file.path[..at].to_owned();
            if !folders.contains(&folder) {
                writer.folder(&format!("model/{folder}"))?;
                folders.push(folder);
            }
        }
        writer.file(&format!("model/{}", file.path), false, &blobs.read(&hash)?)?;
    }
    let layers = [serving, writer.finish("model")?];
    let about = about(row);
    let config = document(blobs, image::config(&about, &layers)?, image::CONFIG, "config")?;
    let manifest = document(blobs, image::manifest(&about, &config, &layers)?, image::MANIFEST, "manifest")?;
    Ok(PackageBlobs { manifest, config, layers: layers.map(|layer| layer.blob).to_vec() })
}

fn about(row: &VersionRow) -> About {
    let version = &row.version;
    let mut lineage = row.lineage.clone();
    lineage.insert("model".to_owned(), version.model_name.clone());
    lineage.insert("version".to_owned(), version.number.to_string());
    lineage.insert("version_id".to_owned(), version.id.to_string());
    lineage.insert("content".to_owned(), version.content.clone());
    lineage.insert("run".to_owned(), version.run.to_string());
    if let Some(snapshot) = version.snapshot {
        lineage.insert("snapshot".to_owned(), snapshot.to_string());
    }
    About { name: version.model_name.clone(), number: version.number, lineage }
}

fn document(blobs: &Blobs, bytes: Vec<u8>, media_type: &str, what: &str) -> anyhow::Result<PackageBlob> {
    use sha2::Digest as _;
    let stored = blobs.put_bytes(&bytes)?;
    Ok(PackageBlob {
        hash: stored.hash,
        digest: layer::digest(&sha2::Sha256::digest(&bytes)),
        size_bytes: stored.size_bytes,
        media_type: media_type.to_owned(),
        what: what.to_owned(),
    })
}

/// Writes an OCI layout as one tar: `podman load`, `skopeo copy oci-archive:…`.
pub async fn export(engine: &Engine, request: ExportPackage) -> anyhow::Result<Job> {
    let row = find(engine, request.package).await?;
    let output = Output { path: PathBuf::from(&request.path), overwrite: Some(request.overwrite) };
    if !output.path.is_absolute() {
        bail!(
            ApiError::invalid(format!("\"{}\" is not a whole path.", request.path)).with_hint("Start it at the root.")
        );
    }
    let output = tokio::task::spawn_blocking(move || output.check().map(|()| output)).await??;
    let version = version(engine, row.package.version).await?;
    let about = about(&version);
    let new = NewJob {
        kind: JobKind::Export,
        title: format!("Export the image of {} v{}", about.name, about.number),
        project: Some(version.version.project),
        subject: Subject::Package(row.package.id),
        memory_bytes: 0,
        request: jobs::retry_with(&request),
    };
    let work = async move |context: JobContext| {
        // Collecting leaves the blobs until they are read.
        let _gate = context.engine().hold_blobs().await;
        let (blobs, halves) = (context.engine().blobs().clone(), context.engine().workspace().halves());
        let written = format!("{} in {}", size(row.package.size_bytes), output.path.display());
        let result = context.blocking(move |tell| write_layout(&blobs, &row, &about, &output, &halves, tell)).await;
        if result.is_err() {
            // The archive only says that its reader broke off.
            context.check()?;
        }
        result.map(|()| written)
    };
    engine.jobs().start(engine, new, work).await
}

/// A blob that is read into the tar; who exports is told, and stops it.
struct Telling<'a, 'b> {
    bytes: &'a [u8],
    done_bytes: &'a mut u64,
    all_bytes: u64,
    tell: &'a mut Tell<'b, Step>,
}

impl std::io::Read for Telling<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(into)?;
        *self.done_bytes += read as u64;
        let message = format!("Writes {} of {}", size(*self.done_bytes), size(self.all_bytes));
        let fraction = *self.done_bytes as f64 / self.all_bytes.max(1) as f64;
        if (self.tell)(Step { fraction, message }).is_break() {
            return Err(std::io::Error::other("it was cancelled"));
        }
        Ok(read)
    }
}

fn write_layout(
    blobs: &Blobs,
    row: &PackageRow,
    about: &About,
    output: &Output,
    halves: &Path,
    mut tell: Tell<'_, Step>,
) -> anyhow::Result<()> {
    let named = || format!("write {}", output.path.display());
    let (file, half) = output.begin(halves)?;
    let mut tar = tar::Builder::new(file);
    let (mut done_bytes, all_bytes) = (0, row.package.size_bytes);
    let mut add = |name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        let reader = Telling { bytes, done_bytes: &mut done_bytes, all_bytes, tell: &mut tell };
        tar.append_data(&mut header, name, reader)
    };
    let name = format!("{}:v{}", push::repository_of(&about.name), about.number);
    let entry = image::Descriptor::of(&row.blobs.manifest)
        .with_annotations([("org.opencontainers.image.ref.name", name)].into());
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": image::INDEX, "manifests": [entry] });
    add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#).with_context(named)?;
    add("index.json", &serde_json::to_vec(&index)?).with_context(named)?;
    for blob in row.blobs.layers.iter().chain([&row.blobs.config, &row.blobs.manifest]) {
        add(&format!("blobs/{}", blob.digest.replace(':', "/")), &blobs.read(&blob.hash)?).with_context(named)?;
    }
    tar.into_inner().with_context(named)?;
    half.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::json;

    use super::*;

    /// A version whose files are blobs, entered in the given order.
    fn version(blobs: &Blobs, files: &[(&str, &[u8])]) -> VersionRow {
        let id = "07".repeat(16);
        let version = json!({
            "id": id, "model": id, "project": id, "model_name": "Card fraud", "number": 3, "aliases": [], "run": id,
            "run_name": "brisk-heron", "snapshot": id, "snapshot_number": 1, "commit": null, "seed": 0, "kind": "trees",
            "task": "binary_classification", "signature": { "inputs": [], "outputs": [] }, "size_bytes": 1, "content": "c0ffee",
            "threshold": 0.5, "primary": null, "rows": { "training": 1, "validation": 1, "test": 1 }, "deployments": [],
            "created_ms": 5,
        });
        let files = files.iter().map(|(path, bytes)| {
            let stored = blobs.put_bytes(bytes).unwrap();
            api::model::BundleFile {
                path: (*path).to_owned(),
                size_bytes: stored.size_bytes,
                blake3: stored.hash.to_string(),
                sha256: String::new(),
            }
        });
        VersionRow {
            version: serde_json::from_value(version).unwrap(),
            lineage: [("seed", "0"), ("commit", "0123abcd"), ("dirty", "true")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            files: files.collect(),
        }
    }

    fn serving(blobs: &Blobs) -> Layer {
        let mut writer = LayerWriter::new(blobs, PROGRAM_LEVEL).unwrap();
        writer.file("slipway-serving", true, b"a program").unwrap();
        writer.finish("serving").unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_digest_in_whatever_order_and_place() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (Blobs::open(one.path().join("b")).unwrap(), Blobs::open(other.path().join("b")).unwrap());
        let files: [(&str, &[u8]); 3] =
            [("bundle.json", b"{}"), ("weights/a.bin", b"aaaa"), ("weights/b.bin", b"bbbb")];
        let mut reversed = files;
        reversed.reverse();
        let first = assemble(&one, &version(&one, &files), serving(&one)).unwrap();
        let second = assemble(&other, &version(&other, &reversed), serving(&other)).unwrap();
        assert_eq!(first, second);
        let changed: [(&str, &[u8]); 1] = [("bundle.json", b"{ }")];
        let third = assemble(&one, &version(&one, &changed), serving(&one)).unwrap();
        assert_ne!(first.manifest.digest, third.manifest.digest);
        assert_eq!(first.layers[0], third.layers[0], "the program's layer is one for all models");
    }

    #[test]
    fn no_row_of_the_data_is_in_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("b")).unwrap();
        let kept: [(&str, &[u8]); 2] = [("bundle.json", b"{}"), ("trees.ubj", b"trees")];
        let mut all = kept.to_vec();
        all.extend([("reference.parquet", &b"rows"[..]), ("examples.json", b"[]"), ("profile.json", b"{}")]);
        let lean = assemble(&blobs, &version(&blobs, &kept), serving(&blobs)).unwrap();
        let whole = assemble(&blobs, &version(&blobs, &all), serving(&blobs)).unwrap();
        assert_eq!(lean.layers, whole.layers);
    }

    #[test]
    fn a_layer_is_sorted_and_says_nothing_of_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("b")).unwrap();
        let files: [(&str, &[u8]); 2] = [("weights/a.bin", b"aaaa"), ("bundle.json", b"{}")];
        let built = assemble(&blobs, &version(&blobs, &files), serving(&blobs)).unwrap();
        let bytes = blobs.read(&built.layers[1].hash).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            assert_eq!(header.mode().unwrap() & 0o222, 0, "nobody writes");
            seen.push(entry.path().unwrap().display().to_string());
        }
        assert_eq!(seen, ["model/", "model/bundle.json", "model/weights/", "model/weights/a.bin"]);
    }

    #[test]
    fn lineage_travels_in_annotations_and_labels_and_the_user_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("b")).unwrap();
        let built = assemble(&blobs, &version(&blobs, &[("bundle.json", b"{}")]), serving(&blobs)).unwrap();
        let read = |blob: &PackageBlob| -> serde_json::Value {
            serde_json::from_slice(&blobs.read(&blob.hash).unwrap()).unwrap()
        };
        let (manifest, config) = (read(&built.manifest), read(&built.config));
        assert_eq!(manifest["annotations"]["slipway.lineage.content"], "c0ffee");
        assert_eq!(manifest["annotations"]["slipway.lineage.commit"], "0123abcd");
        assert_eq!(manifest["annotations"]["slipway.lineage.dirty"], "true");
        assert_eq!(config["config"]["Labels"], manifest["annotations"]);
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/slipway-serving"]));
        assert_eq!(manifest["config"]["digest"], built.config.digest.as_str());
        // The diff ids are of the uncompressed layers.
        let mut tar = Vec::new();
        let layer = blobs.read(&built.layers[1].hash).unwrap();
        flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut tar).unwrap();
        use sha2::Digest as _;
        assert_eq!(config["rootfs"]["diff_ids"][1], layer::digest(&sha2::Sha256::digest(&tar)));
    }
}
