//! What stands between us and a real registry and meddles: a proxy that loses a connection in the middle,
//! changes bytes on the way, or answers in the registry's stead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// One request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    /// With its query.
    pub path: String,
    pub length: usize,
}

impl Seen {
    /// Whether it ends the upload of a blob.
    pub fn ends_a_blob(&self) -> bool {
        self.method == "PUT" && self.path.contains("digest=")
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Pass,
    /// The connection is lost, before the body has arrived.
    Cut,
    /// One bit of the body is another on its way.
    Flip,
    /// The registry never sees it: this is the answer, whole.
    Answer(String),
}

/// A proxy before one registry; it ends when dropped.
#[derive(Debug)]
pub struct Meddler {
    /// `127.0.0.1:PORT`.
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meddler {
    /// `decide` is told what came before and what comes now.
    pub async fn before(
        registry: &str,
        decide: impl Fn(&[Seen], &Seen) -> Act + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (registry, decide, shared) = (registry.to_owned(), Arc::new(decide), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            // Aborting this task drops the set, and with it every connection.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (registry, decide, seen) = (registry.clone(), Arc::clone(&decide), Arc::clone(&shared));
                connections.spawn(async move {
                    // A connection that ends in the middle is what this is for.
                    let _ = carry(client, &registry, &*decide, &seen).await;
                });
            }
        });
        Ok(Self { address, seen, task })
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

async fn carry(
    client: TcpStream,
    registry: &str,
    decide: &(dyn Fn(&[Seen], &Seen) -> Act + Send + Sync),
    seen: &Mutex<Vec<Seen>>,
) -> Result<()> {
    let (read, mut write) = client.into_split();
    let mut requests = BufReader::new(read);
    let (mut answers, mut upstream) = TcpStream::connect(registry).await?.into_split();
    let back = async {
        let _ = tokio::io::copy(&mut answers, &mut write).await;
    };
    let forth = async {
        while let Some((head, now)) = next(&mut requests).await? {
            let act = {
                let mut all = lock(seen);
                let act = decide(&all, &now);
                all.push(now.clone());
                act
            };
            if matches!(act, Act::Cut) {
                return Ok(None);
            }
            let mut body = vec![0; now.length];
            requests.read_exact(&mut body).await?;
            match act {
                Act::Answer(text) => return Ok(Some(text)),
                Act::Flip => body.iter_mut().take(1).for_each(|byte| *byte ^= 1),
                Act::Pass | Act::Cut => {}
            }
            upstream.write_all(head.as_bytes()).await?;
            upstream.write_all(&body).await?;
        }
        anyhow::Ok(None)
    };
    // Whoever ends first ends both: the streams are dropped, and with them the connection.
    let answer = tokio::select! {
        () = back => None,
        answer = forth => answer?,
    };
    if let Some(answer) = answer {
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// The head of the next request as it came, and what it asks.
async fn next(requests: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Result<Option<(String, Seen)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if requests.read_line(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok(Some((head, Seen { method, path, length: length.unwrap_or(0) })))
}
