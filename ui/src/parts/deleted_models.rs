//! Models and versions that were deleted within a day: each comes back, or goes for good at once.

use api::{
    id::ProjectId,
    registered::{DeletedModel, ListDeletedModels, PurgeModel, RestoreModel, RestoreVersion},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    card::Card,
    dialog::Confirm,
    icon,
    take_table::{Form, TakeTable, TextTable},
    toast::Toasts,
    when::Ago,
    words,
};
use crate::client::{Client, query::query};

/// Nothing where there are none.
#[component]
pub(crate) fn DeletedModels(
    /// The project whose page it is. What belonged to none, as clients' models do, stands on every page.
    #[prop(into)]
    project: Signal<Option<ProjectId>>,
) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(|| Some(ListDeletedModels {}));
    let shown = Memo::new(move |_| {
        let own = project.get();
        let is_shown = |gone: &&DeletedModel| gone.project.is_none() || gone.project == own;
        all.value.with(|all| all.iter().flatten().filter(is_shown).cloned().collect::<Vec<_>>())
    });
    let restore = move |gone: DeletedModel| {
        let title = gone.title();
        let restored = async move {
            match gone.version {
                Some((version, _)) => client.call(RestoreVersion { version }).await.map(drop),
                None => client.call(RestoreModel { model: gone.model }).await.map(drop),
            }
        };
        pending.run(restored, move |()| toasts.done(format!("Restored {title}")));
    };
    let (purging, open) = (RwSignal::new(None::<DeletedModel>), RwSignal::new(false));
    let purge = move || {
        let Some(gone) = purging.get_untracked() else { return };
        let request = PurgeModel { model: gone.model, version: gone.version.map(|(version, _)| version) };
        pending.run(async move { client.call(request).await }, move |freed| {
            toasts.done(format!("Deleted {} for good; {} freed.", gone.title(), words::bytes(freed.bytes)));
        });
    };
    let row = move |gone: DeletedModel| {
        let (back, asked) = (gone.clone(), gone.clone());
        let ask = move || {
            purging.set(Some(asked.clone()));
            open.set(true);
        };
        view! {
            <tr>
                <td>{gone.title()}</td>
                <td class="muted">{what(&gone)}</td>
                <td class="num faint"><Ago ms=gone.deleted_ms /></td>
                <td class="end">
                    <span class="flex">
                        <Button label="Restore" mark=icon::UNDO_2 kind="quiet s" disabled=pending.busy on_press=move || restore(back.clone()) />
                        <Button label="Delete for good…" mark=icon::TRASH kind="quiet s" disabled=pending.busy on_press=ask />
                    </span>
                </td>
            </tr>
        }
    };
    let title = move || purging.with(|gone| gone.as_ref().map(DeletedModel::title)).unwrap_or_default();
    view! {
        {move || (!shown.with(Vec::is_empty)).then(|| view! {
            <Card title="Deleted models" class="h" flush=true extra=ViewFn::from(move || view! {
                <TakeTable of=("deleted model", "deleted models") table=move |form| shown.with_untracked(|shown| as_text(shown, form)) />
            })>
                <table class="small-table">
                    <thead><tr><th>"Name"</th><th>"What"</th><th class="num">"Deleted"</th><th></th></tr></thead>
                    <tbody>{move || shown.get().into_iter().map(row).collect_view()}</tbody>
                </table>
                <p class="muted small padded">"They go for good a day after they were deleted."</p>
            </Card>
        })}
        <Confirm
            open
            title=Signal::derive(move || format!("Delete {} for good?", title()))
            text=Signal::derive(move || purging.with(|gone| gone.as_ref().map(warning)).unwrap_or_default())
            verb="Delete for good"
            on_confirm=purge
        />
    }
}

fn as_text(all: &[DeletedModel], form: Form) -> TextTable {
    let row = |gone: &DeletedModel| [gone.title(), what(gone), form.moment(Some(gone.deleted_ms))];
    TextTable::of([("Name", false), ("What", false), ("Deleted", false)], all.iter().map(row))
}

/// "version", or "model, 2 versions".
fn what(gone: &DeletedModel) -> String {
    match gone.version {
        Some(_) => "version".to_owned(),
        None => format!("model, {}", words::counted(gone.versions, "version", "versions")),
    }
}

/// What goes and what stays.
fn warning(gone: &DeletedModel) -> String {
    match gone.frees_bytes {
        0 => "Nothing brings it back then. No room is freed: its files are its run's, or others use them.".to_owned(),
        bytes => format!("Nothing brings it back then. Its files go with it: {} are freed.", words::bytes(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use api::id::{ModelId, VersionId};

    use super::*;

    #[test]
    fn it_is_said_how_much_goes() {
        let version = DeletedModel {
            model: ModelId::from_bytes([1; 16]),
            name: "churn".to_owned(),
            version: Some((VersionId::from_bytes([2; 16]), 3)),
            versions: 1,
            deleted_ms: 0,
            project: None,
            frees_bytes: 2_000_000,
        };
        assert_eq!(what(&version), "version");
        assert!(warning(&version).ends_with("2.0 MB are freed."), "{}", warning(&version));
        let model = DeletedModel { version: None, versions: 2, frees_bytes: 0, ..version };
        assert_eq!(what(&model), "model, 2 versions");
        assert!(warning(&model).contains("No room is freed"));
    }
}
