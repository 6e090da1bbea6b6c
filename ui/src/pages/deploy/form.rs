//! The Deploy dialog: what, where, how; then what will be done, before it is done.

use std::collections::BTreeMap;

use api::{
    deploy::{DeployPlan, DeploySpec, ListDeployments, PlanDeploy, ProposeDeploy, StartDeploy, Target, TargetKind},
    id::{DeploymentId, ModelId, RegistryId, TargetId, VersionId},
    job::{GetJob, JobState, Subject},
    model::{Model, Version},
    package::ListRegistries,
};
use leptos::prelude::*;

use super::wish::{Mistakes, Wish};
use crate::{
    client::{Client, query::query},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        card::Progress,
        field::{Labelled, Select, TextField},
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
    place: Place,
    models: RwSignal<Option<Vec<Model>>>,
    targets: RwSignal<Option<Vec<Target>>>,
    add_target: RwSignal<bool>,
    add_registry: RwSignal<bool>,
    on_done: impl Fn(DeploymentId) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let registries = query(|| Some(ListRegistries {}));
    let file = place.known.value.get_untracked().map(|project| project.file).unwrap_or_default();
    let versions: Vec<Version> =
        models.get_untracked().unwrap_or_default().into_iter().flat_map(|model| model.versions).collect();
    let first = version.get_untracked().or(versions.first().map(|version| version.id));
    let version_options: Vec<(String, String)> = versions
        .iter()
        .map(|version| (version.id.to_string(), format!("{} v{}", version.model_name, version.number)))
        .collect();
    let models_of: BTreeMap<VersionId, ModelId> = versions.iter().map(|version| (version.id, version.model)).collect();
    let models_of = StoredValue::new(models_of);
    let model_of = move |version: VersionId| models_of.with_value(|models| models.get(&version).copied());
    let chosen = RwSignal::new(first.map(|id| id.to_string()).unwrap_or_default());
    let [name, target, registry, repository] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let wish = Wish::new();
    let shown_now = StoredValue::new(None::<DeploySpec>);
    let is_of_shown_model = move |version: VersionId| {
        shown_now.with_value(|now| now.as_ref().is_some_and(|now| model_of(now.version) == model_of(version)))
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
        shown_now.set_value(Some(spec));
    });
    let deployments = query(|| Some(ListDeployments { project: None }));
    let becomes = Signal::derive(move || {
        let proposed = proposal.value.with(|spec| spec.as_ref().map(|spec| spec.name.clone())).unwrap_or_default();
        let typed = Some(name.get().trim().to_owned()).filter(|name| !name.is_empty());
        let (wanted, target) = (typed.clone().unwrap_or_else(|| proposed.clone()), target.get());
        let now = deployments.value.get().unwrap_or_default();
        let now = now.into_iter().find(|one| one.name == wanted && one.target.to_string() == target);
        match (now, typed) {
            (Some(now), _) => format!("An update of {wanted}: {} v{} runs there.", now.model_name, now.version_number),
            (None, Some(_)) => "The same name again is an update.".to_owned(),
            (None, None) => format!("Empty takes {proposed}."),
        }
    });
    let typed = Memo::new(move |_| wish.read());
    let wrong = Memo::new(move |_| typed.with(|typed| typed.as_ref().err().cloned().unwrap_or_default()));
    let error = move |key: &'static str| Signal::derive(move || wrong.with(|wrong: &Mistakes| wrong.get(key).cloned()));
    let plan = RwSignal::new(None::<DeployPlan>);
    let job = RwSignal::new(None::<api::JobId>);

    let the_target = Memo::new(move |_| {
        let wanted = target.get();
        targets.get().unwrap_or_default().into_iter().find(|one| one.id.to_string() == wanted)
    });
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
        let numbers = [wish.replicas, wish.cpu, wish.memory, wish.share, wish.days];
        for field in [chosen, name, target, registry, repository].into_iter().chain(numbers) {
            field.track();
        }
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
            create_namespace: true,
            port: shown_now.with_value(|now| now.as_ref().and_then(|now| now.port)),
        })
    };
    let look = move || {
        if let Some(spec) = spec() {
            pending.run(async move { client.call(PlanDeploy { spec }).await }, move |found| plan.set(Some(found)));
        }
    };
    let start = move || {
        if let Some(spec) = spec() {
            pending
                .run(async move { client.call(StartDeploy { spec }).await }, move |started| job.set(Some(started.id)));
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
    let hidden = file.data.sensitive.clone();
    let privacy = if hidden.is_empty() {
        "No column is marked sensitive.".to_owned()
    } else {
        format!("Never logged: {}.", hidden.join(", "))
    };
    view! {
        <div class="content form">
            <div class="two-fields">
                <Labelled label="Version"><Select value=chosen options=Signal::stored(version_options) name="Version" /></Labelled>
                <div class="with-button">
                    <Labelled label="Target"><Select value=target options=target_options name="Target" /></Labelled>
                    <Button label="Cluster…" mark=icon::PLUS on_press=move || add_target.set(true) />
                </div>
            </div>
            <div class="two-fields">
                <Labelled label="Name" hint=becomes><TextField value=name class="mono" /></Labelled>
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
                <div class="two-fields">
                    <Labelled label="Processor, thousandths of a core" error=error("cpu")><TextField value=wish.cpu class="mono" placeholder="chosen by default" /></Labelled>
                    <Labelled label="Memory, MB" error=error("memory")><TextField value=wish.memory class="mono" placeholder="chosen by default" /></Labelled>
                </div>
            })}
            <div class="two-fields">
                <Labelled label="Requests logged for drift, %" hint=privacy error=error("share")><TextField value=wish.share class="mono" /></Labelled>
                <Labelled label="Days kept" error=error("days")><TextField value=wish.days class="mono" /></Labelled>
            </div>
            {move || plan.get().map(shown)}
            {move || job.get().map(|job| {
                let on_done = on_done.clone();
                view! { <Underway job open on_done /> }
            })}
        </div>
        <footer>
            <span class="grow caption faint">{move || if plan.with(Option::is_none) { "Nothing happens before you have seen what will be done." } else { "" }}</span>
            <Button label="Cancel" on_press=move || open.set(false) />
            {move || if plan.with(Option::is_none) {
                view! { <Button label="See what will be done" kind="primary" disabled=Signal::derive(move || pending.busy.get() || job.get().is_some() || !wrong.with(Mistakes::is_empty)) on_press=look /> }.into_any()
            } else {
                view! { <Button label="Deploy" mark=icon::UPLOAD kind="primary" disabled=Signal::derive(move || pending.busy.get() || blocked() || job.get().is_some()) on_press=start /> }.into_any()
            }}
        </footer>
    }
}

