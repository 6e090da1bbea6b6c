//! The run table by a person's clicks: conditions as chips, groups that open, several orders, a selection of all that
//! match, columns found and pinned.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use journeys::{
    browser::{downloads, gone, press, saved, seen},
    desk::{Desk, ROWS},
    process::until,
    tracked::Tracked,
};
use serde_json::json;
use thirtyfour::{By, Key};

const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn the_run_table_is_filtered_grouped_sorted_and_selected() {
    Desk::tried("run-table", table).await.unwrap();
}

async fn table(desk: &Desk, folder: &Path) -> Result<()> {
    let sweep = Tracked::new(&desk.client, "sweep").await?;
    let log = async |name, lr, loss| sweep.log(name, &[("lr", lr)], &[("loss", 0, loss)]).await.context("log a run");
    for (name, lr, loss) in [("a", "0.1", 0.5), ("b", "0.1", 0.25), ("c", "0.2", 1.0), ("d", "0.2", 0.5)] {
        log(name, lr, loss).await?;
    }
    chips(desk, &sweep).await.context("chips")?;
    orders(desk, &sweep).await.context("several orders")?;
    selected(desk).await.context("select all")?;
    columns(desk).await.context("columns")?;
    widths(desk).await.context("widths of columns")?;
    baseline(desk).await.context("the row menu's baseline")?;
    groups(desk, &sweep).await.context("groups")?;
    coloured(desk).await.context("colours of the metrics")?;
    for (name, lr, loss) in [("e", "0.3", 1.25), ("f", "0.4", 1.5)] {
        log(name, lr, loss).await?;
    }
    plots(desk, &sweep, folder).await.context("charts of the runs")
}

async fn chips(desk: &Desk, sweep: &Tracked) -> Result<()> {
    const EMPTY: &str = "//main//*[contains(@class,'empty')]//p";
    const MEANT: &str = "//main//*[contains(@class,'empty')]//p[contains(., 'Did you mean \"loss\"?')]";
    let driver = desk.driver();
    desk.go(&sweep.runs("sort=name&way=up&filter=param.lr%20%3D%200.1%20and%20metric.loss%20%3C%200.4")).await?;
    desk.shows_runs(&["b"]).await?;
    press(driver, "//main//button[@aria-label='Take metric.loss < 0.4 away']").await?;
    desk.shows_runs(&["a", "b"]).await?;
    let line = seen(driver, "//main//input[@data-filter]").await?;
    let text = line.prop("value").await?.unwrap_or_default();
    ensure!(text == "param.lr = 0.1", "the line has {text:?}");
    // One alone has a chip, too, which leads to its words in the line.
    press(driver, "//main//*[@role='listitem'][contains(., 'param.lr')]//button").await?;
    let chosen =
        "const line = document.activeElement; return line.value?.slice(line.selectionStart, line.selectionEnd);";
    let is_chosen = async || Ok(*driver.execute(chosen, Vec::new()).await?.json() == "param.lr = 0.1");
    until("the words of the chip are selected in the line", SHORT, is_chosen).await?;
    // Where no run has a word, it is said what words are looked for in.
    desk.go(&sweep.runs("filter=nowhere-to-be-read")).await?;
    seen(driver, &format!("{EMPTY}[contains(., 'names, models, params, tags, notes')]")).await?;
    // A metric that no run has is named, and what is meant takes its place.
    let unknown = sweep.runs("filter=param.lr%20%3D%200.1%20and%20metric.los%20%3C%200.4");
    desk.go(&unknown).await?;
    seen(driver, MEANT).await?;
    // It is not said of what is typed since then.
    seen(driver, "//main//input[@data-filter]").await?.send_keys(" and").await?;
    gone(driver, MEANT).await?;
    desk.go(&unknown).await?;
    seen(driver, MEANT).await?;
    desk.browser.picture("run-filter-unknown").await?;
    press(driver, "//main//button[normalize-space(.)='Use loss']").await?;
    desk.shows_runs(&["b"]).await
}

