//! `slipway serve`: the host. Takes the lock, opens the engine, answers until nobody needs it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use api::{
    ApiError, ErrorCode, PROTOCOL,
    deploy::{Deployment, DeploymentState, ListDeployments},
    event::Event,
    figure::counted,
    host::{GetHost, HostFile, MakeKey, StopHost},
};
use clap::Args;
use client::{
    call::Client,
    find, host_file,
    lock::{self, Held},
    workspace::Workspace,
};
use engine::{Engine, Mode, error::told_of};
use server::{Host, access::Access, activity::Activity};
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context, Outcome, absolute},
    interrupts::Interrupts,
    output::Output,
    places,
    session::{Session, open_engine},
};

/// What the holder of the lock is called in another command's error.
const COMMAND: &str = "slipway serve";
/// Without a client and without work the host ends after this.
const IDLE_SECS: u64 = 600;
const ASK_IDLE: Duration = Duration::from_secs(5);
/// How long a request's body may stand still.
const BODY_PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take not one byte of its answer: as long as `slipway-serving` waits.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(100);
/// How long requests under way may take once the host ends.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long another command may hold the workspace before we say that it does.
const WAIT: Duration = find::PATIENCE;
/// A command that is about to end is waited for without a word.
const BRIEFLY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port on 127.0.0.1; by default that of the host before, or any free one where it is taken
    #[arg(long)]
    port: Option<u16>,
    /// The folder of the pages
    #[arg(long, value_name = "DIR")]
    ui: Option<PathBuf>,
    /// Don't end when nobody needs it
    #[arg(long)]
    keep: bool,
    /// End after so many seconds without a client and without work
    #[arg(long, hide = true, default_value_t = IDLE_SECS)]
    idle_secs: u64,
    /// Ask the running host to end; its trainings and deployments go on
    #[arg(long, conflicts_with_all = ["port", "ui", "keep", "status"])]
    stop: bool,
    /// With --stop: stop running trainings first; they can be resumed
    #[arg(long, requires = "stop")]
    stop_work: bool,
    /// Say who the running host is
    #[arg(long)]
    status: bool,
    /// Leave the session and terminal of whoever starts it
    #[arg(long, hide = true)]
    detached: bool,
}

pub(crate) async fn run(workspace: Workspace, output: Output, serve: Serve) -> Outcome {
    if serve.stop || serve.status {
        return tell_running(workspace, output, &serve).await;
    }
    if serve.detached {
        leave_terminal();
    }
    let held = match hold(&workspace, (!serve.detached).then_some(output)).await? {
        Holder::Us(held) => held,
        Holder::Host(client) => return tell_address(&client, &serve, output).await,
    };
    let pages = match &serve.ui {
        Some(folder) => Some(PathBuf::from(absolute(folder)?)),
        None => places::pages(),
    };
    let engine = open_engine(&workspace, Mode::Host, COMMAND).await?;
    let known = host_file::last_port(&workspace);
    let listener = listen(known, serve.port).await?;
    let port = listener.local_addr().map_err(|error| told_of("ask for the port", error))?.port();
    let access = Access::new().map_err(|error| told_of("make the host's token", error))?;
    let host = Host {
        engine: engine.clone(),
        access: Arc::new(access),
        activity: Arc::new(Activity::default()),
        port,
        staging: engine.workspace().uploads(),
        patience: BODY_PATIENCE,
        write_patience: WRITE_PATIENCE,
        room: server::sending::Room::default(),
        connections: server::CONNECTIONS,
        pages,
        ending: CancellationToken::new(),
    };
    let address = format!("http://127.0.0.1:{port}");
    let file = HostFile {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        pid_started_ms: engine::process::started_ms(std::process::id()).unwrap_or_else(crate::words::now_ms),
        address: address.clone(),
        token: host.access.host_token().to_owned(),
    };
    let signals = Signals::take()?;
    let ending =
        tokio::spawn(until_ended(host.clone(), (!serve.keep).then(|| Duration::from_secs(serve.idle_secs)), signals));
    let serving = tokio::spawn(server::serve(listener, host.clone()));
    serve_mlflow(&workspace, &host).await?;
    host_file::write(&workspace, &file).map_err(|error| told_of("write host.json", error))?;
    // A port that had to be taken instead is not kept: open pages ask at the known one, which is free again some time.
    if known == 0 || serve.port.is_some() {
        host_file::remember_port(&workspace, port);
    }
    tracing::info!(pid = file.pid, address, "the host answers");
    announce(&host, output)?;
    let reason = ending.await.unwrap_or_else(|error| format!("its watch broke off: {error}"));
    finish(&workspace, host, engine, serving, held, &reason).await
}

/// Who has the workspace open.
enum Holder {
    Us(Held),
    /// A host that answers.
    Host(Client),
}

