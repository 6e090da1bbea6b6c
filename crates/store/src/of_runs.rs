//! What is there of several runs, by a statement for a hundred of them: a page of the run table by one for each run would
//! take most of its time in beginning statements.

use std::iter::repeat_n;

use api::RunId;
use rusqlite::{Connection, Row, params_from_iter};

use crate::error::Result;

/// Runs of one statement.
const PIECE: usize = 100;

/// Every row of these runs. `select` ends in the column that is the run's id, as `SELECT key FROM tag WHERE run`. Rows of
/// a run come in no order that can be relied on.
pub(crate) fn each(
    connection: &Connection,
    select: &str,
    runs: &[RunId],
    each: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<()> {
    // Two lengths, so that statements stay prepared: in the places that are left the last run stands again.
    let places = if runs.len() == 1 { 1 } else { PIECE };
    let sql = format!("{select} IN ({})", vec!["?"; places].join(","));
    for piece in runs.chunks(places) {
        let again = piece.last().map(|last| repeat_n(last, places - piece.len()));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows =
            statement.query(params_from_iter(piece.iter().chain(again.into_iter().flatten()).map(RunId::as_bytes)))?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_is_asked_of_once_whatever_their_number() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE one (run BLOB PRIMARY KEY) WITHOUT ROWID").unwrap();
        let run = |number: usize| RunId::from_bytes((number as u128).to_be_bytes());
        for number in 0..=2 * PIECE {
            connection.execute("INSERT INTO one VALUES (?1)", [run(number).as_bytes()]).unwrap();
        }
        for count in [0, 1, 2, PIECE, PIECE + 1, 2 * PIECE + 1] {
            let runs: Vec<RunId> = (0..count).map(run).collect();
            let mut found = Vec::new();
            each(&connection, "SELECT run FROM one WHERE run", &runs, &mut |row| {
                found.push(crate::id_column!(row, 0, RunId));
                Ok(())
            })
            .unwrap();
            found.sort_unstable();
            assert_eq!(found, runs);
        }
    }
}
