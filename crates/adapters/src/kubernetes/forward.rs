//! A port-forward to one pod, behind a port of loopback: closed when dropped.

use std::net::SocketAddr;

use api::ErrorCode;
use engine::ports::{PortError, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) struct Forward {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on a free port; each connection is a stream of its own through the cluster.
pub(crate) async fn open(pods: Api<Pod>, pod: &str, port: u16) -> Result<Forward> {
    let cannot = |error: std::io::Error| {
        PortError::permanent(ErrorCode::Internal, format!("No local port for a port-forward: {error}"))
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let pod = pod.to_owned();
    let task = tokio::spawn(async move {
        // Aborting this task drops the set, and with it every connection.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let (pods, pod) = (pods.clone(), pod.clone());
            connections.spawn(async move {
                if let Err(error) = carry(client, &pods, &pod, port).await {
                    tracing::debug!(%error, pod, port, "a forwarded connection ended");
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Forward { address, task })
}

async fn carry(
    mut client: tokio::net::TcpStream,
    pods: &Api<Pod>,
    pod: &str,
    port: u16,
) -> std::result::Result<(), kube::Error> {
    let mut forwarder = pods.portforward(pod, &[port]).await?;
    if let Some(mut stream) = forwarder.take_stream(port)
        && let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut stream).await
    {
        tracing::debug!(%error, pod, port, "a forwarded connection was cut");
    }
    forwarder.abort();
    Ok(())
}
