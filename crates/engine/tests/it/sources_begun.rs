//! Logs that are followed when a host begins.

use std::{fs, io::Write as _};

use api::source::{AddSource, Kind, ListSources};
use engine::Options;

use crate::{sources::series, stage::Stage};

/// A table of mounts that is a pipe holds up who would follow a log, for as long as nobody writes to it, as a drive does that
/// hangs.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_begins_before_a_log_that_is_slow_to_look_at_is_followed() {
    let mut stage = Stage::new().await;
    let log = stage.write("logs/log.jsonl", "{\"step\": 0, \"loss\": 1.5}\n");
    let path = log.to_string_lossy().into_owned();
    stage.done(stage.call(AddSource { path, kind: Some(Kind::Metrics), project: None, once: false }).await).await;
    let pipe = stage.path("mounts");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let table = pipe.clone();
    let begun = stage.reopen_with(|options| Options { mounts: Some(table.clone()), ..options });
    let begun = tokio::time::timeout(std::time::Duration::from_secs(60), begun).await;
    // From now on it says at once that there is none; whoever waits for it must be let go of in any case.
    let whole = stage.write("no mounts", "");
    let held = fs::File::options().read(true).write(true).open(&pipe).and_then(|mut pipe| {
        pipe.write_all(b"\n")?;
        fs::rename(&whole, stage.path("mounts"))
    });
    held.unwrap();
    begun.expect("the host begins");
    assert!(stage.call(ListSources {}).await[0].watched);
    // It is followed behind that: what comes now is read.
    fs::File::options().append(true).open(&log).unwrap().write_all(b"{\"step\": 1, \"loss\": 1.25}\n").unwrap();
    let points = async |stage: &Stage| series(stage).await.iter().map(|(_, _, count)| count).sum::<u64>();
    stage.until("the log is followed", async |stage| (points(stage).await == 2).then_some(())).await;
}
