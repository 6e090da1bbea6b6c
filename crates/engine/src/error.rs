//! Which error to use where, and how it becomes what a caller is told.
//!
//! Handlers return `anyhow::Result`; where the code matters to a caller, or the sentence should be
//! told as it is, they return an [`ApiError`] inside of it (`bail!(ApiError::not_found(…))`).
//! Context says what was being attempted, in words that follow "can't": `.context("read the plan")`.
//! [`told`] maps once, at the edge.

use std::io;

use api::{ApiError, ErrorCode};
use foreign::ForeignError;
use store::StoreError;

/// The system's numbers of what a process, or all of them, has open too much of; [`io::ErrorKind`] has no stable word for it.
#[cfg(unix)]
const OUT_OF_FILES: [i32; 2] = [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];
#[cfg(not(unix))]
const OUT_OF_FILES: [i32; 1] = [4];
const NO_RIGHT: &str = "Give your user the right to it, or choose another place.";

/// What the caller is told of a failure.
pub fn told(error: &anyhow::Error) -> ApiError {
    let links: Vec<&(dyn std::error::Error + 'static)> = error.chain().collect();
    // The innermost link that we know; what stands before it says what was being attempted.
    let known = links.iter().enumerate().find_map(|(index, link)| known(*link).map(|api| (index, api)));
    // `anyhow` finds what was given as context or root by downcasting, which the chain can't.
    let known = known.or_else(|| error.downcast_ref::<ApiError>().map(|api| (0, api.clone())));
    match known {
        Some((0, api)) => api,
        // What a person stopped did not fail.
        Some((_, api)) if api.code == ErrorCode::Cancelled => api,
        Some((index, mut api)) => {
            let attempts: Vec<String> = links[..index].iter().map(ToString::to_string).collect();
            api.message = format!("Can't {}: {}", attempts.join(": "), api.message);
            api
        }
        None if links.len() == 1 => ApiError::new(ErrorCode::Internal, sentence(&links[0].to_string())),
        None => {
            let all: Vec<String> = links.iter().map(ToString::to_string).collect();
            ApiError::new(ErrorCode::Internal, format!("Can't {}.", all.join(": ").trim_end_matches('.')))
        }
    }
}

/// The same of a file or port that a caller of the engine needs: `attempt` in words that follow "can't".
pub fn told_of(attempt: &'static str, error: io::Error) -> ApiError {
    told(&anyhow::Error::new(error).context(attempt))
}

fn known(link: &(dyn std::error::Error + 'static)) -> Option<ApiError> {
    if let Some(api) = link.downcast_ref::<ApiError>() {
        return Some(api.clone());
    }
    if let Some(port) = link.downcast_ref::<crate::ports::PortError>() {
        return Some(port.error.clone());
    }
    if let Some(store) = link.downcast_ref::<StoreError>() {
        return Some(of_store(store));
    }
    // These say themselves what was being attempted.
    if let Some(foreign @ (ForeignError::File { source, .. } | ForeignError::Unwritable { source, .. })) =
        link.downcast_ref::<ForeignError>()
    {
        let said = foreign.to_string();
        let plain = || ApiError::new(ErrorCode::Internal, sentence(&said));
        return Some(of_io(source, said.clone()).unwrap_or_else(plain));
    }
    if let Some(io) = link.downcast_ref::<io::Error>() {
        return of_io(io, io.to_string());
    }
    // Both keep the disk's error to themselves.
    if let Some(csv::ErrorKind::Io(io)) = link.downcast_ref::<csv::Error>().map(csv::Error::kind) {
        return of_io(io, io.to_string());
    }
    let json = link.downcast_ref::<serde_json::Error>()?;
    of_kind(json.io_error_kind()?, json.to_string())
}

fn of_io(error: &io::Error, said: String) -> Option<ApiError> {
    let out_of_files = error.raw_os_error().is_some_and(|number| OUT_OF_FILES.contains(&number));
    let busy = |said: &str| {
        ApiError::new(ErrorCode::Busy, sentence(said))
            .with_hint("Try again: the host has as many files open as it may.")
    };
    if out_of_files { Some(busy(&said)) } else { of_kind(error.kind(), said) }
}

fn of_kind(kind: io::ErrorKind, said: String) -> Option<ApiError> {
    let invalid = |hint: &str| Some(ApiError::invalid(sentence(&said)).with_hint(hint));
    match kind {
        io::ErrorKind::StorageFull => Some(no_space(said)),
        io::ErrorKind::PermissionDenied => invalid(NO_RIGHT),
        io::ErrorKind::ReadOnlyFilesystem => invalid("That disk can't be written to: choose another place."),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => invalid("Choose another place."),
        io::ErrorKind::NotFound => Some(ApiError::not_found(sentence(&said))),
        _ => None,
    }
}

fn of_store(error: &StoreError) -> ApiError {
    match error {
        StoreError::Refused(api) => api.clone(),
        full if full.is_full() => no_space(full.to_string()),
        StoreError::Stopped => ApiError::new(ErrorCode::Cancelled, "It was cancelled."),
        StoreError::Newer { .. } => ApiError::new(ErrorCode::WrongProtocol, sentence(&error.to_string())),
        StoreError::Lost { copies, .. } => {
            let back = match copies.as_slice() {
                [] => "Put the database back from a backup".to_owned(),
                copies => {
                    let copies: Vec<String> = copies.iter().map(|copy| copy.display().to_string()).collect();
                    format!("Put the database back from a copy ({})", copies.join(", "))
                }
            };
            ApiError::new(ErrorCode::Conflict, sentence(&error.to_string())).with_hint(format!(
                "{back}. To begin anew, move the folders blobs and runs out of the workspace, or set SLIPWAY_HOME to another folder."
            ))
        }
        StoreError::MissingBlob(_) | StoreError::Damaged { .. } => {
            ApiError::new(ErrorCode::Internal, sentence(&error.to_string()))
                .with_hint(
                    "The workspace's disk lost it. Take the snapshot again with the file as it was, or register the model again from its run: that puts it anew.",
                )
        }
        StoreError::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            ApiError::invalid(sentence(&error.to_string())).with_hint(NO_RIGHT)
        }
        damaged if damaged.is_damaged() => {
            ApiError::new(ErrorCode::Internal, format!("The workspace's slipway.db is damaged: {damaged}.")).with_hint(
                "Put it back from a backup, or set SLIPWAY_HOME to another folder; `sqlite3 slipway.db .recover` saves what can be read.",
            )
        }
        locked if locked.is_locked() => {
            ApiError::new(ErrorCode::Busy, "Another program keeps the workspace's slipway.db locked.")
                .with_hint("Close what has it open, such as a browser of databases or a backup, and try again.")
        }
        unwritable if unwritable.is_read_only() => {
            ApiError::new(ErrorCode::Internal, "The workspace's slipway.db can't be written to.")
                .with_hint("Give your user the right to write to it and to its folder, then start the host again.")
        }
        other => ApiError::new(ErrorCode::Internal, sentence(&other.to_string())),
    }
}

fn no_space(reason: String) -> ApiError {
    ApiError::new(ErrorCode::NoSpace, format!("The disk is full: {}", sentence(&reason)))
        .with_hint("Free some space, or collect what nothing uses under Settings, Storage (`slipway storage collect`).")
}

/// Whether it failed because this process has closed the workspace.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|link| matches!(link.downcast_ref::<StoreError>(), Some(StoreError::Closed)))
}

