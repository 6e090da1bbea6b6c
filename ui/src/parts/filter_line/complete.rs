//! What can stand at the cursor of a run filter: the host reads its grammar, this only helps to
//! write it. It knows nothing of the document, so that it is tested without a browser.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use api::{
    figure::counted,
    run::{RunKind, RunState, SYSTEM},
    run_table::{self, quote_length, values::RunValue},
};

/// The names that a filter can use here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Vocabulary {
    pub(crate) metrics: Vec<String>,
    pub(crate) params: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// The values that are known of a field, by how the line names it; those that stand first are offered first.
    pub(crate) values: BTreeMap<String, Vec<RunValue>>,
}

/// Values that the line would offer: of this field, with this part in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As the line names it.
    pub(crate) field: String,
    pub(crate) part: String,
}

/// One offer: what is put in, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    pub(crate) text: String,
    pub(crate) what: Cow<'static, str>,
}

/// Offers for a part of the text; it is replaced by the one that is taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Completion {
    /// Bytes.
    pub(crate) place: Range<usize>,
    pub(crate) offers: Vec<Offer>,
    /// What is to be known for further offers.
    pub(crate) wanted: Option<Wanted>,
}

const SHOWN: usize = 9;
const PLAIN: [(&str, &str); 25] = [
    ("name", "the run's name"),
    ("state", "how it ended"),
    ("kind", "trained here, any program, or logged"),
    ("experiment", "the name of its experiment"),
    ("folder", "the folder of its experiment"),
    ("within", "its folder, or one above it"),
    ("model", "what was trained"),
    ("device", "what it trained on"),
    ("snapshot", "the number of its data's version"),
    ("duration", "seconds"),
    ("cost", "at the price of the settings"),
    ("started", "a date such as '2026-11-24', or milliseconds since 1970"),
    ("ended", "a date such as '2026-11-24', or milliseconds since 1970"),
    ("created", "a date such as '2026-11-24', or milliseconds since 1970"),
    ("commit", "of its code"),
    ("user", "who started it"),
    ("notes", "what was written about it"),
    ("parent", "the id of its parent run"),
    ("status", "how it ended, by MLflow's words"),
    ("end_time", "a date such as '2026-11-24', or milliseconds since 1970"),
    ("run_id", "the run's id"),
    ("dataset.name", "of data that it was given"),
    ("dataset.digest", "of data that it was given"),
    ("dataset.context", "what it was given them for"),
    ("artifact_uri", "where its artifacts are"),
];
const NUMBERS: [(&str, &str); 8] = [
    (">", "greater than"),
    ("<", "less than"),
    (">=", "at least"),
    ("<=", "at most"),
    ("=", "equals"),
    ("!=", "is not"),
    ("is null", "has none"),
    ("is not null", "has one"),
];
const FIGURES: [(&str, &str); 3] = [("nan", "no number"), ("inf", "infinite"), ("-inf", "infinite, below zero")];
const TEXTS: [(&str, &str); 9] = [
    ("=", "equals"),
    ("!=", "is not"),
    ("~", "contains"),
    ("like", "a pattern, % is anything"),
    ("ilike", "a pattern in any case"),
    ("in", "one of a list"),
    ("not in", "none of a list"),
    ("is null", "has none"),
    ("is not null", "has one"),
];
/// What keys stand behind, as MLflow names it too.
const KEYED: [&str; 11] = [
    "metric.",
    "metrics.",
    "param.",
    "params.",
    "parameter.",
    "parameters.",
    "tag.",
    "tags.",
    "attribute.",
    "attributes.",
    "dataset.",
];
const STATES: [RunState; 6] =
    [RunState::Finished, RunState::Running, RunState::Failed, RunState::Stopped, RunState::Killed, RunState::Queued];
