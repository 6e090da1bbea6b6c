//! Weights & Biases' offline runs; `make_wandb.py` and `make_wandb_code.py` recorded them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use api::{run::RunState, source::Kind};
use foreign::{Histogram, Mark, Media, Reader, Surroundings, Told, look, wandb::Wandb};

use crate::{age, copy, pairs, read};

const LOG: &str = "offline-run-20231114_221320-demo0001/run-demo0001.wandb";
const HEADER: &[u8] = b":W&B\xe1\xbe\0";

fn media(told: &[Told], of: &str) -> Vec<Media> {
    let media = told.iter().filter_map(|told| match told {
        Told::Media { key, media, .. } if key == of => Some(media.clone()),
        _ => None,
    });
    media.collect()
}

fn output(told: &[Told]) -> String {
    let texts =
        told.iter().filter_map(|told| if let Told::Output { text, .. } = told { Some(text.as_str()) } else { None });
    texts.collect()
}

/// A field with a length, as protobuf writes it.
pub(crate) fn field(number: u8, data: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encode_length_delimiter(usize::from(number) << 3 | 2, &mut field).unwrap();
    prost::encode_length_delimiter(data.len(), &mut field).unwrap();
    [&field[..], data].concat()
}

pub(crate) fn history(step: u8, key: &str, value: &[u8]) -> Vec<u8> {
    let item = field(1, &[&field(1, key.as_bytes()), value].concat());
    field(2, &[&item[..], &field(2, &[0x08, step])].concat())
}

fn piece(kind: u8, data: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(&[&[kind], data].concat()).to_le_bytes();
    [&sum[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), &[kind], data].concat()
}

/// Appends a record, in pieces where it does not fit its block.
fn append(log: &mut Vec<u8>, mut record: &[u8]) {
    let mut first = true;
    loop {
        let left = 0x8000 - log.len() % 0x8000;
        if left < 7 {
            log.resize(log.len() + left, 0);
            continue;
        }
        let (now, rest) = record.split_at(record.len().min(left - 7));
        log.extend(piece(
            if rest.is_empty() {
                if first { 1 } else { 4 }
            } else if first {
                2
            } else {
                3
            },
            now,
        ));
        if rest.is_empty() {
            return;
        }
        (record, first) = (rest, false);
    }
}

pub(crate) fn log_of(records: &[Vec<u8>]) -> Vec<u8> {
    let mut log = HEADER.to_vec();
    records.iter().for_each(|record| append(&mut log, record));
    log
}

/// A folder of one run with this log.
pub(crate) fn run(log: &[u8]) -> (tempfile::TempDir, PathBuf, Wandb) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run-x.wandb");
    fs::write(&path, log).unwrap();
    let reader = Wandb::new(folder.path().to_owned());
    (folder, path, reader)
}

