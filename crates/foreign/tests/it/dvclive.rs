//! DVCLive's folder, as its logger 3.49.1 left it: `tests/fixtures/make_dvclive.py` made it.

use std::{fs, io::Write as _, path::Path};

use api::run::RunState;
use foreign::{Mark, Media, Told, dvclive::DvcLive};

use crate::{Read, age, copy, pairs, read};

fn read_at(folder: &Path, mark: &Mark) -> Read {
    read(&DvcLive::new(folder.to_owned()), mark)
}

fn age_all(folder: &Path) {
    for name in [
        "metrics.json",
        "params.yaml",
        "plots/metrics/gap.tsv",
        "plots/metrics/loss.tsv",
        "plots/metrics/train/acc.tsv",
    ] {
        age(&folder.join(name));
    }
}

#[test]
fn what_dvclive_wrote_is_told() {
    let folder = copy("dvclive");
    age_all(folder.path());
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.warnings(), [""; 0]);
    let [head] = read.heads()[..] else { panic!("{:?}", read.told) };
    assert_eq!((head.state, head.ended_ms), (RunState::Finished, Some(1_700_000_000_000)));
    let params = [
        ("lr", "0.01"),
        ("optimizer.name", "adam"),
        ("optimizer.betas", "[0.9,0.999]"),
        ("layers", "3"),
        ("amp", "true"),
    ];
    assert_eq!(head.params, pairs(&params));
    assert_eq!(read.series("loss").len(), 5);
    assert_eq!(read.series("loss")[3], (3, Some(0.25)));
    assert!(read.points("loss")[0].time_ms > 1_700_000_000_000, "its own timestamp");
    assert_eq!(read.points("train/acc")[4].time_ms, 1_700_000_000_000, "its file's");
    assert_eq!(read.series("train/acc")[4], (4, Some(0.9)));
    assert_eq!(read.series("gap"), [(3, None)]);
    // A value of the summary that has no series.
    assert_eq!(read.series("best"), [(4, Some(0.9))]);
    let media = read.told.iter().filter_map(|told| match told {
        Told::Media { key, step, media: Media::File(path), location: Some(location), .. } => {
            let read = foreign::read_at(location).unwrap();
            Some((&**key, *step, read == Media::File(path.clone()) && fs::read(path).unwrap().starts_with(b"\x89PNG")))
        }
        _ => None,
    });
    assert_eq!(media.collect::<Vec<_>>(), [("sample.png", 0, true), ("steps", 3, true)]);
}

#[test]
fn a_folder_that_is_written_to_is_tailed() {
    let folder = copy("dvclive");
    let mut read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.heads()[0].state, RunState::Running);
    let again = |read: &mut Read| *read = read_at(folder.path(), &read.mark);
    again(&mut read);
    assert_eq!(read.told, []);
    let mut series = fs::File::options().append(true).open(folder.path().join("plots/metrics/gap.tsv")).unwrap();
    series.write_all(b"4\t0.5\n5\t0.").unwrap();
    again(&mut read);
    assert_eq!((read.series("gap"), read.told.len()), (vec![(4, Some(0.5))], 1));
    series.write_all(b"25\n").unwrap();
    fs::write(folder.path().join("params.yaml"), "lr: 0.02\n").unwrap();
    again(&mut read);
    assert_eq!(read.series("gap"), [(5, Some(0.25))]);
    assert_eq!(read.heads()[0].params, pairs(&[("lr", "0.02")]));
    age_all(folder.path());
    again(&mut read);
    assert_eq!(read.heads().iter().map(|head| head.state).collect::<Vec<_>>(), [RunState::Finished]);
}

#[test]
fn what_cant_be_read_is_said_with_its_place_and_left_out() {
    let folder = copy("dvclive");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("metrics.json"), "{\"loss\": 0.").unwrap();
    fs::write(path("params.yaml"), "lr: [0.1\n").unwrap();
    fs::write(path("plots/metrics/gap.tsv"), b"step\tgap\n0\t\xff\nx\t1\n2\t3\n").unwrap();
    fs::write(path("plots/metrics/empty.tsv"), "").unwrap();
    fs::write(path("plots/metrics/binary.tsv"), vec![0; 2 << 20]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), path("plots/metrics/loop.tsv")).unwrap();
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!((read.heads().len(), read.series("loss").len()), (1, 5));
    assert_eq!(read.series("gap"), [(2, Some(3.0))]);
    let warnings = read.warnings().join("\n");
    for said in [
        "metrics.json: it was left out: it is no JSON",
        "params.yaml: it was left out: it is no YAML",
        "gap.tsv, row 1: it was left out, and 1 other: ",
    ] {
        assert!(warnings.contains(said), "{said} is not in\n{warnings}");
    }
    #[cfg(unix)]
    assert!(warnings.contains("loop.tsv: it was left out: links are not followed"), "{warnings}");
    assert_eq!(read_at(folder.path(), &read.mark).told, []);
}

