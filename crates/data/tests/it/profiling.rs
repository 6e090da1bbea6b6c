//! Profiles against hand-made and recorded figures, and what `look` proposes for the samples.

use std::{
    fs,
    path::{Path, PathBuf},
};

use api::{
    config::{ColumnType, DataConfig, Ragged, SplitConfig},
    dataset::{Profile, WarningKind},
};
use data::{look, profile, progress::silent, samples, scan, sketch, split, table};

fn profiled(csv: &str, target: Option<&str>) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    profile_of(folder.path(), "a.csv", target)
}

fn profile_of(root: &Path, path: &str, target: Option<&str>) -> Profile {
    let out = tempfile::tempdir().unwrap();
    let config =
        DataConfig { paths: vec![path.to_owned()], target: target.map(str::to_owned), ..DataConfig::default() };
    let parquet = out.path().join("t.parquet");
    table::convert(&scan::files(root, &config).unwrap(), &config, &parquet, &mut silent).unwrap();
    profile::profile(&parquet, &config, &mut silent).unwrap()
}

#[test]
fn values_at_the_ends_of_the_range_have_a_profile_of_finite_figures() {
    let rows: String =
        (0..40).map(|row| format!("{},{row}\n", ["1.7e308", "-1.7e308", "3", "1e200"][row % 4])).collect();
    let profile = profiled(&format!("x,y\n{rows}"), Some("y"));
    let text = serde_json::to_string(&profile).unwrap();
    let again: Profile = serde_json::from_str(&text).unwrap();
    let numeric = again.columns[0].numeric.as_ref().unwrap();
    assert_eq!((numeric.min, numeric.max), (-1.7e308, 1.7e308));
    assert!(numeric.mean.is_finite() && numeric.std.is_finite(), "{text}");
    assert!(numeric.quantiles.is_sorted_by_key(|(_, value)| *value), "{text}");
    assert!(numeric.histogram.edges.is_sorted() && numeric.histogram.counts.iter().sum::<u64>() == 40, "{text}");
}

