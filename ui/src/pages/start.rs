//! Start: what was open lately with its road in miniature, the samples, and the door for a folder,
//! a table or images of one's own.

mod newcomer;

use api::{
    job::Subject,
    project::{
        DeleteProject, DeletedProject, ListDeletedProjects, ListProjects, ListSamples, OpenSample, ProjectSummary,
        PurgeProject, RestoreProject, Sample,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::{Client, query::query, shell},
    frame::{arrivals::Arrivals, crumbs::crumbs, place::address},
    parts::{
        button::{Button, Pending},
        deleted::{Deleted, DeletedItem},
        dialog::{Confirm, Dialog},
        field::TextField,
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        row_keys::move_among_rows,
        stage::{MiniRoad, stage_name},
        states::Load,
        toast::Toasts,
        under_way::{Started, Starting},
        when::Ago,
        words,
    },
};

#[component]
pub(crate) fn Start() -> impl IntoView {
    crumbs(|| vec![("Start".to_owned(), None)]);
    let arrivals = Arrivals::get();
    let projects = query(|| Some(ListProjects {}));
    let samples = query(|| Some(ListSamples {}));
    // One at a time; its line is made anew once it is a project.
    let opened = RwSignal::new(String::new());
    let navigate = StoredValue::new_local(use_navigate());
    let opening = Starting::new(move |job| {
        if let Subject::Project(project) = job.subject {
            navigate.with_value(|navigate| navigate(&address(project, ""), Default::default()));
        }
    });
    let by_path = RwSignal::new(false);
    let wanted = RwSignal::new(String::new());
    let has_several = Memo::new(move |_| projects.value.with(|all| all.as_ref().map_or(0, Vec::len)) >= SEVERAL);
    view! {
        <div class="body-of-page start">
            <div class="wrap">
                <h1>"Start"</h1>
                <div class="muted">"A folder with data becomes a model that answers, and is watched."</div>
                <div class="zone">
                    {icon(icon::DOWNLOAD)}
                    <div><b>"Drop a folder, a table or images here"</b></div>
                    <div class="muted">"CSV, Parquet, JSON Lines, Arrow, or a folder with one sub-folder of images per class"</div>
                    <div class="flex">
                        <Button label="Open folder…" mark=icon::FOLDER on_press=move || arrivals.choose_folder() />
                        <Button label="Open tables…" mark=icon::FILE kind="quiet" on_press=move || arrivals.choose_files() />
                        // A browser hands over copies: a large folder, or one of programs, is better opened where it lies.
                        {(!shell::is_there()).then(|| view! {
                            <Button label="Open a path…" mark=icon::FOLDER_OPEN kind="quiet" on_press=move || by_path.set(true) />
                        })}
                    </div>
                </div>
                <div class="cols">
                    <section>
                        <h2>"Recent"</h2>
                        {move || has_several.get().then(|| view! {
                            <TextField value=wanted name="Filter projects" placeholder="Filter" mark=icon::LIST_FILTER is_filter=true class="beside-title" />
                        })}
                        <Load query=projects let:list>
                            <Recent list wanted />
                        </Load>
                        <Forgotten />
                    </section>
                    <section>
                        <h2>"Samples"</h2>
                        <Started starting=opening />
                        <Load query=samples let:list>
                            <div class="card list samples">
                                {move || list.get().into_iter().map(|sample| view! { <SampleLine sample opened opening /> }).collect_view()}
                            </div>
                        </Load>
                        {move || samples.value.with(|list| copied_to(list.as_deref().unwrap_or_default())).map(|folder| view! {
                            <div class="caption faint copied-to" title=folder.clone()>"A copy is made in "<span class="mono">{folder.clone()}</span></div>
                        })}
                    </section>
                </div>
            </div>
            <newcomer::Newcomer samples=samples.value />
            <Dialog open=by_path title="Open a path">
                <newcomer::PathForm open=by_path />
            </Dialog>
        </div>
    }
}

/// So many projects, or more, can be filtered: fewer are seen at once.
const SEVERAL: usize = 4;

#[component]
fn Recent(list: Signal<Vec<ProjectSummary>>, wanted: RwSignal<String>) -> impl IntoView {
    let shown = Memo::new(move |_| {
        // Where there is no field, nothing is left out by what stood in it.
        let wanted = if list.with(Vec::len) < SEVERAL { String::new() } else { wanted.get() };
        let fits = |one: &&ProjectSummary| words::fits(&format!("{} {}", one.project.name, one.project.path), &wanted);
        list.with(|list| list.iter().filter(fits).cloned().collect::<Vec<_>>())
    });
    let none = Memo::new(move |_| (list.with(Vec::is_empty), shown.with(Vec::is_empty)));
    view! {
        {move || match none.get() {
            (true, _) => view! {
                <div class="card none muted">
                    <span>
                        "No project yet. A sample shows the whole road in a few minutes. Scripts that log with MLflow need none: their runs, and those of other tools, stand under "
                        <a class="link" href="/experiments">"Experiments"</a>
                        "."
                    </span>
                </div>
            }.into_any(),
            (false, true) => view! { <div class="card none muted">"No project fits this filter."</div> }.into_any(),
            (false, false) => view! {
                <div class="card list" on:keydown=move_among_rows>
                    <For each=move || shown.get() key=|summary| (summary.project.id, summary.road.iter().map(|station| station.figure.clone()).collect::<Vec<_>>()) let:summary>
                        <RecentLine summary />
                    </For>
                </div>
            }.into_any(),
        }}
    }
}

/// Projects that were forgotten within a day, and those that are kept longer.
#[component]
fn Forgotten() -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(|| Some(ListDeletedProjects {}));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(forgotten).collect::<Vec<_>>()));
    let kept = Memo::new(move |_| all.value.with(|all| all.iter().flatten().filter_map(kept).collect::<Vec<_>>()));
    let meant = move |key: &str| {
        all.value.with_untracked(|all| all.iter().flatten().map(|one| one.project).find(|id| id.to_string() == key))
    };
    let restore = move |DeletedItem { key, name, .. }| {
        let Some(project) = meant(&key) else { return };
        pending.run(async move { client.call(RestoreProject { project }).await }, move |_| {
            toasts.done(format!("Restored {name}"));
        });
    };
    let purge = move |DeletedItem { key, name, .. }| {
        let Some(project) = meant(&key) else { return };
        pending.run(async move { client.call(PurgeProject { project }).await }, move |freed| {
            toasts.done(format!("Deleted {name} for good; {}.", freed.said()));
        });
    };
    let of = ("forgotten project", "forgotten projects");
    view! { <Deleted title="Forgotten projects" of act="Forgotten" items busy=pending.busy restore purge kept /> }
}

