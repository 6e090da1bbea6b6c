//! Runs over each other by a person's clicks: along a metric, by groups, beside a baseline, all of it in the address;
//! and a hundred of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use api::{
    RunId,
    series::{Series, Viewport, Viewports},
};
use journeys::{
    browser::{fill, gone, press, saved, seen, there},
    desk::{Desk, ROWS},
    process::until,
    tracked::Tracked,
};
use serde_json::json;
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);
const LOSS: &str = "//main//*[contains(@class,'chart-card')][.//*[@role='slider' and @aria-label='loss']]";
const DIFF: &str = "diff --git a/train.py b/train.py\nindex 1..2 100644\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-rate = 1\n+rate = 2\n";
const DIFFERS: &str = "//main//*[contains(@class,'card')][.//*[.='What differs']]";

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_compared_along_a_metric_by_groups_and_beside_a_baseline() {
    Desk::tried("compare", async |desk, _| compared(desk).await).await.unwrap();
}

async fn compared(desk: &Desk) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "sweep").await?;
    let mut runs = Vec::new();
    for (at, lr) in ["0.1", "0.1", "0.2", "0.2"].into_iter().enumerate() {
        runs.push(log(&sweep, at, lr).await.context("log a run")?);
    }
    let diff = json!({"run_id": runs[0], "key": "mlflow.source.git.diff", "value": DIFF});
    sweep.post("set-tag", diff).await?;
    let driver = desk.driver();
    desk.go(&sweep.runs(&comparing(&runs))).await?;
    lines(desk, 4).await?;
    seen(driver, &format!("{DIFFERS}//tr[contains(., 'lr') and contains(., '0.1') and contains(., '0.2')]")).await?;
    seen(driver, &format!("{DIFFERS}//tr[contains(., 'dataset wine') and contains(., 'd0') and contains(., 'd3')]"))
        .await?;

    // What one had not committed, as its client tells it.
    seen(driver, "//main//section[.//h2='Code']//h3[.='Not committed in r0']").await?;
    let line =
        "//main//*[contains(@class,'code-differs')]//pre//*[contains(@class,'good') and contains(., '+rate = 2')]";
    seen(driver, line).await?.scroll_into_view().await?;
    desk.browser.picture("compare-code").await?;

    choose(desk, "Along", "Accuracy").await.context("along a metric")?;
    // Each run has ten losses and, but for the last of them, accuracies.
    seen(driver, &format!("{LOSS}//*[contains(., '4 points without Accuracy')]")).await?;
    seen(driver, &format!("{LOSS}//*[name()='text'][contains(., 'Accuracy')]")).await?;
    gone(driver, &LOSS.replace("'loss'", "'accuracy'")).await.context("a figure along itself")?;
    choose(desk, "Groups", "lr").await.context("groups")?;
    for group in ["0.1 (2 runs)", "0.2 (2 runs)"] {
        seen(driver, &format!("{LOSS}//*[@class='legend']//button[contains(., '{group}')]")).await?;
    }
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band")?;
    desk.browser.picture("compare-groups").await?;
    press(driver, "//main//button[@aria-label='Pin r1 as the baseline']").await?;
    seen(driver, &format!("{LOSS}//*[@class='legend']//button[normalize-space(.)='r1']")).await?;
    seen(driver, "//main//section[.//h2='Last values']//td//*[contains(@class,'delta') and contains(@class,'bad')]")
        .await?;
    desk.browser.picture("compare-baseline").await?;
    let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
    for part in ["along=metric.accuracy", "bands=param.lr", &format!("pin={}", runs[1])] {
        ensure!(search.contains(part), "the address has {search}, without {part}");
    }
    // What the address says is what a person who is sent it sees.
    desk.go(&sweep.runs(&search)).await?;
    seen(driver, &format!("{LOSS}//*[@class='legend']//button[contains(., '0.2 (2 runs)')]")).await?;
    seen(driver, "//main//button[@aria-label='Pin r1 as the baseline' and @aria-pressed='true']").await?;
    // The same runs in parallel coordinates and as a scatter, which the address says, too.
    press(driver, "//main//button[@role='radio'][.='Parallel']").await?;
    seen(driver, "//main//*[starts-with(@aria-label,'Runs in parallel coordinates')]").await?;
    // What groups they are in is told by their colours, and in a scatter by shapes, too.
    seen(driver, "//main//*[@class='legend']//span[normalize-space(.)='0.2']").await?;
    gone(driver, LOSS).await?;
    // A field that goes away while somebody types in it leaves the page whole.
    seen(driver, "//main//*[@aria-label='Axes']//input[starts-with(@aria-label,'Least ')]")
        .await?
        .send_keys("0.1")
        .await?;
    // Of those that can be seen: the table behind has one, too.
    let away = "[...document.querySelectorAll('main [role=radio]')]
        .find(one => one.textContent === 'Scatter' && one.offsetParent).click()";
    driver.execute(away, Vec::new()).await?;
    seen(driver, "//main//*[@aria-label='Runs by two values']").await?;
    gone(driver, "//*[@class='fault']").await?;
    seen(driver, "//main//*[@aria-label='Runs by two values']").await?;
    seen(driver, "//main//*[@class='legend']//span[.='0.2']/i[contains(@class,'shape-square')]").await?;
    until("the address", SHORT, async || Ok(driver.current_url().await?.as_str().contains("canvas="))).await?;
    driver.refresh().await?;
    seen(driver, "//main//*[@aria-label='Runs by two values']").await?;
    desk.browser.picture("compare-scatter").await?;
    // Beside the table the curves that these runs have, and after a choice the one that was chosen.
    desk.go(&sweep.runs("")).await?;
    press(driver, "//main//*[@role='checkbox' and @aria-label='Select r0']").await?;
    seen(driver, LOSS).await.context("the curve of the selected run")?;
    // The rows begin right below the tools, also beside the pane.
    let below = "const edge = (path, side) => document.querySelector(path).getBoundingClientRect()[side];
        return edge('main table', 'top') - edge('main .tools', 'bottom');";
    let gap = driver.execute(below, Vec::new()).await?.convert::<f64>()?;
    ensure!(gap.abs() < 8.0, "the rows begin {gap} px below the tools");
    desk.browser.picture("runs-pane").await?;
    desk.go(&sweep.runs("curve=none")).await?;
    press(driver, "//main//*[@role='checkbox' and @aria-label='Select r0']").await?;
    press(driver, "//main//button[.='Show what there is']").await?;
    seen(driver, LOSS).await.context("the curve that is there")?;
    beside(desk, &sweep).await.context("the pane of two runs")?;
    by_name(desk, &sweep, runs[0]).await.context("the dialog of a run's page")?;
    brushed(desk, &sweep, &runs).await.context("what is brushed alone")?;
    many(desk, &sweep).await.context("very many runs")
}

