//! The dialog that makes a model version of a run: its name, and whether it is the champion, with the figures that say so.

use api::{
    evaluation::Figure,
    id::RunId,
    model::{ListModels, RegisterModel},
    run::GetEvaluation,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::{Client, query::query},
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        field::{Labelled, Switch, TextField},
        icon,
        toast::Toasts,
        words,
    },
};

/// The name that most teams give the version that serves.
const CHAMPION: &str = "champion";

#[component]
pub(super) fn Register(run: Memo<RunId>, open: RwSignal<bool>, place: Place) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let navigate = StoredValue::new_local(use_navigate());
    let models = query(move || place.project.get().map(|project| ListModels { project }));
    let report = query(move || Some(GetEvaluation { run: run.get() }));
    let name = RwSignal::new(String::new());
    let champion = RwSignal::new(false);
    let own = Memo::new(move |_| {
        report.value.with(|report| {
            let report = report.as_ref()?;
            report.test.iter().find(|figure| figure.name == report.primary).cloned()
        })
    });
    let reigning = Memo::new(move |_| {
        models.value.with(|models| {
            let versions = models.iter().flatten().flat_map(|model| &model.versions);
            let found = versions.into_iter().find(|version| version.aliases.iter().any(|alias| alias == CHAMPION))?;
            Some((format!("{} v{}", found.model_name, found.number), found.primary.clone()))
        })
    });
    let compared = Signal::derive(move || own.get().map(|own| said(&own, reigning.get())).unwrap_or_default());
    let register = move || {
        let name = Some(name.get_untracked().trim().to_owned()).filter(|name| !name.is_empty());
        let aliases = champion.get_untracked().then(|| CHAMPION.to_owned()).into_iter().collect();
        let request = RegisterModel { run: run.get_untracked(), name, aliases };
        pending.run(async move { client.call(request).await }, move |version| {
            open.try_set(false);
            toasts.done(format!("Registered as {} v{}", version.model_name, version.number));
            let to = place.link(&format!("models/{}", version.id));
            navigate.with_value(|navigate| navigate(&to, Default::default()));
        });
    };
    view! {
        <div class="content form">
            <Labelled label="Name" hint="The same name again makes its next version. Empty takes the project's.">
                <TextField value=name class="mono" on_enter=Callback::new(move |()| register()) />
            </Labelled>
            <Switch value=champion label="Make it the champion" />
            <p class="small muted">{move || compared.get()}</p>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Register" mark=icon::BOX kind="primary" disabled=pending.busy on_press=register />
        </footer>
    }
}

/// What it is worth on its test rows, beside the champion of now.
fn said(own: &Figure, champion: Option<(String, Option<Figure>)>) -> String {
    let first = format!("{} on test rows: {}", words::metric(&own.name), words::figure(own.value));
    match champion {
        Some((name, Some(figure))) if figure.name == own.name => {
            format!("{first}; {name}, the champion of now, has {}.", words::figure(figure.value))
        }
        Some((name, _)) => format!("{first}. The champion of now is {name}."),
        None => format!("{first}. There is no champion yet."),
    }
}
