//! Layers: tar with constant metadata, so that equal files give equal bytes.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use store::{
    blob::{BlobWriter, Blobs},
    package::PackageBlob,
};

pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layer in the blob store.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Layer {
    pub(crate) blob: PackageBlob,
    /// sha256 of the uncompressed tar, which the image's configuration names.
    pub(crate) diff_id: String,
}

/// Writes a layer entry by entry; entries must come in the order of their paths.
pub(crate) struct LayerWriter<'a> {
    tar: tar::Builder<Uncompressed<'a>>,
}

struct Uncompressed<'a> {
    sha256: Sha256,
    gzip: GzEncoder<BlobWriter<'a>>,
}

impl Write for Uncompressed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.gzip.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

impl<'a> LayerWriter<'a> {
    pub(crate) fn new(blobs: &'a Blobs, level: u32) -> anyhow::Result<Self> {
        // The builder writes neither a time nor a name into the header.
        let gzip = GzBuilder::new().write(blobs.writer(true)?, Compression::new(level));
        let mut tar = tar::Builder::new(Uncompressed { sha256: Sha256::new(), gzip });
        tar.mode(tar::HeaderMode::Deterministic);
        Ok(Self { tar })
    }

    pub(crate) fn folder(&mut self, path: &str) -> io::Result<()> {
        let mut header = header(tar::EntryType::Directory, 0o555, 0);
        self.tar.append_data(&mut header, format!("{path}/"), io::empty())
    }

    pub(crate) fn file(&mut self, path: &str, executable: bool, bytes: &[u8]) -> io::Result<()> {
        let mut header = header(tar::EntryType::Regular, if executable { 0o555 } else { 0o444 }, bytes.len() as u64);
        self.tar.append_data(&mut header, path, bytes)
    }

    pub(crate) fn finish(self, what: &str) -> anyhow::Result<Layer> {
        let Uncompressed { sha256, gzip } = self.tar.into_inner()?;
        let stored = gzip.finish()?.finish()?;
        let digest = stored.sha256.map(|sha256| digest(&sha256)).unwrap_or_default();
        Ok(Layer {
            blob: PackageBlob {
                hash: stored.hash,
                digest,
                size_bytes: stored.size_bytes,
                media_type: GZIP.to_owned(),
                what: what.to_owned(),
            },
            diff_id: digest_of(sha256),
        })
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    // Root owns, everybody reads, nobody writes; the time is the epoch.
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

pub(crate) fn digest_of(sha256: Sha256) -> String {
    digest(&sha256.finalize())
}

pub(crate) fn digest(sha256: &[u8]) -> String {
    use std::fmt::Write as _;
    sha256.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
