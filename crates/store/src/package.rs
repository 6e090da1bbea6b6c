//! Built images, and where they were pushed. Their layers are blobs.

use api::{
    PackageId, RegistryId, VersionId,
    package::{Layer, Package, Push},
};
use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::{blob::BlobHash, blob_use, column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE package (
    id         BLOB PRIMARY KEY,
    version    BLOB NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    digest     TEXT NOT NULL,
    platform   TEXT NOT NULL,
    blobs      TEXT NOT NULL, -- JSON: manifest, config and layers with their two hashes
    created_ms INTEGER NOT NULL,
    UNIQUE (version, digest)
) WITHOUT ROWID;
CREATE TABLE push (
    package       BLOB NOT NULL REFERENCES package (id) ON DELETE CASCADE,
    registry      BLOB NOT NULL REFERENCES registry (id) ON DELETE CASCADE,
    repository    TEXT NOT NULL,
    tag           TEXT NOT NULL,
    sent_bytes    INTEGER NOT NULL,
    skipped_bytes INTEGER NOT NULL,
    pushed_ms     INTEGER NOT NULL,
    PRIMARY KEY (package, registry, repository, tag)
) WITHOUT ROWID;
";

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBlobs {
    pub manifest: PackageBlob,
    pub config: PackageBlob,
    pub layers: Vec<PackageBlob>,
}

/// A blob under both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBlob {
    pub hash: BlobHash,
    /// `sha256:…`.
    pub digest: String,
    pub size_bytes: u64,
    pub media_type: String,
    /// "manifest", "config", "serving", "model".
    pub what: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PackageRow {
    pub package: Package,
    pub blobs: PackageBlobs,
}

fn read(row: &Row<'_>) -> rusqlite::Result<PackageRow> {
    let blobs = row.get::<_, Json<PackageBlobs>>(4)?.0;
    let layers: Vec<Layer> = blobs
        .layers
        .iter()
        .map(|layer| Layer { digest: layer.digest.clone(), size_bytes: layer.size_bytes, what: layer.what.clone() })
        .collect();
    Ok(PackageRow {
        package: Package {
            id: id_column!(row, 0, PackageId),
            version: id_column!(row, 1, VersionId),
            digest: row.get(2)?,
            size_bytes: layers.iter().map(|layer| layer.size_bytes).sum(),
            layers,
            platform: row.get(3)?,
            pushes: Vec::new(),
            created_ms: row.get(5)?,
        },
        blobs,
    })
}

fn select(connection: &Connection, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<PackageRow>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT id, version, digest, platform, blobs, created_ms FROM package {rest}"))?;
    let mut rows = statement.query_map(parameters, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for row in &mut rows {
        row.package.pushes = pushes(connection, row.package.id)?;
    }
    Ok(rows)
}

fn pushes(connection: &Connection, package: PackageId) -> Result<Vec<Push>> {
    let mut statement = connection.prepare_cached(
        "SELECT push.registry, registry.name, push.repository, push.tag, push.sent_bytes, push.skipped_bytes, push.pushed_ms
         FROM push JOIN registry ON registry.id = push.registry WHERE push.package = ?1 ORDER BY push.pushed_ms DESC",
    )?;
    let rows = statement.query_map(params![package.as_bytes()], |row| {
        Ok(Push {
            registry: id_column!(row, 0, RegistryId),
            registry_name: row.get(1)?,
            repository: row.get(2)?,
            tag: row.get(3)?,
            sent_bytes: row.get::<_, i64>(4)? as u64,
            skipped_bytes: row.get::<_, i64>(5)? as u64,
            pushed_ms: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What was pushed to a registry, of all packages.
pub fn pushed_to(connection: &Connection, registry: RegistryId) -> Result<Vec<(PackageId, Push)>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT package FROM push WHERE registry = ?1")?;
    let packages = statement.query_map(params![registry.as_bytes()], |row| Ok(id_column!(row, 0, PackageId)))?;
    let mut all = Vec::new();
    for package in packages.collect::<rusqlite::Result<Vec<_>>>()? {
        let pushes = pushes(connection, package)?.into_iter().filter(|push| push.registry == registry);
        all.extend(pushes.map(|push| (package, push)));
    }
    Ok(all)
}

pub fn get(connection: &Connection, id: PackageId) -> Result<Option<PackageRow>> {
    Ok(select(connection, "WHERE id = ?1", params![id.as_bytes()])?.pop())
}

/// Newest first; of one version, or all but those of a project that was deleted.
pub fn list(connection: &Connection, version: Option<VersionId>) -> Result<Vec<PackageRow>> {
    let there = crate::project::is_there("model.project");
    let of_all = format!(
        "SELECT 1 FROM version JOIN model ON model.id = version.model WHERE version.id = package.version AND {there}"
    );
    let rest = format!(
        "WHERE version = ?1 OR ?1 IS NULL AND EXISTS ({of_all}) ORDER BY package.created_ms DESC, package.id DESC"
    );
    select(connection, &rest, params![version.as_ref().map(VersionId::as_bytes)])
}

pub fn by_digest(connection: &Connection, version: VersionId, digest: &str) -> Result<Option<PackageRow>> {
    Ok(select(connection, "WHERE version = ?1 AND digest = ?2", params![version.as_bytes(), digest])?.pop())
}

pub fn insert(transaction: &Transaction<'_>, row: &PackageRow) -> Result<()> {
    let package = &row.package;
    transaction
        .prepare_cached(
            "INSERT INTO package (id, version, digest, platform, blobs, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            package.id.as_bytes(),
            package.version.as_bytes(),
            package.digest,
            package.platform,
            Json(&row.blobs),
            package.created_ms,
        ])?;
    let blobs = row.blobs.layers.iter().chain([&row.blobs.manifest, &row.blobs.config]).map(|blob| blob.hash);
    blob_use::add(transaction, package.id.as_bytes(), blobs)
}

/// Notes a push; pushed again to the same name, the newest stands.
pub fn add_push(transaction: &Transaction<'_>, package: PackageId, push: &Push) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO push (package, registry, repository, tag, sent_bytes, skipped_bytes, pushed_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            package.as_bytes(),
            push.registry.as_bytes(),
            push.repository,
            push.tag,
            push.sent_bytes as i64,
            push.skipped_bytes as i64,
            push.pushed_ms,
        ])?;
    Ok(())
}

/// Forgets the packages of a version; their blobs are garbage unless another uses them.
pub fn delete_of_version(transaction: &Transaction<'_>, version: VersionId) -> Result<()> {
    for row in list(transaction, Some(version))? {
        blob_use::remove(transaction, row.package.id.as_bytes())?;
    }
    transaction.prepare_cached("DELETE FROM package WHERE version = ?1")?.execute(params![version.as_bytes()])?;
    Ok(())
}
