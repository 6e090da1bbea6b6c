//! What a client's run uses: its process is the one at the other end of the connection that began it, and `slipway meter`
//! tells what that and all that it started use, under the same keys as of a program that `slipway exec` started.
//!
//! A run that is over within [`AFTER`] costs a place in a map and nothing else. Of the others the process is looked for
//! once, while its connection is there, and kept: a client may connect anew. It is measured until the run or the process is
//! over, or the client tells a series of its own under `system/`, beside which nothing is measured.
//!
//! A client may begin a thousand runs a second. They are looked at together, once a second, and why they are not measured
//! is noted in a few transactions: each has searches read their pages of the database anew, and others' writes wait.
//!
//! One that is measured to have used up its project's budget, or without a project that of the settings, is ended and
//! announced; its process is left alone, and the host stays for what its client still logs.
//!
//! What is measured already is not measured again: a run below one that we supervise, or below a measured one of the
//! same process. Runs of one process that stand beside each other share its meter, and what it used ([`shares`]); there
//! are only so many of them ([`MOST_RUNS`]), and only so many processes ([`MOST_PROCESSES`]), whoever begins them.

mod shares;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use api::{
    ApiError, ProjectId, RunId,
    event::{NewestPoint, Tag},
    run::{MACHINE, MACHINE_UNMEASURED, Run, RunState, SYSTEM},
    series::Point,
    spending::{BudgetConfig, Terms},
    tracking::PARENT_TAG,
    worker::Metered,
};
use store::{run::RunRow, spending::Spending};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::Notify,
};

use self::shares::{Due, Look, Share, Shared};
use super::Announcer;
use crate::{
    Engine, WeakEngine,
    process::{
        self, ProcessId,
        peer::{self, Peer},
    },
    run::{self, Lists, spending},
    settings,
};

/// A run that goes on for so long is measured; a quiet connection of its client is there for longer.
const AFTER: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(1);
/// The pause where more wait than are looked at together, so that they can't become ever more.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Runs that are looked at together, the oldest first.
const TOGETHER: usize = 2_000;
/// Runs that are noted in one transaction, which takes milliseconds: what clients write meanwhile waits for it.
const NOTED_AT_ONCE: usize = 500;
/// Between two of these transactions, in which whoever waits to write goes first.
const WAY: Duration = Duration::from_millis(50);
/// Runs that are entered in one transaction, for the same reason: each has a score of series.
const ENTERED_AT_ONCE: usize = 64;
/// Runs of one process that are measured at once: each look is written to all of them.
const MOST_RUNS: usize = 256;
/// Processes that are: each has a `slipway meter`, which looks through every process of the machine.
const MOST_PROCESSES: usize = 32;
/// Runs that stand below each other; more of them are a circle.
const DEEPEST: usize = 32;

/// Clients' runs that are to be measured, and those that are.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    runs: Mutex<Runs>,
    /// Held while runs are looked at: a workspace that is closed waits for what is noted of them.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Runs {
    waiting: HashMap<RunId, Waiting>,
    /// The processes that are measured, by the number of their meter; each has a run that goes on.
    shared: BTreeMap<u64, Shared>,
    /// Meters that were begun.
    meters: u64,
    /// Those that used up their budget, while their clients have not said that they are over.
    spent: HashMap<RunId, (ProcessId, String)>,
    /// Whether somebody looks at those that wait.
    is_looked_at: bool,
}

impl Runs {
    /// A run is measured no further, nor is its process where it was the last one.
    fn without(&mut self, run: RunId) {
        self.shared.retain(|_, shared| {
            shared.runs.remove(&run);
            !shared.runs.is_empty()
        });
    }
}

/// A meter that is to be begun, and what it is to measure.
struct Of {
    meter: u64,
    process: ProcessId,
    /// Told where a further run shares it.
    joined: Arc<Notify>,
}

/// How a run is measured from now on.
enum Taken {
    First(Of),
    /// By the meter of the runs beside it, with what the machine is, once that is known.
    Beside(Option<BTreeMap<String, String>>),
}

/// A run that used up its budget, with its process and its name.
type Spent = (RunId, (ProcessId, String));

#[derive(Debug, Clone, Copy)]
struct Waiting {
    peer: SocketAddr,
    begun: Instant,
}

