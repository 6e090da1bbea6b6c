//! Scans, manifests and folders of images.

use std::{fs, path::Path};

use api::config::{DataConfig, DataKind};
use data::{
    error::DataError,
    images,
    manifest::{self, Hashes, Manifest},
    progress::silent,
    scan,
};

fn config(paths: &[&str]) -> DataConfig {
    DataConfig { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..DataConfig::default() }
}

fn names(root: &Path, paths: &[&str]) -> Vec<String> {
    scan::files(root, &config(paths)).unwrap().into_iter().map(|file| file.name).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data/b.csv", "data/a.csv", "data/deep/ü.csv", "data/.hidden.csv", "data/notes.txt", "other/c.csv"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("a,b\n1,{name}\n")).unwrap();
    }
    folder
}

#[test]
fn paths_are_files_folders_and_globs() {
    let folder = folder();
    assert_eq!(names(folder.path(), &["data"]), ["data/a.csv", "data/b.csv", "data/deep/ü.csv"]);
    assert_eq!(names(folder.path(), &["data/*.csv"]), ["data/a.csv", "data/b.csv"]);
    assert_eq!(names(folder.path(), &["data/**/*.csv", "data/a.csv"]), ["data/a.csv", "data/b.csv", "data/deep/ü.csv"]);
    assert_eq!(names(folder.path(), &["data/notes.txt"]), ["data/notes.txt"]);
    let beside: Vec<_> =
        scan::beside(folder.path(), &config(&["data"])).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(beside, ["other/c.csv"]);
}

#[test]
fn nothing_outside_of_the_root_but_by_absolute_path() {
    let folder = folder();
    let root = folder.path().join("data");
    assert!(matches!(scan::files(&root, &config(&["../other"])).unwrap_err(), DataError::Outside { .. }));
    assert!(matches!(scan::files(&root, &config(&["../other/*.csv"])).unwrap_err(), DataError::Outside { .. }));
    let absolute = folder.path().join("other");
    assert_eq!(names(&root, &[absolute.to_str().unwrap()]).len(), 1);
    assert!(matches!(scan::files(&root, &config(&["*.parquet"])).unwrap_err(), DataError::NoFiles { .. }));
    assert!(matches!(scan::files(&root, &config(&["gone.csv"])).unwrap_err(), DataError::Missing { .. }));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, root.join("link")).unwrap();
        assert!(matches!(scan::files(&root, &config(&["."])).unwrap_err(), DataError::Outside { .. }));
    }
}

#[test]
fn a_manifest_is_its_content_and_reuses_hashes() {
    let folder = folder();
    let scanned = || scan::files(folder.path(), &config(&["data"])).unwrap();
    let build =
        |previous: Option<&Manifest>, hashes| manifest::build(&scanned(), previous, hashes, &mut silent).unwrap();
    let first = build(None, Hashes::Blake3AndSha256);
    let bytes = fs::read(folder.path().join("data/a.csv")).unwrap();
    assert_eq!(first.entries[0].blake3, blake3::hash(&bytes).to_hex().to_string());
    // printf 'a,b\n1,data/a.csv\n' | sha256sum
    assert_eq!(
        first.entries[0].sha256.as_deref(),
        Some("27decfc0935df6c1b9449bb5f142fef645a13ed70d1b65d11e8b46826258ff6d")
    );
    assert_eq!(first.change(&scanned(), 7), None);

    // A hash that is only in the old manifest shows that the file was not read again.
    let mut marked = first.clone();
    marked.entries[1].blake3 = "reused".to_owned();
    assert_eq!(build(Some(&marked), Hashes::Blake3).entries[1].blake3, "reused");

    fs::write(folder.path().join("data/a.csv"), "a,b\n1,changed content\n").unwrap();
    fs::remove_file(folder.path().join("data/b.csv")).unwrap();
    let change = first.change(&scanned(), 7).unwrap();
    assert_eq!((change.added, change.changed, change.removed, change.seen_ms), (0, 1, 1, 7));
    let second = build(Some(&first), Hashes::Blake3);
    assert_ne!(first.content(), second.content());
    fs::write(folder.path().join("data/a.csv"), &bytes).unwrap();
    fs::write(folder.path().join("data/b.csv"), "a,b\n1,data/b.csv\n").unwrap();
    assert_eq!(build(None, Hashes::Blake3).content(), first.content());
}

#[test]
fn work_can_be_stopped() {
    let folder = folder();
    let files = scan::files(folder.path(), &config(&["data"])).unwrap();
    let stopped = manifest::build(&files, None, Hashes::Blake3, &mut |_| std::ops::ControlFlow::Break(()));
    assert!(matches!(stopped.unwrap_err(), DataError::Cancelled));
}

fn write_image(path: &Path, shade: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::GrayImage::from_pixel(8, 8, image::Luma([shade])).save(path).unwrap();
}

#[test]
fn images_by_class_and_corrupt_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shade) in [("cat/1.png", 1), ("cat/2.png", 2), ("dog/1.png", 3)] {
        write_image(&folder.path().join(name), shade);
    }
    let index = images::index(folder.path(), &mut silent).unwrap();
    assert_eq!(index.classes, ["cat", "dog"]);
    assert_eq!((index.entries[2].path.as_str(), index.entries[2].width), ("dog/1.png", 8));
    let parquet = folder.path().join("index.parquet");
    assert_eq!(images::to_parquet(&index, "class", &parquet).unwrap().notes, ["3 images in 2 classes, 8 × 8 pixels"]);
    let looked = data::look::look(folder.path()).unwrap();
    assert_eq!((looked.kind, looked.rows), (DataKind::Images, Some(3)));

    let whole = fs::read(folder.path().join("cat/1.png")).unwrap();
    fs::write(folder.path().join("cat/2.png"), &whole[..whole.len() - 20]).unwrap();
    fs::write(folder.path().join("dog/2.png"), b"no image").unwrap();
    let error = images::index(folder.path(), &mut silent).unwrap_err();
    assert!(matches!(&error, DataError::CorruptImage { file, others: 1, .. } if file == "cat/2.png"), "{error}");
    fs::write(folder.path().join("1.png"), &whole).unwrap();
    assert!(matches!(images::index(folder.path(), &mut silent).unwrap_err(), DataError::ImageWithoutClass { .. }));
}
