//! This machine as a target: one supervised `slipway-serving` process a deployment, no image.
//!
//! The process outlives the host. What it is stands in `deployments/ID/process.json`, by which the
//! next host adopts it; after a reboot it is started again at the same port.
//!
//! An update starts the new version beside the old one. On Unix it takes the old one's listening socket
//! over once it has loaded its model (`--handover`): both answer at one address, then the old one takes no
//! more connections and answers what it has, so that no request is refused or cut off. Elsewhere, and
//! where the one that runs is of an older Slipway, the new version is proved at a port of its own before
//! the old one ends and the new one takes its port: requests in between are refused, and the plan says
//! so. Either way a version that can't start changes nothing.

mod event_file;
mod log_file;
mod process_files;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use api::{
    DeploymentId, ErrorCode,
    deploy::{Capability, DeploymentEvent, DiffLine, Instance, LogLines, ObjectDiff, TargetCheck},
};
use async_trait::async_trait;
use engine::{
    ports::{AWAITS_PROGRAM, Connection, Port, PortError, Result, Steps, Target, TargetPlan, Wanted},
    process::{self, ProcessId},
};
use serde::Deserialize;

use crate::{
    http, outside,
    this_machine::{
        event_file::EventFile,
        process_files::{ProcessFiles, ServingProcess, process_name},
    },
};

/// Loading a model takes longest; beyond this it hangs.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that a request may take; what ends has as long to answer its last ones, and a second more
/// to say that it took too long. Its log stays on the disk.
const REQUEST: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(31);
/// Until it is ended by force: the drain, idle connections, and the last rows of its log.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// The socket by which a listening port is handed over, in the deployment's folder, where the process
/// runs: a whole path may be longer than such a name can be.
const HANDOVER: &str = "handover";
/// For so long a port may be held by a process that is ending, or by somebody's short connection.
const PORT_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(25);

pub struct ThisMachine {
    /// `deployments` in the workspace.
    folder: PathBuf,
    /// `slipway-serving` for this machine, if there is one.
    program: Option<PathBuf>,
    http: reqwest::Client,
}

/// What the serving process writes once it answers.
#[derive(Debug, Deserialize)]
struct ReadyFile {
    listen: std::net::SocketAddr,
    control: std::net::SocketAddr,
}

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// To see that it loads the model and answers; it logs nothing.
    Proof,
    /// Takes the port of the one that runs over, where that one hands it over.
    Serving,
}

/// The words of this machine's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Started,
    Restarted,
    /// By us.
    Stopped,
    /// By itself, by a person, or with the machine.
    Ended,
    NotStarted,
}

impl ThisMachine {
    pub fn new(workspace: &Path, program: Option<PathBuf>) -> Result<Self> {
        Ok(Self { folder: workspace.join("deployments"), program, http: http::loopback()? })
    }

    fn folder_of(&self, deployment: DeploymentId) -> PathBuf {
        self.folder.join(deployment.to_string())
    }

    fn files(&self, deployment: DeploymentId) -> ProcessFiles {
        ProcessFiles::new(self.folder_of(deployment))
    }

    fn read(&self, deployment: DeploymentId) -> Option<ServingProcess> {
        self.files(deployment).read()
    }

    fn write(&self, deployment: DeploymentId, state: &ServingProcess) -> Result<()> {
        self.files(deployment).write(state)
    }

    fn program(&self) -> Result<&Path> {
        match &self.program {
            Some(program) if program.is_file() => Ok(program),
            Some(program) => Err(no_program(&format!("{} is gone", program.display()))),
            None => Err(no_program("there is no slipway-serving beside this program")),
        }
    }

    fn is_being_built(&self) -> bool {
        self.program.as_deref().is_some_and(outside::is_being_built)
    }

    /// Why nothing can be served here; nothing while the program is being built, which is waited for.
    fn problem(&self) -> Option<PortError> {
        if self.is_being_built() { None } else { self.program().err() }
    }

    /// Waits for the program where it is being built, until `stop`.
    async fn built(&self, stop: impl Fn() -> bool) {
        if let Some(program) = &self.program {
            outside::await_built(program, outside::BUILD_PATIENCE, stop).await;
        }
    }

