//! What a model is, from the outside: fitting, applying, predicting, writing, refusing.

mod bundles;
mod forwards;
mod making;
mod preparing;
mod speaking;