/// Two runs beside the table are charts or what differs, by the switch; `c` compares them, and not one alone.
async fn beside(desk: &Desk, sweep: &Tracked) -> Result<()> {
    const PANE: &str = "//main//aside[@aria-label='2 runs']";
    const SCATTER: &str = "//main//aside//*[@aria-label='Runs by two values']";
    const VALUES: &str = "//main//aside//section[.//h2='Last values']";
    let driver = desk.driver();
    let show = async |view: &str| press(driver, &format!("{PANE}//button[@role='radio' and .='{view}']")).await;
    let compare = async || anyhow::Ok(seen(driver, "//body").await?.send_keys("c").await?);
    desk.go(&sweep.runs("")).await?;
    press(driver, "//main//*[@role='checkbox' and @aria-label='Select r0']").await?;
    seen(driver, LOSS).await?;
    compare().await?;
    press(driver, "//main//*[@role='checkbox' and @aria-label='Select r1']").await.context("one is not compared")?;
    show("Parallel").await?;
    let parallel = "//*[starts-with(@aria-label,'Runs in parallel coordinates')]//*[name()='path']";
    seen(driver, &format!("{PANE}{parallel}")).await?;
    gone(driver, LOSS).await.context("a curve beside a chart")?;
    show("Scatter").await?;
    seen(driver, &format!("{SCATTER}//*[name()='circle']")).await?;
    gone(driver, VALUES).await?;
    show("Diff").await?;
    let last = format!("{VALUES}//tr[contains(., 'Loss') and contains(., '0.1000') and contains(., '0.1125')]");
    seen(driver, &last).await?;
    gone(driver, SCATTER).await?;
    desk.browser.picture("runs-pane-diff").await?;
    show("Curves").await?;
    seen(driver, LOSS).await?;
    gone(driver, VALUES).await?;
    compare().await?;
    seen(driver, "//main//h1[.='2 runs compared']").await.context("the key c")?;
    seen(driver, "//body").await?.send_keys(Key::Escape + "").await?;
    seen(driver, ROWS).await.context("Escape leads back").map(drop)
}

/// Another run is found by its name and laid beside the page's own, which is the baseline.
async fn by_name(desk: &Desk, sweep: &Tracked, run: RunId) -> Result<()> {
    const GO: &str = "//dialog[@open]//footer//button[starts-with(normalize-space(.), 'Compare')]";
    let driver = desk.driver();
    let line = |name: &str| format!("//dialog[@open]//*[@role='listitem'][contains(., '{name}')]");
    desk.go(&format!("/e/{}/runs/{run}", sweep.experiment.id)).await?;
    press(driver, "//main//button[normalize-space(.)='Compare']").await?;
    seen(driver, &line("r3")).await.context("the others of its experiment")?;
    there(driver, &format!("{GO}[@disabled]")).await?;
    fill(driver, "//dialog[@open]//input[@aria-label='Find runs by name']", "r2").await?;
    gone(driver, &line("r3")).await?;
    press(driver, &format!("{}//input", line("r2"))).await?;
    desk.browser.picture("compare-with").await?;
    press(driver, &format!("{GO}[contains(., '2 runs')]")).await?;
    gone(driver, "//dialog[@open]").await?;
    seen(driver, "//main//h1[.='2 runs compared']").await?;
    seen(driver, "//main//a[@aria-label='Leave r2 out']").await?;
    seen(driver, "//main//button[@aria-label='Pin r0 as the baseline' and @aria-pressed='true']").await.map(drop)
}

