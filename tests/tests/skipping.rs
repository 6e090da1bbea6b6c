//! A skipped test is never taken for a passed one.

use std::process::{Command, Output};

use journeys::process::{self, is_inside, skipped_without};

const TEST: &str = "skipping::a_skipped_test_says_so_past_the_capture_and_leaves_its_reason";

#[test]
fn a_skipped_test_says_so_past_the_capture_and_leaves_its_reason() {
    if is_inside() {
        assert!(skipped_without(&["no-such-counterpart"]));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let reasons = folder.path().join("skipped.tsv");
    let again = |ci: &str| -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--test-threads=2"]);
        command.env(process::INSIDE, "1").env("CI", ci).env("SLIPWAY_SKIPPED", &reasons);
        command.output().unwrap()
    };
    let output = again("false");
    assert!(output.status.success(), "{output:?}");
    let why = "no-such-counterpart not installed";
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("skipped: {TEST}: {why}\n")), "{said}");
    assert_eq!(std::fs::read_to_string(&reasons).unwrap(), format!("{TEST}\t{why}\n"));
    assert!(!again("true").status.success(), "on CI nothing is skipped");
}
