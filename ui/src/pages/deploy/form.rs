//! The Deploy dialog: what, where, how; then what will be done, before it is done.

use api::{
    deploy::{
        DeployPlan, DeploySpec, Deployment, ListDeployments, PlanDeploy, ProposeDeploy, Rollout, RolloutEnd,
        StartDeploy, Target, TargetKind,
    },
    id::{DeploymentId, RegistryId, TargetId, VersionId},
    job::{GetJob, JobState, Subject},
    model::{Model, Version},
    package::ListRegistries,
};
use leptos::prelude::*;

use super::{
    cancel::CancelRollout,
    wish::{Mistakes, Wish},
};
use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        card::Progress,
        field::{Labelled, Select, Switch, TextField},
        icon,
        states::Problem,
        toast::Toasts,
        words,
    },
};

#[component]
pub(super) fn DeployForm(
    open: RwSignal<bool>,
    version: Memo<Option<VersionId>>,
    /// The name and target of the deployment that is to be updated, where one is meant.
    updates: Memo<Option<(String, TargetId)>>,
    models: RwSignal<Option<Vec<Model>>>,
    targets: RwSignal<Option<Vec<Target>>>,
    add_target: RwSignal<bool>,
    add_registry: RwSignal<bool>,
    on_done: impl Fn(DeploymentId) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let registries = query(|| Some(ListRegistries {}));
    // What was known when the dialog opened may be older than the version that it is for: the list follows the answer.
    let versions = Memo::new(move |_| {
        models.with(|models| models.iter().flatten().flat_map(|model| model.versions.clone()).collect::<Vec<Version>>())
    });
    let version_options = Signal::derive(move || {
        let label = |version: &Version| {
            let figure = super::figure_of(version).map(|figure| format!(" · {figure}")).unwrap_or_default();
            format!("{} v{}{figure}", version.model_name, version.number)
        };
        versions.with(|all| all.iter().map(|one| (one.id.to_string(), label(one))).collect::<Vec<_>>())
    });
    let model_of =
        move |version: VersionId| versions.with(|all| all.iter().find(|one| one.id == version).map(|one| one.model));
    let wanted = models.with_untracked(|models| super::wanted_of(models.as_deref().unwrap_or_default()));
    let first = version.get_untracked().or(wanted.map(|version| version.id));
    let chosen = RwSignal::new(first.map(|id| id.to_string()).unwrap_or_default());
    let [name, target, registry, repository] = std::array::from_fn(|_| RwSignal::new(String::new()));
    if let Some((of, place)) = updates.get_untracked() {
        name.set(of);
        target.set(place.to_string());
    }
    let wish = Wish::new();
    let creates = RwSignal::new(false);
    let shown_now = StoredValue::new(None::<DeploySpec>);
    let is_of_shown_model = move |version: VersionId| {
        shown_now.with_value(|now| now.as_ref().is_none_or(|now| model_of(now.version) == model_of(version)))
    };
    // As it runs now, or as `slipway.toml` says; another name or target is another deployment. The name and target
    // of another model's deployment say nothing of this one.
    let proposal = query(move || {
        let version = chosen.get().parse::<VersionId>().ok()?;
        let (name, target) = (name.get().trim().to_owned(), target.get().parse::<TargetId>().ok());
        let same = is_of_shown_model(version);
        Some(ProposeDeploy {
            version,
            name: Some(name).filter(|name| same && !name.is_empty()),
            target: target.filter(|_| same),
        })
    });
    Effect::new(move |_| {
        let Some(spec) = proposal.value.get() else { return };
        // What a person typed stays: a field follows the proposal while it shows the one before.
        let before = shown_now.get_value().filter(|_| is_of_shown_model(spec.version));
        let text = |now: RwSignal<String>, of: fn(&DeploySpec) -> String| {
            let (text, shown) = (of(&spec), now.get_untracked());
            if before.as_ref().is_none_or(|before| of(before) == shown) && shown != text {
                now.set(text);
            }
        };
        if before.is_none() {
            text(name, |spec| spec.name.clone());
        }
        text(target, |spec| spec.target.to_string());
        // The first registry stands there by itself, so that it says nothing of what a person chose.
        if let Some(id) = spec.registry
            && before.as_ref().is_none_or(|before| before.registry != spec.registry)
        {
            registry.set(id.to_string());
        }
        text(repository, |spec| spec.repository.clone().unwrap_or_default());
        for (field, of) in wish.fields() {
            text(field, of);
        }
        let (now, proposed) = (creates.get_untracked(), spec.create_namespace);
        if before.as_ref().is_none_or(|before| before.create_namespace == now) && now != proposed {
            creates.set(proposed);
        }
        shown_now.set_value(Some(spec));
    });
    let deployments = query(|| Some(ListDeployments { project: None }));
    let typed_name = move || Some(name.get().trim().to_owned()).filter(|name| !name.is_empty());
    let proposed_name =
        move || proposal.value.with(|spec| spec.as_ref().map(|spec| spec.name.clone())).unwrap_or_default();
    // What has that name there already.
    let named = Memo::new(move |_| {
        let (wanted, target) = (typed_name().unwrap_or_else(proposed_name), target.get());
        deployments.value.with(|all| {
            let same = |one: &&Deployment| one.name == wanted && one.target.to_string() == target;
            all.iter().flatten().find(same).cloned()
        })
    });
    let is_of_another = Memo::new(move |_| {
        let model = chosen.get().parse::<VersionId>().ok().and_then(model_of);
        named.with(|named| named.as_ref().is_some_and(|named| model.is_some_and(|model| named.model != model)))
    });
    let becomes = Signal::derive(move || match (named.get(), typed_name()) {
        (Some(now), _) => update_of(&now.name, &now.model_name, &now.rollouts),
        (None, Some(_)) => "The same name again is an update.".to_owned(),
        (None, None) => format!("Empty takes {}.", proposed_name()),
    });
    let taken = Signal::derive(move || {
        let other = named.get().filter(|_| is_of_another.get())?;
        Some(format!("{} there is a deployment of the model {}. Choose another name.", other.name, other.model_name))
    });
    let the_target = Memo::new(move |_| {
        let wanted = target.get();
        targets.get().unwrap_or_default().into_iter().find(|one| one.id.to_string() == wanted)
    });
    let has_port =
        move || the_target.with(|target| target.as_ref().is_some_and(|one| one.kind == TargetKind::ThisMachine));
    let typed = Memo::new(move |_| wish.read(has_port()));
    let wrong = Memo::new(move |_| typed.with(|typed| typed.as_ref().err().cloned().unwrap_or_default()));
    let error = move |key: &'static str| Signal::derive(move || wrong.with(|wrong: &Mistakes| wrong.get(key).cloned()));
    let plan = RwSignal::new(None::<DeployPlan>);
    let job = RwSignal::new(None::<api::JobId>);
    let is_live = RwSignal::new(false);

    let needs_image = move || the_target.get().is_some_and(|target| target.capability.needs_image);
    let has_replicas = move || the_target.get().is_some_and(|target| target.capability.replicas);
    Effect::new(move |_| {
        let known = registries.value.get().unwrap_or_default();
        if registry.get_untracked().is_empty()
            && let Some(one) = known.first()
        {
            registry.set(one.id.to_string());
        }
    });
    // Another wish makes the plan that is shown untrue.
    Effect::new(move |_| {
        let numbers = [wish.replicas, wish.cpu, wish.memory, wish.share, wish.days, wish.port];
        for field in [chosen, name, target, registry, repository].into_iter().chain(numbers) {
            field.track();
        }
        creates.track();
        plan.set(None);
    });
    let spec = move || {
        let numbers = typed.get_untracked().ok()?;
        let image = untrack(needs_image);
        Some(DeploySpec {
            name: Some(name.get_untracked().trim().to_owned())
                .filter(|name| !name.is_empty())
                .or_else(|| shown_now.with_value(|now| now.as_ref().map(|now| now.name.clone())))?,
            target: target.get_untracked().parse::<TargetId>().ok()?,
            version: chosen.get_untracked().parse::<VersionId>().ok()?,
            replicas: numbers.replicas,
            registry: registry.get_untracked().parse::<RegistryId>().ok().filter(|_| image),
            repository: Some(repository.get_untracked().trim().to_owned()).filter(|text| image && !text.is_empty()),
            cpu_millis: numbers.cpu_millis,
            memory_mb: numbers.memory_mb,
            log_share: numbers.log_share,
            log_days: numbers.log_days,
            create_namespace: creates.get_untracked(),
            port: numbers.port,
            not_logged: Vec::new(),
        })
    };
    let look = move || {
        if let Some(spec) = spec() {
            pending.run(async move { client.call(PlanDeploy { spec }).await }, move |found| plan.set(Some(found)));
        }
    };
    let start = move || {
        if let Some(spec) = spec() {
            pending.run(async move { client.call(StartDeploy { spec }).await }, move |started| {
                is_live.set(true);
                job.set(Some(started.id));
            });
        }
    };
    let blocked = move || plan.with(|plan| plan.as_ref().is_none_or(|plan| plan.blocked.is_some()));
    let target_options = Signal::derive(move || {
        targets
            .get()
            .unwrap_or_default()
            .into_iter()
            .map(|target| {
                let what = match &target.kind {
                    TargetKind::ThisMachine => String::new(),
                    TargetKind::Kubernetes { namespace, .. } => format!(" ({namespace})"),
                };
                (target.id.to_string(), format!("{}{what}", target.name))
            })
            .collect::<Vec<_>>()
    });
    let registry_options = Signal::derive(move || {
        registries
            .value
            .get()
            .unwrap_or_default()
            .into_iter()
            .map(|one| (one.id.to_string(), format!("{} ({})", one.name, one.address)))
            .collect::<Vec<_>>()
    });
    let namespace = Memo::new(move |_| {
        the_target.with(|target| match target.as_ref().map(|target| &target.kind) {
            Some(TargetKind::Kubernetes { namespace, .. }) => Some(namespace.clone()),
            _ => None,
        })
    });
    let folded = Signal::derive(move || {
        let limits = match (needs_image(), has_port()) {
            (true, _) => "Limits, namespace and request log",
            (false, true) => "Port and request log",
            (false, false) => "Request log",
        };
        match typed.get() {
            Ok(numbers) if numbers.log_share > 0.0 => {
                let (share, days) = (wish.share.get(), words::counted(u64::from(numbers.log_days), "day", "days"));
                format!("{limits} ({} % of requests, {days})", share.trim().trim_end_matches('%').trim_end())
            }
            Ok(_) => format!("{limits} (nothing is logged)"),
            // What is mistyped must not hide in the folded part.
            Err(wrong) if wrong.keys().any(|key| *key != "replicas") && proposal.value.with(Option::is_some) => {
                format!("{limits}: something in it is mistyped")
            }
            Err(_) => limits.to_owned(),
        }
    });
    let privacy = Signal::derive(move || {
        let hidden = proposal.value.with(|spec| spec.as_ref().map(|spec| spec.not_logged.join(", ")));
        match hidden {
            Some(names) if names.is_empty() => "No column of this version is marked sensitive.".to_owned(),
            Some(names) => format!("Never logged: {names}."),
            None => String::new(),
        }
    });
    view! {
        <div class="content form">
            <div class="two-fields">
                <Labelled label="Version"><Select value=chosen options=version_options name="Version" /></Labelled>
                <div class="with-button">
                    <Labelled label="Target"><Select value=target options=target_options name="Target" /></Labelled>
                    <Button label="Cluster…" mark=icon::PLUS on_press=move || add_target.set(true) />
                </div>
            </div>
            <div class="two-fields">
                <Labelled label="Name" hint=becomes error=taken><TextField value=name class="mono" /></Labelled>
                {move || has_replicas().then(|| view! { <Labelled label="Replicas" error=error("replicas")><TextField value=wish.replicas class="mono" /></Labelled> })}
            </div>
            {move || needs_image().then(|| view! {
                <div class="two-fields">
                    <div class="with-button">
                        <Labelled label="Registry"><Select value=registry options=registry_options name="Registry" /></Labelled>
                        <Button label="Registry…" mark=icon::PLUS tip="The cluster pulls the image from there" on_press=move || add_registry.set(true) />
                    </div>
                    <Labelled label="Repository"><TextField value=repository class="mono" placeholder="the model's name" /></Labelled>
                </div>
            })}
            <details class="folded">
                <summary>{move || folded.get()}</summary>
                <div class="form">
                    {move || needs_image().then(|| view! {
                        <div class="two-fields">
                            <Labelled label="Processor, thousandths of a core" error=error("cpu")><TextField value=wish.cpu class="mono" placeholder="chosen by default" /></Labelled>
                            <Labelled label="Memory, MB" error=error("memory")><TextField value=wish.memory class="mono" placeholder="chosen by default" /></Labelled>
                        </div>
                    })}
                    {move || has_port().then(|| view! {
                        <Labelled label="Port on this machine" hint="Empty: any that is free; an update keeps the one that it has" error=error("port")><TextField value=wish.port class="mono" placeholder="any" /></Labelled>
                    })}
                    {move || namespace.get().map(|namespace| view! { <Switch value=creates label=format!("Make the namespace {namespace} if it is missing") /> })}
                    <div class="two-fields">
                        <Labelled label="Requests logged for drift, %" hint=privacy error=error("share")><TextField value=wish.share class="mono" /></Labelled>
                        <Labelled label="Days kept" hint="With 0, what no window has taken by the next look is gone." error=error("days")><TextField value=wish.days class="mono" /></Labelled>
                    </div>
                </div>
            </details>
            {move || plan.get().map(shown)}
            {move || job.get().map(|job| {
                let on_done = on_done.clone();
                view! { <Underway job open is_live on_done /> }
            })}
        </div>
        <footer>
            <span class="grow caption faint">{move || match (is_live.get(), plan.with(Option::is_none)) {
                (true, _) => "Closed or not, the rollout goes on.",
                (false, true) => "Nothing happens before you have seen what will be done.",
                (false, false) => "",
            }}</span>
            <Button label=Signal::derive(move || if job.with(Option::is_some) { "Close" } else { "Cancel" }.to_owned()) on_press=move || open.set(false) />
            {move || if plan.with(Option::is_none) {
                view! { <Button label="See what will be done" kind="primary" disabled=Signal::derive(move || pending.busy.get() || is_live.get() || is_of_another.get() || !wrong.with(Mistakes::is_empty)) on_press=look /> }.into_any()
            } else {
                view! { <Button label="Deploy" mark=icon::UPLOAD kind="primary" disabled=Signal::derive(move || pending.busy.get() || blocked() || is_live.get()) on_press=start /> }.into_any()
            }}
        </footer>
    }
}

