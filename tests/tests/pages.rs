//! Every page with real content, in both themes and two sizes: nothing fails, nothing is said on the
//! console, nothing sticks out, each control has a name. The pictures of the guide are taken here.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use api::{
    ProjectId,
    host::{GetSettings, MakeKey, PutSettings, Theme},
    run::GetRun,
};
use client::call::Client;
use journeys::{
    addresses::{self, Places},
    browser::{self, Browser},
    host::{self, Host},
    process::{skipped_without, until},
    road,
};
use serde_json::json;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_in_both_themes_and_sizes() {
    if skipped_without(&["chromium", "chromedriver"]) {
        return;
    }
    let needed = ["SLIPWAY_BIN", "SLIPWAY_WORKER", "SLIPWAY_SERVING", "SLIPWAY_UI"].map(host::program);
    let [Some(slipway), Some(_), Some(_), Some(_)] = needed else { return };
    let folder = plain_folder().unwrap();
    let host = Host::start_with(&slipway, folder.path(), |command| {
        command.env("HOME", folder.path()).env("XDG_DOCUMENTS_DIR", folder.path().join("Documents"));
    });
    let host = host.await.unwrap();
    let client = host.client().await.unwrap();
    let places = lived_in(&client).await.unwrap();
    let mut wrong = Vec::new();
    for (theme, theme_name) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let settings = client.call(GetSettings {}).await.unwrap();
        client.call(PutSettings { settings: api::host::Settings { theme, ..settings } }).await.unwrap();
        for (width, height) in [(1280, 800), (1920, 1080)] {
            let around = format!("{theme_name}-{width}");
            let mut pages = places.pages();
            // Each part once small and once large, once in each theme.
            if (theme == Theme::Dark) == (width == 1280) {
                pages.extend(places.parts());
            }
            wrong.extend(looked_at(&client, folder.path(), &pages, width, height, &around).await.unwrap());
        }
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

/// A home whose paths read well on pictures. Where its name is taken (another run, or one that was killed), it gets letters.
fn plain_folder() -> std::io::Result<TempDir> {
    let plain = tempfile::Builder::new().prefix("ada").rand_bytes(0).tempdir();
    plain.or_else(|_| tempfile::Builder::new().prefix("ada-").tempdir())
}

/// A workspace as it is after a day: five projects, runs of three kinds, a model that is deployed and drifts.
async fn lived_in(client: &Client) -> Result<Places> {
    for sample in ["penguins", "digits", "breast-cancer"] {
        road::open_sample(client, sample).await?;
    }
    let project = road::open_sample(client, "card-fraud").await?.id;
    road::edit(client, project, &[("monitoring.window", json!("1000 rows"))]).await?;
    road::edit(client, project, &[("training.model", json!("linear"))]).await?;
    let model = road::train(client, project).await?;
    road::edit(client, project, &[("training.model", json!("default"))]).await?;
    let run = road::train(client, project).await?;
    let version = road::register(client, run, &["champion"]).await?;
    let target = road::this_machine(client).await?;
    let deployment = road::deploy(client, road::spec("card-fraud", target, version.id)).await?;
    let mut cell = None;
    for window in 0..3 {
        cell = Some(addresses::loudest(&road::shifted_window(client, &deployment, project, window).await?)?);
    }
    let job = client.call(GetRun { run }).await?.job.context("the run has no job")?;
    Ok(Places {
        project,
        model,
        run,
        version: version.id,
        deployment: deployment.id,
        job,
        cell: cell.context("no window is closed")?,
        changed: changed(client).await?,
        experiment: addresses::experiment(client).await?,
        logged: addresses::logged(client).await?,
        search: addresses::searched(client).await?,
    })
}

/// Diabetes with a second snapshot, in which everybody is a quarter heavier.
async fn changed(client: &Client) -> Result<ProjectId> {
    let project = road::open_sample(client, "diabetes").await?;
    let table = Path::new(&project.path).join("diabetes.csv");
    road::snapshot(client, project.id).await?;
    let text = std::fs::read_to_string(&table)?;
    let (head, rows) = text.split_once('\n').context("the sample has no rows")?;
    let place = head.split(',').position(|name| name == "bmi").context("no column bmi")?;
    let heavier = |row: &str| -> Result<String> {
        let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        cells[place] = format!("{:.1}", cells[place].parse::<f64>()? * 1.25);
        Ok(cells.join(","))
    };
    let rows = rows.lines().map(heavier).collect::<Result<Vec<_>>>()?;
    std::fs::write(&table, format!("{head}\n{}\n", rows.join("\n")))?;
    road::snapshot(client, project.id).await?;
    Ok(project.id)
}

async fn looked_at(
    client: &Client,
    folder: &Path,
    pages: &[(&str, String)],
    width: u32,
    height: u32,
    around: &str,
) -> Result<Vec<String>> {
    let address = client.call(MakeKey {}).await?.address;
    let origin = address.split("/#").next().context("the address has no key")?.to_owned();
    let folder = folder.join(around);
    std::fs::create_dir_all(&folder)?;
    let browser = browser::chromium(&folder, width, height).await?;
    browser.driver.goto(&address).await?;
    settled(&browser).await.context("the first page")?;
    let mut wrong = Vec::new();
    for (name, path) in pages {
        browser.driver.goto(format!("{origin}{path}")).await?;
        settled(&browser).await.with_context(|| format!("{name} at {path}"))?;
        browser.picture(&format!("{name}-{around}")).await?;
        let found = browser.driver.execute(FINDINGS, Vec::new()).await?.convert::<Vec<String>>()?;
        wrong.extend(found.into_iter().chain(browser.console().await?).map(|what| format!("{name}-{around}: {what}")));
    }
    let _ = browser.driver.clone().quit().await;
    Ok(wrong)
}

/// Waits until the page has its content and nothing moves: no skeleton, no heads of columns without their
/// drawings, and the text stays.
async fn settled(browser: &Browser) -> Result<()> {
    const STATE: &str = "const main = document.querySelector('main'); \
        const heads = document.querySelector('.preview .bars') && !document.querySelector('.preview .bars svg'); \
        const waits = [...document.querySelectorAll('.skeleton')].some(one => one.checkVisibility()); \
        return waits || heads || !main ? '' : main.innerText + document.fonts.status \
        + document.getAnimations().filter(a => a.effect.getTiming().iterations === 1).length;";
    // So many looks that find the same.
    const SAME: usize = 9;
    let mut before = (String::new(), 0);
    let rests = async || {
        let now = browser.driver.execute(STATE, Vec::new()).await?.convert::<String>()?;
        before = if !now.is_empty() && now == before.0 { (now, before.1 + 1) } else { (now, 0) };
        Ok(before.1 >= SAME)
    };
    let settled = until("a page that rests", Duration::from_secs(60), rests).await;
    settled.with_context(|| format!("it reads: {}", before.0))
}

/// What a look at the page finds wrong, as sentences.
const FINDINGS: &str = r#"
const found = [], seen = element => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  // What is folded away has a size all the same.
  return box.width > 0 && box.height > 0 && style.visibility !== 'hidden' && element.checkVisibility();
};
const called = element => `<${element.tagName.toLowerCase()} class="${element.className.baseVal ?? element.className}"> "${
  (element.innerText ?? '').trim().slice(0, 40)}"`;
