//! A table of earlier versions: the keys among a project's runs, which are now taken from the runs themselves.

pub(crate) const CREATE: &str = "
CREATE TABLE key (
    project BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL, -- 'metric' or 'param'
    name    TEXT NOT NULL,
    PRIMARY KEY (project, kind, name)
) WITHOUT ROWID;
";

pub(crate) const DROP: &str = "DROP TABLE key;";
