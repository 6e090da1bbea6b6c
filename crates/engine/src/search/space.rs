//! What a trial's values mean to what is searched with: keys of `[training]`, or `${name}` in a command.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    ApiError,
    config::{DataKind, ModelChoice, TrainingConfig},
    search::{EarlyStopping, SearchCommand, SearchConfig, SearchMethod, Value, Written},
};
use tune::{
    asha::Asha,
    grid,
    space::{Domain, Space},
};

use crate::{
    nearest::{did_you_mean, nearest},
    project_file,
    run::start::word,
};

type Values = BTreeMap<String, Value>;

/// What each trial is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    Training(&'a TrainingConfig),
    Command(&'a [String]),
}

/// The space of a search that can be begun.
pub(super) fn check(config: &SearchConfig, of: Of<'_>) -> Result<Space, ApiError> {
    let space = Space::try_from(config.space.clone()).map_err(|error| {
        let error = ApiError::invalid(format!("`search.space` can't be searched: {error}.")).with_key("search.space");
        if !config.space.is_empty() {
            return error;
        }
        error.with_hint(
            "Say what is tried in `[search.space]` of slipway.toml, or by --try, as in `slipway search start --try \
             learning_rate=1e-5..0.1:log`.",
        )
    })?;
    rules(config)?;
    if config.method == SearchMethod::Grid {
        size(&space)?;
    }
    match of {
        Of::Training(training) => {
            for end in ends(&space) {
                training_with(training, &end)?;
            }
        }
        Of::Command(words) => {
            if config.metric.is_none() || config.goal.is_none() {
                return Err(ApiError::invalid("A command's search needs to know what is judged.").with_hint(
                    "Name the metric that the program logs and whether less or more is better: `metric` and `goal` of `[search]`, \
                     or --metric and --goal.",
                ));
            }
            named_in(words, &space)?;
        }
    }
    Ok(space)
}

/// Whatever is searched changes the training of a model that is tried.
pub(super) fn used(space: &Space, base: &TrainingConfig, data: DataKind) -> Result<(), ApiError> {
    let searched = space.iter().find(|(name, _)| *name == "model");
    let models: Vec<ModelChoice> = match searched {
        Some((_, Domain::Values(values))) => values.iter().filter_map(model).map(|model| model.on(data)).collect(),
        _ => vec![base.model.on(data)],
    };
    match space.iter().find(|(name, _)| !models.iter().any(|model| model.uses(name))) {
        Some((name, _)) => {
            let tried: Vec<String> = models.iter().map(word).collect();
            Err(ApiError::invalid(format!("`search.space.{name}` changes nothing in {}.", tried.join(", ")))
                .with_hint("Take it out, or search with a model that has it: `model` of `[training]`.")
                .with_key("search.space"))
        }
        None => Ok(()),
    }
}

fn model(value: &Value) -> Option<ModelChoice> {
    serde_json::to_value(value).and_then(serde_json::from_value).ok()
}

/// Refuses a word that a program is always given: nothing of it is searched, and it was probably meant to be a range.
pub(super) fn chosen_among(config: &SearchConfig) -> Result<(), ApiError> {
    let alone = |written: &Written| match written.values.as_deref() {
        Some([Value::Text(word)]) => Some(word.clone()),
        _ => None,
    };
    let found = config.space.iter().find_map(|(name, written)| Some((name, alone(written)?)));
    match found.filter(|_| config.command.is_some()) {
        Some((name, word)) => Err(ApiError::invalid(format!(
            "`{name}` can only be \"{word}\": a range or several choices were expected."
        ))
        .with_hint(format!(
            "For example {name}=1e-4..0.1:log, {name}=2..8:int or {name}={word},OTHER. What is always the same stands in the command \
             itself."
        ))
        .with_key("search.space")),
        None => Ok(()),
    }
}

