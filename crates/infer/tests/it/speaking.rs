//! JSON rows in and out, and what is said of wrong ones.

use std::io::Cursor;

use api::{evaluation::Task, model::Signature};
use base64::{Engine, engine::general_purpose::STANDARD};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use infer::{
    images::Shape,
    preprocessing::{Mode, Preprocessing},
    rows,
};
use serde_json::{Value, json};

use crate::making::{plan, rows as raw};

fn signature() -> Signature {
    Preprocessing::fit([raw()], &plan(), Mode::Trees).unwrap().signature(Task::Regression, &[])
}

fn check(signature: &Signature, row: Value, expected: &str) {
    let good = json!({ "at": 0, "known": true });
    let error = rows::from_json(signature, &[good, row]).unwrap_err().to_string();
    assert_eq!(error, expected);
}

#[test]
fn rows_come_back_as_they_went() {
    let sent = [
        json!({ "amount": 1.5, "country": "de", "at": "2026-01-01T00:00:00Z", "known": true }),
        json!({ "amount": null, "country": null, "at": "2026-03-01T12:30:00Z", "known": false }),
    ];
    assert_eq!(rows::to_json(&rows::from_json(&signature(), &sent).unwrap()).unwrap(), sent);
    let lenient =
        [json!({ "at": "2026-01-01", "known": 1, "country": 7 }), json!({ "at": 1_767_225_600_000_i64, "known": 0 })];
    let read = rows::to_json(&rows::from_json(&signature(), &lenient).unwrap()).unwrap();
    assert_eq!(read[0], json!({ "amount": null, "country": "7", "at": "2026-01-01T00:00:00Z", "known": true }));
    assert_eq!(read[1]["at"], read[0]["at"]);
    assert_eq!(rows::from_json(&signature(), &[]).unwrap().num_rows(), 0);
}

#[test]
fn wrong_rows_are_told_where_and_what() {
    let signature = signature();
    check(
        &signature,
        json!({ "at": 0 }),
        "row 1 has no value for \"known\", which the model needs: send it, as true or false",
    );
    check(
        &signature,
        json!({ "at": 0, "known": "maybe" }),
        "row 1, column \"known\": expected true or false, found the text \"maybe\"",
    );
    check(
        &signature,
        json!({ "at": 0, "known": true, "amount": "12" }),
        "row 1, column \"amount\": expected a number, found the text \"12\"",
    );
    check(
        &signature,
        json!({ "at": 0, "known": true, "amuont": 12 }),
        "row 1 has the column \"amuont\", which the model does not know: did you mean \"amount\"?",
    );
    check(
        &signature,
        json!({ "at": 0, "known": true, "zzz": 12 }),
        "row 1 has the column \"zzz\", which the model does not know: leave it out",
    );
    check(
        &signature,
        json!({ "at": "yesterday", "known": true }),
        "row 1, column \"at\": expected a date and time such as \"2026-11-01T12:00:00Z\", found the text \"yesterday\"",
    );
    check(&signature, json!([1]), "row 1 must be an object of column names and values, found an array of 1 values");
}

#[test]
fn pictures_are_read_from_files_and_from_arrays() {
    let shape = Shape { height: 2, width: 2, channels: 1 };
    let preprocessing = Preprocessing::images(shape, 10);
    let signature = preprocessing.signature(Task::Regression, &[]);
    let picture = GrayImage::from_fn(2, 2, |x, y| Luma([(x * 100 + y * 50) as u8]));
    let mut png = Vec::new();
    DynamicImage::ImageLuma8(picture).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
    let png = STANDARD.encode(png);
    let sent = [
        json!({ "image": png }),
        json!({ "image": format!("data:image/png;base64,{png}") }),
        json!({ "image": [[[0], [100]], [[50], [150]]] }),
    ];
    let batch = rows::from_json(&signature, &sent).unwrap();
    let matrix = preprocessing.apply(&batch).unwrap();
    for row in 0..3 {
        assert_eq!(matrix.row(row), [0.0, 100.0 / 255.0, 50.0 / 255.0, 150.0 / 255.0]);
    }
    for (value, expected) in [
        (json!([1, 2]), "expected 4 numbers ([2, 2, 1]), found 2"),
        (json!([1, 2, 3, 256]), "expected numbers from 0 to 255, found 256"),
        (json!("%%"), "it is not base64"),
        (json!(STANDARD.encode("hello")), "it is not a readable"),
    ] {
        let error = rows::from_json(&signature, &[json!({ "image": value })]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_colour_picture_is_channels_first_and_resized() {
    let shape = Shape { height: 1, width: 2, channels: 3 };
    let preprocessing = Preprocessing::images(shape, 10);
    let signature = preprocessing.signature(Task::Regression, &[]);
    let batch = rows::from_json(&signature, &[json!({ "image": [[[255, 0, 51], [0, 255, 102]]] })]).unwrap();
    assert_eq!(preprocessing.apply(&batch).unwrap().values, [1.0, 0.0, 0.0, 1.0, 0.2, 0.4]);
    let large = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(40, 30, image::Rgb([10, 20, 30])));
    let mut jpeg = Vec::new();
    large.write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Bmp).unwrap();
    let pixels = infer::images::decode(&jpeg, shape).unwrap();
    assert_eq!(pixels, [10, 20, 30, 10, 20, 30]);
}

/// A BMP file that ends after its header, as one of `side` × `side` pixels begins.
fn header_only(side: u32) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    for word in [54, 0, 54, 40, side, side, 1 | (24 << 16), 0, 0, 0, 0, 0, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    file
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_by_its_header() {
    let signature =
        Preprocessing::images(Shape { height: 2, width: 2, channels: 1 }, 10).signature(Task::Regression, &[]);
    let error = |side: u32| {
        let row = json!({ "image": STANDARD.encode(header_only(side)) });
        rows::from_json(&signature, &[row]).unwrap_err().to_string()
    };
    let large = error(12_000);
    assert!(large.contains("12000 × 12000 pixels") && large.contains("64 million"), "{large}");
    let small = error(4);
    assert!(small.contains("not a readable"), "{small}");
}

#[test]
fn whoever_has_no_time_left_reads_no_further_picture() {
    let signature =
        Preprocessing::images(Shape { height: 1, width: 1, channels: 1 }, 10).signature(Task::Regression, &[]);
    let sent = vec![json!({ "image": [[[7]]] }); 5];
    let left = std::cell::Cell::new(3);
    let go_on = || left.replace(left.get() - 1) > 0;
    assert_eq!(rows::from_json_while(&signature, &sent, &go_on).unwrap_err(), rows::RowError::Stopped);
    assert_eq!(left.get(), -1, "it stops at the fourth");
}
