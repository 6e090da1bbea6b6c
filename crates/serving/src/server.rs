//! The life of the server: open the model, listen, answer, end without losing an answer or a row.
//!
//! At SIGTERM (or Ctrl-C): readiness fails, no new connection is taken, the last request of each one that
//! is kept alive is answered (see [`door`](crate::door)), requests under way are answered (`--drain-secs` at the most),
//! the open log segment is closed, the control port ends last.

use std::{
    fs,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
    serve::Listener,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use infer::{bundle, model::Model};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_io_timeout::TimeoutWriter;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{
    config::{Config, Ready},
    control,
    door::Door,
    guard::{self, Guard},
    metrics::Metrics,
    predictor::Predictor,
    protocol,
    request_log::RequestLog,
};

/// Requests whose pictures are decoded at once, at the most: each may take a quarter of a gigabyte.
const MOST_DECODING: usize = 4;

/// What every handler knows.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) model: Arc<Model>,
    pub(crate) predictor: Predictor,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Option<Arc<RequestLog>>,
    pub(crate) places: Semaphore,
    /// Room for bodies that are being read or answered, in units of [`protocol::ROOM_UNIT`] bytes.
    pub(crate) room: Semaphore,
    /// Requests whose pictures are decoded at once.
    pub(crate) pictures: Semaphore,
    pub(crate) ending: AtomicBool,
    pub(crate) started_ms: i64,
}

pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let end = asked_to_end().context("listen for signals")?;
    let folder = config.bundle.clone();
    let model = tokio::task::spawn_blocking(move || bundle::open(&folder)).await?.context("open the model")?;
    let model = Arc::new(model);
    let metrics = Arc::new(Metrics::default());
    let instance = uuid::Uuid::new_v4().simple().to_string();
    let log = match &config.log_dir {
        // Also where nothing is logged any more: what was logged before is offered, and grows too old.
        Some(path) => {
            let signature = &model.head().signature;
            let log = RequestLog::start(path, &config, signature, instance.clone(), model.content(), metrics.clone())?;
            Some(Arc::new(log))
        }
        None => None,
    };
    let hosts: Arc<[String]> = config.allowed_hosts.iter().filter(|host| !host.is_empty()).cloned().collect();
    let token = token(&config)?.map(|token| blake3::hash(token.as_bytes()));
    let public = public_port(&config).await?;
    let private =
        TcpListener::bind(config.control).await.with_context(|| format!("listen on {} (--control)", config.control))?;
    let ready = Ready {
        listen: public.local_addr()?,
        control: private.local_addr()?,
        pid: std::process::id(),
        instance,
        content: model.content().to_owned(),
    };
    let server = Arc::new(Server {
        predictor: Predictor::start(model.clone(), &config)?,
        places: Semaphore::new(config.concurrency),
        room: Semaphore::new(protocol::room(config.body_limit_bytes)),
        pictures: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from).min(MOST_DECODING)),
        ending: AtomicBool::new(false),
        started_ms: crate::now_ms(),
        model,
        metrics,
        log,
        config,
    });

    #[cfg(unix)]
    let handing = server.config.handover.clone().map(|file| crate::door::Handing::start(file, &public)).transpose()?;
    let (public, key) = Door::new(public)?;
    let (end_public, public_ends) = watch::channel(false);
    let (end_private, private_ends) = watch::channel(false);
    let answers = guarded(protocol::router(server.clone()), Guard { hosts: hosts.clone(), token: None })
        .layer(middleware::map_response_with_state(server.clone(), said_goodbye));
    let logs = guarded(control::router(server.log.clone()), Guard { hosts, token });
    // Both listen by now; whoever comes before the next lines waits for them. A server that can't say where
    // it is ends here, before it took anybody in.
    announce(&server.config, &ready)?;
    let waits = Waits {
        head: Duration::from_secs(server.config.idle_secs),
        write: Duration::from_secs(server.config.write_secs),
    };
    let answering = tokio::spawn(answer(public, answers, waits, public_ends));
    let logging = tokio::spawn(answer(private, logs, waits, private_ends));

    end.await;
    server.ending.store(true, Ordering::Relaxed);
    crate::say("ending: answering the requests that are under way");
    #[cfg(unix)]
    if let Some(handing) = handing {
        handing.stop().await;
    }
    key.close().await;
    let _ = end_public.send(true);
    let longest = Duration::from_secs(server.config.drain_secs);
    if timeout(longest, answering).await.is_err() {
        crate::say(&format!("requests were still under way after {} s and are cut off", longest.as_secs()));
    }
    if let Some(log) = &server.log {
        log.close().await;
    }
    let _ = end_private.send(true);
    // A fetch under way may finish; a connection that is only kept alive is not waited for.
    let _ = timeout(Duration::from_secs(2), logging).await;
    if let Some(file) = &server.config.ready_file {
        let _ = fs::remove_file(file);
    }
    crate::say("ended");
    Ok(())
}