/// Why one is still here whose day is over.
fn kept(one: &DeletedProject) -> Option<String> {
    let because = one.kept_because.as_ref()?;
    Some(format!("{} is kept, though its day is over: {because} Or restore it.", one.name))
}

fn forgotten(one: &DeletedProject) -> DeletedItem {
    let (key, name) = (one.project.to_string(), format!("{} in {}", one.name, ending(&one.path)));
    DeletedItem { key, name, deleted_ms: one.deleted_ms, size_bytes: None }
}

#[component]
fn RecentLine(summary: ProjectSummary) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let menus = Menus::get();
    let pending = Pending::new();
    let project = summary.project;
    let id = project.id;
    let newest = summary.road.iter().rev().find(|station| station.state != api::project::StationState::Empty).cloned();
    // A figure alone says nothing: the station that it belongs to goes before it.
    let word = newest.map_or_else(
        || "Nothing yet".to_owned(),
        |station| format!("{} · {}", stage_name(station.stage), station.figure),
    );
    let asking = RwSignal::new(false);
    let path = StoredValue::new(project.path.clone());
    let items = move || {
        let mut items = Vec::new();
        if shell::is_there() {
            items.push(Item::new("Show folder", icon::FOLDER_OPEN, move || {
                leptos::task::spawn_local(async move {
                    if let Err(error) = shell::reveal(&path.get_value()).await {
                        toasts.error(&error);
                    }
                });
            }));
        }
        items.push(Item::new("Copy path", icon::COPY, move || toasts.copy(&path.get_value())));
        items.push(Item::new("Forget project…", icon::TRASH, move || asking.set(true)).danger());
        items
    };
    let forget = move || {
        pending.run(async move { client.call(DeleteProject { project: id }).await }, move |gone| {
            let told = match gone.registered.as_slice() {
                [] => format!("Forgot {}", gone.name),
                of => format!("Forgot {}; its records stay for {}", gone.name, of.join(", ")),
            };
            toasts.undoable(client, told, RestoreProject { project: gone.project });
        });
    };
    let missing = project.missing.clone();
    let more = format!("More of {}", project.name);
    view! {
        <a href=address(id, "") tabindex="0" on:contextmenu=move |event| menus.open_at(&event, items())>
            <span class="faint flex">{icon(icon::FOLDER)}</span>
            <span class="grow">
                <div class="cut"><b>{project.name.clone()}</b></div>
                {match missing {
                    Some(why) => view! { <div class="caption warn cut" title=project.path.clone()>{why}</div> }.into_any(),
                    None => view! { <div class="caption faint cut" title=project.path.clone()>{ending(&project.path)}</div> }.into_any(),
                }}
            </span>
            <span class="road-word">
                <MiniRoad road=summary.road />
                <span class="caption muted cut" title=word.clone()>{word.clone()}</span>
            </span>
            <span class="caption faint ago"><Ago ms=project.opened_ms /></span>
            <span on:click=|event| event.prevent_default()><MenuButton items label=more /></span>
        </a>
        <Confirm
            open=asking
            title="Forget this project?"
            text="Its runs, versions and models go from Slipway. For a day Undo, Restore on this page, or opening its folder brings all of them back. Its folder and the files in it stay as they are."
            verb="Forget project"
            on_confirm=forget
        />
    }
}

