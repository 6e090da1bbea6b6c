//! Work that is done for each deployment again and again, each at its own pace: a cluster that doesn't
//! answer holds up its own deployments only.

use std::collections::HashMap;

use api::DeploymentId;
use tokio::task::JoinHandle;

/// The work under way, one piece a deployment.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    under_way: HashMap<DeploymentId, JoinHandle<()>>,
}

impl Rounds {
    /// Starts the work, unless the deployment's last piece is still under way.
    pub(crate) fn go(&mut self, id: DeploymentId, work: impl Future<Output = ()> + Send + 'static) {
        self.under_way.retain(|_, task| !task.is_finished());
        self.under_way.entry(id).or_insert_with(|| tokio::spawn(work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_slow_one_is_not_started_twice_and_holds_up_nobody() {
        let (slow, quick) = (DeploymentId::from_bytes([1; 16]), DeploymentId::from_bytes([2; 16]));
        let mut rounds = Rounds::default();
        let started = Arc::new(AtomicUsize::new(0));
        for round in 1..=3 {
            let count = Arc::clone(&started);
            rounds.go(slow, async move {
                count.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
            });
            let (done, ended) = tokio::sync::oneshot::channel();
            rounds.go(quick, async move { done.send(round).unwrap() });
            assert_eq!(ended.await.unwrap(), round);
            rounds.under_way.remove(&quick).unwrap().await.unwrap();
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);
    }
}
