//! One run: its state and what is left, live charts, the report, and everything that it took.

mod about;
mod charts;
mod compare_with;
mod evaluation;
mod figures;
mod logged;
mod logs;
mod media;
mod nested;
mod other_limits;
mod system;

use api::{
    ProjectId,
    deleted::{CHECKPOINTS, RestoreArtifact},
    id::RunId,
    logged::{ListLogged, LoggedBy},
    run::{
        DATA_CHANGED, DeleteCheckpoints, GetEvaluation, GetNested, GetRun, MetricSummary, Nested, ResumeRun, Run,
        RunKind, RunProgress, RunState, StartCommand, StopRun, seconds,
    },
    search::ListSearches,
    spending::Limit,
    tracking::{PurgeRuns, RestoreRuns, TrashRuns},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate, use_params_map};

use crate::{
    client::{
        Client,
        query::{Query, paced, query},
    },
    frame::{address::asking, asked::forgets, crumbs::crumbs, place::Place},
    parts::{
        button::{Button, Pending},
        card::{Chip, Figure, Figures, Progress},
        chart::looked::ChartLooks,
        curve_look::{CURVES, Look, MACHINE, NAMES},
        dialog::Confirm,
        icon::{self, icon},
        kept_figure,
        mark_ended::MarkEnded,
        menu::{Item, MenuButton},
        move_runs::MoveRuns,
        register::Register,
        rename_run::RenameRun,
        stage::{RunChip, run_kind},
        states::{Load, Problem},
        tabs::{Tab, Tabs, current_tab, keys_of},
        toast::Toasts,
        words,
    },
};

#[component]
pub(crate) fn RunPage() -> impl IntoView {
    let place = Place::get();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("run")).and_then(|run| run.parse::<RunId>().ok()));
    let run = query(move || id.get().map(|run| GetRun { run }));
    crumbs(move || {
        let name = run.value.with(|run| run.as_ref().map_or_else(String::new, |run| run.name.clone()));
        vec![("Runs".to_owned(), Some(place.runs())), (name, None)]
    });
    view! {
        <div class="body-of-page run">
            <Load query=run lines=9 let:run>
                {
                    // Another run's page is built anew: its curves and its notes are its own.
                    let id = Memo::new(move |_| run.with(|run| run.id));
                    let nested = query(move || Some(GetNested { run: id.get() }));
                    move || {
                        // Read, not only tracked: a memo that nobody has read yet hears of nothing.
                        let _ = id.get();
                        view! {
                            <Head run nested />
                            <Whole run />
                            <Budget run />
                            <Why run />
                            <Numbers run />
                            <Views run nested />
                        }
                    }
                }
            </Load>
        </div>
    }
}

/// How far it is; nothing once it is over, and nothing of a client's run that doesn't say: a bar that moves for days
/// tells nobody anything.
#[component]
fn Whole(run: Signal<Run>) -> impl IntoView {
    let fraction = Signal::derive(move || run.with(|run| run.progress.as_ref().and_then(|progress| progress.fraction)));
    let live = Memo::new(move |_| {
        run.with(|run| !run.state.is_over() && (run.kind.is_supervised() || fraction.get().is_some()))
    });
    move || live.get().then(|| view! { <div class="whole-bar"><Progress fraction label="Progress of the run" /></div> })
}

/// How much of its budget is used: a bar a limit; nothing of a run without one.
#[component]
fn Budget(run: Signal<Run>) -> impl IntoView {
    let spent = Memo::new(move |_| run.with(|run| run.spent.clone()));
    move || {
        let spent = spent.get()?;
        let bar = |used: &api::spending::Used| {
            let told = format!("Budget: {}", spent.told(*used));
            let share = used.share();
            view! {
                <div class="budget">
                    <span class="caption muted num">{told.clone()}</span>
                    {share.map(|_| view! { <Progress fraction=Signal::stored(share) label=told /> })}
                </div>
            }
        };
        let bars = spent.limits().iter().map(bar).collect_view();
        Some(bars)
    }
}

