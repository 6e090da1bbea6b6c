//! How the code of two of the compared runs differs, file by file.

use api::{
    id::RunId,
    run_diff::{CodeDiff, DiffCode, FileChange, FilePatch, Patch},
};
use leptos::prelude::*;

use super::{comparison::Seen, overlaid::Compared};
use crate::{
    client::query::paced,
    parts::{button::CopyButton, card::Card, field::Select, states::Load, words},
};

/// Milliseconds between two looks at the same two runs.
const LOOKS_APART_MS: i32 = 30_000;

/// From the baseline, or the first run, to one of the others, which is chosen where there are several.
#[component]
pub(super) fn CodeDiffers(chosen: Memo<Vec<Compared>>, seen: Seen) -> impl IntoView {
    let baseline = Memo::new(move |_| {
        let pinned = seen.pinned();
        let ids = chosen.with(|chosen| chosen.iter().map(|run| run.id).collect::<Vec<_>>());
        pinned.filter(|pinned| ids.contains(pinned)).or(ids.first().copied())
    });
    let others = Memo::new(move |_| {
        let baseline = baseline.get();
        let others = chosen.get().into_iter().filter(|run| Some(run.id) != baseline);
        others.map(|run| (run.id.to_string(), run.called())).collect::<Vec<_>>()
    });
    let asked = RwSignal::new(String::new());
    let other = Memo::new(move |_| {
        let asked = asked.get();
        let known = others.with(|others| others.iter().any(|(id, _)| *id == asked).then(|| asked.clone()));
        known.or_else(|| others.with(|others| others.first().map(|(id, _)| id.clone())))
    });
    // The choice says what is shown before anybody chooses, too.
    Effect::new(move |_| {
        if let Some(now) = other.get().filter(|now| asked.with_untracked(|asked| asked != now)) {
            asked.set(now);
        }
    });
    // A run that goes on announces itself each second, and each answer starts git.
    let request = move || {
        let to = other.get()?.parse::<RunId>().ok()?;
        Some(DiffCode { from: baseline.get()?, to })
    };
    let answer = paced(request, LOOKS_APART_MS);
    let name_of = move |id: Option<RunId>| {
        let named = chosen.with(|chosen| chosen.iter().find(|run| Some(run.id) == id).map(Compared::called));
        named.unwrap_or_default()
    };
    let from = Memo::new(move |_| name_of(baseline.get()));
    let to = Memo::new(move |_| name_of(other.get().and_then(|id| id.parse().ok())));
    let is_choice = Memo::new(move |_| others.with(Vec::len) > 1);
    // Of a single pair nothing is said where there is nothing to say; while it is asked for it stays as it was.
    let is_told = Memo::new(move |before: Option<&bool>| {
        let says = answer.value.with(|diff| diff.as_ref().map(says_something));
        match others.with(Vec::len) {
            0 => false,
            1 => answer.error.with(Option::is_some) || says.unwrap_or(before == Some(&true)),
            _ => true,
        }
    });
    let patch = Memo::new(move |_| {
        let between =
            answer.value.with(|diff| diff.as_ref().and_then(|diff| diff.between.as_ref().map(Patch::unified)));
        between.filter(|text| !text.is_empty())
    });
    let card = move || {
        let extra = ViewFn::from(move || {
            view! {
                <span class="faint caption">
                    {move || format!("from {} to{}", from.get(), if is_choice.get() { "" } else { " the other" })}
                </span>
                {move || is_choice.get().then(|| view! { <Select value=asked options=others name="The other run" /> })}
                {move || patch.get().map(|text| view! { <CopyButton text label="Copy as a patch" /> })}
            }
        });
        view! {
            <Card title="Code" class="h code-differs" flush=true extra>
                <Load query=answer lines=3 let:diff>{move || differences(diff.get(), from, to)}</Load>
            </Card>
        }
    };
    move || is_told.get().then(card)
}

fn differences(diff: CodeDiff, from: Memo<String>, to: Memo<String>) -> impl IntoView {
    let is_equal = diff.between.as_ref().is_some_and(|patch| patch.files.is_empty());
    let is_unknown = diff == CodeDiff::default();
    view! {
        {is_unknown.then(|| view! { <p class="muted small padded">"No code was recorded for these two runs."</p> })}
        {(!diff.remarks.is_empty()).then(|| view! { <p class="muted small padded">{diff.remarks.join(" ")}</p> })}
        {is_equal.then(|| view! { <p class="muted small padded">"The code does not differ."</p> })}
        {diff.between.filter(|_| !is_equal).map(files)}
        {own(from, diff.from_uncommitted)}
        {own(to, diff.to_uncommitted)}
    }
}

