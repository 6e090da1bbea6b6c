//! The trials of a program, each by a `slipway exec` of its own that outlives us: what is begun, what has ended, and
//! for how many more there is memory.
//!
//! A trial's need is what those before it were seen to use at most, of the machine's memory and of a GPU's. Until that is
//! known one runs alone, and then as many more as [`need`](super::need) lets begin. What already runs is never stopped
//! for it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    process::Child,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError,
    run::SYSTEM,
    search::{Environment, Search, SearchCommand, Trial, TrialOf, TrialOutcome},
    spending::BudgetConfig,
};

use super::{
    gpus::{self, Claim, Gpus, Place},
    need::{Needs, Sight},
    space,
    trials::InHand,
};
use crate::{
    Engine,
    jobs::{
        JobContext,
        admission::{Admitted, Turn},
    },
    run::exec::{self, Exec, Of},
};

/// The resident memory of a run's process tree, as the meter names it.
const MEMORY_BYTES: &str = "system/memory_bytes";

/// The programs of one search that this host has begun.
pub(super) struct Programs {
    environment: Option<Environment>,
    running: Vec<Running>,
    ended: HashSet<u64>,
    /// What those that failed said last.
    words: HashMap<u64, String>,
    /// What is taken for trials about to begin.
    taken: Vec<Taken>,
    turn: Option<Turn>,
    memory: Memory,
    gpus: Gpus,
}

struct Running {
    number: u64,
    child: Child,
    said: tempfile::TempPath,
    taken: Taken,
}

/// What a trial has of the machine.
struct Taken {
    memory: Admitted,
    place: Option<Place>,
}

/// What trials were seen to use.
#[derive(Default)]
struct Memory {
    /// At most.
    peak_bytes: Option<u64>,
    needs: Needs,
    /// Trials that are over and looked at.
    settled: HashSet<u64>,
    /// What those under way use now.
    in_use_bytes: Vec<u64>,
    /// Of one GPU, at most; 0 where none was used.
    gpu_peak_bytes: u64,
    /// What those under way use now of each GPU.
    on_gpus: BTreeMap<u64, BTreeMap<u32, u64>>,
}

impl Programs {
    pub(super) fn new(environment: Option<Environment>) -> Self {
        Self {
            gpus: Gpus::new(environment.as_ref()),
            environment,
            running: Vec::new(),
            ended: HashSet::new(),
            words: HashMap::new(),
            taken: Vec::new(),
            turn: None,
            memory: Memory::default(),
        }
    }

