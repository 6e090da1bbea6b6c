//! What stands in a chart's place while its points are under way, and what is said where they can't be fetched.

use leptos::prelude::*;

use crate::parts::{
    curves::Fetching,
    states::{Failure, Skeleton},
};

/// Whether there is nothing to draw because nothing came yet: an empty plot would say that there is nothing.
pub(super) fn covers(fetching: Option<Fetching>, is_empty: bool) -> bool {
    fetching.is_some_and(|Fetching { error, waits, .. }| stands_in(is_empty, waits.get(), error.with(Option::is_some)))
}

const fn stands_in(is_empty: bool, waits: bool, has_failed: bool) -> bool {
    is_empty && (waits || has_failed)
}

#[component]
pub(super) fn Standing(
    fetching: Fetching,
    /// Pixels of the plot.
    height: f64,
) -> impl IntoView {
    let Fetching { error, waits, again } = fetching;
    let waits = Memo::new(move |_| waits.get());
    view! {
        {move || waits.get().then(|| view! { <div style:height=format!("{height}px")><Skeleton lines=5 /></div> })}
        {move || error.get().map(|error| view! { <Failure error again=move || again.run(()) /> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_line_stays_beside_what_failed() {
        assert!(stands_in(true, true, false) && stands_in(true, false, true));
        assert!(!stands_in(false, true, false) && !stands_in(false, false, true));
        assert!(!stands_in(true, false, false), "a run that measured nothing has an empty plot");
    }
}