/// Whether there is more to say than that nothing is known, or nothing differs.
fn says_something(diff: &CodeDiff) -> bool {
    let has_files = |patch: &Option<Patch>| patch.as_ref().is_some_and(|patch| !patch.files.is_empty());
    !diff.remarks.is_empty() || [&diff.between, &diff.from_uncommitted, &diff.to_uncommitted].into_iter().any(has_files)
}

fn own(run: Memo<String>, patch: Option<Patch>) -> impl IntoView {
    patch.map(
        |patch| view! { <h3 class="padded">{move || format!("Not committed in {}", run.get())}</h3>{files(patch)} },
    )
}

fn files(patch: Patch) -> impl IntoView {
    let more = match (patch.more_files, patch.is_cut) {
        (_, true) => Some("There is more than is shown: the differences are very long.".to_owned()),
        (0, false) => None,
        (more, false) => Some(words::counted(more, "more file differs.", "more files differ.")),
    };
    let few = patch.files.len() == 1;
    view! {
        {patch.files.into_iter().map(|file| view! { <File file is_open=few /> }).collect_view()}
        {more.map(|more| view! { <p class="muted small padded">{more}</p> })}
    }
}

/// A file with its counts; its lines are drawn once it is opened.
#[component]
fn File(file: FilePatch, is_open: bool) -> impl IntoView {
    let open = RwSignal::new(is_open);
    let FilePatch { path, renamed_from, change, added, removed, text, is_binary } = file;
    let remark = match (change, renamed_from) {
        (_, Some(from)) => format!("was {from}"),
        (FileChange::Added, None) => "new".to_owned(),
        (FileChange::Removed, None) => "removed".to_owned(),
        (FileChange::Changed | FileChange::Renamed, None) => String::new(),
    };
    let told = match &text {
        Some(_) => None,
        None if is_binary => Some("It is no text."),
        None => Some("Its lines are too many to show: `git diff` shows them."),
    };
    let lines = StoredValue::new(text.unwrap_or_default());
    let body = move || {
        open.get().then(|| match told {
            Some(told) => view! { <p class="muted small">{told}</p> }.into_any(),
            None => lines.with_value(|text| view! { <pre>{drawn(text)}</pre> }.into_any()),
        })
    };
    view! {
        <details class="diff" prop:open=move || open.get() on:toggle=move |event| open.set(is_toggled_open(&event))>
            <summary>
                <span class="mono">{path}</span>" "
                <span class="good num">{format!("+{added}")}</span>" "
                <span class="bad num">{format!("−{removed}")}</span>" "
                <span class="faint">{remark}</span>
            </summary>
            {body}
        </details>
    }
}

fn is_toggled_open(event: &web_sys::Event) -> bool {
    use wasm_bindgen::JsCast as _;
    let element = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| element.has_attribute("open"))
}

/// Lines of one sign are one element: a patch has thousands of them.
fn drawn(text: &str) -> impl IntoView + use<> {
    stretches(text)
        .into_iter()
        .map(|(tone, lines)| view! { <span class=format!("stretch {tone}")>{lines}</span> })
        .collect_view()
}

/// The lines of a patch with what they are, as many together as are of one kind.
fn stretches(text: &str) -> Vec<(&'static str, String)> {
    let mut stretches: Vec<(&'static str, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let tone = match line.as_bytes().first() {
            Some(b'+') => "good",
            Some(b'-') => "bad",
            Some(b'@' | b'\\') => "faint",
            _ => "muted",
        };
        match stretches.last_mut() {
            Some((last, lines)) if *last == tone => lines.push_str(line),
            _ => stretches.push((tone, line.to_owned())),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_sign_stand_together() {
        let text = "@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n";
        let told = stretches(text);
        let tones: Vec<&str> = told.iter().map(|(tone, _)| *tone).collect();
        assert_eq!(tones, ["faint", "muted", "bad", "good"]);
        assert_eq!(told[3].1, "+2\n+3\n");
    }

    #[test]
    fn equal_code_has_nothing_to_say_and_what_is_not_known_has() {
        let equal = CodeDiff { between: Some(Patch::default()), ..CodeDiff::default() };
        assert!(!says_something(&equal) && !says_something(&CodeDiff::default()));
        assert!(says_something(&CodeDiff { remarks: vec!["No.".to_owned()], ..equal }));
    }
}
