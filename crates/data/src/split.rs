//! Which rows train, which validate, which test.
//!
//! The unit of a split is not the row but what must stay together: all rows with one hash, or all
//! rows of one group. A unit's place is decided by a keyed hash of itself (random, stratified,
//! group) or by its latest time, so that the order of the files has no say. Units that a previous
//! record knows keep their part; the shares are then met over old and new together as well as the
//! new units allow.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    io::Write,
    path::Path,
};

use api::{
    config::{ColumnType, DataConfig, SplitConfig, SplitMethod},
    evaluation::Task,
};
use arrow_array::Array as _;

use crate::{
    column::{self, Values},
    error::{DataError, thousands},
    images,
    row_hash::{RowHash, RowHasher},
    split_record::{HashedAlready, SplitRecord},
    table, whole_file,
};

/// The bytes of a parts file.
pub const TRAINING: u8 = 0;
pub const VALIDATION: u8 = 1;
pub const TEST: u8 = 2;
/// The target is missing there.
pub const LEFT_OUT: u8 = 3;

/// The part of each row, in the table's order, and the record that the next split inherits.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// One byte a row.
    pub parts: Vec<u8>,
    pub record: SplitRecord,
    /// What `auto` became.
    pub method: SplitMethod,
    /// Rows by part: training, validation, test, left out.
    pub counts: [u64; 4],
    /// Rows whose part came from the previous record.
    pub inherited: u64,
    /// Sentences that the person should read ("412 rows have no target and are left out").
    pub notes: Vec<String>,
}

/// Assigns each row of a converted table (or image index) to a part. Equal rows (equal in all
/// columns; images: equal bytes) stay together, groups too; rows that `previous` knows keep their
/// part and only new ones are assigned. The same input and seed give the same parts.
pub fn assign(
    parquet: &Path,
    data: &DataConfig,
    split: &SplitConfig,
    previous: Option<&SplitRecord>,
) -> Result<Assigned, DataError> {
    let valid = |share: f64| share > 0.0 && share < 1.0;
    if !valid(split.validation) || !valid(split.test) || split.validation + split.test >= 1.0 {
        return Err(DataError::Shares { validation: split.validation, test: split.test });
    }
    let rows = read(parquet, data, split.method)?;
    let classes = check_target(&rows)?;
    let method = method(data, split.method, classes.is_some())?;
    let mut units = units(&rows, method);
    check_classes(&rows, &units, classes.as_ref())?;
    if units.len() < 3 {
        return Err(DataError::TooFewRows { rows: units.len() as u64, needed: 3 });
    }

    let known = inherit(&mut units, previous);
    match method {
        SplitMethod::Time => by_time(&mut units, split),
        SplitMethod::Stratified => {
            let mut strata: BTreeMap<u32, Vec<&mut Unit>> = BTreeMap::new();
            units.iter_mut().for_each(|unit| strata.entry(unit.class).or_default().push(unit));
            strata.into_values().for_each(|stratum| by_chance(stratum, split));
        }
        _ => by_chance(units.iter_mut().collect(), split),
    }
    Ok(gather(&rows, units, known, previous, method))
}

/// What the split needs of each row.
struct RowFacts {
    hashes: Vec<RowHash>,
    groups: Option<Vec<RowHash>>,
    /// The class's number; `u32::MAX` where the target is missing.
    classes: Vec<u32>,
    class_names: Vec<String>,
    target: Option<(String, ColumnType)>,
    times: Option<Vec<i64>>,
}

const MISSING: u32 = u32::MAX;
/// A row without a time may be of any. The oldest place trains, as long as later rows fill the other parts.
const NO_TIME: i64 = i64::MIN;

/// What stays together.
struct Unit {
    hash: RowHash,
    rows: Vec<u32>,
    class: u32,
    time: i64,
    part: Option<u8>,
}