/// The port of the server before, where it hands it over; else our own.
async fn public_port(config: &Config) -> anyhow::Result<TcpListener> {
    #[cfg(unix)]
    if let Some(file) = &config.handover
        && let Some(taken) = crate::door::take(file, config.listen).await
    {
        crate::say("took the port over from the server before");
        return Ok(taken);
    }
    TcpListener::bind(config.listen).await.with_context(|| format!("listen on {} (--listen)", config.listen))
}

/// At the end each answer says that its connection closes, so that the client opens its next one elsewhere.
async fn said_goodbye(State(server): State<Arc<Server>>, mut response: Response) -> Response {
    if server.ending.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The control port's token, where one is asked for.
pub(crate) fn token(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(file) = &config.token_file else { return Ok(None) };
    let text =
        fs::read_to_string(file).with_context(|| format!("read the token in {} (--token-file)", file.display()))?;
    let token = text.trim();
    anyhow::ensure!(!token.is_empty(), "the token file {} is empty: write a token into it", file.display());
    Ok(Some(token.to_owned()))
}

fn guarded(router: Router, guard: Guard) -> Router {
    let plain = |name, value| {
        SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    router
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(plain("x-content-type-options", "nosniff"))
        .layer(plain("cache-control", "no-store"))
}

/// How long a connection may wait.
#[derive(Debug, Clone, Copy)]
struct Waits {
    /// For the head of its next request.
    head: Duration,
    /// For a byte of its answer to be taken.
    write: Duration,
}

/// Answers on each connection until the signal, then lets what is under way finish.
async fn answer<L: Listener>(mut listener: L, answers: Router, waits: Waits, mut ends: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(answers);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(waits.head);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ends.wait_for(|ends| *ends) => break,
        };
        // Each byte that goes out begins the wait anew: a client that reads slowly goes on.
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(waits.write));
        let connection = connections.watch(http.serve_connection(TokioIo::new(Box::pin(stream)), service.clone()));
        // A client that breaks off is no fault of ours, and has nobody to be told.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Says where we listen; a file by renaming, so that a reader never sees half of it.
fn announce(config: &Config, ready: &Ready) -> anyhow::Result<()> {
    if let Some(file) = &config.ready_file {
        let beside = file.with_extension("writing");
        let written = fs::write(&beside, serde_json::to_vec_pretty(ready)?).and_then(|()| fs::rename(&beside, file));
        written.with_context(|| format!("write {} (--ready-file)", file.display()))?;
    }
    let Config { name, version_number, .. } = config;
    crate::say(&format!(
        "{name} v{version_number} answers on http://{}, its log on http://{}",
        ready.listen, ready.control
    ));
    Ok(())
}

/// SIGTERM or SIGINT, from this call on.
#[cfg(unix)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Ctrl-C, Ctrl-Break, or the console's closing, from this call on.
#[cfg(windows)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
    let (mut key, mut pause, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    Ok(async move {
        tokio::select! {
            _ = key.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
        }
    })
}
