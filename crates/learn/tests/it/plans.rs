//! Plans over tables and pictures made here, with every row's part chosen by hand.

use std::{collections::BTreeMap, fs, path::Path};

use api::{
    config::{DataConfig, DataKind, EvaluationConfig, ModelChoice, TrainingConfig},
    dataset::Role,
    evaluation::Task,
    id::RunId,
    worker::{Device, Plan, PlanColumn, PlanData},
};
use data::progress::silent;

pub(crate) const ROWS: usize = 360;

/// Rows go to training, training, validation, test in turn.
fn parts(rows: usize) -> Vec<u8> {
    (0..rows).map(|row| [0, 0, 1, 2][row % 4]).collect()
}

/// Numbers with gaps, instants with gaps, categories; `country` has values and gaps in validation
/// and test that no training row has, and `amount` a gap that training never saw.
pub(crate) fn table() -> String {
    let mut csv = String::from("amount,age,country,at,known,left,plan,spend,rating\n");
    for row in 0..ROWS {
        let mixed = |salt: usize| (((row * 7919 + salt * 104_729) * 2_654_435_761) >> 7) % 1000;
        let (amount, age) = (mixed(1) as f64 / 10.0, 18 + mixed(2) % 60);
        let training = row % 4 < 2;
        let country = match (training, mixed(3) % 4) {
            (_, 0) => "DE",
            (_, 1) => "FR",
            (true, _) => "NL",
            (false, 2) => "unseen",
            (false, _) => "",
        };
        let left = if (amount > 50.0) == (country == "DE") { "yes" } else { "no" };
        let plan = ["basic", "plus", "pro"][(mixed(1) / 100 + mixed(2) / 300) % 3];
        // Rare, and not certain: every fifth row is as its neighbour.
        let rated = if mixed(8) % 5 == 0 { mixed(9) as f64 / 10.0 } else { amount };
        let rating = if rated > 96.0 {
            "top"
        } else if rated > 86.0 {
            "good"
        } else {
            "usual"
        };
        let spend = 10.0 + amount * 0.7 + age as f64 / 3.0;
        let age = if mixed(4) % 7 == 0 { String::new() } else { age.to_string() };
        let amount = if !training && mixed(5) % 11 == 0 { String::new() } else { format!("{amount}") };
        let day = 1 + mixed(6) % 28;
        let at = if mixed(7) % 9 == 0 {
            String::new()
        } else {
            format!("2026-0{}-{day:02}T0{}:30:00Z", 1 + row % 9, row % 10)
        };
        csv.push_str(&format!("{amount},{age},{country},{at},{},{left},{plan},{spend},{rating}\n", row % 3 == 0));
    }
    csv
}

/// A plan in a folder for one of the table's targets.
pub(crate) fn tabular(folder: &Path, target: &str, task: Task, training: TrainingConfig) -> Plan {
    tabular_of(folder, &table(), &parts(ROWS), target, task, training)
}

/// The same with so many more rows, all in validation.
pub(crate) fn with_much_validation(
    folder: &Path,
    more_rows: usize,
    target: &str,
    task: Task,
    training: TrainingConfig,
) -> Plan {
    let table = table();
    let rows = table.lines().skip(1).cycle().take(more_rows).flat_map(|row| [row, "\n"]);
    let csv: String = [table.as_str()].into_iter().chain(rows).collect();
    let parts: Vec<u8> = parts(ROWS).into_iter().chain(std::iter::repeat_n(1, more_rows)).collect();
    tabular_of(folder, &csv, &parts, target, task, training)
}

fn tabular_of(folder: &Path, csv: &str, parts: &[u8], target: &str, task: Task, training: TrainingConfig) -> Plan {
    fs::write(folder.join("rows.csv"), csv).unwrap();
    let config =
        DataConfig { paths: vec!["rows.csv".to_owned()], target: Some(target.to_owned()), ..DataConfig::default() };
    let parquet = folder.join("rows.parquet");
    let files = data::scan::files(folder, &config).unwrap();
    let converted = data::table::convert(&files, &config, &parquet, &mut silent).unwrap();
    let role = |name: &str| match name {
        _ if name == target => Role::Target,
        "left" | "plan" | "spend" | "rating" => Role::Ignored,
        _ => Role::Feature,
    };
    let columns = converted
        .columns
        .iter()
        .map(|(name, kind)| PlanColumn { name: name.clone(), kind: *kind, role: role(name), sensitive: false })
        .collect();
    let data = PlanData {
        kind: DataKind::Table,
        parquet: Some(parquet.display().to_string()),
        folder: None,
        images: Vec::new(),
        parts: folder.join("parts").display().to_string(),
    };
    fs::write(&data.parts, parts).unwrap();
    plan(data, columns, target, task, training)
}

/// A plan over pictures of `channels` and of uneven sizes, in as many classes as asked for.
pub(crate) fn pictures(folder: &Path, classes: usize, coloured: bool, training: TrainingConfig) -> Plan {
    let mut images = Vec::new();
    for index in 0..24 * classes {
        let class = format!("class {}", index % classes);
        fs::create_dir_all(folder.join("images").join(&class)).unwrap();
        let (width, height) = (13 + (index % 5) as u32, 17 - (index % 3) as u32);
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            let value = |salt: u32| {
                ((x * 31 + y * 17 + index as u32 * 101 + salt * 57).wrapping_mul(2_654_435_761) >> 24) as u8
            };
            image::Rgb(if coloured { [value(1), value(2), value(3)] } else { [value(1); 3] })
        });
        let path = format!("{class}/{index}.png");
        picture.save(folder.join("images").join(&path)).unwrap();
        images.push((path, class));
    }
    let data = PlanData {
        kind: DataKind::Images,
        parquet: None,
        folder: Some(folder.join("images").display().to_string()),
        parts: folder.join("parts").display().to_string(),
        images,
    };
    // Parts go round by four, classes by two or three: every part has every class.
    let by_class: Vec<u8> = (0..24 * classes).map(|index| [0, 0, 1, 2][index / classes % 4]).collect();
    fs::write(&data.parts, by_class).unwrap();
    let task = if classes == 2 { Task::BinaryClassification } else { Task::MulticlassClassification };
    plan(data, Vec::new(), "class", task, training)
}

pub(crate) fn training(model: ModelChoice) -> TrainingConfig {
    TrainingConfig { model, device: Device::Cpu, seed: 7, threads: 1, ..TrainingConfig::default() }
}

fn plan(data: PlanData, columns: Vec<PlanColumn>, target: &str, task: Task, training: TrainingConfig) -> Plan {
    Plan {
        protocol: api::PROTOCOL,
        run: RunId::from_bytes([7; 16]),
        project: "test".to_owned(),
        task,
        data,
        columns,
        target: target.to_owned(),
        positive: None,
        training,
        evaluation: EvaluationConfig { bootstrap: 10, ..EvaluationConfig::default() },
        lineage: BTreeMap::new(),
    }
}
