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
//! One that is measured to have used up its project's budget is ended and announced; its process is left alone, and the
//! host stays for what its client still logs.
//!
//! What is measured already is not measured again: a run below one that we supervise, or below a measured one of the same
//! process. Runs of one process that stand beside each other show the same, each from its own begin, so only so many of
//! them are measured ([`MOST`]); and only so many of all ([`MOST_OF_ALL`]), whoever begins them.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use api::{
    ProjectId, RunId,
    event::{NewestPoint, Tag},
    run::{CLIENT_MEASURED_SECS, MACHINE, MACHINE_UNMEASURED, RunState, SYSTEM},
    series::Point,
    spending::{BudgetConfig, ENERGY_JOULES, Terms},
    tracking::PARENT_TAG,
    worker::Metered,
};
use store::{run::RunRow, spending::Spending};
use tokio::io::{AsyncBufReadExt as _, BufReader};

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
/// A client that measures itself tells it for the first time after 10 s; until then nothing of ours is entered.
const HELD: Duration = Duration::from_secs(CLIENT_MEASURED_SECS);
/// Runs of one process that are measured at once.
const MOST: usize = 8;
/// Runs of all: each has a `slipway meter`, which looks through every process of the machine.
const MOST_OF_ALL: usize = 32;
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
    measured: HashMap<RunId, ProcessId>,
    /// Those that used up their budget, while their clients have not said that they are over.
    spent: HashMap<RunId, (ProcessId, String)>,
    /// Whether somebody looks at those that wait.
    is_looked_at: bool,
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
        runs.measured.remove(&run);
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

    /// Forgets one whose process is over, and not that it may be begun anew.
    fn over(&self, run: RunId) {
        self.runs().measured.remove(&run);
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

    fn is_measured(&self, run: RunId) -> bool {
        self.runs().measured.contains_key(&run)
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
    fn take(&self, run: RunId, process: ProcessId, above: &[RunId]) -> Result<(), &'static str> {
        let mut runs = self.runs();
        if above.iter().any(|run| runs.measured.get(run).is_some_and(|own| own.is_same(process))) {
            return Err(MEASURED_ABOVE);
        }
        if runs.measured.values().filter(|own| own.is_same(process)).count() >= MOST {
            return Err(MEASURED_BESIDE);
        }
        if runs.measured.len() >= MOST_OF_ALL {
            return Err(TOO_MANY);
        }
        runs.measured.insert(run, process);
        Ok(())
    }
}

const MEASURED_ABOVE: &str = "It is measured with the run above it.";
const MEASURED_BESIDE: &str = "Other runs of its process are measured, which show the same.";
const TOO_MANY: &str = "32 other runs were measured on this machine when it started, and more are not at once.";
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
    let going = engine
        .store()
        .read(move |c| {
            let mut going = Vec::with_capacity(due.len());
            // Thousands of runs are of a project or two, whose files are long.
            let mut budgets: HashMap<ProjectId, BudgetConfig> = HashMap::new();
            for (run, waiting) in due {
                let Some(outline) = store::run_facts::outline(c, run)?.filter(|run| run.is_going) else { continue };
                let before = store::spending::get(c, run)?.map(|before| (before.seconds, before.joules));
                let budget = match outline.project {
                    Some(project) => budget_of(c, project, &mut budgets)?,
                    None => BudgetConfig::default(),
                };
                going.push((run, waiting, above(c, run)?, before.unwrap_or_default(), budget));
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
    let mut unmeasured = Vec::new();
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
            Above::Clients(above) => engine.measured().take(run, process, above).map(|()| process),
        });
        match taken {
            Ok(_) if after == After::Closed => engine.measured().over(run),
            Ok(process) => {
                let terms = spending::terms_of_client(&settings, &budget);
                let of = Of { run, process, begun: waiting.begun, before, terms };
                tokio::spawn(measure(engine.downgrade(), of));
            }
            Err(why) => unmeasured.push((run, BTreeMap::from([(MACHINE_UNMEASURED.to_owned(), why.to_owned())]))),
        }
    }
    note(engine, unmeasured).await
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

/// A run that is measured.
struct Of {
    run: RunId,
    process: ProcessId,
    begun: Instant,
    /// Seconds and joules that it used before it was over and set back to running.
    before: (f64, Option<f64>),
    terms: Terms,
}

impl Of {
    /// How long it went on, in all.
    fn seconds(&self) -> f64 {
        self.before.0 + self.begun.elapsed().as_secs_f64()
    }
}

/// Values that were told together.
struct Look {
    step: i64,
    time_ms: i64,
    values: BTreeMap<String, f64>,
}

async fn measure(engine: WeakEngine, of: Of) {
    let outcome = follow(&engine, &of).await;
    let Some(engine) = engine.upgrade() else { return };
    engine.measured().over(of.run);
    if let Err(error) = outcome {
        tracing::warn!(run = %of.run, "a client's run is measured no further: {error:#}");
    }
}