impl Measured {
    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client began a run over the connection from this address, or set one that was over back to running.
    pub(super) fn begun(engine: &Engine, run: RunId, peer: SocketAddr) {
        let mut runs = engine.measured().runs();
        runs.waiting.insert(run, Waiting { peer, begun: Instant::now() });
        runs.spent.remove(&run);
        if !std::mem::replace(&mut runs.is_looked_at, true) {
            tokio::spawn(look_until_none_waits(engine.downgrade()));
        }
    }

    /// Leaves a run alone that is over, or that its client measures.
    fn leave(&self, run: RunId) {
        let mut runs = self.runs();
        runs.waiting.remove(&run);
        runs.without(run);
    }

    /// A run is over by its client's word, too: nothing more is logged to it.
    pub(super) fn end(&self, run: RunId) {
        self.leave(run);
        self.runs().spent.remove(&run);
    }

    /// Leaves a run alone whose client logs one of these series.
    pub(super) fn leave_if_own(&self, run: RunId, series: &[(String, Vec<Point>)]) {
        if series.iter().any(|(key, _)| key.starts_with(SYSTEM)) {
            self.leave(run);
        }
    }

    /// Forgets one that is over, and not that it may be begun anew.
    fn over(&self, run: RunId) {
        self.runs().without(run);
    }

    /// Forgets the runs of a meter that is over, and not that they may be begun anew.
    fn all_over(&self, meter: u64) {
        self.runs().shared.remove(&meter);
    }

    /// The names of runs that used up their budget and whose processes go on: their clients may log more.
    pub(super) async fn spent(&self) -> anyhow::Result<Vec<String>> {
        let spent = self.runs().spent.clone();
        if spent.is_empty() {
            return Ok(Vec::new());
        }
        let is_alive = |(_, (process, _)): &Spent| process::is_alive(*process);
        let looked = tokio::task::spawn_blocking(move || spent.into_iter().partition(is_alive));
        let (alive, over): (Vec<Spent>, Vec<Spent>) = looked.await?;
        let mut runs = self.runs();
        for (run, _) in over {
            runs.spent.remove(&run);
        }
        Ok(alive.into_iter().map(|(_, (_, name))| name).collect())
    }

    /// Keeps what a meter told of the machine, and returns its runs; `None` where none of them goes on.
    fn machine(&self, meter: u64, facts: &BTreeMap<String, String>) -> Option<Vec<RunId>> {
        let mut runs = self.runs();
        let shared = runs.shared.get_mut(&meter)?;
        shared.machine = Some(facts.clone());
        Some(shared.runs.keys().copied().collect())
    }

    /// Divides what a meter told among its runs, and returns what is to be entered; `None` where none of them goes on.
    fn look(&self, meter: u64, time_ms: i64, values: &BTreeMap<String, f64>) -> Option<Vec<Due>> {
        Some(self.runs().shared.get_mut(&meter)?.look(Instant::now(), time_ms, values))
    }

    /// Takes out what has waited for long enough, the oldest first and [`TOGETHER`] at most; `None` once nothing waits
    /// any more.
    fn due(&self) -> Option<Vec<(RunId, Waiting)>> {
        let mut runs = self.runs();
        if runs.waiting.is_empty() {
            runs.is_looked_at = false;
            // Of many that waited once.
            runs.waiting.shrink_to_fit();
            return None;
        }
        let waited = runs.waiting.iter().filter(|(_, waiting)| waiting.begun.elapsed() >= AFTER);
        let mut due: Vec<_> = waited.map(|(run, waiting)| (*run, *waiting)).collect();
        due.sort_unstable_by_key(|(run, waiting)| (waiting.begun, *run));
        due.truncate(TOGETHER);
        for (run, _) in &due {
            runs.waiting.remove(run);
        }
        Some(due)
    }

    /// Notes that a run is measured from now on, or says why it is not.
    fn take(&self, run: RunId, process: ProcessId, above: &[RunId], share: Share) -> Result<Taken, &'static str> {
        let mut runs = self.runs();
        // Another process may have gone on with it.
        runs.without(run);
        if let Some(shared) = runs.shared.values_mut().find(|shared| shared.process.is_same(process)) {
            if above.iter().any(|run| shared.runs.contains_key(run)) {
                return Err(MEASURED_ABOVE);
            }
            if shared.runs.len() >= MOST_RUNS {
                return Err(TOO_MANY_BESIDE);
            }
            shared.join(run, share);
            return Ok(Taken::Beside(shared.machine.clone()));
        }
        if runs.shared.len() >= MOST_PROCESSES {
            return Err(TOO_MANY);
        }
        runs.meters += 1;
        let (meter, shared) = (runs.meters, Shared::new(process, run, share));
        let joined = Arc::clone(&shared.joined);
        runs.shared.insert(meter, shared);
        Ok(Taken::First(Of { meter, process, joined }))
    }
}

