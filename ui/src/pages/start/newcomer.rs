//! What a person brought becomes a project: it is looked at first, nothing is stored before Create.

use api::{
    ApiError,
    config::{ColumnType, DataKind, Ragged},
    id::ProjectId,
    job::Subject,
    project::{CreateProject, FileThere, Look, LookAt, LookColumn, OpenProject, Project, SameId, Sample},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::{Client, query::query},
    frame::{
        arrivals::{Arrival, Arrivals},
        place::address,
    },
    parts::{
        button::{Button, Pending},
        dialog::{Dialog, focus_open},
        field::{Labelled, Select, TextField},
        icon,
        states::{Failure, Problem, Skeleton},
        under_way::{Started, Starting},
        words,
    },
};

/// Takes arrivals for as long as the start page is shown.
#[component]
pub(super) fn Newcomer(samples: RwSignal<Option<Vec<Sample>>>) -> impl IntoView {
    let arrivals = Arrivals::get();
    let taken = RwSignal::new(None::<Arrival>);
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(arrival) = arrivals.newest.get() {
            arrivals.newest.set(None);
            taken.set(Some(arrival));
            open.set(true);
        }
    });
    view! {
        <Dialog open title="New project" wide=true>
            {move || taken.get().map(|arrival| view! { <LookedAt arrival open samples /> })}
        </Dialog>
    }
}

#[component]
fn LookedAt(arrival: Arrival, open: RwSignal<bool>, samples: RwSignal<Option<Vec<Sample>>>) -> impl IntoView {
    // A file whose lines have different widths is looked at again, once a person chose what to do with them.
    let ragged = RwSignal::new(Ragged::Error);
    move || {
        let asked = ragged.get();
        view! { <LookedAtAs arrival=arrival.clone() asked ragged open samples /> }
    }
}

#[component]
fn LookedAtAs(
    arrival: Arrival,
    asked: Ragged,
    ragged: RwSignal<Ragged>,
    open: RwSignal<bool>,
    samples: RwSignal<Option<Vec<Sample>>>,
) -> impl IntoView {
    let paths = arrival.paths.clone();
    let look = query(move || Some(LookAt { paths: paths.clone(), ragged: asked }));
    let arrival = StoredValue::new(arrival);
    let is_there = Memo::new(move |_| look.value.with(Option::is_some));
    let failed = Memo::new(move |_| look.error.get().filter(|_| !is_there.get()));
    move || {
        let first = if is_there.get() { look.value.get_untracked() } else { None };
        let Some(first) = first else {
            let arrival = arrival.get_value();
            return match failed.get() {
                None => view! { <div class="content"><Skeleton /></div> }.into_any(),
                // A path that was mistyped is put right where it stands.
                Some(error) if !arrival.uploaded && arrival.paths.len() < 2 => {
                    let typed = arrival.paths.into_iter().next().unwrap_or_default();
                    view! { <PathForm open typed refused=error.to_string() /> }.into_any()
                }
                Some(error) => {
                    view! { <div class="content"><Failure error again=move || look.refresh() /></div> }.into_any()
                }
            };
        };
        // What was uploaded is copied into a project of its own, whatever it was elsewhere.
        let uploaded = arrival.with_value(|arrival| arrival.uploaded);
        let is_one =
            !uploaded && (first.file == FileThere::Good || (first.project.is_some() && first.file == FileThere::Bad));
        match (is_one, first.same_id_as.clone().filter(|_| !uploaded)) {
            (_, Some(other)) => {
                view! { <div class="content"><SameIdQuestion path=first.path other open /></div> }.into_any()
            }
            (true, None) => view! { <div class="content"><OpenNow path=first.path open /></div> }.into_any(),
            (false, None) => {
                view! { <Proposal look=first arrival=arrival.get_value() ragged open samples /> }.into_any()
            }
        }
    }
}

/// Goes to a project's page, unless the dialog was closed meanwhile.
fn goes_to() -> impl Fn(ProjectId) + Copy + 'static {
    let navigate = StoredValue::new_local(use_navigate());
    move |project: ProjectId| {
        navigate.try_with_value(|navigate| navigate(&address(project, ""), Default::default()));
    }
}

/// The folder is a project already: it is opened.
#[component]
fn OpenNow(path: String, open: RwSignal<bool>) -> impl IntoView {
    let client = Client::get();
    let go = goes_to();
    let pending = Pending::new();
    let refused = RwSignal::new(None::<ApiError>);
    let request = OpenProject { path: path.clone(), same_id: SameId::Ask };
    pending.run_or(
        async move { client.call(request).await },
        move |project| {
            open.set(false);
            go(project.id);
        },
        move |error| {
            refused.try_set(Some(error));
        },
    );
    move || match refused.get() {
        Some(error) => view! { <Problem error /> }.into_any(),
        None => view! { <p class="muted">{path.clone()}" is a project of Slipway: it is being opened."</p> }.into_any(),
    }
}

