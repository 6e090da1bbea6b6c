//! `slipway deploy`: plan, roll out, call, scale, roll back, delete.

use std::{path::PathBuf, time::Duration};

use api::{
    ApiError, RolloutId,
    deleted::{DeletedDeployment, ListDeletedDeployments, RestoreDeployment},
    deploy::{
        CallAnswer, CallDeployment, DeleteDeployment, DeployPlan, DeploySpec, Deployment, DeploymentEvent,
        DeploymentState, FollowDeploymentLogs, GetDeployment, GetDeploymentEvents, GetDeploymentLogs, Instance,
        ListDeployments, PlanDeploy, ProposeDeploy, ProposeTraffic, RollBack, Rollout, RolloutEnd, ScaleDeployment,
        SendTraffic, StartDeploy, TrafficProposal,
    },
    job::Job,
    model::GetVersion,
};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{
    context::{Context, Outcome, absolute},
    names,
    output::{self, pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// Says what deploying would do, without doing it
    Plan(Spec),
    /// Packages and pushes where needed, applies, waits; the same name again is an update
    Start {
        #[command(flatten)]
        spec: Spec,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Lists deployments
    List {
        /// Those of every project, not only of this one
        #[arg(long)]
        all: bool,
        /// Those that were deleted within a day, instead
        #[arg(long)]
        deleted: bool,
        /// Print CSV
        #[arg(long, conflicts_with = "deleted")]
        csv: bool,
    },
    /// Shows a deployment: instances, address, rollouts
    Show {
        /// The deployment's name or id
        name: String,
    },
    /// Sends a sample call, which monitoring does not count
    Call {
        /// The deployment's name or id
        name: String,
        /// A row as a JSON object; by default the model's first example
        #[arg(long)]
        row: Vec<String>,
    },
    /// Sends rows of a table in the project's folder, spread over it, as ordinary, counted requests
    Traffic {
        /// The deployment's name or id
        name: String,
        /// A table in the project's folder; by default the one last sent, else the only one that lies beside the data
        path: Option<PathBuf>,
        /// By default so many that an alert can be raised, where windows are counted in rows, else 1000
        #[arg(long)]
        rows: Option<u64>,
        /// Rows to leave out of the order in which they are sent; by default it goes on where the last send of this file ended
        #[arg(long)]
        offset: Option<u64>,
        /// Rows in one request
        #[arg(long)]
        batch: Option<u32>,
        /// Starts it and returns
        #[arg(long)]
        detach: bool,
    },
    /// Changes how many instances run
    Scale {
        /// The deployment's name or id
        name: String,
        /// How many, from now on
        replicas: u32,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Goes back to the version before this one
    Rollback {
        /// The deployment's name or id
        name: String,
        /// A rollout's id, from `slipway deploy show`
        #[arg(long)]
        to: Option<String>,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Deletes a deployment, and for good what was watched of it; for a day `restore` deploys it again
    Delete {
        /// The deployment's name or id
        name: String,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Deploys a deleted deployment again, as it was
    Restore {
        /// The deployment's name or id, as `list --deleted` has it
        name: String,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Prints what the instances wrote
    Logs {
        /// The deployment's name or id
        name: String,
        /// Only this instance, as `slipway deploy show` names it
        #[arg(long)]
        instance: Option<String>,
        /// At most so many lines, the newest
        #[arg(long, default_value_t = 200)]
        lines: u32,
        /// Go on until interrupted
        #[arg(long, short)]
        follow: bool,
    },
    /// Lists what the target says happened to a deployment, newest first
    Events {
        /// The deployment's name or id
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Spec {
    /// NAME, NAME@ALIAS, NAME:NUMBER or an id
    version: String,
    /// A target's name, or `local` for this machine; by default where the deployment of that name runs, else this
    /// machine
    #[arg(long)]
    target: Option<String>,
    /// Lower-case letters, digits and dashes; by default the model's name
    #[arg(long)]
    name: Option<String>,
    /// How many instances. What an update doesn't name stays as it is
    #[arg(long)]
    replicas: Option<u32>,
    /// Where the image is pushed to, for targets that need one
    #[arg(long)]
    registry: Option<String>,
    /// The image's repository there; by default the model's name
    #[arg(long)]
    repository: Option<String>,
    /// Limit of the processor, in thousandths of a core
    #[arg(long)]
    cpu_millis: Option<u32>,
    /// Limit of the memory, in MB
    #[arg(long)]
    memory_mb: Option<u32>,
    /// Share of requests logged for drift, 0 to 1; by default the project's
    #[arg(long, value_parser = share)]
    log_share: Option<f64>,
    /// For how many days requests stay logged; with 0, what no window has taken by the next look is gone
    #[arg(long)]
    log_days: Option<u32>,
    /// Make the cluster's namespace if it is missing
    #[arg(long)]
    create_namespace: bool,
    /// A fixed port on this machine
    #[arg(long)]
    port: Option<u16>,
}

impl Spec {
    async fn resolve(self, context: &Context) -> Outcome<DeploySpec> {
        let version = context.version(&self.version).await?;
        let target = match &self.target {
            Some(named) => Some(context.target_id(named).await?),
            None => None,
        };
        let now = context.call(ProposeDeploy { version, name: self.name, target }).await?;
        let registry = match &self.registry {
            Some(named) => Some(context.registry(named).await?),
            None => now.registry,
        };
        Ok(DeploySpec {
            replicas: self.replicas.unwrap_or(now.replicas),
            registry,
            repository: self.repository.or(now.repository),
            cpu_millis: self.cpu_millis.or(now.cpu_millis),
            memory_mb: self.memory_mb.or(now.memory_mb),
            log_share: self.log_share.unwrap_or(now.log_share),
            log_days: self.log_days.unwrap_or(now.log_days),
            create_namespace: self.create_namespace || now.create_namespace,
            port: self.port.or(now.port),
            ..now
        })
    }
}

pub(crate) async fn run(context: &mut Context, command: DeployCommand) -> Outcome {
    match command {
        DeployCommand::Plan(spec) => {
            context.lasting().await?;
            let spec = spec.resolve(context).await?;
            let plan = context.call(PlanDeploy { spec }).await?;
            context.output.show(&plan, planned)?;
            plan.blocked.map_or(Ok(()), Err)
        }
        DeployCommand::Start { spec, detach } => {
            // A process on this machine needs somebody who keeps it running.
            context.lasting().await?;
            let spec = spec.resolve(context).await?;
            let name = spec.name.clone();
            let job = context.call(StartDeploy { spec }).await?;
            finish(context, detach, job, &name).await
        }
        DeployCommand::List { all, deleted: true, .. } => {
            let project = if all { None } else { context.project_if_any().await? };
            context.output.show(&context.call(ListDeletedDeployments { project }).await?, |list| gone(list))
        }
        DeployCommand::List { all, deleted: false, csv } => {
            let project = if all { None } else { context.project_if_any().await? };
            let list = context.call(ListDeployments { project }).await?;
            if csv {
                let head = ["name", "model", "target", "state", "ready", "instances", "watched", "address", "id"];
                return output::pass_csv(&head, list.iter().map(line));
            }
            context.output.show(&list, |list| deployments(list))
        }
        DeployCommand::Show { name } => {
            let deployment = context.deployment(&name).await?.id;
            context.output.show(&context.call(GetDeployment { deployment }).await?, shown)
        }
        DeployCommand::Call { name, row } => {
            context.lasting().await?;
            call(context, &name, &row).await
        }
        DeployCommand::Traffic { name, path, rows, offset, batch, detach } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?.id;
            let proposed = context.call(ProposeTraffic { deployment }).await?;
            let rows = rows.unwrap_or(proposed.rows);
            let path = match path {
                Some(path) => absolute(&path)?,
                None => {
                    let path = meant(proposed)?;
                    context.output.say(&format!("Sends rows of {path}."));
                    path
                }
            };
            let request = SendTraffic { deployment, path, rows, offset, batch };
            let job = context.call(request).await?;
            let job = context.follow_unless(detach, job).await?;
            context.output.show(&job, |job| job.message.clone())
        }
        DeployCommand::Scale { name, replicas, detach } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?.id;
            let job = context.call(ScaleDeployment { deployment, replicas }).await?;
            finish(context, detach, job, &name).await
        }
        DeployCommand::Rollback { name, to, detach } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?;
            let to = to.as_deref().map(|named| rollout(&deployment, named)).transpose()?;
            let job = context.call(RollBack { deployment: deployment.id, to }).await?;
            finish(context, detach, job, &name).await
        }
        DeployCommand::Delete { name, detach } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?.id;
            let job = context.call(DeleteDeployment { deployment }).await?;
            let job = context.follow_unless(detach, job).await?;
            let back = words::shell(&name);
            context.output.show(&job, |job| format!("{}\nBack: slipway deploy restore {back}", job.message))
        }
        DeployCommand::Restore { name, detach } => {
            context.lasting().await?;
            let deleted = context.deleted_deployment(&name).await?;
            let job = context.call(RestoreDeployment { deployment: deleted.deployment }).await?;
            finish(context, detach, job, &deleted.name).await
        }
        DeployCommand::Logs { name, instance, lines, follow } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?.id;
            if follow {
                return follow_logs(context, deployment, instance, lines).await;
            }
            let logs = context.call(GetDeploymentLogs { deployment, instance, lines: Some(lines) }).await?;
            context.output.show(&logs, |lines| lines.join("\n"))
        }
        DeployCommand::Events { name } => {
            context.lasting().await?;
            let deployment = context.deployment(&name).await?.id;
            context.output.show(&context.call(GetDeploymentEvents { deployment }).await?, |list| happened(list))
        }
    }
}

/// The file to send where none is named.
fn meant(proposed: TrafficProposal) -> Outcome<String> {
    const NAMED: usize = 5;
    const HINT: &str = "Name one in the project's folder: `slipway deploy traffic NAME PATH`.";
    if let Some(chosen) = proposed.chosen {
        return Ok(chosen);
    }
    let count = proposed.files.len();
    if count == 0 {
        let hint = match proposed.data.last() {
            Some(own) => {
                format!(
                    "The data themselves are sent where they are named: `slipway deploy traffic NAME {}`.",
                    words::shell(own)
                )
            }
            None => HINT.to_owned(),
        };
        return Err(ApiError::invalid("No table lies beside the project's data.").with_hint(hint));
    }
    let mut names: Vec<String> = proposed.files.into_iter().take(NAMED).map(|file| file.path).collect();
    if count > NAMED {
        names.push(format!("{} more", count - NAMED));
    }
    Err(ApiError::invalid(format!("Any of {count} tables may be meant: {}.", names.join(", "))).with_hint(HINT))
}

/// How often a growing log is read.
const LOG_TICK: Duration = Duration::from_secs(1);

/// Prints lines as they come, until somebody interrupts or nobody reads them any more.
async fn follow_logs(
    context: &Context,
    deployment: api::DeploymentId,
    instance: Option<String>,
    lines: u32,
) -> Outcome {
    let mut after = None;
    loop {
        let asked = FollowDeploymentLogs { deployment, instance: instance.clone(), lines: Some(lines), after };
        let came = context.call(asked).await?;
        if came.lines.is_empty() {
            tokio::time::sleep(LOG_TICK).await;
        } else if context.output.json {
            context.output.show(&came.lines, |lines| lines.join("\n"))?;
        } else if !output::pass(&(came.lines.join("\n") + "\n"))? {
            return Ok(());
        }
        // More may be there than one answer holds: it is asked at once where something came.
        after = Some(came.end);
    }
}

fn rollout(deployment: &Deployment, named: &str) -> Outcome<RolloutId> {
    let ids = deployment.rollouts.iter().map(|rollout| rollout.id);
    let fits: Vec<RolloutId> = ids.filter(|id| names::is_meant(*id, named)).collect();
    let list = format!("slipway deploy show {}", deployment.name);
    if fits.is_empty() {
        return Err(ApiError::not_found(format!("{} has no rollout {named}.", deployment.name))
            .with_hint(format!("See `{list}`.")));
    }
    names::only(fits, "rollout", named, &list, RolloutId::to_string)
}

fn gone(list: &[DeletedDeployment]) -> String {
    let row = |one: &DeletedDeployment| {
        let version = format!("{} v{}", one.model_name, one.version_number);
        let (target, deleted) = (one.target_name.clone(), words::time(one.deleted_ms));
        vec![one.name.clone(), version, target, deleted, one.deployment.short()]
    };
    table(&["name", "version", "target", "deleted", "id"], list.iter().map(row))
}

async fn finish(context: &Context, detach: bool, job: Job, name: &str) -> Outcome {
    let job = context.follow_unless(detach, job).await?;
    if detach {
        return context.output.show(&job, |_| String::new());
    }
    context.output.show(&context.deployment(name).await?, shown)
}

async fn call(context: &Context, name: &str, rows: &[String]) -> Outcome {
    let deployment = context.deployment(name).await?;
    let rows: Vec<Value> = if rows.is_empty() {
        let examples = context.call(GetVersion { version: deployment.spec.version }).await?.examples;
        examples.into_iter().take(1).collect()
    } else {
        rows.iter().map(|row| super::model::parse_row(row)).collect::<Outcome<_>>()?
    };
    let answer = context.call(CallDeployment { deployment: deployment.id, rows }).await?;
    context.output.show(&answer, answered)?;
    let said = answer.error.clone().unwrap_or_else(|| format!("status {}", answer.status));
    // The deployment answered: what it was asked is wrong.
    if (400..500).contains(&answer.status) {
        return Err(ApiError::invalid(format!("{name} answered: {said}")));
    }
    super::passed(answer.status == 200, &format!("{name} answered: {said}"), None)
}

fn answered(answer: &CallAnswer) -> String {
    let took = format!("{:.1} ms through {}", answer.latency_ms, answer.through);
    if answer.rows.is_empty() { took } else { format!("{}\n\n{took}", super::model::rows(&answer.rows)) }
}

fn planned(plan: &DeployPlan) -> String {
    let mut lines: Vec<String> =
        plan.steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
    for object in &plan.diff {
        lines.push(format!("\n{} ({})", object.object, object.action));
        lines.extend(object.lines.iter().map(|line| format!("{} {}", line.sign, line.text)));
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

fn happened(list: &[DeploymentEvent]) -> String {
    let row = |event: &DeploymentEvent| {
        let kind = if event.warning { "warning" } else { "" };
        vec![
            words::time(event.at_ms),
            kind.to_owned(),
            event.object.clone(),
            event.reason.clone(),
            event.count.to_string(),
            event.message.clone(),
        ]
    };
    table(&["time", "", "object", "reason", ">times", "message"], list.iter().map(row))
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// A row of the list for programs.
fn line(found: &Deployment) -> Vec<String> {
    let ready = found.instances.iter().filter(|instance| instance.ready).count();
    vec![
        found.name.clone(),
        format!("{}:{}", found.model_name, found.version_number),
        found.target_name.clone(),
        words::word(&found.state),
        ready.to_string(),
        found.instances.len().to_string(),
        if found.monitored { "yes" } else { "no" }.to_owned(),
        found.address.clone().unwrap_or_default(),
        found.id.to_string(),
    ]
}

fn deployments(list: &[Deployment]) -> String {
    let row = |found: &Deployment| {
        let ready = found.instances.iter().filter(|instance| instance.ready).count();
        vec![
            found.name.clone(),
            format!("{}:{}", found.model_name, found.version_number),
            found.target_name.clone(),
            words::word(&found.state),
            format!("{ready}/{}", found.instances.len()),
            if found.monitored { "watched".to_owned() } else { String::new() },
            found.address.clone().unwrap_or_default(),
        ]
    };
    table(&["name", "model", "target", "state", ">ready", "", "address"], list.iter().map(row))
}

fn shown(deployment: &Deployment) -> String {
    let problem = deployment.problem.as_ref().filter(|_| deployment.state != DeploymentState::Ready);
    let head = pairs(&[
        ("deployment", Some(deployment.name.clone())),
        ("model", Some(format!("{}:{}", deployment.model_name, deployment.version_number))),
        ("target", Some(deployment.target_name.clone())),
        ("state", Some(words::word(&deployment.state))),
        ("problem", problem.map(ToString::to_string)),
        ("address", deployment.address.clone()),
        ("watched", Some(if deployment.monitored { "yes" } else { "no" }.to_owned())),
    ]);
    let instance = |found: &Instance| {
        let version = words::or_dash(found.version_number, |number| format!("v{number}"));
        let reason = found.reason.clone().unwrap_or_default();
        vec![found.name.clone(), version, found.state.clone(), found.restarts.to_string(), reason]
    };
    let rollout = |found: &Rollout| {
        let outcome = found.outcome.map_or("under way", RolloutEnd::word);
        let last = found.steps.last().map(|step| format!("{}: {}", step.title, step.detail)).unwrap_or_default();
        let version = format!("v{}", found.version_number);
        vec![found.id.short(), found.kind.clone(), version, outcome.to_owned(), words::time(found.started_ms), last]
    };
    format!(
        "{head}\n\n{}\n\n{}",
        table(&["instance", "version", "state", ">restarts", ""], deployment.instances.iter().map(instance)),
        table(
            &["rollout", "what", "version", "outcome", "started", "last step"],
            deployment.rollouts.iter().map(rollout)
        )
    )
}

#[cfg(test)]
mod tests {
    use api::deploy::TrafficFile;

    use super::*;

    #[test]
    fn of_several_tables_one_must_be_named() {
        let proposal = |names: &[&str], chosen: Option<&str>| TrafficProposal {
            files: names.iter().map(|name| TrafficFile { path: (*name).to_owned(), next_row: 0 }).collect(),
            chosen: chosen.map(str::to_owned),
            data: vec!["rows.csv".to_owned(), "added.csv".to_owned()],
            rows: 1000,
            windows: 0,
        };
        assert_eq!(meant(proposal(&["b.csv", "a.csv"], Some("b.csv"))).unwrap(), "b.csv");
        let said = |names: &[&str]| meant(proposal(names, None)).unwrap_err().message;
        assert_eq!(said(&["a.csv", "b.csv"]), "Any of 2 tables may be meant: a.csv, b.csv.");
        assert!(said(&["1", "2", "3", "4", "5", "6", "7"]).ends_with("5, 2 more."));
        assert_eq!(said(&[]), "No table lies beside the project's data.");
        let hint = meant(proposal(&[], None)).unwrap_err().hint.unwrap();
        assert!(hint.contains("`slipway deploy traffic NAME added.csv`"), "what was added last is named: {hint}");
    }
}
