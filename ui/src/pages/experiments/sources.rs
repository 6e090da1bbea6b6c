//! Run logs of other tools: found in a folder, added, followed, forgotten.

use api::{
    ApiError, SourceId,
    job::Job,
    project::ListProjects,
    source::{
        AddSource, DeletedSource, FollowSource, FoundLog, Kind, ListDeletedSources, ListSources, LookForLogs,
        ReadSource, RemoveSource, RestoreSource, Source, SourceWarning,
    },
};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    client::{Client, query::query, shell},
    parts::{
        button::{Button, Pending},
        card::Chip,
        deleted::{Deleted, DeletedItem},
        dialog::{Dialog, focus_open},
        field::{Labelled, Select, Switch, TextField},
        icon,
        menu::{Item, MenuButton, Menus},
        path_end::path_end,
        row_keys::move_among_rows,
        states::Problem,
        take_table::{Form as TextForm, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

/// The logs that are read, and those that were forgotten; nothing where there are none.
#[component]
pub(super) fn Sources(
    /// Whether a log is being added.
    adding: RwSignal<bool>,
) -> impl IntoView {
    let all = query(|| Some(ListSources {}));
    let (forgetting, not_read) = (RwSignal::new(None::<Source>), RwSignal::new(None::<Source>));
    let none = Memo::new(move |_| all.value.with(|all| all.as_ref().is_none_or(Vec::is_empty)));
    view! {
        <section class="card section" class:hidden=none data-sources="">
            <header>
                <h2>"Logs of other tools"</h2>
                <span class="right flex">
                    <Button label="Read a log…" kind="s" on_press=move || adding.set(true) />
                    <TakeTable of=("log", "logs") table=move |form| all.value.with_untracked(|all| as_text(all.as_deref().unwrap_or_default(), form)) />
                </span>
            </header>
            <div class="scrolls">
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Log"</th>
                            <th>"Path"</th>
                            <th class="num">"Runs"</th>
                            <th>"State"</th>
                            <th class="num">"Read"</th>
                            <th></th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || all.value.get().unwrap_or_default().into_iter().map(|source| view! { <Line source forgetting not_read /> }).collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
        <Forgotten />
        <Add adding />
        <Forget forgetting />
        <NotRead not_read />
    }
}

/// The logs that were forgotten within a day: each comes back with what was deleted with it.
#[component]
fn Forgotten() -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(|| Some(ListDeletedSources {}));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(forgotten).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key: path, .. }| {
        pending.run(async move { client.call(RestoreSource { path }).await }, move |source| {
            toasts.done(format!("{} is read again", source.path));
        });
    };
    let of = ("forgotten log", "forgotten logs");
    view! { <Deleted title="Forgotten logs" of act="Forgotten" items busy=pending.busy restore /> }
}

fn forgotten(one: &DeletedSource) -> DeletedItem {
    let runs = (one.runs > 0).then(|| format!(" · with {}", words::counted(one.runs, "run", "runs")));
    let name = format!("{} · {}{}", one.kind.tool(), one.path, runs.unwrap_or_default());
    DeletedItem { key: one.path.clone(), name, deleted_ms: one.deleted_ms, size_bytes: None }
}

/// How a log is read, in words.
fn state_of(source: &Source) -> String {
    match (&source.error, source.warned) {
        (Some(error), _) => error.message.clone(),
        (None, 0) => followed(source).to_owned(),
        (None, _) => format!("{}, {}", followed(source), not_read(source)),
    }
}

const fn followed(source: &Source) -> &'static str {
    if source.watched { "followed" } else { "read once" }
}

fn not_read(source: &Source) -> String {
    format!("{} not read", words::count(source.warned))
}

fn as_text(all: &[Source], form: TextForm) -> TextTable {
    let row = |source: &Source| {
        let (runs, state) = (source.runs.to_string(), state_of(source));
        [source.kind.tool().to_owned(), source.path.clone(), runs, state, form.moment(source.read_ms)]
    };
    let head = [("Log", false), ("Path", false), ("Runs", true), ("State", false), ("Read", false)];
    TextTable::of(head, all.iter().map(row))
}

