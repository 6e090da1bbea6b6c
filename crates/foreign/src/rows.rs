//! Values by step as rows of a text that grows: comma or tab separated with a header, or a JSON object a line.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use api::{figure::counted, series::Point};
use serde::{Deserialize, Serialize};

use crate::{
    Result, Told,
    file::{self, anew, failed, warning},
    value::{self, Malformed, Value},
};

/// The column of the step, in any case: the finest that there is.
const STEP: [&str; 6] = ["step", "global_step", "_step", "iteration", "iter", "epoch"];
const TIME: [&str; 5] = ["timestamp", "time", "wall_time", "wall time", "_timestamp"];
/// Bytes of a header, at most.
const HEADER: u64 = 1 << 20;
/// Bytes at the beginning and at the end of a file that are looked at for when it began and ended.
const SPAN: usize = 64 << 10;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Separated by this byte, with a header.
    Delimited(u8),
    /// An object a line.
    JsonLines,
}

/// How far a file of rows was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RowsMark {
    /// The first byte that was not read.
    offset: u64,
    /// Rows before it.
    rows: u64,
    header: String,
    /// What is no number was told.
    warned: bool,
    /// What there is to say of its columns' names was told; of a mark without, they were called otherwise.
    named: bool,
    /// Where a last line ended that was told without its line end; 0 where there was none.
    ahead: u64,
    /// Stands for what was read, by which a file that was written anew is known.
    checksum: Option<u32>,
}

impl RowsMark {
    /// Whether what was read of a file still stands there.
    pub(crate) fn stands(&self, path: &Path) -> Result<bool> {
        let read = self.offset.max(self.ahead);
        if read == 0 {
            return Ok(true);
        }
        let now = file::checksum(path, read)?;
        Ok(now.is_some() && (self.checksum.is_none() || now == self.checksum))
    }
}

/// Reads what was added to a file of rows.
pub(crate) struct Rows<'a> {
    pub(crate) path: &'a Path,
    pub(crate) form: Form,
    pub(crate) run: &'a str,
    /// The key of the one series that the file holds, where its header does not say it.
    pub(crate) key: Option<&'a str>,
    /// The time of rows that have none.
    pub(crate) time_ms: i64,
    /// Whether a last line without its line end counts.
    pub(crate) complete: bool,
}

/// Rows of one piece, by series.
struct Gathered<'a> {
    points: BTreeMap<String, Vec<Point>>,
    /// The first that could not be read, with its row, and how many.
    wrong: &'a mut Option<(u64, String, u64)>,
}

