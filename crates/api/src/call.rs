//! The one dispatch: a request is a type that names its method and its response.
//!
//! The wire is `POST /api/call` with `{"method": …, "params": …}`; the answer is the response's
//! JSON, or an [`ApiError`](crate::ApiError) with a status of 400 and up.

use serde::{Serialize, de::DeserializeOwned};

/// A call that the host answers.
///
/// A read says which tags its answer hangs on: when the host sends [`Changed`](crate::event::Event)
/// with one of them, the query is asked again. A write has no tags.
pub trait Request: Serialize + DeserializeOwned + Send + Sync + 'static {
    const METHOD: &'static str;
    type Response: Serialize + DeserializeOwned + Send + Sync + 'static;

    fn tags(&self) -> Vec<crate::event::Tag> {
        Vec::new()
    }
}

/// The envelope of a call on the wire.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Call<T> {
    pub method: String,
    pub params: T,
}

/// Implements [`Request`] for each listed type, and adds it to the file's list of methods.
///
/// `Type => "method" -> Response, [tags as an expression over `request`]`.
#[macro_export]
macro_rules! requests {
    ($list:ident; $($name:ty => $method:literal -> $response:ty $(, |$me:ident| $tags:expr)?;)*) => {
        $(impl $crate::call::Request for $name {
            const METHOD: &'static str = $method;
            type Response = $response;
            $(fn tags(&self) -> Vec<$crate::event::Tag> {
                let $me = self;
                $tags
            })?
        })*
        /// Every method of this file; the dispatch test proves that each has a handler.
        pub const $list: &[&str] = &[$($method),*];
    };
}

/// Every method of the protocol.
pub fn methods() -> Vec<&'static str> {
    [
        crate::project::METHODS,
        crate::dataset::METHODS,
        crate::deleted::METHODS,
        crate::run::METHODS,
        crate::media::METHODS,
        crate::run_diff::METHODS,
        crate::run_table::METHODS,
        crate::export::METHODS,
        crate::tracking::METHODS,
        crate::search::METHODS,
        crate::source::METHODS,
        crate::model::METHODS,
        crate::registered::METHODS,
        crate::logged::METHODS,
        crate::package::METHODS,
        crate::deploy::METHODS,
        crate::monitor::METHODS,
        crate::job::METHODS,
        crate::host::METHODS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_method_is_named_twice() {
        let mut methods = super::methods();
        let count = methods.len();
        methods.sort_unstable();
        methods.dedup();
        assert_eq!(methods.len(), count);
    }
}
