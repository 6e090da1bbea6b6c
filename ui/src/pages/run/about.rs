//! What a run was started with, what it left, where it came from and where it went.

use std::collections::BTreeMap;

use api::{
    deleted::{DeletedArtifact, ListDeletedArtifacts, PurgeArtifact, RestoreArtifact},
    id::RunId,
    logged::LoggedAt,
    run::{ARTIFACTS, Artifact, DeleteArtifact, EditRun, GetLineage, MACHINE, PACKAGE, Run},
    tracking::SOURCE_TAG,
};
use leptos::prelude::*;

use crate::{
    client::{
        Client,
        query::{Query, query},
    },
    parts::{
        button::{Button, CopyButton, Pending},
        card::{Card, Chip},
        deleted::{Deleted, DeletedItem},
        dialog::Confirm,
        files::{Deleting, Doomed, Files},
        icon,
        lineage::Lineage,
        logged_acts::{LoggedActs, RegisterDialog},
        notes::Notes as WrittenNotes,
        states::{Empty, Load},
        tag_form::{TagForm, lost},
        take_table::{TakeTable, TextTable},
        toast::Toasts,
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
        move || {
            (!pairs.with(BTreeMap::is_empty)).then(|| {
                view! {
                    <TakeTable of table=move |_| pairs.with_untracked(|pairs| pairs_as_text(title, pairs)) />
                }
            })
        }
    })
}

/// Under their own keys, as they were logged.
fn pairs_as_text(title: &str, pairs: &BTreeMap<String, String>) -> TextTable {
    TextTable::of([(title, false), ("Value", false)], pairs.iter().map(|(key, value)| [key.clone(), value.clone()]))
}

fn pairs(pairs: BTreeMap<String, String>) -> impl IntoView {
    view! {
        <table class="small-table values"><tbody>
            {pairs.into_iter().map(|(key, value)| view! {
                <tr><td class="muted">{words::param(&key)}</td><td class="num"><span class="cut" title=value.clone()>{value.clone()}</span></td></tr>
            }).collect_view()}
        </tbody></table>
    }
}

