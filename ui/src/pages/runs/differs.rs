//! What differs between runs and their newest figures, as tables with a column a run, beside the baseline where one is
//! pinned.

use std::collections::BTreeMap;

use api::{
    RunId, SnapshotId,
    run_diff::{DiffCell, DiffPart, DiffRow, DiffRuns, DiffedSnapshot, NOT_KNOWN, RunDiff, SNAPSHOT},
};
use leptos::prelude::*;

use super::{
    columns,
    comparison::{Seen, roles},
    delta::{Delta, delta, direction_of},
    overlaid::Compared,
    overlay::is_system,
};
use crate::{
    client::query::gathered,
    parts::{
        card::{Card, Chip},
        kept_figure,
        states::Failure,
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

pub(super) type Ranked = Signal<Option<(String, bool)>>;

/// A column's head for each run: its colour and its name.
fn heads(chosen: &[Compared], seen: Seen) -> impl IntoView + use<> {
    let roles = seen.bands.with(|bands| roles(chosen, bands));
    let pinned = seen.pinned();
    let is_each = seen.bands.with(String::is_empty);
    chosen
        .iter()
        .map(|run| {
            let class = roles.get(&run.id).map(|role| role.class()).unwrap_or_default();
            let is_dashed = is_each && run.is_dashed();
            let is_pinned = pinned == Some(run.id);
            view! {
                <th class="num">
                    <i class=format!("swatch fill {class}") class:dashed=is_dashed></i>" "{run.name.clone()}
                    {run.is_deleted.then(|| view! { " "<Chip text="deleted" tone="warn" /> })}
                    {is_pinned.then(|| view! { <span class="faint">" baseline"</span> })}
                </th>
            }
        })
        .collect_view()
}

fn difference(delta: Option<Delta>) -> impl IntoView {
    delta.map(|Delta { text, is_better }| {
        let (good, bad) = (is_better == Some(true), is_better == Some(false));
        view! { <span class="delta faint" class:good=good class:bad=bad>{text}</span> }
    })
}

/// Where the baseline stands among the runs.
fn pinned_at(chosen: &[Compared], seen: Seen) -> Option<usize> {
    let pinned = seen.pinned()?;
    chosen.iter().position(|run| run.id == pinned)
}

/// The best of several values of a figure, where they differ.
fn best_of(values: &[Option<f64>], is_more_better: bool) -> Option<f64> {
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
    (least < most).then_some(if is_more_better { most } else { least })
}

/// Their figures: losses and those of validation before the others, behind all of them what the machine did, where that is
/// asked for.
pub(super) fn figures(chosen: &[Compared], system: bool) -> Vec<String> {
    let all = chosen.iter().flat_map(|run| {
        // A classifier's loss is its log loss: it is not said twice.
        let is_twice = |key: &str| key == "loss/validation" && run.values.contains_key("log_loss/validation");
        run.values.keys().filter(move |key| (system || !is_system(key)) && !is_twice(key)).cloned()
    });
    let is_usual = |key: &str| key.ends_with("/validation") || key.starts_with("loss/");
    let mut all: Vec<String> = all.collect();
    all.sort_by_cached_key(|key| (is_system(key), !is_usual(key), key.clone()));
    all.dedup();
    all
}

/// A column a run, after what each row is of.
fn text_head(titles: &[&str], chosen: &[Compared], is_number: bool) -> Vec<(String, bool)> {
    let titles = titles.iter().map(|title| ((*title).to_owned(), false));
    titles.chain(chosen.iter().map(|run| (run.called(), is_number))).collect()
}

fn figures_as_text(chosen: &[Compared], system: bool, form: Form) -> TextTable {
    let row = |key: String| {
        let (name, part) = if form == Form::Markdown { words::with_unit(&key) } else { (key.clone(), 1.0) };
        let values = chosen.iter().map(|run| form.number(run.values.get(&key).map(|value| value * part)));
        [name].into_iter().chain(values).collect()
    };
    let rows = figures(chosen, system).into_iter().map(row).collect();
    TextTable { head: text_head(&["Metric"], chosen, true), rows }
}

fn differing_as_text(chosen: &[Compared], rows: &[DiffRow], form: Form) -> TextTable {
    let cell = |cell: &Option<DiffCell>| match cell {
        Some(DiffCell::Text(text)) => text.clone(),
        Some(DiffCell::Number(value)) => form.number(Some(*value)),
        None => form.text(None),
    };
    let row = |row: &DiffRow| {
        [titled(row.part).to_owned(), row.key.clone()].into_iter().chain(row.values.iter().map(cell)).collect()
    };
    TextTable { head: text_head(&["Part", "Name"], chosen, false), rows: rows.iter().map(row).collect() }
}

/// The newest value of each figure.
#[component]
pub(super) fn Figures(chosen: Memo<Vec<Compared>>, seen: Seen, ranked_by: Ranked) -> impl IntoView {
    let all = chosen;
    move || {
        let chosen = chosen.get();
        let keys = figures(&chosen, seen.system.get());
        let baseline = pinned_at(&chosen, seen);
        let heads = heads(&chosen, seen);
        (!keys.is_empty()).then(move || {
            let line = |key: String| {
                let more = seen.better.with(|better| direction_of(better, &key, ranked_by.get().as_ref()));
                let (title, part) = words::with_unit(&key);
                let value = |run: &Compared| run.values.get(&key).map(|value| value * part);
                let values: Vec<Option<f64>> = chosen.iter().map(value).collect();
                let best = more.and_then(|more| best_of(&values, more));
                let pinned = baseline.and_then(|at| values[at]);
                let cell = |(at, value): (usize, &Option<f64>)| match *value {
                    Some(value) => {
                        let is_best = best == Some(value);
                        let is_other = best.is_some() && !is_best;
                        let delta =
                            pinned.filter(|_| baseline != Some(at)).and_then(|pinned| delta(value, pinned, more));
                        let kept = chosen[at].of_kept.iter().find(|metric| metric.key == key);
                        let why = kept.and_then(kept_figure::explained);
                        let of_kept = kept.map(|metric| view! { <span class="delta faint">{kept_figure::step(metric)}</span> });
                        view! {
                            <td class="num" title=why class:bad=!value.is_finite() class:strong=is_best class:muted=is_other>
                                {words::figure(value)}{of_kept}{difference(delta)}
                            </td>
                        }
                        .into_any()
                    }
                    None => view! { <td class="num faint">"–"</td> }.into_any(),
                };
                let cells = values.iter().enumerate().map(cell).collect_view();
                view! { <tr><td>{title}</td>{cells}</tr> }
            };
            let lines = keys.into_iter().map(line).collect::<Vec<_>>();
            let taken = ViewFn::from(move || view! { <TakeTable of=("metric", "metrics") table=move |form| all.with_untracked(|chosen| figures_as_text(chosen, seen.system.get_untracked(), form)) /> });
            view! {
                <Card title="Last values" class="h" flush=true extra=taken>
                    <div class="scrolls">
                        <table class="small-table">
                            <thead><tr><th>"Metric"</th>{heads}</tr></thead>
                            <tbody>{lines}</tbody>
                        </table>
                    </div>
                </Card>
            }
        })
    }
}

/// What most of several runs have: the others stand out beside it. Nothing where no cell is that of more than half.
fn commonest(cells: &[Option<DiffCell>]) -> Option<&Option<DiffCell>> {
    let having = |cell: &Option<DiffCell>| cells.iter().filter(|other| *other == cell).count();
    cells.iter().find(|cell| cells.len() > 2 && having(cell) * 2 > cells.len())
}

const fn titled(part: DiffPart) -> &'static str {
    match part {
        DiffPart::Params => "Parameters",
        DiffPart::Environment => "Environment",
        DiffPart::Code => "Code",
        DiffPart::Data => "Data",
        DiffPart::Command => "Command",
        DiffPart::Tags => "Tags",
        DiffPart::Metrics => "Metrics",
    }
}

/// For each run whose data differ from those they are laid beside, the page that says by how much.
fn data_links(found: &RunDiff, baseline: Option<usize>) -> Vec<Option<String>> {
    let link =
        |from: SnapshotId, to: &DiffedSnapshot| format!("/p/{}/data?v={}&tab=drift&with={from}", to.project, to.number);
    let apart = found.data_apart(baseline).into_iter().map(|(from, run, to)| (run.id, link(from.id, to)));
    let apart: BTreeMap<RunId, String> = apart.collect();
    found.runs.iter().map(|run| apart.get(&run.id).cloned()).collect()
}

/// Whose figures and params stand here for those of another run.
fn of_others(found: &RunDiff) -> Vec<String> {
    let told = found.runs.iter().filter_map(|run| Some((&run.name, run.figures_of.as_ref()?)));
    told.map(|(name, of)| format!("Metrics and params of {name} are those of {of}, its child run.")).collect()
}

/// Everything that is not the same in all of the runs.
#[component]
pub(super) fn Differs(chosen: Memo<Vec<Compared>>, seen: Seen, ranked_by: Ranked) -> impl IntoView {
    let ids = Memo::new(move |_| chosen.with(|chosen| chosen.iter().map(|run| run.id).collect::<Vec<_>>()));
    let asked = move || {
        let runs = ids.get();
        // The figures have a table of their own, with the same differences.
        (runs.len() > 1).then_some(DiffRuns { runs, all: false, system: false })
    };
    let answer = gathered(asked, |asked| asked.runs.len());
    let all = chosen;
    let row = move |row: DiffRow, baseline: Option<usize>, links: &[Option<String>]| {
        let more = seen.better.with(|better| direction_of(better, &row.key, ranked_by.get().as_ref()));
        let number = |at: usize| match row.values.get(at) {
            Some(Some(DiffCell::Number(value))) => Some(*value),
            _ => None,
        };
        let pinned = baseline.and_then(number);
        let usual = if baseline.is_none() { commonest(&row.values) } else { None };
        let is_data = row.part == DiffPart::Data && row.key == SNAPSHOT;
        let cell = |(at, cell): (usize, &Option<DiffCell>)| {
            let link = links.get(at).cloned().flatten().filter(|_| is_data);
            let link = link.map(|href| view! { " " <a class="small" href=href>"What differs in it"</a> });
            let (text, whole) = match cell {
                Some(DiffCell::Text(text)) => (columns::short(text), text.clone()),
                Some(DiffCell::Number(value)) => (words::figure(*value), value.to_string()),
                None => ("–".to_owned(), "–".to_owned()),
            };
            let is_unknown = matches!(cell, Some(DiffCell::Text(text)) if text == NOT_KNOWN);
            let is_dull = is_unknown || usual == Some(cell);
            let delta = number(at)
                .zip(pinned)
                .filter(|_| baseline != Some(at))
                .and_then(|(value, pinned)| delta(value, pinned, more));
            let as_baseline = baseline.is_some_and(|baseline| baseline != at && row.values.get(baseline) == Some(cell));
            view! {
                <td class="num" class:faint=as_baseline || is_dull title=whole><span class="long">{text}</span>{difference(delta)}{link}</td>
            }
        };
        let cells = row.values.iter().enumerate().map(cell).collect_view();
        let name = match row.part {
            DiffPart::Params => words::param(&row.key),
            DiffPart::Metrics => words::key(&row.key),
            _ => row.key.clone(),
        };
        view! { <tr><td><span class="long" title=row.key.clone()>{name}</span></td>{cells}</tr> }
    };
    move || {
        if let Some(error) = answer.error.get() {
            return Some(view! { <Failure error again=move || answer.refresh() /> }.into_any());
        }
        let chosen = chosen.get();
        // An answer about other runs than those that stand here comes before the next.
        let found = answer.value.get().filter(|found| found.runs.iter().map(|run| run.id).eq(ids.get()))?;
        let baseline = pinned_at(&chosen, seen);
        let width = chosen.len() + 1;
        let mut before = None;
        let kept = StoredValue::new(found.rows.clone());
        let links = data_links(&found, baseline);
        let of_others = of_others(&found);
        // The figures have a table of their own, with the same differences.
        let lines = found.rows.into_iter().filter(|row| row.part != DiffPart::Metrics).map(|of| {
            let part = (before != Some(of.part)).then(|| titled(of.part));
            before = Some(of.part);
            let head = part.map(|part| view! { <tr class="part"><th colspan=width>{part}</th></tr> });
            view! { {head}{row(of, baseline, &links)} }
        });
        let lines = lines.collect::<Vec<_>>();
        let body = if lines.is_empty() {
            view! { <p class="muted small padded">"Nothing of them differs: params, environment, code, data and tags are equal."</p> }.into_any()
        } else {
            view! {
                <div class="scrolls">
                    <table class="small-table differs">
                        <thead><tr><th></th>{heads(&chosen, seen)}</tr></thead>
                        <tbody>{lines}</tbody>
                    </table>
                </div>
            }
            .into_any()
        };
        let taken = ViewFn::from(move || {
            kept.with_value(|rows| !rows.is_empty()).then(|| {
                view! {
                    <TakeTable of=("difference", "differences") table=move |form| {
                        all.with_untracked(|chosen| kept.with_value(|rows| differing_as_text(chosen, rows, form)))
                    } />
                }
            })
        });
        Some(view! {
            <Card title="What differs" class="h" flush=true extra=taken>
                {body}
                {of_others.into_iter().map(|told| view! { <p class="muted small padded">{told}</p> }).collect_view()}
            </Card>
        }.into_any())
    }
}

#[cfg(test)]
mod tests {
    use api::{ProjectId, run_diff::DiffedRun};

    use super::*;

    #[test]
    fn other_data_lead_to_what_differs_in_them() {
        let run = |at: u8, data: u32| DiffedRun {
            id: RunId::from_bytes([at; 16]),
            name: format!("r{at}"),
            figures_of: None,
            snapshot: Some(DiffedSnapshot {
                id: SnapshotId::from_bytes([at; 16]),
                project: ProjectId::from_bytes([at; 16]),
                number: 1,
                data,
            }),
            is_deleted: false,
            of_kept: Vec::new(),
        };
        let found = RunDiff { runs: vec![run(1, 0), run(2, 0), run(3, 2)], rows: Vec::new() };
        let (from, to) = (SnapshotId::from_bytes([1; 16]), ProjectId::from_bytes([3; 16]));
        let link = format!("/p/{to}/data?v=1&tab=drift&with={from}");
        assert_eq!(data_links(&found, None), [None, None, Some(link)]);
        assert_eq!(data_links(&found, Some(2)).iter().flatten().count(), 2, "both beside the baseline");
        assert!(of_others(&found).is_empty());
        let found = RunDiff { runs: vec![DiffedRun { figures_of: Some("trial".to_owned()), ..run(1, 0) }], ..found };
        assert_eq!(of_others(&found), ["Metrics and params of r1 are those of trial, its child run."]);
    }

    #[test]
    fn what_most_runs_have_steps_back_where_most_have_it() {
        let cells =
            |texts: &[&str]| texts.iter().map(|text| Some(DiffCell::Text((*text).to_owned()))).collect::<Vec<_>>();
        assert_eq!(commonest(&cells(&["adam", "sgd", "adam"])), Some(&Some(DiffCell::Text("adam".to_owned()))));
        assert_eq!(commonest(&[None, None, Some(DiffCell::Number(1.0))]), Some(&None));
        assert_eq!((commonest(&cells(&["a", "b"])), commonest(&cells(&["a", "b", "c", "a"]))), (None, None));
    }
}
