//! `slipway open`: the page whose address is printed.

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

/// The page of an address, which its key stands behind.
fn page(address: &str) -> &str {
    let (place, key) = address.trim().split_once('#').unwrap();
    assert!(place.starts_with("http://127.0.0.1:") && !key.is_empty(), "{address}");
    place.splitn(4, '/').nth(3).unwrap()
}

#[test]
fn the_printed_address_is_that_of_the_page_of_a_project_or_of_a_run() {
    let place = Place::with_project();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "deep", "0.1", 4.0);
    let of_run = place.json(&["open", "--run", "deep"]);
    assert_eq!((page(of_run["address"].as_str().unwrap()), &of_run["run"]["id"]), (&*format!("r/{run}"), &json!(run)));
    let told = |arguments: &[&str]| {
        let output = place.run(&[&["open", "--address"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = told(&["--run", &run]);
    assert_eq!(page(text.strip_prefix("deep is open at ").unwrap()), format!("r/{run}"));
    assert_ne!(
        text.trim().split('#').nth(1),
        of_run["address"].as_str().unwrap().split('#').nth(1),
        "each is good once"
    );

    let of_project = place.json(&["open"]);
    let project = format!("p/{}", of_project["project"]["id"].as_str().unwrap());
    assert_eq!(page(of_project["address"].as_str().unwrap()), project);
    let text = told(&[place.project().to_str().unwrap()]);
    assert_eq!(page(text.strip_prefix("small is open at ").unwrap()), project);
    let outside = place.command(&["open", "--address"]).current_dir(place.path()).output().unwrap();
    assert_eq!(page(&String::from_utf8_lossy(&outside.stdout)), "", "{}", said(&outside));

    for (arguments, code) in [(["--run", "nobody"], 3), (["--run=deep", "."], 2)] {
        let refused = place.run(&[&["open"], &arguments[..]].concat());
        assert_eq!(refused.status.code(), Some(code), "{}", said(&refused));
    }
}

#[test]
fn a_copy_of_a_project_is_asked_about_and_is_what_a_person_says() {
    let place = Place::with_project();
    let project = place.json(&["open"])["project"].clone();
    let copy = |name: &str| {
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for file in ["slipway.toml", "rows.csv"] {
            std::fs::copy(place.project().join(file), folder.join(file)).unwrap();
        }
        folder
    };
    let copies = ["apart", "moved"].map(copy);
    let [apart, moved] = [0, 1].map(|at| copies[at].to_str().unwrap());
    let asked = place.run(&["open", apart]);
    assert_eq!(asked.status.code(), Some(1), "{}", said(&asked));
    for way in ["`slipway open --same-place`", "`slipway open --new-project`"] {
        assert!(said(&asked).contains(way), "{}", said(&asked));
    }
    let new = &place.json(&["open", apart, "--new-project"])["project"];
    assert_ne!(new["id"], project["id"], "{new}");
    let same = &place.json(&["open", moved, "--same-place"])["project"];
    assert_eq!(same["id"], project["id"], "{same}");
    assert!(same["path"].as_str().unwrap().ends_with("moved"), "{same}");
    let both = place.run(&["open", moved, "--same-place", "--new-project"]);
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
}
