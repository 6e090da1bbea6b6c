//! What the queue admits a training by is what it takes.

use std::{path::Path, thread, time::Duration};

use api::{
    config::{ModelChoice, TrainingConfig},
    dataset::Column,
    evaluation::Task,
};
use data::memory::{Content, of_training};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::runs::{TestRun, customers, training};

/// Runs to the end; the most that the worker had resident, looked at all the time from outside.
fn peak(run: &TestRun) -> u64 {
    let mut worker = run.start();
    let (mut system, mut peak) = (System::new(), 0);
    let process = Pid::from_u32(worker.id());
    while worker.try_wait().unwrap().is_none() {
        let wanted = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), true, wanted);
        peak = system.process(process).map_or(0, sysinfo::Process::memory).max(peak);
        thread::sleep(Duration::from_millis(5));
    }
    run.evaluation();
    peak
}

fn compare(what: &str, estimate: u64, peak: u64) {
    println!("{what}: estimated {} MB, took {} MB", estimate >> 20, peak >> 20);
    assert!(estimate < 2 * peak && peak < 2 * estimate, "{what}: estimated {estimate}, took {peak}");
}

#[test]
fn the_estimate_is_within_twice_of_what_a_large_table_takes() {
    let csv = customers(300_000, 1);
    for model in [ModelChoice::Trees, ModelChoice::Linear, ModelChoice::Mlp] {
        let config = TrainingConfig { rounds: Some(12), epochs: Some(1), ..training(model) };
        let run = TestRun::table(&csv, "left", Task::BinaryClassification, config.clone(), 0);
        let column = |column: &api::worker::PlanColumn| Column {
            name: column.name.clone(),
            kind: column.kind,
            role: column.role,
        };
        let columns: Vec<Column> = run.plan().columns.iter().map(column).collect();
        let estimate = of_training(&config, Content::Table { rows: 300_000, columns: &columns });
        compare(&format!("{model:?} on a table"), estimate, peak(&run));
    }
}

#[test]
fn the_estimate_is_within_twice_of_what_pictures_take() {
    for (model, count, width, height) in [
        (ModelChoice::Cnn, 400, 80, 70),
        (ModelChoice::Cnn, 1000, 28, 28),
        (ModelChoice::Linear, 3000, 64, 64),
        (ModelChoice::Mlp, 3000, 64, 64),
    ] {
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path(), count, width, height);
        let config = TrainingConfig { epochs: Some(1), ..training(model) };
        let run = TestRun::images(folder.path(), config.clone(), 0);
        let sides = data::images::sides(&run.path().join("rows.parquet")).unwrap();
        assert_eq!(sides, Some((width, height)));
        let estimate = of_training(&config, Content::Images { images: u64::from(count), sides });
        compare(&format!("{model:?} on {count} pictures of {width} × {height}"), estimate, peak(&run));
    }
}

/// Coloured pictures of two classes, one brighter.
fn pictures(folder: &Path, count: u32, width: u32, height: u32) {
    for class in ["dark", "light"] {
        std::fs::create_dir(folder.join(class)).unwrap();
    }
    for index in 0..count {
        let (class, base) = if index % 2 == 0 { ("dark", 0) } else { ("light", 90) };
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            let value = |salt: u32| (base + (x * 7 + y * 3 + index * 13 + salt * 31) % 160) as u8;
            image::Rgb([value(1), value(2), value(3)])
        });
        picture.save(folder.join(class).join(format!("{index}.bmp"))).unwrap();
    }
}
