//! Registries that misbehave, as a proxy before one does: a socket that answers what it is told.
//!
//! No real registry does these things on demand; what is tested is our answer to bytes on the wire.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use adapters::oci::OciRegistry;
use engine::ports::{PushManifest, Registry};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use crate::registry::{blob, record};

/// Answers each request by its method and path; `None` cuts the connection.
async fn speaking(answer: fn(&str, &str, &str) -> Option<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (host, patches) = (address.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&patches);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (host, counted) = (host.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                loop {
                    let mut head = String::new();
                    if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let mut length = 0;
                    loop {
                        let mut line = String::new();
                        stream.read_line(&mut line).await.unwrap();
                        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                    }
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.unwrap();
                    let mut words = head.split_whitespace();
                    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
                    if method == "PATCH" {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                    let Some(text) = answer(&method, &path, &host) else { return };
                    stream.write_all(text.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (address, patches)
}

fn open(address: &str) -> OciRegistry {
    OciRegistry::new(&record(address, None, None), None, None).unwrap()
}

fn plain(status: &str, headers: &str, body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn a_registry_that_stops_half_way_is_a_temporary_failure() {
    let (address, patches) = speaking(|method, _, host| match method {
        "POST" => plain("202 Accepted", &format!("Location: http://{host}/upload/1\r\nRange: 0-0\r\n"), ""),
        "PATCH" => None,
        _ => plain("200 OK", "", ""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let error = open(&address).push_blob("a", &blob(folder.path(), &[7; 100_000]), &|_| {}).await.unwrap_err();
    assert!(error.temporary, "{error}");
    assert!(error.error.message.contains(&address), "{error}");
    assert!(patches.load(Ordering::SeqCst) > 0, "it was cut while the blob was sent");
}

#[tokio::test]
async fn a_wrong_digest_is_said_plainly() {
    let (address, _) = speaking(|method, _, host| match method {
        "PUT" => plain("201 Created", &format!("Location: http://{host}/v2/a/manifests/x\r\n"), ""),
        "HEAD" => plain("200 OK", &format!("Docker-Content-Digest: sha256:{}\r\n", "0".repeat(64)), ""),
        _ => plain("200 OK", "", ""),
    })
    .await;
    let manifest = PushManifest {
        digest: format!("sha256:{}", "1".repeat(64)),
        media_type: "application/json".to_owned(),
        bytes: b"{}".to_vec(),
    };
    let error = open(&address).push_manifest("a", "v1", &manifest).await.unwrap_err();
    assert!(error.error.message.contains("other bytes") && !error.temporary, "{error}");
    assert!(error.error.hint.is_some());
}

#[tokio::test]
async fn a_refusal_keeps_the_registrys_words_and_is_not_tried_again() {
    let (address, _) = speaking(|method, _, _| match method {
        "POST" => {
            plain("403 Forbidden", "", r#"{"errors":[{"code":"DENIED","message":"quota of the project is used up"}]}"#)
        }
        _ => plain("200 OK", "", ""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let error = open(&address).push_blob("a", &blob(folder.path(), b"x"), &|_| {}).await.unwrap_err();
    assert!(error.error.message.contains("quota of the project") && !error.temporary, "{error}");
}

#[tokio::test]
async fn a_registry_with_a_fault_of_its_own_is_tried_again() {
    let (address, _) = speaking(|method, _, _| match method {
        "POST" => plain("503 Service Unavailable", "", "maintenance"),
        _ => plain("200 OK", "", ""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let error = open(&address).push_blob("a", &blob(folder.path(), b"x"), &|_| {}).await.unwrap_err();
    assert!(error.temporary && error.error.message.contains("maintenance"), "{error}");
}
