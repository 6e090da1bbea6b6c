//! Columns that give the target away: said above every view of the data, with the way out.

use api::dataset::{Profile, Role, WarningKind};
use leptos::prelude::*;

use super::column_menu::ColumnUses;
use crate::parts::{
    button::Button,
    icon::{self, icon},
};

#[component]
pub(super) fn Leaks(profile: RwSignal<Option<Profile>>) -> impl IntoView {
    let uses = ColumnUses::new();
    let leaks = Memo::new(move |_| {
        profile.with(|profile| {
            let Some(profile) = profile else { return Vec::new() };
            let is_learned =
                |name: &str| profile.columns.iter().any(|column| column.name == name && column.role != Role::Ignored);
            profile
                .warnings
                .iter()
                .filter(|warning| warning.kind == WarningKind::Leakage)
                .filter_map(|warning| Some((warning.column.clone()?, warning.message.clone())))
                .filter(|(column, _)| is_learned(column))
                .collect::<Vec<_>>()
        })
    });
    view! {
        <For each=move || leaks.get() key=Clone::clone let:leak>
            {
                let (column, message) = leak;
                view! {
                    <div class="problem" role="alert">
                        <span class="warn">{icon(icon::TRIANGLE_ALERT)}</span>
                        <span class="grow">{message}</span>
                        <Button
                            label="Ignore the column"
                            kind="s"
                            disabled=uses.pending.busy
                            on_press=move || uses.set_role(&column, "ignored")
                        />
                    </div>
                }
            }
        </For>
    }
}
