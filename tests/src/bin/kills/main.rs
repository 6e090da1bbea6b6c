//! Kills the host, the worker, the window and the command line at random moments while they import,
//! snapshot, train, search, register, export and deploy, and looks after each restart whether anything that
//! was acknowledged is gone, anything stands as running without a process, or a process is left over.
//! A window that lives brings its host back; one that died ends no work and finds the host again.
//!
//! `cargo xtask bench kills --times 200 --seed 1`. The seed decides what is done and who is killed when; how far the work had
//! come by then is the machine's.

mod acts;
mod checks;
mod ground;
mod ledger;
mod processes;
mod window;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    acts::{Act, Commands},
    ground::Ground,
    ledger::Ledger,
};

/// Most deaths fall while something is under way.
const LATEST_DEATH: Duration = Duration::from_millis(2_500);

struct Wanted {
    times: u32,
    seed: u64,
    /// Leave the folder for whoever looks into what went wrong.
    keep: bool,
}

fn wanted() -> Result<Wanted> {
    let mut wanted = Wanted { times: 200, seed: 1, keep: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut number = || -> Result<u64> {
            let text = arguments.next().with_context(|| format!("{name} needs a number"))?;
            text.parse().with_context(|| format!("{name} {text} is no number"))
        };
        match name.as_str() {
            "--times" => wanted.times = u32::try_from(number()?)?,
            "--seed" => wanted.seed = number()?,
            "--keep" => wanted.keep = true,
            other => bail!("{other} is no option: there are --times N, --seed S and --keep"),
        }
    }
    Ok(wanted)
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Host,
    Worker,
    HostAndWorker,
    Command,
    Window,
    HostAndWindow,
}

impl Victim {
    fn is_host(self) -> bool {
        matches!(self, Self::Host | Self::HostAndWorker | Self::HostAndWindow)
    }
}

fn victim(rng: &mut StdRng, with_window: bool) -> Victim {
    match rng.random_range(0..if with_window { 14 } else { 10 }) {
        0..=4 => Victim::Host,
        5..=6 => Victim::Worker,
        7 => Victim::HostAndWorker,
        8..=9 => Victim::Command,
        10..=11 => Victim::Window,
        _ => Victim::HostAndWindow,
    }
}

/// How often each of them died, in their order.
type Deaths = [u32; 6];

#[tokio::main]
async fn main() -> Result<()> {
    let wanted = wanted()?;
    let slipway = PathBuf::from(std::env::var_os("SLIPWAY_BIN").context("SLIPWAY_BIN names no program")?);
    let place = tempfile::Builder::new().prefix("slipway-kills-").tempdir()?;
    let folder = place.path().canonicalize()?;
    let mut rng = StdRng::seed_from_u64(wanted.seed);
    let (mut deaths, begun) = (Deaths::default(), Instant::now());
    let result = all(&wanted, &slipway, &folder, &mut rng, &mut deaths).await;
    let leftover = processes::end_all(&folder);
    let [host, worker, both, command, window, with_window] = deaths;
    println!(
        "{} deaths in {} s: {host} of the host, {worker} of a worker, {both} of both, {command} of a command, \
         {window} of the window, {with_window} of window and host",
        deaths.iter().sum::<u32>(),
        begun.elapsed().as_secs(),
    );
    if result.is_err() || wanted.keep {
        println!("the workspace is kept at {}", place.keep().display());
    }
    result?;
    if !leftover.is_empty() {
        bail!("left over at the end: {leftover:?}");
    }
    Ok(())
}

async fn all(wanted: &Wanted, slipway: &Path, folder: &Path, rng: &mut StdRng, deaths: &mut Deaths) -> Result<()> {
    let ledger = Ledger::default();
    let mut ground = Ground::prepare(slipway, folder).await?;
    for time in 1..=wanted.times {
        let victim = victim(rng, ground.window.is_some());
        deaths[victim as usize] += 1;
        let acts: Vec<Act> = (0..rng.random_range(1..=3)).map(|_| Act::any(rng)).collect();
        let after = LATEST_DEATH.mul_f64(rng.random::<f64>());
        println!("{time}: {victim:?} after {} ms of {acts:?}", after.as_millis());
        let said = round(folder, &mut ground, &ledger, victim, &acts, after, rng).await;
        said.with_context(|| format!("round {time} of seed {}: {victim:?} of {acts:?}", wanted.seed))?;
    }
    let client = ground.client().await?;
    checks::stop_all(&client, &ledger).await?;
    checks::whole(&client, &ledger, folder).await?;
    acts::delete_deployments(&client, &ledger).await?;
    ground.end().await?;
    checks::nothing_open(folder)
}

async fn round(
    folder: &Path,
    ground: &mut Ground,
    ledger: &Ledger,
    victim: Victim,
    acts: &[Act],
    after: Duration,
    rng: &mut StdRng,
) -> Result<()> {
    let client = ground.client().await?;
    let commands = Commands::default();
    let mut working = tokio::task::JoinSet::new();
    for act in acts {
        let (act, client, ledger, folder, commands) =
            (act.clone(), client.clone(), ledger.clone(), folder.to_owned(), commands.clone());
        working.spawn(async move { acts::perform(act, &client, &ledger, &folder, &commands).await });
    }
    if victim == Victim::Command {
        let act = Act::Command { nonce: rng.random() };
        let (client, ledger, folder, commands) = (client.clone(), ledger.clone(), folder.to_owned(), commands.clone());
        working.spawn(async move { acts::perform(act, &client, &ledger, &folder, &commands).await });
    }
    tokio::time::sleep(after).await;
    let died_ms = window::now_ms()?;
    let host_pid = client.host().pid;
    let under_way = if victim == Victim::Window { checks::under_way(&client).await? } else { Vec::new() };
    match victim {
        Victim::Host => ground.kill_host().await?,
        Victim::Worker => processes::kill_worker(folder, rng),
        Victim::HostAndWorker => {
            ground.kill_host().await?;
            processes::kill_worker(folder, rng);
        }
        Victim::Command => commands.kill(),
        Victim::Window => ground.kill_window().await?,
        Victim::HostAndWindow => {
            // In either order: the window may see its host die.
            if rng.random() {
                ground.kill_host().await?;
                ground.kill_window().await?;
            } else {
                ground.kill_window().await?;
                ground.kill_host().await?;
            }
        }
    }
    // What is under way now may end, or fail because its counterpart is gone; only what was
    // answered counts.
    working.abort_all();
    while working.join_next().await.is_some() {}
    commands.kill();
    match victim {
        Victim::Window => ground.window_again(rng).await?,
        Victim::HostAndWindow => ground.both_again(rng).await?,
        Victim::Host | Victim::HostAndWorker => ground.host_again(died_ms, rng).await?,
        Victim::Worker | Victim::Command => {}
    }
    ground.window_stands()?;
    let client = ground.client().await?;
    ensure!(victim.is_host() || client.host().pid == host_pid, "the host died of {victim:?}");
    checks::untouched(&client, &under_way).await.context("the window's death touched a job")?;
    checks::settled(&client, ledger, folder).await?;
    checks::whole(&client, ledger, folder).await?;
    // Half of the long trainings go on into the next round, so that they outlive several hosts.
    if rng.random() { checks::stop_all(&client, ledger).await } else { Ok(()) }
}
