//! The window among those who die: the real program under a display of its own, on the same
//! workspace. A script in its pages tells us what its status line says of the host.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use journeys::{
    display::Display,
    host,
    process::{Running, is_there},
    scripted,
};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch};

use crate::processes;

/// A start under a display without a GPU, beside trainings on every core.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the helpers of WebKit may take to see that their window is gone.
const SOON: Duration = Duration::from_secs(15);
/// A page's clock is coarse.
const COARSE_MS: f64 = 20.0;

/// What a page said last.
#[derive(Debug, Clone, Default, Deserialize)]
struct Said {
    /// When its document began, which tells one window from the next.
    origin_ms: f64,
    /// When it said so. Both since 1970.
    at_ms: f64,
    state: String,
}

pub(crate) struct Window {
    program: PathBuf,
    folder: PathBuf,
    pages: PathBuf,
    display: Display,
    said: watch::Receiver<Said>,
    running: Option<Running>,
    started_ms: f64,
}

impl Window {
    /// Ready to be started; `None`, said in one line, where something for it is missing.
    pub(crate) async fn ready(folder: &Path) -> Result<Option<Self>> {
        let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
        let (Some(program), Some(built)) = (named("SLIPWAY_DESKTOP"), named("SLIPWAY_UI")) else {
            println!("the window is left out: SLIPWAY_DESKTOP or SLIPWAY_UI names nothing built");
            return Ok(None);
        };
        if !is_there("Xvfb") {
            println!("the window is left out: Xvfb is not installed");
            return Ok(None);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let script = SCRIPT.replace("PORT", &listener.local_addr()?.port().to_string());
        let pages = scripted::pages(&built, folder, &script)?;
        let display = Display::start(folder, 1280, 800)?;
        let (sender, said) = watch::channel(Said::default());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Each by itself: one that its window's death cut off holds up no other.
                let sender = sender.clone();
                tokio::spawn(async move {
                    let Ok(told) = scripted::read(stream).await else { return };
                    let Ok(told) = serde_json::from_value::<Said>(told) else { return };
                    sender.send_if_modified(|last| {
                        let newer = told.at_ms >= last.at_ms;
                        if newer {
                            *last = told;
                        }
                        newer
                    });
                });
            }
        });
        let folder = folder.to_owned();
        Ok(Some(Self { program, folder, pages, display, said, running: None, started_ms: 0.0 }))
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        host::environment(&mut command, &self.folder);
        command.env("DISPLAY", &self.display.name).env("SLIPWAY_UI", &self.pages).current_dir(&self.folder);
        self.started_ms = now_ms()?;
        self.running = Some(Running::start("window", &mut command, &self.folder)?);
        Ok(())
    }

    /// Kills it and waits until no process of it is left.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let parts = processes::below(running.id());
        running.kill();
        let until = tokio::time::Instant::now() + SOON;
        loop {
            let left = processes::alive(&parts);
            if left.is_empty() {
                return Ok(());
            }
            ensure!(tokio::time::Instant::now() < until, "the window was killed and left {left:?} behind");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until this window says that it has a host, and said so after `since_ms`.
    pub(crate) async fn has_host(&mut self, since_ms: f64) -> Result<()> {
        let started_ms = self.started_ms;
        let ours = |said: &Said| said.origin_ms > started_ms - COARSE_MS && said.at_ms > since_ms - COARSE_MS;
        let told = self.said.wait_for(|said| ours(said) && said.state == "host");
        let told = tokio::time::timeout(PATIENCE, told).await.map(|told| told.map(drop));
        match told {
            Ok(told) => told.context("nobody listens to the window any more"),
            Err(_) => {
                let last = self.said.borrow().clone();
                let said =
                    if ours(&last) { format!("it said {:?} last", last.state) } else { "it said nothing".into() };
                let printed = std::fs::read_to_string(self.folder.join("window.log")).unwrap_or_default();
                bail!("the window has no host after {} s: {said}, and printed: {printed}", PATIENCE.as_secs())
            }
        }
    }

    /// Whoever else died, the window stands.
    pub(crate) fn still_stands(&mut self) -> Result<()> {
        let ended = self.running.as_mut().is_none_or(Running::has_ended);
        let printed = || std::fs::read_to_string(self.folder.join("window.log")).unwrap_or_default();
        ensure!(!ended, "the window ended by itself; it printed: {}", printed());
        Ok(())
    }
}

pub(crate) fn now_ms() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1000.0)
}

const SCRIPT: &str = r#"
(() => {
  let last = "";
  const look = () => {
    const state = document.querySelector("footer.status [role=status]")?.textContent.trim();
    if (!state || state === last) return;
    last = state;
    const body = JSON.stringify({ origin_ms: performance.timeOrigin, at_ms: Date.now(), state });
    fetch("http://127.0.0.1:PORT/", { method: "POST", mode: "no-cors", body }).catch(() => {});
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
})();
"#;
