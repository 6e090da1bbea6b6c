//! `slipway.toml`: what is wrong with it, said with line and column; edits that keep all the rest.

use std::collections::BTreeSet;

use api::config::ProjectFile;
use engine::project_file::{compose, edit, parse};
use proptest::prelude::*;
use serde_json::json;

fn check(text: &str, expected: &[&str]) {
    let error = parse(text, "slipway.toml").unwrap_err();
    let told = error.to_string();
    for part in expected {
        assert!(told.contains(part), "\"{part}\" is not in: {told}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_way_out() {
    check("version = 1\n[data]\ntraget = \"y\"\n", &["line 3, column 1", "`data.traget` is not known", "`target`"]);
    check("version = 1\ntarget = \"y\"\n", &["line 2, column 1", "`data.target`"]);
    check("version = 1\n[data\n", &["slipway.toml, line 2"]);
    check("version = 1\n[training]\nmodel = \"treez\"\n", &["line 3, column 9", "treez", "trees"]);
    check("version = 1\n[split]\nseed = \"zero\"\n", &["line 3, column 8"]);
    check("version = 1\n[split]\nvalidation = 0.6\ntest = 0.5\n", &["line 4", "left to train on"]);
    check("version = 1\n[monitoring]\nlog_share = 2.0\n", &["line 3", "from 0 to 1"]);
    check("version = 1\nid = \"not an id\"\n", &["line 2", "not an id"]);
    check("[data]\npaths = \"a.csv\"\n", &["line 2, column 9"]);
    check("a = 1\na = 2\n", &["line 2"]);
}

#[test]
fn values_without_sense_are_refused_where_they_stand() {
    check("[monitoring]\nthresholds = { a = nan }\n", &["line 2, column 20", "`monitoring.thresholds.a`", "not nan"]);
    check("[evaluation]\ncost_false_negative = inf\n", &["line 2", "`evaluation.cost_false_negative`"]);
    check("[evaluation]\ncost_false_positive = -1.0\n", &["line 2", "0 or more"]);
    check("[data]\npositive = \"\"\n", &["line 2", "one of the target's two values"]);
    check("[data]\ndelimiter = \";;\"\n", &["line 2", "`data.delimiter` must be one character"]);
    check(
        "[data.types]\nb = \"text\"\na = \"image\"\n",
        &["line 3, column 5", "`data.types.a`", "a table has no images"],
    );
    check("[data]\nencoding = \"klingon\"\n", &["line 2", "`data.encoding`", "\"windows-1252\""]);
    check("[data]\npaths = [\"a.csv\", \" \"]\n", &["line 2", "`data.paths`", "none of them empty"]);
    parse("[data]\ndelimiter = \"\\t\"\nencoding = \"latin1\"\n", "slipway.toml").unwrap();
    check("version = 0\n", &["line 1", "at least 1"]);
    check("version = 1\nname = \"  \"\n", &["line 2", "`name` must have a letter"]);
    for window in ["banana", "0 rows", "-1 day", ""] {
        check(&format!("[monitoring]\nwindow = \"{window}\"\n"), &["line 2", "\"1 day\"", "\"1000 rows\""]);
    }
    check("[monitoring]\nraise_after = 0\n", &["line 2", "at least 1"]);
    check(&format!("version = 1\nname = \"{}\"\n", "x".repeat(201)), &["line 2", "at most 200 characters"]);
    check("name = \"a\\nb\"\n", &["line 1", "one line"]);
    check("[split]\nseed = \"zero\"\n", &["line 2", "expected a whole number of at least 0"]);
    check("[budget]\nmax_hours = \"two\"\n", &["line 2", "expected a number"]);
    for bare in ["[0.1, 0.3]", "0.1"] {
        let text = format!("[search.space]\nlr = {bare}\n");
        check(&text, &["line 2, column 6", "`search.space.lr` must be { values = […] } or { min = …, max = … }"]);
    }
    check("search = 5\n", &["line 1", "expected a table"]);
    check("[search]\nspace = 5\n", &["line 2", "expected a table"]);
    check("[search]\ncommand = 5\n", &["line 2", "expected a list"]);
    check("[budget]\nmax_hours = 0\n", &["line 2", "`budget.max_hours`", "above 0"]);
    check("[budget]\nmax_costs = 1\n", &["line 2", "`budget.max_costs`", "max_cost`"]);
    for (key, value) in [("rounds", "0"), ("hidden", "[0]"), ("max_depth", "4000000000"), ("threads", "100000")] {
        check(&format!("[training]\n{key} = {value}\n"), &["line 2", &format!("`training.{key}` must be")]);
    }
}

#[test]
fn a_newer_file_only_warns_of_what_is_unknown() {
    let parsed = parse("version = 2\nname = \"p\"\n[data]\nmagic = true\ntarget = \"y\"\n", "slipway.toml").unwrap();
    assert_eq!(parsed.file.data.target.as_deref(), Some("y"));
    assert_eq!(parsed.warnings.len(), 1);
    assert!(parsed.warnings[0].contains("`data.magic`"), "{}", parsed.warnings[0]);
}

#[test]
fn an_edit_keeps_comments_order_and_unknown_keys() {
    let text = "# mine\nversion = 1\n\n[data] # where\ntarget = \"a\" # the label\npaths = [\n  \"x.csv\", # first\n]\n\n[training]\nseed = 7\n";
    let edited = edit(
        text,
        &[
            ("data.target".to_owned(), json!("b")),
            ("data.types.\"a.b\"".to_owned(), json!("category")),
            ("training.seed".to_owned(), serde_json::Value::Null),
        ],
    )
    .unwrap();
    assert!(
        edited.starts_with(
            "# mine\nversion = 1\n\n[data] # where\ntarget = \"b\" # the label\npaths = [\n  \"x.csv\", # first\n]\n"
        ),
        "{edited}"
    );
    assert!(edited.contains("[data.types]\n\"a.b\" = \"category\""), "{edited}");
    assert!(!edited.contains("seed"), "{edited}");
    parse(&edited, "slipway.toml").unwrap();
    // One value for a list is a list of one.
    let edited = edit("version = 1\n", &[("data.ignore".to_owned(), json!("Nr"))]).unwrap();
    assert_eq!(parse(&edited, "slipway.toml").unwrap().file.data.ignore, ["Nr"]);
}

#[test]
fn what_is_composed_is_what_is_parsed() {
    let mut file = parse("version = 1\nname = \"A \\\"B\\\"\"", "slipway.toml").unwrap().file;
    file.data.paths = vec!["data/*.csv".to_owned()];
    file.data.target = Some("is fraud".to_owned());
    file.data.types.insert("a.b c".to_owned(), api::config::ColumnType::Category);
    file.training.hidden = vec![64, 32];
    file.monitoring.thresholds.insert("x".to_owned(), 0.25);
    let text = compose(&file).unwrap();
    assert_eq!(parse(&text, "slipway.toml").unwrap().file, file, "{text}");
    // What explains it is at hand wherever Slipway is.
    assert!(text.starts_with("# A Slipway project. `slipway project keys` explains every key.\n"), "{text}");
}

/// The page that explains the file.
const PAGE: &str = include_str!("../../../../docs/slipway-toml.md");

/// A line of the page's tables.
struct Explained {
    /// `[data]`; empty at the top.
    table: &'static str,
    keys: Vec<&'static str>,
    /// The values that the key takes, as TOML, where it takes no others.
    values: BTreeSet<&'static str>,
    /// As TOML, where it is a value.
    default: Option<&'static str>,
}

impl Explained {
    /// A file that says only this.
    fn set(&self, key: &str, value: &str) -> String {
        format!("{}\n{key} = {value}\n", self.table)
    }

    fn path(&self, key: &str) -> String {
        let table = self.table.trim_matches(['[', ']']);
        if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
    }
}

/// What stands between backticks.
fn marked(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn explained() -> Vec<Explained> {
    let mut table = "";
    let mut lines = Vec::new();
    for line in PAGE.lines() {
        if line.starts_with("## ") {
            table = marked(line).next().unwrap();
        }
        if line.starts_with("| `") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 4, "key, type, default, meaning: {line}");
            lines.push(Explained {
                table,
                keys: marked(cells[0]).collect(),
                values: marked(cells[1]).collect(),
                default: marked(cells[2]).next(),
            });
        }
    }
    lines
}

#[test]
fn the_page_names_the_keys_that_are_taken_and_no_others() {
    let mut taken = BTreeSet::new();
    for (key, below) in json!(ProjectFile::default()).as_object().unwrap() {
        match below.as_object() {
            Some(below) => taken.extend(below.keys().map(|below| format!("{key}.{below}"))),
            None => _ = taken.insert(key.clone()),
        }
    }
    let mut named = BTreeSet::new();
    for line in explained() {
        for key in &line.keys {
            assert!(named.insert(line.path(key)), "{} stands there twice", line.path(key));
        }
    }
    assert_eq!(named, taken, "left: docs/slipway-toml.md, right: api::config");
}

#[test]
fn the_pages_defaults_and_values_are_those_in_force() {
    for line in explained() {
        for key in &line.keys {
            let path = line.path(key);
            if let Some(default) = line.default {
                let parsed = parse(&line.set(key, default), "slipway.toml").unwrap();
                assert_eq!(parsed.file, ProjectFile::default(), "the default of {path} is not {default}");
            }
            for value in &line.values {
                parse(&line.set(key, value), "slipway.toml").unwrap();
            }
            if !line.values.is_empty() {
                let told = parse(&line.set(key, "\"no such value\""), "slipway.toml").unwrap_err().message;
                let expected = told.split_once("expected").unwrap_or_else(|| panic!("{path}: {told}")).1;
                let expected: BTreeSet<String> = marked(expected).map(|value| format!("{value:?}")).collect();
                assert!(line.values.iter().copied().eq(&expected), "{path}: {:?}, taken: {expected:?}", line.values);
            }
        }
    }
}

#[test]
fn the_pages_examples_are_files() {
    let examples: Vec<&str> = PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty(), "the page has no example");
    for example in examples {
        parse(example, "slipway.toml").unwrap();
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = parse(&text, "slipway.toml");
    }

    #[test]
    fn no_toml_makes_it_panic(lines in proptest::collection::vec("(\\[(data|split|training|x)\\]|[a-z_]{1,9}(\\.[a-z]{1,4})? = (1|-2\\.5|true|\"[a-zé\u{1f980}]{0,4}\"|\\[1, \"a\"\\]|\\{a = 1\\}))", 0..12)) {
        let _ = parse(&lines.join("\n"), "slipway.toml");
    }

    #[test]
    fn an_edit_changes_only_its_key(target in "[a-zA-Z0-9 .\"'#=é]{1,20}", seed in 0_u32..1000) {
        let text = format!("# head\nversion = 1\n[split]\nseed = {seed} # keep\n\n[data]\nignore = [\"a\"]\n");
        let edited = edit(&text, &[("data.target".to_owned(), json!(target))]).unwrap();
        let file = parse(&edited, "slipway.toml").unwrap().file;
        prop_assert_eq!(file.data.target.as_deref(), Some(target.as_str()));
        prop_assert!(edited.starts_with(&text), "{}", edited);
        let back = edit(&edited, &[("data.target".to_owned(), serde_json::Value::Null)]).unwrap();
        prop_assert_eq!(back, text);
    }
}