async fn orders(desk: &Desk, sweep: &Tracked) -> Result<()> {
    desk.go(&sweep.runs("sort=param.lr&then=-metric.loss")).await?;
    desk.shows_runs(&["c", "d", "a", "b"]).await?;
    // With Shift an order that was turned goes, and comes again with the best, the least loss, on top.
    let shifted = "const head = [...document.querySelectorAll('main th button.sort')].find(head => head.textContent.startsWith('Loss'));
        head.dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}));";
    desk.driver().execute(shifted, Vec::new()).await?;
    gone(desk.driver(), "//main//th[contains(., 'Loss') and @aria-sort]").await?;
    desk.driver().execute(shifted, Vec::new()).await?;
    desk.shows_runs(&["d", "c", "b", "a"]).await?;
    let search = desk.driver().current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(search.contains("then=") && !search.contains("then=-"), "the address has {search}");
    press(desk.driver(), "//main//th//button[contains(@class,'sort')][starts-with(., 'Loss')]").await?;
    seen(desk.driver(), "//main//th[starts-with(., 'Loss') and @aria-sort='ascending']").await.map(drop)
}

async fn selected(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let table = seen(driver, "//main//*[@role='grid' and @aria-label='Runs']").await?;
    table.send_keys(Key::Control + "a").await?;
    seen(driver, "//main//*[contains(@class,'foot')]//*[.='4 selected']").await?;
    press(driver, "//main//button[@aria-label='Copy, save or export the runs']").await?;
    seen(driver, "//*[@role='menu']//button[contains(., 'Copy 4 selected runs as Markdown')]").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Export 4 selected runs')]").await?;
    exported(desk).await.context("export")
}

/// A place that is taken is refused and said; another one is written. What is selected alone is exported.
async fn exported(desk: &Desk) -> Result<()> {
    const FIELD: &str = "//dialog[@open]//label[contains(., 'New folder')]//input";
    let driver = desk.driver();
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("taken"), "kept")?;
    export_as_csv(desk, &folder.path().join("taken")).await?;
    seen(driver, "//*[contains(., 'is there already')]").await?;
    seen(driver, FIELD).await?.send_keys("-not").await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Export')]").await?;
    gone(driver, "//dialog[@open]").await?;
    let runs = fs::read_to_string(folder.path().join("taken-not/runs.csv"))?;
    ensure!(runs.lines().count() == 5 && runs.contains(",param.lr,metric.loss"), "runs.csv has {runs:?}");
    ensure!(fs::read_to_string(folder.path().join("taken"))? == "kept", "what was there was replaced");

    press(driver, "//main//*[@role='checkbox' and @aria-label='Select d']").await?;
    seen(driver, "//main//*[contains(@class,'foot')]//*[.='3 selected']").await?;
    press(driver, "//main//button[@aria-label='Copy, save or export the runs']").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Export 3 selected runs')]").await?;
    export_as_csv(desk, &folder.path().join("three")).await?;
    gone(driver, "//dialog[@open]").await?;
    let runs = fs::read_to_string(folder.path().join("three/runs.csv"))?;
    ensure!(runs.lines().count() == 4 && !runs.contains(",d,"), "runs.csv has {runs:?}");
    Ok(())
}

/// Chooses in the dialog that is open, and presses what begins it.
async fn export_as_csv(desk: &Desk, to: &Path) -> Result<()> {
    let driver = desk.driver();
    let choose = "const select = document.querySelector('dialog[open] select');
        select.value = 'csv'; select.dispatchEvent(new Event('change', {bubbles: true}));";
    seen(driver, "//dialog[@open]//select").await?;
    driver.execute(choose, Vec::new()).await?;
    seen(driver, "//dialog[@open]//*[contains(., 'points.csv')]").await?;
    let field = seen(driver, "//dialog[@open]//label[contains(., 'New folder')]//input").await?;
    field.send_keys(to.to_string_lossy()).await?;
    press(driver, "//dialog[@open]//footer//button[contains(., 'Export')]").await
}

async fn columns(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    press(driver, "//main//button[@aria-label='Columns']").await?;
    seen(driver, "//dialog//input[@aria-label='Search columns']").await?.send_keys("loss").await?;
    gone(driver, "//dialog//*[@role='listitem'][contains(., 'lr')]").await?;
    press(driver, "//dialog//button[@aria-label='Pin Loss']").await?;
    seen(driver, "//dialog//button[@aria-label='Pin Loss' and @aria-pressed='true']").await?;
    told(desk).await.context("what is told of a metric")?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    seen(driver, "//main//th[contains(@class,'pin') and contains(., 'Loss')]").await.map(drop)
}

