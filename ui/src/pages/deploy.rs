//! Deploy: targets as columns, versions as rows; a dialog that says what will be done; a pane with
//! a deployment's instances, rollout, sample call, traffic, logs, and Roll back.

use api::{
    deleted::{DeletedDeployment, ListDeletedDeployments, RestoreDeployment},
    deploy::{Deployment, DeploymentState, ListDeployments, ListTargets, Target},
    id::{DeploymentId, ProjectId, VersionId},
    model::{CHAMPION, ListModels, Model, Version},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use crate::{
    client::{Client, query::query},
    frame::{crumbs::crumbs, place::Place},
    parts::{
        button::{Button, Pending},
        card::Chip,
        choose_run::ChooseRun,
        deleted::{Deleted, DeletedItem},
        dialog::Dialog,
        icon,
        new_registry::NewRegistry,
        new_target::NewTarget,
        pane::Pane,
        removed::RemovedTargets,
        row_keys::move_among_rows,
        states::{Empty, Load},
        take_table::{Form, TakeTable, TextTable},
        toast::{Action, Toasts},
        words,
    },
};

mod acts;
mod cancel;
mod detail;
mod events;
mod form;
mod lately;
mod logs;
mod rollouts;
mod wish;

/// Windows of this width have room for the pane beside the page.
const ROOMY: f64 = 1500.0;

#[component]
pub(crate) fn Deploy() -> impl IntoView {
    crumbs(|| vec![("Deploy".to_owned(), None)]);
    let place = Place::get();
    let asked = use_location().query;
    let navigate = StoredValue::new_local(use_navigate());
    let models = query(move || place.project.get().map(ListModels::of));
    let targets = query(|| Some(ListTargets {}));
    let deployments = query(move || Some(ListDeployments { project: place.project.get() }));
    let show = move |to: String| {
        let replace = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate.with_value(|navigate| navigate(&to, replace));
    };
    let open = RwSignal::new(None::<DeploymentId>);
    let deleting = RwSignal::new(Vec::<DeploymentId>::new());
    let dialog = RwSignal::new(false);
    let [add_target, add_registry] = std::array::from_fn(|_| RwSignal::new(false));
    // The dialog begins with what is known: before that it would offer nothing to choose from.
    let ready = Memo::new(move |_| {
        models.value.with(Option::is_some)
            && targets.value.with(Option::is_some)
            && deployments.value.with(Option::is_some)
            && place.known.value.with(Option::is_some)
    });
    // `?version=ID` opens the dialog for that version, with `deployment=ID` as an update of that one; `?deployment=ID`
    // alone opens the pane.
    let version =
        Memo::new(move |_| asked.with(|asked| asked.get("version").and_then(|id| id.parse::<VersionId>().ok())));
    let named =
        Memo::new(move |_| asked.with(|asked| asked.get("deployment").and_then(|id| id.parse::<DeploymentId>().ok())));
    let updates = Memo::new(move |_| {
        let id = named.get().filter(|_| version.with(Option::is_some))?;
        let of = |one: &Deployment| (one.name.clone(), one.target);
        deployments.value.with(|all| all.iter().flatten().find(|one| one.id == id).map(of))
    });
    Effect::new(move |_| {
        let (ready, named) = (ready.get(), named.get());
        if version.get().is_some() {
            if ready {
                dialog.set(true);
            }
        } else if named.is_some() {
            open.set(named);
        }
    });
    // Another project's deployments are not this page's any more.
    Effect::new(move |before: Option<Option<ProjectId>>| {
        let project = place.project.get();
        if before.is_some_and(|before| before != project) {
            open.set(None);
        }
        project
    });
    // Where there is room for it, the only deployment is shown at once.
    Effect::new(move |done: Option<bool>| {
        let only = deployments.value.with(|all| match all.as_deref() {
            Some([only]) => Some(only.id),
            _ => None,
        });
        let roomy = window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width >= ROOMY);
        if done != Some(true) && roomy && only.is_some() && open.get_untracked().is_none() {
            open.set(only);
        }
        done == Some(true) || deployments.value.with(Option::is_some)
    });
    Effect::new(move |was: Option<bool>| {
        let is = dialog.get();
        if was == Some(true) && !is && version.get_untracked().is_some() {
            show(address(place, open.get_untracked()));
        }
        is
    });
    // The pane stands in the address, so that it can be copied.
    Effect::new(move |before: Option<Option<DeploymentId>>| {
        let is = open.get();
        let is_asked = dialog.get_untracked() || version.get_untracked().is_some();
        if before.is_some_and(|before| before != is) && !is_asked {
            show(address(place, is));
        }
        is
    });
    let acts = acts::Acts::new(place, open);
    let wanted = move || models.value.get().and_then(|models| wanted_of(&models));
    view! {
        <div class="with-pane">
            <div class="body-of-page grow scrolls">
                <div class="head">
                    <div>
                        <h1>"Deploy"</h1>
                        <div class="sub">{move || wanted().map(|_| summary(&targets.value.get().unwrap_or_default(), &deployments.value.get().unwrap_or_default()))}</div>
                    </div>
                    <span class="right flex">
                        <Button label="Cluster…" mark=icon::PLUS on_press=move || add_target.set(true) />
                        {move || wanted().map(|version| view! {
                            <Button label=format!("Deploy v{}", version.number) mark=icon::UPLOAD kind="primary" disabled=Signal::derive(move || !ready.get()) on_press=move || dialog.set(true) />
                        })}
                    </span>
                </div>
                <Load query=models let:models>
                    {move || {
                        let models = models.get();
                        if models.iter().all(|model| model.versions.is_empty()) {
                            return view! {
                                <Empty mark=icon::UPLOAD title="No model to deploy" text="A registered version answers requests, on this machine or on a cluster.">
                                    <ChooseRun />
                                </Empty>
                            }
                            .into_any();
                        }
                        models.into_iter().filter(|model| !model.versions.is_empty()).map(|model| {
                            view! { <Matrix model targets=targets.value deployments=deployments.value acts /> }
                        }).collect_view().into_any()
                    }}
                </Load>
                <lately::Lately deployments=deployments.value open />
                <Gone place deleting />
                <RemovedTargets />
            </div>
            {move || {
                let id = open.get()?;
                let name = deployments.value.with_untracked(|all| all.iter().flatten().find(|one| one.id == id).map(|one| one.name.clone()));
                let on_gone = move || {
                    deleting.try_update(|ids| ids.push(id));
                    open.try_set(None);
                };
                Some(view! {
                    <Pane title=name.unwrap_or_default() on_close=move || open.set(None)>
                        <detail::Detail id place on_gone />
                    </Pane>
                })
            }}
        </div>
        <Dialog open=dialog title="Deploy" wide=true>
            <form::DeployForm open=dialog version updates models=models.value targets=targets.value add_target add_registry on_done=move |id| open.set(Some(id)) />
        </Dialog>
        <Dialog open=add_target title="Add a cluster"><NewTarget open=add_target /></Dialog>
        <Dialog open=add_registry title="Add a registry"><NewRegistry open=add_registry /></Dialog>
    }
}

