//! TensorBoard's event files; `make_tensorboard.py` recorded them.

use std::{fs, path::PathBuf};

use api::{run::RunState, series::Point, source::Kind};
use foreign::{
    Histogram, Location, Mark, Media, Reader as _, Told, look,
    tensorboard::{EventPlace, TensorBoard, read_at, write::EventFile},
};

use crate::{age, copy, read, wandb::field};

fn media(told: &[Told], of: &str) -> Vec<Media> {
    let media = told.iter().filter_map(|told| match told {
        Told::Media { key, media, .. } if key == of => Some(media.clone()),
        _ => None,
    });
    media.collect()
}

fn event_file(folder: &std::path::Path, run: &str) -> PathBuf {
    fs::read_dir(folder.join(run)).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn both_forms_are_read() {
    let folder = copy("tensorboard");
    let found = look(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, &found[0].path), (Kind::TensorBoard, &folder.path().join("runs")));
    let told = read(&*foreign::open(&found[0]), &Mark::default());
    assert_eq!(told.warnings(), Vec::<String>::new());
    assert_eq!(told.series("loss").len(), 6);
    assert_eq!(told.series("loss")[1], (1, Some(0.5)));
    assert_eq!(told.series("loss")[5], (5, None));
    assert_eq!(told.series("acc"), [(0, Some(0.0)), (1, Some(0.25)), (2, Some(0.5))]);
    assert_eq!(told.points("acc")[2].time_ms, 1_700_000_002_000);
    assert_eq!(told.head("old/train").group, "runs");
    let head = told.heads().into_iter().rfind(|head| head.name == "new").unwrap();
    assert_eq!((head.state, head.ended_ms), (RunState::Finished, Some(1_700_000_050_000)));
    assert_eq!(head.params, crate::pairs(&[("lr", "0.125"), ("nesterov", "true"), ("optimizer", "adam")]));
    let Media::Histogram(histogram) = &media(&told.told, "spread")[0] else { panic!() };
    assert_eq!((&histogram.edges[..], &histogram.counts[..]), (&[0.0, 1.0, 2.0][..], &[3.0, 4.0][..]));
    let Media::Histogram(histogram) = &media(&told.told, "weights")[0] else { panic!() };
    assert_eq!(histogram.edges.len(), histogram.counts.len() + 1);
    assert_eq!(media(&told.told, "shot/1"), [Media::Image(b"\x89PNG two".to_vec())]);
    assert_eq!(media(&told.told, "sound"), [Media::Audio(b"RIFF".to_vec())]);
    assert_eq!(media(&told.told, "words"), [Media::Text("said".to_owned())]);
    assert!(matches!(&media(&told.told, "picture")[0], Media::Image(bytes) if bytes.starts_with(b"\x89PNG")));
}

#[test]
fn a_medium_is_read_again_where_it_stands() {
    let folder = copy("tensorboard");
    let told = read(&TensorBoard::new(folder.path().join("runs")), &Mark::default());
    let media: Vec<_> = told
        .told
        .iter()
        .filter_map(|told| match told {
            Told::Media { key, media, location: Some(Location::Event(place)), .. } => {
                Some((key.as_str(), media, place))
            }
            _ => None,
        })
        .collect();
    for key in ["spread", "weights", "shot/1", "sound", "words", "picture"] {
        assert!(media.iter().any(|(of, ..)| *of == key), "{key}");
    }
    for (key, media, location) in &media {
        assert_eq!(&read_at(location).unwrap(), *media, "{key}");
    }
    let other = EventPlace { checksum: !media[0].2.checksum, ..media[0].2.clone() };
    assert!(read_at(&other).unwrap_err().to_string().contains("was changed since it was read"));
    // A file of the same name and whole records, but of another run, is not shown for it.
    let (_, _, location) = media.iter().find(|(key, ..)| *key == "picture").unwrap();
    fs::write(&location.path, []).unwrap();
    assert!(read_at(location).unwrap_err().to_string().contains("was changed since it was read"));
    let other = EventFile::create(&folder.path().join("other"), 0).unwrap();
    other.finish().unwrap();
    fs::copy(event_file(folder.path(), "other"), &location.path).unwrap();
    let start = EventPlace { offset: 0, ..(*location).clone() };
    assert!(read_at(&start).unwrap_err().to_string().contains("was changed since it was read"));
    fs::remove_file(&location.path).unwrap();
    assert!(read_at(location).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn a_run_that_is_the_logs_folder_has_that_folders_name() {
    let folder = copy("tensorboard");
    let told = read(&TensorBoard::new(folder.path().join("runs/old/train")), &Mark::default());
    let heads = told.told.iter().filter_map(|one| if let Told::Run(head) = one { Some(head) } else { None });
    let heads: Vec<_> = heads.map(|head| (head.key.as_str(), head.name.as_str())).collect();
    // Its key stays that of the readings before.
    assert!(!heads.is_empty() && heads.iter().all(|head| *head == (".", "train")), "{heads:?}");
}

#[test]
fn an_end_at_any_byte_waits_and_is_read_on() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    let whole = fs::read(&path).unwrap();
    let reader = TensorBoard::new(folder.path().join("runs/old"));
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let first = read(&reader, &Mark::default());
        fs::write(&path, &whole).unwrap();
        let second = read(&reader, &first.mark);
        assert_eq!(first.warnings().len() + second.warnings().len(), 0, "{end}");
        assert_eq!(first.series("loss").len() + second.series("loss").len(), 6, "{end}");
    }
}

