//! A test that can't run here says so, and why: past the capture, which swallows what a passing test prints, and
//! in the file that `SLIPWAY_SKIPPED` names, which `cargo xtask test` reads out at its end.
//!
//! The suites of other rooms take this file by its path, so it needs `std` only.

use std::{fs::File, io::Write as _};

/// Whether this is a machine that exists to run tests: there nothing may be skipped.
fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Says that the test which calls this is skipped. On CI that is a failure.
pub fn skipped(why: &str) {
    assert!(!on_ci(), "{why}, and CI skips nothing");
    left_out(why);
}

/// The same of what CI has not either: a desktop's keychain, a shell that no package list has.
pub fn left_out(why: &str) {
    let thread = std::thread::current();
    // The harness names each test's thread after it; with one thread it runs them on its own.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    // Not by `eprintln!`, which is captured.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
    if let Some(path) = std::env::var_os("SLIPWAY_SKIPPED") {
        let file = File::options().create(true).append(true).open(&path);
        // One write: tests of several processes append at once.
        let written = file.and_then(|mut file| file.write_all(format!("{test}\t{why}\n").as_bytes()));
        assert!(written.is_ok(), "the reason can't be left in {}: {written:?}", path.display());
    }
}
