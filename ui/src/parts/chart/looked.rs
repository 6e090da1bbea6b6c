//! How a person looks at single charts of a page: what they zoomed to, hid and bounded. It stands in the page's address, so
//! that a reload and a link show the same.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use crate::frame::address::keep_in_address;

/// What the address calls it.
pub(crate) const LOOKS: &str = "looks";

/// How a chart is looked at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Looked {
    /// Whether the vertical axis is logarithmic, where a person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<bool>,
    /// From where to where on the horizontal axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) zoom: Option<(f64, f64)>,
    /// The lines that are hidden, by their keys.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) hidden: BTreeSet<String>,
    /// The vertical axis leaves out what lies far from all else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) bounded: bool,
}

/// Those of a page, each by what its chart is called there.
#[derive(Clone, Copy)]
pub(crate) struct ChartLooks(RwSignal<BTreeMap<String, Looked>>);

impl ChartLooks {
    /// As the address says, which then follows what is chosen.
    pub(crate) fn of_address(query: Memo<ParamsMap>) -> Self {
        let given = query.with_untracked(|query| query.get(LOOKS)).unwrap_or_default();
        let looks = Self(RwSignal::new(read(&given)));
        keep_in_address(move || vec![(LOOKS, looks.0.with(written))]);
        looks
    }

    pub(crate) fn chart(self, key: impl Into<String>) -> Kept {
        Kept { looks: self, key: key.into() }
    }
}

/// Where the look of one chart is kept.
#[derive(Clone)]
pub(crate) struct Kept {
    looks: ChartLooks,
    key: String,
}

impl Kept {
    /// How it was looked at last.
    pub(super) fn looked(&self) -> Looked {
        self.looks.0.with_untracked(|looks| looks.get(&self.key).cloned()).unwrap_or_default()
    }

    /// What of its horizontal axis is looked at, for whoever fetches its points.
    pub(crate) fn zoom(&self) -> Option<(f64, f64)> {
        self.looked().zoom
    }

    pub(super) fn keep(&self, now: Looked) {
        self.looks.0.update(|looks| {
            if now == Looked::default() {
                looks.remove(&self.key);
            } else {
                looks.insert(self.key.clone(), now);
            }
        });
    }
}

fn written(looks: &BTreeMap<String, Looked>) -> String {
    if looks.is_empty() { String::new() } else { serde_json::to_string(looks).unwrap_or_default() }
}

/// What an address says; what can't be read is passed over.
fn read(said: &str) -> BTreeMap<String, Looked> {
    let mut looks: BTreeMap<String, Looked> = serde_json::from_str(said).unwrap_or_default();
    for looked in looks.values_mut() {
        looked.zoom = looked.zoom.filter(|(from, to)| from < to);
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_each_chart_as_it_was_looked_at() {
        let hidden = BTreeSet::from(["brisk-heron".to_owned()]);
        let zoomed = Looked { log: Some(false), zoom: Some((10.0, 20.5)), hidden, bounded: false };
        let bounded = Looked { bounded: true, ..Looked::default() };
        let looks = BTreeMap::from([("loss/train".to_owned(), zoomed), ("a key, of \"someone\"".to_owned(), bounded)]);
        assert_eq!(read(&written(&looks)), looks);
        assert_eq!(
            written(&BTreeMap::from([("f1".to_owned(), looks["a key, of \"someone\""].clone())])),
            r#"{"f1":{"bounded":true}}"#
        );
        assert_eq!((written(&BTreeMap::new()), read("nonsense").len(), read("").len()), (String::new(), 0, 0));
        let odd = read(r#"{"loss":{"zoom":[5,1],"unknown":3}}"#);
        assert_eq!(odd["loss"], Looked::default());
    }
}
