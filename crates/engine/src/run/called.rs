//! Runs by a part of their names, wherever they stand: names alone are read, and no experiment's table.

use api::run::{FindRuns, FoundRun};

use crate::Engine;

/// Runs that are told where nobody says how many.
const SOME: u32 = 20;
const MOST: u32 = 1_000;

pub async fn find(engine: &Engine, request: FindRuns) -> anyhow::Result<Vec<FoundRun>> {
    let words: Vec<String> = request.words.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let limit = request.limit.unwrap_or(SOME).min(MOST) as usize;
    Ok(engine.store().read(move |c| store::run::called(c, &words, limit)).await?)
}
