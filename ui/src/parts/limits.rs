//! What a run, or all trials of a search together, may use at most, as it is typed.

use api::{host::GetSettings, spending::BudgetConfig};
use leptos::prelude::*;

use super::field::{Labelled, TextField};
use crate::client::query::query;

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    hours: RwSignal<String>,
    cost: RwSignal<String>,
    kwh: RwSignal<String>,
}

impl Limits {
    pub(crate) fn of(budget: &BudgetConfig) -> Self {
        Self {
            hours: RwSignal::new(text(budget.max_hours)),
            cost: RwSignal::new(text(budget.max_cost)),
            kwh: RwSignal::new(text(budget.max_kwh)),
        }
    }

    /// The budget, or what is wrong with it; nothing typed is no limit.
    pub(crate) fn budget(self) -> Result<BudgetConfig, String> {
        let named = |name: &str, typed: RwSignal<String>| {
            typed.with(|typed| number(typed)).map_err(|wanted| format!("{name} at most: {wanted}."))
        };
        Ok(BudgetConfig {
            max_cost: named("The cost", self.cost)?,
            max_hours: named("Hours", self.hours)?,
            max_kwh: named("Kilowatt-hours", self.kwh)?,
        })
    }
}

fn text(most: Option<f64>) -> String {
    most.map_or_else(String::new, |most| most.to_string())
}

/// The limit that is typed, if any, or what was wanted.
fn number(typed: &str) -> Result<Option<f64>, &'static str> {
    match typed.trim() {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(most) if most.is_finite() && most > 0.0 => Ok(Some(most)),
            _ => Err("a number above 0, or nothing"),
        },
    }
}

/// Where whoever reads it finds the prices: nobody is sent to the page that they are on.
const fn where_prices_stand(is_in_settings: bool) -> (&'static str, &'static str) {
    if is_in_settings { ("under", "General, Cost") } else { ("in", "Settings") }
}

/// Three fields: hours, cost and energy.
#[component]
pub(crate) fn LimitFields(
    limits: Limits,
    /// What counts where a field is left empty.
    #[prop(optional)]
    standing: BudgetConfig,
    /// What the limits are of.
    #[prop(into, optional)]
    hint: String,
    /// Whether they stand on a page of the settings.
    #[prop(optional)]
    in_settings: bool,
) -> impl IntoView {
    let (of, prices) = where_prices_stand(in_settings);
    let settings = query(|| Some(GetSettings {}));
    // Until the settings are here, nobody is told that a price is missing.
    let is_priced = Memo::new(move |_| {
        settings.value.with(|settings| {
            settings.as_ref().is_none_or(|known| known.price_per_hour.is_some() || known.price_per_kwh.is_some())
        })
    });
    let currency = Signal::derive(move || {
        let currency = settings.value.with(|settings| settings.as_ref().map(|known| known.currency.clone()));
        currency.filter(|currency| !currency.is_empty()).map_or_else(String::new, |currency| format!("In {currency}."))
    });
    let wrong = |typed: RwSignal<String>| {
        Signal::derive(move || typed.with(|typed| number(typed)).err().map(|wanted| format!("Give {wanted}.")))
    };
    let shown = |most: Option<f64>| most.map_or_else(|| "any".to_owned(), |most| most.to_string());
    // One that stands there already can be taken away without a price, too.
    let no_cost = Signal::derive(move || !is_priced.get() && limits.cost.with(String::is_empty));
    view! {
        <div class="row-form">
            <Labelled label="Hours at most" hint error=wrong(limits.hours)>
                <TextField value=limits.hours placeholder=shown(standing.max_hours) />
            </Labelled>
            <Labelled label="Cost at most" hint=currency error=wrong(limits.cost)>
                <TextField value=limits.cost placeholder=shown(standing.max_cost) disabled=no_cost />
            </Labelled>
            <Labelled label="kWh at most" error=wrong(limits.kwh)>
                <TextField value=limits.kwh placeholder=shown(standing.max_kwh) />
            </Labelled>
        </div>
        {move || (!is_priced.get()).then(|| view! {
            <p class="small muted">"A limit of cost needs a price: set what this machine costs "{of}" "<a class="link" href="/settings">{prices}</a>"."</p>
        })}
    }
}

/// The limits of one run, folded: few runs need their own.
#[component]
pub(crate) fn FoldedLimits(limits: Limits, standing: BudgetConfig) -> impl IntoView {
    view! {
        <details class="folded">
            <summary>"Limits"</summary>
            <div class="form">
                <p class="small muted">"It is stopped at the first that it reaches. An empty field takes the limit that it shows."</p>
                <LimitFields limits standing />
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_the_settings_is_sent_to_the_tab_of_the_prices() {
        assert_eq!(
            [where_prices_stand(true), where_prices_stand(false)].map(|(_, place)| place),
            ["General, Cost", "Settings"]
        );
    }

    #[test]
    fn a_limit_is_a_number_above_0_or_nothing() {
        assert_eq!(number(" "), Ok(None));
        assert_eq!(number(" 1.5 "), Ok(Some(1.5)));
        // JSON has no infinity: it would be taken for no limit.
        for wrong in ["two", "0", "-1", "inf", "NaN"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}