/// Why a file is read from its beginning again, and what is said of it.
struct Anew(Option<&'static str>);

impl Rows<'_> {
    /// # Errors
    /// Where the file can't be read, or `tell` fails.
    pub(crate) fn read(&self, before: &RowsMark, tell: &mut dyn FnMut(Told) -> Result<()>) -> Result<RowsMark> {
        let mut mark = before.clone();
        let length = fs::metadata(self.path).map_err(failed(self.path))?.len();
        let first = self.first_line()?;
        if let Some(why) = self.unknown_lines(first.as_deref())? {
            tell(warning(self.path, why))?;
            return Ok(mark);
        }
        let columns = match self.form {
            Form::Delimited(delimiter) => {
                // Whoever writes it anew has emptied it first: what was told stays until there is something else.
                let Some(header) = &first else { return Ok(mark) };
                let text = String::from_utf8_lossy(header.trim_ascii_end());
                let names = text.trim_start_matches('\u{feff}').to_owned();
                let columns = Columns::new(&names, delimiter, self.key);
                // Rows begin behind the names, or where nothing but a mark of the order of bytes stands before them.
                let begin = if columns.is_named { header.len() } else { text.len() - names.len() };
                Some((columns, begin as u64, names))
            }
            Form::JsonLines => None,
        };
        let header = columns.as_ref().map(|(_, _, names)| names.as_str());
        let is_unsaid =
            mark.offset > 0 && !mark.named && columns.as_ref().is_some_and(|(columns, ..)| columns.said.is_some());
        let change = match self.change(&mut mark, length, header)? {
            None if is_unsaid => Some(Anew(Some("it was read anew: its columns are called otherwise than before"))),
            change => change,
        };
        if let Some(Anew(why)) = change {
            if first.is_none() && !(self.complete && length > 0) {
                return Ok(before.clone());
            }
            let place = self.path.display().to_string();
            tell(Told::Forgotten { run: self.run.to_owned(), key: self.key.map(str::to_owned), place })?;
            if let Some(why) = why {
                tell(anew(self.path, why))?;
            }
            mark = RowsMark::default();
        } else if mark.ahead > 0 {
            return Ok(mark);
        }
        let columns = match columns {
            Some((columns, begin, names)) if mark.offset == 0 => {
                (mark.offset, mark.header, mark.named) = (begin, names, true);
                if let Some(message) = columns.said.clone() {
                    tell(Told::LeftOut { place: self.path.display().to_string(), message })?;
                }
                Some(columns)
            }
            other => other.map(|(columns, ..)| columns),
        };
        let columns = columns.as_ref();
        let mut wrong = None;
        let (offset, mut row) = (mark.offset, mark.rows);
        let read = file::lines_from(self.path, offset, false, &mut |piece| {
            self.piece(piece, columns, &mut row, &mut wrong, tell)
        })?;
        mark.offset = match read {
            Some(end) => end,
            None => {
                tell(warning(self.path, "its rest was left out: a line is longer than 1 MiB"))?;
                length
            }
        };
        if self.complete && read.is_some() {
            let rest = file::rest(self.path, mark.offset)?;
            match columns {
                // Nobody knows whether its last number is whole: it counts until it turns out to go on.
                Some(columns) if columns.is_filled(&rest) => {
                    let (mut at, mut unsaid) = (row, None);
                    self.piece(&rest, Some(columns), &mut at, &mut unsaid, tell)?;
                    mark.ahead = mark.offset + rest.len() as u64;
                }
                // An object has its own end.
                None if object(&rest).is_some() => {
                    self.piece(&rest, None, &mut row, &mut wrong, tell)?;
                    mark.offset += rest.len() as u64;
                }
                _ => {}
            }
        }
        mark.rows = row;
        mark.checksum = file::checksum(self.path, mark.offset.max(mark.ahead))?;
        if let Some((row, why, count)) = wrong
            && !mark.warned
        {
            let others =
                if count > 1 { format!(", and {}", counted(count - 1, "other", "others")) } else { String::new() };
            let place = format!("{}, row {row}", self.path.display());
            tell(Told::LeftOut { place, message: format!("it was left out{others}: {why}") })?;
            mark.warned = true;
        }
        Ok(mark)
    }

    /// Whether the file is another than was read. A last line that was told without its line end, and has it now,
    /// counts as read.
    fn change(&self, mark: &mut RowsMark, length: u64, header: Option<&str>) -> Result<Option<Anew>> {
        let read = mark.offset.max(mark.ahead);
        if read == 0 {
            return Ok(None);
        }
        if length < read {
            return Ok(Some(Anew(Some("it is shorter than it was: it was read anew"))));
        }
        // Lightning's logger writes the file anew where a column is added.
        if header.is_some_and(|header| header != mark.header) {
            return Ok(Some(Anew(None)));
        }
        if mark.checksum.is_some() && file::checksum(self.path, read)? != mark.checksum {
            let why = "it is not what it was, as if written anew: it was read from its beginning";
            return Ok(Some(Anew(Some(why))));
        }
        if mark.ahead == 0 || length == mark.ahead {
            return Ok(None);
        }
        let goes_on = file::rest(self.path, mark.ahead)?.first().is_some_and(|byte| !b"\r\n".contains(byte));
        if goes_on {
            return Ok(Some(Anew(None)));
        }
        mark.offset = std::mem::take(&mut mark.ahead);
        mark.rows += 1;
        Ok(None)
    }

    /// The first line with its line end; `None` where it is not whole yet.
    fn first_line(&self) -> Result<Option<Vec<u8>>> {
        let file = file::open(self.path).map_err(failed(self.path))?;
        let mut line = Vec::new();
        BufReader::new(file.take(HEADER)).read_until(b'\n', &mut line).map_err(failed(self.path))?;
        Ok(line.ends_with(b"\n").then_some(line))
    }

    /// Why the lines of a file are none to us; `None` where they are, or where nobody knows yet.
    fn unknown_lines(&self, first: Option<&[u8]>) -> Result<Option<&'static str>> {
        Ok(match first {
            // As a redirection of Windows PowerShell writes it.
            Some(line) if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") => {
                Some("it was left out: it is UTF-16: write it as UTF-8")
            }
            None if self.complete && self.form != Form::JsonLines && file::rest(self.path, 0)?.contains(&b'\r') => {
                Some("it was left out: its lines end with carriage returns alone: write it with line feeds")
            }
            _ => None,
        })
    }

    /// Tells the rows of whole lines.
    fn piece(
        &self,
        piece: &[u8],
        columns: Option<&Columns>,
        row: &mut u64,
        wrong: &mut Option<(u64, String, u64)>,
        tell: &mut dyn FnMut(Told) -> Result<()>,
    ) -> Result<()> {
        tell(Told::Still)?;
        let mut gathered = Gathered { points: BTreeMap::new(), wrong };
        match columns {
            Some(columns) => self.delimited(piece, columns, row, &mut gathered),
            None => self.objects(piece, row, &mut gathered),
        }
        let run = self.run.to_owned();
        let told = gathered.points.into_iter().map(|(key, points)| Told::Points { run: run.clone(), key, points });
        told.into_iter().try_for_each(tell)
    }

    fn delimited(&self, piece: &[u8], columns: &Columns, row: &mut u64, gathered: &mut Gathered<'_>) {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(columns.delimiter).from_reader(piece);
        let mut record = csv::ByteRecord::new();
        // A reader over memory that takes any bytes and any number of fields does not fail.
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let at = *row;
            *row += 1;
            let cell = |index: usize| {
                let text = record.get(index).and_then(|cell| std::str::from_utf8(cell).ok()).map(str::trim);
                text.filter(|text| !text.is_empty())
            };
            let step = columns.step.and_then(cell).and_then(step_of);
            let time = columns.time.and_then(|index| cell(index).and_then(time_of));
            if columns.step.is_some() && step.is_none() {
                gathered.wrong(at, "its step is no whole number");
                continue;
            }
            let step = step.unwrap_or(at.cast_signed());
            let time_ms = time.unwrap_or(self.time_ms);
            for (index, name) in &columns.values {
                // A time that is no date is a duration.
                if Some(*index) == columns.time && time.is_some() {
                    continue;
                }
                let Some(bytes) = record.get(*index).filter(|bytes| !bytes.trim_ascii().is_empty()) else { continue };
                match std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok()) {
                    Some(value) => gathered.point(name, Point { step, time_ms, value }),
                    None => gathered.wrong(at, &format!("the value of {name} is no number")),
                }
            }
        }
    }

    fn objects(&self, piece: &[u8], row: &mut u64, gathered: &mut Gathered<'_>) {
        let mut lines = lines_of(piece).peekable();
        while let Some(line) = lines.next() {
            let at = *row;
            *row += 1;
            let next = lines.peek().copied().filter(|_| at == 0);
            match object(line) {
                // Its run's params.
                Some(value) if is_config(&value, next) => {}
                Some(value) => gathered.object(&value, at, self.time_ms),
                None => gathered.wrong(at, "it is no JSON object"),
            }
        }
    }
}