fn read(parquet: &Path, data: &DataConfig, method: SplitMethod) -> Result<RowFacts, DataError> {
    let described = table::describe(parquet)?;
    let names: Vec<String> = described.columns.iter().map(|(name, _)| name.clone()).collect();
    let place = |named: &Option<String>, role: &'static str| match named {
        None => Ok(None),
        Some(name) => match names.iter().position(|column| column == name) {
            Some(place) => Ok(Some(place)),
            None => Err(DataError::NoColumn { column: name.clone(), columns: names.clone(), role }),
        },
    };
    let target = place(&data.target, "target")?;
    let wants_time = matches!(method, SplitMethod::Time | SplitMethod::Auto);
    let timestamp = if wants_time { place(&data.timestamp, "timestamp")? } else { None };
    let group = place(&data.group, "group")?;
    if let Some(place) = timestamp
        && !matches!(described.columns[place].1, ColumnType::Datetime | ColumnType::Integer | ColumnType::Decimal)
    {
        let (column, kind) = &described.columns[place];
        return Err(DataError::TimestampType { column: column.clone(), kind: kind.word() });
    }
    let mut facts = RowFacts {
        hashes: Vec::new(),
        groups: group.map(|_| Vec::new()),
        classes: Vec::new(),
        class_names: Vec::new(),
        target: target.map(|place| described.columns[place].clone()),
        times: timestamp.map(|_| Vec::new()),
    };
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let batches = table::batches(parquet, None)?;
    let is_images = images::is_index(batches.schema());
    let rows = RowHasher::new(batches.schema(), |name| !is_images || name == images::CONTENT);
    let groups = group.map(|place| RowHasher::new(batches.schema(), |name| name == names[place]));
    for batch in batches {
        let batch = batch?;
        let first = facts.hashes.len();
        facts.hashes.extend(rows.hashes(&batch));
        if let (Some(place), Some(groups), Some(out)) = (group, &groups, &mut facts.groups) {
            // A row without a group is of none: it stands by itself.
            let named = batch.column(place);
            let hashes = groups.hashes(&batch).into_iter().zip(&facts.hashes[first..]).enumerate();
            out.extend(hashes.map(|(row, (of_group, own))| if named.is_null(row) { *own } else { of_group }));
        }
        if let Some(values) = target.and_then(|place| Values::of(batch.column(place))) {
            for row in 0..batch.num_rows() {
                facts.classes.push(class(&values, row, &mut numbers, &mut facts.class_names));
            }
        }
        if let Some(times) = &mut facts.times
            && let Some(values) = timestamp.and_then(|place| Values::of(batch.column(place)))
        {
            for row in 0..batch.num_rows() {
                // Decimals keep three digits behind the point.
                let time = match values {
                    Values::Decimal(_) => values.number(row).map(|value| (value * 1000.0).round() as i64),
                    Values::Integer(array) => values.number(row).map(|_| array.value(row)),
                    _ => values.number(row).map(|value| value as i64),
                };
                times.push(time.unwrap_or(NO_TIME));
            }
        }
    }
    Ok(facts)
}

/// A class's number by its text; numbers of a regression share one as soon as there are many.
fn class(values: &Values<'_>, row: usize, numbers: &mut HashMap<String, u32>, names: &mut Vec<String>) -> u32 {
    const MOST_NAMES: usize = 100_000;
    let Some(text) = values.text(row) else { return MISSING };
    if let Some(number) = numbers.get(&text) {
        return *number;
    }
    if names.len() >= MOST_NAMES {
        return MOST_NAMES as u32 - 1;
    }
    let number = names.len() as u32;
    numbers.insert(text.clone(), number);
    names.push(text);
    number
}

/// Missing and constant targets are errors; `Some` holds rows by class for a classification.
fn check_target(rows: &RowFacts) -> Result<Option<Vec<u64>>, DataError> {
    let Some((column, kind)) = &rows.target else { return Ok(None) };
    let total = rows.classes.len() as u64;
    match rows.class_names.as_slice() {
        [] => return Err(DataError::TargetAllMissing { column: column.clone(), rows: total }),
        [value] => {
            let present = rows.classes.iter().filter(|class| **class != MISSING).count() as u64;
            return Err(DataError::TargetConstant { column: column.clone(), value: value.clone(), rows: present });
        }
        _ => {}
    }
    let is_classes = column::task(*kind, rows.class_names.len() as u64) != Task::Regression;
    if !is_classes {
        return Ok(None);
    }
    let mut counts = vec![0; rows.class_names.len()];
    rows.classes.iter().filter(|class| **class != MISSING).for_each(|class| counts[*class as usize] += 1);
    Ok(Some(counts))
}

