//! `slipway job`: everything that runs or ran.

use api::job::{CancelJob, GetJob, GetJobLog, Job, ListJobs, RetryJob};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome},
    output::{pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Lists jobs: running and queued ones first, then the newest
    List {
        /// Those of every project, not only of this one
        #[arg(long)]
        all: bool,
        /// At most so many jobs
        #[arg(long, default_value_t = 30)]
        limit: u32,
    },
    /// Shows a job
    Show {
        /// A job's id, as `slipway job list` shows it, or `latest`
        job: String,
    },
    /// Waits for a job's end, showing its progress
    Wait {
        /// A job's id, as `slipway job list` shows it, or `latest`
        job: String,
    },
    /// Cancels a job
    Cancel {
        /// A job's id, as `slipway job list` shows it, or `latest`
        job: String,
    },
    /// Does a failed job again
    Retry {
        /// A job's id, as `slipway job list` shows it, or `latest`
        job: String,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Prints a job's log
    Log {
        /// A job's id, as `slipway job list` shows it, or `latest`
        job: String,
    },
}

pub(crate) async fn run(context: &mut Context, command: JobCommand) -> Outcome {
    match command {
        JobCommand::List { all, limit } => {
            let project = if all { None } else { context.project_if_any().await? };
            context.output.show(&context.call(ListJobs { project, limit: Some(limit) }).await?, |list| jobs(list))
        }
        JobCommand::Show { job } => {
            context.output.show(&context.call(GetJob { job: context.job(&job).await? }).await?, shown)
        }
        JobCommand::Wait { job } => {
            context.lasting().await?;
            let job = context.call(GetJob { job: context.job(&job).await? }).await?;
            context.output.show(&context.follow(job).await?, shown)
        }
        JobCommand::Cancel { job } => {
            context.lasting().await?;
            context.output.show(&context.call(CancelJob { job: context.job(&job).await? }).await?, shown)
        }
        JobCommand::Retry { job, detach } => {
            context.lasting().await?;
            let job = context.call(RetryJob { job: context.job(&job).await? }).await?;
            context.output.show(&context.follow_unless(detach, job).await?, shown)
        }
        JobCommand::Log { job } => context
            .output
            .show(&context.call(GetJobLog { job: context.job(&job).await? }).await?, |lines| lines.join("\n")),
    }
}

fn jobs(list: &[Job]) -> String {
    let row = |job: &Job| {
        let done = job.fraction.filter(|_| !job.state.is_over()).map_or_else(String::new, words::percent);
        let message = job.waits_for.clone().unwrap_or_else(|| job.message.clone());
        vec![job.id.short(), job.title.clone(), words::word(&job.state), done, words::time(job.created_ms), message]
    };
    table(&["job", "what", "state", ">done", "entered", ""], list.iter().map(row))
}

fn shown(job: &Job) -> String {
    let took = job.started_ms.zip(job.ended_ms).map(|(start, end)| words::duration((end - start) as f64 / 1000.0));
    pairs(&[
        ("job", Some(format!("{} ({})", job.title, job.id))),
        ("state", Some(words::word(&job.state))),
        ("done", job.fraction.map(words::percent)),
        ("now", Some(job.message.clone()).filter(|message| !message.is_empty())),
        ("waits for", job.waits_for.clone()),
        ("error", job.error.as_ref().map(ToString::to_string)),
        ("entered", Some(words::time(job.created_ms))),
        ("took", took),
    ])
}
