//! The fields of a request: of the address for GET, of a JSON body for the rest; both as protobuf's JSON writes them,
//! where a number may be a text and a list of one may be one.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{Method, StatusCode, header},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    BODY_LIMIT_BYTES,
    failure::{Failure, INVALID},
};
use crate::{
    Host,
    large::{self, LARGE_BYTES, LargeBodies, NotCome, Place, values},
};

/// Values that a request has at most, as many as one of that size can have.
const MOST_VALUES: usize = LARGE_BYTES / 2;

/// A body that came, and the place of a large one, which it keeps until it is read.
pub(super) struct Came {
    bytes: Bytes,
    _place: Option<Place>,
}

impl Deref for Came {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a route is asked.
pub(super) struct Fields<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Host> for Fields<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, host: &Host) -> Result<Self, Failure> {
        let query = of_query(request.uri().query().unwrap_or_default());
        let room = request.extensions().get::<LargeBodies>().cloned();
        let body = if request.method() == Method::GET { None } else { Some(whole(request, host).await?) };
        let body = body.filter(|body| !body.is_empty());
        let _room = match room.filter(|_| body.as_ref().is_some_and(|body| body.len() > LARGE_BYTES)) {
            Some(room) => room.reading.acquire_owned().await.ok(),
            None => None,
        };
        let value = body.map_or(Ok(query), |body| object(&body).map(without_nulls))?;
        serde_json::from_value(value).map(Fields).map_err(|error| wrong(&error))
    }
}

/// A body is JSON and says so.
fn check_kind(request: &Request) -> Result<(), Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    match kind.map(|kind| kind.split(';').next().unwrap_or_default().trim()) {
        Some(kind) if request.method() != Method::GET && !kind.eq_ignore_ascii_case("application/json") => {
            Err(Failure::invalid(format!("Bad Request. Content-Type must be application/json, got '{kind}'.")))
        }
        _ => Ok(()),
    }
}

/// A body that says nothing, and is read all the same: what is left of it would close the connection under the client's
/// next request.
pub(super) struct Unread;

impl FromRequest<Host> for Unread {
    type Rejection = Failure;

    async fn from_request(request: Request, host: &Host) -> Result<Self, Failure> {
        in_time(request, host).await.map(|_| Self)
    }
}

/// A body of JSON, which arrives within the host's patience.
pub(super) async fn whole(request: Request, host: &Host) -> Result<Came, Failure> {
    check_kind(&request)?;
    in_time(request, host).await
}

async fn in_time(request: Request, host: &Host) -> Result<Came, Failure> {
    let place = LargeBodies::coming(&request);
    let coming = async {
        let place = place.await;
        large::bytes(request, place.as_ref(), host.patience).await.map(|bytes| Came { bytes, _place: place })
    };
    let late = || Failure::late(format!("The request did not arrive within {:?}.", host.patience));
    let came = tokio::time::timeout(host.patience, coming).await.map_err(|_| late())?;
    came.map_err(|not_come| match not_come {
        NotCome::StoodStill => Failure::late(large::STOOD_STILL),
        NotCome::Refused(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!(
                "The request is larger than {} MB: send it in several, as `log-batch` of fewer metrics, params and tags.",
                BODY_LIMIT_BYTES >> 20
            );
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, message)
        }
        NotCome::Refused(rejection) => Failure::invalid(rejection.body_text()),
    })
}

pub(super) fn wrong(error: &serde_json::Error) -> Failure {
    Failure::invalid(format!("The request can't be read: {error}."))
}

fn object(body: &[u8]) -> Result<Value, Failure> {
    // A client that sends its JSON as a text in JSON is known to MLflow.
    let value = match json(body)? {
        Value::String(text) => json(text.as_bytes())?,
        other => other,
    };
    if value.is_object() { Ok(value) } else { Err(Failure::invalid("The request is no JSON object.")) }
}

fn json(text: &[u8]) -> Result<Value, Failure> {
    if text.len() > LARGE_BYTES && values(text) > MOST_VALUES {
        return Err(Failure::invalid(format!("The request has more than {MOST_VALUES} values: send it in several.")));
    }
    serde_json::from_slice(text).map_err(|error| wrong(&error))
}

/// A field that is `null` is not set, as in protobuf's JSON.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn of_query(query: &str) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(&*name) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(many)) => many.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(fields)
}

