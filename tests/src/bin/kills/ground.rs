//! Who runs on the workspace: a host, whoever started it, and the window where there can be one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use api::host::StopHost;
use client::{
    call::Client,
    find::{self, Found},
    workspace::Workspace,
};
use journeys::host::{self, Host};
use rand::{Rng as _, rngs::StdRng};

use crate::{
    checks, processes,
    window::{Window, now_ms},
};

pub(crate) struct Ground {
    slipway: PathBuf,
    folder: PathBuf,
    /// The one that we started, dead or alive; the window and commands start others.
    own: Option<Host>,
    pub(crate) window: Option<Window>,
}

impl Ground {
    pub(crate) async fn prepare(slipway: &Path, folder: &Path) -> Result<Self> {
        let window = Window::ready(folder).await?;
        let own = Some(started(slipway, folder).await?);
        let mut ground = Self { slipway: slipway.to_owned(), folder: folder.to_owned(), own, window };
        if let Some(window) = &mut ground.window {
            window.start()?;
            window.has_host(0.0).await?;
        }
        Ok(ground)
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        host::client(&self.folder).await
    }

    /// Kills the host that runs now.
    pub(crate) async fn kill_host(&mut self) -> Result<()> {
        let pid = self.client().await?.host().pid;
        match self.own.take() {
            // Ours is our child: its end is waited for.
            Some(mut own) if own.id() == pid => own.kill(),
            other => {
                processes::kill(pid);
                drop(other);
            }
        }
        Ok(())
    }

    pub(crate) async fn kill_window(&mut self) -> Result<()> {
        match &mut self.window {
            Some(window) => window.kill().await,
            None => Ok(()),
        }
    }

    /// After the host's death: who lives brings it back, or a person does, or both at once.
    pub(crate) async fn host_again(&mut self, died_ms: f64, rng: &mut StdRng) -> Result<()> {
        let by_hand = rng.random_bool(0.3);
        if self.window.is_none() || by_hand {
            self.own = Some(started(&self.slipway, &self.folder).await.context("the host does not start again")?);
        }
        if let Some(window) = &mut self.window {
            window.has_host(died_ms).await.context("the window was left without its host")?;
            let who = if by_hand { "a person and the window look for the host" } else { "the window brings it back" };
            println!("    {who}: {:.0} ms after its death", now_ms()? - died_ms);
        }
        Ok(())
    }

    /// Starts the window again; now and then it dies once more while it starts.
    pub(crate) async fn window_again(&mut self, rng: &mut StdRng) -> Result<()> {
        let Some(window) = &mut self.window else { return Ok(()) };
        let dies_again = rng.random_bool(0.3).then(|| crate::LATEST_DEATH.mul_f64(rng.random::<f64>()));
        window.start()?;
        if let Some(after) = dies_again {
            tokio::time::sleep(after).await;
            window.kill().await?;
            window.start()?;
        }
        window.has_host(0.0).await.context("the window does not come back")
    }

    /// After the death of both: the window starts a host, finds one, or they start side by side.
    pub(crate) async fn both_again(&mut self, rng: &mut StdRng) -> Result<()> {
        let (side_by_side, alone) = (rng.random_bool(0.3), rng.random_bool(0.5));
        if side_by_side && let Some(window) = &mut self.window {
            window.start()?;
            self.own = Some(started(&self.slipway, &self.folder).await.context("the host does not start again")?);
            return window.has_host(0.0).await.context("window and host were started at once");
        }
        if !alone {
            self.own = Some(started(&self.slipway, &self.folder).await.context("the host does not start again")?);
        }
        self.window_again(rng).await
    }

    /// Ends window and host, and waits until nobody has the workspace.
    pub(crate) async fn end(mut self) -> Result<()> {
        if let Some(window) = &mut self.window {
            window.kill().await?;
        }
        // A host that lost the race for the workspace waits for it a while: it must not take over now.
        checks::one_host(&self.folder).await?;
        self.client().await?.call(StopHost { stop_work: false }).await?;
        let workspace = Workspace::at(host::workspace(&self.folder));
        checks::until("the last host ends when asked", checks::SOON, async || {
            Ok(match find::find(&workspace).await? {
                Found::Nobody => Ok(()),
                found => Err(format!("{found:?}")),
            })
        })
        .await
    }

    /// Whoever did not die stands.
    pub(crate) fn window_stands(&mut self) -> Result<()> {
        self.window.as_mut().map_or(Ok(()), Window::still_stands)
    }
}

/// A host whose inference servers live on when it is killed, as a person's do.
async fn started(slipway: &Path, folder: &Path) -> Result<Host> {
    let mut host = Host::start(slipway, folder).await?;
    host.leave_servers();
    Ok(host)
}
