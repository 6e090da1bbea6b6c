//! The encoding of a text file.
