//! What compared runs measured once, as bars: there is no curve to lay over another.

use leptos::prelude::*;

use super::{
    comparison::{Seen, roles},
    differs::{Ranked, figures},
    overlaid::Compared,
};
use crate::parts::{button::CopyLine, card::Card, icon, states::Empty, words};

/// Figures that are drawn; the table below has all.
const FIGURES: usize = 6;
/// Runs that a card has room for.
const RUNS: usize = 20;

/// Where a bar begins and how long it is, in percent of its track; nothing of a value that is no number. Nothing lies at
/// the left, or where the values on both sides of it meet.
fn bar(value: f64, values: &[f64]) -> Option<(f64, f64)> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
    let whole = most - least;
    (value.is_finite() && whole > 0.0).then(|| ((value.min(0.0) - least) / whole * 100.0, value.abs() / whole * 100.0))
}

/// Bars of the figures that these runs have, and how a figure becomes a curve.
#[component]
pub(super) fn LastValues(chosen: Memo<Vec<Compared>>, seen: Seen, ranked_by: Ranked) -> impl IntoView {
    let keys = Memo::new(move |_| {
        let mut keys = chosen.with(|chosen| figures(chosen));
        let ranked = ranked_by.get().map(|(key, _)| key);
        keys.sort_by_key(|key| ranked.as_ref() != Some(key));
        keys.truncate(FIGURES);
        keys
    });
    let card = move |key: String| {
        let title = words::key(&key);
        let drawn = chosen.with(|chosen| {
            let roles = seen.bands.with(|bands| roles(chosen, bands));
            let of = |run: &Compared| {
                let class = roles.get(&run.id).map(|role| role.class()).unwrap_or_default();
                Some((run.name.clone(), class, *run.values.get(&key)?))
            };
            chosen.iter().filter_map(of).take(RUNS).collect::<Vec<_>>()
        });
        let values: Vec<f64> = drawn.iter().map(|(_, _, value)| *value).collect();
        let line = |(name, class, value): (String, String, f64)| {
            let mark = bar(value, &values).map(|(from, long)| {
                view! { <i class=class style:left=format!("{from:.2}%") style:width=format!("{long:.2}%")></i> }
            });
            view! {
                <span class="cut muted" title=name.clone()>{name.clone()}</span>
                <span class="track">{mark}</span>
                <span class="num" class:bad=!value.is_finite()>{words::figure(value)}</span>
            }
        };
        let lines = drawn.into_iter().map(line).collect::<Vec<_>>();
        view! { <Card title class="h"><div class="last-bars">{lines}</div></Card> }
    };
    move || {
        if keys.with(Vec::is_empty) {
            return view! {
                <Empty mark=icon::ACTIVITY title="Nothing measured to compare" text="None of these runs logged a metric. What differs in their parameters, code and data stands below." />
            }
            .into_any();
        }
        let left = chosen.with(Vec::len).saturating_sub(RUNS) as u64;
        view! {
            <div class="notices">
                <div class="flex wrap small muted">
                    "No curves: these figures were measured once each. A figure that is logged at several steps is drawn as one:"
                    <CopyLine text="mlflow.log_metric(\"loss\", loss, step=epoch)" />
                </div>
            </div>
            <div class="charts" data-last-values="">{keys.get().into_iter().map(card).collect_view()}</div>
            {(left > 0).then(|| view! { <p class="small muted">{words::counted(left, "more run stands", "more runs stand")}" in the table below."</p> })}
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_nothing_on_both_sides() {
        assert_eq!(bar(2.0, &[2.0, 4.0]), Some((0.0, 50.0)));
        assert_eq!(bar(-1.0, &[-1.0, 3.0]), Some((0.0, 25.0)));
        assert_eq!(bar(3.0, &[-1.0, 3.0]), Some((25.0, 75.0)));
        assert_eq!(bar(f64::NAN, &[f64::NAN, 3.0]), None);
        assert_eq!(bar(0.0, &[0.0]), None);
    }
}
