//! How fast every page's requests are answered with 10,000 runs. What a page asks is not written
//! down here: each is opened in Chromium, with a script that notes its requests, and those are then
//! sent again, one after another. What only a hand does (sorting, scrolling, zooming) is added.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use api::{
    call::Call,
    dataset::AddData,
    host::MakeKey,
    run::{GetRun, ListRuns, ProjectIdOr},
};
use client::call::Client;
use journeys::{
    addresses::{self, Places},
    browser,
    host::Host,
    road, scripted,
};
use serde::Deserialize;
use thirtyfour::WebDriver;

use crate::{
    built,
    figure::{Figures, median},
    filled,
};

const BAR: Duration = Duration::from_millis(100);
const ROUNDS: usize = 3;
const TIMES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// One request as a page sends it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Asked {
    method: String,
    path: String,
    body: Option<String>,
}

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let slipway = built("SLIPWAY_BIN")?;
    let folder = tempfile::tempdir()?;
    let host = Host::start(&slipway, folder.path()).await?;
    println!("pages: one model through the whole road");
    let places = road_once(&host.client().await?).await?;
    drop(host);

    println!("pages: 10,000 runs, 10,000,000 points");
    let started = Instant::now();
    let long = filled::fill(&folder.path().join("workspace"), places.run).await?;
    println!("   written in {:.0} s", started.elapsed().as_secs_f64());
    let places = Places { run: long, ..places };

    let pages = scripted::pages(&built("SLIPWAY_UI")?, folder.path(), SCRIPT)?;
    let host = Host::start_with(&slipway, folder.path(), |command| {
        command.env("SLIPWAY_UI", &pages);
    })
    .await?;
    let client = host.client().await?;
    let mut asked = seen_in_chromium(&client, folder.path(), &places).await?;
    by_hand(&mut asked, &places)?;

    let mut lines = Vec::new();
    for (request, by) in &asked {
        lines.push((best(&client, request).await?, request, by.join(", ")));
    }
    lines.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
    println!("\n| request | median | asked by |\n|---|---:|---|");
    for (took, request, by) in &lines {
        println!("| {} | {:.1} ms | {by} |", name(request), took.as_secs_f64() * 1000.0);
    }
    let (slowest, request, by) = lines.first().context("no page asked anything")?;
    let note = format!("{} of {} requests; asked by {by}", name(request), lines.len());
    figures.time("slowest request of any page with 10,000 runs", *slowest, BAR, note);
    Ok(())
}

/// One model of every stage, so that each page has something to show: trained, registered, deployed
/// here, asked with shifted traffic until an alert stands.
async fn road_once(client: &Client) -> Result<Places> {
    for sample in crate::memory::SAMPLES {
        road::open_sample(client, sample).await?;
    }
    let project = road::open_sample(client, "card-fraud").await?;
    road::edit(client, project.id, &[("monitoring.window", serde_json::json!("1000 rows"))]).await?;
    let run = road::train(client, project.id).await?;
    let version = road::register(client, run, &["champion"]).await?;
    let target = road::this_machine(client).await?;
    let deployment = road::deploy(client, road::spec("fraud", target, version.id)).await?;
    let mut cell = None;
    for window in 0..3 {
        let seen = road::shifted_window(client, &deployment, project.id, window).await?;
        cell = Some(addresses::loudest(&seen)?);
    }
    let cell = cell.context("no window is closed")?;
    // Two snapshots to compare: the second has the second period too.
    let more = vec![road::second_period(client, project.id).await?];
    let added = client.call(AddData { project: project.id, paths: more }).await?;
    road::finished(client, added.id, Duration::from_secs(300)).await?;
    road::snapshot(client, project.id).await?;
    let job = client.call(GetRun { run }).await?.job.context("the run has no job")?;
    let experiment = addresses::experiment(client).await?;
    let (project, version, deployment) = (project.id, version.id, deployment.id);
    let (logged, search) = (addresses::logged(client).await?, addresses::searched(client).await?);
    Ok(Places {
        project,
        model: run,
        run,
        version,
        deployment,
        job,
        cell,
        changed: project,
        experiment,
        logged,
        search,
    })
}

/// What each page asks when it is opened, with the pages that ask it.
async fn seen_in_chromium(
    client: &Client,
    folder: &Path,
    places: &Places,
) -> Result<BTreeMap<Asked, Vec<&'static str>>> {
    let browser = browser::chromium(folder, 1280, 800).await?;
    let result = open_each(&browser.driver, client, places).await;
    let _ = browser.driver.clone().quit().await;
    result
}

async fn open_each(driver: &WebDriver, client: &Client, places: &Places) -> Result<BTreeMap<Asked, Vec<&'static str>>> {
    let mut all: BTreeMap<Asked, Vec<&'static str>> = BTreeMap::new();
    driver.goto(&client.call(MakeKey {}).await?.address).await?;
    settled(driver).await.context("the first page")?;
    for (page, path) in places.pages().into_iter().chain(places.parts()) {
        driver.goto(format!("{}{path}", client.host().address)).await?;
        let asked = settled(driver).await.with_context(|| format!("the page {page} at {path}"))?;
        ensure!(!asked.is_empty(), "{page} at {path} asked nothing");
        for request in asked {
            let by = all.entry(request).or_default();
            if !by.contains(&page) {
                by.push(page);
            }
        }
    }
    // What every page asks is the frame's.
    let pages = all.values().flatten().collect::<std::collections::BTreeSet<_>>().len();
    for by in all.values_mut().filter(|by| by.len() == pages) {
        *by = vec!["every page"];
    }
    Ok(all)
}

