//! The window's pages, served from a folder: the same files that the desktop shell brings along.

use std::path::Path;

use axum::{Router, http::StatusCode, response::Html, routing::get};
use tower_http::services::{ServeDir, ServeFile};

use crate::Host;

/// Serves the folder; an address of a page that only the pages know gets `index.html`.
pub(crate) fn add(router: Router<Host>, folder: Option<&Path>) -> Router<Host> {
    match folder {
        Some(folder) => {
            let index = ServeFile::new(folder.join("index.html")).precompressed_gzip();
            router.fallback_service(ServeDir::new(folder).precompressed_gzip().fallback(index))
        }
        None => router.fallback(get(async || (StatusCode::NOT_FOUND, Html(NO_PAGES)))),
    }
}

const NO_PAGES: &str = "<!doctype html><meta charset=utf-8><title>Slipway</title>\
<p>This host was started without its pages. Name their folder with <code>slipway serve --ui FOLDER</code>.</p>";
