//! `cargo xtask run`: from a fresh machine with Rust to the open window.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    sync::mpsc,
};

use anyhow::{Context, Result};

use crate::{place, programs, record, shell, system, window};

/// What stands between the command and the window, with what it takes on 2 cores where nothing was
/// built before and nothing is recorded yet.
const STEPS: [(&str, f64); 4] =
    [(window::STEP, 180.0), (programs::HOST, 500.0), (programs::WORKER, 130.0), (programs::WINDOW, 100.0)];

/// What the inference server takes behind them.
const BEHIND: f64 = 240.0;

/// Builds what the first minutes need, opens the window (or prints the address), then builds the
/// inference server; whoever needs that one earlier waits for it.
pub(crate) fn run(project: Option<&str>) -> Result<()> {
    let display = display();
    say_what_comes(display);
    if display {
        system::for_run()?;
    }
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    let pending = programs::servings().into_iter().map(Pending::new).collect::<Result<Vec<_>>>()?;
    programs::worker(false)?;
    if display {
        programs::desktop(false)?;
    }

    let (name, arguments): (&str, Vec<&str>) =
        if display { ("slipway-desktop", project.into_iter().collect()) } else { ("slipway", vec!["serve", "--keep"]) };
    println!("\n── {}", if display { "The window opens" } else { "No display here: open the address in a browser" });
    let program = place::program(&place::programs(false), name);
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::null());
    programs::environment(&mut command, false);
    println!("   The command line: {}", path_line(&place::programs(false)));
    if !display {
        command.stdout(Stdio::piped());
    }
    let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
    // The address stands right below what says where to open it, not between the lines of the next build.
    let answers = child.stdout.take().is_some_and(|output| passed_on(output).recv().is_ok());
    let built = programs::serving();
    drop(pending);
    if let Err(error) = built {
        eprintln!("The inference server was not built, so nothing can be deployed yet: {error:#}");
    }
    // The address stands above all that was built since: once more, with a key of its own, as the last line.
    if answers {
        println!("\n── Ready: open this address in a browser. Ctrl-C here ends the host");
        if let Err(error) = print_address(&program) {
            eprintln!("{error:#}");
        }
    }
    let status = child.wait()?;
    if !display && status.code() == Some(BUSY) {
        // A host of an earlier start has the workspace: its pages are as good.
        return print_address(&program);
    }
    anyhow::ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

/// Prints what a program writes as it comes; the answer hears of its first line, or of the end without one.
fn passed_on(output: ChildStdout) -> mpsc::Receiver<()> {
    let (sender, first) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            // Nobody listens any more once the first line was heard.
            let _ = sender.send(());
        }
    });
    first
}

/// The pages of the host that runs, with a new key.
fn print_address(program: &Path) -> Result<()> {
    let mut open = Command::new(program);
    open.args(["open", "--address"]).current_dir(place::root());
    programs::environment(&mut open, false);
    shell::run(&mut open)
}

/// What `slipway serve` ends with where a host runs already.
const BUSY: i32 = 5;

/// What puts `slipway` on the path of the terminal that it is pasted into.
fn path_line(programs: &Path) -> String {
    if cfg!(windows) {
        format!("$env:PATH = \"{};$env:PATH\"", programs.display())
    } else {
        format!("export PATH=\"{}:$PATH\"", programs.display())
    }
}

fn display() -> bool {
    let named = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(windows) || cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(named)
}

fn say_what_comes(display: bool) {
    let cold = shell::is_cold();
    let steps: Vec<(&str, Option<f64>)> = STEPS
        .iter()
        .filter(|(title, _)| display || *title != programs::WINDOW)
        .map(|(title, guess)| (*title, record::expected(title, cold).or(cold.then_some(*guess))))
        .collect();
    let behind = record::expected(programs::SERVING, cold).or(cold.then_some(BEHIND));
    print!("{}", forecast(&steps, behind, cold, if display { "the window opens" } else { "the address is printed" }));
}

/// What will be done, step by step, and how long it takes where that is known.
fn forecast(steps: &[(&str, Option<f64>)], behind: Option<f64>, cold: bool, end: &str) -> String {
    let mut text = String::from(if cold {
        "Slipway is built for the first time, dependencies included. Later only what changed is built.\n"
    } else {
        "Slipway was built before: only what changed is built.\n"
    });
    for (title, seconds) in steps {
        match seconds {
            Some(seconds) => text += &format!("   {title}: about {}\n", shell::spoken(*seconds)),
            None => text += &format!("   {title}\n"),
        }
    }
    let known: Option<f64> = steps.iter().map(|(_, seconds)| *seconds).sum();
    match known {
        Some(seconds) => text += &format!("   After about {} {end};", shell::spoken(seconds)),
        None => text += &format!("   Then {end};"),
    }
    text += " the inference server, which deploying needs, is built behind it";
    match behind {
        Some(seconds) => text + &format!(": about {} more.\n", shell::spoken(seconds)),
        None => text + ".\n",
    }
}

/// The host waits for an inference server while the file of this name beside it is locked: when this process is
/// killed, nobody waits on.
struct Pending {
    path: PathBuf,
    _held: fs::File,
}

impl Pending {
    fn new(program: PathBuf) -> Result<Self> {
        let mut path: OsString = program.into();
        path.push(".building");
        let path = PathBuf::from(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let held = fs::File::create(&path).with_context(|| format!("write {}", path.display()))?;
        if held.try_lock().is_err() {
            println!("   waits until another `cargo xtask run` has built the inference server");
            held.lock().with_context(|| format!("lock {}", path.display()))?;
        }
        Ok(Self { path, _held: held })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_adds_up_and_says_nothing_that_it_does_not_know() {
        let known = forecast(&[("pages", Some(1.5)), ("host", Some(70.0))], Some(65.0), false, "the window opens");
        assert!(known.contains("After about 1 min 12 s the window opens"), "{known}");
        assert!(known.ends_with("is built behind it: about 1 min 5 s more.\n"), "{known}");
        let unknown = forecast(&[("pages", Some(1.5)), ("host", None)], None, false, "the window opens");
        assert!(unknown.contains("   host\n") && unknown.contains("Then the window opens"), "{unknown}");
    }
}
