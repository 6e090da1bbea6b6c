//! What the queue admits a training by is what it takes.

use api::{
    config::{ColumnType, ModelChoice, TrainingConfig},
    dataset::Role,
    evaluation::Task,
    worker::EventBody,
};
use data::memory::{self, Feature};

use crate::runs::{TestRun, customers, training};

#[test]
fn the_estimate_is_within_twice_of_what_a_large_table_takes() {
    let csv = customers(300_000, 1);
    for model in [ModelChoice::Trees, ModelChoice::Mlp] {
        let config = TrainingConfig { rounds: Some(12), epochs: Some(1), ..training(model) };
        let run = TestRun::table(&csv, "left", Task::BinaryClassification, config, 0);
        run.succeed();
        let features: Vec<Feature> = run
            .plan()
            .columns
            .iter()
            .filter(|column| column.role == Role::Feature)
            .map(|column| Feature { kind: column.kind, distinct: (column.kind == ColumnType::Category).then_some(4) })
            .collect();
        let estimate = memory::of_table(model, 300_000, &features);
        let events = run.events();
        let taken = events.iter().filter_map(|event| match event.body {
            EventBody::Progress { memory_bytes, .. } => memory_bytes,
            _ => None,
        });
        let peak = taken.max().unwrap();
        println!("{model:?}: estimated {} MB, took {} MB", estimate >> 20, peak >> 20);
        assert!(estimate < 2 * peak && peak < 2 * estimate, "{model:?}: estimated {estimate}, took {peak}");
    }
}
