//! Spaces as they are written, and values as text.

use std::collections::BTreeMap;

use api::run::RunState;
use serde_json::{Value as Json, json};
use tune::{
    grid,
    space::Space,
    trial::{Outcome, Row, Value},
};

use crate::{said, space};

fn check_error(written: Json, expected: &str) {
    let error = serde_json::from_value::<Space>(written.clone()).unwrap_err().to_string();
    assert!(error.contains(expected), "{written}: {error}");
}

#[test]
fn a_wrong_space_is_refused_in_plain_words() {
    check_error(json!({}), "names no hyperparameter");
    check_error(json!({"": {"values": [1]}}), "can't name a hyperparameter");
    check_error(json!({"a}": {"values": [1]}}), "can't name a hyperparameter");
    check_error(json!({"lr": {}}), "lr: needs either `values` or both `min` and `max`");
    check_error(json!({"lr": {"min": 1}}), "lr: needs either");
    check_error(json!({"lr": {"min": 1, "values": [1]}}), "lr: `values` stands alone");
    check_error(json!({"lr": {"values": []}}), "lr: `values` is empty");
    check_error(json!({"lr": {"values": [1, 1.0]}}), "lr: 1.0 stands in `values` twice");
    check_error(json!({"lr": {"values": ["1", 1]}}), "lr: 1 stands in `values` twice");
    check_error(json!({"lr": {"values": [[1]]}}), "a value is a number, a text, true or false");
    check_error(json!({"lr": {"min": 2, "max": 1}}), "lr: `min` is above `max`");
    check_error(json!({"lr": {"min": -1e308, "max": 1e308}}), "lr: `max - min` is not a finite number");
    check_error(json!({"lr": {"min": 0, "max": 1, "log": true}}), "lr: `log` needs `min` above 0");
    check_error(
        json!({"lr": {"min": 1, "max": 2, "log": true, "step": 0.5}}),
        "lr: `log` and `step` exclude each other",
    );
    check_error(json!({"lr": {"min": 1, "max": 8, "log": true, "int": true, "step": 2}}), "lr: `log` and `step`");
    check_error(json!({"lr": {"min": 0, "max": 1, "step": 0}}), "lr: `step` must be above 0");
    check_error(json!({"lr": {"min": 0, "max": 1, "step": 1e-300}}), "lr: `step` divides the range into more");
    check_error(json!({"n": {"min": 0.5, "max": 2, "int": true}}), "n: `int` needs a whole `min`");
    check_error(json!({"n": {"min": 0, "max": 1e17, "int": true}}), "n: `int` needs a whole `max`");
    check_error(json!({"n": {"min": 0, "max": 8, "int": true, "step": 1.5}}), "n: `int` needs a whole `step`");
    check_error(json!({"lr": {"min": 0, "max": 1, "steps": 3}}), "unknown field `steps`");
}

#[test]
fn a_long_list_is_read_at_once_and_a_longer_one_refused() {
    let list = |length: u32| json!({"lr": {"values": (0..length).collect::<Vec<_>>()}});
    let began = std::time::Instant::now();
    let space = space(list(10_000));
    let rows: Vec<Row> = (0..2_000)
        .map(|index| Row { trial: grid::trial(&space, index).unwrap().unwrap(), outcome: Outcome::Running })
        .collect();
    assert_eq!(said(&grid::next(&space, &rows).unwrap().unwrap()), "lr=2000");
    // Each value looked for among all the others took half a minute.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    check_error(list(10_001), "lr: 10001 `values` are more than 10000");
}

#[test]
fn a_space_is_written_as_it_was_read() {
    let written = json!({
        "lr": {"min": 1e-5, "max": 0.1, "log": true},
        "layers": {"min": 1.0, "max": 4.0, "int": true},
        "dropout": {"min": 0.0, "max": 0.5, "step": 0.1},
        "model": {"values": ["trees", "mlp", 3, 0.5, true]},
    });
    assert_eq!(serde_json::to_value(space(written.clone())).unwrap(), written);
}

#[test]
fn values_have_one_text_that_reads_back() {
    let texts = [
        (Value::Number(1e-5), "1e-5"),
        (Value::Number(0.1), "0.1"),
        (Value::Number(3.0), "3.0"),
        (Value::Number(-0.0), "0.0"),
        (Value::Number(1e300), "1e300"),
        (Value::Integer(-7), "-7"),
        (Value::Bool(true), "true"),
        (Value::Text("a b".into()), "a b"),
    ];
    for (value, text) in texts {
        assert_eq!(value.to_string(), text);
    }
}

#[test]
fn a_trial_is_read_from_the_params_of_its_run() {
    let space = space(json!({
        "lr": {"min": 1e-5, "max": 0.1},
        "n": {"min": 1, "max": 9, "int": true},
        "kind": {"values": ["a", true, 0.00001]},
    }));
    let read = |lr: &str, n: &str, kind: &str| {
        let params = [("lr", lr), ("n", n), ("kind", kind), ("other", "1")];
        let params: BTreeMap<String, String> =
            params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        space.read(&params).map(|trial| said(&trial))
    };
    assert_eq!(read("1e-05", "3", "a").as_deref(), Some("kind=a lr=1e-5 n=3"));
    assert_eq!(read("0.1", "3.0", "true").as_deref(), Some("kind=true lr=0.1 n=3"));
    assert_eq!(read("0.1", "3", "1e-05").as_deref(), Some("kind=1e-5 lr=0.1 n=3"));
    for (lr, n, kind) in [("0.2", "3", "a"), ("NaN", "3", "a"), ("0.1", "3.5", "a"), ("0.1", "3", "b"), ("x", "3", "a")]
    {
        assert_eq!(read(lr, n, kind), None, "{lr} {n} {kind}");
    }
    assert_eq!(space.read(&BTreeMap::new()), None);
}

#[test]
fn the_state_of_a_run_says_what_became_of_its_trial() {
    let last = Some((7, 0.5));
    assert_eq!(Outcome::of(RunState::Queued, None), Outcome::Running);
    assert_eq!(Outcome::of(RunState::Running, last), Outcome::Running);
    assert_eq!(Outcome::of(RunState::Finished, last), Outcome::Finished(0.5));
    assert_eq!(Outcome::of(RunState::Finished, None), Outcome::Failed);
    assert_eq!(Outcome::of(RunState::Stopped, last), Outcome::Pruned(last));
    assert_eq!(Outcome::of(RunState::Failed, last), Outcome::Failed);
    assert_eq!(Outcome::of(RunState::Killed, last), Outcome::Failed);
}
