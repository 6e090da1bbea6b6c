//! Work on a blocking thread that says how far it is while it goes, and stops when it is told to.

use std::ops::ControlFlow;

use tokio::sync::mpsc;

/// How far work is, from 0 to 1.
pub(crate) struct Step {
    pub(crate) fraction: f64,
    pub(crate) message: String,
}

/// What the work tells its steps to; `Break` asks it to end.
pub(crate) type Tell<'a, S> = &'a mut dyn FnMut(S) -> ControlFlow<()>;

/// Runs `work` on a blocking thread and passes what it tells to `heard`, in order. Once `heard` breaks,
/// the next step of the work is answered with `Break`; what the work makes of it is the result. It is
/// waited for either way, so that its files are gone when this returns.
pub(crate) async fn run<S, T>(
    heard: &mut (dyn FnMut(S) -> ControlFlow<()> + Send),
    work: impl FnOnce(Tell<'_, S>) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T>
where
    S: Send + 'static,
    T: Send + 'static,
{
    // Room for one step: the work never runs far ahead of a stop.
    let (sender, mut steps) = mpsc::channel(1);
    let working = tokio::task::spawn_blocking(move || {
        work(&mut |step| match sender.blocking_send(step) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    while let Some(step) = steps.recv().await {
        if heard(step).is_break() {
            break;
        }
    }
    drop(steps);
    working.await?
}
