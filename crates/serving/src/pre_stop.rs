//! `slipway-serving pre-stop`: the `preStop` hook of a pod, whose image has no shell to call one.
//!
//! One call to the running server's control port. What is not fetched by then is lost with the
//! pod, and is a stated gap; so is a server that can't be asked, which must not keep the pod.

use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::{config::Config, server};

/// Beyond the wait itself: the call and the closing.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let seconds = config.drain_secs;
    let left = timeout(Duration::from_secs(seconds) + GRACE, ask(config, seconds))
        .await
        .with_context(|| format!("the server at {} did not answer in time", config.control))??;
    if left > 0 {
        crate::say(&format!(
            "{left} segments of the request log were not fetched within {seconds} s and are lost with this instance"
        ));
    }
    Ok(())
}

async fn ask(config: &Config, seconds: u64) -> anyhow::Result<u64> {
    let stream = TcpStream::connect(config.control).await.with_context(|| {
        format!("ask the control port at {}: is the server running, with the same --control?", config.control)
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let host = config.allowed_hosts.first().cloned().unwrap_or_else(|| config.control.to_string());
    let mut request = Request::post(format!("/v1/logs/drain?secs={seconds}")).header(HOST, host);
    if let Some(token) = server::token(config)? {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        bail!("the control port answered {status}: {}", String::from_utf8_lossy(&body));
    }
    let answer: serde_json::Value = serde_json::from_slice(&body).context("read the control port's answer")?;
    answer["left"].as_u64().context("the control port's answer has no \"left\": is it a Slipway server?")
}
