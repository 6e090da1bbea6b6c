//! Settings: appearance, paths, storage and cleaning, tracking server, registries, targets, secrets, the app's own log.

use api::host::{
    CollectGarbage, CompactDatabase, GetHost, GetSettings, GetStorage, PutSettings, Settings as Values, Storage,
    StoragePart, Theme,
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    frame::crumbs::crumbs,
    parts::{
        button::{Button, Pending},
        card::Card,
        field::{Labelled, Segments, Switch, TextField},
        icon,
        states::Load,
        tabs::{Tab, Tabs, current_tab, keys_of},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

mod log;
mod outside;
mod secrets;
mod tracking;

const TABS: [Tab; 6] = [
    Tab::new("general", "General"),
    Tab::new("tracking", "Tracking server"),
    Tab::new("outside", "Registries and targets"),
    Tab::new("secrets", "Secrets"),
    Tab::new("storage", "Storage"),
    Tab::new("log", "Log"),
];

#[component]
pub(crate) fn Settings() -> impl IntoView {
    crumbs(|| vec![("Settings".to_owned(), None)]);
    let tab = current_tab(|| keys_of(&TABS));
    view! {
        <div class="body-of-page">
            <div class="head"><div><h1>"Settings"</h1></div></div>
            <Tabs tabs=Signal::stored(TABS.to_vec()) current=tab />
            <div class="section narrow">
                {move || match tab.get().as_str() {
                    "tracking" => view! { <tracking::TrackingServer /> }.into_any(),
                    "outside" => view! { <outside::Outside /> }.into_any(),
                    "secrets" => view! { <secrets::Secrets /> }.into_any(),
                    "storage" => view! { <StorageTab /> }.into_any(),
                    "log" => view! { <log::Log /> }.into_any(),
                    _ => view! { <General /> }.into_any(),
                }}
            </div>
        </div>
    }
}

#[component]
fn General() -> impl IntoView {
    let settings = query(|| Some(GetSettings {}));
    view! {
        <Load query=settings let:settings>
            <Form first=settings.get_untracked() />
        </Load>
        <About />
    }
}

const GIGABYTE: f64 = 1e9;

/// 20, 12.5: as many digits as it was given with, two at most.
fn gigabytes(bytes: u64) -> String {
    let text = format!("{:.2}", bytes as f64 / GIGABYTE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a text of gigabytes stands for; the text of `before` is `before` to the byte.
fn bytes_of(text: &str, before: Option<u64>) -> Option<u64> {
    let text = text.trim();
    if let Some(before) = before.filter(|before| gigabytes(*before) == text) {
        return Some(before);
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0)?;
    Some((value * GIGABYTE).round() as u64)
}

#[component]
fn Form(first: Values) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let theme = RwSignal::new(
        match first.theme {
            Theme::System => "system",
            Theme::Dark => "dark",
            Theme::Light => "light",
        }
        .to_owned(),
    );
    let samples = RwSignal::new(first.samples_folder.clone().unwrap_or_default());
    let memory = RwSignal::new(first.memory_limit_bytes.map(gigabytes).unwrap_or_default());
    let reference = RwSignal::new(gigabytes(first.reference_above_bytes));
    let notifications = RwSignal::new(first.notifications);
    let price = |price: Option<f64>| RwSignal::new(price.map(|price| price.to_string()).unwrap_or_default());
    let (per_hour, per_kwh) = (price(first.price_per_hour), price(first.price_per_kwh));
    let currency = RwSignal::new(first.currency.clone());
    let wrong = move |text: &str| {
        (!text.trim().is_empty() && bytes_of(text, None).is_none())
            .then(|| "A number of gigabytes, such as 12.5".to_owned())
    };
    let no_price = move |text: &str| {
        (!text.trim().is_empty() && price_of(text).is_none()).then(|| "An amount of 0 or more, such as 1.20".to_owned())
    };
    let kept = first.clone();
    let values = move || Values {
        theme: theme_of(&theme.get()),
        samples_folder: Some(samples.get().trim().to_owned()).filter(|folder| !folder.is_empty()),
        memory_limit_bytes: bytes_of(&memory.get(), kept.memory_limit_bytes),
        notifications: notifications.get(),
        reference_above_bytes: bytes_of(&reference.get(), Some(kept.reference_above_bytes))
            .unwrap_or(kept.reference_above_bytes),
        secret_store: kept.secret_store,
        tracking_open: kept.tracking_open,
        tracking_port: kept.tracking_port,
        tracking_measured: kept.tracking_measured,
        tracking_max_cost: kept.tracking_max_cost,
        tracking_max_hours: kept.tracking_max_hours,
        tracking_max_kwh: kept.tracking_max_kwh,
        price_per_hour: price_of(&per_hour.get()),
        price_per_kwh: price_of(&per_kwh.get()),
        currency: currency.get().trim().to_owned(),
    };
    // How it looks changes at once; the rest when it is whole.
    pending.at_each(
        move || (theme.get(), notifications.get()),
        move |(theme, notifications)| {
            let theme = theme_of(&theme);
            let put = async move {
                let settings = client.call(GetSettings {}).await?;
                client.call(PutSettings { settings: Values { theme, notifications, ..settings } }).await
            };
            pending.run(put, |_| {});
        },
    );
    let values = StoredValue::new(values);
    let saved = RwSignal::new(values.with_value(|values| untrack(values)));
    let is_saved = Memo::new(move |_| {
        let now = values.with_value(|values| values());
        saved.with(|saved| Values { theme: saved.theme, notifications: saved.notifications, ..now } == *saved)
    });
    let save = move || {
        let settings = values.with_value(|values| untrack(values));
        let put_there = settings.clone();
        let put = async move {
            // What the tracking server's tab says stays.
            let now = client.call(GetSettings {}).await?;
            let Values { tracking_open, tracking_port, tracking_measured, .. } = now;
            let settings = Values { tracking_open, tracking_port, tracking_measured, ..settings };
            let settings = settings.with_tracking_budget(&now.tracking_budget());
            client.call(PutSettings { settings }).await
        };
        pending.run(put, move |_| {
            saved.try_set(put_there);
            toasts.done("Saved");
        });
    };
    let nothing = Signal::derive(move || pending.busy.get() || is_saved.get());
    let no_cost = Signal::derive(move || {
        nothing.get() || per_hour.with(|text| no_price(text)).or_else(|| per_kwh.with(|text| no_price(text))).is_some()
    });
    view! {
        <Card title="Appearance">
            <div class="form">
                <Labelled label="Theme"><Segments value=theme name="Theme" options=vec![("system", "System"), ("dark", "Dark"), ("light", "Light")] /></Labelled>
                <Switch value=notifications label="Desktop notifications when work ends while the window is not in front, and for alerts" />
            </div>
        </Card>
        <Card title="Work" class="section">
            <div class="form">
                <Labelled label="Folder for samples" hint="Opening a sample copies it there. Empty: Slipway Samples in your documents folder.">
                    <TextField value=samples class="mono" placeholder="Slipway Samples" />
                </Labelled>
                <Labelled label="Memory for all trainings, GB" hint="Two trainings run at once only where they fit. Empty: 80 % of the machine's." error=Signal::derive(move || wrong(&memory.get()))>
                    <TextField value=memory class="mono short" placeholder="automatic" />
                </Labelled>
                <Labelled label="Copy data up to, in GB" hint="Larger folders are referenced by their hashes, and must stay where they are." error=Signal::derive(move || wrong(&reference.get()))>
                    <TextField value=reference class="mono short" />
                </Labelled>
                <div class="flex"><Button label="Save" kind="primary" disabled=nothing on_press=save /></div>
            </div>
        </Card>
        <Card title="Cost" class="section">
            <div class="form">
                <Labelled label="Price of an hour of this machine" hint="Runs that are started from then on say what they cost. Empty: nothing." error=Signal::derive(move || no_price(&per_hour.get()))>
                    <TextField value=per_hour class="mono short" placeholder="none" />
                </Labelled>
                <Labelled label="Price of a kilowatt-hour" hint="Added where the GPUs tell their energy." error=Signal::derive(move || no_price(&per_kwh.get()))>
                    <TextField value=per_kwh class="mono short" placeholder="none" />
                </Labelled>
                <Labelled label="Currency"><TextField value=currency class="mono short" placeholder="USD" /></Labelled>
                <div class="flex"><Button label="Save" kind="primary" disabled=no_cost on_press=save /></div>
            </div>
        </Card>
    }
}

/// An amount of money; `None` where the text is none.
fn price_of(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0)
}

fn theme_of(key: &str) -> Theme {
    match key {
        "dark" => Theme::Dark,
        "light" => Theme::Light,
        _ => Theme::System,
    }
}

#[component]
fn About() -> impl IntoView {
    let host = query(|| Some(GetHost {}));
    view! {
        <Card title="About" class="section">
            <Load query=host lines=3 let:host>
                {move || {
                    let host = host.get();
                    let work = if host.work.is_empty() { "nothing is under way".to_owned() } else { host.work.join(", ") };
                    view! {
                        <dl class="pairs">
                            <dt>"Version"</dt><dd class="mono">{host.version}</dd>
                            <dt>"Protocol"</dt><dd class="mono">{host.protocol}</dd>
                            <dt>"System"</dt><dd>{host.platform}</dd>
                            <dt>"Host"</dt><dd>"process "<span class="mono">{host.pid}</span>", started "<Ago ms=host.started_ms />", "{work}</dd>
                            <dt>"Workspace"</dt><dd class="mono">{host.workspace}</dd>
                            <dt>"Licence"</dt><dd>"Apache-2.0. Fonts: Inter, JetBrains Mono (OFL). Icons: Lucide (ISC)."</dd>
                        </dl>
                    }
                }}
            </Load>
        </Card>
    }
}

#[component]
fn StorageTab() -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let storage = query(|| Some(GetStorage {}));
    let collect = move || {
        pending.run(async move { client.call(CollectGarbage { dry_run: false }).await }, move |freed| {
            toasts.done(format!(
                "Freed {} ({})",
                words::bytes(freed.bytes),
                words::counted(freed.records, "record", "records")
            ));
            storage.refresh();
        });
    };
    let compact = move || {
        pending.run(async move { client.call(CompactDatabase {}).await }, move |_| {
            toasts.done("Compacting the database: see Jobs");
        });
    };
    view! {
        <Load query=storage let:storage>
            <Card title="Cleaning">
                <div class="flex">
                    <span class="grow">
                        {move || match storage.get() {
                            Storage { not_counted: Some(why), .. } => why.to_string(),
                            Storage { collectable_bytes: 0, .. } => "Nothing to free. Files that were dropped on a page stay for an hour.".to_owned(),
                            Storage { collectable_bytes: bytes, .. } => format!("{} can be freed: what deleted runs, snapshots, versions and deployments left, unused uploads, and caches.", words::bytes(bytes)),
                        }}
                    </span>
                    <Button label="Free it" mark=icon::TRASH disabled=Signal::derive(move || pending.busy.get() || storage.get().collectable_bytes == 0) on_press=collect />
                </div>
            </Card>
            <Card title="Database" class="section">
                <div class="flex">
                    <span class="grow">
                        {move || match storage.get().compactable_bytes {
                            0 => "The database has no unused space.".to_owned(),
                            bytes => format!("{} of the database is unused since something was deleted. New records fill it; compacting gives it back to the disk. Programs may go on logging meanwhile.", words::bytes(bytes)),
                        }}
                    </span>
                    <Button label="Compact it" mark=icon::DATABASE disabled=Signal::derive(move || pending.busy.get() || storage.get().compactable_bytes == 0) on_press=compact />
                </div>
            </Card>
            <Card title="Space used" class="section" flush=true
                extra=ViewFn::from(move || view! {
                    <span class="faint caption">{move || words::bytes(whole(&storage.get()))}" in all"</span>
                    <TakeTable of=("part", "parts") table=move |form| storage.with_untracked(|storage| as_text(storage, form)) />
                })>
                <div class="list slim">{move || parts(&storage.get())}</div>
            </Card>
        </Load>
    }
}

fn whole(storage: &Storage) -> u64 {
    storage.parts.iter().map(|part| part.size_bytes).sum()
}

/// All parts by their size.
fn as_text(storage: &Storage, form: Form) -> TextTable {
    let mut all: Vec<_> = storage.parts.iter().collect();
    all.sort_by_key(|part| std::cmp::Reverse(part.size_bytes));
    let row = |part: &StoragePart| [words::capital(&part.name), part.detail.clone(), form.size(part.size_bytes)];
    TextTable::of([("Part", false), ("What", false), ("Size", true)], all.into_iter().map(row))
}

/// The parts by their size; those that hold nothing are only named.
fn parts(storage: &Storage) -> impl IntoView + use<> {
    let all = whole(storage).max(1);
    let (mut held, empty): (Vec<_>, Vec<_>) = storage.parts.clone().into_iter().partition(|part| part.size_bytes > 0);
    held.sort_by_key(|part| std::cmp::Reverse(part.size_bytes));
    let empty = empty.into_iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    let rows = held.into_iter().map(move |part| {
        view! {
            <div>
                <div class="part cut" title=part.name.clone()>{words::capital(&part.name)}</div>
                <div class="grow small muted cut" title=part.detail.clone()>{part.detail.clone()}</div>
                <div class="bar share"><i style:width=format!("{:.1}%", part.size_bytes as f64 / all as f64 * 100.0)></i></div>
                <span class="num end wide-number">{words::bytes(part.size_bytes)}</span>
            </div>
        }
    });
    view! {
        {rows.collect_view()}
        {(!empty.is_empty()).then(|| view! { <div><div class="grow muted">"Empty: "{empty}</div></div> })}
        <div>
            <div class="grow muted">"Free on this disk"</div>
            <span class="num end wide-number">{words::bytes(storage.free_bytes)}</span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_taken_by_its_size() {
        let part =
            |name: &str, size_bytes| StoragePart { name: name.to_owned(), size_bytes, detail: "runs".to_owned() };
        let storage = Storage {
            workspace: String::new(),
            parts: vec![part("cache", 0), part("blobs", 2048)],
            free_bytes: 0,
            collectable_bytes: 0,
            not_counted: None,
            compactable_bytes: 0,
        };
        assert_eq!(as_text(&storage, Form::Csv).rows, [["Blobs", "runs", "2048"], ["Cache", "runs", "0"]]);
    }

    #[test]
    fn gigabytes_are_shown_as_they_are_given() {
        for text in ["20", "12.5", "0.26"] {
            assert_eq!(gigabytes(bytes_of(text, None).unwrap()), text);
        }
        let odd = 20 << 30;
        assert_eq!(bytes_of(&gigabytes(odd), Some(odd)), Some(odd));
        assert_eq!(bytes_of("21.5", Some(odd)), Some(21_500_000_000));
        assert!(bytes_of("many", None).is_none() && bytes_of("-1", None).is_none() && bytes_of("", None).is_none());
    }
}
