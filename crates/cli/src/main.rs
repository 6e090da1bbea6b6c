//! `slipway`: every screen's action, scriptable, and the host.
//!
//! A command is a thin layer over one call of the API: it finds records by name, asks, and prints.
//! What a command does to records is the engine's.

mod arguments;
mod commands;
mod context;
mod exec;
mod follow;
mod interrupts;
mod measuring;
mod names;
mod open_files;
mod output;
mod own_log;
mod picture;
mod places;
mod plot;
mod serve;
mod session;
mod terminal;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

/// A profile of a wide table allocates a little for every column, on many threads: the C library's allocator keeps what
/// such work leaves, for good.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives back to the system what nobody has used for a second: the allocator does so while it works, and so keeps what the
/// last work before a rest left. SQLite takes its memory from the C library, which keeps what was freed in the middle of it.
#[expect(unsafe_code, reason = "the allocators' own functions, which may be called at any time")]
fn give_back_memory() {
    unsafe { libmimalloc_sys::mi_collect(false) };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn main() -> ExitCode {
    // One TLS provider for the whole process, before anything connects.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && arguments::asks_for_json(std::env::args_os()) => {
            let error = arguments::wrong(&error);
            output::print_error(&error, true);
            return ExitCode::from(output::exit_code(error.code));
        }
        // Help, the version, or what is wrong for a person to read.
        Err(said) => said.exit(),
    };
    let json = arguments.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system gave no threads: {error}.");
            return ExitCode::FAILURE;
        }
    };
    // On a thread of the runtime: the command's future is large, and the main thread's stack small on Windows.
    let outcome = runtime.block_on(async { tokio::spawn(arguments::run(arguments)).await });
    // A blocking read that never ends must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(error)) => {
            output::print_error(&error, json);
            ExitCode::from(output::exit_code(error.code))
        }
        Err(_) => ExitCode::FAILURE,
    }
}
