//! Why a run failed, and the way out. A caller shows `Display` and [`LearnError::hint`] as they are.

use std::path::PathBuf;

use data::{error::DataError, metrics::MetricsError};
use hessboost::error::HessboostError;
use infer::{
    bundle::BundleError, forward::ForwardError, images::ImageError, model::PredictError, network::NetworkError,
    preprocessing::PreprocessingError,
};

#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    #[error("Can't {doing} {path}: {source}.", path = path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("Can't use {path}: {reason}.", path = path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("The plan can't be followed: {reason}.")]
    Plan { reason: String, hint: &'static str },
    #[error("The target \"{target}\" has the one value \"{value}\" in all training rows: there is nothing to learn.")]
    ConstantTarget { target: String, value: String },
    #[error("The target \"{target}\" is missing in every {part} row.")]
    NoRows { target: String, part: &'static str },
    #[error("The target \"{target}\" is a number to predict, but row {row} has \"{value}\".")]
    NotANumber { target: String, row: u64, value: String },
    #[error(
        "The target \"{target}\" is {value:e} in row {row}, beyond what a model can compute with (1e30 either way)."
    )]
    TooLarge { target: String, row: u64, value: f64 },
    #[error("The network would have {weights} weights and need about {needed} to train, of {free} that this machine has.", needed = size(*needed), free = size(*free))]
    TooManyWeights { weights: u64, needed: u64, free: u64 },
    #[error("Can't read the image {file}: {source}.", file = file.display())]
    Image { file: PathBuf, source: ImageError },
    #[error(
        "The loss became {loss} at step {step} (learning rate {rate}): the training diverged and was stopped.",
        rate = short(*learning_rate)
    )]
    Diverged { step: u64, loss: f64, learning_rate: f64 },
    #[error("This worker can't train on {device}: {reason}.")]
    Device { device: &'static str, reason: String },
    #[error("The computation failed: {0}.")]
    Tensor(#[from] candle_core::Error),
    #[error("The trees could not be trained: {0}.")]
    Trees(#[from] HessboostError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error("The rows could not be selected: {0}.")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("The Parquet file could not be written: {0}.")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("The columns could not be prepared: {0}.")]
    Preprocessing(#[from] PreprocessingError),
    #[error("The network could not be computed: {0}.")]
    Network(#[from] NetworkError),
    #[error("The model could not be computed: {0}.")]
    Forward(#[from] ForwardError),
    #[error("The model could not answer: {0}.")]
    Predict(#[from] PredictError),
    #[error("The model could not be written: {0}.")]
    Bundle(#[from] BundleError),
}

impl LearnError {
    /// The way out, as a sentence.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Plan { hint, .. } => (*hint).to_owned(),
            Self::ConstantTarget { .. } => "Choose another target, or add rows with other values of it.".to_owned(),
            Self::NoRows { .. } => "Choose another target, or change the split's shares.".to_owned(),
            Self::NotANumber { .. } => {
                "Mend the row, or predict a class instead: set the target's type to \"category\" under `[data.types]`."
                    .to_owned()
            }
            Self::TooLarge { .. } => "Mend the row, or give the target in a larger unit.".to_owned(),
            Self::TooManyWeights { .. } => "Make `hidden` smaller under `[training]`.".to_owned(),
            Self::Image { .. } => "Replace the image or delete it, take a new snapshot, and train again.".to_owned(),
            Self::Diverged { learning_rate, .. } => format!(
                "Train with a smaller learning rate, such as `learning_rate = {}`; look for extreme values in the columns too.",
                tenth(*learning_rate)
            ),
            Self::Device { .. } => "Train with `device = \"cpu\"`, or choose `auto`.".to_owned(),
            Self::Io { source, .. } => return io_hint(source),
            Self::Bundle(BundleError::Io { source, .. }) => return io_hint(source),
            Self::Data(error) => return error.hint(),
            Self::Preprocessing(PreprocessingError::NoFeatures) => {
                "Take a column off `ignore`, or give text columns the type \"category\".".to_owned()
            }
            Self::Malformed { .. } => "Start the run anew; if it happens again, the disk may be damaged.".to_owned(),
            _ => return None,
        })
    }

    pub(crate) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

fn io_hint(source: &std::io::Error) -> Option<String> {
    match source.kind() {
        std::io::ErrorKind::StorageFull => Some("Free some space on that disk, then resume the run.".to_owned()),
        std::io::ErrorKind::PermissionDenied => {
            Some("Give yourself the right to write there, then resume the run.".to_owned())
        }
        std::io::ErrorKind::NotFound => {
            Some("Was the folder moved or deleted while it trained? Start the run anew.".to_owned())
        }
        _ => None,
    }
}

/// `192 GB`.
fn size(bytes: u64) -> String {
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes < 10.0 { format!("{gigabytes:.1} GB") } else { format!("{gigabytes:.0} GB") }
}

/// A tenth of a rate, short enough to type; of one that is out of reason, one that is not.
fn tenth(rate: f64) -> String {
    let tenth = rate.min(0.1) / 10.0;
    if (1e-6..1e6).contains(&tenth) { format!("{}", (tenth * 1e9).round() / 1e9) } else { format!("{tenth:.0e}") }
}

fn short(rate: f64) -> String {
    if (1e-6..1e6).contains(&rate) { format!("{rate:.6}") } else { format!("{rate:e}") }
}

#[cfg(test)]
mod tests {
    use super::LearnError;

    #[test]
    fn a_rate_beyond_reason_is_said_in_short() {
        for (rate, said) in [(1e300, "(learning rate 1e300)"), (0.001, "(learning rate 0.001000)")] {
            let message = LearnError::Diverged { step: 1, loss: f64::NAN, learning_rate: rate }.to_string();
            assert!(message.contains(said) && message.len() < 120, "{message}");
        }
    }
}
