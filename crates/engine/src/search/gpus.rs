//! Which GPU each trial of a program gets where several run at once, and whether that has the memory; and which each
//! training gets that takes one.
//!
//! The host loads no driver: `slipway gpus`, a process of its own, tells what there is and what is free. A trial sees
//! the GPUs with the fewest of our trials by `CUDA_VISIBLE_DEVICES`; what the search's environment says there is what
//! there is to choose from. On a machine without NVIDIA's GPUs nothing is asked twice and nothing is set; a question that
//! failed is no answer, and is asked again.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    process::Stdio,
    time::Duration,
};

use api::{search::Environment, worker::GpuRoom};
use tokio::time::Instant;

use crate::{Engine, jobs::admission::gigabytes};

const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
const ORDER: &str = "CUDA_DEVICE_ORDER";
const BY_BUS: &str = "PCI_BUS_ID";
/// What is free is asked again after this.
const FRESH: Duration = Duration::from_secs(2);
/// A driver that hangs must not hang the search.
const PATIENCE: Duration = Duration::from_secs(5);
/// And one that did not answer is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(30);
const MEGABYTE: f64 = 1e6;

/// The GPUs that the trials of one search may be given.
pub(super) struct Gpus {
    /// What the environment of the trials says.
    visible: Option<String>,
    is_by_bus: bool,
    choices: Vec<Choice>,
    /// From when on it is asked; `None` once there are none.
    ask_from: Option<Instant>,
    /// And when again, where that fails: ever later.
    pause: Duration,
}

/// What came of asking.
enum Answer {
    Told(Vec<GpuRoom>),
    /// Nobody knows what there is.
    Failed,
    /// The same, and it may take as long again.
    Late,
}

/// A GPU that a trial may be given.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    /// As `CUDA_VISIBLE_DEVICES` calls it.
    called: String,
    /// What the driver tells of it, where it is known which one it is.
    room: Option<GpuRoom>,
}

impl Choice {
    /// By which it is counted, whatever a search calls it.
    fn key(&self) -> &str {
        self.room.as_ref().map_or(&self.called, |room| &room.uuid)
    }
}

/// What a trial takes, or is about to take, of GPUs' memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim {
    /// The GPUs that it is on, by the driver's numbers.
    pub(super) on: Vec<u32>,
    /// What it was seen to use last.
    pub(super) in_use: BTreeMap<u32, u64>,
}

/// The GPUs of one trial or training, counted as its own until it is over.
pub(crate) struct Place {
    engine: Engine,
    gpus: Vec<Choice>,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    fn take(engine: &Engine, gpus: Vec<Choice>, variables: Vec<(&'static str, String)>) -> Self {
        let mut taken = engine.searches().on_gpus();
        for gpu in &gpus {
            *taken.entry(gpu.key().to_owned()).or_default() += 1;
        }
        drop(taken);
        Self { engine: engine.clone(), gpus, variables }
    }

    /// What its environment has beside what it has anyway.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables.clone()
    }

    /// By the driver's numbers.
    pub(super) fn indices(&self) -> Vec<u32> {
        self.gpus.iter().filter_map(|gpu| Some(gpu.room.as_ref()?.index)).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.engine.searches().on_gpus();
        for gpu in &self.gpus {
            if let Some(count) = taken.get_mut(gpu.key()) {
                *count = count.saturating_sub(1);
            }
        }
        taken.retain(|_, count| *count > 0);
    }
}

impl Gpus {
    /// Of trials that run in this environment, or in the host's.
    pub(super) fn new(environment: Option<&Environment>) -> Self {
        let variable = |name: &str| match environment {
            Some(Environment(variables)) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        };
        let is_by_bus = variable(ORDER).is_some_and(|order| order == BY_BUS);
        Self {
            visible: variable(VISIBLE),
            is_by_bus,
            choices: Vec::new(),
            ask_from: Some(Instant::now()),
            pause: FRESH,
        }
    }

    /// Asks what there is and what is free, where the last answer is old.
    pub(super) async fn look(&mut self, engine: &Engine) {
        if self.ask_from.is_some_and(|from| from <= Instant::now()) {
            let answer = ask(engine).await;
            self.hear(&answer, Instant::now());
        }
    }