/// Takes the lock, waiting for a holder that ends or starts. Whoever looks on is told what is waited for, and of a host
/// that answers, which is waited for by nobody.
async fn hold(workspace: &Workspace, told: Option<Output>) -> Outcome<Holder> {
    let until = tokio::time::Instant::now() + WAIT;
    let mut told_of_waiting = false;
    loop {
        let busy = match lock::hold(workspace, COMMAND, BRIEFLY).await {
            Ok(held) => return Ok(Holder::Us(held)),
            Err(busy) if busy.code == ErrorCode::Busy => busy,
            // A folder that can't be made or locked is as it is in ten seconds.
            Err(error) => return Err(error),
        };
        if told.is_some()
            && let find::Found::Host(client) = find::find(workspace).await?
        {
            return Ok(Holder::Host(client));
        }
        if tokio::time::Instant::now() >= until {
            return Err(match find::find(workspace).await? {
                find::Found::Host(client) => running(&client),
                find::Found::Nobody | find::Found::Held(_) => busy,
            });
        }
        if let Some(output) = told.filter(|_| !std::mem::replace(&mut told_of_waiting, true)) {
            output.say(&format!("{} Waiting {} s for its end …", busy.message, WAIT.as_secs()));
        }
    }
}

/// Why a second host can't be had.
fn running(client: &Client) -> ApiError {
    let (pid, address) = (client.host().pid, &client.host().address);
    ApiError::new(ErrorCode::Busy, format!("A host runs already: process {pid}, {address}."))
        .with_hint("`slipway open` prints its page's address; `slipway serve --stop` ends it.")
}

/// Tells the address of the host that answers as that told it itself; another port than its own can't be had beside it.
async fn tell_address(client: &Client, serve: &Serve, output: Output) -> Outcome {
    let running = running(client);
    if serve.port.is_some_and(|port| !client.host().address.ends_with(&format!(":{port}"))) {
        return Err(running);
    }
    let page = client.call(MakeKey {}).await?;
    if !output.json {
        output.say(&running.message);
        if serve.keep || serve.ui.is_some() {
            output.say("It goes on as it was started: `slipway serve --stop` ends it, and then another one can start.");
        }
    }
    output.show(&page, |page| page.address.clone())
}

/// At the port that is asked for; else where hosts before answered, so that open pages find this one, or at any.
async fn listen(before: u16, port: Option<u16>) -> Outcome<tokio::net::TcpListener> {
    let listener = match port {
        Some(port) => server::listen(port).await,
        None => match server::listen(before).await {
            Err(error) if before != 0 => {
                tracing::info!(before, "the port of the hosts before can't be taken: {error}");
                server::listen(0).await
            }
            listener => listener,
        },
    };
    listener.map_err(|error| {
        let wanted = port.unwrap_or(0);
        ApiError::new(ErrorCode::Conflict, format!("Can't listen on 127.0.0.1:{wanted}: {error}."))
            .with_hint("Leave out --port to take any free one.")
    })
}

/// Answers MLflow's clients too, at the same port as before where it can be had, else at any, which is not kept: the
/// next host tries the same one again. Where none can be had the host lives on without: the reason is logged, and
/// whoever asks for the address is told.
async fn serve_mlflow(workspace: &Workspace, host: &Host) -> Outcome {
    let settings = engine::settings::current(&host.engine).await.map_err(|error| engine::error::told(&error))?;
    let known = host_file::tracking_port(workspace);
    let mut ports = vec![settings.tracking_port.or(known).unwrap_or(host_file::TRACKING_PORT)];
    ports.extend([0].into_iter().filter(|_| settings.tracking_port.is_none()));
    for port in ports {
        match server::listen(port).await {
            Ok(listener) => {
                let port = listener.local_addr().map_err(|error| told_of("ask for the port", error))?.port();
                host.engine.tracking_port().store(port, std::sync::atomic::Ordering::Relaxed);
                if known.is_none() || settings.tracking_port.is_some() {
                    host_file::remember_tracking_port(workspace, port);
                }
                tokio::spawn(server::serve_mlflow(listener, host.clone()));
                tracing::info!(port, "MLflow's clients are answered");
                return Ok(());
            }
            Err(error) => tracing::warn!(port, "the port for MLflow's clients can't be taken: {error}"),
        }
    }
    Ok(())
}

fn announce(host: &Host, output: Output) -> Outcome {
    let key = host
        .access
        .make_key()
        .map_err(|error| ApiError::new(ErrorCode::Internal, format!("Can't make a key: {error}.")))?;
    let address = server::call::page_address(host.port, &key);
    output.show(&api::host::PageKey { address }, |page| page.address.clone())?;
    if host.pages.is_none() && !output.json {
        output.say("There are no pages beside this program: name their folder with --ui.");
    }
    Ok(())
}

/// Resolves with the reason for which the host ends; where no `idle` is given it stays.
async fn until_ended(host: Host, idle: Option<Duration>, mut signals: Signals) -> String {
    let mut tick = tokio::time::interval(idle.map_or(ASK_IDLE, |idle| (idle / 4).clamp(SOON, ASK_IDLE)));
    loop {
        tokio::select! {
            signal = signals.next() => return signal,
            () = host.ending.cancelled() => return "a client asked it to".to_owned(),
            _ = tick.tick() => {
                crate::give_back_memory();
                let usual = Duration::from_secs(if host.activity.awaits_use() { IDLE_SECS } else { 0 });
                let over = idle.is_some_and(|idle| host.activity.idle() >= idle.max(usual));
                if over && has_no_work(&host.engine).await {
                    return "nobody needed it".to_owned();
                }
            }
        }
    }
}