/// Each class needs a unit in every part.
fn check_classes(rows: &RowFacts, units: &[Unit], classes: Option<&Vec<u64>>) -> Result<(), DataError> {
    let (Some(_), Some((column, _))) = (classes, &rows.target) else { return Ok(()) };
    // Groups may hold several classes; what counts for them is rows.
    let mut counts = vec![0_u64; rows.class_names.len()];
    for unit in units {
        let mut seen: Vec<u32> = unit.rows.iter().map(|row| rows.classes[*row as usize]).collect();
        if rows.groups.is_none() {
            seen.dedup();
        }
        seen.into_iter().filter(|class| *class != MISSING).for_each(|class| counts[class as usize] += 1);
    }
    // Only where no class can be learned from is there nothing to do; a rare class among others is
    // a warning of the profile, unless it can't reach every part.
    match counts.iter().enumerate().min_by_key(|(_, count)| **count) {
        Some((class, count)) if *count < 3 => Err(DataError::ClassTooSmall {
            column: column.clone(),
            class: rows.class_names[class].clone(),
            rows: *count,
        }),
        _ => Ok(()),
    }
}

fn method(data: &DataConfig, asked: SplitMethod, is_classes: bool) -> Result<SplitMethod, DataError> {
    Ok(match asked {
        SplitMethod::Auto if data.timestamp.is_some() => SplitMethod::Time,
        SplitMethod::Auto if data.group.is_some() => SplitMethod::Group,
        SplitMethod::Auto if is_classes => SplitMethod::Stratified,
        SplitMethod::Auto => SplitMethod::Random,
        SplitMethod::Time if data.timestamp.is_none() => {
            return Err(DataError::SplitColumnMissing { method: "time", key: "timestamp" });
        }
        SplitMethod::Group if data.group.is_none() => {
            return Err(DataError::SplitColumnMissing { method: "group", key: "group" });
        }
        // Without classes every row is of the one stratum.
        SplitMethod::Stratified if !is_classes => SplitMethod::Random,
        other => other,
    })
}

/// Units in the order of their first row; rows without a target are in none.
fn units(rows: &RowFacts, method: SplitMethod) -> Vec<Unit> {
    let mut places: HashMap<RowHash, usize, BuildHasherDefault<HashedAlready>> = HashMap::default();
    let mut units: Vec<Unit> = Vec::new();
    // A named group stays together whatever the method is.
    let together = rows.groups.as_ref().unwrap_or(&rows.hashes);
    for (row, hash) in together.iter().enumerate() {
        let class = rows.classes.get(row).copied().unwrap_or(0);
        if class == MISSING {
            continue;
        }
        let time = rows.times.as_ref().map_or(0, |times| times[row]);
        let place = *places.entry(*hash).or_insert_with(|| {
            let class = if method == SplitMethod::Stratified { class } else { 0 };
            units.push(Unit { hash: *hash, rows: Vec::new(), class, time, part: None });
            units.len() - 1
        });
        let unit = &mut units[place];
        unit.rows.push(row as u32);
        // Latest, so that nothing of a unit that trains happens after a test row.
        unit.time = unit.time.max(time);
    }
    units
}

/// Gives known units their part; the number of their rows.
fn inherit(units: &mut [Unit], previous: Option<&SplitRecord>) -> u64 {
    let Some(previous) = previous else { return 0 };
    let mut rows = 0;
    for unit in units {
        if let Some(part) = previous.part(unit.hash) {
            unit.part = Some(part);
            rows += unit.rows.len() as u64;
        }
    }
    rows
}

/// Fills test, then validation, from units in the order of a keyed hash, until the shares are met
/// over all units; the rest trains. So does a unit of more than half of the rows: in another part it would leave
/// little to learn from.
fn by_chance(mut units: Vec<&mut Unit>, split: &SplitConfig) {
    let total: usize = units.iter().map(|unit| unit.rows.len()).sum();
    if let Some(most) = units.iter_mut().find(|unit| unit.rows.len() * 2 > total) {
        most.part.get_or_insert(TRAINING);
    }
    let mut key = [0; 32];
    key[..8].copy_from_slice(&split.seed.to_le_bytes());
    units.sort_by_cached_key(|unit| {
        let digest = blake3::keyed_hash(&key, &unit.hash.to_le_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&digest.as_bytes()[..16]);
        (u128::from_be_bytes(first), unit.hash)
    });
    fill(units.as_mut_slice(), split);
}

/// The latest units test, those before them validate. Old units keep their part, so new ones test
/// as long as the share is not met.
fn by_time(units: &mut [Unit], split: &SplitConfig) {
    let mut ordered: Vec<&mut Unit> = units.iter_mut().collect();
    ordered.sort_by(|left, right| right.time.cmp(&left.time).then(left.hash.cmp(&right.hash)));
    fill(ordered.as_mut_slice(), split);
}

