//! Search for hyperparameters, as arithmetic: which values to try next, which trials to stop early, and which
//! hyperparameters mattered. No run is started here, and the clock and the disk are never read.
