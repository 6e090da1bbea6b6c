//! Our own log: a file a day in the workspace, one JSON object a line, as `slipway log` reads it.
//!
//! Nothing of it goes to the terminal. Lines have `at_ms`, `level`, `target`, `message`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Chooses what is logged, as `RUST_LOG` does elsewhere.
const FILTER_VARIABLE: &str = "SLIPWAY_LOG";
/// Days that a file is kept.
const KEPT_DAYS: i64 = 14;

/// Starts logging into a folder, which is made with the first line.
pub(crate) fn start(folder: PathBuf) {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info,hyper=warn,kube=warn"));
    let writer = DailyFile { folder, open: Mutex::new(None) };
    // A second subscriber in the same process (a test) keeps the first.
    let _ = tracing_subscriber::registry().with(writer.with_filter(filter)).try_init();
}

struct DailyFile {
    folder: PathBuf,
    open: Mutex<Option<(String, File)>>,
}

impl DailyFile {
    fn write(&self, day: String, line: &str) -> std::io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, file) = match &mut *open {
            Some(current) if current.0 == day => current,
            stale => {
                std::fs::create_dir_all(&self.folder)?;
                self.forget_old();
                let path = self.folder.join(format!("slipway-{day}.log"));
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                stale.insert((day, file))
            }
        };
        // One write a line: several processes append to the same file.
        file.write_all(line.as_bytes())
    }

    fn forget_old(&self) {
        let oldest = Timestamp::now() - jiff::SignedDuration::from_hours(24 * KEPT_DAYS);
        let oldest = format!("slipway-{}.log", oldest.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d"));
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // The day stands in the name, so names sort by time.
            if name.starts_with("slipway-") && name.len() == oldest.len() && name < oldest {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for DailyFile {
    fn on_event(&self, event: &tracing::Event<'_>, _context: tracing_subscriber::layer::Context<'_, S>) {
        let now = Timestamp::now();
        let mut said = Said::default();
        event.record(&mut said);
        let mut message = said.message;
        for (name, value) in said.fields {
            let _ = write!(message, " {name}={value}");
        }
        let metadata = event.metadata();
        let line = serde_json::json!({
            "at_ms": now.as_millisecond(),
            "level": metadata.level().as_str(),
            "target": metadata.target(),
            "message": message.trim_start(),
        });
        let day = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string();
        // A log that can't be written has nowhere to say so.
        let _ = self.write(day, &format!("{line}\n"));
    }
}

#[derive(Default)]
struct Said {
    message: String,
    fields: BTreeMap<&'static str, Value>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.fields.insert(field.name(), Value::from(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields.insert(field.name(), Value::from(value));
        }
    }
}
