//! MLflow's file store, as its client 3.17.2 left it: `tests/fixtures/make_mlruns.py` made it.

use std::{fs, io::Write as _, path::Path};

use api::{run::RunState, series::Point};
use foreign::{
    Mark, Told,
    mlflow_files::{MlflowFiles, write::FileStore},
    registry::{GroupHead, ModelHead, StandingModel},
};

use crate::{Read, copy, fixture, pairs, read};

const FIRST: &str = "100000000000000001/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn read_at(folder: &Path, mark: &Mark) -> Read {
    read(&MlflowFiles::new(folder.to_owned()), mark)
}

#[test]
fn what_mlflow_wrote_is_told() {
    let read = read_at(&fixture("mlruns"), &Mark::default());
    assert_eq!(read.warnings(), [""; 0]);
    let names: Vec<&str> = read.heads().iter().map(|head| &*head.name).collect();
    assert_eq!(names, ["first: of two", "failed", "of old"]);
    let first = read.head("first: of two");
    assert_eq!((&*first.key, first.id), (FIRST, Some([0xaa; 16])));
    assert_eq!((&*first.group, first.state), ("churn", RunState::Finished));
    assert_eq!((first.created_ms, first.ended_ms), (1_700_000_000_000, Some(1_700_000_002_000)));
    assert_eq!((first.user.as_deref(), first.notes.as_deref()), (Some("ada"), Some("Best so far.")));
    assert_eq!(first.commit, Some("c".repeat(40)));
    assert_eq!(first.params, pairs(&[("lr", "0.1"), ("note", "two\nlines"), ("opt/name", "adam")]));
    let inputs = read.told.iter().find_map(|told| if let Told::Inputs(inputs) = told { Some(inputs) } else { None });
    let [input] = &inputs.unwrap().datasets[..] else { panic!("{inputs:?}") };
    let dataset = &input.dataset;
    assert_eq!((&*dataset.name, &*dataset.digest, &*dataset.source_type), ("churn.csv", "abc123", "http"));
    assert_eq!(dataset.source, r#"{"url": "https://example.org/churn.csv"}"#);
    assert_eq!(input.context(), Some("training"));
    assert_eq!(first.artifacts, Some(fixture("mlruns").join(FIRST).join("artifacts")));
    assert_eq!(read.series("loss"), [(0, Some(1.0)), (1, Some(0.5)), (2, Some(1.0 / 3.0))]);
    assert_eq!(read.points("loss")[2].time_ms, 1_700_000_000_002);
    assert_eq!(read.series("train/acc"), [(0, None), (1, Some(f64::INFINITY)), (2, Some(f64::NEG_INFINITY))]);
    let deleted = pairs(&[("mlflow.lifecycle_stage", "deleted")]);
    let is_deleted = |name| read.head(name).tags.iter().any(|tag| *tag == deleted[0]);
    assert_eq!([is_deleted("first: of two"), is_deleted("failed"), is_deleted("of old")], [false, true, true]);
    assert_eq!([read.head("failed").state, read.head("of old").state], [RunState::Failed, RunState::Running]);
}

#[test]
fn traces_are_left_out_in_so_many_words() {
    let folder = copy("mlruns");
    let experiment = folder.path().join("100000000000000001");
    for trace in ["tr-1", "tr-2"] {
        fs::create_dir_all(experiment.join("traces").join(trace)).unwrap();
    }
    let mut read = read_at(folder.path(), &Mark::default());
    let rest = "2 traces were left out: runs, models and the registry are read";
    let said = [format!("{}: {rest}", folder.path().display())];
    assert_eq!(read.warnings(), said);
    read = read_at(folder.path(), &read.mark);
    assert_eq!(read.told, []);
    // What is said with new points is all that is said from then on.
    let loss = folder.path().join(FIRST).join("metrics/loss");
    fs::File::options().append(true).open(loss).unwrap().write_all(b"1700000000003 0.25 3\n").unwrap();
    assert_eq!(read_at(folder.path(), &read.mark).warnings(), said);
}

#[test]
fn read_again_only_what_changed_is_told() {
    let folder = copy("mlruns");
    let run = folder.path().join(FIRST);
    let mut read = read_at(folder.path(), &Mark::default());
    let again = |read: &mut Read| *read = read_at(folder.path(), &read.mark);
    again(&mut read);
    assert_eq!(read.told, []);

    // A line that is half written waits, but not behind the run's end.
    let mut loss = fs::File::options().append(true).open(run.join("metrics/loss")).unwrap();
    loss.write_all(b"1700000000003 0.25 3\n17000").unwrap();
    fs::write(run.join("metrics/new"), "1 2 3\n").unwrap();
    let meta = fs::read_to_string(run.join("meta.yaml")).unwrap();
    fs::write(run.join("meta.yaml"), meta.replace("status: 3", "status: 1")).unwrap();
    again(&mut read);
    assert_eq!((read.series("loss"), read.series("new")), (vec![(3, Some(0.25))], vec![(3, Some(2.0))]));
    assert_eq!(read.heads().iter().map(|head| head.state).collect::<Vec<_>>(), [RunState::Running]);
    loss.write_all(b"00000004 nan 4\n1700000000005 7 5").unwrap();
    again(&mut read);
    assert_eq!((read.series("loss"), read.told.len()), (vec![(4, None)], 1));
    fs::write(run.join("meta.yaml"), meta).unwrap();
    fs::write(run.join("tags/mlflow.note.content"), "Worse now.").unwrap();
    // Something must have been added behind the half line for it to be looked at.
    again(&mut read);
    assert_eq!(read.head("first: of two").notes.as_deref(), Some("Worse now."));
    assert_eq!(read.series("loss"), [(5, Some(7.0))]);
    let said = "the last line has no end: the number that stands there may be cut off";
    assert!(matches!(&read.warnings()[..], [one] if one.contains("metrics/loss, byte") && one.contains(said)));

    fs::write(run.join("metrics/new"), "").unwrap();
    again(&mut read);
    assert_eq!(read.warnings().len(), 1, "{:?}", read.told);
    again(&mut read);
    assert_eq!(read.told, []);
}

#[test]
fn what_cant_be_read_is_said_with_its_place_and_left_out() {
    let folder = copy("mlruns");
    let run = folder.path().join(FIRST);
    let lines =
        b"1 2 3\nsoon 2 3\n1 many 3\n\n1 0.5\n1 2 3 4\n1 2 3.5\n\xff\xfe\n1 2 9223372036854775808\n1 6 7 data digest\n\
          1 6 8 my own data digest\n";
    fs::write(run.join("metrics/loss"), lines).unwrap();
    fs::write(run.join("metrics/train/acc"), vec![0; 3 << 20]).unwrap();
    fs::write(run.join("params/lr"), b"\xff").unwrap();
    fs::write(run.join("params/large"), vec![b'x'; (16 << 20) + 1]).unwrap();
    fs::write(folder.path().join("100000000000000001/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/meta.yaml"), "status: \"3\nrun_")
        .unwrap();
    fs::write(folder.path().join(".trash/100000000000000002/meta.yaml"), b"\x00\x01\xff").unwrap();
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.series("loss"), [(3, Some(2.0)), (0, Some(0.5)), (7, Some(6.0)), (8, Some(6.0))]);
    assert_eq!(read.head("first: of two").params, pairs(&[("note", "two\nlines"), ("opt/name", "adam")]));
    assert_eq!(read.head("of old").group, "100000000000000002");
    assert_eq!(read.heads().len(), 2);
    let warnings = read.warnings().join("\n");
    for said in [
        "metrics/loss, byte 6: 6 lines were left out",
        "metrics/train/acc: its rest was left out: a line is longer",
        "params/lr: it was left out: it is no UTF-8 text",
        "params/large: it was left out: it is larger than 16 MiB",
        "bbbb/meta.yaml: the run was left out: it is no YAML",
        "100000000000000002/meta.yaml: the experiment is called after its folder",
    ] {
        assert!(warnings.contains(said), "{said} is not in\n{warnings}");
    }
    let again = read_at(folder.path(), &read.mark);
    assert_eq!((again.heads().len(), again.points("loss").len()), (0, 0));
    // A run that was half written is told once it is whole.
    let meta = fs::read_to_string(run.join("meta.yaml")).unwrap().replace("first: of two", "mended");
    fs::write(folder.path().join("100000000000000001/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/meta.yaml"), meta).unwrap();
    assert_eq!(read_at(folder.path(), &again.mark).head("mended").state, RunState::Finished);
}

