//! Numbers, sizes, durations and times as a person reads them: 12,345; 1.2 GB; 3 min 20 s.

use js_sys::Date;
use wasm_bindgen::JsValue;

/// 12,345
pub(crate) fn count(value: u64) -> String {
    api::figure::count(value)
}

/// 1 run, 12,345 runs.
pub(crate) fn counted(value: u64, one: &str, many: &str) -> String {
    api::figure::counted(value, one, many)
}

/// What a program's run says when it was asked to stop: the program decides whether it does.
pub(crate) fn asked_to_stop(name: &str) -> String {
    format!("{name} was asked to stop. Stop it again to end it at once.")
}

/// 1,000, 612 k, 1.42 M: where the exact number doesn't matter.
pub(crate) fn short(value: f64) -> String {
    if (1000.0..1e4).contains(&value) && value.fract() == 0.0 {
        return count(value as u64);
    }
    // Without the sign of a negative zero.
    let value = value + 0.0;
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        size if unit.is_empty() && size.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    minus(&format!("{scaled:.digits$}{unit}"))
}

/// A measured figure with four significant digits: 0.8421, 12.35, 1,204, 3.2e−5.
pub(crate) fn figure(value: f64) -> String {
    api::figure::measured(value)
}

/// The same with a hyphen for a minus, as other programs read it.
pub(crate) fn written(value: f64) -> String {
    api::figure::hyphen(&figure(value))
}

/// The text of a number with the minus sign that a person reads.
pub(crate) fn minus(text: &str) -> String {
    api::figure::minus(text)
}

/// Figures of a column that ends at the right, filled up behind, so that their points stand below each other; a dash in
/// place of one ends where the column does.
pub(crate) fn aligned(texts: Vec<String>) -> Vec<String> {
    let behind = |text: &String| text.split_once('.').map_or(0, |(_, rest)| rest.chars().count() + 1);
    let most = texts.iter().map(behind).max().unwrap_or_default();
    texts
        .into_iter()
        .map(|text| {
            let missing = if text == "–" { 0 } else { most - behind(&text) };
            // As wide as a digit in the type of numbers.
            text + &"\u{a0}".repeat(missing)
        })
        .collect()
}

/// A probability with four decimals: 0.9981, 0.0007, < 0.0001.
pub(crate) fn probability(value: f64) -> String {
    api::figure::probability(value)
}

/// A step, a round, an epoch: whole where it is whole.
pub(crate) fn step(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return figure(value);
    }
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}", count(value.abs() as u64))
}

/// 1.2 GB (1 GB is 10⁹ bytes).
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 999.5 && unit < UNITS.len() - 1 {
        scaled /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && scaled < 100.0);
    format!("{scaled:.digits$} {}", UNITS[unit])
}

/// 3 min 20 s; 0.4 s; < 1 ms; 2 h 5 min; 3 days.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 0.0995 {
        return api::figure::milliseconds(seconds);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        ..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..172_800 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} days", whole / 86_400),
    }
}

/// 62 %
pub(crate) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    let digits = usize::from(value != 0.0 && value.abs() < 10.0 && value.fract().abs() > 0.001);
    minus(&format!("{value:.digits$} %"))
}

/// What stands where a time is not known: a tool that tells none leaves the beginning of 1970.
const NO_TIME: &str = "–";

/// 2 min ago; yesterday; 14 Nov.
pub(crate) fn ago(then_ms: i64, now_ms: i64) -> String {
    if then_ms <= 0 {
        return NO_TIME.to_owned();
    }
    let seconds = now_ms.saturating_sub(then_ms).max(0) / 1000;
    match seconds {
        ..5 => "now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..1_209_600 => format!("{} days ago", seconds / 86_400),
        _ => date(then_ms),
    }
}

/// 14:02
pub(crate) fn clock(ms: i64) -> String {
    let date = Date::new(&JsValue::from_f64(ms as f64));
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}

