//! Series, files of a run and pictures of a snapshot, and that no path leads anywhere else.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

use api::{
    ApiError, Request, RunId, SnapshotId,
    config::{DataKind, ProjectFile},
    dataset::TakeSnapshot,
    job::{JobState, Subject},
    project::CreateProject,
    run::{BeginCommand, EndCommand},
    series::{OverMetric, Series, Viewport, Viewports, many_from_bytes},
    tracking::CreateExperiment,
};
use engine::tracking::{
    logged,
    registry::{self, NewVersion},
};
use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::running::Running;

/// One grey pixel.
const PIXEL: [u8; 67] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49,
    0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

async fn ask<R: Request>(running: &Running, request: R) -> R::Response {
    engine::dispatch::call(&running.host.engine, request).await.unwrap()
}

async fn project(running: &Running, kind: DataKind) -> (api::ProjectId, PathBuf) {
    let folder = running.folder.path().canonicalize().unwrap().join("project");
    for class in ["cats", "dogs"] {
        std::fs::create_dir_all(folder.join("data").join(class)).unwrap();
        std::fs::write(folder.join("data").join(class).join("one 1.png"), PIXEL).unwrap();
    }
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    (file.data.kind, file.data.paths) = (kind, vec!["data".to_owned()]);
    let path = folder.to_string_lossy().into_owned();
    let job = ask(running, CreateProject { path, file, copy_from: Vec::new() }).await;
    let made = running.host.engine.jobs().wait(&running.host.engine, job.id).await.unwrap();
    let Subject::Project(project) = made.subject else { panic!("{made:?}") };
    (project, folder)
}

/// A command's run with 5,000 points, one file and something beside it that is nobody's.
async fn run(running: &Running) -> RunId {
    let (_, folder) = project(running, DataKind::Images).await;
    let begun = ask(
        running,
        BeginCommand {
            run: None,
            project: None,
            directory: folder.to_string_lossy().into_owned(),
            command: vec!["true".to_owned()],
            environment: BTreeMap::new(),
            code: None,
            pid: std::process::id(),
            pid_started_ms: engine::process::started_ms(std::process::id()).unwrap(),
            name: None,
            trial: None,
            budget: Default::default(),
        },
    )
    .await;
    let folder = PathBuf::from(begun.folder);
    let mut events = std::fs::File::create(folder.join("events.jsonl")).unwrap();
    for step in 0..5_000 {
        let line = json!({"v": 1, "time_ms": step, "event": "metric", "key": "loss/train", "step": step, "value": 1.0 / f64::from(step + 1)});
        writeln!(events, "{line}").unwrap();
    }
    std::fs::create_dir_all(folder.join("artifacts/deep")).unwrap();
    std::fs::write(folder.join("artifacts/deep/figures.csv"), "0123456789").unwrap();
    std::fs::write(folder.join("artifacts/page.html"), "<script>alert(1)</script>").unwrap();
    std::fs::write(folder.join("artifacts/drawing.svg"), "<svg onload='alert(1)'/>").unwrap();
    std::fs::write(folder.join("artifacts/video.mp4"), b"\0\0\0 ftypisom-and-more").unwrap();
    std::fs::write(folder.join("artifacts/false.mp4"), "<script>alert(1)</script>").unwrap();
    std::fs::write(folder.join("private.txt"), "secret").unwrap();
    ask(running, EndCommand { run: begun.run }).await;
    begun.run
}

async fn get(running: &Running, path: &str) -> Response {
    running.http.get(running.url(path)).bearer_auth(running.token()).send().await.unwrap()
}

