//! Two distributions of a column over each other, and the words of a comparison.

use api::drift::{ColumnDrift, Distribution, DriftTest, Verdict};
use charts::{
    axis::Axis,
    bars::{self, Bars, Categories, Histogram},
    plot::Size,
    role::Role,
};
use leptos::prelude::*;

use super::{picture::Picture, words};

/// Both sides of a compared column, with a legend.
#[component]
pub(crate) fn TwoDistributions(
    column: ColumnDrift,
    #[prop(into)] reference: String,
    #[prop(into)] current: String,
    /// A bar is chosen, by its place in the distribution.
    #[prop(optional, into)]
    on_bar: Option<Callback<usize>>,
) -> impl IntoView {
    let (first, second) = (reference.clone(), current.clone());
    let Some(distribution) = column.distribution.clone() else {
        return view! { <p class="muted small padded">"Its values are not shown."</p> }.into_any();
    };
    let height = match &distribution {
        Distribution::Numeric { .. } => 150.0,
        Distribution::Categories { values, .. } => 26.0 * values.len().clamp(1, 12) as f64 + 6.0,
    };
    let of = match &distribution {
        Distribution::Numeric { .. } => "bin",
        Distribution::Categories { .. } => "value",
    };
    let (name, called) = (column.column.clone(), column.column.clone());
    view! {
        <Picture name=called of on_part=on_bar draw=move |width, _| {
            let sets = |left: &[u64], right: &[u64]| vec![
                Bars::counted(first.clone(), Role::Series(8), left),
                Bars::counted(second.clone(), Role::Series(2), right),
            ];
            match &distribution {
                Distribution::Numeric { reference, current } => bars::histogram(
                    &Histogram {
                        name: name.clone(),
                        edges: reference.edges.clone(),
                        sets: sets(&reference.counts, &current.counts),
                        x: Axis::default(),
                        has_counts: false,
                    },
                    Size { width, height },
                ),
                Distribution::Categories { values, reference, current } => bars::categories(
                    &Categories {
                        name: name.clone(),
                        values: values.iter().take(12).cloned().collect(),
                        sets: sets(reference, current),
                    },
                    Size { width, height },
                ),
            }
        } />
        <div class="legend">
            <span class="flex"><i class="swatch fill r-8"></i>{reference}</span>
            <span class="flex"><i class="swatch fill r-2"></i>{current}</span>
        </div>
    }
    .into_any()
}

/// What a bar stands for: "12.5 to 15", "blue".
pub(crate) fn bar_name(distribution: &Distribution, bar: usize) -> Option<String> {
    match distribution {
        Distribution::Numeric { current, .. } => bars::bar_name(&current.edges, bar),
        Distribution::Categories { values, .. } => values.get(bar).cloned(),
    }
}

/// A test's name as people say it.
pub(crate) const fn test_name(test: DriftTest) -> &'static str {
    match test {
        DriftTest::Ks => "Kolmogorov–Smirnov",
        DriftTest::Chisquare => "chi²",
        DriftTest::Z => "Z test",
        DriftTest::Wasserstein => "Wasserstein",
        DriftTest::Jensenshannon => "Jensen–Shannon",
        DriftTest::Psi => "PSI",
    }
}

/// The colour and the words of a verdict.
pub(crate) const fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Same => ("good", "same"),
        Verdict::Drifted => ("bad", "drifted"),
        Verdict::TooFewToDecide => ("", "too few to decide"),
        Verdict::NotWatched => ("", "not watched"),
        Verdict::NoValues => ("", "no values"),
    }
}

/// "0.31" or "p 0.002".
pub(crate) fn value(column: &ColumnDrift) -> String {
    let Some(value) = column.value else { return "–".to_owned() };
    if column.test.is_p_value() {
        format!("p {}", words::figure(column.adjusted.unwrap_or(value)))
    } else {
        words::figure(value)
    }
}