/// What deploying under a name that is taken comes to; the newest rollout stands first.
fn update_of(name: &str, model: &str, rollouts: &[Rollout]) -> String {
    let is_applied =
        |rollout: &&Rollout| matches!(rollout.outcome, Some(RolloutEnd::Done | RolloutEnd::CancelledApplied));
    let runs = rollouts.iter().find(is_applied).map(|rollout| rollout.version_number);
    let comes = rollouts.first().filter(|newest| newest.ended_ms.is_none()).map(|newest| newest.version_number);
    match (runs, comes) {
        (Some(runs), None) => format!("An update of {name}: {model} v{runs} runs there."),
        (Some(runs), Some(comes)) => {
            format!("{name}: {model} v{runs} runs there, and a rollout to v{comes} is under way.")
        }
        (None, Some(comes)) => format!("{name}: its first rollout, of {model} v{comes}, is under way."),
        (None, None) => format!("An update of {name}, which has not run yet."),
    }
}

fn shown(plan: DeployPlan) -> impl IntoView {
    view! {
        <section class="plan">
            <h3>"What will be done"</h3>
            <ol class="steps">{plan.steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}</ol>
            {plan.diff.into_iter().filter(|object| object.action != "unchanged").map(|object| view! {
                <details class="diff">
                    <summary><span class="faint">{match object.action.as_str() { "create" => "New: ", "delete" => "Goes: ", _ => "Changes to " }}</span><span class="mono">{object.object}</span></summary>
                    <pre>{object.lines.into_iter().map(|line| {
                        let tone = match line.sign { '+' => "good", '-' => "bad", _ => "faint" };
                        view! { <span class=tone>{format!("{} {}\n", line.sign, line.text)}</span> }
                    }).collect_view()}</pre>
                </details>
            }).collect_view()}
            {plan.warnings.into_iter().map(|warning| view! { <p class="warn small">{warning}</p> }).collect_view()}
            {plan.blocked.map(|error| view! { <Problem error /> })}
        </section>
    }
}

