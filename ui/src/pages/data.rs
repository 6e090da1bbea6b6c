//! Data: the versions as a line, and of one version its rows, its profile, and how it differs from
//! another. Files that a person drops here are looked at before anything is stored.

mod acts;
mod banners;
mod column;
mod column_menu;
mod drift;
mod keeping;
mod leaks;
mod preview;
mod profile;

use api::{
    config::ColumnType,
    dataset::{Dataset, GetDataset, GetProfile, Profile, Snapshot, TakeSnapshot},
    deleted::{ListDeletedSnapshots, PurgeSnapshot, RestoreSnapshot},
    id::SnapshotId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    client::{
        Client,
        query::{Query, prepared::prepared, query},
    },
    frame::{crumbs::crumbs, place::Place},
    parts::{
        button::{Button, Pending},
        dialog::Confirm,
        field::TextField,
        icon::{self, Icon, icon},
        menu::{Item, MenuButton},
        row_keys::move_among_rows,
        states::{Load, Problem},
        tabs::{Tab, Tabs, current_tab, keys_of},
        toast::Toasts,
        under_way::UnderWay,
        when::Ago,
        words,
    },
};

const TABS: [Tab; 3] = [Tab::new("preview", "Preview"), Tab::new("profile", "Profile"), Tab::new("drift", "Drift")];

#[component]
pub(crate) fn Data() -> impl IntoView {
    let place = Place::get();
    let dataset = query(move || place.project.get().map(|project| GetDataset { project }));
    crumbs(move || {
        let name = dataset.value.with(|dataset| dataset.as_ref().map(|dataset| dataset.name.clone()));
        let mut all = vec![("Data".to_owned(), Some(place.link("data")))];
        all.extend(name.filter(|name| !name.is_empty() && name != "data").map(|name| (name, None)));
        all
    });
    view! {
        <Load query=dataset lines=8 let:dataset>
            {
                let none = Memo::new(move |_| dataset.with(|dataset| dataset.snapshots.is_empty()));
                view! {
                    {move || if none.get() { view! { <keeping::First dataset /> }.into_any() } else { view! { <Versions dataset /> }.into_any() }}
                }
            }
        </Load>
    }
}

/// Takes a snapshot, once it is called; an empty `message` is left to the host to word.
fn taking(message: RwSignal<String>) -> (Pending, impl Fn() + Copy + Send + Sync + 'static) {
    let place = Place::get();
    let client = Client::get();
    let pending = Pending::new();
    let take = move || {
        let Some(project) = place.project.get_untracked() else { return };
        // How far it is and how it ended stands above the tabs, and on the Jobs page.
        let said = Some(message.get_untracked().trim().to_owned()).filter(|said| !said.is_empty());
        let request = TakeSnapshot { project, message: said };
        pending.run(async move { client.call(request).await }, move |_| message.set(String::new()));
    };
    (pending, take)
}

/// Takes a snapshot of what the folder holds now, with a word on what changed where the person has one.
#[component]
fn TakeButton(
    #[prop(into)] label: String,
    #[prop(into)] kind: String,
    /// It can't be taken now, as is said beside it.
    #[prop(into, optional)]
    blocked: Signal<bool>,
    /// Nothing was there before that could have changed.
    #[prop(optional)]
    is_first: bool,
) -> impl IntoView {
    let message = RwSignal::new(String::new());
    let (pending, take) = taking(message);
    let disabled = Signal::derive(move || pending.busy.get() || blocked.get());
    let entered = Callback::new(move |()| {
        if !disabled.get_untracked() {
            take();
        }
    });
    view! {
        <span class="flex take">
            <TextField value=message name=if is_first { "Note" } else { "What changed" }
                placeholder=if is_first { "Note (optional)" } else { "What changed (optional)" } on_enter=entered />
            <Button label kind mark=icon::PLUS disabled on_press=take />
        </span>
    }
}

