//! Every figure of a run as a table: those that were measured once have no curve.

use api::run::{MetricSummary, Run};
use leptos::prelude::*;

use crate::parts::{
    card::Card,
    kept_figure,
    take_table::{Form, TakeTable, TextTable},
    words,
};

/// All but what the machine did, which is charted by itself.
fn figures(run: &Run) -> Vec<MetricSummary> {
    run.metrics.iter().filter(|metric| !metric.key.starts_with("system/")).cloned().collect()
}

fn as_text(figures: &[MetricSummary], form: Form) -> TextTable {
    let name = |metric: &MetricSummary| match form {
        Form::Markdown => words::key(&metric.key),
        Form::Csv => metric.key.clone(),
    };
    let head = [("Metric", false), ("Last", true), ("Min", true), ("Max", true), ("Step", true), ("Points", true)];
    let row = |metric: &MetricSummary| {
        let number = |value| form.number(Some(value));
        let values = [number(metric.last), number(metric.min), number(metric.max)];
        let step = kept_figure::of(metric).and_then(|kept| kept.step).unwrap_or(metric.step);
        [name(metric)].into_iter().chain(values).chain([step.to_string(), metric.count.to_string()]).collect()
    };
    TextTable {
        head: head.map(|(title, is_number)| (title.to_owned(), is_number)).to_vec(),
        rows: figures.iter().map(row).collect(),
    }
}

/// With their last, least and greatest values as they stand in columns, each point below the one above it.
fn aligned(figures: Vec<MetricSummary>) -> Vec<(MetricSummary, [String; 3])> {
    // What was measured once was never less or more.
    let seen = |metric: &MetricSummary, value: f64| {
        if metric.count > 1 { words::figure(value) } else { "–".to_owned() }
    };
    let column = |text: &dyn Fn(&MetricSummary) -> String| words::aligned(figures.iter().map(text).collect());
    let last = column(&|metric| words::figure(metric.last));
    let (min, max) = (column(&|metric| seen(metric, metric.min)), column(&|metric| seen(metric, metric.max)));
    let texts = last.into_iter().zip(min).zip(max).map(|((last, min), max)| [last, min, max]).collect::<Vec<_>>();
    figures.into_iter().zip(texts).collect()
}

#[component]
pub(super) fn AllFigures(run: Signal<Run>) -> impl IntoView {
    let all = Memo::new(move |_| run.with(figures));
    let none = Memo::new(move |_| all.with(Vec::is_empty));
    let line = |(metric, [last, min, max]): (MetricSummary, [String; 3])| {
        let points = if metric.count > 0 { words::count(metric.count) } else { "–".to_owned() };
        let why = kept_figure::explained(&metric);
        view! {
            <tr>
                <td><span class="long" title=metric.key.clone()>{words::key(&metric.key)}</span></td>
                <td class="num strong" class:bad=!metric.last.is_finite() title=why.clone()>{last}</td>
                <td class="num muted">{min}</td>
                <td class="num muted">{max}</td>
                <td class="num faint" title=why>{kept_figure::step(&metric)}</td>
                <td class="num faint">{points}</td>
            </tr>
        }
    };
    move || {
        (!none.get()).then(|| {
            let taken = ViewFn::from(move || {
                view! { <TakeTable of=("metric", "metrics") table=move |form| all.with_untracked(|all| as_text(all, form)) /> }
            });
            view! {
                <Card title="Metrics" class="section" flush=true extra=taken>
                    <div class="scrolls">
                        <table class="small-table of-figures">
                            <thead><tr>
                                <th>"Metric"</th>
                                <th class="num">"Last"</th>
                                <th class="num">"Min"</th>
                                <th class="num">"Max"</th>
                                <th class="num">"Step"</th>
                                <th class="num">"Points"</th>
                            </tr></thead>
                            <tbody>{move || aligned(all.get()).into_iter().map(line).collect_view()}</tbody>
                        </table>
                    </div>
                </Card>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use api::series::KeptFigure;

    use super::*;

    #[test]
    fn a_figure_is_told_under_its_own_key_to_programs() {
        let metric = MetricSummary {
            key: "train/loss".to_owned(),
            count: 2,
            step: 7,
            last: 0.5,
            min: 0.25,
            max: 1.0,
            time_ms: 0,
            kept: None,
        };
        let table = as_text(&[metric], Form::Csv);
        assert_eq!(table.rows, [["train/loss", "0.5", "0.25", "1", "7", "2"]]);
    }

    #[test]
    fn a_kept_models_figure_is_told_with_the_step_of_that_model() {
        let metric = MetricSummary {
            key: "roc_auc/validation".to_owned(),
            count: 60,
            step: 60,
            last: 0.912,
            min: 0.5,
            max: 0.93,
            time_ms: 0,
            kept: Some(KeptFigure { step: Some(40), logged: 0.887 }),
        };
        assert_eq!(as_text(&[metric], Form::Csv).rows[0][4], "40");
    }

    #[test]
    fn what_was_measured_once_has_dashes_at_the_end_of_their_columns() {
        let metric = |key: &str, count, value: f64| MetricSummary {
            key: key.to_owned(),
            count,
            step: 0,
            last: value,
            min: value,
            max: value,
            time_ms: 0,
            kept: None,
        };
        let rows = aligned(vec![metric("a", 9, 0.5), metric("b", 1, 12.0), metric("c", 2, 30.0)]);
        assert_eq!(rows[1].1[1..], ["–", "–"]);
        assert!(rows[2].1[1].contains("30"), "{rows:?}");
    }
}
