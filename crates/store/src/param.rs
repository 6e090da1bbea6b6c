//! A run's resolved hyperparameters and other inputs, as text.

crate::run_pairs::table!("param");
