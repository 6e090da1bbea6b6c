//! `/metrics` of a serving process, read into counts that can be added.

use store::traffic::Counts;

/// Upper bounds in seconds of the serving program's histogram; it promises not to change them.
pub(crate) const BOUNDS: [f64; 26] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2,
    0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0,
];

/// One reading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) counts: Counts,
    /// The process's own start, in seconds since the epoch.
    pub(crate) started: f64,
}

/// Reads the text form; `None` where it is no page of ours.
pub(crate) fn read(page: &str) -> Option<Reading> {
    let mut counts = Counts { buckets: vec![0; BOUNDS.len() + 1], ..Counts::default() };
    let mut started = None;
    let mut cumulative: Vec<(f64, u64)> = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let count = value as u64;
        let (name, label) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.split('"').nth(1).unwrap_or_default()),
            None => (series, ""),
        };
        match name {
            "slipway_requests_total" => {
                counts.requests += count;
                if label.parse::<u16>().is_ok_and(|code| code >= 400) {
                    counts.errors += count;
                }
            }
            "slipway_rows_total" => counts.rows = count,
            "slipway_log_rows_total" => counts.logged = count,
            "slipway_start_time_seconds" => started = Some(value),
            "slipway_request_duration_seconds_bucket" => {
                cumulative.push((if label == "+Inf" { f64::INFINITY } else { label.parse().ok()? }, count));
            }
            _ => {}
        }
    }
    cumulative.sort_by(|one, other| one.0.total_cmp(&other.0));
    let bounds: Vec<f64> = cumulative.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect();
    // Buckets of another server version can't be added to ours: counts without percentiles then.
    if bounds == BOUNDS {
        let mut below = 0;
        for (bucket, (_, count)) in counts.buckets.iter_mut().zip(&cumulative) {
            *bucket = count.saturating_sub(below);
            below = *count;
        }
    }
    Some(Reading { counts, started: started? })
}

/// A quantile in seconds, linear within its bucket, as Prometheus' `histogram_quantile` has it; above
/// the highest bound it is that bound.
pub(crate) fn quantile(buckets: &[u64], quantile: f64) -> Option<f64> {
    let all: u64 = buckets.iter().sum();
    if all == 0 {
        return None;
    }
    let rank = quantile * all as f64;
    let mut below = 0.0;
    let mut lower = 0.0;
    for (bound, count) in BOUNDS.iter().zip(buckets) {
        let count = *count as f64;
        if below + count >= rank && count > 0.0 {
            return Some(lower + (bound - lower) * ((rank - below) / count));
        }
        below += count;
        lower = *bound;
    }
    BOUNDS.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(fast: u64, slow: u64) -> String {
        let mut page = format!(
            "# HELP x\nslipway_requests_total{{code=\"200\"}} {}\nslipway_requests_total{{code=\"400\"}} 1\nslipway_rows_total 7\nslipway_start_time_seconds 1.5\n",
            fast + slow - 1
        );
        for bound in BOUNDS {
            let count = if bound >= 0.3 {
                fast + slow
            } else if bound >= 0.002 {
                fast
            } else {
                0
            };
            page.push_str(&format!("slipway_request_duration_seconds_bucket{{le=\"{bound}\"}} {count}\n"));
        }
        page + &format!("slipway_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n", fast + slow)
    }

    #[test]
    fn histograms_of_two_instances_are_added_before_the_percentile() {
        let mut sum = read(&page(90, 0)).unwrap().counts;
        sum.add(&read(&page(0, 10)).unwrap().counts);
        assert_eq!((sum.requests, sum.errors, sum.rows), (100, 2, 14));
        // 50 of 90 into the bucket from 1 to 2 ms.
        assert!((quantile(&sum.buckets, 0.5).unwrap() - (0.001 + 0.001 * 50.0 / 90.0)).abs() < 1e-12);
        assert!((quantile(&sum.buckets, 0.99).unwrap() - 0.29).abs() < 1e-9);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn another_page_is_none_and_other_buckets_count_without_percentiles() {
        assert_eq!(read("<html>"), None);
        let other = read("slipway_requests_total{code=\"200\"} 3\nslipway_start_time_seconds 1\nslipway_request_duration_seconds_bucket{le=\"7\"} 3\n").unwrap();
        assert_eq!((other.counts.requests, quantile(&other.counts.buckets, 0.5)), (3, None));
    }
}
