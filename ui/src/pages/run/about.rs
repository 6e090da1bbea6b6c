//! What a run was started with, what it left, where it came from and where it went.

use std::collections::BTreeMap;

use api::{
    id::RunId,
    run::{Artifact, EditRun, GetLineage, LineageNode, Run},
};
use leptos::prelude::*;

use crate::{
    client::{
        Client,
        query::{Query, query},
        wire,
    },
    parts::{
        button::{Button, CopyButton, IconButton, Pending},
        card::{Card, Chip},
        field::TextField,
        icon::{self, Icon, icon},
        notes::Notes as WrittenNotes,
        states::{Empty, Load},
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

#[component]
pub(super) fn ParamsTab(run: Signal<Run>) -> impl IntoView {
    let facts = Memo::new(move |_| run.with(|run| run.params.clone()));
    view! {
        <div class="columns">
            <Card title="Parameters" class="h" flush=true extra=taking(("parameter", "parameters"), "Parameter", facts)>
                {move || {
                    let params = facts.get();
                    if params.is_empty() {
                        view! { <p class="muted small padded">"No parameters were logged."</p> }.into_any()
                    } else {
                        pairs(params).into_any()
                    }
                }}
            </Card>
            <div class="form"><Tags run /><Notes run /></div>
        </div>
    }
}

/// The menu that takes pairs as a table; nothing where there are none.
fn taking(of: (&'static str, &'static str), title: &'static str, pairs: Memo<BTreeMap<String, String>>) -> ViewFn {
    ViewFn::from(move || {
        (!pairs.with(BTreeMap::is_empty)).then(|| {
            view! {
                <TakeTable of table=move |_| pairs.with_untracked(|pairs| pairs_as_text(title, pairs)) />
            }
        })
    })
}

/// Under their own keys, as they were logged.
fn pairs_as_text(title: &str, pairs: &BTreeMap<String, String>) -> TextTable {
    TextTable::of([(title, false), ("Value", false)], pairs.iter().map(|(key, value)| [key.clone(), value.clone()]))
}

fn artifacts_as_text(all: &[Artifact], form: Form) -> TextTable {
    let size = if form == Form::Csv { "Size in bytes" } else { "Size" };
    let row = |one: &Artifact| [one.path.clone(), form.size(one.size_bytes), form.moment(Some(one.modified_ms))];
    TextTable::of([("File", false), (size, true), ("Changed", false)], all.iter().map(row))
}

fn pairs(pairs: BTreeMap<String, String>) -> impl IntoView {
    view! {
        <table class="small-table"><tbody>
            {pairs.into_iter().map(|(key, value)| view! {
                <tr><td class="muted">{words::param(&key)}</td><td class="num"><span class="cut" title=value.clone()>{value.clone()}</span></td></tr>
            }).collect_view()}
        </tbody></table>
    }
}

#[component]
fn Tags(run: Signal<Run>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let id = Memo::new(move |_| run.with(|run| run.id));
    let tags = Memo::new(move |_| run.with(|run| run.tags.clone()));
    let (key, value) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let edit = move |tag: String, text: Option<String>| EditRun {
        run: id.get_untracked(),
        name: None,
        notes: None,
        tags: BTreeMap::from([(tag, text)]),
    };
    let put = move |tag: String, text: String| {
        let request = edit(tag, Some(text));
        pending.run(async move { client.call(request).await }, move |_| {
            key.set(String::new());
            value.set(String::new());
        });
    };
    let remove = move |tag: String| {
        let was = tags.with_untracked(|tags| tags.get(&tag).cloned());
        let (request, back) = (edit(tag.clone(), None), edit(tag.clone(), was));
        pending.run(async move { client.call(request).await }, move |_| {
            toasts.undoable(client, format!("Removed the tag {tag}"), back);
        });
    };
    let add = move || {
        let tag = key.get_untracked().trim().to_owned();
        if !tag.is_empty() {
            put(tag, value.get_untracked().trim().to_owned());
        }
    };
    view! {
        <Card title="Tags" class="h" extra=taking(("tag", "tags"), "Tag", tags)>
            <div class="form">
                <div class="flex wrap" class:hidden=move || tags.with(BTreeMap::is_empty)>
                    {move || tags.get().into_iter().map(|(tag, text)| {
                        let (name, label) = (tag.clone(), format!("Remove {tag}"));
                        let said = if text.is_empty() { tag } else { format!("{tag}: {text}") };
                        view! { <span class="chip">{said}<IconButton label mark=icon::X kind="tiny" on_press=move |_| remove(name.clone()) /></span> }
                    }).collect_view()}
                </div>
                <div class="flex">
                    <TextField value=key name="Tag" placeholder="Tag" class="grow" on_enter=Callback::new(move |()| add()) />
                    <TextField value name="Value" placeholder="Value" class="grow" on_enter=Callback::new(move |()| add()) />
                    <Button label="Add" disabled=Signal::derive(move || pending.busy.get() || key.with(|key| key.trim().is_empty())) on_press=add />
                </div>
            </div>
        </Card>
    }
}

#[component]
fn Notes(run: Signal<Run>) -> impl IntoView {
    let (client, pending) = (Client::get(), Pending::new());
    let saved = Memo::new(move |_| run.with(|run| run.notes.clone()));
    let save = move |notes: String| {
        let request =
            EditRun { run: run.with_untracked(|run| run.id), name: None, notes: Some(notes), tags: BTreeMap::new() };
        pending.run(async move { client.call(request).await }, |_| {});
    };
    view! {
        <Card title="Notes" class="h">
            <WrittenNotes saved placeholder="What was tried, what to try next" busy=pending.busy on_save=Callback::new(save) />
        </Card>
    }
}

#[component]
pub(super) fn ArtifactsTab(run: Memo<RunId>, artifacts: Query<Vec<Artifact>>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let save = move |path: String| {
        let encoded = path.split('/').map(wire::encode).collect::<Vec<_>>().join("/");
        let from = format!("/api/blob/runs/{}/{encoded}", run.get_untracked());
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        pending.run(async move { client.blob(&from).await }, move |address| {
            wire::save_address(&name, &address);
            wire::forget_object(&address);
        });
    };
    view! {
        <Load query=artifacts let:artifacts>
            {move || {
                let all = artifacts.get();
                if all.is_empty() {
                    return view! { <Empty mark=icon::FILE title="No artifacts" text="Files that a run leaves in its folder stand here: the model, checkpoints, whatever a program writes." /> }.into_any();
                }
                let total = all.iter().map(|artifact| artifact.size_bytes).sum::<u64>();
                let taken = ViewFn::from(move || view! {
                    <span class="faint caption">{words::bytes(total)}</span>
                    <TakeTable of=("file", "files") table=move |form| artifacts.with_untracked(|all| artifacts_as_text(all, form)) />
                });
                view! {
                    <Card title=words::counted(all.len() as u64, "file", "files") class="h" flush=true extra=taken>
                        <table class="small-table"><tbody>
                            {all.into_iter().map(|artifact| {
                                let (path, name) = (artifact.path.clone(), artifact.path.clone());
                                view! {
                                    <tr>
                                        <td><span class="flex"><span class="faint flex">{icon(icon::FILE)}</span><span class="mono">{artifact.path}</span></span></td>
                                        <td class="num muted">{words::bytes(artifact.size_bytes)}</td>
                                        <td class="num faint"><Ago ms=artifact.modified_ms /></td>
                                        <td class="end"><IconButton label=format!("Save {name}") mark=icon::DOWNLOAD on_press=move |_| save(path.clone()) /></td>
                                    </tr>
                                }
                            }).collect_view()}
                        </tbody></table>
                    </Card>
                }.into_any()
            }}
        </Load>
    }
}

#[component]
pub(super) fn LineageTab(run: Memo<RunId>) -> impl IntoView {
    let nodes = query(move || Some(GetLineage { run: run.get() }));
    view! {
        <p class="muted small">"What came from what, from the bytes of the data to where the model runs."</p>
        <Load query=nodes let:nodes>
            <div class="card list lineage">
                {move || {
                    let all = nodes.get();
                    let labels: Vec<String> = all.iter().map(|node| node.label.clone()).collect();
                    all.into_iter().map(|node| lineage_line(node, &labels)).collect_view()
                }}
            </div>
        </Load>
    }
}

fn lineage_line(node: LineageNode, labels: &[String]) -> impl IntoView + use<> {
    let mark: Icon = match node.kind.as_str() {
        "snapshot" | "dataset" => icon::DATABASE,
        "split" => icon::LAYERS,
        "run" => icon::ACTIVITY,
        "version" | "logged model" => icon::BOX,
        "package" => icon::PACKAGE,
        _ => icon::UPLOAD,
    };
    let from: Vec<String> = node.from.iter().filter_map(|index| labels.get(*index).cloned()).collect();
    let label = match node.link {
        Some(link) => view! { <a class="link" href=link>{node.label}</a> }.into_any(),
        None => view! { <b>{node.label}</b> }.into_any(),
    };
    view! {
        <div>
            <span class="accent flex">{icon(mark)}</span>
            <span class="caption faint kind">{words::capital(&node.kind)}</span>
            <span class="grow">
                {label}
                <div class="small muted cut">{node.detail}</div>
            </span>
            {(!from.is_empty()).then(|| view! { <span class="caption faint">"from "{from.join(", ")}</span> })}
        </div>
    }
}

#[component]
pub(super) fn CodeTab(run: Signal<Run>) -> impl IntoView {
    let facts =
        Memo::new(move |_| run.with(|run| (run.code.clone(), run.command.clone(), run.environment.clone(), run.seed)));
    view! {
        {move || {
            let (code, command, environment, seed) = facts.get();
            let nothing = code.is_none() && command.is_none() && environment.is_empty();
            if nothing {
                return view! { <Empty mark=icon::GIT_BRANCH title="No code was recorded" text="In a git repository a run writes down the commit and whether files differed from it." /> }.into_any();
            }
            view! {
                <div class="columns">
                    <Card title="Code" class="h">
                        <dl class="pairs">
                            {code.map(|code| view! {
                                <dt>"Commit"</dt>
                                <dd class="flex"><span class="mono cut">{code.commit.clone()}</span><CopyButton text=code.commit.clone() label="Copy the commit" />
                                    {code.dirty.then(|| view! { <Chip text="files differed" tone="warn" /> })}</dd>
                                {code.branch.map(|branch| view! { <dt>"Branch"</dt><dd class="mono">{branch}</dd> })}
                            })}
                            {command.map(|command| view! { <dt>"Command"</dt><dd class="mono">{command.join(" ")}</dd> })}
                            {seed.map(|seed| view! { <dt>"Seed"</dt><dd class="mono">{seed}</dd> })}
                        </dl>
                    </Card>
                    {(!environment.is_empty()).then(|| view! {
                        <Card title="Environment" class="h" flush=true extra=ViewFn::from(|| view! { <span class="faint caption">"secrets masked"</span> })>
                            {pairs(environment)}
                        </Card>
                    })}
                </div>
            }.into_any()
        }}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_was_told_is_taken_under_its_own_keys() {
        let pairs = BTreeMap::from([("learning_rate".to_owned(), "1e-3".to_owned())]);
        let table = pairs_as_text("Parameter", &pairs);
        assert_eq!(
            (table.head[0].0.as_str(), &table.rows),
            ("Parameter", &vec![["learning_rate", "1e-3"].map(str::to_owned).to_vec()])
        );
        let file = Artifact { path: "model/weights.bin".to_owned(), size_bytes: 4096, modified_ms: 0 };
        assert_eq!(artifacts_as_text(&[file], Form::Csv).rows, [["model/weights.bin", "4096", "1970-01-01T00:00:00Z"]]);
    }
}
