//! What the filter of a list finds. The host reads its grammar; the page leaves out what its answer does not name.

use std::collections::BTreeSet;

use api::{ApiError, Request};
use leptos::prelude::*;

use crate::client::query::query;

pub(crate) struct Sought<K: Send + Sync + 'static> {
    /// What is found; `None` while nothing is sought.
    pub(crate) keys: Memo<Option<BTreeSet<K>>>,
    /// Why the filter can't be asked as it stands.
    pub(crate) wrong: Signal<Option<ApiError>>,
}

impl<K: Send + Sync + 'static> Clone for Sought<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Send + Sync + 'static> Copy for Sought<K> {}

/// `ask` is the request of a filter, and `keys` says what an answer names.
pub(crate) fn sought<R, K>(
    wanted: RwSignal<String>,
    ask: impl Fn(String) -> Option<R> + 'static,
    keys: impl Fn(&R::Response) -> BTreeSet<K> + Send + Sync + 'static,
) -> Sought<K>
where
    R: Request + Clone,
    R::Response: Clone,
    K: Ord + Clone + Send + Sync + 'static,
{
    let asked = Memo::new(move |_| wanted.with(|wanted| wanted.trim().to_owned()));
    let found = query(move || {
        let filter = asked.get();
        if filter.is_empty() { None } else { ask(filter) }
    });
    let (value, error) = (found.value, found.error);
    let keys = Memo::new(move |before: Option<&Option<BTreeSet<K>>>| {
        if asked.with(String::is_empty) {
            return None;
        }
        // While the next answer is awaited, or none comes, what was found last stays.
        value.with(|found| found.as_ref().map(&keys)).or_else(|| before.cloned().flatten())
    });
    let wrong = Signal::derive(move || error.get().filter(|_| !asked.with(String::is_empty)));
    Sought { keys, wrong }
}

/// What is wrong with a filter, in a line below it: it may be half written.
#[component]
pub(crate) fn Wrong(of: Signal<Option<ApiError>>) -> impl IntoView {
    move || of.get().map(|error| view! { <p class="muted" role="status">{error.message}</p> })
}
