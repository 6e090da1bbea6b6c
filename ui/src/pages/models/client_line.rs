//! A version that a client registered: where its files are, and the run that it says it came from.

use api::{registered::NOT_DEPLOYABLE, tracking::ClientVersion};
use leptos::prelude::*;

use crate::parts::{
    card::Chip,
    client_acts::ClientActs,
    client_version::{RunOf, page_of},
    menu::{MenuButton, Menus},
    registered::{StageChip, Told, is_untold},
    row_keys::{is_meant_for_row, opens_row},
    when::Ago,
};

#[component]
pub(super) fn ClientLine(
    model_name: String,
    version: ClientVersion,
    acts: ClientActs,
    /// The address of the list.
    list: String,
) -> impl IntoView {
    let menus = Menus::get();
    let name = format!("{model_name} v{}", version.number);
    let page = page_of(&list, version.id);
    let kept = StoredValue::new((model_name, version.clone(), page.clone()));
    let items = move || kept.with_value(|(name, version, page)| acts.of_version(name, version, Some(page.clone())));
    let open = move || acts.open(kept.with_value(|(_, _, page)| page.clone()));
    let by = version.user.as_ref().map_or_else(|| "a client".to_owned(), |user| format!("{user}, by a client"));
    view! {
        <tr
            class="opens"
            tabindex="0"
            aria-label=format!("Open {name}, registered by a client")
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
            <td class="num faint">"–"</td>
            <td><span class="flex"><span class="chip" title=NOT_DEPLOYABLE>"registered by "{by}</span><StageChip stage=version.stage /></span></td>
            <td><RunOf run=version.run link=version.run_link told=None /></td>
            <td colspan="2"><span class="mono cut seen" title=version.source.clone()>{version.source.clone()}</span></td>
            <td><span class="faint" title=NOT_DEPLOYABLE>"not deployable"</span></td>
            <td class="num faint"><Ago ms=version.created_ms /></td>
            <td class="end"><MenuButton items label=format!("More of {name}") /></td>
        </tr>
        {(!is_untold(&version.tags, &version.notes)).then(|| view! {
            <tr class="of-before-it"><td></td><td colspan="9"><Told tags=version.tags notes=version.notes /></td></tr>
        })}
    }
}