/// Deployments that were deleted within a day. One that was deleted on this page can be brought back by Undo once it is
/// gone: while it goes, its name and port are its own.
#[component]
fn Gone(place: Place, deleting: RwSignal<Vec<DeploymentId>>) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(move || Some(ListDeletedDeployments { project: place.project.get() }));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(gone).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key, .. }| {
        let Ok(deployment) = key.parse::<DeploymentId>() else { return };
        pending.run(async move { client.call(RestoreDeployment { deployment }).await }, move |job| {
            toasts.note(job.title, None, Some("/jobs".to_owned()));
        });
    };
    Effect::new(move |_| {
        let known = all.value.with(|all| deleting.with(|ids| gone_of(all.as_deref().unwrap_or_default(), ids)));
        for (deployment, name) in known {
            deleting.update(|ids| ids.retain(|id| *id != deployment));
            let undo = Action::new("Undo", icon::UNDO_2, move || deploy_again(client, toasts, deployment));
            toasts.acting(format!("Deleted {name}"), None, undo);
        }
    });
    view! { <Deleted title="Deleted deployments" of=("deleted deployment", "deleted deployments") items busy=pending.busy restore /> }
}

/// Those that were to go and are gone, with their names.
fn gone_of(deleted: &[DeletedDeployment], going: &[DeploymentId]) -> Vec<(DeploymentId, String)> {
    let gone = deleted.iter().filter(|one| going.contains(&one.deployment));
    gone.map(|one| (one.deployment, one.name.clone())).collect()
}

/// The page may be left by then: what follows stands under Jobs.
fn deploy_again(client: Client, toasts: Toasts, deployment: DeploymentId) {
    spawn_local(async move {
        match client.call(RestoreDeployment { deployment }).await {
            Ok(job) => toasts.note(job.title, None, Some("/jobs".to_owned())),
            Err(error) => toasts.error(&error),
        }
    });
}

fn gone(one: &DeletedDeployment) -> DeletedItem {
    let name = format!("{} · {} v{} on {}", one.name, one.model_name, one.version_number, one.target_name);
    DeletedItem { key: one.deployment.to_string(), name, deleted_ms: one.deleted_ms, size_bytes: None }
}

/// This page's address with one deployment's pane, or without.
fn address(place: Place, open: Option<DeploymentId>) -> String {
    let page = open.map_or_else(|| "deploy".to_owned(), |id| format!("deploy?deployment={id}"));
    untrack(|| place.link(&page))
}

/// What is deployed where nothing else is said: the newest champion, else the newest version.
fn wanted_of(models: &[Model]) -> Option<Version> {
    let is_champion = |version: &Version| version.aliases.iter().any(|alias| alias == CHAMPION);
    let versions = models.iter().flat_map(|model| &model.versions);
    versions.max_by_key(|version| (is_champion(version), version.created_ms)).cloned()
}

/// "Average precision 0.5279 on test".
fn figure_of(version: &Version) -> Option<String> {
    let figure = version.primary.as_ref()?;
    Some(format!("{} {} on test", words::metric(&figure.name), words::figure(figure.value)))
}

