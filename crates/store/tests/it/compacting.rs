//! The database written anew, beside itself and into its own place.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use api::series::Point;
use store::{
    Store,
    database::compact::{Compacted, Room, room},
};

use crate::{open, run_id, run_row, with_project};

/// A database with a run of so many points, and the room of another that is gone.
async fn emptied(store: &Store) {
    with_project(store).await;
    for number in [1, 2] {
        store
            .write(move |tx| {
                store::run::put(tx, &run_row(number))?;
                let points = (0..60_000).map(|step| Point { step, time_ms: step, value: (step as f64).sin() });
                store::metric::append(tx, run_id(number), "loss", &points.collect::<Vec<_>>())
            })
            .await
            .unwrap();
    }
    store.write(|tx| store::run::delete(tx, run_id(1))).await.unwrap();
}

async fn count(store: &Store) -> u64 {
    let found = store.read(|c| store::metric::find(c, run_id(2), "loss")).await.unwrap();
    found.map_or(0, |(_, count)| count)
}

#[tokio::test]
async fn what_was_deleted_is_given_back_and_nothing_else_is_lost() {
    let (folder, store) = open();
    emptied(&store).await;
    let size = || folder.path().join("slipway.db").metadata().unwrap().len();
    let Room { used_bytes, unused_bytes } = store.read(room).await.unwrap();
    assert!(unused_bytes > 100_000, "{used_bytes} and {unused_bytes}");
    // Who writes and reads meanwhile is served.
    let numbers = || 0..50_u32;
    let writes = async {
        for number in numbers() {
            store.write_briefly(move |tx| store::setting::put(tx, &format!("n{number}"), &number)).await.unwrap();
            assert_eq!(count(&store).await, 60_000);
        }
    };
    let (compacted, ()) = tokio::join!(store.compact(), writes);
    let compacted = compacted.unwrap();
    assert!(compacted.before > compacted.after, "{compacted:?}");
    assert!(compacted.after <= used_bytes + 100_000, "{compacted:?} of {used_bytes}");
    assert_eq!(store.read(room).await.unwrap().unused_bytes, 0);
    assert_eq!(count(&store).await, 60_000);
    store.write_durable(|tx| store::setting::put(tx, "after", &1_u32)).await.unwrap();
    store.close().await;
    assert!(size() < compacted.before, "{} after {compacted:?}", size());
    assert!(store.compact().await.is_err(), "it is closed");

    let store = Store::open(folder.path()).unwrap();
    assert_eq!(count(&store).await, 60_000);
    for number in numbers() {
        let found: Option<u32> = store.read(move |c| store::setting::get(c, &format!("n{number}"))).await.unwrap();
        assert_eq!(found, Some(number));
    }
    let after: Option<u32> = store.read(|c| store::setting::get(c, "after")).await.unwrap();
    assert_eq!(after, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_one_who_writes_without_a_pause_it_ends_too() {
    let (_folder, store) = open();
    emptied(&store).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (writing, until) = (store.clone(), Arc::clone(&is_over));
    let writes = tokio::spawn(async move {
        let mut written = 0_u32;
        while !until.load(Ordering::Relaxed) {
            written += 1;
            writing.write(move |tx| store::setting::put(tx, "written", &written)).await.unwrap();
        }
        written
    });
    let compacted = store.compact().await;
    is_over.store(true, Ordering::Relaxed);
    let written = writes.await.unwrap();
    let Compacted { before, after } = compacted.unwrap();
    assert!(before > after, "{before} and {after}");
    let found: Option<u32> = store.read(|c| store::setting::get(c, "written")).await.unwrap();
    assert_eq!((found, count(&store).await), (Some(written), 60_000));
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_is_its_users_alone_and_rights_that_a_person_gives_stay() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    // Others may enter it, as one that was there before the workspace.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = |name: &str| folder.path().join(name);
    let modes = || {
        let mode = |name: &&str| path(name).metadata().unwrap().permissions().mode() & 0o777;
        ["slipway.db", "slipway.db-wal", "slipway.db-shm"].iter().map(mode).collect::<Vec<_>>()
    };
    let store = Store::open(folder.path()).unwrap();
    emptied(&store).await;
    assert_eq!(modes(), [0o600; 3]);
    store.compact().await.unwrap();
    store.write(|tx| store::setting::put(tx, "after", &1_u32)).await.unwrap();
    assert_eq!(modes(), [0o600; 3]);
    store.close().await;

    std::fs::set_permissions(path("slipway.db"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.write(|tx| store::setting::put(tx, "after", &2_u32)).await.unwrap();
    assert_eq!(modes(), [0o640; 3]);
    store.compact().await.unwrap();
    store.write(|tx| store::setting::put(tx, "after", &3_u32)).await.unwrap();
    assert_eq!(modes(), [0o640; 3]);
}

#[tokio::test]
async fn a_half_that_a_killed_process_left_is_removed() {
    let (folder, store) = open();
    emptied(&store).await;
    store.close().await;
    let half = folder.path().join("slipway.db-compacting");
    std::fs::write(&half, "half").unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(!half.exists());
    store.compact().await.unwrap();
    assert!(!half.exists());
    assert_eq!(count(&store).await, 60_000);
}

#[tokio::test]
async fn a_log_that_another_program_keeps_is_never_folded_into_the_new_file() {
    let (folder, store) = open();
    emptied(&store).await;
    // It reads from the log, which so can't be taken away.
    let other = store::Connection::open(folder.path().join("slipway.db")).unwrap();
    store.write(|tx| store::setting::put(tx, "early", &1_u32)).await.unwrap();
    let reading = other.unchecked_transaction().unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema";
    let _: i64 = reading.query_row(tables, [], |row| row.get(0)).unwrap();
    store.write(|tx| store::setting::put(tx, "late", &2_u32)).await.unwrap();
    let _ = store.compact().await.unwrap_err();
    assert!(!folder.path().join("slipway.db-compacting").exists());
    let late: Option<u32> = store.read(|c| store::setting::get(c, "late")).await.unwrap();
    assert_eq!((late, count(&store).await), (Some(2), 60_000));
    drop(reading);
    drop(other);
    store.compact().await.unwrap();
    let late: Option<u32> = store.read(|c| store::setting::get(c, "late")).await.unwrap();
    assert_eq!((late, count(&store).await), (Some(2), 60_000));
}