#[test]
fn damage_at_any_byte_is_said_or_waited_for() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    let whole = fs::read(&path).unwrap();
    let reader = TensorBoard::new(folder.path().join("runs/old"));
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let told = read(&reader, &Mark::default());
        assert_eq!(told.warnings().len(), 1, "{at}");
        assert_eq!(read(&reader, &told.mark).told, Vec::new(), "{at}: told once");
    }
}

fn framed(data: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

#[test]
fn a_huge_length_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    let whole = fs::read(event_file(&crate::fixture("tensorboard"), "runs/old/train")).unwrap();
    let waiting = [(1 << 30, false), ((2 << 30) - 1, false)];
    for (length, is_lost) in
        [u64::MAX, u64::MAX - 15, 1 << 63, 1 << 40, 2 << 30].map(|length| (length, true)).into_iter().chain(waiting)
    {
        let mut head = framed(&[])[..12].to_vec();
        head[..8].copy_from_slice(&length.to_le_bytes());
        let sum = crc32c::crc32c(&head[..8]).rotate_right(15).wrapping_add(0xa282_ead8);
        head[8..].copy_from_slice(&sum.to_le_bytes());
        fs::write(&path, [&whole[..], &head, &[0; 64]].concat()).unwrap();
        let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
        assert_eq!(told.series("loss").len(), 6, "{length}");
        let said = format!("byte {}: a record's length is damaged; the rest of the file can't be read", whole.len());
        let warnings = told.warnings();
        match is_lost {
            true => assert!(warnings.len() == 1 && warnings[0].ends_with(&said), "{length}: {warnings:?}"),
            false => assert!(warnings.is_empty(), "{length} may still come: {warnings:?}"),
        }
    }
    // A record that is there and larger than is read is stepped over.
    let large = framed(&vec![0; (64 << 20) + 1]);
    fs::write(&path, [&large[..], &whole].concat()).unwrap();
    let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
    assert_eq!((told.warnings().len(), told.series("loss").len()), (1, 6));
    assert!(told.warnings()[0].ends_with("byte 0: the record is larger than 64 MiB"), "{:?}", told.warnings());
}

