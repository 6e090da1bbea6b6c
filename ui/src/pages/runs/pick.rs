//! The boxes by which rows of runs are picked.

use std::collections::HashMap;

use charts::role::Role;
use leptos::prelude::*;

use super::colours::is_dashed_at;
use crate::parts::table::Column;

/// The boxes that pick rows, by the id and the name of each one's run, in the colours that the runs then have.
pub(super) fn column<T: 'static>(
    picked: Memo<HashMap<String, usize>>,
    of: impl Fn(&T) -> (String, &str) + Send + Sync + 'static,
) -> Column<T> {
    let cell = move |row: &T| {
        let (id, name) = of(row);
        let name = format!("Select {name}");
        let at = move || picked.with(|picked| picked.get(&id).copied());
        view! {
            <span class="pick" role="checkbox" aria-label=name>
                {move || {
                    let at = at();
                    let class = at.map_or("swatch".to_owned(), |at| format!("swatch on fill {}", Role::series(at).class()));
                    view! { <i class=class class:dashed=at.is_some_and(is_dashed_at)></i> }
                }}
            </span>
        }
    };
    Column::new("", 38.0, cell).pinned(true)
}
