//! What a model is, from the outside: fitting, applying, predicting, writing, refusing.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod bundles;
mod forwards;
mod making;
mod preparing;
mod speaking;