/// Whether it failed because there is no room left.
pub(crate) fn is_full(error: &anyhow::Error) -> bool {
    told(error).code == ErrorCode::NoSpace
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let text = format!("{first}{}", characters.as_str());
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// The error for a record that is not there.
pub fn missing(what: &str, id: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(ApiError::not_found(format!("There is no {what} {id} in this workspace.")))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn context_says_what_was_attempted_and_the_code_stays() {
        let error =
            Err::<(), _>(ApiError::new(ErrorCode::InUse, "It is deployed.").with_hint("Delete the deployment."))
                .context("delete fraud v7")
                .unwrap_err();
        let told = told(&error);
        assert_eq!(told.code, ErrorCode::InUse);
        assert_eq!(told.message, "Can't delete fraud v7: It is deployed.");
        assert_eq!(told.hint.as_deref(), Some("Delete the deployment."));
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = anyhow::Error::new(full).context("write the plan");
        assert_eq!(told(&error).code, ErrorCode::NoSpace);
        // Also where a writer of rows met it.
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        for error in [anyhow::Error::new(csv::Error::from(full())), anyhow::Error::new(serde_json::Error::io(full()))] {
            let told = told(&error.context("write o.csv"));
            assert_eq!(told.code, ErrorCode::NoSpace);
            assert!(told.message.starts_with("Can't write o.csv: The disk is full"), "{told}");
        }
        let unwritable = ForeignError::Unwritable { path: "/srv/out/metrics".into(), source: full() };
        let of_foreign = super::told(&unwritable.into());
        assert!(of_foreign.message.starts_with("The disk is full: /srv/out/metrics can't be written"), "{of_foreign}");
        let told = told_of("write host.json", full());
        assert!(told.message.starts_with("Can't write host.json: The disk is full"), "{told}");
        assert!(told.code == ErrorCode::NoSpace && told.hint.is_some(), "{told}");
    }

    #[test]
    fn a_host_with_too_many_files_open_is_busy() {
        for number in OUT_OF_FILES {
            let error = std::io::Error::from_raw_os_error(number);
            let told = told(&anyhow::Error::new(error).context("begin the artifact"));
            assert!(told.code == ErrorCode::Busy && told.message.starts_with("Can't begin the artifact: "), "{told:?}");
        }
    }

    #[test]
    fn a_place_that_can_not_be_written_to_has_a_way_out() {
        use std::io::ErrorKind::{AlreadyExists, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        for kind in [PermissionDenied, ReadOnlyFilesystem, AlreadyExists, NotADirectory] {
            let told = told(&anyhow::Error::new(std::io::Error::from(kind)).context("make the folder /x"));
            assert!(told.code == ErrorCode::Invalid && told.hint.is_some(), "{told:?}");
        }
    }

    #[test]
    fn a_database_that_can_not_be_written_to_now_is_told_with_the_way_out() {
        for (code, expected) in [
            (rusqlite::ffi::SQLITE_BUSY, ErrorCode::Busy),
            (rusqlite::ffi::SQLITE_LOCKED, ErrorCode::Busy),
            (rusqlite::ffi::SQLITE_READONLY, ErrorCode::Internal),
        ] {
            let failure = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let told = told(&StoreError::from(failure).into());
            assert_eq!(told.code, expected, "{told}");
            assert!(told.message.contains("slipway.db") && told.hint.is_some(), "{told}");
        }
    }

    #[test]
    fn a_plain_error_is_a_sentence() {
        assert_eq!(told(&anyhow::anyhow!("it broke")).message, "It broke.");
    }
}