/// The earliest and the latest time that the rows say which stand at a file's beginning and at its end.
pub(crate) fn span(path: &Path, form: Form) -> Option<(i64, i64)> {
    // Stands for rows that say none.
    const NONE: i64 = i64::MIN;
    let begin = file::rest(path, 0).ok()?;
    let length = fs::metadata(path).ok()?.len();
    let header = begin.split_inclusive(|byte| *byte == b'\n').next()?;
    let columns = match form {
        Form::Delimited(delimiter) => {
            let names = String::from_utf8_lossy(header.trim_ascii_end());
            let columns = Columns::new(names.trim_start_matches('\u{feff}'), delimiter, None);
            // Most files have no times: their rows need not be looked at.
            columns.time?;
            Some(columns)
        }
        Form::JsonLines => None,
    };
    let rows = Rows { path, form, run: "", key: None, time_ms: NONE, complete: true };
    let mut span: Option<(i64, i64)> = None;
    let mut take = |lines: &[u8]| {
        // What is half written, or cut off here, may end within a number.
        let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let told = &mut |told: Told| -> Result<()> {
            if let Told::Points { points, .. } = told {
                for time_ms in points.iter().map(|point: &Point| point.time_ms).filter(|time_ms| *time_ms != NONE) {
                    let (first, last) = span.get_or_insert((time_ms, time_ms));
                    (*first, *last) = ((*first).min(time_ms), (*last).max(time_ms));
                }
            }
            Ok(())
        };
        rows.piece(&lines[..whole], columns.as_ref(), &mut 0, &mut None, told)
    };
    let lines = if columns.is_some() { &begin[header.len()..] } else { &begin[..] };
    take(&lines[..lines.len().min(SPAN)]).ok()?;
    if length > SPAN as u64 {
        let end = file::rest(path, length - SPAN as u64).ok()?;
        let line = end.iter().position(|byte| *byte == b'\n')?;
        take(&end[line + 1..]).ok()?;
    }
    span
}