#[component]
fn Line(source: Source, forgetting: RwSignal<Option<Source>>, not_read: RwSignal<Option<Source>>) -> impl IntoView {
    let (client, toasts, menus, pending) = (Client::get(), Toasts::get(), Menus::get(), Pending::new());
    let (id, kept) = (source.id, StoredValue::new(source.clone()));
    let (follows, has_warnings) = (source.watched, !source.warnings.is_empty());
    let read = move || {
        pending.run(async move { client.call(ReadSource { source: id }).await }, move |job| toasts.done(job.title));
    };
    let follow = move || {
        pending.run(async move { client.call(FollowSource { source: id, follow: !follows }).await }, |_| {});
    };
    let items = move || {
        let mut items = vec![
            Item::new("Read on now", icon::REFRESH_CW, read),
            match follows {
                true => Item::new("Follow no more", icon::SQUARE, follow),
                false => Item::new("Follow", icon::PLAY, follow),
            },
        ];
        if has_warnings {
            items.push(Item::new("What was not read…", icon::TRIANGLE_ALERT, move || {
                not_read.set(Some(kept.get_value()))
            }));
        }
        items.push(Item::new("Forget…", icon::TRASH, move || forgetting.set(Some(kept.get_value()))).danger());
        items
    };
    let state = match &source.error {
        Some(error) => {
            view! { <span class="bad cut seen" title=error.to_string()>{state_of(&source)}</span> }.into_any()
        }
        None => {
            let (left, tone) = (self::not_read(&source), if source.watched { "good" } else { "" });
            view! {
                <span class="flex">
                    <Chip text=followed(&source) tone=tone />
                    {(source.warned > 0).then(|| view! {
                        <button class="plain" title="What was not read, and why" on:click=move |_| not_read.set(Some(kept.get_value()))><Chip text=left tone="warn" /></button>
                    })}
                </span>
            }
            .into_any()
        }
    };
    view! {
        <tr tabindex="0" on:contextmenu=move |event| menus.open_at(&event, items())>
            <td><b>{source.kind.tool()}</b></td>
            <td><span class="mono cut seen keeps-end" title=source.path.clone()>{path_end(&source.path)}</span></td>
            <td class="num">{words::count(source.runs)}</td>
            <td>{state}</td>
            <td class="num faint">{source.read_ms.map(|ms| view! { <Ago ms /> })}</td>
            <td class="end">
                <MenuButton items label=format!("More of {}", source.path) />

            </td>
        </tr>
    }
}

/// Each place that could not be read, with why.
#[component]
fn NotRead(not_read: RwSignal<Option<Source>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if not_read.with(Option::is_some) {
            open.set(true);
        }
    });
    let line = |warning: SourceWarning| {
        view! { <tr><td class="mono">{warning.place}</td><td>{warning.message}</td></tr> }
    };
    view! {
        <Dialog open title="What was not read" wide=true>
            {not_read.get_untracked().map(|source| {
                let shown = source.warnings.len() as u64;
                let more = (source.warned > shown)
                    .then(|| format!("The first {} of {}.", words::count(shown), words::count(source.warned)));
                let kept = StoredValue::new(source.warnings.clone());
                view! {
                    <div class="content">
                        <div class="flex"><span class="right">
                            <TakeTable of=("place", "places") table=move |_| kept.with_value(|all| places_as_text(all)) />
                        </span></div>
                        <table class="small-table" data-not-read="">
                            <thead><tr><th>"Where"</th><th>"Why"</th></tr></thead>
                            <tbody>{source.warnings.into_iter().map(line).collect_view()}</tbody>
                        </table>
                        {more.map(|more| view! { <p class="muted small">{more}</p> })}
                    </div>
                }
            })}
        </Dialog>
    }
}

fn places_as_text(warnings: &[SourceWarning]) -> TextTable {
    let row = |warning: &SourceWarning| [warning.place.clone(), warning.message.clone()];
    TextTable::of([("Where", false), ("Why", false)], warnings.iter().map(row))
}

#[component]
fn Add(adding: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open=adding title="Read another tool's log">
            <Form adding />
        </Dialog>
    }
}

