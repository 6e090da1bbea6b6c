//! `fetch`, with the token in a header and every failure as an [`ApiError`].

use api::{ApiError, ErrorCode};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestInit, Response};

use super::connect::Address;

/// What goes along with a request.
pub(crate) enum Body {
    None,
    /// Nothing, and of the answer so many bytes are wanted.
    Start(u64),
    Json(String),
    File(web_sys::Blob),
}

/// Sends a request; a status of 400 and up comes back as the error that its body carries.
pub(crate) async fn send(address: &Address, method: &str, path: &str, body: Body) -> Result<Response, ApiError> {
    send_until(address, method, path, body, None).await
}

/// The same, with a signal that breaks it off.
pub(crate) async fn send_until(
    address: &Address,
    method: &str,
    path: &str,
    body: Body,
    abort: Option<&AbortSignal>,
) -> Result<Response, ApiError> {
    let init = RequestInit::new();
    init.set_method(method);
    init.set_signal(abort);
    let headers = web_sys::Headers::new().map_err(broken)?;
    headers.append("authorization", &format!("Bearer {}", address.token)).map_err(broken)?;
    match body {
        Body::None => {}
        Body::Start(bytes) => {
            headers.append("range", &format!("bytes=0-{}", bytes.saturating_sub(1))).map_err(broken)?;
        }
        Body::Json(text) => {
            headers.append("content-type", "application/json").map_err(broken)?;
            init.set_body(&JsValue::from_str(&text));
        }
        Body::File(blob) => init.set_body(&blob),
    }
    init.set_headers(&headers);
    let window = web_sys::window().ok_or_else(|| broken(JsValue::NULL))?;
    let url = format!("{}{path}", address.origin);
    let answer = JsFuture::from(window.fetch_with_str_and_init(&url, &init)).await.map_err(|_| gone())?;
    let answer: Response = answer.dyn_into().map_err(broken)?;
    if answer.ok() {
        return Ok(answer);
    }
    let status = answer.status();
    let text = text(answer).await.unwrap_or_default();
    Err(serde_json::from_str(&text).unwrap_or_else(|_| unreadable(status, &text)))
}

/// An answer that carries no error of ours. Its path would say nothing to a person: whoever asked says what it was for.
fn unreadable(status: u16, text: &str) -> ApiError {
    let start: String = text.trim().chars().take(300).collect();
    let colon = if start.is_empty() { "." } else { ": " };
    ApiError::new(ErrorCode::Internal, format!("The host failed with status {status}{colon}{start}"))
}

pub(crate) async fn text(answer: Response) -> Result<String, ApiError> {
    let text = JsFuture::from(answer.text().map_err(broken)?).await.map_err(|_| gone())?;
    Ok(text.as_string().unwrap_or_default())
}

pub(crate) async fn bytes(answer: Response) -> Result<Vec<u8>, ApiError> {
    let buffer = JsFuture::from(answer.array_buffer().map_err(broken)?).await.map_err(|_| gone())?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The body as a `blob:` address.
pub(crate) async fn object_address(answer: Response) -> Result<String, ApiError> {
    let blob = JsFuture::from(answer.blob().map_err(broken)?).await.map_err(|_| gone())?;
    web_sys::Url::create_object_url_with_blob(&blob.dyn_into().map_err(broken)?).map_err(broken)
}

/// Gives a `blob:` address back.
pub(crate) fn forget_object(address: &str) {
    let _ = web_sys::Url::revoke_object_url(address);
}

/// A text as a `blob:` address.
pub(super) fn text_address(kind: &str, text: &str) -> Result<String, ApiError> {
    let parts = Array::of1(&JsValue::from_str(text));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let blob = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options).map_err(broken)?;
    web_sys::Url::create_object_url_with_blob(&blob).map_err(broken)
}

/// Has the browser download what a `blob:` or `data:` address holds.
pub(super) fn download(name: &str, address: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    let link = document.and_then(|document| document.create_element("a").ok());
    if let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = link.set_attribute("href", address);
        let _ = link.set_attribute("download", name);
        link.click();
    }
}

pub(crate) fn encode(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}

/// What an address has for a text; itself where it is no such thing.
pub(crate) fn decode(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}

pub(crate) fn gone() -> ApiError {
    ApiError::new(ErrorCode::Unreachable, "The host doesn't answer.")
        .with_hint("It is tried again by itself. If it has ended, start it with `slipway serve`.")
}

fn broken(error: JsValue) -> ApiError {
    let why =
        error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()));
    ApiError::new(ErrorCode::Internal, format!("The browser refused a request: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_an_error_of_ours_is_told_in_words() {
        assert_eq!(unreadable(500, "out of order\n").message, "The host failed with status 500: out of order");
        assert_eq!(unreadable(502, "").message, "The host failed with status 502.");
    }
}