#[component]
fn Versions(dataset: Signal<Dataset>) -> impl IntoView {
    let place = Place::get();
    let asked = use_location().query;
    let number = Memo::new(move |_| asked.with(|asked| asked.get("v")).and_then(|number| number.parse::<u32>().ok()));
    let chosen = Memo::new(move |before: Option<&Snapshot>| {
        dataset
            .with(|dataset| {
                let named =
                    number.get().and_then(|number| dataset.snapshots.iter().find(|snapshot| snapshot.number == number));
                named.or_else(|| dataset.snapshots.first()).cloned().or_else(|| before.cloned())
            })
            .unwrap_or_else(empty)
    });
    let chosen_id = Memo::new(move |_| chosen.with(|snapshot| snapshot.id));
    let measured = prepared(move || Some(GetProfile { snapshot: chosen_id.get() }));
    let profile = measured.query;
    // Roles are the project file's: when it changes, the profile is asked again.
    let file =
        Memo::new(move |_| place.known.value.with(|project| project.as_ref().map(|project| project.file.data.clone())));
    Effect::new(move |before: Option<Option<api::config::DataConfig>>| {
        let now = file.get();
        if before.as_ref().is_some_and(|before| before.is_some() && *before != now) {
            profile.refresh();
        }
        now
    });
    let tab = current_tab(|| keys_of(&TABS));
    let acts = acts::Acts::new(chosen_id);
    let newest = Memo::new(move |_| dataset.with(|dataset| dataset.snapshots.first().map(|snapshot| snapshot.id)));
    view! {
        <div class="split-data">
            <aside class="vers" aria-label="Snapshots" on:keydown=move_among_rows>
                <h2>"Snapshots"</h2>
                <For each=move || dataset.with(|dataset| dataset.snapshots.clone()) key=|snapshot| snapshot.id let:snapshot>
                    <VersionLine snapshot newest chosen=chosen_id acts />
                </For>
            </aside>
            <section class="data-main">
                <div class="hd">
                    <Head dataset chosen profile tab acts />
                    <acts::Dialogs acts />
                    {move || dataset.with(|dataset| dataset.problem.clone()).map(|error| view! { <Problem error /> })}
                    <banners::Changed dataset />
                    <leaks::Leaks profile=profile.value />
                    <keeping::Reread dataset profile=profile.value />
                    <keeping::Underway />
                    // On its own tab the job stands where the profile will be.
                    <Show when=move || tab.with(|tab| tab != "profile") || profile.value.with(Option::is_some)>
                        <UnderWay job=measured.job />
                    </Show>
                    <banners::Beside dataset />
                    <banners::Arrived dataset />
                </div>
                <div class="tab-line">
                    <Tabs tabs=TABS.to_vec() current=tab />
                </div>
                {move || match tab.get().as_str() {
                    "profile" => view! { <profile::ProfileTab measured snapshot=chosen_id /> }.into_any(),
                    "drift" => view! { <drift::DriftTab dataset chosen=chosen_id /> }.into_any(),
                    _ => view! { <preview::PreviewTab snapshot=chosen_id profile=profile.value /> }.into_any(),
                }}
            </section>
        </div>
    }
}

#[component]
fn VersionLine(
    snapshot: Snapshot,
    newest: Memo<Option<SnapshotId>>,
    chosen: Memo<SnapshotId>,
    acts: acts::Acts,
) -> impl IntoView {
    let place = Place::get();
    let asked = use_location().query;
    let id = snapshot.id;
    let number = snapshot.number;
    let href = move || {
        let tab = asked.with(|asked| asked.get("tab")).map(|tab| format!("&tab={tab}")).unwrap_or_default();
        format!("{}?v={number}{tab}", place.link("data"))
    };
    let on = move || chosen.get() == id;
    let rows = words::counted(snapshot.rows, "row", "rows");
    // How many rows it has stands below.
    let message = snapshot.message.strip_suffix(&format!(", {rows}")).unwrap_or(&snapshot.message).to_owned();
    let known = StoredValue::new(snapshot.clone());
    view! {
        <a class="v" class:on=on href=href aria-current=move || on().then_some("true") title=snapshot.content.clone()
            on:contextmenu=move |event| known.with_value(|snapshot| acts.open_at(&event, snapshot))>
            <div class="flex">
                <b class="mono">"v"{snapshot.number}</b>
                {move || (newest.get() == Some(id)).then(|| view! { <span class="chip">"newest"</span> })}
                {(!snapshot.kept).then(|| view! { <span class="chip" title="The files are referenced by their hashes, not copied.">"referenced"</span> })}
            </div>
            <div class="small cut" title=snapshot.message.clone()>{message}</div>
            <div class="caption faint">{rows}" · "<Ago ms=snapshot.created_ms /></div>
        </a>
    }
}