/// Its curve goes and comes, and the best is what a person says is good.
async fn told(desk: &Desk) -> Result<()> {
    const CURVE: &str = "//main//th[starts-with(., 'Curve')]";
    let driver = desk.driver();
    seen(driver, CURVE).await?;
    press(driver, "//dialog//button[@aria-label='Curve of Loss' and @aria-pressed='true']").await?;
    gone(driver, CURVE).await?;
    press(driver, "//dialog//button[@aria-label='Curve of Loss' and @aria-pressed='false']").await?;
    seen(driver, CURVE).await?;
    for (way, best) in [("More is better", "1.000"), ("Less, by its name", "0.2500")] {
        let option = format!("//dialog//select[@aria-label='What is good of Loss']/option[.='{way}']");
        seen(driver, &option).await?.click().await?;
        let said =
            format!("//main//*[contains(@class,'foot')]//span[starts-with(., 'Loss: best') and contains(., '{best}')]");
        seen(driver, &said).await?;
    }
    Ok(())
}

/// Beside the metric that ranks each is the stronger coloured, the better it is, but where the switch says otherwise.
async fn coloured(desk: &Desk) -> Result<()> {
    const SWITCH: &str = "//dialog[@open]//label[contains(@class,'switch')][contains(., 'Colour the metrics')]";
    let driver = desk.driver();
    let both = Tracked::new(&desk.client, "both").await?;
    for (name, loss) in [("worse", 0.5), ("better", 0.25)] {
        both.log(name, &[], &[("loss", 0, loss), ("accuracy", 0, 1.0 - loss)]).await.context("log a run")?;
    }
    let shaded = format!("{ROWS}//td[contains(@class,'shade')]");
    let best = format!("{ROWS}[.//b[.='better']]//td[contains(@style,'--shade:100%')][contains(., '0.2500')]");
    desk.go(&both.runs("")).await?;
    seen(driver, &best).await?;
    press(driver, "//main//button[@aria-label='Columns']").await?;
    press(driver, SWITCH).await?;
    gone(driver, &shaded).await?;
    press(driver, SWITCH).await?;
    seen(driver, &best).await?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//dialog[@open]").await
}

/// A column's edge by the pointer and by keys, set back by a double press; its place by dragging in the chooser.
async fn widths(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let path = "//main//th//*[@role='separator' and @aria-label='Width of lr']";
    let width = async || -> Result<f64> {
        let text = seen(driver, path).await?.attr("aria-valuenow").await?.unwrap_or_default();
        text.parse().with_context(|| format!("the width is {text:?}"))
    };
    let first = width().await?;
    let becomes = async |expected: f64| {
        until(&format!("a width of {expected}"), SHORT, async || Ok((width().await? - expected).abs() < 2.0)).await
    };
    // A column may be wider than it says: what is dragged counts from what is seen.
    let seen_wide = "const edge = [...document.querySelectorAll('main th .edge')]
        .find(edge => edge.getAttribute('aria-label') === 'Width of lr');
        return edge.parentElement.getBoundingClientRect().width;";
    let wide = driver.execute(seen_wide, Vec::new()).await?.convert::<f64>()?;
    let edge = seen(driver, path).await?;
    driver.action_chain().click_and_hold_element(&edge).move_by_offset(60, 0).release().perform().await?;
    becomes(wide.round() + 60.0).await.context("dragged")?;
    let now = width().await?;
    seen(driver, path).await?.send_keys("" + Key::Right).await?;
    until("a wider column", SHORT, async || Ok(width().await? > now)).await?;
    driver.action_chain().double_click_element(&seen(driver, path).await?).perform().await?;
    becomes(first).await.context("set back")?;

    press(driver, "//main//button[@aria-label='Columns']").await?;
    let before =
        "//dialog//*[@role='listitem'][contains(., 'Loss')]/following-sibling::*[@role='listitem'][contains(., 'lr')]";
    seen(driver, before).await?;
    // A script drags: the driver's own pointer begins no drag and drop of a page.
    let drag = "const line = name => [...document.querySelectorAll('dialog[open] [role=listitem]')]
            .find(line => line.textContent.includes(name));
        const [from, to] = [line('lr'), line('Loss')];
        for (const [at, kind] of [[from, 'dragstart'], [to, 'dragover'], [to, 'drop'], [from, 'dragend']]) {
            at.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: new DataTransfer()}));
        }";
    driver.execute(drag, Vec::new()).await?;
    gone(driver, before).await.context("dragged before it")?;
    press(driver, "//dialog[@open]//button[@aria-label='Loss further to the left']").await?;
    seen(driver, before).await.context("moved back by its button")?;
    driver.active_element().await?.send_keys(Key::Escape + "").await?;
    gone(driver, "//dialog[@open]").await
}