#[test]
fn values_of_both_signs_at_the_ends_have_a_middle_and_can_be_merged() {
    let (mut values, mut moments) = (sketch::Quantiles::default(), sketch::Moments::default());
    for row in 0..300 {
        let value = [1.7e308, -1.7e308][row % 2];
        values.see(value);
        let mut one = sketch::Moments::default();
        one.see(value);
        moments.merge(&one);
    }
    assert_eq!(values.finish().quantile(0.5), 0.0);
    assert!((moments.mean() / 1.7e308).abs() < 1e-9 && moments.std() == f64::MAX, "{moments:?}");
    // Beyond what is kept exactly.
    let mut many = sketch::Quantiles::default();
    (0..60_000).for_each(|row| many.see([1.7e308, -1.7e308][row % 2] * (1.0 - row as f64 / 1e6)));
    let many = many.finish();
    assert!(!many.is_exact());
    for share in [0.0, 0.01, 0.25, 0.499, 0.5, 0.75, 1.0] {
        assert!(many.quantile(share).is_finite(), "{share}: {}", many.quantile(share));
    }
    for value in [-1.7e308, -1.0, 0.0, 1.0, 1.69e308] {
        assert!((0.0..=60_000.0).contains(&many.rank(value)), "{value}: {}", many.rank(value));
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects").join(name)
}

fn close(left: f64, right: f64) {
    assert!((left - right).abs() <= 1e-9 * right.abs().max(1.0), "{left} is not {right}");
}

#[test]
fn penguins_as_pandas_describes_them() {
    // pandas.read_csv("penguins.csv").describe(percentiles=[.25, .5, .75]); .nunique(); .isna().sum()
    let profile = profile_of(&sample("penguins"), "penguins.csv", Some("species"));
    assert_eq!((profile.rows, profile.duplicate_rows), (344, Some(0)));
    let mass = profile.columns.iter().find(|column| column.name == "body_mass_g").unwrap();
    assert_eq!((mass.kind, mass.count, mass.missing, mass.distinct), (ColumnType::Integer, 342, 2, 94));
    close(mass.missing_share(), 2.0 / 344.0);
    let numeric = mass.numeric.as_ref().unwrap();
    close(numeric.mean, 4201.754385964912);
    close(numeric.std, 801.9545356980955);
    let quantile = |share: f64| numeric.quantiles.iter().find(|(at, _)| *at == share).unwrap().1;
    assert_eq!([quantile(0.25), quantile(0.5), quantile(0.75)], [3550.0, 4050.0, 4750.0]);
    assert_eq!(numeric.histogram.counts.iter().sum::<u64>(), 342);
    let sex = profile.columns.iter().find(|column| column.name == "sex").unwrap();
    assert_eq!((sex.missing, sex.top[0].value.as_str(), sex.top[0].count), (11, "male", 168));
    let association =
        |name: &str| profile.columns.iter().find(|column| column.name == name).unwrap().target_association.unwrap();
    let (flipper, year) = (association("flipper_length_mm"), association("year"));
    assert!(flipper > 0.6 && year < 0.2, "{flipper} {year}");
}

#[test]
fn bars_of_whole_numbers_hold_equally_many_of_them() {
    let csv = |values: &mut dyn Iterator<Item = i64>| {
        let rows: String = values.map(|value| format!("{value}\n")).collect();
        profiled(&format!("n\n{rows}"), None).columns.remove(0).numeric.unwrap().histogram
    };
    let hours = csv(&mut (0..240).map(|row| row % 24));
    assert_eq!((hours.edges.len(), hours.edges[0], hours.edges[24]), (25, -0.5, 23.5));
    assert_eq!(hours.counts, [10; 24]);
    // 100 numbers in at most 30 bars: four in each.
    let wide = csv(&mut (0..1000).map(|row| row % 100));
    assert_eq!((wide.edges.len(), wide.edges[0], wide.edges[25]), (26, -0.5, 99.5));
    assert!(wide.edges.windows(2).all(|edges| edges[1] - edges[0] == 4.0), "{:?}", wide.edges);
    assert!(wide.counts.iter().all(|count| *count > 0), "{:?}", wide.counts);
    assert_eq!(wide.counts.iter().sum::<u64>(), 1000);
}

#[test]
fn values_far_out_share_an_outermost_bar_and_leave_room_to_the_others() {
    let bars = |rows: String| profiled(&format!("n\n{rows}"), None).columns.remove(0).numeric.unwrap().histogram;
    // Half of the rows are below 1, one of 20 is above 19, and the last is near 4,000.
    let share = |row: u32| (f64::from(row) + 0.5) / 2000.0;
    let skewed = bars((0..2000).map(|row| format!("{}\n", 1.0 / (1.0 - share(row)) - 1.0)).collect());
    assert_eq!((skewed.edges.len(), skewed.counts.iter().sum::<u64>()), (32, 2000));
    assert!((18.0..20.0).contains(&skewed.edges[30]) && skewed.edges[31] > 3900.0, "{:?}", skewed.edges);
    assert!((95..=105).contains(&skewed.counts[30]) && skewed.counts[0] < 800, "{:?}", skewed.counts);
    // Whole numbers keep their bars; the one far out has its own.
    let whole = bars((0..1000).map(|row| format!("{}\n", row % 100)).chain(["1000000\n".to_owned()]).collect());
    assert_eq!((whole.edges.len(), whole.edges[0], whole.edges[25], whole.edges[26]), (27, -0.5, 99.5, 1_000_000.5));
    assert_eq!((whole.counts[24], whole.counts[25]), (40, 1));
    // What two equal heaps of rows share is no tail.
    let heaps = bars((0..1000).map(|row| format!("{}\n", f64::from(row % 50 + row % 2 * 900) + 0.25)).collect());
    assert_eq!(heaps.edges.len(), 31);
}

#[test]
fn warnings_name_what_is_wrong() {
    let mut csv = "id,constant,empty,leak,noise,y\n".to_owned();
    for row in 0..400_u32 {
        let y = row.wrapping_mul(2_654_435_761) >> 31;
        let noise = row.wrapping_mul(40_503) % 97;
        csv.push_str(&format!("u{row},1,,{},{noise},{y}\n", if y == 1 { "paid back" } else { "open" }));
    }
    let profile = profiled(&csv, Some("y"));
    let of = |kind| {
        profile
            .warnings
            .iter()
            .filter(|warning| warning.kind == kind)
            .filter_map(|warning| warning.column.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(WarningKind::Leakage), ["leak"]);
    assert_eq!(of(WarningKind::Constant), ["constant"]);
    assert_eq!(of(WarningKind::AllMissing), ["empty"]);
    assert_eq!(of(WarningKind::LooksLikeId), ["id"]);
    let association =
        |name: &str| profile.columns.iter().find(|column| column.name == name).unwrap().target_association;
    assert!(association("id").unwrap() < 0.2 && association("noise").unwrap() < 0.35, "{:?}", association("noise"));
}

#[test]
fn sketches_keep_their_promises_and_merge() {
    let (mut whole, mut left, mut right) =
        (sketch::Quantiles::default(), sketch::Quantiles::default(), sketch::Quantiles::default());
    let (mut distinct, mut part) = (sketch::Distinct::default(), sketch::Distinct::default());
    for index in 0..200_000_u64 {
        // A permutation of 0 .. 200,000: 7919 has no factor in common with it.
        let value = (index * 7919 % 200_000) as f64;
        whole.see(value);
        if index % 2 == 0 {
            left.see(value)
        } else {
            right.see(value)
        }
        let hash = u64::from_le_bytes(blake3::hash(&index.to_le_bytes()).as_bytes()[..8].try_into().unwrap());
        if index % 2 == 0 { distinct.see(hash) } else { part.see(hash) }
    }
    left.merge(&right);
    distinct.merge(&part);
    assert!((distinct.count() as f64 - 200_000.0).abs() < 200_000.0 * 0.03, "{}", distinct.count());
    for distribution in [whole.finish(), left.finish()] {
        for share in [0.01, 0.25, 0.5, 0.75, 0.99] {
            let error = (distribution.quantile(share) / 200_000.0 - share).abs();
            assert!(error < 0.003, "{share}: {error}");
        }
        assert!((distribution.rank(50_000.0) - 50_000.0).abs() < 600.0);
    }
    let mut frequent = sketch::Frequent::default();
    for index in 0..100_000 {
        frequent.see(&format!("rare {index}"));
        if index % 10 == 0 {
            frequent.see("common")
        }
    }
    assert_eq!(frequent.top(1)[0].0, "common");
}

/// As of sums of money: most rows have none, the others each their own.
#[test]
fn a_number_that_comes_often_among_many_others_keeps_its_share_of_the_rows() {
    let mut values = sketch::Quantiles::default();
    for row in 0..100_000_u32 {
        // 7919 has no factor in common with 100,000: each share of the rows comes spread over them.
        let place = row.wrapping_mul(7919) % 100_000;
        values.see(match place {
            0..30_000 => -1.0 - f64::from(place) / 30_000.0,
            30_000..70_000 => 0.0,
            _ => 1.0 + f64::from(place - 70_000) / 30_000.0,
        });
    }
    let values = values.finish();
    assert!(!values.is_exact());
    for share in [0.32, 0.4, 0.5, 0.6, 0.68] {
        assert_eq!(values.quantile(share), 0.0, "{share}");
    }
    assert!(values.quantile(0.29) < -1.0 && values.quantile(0.71) > 1.0);
    assert!((values.rank(0.0) - 70_000.0).abs() < 200.0, "{}", values.rank(0.0));
    assert!((values.rank(-0.5) - 30_000.0).abs() < 500.0, "{}", values.rank(-0.5));
}

#[test]
fn samples_are_looked_at_as_their_files_say() {
    for (name, target) in [("penguins", "species"), ("breast-cancer", "diagnosis"), ("diabetes", "progression")] {
        let looked = look::look(&[sample(name)], Ragged::Error).unwrap();
        assert_eq!(looked.proposal.data.target.as_deref(), Some(target), "{:?}", looked.columns);
        assert!(looked.problems.is_empty(), "{:?}", looked.problems);
    }
    let digits = look::look(&[sample("digits")], Ragged::Error).unwrap();
    assert_eq!(
        digits.found[0],
        "1,797 images in 10 folders, which are their classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; 8 × 8 pixels"
    );
    assert_eq!((digits.rows, digits.proposal.data.paths), (Some(1797), vec!["images".to_owned()]));
}

#[test]
fn what_other_tools_left_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rows.csv"), "id,y\n1,a\n2,b\n").unwrap();
    assert_eq!(look::look(&[folder.path()], Ragged::Error).unwrap().found.len(), 1);
    for name in ["dvc.yaml", "MLproject", "train.py", "clean.R"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join("mlruns")).unwrap();
    let found = look::look(&[folder.path()], Ragged::Error).unwrap().found;
    assert_eq!(
        found[1..],
        [
            "A DVC project; its data files are read where they lie, its pipeline is left alone",
            "MLflow runs; they stay where they are, and are not read",
            "An MLproject; run its entry points with `slipway exec -- COMMAND`",
            "2 scripts, such as clean.R; track their runs with `slipway exec -- COMMAND`",
        ]
    );
}

#[test]
fn what_is_taken_from_the_inputs_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..60)
        .map(|row| format!("k{row},2024-01-{:02},{},{}", row % 28 + 1, row % 7, ["ja", "nein"][row % 2]))
        .collect();
    fs::write(folder.path().join("rows.csv"), format!("kunden_id,Datum,menge,verkauft\n{}\n", rows.join("\n")))
        .unwrap();
    let looked = look::look(&[folder.path()], api::config::Ragged::default()).unwrap();
    assert_eq!(looked.proposal.data.timestamp.as_deref(), Some("Datum"));
    assert_eq!(
        looked.found[1..],
        [
            "\"Datum\" is taken as the time of a row: rows are split by it, and it is no input",
            "\"kunden_id\" looks like an id, and is no input",
        ]
    );
}

