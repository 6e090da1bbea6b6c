//! What came from what.

use api::run::LineageNode;
use leptos::prelude::*;

use super::{
    icon::{self, Icon, icon},
    words,
};

#[component]
pub(crate) fn Lineage(#[prop(into)] nodes: Signal<Vec<LineageNode>>) -> impl IntoView {
    view! {
        <div class="card list lineage">
            {move || {
                let all = nodes.get();
                let labels: Vec<String> = all.iter().map(|node| node.label.clone()).collect();
                all.into_iter().map(|node| line(node, &labels)).collect_view()
            }}
        </div>
    }
}

fn line(node: LineageNode, labels: &[String]) -> impl IntoView + use<> {
    let mark: Icon = match node.kind.as_str() {
        "snapshot" | "dataset" => icon::DATABASE,
        "split" => icon::LAYERS,
        "run" => icon::ACTIVITY,
        "version" | "logged model" => icon::BOX,
        "package" => icon::PACKAGE,
        _ => icon::UPLOAD,
    };
    let from: Vec<String> = node.from.iter().filter_map(|index| labels.get(*index).cloned()).collect();
    let label = match node.link {
        Some(link) => view! { <a class="link" href=link>{node.label}</a> }.into_any(),
        None => view! { <b>{node.label}</b> }.into_any(),
    };
    view! {
        <div>
            <span class="accent flex">{icon(mark)}</span>
            <span class="caption faint kind">{words::capital(&node.kind)}</span>
            <span class="grow">
                {label}
                <div class="small muted cut">{node.detail}</div>
            </span>
            {(!from.is_empty()).then(|| view! { <span class="caption faint">"from "{from.join(", ")}</span> })}
        </div>
    }
}
