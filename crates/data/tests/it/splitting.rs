//! Splits: shares, what stays together, inheritance, determinism, and targets that can't be split.

use std::{collections::HashMap, fs, path::PathBuf};

use api::config::{DataConfig, SplitConfig, SplitMethod};
use data::{
    error::DataError,
    progress::silent,
    scan,
    split::{self, Assigned, LEFT_OUT, TEST, TRAINING, VALIDATION},
    split_record::SplitRecord,
    table,
};

struct Table {
    folder: tempfile::TempDir,
    config: DataConfig,
}

fn table(csv: &str, change: impl FnOnce(&mut DataConfig)) -> Table {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    let mut config =
        DataConfig { paths: vec!["a.csv".to_owned()], target: Some("y".to_owned()), ..DataConfig::default() };
    change(&mut config);
    let files = scan::files(folder.path(), &config).unwrap();
    table::convert(&files, &config, &folder.path().join("t.parquet"), &mut silent).unwrap();
    Table { folder, config }
}

impl Table {
    fn parquet(&self) -> PathBuf {
        self.folder.path().join("t.parquet")
    }
    fn split(&self, previous: Option<&SplitRecord>) -> Result<Assigned, DataError> {
        split::assign(&self.parquet(), &self.config, &SplitConfig::default(), previous)
    }
}

fn rows(range: std::ops::Range<u32>) -> String {
    let rows: String = range
        .map(|row| {
            format!(
                "{row},{},{},2026-01-01T00:{:02}:{:02}\n",
                row / 10,
                u32::from(row % 10 == 0),
                row / 60 % 60,
                row % 60
            )
        })
        .collect();
    format!("x,g,y,t\n{rows}")
}

#[test]
fn stratified_by_default_and_deterministic() {
    let table = table(&rows(0..1000), |_| {});
    let first = table.split(None).unwrap();
    assert_eq!(first.method, SplitMethod::Stratified);
    assert_eq!(first.counts, [650, 150, 200, 0]);
    let positives = |part| first.parts.iter().enumerate().filter(|(row, at)| row % 10 == 0 && **at == part).count();
    assert_eq!([positives(TRAINING), positives(VALIDATION), positives(TEST)], [65, 15, 20]);
    assert_eq!(first, table.split(None).unwrap());
    let other_seed = SplitConfig { seed: 1, ..SplitConfig::default() };
    assert_ne!(first.parts, split::assign(&table.parquet(), &table.config, &other_seed, None).unwrap().parts);
}

#[test]
fn at_random_by_share_alone() {
    let by = |method, seed| SplitConfig { method, seed, ..SplitConfig::default() };
    let table = table(&rows(0..2000), |_| {});
    let split = |seed| split::assign(&table.parquet(), &table.config, &by(SplitMethod::Random, seed), None).unwrap();
    let (first, other) = (split(0), split(1));
    assert_eq!((first.method, first.counts), (SplitMethod::Random, [1300, 300, 400, 0]));
    assert_eq!(first, split(0));
    assert_ne!(first.parts, other.parts);
    // Each row goes its own way: of the rows that one seed tests, another tests a fifth.
    let both = first.parts.iter().zip(&other.parts).filter(|(one, two)| **one == TEST && **two == TEST).count();
    assert!((50..=110).contains(&both), "{both} of 400 rows are tested by both seeds");
    // Classes are not balanced, as a stratified split does to the row.
    let positives = |assigned: &Assigned| {
        assigned.parts.iter().enumerate().filter(|(row, part)| row % 10 == 0 && **part == TEST).count()
    };
    let found: Vec<usize> = (0..6).map(|seed| positives(&split(seed))).collect();
    assert!(found.iter().any(|count| *count != 40), "{found:?}");
    assert!(found.iter().all(|count| (20..=60).contains(count)), "{found:?}");
    // A number to predict is split at random where nothing else is named.
    let numbers = crate::splitting::table(&rows(0..300).replace("x,g,y,t", "y,g,z,t"), |_| {});
    assert_eq!(numbers.split(None).unwrap().method, SplitMethod::Random);
}

#[test]
fn the_order_of_rows_has_no_say() {
    let text = rows(0..200);
    let (header, body) = text.split_once('\n').unwrap();
    let reversed: Vec<&str> = body.lines().rev().collect();
    let forward = table(&text, |_| {}).split(None).unwrap();
    let mut backward = table(&format!("{header}\n{}\n", reversed.join("\n")), |_| {}).split(None).unwrap().parts;
    backward.reverse();
    assert_eq!(forward.parts, backward);
}

