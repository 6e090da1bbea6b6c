//! Params in a Python file: names that are given plain values, at the top, in a class, and of `self` in a class's
//! `__init__`. As DVC's `parse_py` reads them; whatever is no plain value is passed over, and nothing is ever run.

use crate::value::Value;

/// Values within values.
const DEPTH: usize = 32;

/// Values by their names.
type Fields = Vec<(String, Value)>;

/// A statement over one or more lines.
struct Statement<'a> {
    indent: usize,
    text: &'a str,
}

/// A block whose names are params, indented deeper than this.
struct Block {
    indent: usize,
    kind: Kind,
}

enum Kind {
    /// A class, with what it has so far.
    Class(String, Fields),
    /// The `__init__` of the class around it, in which the names of `self` count.
    Init,
}

/// The params of a Python file.
pub(crate) fn params(text: &str) -> Value {
    let mut top = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    // A block whose names are nobody's params.
    let mut closed: Option<usize> = None;
    for Statement { indent, text } in statements(text) {
        if closed.is_some_and(|above| indent > above) {
            continue;
        }
        closed = None;
        while blocks.last().is_some_and(|block| indent <= block.indent) {
            end(&mut blocks, &mut top);
        }
        let in_init = matches!(blocks.last(), Some(Block { kind: Kind::Init, .. }));
        let begins = |word: &str| text.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace));
        if let Some(rest) = begins("class")
            && blocks.len() < DEPTH
        {
            let name = name_at(rest.trim_start()).to_owned();
            blocks.push(Block { indent, kind: Kind::Class(name, Vec::new()) });
        } else if let Some(rest) = begins("def")
            && !in_init
            && !blocks.is_empty()
            && name_at(rest.trim_start()) == "__init__"
        {
            blocks.push(Block { indent, kind: Kind::Init });
        } else if let Some((target, value)) = assigned(text) {
            let name = if in_init { target.strip_prefix("self.") } else { Some(target) };
            if let Some(name) = name.filter(|name| !name.starts_with("self.")) {
                set(within(&mut blocks, &mut top), name.to_owned(), value);
            }
        } else if text.trim_end().ends_with(':') {
            closed = Some(indent);
        }
    }
    while !blocks.is_empty() {
        end(&mut blocks, &mut top);
    }
    Value::map(top)
}

/// The names of the innermost class, or of the file.
fn within<'a>(blocks: &'a mut [Block], top: &'a mut Fields) -> &'a mut Fields {
    let class = blocks.iter_mut().rev().find_map(|block| match &mut block.kind {
        Kind::Class(_, fields) => Some(fields),
        Kind::Init => None,
    });
    class.unwrap_or(top)
}

/// Ends the innermost block; a class stands in what is around it.
fn end(blocks: &mut Vec<Block>, top: &mut Fields) {
    if let Some(Block { kind: Kind::Class(name, fields), .. }) = blocks.pop() {
        set(within(blocks, top), name, Value::map(fields));
    }
}

/// The last value of a name counts.
fn set(values: &mut Fields, name: String, value: Value) {
    match values.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => values.push((name, value)),
    }
}

fn name_at(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

/// Statements, those within open brackets or texts as one.
fn statements(text: &str) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = statement_end(text, at);
        let whole = &text[at..end];
        let inner = whole.trim_start_matches([' ', '\t', '\u{c}']);
        let trimmed = inner.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            found.push(Statement { indent: whole.len() - inner.len(), text: trimmed });
        }
        at = end;
    }
    found
}