#[test]
fn a_meta_yaml_cut_anywhere_is_no_panic() {
    let folder = copy("mlruns");
    let path = folder.path().join(FIRST).join("meta.yaml");
    let whole = fs::read(&path).unwrap();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let read = read_at(folder.path(), &Mark::default());
        let told = read.heads().iter().any(|head| head.key == FIRST);
        assert!(told || read.warnings().iter().any(|warning| warning.contains("the run was left out")), "{end}");
    }
}

#[test]
#[cfg(unix)]
fn links_and_strange_names_are_left_out() {
    use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

    let folder = copy("mlruns");
    let run = folder.path().join(FIRST);
    symlink(&run, run.join("params/loop")).unwrap();
    symlink("/etc/passwd", run.join("params/stolen")).unwrap();
    symlink(folder.path(), folder.path().join("100000000000000003")).unwrap();
    fs::write(run.join("params").join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    // Whole folders of another run's, as they could be of this machine's.
    let elsewhere = copy("mlruns");
    for name in ["tags", "metrics", "inputs"] {
        fs::rename(run.join(name), run.join(format!("own-{name}"))).unwrap();
        symlink(elsewhere.path().join(FIRST).join(name), run.join(name)).unwrap();
    }
    symlink(elsewhere.path().join("models"), folder.path().join("models")).unwrap_or_default();
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.heads().len(), 3);
    let first = read.head("first: of two");
    assert_eq!((first.params.len(), first.tags.len(), first.notes.as_deref()), (3, 0, None));
    assert_eq!(read.series("loss"), []);
    let of_first = |told: &foreign::Told| matches!(told, foreign::Told::Inputs(inputs) if inputs.run == FIRST);
    assert!(!read.told.iter().any(of_first));
    let warnings = read.warnings().join("\n");
    for said in [
        "params/loop: it was left out",
        "params/stolen: it was left out",
        "tags: it was left out: it is a link",
        "metrics: it was left out: it is a link",
        "inputs: it was left out: it is a link",
        "models: it was left out: it is a link",
    ] {
        assert!(warnings.contains(said), "{said} is not in\n{warnings}");
    }
}