/// Why it failed or stopped, with what to try.
#[component]
fn Why(run: Signal<Run>) -> impl IntoView {
    // That somebody stopped it stands beside its name.
    let is_told = |error: &api::ApiError| error.code == api::ErrorCode::Cancelled && error.hint.is_none();
    let why = Memo::new(move |_| run.with(|run| run.ended_because.clone().filter(|error| !is_told(error))));
    let state = Memo::new(move |_| run.with(|run| run.state));
    let has_log = Memo::new(move |_| run.with(|run| run.kind.has_log()));
    move || {
        why.get().map(|error| {
            let log = has_log.get().then(|| logs::whole_log_of(state.get()));
            view! {
                <div class="notices">
                    <Problem error>{log.map(|log| view! { <a class="btn quiet s" href=log>"Log"</a> })}</Problem>
                </div>
            }
        })
    }
}

#[component]
fn Head(run: Signal<Run>, nested: Query<Nested>) -> impl IntoView {
    let of = move |take: fn(&Run) -> Option<String>| Memo::new(move |_| run.with(take));
    let name = of(|run| Some(run.name.clone()));
    let kind = of(|run| run_kind(run.kind).map(ToOwned::to_owned));
    let deleted = of(|run| run.deleted_ms.map(|_| "deleted".to_owned()));
    let model = of(|run| run.params.get("model").map(|model| model.replace('_', " ")));
    let data = of(|run| {
        let since = if run.environment.contains_key(DATA_CHANGED) { ", changed since" } else { "" };
        run.snapshot_number.map(|number| format!("data v{number}{since}"))
    });
    let code = of(|run| {
        run.code
            .as_ref()
            .map(|code| format!("git {}{}", words::short_hash(&code.commit), if code.dirty { ", changed" } else { "" }))
    });
    let chip = move |text: Memo<Option<String>>, tone: &'static str| {
        move || text.get().map(|text| view! { <Chip text tone=tone /> })
    };
    view! {
        <div class="head">
            <div>
                <div class="flex wrap">
                    <h1>{move || name.get()}</h1>
                    <RunChip state=Signal::derive(move || run.with(|run| run.state)) kind=run.with_untracked(|run| run.kind) />
                    <nested::Parent nested />
                    {chip(deleted, "warn")}
                    {chip(kind, "")}
                    {chip(model, "")}
                    {chip(data, "mono")}
                    {chip(code, "mono")}
                </div>
                <div class="sub" title=move || run.with(sentence)>{move || run.with(sentence)}</div>
            </div>
            <div class="right flex"><Acts run /></div>
        </div>
    }
}

/// "Epoch 19 of 30 · 1 min 40 s left · CPU, 2 threads".
fn sentence(run: &Run) -> String {
    let mut parts = Vec::new();
    let progress = run.progress.as_ref();
    if run.state == RunState::Running
        && let Some(progress) = progress
    {
        let by_rounds = run.params.get("model").is_some_and(|model| model == "trees");
        let name = if by_rounds { "Round" } else { "Epoch" };
        match (progress.epoch, progress.epochs) {
            _ if progress.is_trained() => parts.push("Evaluates".to_owned()),
            (Some(epoch), Some(epochs)) => {
                parts.push(format!("{name} {} of {}", words::count(epoch), words::count(epochs)))
            }
            _ => parts.push(format!("Step {}", words::count(progress.step))),
        }
        parts.extend(progress.seconds_left.map(|left| format!("{} left", words::duration(left))));
    }
    match (run.state, run.started_ms, run.ended_ms) {
        (RunState::Queued, ..) => parts.push("Waits for its turn".to_owned()),
        (state, Some(started), Some(ended)) if state.is_over() => {
            parts.push(format!("Took {}", words::duration(seconds(started, ended))));
            parts.push(format!("ended {}", words::exact(ended)));
        }
        (_, Some(started), None) => {
            let began = if parts.is_empty() { "Started" } else { "started" };
            parts.push(format!("{began} {}", words::exact(started)));
        }
        _ => {}
    }
    if let Some(spent) = &run.spent {
        parts.extend(spent.cost.map(|cost| format!("cost {}", spent.amount(Limit::Cost, cost))));
        parts.extend(spent.kwh().map(|kwh| spent.amount(Limit::KilowattHours, kwh)));
    }
    let threads = run.params.get("threads").map(|threads| match threads.as_str() {
        "1" => ", 1 thread".to_owned(),
        threads => format!(", {threads} threads"),
    });
    let threads = threads.unwrap_or_default();
    parts
        .extend(run.device.as_ref().map(|device| format!("{}{threads}", if device == "cpu" { "CPU" } else { device })));
    // MLflow's clients that know no name say "unknown".
    let user = run.user.as_ref().filter(|user| !run.kind.is_supervised() && *user != "unknown");
    parts.extend(user.map(|user| format!("by {user}")));
    parts.extend(run.exit_code.map(|code| format!("exit code {code}")));
    if run.resumable && !run.state.is_over() {
        let at = progress.and_then(|progress| progress.checkpoint_ms);
        parts.extend(at.map(|at| format!("resumes from the checkpoint of {}", words::clock_with_seconds(at))));
    }
    // Last: of a sentence that is cut only a long command lacks its end.
    parts.extend(run.command.as_ref().map(|command| command.join(" ")));
    parts.join(" · ")
}

