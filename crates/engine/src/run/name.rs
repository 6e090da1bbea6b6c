//! Names of runs that a person can say: "brisk-heron".

use api::ApiError;

const MANNERS: [&str; 64] = [
    "amber", "apt", "arctic", "blithe", "bold", "brave", "bright", "brisk", "calm", "candid", "clever", "cosy",
    "crisp", "daring", "deft", "dusky", "eager", "early", "fair", "fleet", "fond", "frank", "gentle", "glad", "golden",
    "grand", "hardy", "hazel", "honest", "humble", "jolly", "keen", "kind", "late", "light", "lively", "lucid",
    "lucky", "mellow", "merry", "mild", "nimble", "noble", "patient", "plucky", "polite", "proud", "quick", "quiet",
    "rapid", "ready", "rosy", "serene", "silver", "sleek", "smart", "snowy", "spry", "steady", "sunny", "swift",
    "tidy", "vivid", "wise",
];

const ANIMALS: [&str; 64] = [
    "badger", "beaver", "bison", "bobcat", "bunting", "condor", "crane", "curlew", "deer", "dipper", "dolphin", "dove",
    "dunlin", "eagle", "egret", "falcon", "ferret", "finch", "fox", "gannet", "gecko", "goose", "grouse", "hare",
    "hawk", "heron", "hoopoe", "ibex", "ibis", "jackdaw", "jay", "kestrel", "kite", "lark", "linnet", "lynx", "magpie",
    "marmot", "marten", "merlin", "mink", "moose", "newt", "osprey", "otter", "owl", "petrel", "pika", "plover",
    "puffin", "quail", "raven", "robin", "seal", "shrike", "starling", "stoat", "swallow", "swan", "tern", "thrush",
    "vole", "wren", "yak",
];

/// A name made of an id's random bytes; `attempt` gives another where one is taken.
pub fn friendly(id: &[u8; 16], attempt: u32) -> String {
    let number = (u32::from(id[14]) << 8 | u32::from(id[15])).wrapping_add(attempt.wrapping_mul(2741));
    let name = format!("{}-{}", MANNERS[number as usize % 64], ANIMALS[number as usize / 64 % 64]);
    // After as many attempts as a project hardly has runs, the names repeat with a number.
    if attempt < 256 { name } else { format!("{name}-{attempt}") }
}

/// Whether the name is one that was made of the id.
pub(crate) fn is_friendly(id: &[u8; 16], name: &str) -> bool {
    (0..256).any(|attempt| friendly(id, attempt) == name)
}

const LONGEST_CHARS: usize = 200;

/// A name that a person gives: one line, not empty, of at most 200 characters.
pub fn check(name: &str) -> Result<(), ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::invalid("A run's name can't be empty."));
    }
    if name.chars().any(char::is_control) || name.chars().count() > LONGEST_CHARS {
        return Err(ApiError::invalid(format!("A run's name is one line of at most {LONGEST_CHARS} characters.")));
    }
    Ok(())
}

/// Characters of a name that another tool gives.
const LONGEST_OF_OTHERS: usize = 500;
/// Bytes of a run's notes, as of its tags.
const LONGEST_NOTES: usize = 64 * 1024;

/// A name that a client gives, which may be any text but a long one: a run's row is read by every look-up that passes
/// it.
pub(crate) fn check_of_client(what: &str, name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    if length > LONGEST_OF_OTHERS {
        return Err(ApiError::invalid(format!(
            "The {what} of a run has at most {LONGEST_OF_OTHERS} characters, not {length}."
        ))
        .with_hint("Keep a long text as a tag or as an artifact."));
    }
    Ok(())
}

/// Characters of a key of a param, a tag or a metric, as in MLflow.
const LONGEST_KEY: usize = 250;
/// Bytes of a param or a tag.
const LONGEST_TEXT: usize = 64 * 1024;

/// # Errors
/// Where MLflow refuses the key, too.
pub fn check_key(key: &str) -> Result<(), ApiError> {
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        return Err(ApiError::invalid(format!("A key has 1 to {LONGEST_KEY} characters.")));
    }
    let plain = |one: char| one.is_alphanumeric() || "_-. :/".contains(one);
    if let Some(wrong) = key.chars().find(|one| !plain(*one)) {
        return Err(ApiError::invalid(format!(
            "Invalid name '{key}': '{wrong}' stands in it. Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and slashes (/)."
        )));
    }
    // As a path it must be what it says.
    if key.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(ApiError::invalid(format!("Invalid name '{key}': as a path it would be another one.")));
    }
    Ok(())
}

/// A tag that a person gives: what can't be kept whole is refused, where a client's is cut.
///
/// # Errors
/// Where the key is refused or the value is too long.
pub(crate) fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    check_key(key)?;
    if value.len() > LONGEST_TEXT {
        return Err(ApiError::invalid(format!(
            "The value of the tag '{key}' has {} bytes, more than {LONGEST_TEXT}.",
            value.len()
        )));
    }
    Ok(())
}

/// Cuts a client's param or tag where it is longer than is kept, between two characters. The bytes that it had, if so:
/// whoever cuts says it.
pub fn cut(value: &mut String) -> Option<usize> {
    cut_to(LONGEST_TEXT, value)
}

/// The same of notes in another tool's log.
pub(crate) fn cut_notes(notes: &mut String) -> Option<usize> {
    cut_to(LONGEST_NOTES, notes)
}

fn cut_to(most_bytes: usize, text: &mut String) -> Option<usize> {
    let came_bytes = text.len();
    if came_bytes <= most_bytes {
        return None;
    }
    text.truncate(text.floor_char_boundary(most_bytes));
    // What it had may be megabytes.
    text.shrink_to_fit();
    Some(came_bytes)
}

/// As much of a name from another tool's log as a run's row keeps.
pub(crate) fn of_log(name: &str) -> String {
    name.chars().take(LONGEST_OF_OTHERS).collect()
}

pub(crate) fn check_notes(notes: &str) -> Result<(), ApiError> {
    if notes.len() > LONGEST_NOTES {
        return Err(ApiError::invalid(format!("Notes have at most {LONGEST_NOTES} bytes, not {}.", notes.len()))
            .with_hint("Keep a long text as an artifact of the run."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn attempts_give_other_names() {
        let names: HashSet<String> = (0..400).map(|attempt| super::friendly(&[7; 16], attempt)).collect();
        assert!(names.len() > 380, "only {} names", names.len());
    }

    #[test]
    fn a_given_name_is_one_short_line() {
        assert!(super::check("wide net, lr 0.1").is_ok() && super::check(&"ä".repeat(200)).is_ok());
        for name in ["", "  ", "n\nl", "\u{1b}[31m", &"x".repeat(201)] {
            assert!(super::check(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_clients_text_is_cut_before_the_character_that_does_not_fit() {
        for (text, kept_bytes, came_bytes) in [
            (String::new(), 0, None),
            ("v".repeat(65_536), 65_536, None),
            ("v".repeat(65_537), 65_536, Some(65_537)),
            // Three bytes each, of which the last would stand on both sides.
            ("✓".repeat(30_000), 65_535, Some(90_000)),
        ] {
            let mut kept = text.clone();
            assert_eq!((super::cut(&mut kept), kept.len()), (came_bytes, kept_bytes));
            assert!(text.starts_with(&kept));
        }
    }
}
