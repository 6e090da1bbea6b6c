//! What a run has used of time, energy and money, and what it may use at most.

use serde::{Deserialize, Serialize};

/// Joules of a kilowatt-hour.
pub const JOULES_PER_KWH: f64 = 3.6e6;
/// The series of the energy of a run's GPUs since its start, in joules, as the meter names it.
pub const ENERGY_JOULES: &str = "system/energy_joules";
const SECONDS_PER_HOUR: f64 = 3600.0;

/// `[budget]`: what each run may use at most; a run that has used it is stopped, as by a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// In the currency of the settings, at their prices.
    pub max_cost: Option<f64>,
    /// Hours in which its process lives; waiting in the queue costs nothing.
    pub max_hours: Option<f64>,
    /// Kilowatt-hours of its GPUs, where they tell their energy.
    pub max_kwh: Option<f64>,
}

impl BudgetConfig {
    pub const fn is_empty(&self) -> bool {
        self.max_cost.is_none() && self.max_hours.is_none() && self.max_kwh.is_none()
    }

    /// These limits, and where one is not set that of another budget.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self {
            max_cost: self.max_cost.or(other.max_cost),
            max_hours: self.max_hours.or(other.max_hours),
            max_kwh: self.max_kwh.or(other.max_kwh),
        }
    }
}

/// The prices and limits under which a run was started or resumed: later changes of the settings don't reach it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Terms {
    pub per_hour: Option<f64>,
    pub per_kwh: Option<f64>,
    pub currency: String,
    pub budget: BudgetConfig,
    /// The limits among them that were given for this run alone: they stay where it is resumed.
    #[serde(default)]
    pub own: BudgetConfig,
    /// Seconds whose price others bear: a client's runs that one process has at the same time bear equal parts of it.
    #[serde(default)]
    pub shared_seconds: f64,
}

impl Terms {
    /// Time and measured energy at these prices; `None` where there is none, or only one of energy that nobody measures.
    pub fn cost(&self, seconds: f64, joules: Option<f64>) -> Option<f64> {
        let borne = (seconds - self.shared_seconds).max(0.0);
        let of_time = self.per_hour.map(|price| price * borne / SECONDS_PER_HOUR);
        let of_energy = self.per_kwh.zip(joules).map(|(price, joules)| price * joules / JOULES_PER_KWH);
        match (of_time, of_energy) {
            (None, None) => None,
            (time, energy) => Some(time.unwrap_or(0.0) + energy.unwrap_or(0.0)),
        }
    }
}

/// What a run has used, all its processes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    pub seconds: f64,
    /// `None` where no GPU told its energy.
    pub joules: Option<f64>,
    pub cost: Option<f64>,
    pub terms: Terms,
}

/// One limit of a budget, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    pub limit: Limit,
    /// `None` where it can't be measured, so that nothing stops the run.
    pub used: Option<f64>,
    pub most: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Cost,
    Hours,
    KilowattHours,
}

impl Used {
    pub fn share(&self) -> Option<f64> {
        self.used.map(|used| used / self.most)
    }
}

impl Spent {
    pub fn new(terms: Terms, seconds: f64, joules: Option<f64>) -> Self {
        Self { seconds, joules, cost: terms.cost(seconds, joules), terms }
    }

    pub fn kwh(&self) -> Option<f64> {
        self.joules.map(|joules| joules / JOULES_PER_KWH)
    }

    /// The limits that are set.
    pub fn limits(&self) -> Vec<Used> {
        let BudgetConfig { max_cost, max_hours, max_kwh } = self.terms.budget;
        let all = [
            (Limit::Cost, self.cost, max_cost),
            (Limit::Hours, Some(self.seconds / SECONDS_PER_HOUR), max_hours),
            (Limit::KilowattHours, self.kwh(), max_kwh),
        ];
        let set = all.into_iter().filter_map(|(limit, used, most)| most.map(|most| Used { limit, used, most }));
        set.collect()
    }

    /// The first limit that is used up.
    pub fn over(&self) -> Option<Used> {
        self.limits().into_iter().find(|limit| limit.share().is_some_and(|share| share >= 1.0))
    }

    /// "0.42 USD", "0.5 h", "0.0021 kWh".
    pub fn amount(&self, limit: Limit, value: f64) -> String {
        match limit {
            Limit::Cost => money(value, &self.terms.currency),
            Limit::Hours => format!("{} h", digits(value)),
            Limit::KilowattHours => format!("{} kWh", digits(value)),
        }
    }

    /// "2.01 h of at most 2 h".
    pub fn told(&self, used: Used) -> String {
        let most = self.amount(used.limit, used.most);
        match used.used {
            Some(value) => format!("{} of at most {most}", self.amount(used.limit, value)),
            None => format!("at most {most}, not watched: no energy is measured here"),
        }
    }
}

/// "0.42 USD": two digits, or two that are not zero.
pub fn money(value: f64, currency: &str) -> String {
    let value = if value == 0.0 || value.abs() >= 0.1 { format!("{value:.2}") } else { digits(value) };
    if currency.is_empty() { value } else { format!("{value} {currency}") }
}

/// Three digits that count, without zeros at the end.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let places = (2 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(budget: BudgetConfig) -> Terms {
        Terms { per_hour: Some(2.0), per_kwh: Some(0.3), currency: "EUR".to_owned(), budget, ..Terms::default() }
    }

    #[test]
    fn cost_is_time_and_measured_energy_at_their_prices() {
        let terms = terms(BudgetConfig::default());
        assert_eq!(terms.cost(1800.0, None), Some(1.0));
        assert_eq!(terms.cost(1800.0, Some(2.0 * JOULES_PER_KWH)), Some(1.6));
        let energy_alone = Terms { per_hour: None, ..terms };
        assert_eq!(energy_alone.cost(1800.0, None), None);
        let shared = Terms { per_hour: Some(2.0), shared_seconds: 900.0, ..Terms::default() };
        assert_eq!(shared.cost(1800.0, None), Some(0.5));
        assert_eq!(Terms::default().cost(1800.0, Some(1.0)), None);
    }

    #[test]
    fn a_limit_is_over_when_it_is_used_up_and_never_where_it_cannot_be_measured() {
        let budget = BudgetConfig { max_cost: Some(1.0), max_hours: Some(2.0), max_kwh: Some(0.001) };
        let spent = |seconds, joules| Spent::new(terms(budget.clone()), seconds, joules);
        assert_eq!(spent(1799.0, None).over(), None);
        let over = spent(1800.0, None).over().unwrap();
        assert_eq!((over.limit, over.share()), (Limit::Cost, Some(1.0)));
        assert_eq!(spent(1800.0, None).told(over), "1.00 EUR of at most 1.00 EUR");
        assert_eq!(spent(1.0, Some(3600.0)).over().map(|used| used.limit), Some(Limit::KilowattHours));
        let unwatched = spent(1.0, None).limits()[2];
        assert!(spent(1.0, None).told(unwatched).contains("no energy is measured"));
    }

    #[test]
    fn amounts_have_the_digits_that_count() {
        assert_eq!(["0.00 X", "0.42 X", "1234.50 X", "0.0042 X"], [0.0, 0.42, 1234.5, 0.0042].map(|v| money(v, "X")));
        assert_eq!(["2", "0.5", "0.00214", "120"], [2.0, 0.5, 0.002_14, 120.0].map(digits));
    }
}