#[component]
fn Form(adding: RwSignal<bool>) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let folder = RwSignal::new(String::new());
    let (once, project) = (RwSignal::new(false), RwSignal::new(String::new()));
    let projects = query(|| Some(ListProjects {}));
    let options = Signal::derive(move || {
        let known = projects.value.get().unwrap_or_default();
        std::iter::once((String::new(), "No project: experiments of their own".to_owned()))
            .chain(known.into_iter().map(|project| (project.project.id.to_string(), project.project.name)))
            .collect::<Vec<_>>()
    });
    let found = RwSignal::new(None::<Result<Vec<FoundLog>, ApiError>>);
    let looked_at = RwSignal::new(String::new());
    let look = move || {
        let wanted = folder.get_untracked().trim().to_owned();
        if wanted.is_empty() {
            return;
        }
        let asked = wanted.clone();
        let call = async move { client.call(LookForLogs { folder: wanted }).await };
        pending.run_or(
            call,
            move |logs| {
                looked_at.try_set(asked);
                found.try_set(Some(Ok(logs)));
                // The button that was pressed is another one now: Enter in the field reads what was found.
                request_animation_frame(focus_open);
            },
            move |error| {
                found.try_set(Some(Err(error)));
            },
        );
    };
    let choose = move || {
        spawn_local(async move {
            if let Some(path) = shell::pick_folder("Choose the folder of the logs").await {
                folder.set(path);
                look();
            }
        });
    };
    let add = move |logs: Vec<FoundLog>| {
        let (project, once) = (project.with_untracked(|project| project.parse().ok()), once.get_untracked());
        let requests: Vec<AddSource> =
            logs.iter().map(|log| AddSource { path: log.path.clone(), kind: Some(log.kind), project, once }).collect();
        let call = async move {
            let mut jobs = Vec::new();
            for request in requests {
                jobs.push(client.call(request).await?);
            }
            Ok::<_, ApiError>(jobs)
        };
        let done = move |jobs: Vec<Job>| {
            toasts.done(begun(&jobs.iter().map(|job| job.title.as_str()).collect::<Vec<_>>()));
            let left = found.try_with_untracked(|found| match found {
                Some(Ok(found)) => without(found, &logs),
                _ => Vec::new(),
            });
            // Whoever read one of several may want another.
            match left.filter(|left| left.iter().any(|log| log.known.is_none() && log.logs.is_none())) {
                Some(left) => drop(found.try_set(Some(Ok(left)))),
                None => {
                    adding.try_set(false);
                }
            }
        };
        pending.run_or(call, done, move |error| drop(found.try_set(Some(Err(error)))));
    };
    let as_kind = move |kind| {
        let path = folder.get_untracked().trim().to_owned();
        add(vec![FoundLog { kind, path, known: None, logs: None }]);
    };
    let offered = Memo::new(move |_| {
        let (looked_at, folder) = (looked_at.get(), folder.get());
        found.with(|found| match found {
            Some(Ok(logs)) => offered(logs, &looked_at, &folder),
            _ => Vec::new(),
        })
    });
    // Where one row has all that is offered, its own button leads: a second one would do the same.
    let leads_by_row = Memo::new(move |_| {
        offered.with(|offered| found.with(|found| matches!(found, Some(Ok(logs)) if is_of_one_row(logs, offered))))
    });
    let lead = move || match offered.get_untracked() {
        none if none.is_empty() => look(),
        logs => add(logs),
    };
    view! {
        <div class="content form">
            <Labelled label="Folder or file" hint="MLflow, TensorBoard, W&B offline, DVCLive, DVC and files of metrics are found. They are read where they lie and never changed.">
                <span class="flex">
                    <TextField value=folder placeholder="/home/me/experiments" class="grow mono" on_enter=Callback::new(move |()| lead()) />
                    {shell::is_there().then(|| view! { <Button label="Choose…" on_press=choose /> })}
                </span>
            </Labelled>
            <Labelled label="Its runs belong to"><Select value=project options /></Labelled>
            <Switch value=once label="Read once, and don't follow" />
            {move || match found.get() {
                None => ().into_any(),
                Some(Err(error)) => view! { <Problem error /> }.into_any(),
                Some(Ok(logs)) if logs.is_empty() => {
                    view! { <Unknown busy=pending.busy.into() on_add=Callback::new(as_kind) /> }.into_any()
                }
                Some(Ok(logs)) => {
                    let line = |log: FoundLog| view! { <Found log leads=leads_by_row busy=pending.busy.into() on_add=Callback::new(move |log| add(vec![log])) /> };
                    let table = move |form| found.with_untracked(|found| match found {
                        Some(Ok(logs)) => found_as_text(logs, form),
                        _ => TextTable::default(),
                    });
                    view! {
                        <div class="flex"><span class="right"><TakeTable of=("found log", "found logs") table /></span></div>
                        <table class="small-table"><tbody>{logs.into_iter().map(line).collect_view()}</tbody></table>
                    }.into_any()
                }
            }}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || adding.set(false) />
            {move || {
                let verb = offered.with(|offered| verb(offered));
                let disabled = Signal::derive(move || pending.busy.get() || folder.with(|folder| folder.trim().is_empty()));
                let kind = verb.map_or("primary", |_| "");
                view! {
                    <Button label="Look" kind disabled on_press=look />
                    {verb.filter(|_| !leads_by_row.get()).map(|verb| view! { <Button label=verb kind="primary" disabled on_press=lead /> })}
                }
            }}
        </footer>
    }
}