/// A list, or the one thing that stands for a list of one.
pub(super) fn many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(one) => Ok(vec![one]),
        Value::Array(many) => many
            .into_iter()
            .map(|one| match one {
                Value::String(text) => Ok(text),
                other => Err(D::Error::custom(format!("{other} is not a text"))),
            })
            .collect(),
        other => Err(D::Error::custom(format!("{other} is not a list"))),
    }
}

/// The same in a field that must be there.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Many(#[serde(deserialize_with = "many")] pub(super) Vec<String>);

/// The first of a list, and how many there are in all: what nobody may send so many of is counted, not kept.
#[derive(Debug)]
pub(super) struct AtMost<T, const MOST: usize> {
    pub(super) kept: Vec<T>,
    pub(super) count: usize,
}

impl<T, const MOST: usize> Default for AtMost<T, MOST> {
    fn default() -> Self {
        Self { kept: Vec::new(), count: 0 }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting(PhantomData))
    }
}

struct Counting<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Counting<T, MOST> {
    type Value = AtMost<T, MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(AtMost::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            let Some(one) = list.next_element()? else { return Ok(AtMost { count: kept.len(), kept }) };
            kept.push(one);
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(AtMost { kept, count })
    }
}

/// A whole number, or its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Int(pub(super) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number::<i64>(PhantomData)).map(Self)
    }
}

/// A whole number, or its text, in a field that is a number once it is read.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Int::deserialize(deserializer).map(|Int(number)| number)
}

/// A number, or its text, among these `NaN`, `Infinity` and `-Infinity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Float(pub(super) f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number::<f64>(PhantomData)).map(Self)
    }
}

struct Number<T>(PhantomData<T>);

impl Visitor<'_> for Number<i64> {
    type Value = i64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::custom(format!("{value} is too large for a whole number of 64 bits")))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<i64, E> {
        let whole = value as i64;
        if whole as f64 == value { Ok(whole) } else { Err(E::custom(format!("{value} is not a whole number"))) }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<i64, E> {
        value.trim().parse().map_err(|_| E::custom(format!("\"{value}\" is not a whole number")))
    }
}

impl Visitor<'_> for Number<f64> {
    type Value = f64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<f64, E> {
        value.trim().parse().map_err(|_| E::custom(format!("\"{value}\" is not a number")))
    }
}

/// A text that borrows from the body where it can.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A text, empty where it is `null`: a field that is not set.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The field, or MLflow's error for one that is not there.
pub(super) fn required<T>(field: Option<T>, name: &str) -> Result<T, Failure> {
    field.ok_or_else(|| Failure::required(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_may_be_a_text() {
        let output = serde_json::from_str::<crate::mlflow::wire::ModelOutput>(r#"{"model_id": "m-1", "step": "5"}"#);
        assert_eq!(output.unwrap().step, 5);
    }

    #[test]
    fn a_request_of_too_many_values_is_refused_before_it_is_read() {
        let list = |count: usize| format!(r#"{{"experiment_ids": [{}"1"]}}"#, r#""1","#.repeat(count));
        assert!(object(list(MOST_VALUES / 2).as_bytes()).is_ok());
        let many = list(MOST_VALUES);
        for wrong in [serde_json::to_string(&many).unwrap(), many] {
            let refused = object(wrong.as_bytes()).unwrap_err();
            assert!(format!("{refused:?}").contains("more than 524288 values"), "{refused:?}");
        }
        // What stands in a text is none.
        let text = serde_json::json!({ "profile": "\"[,{".repeat(MOST_VALUES) }).to_string();
        assert!(object(text.as_bytes()).is_ok());
    }

    #[test]
    fn of_a_list_without_end_only_the_first_are_kept() {
        let read = |text: &str| serde_json::from_str::<AtMost<Int, 3>>(text);
        for (text, kept, count) in
            [("null", 0, 0), ("[]", 0, 0), ("[1,2]", 2, 2), ("[1,2,3]", 3, 3), ("[1,2,3,{},null]", 3, 5)]
        {
            let list = read(text).unwrap();
            assert_eq!((list.kept.len(), list.count), (kept, count), "{text}");
        }
        for wrong in ["[1,{}]", "{}", "1", "\"1\"", "[1,2,3,", "[1,2,3,}]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
