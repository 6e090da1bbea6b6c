//! The names under which MLflow's `log_image(image, key=…, step=…)` keeps pictures as artifacts:
//! `images/KEY+step+N+timestamp+MILLIS+UUID.png`, with `+compressed.webp` for a small copy beside each.
//!
//! From `MlflowClient.log_image` of mlflow/tracking/client.py. Earlier clients wrote `%` for `+`, and `#` for the `~`
//! that stands for a key's slash; a key itself can hold none of them.

/// A picture that was logged at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedImage {
    pub key: String,
    pub step: i64,
    pub time_ms: i64,
    /// The small copy of a picture that is logged in full beside it.
    pub compressed: bool,
}

impl LoggedImage {
    /// What an artifact's path within its run says; `None` where MLflow didn't log it as a step's picture.
    pub fn of(path: &str) -> Option<Self> {
        let (stem, ending) = path.strip_prefix("images/")?.rsplit_once('.')?;
        ['+', '%'].into_iter().find_map(|delimiter| Self::parts(stem, ending, delimiter))
    }

    fn parts(stem: &str, ending: &str, delimiter: char) -> Option<Self> {
        let parts: Vec<&str> = stem.split(delimiter).collect();
        let (key, step, time_ms, compressed) = match (parts.as_slice(), ending) {
            ([key, "step", step, "timestamp", time, _], "png") => (key, step, time, false),
            ([key, "step", step, "timestamp", time, _, "compressed"], "webp") => (key, step, time, true),
            _ => return None,
        };
        if key.is_empty() || key.contains('/') {
            return None;
        }
        let key = key.replace(['~', '#'], "/");
        Some(Self { key, step: step.parse().ok()?, time_ms: time_ms.parse().ok()?, compressed })
    }
}
