//! `slipway target`: the places that models are deployed to.

use std::path::PathBuf;

use api::{
    deleted::{ListRemovedTargets, RemovedTarget, RestoreTarget},
    deploy::{
        AddTarget, CheckTarget, KubeContext, ListContexts, ListTargets, LookAtTarget, RemoveTarget, Target,
        TargetCheck, TargetKind,
    },
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome, absolute},
    output::table,
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum TargetCommand {
    /// Lists targets and what they can do
    List {
        /// Those that were removed within a day, instead
        #[arg(long)]
        removed: bool,
    },
    /// Lists the contexts of a kubeconfig
    Contexts {
        /// By default KUBECONFIG or ~/.kube/config
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
    },
    /// Adds a Kubernetes cluster
    Add {
        /// What you call it
        name: String,
        /// A context of the kubeconfig: see `slipway target contexts`
        #[arg(long)]
        context: String,
        /// Where the models run
        #[arg(long, default_value = "default")]
        namespace: String,
        /// By default KUBECONFIG or ~/.kube/config
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
        /// New deployments make the namespace if it is missing
        #[arg(long)]
        create_namespace: bool,
    },
    /// Asks a cluster that is no target yet whether it answers, and which namespaces it has
    Look {
        /// A context of the kubeconfig: see `slipway target contexts`
        #[arg(long)]
        context: String,
        /// Where the models would run
        #[arg(long, default_value = "default")]
        namespace: String,
        /// By default KUBECONFIG or ~/.kube/config
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
    },
    /// Forgets a target; for a day `restore` brings it back
    Remove {
        /// The target's name or id
        target: String,
    },
    /// Brings a removed target back
    Restore {
        /// The target's name or id, as `list --removed` has it
        target: String,
    },
    /// Asks a target whether it answers and lets us in
    Check {
        /// The target's name or id
        target: String,
    },
}

pub(crate) async fn run(context: &mut Context, command: TargetCommand) -> Outcome {
    match command {
        TargetCommand::List { removed: true } => {
            context.output.show(&context.call(ListRemovedTargets {}).await?, |list| removed_targets(list))
        }
        TargetCommand::List { removed: false } => {
            context.output.show(&context.call(ListTargets {}).await?, |list| targets(list))
        }
        TargetCommand::Contexts { kubeconfig } => {
            let kubeconfig = kubeconfig.as_deref().map(absolute).transpose()?;
            context.output.show(&context.call(ListContexts { kubeconfig }).await?, |list| contexts(list))
        }
        TargetCommand::Add { name, context: kube, namespace, kubeconfig, create_namespace } => {
            let kubeconfig = kubeconfig.as_deref().map(absolute).transpose()?;
            let kind = TargetKind::Kubernetes { kubeconfig, context: kube, namespace, create_namespace };
            let target = context.call(AddTarget { name, kind }).await?;
            context.output.show(&target, |target| targets(std::slice::from_ref(target)))
        }
        TargetCommand::Remove { target } => {
            let id = context.target_id(&target).await?;
            context.call(RemoveTarget { target: id }).await?;
            let back = words::shell(&target);
            context.output.show(&(), |()| format!("{target} is forgotten.\nBack: slipway target restore {back}"))
        }
        TargetCommand::Restore { target } => {
            let target = context.removed_target(&target).await?;
            let target = context.call(RestoreTarget { target }).await?;
            context.output.show(&target, |target| targets(std::slice::from_ref(target)))
        }
        TargetCommand::Look { context: kube, namespace, kubeconfig } => {
            context.lasting().await?;
            let kubeconfig = kubeconfig.as_deref().map(absolute).transpose()?;
            let kind = TargetKind::Kubernetes { kubeconfig, context: kube, namespace, create_namespace: false };
            checked(context, context.call(LookAtTarget { kind }).await?)
        }
        TargetCommand::Check { target } => {
            context.lasting().await?;
            let target = context.target_id(&target).await?;
            checked(context, context.call(CheckTarget { target }).await?)
        }
    }
}

fn removed_targets(list: &[RemovedTarget]) -> String {
    let row = |removed: &RemovedTarget| {
        let place = match &removed.kind {
            TargetKind::ThisMachine => String::new(),
            TargetKind::Kubernetes { context, namespace, .. } => format!("{context}/{namespace}"),
        };
        vec![removed.name.clone(), place, words::time(removed.removed_ms), removed.target.short()]
    };
    table(&["name", "context", "removed", "id"], list.iter().map(row))
}

fn checked(context: &Context, check: TargetCheck) -> Outcome {
    context.output.show(&check, |check: &TargetCheck| {
        let namespaces = check.namespaces.join(", ");
        if namespaces.is_empty() {
            check.message.clone()
        } else {
            format!("{}\nnamespaces: {namespaces}", check.message)
        }
    })?;
    super::passed(check.ok, &check.message, check.hint)
}

fn targets(list: &[Target]) -> String {
    let row = |target: &Target| {
        let place = match &target.kind {
            TargetKind::ThisMachine => "this machine".to_owned(),
            TargetKind::Kubernetes { context, namespace, .. } => format!("{context}, namespace {namespace}"),
        };
        let can = &target.capability;
        let marks =
            [(can.needs_image, "needs an image"), (can.replicas, "replicas"), (can.diff, "diff"), (can.logs, "logs")];
        let can: Vec<&str> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        vec![target.name.clone(), place, can.join(", "), target.capability.reasons.join(" ")]
    };
    table(&["name", "where", "can", ""], list.iter().map(row))
}

fn contexts(list: &[KubeContext]) -> String {
    let row = |found: &KubeContext| {
        let current = if found.current { "*" } else { "" };
        let namespace = found.namespace.clone().unwrap_or_default();
        vec![
            current.to_owned(),
            found.name.clone(),
            found.cluster.clone(),
            found.server.clone(),
            found.user.clone(),
            namespace,
        ]
    };
    table(&["", "context", "cluster", "server", "user", "namespace"], list.iter().map(row))
}
