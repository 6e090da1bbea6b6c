//! The Open Inference Protocol, version 2, over HTTP: one tensor a column.
//!
//! Tensors are `[rows]` or `[rows, 1]`; pictures `[rows]` of base64 `BYTES`, or `[rows, height,
//! width, channels]` of numbers. Missing values are JSON nulls. The binary extension is refused
//! with a sentence.

use std::sync::Arc;

use api::{
    config::ColumnType,
    model::{Input, Signature},
};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{Field, Schema};
use axum::{
    Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use infer::{
    columns, images,
    rows::{self, GoOn},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{answer::Failure, server::Server};

pub(super) fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/v2", get(about))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{model}", get(model))
        .route("/v2/models/{model}/versions/{version}", get(model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/versions/{version}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
}

/// The model and, where the address has one, its version.
#[derive(Debug, Deserialize)]
struct Named {
    model: String,
    version: Option<String>,
}

impl Named {
    fn check(&self, server: &Server) -> Result<(), Failure> {
        super::known(server, &self.model, self.version.as_deref())
    }
}

async fn about() -> Json<Value> {
    Json(json!({ "name": "slipway-serving", "version": env!("CARGO_PKG_VERSION"), "extensions": [] }))
}

async fn live(State(server): State<Arc<Server>>) -> Response {
    let status = super::liveness(&server);
    (status, Json(json!({ "live": status.is_success() }))).into_response()
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    let status = super::readiness(&server);
    (status, Json(json!({ "ready": status.is_success() }))).into_response()
}

async fn model_ready(State(server): State<Arc<Server>>, Path(named): Path<Named>) -> Result<Response, Failure> {
    named.check(&server)?;
    let status = super::readiness(&server);
    Ok((status, Json(json!({ "name": named.model, "ready": status.is_success() }))).into_response())
}

async fn model(State(server): State<Arc<Server>>, Path(named): Path<Named>) -> Result<Json<Value>, Failure> {
    named.check(&server)?;
    let Signature { inputs, outputs } = &server.model.head().signature;
    let inputs: Vec<Value> = inputs
        .iter()
        .map(|input| json!({ "name": input.name, "datatype": datatype(input.kind), "shape": [-1], "parameters": { "optional": input.optional } }))
        .collect();
    let outputs: Vec<Value> = outputs
        .iter()
        .map(|output| {
            let mut told = json!({ "name": output.name, "datatype": datatype(output.kind), "shape": [-1] });
            if let Some(class) = &output.class {
                told["parameters"] = json!({ "class": class });
            }
            told
        })
        .collect();
    let version = server.config.version_number.to_string();
    Ok(Json(
        json!({ "name": named.model, "versions": [version], "platform": "slipway", "inputs": inputs, "outputs": outputs }),
    ))
}

#[derive(Debug, Deserialize)]
struct Asked {
    id: Option<String>,
    inputs: Vec<Tensor>,
    #[serde(default)]
    outputs: Vec<Wanted>,
}

#[derive(Debug, Deserialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    data: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
}

#[derive(Debug, Serialize)]
struct Answered {
    name: String,
    datatype: &'static str,
    shape: [usize; 1],
    data: Vec<Value>,
}

async fn infer(State(server): State<Arc<Server>>, Path(named): Path<Named>, request: Request) -> Response {
    let read = |server: &Server, body: &Value, go_on: GoOn<'_>| {
        named.check(server)?;
        let asked = Asked::deserialize(body)
            .map_err(|error| Failure::Invalid(format!("the body is no inference request: {error}")))?;
        let signature = &server.model.head().signature;
        let batch = columns_of(signature, &asked.inputs, go_on)?;
        for wanted in &asked.outputs {
            if !signature.outputs.iter().any(|output| output.name == wanted.name) {
                let names: Vec<&str> = signature.outputs.iter().map(|output| output.name.as_str()).collect();
                return Err(Failure::Invalid(format!(
                    "the model has no output \"{}\": it has {}",
                    wanted.name,
                    names.join(", ")
                )));
            }
        }
        Ok((batch, (asked.id, asked.outputs)))
    };
    super::answer(&server, request, read, |server, outputs, (id, wanted)| {
        let mut answer = json!({
            "model_name": server.config.name,
            "model_version": server.config.version_number.to_string(),
            "outputs": tensors_of(server, outputs, &wanted)?,
        });
        if let Some(id) = id {
            answer["id"] = json!(id);
        }
        Ok(answer)
    })
    .await
}

fn tensors_of(server: &Server, outputs: &RecordBatch, wanted: &[Wanted]) -> Result<Vec<Answered>, Failure> {
    let rows = rows::to_json(outputs).map_err(|error| Failure::Model(error.to_string()))?;
    let kinds = server.model.head().signature.outputs.iter();
    Ok(kinds
        .filter(|output| wanted.is_empty() || wanted.iter().any(|wanted| wanted.name == output.name))
        .map(|output| Answered {
            name: output.name.clone(),
            datatype: datatype(output.kind),
            shape: [rows.len()],
            data: rows.iter().map(|row| row[&output.name].clone()).collect(),
        })
        .collect())
}

