//! What supervised runs use, and the budget that stops them.
//!
//! Prices and limits are a run's own from its start, and taken anew when it is resumed. A run of a client
//! costs what it is measured to use here ([`crate::tracking`]), and nothing where it takes place elsewhere. Its
//! project's budget, or without a project that of the settings, ends the run and not its process: that is the user's, who
//! started it without us.

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RunId,
    event::Tag,
    host::Settings,
    project::{Happening, Stage, StationState},
    run::{Run, RunKind},
    spending::{BudgetConfig, Spent, Terms},
};
use store::{run::RunRow, spending::Spending};

use super::process;
use crate::{Engine, project_file, run, settings};

/// Where the budget of a run stands.
pub(crate) const TABLE: &str = "budget";
/// How long a program that was asked to stop by its budget may take before it is ended.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The terms of a run that starts now; refused where a limit of cost could never be reached. `table` is where the
/// budget stands.
pub(crate) async fn terms(engine: &Engine, budget: &BudgetConfig, table: &str) -> anyhow::Result<Terms> {
    let settings = settings::current(engine).await?;
    if budget.max_cost.is_some() && settings.price_per_hour.is_none() && settings.price_per_kwh.is_none() {
        bail!(
            ApiError::invalid(format!("`{table}.max_cost` can't be kept: no price is set, so nothing costs anything."))
                .with_key(format!("{table}.max_cost"))
                .with_hint("Set what this machine costs: `slipway settings set price_per_hour=1.20`.")
        );
    }
    Ok(terms_by(&settings, budget.clone()))
}

fn terms_by(settings: &Settings, budget: BudgetConfig) -> Terms {
    let (per_hour, per_kwh) = (settings.price_per_hour, settings.price_per_kwh);
    Terms { per_hour, per_kwh, currency: settings.currency.clone(), budget, ..Terms::default() }
}

/// The same of a run with limits of its own, which stand before the project's.
pub(super) async fn terms_with(engine: &Engine, own: BudgetConfig, project: &BudgetConfig) -> anyhow::Result<Terms> {
    project_file::check_budget(&own)?;
    let terms = terms(engine, &own.over(project), TABLE).await?;
    Ok(Terms { own, ..terms })
}

/// The terms of a client's run that is measured from now on. It began without asking us, so that nothing is refused: a
/// limit of cost that could never be reached is left out.
pub(crate) fn terms_of_client(settings: &Settings, budget: &BudgetConfig) -> Terms {
    let is_priced = settings.price_per_hour.is_some() || settings.price_per_kwh.is_some();
    terms_by(settings, BudgetConfig { max_cost: budget.max_cost.filter(|_| is_priced), ..budget.clone() })
}

/// Notes that a client's run has used up its budget: the run is over, and its process goes on.
pub(crate) fn end_of_client(
    tx: &store::Transaction<'_>,
    row: &mut RunRow,
    spending: &mut Spending,
    pid: u32,
    now_ms: i64,
) -> store::Result<Option<ApiError>> {
    let spent = spending.spent(now_ms);
    let Some(over) = spent.over() else { return Ok(None) };
    let reason = format!("Over its budget: it used {}.", spent.told(over));
    spending.stopped = Some(reason.clone());
    let limits = match row.run.project {
        Some(_) => "`[budget]` in slipway.toml",
        None => "the limits of runs without a project (Settings, Tracking server)",
    };
    let because = ApiError::new(ErrorCode::Cancelled, reason).with_hint(format!(
        "Slipway ends only what it started: the program, process {pid}, may go on. End it there if it is to stop. \
         Raise {limits} for the next one, or start it by `slipway exec`, which stops with its budget."
    ));
    let run = &mut row.run;
    (run.state, run.ended_ms) = (api::run::RunState::Stopped, Some(now_ms));
    run.ended_because = Some(because.clone());
    store::run::put(tx, row)?;
    if let Some(project) = row.run.project {
        let sentence = format!("[{}]({}) used up its budget; its program may go on", row.run.name, row.run.page());
        let (stage, state) = (Stage::Train, StationState::Warn);
        store::happening::add(tx, project, &Happening { at_ms: now_ms, stage, state, sentence })?;
    }
    Ok(Some(because))
}

