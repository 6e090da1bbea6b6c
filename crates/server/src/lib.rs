//! The host's HTTP on loopback: one dispatch, four named kinds of route beside it, static pages.
//!
//! This room knows the wire; what a request does is the engine's. It never listens on anything but
//! 127.0.0.1.

pub mod access;
pub mod activity;
mod blob;
pub mod call;
mod events;
mod guard;
mod large;
pub mod mlflow;
mod opened;
mod pages;
mod refusal;
mod refused;
pub mod sending;
pub mod series;
mod upload;

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, DefaultBodyLimit},
    http::{HeaderName, Method, header},
    middleware,
    routing::{get, post, put},
    serve::Listener,
};
use engine::Engine;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};

use access::Access;
use activity::Activity;
use large::LargeBodies;

/// A call's body: rows with pictures in them are large, everything else is small.
const CALL_LIMIT_BYTES: usize = 64 << 20;
/// Values that a large call has at most: each takes memory by itself once it is read.
const CALL_LIMIT_VALUES: usize = 4 << 20;
/// Large calls that come or wait for their answer at once.
const LARGE_CALLS: usize = 4;
/// Of what anybody may send.
const KEY_LIMIT_BYTES: usize = 64 << 10;
/// How long a connection may take for the head of its next request: half-sent ones would use up our files.
const HEAD_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// Connections of a listener at once. The others wait until one ends, as one does that is idle for 10 s: each takes
/// a file, without which the database can't be read either.
pub const CONNECTIONS: usize = 1_024;
/// How long a browser may keep the answer to a preflight.
const PREFLIGHT_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What every route works with.
#[derive(Clone)]
pub struct Host {
    pub engine: Engine,
    pub access: Arc<Access>,
    pub activity: Arc<Activity>,
    pub port: u16,
    /// Where browsers' drops are kept until a project takes them.
    pub staging: PathBuf,
    /// How long a body may stand still, or a call's body may take.
    pub patience: std::time::Duration,
    /// How long a client may take not one byte of its answer.
    pub write_patience: std::time::Duration,
    /// For large answers that wait for their clients.
    pub room: sending::Room,
    /// Connections of each listener at once, usually [`CONNECTIONS`].
    pub connections: usize,
    /// The pages' folder; without one there is only the API.
    pub pages: Option<PathBuf>,
    /// Cancelled when the host ends: streams say goodbye.
    pub ending: CancellationToken,
}

/// Listens on loopback; port 0 takes any free one.
pub async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Answers until `host.ending` is cancelled, then lets what is under way finish.
pub async fn serve(listener: TcpListener, host: Host) -> std::io::Result<()> {
    upload::forget_old(&host.staging).await;
    let (ending, staging) = (host.ending.clone(), host.staging.clone());
    let bounds = Bounds { write_patience: host.write_patience, connections: host.connections };
    tokio::select! {
        answered = answer(listener, router(host), connections(), bounds, ending) => answered,
        never = upload::forget_old_every(&staging, upload::FORGET_EVERY) => match never {},
    }
}

/// Answers MLflow's clients on a listener of their own, in the same way.
pub async fn serve_mlflow(listener: TcpListener, host: Host) -> std::io::Result<()> {
    let ending = host.ending.clone();
    let bounds = Bounds { write_patience: host.write_patience, connections: host.connections };
    let port = listener.local_addr()?.port();
    let mut server = connections();
    // A client on this machine knows what time it is, and reads no header that is not there.
    server.auto_date_header(false);
    answer(listener, mlflow::router(host, port), server, bounds, ending).await
}

/// What the connections of a listener may take.
struct Bounds {
    write_patience: std::time::Duration,
    connections: usize,
}

fn connections() -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    server
}

async fn answer(
    mut listener: TcpListener,
    router: Router,
    server: http1::Builder,
    bounds: Bounds,
    ending: CancellationToken,
) -> std::io::Result<()> {
    let service = TowerToHyperService::new(router);
    let connections = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let accepting = async {
            let place = Arc::clone(&free).acquire_owned().await;
            (place, Listener::accept(&mut listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepting => accepted,
            () = ending.cancelled() => break,
        };
        // Small answers go at once: a client that waits for one sends nothing that would bring it.
        let _ = stream.set_nodelay(true);
        let service = service.clone();
        let told = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            service.call(request)
        });
        // Each byte that goes out begins the wait anew: a client that reads slowly goes on. What is held of an answer is given
        // up with the connection of one that reads nothing.
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(bounds.write_patience));
        let connection = connections.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), told));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!("a connection broke off: {error}");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
    Ok(())
}

/// Every route, behind the guard.
pub fn router(host: Host) -> Router {
    // Those that need a token: whoever has none takes no place of theirs.
    let large = Router::new()
        .route("/api/call", post(call::call))
        .route("/api/series", get(series::one).post(series::many))
        .layer(DefaultBodyLimit::max(CALL_LIMIT_BYTES))
        .layer(Extension(LargeBodies::new(LARGE_CALLS, (CALL_LIMIT_BYTES, CALL_LIMIT_BYTES), LARGE_CALLS)));
    let routes = Router::new()
        .merge(large)
        .route("/api/session", post(call::open_session).layer(DefaultBodyLimit::max(KEY_LIMIT_BYTES)))
        .route("/api/events", get(events::events))
        .route("/api/runs/{run}/log", get(events::run_log))
        .route("/api/blob/runs/{run}/{*path}", get(blob::artifact))
        .route("/api/blob/versions/{version}/{*path}", get(blob::version_file))
        .route("/api/blob/logged/{model}/{*path}", get(blob::logged_file))
        .route("/api/blob/media/{run}", get(blob::medium))
        .route("/api/blob/media/{run}/whole", get(blob::whole_medium))
        .route("/api/blob/points", get(series::points))
        .route("/api/blob/snapshots/{snapshot}/{*path}", get(blob::picture))
        .route("/api/upload", put(upload::upload).post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/api/{*rest}", get(call::no_such_route).post(call::no_such_route));
    pages::add(routes, host.pages.as_deref())
        .layer(cors(host.port))
        .layer(middleware::from_fn_with_state(host.clone(), guard::guard))
        .with_state(host)
}

/// Lets our window, whose pages have another origin, read the answers.
fn cors(port: u16) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| guard::is_ours(origin, port)))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::RANGE])
        .expose_headers([header::CONTENT_RANGE, HeaderName::from_static(call::REQUEST_ID)])
        .allow_private_network(true)
        .max_age(PREFLIGHT_KEPT)
}
