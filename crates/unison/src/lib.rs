//! No code: this manifest turns on, for every build of ours, the features that any of them needs in what they
//! share.
//!
//! Host, worker, window and tests are built by cargo calls of their own (see ARCHITECTURE.md). Cargo then compiles
//! a shared crate once for each set of features, and all that stands on it: without this, tables and the learning
//! stack were compiled three times on a fresh machine. What a program must not have (`hessboost/wgpu` in the host)
//! is not named here.