/// New terms for what was used already; refused where they let nothing more be used.
pub(super) async fn renewed(
    engine: &Engine,
    run: &Run,
    own: &BudgetConfig,
    project: &BudgetConfig,
) -> anyhow::Result<Spending> {
    let id = run.id;
    let before = engine.store().read(move |c| store::spending::get(c, id)).await?;
    let own = before.as_ref().map_or_else(|| own.clone(), |before| own.over(&before.terms.own));
    let terms = terms_with(engine, own, project).await?;
    let raise = raise(&terms);
    let spending = match before {
        Some(before) => Spending { terms, stopped: None, ..before },
        None => Spending::new(terms),
    };
    let spent = spending.spent(engine.now_ms());
    if let Some(over) = spent.over() {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{} has no budget left: it used {}.", run.name, spent.told(over))
            )
            .with_hint(format!("{raise}, then resume it."))
        );
    }
    Ok(spending)
}

/// How a run is given more, in words that begin a sentence.
fn raise(terms: &Terms) -> &'static str {
    match terms.own.is_empty() {
        true => "Raise `[budget]` in slipway.toml",
        false => "Raise its own limits (`--max-cost`, `--max-hours`, `--max-kwh`)",
    }
}

/// What a run has used until now.
pub(super) async fn spent(engine: &Engine, id: RunId) -> anyhow::Result<Option<Spent>> {
    let found = engine.store().read(move |c| store::spending::get(c, id)).await?;
    Ok(found.map(|spending| spending.spent(engine.now_ms())))
}

/// A process of the run has started.
pub(super) fn begin(tx: &store::Transaction<'_>, id: RunId, now_ms: i64) -> store::Result<()> {
    let Some(mut spending) = store::spending::get(tx, id)? else { return Ok(()) };
    spending.begin(now_ms);
    store::spending::put(tx, id, &spending, now_ms)
}

/// Enters the newest energy, and the end where the run is over, which has the budget's word where that stopped it.
pub(super) fn settle(
    tx: &store::Transaction<'_>,
    row: &mut RunRow,
    joules: Option<f64>,
    now_ms: i64,
) -> store::Result<()> {
    let id = row.run.id;
    let Some(mut spending) = store::spending::get(tx, id)? else { return Ok(()) };
    if let Some(joules) = joules.filter(|joules| joules.is_finite()) {
        spending.joules_now = Some(joules);
    }
    let ended_ms = row.run.ended_ms.filter(|_| row.run.state.is_over());
    if let Some(ended_ms) = ended_ms {
        spending.end(ended_ms);
        let is_cut_short = match row.run.kind {
            // Its worker has the last word: it may have been done already.
            RunKind::Training => row.run.state == api::run::RunState::Stopped,
            _ => true,
        };
        if let Some(reason) = spending.stopped.clone().filter(|_| is_cut_short) {
            row.run.state = api::run::RunState::Stopped;
            let error = ApiError::new(ErrorCode::Cancelled, reason);
            let raise = raise(&spending.terms);
            row.run.ended_because = Some(error.with_hint(match row.run.kind {
                RunKind::Training => format!("{raise} and resume it, or take it as it is."),
                _ => format!("{raise} and run it again."),
            }));
        }
    }
    store::spending::put(tx, id, &spending, ended_ms.unwrap_or(now_ms))
}

/// The watch over one run's budget.
#[derive(Debug, Default)]
pub(super) struct Watch {
    asked: Option<tokio::time::Instant>,
}

impl Watch {
    /// Stops the run where its budget is used up, as a person would, and says why when it first does. A program that
    /// goes on is asked again, which ends it.
    pub(super) async fn check(&mut self, engine: &Engine, id: RunId) -> anyhow::Result<Option<String>> {
        if self.asked.is_some_and(|asked| asked.elapsed() < PATIENCE) {
            return Ok(None);
        }
        let now_ms = engine.now_ms();
        let found = engine.store().read(move |c| store::spending::get(c, id)).await?;
        let Some(spending) = found.filter(|spending| spending.since_ms.is_some()) else { return Ok(None) };
        let spent = spending.spent(now_ms);
        let Some(over) = spent.over() else { return Ok(None) };
        let reason = format!("Stopped by the budget: it used {}.", spent.told(over));
        let is_new = spending.stopped.is_none();
        if is_new {
            let stopped = Some(reason.clone());
            engine
                .store()
                .write(move |tx| {
                    let Some(now) = store::spending::get(tx, id)?.filter(|now| now.since_ms.is_some()) else {
                        return Ok(());
                    };
                    store::spending::put(tx, id, &Spending { stopped, ..now }, now_ms)
                })
                .await?;
            engine.changed(Tag::Run(id));
        }
        self.asked = Some(tokio::time::Instant::now());
        process::ask_to_stop(engine, &run::find(engine, id).await?).await?;
        Ok(is_new.then_some(reason))
    }
}
