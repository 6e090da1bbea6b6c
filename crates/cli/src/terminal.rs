//! What only a terminal has: a width, and a typed line that is not shown.

/// Characters of a line where no terminal says how many it shows.
const PIPED: usize = 120;

/// How many characters stand in a line of the answer: what COLUMNS says, else the terminal.
pub(crate) fn columns() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    #[cfg(windows)]
    let said = said.or_else(console_columns);
    said.or_else(shown_columns).filter(|columns| *columns > 0).unwrap_or(PIPED)
}

/// How many characters and lines the terminal shows now, which may have been resized since COLUMNS was said; lines where
/// it tells them.
pub(crate) fn size() -> (usize, Option<usize>) {
    let (width, height) = shown_size().unwrap_or_default();
    (if width > 0 { width } else { columns() }, Some(height).filter(|height| *height > 0))
}

fn shown_columns() -> Option<usize> {
    shown_size().map(|(columns, _)| columns)
}

#[cfg(unix)]
fn shown_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some((usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(not(unix))]
fn shown_size() -> Option<(usize, usize)> {
    None
}

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

#[cfg(windows)]
fn console_columns() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

/// Whether what is written may have colours. A Windows console takes them once it is told to, an old one never.
#[cfg(windows)]
pub(crate) fn takes_colours() -> bool {
    [console::Term::stdout(), console::Term::stderr()].iter().any(|term| term.features().colors_supported())
}

#[cfg(not(windows))]
pub(crate) const fn takes_colours() -> bool {
    true
}

// The Windows console shows it: a value that must not be seen is piped in.
#[cfg(not(unix))]
pub(crate) fn hide_typing() -> Hidden {
    Hidden {}
}
