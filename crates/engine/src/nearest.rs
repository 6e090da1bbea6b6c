//! What was probably meant by a name that is not known.

/// Characters of a name that may be mistyped: how far two long ones are from each other takes the product of their
/// lengths to tell.
const LONGEST: usize = 100;

/// The known name that a mistyped one is nearest to; `None` where none is near: a third of its letters may be wrong, and
/// one in any case.
pub fn nearest<'a>(mistyped: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = mistyped.chars().take(LONGEST + 1).count();
    if length > LONGEST {
        return None;
    }
    let lower = mistyped.to_lowercase();
    let most = (length / 3).max(1);
    // Each letter more or less is a wrong one.
    let is_like = |name: &&str| name.chars().take(length + most + 1).count().abs_diff(length) <= most;
    let far = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    let near =
        known.into_iter().filter(is_like).map(|name| (far(name), name)).filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The same as a sentence behind others: " Did you mean \"loss\"?"; empty where nothing is near.
pub fn did_you_mean<'a>(mistyped: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(mistyped, known).map_or_else(String::new, |name| format!(" Did you mean \"{name}\"?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_was_meant() {
        let known = ["loss", "accuracy", "loss/validation"];
        for (mistyped, meant) in [
            ("los", Some("loss")),
            ("Loss", Some("loss")),
            ("acuracy", Some("accuracy")),
            ("lss/validatoin", Some("loss/validation")),
            ("perplexity", None),
            ("f1", None),
        ] {
            assert_eq!(nearest(mistyped, known), meant, "{mistyped}");
        }
        let long = "k".repeat(LONGEST);
        let (longer, longest) = (format!("{long}k"), "k".repeat(100_000));
        assert_eq!(nearest(&long, [longest.as_str(), &longer]), Some(longer.as_str()));
        assert_eq!(nearest(&longer, [longer.as_str()]), None);
        assert_eq!(did_you_mean("los", known), " Did you mean \"loss\"?");
        assert_eq!(did_you_mean("f1", known), "");
    }
}