#[test]
fn a_long_metric_comes_in_pieces_and_whole() {
    let folder = copy("mlruns");
    let run = folder.path().join(FIRST);
    let lines: String =
        (0..200_000).map(|step| format!("{} {}.5 {step}\n", 1_700_000_000_000_i64 + step, step)).collect();
    fs::write(run.join("metrics/loss"), &lines).unwrap();
    let read = read_at(folder.path(), &Mark::default());
    assert!(read.told.len() > 5, "told at once");
    let points = read.points("loss");
    assert_eq!(points.len(), 200_000);
    assert!(points.iter().zip(0..).all(|(point, step)| point.step == step));
    fs::write(run.join("metrics/loss"), lines + "1 2 3\n").unwrap();
    assert_eq!(read_at(folder.path(), &read.mark).series("loss"), [(3, Some(2.0))]);
}

#[test]
fn what_is_no_folder_is_an_error() {
    let mut sink = |_| Ok(());
    let reader = MlflowFiles::new("nowhere".into());
    assert!(foreign::Reader::read(&reader, &Mark::default(), &mut sink).is_err());
    let reader = MlflowFiles::new(fixture("mlruns"));
    let mut full = |_| Err("full".into());
    let error = foreign::Reader::read(&reader, &Mark::default(), &mut full).unwrap_err();
    assert!(matches!(error, foreign::ForeignError::NotTaken(_)), "{error}");
}

