//! What all trials of a search have used together, and the budget that stops it.

use anyhow::bail;
use api::{
    ApiError, ErrorCode,
    search::Search,
    spending::{BudgetConfig, Spent, Terms},
};
use store::spending::Spending;

use crate::{Engine, run::spending, settings};

/// Refuses a limit that could never be reached.
pub(super) async fn check(engine: &Engine, budget: &BudgetConfig) -> anyhow::Result<()> {
    spending::terms(engine, budget, "search.budget").await.map(drop)
}

/// What the trials used until now; `None` where the search has no budget.
pub(super) async fn spent(engine: &Engine, search: &Search) -> anyhow::Result<Option<Spent>> {
    if search.config.budget.is_empty() {
        return Ok(None);
    }
    let (id, now_ms) = (search.id, engine.now_ms());
    let of_trials = engine.store().read(move |c| store::spending::of_search(c, id)).await?;
    let currency = settings::current(engine).await?.currency;
    Ok(Some(sum(&of_trials, now_ms, Terms { currency, budget: search.config.budget.clone(), ..Terms::default() })))
}

/// Each trial costs what its own prices say; these terms are the limits of all together.
fn sum(trials: &[Spending], now_ms: i64, terms: Terms) -> Spent {
    let mut all = Spent { seconds: 0.0, joules: None, cost: None, terms };
    let add = |to: &mut Option<f64>, more: Option<f64>| {
        if let Some(more) = more {
            *to = Some(to.unwrap_or(0.0) + more);
        }
    };
    for spent in trials.iter().map(|trial| trial.spent(now_ms)) {
        all.seconds += spent.seconds;
        add(&mut all.joules, spent.joules);
        add(&mut all.cost, spent.cost);
    }
    all
}

/// Why no further trial begins, once the budget is used up.
pub(super) async fn over(engine: &Engine, search: &Search) -> anyhow::Result<Option<ApiError>> {
    let Some(spent) = spent(engine, search).await? else { return Ok(None) };
    Ok(spent.over().map(|used| {
        let message = format!("Stopped by the budget: the trials used {} together.", spent.told(used));
        ApiError::new(ErrorCode::Cancelled, message).with_hint(RAISE)
    }))
}

const RAISE: &str = "Raise `budget` in `[search]` of slipway.toml, then go on with it.";

/// Refuses to go on with a search whose budget lets nothing more be used.
pub(super) async fn renewed(engine: &Engine, search: &Search) -> anyhow::Result<()> {
    check(engine, &search.config.budget).await?;
    if let Some(spent) = spent(engine, search).await?
        && let Some(used) = spent.over()
    {
        bail!(
            ApiError::new(
                ErrorCode::Conflict,
                format!("{} has no budget left: its trials used {} together.", search.name, spent.told(used))
            )
            .with_hint(RAISE)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_together_use_what_each_used_at_its_own_prices() {
        let trial = |per_hour: Option<f64>, seconds: f64, joules: Option<f64>| {
            let terms = Terms { per_hour, ..Terms::default() };
            Spending { seconds, joules, ..Spending::new(terms) }
        };
        let budget = BudgetConfig { max_hours: Some(2.0), max_cost: Some(10.0), ..BudgetConfig::default() };
        let terms = Terms { budget, currency: "EUR".to_owned(), ..Terms::default() };
        let all = sum(&[trial(Some(2.0), 3600.0, None), trial(None, 1800.0, Some(5.0))], 0, terms.clone());
        assert_eq!((all.seconds, all.joules, all.cost), (5400.0, Some(5.0), Some(2.0)));
        assert_eq!(all.over(), None);
        let all = sum(&[trial(None, 3600.0, None), trial(Some(4.0), 3600.0, None)], 0, terms);
        let over = all.over().unwrap();
        assert_eq!(all.told(over), "2 h of at most 2 h");
    }
}
