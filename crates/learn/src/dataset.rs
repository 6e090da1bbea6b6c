//! The plan's rows, part by part, as matrices and targets.
//!
//! Opening a dataset reads the training part only as far as fitting needs it; a part is read when it
//! is asked for. So the test part is read once, at the end, for the report.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use api::{
    config::{ColumnType, DataKind, ModelChoice},
    dataset::Role,
    evaluation::{PartRows, Task},
    worker::{Plan, PlanColumn},
};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use infer::preprocessing::{Fit, Matrix, Mode, Preprocessing};

use crate::{
    classes::{self, Classes},
    error::LearnError,
    pictures,
};

/// One part of a split, by the number that stands for it in the plan's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Training = 0,
    Validation = 1,
    Test = 2,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Rows with a target: features, and class indices or numbers.
#[derive(Debug, Clone)]
pub struct Rows {
    pub matrix: Matrix,
    pub targets: Vec<f64>,
}

/// A plan's data, with the preprocessing fitted on its training part.
pub struct Dataset<'a> {
    plan: &'a Plan,
    parts: Vec<u8>,
    pub classes: Classes,
    pub preprocessing: Preprocessing,
    /// What a reader of the report must know.
    pub remarks: Vec<String>,
}

impl<'a> Dataset<'a> {
    pub fn open(plan: &'a Plan) -> Result<Self, LearnError> {
        let path = PathBuf::from(&plan.data.parts);
        let parts = fs::read(&path).map_err(LearnError::io("read", &path))?;
        match plan.data.kind {
            DataKind::Table => Self::table(plan, parts),
            DataKind::Images => Self::images(plan, parts),
        }
    }

    fn table(plan: &'a Plan, parts: Vec<u8>) -> Result<Self, LearnError> {
        let mode = if plan.training.model == ModelChoice::Trees { Mode::Trees } else { Mode::Scaled };
        let mut fit = Fit::new(&plan.columns, mode);
        let (mut names, mut seen, mut without_target) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut row = 0;
        for batch in data::table::batches(parquet(plan)?, None)? {
            let batch = batch?;
            let (from, to) = (row, row + batch.num_rows());
            row = to;
            let parts = parts.get(from..to).ok_or_else(|| wrong_length(plan))?;
            let target = target(plan, &batch)?;
            if plan.task == Task::Regression {
                if let Some((place, value)) = classes::first_text(target)? {
                    return Err(LearnError::NotANumber {
                        target: plan.target.clone(),
                        row: (from + place) as u64 + 1,
                        value,
                    });
                }
            } else {
                classes::collect(&arrow_select::filter::filter(target, &mask(parts, |part| part < 3))?, &mut names)?;
            }
            if plan.task == Task::Regression {
                check_size(plan, target, from)?;
            }
            let training = select(&batch, parts, Part::Training)?;
            without_target += target_of(plan, &training)?.null_count();
            let training = with_target(plan, &training)?;
            note_values(plan, &training, &mut seen)?;
            fit.observe(&training)?;
        }
        if row != parts.len() {
            return Err(wrong_length(plan));
        }
        check_target(plan, &seen, names.len())?;
        let mut remarks = Vec::from_iter(no_inputs(plan));
        if without_target > 0 {
            remarks.push(format!(
                "{without_target} training rows have no value of \"{}\" and were left out.",
                plan.target
            ));
        }
        for class in names.difference(&seen).filter(|_| plan.task != Task::Regression) {
            remarks.push(format!("The class \"{class}\" has no training row, so it can't be predicted."));
        }
        let classes = Classes::new(names, plan.positive.as_deref());
        Ok(Self { plan, parts, classes, preprocessing: fit.finish()?, remarks })
    }

    fn images(plan: &'a Plan, parts: Vec<u8>) -> Result<Self, LearnError> {
        if parts.len() != plan.data.images.len() {
            return Err(wrong_length(plan));
        }
        let of = |wanted: &dyn Fn(u8) -> bool| {
            plan.data
                .images
                .iter()
                .zip(&parts)
                .filter(|(_, part)| wanted(**part))
                .map(|((path, class), _)| (path, class))
                .collect::<Vec<_>>()
        };
        let names: BTreeSet<String> = of(&|part| part < 3).into_iter().map(|(_, class)| class.clone()).collect();
        let training = of(&|part| part == 0);
        let seen: BTreeSet<String> = training.iter().map(|(_, class)| (*class).clone()).collect();
        check_target(plan, &seen, names.len())?;
        let shape = pictures::shape(images_folder(plan)?, training.iter().map(|(path, _)| path.as_str()))?;
        let preprocessing = Preprocessing::images(shape, training.len() as u64);
        let classes = Classes::new(names, plan.positive.as_deref());
        Ok(Self { plan, parts, classes, preprocessing, remarks: Vec::new() })
    }