/// What is written is read back as it was; that MLflow reads it, too, was seen with its client 3.17.2, by
/// `cargo run -p foreign --example write_mlruns -- FOLDER`, then `python tests/fixtures/read_mlruns.py FOLDER`.
#[test]
fn what_is_written_is_read_back() {
    let from = read_at(&fixture("mlruns"), &Mark::default());
    let folder = tempfile::tempdir().unwrap();
    let mut store = FileStore::open(&folder.path().join("mlruns")).unwrap();
    for head in from.heads() {
        let mut head = head.clone();
        head.params.push(("../out".to_owned(), "x".to_owned()));
        head.params.push(("quo\"te".to_owned(), "x".to_owned()));
        let (run, refused) = store.run(head.id.unwrap(), &head).unwrap();
        assert_eq!(refused.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["../out", "quo\"te"]);
        if head.name == "first: of two" {
            assert!(run.points("loss", &from.points("loss")).unwrap());
            assert!(run.points("train/acc", &from.points("train/acc")).unwrap());
            let point = Point { step: 0, time_ms: 0, value: 0.0 };
            for key in ["", "/loss", "a/../b", "a//b", "./a", "a\\b", "a\0"] {
                assert!(!run.points(key, &[point]).unwrap(), "{key}");
            }
        }
        run.finish().unwrap();
    }
    assert!(store.run(from.head("failed").id.unwrap(), from.head("failed")).is_err());
    let back = read_at(&folder.path().join("mlruns"), &Mark::default());
    assert_eq!(back.warnings(), [""; 0]);
    for head in from.heads() {
        let read = back.head(&head.name);
        let values = |head: &foreign::Head| (head.id, head.group.clone(), head.state, head.created_ms, head.ended_ms);
        assert_eq!(values(read), values(head));
        assert_eq!(
            (&read.user, &read.notes, &read.commit, &read.params),
            (&head.user, &head.notes, &head.commit, &head.params)
        );
        let deleted =
            |head: &foreign::Head| head.tags.iter().filter(|(key, _)| key == "mlflow.lifecycle_stage").count();
        assert_eq!(deleted(read), deleted(head));
    }
    assert_eq!(back.series("train/acc"), from.series("train/acc"));
    assert_eq!(back.points("loss"), from.points("loss"));
    // Opened again it goes on in the same experiments.
    let mut store = FileStore::open(&folder.path().join("mlruns")).unwrap();
    let (run, _) = store.run([9; 16], from.head("failed")).unwrap();
    run.finish().unwrap();
    let groups = read_at(&folder.path().join("mlruns"), &Mark::default());
    assert_eq!(groups.heads().iter().filter(|head| head.group == "churn").count(), 3);
}

#[test]
fn what_was_written_about_an_experiment_is_read_back() {
    let from = read_at(&fixture("mlruns"), &Mark::default());
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("mlruns");
    let mut store = FileStore::open(&at).unwrap();
    let tags = pairs(&[("mlflow.note.content", "Two *lines*\nof it."), ("team/lead", "a")]);
    let churn = GroupHead { name: "churn".to_owned(), created_ms: Some(1_600_000_000_000), tags };
    let default = GroupHead { name: "Default".to_owned(), created_ms: None, tags: pairs(&[("team", "b")]) };
    let mut odd = churn.clone();
    odd.tags.push(("../out".to_owned(), "x".to_owned()));
    assert_eq!(store.group(&default).unwrap(), []);
    let refused = store.group(&odd).unwrap();
    assert_eq!(refused.iter().map(|one| (one.kind, one.key.as_str())).collect::<Vec<_>>(), [("tag", "../out")]);
    for (number, group) in [(1, "churn"), (2, "Default")] {
        let head = foreign::Head { group: group.to_owned(), ..from.head("failed").clone() };
        let (run, _) = store.run([number; 16], &head).unwrap();
        run.finish().unwrap();
    }
    let back = read_at(&at, &Mark::default());
    assert_eq!(back.warnings(), [""; 0]);
    let groups = back.told.iter().filter_map(|told| if let Told::Group(head) = told { Some(head) } else { None });
    let mut groups: Vec<GroupHead> = groups.cloned().collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(groups, [default, churn]);
    assert_eq!(read_at(&at, &back.mark).told, []);
}

#[test]
fn a_model_whose_id_is_a_path_stands_in_its_runs_folder() {
    let from = read_at(&fixture("mlruns"), &Mark::default());
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("mlruns");
    let mut store = FileStore::open(&at).unwrap();
    let (run, _) = store.run([9; 16], from.head("failed")).unwrap();
    let outside = folder.path().join("outside");
    let ids = ["m-0123", "../../../../outside", outside.to_str().unwrap(), "..", "a/b", "a\0b", ""];
    for id in ids {
        run.model(id, Some(1)).unwrap();
        run.model(id, None).unwrap();
    }
    run.finish().unwrap();
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(entries(folder.path()), std::slice::from_ref(&at));
    let made = entries(&at).into_iter().map(|experiment| experiment.join("09".repeat(16))).find(|run| run.is_dir());
    let made = made.unwrap();
    for (below, is_called_so) in [("inputs", false), ("outputs", true)] {
        let found = entries(&made.join(below));
        assert_eq!(found.len(), ids.len(), "{below}: {found:?}");
        assert!(found.iter().all(|one| one.join("meta.yaml").is_file()), "{below}: {found:?}");
        assert_eq!(found.iter().any(|one| one.ends_with("m-0123")), is_called_so, "{below}");
    }
}

