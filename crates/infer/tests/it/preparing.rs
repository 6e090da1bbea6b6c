//! Fitting and applying.

use std::sync::Arc;

use api::{config::ColumnType, evaluation::Task};
use arrow_array::{ArrayRef, Float64Array, Int32Array, StringArray};
use infer::preprocessing::{Fit, Mode, Preprocessing, PreprocessingError, Rule};

use crate::making::{batch, column, numbers, plan, rows, texts};

fn close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        let same = (f64::from(*found) - expected).abs() < 1e-5 || (found.is_nan() && expected.is_nan());
        assert!(same, "{found} is not {expected}");
    }
}

#[test]
fn scaled_rows_are_imputed_scaled_one_hot_and_say_what_was_missing() {
    let fitted = Preprocessing::fit([rows()], &plan(), Mode::Scaled).unwrap();
    let names: Vec<String> = fitted.features().into_iter().map(|feature| feature.name).collect();
    assert_eq!(
        names,
        [
            "amount",
            "amount (missing)",
            "country = de",
            "country = fr",
            "country = (other)",
            "country (missing)",
            "at (year)",
            "at (month)",
            "at (weekday)",
            "at (hour)",
            "at (days)",
            "known"
        ]
    );
    let matrix = fitted.apply(&rows()).unwrap();
    assert_eq!((matrix.rows, matrix.width), (5, 12));
    // numpy: x = [1, 2, 4, 9]; mean 4, std (ddof 0) 3.0822070, median 3.
    close(&matrix.row(0)[..6], &[-0.973_328_5, 0.0, 1.0, 0.0, 0.0, 0.0]);
    close(&matrix.row(2)[..6], &[-0.324_442_8, 1.0, 1.0, 0.0, 0.0, 0.0]);
    close(&matrix.row(3)[..6], &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    // Year and month never vary; weekdays 3, 4, 5, 6, 0: mean 3.6, std √4.24; hours 0 to 4: mean 2, std √2.
    close(
        &matrix.row(0)[6..],
        &[0.0, 0.0, -0.291_385_8, -std::f64::consts::SQRT_2, -std::f64::consts::SQRT_2, 0.816_496_6],
    );
}

#[test]
fn trees_see_numbers_as_they_are_codes_by_frequency_and_nan() {
    let fitted = Preprocessing::fit([rows()], &plan(), Mode::Trees).unwrap();
    let features = fitted.features();
    assert_eq!(features[1].codes, Some(3), "two known and other");
    let matrix = fitted.apply(&rows()).unwrap();
    close(matrix.row(0), &[1.0, 0.0, 2026.0, 1.0, 3.0, 0.0, 0.0, 1.0]);
    close(&matrix.row(2)[..2], &[f64::NAN, 0.0]);
    close(&matrix.row(3)[..2], &[4.0, f64::NAN]);
    close(&matrix.row(4)[2..], &[2026.0, 1.0, 0.0, 4.0, 4.0 + 4.0 / 24.0, 1.0]);
}

#[test]
fn what_training_never_saw_is_other_and_what_may_lack_is_imputed() {
    for mode in [Mode::Scaled, Mode::Trees] {
        let fitted = Preprocessing::fit([rows()], &plan(), mode).unwrap();
        let signature = fitted.signature(Task::Regression, &[]);
        let optional: Vec<(&str, bool)> =
            signature.inputs.iter().map(|input| (input.name.as_str(), input.optional)).collect();
        assert_eq!(optional, [("amount", true), ("country", true), ("at", false), ("known", false)]);
        assert_eq!(signature.inputs[1].categories, ["de", "fr"]);
        assert_eq!(signature.inputs[0].range, Some((1.0, 9.0)));

        let mut columns: Vec<(&str, ArrayRef)> =
            vec![("country", texts(&[Some("xx")])), ("known", texts(&[Some("true")]))];
        let without = batch(columns.clone());
        assert!(matches!(fitted.apply(&without), Err(PreprocessingError::MissingColumn(column)) if column == "at"));
        columns.push(("at", texts(&[Some("2026-01-02T01:00:00")])));
        let row = fitted.apply(&batch(columns)).unwrap();
        match mode {
            Mode::Trees => close(&row.values, &[f64::NAN, 2.0, 2026.0, 1.0, 4.0, 1.0, 25.0 / 24.0, 1.0]),
            _ => close(&row.values[..6], &[-0.324_442_8, 1.0, 0.0, 0.0, 1.0, 0.0]),
        }
    }
}

#[test]
fn other_arrow_types_of_the_same_values_give_the_same_features() {
    let plan = [column("n", ColumnType::Integer), column("c", ColumnType::Category)];
    let one: Vec<(&str, ArrayRef)> =
        vec![("n", Arc::new(Int32Array::from(vec![1, 2, 3]))), ("c", Arc::new(Int32Array::from(vec![7, 8, 7])))];
    let other: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
        ("c", Arc::new(StringArray::from(vec!["7", "8", "7"]))),
    ];
    let fitted = Preprocessing::fit([batch(one.clone())], &plan, Mode::Trees).unwrap();
    assert_eq!(fitted, Preprocessing::fit([batch(other.clone())], &plan, Mode::Trees).unwrap());
    assert_eq!(fitted.apply(&batch(one)).unwrap(), fitted.apply(&batch(other)).unwrap());
}

