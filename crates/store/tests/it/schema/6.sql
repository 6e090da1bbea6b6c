CREATE TABLE blob_use (
    hash  BLOB NOT NULL,
    owner BLOB NOT NULL, -- the id of the snapshot, split, version, package …
    PRIMARY KEY (hash, owner)
) WITHOUT ROWID;

CREATE INDEX blob_use_owner ON blob_use (owner);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL -- JSON
) WITHOUT ROWID;

CREATE TABLE project (
    id         BLOB PRIMARY KEY,
    path       TEXT NOT NULL,
    file       TEXT NOT NULL, -- JSON: the last good slipway.toml
    sample     TEXT,
    created_ms INTEGER NOT NULL,
    opened_ms  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE happening (
    number   INTEGER PRIMARY KEY,
    project  BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    at_ms    INTEGER NOT NULL,
    stage    TEXT NOT NULL,
    state    TEXT NOT NULL,
    sentence TEXT NOT NULL
);

CREATE INDEX happening_project ON happening (project, number);

CREATE TABLE dataset (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;

CREATE TABLE snapshot (
    id         BLOB PRIMARY KEY,
    dataset    BLOB NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    parent     BLOB REFERENCES snapshot (id) ON DELETE SET NULL,
    content    TEXT NOT NULL,
    manifest   BLOB NOT NULL,   -- blob: the files with their hashes
    config     TEXT NOT NULL,   -- JSON: how the files were read
    columns    TEXT NOT NULL,   -- JSON: the schema
    message    TEXT NOT NULL,
    rows       INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    files      INTEGER NOT NULL,
    kept       INTEGER NOT NULL,
    root       TEXT NOT NULL,   -- where referenced files were seen
    created_ms INTEGER NOT NULL,
    UNIQUE (dataset, number)
) WITHOUT ROWID;

CREATE TABLE split (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    snapshot   BLOB NOT NULL REFERENCES snapshot (id),
    parent     BLOB REFERENCES split (id) ON DELETE SET NULL,
    settings   TEXT NOT NULL, -- canonical JSON of the split's settings and of the columns that they name
    config     TEXT NOT NULL,
    record     BLOB NOT NULL, -- blob: row or group hash → part
    parts      BLOB NOT NULL, -- blob: one byte a row of the snapshot
    counts     TEXT NOT NULL,
    remarks    TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX split_settings ON split (project, settings, created_ms);

CREATE TABLE param (
    run   BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE tag (
    run   BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE metric (
    number       INTEGER PRIMARY KEY,
    run          BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    count        INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    last         REAL,             -- NULL stands for NaN, as SQLite keeps none
    min          REAL,
    max          REAL,
    time_ms      INTEGER NOT NULL,
    figure       REAL,             -- the final validation figure, which may be an earlier step's
    spark_stride INTEGER NOT NULL,
    spark        BLOB NOT NULL, in_order INTEGER NOT NULL DEFAULT 0,    -- f32s
    UNIQUE (run, key)
);

CREATE TABLE points (
    series INTEGER NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    level  INTEGER NOT NULL,
    chunk  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    first  INTEGER NOT NULL, -- the least step in the chunk
    final  INTEGER NOT NULL, -- the greatest
    bytes  BLOB NOT NULL, since_ms INTEGER, until_ms INTEGER,
    PRIMARY KEY (series, level, chunk)
) WITHOUT ROWID;

CREATE TABLE version (
    id         BLOB PRIMARY KEY,
    model      BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    run        BLOB NOT NULL REFERENCES run (id),
    run_name   TEXT NOT NULL,
    snapshot   BLOB REFERENCES snapshot (id),
    code       TEXT,          -- the commit
    seed       INTEGER,
    kind       TEXT NOT NULL,
    task       TEXT NOT NULL,
    signature  TEXT NOT NULL, -- JSON
    size_bytes INTEGER NOT NULL,
    content    TEXT NOT NULL, -- BLAKE3 of bundle.json
    threshold  REAL,
    figure     TEXT,          -- JSON
    rows       TEXT NOT NULL, -- JSON
    lineage    TEXT NOT NULL, -- JSON
    files      TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL,
    UNIQUE (model, number)
) WITHOUT ROWID;

CREATE INDEX version_run ON version (run);

CREATE INDEX version_snapshot ON version (snapshot);

CREATE TABLE registry (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    username   TEXT,
    plain_http INTEGER NOT NULL,
    ca_pem     TEXT,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE package (
    id         BLOB PRIMARY KEY,
    version    BLOB NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    digest     TEXT NOT NULL,
    platform   TEXT NOT NULL,
    blobs      TEXT NOT NULL, -- JSON: manifest, config and layers with their two hashes
    created_ms INTEGER NOT NULL,
    UNIQUE (version, digest)
) WITHOUT ROWID;

CREATE TABLE push (
    package       BLOB NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    registry      BLOB NOT NULL REFERENCES registry (id) ON DELETE CASCADE,
    repository    TEXT NOT NULL,
    tag           TEXT NOT NULL,
    sent_bytes    INTEGER NOT NULL,
    skipped_bytes INTEGER NOT NULL,
    pushed_ms     INTEGER NOT NULL,
    PRIMARY KEY (package, registry, repository, tag)
) WITHOUT ROWID;

CREATE TABLE target (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE deployment (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id),
    model      BLOB NOT NULL REFERENCES model (id),
    version    BLOB NOT NULL REFERENCES version (id),
    target     BLOB NOT NULL REFERENCES target (id),
    name       TEXT NOT NULL,
    spec       TEXT NOT NULL, -- JSON: what is wanted now
    image      TEXT,          -- the reference with its digest, where the target needs one
    state      TEXT NOT NULL,
    problem    TEXT,          -- JSON
    address    TEXT,
    instances  TEXT NOT NULL, -- JSON: as last seen
    monitored  INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (target, name)
) WITHOUT ROWID;

CREATE INDEX deployment_project ON deployment (project);

CREATE INDEX deployment_version ON deployment (version);

CREATE TABLE rollout (
    id         BLOB PRIMARY KEY,
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version    BLOB NOT NULL REFERENCES version (id),
    kind       TEXT NOT NULL,
    spec       TEXT NOT NULL, -- JSON
    outcome    INTEGER,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER
) WITHOUT ROWID;

CREATE INDEX rollout_deployment ON rollout (deployment, started_ms);

CREATE INDEX rollout_version ON rollout (version);

CREATE TABLE rollout_step (
    rollout BLOB NOT NULL REFERENCES rollout (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    title   TEXT NOT NULL,
    detail  TEXT NOT NULL,
    ok      INTEGER,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (rollout, number)
) WITHOUT ROWID;

CREATE TABLE segment (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,    -- the segment's id: what is fetched twice is counted once
    instance   TEXT NOT NULL,
    version    BLOB NOT NULL,
    rows       INTEGER NOT NULL,
    taken      INTEGER NOT NULL, -- rows that closed windows have
    from_ms    INTEGER NOT NULL, -- receipt of its first and last row
    to_ms      INTEGER NOT NULL,
    file       TEXT NOT NULL,    -- in the deployment's folder
    PRIMARY KEY (deployment, name)
) WITHOUT ROWID;

CREATE INDEX segment_open ON segment (deployment, version, from_ms) WHERE taken < rows;

CREATE TABLE window (
    id         BLOB PRIMARY KEY,
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version    BLOB NOT NULL,
    number     INTEGER NOT NULL, -- the version's, for a version that is gone
    from_ms    INTEGER NOT NULL,
    to_ms      INTEGER NOT NULL,
    rows       INTEGER NOT NULL,
    report     TEXT NOT NULL     -- JSON
) WITHOUT ROWID;

CREATE INDEX window_deployment ON window (deployment, to_ms);

CREATE TABLE gap (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    from_ms    INTEGER NOT NULL,
    to_ms      INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (deployment, from_ms, reason)
) WITHOUT ROWID;

CREATE TABLE alert (
    id              BLOB PRIMARY KEY,
    project         BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    deployment      BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version         BLOB NOT NULL,
    feature         TEXT NOT NULL, -- the column, or 'prediction'
    sentence        TEXT NOT NULL,
    severity        REAL NOT NULL,
    raised_ms       INTEGER NOT NULL,
    cleared_ms      INTEGER,
    acknowledged_ms INTEGER
) WITHOUT ROWID;

CREATE INDEX alert_deployment ON alert (deployment, raised_ms);

CREATE INDEX alert_project ON alert (project, raised_ms);

CREATE TABLE scrape (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    instance   TEXT NOT NULL,
    started    REAL NOT NULL, -- the server's own start: another one begins at zero
    counts     TEXT NOT NULL, -- JSON
    at_ms      INTEGER NOT NULL,
    PRIMARY KEY (deployment, instance)
) WITHOUT ROWID;

CREATE TABLE traffic (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    at_ms      INTEGER NOT NULL,
    counts     TEXT NOT NULL, -- JSON: what came since the point before
    PRIMARY KEY (deployment, at_ms)
) WITHOUT ROWID;

CREATE TABLE traffic_total (
    deployment BLOB PRIMARY KEY REFERENCES deployment (id) ON DELETE CASCADE,
    counts     TEXT NOT NULL, -- JSON: since `since_ms`
    since_ms   INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
    id           BLOB PRIMARY KEY,
    project      BLOB REFERENCES project (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    title        TEXT NOT NULL,
    state        TEXT NOT NULL,
    fraction     REAL,
    message      TEXT NOT NULL,
    error        TEXT,          -- JSON
    waits_for    TEXT,
    subject      TEXT NOT NULL, -- JSON
    request      TEXT,          -- JSON: the call that a retry sends again
    memory_bytes INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    started_ms   INTEGER,
    ended_ms     INTEGER
) WITHOUT ROWID;

CREATE INDEX job_state ON job (state, created_ms);

CREATE INDEX job_project ON job (project, created_ms);

CREATE TABLE job_log (
    number INTEGER PRIMARY KEY,
    job    BLOB NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    line   TEXT NOT NULL
);

CREATE INDEX job_log_job ON job_log (job, number);

CREATE TABLE piece (
    window   BLOB NOT NULL REFERENCES window (id) ON DELETE CASCADE,
    segment  TEXT NOT NULL,
    from_row INTEGER NOT NULL,
    rows     INTEGER NOT NULL,
    PRIMARY KEY (window, segment)
) WITHOUT ROWID;

CREATE TABLE sent_traffic (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    path       TEXT NOT NULL, -- in the project's folder
    next_row   INTEGER NOT NULL,
    PRIMARY KEY (deployment, path)
) WITHOUT ROWID;

CREATE TABLE "experiment" (
    id         BLOB PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    project    BLOB REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    folder     TEXT NOT NULL, -- 'vision/resnet', '' at the top
    location   TEXT,          -- where a client wants its artifacts; ours where NULL
    is_own     INTEGER NOT NULL, -- a project's own, not one that was moved into it
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    deleted_ms INTEGER
) WITHOUT ROWID;

CREATE INDEX experiment_project ON experiment (project);

CREATE UNIQUE INDEX experiment_name ON experiment (name) WHERE deleted_ms IS NULL;

CREATE TABLE experiment_tag (
    experiment BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (experiment, key)
) WITHOUT ROWID;

CREATE TABLE "run" (
    id             BLOB PRIMARY KEY,
    project        BLOB REFERENCES project (id) ON DELETE CASCADE,
    experiment     BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,
    ended_because  TEXT,    -- JSON
    snapshot       BLOB REFERENCES snapshot (id),
    split          BLOB REFERENCES split (id),
    job            BLOB REFERENCES job (id) ON DELETE SET NULL,
    alert          BLOB,
    code           TEXT,    -- JSON
    seed           INTEGER,
    device         TEXT,
    model          TEXT,    -- what is trained: 'trees' …
    notes          TEXT NOT NULL,
    progress       TEXT,    -- JSON
    command        TEXT,    -- JSON
    exit_code      INTEGER,
    environment    TEXT NOT NULL,
    has_evaluation INTEGER NOT NULL,
    ranked_by      TEXT,    -- the validation metric that ranks, as a key
    ranked_value   REAL,
    more_is_better INTEGER,
    resumable      INTEGER NOT NULL,
    pid            INTEGER,
    pid_started_ms INTEGER,
    events_offset  INTEGER NOT NULL, -- bytes of events.jsonl whose rows are committed
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER,
    user           TEXT,
    deleted_ms     INTEGER,
    artifacts      TEXT,    -- the folder of an imported run's artifacts
    address        TEXT     -- of its artifacts, as clients know it, of a run that was moved
) WITHOUT ROWID;

CREATE INDEX run_project ON run (project, created_ms, deleted_ms, name);

CREATE INDEX run_experiment ON run (experiment, created_ms, deleted_ms);

CREATE INDEX run_ranked ON run (project, created_ms) WHERE ranked_by IS NOT NULL AND deleted_ms IS NULL;

CREATE INDEX run_state ON run (state);

CREATE INDEX run_snapshot ON run (snapshot);

CREATE INDEX run_split ON run (split);

CREATE INDEX run_job ON run (job) WHERE job IS NOT NULL;

CREATE INDEX run_alert ON run (alert) WHERE alert IS NOT NULL;

CREATE TABLE run_input (
    run         BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source      TEXT NOT NULL,
    schema      TEXT,
    profile     TEXT,
    tags        TEXT NOT NULL, -- JSON, the context among them
    PRIMARY KEY (run, name, digest)
) WITHOUT ROWID;

CREATE TABLE run_model (
    run       BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    model     TEXT NOT NULL,
    is_output INTEGER NOT NULL,
    step      INTEGER NOT NULL,
    PRIMARY KEY (run, model, is_output)
) WITHOUT ROWID;

CREATE TABLE run_spending (
    run      BLOB PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    terms    TEXT NOT NULL, -- JSON: prices and limits
    seconds  REAL NOT NULL, -- of processes that are over
    joules   REAL,          -- of processes that are over
    since_ms INTEGER,       -- when the process under way started
    now      REAL,          -- joules of the process under way
    cost     REAL,          -- up to the last news
    stopped  TEXT           -- why the budget stopped it
) WITHOUT ROWID;

CREATE TABLE "model" (
    id         BLOB PRIMARY KEY,
    project    BLOB REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    notes      TEXT NOT NULL,
    UNIQUE (project, name)
) WITHOUT ROWID;

CREATE INDEX model_name ON model (name);

CREATE TABLE "alias" (
    model   BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    version BLOB NOT NULL, -- of either kind
    set_ms  INTEGER NOT NULL,
    PRIMARY KEY (model, name)
) WITHOUT ROWID;

CREATE INDEX alias_version ON alias (version);

CREATE TABLE logged_model (
    id             TEXT PRIMARY KEY, -- 'm-' and 32 hexadecimal digits
    experiment     BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    run            BLOB REFERENCES run (id) ON DELETE SET NULL,
    kind           TEXT,
    status         TEXT NOT NULL,
    status_message TEXT,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    deleted_ms     INTEGER,
    artifacts      TEXT -- the folder of another tool's log in which its files are read; ours where NULL
) WITHOUT ROWID;

CREATE INDEX logged_model_experiment ON logged_model (experiment);

CREATE INDEX logged_model_run ON logged_model (run);

CREATE TABLE logged_model_text (
    model  TEXT NOT NULL REFERENCES logged_model (id) ON DELETE CASCADE,
    is_tag INTEGER NOT NULL, -- else a param
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (model, is_tag, key)
) WITHOUT ROWID;

CREATE TABLE logged_model_metric (
    model          TEXT NOT NULL REFERENCES logged_model (id) ON DELETE CASCADE,
    run            BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key            TEXT NOT NULL,
    dataset_name   TEXT NOT NULL, -- '' of none
    dataset_digest TEXT NOT NULL,
    step           INTEGER NOT NULL,
    time_ms        INTEGER NOT NULL,
    value          REAL,          -- NULL stands for NaN
    PRIMARY KEY (model, run, key, dataset_name, dataset_digest, step, time_ms)
) WITHOUT ROWID;

CREATE INDEX logged_model_metric_run ON logged_model_metric (run);

CREATE TABLE source_group (
    source     BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    experiment BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    PRIMARY KEY (source, name)
) WITHOUT ROWID;

CREATE TABLE source_run (
    source BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    run    BLOB REFERENCES run (id) ON DELETE SET NULL, -- none of one that was deleted for good
    name   TEXT NOT NULL, -- what the log calls it, which a person may call otherwise
    PRIMARY KEY (source, key)
) WITHOUT ROWID;

CREATE INDEX source_run_run ON source_run (run);

CREATE TABLE source_record (
    source BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL, -- 'named', 'logged', 'model', 'version', 'heard'
    key    TEXT NOT NULL, -- in the log
    record TEXT NOT NULL, -- the id of what it became, which a person may have deleted since; of 'heard' JSON
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;

CREATE TABLE client_version (
    id         BLOB PRIMARY KEY,
    model      BLOB NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    run        BLOB REFERENCES run (id) ON DELETE SET NULL,
    run_told   TEXT, -- its id as the client told it
    run_link   TEXT,
    source     TEXT NOT NULL,
    location   TEXT NOT NULL, -- of the files: the source, resolved
    logged     TEXT, -- the logged model
    user       TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (model, number)
) WITHOUT ROWID;

CREATE INDEX client_version_run ON client_version (run);

CREATE TABLE version_notes (
    version    BLOB PRIMARY KEY, -- of either kind
    notes      TEXT NOT NULL,
    stage      TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE registry_tag (
    owner BLOB NOT NULL, -- a model, or a version of either kind
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;

CREATE TABLE search (
    id         BLOB PRIMARY KEY,
    project    BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    plan       TEXT NOT NULL, -- JSON: what is searched, with what
    planned    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    job        BLOB,
    error      TEXT,          -- JSON
    judged_by  TEXT,          -- the key of a series
    direction  TEXT,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    deleted_ms INTEGER        -- forgotten, until it is restored or its project goes
) WITHOUT ROWID;

CREATE INDEX search_project ON search (project, created_ms);

CREATE TABLE trial (
    search  BLOB NOT NULL REFERENCES search (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    run     BLOB NOT NULL, -- which may not be begun yet, or be deleted
    tried   TEXT NOT NULL, -- JSON: the value of each hyperparameter
    outcome TEXT NOT NULL,
    step    INTEGER,
    value   REAL,
    PRIMARY KEY (search, number)
) WITHOUT ROWID;

CREATE TABLE tail (
    series INTEGER NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    first  INTEGER NOT NULL, -- how many points of the series stand before these
    bytes  BLOB NOT NULL,
    PRIMARY KEY (series, first)
) WITHOUT ROWID;

CREATE INDEX points_steps ON points (series, level, first, final, count, since_ms, until_ms);

CREATE INDEX tag_parent ON tag (value) WHERE key = 'mlflow.parentRunId';

CREATE TABLE "medium" (
    run      BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    step     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    location TEXT NOT NULL, -- JSON: the place in the log's file
    kind     TEXT NOT NULL,
    source   BLOB NOT NULL REFERENCES source (id) ON DELETE CASCADE,
    PRIMARY KEY (run, key, step, time_ms, location)
) WITHOUT ROWID;

CREATE INDEX medium_source ON medium (source);

CREATE TABLE "source" (
    id       BLOB NOT NULL PRIMARY KEY,
    kind     TEXT NOT NULL,
    path     TEXT NOT NULL UNIQUE,
    project  BLOB REFERENCES project (id) ON DELETE SET NULL,
    watched  INTEGER NOT NULL,
    mark     TEXT NOT NULL,    -- JSON: how far it was read
    is_whole INTEGER NOT NULL, -- what was told up to the mark is committed, and nothing behind it
    warnings TEXT NOT NULL,    -- JSON
    warned   INTEGER NOT NULL,
    error    TEXT,             -- JSON
    added_ms INTEGER NOT NULL,
    read_ms  INTEGER,
    forgotten TEXT -- JSON: what brings it back; NULL while it is read
);
