//! What was deleted, removed or forgotten within a day: each comes back, or goes for good at once.

use leptos::prelude::*;

use super::{
    button::Button,
    card::Card,
    dialog::Confirm,
    icon,
    take_table::{Form, TakeTable, TextTable},
    when::Ago,
    words,
};

/// One that can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletedItem {
    /// What its page knows it by.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) deleted_ms: i64,
    /// What of it is freed when it goes for good; none where that is not known before.
    pub(crate) size_bytes: Option<u64>,
}

/// Nothing where there are none.
#[component]
pub(crate) fn Deleted(
    #[prop(into)] title: String,
    /// One of them and several, as of [`TakeTable`].
    of: (&'static str, &'static str),
    /// What was done with them, as the button that did it said.
    #[prop(default = "Deleted")]
    act: &'static str,
    #[prop(into)] items: Signal<Vec<DeletedItem>>,
    busy: RwSignal<bool>,
    #[prop(into)] restore: Callback<DeletedItem>,
    /// None where nothing is kept but how it was.
    #[prop(into, optional)]
    purge: Option<Callback<DeletedItem>>,
    /// What is said of those that stay longer than the others, a sentence each.
    #[prop(into, optional)]
    kept: Option<Signal<Vec<String>>>,
) -> impl IntoView {
    let (purging, open) = (RwSignal::new(None::<DeletedItem>), RwSignal::new(false));
    let has_size = Memo::new(move |_| items.with(|items| items.iter().any(|item| item.size_bytes.is_some())));
    let row = move |item: DeletedItem| {
        let (back, asked) = (item.clone(), item.clone());
        let ask = move || {
            purging.set(Some(asked.clone()));
            open.set(true);
        };
        view! {
            <tr>
                <td class="cut" title=item.name.clone()>{item.name.clone()}</td>
                {has_size.get_untracked().then(|| view! { <td class="num">{item.size_bytes.map(words::bytes)}</td> })}
                <td class="num faint"><Ago ms=item.deleted_ms /></td>
                <td class="end">
                    <span class="flex">
                        <Button label="Restore" mark=icon::UNDO_2 kind="quiet s" disabled=busy on_press=move || restore.run(back.clone()) />
                        {purge.map(|_| view! {
                            <Button label="Delete for good…" mark=icon::TRASH kind="quiet s" disabled=busy on_press=ask />
                        })}
                    </span>
                </td>
            </tr>
        }
    };
    let confirmed = move || {
        if let (Some(item), Some(purge)) = (purging.get_untracked(), purge) {
            purge.run(item);
        }
    };
    let asked = move || purging.with(|item| item.as_ref().map(|item| item.name.clone())).unwrap_or_default();
    view! {
        {move || (!items.with(Vec::is_empty)).then(|| view! {
            <Card title=title.clone() class="h section deleted" flush=true extra=ViewFn::from(move || view! {
                <TakeTable of table=move |form| items.with_untracked(|items| as_text(items, act, form)) />
            })>
                <table class="small-table">
                    <thead><tr>
                        <th>"Name"</th>
                        {move || has_size.get().then(|| view! { <th class="num">"Size"</th> })}
                        <th class="num">{act}</th>
                        <th></th>
                    </tr></thead>
                    <tbody>{move || items.get().into_iter().map(row).collect_view()}</tbody>
                </table>
                <p class="muted small padded">{match purge {
                    Some(_) => format!("They go for good with the first cleaning a day after they were {}.", act.to_lowercase()),
                    None => "They can be restored for a day.".to_owned(),
                }}</p>
                {move || kept.map(|kept| kept.get()).into_iter().flatten().map(|said| view! { <p class="small padded">{said}</p> }).collect_view()}
            </Card>
        })}
        <Confirm
            open
            title=Signal::derive(move || format!("Delete {} for good?", asked()))
            text=Signal::derive(move || purging.with(|item| item.as_ref().map(warning)).unwrap_or_default())
            verb="Delete for good"
            on_confirm=confirmed
        />
    }
}

fn as_text(items: &[DeletedItem], act: &str, form: Form) -> TextTable {
    let size = |bytes: Option<u64>| bytes.map_or_else(|| form.text(None), |bytes| form.size(bytes));
    let row = |item: &DeletedItem| [item.name.clone(), size(item.size_bytes), form.moment(Some(item.deleted_ms))];
    TextTable::of([("Name", false), ("Size", true), (act, false)], items.iter().map(row))
}

/// What goes.
fn warning(item: &DeletedItem) -> String {
    match item.size_bytes {
        Some(bytes) => format!("Nothing brings it back then: {} are freed.", words::bytes(bytes)),
        None => "Nothing brings it back then, nor what went with it. How much is freed is said afterwards.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_is_taken_with_its_size_where_that_is_known() {
        let item = |name: &str, size_bytes| DeletedItem {
            key: String::new(),
            name: name.to_owned(),
            deleted_ms: 0,
            size_bytes,
        };
        let table = as_text(&[item("a", Some(2_000_000)), item("b", None)], "Removed", Form::Csv);
        assert_eq!(table.head[2].0, "Removed");
        assert_eq!(table.rows, [["a", "2000000", "1970-01-01T00:00:00Z"], ["b", "", "1970-01-01T00:00:00Z"]]);
    }

    #[test]
    fn it_is_said_how_much_goes_for_good() {
        let item = DeletedItem { key: String::new(), name: "a".to_owned(), deleted_ms: 0, size_bytes: Some(2_000_000) };
        assert_eq!(warning(&item), "Nothing brings it back then: 2.0 MB are freed.");
        assert!(warning(&DeletedItem { size_bytes: None, ..item }).contains("said afterwards"));
    }
}