/// 14:02:09
pub(crate) fn clock_with_seconds(ms: i64) -> String {
    let date = Date::new(&JsValue::from_f64(ms as f64));
    format!("{:02}:{:02}:{:02}", date.get_hours(), date.get_minutes(), date.get_seconds())
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// 14 Nov, with the year where it is another one.
pub(crate) fn date(ms: i64) -> String {
    let date = Date::new(&JsValue::from_f64(ms as f64));
    if date.get_time().is_nan() {
        // Beyond the calendar: a client's clock may say anything.
        return NO_TIME.to_owned();
    }
    let month = MONTHS[date.get_month().min(11) as usize];
    let year = date.get_full_year();
    if year == Date::new_0().get_full_year() {
        format!("{} {month}", date.get_date())
    } else {
        format!("{} {month} {year}", date.get_date())
    }
}

/// Today, Yesterday, 14 Nov: the heading of a day.
pub(crate) fn day(ms: i64, now_ms: i64) -> String {
    let number = |ms: i64| {
        let date = Date::new(&JsValue::from_f64(ms as f64));
        let offset = date.get_timezone_offset() as i64;
        (ms / 60_000 - offset).div_euclid(1440)
    };
    match number(now_ms) - number(ms) {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ => date(ms),
    }
}

/// The whole date and time, for tooltips.
pub(crate) fn exact(ms: i64) -> String {
    if ms <= 0 {
        return NO_TIME.to_owned();
    }
    format!("{} {}", date(ms), clock_with_seconds(ms))
}

/// 2026-11-24 in UTC, as a table's own moments are read.
pub(crate) fn utc_date(ms: f64) -> String {
    let date = Date::new(&JsValue::from_f64(ms));
    format!("{:04}-{:02}-{:02}", date.get_utc_full_year(), date.get_utc_month() + 1, date.get_utc_date())
}

/// 2026-11-24 00:31:00 in UTC; a bare date for midnight.
pub(crate) fn utc_moment(ms: f64) -> String {
    let (day, date) = (utc_date(ms), Date::new(&JsValue::from_f64(ms)));
    if ms as i64 % 86_400_000 == 0 {
        return day;
    }
    format!("{day} {:02}:{:02}:{:02}", date.get_utc_hours(), date.get_utc_minutes(), date.get_utc_seconds())
}

/// The start of a hash, enough to tell two apart.
pub(crate) fn short_hash(hash: &str) -> String {
    hash.chars().take(7).collect()
}

/// The figures that we measure, in words: "average_precision/validation" → "Average precision, validation", and what
/// the machine used. What a person named otherwise stays as it is written, so that it is found again in their code.
pub(crate) fn key(key: &str) -> String {
    if key.starts_with(SYSTEM) {
        let title = system(key).0;
        return match unit_that_tells(key) {
            Some(unit) => format!("{title}, {unit}"),
            None => title,
        };
    }
    let (name, part) = key.rsplit_once('/').map_or((key, None), |(name, part)| (name, Some(part)));
    match (api::figure::known(name), part) {
        (Some(name), None) => name.to_owned(),
        (Some(name), Some(part)) if OWN_PARTS.contains(&part) => format!("{name}, {}", part_of(part)),
        _ => key.to_owned(),
    }
}

/// The unit of what is measured of the machine in two of them, and is called the same in both.
fn unit_that_tells(key: &str) -> Option<&'static str> {
    const TWICE: [&str; 5] = ["memory_usage_", "disk_usage_", "network_receive_", "network_transmit_", "power_usage_"];
    let units = [("_percentage", "%"), ("_megabytes", "MB"), ("_bytes_per_second", "B/s"), ("_watts", "W")];
    let is_twice = TWICE.iter().any(|part| key.contains(part));
    units.into_iter().find(|(end, _)| is_twice && key.ends_with(end)).map(|(_, unit)| unit)
}

/// Whether a figure's key, or what it is called, has a text in it that is in small letters.
pub(crate) fn has(key: &str, text: &str) -> bool {
    key.to_lowercase().contains(text) || self::key(key).to_lowercase().contains(text)
}

