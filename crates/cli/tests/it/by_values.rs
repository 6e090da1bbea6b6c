//! `slipway run plot --scatter` and `--parallel`: runs by their values, in the terminal, as JSON and in pictures; and
//! `run list --values`, which values they have.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    program::{Place, said},
    tracking::Client,
};

/// Three runs whose last losses are 1, 2 and 0.25.
fn three() -> Place {
    let place = Place::new();
    let client = Client::of(&place);
    for (name, lr, loss) in [("slow", "0.1", 4.0), ("fast", "0.2", 8.0), ("other", "0.4", 1.0)] {
        client.run(&json!(0), name, lr, loss);
    }
    place
}

fn plot(place: &Place, more: &[&str]) -> Output {
    place.run(&[&["run", "plot"], more].concat())
}

const ALL: [&str; 4] = ["--experiment", "Default", "--filter", ""];

#[test]
fn a_scatter_is_drawn_with_letters_of_named_runs_and_told_to_programs() {
    let place = three();
    let named = ["slow", "fast", "--scatter", "param.lr,metric.loss"];
    let drawn = plot(&place, &[&named[..], &["--width", "20", "--height", "4"]].concat());
    let text = String::from_utf8_lossy(&drawn.stdout).into_owned();
    assert!(text.starts_with("loss over lr\n2 ┤                   b\n"), "{text}{}", said(&drawn));
    assert!(text.contains("\n1 ┤a") && text.contains("\na slow\nb fast\n"), "{text}");
    let told = plot(&place, &[&named[..], &["--json"]].concat());
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["axes"], &told["left_out"]), (&json!(["param.lr", "metric.loss"]), &json!(0)), "{told}");
    let fast = json!({ "param.lr": 0.2, "metric.loss": 2.0 });
    assert_eq!((&told["runs"][1]["name"], &told["runs"][1]["values"]), (&json!("fast"), &fast), "{told}");

    let coloured = plot(&place, &[&ALL[..], &["--scatter", "param.lr,metric.loss,metric.loss"]].concat());
    let coloured = String::from_utf8_lossy(&coloured.stdout).into_owned();
    assert!(coloured.contains('7') && coloured.contains("1 to 7: loss from 0.2500 to 2"), "{coloured}");
    let some = ["--scatter", "param.lr,metric.loss", "--filter", "metric.loss > 0.5", "--everywhere"];
    let some = String::from_utf8_lossy(&plot(&place, &some).stdout).into_owned();
    assert!(some.matches('●').count() == 3, "two points and what says that each is a run: {some}");
}

