//! kill -9 at any moment: what was acknowledged is there.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use store::Store;

/// Set in the child, which writes until it is killed.
const FOLDER: &str = "STORE_CRASH_FOLDER";

#[test]
fn acknowledged_rows_survive_kill_nine() {
    if std::env::var_os(FOLDER).is_some() {
        return write_forever();
    }
    for round in 1..=5_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::acknowledged_rows_survive_kill_nine", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let Some(number) = line.unwrap().strip_prefix("acknowledged ").map(|n| n.parse::<u64>().unwrap()) else {
                continue;
            };
            acknowledged = number;
            if number >= round * 37 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(acknowledged >= round * 37, "the child wrote only {acknowledged}");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for number in 1..=acknowledged {
            let found: Option<u64> =
                runtime.block_on(store.read(move |c| store::setting::get(c, &format!("n{number}")))).unwrap();
            assert_eq!(found, Some(number), "write {number} of {acknowledged} was acknowledged and is lost");
        }
    }
}

fn write_forever() {
    let store = Store::open(std::env::var_os(FOLDER).unwrap().as_ref()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for number in 1_u64.. {
        let write = move |tx: &store::Transaction<'_>| store::setting::put(tx, &format!("n{number}"), &number);
        if number % 2 == 0 {
            runtime.block_on(store.write(write))
        } else {
            runtime.block_on(store.write_durable(write))
        }
        .unwrap();
        println!("acknowledged {number}");
    }
}
