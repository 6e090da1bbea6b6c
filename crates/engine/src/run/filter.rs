//! The grammar of the run list's filter.
//!
//! ```text
//! filter     = any { "or" any }
//! any        = one { ["and"] one }
//! one        = "not" one | "(" filter ")" | comparison | word
//! comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") value
//! field      = "metric." key | "param." key | "tag." key | "name" | "state" | "kind" | "device"
//!            | "commit" | "snapshot" | "created" | "duration"
//! ```
//! A key with other characters than letters, digits and `_-/.` stands in quotes; `~` means contains;
//! words match names, models and tags.

use api::ApiError;
use store::run_query::{Comparison, Field, Filter, Value};

/// Deeper nesting than a person types.
const DEPTH: usize = 64;

pub fn parse(text: &str) -> Result<Filter, ApiError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    let filter = parser.alternatives()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.unexpected("\"and\", \"or\" or the end")),
    }
}

/// A field alone, as the order names it.
pub fn field(text: &str) -> Result<Field, ApiError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    let field = match parser.next() {
        Some(Token { kind: Kind::Word(word), .. }) => parser.field(&word)?,
        _ => None,
    };
    match (field, parser.peek()) {
        (Some(field), None) => Ok(field),
        _ => Err(ApiError::invalid(format!("Runs can't be sorted by \"{text}\"."))
            .with_hint("Sort by metric.KEY, param.KEY, created, name, duration or state.")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Word(String),
    Quoted(String),
    Compare(Comparison),
    Open,
    Close,
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    kind: Kind,
    /// Characters before it.
    column: usize,
    /// Nothing stands between it and the token before.
    joined: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
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
            '"' | '\'' => {
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
                while characters.get(at).is_some_and(|c| !c.is_whitespace() && !"()\"'=!<>~".contains(*c)) {
                    at += 1;
                }
                Kind::Word(characters[start..at].iter().collect())
            }
        };
        tokens.push(Token { kind, column: start, joined });
    }
    Ok(tokens)
}

/// Makes a field of its key.
type Keyed = fn(String) -> Field;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token { kind: Kind::Word(word), .. }) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Filter, ApiError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(wrong(self.text, 0, "it is nested too deeply"));
        }
        let mut filter = self.all()?;
        while self.keyword("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.all()?));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn all(&mut self) -> Result<Filter, ApiError> {
        let mut filter = self.one()?;
        loop {
            let joined = self.keyword("and");
            let more = match self.peek() {
                None => false,
                Some(Token { kind: Kind::Close, .. }) => false,
                Some(Token { kind: Kind::Word(word), .. }) => !word.eq_ignore_ascii_case("or"),
                Some(_) => true,
            };
            if !more && joined {
                return Err(self.unexpected("a condition after \"and\""));
            }
            if !more {
                return Ok(filter);
            }
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
    }

    fn one(&mut self) -> Result<Filter, ApiError> {
        if self.keyword("not") {
            self.depth += 1;
            if self.depth > DEPTH {
                return Err(wrong(self.text, 0, "it is nested too deeply"));
            }
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        match self.next() {
            Some(Token { kind: Kind::Open, .. }) => {
                let filter = self.alternatives()?;
                match self.next() {
                    Some(Token { kind: Kind::Close, .. }) => Ok(filter),
                    _ => {
                        self.at -= 1;
                        Err(self.unexpected("\")\""))
                    }
                }
            }
            Some(Token { kind: Kind::Quoted(word), .. }) => Ok(Filter::Word(word)),
            Some(Token { kind: Kind::Word(word), column, .. }) => {
                let known = self.field(&word)?;
                let Some(Token { kind: Kind::Compare(comparison), .. }) = self.peek().cloned() else {
                    return Ok(Filter::Word(word));
                };
                let Some(known) = known else {
                    return Err(wrong(self.text, column, &format!("there is no field \"{word}\"")));
                };
                self.at += 1;
                Ok(Filter::Compare(known, comparison, self.value()?))
            }
            _ => {
                self.at -= 1;
                Err(self.unexpected("a condition or a word"))
            }
        }
    }

    fn value(&mut self) -> Result<Value, ApiError> {
        match self.next() {
            Some(Token { kind: Kind::Quoted(text), .. }) => Ok(Value::Text(text)),
            Some(Token { kind: Kind::Word(word), .. }) => Ok(match word.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Number(number),
                _ => Value::Text(word),
            }),
            _ => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    /// `metric."a key"` comes as a word that ends in a dot and a quoted text joined to it.
    fn field(&mut self, word: &str) -> Result<Option<Field>, ApiError> {
        let keyed = [("metric.", Field::Metric as Keyed), ("param.", Field::Param), ("tag.", Field::Tag)];
        for (prefix, make) in keyed {
            let Some(key) = word.strip_prefix(prefix) else { continue };
            if !key.is_empty() {
                return Ok(Some(make(key.to_owned())));
            }
            return match self.next() {
                Some(Token { kind: Kind::Quoted(key), joined: true, .. }) => Ok(Some(make(key))),
                _ => {
                    self.at -= 1;
                    Err(self.unexpected("a key"))
                }
            };
        }
        Ok(match word {
            "name" => Some(Field::Name),
            "state" => Some(Field::State),
            "kind" => Some(Field::Kind),
            "device" => Some(Field::Device),
            "commit" => Some(Field::Commit),
            "snapshot" => Some(Field::Snapshot),
            "created" => Some(Field::Created),
            "duration" => Some(Field::Duration),
            _ => None,
        })
    }

    fn unexpected(&self, expected: &str) -> ApiError {
        let column = self.peek().map_or(self.text.chars().count(), |token| token.column);
        wrong(self.text, column, &format!("{expected} was expected"))
    }
}

fn wrong(text: &str, column: usize, what: &str) -> ApiError {
    ApiError::invalid(format!("The filter \"{text}\" is wrong at column {}: {what}.", column + 1))
        .with_hint("For example: metric.\"roc_auc/validation\" > 0.8 and param.model = \"trees\".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(field: Field, comparison: Comparison, value: Value) -> Filter {
        Filter::Compare(field, comparison, value)
    }

    #[test]
    fn the_documented_example_is_read() {
        let filter = parse(r#"metric."average_precision/validation" > 0.8 and param.model = "trees""#).unwrap();
        let left =
            compare(Field::Metric("average_precision/validation".to_owned()), Comparison::Greater, Value::Number(0.8));
        let right = compare(Field::Param("model".to_owned()), Comparison::Equal, Value::Text("trees".to_owned()));
        assert_eq!(filter, Filter::And(Box::new(left), Box::new(right)));
    }

    #[test]
    fn words_match_names_and_stand_side_by_side() {
        let filter = parse("brisk not stopped or heron").unwrap();
        let word = |word: &str| Box::new(Filter::Word(word.to_owned()));
        let left = Filter::And(word("brisk"), Box::new(Filter::Not(word("stopped"))));
        assert_eq!(filter, Filter::Or(Box::new(left), word("heron")));
    }

    #[test]
    fn errors_name_the_column() {
        for (text, column) in
            [("metric. > 1", 9), ("(a or b", 8), ("a and", 6), ("metric.x >", 11), ("size = 3", 1), ("\"a", 1)]
        {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(&format!("column {column}:")), "{text}: {}", error.message);
        }
    }

    #[test]
    fn nothing_makes_it_panic() {
        for text in [
            "((((",
            "not not",
            "= = =",
            "metric.",
            "\u{1f980} ~ \u{1f980}",
            &"(".repeat(10_000),
            &"not ".repeat(10_000),
        ] {
            let _ = parse(text);
        }
    }
}