/// What of a run decides what can be done with it.
#[derive(Clone, Copy, PartialEq)]
struct Standing {
    is_deleted: bool,
    is_over: bool,
    kind: RunKind,
    has_version: bool,
    project: Option<ProjectId>,
}

impl Standing {
    fn of(run: &Run) -> Self {
        Self {
            is_deleted: run.deleted_ms.is_some(),
            is_over: run.state.is_over(),
            kind: run.kind,
            has_version: !run.versions.is_empty(),
            project: run.project,
        }
    }

    /// Whether only its client says when it is over, which it has not.
    const fn is_open(self) -> bool {
        !self.kind.is_supervised() && !self.is_over
    }

    /// Why it can't be deleted now.
    fn live(self) -> Option<String> {
        (self.kind.is_supervised() && !self.is_over).then(|| "It is under way: stop it first.".to_owned())
    }

    /// Why it can't be deleted for good.
    fn kept(self) -> Option<String> {
        self.has_version.then(|| "A model version came from it.".to_owned())
    }

    /// Why no model version can be made of it, where its page has no button for that.
    fn not_registered(self) -> Option<String> {
        let why = match (self.kind, self.project) {
            (RunKind::Training | RunKind::Command, _) => return None,
            (_, None) => "It belongs to no project, and its files are not a model of ours.",
            (_, Some(_)) => "Only what was trained here can be deployed: its files are not a model of ours.",
        };
        Some(why.to_owned())
    }
}