/// Logs are counted where a folder of them is read as one.
fn found_as_text(found: &[FoundLog], form: TextForm) -> TextTable {
    let row = |log: &FoundLog| {
        let (logs, state) = (log.logs.map(|logs| logs.to_string()), log.known.map(|_| "is read"));
        [log.kind.tool().to_owned(), log.path.clone(), form.text(logs.as_deref()), form.text(state)]
    };
    TextTable::of([("Log", false), ("Path", false), ("Logs", true), ("State", false)], found.iter().map(row))
}

#[component]
fn Found(
    log: FoundLog,
    /// Whether its button is the one that leads.
    leads: Memo<bool>,
    busy: Signal<bool>,
    on_add: Callback<FoundLog>,
) -> impl IntoView {
    let (path, kind, known) = (log.path.clone(), log.kind.tool(), log.known);
    let (label, all) = match log.logs {
        Some(logs) => ("Read as one", Some(format!("all {}, and those that come", words::count(logs)))),
        None => ("Read", None),
    };
    view! {
        <tr data-found=kind>
            <td><b>{kind}</b></td>
            <td>
                <span class="mono cut seen keeps-end" title=path.clone()>{path_end(&path)}</span>
                {all.map(|all| view! { <span class="muted small">{all}</span> })}
            </td>
            <td class="end">
                {match known {
                    Some(_) => view! { <span class="faint">"is read"</span> }.into_any(),
                    None => {
                        let log = StoredValue::new(log);
                        let read = move || on_add.run(log.get_value());
                        let button = move || {
                            let kind = if leads.get() { "s primary" } else { "s" };
                            view! { <Button label=label kind disabled=busy on_press=read /> }
                        };
                        button.into_any()
                    }
                }}
            </td>
        </tr>
    }
}

/// Where nothing is known by its name, a person may know what it is.
#[component]
fn Unknown(busy: Signal<bool>, on_add: Callback<Kind>) -> impl IntoView {
    let kind = RwSignal::new(Kind::Metrics.tool().to_owned());
    let options = Signal::derive(|| Kind::ALL.map(|kind| (kind.tool().to_owned(), kind.tool().to_owned())).to_vec());
    let read = move || {
        let chosen = kind.with_untracked(|kind| Kind::ALL.into_iter().find(|one| one.tool() == kind));
        if let Some(kind) = chosen {
            on_add.run(kind);
        }
    };
    view! {
        <p class="muted">"Nothing here was recognised as a run log, by its name or content. If you know which tool wrote it, say so."</p>
        <Labelled label="Read it as"><Select value=kind options /></Labelled>
        <span class="flex"><Button label="Read" kind="s" disabled=busy on_press=read /></span>
    }
}

/// Whether a log is read with a folder that is read as one.
fn is_in(log: &FoundLog, folder: &FoundLog) -> bool {
    let is_below = log.path.strip_prefix(&folder.path).is_some_and(|rest| rest.starts_with(['/', '\\']));
    folder.logs.is_some() && log.logs.is_none() && folder.kind == log.kind && is_below
}

/// What reads all that is not read yet: folders as one, and the logs that lie in none of these.
fn all_of(logs: &[FoundLog]) -> Vec<FoundLog> {
    let unread = || logs.iter().filter(|log| log.known.is_none());
    unread().filter(|log| !unread().any(|folder| is_in(log, folder))).cloned().collect()
}

/// What the leading button and Enter read: all that was found where the field still points to. Nothing of another place
/// than the one that was looked at: there they look first.
fn offered(found: &[FoundLog], looked_at: &str, folder: &str) -> Vec<FoundLog> {
    if looked_at == folder.trim() { all_of(found) } else { Vec::new() }
}

/// Whether all that is offered is what one row has, and no other row has anything to read.
fn is_of_one_row(found: &[FoundLog], offered: &[FoundLog]) -> bool {
    offered.len() == 1 && found.iter().filter(|log| log.known.is_none()).count() == 1
}

/// What the button is called that reads what is offered.
const fn verb(offered: &[FoundLog]) -> Option<&'static str> {
    match offered {
        [] => None,
        [one] if one.logs.is_some() => Some("Read as one"),
        [_] => Some("Read"),
        _ => Some("Read all"),
    }
}

