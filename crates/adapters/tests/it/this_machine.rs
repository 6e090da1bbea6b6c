//! This machine without a model: what it says when it can't serve. The journeys deploy real ones.

use std::sync::Mutex;

use adapters::this_machine::ThisMachine;
use api::{DeploymentId, ErrorCode};
use engine::ports::{Port, Steps, Target, Wanted};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

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
    assert_eq!(*told.0.lock().unwrap(), ["Start the serving process"]);
    assert!(!here.logs(wanted.deployment, "fraud", None, 10).await.unwrap().is_empty());
    let events = here.events(wanted.deployment, "fraud").await.unwrap();
    assert!(matches!(&events[..], [one] if one.warning && one.message == error.error.message), "{events:?}");
    let gone = here.connect(wanted.deployment, "fraud", None, Port::Serving).await.err().unwrap();
    assert!(gone.temporary, "{gone}");
}