#[component]
fn Acts(run: Signal<Run>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let place = Place::get();
    let pending = Pending::new();
    let navigate = StoredValue::new_local(use_navigate());
    let [renaming, moving, ending, purging, thinning, registering, limiting, comparing] =
        std::array::from_fn(|_| RwSignal::new(false));
    let id = Memo::new(move |_| run.with(|run| run.id));
    let facts = Memo::new(move |_| {
        run.with(|run| (run.state, run.kind, run.resumable, run.versions.first().copied(), run.has_evaluation))
    });
    let standing = Memo::new(move |_| run.with(Standing::of));
    // A program that was asked: who presses again has seen that asking is not enough.
    let asked = RwSignal::new(None::<RunId>);
    let stop = move || {
        let request = StopRun { run: id.get_untracked() };
        pending.run(async move { client.call(request).await }, move |run| {
            if run.kind == RunKind::Command && asked.try_get_untracked().flatten() != Some(run.id) {
                asked.try_set(Some(run.id));
                toasts.done(words::asked_to_stop(&run.name));
            } else if run.progress.as_ref().is_some_and(RunProgress::is_trained) {
                toasts.done(format!("{} is trained: it ends as soon as it is evaluated.", run.name));
            }
        });
    };
    let resume = move || {
        let request = ResumeRun { run: id.get_untracked(), budget: Default::default() };
        pending.run(async move { client.call(request).await }, |_| {});
    };
    // Only what is over: beside one that runs it would be taken for a way to end that.
    let has_again = Memo::new(move |_| {
        let is_over = standing.with(|standing| standing.is_over && !standing.is_deleted);
        is_over && run.with(|run| StartCommand::again(run).is_some())
    });
    let again = move || {
        let Some(request) = run.with_untracked(StartCommand::again) else { return };
        pending.run(async move { client.call(request).await }, move |begun: Run| {
            let to = untrack(|| place.link(&format!("runs/{}", begun.id)));
            navigate.try_with_value(|navigate| navigate(&to, Default::default()));
        });
    };
    // `?register=1` asks at once, where there is something to register; the address has done its part then.
    let asked_in_address = use_location().query;
    let forget = forgets("register");
    Effect::new(move |done: Option<bool>| {
        let (state, _, _, version, has_evaluation) = facts.get();
        let can_be = state == RunState::Finished && version.is_none() && has_evaluation;
        let is_asked = asked_in_address.with(|asked| asked.get("register").is_some());
        if is_asked && can_be && done != Some(true) {
            registering.set(true);
            forget();
        }
        is_asked && (can_be || done == Some(true))
    });
    let registered = move |version: api::model::Version| {
        let to = untrack(|| place.link(&format!("models/{}", version.id)));
        navigate.try_with_value(|navigate| navigate(&to, Default::default()));
    };
    let train_again = asking(vec![("train", "1".to_owned())]);
    let leave = move || {
        let to = untrack(|| place.runs());
        navigate.try_with_value(|navigate| navigate(&to, Default::default()));
    };
    let checkpoints = move |dry_run| DeleteCheckpoints { runs: vec![id.get_untracked()], dry_run, for_good: false };
    let thin = move || {
        let (request, name) = (checkpoints(false), run.with_untracked(|run| run.name.clone()));
        let back = RestoreArtifact { run: id.get_untracked(), path: CHECKPOINTS.to_owned() };
        pending.run(async move { client.call(request).await }, move |_| {
            toasts.undoable(client, format!("Deleted the checkpoints of {name}"), back);
        });
    };
    // Asked before the dialog opens: what they hold is said in bytes.
    let held = RwSignal::new(0);
    let ask_thin = move || {
        let request = checkpoints(true);
        pending.run(async move { client.call(request).await }, move |freed| {
            held.try_set(freed.bytes);
            thinning.try_set(true);
        });
    };
    let trash = move || {
        let runs = vec![id.get_untracked()];
        let (name, back) = (run.with_untracked(|run| run.name.clone()), RestoreRuns { runs: runs.clone() });
        pending.run(async move { client.call(TrashRuns { runs }).await }, move |()| {
            toasts.undoable(client, format!("Deleted {name}"), back);
            leave();
        });
    };
    let restore = move || {
        let request = RestoreRuns { runs: vec![id.get_untracked()] };
        pending.run(async move { client.call(request).await }, move |()| toasts.done("Restored"));
    };
    let purge = move || {
        let request = PurgeRuns { runs: vec![id.get_untracked()] };
        pending.run(async move { client.call(request).await }, move |freed| {
            toasts.done(format!("Deleted for good; {}.", freed.said()));
            leave();
        });
    };
    let items = move || {
        let standing = standing.get_untracked();
        let copy = Item::new("Copy id", icon::COPY, move || toasts.copy(&id.get_untracked().to_string()));
        if standing.is_deleted {
            return vec![
                copy,
                Item::new("Restore", icon::UNDO_2, restore),
                Item::new("Delete for good…", icon::TRASH, move || purging.set(true)).danger().blocked(standing.kept()),
            ];
        }
        let mut items = vec![
            Item::new("Compare with…", icon::LAYERS, move || comparing.set(true)),
            Item::new("Rename…", icon::PENCIL, move || renaming.set(true)),
            copy,
        ];
        if standing.is_open() {
            items.push(Item::new("Mark as ended…", icon::SQUARE, move || ending.set(true)));
        }
        if let Some(why) = standing.not_registered() {
            items.push(Item::new("Register model…", icon::BOX, || {}).blocked(Some(why)));
        }
        let verb = run.with_untracked(other_limits::verb);
        items.extend(
            verb.map(|verb| Item::new(format!("{verb} with other limits…"), icon::PLAY, move || limiting.set(true))),
        );
        items.extend([
            Item::new("Move to experiment…", icon::FOLDER, move || moving.set(true)),
            Item::new("Delete checkpoints…", icon::LAYERS, ask_thin).danger().blocked(standing.live()),
            Item::new("Delete run", icon::TRASH, trash).danger().blocked(standing.live()),
        ]);
        items
    };
    let is_deleted = Memo::new(move |_| standing.with(|standing| standing.is_deleted));
    view! {
        {move || (!is_deleted.get()).then(|| view! {
            <Button label="Compare" mark=icon::LAYERS kind="quiet" tip="Lay other runs beside this one" on_press=move || comparing.set(true) />
        })}
        {move || {
            let (state, kind, resumable, version, has_evaluation) = facts.get();
            if standing.with(|standing| standing.is_deleted) {
                return view! { <Button label="Restore" mark=icon::UNDO_2 kind="primary" disabled=pending.busy on_press=restore /> }.into_any();
            }
            match state {
                // Only its client says when it is over.
                RunState::Queued | RunState::Running if !kind.is_supervised() => ().into_any(),
                RunState::Queued | RunState::Running => {
                    let was_asked = move || kind == RunKind::Command && asked.get() == Some(id.get());
                    let label = Signal::derive(move || if was_asked() { "End at once" } else { "Stop" }.to_owned());
                    view! { <Button label mark=icon::SQUARE disabled=pending.busy on_press=stop /> }.into_any()
                }
                RunState::Stopped | RunState::Killed | RunState::Failed if resumable => {
                    view! { <Button label="Resume" mark=icon::PLAY kind="primary" disabled=pending.busy on_press=resume /> }.into_any()
                }
                RunState::Finished => match version {
                    Some(version) => view! {
                        <a class="btn" href=move || place.link(&format!("models/{version}"))>{icon(icon::BOX)}"See model version"</a>
                    }.into_any(),
                    None if has_evaluation => {
                        view! { <Button label="Register model…" mark=icon::BOX kind="primary" on_press=move || registering.set(true) /> }.into_any()
                    }
                    None => ().into_any(),
                },
                // Nothing to go on from: the way out is a run of its own.
                _ if kind == RunKind::Training => view! {
                    <a class="btn primary" href=train_again>{icon(icon::PLAY)}"Train again"</a>
                }.into_any(),
                RunState::Stopped | RunState::Killed | RunState::Failed => ().into_any(),
            }
        }}
        {move || has_again.get().then(|| view! {
            <Button label="Run it again" mark=icon::PLAY disabled=pending.busy tip="The same command in the same folder, as a run of its own" on_press=again />
        })}
        <ItsTrials run />
        <MenuButton items />
        <RenameRun open=renaming run=Signal::derive(move || run.with(|run| Some((run.id, run.name.clone())))) />
        <Register open=registering run=Signal::derive(move || Some(id.get())) on_done=registered />
        <compare_with::CompareWith open=comparing run />
        <other_limits::OtherLimits open=limiting run />
        <MarkEnded open=ending run=Signal::derive(move || run.with(|run| Some((run.id, run.name.clone())))) />
        <MoveRuns open=moving runs=Signal::derive(move || vec![id.get()]) />
        <Confirm
            open=purging
            title=Signal::derive(move || format!("Delete {} for good?", run.with(|run| run.name.clone())))
            text="Its metrics, checkpoints, artifacts and logs are gone then, and nothing brings them back. The data that it learned from stay."
            verb="Delete for good"
            on_confirm=purge
        />
        <Confirm
            open=thinning
            title=Signal::derive(move || format!("Delete the checkpoints of {}?", run.with(|run| run.name.clone())))
            text=Signal::derive(move || {
                let size = words::bytes(held.get());
                format!("Without them the run can't be resumed. For a day Undo, or Restore on the Artifacts tab, brings them back; so long they keep their {size}, which Delete for good there frees at once. Its metrics, artifacts and logs stay.")
            })
            verb="Delete checkpoints"
            on_confirm=thin
        />
    }
}