#[test]
fn by_time_the_latest_test() {
    let assigned = table(&rows(0..1000), |config| config.timestamp = Some("t".to_owned())).split(None).unwrap();
    assert_eq!(assigned.method, SplitMethod::Time);
    assert!(assigned.parts[..650].iter().all(|part| *part == TRAINING));
    assert!(assigned.parts[650..800].iter().all(|part| *part == VALIDATION));
    assert!(assigned.parts[800..].iter().all(|part| *part == TEST));
}

#[test]
fn rows_without_a_time_are_the_oldest_and_said_where_they_are() {
    let said = |untimed: u32| {
        let rows: String = (0..100)
            .map(|row| {
                let time = if row < untimed {
                    String::new()
                } else {
                    format!("2026-01-01T00:{:02}:{:02}", row / 60, row % 60)
                };
                format!("{row},{},{time}\n", row % 2)
            })
            .collect();
        let assigned =
            table(&format!("x,y,t\n{rows}"), |config| config.timestamp = Some("t".to_owned())).split(None).unwrap();
        assert_eq!(assigned.counts, [65, 15, 20, 0]);
        assigned.notes
    };
    assert_eq!(said(10), ["10 rows are without a time put into training."]);
    assert_eq!(
        said(70),
        ["65 rows are without a time put into training.", "5 rows are without a time put into validation."]
    );
}

#[test]
fn groups_stay_together() {
    let assigned = table(&rows(0..1000), |config| config.group = Some("g".to_owned())).split(None).unwrap();
    assert_eq!(assigned.method, SplitMethod::Group);
    assert!(assigned.parts.chunks(10).all(|group| group.iter().all(|part| *part == group[0])));
    assert_eq!(assigned.counts, [650, 150, 200, 0]);
}

#[test]
fn rows_without_a_group_stand_by_themselves() {
    let group = |row: u32| if row < 600 { String::new() } else { format!("g{}", row / 10) };
    let rows: String = (0..1000).map(|row| format!("{row},{},{}\n", group(row), row % 2)).collect();
    let table = table(&format!("x,g,y\n{rows}"), |config| config.group = Some("g".to_owned()));
    let assigned = table.split(None).unwrap();
    for part in [TRAINING, VALIDATION, TEST] {
        assert!(assigned.parts[..600].contains(&part), "{:?}", assigned.counts);
    }
    assert!(assigned.parts[600..].chunks(10).all(|group| group.iter().all(|part| *part == group[0])));
}

/// Large groups overshoot a share: they may not take all there is.
#[test]
fn groups_of_unequal_size_leave_something_in_each_part() {
    for sizes in [&[94, 3, 3][..], &[3, 3, 94][..], &[45, 45, 5, 5][..], &[30, 30, 30, 5, 5][..]] {
        let groups = sizes.iter().enumerate().flat_map(|(group, size)| std::iter::repeat_n(group, *size));
        let rows: String =
            groups.clone().enumerate().map(|(row, group)| format!("{row},{group},{}\n", row % 2)).collect();
        let table = table(&format!("x,g,y\n{rows}"), |config| config.group = Some("g".to_owned()));
        for seed in 0..12 {
            let config = SplitConfig { seed, ..SplitConfig::default() };
            let assigned = split::assign(&table.parquet(), &table.config, &config, None).unwrap();
            assert!(assigned.counts[..3].iter().all(|rows| *rows > 0), "{sizes:?}, seed {seed}: {:?}", assigned.counts);
            let large = groups.clone().zip(&assigned.parts).find(|(group, _)| sizes[*group] > 50);
            assert!(large.is_none_or(|(_, part)| *part == TRAINING), "{sizes:?}, seed {seed}: {:?}", assigned.counts);
        }
    }
}

#[test]
fn equal_rows_stay_together_and_rows_without_target_are_left_out() {
    let mut text = "x,y\n".to_owned();
    for row in 0..300 {
        text.push_str(&format!("{},{}\n", row % 60, row % 3));
    }
    text.push_str("7,\n8,NA\n");
    let assigned = table(&text, |_| {}).split(None).unwrap();
    let mut parts: HashMap<(usize, usize), u8> = HashMap::new();
    for row in 0..300 {
        assert_eq!(*parts.entry((row % 60, row % 3)).or_insert(assigned.parts[row]), assigned.parts[row]);
    }
    assert_eq!(assigned.parts[300..], [LEFT_OUT, LEFT_OUT]);
    assert_eq!(assigned.record.len(), 60);
    assert!(assigned.notes.iter().any(|note| note == "2 rows are without a target left out."), "{:?}", assigned.notes);
}