#[test]
fn an_empty_file_is_no_run_until_it_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    fs::write(&path, "").unwrap();
    let reader = TensorBoard::new(folder.path().to_owned());
    let empty = read(&reader, &Mark::default());
    assert_eq!(empty.told, Vec::new());
    fs::copy(event_file(&crate::fixture("tensorboard"), "runs/old/train"), &path).unwrap();
    assert_eq!(read(&reader, &empty.mark).series("loss").len(), 6);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let folder = copy("tensorboard");
    let elsewhere = copy("tensorboard");
    let train = folder.path().join("runs/old/train");
    std::os::unix::fs::symlink(folder.path(), train.join("loop")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("runs/other")).unwrap();
    let linked = event_file(elsewhere.path(), "runs/new");
    std::os::unix::fs::symlink(linked, train.join("events.out.tfevents.2")).unwrap();
    let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
    let mut names: Vec<&str> = told.heads().iter().map(|head| head.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["runs/new", "runs/old/train"]);
    assert_eq!((told.series("loss").len(), told.series("acc").len()), (6, 3));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_stay_apart() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let folder = tempfile::tempdir().unwrap();
    let from = event_file(&crate::fixture("tensorboard"), "runs/old/train");
    for name in [b"a\xff", b"a\xfe"] {
        let run = folder.path().join(OsStr::from_bytes(name));
        fs::create_dir(&run).unwrap();
        fs::copy(&from, run.join(OsStr::from_bytes(b"events.out.tfevents.\xff"))).unwrap();
    }
    let reader = TensorBoard::new(folder.path().to_owned());
    let told = read(&reader, &Mark::default());
    assert_eq!((told.head("a\\xff").key.as_str(), told.head("a\\xfe").key.as_str()), ("a\\xff", "a\\xfe"));
    assert_eq!(told.series("loss").len(), 12);
    assert_eq!(read(&reader, &told.mark).points("loss"), []);
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let from = read(&TensorBoard::new(crate::fixture("tensorboard/runs")), &Mark::default());
    let run = folder.path().join("train");
    let mut file = EventFile::create(&run, 1_700_000_000_000).unwrap();
    for key in ["loss", "acc"] {
        file.points(key, &from.points(key)).unwrap();
    }
    file.finish().unwrap();
    let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    assert_eq!((told.head("train").created_ms, told.series("loss")), (1_700_000_000_000, from.series("loss")));
    assert_eq!(told.points("acc"), from.points("acc"));
    assert!(EventFile::create(&run, 1_700_000_000_000).is_err(), "nothing is written over");
}

#[test]
fn media_that_are_written_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(&folder.path().join("one"), 1_700_000_000_000).unwrap();
    let histogram = Histogram { edges: vec![0.1, 0.25, 2.0], counts: vec![3.0, 4.0] };
    let at = (7, 1_700_000_000_007);
    for step in [6, 7] {
        file.text("said", (step, at.1), format!("# {step}\n\nwords")).unwrap();
    }
    file.sound("heard", at, b"RIFF\0\0\0\0WAVE".to_vec()).unwrap();
    file.histogram("spread", at, &histogram).unwrap();
    file.finish().unwrap();
    let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    assert_eq!(media(&told.told, "said"), ["# 6\n\nwords", "# 7\n\nwords"].map(|text| Media::Text(text.to_owned())));
    assert_eq!(media(&told.told, "heard"), [Media::Audio(b"RIFF\0\0\0\0WAVE".to_vec())]);
    assert_eq!(media(&told.told, "spread"), [Media::Histogram(histogram)]);
    let when = |told: &Told| match told {
        Told::Media { key, step, time_ms, .. } if key == "spread" => Some((*step, *time_ms)),
        _ => None,
    };
    assert_eq!(told.told.iter().find_map(when), Some(at));
}

#[test]
fn a_file_that_is_written_anew_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("one");
    let write = |values: &[f64]| {
        let _ = fs::remove_dir_all(&run);
        let mut file = EventFile::create(&run, 1_700_000_000_000).unwrap();
        let points: Vec<Point> =
            values.iter().zip(0..).map(|(value, step)| Point { step, time_ms: step, value: *value }).collect();
        file.points("loss", &points).unwrap();
        file.finish().unwrap();
    };
    let reader = TensorBoard::new(folder.path().to_owned());
    write(&[1.0, 0.5, 0.25]);
    let first = read(&reader, &Mark::default());
    assert_eq!((first.series("loss").len(), first.warnings().len()), (3, 0));
    // Shorter than it was, and longer but another from the first point on.
    let mut mark = first.mark;
    for values in [&[8.0, 4.0][..], &[3.0, 2.0, 1.0, 0.0]] {
        write(values);
        let again = read(&reader, &mark);
        assert_eq!(again.series("loss").len(), values.len());
        assert!(again.warnings()[0].contains("as if written anew"), "{:?}", again.warnings());
        mark = again.mark;
    }
    assert_eq!(read(&reader, &mark).series("loss"), []);
}

