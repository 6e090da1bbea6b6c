//! A version that a client registered: where its files are, and the run that it says it came from.

use api::{run::GetRun, tracking::ClientVersion};
use leptos::prelude::*;

use crate::{
    client::query::query,
    frame::place::{self, Place},
    parts::{
        card::Chip,
        icon,
        menu::{Item, MenuButton, Menus},
        registered::{StageChip, Told, is_untold},
        toast::Toasts,
        when::Ago,
    },
};

/// Why it has no page and can't be deployed.
const NOT_OURS: &str = "Registered by a client: its files are not a bundle of ours.";

#[component]
pub(super) fn ClientLine(model_name: String, version: ClientVersion, place: Place) -> impl IntoView {
    let toasts = Toasts::get();
    let menus = Menus::get();
    let name = format!("{model_name} v{}", version.number);
    let source = StoredValue::new(version.source.clone());
    let items = move || {
        vec![
            Item::new("Deploy…", icon::UPLOAD, || {}).blocked(Some(NOT_OURS.to_owned())),
            Item::new("Copy where its files are", icon::COPY, move || toasts.copy(&source.get_value())),
        ]
    };
    let by = version.user.as_ref().map_or_else(|| "a client".to_owned(), |user| format!("{user}, by a client"));
    view! {
        <tr aria-label=format!("{name}, registered by a client") on:contextmenu=move |event| menus.open_at(&event, items())>
            <td><b>{format!("v{}", version.number)}</b></td>
            <td><span class="flex">{version.aliases.into_iter().map(|alias| view! { <Chip text=alias tone="accent mono" /> }).collect_view()}</span></td>
            <td class="num faint">"–"</td>
            <td><span class="flex"><span class="chip" title=NOT_OURS>"registered by "{by}</span><StageChip stage=version.stage /></span></td>
            <td><RunOf run=version.run link=version.run_link place /></td>
            <td colspan="2"><span class="mono cut seen" title=version.source.clone()>{version.source.clone()}</span></td>
            <td><span class="faint" title=NOT_OURS>"not deployable"</span></td>
            <td class="num faint"><Ago ms=version.created_ms /></td>
            <td class="end"><MenuButton items label=format!("More of {name}") /></td>
        </tr>
        {(!is_untold(&version.tags, &version.notes)).then(|| view! {
            <tr class="of-before-it"><td></td><td colspan="9"><Told tags=version.tags notes=version.notes /></td></tr>
        })}
    }
}

/// The run, by its name once it is known; it may belong to another project, to none, or be gone.
#[component]
fn RunOf(run: Option<api::RunId>, link: Option<String>, place: Place) -> impl IntoView {
    let asked = query(move || run.map(|run| GetRun { run }));
    move || {
        if let Some((name, to)) = asked.value.with(|run| run.as_ref().map(|run| (run.name.clone(), page_of(run)))) {
            return view! { <a class="link" href=to>{name}</a> }.into_any();
        }
        if let Some(run) = run.filter(|_| asked.error.with(Option::is_none)) {
            return view! { <a class="link" href=place.link(&format!("runs/{run}"))>"its run"</a> }.into_any();
        }
        match link.clone().filter(|link| link.starts_with("http://") || link.starts_with("https://")) {
            Some(link) => {
                view! { <a class="link" href=link rel="external noreferrer" target="_blank">"its run"</a> }.into_any()
            }
            None => view! { <span class="faint">"–"</span> }.into_any(),
        }
    }
}

/// Where a run's page is.
fn page_of(run: &api::run::Run) -> String {
    let page = format!("runs/{}", run.id);
    run.project.map_or_else(|| place::address_of(run.experiment, &page), |project| place::address(project, &page))
}
