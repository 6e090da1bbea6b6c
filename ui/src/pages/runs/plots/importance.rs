//! Which params a metric follows: bars by fANOVA, with the sign of Spearman's correlation.

use api::{
    run_table::{AssessParams, Listing, ParamImportance, ParamImportances},
    table_view::Plotted,
};
use charts::importance::{Importance, draw};
use leptos::prelude::*;

use super::{Facts, first_metric, options};
use crate::{
    client::query::query,
    pages::runs::columns::{self, METRIC},
    parts::{
        button::Button,
        card::Card,
        field::Select,
        icon,
        picture::{DrawingMenu, HeldMenu, Picture},
        states::{Empty, Load},
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

#[component]
pub(super) fn ImportanceView(
    list: Signal<Option<Listing>>,
    plotted: RwSignal<Plotted>,
    facts: Signal<Facts>,
) -> impl IntoView {
    let metric = Memo::new(move |_| {
        let chosen = plotted.with(|plotted| plotted.y.clone());
        if chosen.starts_with(METRIC) { Some(chosen) } else { facts.with(first_metric) }
    });
    let answer = query(move || {
        let metric = metric.get()?.strip_prefix(METRIC)?.to_owned();
        // The same in any order.
        let list = Listing { sort: None, descending: false, ..list.get()? };
        Some(AssessParams { list, metric })
    });
    let chosen = RwSignal::new(metric.get_untracked().unwrap_or_default());
    Effect::new(move |_| chosen.set(metric.get().unwrap_or_default()));
    Effect::new(move |_| {
        let name = chosen.get();
        if !name.is_empty() && Some(&name) != metric.get_untracked().as_ref() {
            plotted.update(|plotted| plotted.y = name);
        }
    });
    let metrics = Signal::derive(move || {
        facts.with(|facts| options(columns::known(facts).into_iter().filter(|name| name.starts_with(METRIC))))
    });
    view! {
        <div class="plot-tools flex wrap">
            <Select value=chosen options=metrics name="Metric" />
            <Button label="Compute again" kind="quiet" mark=icon::REFRESH_CW on_press=move || answer.refresh() />
        </div>
        {move || metric.with(Option::is_none).then(|| view! {
            <Empty mark=icon::ACTIVITY title="No metric yet" text="The importance of parameters is for a metric that the runs logged." />
        })}
        {move || metric.with(Option::is_some).then(|| view! {
            <Load query=answer lines=6 let:found>
                {move || drawn(found.get(), metric.get_untracked().unwrap_or_default())}
            </Load>
        })}
    }
}

/// A line a parameter, the most important first.
fn as_text(params: &[ParamImportance], form: Form) -> TextTable {
    let row = |one: &ParamImportance| {
        let name = match form {
            Form::Markdown => words::param(&one.param),
            Form::Csv => one.param.clone(),
        };
        vec![name, form.number(Some(one.share)), form.number(one.correlation)]
    };
    let head = [("Parameter", false), ("Share of the variance", true), ("Rank correlation", true)];
    TextTable {
        head: head.map(|(title, is_number)| (title.to_owned(), is_number)).to_vec(),
        rows: params.iter().map(row).collect(),
    }
}

/// An answer drawn; `metric` is the name of its column.
pub(in crate::pages::runs) fn drawn(found: ParamImportances, metric: String) -> AnyView {
    if found.runs < found.runs_needed {
        let text = format!(
            "{} with a number for this metric {} here; {} are needed before an importance says anything.",
            words::counted(found.runs, "run", "runs"),
            if found.runs == 1 { "is" } else { "are" },
            found.runs_needed
        );
        return view! { <Empty mark=icon::ACTIVITY title="Too few runs" text /> }.into_any();
    }
    if found.params.is_empty() {
        let text = "Every parameter is the same in all of these runs.";
        return view! { <Empty mark=icon::ACTIVITY title="No parameter differs" text /> }.into_any();
    }
    let (_, called) = columns::called(&metric);
    let of = if found.runs_used < found.runs {
        format!("{} of {} runs, chosen at random", words::count(found.runs_used), words::count(found.runs))
    } else {
        words::counted(found.runs, "run", "runs")
    };
    let note = format!(
        "{of}. Taken one at a time, the parameters explain {} of the variance. Beside each: its share of it, and its rank correlation with the metric.",
        words::percent(found.alone)
    );
    let unsure = found.unsure();
    let name = format!("Importance for {called}");
    let kept = StoredValue::new(found.params.clone());
    let rows: Vec<Importance> = found
        .params
        .into_iter()
        .map(|one| Importance { name: words::param(&one.param), importance: one.share, correlation: one.correlation })
        .collect();
    let (title, menu) = (name.clone(), HeldMenu::new());
    view! {
        <Card title extra=ViewFn::from(move || view! {
            <TakeTable of=("parameter", "parameters") table=move |form| kept.with_value(|params| as_text(params, form)) />
            <DrawingMenu menu />
        })>
            {unsure.map(|unsure| view! { <p class="small warn" role="note" data-unsure="">{unsure}</p> })}
            <p class="faint caption">{note}</p>
            <Picture name=name.clone() of="param" draw=move |width, _| draw(&name, &rows, width) menu />
        </Card>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_importance_is_named_for_people_and_for_programs() {
        let params = [ParamImportance { param: "learning_rate".to_owned(), share: 0.123_456_789, correlation: None }];
        assert_eq!(as_text(&params, Form::Csv).rows, [["learning_rate", "0.123456789", ""]]);
        assert_eq!(as_text(&params, Form::Markdown).rows[0][2], "–");
    }
}