async fn follow(weak: &WeakEngine, of: &Of) -> anyhow::Result<()> {
    let mut command = {
        let Some(engine) = weak.upgrade() else { return Ok(()) };
        meter(engine.options().program.as_deref(), of.process, engine.workspace().folder())?
    };
    let mut meter = command.spawn().context("start `slipway meter`")?;
    let mut lines = BufReader::new(meter.stdout.take().context("hear `slipway meter`")?).lines();
    let (mut held, mut told) = (Vec::new(), None::<i64>);
    // The engine is not held while nothing is told: it may be closed.
    while let Some(line) = lines.next_line().await? {
        let Some(engine) = weak.upgrade().filter(|engine| engine.measured().is_measured(of.run)) else { break };
        match serde_json::from_str::<Metered>(&line)? {
            Metered::Machine { facts } => {
                let facts = facts.into_iter().map(|(name, fact)| (format!("{MACHINE}{name}"), fact)).collect();
                note(&engine, vec![(of.run, facts)]).await?;
            }
            Metered::Look { mut values } => {
                // Each second of a run is told once.
                let step = told.map_or(0, |told| told + 1).max(of.seconds() as i64);
                told = Some(step);
                if let (Some(joules), Some(before)) = (values.get_mut(ENERGY_JOULES), of.before.1) {
                    *joules += before;
                }
                held.push(Look { step, time_ms: engine.now_ms(), values });
                if of.begun.elapsed() >= HELD && !enter(&engine, of, std::mem::take(&mut held)).await? {
                    break;
                }
            }
        }
    }
    let _ = meter.kill().await;
    Ok(())
}

/// `slipway meter`, a process of its own: the host loads no GPU's driver. It ends with us.
fn meter(program: Option<&Path>, of: ProcessId, folder: &Path) -> anyhow::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(program.context("this process has no program that measures")?);
    command.args(["meter", &of.pid.to_string(), &of.started_ms.to_string()]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
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

/// Enters what was measured, and what it cost so far; `false` where the run is over, by its budget too.
async fn enter(engine: &Engine, of: &Of, looks: Vec<Look>) -> anyhow::Result<bool> {
    let mut series: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for Look { step, time_ms, values } in looks {
        for (key, value) in values {
            series.entry(key).or_default().push(Point { step, time_ms, value });
        }
    }
    // As of its begin: what it used before its process was found took place, too.
    let seconds = of.seconds();
    let joules = series.get(ENERGY_JOULES).and_then(|points| points.last()).map(|point| point.value).or(of.before.1);
    let (run, pid, now_ms) = (of.run, of.process.pid, engine.now_ms());
    let mut spent = Spending { seconds, joules, ..Spending::new(of.terms.clone()) };
    let entered = engine
        .store()
        .write(move |tx| {
            let Some(mut row) = store::run::bare(tx, run)?.filter(is_going) else { return Ok(None) };
            let mut newest = Vec::with_capacity(series.len());
            for (key, points) in series {
                let count = store::metric::append(tx, run, &key, &points)?;
                if let Some(Point { step, time_ms, value }) = points.last().copied() {
                    newest.push(NewestPoint { key, step, value, time_ms, count });
                }
            }
            let over = spending::end_of_client(tx, &mut row, &mut spent, pid, now_ms)?;
            store::spending::put(tx, run, &spent, now_ms)?;
            Ok(Some((row.run, newest, over)))
        })
        .await?;
    let Some((row, newest, over)) = entered else { return Ok(false) };
    let lists = Lists::of(&row);
    Announcer::soon(engine, run, lists, newest);
    let Some(because) = over else { return Ok(true) };
    engine.measured().runs().spent.insert(run, (of.process, row.name.clone()));
    // Its client may have said meanwhile that it is over, and will not say so again.
    let now = engine.store().read(move |c| store::run::bare(c, run)).await?;
    if now.is_none_or(|now| now.run.state != row.state) {
        engine.measured().runs().spent.remove(&run);
    }
    run::announce(engine, run, lists);
    engine.changed(Tag::Projects);
    let told = [Some(because.message), because.hint].into_iter().flatten().collect::<Vec<_>>().join(" ");
    engine.events().notice(format!("{} is over its budget", row.name), told, Some(row.page()));
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_runs_those_that_waited_longest_are_looked_at_first_and_only_so_many_together() {
        let measured = Measured::default();
        let run = |number: usize| RunId::from_bytes((number as u128).to_be_bytes());
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

    #[test]
    fn so_many_runs_are_measured_at_once_and_another_once_one_is_over() {
        let measured = Measured::default();
        let take = |number: u8, pid: u32| {
            measured.take(RunId::from_bytes([number; 16]), ProcessId { pid, started_ms: 1 }, &[])
        };
        let numbers = 0..MOST_OF_ALL as u8;
        assert!(numbers.clone().all(|number| take(number, number.into()).is_ok()));
        assert_eq!(take(100, 100), Err(TOO_MANY));
        assert!(TOO_MANY.starts_with(&MOST_OF_ALL.to_string()));
        measured.leave(RunId::from_bytes([0; 16]));
        assert_eq!(take(100, 100), Ok(()));
        // Of one process there are fewer, and none below another, also where the clock was corrected meanwhile.
        numbers.clone().for_each(|number| measured.leave(RunId::from_bytes([number; 16])));
        assert_eq!(numbers.filter(|number| take(*number, 7).is_ok()).count(), MOST);
        let later = ProcessId { pid: 7, started_ms: 1_001 };
        let (below, beside) = (RunId::from_bytes([100; 16]), RunId::from_bytes([101; 16]));
        assert_eq!(measured.take(below, later, &[RunId::from_bytes([0; 16])]), Err(MEASURED_ABOVE));
        assert_eq!(measured.take(beside, later, &[]), Err(MEASURED_BESIDE));
    }
}