#[test]
fn a_file_that_is_written_anew_has_all_of_its_run_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("one");
    let write = |at_ms: i64, points: &[(i64, f64)]| {
        let mut file = EventFile::create(&run, at_ms).unwrap();
        let point = |(step, value): &(i64, f64)| Point { step: *step, time_ms: *step, value: *value };
        file.points("loss", &points.iter().map(point).collect::<Vec<_>>()).unwrap();
        file.finish().unwrap();
    };
    write(1_700_000_000_000, &[(0, 1.0), (1, 0.5)]);
    write(1_700_000_100_000, &[(2, 0.25)]);
    let reader = TensorBoard::new(folder.path().to_owned());
    let first = read(&reader, &Mark::default());
    assert_eq!((first.series("loss").len(), first.heads()[0].replaces), (3, false));
    let mut files: Vec<PathBuf> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    fs::remove_file(&files[1]).unwrap();
    write(1_700_000_100_000, &[(2, 8.0), (3, 4.0)]);
    let again = read(&reader, &first.mark);
    assert_eq!(again.series("loss"), [(0, Some(1.0)), (1, Some(0.5)), (2, Some(8.0)), (3, Some(4.0))]);
    let replaces: Vec<bool> = again.heads().iter().map(|head| head.replaces).collect();
    assert!(replaces[0] && replaces.iter().filter(|replaces| **replaces).count() == 1, "{replaces:?}");
    assert_eq!(again.warnings().len(), 1, "{:?}", again.warnings());
    assert_eq!(read(&reader, &again.mark).told, []);
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(value, &mut bytes);
    bytes
}

/// A tensor of no dimension: its type, and the field that its value stands in.
fn tensor(dtype: u8, number: u8, value: &[u8]) -> Vec<u8> {
    [&[0x08, dtype][..], &field(2, &[]), &field(number, value)].concat()
}

/// A record of one value, by the plugin that it names.
fn logged(step: u8, tag: &str, plugin: Option<&str>, tensor: &[u8]) -> Vec<u8> {
    let metadata = plugin.map(|plugin| field(9, &field(1, &field(1, plugin.as_bytes())))).unwrap_or_default();
    let value = [&field(1, tag.as_bytes())[..], &metadata, &field(8, tensor)].concat();
    framed(&[&[0x10, step][..], &field(5, &field(1, &value))].concat())
}

#[test]
fn scalars_of_every_real_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("half", tensor(19, 13, &varint(0x3800)), 0.5),
        ("half packed", tensor(19, 4, &0xc000_u16.to_le_bytes()), -2.0),
        ("half small", tensor(19, 4, &1_u16.to_le_bytes()), 2_f64.powi(-24)),
        ("bfloat16", tensor(14, 13, &varint(0x3f00)), 0.5),
        ("bfloat16 packed", tensor(14, 4, &0xc040_u16.to_le_bytes()), -3.0),
        ("bool", tensor(10, 11, &[1]), 1.0),
        ("bool packed", tensor(10, 4, &[1]), 1.0),
        ("int8", tensor(6, 7, &varint(u64::MAX)), -1.0),
        ("int8 packed", tensor(6, 4, &[0xff]), -1.0),
        ("uint8 packed", tensor(4, 4, &[0xff]), 255.0),
        ("int16 packed", tensor(5, 4, &(-2_i16).to_le_bytes()), -2.0),
        ("uint16", tensor(17, 7, &varint(65_535)), 65_535.0),
        ("uint16 packed", tensor(17, 4, &[0xff, 0xff]), 65_535.0),
        ("uint32", tensor(22, 16, &varint(4_294_967_295)), 4_294_967_295.0),
        ("uint32 packed", tensor(22, 4, &[0xff; 4]), 4_294_967_295.0),
        ("uint64", tensor(23, 17, &varint(1 << 53)), 2_f64.powi(53)),
        ("uint64 packed", tensor(23, 4, &(1_u64 << 53).to_le_bytes()), 2_f64.powi(53)),
    ];
    let file: Vec<u8> = cases.iter().flat_map(|(tag, tensor, _)| logged(3, tag, Some("scalars"), tensor)).collect();
    fs::write(folder.path().join("events.out.tfevents.1"), file).unwrap();
    let told = read(&TensorBoard::new(folder.path().to_owned()), &Mark::default());
    assert_eq!(told.warnings(), [""; 0]);
    for (tag, _, value) in cases {
        assert_eq!(told.series(tag), [(3, Some(value))], "{tag}");
    }
}

