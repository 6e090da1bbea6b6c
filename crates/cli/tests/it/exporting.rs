use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

#[test]
fn an_export_says_what_it_left_out_or_changed() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "plain", "0.1", 4.0);
    let export = |name: &str, format: &str| {
        let to = place.path().join(name);
        let output = place.run(&["run", "export", to.to_str().unwrap(), "--as", format, "--everywhere"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let events = export("events", "tensorboard");
    let lines: Vec<&str> = events.lines().collect();
    assert!(lines[0].ends_with("; 1 thing was left out or changed, which the job's log names"), "{events}");
    assert_eq!(lines[1..], ["Numbers are rounded to about 7 digits: TensorBoard's scalars have 32 bits."]);
    assert_eq!(export("tables", "csv").lines().count(), 1);
}
