//! The page of a version that a client registered, wherever it was opened from.

use api::{
    id::VersionId,
    registered::{ClientColumn, ClientVersionDetail, Described, Flavor, GetClientVersion, MlModel, NOT_DEPLOYABLE},
    run::GetRun,
    tracking::ClientVersion,
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{
    aliases::Aliases,
    button::{Button, CopyButton},
    card::{Card, Chip},
    client_acts::{ClientActs, ClientDialogs},
    files::Files,
    icon,
    lineage::Lineage,
    menu::MenuButton,
    registered::{Description, StageChip, Tags},
    states::{Load, Problem, prose},
    take_table::{Form, TakeTable, TextTable},
    when::Ago,
    words,
};
use crate::{client::query::query, frame::crumbs::crumbs};

/// The version that the address names: `?version=ID`.
pub(crate) fn asked() -> Memo<Option<VersionId>> {
    let query = use_location().query;
    Memo::new(move |_| query.with(|query| query.get("version").and_then(|id| id.parse().ok())))
}

/// The address of a version's page, on the page whose list it stands in.
pub(crate) fn page_of(list: &str, version: VersionId) -> String {
    format!("{list}?version={version}")
}

#[component]
pub(crate) fn ClientVersionPage(
    version: VersionId,
    /// What the list is called that it stands in.
    of: &'static str,
    /// Its address.
    list: String,
) -> impl IntoView {
    let detail = query(move || Some(GetClientVersion { version }));
    let acts = ClientActs::new();
    let back = list.clone();
    crumbs(move || {
        let name = detail.value.with(|detail| detail.as_ref().map(title));
        vec![(of.to_owned(), Some(back.clone())), (name.unwrap_or_default(), None)]
    });
    view! {
        <div class="body-of-page">
            <Load query=detail lines=10 let:now><Page now acts /></Load>
            <ClientDialogs acts leave=list />
        </div>
    }
}

fn title(detail: &ClientVersionDetail) -> String {
    format!("{} v{}", detail.model.name, detail.version.number)
}

fn registered_by(version: &ClientVersion) -> String {
    let user = version.user.as_ref().filter(|user| !user.is_empty());
    user.map_or_else(|| "Registered by a client".to_owned(), |user| format!("Registered by {user}, by a client"))
}

#[component]
fn Page(now: Signal<ClientVersionDetail>, acts: ClientActs) -> impl IntoView {
    let version = Memo::new(move |_| now.with(|now| now.version.clone()));
    let (id, model) = version.with_untracked(|version| (version.id, version.model));
    let items = move || {
        now.with_untracked(|now| {
            let (model, count) = (&now.model, now.model.client_versions.len() as u64);
            let mut items = acts.of_version(&model.name, &now.version, None);
            items.extend(acts.of_model(model.id, &model.name, count, !model.versions.is_empty()));
            items
        })
    };
    let described = Memo::new(move |_| now.with(|now| now.described.clone()));
    let files = Memo::new(move |_| now.with(|now| now.files.clone()));
    let unreadable = Memo::new(move |_| now.with(|now| now.unreadable.clone()));
    view! {
        <div class="head">
            <div>
                <h1 class="flex">
                    {move || now.with(title)}
                    {move || version.with(|version| version.aliases.clone()).into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}
                    {move || view! { <StageChip stage=version.with(|version| version.stage) /> }}
                </h1>
                <div class="sub">{move || version.with(registered_by)} ", " <Ago ms=Signal::derive(move || version.with(|version| version.created_ms)) /></div>
            </div>
            <span class="right flex">
                <Button label="Deploy" mark=icon::UPLOAD disabled=Signal::stored(true) tip=NOT_DEPLOYABLE on_press=|| {} />
                <MenuButton items label="More of this version" />
            </span>
        </div>
        {move || unreadable.get().map(|why| view! { <div class="notices"><Problem error=api::ApiError::invalid(why) /></div> })}
        <div class="watch section">
            <div class="stack">
                <Description of=Described::Version(id) saved=Signal::derive(move || version.with(|version| version.notes.clone())) />
                {move || described.get().map(|described| view! { <Signature described /> })}
                {move || match files.get() {
                    Some(files) if !files.is_empty() => view! { <Files from=format!("/api/blob/versions/{id}") files=Signal::stored(files) /> }.into_any(),
                    Some(_) => view! { <Card title="Files" class="h"><p class="small muted">"Its folder is empty."</p></Card> }.into_any(),
                    None => view! { <Card title="Files" class="h"><p class="small muted">"They lie elsewhere, and only its client reads them."</p></Card> }.into_any(),
                }}
                <Description
                    of=Described::Model(model)
                    title=Signal::derive(move || now.with(|now| format!("Description of {}", now.model.name)))
                    saved=Signal::derive(move || now.with(|now| now.model.notes.clone()))
                />
                <Lineage nodes=Signal::derive(move || now.with(|now| now.lineage.clone())) />
            </div>
            <div class="stack">
                <Aliases
                    model=Signal::stored(model)
                    version=Signal::stored(id)
                    aliases=Signal::derive(move || version.with(|version| version.aliases.clone()))
                />
                <About now />
                <Tags of=Described::Version(id) tags=Signal::derive(move || version.with(|version| version.tags.clone())) />
                <Tags
                    of=Described::Model(model)
                    title=Signal::derive(move || now.with(|now| format!("Tags of {}", now.model.name)))
                    tags=Signal::derive(move || now.with(|now| now.model.tags.clone()))
                />
                <Python now />
            </div>
        </div>
    }
}

#[component]
fn About(now: Signal<ClientVersionDetail>) -> impl IntoView {
    view! {
        <Card title="What it is" class="h">
            {move || {
                let ClientVersionDetail { version, described, .. } = now.get();
                let flavors: Vec<String> = described.iter().flat_map(|described| &described.flavors).map(flavor).collect();
                view! {
                    <dl class="pairs">
                        {(!flavors.is_empty()).then(|| view! { <dt>"Formats"</dt><dd>{flavors.join(", ")}</dd> })}
                        <dt>"Run"</dt><dd><RunOf run=version.run link=version.run_link told=version.run_told /></dd>
                        <dt>"Source"</dt>
                        <dd class="flex"><span class="mono cut" title=version.source.clone()>{version.source.clone()}</span><CopyButton text=version.source label="Copy where its files are" /></dd>
                        {version.logged.map(|logged| view! { <dt>"Logged model"</dt><dd class="flex"><span class="mono cut">{logged.clone()}</span><CopyButton text=logged label="Copy the logged model's id" /></dd> })}
                        {described.and_then(|described| described.mlflow_version).map(|release| view! { <dt>"MLflow"</dt><dd class="mono">{release}</dd> })}
                        <dt>"Deployable"</dt><dd>"No. "{NOT_DEPLOYABLE}</dd>
                    </dl>
                }
            }}
        </Card>
    }
}

/// "sklearn 1.9.1", "python_function (Python 3.11.7)".
pub(crate) fn flavor(flavor: &Flavor) -> String {
    let name = &flavor.name;
    if let Some(python) = flavor.values.get("python_version") {
        return format!("{name} (Python {python})");
    }
    let release = flavor.values.iter().find(|(key, _)| key.ends_with("_version"));
    release.map_or_else(|| name.clone(), |(_, release)| format!("{name} {release}"))
}

/// The run, by its name once it is known; it may belong to another project, to none, or be gone.
#[component]
pub(crate) fn RunOf(
    run: Option<api::RunId>,
    link: Option<String>,
    #[prop(optional_no_strip)] told: Option<String>,
) -> impl IntoView {
    let asked = query(move || run.map(|run| GetRun { run }));
    move || {
        if let Some((name, to)) = asked.value.with(|run| run.as_ref().map(|run| (run.name.clone(), run.page()))) {
            return view! { <a class="link" href=to>{name}</a> }.into_any();
        }
        match link.clone().filter(|link| link.starts_with("http://") || link.starts_with("https://")) {
            Some(link) => {
                view! { <a class="link" href=link rel="external noreferrer" target="_blank">"its run"</a> }.into_any()
            }
            // A run that was deleted, or one that only its client knows.
            None => match told.clone().filter(|told| !told.is_empty()) {
                Some(told) => {
                    view! { <span class="mono faint cut" title="No run here has this id">{told}</span> }.into_any()
                }
                None => view! { <span class="faint">"–"</span> }.into_any(),
            },
        }
    }
}

/// What it is asked and what it answers, as its client wrote it.
#[component]
pub(crate) fn Signature(described: MlModel) -> impl IntoView {
    let parts = [("Input", described.inputs), ("Output", described.outputs), ("Param", described.params)];
    let there = parts.into_iter().filter(|(_, columns)| !columns.is_empty()).collect::<Vec<_>>();
    if there.is_empty() {
        let why = "Its client logged none: `log_model(…, signature=…)` or an input example writes it.";
        return view! { <Card title="Signature" class="h"><p class="small muted">{prose(why)}</p></Card> }.into_any();
    }
    let kept = StoredValue::new(there.clone());
    let taken = ViewFn::from(move || {
        view! { <TakeTable of=("column", "columns") table=move |form| kept.with_value(|parts| as_text(parts, form)) /> }
    });
    let tables = there.into_iter().map(|(heading, columns)| {
        view! {
            <table class="small-table even">
                <thead><tr><th>{heading}</th><th>"Type"</th><th>"Missing"</th></tr></thead>
                <tbody>{columns.into_iter().map(|column| view! { <Column column /> }).collect_view()}</tbody>
            </table>
        }
    });
    view! { <Card title="Signature" class="h" flush=true extra=taken>{tables.collect_view()}</Card> }.into_any()
}

fn as_text(parts: &[(&'static str, Vec<ClientColumn>)], form: Form) -> TextTable {
    let all = parts.iter().flat_map(|(part, columns)| columns.iter().map(move |column| (*part, column)));
    let row = |(part, column): (&str, &ClientColumn)| {
        let name = form.text(column.name.as_deref());
        [part.to_owned(), name, words::capital(&column.kind), form.text(missing(column).as_deref())]
    };
    let head = [("Part", false), ("Name", false), ("Type", false), ("Missing", false)];
    TextTable::of(head, all.map(row))
}

/// What happens where a request leaves it out; `None` where it must be there.
fn missing(column: &ClientColumn) -> Option<String> {
    column.default.clone().or_else(|| column.optional.then(|| "allowed".to_owned()))
}

#[component]
fn Column(column: ClientColumn) -> impl IntoView {
    let missing = missing(&column).unwrap_or_else(|| "–".to_owned());
    view! {
        <tr>
            <td class="mono">{column.name.unwrap_or_else(|| "–".to_owned())}</td>
            <td class="muted">{words::capital(&column.kind)}</td>
            <td class="muted">{missing}</td>
        </tr>
    }
}

#[component]
fn Python(now: Signal<ClientVersionDetail>) -> impl IntoView {
    let text = Memo::new(move |_| now.with(ClientVersionDetail::python));
    view! {
        <Card title="In Python" class="h" extra=ViewFn::from(move || view! { <CopyButton text=text label="Copy how it is loaded" /> })>
            <div class="markdown"><pre>{move || text.get()}</pre></div>
            <p class="small muted">{prose("With `MLFLOW_TRACKING_URI` set to the address of Settings, Tracking server.")}</p>
        </Card>
    }
}