#[test]
fn what_is_not_read_is_counted_by_its_plugin_and_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    let zero = tensor(1, 5, &[0; 4]);
    let mut file = [
        framed(&field(4, b"a graph")),
        logged(1, "curve", Some("pr_curves"), &zero),
        // Only the first value of a tag names its plugin.
        logged(2, "curve", None, &zero),
        logged(1, "shape", Some("mesh"), &zero),
        logged(1, "wave", Some("scalars"), &tensor(8, 9, &[0; 8])),
        logged(1, "loss", Some("scalars"), &zero),
        logged(1, "words", Some("text"), &tensor(7, 8, b"said")),
        // One of no values, of which there is nothing to show.
        logged(1, "weights", Some("histograms"), &tensor(2, 4, &[])),
    ]
    .concat();
    fs::write(&path, &file).unwrap();
    let reader = TensorBoard::new(folder.path().to_owned());
    let told = read(&reader, &Mark::default());
    let said = |counts: &str| format!("{}: {counts}", folder.path().display());
    assert_eq!(
        told.warnings(),
        [said(
            "5 values of kinds that are not read were left out: 1 of graphs, 1 of mesh, 2 of pr_curves, 1 of scalars that are no real numbers"
        )]
    );
    assert_eq!((told.series("loss").len(), media(&told.told, "words").len()), (1, 1));
    assert_eq!(read(&reader, &told.mark).told, [], "said once");

    file.extend(logged(3, "curve", None, &zero));
    fs::write(&path, &file).unwrap();
    let again = read(&reader, &told.mark);
    assert!(again.warnings()[0].contains("6 values") && again.warnings()[0].contains("3 of pr_curves"));

    // However many a log names, few are said.
    for number in 0..100 {
        file.extend(logged(1, &format!("tag {number}"), Some(&format!("plugin {number}")), &zero));
    }
    fs::write(&path, &file).unwrap();
    let many = read(&reader, &again.mark).warnings();
    assert!(many[0].contains("106 values") && many[0].contains("85 of others"), "{many:?}");
}

/// An event at a step: its version, the beginning of a session, or a point of `loss`.
fn event(step: u8, what: &[u8]) -> Vec<u8> {
    framed(&[&[0x10, step][..], what].concat())
}

fn scalar(step: u8, value: f32) -> Vec<u8> {
    let number = [&[0x15][..], &value.to_le_bytes()].concat();
    event(step, &field(5, &field(1, &[&field(1, b"loss")[..], &number].concat())))
}

#[test]
fn a_session_that_starts_at_an_earlier_step_takes_back_what_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let write = |number: u8, version: &[u8], events: &[Vec<u8>]| {
        let start = [event(0, &field(3, version)), event(2, &field(7, &[0x08, 0x01]))].concat();
        let begin = if number == 1 { event(0, &field(3, version)) } else { start };
        fs::write(folder.path().join(format!("events.out.tfevents.{number}")), [begin, events.concat()].concat())
            .unwrap();
    };
    let reader = TensorBoard::new(folder.path().to_owned());
    let rewound = |told: &[Told]| {
        let at = told.iter().position(|one| *one == Told::Rewound { run: ".".to_owned(), step: 2 });
        at.map(|at| told[at..].iter().filter(|one| matches!(one, Told::Points { .. })).count())
    };
    for (version, is_taken_back) in [(&b"brain.Event:2"[..], true), (b"brain.Event:1", false)] {
        write(1, version, &[scalar(1, 1.0), scalar(2, 2.0), scalar(3, 3.0)]);
        write(2, version, &[scalar(2, 20.0)]);
        let told = read(&reader, &Mark::default()).told;
        assert_eq!(rewound(&told), is_taken_back.then_some(1), "{told:?}");
    }
    // Of nothing that is later, nothing is taken back.
    write(1, b"brain.Event:2", &[scalar(1, 1.0)]);
    write(2, b"brain.Event:2", &[scalar(2, 20.0)]);
    assert_eq!(rewound(&read(&reader, &Mark::default()).told), None);
}

/// Reads with something that happens to the files while the first run is told; what was told, but for what is none.
fn read_while(folder: &std::path::Path, mark: &Mark, happens: impl Fn()) -> (Vec<Told>, Mark) {
    let mut told = Vec::new();
    let mark = TensorBoard::new(folder.to_owned()).read(mark, &mut |one| {
        if matches!(one, Told::Run(_)) && told.is_empty() {
            happens();
        }
        if !matches!(one, Told::Still | Told::Checkpoint(_)) {
            told.push(one);
        }
        Ok(())
    });
    (told, mark.unwrap())
}

