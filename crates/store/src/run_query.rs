//! The run table: filter, sort and page compiled to SQL, so that 10,000 runs are not read for 50.

use api::{
    ProjectId, RunId, SplitId, VersionId,
    run::{RunKind, RunRow, RunState},
};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::{column::Word, error::Result, id_column, metric, param, run, tag};

/// What a filter or an order looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Metric(String),
    Param(String),
    Tag(String),
    Name,
    State,
    Kind,
    Device,
    Commit,
    /// The snapshot's number.
    Snapshot,
    /// Milliseconds since the epoch.
    Created,
    /// Seconds.
    Duration,
    /// The validation figure that ranks, of runs that are ranked by this key.
    Rank(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All,
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Field, Comparison, Value),
    /// A bare word: part of a name, a model or a tag.
    Word(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub project: ProjectId,
    pub filter: Filter,
    pub sort: Field,
    pub descending: bool,
    pub offset: u64,
    pub limit: u32,
}

struct Sql {
    text: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Sql {
    fn bind(&mut self, value: impl ToSql + 'static) {
        self.values.push(Box::new(value));
        self.text.push('?');
        self.text.push_str(&self.values.len().to_string());
    }

    fn field(&mut self, field: &Field) {
        match field {
            Field::Metric(key) => {
                self.text
                    .push_str("(SELECT coalesce(figure, last) FROM metric WHERE metric.run = run.id AND metric.key = ");
                self.bind(key.clone());
                self.text.push(')');
            }
            Field::Param(key) => {
                self.text.push_str("(SELECT value FROM param WHERE param.run = run.id AND param.key = ");
                self.bind(key.clone());
                self.text.push(')');
            }
            Field::Tag(key) => {
                self.text.push_str("(SELECT value FROM tag WHERE tag.run = run.id AND tag.key = ");
                self.bind(key.clone());
                self.text.push(')');
            }
            Field::Name => self.text.push_str("name"),
            Field::State => self.text.push_str("state"),
            Field::Kind => self.text.push_str("kind"),
            Field::Device => self.text.push_str("device"),
            Field::Commit => self.text.push_str("json_extract(code, '$.commit')"),
            Field::Snapshot => self.text.push_str("(SELECT number FROM snapshot WHERE snapshot.id = run.snapshot)"),
            Field::Created => self.text.push_str("created_ms"),
            Field::Duration => self.text.push_str("((ended_ms - started_ms) / 1000.0)"),
            Field::Rank(key) => {
                self.text.push_str("(CASE WHEN ranked_by = ");
                self.bind(key.clone());
                self.text.push_str(" THEN ranked_value END)");
            }
        }
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All => self.text.push('1'),
            Filter::And(left, right) | Filter::Or(left, right) => {
                self.text.push('(');
                self.filter(left);
                self.text.push_str(if matches!(filter, Filter::And(..)) { " AND " } else { " OR " });
                self.filter(right);
                self.text.push(')');
            }
            Filter::Not(inner) => {
                // What is not there does not match, so its negation does.
                self.text.push_str("NOT coalesce(");
                self.filter(inner);
                self.text.push_str(", 0)");
            }
            Filter::Word(word) => {
                let pattern = like(word);
                self.text.push_str("(name LIKE ");
                self.bind(pattern.clone());
                self.text.push_str(" ESCAPE '\\' OR model LIKE ");
                self.bind(pattern.clone());
                self.text
                    .push_str(" ESCAPE '\\' OR EXISTS (SELECT 1 FROM tag WHERE tag.run = run.id AND (tag.key LIKE ");
                self.bind(pattern.clone());
                self.text.push_str(" ESCAPE '\\' OR tag.value LIKE ");
                self.bind(pattern);
                self.text.push_str(" ESCAPE '\\')))");
            }
            Filter::Compare(field, comparison, value) => self.compare(field, *comparison, value),
        }
    }

