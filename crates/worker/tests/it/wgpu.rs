//! Trees on a GPU (or on lavapipe, which every test machine has) are the CPU's, bit for bit.

use std::{fs, process::Command};

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::Task,
    worker::{Device, Probe},
};

use crate::runs::{TestRun, customers, training};

#[test]
fn trees_by_wgpu_equal_the_cpus() {
    let probe = Command::new(env!("CARGO_BIN_EXE_slipway-worker")).arg("--probe").output().unwrap();
    let probe: Probe = serde_json::from_slice(&probe.stdout).unwrap();
    assert!(
        probe.devices.iter().any(|device| device.device == Device::Wgpu),
        "no Vulkan adapter: install mesa-vulkan-drivers (lavapipe), which `cargo xtask test` does"
    );
    let trees = |device| {
        let config = TrainingConfig { device, rounds: Some(12), ..training(ModelChoice::Trees) };
        let run = TestRun::table(&customers(2000, 1), "left", Task::BinaryClassification, config, 0);
        run.succeed();
        (fs::read(run.path().join("model/trees.ubj")).unwrap(), run.bundle().files)
    };
    let (cpu, gpu) = (trees(Device::Cpu), trees(Device::Wgpu));
    assert!(cpu.0 == gpu.0, "the trees differ");
    assert_eq!(cpu.1, gpu.1);
}
