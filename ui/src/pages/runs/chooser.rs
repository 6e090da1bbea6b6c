//! Which columns the table has: found by a search, shown, pinned, put in another order by dragging or by keys.

use leptos::prelude::*;

use super::{
    Facts,
    columns::{self, Chosen, METRIC, PLAIN},
    delta::direction,
};
use crate::parts::{
    button::{Button, IconButton},
    dialog::Dialog,
    field::{Select, Switch, TextField},
    icon,
};

#[component]
pub(super) fn ColumnChooser(chosen: Chosen, facts: RwSignal<Facts>) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button
            type="button"
            class="btn folds-away"
            aria-haspopup="dialog"
            aria-label="Columns"
            title="Columns"
            on:click=move |_| open.set(true)
        >
            {icon::icon(icon::COLUMNS_3)}
            "Columns"
        </button>
        <Dialog open title="Columns"><Choice chosen facts /></Dialog>
    }
}

#[component]
fn Choice(chosen: Chosen, facts: RwSignal<Facts>) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let shaded = RwSignal::new(chosen.shaded.get_untracked());
    Effect::new(move |before: Option<bool>| {
        let now = shaded.get();
        if before.is_some_and(|before| before != now) {
            chosen.shade(now);
        }
        now
    });
    // What is shown, in its order, and then the others.
    let names = Memo::new(move |_| {
        facts.with(|facts| {
            let shown = chosen.names(facts);
            let plain = PLAIN.iter().map(|(name, _)| (*name).to_owned());
            let others = columns::known(facts).into_iter().chain(plain).filter(|name| !shown.contains(name));
            let others = others.collect::<Vec<_>>();
            let wanted = search.with(|search| search.trim().to_lowercase());
            let fits = |name: &String| {
                name.to_lowercase().contains(&wanted) || columns::called(name).1.to_lowercase().contains(&wanted)
            };
            let lines = shown.into_iter().map(|name| (name, true)).chain(others.into_iter().map(|name| (name, false)));
            lines.filter(|(name, _)| fits(name)).collect::<Vec<_>>()
        })
    });
    let dragged = RwSignal::new(None::<String>);
    view! {
        <div class="content form">
            <TextField value=search name="Search columns" placeholder="Search columns" mark=icon::SEARCH />
            <div class="column-list" role="list">
                <For each=move || names.get() key=|line| line.clone() let:line>
                    <Line name=line.0 is_shown=line.1 chosen facts dragged />
                </For>
                {move || names.with(Vec::is_empty).then(|| view! { <p class="faint padded">"No column is called so."</p> })}
            </div>
            <Switch value=shaded label="Colour the metrics: the better, the stronger" />
        </div>
        <footer>
            <Button label="Let Slipway choose" kind="quiet" disabled=Signal::derive(move || !chosen.is_own()) on_press=move || chosen.forget() />
        </footer>
    }
}