#[test]
fn a_registered_model_that_no_folder_can_be_called_after_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(&folder.path().join("mlruns")).unwrap();
    let write = |name: &str| {
        let (tags, versions, gone_aliases) = (Vec::new(), Vec::new(), Vec::new());
        let name = name.to_owned();
        let (notes, standing, created_ms, updated_ms) = (None, None, 1, 1);
        let head = ModelHead { name, notes, created_ms, updated_ms, tags, versions, standing, gone_aliases };
        store.registered(&head).unwrap()
    };
    for name in ["", ".", "..", "a/b", "a\\b", "a%2fb", &"ü".repeat(200)] {
        assert_eq!(write(name), None, "{name}");
    }
    assert_eq!(write(&"ü".repeat(100)), Some(Vec::new()));
    assert_eq!([write("one"), write("one")], [Some(Vec::new()), None]);
}

#[test]
fn the_dataset_of_a_figure_may_have_blanks_in_its_name() {
    let folder = copy("mlruns-models");
    let before = read_at(folder.path(), &Mark::default());
    let forest = |read: &Read| {
        let found = read.told.iter().find_map(|told| match told {
            Told::Logged(head) if head.name == "forest" => Some(head.clone()),
            _ => None,
        });
        found.unwrap()
    };
    let (files, run) = (forest(&before).files.unwrap(), forest(&before).run.unwrap());
    let id = run.rsplit_once('/').unwrap().1;
    let line = format!("1700000000009 inf 9 {id} my own data abc\n");
    fs::File::options()
        .append(true)
        .open(files.parent().unwrap().join("metrics/auc"))
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    let figures = forest(&read_at(folder.path(), &before.mark)).figures;
    let told: Vec<_> = figures
        .iter()
        .filter(|figure| figure.key == "auc")
        .map(|figure| (figure.dataset_name.as_deref(), figure.dataset_digest.as_deref(), figure.step, figure.value))
        .collect();
    let named = [(Some("churn.csv"), Some("abc123"), 3, 0.75), (Some("my own data"), Some("abc"), 9, f64::INFINITY)];
    assert_eq!(told, named);
    assert!(figures.iter().all(|figure| figure.run == run));
}

#[test]
fn which_registered_models_stand_is_told_where_these_are_others() {
    let folder = copy("mlruns-models");
    let models = folder.path().join("models");
    let mut read = read_at(folder.path(), &Mark::default());
    let again = |read: &mut Read| *read = read_at(folder.path(), &read.mark);
    let told = |read: &Read| {
        let all =
            read.told.iter().filter_map(|told| if let Told::Models(all) = told { Some(all.clone()) } else { None });
        all.collect::<Vec<_>>()
    };
    let model = |name: &str, created_ms| StandingModel { name: name.to_owned(), created_ms };
    let (bare, churn) = (model("bare", Some(1_795_953_500_235)), model("churn-model", Some(1_795_953_500_200)));
    assert_eq!(told(&read), [[bare, churn.clone()]]);
    let head = read.told.iter().find_map(|told| match told {
        Told::Model(head) if head.name == "churn-model" => Some(head),
        _ => None,
    });
    assert_eq!(head.unwrap().standing.as_deref(), Some(&[1, 2, 3][..]));
    // One that can't be read now is not deleted, nor is any where the whole registry is away.
    fs::write(models.join("bare/meta.yaml"), "name: [").unwrap();
    again(&mut read);
    assert_eq!(told(&read), [[model("bare", None), churn.clone()]]);
    fs::rename(&models, folder.path().join("away")).unwrap();
    again(&mut read);
    assert!(told(&read).is_empty());
    fs::rename(folder.path().join("away"), &models).unwrap();
    fs::remove_dir_all(models.join("bare")).unwrap();
    again(&mut read);
    assert_eq!(told(&read), [[churn.clone()]]);
    // One that is back as it was is told anew.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(models.join("churn-model"), elsewhere.path().join("away")).unwrap();
    again(&mut read);
    assert_eq!(told(&read), [Vec::<StandingModel>::new()]);
    fs::rename(elsewhere.path().join("away"), models.join("churn-model")).unwrap();
    again(&mut read);
    assert_eq!(told(&read), [[churn]]);
    assert!(read.told.iter().any(|told| matches!(told, Told::Model(head) if head.versions.len() == 3)));
}