    /// The token that the control port asks for; made once, readable by the user only.
    fn token_file(&self, deployment: DeploymentId) -> Result<PathBuf> {
        let path = self.folder_of(deployment).join("token");
        if !path.exists() {
            let text = random_hex::<32>()?;
            let written = tempfile::NamedTempFile::new_in(self.folder_of(deployment)).and_then(|file| {
                fs::write(file.path(), text)?;
                file.persist(&path).map(|_| ()).map_err(|error| error.error)
            });
            written.map_err(|error| disk("write", &path, &error))?;
        }
        Ok(path)
    }

    /// Enters what happened to a process of the deployment.
    fn happened(&self, deployment: DeploymentId, object: String, reason: Reason, message: String) {
        EventFile::new(&self.folder_of(deployment)).add(DeploymentEvent {
            object,
            reason: format!("{reason:?}"),
            message,
            warning: matches!(reason, Reason::Ended | Reason::NotStarted),
            count: 1,
            at_ms: now_ms(),
        });
    }

    /// Starts a process, waits until it answers, and enters how that went. `port` 0 takes any free one.
    async fn start(&self, wanted: &Wanted, port: u16, restarts: u32, use_for: Use) -> Result<ServingProcess> {
        let started = self.launch(wanted, port, restarts, use_for).await;
        match &started {
            Ok(found) if use_for == Use::Serving => {
                let reason = if restarts > 0 { Reason::Restarted } else { Reason::Started };
                let message = format!("Version {} answers at {}", found.version_number, found.serving);
                self.happened(wanted.deployment, found.name(), reason, message);
            }
            Ok(_) => {}
            Err(failure) => {
                let object = format!("version {}", wanted.version_number);
                self.happened(wanted.deployment, object, Reason::NotStarted, failure.error.message.clone());
            }
        }
        started
    }

    /// Ends a process that another one replaces.
    async fn stop_replaced(&self, wanted: &Wanted, running: &ServingProcess) {
        process::stop(running.process(), STOP_PATIENCE).await;
        let message = format!("Version {} made way for version {}", running.version_number, wanted.version_number);
        self.happened(wanted.deployment, running.name(), Reason::Stopped, message);
    }

