//! Pages that stay open while programs log: curves, last values and rows grow by themselves, nothing is loaded anew.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use api::RunId;
use journeys::{
    browser::{gone, seen},
    desk::{Desk, ROWS},
    process::until,
    tracked::Tracked,
};
use thirtyfour::Key;

/// The host announces what clients log at once, and a page asks again every second; on a busy machine later.
const LIVE: Duration = Duration::from_secs(60);
const LOSS: &str = "//main//*[contains(@class,'chart-card')][.//*[@role='slider' and @aria-label='loss']]";

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_grow_with_what_programs_log() {
    Desk::tried("growing", async |desk, _| growing(desk).await).await.unwrap();
}

async fn growing(desk: &Desk) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "live").await?;
    let mut runs = Vec::new();
    for (name, lr) in [("a", "0.1"), ("b", "0.2")] {
        runs.push(sweep.log(name, &[("lr", lr)], &losses(0, 10)).await.context("log a run")?);
    }
    compared(desk, &sweep, [runs[0], runs[1]]).await.context("the curves of Compare")?;
    listed(desk, &sweep, runs[0]).await.context("the run table")
}

/// Ten more points of one run, then of a figure that no run had.
async fn compared(desk: &Desk, sweep: &Tracked, [a, b]: [RunId; 2]) -> Result<()> {
    let driver = desk.driver();
    let last = |run: &str, value: &str| {
        let column = if run == "a" { 2 } else { 3 };
        format!("//main//section[.//h2='Last values']//tr[td[1][.='Loss']]/td[{column}][starts-with(., '{value}')]")
    };
    desk.go(&sweep.runs(&format!("compare={a},{b}"))).await?;
    ends_at(desk, "9", &["a 5.750", "b 5.750"]).await?;
    for run in ["a", "b"] {
        seen(driver, &last(run, "5.750")).await?;
    }
    mark(desk).await?;
    let before = line(desk).await?;

    sweep.points(a, &losses(10, 20)).await?;
    ends_at(desk, "19", &["a 3.250", "b 5.750"]).await.context("the curve of one")?;
    seen(driver, &last("a", "3.250")).await.context("its last value")?;
    seen(driver, &last("b", "5.750")).await.context("the other's last value")?;
    until("another drawing", LIVE, async || Ok(line(desk).await? != before)).await?;
    sweep.points(b, &losses(10, 20)).await?;
    seen(driver, &last("b", "3.250")).await.context("the other's last value once it grows, too")?;
    ends_at(desk, "19", &["a 3.250", "b 3.250"]).await.context("the other's curve")?;
    desk.browser.picture("compare-grown").await?;

    let other = LOSS.replace("'loss'", "'accuracy'");
    gone(driver, &other).await?;
    sweep.points(b, &[("accuracy", 0, 0.25), ("accuracy", 1, 0.75)]).await?;
    seen(driver, &other).await.context("the curve of a figure that came")?;
    is_marked(desk).await
}

/// A value of a row, and a row that comes.
async fn listed(desk: &Desk, sweep: &Tracked, a: RunId) -> Result<()> {
    let driver = desk.driver();
    let value = |run: &str, value: &str| {
        format!("{ROWS}[.//b[.='{run}']]//*[contains(@class,'ranked') and starts-with(., '{value}')]")
    };
    desk.go(&sweep.runs("sort=name&way=up")).await?;
    desk.shows_runs(&["a", "b"]).await?;
    seen(driver, &value("a", "3.250")).await?;
    mark(desk).await?;
    sweep.points(a, &losses(20, 30)).await?;
    seen(driver, &value("a", "0.7500")).await.context("the value of a row")?;
    sweep.log("c", &[("lr", "0.3")], &losses(0, 2)).await.context("log another run")?;
    desk.shows_runs(&["a", "b", "c"]).await.context("the row of a run that came")?;
    seen(driver, &value("c", "7.750")).await.context("its value")?;
    is_marked(desk).await
}

/// One a step, each of them exact: 8, 7.75, 7.5 and so on.
fn losses(from: i64, to: i64) -> Vec<(&'static str, i64, f64)> {
    (from..to).map(|step| ("loss", step, 8.0 - step as f64 / 4.0)).collect()
}

/// Waits until the crosshair, taken to the last point by the End key, stands at a step and says these values.
async fn ends_at(desk: &Desk, step: &str, values: &[&str]) -> Result<()> {
    let (mut at, mut said) = (String::new(), String::new());
    let ended = until("the curve's end", LIVE, async || {
        let plot = seen(desk.driver(), &format!("{LOSS}//*[@role='slider']")).await?;
        plot.send_keys(Key::End + "").await?;
        at = plot.attr("aria-valuenow").await?.unwrap_or_default();
        said = plot.attr("aria-valuetext").await?.unwrap_or_default();
        Ok(at == step && values.iter().all(|value| said.contains(*value)))
    });
    ended.await.with_context(|| format!("not {values:?} at step {step}: the crosshair is at {at:?} and says {said:?}"))
}

/// What is drawn of the curves now.
async fn line(desk: &Desk) -> Result<String> {
    let drawn = "return [...document.querySelectorAll('main [role=slider][aria-label=loss] path')]
        .filter(path => /\\br-[1-8]\\b/.test(path.getAttribute('class'))).map(path => path.getAttribute('d')).join();";
    Ok(desk.driver().execute(drawn, Vec::new()).await?.convert()?)
}

/// A page that is loaded anew has no such mark.
async fn mark(desk: &Desk) -> Result<()> {
    desk.driver().execute("window.stays = true;", Vec::new()).await?;
    Ok(())
}

async fn is_marked(desk: &Desk) -> Result<()> {
    let stays = desk.driver().execute("return window.stays === true;", Vec::new()).await?.convert::<bool>()?;
    ensure!(stays, "the page was loaded anew");
    Ok(())
}
