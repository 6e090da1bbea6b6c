//! Where the runs of all experiments stand, as a filter of them can name it.

use std::collections::BTreeSet;

use api::tracking::{Experiment, ListExperiments, Scope};
use leptos::prelude::*;

use crate::{client::query::query, frame::place::Place};

/// Fields with the values that there are.
type Places = Vec<(&'static str, Vec<String>)>;

/// Nothing where the runs are of one experiment or one project.
pub(super) fn places(place: Place) -> Memo<Places> {
    let experiments = query(move || (place.scope.get() == Some(Scope::All)).then(ListExperiments::default));
    Memo::new(move |_| experiments.value.with(|all| of(all.as_deref().unwrap_or_default())))
}

fn of(all: &[Experiment]) -> Places {
    let folders: BTreeSet<&str> = all.iter().map(|one| one.folder.as_str()).filter(|path| !path.is_empty()).collect();
    let with_above = |path| above(path).chain([path]);
    let within: BTreeSet<&str> = folders.iter().copied().flat_map(with_above).collect();
    let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let names = all.iter().map(|one| one.name.as_str()).collect();
    vec![("experiment", owned(names)), ("folder", owned(folders)), ("within", owned(within))]
}

/// The folders that a folder stands in.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api::id::ExperimentId;

    use super::*;

    #[test]
    fn a_filter_is_offered_the_folders_and_all_above_them() {
        let experiment = |name: &str, folder: &str| Experiment {
            id: ExperimentId::from_bytes([1; 16]),
            number: 1,
            project: None,
            is_own: false,
            name: name.to_owned(),
            folder: folder.to_owned(),
            location: None,
            tags: BTreeMap::new(),
            runs: 0,
            newest_run_ms: None,
            created_ms: 0,
            updated_ms: 0,
            deleted_ms: None,
        };
        let all = [experiment("top", ""), experiment("resnet", "vision/deep/50%"), experiment("vit", "vision/deep")];
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let expected = vec![
            ("experiment", texts(&["resnet", "top", "vit"])),
            ("folder", texts(&["vision/deep", "vision/deep/50%"])),
            ("within", texts(&["vision", "vision/deep", "vision/deep/50%"])),
        ];
        assert_eq!(of(&all), expected);
    }
}