/// Of compared runs those that are brushed are kept alone, with the axis that was added; Back leads to all of them.
async fn brushed(desk: &Desk, sweep: &Tracked, runs: &[RunId]) -> Result<()> {
    const AXIS: &str = "//main//*[@aria-label='Axes']//*[@role='listitem'][.//b[.='Loss']]";
    let driver = desk.driver();
    let named = |axis: &str| {
        let drawn = "//main//*[starts-with(@aria-label,'Runs in parallel coordinates')]";
        format!("{drawn}//*[name()='text'][.='{axis}']")
    };
    desk.go(&sweep.runs(&comparing(runs))).await?;
    press(driver, "//main//button[@role='radio'][.='Parallel']").await?;
    seen(driver, &named("Accuracy")).await?;
    gone(driver, &named("Loss")).await?;
    choose(desk, "Add an axis", "Loss").await?;
    seen(driver, &named("Loss")).await?;
    seen(driver, AXIS).await?;
    const MOST: &str = "//main//*[@aria-label='Axes']//input[@aria-label='Greatest lr']";
    // What is typed stays while a run goes on, and so does the focus.
    fill(driver, MOST, "0.1").await?;
    sweep.points(runs[3], &[("loss", 10, 0.0625)]).await?;
    seen(driver, "//main//section[.//h2='Last values']//td[contains(., '0.0625')]").await.context("what it logs")?;
    driver.active_element().await?.send_keys("5").await?;
    let typed = seen(driver, MOST).await?.prop("value").await?;
    ensure!(typed.as_deref() == Some("0.15"), "the bound that is typed is {typed:?}");
    seen(driver, MOST).await?.send_keys(Key::Enter + "").await?;
    seen(driver, "//main//*[@role='status' and .='2 brushed of 4 runs']").await?;
    desk.browser.picture("compare-brushed").await?;
    press(driver, "//main//button[normalize-space(.)='Keep only these']").await?;
    seen(driver, "//main//h1[.='2 runs compared']").await?;
    seen(driver, "//main//*[@role='status' and .='2 runs']").await.context("the brush goes")?;
    seen(driver, &named("Loss")).await.context("the axis stays")?;
    for (name, is_kept) in [("r0", true), ("r1", true), ("r2", false), ("r3", false)] {
        let leave = format!("//main//a[@aria-label='Leave {name} out']");
        if is_kept { seen(driver, &leave).await.map(drop)? } else { gone(driver, &leave).await? }
    }
    driver.back().await?;
    seen(driver, "//main//h1[.='4 runs compared']").await.context("after Back").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_curves_of_a_run_lie_along_stands_in_its_address() {
    Desk::tried("run-axes", axes).await.unwrap();
}

/// Chosen on a run's page, kept in its tabs, found again after the page was loaded anew, and chosen in the pane.
async fn axes(desk: &Desk, folder: &Path) -> Result<()> {
    const CHART: &str = "//main//*[contains(@class,'chart-card')][.//h2[.='Loss']]";
    let says = |text: &str| format!("{CHART}//*[name()='text'][contains(., '{text}')]");
    let sweep = Tracked::new(&desk.client, "axes").await?;
    let run = log(&sweep, 0, "0.1").await?;
    let driver = desk.driver();
    desk.go(&format!("/e/{}/runs/{run}", sweep.experiment.id)).await?;
    seen(driver, &says("step")).await?;
    choose(desk, "Along", "Accuracy").await?;
    seen(driver, &says("Accuracy")).await?;
    seen(driver, &format!("{CHART}//*[contains(., '1 point without Accuracy')]")).await?;
    choose(desk, "Axes", "Log along").await?;
    let says_all = async |parts: &[&str]| {
        until("the address", SHORT, async || {
            let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
            Ok(parts.iter().all(|part| search.contains(part)))
        })
        .await
    };
    says_all(&["along=metric.accuracy", "log=x"]).await?;
    seen(driver, &format!("{CHART}//*[contains(., 'without a positive Accuracy')]")).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[.='Parameters']").await?;
    says_all(&["tab=params", "along=metric.accuracy", "log=x"]).await?;
    press(driver, "//nav[contains(@class,'tabs')]//a[.='Charts']").await?;
    driver.refresh().await?;
    seen(driver, &says("Accuracy")).await.context("the axis after a reload")?;
    says_all(&["along=metric.accuracy", "log=x"]).await?;
    desk.browser.picture("run-axes").await?;
    // What a chart's own menu chose is there after a reload, too.
    press(driver, &format!("{CHART}//header//button")).await?;
    press(driver, "//*[@role='menu']//button[normalize-space(.)='Ignore outliers']").await?;
    let bounded = format!("{CHART}//*[contains(., '1st to 99th percentile')]");
    seen(driver, &bounded).await?;
    says_all(&["looks="]).await?;
    driver.refresh().await?;
    seen(driver, &bounded).await.context("a bounded axis after a reload")?;
    choose(desk, "Along", "Share of the run").await?;
    seen(driver, &says("of the run")).await?;

    // The same beside the table.
    desk.go(&sweep.runs("")).await?;
    press(driver, "//main//*[@role='checkbox' and @aria-label='Select r0']").await?;
    seen(driver, LOSS).await?;
    choose(desk, "Along", "Accuracy").await?;
    seen(driver, &format!("{LOSS}//*[name()='text'][contains(., 'Accuracy')]")).await.context("the pane's axis")?;
    for along in ["Wall time", "Relative time", "Step"] {
        choose(desk, "Along", along).await?;
        gone(driver, &format!("{LOSS}//*[name()='text'][contains(., 'Accuracy')]")).await?;
    }
    figures(desk, &sweep, folder).await.context("every figure of a run")?;
    smoothed(desk, &sweep, run).await.context("smoothing, and values by their logarithms")
}

/// Curves of one metric lie in one chart, whatever they are called, and what was measured once stands in the table, too.
async fn figures(desk: &Desk, sweep: &Tracked, folder: &Path) -> Result<()> {
    const TABLE: &str = "//main//section[.//h2='Metrics']";
    let driver = desk.driver();
    let mut points = vec![("score", 0, 0.75)];
    for step in 0..10_i64 {
        let share = 1.0 / (step + 1) as f64;
        points.extend([("train/loss", step, share), ("val/loss", step, 1.5 * share)]);
    }
    let run = sweep.log("two", &[], &points).await.context("log a run")?;
    desk.go(&format!("/e/{}/runs/{run}", sweep.experiment.id)).await?;
    let chart = "//main//*[contains(@class,'chart-card')][.//h2[.='Loss']]";
    for line in ["training", "val"] {
        seen(driver, &format!("{chart}//*[@class='legend']//button[normalize-space(.)='{line}']")).await?;
    }
    for (key, last, most) in
        [("score", "0.7500", "–"), ("train/loss", "0.1000", "1.000"), ("val/loss", "0.1500", "1.500")]
    {
        let line = format!("{TABLE}//tr[.//*[@title='{key}']]");
        seen(driver, &format!("{line}[td[2][contains(., '{last}')]][td[4][contains(., '{most}')]]")).await?;
    }
    desk.browser.picture("run-figures").await?;
    press(driver, &format!("{TABLE}//button[@aria-label='Copy or save the table']")).await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save as CSV')]").await?;
    let text = saved(folder, "metrics.csv").await?;
    let is_whole = text.starts_with("Metric,Last,Min,Max,Step,Points\r\nscore,") && text.lines().count() == 4;
    ensure!(is_whole && text.contains("\r\ntrain/loss,0.1,0.1,1,9,10\r\n"), "the table is {text:?}");
    Ok(())
}

/// Before the raw line, which is faint then, stands the smoothed one; the axis of values has other marks by logarithms.
/// Both stay over a reload.
async fn smoothed(desk: &Desk, sweep: &Tracked, run: RunId) -> Result<()> {
    const SLIDER: &str = "//main//label[contains(@class,'smoothing')]//input";
    const NAME: &str = "//main//*[contains(@class,'chart-card')][.//h2[.='Loss']]//*[name()='text'][.='step']";
    const MARK: &str = "//main//*[contains(@class,'chart-card')][.//h2[.='Loss']]//*[name()='text'][.='0.2']";
    let driver = desk.driver();
    // How strong each of its lines is, where it is not at full strength, and where it goes.
    let lines = "const card = [...document.querySelectorAll('main .chart-card')]
            .find(card => card.querySelector('h2').textContent === 'Loss');
        const lines = [...(card?.querySelectorAll('svg.chart > path.s:not(.r-grid)') ?? [])];
        return lines.map(line => [line.getAttribute('opacity') ?? '', line.getAttribute('d')]);";
    let drawn = async || anyhow::Ok(driver.execute(lines, Vec::new()).await?.convert::<Vec<[String; 2]>>()?);
    // Each goes from step to step.
    let is_whole = |line: &str| line.matches('L').count() == 9;
    let plain = async || {
        let is_plain = async || {
            Ok(matches!(drawn().await?.as_slice(), [[strength, line]] if strength.is_empty() && is_whole(line)))
        };
        until("the raw line alone", SHORT, is_plain).await
    };
    let smooth = async || {
        let is_smooth = async || {
            Ok(matches!(drawn().await?.as_slice(), [[faint, raw], [strength, line]]
                if !faint.is_empty() && strength.is_empty() && raw != line && is_whole(raw) && is_whole(line)))
        };
        until("the smooth line before the faint raw one", SHORT, is_smooth).await
    };
    desk.go(&format!("/e/{}/runs/{run}", sweep.experiment.id)).await?;
    seen(driver, NAME).await?;
    plain().await.context("ten points are not smoothed by themselves")?;
    gone(driver, MARK).await?;
    seen(driver, SLIDER).await?.send_keys(Key::End + "").await?;
    smooth().await?;
    desk.browser.picture("run-smoothed").await?;
    seen(driver, SLIDER).await?.send_keys(Key::Home + "").await?;
    plain().await.context("smoothed by nothing")?;
    seen(driver, SLIDER).await?.send_keys(Key::End + "").await?;
    choose(desk, "Axes", "Log values").await?;
    seen(driver, MARK).await.context("the marks of a logarithm")?;
    until("the address", SHORT, async || {
        let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
        Ok(search.contains("smooth=0.98") && search.contains("log=y"))
    })
    .await?;
    driver.refresh().await?;
    seen(driver, MARK).await.context("the marks of a logarithm after a reload")?;
    smooth().await.context("after a reload")
}

/// More runs than can be named: no legend, all of them lines, the one at the pointer told, and the rest of their names
/// behind a button.
async fn many(desk: &Desk, sweep: &Tracked) -> Result<()> {
    let driver = desk.driver();
    let mut runs = Vec::new();
    for at in 4..24 {
        runs.push(log(sweep, at, "0.3").await?);
    }
    desk.go(&sweep.runs(&comparing(&runs))).await?;
    seen(driver, "//main//h1[.='20 runs compared']").await?;
    let count = "return [...document.querySelectorAll('main [role=slider][aria-label=loss] path')]
        .filter(path => /\\br-[1-8]\\b/.test(path.getAttribute('class'))).length;";
    let all = async || Ok(desk.driver().execute(count, Vec::new()).await?.convert::<u64>()? == 20);
    until("20 lines", SHORT, all).await?;
    gone(driver, &format!("{LOSS}//*[@class='legend']")).await?;
    // Colours that come again are told apart: 8 of 20 lines are dashed, and so are their names.
    seen(driver, &format!("{LOSS}//*[name()='path' and @stroke-dasharray]")).await?;
    seen(driver, "//main//*[contains(@class,'compared-run') and contains(., 'r12')]//i[contains(@class,'dashed')]")
        .await?;
    seen(driver, "//main//section[.//h2='Code']//p[.='No code was recorded for these two runs.']").await?;

    let plot = seen(driver, &format!("{LOSS}//*[@role='slider']")).await?;
    plot.scroll_into_view().await?;
    // What moves beneath a pointer that rests is not pointed at: it moves until it is told.
    let tip = format!("{LOSS}//*[@class='tip']");
    until("the line at the pointer", SHORT, async || {
        driver.action_chain().move_to_element_center(&plot).move_by_offset(3, 2).perform().await?;
        Ok(!driver.find_all(By::XPath(tip.as_str())).await?.is_empty())
    })
    .await?;
    let told = seen(driver, &tip).await?.text().await?;
    let names: Vec<&str> = told.split_whitespace().filter(|word| word.starts_with('r')).collect();
    ensure!(names.len() == 1, "at the pointer: {told:?}");
    seen(driver, &format!("{LOSS}//*[name()='svg' and @class='held']/*[name()='polyline']")).await?;
    desk.browser.picture("compare-many").await?;

    let chips = async |count: usize| {
        let path = "//main//*[contains(@class,'compared-run')]";
        let there = async || Ok(driver.find_all(By::XPath(path)).await?.len() == count);
        until(&format!("{count} names"), SHORT, there).await
    };
    chips(16).await?;
    press(driver, "//main//button[.='+ 4 more']").await?;
    chips(20).await?;
    press(driver, "//main//button[.='Fewer']").await?;
    chips(16).await?;
    let focused = driver.active_element().await?.text().await?;
    ensure!(focused == "+ 4 more", "the keyboard is at {focused:?}");

    // The key goes from run to run, each the baseline in its turn, and to none after the last.
    for (presses, pinned) in [(1, "r4"), (1, "r5"), (18, "r23")] {
        for _ in 0..presses {
            seen(driver, "//body").await?.send_keys("p").await?;
        }
        let button = format!("//main//button[@aria-label='Pin {pinned} as the baseline' and @aria-pressed='true']");
        seen(driver, &button).await.with_context(|| format!("the baseline {pinned}"))?;
    }
    // The baseline stands among the names wherever it is.
    chips(17).await?;
    let baseline = "//main//button[@aria-pressed='true' and contains(@aria-label,'as the baseline')]";
    seen(driver, "//body").await?.send_keys("p").await?;
    gone(driver, baseline).await?;
    // In a choice letters are the choice's own.
    seen(driver, "//main//select[@aria-label='Axes']").await?.send_keys("p").await?;
    gone(driver, baseline).await
}

#[tokio::test(flavor = "multi_thread")]
async fn curves_lie_along_the_metric_that_all_logs_name_until_a_person_chooses() {
    Desk::tried("compare-own", async |desk, _| named_by_logs(desk).await).await.unwrap();
}

async fn named_by_logs(desk: &Desk) -> Result<()> {
    const ALONG: &str = "//main//select[@aria-label='Along']";
    const EPOCH: &str = "//*[name()='text'][contains(., 'poch')]";
    let driver = desk.driver();
    let said = Tracked::new(&desk.client, "said").await?;
    let mut runs = Vec::new();
    for name in ["a", "b"] {
        let points: Vec<_> =
            (0..4).flat_map(|step| [("loss", step, 1.0 / (1 + step) as f64), ("epoch", step, step as f64)]).collect();
        let run = said.log(name, &[], &points).await.context("log a run")?;
        let tag = json!({"run_id": run, "key": "step_metric.loss", "value": "epoch"});
        said.post("set-tag", tag).await?;
        runs.push(run);
    }
    desk.go(&said.runs(&comparing(&runs))).await?;
    seen(driver, &format!("{LOSS}{EPOCH}")).await.context("along what the logs name")?;
    let along = async || Ok(seen(driver, ALONG).await?.prop("value").await?.as_deref() == Some("own"));
    until("the choice says so", SHORT, along).await?;
    let query = driver.current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(!query.contains("along="), "nobody chose it: {query}");
    choose(desk, "Along", "Step").await?;
    gone(driver, &format!("{LOSS}{EPOCH}")).await.context("along steps")
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_without_a_curve_are_compared_by_bars_and_their_code_by_a_card() {
    Desk::tried("compare-bars", bars).await.unwrap();
}

/// Each figure that was measured once is bars, saved as a picture and as a table.
async fn bars(desk: &Desk, folder: &Path) -> Result<()> {
    const CARD: &str = "//main//*[@data-last-values]//section[.//h2[.='Accuracy']]";
    let driver = desk.driver();
    let once = Tracked::new(&desk.client, "once").await?;
    let mut runs = Vec::new();
    for (name, accuracy) in [("a", 0.5), ("b", 0.75), ("c", 0.25)] {
        let energy = ("system/gpu_0_energy_joules", 0, 1_000.0 * accuracy);
        let points = [("accuracy", 0, accuracy), ("loss", 0, 1.0 - accuracy), energy];
        runs.push(once.log(name, &[("lr", "0.1")], &points).await.context("log a run")?);
    }
    for run in &runs[1..] {
        let diff = json!({"run_id": run, "key": "mlflow.source.git.diff", "value": DIFF});
        once.post("set-tag", diff).await?;
    }
    desk.go(&once.runs(&comparing(&runs))).await?;
    seen(driver, "//main//*[contains(., 'No curves: these metrics were measured once each.')]").await?;
    let plot = seen(driver, &format!("{CARD}//*[@role='group' and @aria-label='Accuracy']")).await?;
    let count = "return document.querySelectorAll('main [data-last-values] [aria-label=Accuracy] rect').length;";
    let all = async || Ok(driver.execute(count, Vec::new()).await?.convert::<u64>()? == 3);
    until("three bars", SHORT, all).await?;
    desk.browser.picture("compare-bars").await?;
    for label in ["Save as CSV", "Save as SVG"] {
        driver.action_chain().context_click_element(&plot).perform().await?;
        press(driver, &format!("//*[@role='menu']//button[normalize-space(.)='{label}']")).await?;
    }
    let text = saved(folder, "Accuracy.csv").await?;
    let lines = ["run,figure,value", "a,Accuracy,0.5", "b,Accuracy,0.75", "c,Accuracy,0.25", ""];
    ensure!(text == lines.join("\r\n"), "saved {text:?}");
    let svg = saved(folder, "Accuracy.svg").await?;
    ensure!(svg.starts_with("<svg") && svg.contains(">b<"), "saved {svg}");
    // What the machine did stands there once it is asked for, and in the address then.
    const ENERGY: &str = "//main//*[@data-last-values]//section[.//h2='GPU 0 energy (kJ)']";
    gone(driver, ENERGY).await?;
    press(driver, "//main//label[contains(@class,'switch') and normalize-space(.)='System metrics']").await?;
    seen(driver, ENERGY).await?;
    seen(driver, "//main//section[.//h2='Last values']//tr[contains(., 'GPU 0 energy (kJ)')]").await?;
    let said = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("system=1"));
    until("the address says the switch", SHORT, said).await?;
    desk.browser.picture("compare-system").await?;
    code(desk).await.context("the card of their code")
}

/// Of several runs the card says the code of two, of which the other is chosen; a file is folded by a press.
async fn code(desk: &Desk) -> Result<()> {
    const CARD: &str = "//main//section[contains(@class,'code-differs')]";
    const LINE: &str = "//pre//*[contains(@class,'good') and contains(., '+rate = 2')]";
    let driver = desk.driver();
    seen(driver, &format!("{CARD}//*[contains(., 'from a')]")).await?;
    seen(driver, &format!("{CARD}//h3[.='Not committed in b']")).await?;
    seen(driver, &format!("{CARD}{LINE}")).await?;
    press(driver, &format!("{CARD}//details[contains(@class,'diff')]/summary[contains(., 'train.py')]")).await?;
    gone(driver, &format!("{CARD}{LINE}")).await.context("a folded file")?;
    choose(desk, "The other run", "c").await?;
    seen(driver, &format!("{CARD}//h3[.='Not committed in c']")).await?;
    press(driver, "//main//button[@aria-label='Pin b as the baseline']").await?;
    seen(driver, &format!("{CARD}//*[contains(., 'from b')]")).await.context("from the baseline").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_runs_are_one_request_and_soon_drawn() {
    Desk::tried("compare-hundred", async |desk, _| hundred(desk).await).await.unwrap();
}

/// 100 runs of 10,000 points each, which go on and are found to be measured meanwhile: how long their series and their drawing take is printed, for bounds hang on the build.
async fn hundred(desk: &Desk) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "hundred").await?;
    let mut runs = Vec::new();
    for at in 0..100 {
        let value = |step: i64| (1.0 + f64::from(at) / 50.0) / (1.0 + step as f64 / 500.0);
        let points: Vec<_> = (0..10_000).map(|step| ("loss", step, value(step))).collect();
        runs.push(sweep.log(&format!("r{at}"), &[("lr", "0.1")], &points).await.context("log a run")?);
    }
    let viewport = |run: &RunId| Viewport::whole(*run, "loss");
    let asked = Viewports { series: runs.iter().map(viewport).collect(), points: 256 };
    let begun = Instant::now();
    let found = desk.client.series(&asked).await?;
    println!("the series of 100 runs came in {:?}", begun.elapsed());
    let whole = |series: &Option<Series>| {
        series.as_ref().is_some_and(|series| series.len() <= 256 && series.step.last() == Some(&9_999.0))
    };
    ensure!(found.len() == 100 && found.iter().all(whole), "{} series came", found.len());

    // A page that is open already, as after a press on Compare; what it asks for is counted.
    desk.go(&sweep.runs("")).await?;
    seen(desk.driver(), "//main//*[@aria-label='Runs']//b").await?;
    let open = "
        window.asked = [];
        const ask = window.fetch.bind(window);
        window.fetch = (to, how) => { window.asked.push(String(to)); return ask(to, how); };
        const link = document.body.appendChild(document.createElement('a'));
        link.href = arguments[0];
        const begun = performance.now();
        link.click();
        link.remove();
        const done = arguments[1];
        const look = () => {
            const lines = [...document.querySelectorAll('main [role=slider][aria-label=loss] path')]
                .filter(path => /\\br-[1-8]\\b/.test(path.getAttribute('class'))).length;
            if (lines < 100) { return requestAnimationFrame(look); }
            done([performance.now() - begun, window.asked.filter(to => to.includes('/api/series')).length, window.asked.length]);
        };
        look();";
    let to = sweep.runs(&comparing(&runs));
    let [millis, series, all] = desk.driver().execute_async(open, vec![json!(to)]).await?.convert::<[f64; 3]>()?;
    println!("100 runs were drawn in {millis:.0} ms, by {all} requests, {series} of them for series");
    ensure!(series <= 2.0 && all <= 12.0, "{all} requests, {series} of them for series");
    // Debug builds of host and pages on a busy machine: the bar of a second is a release build's.
    ensure!(millis < 20_000.0, "100 runs took {millis} ms");
    seen(desk.driver(), "//main//button[.='+ 84 more']").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn more_runs_than_are_drawn_are_compared_as_the_bands_of_their_groups() {
    Desk::tried("compare-bands", async |desk, _| bands(desk).await).await.unwrap();
}

/// From the grouped table to the bands of all its runs, which the address says; another group, another axis, a run that comes.
async fn bands(desk: &Desk) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "bands").await?;
    let mut runs = Vec::new();
    for at in 0..110 {
        let lr = if at % 2 == 0 { "0.1" } else { "0.2" };
        let mut points: Vec<_> =
            (0..10_i64).map(|step| ("loss", step, (1.0 + f64::from(at) / 50.0) / (step + 1) as f64)).collect();
        points.extend((0..10_i64).map(|step| ("tokens", step, 128.0 * step as f64)));
        runs.push(sweep.log(&format!("r{at}"), &[("lr", lr)], &points).await.context("log a run")?);
    }
    let driver = desk.driver();
    desk.go(&sweep.runs("group=param.lr")).await?;
    press(driver, "//main//button[normalize-space(.)='Compare groups']").await?;
    seen(driver, "//main//h1[.='Groups compared']").await?;
    let said = |text: &str| format!("//main//*[@data-bands and .='{text}']");
    seen(driver, &said("Bands of 110 runs in 2 groups.")).await?;
    for group in ["0.1 (55 runs)", "0.2 (55 runs)"] {
        seen(driver, &format!("{LOSS}//*[@class='legend']//button[contains(., '{group}')]")).await?;
    }
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band")?;
    desk.browser.picture("compare-bands").await?;
    let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(search.contains("compare=groups") && search.contains("group=param.lr"), "the address has {search}");
    driver.refresh().await?;
    seen(driver, &said("Bands of 110 runs in 2 groups.")).await.context("after a reload")?;

    // A run that comes is among them a little later.
    sweep.log("late", &[("lr", "0.3")], &[("loss", 0, 1.0), ("loss", 1, 0.5)]).await?;
    until("the run that came", Duration::from_secs(40), async || {
        Ok(!driver.find_all(By::XPath(said("Bands of 111 runs in 3 groups.").as_str())).await?.is_empty())
    })
    .await?;
    choose(desk, "Groups", "No groups").await?;
    seen(driver, &said("Bands of 111 runs in 1 group.")).await?;
    choose(desk, "Along", "Relative time").await?;
    let named = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("along=time"));
    until("the axis in the address", SHORT, named).await?;
    gone(driver, &format!("{LOSS}//*[name()='text'][contains(., 'step')]")).await.context("seconds")?;
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band along time")?;
    choose(desk, "Along", "Share of the run").await?;
    seen(driver, &format!("{LOSS}//*[name()='text'][contains(., 'of the run')]")).await.context("shares")?;
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band along shares")?;
    choose(desk, "Along", "tokens").await?;
    seen(driver, &format!("{LOSS}//*[name()='text'][contains(., 'tokens')]")).await.context("tokens")?;
    seen(driver, &format!("{LOSS}//*[name()='path'][contains(@d, 'Z')]")).await.context("a band along tokens")?;
    press(driver, "//main//a[normalize-space(.)='Close']").await?;
    seen(driver, "//main//*[@aria-label='Groups of runs']//tr").await?;

    // Of a selection of more than are drawn the way to the bands is said.
    desk.go(&sweep.runs(&format!("{}&of=111", comparing(&runs[..4])))).await?;
    colours_stay(desk).await.context("colours")?;
    press(driver, "//main//a[.='See the bands of all that the filter matches']").await?;
    seen(driver, &said("Bands of 111 runs in 1 group.")).await.map(drop)
}