const root = document.documentElement;
if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide in a window of ${innerWidth}`);
for (const failure of document.querySelectorAll('.failure')) if (seen(failure)) found.push(`it failed: ${failure.innerText}`);
for (const control of document.querySelectorAll('button, a[href], input, select, textarea, [role=button]')) {
  if (!seen(control)) continue;
  const labels = [...(control.labels ?? [])].map(label => label.innerText).join('');
  const name = control.innerText || control.getAttribute('aria-label') || control.title || labels || control.placeholder;
  if (!name?.trim()) found.push(`it has no name: ${control.outerHTML.slice(0, 160)}`);
}
for (const text of document.querySelectorAll('button, h1, h2, h3, label, th')) {
  const style = getComputedStyle(text);
  if (seen(text) && style.textOverflow !== 'ellipsis' && style.overflowX !== 'visible' && text.scrollWidth > text.clientWidth + 1)
    found.push(`its text is cut: ${called(text)}`);
}
for (const body of document.querySelectorAll('.overview .card > .body')) {
  if (seen(body) && getComputedStyle(body).overflowY !== 'visible' && body.scrollHeight > body.clientHeight + 1) found.push(`a card scrolls inside: ${called(body)}`);
}
for (const cell of document.querySelectorAll('.card td, .card th')) {
  // What scrolls or is cut inside of its card ends there.
  let around = cell.parentElement;
  while (!around.matches('.card') && getComputedStyle(around).overflowX === 'visible') around = around.parentElement;
  const sticksOut = cell.getBoundingClientRect().right - around.getBoundingClientRect().right;
  if (seen(cell) && around.matches('.card') && sticksOut > 1) found.push(`it sticks out of its card by ${sticksOut} px: ${called(cell)}`);
}
return found;
"#;
