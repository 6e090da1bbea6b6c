//! A table in, its columns and the model's answers out, batch by batch.

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::Path,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    config::{DataConfig, DataKind},
};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use data::{column::Values, scan::ScannedFile, table};
use infer::model::Model;

enum Out {
    Delimited(csv::Writer<BufWriter<File>>),
    JsonLines(BufWriter<File>),
    Parquet(Option<parquet::arrow::ArrowWriter<File>>, Option<File>),
}

/// Where the rows come from and where they go, both named by the caller.
pub(super) struct Files<'a> {
    pub(super) input: &'a Path,
    pub(super) output: &'a Path,
    pub(super) overwrite: bool,
}

/// Returns how many rows were predicted. The output has its name only once it is whole.
pub(super) fn run(model: &Model, files: &Files<'_>, scratch: &Path) -> anyhow::Result<u64> {
    let Files { input, output, overwrite } = *files;
    if model.head().data == DataKind::Images {
        bail!(
            ApiError::new(ErrorCode::Unsupported, "This model reads pictures, not tables.")
                .with_hint("Try pictures on the version's page, or send them to a deployment.")
        );
    }
    let folder = output.parent().filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| ApiError::not_found(format!("There is no folder for {}.", output.display())))?;
    refuse_taken(output, overwrite)?;
    let half = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("write in {}", folder.display()))?;
    let parquet = tempfile::Builder::new()
        .prefix("predict-")
        .suffix(".parquet")
        .tempfile_in(scratch)
        .context("make a table in the cache")?;
    convert(model, input, parquet.path())?;
    let mut out = open(output, half.reopen()?)?;
    let mut rows = 0;
    let mut first = true;
    for batch in table::batches(parquet.path(), None).map_err(ApiError::from)? {
        let batch = batch.map_err(ApiError::from)?;
        let answers = model.predict(&batch).map_err(|error| {
            ApiError::invalid(format!("The model can't answer rows of {}: {error}.", input.display()))
        })?;
        rows += batch.num_rows() as u64;
        write(&mut out, &beside(&batch, &answers)?, first).with_context(|| format!("write {}", output.display()))?;
        first = false;
    }
    finish(out).with_context(|| format!("write {}", output.display()))?;
    half.as_file().sync_all().with_context(|| format!("write {}", output.display()))?;
    // Whatever came to stand there meanwhile is not ours to replace either.
    let named = if overwrite { half.persist(output) } else { half.persist_noclobber(output) };
    match named {
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => bail!(taken(output)),
        named => named.map_err(|error| error.error).with_context(|| format!("write {}", output.display()))?,
    };
    Ok(rows)
}

/// Said before anything is read, not after an hour's work.
fn refuse_taken(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    match std::fs::symlink_metadata(output) {
        Ok(there) if there.is_dir() => {
            bail!(ApiError::invalid(format!("{} is a folder.", output.display())).with_hint("Name a file in it."))
        }
        Ok(_) if !overwrite => bail!(taken(output)),
        _ => Ok(()),
    }
}

fn taken(output: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", output.display()))
        .with_hint("Name another file, or ask for this one to be overwritten (`--force`).")
}

/// Reads the input with the types that the model was trained with.
fn convert(model: &Model, input: &Path, parquet: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(input)
        .map_err(|error| ApiError::not_found(format!("{} can't be read: {error}.", input.display())))?;
    let name = input.file_name().map_or_else(|| input.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
    let file = ScannedFile { path: input.to_owned(), name, size_bytes: metadata.len(), modified_ms: 0, inode: None };
    let mut config = DataConfig::default();
    let untyped = table::convert(std::slice::from_ref(&file), &config, parquet, &mut go_on).map_err(ApiError::from)?;
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
        return Ok(());
    }
    let known = |name: &str| untyped.columns.iter().any(|(column, _)| column == name);
    config.types =
        inputs.iter().filter(|input| known(&input.name)).map(|input| (input.name.clone(), input.kind)).collect();
    table::convert(std::slice::from_ref(&file), &config, parquet, &mut go_on).map_err(ApiError::from)?;
    Ok(())
}

fn go_on(_bytes: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The input's columns, then the answers; an input column of an answer's name is left out.
fn beside(batch: &RecordBatch, answers: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = answers.schema();
    let is_answer = |field: &Field| schema.column_with_name(field.name()).is_some();
    let mut fields: Vec<Field> = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()).filter(|(field, _)| !is_answer(field)) {
        fields.push(field.as_ref().clone());
        columns.push(column.clone());
    }
    for (field, column) in schema.fields().iter().zip(answers.columns()) {
        fields.push(field.as_ref().clone());
        columns.push(column.clone());
    }
    Ok(RecordBatch::try_new(Schema::new(fields).into(), columns)?)
}

fn open(output: &Path, file: File) -> anyhow::Result<Out> {
    let extension = output.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(match extension.as_str() {
        "parquet" => Out::Parquet(None, Some(file)),
        "jsonl" | "ndjson" => Out::JsonLines(BufWriter::new(file)),
        "tsv" => Out::Delimited(csv::WriterBuilder::new().delimiter(b'\t').from_writer(BufWriter::new(file))),
        "csv" => Out::Delimited(csv::Writer::from_writer(BufWriter::new(file))),
        other => bail!(
            ApiError::invalid(format!("Predictions can't be written as \".{other}\"."))
                .with_hint("Name the output .csv, .tsv, .jsonl or .parquet.")
        ),
    })
}

fn write(out: &mut Out, batch: &RecordBatch, first: bool) -> anyhow::Result<()> {
    match out {
        Out::Delimited(writer) => {
            if first {
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
        Out::JsonLines(writer) => {
            for row in infer::rows::to_json(batch)? {
                serde_json::to_writer(&mut *writer, &row)?;
                writer.write_all(b"\n")?;
            }
        }
        Out::Parquet(writer, file) => {
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

fn finish(out: Out) -> anyhow::Result<()> {
    match out {
        Out::Delimited(mut writer) => writer.flush()?,
        Out::JsonLines(mut writer) => writer.flush()?,
        Out::Parquet(Some(writer), _) => {
            writer.close()?;
        }
        Out::Parquet(None, _) => {}
    }
    Ok(())
}