/// What is said of the readings that begin, which have these titles.
fn begun(titles: &[&str]) -> String {
    match titles {
        [one] => format!("{one}: its runs stand here as they are read"),
        several => {
            let logs = words::counted(several.len() as u64, "log", "logs");
            format!("Reading {logs}: their runs stand here as they are read")
        }
    }
}

/// The logs that are left once some of them are read.
fn without(logs: &[FoundLog], read: &[FoundLog]) -> Vec<FoundLog> {
    logs.iter().filter(|log| !read.iter().any(|one| *log == one || is_in(log, one))).cloned().collect()
}

/// Asks what becomes of the runs.
#[component]
fn Forget(forgetting: RwSignal<Option<Source>>) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if forgetting.with(Option::is_some) {
            open.set(true);
        }
    });
    let forget = move |source: SourceId, keep_runs: bool| {
        open.set(false);
        pending.run(async move { client.call(RemoveSource { source, keep_runs }).await }, move |removed| {
            let said = match removed.runs.len() as u64 {
                0 => "The log is forgotten".to_owned(),
                count => format!("The log is forgotten, and {} deleted", words::counted(count, "run", "runs")),
            };
            toasts.undoable(client, said, RestoreSource { path: removed.path });
        });
    };
    view! {
        <Dialog open title="Forget this log?">
            {forgetting.get_untracked().map(|source| {
                let id = source.id;
                view! {
                    <div class="content">{what_stays(&source)}</div>
                    <footer>
                        <Button label="Cancel" on_press=move || open.set(false) />
                        <Button label="Keep the runs" on_press=move || forget(id, true) />
                        <Button label="Delete the runs too" kind="danger" on_press=move || forget(id, false) />
                    </footer>
                }
            })}
        </Dialog>
    }
}

