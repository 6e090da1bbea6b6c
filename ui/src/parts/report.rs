//! The report: figures on the test part with their intervals beside a baseline that only guesses, and the curves. A run
//! shows its own, a model version the copy that is kept with it.

use api::evaluation::{ClassFigures, Decision, Evaluation, Figure, Task, Threshold};
use charts::{axis::Axis, confusion, curves, line::LineChart, plot::Size, scatter};
use leptos::prelude::*;

use super::{
    card::{Card, Chip},
    chart::ChartCard,
    icon::{self, icon},
    picture::{Picture, Zoom},
    take_table::{Form, TakeTable, TextTable},
    words,
};

/// Everything that was measured.
#[component]
pub(crate) fn Report(report: Evaluation) -> impl IntoView {
    let positives = share_of_positives(&report);
    let rows = format!(
        "{} training · {} validation · {} test",
        words::count(report.rows.training),
        words::count(report.rows.validation),
        words::count(report.rows.test)
    );
    let curve = |title: &'static str, note: String, chart: LineChart| {
        view! { <ChartCard title note chart=Signal::stored(chart) height=230.0 /> }
    };
    // More than so many can't be told apart.
    let few = |count: usize| format!("the first {} of {count} classes", curves::CLASSES);
    let area = |all: &[api::evaluation::Curve]| match all {
        [only] => format!("area {}", words::figure(only.area)),
        all if all.len() > curves::CLASSES => few(all.len()),
        _ => String::new(),
    };
    // Of a binary task only the positive class's curves say something new.
    let of_interest = |all: &[api::evaluation::Curve]| -> Vec<api::evaluation::Curve> {
        let wanted = report.positive();
        all.iter()
            .filter(|curve| wanted.is_none_or(|wanted| curve.class == wanted || all.len() == 1))
            .cloned()
            .collect()
    };
    let (roc, recall) = (of_interest(&report.roc), of_interest(&report.precision_recall));
    let calibration: Vec<_> = {
        let wanted = report.positive();
        report
            .calibration
            .iter()
            .filter(|curve| wanted.is_none_or(|wanted| curve.class == wanted || report.calibration.len() == 1))
            .cloned()
            .collect()
    };
    let (first, second) = (report.clone(), report.clone());
    let kept = StoredValue::new(report.clone());
    let unit = report.test.iter().find_map(|figure| figure.unit.clone()).unwrap_or_default();
    let classes = report.classes.clone();
    let confusion_height = (classes.len() as f64 * 30.0 + 40.0).clamp(beside(), 420.0);
    view! {
        {(!report.remarks.is_empty()).then(|| view! {
            <div class="notices">
                {report.remarks.iter().map(|remark| view! {
                    <div class="flex small muted"><span class="faint flex">{icon(icon::INFO)}</span>{remark.clone()}</div>
                }).collect_view()}
            </div>
        })}
        <div class="report">
            <Card title="On the test part" class="h" flush=true extra=ViewFn::from(move || view! {
                <span class="faint caption">{rows.clone()}</span>
                <TakeTable of=("metric", "metrics") table=move |form| kept.with_value(|report| figures_as_text(report, &report.test, form)) />
            })>
                <FigureTable figures=first.test.clone() report=first ranks=false />
            </Card>
            <Card title="On the validation part" class="h" flush=true extra=ViewFn::from(move || view! {
                <span class="faint caption">"what training and ranking look at"</span>
                <TakeTable of=("metric", "metrics") table=move |form| kept.with_value(|report| figures_as_text(report, &report.validation, form)) />
            })>
                <FigureTable figures=second.validation.clone() report=second ranks=true />
            </Card>
            {report.confusion.clone().map(|matrix| {
                let threshold = report.threshold.as_ref().map(|threshold| threshold_words(threshold, report.positive()));
                let called = threshold.or_else(|| report.decision.as_ref().map(decision_words));
                view! {
                    <Card title="Confusion matrix" class="h chart-card" extra=ViewFn::from(move || view! {
                        <span class="faint caption">{called.clone()}</span>
                    })>
                        <Picture name="Confusion matrix" of="cell" draw=move |width, _| confusion::draw(&classes, &matrix.counts, Size { width, height: confusion_height }) />
                    </Card>
                }
            })}
            {(!recall.is_empty()).then(|| curve("Precision over recall", area(&recall), curves::precision_recall(&recall, positives)))}
            {(!roc.is_empty()).then(|| curve("ROC curve", area(&roc), curves::roc(&roc)))}
            {(!calibration.is_empty()).then(|| curve("Calibration", if calibration.len() > curves::CLASSES { few(calibration.len()) } else { "how often it came true".to_owned() }, curves::calibration(&calibration)))}
            {(report.per_class.len() > 1).then(|| view! {
                <Card title="By class" class="h" flush=true extra=ViewFn::from(move || view! {
                    <TakeTable of=("class", "classes") table=move |form| kept.with_value(|report| classes_as_text(&report.per_class, form)) />
                })>
                    <table class="small-table">
                        <thead><tr><th>"Class"</th><th class="num">"Precision"</th><th class="num">"Recall"</th><th class="num">"F1"</th><th class="num">"Rows"</th></tr></thead>
                        <tbody>
                            {report.per_class.iter().map(|class| view! {
                                <tr>
                                    <td>{class.class.clone()}</td>
                                    <td class="num">{words::figure(class.precision)}</td>
                                    <td class="num">{words::figure(class.recall)}</td>
                                    <td class="num">{words::figure(class.f1)}</td>
                                    <td class="num muted">{words::count(class.support)}</td>
                                </tr>
                            }).collect_view()}
                        </tbody>
                    </table>
                </Card>
            })}
            {report.residuals.clone().map(|residuals| {
                let bars = residuals.histogram.clone();
                view! {
                    <Card title="Predicted over actual" class="h chart-card">
                        <Picture name="Predicted over actual" of="row" zooms=Some(Zoom::Both) draw=move |width, part| scatter::predicted_over_actual(&residuals.actual, &residuals.predicted, &unit, part, Size { width, height: 260.0 }) />
                    </Card>
                    <Card title="Residuals" class="h chart-card" extra=ViewFn::from(|| view! { <span class="faint caption">"rows by actual − predicted"</span> })>
                        <Picture name="Residuals" of="bin" zooms=Some(Zoom::Across) draw=move |width, part| charts::bars::histogram(
                            &charts::bars::Histogram {
                                name: "Residuals".to_owned(),
                                edges: bars.edges.clone(),
                                sets: vec![charts::bars::Bars::counted("residuals", charts::role::Role::Series(1), &bars.counts)],
                                x: Axis { range: part.map(|part| part.x), ..Axis::default() },
                                has_counts: true,
                            },
                            Size { width, height: 260.0 },
                        ) />
                    </Card>
                }
            })}
        </div>
    }
}

