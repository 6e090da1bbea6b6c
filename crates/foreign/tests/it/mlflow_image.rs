//! Names as `MlflowClient.log_image` makes them (mlflow/tracking/client.py), of today and of earlier clients.

use foreign::mlflow_image::LoggedImage;

const UUID: &str = "g4a6a0ba-3c0e-4d5b-9f0e-1c2d3e4f5a6b";

fn check(name: &str, expect: Option<(&str, i64, i64, bool)>) {
    let expect =
        expect.map(|(key, step, time_ms, compressed)| LoggedImage { key: key.to_owned(), step, time_ms, compressed });
    assert_eq!(LoggedImage::of(&name.replace("UUID", UUID)), expect, "{name}");
}

#[test]
fn a_logged_image_says_its_key_and_step() {
    check("images/dog+step+7+timestamp+1700000000123+UUID.png", Some(("dog", 7, 1_700_000_000_123, false)));
    check("images/dog+step+7+timestamp+1+UUID+compressed.webp", Some(("dog", 7, 1, true)));
    check("images/val~dog.v2 a+step+0+timestamp+1+UUID.png", Some(("val/dog.v2 a", 0, 1, false)));
    check("images/val#dog%step%-3%timestamp%1%UUID.png", Some(("val/dog", -3, 1, false)));
    check("images/dog%step%7%timestamp%1%UUID%compressed.webp", Some(("dog", 7, 1, true)));
}

#[test]
fn other_artifacts_are_no_logged_images() {
    for name in [
        "images/dog.png",
        "dog+step+7+timestamp+1+UUID.png",
        "images/sub/dog+step+7+timestamp+1+UUID.png",
        "images/+step+7+timestamp+1+UUID.png",
        "images/dog+step+seven+timestamp+1+UUID.png",
        "images/dog+step+99999999999999999999+timestamp+1+UUID.png",
        "images/dog+step+7+timestamp+1+UUID.svg",
        "images/dog+step+7+timestamp+1+UUID+compressed.png",
        "images/dog+step+7%timestamp%1+UUID.png",
        "images/",
        "",
    ] {
        check(name, None);
    }
}