/// What becomes of a log that is forgotten, and of its runs.
fn what_stays(source: &Source) -> String {
    let runs = match source.runs {
        0 => "It gave no run.".to_owned(),
        1 => "It gave 1 run; deleted, it can be restored.".to_owned(),
        runs => format!("It gave {} runs; deleted, they can be restored.", words::count(runs)),
    };
    format!("{} is read no more, and stays as it is. {runs}", source.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read_at_once_and_a_folder_as_one() {
        let log = |kind, path: &str| FoundLog { kind, path: path.to_owned(), known: None, logs: None };
        let csv = |at: u32| log(Kind::Metrics, &format!("/p/lightning_logs/version_{at}/metrics.csv"));
        let folder = FoundLog { logs: Some(2), ..log(Kind::Metrics, "/p/lightning_logs") };
        let known = FoundLog { known: Some(SourceId::from_bytes([1; 16])), ..log(Kind::Wandb, "/p/wandb") };
        let beside = log(Kind::Metrics, "/p/lightning_logs_old/metrics.csv");
        let found =
            [csv(0), csv(1), known.clone(), log(Kind::MlflowFiles, "/p/mlruns"), beside.clone(), folder.clone()];
        let all = [log(Kind::MlflowFiles, "/p/mlruns"), beside.clone(), folder.clone()];
        assert_eq!(all_of(&found), all);
        assert_eq!(without(&found, &all), [known.clone()]);
        // One alone leaves the others, and their folder.
        assert_eq!(without(&found[..3], &[csv(0)]), [csv(1), known]);
    }

    #[test]
    fn what_was_found_leads_to_reading_it_and_another_place_to_looking() {
        let log = |path: &str| FoundLog { kind: Kind::Wandb, path: path.to_owned(), known: None, logs: None };
        let known = FoundLog { known: Some(SourceId::from_bytes([1; 16])), ..log("/p/a") };
        let folder = FoundLog { logs: Some(2), ..log("/p") };
        let leads = |found: &[FoundLog], folder| verb(&offered(found, "/p", folder));
        assert_eq!(leads(&[log("/p/a"), log("/p/b")], "/p"), Some("Read all"));
        assert_eq!(leads(&[log("/p/a"), log("/p/b")], " /p "), Some("Read all"));
        assert_eq!(leads(&[known.clone(), log("/p/b")], "/p"), Some("Read"));
        assert_eq!(leads(&[log("/p/a"), folder], "/p"), Some("Read as one"));
        assert_eq!(leads(&[log("/p/a")], "/q"), None, "another place is looked at first");
        assert_eq!((leads(&[known], "/p"), leads(&[], "/p")), (None, None));
    }

    #[test]
    fn one_log_that_can_be_read_has_one_button_that_reads_it() {
        let log = |path: &str| FoundLog { kind: Kind::Wandb, path: path.to_owned(), known: None, logs: None };
        let known = FoundLog { known: Some(SourceId::from_bytes([1; 16])), ..log("/p/a") };
        let folder = FoundLog { logs: Some(2), ..log("/p") };
        let by_row = |found: &[FoundLog], folder| is_of_one_row(found, &offered(found, "/p", folder));
        assert!(by_row(&[log("/p/b")], "/p") && by_row(&[known.clone(), log("/p/b")], "/p"));
        assert!(!by_row(&[log("/p/a"), log("/p/b")], "/p"), "all of them are read by a button of their own");
        assert!(!by_row(&[log("/p/a"), folder], "/p"), "each row reads something else");
        assert!(!by_row(&[log("/p/b")], "/q"), "another place is looked at first");
        assert!(!by_row(&[known], "/p") && !by_row(&[], "/p"));
    }

    #[test]
    fn what_begins_to_be_read_is_said_of_one_log_and_of_several() {
        assert_eq!(begun(&["Read /p/a"]), "Read /p/a: its runs stand here as they are read");
        assert_eq!(begun(&["Read /p/a", "Read /p/b"]), "Reading 2 logs: their runs stand here as they are read");
    }

    #[test]
    fn a_forgotten_log_says_what_comes_back_with_it() {
        let one = DeletedSource {
            kind: Kind::Wandb,
            path: "/home/me/wandb".to_owned(),
            project: None,
            runs: 2,
            deleted_ms: 7,
        };
        let item = forgotten(&one);
        assert_eq!((item.key.as_str(), item.deleted_ms), ("/home/me/wandb", 7));
        assert_eq!(item.name, "W&B offline · /home/me/wandb · with 2 runs");
        assert_eq!(forgotten(&DeletedSource { runs: 0, ..one }).name, "W&B offline · /home/me/wandb");
    }

    #[test]
    fn what_was_found_is_taken_with_what_is_read_already() {
        let log = |path: &str| FoundLog { kind: Kind::Wandb, path: path.to_owned(), known: None, logs: None };
        let known = FoundLog { known: Some(SourceId::from_bytes([1; 16])), ..log("/p/a") };
        let found = [known, FoundLog { logs: Some(2), ..log("/p") }];
        let csv = found_as_text(&found, TextForm::Csv).rows;
        assert_eq!(csv, [["W&B offline", "/p/a", "", "is read"], ["W&B offline", "/p", "2", ""]]);
        assert_eq!(found_as_text(&found, TextForm::Markdown).rows[1], ["W&B offline", "/p", "2", "–"]);
    }

    #[test]
    fn a_log_is_taken_with_what_became_of_it() {
        let source = Source {
            id: SourceId::from_bytes([1; 16]),
            kind: Kind::Wandb,
            path: "/home/me/wandb".to_owned(),
            project: None,
            watched: true,
            runs: 3,
            warnings: Vec::new(),
            warned: 0,
            error: None,
            added_ms: 0,
            read_ms: None,
        };
        let failed = Source { error: Some(ApiError::not_found("It is gone.")), read_ms: Some(0), ..source.clone() };
        let partly = Source { watched: false, warned: 2, ..source.clone() };
        assert_eq!(state_of(&partly), "read once, 2 not read");
        let told = |runs| what_stays(&Source { runs, ..source.clone() });
        assert!(
            told(0).ends_with("stays as it is. It gave no run.")
                && told(1).ends_with("1 run; deleted, it can be restored.")
        );
        assert_eq!(
            told(1_200),
            "/home/me/wandb is read no more, and stays as it is. It gave 1,200 runs; deleted, they can be restored."
        );
        let csv = as_text(&[source, failed], TextForm::Csv);
        assert_eq!(csv.rows[0], ["W&B offline", "/home/me/wandb", "3", "followed", ""]);
        assert_eq!(csv.rows[1][3..], ["It is gone.", "1970-01-01T00:00:00Z"]);
        let place = "mlruns/0/meta.yaml, line 3".to_owned();
        let unread = SourceWarning { place, message: "No number.".to_owned(), of_rows: false };
        assert_eq!(places_as_text(&[unread]).rows, [["mlruns/0/meta.yaml, line 3", "No number."]]);
    }
}
