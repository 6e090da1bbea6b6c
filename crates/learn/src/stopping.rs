//! When to stop: after a while without a better validation loss. The same for networks and trees,
//! and all of its state is in the checkpoint.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Validations without a better one before training stops; 0 never stops.
    patience: usize,
    pub best: Option<Best>,
    /// Validations since the best one.
    since: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub loss: f64,
    /// The epoch or round, from 1.
    pub at: u64,
    pub step: u64,
}

impl EarlyStopping {
    pub fn new(patience: usize) -> Self {
        Self { patience, best: None, since: 0 }
    }

    /// Takes a validation in; tells whether it is the best so far. A loss that is not a number is worse than any number, and
    /// never the best: one that was would never be beaten.
    pub fn better(&mut self, loss: f64, at: u64, step: u64) -> bool {
        if !loss.is_nan() && self.best.is_none_or(|best| loss < best.loss) {
            self.best = Some(Best { loss, at, step });
            self.since = 0;
            return true;
        }
        self.since += 1;
        false
    }

    pub fn exhausted(&self) -> bool {
        self.patience > 0 && self.since >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_after_the_patience_and_never_without_one() {
        let mut stopping = EarlyStopping::new(2);
        assert!(stopping.better(1.0, 1, 10));
        assert!(!stopping.better(1.0, 2, 20));
        assert!(!stopping.exhausted());
        assert!(!stopping.better(1.5, 3, 30));
        assert!(stopping.exhausted());
        assert_eq!(stopping.best, Some(Best { loss: 1.0, at: 1, step: 10 }));
        let mut never = EarlyStopping::new(0);
        never.better(1.0, 1, 1);
        never.better(2.0, 2, 2);
        assert!(!never.exhausted());
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_worse_than_any_number() {
        let mut stopping = EarlyStopping::new(3);
        assert!(!stopping.better(f64::NAN, 1, 10));
        assert_eq!(stopping.best, None);
        assert!(stopping.better(f64::INFINITY, 2, 20));
        assert!(stopping.better(5.0, 3, 30));
        assert!(!stopping.better(f64::NAN, 4, 40));
        assert_eq!(stopping.best, Some(Best { loss: 5.0, at: 3, step: 30 }));
        // It counts as one without a better one, also where there never was any.
        let mut nothing = EarlyStopping::new(2);
        assert!((1..=2).all(|at| !nothing.better(f64::NAN, at, at)));
        assert!(nothing.exhausted());
    }
}