/// What `slipway.toml` and a request must keep alike, beside the space.
pub(crate) fn rules(config: &SearchConfig) -> Result<(), ApiError> {
    let rules = [
        (config.trials >= 1 && config.trials <= 100_000, "trials", "from 1 to 100,000"),
        (config.parallel >= 1 && config.parallel <= 256, "parallel", "from 1 to 256"),
        (config.min_steps >= 1, "min_steps", "at least 1"),
        (config.reduction >= 2, "reduction", "at least 2"),
        (is_program(config.command.as_deref()), "command", "a list of texts, the first of them a program's name"),
        (config.metric.is_none() || config.goal.is_some(), "goal", "\"min\" or \"max\", where `metric` is named"),
    ];
    let budget = project_file::budget_rules(&config.budget).into_iter();
    let budget = budget.map(|(holds, table, key, expected)| (holds, format!("{table}.{key}"), expected));
    let rules = rules.into_iter().map(|(holds, key, expected)| (holds, key.to_owned(), expected));
    match rules.chain(budget).find(|(holds, ..)| !holds) {
        Some((_, key, expected)) => {
            let path = format!("search.{key}");
            let error = ApiError::invalid(format!("`{path}` must be {expected}."));
            let error = match key.as_str() {
                "goal" => {
                    error.with_hint("Say it as `goal` of `[search]` in slipway.toml, or by --goal min or --goal max.")
                }
                _ => error,
            };
            Err(error.with_key(path))
        }
        None => Ok(()),
    }
}

fn is_program(command: Option<&[String]>) -> bool {
    command.is_none_or(|words| words.first().is_some_and(|program| !program.trim().is_empty()))
}

fn size(space: &Space) -> Result<u64, ApiError> {
    grid::size(space).map_err(|error| {
        ApiError::invalid(format!("The space has no grid: {error}."))
            .with_hint("Search it with `method = \"tpe\"` or \"random\" instead.")
            .with_key("search.space")
    })
}

/// How many trials a search has: fewer than asked for where its grid is smaller.
pub(super) fn planned(config: &SearchConfig, space: &Space) -> Result<u64, ApiError> {
    match config.method {
        SearchMethod::Grid => Ok(size(space)?.min(config.trials)),
        SearchMethod::Random | SearchMethod::Tpe => Ok(config.trials),
    }
}

/// The rungs that trials are judged at. They have no end: how long a trial lasts is its own matter.
pub(super) fn asha(config: &SearchConfig, direction: api::search::Direction) -> Option<Asha> {
    (config.early_stopping == EarlyStopping::Asha).then_some(Asha {
        direction,
        min_resource: config.min_steps,
        max_resource: u64::MAX,
        reduction_factor: config.reduction,
        early_stopping_rate: 0,
    })
}

/// Trials that together have each hyperparameter's every value, of a range the ends.
fn ends(space: &Space) -> Vec<Values> {
    let of = |domain: &Domain| match domain {
        Domain::Values(values) => values.clone(),
        Domain::Range(range) => vec![domain.value(range.min), domain.value(range.max)],
    };
    let ends: Vec<(&String, Vec<Value>)> = space.iter().map(|(name, domain)| (name, of(domain))).collect();
    let most = ends.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let nth = |at: usize| {
        ends.iter().map(|(name, values)| ((*name).clone(), values[at.min(values.len() - 1)].clone())).collect()
    };
    (0..most).map(nth).collect()
}