/// A row's menu compares the picked runs with its own as the baseline.
async fn baseline(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    seen(driver, "//main//*[@role='grid' and @aria-label='Runs']").await?.send_keys(Key::Control + "a").await?;
    seen(driver, "//main//*[contains(@class,'foot')]//*[.='4 selected']").await?;
    let row = seen(driver, &format!("{ROWS}[.//b[.='b']]")).await?;
    driver.action_chain().context_click_element(&row).perform().await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Compare with this as the baseline')]").await?;
    seen(driver, "//main//h1[.='4 runs compared']").await?;
    seen(driver, "//main//button[@aria-label='Pin b as the baseline' and @aria-pressed='true']").await.map(drop)
}

async fn groups(desk: &Desk, sweep: &Tracked) -> Result<()> {
    let driver = desk.driver();
    desk.go(&sweep.runs("group=param.lr")).await?;
    let line = |value: &str| format!("//main//*[@aria-label='Groups of runs']//tr[.//b[.='{value}']]");
    let first = seen(driver, &line("0.1")).await?.text().await?;
    ensure!(first.contains("0.375") && first.contains('±'), "the first group says {first:?}");
    desk.browser.picture("run-groups").await?;
    press(driver, &line("0.2")).await?;
    for run in ["c", "d"] {
        seen(driver, &format!("//main//*[contains(@class,'group-run') and .='{run}']")).await?;
    }
    press(driver, &line("0.2")).await?;
    gone(driver, "//main//*[contains(@class,'group-run')]").await
}

async fn plots(desk: &Desk, sweep: &Tracked, folder: &Path) -> Result<()> {
    let driver = desk.driver();
    desk.go(&sweep.runs("")).await?;
    press(driver, "//main//button[@role='radio' and @aria-label='Parallel']").await?;
    seen(driver, "//main//*[@role='status' and .='6 runs']").await?;
    let most = seen(driver, "//main//*[@aria-label='Axes']//input[@aria-label='Greatest lr']").await?;
    most.send_keys("0.15").await?;
    most.send_keys(Key::Enter + "").await?;
    seen(driver, "//main//*[@role='status' and .='2 brushed of 6 runs']").await?;
    desk.browser.picture("run-parallel").await?;
    let svg = saved_svg(desk, folder, "Parallel coordinates").await?;
    ensure!(svg.contains(">lr<"), "no axis is named in {svg}");
    press(driver, "//main//button[@aria-label=\"Drawing's menu\"]").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save as CSV')]").await?;
    let text = saved(folder, "Parallel coordinates.csv").await?;
    let head = text.starts_with("id,name,param.lr,") && text.contains("metric.loss");
    ensure!(head && text.lines().count() == 3, "of the brushed runs is saved {text:?}");
    dragged(desk).await.context("a brush that is drawn by the pointer")?;
    // Those that are brushed are compared, and Back leads to them.
    press(driver, "//main//button[normalize-space(.)='Compare these']").await?;
    seen(driver, "//main//h1[.='2 runs compared']").await?;
    driver.back().await?;
    seen(driver, "//main//*[@role='status' and .='2 brushed of 6 runs']").await.context("after Back")?;
    press(driver, "//main//button[normalize-space(.)='Filter to these']").await?;
    seen(driver, "//main//*[@role='status' and .='2 runs']").await?;
    let line = seen(driver, "//main//input[@data-filter]").await?;
    let text = line.prop("value").await?.unwrap_or_default();
    ensure!(text == "param.lr <= 0.15", "the line has {text:?}");
    let search = driver.current_url().await?.query().unwrap_or_default().to_owned();
    ensure!(search.contains("view=parallel") && search.contains("filter="), "the address has {search}");
    desk.go(&sweep.runs("view=scatter&x=param.lr&y=metric.loss&colour=metric.loss")).await?;
    seen(driver, "//main//*[@role='status' and .='6 runs']").await?;
    seen(driver, "//main//*[@aria-label='Runs by two values']//*[name()='circle']").await?;
    desk.browser.picture("run-scatter").await?;
    told_within(desk, "//main//*[@aria-label='Runs by two values']", 6).await.context("what is told of a point")?;
    let svg = saved_svg(desk, folder, "Runs by two values").await?;
    ensure!(svg.contains("<circle") && svg.matches("<svg").count() == 3, "no key of the colours in {svg}");
    press(driver, "//main//button[@aria-label=\"Drawing's menu\"]").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save as CSV')]").await?;
    let text = saved(folder, "Runs by two values.csv").await?;
    let head = text.starts_with("id,name,metric.loss,param.lr\r\n");
    ensure!(head && text.lines().count() == 7, "a row a run is not {text:?}");
    contours(desk, folder, &svg).await.context("contours")?;
    logarithmic(desk).await.context("logarithmic axes of a scatter")?;
    desk.go(&sweep.runs("view=importance")).await?;
    seen(driver, "//main//p[starts-with(., '6 runs. Taken one at a time')]").await?;
    seen(driver, "//main//*[@data-unsure][starts-with(., 'Not reliable: 6 runs for 1 parameter')]").await?;
    desk.browser.picture("run-importance").await?;
    told_within(desk, "//main//*[@role='group' and @aria-label='Importance for Loss']", 1)
        .await
        .context("what is told of a bar")?;
    let svg = saved_svg(desk, folder, "Importance for Loss").await?;
    ensure!(svg.contains(">lr<"), "no parameter is named in {svg}");
    press(driver, "//main//button[@aria-label='Copy or save the table']").await?;
    press(driver, "//*[@role='menu']//button[contains(., 'Save as CSV')]").await?;
    let text = saved(folder, "parameters.csv").await?;
    ensure!(text.starts_with("Parameter,Share of the variance,Rank correlation\r\nlr,1,"), "the table is {text:?}");
    // What came since counts once it is computed again.
    sweep.log("g", &[("lr", "0.5")], &[("loss", 0, 2.0)]).await.context("log one more run")?;
    seen(driver, "//main//span[contains(@class,'caption') and .='7 runs']").await?;
    press(driver, "//main//button[normalize-space(.)='Compute again']").await?;
    seen(driver, "//main//p[starts-with(., '7 runs. Taken one at a time')]").await.map(drop)
}