const STATUSES: [&str; 5] = ["FINISHED", "RUNNING", "FAILED", "KILLED", "SCHEDULED"];
/// Fields without a key whose values runs share, or are found by. Those of the state, the kind and the status are fixed.
const VALUED: [&str; 12] = [
    "name",
    "experiment",
    "folder",
    "within",
    "model",
    "device",
    "snapshot",
    "commit",
    "user",
    "dataset.name",
    "dataset.digest",
    "dataset.context",
];
const JOINS: [(&str, &str); 2] = [("and", "both are true"), ("or", "one of them is true")];

/// What the grammar wants next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wants {
    Condition,
    Operator(String),
    Value(String),
    /// The number that a metric equals or not, which need not be finite.
    Figure,
    /// A pattern in quotes.
    Pattern(String),
    /// "in" or a pattern's word behind "not".
    In(String),
    /// The bracket of a list, a value in it, and what comes behind one.
    List(String),
    Listed(String),
    More(String),
    /// "null" or "not null", and "null" alone.
    Null,
    NotNull,
    Join,
}

/// A word, an operator, a comma or a bracket, by its bytes.
pub(super) struct Piece {
    pub(super) place: Range<usize>,
    pub(super) is_operator: bool,
    /// A quote in it is not closed.
    is_open: bool,
}

/// What can stand at the cursor.
pub(crate) fn complete(text: &str, cursor: usize, words: &Vocabulary) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    let mut pieces = pieces(before);
    // The piece under the cursor is what a person is writing; what stands before it is done.
    let writing = pieces.pop_if(|piece| piece.place.end == before.len());
    let mut wants = Wants::Condition;
    for piece in &pieces {
        wants = after(wants, &before[piece.place.clone()], piece.is_operator);
    }
    let place = writing.as_ref().map_or(before.len()..before.len(), |piece| piece.place.clone());
    let typed = before[place.clone()].to_lowercase();
    // A bracket, a comma or an operator is whole once it is there: the next piece begins after it.
    if let Some(piece) = writing.filter(|piece| piece.is_operator || ["(", ")", ","].contains(&typed.as_str())) {
        let unsure = piece.is_operator && matches!(typed.as_str(), "<" | ">" | "!");
        if !unsure {
            let end = piece.place.end;
            return offers(&after(wants, &typed, piece.is_operator), end..end, "", words);
        }
    }
    offers(&wants, place, &typed, words)
}

/// Whether a filter can be asked as it stands: while a condition is being written it can't, and the
/// host would only say so at every key. It is the judge all the same, of what a person sends with Enter.
pub(crate) fn is_whole(text: &str) -> bool {
    let mut wants = Wants::Condition;
    let mut depth = 0_i64;
    let pieces = pieces(text);
    for piece in &pieces {
        let word = &text[piece.place.clone()];
        let has_place = matches!(wants, Wants::Operator(_));
        if piece.is_operator && (!has_place || word == "!") {
            return false;
        }
        if piece.is_open || KEYED.contains(&word) {
            return false;
        }
        depth += i64::from(word == "(") - i64::from(word == ")");
        if depth < 0 {
            return false;
        }
        wants = after(wants, word, piece.is_operator);
    }
    depth == 0 && (pieces.is_empty() || wants == Wants::Join)
}

/// The text with an offer taken, and where the cursor stands then.
pub(crate) fn take(text: &str, completion: &Completion, offer: &Offer) -> (String, usize) {
    let (head, tail) = (&text[..completion.place.start], text[completion.place.end..].trim_start());
    let glued = completion.place.is_empty()
        && head.chars().next_back().is_some_and(|last| !last.is_whitespace() && last != '(');
    let start = if glued { format!("{head} ") } else { head.to_owned() };
    let start = format!("{start}{} ", offer.text);
    let cursor = start.len();
    (start + tail, cursor)
}