#[component]
fn SameIdQuestion(path: String, other: Project, open: RwSignal<bool>) -> impl IntoView {
    let client = Client::get();
    let go = goes_to();
    let pending = Pending::new();
    let path = StoredValue::new(path);
    let choose = move |same_id: SameId| {
        let request = OpenProject { path: path.get_value(), same_id };
        pending.run(async move { client.call(request).await }, move |project| {
            open.set(false);
            go(project.id);
        });
    };
    view! {
        <div class="form">
            <p>
                "This folder carries the id of " <b>{other.name.clone()}</b> ", which is known at " <span class="mono">{other.path.clone()}</span> ". "
                "A clone on another disk is the same project; a copy to start from is a new one."
            </p>
            <div class="flex">
                <Button label="Another place of it" kind="primary" disabled=pending.busy on_press=move || choose(SameId::SamePlace) />
                <Button label="A new project" disabled=pending.busy on_press=move || choose(SameId::NewProject) />
            </div>
        </div>
    }
}

/// Where a project that is copied together is made: beside the samples' folder.
fn home_of_projects(samples: Option<&Vec<Sample>>) -> String {
    let destination =
        samples.and_then(|samples| samples.first()).map(|sample| sample.destination.clone()).unwrap_or_default();
    let separator = if destination.contains('\\') { '\\' } else { '/' };
    let mut parts: Vec<&str> = destination.split(separator).collect();
    parts.truncate(parts.len().saturating_sub(2));
    let folder = parts.join(&separator.to_string());
    format!("{folder}{separator}")
}

/// A few of a column's values, with what says that there are more.
fn examples(column: &LookColumn) -> String {
    const FEW: usize = 3;
    let few = column.examples.iter().take(FEW).cloned().collect::<Vec<_>>();
    let is_all = column.distinct.is_some_and(|distinct| distinct <= few.len() as u64);
    let more = if is_all || few.is_empty() { "" } else { " …" };
    format!("{}{more}", few.join(", "))
}

fn is_file(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or("").to_lowercase();
    [".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json", ".arrow", ".feather"]
        .iter()
        .any(|end| name.ends_with(end))
}

