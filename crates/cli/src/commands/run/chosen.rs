//! `slipway run plot` of runs that nobody names: those that pass a filter, or that a saved view shows.

use api::{
    ApiError, RunId,
    figure::counted,
    run_table::{Listing, PickRuns, PickedRuns},
    table_view::{TableView, field, sort_of},
    tracking::Scope,
};

use super::{curves::Plot, views};
use crate::context::{Context, Outcome};

/// Runs whose own curves are drawn where no number is said: more can't be told apart.
const EACH: u32 = 20;

/// Whose runs are chosen from.
pub(super) async fn scope(context: &Context, asked: &Plot) -> Outcome<Scope> {
    views::scope(context, asked.experiment.as_deref(), asked.everywhere).await
}

/// A saved view of runs that can be drawn.
pub(super) async fn view(context: &Context, asked: &Plot, name: &str) -> Outcome<TableView> {
    let of = scope(context, asked).await?;
    let view = views::named(context, of, name).await?;
    if view.deleted {
        return Err(ApiError::invalid(format!(
            "The view \"{name}\" shows runs that were deleted, which are not drawn."
        ))
        .with_hint("Restore them with `slipway run restore`, or save a view of those that are there."));
    }
    Ok(view)
}

/// Looks as a saved view does where nothing else is said.
pub(super) async fn seen_as(context: &Context, asked: &mut Plot, name: &str) -> Outcome {
    let view = view(context, asked, name).await?;
    if asked.sort.is_none() {
        (asked.sort, asked.descending) = sort_of(view.order.as_ref(), &view.further);
    }
    if asked.group_by.is_none() && !asked.each && !view.group.is_empty() {
        asked.group_by = Some(view.group.iter().map(|name| field(name)).collect::<Vec<_>>().join(","));
    }
    if asked.filter.is_none() {
        asked.filter = Some(view.filter);
    }
    Ok(())
}

/// The first runs that pass a filter, in the list's order; how many are left out is said.
pub(super) async fn runs(context: &Context, asked: &Plot, filter: String) -> Outcome<Vec<RunId>> {
    let of = scope(context, asked).await?;
    let list = Listing { of, deleted: false, filter, sort: asked.sort.clone(), descending: asked.descending };
    let limit = Some(u64::from(asked.limit.unwrap_or(EACH)));
    let PickedRuns { runs, total } = context.call(PickRuns { list, offset: 0, limit, evenly_by: None }).await?;
    if runs.is_empty() {
        return Err(none());
    }
    if let Some(said) = left_out(runs.len() as u64, total) {
        context.output.say(&said);
    }
    Ok(runs)
}

pub(super) fn none() -> ApiError {
    ApiError::not_found("No run here passes the filter.")
        .with_hint("`slipway run list --filter` says why, where it is known.")
}

/// What is said of the runs that are not drawn.
fn left_out(drawn: u64, total: u64) -> Option<String> {
    let all = counted(total, "run", "runs");
    (drawn < total).then(|| {
        format!("The first {drawn} of {all} are drawn. --limit draws more, --sort others, and without --each all are, as their mean.")
    })
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn runs_that_are_not_drawn_are_said() {
        assert_eq!(left_out(20, 20), None);
        assert!(left_out(20, 1_000).is_some_and(|said| said.starts_with("The first 20 of ")));
    }
}