/// Packages under the names that they have, the interpreter first.
fn versions(mut packages: BTreeMap<String, String>) -> impl IntoView {
    let python = packages.remove("python").map(|version| ("python".to_owned(), version));
    view! {
        <table class="small-table"><tbody>
            {python.into_iter().chain(packages).map(|(name, version)| view! {
                <tr><td class="muted">{name}</td><td class="num">{version}</td></tr>
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
    let edit = move |tag: String, text: Option<String>| EditRun {
        run: id.get_untracked(),
        name: None,
        notes: None,
        tags: BTreeMap::from([(tag, text)]),
    };
    let put = move |(tag, text): (String, Option<String>)| {
        let was = tags.with_untracked(|tags| tags.get(&tag).cloned());
        let said = lost(&tag, was.as_ref(), text.as_ref());
        let (request, back) = (edit(tag.clone(), text), edit(tag, was));
        pending.run(async move { client.call(request).await }, move |_| {
            if let Some(said) = said {
                toasts.undoable(client, said, back);
            }
        });
    };
    view! { <TagForm tags busy=pending.busy extra=taking(("tag", "tags"), "Tag", tags) on_put=Callback::new(put) /> }
}

#[component]
fn Notes(run: Signal<Run>) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let saved = Memo::new(move |_| run.with(|run| run.notes.clone()));
    let save = move |notes: String| {
        let run = run.with_untracked(|run| run.id);
        let edit = |notes: String| EditRun { run, name: None, notes: Some(notes), tags: BTreeMap::new() };
        let is_cleared = notes.trim().is_empty();
        let (request, back) = (edit(notes), edit(saved.get_untracked()));
        pending.run(async move { client.call(request).await }, move |_| {
            if is_cleared {
                toasts.undoable(client, "Cleared the notes", back);
            }
        });
    };
    view! {
        <Card title="Notes" class="h">
            <WrittenNotes saved placeholder="What was tried, what to try next" busy=pending.busy on_save=Callback::new(save) />
        </Card>
    }
}

#[component]
pub(super) fn ArtifactsTab(
    run: Memo<RunId>,
    artifacts: Query<Vec<Artifact>>,
    /// That its client puts files where they are not read, if it does.
    elsewhere: Memo<Option<String>>,
    /// Its files are another tool's.
    is_imported: bool,
) -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let (doomed, open) = (RwSignal::new(None::<Doomed>), RwSignal::new(false));
    let ask = Callback::new(move |one: Doomed| {
        doomed.set(Some(one));
        open.set(true);
    });
    let blocked = is_imported.then_some("It is another tool's, and is only read.");
    let deleting = Deleting { below: ARTIFACTS, blocked, ask };
    let delete = move || {
        let Some(Doomed { path, .. }) = doomed.get_untracked() else { return };
        let of = run.get_untracked();
        let request = DeleteArtifact { run: of, path };
        pending.run(async move { client.call(request).await }, move |DeletedArtifact { path, .. }| {
            let back = RestoreArtifact { run: of, path: path.clone() };
            toasts.undoable(client, format!("Deleted {path}"), back);
        });
    };
    let deleted = query(move || Some(ListDeletedArtifacts { run: run.get() }));
    let items =
        Memo::new(move |_| deleted.value.with(|deleted| deleted.iter().flatten().map(item).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key: path, .. }| {
        let request = RestoreArtifact { run: run.get_untracked(), path };
        pending
            .run(async move { client.call(request).await }, move |back| toasts.done(format!("Restored {}", back.path)));
    };
    let purge = move |DeletedItem { key: path, name, .. }| {
        let request = PurgeArtifact { run: run.get_untracked(), path };
        pending.run(async move { client.call(request).await }, move |freed| {
            toasts.done(format!("Deleted {name} for good; {} freed.", words::bytes(freed.bytes)));
        });
    };
    let title = Signal::derive(move || {
        doomed.with(|one| one.as_ref().map_or_else(String::new, |one| format!("Delete {}?", one.path)))
    });
    let text = Signal::derive(move || doomed.with(|one| one.as_ref().map(warning)).unwrap_or_default());
    view! {
        <Load query=artifacts let:artifacts>
            {
                let none = Memo::new(move |_| artifacts.with(Vec::is_empty));
                let folders = Memo::new(move |_| artifacts.with(|artifacts| folders_of_models(artifacts)));
                let has_models = Memo::new(move |_| !folders.with(Vec::is_empty));
                let said = move || elsewhere.get().map(|said| view! { <p class="muted small">{said}</p> });
                let files = move || match none.get() {
                    true if elsewhere.with(Option::is_some) => {
                        let text = elsewhere.get().unwrap_or_default();
                        view! { <Empty mark=icon::FILE title="No artifacts here" text /> }.into_any()
                    }
                    true => view! { <Empty mark=icon::FILE title="No artifacts" text="Files that a run leaves in its folder stand here: the model, checkpoints, whatever a program writes." /> }.into_any(),
                    // What was opened and searched stays so while the run writes more.
                    false => view! { {said} <Files from=format!("/api/blob/runs/{}", run.get_untracked()) files=artifacts deleting /> }.into_any(),
                };
                view! {
                    {move || has_models.get().then(|| view! { <ModelFolders run folders /> })}
                    <div class:section=has_models>{files}</div>
                }
            }
        </Load>
        <Deleted title="Deleted artifacts" of=("deleted artifact", "deleted artifacts") items busy=pending.busy restore purge />
        <Confirm open title text verb="Delete" on_confirm=delete />
    }
}

/// What goes, before it is deleted.
fn warning(one: &Doomed) -> String {
    let size = words::bytes(one.size_bytes);
    let what = match one.is_folder {
        true => format!("The folder goes with {}", words::counted(one.files, "file", "files")),
        false => "The file goes".to_owned(),
    };
    format!("{what}. For a day Undo, or Restore below, brings it back; so long it keeps its {size}.")
}

fn item(deleted: &DeletedArtifact) -> DeletedItem {
    let path = deleted.path.clone();
    let size_bytes = Some(deleted.size_bytes);
    DeletedItem { key: path.clone(), name: path, deleted_ms: deleted.deleted_ms, size_bytes }
}

/// Folders among the artifacts that hold a model of MLflow's, by their paths there.
fn folders_of_models(artifacts: &[Artifact]) -> Vec<String> {
    let folder = |one: &Artifact| Some(one.path.strip_prefix("artifacts/")?.strip_suffix("/MLmodel")?.to_owned());
    artifacts.iter().filter_map(folder).collect()
}

fn folders_as_text(folders: &[String]) -> TextTable {
    TextTable::of([("Folder", false)], folders.iter().map(|folder| [folder.clone()]))
}

#[component]
fn ModelFolders(run: Memo<RunId>, folders: Memo<Vec<String>>) -> impl IntoView {
    let acts = LoggedActs::new();
    let row = move |path: String| {
        let shown = path.clone();
        let register = move || acts.register(LoggedAt::Folder { run: run.get_untracked(), path: path.clone() });
        view! {
            <tr>
                <td class="mono">{shown}</td>
                <td class="end"><Button label="Register…" mark=icon::BOX kind="quiet s" on_press=register /></td>
            </tr>
        }
    };
    let taken = ViewFn::from(move || {
        view! { <TakeTable of=("model folder", "model folders") table=move |_| folders.with_untracked(|all| folders_as_text(all)) /> }
    });
    view! {
        <Card title="Models among them" class="h" flush=true extra=taken>
            <table class="small-table"><tbody>{move || folders.get().into_iter().map(row).collect_view()}</tbody></table>
        </Card>
        <RegisterDialog acts />
    }
}

#[component]
pub(super) fn LineageTab(run: Memo<RunId>) -> impl IntoView {
    let nodes = query(move || Some(GetLineage { run: run.get() }));
    view! {
        <p class="muted small">"What came from what, from the bytes of the data to where the model runs."</p>
        <Load query=nodes let:nodes>
            <Lineage nodes />
        </Load>
    }
}

/// The name of a machine's part as people write it.
fn part_of_machine(name: &str) -> &str {
    match name.strip_prefix(MACHINE).unwrap_or(name) {
        "cpu" => "CPU",
        "gpu" => "GPU",
        "memory" => "Memory",
        "system" => "System",
        "python" => "Python",
        "cuda" => "CUDA",
        "container" => "Container",
        "unmeasured" => "Not measured",
        "by_client" => "Measured by MLflow's client",
        other => other,
    }
}

#[component]
pub(super) fn CodeTab(run: Signal<Run>) -> impl IntoView {
    let facts = Memo::new(move |_| {
        run.with(|run| {
            let source = run.tags.get(SOURCE_TAG).filter(|source| !source.is_empty()).cloned();
            (run.code.clone(), run.command.clone(), source, run.environment.clone(), run.seed, run.kind)
        })
    });
    view! {
        {move || {
            let (code, command, source, environment, seed, kind) = facts.get();
            // A client need not look for one.
            let no_commit = code.is_none().then_some(if kind.is_supervised() { "No git repository" } else { "Not recorded" });
            let nothing = code.is_none() && command.is_none() && source.is_none() && environment.is_empty();
            let (machine, environment): (BTreeMap<_, _>, BTreeMap<_, _>) =
                environment.into_iter().partition(|(name, _)| name.starts_with(MACHINE));
            let (packages, environment): (BTreeMap<_, _>, BTreeMap<_, _>) =
                environment.into_iter().partition(|(name, _)| name.starts_with(PACKAGE));
            let packages: BTreeMap<String, String> =
                packages.into_iter().map(|(name, version)| (name[PACKAGE.len()..].to_owned(), version)).collect();
            let machine: BTreeMap<String, String> =
                machine.into_iter().map(|(name, fact)| (part_of_machine(&name).to_owned(), fact)).collect();
            if nothing {
                return view! { <Empty mark=icon::GIT_BRANCH title="No code was recorded" text="In a git repository a run writes down the commit and whether files differed from it; MLflow's client does where GitPython is installed." /> }.into_any();
            }
            view! {
                <div class="columns">
                    <Card title="Code" class="h">
                        <dl class="pairs">
                            {no_commit.map(|why| view! { <dt>"Commit"</dt><dd class="faint">{why}</dd> })}
                            {code.map(|code| view! {
                                <dt>"Commit"</dt>
                                <dd class="flex"><span class="mono cut">{code.commit.clone()}</span><CopyButton text=code.commit.clone() label="Copy the commit" />
                                    {code.dirty.then(|| view! { <Chip text="files differed" tone="warn" /> })}</dd>
                                {code.branch.map(|branch| view! { <dt>"Branch"</dt><dd class="mono">{branch}</dd> })}
                            })}
                            {source.map(|source| view! { <dt>"Source"</dt><dd class="mono cut" title=source.clone()>{source.clone()}</dd> })}
                            {command.map(|command| view! { <dt>"Command"</dt><dd class="mono">{command.join(" ")}</dd> })}
                            {seed.map(|seed| view! { <dt>"Seed"</dt><dd class="mono">{seed}</dd> })}
                        </dl>
                    </Card>
                    {(!machine.is_empty()).then(|| view! {
                        <Card title="Machine" class="h" extra=taken("Part", ("fact", "facts"), machine.clone(), None)>
                            <dl class="pairs">{machine.into_iter().map(|(part, fact)| view! { <dt>{part}</dt><dd>{fact}</dd> }).collect_view()}</dl>
                        </Card>
                    })}
                    {(!packages.is_empty()).then(|| {
                        let count = words::counted(packages.len() as u64, "package", "packages");
                        view! {
                            <Card title="Python" class="h" flush=true extra=taken("Package", ("package", "packages"), packages.clone(), Some(count))>
                                {versions(packages)}
                            </Card>
                        }
                    })}
                    {(!environment.is_empty()).then(|| view! {
                        <Card
                            title="Environment"
                            class="h"
                            flush=true
                            extra=taken("Variable", ("variable", "variables"), environment.clone(), Some("secrets masked".to_owned()))
                        >
                            {pairs(environment)}
                        </Card>
                    })}
                </div>
            }.into_any()
        }}
    }
}

/// The menu of a card of pairs, behind what else is said of them.
fn taken(
    title: &'static str,
    of: (&'static str, &'static str),
    pairs: BTreeMap<String, String>,
    said: Option<String>,
) -> ViewFn {
    let kept = StoredValue::new(pairs);
    ViewFn::from(move || {
        view! {
            <span class="flex">
                {said.clone().map(|said| view! { <span class="faint caption">{said}</span> })}
                <TakeTable of table=move |_| kept.with_value(|pairs| pairs_as_text(title, pairs)) />
            </span>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_mlmodel_file_holds_a_model() {
        let files =
            ["artifacts/deep/model/MLmodel", "artifacts/deep/model/model.pkl", "model/MLmodel", "artifacts/MLmodels"];
        let file = |path: &&str| Artifact { path: (*path).to_owned(), size_bytes: 1, modified_ms: 0 };
        let folders = folders_of_models(&files.iter().map(file).collect::<Vec<_>>());
        assert_eq!(folders, ["deep/model"]);
        assert_eq!(folders_as_text(&folders).rows, [["deep/model"]]);
    }

    #[test]
    fn how_much_goes_is_said_before_it_is_deleted() {
        let folder = Doomed { path: "artifacts/plots".to_owned(), files: 3, size_bytes: 2_000_000, is_folder: true };
        let back = "For a day Undo, or Restore below, brings it back; so long it keeps its 2.0 MB.";
        assert_eq!(warning(&folder), format!("The folder goes with 3 files. {back}"));
        let file = Doomed { is_folder: false, files: 1, ..folder };
        assert_eq!(warning(&file), format!("The file goes. {back}"));
    }

    #[test]
    fn what_a_run_was_told_is_taken_under_its_own_keys() {
        let pairs = BTreeMap::from([("learning_rate".to_owned(), "1e-3".to_owned())]);
        let table = pairs_as_text("Parameter", &pairs);
        assert_eq!(
            (table.head[0].0.as_str(), &table.rows),
            ("Parameter", &vec![["learning_rate", "1e-3"].map(str::to_owned).to_vec()])
        );
    }
}
