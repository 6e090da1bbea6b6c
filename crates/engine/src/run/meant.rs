//! What was meant by a key that a request names without saying whether it is a metric's, a param's or a tag's.

use anyhow::bail;
use api::{
    ApiError,
    run_table::{named, parts},
    tracking::Scope,
};

use super::{
    board::Order,
    filter::{self, Filter},
    parent, table,
};
use crate::{Engine, nearest::nearest};

/// What is wrong with a part of a request, and the word in it that is no field.
pub(super) type Unread = (ApiError, Option<String>);

/// A filter of these runs.
pub(super) async fn filter(engine: &Engine, of: Scope, text: &str) -> anyhow::Result<Filter> {
    let filter = or_meant(engine, of, filter_text(text)).await?;
    parent::by_name(engine, of, filter).await
}

fn filter_text(text: &str) -> Result<Filter, Unread> {
    filter::parse(text).map_err(|error| (error, filter::unknown_field(text)))
}

pub(super) fn orders(sort: Option<&str>, descending: bool) -> Result<Option<Vec<Order>>, Unread> {
    table::orders(sort, descending).map_err(|error| {
        let wrong = parts(sort.unwrap_or_default()).into_iter().find(|part| filter::order_of(part, None).is_err());
        (error, wrong.and_then(|part| part.split_whitespace().next()).map(str::to_owned))
    })
}

/// Each of these names read, or what is wrong with the first that can't be.
pub(super) fn each<T>(names: &[String], read: impl Fn(&str) -> Result<T, ApiError>) -> Result<Vec<T>, Unread> {
    names.iter().map(|name| read(name).map_err(|error| (error, Some(name.clone())))).collect()
}

/// What was read, or its error with the fields that the word probably stands for among the keys of these runs.
pub(super) async fn or_meant<T>(engine: &Engine, of: Scope, read: Result<T, Unread>) -> anyhow::Result<T> {
    let (error, word) = match read {
        Ok(read) => return Ok(read),
        Err(unread) => unread,
    };
    let Some(word) = word else { bail!(error) };
    let board = engine.clone();
    let (asked, _asking) = engine.board().ask();
    let known = engine.store().read(move |c| {
        let experiments = table::experiments(c, of)?;
        board.board().keys(c, &asked, &experiments)
    });
    let known = known.await?;
    bail!(with_meant(error, &word, &known))
}

/// `known` are the keys of metrics, params and tags.
fn with_meant(error: ApiError, word: &str, known: &[Vec<String>; 3]) -> ApiError {
    // Something else of the request may be wrong.
    if !error.message.contains(&format!("\"{word}\"")) {
        return error;
    }
    let of_key = |key: &str| -> Vec<String> {
        let kinds = ["metric", "param", "tag"].into_iter().zip(known);
        let has = |keys: &[String]| keys.binary_search_by(|known| known.as_str().cmp(key)).is_ok();
        kinds.filter(|(_, keys)| has(keys)).map(|(kind, _)| named(kind, key)).collect()
    };
    // A key of just this name is meant before any field of a similar one.
    let (said, near) = match error.message.split_once(" Did you mean") {
        Some((said, _)) => (said, true),
        None => (error.message.as_str(), false),
    };
    let meant = match of_key(word) {
        exact if exact.is_empty() && near => return error,
        exact if exact.is_empty() => {
            nearest(word, known.iter().flatten().map(String::as_str)).map(of_key).unwrap_or_default()
        }
        exact => exact,
    };
    if meant.is_empty() {
        return error;
    }
    let message = format!("{said} Did you mean {}?", meant.join(" or "));
    ApiError { message, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_its_kind_is_told_with_it() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let known = [keys(&["accuracy", "stat", "val/loss"]), keys(&["penalty"]), keys(&["penalty", "team"])];
        let told = |text: &str| {
            let (error, word) = filter_text(text).unwrap_err();
            with_meant(error, &word.unwrap_or_default(), &known).message
        };
        for (text, meant) in [
            ("accuracy > 0.9", "there is no field \"accuracy\". Did you mean metric.accuracy?"),
            ("team = 'a' and val/los < 1", "there is no field \"team\". Did you mean tag.team?"),
            ("val/los < 1", "Did you mean metric.val/loss?"),
            ("penalty in ('l1')", "Did you mean param.penalty or tag.penalty?"),
            // A metric of the name stands before the state that is like it.
            ("stat = 1", "\"stat\". Did you mean metric.stat?"),
            ("stte = 1", "\"stte\". Did you mean \"state\"?"),
        ] {
            let told = told(text);
            assert!(told.ends_with(meant), "{text}: {told}");
        }
        let (error, word) = orders(Some("metric.val/loss, val/loss desc"), false).unwrap_err();
        let told = with_meant(error, &word.unwrap(), &known).message;
        assert_eq!(told, "Runs can't be sorted by \"val/loss\". Did you mean metric.val/loss?");
        // What is wrong is another thing than the word.
        let (error, _) = filter_text("state = 'finshed'").unwrap_err();
        assert_eq!(with_meant(error.clone(), "accuracy", &known), error);
    }
}