#[test]
fn batches_don_t_matter_and_the_record_survives_its_json() {
    for mode in [Mode::Scaled, Mode::Trees] {
        let whole = Preprocessing::fit([rows()], &plan(), mode).unwrap();
        let mut fit = Fit::new(&plan(), mode);
        for row in 0..5 {
            fit.observe(&rows().slice(row, 1)).unwrap();
        }
        assert_eq!(fit.finish().unwrap(), whole);
        let again: Preprocessing = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
        assert_eq!(again, whole, "to the bit");
    }
}

#[test]
fn many_categories_and_infinite_or_empty_columns_are_bounded() {
    let values: Vec<String> = (0..500).map(|row| format!("c{:03}", row % 100)).collect();
    let values: ArrayRef = Arc::new(StringArray::from(values));
    let wild: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..500).map(|row| if row == 3 { f64::INFINITY } else { 1e300 })));
    let nothing = numbers(&vec![None; 500]);
    let plan = [
        column("c", ColumnType::Category),
        column("wild", ColumnType::Decimal),
        column("nothing", ColumnType::Decimal),
    ];
    let batch = batch(vec![("c", values), ("wild", wild), ("nothing", nothing)]);
    let fitted = Preprocessing::fit([batch.clone()], &plan, Mode::Scaled).unwrap();
    assert_eq!(fitted.width(), 64 + 1 + 2, "64 categories, other, wild and its indicator; nothing has no feature");
    assert_eq!(fitted.columns[2].rule, Rule::Empty);
    let matrix = fitted.apply(&batch).unwrap();
    assert!(matrix.values.iter().all(|value| value.is_finite()));
    assert_eq!(matrix.row(99)[64], 1.0, "c099 is the 100th by name: other");
    let trees = Preprocessing::fit([batch.clone()], &plan, Mode::Trees).unwrap();
    assert_eq!(
        trees.apply(&batch).unwrap().row(0)[1],
        1e30,
        "beyond f32 is the largest feature, since trees refuse infinities"
    );
    assert!(matches!(Preprocessing::fit([], &plan, Mode::Trees), Err(PreprocessingError::NoRows)));
}

#[test]
fn a_median_of_many_values_is_near_without_keeping_all() {
    let plan = [column("n", ColumnType::Decimal)];
    let batches = (0..20).map(|part| {
        batch(vec![("n", numbers(&(0..20_000).map(|row| Some(f64::from(part * 20_000 + row))).collect::<Vec<_>>()))])
    });
    let fitted = Preprocessing::fit(batches, &plan, Mode::Scaled).unwrap();
    let Rule::Number { median, mean, .. } = fitted.columns[0].rule else { panic!("a number") };
    assert!((mean - 199_999.5).abs() < 1e-6);
    assert!(
        (median - 199_999.5).abs() < 4_000.0,
        "{median}: 1 % of the range is over 4 standard errors of a sample of 65,536"
    );
}

/// Their differences and squares are beyond the range of numbers.
#[test]
fn numbers_of_both_signs_at_the_ends_of_the_range_are_scaled_and_can_be_stored() {
    let values: Vec<Option<f64>> = (0..300).map(|row| Some([1.7e308, -1.7e308][row % 2])).collect();
    let rows = batch(vec![("a", numbers(&values))]);
    let plan = [column("a", ColumnType::Decimal)];
    for mode in [Mode::Scaled, Mode::Trees] {
        let fitted = Preprocessing::fit([rows.clone()], &plan, mode).unwrap();
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), fitted, "{text}");
        let matrix = fitted.apply(&rows).unwrap();
        assert!(matrix.values.iter().all(|value| value.is_finite()), "{mode:?}");
        if mode == Mode::Scaled {
            assert!((matrix.values[0] - 1.0).abs() < 0.01 && (matrix.values[1] + 1.0).abs() < 0.01, "{text}");
        }
    }
}