fn statement_end(text: &str, begin: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (begin, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' if open == 0 => return at + 1,
            b'#' => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
                continue;
            }
            b'\\' => at += 1,
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'"' | b'\'' => {
                at += quoted_length(&text[at..]);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Bytes of a text in quotes, to its end or the line's.
fn quoted_length(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (mark, begin) = if text.starts_with(&triple) { (triple.as_str(), 3) } else { (quote, 1) };
    let bytes = text.as_bytes();
    let mut at = begin;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' if mark.len() == 1 => return at,
            _ if bytes[at..].starts_with(mark.as_bytes()) => return at + mark.len(),
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// `NAME = VALUE`, `NAME: TYPE = VALUE`, `self.NAME = VALUE`.
fn assigned(text: &str) -> Option<(&str, Value)> {
    let own = if text.starts_with("self.") { 5 } else { 0 };
    let target = &text[..own + name_at(&text[own..]).len()];
    if target.len() == own || target.as_bytes()[own].is_ascii_digit() {
        return None;
    }
    let mut rest = text[target.len()..].trim_start();
    if let Some(typed) = rest.strip_prefix(':') {
        rest = &typed[typed.find('=')?..];
    }
    let rest = rest.strip_prefix('=').filter(|rest| !rest.starts_with('='))?;
    let mut parser = Parser { rest: rest.trim_start() };
    let value = parser.value(0)?;
    let behind = parser.rest.trim_start();
    (behind.is_empty() || behind.starts_with(['#', ';'])).then_some((target, value))
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
        }
    }

    fn take(&mut self, mark: char) -> bool {
        self.skip();
        let Some(rest) = self.rest.strip_prefix(mark) else { return false };
        self.rest = rest;
        true
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip();
        if depth > DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            '[' => self.items(']', depth),
            '(' => self.items(')', depth),
            '{' => self.map(depth),
            '"' | '\'' => self.text(),
            '-' => {
                self.rest = &self.rest[1..];
                match self.value(depth + 1)? {
                    Value::Integer(value) => value.checked_neg().map(Value::Integer),
                    Value::Number(value) => Some(Value::Number(-value)),
                    _ => None,
                }
            }
            '+' => {
                self.rest = &self.rest[1..];
                self.value(depth + 1).filter(|value| matches!(value, Value::Integer(_) | Value::Number(_)))
            }
            _ => self.word(),
        }
    }

    fn items(&mut self, end: char, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        let mut comma = end == ']';
        loop {
            if self.take(end) {
                // In round brackets one value without a comma is itself.
                return if comma || items.is_empty() { Some(Value::list(items)) } else { items.pop() };
            }
            items.push(self.value(depth + 1)?);
            let more = self.take(',');
            comma |= more;
            if !more && !self.rest.starts_with(end) {
                return None;
            }
        }
    }

    /// A map, or a set, which is a list here.
    fn map(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let (mut entries, mut items) = (Vec::new(), Vec::new());
        loop {
            if self.take('}') {
                return match (entries.is_empty(), items.is_empty()) {
                    (_, true) => Some(Value::map(entries)),
                    (true, false) => Some(Value::list(items)),
                    (false, false) => None,
                };
            }
            let key = self.value(depth + 1)?;
            if self.take(':') {
                let value = self.value(depth + 1)?;
                set(&mut entries, key.text(), value);
            } else {
                items.push(key);
            }
            if !self.take(',') && !self.rest.starts_with('}') {
                return None;
            }
        }
    }

    /// Texts side by side are one.
    fn text(&mut self) -> Option<Value> {
        let mut text = String::new();
        while self.rest.starts_with(['"', '\'']) {
            let length = quoted_length(self.rest);
            let (whole, rest) = self.rest.split_at(length);
            let mark = if length >= 6 && (whole.starts_with("\"\"\"") || whole.starts_with("'''")) { 3 } else { 1 };
            if length < 2 * mark || !whole.ends_with(&whole[..mark]) {
                return None;
            }
            unescape(&whole[mark..length - mark], &mut text)?;
            self.rest = rest;
            self.rest = self.rest.trim_start_matches([' ', '\t']);
        }
        Some(Value::Text(text))
    }

    fn word(&mut self) -> Option<Value> {
        let part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
        let mut end = self.rest.find(|letter| !part(letter)).unwrap_or(self.rest.len());
        // The sign of an exponent.
        let exponent = self.rest[..end].ends_with(['e', 'E']) && !self.rest.starts_with("0x");
        if exponent && self.rest[end..].starts_with(['-', '+']) {
            let more = self.rest[end + 1..].find(|letter: char| !letter.is_ascii_digit());
            end = more.map_or(self.rest.len(), |more| end + 1 + more);
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            word if word.starts_with(|first: char| first.is_ascii_digit() || first == '.') => number(word)?,
            _ => return None,
        })
    }
}

fn number(word: &str) -> Option<Value> {
    let plain = word.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok().map(Value::Integer);
        }
    }
    plain.parse().map(Value::Integer).or_else(|_| plain.parse().map(Value::Number)).ok()
}

/// The usual escapes; `None` for those by a letter's name or number, which no param is written with.
fn unescape(text: &str, to: &mut String) -> Option<()> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (letter, false) => to.push(letter),
            _ => match letters.next()? {
                'n' => to.push('\n'),
                't' => to.push('\t'),
                'r' => to.push('\r'),
                '\n' => {}
                same @ ('\\' | '\'' | '"') => to.push(same),
                'x' | 'u' | 'U' | 'N' | '0'..='7' => return None,
                other => to.extend(['\\', other]),
            },
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::params;

    fn said(text: &str) -> Vec<String> {
        let value = params(text);
        value.leaves(".").iter().map(|(key, value)| format!("{key}={}", value.text())).collect()
    }

    #[test]
    fn plain_values_are_params() {
        let text = r#"
"""What it says = 1"""
import os  # no = 2
LR = 1e-3  # of the optimiser
LAYERS: int = 1_000
NAMES: dict[str, int] = {"a": 1, 'b': -2.5,}
SIZES = [
    1,  # [
    0x10,
]
PAIR = ("x", None)
ONE = (3)
ON = True
TEXT = 'it''s \'so\'' "\n"
PATH = os.path.join("a", "b")
SUM = 1 + 2
a = b = 3
x, y = 1, 2
ON = False
def f():
    LOCAL = 1
if ON:
    HIDDEN = 2
class Model:
    depth = 3
    width: float = .5
    def __init__(self, n=1):
        self.seed = 42
        self.n = n
        other = 5
    def other(self):
        self.later = 1
    after = 6
END = ""
"#;
        let expect = [
            "LR=0.001",
            "LAYERS=1000",
            "NAMES.a=1",
            "NAMES.b=-2.5",
            "SIZES=[1,16]",
            r#"PAIR=["x",null]"#,
            "ONE=3",
            "ON=false",
            "TEXT=its 'so'\n",
            "Model.depth=3",
            "Model.width=0.5",
            "Model.seed=42",
            "Model.after=6",
            "END=",
        ];
        assert_eq!(said(text), expect);
    }

    #[test]
    fn what_is_no_python_is_no_param_and_no_panic() {
        let whole = "A = {'a': [1, (2, '\\\\x'), \"\"\"é\n\"\"\"]}\nclass B:\n  def __init__(self):\n    self.c = -1\n";
        for end in (0..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            params(&whole[..end]);
        }
        assert_eq!(said(&format!("A = {}", "[".repeat(100_000))), [""; 0]);
        assert_eq!(said("= 1\n1 = 2\nself. = 3\nself = 4\nA = '\nB = \\\n  5\nC == 6\n"), ["self=4"]);
    }
}
