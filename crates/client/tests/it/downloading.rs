use api::{ApiError, ErrorCode};
use client::call::Client;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::finding::left_behind;

const FILE: &str = "/api/blob/runs/1/metrics.json";

/// A client of a host that answers its one request with these bytes, and hangs up.
async fn answered(answer: &'static str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
        assert!(request.starts_with(&format!("get {FILE} ")) && request.contains("bearer secret"), "{request}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    Client::new(left_behind(&address)).unwrap()
}

async fn whole(client: &Client, address: &str) -> Result<Vec<u8>, ApiError> {
    let mut download = client.download(address).await?;
    let mut bytes = Vec::new();
    while let Some(part) = download.part().await? {
        bytes.extend(part);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_file_comes_as_it_is_and_one_that_breaks_off_is_an_error() {
    let client = answered("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345").await;
    assert_eq!(whole(&client, FILE).await.unwrap(), b"12345");
    let client = answered("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n12345").await;
    assert_eq!(whole(&client, FILE).await.unwrap_err().code, ErrorCode::Unreachable);
}

#[tokio::test]
async fn a_refusal_says_why() {
    let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 58\r\n\r\n\
                  {\"code\":\"not_found\",\"message\":\"The run has no such file.\"}";
    let error = whole(&answered(answer).await, FILE).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::NotFound, "The run has no such file."));
}

#[tokio::test]
async fn no_other_host_is_told_the_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new(left_behind("http://127.0.0.1:1")).unwrap();
    for address in ["@elsewhere.example/api/blob/1", "http://elsewhere.example/api/blob/1", "/api/call"] {
        assert_eq!(client.download(address).await.unwrap_err().code, ErrorCode::Invalid, "{address}");
    }
}
