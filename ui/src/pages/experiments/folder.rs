//! A folder's line among the experiments, and what is done to all that stand in it.

use api::{
    ApiError,
    run_table::quoted,
    tracking::{DeleteExperiment, Experiment, RestoreExperiment},
};
use leptos::prelude::*;

use super::{
    Acts,
    forms::Asking,
    indent,
    tree::{Line, is_in},
};
use crate::{
    client::wire,
    frame::place,
    parts::{
        dialog::Confirm,
        icon::{self, icon},
        menu::{Item, MenuButton, Menus},
        row_keys::opens_row,
        words,
    },
};

/// A folder whose experiments are to be deleted, which is asked about first.
#[derive(Clone, PartialEq)]
pub(super) struct Emptied {
    path: String,
    gone: Vec<Experiment>,
    /// The names of those that can't be deleted so.
    kept: Vec<String>,
}

impl Emptied {
    fn of(path: &str, all: &[Experiment]) -> Self {
        let within = all.iter().filter(|one| is_in(one, path)).cloned();
        let (gone, kept): (Vec<_>, Vec<_>) = within.partition(Experiment::goes_with_folder);
        Self { path: path.to_owned(), gone, kept: kept.into_iter().map(|one| one.name).collect() }
    }

    /// What goes, and what stays.
    fn told(&self) -> String {
        let runs = self.gone.iter().map(|one| one.runs).sum();
        let (experiments, runs) = (counted(self.gone.len()), words::counted(runs, "run", "runs"));
        let gone = format!("{experiments} with {runs}: all stand under Deleted then, and can be restored.");
        if self.kept.is_empty() {
            return gone;
        }
        let kept = self.kept.join(", ");
        format!("{gone} Not deleted: {kept} (a project's own, or where programs log that name none).")
    }
}

fn counted(experiments: usize) -> String {
    words::counted(experiments as u64, "experiment", "experiments")
}

impl Acts {
    /// All of them, one after another; what was deleted before one is refused comes back by Undo, too.
    fn empty(self, folder: Emptied) {
        let Self { client, toasts, .. } = self;
        let Emptied { path, gone, .. } = folder;
        let calls = async move {
            let (mut done, mut refused) = (Vec::new(), None);
            for experiment in gone {
                let experiment = experiment.id;
                match client.call(DeleteExperiment { experiment }).await {
                    Ok(()) => done.push(RestoreExperiment { experiment }),
                    Err(error) => {
                        refused = Some(error);
                        break;
                    }
                }
            }
            Ok::<_, ApiError>((done, refused))
        };
        self.pending.run(calls, move |(done, refused)| {
            if !done.is_empty() {
                let said = format!("Deleted {} of {path} with their runs", counted(done.len()));
                toasts.undoable_all(client, said, done);
            }
            if let Some(error) = refused {
                toasts.error(&error);
            }
        });
    }
}

/// Asks before the experiments of a folder are deleted.
#[component]
pub(super) fn DeleteFolder(acts: Acts) -> impl IntoView {
    let emptying = acts.emptying;
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if emptying.with(Option::is_some) {
            open.set(true);
        }
    });
    let of = move |tell: fn(&Emptied) -> String| emptying.with(|one| one.as_ref().map(tell)).unwrap_or_default();
    let delete = move || {
        if let Some(folder) = emptying.get_untracked() {
            acts.empty(folder);
        }
    };
    view! {
        <Confirm
            open
            title=Signal::derive(move || of(|folder| format!("Delete the experiments of {}?", folder.path)))
            text=Signal::derive(move || of(Emptied::told))
            verb="Delete"
            on_confirm=delete
        />
    }
}

#[component]
pub(super) fn FolderLine(
    path: String,
    name: String,
    depth: usize,
    /// As it stands now.
    line: Memo<Line>,
    all: Signal<Vec<Experiment>>,
    acts: Acts,
) -> impl IntoView {
    let menus = Menus::get();
    let path = StoredValue::new(path);
    let is_open = Memo::new(move |_| line.with(|line| matches!(line, Line::Folder { is_open: true, .. })));
    let count = move || {
        line.with(|line| match line {
            Line::Folder { count, .. } => counted(*count),
            Line::One { .. } => String::new(),
        })
    };
    let fold = move |open: bool| path.with_value(|path| acts.fold(path, open));
    let turn = move || fold(!is_open.get_untracked());
    let gone =
        move || acts.deleted.get_untracked().then(|| "What stands in it is deleted: restore that first.".to_owned());
    let see_runs = move || {
        let filter = path.with_value(|path| format!("within = {}", quoted(path)));
        acts.go.with_value(|go| go(format!("{}?filter={}", place::ALL_RUNS, wire::encode(&filter))));
    };
    let emptied = move || path.with_value(|path| all.with_untracked(|all| Emptied::of(path, all)));
    let items = move || {
        let is_open = is_open.get_untracked();
        let (label, mark) = if is_open { ("Fold", icon::CHEVRON_RIGHT) } else { ("Unfold", icon::CHEVRON_DOWN) };
        let stays = || {
            let none = emptied().gone.is_empty();
            none.then(|| "All in it are projects' own, or where programs log that name none.".to_owned())
        };
        vec![
            Item::new(label, mark, turn),
            Item::new("Runs of this folder", icon::ACTIVITY, see_runs).blocked(gone()),
            Item::new("New experiment here…", icon::PLUS, move || acts.ask(Asking::New(path.get_value()))),
            Item::new("Rename…", icon::PENCIL, move || acts.ask(Asking::FolderName(path.get_value()))).blocked(gone()),
            Item::new("Move to a folder…", icon::FOLDER, move || acts.ask(Asking::FolderPlace(path.get_value())))
                .blocked(gone()),
            Item::new("Delete its experiments…", icon::TRASH, move || acts.emptying.set(Some(emptied())))
                .danger()
                .blocked(gone().or_else(stays)),
        ]
    };
    let mark = move || icon(if is_open.get() { icon::CHEVRON_DOWN } else { icon::CHEVRON_RIGHT });
    view! {
        <tr
            class="opens"
            tabindex="0"
            aria-expanded=move || is_open.get().to_string()
            aria-label=format!("Folder {name}")
            on:click=move |_| turn()
            on:keydown=move |event| {
                if opens_row(&event) {
                    turn();
                } else if event.target() == event.current_target() {
                    match event.key().as_str() {
                        "ArrowLeft" => fold(false),
                        "ArrowRight" => fold(true),
                        _ => {}
                    }
                }
            }
            on:contextmenu=move |event| menus.open_at(&event, items())
        >
            <td>
                <span class="flex" style:padding-left=indent(depth)>
                    <span class="faint flex">{mark}{icon(icon::FOLDER)}</span>
                    <b class="cut">{name.clone()}</b>
                </span>
            </td>
            <td class="faint" colspan="4">{count}</td>
            <td class="end"><MenuButton items label=format!("More of the folder {name}") /></td>
        </tr>
    }
}