/// The lines that hold anything.
fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// Whether a first line says how the run was configured, before the values by step.
fn is_config(first: &Value, next: Option<&[u8]>) -> bool {
    named(first, &STEP).is_none() && next.and_then(object).is_some_and(|next| has_step(&next))
}

/// What the first line of a file says of how the run was configured, before the values by step.
pub(crate) fn config(path: &Path) -> Option<Value> {
    let begin = file::rest(path, 0).ok()?;
    let mut lines = lines_of(&begin);
    let first = object(lines.next()?)?;
    is_config(&first, lines.next()).then_some(first)
}

/// Whether the beginning of a text is JSON Lines of values by step, also behind a line that says how the run was
/// configured.
pub(crate) fn are_lines_by_step(begin: &[u8]) -> bool {
    let mut lines = lines_of(begin);
    let first = lines.next().and_then(object);
    first.is_some_and(|first| has_step(&first) || is_config(&first, lines.next()))
}

/// Whether the beginning of a text is a table with a step that rises, and nothing but numbers beside it.
pub(crate) fn is_table_by_step(begin: &[u8], delimiter: u8) -> bool {
    /// Rows that are looked at.
    const ROWS: usize = 20;
    let Some(end) = begin.iter().position(|byte| *byte == b'\n') else { return false };
    let (header, rows) = begin.split_at(end + 1);
    let names = String::from_utf8_lossy(header.trim_ascii_end());
    let columns = Columns::new(names.trim_start_matches('\u{feff}'), delimiter, None);
    let Some(step_at) = columns.step else { return false };
    let whole = rows.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(columns.delimiter)
        .from_reader(&rows[..whole]);
    let (mut last, mut numbers) = (i64::MIN, 0);
    for record in reader.byte_records().flatten().take(ROWS) {
        let cell = |index: usize| {
            let text = record.get(index).and_then(|cell| std::str::from_utf8(cell).ok()).map_or("", str::trim);
            Some(text).filter(|text| !text.is_empty())
        };
        let Some(step) = cell(step_at).and_then(step_of).filter(|step| *step >= last) else { return false };
        last = step;
        let values = columns.values.iter().filter(|(index, _)| Some(*index) != columns.time);
        let mut values = values.filter_map(|(index, _)| cell(*index)).peekable();
        numbers += usize::from(values.peek().is_some());
        if values.any(|value| value.parse::<f64>().is_err()) {
            return false;
        }
    }
    numbers > 0
}

/// The object that a line is.
pub(crate) fn object(line: &[u8]) -> Option<Value> {
    let value = Value::from_json(std::str::from_utf8(line.trim_ascii()).ok()?).ok()?;
    matches!(value, Value::Map(_)).then_some(value)
}

/// The values of objects by step, by series, and how many of the items are no objects, of a text of JSON that is a list.
pub(crate) fn of_list(text: &str, time_ms: i64) -> std::result::Result<(BTreeMap<String, Vec<Point>>, u64), Malformed> {
    value::read_json(text, |text| {
        let (mut wrong, mut at) = (None, 0);
        let mut gathered = Gathered { points: BTreeMap::new(), wrong: &mut wrong };
        value::each_item(text, &mut |item| {
            match item {
                Value::Map(_) => gathered.object(&item, at, time_ms),
                _ => gathered.wrong(at, "it is no JSON object"),
            }
            at += 1;
        })?;
        let points = gathered.points;
        Ok((points, wrong.map_or(0, |(_, _, count)| count)))
    })
}