/// The training of one trial.
pub(super) fn training_with(base: &TrainingConfig, values: &Values) -> Result<TrainingConfig, ApiError> {
    let mut training = serde_json::to_value(base).unwrap_or_default();
    let known = training.as_object_mut().ok_or_else(|| ApiError::invalid("`[training]` is no table."))?;
    for (name, value) in values {
        let Some(place) = known.get_mut(name) else {
            // `lr` is nobody's slip of the finger.
            let is_short_for = |key: &&String| {
                name.chars().count() > 1 && key.split('_').filter_map(|word| word.chars().next()).eq(name.chars())
            };
            let nearest = || known.keys().min_by_key(|key| strsim::damerau_levenshtein(key, name));
            let near = known.keys().find(is_short_for).or_else(nearest).cloned();
            return Err(ApiError::invalid(format!("`search.space.{name}` is no key of `[training]`."))
                .with_hint(format!("Perhaps `{}` is meant.", near.unwrap_or_default()))
                .with_key("search.space"));
        };
        *place = match (name.as_str(), value) {
            // The one list: "64,32" is two layers.
            ("hidden", Value::Text(widths)) => {
                widths.split(',').map(|width| width.trim().parse::<u64>().ok()).collect()
            }
            ("hidden", Value::Integer(width)) => serde_json::json!([width]),
            (_, value) => serde_json::json!(value),
        };
    }
    let training: TrainingConfig = serde_json::from_value(training).map_err(|error| {
        ApiError::invalid(format!("A value of `search.space` is none that `[training]` can have: {error}."))
            .with_hint("Whole numbers need `int = true`.")
            .with_key("search.space")
    })?;
    project_file::check_training(&training)?;
    Ok(training)
}

/// The words of a command with the values in their places.
pub(super) fn words_with(words: &[String], values: &Values) -> Vec<String> {
    let put = |word: &String| {
        values.iter().fold(word.clone(), |word, (name, value)| word.replace(&place(name), &value.to_string()))
    };
    words.iter().map(put).collect()
}

fn place(name: &str) -> String {
    format!("${{{name}}}")
}

