//! A model made by hand, and the server around it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Once},
};

use api::{
    config::{ColumnType, DataKind, ModelChoice},
    dataset::Role,
    evaluation::Task,
    worker::PlanColumn,
};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use candle_core::{Device, Tensor};
use infer::{
    bundle::{self, Parts},
    forward::Forward,
    network::{Layer, Network, TargetScale},
    preprocessing::{Mode, Preprocessing},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Predicts from amount (needed), country (optional) and name (sensitive).
pub(crate) fn write_model(folder: &Path) {
    let column = |name: &str, kind, sensitive| PlanColumn { name: name.into(), kind, role: Role::Feature, sensitive };
    let plan = [
        column("amount", ColumnType::Decimal, false),
        column("country", ColumnType::Category, false),
        column("name", ColumnType::Category, true),
    ];
    let columns: [(&str, ArrayRef); 3] = [
        ("amount", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 6.0]))),
        ("country", Arc::new(StringArray::from(vec![Some("de"), Some("fr"), None, Some("de")]))),
        ("name", Arc::new(StringArray::from(vec![Some("ann"), Some("bob"), Some("ann"), None]))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
    let preprocessing = Preprocessing::fit([rows], &plan, Mode::Scaled).unwrap();
    let width = preprocessing.width();
    let weight: Vec<f32> = (0..width).map(|at| (at as f32).sin()).collect();
    let weights = [
        ("0.weight".to_owned(), Tensor::from_vec(weight, (1, width), &Device::Cpu).unwrap()),
        ("0.bias".to_owned(), Tensor::from_slice(&[0.1_f32], 1, &Device::Cpu).unwrap()),
    ];
    let layers = vec![Layer::Linear { inputs: width, outputs: 1 }];
    let network = Network { input: vec![width], layers, target: TargetScale::default() };
    let forward = Forward::Network { network, weights: weights.into(), device: Device::Cpu };
    let parts = Parts {
        task: Task::BinaryClassification,
        kind: ModelChoice::Linear,
        data: DataKind::Table,
        target: "fraud".into(),
        classes: vec!["no".into(), "yes".into()],
        threshold: Some(0.5),
        class_factors: Vec::new(),
        lineage: [].into(),
        preprocessing: &preprocessing,
        forward: &forward,
        files: Vec::new(),
    };
    bundle::write(folder, parts).unwrap();
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) home: Arc<TempDir>,
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) control: String,
    pub(crate) client: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-serving"));
    command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--name", "fraud", "--version-number", "7"]);
    command.arg("--bundle").arg(home.join("model")).arg("--ready-file").arg(home.join("ready.json"));
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

pub(crate) fn start(arguments: &[&str]) -> Server {
    let home = Arc::new(tempfile::tempdir().unwrap());
    write_model(&home.path().join("model"));
    start_in(home, arguments)
}

/// `LOGS` among the arguments stands for a folder in the home.
pub(crate) fn start_in(home: Arc<TempDir>, arguments: &[&str]) -> Server {
    let started = command(home.path());
    start_as(home, started, arguments)
}

/// The same by another command, such as one that limits it.
pub(crate) fn start_as(home: Arc<TempDir>, mut command: Command, arguments: &[&str]) -> Server {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    let logs = home.path().join("logs");
    let arguments =
        arguments.iter().map(|argument| if *argument == "LOGS" { logs.to_str().unwrap() } else { argument });
    let mut child = command.args(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line =
        lines.find_map(|line| line.ok().filter(|line| line.contains("answers on") || line.contains("failed"))).unwrap();
    assert!(line.contains("answers on"), "{line}");
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| println!("{line}")));
    let ready: Value = serde_json::from_slice(&fs::read(home.path().join("ready.json")).unwrap()).unwrap();
    let address = |key: &str| format!("http://{}", ready[key].as_str().unwrap());
    assert_eq!(ready["pid"], child.id());
    let (address, control) = (address("listen"), address("control"));
    Server { home, child, address, control, client: reqwest::Client::new() }
}

impl Server {
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.client.post(format!("{}{path}", self.address)).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(format!("{}{path}", self.address)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn metrics(&self) -> String {
        self.client.get(format!("{}/metrics", self.address)).send().await.unwrap().text().await.unwrap()
    }

    /// Segments behind one, from the control port.
    pub(crate) async fn logs(&self, after: &str) -> Value {
        let response = self.client.get(format!("{}/v1/logs?after={after}", self.control)).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub(crate) async fn close_log(&self) -> Value {
        self.client.post(format!("{}/v1/logs/close", self.control)).send().await.unwrap().json().await.unwrap()
    }

    /// SIGTERM, as a pod or the host ends it.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap().success());
    }
}

pub(crate) fn row(number: usize) -> Value {
    let country = ["de", "fr", "xx"][number % 3];
    json!({ "amount": number as f64 / 7.0, "country": country, "name": "ann" })
}