/// What of an object goes by one of these names, in any case, with its own name.
fn named<'a>(value: &'a Value, names: &[&str]) -> Option<(&'a str, &'a Value)> {
    let of = |name: &&str| value.entries().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    names.iter().find_map(of).map(|(key, value)| (key.as_str(), value))
}

impl Gathered<'_> {
    fn object(&mut self, value: &Value, at: u64, time_ms: i64) {
        let step = named(value, &STEP).and_then(|(name, value)| Some((name, step_of(&value.text())?)));
        let time = named(value, &TIME).and_then(|(name, value)| Some((name, time_of(&value.text())?)));
        let time_ms = time.map_or(time_ms, |(_, time)| time);
        for (key, value) in value.leaves(".") {
            let taken = step.is_some_and(|(name, _)| name == key) || time.is_some_and(|(name, _)| name == key);
            // Text and lists beside the numbers are the log's own.
            if let Some(value) = number(value).filter(|_| !taken) {
                self.point(&key, Point { step: step.map_or(at.cast_signed(), |(_, step)| step), time_ms, value });
            }
        }
    }

    fn point(&mut self, key: &str, point: Point) {
        match self.points.get_mut(key) {
            Some(points) => points.push(point),
            None => drop(self.points.insert(key.to_owned(), vec![point])),
        }
    }

    fn wrong(&mut self, row: u64, why: &str) {
        // Rows count from 1 for a person.
        self.wrong.get_or_insert_with(|| (row + 1, why.to_owned(), 0)).2 += 1;
    }
}

struct Columns {
    delimiter: u8,
    count: usize,
    step: Option<usize>,
    time: Option<usize>,
    values: Vec<(usize, String)>,
    /// The first line names the columns; else it is a row like the others.
    is_named: bool,
    /// What is said of the names, if anything.
    said: Option<String>,
}