/// A run that is left out takes no other's colour with it, also after the page was loaded anew.
async fn colours_stay(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let colours = async || -> Result<BTreeMap<String, String>> {
        let script = "return Object.fromEntries([...document.querySelectorAll('main .compared-run')].map(chip =>
            [chip.querySelector('a.plain').textContent, (chip.querySelector('i.swatch') || {className: ''}).className]));";
        Ok(driver.execute(script, Vec::new()).await?.convert()?)
    };
    seen(driver, "//main//a[@aria-label='Leave r3 out']").await?;
    let mut expected = colours().await?;
    ensure!(expected.values().collect::<BTreeSet<_>>().len() == 4, "four runs have the colours {expected:?}");
    for name in ["r0", "r2"] {
        press(driver, &format!("//main//a[@aria-label='Leave {name} out']")).await?;
        gone(driver, &format!("//main//a[@aria-label='Leave {name} out']")).await?;
        expected.remove(name);
        let found = colours().await?;
        ensure!(found == expected, "without {name}: {found:?}, not {expected:?}");
    }
    driver.refresh().await?;
    seen(driver, "//main//a[@aria-label='Leave r3 out']").await?;
    let found = colours().await?;
    ensure!(found == expected, "after a reload: {found:?}, not {expected:?}");
    Ok(())
}