const MEASURED_ABOVE: &str = "It is measured with the run above it.";
const TOO_MANY_BESIDE: &str = "256 other runs of its process were measured when it started, and more are not at once.";
const TOO_MANY: &str = "32 other programs were measured on this machine when it started, and more are not at once.";
const HIDDEN: &str = "Its process belongs to another user or runs in a container.";
const GONE: &str = "Its client's connection was closed, and with it the way to its process.";

async fn look_until_none_waits(weak: WeakEngine) {
    let mut pause = LOOK;
    loop {
        tokio::time::sleep(pause).await;
        let Some(engine) = weak.upgrade() else { return };
        let _looking = engine.measured().looking.lock().await;
        let Some(due) = engine.measured().due() else { return };
        pause = if due.len() < TOGETHER { LOOK } else { LOOK_AGAIN };
        if !due.is_empty() {
            begin_or_warn(&engine, due, After::Measured).await;
        }
    }
}

/// Before the workspace is closed: what is to be noted of runs by now is noted. Those that would be measured from now
/// on are left as they are.
pub(crate) async fn close(engine: &Engine) {
    let _looking = engine.measured().looking.lock().await;
    while let Some(due) = engine.measured().due().filter(|due| !due.is_empty()) {
        begin_or_warn(engine, due, After::Closed).await;
    }
}

/// What becomes of a run that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Measured,
    /// The workspace is closed then.
    Closed,
}

async fn begin_or_warn(engine: &Engine, due: Vec<(RunId, Waiting)>, after: After) {
    if let Err(error) = begin(engine, due, after).await {
        tracing::warn!("runs of clients are not measured: {error:#}");
    }
}

/// Begins to measure those that still go on, and notes of the others why they are not measured.
async fn begin(engine: &Engine, due: Vec<(RunId, Waiting)>, after: After) -> anyhow::Result<()> {
    let settings = settings::current(engine).await?;
    if !settings.tracking_measured {
        return Ok(());
    }
    let without_project = settings.tracking_budget();
    let going = engine
        .store()
        .read(move |c| {
            let mut going = Vec::with_capacity(due.len());
            // Thousands of runs are of a project or two, whose files are long.
            let mut budgets: HashMap<ProjectId, BudgetConfig> = HashMap::new();
            for (run, waiting) in due {
                let Some(outline) = store::run_facts::outline(c, run)?.filter(|run| run.is_going) else { continue };
                let before = store::spending::get(c, run)?;
                let budget = match outline.project {
                    Some(project) => budget_of(c, project, &mut budgets)?,
                    None => without_project.clone(),
                };
                going.push((run, waiting, above(c, run)?, before, budget));
            }
            Ok(going)
        })
        .await?;
    if going.is_empty() {
        return Ok(());
    }
    let mut ends: Vec<SocketAddr> = going.iter().map(|(_, waiting, ..)| waiting.peer).collect();
    // Thousands of runs may have begun over a few connections.
    ends.sort_unstable();
    ends.dedup();
    let port = engine.tracking_port().load(Ordering::Relaxed);
    let peers = tokio::task::spawn_blocking(move || peer::holders(&ends, port)).await?;
    let mut facts = Vec::new();
    for (run, waiting, above, before, budget) in going {
        let process = match peers.get(&waiting.peer) {
            // Whoever logs from within the host's own process is no program of a person's.
            Some(Peer::Process(process)) if process.pid == std::process::id() => continue,
            Some(Peer::Process(process)) => Ok(*process),
            Some(Peer::Hidden) => Err(HIDDEN),
            Some(Peer::Gone) | None => Err(GONE),
        };
        let taken = process.and_then(|process| match &above {
            Above::Supervised => Err(MEASURED_ABOVE),
            Above::Clients(above) => {
                let used = used_before(before, spending::terms_of_client(&settings, &budget));
                engine.measured().take(run, process, above, Share::new(waiting.begun, used))
            }
        });
        match taken {
            Ok(_) if after == After::Closed => engine.measured().over(run),
            Ok(Taken::First(of)) => drop(tokio::spawn(measure(engine.downgrade(), of))),
            Ok(Taken::Beside(machine)) => facts.extend(machine.map(|machine| (run, machine))),
            Err(why) => facts.push((run, BTreeMap::from([(MACHINE_UNMEASURED.to_owned(), why.to_owned())]))),
        }
    }
    note(engine, facts).await
}

