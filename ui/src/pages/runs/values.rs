//! The values that the filter line offers: those of all runs that are listed, whatever the filter that is being written
//! leaves of them.

use std::collections::BTreeMap;

use api::run_table::{
    Listing,
    values::{ListValues, RunValue},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{client::Client, parts::filter_line::Wanted};

/// Values of a field that are kept: what is typed finds others.
const KEPT: usize = 500;
/// Bytes of a value that is offered: a description is no value that a filter asks for.
const LONGEST: usize = 80;

/// Values by their field, as the line names it.
type Known = BTreeMap<String, Vec<RunValue>>;

/// One question is under way at once: of those that came meanwhile the last is asked next.
#[derive(Clone, Copy)]
pub(super) struct Offered {
    client: Client,
    list: Signal<Option<Listing>>,
    /// Of which runs they are.
    known: RwSignal<(Option<Listing>, Known)>,
    next: StoredValue<Option<Wanted>>,
    is_busy: StoredValue<bool>,
}

impl Offered {
    pub(super) fn of(list: Signal<Option<Listing>>) -> Self {
        let known = RwSignal::new((None, Known::new()));
        let (next, is_busy) = (StoredValue::new(None), StoredValue::new(false));
        Self { client: Client::get(), list, known, next, is_busy }
    }

    /// What is known by now.
    pub(super) fn values(self) -> Known {
        self.known.with(|(_, known)| known.clone())
    }

    pub(super) fn ask(self, wanted: Wanted) {
        self.next.set_value(Some(wanted));
        if !self.is_busy.get_value() {
            self.go_on();
        }
    }

    fn go_on(self) {
        let wanted = self.next.try_update_value(Option::take).flatten();
        let (Some(wanted), Some(list)) = (wanted, self.list.try_get_untracked().flatten()) else { return };
        // All that are there, or that were deleted, in any order.
        let list = Listing { filter: String::new(), sort: None, descending: false, ..list };
        let Wanted { field, part } = wanted;
        let request = ListValues { list: list.clone(), field: field.clone(), part, limit: None };
        self.is_busy.set_value(true);
        spawn_local(async move {
            let answer = self.client.call(request).await;
            // The page may be left by now.
            if self.is_busy.try_set_value(false).is_some() {
                return;
            }
            // A field that has no list of values is offered none.
            if let Ok(answer) = answer {
                self.known.try_update(|(of, known)| {
                    if of.as_ref() != Some(&list) {
                        (*of, *known) = (Some(list), Known::new());
                    }
                    add(known.entry(field).or_default(), answer.values);
                });
            }
            self.go_on();
        });
    }
}

/// Puts what came before what was known of a field.
fn add(known: &mut Vec<RunValue>, mut came: Vec<RunValue>) {
    came.retain(|value| value.value.len() <= LONGEST);
    let is_new = |old: &RunValue| came.iter().all(|new| new.value != old.value);
    let rest: Vec<RunValue> = known.drain(..).filter(is_new).collect();
    came.extend(rest);
    came.truncate(KEPT);
    *known = came;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_last_stands_first_and_nothing_twice() {
        let value = |value: &str, runs| RunValue { value: value.to_owned(), runs };
        let mut known = Vec::new();
        add(&mut known, vec![value("trees", 9), value("mlp", 3)]);
        add(&mut known, vec![value("mlp", 4), value(&"x".repeat(LONGEST + 1), 2)]);
        assert_eq!(known, [value("mlp", 4), value("trees", 9)]);
        add(&mut known, (0..KEPT).map(|at| value(&at.to_string(), 1)).collect());
        assert_eq!(known.len(), KEPT);
    }
}
