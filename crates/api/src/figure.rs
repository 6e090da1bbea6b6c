//! Figures as a person reads them, the same in the window and in what the engine says.

/// A count with its thousands apart: 12,345.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured figure with four significant digits: 0.8421, 12.35, 1,204, 3.2e−5.
pub fn measured(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(0.001..1e9).contains(&size) {
        format!("{value:.1e}")
    } else if size >= 1000.0 {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", count(size.round() as u64));
    } else {
        let digits = (3 - size.log10().floor() as i32).clamp(0, 4) as usize;
        format!("{value:.digits$}")
    };
    text.replace('-', "−")
}

/// A probability with four decimals, so that those of an answer stand below each other: 0.9981, 0.0007, < 0.0001.
pub fn probability(value: f64) -> String {
    if value > 0.0 && value < 0.000_05 { "< 0.0001".to_owned() } else { format!("{value:.4}") }
}

/// Scikit-learn's name of a figure as words: "average_precision" is "Average precision".
pub fn name(name: &str) -> String {
    match name {
        "roc_auc" => "ROC AUC",
        "r2" => "R²",
        "rmse" => "RMSE",
        "mae" => "MAE",
        "mse" => "MSE",
        "mcc" | "matthews_corrcoef" => "MCC",
        "f1" => "F1",
        "roc_auc_ovr" => "ROC AUC, one against the rest",
        "log_loss" => "Log loss",
        "median_absolute_error" | "median_ae" => "Median AE",
        _ => {
            // The mean over classes stands behind the figure's own name.
            let (name, over) = name.strip_suffix("_macro").map_or((name, ""), |name| (name, ", macro"));
            return if name == "f1" {
                format!("F1{over}")
            } else {
                format!("{}{over}", capital(&name.replace('_', " ")))
            };
        }
    }
    .to_owned()
}

/// The same within a sentence: "average precision", but "RMSE".
pub fn name_in_sentence(figure: &str) -> String {
    let name = name(figure);
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => name,
    }
}

/// The text with a capital at its start.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn figures_have_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.84213, "0.8421"),
            (12.349, "12.35"),
            (1204.4, "1,204"),
            (-1204.4, "−1,204"),
            (0.000_032, "3.2e−5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(measured(value), text);
        }
    }

    #[test]
    fn probabilities_have_four_decimals() {
        for (value, text) in
            [(0.998_13, "0.9981"), (0.0007, "0.0007"), (0.000_01, "< 0.0001"), (0.0, "0.0000"), (1.0, "1.0000")]
        {
            assert_eq!(probability(value), text);
        }
    }

    #[test]
    fn names_of_figures_are_words() {
        assert_eq!(name("average_precision"), "Average precision");
        assert_eq!(name("f1_macro"), "F1, macro");
        assert_eq!(name("rmse"), "RMSE");
        let within = ["average_precision", "rmse", "r2", "f1_macro"].map(name_in_sentence);
        assert_eq!(within, ["average precision", "RMSE", "R²", "F1, macro"]);
    }
}
