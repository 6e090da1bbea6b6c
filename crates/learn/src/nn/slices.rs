//! From Candle's storage to plain slices and back: what every CPU kernel of ours begins with.

use candle_core::{CpuStorage, Error, Layout, Result, WithDType};

/// The numbers that we compute in: f32 in training, f64 in gradient checks.
pub trait Real: WithDType + num_traits::Float {}

impl Real for f32 {}
impl Real for f64 {}

/// The values of a contiguous tensor.
pub fn contiguous<'a, T: WithDType>(values: &'a [T], layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&values[from..to]),
        None => Err(Error::RequiresContiguous { op: "slipway layer" }.bt()),
    }
}

/// The error for a storage of another type than f32 and f64, or of two types.
pub fn unsupported(storage: &CpuStorage, op: &'static str) -> Error {
    use candle_core::backend::BackendStorage;
    Error::UnsupportedDTypeForOp(storage.dtype(), op).bt()
}

/// A number of the computation's type.
pub fn real<T: Real>(value: f64) -> T {
    T::from_f64(value)
}

/// Runs a generic kernel over one tensor's slice: `kernel(&[T]) -> Vec<T>`.
macro_rules! map_one {
    ($op:expr, $storage:expr, $layout:expr, |$values:ident| $kernel:expr) => {
        match $storage {
            candle_core::CpuStorage::F32(all) => {
                let $values = $crate::nn::slices::contiguous(all, $layout)?;
                candle_core::CpuStorage::F32($kernel)
            }
            candle_core::CpuStorage::F64(all) => {
                let $values = $crate::nn::slices::contiguous(all, $layout)?;
                candle_core::CpuStorage::F64($kernel)
            }
            other => return Err($crate::nn::slices::unsupported(other, $op)),
        }
    };
}

/// The same over two tensors of one type.
macro_rules! map_two {
    ($op:expr, $first:expr, $second:expr, |$a:ident, $b:ident| $kernel:expr) => {
        match ($first.0, $second.0) {
            (candle_core::CpuStorage::F32(first), candle_core::CpuStorage::F32(second)) => {
                let $a = $crate::nn::slices::contiguous(first, $first.1)?;
                let $b = $crate::nn::slices::contiguous(second, $second.1)?;
                candle_core::CpuStorage::F32($kernel)
            }
            (candle_core::CpuStorage::F64(first), candle_core::CpuStorage::F64(second)) => {
                let $a = $crate::nn::slices::contiguous(first, $first.1)?;
                let $b = $crate::nn::slices::contiguous(second, $second.1)?;
                candle_core::CpuStorage::F64($kernel)
            }
            (other, _) => return Err($crate::nn::slices::unsupported(other, $op)),
        }
    };
}

/// The same over three tensors of one type.
macro_rules! map_three {
    ($op:expr, $first:expr, $second:expr, $third:expr, |$a:ident, $b:ident, $c:ident| $kernel:expr) => {
        match ($first.0, $second.0, $third.0) {
            (
                candle_core::CpuStorage::F32(first),
                candle_core::CpuStorage::F32(second),
                candle_core::CpuStorage::F32(third),
            ) => {
                let $a = $crate::nn::slices::contiguous(first, $first.1)?;
                let $b = $crate::nn::slices::contiguous(second, $second.1)?;
                let $c = $crate::nn::slices::contiguous(third, $third.1)?;
                candle_core::CpuStorage::F32($kernel)
            }
            (
                candle_core::CpuStorage::F64(first),
                candle_core::CpuStorage::F64(second),
                candle_core::CpuStorage::F64(third),
            ) => {
                let $a = $crate::nn::slices::contiguous(first, $first.1)?;
                let $b = $crate::nn::slices::contiguous(second, $second.1)?;
                let $c = $crate::nn::slices::contiguous(third, $third.1)?;
                candle_core::CpuStorage::F64($kernel)
            }
            (other, _, _) => return Err($crate::nn::slices::unsupported(other, $op)),
        }
    };
}

pub(crate) use {map_one, map_three, map_two};