/// By the arrows: what is told of each part ends within the drawing, so that nothing around it scrolls for that.
async fn told_within(desk: &Desk, path: &str, parts: usize) -> Result<()> {
    let within = "const tip = document.querySelector('main .run-plots .tip');
        const [own, all] = [tip, tip && tip.closest('.plot')].map(one => one && one.getBoundingClientRect());
        return !!tip && own.left >= all.left - 1 && own.right <= all.right + 1 && own.bottom <= all.bottom + 1;";
    let plot = seen(desk.driver(), path).await?;
    plot.focus().await?;
    for _ in 0..parts {
        plot.send_keys(Key::Right + "").await?;
        let is_within = async || Ok(desk.driver().execute(within, Vec::new()).await?.convert::<bool>()?);
        until("what is told within the drawing", SHORT, is_within).await?;
    }
    plot.send_keys(Key::Escape + "").await?;
    Ok(())
}

/// By their switches, which the address says: the points stand elsewhere along that axis alone, and then as before.
async fn logarithmic(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let points = "const plot = document.querySelector('main [aria-label=\"Runs by two values\"]');
        return [...plot.querySelectorAll('svg:not(.i) circle')].map(point => [point.getAttribute('cx'), point.getAttribute('cy')]);";
    let places = async || -> Result<(Vec<String>, Vec<String>)> {
        let places = driver.execute(points, Vec::new()).await?.convert::<Vec<(String, String)>>()?;
        Ok(places.into_iter().unzip())
    };
    let turn = async |axis: &str| press(driver, &format!("//main//button[@aria-label='Logarithmic {axis}']")).await;
    let (x, y) = places().await?;
    ensure!(x.len() >= 6, "{} points of 6 runs", x.len());
    let moved = async |along_x: bool, along_y: bool| {
        let is_moved = async || {
            let now = places().await?;
            Ok((now.0 != x, now.1 != y) == (along_x, along_y))
        };
        until(&format!("points that moved along x: {along_x}, along y: {along_y}"), SHORT, is_moved).await
    };
    turn("x").await?;
    moved(true, false).await?;
    turn("y").await?;
    moved(true, true).await?;
    let said =
        async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("log=param.lr,metric.loss"));
    until("the address says both", SHORT, said).await?;
    desk.browser.picture("run-scatter-log").await?;
    turn("x").await?;
    moved(false, true).await?;
    turn("y").await?;
    moved(false, false).await
}