    fn hear(&mut self, answer: &Answer, now: Instant) {
        let after = match answer {
            // A driver that did not answer has its GPUs still, and so has one that says that it lost all of them.
            Answer::Late => Some(ASK_AGAIN),
            Answer::Failed => {
                let longer = (self.pause * 2).min(ASK_AGAIN);
                Some(std::mem::replace(&mut self.pause, longer))
            }
            Answer::Told(rooms) if rooms.is_empty() && !self.choices.is_empty() => Some(FRESH),
            Answer::Told(rooms) => {
                self.choices = choices(rooms, self.visible.as_deref(), self.is_by_bus);
                self.pause = FRESH;
                // Where there are none, there are none later.
                (!self.choices.is_empty()).then_some(FRESH)
            }
        };
        self.ask_from = after.map(|after| now + after);
    }

    /// The driver's numbers of those that are known.
    pub(super) fn indices(&self) -> Vec<u32> {
        self.choices.iter().filter_map(|choice| Some(choice.room.as_ref()?.index)).collect()
    }

    /// So many GPUs, 0 being all, for a trial that needs so much memory of each, or why it must wait. `None` where
    /// there are none, or nobody looked.
    pub(super) fn place(
        &self,
        engine: &Engine,
        wanted: u32,
        need_bytes: u64,
        claims: &[Claim],
    ) -> Result<Option<Place>, String> {
        let all = self.choices.len();
        if all == 0 {
            return Ok(None);
        }
        let count = if wanted == 0 { all } else { all.min(wanted as usize) };
        let picked = {
            let taken = engine.searches().on_gpus();
            let on = |choice: &Choice| taken.get(choice.key()).copied().unwrap_or(0);
            pick(&self.choices, count, need_bytes, on, |index| promised(index, need_bytes, claims))
        };
        match picked {
            Ok(picked) => {
                let variables = if count < all { self.variables(&picked) } else { Vec::new() };
                Ok(Some(Place::take(engine, picked, variables)))
            }
            Err(free) => {
                let (need, free) = (gigabytes(need_bytes), gigabytes(free));
                Err(format!("needs {need} of a GPU's memory, {free} are free"))
            }
        }
    }

    fn variables(&self, picked: &[Choice]) -> Vec<(&'static str, String)> {
        let called = picked.iter().map(|choice| choice.called.as_str()).collect::<Vec<_>>().join(",");
        let mut variables = vec![(VISIBLE, called)];
        // Our numbers are the driver's, and CUDA's own order is another one.
        if self.visible.is_none() {
            variables.push((ORDER, BY_BUS.to_owned()));
        }
        variables
    }
}

/// The GPU of a training, which takes the first that it sees: the one with the fewest of ours.
pub(crate) async fn of_training(engine: &Engine) -> Option<Place> {
    let mut gpus = Gpus::new(None);
    gpus.look(engine).await;
    gpus.place(engine, 1, 0, &[]).unwrap_or_default()
}

/// What `slipway gpus` tells.
async fn ask(engine: &Engine) -> Answer {
    let Some(program) = engine.options().program.as_deref() else { return Answer::Told(Vec::new()) };
    let mut command = tokio::process::Command::new(program);
    command.arg("gpus").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(crate::process::NO_WINDOW);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => told(output.status.success(), &output.stdout),
        Ok(Err(_)) => Answer::Failed,
        Err(_) => Answer::Late,
    }
}

fn told(has_ended_well: bool, said: &[u8]) -> Answer {
    match serde_json::from_slice(said) {
        Ok(rooms) if has_ended_well => Answer::Told(rooms),
        _ => Answer::Failed,
    }
}

/// The GPU of a series of the meter that is the memory of a process tree on it.
fn gpu_series(index: u32) -> String {
    format!("system/gpu_{index}_process_memory_megabytes")
}

/// The most that a run was seen to use of each of these GPUs, and what it used last.
pub(super) fn seen(
    c: &store::Connection,
    run: api::RunId,
    indices: &[u32],
) -> store::Result<BTreeMap<u32, (u64, u64)>> {
    let mut seen = BTreeMap::new();
    for index in indices {
        if let Some(series) = store::metric::summary(c, run, &gpu_series(*index))? {
            seen.insert(*index, ((series.max * MEGABYTE) as u64, (series.last * MEGABYTE) as u64));
        }
    }
    Ok(seen)
}

