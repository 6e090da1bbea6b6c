//! A table in, its columns and the model's answers out, batch by batch; or a folder of pictures in, their names
//! and the answers out.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError,
    config::{ColumnType, DataConfig, DataKind},
    model::Signature,
};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use data::{
    column::Values,
    error::DataError,
    scan::{self, ScannedFile},
    table,
};
use infer::{
    images::{self, Shape},
    model::Model,
};

use crate::{
    blocking::{Step, Tell},
    jobs::cancelled,
    output::Output,
    package,
    snapshot::thousands,
};

/// Pictures that are answered at once.
const PICTURES_AT_ONCE: usize = 256;

enum Format {
    /// By this byte.
    Delimited(u8),
    JsonLines,
    Parquet,
}

enum Out {
    Delimited {
        writer: csv::Writer<BufWriter<File>>,
        /// The header is written.
        is_begun: bool,
    },
    JsonLines(BufWriter<File>),
    Parquet(Option<parquet::arrow::ArrowWriter<File>>, Option<File>),
}

/// What was written.
pub(super) struct Predicted {
    pub(super) rows: u64,
    /// Answers whose name a column of the input has, and the name that they got instead.
    pub(super) renamed: Vec<(String, String)>,
}

/// Where the rows come from and where they go, both named by the caller.
pub(super) struct Files {
    /// A table, or for a model of pictures a folder of them.
    pub(super) input: PathBuf,
    pub(super) output: Output,
}

/// How far the work is once a table is read.
const READ: f64 = 0.4;

impl Files {
    /// What can be refused before anything is read.
    pub(super) fn check(&self, signature: &Signature) -> anyhow::Result<()> {
        let Self { input, output } = self;
        output.check()?;
        format_of(&output.path)?;
        let there = std::fs::metadata(input)
            .map_err(|error| ApiError::not_found(format!("{} can't be read: {error}.", input.display())))?;
        let takes_pictures = signature.inputs.iter().any(|input| input.kind == ColumnType::Image);
        match (takes_pictures, there.is_dir()) {
            (true, false) => bail!(
                ApiError::invalid(format!("This model reads pictures, and {} is no folder.", input.display()))
                    .with_hint("Name a folder of pictures.")
            ),
            (false, true) => bail!(
                ApiError::invalid(format!("This model reads tables, and {} is a folder.", input.display()))
                    .with_hint("Name a file of rows.")
            ),
            // A pipe would be waited for without an end.
            (false, false) if !there.is_file() => bail!(ApiError::from(DataError::NotAFile { path: input.clone() })),
            _ => Ok(()),
        }
    }

    /// The output has its name only once it is whole; `halves` has what is of use till then.
    pub(super) fn predict(&self, model: &Model, halves: &Path, tell: Tell<'_, Step>) -> anyhow::Result<Predicted> {
        let (file, half) = self.output.begin(halves)?;
        let mut out = Out::open(&self.output.path, file)?;
        let predicted = match model.head().data {
            DataKind::Table => self.table(model, halves, &mut out, tell)?,
            DataKind::Images => Predicted { rows: self.pictures(model, &mut out, tell)?, renamed: Vec::new() },
        };
        out.finish().with_context(|| format!("write {}", self.output.path.display()))?;
        half.finish()?;
        Ok(predicted)
    }

    /// The table's columns, then the answers.
    fn table(&self, model: &Model, halves: &Path, out: &mut Out, tell: Tell<'_, Step>) -> anyhow::Result<Predicted> {
        let parquet = tempfile::Builder::new()
            .prefix("predict-")
            .suffix(".parquet")
            .tempfile_in(halves)
            .context("make a table in the workspace")?;
        let all = convert(model, &self.input, parquet.path(), tell)?;
        let (mut rows, mut renamed) = (0, Vec::new());
        for batch in table::batches(parquet.path(), None).map_err(ApiError::from)? {
            let batch = batch.map_err(ApiError::from)?;
            let answers = self.answers(model, &batch)?;
            rows += batch.num_rows() as u64;
            let beside;
            (beside, renamed) = both(&batch, &answers)?;
            self.write(out, &beside)?;
            answered(rows, all, READ, tell)?;
        }
        Ok(Predicted { rows, renamed })
    }

