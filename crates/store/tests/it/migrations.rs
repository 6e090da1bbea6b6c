//! Every earlier database leads here; a newer one is left alone.

use api::series::Point;
use store::{Connection, Store, StoreError};

use crate::{open, run_id, run_row, with_project};

#[test]
fn a_newer_database_is_refused_with_a_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let path = folder.path().join("slipway.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", store::migrate::VERSION + 1).unwrap();
    drop(connection);
    let error = Store::open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Newer { .. }));
    let sentence = error.to_string();
    assert!(sentence.contains("newer Slipway") && sentence.contains("Update Slipway"), "{sentence}");
}

/// Opens over a workspace with a blob and a run whose database is gone, as `lose` makes it.
fn check_lost(lose: impl Fn(&std::path::Path)) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let stored = store.blobs().put_bytes(b"rows").unwrap();
    drop(store);
    std::fs::create_dir_all(folder.path().join("runs/one")).unwrap();
    std::fs::write(folder.path().join("slipway.db.bak"), b"").unwrap();
    lose(&folder.path().join("slipway.db"));
    // Refused each time, whatever the first try left.
    for _ in 0..2 {
        let error = Store::open(folder.path()).err().unwrap();
        let StoreError::Lost { held, copies, .. } = &error else { panic!("{error}") };
        assert_eq!(held, "1 stored file and 1 run's folder");
        assert_eq!(copies, &[folder.path().join("slipway.db.bak")]);
    }
    std::fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let kept = store::blob::Blobs::open(folder.path().join("blobs")).unwrap();
    assert!(kept.contains(&stored.hash));
    assert!(matches!(Store::open(folder.path()).err(), Some(StoreError::Lost { .. })));
    std::fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    assert!(Store::open(folder.path()).is_ok());
}

#[test]
fn a_new_database_over_a_workspace_in_use_is_refused() {
    check_lost(|path| std::fs::remove_file(path).unwrap());
    check_lost(|path| std::fs::write(path, b"").unwrap());
}

#[test]
fn an_empty_database_comes_to_the_newest_version_and_stays_there() {
    let folder = tempfile::tempdir().unwrap();
    // Version 0: the file that SQLite makes.
    drop(Connection::open(folder.path().join("slipway.db")).unwrap());
    for _ in 0..2 {
        drop(Store::open(folder.path()).unwrap());
        let connection = Connection::open(folder.path().join("slipway.db")).unwrap();
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, store::migrate::VERSION);
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
        let broken: i64 =
            connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!(broken, 0);
    }
}

/// The schemas that people's databases have, by version: text that no edit of today's tables changes. A new
/// version appends its own, and none that was released is touched again.
const SCHEMAS: [&str; 6] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