pub(super) fn after(wants: Wants, piece: &str, is_operator: bool) -> Wants {
    if is_operator {
        return match wants {
            Wants::Operator(field) if is_metric(&field) && matches!(piece, "=" | "==" | "!=") => Wants::Figure,
            Wants::Operator(field) => Wants::Value(field),
            other => other,
        };
    }
    let word = piece.to_lowercase();
    match (wants, word.as_str()) {
        (Wants::Operator(field) | Wants::In(field), "like" | "ilike") => Wants::Pattern(field),
        (Wants::Operator(field) | Wants::In(field), "in") => Wants::List(field),
        (Wants::Operator(field), "not") => Wants::In(field),
        (Wants::Operator(_), "is") => Wants::Null,
        (Wants::Null, "not") => Wants::NotNull,
        (Wants::List(field), "(") | (Wants::More(field), ",") => Wants::Listed(field),
        (Wants::Listed(field), value) if value != ")" => Wants::More(field),
        (_, "(") => Wants::Condition,
        (Wants::Value(_) | Wants::Figure | Wants::Pattern(_), _)
        | (Wants::Null | Wants::NotNull, "null")
        | (_, ")") => Wants::Join,
        (_, "and" | "or" | "not") => Wants::Condition,
        // A word that is no field stands for itself.
        _ if is_field(piece) => Wants::Operator(piece.to_owned()),
        _ => Wants::Join,
    }
}

fn offers(wants: &Wants, place: Range<usize>, typed: &str, words: &Vocabulary) -> Completion {
    let mut all: Vec<Offer> = Vec::new();
    let mut add = |text: String, what: &'static str| all.push(Offer { text, what: Cow::Borrowed(what) });
    match wants {
        Wants::Condition => {
            let (system, own): (Vec<&String>, Vec<&String>) =
                words.metrics.iter().partition(|key| key.starts_with(SYSTEM));
            own.into_iter().for_each(|key| add(keyed("metric", key), "metric"));
            words.params.iter().for_each(|key| add(keyed("param", key), "parameter"));
            words.tags.iter().for_each(|key| add(keyed("tag", key), "tag"));
            PLAIN.into_iter().for_each(|(field, what)| add(field.to_owned(), what));
            add("not".to_owned(), "the opposite");
            add("(".to_owned(), "conditions that belong together");
            // Each run has dozens of them: they stand before nothing else.
            system.into_iter().for_each(|key| add(keyed("metric", key), "of the machine"));
        }
        Wants::Operator(field) => {
            let fitting: &[(&str, &str)] = if is_number(field) { &NUMBERS } else { &TEXTS };
            fitting.iter().for_each(|(operator, what)| add((*operator).to_owned(), what));
        }
        Wants::Pattern(field) => {
            all.extend(values_of(field, words, |value| run_table::quoted(&format!("%{value}%"))));
        }
        Wants::Figure => FIGURES.iter().for_each(|(value, what)| add((*value).to_owned(), what)),
        Wants::In(_) => {
            add("in".to_owned(), "a list");
            add("like".to_owned(), "a pattern");
            add("ilike".to_owned(), "a pattern in any case");
        }
        Wants::List(_) => add("(".to_owned(), "the list begins"),
        Wants::More(_) => {
            add(",".to_owned(), "another one");
            add(")".to_owned(), "the list ends");
        }
        Wants::Null => {
            add("null".to_owned(), "has none");
            add("not null".to_owned(), "has one");
        }
        Wants::NotNull => add("null".to_owned(), "has one"),
        Wants::Value(field) | Wants::Listed(field) => match field.as_str() {
            "state" => STATES.iter().for_each(|state| add(state.word().to_owned(), "state")),
            "kind" => RunKind::ALL.iter().for_each(|kind| add(kind.word().to_owned(), "kind")),
            "status" => STATUSES.iter().for_each(|value| add((*value).to_owned(), "status")),
            _ => all.extend(values_of(field, words, quoted)),
        },
        Wants::Join => JOINS.into_iter().for_each(|(join, what)| add(join.to_owned(), what)),
    }
    let wanted = wanted(wants, typed);
    let plain = |text: &str| text.to_lowercase().replace('"', "");
    let typed = plain(typed);
    // What starts so stands first; what is there already in full needs no offer.
    all.retain(|offer| plain(&offer.text).contains(&typed) && plain(&offer.text) != typed);
    all.sort_by_key(|offer| !plain(&offer.text).starts_with(&typed));
    all.truncate(SHOWN);
    Completion { place, offers: all, wanted }
}

