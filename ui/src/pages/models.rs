//! Models: the registry by name; versions with their aliases, their figure, and where each runs; among them those
//! that clients registered.

mod client_line;

use std::collections::{BTreeMap, BTreeSet};

use api::{
    config::ModelChoice,
    deploy::ListDeployments,
    evaluation::Figure,
    id::{DeploymentId, ModelId, RunId, VersionId},
    model::{CHAMPION, DeleteVersion, ListModels, ListOtherModels, Model, SetAlias, Version},
    package::ListPackages,
    registered::RestoreVersion,
    run_diff::MOST,
    tracking::ClientVersion,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use self::client_line::ClientLine;
use crate::{
    client::{Client, query::query},
    frame::{address::filter_of_address, crumbs::crumbs, place::Place},
    parts::{
        aliases,
        button::{Button, Pending},
        card::Chip,
        choose_run::ChooseRun,
        client_acts::{ClientActs, ClientDialogs},
        client_version::{self, ClientVersionPage},
        deleted_models::DeletedModels,
        dialog::Confirm,
        field::TextField,
        icon,
        menu::{Item, MenuButton, Menus},
        picked::{Picked, PickedBar, call_all, of_several},
        registered::{Told, is_untold},
        row_keys::{is_meant_for_row, move_among_rows, opens_row},
        sought::{Wrong, sought},
        states::{Empty, Load},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

const VERSIONS: (&str, &str) = ("version", "versions");
/// The group of models without a project in the document. As short as it is nobody takes it for the key of a session.
const OTHERS: &str = "other-models";

/// The list, or the page of a version that a client registered and the address names.
#[component]
pub(crate) fn Models() -> impl IntoView {
    let (place, asked) = (Place::get(), client_version::asked());
    move || match asked.get() {
        Some(version) => {
            let list = untrack(|| place.link("models"));
            view! { <ClientVersionPage version of="Models" list /> }.into_any()
        }
        None => view! { <List /> }.into_any(),
    }
}

#[component]
fn List() -> impl IntoView {
    crumbs(|| vec![("Models".to_owned(), None)]);
    let place = Place::get();
    let clients = ClientActs::new();
    let models = query(move || place.project.get().map(ListModels::of));
    let packages = query(|| Some(ListPackages { version: None }));
    let packaged = Memo::new(move |_| {
        packages.value.with(|all| all.iter().flatten().map(|package| package.version).collect::<BTreeSet<_>>())
    });
    let deployments = query(move || Some(ListDeployments { project: place.project.get() }));
    let placed = Memo::new(move |_| {
        deployments
            .value
            .with(|all| all.iter().flatten().map(|one| (one.id, one.target_name.clone())).collect::<BTreeMap<_, _>>())
    });
    // A client's model whose run is in no project is looked for here, too.
    let others = query(|| Some(ListOtherModels::default()));
    let wanted = filter_of_address("filter");
    let found = sought(
        wanted,
        move |filter| place.project.get().map(|project| ListModels { project, filter }),
        |models: &Vec<Model>| named(models),
    );
    let found_others = sought(wanted, |filter| Some(ListOtherModels { filter }), |models: &Vec<Model>| named(models));
    let others_found = Memo::new(move |_| {
        let all = others.value.get().unwrap_or_default();
        let is_found = |model: &Model| found_others.keys.with(|keys| is_found(model, keys.as_ref()));
        all.into_iter().filter(is_found).collect::<Vec<_>>()
    });
    let can_be_sought = Memo::new(move |_| has_models(models.value) || has_models(others.value));
    let sought_wrong = Signal::derive(move || found.wrong.get().or_else(|| found_others.wrong.get()));
    let picked = Picked::<VersionId>::new();
    // What the filter leaves out is not meant, though it stays selected.
    let selected = Memo::new(move |_| {
        let keys = found.keys.get();
        let is_meant = |version: &&Version| picked.has(version.id) && fits(keys.as_ref(), version.id.as_bytes());
        models.value.with(|models| {
            let versions = models.iter().flatten().flat_map(|model| &model.versions);
            versions.filter(is_meant).cloned().collect::<Vec<_>>()
        })
    });
    let acts = Acts::new(place, picked, selected);
    view! {
        <div class="body-of-page">
            <div class="head">
                <div>
                    <h1>"Models"</h1>
                    <div class="sub">
                        {move || models.value.get().filter(|models| !models.is_empty()).map(|models| summary(&models))}
                        {move || {
                            let count = others_found.with(Vec::len) as u64;
                            let between = if has_models(models.value) { " · " } else { "" };
                            (count > 0).then(|| view! {
                                {between}
                                <a class="link" href=format!("#{OTHERS}")>{words::counted(count, "model", "models")}" without a project"</a>
                            })
                        }}
                    </div>
                </div>
                {move || can_be_sought.get().then(|| view! {
                    <span class="right">
                        <TextField value=wanted name="Filter models" placeholder="Filter, such as champion" mark=icon::LIST_FILTER is_filter=true class="jobs-filter" />
                    </span>
                })}
            </div>
            <Wrong of=sought_wrong />
            <PickedBar count=Signal::derive(move || selected.with(Vec::len)) of=VERSIONS items=move || acts.steps(&selected.get()) on_clear=move || picked.clear() />
            <Load query=models let:models>
                {move || {
                    let models = models.get();
                    if models.is_empty() {
                        return view! {
                            <Empty mark=icon::BOX title="No model yet" text="A run that is good enough becomes a model version: a name that others can rely on.">
                                <ChooseRun />
                            </Empty>
                        }
                        .into_any();
                    }
                    let keys = found.keys.get();
                    let models: Vec<Model> = models.into_iter().filter(|model| is_found(model, keys.as_ref())).collect();
                    if models.is_empty() && others_found.with(Vec::is_empty) {
                        return view! {
                            <Empty mark=icon::LIST_FILTER title="No version fits this filter" text="Words are looked for in names, aliases, tags, notes, users, runs, kinds and versions such as v3; a condition names a field, like stage = production.">
                                <Button label="Clear the filter" on_press=move || wanted.set(String::new()) />
                            </Empty>
                        }
                        .into_any();
                    }
                    let shown = |model: Model| view! { <Versions model keys=keys.clone() packaged placed acts clients /> };
                    models.into_iter().map(shown).collect_view().into_any()
                }}
            </Load>
            {move || {
                let others = others_found.get();
                (!others.is_empty()).then(|| {
                    let keys = found_others.keys.get();
                    let shown = |model: Model| view! { <Versions model keys=keys.clone() packaged placed acts clients /> };
                    view! {
                        <h2 id=OTHERS class="section" title="No version of theirs names a run of a project">"Without a project"</h2>
                        {others.into_iter().map(shown).collect_view()}
                    }
                })
            }}
            <DeletedModels project=place.project />
            <Delete acts />
            <ClientDialogs acts=clients />
        </div>
    }
}

/// The bytes of the ids of versions, and of models that have none.
type Keys = BTreeSet<[u8; 16]>;

fn keys_of(model: &Model) -> Vec<[u8; 16]> {
    let ours = model.versions.iter().map(|version| version.id);
    let all: Vec<_> = ours.chain(model.client_versions.iter().map(|version| version.id)).collect();
    if all.is_empty() { vec![*model.id.as_bytes()] } else { all.iter().map(|id| *id.as_bytes()).collect() }
}

/// What an answer to a filter names.
fn named(models: &[Model]) -> Keys {
    models.iter().flat_map(keys_of).collect()
}

/// Whether a filter found it; all fits where nothing is sought.
fn fits(keys: Option<&Keys>, id: &[u8; 16]) -> bool {
    keys.is_none_or(|keys| keys.contains(id))
}

/// Whether a model has a version that the filter found, or has none and was found itself.
fn is_found(model: &Model, keys: Option<&Keys>) -> bool {
    keys_of(model).iter().any(|id| fits(keys, id))
}

fn has_models(models: RwSignal<Option<Vec<Model>>>) -> bool {
    models.with(|models| models.as_ref().is_some_and(|all| !all.is_empty()))
}

fn summary(models: &[Model]) -> String {
    let versions: usize = models.iter().map(|model| model.versions.len() + model.client_versions.len()).sum();
    format!(
        "{}, {}",
        words::counted(models.len() as u64, "model", "models"),
        words::counted(versions as u64, "version", "versions")
    )
}

/// What can be done with a version, from its row.
#[derive(Clone, Copy)]
struct Acts {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    place: Place,
    picked: Picked<VersionId>,
    selected: Memo<Vec<Version>>,
    /// What a dialog asks about.
    deleting: RwSignal<Vec<Version>>,
    go: StoredValue<Box<dyn Fn(String)>, LocalStorage>,
}

impl Acts {
    fn new(place: Place, picked: Picked<VersionId>, selected: Memo<Vec<Version>>) -> Self {
        let navigate = use_navigate();
        let go: Box<dyn Fn(String)> = Box::new(move |to: String| navigate(&to, Default::default()));
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            place,
            picked,
            selected,
            deleting: RwSignal::new(Vec::new()),
            go: StoredValue::new_local(go),
        }
    }

    fn open(self, page: &str) {
        let to = untrack(|| self.place.link(page));
        self.go.with_value(|go| go(to));
    }

    fn items(self, model: ModelId, version: &Version) -> Vec<Item> {
        let (id, run, number) = (version.id, version.run, version.number);
        let is_champion = version.aliases.iter().any(|alias| alias == CHAMPION);
        let mut items = vec![
            Item::new("Open", icon::ARROW_RIGHT, move || self.open(&format!("models/{id}"))),
            Item::new("Deploy…", icon::UPLOAD, move || self.open(&format!("deploy?version={id}"))),
            Item::new(format!("Name it {CHAMPION}"), icon::TAG, move || {
                let request = SetAlias { model, alias: CHAMPION.to_owned(), version: Some(id) };
                self.pending.run(aliases::set(self.client, request), move |back| {
                    self.toasts.undoable(self.client, format!("{CHAMPION} is v{number} now"), back);
                });
            })
            .blocked(is_champion.then(|| "It has that name".to_owned())),
            Item::new("Open its run", icon::ACTIVITY, move || self.open(&format!("runs/{run}"))),
            self.picked.item(id),
        ];
        // Of a version that is selected they are about all that are.
        let selected = self.selected.get_untracked();
        let is_selected = selected.iter().any(|one| one.id == id);
        items.extend(self.steps(if is_selected { selected.as_slice() } else { std::slice::from_ref(version) }));
        items
    }

    /// What can be done with these versions together.
    fn steps(self, versions: &[Version]) -> Vec<Item> {
        let is_one = versions.len() == 1;
        let runs = runs_of(versions);
        let compare = (runs.len() > 1).then(|| {
            let named = runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Item::new("Compare their runs", icon::LAYERS, move || self.open(&format!("runs?compare={named}")))
        });
        let gone = versions.to_vec();
        let label = of_several("Delete", versions.len(), is_one, VERSIONS);
        let delete = Item::new(format!("{label}…"), icon::TRASH, move || self.deleting.set(gone.clone()));
        compare.into_iter().chain([delete.danger().blocked(kept_because(versions))]).collect()
    }
}

/// The runs that versions came from, each once, and no more of them than are laid beside each other.
fn runs_of(versions: &[Version]) -> Vec<RunId> {
    let mut runs = Vec::new();
    for version in versions {
        if runs.len() < MOST && !runs.contains(&version.run) {
            runs.push(version.run);
        }
    }
    runs
}

/// Why one of them can't be deleted now, and of several which.
fn kept_because(versions: &[Version]) -> Option<String> {
    let is_one = versions.len() == 1;
    versions.iter().find_map(|version| {
        let why = version.kept_because()?;
        Some(if is_one { why } else { format!("{}: {why}", title_of(version)) })
    })
}

/// "churn v2".
fn title_of(version: &Version) -> String {
    format!("{} v{}", version.model_name, version.number)
}

/// "churn v2", "3 versions".
fn called(versions: &[Version]) -> String {
    match versions {
        [only] => title_of(only),
        several => words::counted(several.len() as u64, VERSIONS.0, VERSIONS.1),
    }
}

#[component]
fn Delete(acts: Acts) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if !acts.deleting.with(Vec::is_empty) {
            open.set(true);
        }
    });
    let title = Signal::derive(move || acts.deleting.with(|gone| format!("Delete {}?", called(gone))));
    let delete = move || {
        let gone = acts.deleting.get_untracked();
        let ids: Vec<VersionId> = gone.iter().map(|version| version.id).collect();
        let requests = ids.iter().map(|version| DeleteVersion { version: *version }).collect::<Vec<_>>();
        acts.pending.run(call_all(acts.client, requests), move |()| {
            acts.picked.leave(&ids);
            let back = ids.into_iter().map(|version| RestoreVersion { version }).collect::<Vec<_>>();
            acts.toasts.undoable_all(acts.client, format!("Deleted {}", called(&gone)), back);
        });
    };
    view! {
        <Confirm open title verb="Delete" on_confirm=delete
            text="Packages and reports go too, and files a day later: until then Undo, or Restore under Deleted models, brings all of it back. Runs stay. Images that were pushed stay in their registries." />
    }
}

