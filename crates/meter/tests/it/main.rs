//! Real processes, looked at while they run and after.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::{
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use meter::{CPU, Counters, MEMORY_BYTES, Meter, Rates, Sample, pause};

/// The system counts a processor's time too coarsely for less.
const COUNTED: Duration = Duration::from_millis(300);

fn shell(script: &str, folder: &Path) -> Child {
    Command::new("sh").args(["-c", script]).current_dir(folder).spawn().unwrap()
}

fn value(samples: &[Sample], key: &str) -> f64 {
    samples.iter().find(|(name, _)| name == key).unwrap_or_else(|| panic!("no {key} in {samples:?}")).1
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Looks until what is told is as wanted, or for a minute: a busy machine lets a process begin when it can.
fn looked(meter: &mut Meter, is_wanted: impl Fn(&[Sample]) -> bool) -> Vec<Sample> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        sleep(Duration::from_millis(200));
        let samples = meter.look();
        if is_wanted(&samples) || Instant::now() > until {
            return samples;
        }
    }
}

#[test]
fn rates_are_differences_over_time() {
    let before = Counters { cpu_ms: 500, read_bytes: 10, written_bytes: 1000 };
    let now = Counters { cpu_ms: 3500, read_bytes: 10, written_bytes: 5000 };
    let rates = Rates::of(now.since(before), Duration::from_secs(2));
    let expected = Rates { cpu_percent: 150.0, read_bytes_per_second: 0.0, written_bytes_per_second: 2000.0 };
    assert_eq!(rates, expected);
    assert_eq!(Rates::of(now, Duration::ZERO), Rates::default());
}

#[test]
fn a_day_has_fewer_than_9000_points() {
    let (mut at, mut points) = (Duration::ZERO, 0);
    while at < Duration::from_secs(86_400) {
        at += pause(at);
        points += 1;
    }
    assert!((8_000..9_000).contains(&points), "{points}");
}

#[test]
fn a_grandchild_that_burns_the_processor_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let child = shell("sh -c 'while :; do :; done' & trap 'kill $!' TERM; echo $! > burner; wait", folder.path());
    let mut meter = Meter::new(child.id(), folder.path());
    meter.look();
    let samples = looked(&mut meter, |samples| {
        let is_busy = value(samples, CPU) > 10.0 && value(samples, "system/cpu_seconds") > 0.1;
        is_busy && folder.path().join("burner").exists()
    });
    let burner = std::fs::read_to_string(folder.path().join("burner")).unwrap();
    Command::new("kill").arg(burner.trim()).status().unwrap();
    end(child);
    assert!(value(&samples, CPU) > 10.0, "{samples:?}");
    assert!(value(&samples, "system/cpu_seconds") > 0.1, "{samples:?}");
    assert!(value(&samples, "system/disk_available_megabytes") > 0.0);
    assert!(value(&samples, "system/system_memory_usage_percentage") <= 100.0);
    #[cfg(target_os = "linux")]
    assert!(value(&samples, "system/threads") >= 2.0);
}

#[test]
fn what_a_process_used_before_it_was_joined_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let child = shell("i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo > burnt; sleep 60", folder.path());
    while !folder.path().join("burnt").exists() {
        sleep(Duration::from_millis(20));
    }
    let before = value(&Meter::new(child.id(), folder.path()).look(), "system/cpu_seconds");
    let mut meter = Meter::joining(child.id(), folder.path());
    let samples = meter.look();
    sleep(COUNTED);
    let later = meter.look();
    end(child);
    assert!(before > 0.05, "{before}");
    assert!(value(&samples, "system/cpu_seconds") < before / 2.0, "{samples:?}");
    assert!(value(&later, "system/cpu_utilization_percentage") >= 0.0);
}

#[test]
fn memory_that_is_allocated_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    // One block of 64 MB stays with `dd` while its reader takes nothing, as long as the folder is there.
    let script = "dd if=/dev/zero bs=64000000 count=1 2>/dev/null | while [ -e \"$PWD\" ]; do sleep 0.05; done";
    let child = shell(script, folder.path());
    let mut meter = Meter::new(child.id(), folder.path());
    let samples = looked(&mut meter, |samples| value(samples, MEMORY_BYTES) > 60e6);
    end(child);
    assert!(value(&samples, MEMORY_BYTES) > 60e6, "{samples:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn bytes_written_to_disk_are_measured() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = "while [ -e \"$PWD\" ]; do sleep 0.1; i=0; while [ $i -lt 200 ]; do i=$((i+1)); \
                  printf '%08192d' 0; done > written; done";
    let child = shell(script, folder.path());
    let mut meter = Meter::new(child.id(), folder.path());
    meter.look();
    let samples = looked(&mut meter, |samples| value(samples, "system/disk_write_bytes_per_second") > 100_000.0);
    end(child);
    assert!(value(&samples, "system/disk_write_bytes_per_second") > 100_000.0, "{samples:?}");
}

#[test]
fn a_process_that_ended_between_two_looks_uses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = shell("exit 0", folder.path());
    let mut meter = Meter::new(child.id(), folder.path());
    meter.look();
    child.wait().unwrap();
    sleep(COUNTED);
    let samples = meter.look();
    assert!(value(&samples, CPU).abs() < 1e-9, "{samples:?}");
    assert!(value(&samples, MEMORY_BYTES).abs() < 1e-9, "{samples:?}");
}
