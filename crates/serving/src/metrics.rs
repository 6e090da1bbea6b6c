//! `/metrics`, in Prometheus' text form. Counters and buckets only, so that whoever reads several
//! instances can add them; percentiles are computed from added buckets, never here.
//!
//! | metric | |
//! |---|---|
//! | `slipway_requests_total{code}` | prediction requests by status, sample calls not included |
//! | `slipway_rows_total` | rows answered |
//! | `slipway_request_duration_seconds` | histogram over [`BUCKETS`], from receipt to answer |
//! | `slipway_requests_in_flight` | |
//! | `slipway_sample_requests_total` | sample calls (`X-Slipway-Sample: 1`) |
//! | `slipway_log_rows_total`, `slipway_log_dropped_rows_total` | rows logged; rows lost, with a gap |
//! | `slipway_log_segments`, `slipway_log_bytes`, `slipway_log_open_rows` | what lies in the log now |
//! | `slipway_model_info{model,version,content}` | 1 |
//! | `slipway_start_time_seconds` | |

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Upper bounds in seconds. They are part of what is promised: changing them makes histograms of
/// two versions impossible to add.
pub(crate) const BUCKETS: [f64; 26] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2,
    0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0,
];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    by_code: Mutex<BTreeMap<u16, u64>>,
    pub(crate) rows: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) samples: AtomicU64,
    buckets: [AtomicU64; BUCKETS.len()],
    durations: AtomicU64,
    duration_nanos: AtomicU64,
    pub(crate) log_rows: AtomicU64,
    pub(crate) log_dropped_rows: AtomicU64,
    pub(crate) log_segments: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) log_open_rows: AtomicU64,
}

impl Metrics {
    /// Counts one answered request.
    pub(crate) fn answered(&self, code: u16, took: Duration) {
        *self.by_code.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket].fetch_add(1, Relaxed);
        }
        self.durations.fetch_add(1, Relaxed);
        self.duration_nanos.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// The whole page. `model` is name, version and content hash.
    pub(crate) fn page(&self, model: (&str, u32, &str), started_ms: i64) -> String {
        let mut page = String::with_capacity(4096);
        head(&mut page, "slipway_requests_total", "counter", "Prediction requests by status code.");
        for (code, count) in &*self.by_code.lock().unwrap_or_else(PoisonError::into_inner) {
            line(&mut page, &format!("slipway_requests_total{{code=\"{code}\"}}"), count);
        }
        self.histogram(&mut page);
        let counters = [
            ("slipway_rows_total", "Rows answered.", &self.rows),
            ("slipway_sample_requests_total", "Sample calls, counted nowhere else.", &self.samples),
            ("slipway_log_rows_total", "Rows written to the request log.", &self.log_rows),
            ("slipway_log_dropped_rows_total", "Rows lost before they were fetched.", &self.log_dropped_rows),
        ];
        for (name, help, value) in counters {
            head(&mut page, name, "counter", help);
            line(&mut page, name, value.load(Relaxed));
        }
        let gauges = [
            ("slipway_log_segments", "Closed segments in the request log.", self.log_segments.load(Relaxed)),
            ("slipway_log_bytes", "Size of the request log.", self.log_bytes.load(Relaxed)),
            ("slipway_log_open_rows", "Rows of the open segment.", self.log_open_rows.load(Relaxed)),
            ("slipway_requests_in_flight", "Requests being answered.", self.in_flight.load(Relaxed).max(0) as u64),
        ];
        for (name, help, value) in gauges {
            head(&mut page, name, "gauge", help);
            line(&mut page, name, value);
        }
        let (name, version, content) = model;
        head(&mut page, "slipway_model_info", "gauge", "The model that answers.");
        let labels = format!("model=\"{}\",version=\"{version}\",content=\"{content}\"", escape(name));
        line(&mut page, &format!("slipway_model_info{{{labels}}}"), 1);
        head(&mut page, "slipway_start_time_seconds", "gauge", "When the server started, in seconds since the epoch.");
        line(&mut page, "slipway_start_time_seconds", started_ms as f64 / 1000.0);
        page
    }

    fn histogram(&self, page: &mut String) {
        const NAME: &str = "slipway_request_duration_seconds";
        head(page, NAME, "histogram", "Time from receipt to answer.");
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(&self.buckets) {
            below += count.load(Relaxed);
            line(page, &format!("{NAME}_bucket{{le=\"{bound}\"}}"), below);
        }
        // A request between its two counts must not make +Inf smaller than a bucket.
        let all = self.durations.load(Relaxed).max(below);
        line(page, &format!("{NAME}_bucket{{le=\"+Inf\"}}"), all);
        line(page, &format!("{NAME}_sum"), self.duration_nanos.load(Relaxed) as f64 / 1e9);
        line(page, &format!("{NAME}_count"), all);
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(page: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(page, "{name} {value}");
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_of_two_instances_can_be_added() {
        let metrics = Metrics::default();
        for micros in [50, 900, 900, 40_000_000] {
            metrics.answered(200, Duration::from_micros(micros));
        }
        let page = metrics.page(("a\"b", 3, "hash"), 1_500);
        for expected in [
            "slipway_requests_total{code=\"200\"} 4\n",
            "_bucket{le=\"0.0001\"} 1\n",
            "_bucket{le=\"0.001\"} 3\n",
            "_bucket{le=\"30\"} 3\n",
            "_bucket{le=\"+Inf\"} 4\n",
            "_count 4\n",
            "model=\"a\\\"b\",version=\"3\"",
            "slipway_start_time_seconds 1.5\n",
        ] {
            assert!(page.contains(expected), "{expected} is not in\n{page}");
        }
    }
}
