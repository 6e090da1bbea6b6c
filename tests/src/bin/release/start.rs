//! How soon the window shows its projects: from starting `slipway-desktop` with no host running to
//! the page's second animation frame after the project list is in the document.
//!
//! The pages are measured as they are built: a copy of their folder gets one more script, which
//! looks for the list and tells us by a request on loopback.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use api::host::StopHost;
use client::{
    find::{self, Found},
    workspace::Workspace,
};
use journeys::{
    display::Display,
    host::{self, Host},
    process::Running,
    road, scripted,
};
use tokio::net::TcpListener;

use crate::{
    built,
    figure::{Figures, median},
    memory::SAMPLES,
};

const BAR: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 3;
const STARTS: usize = 5;

/// What one start took, and where the time went.
struct Start {
    whole: Duration,
    /// Until the page's document began.
    page: Duration,
    /// From there until the list was in the document.
    list: Duration,
}

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let (slipway, window) = (built("SLIPWAY_BIN")?, built("SLIPWAY_DESKTOP")?);
    let folder = tempfile::tempdir()?;
    let host = Host::start(&slipway, folder.path()).await?;
    let client = host.client().await?;
    for sample in SAMPLES {
        road::open_sample(&client, sample).await?;
    }
    drop(client);
    drop(host);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let script = SCRIPT.replace("PORT", &listener.local_addr()?.port().to_string());
    let pages = scripted::pages(&built("SLIPWAY_UI")?, folder.path(), &script)?;
    let display = Display::start(folder.path(), 1280, 800)?;
    once(&window, folder.path(), &pages, &display, &listener).await.context("the first start")?;
    let mut best: Option<(Duration, String)> = None;
    for round in 1..=ROUNDS {
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            starts.push(once(&window, folder.path(), &pages, &display, &listener).await?);
        }
        let of = |take: fn(&Start) -> Duration| median(starts.iter().map(take).collect());
        let (whole, page, list) = (of(|start| start.whole), of(|start| start.page), of(|start| start.list));
        let note = format!("page begins after {} ms, list {} ms later", page.as_millis(), list.as_millis());
        println!("start, round {round}: median {} ms; {note}", whole.as_millis());
        if best.as_ref().is_none_or(|(best, _)| whole < *best) {
            best = Some((whole, note));
        }
    }
    let (whole, note) = best.context("no round")?;
    figures.time("window started, no host: the project list is painted", whole, BAR, note);
    Ok(())
}

/// One start, seen to its end; afterwards neither window nor host runs.
async fn once(window: &Path, folder: &Path, pages: &Path, display: &Display, listener: &TcpListener) -> Result<Start> {
    let workspace = Workspace::at(folder.join("workspace"));
    until_nobody(&workspace).await?;
    let mut command = Command::new(window);
    host::environment(&mut command, folder);
    command.env("DISPLAY", &display.name).env("SLIPWAY_UI", pages).current_dir(folder);
    let started = Instant::now();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut running = Running::start("window", &mut command, folder)?;
    let told = tokio::time::timeout(Duration::from_secs(60), scripted::told(listener)).await;
    let whole = started.elapsed();
    running.kill();
    if let Ok(Found::Host(client)) = find::find(&workspace).await {
        // It may end before it answers; `until_nobody` waits for that.
        let _ = client.call(StopHost { stop_work: true }).await;
    }
    until_nobody(&workspace).await?;
    let Ok(told) = told else {
        let said = fs::read_to_string(folder.join("window.log")).unwrap_or_default();
        bail!("the window did not show its projects within 60 s; it said: {said}");
    };
    let told = told?;
    let millis = |name: &str| told[name].as_f64().with_context(|| format!("the page did not say {name}"));
    let origin = Duration::from_secs_f64(millis("origin")? / 1000.0);
    Ok(Start {
        whole,
        page: origin.saturating_sub(since_epoch),
        list: Duration::from_secs_f64(millis("list")? / 1000.0),
    })
}

async fn until_nobody(workspace: &Workspace) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(20);
    while !matches!(find::find(workspace).await, Ok(Found::Nobody)) {
        anyhow::ensure!(Instant::now() < until, "the host did not end within 20 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

const SCRIPT: &str = r#"
(() => {
  const watch = new MutationObserver(() => {
    if (!document.querySelector(".start .card.list a")) return;
    watch.disconnect();
    const list = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const body = JSON.stringify({ origin: performance.timeOrigin, list, painted: performance.now() });
      fetch("http://127.0.0.1:PORT/", { method: "POST", mode: "no-cors", body });
    }));
  });
  watch.observe(document, { childList: true, subtree: true });
})();
"#;
