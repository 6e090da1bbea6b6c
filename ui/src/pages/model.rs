//! Model: one version: what it is, how good, a form to try it, its names, its packages.

use api::{
    config::ColumnType,
    id::VersionId,
    model::{BundleFile, DeleteVersion, GetVersion, Input, Output, Version, VersionDetail},
    registered::{Described, RestoreVersion},
    tracking::Stage,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_params_map};

use crate::{
    client::{
        Client,
        query::{Query, query},
    },
    frame::{crumbs::crumbs, place::Place},
    parts::{
        aliases::Aliases,
        button::{Button, CopyButton, Pending},
        card::{Card, Chip, Figure, Figures},
        dialog::{Confirm, Dialog},
        icon::{self, icon},
        menu::{Item, MenuButton},
        new_registry::NewRegistry,
        registered::{Description, StageChip, StageItems, Tags},
        report::Report,
        row_form::range_of,
        states::{Empty, Failure, Load},
        tabs::{Tab, Tabs, current_tab, keys_of},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

mod about;
mod package;
mod predict_file;
mod try_it;

const TABS: [Tab; 5] = [
    Tab::new("try", "Try it"),
    Tab::new("report", "Report"),
    Tab::new("signature", "Signature"),
    Tab::new("package", "Package"),
    Tab::new("files", "Files"),
];

#[component]
pub(crate) fn Model() -> impl IntoView {
    let place = Place::get();
    let params = use_params_map();
    let version =
        Memo::new(move |_| params.with(|params| params.get("version").and_then(|id| id.parse::<VersionId>().ok())));
    let detail = query(move || version.get().map(|version| GetVersion { version }));
    crumbs(move || {
        let name = detail.value.with(|detail| detail.as_ref().map(|detail| title(&detail.version)));
        vec![("Models".to_owned(), Some(place.link("models"))), (name.unwrap_or_default(), None)]
    });
    view! {
        <div class="body-of-page">
            {move || match version.get() {
                None => view! { <Failure error=api::ApiError::not_found("This address names no model version.").with_hint("Choose one on the Models page.") again=|| {} /> }.into_any(),
                Some(_) => view! {
                    <Load query=detail lines=10 let:now>
                        {
                            // Another version's page is built anew: its form begins from its own signature.
                            let id = Memo::new(move |_| now.with(|now| now.version.id));
                            move || view! { <Page id=id.get() now detail place /> }
                        }
                    </Load>
                }.into_any(),
            }}
        </div>
    }
}

fn title(version: &Version) -> String {
    format!("{} v{}", version.model_name, version.number)
}

#[component]
fn Page(id: VersionId, now: Signal<VersionDetail>, detail: Query<VersionDetail>, place: Place) -> impl IntoView {
    let current = current_tab(|| keys_of(&TABS));
    let version = Memo::new(move |_| now.with(|now| now.version.clone()));
    let [push, add_registry] = std::array::from_fn(|_| RwSignal::new(false));
    view! {
        <div class="head">
            <div>
                <h1 class="flex">
                    {move || version.with(title)}
                    {move || version.with(|version| version.aliases.clone()).into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}
                    {move || view! { <StageChip stage=now.with(|now| now.notes.stage) /> }}
                </h1>
                <div class="sub">
                    {move || version.with(summary)} ", registered " <Ago ms=Signal::derive(move || version.with(|version| version.created_ms)) />
                </div>
            </div>
            <span class="right flex">
                <Actions id version detail place push stage=Signal::derive(move || now.with(|now| now.notes.stage)) />
            </span>
        </div>
        <Figures figures=Signal::derive(move || now.with(figures)) />
        <div class="section">
            <Tabs tabs=Signal::stored(TABS.to_vec()) current />
        </div>
        {move || match current.get().as_str() {
            "report" => view! { <ReportTab now /> }.into_any(),
            "signature" => view! { <SignatureTab version /> }.into_any(),
            "package" => view! { <package::Packages id version push /> }.into_any(),
            "files" => view! { <Files now /> }.into_any(),
            _ => view! {
                <div class="watch section">
                    <div class="stack">
                        <try_it::TryIt now />
                        <predict_file::FileCard now />
                    </div>
                    <div class="stack">
                        <Aliases
                            model=Signal::derive(move || version.with(|version| version.model))
                            version=Signal::stored(id)
                            aliases=Signal::derive(move || version.with(|version| version.aliases.clone()))
                        />
                        <about::About now place />
                        <Description of=Described::Version(id) saved=Signal::derive(move || now.with(|now| now.notes.notes.clone())) />
                        <Tags of=Described::Version(id) tags=Signal::derive(move || now.with(|now| now.tags.clone())) />
                    </div>
                </div>
            }.into_any(),
        }}
        <Dialog open=push title="Push to a registry"><package::PushForm open=push id version place add_registry /></Dialog>
        <Dialog open=add_registry title="Add a registry"><NewRegistry open=add_registry /></Dialog>
    }
}

fn summary(version: &Version) -> String {
    format!(
        "{}, {}, from run {}",
        words::capital(about::kind(version.kind)),
        about::task(version.task),
        version.run_name
    )
}

fn figures(now: &VersionDetail) -> Vec<Figure> {
    let version = &now.version;
    let mut all = Vec::new();
    if let Some(primary) = &version.primary {
        let range = |(low, high)| format!("95 %: {} … {}", words::figure(low), words::figure(high));
        let interval = primary.interval.map(range).unwrap_or_default();
        let class = now.evaluation.as_ref().and_then(|report| report.class_of(&primary.name));
        all.push(Figure::new(words::metric_of(&primary.name, class), words::figure(primary.value), interval));
        if let Some(baseline) = primary.baseline {
            all.push(Figure::new("Baseline", words::figure(baseline), "a constant guess"));
        }
    }
    if let Some(threshold) = version.threshold {
        let of = version.signature.positive().map(|class| format!("for \"{class}\"")).unwrap_or_default();
        all.push(Figure::new("Threshold", words::figure(threshold), of));
    }
    all.push(Figure::new(
        "Inputs",
        words::count(version.signature.inputs.len() as u64),
        words::counted(version.signature.outputs.len() as u64, "output", "outputs"),
    ));
    all.push(Figure::new("Trained on", words::count(version.rows.training), "rows"));
    all.push(Figure::new(
        "Size",
        words::bytes(version.size_bytes),
        words::counted(now.files.len() as u64, "file", "files"),
    ));
    all
}

#[component]
fn Actions(
    id: VersionId,
    version: Memo<Version>,
    detail: Query<VersionDetail>,
    place: Place,
    push: RwSignal<bool>,
    #[prop(into)] stage: Signal<Stage>,
) -> impl IntoView {
    let stages = StageItems::get();
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let navigate = StoredValue::new_local(use_navigate());
    let sure = RwSignal::new(false);
    let delete = move || {
        let name = version.with_untracked(title);
        pending.run(detail.held_while(client.call(DeleteVersion { version: id })), move |_| {
            toasts.undoable(client, format!("Deleted {name}"), RestoreVersion { version: id });
            navigate.try_with_value(|navigate| {
                navigate(&place.link("models"), leptos_router::NavigateOptions::default());
            });
        });
    };
    let items = move || {
        let why = version.with_untracked(Version::kept_because);
        let run = version.with_untracked(|version| place.link(&format!("runs/{}", version.run)));
        let mut items = vec![
            Item::new("Open its run", icon::ACTIVITY, move || {
                navigate.with_value(|navigate| navigate(&run, leptos_router::NavigateOptions::default()))
            }),
            Item::new("Copy its content hash", icon::COPY, move || {
                toasts.copy(&version.with_untracked(|version| version.content.clone()))
            }),
        ];
        items.extend(stages.of(id, stage.get_untracked()));
        items.push(Item::new("Delete…", icon::TRASH, move || sure.set(true)).danger().blocked(why));
        items
    };
    view! {
        <Button label="Push…" mark=icon::SEND on_press=move || push.set(true) />
        <a class="btn primary" href=move || place.link(&format!("deploy?version={id}"))>{icon(icon::UPLOAD)}"Deploy"</a>
        <MenuButton items label="More of this version" />
        <Confirm open=sure title=Signal::derive(move || format!("Delete {}?", version.with(title)))
            text="Its packages and report go with it, and its files a day later: until then Undo, or Restore under Deleted models, brings all of it back. The run stays. Images that were pushed stay in their registries." verb="Delete" on_confirm=delete />
    }
}

#[component]
fn ReportTab(now: Signal<VersionDetail>) -> impl IntoView {
    let report = Memo::new(move |_| now.with(|now| now.evaluation.clone()));
    move || {
        match report.get() {
        Some(report) => view! { <div class="section"><Report report /></div> }.into_any(),
        None => view! { <Empty mark=icon::CIRCLE_CHECK title="No report" text="The run that made this version was registered without an evaluation." /> }.into_any(),
    }
    }
}

/// What it is asked and what it answers; thousands of inputs are filtered by name.
#[component]
fn SignatureTab(version: Memo<Version>) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let found = Memo::new(move |_| {
        let wanted = wanted.get().trim().to_lowercase();
        version.with(|version| {
            version
                .signature
                .inputs
                .iter()
                .filter(|input| input.name.to_lowercase().contains(&wanted))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let many = version.with_untracked(|version| version.signature.inputs.len() > 12);
    view! {
        <div class="watch section">
            <Card title=Signal::derive(move || format!("Asked for: {}", words::counted(found.with(Vec::len) as u64, "input", "inputs"))) flush=true extra=ViewFn::from(move || {
                view! {
                    {many.then(|| view! { <crate::parts::field::TextField value=wanted name="Filter inputs" placeholder="Filter" mark=icon::SEARCH is_filter=true /> })}
                    <TakeTable of=("input", "inputs") table=move |form| found.with_untracked(|found| inputs_as_text(found, form)) />
                }
            })>
                <div class="scrolls tall">
                    <table class="small-table">
                        <thead><tr><th>"Input"</th><th>"Type"</th><th>"Seen in training"</th><th>"Missing"</th><th></th></tr></thead>
                        <tbody>{move || found.get().into_iter().take(1000).map(|input| view! { <InputLine input /> }).collect_view()}</tbody>
                    </table>
                </div>
            </Card>
            <Card title="Answers" flush=true extra=ViewFn::from(move || view! {
                <TakeTable of=("output", "outputs") table=move |form| version.with_untracked(|version| outputs_as_text(&version.signature.outputs, form)) />
            })>
                <table class="small-table">
                    <thead><tr><th>"Output"</th><th>"Type"</th><th>"Of the class"</th></tr></thead>
                    <tbody>
                        {move || version.with(|version| version.signature.outputs.clone()).into_iter().map(|output| view! {
                            <tr><td class="mono">{output.name}</td><td class="muted">{output.kind.word()}</td><td class="mono">{output.class}</td></tr>
                        }).collect_view()}
                    </tbody>
                </table>
            </Card>
        </div>
    }
}

fn inputs_as_text(inputs: &[Input], form: Form) -> TextTable {
    let row = |input: &Input| {
        let missing = if input.optional { "filled in" } else { "refused" };
        let sensitive = input.sensitive.then_some("sensitive");
        [
            input.name.clone(),
            input.kind.word().to_owned(),
            seen_in_training(input),
            missing.to_owned(),
            form.text(sensitive),
        ]
    };
    let head =
        [("Input", false), ("Type", false), ("Seen in training", false), ("Missing", false), ("Sensitive", false)];
    TextTable::of(head, inputs.iter().map(row))
}

fn outputs_as_text(outputs: &[Output], form: Form) -> TextTable {
    let row =
        |output: &Output| [output.name.clone(), output.kind.word().to_owned(), form.text(output.class.as_deref())];
    TextTable::of([("Output", false), ("Type", false), ("Of the class", false)], outputs.iter().map(row))
}

fn files_as_text(files: &[BundleFile], form: Form) -> TextTable {
    let row =
        |file: &BundleFile| [file.path.clone(), form.size(file.size_bytes), file.blake3.clone(), file.sha256.clone()];
    TextTable::of([("File", false), ("Size", true), ("BLAKE3", false), ("SHA-256", false)], files.iter().map(row))
}

fn seen_in_training(input: &Input) -> String {
    match input.kind {
        ColumnType::Image => input.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × "),
        _ => range_of(input).unwrap_or_else(|| input.categories.join(", ")),
    }
}

#[component]
fn InputLine(input: Input) -> impl IntoView {
    let seen = seen_in_training(&input);
    view! {
        <tr>
            <td class="mono">{input.name}</td>
            <td class="muted">{input.kind.word()}</td>
            <td class="muted"><span class="cut seen" title=seen.clone()>{seen.clone()}</span></td>
            <td class="muted">{if input.optional { "filled in" } else { "refused" }}</td>
            <td>{input.sensitive.then(|| view! { <Chip text="sensitive" tone="warn" /> })}</td>
        </tr>
    }
}

/// The bundle's files; every load checks them against these hashes.
#[component]
fn Files(now: Signal<VersionDetail>) -> impl IntoView {
    view! {
        <Card title="Files" class="section" flush=true extra=ViewFn::from(move || view! {
            <span class="faint caption">"checked against their hashes at every load"</span>
            <TakeTable of=("file", "files") table=move |form| now.with_untracked(|now| files_as_text(&now.files, form)) />
        })>
            <table class="small-table">
                <thead><tr><th>"File"</th><th class="num">"Size"</th><th>"BLAKE3"</th><th>"SHA-256"</th></tr></thead>
                <tbody>
                    {move || now.with(|now| now.files.clone()).into_iter().map(|file| view! {
                        <tr>
                            <td class="mono">{file.path.clone()}</td>
                            <td class="num">{words::bytes(file.size_bytes)}</td>
                            <td><span class="flex"><span class="mono muted" title=file.blake3.clone()>{file.blake3.chars().take(12).collect::<String>()}</span><CopyButton text=file.blake3 label=format!("Copy the BLAKE3 of {}", file.path) /></span></td>
                            <td><span class="flex"><span class="mono muted" title=file.sha256.clone()>{file.sha256.chars().take(12).collect::<String>()}</span><CopyButton text=file.sha256 label=format!("Copy the SHA-256 of {}", file.path) /></span></td>
                        </tr>
                    }).collect_view()}
                </tbody>
            </table>
        </Card>
    }
}