#[test]
fn known_rows_keep_their_part() {
    let before = table(&rows(0..500), |_| {}).split(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split");
    before.record.write(&path).unwrap();
    let record = SplitRecord::read(&path).unwrap();
    assert_eq!(record, before.record);
    // The new file has its rows first, and a decimal that widens the column of integers.
    let (old, new) = (rows(0..500), rows(500..1000));
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    let text = format!("x,g,y,t\n{}0.5,0,1,2026-02-01\n{}", body(&new), body(&old));
    let after = table(&text, |_| {}).split(Some(&record)).unwrap();
    assert_eq!(after.inherited, 500);
    assert_eq!(after.parts[501..], before.parts);
    assert_eq!(after.record.len(), 1001);
    assert!(
        (i64::try_from(after.counts[2]).unwrap() - 200).abs() <= 1,
        "the share is met over old and new: {:?}",
        after.counts
    );

    fs::write(&path, &record.to_bytes()[..100]).unwrap();
    assert!(matches!(SplitRecord::read(&path).unwrap_err(), DataError::SplitRecord { .. }));
}

#[test]
fn later_rows_that_train_are_said() {
    let by_time = |rows: String| table(&rows, |config| config.timestamp = Some("t".to_owned()));
    let said =
        |assigned: &Assigned| assigned.notes.iter().any(|note| note.contains("though later than the first that tests"));
    let before = by_time(rows(0..500)).split(None).unwrap();
    assert!(!said(&before), "{:?}", before.notes);
    let after = by_time(rows(0..1000)).split(Some(&before.record)).unwrap();
    // The newest 100 join the test part, which keeps its rows 400 to 499.
    let later = (500..1000).filter(|row| after.parts[*row] == TRAINING).count();
    assert!(later > 0);
    assert!(
        after.notes.iter().any(|note| note.starts_with(&format!("{later} rows are in training though"))),
        "{:?}",
        after.notes
    );
    let anew = by_time(rows(0..1000)).split(None).unwrap();
    assert!(!said(&anew), "{:?}", anew.notes);
}

#[test]
fn parts_files_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parts");
    split::write_parts(&path, &[0, 1, 2, 3]).unwrap();
    assert_eq!(split::read_parts(&path).unwrap(), [0, 1, 2, 3]);
}

#[test]
fn targets_that_cannot_be_learned() {
    let failed = |text: &str| table(text, |_| {}).split(None).unwrap_err();
    let of = |value: fn(u32) -> String| {
        (0..30).fold("x,y\n".to_owned(), |text, row| format!("{text}{row},{}\n", value(row)))
    };
    let check = |text: &str, message: &str, hint: &str| {
        let error = failed(text);
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
    };
    let other = "Choose another target, or add rows with other values of it.";
    check(&of(|_| String::new()), "The target \"y\" is missing in all 30 rows.", other);
    check(
        &of(|_| "a".to_owned()),
        "The target \"y\" has the value \"a\" in all 30 rows: there is nothing to learn.",
        other,
    );
    // Rows without a target don't make a constant one less constant.
    check(
        &of(|row| if row % 2 == 0 { "a".to_owned() } else { String::new() }),
        "The target \"y\" has the value \"a\" in all 15 rows: there is nothing to learn.",
        other,
    );
    let three = "at least 3 are needed, one each to train, validate and test.";
    check(
        "x,y\n1,a\n2,b\n3,c\n4,d\n",
        &format!("The class \"a\" of the target \"y\" has 1 distinct row; {three}"),
        "Add rows of that class, or remove it from the data.",
    );
    check(
        &of(|row| if row < 2 { "rare".to_owned() } else { "common".to_owned() }),
        &format!("The class \"rare\" of the target \"y\" has 2 distinct rows; {three}"),
        "Add rows of that class",
    );
    let missing = table("x,z\n1,a\n2,b\n", |_| {}).split(None).unwrap_err();
    assert_eq!(missing.to_string(), "The data has no column \"y\"; it has \"x\", \"z\".");
}
