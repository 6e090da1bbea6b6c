//! What would change: the cluster's object beside the one of its own dry run, line by line.

use api::deploy::{DiffLine, ObjectDiff};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Fields that the cluster keeps for itself, and that change without anybody's wish.
const BOOKKEEPING: [&str; 7] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deployment.kubernetes.io/revision",
];
/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 2;

pub(crate) fn of(title: &str, before: Option<&Value>, after: &Value) -> ObjectDiff {
    let render = |object: &Value| {
        let mut object = object.clone();
        tidy(&mut object);
        let mut text = String::new();
        write(&object, 0, &mut text);
        text
    };
    let after = render(after);
    let Some(before) = before.map(render) else {
        let lines = after.lines().map(|line| DiffLine { sign: '+', text: line.to_owned() }).collect();
        return ObjectDiff { object: title.to_owned(), action: "create".to_owned(), lines };
    };
    if before == after {
        return ObjectDiff { object: title.to_owned(), action: "unchanged".to_owned(), lines: Vec::new() };
    }
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(DiffLine { sign: ' ', text: "…".to_owned() });
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(DiffLine { sign, text: change.value().trim_end_matches('\n').to_owned() });
        }
    }
    ObjectDiff { object: title.to_owned(), action: "change".to_owned(), lines }
}

fn tidy(object: &mut Value) {
    if let Value::Object(fields) = object {
        fields.remove("status");
        let secret = fields.get("kind").and_then(Value::as_str) == Some("Secret");
        if secret && let Some(Value::Object(data)) = fields.get_mut("data") {
            for (_, value) in data.iter_mut() {
                // Enough to see that it changes, not what it is.
                let hash = value.as_str().map(crate::digest::short).unwrap_or_default();
                *value = Value::String(format!("(hidden, {hash})"));
            }
        }
    }
    strip(object);
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| !BOOKKEEPING.contains(&name.as_str()) && !value.is_null());
            fields.values_mut().for_each(strip);
            fields.retain(|_, value| !matches!(value, Value::Object(fields) if fields.is_empty()));
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// As YAML, for reading only.
fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            // Sorted, whatever order a build's JSON library keeps.
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            for name in names {
                match &fields[name] {
                    nested @ (Value::Object(_) | Value::Array(_)) => {
                        text.push_str(&format!("{indent}{name}:\n"));
                        write(nested, depth + 1, text);
                    }
                    plain => text.push_str(&format!("{indent}{name}: {}\n", scalar(plain))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(_) | Value::Array(_) => {
                        let mut nested = String::new();
                        write(item, depth + 1, &mut nested);
                        // The dash stands where the first line's indentation ends.
                        let rest = nested.get(indent.len() + 2..).unwrap_or_default();
                        text.push_str(&format!("{indent}- {rest}"));
                    }
                    plain => text.push_str(&format!("{indent}- {}\n", scalar(plain))),
                }
            }
        }
        plain => text.push_str(&format!("{indent}{}\n", scalar(plain))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(diff: &ObjectDiff) -> String {
        diff.lines.iter().map(|line| format!("{}{}\n", line.sign, line.text)).collect()
    }

    #[test]
    fn only_what_somebody_wanted_is_a_change() {
        let before = json!({ "metadata": { "name": "f", "uid": "1", "resourceVersion": "5", "managedFields": [] }, "status": { "a": 1 },
            "spec": { "replicas": 1, "template": { "containers": [{ "image": "a@1", "name": "model" }] } } });
        let mut after = before.clone();
        after["metadata"]["resourceVersion"] = json!("6");
        after["status"] = json!({ "a": 2 });
        assert_eq!(of("deployment/f", Some(&before), &after).action, "unchanged");
        after["spec"]["template"]["containers"][0]["image"] = json!("a@2");
        let diff = of("deployment/f", Some(&before), &after);
        assert_eq!(diff.action, "change");
        assert!(shown(&diff).contains("-      - image: a@1\n+      - image: a@2\n"), "{}", shown(&diff));
    }

    #[test]
    fn a_new_object_is_all_plus() {
        let diff = of("service/f", None, &json!({ "kind": "Service", "spec": { "ports": [80] } }));
        assert_eq!(
            (diff.action.as_str(), shown(&diff).as_str()),
            ("create", "+kind: Service\n+spec:\n+  ports:\n+    - 80\n")
        );
    }

    #[test]
    fn a_secret_shows_that_it_changes_but_not_its_value() {
        let secret = |value: &str| json!({ "kind": "Secret", "data": { "k": value } });
        let diff = of("secret/f", Some(&secret("aGVsbG8=")), &secret("d29ybGQ="));
        assert_eq!(diff.action, "change");
        assert!(!shown(&diff).contains("aGVsbG8") && !shown(&diff).contains("d29ybGQ"));
    }
}