/// The folder that opening a sample copies it into, while one of them was not opened yet.
fn copied_to(samples: &[Sample]) -> Option<String> {
    let destination = &samples.iter().find(|sample| sample.project.is_none())?.destination;
    destination.rsplit_once(['/', '\\']).map(|(folder, _)| folder.to_owned())
}

#[component]
fn SampleLine(sample: Sample, opened: RwSignal<String>, opening: Starting) -> impl IntoView {
    let mark = if sample.name.contains("digit") { icon::IMAGE } else { icon::DATABASE };
    let name = StoredValue::new(sample.name.clone());
    let open = move || {
        opened.set(name.get_value());
        opening.start(OpenSample { name: name.get_value() });
    };
    let is_opening = move || opening.busy.get() && name.with_value(|name| opened.with(|opened| opened == name));
    let known = sample.project.is_some();
    let about = sample.licence.clone();
    view! {
        <div class="sample" data-sample=sample.name.clone()>
            <span class="accent flex">{icon(mark)}</span>
            // For the pointer only: the button beside it is what a keyboard reaches.
            <span class="grow opens" on:click=move |_| if !opening.busy.get_untracked() { open() }>
                <div class="named" title=about><b>{sample.title.clone()}</b><span class="caption faint cut">{licence_name(&sample.licence)}</span></div>
                <div class="small muted two-lines" title=sample.summary.clone()>{sample.summary.clone()}</div>
            </span>
            <Button
                label=Signal::derive(move || if is_opening() { "Opening…".to_owned() } else { "Open".to_owned() })
                kind="s"
                disabled=opening.busy
                tip=if known { "Opened before".to_owned() } else { format!("Copies it to {}", sample.destination) }
                on_press=open
            />
        </div>
    }
}

/// "CC BY 4.0": who gave it stands in the tip.
fn licence_name(licence: &str) -> String {
    let name = licence.split(" (").next().unwrap_or(licence);
    if name.starts_with("None") { "No licence stated".to_owned() } else { name.to_owned() }
}

/// Parts of a path that tell projects apart.
const TOLD: usize = 2;

/// The end of a path, where projects differ: "…/Slipway Samples/card-fraud".
fn ending(path: &str) -> String {
    let separator = if path.contains('\\') { '\\' } else { '/' };
    let parts: Vec<&str> = path.split(separator).filter(|part| !part.is_empty()).collect();
    if parts.len() <= TOLD {
        return path.to_owned();
    }
    let end = parts[parts.len() - TOLD..].join(&separator.to_string());
    format!("…{separator}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_told_by_its_name() {
        assert_eq!(licence_name("CC BY 4.0 (UCI, E. Alpaydin and C. Kaynak)"), "CC BY 4.0");
        assert_eq!(licence_name("None stated by the authors (Efron 2004)"), "No licence stated");
    }

    #[test]
    fn a_project_that_outlives_its_day_says_why_and_the_way_out() {
        let mut one = DeletedProject {
            project: api::ProjectId::from_bytes([1; 16]),
            name: "small".to_owned(),
            path: "/srv/small".to_owned(),
            deleted_ms: 0,
            runs: 1,
            versions: 0,
            registered: Vec::new(),
            kept_because: None,
        };
        assert_eq!(kept(&one), None);
        one.kept_because = Some(api::ApiError::invalid("churn v1 needs it.").with_hint("Delete that first."));
        let said = "small is kept, though its day is over: churn v1 needs it. Delete that first. Or restore it.";
        assert_eq!(kept(&one).as_deref(), Some(said));
    }

    #[test]
    fn of_a_long_path_its_end_is_told() {
        assert_eq!(ending("/home/ada/Documents/Slipway Samples/digits"), "…/Slipway Samples/digits");
        assert_eq!(ending("C:\\Users\\ada\\fraud"), "…\\ada\\fraud");
        assert_eq!(ending("/srv/data"), "/srv/data");
    }
}
