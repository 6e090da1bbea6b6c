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
    assert_eq!(filter, Filter::And(vec![left, right]));
}

#[test]
fn a_list_may_end_with_a_comma() {
    let list = |all: &[&str]| Value::List(all.iter().map(|one| (*one).to_owned()).collect());
    for (text, expected) in [
        ("run_id in ('x',)", list(&["x"])),
        ("run_id in ('x', )", list(&["x"])),
        ("run_id in ('x', 'y',)", list(&["x", "y"])),
    ] {
        assert_eq!(parse(text).unwrap(), compare(Field::Id, Comparison::In, expected), "{text}");
    }
    for wrong in ["run_id in ()", "run_id in (,)", "run_id in ('x',,)", "run_id in ('x',", "run_id in (,'x')"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_entity_may_stand_in_backticks() {
    for (text, plain) in [
        ("`metrics`.m > 0", "metrics.m > 0"),
        ("`metric`.`m n` > 0", "metric.`m n` > 0"),
        ("`params`.\"a.b\" = 'x'", "params.\"a.b\" = 'x'"),
        ("`attributes`.run_id in ('x')", "run_id in ('x')"),
    ] {
        assert_eq!(parse(text).unwrap(), parse(plain).unwrap(), "{text}");
    }
    // In quotes it is a text, as it is in MLflow; and a word of a person's stays one.
    assert!(parse("\"metrics\".m > 0").is_err());
    assert_eq!(parse("`metrics`").unwrap(), Filter::Word("metrics".to_owned()));
    assert_eq!(field("`metrics`.m").unwrap(), Field::Metric("m".to_owned()));
}

#[test]
fn words_match_names_and_stand_side_by_side() {
    let filter = parse("brisk not stopped or heron").unwrap();
    let word = |word: &str| Filter::Word(word.to_owned());
    let left = Filter::And(vec![word("brisk"), Filter::Not(Box::new(word("stopped")))]);
    assert_eq!(filter, Filter::Or(vec![left, word("heron")]));
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
fn what_stands_in_quotes_is_meant_as_it_is() {
    for (text, value) in [
        (r"param.a = 'C:\tmp'", r"C:\tmp"),
        (r"param.a = 'x\'", r"x\"),
        (r"param.a = '50\%%'", r"50\%%"),
        (r"param.a = 'a\'b'", r"a\'b"),
        ("param.a = 'a''b'", "a''b"),
        ("param.a = \"a\"\"b\"", "a\"\"b"),
        ("param.a = `it's \"it\"`", "it's \"it\""),
        ("param.a = ```it's`` \"it\"`", "`it's` \"it\""),
    ] {
        let expected = compare(Field::Param("a".to_owned()), Comparison::Equal, Value::Text(value.to_owned()));
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_no_condition_and_no_word_is_an_error() {
    for (text, column, expected) in [
        ("param.a = 1 or or", 16, "a condition or a word"),
        ("or a", 1, "a condition or a word"),
        ("and", 1, "a condition or a word"),
        ("a and or b", 7, "a condition"),
        ("a not", 6, "a condition or a word"),
        ("param.a = '10';", 15, "a condition or a word"),
        ("param.a = 10;", 13, "a condition or a word"),
        ("metric.m > 0 -- c", 14, "a condition or a word"),
        ("metric.m > 0 --c", 14, "a condition or a word"),
        ("metric.m > 0 *", 14, "a condition or a word"),
        ("param.a = and", 11, "a value"),
        ("param.a = null", 11, "a value"),
        ("param.a in (in)", 13, "a value"),
        ("param.a = 'a'b", 14, "\"and\", \"or\""),
        ("param.a = 'a'\"b\"", 14, "\"and\", \"or\""),
        ("param.a like b", 14, "a text in quotes"),
        ("name ilike", 11, "a text in quotes"),
        ("tag.a in b", 10, "a list"),
        ("tag.a is b", 10, "null"),
        ("metric.a", 9, "="),
        ("params.json", 12, "="),
        ("metric.a 0.5", 10, "="),
        ("metric.a between 0 and 1", 10, "="),
    ] {
        let message = parse(text).unwrap_err().message;
        assert!(message.contains(&format!("column {column}:")) && message.contains(expected), "{text}: {message}");
    }
    for text in [
        "it is in",
        "like null",
        "created in may",
        "\"params.json\"",
        "config.json",
        "c++ v1.0-rc #12",
        "\"or\" 'and'",
        "x'y'",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
    assert!(parse("param.a = 'x'and(param.b='y')or param.c=\"z\"").is_ok());
}

#[test]
fn nothing_makes_it_panic() {
    for text in
        ["((((", "not not", "= = =", "metric.", "\u{1f980} ~ \u{1f980}", &"(".repeat(10_000), &"not ".repeat(10_000)]
    {
        let _ = parse(text);
    }
}

#[test]
fn a_filter_without_end_is_refused_in_a_short_message() {
    for join in [" and ", " or ", " "] {
        let endless = vec!["metric.a = 1"; 10_000].join(join);
        let error = parse(&endless).unwrap_err();
        assert!(error.message.contains("more than 1000 conditions"), "{}", error.message);
        assert!(error.message.len() < 400, "{} bytes", error.message.len());
    }
    assert!(parse(&vec!["metric.a = 1"; 1_000].join(" or ")).is_ok());
    assert!(field(&"x".repeat(100_000)).is_err_and(|error| error.message.len() < 400));
    let piece = |length: usize| parse(&format!("tag.a like '%{}_%'", "a".repeat(length - 1)));
    assert!(piece(250).is_ok());
    assert!(piece(251).is_err_and(|error| error.message.contains("more than 250 characters")));
}
#[test]
fn a_filter_is_refused_by_its_size_before_it_is_read() {
    // Sixteen million words would take a gigabyte as tokens.
    let began = std::time::Instant::now();
    for endless in ["a ".repeat(16 << 20), format!("'{}", "a".repeat(16 << 20)), "\"".repeat(1 << 20)] {
        let error = parse(&endless).unwrap_err();
        let told = format!("at most 524288 bytes, not {}.", endless.len());
        assert!(error.message.contains(&told), "{}", error.message);
        assert!(field(&endless).is_err_and(|error| error.message.contains(&told)));
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_list_has_ten_thousand_values_and_a_search_thirty_two_orders() {
    let list =
        |count: usize| parse(&format!("run_id in ({})", vec!["'0123456789abcdef0123456789abcdef'"; count].join(", ")));
    assert!(list(LONGEST_LIST).is_ok());
    assert!(list(LONGEST_LIST + 1).is_err_and(|error| error.message.contains("more than 10000 values")));
    assert!(check_orders(ORDERS).is_ok());
    assert!(check_orders(10_000).is_err_and(|error| error.message == "There are 10000 orders, more than 32."));
}
