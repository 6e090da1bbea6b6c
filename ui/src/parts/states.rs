//! The states of a page besides ready: nothing yet, loading, failed.

use api::{ApiError, ErrorCode, job::Job};
use leptos::prelude::*;

use super::{
    button::Button,
    icon::{COPY, Icon, ROTATE_CW, TRIANGLE_ALERT, UNDO_2, icon},
    toast::Toasts,
    under_way::UnderWay,
};
use crate::client::query::Query;

/// Shows a query's answer; before it a skeleton, or the job that computes it, and a failure where there is nothing
/// to show.
///
/// The children are built once and get the answer as a signal, so that a refresh changes only what
/// differs.
#[component]
pub(crate) fn Load<T, C, V>(
    query: Query<T>,
    /// How many grey lines stand for what comes.
    #[prop(default = 6)]
    lines: usize,
    #[prop(into, optional)] job: Signal<Option<Job>>,
    children: C,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    C: Fn(Signal<T>) -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    #[derive(Clone, PartialEq)]
    enum Is {
        Waiting,
        Ready,
        Failed(ApiError),
    }
    let is = Memo::new(move |_| {
        if query.value.with(Option::is_some) { Is::Ready } else { query.error.get().map_or(Is::Waiting, Is::Failed) }
    });
    let has_job = Memo::new(move |_| job.with(Option::is_some));
    let children = StoredValue::new(children);
    move || match is.get() {
        Is::Waiting if has_job.get() => view! { <UnderWay job /> }.into_any(),
        Is::Waiting => view! { <Skeleton lines /> }.into_any(),
        Is::Failed(error) => view! { <Failure error again=move || query.refresh() /> }.into_any(),
        Is::Ready => {
            let first = query.value.get_untracked();
            first.map_or_else(
                || ().into_any(),
                |first| {
                    // Keeps the last answer while a query is between two questions.
                    let value = Memo::new(move |before: Option<&T>| {
                        query.value.get().or_else(|| before.cloned()).unwrap_or_else(|| first.clone())
                    });
                    children.with_value(|children| children(value.into())).into_any()
                },
            )
        }
    }
}

/// Grey lines that appear after 150 ms: a quick answer never flashes.
#[component]
pub(crate) fn Skeleton(#[prop(default = 6)] lines: usize) -> impl IntoView {
    const WIDTHS: [u32; 6] = [38, 82, 67, 91, 54, 74];
    view! {
        <div class="skeleton" role="status" aria-label="Loading">
            {(0..lines).map(|line| view! { <i style:width=format!("{}%", WIDTHS[line % 6])></i> }).collect_view()}
        </div>
    }
}

/// Nothing yet: one sentence why it matters, and what to press.
#[component]
pub(crate) fn Empty(
    mark: Icon,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            {icon(mark)}
            <h2>{title}</h2>
            <p>{prose(&text)}</p>
            {children.map(|children| view! { <div class="flex">{children()}</div> })}
        </div>
    }
}

/// What failed, why, and the way out.
#[component]
pub(crate) fn Failure(error: ApiError, again: impl Fn() + 'static) -> impl IntoView {
    let toasts = Toasts::get();
    let details = format!("{error} ({:?})", error.code);
    // What isn't there doesn't come by asking again: the way out is the list that it would stand in.
    let leads_back = (error.code == ErrorCode::NotFound).then(parent_page);
    view! {
        <div class="failure" role="alert">
            <span class="bad">{icon(TRIANGLE_ALERT)}</span>
            <div class="grow">
                <div>{prose(&error.message)}</div>
                {error.hint.map(|hint| view! { <div class="muted">{prose(&hint)}</div> })}
                <div class="flex ways">
                    {leads_back.map(|(label, link)| view! { <a class="btn s" href=link>{icon(UNDO_2)}{label}</a> })}
                    <Button label="Try again" mark=ROTATE_CW kind="s" on_press=again />
                    <Button label="Copy details" mark=COPY kind="quiet s" on_press=move || toasts.copy(&details) />
                </div>
            </div>
        </div>
    }
}

/// A sentence; what stands between backticks is set as code.
pub(crate) fn prose(text: &str) -> impl IntoView + use<> {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => part.to_owned().into_any(),
        _ => view! { <code class="mono">{part.to_owned()}</code> }.into_any(),
    });
    parts.collect_view()
}

/// The page above the one that the address names.
fn parent_page() -> (&'static str, String) {
    let path = window().location().pathname().unwrap_or_default();
    match path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().as_slice() {
        ["e", _, _] => ("Back to the experiments", "/experiments".to_owned()),
        [projects, project, page, _] => ("Back to the list", format!("/{projects}/{project}/{page}")),
        [projects, project, _] => ("Back to the overview", format!("/{projects}/{project}")),
        _ => ("Go to the start page", "/".to_owned()),
    }
}

/// The same in one line, for a problem beside what is there.
#[component]
pub(crate) fn Problem(
    error: ApiError,
    /// Where more of it stands.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let toasts = Toasts::get();
    let details = error.to_string();
    view! {
        <div class="problem" role="alert">
            <span class="warn">{icon(TRIANGLE_ALERT)}</span>
            <span class="grow">{prose(&error.message)}" "{error.hint.map(|hint| view! { <span class="muted">{prose(&hint)}</span> })}</span>
            {children.map(|children| children())}
            <Button label="Copy" kind="quiet s" on_press=move || toasts.copy(&details) />
        </div>
    }
}
