//! Short names of content that must not be shown itself.

use sha2::{Digest as _, Sha256};

/// Eight hex digits: enough to see that something changed.
pub(crate) fn short(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
