//! The app's own log, newest last, filtered by level and words.

use api::host::{GetLog, LogLine};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    client::query::query,
    frame::address::keep_in_address,
    parts::{
        button::Button,
        field::{Segments, TextField},
        icon,
        states::{Empty, Load},
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

/// The least level that is shown.
const LEVELS: [(&str, &str); 4] = [("debug", "All"), ("info", "Info"), ("warn", "Warnings"), ("error", "Errors")];

/// The level that an address without one shows.
fn usual() -> String {
    LEVELS[1].0.to_owned()
}

#[component]
pub(super) fn Log() -> impl IntoView {
    let asked = use_location().query;
    let named = |key: &str| asked.with_untracked(|asked| asked.get(key));
    let level =
        RwSignal::new(named("level").filter(|level| LEVELS.iter().any(|(key, _)| key == level)).unwrap_or_else(usual));
    let contains = RwSignal::new(named("filter").unwrap_or_default());
    keep_in_address(move || {
        let level = Some(level.get()).filter(|level| *level != usual()).unwrap_or_default();
        vec![("level", level), ("filter", contains.get())]
    });
    let lines = query(move || {
        let contains = Some(contains.get()).filter(|text| !text.is_empty());
        Some(GetLog { level: Some(level.get()), contains, limit: Some(500) })
    });
    view! {
        <div class="flex">
            <Segments value=level name="Level" options=LEVELS.to_vec() />
            <TextField value=contains name="Filter the log" placeholder="Filter" mark=icon::LIST_FILTER is_filter=true class="grow" />
            <Button label="Refresh" mark=icon::REFRESH_CW on_press=move || lines.refresh() />
            <TakeTable of=("line", "lines") table=move |form| lines.value.with_untracked(|lines| as_text(lines.as_deref().unwrap_or_default(), form)) />
        </div>
        <div class="card section scrolls own-log">
            <Load query=lines let:lines>
                {move || {
                    let lines = lines.get();
                    if lines.is_empty() {
                        return view! { <Empty mark=icon::SCROLL_TEXT title="Nothing to read" text="No line of this level and with these words." /> }.into_any();
                    }
                    let rows = lines.into_iter().rev().map(|line| {
                        let tone = match line.level.as_str() {
                            "ERROR" => "bad",
                            "WARN" => "warn",
                            _ => "faint",
                        };
                        view! {
                            <tr>
                                <td class="mono faint" title=words::exact(line.at_ms)>{words::clock_with_seconds(line.at_ms)}</td>
                                <td class=format!("mono {tone}")>{line.level}</td>
                                <td class="wraps">{line.message}</td>
                                <td class="mono faint cut">{line.target}</td>
                            </tr>
                        }
                    });
                    view! { <table class="small-table"><tbody>{rows.collect_view()}</tbody></table> }.into_any()
                }}
            </Load>
        </div>
    }
}

/// As the page has them, the newest first.
fn as_text(lines: &[LogLine], form: Form) -> TextTable {
    let row =
        |line: &LogLine| [form.moment(Some(line.at_ms)), line.level.clone(), line.message.clone(), line.target.clone()];
    let head = [("Time", false), ("Level", false), ("Message", false), ("Where", false)];
    TextTable::of(head, lines.iter().rev().map(row))
}