/// What a run used before it was over and set back to running, under terms that hold from now on.
fn used_before(before: Option<Spending>, terms: Terms) -> Spending {
    let Some(Spending { seconds, joules, terms: Terms { shared_seconds, .. }, .. }) = before else {
        return Spending::new(terms);
    };
    Spending { seconds, joules, ..Spending::new(Terms { shared_seconds, ..terms }) }
}

fn budget_of(
    c: &store::Connection,
    project: ProjectId,
    known: &mut HashMap<ProjectId, BudgetConfig>,
) -> store::Result<BudgetConfig> {
    if let Some(budget) = known.get(&project) {
        return Ok(budget.clone());
    }
    let budget = store::project::get(c, project)?.map(|project| project.file.budget).unwrap_or_default();
    known.insert(project, budget.clone());
    Ok(budget)
}

const fn is_going(row: &RunRow) -> bool {
    matches!(row.run.state, RunState::Running) && row.run.deleted_ms.is_none()
}

/// What a run stands below.
enum Above {
    /// A run whose process we supervise, at whatever height.
    Supervised,
    Clients(Vec<RunId>),
}

fn above(c: &store::Connection, run: RunId) -> store::Result<Above> {
    let (mut above, mut at) = (Vec::new(), run);
    while above.len() < DEEPEST {
        let tag = store::tag::get(c, at, PARENT_TAG)?;
        let Some(parent) = tag.and_then(|parent| parent.parse().ok()) else { break };
        let Some(outline) = store::run_facts::outline(c, parent)? else { break };
        if outline.kind.is_supervised() {
            return Ok(Above::Supervised);
        }
        above.push(parent);
        at = parent;
    }
    Ok(Above::Clients(above))
}

async fn measure(engine: WeakEngine, of: Of) {
    let outcome = follow(&engine, &of).await;
    let Some(engine) = engine.upgrade() else { return };
    engine.measured().all_over(of.meter);
    if let Err(error) = outcome {
        tracing::warn!(pid = of.process.pid, "a client's runs are measured no further: {error:#}");
    }
}

async fn follow(weak: &WeakEngine, of: &Of) -> anyhow::Result<()> {
    let mut command = {
        let Some(engine) = weak.upgrade() else { return Ok(()) };
        meter(engine.options().program.as_deref(), of.process, engine.workspace().folder())?
    };
    let mut meter = command.spawn().context("start `slipway meter`")?;
    let mut lines = BufReader::new(meter.stdout.take().context("hear `slipway meter`")?).lines();
    let mut asking = meter.stdin.take().context("ask `slipway meter`")?;
    loop {
        // The engine is not held while nothing is told: it may be closed.
        let line = tokio::select! {
            line = lines.next_line() => line?,
            () = of.joined.notified() => {
                // One that is over says so by the end of its lines.
                let _ = asking.write_all(b"\n").await;
                continue;
            }
        };
        let (Some(line), Some(engine)) = (line, weak.upgrade()) else { break };
        match serde_json::from_str::<Metered>(&line)? {
            Metered::Machine { facts } => {
                let facts = facts.into_iter().map(|(name, fact)| (format!("{MACHINE}{name}"), fact));
                let facts: BTreeMap<String, String> = facts.collect();
                let Some(runs) = engine.measured().machine(of.meter, &facts) else { break };
                note(&engine, runs.into_iter().map(|run| (run, facts.clone())).collect()).await?;
            }
            Metered::Look { values } => {
                let Some(due) = engine.measured().look(of.meter, engine.now_ms(), &values) else { break };
                enter(&engine, of.process, due).await?;
            }
        }
    }
    let _ = meter.kill().await;
    Ok(())
}

/// `slipway meter`, a process of its own: the host loads no GPU's driver. It ends with us. A line asks it to look soon,
/// and often again.
fn meter(program: Option<&Path>, of: ProcessId, folder: &Path) -> anyhow::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(program.context("this process has no program that measures")?);
    command.args(["meter", &of.pid.to_string(), &of.started_ms.to_string()]).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(crate::process::NO_WINDOW);
    Ok(command)
}

