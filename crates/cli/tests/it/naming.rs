use crate::{
    program::{Place, said},
    tracking::{Client, names},
};

#[test]
fn a_runs_name_is_looked_up_within_the_experiment_that_is_chosen() {
    let place = Place::new();
    let client = Client::of(&place);
    let [wine, beer] = ["wine", "beer"].map(|name| place.json(&["experiment", "create", name])["number"].clone());
    let base = client.run(&wine, "base", "0.1", 4.0);
    let other = client.run(&wine, "other", "0.2", 2.0);
    let twin = client.run(&beer, "base", "0.3", 8.0);
    let unclear = place.run(&["run", "show", "base"]);
    assert!(said(&unclear).contains("2 runs fit"), "{}", said(&unclear));
    for (experiment, run) in [("wine", &base), ("beer", &twin)] {
        assert_eq!(place.json(&["run", "show", "base", "--experiment", experiment])["id"], *run);
    }
    for (experiment, run) in [("wine", &other), ("beer", &twin)] {
        assert_eq!(place.json(&["run", "show", "latest", "--experiment", experiment])["id"], *run);
    }
    let diff = place.json(&["run", "diff", "base", "other", "--experiment", "wine"]);
    assert_eq!(names(&diff["runs"], "id"), [base.clone(), other.clone()]);
    let plotted = place.json(&["run", "plot", "other", "--baseline", "base", "--experiment", "wine"]);
    assert_eq!(names(&plotted, "run"), [other.clone(), base.clone()]);
    let scatter = ["run", "plot", "base", "other", "--experiment", "wine", "--scatter", "param.lr,metric.loss"];
    assert!(place.run(&scatter).status.success(), "{}", said(&place.run(&scatter)));
    let elsewhere = place.run(&["run", "show", "other", "--experiment", "beer"]);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(said(&elsewhere).contains("in the experiment beer."), "{}", said(&elsewhere));
    assert!(said(&elsewhere).contains(&format!("in the experiment wine: name it by its id, {other}")));
}