    /// How many rows each part has, those without a target included.
    pub fn counts(&self) -> PartRows {
        let count = |part| self.part_rows(part) as u64;
        PartRows { training: count(Part::Training), validation: count(Part::Validation), test: count(Part::Test) }
    }

    fn part_rows(&self, part: Part) -> usize {
        self.parts.iter().filter(|value| **value == part as u8).count()
    }

    /// Reads a part.
    pub fn rows(&self, part: Part) -> Result<Rows, LearnError> {
        // Taken at once: a vector that grows by doubling holds three times its content while it does.
        let (width, expected) = (self.preprocessing.width(), self.part_rows(part));
        let mut rows = Rows {
            matrix: Matrix { values: Vec::with_capacity(expected * width), rows: 0, width },
            targets: Vec::with_capacity(expected),
        };
        self.visit(part, |batch, targets| {
            let matrix = self.preprocessing.apply(batch)?;
            rows.matrix.values.extend_from_slice(&matrix.values);
            rows.matrix.rows += matrix.rows;
            rows.targets.extend(targets);
            Ok(())
        })?;
        if rows.targets.is_empty() {
            return Err(LearnError::NoRows { target: self.plan.target.clone(), part: part.name() });
        }
        Ok(rows)
    }

    /// Calls `visit` with a part's targets alone, in the order of the snapshot.
    pub fn visit_targets(&self, part: Part, mut visit: impl FnMut(Vec<f64>)) -> Result<(), LearnError> {
        if self.plan.data.kind == DataKind::Images {
            visit(self.chosen_images(part).into_iter().map(|(_, class)| self.class_number(class)).collect());
            return Ok(());
        }
        self.visit(part, |_batch, targets| {
            visit(targets);
            Ok(())
        })
    }

    fn chosen_images(&self, part: Part) -> Vec<&(String, String)> {
        let images = self.plan.data.images.iter().zip(&self.parts);
        images.filter(|(_, value)| **value == part as u8).map(|(image, _)| image).collect()
    }

    fn class_number(&self, class: &str) -> f64 {
        self.classes.index(class).map_or(f64::NAN, |index| index as f64)
    }

    /// Calls `visit` with the raw rows of a part that have a target, and with their targets, in the
    /// order of the snapshot.
    pub fn visit(
        &self,
        part: Part,
        mut visit: impl FnMut(&RecordBatch, Vec<f64>) -> Result<(), LearnError>,
    ) -> Result<(), LearnError> {
        match self.plan.data.kind {
            DataKind::Table => {
                let mut row = 0;
                for batch in data::table::batches(parquet(self.plan)?, None)? {
                    let batch = batch?;
                    let parts = self.parts.get(row..row + batch.num_rows()).ok_or_else(|| wrong_length(self.plan))?;
                    row += batch.num_rows();
                    let batch = with_target(self.plan, &select(&batch, parts, part)?)?;
                    if batch.num_rows() > 0 {
                        let targets = classes::numbers(target(self.plan, &batch)?, self.plan.task, &self.classes)?;
                        visit(&batch, targets)?;
                    }
                }
            }
            DataKind::Images => {
                for images in self.chosen_images(part).chunks(pictures::AT_ONCE) {
                    let batch = pictures::batch(
                        images_folder(self.plan)?,
                        images.iter().map(|(path, _)| path.as_str()),
                        self.preprocessing.mode,
                    )?;
                    visit(&batch, images.iter().map(|(_, class)| self.class_number(class)).collect())?;
                }
            }
        }
        Ok(())
    }
}