    /// What the trials' look is to know of them.
    pub(super) fn in_hand(&self) -> InHand {
        InHand {
            under_way: self.running.iter().map(|one| one.number).collect(),
            ended: self.ended.clone(),
            ..InHand::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Takes those that have ended out of the running ones, and answers whether there were any; what one that failed
    /// said last goes into the job's log.
    pub(super) fn bury(&mut self, context: &JobContext) -> anyhow::Result<bool> {
        let before = self.running.len();
        let mut left = Vec::with_capacity(self.running.len());
        for mut one in std::mem::take(&mut self.running) {
            let Some(status) = one.child.try_wait().context("wait for a trial's end")? else {
                left.push(one);
                continue;
            };
            self.ended.insert(one.number);
            let words = exec::last_words(&one.said);
            if !status.success() && !words.is_empty() {
                context.log(format!("trial {}: {words}", one.number));
                self.words.insert(one.number, words);
            }
        }
        self.running = left;
        Ok(self.running.len() < before)
    }

    /// Why a trial that has no run was not begun: the error of its `slipway exec`, or its last words.
    pub(super) fn unbegun(&self, trial: u64) -> Option<ApiError> {
        self.words.get(&trial).map(|words| exec::reason(words))
    }

    /// How many trials may be under way now, and why these are fewer than asked for.
    pub(super) async fn room(
        &mut self,
        engine: &Engine,
        search: &Search,
        under_way: usize,
    ) -> anyhow::Result<(usize, Option<String>)> {
        self.taken.clear();
        let left = search.planned.saturating_sub(search.counted()) as usize;
        let wanted = (search.config.parallel as usize).saturating_sub(under_way).min(left);
        if wanted > 0 && search.config.parallel > 1 {
            self.gpus.look(engine).await;
        }
        self.memory.look(engine, search, self.gpus.indices()).await?;
        if let Some(peak) = self.memory.peak_bytes {
            self.running.iter_mut().for_each(|one| one.taken.memory.grow(peak));
        }
        if wanted == 0 {
            self.wait_no_more();
            // Where none is under way none is left either, and a look that may begin one finds the search over.
            return Ok((under_way.max(1), None));
        }
        let unmeasured = self.memory.needs.why();
        let may_begin = wanted.min(self.memory.needs.may_begin());
        if may_begin == 0 {
            // A training that waits behind it goes first: nobody knows yet what this one would wait for.
            self.wait_no_more();
            return Ok((under_way, Some(unmeasured)));
        }
        let Some(peak) = self.memory.peak_bytes else {
            if under_way == 0 {
                // One always runs, whatever it may need.
                let place = self.gpus.place(engine, search.config.gpus, 0, &[]).unwrap_or_default();
                self.taken.push(Taken { memory: Admitted::of(engine, 0), place });
                return Ok((1, None));
            }
            return Ok((under_way, Some(unmeasured)));
        };
        let turn = match self.turn.take() {
            Some(turn) => turn,
            None => Turn::take(engine).await?,
        };
        // Those under way grow to the peak as well.
        let growth: u64 = self.memory.in_use_bytes.iter().map(|now| peak.saturating_sub(*now)).sum();
        while self.taken.len() < may_begin {
            let promised = growth.saturating_add(peak.saturating_mul(self.taken.len() as u64));
            match turn.admit(peak, promised) {
                (Some(memory), _) => match self.place(engine, search, under_way) {
                    Ok(place) => self.taken.push(Taken { memory, place }),
                    // Whoever needs no GPU need not wait behind it.
                    Err(short) => return Ok((under_way + self.taken.len(), Some(format!("the next {short}")))),
                },
                (None, short) => {
                    self.turn = Some(turn);
                    return Ok((under_way + self.taken.len(), Some(format!("the next {short}"))));
                }
            }
        }
        Ok((under_way + self.taken.len(), (may_begin < wanted).then_some(unmeasured)))
    }

    /// GPUs for one more trial, or what it needs and what is free.
    fn place(&self, engine: &Engine, search: &Search, under_way: usize) -> Result<Option<Place>, String> {
        // One always runs, however much it needs.
        let is_first = under_way == 0 && self.taken.is_empty();
        let need = if is_first { 0 } else { self.memory.gpu_peak_bytes };
        self.gpus.place(engine, search.config.gpus, need, &self.claims())
    }

    /// What trials under way and those about to begin take of GPUs.
    fn claims(&self) -> Vec<Claim> {
        let on = |taken: &Taken| taken.place.as_ref().map(Place::indices).unwrap_or_default();
        let seen = |number: u64| self.memory.on_gpus.get(&number).cloned().unwrap_or_default();
        let running = self.running.iter().map(|one| Claim { on: on(&one.taken), in_use: seen(one.number) });
        let taken = self.taken.iter().map(|taken| Claim { on: on(taken), ..Claim::default() });
        // Those that an earlier host began are known by what they use.
        let is_ours = |number: u64| self.running.iter().any(|one| one.number == number);
        let others = self.memory.on_gpus.iter().filter(|(number, _)| !is_ours(**number));
        let others = others.map(|(_, in_use)| Claim { on: Vec::new(), in_use: in_use.clone() });
        running.chain(taken).chain(others).collect()
    }

    /// Begins a trial in the memory and on the GPU that were taken for it.
    pub(super) fn begin(
        &mut self,
        engine: &Engine,
        search: &Search,
        command: &SearchCommand,
        trial: &Trial,
    ) -> anyhow::Result<()> {
        let folder = Path::new(&command.directory);
        if !folder.is_dir() {
            bail!(
                ApiError::not_found(format!("The folder {} is not there any more.", folder.display()))
                    .with_hint("Bring it back, or start a new search where the program is now.")
            );
        }
        let taken = self.taken.pop().unwrap_or_else(|| Taken { memory: Admitted::of(engine, 0), place: None });
        let (child, said) = exec::spawn(
            engine,
            &Exec {
                project: search.project,
                name: Some(format!("{}-{}", search.name, trial.number)),
                of: Of::Trial(TrialOf { search: search.id, number: trial.number }),
                directory: folder,
                environment: self.environment.as_ref(),
                variables: taken.place.as_ref().map(Place::variables).unwrap_or_default(),
                // The limits are the search's, for all its trials together.
                budget: BudgetConfig::default(),
                words: space::words_with(&command.words, &trial.values),
            },
        )?;
        self.running.push(Running { number: trial.number, child, said, taken });
        Ok(())
    }

    /// Waits for no further trial's memory.
    pub(super) fn wait_no_more(&mut self) {
        self.taken.clear();
        self.turn = None;
    }

    /// Ends those that were asked to stop and go on, and those that are not entered as runs yet.
    pub(super) fn kill(&mut self, is_meant: impl Fn(u64) -> bool) {
        for one in self.running.iter_mut().filter(|one| is_meant(one.number)) {
            // One that is gone needs no ending.
            let _ = one.child.kill();
        }
    }
}

impl Memory {
    async fn look(&mut self, engine: &Engine, search: &Search, indices: Vec<u32>) -> anyhow::Result<()> {
        let unknown: Vec<Trial> =
            search.trials.iter().filter(|trial| !self.settled.contains(&trial.number)).cloned().collect();
        let seen = engine
            .store()
            .read(move |c| {
                let mut seen = Vec::with_capacity(unknown.len());
                for trial in unknown {
                    let memory = store::metric::summary(c, trial.run, MEMORY_BYTES)?;
                    let on_gpus = gpus::seen(c, trial.run, &indices)?;
                    let has_logged = has_logged(c, &trial)?;
                    seen.push((trial, memory, on_gpus, has_logged));
                }
                Ok(seen)
            })
            .await?;
        self.in_use_bytes.clear();
        self.on_gpus.clear();
        for (trial, series, on_gpus, has_logged) in seen {
            let (number, outcome) = (trial.number, trial.outcome);
            let sight = series.as_ref().map(|series| {
                let on_one = on_gpus.values().map(|(most, _)| *most).max();
                Sight { second: series.step, most: [series.max as u64, on_one.unwrap_or(0)], has_logged }
            });
            if let Some(Sight { most: [most, on_gpu], .. }) = sight {
                self.peak_bytes = self.peak_bytes.max(Some(most));
                self.gpu_peak_bytes = self.gpu_peak_bytes.max(on_gpu);
            }
            if outcome == TrialOutcome::Running {
                self.needs.see(number, sight.unwrap_or_default());
                self.in_use_bytes.push(series.map_or(0, |series| series.last as u64));
                self.on_gpus.insert(number, on_gpus.into_iter().map(|(index, (_, last))| (index, last)).collect());
            } else {
                let is_well = matches!(outcome, TrialOutcome::Finished | TrialOutcome::StoppedEarly);
                self.needs.end(number, sight.unwrap_or_default(), is_well && sight.is_some());
                self.settled.insert(number);
            }
        }
        Ok(())
    }
}

/// Whether a trial has logged any metric, on its own run or, of the one that is judged, on one below it.
fn has_logged(c: &store::Connection, trial: &Trial) -> store::Result<bool> {
    if trial.step.is_some() {
        return Ok(true);
    }
    let series = store::metric::summaries(c, trial.run)?;
    Ok(series.iter().any(|series| !series.key.starts_with(SYSTEM)))
}
