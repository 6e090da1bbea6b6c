//! Random numbers of a run. Each purpose has a stream of its own, so that drawing more for one
//! (a new layer, an augmentation) never moves another; the place in a stream is a part of the
//! checkpoint.

use rand::{Rng, RngCore, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What numbers are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Initialization,
    /// The order of rows in one epoch.
    Shuffling {
        epoch: u64,
    },
    /// Dropout and augmentation.
    Noise,
    /// Samples of rows that go into the bundle.
    Sampling,
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Self::Initialization => 1,
            Self::Noise => 2,
            Self::Sampling => 3,
            Self::Shuffling { epoch } => 1000 + epoch,
        }
    }
}

/// One stream of a run's numbers.
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

/// Where a stream stands, for a checkpoint. Text, because JSON has no 128-bit numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RandomState {
    seed: u64,
    stream: u64,
    position: String,
}

impl Random {
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self::at(seed, purpose.stream())
    }

    fn at(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// The state that [`Random::resume`] goes on from; `seed` is the run's.
    pub fn state(&self, seed: u64) -> RandomState {
        RandomState { seed, stream: self.0.get_stream(), position: self.0.get_word_pos().to_string() }
    }

    /// `None` for a state that no generator was ever in.
    pub fn resume(state: &RandomState) -> Option<Self> {
        let mut random = Self::at(state.seed, state.stream);
        random.0.set_word_pos(state.position.parse().ok()?);
        Some(random)
    }

    /// 0 to `count - 1` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut self.0);
        order
    }

    /// `wanted` of 0 to `count - 1`, ascending; all of them where there are no more.
    pub fn sample(&mut self, count: usize, wanted: usize) -> Vec<usize> {
        let mut chosen = self.permutation(count);
        chosen.truncate(wanted);
        chosen.sort_unstable();
        chosen
    }

    /// Uniform in `-bound..bound`.
    pub fn uniform(&mut self, count: usize, bound: f32) -> Vec<f32> {
        (0..count).map(|_| self.0.random_range(-1.0f32..1.0) * bound).collect()
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_stream_goes_on_with_the_same_numbers() {
        let mut random = Random::new(7, Purpose::Noise);
        random.uniform(13, 1.0);
        let state = random.state(7);
        let text = serde_json::to_string(&state).unwrap();
        let mut again = Random::resume(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(random.uniform(50, 1.0), again.uniform(50, 1.0));
    }

    #[test]
    fn purposes_draw_different_numbers() {
        let first = Random::new(7, Purpose::Shuffling { epoch: 0 }).permutation(50);
        assert_ne!(first, Random::new(7, Purpose::Shuffling { epoch: 1 }).permutation(50));
        assert_ne!(first, Random::new(8, Purpose::Shuffling { epoch: 0 }).permutation(50));
    }
}
