//! Finding a host, or nobody, in workspaces of the test's own.

mod finding;
mod starting;