/// Waits until a page has had all its answers, and says what it asked.
async fn settled(driver: &WebDriver) -> Result<Vec<Asked>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = driver.execute("return window.benchAsked && window.benchAsked();", Vec::new()).await?;
        if let Ok(asked) = state.convert::<Vec<Asked>>() {
            return Ok(asked);
        }
        ensure!(Instant::now() < until, "waited {} s for its answers", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What no address asks: the list sorted and scrolled to its end, the curve zoomed to its raw steps.
fn by_hand(asked: &mut BTreeMap<Asked, Vec<&'static str>>, places: &Places) -> Result<()> {
    let list = |filter: &str, sort: Option<&str>, offset| ListRuns {
        project: ProjectIdOr(places.project),
        filter: filter.to_owned(),
        sort: sort.map(str::to_owned),
        descending: true,
        offset,
        limit: Some(200),
        ..ListRuns::default()
    };
    let lists = [
        ("Runs, scrolled to the end", list("", None, 9_800)),
        ("Runs, sorted by a metric", list("", Some("metric.loss/validation"), 0)),
        ("Runs, sorted by a parameter", list("", Some("param.learning_rate"), 5_000)),
        ("Runs, filtered by a metric", list("metric.\"loss/validation\" < 0.5 and tag.batch = \"sweep 7\"", None, 0)),
        ("Runs, a word", list("copy-0999", None, 0)),
    ];
    for (by, params) in lists {
        let body = serde_json::to_string(&Call { method: "run.list".to_owned(), params })?;
        let request = Asked { method: "POST".to_owned(), path: "/api/call".to_owned(), body: Some(body) };
        asked.entry(request).or_default().push(by);
    }
    for (by, from, to) in [("Run, zoomed", 100_000, 200_000), ("Run, zoomed to raw steps", 250_000, 250_800)] {
        let run = places.run;
        let path = format!("/api/series?run={run}&key=loss%2Ftrain&points=900&from={from}&to={to}");
        asked.entry(Asked { method: "GET".to_owned(), path, body: None }).or_default().push(by);
    }
    Ok(())
}

/// The best of three medians of five answers each, after one that warms up.
async fn best(client: &Client, asked: &Asked) -> Result<Duration> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    answer(&http, client, asked).await?;
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            times.push(answer(&http, client, asked).await?);
        }
        best = best.min(median(times));
    }
    Ok(best)
}

/// Until the last byte of an answer, which must be a good one.
async fn answer(http: &reqwest::Client, client: &Client, asked: &Asked) -> Result<Duration> {
    let host = client.host();
    let url = format!("{}{}", host.address, asked.path);
    let mut request = http.request(asked.method.parse()?, url).bearer_auth(&host.token);
    if let Some(body) = &asked.body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    let started = Instant::now();
    let answer = request.send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?;
    let took = started.elapsed();
    let said = || String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    ensure!(status.is_success(), "{} was answered with {status}: {}", name(asked), said());
    Ok(took)
}

/// A request in short: the method and its parameters, without ids.
fn name(asked: &Asked) -> String {
    let call = asked.body.as_deref().and_then(|body| serde_json::from_str::<serde_json::Value>(body).ok());
    let Some(call) = call else {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let query: Vec<&str> = query.split('&').filter(|part| !part.starts_with("run=")).collect();
        return format!("GET {path} {}", query.join(" ")).trim_end().to_owned();
    };
    let mut text = call["method"].as_str().unwrap_or("?").to_owned();
    for (key, value) in call["params"].as_object().into_iter().flatten() {
        let is_id = value.as_str().is_some_and(|text| text.len() == 32);
        let is_empty = value.is_null() || value == "" || value == false;
        if !is_id && !is_empty {
            let _ = write!(text, " {key}={value}");
        }
    }
    text
}

/// Notes requests, and answers `null` until none was under way for 700 ms. Streams have no end and
/// are left out.
const SCRIPT: &str = r#"
(() => {
  const asked = [];
  let open = 0, last = performance.now();
  const real = window.fetch.bind(window);
  window.fetch = (input, init) => {
    const url = new URL(typeof input === "string" ? input : input.url, location.href);
    const path = url.pathname + url.search;
    const noted = url.pathname.startsWith("/api/") && url.pathname !== "/api/session";
    if (!noted || url.pathname === "/api/events" || url.pathname.endsWith("/log")) return real(input, init);
    asked.push({ method: (init && init.method) || "GET", path, body: init && typeof init.body === "string" ? init.body : null });
    open += 1;
    const ended = () => { open -= 1; last = performance.now(); };
    const answer = real(input, init);
    answer.then(ended, ended);
    return answer;
  };
  window.benchAsked = () => open === 0 && asked.length > 0 && performance.now() - last > 700 ? asked : null;
})();
"#;
