//! The trials of a program, each by a `slipway exec` of its own, and what Ctrl-C does to them.

use std::{process::Stdio, time::Duration};

use api::{
    ApiError, ErrorCode, SearchId,
    search::{NextTrial, Search, SearchState, Step, StepSearch, StopSearch},
};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, Command},
};

use crate::{
    context::{Context, Outcome},
    interrupts::Interrupts,
    words,
};

/// Between two steps: so long an ended trial's place stays free.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// What is kept of the last words of a trial that could not be begun.
const LAST_WORDS_BYTES: usize = 2_000;

struct Running {
    number: u64,
    child: Child,
    said: tokio::task::JoinHandle<String>,
}

/// Searches to the end. A first Ctrl-C stops the search, so that it can be resumed.
pub(super) async fn search(context: &Context, search: Search) -> Outcome {
    let mut interrupts = Interrupts::take()?;
    let (id, directory) = (search.id, search.command.map(|command| command.directory).unwrap_or_default());
    let mut running: Vec<Running> = Vec::new();
    let mut ended: Vec<u64> = Vec::new();
    let mut said = String::new();
    loop {
        let under_way = running.iter().map(|one| one.number).collect();
        let step = context.call(StepSearch { search: id, under_way, ended: std::mem::take(&mut ended) }).await?;
        said = tell(context, &step, said);
        if step.search.state != SearchState::Running && running.is_empty() {
            return over(&step.search);
        }
        for next in step.start {
            running.push(begin(context, &step.search, &directory, next)?);
        }
        tokio::select! {
            () = tokio::time::sleep(STEP_EVERY) => {}
            () = interrupts.next() => return stop(context, &search.name, id, running).await,
        }
        let mut left = Vec::with_capacity(running.len());
        for mut one in running {
            match one.child.try_wait() {
                Ok(None) => left.push(one),
                Ok(Some(status)) => {
                    ended.push(one.number);
                    let words = one.said.await.unwrap_or_default();
                    if !status.success() && !words.is_empty() {
                        context.output.say(&format!("trial {}: {}", one.number, words.trim()));
                    }
                }
                Err(error) => return Err(internal(format!("A trial's end can't be awaited: {error}."))),
            }
        }
        running = left;
    }
}

fn begin(context: &Context, search: &Search, directory: &str, next: NextTrial) -> Outcome<Running> {
    let program =
        std::env::current_exe().map_err(|error| internal(format!("Our own program can't be found: {error}.")))?;
    let mut command = Command::new(program);
    command
        .args(["exec", "--name", &format!("{}-{}", search.name, next.number)])
        .args(["--project", &search.project.to_string()])
        .args(["--trial", &format!("{}:{}", search.id, next.number), "--"])
        .args(&next.words)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| internal(format!("Trial {} can't be started: {error}.", next.number)))?;
    context.output.say(&format!("trial {}: {}", next.number, next.words.join(" ")));
    let said = tokio::spawn(last_words(child.stderr.take()));
    Ok(Running { number: next.number, child, said })
}

/// Reads what a trial says to its end; what it logs is in its run, so that only the last of it is kept.
async fn last_words(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let surplus = kept.len().saturating_sub(LAST_WORDS_BYTES);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept);
    // What we say ourselves at a beginning is no reason.
    text.lines()
        .filter(|line| !line.starts_with("slipway: "))
        .rev()
        .take(3)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join("\n")
}

/// Says how far it is, where that changed.
fn tell(context: &Context, step: &Step, said: String) -> String {
    let search = &step.search;
    let best = search
        .best_trial()
        .map_or_else(String::new, |trial| format!(", the best trial {} with {}", trial.number, super::value(trial)));
    let now = format!("{} of {} trials{best}", words::count(search.over()), words::count(search.planned));
    if now != said {
        context.output.say(&now);
    }
    now
}

async fn stop(context: &Context, name: &str, id: SearchId, running: Vec<Running>) -> Outcome {
    context.output.say("stops the search and its trials …");
    let search = context.call(StopSearch { search: id }).await;
    for mut one in running {
        // Ctrl-C reached it as well, or the stop does: it ends its program, and then itself.
        let _ = one.child.wait().await;
    }
    search?;
    // What its trials reached is noted.
    context.call(StepSearch { search: id, under_way: Vec::new(), ended: Vec::new() }).await?;
    Err(ApiError::new(ErrorCode::Cancelled, format!("The search {name} was stopped."))
        .with_hint(format!("`slipway search resume {name}` goes on with it.")))
}

fn over(search: &Search) -> Outcome {
    match (&search.error, search.state) {
        (Some(error), SearchState::Failed) => Err(error.clone()),
        (_, SearchState::Stopped) => {
            Err(ApiError::new(ErrorCode::Cancelled, format!("The search {} was stopped.", search.name))
                .with_hint(format!("`slipway search resume {}` goes on with it.", search.name)))
        }
        _ => Ok(()),
    }
}

fn internal(message: String) -> ApiError {
    ApiError::new(ErrorCode::Internal, message)
}