/// Whether each word of a filter stands in what is said of a row.
pub(crate) fn fits(said: &str, wanted: &str) -> bool {
    let said = said.to_lowercase();
    wanted.to_lowercase().split_whitespace().all(|word| said.contains(word))
}

/// Before the name of what is measured of the machine.
const SYSTEM: &str = "system/";
/// The parts of the data that we measure figures of.
const OWN_PARTS: [&str; 3] = ["train", "validation", "test"];

/// The parts of the data that tools measure figures of.
const PARTS: [&str; 7] = ["train", "training", "val", "valid", "validation", "test", "eval"];

/// What a series is the curve of, and of which part of the data: "loss" and "train" of "loss/train" and of "train/loss".
/// A slash between other names groups what is measured apart.
pub(crate) fn figure_of(key: &str) -> (&str, Option<&str>) {
    let is_part = |word: &str| PARTS.contains(&word);
    match (key.rsplit_once('/'), key.split_once('/')) {
        (Some((figure, part)), _) if is_part(part) => (figure, Some(part)),
        (_, Some((part, figure))) if is_part(part) => (figure, Some(part)),
        _ => (key, None),
    }
}

/// The part of the data that a figure is of.
pub(crate) fn part_of(part: &str) -> String {
    if part == "train" { "training".to_owned() } else { part.replace('_', " ") }
}

/// Whether more of a figure is better, where its name says so: a client may log anything.
pub(crate) fn is_more_better(key: &str) -> Option<bool> {
    api::figure::is_more_better(key)
}

/// The settings of our own trainings, and what else these note.
const PARAMS: [&str; 18] = [
    "model",
    "device",
    "seed",
    "threads",
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "dropout",
    "hidden",
    "patience",
    "rounds",
    "max_depth",
    "l2",
    "balance",
    "row_share",
    "column_share",
];

/// What a setting of a training is called, wherever it stands: "max_depth" → "Max depth". A param that a person named
/// otherwise stays as it is written.
pub(crate) fn param(key: &str) -> String {
    if PARAMS.contains(&key) { capital(&key.replace('_', " ")) } else { key.to_owned() }
}

/// Scikit-learn's name of a figure as words.
pub(crate) fn metric(name: &str) -> String {
    api::figure::name(name)
}

/// What is measured of the machine, its unit, and by how much a value is taken times to be in it.
pub(crate) fn system(key: &str) -> (String, &'static str, f64) {
    let name = key.trim_start_matches(SYSTEM);
    let (gpu, name) = match name.strip_prefix("gpu_").and_then(|rest| rest.split_once('_')) {
        Some((index, rest)) if index.parse::<u32>().is_ok() => (Some(index), rest),
        _ => (None, name),
    };
    let known = match name {
        "cpu" => "CPU, of one core",
        "cpu_seconds" => "CPU time",
        "cpu_utilization_percentage" => "CPU of the machine",
        "memory_bytes" => "Memory",
        "system_memory_usage_megabytes" | "system_memory_usage_percentage" => "Memory of the machine",
        "disk_read_bytes_per_second" => "Disk read",
        "disk_write_bytes_per_second" => "Disk written",
        "disk_available_megabytes" => "Disk free",
        "disk_usage_megabytes" | "disk_usage_percentage" => "Disk used",
        "network_receive_megabytes" | "network_receive_bytes_per_second" => "Network received",
        "network_transmit_megabytes" | "network_transmit_bytes_per_second" => "Network sent",
        "utilization_percentage" => "utilization",
        "memory_usage_megabytes" | "memory_usage_percentage" => "memory",
        "process_memory_megabytes" => "memory of the run",
        "power_usage_watts" | "power_usage_percentage" => "power",
        "temperature_celsius" => "temperature",
        "energy_joules" => "energy",
        _ => "",
    };
    let (rest, unit, part) = [
        ("_bytes_per_second", "MB/s", 1e-6),
        ("_megabytes", "GB", 1e-3),
        ("_bytes", "MB", 1e-6),
        ("_percentage", "%", 1.0),
        ("_watts", "W", 1.0),
        ("_celsius", "°C", 1.0),
        ("_joules", "kJ", 1e-3),
        ("_seconds", "s", 1.0),
    ]
    .into_iter()
    .find_map(|(end, unit, part)| Some((name.strip_suffix(end)?, unit, part)))
    .unwrap_or((name, if name == "cpu" { "%" } else { "" }, 1.0));
    let title = match known {
        "" => rest.replace('_', " "),
        known => known.to_owned(),
    };
    let title = gpu.map_or_else(|| capital(&title), |gpu| format!("GPU {gpu} {title}"));
    (title, unit, part)
}