fn figures_as_text(report: &Evaluation, figures: &[Figure], form: Form) -> TextTable {
    let row = |figure: &Figure| {
        let name = match form {
            Form::Markdown => words::metric_of(&figure.name, report.class_of(&figure.name)),
            Form::Csv => figure.name.clone(),
        };
        let (low, high) = figure.interval.unzip();
        let [value, low, high, baseline] =
            [Some(figure.value), low, high, figure.baseline].map(|value| form.number(value));
        [name, value, low, high, baseline, form.text(figure.unit.as_deref())]
    };
    let head = [
        ("Metric", false),
        ("Value", true),
        ("95 % from", true),
        ("95 % to", true),
        ("Baseline", true),
        ("Unit", false),
    ];
    TextTable::of(head, figures.iter().map(row))
}

fn classes_as_text(classes: &[ClassFigures], form: Form) -> TextTable {
    let row = |class: &ClassFigures| {
        let [precision, recall, f1] = [class.precision, class.recall, class.f1].map(|value| form.number(Some(value)));
        [class.class.clone(), precision, recall, f1, class.support.to_string()]
    };
    let head = [("Class", false), ("Precision", true), ("Recall", true), ("F1", true), ("Rows", true)];
    TextTable::of(head, classes.iter().map(row))
}

/// "predicts "ja" from 0.31: F1 0.81 on validation".
fn threshold_words(threshold: &Threshold, positive: Option<&str>) -> String {
    let class = positive.map_or_else(|| "threshold".to_owned(), |positive| format!("predicts \"{positive}\" from"));
    format!("{class} {}: {}", words::figure(threshold.value), threshold.reason)
}