#[component]
fn Proposal(
    look: Look,
    arrival: Arrival,
    ragged: RwSignal<Ragged>,
    open: RwSignal<bool>,
    samples: RwSignal<Option<Vec<Sample>>>,
) -> impl IntoView {
    let go = goes_to();
    let creating = Starting::new(move |job| {
        if let Subject::Project(project) = job.subject {
            open.set(false);
            go(project);
        }
    });
    let copies = arrival.uploaded || arrival.paths.len() > 1 || arrival.paths.iter().any(|path| is_file(path));
    let name = RwSignal::new(look.proposal.name.clone());
    let home = samples.with_untracked(|samples| home_of_projects(samples.as_ref()));
    let folder = RwSignal::new(if copies { format!("{home}{}", look.proposal.name) } else { look.path.clone() });
    let is_images = look.kind == DataKind::Images;
    let target = RwSignal::new(look.proposal.data.target.clone().unwrap_or_default());
    let mut columns = look.columns.clone();
    columns.sort_by(|left, right| right.target_score.total_cmp(&left.target_score));
    let options: Vec<(String, String)> = std::iter::once((String::new(), "Choose…".to_owned()))
        .chain(columns.iter().map(|column| {
            let values = examples(column);
            let label = if values.is_empty() { column.name.clone() } else { format!("{}  ({values})", column.name) };
            (column.name.clone(), label)
        }))
        .collect();
    // The columns that could say when a row happened; one of them is proposed.
    let timestamp = RwSignal::new(look.proposal.data.timestamp.clone().unwrap_or_default());
    let times: Vec<(String, String)> = columns
        .iter()
        .filter(|column| column.kind == ColumnType::Datetime)
        .map(|column| (column.name.clone(), column.name.clone()))
        .collect();
    let asks_time = !times.is_empty();
    let times: Vec<(String, String)> =
        std::iter::once((String::new(), "None: rows are split without it".to_owned())).chain(times).collect();
    let file = StoredValue::new(look.proposal.clone());
    let ignored = RwSignal::new(look.proposal.data.ignore.clone());
    let doubts: Vec<(String, &str)> =
        columns.iter().filter_map(|column| Some((column.name.clone(), column.why_doubtful()?))).collect();
    let copy_from = StoredValue::new(if copies { arrival.paths.clone() } else { Vec::new() });
    let create = move || {
        let mut file = file.get_value();
        file.name = name.get_untracked().trim().to_owned();
        if !is_images {
            file.data.target = Some(target.get_untracked()).filter(|target| !target.is_empty());
            file.data.timestamp = Some(timestamp.get_untracked()).filter(|timestamp| !timestamp.is_empty());
            file.data.ignore = ignored.get_untracked();
            file.data.ignore.retain(|name| file.data.target.as_ref() != Some(name));
        }
        let path = folder.get_untracked().trim().to_owned();
        creating.start(CreateProject { path, file, copy_from: copy_from.get_value() });
    };
    let nothing = look.columns.is_empty() && !is_images;
    // A folder of scripts is a project whose runs are its programs'; a file that can't be read is none.
    // What is wrong with a slipway.toml is put right in it, and then it is opened.
    let is_free = look.file == FileThere::None || (look.file == FileThere::Good && arrival.uploaded);
    let can_be = is_free && (!nothing || (!copies && look.problems.is_empty()));
    let asks_target = !is_images && !nothing;
    let incomplete = Signal::derive(move || {
        creating.busy.get()
            || name.with(|name| name.trim().is_empty())
            || (asks_target && target.with(String::is_empty))
    });
    let facts = [
        look.rows.map(|rows| {
            words::counted(rows, if is_images { "image" } else { "row" }, if is_images { "images" } else { "rows" })
        }),
        (!is_images && !look.columns.is_empty())
            .then(|| words::counted(look.columns.len() as u64, "column", "columns")),
        Some(words::bytes(look.size_bytes)),
    ];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    request_animation_frame(focus_open);
    // Where the host keeps an upload until then says nothing to a person.
    let said = if arrival.uploaded || arrival.paths.len() > 1 { arrival.name() } else { look.path.clone() };
    view! {
        <div class="content form newcomer">
            <div>
                <div class="mono small cut" title=arrival.paths.join("\n")>{said}</div>
                <div class="muted">{facts}</div>
            </div>
            {(!look.found.is_empty()).then(|| view! {
                <ul class="found">{look.found.iter().map(|sentence| view! { <li>{sentence.clone()}</li> }).collect_view()}</ul>
            })}
            {look.problems.clone().into_iter().map(|error| view! { <Problem error /> }).collect_view()}
            {look.ragged_lines.then(|| view! {
                <div class="flex">
                    <Button label="Skip such lines" on_press=move || ragged.set(Ragged::Skip) />
                    <span class="muted small">"Lines with more or fewer values than the header are left out; how many is said with the data."</span>
                </div>
            })}
            {(nothing && can_be).then(|| view! {
                <p class="muted small">
                    "There is no data to train on yet. As a project, its programs are tracked as runs from a terminal in it: "
                    <span class="mono">"slipway exec -- COMMAND"</span>". Data that is added later can be trained on."
                </p>
            })}
            {(nothing && copies && look.problems.is_empty()).then(|| view! {
                <p class="muted small">
                    "There is no table and no image in it that could be trained on. A folder of programs becomes a project where it lies:"
                </p>
                <ByPath />
            })}
            {can_be.then(|| view! {
                {asks_target.then(|| view! {
                    <Labelled label="What shall be predicted?" hint="The likeliest columns stand first; it can be changed later on the Data page.">
                        <Select value=target options=options.clone() />
                    </Labelled>
                })}
                {asks_time.then(|| view! {
                    <Labelled label="When did a row happen?" hint="Rows are split by it, the newest for the test, and it is no input of the model.">
                        <Select value=timestamp options=times.clone() />
                    </Labelled>
                })}
                {asks_target.then(|| view! { <Doubts doubts=doubts.clone() ignored target /> })}
                <div class="two-fields">
                    <Labelled label="Name"><TextField value=name /></Labelled>
                    <Labelled label=if copies { "Folder to make" } else { "Folder" } hint=if copies { "The files are copied into it." } else { "A slipway.toml is written into it, nothing else." }>
                        <TextField value=folder disabled=!copies class="mono" />
                    </Labelled>
                </div>
                <details>
                    <summary class="small muted">"The slipway.toml that is proposed; what you choose above goes into it"</summary>
                    <pre class="code">{look.proposal_toml.clone()}</pre>
                </details>
            })}
            <Started starting=creating />
        </div>
        <footer>
            // What is copied goes on when the dialog is closed.
            <Button label=Signal::derive(move || if creating.busy.get() { "Close".to_owned() } else { "Cancel".to_owned() }) on_press=move || open.set(false) />
            {can_be.then(|| view! { <Button label="Create project" kind="primary" mark=icon::CHECK disabled=incomplete on_press=create /> })}
        </footer>
    }
}

