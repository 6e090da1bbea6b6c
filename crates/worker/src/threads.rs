//! The thread count of the plan, for everyone who computes.

/// Fixes the number of threads for this process. Called first in `main`, before any other thread is
/// there: Candle splits its products by the environment variable alone, and a sum that is split
/// differently may round differently.
#[expect(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "the environment is the only way to tell Candle the number of threads"
)]
pub(crate) fn fix(count: usize) {
    let count = count.max(1);
    // SAFETY: this process has one thread at this point (`main` calls it before anything else), so
    // nobody reads the environment meanwhile.
    unsafe {
        std::env::set_var("RAYON_NUM_THREADS", count.to_string());
        std::env::set_var("CANDLE_NUM_THREADS", count.to_string());
    }
    // It fails only where a pool is there already; nothing has made one yet, and if so it has the
    // number from the environment.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(count).build_global();
}
