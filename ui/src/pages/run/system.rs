//! What the machine did meanwhile; of a run that nothing measured, when that begins, or why it does not.

use api::{
    host::GetSettings,
    run::{CLIENT_MEASURED_SECS, MACHINE_GPU, MACHINE_UNMEASURED, Run, RunKind},
};
use leptos::prelude::*;

use super::charts::ChartsTab;
use crate::{
    client::query::query,
    parts::{button::CopyLine, chart::looked::ChartLooks, curve_look::Look, icon, states::Empty, when},
};

/// What was measured of a client's run comes with the next look.
const FIRST_OF_CLIENT_SECS: u64 = CLIENT_MEASURED_SECS + 3;
/// A program's run is looked at every 2 s from its begin.
const FIRST_OF_PROGRAM_SECS: u64 = 4;

/// Of a client's run of which nobody noted why it is not measured.
const UNMEASURED: &str = "A run that ends within seconds is not measured, nor one on another machine.";
const TURNED_OFF: &str = "Measuring what clients' programs use is turned off in the settings of tracking.";
const NOT_IN_LOG: &str = "The log that this run was read from holds no system metrics.";
const ENDED_BEFORE: &str = "It was over before the first measurement.";

/// What is told of a run without a measurement.
#[derive(Debug, Clone, PartialEq)]
enum Without {
    /// The first comes within so many seconds.
    Soon(u64),
    /// Why there is none.
    Because(String),
    /// A setting says that nothing is measured.
    TurnedOff,
    /// It was to come, and it isn't known why it has not.
    Late,
}

/// What decides that.
#[derive(Clone, Copy)]
struct Standing<'run> {
    kind: RunKind,
    is_over: bool,
    /// Seconds since it began.
    age: u64,
    /// Why it is not measured, where that was noted.
    noted: Option<&'run str>,
    /// Whether what clients' programs use is measured.
    is_on: bool,
}

fn without(run: Standing<'_>) -> Without {
    let because = |why: &str| Without::Because(why.to_owned());
    let soon = |within: u64| within.checked_sub(run.age).filter(|left| *left > 0 && !run.is_over).map(Without::Soon);
    match run.kind {
        RunKind::Imported => because(NOT_IN_LOG),
        RunKind::Client => match run.noted {
            Some(why) => because(why),
            None if !run.is_on => Without::TurnedOff,
            None => soon(FIRST_OF_CLIENT_SECS).unwrap_or_else(|| because(UNMEASURED)),
        },
        _ if run.is_over => because(ENDED_BEFORE),
        _ => soon(FIRST_OF_PROGRAM_SECS).unwrap_or(Without::Late),
    }
}

fn is_measured(run: &Run) -> bool {
    run.metrics.iter().any(|metric| metric.key.starts_with("system/"))
}

#[component]
pub(super) fn SystemTab(run: Signal<Run>, look: Look, looks: ChartLooks) -> impl IntoView {
    let measured = Memo::new(move |_| run.with(is_measured));
    view! {
        {move || if measured.get() {
            view! {
                <ChartsTab run look looks system=true />
                {move || run.with(without_gpu).map(|why| view! { <p class="faint small" data-without-gpu="">{why}</p> })}
            }
            .into_any()
        } else {
            view! { <Unmeasured run /> }.into_any()
        }}
    }
}

#[component]
fn Unmeasured(run: Signal<Run>) -> impl IntoView {
    let settings = query(|| Some(GetSettings {}));
    // Seconds count here, which the page's clock does not tell.
    let now = RwSignal::new(when::read());
    if let Ok(tick) = set_interval_with_handle(move || now.set(when::read()), std::time::Duration::from_secs(1)) {
        on_cleanup(move || tick.clear());
    }
    let told = Memo::new(move |_| {
        let is_on = settings.value.with(|settings| settings.as_ref().is_none_or(|settings| settings.tracking_measured));
        run.with(|run| {
            let age = (now.get() - run.began_ms()).max(0).unsigned_abs() / 1000;
            let noted = run.environment.get(MACHINE_UNMEASURED).map(String::as_str);
            without(Standing { kind: run.kind, is_over: run.state.is_over(), age, noted, is_on })
        })
    });
    let is_client = Memo::new(move |_| run.with(|run| run.kind == RunKind::Client));
    move || match told.get() {
        Without::Soon(seconds) => {
            let text = format!("The first measurement comes within {seconds} s.");
            view! { <Empty mark=icon::CPU title="Not measured yet" text /> }.into_any()
        }
        Without::Late => {
            let text = "Processor and memory are measured while the run is under way.";
            view! { <Empty mark=icon::CPU title="Not measured yet" text /> }.into_any()
        }
        Without::TurnedOff => of_client(TURNED_OFF, true).into_any(),
        Without::Because(why) if is_client.get() => of_client(&why, false).into_any(),
        Without::Because(text) => view! { <Empty mark=icon::CPU title="Nothing measured" text /> }.into_any(),
    }
}

/// Why nothing is measured of a client's run, and how it would be.
fn of_client(why: &str, is_off: bool) -> impl IntoView + use<> {
    let text = format!("{why} To measure processor, memory and GPU from its start, start it as:");
    view! {
        <Empty mark=icon::CPU title="Nothing measured" text>
            <CopyLine text="slipway exec -- python train.py" />
            <span class="muted">"or let its client measure"</span>
            <CopyLine text="mlflow.enable_system_metrics_logging()" />
            {is_off.then(|| view! { <a class="btn" href="/settings?tab=tracking">"Turn it on in Settings"</a> })}
        </Empty>
    }
}

/// Why no GPU was measured, where none was; a log names those that there were, whatever it measured.
fn without_gpu(run: &Run) -> Option<String> {
    let is_measured = run.metrics.iter().any(|metric| metric.key.starts_with("system/gpu_"));
    run.environment.get(MACHINE_GPU).filter(|_| !is_measured && run.kind != RunKind::Imported).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_run_says_when_it_is_measured_and_every_other_why_it_is_not() {
        let young = Standing { kind: RunKind::Client, is_over: false, age: 3, noted: None, is_on: true };
        assert_eq!(without(young), Without::Soon(12));
        assert_eq!(without(Standing { kind: RunKind::Command, ..young }), Without::Soon(1));
        let because = |run: Standing<'_>, why: &str| assert_eq!(without(run), Without::Because(why.to_owned()));
        because(
            Standing { noted: Some("Its process belongs to another user."), ..young },
            "Its process belongs to another user.",
        );
        assert_eq!(without(Standing { is_on: false, ..young }), Without::TurnedOff);
        because(Standing { is_over: true, ..young }, UNMEASURED);
        because(Standing { age: 60, ..young }, UNMEASURED);
        because(Standing { kind: RunKind::Imported, ..young }, NOT_IN_LOG);
        because(Standing { kind: RunKind::Command, is_over: true, ..young }, ENDED_BEFORE);
        assert_eq!(without(Standing { kind: RunKind::Command, age: 9, ..young }), Without::Late);
    }
}
