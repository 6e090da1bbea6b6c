//! What a page shows stands in its address, so that it can be copied and sent.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use super::place::Place;
use crate::client::wire;

/// Keeps `parts` of what is shown, as keys and values, in the query of the address; an empty value is left out.
/// What else stands in the query stays.
pub(crate) fn keep_in_address(parts: impl Fn() -> Vec<(&'static str, String)> + 'static) {
    let here = use_location();
    let navigate = use_navigate();
    Effect::new(move |before: Option<Vec<(&'static str, String)>>| {
        let now = parts();
        if before.is_some_and(|before| before != now) {
            let query = with(&here.search.get_untracked(), &encoded(&now));
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&format!("{}{query}", here.pathname.get_untracked()), options);
        }
        now
    });
}

/// What lies over a page and has an address of its own: the page below stays as it is.
const COVERS: [&str; 3] = ["compare", "search", "searches"];

/// Takes a value from the query when that is changed from elsewhere: by Back, or by a link to this page. What is kept
/// there comes back late, when the person may have typed on.
pub(crate) fn follow_address(key: &'static str, value: RwSignal<String>) {
    let query = use_location().query;
    let named = move || query.with(|query| query.get(key)).unwrap_or_default();
    follow(named, move || value.get(), move |named| value.set(named));
}

/// A filter of a page, empty or as the address says, which then follows what is typed.
pub(crate) fn filter_of_address(key: &'static str) -> RwSignal<String> {
    let value = RwSignal::new(use_location().query.with_untracked(|query| query.get(key)).unwrap_or_default());
    follow_address(key, value);
    keep_in_address(move || vec![(key, value.get())]);
    value
}

/// The same of whatever the address says: `named` is what it says, `now` what is shown, `set` shows something else.
pub(crate) fn follow<T: PartialEq + Clone + Send + Sync + 'static>(
    named: impl Fn() -> T + 'static,
    now: impl Fn() -> T + Copy + 'static,
    set: impl Fn(T) + 'static,
) {
    let here = use_location();
    let page = move || here.pathname.with_untracked(|path| path.rsplit('/').next().map(ToOwned::to_owned));
    let own = page();
    let late = StoredValue::new(Late::default());
    Effect::new(move |_| {
        let now = now();
        late.update_value(|late| late.shown(now));
    });
    Effect::new(move |_| {
        let named = named();
        // Another page's address, while this one is left, says nothing of it; nor does that of what lies over it.
        let is_covered = || here.query.with(|query| COVERS.iter().any(|cover| query.get(cover).is_some()));
        if page() != own || is_covered() {
            late.try_update_value(Late::is_elsewhere);
            return;
        }
        let now = untrack(now);
        if late.try_update_value(|late| late.is_from_elsewhere(&named, &now)) == Some(true) {
            set(named);
        }
    });
}

/// What the address may still come to, one after another, what was taken from it last, and what it said last.
#[derive(Debug)]
struct Late<T> {
    kept: Vec<T>,
    taken: Option<T>,
    said: Option<T>,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), taken: None, said: None }
    }
}

impl<T: PartialEq + Clone> Late<T> {
    /// Something else is shown: the address will come to it, unless it is from there.
    fn shown(&mut self, now: T) {
        if self.taken.take().as_ref() != Some(&now) {
            self.kept.push(now);
        }
    }

    /// The address is another page's: what it said before is forgotten.
    fn is_elsewhere(&mut self) {
        self.said = None;
    }

    /// Whether what the address says is to be shown.
    fn is_from_elsewhere(&mut self, named: &T, now: &T) -> bool {
        let said = self.said.replace(named.clone());
        if named == now {
            self.kept.clear();
            return false;
        }
        // Only another part of the address has changed, which says nothing of this one: what is shown comes there next.
        if said.as_ref() == Some(named) || self.kept.contains(named) {
            return false;
        }
        self.taken = Some(named.clone());
        true
    }
}