async fn has_no_work(engine: &Engine) -> bool {
    match engine::dispatch::call(engine, GetHost {}).await {
        Ok(host) => host.work.is_empty(),
        Err(error) => {
            tracing::warn!("can't ask for the work under way: {error}");
            false
        }
    }
}

/// What the system asks us by. Taken once and before anybody knows of us: a signal between two
/// looks would be lost.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    interrupts: Interrupts,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
}

impl Signals {
    #[cfg(unix)]
    fn take() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(|error| told_of("listen for signals", error))?,
            hang_up: signal(SignalKind::hangup()).map_err(|error| told_of("listen for signals", error))?,
            interrupts: Interrupts::take()?,
        })
    }

    #[cfg(windows)]
    fn take() -> Outcome<Self> {
        let close = tokio::signal::windows::ctrl_close().map_err(|error| told_of("listen for signals", error))?;
        Ok(Self { interrupts: Interrupts::take()?, close })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> String {
        tokio::select! {
            _ = self.terminate.recv() => "the system asked it to (SIGTERM)".to_owned(),
            _ = self.hang_up.recv() => "its terminal closed".to_owned(),
            () = self.interrupts.next() => "Ctrl-C was pressed".to_owned(),
        }
    }

    #[cfg(windows)]
    async fn next(&mut self) -> String {
        tokio::select! {
            () = self.interrupts.next() => "Ctrl-C was pressed".to_owned(),
            _ = self.close.recv() => "its console closed".to_owned(),
        }
    }
}

/// Ends in the order in which others rely on us: nobody finds us, streams say goodbye, calls under
/// way end, the database closes, the lock is free.
async fn finish(
    workspace: &Workspace,
    host: Host,
    engine: Engine,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    held: Held,
    reason: &str,
) -> Outcome {
    tracing::info!(reason, "the host ends");
    host_file::remove(workspace);
    engine.events().send(Event::Goodbye { reason: format!("The host ends: {reason}.") });
    host.ending.cancel();
    if tokio::time::timeout(FAREWELL, serving).await.is_err() {
        tracing::warn!("some requests were cut off");
    }
    // A loop or a job may still hold the engine; the next host must not find the database open.
    engine.close().await;
    drop((host, engine));
    drop(held);
    Ok(())
}

async fn tell_running(workspace: Workspace, output: Output, serve: &Serve) -> Outcome {
    let Some(client) = find::host(&workspace).await? else {
        return Err(ApiError::not_found("No host runs.")
            .with_hint("`slipway serve` starts one; `slipway open` does when it is needed."));
    };
    if serve.status {
        let context = Context { workspace, session: Session::Host(client), output, project: None };
        return crate::commands::host::status(&context).await;
    }
    // What is not known of them is no reason not to end.
    let deployments = client.call(ListDeployments { project: None }).await.unwrap_or_default();
    client.call(StopHost { stop_work: serve.stop_work }).await?;
    let pid = client.host().pid;
    let until = tokio::time::Instant::now() + FAREWELL + WAIT;
    while lock::holder(&workspace)?.is_some_and(|holder| holder.pid == pid) {
        if tokio::time::Instant::now() >= until {
            return Err(ApiError::new(
                ErrorCode::Busy,
                format!("The host (process {pid}) was asked to end and has not yet."),
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    output.show(&(), |()| format!("The host (process {pid}) has ended.{}", going_on(&answering(&deployments))))
}

/// Deployments that answer without a host, too.
fn answering(deployments: &[Deployment]) -> Vec<&str> {
    let answers = |one: &&Deployment| {
        matches!(one.state, DeploymentState::Rolling | DeploymentState::Ready | DeploymentState::Degraded)
    };
    deployments.iter().filter(answers).map(|one| one.name.as_str()).collect()
}

/// What is said of them: nobody watches them meanwhile.
fn going_on(names: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let go_on = counted(names.len() as u64, "deployment goes", "deployments go");
    let names = names.join(", ");
    format!("\n{go_on} on answering: {names}. The next host watches again; `slipway deploy delete NAME` ends one.")
}

#[cfg(unix)]
fn leave_terminal() {
    // Fails where we lead a group already, which is as good.
    let _ = rustix::process::setsid();
}

// On Windows the starter's flags have done it.
#[cfg(not(unix))]
fn leave_terminal() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_ends_says_what_goes_on_without_it() {
        assert_eq!(going_on(&[]), "");
        let told = going_on(&["churn", "fraud"]);
        assert!(told.starts_with("\n2 deployments go on answering: churn, fraud."), "{told}");
    }

    #[tokio::test]
    async fn only_a_workspace_that_somebody_holds_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let workspace = Workspace::at(folder.path().join("file/below"));
        let refused = tokio::time::timeout(WAIT / 2, hold(&workspace, None)).await.unwrap();
        assert_eq!(refused.err().unwrap().code, ErrorCode::Internal);
    }
}
