//! `slipway run importance`: which params a metric follows.

use api::{
    figure::counted,
    run_table::{AssessParams, Listing, ParamImportance, ParamImportances},
};
use clap::Args;

use super::views::Whose;
use crate::{
    context::{Context, Outcome},
    output::table,
    words,
};

#[derive(Debug, Args)]
pub(crate) struct Importance {
    /// A metric's key; its last value counts
    metric: String,
    /// Only runs that pass it, as in `run list`
    #[arg(long, default_value = "")]
    filter: String,
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn run(context: &Context, asked: Importance) -> Outcome {
    let of = asked.whose.scope(context).await?;
    let list = Listing { of, deleted: false, filter: asked.filter, sort: None, descending: false };
    let found = context.call(AssessParams { list, metric: asked.metric }).await?;
    context.output.show(&found, shown)
}

pub(in crate::commands) fn shown(found: &ParamImportances) -> String {
    let runs = counted(found.runs, "run has", "runs have");
    if found.runs < found.runs_needed {
        let needed = found.runs_needed;
        return format!("{runs} a number for this metric; {needed} are needed before an importance says anything.");
    }
    if found.params.is_empty() {
        return "Every param is the same in all of these runs.".to_owned();
    }
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let row = |one: &ParamImportance| {
        vec![one.param.clone(), percent(one.share), words::or_dash(one.correlation, |by| format!("{by:+.2}"))]
    };
    let of = if found.runs_used < found.runs {
        format!("{} of {} runs, chosen at random", words::count(found.runs_used), words::count(found.runs))
    } else {
        counted(found.runs, "run", "runs")
    };
    let alone = percent(found.alone);
    let rows = table(&["param", ">importance", ">rank correlation"], found.params.iter().map(row));
    let unsure = found.unsure().map(|unsure| format!("\n{unsure}")).unwrap_or_default();
    format!("{rows}\n\n{of}; by itself each, the params explain {alone} of the variance{unsure}")
}
