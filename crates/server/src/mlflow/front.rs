//! What a browser sees at this listener's own address: MLflow's client prints links of MLflow's pages
//! (`/#/experiments/0/runs/ID`), and this page leads from such a link to ours. It says nothing that is not in the
//! link, so it needs no token.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use super::failure::Failure;
use crate::Host;

const PAGE: &str = include_str!("front.html");

/// The page; what it links to is the host's own port.
pub(super) async fn page(State(host): State<Host>) -> Result<Response, Failure> {
    let mut nonce = [0_u8; 16];
    getrandom::fill(&mut nonce).map_err(|error| anyhow::anyhow!("This system gives no random numbers: {error}."))?;
    let nonce = hex::encode(nonce);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = PAGE.replace("@NONCE@", &nonce).replace("@PORT@", &host.port.to_string());
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_SECURITY_POLICY, policy)];
    Ok((headers, page).into_response())
}
