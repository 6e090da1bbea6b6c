//! A registry whose sign-in service is elsewhere, as at every cloud: bearer tokens of one scope, for a
//! password or for an identity token. The registry is real and checks the tokens' signatures; the
//! sign-in service is ours, and signs with `openssl`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use api::ErrorCode;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use engine::ports::{CredentialSource, Registry};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    registry::{behaves, open, record},
    registry_process::{self, missing},
};

const REFRESH: &str = "an identity+token/of=ours";

/// The sign-in service: its key, and how often a password and an identity token were taken.
struct SignIn {
    folder: tempfile::TempDir,
    passwords: AtomicUsize,
    identity_tokens: AtomicUsize,
}

fn openssl(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {}", arguments.join(" "));
    output.stdout
}

impl SignIn {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sign-in -keyout key.pem -out crt.pem";
        openssl(folder.path(), &request.split(' ').collect::<Vec<_>>(), b"");
        Self { folder, passwords: AtomicUsize::new(0), identity_tokens: AtomicUsize::new(0) }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("crt.pem")
    }

    /// A token for `repository:NAME:RIGHTS`, as the registry checks it.
    fn token(&self, scope: &str) -> String {
        let pem = fs::read_to_string(self.certificate()).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut parts = scope.splitn(3, ':');
        let (kind, name, rights) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let head = serde_json::json!({ "typ": "JWT", "alg": "RS256", "x5c": [der] });
        let claims = serde_json::json!({
            "iss": "sign-in", "sub": "ann", "aud": "harbour", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1",
            "access": [{ "type": kind, "name": name, "actions": rights.split(',').collect::<Vec<_>>() }],
        });
        let text = [head, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = openssl(self.folder.path(), &["dgst", "-sha256", "-sign", "key.pem"], text.as_bytes());
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The answer to one request: its status and body.
    fn answer(&self, head: &str, body: &str) -> (&'static str, String) {
        let first = head.lines().next().unwrap_or_default();
        let field = |text: &str, name: &str| {
            let query = text.split(['?', '&', ' ']).find_map(|part| part.strip_prefix(&format!("{name}=")));
            query.map(decoded).unwrap_or_default()
        };
        if first.starts_with("POST") {
            let good = field(body, "grant_type") == "refresh_token" && field(body, "refresh_token") == REFRESH;
            if !good {
                return ("401 Unauthorized", r#"{"error":"invalid_grant"}"#.to_owned());
            }
            self.identity_tokens.fetch_add(1, Ordering::SeqCst);
            let token = self.token(&field(body, "scope"));
            return ("200 OK", serde_json::json!({ "access_token": token }).to_string());
        }
        let expected = BASE64_STANDARD.encode("ann:right");
        if !head.lines().any(|line| line.to_lowercase().starts_with("authorization:") && line.ends_with(&expected)) {
            return ("401 Unauthorized", "who are you?".to_owned());
        }
        self.passwords.fetch_add(1, Ordering::SeqCst);
        ("200 OK", serde_json::json!({ "token": self.token(&field(first, "scope")) }).to_string())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = (byte == b'%').then(|| [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')]);
        match digits {
            Some(digits) => bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()),
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn serve(sign_in: Arc<SignIn>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sign_in = Arc::clone(&sign_in);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let (head, body) = loop {
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.unwrap_or(0);
                    seen.extend_from_slice(&part[..count]);
                    let text = String::from_utf8_lossy(&seen).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| {
                            line.to_lowercase()
                                .strip_prefix("content-length:")
                                .map(|value| value.trim().parse().unwrap())
                        });
                        if body.len() >= length.unwrap_or(0) {
                            break (head.to_owned(), body.to_owned());
                        }
                    }
                    if count == 0 {
                        return;
                    }
                };
                let (status, text) = sign_in.answer(&head, &body);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{address}/token")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_a_sign_in_service_takes_passwords_and_identity_tokens() {
    if missing(&["docker-registry", "openssl"]) {
        return;
    }
    let sign_in = Arc::new(SignIn::new());
    let realm = serve(Arc::clone(&sign_in)).await;
    let process = registry_process::start_with_sign_in(&realm, &sign_in.certificate());
    let mut known = record(&process.address, Some("ann"), None);
    known.plain_http = true;

    behaves(&open(&known, Some("right"), None)).await;
    assert!(sign_in.passwords.load(Ordering::SeqCst) > 0);
    let check = open(&known, Some("wrong"), None).check().await;
    assert!(!check.ok && check.hint.is_some(), "{check:?}");

    // The same by an identity token of Docker's configuration; another repository, so that nothing is there.
    known.username = None;
    known.address = format!("{}/by-token", process.address);
    let docker = tempfile::tempdir().unwrap();
    let sign_in_with = |token: &str| {
        let config =
            serde_json::json!({ "auths": { &process.address: { "auth": "MDAwMDo=", "identitytoken": token } } });
        fs::write(docker.path().join("config.json"), config.to_string()).unwrap();
        open(&known, None, Some(docker.path()))
    };
    let registry = sign_in_with(REFRESH);
    assert_eq!(registry.credentials(), (None, CredentialSource::IdentityToken));
    behaves(&registry).await;
    assert!(sign_in.identity_tokens.load(Ordering::SeqCst) > 0);

    let old = sign_in_with("of last year");
    let error = old.blob_exists("a", &format!("sha256:{}", "0".repeat(64))).await.unwrap_err();
    assert_eq!((error.error.code, error.temporary), (ErrorCode::Forbidden, false), "{error}");
    assert!(error.error.hint.unwrap().contains("docker login"));
}
