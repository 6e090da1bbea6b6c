//! The words, quotes and signs of a filter, each with its place.

use api::{ApiError, run_table::quote_length};

use super::{Comparison, fields::Entity, wrong};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Quoted(String),
    Compare(Comparison),
    Comma,
    Open,
    Close,
    /// One that the grammar has no place for.
    Sign,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Characters before it.
    pub(super) column: usize,
    /// Nothing stands between it and the token before.
    pub(super) joined: bool,
}

/// Bytes of a filter: ten thousand ids of runs, each in quotes. Its tokens take some thirty times as much.
const LONGEST: usize = 512 << 10;

/// Words that say how texts and conditions belong together, in any case.
pub(super) const KEYWORDS: [&str; 8] = ["and", "or", "not", "like", "ilike", "in", "is", "null"];

/// # Errors
/// A quote that is not closed, a sign that means nothing alone, or more than anybody asks for.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    if text.len() > LONGEST {
        return Err(ApiError::invalid(format!(
            "A filter or an order has at most {LONGEST} bytes, not {}.",
            text.len()
        ))
        .with_hint("Ask in several requests, each with a part of it."));
    }
    let mut tokens = Vec::new();
    let (mut rest, mut column, mut joined) = (text, 0, false);
    while let Some(character) = rest.chars().next() {
        if character.is_whitespace() {
            (rest, column, joined) = (&rest[character.len_utf8()..], column + 1, false);
            continue;
        }
        let (kind, length) = first(text, rest, character, column)?;
        tokens.push(Token { kind, column, joined });
        let (token, behind) = rest.split_at(length);
        (rest, column, joined) = (behind, column + token.chars().count(), true);
    }
    Ok(tokens)
}

/// The token that a rest of the text begins with, and its bytes.
fn first(text: &str, rest: &str, character: char, column: usize) -> Result<(Kind, usize), ApiError> {
    let comparison = |comparison, length| Ok((Kind::Compare(comparison), length));
    let is_two = rest[character.len_utf8()..].starts_with('=');
    match character {
        '(' => Ok((Kind::Open, 1)),
        ')' => Ok((Kind::Close, 1)),
        ',' => Ok((Kind::Comma, 1)),
        ';' => Ok((Kind::Sign, 1)),
        '"' | '\'' | '`' => {
            let length = quote_length(rest).ok_or_else(|| wrong(text, column, "the quote is not closed"))?;
            let within = &rest[1..length - 1];
            // Only we take backticks for more than keys, in which none stands.
            let within = if character == '`' { within.replace("``", "`") } else { within.to_owned() };
            // MLflow takes backticks from what a key is of: `metrics`.loss is metrics.loss.
            if character == '`' && rest[length..].starts_with('.') && Entity::named(&within).is_some() {
                let behind = word(&rest[length..]);
                return Ok((Kind::Word(within + behind), length + behind.len()));
            }
            Ok((Kind::Quoted(within), length))
        }
        '=' => comparison(Comparison::Equal, if is_two { 2 } else { 1 }),
        '!' if is_two => comparison(Comparison::NotEqual, 2),
        '!' => Err(wrong(text, column, "\"!\" stands alone; \"!=\" was expected")),
        '<' if is_two => comparison(Comparison::LessOrEqual, 2),
        '>' if is_two => comparison(Comparison::GreaterOrEqual, 2),
        '<' => comparison(Comparison::Less, 1),
        '>' => comparison(Comparison::Greater, 1),
        '~' => comparison(Comparison::Contains, 1),
        _ => {
            let word = word(rest);
            // "--" begins a comment where filters are SQL; "*" or "..." is no word of anybody's.
            let is_sign = word.starts_with("--") || word.bytes().all(|byte| byte.is_ascii_punctuation());
            Ok((if is_sign { Kind::Sign } else { Kind::Word(word.to_owned()) }, word.len()))
        }
    }
}

/// What stands before the next sign, quote or space.
fn word(rest: &str) -> &str {
    let is_end = |one: char| one.is_whitespace() || "()\"'`=!<>~,;".contains(one);
    &rest[..rest.find(is_end).unwrap_or(rest.len())]
}