/// Where the trials of a run that is a search are shown.
#[component]
fn ItsTrials(run: Signal<Run>) -> impl IntoView {
    let place = Place::get();
    let asked = Memo::new(move |_| run.with(|run| run.project.filter(|_| run.kind == RunKind::Search)));
    let all = query(move || Some(ListSearches { project: asked.get()?, deleted: false }));
    let own = Memo::new(move |_| {
        let id = run.with(|run| run.id);
        all.value.with(|all| all.as_ref()?.iter().find(|search| search.run == Some(id)).map(|search| search.id))
    });
    move || {
        own.get().map(|id| {
            view! { <a class="btn" href=place.link(&format!("runs?search={id}"))>{icon(icon::SLIDERS_HORIZONTAL)}"Its trials"</a> }
        })
    }
}

/// The newest figures: validation first, then losses, then what the machine does.
#[component]
fn Numbers(run: Signal<Run>) -> impl IntoView {
    let evaluated = Memo::new(move |_| run.with(|run| run.has_evaluation.then_some(run.id)));
    let report = query(move || evaluated.get().map(|run| GetEvaluation { run }));
    let primary = Memo::new(move |_| report.value.with(|report| report.as_ref().map(|report| report.primary.clone())));
    let figures = Memo::new(move |_| {
        let primary = primary.get();
        run.with(|run| numbers(run, primary.as_deref()))
    });
    let kept = Memo::new(move |_| run.with(kept));
    view! {
        {move || (!figures.with(Vec::is_empty)).then(|| view! { <Figures figures=Signal::from(figures) /> })}
        {move || kept.get().map(|sentence| view! { <p class="caption faint">{sentence}</p> })}
    }
}