/// This page's address with more in its query: `asking(&[("train", "1")])` opens a dialog over what is shown.
pub(crate) fn asking(wish: Vec<(&'static str, String)>) -> Signal<String> {
    let here = use_location();
    let wish = encoded(&wish);
    Signal::derive(move || format!("{}{}", here.pathname.get(), here.search.with(|query| with(query, &wish))))
}

/// Where a training is begun: over the page of the project that is open, which stays as it is, or else over the runs of
/// the one at hand.
pub(crate) fn training(place: Place) -> Signal<Option<String>> {
    let here = asking(vec![("train", "1".to_owned())]);
    Signal::derive(move || match place.project.get() {
        Some(_) => Some(here.get()),
        None => place.at_hand.get().map(|project| over(&place.page_of(project, "runs"), &[("train", "1".to_owned())])),
    })
}

/// An address with other values of some keys in its query.
fn over(address: &str, parts: &[(&str, String)]) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    format!("{path}{}", with(query, parts))
}

fn encoded(parts: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    parts.iter().map(|(key, value)| (*key, wire::encode(value))).collect()
}

/// The query with other values of some keys, which come last; values are given as an address has them.
pub(crate) fn with(query: &str, parts: &[(&str, String)]) -> String {
    let is_replaced = |part: &&str| {
        let key = part.split('=').next().unwrap_or_default();
        key.is_empty() || parts.iter().any(|(own, _)| *own == key)
    };
    let mut all: Vec<String> =
        query.trim_start_matches('?').split('&').filter(|part| !is_replaced(part)).map(ToOwned::to_owned).collect();
    let given = parts.iter().filter(|(_, value)| !value.is_empty());
    all.extend(given.map(|(key, value)| format!("{key}={value}")));
    if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_on_is_not_taken_back_and_back_and_forward_are_followed() {
        let mut late = Late::default();
        late.shown("");
        assert!(!late.is_from_elsewhere(&"", &""), "as it was opened");
        // Typed twice before the address comes to the first.
        late.shown("a");
        late.shown("ab");
        assert!(!late.is_from_elsewhere(&"a", &"ab"));
        assert!(!late.is_from_elsewhere(&"ab", &"ab"));
        // A link to this page, back, and forward again.
        for (named, now) in [("b", "ab"), ("ab", "b"), ("b", "ab"), ("ab", "b")] {
            assert!(late.is_from_elsewhere(&named, &now), "{named}");
            late.shown(named);
        }
    }

    #[test]
    fn of_two_changes_at_once_the_first_to_be_kept_takes_none_back() {
        let mut late = Late::default();
        late.shown("");
        assert!(!late.is_from_elsewhere(&"", &""), "as it was opened");
        // Another part was kept first: the address still has the old value of this one.
        assert!(!late.is_from_elsewhere(&"", &"2"));
        late.shown("2");
        assert!(!late.is_from_elsewhere(&"2", &"2"));
        assert!(late.is_from_elsewhere(&"", &"2"), "back");
        late.shown("");
        // A page that lay over this one is closed by a link that names something else.
        assert!(!late.is_from_elsewhere(&"", &""));
        late.shown("3");
        assert!(!late.is_from_elsewhere(&"3", &"3"));
        late.is_elsewhere();
        assert!(late.is_from_elsewhere(&"", &"3"));
    }

    #[test]
    fn other_keys_stay_and_an_empty_value_leaves() {
        let part = |key, value: &str| (key, value.to_owned());
        assert_eq!(with("?tab=log&hours=1", &[part("hours", "168")]), "?tab=log&hours=168");
        assert_eq!(with("hours=1", &[part("hours", "")]), "");
        assert_eq!(with("", &[part("log", "7"), part("hours", "")]), "?log=7");
        // A training is begun over a table that stays as it is.
        let table = "/p/1/runs?filter=a%20%3D%201&sort=metric.loss&group=param.lr&curve=none";
        assert_eq!(over(table, &[part("train", "1")]), format!("{table}&train=1"));
        assert_eq!(over(&format!("{table}&train=again"), &[part("train", "1")]), format!("{table}&train=1"));
        assert_eq!(over("/p/1/runs", &[part("train", "1")]), "/p/1/runs?train=1");
    }
}