    fn compare(&mut self, field: &Field, comparison: Comparison, value: &Value) {
        // Params and tags are text: compared with a number, they are read as one.
        let as_number = matches!(value, Value::Number(_)) && matches!(field, Field::Param(_) | Field::Tag(_));
        self.text.push_str(if as_number { "CAST(" } else { "(" });
        self.field(field);
        self.text.push_str(if as_number { " AS REAL)" } else { ")" });
        self.text.push_str(match comparison {
            Comparison::Equal => " = ",
            Comparison::NotEqual => " IS NOT ",
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
            Comparison::Contains => " LIKE ",
        });
        match value {
            Value::Number(number) if comparison != Comparison::Contains => self.bind(*number),
            Value::Number(number) => self.bind(like(&number.to_string())),
            Value::Text(text) if comparison == Comparison::Contains => self.bind(like(text)),
            Value::Text(text) => self.bind(text.clone()),
        }
        if comparison == Comparison::Contains {
            self.text.push_str(" ESCAPE '\\'");
        }
    }
}

fn like(word: &str) -> String {
    let mut pattern = String::from("%");
    for character in word.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A page of the table, and how many rows match in all.
pub fn page(connection: &Connection, query: &Query) -> Result<(Vec<RunRow>, u64)> {
    let mut sql = Sql { text: String::from(" FROM run WHERE project = "), values: Vec::new() };
    sql.bind(query.project.as_bytes().to_vec());
    sql.text.push_str(" AND ");
    sql.filter(&query.filter);
    let total: i64 = connection
        .prepare(&format!("SELECT count(*){}", sql.text))?
        .query_row(params_from_iter(&sql.values), |row| row.get(0))?;

    sql.text.push_str(" ORDER BY ");
    let direction = if query.descending { " DESC" } else { " ASC" };
    // Runs without the value stand last, whatever the direction.
    sql.field(&query.sort);
    sql.text.push_str(" IS NULL, ");
    sql.field(&query.sort);
    if matches!(query.sort, Field::Name | Field::Param(_) | Field::Tag(_)) {
        sql.text.push_str(" COLLATE NOCASE");
    }
    sql.text.push_str(direction);
    sql.text.push_str(", created_ms DESC, id DESC LIMIT ");
    sql.bind(query.limit);
    sql.text.push_str(" OFFSET ");
    sql.bind(query.offset as i64);
    // Ids alone are sorted: what a row shows is read for the page, not for ten thousand runs.
    let ids: Vec<Vec<u8>> = connection
        .prepare(&format!("SELECT id{}", sql.text))?
        .query_map(params_from_iter(&sql.values), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT id, name, kind, state, model, (SELECT number FROM snapshot WHERE snapshot.id = run.snapshot),
         json_extract(code, '$.commit'), created_ms, started_ms, ended_ms, json_extract(progress, '$.fraction'), resumable, split
         FROM run WHERE id = ?1",
    )?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(statement.query_row([id], |row| {
            let started: Option<i64> = row.get(8)?;
            let ended: Option<i64> = row.get(9)?;
            Ok(RunRow {
                id: id_column!(row, 0, RunId),
                name: row.get(1)?,
                kind: row.get::<_, Word<RunKind>>(2)?.0,
                state: row.get::<_, Word<RunState>>(3)?.0,
                model: row.get(4)?,
                snapshot_number: row.get(5)?,
                commit: row.get(6)?,
                created_ms: row.get(7)?,
                duration_secs: started.zip(ended).map(|(started, ended)| (ended - started) as f64 / 1000.0),
                fraction: row.get(10)?,
                params: Default::default(),
                tags: Default::default(),
                metrics: Default::default(),
                versions: Vec::<VersionId>::new(),
                resumable: row.get(11)?,
                split: id_column!(row, 12, Option<SplitId>),
            })
        })?);
    }
    for row in &mut rows {
        row.params = param::of_run(connection, row.id)?;
        row.tags = tag::of_run(connection, row.id)?;
        row.metrics = metric::cells(connection, row.id)?;
        row.versions = run::versions(connection, row.id)?;
    }
    Ok((rows, total as u64))
}
