//! Long lists, asked page by page as they are scrolled to, and asked again when they change.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use api::{ApiError, Request};
use leptos::{prelude::*, task::spawn_local};

use super::{Client, pace};

/// Rows that a page asks for at once.
const PAGE: u64 = 200;
/// Pages that are asked for at once while a person scrolls: what was passed by meanwhile is not asked for at all.
const AT_ONCE: usize = 2;
/// Pages that are kept; those far from what is seen go first.
const KEPT: usize = 24;

/// Asks for what of a range is missing.
type Need = Arc<dyn Fn(Range<u64>)>;

/// A list of which only the pages that were seen are here.
pub(crate) struct Paged<T: Send + Sync + 'static> {
    pub(crate) total: RwSignal<Option<u64>>,
    pub(crate) error: RwSignal<Option<ApiError>>,
    pages: RwSignal<BTreeMap<u64, Arc<Vec<T>>>>,
    need: StoredValue<Need, LocalStorage>,
    again: StoredValue<Arc<dyn Fn()>, LocalStorage>,
    /// The range that was asked for last.
    wanted: StoredValue<Range<u64>, LocalStorage>,
    sight: StoredValue<Sight>,
}

/// Whether the list can be seen, and whether it changed while it could not.
#[derive(Clone, Copy, Default)]
struct Sight {
    is_covered: bool,
    has_changed: bool,
}

impl Sight {
    /// The list changed: whether that is asked for now.
    const fn changes(&mut self) -> bool {
        self.has_changed |= self.is_covered;
        !self.is_covered
    }

    /// It is covered or seen from now on: whether it is to be asked for what it missed.
    const fn turns(&mut self, is_covered: bool) -> bool {
        self.is_covered = is_covered;
        let missed = self.has_changed && !is_covered;
        self.has_changed &= is_covered;
        missed
    }
}

impl<T: Send + Sync + 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    pub(crate) fn get(self, index: u64) -> Option<T> {
        self.pages.with(|pages| pages.get(&(index / PAGE)).and_then(|page| page.get((index % PAGE) as usize).cloned()))
    }

    /// Looks at the rows that are here now, in order, without taking a copy of any.
    pub(crate) fn each(self, look: impl FnMut(&T)) {
        self.pages.with(|pages| pages.values().flat_map(|page| page.iter()).for_each(look));
    }

    /// The range that was asked for last: what is in sight, and a little beside it.
    pub(crate) fn in_sight(self) -> Range<u64> {
        self.wanted.try_get_value().unwrap_or(0..0)
    }

    /// Asks for what of a range is missing.
    pub(crate) fn need(self, range: Range<u64>) {
        if let Some(need) = self.need.try_get_value() {
            need(range);
        }
    }

    /// Changes of a list that something covers are asked for when it is seen again.
    pub(crate) fn rests_while(self, is_covered: Memo<bool>) {
        Effect::new(move |_| {
            let is_covered = is_covered.get();
            if self.sight.try_update_value(|sight| sight.turns(is_covered)) == Some(true) {
                self.again();
            }
        });
    }

    /// Asks again for what is in sight, also for what is here: after a failure that may be old.
    pub(crate) fn again(self) {
        if let Some(again) = self.again.try_get_value() {
            again();
        }
    }
}

