//! The parent that a filter names: as a tag it is told by its id, people call it by its name.

use anyhow::bail;
use api::{
    ApiError, RunId,
    run::{Nearness, ResolveRuns, ResolvedRun},
    tracking::{PARENT_TAG, Scope},
};

use super::{
    filter::{Comparison, Field, Filter, Value},
    named,
};
use crate::Engine;

/// Runs of one name that an error lists.
const TOLD: usize = 5;

/// The same filter, which finds the children of a run also by that run's name. A name that several have is refused, one that
/// none has stays: what finds nothing says so.
pub(super) async fn by_name(engine: &Engine, of: Scope, mut filter: Filter) -> anyhow::Result<Filter> {
    let mut names = Vec::new();
    each(&mut filter, &mut |named| names.extend(named.iter().cloned()));
    let mut known = Vec::new();
    for name in names {
        let found = named::find(engine, ResolveRuns { named: name.clone(), of }).await?;
        match nearest(found).as_slice() {
            [] => {}
            [run] => known.push((name, run.id.to_string())),
            several => bail!(ambiguous(&name, several)),
        }
    }
    // Beside the id the text stays: another tool may have told a parent in its own words.
    each(&mut filter, &mut |named| {
        let ids = known.iter().filter(|(name, _)| named.contains(name)).map(|(_, id)| id.clone());
        let ids: Vec<String> = ids.collect();
        named.extend(ids);
    });
    Ok(filter)
}

/// Those that stand nearest, and of these what is there before what is deleted.
fn nearest(mut found: Vec<ResolvedRun>) -> Vec<ResolvedRun> {
    let rank = |run: &ResolvedRun| (run.deleted, run.nearness);
    let first: Option<(bool, Nearness)> = found.iter().map(rank).min();
    found.retain(|run| Some(rank(run)) == first);
    found
}

fn ambiguous(name: &str, several: &[ResolvedRun]) -> ApiError {
    let told = several.iter().take(TOLD).map(|run| format!("{} in {}", run.id, run.experiment));
    let more = several.len().checked_sub(TOLD).filter(|more| *more > 0).map(|more| format!("{more} more"));
    let told: Vec<String> = told.chain(more).collect();
    ApiError::invalid(format!("Which parent is meant by \"{name}\"? {} runs are called so.", several.len()))
        .with_hint(format!("Name it by its id: {}.", told.join(", ")))
}

/// Gives the parents that are named by no id to `change`; where it adds some, any of them will do.
fn each(filter: &mut Filter, change: &mut dyn FnMut(&mut Vec<String>)) {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter_mut().for_each(|one| each(one, change)),
        Filter::Not(inner) => each(inner, change),
        Filter::All | Filter::Word(_) => {}
        Filter::Compare(Field::Tag(key), comparison, value) if key.as_str() == PARENT_TAG => {
            let (any, texts) = match (*comparison, &*value) {
                (Comparison::Equal, Value::Text(text)) => (Comparison::In, vec![text.clone()]),
                (Comparison::NotEqual, Value::Text(text)) => (Comparison::NotIn, vec![text.clone()]),
                (Comparison::In | Comparison::NotIn, Value::List(texts)) => (*comparison, texts.clone()),
                _ => return,
            };
            let mut named: Vec<String> = texts.iter().filter(|text| text.parse::<RunId>().is_err()).cloned().collect();
            let before = named.len();
            if before == 0 {
                return;
            }
            change(&mut named);
            let added = named.split_off(before.min(named.len()));
            if !added.is_empty() {
                *comparison = any;
                *value = Value::List(texts.into_iter().chain(added).collect());
            }
        }
        Filter::Compare(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::filter::parse;

    #[test]
    fn a_name_is_any_of_itself_and_what_it_stands_for() {
        let told = |text: &str| {
            let mut filter = parse(text).unwrap();
            let mut seen = Vec::new();
            each(&mut filter, &mut |named| {
                seen.extend(named.iter().cloned());
                named.push("an id".to_owned());
            });
            (seen, filter)
        };
        let tag = || Field::Tag(PARENT_TAG.to_owned());
        let list = |texts: &[&str]| Value::List(texts.iter().map(|text| (*text).to_owned()).collect());
        let (seen, filter) = told("parent = 'my sweep'");
        assert_eq!(seen, ["my sweep"]);
        assert_eq!(filter, Filter::Compare(tag(), Comparison::In, list(&["my sweep", "an id"])));
        let (_, filter) = told("parent != 'my sweep'");
        assert_eq!(filter, Filter::Compare(tag(), Comparison::NotIn, list(&["my sweep", "an id"])));
        // An id is what it is, and so is a part of a name.
        let id = RunId::from_bytes([1; 16]);
        for plain in [format!("parent = '{id}'"), "parent ~ 'sweep'".to_owned(), "parent is null".to_owned()] {
            assert_eq!(told(&plain), (Vec::new(), parse(&plain).unwrap()), "{plain}");
        }
        let (seen, filter) = told(&format!("not (parent in ('{id}', 'a') or name = 'b')"));
        assert_eq!(seen, ["a"]);
        let Filter::Not(inner) = &filter else { panic!("{filter:?}") };
        let Filter::Or(all) = &**inner else { panic!("{inner:?}") };
        assert_eq!(all[0], Filter::Compare(tag(), Comparison::In, list(&[&id.to_string(), "a", "an id"])));
    }
}