/// "rare classes are preferred: macro F1 0.61 on validation, 0.52 by the most probable class".
fn decision_words(decision: &Decision) -> String {
    format!("rare classes are preferred: {}", decision.reason)
}

/// The height of what stands beside the confusion matrix: a curve, and in three columns the tables of figures.
fn beside() -> f64 {
    let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(0.0);
    if width >= 1700.0 { 300.0 } else { 230.0 }
}

#[component]
fn FigureTable(
    figures: Vec<Figure>,
    report: Evaluation,
    /// Runs are ranked by one of these.
    ranks: bool,
) -> impl IntoView {
    let has_interval = figures.iter().any(|figure| figure.interval.is_some());
    let has_baseline = figures.iter().any(|figure| figure.baseline.is_some());
    view! {
        // no menu: each card of the report that holds one has its own
        <table class="small-table intervals">
            <thead>
                <tr>
                    <th>"Metric"</th>
                    <th class="num">"Value"</th>
                    {has_interval.then(|| view! { <th class="num">"95 % interval"</th> })}
                    {has_baseline.then(|| view! { <th class="num" title="What guessing without looking at the columns reaches.">"Baseline"</th> })}
                </tr>
            </thead>
            <tbody>
                {figures.into_iter().map(|figure| {
                    let is_primary = figure.name == report.primary;
                    let label = words::metric_of(&figure.name, report.class_of(&figure.name));
                    let better = figure.baseline.map(|baseline| (figure.value > baseline) == figure.more_is_better);
                    let unit = figure.unit.clone().map(|unit| format!(" {unit}")).unwrap_or_default();
                    view! {
                        <tr>
                            <td><span class="flex"><span class:strong=is_primary>{label}</span>{(is_primary && ranks).then(|| view! { <Chip text="runs are ranked by it" tone="accent" /> })}</span></td>
                            <td class="num strong">{words::figure(figure.value)}<span class="faint">{unit}</span></td>
                            {has_interval.then(|| view! {
                                <td class="num muted">{figure.interval.map(|(low, high)| format!("{} … {}", words::figure(low), words::figure(high)))}</td>
                            })}
                            {has_baseline.then(|| view! {
                                <td class="num" class:faint=better.unwrap_or(true) class:warn=better == Some(false) title=(better == Some(false)).then_some("Guessing without looking at the columns is no worse here.")>{figure.baseline.map_or("–".to_owned(), |baseline| baseline_words(baseline, figure.value))}</td>
                            })}
                        </tr>
                    }
                }).collect_view()}
            </tbody>
        </table>
    }
}

/// A baseline beside its figure; what four digits of the figure can't show is about nothing.
fn baseline_words(baseline: f64, value: f64) -> String {
    let is_nothing = baseline != 0.0 && baseline.abs() < value.abs() * 5e-5;
    if is_nothing { "≈ 0".to_owned() } else { words::figure(baseline) }
}

/// The share of the positive class among the test rows.
fn share_of_positives(report: &Evaluation) -> Option<f64> {
    let counts = &report.confusion.as_ref()?.counts;
    let positives: u64 = counts.get(1)?.iter().sum();
    let all: u64 = counts.iter().flatten().sum();
    (report.task == Task::BinaryClassification && all > 0).then(|| positives as f64 / all as f64)
}