#[test]
fn a_column_that_can_teach_nothing_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> =
        (0..60).map(|row| format!("{},,{},{}", 1000 + row, row % 7, ["ja", "nein"][row % 2])).collect();
    fs::write(folder.path().join("rows.csv"), format!("Nr,leer,menge,verkauft\n{}\n", rows.join("\n"))).unwrap();
    let looked = look::look(&[folder.path()], Ragged::Error).unwrap();
    // A running number is not taken out without being asked for: it may be what counts.
    assert!(looked.proposal.data.ignore.is_empty(), "{:?}", looked.proposal.data.ignore);
    let doubt = |name: &str| looked.columns.iter().find(|column| column.name == name).unwrap().doubt;
    assert_eq!(
        ["Nr", "leer", "menge", "verkauft"].map(doubt),
        [Some(WarningKind::LooksLikeId), Some(WarningKind::AllMissing), None, None]
    );
    // More values than are counted: a running number is known by its rising, a code by no value that came twice.
    let row = |row: usize| {
        format!("{};B2024-{row:05};{};Kunde {}", 1000 + row, (row * 7919) % 100_003, (row % 1500).saturating_sub(1))
    };
    let rows: Vec<String> = (0..3000).map(row).collect();
    fs::write(folder.path().join("rows.csv"), format!("Nr;Bestellung;betrag;Kunde\n{}\n", rows.join("\n"))).unwrap();
    let columns = look::look(&[folder.path()], Ragged::Error).unwrap().columns;
    let doubtful = columns.iter().filter_map(|one| Some((one.name.as_str(), one.why_doubtful()?)));
    let mut doubtful: Vec<(&str, &str)> = doubtful.collect();
    doubtful.sort_unstable();
    assert_eq!(
        doubtful,
        [
            ("Bestellung", "has more than a thousand different values, as an id has"),
            ("Nr", "looks like a running number or an id"),
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_and_locked_folders_are_problems_and_not_the_end() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("good.csv"), "id,y\n1,a\n2,b\n").unwrap();
    fs::write(elsewhere.path().join("far.csv"), "id,y\n1,a\n2,b\n").unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("circle")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    let looked = look::look(&[folder.path()], Ragged::Error).unwrap();
    assert_eq!(looked.proposal.data.paths, ["good.csv"]);
    let said: Vec<&str> = looked.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(
        matches!(said.as_slice(), [one] if one.contains("\"link/far.csv\" leaves the project's folder")),
        "{said:?}"
    );
}