#[component]
fn Line(
    name: String,
    is_shown: bool,
    chosen: Chosen,
    facts: RwSignal<Facts>,
    dragged: RwSignal<Option<String>>,
) -> impl IntoView {
    let (group, label) = columns::called(&name);
    let key = name.strip_prefix(METRIC).map(ToOwned::to_owned);
    let name = StoredValue::new(name);
    let is_pinned = move || name.with_value(|name| chosen.pinned.with(|pinned| pinned.contains(name)));
    let toggle = move || facts.with_untracked(|facts| chosen.toggle(facts, &name.get_value()));
    let shift = move |by: isize| facts.with_untracked(|facts| chosen.shift(facts, &name.get_value(), by));
    let drop_here = move || {
        let Some(from) = dragged.get_untracked() else { return };
        dragged.set(None);
        facts.with_untracked(|facts| {
            let names = untrack(|| chosen.names(facts));
            let place = |wanted: &str| names.iter().position(|own| own == wanted);
            if let (Some(at), Some(to)) = (place(&from), name.with_value(|name| place(name))) {
                chosen.shift(facts, &from, to as isize - at as isize);
            }
        });
    };
    let said = label.clone();
    view! {
        <div
            role="listitem"
            class="column-line flex"
            draggable=is_shown.to_string()
            on:dragstart=move |_| dragged.set(Some(name.get_value()))
            on:dragend=move |_| dragged.set(None)
            on:dragover=move |event| if is_shown { event.prevent_default() }
            on:drop=move |event| {
                event.prevent_default();
                drop_here();
            }
            on:keydown=move |event| {
                let by = match event.key().as_str() {
                    "ArrowUp" if event.alt_key() => -1,
                    "ArrowDown" if event.alt_key() => 1,
                    _ => return,
                };
                event.prevent_default();
                if is_shown {
                    shift(by);
                }
            }
        >
            <label class="grow flex cut">
                <input type="checkbox" prop:checked=is_shown on:change=move |_| toggle() />
                <span class="cut">{label}</span>
                <span class="faint caption">{group}</span>
            </label>
            {key.filter(|_| is_shown).map(|key| view! { <OfMetric key said=said.clone() chosen facts /> })}
            {is_shown.then(|| view! {
                <button
                    type="button"
                    class="btn s icon turns"
                    aria-pressed=move || is_pinned().to_string()
                    aria-label=format!("Pin {said}")
                    title=move || if is_pinned() { "It stays at the left" } else { "Keep it at the left" }
                    on:click=move |_| chosen.pin(&name.get_value())
                >
                    {icon::icon(icon::PIN)}
                </button>
                <IconButton label=format!("{said} further to the left") mark=icon::ARROW_UP on_press=move |_| shift(-1) />
                <IconButton label=format!("{said} further to the right") mark=icon::ARROW_DOWN on_press=move |_| shift(1) />
            })}
        </div>
    }
}

/// What can be said of a metric that is shown: what is good of it, and whether its curve stands beside it.
#[component]
fn OfMetric(
    key: String,
    /// What it is called.
    said: String,
    chosen: Chosen,
    facts: RwSignal<Facts>,
) -> impl IntoView {
    let key = StoredValue::new(key);
    let better = RwSignal::new(
        key.with_value(|key| {
            chosen
                .told
                .with_untracked(|told| told.better.get(key).map_or("", |more| if *more { "more" } else { "less" }))
        })
        .to_owned(),
    );
    Effect::new(move |before: Option<String>| {
        let now = better.get();
        if before.is_some_and(|before| before != now) {
            let more = match now.as_str() {
                "more" => Some(true),
                "less" => Some(false),
                _ => None,
            };
            key.with_value(|key| chosen.say_better(key, more));
        }
        now
    });
    let options = facts.with_untracked(|facts| key.with_value(|key| ways(direction(key, facts.ranked_by.as_ref()))));
    let has_curve = Memo::new(move |_| {
        facts.with(|facts| {
            let names = chosen.names(facts);
            chosen.told.with(|told| key.with_value(|key| told.has_curve(told.lead(facts, &names).as_ref(), key)))
        })
    });
    view! {
        <Select value=better options name=format!("What is good of {said}") />
        <button
            type="button"
            class="btn s icon turns"
            aria-pressed=move || has_curve.get().to_string()
            aria-label=format!("Curve of {said}")
            title=move || if has_curve.get() { "Its curve stands beside it" } else { "Show its curve beside it" }
            on:click=move |_| key.with_value(|key| chosen.draw_curve(key, !has_curve.get_untracked()))
        >
            {icon::icon(icon::ACTIVITY)}
        </button>
    }
}

/// What can be good of a metric: as its name says, or as a person does.
fn ways(by_name: Option<bool>) -> Vec<(String, String)> {
    let by_itself = match by_name {
        Some(true) => "More, by its name",
        Some(false) => "Less, by its name",
        None => "Nothing known",
    };
    let ways = [("", by_itself), ("more", "More is better"), ("less", "Less is better")];
    ways.map(|(way, said)| (way.to_owned(), said.to_owned())).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_says_stands_among_the_choices() {
        let first = |key: &str| ways(direction(key, None))[0].1.clone();
        assert_eq!(
            ["val_loss", "accuracy", "grad_norm"].map(first),
            ["Less, by its name", "More, by its name", "Nothing known"]
        );
    }
}
