//! Trees on a GPU (or on lavapipe, which every test machine has) are the CPU's, bit for bit.

use std::{fs, process::Command};

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::Task,
    worker::{Device, EventBody, Probe},
};

use crate::runs::{TestRun, customers, training};

fn there_is_an_adapter() {
    let probe = Command::new(env!("CARGO_BIN_EXE_slipway-worker")).arg("--probe").output().unwrap();
    let probe: Probe = serde_json::from_slice(&probe.stdout).unwrap();
    assert!(
        probe.devices.iter().any(|device| device.device == Device::Wgpu),
        "no Vulkan adapter: install mesa-vulkan-drivers (lavapipe), which `cargo xtask test` does"
    );
}

fn trees(device: Device, rows: usize, target: &str, task: Task, rounds: usize) -> TestRun {
    let config = TrainingConfig { device, rounds: Some(rounds), patience: Some(0), ..training(ModelChoice::Trees) };
    TestRun::table(&customers(rows, 1), target, task, config, 0)
}

fn same(cpu: &TestRun, gpu: &TestRun, what: &str) {
    let model = |run: &TestRun| fs::read(run.path().join("model/trees.ubj")).unwrap();
    assert!(model(cpu) == model(gpu), "the trees of {what} differ");
    assert_eq!(cpu.bundle().files, gpu.bundle().files, "{what}");
    assert!(cpu.metrics() == gpu.metrics(), "the curves of {what} differ");
}

#[test]
fn trees_by_wgpu_equal_the_cpus() {
    there_is_an_adapter();
    for (target, task, rows, rounds) in [
        ("left", Task::BinaryClassification, 2000, 12),
        ("plan", Task::MulticlassClassification, 800, 4),
        ("spend", Task::Regression, 800, 8),
    ] {
        let (cpu, gpu) =
            (trees(Device::Cpu, rows, target, task, rounds), trees(Device::Wgpu, rows, target, task, rounds));
        cpu.succeed();
        gpu.succeed();
        same(&cpu, &gpu, &format!("{task:?}"));
    }
}

#[test]
fn trees_by_wgpu_go_on_where_they_were_killed() {
    there_is_an_adapter();
    let make = |device| trees(device, 800, "left", Task::BinaryClassification, 24);
    let (cpu, gpu) = (make(Device::Cpu), make(Device::Wgpu));
    cpu.succeed();
    let mut worker = gpu.start();
    gpu.wait_for(&mut worker, |body| matches!(body, EventBody::Checkpoint { best: false, .. }));
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(!gpu.path().join("model").exists(), "it was not killed early enough");
    gpu.succeed();
    same(&cpu, &gpu, "a resumed run");
}