/// Which step's model was kept, where a figure was better at another.
fn kept(run: &Run) -> Option<String> {
    let is_beaten = |metric: &MetricSummary| metric.key.ends_with("/validation") && best(metric).is_some();
    let ended = run.kind == RunKind::Training && run.state == RunState::Finished;
    (ended && run.metrics.iter().any(is_beaten)).then(|| {
        let turn = if run.params.get("model").is_some_and(|model| model == "trees") { "round" } else { "epoch" };
        let step = run.metrics.iter().find_map(|metric| kept_figure::of(metric)?.step);
        let at = step.map(|step| format!(", at step {}", words::step(step as f64))).unwrap_or_default();
        format!("Kept: the {turn} with the lowest validation loss{at}; a metric may have been better at another.")
    })
}

/// The best of a curve, the value that it ended with among them, where it is another: of a loss the least, of a score the
/// most. What a client measured under a name that says neither has none.
fn best(metric: &MetricSummary) -> Option<f64> {
    let best = match words::is_more_better(&metric.key)? {
        true => metric.max.max(metric.last),
        false => metric.min.min(metric.last),
    };
    let differs = metric.count > 1 && best.is_finite() && words::figure(best) != words::figure(metric.last);
    differs.then_some(best)
}

const SHOWN: usize = 6;

