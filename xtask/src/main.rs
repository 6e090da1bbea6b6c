//! Set-up, build, run, test and gates: what the README's two commands call.
//!
//! `cargo xtask run` and `cargo xtask test` need Rust and nothing else: each sets up what it uses.
//! xtask knows every room, and no room knows xtask.

use anyhow::{Result, bail};

mod bench;
mod dist;
mod full;
mod gates;
mod kubernetes;
mod menus;
mod pictures;
mod place;
mod platforms;
mod programs;
mod python;
mod record;
mod run;
mod shell;
mod skipped;
mod system;
mod test;
mod tidy;
mod unison;
mod wasm;
mod window;

const HELP: &str = "\
cargo xtask COMMAND

  run [PATH]        set up, build, and open the window (without a display: the address is printed)
  test              set up the rest, build, and pass every test
                      --cluster   with the real Kubernetes journey (root; changes this machine while it runs)
                      --torch     with PyTorch's flavour of MLflow's client (5 GB of Python packages, once)
                      --only NAME only packages or steps whose name contains NAME
  ci                test, then the gates: what .ci/run calls
  gates             fmt, clippy, tidy, docs, deny
  tidy              fail on a dependency between rooms that ARCHITECTURE.md does not allow
  ui [--out DIR] [--release]   build the pages
  build [--release] build every program and the pages
  setup [--test]    install what run (or test) needs
  pictures          take the guide's pictures anew
  kubernetes        build the control plane that the journey uses
  bench fraud       average precision beside XGBoost's, in the same run
  bench import      other tools' logs beside their bars: events by the megabyte, runs by the thousand
  bench kills [--times N] [--seed S]   kills host, worker, command and window at random moments
  bench table       the frames of the run table over 100,000 runs, in Chromium
  bench track       our server beside MLflow's, by its own client, in the same run
  bench release [start] [memory] [pages] [image]   the bars of the release build
  platforms         type-check the whole workspace for Windows and macOS
  dist              a .deb and an .rpm
  full              all of it: tests, gates, 200 kills, the benches of fraud, tracking and the release build, dist,
                    platforms; one table at the end
";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let flag = |name: &str| rest.iter().any(|argument| argument == name);
    let value = |name: &str| rest.iter().position(|argument| argument == name).and_then(|at| rest.get(at + 1)).cloned();
    match command.as_str() {
        "run" => run::run(rest.first().map(String::as_str)),
        "test" => test::test(&test::Options {
            cluster: flag("--cluster") || test::on_ci(),
            torch: flag("--torch"),
            only: value("--only"),
        }),
        "ci" => {
            test::test(&test::Options { cluster: true, torch: false, only: None })?;
            gates::all()
        }
        "gates" => gates::all(),
        "tidy" => tidy::check(),
        "ui" => {
            let out = value("--out").map_or_else(window::default_out, Into::into);
            window::build(&out, flag("--release"))
        }
        "build" => {
            system::for_run()?;
            programs::all(flag("--release"))
        }
        "setup" => {
            system::for_run()?;
            wasm::toolchain()?;
            if flag("--test") { system::for_test() } else { Ok(()) }
        }
        "pictures" => pictures::pictures(),
        "kubernetes" => kubernetes::binaries().map(|folder| println!("{}", folder.display())),
        "bench" => bench::bench(rest.first().map_or("", String::as_str), rest.get(1..).unwrap_or_default()),
        "platforms" => platforms::check(),
        "dist" => dist::dist(),
        "full" => full::full(),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("\"{other}\" is not a command of xtask.\n\n{HELP}"),
    }
}
