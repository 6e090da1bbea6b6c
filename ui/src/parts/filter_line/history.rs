//! What a line held before: a browser forgets it wherever a program changed the text, as taking an offer does.

/// Texts that are remembered; a step more forgets the oldest.
const MOST: usize = 200;

/// Steps back and on again.
#[derive(Debug, Default)]
pub(super) struct History {
    before: Vec<String>,
    after: Vec<String>,
    /// The last step was a letter that was typed at the end.
    is_typing: bool,
}

impl History {
    /// One text took the place of another. The letters of a word are one step.
    pub(super) fn note(&mut self, before: &str, now: &str) {
        if before == now {
            return;
        }
        let mut typed = now.strip_prefix(before).unwrap_or_default().chars();
        let is_letter = matches!((typed.next(), typed.next()), (Some(letter), None) if !letter.is_whitespace());
        if !(is_letter && self.is_typing) {
            if self.before.len() == MOST {
                self.before.remove(0);
            }
            self.before.push(before.to_owned());
        }
        self.is_typing = is_letter;
        self.after.clear();
    }

    /// The text before this one.
    pub(super) fn back(&mut self, now: String) -> Option<String> {
        let text = self.before.pop()?;
        self.after.push(now);
        self.is_typing = false;
        Some(text)
    }

    /// The text that was taken back last.
    pub(super) fn on(&mut self, now: String) -> Option<String> {
        let text = self.after.pop()?;
        self.before.push(now);
        self.is_typing = false;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_step_and_what_was_emptied_comes_back() {
        let mut history = History::default();
        let mut now = String::new();
        let mut to = |history: &mut History, text: &str| {
            history.note(&now, text);
            now = text.to_owned();
        };
        for text in ["l", "lr", "lr ", "lr <", "lr < ", "lr < 1", ""] {
            to(&mut history, text);
        }
        assert_eq!(history.back(String::new()).as_deref(), Some("lr < 1"));
        assert_eq!(history.back("lr < 1".to_owned()).as_deref(), Some("lr < "));
        assert_eq!(history.on("lr < ".to_owned()).as_deref(), Some("lr < 1"));
        assert_eq!(history.on("lr < 1".to_owned()).as_deref(), Some(""));
        assert_eq!(history.on(String::new()), None);
        // What is written anew has nothing after it.
        history.back(String::new());
        history.note("lr < 1", "lr < 2");
        assert_eq!(history.on("lr < 2".to_owned()), None);
    }

    #[test]
    fn the_letters_of_the_first_word_are_one_step() {
        let mut history = History::default();
        for (before, now) in [("", "a"), ("a", "ab"), ("ab", "abc")] {
            history.note(before, now);
        }
        assert_eq!(history.back("abc".to_owned()).as_deref(), Some(""));
        assert_eq!(history.back(String::new()), None);
    }
}
