//! Registering a run's model: its name, and whether it becomes the champion, beside the figures of both.

use api::{
    evaluation::Figure as Measured,
    id::RunId,
    model::{CHAMPION, ListModels, Model, RegisterModel, Version},
    run::{GetEvaluation, GetRun},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    card::{Figure, Figures},
    dialog::Dialog,
    field::{Labelled, Switch, TextField},
    icon,
    toast::Toasts,
    words,
};
use crate::{
    client::{Client, query::query},
    frame::place::Place,
};

#[component]
pub(crate) fn Register(
    open: RwSignal<bool>,
    #[prop(into)] run: Signal<Option<RunId>>,
    on_done: impl Fn(Version) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <Dialog open title="Register model">
            {
                let on_done = on_done.clone();
                run.get_untracked().map(|run| view! { <Form open run on_done /> })
            }
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>, run: RunId, on_done: impl Fn(Version) + Clone + Send + Sync + 'static) -> impl IntoView {
    let client = Client::get();
    let place = Place::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let models = query(move || place.project.get().map(ListModels::of));
    let report = query(move || Some(GetEvaluation { run }));
    let trained = query(move || Some(GetRun { run }));
    let name = RwSignal::new(String::new());
    let is_champion = RwSignal::new(false);
    // The model that got the newest version is the one that is gone on with.
    Effect::new(move |done: Option<bool>| {
        let newest = models.value.with(|models| models.as_deref().and_then(newest_name));
        if done != Some(true)
            && let Some(newest) = newest
            && name.with_untracked(String::is_empty)
        {
            name.set(newest);
        }
        done == Some(true) || models.value.with(Option::is_some)
    });
    let champion = Memo::new(move |_| {
        let name = name.get();
        models.value.with(|models| champion_of(models.as_deref().unwrap_or_default(), name.trim()))
    });
    let figure = Memo::new(move |_| {
        report.value.with(|report| {
            let report = report.as_ref()?;
            report.test.iter().find(|figure| figure.name == report.primary).cloned()
        })
    });
    let beats = Memo::new(move |_| {
        let champion = champion.get()?;
        figure.with(|figure| figure.as_ref()?.beats(champion.primary.as_ref()?))
    });
    // Left empty, the project's name says by the host's rules which model it is: that is known where there is none.
    let is_first = Memo::new(move |_| {
        let is_named = name.with(|name| !name.trim().is_empty());
        let models = models.value.with(|models| models.as_ref().map(Vec::is_empty));
        models.is_some_and(|none| none || (is_named && champion.with(Option::is_none)))
    });
    // The first of its name, and what is measured better, is proposed; what a person chose stays until another
    // name is compared.
    Effect::new(move |_| is_champion.set(is_first.get() || beats.get() == Some(true)));
    let figures = Signal::derive(move || {
        let own = figure.get().map(|figure| shown("This run", &figure));
        let other = champion
            .get()
            .and_then(|champion| Some(shown(&format!("Champion, v{}", champion.number), champion.primary.as_ref()?)));
        own.into_iter().chain(other).collect::<Vec<_>>()
    });
    // Of other data, other rows were its test part.
    let apart = Memo::new(move |_| {
        let own = trained.value.with(|run| run.as_ref()?.snapshot_number)?;
        let other = champion.get().filter(|champion| champion.primary.is_some())?.snapshot_number?;
        (own != other).then(|| format!("Each is measured on the test part of its own data: v{own}, and v{other}."))
    });
    let register = move || {
        let on_done = on_done.clone();
        let request = RegisterModel {
            run,
            name: Some(name.get_untracked().trim().to_owned()).filter(|name| !name.is_empty()),
            aliases: if is_champion.get_untracked() { vec![CHAMPION.to_owned()] } else { Vec::new() },
        };
        pending.run(async move { client.call(request).await }, move |version| {
            open.set(false);
            toasts.done(format!("Registered as {} v{}", version.model_name, version.number));
            on_done(version);
        });
    };
    let register = StoredValue::new(register);
    let press = move || register.with_value(|register| register());
    view! {
        <div class="content form">
            <Labelled label="Name" hint="Another name is another model. Left empty, it takes the project's.">
                <TextField value=name class="mono" placeholder=untrack(|| place.name()) on_enter=Callback::new(move |()| press()) />
            </Labelled>
            {move || (!figures.with(Vec::is_empty)).then(|| view! { <Figures figures /> })}
            {move || apart.get().map(|said| view! { <small class="muted">{said}</small> })}
            <Switch value=is_champion label="Make it the champion" />
            {move || (beats.get() == Some(false) && is_champion.get()).then(|| view! {
                <small class="warn" role="status">"The present champion is not worse on test."</small>
            })}
            {move || (report.value.with(Option::is_some) && figure.with(Option::is_none)).then(|| view! {
                <small class="muted">"It was not measured on test rows."</small>
            })}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Register" mark=icon::BOX kind="primary" disabled=pending.busy on_press=press />
        </footer>
    }
}

fn shown(label: &str, figure: &Measured) -> Figure {
    Figure::new(label, words::figure(figure.value), format!("{}, test", words::metric(&figure.name)))
}

/// The name of the model that got the newest version.
fn newest_name(models: &[Model]) -> Option<String> {
    let versions = models.iter().flat_map(|model| &model.versions);
    versions.max_by_key(|version| version.created_ms).map(|version| version.model_name.clone())
}

fn champion_of(models: &[Model], name: &str) -> Option<Version> {
    let versions = &models.iter().find(|model| model.name == name)?.versions;
    versions.iter().find(|version| version.aliases.iter().any(|alias| alias == CHAMPION)).cloned()
}
