//! `slipway monitor`: traffic, drift, alerts, and the retraining that answers one.

use api::{
    monitor::{
        AcknowledgeAlert, Alert, CheckNow, ColumnPart, GetMonitoring, GetWindow, GetWindowRows, ListAlerts,
        ListWindows, Monitoring, RowsOf, SetMonitored, WindowPage, WindowRows, WindowSummary,
    },
    run::StartRun,
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome},
    output::{self, pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Shows traffic, windows of drift, gaps and alerts of a deployment
    Show {
        /// The deployment's name or id
        name: String,
        /// The stretch of the traffic; by default all that is kept, 7 days
        #[arg(long)]
        hours: Option<u32>,
    },
    /// Lists windows, also those further back than `show` goes
    Windows {
        /// The deployment's name or id
        name: String,
        /// Windows to leave out, from the newest on
        #[arg(long, default_value_t = 0)]
        skip: u64,
        /// At most so many windows
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Shows everything about one window
    Window {
        /// A window's id, as `slipway monitor windows` lists it
        window: String,
    },
    /// Prints the logged rows that a window was counted from
    Rows {
        /// A window's id, as `slipway monitor windows` lists it
        window: String,
        /// Rows to leave out, from the first on
        #[arg(long, default_value_t = 0)]
        offset: u64,
        /// At most so many rows
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only rows by what this column has in them: with --bar, --unseen or --missing
        #[arg(long, requires = "part")]
        column: Option<String>,
        /// Rows of one bar of the column's distribution, as `window --json` lists them; the first is 0
        #[arg(long, group = "part", requires = "column")]
        bar: Option<u32>,
        /// Rows in bars in which the reference has nothing
        #[arg(long, group = "part", requires = "column")]
        unseen: bool,
        /// Rows in which the column has no value
        #[arg(long, group = "part", requires = "column")]
        missing: bool,
    },
    /// One pass now: fetches logs and metrics, closes windows, raises and clears alerts
    Check {
        /// The deployment's name or id
        name: String,
    },
    /// Watches a deployment from now on
    On {
        /// The deployment's name or id
        name: String,
    },
    /// Stops watching a deployment
    Off {
        /// The deployment's name or id
        name: String,
    },
    /// Lists alerts
    Alerts {
        /// Only those that are not cleared, acknowledged or not
        #[arg(long)]
        open: bool,
        /// Those of every project, not only of this one
        #[arg(long)]
        all: bool,
        /// Print CSV
        #[arg(long)]
        csv: bool,
    },
    /// Marks an alert as seen
    Ack {
        /// An alert's id, as `slipway monitor alerts` lists it
        alert: String,
    },
    /// Trains on the newest data, as the answer to an alert
    Retrain {
        /// An alert's id, as `slipway monitor alerts` lists it
        alert: String,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
}

pub(crate) async fn run(context: &mut Context, command: MonitorCommand) -> Outcome {
    match command {
        MonitorCommand::Show { name, hours } => {
            let deployment = context.deployment(&name).await?.id;
            context.output.show(&context.call(GetMonitoring { deployment, hours }).await?, shown)
        }
        MonitorCommand::Window { window } => {
            let window = context.window(&window).await?;
            let detail = context.call(GetWindow { window }).await?;
            context.output.show(&detail, |detail| {
                let line = window_line(&detail.summary).join("  ");
                format!("{line}\n\n{}", super::data::drift(&detail.report))
            })
        }
        MonitorCommand::Windows { name, skip, limit } => {
            let deployment = context.deployment(&name).await?.id;
            context.output.show(&context.call(ListWindows { deployment, skip, limit }).await?, page)
        }
        MonitorCommand::Rows { window, offset, limit, column, bar, unseen, missing: _ } => {
            let part = match (bar, unseen) {
                (Some(bar), _) => ColumnPart::Bar { bar },
                (None, true) => ColumnPart::Unseen,
                (None, false) => ColumnPart::Missing,
            };
            let window = context.window(&window).await?;
            let only = column.map(|column| RowsOf { column, part });
            context.output.show(&context.call(GetWindowRows { window, offset, limit, only }).await?, rows)
        }
        MonitorCommand::Check { name } => {
            let deployment = context.deployment(&name).await?.id;
            context.output.show(&context.call(CheckNow { deployment }).await?, shown)
        }
        MonitorCommand::On { name } => {
            // Watching is the host's loop: it starts, and stays while something is watched.
            context.lasting().await?;
            set(context, &name, true).await
        }
        MonitorCommand::Off { name } => set(context, &name, false).await,
        MonitorCommand::Alerts { open, all, csv } => {
            let project = if all { None } else { context.project_if_any().await? };
            let list = context.call(ListAlerts { project, open_only: open }).await?;
            if csv {
                let row = |alert: &Alert| {
                    let raised = words::exact_time(alert.raised_ms);
                    let (state, deployment) = (state(alert).to_owned(), alert.deployment_name.clone());
                    vec![alert.id.to_string(), state, deployment, raised, alert.sentence.clone()]
                };
                return output::pass_csv(&["alert", "state", "deployment", "raised", "sentence"], list.iter().map(row));
            }
            context.output.show(&list, |list| alerts(list))
        }
        MonitorCommand::Ack { alert } => {
            let alert = context.alert(&alert).await?.id;
            let alert = context.call(AcknowledgeAlert { alert }).await?;
            context.output.show(&alert, |alert| format!("Seen: {}", alert.sentence))
        }
        MonitorCommand::Retrain { alert, detach } => {
            context.lasting().await?;
            let alert = context.alert(&alert).await?;
            let request = StartRun { alert: Some(alert.id), ..StartRun::of(alert.project) };
            let job = context.call(request).await?;
            super::run::train(context, detach, job).await
        }
    }
}

async fn set(context: &Context, name: &str, monitored: bool) -> Outcome {
    let deployment = context.deployment(name).await?.id;
    let monitoring = context.call(SetMonitored { deployment, monitored }).await?;
    context
        .output
        .show(&monitoring, |_| format!("{name} is {}.", if monitored { "watched" } else { "not watched any more" }))
}

fn stretch(hours: u32) -> String {
    match hours {
        1 => "the last hour".to_owned(),
        hours if hours.is_multiple_of(24) && hours > 24 => format!("the last {} days", hours / 24),
        hours => format!("the last {hours} hours"),
    }
}

/// What was asked since the last count stands in the figures with the next one.
fn counted(monitoring: &Monitoring, now_ms: i64) -> String {
    let traffic = &monitoring.traffic;
    let last = match traffic.counted_ms {
        Some(at_ms) => format!("last {} ago", words::duration((now_ms - at_ms).max(0) as f64 / 1e3)),
        None => "not yet".to_owned(),
    };
    if monitoring.monitored { format!("every {} s, {last}", traffic.counted_every_secs) } else { last }
}

fn shown(monitoring: &Monitoring) -> String {
    let traffic = &monitoring.traffic;
    let millis = |value: Option<f64>| words::or_dash(value, |value| format!("{value:.1} ms"));
    let latency =
        format!("p50 {}, p95 {}, p99 {}", millis(traffic.p50_ms), millis(traffic.p95_ms), millis(traffic.p99_ms));
    let not_watched = Some(monitoring.not_watched.join(", ")).filter(|names| !names.is_empty());
    let requests = format!(
        "{}, {} errors, {:.2} a second",
        words::count(traffic.requests),
        words::count(traffic.errors),
        traffic.requests_per_second
    );
    let head = pairs(&[
        ("watched", Some(if monitoring.monitored { "yes" } else { "no" }.to_owned())),
        ("compares", Some(monitoring.headline.clone())),
        ("stretch", Some(stretch(traffic.hours))),
        ("requests", Some(requests)),
        ("counted", Some(counted(monitoring, words::now_ms()))),
        ("latency", Some(latency)),
        ("open window", Some(monitoring.open_until.clone()).filter(|until| !until.is_empty())),
        ("not watched", not_watched),
        ("problem", monitoring.problem.as_ref().map(ToString::to_string)),
    ]);
    let mut lines = vec![head, String::new(), windows(&monitoring.windows)];
    let gap = |gap: &api::monitor::Gap| {
        format!("gap {} to {}: {}", words::time(gap.from_ms), words::time(gap.to_ms), gap.reason)
    };
    lines.extend(monitoring.gaps.iter().map(gap));
    if !monitoring.alerts.is_empty() {
        lines.push(format!("\n{}", alerts(&monitoring.alerts)));
    }
    lines.join("\n")
}

fn windows(list: &[WindowSummary]) -> String {
    table(&["window", "id", "model", ">rows", ">drifted", "columns"], list.iter().map(window_line))
}

fn page(page: &WindowPage) -> String {
    format!("{}\n\n{} of {} windows", windows(&page.windows), page.windows.len(), words::count(page.total))
}

fn rows(found: &WindowRows) -> String {
    let mut lines = Vec::new();
    if !found.page.rows.is_empty() {
        lines.push(super::data::preview(&found.page));
    } else if !found.page.columns.is_empty() {
        lines.push(format!("No rows here; {} fit.", words::count(found.page.total_rows)));
    }
    if found.gone_rows > 0 {
        lines.push(format!(
            "{} rows of this window are no longer kept: the log keeps them for {} days.",
            words::count(found.gone_rows),
            found.log_days
        ));
    }
    if !found.not_logged.is_empty() {
        lines.push(format!("never logged: {}", found.not_logged.join(", ")));
    }
    lines.join("\n")
}

fn window_line(window: &WindowSummary) -> Vec<String> {
    let drifted = window.cells.iter().filter(|cell| cell.verdict == api::drift::Verdict::Drifted);
    let columns = drifted.map(|cell| cell.column.clone()).collect::<Vec<_>>().join(", ");
    let (version, rows) = (format!("v{}", window.version_number), words::count(window.rows));
    vec![words::time(window.to_ms), window.id.short(), version, rows, window.drifted.to_string(), columns]
}

const fn state(alert: &Alert) -> &'static str {
    match (alert.cleared_ms, alert.acknowledged_ms) {
        (Some(_), _) => "cleared",
        (None, Some(_)) => "seen",
        (None, None) => "open",
    }
}

fn alerts(list: &[Alert]) -> String {
    let row = |alert: &Alert| {
        let state = state(alert);
        let raised = words::time(alert.raised_ms);
        vec![alert.id.short(), state.to_owned(), alert.deployment_name.clone(), raised, alert.sentence.clone()]
    };
    table(&["alert", "state", "deployment", "raised", ""], list.iter().map(row))
}

#[cfg(test)]
mod tests {
    use api::{VersionId, WindowId};

    use super::*;

    #[test]
    fn a_windows_id_is_as_short_as_any_others_in_a_table() {
        let window = WindowSummary {
            id: WindowId::from_bytes([0xab; 16]),
            version: VersionId::from_bytes([1; 16]),
            version_number: 3,
            from_ms: 0,
            to_ms: 0,
            rows: 1_000,
            cells: Vec::new(),
            drifted: 0,
            dataset_drifted: false,
        };
        assert_eq!(window_line(&window), ["–", "abababab", "v3", "1,000", "0", ""]);
    }
}