/// Adds facts to the environments of runs that are there.
async fn note(engine: &Engine, mut facts: Vec<(RunId, BTreeMap<String, String>)>) -> anyhow::Result<()> {
    while !facts.is_empty() {
        let rest = facts.split_off(facts.len().min(NOTED_AT_ONCE));
        let now = std::mem::replace(&mut facts, rest);
        let noted = engine
            .store()
            .write(move |tx| {
                let mut noted = Vec::with_capacity(now.len());
                for (run, facts) in now {
                    if store::run_facts::note(tx, run, facts)? {
                        noted.push(run);
                    }
                }
                Ok(noted)
            })
            .await?;
        // No list shows them, and thousands of rows that were read anew for them would hold up every search.
        for run in noted {
            Announcer::page_soon(engine, run);
        }
        if !facts.is_empty() {
            tokio::time::sleep(WAY).await;
        }
    }
    Ok(())
}

/// Enters what was measured of a process's runs, and what each cost so far.
async fn enter(engine: &Engine, process: ProcessId, mut due: Vec<Due>) -> anyhow::Result<()> {
    while !due.is_empty() {
        let rest = due.split_off(due.len().min(ENTERED_AT_ONCE));
        let now = std::mem::replace(&mut due, rest);
        let (pid, now_ms) = (process.pid, engine.now_ms());
        let entered = engine
            .store()
            .write(move |tx| {
                let mut entered = Vec::with_capacity(now.len());
                for due in now {
                    entered.push((due.run, enter_one(tx, due, pid, now_ms)?));
                }
                Ok(entered)
            })
            .await?;
        for (run, entered) in entered {
            match entered {
                Some(entered) => announce(engine, process, entered).await?,
                None => engine.measured().over(run),
            }
        }
    }
    Ok(())
}

/// A run as it is once something was entered.
struct Entered {
    run: Run,
    newest: Vec<NewestPoint>,
    /// Why it is over, where it used up its budget.
    over: Option<ApiError>,
}

/// `None` where the run is over.
fn enter_one(tx: &store::Transaction<'_>, due: Due, pid: u32, now_ms: i64) -> store::Result<Option<Entered>> {
    let Due { run, looks, mut used } = due;
    let Some(mut row) = store::run::bare(tx, run)?.filter(is_going) else { return Ok(None) };
    let mut series: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for Look { step, time_ms, values } in looks {
        for (key, value) in values {
            series.entry(key).or_default().push(Point { step, time_ms, value });
        }
    }
    let mut newest = Vec::with_capacity(series.len());
    for (key, points) in series {
        let count = store::metric::append(tx, run, &key, &points)?;
        if let Some(Point { step, time_ms, value }) = points.last().copied() {
            newest.push(NewestPoint { key, step, value, time_ms, count });
        }
    }
    let over = spending::end_of_client(tx, &mut row, &mut used, pid, now_ms)?;
    store::spending::put(tx, run, &used, now_ms)?;
    Ok(Some(Entered { run: row.run, newest, over }))
}