#[test]
fn what_a_file_takes_back_after_its_reading_failed_is_read_again_of_those_behind_it() {
    let version = || event(0, &field(3, b"brain.Event:2"));
    // Longer than what of it is read at once.
    let (graph, start) = (event(0, &field(4, &vec![0; 2 << 20])), event(2, &field(7, &[0x08, 0x01])));
    let first = [version(), scalar(1, 1.0), scalar(3, 3.0), graph, start, scalar(2, 2.0)].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    fs::write(&path, &first).unwrap();
    fs::write(path.with_extension("2"), [version(), scalar(4, 4.0), scalar(5, 5.0)].concat()).unwrap();
    let steps = |told: &[Told]| {
        let points = told.iter().flat_map(|one| match one {
            Told::Points { points, .. } => points.iter().map(|point| point.step).collect(),
            _ => Vec::new(),
        });
        points.collect::<Vec<_>>()
    };
    let cut = || fs::File::options().write(true).open(&path).unwrap().set_len(3 << 19).unwrap();
    let (told, mark) = read_while(folder.path(), &Mark::default(), cut);
    assert!(told.iter().any(|one| matches!(one, Told::Warning { place, .. } if place.ends_with(".1"))), "{told:?}");
    assert_eq!(steps(&told), [1, 3, 4, 5]);

    fs::write(&path, &first).unwrap();
    let (told, mark) = read_while(folder.path(), &mark, || ());
    let at = told.iter().position(|one| *one == Told::Rewound { run: ".".to_owned(), step: 2 }).unwrap();
    assert_eq!((steps(&told[..at]), steps(&told[at..])), (Vec::new(), vec![2, 4, 5]));
    assert!(steps(&read_while(folder.path(), &mark, || ()).0).is_empty());
}

#[test]
fn a_file_of_which_not_all_has_come_is_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    let whole: Vec<u8> = (0..4).flat_map(|step| scalar(step, 1.0)).collect();
    let half = whole.len() / 2;
    let mut damaged = whole.clone();
    damaged[half] ^= 1;
    let zeros = [&whole[..half], &vec![0; whole.len() - half]].concat();
    let reader = TensorBoard::new(folder.path().to_owned());
    for (seen, warned) in [(zeros, 0), (damaged, 1)] {
        fs::write(&path, &seen).unwrap();
        age(&path);
        let first = read(&reader, &Mark::default());
        // What stays zeros is said to be cut off.
        assert_eq!((first.series("loss").len(), first.warnings().len()), (2, 1), "{warned}");
        fs::write(&path, &whole).unwrap();
        let second = read(&reader, &first.mark);
        assert_eq!((second.series("loss").len(), second.warnings()), (2, Vec::new()));
    }
}

#[test]
fn a_run_that_nobody_writes_to_ended_with_its_last_event() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    let reader = TensorBoard::new(folder.path().join("runs/old"));
    let first = read(&reader, &Mark::default());
    let head = first.heads().into_iter().next_back().unwrap();
    assert_eq!((head.state, head.ended_ms), (RunState::Running, None));
    age(&path);
    let quiet = read(&reader, &first.mark);
    let head = quiet.heads().into_iter().next_back().unwrap();
    let last = first.points("loss").iter().map(|point| point.time_ms).max();
    assert!(head.state == RunState::Finished && head.ended_ms >= last && last.is_some(), "{head:?}");
    assert_eq!(read(&reader, &quiet.mark).told, [], "told once");
}

#[test]
fn what_is_compressed_or_linked_is_said_once() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    fs::write(path.with_extension("gz"), b"\x1f\x8b").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("runs/new"), folder.path().join("runs/linked")).unwrap();
    let reader = TensorBoard::new(folder.path().join("runs"));
    let told = read(&reader, &Mark::default());
    let said = told.warnings();
    assert!(said.iter().any(|said| said.contains("it is compressed")), "{said:?}");
    #[cfg(unix)]
    assert!(said.iter().any(|said| said.contains("1 link is not followed")), "{said:?}");
    assert_eq!(read(&reader, &told.mark).warnings(), [""; 0]);
}

#[test]
fn a_reading_that_is_broken_off_goes_on_from_the_last_mark() {
    let folder = tempfile::tempdir().unwrap();
    let points: Vec<Point> = (0..100_000).map(|step| Point { step, time_ms: step, value: 0.5 }).collect();
    for run in ["a", "b"] {
        let mut file = EventFile::create(&folder.path().join(run), 1_700_000_000_000).unwrap();
        file.points("loss", &points).unwrap();
        file.finish().unwrap();
    }
    crate::check_goes_on(&TensorBoard::new(folder.path().to_owned()), 200_000);
}