fn shown(plan: DeployPlan) -> impl IntoView {
    view! {
        <section class="plan">
            <h3>"What will be done"</h3>
            <ol class="steps">{plan.steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}</ol>
            {plan.diff.into_iter().filter(|object| object.action != "unchanged").map(|object| view! {
                <details class="diff">
                    <summary><span class="mono">{object.object}</span>" "<span class="faint">{object.action}</span></summary>
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

/// The job under way; its end closes the dialog, its failure stays.
#[component]
fn Underway(job: api::JobId, open: RwSignal<bool>, on_done: impl Fn(DeploymentId) + Clone + 'static) -> impl IntoView {
    let now = query(move || Some(GetJob { job }));
    let toasts = Toasts::get();
    let client = Client::get();
    Effect::new(move |over: Option<bool>| {
        let Some(job) = now.value.get() else { return false };
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
    view! {
        <section class="plan">
            {move || now.value.get().and_then(|job| job.error).map(|error| view! { <Problem error /> })}
            <div class="flex small">
                <span class="grow">{move || Some(live.get().1).filter(|said| !said.is_empty()).or_else(|| now.value.get().map(|job| job.message))}</span>
                <span class="faint">{move || live.get().2.map(|left| format!("{} left", words::duration(left)))}</span>
            </div>
            <Progress fraction=Signal::derive(move || live.get().0) label="Deployment" />
        </section>
    }
}