/// Over the contours of its colour by the switch, which the address says; the file has what is seen, and its key.
async fn contours(desk: &Desk, folder: &Path, plain: &str) -> Result<()> {
    const SWITCH: &str = "//main//label[contains(@class,'switch') and normalize-space(.)='Contours']";
    const AREA: &str = "//main//*[@aria-label='Runs by two values']\
        //*[name()='path' and starts-with(@class,'f ') and contains(@d,'Z')]";
    let driver = desk.driver();
    gone(driver, AREA).await?;
    press(driver, SWITCH).await?;
    seen(driver, AREA).await?;
    let said = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("contours=1"));
    until("the address says the contours", SHORT, said).await?;
    desk.browser.picture("run-contours").await?;
    // A second file of this name would get another one.
    fs::remove_file(downloads(folder).join("Runs by two values.svg"))?;
    let svg = saved_svg(desk, folder, "Runs by two values").await?;
    ensure!(svg.contains("Z\"") && !plain.contains("Z\""), "no areas in {svg}");
    let (points, keyed) = (svg.matches("<circle").count(), svg.matches("<svg").count() == 3);
    ensure!(points >= 6 && keyed, "{points} points, with a key of the colours: {keyed}: {svg}");
    driver.refresh().await?;
    seen(driver, AREA).await.context("after a reload")?;
    press(driver, SWITCH).await?;
    gone(driver, AREA).await
}

/// Along the upper half of the axis of the losses, and away again by a click; the address says it once it is let go.
async fn dragged(desk: &Desk) -> Result<()> {
    let driver = desk.driver();
    let brushed = |count: &str| format!("//main//*[@role='status' and .='{count} brushed of 6 runs']");
    let plot = seen(driver, "//main//*[@role='group' and contains(@class,'picture')]").await?;
    let place = "const plot = arguments[0].getBoundingClientRect();
        const name = [...arguments[0].querySelectorAll('text')].find(text => text.textContent === 'Loss').getBoundingClientRect();
        return Math.round((name.left + name.right) / 2 - (plot.left + plot.right) / 2);";
    let x = driver.execute(place, vec![plot.to_json()?]).await?.convert::<i64>()?;
    let drag = |from: i64, to: i64| {
        let chain = driver.action_chain().move_to_element_with_offset(&plot, x, from).click_and_hold();
        chain.move_by_offset(0, to - from).release()
    };
    drag(-60, -150).perform().await?;
    seen(driver, &brushed("0")).await.context("none of those with a small lr has a large loss")?;
    let said = async || Ok(driver.current_url().await?.query().unwrap_or_default().contains("metric.loss"));
    until("the address says the brush", SHORT, said).await?;
    drag(-100, -100).perform().await?;
    seen(driver, &brushed("2")).await?;
    // What the browser takes away, as for a finger that scrolls, drags no more.
    let cancelled = "const [plot, x] = arguments;
        const place = plot.getBoundingClientRect();
        const [left, middle] = [place.left + place.width / 2 + x, place.top + place.height / 2];
        for (const [kind, y] of [['pointerdown', -60], ['pointercancel', -60], ['pointermove', -150]]) {
            const at = {bubbles: true, button: 0, pointerId: 7, clientX: left, clientY: middle + y};
            plot.dispatchEvent(new PointerEvent(kind, at));
        }";
    driver.execute(cancelled, vec![plot.to_json()?, json!(x)]).await?;
    seen(driver, &brushed("2")).await.map(drop)
}

/// Saves the drawing that is shown from its menu.
async fn saved_svg(desk: &Desk, folder: &Path, name: &str) -> Result<String> {
    const MENU: &str = "//button[@aria-label=\"Drawing's menu\"]";
    let plot = "//main//*[@role='group' and contains(@class,'picture')]";
    let drawn = seen(desk.driver(), plot).await?;
    // In the drawing the button stands there once the pointer is over it; in a card's head it always does.
    if !desk.driver().find_all(By::XPath(format!("{plot}{MENU}"))).await?.is_empty() {
        desk.driver().action_chain().move_to_element_center(&drawn).perform().await?;
    }
    press(desk.driver(), &format!("//main{MENU}")).await?;
    press(desk.driver(), "//*[@role='menu']//button[contains(., 'Save as SVG')]").await?;
    let svg = saved(folder, &format!("{name}.svg")).await?;
    ensure!(svg.starts_with("<svg") && !svg.contains("class=\"s "), "{name}: it hangs on a style sheet: {svg}");
    Ok(svg)
}
