//! Which keys of other tools are kept: a series, a medium, a param or a tag is read, ordered and shown by its key, so that one
//! without text, or of a megabyte, is none.

use std::collections::BTreeSet;

use api::figure::count;

use crate::{Mark, Reader, Result, Sink, Told};

/// Characters of a key, at most: twice as many as MLflow lets one have.
const LONGEST: usize = 500;
/// Characters of a refused key that are told.
const SHOWN: usize = 60;
/// Keys of one reading that are told each; what is beyond them is one.
const SAID: usize = 20;

/// Why a key is not kept, as what is said of it.
pub(crate) fn wrong(key: &str) -> Option<String> {
    if key.trim().is_empty() {
        return Some("its name is empty".to_owned());
    }
    if key.chars().any(char::is_control) {
        return Some("its name has control characters".to_owned());
    }
    let characters = if key.len() > LONGEST { key.chars().count() } else { 0 };
    let too_long = || format!("its name has {} characters, more than {LONGEST}", count(characters as u64));
    (characters > LONGEST).then(too_long)
}

/// As much of a key as is told.
pub(crate) fn shown(key: &str) -> String {
    let mut plain = key.chars().map(|one| if one.is_control() { ' ' } else { one });
    let mut shown: String = plain.by_ref().take(SHOWN).collect();
    if plain.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A reader that leaves out, and says, what has no key that is kept.
pub(crate) struct Named {
    pub(crate) reader: Box<dyn Reader>,
    /// Its log.
    pub(crate) place: String,
}

impl Reader for Named {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        let mut said = BTreeSet::new();
        self.reader.read(mark, &mut |told| {
            let mut left = Vec::new();
            let told = kept(told, &mut left);
            for message in left {
                let is_one_more = said.len() >= SAID && !said.contains(&message);
                let others = || "others with such names were left out, too".to_owned();
                let message = if is_one_more { others() } else { message };
                if said.insert(message.clone()) {
                    sink(Told::LeftOut { place: self.place.clone(), message })?;
                }
            }
            told.map_or(Ok(()), &mut *sink)
        })
    }
}

/// What stays of it, and what is said of the rest.
fn kept(told: Told, left: &mut Vec<String>) -> Option<Told> {
    let mut is_kept = |what: &str, key: &str| {
        let wrong = wrong(key);
        left.extend(wrong.iter().map(|why| format!("the {what} \"{}\" was left out: {why}", shown(key))));
        wrong.is_none()
    };
    let is_whole = match &told {
        Told::Points { key, .. } => is_kept("series", key),
        Told::Media { key, .. } => is_kept("medium", key),
        _ => true,
    };
    match told {
        Told::Run(mut head) => {
            head.params.retain(|(key, _)| is_kept("param", key));
            head.tags.retain(|(key, _)| is_kept("tag", key));
            Some(Told::Run(head))
        }
        told => is_whole.then_some(told),
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, shown, wrong};

    #[test]
    fn a_key_is_a_short_text() {
        for key in ["loss", "train/loss (%)", "größe", "model/encoder.layers.0:attention", &"ü".repeat(LONGEST)] {
            assert_eq!(wrong(key), None, "{key}");
        }
        for (key, why) in [
            (String::new(), "its name is empty"),
            (" ".to_owned(), "its name is empty"),
            ("lo\nss".to_owned(), "its name has control characters"),
            ("\u{1b}[31mloss".to_owned(), "its name has control characters"),
            // What deletes, and what some terminals take for the same as the one above.
            ("lo\u{7f}ss".to_owned(), "its name has control characters"),
            ("\u{9b}31mloss".to_owned(), "its name has control characters"),
            ("ü".repeat(1_000_000), "its name has 1,000,000 characters, more than 500"),
        ] {
            assert_eq!(wrong(&key).as_deref(), Some(why));
            assert!(shown(&key).len() < 200 && !shown(&key).contains(char::is_control));
        }
    }
}