/// The GPUs that there are to choose from.
fn choices(rooms: &[GpuRoom], visible: Option<&str>, is_by_bus: bool) -> Vec<Choice> {
    let Some(visible) = visible else {
        return rooms.iter().map(|room| Choice { called: room.index.to_string(), room: Some(room.clone()) }).collect();
    };
    if rooms.is_empty() {
        return Vec::new();
    }
    // CUDA counts the fastest first, unless it was told to count as the driver does.
    let is_drivers = is_by_bus || rooms.iter().map(|room| &room.name).collect::<HashSet<_>>().len() == 1;
    let room = |called: &str| match called.parse::<u32>() {
        Ok(index) => rooms.iter().find(|room| is_drivers && room.index == index),
        Err(_) => rooms.iter().find(|room| room.uuid.starts_with(called)),
    };
    let is_one =
        |called: &&str| called.parse::<u32>().is_ok() || ["GPU-", "MIG-"].iter().any(|of| called.starts_with(of));
    // As CUDA reads it: what stands behind anything else is not there.
    let called = visible.split(',').map(str::trim).take_while(is_one);
    called.map(|called| Choice { called: called.to_owned(), room: room(called).cloned() }).collect()
}

/// What trials that are on a GPU, or about to be, will still take of its memory.
fn promised(index: u32, need_bytes: u64, claims: &[Claim]) -> u64 {
    let on = claims.iter().filter(|claim| claim.on.contains(&index) || claim.in_use.contains_key(&index));
    on.map(|claim| need_bytes.saturating_sub(claim.in_use.get(&index).copied().unwrap_or(0))).sum()
}