fn fill(ordered: &mut [&mut Unit], split: &SplitConfig) {
    let rows = |part: Option<u8>, units: &[&mut Unit]| {
        units.iter().filter(|unit| unit.part == part).map(|unit| unit.rows.len()).sum::<usize>()
    };
    let total: usize = ordered.iter().map(|unit| unit.rows.len()).sum();
    let mut left = ordered.iter().filter(|unit| unit.part.is_none()).count();
    for (part, share) in [(TEST, split.test), (VALIDATION, split.validation)] {
        // At least one unit in each part, however small the data is and however large its units are.
        let wanted = ((total as f64 * share).round() as usize).max(1);
        let mut filled = rows(Some(part), ordered);
        let is_empty = |other: u8| usize::from(rows(Some(other), ordered) == 0);
        let to_train = is_empty(TRAINING);
        let to_others = if part == TEST { to_train + is_empty(VALIDATION) } else { to_train };
        for unit in ordered.iter_mut().filter(|unit| unit.part.is_none()) {
            let kept = if filled == 0 { to_train } else { to_others };
            if filled >= wanted || left <= kept {
                break;
            }
            filled += unit.rows.len();
            unit.part = Some(part);
            left -= 1;
        }
    }
    ordered.iter_mut().filter(|unit| unit.part.is_none()).for_each(|unit| unit.part = Some(TRAINING));
}

/// Rows that train though they are later than the first row that tests.
fn trained_later(units: &[Unit]) -> u64 {
    let of = |part| units.iter().filter(move |unit| unit.part == Some(part));
    let Some(first) = of(TEST).map(|unit| unit.time).min() else { return 0 };
    of(TRAINING).filter(|unit| unit.time > first).map(|unit| unit.rows.len() as u64).sum()
}

fn gather(
    rows: &RowFacts,
    units: Vec<Unit>,
    inherited: u64,
    previous: Option<&SplitRecord>,
    method: SplitMethod,
) -> Assigned {
    let mut parts = vec![LEFT_OUT; rows.hashes.len()];
    let mut record = previous.cloned().unwrap_or_default();
    let mut repeated = 0;
    let overtaken = if method == SplitMethod::Time { trained_later(&units) } else { 0 };
    for unit in units {
        let part = unit.part.unwrap_or(TRAINING);
        repeated += unit.rows.len() as u64 - 1;
        unit.rows.iter().for_each(|row| parts[*row as usize] = part);
        record.parts.insert(unit.hash, part);
    }
    let mut counts = [0; 4];
    parts.iter().for_each(|part| counts[usize::from(*part)] += 1);
    let mut notes = Vec::new();
    let left_out = counts[usize::from(LEFT_OUT)];
    if left_out > 0 {
        notes.push(format!("{} without a target left out.", counted(left_out)));
    }
    if method == SplitMethod::Time {
        let without_time = |part: u8| {
            let times = rows.times.iter().flatten().zip(&parts);
            times.filter(|(time, found)| **time == NO_TIME && **found == part).count() as u64
        };
        for (part, name) in [(TRAINING, "training"), (VALIDATION, "validation"), (TEST, "the test part")] {
            let count = without_time(part);
            if count > 0 {
                notes.push(format!("{} without a time put into {name}.", counted(count)));
            }
        }
    }
    if repeated > 0 && rows.groups.is_none() {
        notes.push(format!("{} equal to others; equal rows stay in one part.", counted(repeated)));
    }
    if previous.is_some() {
        let new = rows.hashes.len() as u64 - inherited - left_out;
        notes.push(format!("{} kept from the earlier split, {} new.", counted(inherited), thousands(new)));
    }
    if overtaken > 0 {
        notes.push(format!(
            "{} in training though later than the first that tests, since earlier rows keep their part: the test may \
             look better than the future. Another seed of the split assigns all rows anew.",
            counted(overtaken)
        ));
    }
    Assigned { parts, record, method, counts, inherited, notes }
}

fn counted(rows: u64) -> String {
    api::figure::counted(rows, "row is", "rows are")
}

/// Writes the one-byte-a-row file of a plan: to a temporary name, synced, renamed.
pub fn write_parts(path: &Path, parts: &[u8]) -> Result<(), DataError> {
    whole_file::write(path, |mut file| file.write_all(parts).map_err(DataError::io("write", path)))
}

/// Reads a parts file.
pub fn read_parts(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(DataError::io("read", path))
}
