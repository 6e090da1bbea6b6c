//! What `slipway-serving` is told: each flag is also an environment variable, so that a pod and a
//! local process are configured the same way. This is what adapters write.
//!
//! | flag | variable | default | |
//! |---|---|---|---|
//! | `--bundle DIR` | `SLIPWAY_BUNDLE` | `/model` | the model's folder, checked before it is used |
//! | `--listen ADDR` | `SLIPWAY_LISTEN` | `0.0.0.0:8080` | predictions, health, metrics; port 0 is any free one |
//! | `--control ADDR` | `SLIPWAY_CONTROL` | `127.0.0.1:8081` | the request log; reached by port-forward in a pod |
//! | `--log-dir DIR` | `SLIPWAY_LOG_DIR` | none | where segments are kept; without it nothing is logged |
//! | `--log-share N` | `SLIPWAY_LOG_SHARE` | `1.0` | share of requests that are logged, 0 to 1 |
//! | `--log-max-bytes N` | `SLIPWAY_LOG_MAX_BYTES` | 256 MiB | above it the oldest segments go |
//! | `--log-days N` | `SLIPWAY_LOG_DAYS` | `14` | segments older than this go |
//! | `--not-logged JSON` | `SLIPWAY_NOT_LOGGED` | `[]` | columns that are not logged, beside those that the model calls sensitive: a list of names |
//! | `--log-segment-rows N` | `SLIPWAY_LOG_SEGMENT_ROWS` | `1000` | a segment closes at this many rows … |
//! | `--log-segment-secs N` | `SLIPWAY_LOG_SEGMENT_SECS` | `60` | … or at this age |
//! | `--token-file FILE` | `SLIPWAY_TOKEN_FILE` | none | the control port then needs `Authorization: Bearer TOKEN` |
//! | `--allowed-hosts A,B` | `SLIPWAY_ALLOWED_HOSTS` | any | the `Host` header must name one of them (without port), on both ports |
//! | `--name NAME` | `SLIPWAY_NAME` | `model` | the model's name in addresses and answers |
//! | `--version-number N` | `SLIPWAY_VERSION_NUMBER` | `1` | its version in addresses and answers |
//! | `--body-limit-bytes N` | `SLIPWAY_BODY_LIMIT_BYTES` | 32 MiB | a larger body is answered 413; where large ones take four times as much together, the next is answered 503 |
//! | `--timeout-secs N` | `SLIPWAY_TIMEOUT_SECS` | `30` | a slower request is answered 504, one that is not whole by then 408 |
//! | `--idle-secs N` | `SLIPWAY_IDLE_SECS` | `75` | a connection whose next request has no whole head by then is closed |
//! | `--write-secs N` | `SLIPWAY_WRITE_SECS` | `30` | a connection that took not one byte of its answer for so long is closed |
//! | `--concurrency N` | `SLIPWAY_CONCURRENCY` | `256` | more requests at once are answered 503 with `Retry-After` |
//! | `--batch-max N` | `SLIPWAY_BATCH_MAX` | `256` | rows computed together over requests |
//! | `--batch-wait-us N` | `SLIPWAY_BATCH_WAIT_US` | `0` | how long a batch waits for more; 0 takes only what is there |
//! | `--ready-file FILE` | `SLIPWAY_READY_FILE` | none | a [`Ready`] as JSON, once requests are taken |
//! | `--handover FILE` | `SLIPWAY_HANDOVER` | none | a socket file by which the next server takes the port over (Unix) |
//! | `--drain-secs N` | `SLIPWAY_DRAIN_SECS` | `30` | longest wait at the end, for requests and for the last fetch |
//!
//! `slipway-serving pre-stop`, with the same flags or variables, is the `preStop` hook: it closes
//! the open segment and waits until it is fetched, `--drain-secs` at the most.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use serde::{Deserialize, Serialize};

/// A client that reads at all takes some of its answer within this time.
const WRITE_SECS: u64 = 30;