#[test]
fn pictures_are_drawn_of_scatters_contours_and_parallel_coordinates() {
    let place = three();
    let written = |more: &[&str]| {
        let file = place.path().join("drawn.svg");
        let output = plot(&place, &[more, &["--force", "--out", file.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        let svg = std::fs::read_to_string(&file).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("class=\"s "), "a file has no style sheet: {svg}");
        svg
    };
    let scatter = written(&["slow", "fast", "--scatter", "param.lr,metric.loss", "--log-of", "param.lr"]);
    assert!(scatter.contains(">slow</text>") && scatter.contains(">lr</text>"), "{scatter}");
    let contours = written(&[&ALL[..], &["--scatter", "param.lr,metric.loss,metric.loss", "--contour"]].concat());
    assert!(contours.contains(">loss</text>") && contours.matches("<circle").count() >= 3, "{contours}");
    let parallel = written(&[&ALL[..], &["--parallel"]].concat());
    assert!(parallel.contains(">lr</text>") && parallel.contains(">loss</text>"), "{parallel}");
    assert!(!parallel.contains(">model</text>"), "it is the same in all of them");
    let named = written(&["slow", "fast", "--parallel=param.model,metric.loss"]);
    assert!(
        named.contains(">model</text>") && named.contains(">mlp</text>") && named.contains(">fast</text>"),
        "{named}"
    );
    let own = written(&["slow", "fast", "--parallel"]);
    assert!(own.contains(">lr</text>") && !own.contains(">model</text>"), "{own}");
}

#[test]
fn what_can_not_be_drawn_is_refused_with_the_way_out() {
    let place = three();
    let file = place.path().join("drawn.svg");
    let file = file.to_str().unwrap();
    for (more, code, words) in [
        (vec!["slow", "--parallel"], 2, "--out FILE.svg"),
        (vec!["slow", "--scatter", "param.lr,metric.loss,metric.loss", "--contour"], 2, "--out FILE.svg"),
        (vec!["slow", "--scatter", "param.lr,metric.loss", "--contour", "--svg", file], 2, "third value"),
        (vec!["slow", "--scatter", "param.lr"], 2, "two axes"),
        (vec!["slow", "--scatter", "param.lr,metric.loss", "--metric", "loss"], 2, "--metric"),
        (vec!["slow", "--log-of", "param.lr"], 2, "--log x"),
        (vec!["slow", "--scatter", "param.lr,metric.los"], 3, "loss"),
        (vec!["slow", "--scatter", "param.model,metric.loss"], 3, "along numbers"),
        (vec!["--parallel", "param.lr", "--svg", file], 3, "--parallel=param.lr"),
        (vec!["--filter", "name = 'nobody'", "--everywhere", "--scatter", "param.lr,metric.loss"], 3, "filter"),
    ] {
        let refused = plot(&place, &more);
        assert_eq!(refused.status.code(), Some(code), "{more:?}: {}", said(&refused));
        assert!(said(&refused).contains(words), "{more:?}: {}", said(&refused));
    }
    assert!(!std::path::Path::new(file).exists());
}

#[test]
fn the_values_of_a_field_are_listed_with_how_many_runs_have_each() {
    let place = three();
    let list = |more: &[&str]| place.run(&[&["run", "list", "--experiment", "Default", "--values"], more].concat());
    let text = |more: &[&str]| {
        let output = list(more);
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = |more: &[&str]| -> Vec<String> {
        text(more).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(lines(&["param.model"]), ["param.model runs", "mlp 3"]);
    assert_eq!(lines(&["param.lr"]), ["param.lr runs", "0.1 1", "0.2 1", "0.4 1"]);
    assert_eq!(lines(&["param.lr", "--filter", "metric.loss < 1.5"]), ["param.lr runs", "0.1 1", "0.4 1"]);
    assert_eq!(text(&["param.model", "--csv"]), "param.model,runs\r\nmlp,3\r\n");
    assert_eq!(text(&["param.model", "--markdown"]), "| param.model | runs |\n| --- | ---: |\n| mlp | 3 |\n");
    assert!(text(&["param.lr", "--limit", "1"]).ends_with("\n1 of 3 values: those that most runs have.\n"));
    // A table for programs stays one, and what it lacks is said beside it.
    let cut = list(&["param.lr", "--limit", "2", "--csv"]);
    assert_eq!(String::from_utf8_lossy(&cut.stdout), "param.lr,runs\r\n0.1,1\r\n0.2,1\r\n");
    assert_eq!(said(&cut), "2 of 3 values: those that most runs have.\n");
    let everywhere = place.json(&["run", "list", "--everywhere", "--values", "experiment"]);
    assert_eq!(everywhere, json!({ "values": [{ "value": "Default", "runs": 3 }], "total": 1 }));
    assert_eq!(text(&["tag.team"]), "No run here has a value of tag.team.\n");
    for (more, words) in [
        (&["metric.loss"][..], "There is no list of the values of \"metric.loss\"."),
        (&["lr"], "Did you mean param.lr?"),
        (&["param.lr", "--group-by", "state"], "cannot be used with"),
    ] {
        let refused = list(more);
        assert_eq!(refused.status.code(), Some(2), "{more:?}: {}", said(&refused));
        assert!(said(&refused).contains(words), "{more:?}: {}", said(&refused));
    }
}