#[tokio::test]
async fn a_viewport_has_the_points_that_it_asked_for() {
    let running = Running::start().await;
    let run = run(&running).await;
    let view = async |query: &str| {
        let response = get(&running, &format!("/api/series?run={run}&key=loss%2Ftrain{query}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        Series::from_bytes(&response.bytes().await.unwrap()).unwrap()
    };
    let all = view("&points=500").await;
    assert!(!all.raw && all.len() <= 500 && all.step.last() == Some(&4_999.0), "{}", all.len());
    let part = view("&from=100&to=199&points=500").await;
    assert!(part.raw && part.len() == 100);
    assert_eq!((part.step[0], part.last[0]), (100.0, 1.0 / 101.0));
    assert_eq!(view("&from=9000").await.len(), 0);
    let unknown = get(&running, &format!("/api/series?run={run}&key=nothing")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    // Many are one request; what isn't there is none.
    let viewport = |key: &str| Viewport { from: Some(100), to: Some(199), ..Viewport::whole(run, key.to_owned()) };
    let over = OverMetric { key: "loss/train".to_owned(), from: None, to: None, log: false, whole: false };
    let over = Viewport { over: Some(over), ..viewport("loss/train") };
    let asked = Viewports { series: vec![viewport("loss/train"), viewport("nothing"), over], points: 500 };
    let request = running.http.post(running.url("/api/series")).bearer_auth(running.token()).json(&asked);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    let many = many_from_bytes(&answer).unwrap();
    assert_eq!((many.len(), many[0].as_ref(), many[1].as_ref()), (3, Some(&part), None));
    let over = many[2].as_ref().unwrap();
    assert_eq!((&over.over, over.len(), over.left_out), (&over.last, 100, 0));
}

#[tokio::test]
async fn a_chart_is_saved_with_every_point_in_its_view() {
    let running = Running::start().await;
    let run = run(&running).await;
    let asked = async |series: serde_json::Value| {
        let request = running.http.get(running.url("/api/blob/points")).query(&[("series", series.to_string())]);
        request.bearer_auth(running.token()).send().await.unwrap()
    };
    let whole = asked(json!([{"run": run, "key": "loss/train"}, {"run": run, "key": "nothing"}])).await;
    assert_eq!(whole.headers()["content-type"], "text/csv; charset=utf-8");
    let text = whole.text().await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5_001, "run_id,run,key,step,time,value"));
    assert!(
        lines[5_000].starts_with(&run.to_string())
            && lines[5_000].ends_with(",loss/train,4999,1970-01-01T00:00:04.999Z,0.0002"),
        "{}",
        lines[5_000]
    );
    let part = asked(json!([{"run": run, "key": "loss/train", "from": 100, "to": 199}])).await.text().await.unwrap();
    assert_eq!(part.lines().skip(1).collect::<Vec<_>>(), lines[101..=200]);
    let part =
        asked(json!([{"run": run, "key": "loss/train", "from_ms": 10, "to_ms": 19}])).await.text().await.unwrap();
    assert_eq!(part.lines().skip(1).collect::<Vec<_>>(), lines[11..=20]);
    for (series, status) in [
        (json!("nonsense"), StatusCode::BAD_REQUEST),
        (json!([{"run": RunId::from_bytes([7; 16]), "key": "loss/train"}]), StatusCode::NOT_FOUND),
        (json!([{"run": run, "key": "loss/train", "over": {"key": "loss/train"}}]), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(asked(series.clone()).await.status(), status, "{series}");
    }
}

#[tokio::test]
async fn of_a_long_series_only_the_chunks_in_view_are_read() {
    let running = Running::start().await;
    let run = run(&running).await;
    // Who reads any other chunk than the second of these can't go on.
    let damaged = running
        .host
        .engine
        .store()
        .write(|tx| Ok(tx.execute("UPDATE points SET bytes = x'00' WHERE level = 0 AND chunk != 1", [])?));
    assert_eq!(damaged.await.unwrap(), 3);
    let asked = async |view: serde_json::Value| {
        let request = running.http.get(running.url("/api/blob/points")).query(&[("series", view.to_string())]);
        match request.bearer_auth(running.token()).send().await {
            Ok(answer) => answer.text().await,
            // It may break off before anything of it was sent.
            Err(error) => Err(error),
        }
    };
    for (name, from, to) in [("steps", "from", "to"), ("times", "from_ms", "to_ms")] {
        let view = json!([{"run": run, "key": "loss/train", from: 1_100, to: 1_299}]);
        let text = asked(view).await.unwrap();
        let steps: Vec<i64> =
            text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().parse().unwrap()).collect();
        assert_eq!(steps, (1_100..1_300).collect::<Vec<_>>(), "{name}");
    }
    let whole = asked(json!([{"run": run, "key": "loss/train"}])).await;
    assert!(whole.is_err(), "{whole:?}");
}

#[tokio::test]
async fn files_of_a_run_come_whole_or_in_part_and_nothing_else_does() {
    let running = Running::start().await;
    let run = run(&running).await;
    let base = format!("/api/blob/runs/{run}");
    let whole = get(&running, &format!("{base}/artifacts/deep/figures.csv")).await;
    assert_eq!(whole.text().await.unwrap(), "0123456789");
    let request =
        running.http.get(running.url(&format!("{base}/artifacts/deep/figures.csv"))).bearer_auth(running.token());
    let part = request.header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.text().await.unwrap(), "234");
    for path in [
        "private.txt",
        "artifacts/../private.txt",
        "artifacts/%2e%2e/private.txt",
        "artifacts/..%2fprivate.txt",
        "artifacts%2f..%2fprivate.txt",
        "..%2f..%2fslipway.db",
        "%2fetc%2fpasswd",
        "artifacts/deep",
        "artifacts/deep/figures.csv%00",
    ] {
        let response = get(&running, &format!("{base}/{path}")).await;
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
        assert!(!response.text().await.unwrap().contains("secret"), "{path}");
    }
    assert_eq!(get(&running, "/api/blob/runs/zz/artifacts/x").await.status(), StatusCode::BAD_REQUEST);
}