/// Serves one Slipway model over HTTP.
#[derive(Debug, Parser)]
#[command(name = "slipway-serving", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) config: Config,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Closes the open log segment of the running server and waits for its fetch.
    PreStop,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Config {
    /// The model's folder.
    #[arg(long, env = "SLIPWAY_BUNDLE", default_value = "/model", global = true)]
    pub(crate) bundle: PathBuf,
    /// Address of predictions, health and metrics.
    #[arg(long, env = "SLIPWAY_LISTEN", default_value = "0.0.0.0:8080", global = true)]
    pub(crate) listen: SocketAddr,
    /// Address of the request log.
    #[arg(long, env = "SLIPWAY_CONTROL", default_value = "127.0.0.1:8081", global = true)]
    pub(crate) control: SocketAddr,
    /// Folder of the request log; without it nothing is logged.
    #[arg(long, env = "SLIPWAY_LOG_DIR", global = true)]
    pub(crate) log_dir: Option<PathBuf>,
    /// Share of requests that are logged, 0 to 1.
    #[arg(long, env = "SLIPWAY_LOG_SHARE", default_value_t = 1.0, value_parser = share, global = true)]
    pub(crate) log_share: f64,
    /// Size of the log from which the oldest segments are dropped.
    #[arg(long, env = "SLIPWAY_LOG_MAX_BYTES", default_value_t = 256 << 20, global = true)]
    pub(crate) log_max_bytes: u64,
    /// Days that segments are kept.
    #[arg(long, env = "SLIPWAY_LOG_DAYS", default_value_t = 14, global = true)]
    pub(crate) log_days: u32,
    /// Columns that are not logged, beside those that the model calls sensitive: a JSON list of names.
    #[arg(long, env = "SLIPWAY_NOT_LOGGED", default_value = "[]", value_parser = names, global = true)]
    pub(crate) not_logged: Names,
    /// Rows at which a segment closes.
    #[arg(long, env = "SLIPWAY_LOG_SEGMENT_ROWS", default_value_t = 1_000, value_parser = at_least_one, global = true)]
    pub(crate) log_segment_rows: usize,
    /// Seconds after which a segment closes.
    #[arg(long, env = "SLIPWAY_LOG_SEGMENT_SECS", default_value_t = 60, global = true)]
    pub(crate) log_segment_secs: u64,
    /// File with the token that the control port asks for.
    #[arg(long, env = "SLIPWAY_TOKEN_FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// Names that the Host header may have, without port; empty allows any.
    #[arg(long, env = "SLIPWAY_ALLOWED_HOSTS", value_delimiter = ',', global = true)]
    pub(crate) allowed_hosts: Vec<String>,
    /// The model's name.
    #[arg(long, env = "SLIPWAY_NAME", default_value = "model", global = true)]
    pub(crate) name: String,
    /// The model's version.
    #[arg(long, env = "SLIPWAY_VERSION_NUMBER", default_value_t = 1, global = true)]
    pub(crate) version_number: u32,
    /// Largest request body.
    #[arg(long, env = "SLIPWAY_BODY_LIMIT_BYTES", default_value_t = 32 << 20, global = true)]
    pub(crate) body_limit_bytes: usize,
    /// Longest time for a request.
    #[arg(long, env = "SLIPWAY_TIMEOUT_SECS", default_value_t = 30, global = true)]
    pub(crate) timeout_secs: u64,
    /// Longest wait of a connection for the head of its next request; longer than a load balancer keeps one.
    #[arg(long, env = "SLIPWAY_IDLE_SECS", default_value_t = 75, global = true)]
    pub(crate) idle_secs: u64,
    /// Longest time in which a connection takes not one byte of its answer; a slow reader takes some.
    #[arg(long, env = "SLIPWAY_WRITE_SECS", default_value_t = WRITE_SECS, global = true)]
    pub(crate) write_secs: u64,
    /// Requests at once.
    #[arg(long, env = "SLIPWAY_CONCURRENCY", default_value_t = 256, value_parser = at_least_one, global = true)]
    pub(crate) concurrency: usize,
    /// Rows computed together over requests.
    #[arg(long, env = "SLIPWAY_BATCH_MAX", default_value_t = 256, value_parser = at_least_one, global = true)]
    pub(crate) batch_max: usize,
    /// Microseconds that a batch waits for more rows.
    #[arg(long, env = "SLIPWAY_BATCH_WAIT_US", default_value_t = 0, global = true)]
    pub(crate) batch_wait_us: u64,
    /// File that says where the server listens, once it does.
    #[arg(long, env = "SLIPWAY_READY_FILE", global = true)]
    pub(crate) ready_file: Option<PathBuf>,
    /// Socket file by which a server takes the port of the one before over, and the next one ours.
    #[arg(long, env = "SLIPWAY_HANDOVER", global = true)]
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix passes sockets on"))]
    pub(crate) handover: Option<PathBuf>,
    /// Longest wait at the end.
    #[arg(long, env = "SLIPWAY_DRAIN_SECS", default_value_t = 30, global = true)]
    pub(crate) drain_secs: u64,
}

/// What the ready file holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// `127.0.0.1:41207`, as chosen.
    pub(crate) listen: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) pid: u32,
    /// New at each start; part of each segment's id.
    pub(crate) instance: String,
    /// BLAKE3 of `bundle.json`.
    pub(crate) content: String,
}

/// Names of columns: any text, so that no character can stand between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) Vec<String>);

fn names(text: &str) -> Result<Names, String> {
    serde_json::from_str(text).map(Names).map_err(|_| "expected a JSON list of names, like [\"name\"]".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number from 1".to_owned()),
    }
}
