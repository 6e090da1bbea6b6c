//! A version as an image: built without Docker, pushed to registries, or written to a file.

use api::{
    event::Event,
    id::{JobId, PackageId, RegistryId, VersionId},
    job::{GetJob, Job, JobState},
    model::Version,
    package::{BuildPackage, ExportPackage, Layer, ListPackages, ListRegistries, Package, Push, PushPackage},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    client::{Client, query::query, shell},
    frame::place::Place,
    parts::{
        button::{Button, CopyButton, Pending},
        card::{Card, Chip, Progress},
        dialog::{Dialog, focus_open},
        field::{Labelled, Select, Switch, TextField},
        icon,
        states::{Empty, Load, Problem},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        under_way::{Started, Starting},
        when::Ago,
        words,
    },
};

#[component]
pub(super) fn Packages(id: VersionId, version: Memo<Version>, push: RwSignal<bool>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let packages = query(move || Some(ListPackages { version: Some(id) }));
    let job = RwSignal::new(None::<JobId>);
    let build = move || {
        pending.run(async move { client.call(BuildPackage { version: id }).await }, move |started| {
            job.set(Some(started.id))
        })
    };
    view! {
        <div class="stack section">
            {move || job.get().map(|job| view! { <Underway job /> })}
            <Load query=packages lines=3 let:packages>
                {move || match packages.get() {
                    none if none.is_empty() => view! {
                        <Empty mark=icon::PACKAGE title="Not packaged yet" text="A package is a small image of the model and its server, for any registry and cluster. It is made here, without Docker.">
                            <Button label="Build package" mark=icon::PACKAGE kind="primary" disabled=pending.busy on_press=build />
                            <Button label="Push…" mark=icon::SEND on_press=move || push.set(true) />
                        </Empty>
                    }.into_any(),
                    some => some.into_iter().map(|package| view! { <One package version push /> }).collect_view().into_any(),
                }}
            </Load>
        </div>
    }
}

#[component]
fn One(package: Package, version: Memo<Version>, push: RwSignal<bool>) -> impl IntoView {
    let export = RwSignal::new(false);
    let id = package.id;
    let toasts = Toasts::get();
    let exporting = Starting::new(move |job| toasts.done(format!("Written: {}", job.message)));
    let digest = package.digest.clone();
    let pushes = package.pushes.clone();
    let (has_pushes, pushed) = (!pushes.is_empty(), StoredValue::new(package.pushes.clone()));
    let layers = StoredValue::new(package.layers.clone());
    let save = move || {
        if shell::is_there() {
            save_with_dialog(exporting, id, file_name(&version.get_untracked()));
        } else {
            export.set(true);
        }
    };
    view! {
        <Card title="Package" extra=ViewFn::from(move || view! {
            <Button label="Export…" kind="s" mark=icon::DOWNLOAD disabled=exporting.busy on_press=save />
            <Button label="Push…" kind="s" mark=icon::SEND on_press=move || push.set(true) />
        })>
            <Started starting=exporting />
            <dl class="pairs">
                <dt>"Digest"</dt><dd class="flex"><span class="mono cut" title=digest.clone()>{digest.clone()}</span><CopyButton text=digest label="Copy the digest" /></dd>
                <dt>"Size"</dt><dd class="mono">{words::bytes(package.size_bytes)}</dd>
                <dt>"Platform"</dt><dd class="mono">{package.platform}</dd>
                <dt>"Built"</dt><dd><Ago ms=package.created_ms /></dd>
            </dl>
        </Card>
        <div class="columns">
            <Card title="Layers" class="h" flush=true extra=ViewFn::from(move || view! {
                <TakeTable of=("layer", "layers") table=move |form| layers.with_value(|layers| as_text(layers, form)) />
            })>
                <table class="small-table">
                    <tbody>
                        {package.layers.into_iter().map(|layer| view! {
                            <tr><td>{words::capital(&layer.what)}</td><td class="mono muted" title=layer.digest.clone()>{layer.digest.chars().take(19).collect::<String>()}</td><td class="num">{words::bytes(layer.size_bytes)}</td></tr>
                        }).collect_view()}
                    </tbody>
                </table>
            </Card>
            <Card title="Pushed to" class="h" flush=true extra=ViewFn::from(move || has_pushes.then(|| view! {
                <TakeTable of=("push", "pushes") table=move |form| pushed.with_value(|pushes| pushes_as_text(pushes, form)) />
            }))>
                {if pushes.is_empty() {
                    view! { <p class="muted small padded">"Nowhere yet."</p> }.into_any()
                } else {
                    view! {
                        <div class="list">
                            {pushes.into_iter().map(|push| {
                                let reference = reference(&push);
                                view! {
                                    <div>
                                        <div class="grow">
                                            <div class="mono cut" title=reference.clone()>{reference.clone()}</div>
                                            <div class="small muted">{format!("{} · {} sent, {} was there", push.registry_name, words::bytes(push.sent_bytes), words::bytes(push.skipped_bytes))}</div>
                                        </div>
                                        <CopyButton text=reference label="Copy the image's name" />
                                        <span class="small faint"><Ago ms=push.pushed_ms /></span>
                                    </div>
                                }
                            }).collect_view()}
                        </div>
                    }.into_any()
                }}
            </Card>
        </div>
        <Dialog open=export title="Export as a file"><ExportForm open=export id version exporting /></Dialog>
    }
}

