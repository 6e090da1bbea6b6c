//! A real OCI registry (Debian's `docker-registry`), plain or with TLS and a password.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;

use crate::process::{Running, free_port, read, wait_until};

pub const USER: &str = "slipway";
pub const PASSWORD: &str = "a password: with ünicode";

/// A registry with its storage in a folder of the test's.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// PEM of the authority that signed its certificate, where it speaks TLS.
    pub ca: Option<PathBuf>,
    _process: Running,
}

impl Registry {
    pub fn plain(folder: &Path) -> Result<Self> {
        Self::start(folder, free_port()?, None)
    }

    /// TLS with a certificate of an authority of its own, basic authentication as [`USER`].
    pub fn with_tls_and_password(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let certificate = certificate(folder)?;
        let entry = read(Command::new("htpasswd").args(["-Bbn", USER, PASSWORD]))?;
        fs::write(folder.join("htpasswd"), entry.trim())?;
        Self::start(folder, free_port()?, Some(certificate))
    }

    fn start(folder: &Path, port: u16, tls: Option<Certificate>) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let address = format!("127.0.0.1:{port}");
        let mut settings = format!(
            "version: 0.1\nlog: {{level: warn}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp:\n  addr: {address}\n",
            folder.join("storage").display()
        );
        if let Some(tls) = &tls {
            let (certificate, key, passwords) = (tls.certificate.display(), tls.key.display(), folder.join("htpasswd"));
            settings += &format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
            settings += &format!("auth: {{htpasswd: {{realm: harbour, path: {}}}}}\n", passwords.display());
        }
        let file = folder.join("registry.yml");
        fs::write(&file, settings)?;
        let process = Running::start("registry", Command::new("docker-registry").arg("serve").arg(&file), folder)?;
        wait_until("the registry", Duration::from_secs(10), || TcpStream::connect(&address).is_ok())?;
        Ok(Self { address, ca: tls.map(|tls| tls.authority), _process: process })
    }
}

struct Certificate {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

fn certificate(folder: &Path) -> Result<Certificate> {
    let [ca_key, authority, key, request, certificate] =
        ["ca.key", "ca.crt", "tls.key", "tls.csr", "tls.crt"].map(|name| folder.join(name));
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' '));
        command
    };
    let mut make = openssl("req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=harbour-test-authority -keyout");
    read(make.arg(&ca_key).arg("-out").arg(&authority))?;
    let mut make = openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout");
    read(make.arg(&key).arg("-out").arg(&request))?;
    let names = folder.join("names");
    fs::write(&names, "subjectAltName=DNS:localhost,IP:127.0.0.1\n")?;
    let mut sign = openssl("x509 -req -days 30 -CAcreateserial -in");
    sign.arg(&request).arg("-CA").arg(&authority).arg("-CAkey").arg(&ca_key).arg("-extfile").arg(&names);
    read(sign.arg("-out").arg(&certificate))?;
    Ok(Certificate { authority, certificate, key })
}