#[test]
fn what_is_dropped_together_is_looked_at_as_one_project() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, rows) in [("a.csv", "x,y\n1,a\n2,b\n"), ("b.csv", "x,y\n3,a\n"), ("more/c.csv", "x,y\n4,b\n")] {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), rows).unwrap();
    }
    let two = look::look(&[at("a.csv"), at("b.csv")], Ragged::Error).unwrap();
    assert_eq!((two.proposal.name.as_str(), two.rows), ("a", Some(3)));
    assert_eq!(two.proposal.data.paths, ["a.csv", "b.csv"]);
    let with_folder = look::look(&[at("b.csv"), at("more")], Ragged::Error).unwrap();
    assert_eq!(with_folder.proposal.data.paths, ["b.csv", "more/c.csv"]);
    assert_eq!((with_folder.proposal.name.as_str(), with_folder.rows), ("b", Some(2)));
    // A folder alone is the project: its name is no part of the paths.
    assert_eq!(look::look(&[at("more")], Ragged::Error).unwrap().proposal.data.paths, ["c.csv"]);
}

#[test]
fn a_bad_file_is_a_problem_and_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.csv"), "id,y\n1,a\n2,b\n").unwrap();
    fs::write(folder.path().join("ragged.csv"), "a,b\n1\n").unwrap();
    let looked = look::look(&[folder.path()], Ragged::Error).unwrap();
    assert_eq!(looked.proposal.data.paths, ["good.csv"]);
    assert!(looked.problems[0].message.contains("ragged.csv, line 2"), "{:?}", looked.problems);
    assert!(looked.ragged_lines);
}

