use std::time::Duration;

use api::{ErrorCode, PROTOCOL, host::HostFile};
use client::{
    find::{Found, find, host},
    host_file, lock,
    workspace::Workspace,
};

fn workspace() -> (tempfile::TempDir, Workspace) {
    // A second call finds the provider of the first test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    (folder, workspace)
}

pub(crate) fn left_behind(address: &str) -> HostFile {
    HostFile {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        pid_started_ms: 1,
        address: address.to_owned(),
        token: "secret".to_owned(),
    }
}

#[tokio::test]
async fn a_workspace_that_is_not_there_yet_has_no_host() {
    let (_folder, workspace) = workspace();
    assert!(matches!(find(&workspace).await.unwrap(), Found::Nobody));
    assert!(host(&workspace).await.unwrap().is_none());
    assert!(!workspace.folder().exists(), "looking makes nothing");
}

#[tokio::test]
async fn the_lock_has_one_holder_who_is_named() {
    let (_folder, workspace) = workspace();
    let held = lock::try_hold(&workspace, "slipway test").unwrap().unwrap();
    assert!(lock::try_hold(&workspace, "another").unwrap().is_none());
    let error = lock::hold(&workspace, "another", Duration::from_millis(60)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    let pid = std::process::id().to_string();
    assert!(error.message.contains("slipway test") && error.message.contains(&pid), "{error}");
    assert!(matches!(find(&workspace).await.unwrap(), Found::Held(holder) if holder.command == "slipway test"));
    drop(held);
    // A program that another test starts holds it along with us, from its fork to its exec.
    assert!(host(&workspace).await.unwrap().is_none());
    assert!(lock::hold(&workspace, "another", Duration::from_secs(10)).await.is_ok());
}

#[tokio::test]
async fn waiting_for_the_lock_ends_when_it_is_free() {
    let (_folder, workspace) = workspace();
    let held = lock::try_hold(&workspace, "first").unwrap().unwrap();
    let waiting = tokio::spawn({
        let workspace = workspace.clone();
        async move { lock::hold(&workspace, "second", Duration::from_secs(10)).await }
    });
    tokio::task::yield_now().await;
    drop(held);
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_file_of_a_host_that_died_is_passed_over() {
    let (_folder, workspace) = workspace();
    drop(lock::try_hold(&workspace, "makes the folder").unwrap());
    // A port that was free a moment ago: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    host_file::write(&workspace, &left_behind(&format!("http://{address}"))).unwrap();
    assert!(matches!(find(&workspace).await.unwrap(), Found::Nobody));
}

#[test]
fn the_hosts_file_is_its_users_alone_and_only_its_own_process_removes_it() {
    let (_folder, workspace) = workspace();
    drop(lock::try_hold(&workspace, "makes the folder").unwrap());
    let mut file = left_behind("http://127.0.0.1:1");
    host_file::write(&workspace, &file).unwrap();
    assert_eq!(host_file::read(&workspace), Some(file.clone()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(workspace.host_path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::metadata(workspace.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    }
    file.pid += 1;
    host_file::write(&workspace, &file).unwrap();
    host_file::remove(&workspace);
    assert!(host_file::read(&workspace).is_some(), "another host's file stays");
    file.pid -= 1;
    host_file::write(&workspace, &file).unwrap();
    host_file::remove(&workspace);
    assert_eq!(host_file::read(&workspace), None);
}
