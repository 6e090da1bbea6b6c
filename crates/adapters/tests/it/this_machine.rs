//! This machine without a model: what it says when it can't serve. The journeys deploy real ones.

use std::sync::Mutex;

use adapters::this_machine::ThisMachine;
use api::{DeploymentId, ErrorCode};
use engine::ports::{Port, Steps, Target, Wanted};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

/// Told by somebody who asked to stop.
#[derive(Default)]
struct Cancelled(Told);

impl Steps for Cancelled {
    fn begin(&self, title: &str, detail: &str) {
        self.0.begin(title, detail);
    }
    fn detail(&self, _detail: &str) {}
    fn is_cancelled(&self) -> bool {
        true
    }
}

impl Steps for Told {
    fn begin(&self, title: &str, _detail: &str) {
        self.0.lock().unwrap().push(title.to_owned());
    }
    fn detail(&self, _detail: &str) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}

fn wanted(bundle: &std::path::Path) -> Wanted {
    Wanted {
        deployment: DeploymentId::from_bytes([3; 16]),
        name: "fraud".to_owned(),
        model_name: "fraud".to_owned(),
        version_number: 1,
        replicas: 1,
        cpu_millis: None,
        memory_mb: None,
        log_share: 1.0,
        log_days: 14,
        not_logged: Vec::new(),
        create_namespace: false,
        port: None,
        image: None,
        bundle: Some(bundle.to_owned()),
    }
}

#[tokio::test]
async fn without_a_serving_program_it_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let here = ThisMachine::new(folder.path(), None).unwrap();
    let wanted = wanted(folder.path());
    let blocked = here.plan(&wanted).await.unwrap().blocked.unwrap();
    assert_eq!(blocked.code, ErrorCode::Unsupported);
    assert!(blocked.hint.unwrap().contains("cargo xtask"));
    let error = here.apply(&wanted, &Told::default()).await.unwrap_err();
    assert_eq!(error.error.code, ErrorCode::Unsupported);
    assert_eq!(here.instances(wanted.deployment, "fraud").await.unwrap(), []);
    here.delete(wanted.deployment, "fraud").await.unwrap();
    here.delete(wanted.deployment, "fraud").await.unwrap();
}

#[tokio::test]
async fn a_serving_program_that_is_being_built_is_awaited_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let mark = std::fs::File::create(folder.path().join("slipway-serving.building")).unwrap();
    let here = ThisMachine::new(folder.path(), Some(folder.path().join("slipway-serving"))).unwrap();
    let wanted = wanted(folder.path());
    // A build that was killed leaves its mark, and no program.
    assert!(here.plan(&wanted).await.unwrap().blocked.unwrap().message.contains("is gone"));
    assert!(here.check().await.is_err());

    mark.lock().unwrap();
    let plan = here.plan(&wanted).await.unwrap();
    assert_eq!(plan.blocked, None);
    assert_eq!(plan.steps[0], "Wait until `cargo xtask run` has built the inference server");
    assert!(plan.steps[1].starts_with("Start a serving process"), "{:?}", plan.steps);
    let check = here.check().await.unwrap();
    assert!(check.ok && check.message.contains("still being built"), "{}", check.message);
    let reasons = here.capability().reasons.join(" ");
    assert!(reasons.contains("still being built") && !reasons.contains("is gone"), "{reasons}");

    // Who doesn't want it any more doesn't wait for it.
    let told = Cancelled::default();
    let error = here.apply(&wanted, &told).await.unwrap_err();
    assert_eq!(error.error.code, ErrorCode::Cancelled);
    assert_eq!(*told.0.0.lock().unwrap(), ["Wait until `cargo xtask run` has built the inference server"]);

    // A build that fails is told where it was waited for.
    let told = Told::default();
    let ends = async {
        while told.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(mark);
    };
    let (applied, ()) = tokio::join!(here.apply(&wanted, &told), ends);
    assert_eq!(applied.unwrap_err().error.code, ErrorCode::Unsupported);
    assert_eq!(told.0.lock().unwrap()[0], "Wait until `cargo xtask run` has built the inference server");
}

/// A program that says that it answers, and ends as the test says.
#[cfg(unix)]
#[tokio::test]
async fn how_a_process_ended_is_said_by_its_events_and_its_log() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("serving");
    let script = "#!/bin/sh\n\
         while [ $# -gt 0 ]; do [ \"$1\" = --ready-file ] && ready=$2; shift; done\n\
         echo '{\"listen\": \"127.0.0.1:0\", \"control\": \"127.0.0.1:0\"}' > $ready\n\
         read -r how < end\n\
         [ $how = killed ] && kill -9 $$\n\
         exit $how\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let here = ThisMachine::new(folder.path(), Some(program)).unwrap();
    let wanted = wanted(folder.path());
    let home = folder.path().join("deployments").join(wanted.deployment.to_string());
    std::fs::create_dir_all(&home).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(home.join("end")).status().unwrap();
    assert!(fifo.success());
    for (how, said) in [("killed", "was killed by signal 9"), ("7", "ended with exit code 7")] {
        here.apply(&wanted, &Told::default()).await.unwrap();
        let instance = here.instances(wanted.deployment, "fraud").await.unwrap().remove(0);
        std::fs::write(home.join("end"), format!("{how}\n")).unwrap();
        let ended = async {
            loop {
                let events = here.events(wanted.deployment, "fraud").await.unwrap();
                if let Some(event) = events.into_iter().find(|event| event.message.contains(said)) {
                    return event;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let event = tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.expect(said);
        assert_eq!((event.object, event.reason.as_str(), event.warning), (instance.name.clone(), "Ended", true));
        assert_eq!(event.message, format!("Version 1 {said}"));
        let log = here.logs(wanted.deployment, "fraud", None, 10).await.unwrap();
        assert!(log.contains(&format!("slipway: {} {said}", instance.name)), "{log:?}");
    }
    // Whoever brings it back doesn't tell its end once more.
    assert!(here.keep(&wanted).await.unwrap());
    let events = here.events(wanted.deployment, "fraud").await.unwrap();
    assert_eq!(events.iter().filter(|event| event.reason == "Ended").count(), 2, "{events:?}");
    assert_eq!(events[0].reason, "Restarted");
    here.delete(wanted.deployment, "fraud").await.unwrap();
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_is_told_in_the_programs_own_words() {
    let Some(program) = std::env::var_os("SLIPWAY_SERVING").filter(|program| std::path::Path::new(program).is_file())
    else {
        crate::skipped::skipped("SLIPWAY_SERVING names no serving program");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let here = ThisMachine::new(folder.path(), Some(program.into())).unwrap();
    let wanted = wanted(&folder.path().join("no-model"));
    let told = Told::default();
    let error = here.apply(&wanted, &told).await.unwrap_err();
    assert!(
        error.error.message.contains("fraud v1 did not start") && error.error.message.contains("no-model"),
        "{error}"
    );
    assert!(error.error.hint.unwrap().contains("serving.log"));
    assert_eq!(*told.0.lock().unwrap(), ["Start the serving process and wait until it answers"]);
    assert!(!here.logs(wanted.deployment, "fraud", None, 10).await.unwrap().is_empty());
    let events = here.events(wanted.deployment, "fraud").await.unwrap();
    assert!(matches!(&events[..], [one] if one.warning && one.message == error.error.message), "{events:?}");
    let gone = here.connect(wanted.deployment, "fraud", None, Port::Serving).await.err().unwrap();
    assert!(gone.temporary, "{gone}");
}