/// `primary` is what runs are ranked by, once it is known: it leads.
fn numbers(run: &Run, primary: Option<&str>) -> Vec<Figure> {
    let leads = |key: &str| primary.is_some_and(|primary| key.strip_suffix("/validation") == Some(primary));
    let rank = |metric: &&MetricSummary| match metric.key.as_str() {
        key if leads(key) => -1,
        "loss/validation" => 1,
        "loss/train" => 2,
        key if key.starts_with("system/") || key.ends_with("learning_rate") => 9,
        // What is measured again and again is what the training is steered by.
        key if key.ends_with("/validation") && metric.count > 1 => 0,
        key if key.ends_with("/validation") => 3,
        // A loss or a score says more than what a layer did.
        key if words::is_more_better(key).is_some() => 4,
        _ => 5,
    };
    let mut metrics: Vec<&MetricSummary> = run.metrics.iter().filter(|metric| rank(metric) < 9).collect();
    metrics.sort_by_key(rank);
    let mut all: Vec<Figure> = metrics
        .into_iter()
        .take(SHOWN - 2)
        .map(|metric| {
            let note = best(metric).map(|best| format!("best {}", words::figure(best))).unwrap_or_default();
            let tone = if metric.last.is_finite() { "" } else { "bad" };
            // Figures are validation's unless they say otherwise; only losses come in twos.
            let (label, note) = match metric.key.strip_suffix("/validation") {
                Some(name) if name != "loss" && note.is_empty() => (words::metric(name), "validation".to_owned()),
                Some(name) if name != "loss" => (words::metric(name), note),
                _ => (words::key(&metric.key), note),
            };
            Figure { label, value: words::figure(metric.last), note, tone }
        })
        .collect();
    if let Some(progress) = &run.progress {
        if let Some(rate) = progress.rows_per_second {
            all.push(Figure::new("Throughput", words::short(rate.round()), "rows / s"));
        }
        if let Some(memory) = progress.memory_bytes {
            let text = words::bytes(memory);
            let (value, unit) = text.split_once(' ').unwrap_or((&text, ""));
            all.push(Figure::new("Memory", value, unit));
        }
    }
    all
}

/// Milliseconds between two looks at what lies in a run's folder.
const WALKS_APART_MS: i32 = 2_000;