    /// A row a picture, sorted by name: its `file`, then the answers. As in training, one that can't be read
    /// is an error that names it and counts the others.
    fn pictures(&self, model: &Model, out: &mut Out, tell: Tell<'_, Step>) -> anyhow::Result<u64> {
        let config = DataConfig { paths: vec![".".to_owned()], kind: DataKind::Images, ..DataConfig::default() };
        let files = scan::files(&self.input, &config).map_err(ApiError::from)?;
        let input = model.head().signature.inputs.first().context("find the model's input")?;
        let shape = Shape::from_slice(&input.shape).context("find the shape of the model's pictures")?;
        let mut corrupt: Option<(String, String)> = None;
        let (mut seen, mut others) = (0, 0);
        for chunk in files.chunks(PICTURES_AT_ONCE) {
            let mut pixels = Vec::with_capacity(chunk.len() * shape.values());
            for file in chunk {
                let bytes = std::fs::read(&file.path).with_context(|| format!("read {}", file.path.display()))?;
                match images::decode(&bytes, shape) {
                    Ok(picture) => pixels.extend(picture),
                    Err(error) if corrupt.is_none() => corrupt = Some((file.name.clone(), error.to_string())),
                    Err(_) => others += 1,
                }
                seen += 1;
                answered(seen, files.len() as u64, 0.0, tell)?;
            }
            // After one that can't be read, the rest is only looked through.
            if corrupt.is_some() {
                continue;
            }
            let column = images::column(pixels, shape);
            let field = Field::new(&input.name, column.data_type().clone(), true);
            let answers = self.answers(model, &RecordBatch::try_new(Schema::new(vec![field]).into(), vec![column])?)?;
            let names: ArrayRef = Arc::new(chunk.iter().map(|file| Some(file.name.as_str())).collect::<StringArray>());
            let field = Field::new("file", DataType::Utf8, false);
            let names = RecordBatch::try_new(Schema::new(vec![field]).into(), vec![names])?;
            self.write(out, &both(&names, &answers)?.0)?;
        }
        match corrupt {
            Some((file, reason)) => bail!(ApiError::from(DataError::CorruptImage { file, reason, others })),
            None => Ok(seen),
        }
    }

    fn answers(&self, model: &Model, batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
        Ok(model.predict(batch).map_err(|error| {
            ApiError::invalid(format!("The model can't answer rows of {}: {error}.", self.input.display()))
        })?)
    }

    fn write(&self, out: &mut Out, batch: &RecordBatch) -> anyhow::Result<()> {
        out.write(batch).with_context(|| format!("write {}", self.output.path.display()))
    }
}

/// Says how many rows are answered; errs where the work was cancelled.
fn answered(rows: u64, all: u64, from: f64, tell: Tell<'_, Step>) -> anyhow::Result<()> {
    let message = format!("Answers the rows, {} of {}", thousands(rows), thousands(all));
    let fraction = from + (1.0 - from) * rows as f64 / all.max(1) as f64;
    if tell(Step { fraction, message }).is_break() {
        bail!(cancelled());
    }
    Ok(())
}

