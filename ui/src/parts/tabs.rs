//! Tabs that are links: each has an address that can be copied.

use leptos::prelude::*;

/// One tab.
#[derive(Clone, PartialEq)]
pub(crate) struct Tab {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    /// How many are in it, where that says something.
    pub(crate) count: Option<u64>,
}

impl Tab {
    pub(crate) const fn new(key: &'static str, label: &'static str) -> Self {
        Self { key, label, count: None }
    }
}

/// A row of tabs; the first has the address without `?tab=`.
#[component]
pub(crate) fn Tabs(
    #[prop(into)] tabs: Signal<Vec<Tab>>,
    #[prop(into)] current: Signal<String>,
    /// What of the query stays in the address of each.
    #[prop(optional)]
    keeps: &'static [&'static str],
) -> impl IntoView {
    let here = leptos_router::hooks::use_location();
    let first = tabs.with_untracked(|tabs| tabs.first().map_or("", |tab| tab.key));
    view! {
        <nav class="tabs" aria-label="Views of this page">
            <For each=move || tabs.get() key=|tab| (tab.key, tab.count) let:tab>
                <a
                    href=move || {
                        let own = (tab.key != first).then_some(tab.key);
                        here.search.with(|search| address(&here.pathname.get(), own, search, keeps))
                    }
                    class:on=move || current.get() == tab.key
                    aria-current=move || (current.get() == tab.key).then_some("page")
                >
                    {tab.label}
                    {tab.count.map(|count| view! { " " <span class="faint">{super::words::count(count)}</span> })}
                </a>
            </For>
        </nav>
    }
}

/// The address of a tab, with what of the query is kept.
fn address(path: &str, tab: Option<&str>, query: &str, keeps: &[&str]) -> String {
    let is_kept = |part: &&str| part.split('=').next().is_some_and(|key| keeps.contains(&key));
    let kept = query.trim_start_matches('?').split('&').filter(is_kept).map(str::to_owned);
    let parts: Vec<String> = tab.map(|tab| format!("tab={tab}")).into_iter().chain(kept).collect();
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
}

/// The tab that the address names, or the first where it names none that is there. `keys` are those of the tabs.
pub(crate) fn current_tab(keys: impl Fn() -> Vec<&'static str> + Send + Sync + 'static) -> Memo<String> {
    // Not `use_query_map`: of flat routes it keeps the old query where only the path's parameters change.
    let query = leptos_router::hooks::use_location().query;
    Memo::new(move |_| named(&keys(), query.with(|query| query.get("tab")).as_deref()).to_owned())
}

/// The keys of tabs that are always there.
pub(crate) fn keys_of(tabs: &[Tab]) -> Vec<&'static str> {
    tabs.iter().map(|tab| tab.key).collect()
}

fn named(keys: &[&'static str], asked: Option<&str>) -> &'static str {
    let there = asked.and_then(|asked| keys.iter().find(|key| **key == asked));
    there.or(keys.first()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_keeps_of_the_query_what_is_to_stay() {
        let of = |tab, query| address("/runs/1", tab, query, &["along", "log"]);
        assert_eq!(of(None, ""), "/runs/1");
        assert_eq!(of(None, "?tab=logs&register=1"), "/runs/1");
        assert_eq!(
            of(Some("logs"), "?tab=code&along=metric.a%2Fb&logs=1&log=x"),
            "/runs/1?tab=logs&along=metric.a%2Fb&log=x"
        );
    }

    #[test]
    fn an_address_that_names_no_tab_is_about_the_first() {
        let keys = keys_of(&[Tab::new("charts", "Charts"), Tab::new("logs", "Logs")]);
        let asked = [None, Some("logs"), Some("Logs"), Some(""), Some("nonsense")];
        assert_eq!(asked.map(|asked| named(&keys, asked)), ["charts", "logs", "charts", "charts", "charts"]);
    }
}