#[test]
fn plots_are_tables_and_drawings_pictures() {
    let folder = copy("dvclive");
    let write = |name: &str, content: &str| {
        let path = folder.path().join("plots").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    // As `log_sklearn_plot`, `log_plot` and matplotlib's `savefig` write them.
    write(
        "sklearn/roc.json",
        r#"{"roc": [{"fpr": 0.0, "tpr": 0.5, "threshold": Infinity}, {"fpr": 1.0, "tpr": 1.0}]}"#,
    );
    write("custom/deep/scatter.json", r#"[{"x": 1, "y": "a"}, {"x": 2, "z": true}]"#);
    write("images/drawing.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    for (name, content) in
        [("custom/empty.json", "[]"), ("custom/other.json", "{}"), ("sklearn/half.json", "[{\"x\": ")]
    {
        write(name, content);
    }
    let read = read_at(folder.path(), &Mark::default());
    let media = |of: &str| {
        let found = read.told.iter().find_map(|told| match told {
            Told::Media { key, step: 0, media, location: Some(location), .. } if key == of => Some((media, location)),
            _ => None,
        });
        let (media, location) = found.unwrap_or_else(|| panic!("{of} is not in {:?}", read.told));
        // It is the same when it is shown.
        assert_eq!(foreign::read_at(location).unwrap(), *media);
        media.clone()
    };
    let table = |columns: &[&str], rows: &[&[&str]]| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Media::Table { columns: texts(columns), rows: rows.iter().map(|row| texts(row)).collect() }
    };
    assert_eq!(media("custom/deep/scatter"), table(&["x", "y", "z"], &[&["1", "a", ""], &["2", "", "true"]]));
    let Media::Table { columns, rows } = media("sklearn/roc") else { panic!() };
    assert_eq!((columns, rows.len()), (vec!["fpr".to_owned(), "tpr".to_owned(), "threshold".to_owned()], 2));
    let numbers: Vec<f64> = rows[0].iter().map(|cell| cell.parse().unwrap()).collect();
    assert_eq!(numbers, [0.0, 0.5, f64::INFINITY]);
    assert_eq!(media("drawing.svg"), Media::File(folder.path().join("plots/images/drawing.svg")));
    let warnings = read.warnings();
    let said = [
        "custom/empty.json: it was left out: it holds no list of points",
        "custom/other.json: it was left out: it holds no list of points",
        "sklearn/half.json: it was left out: it is no JSON",
    ];
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().zip(said).all(|(warning, said)| warning.contains(said)), "{warnings:?}");
    assert_eq!(read_at(folder.path(), &read.mark).told, []);
}

#[test]
fn another_training_in_the_folder_takes_the_place_of_the_one_before() {
    let folder = copy("dvclive");
    let path = |name: &str| folder.path().join(name);
    let before = read_at(folder.path(), &Mark::default());
    assert!(before.heads().iter().all(|head| !head.replaces));
    // DVCLive removes what the one before left. It stays here until there is something else.
    fs::remove_dir_all(path("plots")).unwrap();
    fs::remove_file(path("params.yaml")).unwrap();
    fs::remove_file(path("metrics.json")).unwrap();
    let between = read_at(folder.path(), &before.mark);
    assert_eq!(between.told, []);
    fs::create_dir_all(path("plots/metrics")).unwrap();
    fs::write(path("plots/metrics/loss.tsv"), "timestamp\tstep\tloss\n1700000000000\t0\t0.75\n").unwrap();
    fs::write(path("params.yaml"), "depth: 2\n").unwrap();
    let after = read_at(folder.path(), &between.mark);
    let [head] = after.heads()[..] else { panic!("{:?}", after.told) };
    assert!(head.replaces && head.tags.is_empty(), "{head:?}");
    assert_eq!((&head.params, head.created_ms), (&pairs(&[("depth", "2")]), 1_700_000_000_000));
    assert_eq!(after.series("loss"), [(0, Some(0.75))]);
    assert!(after.warnings()[0].contains("another training was begun in it"), "{:?}", after.warnings());
    let mut loss = fs::File::options().append(true).open(path("plots/metrics/loss.tsv")).unwrap();
    loss.write_all(b"1700000001000\t1\t0.5\n").unwrap();
    let more = read_at(folder.path(), &after.mark);
    assert_eq!((more.series("loss"), more.told.len()), (vec![(1, Some(0.5))], 1));
}
