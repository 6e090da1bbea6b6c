//! Rows and models made by hand, small enough to compute on paper.

use std::sync::Arc;

use api::{
    config::{ColumnType, DataKind, ModelChoice},
    dataset::Role,
    evaluation::Task,
    worker::PlanColumn,
};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use candle_core::{Device, Tensor};
use infer::{
    bundle::Parts,
    forward::Forward,
    network::{Layer, Network, TargetScale, Weights},
    preprocessing::Preprocessing,
};

pub(crate) fn column(name: &str, kind: ColumnType) -> PlanColumn {
    PlanColumn { name: name.into(), kind, role: Role::Feature, sensitive: name == "name" }
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

pub(crate) fn numbers(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Five rows of amount, country, at, known.
pub(crate) fn rows() -> RecordBatch {
    batch(vec![
        ("amount", numbers(&[Some(1.0), Some(2.0), None, Some(4.0), Some(9.0)])),
        ("country", texts(&[Some("de"), Some("fr"), Some("de"), None, Some("de")])),
        (
            "at",
            // 2026-01-01, a Thursday, and each following day an hour later.
            Arc::new(TimestampMillisecondArray::from_iter_values(
                (0..5).map(|day| 1_767_225_600_000 + day * 90_000_000),
            )),
        ),
        ("known", Arc::new(BooleanArray::from(vec![true, false, true, false, true]))),
    ])
}

pub(crate) fn plan() -> Vec<PlanColumn> {
    let mut columns = vec![
        column("amount", ColumnType::Decimal),
        column("country", ColumnType::Category),
        column("at", ColumnType::Datetime),
        column("known", ColumnType::Boolean),
        column("note", ColumnType::Text),
        column("id", ColumnType::Integer),
    ];
    columns[5].role = Role::Ignored;
    columns
}

/// A linear model whose weights are given.
pub(crate) fn linear(weight: &[f32], bias: &[f32], target: TargetScale) -> Forward {
    let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
    let weights: Weights = [
        ("0.weight".to_owned(), Tensor::from_slice(weight, (outputs, inputs), &Device::Cpu).unwrap()),
        ("0.bias".to_owned(), Tensor::from_slice(bias, outputs, &Device::Cpu).unwrap()),
    ]
    .into();
    let network = Network { input: vec![inputs], layers: vec![Layer::Linear { inputs, outputs }], target };
    Forward::Network { network, weights, device: Device::Cpu }
}

pub(crate) fn parts<'a>(
    task: Task,
    classes: &[&str],
    preprocessing: &'a Preprocessing,
    forward: &'a Forward,
) -> Parts<'a> {
    Parts {
        task,
        kind: ModelChoice::Linear,
        data: DataKind::Table,
        target: "target".into(),
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        threshold: None,
        class_factors: Vec::new(),
        lineage: [("seed".to_owned(), "7".to_owned())].into(),
        preprocessing,
        forward,
        files: vec![("examples.json".into(), b"[]".to_vec())],
    }
}