/// The job under way; its end closes the dialog, its failure stays, and lets the form be used again.
#[component]
fn Underway(
    job: api::JobId,
    open: RwSignal<bool>,
    is_live: RwSignal<bool>,
    on_done: impl Fn(DeploymentId) + Clone + 'static,
) -> impl IntoView {
    let now = query(move || Some(GetJob { job }));
    let toasts = Toasts::get();
    let client = Client::get();
    Effect::new(move |over: Option<bool>| {
        let Some(job) = now.value.get() else { return false };
        if over != Some(true) && job.state.is_over() {
            is_live.set(false);
        }
        if over != Some(true) && job.state == JobState::Done {
            toasts.done(job.message.clone());
            open.set(false);
            if let Subject::Deployment(id) = job.subject {
                on_done(id);
            }
        }
        job.state.is_over()
    });
    let live = RwSignal::new((None::<f64>, String::new(), None::<f64>));
    client.on_event(move |event| {
        if let api::event::Event::Progress { job: other, fraction, message, seconds_left, .. } = event
            && *other == job
        {
            live.set((*fraction, message.clone(), *seconds_left));
        }
    });
    // The pane of a deployment that is new needs the list.
    let _ = query(|| Some(ListDeployments { project: None }));
    let ended = Memo::new(move |_| now.value.get().filter(|job| job.state.is_over()));
    view! {
        <section class="plan">
            {move || ended.get().and_then(|job| job.error).map(|error| view! { <Problem error /> })}
            {move || ended.get().filter(|job| job.state == JobState::Cancelled).map(|job| view! { <p class="small">{job.message}</p> })}
            <Show when=move || ended.with(Option::is_none)>
                <div class="flex small">
                    <span class="grow">{move || Some(live.get().1).filter(|said| !said.is_empty()).or_else(|| now.value.get().map(|job| job.message))}</span>
                    <span class="faint">{move || live.get().2.map(|left| format!("{} left", words::duration(left)))}</span>
                </div>
                <Progress fraction=Signal::derive(move || live.get().0) label="Deployment" />
                <CancelRollout job />
            </Show>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use api::id::RolloutId;

    use super::*;

    fn rollout(version_number: u32, outcome: Option<RolloutEnd>) -> Rollout {
        Rollout {
            id: RolloutId::from_bytes([0; 16]),
            version: VersionId::from_bytes([0; 16]),
            version_number,
            kind: "update".to_owned(),
            outcome,
            steps: Vec::new(),
            started_ms: 0,
            ended_ms: outcome.map(|_| 1),
        }
    }

    #[test]
    fn what_runs_under_a_name_is_what_was_rolled_out_last() {
        let said = |rollouts: &[Rollout]| update_of("fraud", "card", rollouts);
        let (done, failed) = (Some(RolloutEnd::Done), Some(RolloutEnd::Failed));
        assert_eq!(said(&[rollout(1, None)]), "fraud: its first rollout, of card v1, is under way.");
        assert_eq!(said(&[rollout(1, failed)]), "An update of fraud, which has not run yet.");
        assert_eq!(said(&[rollout(2, failed), rollout(1, done)]), "An update of fraud: card v1 runs there.");
        let under_way = "fraud: card v1 runs there, and a rollout to v2 is under way.";
        assert_eq!(said(&[rollout(2, None), rollout(1, done)]), under_way);
    }
}