/// What a figure is called where its unit stands beside it, that unit, and by how much its values are taken times to be
/// in it.
pub(crate) fn in_unit(key: &str) -> (String, &'static str, f64) {
    if key.starts_with(SYSTEM) { system(key) } else { (self::key(key), "", 1.0) }
}

/// The same with the unit in the name.
pub(crate) fn with_unit(key: &str) -> (String, f64) {
    match in_unit(key) {
        (title, "", part) => (title, part),
        (title, unit, part) => (format!("{title} ({unit})"), part),
    }
}

/// The same with the class that the figure is of: 'Precision of "ja"'.
pub(crate) fn metric_of(name: &str, class: Option<&str>) -> String {
    class.map_or_else(|| metric(name), |class| format!("{} of \"{class}\"", metric(name)))
}

pub(crate) fn capital(text: &str) -> String {
    api::figure::capital(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_a_filter_is_looked_for() {
        for (wanted, found) in [("", true), ("CHURN", true), ("v3 churn", true), ("churn v4", false)] {
            assert_eq!(fits("Churn v3 champion", wanted), found, "{wanted}");
        }
    }

    #[test]
    fn what_the_machine_used_has_a_name_and_a_unit() {
        for (key, title, unit, part) in [
            ("system/cpu", "CPU, of one core", "%", 1.0),
            ("system/memory_bytes", "Memory", "MB", 1e-6),
            ("system/disk_read_bytes_per_second", "Disk read", "MB/s", 1e-6),
            ("system/gpu_1_power_usage_watts", "GPU 1 power", "W", 1.0),
            ("system/energy_joules", "Energy", "kJ", 1e-3),
            ("system/threads", "Threads", "", 1.0),
            ("system/fan_speed_percentage", "Fan speed", "%", 1.0),
        ] {
            assert_eq!(system(key), (title.to_owned(), unit, part), "{key}");
        }
        assert_eq!(with_unit("system/gpu_0_energy_joules"), ("GPU 0 energy (kJ)".to_owned(), 1e-3));
        assert_eq!([with_unit("loss/train"), with_unit("lr")].map(|(_, part)| part), [1.0, 1.0]);
        // Where nothing beside a name says the unit, what is measured in two has names of its own.
        for (name, called) in [
            ("system/disk_usage_megabytes", "Disk used, MB"),
            ("system/disk_usage_percentage", "Disk used, %"),
            ("system/network_receive_bytes_per_second", "Network received, B/s"),
            ("system/gpu_1_power_usage_watts", "GPU 1 power, W"),
            ("system/disk_available_megabytes", "Disk free"),
            ("system/memory_bytes", "Memory"),
        ] {
            assert_eq!(key(name), called);
        }
    }

    #[test]
    fn only_names_of_our_own_are_put_into_words() {
        for (written, called) in [
            ("loss", "Loss"),
            ("average_precision/validation", "Average precision, validation"),
            ("loss/train", "Loss, training"),
            ("val_loss", "val_loss"),
            ("train/loss", "train/loss"),
            ("mAP50/val", "mAP50/val"),
            ("system/memory_bytes", "Memory"),
        ] {
            assert_eq!(key(written), called);
        }
        assert_eq!(
            [param("max_depth"), param("l2"), param("lr"), param("n_estimators")],
            ["Max depth", "L2", "lr", "n_estimators"]
        );
    }

    #[test]
    fn every_setting_of_a_training_has_its_words() {
        let all = serde_json::to_value(api::config::TrainingConfig::default()).unwrap();
        let missing: Vec<&String> =
            all.as_object().unwrap().keys().filter(|key| !PARAMS.contains(&key.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn series_of_one_figure_stand_in_one_chart_and_others_apart() {
        for (key, figure, part) in [
            ("loss/train", "loss", Some("train")),
            ("train/loss", "loss", Some("train")),
            ("eval/accuracy/top5", "accuracy/top5", Some("eval")),
            ("train/lr", "lr", Some("train")),
            ("gpu/0/temperature", "gpu/0/temperature", None),
            ("loss", "loss", None),
            ("test", "test", None),
        ] {
            assert_eq!(figure_of(key), (figure, part), "{key}");
        }
    }

    #[test]
    fn points_of_a_column_stand_below_each_other() {
        let column = ["0.8421", "12.35", "1,204", "–"].map(str::to_owned).to_vec();
        let aligned = aligned(column).into_iter().map(|text| text.replace('\u{a0}', "_")).collect::<Vec<_>>();
        assert_eq!(aligned, ["0.8421", "12.35__", "1,204_____", "–"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(counted(1, "run", "runs"), "1 run");
        assert_eq!(counted(12_345, "run", "runs"), "12,345 runs");
    }

    #[test]
    fn steps_are_whole_where_they_are() {
        assert_eq!(step(12_000.0), "12,000");
        assert_eq!(step(0.5), "0.5000");
        assert_eq!(step(-23.0), "−23");
        assert_eq!((step(-0.0), short(-0.0)), ("0".to_owned(), "0".to_owned()));
    }

    #[test]
    fn amounts_are_short() {
        for (value, text) in
            [(612_000.0, "612 k"), (1_420_000.0, "1.42 M"), (1000.0, "1,000"), (42.0, "42"), (-15_000.0, "−15.0 k")]
        {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn sizes_are_decimal() {
        for (value, text) in
            [(0, "0 B"), (999, "999 B"), (1_200, "1.2 kB"), (999_600, "1.0 MB"), (1_200_000_000, "1.2 GB")]
        {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        for (seconds, text) in [
            (0.0, "< 1 ms"),
            (0.0004, "< 1 ms"),
            (0.042, "42 ms"),
            (0.42, "0.4 s"),
            (59.6, "1 min 00 s"),
            (200.0, "3 min 20 s"),
            (7500.0, "2 h 05 min"),
            (259_200.0, "3 days"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn shares_keep_a_digit_where_it_says_something() {
        for (fraction, text) in [(0.62, "62 %"), (0.0051, "0.5 %"), (0.0, "0 %"), (1.0, "100 %"), (-0.12, "−12 %")] {
            assert_eq!(percent(fraction), text);
        }
    }

    #[test]
    fn names_of_figures_are_words() {
        assert_eq!(key("average_precision/validation"), "Average precision, validation");
        assert_eq!(key("roc_auc/test"), "ROC AUC, test");
        assert_eq!(key("loss/train"), "Loss, training");
    }

    #[test]
    fn what_was_just_now_is_relative() {
        let now = 1_700_000_000_000;
        for (seconds, text) in [
            (0, "now"),
            (12, "12 s ago"),
            (150, "2 min ago"),
            (7200, "2 h ago"),
            (90_000, "yesterday"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(now - seconds * 1000, now), text);
        }
        // A clock that is behind is no reason for a time in the future.
        assert_eq!(ago(now + 60_000, now), "now");
        assert_eq!((ago(0, now), exact(0)), ("–".to_owned(), "–".to_owned()), "nobody told it");
    }
}
