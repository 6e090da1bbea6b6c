//! What MLflow's routes refuse, asked without its client.

mod answers;
mod ballast;
mod cuts;
mod files;
#[cfg(target_os = "linux")]
mod large;
mod limits;
mod reading;
mod wrong;

use api::{
    host::{PutSettings, Settings},
    tracking::MoveRuns,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::Host;

use crate::running::Running;

/// The address of a listener of MLflow's clients.
pub(crate) async fn listening(host: Host) -> String {
    let listener = server::listen(0).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(server::serve_mlflow(listener, host));
    address
}

/// The listener of MLflow's clients, open to this machine's programs: there is no secret store here.
pub(crate) struct Open {
    pub(crate) running: Running,
    pub(crate) address: String,
}

impl Open {
    pub(crate) async fn start() -> Self {
        let running = Running::start().await;
        let settings = Settings { tracking_open: true, ..Settings::default() };
        engine::dispatch::call(&running.host.engine, PutSettings { settings }).await.unwrap();
        let address = listening(running.host.clone()).await;
        Self { running, address }
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let answer =
            self.running.http.post(format!("{}/api/2.0/{path}", self.address)).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.running.http.get(format!("{}/{path}", self.address)).send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }

    /// A run of the first experiment.
    pub(crate) async fn run(&self) -> String {
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
async fn an_answer_to_a_write_has_no_header_that_its_client_has_no_use_for() {
    let open = Open::start().await;
    let run = open.run().await;
    let names = |answer: &reqwest::Response| {
        let mut names: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    };
    let point = json!({ "run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 0 });
    let logged = open.running.http.post(format!("{}/api/2.0/mlflow/runs/log-metric", open.address)).json(&point);
    let logged = logged.send().await.unwrap();
    assert_eq!((logged.status(), names(&logged)), (StatusCode::OK, strings(&["content-length", "content-type"])));
    let got = open.running.http.get(format!("{}/api/2.0/mlflow/runs/get?run_id={run}", open.address));
    let got = got.send().await.unwrap();
    let expected = strings(&["cache-control", "content-length", "content-type", "x-content-type-options"]);
    assert_eq!((got.status(), names(&got)), (StatusCode::OK, expected));
}

#[tokio::test]
async fn every_prefix_leads_to_the_same_routes() {
    let open = Open::start().await;
    let run = open.run().await;
    for prefix in ["api/2.0", "ajax-api/2.0", "api/3.0", "ajax-api/3.0"] {
        let told = open.get(&format!("{prefix}/mlflow/server-info")).await;
        assert_eq!(
            (&told["store_type"], &told["multipart_uploads_enabled"]),
            (&json!("SqlStore"), &json!(false)),
            "{prefix}: {told}"
        );
        // A client of 3.18 asks so before it sends a file through the proxy.
        let proxied = (&told["artifact_serving_enabled"], &told["artifacts_presigned_only"]);
        assert_eq!(proxied, (&json!(true), &json!(false)), "{prefix}: {told}");
        let got = open.get(&format!("{prefix}/mlflow/runs/get?run_id={run}")).await;
        assert_eq!(got["run"]["info"]["run_id"], json!(run), "{prefix}: {got}");
        let listed = open.get(&format!("{prefix}/mlflow-artifacts/artifacts?path=0/{run}/artifacts")).await;
        assert!(listed.is_object() && listed["error_code"].is_null(), "{prefix}: {listed}");
    }
    for (path, said) in [("health", "OK"), ("version", "3.18.0")] {
        let answer = open.running.http.get(format!("{}/{path}", open.address)).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), said, "{path}");
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Clients before MLflow 3.18 tell where the file lies on their machine, later ones its name alone.
#[tokio::test]
async fn an_upload_in_parts_is_called_as_its_file_wherever_that_lies() {
    let open = Open::start().await;
    let run = open.run().await;
    let folder = format!("0/{run}/artifacts");
    let at = |action: &str| format!("mlflow-artifacts/mpu/{action}/{folder}");
    let cases = [
        ("a.bin", "a.bin"),
        ("/home/ann/b.bin", "b.bin"),
        (r"C:\Users\ann\c.bin", "c.bin"),
        (r"C:\Users/ann\d e.bin", "d e.bin"),
        ("f%2Fg%5Ch.bin", "h.bin"),
    ];
    for (path, _) in cases {
        let (status, begun) = open.post(&at("create"), json!({ "path": path, "num_parts": 1 })).await;
        assert_eq!(status, StatusCode::OK, "{path}: {begun}");
        let part = begun["credentials"][0]["url"].as_str().unwrap();
        open.running.http.put(part).body("whole").send().await.unwrap();
        let parts = json!([{ "part_number": 1, "etag": "" }]);
        let body = json!({ "path": path, "upload_id": begun["upload_id"], "parts": parts });
        let (status, said) = open.post(&at("complete"), body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
    }
    let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}")).await;
    let names: Vec<&str> =
        listed["files"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(names, cases.map(|(_, name)| name));
    for path in ["..", ".", "a/..", "a/", r"a\", "src%5C..", "C%3A%5C..", "a%2F", "%2e%2e"] {
        open.refused(&at("create"), json!({ "path": path, "num_parts": 1 }), "Invalid path").await;
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
    for wrong in ["two", "0", "-1", "1.5", "10001", "99999999999999999999", "%00"] {
        let url = part(1).rsplit_once('/').map(|(upload, _)| format!("{upload}/{wrong}")).unwrap();
        let answer = open.running.http.put(url).body("x").send().await.unwrap();
        let (status, said) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!(
            (status, &said["error_code"]),
            (StatusCode::BAD_REQUEST, &json!("INVALID_PARAMETER_VALUE")),
            "{wrong}: {said}"
        );
        assert!(said["message"].as_str().unwrap().contains("1 to 10000"), "{said}");
    }
    open.running.http.put(part(2)).body("two").send().await.unwrap();
    // It is begun for one file and so many parts.
    let fourth = part(1).rsplit_once('/').map(|(upload, _)| format!("{upload}/4")).unwrap();
    let answer = open.running.http.put(fourth).body("four").send().await.unwrap();
    let (status, said) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!((status, &said["error_code"]), (StatusCode::BAD_REQUEST, &json!("INVALID_PARAMETER_VALUE")), "{said}");
    assert!(said["message"].as_str().unwrap().contains("was begun with 3"), "{said}");
    let mut elsewhere = body(&[1, 2, 3]);
    elsewhere["path"] = json!("other.bin");
    open.refused(&complete, elsewhere, "was begun for another file").await;
    open.refused(&format!("{complete}/below"), body(&[1, 2, 3]), "was begun for another file").await;
    open.refused(&complete, body(&[1, 2]), "was begun with 3, and is completed by all of them, not by 2").await;
    assert_eq!(read().await, "before");

    // A hole: it is large and takes no room, where the file system has such files.
    let upload = created["upload_id"].as_str().unwrap();
    let second = open.running.host.staging.join(format!("parts-{upload}/2"));
    let size_bytes = fs4::available_space(open.running.folder.path()).unwrap() + (1 << 30);
    let grown = std::fs::File::options().write(true).open(&second).and_then(|file| file.set_len(size_bytes));
    if grown.is_ok() {
        let (status, said) = open.post(&complete, body(&[1, 2, 3])).await;
        assert_eq!((status, &said["error_code"]), (StatusCode::INSUFFICIENT_STORAGE, &json!("RESOURCE_EXHAUSTED")));
        assert!(said["message"].as_str().unwrap().contains("does not fit"), "{said}");
        assert_eq!(read().await, "before");
        std::fs::write(&second, "two").unwrap();
    }
    assert_eq!(open.post(&complete, body(&[3, 1, 2])).await.0, StatusCode::OK);
    assert_eq!(read().await, "onetwothree");
    open.refused(&complete, body(&[1, 2, 3]), "There is no such upload").await;
    assert_eq!(read().await, "onetwothree");
}

#[tokio::test]
async fn a_part_of_an_artifact_is_sent_and_its_name_is_no_address() {
    let open = Open::start().await;
    let run = open.run().await;
    let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a%20b%2525.html", open.address);
    open.running.http.put(&url).body("0123456789").send().await.unwrap();
    let answer = open.running.http.get(&url).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-range"), header("content-type")), ("bytes 2-4/10".into(), "text/html".into()));
    assert_eq!(header("content-disposition"), "attachment; filename=\"a b%.html\"");
    let etag = header("etag");
    assert_eq!(answer.text().await.unwrap(), "234");
    let again = open.running.http.get(&url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let beyond = open.running.http.get(&url).header("range", "bytes=20-").send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let head = open.running.http.head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "10");
}

#[tokio::test]
async fn keys_of_logged_models_have_the_limits_of_a_runs() {
    let open = Open::start().await;
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0", "name": "m" })).await;
    let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let long = "x".repeat(251);
    for (key, why) in [("..", "as a path"), (&*long, "1 to 250 characters"), ("what?", "'?' stands in it")] {
        let pair = json!([{ "key": key, "value": "1" }]);
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
        engine::dispatch::call(&open.running.host.engine, MoveRuns::alone(runs, to)).await.unwrap();
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
    let (status, _) = open.post(create, ask("s3://bucket/x".to_owned(), None, Some("m-none"))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for (source, run_id, model_id) in [
        (format!("runs:/{run}/model"), None, None),
        (format!("runs:/{run}/model"), Some(&*other), None),
        (format!("runs:/{run}/model"), Some(&run), Some(model)),
        (format!("mlflow-artifacts:/0/{run}/artifacts/model"), None, None),
        (format!("mlflow-artifacts:/0/{run}/artifacts/model"), Some(&other), None),
        (format!("mlflow-artifacts://host/0/{run}/artifacts/model"), Some(&run), None),
        (format!("mlflow-artifacts:/0/{}/artifacts/model", run.replace('7', "%37")), Some(&run), None),
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
async fn an_experiments_name_is_kept_as_it_was_given() {
    let open = Open::start().await;
    let (status, made) = open.post("mlflow/experiments/create", json!({ "name": " x " })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let found = open.get("api/2.0/mlflow/experiments/get-by-name?experiment_name=%20x%20").await;
    let facts = (&found["experiment"]["experiment_id"], &found["experiment"]["name"]);
    assert_eq!(facts, (&made["experiment_id"], &json!(" x ")));
    let renamed = json!({ "experiment_id": made["experiment_id"], "new_name": "y " });
    open.post("mlflow/experiments/update", renamed).await;
    let found = open.get("api/2.0/mlflow/experiments/get-by-name?experiment_name=y%20").await;
    assert_eq!(found["experiment"]["experiment_id"], made["experiment_id"], "{found}");
    open.refused("mlflow/experiments/create", json!({ "name": "  " }), "needs a name").await;
}

#[tokio::test]
async fn a_logged_model_has_every_figure_of_it_and_keeps_its_params() {
    let open = Open::start().await;
    let run = open.run().await;
    let params = json!([{ "key": "lr", "value": "0.1" }]);
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0", "params": params })).await;
    let model = made["model"]["info"]["model_id"].as_str().unwrap();
    let point = |model: &str, step: i64, value: f64, dataset: Option<&str>| json!({ "key": "loss", "value": value, "timestamp": 10 + step, "step": step, "model_id": model, "dataset_name": dataset });
    let all: Vec<Value> = (0..3).map(|step| point(model, step, step as f64, None)).collect();
    for _ in 0..2 {
        open.post("mlflow/runs/log-batch", json!({ "run_id": run, "metrics": all })).await;
    }
    open.post("mlflow/runs/log-batch", json!({ "run_id": run, "metrics": [point(model, 0, 7.0, Some("iris"))] })).await;
    let figures = async || {
        let told = open.get(&format!("api/2.0/mlflow/logged-models/{model}")).await;
        let figures = told["model"]["data"]["metrics"].as_array().cloned().unwrap_or_default();
        let mut of = figures.iter().map(|one| (one["step"].as_i64(), one["value"].as_f64())).collect::<Vec<_>>();
        of.sort_by(|left, right| left.partial_cmp(right).unwrap());
        of
    };
    let kept = [(0, 0.0), (0, 7.0), (1, 1.0), (2, 2.0)].map(|(step, value)| (Some(step), Some(value)));
    assert_eq!(figures().await, kept);
    // That of the greatest step is looked for, since MLflow 3.18.
    for (filter, found) in
        [("metrics.loss = 2", 1), ("metrics.loss > 1", 1), ("metrics.loss < 1", 0), ("metrics.loss = 7", 0)]
    {
        let asked = json!({ "experiment_ids": ["0"], "filter": filter });
        let (_, came) = open.post("mlflow/logged-models/search", asked).await;
        assert_eq!(came["models"].as_array().map_or(0, Vec::len), found, "{filter}: {came}");
    }
    // Of a batch for a model that nobody knows nothing is kept, and the client is told so at once.
    let unknown = json!({ "run_id": run, "metrics": [point(model, 9, 9.0, None), point("m-none", 9, 9.0, None)] });
    let (status, said) = open.post("mlflow/runs/log-batch", unknown).await;
    assert_eq!((status, &said["error_code"]), (StatusCode::NOT_FOUND, &json!("RESOURCE_DOES_NOT_EXIST")), "{said}");
    assert_eq!(figures().await, kept);
    let params = format!("mlflow/logged-models/{model}/params");
    let pair = |key: &str, value: &str| json!({ "params": [{ "key": key, "value": value }] });
    assert_eq!(open.post(&params, pair("lr", "0.1")).await.0, StatusCode::OK);
    assert_eq!(open.post(&params, pair("depth", "3")).await.0, StatusCode::OK);
    open.refused(&params, pair("lr", "0.2"), "was already logged with value='0.1'").await;
    let told = open.get(&format!("api/2.0/mlflow/logged-models/{model}")).await;
    let kept = json!([{ "key": "depth", "value": "3" }, { "key": "lr", "value": "0.1" }]);
    assert_eq!(told["model"]["data"]["params"], kept);
}

#[tokio::test]
async fn a_field_that_is_null_is_not_set() {
    let open = Open::start().await;
    let named = |name: &str| json!({ "name": name, "artifact_location": null, "tags": null });
    let (status, made) = open.post("mlflow/experiments/create", named("nulls")).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let experiment = made["experiment_id"].as_str().unwrap();
    let begin =
        json!({ "experiment_id": experiment, "tags": null, "run_name": null, "user_id": null, "start_time": null });
    let (status, made) = open.post("mlflow/runs/create", begin).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    let model = json!({ "experiment_id": experiment, "name": null, "params": null, "tags": null, "model_type": null });
    let (_, made) = open.post("mlflow/logged-models", model).await;
    let model = made["model"]["info"]["model_id"].as_str().unwrap();
    let dataset =
        json!({ "name": "d", "digest": "1", "source_type": "x", "source": "y", "schema": null, "profile": null });
    for (path, body) in [
        ("runs/log-batch", json!({ "run_id": run, "metrics": null, "params": null, "tags": null })),
        (
            "runs/log-batch",
            json!({
                "run_id": run,
                "metrics": [{ "key": "m", "value": 1, "timestamp": 1, "step": null, "model_id": null, "dataset_name": null }],
                "params": [{ "key": "p", "value": null }],
                "tags": [{ "key": "t", "value": null }],
            }),
        ),
        (
            "runs/log-metric",
            json!({ "run_id": run, "run_uuid": null, "key": "m", "value": 2, "timestamp": 2, "step": null }),
        ),
        ("runs/log-parameter", json!({ "run_id": run, "key": "q", "value": null })),
        ("runs/set-tag", json!({ "run_id": run, "key": "u", "value": null })),
        ("runs/log-inputs", json!({ "run_id": run, "datasets": null, "models": null })),
        ("runs/log-inputs", json!({ "run_id": run, "datasets": [{ "tags": null, "dataset": dataset }] })),
        ("runs/outputs", json!({ "run_id": run, "models": [{ "model_id": model, "step": null }] })),
        ("runs/update", json!({ "run_id": run, "status": null, "end_time": null, "run_name": null })),
        (
            "runs/search",
            json!({ "experiment_ids": [experiment], "filter": null, "order_by": null, "run_view_type": null, "max_results": null }),
        ),
        ("experiments/search", json!({ "max_results": 9, "filter": null, "order_by": null, "view_type": null })),
        ("registered-models/create", json!({ "name": "m", "tags": null, "description": null })),
        ("registered-models/set-tag", json!({ "name": "m", "key": "k", "value": null })),
        ("registered-models/get-latest-versions", json!({ "name": "m", "stages": null })),
        (
            "model-versions/create",
            json!({ "name": "m", "source": "s3://b/x", "run_id": null, "tags": null, "model_id": null }),
        ),
        (
            "model-versions/transition-stage",
            json!({ "name": "m", "version": "1", "stage": "Staging", "archive_existing_versions": null }),
        ),
        ("model-versions/set-tag", json!({ "name": "m", "version": "1", "key": "k", "value": null })),
        (
            "logged-models/search",
            json!({
                "experiment_ids": [experiment],
                "filter": null,
                "datasets": null,
                "order_by": [{ "field_name": "name", "ascending": null, "dataset_name": null }],
            }),
        ),
    ] {
        let (status, said) = open.post(&format!("mlflow/{path}"), body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
    }
    let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await["run"]["data"].clone();
    assert_eq!(told["params"], json!([{ "key": "p", "value": "" }, { "key": "q", "value": "" }]));
    // What must be there is missed as before.
    open.refused("mlflow/runs/log-batch", json!({ "run_id": run, "params": [{ "key": null, "value": "1" }] }), "")
        .await;
    let valueless = json!({ "run_id": run, "metrics": [{ "key": "m", "value": null, "timestamp": 1 }] });
    open.refused("mlflow/runs/log-batch", valueless, "value").await;
}

#[tokio::test]
async fn empty_notes_are_notes_until_they_are_deleted() {
    let open = Open::start().await;
    let run = open.run().await;
    let note = async || {
        let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
        let tags = told["run"]["data"]["tags"].as_array().cloned().unwrap_or_default();
        tags.into_iter().find(|tag| tag["key"] == "mlflow.note.content").map(|tag| tag["value"].clone())
    };
    let key = "mlflow.note.content";
    let set = async |value: &str| {
        let body = json!({ "run_id": run, "key": key, "value": value });
        assert_eq!(open.post("mlflow/runs/set-tag", body).await.0, StatusCode::OK);
    };
    let delete = async || open.post("mlflow/runs/delete-tag", json!({ "run_id": run, "key": key })).await.0;
    assert_eq!((note().await, delete().await), (None, StatusCode::NOT_FOUND));
    for value in ["", "why", "", "how"] {
        set(value).await;
        assert_eq!(note().await, Some(json!(value)));
    }
    assert_eq!((delete().await, note().await, delete().await), (StatusCode::OK, None, StatusCode::NOT_FOUND));
    set("").await;
    assert_eq!((delete().await, note().await, delete().await), (StatusCode::OK, None, StatusCode::NOT_FOUND));
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
    assert_eq!(steps.len(), 60);
    assert_eq!((steps[0], steps[1], steps[28], steps[29], steps[30]), (100, 110, 380, 399, 100));
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

#[tokio::test]
async fn a_link_that_the_client_prints_leads_to_our_pages() {
    let running = Running::start().await;
    let listener = server::listen(0).await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(server::serve_mlflow(listener, running.host.clone()));
    let answer = running.http.get(&address).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "a browser sends no token with a link");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = answer.text().await.unwrap();
    let nonce = page.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert!(
        policy.contains(&format!("script-src 'nonce-{nonce}'")) && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert!(
        page.contains(&format!("data-port=\"{}\"", running.host.port))
            && !page.contains('@')
            && page.contains("location.hostname}:${port}"),
        "{page}"
    );
    let again = running.http.get(&address).send().await.unwrap().text().await.unwrap();
    assert!(!again.contains(&nonce), "a nonce is good for one answer");
    let refused = running.http.get(&address).header("host", "evil.example").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let closed =
        running.http.get(format!("{address}api/2.0/mlflow/experiments/search?max_results=1")).send().await.unwrap();
    assert!(!closed.status().is_success(), "the page opens nothing else");
}