/// Reads the input with the types that the model was trained with; how many rows it has.
fn convert(model: &Model, input: &Path, parquet: &Path, tell: Tell<'_, Step>) -> anyhow::Result<u64> {
    let metadata = std::fs::metadata(input)
        .map_err(|error| ApiError::not_found(format!("{} can't be read: {error}.", input.display())))?;
    let name = input.file_name().map_or_else(|| input.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
    let size_bytes = metadata.len();
    let file = ScannedFile { path: input.to_owned(), name, size_bytes, modified_ms: 0, inode: None };
    let mut read = 0;
    // Every byte is read twice, for the types and for the rows; once more each where the model's types are others.
    let mut progress = |bytes: u64| {
        read += bytes;
        let message = format!("Reads the rows, {} in all", package::size(size_bytes));
        tell(Step { fraction: READ * read as f64 / (4 * size_bytes).max(1) as f64, message })
    };
    let mut config = DataConfig::default();
    let untyped =
        table::convert(std::slice::from_ref(&file), &config, parquet, &mut progress).map_err(ApiError::from)?;
    let inputs = &model.head().signature.inputs;
    if let Some(missing) =
        inputs.iter().find(|input| !input.optional && !untyped.columns.iter().any(|(name, _)| *name == input.name))
    {
        bail!(
            ApiError::invalid(format!(
                "{} has no column \"{}\", which the model needs.",
                input.display(),
                missing.name
            ))
            .with_hint("Add it, or name it so in the header.")
        );
    }
    let differs = |(name, kind): &(String, _)| inputs.iter().any(|input| input.name == *name && input.kind != *kind);
    if !untyped.columns.iter().any(differs) {
        return Ok(untyped.rows);
    }
    let known = |name: &str| untyped.columns.iter().any(|(column, _)| column == name);
    config.types =
        inputs.iter().filter(|input| known(&input.name)).map(|input| (input.name.clone(), input.kind)).collect();
    let typed = table::convert(std::slice::from_ref(&file), &config, parquet, &mut progress).map_err(ApiError::from)?;
    Ok(typed.rows)
}

/// The input's columns, then the answers. An answer whose name the input has already gets a number behind it: what the
/// person brought (true labels, most likely) stays. Those are returned, each with its new name.
fn both(batch: &RecordBatch, answers: &RecordBatch) -> anyhow::Result<(RecordBatch, Vec<(String, String)>)> {
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    let mut renamed = Vec::new();
    for (field, column) in answers.schema().fields().iter().zip(answers.columns()) {
        let is_taken = |name: &str| {
            let is_answer = name != field.name() && answers.schema().column_with_name(name).is_some();
            is_answer || fields.iter().any(|field| field.name() == name)
        };
        let numbered = (2..).map(|number| format!("{}_{number}", field.name()));
        let mut names = std::iter::once(field.name().clone()).chain(numbered);
        let name = names.find(|name| !is_taken(name)).unwrap_or_else(|| field.name().clone());
        if name != *field.name() {
            renamed.push((field.name().clone(), name.clone()));
        }
        fields.push(field.as_ref().clone().with_name(name));
        columns.push(column.clone());
    }
    Ok((RecordBatch::try_new(Schema::new(fields).into(), columns)?, renamed))
}

/// What the output's name says that it is.
fn format_of(output: &Path) -> anyhow::Result<Format> {
    let extension = output.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(match extension.as_str() {
        "parquet" => Format::Parquet,
        "jsonl" | "ndjson" => Format::JsonLines,
        "tsv" => Format::Delimited(b'\t'),
        "csv" => Format::Delimited(b','),
        other => bail!(
            ApiError::invalid(format!("Predictions can't be written as \".{other}\"."))
                .with_hint("Name the output .csv, .tsv, .jsonl or .parquet.")
        ),
    })
}

impl Out {
    fn open(output: &Path, file: File) -> anyhow::Result<Self> {
        Ok(match format_of(output)? {
            Format::Parquet => Self::Parquet(None, Some(file)),
            Format::JsonLines => Self::JsonLines(BufWriter::new(file)),
            Format::Delimited(delimiter) => {
                let writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(BufWriter::new(file));
                Self::Delimited { writer, is_begun: false }
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Delimited { writer, is_begun } => {
                if !std::mem::replace(is_begun, true) {
                    writer.write_record(batch.schema().fields().iter().map(|field| field.name().as_str()))?;
                }
                let columns: Vec<Option<Values<'_>>> = batch.columns().iter().map(Values::of).collect();
                for row in 0..batch.num_rows() {
                    for column in &columns {
                        let cell = column.as_ref().and_then(|column| column.text(row)).unwrap_or_default();
                        writer.write_field(cell)?;
                    }
                    writer.write_record(None::<&[u8]>)?;
                }
            }
            Self::JsonLines(writer) => {
                for row in infer::rows::to_json(batch)? {
                    serde_json::to_writer(&mut *writer, &row)?;
                    writer.write_all(b"\n")?;
                }
            }
            Self::Parquet(writer, file) => {
                if let Some(file) = file.take() {
                    *writer = Some(parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None)?);
                }
                if let Some(writer) = writer {
                    writer.write(batch)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Delimited { mut writer, .. } => writer.flush()?,
            Self::JsonLines(mut writer) => writer.flush()?,
            Self::Parquet(Some(writer), _) => {
                writer.close()?;
            }
            Self::Parquet(None, _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

    use super::*;

    #[test]
    fn an_answer_never_takes_the_place_of_a_column_that_came() {
        let rows = |names: &[&str]| {
            let one = |name: &&str| ((*name).to_owned(), Arc::new(Int64Array::from(vec![1])) as ArrayRef);
            RecordBatch::try_from_iter(names.iter().map(one)).unwrap()
        };
        let check = |input: &[&str], expected: &[&str], renamed: usize| {
            let (found, new) = both(&rows(input), &rows(&["prediction", "probability"])).unwrap();
            let names: Vec<String> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
            assert_eq!(
                (names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), new.len()),
                (expected, renamed)
            );
        };
        check(&["x"], &["x", "prediction", "probability"], 0);
        check(&["prediction"], &["prediction", "prediction_2", "probability"], 1);
        let taken = ["probability", "probability_2", "prediction"];
        check(&taken, &["probability", "probability_2", "prediction", "prediction_2", "probability_3"], 2);
    }
}
