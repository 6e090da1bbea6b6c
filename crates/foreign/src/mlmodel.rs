//! The `MLmodel` file beside a model that MLflow wrote: how it can be loaded, what it is asked and answers.

use api::registered::{ClientColumn, Flavor, MlModel};

use crate::value::Value;

/// The file's name.
pub const FILE: &str = "MLmodel";
/// How deep a type may be nested.
const DEEPEST: usize = 16;

/// Reads the text of an `MLmodel` file. What of it is unknown is left out.
///
/// # Errors
/// Why it is no `MLmodel` file, in words.
pub fn read(text: &str) -> Result<MlModel, NoMlModel> {
    let value = Value::from_yaml(text).map_err(|error| NoMlModel(error.to_string()))?;
    let Some(flavors) = value.get("flavors") else { return Err(NoMlModel("it names no flavors".to_owned())) };
    let flavors = flavors.entries().iter().map(|(name, value)| Flavor { name: name.clone(), values: single(value) });
    let word = |key: &str| value.get(key).map(Value::text).filter(|text| !text.is_empty());
    let columns = |part: &str| -> Result<Vec<ClientColumn>, NoMlModel> {
        let Some(text) = value.get("signature").and_then(|signature| signature.get(part)).and_then(Value::as_str)
        else {
            return Ok(Vec::new());
        };
        let list = Value::from_json(text).map_err(|error| NoMlModel(format!("its {part}: {error}")))?;
        Ok(list.items().iter().map(column).collect())
    };
    Ok(MlModel {
        flavors: flavors.collect(),
        inputs: columns("inputs")?,
        outputs: columns("outputs")?,
        params: columns("params")?,
        mlflow_version: word("mlflow_version"),
        created: word("utc_time_created"),
    })
}

/// Why a file is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoMlModel(String);

/// The single values of a map.
fn single(value: &Value) -> std::collections::BTreeMap<String, String> {
    let is_single = |value: &Value| !matches!(value, Value::Null | Value::List(_) | Value::Map(_));
    let entries = value.entries().iter().filter(|(_, value)| is_single(value));
    entries.map(|(key, value)| (key.clone(), value.text())).collect()
}

fn column(value: &Value) -> ClientColumn {
    let is = |key: &str| match value.get(key) {
        Some(Value::Bool(is)) => Some(*is),
        _ => None,
    };
    ClientColumn {
        name: value.get("name").map(Value::text).filter(|name| !name.is_empty()),
        kind: kind(value, 0),
        optional: is("required") == Some(false) || is("optional") == Some(true),
        default: value.get("default").filter(|value| **value != Value::Null).map(Value::text),
    }
}

/// A type in words, as MLflow's schemas have it.
fn kind(value: &Value, depth: usize) -> String {
    let word = value.get("type").and_then(Value::as_str).unwrap_or("any");
    let of = |key: &str| value.get(key).map_or_else(|| "any".to_owned(), |inner| kind(inner, depth + 1));
    match word {
        _ if depth > DEEPEST => "…".to_owned(),
        "tensor" => {
            let spec = value.get("tensor-spec");
            let dtype = spec.and_then(|spec| spec.get("dtype")).map_or_else(|| "any".to_owned(), Value::text);
            let shape = spec.and_then(|spec| spec.get("shape")).map(Value::items).unwrap_or_default();
            let sides: Vec<String> = shape.iter().map(|side| api::figure::minus(&side.text())).collect();
            if sides.is_empty() {
                format!("tensor of {dtype}")
            } else {
                format!("tensor of {dtype}, {}", sides.join(" × "))
            }
        }
        "array" => format!("array of {}", of("items")),
        "map" => format!("map to {}", of("values")),
        "object" => {
            let fields = value.get("properties").map(Value::entries).unwrap_or_default();
            let field = |(name, inner): &(String, Value)| format!("{name}: {}", kind(inner, depth + 1));
            format!("object of {}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mlflow_wrote_is_read() {
        // As MLflow 3.17.2 writes it: `mlflow.sklearn.log_model(model, signature=infer_signature(frame, answers, params={"t": 0.5}))`.
        let text = r#"artifact_path: models:/m-1
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    python_version: 3.12.3
  sklearn:
    code: null
    sklearn_version: 1.8.0
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "array", "items": {"type": "string"}, "name": "tags", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 2]}}]'
  params: '[{"name": "t", "default": 0.5, "shape": null, "type": "double"}]'
utc_time_created: '2026-11-29 10:00:00.000000'
"#;
        let read = read(text).unwrap();
        let flavors: Vec<_> = read.flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        assert_eq!(flavors, ["python_function", "sklearn"]);
        assert_eq!(read.flavors[1].values["sklearn_version"], "1.8.0");
        assert!(!read.flavors[0].values.contains_key("env"));
        let [age, tags] = read.inputs.as_slice() else { panic!("{read:?}") };
        assert_eq!((age.name.as_deref(), age.kind.as_str(), age.optional), (Some("age"), "double", false));
        assert_eq!((tags.kind.as_str(), tags.optional), ("array of string", true));
        assert_eq!((read.outputs[0].name.as_deref(), read.outputs[0].kind.as_str()), (None, "tensor of int64, −1 × 2"));
        assert_eq!(read.params[0].default.as_deref(), Some("0.5"));
        assert_eq!(read.mlflow_version.as_deref(), Some("3.17.2"));
    }

    #[test]
    fn what_is_no_such_file_is_said() {
        assert!(read("[").is_err());
        assert_eq!(read("model_id: m-1\n").unwrap_err().to_string(), "it names no flavors");
        assert!(read("flavors: {}\nsignature: {inputs: 'no json'}").unwrap_err().to_string().starts_with("its inputs"));
        let deep = format!("{}{{\"type\":\"string\"}}{}", "{\"type\":\"array\",\"items\":".repeat(60), "}".repeat(60));
        let deep = read(&format!("flavors: {{}}\nsignature:\n  inputs: '[{deep}]'\n")).unwrap();
        assert!(deep.inputs[0].kind.ends_with('…'));
    }
}
