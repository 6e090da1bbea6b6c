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

/// A count with what is counted: "1 run", "12,345 runs".
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// A size, in powers of 1,000 as disks and registries count: 999 B, 1.2 GB.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{value} B") } else { format!("{scaled:.1} {}", UNITS[unit]) }
}

/// What took less than a second: 42 ms, < 1 ms. Clocks of whole milliseconds say 0 of what took a part of one.
pub fn milliseconds(seconds: f64) -> String {
    if seconds < 0.001 { "< 1 ms".to_owned() } else { format!("{:.0} ms", seconds * 1000.0) }
}

/// The text of a number with the minus sign that a person reads, U+2212. What other programs read keeps the hyphen.
pub fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// The other way round: what a person reads as a number, for other programs.
pub fn hyphen(text: &str) -> String {
    text.replace('−', "-")
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
    minus(&text)
}

/// A probability with four decimals, so that those of an answer stand below each other: 0.9981, 0.0007, < 0.0001.
pub fn probability(value: f64) -> String {
    if value > 0.0 && value < 0.000_05 { "< 0.0001".to_owned() } else { format!("{value:.4}") }
}

/// What the figures are called that we measure ourselves, and the same by their usual names elsewhere.
const NAMES: [(&str, &str); 25] = [
    ("loss", "Loss"),
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("f1", "F1"),
    ("average_precision", "Average precision"),
    ("roc_auc", "ROC AUC"),
    ("roc_auc_ovr", "ROC AUC, one against the rest"),
    ("precision_macro", "Precision, macro"),
    ("recall_macro", "Recall, macro"),
    ("f1_macro", "F1, macro"),
    ("average_precision_macro", "Average precision, macro"),
    ("log_loss", "Log loss"),
    ("brier_score", "Brier score"),
    ("matthews_corrcoef", "MCC"),
    ("mcc", "MCC"),
    ("r2", "R²"),
    ("rmse", "RMSE"),
    ("mae", "MAE"),
    ("mse", "MSE"),
    ("median_absolute_error", "Median AE"),
    ("median_ae", "Median AE"),
    ("learning_rate", "Learning rate"),
    ("perplexity", "Perplexity"),
];

/// What a figure is called that is known by its name.
pub fn known(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(own, _)| *own == name).map(|(_, called)| *called)
}

/// A figure's name as words: "average_precision" is "Average precision". One that a person made up stays as written.
pub fn name(name: &str) -> String {
    known(name).unwrap_or(name).to_owned()
}

/// The same within a sentence: "average precision", but "RMSE", and a name that a person made up as it is written.
pub fn name_in_sentence(figure: &str) -> String {
    let Some(name) = known(figure) else { return figure.to_owned() };
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => name.to_owned(),
    }
}

/// The text with a capital at its start.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether a figure of this name is better the greater it is: a loss or an error is not.
pub fn more_is_better(key: &str) -> bool {
    !["loss", "error", "brier", "rmse", "mae", "mse", "median_ae"].iter().any(|word| key.contains(word))
}

/// Whether more of a figure is better, where its name says so: a client may log anything.
pub fn is_more_better(key: &str) -> Option<bool> {
    const MORE: [&str; 12] =
        ["acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "bleu", "rouge", "mcc", "reward"];
    let key = key.to_lowercase();
    if !more_is_better(&key) || key.contains("perplexity") {
        return Some(false);
    }
    MORE.iter().any(|word| key.contains(word)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figures_name_says_whether_more_of_it_is_better() {
        assert!(more_is_better("average_precision/validation") && !more_is_better("log_loss/validation"));
        let said = ["val_loss", "Test/Accuracy", "perplexity", "grad_norm"].map(is_more_better);
        assert_eq!(said, [Some(false), Some(true), Some(false), None]);
    }

    #[test]
    fn counts_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(value), text);
        }
        assert_eq!((bytes(999), bytes(1200), bytes(999_960)), ("999 B".into(), "1.2 kB".into(), "1.0 MB".into()));
        let runs = |value| counted(value, "run", "runs");
        assert_eq!((runs(0), runs(1), runs(1000)), ("0 runs".into(), "1 run".into(), "1,000 runs".into()));
    }

    #[test]
    fn nothing_takes_no_time() {
        assert_eq!([0.0, 0.000_4, 0.001, 0.042].map(milliseconds), ["< 1 ms", "< 1 ms", "1 ms", "42 ms"]);
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
    fn a_person_reads_a_minus_and_a_program_a_hyphen() {
        assert_eq!((minus("-1.5e-6"), hyphen("−1.5e−6")), ("−1.5e−6".to_owned(), "-1.5e-6".to_owned()));
        assert_eq!(hyphen(&measured(-0.25)).parse::<f64>(), Ok(-0.25));
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
