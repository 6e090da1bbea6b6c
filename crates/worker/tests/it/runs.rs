//! Makes run folders with plans, starts workers on them, and reads what they wrote.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use api::{
    config::{DataConfig, DataKind, EvaluationConfig, ModelChoice, SplitConfig, TrainingConfig},
    dataset::Role,
    evaluation::{Evaluation, Task},
    id::RunId,
    model::Bundle,
    worker::{Device, EventBody, Outcome, Plan, PlanColumn, PlanData, WorkerEvent},
};
use data::progress::silent;

/// A folder with a plan in it, gone with the test.
pub(crate) struct TestRun {
    folder: tempfile::TempDir,
}

/// Training settings of a test: everything fixed that a host resolves.
pub(crate) fn training(model: ModelChoice) -> TrainingConfig {
    TrainingConfig { model, device: Device::Cpu, seed: 7, threads: 2, ..TrainingConfig::default() }
}

impl TestRun {
    /// A table from CSV text, split as a host would.
    pub(crate) fn table(csv: &str, target: &str, task: Task, training: TrainingConfig, split_seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/rows.csv"), csv).unwrap();
        let config = DataConfig {
            paths: vec!["data/rows.csv".to_owned()],
            target: Some(target.to_owned()),
            ..DataConfig::default()
        };
        Self::from_table(folder, &config, target, task, training, split_seed)
    }

    /// A table from files in a folder.
    pub(crate) fn from_table(
        folder: tempfile::TempDir,
        config: &DataConfig,
        target: &str,
        task: Task,
        training: TrainingConfig,
        split_seed: u64,
    ) -> Self {
        let parquet = folder.path().join("rows.parquet");
        let files = data::scan::files(folder.path(), config).unwrap();
        let converted = data::table::convert(&files, config, &parquet, &mut silent).unwrap();
        let columns = converted.columns.iter().map(|(name, kind)| {
            let role = if name == target { Role::Target } else { data::column::role(name, config) };
            PlanColumn { name: name.clone(), kind: *kind, role, sensitive: false }
        });
        let data = PlanData {
            kind: DataKind::Table,
            parquet: Some(parquet.display().to_string()),
            folder: None,
            images: Vec::new(),
            parts: folder.path().join("parts").display().to_string(),
        };
        let plan = plan(data, columns.collect(), target, task, training);
        Self::with_plan(folder, &plan, &parquet, config, split_seed)
    }

    /// A folder of images by class.
    pub(crate) fn images(images: &Path, training: TrainingConfig, split_seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = data::images::index(images, &mut silent).unwrap();
        let parquet = folder.path().join("rows.parquet");
        data::images::to_parquet(&index, "class", &parquet).unwrap();
        let data = PlanData {
            kind: DataKind::Images,
            parquet: None,
            folder: Some(images.display().to_string()),
            images: index.entries.iter().map(|entry| (entry.path.clone(), entry.class.clone())).collect(),
            parts: folder.path().join("parts").display().to_string(),
        };
        let task = if index.classes.len() == 2 { Task::BinaryClassification } else { Task::MulticlassClassification };
        let plan = plan(data, Vec::new(), "class", task, training);
        let config = DataConfig { kind: DataKind::Images, target: Some("class".to_owned()), ..DataConfig::default() };
        Self::with_plan(folder, &plan, &parquet, &config, split_seed)
    }