/// A pipe would keep its reader waiting for ever.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_opened() {
    let folder = copy("mlruns");
    let run = folder.path().join(FIRST);
    for path in ["100000000000000001/meta.yaml", &format!("{FIRST}/metrics/pipe"), &format!("{FIRST}/params/pipe")] {
        let path = folder.path().join(path);
        let _ = fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!((read.head("first: of two").params.len(), read.points("loss").len()), (3, 3));
    let warnings = read.warnings().join("\n");
    let pipe = run.join("metrics/pipe");
    for said in [pipe.to_str().unwrap(), "params/pipe: it was left out", "its folder: it is no file"] {
        assert!(warnings.contains(said), "{said} is not in\n{warnings}");
    }
    assert_eq!(read_at(folder.path(), &read.mark).heads().len(), 0);
}

#[test]
fn times_in_seconds_are_read_as_such_and_said_once() {
    let folder = copy("mlruns");
    fs::write(folder.path().join(FIRST).join("metrics/loss"), "1550000000 0.5\n1550000001 0.25\n").unwrap();
    let read = read_at(folder.path(), &Mark::default());
    let times: Vec<i64> = read.points("loss").iter().map(|point| point.time_ms).collect();
    assert_eq!(times, [1_550_000_000_000, 1_550_000_001_000]);
    assert_eq!(read.warnings().len(), 1, "{:?}", read.warnings());
    assert!(read.warnings()[0].contains("times of metrics are in seconds"), "{:?}", read.warnings());
    let loss = folder.path().join(FIRST).join("metrics/loss");
    fs::File::options().append(true).open(loss).unwrap().write_all(b"1550000002 0.125\n").unwrap();
    let read = read_at(folder.path(), &read.mark);
    assert_eq!((read.points("loss").len(), read.warnings()), (1, vec![]));
}

#[test]
fn folders_without_a_meta_are_counted() {
    let folder = copy("mlruns");
    fs::remove_file(folder.path().join(FIRST).join("meta.yaml")).unwrap();
    fs::create_dir_all(folder.path().join("7/run/metrics")).unwrap();
    fs::create_dir_all(folder.path().join("notes/run/metrics")).unwrap();
    let read = read_at(folder.path(), &Mark::default());
    assert_eq!(read.warnings().len(), 1, "{:?}", read.warnings());
    assert!(read.warnings()[0].contains("1 experiment and 1 run were left out"), "{:?}", read.warnings());
    assert_eq!(read_at(folder.path(), &read.mark).told, []);
}

#[test]
fn files_of_a_logged_model_lie_in_its_own_folder() {
    let folder = copy("mlruns");
    let elsewhere = tempfile::tempdir().unwrap();
    let (other, own) = (elsewhere.path().join("secrets"), elsewhere.path().join("m-2/artifacts"));
    fs::create_dir_all(&other).unwrap();
    fs::create_dir_all(&own).unwrap();
    for (id, place) in [("m-1", &other), ("m-2", &own)] {
        let model = folder.path().join("100000000000000001/models").join(id);
        fs::create_dir_all(&model).unwrap();
        let meta = format!("artifact_location: {}\nmodel_id: {id}\nname: {id}\nstatus: 2\n", place.display());
        fs::write(model.join("meta.yaml"), meta).unwrap();
    }
    let read = read_at(folder.path(), &Mark::default());
    let files = |id: &str| {
        let of = |told: &Told| {
            if let Told::Logged(head) = told { (head.id == id).then(|| head.files.clone()) } else { None }
        };
        read.told.iter().find_map(of).unwrap()
    };
    assert_eq!((files("m-1"), files("m-2")), (None, Some(own)));
    assert!(read.warnings().join("\n").contains("which is no folder m-1/artifacts"), "{:?}", read.warnings());
}