#[test]
fn what_wandb_wrote_is_told() {
    let parent = tempfile::tempdir().unwrap();
    let at = parent.path().join("wandb");
    fs::rename(copy("wandb").keep(), &at).unwrap();
    let found = look(parent.path());
    assert_eq!(found.iter().map(|one| (one.kind, one.path.as_path())).collect::<Vec<_>>(), [(Kind::Wandb, &*at)]);
    // So is a run's folder that is named by itself, under W&B's names and any other.
    let run = at.join("offline-run-20231114_221320-demo0001");
    assert_eq!(look(&run).iter().map(|one| (one.kind, &one.path)).collect::<Vec<_>>(), [(Kind::Wandb, &run)]);
    for name in ["run-20231114_221320-demo0001", "renamed"] {
        let elsewhere = tempfile::tempdir().unwrap();
        let run = elsewhere.path().join(name);
        fs::rename(copy("wandb/offline-run-20231114_221320-demo0001").keep(), &run).unwrap();
        let found = look(&run);
        assert_eq!(found.iter().map(|one| (one.kind, &one.path)).collect::<Vec<_>>(), [(Kind::Wandb, &run)], "{name}");
        let told = read(&*foreign::open(&found[0]), &Mark::default());
        assert_eq!((told.head("first").group.as_str(), told.series("loss").len()), ("shapes", 4), "{name}");
        assert_eq!(look(elsewhere.path()), found, "{name}");
    }
    let told = read(&*foreign::open(&found[0]), &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    assert_eq!(media(&told.told, "phase"), [Media::Text("train".to_owned())], "it stays what it was");
    let files = at.join("offline-run-20231114_221320-demo0001/files");
    let head = told.heads().into_iter().next_back().unwrap();
    assert_eq!((head.key.as_str(), head.name.as_str(), head.group.as_str()), (LOG, "first", "shapes"));
    assert_eq!((head.state, head.notes.as_deref(), head.id), (RunState::Finished, Some("a *note*"), None));
    assert_eq!((head.created_ms, head.ended_ms), (1_795_922_442_075, Some(1_795_922_443_075)));
    assert_eq!(head.params, pairs(&[("lr", "0.125"), ("model.depth", "3"), ("names", r#"["a","b"]"#), ("seed", "7")]));
    assert_eq!(head.tags, pairs(&[("small", ""), ("group", "sweep"), ("host", "demo")]));
    assert_eq!(head.artifacts.as_deref(), Some(&*files));
    assert_eq!(told.series("loss"), [(0, Some(1.0)), (1, Some(0.5)), (2, Some(1.0 / 3.0)), (3, Some(0.25))]);
    assert_eq!(told.series("val.acc"), [(0, Some(0.0)), (1, Some(0.25)), (2, Some(0.5)), (3, Some(0.75))]);
    assert_eq!(told.series("nan"), [(4, None)]);
    assert_eq!(told.points("loss")[1].time_ms, 1_795_922_442_447);
    let spread = Histogram { edges: vec![0.0, 1.0, 2.0], counts: vec![3.0, 4.0] };
    assert_eq!(media(&told.told, "spread"), [Media::Histogram(spread)]);
    // Each is read again where it stands.
    for one in &told.told {
        if let Told::Media { key, media, location, .. } = one {
            assert_eq!(&foreign::read_at(location.as_ref().unwrap()).unwrap(), media, "{key}");
        }
    }
    let file = |name: &str| [Media::File(files.join("media/images").join(name))];
    assert_eq!(media(&told.told, "picture"), file("picture_4_7899d6ced52159786ff0.png"));
    assert_eq!(media(&told.told, "pictures/1"), file("pictures_4_cb30f966fc20e0ee59d9.png"));
    assert_eq!(output(&told.told), "said\n");
    let keys =
        told.told.iter().filter_map(|one| if let Told::Points { key, .. } = one { Some(key.as_str()) } else { None });
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    assert_eq!(keys, ["loss", "nan", "val.acc"]);
    assert_eq!(read(&*foreign::open(&found[0]), &told.mark).told, []);
}

#[test]
fn what_a_run_ran_on_is_told_with_the_files_beside_its_log() {
    let folder = copy("wandb_code");
    let files = folder.path().join("offline-run-20231114_221320-demo0002/files");
    let told = read(&Wandb::new(folder.path().to_owned()), &Mark::default());
    let head = told.heads().into_iter().next_back().unwrap();
    let environment = pairs(&[
        ("PWD", "/srv/demo/code"),
        ("machine.cpu", "Intel(R) Xeon(R) Processor @ 2.80GHz, 2 cores"),
        ("machine.memory", "25 GB"),
        ("machine.system", "Linux-6.1.0-x86_64-with-glibc2.36"),
        ("package.python", "3.11.7"),
    ]);
    let expect = Surroundings {
        environment: environment.into_iter().collect(),
        requirements: Some(files.join("requirements.txt")),
        patch: Some(files.join("diff.patch")),
        exit_code: Some(0),
    };
    assert_eq!(head.surroundings, expect);
    assert_eq!(head.commit.as_deref(), Some("196e15e1af55c266ea1f2c1868b492e0fd4bcae6"));
    assert_eq!(head.command.as_deref().unwrap(), ["/srv/demo/code/train.py", "/srv/demo"]);
    let tag = |key: &str| head.tags.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str());
    assert_eq!((tag("git_remote"), tag("host")), (Some("https://git.example.org/shapes.git"), Some("demo")));
    // Nothing that was not committed, and packages behind a link, are none.
    fs::write(files.join("diff.patch"), "").unwrap();
    #[cfg(unix)]
    {
        fs::remove_file(files.join("requirements.txt")).unwrap();
        std::os::unix::fs::symlink(crate::fixture("make_wandb.py"), files.join("requirements.txt")).unwrap();
        let told = read(&Wandb::new(folder.path().to_owned()), &Mark::default());
        let Surroundings { requirements, patch, .. } = &told.heads().last().unwrap().surroundings;
        assert_eq!((requirements, patch), (&None, &None));
    }
}

#[test]
fn what_older_clients_wrote_of_the_environment_is_told() {
    let (folder, _path, reader) = run(&log_of(&[history(0, "loss", &field(16, b"1")), field(18, &[0x08, 0x03])]));
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let text = r#"{"python": "3.8.10", "program": "train.py", "args": ["--lr", "1"], "host": "demo", "username": "ada",
        "git": {"remote": "git@host:x.git", "commit": "c0ffee"}, "cpu_count": 4}"#;
    fs::write(files.join("wandb-metadata.json"), text).unwrap();
    let told = read(&reader, &Mark::default());
    let head = told.heads().into_iter().next_back().unwrap();
    let environment = pairs(&[("machine.cpu", "4 cores"), ("package.python", "3.8.10")]).into_iter().collect();
    assert_eq!(head.surroundings, Surroundings { environment, exit_code: Some(3), ..Surroundings::default() });
    assert_eq!((head.user.as_deref(), head.commit.as_deref()), (Some("ada"), Some("c0ffee")));
    assert_eq!(head.command.as_deref().unwrap(), ["train.py", "--lr", "1"]);
    assert_eq!(head.tags, pairs(&[("git_remote", "git@host:x.git"), ("host", "demo")]));
}

#[test]
fn a_run_goes_on_where_only_one_of_its_writers_has_ended() {
    let row = history(0, "loss", &field(16, b"1"));
    let (_folder, path, reader) = run(&log_of(&[row.clone(), field(18, &[0x18, 0x01]), field(17, &field(1, b"r"))]));
    let told = read(&reader, &Mark::default());
    assert_eq!(told.heads().last().unwrap().state, RunState::Running);
    fs::write(&path, log_of(&[row, field(18, &[0x08, 0x02])])).unwrap();
    let told = read(&reader, &Mark::default());
    let head = told.heads().into_iter().next_back().unwrap();
    assert_eq!((head.state, head.surroundings.exit_code), (RunState::Failed, Some(2)));
}

#[test]
fn an_end_anywhere_waits_and_is_read_on() {
    let folder = copy("wandb");
    let path = folder.path().join(LOG);
    let whole = fs::read(&path).unwrap();
    let reader = Wandb::new(folder.path().to_owned());
    for end in (0..whole.len()).step_by(3) {
        fs::write(&path, &whole[..end]).unwrap();
        let first = read(&reader, &Mark::default());
        fs::write(&path, &whole).unwrap();
        let second = read(&reader, &first.mark);
        let said = [first.warnings(), second.warnings()].concat();
        assert_eq!(said, [""; 0], "{end}");
        assert_eq!(first.series("loss").len() + second.series("loss").len(), 4, "{end}");
        let head = second.heads().into_iter().next_back().unwrap();
        assert_eq!((head.state, head.params.len()), (RunState::Finished, 4), "{end}");
    }
}

#[test]
fn damage_anywhere_is_said_or_waited_for() {
    let folder = copy("wandb");
    let path = folder.path().join(LOG);
    let whole = fs::read(&path).unwrap();
    let reader = Wandb::new(folder.path().to_owned());
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let told = read(&reader, &Mark::default());
        let finished = told.heads().iter().any(|head| head.state == RunState::Finished);
        let said = told.warnings();
        assert!(said.len() == 1 || !finished, "{at}: {said:?}");
        if at >= HEADER.len() {
            assert_eq!(read(&reader, &told.mark).told, [], "{at}: told once");
        }
    }
}

#[test]
fn a_wrong_checksum_costs_its_block() {
    let rows: Vec<Vec<u8>> = (0..100).map(|step| history(step, "loss", &field(16, &[b'1'; 900]))).collect();
    let clean = log_of(&rows);
    assert!(clean.len() > 2 * 0x8000, "three blocks, and records that lie in two");
    let (_folder, path, reader) = run(&clean);
    assert_eq!(read(&reader, &Mark::default()).series("loss").len(), 100);
    let mut damaged = clean.clone();
    damaged[7 + 20] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let told = read(&reader, &Mark::default());
    assert_eq!(told.warnings(), [format!("{}, byte 7: a checksum is wrong", path.display())]);
    let steps: Vec<i64> = told.points("loss").iter().map(|point| point.step).collect();
    // The record that begins in the first block and ends in the second is lost with it.
    let first = i64::try_from(0x8000_usize.div_ceil(7 + rows[0].len())).unwrap();
    assert_eq!(steps, (first..100).collect::<Vec<_>>());
    assert_eq!(read(&reader, &told.mark).told, []);
}

#[test]
fn a_record_in_pieces_is_waited_for() {
    let text = format!("\"{}\"", "x".repeat(100_000));
    let log = log_of(&[
        history(0, "loss", &field(16, b"1")),
        history(1, "note", &field(16, text.as_bytes())),
        history(2, "loss", &field(16, b"2")),
    ]);
    let (_folder, path, reader) = run(&log);
    for end in (7..log.len()).step_by(1009) {
        fs::write(&path, &log[..end]).unwrap();
        let first = read(&reader, &Mark::default());
        fs::write(&path, &log).unwrap();
        let second = read(&reader, &first.mark);
        let said = [first.warnings(), second.warnings()].concat();
        assert_eq!(said, [""; 0], "{end}");
        let texts = [media(&first.told, "note"), media(&second.told, "note")].concat();
        assert_eq!(texts, [Media::Text("x".repeat(100_000))], "{end}");
        assert_eq!([first.series("loss"), second.series("loss")].concat(), [(0, Some(1.0)), (2, Some(2.0))], "{end}");
    }
}

#[test]
fn values_of_their_own_type_count_as_those_in_json() {
    let number = [&[0x31][..], &0.5_f64.to_le_bytes()].concat();
    let log = log_of(&[
        history(0, "loss", &number),
        history(1, "loss", &[0x28, 0x05]),
        history(2, "loss", &field(8, b"Infinity")),
        history(3, "loss", &field(7, b"text")),
        history(4, "loss", &[0x20, 0x01]),
        history(5, "loss", &[0x18, 0x00]),
        history(6, "run", &field(16, br#"{"loss": 3, "deep": {"er": 4}}"#)),
    ]);
    let (_folder, _path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    assert_eq!(media(&told.told, "loss"), [Media::Text("text".to_owned())]);
    // Of a truth, too.
    assert_eq!(told.series("loss"), [(0, Some(0.5)), (1, Some(-3.0)), (2, Some(f64::INFINITY)), (4, Some(1.0))]);
    assert_eq!((told.series("run.loss"), told.series("run.deep.er")), (vec![(6, Some(3.0))], vec![(6, Some(4.0))]));
}

#[test]
fn the_machines_load_is_a_series_of_the_system() {
    let stats = |time: u8, value: &[u8]| {
        let item = field(3, &[field(1, b"cpu"), field(16, value)].concat());
        field(7, &[field(2, &[0x08, time]), item].concat())
    };
    let (_folder, _path, reader) = run(&log_of(&[stats(1, b"12.5"), stats(2, b"50")]));
    let told = read(&reader, &Mark::default());
    assert_eq!(told.series("system/cpu"), [(0, Some(12.5)), (1, Some(50.0))]);
    assert_eq!(told.points("system/cpu")[1].time_ms, 2000);
}

#[test]
fn the_summary_alone_and_the_environment_are_told() {
    let set = |key: &str, value: &str| field(1, &[field(1, key.as_bytes()), field(16, value.as_bytes())].concat());
    let environment =
        [field(5, b"--lr"), field(5, b"1"), field(6, b"train.py"), field(9, &field(2, b"c0ffee")), field(13, b"ada")];
    let log = log_of(&[
        field(26, &environment.concat()),
        field(3, &[set("loss", "1"), set("best", "2"), set("_runtime", "3")].concat()),
        history(7, "loss", &field(16, b"1")),
        field(3, &[set("loss", "1"), set("best", "0.5")].concat()),
        field(18, &[]),
    ]);
    let (_folder, _path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    assert_eq!((told.series("loss"), told.series("best")), (vec![(7, Some(1.0))], vec![(7, Some(0.5))]));
    assert_eq!(told.series("_runtime"), []);
    let head = told.heads().into_iter().next_back().unwrap();
    assert_eq!(
        (head.state, head.user.as_deref(), head.commit.as_deref()),
        (RunState::Finished, Some("ada"), Some("c0ffee"))
    );
    assert_eq!(head.command.as_deref().unwrap(), ["train.py", "--lr", "1"]);
}

#[test]
fn a_run_without_an_end_runs_until_its_log_is_quiet() {
    let (_folder, path, reader) = run(&log_of(&[history(0, "loss", &field(16, b"1"))]));
    let first = read(&reader, &Mark::default());
    assert_eq!(first.heads()[0].state, RunState::Running);
    assert_eq!(read(&reader, &first.mark).told, []);
    age(&path);
    let quiet = read(&reader, &first.mark);
    assert_eq!(quiet.heads().iter().map(|head| head.state).collect::<Vec<_>>(), [RunState::Killed]);
    // It was only slow, and failed then.
    let mut log = fs::read(&path).unwrap();
    append(&mut log, &field(18, &[]));
    log.truncate(log.len() - 10);
    append(&mut log, &field(18, &[0x08, 0x01]));
    fs::write(&path, &log).unwrap();
    assert_eq!(read(&reader, &quiet.mark).heads()[0].state, RunState::Failed);
}

#[test]
fn what_is_unknown_is_counted() {
    let log = log_of(&[
        field(99, b"x"),
        field(99, b"y"),
        history(0, "shape", &field(16, br#"{"_type": "hologram"}"#)),
        history(0, "up", &field(16, br#"{"_type": "image-file", "path": "../../secret.png"}"#)),
        history(0, "root", &field(16, br#"{"_type": "image-file", "path": "/etc/hostname"}"#)),
        history(0, "bad", &field(16, b"{")),
        history(1, "loss", &field(16, b"1")),
    ]);
    let (_folder, path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    let why = "2 records of unknown kinds were left out; 4 values were left out, the first because of \
               shape: nothing is known of the type \"hologram\"";
    assert_eq!(told.warnings(), [format!("{}: {why}", path.display())]);
    assert_eq!(told.series("loss"), [(1, Some(1.0))]);
}

#[test]
fn what_is_no_log_of_wandbs_is_said() {
    let (folder, path, reader) = run(b"PK\x03\x04 is something else");
    let told = read(&reader, &Mark::default());
    assert!(told.warnings()[0].contains("is no run of Weights & Biases"), "{:?}", told.warnings());
    assert_eq!(read(&reader, &told.mark).told, [], "said once");
    for part in [&b""[..], &HEADER[..6], HEADER] {
        fs::write(&path, part).unwrap();
        assert_eq!(read(&reader, &Mark::default()).told, []);
    }
    let gone = Wandb::new(folder.path().join("nowhere"));
    assert!(gone.read(&Mark::default(), &mut |_| Ok(())).is_err());
    assert_eq!(look(Path::new("nowhere")), []);
}

#[test]
fn a_record_without_an_end_does_not_take_the_next_with_it() {
    let mut log = HEADER.to_vec();
    log.extend(piece(2, &history(0, "loss", &field(16, b"1"))[..5]));
    append(&mut log, &history(1, "loss", &field(16, b"2")));
    log.extend(piece(4, b"the end of nothing"));
    append(&mut log, &history(2, "loss", &field(16, b"3")));
    let (_folder, path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    let at = log.len() - 14 - 18 - history(2, "loss", &field(16, b"3")).len();
    let expect = [(7, "a record has no end"), (at, "a piece stands where none of its kind can")];
    assert_eq!(told.warnings(), expect.map(|(at, why)| format!("{}, byte {at}: {why}", path.display())));
    assert_eq!(told.series("loss"), [(1, Some(2.0)), (2, Some(3.0))]);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_runs_files_is_not_followed() {
    let object = |name: &str| format!(r#"{{"_type": "image-file", "path": "{name}"}}"#);
    let row = |key: &str, name: &str| history(0, key, &field(16, object(name).as_bytes()));
    let (folder, path, reader) = run(&log_of(&[row("in", "in.png"), row("out", "out.png")]));
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    fs::write(files.join("in.png"), "x").unwrap();
    std::os::unix::fs::symlink(&path, files.join("out.png")).unwrap();
    let told = read(&reader, &Mark::default());
    assert_eq!(media(&told.told, "in"), [Media::File(files.join("in.png"))]);
    assert_eq!((media(&told.told, "out"), told.warnings().len()), (vec![], 1));
}

#[test]
fn a_config_that_was_taken_back_ends() {
    let set = |key: &str, value: &str| [field(1, key.as_bytes()), field(16, value.as_bytes())].concat();
    let log = log_of(&[
        field(5, &[field(1, &set("old", r#"{"deep": 1}"#)), field(1, &set("older", "2"))].concat()),
        field(5, &field(2, &field(1, b"old"))),
        history(1, "loss", &field(16, b"1")),
    ]);
    let (_folder, _path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    assert_eq!(told.heads()[0].params, pairs(&[("older", "2")]));
}

#[test]
fn texts_and_lists_of_the_history_stand_by_their_steps() {
    let image = r#"{"_type": "image-file", "path": "in.png"}"#;
    let log = log_of(&[
        history(0, "phase", &field(16, br#""warm-up""#)),
        history(1, "phase", &field(16, br#""train""#)),
        history(2, "phase", &field(16, br#""train""#)),
        history(3, "phase", &field(16, br#""warm-up""#)),
        history(1, "_own", &field(16, br#""of the client""#)),
        history(2, "shape", &field(16, br#"[2, 3, "x"]"#)),
        history(3, "two", &field(16, format!("[{image}, {image}]").as_bytes())),
    ]);
    let (folder, _path, reader) = run(&log);
    fs::create_dir(folder.path().join("files")).unwrap();
    fs::write(folder.path().join("files/in.png"), "x").unwrap();
    let told = read(&reader, &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    let mut found = Vec::new();
    for one in &told.told {
        if let Told::Media { key, step, media, location, .. } = one {
            assert_eq!(&foreign::read_at(location.as_ref().unwrap()).unwrap(), media, "{key}");
            found.push((key.as_str(), *step, media.clone()));
        }
    }
    let text = |text: &str| Media::Text(text.to_owned());
    let file = || Media::File(folder.path().join("files/in.png"));
    let texts = [
        ("phase", 0, text("warm-up")),
        ("phase", 1, text("train")),
        ("phase", 3, text("warm-up")),
        ("shape", 2, text(r#"[2,3,"x"]"#)),
    ];
    assert_eq!(found, [&texts[..], &[("two/0", 3, file()), ("two/1", 3, file())]].concat());
}

#[test]
fn what_other_records_say_of_a_run_is_told_with_it() {
    let folder = copy("wandb_code");
    let told = read(&Wandb::new(folder.path().to_owned()), &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    let head = told.heads().into_iter().next_back().unwrap();
    let tags = [
        ("job_type", "train"),
        ("host", "demo"),
        ("entity", "ada"),
        (
            "artifact.weights",
            "model · 1 file of 7 B, not in this log but in /srv/demo/.local/share/wandb/artifacts/staging · best, latest · \
             233acd04cef8 · the best",
        ),
        ("git_remote", "https://git.example.org/shapes.git"),
        ("step_metric.val/*", "epoch"),
        ("summary.verdict", "good"),
    ];
    assert_eq!(head.tags, pairs(&tags));
    let text = |text: &str| Media::Text(text.to_owned());
    assert_eq!(media(&told.told, "alerts/low"), [text("WARN: low: loss is below 0.3")]);
    assert_eq!(media(&told.told, "phase"), ["warm-up", "train"].map(text));
    assert_eq!(media(&told.told, "shape"), [text("[2,3]")]);
    for one in &told.told {
        if let Told::Media { key, media, location, .. } = one {
            assert_eq!(&foreign::read_at(location.as_ref().unwrap()).unwrap(), media, "{key}");
        }
    }
    // The axis is a series, and the least loss is a figure.
    assert_eq!(told.series("epoch"), [(0, Some(0.0)), (1, Some(0.5)), (2, Some(1.0)), (3, Some(1.5))]);
    assert_eq!(told.series("loss.min"), [(4, Some(0.25))]);
}

#[test]
fn where_the_files_of_an_artifact_lie_is_said() {
    let artifact = |name: &str, entries: &[[&str; 2]]| {
        let entry = |[reference, path]: &[&str; 2]| {
            let entry = [&field(3, reference.as_bytes())[..], &[0x20, 5], &field(6, path.as_bytes())].concat();
            field(4, &entry)
        };
        let manifest: Vec<u8> = entries.iter().flat_map(entry).collect();
        field(8, &[field(4, b"model"), field(5, name.as_bytes()), field(12, &manifest)].concat())
    };
    let folder = tempfile::tempdir().unwrap();
    // The log was moved since: the run's folder is called as before.
    let run = folder.path().join("offline-run-1");
    fs::create_dir_all(run.join("files/kept")).unwrap();
    fs::write(run.join("files/kept/a.bin"), "aaaaa").unwrap();
    fs::write(folder.path().join("secret.bin"), "none").unwrap();
    let (here, staged) = ("/srv/wandb/offline-run-1/files/kept/a.bin", "/srv/staging/tmp1");
    let log = log_of(&[
        field(17, &field(1, b"r")),
        artifact("all", &[["", here]]),
        artifact("some", &[["", here], ["", staged]]),
        artifact("none", &[["", staged], ["s3://bucket/a", ""]]),
        artifact("named", &[["s3://bucket/a", ""]]),
        artifact("of windows", &[["", r"C:\wandb\offline-run-1\files\kept\a.bin"]]),
        artifact("out", &[["", "/srv/wandb/offline-run-1/files/../../secret.bin"]]),
        artifact("nothing", &[]),
    ]);
    fs::write(run.join("run-r.wandb"), log).unwrap();
    let told = read(&Wandb::new(folder.path().to_owned()), &Mark::default());
    let tags = &told.heads().last().unwrap().tags;
    let said = |name: &str| {
        let tag = tags.iter().find(|(key, _)| *key == format!("artifact.{name}"));
        tag.map_or("", |(_, said)| said.as_str()).to_owned()
    };
    for (name, expected) in [
        ("all", "model · 1 file of 5 B, among the run's files"),
        ("some", "model · 2 files of 10 B, of which 1 among the run's files"),
        ("none", "model · 2 files of 10 B, not in this log but in /srv/staging"),
        ("named", "model · 1 file of 5 B, elsewhere by their addresses"),
        ("of windows", "model · 1 file of 5 B, among the run's files"),
        ("out", "model · 1 file of 5 B, not in this log but in /srv/wandb/offline-run-1/files/../.."),
        ("nothing", "model · 0 files of 0 B"),
    ] {
        assert_eq!(said(name), expected, "{name}");
    }
}

#[test]
fn what_a_run_used_and_where_it_came_from_is_told() {
    let used = |kind: &str, name: &str| {
        field(25, &[field(1, b"id"), field(2, kind.as_bytes()), field(3, name.as_bytes())].concat())
    };
    let artifact = field(8, &[field(4, b"model"), field(5, b"weights"), field(6, b"0123456789abcdef")].concat());
    let branch = [&field(1, b"other")[..], &[0x11], &7.0_f64.to_le_bytes(), &field(3, b"_step")].concat();
    let begun = [field(1, b"r"), field(12, b"s1"), vec![0x90, 0x01, 0x01], field(23, &branch)].concat();
    let log = log_of(&[
        field(17, &begun),
        used("dataset", "digits:v3"),
        used("model", "base:v0"),
        artifact.clone(),
        artifact,
        field(23, &[]),
        field(27, &field(1, b"a line")),
        field(11, b""),
    ]);
    let (_folder, _path, reader) = run(&log);
    let told = read(&reader, &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    let tags = [
        ("sweep", "s1"),
        ("artifact.weights", "2 versions, of which the last · model · 0123456789ab"),
        ("forked_from", "other at _step 7"),
        ("preempting", "true"),
        ("used_artifact.base:v0", "model"),
        ("used_artifact.digits:v3", "dataset"),
        ("resumed", "true"),
    ];
    assert_eq!(told.heads().last().unwrap().tags, pairs(&tags));
    let datasets: Vec<_> = told
        .told
        .iter()
        .filter_map(|told| if let Told::Inputs(inputs) = told { Some(&inputs.datasets) } else { None })
        .flatten()
        .collect();
    let [digits] = &datasets[..] else { panic!("{datasets:?}") };
    assert_eq!((digits.dataset.name.as_str(), digits.dataset.digest.as_str()), ("digits:v3", "id"));
    assert_eq!(output(&told.told), "a line\n");
    // Begun again at an earlier step of its own.
    let branch = [&field(1, b"r")[..], &[0x11], &7.0_f64.to_le_bytes(), &field(3, b"_step")].concat();
    let (_folder, _path, reader) = self::run(&log_of(&[field(17, &[field(1, b"r"), field(23, &branch)].concat())]));
    assert_eq!(read(&reader, &Mark::default()).heads()[0].tags, pairs(&[("rewound_to", "_step 7")]));
}

#[test]
fn the_summary_of_a_run_that_died_is_told() {
    let set = |key: &str, value: &str| field(1, &[field(1, key.as_bytes()), field(16, value.as_bytes())].concat());
    let (_folder, path, reader) = run(&log_of(&[history(7, "loss", &field(16, b"1")), field(3, &set("best", "0.5"))]));
    let first = read(&reader, &Mark::default());
    assert_eq!(first.series("best"), []);
    age(&path);
    let quiet = read(&reader, &first.mark);
    assert_eq!(quiet.series("best"), [(7, Some(0.5))]);
    assert_eq!(read(&reader, &quiet.mark).told, [], "told once");
}

#[test]
fn a_log_of_which_not_all_has_come_is_read_on_where_it_ends() {
    let whole = log_of(&(0..4).map(|step| history(step, "loss", &field(16, b"1"))).collect::<Vec<_>>());
    // Behind the second of four records of one length.
    let half = 7 + (whole.len() - 7) / 2;
    // As a file over a network is seen: as long as it is, and not all of it there; then damaged, and mended.
    let mut damaged = whole.clone();
    damaged[half + 10] ^= 1;
    let zeros = [&whole[..half], &[0; 50]].concat();
    for (seen, warned) in [(zeros, 0), (damaged, 1)] {
        let (_folder, path, reader) = run(&seen);
        let first = read(&reader, &Mark::default());
        assert_eq!(first.warnings().len(), warned);
        fs::write(&path, &whole).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        let second = read(&reader, &first.mark);
        assert_eq!(second.warnings(), [""; 0]);
        assert_eq!(first.series("loss").len() + second.series("loss").len(), 4);
    }
}

#[test]
fn a_shorter_log_replaces_the_one_that_stood_in_its_place() {
    let row = |step| history(step, "loss", &field(16, b"1"));
    let (_folder, path, reader) = run(&log_of(&[row(0), row(1), row(2)]));
    let mut mark = read(&reader, &Mark::default()).mark;
    // Not before there is something else.
    fs::write(&path, HEADER).unwrap();
    let empty = read(&reader, &mark);
    assert!(empty.heads().is_empty() && empty.warnings()[0].contains("shorter than it was"), "{:?}", empty.told);
    mark = empty.mark;
    let mut log = log_of(&[row(5)]);
    for (steps, replaces) in [(vec![(5, Some(1.0))], true), (vec![(6, Some(1.0))], false)] {
        fs::write(&path, &log).unwrap();
        let told = read(&reader, &mark);
        assert_eq!((told.series("loss"), told.warnings()), (steps, Vec::new()));
        assert!(told.heads().iter().all(|head| head.replaces == replaces), "{:?}", told.told);
        assert_eq!(told.heads().len(), usize::from(replaces));
        mark = told.mark;
        append(&mut log, &row(6));
    }
}

#[test]
fn a_log_of_equal_or_greater_length_replaces_the_one_that_stood_in_its_place() {
    let row = |step: u8| history(step, "loss", &field(16, b"1"));
    let later = |path: &Path, seconds| {
        let time = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    for count in [3, 4] {
        let (_folder, path, reader) = run(&log_of(&[row(0), row(1), row(2)]));
        let first = read(&reader, &Mark::default());
        assert_eq!(first.series("loss").len(), 3);
        let mut log = log_of(&(5..5 + count).map(row).collect::<Vec<_>>());
        fs::write(&path, &log).unwrap();
        later(&path, 5);
        let second = read(&reader, &first.mark);
        let steps: Vec<_> = (5..5 + i64::from(count)).map(|step| (step, Some(1.0))).collect();
        assert_eq!(second.series("loss"), steps);
        assert!(second.heads().iter().all(|head| head.replaces) && second.heads().len() == 1, "{:?}", second.told);
        assert!(second.warnings()[0].contains("it is not what it was"), "{:?}", second.warnings());
        // From then on it is the log that grows.
        append(&mut log, &row(9));
        fs::write(&path, &log).unwrap();
        later(&path, 10);
        let third = read(&reader, &second.mark);
        assert_eq!((third.series("loss"), third.warnings()), (vec![(9, Some(1.0))], Vec::new()));
    }
}

#[test]
fn a_log_of_which_an_earlier_version_read_less_is_read_anew_once() {
    let (_folder, path, reader) = run(&log_of(&[history(1, "loss", &field(16, b"1")), field(18, &[])]));
    let first = read(&reader, &Mark::default());
    let mut mark = first.mark.clone();
    let key = path.file_name().unwrap().to_str().unwrap();
    assert!(mark.0["runs"][key].as_object_mut().unwrap().remove("reads").is_some());
    let second = read(&reader, &mark);
    assert_eq!((second.series("loss"), second.warnings()), (vec![(1, Some(1.0))], Vec::new()));
    assert!(second.heads()[0].replaces && second.heads()[1..].iter().all(|head| !head.replaces));
    assert_eq!(read(&reader, &second.mark).told, []);
}

#[test]
fn a_run_that_was_resumed_names_the_log_that_it_was_begun_in() {
    let folder = tempfile::tempdir().unwrap();
    let logs = ["offline-run-20250101_000000-r/run-r.wandb", "offline-run-20250102_000000-r/run-r.wandb"];
    for log in logs {
        let path = folder.path().join(log);
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, log_of(&[field(17, &field(1, b"r")), history(0, "loss", &field(16, b"1"))])).unwrap();
    }
    let told = read(&Wandb::new(folder.path().to_owned()), &Mark::default());
    let tags: Vec<_> = told.heads().iter().map(|head| (head.key.clone(), head.tags.clone())).collect();
    assert_eq!(tags, [(logs[0].to_owned(), vec![]), (logs[1].to_owned(), pairs(&[("resumed_from", logs[0])]))]);
}

#[test]
fn a_reading_that_is_broken_off_goes_on_from_the_last_mark() {
    let rows: Vec<Vec<u8>> =
        (0..90_000_u32).map(|at| history((at % 100) as u8, &format!("loss {}", at / 100), &field(16, b"1"))).collect();
    let (_folder, _path, reader) = run(&log_of(&rows));
    crate::check_goes_on(&reader, 90_000);
}
