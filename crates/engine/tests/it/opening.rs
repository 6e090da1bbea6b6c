//! One process has the workspace open.

use api::ErrorCode;
use engine::{Engine, Mode, workspace::Workspace};

use crate::stage::{self, Stage};

#[tokio::test]
async fn a_second_open_names_the_holder() {
    let stage = Stage::new().await;
    let again = Engine::open(
        Workspace::at(stage.folder.path().join("workspace")),
        stage::options(stage.folder.path(), Mode::Once),
    );
    let error = engine::error::told(&again.await.err().unwrap());
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.message.contains(&format!("process {}", std::process::id())), "{}", error.message);
    assert!(error.message.contains("the test"), "{}", error.message);
}

#[tokio::test]
async fn a_newer_database_is_told_plainly() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("workspace")).unwrap();
    let connection = store::Connection::open(folder.path().join("workspace/slipway.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let opened =
        Engine::open(Workspace::at(folder.path().join("workspace")), stage::options(folder.path(), Mode::Once));
    let error = engine::error::told(&opened.await.err().unwrap());
    assert_eq!(error.code, ErrorCode::WrongProtocol);
    assert!(error.message.contains("newer Slipway"), "{}", error.message);
}

/// Opens a workspace whose database's file has this content.
async fn opened_over(content: &[u8]) -> api::ApiError {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir_all(workspace.join("runs/one")).unwrap();
    std::fs::write(workspace.join("slipway.db"), content).unwrap();
    let opened = Engine::open(Workspace::at(workspace), stage::options(folder.path(), Mode::Once));
    engine::error::told(&opened.await.err().unwrap())
}

#[tokio::test]
async fn a_database_that_is_damaged_or_empty_names_itself_and_the_way_out() {
    let damaged = opened_over(&[7; 5000]).await;
    assert!(damaged.message.contains("slipway.db is damaged"), "{damaged}");
    assert!(damaged.hint.unwrap().contains("backup"));
    let empty = opened_over(b"").await;
    assert_eq!(empty.code, ErrorCode::Conflict);
    assert!(empty.message.contains("slipway.db is empty") && empty.message.contains("1 run's folder"), "{empty}");
    assert!(empty.hint.unwrap().contains("SLIPWAY_HOME"));
}

#[tokio::test]
async fn an_unknown_call_and_wrong_parameters_are_told_as_such() {
    let stage = Stage::new().await;
    let unknown = engine::dispatch::dispatch(&stage.engine, "run.fly", serde_json::Value::Null).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::WrongProtocol);
    let wrong = engine::dispatch::dispatch(&stage.engine, "run.get", serde_json::json!({"run": 7})).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Invalid);
}