#[test]
fn files_of_models_that_a_server_keeps_beside_the_store_are_found() {
    let place = tempfile::tempdir().unwrap();
    let store = place.path().join("mlruns");
    fs::rename(copy("mlruns").keep(), &store).unwrap();
    let kept = place.path().join("mlartifacts/100000000000000001/models/m-1/artifacts");
    fs::create_dir_all(&kept).unwrap();
    let address = "mlflow-artifacts:/100000000000000001/models/m-1/artifacts";
    let model = store.join("100000000000000001/models/m-1");
    // MLflow makes the folder also where a server keeps the files.
    fs::create_dir_all(model.join("artifacts")).unwrap();
    let meta = format!("artifact_location: {address}\nmodel_id: m-1\nname: m-1\nstatus: 2\n");
    fs::write(model.join("meta.yaml"), meta).unwrap();
    let churn = store.join("models/churn");
    for (number, storage, source) in [
        (1, address, "models:/m-1"),
        (2, "s3://bucket/model", "mlflow-artifacts://host:5000/100000000000000001/models/m-1/artifacts"),
        (3, "mlflow-artifacts:/1/../../etc", "s3://bucket/model"),
    ] {
        let folder = churn.join(format!("version-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let meta =
            format!("name: churn\nversion: {number}\nstatus: READY\nstorage_location: {storage}\nsource: {source}\n");
        fs::write(folder.join("meta.yaml"), meta).unwrap();
    }
    fs::write(churn.join("meta.yaml"), "name: churn\n").unwrap();
    let read = read_at(&store, &Mark::default());
    let logged = read.told.iter().find_map(|told| if let Told::Logged(head) = told { Some(head) } else { None });
    assert_eq!(logged.unwrap().files.as_ref(), Some(&kept));
    let head = read.told.iter().find_map(|told| if let Told::Model(head) = told { Some(head) } else { None }).unwrap();
    let files: Vec<_> = head.versions.iter().map(|version| version.files.clone()).collect();
    assert_eq!(files, [Some(kept.clone()), Some(kept), None]);
}

#[test]
fn artifacts_that_a_server_keeps_beside_the_store_are_found() {
    let place = tempfile::tempdir().unwrap();
    let store = place.path().join("mlruns");
    fs::rename(copy("mlruns").keep(), &store).unwrap();
    let (run, own) = (store.join(FIRST), store.join(FIRST).join("artifacts"));
    // MLflow makes the folder also where a server keeps the files.
    fs::remove_dir_all(&own).unwrap();
    fs::create_dir(&own).unwrap();
    let meta = fs::read_to_string(run.join("meta.yaml")).unwrap();
    let rest = meta.strip_prefix("artifact_uri: ").and_then(|meta| meta.split_once('\n')).unwrap().1;
    let lies_at = |address: &str| fs::write(run.join("meta.yaml"), format!("artifact_uri: {address}\n{rest}")).unwrap();
    lies_at(&format!("mlflow-artifacts:/{FIRST}/artifacts"));
    let mut read = read_at(&store, &Mark::default());
    let folder = |read: &Read| read.head("first: of two").artifacts.clone().unwrap();
    assert_eq!(folder(&read), own);
    assert!(
        matches!(&read.warnings()[..], [one] if one.contains("artifacts of 1 run are not read")),
        "{:?}",
        read.told
    );
    // The first file comes, with nothing else of the run.
    let kept = place.path().join("mlartifacts").join(FIRST).join("artifacts");
    fs::create_dir_all(&kept).unwrap();
    read = read_at(&store, &read.mark);
    assert_eq!((folder(&read), read.warnings()), (kept, Vec::new()));
    assert_eq!(read_at(&store, &read.mark).told, []);
    lies_at("s3://bucket/1/artifacts");
    read = read_at(&store, &read.mark);
    assert!(matches!(&read.warnings()[..], [one] if one.contains("s3://bucket/1/artifacts")), "{:?}", read.told);
    // What lies in the run's own folder is its own, whatever its address was.
    fs::write(own.join("model.bin"), "weights").unwrap();
    assert_eq!(folder(&read_at(&store, &Mark::default())), own);
}