#[component]
fn Versions(
    model: Model,
    /// What the filter found.
    keys: Option<Keys>,
    packaged: Memo<BTreeSet<VersionId>>,
    /// Where each deployment is.
    placed: Memo<BTreeMap<DeploymentId, String>>,
    acts: Acts,
    clients: ClientActs,
) -> impl IntoView {
    let metric = model
        .versions
        .iter()
        .find_map(|version| version.primary.as_ref())
        .map_or_else(|| "Metric".to_owned(), |figure| words::metric(&figure.name));
    let mut rows = by_number(model.versions.clone(), model.client_versions.clone());
    rows.retain(|row| fits(keys.as_ref(), row.id().as_bytes()));
    let of_clients = model.client_versions.len() as u64;
    let taken = StoredValue::new((rows.clone(), metric.clone()));
    let champion = aliases::stands(&model, CHAMPION);
    let ours = model.versions.iter().map(|version| (version.id, version.number));
    let mut all = ours.chain(model.client_versions.iter().map(|version| (version.id, version.number)));
    let named = all.find(|(id, _)| Some(*id) == champion);
    let count = words::counted(rows.len() as u64, "version", "versions");
    let said = named.map_or_else(|| count.clone(), |(_, number)| format!("{CHAMPION} v{number} · {count}"));
    let best = best_of(model.versions.iter().filter_map(|version| Some((version.id, version.primary.as_ref()?))));
    let (id, name) = (model.id, model.name.clone());
    let list = untrack(|| acts.place.link("models"));
    let kept = StoredValue::new((model.name.clone(), of_clients, !model.versions.is_empty()));
    let items =
        move || kept.with_value(|(name, of_clients, trained)| clients.of_model(id, name, *of_clients, *trained));
    view! {
        <section class="card section">
            <header>
                <h2>{model.name.clone()}</h2>
                {model.is_prompt().then(|| view! { <span class="chip" title="MLflow keeps prompts among the models">"prompt"</span> })}
                <span class="right flex">
                    <span class="faint caption">{said}</span>
                    <TakeTable of=("version", "versions") table=move |form| taken.with_value(|(rows, metric)| as_text(rows, metric, form)) />
                    <MenuButton items label=format!("More of {}", model.name) />
                </span>
            </header>
            {(!is_untold(&model.tags, &model.notes)).then(|| view! { <div class="padded"><Told tags=model.tags notes=model.notes /></div> })}
            <div class="scrolls">
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Version"</th>
                            <th>"Aliases"</th>
                            <th class="num">{metric}", test"</th>
                            <th>"Kind"</th>
                            <th>"Run"</th>
                            <th>"Data"</th>
                            <th class="num">"Size"</th>
                            <th>"Runs on"</th>
                            <th class="num">"Registered"</th>
                            <th></th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.into_iter().map(|row| match row {
                            Row::Ours(version) => {
                                let is_best = Some(version.id) == best;
                                view! { <Line model=id version=*version is_best packaged placed acts /> }.into_any()
                            }
                            Row::Clients(version) => {
                                view! { <ClientLine model_name=name.clone() version=*version acts=clients list=list.clone() /> }.into_any()
                            }
                        }).collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
}

fn as_text(rows: &[Row], metric: &str, form: Form) -> TextTable {
    let row = |row: &Row| match row {
        Row::Ours(version) => {
            let data = version.snapshot_number.map(|number| format!("v{number}"));
            [
                format!("v{}", version.number),
                form.text(Some(version.aliases.join(", ")).filter(|aliases| !aliases.is_empty()).as_deref()),
                form.number(version.primary.as_ref().map(|figure| figure.value)),
                kind(version.kind).to_owned(),
                version.run_name.clone(),
                form.text(data.as_deref()),
                form.size(version.size_bytes),
                version.deployments.len().to_string(),
                form.moment(Some(version.created_ms)),
            ]
        }
        Row::Clients(version) => {
            let by = version.user.as_deref().unwrap_or("a client");
            let run = version.run.map(|run| run.to_string()).or(version.run_told.clone()).or(version.run_link.clone());
            [
                format!("v{}", version.number),
                form.text(Some(version.aliases.join(", ")).filter(|aliases| !aliases.is_empty()).as_deref()),
                form.number(None),
                format!("registered by {by}"),
                form.text(run.as_deref()),
                version.source.clone(),
                form.text(None),
                form.text(None),
                form.moment(Some(version.created_ms)),
            ]
        }
    };
    let size = if form == Form::Csv { "Size in bytes" } else { "Size" };
    let metric = format!("{metric}, test");
    let head = [
        ("Version", false),
        ("Aliases", false),
        (metric.as_str(), true),
        ("Kind", false),
        ("Run", false),
        ("Data", false),
        (size, true),
        ("Deployments", true),
        ("Registered", false),
    ];
    TextTable::of(head, rows.iter().map(row))
}

/// A version, whoever registered it.
#[derive(Clone)]
enum Row {
    Ours(Box<Version>),
    Clients(Box<ClientVersion>),
}

impl Row {
    const fn number(&self) -> u32 {
        match self {
            Self::Ours(version) => version.number,
            Self::Clients(version) => version.number,
        }
    }

    const fn id(&self) -> VersionId {
        match self {
            Self::Ours(version) => version.id,
            Self::Clients(version) => version.id,
        }
    }
}

/// All of them, newest first.
fn by_number(ours: Vec<Version>, clients: Vec<ClientVersion>) -> Vec<Row> {
    let ours = ours.into_iter().map(|version| Row::Ours(Box::new(version)));
    let mut rows: Vec<Row> = ours.chain(clients.into_iter().map(|version| Row::Clients(Box::new(version)))).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.number()));
    rows
}

