//! Equal rows have equal hashes, in this snapshot and in later ones.