#[component]
fn Views(run: Signal<Run>, nested: Query<Nested>) -> impl IntoView {
    let id = Memo::new(move |_| run.with(|run| run.id));
    let is_live = Signal::derive(move || run.with(|run| !run.state.is_over()));
    let is_training = Memo::new(move |_| run.with(|run| run.kind == RunKind::Training));
    let is_imported = run.with_untracked(|run| run.kind == RunKind::Imported);
    let is_kept = run.with_untracked(|run| run.kind.is_supervised());
    let elsewhere = Memo::new(move |_| run.with(Run::said_of_files));
    // A run that is under way announces itself many times a second, and each of these walks through its folder.
    let artifacts = paced(move || Some(api::run::ListArtifacts { run: id.get() }), WALKS_APART_MS);
    let media = paced(move || Some(api::media::ListMedia::of(id.get())), WALKS_APART_MS);
    let logged = paced(move || Some(ListLogged { of: LoggedBy::Run(id.get()), deleted: false }), WALKS_APART_MS);
    // Of a training its progress says what it takes; a program's run is measured from outside; a search takes nothing.
    let has_system = Memo::new(move |_| {
        run.with(|run| {
            !matches!(run.kind, RunKind::Training | RunKind::Search)
                || run.metrics.iter().any(|metric| metric.key.starts_with("system/"))
        })
    });
    let tabs = Memo::new(move |_| {
        let count = artifacts.value.with(|artifacts| artifacts.as_ref().map(|artifacts| artifacts.len() as u64));
        let mut tabs = vec![Tab::new("charts", "Charts")];
        if is_training.get() {
            tabs.push(Tab::new("evaluation", "Evaluation"));
        }
        tabs.push(Tab::new("params", "Parameters"));
        let below = nested.value.with(|nested| nested.as_ref().map_or(0, |nested| nested.total));
        if below > 0 {
            tabs.push(Tab { count: Some(below), ..Tab::new("below", "Child runs") });
        }
        let media = media.value.with(|media| media.as_ref().map_or(0, |media| media.total));
        if media > 0 {
            tabs.push(Tab { count: Some(media), ..Tab::new("media", "Media") });
        }
        tabs.push(Tab { count, ..Tab::new("artifacts", "Artifacts") });
        let models = logged.value.with(|logged| logged.as_ref().map(|logged| (logged.total, logged.deleted)));
        if let Some((total, deleted)) = models
            && total + deleted > 0
        {
            tabs.push(Tab { count: Some(total), ..Tab::new("models", "Models") });
        }
        tabs.push(Tab::new("logs", "Logs"));
        if has_system.get() {
            tabs.push(Tab::new("system", "System"));
        }
        tabs.extend([Tab::new("lineage", "Lineage"), Tab::new("code", "Code")]);
        tabs
    });
    let tab = current_tab(move || {
        let mut keys = tabs.with(|tabs| keys_of(tabs));
        // Until it is known what media there are, an address may name them.
        if media.value.with(Option::is_none) {
            keys.push("media");
        }
        if nested.value.with(Option::is_none) {
            keys.push("below");
        }
        if logged.value.with(Option::is_none) {
            keys.push("models");
        }
        keys
    });
    let query = use_location().query;
    let look = Look::new().of_address(query, CURVES);
    let machine = Look::over_time().of_address(query, MACHINE);
    let looks = ChartLooks::of_address(query);
    view! {
        <Tabs tabs=Signal::from(tabs) current=tab keeps=NAMES />
        <div class="tab-body">
            {move || match tab.get().as_str() {
                "evaluation" => view! { <evaluation::EvaluationTab run=id has=Signal::derive(move || run.with(|run| run.has_evaluation)) /> }.into_any(),
                "params" => view! { <about::ParamsTab run /> }.into_any(),
                "below" => view! { <nested::BelowTab run=id nested /> }.into_any(),
                "media" => view! { <media::MediaTab run=id media /> }.into_any(),
                "artifacts" => view! { <about::ArtifactsTab run=id artifacts elsewhere is_imported /> }.into_any(),
                "models" => view! { <logged::ModelsTab run=id models=logged /> }.into_any(),
                "logs" => view! { <logs::LogsTab run=id is_live is_kept /> }.into_any(),
                "system" => view! { <system::SystemTab run look=machine looks /> }.into_any(),
                "lineage" => view! { <about::LineageTab run=id /> }.into_any(),
                "code" => view! { <about::CodeTab run /> }.into_any(),
                _ => view! { <charts::ChartsTab run look looks system=false /><nested::Elsewhere run nested /> }.into_any(),
            }}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_a_curve_is_never_worse_than_the_value_beside_it() {
        let curve = |key: &str, last: f64, min: f64, max: f64| {
            best(&MetricSummary { key: key.to_owned(), count: 3, step: 3, last, min, max, time_ms: 0, kept: None })
        };
        assert_eq!(curve("accuracy", 0.7, 0.2, 0.9), Some(0.9));
        assert_eq!(curve("accuracy", 0.9, 0.2, 0.8), None, "what a log's summary says may be beyond its curve");
        assert_eq!(curve("loss/train", 0.3, 0.1, 2.0), Some(0.1));
        assert_eq!(curve("perplexity", 12.0, 8.0, 90.0), Some(8.0));
        assert_eq!(curve("queue_length", 3.0, 1.0, 9.0), None, "nobody says which is better");
    }

    #[test]
    fn what_can_be_done_with_a_run_hangs_on_who_wrote_it() {
        let trained = Standing {
            is_deleted: false,
            is_over: false,
            kind: RunKind::Training,
            has_version: false,
            project: Some(ProjectId::from_bytes([1; 16])),
        };
        assert!(trained.live().is_some() && !trained.is_open() && trained.not_registered().is_none());
        let logged = Standing { kind: RunKind::Client, project: None, ..trained };
        assert!(logged.live().is_none() && logged.is_open());
        assert!(!Standing { is_over: true, ..logged }.is_open());
        assert!(logged.not_registered().is_some_and(|why| why.contains("no project")));
        assert!(Standing { has_version: true, ..logged }.kept().is_some());
    }
}