/// Announces what was entered, and a run that is over by its budget.
async fn announce(engine: &Engine, process: ProcessId, entered: Entered) -> anyhow::Result<()> {
    let Entered { run: row, newest, over } = entered;
    let (run, lists) = (row.id, Lists::of(&row));
    Announcer::soon(engine, run, lists, newest);
    let Some(because) = over else { return Ok(()) };
    engine.measured().over(run);
    engine.measured().runs().spent.insert(run, (process, row.name.clone()));
    // Its client may have said meanwhile that it is over, and will not say so again.
    let now = engine.store().read(move |c| store::run::bare(c, run)).await?;
    if now.is_none_or(|now| now.run.state != row.state) {
        engine.measured().runs().spent.remove(&run);
    }
    run::announce(engine, run, lists);
    engine.changed(Tag::Projects);
    let told = [Some(because.message), because.hint].into_iter().flatten().collect::<Vec<_>>().join(" ");
    engine.events().notice(format!("{} is over its budget", row.name), told, Some(row.page()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_runs_those_that_waited_longest_are_looked_at_first_and_only_so_many_together() {
        let measured = Measured::default();
        let now = Instant::now();
        let wait = |run: RunId, waited: Duration| {
            let waiting =
                Waiting { peer: SocketAddr::from(([127, 0, 0, 1], 1)), begun: now.checked_sub(waited).unwrap() };
            measured.runs().waiting.insert(run, waiting);
        };
        for number in 0..TOGETHER + 10 {
            wait(run(number), AFTER + Duration::from_millis(number as u64));
        }
        let young = run(TOGETHER + 10);
        wait(young, Duration::ZERO);
        let due = |measured: &Measured| measured.due().unwrap().into_iter().map(|(run, _)| run).collect::<Vec<_>>();
        assert_eq!(due(&measured), (10..TOGETHER + 10).rev().map(run).collect::<Vec<_>>());
        assert_eq!(due(&measured), (0..10).rev().map(run).collect::<Vec<_>>());
        assert!(due(&measured).is_empty(), "what began a moment ago waits");
        measured.leave(young);
        assert!(measured.due().is_none() && !measured.runs().is_looked_at);
    }

    fn run(number: usize) -> RunId {
        RunId::from_bytes((number as u128).to_be_bytes())
    }

    fn take(measured: &Measured, number: usize, pid: u32, above: &[RunId]) -> Result<Taken, &'static str> {
        let share = Share::new(Instant::now(), Spending::new(Terms::default()));
        measured.take(run(number), ProcessId { pid, started_ms: 1 }, above, share)
    }

    #[test]
    fn so_many_processes_are_measured_at_once_and_another_once_one_has_no_run_any_more() {
        let measured = Measured::default();
        let take = |number: usize, pid: usize| take(&measured, number, pid as u32, &[]);
        assert!((0..MOST_PROCESSES).all(|number| matches!(take(number, number), Ok(Taken::First(_)))));
        assert_eq!(take(100, 100).err(), Some(TOO_MANY));
        assert!(TOO_MANY.starts_with(&MOST_PROCESSES.to_string()));
        // A further run of one that is measured needs no meter of its own, and keeps the process measured.
        assert!(matches!(take(100, 0), Ok(Taken::Beside(None))));
        measured.leave(run(0));
        assert_eq!(take(101, 101).err(), Some(TOO_MANY));
        measured.leave(run(100));
        assert!(matches!(take(101, 101), Ok(Taken::First(_))));
    }

    #[test]
    fn runs_of_one_process_share_its_meter_and_only_so_many_and_none_below_another() {
        let measured = Measured::default();
        let take = |number: usize, above: &[RunId]| take(&measured, number, 7, above);
        let Ok(Taken::First(of)) = take(0, &[]) else { panic!("the first begins the meter") };
        let machine = BTreeMap::from([("machine.cpu".to_owned(), "played".to_owned())]);
        assert_eq!(measured.machine(of.meter, &machine), Some(vec![run(0)]));
        assert!((1..MOST_RUNS).all(|number| matches!(take(number, &[]), Ok(Taken::Beside(Some(_))))));
        assert_eq!(take(MOST_RUNS, &[]).err(), Some(TOO_MANY_BESIDE));
        assert!(TOO_MANY_BESIDE.starts_with(&MOST_RUNS.to_string()));
        measured.over(run(1));
        // Also where the clock was corrected meanwhile.
        let later = ProcessId { pid: 7, started_ms: 1_001 };
        let share = Share::new(Instant::now(), Spending::new(Terms::default()));
        assert_eq!(measured.take(run(MOST_RUNS), later, &[run(0)], share).err(), Some(MEASURED_ABOVE));
        assert!(take(MOST_RUNS, &[run(1)]).is_ok());
    }

    #[test]
    fn a_meter_is_over_with_its_last_run_and_the_next_run_begins_another() {
        let measured = Measured::default();
        let Ok(Taken::First(first)) = take(&measured, 0, 7, &[]) else { panic!("the first begins the meter") };
        assert!(measured.look(first.meter, 0, &BTreeMap::new()).is_some_and(|due| due.is_empty()));
        measured.end(run(0));
        let Ok(Taken::First(next)) = take(&measured, 0, 7, &[]) else { panic!("another begins") };
        assert!(measured.look(first.meter, 0, &BTreeMap::new()).is_none(), "it hears of no other's runs");
        measured.all_over(first.meter);
        assert!(measured.look(next.meter, 0, &BTreeMap::new()).is_some());
        measured.all_over(next.meter);
        assert!(measured.runs().shared.is_empty());
    }

    #[test]
    fn what_a_run_used_before_counts_on_under_new_terms() {
        let priced = |per_hour: f64| Terms { per_hour: Some(per_hour), ..Terms::default() };
        let before = Terms { shared_seconds: 60.0, ..priced(1.0) };
        let before = Spending { seconds: 100.0, joules: Some(5.0), stopped: Some("x".into()), ..Spending::new(before) };
        let used = used_before(Some(before), priced(2.0));
        assert_eq!((used.seconds, used.joules, used.stopped), (100.0, Some(5.0), None));
        assert_eq!((used.terms.per_hour, used.terms.shared_seconds), (Some(2.0), 60.0));
        assert_eq!(used_before(None, priced(2.0)), Spending::new(priced(2.0)));
    }
}
