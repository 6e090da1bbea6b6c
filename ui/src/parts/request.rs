//! One request to a deployment, ready to be copied into a terminal.

use std::fmt::Write as _;

use api::{
    config::ColumnType,
    id::VersionId,
    model::{GetVersion, Signature},
};
use leptos::prelude::*;
use serde_json::Value;

use super::button::CopyButton;
use crate::client::query::query;

/// The line, with the first example of the version that answers; nothing until it is known.
#[component]
pub(crate) fn Request(
    #[prop(into)] address: Signal<Option<String>>,
    #[prop(into)] version: Signal<VersionId>,
) -> impl IntoView {
    let detail = query(move || Some(GetVersion { version: version.get() }));
    let line = Memo::new(move |_| {
        let address = address.get()?;
        detail.value.with(|detail| {
            let detail = detail.as_ref()?;
            curl(&address, &detail.version.signature, detail.examples.first()?)
        })
    });
    move || {
        let (line, address) = (line.get()?, address.get()?);
        Some(view! {
            <div class="request">
                <div class="flex command">
                    <code class="mono grow">{line.clone()}</code>
                    <CopyButton text=line.clone() label="Copy the request" />
                </div>
                <p class="small faint">{said(&address, line.contains(PICTURE))}" "<span class="mono">{format!("GET {address}/")}</span>" lists the other paths."</p>
            </div>
        })
    }
}

/// The file that stands for a picture of the person's.
const PICTURE: &str = "picture.png";

fn said(address: &str, is_of_picture: bool) -> &'static str {
    match (is_of_this_machine(address), is_of_picture) {
        (true, false) => "With a row of the validation data.",
        (false, false) => "From within the cluster, with a row of the validation data.",
        (true, true) => "picture.png stands for a picture of yours.",
        (false, true) => "From within the cluster; picture.png stands for a picture of yours.",
    }
}

/// A cluster's address is known within it only.
fn is_of_this_machine(address: &str) -> bool {
    address.starts_with("http://127.0.0.1")
}

/// The command for a POSIX shell: rows as JSON in single quotes; a picture is a file, read as base64.
fn curl(address: &str, signature: &Signature, example: &Value) -> Option<String> {
    let row = example.as_object()?;
    let post = format!("curl {}/predict -H 'content-type: application/json'", address.trim_end_matches('/'));
    let is_picture =
        |name: &str| signature.inputs.iter().any(|input| input.name == name && input.kind == ColumnType::Image);
    if !row.keys().any(|name| is_picture(name)) {
        return Some(format!("{post} -d {}", quoted(&serde_json::json!({ "rows": [row] }).to_string())));
    }
    // A picture is too long for an argument: `printf`, which is part of the shell, hands it on.
    let mut fields = String::new();
    for (name, value) in row {
        let value = if is_picture(name) { "\"%s\"".to_owned() } else { for_printf(&value.to_string()) };
        let comma = if fields.is_empty() { "" } else { "," };
        // Writing to a text can't fail.
        let _ = write!(fields, "{comma}{}:{value}", for_printf(&Value::from(name.as_str()).to_string()));
    }
    let form = quoted(&format!("{{\"rows\":[{{{fields}}}]}}"));
    Some(format!("printf {form} \"$(base64 < {PICTURE} | tr -d '\\n')\" | {post} -d @-"))
}

/// One word of a POSIX shell, whatever stands in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text that `printf` writes as it is.
fn for_printf(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signature(inputs: Value) -> Signature {
        let inputs: Vec<Value> = inputs
            .as_array()
            .unwrap()
            .iter()
            .map(|input| {
                json!({ "name": input[0], "kind": input[1], "optional": false, "sensitive": false, "categories": [],
                    "range": null, "shape": [] })
            })
            .collect();
        serde_json::from_value(json!({ "inputs": inputs, "outputs": [] })).unwrap()
    }

    #[test]
    fn a_row_is_one_word_of_the_shell_whatever_stands_in_it() {
        let signature = signature(json!([["amount", "decimal"], ["shop", "category"]]));
        let line = curl("http://127.0.0.1:41000", &signature, &json!({ "amount": 12.5, "shop": "Jo's \"$bar\"" }));
        assert_eq!(
            line.unwrap(),
            r#"curl http://127.0.0.1:41000/predict -H 'content-type: application/json' -d '{"rows":[{"amount":12.5,"shop":"Jo'\''s \"$bar\""}]}'"#
        );
    }

    #[test]
    fn a_picture_is_read_from_a_file() {
        let signature = signature(json!([["image", "image"], ["50 %", "decimal"]]));
        let line = curl("http://127.0.0.1:41000/", &signature, &json!({ "50 %": 1, "image": "iVBORw0KGgo=" }));
        assert_eq!(
            line.unwrap(),
            r#"printf '{"rows":[{"50 %%":1,"image":"%s"}]}' "$(base64 < picture.png | tr -d '\n')" | curl http://127.0.0.1:41000/predict -H 'content-type: application/json' -d @-"#
        );
    }
}
