//! `slipway run importance`: which params a metric follows.

use api::{
    figure::counted,
    run_table::{AssessParams, Listing, ParamImportance, ParamImportances},
};
use clap::Args;

use super::views::Whose;
use crate::{
    context::{Context, Outcome},
    output::{self, table},
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
    /// Print CSV, with all digits
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(context: &Context, asked: Importance) -> Outcome {
    let of = asked.whose.scope(context).await?;
    let list = Listing { of, deleted: false, filter: asked.filter, sort: None, descending: false };
    let found = context.call(AssessParams { list, metric: asked.metric }).await?;
    told(context, &found, asked.csv)
}

/// Prints it; as CSV what else is said of it stands beside the table.
pub(in crate::commands) fn told(context: &Context, found: &ParamImportances, csv: bool) -> Outcome {
    if !csv {
        return context.output.show(found, shown);
    }
    let said = match found.params.is_empty() {
        true => Some(shown(found)),
        false => found.unsure(),
    };
    said.iter().for_each(|said| context.output.say(said));
    output::pass(&written(found)).map(drop)
}

/// A row a param, the most important first.
fn written(found: &ParamImportances) -> String {
    let row = |one: &ParamImportance| {
        let correlation = one.correlation.map(words::digits).unwrap_or_default();
        vec![one.param.clone(), words::digits(one.share), correlation]
    };
    output::csv(&["param", "importance", "rank_correlation"], found.params.iter().map(row))
}

fn shown(found: &ParamImportances) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn importances_are_written_for_other_programs() {
        let one = |param: &str, share, correlation| ParamImportance { param: param.to_owned(), share, correlation };
        let params = vec![one("lr", 0.875, Some(-0.5)), one("a, b", 0.125, None)];
        let found = ParamImportances { runs: 9, runs_used: 9, runs_needed: 5, alone: 0.9, params };
        assert_eq!(written(&found), "param,importance,rank_correlation\r\nlr,0.875,-0.5\r\n\"a, b\",0.125,\r\n");
    }
}
