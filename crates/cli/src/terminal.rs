//! What only a terminal has: a typed line that is not shown.

/// Shows what is typed again once dropped.
pub(crate) struct Hidden {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

/// Stops the terminal from showing what is typed, where it can.
#[cfg(unix)]
pub(crate) fn hide_typing() -> Hidden {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).ok();
    if let Some(mut quiet) = before.clone() {
        quiet.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &quiet);
    }
    Hidden { before }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

// The Windows console shows it: a value that must not be seen is piped in.
#[cfg(not(unix))]
pub(crate) fn hide_typing() -> Hidden {
    Hidden {}
}
