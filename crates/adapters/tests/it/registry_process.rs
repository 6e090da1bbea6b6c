//! A real registry: Debian's `docker-registry`, plain or with TLS and a password.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

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

/// Says which programs are missing, in one line.
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
        println!("skipped: {} is not installed", absent.join(", "));
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

pub(crate) fn start(with_tls_and_password: bool) -> RegistryProcess {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let address = format!("127.0.0.1:{}", free_port());
    let storage = at.join("storage");
    let mut settings = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp:\n  addr: {address}\n",
        storage.display()
    );
    let mut ca_pem = None;
    if with_tls_and_password {
        fs::write(at.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
        run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=test authority",
                "-keyout",
                "ca.key",
                "-out",
                "ca.crt",
            ],
            at,
        );
        run(
            "openssl",
            &[
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-keyout",
                "tls.key",
                "-out",
                "tls.csr",
            ],
            at,
        );
        run(
            "openssl",
            &[
                "x509",
                "-req",
                "-in",
                "tls.csr",
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "san",
                "-out",
                "tls.crt",
            ],
            at,
        );
        fs::write(at.join("htpasswd"), run("htpasswd", &["-Bbn", USER, PASSWORD], at)).unwrap();
        let file = |name: &str| at.join(name).display().to_string();
        settings += &format!("  tls: {{certificate: {}, key: {}}}\n", file("tls.crt"), file("tls.key"));
        settings += &format!("auth: {{htpasswd: {{realm: harbour, path: {}}}}}\n", file("htpasswd"));
        ca_pem = Some(fs::read_to_string(at.join("ca.crt")).unwrap());
    }
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