fn summary(targets: &[Target], deployments: &[Deployment]) -> String {
    let targets = words::counted(targets.len() as u64, "target", "targets");
    format!("{targets}, {}", words::counted(deployments.len() as u64, "deployment", "deployments"))
}

/// One model: its versions down, the targets across.
#[component]
fn Matrix(
    model: Model,
    targets: RwSignal<Option<Vec<Target>>>,
    deployments: RwSignal<Option<Vec<Deployment>>>,
    acts: acts::Acts,
) -> impl IntoView {
    let id = model.id;
    let versions = StoredValue::new(model.versions);
    let taken = move |form: Form| {
        let deployments = deployments.get_untracked().unwrap_or_default();
        let own: Vec<Deployment> = deployments.into_iter().filter(|one| one.model == id).collect();
        let targets = targets.get_untracked().unwrap_or_default();
        versions.with_value(|versions| as_text(versions, &targets, &own, form))
    };
    view! {
        <section class="card section">
            <header>
                <h2>{model.name}</h2>
                <span class="right flex"><TakeTable of=("version", "versions") table=taken /></span>
            </header>
            <div class="scrolls">
                <table class="small-table matrix" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Version"</th>
                            {move || targets.get().unwrap_or_default().into_iter().map(|target| view! { <th>{target.name}</th> }).collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        {move || {
                            let targets = targets.get().unwrap_or_default();
                            let deployments = deployments.get().unwrap_or_default();
                            versions.get_value().into_iter().map(|version| {
                                let cells = targets.iter().map(|target| {
                                    let here: Vec<Deployment> = deployments
                                        .iter()
                                        .filter(|one| one.model == id && one.target == target.id && one.spec.version == version.id)
                                        .cloned()
                                        .collect();
                                    view! { <td>{cell(here, acts)}</td> }
                                }).collect_view();
                                view! { <tr><td>{head(&version)}</td>{cells}</tr> }
                            }).collect_view()
                        }}
                    </tbody>
                </table>
            </div>
        </section>
    }
}

/// A row a version, a column a target.
fn as_text(versions: &[Version], targets: &[Target], deployments: &[Deployment], form: Form) -> TextTable {
    let own = ["Version", "Aliases", "Metric"].map(|title| (title.to_owned(), false));
    let row = |version: &Version| {
        let figure = figure_of(version);
        let own = [
            format!("v{}", version.number),
            form.text(Some(version.aliases.join(", ").as_str()).filter(|aliases| !aliases.is_empty())),
            form.text(figure.as_deref()),
        ];
        let cells = targets.iter().map(|target| {
            let here = deployments.iter().filter(|one| one.target == target.id && one.spec.version == version.id);
            let told = here.map(|one| {
                let ready = one.instances.iter().filter(|instance| instance.ready).count();
                format!("{}: {ready} of {} {}", one.name, one.spec.replicas, state(one.state).0)
            });
            let told = told.collect::<Vec<_>>().join("; ");
            form.text(Some(told.as_str()).filter(|told| !told.is_empty()))
        });
        own.into_iter().chain(cells).collect()
    };
    let targets_head = targets.iter().map(|target| (target.name.clone(), false));
    TextTable { head: own.into_iter().chain(targets_head).collect(), rows: versions.iter().map(row).collect() }
}

fn head(version: &Version) -> impl IntoView + use<> {
    let figure = figure_of(version).map(|figure| format!("{figure} · "));
    view! {
        <div class="flex"><b class="mono">{format!("v{}", version.number)}</b>
            {version.aliases.iter().cloned().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}
        </div>
        <div class="caption faint">{figure}{words::bytes(version.size_bytes)}</div>
    }
}

fn cell(here: Vec<Deployment>, acts: acts::Acts) -> AnyView {
    if here.is_empty() {
        return view! { <span class="faint">"–"</span> }.into_any();
    }
    here.into_iter()
        .map(|one| {
            let id = one.id;
            let ready = one.instances.iter().filter(|instance| instance.ready).count();
            let (text, tone) = state(one.state);
            let reason = one.problem.as_ref().map(ToString::to_string);
            let known = StoredValue::new(one.clone());
            view! {
                <button type="button" class="placed" data-tone=tone title=reason on:click=move |_| acts.show(id)
                    on:contextmenu=move |event| known.with_value(|one| acts.open_at(&event, one))>
                    <i class=format!("dot {tone}")></i>
                    <span class="grow cut">{one.name}</span>
                    <span class="small faint">{format!("{ready} of {}", one.spec.replicas)}</span>
                    <span class=format!("small {tone}")>{text}</span>
                </button>
            }
        })
        .collect_view()
        .into_any()
}

/// A deployment's state in words, and its colour.
fn state(state: DeploymentState) -> (&'static str, &'static str) {
    match state {
        DeploymentState::Rolling => ("rolling", "info"),
        DeploymentState::Ready => ("ready", "good"),
        DeploymentState::Degraded => ("degraded", "warn"),
        DeploymentState::Failed => ("failed", "bad"),
        DeploymentState::Deleting => ("deleting", "warn"),
        DeploymentState::Unknown => ("unknown", "warn"),
    }
}