#[test]
fn ragged_lines_are_left_out_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "a,b\n1,2\n1,2,3\n4,5\n").unwrap();
    let stopped = look::look(&[folder.path()], Ragged::Error).unwrap();
    assert!(stopped.ragged_lines && stopped.columns.is_empty() && stopped.proposal.data.paths.is_empty());
    let skipped = look::look(&[folder.path()], Ragged::Skip).unwrap();
    assert!(!skipped.ragged_lines && skipped.problems.is_empty(), "{:?}", skipped.problems);
    assert_eq!((skipped.proposal.data.ragged, skipped.rows), (Ragged::Skip, Some(2)));
    assert_eq!(skipped.proposal.data.paths, ["a.csv"]);
}

/// Such names are possible on Linux; macOS' own file system refuses them.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_is_a_problem_that_says_so() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"d\xff.csv")), "a,b\n1,2\n").unwrap();
    let looked = look::look(&[folder.path()], Ragged::Error).unwrap();
    assert!(looked.proposal.data.paths.is_empty(), "{:?}", looked.proposal.data.paths);
    let [problem] = looked.problems.as_slice() else { panic!("{:?}", looked.problems) };
    assert!(problem.message.contains("not UTF-8"), "{problem}");
    assert_eq!(problem.hint.as_deref(), Some("Rename it."));
}