/// Each hyperparameter stands in the command, and no other does.
fn named_in(words: &[String], space: &Space) -> Result<(), ApiError> {
    let searched: BTreeSet<&str> = space.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(unused) = searched.iter().find(|name| !words.iter().any(|word| word.contains(&place(name)))) {
        let unsearched: Vec<&str> =
            SearchCommand::names(words).into_iter().filter(|name| !searched.contains(name)).collect();
        let hint = match nearest(unused, unsearched.iter().copied()) {
            Some(meant) => format!("It has `{}`: name that in `[search.space]`, or by --try {meant}=….", place(meant)),
            None => {
                format!("Write it where the program takes the value, in single quotes: '--{unused}=${{{unused}}}'.")
            }
        };
        let meant = did_you_mean(unused, unsearched);
        return Err(ApiError::invalid(format!("The command has no `{}`.{meant}", place(unused))).with_hint(hint));
    }
    if let Some(unknown) = SearchCommand::names(words).into_iter().find(|name| !searched.contains(name)) {
        return Err(ApiError::invalid(format!(
            "`{}` stands in the command, and `search.space` has no {unknown}.",
            place(unknown)
        ))
        .with_key("search.space"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(space: &[(&str, Written)]) -> SearchConfig {
        let space = space.iter().map(|(name, written)| ((*name).to_owned(), written.clone())).collect();
        SearchConfig { space, ..SearchConfig::default() }
    }

    fn range(min: f64, max: f64, int: bool) -> Written {
        Written { min: Some(min), max: Some(max), int, ..Written::default() }
    }

    #[test]
    fn a_space_names_keys_of_the_training_and_values_that_they_can_have() {
        let base = TrainingConfig::default();
        let ok = config(&[("learning_rate", range(1e-4, 0.1, false)), ("max_depth", range(2.0, 8.0, true))]);
        assert!(check(&ok, Of::Training(&base)).is_ok());
        for (wrong, expected) in [
            (config(&[]), "names no hyperparameter"),
            (config(&[("learnig_rate", range(1e-4, 0.1, false))]), "no key of `[training]`"),
            (config(&[("learning_rate", range(-1.0, 0.1, false))]), "`learning_rate` must be a number above 0"),
            (config(&[("max_depth", range(2.0, 8.5, false))]), "none that `[training]` can have"),
            (config(&[("max_depth", range(2.0, 99.0, true))]), "`max_depth` must be from 1 to 32"),
        ] {
            let error = check(&wrong, Of::Training(&base)).unwrap_err();
            assert!(error.message.contains(expected), "{}", error.message);
        }
        for (name, meant) in [("lr", "learning_rate"), ("batchsize", "batch_size"), ("wd", "weight_decay")] {
            let error = check(&config(&[(name, range(0.1, 0.2, false))]), Of::Training(&base)).unwrap_err();
            assert_eq!(error.hint, Some(format!("Perhaps `{meant}` is meant.")));
        }
        let widths =
            Written { values: Some(vec![Value::Text("64,32".to_owned()), Value::Integer(8)]), ..Written::default() };
        assert!(check(&config(&[("hidden", widths.clone())]), Of::Training(&base)).is_ok());
        let values = BTreeMap::from([("hidden".to_owned(), Value::Text("64, 32".to_owned()))]);
        assert_eq!(training_with(&base, &values).unwrap().hidden, [64, 32]);
    }

    #[test]
    fn what_no_tried_model_has_is_not_searched() {
        let depth = |models: &[&str]| {
            let values = models.iter().map(|model| Value::Text((*model).to_owned())).collect();
            let models = ("model", Written { values: Some(values), ..Written::default() });
            let depth = ("max_depth", range(2.0, 8.0, true));
            Space::try_from(config(&[depth, models]).space).unwrap()
        };
        let rates = Space::try_from(config(&[("epochs", range(1.0, 9.0, true))]).space).unwrap();
        let base = TrainingConfig::default();
        assert!(used(&rates, &base, DataKind::Images).is_ok());
        let error = used(&rates, &base, DataKind::Table).unwrap_err();
        assert_eq!(error.message, "`search.space.epochs` changes nothing in trees.");
        assert!(used(&depth(&["linear", "trees"]), &base, DataKind::Table).is_ok());
        assert!(used(&depth(&["linear", "mlp"]), &base, DataKind::Table).is_err());
    }

    #[test]
    fn a_command_names_what_is_searched_and_nothing_else() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let judged = SearchConfig {
            metric: Some("loss".to_owned()),
            goal: Some(api::search::Direction::Min),
            ..config(&[("lr", range(0.1, 0.2, false))])
        };
        let given = words(&["python", "train.py", "--lr=${lr}", "${lr}"]);
        assert!(check(&judged, Of::Command(&given)).is_ok());
        let values = BTreeMap::from([("lr".to_owned(), Value::Number(0.15))]);
        assert_eq!(words_with(&given, &values), ["python", "train.py", "--lr=0.15", "0.15"]);
        let missing = check(&judged, Of::Command(&words(&["python"]))).unwrap_err();
        assert!(missing.message.contains("has no `${lr}`"), "{}", missing.message);
        let near = check(&judged, Of::Command(&words(&["python", "${lrs}"]))).unwrap_err();
        assert_eq!(near.message, "The command has no `${lr}`. Did you mean \"lrs\"?");
        assert!(near.hint.unwrap().contains("--try lrs="));
        let goalless = SearchConfig { goal: None, ..judged.clone() };
        let error = check(&goalless, Of::Command(&given)).unwrap_err();
        assert!(error.hint.unwrap().contains("--goal min"));
        assert!(check(&config(&[]), Of::Command(&given)).unwrap_err().hint.unwrap().contains("--try"));
        let other = check(&judged, Of::Command(&words(&["${lr}", "${depth}"]))).unwrap_err();
        assert!(other.message.contains("`search.space` has no depth"), "{}", other.message);
        let word = |word: &str| Written { values: Some(vec![Value::Text(word.to_owned())]), ..Written::default() };
        let one = SearchConfig { command: Some(given.clone()), ..config(&[("lr", word("a"))]) };
        let error = chosen_among(&one).unwrap_err();
        assert!(error.message.contains("`lr` can only be \"a\": a range or several choices"), "{}", error.message);
        assert!(chosen_among(&SearchConfig { command: Some(given.clone()), ..judged.clone() }).is_ok());
        assert!(chosen_among(&config(&[("model", word("mlp"))])).is_ok(), "a training's model");
        let unjudged = check(&config(&[("lr", range(0.1, 0.2, false))]), Of::Command(&given)).unwrap_err();
        assert!(unjudged.message.contains("what is judged"), "{}", unjudged.message);
    }
}