fn as_text(layers: &[Layer], form: Form) -> TextTable {
    let row = |layer: &Layer| [words::capital(&layer.what), layer.digest.clone(), form.size(layer.size_bytes)];
    TextTable::of([("Layer", false), ("Digest", false), ("Size", true)], layers.iter().map(row))
}

fn reference(push: &Push) -> String {
    format!("{}:{}", push.repository, push.tag)
}

fn pushes_as_text(pushes: &[Push], form: Form) -> TextTable {
    let row = |push: &Push| {
        let [sent, was_there] = [push.sent_bytes, push.skipped_bytes].map(|bytes| form.size(bytes));
        [push.registry_name.clone(), reference(push), sent, was_there, form.moment(Some(push.pushed_ms))]
    };
    let head = [("Registry", false), ("Image", false), ("Sent", true), ("Was there", true), ("Pushed", false)];
    TextTable::of(head, pushes.iter().map(row))
}

fn file_name(version: &Version) -> String {
    format!("{}-v{}.tar", version.model_name, version.number)
}

/// In our window the system asks where the file should be.
fn save_with_dialog(exporting: Starting, package: PackageId, name: String) {
    spawn_local(async move {
        if let Some(path) = shell::save_path("Export the image", &name).await {
            // The dialog asked before it named a file that is there.
            exporting.start(ExportPackage { package, path, overwrite: true });
        }
    });
}

/// A browser has no such dialog: the host writes where the person says.
#[component]
fn ExportForm(open: RwSignal<bool>, id: PackageId, version: Memo<Version>, exporting: Starting) -> impl IntoView {
    let path = RwSignal::new(String::new());
    let overwrite = RwSignal::new(false);
    let example = format!("/home/you/{}", version.with_untracked(file_name));
    let export = move || {
        let path = path.get_untracked().trim().to_owned();
        exporting.start(ExportPackage { package: id, path, overwrite: overwrite.get_untracked() });
        // How far it is stands with the package.
        open.set(false);
    };
    let empty = Signal::derive(move || exporting.busy.get() || path.with(|path| path.trim().is_empty()));
    view! {
        <div class="content form">
            <Labelled label="File on the host's machine" hint="An OCI layout as one file: podman load takes it, or a USB stick.">
                <TextField value=path class="mono" placeholder=example />
            </Labelled>
            <Switch value=overwrite label="Replace a file of that name" />
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Export" kind="primary" disabled=empty on_press=export />
        </footer>
    }
}