impl Columns {
    /// Columns of the same name are told apart as pandas tells them (`loss`, `loss.1`). A first line of nothing but numbers is
    /// a row, whose columns are called by their places; unless it counts them from 0, as pandas names what has no names.
    fn new(header: &str, delimiter: u8, key: Option<&str>) -> Self {
        let delimiter = if delimiter == b',' { separates(header) } else { delimiter };
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(header.as_bytes());
        let record = reader.records().next().and_then(std::result::Result::ok).unwrap_or_default();
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        let is_row = !cells.is_empty() && cells.iter().all(|cell| cell.parse::<f64>().is_ok());
        let counts = cells.iter().enumerate().all(|(at, cell)| *cell == at.to_string());
        let is_named = !is_row || counts;
        let (names, twice) = if is_named { apart(&cells) } else { (places(cells.len()), None) };
        let said = match (is_row, is_named) {
            (false, _) => twice,
            (true, true) => Some(
                "its first line counts its columns from 0 and was taken for their names: if it is a row, name them in a line above it".to_owned(),
            ),
            (true, false) => Some(
                "its first line is nothing but numbers: it was read as a row, and the columns are called by their places".to_owned(),
            ),
        };
        let named = |wanted: &[&str]| {
            wanted.iter().find_map(|wanted| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
        };
        let (step, time) = (named(&STEP), named(&TIME));
        let values = names.iter().enumerate().filter(|(index, name)| !name.is_empty() && Some(*index) != step);
        let named = |index: usize, name: &str| match key {
            Some(key) if Some(index) != time => key.to_owned(),
            _ => name.to_owned(),
        };
        let values = values.map(|(index, name)| (index, named(index, name))).collect();
        Self { delimiter, count: names.len(), step, time, values, is_named, said }
    }

    /// Whether a line without its line end has as many cells as the header.
    fn is_filled(&self, line: &[u8]) -> bool {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(self.delimiter).from_reader(line);
        let mut record = csv::ByteRecord::new();
        let is_read = reader.read_byte_record(&mut record).unwrap_or(false);
        is_read && record.len() >= self.count
    }
}

/// Names for so many columns without.
fn places(count: usize) -> Vec<String> {
    (1..=count).map(|place| format!("column {place}")).collect()
}

/// The names of a header, each once, and what is said where one stands there several times.
fn apart(cells: &[&str]) -> (Vec<String>, Option<String>) {
    let mut taken: HashSet<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
    let mut met: HashMap<&str, usize> = HashMap::new();
    let (mut names, mut said) = (Vec::with_capacity(cells.len()), None);
    for cell in cells.iter().copied() {
        let times = met.entry(cell).or_default();
        *times += 1;
        if *times == 1 || cell.is_empty() {
            names.push(cell.to_owned());
            continue;
        }
        let other = loop {
            let other = format!("{cell}.{}", *times - 1);
            if taken.insert(other.clone()) {
                break other;
            }
            *times += 1;
        };
        said.get_or_insert_with(|| format!("it has several columns called {cell}: the second is shown as {other}"));
        names.push(other);
    }
    (names, said)
}

/// What separates the columns of a header: a comma where there is any, else what there is more of.
fn separates(header: &str) -> u8 {
    let count = |wanted: u8| {
        let mut is_quoted = false;
        let outside = header.bytes().filter(|byte| {
            is_quoted ^= *byte == b'"';
            !is_quoted && *byte == wanted
        });
        outside.count()
    };
    let (commas, semicolons, tabs) = (count(b','), count(b';'), count(b'\t'));
    match (commas, semicolons, tabs) {
        (0, 0, 0) | (1.., ..) => b',',
        (_, semicolons, tabs) if semicolons >= tabs => b';',
        _ => b'\t',
    }
}

/// Whether an object has a step and a number beside it.
pub(crate) fn has_step(value: &Value) -> bool {
    let is_step = |key: &str| STEP.iter().any(|name| key.eq_ignore_ascii_case(name));
    let steps = value.entries().iter().any(|(key, value)| is_step(key) && step_of(&value.text()).is_some());
    steps && value.leaves(".").iter().any(|(key, value)| !is_step(key) && number(value).is_some())
}

/// The number that stands in a row: also one that its writer turned into text, as a cell of a table is.
fn number(value: &Value) -> Option<f64> {
    let of_text = || if let Value::Text(text) = value { text.trim().parse().ok() } else { None };
    value.number().or_else(of_text)
}

/// The step that a file of single values says.
pub(crate) fn step_in(value: &Value) -> Option<i64> {
    STEP.iter().find_map(|name| step_of(&named(value, &[*name])?.1.text()))
}

/// The steps that a file of lists says, beside the name of their list.
pub(crate) fn steps_in(value: &Value) -> Option<(&str, Vec<i64>)> {
    let (name, list) = named(value, &STEP)?;
    let steps: Option<Vec<i64>> = list.items().iter().map(|item| step_of(&item.text())).collect();
    Some((name, steps.filter(|steps| !steps.is_empty())?))
}

/// A whole number, also where it is written as a float.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
fn step_of(text: &str) -> Option<i64> {
    let whole = |value: &f64| value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| text.parse().ok().filter(whole).map(|value: f64| value as i64))
}

/// Milliseconds of a date as text (UTC where it says no zone), or of a number since 1970 in seconds, or their
/// thousandth, millionth or milliardth parts, told apart by size; `None` for what is no date after March 1973.
#[expect(clippy::cast_possible_truncation, reason = "a float that is out of range becomes the range's end")]
fn time_of(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let ms = match number {
            1e8..1e11 => number * 1e3,
            1e11..1e14 => number,
            1e14..1e17 => number / 1e3,
            1e17..1e20 => number / 1e6,
            _ => return None,
        };
        return Some(ms.round() as i64);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let local = text.parse::<jiff::civil::DateTime>().ok()?;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::{step_of, time_of};

    #[test]
    fn times_are_told_apart_by_size() {
        for text in
            ["1700000000.25", "1700000000250", "1700000000250000", "2023-11-14T22:13:20.25Z", "2023-11-14 22:13:20.25"]
        {
            assert_eq!(time_of(text), Some(1_700_000_000_250), "{text}");
        }
        for text in ["0.5", "12", "nan", "inf", "-1700000000", "soon", ""] {
            assert_eq!(time_of(text), None, "{text}");
        }
    }

    #[test]
    fn steps_are_whole() {
        assert_eq!([step_of("3"), step_of("3.0"), step_of("1e3")], [Some(3), Some(3), Some(1000)]);
        assert_eq!([step_of("3.5"), step_of("nan"), step_of("1e300"), step_of("x")], [None; 4]);
    }
}
