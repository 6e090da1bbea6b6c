//! `--probe` answers with what can be trained on.

use std::process::Command;

use api::worker::{Device, Probe};

#[test]
fn the_cpu_is_always_there() {
    let output = Command::new(env!("CARGO_BIN_EXE_slipway-worker")).arg("--probe").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let probe: Probe = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(probe.protocol, api::PROTOCOL);
    assert_eq!(probe.devices[0].device, Device::Cpu);
    assert!(!probe.devices[0].name.is_empty());
    assert!(!probe.devices[0].software);
    for device in &probe.devices {
        assert!(device.device != Device::Auto, "a probe never answers auto");
    }
}

#[test]
fn other_arguments_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_slipway-worker")).arg("--help-me").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage"));
}