/// The values of a field that are known, each as it is put in.
fn values_of(field: &str, words: &Vocabulary, put_in: impl Fn(&str) -> String) -> Vec<Offer> {
    let offer =
        |value: &RunValue| Offer { text: put_in(&value.value), what: Cow::Owned(counted(value.runs, "run", "runs")) };
    words.values.get(field).into_iter().flatten().map(offer).collect()
}

/// The values that would be offered to what is typed, were they known.
fn wanted(wants: &Wants, typed: &str) -> Option<Wanted> {
    let (Wants::Value(field) | Wants::Pattern(field) | Wants::Listed(field)) = wants else { return None };
    let own = ["attribute.", "attributes."].iter().find_map(|kind| field.strip_prefix(kind)).unwrap_or(field);
    let is_keyed = ["param", "tag"].iter().any(|kind| own.starts_with(kind)) && own.contains('.');
    if !is_keyed && !VALUED.contains(&own) {
        return None;
    }
    let part = typed.trim_matches(['"', '\'', '`']).trim_matches('%');
    Some(Wanted { field: field.clone(), part: part.to_owned() })
}

fn keyed(kind: &str, key: &str) -> String {
    if key.chars().all(|one| one.is_alphanumeric() || "_-/.".contains(one)) {
        format!("{kind}.{key}")
    } else {
        format!("{kind}.{}", quoted(key))
    }
}

/// In quotes where the grammar needs them.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|one| one.is_alphanumeric() || "_-/.".contains(one));
    if plain { text.to_owned() } else { run_table::quoted(text) }
}

pub(super) fn is_field(word: &str) -> bool {
    let is_keyed = KEYED.iter().any(|kind| word.len() > kind.len() && word.starts_with(kind));
    is_keyed || PLAIN.iter().any(|(field, _)| *field == word)
}

fn is_metric(field: &str) -> bool {
    field.starts_with("metric.") || field.starts_with("metrics.")
}

fn is_number(field: &str) -> bool {
    is_metric(field) || ["snapshot", "duration", "started", "ended", "created", "cost", "end_time"].contains(&field)
}

pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let is_operator = "=!<>~".contains(first);
        let (mut end, mut is_open) = (start, false);
        while let Some(next) = text[end..].chars().next() {
            let goes_on = match first {
                _ if end == start => true,
                '(' | ')' | ',' => false,
                _ if is_operator => next == '=',
                _ => !next.is_whitespace() && !"(),=!<>~".contains(next),
            };
            if !goes_on {
                break;
            }
            end += if "\"'`".contains(next) {
                let length = quote_length(&text[end..]);
                is_open |= length.is_none();
                length.unwrap_or(text.len() - end)
            } else {
                next.len_utf8()
            };
        }
        pieces.push(Piece { place: start..end, is_operator, is_open });
        start = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vocabulary {
        Vocabulary {
            metrics: ["loss/train", "loss/validation", "top 5"].map(str::to_owned).to_vec(),
            params: vec!["model".to_owned()],
            tags: vec!["team".to_owned()],
            values: [
                ("param.model", vec!["trees", "small cnn"]),
                ("tag.team", vec!["vision"]),
                ("name", vec!["brisk heron"]),
                ("folder", vec!["vision/resnet"]),
                ("within", vec!["big nets", "big nets/50%_x"]),
                ("device", vec!["cuda:1"]),
            ]
            .map(|(field, values)| {
                let value = |value: &str| RunValue { value: value.to_owned(), runs: 3 };
                (field.to_owned(), values.into_iter().map(value).collect::<Vec<_>>())
            })
            .into(),
        }
    }

    /// The field and the part whose values are wanted at the `|`.
    fn asked(text: &str) -> Option<(String, String)> {
        let cursor = text.find('|').expect("a cursor");
        let wanted = complete(&text.replace('|', ""), cursor, &words()).wanted;
        wanted.map(|wanted| (wanted.field, wanted.part))
    }

    /// What is offered at the `|`.
    fn offered(text: &str) -> Vec<String> {
        let cursor = text.find('|').expect("a cursor");
        complete(&text.replace('|', ""), cursor, &words()).offers.into_iter().map(|offer| offer.text).collect()
    }

    #[test]
    fn fields_are_offered_where_a_condition_begins() {
        assert_eq!(
            offered("|")[..4],
            ["metric.loss/train", "metric.loss/validation", "metric.\"top 5\"", "param.model"]
        );
        assert_eq!(offered("loss|"), ["metric.loss/train", "metric.loss/validation"]);
        assert_eq!(offered("state = finished and st|"), ["state", "started", "status", "cost", "dataset.digest"]);
        assert_eq!(offered("(dur|"), ["duration"]);
        assert_eq!(offered("fold|"), ["folder"]);
        assert_eq!(offered("with|"), ["within"]);
        assert_eq!(offered("within = b|"), ["\"big nets\"", "\"big nets/50%_x\""]);
        assert_eq!(offered("folder |")[..4], ["=", "!=", "~", "like"]);
        assert_eq!(offered("dataset.|"), ["dataset.name", "dataset.digest", "dataset.context"]);
        assert_eq!(offered("digest|"), ["dataset.digest"]);
        assert_eq!(offered("artif|"), ["artifact_uri"]);
        assert_eq!(offered("dataset.digest |")[..4], ["=", "!=", "~", "like"]);
    }

    #[test]
    fn operators_fit_the_field() {
        assert_eq!(offered("metric.loss/train |"), [">", "<", ">=", "<=", "=", "!=", "is null", "is not null"]);
        assert_eq!(offered("state |"), ["=", "!=", "~", "like", "ilike", "in", "not in", "is null", "is not null"]);
        assert_eq!(offered("duration <|"), ["<="]);
        assert_eq!(offered("metric.\"top 5\" |").len(), 8);
    }

    #[test]
    fn lists_patterns_and_what_is_missing_are_completed() {
        assert_eq!(offered("tag.te|"), ["tag.team"]);
        assert_eq!(offered("state in |"), ["("]);
        assert_eq!(offered("state in (f|"), ["finished", "failed"]);
        assert_eq!(offered("state not |"), ["in", "like", "ilike"]);
        assert_eq!(offered("param.model not like |"), ["\"%trees%\"", "\"%small cnn%\""]);
        assert_eq!(offered("param.model not ilike \"%trees%\" |"), ["and", "or"]);
        assert_eq!(offered("param.model in (trees |"), [",", ")"]);
        assert_eq!(offered("param.model in (trees, |"), ["trees", "\"small cnn\""]);
        assert_eq!(offered("param.model in (trees) |"), ["and", "or"]);
        assert_eq!(offered("param.model like |"), ["\"%trees%\"", "\"%small cnn%\""]);
        assert_eq!(offered("tag.team is |"), ["null", "not null"]);
        assert_eq!(offered("tag.team is not |"), ["null"]);
        assert_eq!(offered("tag.team is not null |"), ["and", "or"]);
    }

    #[test]
    fn values_are_those_that_were_seen() {
        assert_eq!(offered("state = f|"), ["finished", "failed"]);
        assert_eq!(offered("state=|").len(), 6);
        assert_eq!(offered("param.model = |"), ["trees", "\"small cnn\""]);
        assert_eq!(offered("tag.team = |"), ["vision"]);
        assert_eq!(offered("name = b|"), ["\"brisk heron\""]);
        assert_eq!(offered("status = f|"), ["FINISHED", "FAILED"]);
        assert!(offered("metric.loss/train < |").is_empty());
        assert_eq!(offered("metric.loss/train = |"), ["nan", "inf", "-inf"]);
        assert_eq!(offered("metric.\"top 5\" != na|"), ["nan"]);
        assert_eq!(offered("metric.loss/train = nan |"), ["and", "or"]);
        assert!(offered("duration = |").is_empty() && is_whole("metric.loss/train = -inf"));
    }

    #[test]
    fn values_are_wanted_of_what_has_some() {
        let some = |field: &str, part: &str| Some((field.to_owned(), part.to_owned()));
        assert_eq!(asked("param.model = tr|"), some("param.model", "tr"));
        assert_eq!(asked("params.model in (trees, \"Sm|"), some("params.model", "sm"));
        assert_eq!(asked("experiment like '%res|"), some("experiment", "res"));
        assert_eq!(asked("snapshot = |"), some("snapshot", ""));
        assert_eq!(asked("attribute.user = |"), some("attribute.user", ""));
        for none in ["|", "param.model |", "metric.loss/train < |", "duration > 1|", "state = |", "notes ~ |", "a |"] {
            assert_eq!(asked(none), None, "{none}");
        }
        assert_eq!(offered("folder = res|"), ["vision/resnet"]);
        assert_eq!(offered("device = |"), ["\"cuda:1\""]);
        let all = complete("name = ", 7, &words()).offers;
        assert_eq!(all[0].what, "3 runs");
    }

    #[test]
    fn what_the_machine_did_is_offered_behind_all_else() {
        let metrics = ["system/cpu", "loss"].map(str::to_owned).to_vec();
        let words = Vocabulary { metrics, ..Vocabulary::default() };
        let offered = |text: &str| {
            let offers = complete(text, text.len(), &words).offers;
            offers.into_iter().map(|offer| offer.text).collect::<Vec<_>>()
        };
        assert_eq!(offered("cpu"), ["metric.system/cpu"]);
        assert_eq!(offered("metric."), ["metric.loss", "metric.system/cpu"]);
        assert_eq!(offered("st")[..3], ["state", "started", "status"]);
    }

    #[test]
    fn conditions_are_joined() {
        assert_eq!(offered("state = finished |"), ["and", "or"]);
        assert_eq!(offered("brisk |"), ["and", "or"]);
        assert_eq!(offered("name ~ \"a b\" o|"), ["or"]);
        assert!(offered("name ~ \"a b|").is_empty());
    }

    #[test]
    fn a_condition_under_way_is_not_asked() {
        for text in [
            "",
            "brisk",
            "state = finished",
            "metric.\"top 5\" > 3",
            "(a or b) not c",
            "name ~ \"a \\\" b\"",
            "name = 'a b' or name = \"c\\\"",
            "state IN (\"failed\", killed) and (tag.team IS NOT NULL)",
            "name ILIKE \"%heron\"",
            "params.lr = \"0.1\"",
        ] {
            assert!(is_whole(text), "{text}");
        }
        for text in [
            "state",
            "state ",
            "state =",
            "metric.",
            "metric.x >",
            "a and",
            "(a",
            "a)",
            "name ~ \"a",
            "= 3",
            "state ! x",
            "state in",
            "state in (",
            "state in (failed,",
            "state in (failed",
            "state not",
            "name like",
            "tag.team is",
            "tag.team is not",
        ] {
            assert!(!is_whole(text), "{text}");
        }
    }

    #[test]
    fn a_taken_offer_replaces_what_was_typed() {
        let text = "loss/v and state = finished";
        let completion = complete(text, 6, &words());
        let (text, cursor) = take(text, &completion, &completion.offers[0]);
        assert_eq!(text, "metric.loss/validation and state = finished");
        assert_eq!(cursor, "metric.loss/validation ".len());
        let completion = complete("state=", 6, &words());
        assert_eq!(take("state=", &completion, &completion.offers[0]).0, "state= finished ");
    }

    #[test]
    fn nothing_makes_it_panic() {
        for text in ["((((", "= = =", "\"", "metric.", "\u{1f980} ~ \u{1f980}", "\"\\", "!"] {
            for cursor in 0..=text.len() + 1 {
                is_whole(text);
                let completion = complete(text, cursor, &words());
                for offer in &completion.offers {
                    take(text, &completion, offer);
                }
            }
        }
    }
}
