//! JSON rows: `POST /predict` with `[{…}, …]`, `{"rows": [{…}, …]}` or one `{…}` whose keys are
//! columns; answered `{"rows": [{…}, …], "model": "…", "version": 7}`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use infer::rows;
use serde_json::{Value, json};

use crate::{answer::Failure, server::Server};

pub(super) async fn predict(State(server): State<Arc<Server>>, request: Request) -> Response {
    super::answer(
        &server,
        request,
        |server, body, go_on| {
            Ok((rows::from_json_while(&server.model.head().signature, asked(server, body)?, go_on)?, ()))
        },
        |server, outputs, ()| {
            let rows = rows::to_json(outputs).map_err(|error| Failure::Model(error.to_string()))?;
            Ok(json!({ "rows": rows, "model": server.config.name, "version": server.config.version_number }))
        },
    )
    .await
}

fn asked<'a>(server: &Server, body: &'a Value) -> Result<&'a [Value], Failure> {
    match body {
        Value::Array(rows) => Ok(rows),
        Value::Object(object) => match object.get("rows") {
            Some(Value::Array(rows)) => Ok(rows),
            // A model may have a column of that name.
            Some(_) if !server.model.head().signature.inputs.iter().any(|input| input.name == "rows") => {
                Err(Failure::Invalid("\"rows\" must be an array of objects, one a row".into()))
            }
            _ => Ok(std::slice::from_ref(body)),
        },
        _ => Err(Failure::Invalid("the body must be an array of rows, or {\"rows\": [...]}".into())),
    }
}
