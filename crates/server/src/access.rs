//! Who may ask: the host's own token, sessions of browsers, and the one-time keys that make them.
//!
//! No cookies and no token in any address: a page's address ends in `#KEY`, which never leaves the
//! browser as part of a request; the page trades it once for a session token.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use subtle::ConstantTimeEq as _;

use crate::refused::Refused;

/// Beyond these the oldest are forgotten, so that nothing grows without end.
const MOST_KEYS: usize = 64;
const MOST_SESSIONS: usize = 256;

/// The secrets of one host's lifetime.
#[derive(Debug)]
pub struct Access {
    host_token: String,
    keys: Mutex<VecDeque<String>>,
    sessions: Mutex<VecDeque<String>>,
    pub(crate) refused: Refused,
}

impl Access {
    /// New secrets; fails where the system has no randomness.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            host_token: secret()?,
            keys: Mutex::default(),
            sessions: Mutex::default(),
            refused: Refused::default(),
        })
    }

    /// The bearer token of this user's own processes.
    pub fn host_token(&self) -> &str {
        &self.host_token
    }

    /// Makes a key that is good once.
    pub fn make_key(&self) -> std::io::Result<String> {
        let key = secret()?;
        remember(&self.keys, key.clone(), MOST_KEYS);
        Ok(key)
    }

    /// Trades a key for a session token; `None` where it was used before or never made.
    pub fn trade(&self, key: &str) -> std::io::Result<Option<String>> {
        let mut keys = locked(&self.keys);
        let Some(at) = position(&keys, key) else { return Ok(None) };
        let token = secret()?;
        keys.remove(at);
        remember(&self.sessions, token.clone(), MOST_SESSIONS);
        Ok(Some(token))
    }

    /// Whether a bearer token opens the API.
    pub fn admits(&self, token: &str) -> bool {
        same(&self.host_token, token) || position(&locked(&self.sessions), token).is_some()
    }
}

fn secret() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}

fn remember(list: &Mutex<VecDeque<String>>, secret: String, most: usize) {
    let mut list = locked(list);
    list.push_back(secret);
    while list.len() > most {
        list.pop_front();
    }
}

fn position(list: &VecDeque<String>, wanted: &str) -> Option<usize> {
    // Every entry is compared, so that the time says nothing about where it stands.
    list.iter().enumerate().fold(None, |found, (at, secret)| if same(secret, wanted) { Some(at) } else { found })
}

fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_once() {
        let access = Access::new().unwrap();
        let key = access.make_key().unwrap();
        assert!(!access.admits(&key), "a key is no token");
        let token = access.trade(&key).unwrap().unwrap();
        assert!(access.admits(&token));
        assert_eq!(access.trade(&key).unwrap(), None);
        assert_eq!(access.trade("").unwrap(), None);
    }

    #[test]
    fn keys_do_not_grow_without_end() {
        let access = Access::new().unwrap();
        let first = access.make_key().unwrap();
        for _ in 0..MOST_KEYS {
            access.make_key().unwrap();
        }
        assert_eq!(access.trade(&first).unwrap(), None);
    }
}
