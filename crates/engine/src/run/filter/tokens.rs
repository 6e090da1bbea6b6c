//! The words, quotes and signs of a filter, each with its place.

use api::ApiError;

use super::{Comparison, wrong};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Quoted(String),
    Compare(Comparison),
    Comma,
    Open,
    Close,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Characters before it.
    pub(super) column: usize,
    /// Nothing stands between it and the token before.
    pub(super) joined: bool,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let start = at;
        let character = characters[at];
        if character.is_whitespace() {
            at += 1;
            continue;
        }
        let joined = start > 0 && !characters[start - 1].is_whitespace();
        at += 1;
        let kind = match character {
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '"' | '\'' | '`' => {
                let mut content = String::new();
                loop {
                    match characters.get(at) {
                        None => return Err(wrong(text, start, "the quote is not closed")),
                        Some(end) if *end == character => break,
                        Some('\\') if characters.get(at + 1).is_some() => {
                            at += 1;
                            content.push(characters[at]);
                        }
                        Some(other) => content.push(*other),
                    }
                    at += 1;
                }
                at += 1;
                Kind::Quoted(content)
            }
            '=' | '!' | '<' | '>' | '~' => {
                let equal = characters.get(at) == Some(&'=');
                let comparison = match (character, equal) {
                    ('=', _) => Comparison::Equal,
                    ('!', true) => Comparison::NotEqual,
                    ('<', true) => Comparison::LessOrEqual,
                    ('>', true) => Comparison::GreaterOrEqual,
                    ('<', false) => Comparison::Less,
                    ('>', false) => Comparison::Greater,
                    ('~', _) => Comparison::Contains,
                    _ => return Err(wrong(text, start, "\"!\" stands alone; \"!=\" was expected")),
                };
                at += usize::from(equal && character != '~');
                Kind::Compare(comparison)
            }
            _ => {
                while characters.get(at).is_some_and(|c| !c.is_whitespace() && !"()\"'`=!<>~,".contains(*c)) {
                    at += 1;
                }
                Kind::Word(characters[start..at].iter().collect())
            }
        };
        tokens.push(Token { kind, column: start, joined });
    }
    Ok(tokens)
}
