//! What a metric is compared with that is no finite number: `nan`, `inf`, `infinity` and `-inf`, in any case.

use super::Comparison;

/// The number that is not finite which a word means; no digits do, however many.
pub(super) fn not_finite(word: &str) -> Option<f64> {
    let (sign, plain) = match word.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, word.strip_prefix('+').unwrap_or(word)),
    };
    if word.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let is_infinite = ["inf", "infinity"].iter().any(|infinite| plain.eq_ignore_ascii_case(infinite));
    is_infinite.then_some(sign * f64::INFINITY)
}

/// Why a comparison with such a number is never true.
pub(super) const fn never_true(number: f64, comparison: Comparison) -> Option<&'static str> {
    let is_order = matches!(
        comparison,
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual
    );
    if number.is_nan() && is_order {
        return Some("nothing is less or greater than NaN: \"= nan\" finds it, and \"!= nan\" the numbers");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::run::filter::{Comparison, Field, Filter, Value, parse};

    #[test]
    fn a_metric_is_compared_with_what_is_not_finite_too() {
        let number = |text: &str| match parse(text) {
            Ok(Filter::Compare(Field::Metric(key), _, Value::Number(number))) if key == "m" => number,
            other => panic!("{text}: {other:?}"),
        };
        for text in ["metric.m = nan", "metrics.m != NaN", "metric.\"m\" = NAN", "metric.m=nan"] {
            assert!(number(text).is_nan(), "{text}");
        }
        for (text, infinite) in [
            ("metric.m = inf", f64::INFINITY),
            ("metric.m < Infinity", f64::INFINITY),
            ("metric.m != +INF", f64::INFINITY),
            ("metric.m > -inf", f64::NEG_INFINITY),
            ("metric.m >= -Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(number(text), infinite, "{text}");
        }
        for (text, column) in [("metric.m < nan", 12), ("name = a or metric.m >= NaN", 25)] {
            let message = parse(text).unwrap_err().message;
            assert!(
                message.contains(&format!("column {column}:")) && message.contains("\"= nan\""),
                "{text}: {message}"
            );
        }
        // A text is none, as in MLflow, nor what has too many digits; and where texts are compared it is one.
        for text in ["metric.m = 'nan'", "metric.m = \"inf\"", "metric.m = 1e999", "metric.m = -nan", "metric.m ~ nan"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let text = Filter::Compare(Field::Param("m".to_owned()), Comparison::Equal, Value::Text("nan".to_owned()));
        assert_eq!(parse("param.m = nan").unwrap(), text);
        assert!(parse("duration = inf").is_err());
    }
}
