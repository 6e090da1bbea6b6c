//! Models: the registry by name; versions with their aliases, their figure, and where each runs.

use api::{
    model::{ListModels, Model, Version},
    package::ListPackages,
};
use leptos::prelude::*;

use crate::{
    client::query::query,
    frame::{crumbs::crumbs, place::Place},
    parts::{
        card::Chip,
        icon,
        states::{Empty, Load},
        when::Ago,
        words,
    },
};

#[component]
pub(crate) fn Models() -> impl IntoView {
    crumbs(|| vec![("Models".to_owned(), None)]);
    let place = Place::get();
    let models = query(move || place.project.get().map(|project| ListModels { project }));
    view! {
        <div class="body-of-page">
            <div class="head">
                <div>
                    <h1>"Models"</h1>
                    <div class="sub">{move || models.value.get().map(|models| summary(&models))}</div>
                </div>
            </div>
            <Load query=models let:models>
                {move || {
                    let models = models.get();
                    if models.is_empty() {
                        return view! {
                            <Empty mark=icon::BOX title="No model yet" text="A run that is good enough becomes a model version: a name that others can rely on.">
                                <a class="btn primary" href=place.link("runs")>"Choose a run"</a>
                            </Empty>
                        }
                        .into_any();
                    }
                    models.into_iter().map(|model| view! { <Versions model place /> }).collect_view().into_any()
                }}
            </Load>
        </div>
    }
}

fn summary(models: &[Model]) -> String {
    let versions: usize = models.iter().map(|model| model.versions.len()).sum();
    format!(
        "{}, {}",
        words::counted(models.len() as u64, "model", "models"),
        words::counted(versions as u64, "version", "versions")
    )
}

#[component]
fn Versions(model: Model, place: Place) -> impl IntoView {
    let metric =
        model.versions.iter().find_map(|version| version.primary.as_ref()).map(|figure| words::metric(&figure.name));
    view! {
        <section class="card section">
            <header><h2>{model.name.clone()}</h2><span class="right faint caption">"made "<Ago ms=model.created_ms /></span></header>
            <div class="scrolls">
                <table class="small-table">
                    <thead>
                        <tr>
                            <th>"Version"</th><th>"Aliases"</th><th class="num">{metric.unwrap_or_else(|| "Figure".to_owned())}</th>
                            <th>"Kind"</th><th>"Run"</th><th>"Data"</th><th class="num">"Size"</th><th>"Runs on"</th><th class="num">"Registered"</th>
                        </tr>
                    </thead>
                    <tbody>{model.versions.into_iter().map(|version| view! { <Line version place /> }).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn Line(version: Version, place: Place) -> impl IntoView {
    let id = version.id;
    let packages = query(move || Some(ListPackages { version: Some(id) }));
    let figure = version.primary.as_ref().map_or_else(|| "–".to_owned(), |figure| words::figure(figure.value));
    let interval = version.primary.as_ref().and_then(|figure| figure.interval).map(|(low, high)| {
        format!("95 % interval {} to {}, on the test part", words::figure(low), words::figure(high))
    });
    let data = version.snapshot_number.map_or_else(|| "–".to_owned(), |number| format!("v{number}"));
    let deployed = version.deployments.len() as u64;
    view! {
        <tr>
            <td><a class="link mono" href=place.link(&format!("models/{id}"))>{format!("v{}", version.number)}</a></td>
            <td><span class="flex">{version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}</span></td>
            <td class="num" title=interval>{figure}</td>
            <td>{kind(version.kind)}</td>
            <td><a class="link" href=place.link(&format!("runs/{}", version.run))>{version.run_name}</a></td>
            <td class="mono">{data}</td>
            <td class="num">{words::bytes(version.size_bytes)}</td>
            <td>
                {match deployed {
                    0 => view! {
                        <span class="faint">
                            {move || packages.value.get().filter(|packages| !packages.is_empty()).map_or("–", |_| "packaged")}
                        </span>
                    }.into_any(),
                    count => view! { <a class="link" href=place.link("deploy")>{words::counted(count, "deployment", "deployments")}</a> }.into_any(),
                }}
            </td>
            <td class="num"><Ago ms=version.created_ms /></td>
        </tr>
    }
}

/// A model's kind in words.
pub(crate) const fn kind(kind: api::config::ModelChoice) -> &'static str {
    use api::config::ModelChoice;
    match kind {
        ModelChoice::Default => "default",
        ModelChoice::Linear => "linear",
        ModelChoice::Mlp => "MLP",
        ModelChoice::Trees => "trees",
        ModelChoice::Cnn => "CNN",
    }
}