    async fn launch(&self, wanted: &Wanted, port: u16, restarts: u32, use_for: Use) -> Result<ServingProcess> {
        self.built(|| false).await;
        let program = self.program()?;
        let folder = self.folder_of(wanted.deployment);
        let bundle = wanted.bundle.as_deref().ok_or_else(|| {
            PortError::permanent(ErrorCode::Internal, format!("{} has no model folder to serve", wanted.name))
        })?;
        let requests = folder.join("requests");
        fs::create_dir_all(&requests).map_err(|error| disk("make", &requests, &error))?;
        // Of this start only: one that ends removes its own, whenever that is.
        let ready_file = folder.join(format!("ready-{}.json", random_hex::<4>()?));
        let log = folder.join("serving.log");
        if let Err(error) = log_file::shorten(&log, log_file::LONGEST_BYTES) {
            tracing::warn!(%error, log = %log.display(), "a long log can't begin anew");
        }
        let output =
            File::options().create(true).append(true).open(&log).map_err(|error| disk("write", &log, &error))?;
        let errors = output.try_clone().map_err(|error| disk("write", &log, &error))?;
        let mut command = tokio::process::Command::new(program);
        command
            .arg("--bundle")
            .arg(bundle)
            .args(["--listen", &format!("127.0.0.1:{port}"), "--control", "127.0.0.1:0"])
            .arg("--ready-file")
            .arg(&ready_file)
            .arg("--token-file")
            .arg(self.token_file(wanted.deployment)?)
            .args(["--allowed-hosts", "127.0.0.1,localhost,[::1]"])
            .args(["--log-share", &wanted.log_share.to_string(), "--log-days", &wanted.log_days.to_string()])
            .args(["--not-logged", &serde_json::json!(wanted.not_logged).to_string()])
            .args(["--name", &wanted.model_name, "--version-number", &wanted.version_number.to_string()])
            .args(["--timeout-secs", &REQUEST.as_secs().to_string()])
            .args(["--drain-secs", &DRAIN.as_secs().to_string()]);
        if use_for == Use::Serving {
            command.arg("--log-dir").arg(&requests);
        }
        let hands_over = cfg!(unix) && use_for == Use::Serving;
        if hands_over {
            command.args(["--handover", HANDOVER]);
        }
        command.stdin(Stdio::null()).stdout(output).stderr(errors).current_dir(&folder).kill_on_drop(false);
        apart(&mut command);
        let mut child =
            command.spawn().map_err(|error| no_program(&format!("{} can't be started: {error}", program.display())))?;
        let pid = child.id().unwrap_or_default();
        let started_ms = process::started_ms(pid).unwrap_or_default();
        if let Err(failure) = self.files(wanted.deployment).begin(ProcessId { pid, started_ms }) {
            // Entered nowhere, nobody would ever end it.
            process::stop(ProcessId { pid, started_ms }, Duration::ZERO).await;
            return Err(failure);
        }
        let until = tokio::time::Instant::now() + READY_TIMEOUT;
        loop {
            if let Some(ready) =
                fs::read(&ready_file).ok().and_then(|bytes| serde_json::from_slice::<ReadyFile>(&bytes).ok())
            {
                let _ = fs::remove_file(&ready_file);
                tokio::spawn(bury(child, folder, wanted.version_number));
                return Ok(ServingProcess {
                    pid,
                    started_ms,
                    version_number: wanted.version_number,
                    serving: format!("http://{}", ready.listen),
                    control: format!("http://{}", ready.control),
                    log_share: wanted.log_share,
                    log_days: wanted.log_days,
                    not_logged: wanted.not_logged.clone(),
                    restarts,
                    quick_ends: 0,
                    hands_over,
                    replaces: None,
                });
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.not_ready(wanted, &format!("it {}", how(status))));
            }
            if tokio::time::Instant::now() >= until {
                process::stop(ProcessId { pid, started_ms }, Duration::ZERO).await;
                return Err(self.not_ready(wanted, &format!("it did not answer within {} s", READY_TIMEOUT.as_secs())));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn not_ready(&self, wanted: &Wanted, why: &str) -> PortError {
        let log = self.folder_of(wanted.deployment).join("serving.log");
        let said = log_file::tail(&log, 3).join(" ");
        let said = if said.is_empty() { String::new() } else { format!(" It said: {said}") };
        PortError::permanent(
            ErrorCode::Internal,
            format!("The serving process of {} v{} did not start: {why}.{said}", wanted.name, wanted.version_number),
        )
        .with_hint(format!("Its output is in {}.", log.display()))
    }

    /// A port that it had is taken again where it is free; a fixed one must be.
    async fn start_at(&self, wanted: &Wanted, last: Option<&ServingProcess>, restarts: u32) -> Result<ServingProcess> {
        let port = wanted.port.or_else(|| last.and_then(ServingProcess::port)).unwrap_or(0);
        if port != 0
            && let Err(error) = free_again(port).await
        {
            if wanted.port.is_some() {
                return Err(PortError::permanent(
                    ErrorCode::Conflict,
                    format!("Port {port} is taken by another program: {error}"),
                )
                .with_hint("Choose another port, or leave it out to take any free one."));
            }
            return self.start(wanted, 0, restarts, Use::Serving).await;
        }
        self.start(wanted, port, restarts, Use::Serving).await
    }

    /// Starts the new version, has it take over, and ends the old one after its last answer. A killed host
    /// leaves in `process.json` which one is still to be ended.
    async fn hand_over(&self, wanted: &Wanted, running: &ServingProcess, steps: &dyn Steps) -> Result<()> {
        steps.begin(
            &format!(
                "Start version {} beside version {} and wait until it answers",
                wanted.version_number, running.version_number
            ),
            "both answer until the new one does alone",
        );
        let same_port = wanted.port.is_none() || wanted.port == running.port();
        let started = if same_port {
            self.start(wanted, running.port().unwrap_or(0), 0, Use::Serving).await?
        } else {
            self.start_at(wanted, Some(running), 0).await?
        };
        let replaces = Some(running.process().into());
        if let Err(failure) = self.write(wanted.deployment, &ServingProcess { replaces, ..started.clone() }) {
            // Entered nowhere, it would answer beside the old one for as long as that lives.
            process::stop(started.process(), STOP_PATIENCE).await;
            return Err(failure);
        }
        steps.begin(
            &format!("Stop version {}", running.version_number),
            &format!("it answers its last requests, {} s at the most", DRAIN.as_secs()),
        );
        self.stop_replaced(wanted, running).await;
        if let Err(failure) = self.write(wanted.deployment, &started) {
            // The new one answers alone; that the old one ended is found out again later.
            tracing::warn!(%failure, "the end of a replaced process can't be written");
        }
        Ok(())
    }

    /// Proves the new version, ends the old one, and starts the new one at its port.
    async fn replace(&self, wanted: &Wanted, running: &ServingProcess, steps: &dyn Steps) -> Result<()> {
        steps.begin("Prove the new version", "started beside the one that serves");
        let proof = self.start(wanted, 0, 0, Use::Proof).await?;
        process::stop(proof.process(), STOP_PATIENCE).await;
        steps.begin("Take over", &format!("version {} answers its last requests", running.version_number));
        self.stop_replaced(wanted, running).await;
        let started = self.start_at(wanted, Some(running), 0).await?;
        self.write(wanted.deployment, &started)
    }

    /// Ends what a killed host left: a process half started, or one that was replaced.
    async fn tidy(&self, deployment: DeploymentId) -> Result<()> {
        self.files(deployment).end_half_started(STOP_PATIENCE).await;
        let Some(known) = self.read(deployment) else { return Ok(()) };
        let Some(replaced) = known.replaces else { return Ok(()) };
        process::stop(replaced.into(), STOP_PATIENCE).await;
        self.write(deployment, &ServingProcess { replaces: None, ..known })
    }
}

#[async_trait]
impl Target for ThisMachine {
    fn capability(&self) -> Capability {
        let mut reasons =
            vec!["One process serves on this machine; it uses every core, so more of them gain nothing.".to_owned()];
        if self.is_being_built() {
            reasons.push("The serving program is still being built: what is deployed here waits for it.".to_owned());
        }
        reasons.extend(self.problem().map(|error| error.error.to_string()));
        Capability { needs_image: false, replicas: false, diff: true, logs: true, reasons }
    }

    async fn check(&self) -> Result<TargetCheck> {
        let program = if self.is_being_built() {
            "its serving program is still being built, and awaited where it is needed".to_owned()
        } else {
            format!("with {}", self.program()?.display())
        };
        Ok(TargetCheck {
            ok: true,
            message: format!("This machine, {}/{}, {program}", std::env::consts::OS, std::env::consts::ARCH),
            hint: None,
            namespaces: Vec::new(),
        })
    }

    async fn plan(&self, wanted: &Wanted) -> Result<TargetPlan> {
        let running = self.read(wanted.deployment).filter(ServingProcess::is_alive);
        let line = |sign, text: String| DiffLine { sign, text };
        let describe = |version: u32, share: f64, days: u32, not_logged: &[String]| {
            let without =
                if not_logged.is_empty() { String::new() } else { format!(", without {}", not_logged.join(", ")) };
            format!("version {version}, {} of requests logged for {days} days{without}", percent(share))
        };
        let now = describe(wanted.version_number, wanted.log_share, wanted.log_days, &wanted.not_logged);
        let mut steps = Vec::new();
        let (action, lines) = match &running {
            Some(found) if found.serves(wanted) => ("unchanged", vec![line(' ', now)]),
            Some(found) => {
                steps.extend(update_steps(wanted, found));
                let before = describe(found.version_number, found.log_share, found.log_days, &found.not_logged);
                ("change", vec![line('-', before), line('+', now)])
            }
            None => {
                let place = wanted.port.map_or("a free port".to_owned(), |port| format!("port {port}"));
                steps.push(format!("Start a serving process at {place} of 127.0.0.1 and wait until it answers"));
                ("create", vec![line('+', now)])
            }
        };
        if self.is_being_built() && !steps.is_empty() {
            steps.insert(0, AWAITS_PROGRAM.to_owned());
        }
        let mut warnings = Vec::new();
        if wanted.replicas > 1 {
            warnings.push(format!("This machine runs one process: {} replicas are ignored.", wanted.replicas));
        }
        if wanted.cpu_millis.is_some() || wanted.memory_mb.is_some() {
            warnings.push("Limits of CPU and memory are ignored on this machine.".to_owned());
        }
        if action != "unchanged" {
            steps.push("After a restart of this machine it answers again once Slipway is opened".to_owned());
        }
        let diff = vec![ObjectDiff { object: wanted.name.clone(), action: action.to_owned(), lines }];
        Ok(TargetPlan { steps, diff, warnings, blocked: self.problem().map(|error| error.error) })
    }

    async fn apply(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()> {
        let folder = self.folder_of(wanted.deployment);
        fs::create_dir_all(&folder).map_err(|error| disk("make", &folder, &error))?;
        self.tidy(wanted.deployment).await?;
        let last = self.read(wanted.deployment);
        let is_there = last.as_ref().is_some_and(|found| found.is_alive() && found.serves(wanted));
        if !is_there && self.is_being_built() {
            steps.begin(AWAITS_PROGRAM, "");
            self.built(|| steps.is_cancelled()).await;
            if steps.is_cancelled() {
                let why = "It was cancelled before anything was applied.";
                return Err(PortError::permanent(ErrorCode::Cancelled, why));
            }
        }
        match last.as_ref().filter(|found| found.is_alive()) {
            Some(running) if running.serves(wanted) => Ok(()),
            Some(running) if running.hands_over => self.hand_over(wanted, running, steps).await,
            Some(running) => self.replace(wanted, running, steps).await,
            None => {
                steps.begin("Start the serving process and wait until it answers", "");
                let started = self.start_at(wanted, last.as_ref(), 0).await?;
                steps.detail(&started.serving);
                self.write(wanted.deployment, &started)
            }
        }
    }

    async fn wait(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()> {
        steps.begin("See that it answers", "");
        let until = tokio::time::Instant::now() + READY_TIMEOUT;
        loop {
            let Some(found) = self.read(wanted.deployment).filter(ServingProcess::is_alive) else {
                return Err(self.not_ready(wanted, "it is gone"));
            };
            let health = self.http.get(format!("{}/v2/health/ready", found.serving)).send().await;
            if health.is_ok_and(|answer| answer.status().is_success()) {
                steps.detail(&found.serving);
                return Ok(());
            }
            if tokio::time::Instant::now() >= until {
                return Err(self.not_ready(wanted, "it is not ready"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn keep(&self, wanted: &Wanted) -> Result<bool> {
        let last = self.read(wanted.deployment);
        if let Some(last) = last.as_ref().filter(|last| last.is_alive()) {
            // A host was killed between the two.
            if last.replaces.is_some() {
                self.tidy(wanted.deployment).await?;
            }
            return Ok(false);
        }
        let now = now_ms();
        if last.as_ref().is_some_and(|last| last.next_start_ms(now) > now) {
            return Ok(false);
        }
        let folder = self.folder_of(wanted.deployment);
        fs::create_dir_all(&folder).map_err(|error| disk("make", &folder, &error))?;
        self.tidy(wanted.deployment).await?;
        if let Some(last) = last.as_ref().filter(|last| last.pid != 0 && !was_seen_ending(&folder, last)) {
            let message = format!("Version {} no longer ran; it is started again", last.version_number);
            self.happened(wanted.deployment, last.name(), Reason::Ended, message);
        }
        let restarts = last.as_ref().map_or(0, |last| last.restarts) + 1;
        let quick_ends = last.as_ref().map_or(0, |last| last.quick_ends_at(now)) + 1;
        match self.start_at(wanted, last.as_ref(), restarts).await {
            Ok(started) => {
                self.write(wanted.deployment, &ServingProcess { quick_ends, ..started })?;
                Ok(true)
            }
            Err(failure) => {
                // The next try waits longer than this one did.
                if let Some(last) = last {
                    let failed = ServingProcess { pid: 0, started_ms: now, restarts, quick_ends, ..last };
                    self.write(wanted.deployment, &failed)?;
                }
                Err(failure)
            }
        }
    }

    async fn scale(&self, wanted: &Wanted, replicas: u32) -> Result<()> {
        if replicas == 1 {
            return Ok(());
        }
        Err(PortError::permanent(
            ErrorCode::Unsupported,
            format!("{} can't have {replicas} replicas: one process serves on this machine", wanted.name),
        )
        .with_hint("Deploy to a cluster for more, or delete the deployment to stop it."))
    }

    async fn instances(&self, deployment: DeploymentId, _name: &str) -> Result<Vec<Instance>> {
        let Some(found) = self.read(deployment) else { return Ok(Vec::new()) };
        let alive = found.is_alive();
        let ready = alive
            && self
                .http
                .get(format!("{}/v2/health/ready", found.serving))
                .timeout(Duration::from_secs(2))
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success());
        let mut said = log_file::tail(&self.folder_of(deployment).join("serving.log"), 1).pop();
        let now = now_ms();
        let waits_ms = found.next_start_ms(now) - now;
        if !alive && waits_ms > 0 {
            let ended = format!(
                "It ended {} times in a row and is started again in {} s.",
                found.quick_ends,
                waits_ms / 1000 + 1
            );
            said = Some(said.map_or(ended.clone(), |said| format!("{ended} It said: {said}")));
        }
        Ok(vec![Instance {
            name: found.name(),
            version_number: Some(found.version_number),
            ready,
            state: if alive { "Running" } else { "Ended" }.to_owned(),
            reason: if ready { None } else { said },
            restarts: found.restarts,
            started_ms: alive.then_some(found.started_ms),
        }])
    }

    async fn address(&self, deployment: DeploymentId, _name: &str) -> Result<Option<String>> {
        Ok(self.read(deployment).map(|found| found.serving))
    }

    async fn logs_after(
        &self,
        deployment: DeploymentId,
        _name: &str,
        _instance: Option<&str>,
        after: Option<&str>,
        lines: u32,
    ) -> Result<LogLines> {
        let log = self.folder_of(deployment).join("serving.log");
        let (lines, end) = log_file::after(&log, after.and_then(|after| after.parse().ok()), lines as usize);
        Ok(LogLines { lines, end: end.to_string() })
    }

    async fn events(&self, deployment: DeploymentId, _name: &str) -> Result<Vec<DeploymentEvent>> {
        Ok(EventFile::new(&self.folder_of(deployment)).read())
    }

    async fn delete(&self, deployment: DeploymentId, _name: &str) -> Result<()> {
        self.tidy(deployment).await?;
        if let Some(found) = self.read(deployment) {
            process::stop(found.process(), STOP_PATIENCE).await;
        }
        let folder = self.folder_of(deployment);
        match fs::remove_dir_all(&folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(disk("delete", &folder, &error)),
        }
    }

    async fn connect(
        &self,
        deployment: DeploymentId,
        name: &str,
        _instance: Option<&str>,
        port: Port,
    ) -> Result<Box<dyn Connection>> {
        let Some(found) = self.read(deployment).filter(ServingProcess::is_alive) else {
            return Err(PortError::temporary(
                ErrorCode::Unreachable,
                format!("The serving process of {name} doesn't run"),
            )
            .with_hint("Slipway starts it again while its host runs; look at its log."));
        };
        let (address, token) = match port {
            Port::Serving => (found.serving.clone(), None),
            Port::Control => {
                let path = self.token_file(deployment)?;
                let token = fs::read_to_string(&path).map_err(|error| disk("read", &path, &error))?;
                (found.control.clone(), Some(token))
            }
        };
        Ok(Box::new(http::LoopbackConnection {
            client: self.http.clone(),
            address,
            through: found.name(),
            instance: found.name(),
            token,
            _keep: Box::new(()),
        }))
    }
}

/// Waits for a process, so that it is no zombie; when this host ends, the system does. One that did not end by
/// itself or when it was asked to leaves how it ended, among the events and in its log.
async fn bury(mut child: tokio::process::Child, folder: PathBuf, version_number: u32) {
    let pid = child.id().unwrap_or_default();
    let Some(status) = child.wait().await.ok().filter(|status| !was_asked(*status)) else { return };
    let how = how(status);
    let log = File::options().append(true).open(folder.join("serving.log"));
    if let Err(error) = log.and_then(|mut log| writeln!(log, "slipway: process {pid} {how}")) {
        // A deployment that was deleted has no folder any more.
        tracing::debug!(%error, pid, how, "how a serving process ended can't be written");
        return;
    }
    EventFile::new(&folder).add(DeploymentEvent {
        object: process_name(pid),
        reason: format!("{:?}", Reason::Ended),
        message: format!("Version {version_number} {how}"),
        warning: true,
        count: 1,
        at_ms: now_ms(),
    });
}

/// Whether it ended by itself, or because it was asked to.
#[cfg(unix)]
fn was_asked(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGTERM: i32 = 15;
    status.success() || status.signal() == Some(SIGTERM)
}

/// A process that we end looks like one that failed there.
#[cfg(not(unix))]
fn was_asked(_status: ExitStatus) -> bool {
    true
}

/// "was killed by signal 9", "ended with exit code 101".
#[cfg(unix)]
fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.signal() {
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("ended with exit code {}", status.code().unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn how(status: ExitStatus) -> String {
    format!("ended with exit code {}", status.code().unwrap_or_default())
}

/// Whether the host that started it has entered how it ended.
fn was_seen_ending(folder: &Path, process: &ServingProcess) -> bool {
    let (name, ended) = (process.name(), format!("{:?}", Reason::Ended));
    EventFile::new(folder).read().iter().any(|event| event.object == name && event.reason == ended)
}

fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| PortError::permanent(ErrorCode::Internal, format!("No random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// What an update does to those who ask meanwhile.
fn update_steps(wanted: &Wanted, running: &ServingProcess) -> [String; 2] {
    let (new, old, address) = (wanted.version_number, running.version_number, &running.serving);
    let moves = wanted.port.filter(|port| running.port() != Some(*port));
    match (running.hands_over, moves) {
        (true, None) => [
            format!("Start version {new} beside version {old}, at the same address, and wait until it answers"),
            format!("Stop version {old} once it has answered its last requests: none is refused at {address}"),
        ],
        (true, Some(port)) => [
            format!("Start version {new} at port {port}, beside version {old}, and wait until it answers"),
            format!("Stop version {old} at {address} once it has answered its last requests"),
        ],
        (false, _) => [
            format!("Prove that version {new} starts, beside version {old}"),
            format!("Stop version {old}, then start version {new}: requests to {address} in between are refused"),
        ],
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

fn no_program(why: &str) -> PortError {
    PortError::permanent(ErrorCode::Unsupported, format!("This machine can't serve models: {why}"))
        .with_hint("Install Slipway again, or build it with `cargo xtask build`.")
}

fn disk(what: &str, path: &Path, error: &io::Error) -> PortError {
    let failure = |code| PortError::permanent(code, format!("Can't {what} {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::StorageFull => failure(ErrorCode::NoSpace)
            .with_hint("Free some space, or collect what nothing uses (`slipway storage collect`)."),
        io::ErrorKind::PermissionDenied => failure(ErrorCode::Invalid).with_hint("Give your user the right to it."),
        _ => failure(ErrorCode::Internal),
    }
}

/// A group of its own: a Ctrl-C at the host's terminal is not for it.
#[cfg(unix)]
fn apart(command: &mut tokio::process::Command) {
    command.process_group(0);
}

#[cfg(windows)]
fn apart(command: &mut tokio::process::Command) {
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
}

#[cfg(not(any(unix, windows)))]
fn apart(_command: &mut tokio::process::Command) {}
/// Waits until a port can be listened on.
async fn free_again(port: u16) -> std::io::Result<()> {
    let until = tokio::time::Instant::now() + PORT_PATIENCE;
    loop {
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(()),
            Err(error) if tokio::time::Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
