//! MLflow's protocol, judged by its own unchanged client (see `tests/mlflow`), and what is refused at its door.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use api::{
    host::{GetSettings, PutSettings, Settings},
    media::{ListMedia, MediumKind},
    run::{GetNested, GetRun, ListRuns, RunState},
    search::{SEARCH_TAG, Search, SearchState},
    tracking::{GetTracking, ListExperiments, RenewTracking},
};
use journeys::{
    host::{Host, environment, program},
    process::read,
    skipped::skipped,
};

/// The Python that has MLflow's client; `cargo xtask test` makes it.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("SLIPWAY_MLFLOW").map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        skipped("SLIPWAY_MLFLOW names no Python with MLflow's client; `cargo xtask test` sets it");
    }
    found
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mlflow")
}

async fn host(folder: &Path) -> Result<Option<(Host, PathBuf)>> {
    let (Some(slipway), Some(python)) = (program("SLIPWAY_BIN"), python()) else { return Ok(None) };
    Ok(Some((Host::start(&slipway, folder).await?, python)))
}

fn run(python: &Path, folder: &Path, script: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(python);
    command.arg(scripts().join(script)).args(arguments).current_dir(folder);
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true").env("HOME", folder);
    read(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unchanged_client_gets_what_it_gets_from_its_own_server() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some((host, python)) = host(folder.path()).await? else { return Ok(()) };
    let address = host.client().await?.call(GetTracking::default()).await?.address;
    let beside = folder.path().to_string_lossy();
    let said = run(&python, folder.path(), "judge.py", &[&address, "--beside", &beside]);
    let said = said.context("the judge found differences")?;
    let last = said.lines().rev().find(|line| line.contains(" ok, ")).unwrap_or_default();
    assert!(last.contains(" 0 failed"), "{last}");
    let recorded = scripts().join("search.json");
    run(&python, folder.path(), "search.py", &[&address, "--compare", &recorded.to_string_lossy()])
        .context("searches are answered otherwise")?;
    media(&host, said.contains("ok artifacts_of_kinds: figure")).await.context("what the client logged at a step")
}

/// What `artifacts_of_kinds` logged stands among its run's media.
async fn media(host: &Host, has_figure: bool) -> Result<()> {
    let client = host.client().await?;
    let all = client.call(ListExperiments::default()).await?;
    let experiment =
        all.iter().find(|one| one.name.starts_with("judge-kinds-")).context("no experiment of the kinds")?;
    let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
    let run = client.call(request).await?.rows.first().context("no run of the kinds")?.id;
    let keys = client.call(ListMedia::of(run)).await?.keys;
    let mut wanted = vec![
        ("image.png", MediumKind::Image, 0),
        ("seen/at", MediumKind::Image, 3),
        ("table.json", MediumKind::Table, 0),
        ("texts/a.txt", MediumKind::Text, 0),
    ];
    if has_figure {
        wanted.push(("figure.png", MediumKind::Image, 0));
    }
    for (key, kind, step) in wanted {
        let found = keys.iter().any(|of| of.key == key && of.kind == kind && of.steps == [step]);
        anyhow::ensure!(found, "{key} at step {step} is not in {keys:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_store_is_what_the_server_has() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some((host, python)) = host(folder.path()).await? else { return Ok(()) };
    let address = host.client().await?.call(GetTracking::default()).await?.address;
    let (program, to) = (program("SLIPWAY_BIN").context("find slipway")?, folder.path().join("exported"));
    let mut command = Command::new(python);
    environment(&mut command, folder.path());
    command.arg(scripts().join("exported.py")).arg(address).arg(program).arg(&to);
    let said = read(&mut command).context("what was exported is not what the server has")?;
    assert!(said.contains("3 runs, 108 points, 2 artifacts and 2 versions are the same"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_opens_mlflows_routes_alone_and_only_with_its_token() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(slipway) = program("SLIPWAY_BIN") else { return Ok(()) };
    let host = Host::start(&slipway, folder.path()).await?;
    let client = host.client().await?;
    let tracking = client.call(GetTracking::default()).await?;
    let token_of = |address: &str| address.split([':', '@']).nth(2).map(ToOwned::to_owned);
    let token = token_of(&tracking.address).context("the address has a token")?;
    let base = format!("http://127.0.0.1:{}", tracking.port);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let search = format!("{base}/api/2.0/mlflow/experiments/search?max_results=10");
    let ask = async |token: Option<&str>, header: Option<(&str, &str)>| -> Result<u16> {
        let mut request = http.get(&search);
        if let Some(token) = token {
            request = request.basic_auth("slipway", Some(token));
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        Ok(request.send().await?.status().as_u16())
    };
    assert_eq!(ask(Some(&token), None).await?, 200);
    assert_eq!(ask(None, None).await?, 401);
    assert_eq!(ask(Some("wrong"), None).await?, 401);
    assert_eq!(ask(Some(&token), Some(("host", "evil.example"))).await?, 403);
    assert_eq!(ask(Some(&token), Some(("origin", "https://evil.example"))).await?, 403);
    assert_eq!(http.get(format!("{base}/health")).send().await?.text().await?, "OK");
    // It opens nothing of ours, and ours opens nothing there.
    let call = format!("{base}/api/call");
    let body = serde_json::json!({ "method": "host.get", "params": {} });
    let asked = http.post(&call).basic_auth("slipway", Some(&token)).json(&body).send().await?;
    assert_eq!(asked.status().as_u16(), 404);
    let ours = http.post(format!("{}/api/call", client.host().address)).bearer_auth(&token).json(&body).send().await?;
    assert_eq!(ours.status().as_u16(), 401);

    // Renewed, the address that was copied opens nothing any more.
    let renewed = client.call(RenewTracking {}).await?;
    assert_ne!(renewed.address, tracking.address);
    assert_eq!(ask(Some(&token), None).await?, 401);
    // Without a token other sites are refused all the same.
    let settings = client.call(GetSettings {}).await?;
    client.call(PutSettings { settings: Settings { tracking_open: true, ..settings } }).await?;
    assert_eq!(ask(None, None).await?, 200);
    assert_eq!(ask(None, Some(("host", "evil.example"))).await?, 403);
    assert_eq!(ask(None, Some(("origin", "https://evil.example"))).await?, 403);
    assert_eq!(client.call(ListExperiments::default()).await?[0].name, "Default");
    // The next host keeps the token, whatever port it finds.
    host.stop().await?;
    let host = Host::start(&slipway, folder.path()).await?;
    let kept = host.client().await?.call(GetTracking::default()).await?;
    assert_eq!(token_of(&kept.address), token_of(&renewed.address));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_programs_hyperparameters_are_searched() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some((host, python)) = host(folder.path()).await? else { return Ok(()) };
    let Some(slipway) = program("SLIPWAY_BIN") else { return Ok(()) };
    let project = folder.path().join("pro ject");
    std::fs::create_dir(&project)?;
    std::fs::write(project.join("slipway.toml"), "name = \"bowl\"\n")?;
    std::fs::write(
        project.join("train.py"),
        "import sys, time, mlflow\n\
         x = float(sys.argv[1].removeprefix('--x='))\n\
         with mlflow.start_run():\n\
         \x20   mlflow.log_param('x', x)\n\
         \x20   for step in range(1, 9):\n\
         \x20       mlflow.log_metric('loss', (x - 0.5) ** 2 + 1 / step, step=step)\n\
         \x20       time.sleep(0.1)\n",
    )?;
    let python = python.to_string_lossy().into_owned();
    let slipway = |arguments: &[&str]| {
        let mut command = Command::new(&slipway);
        command.arg("--json").args(arguments).current_dir(&project).env("MLFLOW_DISABLE_TELEMETRY", "true");
        environment(&mut command, folder.path());
        read(&mut command)
    };
    slipway(&["project", "show"])?;
    let judged = ["search", "start", "--name", "bowl", "--metric", "loss", "--goal", "min", "--method", "grid"];
    let tried = ["--try", "x=0.0,0.5,1.0", "--parallel", "2", "--trials", "9", "--", &python, "train.py", "--x=${x}"];
    let found: Search = serde_json::from_str(&slipway(&[&judged[..], &tried].concat())?)?;
    assert_eq!((found.state, found.planned, found.counted()), (SearchState::Finished, 3, 3), "{found:?}");
    let best = found.best_trial().context("a trial is the best")?;
    assert_eq!((best.values["x"].to_string(), best.value, best.step), ("0.5".to_owned(), Some(0.125), Some(8)));
    // What the client in it logged stands on the trial itself, which its program ended.
    let trial = host.client().await?.call(GetRun { run: best.run }).await?;
    let loss = trial.metrics.iter().find(|series| series.key == "loss").context("the loss is the trial's")?;
    assert_eq!((trial.state, trial.exit_code, loss.last, loss.count), (RunState::Finished, Some(0), 0.125, 8));
    assert_eq!(host.client().await?.call(GetNested { run: best.run }).await?.total, 0);
    assert_eq!((trial.params["x"].as_str(), trial.tags[SEARCH_TAG].as_str()), ("0.5", found.id.to_string().as_str()));
    assert_eq!(trial.command.as_deref().and_then(<[String]>::last).map(String::as_str), Some("--x=0.5"));

    // The client sees the trials below the run that is the search.
    let address = host.client().await?.call(GetTracking::default()).await?.address;
    let own = found.run.context("the search is a run")?.to_string();
    let told = run(Path::new(&python), folder.path(), "nested.py", &[&address, &own])?;
    assert_eq!(told.trim(), "FINISHED 0.0,0.5,1.0 0.125 [0.0, 0.5, 1.0]");

    let unsearched = slipway(&["search", "start", "--metric", "loss", "--goal", "min", "--try", "y=1,2", "--", "true"]);
    let error = unsearched.unwrap_err().to_string();
    assert!(error.contains("The command has no `${y}`"), "{error}");
    Ok(())
}
