//! Names for others to rely on: an alias stands at one version of a model, and moves when it is given to another.

use api::{
    ApiError,
    id::{ModelId, VersionId},
    model::{Model, SetAlias},
    registered::FindModel,
};
use leptos::prelude::*;

use super::{
    button::{Button, IconButton, Pending},
    card::Card,
    field::TextField,
    icon,
    toast::Toasts,
};
use crate::client::Client;

/// Where an alias of a model stands.
pub(crate) fn stands(model: &Model, alias: &str) -> Option<VersionId> {
    let ours = model.versions.iter().map(|version| (version.id, &version.aliases));
    let mut all = ours.chain(model.client_versions.iter().map(|version| (version.id, &version.aliases)));
    all.find(|(_, aliases)| aliases.iter().any(|own| own == alias)).map(|(id, _)| id)
}

/// Points an alias at a version, or takes it away; what undoes that.
pub(crate) async fn set(client: Client, request: SetAlias) -> Result<SetAlias, ApiError> {
    let before = client.call(FindModel { name: request.model.to_string(), project: None }).await?;
    let back = SetAlias { version: stands(&before, &request.alias), ..request.clone() };
    client.call(request).await?;
    Ok(back)
}

#[component]
pub(crate) fn Aliases(
    #[prop(into)] model: Signal<ModelId>,
    #[prop(into)] version: Signal<VersionId>,
    #[prop(into)] aliases: Signal<Vec<String>>,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let toasts = Toasts::get();
    let name = RwSignal::new(String::new());
    let put = move |alias: String, version: Option<VersionId>| {
        let said = match version {
            Some(_) => format!("{alias} is this version now"),
            None => format!("{alias} stands nowhere now"),
        };
        let request = SetAlias { model: model.get_untracked(), alias, version };
        pending.run(set(client, request), move |back| {
            name.try_set(String::new());
            toasts.undoable(client, said, back);
        });
    };
    let add = move || {
        let alias = name.get_untracked().trim().to_owned();
        if !alias.is_empty() {
            put(alias, Some(version.get_untracked()));
        }
    };
    view! {
        <Card title="Aliases" class="h">
            <div class="form">
                <div class="flex wrap">
                    {move || match aliases.get() {
                        none if none.is_empty() => view! { <span class="small muted">"A name such as champion, for others to rely on: it moves to the next version when you say so."</span> }.into_any(),
                        some => some.into_iter().map(|alias| {
                            let own = alias.clone();
                            view! { <span class="chip accent mono">{alias.clone()}<IconButton label=format!("Remove {alias}") mark=icon::X kind="tiny" on_press=move |_| put(own.clone(), None) /></span> }
                        }).collect_view().into_any(),
                    }}
                </div>
                <div class="flex">
                    <TextField value=name name="Alias" placeholder="challenger" class="grow mono" on_enter=Callback::new(move |()| add()) />
                    <Button label="Add alias" disabled=Signal::derive(move || pending.busy.get() || name.with(|name| name.trim().is_empty())) tip="Moves it here where another version has it" on_press=add />
                </div>
            </div>
        </Card>
    }
}
