//! Scans, manifests and folders of images.

use std::{fs, path::Path};

use api::{
    config::{DataConfig, DataKind, Ragged},
    dataset::Role,
};
use data::{
    column,
    error::DataError,
    images,
    manifest::{self, Hashes, Manifest, Proven},
    profile,
    progress::silent,
    scan, table,
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

/// Pipes are never opened, since that waits for a writer; links that lead round in a circle or out
/// of the folder are not followed for ever.
#[cfg(unix)]
#[test]
fn pipes_and_circles() {
    let folder = folder();
    let pipe = folder.path().join("data/pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(".", folder.path().join("data/circle")).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("data/deep/up")).unwrap();
    assert_eq!(names(folder.path(), &["data"]), ["data/a.csv", "data/b.csv", "data/deep/ü.csv"]);
    let error = scan::files(folder.path(), &config(&["data/pipe.csv"])).unwrap_err();
    let path = pipe.display();
    assert_eq!(
        error.to_string(),
        format!("Can't read {path}: it is no regular file, but a pipe, a socket or a device.")
    );
    assert!(error.hint().is_some());
}

#[test]
fn absolute_paths_say_what_to_watch() {
    let folder = folder();
    let root = folder.path().canonicalize().unwrap();
    let (inside, outside) = (root.join("other"), root.join("data"));
    let path = |rest: &str| outside.join(rest).to_string_lossy().into_owned();
    let watched = |given: &str| {
        let places = scan::outside(&inside, &config(&[given]));
        let told = places.iter().map(|place| {
            let (folder, only) = (place.folder.strip_prefix(&root).unwrap(), place.only.as_ref());
            let only = only.map(|only| only.strip_prefix(&place.folder).unwrap().to_owned());
            (folder.to_owned(), place.deep, only.unwrap_or_default())
        });
        told.collect::<Vec<_>>()
    };
    let place = |folder: &str, deep: bool, only: &str| (folder.into(), deep, only.into());
    assert_eq!(watched(&path("a.csv")), [place("data", false, "a.csv")]);
    assert_eq!(watched(&path("deep")), [place("data", false, "deep"), place("data/deep", true, "")]);
    assert_eq!(watched(&path("*.csv")), [place("", false, "data"), place("data", false, "")]);
    assert_eq!(watched(&path("**/*.csv")), [place("", false, "data"), place("data", true, "")]);
    assert_eq!(watched(&path("gone/x.csv")), [place("data/gone", false, "x.csv")]);
    assert_eq!(watched(&inside.join("c.csv").to_string_lossy()), []);
    assert_eq!(watched("../data/a.csv"), [], "a relative path leads nowhere else");
}

#[test]
fn a_name_with_a_typo_is_refused() {
    let folder = folder();
    for role in ["ignore", "sensitive", "types"] {
        let mut config = config(&["data/a.csv"]);
        match role {
            "ignore" => config.ignore = vec!["bb".to_owned()],
            "sensitive" => config.sensitive = vec!["a".to_owned(), "bb".to_owned()],
            _ => drop(config.types.insert("bb".to_owned(), api::config::ColumnType::Text)),
        }
        let files = scan::files(folder.path(), &config).unwrap();
        let error = table::convert(&files, &config, &folder.path().join("t.parquet"), &mut silent).unwrap_err();
        assert_eq!(error.to_string(), "The data has no column \"bb\"; it has \"a\", \"b\".");
        assert_eq!(error.hint().unwrap(), format!("Change `{role}` in `[data]` of slipway.toml to one of them."));
    }
}

#[test]
fn files_stand_where_size_and_time_or_else_the_bytes_are_those_of_the_manifest() {
    let folder = folder();
    let files = scan::files(folder.path(), &config(&["data"])).unwrap();
    let taken = manifest::build(&files, None, Hashes::Blake3, &mut silent).unwrap();
    let mut proven = Proven::default();
    let mut stand = |root: &Path| {
        let mut read = 0;
        let standing = taken.stand(root, &mut proven, &mut |bytes| {
            read += bytes;
            std::ops::ControlFlow::Continue(())
        });
        (standing.map(|files| files.into_iter().map(|file| file.path).collect::<Vec<_>>()), read)
    };
    let set = |path: &Path, bytes: &[u8], modified: std::time::SystemTime| {
        fs::write(path, bytes).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    };
    let (a, then) = (folder.path().join("data/a.csv"), fs::metadata(folder.path().join("data/a.csv")).unwrap());
    let (bytes, then) = (fs::read(&a).unwrap(), then.modified().unwrap());
    let later = then + std::time::Duration::from_secs(60);

    let (paths, read) = stand(folder.path());
    assert_eq!((paths.unwrap(), read), (files.iter().map(|file| folder.path().join(&file.name)).collect(), 0));
    // Another time alone costs one reading, and only one.
    set(&a, &bytes, later);
    assert_eq!(stand(folder.path()).1, bytes.len() as u64);
    assert_eq!(stand(folder.path()).1, 0);
    // The same bytes are the same file elsewhere.
    let moved = tempfile::tempdir().unwrap();
    for entry in &taken.entries {
        let path = moved.path().join(&entry.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(folder.path().join(&entry.name), path).unwrap();
    }
    assert!(stand(moved.path()).0.is_ok());

    let mut differs = |found: &str| {
        let error = stand(folder.path()).0.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("{} is not the file", a.display())), "{text}");
        assert!(text.contains("expected 17 bytes with the BLAKE3 ") && text.contains(found), "{text}");
        assert!(error.hint().unwrap().contains("take a new snapshot"));
    };
    let mut other = bytes.clone();
    other[4] = b'9';
    set(&a, &other, later + std::time::Duration::from_secs(1));
    differs("found other bytes, with the BLAKE3 ");
    set(&a, b"a,b\n", then);
    differs("found 4 bytes");
    fs::remove_file(&a).unwrap();
    differs("found nothing");
}

#[test]
fn work_can_be_stopped() {
    let folder = folder();
    let files = scan::files(folder.path(), &config(&["data"])).unwrap();
    let stopped = manifest::build(&files, None, Hashes::Blake3, &mut |_| std::ops::ControlFlow::Break(()));
    assert!(matches!(stopped.unwrap_err(), DataError::Cancelled));
}

#[test]
fn only_the_picture_of_an_image_project_is_a_feature() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"] {
        write_image(&folder.path().join(name), 1);
    }
    let parquet = folder.path().join("index.parquet");
    let index = images::index(folder.path(), &mut silent).unwrap();
    let converted = images::to_parquet(&index, "class", &parquet).unwrap();
    let config = DataConfig { kind: DataKind::Images, target: Some("class".to_owned()), ..DataConfig::default() };
    let expected = [
        ("image", Role::Feature),
        ("class", Role::Target),
        ("width", Role::Ignored),
        ("height", Role::Ignored),
        ("content", Role::Ignored),
    ];
    for ((name, _), (expected_name, role)) in converted.columns.iter().zip(expected) {
        assert_eq!((name.as_str(), column::role(name, &config)), (expected_name, role));
    }
    let profile = profile::profile(&parquet, &config, &mut silent).unwrap();
    let roles: Vec<(&str, Role)> = profile.columns.iter().map(|column| (column.name.as_str(), column.role)).collect();
    assert_eq!(roles, expected);
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
    let looked = data::look::look(&[folder.path()], Ragged::Error).unwrap();
    assert_eq!((looked.kind, looked.rows, looked.found.len()), (DataKind::Images, Some(3), 1));
    write_image(&folder.path().join(".bird/1.png"), 4);
    fs::create_dir(folder.path().join(".tool")).unwrap();
    let looked = data::look::look(&[folder.path()], Ragged::Error).unwrap();
    assert!(
        looked.found[1].starts_with("Hidden folders with pictures are left out: \".bird\"; "),
        "{:?}",
        looked.found
    );
    assert_eq!(looked.rows, Some(3));

    let whole = fs::read(folder.path().join("cat/1.png")).unwrap();
    fs::write(folder.path().join("cat/2.png"), &whole[..whole.len() - 20]).unwrap();
    fs::write(folder.path().join("dog/2.png"), b"no image").unwrap();
    let error = images::index(folder.path(), &mut silent).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("Can't decode the image cat/2.png: "), "{said}");
    assert!(said.ends_with("1 more can't be decoded either."), "{said}");
    assert_eq!(error.hint().unwrap(), "Replace it or delete it, and try again.");
    for (bytes, reason) in
        [(b"".as_slice(), "it is empty"), (b"no image", "its bytes are no PNG, JPEG, BMP, GIF or WebP")]
    {
        fs::remove_file(folder.path().join("dog/2.png")).unwrap();
        fs::copy(folder.path().join("cat/1.png"), folder.path().join("cat/2.png")).unwrap();
        fs::write(folder.path().join("dog/2.png"), bytes).unwrap();
        let error = images::index(folder.path(), &mut silent).unwrap_err();
        assert_eq!(error.to_string(), format!("Can't decode the image dog/2.png: {reason}."));
    }
    fs::write(folder.path().join("dog/2.png"), &whole).unwrap();
    fs::write(folder.path().join("1.png"), &whole).unwrap();
    let error = images::index(folder.path(), &mut silent).unwrap_err();
    let folder = folder.path().display();
    assert_eq!(
        error.to_string(),
        format!("The images in {folder} don't lie in folders by class (1.png has no class folder).")
    );
    assert!(error.hint().unwrap().contains("images/cat/1.png"));
}
