//! A run's media by a person's clicks and keys: slid through, heard, read, enlarged.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api::{
    run::{ListRuns, RunRow},
    source::{AddSource, Kind},
    tracking::ListExperiments,
};
use journeys::{
    browser::{gone, press, seen, there, told},
    desk::Desk,
    process::until,
};
use thirtyfour::{By, Key};

const LONG: Duration = Duration::from_secs(60);
const RUN: &str = "00000000000000000000000000000abc";

#[tokio::test(flavor = "multi_thread")]
async fn media_are_slid_through_and_enlarged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desk) = Desk::new(folder.path()).await.unwrap() else { return };
    let result = media(&desk, folder.path()).await;
    told(&desk.browser, "media", result).await.unwrap();
}

/// A run as MLflow's client leaves it, with a picture at two steps, a table, a text and a sound.
fn logged(folder: &Path) -> Result<()> {
    let run = folder.join("1").join(RUN);
    for name in ["params", "metrics", "tags", "artifacts/images"] {
        fs::create_dir_all(run.join(name))?;
    }
    fs::write(
        folder.join("1/meta.yaml"),
        "artifact_location: file:///mlruns/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: seen\n",
    )?;
    fs::write(
        run.join("meta.yaml"),
        format!(
            "artifact_uri: file:///mlruns/1/{RUN}/artifacts\nend_time: 1700000001000\nexperiment_id: '1'\n\
             lifecycle_stage: active\nrun_id: {RUN}\nrun_name: pictured\nstart_time: 1700000000000\nstatus: 3\nuser_id: ada\n"
        ),
    )?;
    fs::write(run.join("tags/mlflow.loggedArtifacts"), r#"[{"path": "scores.json", "type": "table"}]"#)?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/foreign/tests/fixtures/dvclive/plots/images");
    for (step, from) in [(1, "sample.png"), (20, "steps/3.png")] {
        let to = format!("artifacts/images/sample+step+{step}+timestamp+{step}+u.png");
        fs::copy(fixture.join(from), run.join(to))?;
    }
    fs::write(run.join("artifacts/scores.json"), r#"{"columns": ["name", "score"], "data": [["alpha", 0.5]]}"#)?;
    fs::write(run.join("artifacts/words.txt"), "what was said")?;
    // A second of silence, 8,000 samples of a byte.
    let mut sound =
        b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0".to_vec();
    sound.resize(44 + 8_000, 0x80);
    Ok(fs::write(run.join("artifacts/tone.wav"), sound)?)
}

async fn media(desk: &Desk, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    let logs = folder.join("mlruns");
    logged(&logs)?;
    let path = logs.to_string_lossy().into_owned();
    desk.client.call(AddSource { path, kind: Some(Kind::MlflowFiles), project: None, once: true }).await?;
    let mut found = None::<RunRow>;
    until("the run is read", LONG, async || {
        let all = desk.client.call(ListExperiments::default()).await?;
        let Some(experiment) = all.into_iter().find(|one| one.name == "seen") else { return Ok(false) };
        let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
        found = desk.client.call(request).await?.rows.into_iter().next();
        Ok(found.is_some())
    })
    .await?;
    let run = found.context("the run is gone")?;
    let all = desk.client.call(ListExperiments::default()).await?;
    let experiment = all.into_iter().find(|one| one.name == "seen").context("the experiment is gone")?;
    desk.go(&format!("/e/{}/runs/{}", experiment.id, run.id)).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[contains(., 'Media')]").await?;

    // The last step is shown, and a key goes to the one before.
    let card = "//main//section[contains(@class, 'medium')][.//strong[.='sample']]";
    let slider = seen(driver, &format!("{card}//input[@type='range']")).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 20']")).await?;
    slider.send_keys("" + Key::Left).await?;
    drawn(desk, &format!("{card}//img[@alt='sample at step 1']")).await?;
    ensure!(slider.attr("aria-valuetext").await?.as_deref() == Some("Step 1"), "the slider says no step");

    // A press enlarges it, and Escape goes back to where it was.
    press(driver, &format!("{card}//button[@aria-label='Enlarge sample at step 1']")).await?;
    drawn(desk, "//dialog[@open]//img[@alt='sample at step 1']").await?;
    desk.browser.picture("media-enlarged").await?;
    driver.active_element().await?.send_keys("" + Key::Escape).await?;
    gone(driver, "//dialog[@open]").await?;
    seen(driver, &format!("{card}//img[@alt='sample at step 1']")).await?;

    let of = |key: &str| format!("//main//section[contains(@class, 'medium')][.//strong[.='{key}']]");
    seen(driver, &format!("{}//table//td[.='alpha']", of("scores.json"))).await?;
    seen(driver, &format!("{}//pre[contains(., 'what was said')]", of("words.txt"))).await?;
    there(driver, &format!("{}//audio[@controls]", of("tone.wav"))).await?;
    desk.browser.picture("media").await?;
    Ok(())
}

/// Waits for a picture whose bytes came and were decoded.
async fn drawn(desk: &Desk, path: &str) -> Result<()> {
    until(path, LONG, async || {
        for image in desk.driver().find_all(By::XPath(path)).await? {
            let width = image.prop("naturalWidth").await.ok().flatten();
            if width.is_some_and(|width| width != "0") {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}