/// Where to push; builds first where there is no package yet.
#[component]
pub(super) fn PushForm(
    open: RwSignal<bool>,
    id: VersionId,
    version: Memo<Version>,
    place: Place,
    add_registry: RwSignal<bool>,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let registries = query(|| Some(ListRegistries {}));
    let wanted = place.known.value.get_untracked().map(|project| project.file.packaging).unwrap_or_default();
    let registry = RwSignal::new(String::new());
    let repository = RwSignal::new(wanted.repository.clone().unwrap_or_default());
    let tag = RwSignal::new(String::new());
    let job = RwSignal::new(None::<JobId>);
    Effect::new(move |_| {
        let known = registries.value.get().unwrap_or_default();
        let first = known.iter().find(|one| Some(&one.name) == wanted.registry.as_ref()).or(known.first());
        if let Some(first) = first
            && registry.with_untracked(String::is_empty)
        {
            registry.set(first.id.to_string());
        }
    });
    let options = Signal::derive(move || {
        let known = registries.value.get().unwrap_or_default();
        let known: Vec<_> =
            known.into_iter().map(|one| (one.id.to_string(), format!("{} ({})", one.name, one.address))).collect();
        if known.is_empty() { vec![(String::new(), "None yet".to_owned())] } else { known }
    });
    let push = move || {
        let text =
            |text: RwSignal<String>| Some(text.get_untracked().trim().to_owned()).filter(|text| !text.is_empty());
        if let Ok(registry) = registry.get_untracked().parse::<RegistryId>() {
            let request = PushPackage { version: id, registry, repository: text(repository), tag: text(tag) };
            pending.run(async move { client.call(request).await }, move |started| job.set(Some(started.id)));
        }
    };
    let (name, number) = version.with_untracked(|version| (version.model_name.clone(), version.number));
    let none = Signal::derive(move || registries.value.with(|known| known.as_ref().is_some_and(Vec::is_empty)));
    // Where there is nothing to choose from, one is added first.
    Effect::new(move |_| {
        if none.get() {
            request_animation_frame(focus_open);
        }
    });
    let cannot = Signal::derive(move || pending.busy.get() || job.get().is_some() || registry.with(String::is_empty));
    view! {
        <div class="content form">
            <Show when=move || none.get()><p class="muted">"No registry is known yet: a cluster pulls a model's image from one."</p></Show>
            <div class="with-button" data-first=move || none.get().then_some("")>
                <Labelled label="Registry"><Select value=registry options name="Registry" disabled=none /></Labelled>
                <Button label="Registry…" mark=icon::PLUS on_press=move || add_registry.set(true) />
            </div>
            <div class="two-fields">
                <Labelled label="Repository"><TextField value=repository class="mono" placeholder=name.clone() /></Labelled>
                <Labelled label="Tag"><TextField value=tag class="mono" placeholder=format!("v{number}") /></Labelled>
            </div>
            {move || job.get().map(|job| view! { <Underway job /> })}
        </div>
        <footer>
            <span class="grow caption faint">"Layers that the registry has are not sent again."</span>
            <Button label=Signal::derive(move || if job.get().is_some() { "Close".to_owned() } else { "Cancel".to_owned() }) on_press=move || open.set(false) />
            <Button label="Push" mark=icon::SEND kind="primary" disabled=cannot on_press=push />
        </footer>
    }
}

/// A job as it goes on; it continues when the page is left.
#[component]
fn Underway(job: JobId) -> impl IntoView {
    let asked = query(move || Some(GetJob { job }));
    let moved = RwSignal::new(None::<(Option<f64>, String)>);
    Client::get().on_event(move |event| {
        if let Event::Progress { job: other, fraction, message, .. } = event
            && *other == job
        {
            moved.set(Some((*fraction, message.clone())));
        }
    });
    move || asked.value.get().map(|job| shown(job, moved).into_any())
}

fn shown(job: Job, moved: RwSignal<Option<(Option<f64>, String)>>) -> impl IntoView {
    let (text, tone) = match job.state {
        JobState::Queued => ("queued", "info"),
        JobState::Running => ("running", "accent"),
        JobState::Done => ("done", "good"),
        JobState::Failed => ("failed", "bad"),
        JobState::Cancelled => ("cancelled", ""),
    };
    let (fraction, message) = (job.fraction, job.message.clone());
    let live = !job.state.is_over();
    let said =
        Signal::derive(move || moved.get().filter(|_| live).map_or_else(|| message.clone(), |(_, message)| message));
    view! {
        <div class="underway" role="status">
            <div class="flex"><Chip text=text tone=tone dot=live /><span class="grow cut">{job.title}</span></div>
            {match job.error {
                Some(error) => view! { <Problem error /> }.into_any(),
                None => view! { <div class="small muted cut">{move || said.get()}</div> }.into_any(),
            }}
            {live.then(|| view! { <Progress fraction=Signal::derive(move || moved.get().map_or(fraction, |(fraction, _)| fraction)) label="Progress" /> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_taken_with_what_was_sent() {
        let push = Push {
            registry: RegistryId::from_bytes([1; 16]),
            registry_name: "harbour".to_owned(),
            repository: "harbour.example/fraud".to_owned(),
            tag: "v2".to_owned(),
            sent_bytes: 2048,
            skipped_bytes: 0,
            pushed_ms: 0,
        };
        let row = ["harbour", "harbour.example/fraud:v2", "2048", "0", "1970-01-01T00:00:00Z"];
        assert_eq!(pushes_as_text(&[push], Form::Csv).rows, [row]);
    }
}
