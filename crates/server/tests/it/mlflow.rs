//! What MLflow's routes refuse, asked without its client.

use api::{
    host::{PutSettings, Settings},
    tracking::MoveRuns,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::running::Running;

/// The listener of MLflow's clients, open to this machine's programs: there is no secret store here.
struct Open {
    running: Running,
    address: String,
}

impl Open {
    async fn start() -> Self {
        let running = Running::start().await;
        let settings = Settings { tracking_open: true, ..Settings::default() };
        engine::dispatch::call(&running.host.engine, PutSettings { settings }).await.unwrap();
        let listener = server::listen(0).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(server::serve_mlflow(listener, running.host.clone()));
        Self { running, address }
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let answer =
            self.running.http.post(format!("{}/api/2.0/{path}", self.address)).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.running.http.get(format!("{}/{path}", self.address)).send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }

    /// A run of the first experiment.
    async fn run(&self) -> String {
        self.run_in("0").await
    }

    async fn run_in(&self, experiment: &str) -> String {
        let (_, made) = self.post("mlflow/runs/create", json!({ "experiment_id": experiment })).await;
        made["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    }

    /// Expects a refusal of what was asked, and that it says why.
    async fn refused(&self, path: &str, body: Value, why: &str) {
        let (status, said) = self.post(path, body).await;
        assert_eq!(
            (status, &said["error_code"]),
            (StatusCode::BAD_REQUEST, &json!("INVALID_PARAMETER_VALUE")),
            "{said}"
        );
        assert!(said["message"].as_str().unwrap().contains(why), "{said}");
    }
}

#[tokio::test]
async fn an_upload_is_completed_by_all_of_its_parts_or_not_at_all() {
    let open = Open::start().await;
    let run = open.run().await;
    let folder = format!("0/{run}/artifacts");
    let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/{folder}/model.bin", open.address);
    let read = async || open.running.http.get(&url).send().await.unwrap().text().await.unwrap();
    open.running.http.put(&url).body("before").send().await.unwrap();
    let begun = json!({ "path": "model.bin", "num_parts": 3 });
    let (_, created) = open.post(&format!("mlflow-artifacts/mpu/create/{folder}"), begun).await;
    let part = |number: usize| created["credentials"][number - 1]["url"].as_str().unwrap().to_owned();
    for (number, bytes) in [(1, "one"), (3, "three")] {
        open.running.http.put(part(number)).body(bytes).send().await.unwrap();
    }
    let complete = format!("mlflow-artifacts/mpu/complete/{folder}");
    let body = |numbers: &[i64]| {
        let parts: Vec<Value> = numbers.iter().map(|number| json!({ "part_number": number, "etag": "" })).collect();
        json!({ "path": "model.bin", "upload_id": created["upload_id"], "parts": parts })
    };
    for (numbers, why) in [
        (&[][..], "one part at least"),
        (&[1, 1], "part 1 stands where part 2 is expected"),
        (&[1, 3], "part 3 stands where part 2 is expected"),
        (&[0, 1], "part 0 stands where part 1 is expected"),
        (&[1, 2, 3], "part 2 has not come"),
    ] {
        open.refused(&complete, body(numbers), why).await;
        assert_eq!(read().await, "before", "{numbers:?}");
    }
    open.running.http.put(part(2)).body("two").send().await.unwrap();
    assert_eq!(open.post(&complete, body(&[3, 1, 2])).await.0, StatusCode::OK);
    assert_eq!(read().await, "onetwothree");
    open.refused(&complete, body(&[1, 2, 3]), "There is no such upload").await;
    assert_eq!(read().await, "onetwothree");
}

#[tokio::test]
async fn texts_of_logged_models_have_the_limits_of_a_runs() {
    let open = Open::start().await;
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0", "name": "m" })).await;
    let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let long = "x".repeat(1_000_000);
    for (key, value, why) in
        [("..", "1", "as a path"), ("a", &*long, "1000000 bytes"), ("what?", "1", "'?' stands in it")]
    {
        let pair = json!([{ "key": key, "value": value }]);
        open.refused("mlflow/logged-models", json!({ "experiment_id": "0", "params": pair }), why).await;
        open.refused("mlflow/logged-models", json!({ "experiment_id": "0", "tags": pair }), why).await;
        open.refused(&format!("mlflow/logged-models/{id}/params"), json!({ "params": pair }), why).await;
    }
    let good = json!({ "params": [{ "key": "lr", "value": "0.1" }] });
    assert_eq!(open.post(&format!("mlflow/logged-models/{id}/params"), good).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_run_keeps_the_address_of_its_artifacts_when_it_is_moved() {
    let open = Open::start().await;
    let made = json!({ "name": "elsewhere", "artifact_location": "file:///srv/models" });
    let (_, made) = open.post("mlflow/experiments/create", made).await;
    let number = made["experiment_id"].as_str().unwrap();
    let (there, proxied) = (open.run_in(number).await, open.run().await);
    let address = async |run: &str| {
        let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
        told["run"]["info"]["artifact_uri"].as_str().unwrap().to_owned()
    };
    let before = [address(&there).await, address(&proxied).await];
    assert_eq!(before[0], format!("file:///srv/models/{there}/artifacts"));
    let (_, third) = open.post("mlflow/experiments/create", json!({ "name": "third" })).await;
    let third = third["experiment_id"].as_str().unwrap();
    // Also where it goes back to.
    for number in [third, "0", number] {
        let to = engine::tracking::client::experiment(&open.running.host.engine, number).await.unwrap().id;
        let runs = [&there, &proxied].map(|run| run.parse().unwrap()).to_vec();
        engine::dispatch::call(&open.running.host.engine, MoveRuns { runs, to }).await.unwrap();
        assert_eq!([address(&there).await, address(&proxied).await], before, "in {number}");
        let filter = format!("artifact_uri = '{}'", before[0]);
        let (_, found) = open.post("mlflow/runs/search", json!({ "experiment_ids": [number], "filter": filter })).await;
        assert_eq!(found["runs"].as_array().map(Vec::len), Some(1), "{found}");
    }
    // Its own folder is where a version of it may come from, and no other one is.
    open.post("mlflow/registered-models/create", json!({ "name": "m" })).await;
    let version = |run: &str, source: String| json!({ "name": "m", "run_id": run, "source": source });
    let (status, made) =
        open.post("mlflow/model-versions/create", version(&there, format!("{}/model", before[0]))).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    for (run, source) in [
        (&proxied, format!("{}/model", before[0])),
        (&there, "file:///srv/models".to_owned()),
        (&there, format!("{}/../../x", before[0])),
        (&there, format!("{}/%2e%2e/x", before[0])),
        (&there, format!("file://elsewhere/srv/models/{there}/artifacts")),
    ] {
        open.refused("mlflow/model-versions/create", version(run, source), "Invalid model version source").await;
    }
}

#[tokio::test]
async fn a_version_comes_from_its_own_run_or_model() {
    let open = Open::start().await;
    let (run, other) = (open.run().await, open.run().await);
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0" })).await;
    let model = made["model"]["info"]["model_id"].as_str().unwrap();
    open.post("mlflow/registered-models/create", json!({ "name": "m" })).await;
    let ask = |source: String, run: Option<&str>, model: Option<&str>| json!({ "name": "m", "source": source, "run_id": run, "model_id": model });
    let create = "mlflow/model-versions/create";
    for (source, run_id, model_id) in [
        (format!("runs:/{run}/model"), Some(&*run), None),
        (format!("mlflow-artifacts:/0/{run}/artifacts/model"), Some(&run), None),
        (format!("mlflow-artifacts:/0/models/{model}/artifacts"), None, Some(model)),
        (format!("models:/{model}"), None, Some(model)),
        ("models:/m/1".to_owned(), None, None),
        ("s3://bucket/with+plus/100%/x".to_owned(), Some("a run of another server"), None),
    ] {
        let (status, made) = open.post(create, ask(source.clone(), run_id, model_id)).await;
        assert_eq!(status, StatusCode::OK, "{source}: {made}");
        if let Some(run_id) = run_id {
            assert_eq!(made["model_version"]["run_id"], run_id, "{source}");
        }
    }
    for (source, run_id, model_id) in [
        (format!("runs:/{run}/model"), None, None),
        (format!("runs:/{run}/model"), Some(&*other), None),
        (format!("runs:/{run}/model"), Some(&run), Some(model)),
        (format!("mlflow-artifacts:/0/{run}/artifacts/model"), None, None),
        (format!("mlflow-artifacts:/0/{run}/artifacts/model"), Some(&other), None),
        (format!("mlflow-artifacts://host/0/{run}/artifacts/model"), Some(&run), None),
        (format!("http://host/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/model"), Some(&run), None),
        (format!("models:/{model}"), None, None),
        ("models:/m/1".to_owned(), Some(&other), None),
        ("models://other/m/1".to_owned(), None, None),
        ("model".to_owned(), None, None),
        ("./model".to_owned(), Some(&run), None),
        ("/srv/model".to_owned(), Some(&run), None),
        ("s3://bucket/../x".to_owned(), None, None),
        ("s3://bucket/a/./x".to_owned(), None, None),
        ("s3://bucket/%252e%252e/x".to_owned(), None, None),
        ("s3://bucket".to_owned(), None, None),
        (format!("s3://bucket/%{}2e%2e/x", "25".repeat(100_000)), None, None),
    ] {
        open.refused(create, ask(source, run_id, model_id), "nvalid model version source").await;
    }
}

#[tokio::test]
async fn points_of_many_runs_are_bounded() {
    let open = Open::start().await;
    let mut runs = vec![open.run().await, open.run().await];
    runs.sort_unstable();
    for run in &runs {
        let point = |step: i64| json!({ "key": "loss", "value": step, "timestamp": 1_000 - step, "step": step });
        let metrics: Vec<Value> = (0..500).map(point).collect();
        open.post("mlflow/runs/log-batch", json!({ "run_id": run, "metrics": metrics })).await;
    }
    let asked = format!("run_id={}&run_id={}&metric_key=loss", runs[0], runs[1]);
    let bulk = async |most: usize| {
        let path = format!("ajax-api/2.0/mlflow/metrics/get-history-bulk?{asked}&max_results={most}");
        let metrics = open.get(&path).await["metrics"].as_array().cloned().unwrap_or_default();
        let of = |run: &String| metrics.iter().filter(|one| one["run_id"] == **run).count();
        [of(&runs[0]), of(&runs[1])]
    };
    assert_eq!([bulk(300).await, bulk(500).await, bulk(700).await], [[300, 0], [500, 0], [500, 200]]);
    let path = "ajax-api/2.0/mlflow/metrics/get-history-bulk-interval";
    let found = open.get(&format!("{path}?{asked}&start_step=100&end_step=399&max_results=30")).await;
    let steps: Vec<i64> =
        found["metrics"].as_array().unwrap().iter().map(|one| one["step"].as_i64().unwrap()).collect();
    assert_eq!(steps.len(), 62);
    assert_eq!((steps[0], steps[1], steps[30], steps[31]), (100, 110, 399, 100));
}

#[tokio::test]
async fn another_site_is_refused_where_no_token_is_asked_too() {
    let open = Open::start().await;
    let search = format!("{}/api/2.0/mlflow/experiments/search?max_results=10", open.address);
    assert_eq!(open.running.http.get(&search).send().await.unwrap().status(), StatusCode::OK);
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")] {
        let answer = open.running.http.get(&search).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
}
