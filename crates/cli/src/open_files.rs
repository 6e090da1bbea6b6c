//! How many files a process may have open. A host has one open for each connection and for much of what it reads and
//! watches; systems begin at 1,024 or 256 and let a process raise that by itself.
//!
//! What it begins has what it had itself: a program that takes `select` for its files can't go on beyond 1,024.

/// More than a host needs: some programs look at each number up to theirs.
#[cfg(unix)]
const MOST: u64 = 65_536;
/// What macOS grants at most, whatever it says.
#[cfg(unix)]
const MOST_OF_MACOS: u64 = 10_240;

/// How many this process may have open; none where that has no bound.
#[cfg(unix)]
pub(crate) fn own() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
pub(crate) const fn own() -> Option<u64> {
    None
}

/// Raises how many this process may have open, as far as it may. What it was before, where it is more now.
#[cfg(unix)]
pub(crate) fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    // Without a number it has no bound.
    let own = before.current?;
    let is_raised = [MOST, MOST_OF_MACOS]
        .into_iter()
        .map(|most| before.maximum.map_or(most, |maximum| maximum.min(most)))
        .filter(|most| *most > own)
        .any(|most| setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..before }).is_ok());
    is_raised.then_some(own)
}

/// Where files have no numbers that a process has so many of.
#[cfg(not(unix))]
pub(crate) const fn raise() -> Option<u64> {
    None
}

/// Has this process, and what it begins from now on, so many open at most.
#[cfg(unix)]
pub(crate) fn lower(most: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    if before.current.is_none_or(|own| own > most) {
        // Refused, the program has more than it would: few take that amiss.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..before });
    }
}

#[cfg(not(unix))]
pub(crate) const fn lower(_most: u64) {}