#[test]
fn the_generator_keeps_its_promises() {
    let make = |seed| {
        let folder = tempfile::tempdir().unwrap();
        samples::card_fraud(seed, folder.path(), &mut data::progress::silent).unwrap();
        folder
    };
    let (first, again, other) = (make(1), make(1), make(2));
    for period in ["data", "second-period"] {
        let bytes =
            |folder: &tempfile::TempDir| fs::read(folder.path().join(period).join("transactions.parquet")).unwrap();
        assert_eq!(bytes(&first), bytes(&again));
        assert_ne!(bytes(&first), bytes(&other));
    }
    let config = DataConfig {
        paths: vec!["data".to_owned()],
        target: Some("is_fraud".to_owned()),
        timestamp: Some("timestamp".to_owned()),
        ..DataConfig::default()
    };
    let parquet = first.path().join("t.parquet");
    let converted =
        table::convert(&scan::files(first.path(), &config).unwrap(), &config, &parquet, &mut silent).unwrap();
    assert_eq!(converted.rows, 540_000);
    let assigned = split::assign(&parquet, &config, &SplitConfig::default(), None).unwrap();
    let mut frauds = [0_u64; 4];
    let mut row = 0;
    for batch in table::batches(&parquet, Some(&["is_fraud"])).unwrap() {
        let batch = batch.unwrap();
        let values = data::column::Values::of(batch.column(0)).unwrap();
        for at in 0..batch.num_rows() {
            frauds[usize::from(assigned.parts[row])] += u64::from(values.number(at) == Some(1.0));
            row += 1;
        }
    }
    let share = frauds.iter().sum::<u64>() as f64 / 540_000.0;
    assert!((0.003..=0.005).contains(&share), "{share}");
    assert!(frauds[2] >= 500, "{frauds:?}");

    let before = profile::profile(&parquet, &config, &mut silent).unwrap();
    let leaks = before.warnings.iter().filter(|warning| warning.kind == WarningKind::Leakage).count();
    assert_eq!(leaks, 0, "{:?}", before.warnings);
    let strongest = before.columns.iter().filter_map(|column| column.target_association).fold(0.0, f64::max);
    assert!(strongest < 0.6, "no column alone finds fraud: {strongest}");
    let after = profile_of(first.path(), "second-period", Some("is_fraud"));
    let mean = |profile: &Profile, name: &str| {
        profile.columns.iter().find(|column| column.name == name).unwrap().numeric.as_ref().unwrap().mean
    };
    // Each amount is 1.6 times higher, and more of them are paid for dearer things.
    let dearer = mean(&after, "amount") / mean(&before, "amount");
    assert!((1.7..1.95).contains(&dearer), "{dearer}");
    // Up to five hours later, some of them past midnight.
    let later = mean(&after, "hour") - mean(&before, "hour");
    assert!((1.0..3.5).contains(&later), "{later}");
    // What the model learned of fraud stays: ratios, distances and measures are as before.
    for name in ["amount_ratio", "distance_km", "payments_last_day", "card_age_days"] {
        let ratio = mean(&after, name) / mean(&before, name);
        assert!((0.95..1.05).contains(&ratio), "{name}: {ratio}");
    }
    let merchants =
        |profile: &Profile| profile.columns.iter().find(|column| column.name == "merchant").unwrap().distinct;
    assert_eq!((merchants(&before), merchants(&after)), (100, 140), "forty merchants are new");
    assert_eq!(after.rows, 90_000);
    assert!(after.columns.iter().all(|column| column.distinct <= column.count), "an estimate is above the rows");
    let after_share = after.columns.iter().find(|column| column.name == "is_fraud").unwrap();
    let frauds = after_share.top.iter().find(|value| value.value == "1").unwrap().count as f64 / 90_000.0;
    assert!((0.003..=0.005).contains(&frauds), "{frauds}");
}