/// So many of those whose memory holds it: the ones with the fewest trials, of these the ones with the most memory.
/// Errs with what is free at most.
fn pick(
    choices: &[Choice],
    count: usize,
    need_bytes: u64,
    on: impl Fn(&Choice) -> usize,
    promised: impl Fn(u32) -> u64,
) -> Result<Vec<Choice>, u64> {
    let free = |choice: &Choice| {
        let room = choice.room.as_ref()?;
        Some(room.free_bytes.saturating_sub(promised(room.index)))
    };
    let mut fit: Vec<&Choice> =
        choices.iter().filter(|choice| free(choice).is_none_or(|free| free >= need_bytes)).collect();
    if fit.len() < count {
        return Err(choices.iter().filter_map(free).max().unwrap_or(0));
    }
    fit.sort_by_key(|choice| (on(choice), Reverse(free(choice))));
    Ok(fit.into_iter().take(count).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(index: u32, name: &str, free_bytes: u64) -> GpuRoom {
        let uuid = format!("GPU-{index}{index}-abc");
        GpuRoom { index, name: name.to_owned(), uuid, total_bytes: 100, free_bytes }
    }

    #[test]
    fn the_callers_gpus_are_what_there_is_to_choose_from() {
        let alike = [room(0, "H200", 1), room(1, "H200", 2), room(2, "H200", 3)];
        let mixed = [room(0, "T4", 1), room(1, "H200", 2)];
        let told = |rooms: &[GpuRoom], visible: Option<&str>, is_by_bus| {
            let index = |choice: &Choice| choice.room.as_ref().map(|room| room.index);
            let all = choices(rooms, visible, is_by_bus);
            all.iter().map(|choice| (choice.called.clone(), index(choice))).collect::<Vec<_>>()
        };
        let of = |called: &str, index: Option<u32>| (called.to_owned(), index);
        assert_eq!(told(&alike, None, false), [of("0", Some(0)), of("1", Some(1)), of("2", Some(2))]);
        assert_eq!(told(&alike, Some("2, 0"), false), [of("2", Some(2)), of("0", Some(0))]);
        assert_eq!(told(&alike, Some("GPU-11,MIG-7"), false), [of("GPU-11", Some(1)), of("MIG-7", None)]);
        assert_eq!(told(&alike, Some("1,-1,0"), false), [of("1", Some(1))]);
        for hidden in ["", "-1", "NoDevFiles"] {
            assert!(told(&alike, Some(hidden), false).is_empty(), "{hidden:?}");
        }
        // Where CUDA counts otherwise than the driver nobody knows which one is meant.
        assert_eq!(told(&mixed, Some("0"), false), [of("0", None)]);
        assert_eq!(told(&mixed, Some("0"), true), [of("0", Some(0))]);
        assert!(told(&[], None, false).is_empty() && told(&[], Some("0,1"), false).is_empty());
    }

    #[test]
    fn a_question_that_failed_is_asked_again() {
        let of = |environment: &[(&str, &str)]| {
            let variables = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Gpus::new(Some(&Environment(variables.collect())))
        };
        let now = Instant::now();
        // How many there are then, and after how many seconds it is asked again.
        let heard = |gpus: &mut Gpus, answer: Answer| {
            gpus.hear(&answer, now);
            (gpus.choices.len(), gpus.ask_from.map(|from| (from - now).as_secs()))
        };
        let json = serde_json::to_vec(&[room(0, "H200", 1)]).unwrap();
        let mut gpus = of(&[]);
        assert_eq!(heard(&mut gpus, Answer::Late), (0, Some(30)));
        assert_eq!(heard(&mut gpus, told(false, b"")), (0, Some(2)));
        assert_eq!(heard(&mut gpus, told(true, b"a warning")), (0, Some(4)));
        assert_eq!(heard(&mut gpus, told(false, b"[]")), (0, Some(8)));
        assert_eq!(heard(&mut gpus, told(true, &json)), (1, Some(2)));
        for answer in [Answer::Late, told(false, b""), told(true, b"[]")] {
            assert!(matches!(heard(&mut gpus, answer), (1, Some(_))), "they are there still");
        }
        // Where there are none, or the caller hides them, nothing is asked twice.
        assert_eq!(heard(&mut of(&[]), told(true, b"[]")), (0, None));
        assert_eq!(heard(&mut of(&[(VISIBLE, "")]), told(true, &json)), (0, None));
    }

    /// The numbers of the GPUs that a trial gets where so many are on each, or what is free.
    fn picked(free: &[u64], on: &[usize], count: usize, need: u64, claims: &[Claim]) -> Result<Vec<u32>, u64> {
        let rooms: Vec<GpuRoom> = (0..).zip(free).map(|(index, free)| room(index, "H200", *free)).collect();
        let on = |choice: &Choice| choice.room.as_ref().map_or(0, |room| on[room.index as usize]);
        let picked = pick(&choices(&rooms, None, false), count, need, on, |index| promised(index, need, claims));
        picked.map(|picked| picked.iter().filter_map(|choice| Some(choice.room.as_ref()?.index)).collect())
    }

    #[test]
    fn a_trial_gets_the_gpu_with_the_fewest_trials_of_those_that_hold_it() {
        assert_eq!(picked(&[50, 50, 50], &[1, 0, 0], 1, 0, &[]), Ok(vec![1]));
        assert_eq!(picked(&[50, 50, 80], &[1, 0, 0], 1, 0, &[]), Ok(vec![2]), "of two the one with more memory");
        assert_eq!(picked(&[50, 50, 80], &[1, 0, 0], 2, 0, &[]), Ok(vec![2, 1]));
        assert_eq!(picked(&[50, 20, 20], &[1, 0, 0], 1, 30, &[]), Ok(vec![0]), "others have taken the rest");
        assert_eq!(picked(&[20, 25], &[0, 0], 1, 30, &[]), Err(25));
        assert_eq!(picked(&[50, 20], &[0, 0], 2, 30, &[]), Err(50), "it needs both");
    }

    #[test]
    fn what_trials_will_still_take_is_not_free() {
        let claim = |on: u32, in_use: Option<u64>| {
            let in_use = in_use.into_iter().map(|bytes| (on, bytes)).collect();
            Claim { on: vec![on], in_use }
        };
        assert_eq!(picked(&[60, 40], &[1, 1], 1, 30, &[claim(0, Some(10)), claim(1, Some(30))]), Ok(vec![0]));
        assert_eq!(picked(&[60, 40], &[1, 1], 1, 30, &[claim(0, None), claim(0, None)]), Ok(vec![1]));
        assert_eq!(picked(&[59, 20], &[2, 0], 1, 30, &[claim(0, None)]), Err(29));
        // One that an earlier host placed is known by what it uses.
        let left = Claim { on: Vec::new(), in_use: BTreeMap::from([(0, 5)]) };
        assert_eq!(promised(0, 30, std::slice::from_ref(&left)), 25);
        assert_eq!(promised(1, 30, &[left]), 0);
    }
}