fn comparing(runs: &[RunId]) -> String {
    format!("compare={}", runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// Chooses above the charts.
async fn choose(desk: &Desk, label: &str, part: &str) -> Result<()> {
    let option = format!("//main//select[@aria-label='{label}']/option[contains(., '{part}')]");
    Ok(seen(desk.driver(), &option).await?.click().await?)
}

async fn lines(desk: &Desk, count: usize) -> Result<()> {
    let entries = format!("{LOSS}//*[@class='legend']//button");
    let there = async || Ok(desk.driver().find_all(By::XPath(entries.as_str())).await?.len() == count);
    until(&format!("{count} lines"), SHORT, there).await
}

/// A run of ten losses with their accuracies, but for the last step, and a dataset of its own.
async fn log(sweep: &Tracked, at: usize, lr: &str) -> Result<RunId> {
    let mut points = Vec::new();
    for step in 0..10_i64 {
        points.push(("loss", step, (1.0 + at as f64 / 8.0) / (step + 1) as f64));
        if step < 9 {
            points.push(("accuracy", step, 0.9 - 0.5 / (step + 1) as f64 - at as f64 / 100.0));
        }
    }
    let run = sweep.log(&format!("r{at}"), &[("lr", lr)], &points).await?;
    let dataset = json!({"name": "wine", "digest": format!("d{at}"), "source_type": "local", "source": "wine.csv"});
    let context = json!([{"key": "mlflow.data.context", "value": "training"}]);
    let datasets = json!([{"dataset": dataset, "tags": context}]);
    sweep.post("log-inputs", json!({"run_id": run, "datasets": datasets})).await?;
    Ok(run)
}
