//! Where secrets are kept: the system's keychain, or a file encrypted by `age`.
//!
//! Which one is the workspace's choice; a store that can't be reached is an error with the way out,
//! never a silent change to the other.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use age::{secrecy::ExposeSecret as _, x25519};
use api::{ErrorCode, host::SecretBackend};
use async_trait::async_trait;
use engine::ports::{PortError, Result, SecretStore};

/// The service under which the keychain lists our entries.
const SERVICE: &str = "slipway";
/// A keychain may ask the person first; nobody waits longer for an answer.
const KEYCHAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// The system's keychain: macOS Keychain, Windows Credential Manager, Secret Service.
#[derive(Debug, Default)]
pub struct Keychain;

impl Keychain {
    async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> std::result::Result<T, keyring::Error> + Send + 'static,
    ) -> Result<T> {
        match tokio::time::timeout(KEYCHAIN_TIMEOUT, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(unreachable(&error.to_string())),
            Ok(Err(error)) => Err(unreachable(&error.to_string())),
            Err(_) => Err(unreachable("it did not answer within a minute; is it locked?")),
        }
    }
}

fn unreachable(reason: &str) -> PortError {
    PortError::permanent(ErrorCode::Unreachable, format!("The system's keychain can't be reached: {reason}")).with_hint(
        "Unlock it, or keep secrets in an encrypted file: `slipway secret move file`, with --forget where what the \
             keychain has is lost.",
    )
}

#[async_trait]
impl SecretStore for Keychain {
    fn backend(&self) -> SecretBackend {
        SecretBackend::Keychain
    }

