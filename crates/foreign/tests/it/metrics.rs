//! `metrics.json`, `metrics.csv` and JSON Lines.

use std::{fs, io::Write as _};

use api::run::RunState;
use foreign::{Mark, Reader as _, Told, metrics::MetricsFile};

use crate::{Read, age, pairs, read};

/// A file that is written and read on.
struct Log {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Log {
    fn new(name: &'static str, content: &[u8]) -> Self {
        let log = Self { folder: tempfile::tempdir().unwrap(), name };
        fs::write(log.path(), content).unwrap();
        log
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join(self.name)
    }

    fn append(&self, content: &[u8]) {
        fs::File::options().append(true).open(self.path()).unwrap().write_all(content).unwrap();
    }

    fn read(&self, mark: &Mark) -> Read {
        read(&MetricsFile::new(self.path()), mark)
    }
}

#[test]
fn metrics_json_is_one_value_a_key() {
    let log = Log::new(
        "metrics.json",
        br#"{"acc": 0.5, "test": {"f1": NaN, "n": 3}, "model": "tree", "list": [1], "epoch": 7}"#,
    );
    age(&log.path());
    let read = log.read(&Mark::default());
    assert_eq!(read.series("acc"), [(7, Some(0.5))]);
    assert_eq!((read.series("test.f1"), read.series("test.n")), (vec![(7, None)], vec![(7, Some(3.0))]));
    assert_eq!(read.points("acc")[0].time_ms, 1_700_000_000_000);
    assert_eq!((read.heads()[0].state, &read.heads()[0].tags), (RunState::Finished, &pairs(&[("model", "tree")])));
    assert_eq!(log.read(&read.mark).told, []);
    fs::write(log.path(), r#"{"acc": 0.75}"#).unwrap();
    assert_eq!(log.read(&read.mark).series("acc"), [(0, Some(0.75))]);
    for junk in [&b"{\"acc\": 0."[..], b"\xff\xfe", b"", b"[", b"nonsense"] {
        fs::write(log.path(), junk).unwrap();
        let read = log.read(&Mark::default());
        assert_eq!((read.heads().len(), read.warnings().len()), (0, 1), "{junk:?}");
        assert!(read.warnings()[0].contains("metrics.json: it was left out"), "{:?}", read.warnings());
    }
}

#[test]
fn a_long_metrics_json_is_told_in_pieces() {
    let count = 200_000;
    let rows: Vec<String> = (0..count).map(|step| format!("{{\"step\":{step},\"loss\":1}}")).collect();
    let list = format!("\u{feff} [{},{{\"step\":{count},\"loss\":NaN}},7]", rows.join(","));
    let history = format!("{{\"loss\":[{}NaN,null]}}", "1,".repeat(count));
    for content in [list, history] {
        let read = Log::new("metrics.json", content.as_bytes()).read(&Mark::default());
        let told = read
            .told
            .iter()
            .filter_map(|told| if let Told::Points { points, .. } = told { Some(points.len()) } else { None });
        assert!(
            told.clone().count() > 3 && told.clone().all(|points| points <= 1 << 16),
            "{:?}",
            told.collect::<Vec<_>>()
        );
        let series = read.series("loss");
        assert_eq!((series.len(), series[0], series[count]), (count + 1, (0, Some(1.0)), (count as i64, None)));
        assert!(series.iter().enumerate().all(|(at, (step, _))| *step == at as i64));
        assert_eq!(read.warnings().len(), 1);
        assert!(read.warnings()[0].ends_with("1 value was left out: it is null, or neither number nor text"));
    }
}

#[test]
fn metrics_csv_is_tailed_by_step() {
    // As Lightning's logger writes it: one row a logging, empty where nothing was logged.
    let log = Log::new(
        "metrics.csv",
        b"epoch,step,time,\"train,loss\",val\n0,49,1700000000.5,0.5,\n0,99,1700000001,,0.25\n1,149,170",
    );
    let read = log.read(&Mark::default());
    assert_eq!(read.series("train,loss"), [(49, Some(0.5))]);
    assert_eq!((read.series("val"), read.series("epoch").len()), (vec![(99, Some(0.25))], 2));
    assert_eq!(read.points("train,loss")[0].time_ms, 1_700_000_000_500);
    assert_eq!(read.series("time"), []);
    log.append(b"0000002,inf,-inf\n");
    let read = log.read(&read.mark);
    assert_eq!(read.series("train,loss"), [(149, Some(f64::INFINITY))]);
    assert_eq!(log.read(&read.mark).told, []);
    // The logger writes all of it anew where a column is added.
    fs::write(
        log.path(),
        "epoch,step,time,\"train,loss\",val,test\n0,49,1700000000.5,0.5,,\n0,99,1700000001,,0.25,\n1,149,1700000002,inf,-inf,\n1,199,1700000003,,,0.125\n",
    )
    .unwrap();
    let read = log.read(&read.mark);
    assert_eq!(forgotten(&read), [None]);
    assert_eq!(read.series("val"), [(99, Some(0.25)), (149, Some(f64::NEG_INFINITY))]);
    assert_eq!((read.series("test"), read.warnings()), (vec![(199, Some(0.125))], vec![]));
}

/// The series that are told anew.
fn forgotten(read: &Read) -> Vec<Option<&str>> {
    let mut found = Vec::new();
    for told in &read.told {
        if let Told::Forgotten { key, .. } = told {
            found.push(key.as_deref());
        }
    }
    found
}

#[test]
fn a_file_that_is_written_anew_replaces_what_it_told() {
    for (name, first, other) in [
        ("metrics.csv", "loss\n0.5\n0.25\n", "loss\n0.75\n0.625\n0.5\n"),
        ("log.jsonl", "{\"loss\": 0.5}\n{\"loss\": 0.25}\n", "{\"loss\": 0.75}\n{\"loss\": 0.625}\n{\"loss\": 0.5}\n"),
    ] {
        let log = Log::new(name, first.as_bytes());
        let before = log.read(&Mark::default());
        assert_eq!((before.series("loss").len(), forgotten(&before)), (2, vec![]), "{name}");
        // Emptied, and not written yet.
        fs::write(log.path(), "").unwrap();
        let empty = log.read(&before.mark);
        assert_eq!((forgotten(&empty), empty.warnings()), (vec![], vec![]), "{name}");
        fs::write(log.path(), first).unwrap();
        let same = log.read(&empty.mark);
        assert_eq!((same.series("loss"), forgotten(&same)), (vec![], vec![]), "{name}");
        // Longer than it was, and another.
        fs::write(log.path(), other).unwrap();
        let read = log.read(&same.mark);
        let expect = vec![(0, Some(0.75)), (1, Some(0.625)), (2, Some(0.5))];
        assert_eq!((read.series("loss"), forgotten(&read)), (expect, vec![None]), "{name}");
        assert_eq!(log.read(&read.mark).told, [], "{name}");
    }
}

#[test]
fn a_number_that_was_cut_off_is_replaced_once_it_goes_on() {
    let log = Log::new("metrics.csv", b"step,loss\n0,0.5\n1,0.1");
    age(&log.path());
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss"), [(0, Some(0.5)), (1, Some(0.1))]);
    assert_eq!(log.read(&read.mark).told, []);
    log.append(b"25\n2,0.25\n");
    let read = log.read(&read.mark);
    assert_eq!(
        (read.series("loss"), forgotten(&read)),
        (vec![(0, Some(0.5)), (1, Some(0.125)), (2, Some(0.25))], vec![None])
    );
    assert_eq!(read.warnings(), [""; 0]);

    // It was whole, and only its line end came later.
    let log = Log::new("metrics.csv", b"loss\n0.5");
    age(&log.path());
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss"), [(0, Some(0.5))]);
    log.append(b"\n0.25\n");
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss"), forgotten(&read)), (vec![(1, Some(0.25))], vec![]));

    // Half an object is none, and is waited for.
    let log = Log::new("log.jsonl", b"{\"step\": 0, \"a\": 1}\n{\"step\": 1, \"a\"");
    age(&log.path());
    let read = log.read(&Mark::default());
    assert_eq!((read.series("a"), read.warnings()), (vec![(0, Some(1.0))], vec![]));
    log.append(b": 2}\n");
    assert_eq!(log.read(&read.mark).series("a"), [(1, Some(2.0))]);
}

#[test]
fn columns_are_known_in_any_case_and_by_what_separates_them() {
    let log = Log::new("metrics.csv", b"Wall time,Step,Value\n1700000000.25,10,0.5\n");
    let read = log.read(&Mark::default());
    assert_eq!((read.series("Value"), read.series("Wall time")), (vec![(10, Some(0.5))], vec![]));
    assert_eq!(read.points("Value")[0].time_ms, 1_700_000_000_250);
    for content in ["iter;loss\n5;0.5\n", "Iter\tloss\n5\t0.5\n"] {
        let log = Log::new("metrics.csv", content.as_bytes());
        assert_eq!(log.read(&Mark::default()).series("loss"), [(5, Some(0.5))], "{content}");
    }
    let log = Log::new("log.jsonl", "\u{feff}{\"Iteration\": 3, \"loss\": 1}\n".as_bytes());
    let read = log.read(&Mark::default());
    assert_eq!((read.series("loss"), read.warnings()), (vec![(3, Some(1.0))], vec![]));
}

#[test]
fn a_metrics_json_that_would_take_many_times_its_size_is_left_out_and_told_the_way_out() {
    let keys = |count: usize| (0..count).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(",");
    let (list, object) = (format!("{{\"loss\":[{}NaN]}}", "1,".repeat(2_000_000)), format!("{{{}}}", keys(500_000)));
    let deep = format!("{{\"a\":{{\"b\":{object}}}}}");
    for content in [list, format!("[{object}]"), object, deep] {
        let log = Log::new("metrics.json", b"{\"loss\": 0.5}");
        let first = log.read(&Mark::default());
        fs::write(log.path(), content).unwrap();
        let read = log.read(&first.mark);
        assert_eq!((read.heads().len(), read.points("loss").len(), read.warnings().len()), (0, 0, 1));
        let why = "it was left out: it would take more than 128 MiB of memory: write its values a row a step, as CSV or JSON Lines";
        assert!(read.warnings()[0].contains(why), "{:?}", read.warnings());
    }
    // What fits is told whole.
    let many = Log::new("metrics.json", format!("{{{}}}", keys(100_000)).as_bytes()).read(&Mark::default());
    assert_eq!((many.told.len(), many.warnings()), (100_001, vec![]));
}

#[test]
fn lists_in_metrics_json_are_points_by_step() {
    let log =
        Log::new("metrics.json", "\u{feff}{\"loss\": [0.5, null, 0.25], \"best\": 0.25, \"lr\": null}".as_bytes());
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss"), [(0, Some(0.5)), (2, Some(0.25))]);
    assert_eq!(read.series("best"), [(0, Some(0.25))]);
    assert!(read.warnings()[0].contains("2 values were left out: they are null"), "{:?}", read.warnings());
    fs::write(log.path(), "{\"epoch\": [1, 2], \"loss\": [0.75, 0.5]}").unwrap();
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss"), forgotten(&read)), (vec![(1, Some(0.75)), (2, Some(0.5))], vec![Some("loss")]));

    let log = Log::new("metrics.json", b"[{\"epoch\": 1, \"loss\": 0.5}, {\"epoch\": 2, \"loss\": 0.25}]");
    assert_eq!(log.read(&Mark::default()).series("loss"), [(1, Some(0.5)), (2, Some(0.25))]);
}

#[test]
fn json_lines_in_metrics_json_are_tailed() {
    let log = Log::new("metrics.json", b"{\"iteration\": 19, \"loss\": 1}\n");
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss"), [(19, Some(1.0))]);
    log.append(b"{\"iteration\": 39, \"loss\": 0.5}\n");
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss"), forgotten(&read)), (vec![(19, Some(1.0)), (39, Some(0.5))], vec![None]));
    log.append(b"{\"iteration\": 59, \"loss\": 0.25}\n");
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss"), read.warnings()), (vec![(59, Some(0.25))], vec![]));
}

#[test]
fn rows_without_a_step_are_counted() {
    let log = Log::new("metrics.csv", b"\xef\xbb\xbfloss;x,time\r\n0.5,0.1\r\n0.25,0.2\r\n");
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss;x"), [(0, Some(0.5)), (1, Some(0.25))]);
    assert_eq!(read.series("time"), [(0, Some(0.1)), (1, Some(0.2))], "a duration is no date");
    log.append(b"0.125,0.3\r\n");
    assert_eq!(log.read(&read.mark).series("loss;x"), [(2, Some(0.125))]);
}

#[test]
fn json_lines_are_tailed() {
    let log = Log::new(
        "log.jsonl",
        b"{\"_step\": 0, \"_timestamp\": 1700000000.25, \"loss\": 0.5, \"eval\": {\"f1\": NaN}, \"note\": \"x\"}\n{\"_step\": 1, \"loss\": \"-Infinity\"}\n{\"_st",
    );
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss"), [(0, Some(0.5)), (1, Some(f64::NEG_INFINITY))]);
    assert_eq!((read.series("eval.f1"), read.points("loss")[0].time_ms), (vec![(0, None)], 1_700_000_000_250));
    assert_eq!((read.series("_step"), read.series("_timestamp"), read.series("note")), (vec![], vec![], vec![]));
    log.append(b"ep\": 2, \"loss\": 1}\n");
    assert_eq!(log.read(&read.mark).series("loss"), [(2, Some(1.0))]);
    // The last line needs no line end once nobody writes any more.
    log.append(b"{\"_step\": 3, \"loss\": 4}");
    assert_eq!(log.read(&read.mark).points("loss").len(), 1);
    age(&log.path());
    let read = log.read(&read.mark);
    assert_eq!(read.series("loss"), [(2, Some(1.0)), (3, Some(4.0))]);
    assert_eq!(read.heads()[0].state, RunState::Finished);
}

#[test]
fn a_csv_whose_lines_are_none_is_left_out_and_told_the_way_out() {
    let utf_16: Vec<u8> = "\u{feff}step,loss\r\n0,0.5\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let old = b"step,loss\r0,0.5\r1,0.25\r".to_vec();
    for (content, why) in [(utf_16, "it is UTF-16: write it as UTF-8"), (old, "carriage returns alone")] {
        let log = Log::new("metrics.csv", &content);
        age(&log.path());
        let read = log.read(&Mark::default());
        let [warning] = &read.warnings()[..] else { panic!("{:?}", read.told) };
        assert!(warning.contains("metrics.csv: it was left out: ") && warning.contains(why), "{warning}");
        fs::write(log.path(), "step,loss\n0,0.5\n").unwrap();
        assert_eq!(log.read(&read.mark).series("loss"), [(0, Some(0.5))]);
    }
}

#[test]
fn what_is_wrong_is_said_once_with_its_row() {
    let log = Log::new("metrics.csv", b"step,loss,split\n0,0.5,train\nx,1,train\n2,\xff,train\n\"3,4\n4,0.25\n");
    let read = log.read(&Mark::default());
    assert_eq!(read.series("loss")[0], (0, Some(0.5)));
    let [warning] = &read.warnings()[..] else { panic!("{:?}", read.told) };
    assert!(warning.contains("metrics.csv, row 1: it was left out, and "), "{warning}");
    log.append(b"\"\n9,1,train\n");
    assert_eq!(log.read(&read.mark).warnings(), [""; 0]);

    let log = Log::new("log.jsonl", b"{\"step\": 0, \"a\": 1}\nnonsense\n\xff\n[1]\n{\"step\": 1.5, \"a\": 2}\n");
    let read = log.read(&Mark::default());
    assert_eq!(read.series("a"), [(0, Some(1.0)), (4, Some(2.0))]);
    assert!(read.warnings()[0].contains("log.jsonl, row 2: it was left out, and 2 others: it is no JSON object"));

    let log = Log::new("metrics.csv", &vec![b'x'; 3 << 20]);
    assert_eq!(log.read(&Mark::default()).points("loss").len(), 0);
    fs::write(log.path(), [b"step,loss\n".to_vec(), vec![b'1'; 3 << 20]].concat()).unwrap();
    let read = log.read(&Mark::default());
    assert!(read.warnings()[0].contains("a line is longer than 1 MiB"), "{:?}", read.warnings());
    fs::write(log.path(), "step,loss\n1,2\n").unwrap();
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss"), read.warnings().len()), (vec![(1, Some(2.0))], 1));
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let log = Log::new("metrics.csv", b"step,loss,loss,loss.1,loss\n0,1,2,3,4\n");
    let read = log.read(&Mark::default());
    let expect = [("loss", 1.0), ("loss.2", 2.0), ("loss.1", 3.0), ("loss.3", 4.0)];
    for (key, value) in expect {
        assert_eq!(read.series(key), [(0, Some(value))], "{key}");
    }
    let [said] = &read.warnings()[..] else { panic!("{:?}", read.told) };
    assert!(said.contains("several columns called loss: the second is shown as loss.2"), "{said}");
    // As it grows its columns stay what they are, and that is not said again.
    log.append(b"1,5,6,7,8\n");
    let read = log.read(&read.mark);
    assert_eq!((read.series("loss.2"), read.warnings()), (vec![(1, Some(6.0))], vec![]));
}

#[test]
fn a_csv_without_names_loses_no_row() {
    for content in ["0.5,10\n0.25,20\n", "\u{feff}0.5,10\n0.25,20\n"] {
        let log = Log::new("metrics.csv", content.as_bytes());
        let read = log.read(&Mark::default());
        assert_eq!(read.series("column 1"), [(0, Some(0.5)), (1, Some(0.25))]);
        assert_eq!(read.series("column 2"), [(0, Some(10.0)), (1, Some(20.0))]);
        let [said] = &read.warnings()[..] else { panic!("{:?}", read.told) };
        assert!(said.contains("nothing but numbers: it was read as a row"), "{said}");
        log.append(b"0.125,30\n");
        let read = log.read(&read.mark);
        assert_eq!((read.series("column 1"), read.warnings()), (vec![(2, Some(0.125))], vec![]));
    }
    // As pandas names columns that have no names.
    let read = Log::new("metrics.csv", b"0,1\n0.5,10\n").read(&Mark::default());
    assert_eq!((read.series("0"), read.series("1")), (vec![(0, Some(0.5))], vec![(0, Some(10.0))]));
    assert!(read.warnings()[0].contains("was taken for their names"), "{:?}", read.warnings());
}

/// Earlier programs put columns of one name into one series, and took any first line for names.
#[test]
fn a_table_whose_columns_were_called_otherwise_is_read_anew() {
    for (content, key) in [("loss,loss\n1,2\n", "loss.1"), ("0.5,10\n0.25,20\n", "column 2")] {
        let log = Log::new("metrics.csv", content.as_bytes());
        let mut before = log.read(&Mark::default()).mark;
        assert_eq!(log.read(&before).told, [], "{content}");
        before.0["rows"].as_object_mut().unwrap().remove("named").expect("a mark says it");
        log.append(b"3,4\n");
        let read = log.read(&before);
        assert_eq!(
            (forgotten(&read), read.series(key).len()),
            (vec![None], content.lines().count() - usize::from(key == "loss.1") + 1)
        );
        assert!(
            read.warnings().iter().any(|said| said.contains("called otherwise than before")),
            "{:?}",
            read.warnings()
        );
        assert_eq!(log.read(&read.mark).told, [], "{content}");
    }
    // What was called as it is now goes on.
    let log = Log::new("metrics.csv", b"step,loss\n0,1\n");
    let mut before = log.read(&Mark::default()).mark;
    before.0["rows"].as_object_mut().unwrap().remove("named").expect("a mark says it");
    log.append(b"1,2\n");
    let read = log.read(&before);
    assert_eq!((forgotten(&read), read.series("loss")), (vec![], vec![(1, Some(2.0))]));
}

#[test]
fn numbers_that_were_written_as_texts_are_numbers() {
    let rows = "{\"step\": 0, \"loss\": \"0.5\", \"note\": \"x\"}\n{\"step\": \"1\", \"loss\": \" 1e-3 \"}\n";
    let read = Log::new("log.jsonl", rows.as_bytes()).read(&Mark::default());
    assert_eq!(read.series("loss"), [(0, Some(0.5)), (1, Some(0.001))]);
    assert_eq!((read.series("note"), read.warnings()), (vec![], vec![]));
}

#[test]
fn a_log_whose_first_row_is_long_is_found_and_one_that_is_too_long_says_so() {
    let row = |bytes: usize| format!("{{\"step\": 0, \"loss\": 1, \"note\": \"{}\"}}\n", "x".repeat(bytes));
    let long = Log::new("log.jsonl", row(500_000).as_bytes());
    assert_eq!((foreign::look(&long.path()).len(), foreign::refused(&long.path())), (1, None));
    let too_long = Log::new("log.jsonl", row(2 << 20).as_bytes());
    assert_eq!(foreign::look(&too_long.path()).len(), 0);
    let why = foreign::refused(&too_long.path()).unwrap();
    assert!(why.contains("log.jsonl can't be read: its first line is longer than 1 MiB"), "{why}");
}

#[test]
fn a_file_cut_anywhere_is_read_on_without_loss() {
    let whole = b"{\"step\": 0, \"a\": 1}\n{\"step\": 1, \"a\": NaN}\n{\"step\": 2, \"a\": 3}\n";
    for end in 0..whole.len() {
        let log = Log::new("log.jsonl", &whole[..end]);
        let first = log.read(&Mark::default());
        log.append(&whole[end..]);
        let second = log.read(&first.mark);
        let series = [first.series("a"), second.series("a")].concat();
        assert_eq!(series, [(0, Some(1.0)), (1, None), (2, Some(3.0))], "{end}");
        assert_eq!([first.warnings(), second.warnings()].concat(), [""; 0]);
    }
}

#[test]
fn a_number_beyond_all_floats_is_infinite_and_the_rest_is_read() {
    for (name, content) in [
        ("metrics.json", r#"{"step": 3, "loss": 1e400, "acc": 0.5}"#),
        ("metrics.json", r#"[{"step": 3, "loss": 1e400, "acc": 0.5}]"#),
        ("log.jsonl", "{\"step\": 3, \"loss\": 1e400, \"acc\": 0.5}\n"),
    ] {
        let read = Log::new(name, content.as_bytes()).read(&Mark::default());
        let expect = [("loss", f64::INFINITY), ("acc", 0.5)].map(|(key, value)| (key, vec![(3, Some(value))]));
        assert_eq!(["loss", "acc"].map(|key| (key, read.series(key))), expect, "{content}");
        assert_eq!(read.warnings(), [""; 0], "{content}");
    }
}

/// A pipe would keep its reader waiting for ever.
#[test]
#[cfg(unix)]
fn a_pipe_in_the_place_of_a_file_is_not_opened() {
    for (name, content) in [
        ("metrics.csv", "step,loss\n0,1\n"),
        ("metrics.json", "{\"loss\": 1}"),
        ("log.jsonl", "{\"step\": 0, \"loss\": 1}\n"),
    ] {
        let log = Log::new(name, content.as_bytes());
        let before = log.read(&Mark::default());
        assert_eq!(before.series("loss"), [(0, Some(1.0))], "{name}");
        fs::remove_file(log.path()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(log.path()).status().unwrap().success());
        let mut told = Vec::new();
        let read = MetricsFile::new(log.path()).read(&before.mark, &mut |one| {
            told.push(format!("{one:?}"));
            Ok(())
        });
        let said = told.into_iter().chain(read.err().map(|error| error.to_string())).collect::<Vec<_>>();
        assert!(said.iter().any(|said| said.contains("it is no file")), "{name}: {said:?}");
    }
}

#[test]
fn a_run_begins_with_its_first_row_and_ends_with_its_last() {
    let csv = "timestamp,step,loss\n1600000000,0,1\n1600000060.5,1,0.5\n";
    let lines = "{\"step\":0,\"time\":1600000000,\"loss\":1}\n{\"step\":1,\"time\":1600000060.5,\"loss\":1}\n";
    let list = "[{\"step\":0,\"time\":1600000000,\"loss\":1},{\"step\":1,\"time\":1600000060.5,\"loss\":1}]";
    for (name, content) in [("metrics.csv", csv), ("log.jsonl", lines), ("metrics.json", list)] {
        let log = Log::new(name, content.as_bytes());
        let begun = log.read(&Mark::default());
        assert_eq!((begun.heads()[0].created_ms, begun.heads()[0].ended_ms), (1_600_000_000_000, None), "{name}");
        age(&log.path());
        for read in [log.read(&Mark::default()), log.read(&begun.mark)] {
            let head = read.heads()[0];
            assert_eq!((head.created_ms, head.ended_ms), (1_600_000_000_000, Some(1_600_000_060_500)), "{name}");
        }
    }
    // Between a long file's first and last rows nothing is looked at; a last line that is half written is no time.
    let rows: Vec<String> = (0..20_000).map(|row| format!("{},{row},1\n", 1_600_000_000 + row)).collect();
    let log = Log::new("metrics.csv", format!("time,step,loss\n{}160000", rows.concat()).as_bytes());
    age(&log.path());
    let read = log.read(&Mark::default());
    assert_eq!((read.heads()[0].created_ms, read.heads()[0].ended_ms), (1_600_000_000_000, Some(1_600_019_999_000)));
}

#[test]
fn a_run_without_times_began_when_its_file_was_made() {
    let log = Log::new("metrics.csv", b"step,loss\n0,1\n");
    let file = fs::File::options().write(true).open(log.path()).unwrap();
    let in_ms = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    // Not every file system says it: then nobody knows more than when it was changed.
    let made = file.metadata().unwrap().created().ok();
    let changed = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    file.set_modified(changed).unwrap();
    let read = log.read(&Mark::default());
    let expect = (in_ms(made.unwrap_or(changed)), Some(in_ms(changed)));
    assert_eq!((read.heads()[0].created_ms, read.heads()[0].ended_ms), expect);
    // One that was copied is younger than what stands in it.
    age(&log.path());
    assert_eq!(log.read(&Mark::default()).heads()[0].created_ms, 1_700_000_000_000);
}
