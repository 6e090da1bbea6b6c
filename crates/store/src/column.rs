//! How our types stand in a column: enums as their word, structures as JSON.

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer as _, value},
};

/// A value kept as JSON text.
#[derive(Debug, Clone, PartialEq)]
pub struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Json).map_err(FromSqlError::other)
    }
}

/// A fieldless enum kept as the word that it has on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Word<T>(pub T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => Ok(ToSqlOutput::from(word)),
            Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(format!("{other} is not a word").into())),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word: value::StrDeserializer<'_, value::Error> = value.as_str()?.into_deserializer();
        T::deserialize(word).map(Word).map_err(FromSqlError::other)
    }
}

/// Any of the ids as its 16 bytes.
#[macro_export]
macro_rules! id_column {
    ($row:expr, $index:expr, Option<$id:ty>) => {
        $row.get::<_, Option<[u8; 16]>>($index)?.map(<$id>::from_bytes)
    };
    ($row:expr, $index:expr, $id:ty) => {
        <$id>::from_bytes($row.get::<_, [u8; 16]>($index)?)
    };
}
