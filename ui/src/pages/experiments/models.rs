//! Models without a project: no version of theirs names a run of one, so they stand among no project's own.

use api::{
    id::ProjectId,
    model::{ListOtherModels, Model},
    tracking::ClientVersion,
};
use leptos::prelude::*;

use crate::{
    client::query::query,
    parts::{
        card::Chip,
        client_acts::{ClientActs, ClientDialogs},
        client_version::{RunOf, page_of},
        deleted_models::DeletedModels,
        menu::{MenuButton, Menus},
        registered::{StageChip, Told, is_untold, stage},
        row_keys::{is_meant_for_row, move_among_rows, opens_row},
        take_table::{Form, TakeTable, TextTable},
        when::Ago,
        words,
    },
};

/// Nothing where there are none.
#[component]
pub(super) fn OtherModels(
    /// Only what is deleted is asked for.
    deleted: RwSignal<bool>,
) -> impl IntoView {
    let models = query(|| Some(ListOtherModels::default()));
    let acts = ClientActs::new();
    view! {
        {move || {
            let models = models.value.get().filter(|models| !models.is_empty() && !deleted.get())?;
            Some(view! {
                <h2 class="section">"Models without a project"</h2>
                {models.into_iter().map(|model| view! { <OneModel model acts /> }).collect_view()}
            })
        }}
        <DeletedModels project=Signal::stored(None::<ProjectId>) />
        <ClientDialogs acts />
    }
}

#[component]
fn OneModel(model: Model, acts: ClientActs) -> impl IntoView {
    let versions = model.client_versions.len() as u64;
    let none = versions == 0;
    let taken = StoredValue::new(model.client_versions.clone());
    let count = words::counted(versions, "version", "versions");
    let (id, name) = (model.id, StoredValue::new(model.name.clone()));
    let items = move || name.with_value(|name| acts.of_model(id, name, versions, false));
    let has_stages = model.client_versions.iter().any(|version| stage(version.stage).is_some());
    view! {
        <section class="card section">
            <header>
                <h2>{model.name.clone()}</h2>
                {model.is_prompt().then(|| view! { <span class="chip" title="MLflow keeps prompts among the models">"prompt"</span> })}
                <span class="right flex">
                    <span class="faint caption">{count}</span>
                    {(!none).then(|| view! {
                        <TakeTable of=("version", "versions") table=move |form| taken.with_value(|all| as_text(all, form)) />
                    })}
                    <MenuButton items label=format!("More of {}", model.name) />
                </span>
            </header>
            {(!is_untold(&model.tags, &model.notes)).then(|| view! { <div class="padded"><Told tags=model.tags notes=model.notes /></div> })}
            <div class="scrolls" class:hidden=none>
                <table class="small-table opens" on:keydown=move_among_rows>
                    <thead>
                        <tr>
                            <th>"Version"</th>
                            <th>"Aliases"</th>
                            {has_stages.then(|| view! { <th>"Stage"</th> })}
                            <th>"Registered by"</th>
                            <th>"Run"</th>
                            <th>"Files"</th>
                            <th class="num">"Registered"</th>
                            <th></th>
                        </tr>
                    </thead>
                    <tbody>{model.client_versions.into_iter().map(|version| view! { <Line model_name=name.get_value() version acts has_stages /> }).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}

fn as_text(all: &[ClientVersion], form: Form) -> TextTable {
    let row = |version: &ClientVersion| {
        let run = version.run.map(|run| run.to_string()).or(version.run_told.clone()).or(version.run_link.clone());
        [
            format!("v{}", version.number),
            form.text(Some(version.aliases.join(", ")).filter(|aliases| !aliases.is_empty()).as_deref()),
            form.text(stage(version.stage).map(|(text, _)| text)),
            version.user.clone().unwrap_or_else(|| "a client".to_owned()),
            form.text(run.as_deref()),
            version.source.clone(),
            form.moment(Some(version.created_ms)),
        ]
    };
    let head =
        ["Version", "Aliases", "Stage", "Registered by", "Run", "Files", "Registered"].map(|title| (title, false));
    TextTable::of(head, all.iter().map(row))
}

#[component]
fn Line(
    model_name: String,
    version: ClientVersion,
    acts: ClientActs,
    /// One of the model's versions has one.
    has_stages: bool,
) -> impl IntoView {
    let menus = Menus::get();
    let name = format!("{model_name} v{}", version.number);
    let page = page_of("/experiments", version.id);
    let kept = StoredValue::new((model_name, version.clone(), page.clone()));
    let items = move || kept.with_value(|(name, version, page)| acts.of_version(name, version, Some(page.clone())));
    let open = move || acts.open(kept.with_value(|(_, _, page)| page.clone()));
    // The address of a logged model is its id, which says nothing to a person.
    let is_logged = version.source.starts_with("models:/m-");
    let files = if is_logged { "a logged model".to_owned() } else { version.source.clone() };
    view! {
        <tr
            class="opens"
            tabindex="0"
            aria-label=format!("Open {name}")
            on:click=move |event| {
                if is_meant_for_row(&event) {
                    open();
                }
            }
            on:keydown=move |event| {
                if opens_row(&event) {
                    open();
                }
            }
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <td><a class="link strong" tabindex="-1" href=page>{format!("v{}", version.number)}</a></td>
            <td><span class="flex">{version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}</span></td>
            {has_stages.then(|| view! { <td><StageChip stage=version.stage /></td> })}
            <td class="muted">{version.user.unwrap_or_else(|| "a client".to_owned())}</td>
            <td><RunOf run=version.run link=version.run_link told=None /></td>
            <td><span class=if is_logged { "muted" } else { "mono cut seen" } title=version.source.clone()>{files}</span></td>
            <td class="num faint"><Ago ms=version.created_ms /></td>
            <td class="end"><MenuButton items label=format!("More of {name}") /></td>
        </tr>
        {(!is_untold(&version.tags, &version.notes)).then(|| view! {
            <tr class="of-before-it"><td></td><td colspan=if has_stages { "7" } else { "6" }><Told tags=version.tags notes=version.notes /></td></tr>
        })}
    }
}
