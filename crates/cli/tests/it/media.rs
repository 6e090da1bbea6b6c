//! `slipway run media`: what a run holds at a step beside numbers, listed, printed and saved.

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

#[test]
fn media_of_a_run_are_listed_printed_and_saved_by_key_step_and_turn() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "deep", "0.1", 4.0);
    let artifacts = place.workspace().join("runs").join(&run).join("artifacts");
    for (path, bytes) in [
        ("said/step_1.txt", &b"first"[..]),
        ("said/step_2.txt", b"later"),
        ("rows.csv", b"name,>50K\nada,0.5\n"),
        ("weights/step_3.histogram.json", br#"{"bins": [0, 1, 2], "counts": [5, 3]}"#),
        ("images/dog+step+7+timestamp+9+bb.png", b"\x89PNG first"),
        ("images/dog+step+7+timestamp+20+aa.png", b"\x89PNG later"),
    ] {
        std::fs::create_dir_all(artifacts.join(path).parent().unwrap()).unwrap();
        std::fs::write(artifacts.join(path), bytes).unwrap();
    }
    let media = |arguments: &[&str]| place.run(&[&["run", "media"], arguments].concat());
    let text = |arguments: &[&str]| {
        let output = media(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = |arguments: &[&str]| -> Vec<String> {
        text(arguments).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let all =
        ["key kind count steps", "dog image 1 7", "rows.csv table 1", "said text 2 1 to 2", "weights histogram 1 3"];
    assert_eq!(lines(&["list", "deep"]), all);
    assert_eq!(lines(&["list", "deep", "AI", "sa"]), [all[0], all[3]]);
    assert_eq!(text(&["list", "deep", "none", "such"]), "No key of its media has \"none such\".\n");
    let csv = "key,kind,count,first_step,last_step\r\ndog,image,1,7,7\r\nrows.csv,table,1,,\r\nsaid,text,2,1,2\r\n\
               weights,histogram,1,3,3\r\n";
    assert_eq!(text(&["list", "deep", "--csv"]), csv);
    assert_eq!(place.json(&["run", "media", "list", "deep"])["keys"][2]["steps"], json!([1, 2]));

    assert_eq!(text(&["get", "deep", "said"]), "later\n");
    assert_eq!(text(&["get", "deep", "said", "--step", "1"]), "first\n");
    let told = place.json(&["run", "media", "get", "deep", "said", "--step", "1"]);
    assert_eq!(told["content"], json!({ "kind": "text", "text": "first", "is_cut": false }));
    // A column is called as it is, whatever it begins with.
    assert_eq!(lines(&["get", "deep", "rows.csv"]), ["name >50K", "ada 0.5"]);
    assert_eq!(lines(&["get", "deep", "weights"]), ["from to count", "0 1 5", "1 2 3"]);

    // A picture is saved, the last of its step where no turn is said.
    let printed = media(&["get", "deep", "dog"]);
    assert_eq!(printed.status.code(), Some(2));
    for words in
        ["This is 2 of 2 at step 7: --turn chooses.", "of kind image, which can't be printed", "Save it: --to "]
    {
        assert!(said(&printed).contains(words), "{words}: {}", said(&printed));
    }
    let saved = |name: &str, more: &[&str]| {
        let to = place.path().join(name);
        let told = text(&[&["get", "deep", "dog", "--to", to.to_str().unwrap()], more].concat());
        assert_eq!(told, format!("Step 7 is in {} (10 B).\n", to.display()));
        std::fs::read(to).unwrap()
    };
    assert_eq!(saved("first.png", &["--turn", "1"]), b"\x89PNG first");
    assert_eq!(saved("last.png", &["--step", "7"]), b"\x89PNG later");
    let taken = place.path().join("first.png");
    for (arguments, code, words) in [
        (&["dog", "--turn", "3"][..], 3, "counted from 1: there is no 3"),
        (&["said", "--step", "9"], 3, "no medium \"said\" at step 9"),
        (&["nothing"], 3, "`slipway run media list RUN`"),
        (&["dog", "--to", taken.to_str().unwrap()], 1, "delete this one first"),
    ] {
        let refused = media(&[&["get", "deep"], arguments].concat());
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {}", said(&refused));
        assert!(said(&refused).contains(words), "{arguments:?}: {}", said(&refused));
    }
    assert_eq!(std::fs::read(taken).unwrap(), b"\x89PNG first");
    let bare = client.run(&json!(0), "bare", "0.1", 4.0);
    assert_eq!(text(&["list", &bare]), "The run has no media.\n");
}
