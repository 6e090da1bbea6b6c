//! The Evaluation tab: the run's report, once there is one.

use api::{id::RunId, run::GetEvaluation};
use leptos::prelude::*;

use crate::{
    client::query::query,
    parts::{
        icon,
        report::Report,
        states::{Empty, Load},
    },
};

#[component]
pub(super) fn EvaluationTab(run: Memo<RunId>, has: Signal<bool>) -> impl IntoView {
    let has = Memo::new(move |_| has.get());
    move || {
        if has.get() {
            let report = query(move || Some(GetEvaluation { run: run.get() }));
            view! { <Load query=report lines=10 let:report>{move || view! { <Report report=report.get() /> }}</Load> }
                .into_any()
        } else {
            view! {
                <Empty
                    mark=icon::CIRCLE_CHECK
                    title="Not evaluated yet"
                    text="The test part is touched once, at the end of the training: the report stands here then."
                />
            }
            .into_any()
        }
    }
}