/// A list behind `request(offset, limit)`; `rows` takes the rows and the total out of an answer, if it has
/// them.
pub(crate) fn paged<R, T>(
    request: impl Fn(u64, u32) -> Option<R> + 'static,
    rows: impl Fn(R::Response) -> Option<(Vec<T>, u64)> + 'static,
) -> Paged<T>
where
    R: Request + Clone,
    T: Clone + Send + Sync + 'static,
{
    let client = Client::get();
    let total = RwSignal::new(None);
    let error = RwSignal::new(None);
    let pages = RwSignal::new(BTreeMap::<u64, Arc<Vec<T>>>::new());
    // Which list is asked for: answers to an older filter or order are dropped.
    let generation = StoredValue::new_local(0_u64);
    // The pages whose answer is on its way, each with whether it changed since it was asked for.
    let asked = StoredValue::new_local(BTreeMap::<u64, bool>::new());
    let seen = StoredValue::new_local(0..PAGE);
    let request = StoredValue::new_local(Arc::new(request));
    let rows = StoredValue::new_local(Arc::new(rows));

    let load = move |page: u64, changed: bool| {
        let is_new = asked.try_update_value(|asked| match asked.get_mut(&page) {
            Some(stale) => {
                *stale |= changed;
                false
            }
            None => {
                asked.insert(page, false);
                true
            }
        });
        if is_new != Some(true) {
            return;
        }
        let Some(Some(question)) = request.try_with_value(|request| untrack(|| request(page * PAGE, PAGE as u32)))
        else {
            return;
        };
        let ours = generation.try_get_value();
        spawn_local(async move {
            let (mut page, mut first) = (page, question.clone());
            // The rows of a page that came in part, and what is asked for next of it.
            let (mut begun, mut question) = (Vec::new(), question);
            loop {
                let answer = client.call(question.clone()).await;
                if ours.is_none() || generation.try_get_value() != ours {
                    return;
                }
                // What changed while the answer was on its way may not be in it.
                let is_stale = asked.try_update_value(|asked| {
                    let is_stale = asked.remove(&page) == Some(true);
                    if is_stale {
                        asked.insert(page, false);
                    }
                    is_stale
                });
                // How many rows there are, of an answer that had some.
                let mut known = None;
                match answer {
                    Ok(answer) => {
                        error.set(None);
                        if let Some(Some((new, count))) = rows.try_with_value(|rows| rows(answer)) {
                            let goes_on = !new.is_empty() && is_stale != Some(true);
                            begun.extend(new);
                            let left = if goes_on { left_of(page, begun.len(), count) } else { None };
                            let asks = left.and_then(|(offset, limit)| {
                                request.try_with_value(|request| untrack(|| request(offset, limit))).flatten()
                            });
                            if let Some(asks) = asks {
                                asked.try_update_value(|asked| asked.insert(page, false));
                                question = asks;
                                continue;
                            }
                            let whole = std::mem::take(&mut begun);
                            pages.update(|pages| {
                                pages.insert(page, Arc::new(whole));
                                forget_far(pages, page);
                                pages.retain(|page, _| *page == 0 || page * PAGE < count);
                            });
                            total.set(Some(count));
                            known = Some(count);
                        }
                    }
                    Err(failed) => error.set(Some(failed)),
                }
                // What changed is asked for from its beginning.
                if is_stale == Some(true) {
                    begun.clear();
                    question = first.clone();
                    continue;
                }
                // What is in sight now may be elsewhere; what is behind the end is nowhere.
                let Some(count) = known else { return };
                let missing = seen.try_get_value().and_then(|range| {
                    let is_here =
                        |page: &u64| pages.try_with_untracked(|pages| pages.contains_key(page)) != Some(false);
                    let is_asked = |page: &u64| asked.try_with_value(|asked| asked.contains_key(page)) != Some(false);
                    pages_of(&range).find(|page| page * PAGE < count && !is_here(page) && !is_asked(page))
                });
                let Some(next) = missing else { return };
                let asks = request.try_with_value(|request| untrack(|| request(next * PAGE, PAGE as u32)));
                let Some(Some(asks)) = asks else { return };
                asked.try_update_value(|asked| asked.insert(next, false));
                (page, first, question) = (next, asks.clone(), asks);
            }
        });
    };
    let need: Need = Arc::new(move |range: Range<u64>| {
        seen.set_value(range.clone());
        for page in pages_of(&range) {
            let is_free = asked.with_value(|asked| asked.len() < AT_ONCE);
            if is_free && pages.with_untracked(|pages| !pages.contains_key(&page)) {
                load(page, false);
            }
        }
    });
    Effect::new(move |before: Option<String>| {
        let question = request.with_value(|request| request(0, PAGE as u32));
        let key =
            question.as_ref().map_or_else(String::new, |question| serde_json::to_string(question).unwrap_or_default());
        if before.as_ref() != Some(&key) {
            generation.update_value(|generation| *generation += 1);
            asked.update_value(BTreeMap::clear);
            seen.set_value(0..PAGE);
            pages.update(BTreeMap::clear);
            total.set(None);
            error.set(None);
            load(0, false);
        }
        key
    });

    // What is not seen now is asked again when it is scrolled to.
    let again: Arc<dyn Fn()> = Arc::new(move || {
        let Some(range) = seen.try_get_value() else { return };
        let pages_seen = pages_of(&range);
        pages.update_untracked(|pages| pages.retain(|page, _| pages_seen.contains(page)));
        for page in pages_seen {
            load(page, true);
        }
    });
    let inner = client.inner.get_value();
    let id = inner.number();
    let asks = again.clone();
    let changed = pace::spaced(|| pace::LIST_MS, move || asks());
    let sight = StoredValue::new(Sight::default());
    inner.queries.borrow_mut().insert(
        id,
        std::rc::Rc::new(move |tag| {
            let question = request.try_with_value(|request| untrack(|| request(0, PAGE as u32))).flatten();
            let ours = match (&question, tag) {
                (Some(question), Some(tag)) => question.tags().iter().any(|own| own.covers(tag)),
                (question, None) => question.is_some(),
                (None, Some(_)) => false,
            };
            if ours && sight.try_update_value(Sight::changes) == Some(true) {
                changed();
            }
        }),
    );
    on_cleanup(move || {
        client.inner.with_value(|inner| inner.queries.borrow_mut().remove(&id));
    });
    Paged {
        total,
        error,
        pages,
        need: StoredValue::new_local(need),
        again: StoredValue::new_local(again),
        wanted: seen,
        sight,
    }
}

/// What a page lacks of which so many rows came, where it is not the last: rows that are large together come in parts.
fn left_of(page: u64, came: usize, count: u64) -> Option<(u64, u32)> {
    let offset = page * PAGE + came as u64;
    let left = PAGE.saturating_sub(came as u64);
    (left > 0 && offset < count).then_some((offset, left as u32))
}

fn pages_of(range: &Range<u64>) -> std::ops::RangeInclusive<u64> {
    range.start / PAGE..=range.end.saturating_sub(1) / PAGE
}

fn forget_far<T>(pages: &mut BTreeMap<u64, Arc<Vec<T>>>, near: u64) {
    while pages.len() > KEPT {
        let far = pages.keys().copied().max_by_key(|page| page.abs_diff(near));
        if let Some(far) = far {
            pages.remove(&far);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_comes_in_parts_lacks_what_is_behind_them() {
        assert_eq!(left_of(0, 200, 900), None);
        assert_eq!(left_of(2, 30, 900), Some((430, 170)));
        assert_eq!(left_of(4, 99, 900), Some((899, 101)));
        assert_eq!(left_of(4, 100, 900), None, "the last page is short");
        assert_eq!(left_of(0, 0, 0), None);
    }

    #[test]
    fn a_covered_list_is_asked_once_when_it_is_seen_again() {
        let mut sight = Sight::default();
        assert!(sight.changes());
        assert!(!sight.turns(true));
        assert!(!sight.changes() && !sight.changes());
        assert!(sight.turns(false), "it missed something");
        assert!(!sight.turns(true) && !sight.turns(false), "nothing changed meanwhile");
    }
}