/// The version whose figure is the best, where there are several to compare. One that is not a number is none to compare.
fn best_of<'f>(figures: impl Iterator<Item = (VersionId, &'f Figure)>) -> Option<VersionId> {
    let figures: Vec<(VersionId, &Figure)> = figures.filter(|(_, figure)| !figure.value.is_nan()).collect();
    if figures.len() < 2 {
        return None;
    }
    let sign = if figures[0].1.more_is_better { 1.0 } else { -1.0 };
    let by = |figure: &Figure| sign * figure.value;
    figures.into_iter().max_by(|left, right| by(left.1).total_cmp(&by(right.1))).map(|(id, _)| id)
}

#[component]
fn Line(
    model: ModelId,
    version: Version,
    is_best: bool,
    packaged: Memo<BTreeSet<VersionId>>,
    placed: Memo<BTreeMap<DeploymentId, String>>,
    acts: Acts,
) -> impl IntoView {
    let place = acts.place;
    let menus = Menus::get();
    let (id, run) = (version.id, version.run);
    let figure = version.primary.as_ref().map_or_else(|| "–".to_owned(), |figure| words::figure(figure.value));
    let interval = version.primary.as_ref().and_then(|figure| figure.interval).map(|(low, high)| {
        format!("95 % interval {} to {}, on the test part", words::figure(low), words::figure(high))
    });
    let data = version.snapshot_number.map_or_else(|| "–".to_owned(), |number| format!("v{number}"));
    let deployed = version.deployments.len() as u64;
    let first = version.deployments.first().copied();
    let name = title_of(&version);
    let label = format!("Open {name}");
    let kept = StoredValue::new(version.clone());
    let items = move || kept.with_value(|version| acts.items(model, version));
    let open = move || acts.open(&format!("models/{id}"));
    view! {
        <tr
            class="opens"
            class:sel=move || acts.picked.has(id)
            tabindex="0"
            aria-label=move || acts.picked.named(id, &label)
            on:click=move |event| {
                if !acts.picked.by_press(&event, id) && is_meant_for_row(&event) {
                    open();
                }
            }
            on:keydown=move |event| {
                if acts.picked.by_key(&event, id) {
                    return;
                }
                if opens_row(&event) {
                    open();
                }
            }
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <td><a class="link strong" tabindex="-1" href=move || place.link(&format!("models/{id}"))>{format!("v{}", version.number)}</a></td>
            <td><span class="flex">{version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}</span></td>
            <td class="num" class:strong=is_best title=interval>{figure}</td>
            <td>{kind(version.kind)}</td>
            <td><a class="link" href=move || place.link(&format!("runs/{run}"))>{version.run_name}</a></td>
            <td>{data}</td>
            <td class="num">{words::bytes(version.size_bytes)}</td>
            <td>
                {match deployed {
                    0 => view! {
                        <span class="faint">{move || if packaged.with(|packaged| packaged.contains(&id)) { "packaged" } else { "–" }}</span>
                    }.into_any(),
                    count => view! { <a class="link" href=move || place.link("deploy")>{move || {
                        let only = first.filter(|_| count == 1).and_then(|only| placed.with(|placed| placed.get(&only).cloned()));
                        only.unwrap_or_else(|| words::counted(count, "deployment", "deployments"))
                    }}</a> }.into_any(),
                }}
            </td>
            <td class="num faint"><Ago ms=version.created_ms /></td>
            <td class="end"><MenuButton items label=format!("More of {name}") /></td>
        </tr>
    }
}