    fn with_plan(folder: tempfile::TempDir, plan: &Plan, parquet: &Path, config: &DataConfig, split_seed: u64) -> Self {
        let split = SplitConfig { seed: split_seed, ..SplitConfig::default() };
        let assigned = data::split::assign(parquet, config, &split, None).unwrap();
        fs::write(&plan.data.parts, assigned.parts).unwrap();
        let run = Self { folder };
        run.write_plan(plan);
        run
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The same run as it stands now; its data stays in this one's folder.
    pub(crate) fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.path(), folder.path());
        Self { folder }
    }

    pub(crate) fn plan(&self) -> Plan {
        serde_json::from_slice(&fs::read(self.path().join("plan.json")).unwrap()).unwrap()
    }

    pub(crate) fn write_plan(&self, plan: &Plan) {
        fs::write(self.path().join("plan.json"), serde_json::to_vec(plan).unwrap()).unwrap();
    }

    pub(crate) fn start(&self) -> Child {
        worker(self.path())
    }

    /// Runs to the end; gives the `done` event's words.
    pub(crate) fn finish(&self) -> (Outcome, Option<String>, Option<String>) {
        let output = worker(self.path()).wait_with_output().unwrap();
        let done = self.events().into_iter().rev().find_map(|event| match event.body {
            EventBody::Done { outcome, message, hint, .. } => Some((outcome, message, hint)),
            _ => None,
        });
        done.unwrap_or_else(|| panic!("no done event; stderr: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Runs to the end, which must be a good one.
    pub(crate) fn succeed(&self) -> Evaluation {
        let (outcome, message, _) = self.finish();
        assert_eq!(outcome, Outcome::Finished, "{message:?}");
        self.evaluation()
    }

    pub(crate) fn evaluation(&self) -> Evaluation {
        serde_json::from_slice(&fs::read(self.path().join("evaluation.json")).unwrap()).unwrap()
    }

    pub(crate) fn bundle(&self) -> Bundle {
        serde_json::from_slice(&self.bundle_head()).unwrap()
    }

    /// The bytes of `bundle.json`, which has the hash of every other file.
    pub(crate) fn bundle_head(&self) -> Vec<u8> {
        fs::read(self.path().join("model/bundle.json")).unwrap()
    }

    /// Whole lines only, as the host reads them.
    pub(crate) fn events(&self) -> Vec<WorkerEvent> {
        let text = fs::read_to_string(self.path().join("events.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn metrics(&self) -> BTreeMap<(String, i64), u64> {
        let mut metrics = BTreeMap::new();
        for event in self.events() {
            if let EventBody::Metric { key, step, value } = event.body {
                let twice = metrics.insert((key.clone(), step), value.to_bits());
                assert!(twice.is_none(), "{key} of step {step} was written twice");
            }
        }
        // What the machine did is not the training's.
        metrics.retain(|(key, _), _| !key.starts_with("system/"));
        metrics
    }

    /// Waits until the worker has written an event that is wanted.
    pub(crate) fn wait_for(&self, worker: &mut Child, wanted: impl Fn(&EventBody) -> bool) {
        let path = self.path().join("events.jsonl");
        let started = Instant::now();
        let mut offset = 0;
        while started.elapsed() < Duration::from_secs(120) {
            if let Ok(mut file) = fs::File::open(&path) {
                file.seek(SeekFrom::Start(offset)).unwrap();
                let mut reader = BufReader::new(file);
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
                    offset += line.len() as u64;
                    let event: WorkerEvent = serde_json::from_str(&line).unwrap();
                    if wanted(&event.body) {
                        return;
                    }
                    line.clear();
                }
            }
            assert!(
                worker.try_wait().unwrap().is_none(),
                "the worker ended before the awaited event: {:?}",
                self.events().last()
            );
            std::thread::yield_now();
        }
        panic!("the awaited event did not come within 120 s");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn worker(folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-worker"));
    let output = fs::File::options().create(true).append(true).open(folder.join("stdout.log")).unwrap();
    command.arg(folder).stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).spawn().unwrap()
}

fn plan(data: PlanData, columns: Vec<PlanColumn>, target: &str, task: Task, training: TrainingConfig) -> Plan {
    Plan {
        protocol: api::PROTOCOL,
        run: RunId::from_bytes([7; 16]),
        project: "test".to_owned(),
        task,
        data,
        columns,
        target: target.to_owned(),
        positive: None,
        training,
        evaluation: EvaluationConfig { bootstrap: 50, ..EvaluationConfig::default() },
        lineage: [("seed".to_owned(), "7".to_owned())].into(),
    }
}

/// A sample project's folder in this checkout.
pub(crate) fn sample_project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects").join(name)
}

/// Numbers that look random, the same in every run of the tests.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in 0..1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Customers who leave or stay: numbers, a category, gaps; learnable but noisy. `plan` decides with
/// `age` and `usage` in a way that no line separates.
pub(crate) fn customers(rows: usize, seed: u64) -> String {
    let mut numbers = Numbers::new(seed);
    let mut csv = String::from("age,usage,plan,region,spend,left\n");
    for _ in 0..rows {
        let (age, usage) = (18.0 + numbers.next() * 60.0, numbers.next() * 100.0);
        let plan = ["basic", "plus", "pro"][(numbers.next() * 3.0) as usize];
        let region = ["north", "south", "east", "west"][(numbers.next() * 4.0) as usize];
        let spend = 10.0 + usage * if plan == "pro" { 2.0 } else { 0.5 } + numbers.next() * 20.0;
        let drawn = (usage < 30.0) == (plan == "basic");
        let left = if numbers.next() < 0.1 { !drawn } else { drawn };
        let age = if numbers.next() < 0.05 { String::new() } else { format!("{age:.1}") };
        csv.push_str(&format!("{age},{usage:.2},{plan},{region},{spend:.2},{}\n", if left { "yes" } else { "no" }));
    }
    csv
}
