//! What the training and its machine use stands among its events while it goes on.

use std::collections::BTreeSet;

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::Task,
    worker::EventBody,
};

use crate::runs::{TestRun, customers, training};

#[test]
fn a_training_tells_what_it_and_its_machine_use() {
    let config = TrainingConfig { epochs: Some(100_000), patience: Some(0), ..training(ModelChoice::Mlp) };
    let run = TestRun::table(&customers(1000, 1), "left", Task::BinaryClassification, config, 0);
    let mut worker = run.start();
    // Per second since the last look: the second look has it.
    let last = "system/network_receive_bytes_per_second";
    run.wait_for(&mut worker, |body| matches!(body, EventBody::Metric { key, .. } if key == last));
    worker.kill().unwrap();
    worker.wait().unwrap();
    let mut told = BTreeSet::new();
    for event in run.events() {
        if let EventBody::Metric { key, value, .. } = event.body
            && key.starts_with("system/")
        {
            assert!(value.is_finite() && value >= 0.0, "{key} is {value}");
            told.insert(key);
        }
    }
    for key in [
        "system/cpu",
        "system/memory_bytes",
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
        "system/system_memory_usage_percentage",
        "system/network_receive_megabytes",
        "system/network_transmit_megabytes",
        "system/disk_available_megabytes",
        "system/disk_usage_percentage",
    ] {
        assert!(told.contains(key), "{key} is not among {told:?}");
    }
}