    async fn check(&self) -> Result<()> {
        Self::blocking(|| match keyring::Entry::store_status() {
            Err(error) => {
                tracing::debug!(%error, "no keychain");
                Err(keyring::Error::NoDefaultStore)
            }
            // A look-up, because a locked or absent service shows only when it is asked.
            Ok(()) => match keyring::Entry::new(SERVICE, "slipway/check")?.get_password() {
                Ok(_) | Err(keyring::Error::NoEntry) => Ok(()),
                Err(error) => Err(error),
            },
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        Self::blocking(move || match keyring::Entry::new(SERVICE, &name)?.get_password() {
            Ok(value) => Ok(Some(value)),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn set(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self::blocking(move || keyring::Entry::new(SERVICE, &name)?.set_password(&value)).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        Self::blocking(move || match keyring::Entry::new(SERVICE, &name)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }
}

/// `secrets.age` in the workspace. Its key comes from the environment, or from `secrets.key` beside
/// it, readable by the user only and made at first use.
#[derive(Clone)]
pub struct AgeFile {
    inner: Arc<Inner>,
}

struct Inner {
    file: PathBuf,
    key_file: PathBuf,
    key: Option<String>,
    /// Reading, changing and writing the file is one step.
    lock: Mutex<()>,
}

type Secrets = BTreeMap<String, String>;

impl AgeFile {
    /// `key`: an age identity (`AGE-SECRET-KEY-1…`) that the caller read from the environment.
    pub fn new(folder: &Path, key: Option<String>) -> Self {
        let inner =
            Inner { file: folder.join("secrets.age"), key_file: folder.join("secrets.key"), key, lock: Mutex::new(()) };
        Self { inner: Arc::new(inner) }
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let _one = inner.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            work(&inner)
        });
        task.await.map_err(|error| PortError::permanent(ErrorCode::Internal, error.to_string()))?
    }
}

impl Inner {
    /// The key; with `make`, a first use makes one.
    fn identity(&self, make: bool) -> Result<Option<x25519::Identity>> {
        let (text, from) = if let Some(key) = &self.key {
            (key.clone(), "SLIPWAY_SECRETS_KEY".to_owned())
        } else {
            match fs::read_to_string(&self.key_file) {
                Ok(text) => {
                    private(&self.key_file)?;
                    (text, self.key_file.display().to_string())
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if self.file.exists() {
                        return Err(PortError::permanent(
                            ErrorCode::NotFound,
                            format!("The secrets in {} can't be read: their key {} is gone", self.file.display(), self.key_file.display()),
                        )
                        .with_hint("Put the key back, or set SLIPWAY_SECRETS_KEY; else delete the file and set the secrets again."));
                    }
                    return if make { self.make_identity().map(Some) } else { Ok(None) };
                }
                Err(error) => return Err(self.failed("read", &self.key_file, &error)),
            }
        };
        // Comments are allowed, as `age-keygen` writes them.
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
        line.parse().map(Some).map_err(|reason: &str| {
            PortError::permanent(
                ErrorCode::Invalid,
                format!("The key of the secrets from {from} is not an age identity: {reason}"),
            )
            .with_hint("It is one line that begins with AGE-SECRET-KEY-1, as `age-keygen` prints it.")
        })
    }

    fn make_identity(&self) -> Result<x25519::Identity> {
        let identity = x25519::Identity::generate();
        let text = format!("{}\n", identity.to_string().expose_secret());
        self.write(&self.key_file, text.as_bytes())?;
        Ok(identity)
    }

    fn read(&self) -> Result<Secrets> {
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Secrets::new()),
            Err(error) => return Err(self.failed("read", &self.file, &error)),
        };
        let Some(identity) = self.identity(false)? else { return Ok(Secrets::new()) };
        let plain = age::decrypt(&identity, &bytes).map_err(|error| {
            PortError::permanent(
                ErrorCode::Forbidden,
                format!("The secrets in {} can't be decrypted: {error}", self.file.display()),
            )
            .with_hint("Another key was used when they were written: set SLIPWAY_SECRETS_KEY to it.")
        })?;
        serde_json::from_slice(&plain).map_err(|error| {
            PortError::permanent(
                ErrorCode::Internal,
                format!("{} holds no secrets of ours: {error}", self.file.display()),
            )
        })
    }

    fn change(&self, change: impl FnOnce(&mut Secrets)) -> Result<()> {
        let mut secrets = self.read()?;
        change(&mut secrets);
        let identity = match self.identity(true)? {
            Some(identity) => identity,
            None => self.make_identity()?,
        };
        let plain = serde_json::to_vec(&secrets)
            .map_err(|error| PortError::permanent(ErrorCode::Internal, error.to_string()))?;
        let bytes = age::encrypt(&identity.to_public(), &plain).map_err(|error| {
            PortError::permanent(ErrorCode::Internal, format!("The secrets can't be encrypted: {error}"))
        })?;
        self.write(&self.file, &bytes)
    }

    /// Written aside, readable by the user only, synced, renamed: a crash leaves the old or the new.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
            // `tempfile` makes files that only the user can read.
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|error| self.failed("write", path, &error))
    }

    fn failed(&self, what: &str, path: &Path, error: &io::Error) -> PortError {
        let code = if error.kind() == io::ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Unreachable };
        PortError::permanent(code, format!("Can't {what} {}: {error}", path.display())).with_hint(
            "Make the workspace's folder writable, or keep secrets in the keychain: `slipway secret move keychain`.",
        )
    }
}

#[cfg(unix)]
fn private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode()).unwrap_or(0);
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(PortError::permanent(
        ErrorCode::Forbidden,
        format!("The key of the secrets {} can be read by others (mode {:o})", path.display(), mode & 0o777),
    )
    .with_hint(format!("Run `chmod 600 {}`.", path.display())))
}

/// The user's own folder is private by its access list.
#[cfg(not(unix))]
fn private(_path: &Path) -> Result<()> {
    Ok(())
}

#[async_trait]
impl SecretStore for AgeFile {
    fn backend(&self) -> SecretBackend {
        SecretBackend::File
    }

    async fn check(&self) -> Result<()> {
        self.blocking(|inner| inner.read().map(|_| ())).await
    }

    async fn get(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        self.blocking(move |inner| Ok(inner.read()?.remove(&name))).await
    }

    async fn set(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.blocking(move |inner| {
            inner.change(|secrets| {
                secrets.insert(name, value);
            })
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.blocking(move |inner| {
            if inner.read()?.contains_key(&name) {
                inner.change(|secrets| {
                    secrets.remove(&name);
                })?;
            }
            Ok(())
        })
        .await
    }
}
