use api::ErrorCode;
use client::{start::start, workspace::Workspace};

// One test, so that no other forks while the script is being written.
#[tokio::test]
async fn a_host_that_does_not_start_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    let error = start(&workspace, &folder.path().join("nobody"), None).await.unwrap_err();
    assert!(error.message.contains("nobody"), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let program = folder.path().join("slipway");
        let script = "#!/bin/sh\necho \"error: the database is of a newer version\" >&2\nexit 1\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = start(&workspace, &program, None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unreachable);
        assert!(error.message.contains("the database is of a newer version"), "{error}");
    }
}
