//! What all trials of a search may use together, as it is typed.

use api::spending::BudgetConfig;
use leptos::prelude::*;

use crate::parts::field::{Labelled, TextField};

#[derive(Clone, Copy)]
pub(super) struct Limits {
    hours: RwSignal<String>,
    cost: RwSignal<String>,
    kwh: RwSignal<String>,
}

impl Limits {
    pub(super) fn of(budget: &BudgetConfig) -> Self {
        let text = |most: Option<f64>| RwSignal::new(most.map_or_else(String::new, |most| most.to_string()));
        Self { hours: text(budget.max_hours), cost: text(budget.max_cost), kwh: text(budget.max_kwh) }
    }

    /// The budget, or what is wrong with it; nothing typed is no limit.
    pub(super) fn budget(self) -> Result<BudgetConfig, String> {
        Ok(BudgetConfig {
            max_cost: number(&self.cost.get(), "The cost")?,
            max_hours: number(&self.hours.get(), "Hours")?,
            max_kwh: number(&self.kwh.get(), "Kilowatt-hours")?,
        })
    }
}

fn number(typed: &str, name: &str) -> Result<Option<f64>, String> {
    match typed.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{name} at most: a number, or nothing.")),
    }
}

#[component]
pub(super) fn LimitFields(limits: Limits) -> impl IntoView {
    view! {
        <div class="row-form">
            <Labelled label="Hours at most" hint="Of all trials together."><TextField value=limits.hours placeholder="any" /></Labelled>
            <Labelled label="Cost at most"><TextField value=limits.cost placeholder="any" /></Labelled>
            <Labelled label="kWh at most"><TextField value=limits.kwh placeholder="any" /></Labelled>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_nothing() {
        assert_eq!(number(" ", "Hours"), Ok(None));
        assert_eq!(number(" 1.5 ", "Hours"), Ok(Some(1.5)));
        assert_eq!(number("two", "Hours"), Err("Hours at most: a number, or nothing.".to_owned()));
    }
}