/// A model's kind in words.
const fn kind(kind: ModelChoice) -> &'static str {
    match kind {
        ModelChoice::Default => "default",
        ModelChoice::Linear => "linear",
        ModelChoice::Mlp => "MLP",
        ModelChoice::Trees => "trees",
        ModelChoice::Cnn => "CNN",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of_a_client() -> ClientVersion {
        ClientVersion {
            id: VersionId::from_bytes([1; 16]),
            model: ModelId::from_bytes([2; 16]),
            number: 3,
            run: None,
            run_told: Some("abc".to_owned()),
            run_link: None,
            source: "s3://models/3".to_owned(),
            location: String::new(),
            logged: None,
            user: Some("ada".to_owned()),
            created_ms: 0,
            aliases: vec!["champion".to_owned(), "tested".to_owned()],
            stage: api::tracking::Stage::None,
            tags: BTreeMap::from([("Data".to_owned(), "of May".to_owned())]),
            notes: "The first that holds.".to_owned(),
        }
    }

    #[test]
    fn a_model_is_seen_by_the_versions_that_a_filter_found() {
        let model = Model {
            id: ModelId::from_bytes([2; 16]),
            project: None,
            name: "churn".to_owned(),
            versions: Vec::new(),
            client_versions: vec![of_a_client()],
            tags: BTreeMap::new(),
            notes: String::new(),
            created_ms: 0,
        };
        let bare = Model { client_versions: Vec::new(), ..model.clone() };
        let (of_version, of_model) = (named(std::slice::from_ref(&model)), named(std::slice::from_ref(&bare)));
        assert_eq!((of_version.len(), of_version.contains(&[1; 16]), of_model.contains(&[2; 16])), (1, true, true));
        assert!(is_found(&model, Some(&of_version)) && !is_found(&model, Some(&of_model)));
        assert!(is_found(&bare, Some(&of_model)) && !is_found(&bare, Some(&of_version)));
        assert!(is_found(&model, None) && is_found(&bare, None));
    }

    #[test]
    fn the_best_version_is_none_whose_figure_is_not_a_number() {
        let best = |more_is_better: bool, values: &[f64]| {
            let figure = |value: &f64| {
                let (name, interval, baseline, unit) = ("r2".to_owned(), None, None, None);
                Figure { name, value: *value, interval, baseline, more_is_better, unit }
            };
            let figures: Vec<Figure> = values.iter().map(figure).collect();
            let id = |at: usize| VersionId::from_bytes([at as u8; 16]);
            let best = best_of(figures.iter().enumerate().map(|(at, figure)| (id(at), figure)));
            (0..values.len()).find(|at| Some(id(*at)) == best)
        };
        assert_eq!(best(true, &[0.5, f64::NAN, 0.75]), Some(2));
        assert_eq!(best(false, &[0.5, -f64::NAN, 0.75]), Some(0));
        assert_eq!((best(true, &[0.5, f64::NAN]), best(true, &[0.5]), best(true, &[])), (None, None, None));
    }

    #[test]
    fn versions_are_taken_whoever_registered_them() {
        let csv = as_text(&by_number(Vec::new(), vec![of_a_client()]), "F1", Form::Csv);
        assert_eq!((csv.head[2].0.as_str(), csv.head[6].0.as_str()), ("F1, test", "Size in bytes"));
        let row =
            ["v3", "champion, tested", "", "registered by ada", "abc", "s3://models/3", "", "", "1970-01-01T00:00:00Z"];
        assert_eq!(csv.rows, [row]);
    }
}
