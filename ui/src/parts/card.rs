//! Cards, rows of figures, chips, progress.

use leptos::prelude::*;

/// A bordered part of a page with a title; `extra` stands at the right of it.
#[component]
pub(crate) fn Card(
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] extra: Option<ViewFn>,
    #[prop(into, optional)] class: String,
    /// Without inner padding, for lists and tables.
    #[prop(optional)]
    flush: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <section class=format!("card {class}")>
            <header>
                <h2 class="cut">{move || title.get()}</h2>
                {extra.map(|extra| view! { <span class="right flex">{extra.run()}</span> })}
            </header>
            <div class=if flush { "body flush" } else { "body" }>{children()}</div>
        </section>
    }
}

/// One figure of a row of figures.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) value: String,
    /// The unit, or a short remark.
    pub(crate) note: String,
    /// "good", "warn", "bad" where the figure is a state.
    pub(crate) tone: &'static str,
}

impl Figure {
    pub(crate) fn new(label: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), note: note.into(), tone: "" }
    }
}

#[component]
pub(crate) fn Figures(#[prop(into)] figures: Signal<Vec<Figure>>) -> impl IntoView {
    view! {
        <dl class="figures">
            {move || {
                figures
                    .get()
                    .into_iter()
                    .map(|figure| {
                        view! {
                            <div>
                                <dt>{figure.label}</dt>
                                <dd>
                                    <strong class=figure.tone>{figure.value}</strong>
                                    <small>{figure.note}</small>
                                </dd>
                            </div>
                        }
                    })
                    .collect_view()
            }}
        </dl>
    }
}

/// A short state or fact.
#[component]
pub(crate) fn Chip(
    #[prop(into)] text: Signal<String>,
    /// "good", "warn", "bad", "info", "accent", with "mono" for hashes and versions.
    #[prop(into, optional)]
    tone: Signal<String>,
    #[prop(optional)] dot: bool,
) -> impl IntoView {
    view! {
        <span class=move || format!("chip {}", tone.get())>
            {dot.then(|| view! { <i class="dot"></i> })}
            {move || text.get()}
        </span>
    }
}

/// How far something is; without a fraction the bar only says that it goes on.
#[component]
pub(crate) fn Progress(#[prop(into)] fraction: Signal<Option<f64>>, #[prop(into)] label: String) -> impl IntoView {
    view! {
        <div
            class="bar"
            class:unknown=move || fraction.get().is_none()
            role="progressbar"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || fraction.get().map(|fraction| format!("{:.0}", fraction * 100.0))
        >
            <i style:width=move || format!("{:.2}%", fraction.get().unwrap_or(0.35).clamp(0.0, 1.0) * 100.0)></i>
        </div>
    }
}

/// A sentence of the host's in which `[label](link)` marks a link.
#[component]
pub(crate) fn Sentence(#[prop(into)] text: String) -> impl IntoView {
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, label, link, after)) = next_link(rest) {
        parts.push(before.to_owned().into_any());
        parts.push(view! { <a class="link" href=link.to_owned()>{label.to_owned()}</a> }.into_any());
        rest = after;
    }
    parts.push(rest.to_owned().into_any());
    parts
}

fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let open = text[..middle].rfind('[')?;
    let close = middle + text[middle..].find(')')?;
    Some((&text[..open], &text[open + 1..middle], &text[middle + 2..close], &text[close + 1..]))
}
