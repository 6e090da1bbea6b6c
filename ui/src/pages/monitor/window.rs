//! One column of one window: both distributions, the test with its limits, both verdicts, and the rows.

use api::monitor::{GetWindow, Monitoring, WindowDetail};
use leptos::prelude::*;

use super::{
    Chosen,
    rows::{LoggedRows, Which},
};
use crate::{
    client::query::query,
    parts::{
        card::{Card, Chip},
        distribution::{TwoDistributions, test_name, value, verdict},
        states::{Failure, Skeleton},
        words,
    },
};

#[component]
pub(super) fn Detail(now: Signal<Monitoring>, chosen: RwSignal<Option<Chosen>>) -> impl IntoView {
    // Without a choice: the loudest column of the newest window.
    let shown = Memo::new(move |_| {
        chosen.get().or_else(|| {
            now.with(|now| {
                let newest = now.windows.last()?;
                let loudest = newest.cells.iter().max_by(|left, right| left.intensity.total_cmp(&right.intensity))?;
                Some(Chosen { window: newest.id, column: loudest.column.clone() })
            })
        })
    });
    let window = query(move || shown.get().map(|chosen| GetWindow { window: chosen.window }));
    move || {
        let chosen = shown.get()?;
        let title = chosen.column.clone();
        Some(view! {
            <Card title=title>
                {move || match (window.value.get(), window.error.get()) {
                    (Some(detail), _) => column(&detail, &chosen.column),
                    (None, Some(error)) => view! { <Failure error again=move || window.refresh() /> }.into_any(),
                    (None, None) => view! { <Skeleton lines=4 /> }.into_any(),
                }}
            </Card>
        })
    }
}

fn column(detail: &WindowDetail, name: &str) -> AnyView {
    let Some(column) = detail.report.columns.iter().find(|column| column.column == name).cloned() else {
        return view! { <p class="muted small">"This window has no such column."</p> }.into_any();
    };
    let (tone, said) = verdict(column.verdict);
    let measured = format!("{} {}", test_name(column.test), value(&column));
    let limit = if column.test.is_p_value() {
        format!("p under {}", words::figure(column.threshold))
    } else {
        format!("at least {}", words::figure(column.threshold))
    };
    let floor = column.floor.map_or_else(|| "–".to_owned(), words::figure);
    // It knows no correction and no chance: the bare figure decides.
    let bare = column.value.map(words::figure).unwrap_or_default();
    let bare = if column.test.is_p_value() { format!("p {bare}") } else { bare };
    let evidently = match column.evidently_drifted {
        Some(true) => format!("drifted, at {bare}"),
        Some(false) => format!("same, at {bare}"),
        None => "–".to_owned(),
    };
    let missing = format!("{} → {}", words::percent(column.reference_missing), words::percent(column.current_missing));
    let missing = if column.missing_drifted { format!("{missing}: drifted") } else { missing };
    let reference = format!("validation, {} rows", words::short(detail.report.reference_rows as f64));
    let current = format!("window, {} rows", words::short(detail.summary.rows as f64));
    let p_value = column.test.is_p_value();
    let which = Which::new();
    let (window, logged) = (detail.summary.id, column.clone());
    view! {
        <div class="stack">
            <div class="flex wrap"><Chip text=said tone=tone dot=true /><Chip text=measured tone="mono" /></div>
            <p class="small muted">{column.sentence.clone()}</p>
            <div class="column-detail">
            <div><TwoDistributions column reference current on_bar=move |bar: usize| which.bar(bar) /></div>
            <dl class="pairs">
                <dt>"Counts as drift"</dt><dd>{limit}</dd>
                {(!p_value).then(|| view! { <dt title="The 99 % quantile of this distance over windows of this size drawn from the reference">"Chance alone reaches"</dt><dd>{floor}</dd> })}
                <dt>"Without correction and chance"</dt><dd>{evidently}</dd>
                <dt>"Missing"</dt><dd>{missing}</dd>
                <dt>"Window"</dt><dd>{format!("{} to {}, v{}", words::exact(detail.summary.from_ms), words::clock_with_seconds(detail.summary.to_ms), detail.summary.version_number)}</dd>
            </dl>
            </div>
            <LoggedRows window column=logged which />
        </div>
    }
    .into_any()
}