#[component]
fn Head(
    dataset: Signal<Dataset>,
    chosen: Memo<Snapshot>,
    profile: Query<Profile>,
    tab: Memo<String>,
    acts: acts::Acts,
) -> impl IntoView {
    let place = Place::get();
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let gone = query(move || Some(ListDeletedSnapshots { project: dataset.with(|dataset| dataset.project) }));
    let (purging, purged) = (RwSignal::new(false), RwSignal::new(None::<(SnapshotId, u32, u64)>));
    let warnings = move || profile.value.with(|profile| profile.as_ref().map_or(0, |profile| profile.warnings.len()));
    let duplicates =
        move || profile.value.with(|profile| profile.as_ref().and_then(|profile| profile.duplicate_rows)).unwrap_or(0);
    let items = move || {
        let mut items = chosen.with_untracked(|snapshot| acts.items(snapshot));
        for gone in gone.value.get_untracked().into_iter().flatten() {
            let (number, snapshot) = (gone.number, gone.snapshot);
            let restore = move || {
                let request = RestoreSnapshot { snapshot };
                pending.run(async move { client.call(request).await }, move |back| {
                    toasts.done(format!("Restored snapshot v{}", back.number));
                });
            };
            items.push(
                Item::new(format!("Restore snapshot v{number}"), icon::UNDO_2, restore).under("Deleted within a day"),
            );
            let purge = move || {
                purged.set(Some((snapshot, number, gone.frees_bytes)));
                purging.set(true);
            };
            items.push(
                Item::new(format!("Delete snapshot v{number} for good…"), icon::TRASH, purge)
                    .danger()
                    .under("Deleted within a day"),
            );
        }
        items
    };
    let purge = move || {
        let Some((snapshot, number, _)) = purged.get_untracked() else { return };
        let request = PurgeSnapshot { snapshot };
        pending.run(async move { client.call(request).await }, move |freed| {
            toasts.done(format!("Deleted snapshot v{number} for good; {} freed.", words::bytes(freed.bytes)));
        });
    };
    view! {
        <div class="head">
            <div>
                <h1>{move || dataset.with(|dataset| words::capital(&dataset.name))}</h1>
                <div class="sub">
                    {move || {
                        let snapshot = chosen.get();
                        format!(
                            "{} × {} · {} · {}",
                            words::counted(snapshot.rows, "row", "rows"),
                            words::counted(u64::from(snapshot.columns), "column", "columns"),
                            words::bytes(snapshot.size_bytes),
                            words::counted(snapshot.files, "file", "files"),
                        )
                    }}
                    {move || (duplicates() > 0).then(|| format!(" · {}", words::counted(duplicates(), "duplicate", "duplicates")))}
                    {move || (warnings() > 0).then(|| view! {
                        " · " <a class="warn plain" href=move || format!("{}?tab=profile", place.link("data"))>{words::counted(warnings() as u64, "warning", "warnings")}</a>
                    })}
                </div>
            </div>
            <div class="right flex">
                <MenuButton items />
                <a class="btn primary" href=move || {
                    let snapshot = chosen.get();
                    // What is looked at stays beneath the dialog.
                    format!("{}?tab={}&v={}&train=1&snapshot={}", place.link("data"), tab.get(), snapshot.number, snapshot.id)
                }>{icon(icon::PLAY)}{move || format!("Train on v{}", chosen.with(|snapshot| snapshot.number))}</a>
            </div>
        </div>
        <Confirm
            open=purging
            title=Signal::derive(move || purged.get().map_or_else(String::new, |(_, number, _)| format!("Delete snapshot v{number} for good?")))
            text=Signal::derive(move || {
                let size = words::bytes(purged.get().map_or(0, |(_, _, bytes)| bytes));
                format!("Nothing brings it back then. What no other snapshot has of its files goes with it: {size} are freed.")
            })
            verb="Delete for good"
            on_confirm=purge
        />
    }
}

/// The icon and the word of a column's type.
fn type_of(kind: ColumnType) -> (Icon, &'static str) {
    let mark = match kind {
        ColumnType::Boolean => icon::CHECK,
        ColumnType::Integer | ColumnType::Decimal => icon::ACTIVITY,
        ColumnType::Datetime => icon::CLOCK,
        ColumnType::Category => icon::TAG,
        ColumnType::Text => icon::SCROLL_TEXT,
        ColumnType::Image => icon::IMAGE,
    };
    (mark, kind.word())
}

fn empty() -> Snapshot {
    Snapshot {
        id: SnapshotId::from_bytes([0; 16]),
        dataset: api::id::DatasetId::from_bytes([0; 16]),
        number: 0,
        parent: None,
        content: String::new(),
        message: String::new(),
        rows: 0,
        columns: 0,
        size_bytes: 0,
        files: 0,
        kept: true,
        created_ms: 0,
    }
}