/// The columns that are not learned from, and why.
fn no_inputs(plan: &Plan) -> Option<String> {
    let why = |column: &PlanColumn| match column.role {
        Role::Target => None,
        Role::Timestamp => Some("the time of a row"),
        Role::Group => Some("groups rows"),
        Role::Ignored => Some("ignored"),
        Role::Feature => (column.kind == ColumnType::Text).then_some("free text"),
    };
    let named = |column: &PlanColumn| Some(format!("\"{}\" ({})", column.name, why(column)?));
    let all: Vec<String> = plan.columns.iter().filter_map(named).collect();
    (!all.is_empty()).then(|| format!("Not used as input: {}.", all.join(", ")))
}

fn parquet(plan: &Plan) -> Result<&Path, LearnError> {
    plan.data.parquet.as_deref().map(Path::new).ok_or_else(|| plan_error("it names no Parquet file"))
}

fn images_folder(plan: &Plan) -> Result<&Path, LearnError> {
    plan.data.folder.as_deref().map(Path::new).ok_or_else(|| plan_error("it names no folder of images"))
}

fn plan_error(reason: &str) -> LearnError {
    LearnError::Plan { reason: reason.to_owned(), hint: "Start the run anew." }
}

fn wrong_length(plan: &Plan) -> LearnError {
    let reason = format!("{} does not have one byte for each row", plan.data.parts);
    LearnError::Plan { reason, hint: "The snapshot's Parquet form may have been rebuilt; start the run anew." }
}

fn target<'b>(plan: &Plan, batch: &'b RecordBatch) -> Result<&'b arrow_array::ArrayRef, LearnError> {
    batch.column_by_name(&plan.target).ok_or_else(|| LearnError::Plan {
        reason: format!("the rows have no column \"{}\"", plan.target),
        hint: "Choose the target again, then start the run anew.",
    })
}

fn target_of(plan: &Plan, batch: &RecordBatch) -> Result<arrow_array::ArrayRef, LearnError> {
    target(plan, batch).cloned()
}

fn mask(parts: &[u8], wanted: impl Fn(u8) -> bool) -> BooleanArray {
    parts.iter().map(|part| Some(wanted(*part))).collect()
}

fn select(batch: &RecordBatch, parts: &[u8], part: Part) -> Result<RecordBatch, LearnError> {
    Ok(filter_record_batch(batch, &mask(parts, |value| value == part as u8))?)
}

/// The rows whose target is there.
fn with_target(plan: &Plan, batch: &RecordBatch) -> Result<RecordBatch, LearnError> {
    let target = target(plan, batch)?;
    let texts = classes::texts(target)?;
    let there: BooleanArray = match plan.task {
        Task::Regression => infer::columns::numbers(target)?.into_iter().map(|value| Some(value.is_finite())).collect(),
        _ => texts.iter().map(|text| Some(text.is_some_and(|text| !text.is_empty()))).collect(),
    };
    Ok(if there.false_count() == 0 { batch.clone() } else { filter_record_batch(batch, &there)? })
}

/// Trees hold targets in f32, and squares of networks' errors must not overflow.
fn check_size(plan: &Plan, target: &arrow_array::ArrayRef, from: usize) -> Result<(), LearnError> {
    const LARGEST: f64 = 1e30;
    let values = infer::columns::numbers(target)?;
    match values.iter().position(|value| value.abs() > LARGEST) {
        None => Ok(()),
        Some(place) => Err(LearnError::TooLarge {
            target: plan.target.clone(),
            row: (from + place) as u64 + 1,
            value: values[place],
        }),
    }
}

/// Notes the target's values: all class names, or the first two numbers (as text), which is enough
/// to see that it is not constant.
fn note_values(plan: &Plan, training: &RecordBatch, seen: &mut BTreeSet<String>) -> Result<(), LearnError> {
    if plan.task == Task::Regression && seen.len() > 1 {
        return Ok(());
    }
    classes::collect(target(plan, training)?, seen)
}

fn check_target(plan: &Plan, seen: &BTreeSet<String>, classes: usize) -> Result<(), LearnError> {
    match (seen.len(), seen.first()) {
        (0, _) | (_, None) => Err(LearnError::NoRows { target: plan.target.clone(), part: Part::Training.name() }),
        (1, Some(value)) => Err(LearnError::ConstantTarget { target: plan.target.clone(), value: value.clone() }),
        _ if plan.task == Task::BinaryClassification && classes != 2 => Err(LearnError::Plan {
            reason: format!("\"{}\" has {classes} classes, and the plan says two", plan.target),
            hint: "Start the run anew.",
        }),
        _ => Ok(()),
    }
}
