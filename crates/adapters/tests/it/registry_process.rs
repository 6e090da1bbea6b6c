//! A real registry: Debian's `docker-registry`, plain or with TLS and a password.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::skipped::skipped;

pub(crate) const USER: &str = "harbour";
pub(crate) const PASSWORD: &str = "a pässword: with colon";

pub(crate) struct RegistryProcess {
    pub(crate) address: String,
    pub(crate) ca_pem: Option<String>,
    process: Child,
    /// Its storage and keys, for as long as it runs.
    _folder: tempfile::TempDir,
}

impl Drop for RegistryProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says which programs are missing, in one line; on CI that is a failure.
pub(crate) fn missing(programs: &[&str]) -> bool {
    let absent: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            !std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
        })
        .collect();
    if !absent.is_empty() {
        skipped(&format!("{} not installed", absent.join(", ")));
    }
    !absent.is_empty()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn openssl(arguments: &str, folder: &Path) {
    run("openssl", &arguments.split(' ').collect::<Vec<_>>(), folder);
}

/// A certificate for loopback, signed by an authority of its own; returns the authority's PEM.
fn certificate(at: &Path) -> String {
    fs::write(at.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt", at);
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout tls.key -out tls.csr", at);
    let sign = "x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out tls.crt";
    openssl(sign, at);
    fs::read_to_string(at.join("ca.crt")).unwrap()
}

pub(crate) fn start(with_tls_and_password: bool) -> RegistryProcess {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    if !with_tls_and_password {
        return started(folder, "", None);
    }
    let ca_pem = certificate(at);
    fs::write(at.join("htpasswd"), run("htpasswd", &["-Bbn", USER, PASSWORD], at)).unwrap();
    let file = |name: &str| at.join(name).display().to_string();
    let mut settings = format!("  tls: {{certificate: {}, key: {}}}\n", file("tls.crt"), file("tls.key"));
    settings += &format!("auth: {{htpasswd: {{realm: harbour, path: {}}}}}\n", file("htpasswd"));
    started(folder, &settings, Some(ca_pem))
}

/// One that sends clients to a sign-in service, whose tokens `certificate` signs.
pub(crate) fn start_with_sign_in(realm: &str, certificate: &Path) -> RegistryProcess {
    let settings = format!(
        "auth: {{token: {{realm: '{realm}', service: harbour, issuer: sign-in, rootcertbundle: {}}}}}\n",
        certificate.display()
    );
    started(tempfile::tempdir().unwrap(), &settings, None)
}

fn started(folder: tempfile::TempDir, more: &str, ca_pem: Option<String>) -> RegistryProcess {
    let at = folder.path();
    let address = format!("127.0.0.1:{}", free_port());
    let settings = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp:\n  addr: {address}\n{more}",
        at.join("storage").display()
    );
    fs::write(at.join("registry.yml"), settings).unwrap();
    let process = Command::new("docker-registry")
        .args(["serve", "registry.yml"])
        .current_dir(at)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "the registry does not answer");
        std::thread::yield_now();
    }
    RegistryProcess { address, ca_pem, process, _folder: folder }
}