#[test]
fn no_edit_changes_a_version_that_databases_have() {
    assert_eq!(SCHEMAS.len(), store::migrate::VERSION as usize, "each version has its text in tests/it/schema");
    for (version, frozen) in (1..).zip(SCHEMAS) {
        let path = std::path::Path::new("in memory");
        let mut connection = Connection::open_in_memory().unwrap();
        store::migrate::migrate_to(&mut connection, path, version).unwrap();
        let mut statement =
            connection.prepare("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        let statements: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        assert_eq!(statements.join("\n\n"), frozen.trim_end(), "version {version}");
    }
}

#[test]
fn every_earlier_version_comes_to_the_newest_and_is_what_a_new_one_is() {
    let schema = |folder: &std::path::Path| -> Vec<String> {
        drop(Store::open(folder).unwrap());
        let connection = Connection::open(folder.join("slipway.db")).unwrap();
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let new = tempfile::tempdir().unwrap();
    let expected = schema(new.path());
    assert!(expected.iter().any(|sql| sql.contains("TABLE piece")), "{expected:?}");
    for (version, frozen) in (1..store::migrate::VERSION).zip(SCHEMAS) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slipway.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(frozen).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
        connection.execute("INSERT INTO setting (name, value) VALUES ('kept', '1')", []).unwrap();
        drop(connection);
        assert_eq!(schema(folder.path()), expected, "from version {version}");
        let connection = Connection::open(&path).unwrap();
        let kept: i64 = connection.query_row("SELECT count(*) FROM setting", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
    }
}

/// A key had one medium at a step before version 5.
#[test]
fn media_that_earlier_versions_kept_are_the_same_beside_another_of_their_step() {
    for version in [3, 4] {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = std::path::Path::new("in memory");
        store::migrate::migrate_to(&mut connection, path, version).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let kept = "INSERT INTO medium (run, key, step, time_ms, kind, source, location)
             VALUES (x'01', 'page', 4, 17, 'image', x'02', '{\"at\":1}')";
        connection.execute(kept, []).unwrap();
        store::migrate::migrate_to(&mut connection, path, store::migrate::VERSION).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute(&kept.replace("at\":1", "at\":2"), []).unwrap();
        let mut statement = connection
            .prepare("SELECT hex(run) || key || step || time_ms || kind || hex(source) || location FROM medium")
            .unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let found: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        let expected = [1, 2].map(|at| format!("01page417image02{{\"at\":{at}}}"));
        assert_eq!(found, expected, "from version {version}");
    }
}

/// A source's mark has megabytes, and stood in a table that is ordered by ids before version 6: each run that was entered had
/// it copied.
#[test]
fn sources_that_earlier_versions_kept_come_through_with_what_became_of_them() {
    for version in [3, 5] {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = std::path::Path::new("in memory");
        store::migrate::migrate_to(&mut connection, path, version).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection
            .execute_batch(
                "INSERT INTO source VALUES (x'02', 'metrics', '/b', NULL, 1, '{\"at\":2}', 1, '[]', 3, NULL, 4, 5, '{\"at_ms\":6}');
                 INSERT INTO source VALUES (x'01', 'wandb', '/a', NULL, 0, 'null', 0, '[]', 0, '{}', 7, NULL, NULL);
                 INSERT INTO source_run VALUES (x'01', 'key', NULL, 'one');
                 INSERT INTO source_record VALUES (x'02', 'heard', 'key', '{}');",
            )
            .unwrap();
        let all = |connection: &Connection| -> Vec<String> {
            let sql = "SELECT hex(id) || kind || path || coalesce(project, '-') || watched || mark || is_whole || warnings || warned
                 || coalesce(error, '-') || added_ms || coalesce(read_ms, '-') || coalesce(forgotten, '-') FROM source ORDER BY id";
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let before = all(&connection);
        assert_eq!(before.len(), 2);
        store::migrate::migrate_to(&mut connection, path, store::migrate::VERSION).unwrap();
        assert_eq!(all(&connection), before, "from version {version}");
        let own: String =
            connection.query_row("SELECT sql FROM sqlite_schema WHERE name = 'source'", [], |row| row.get(0)).unwrap();
        assert!(!own.contains("WITHOUT ROWID"), "{own}");
        // What became of its runs still goes with it, and only with it.
        connection.execute("DELETE FROM source WHERE id = x'01'", []).unwrap();
        let left = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((left("source_run"), left("source_record")), (0, 1), "from version {version}");
    }
}

/// An integrity check of SQLite 3.40, which people's tools have, takes the values of other tables for NULLs.
#[test]
fn the_key_of_a_table_without_rowids_stands_first() {
    let mut connection = Connection::open_in_memory().unwrap();
    let newest = store::migrate::VERSION;
    store::migrate::migrate_to(&mut connection, std::path::Path::new("in memory"), newest).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT m.name, min(c.cid) FILTER (WHERE c.pk = 0), max(c.cid) FILTER (WHERE c.pk > 0)
             FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.sql LIKE '%WITHOUT ROWID%' GROUP BY m.name",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let tables: Vec<(String, Option<u32>, u32)> = rows.collect::<Result<_, _>>().unwrap();
    assert!(tables.iter().any(|(name, ..)| name == "medium"), "{tables:?}");
    // One has stood otherwise since the first version.
    for (name, first_other, last_of_key) in tables.into_iter().filter(|(name, ..)| name != "gap") {
        assert!(first_other.is_none_or(|first| first > last_of_key), "{name}");
    }
}

/// Chunks that are not packed yet came with version 4: one that knows version 3 would take them for damaged.
#[tokio::test]
async fn a_series_whose_last_chunk_is_open_is_of_a_version_that_who_cant_read_it_refuses() {
    let points: Vec<Point> = (0..6_000).map(|step| Point { step, time_ms: step, value: step as f64 }).collect();
    let (folder, store) = open();
    with_project(&store).await;
    let (new, run) = (points.clone(), run_row(1));
    store.write(move |tx| store::run::put(tx, &run)).await.unwrap();
    store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
    drop(store);
    let path = folder.path().join("slipway.db");
    let connection = Connection::open(&path).unwrap();
    let open_chunks: i64 = connection
        .query_row("SELECT count(*) FROM points WHERE level > 0 AND hex(substr(bytes, 1, 4)) = 'FFFFFFFF'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(open_chunks > 0);
    let version =
        |connection: &Connection| -> u32 { connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap() };
    assert!(version(&connection) >= 4, "{}", version(&connection));
    // One that a build of version 3 left is brought here with what it holds.
    connection.pragma_update(None, "user_version", 3).unwrap();
    drop(connection);
    let store = Store::open(folder.path()).unwrap();
    let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
    let told = store.read(move |c| store::points::raw_points(c, number, 0, 10_000)).await.unwrap();
    assert_eq!(told, points);
    drop(store);
    assert_eq!(version(&Connection::open(&path).unwrap()), store::migrate::VERSION);
}

/// An earlier build of the same version made a database without the indexes that came since.
#[test]
fn an_index_that_is_missing_or_of_other_columns_is_made_when_the_database_is_opened() {
    const OWN: &str = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let connection = || Connection::open(folder.path().join("slipway.db")).unwrap();
    let indexes = || -> Vec<String> {
        let connection = connection();
        let mut statement = connection.prepare(OWN).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let new = indexes();
    let length = new.iter().map(String::len).sum::<usize>();
    assert_eq!(store::migrate::INDEXES, (new.len() as i64, length as i64), "what a new database has");
    let older = "DROP INDEX run_job; DROP INDEX run_project; CREATE INDEX run_project ON run (project, created_ms);";
    connection().execute_batch(older).unwrap();
    assert_ne!(indexes(), new);
    drop(Store::open(folder.path()).unwrap());
    assert_eq!(indexes(), new);
}

#[test]
fn what_hangs_on_a_run_is_found_without_a_scan() {
    let mut connection = Connection::open_in_memory().unwrap();
    store::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
    // Each deletion of a run looks for the rows that name it.
    let unindexed = "SELECT child.name FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS key
         WHERE child.type = 'table' AND key.\"table\" = 'run' AND NOT EXISTS (
             SELECT 1 FROM pragma_index_list(child.name) AS own, pragma_index_info(own.name) AS part
             WHERE NOT own.partial AND part.seqno = 0 AND part.name = key.\"from\")";
    let mut statement = connection.prepare(unindexed).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    assert_eq!(rows.collect::<Result<Vec<String>, _>>().unwrap(), [""; 0]);
}