fn columns_of(signature: &Signature, tensors: &[Tensor], go_on: GoOn<'_>) -> Result<RecordBatch, Failure> {
    for (index, tensor) in tensors.iter().enumerate() {
        if tensors[..index].iter().any(|before| before.name == tensor.name) {
            return Err(Failure::Invalid(format!("the input \"{}\" is there twice", tensor.name)));
        }
        if !signature.inputs.iter().any(|input| input.name == tensor.name) {
            let nearest =
                rows::nearest(signature, &tensor.name).map(|nearest| format!(": did you mean \"{nearest}\"?"));
            return Err(Failure::Invalid(format!(
                "the model has no input \"{}\"{}",
                tensor.name,
                nearest.unwrap_or_default()
            )));
        }
    }
    let count = tensors.first().map_or(Ok(0), rows_of)?;
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for input in &signature.inputs {
        let array = match tensors.iter().find(|tensor| tensor.name == input.name) {
            Some(tensor) => column(input, tensor, count, go_on)?,
            None if input.optional => new_null_array(&columns::arrow_type(input.kind), count),
            None => {
                let datatype = datatype(input.kind);
                return Err(Failure::Invalid(format!(
                    "the input \"{}\" ({datatype}) is missing, and the model needs it",
                    input.name
                )));
            }
        };
        fields.push(Field::new(&input.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| Failure::Invalid(error.to_string()))
}

/// How many rows a tensor says that it has. Nothing is laid out by a number that its data don't bear out.
fn rows_of(tensor: &Tensor) -> Result<usize, Failure> {
    let invalid = |what: String| Err(Failure::Invalid(format!("the input \"{}\" {what}", tensor.name)));
    let rows = tensor.shape.first().copied().unwrap_or(0);
    match tensor.data.as_ref().map(count_values) {
        None => invalid("has no data".into()),
        Some(values) if values < rows => invalid(format!("has {values} values, but its shape is {:?}", tensor.shape)),
        Some(_) => Ok(rows),
    }
}

fn count_values(data: &Value) -> usize {
    match data {
        Value::Array(values) => values.iter().map(count_values).sum(),
        _ => 1,
    }
}

fn column(input: &Input, tensor: &Tensor, count: usize, go_on: GoOn<'_>) -> Result<ArrayRef, Failure> {
    let invalid = |what: String| Err(Failure::Invalid(format!("the input \"{}\" {what}", input.name)));
    if !fits(input.kind, &tensor.datatype) {
        return invalid(format!("has datatype {}, the model needs {}", tensor.datatype, datatype(input.kind)));
    }
    let Some(data) = &tensor.data else { return invalid("has no data".into()) };
    let mut values = Vec::new();
    flatten(data, &mut values);
    // Overflow must not make a shape of nothing fit.
    let product = tensor.shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
    if product != Some(values.len()) {
        return invalid(format!("has {} values, but its shape is {:?}", values.len(), tensor.shape));
    }
    if tensor.shape.first() != Some(&count) {
        return invalid(format!("has the shape {:?}, but the first input has {count} rows", tensor.shape));
    }
    let values_a_row = values.len().checked_div(count).unwrap_or(1);
    if input.kind == ColumnType::Image && tensor.datatype != "BYTES" {
        let Some(shape) =
            images::Shape::from_slice(&input.shape).filter(|shape| count == 0 || shape.values() == values_a_row)
        else {
            return invalid(format!(
                "has the shape {:?}, the model needs [rows, height, width, channels] = {:?}",
                tensor.shape, input.shape
            ));
        };
        let pictures: Vec<Value> = values
            .chunks(shape.values())
            .map(|pixels| Value::Array(pixels.iter().map(|pixel| (*pixel).clone()).collect()))
            .collect();
        return Ok(rows::column(input, pictures.iter(), go_on)?);
    }
    if values_a_row != 1 {
        return invalid(format!(
            "has the shape {:?}, the model needs one value a row: [{count}] or [{count}, 1]",
            tensor.shape
        ));
    }
    Ok(rows::column(input, values.into_iter(), go_on)?)
}

/// Data may be nested as its shape is, or flat.
fn flatten<'a>(data: &'a Value, out: &mut Vec<&'a Value>) {
    match data {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, out)),
        value => out.push(value),
    }
}

fn datatype(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "BOOL",
        ColumnType::Integer => "INT64",
        ColumnType::Decimal => "FP64",
        ColumnType::Datetime | ColumnType::Category | ColumnType::Text | ColumnType::Image => "BYTES",
    }
}

fn fits(kind: ColumnType, datatype: &str) -> bool {
    let integer = matches!(datatype, "INT8" | "INT16" | "INT32" | "INT64" | "UINT8" | "UINT16" | "UINT32" | "UINT64");
    let number = integer || matches!(datatype, "FP16" | "FP32" | "FP64");
    match kind {
        ColumnType::Boolean => datatype == "BOOL" || integer,
        ColumnType::Integer | ColumnType::Decimal => number,
        ColumnType::Datetime => datatype == "BYTES" || datatype == "INT64",
        ColumnType::Category | ColumnType::Text => datatype == "BYTES" || datatype == "BOOL" || integer,
        ColumnType::Image => datatype == "BYTES" || number,
    }
}