/// A dialog's content that asks for a folder or a file of this machine, opened where it lies, without a copy.
#[component]
pub(super) fn PathForm(
    open: RwSignal<bool>,
    /// What was typed before.
    #[prop(into, optional)]
    typed: String,
    /// Why that can't be opened.
    #[prop(into, optional)]
    refused: Option<String>,
) -> impl IntoView {
    let path = RwSignal::new(typed.clone());
    let look = looks_at(path);
    request_animation_frame(focus_open);
    // What arrives opens a dialog of its own; what was refused stands in that one already.
    let is_asked_first = refused.is_none();
    let press = move || {
        if path.with_untracked(|path| !path.trim().is_empty()) {
            if is_asked_first {
                open.set(false);
            }
            look();
        }
    };
    let error = Signal::derive(move || refused.clone().filter(|_| path.with(|path| *path == typed)));
    view! {
        <div class="content form">
            <Labelled label="Path on this machine" hint=NOT_COPIED error>
                <TextField value=path class="mono" on_enter=Callback::new(move |()| press()) />
            </Labelled>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Look at it" kind="primary" mark=icon::FOLDER disabled=is_blank(path) on_press=press />
        </footer>
    }
}

/// The same question beside what else is said.
#[component]
fn ByPath() -> impl IntoView {
    let path = RwSignal::new(String::new());
    let look = looks_at(path);
    view! {
        <div class="form">
            <Labelled label="Path on this machine" hint=NOT_COPIED>
                <TextField value=path class="mono" on_enter=Callback::new(move |()| look()) />
            </Labelled>
            <div class="flex end-row">
                <Button label="Look at it" mark=icon::FOLDER disabled=is_blank(path) on_press=look />
            </div>
        </div>
    }
}

/// Columns that can teach a model nothing, each with the press that takes it out of the inputs or back in.
#[component]
fn Doubts(
    doubts: Vec<(String, &'static str)>,
    ignored: RwSignal<Vec<String>>,
    target: RwSignal<String>,
) -> impl IntoView {
    let line = move |(name, why): (String, &'static str)| {
        let name = StoredValue::new(name);
        let is_ignored = Memo::new(move |_| ignored.with(|ignored| name.with_value(|name| ignored.contains(name))));
        let is_target = Memo::new(move |_| target.with(|target| name.with_value(|name| target == name)));
        let said = move || {
            let (name, so) = (name.get_value(), if is_ignored.get() { ": it is no input." } else { "." });
            format!("\"{name}\" {why}{so}")
        };
        let label = Signal::derive(move || {
            let verb = if is_ignored.get() { "Use" } else { "Ignore" };
            name.with_value(|name| format!("{verb} {name}"))
        });
        let turn = move || {
            let (name, was) = (name.get_value(), is_ignored.get_untracked());
            ignored.update(|ignored| if was { ignored.retain(|one| *one != name) } else { ignored.push(name) });
        };
        view! {
            <Show when=move || !is_target.get()>
                <div class="flex">
                    <span class="grow small" class:warn=move || !is_ignored.get()>{said}</span>
                    <Button label kind="s" on_press=turn />
                </div>
            </Show>
        }
    };
    doubts.into_iter().map(line).collect_view()
}

const NOT_COPIED: &str = "Nothing is copied or sent: the folder is opened where it lies.";

fn is_blank(path: RwSignal<String>) -> Signal<bool> {
    Signal::derive(move || path.with(|path| path.trim().is_empty()))
}

/// Lets the path that was typed arrive.
fn looks_at(path: RwSignal<String>) -> impl Fn() + Copy + Send + Sync + 'static {
    let arrivals = Arrivals::get();
    move || {
        let path = path.get_untracked().trim().to_owned();
        if !path.is_empty() {
            arrivals.newest.set(Some(Arrival { paths: vec![path], uploaded: false }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_are_all_values_promise_no_more() {
        let of = |values: &[&str], distinct| {
            examples(&LookColumn {
                name: "verkauft".to_owned(),
                kind: ColumnType::Category,
                examples: values.iter().map(|value| (*value).to_owned()).collect(),
                distinct,
                target_score: 0.0,
                doubt: None,
            })
        };
        assert_eq!(of(&["nein", "ja"], Some(2)), "nein, ja");
        assert_eq!(of(&["a", "b", "c", "d"], Some(4)), "a, b, c …");
        assert_eq!(of(&["1", "2", "3"], None), "1, 2, 3 …");
        assert_eq!(of(&[], Some(0)), "");
    }
}
