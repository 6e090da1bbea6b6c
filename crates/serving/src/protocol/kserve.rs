//! KServe v1: `POST /v1/models/M:predict` with `{"instances": […]}`, answered `{"predictions": […]}`.
//!
//! An instance is an object of columns, or an array of values in the order of the signature's
//! inputs. A prediction is an object of the outputs.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use infer::rows::{self, GoOn, RowError};
use serde_json::{Map, Value, json};

use crate::{answer::Failure, server::Server};

pub(super) fn router() -> Router<Arc<Server>> {
    // ":predict" is not a separator of paths: it is taken off by hand.
    Router::new().route("/v1/models", get(list)).route("/v1/models/{model}", get(status).post(predict))
}

async fn list(State(server): State<Arc<Server>>) -> Json<Value> {
    Json(json!({ "models": [server.config.name] }))
}

async fn status(State(server): State<Arc<Server>>, Path(model): Path<String>) -> Result<Response, Failure> {
    super::known(&server, &model, None)?;
    let status = super::readiness(&server);
    Ok((status, Json(json!({ "name": model, "ready": status.is_success() }))).into_response())
}

async fn predict(State(server): State<Arc<Server>>, Path(path): Path<String>, request: Request) -> Response {
    let read = |server: &Server, body: &Value, go_on: GoOn<'_>| {
        let Some((model, verb)) = path.rsplit_once(':') else {
            return Err(Failure::NotFound(format!("ask with POST /v1/models/{path}:predict")));
        };
        super::known(server, model, None)?;
        if verb != "predict" {
            return Err(Failure::NotFound(format!("this server has no \"{verb}\": only \"predict\"")));
        }
        let signature = &server.model.head().signature;
        let Some(instances) = body.get("instances").and_then(Value::as_array) else {
            return Err(Failure::Invalid("the body must be {\"instances\": [...]}, one a row".into()));
        };
        let instances = instances
            .iter()
            .enumerate()
            .map(|(row, instance)| named(server, row, instance))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((rows::from_json_while(signature, &instances, go_on)?, ()))
    };
    super::answer(&server, request, read, |_, outputs, ()| {
        let predictions = rows::to_json(outputs).map_err(|error| Failure::Model(error.to_string()))?;
        Ok(json!({ "predictions": predictions }))
    })
    .await
}

/// An instance by position becomes one by name.
fn named(server: &Server, row: usize, instance: &Value) -> Result<Value, Failure> {
    let inputs = &server.model.head().signature.inputs;
    let Value::Array(values) = instance else { return Ok(instance.clone()) };
    // A model of pictures has one input, and an array is then the picture.
    if let [only] = inputs.as_slice()
        && !only.shape.is_empty()
    {
        return Ok(json!({ only.name.as_str(): instance }));
    }
    if values.len() != inputs.len() {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let sentence = format!("an array of {} values ({})", inputs.len(), names.join(", "));
        return Err(
            RowError::NotAnObject { row, found: format!("{} values where {sentence} would do", values.len()) }.into()
        );
    }
    Ok(Value::Object(
        inputs.iter().zip(values).map(|(input, value)| (input.name.clone(), value.clone())).collect::<Map<_, _>>(),
    ))
}
