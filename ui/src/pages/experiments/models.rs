//! Models of clients that belong to no project: no version of theirs names a run of one, so no Models page has them.

use api::{
    model::{ListOtherModels, Model},
    run::{GetRun, Run},
    tracking::ClientVersion,
};
use leptos::prelude::*;

use crate::{
    client::query::query,
    frame::place,
    parts::{
        card::Chip,
        registered::{StageChip, Told, is_untold, stage},
        take_table::{Form, TakeTable, TextTable},
        when::Ago,
        words,
    },
};

/// Nothing where there are none.
#[component]
pub(super) fn OtherModels() -> impl IntoView {
    let models = query(|| Some(ListOtherModels {}));
    move || {
        let models = models.value.get().filter(|models| !models.is_empty())?;
        Some(models.into_iter().map(|model| view! { <OneModel model /> }).collect_view())
    }
}

#[component]
fn OneModel(model: Model) -> impl IntoView {
    let none = model.client_versions.is_empty();
    let taken = StoredValue::new(model.client_versions.clone());
    let count = words::counted(model.client_versions.len() as u64, "version", "versions");
    view! {
        <section class="card section">
            <header>
                <h2>{model.name}</h2>
                <span class="right flex">
                    <span class="faint caption">"Model without a project · "{count}</span>
                    {(!none).then(|| view! {
                        <TakeTable of=("version", "versions") table=move |form| taken.with_value(|all| as_text(all, form)) />
                    })}
                </span>
            </header>
            {(!is_untold(&model.tags, &model.notes)).then(|| view! { <div class="padded"><Told tags=model.tags notes=model.notes /></div> })}
            <div class="scrolls" class:hidden=none>
                <table class="small-table">
                    <thead>
                        <tr>
                            <th>"Version"</th>
                            <th>"Aliases"</th>
                            <th>"Stage"</th>
                            <th>"Registered by"</th>
                            <th>"Run"</th>
                            <th>"Files"</th>
                            <th class="num">"Registered"</th>
                        </tr>
                    </thead>
                    <tbody>{model.client_versions.into_iter().map(|version| view! { <Line version /> }).collect_view()}</tbody>
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
fn Line(version: ClientVersion) -> impl IntoView {
    let run = version.run;
    let asked = query(move || run.map(|run| GetRun { run }));
    let page = |run: &Run| place::address_of(run.experiment, &format!("runs/{}", run.id));
    let of = move || match asked.value.with(|run| run.as_ref().map(|run| (run.name.clone(), page(run)))) {
        Some((name, to)) => view! { <a class="link" href=to>{name}</a> }.into_any(),
        None => view! { <span class="faint">"–"</span> }.into_any(),
    };
    view! {
        <tr>
            <td><b>{format!("v{}", version.number)}</b></td>
            <td><span class="flex">{version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}</span></td>
            <td><StageChip stage=version.stage /></td>
            <td class="muted">{version.user.unwrap_or_else(|| "a client".to_owned())}</td>
            <td>{of}</td>
            <td><span class="mono cut seen" title=version.source.clone()>{version.source.clone()}</span></td>
            <td class="num faint"><Ago ms=version.created_ms /></td>
        </tr>
        {(!is_untold(&version.tags, &version.notes)).then(|| view! {
            <tr class="of-before-it"><td></td><td colspan="6"><Told tags=version.tags notes=version.notes /></td></tr>
        })}
    }
}
