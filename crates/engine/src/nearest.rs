//! What was probably meant by a name that is not known.

/// The known name that a mistyped one is nearest to; `None` where none is near: a third of its letters may be wrong, and
/// one in any case.
pub(crate) fn nearest<'a>(mistyped: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = mistyped.to_lowercase();
    let far = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    let most = (mistyped.chars().count() / 3).max(1);
    let near = known.into_iter().map(|name| (far(name), name)).filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The same as a sentence behind others: " Did you mean \"loss\"?"; empty where nothing is near.
pub(crate) fn did_you_mean<'a>(mistyped: &str, known: impl IntoIterator<Item = &'a str>) -> String {
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
        assert_eq!(did_you_mean("los", known), " Did you mean \"loss\"?");
        assert_eq!(did_you_mean("f1", known), "");
    }
}