/// A hostile file must not act with the right of who reads it, by whichever way a browser takes it for a page.
#[tokio::test]
async fn what_other_programs_wrote_is_sent_so_that_nothing_of_it_acts() {
    let running = Running::start().await;
    let run = run(&running).await;
    for (path, kind) in [
        (format!("/api/blob/media/{run}?key=page.html"), "text/html"),
        (format!("/api/blob/media/{run}?key=drawing.svg"), "image/svg+xml"),
        (format!("/api/blob/media/{run}/whole?key=page.html"), "text/html"),
        (format!("/api/blob/media/{run}?key=video.mp4"), "video/mp4"),
        (format!("/api/blob/runs/{run}/artifacts/page.html"), "text/html"),
        (format!("/api/blob/runs/{run}/artifacts/drawing.svg"), "image/svg+xml"),
        (format!("/api/blob/runs/{run}/artifacts/deep/figures.csv"), "text/csv"),
    ] {
        let response = get(&running, &path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers();
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{path}: {headers:?}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers.get_all("content-security-policy").iter().count(), 1, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
        // The sandbox allows nothing: neither scripts nor our origin.
        for directive in ["sandbox", "default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"] {
            assert!(directives.contains(&directive), "{path}: {policy}");
        }
        assert!(!policy.contains("script-src") && !policy.contains("'self'"), "{path}: {policy}");
        // Without the token nobody gets it, and no address carries one.
        let open = running.http.get(running.url(&path)).send().await.unwrap();
        assert_eq!(open.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let of_video = running.url(&format!("/api/blob/media/{run}?key=video.mp4"));
    let part = running.http.get(of_video).bearer_auth(running.token()).header("range", "bytes=4-7").send();
    let part = part.await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        (&part.headers()["content-type"], &part.headers()["accept-ranges"]),
        (&"video/mp4".parse().unwrap(), &"bytes".parse().unwrap())
    );
    assert_eq!(part.text().await.unwrap(), "ftyp");
    let whole = get(&running, &format!("/api/blob/media/{run}/whole?key=page.html")).await;
    assert_eq!(whole.status(), 200);
    assert!(!whole.bytes().await.unwrap().is_empty());
    let none = get(&running, &format!("/api/blob/media/{run}/whole?key=none")).await;
    assert_eq!(none.status(), 404);
    let not_one = get(&running, &format!("/api/blob/media/{run}?key=false.mp4")).await;
    assert_eq!(not_one.status(), StatusCode::BAD_REQUEST);
    for path in [format!("/api/blob/media/{run}"), format!("/api/blob/media/{run}/whole?key=page.html&step=x")] {
        let wrong = get(&running, &path).await;
        assert_eq!(wrong.status(), StatusCode::BAD_REQUEST, "{path}");
        let refusal: ApiError = wrong.json().await.unwrap();
        assert!(refusal.message.contains("parameters"), "{path}: {refusal:?}");
    }
}

#[tokio::test]
async fn files_of_a_clients_version_come_and_what_lies_beside_them_does_not() {
    let running = Running::start().await;
    let (run, engine) = (run(&running).await, &running.host.engine);
    registry::create(engine, "churn", None, Vec::new()).await.unwrap();
    let source = format!("runs:/{run}/deep");
    let new = NewVersion { source, run: Some(run.to_string()), ..NewVersion::default() };
    let version = registry::add_version(engine, "churn", new).await.unwrap().id;
    std::fs::write(engine.workspace().run(run).join("artifacts/beside.txt"), "secret").unwrap();
    let base = format!("/api/blob/versions/{version}");
    assert_eq!(get(&running, &format!("{base}/figures.csv")).await.text().await.unwrap(), "0123456789");
    for path in ["beside.txt", "..%2fbeside.txt", "%2e%2e/beside.txt", "deep/figures.csv", "%2fetc%2fpasswd"] {
        let response = get(&running, &format!("{base}/{path}")).await;
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
        assert!(!response.text().await.unwrap().contains("secret"), "{path}");
    }
    assert_eq!(get(&running, "/api/blob/versions/zz/figures.csv").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn files_of_a_logged_model_come_and_what_lies_beside_them_does_not() {
    let running = Running::start().await;
    let engine = &running.host.engine;
    let experiment = ask(&running, CreateExperiment { name: "e".to_owned(), folder: String::new() }).await;
    let id = logged::create(engine, &experiment, logged::New::default()).await.unwrap().0.id;
    let folder = engine.workspace().logged(&id);
    std::fs::create_dir_all(folder.join("artifacts/deep")).unwrap();
    std::fs::write(folder.join("artifacts/deep/model.txt"), "0123456789").unwrap();
    std::fs::write(folder.join("beside.txt"), "secret").unwrap();
    let base = format!("/api/blob/logged/{id}");
    assert_eq!(get(&running, &format!("{base}/deep/model.txt")).await.text().await.unwrap(), "0123456789");
    for path in ["beside.txt", "..%2fbeside.txt", "%2e%2e/beside.txt", "deep", "%2fetc%2fpasswd"] {
        let response = get(&running, &format!("{base}/{path}")).await;
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
        assert!(!response.text().await.unwrap().contains("secret"), "{path}");
    }
    for model in ["m-none", "..", "..%2fruns"] {
        let response = get(&running, &format!("/api/blob/logged/{model}/deep/model.txt")).await;
        assert!(response.status().is_client_error(), "{model}: {}", response.status());
    }
}

#[tokio::test]
async fn pictures_of_a_snapshot_come_by_their_names_only() {
    let running = Running::start().await;
    let (project, _) = project(&running, DataKind::Images).await;
    let job = ask(&running, TakeSnapshot { project, message: None }).await;
    let job = running.host.engine.jobs().wait(&running.host.engine, job.id).await.unwrap();
    assert_eq!(job.state, JobState::Done, "{:?}", job.error);
    let Subject::Snapshot(snapshot) = job.subject else { panic!("{:?}", job.subject) };
    let picture =
        async |snapshot: SnapshotId, path: &str| get(&running, &format!("/api/blob/snapshots/{snapshot}/{path}")).await;
    let one = picture(snapshot, "data/cats/one%201.png").await;
    assert_eq!((one.status(), one.headers()["content-type"].clone()), (StatusCode::OK, "image/png".parse().unwrap()));
    assert_eq!(one.bytes().await.unwrap().as_ref(), PIXEL);
    for path in ["data/cats/none.png", "..%2f..%2fsecret.txt", "data/cats/..%2f..%2f..%2fsecret.txt", "data/cats"] {
        let response = picture(snapshot, path).await;
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
    }
    assert_eq!(picture(SnapshotId::from_bytes([7; 16]), "data/cats/one%201.png").await.status(), StatusCode::NOT_FOUND);
}
