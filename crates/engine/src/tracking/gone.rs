//! What a person deletes of the models can be brought back for a day; for clients it is gone at once, as after a deletion
//! of their own. The files of what clients registered stay with their runs, so that the records are all there is to keep.
//! Those of a version that was trained here are blobs, which are noted as used by the version's id until it goes for good.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{
    ApiError, ErrorCode, ModelId, ProjectId, VersionId,
    event::Tag,
    host::Freed,
    model::{BundleFile, Model, Version},
    package::Package,
    registered::{
        DeleteModel, DeletedModel, ListDeletedModels, NamedVersion, PurgeModel, RestoreModel, RestoreVersion,
    },
    tracking::{ClientVersion, VersionNotes},
};
use serde::{Deserialize, Serialize};
use store::{
    Connection, Transaction,
    blob::BlobHash,
    blob_use,
    model::ModelRow,
    package::{PackageBlobs, PackageRow},
    setting,
    version::VersionRow,
};

use super::registry::{self, Which};
use crate::{Engine, model, project};

/// How long a deletion can be taken back, that of a log too.
pub(crate) const KEPT_MS: i64 = 24 * 3_600_000;

/// Deletions that can be taken back, and the bytes of what was written about them; beyond either the oldest go for good.
const MOST: usize = 1_000;
const MOST_BYTES: u64 = 64 << 20;

/// A registered model with versions of clients that stood under it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub(crate) id: ModelId,
    #[serde(default)]
    project: Option<ProjectId>,
    pub(crate) name: String,
    created_ms: i64,
    updated_ms: i64,
    notes: String,
    tags: BTreeMap<String, String>,
    pub(crate) versions: Vec<(ClientVersion, VersionNotes)>,
    /// The version that was trained here and deleted alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<Box<Own>>,
}

/// A version that was trained here, with what hung on it.
#[derive(Debug, Serialize, Deserialize)]
struct Own {
    version: Version,
    lineage: BTreeMap<String, String>,
    files: Vec<BundleFile>,
    packages: Vec<(Package, PackageBlobs)>,
    notes: Option<VersionNotes>,
    tags: BTreeMap<String, String>,
}

impl Own {
    fn blobs(&self) -> impl Iterator<Item = BlobHash> {
        self.files.iter().filter_map(|file| file.blake3.parse().ok())
    }

    /// Its files and those of its packages, each with its size.
    fn sizes(&self) -> HashMap<BlobHash, u64> {
        let files = self.files.iter().filter_map(|file| Some((file.blake3.parse::<BlobHash>().ok()?, file.size_bytes)));
        let of_package = |(_, blobs): &(Package, PackageBlobs)| {
            let all = blobs.layers.iter().chain([&blobs.manifest, &blobs.config]);
            all.map(|blob| (blob.hash, blob.size_bytes)).collect::<Vec<_>>()
        };
        files.chain(self.packages.iter().flat_map(of_package)).collect()
    }

    /// What of them nothing else uses.
    fn frees_bytes(&self, c: &Connection) -> store::Result<u64> {
        let sizes = self.sizes();
        let only = blob_use::only_of(c, self.version.id.as_bytes())?;
        Ok(only.iter().filter_map(|hash| sizes.get(hash)).sum())
    }
}

impl Gone {
    /// As all of it stands before it is deleted.
    pub(crate) fn of(c: &Connection, row: ModelRow, versions: Vec<ClientVersion>) -> store::Result<Self> {
        let ModelRow { id, project, name, created_ms, updated_ms, notes } = row;
        let with_notes = |version: ClientVersion| {
            let notes = registry::notes(c, version.id, version.created_ms)?;
            Ok((version, notes))
        };
        let versions = versions.into_iter().map(with_notes).collect::<store::Result<_>>()?;
        let tags = store::client_version::tags(c, id.as_bytes())?;
        Ok(Self { id, project, name, created_ms, updated_ms, notes, tags, versions, own: None })
    }

    /// A version that was trained here, as all of it stands before it is deleted.
    pub(crate) fn of_own(c: &Connection, row: VersionRow) -> store::Result<Self> {
        let VersionRow { version, lineage, files } = row;
        let (id, model) = (version.id, version.model);
        let Some(model) = store::model::get(c, model)? else {
            return Err(ApiError::not_found(format!("There is no model {model} any more.")).into());
        };
        let packages = store::package::list(c, Some(id))?.into_iter().map(|row| (row.package, row.blobs)).collect();
        let (notes, tags) = (store::client_version::notes(c, id)?, store::client_version::tags(c, id.as_bytes())?);
        let own = Own { version, lineage, files, packages, notes, tags };
        Ok(Self { own: Some(Box::new(own)), ..Self::of(c, model, Vec::new())? })
    }

    /// Refuses to bring back what belongs to a project that was deleted: it would come back to none.
    fn refuse_without_project(&self, c: &Connection) -> store::Result<()> {
        project::deletion::refuse_if_deleted(c, self.project, &self.name)
    }

    /// Enters the model again, without its versions.
    pub(crate) fn enter_model(&self, tx: &Transaction<'_>, name: String) -> store::Result<()> {
        // Its project may have been deleted meanwhile.
        let project = match self.project {
            Some(project) => store::project::get(tx, project)?.map(|_| project),
            None => None,
        };
        let row = ModelRow {
            id: self.id,
            project,
            name,
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            notes: self.notes.clone(),
        };
        store::model::insert(tx, &row)?;
        for (key, value) in &self.tags {
            store::client_version::put_tag(tx, self.id.as_bytes(), key, value)?;
        }
        Ok(())
    }
}

/// Enters a version again under its number, or under the next one where that was taken.
pub(crate) fn enter_version(
    tx: &Transaction<'_>,
    mut version: ClientVersion,
    notes: &VersionNotes,
    now_ms: i64,
) -> store::Result<()> {
    // Its run may have been deleted for good meanwhile.
    if let Some(run) = version.run
        && store::run::standing(tx, run)?.is_none()
    {
        version.run = None;
    }
    store::client_version::insert_numbered(tx, &version)?;
    store::client_version::put_notes(tx, version.id, notes)?;
    for (key, value) in &version.tags {
        store::client_version::put_tag(tx, version.id.as_bytes(), key, value)?;
    }
    for alias in &version.aliases {
        // One that was given to another version meanwhile stays there.
        if store::alias::find(tx, version.model, alias)?.is_none() {
            store::alias::put(tx, version.model, alias, version.id, now_ms)?;
        }
    }
    Ok(())
}

/// Enters a version that was trained here again, under the model that has its name.
fn enter_own(tx: &Transaction<'_>, gone: &Gone, own: &Own, now_ms: i64) -> store::Result<ModelRow> {
    let conflict = |message: String, hint: &str| ApiError::new(ErrorCode::Conflict, message).with_hint(hint);
    let (mut version, id) = (own.version.clone(), own.version.id);
    let number = version.number;
    if store::run::bare(tx, version.run)?.is_none() {
        let message = format!("{}, which {} v{number} came from, was deleted for good.", version.run_name, gone.name);
        return Err(conflict(message, "Train it again.").into());
    }
    if let Some(snapshot) = version.snapshot
        && store::snapshot::get(tx, snapshot)?.is_none()
    {
        version.snapshot = None;
    }
    let known = store::model::of_project(tx, version.project)?;
    let by_name = || known.iter().find(|model| model.name == gone.name);
    let row = match known.iter().find(|model| model.id == gone.id).or_else(by_name) {
        Some(row) => row.clone(),
        None => {
            // Clients would find the one or the other by it.
            let of_client = store::model::named(tx, &gone.name)?.into_iter().find(|model| model.project.is_none());
            if let Some(other) = of_client {
                let message = format!("A model that a client registered is called \"{}\" now.", other.name);
                let hint = format!("Rename that one first: `slipway model rename {} NAME`.", other.id);
                return Err(conflict(message, &hint).into());
            }
            gone.enter_model(tx, gone.name.clone())?;
            Which::Id(gone.id).find(tx)?
        }
    };
    version.model = row.id;
    if store::client_version::is_taken(tx, row.id, number)? {
        let message = format!("{} has another version {number} now.", row.name);
        return Err(conflict(message, "Register its run's model anew.").into());
    }
    let same = store::version::of_model(tx, row.id)?.into_iter().find(|held| held.version.content == version.content);
    if let Some(held) = same {
        let message = format!("This model is {} v{} already.", row.name, held.version.number);
        return Err(conflict(message, "Set its alias instead.").into());
    }
    // From here on each record says by itself what it uses.
    blob_use::remove(tx, id.as_bytes())?;
    let aliases = version.aliases.clone();
    let restored = VersionRow { version, lineage: own.lineage.clone(), files: own.files.clone() };
    store::version::insert_as(tx, &restored, number, own.blobs())?;
    for (package, blobs) in &own.packages {
        store::package::insert(tx, &PackageRow { package: package.clone(), blobs: blobs.clone() })?;
        for push in &package.pushes {
            // Its registry may be gone.
            if store::registry::get(tx, push.registry)?.is_some() {
                store::package::add_push(tx, package.id, push)?;
            }
        }
    }
    if let Some(notes) = &own.notes {
        store::client_version::put_notes(tx, id, notes)?;
    }
    for (key, value) in &own.tags {
        store::client_version::put_tag(tx, id.as_bytes(), key, value)?;
    }
    for alias in &aliases {
        // One that was given to another version meanwhile stays there.
        if store::alias::find(tx, row.id, alias)?.is_none() {
            store::alias::put(tx, row.id, alias, id, now_ms)?;
        }
    }
    Ok(row)
}

/// What the names of what was deleted then begin with: they sort by time.
fn named(at_ms: i64) -> String {
    format!("{}{at_ms:013}/", setting::GONE)
}

/// Keeps what is deleted under its id, and lets go of what can't be taken back any more.
fn keep(tx: &Transaction<'_>, id: impl std::fmt::Display, gone: &Gone, now_ms: i64) -> store::Result<()> {
    setting::put(tx, &format!("{}{id}", named(now_ms)), gone)?;
    let_go(tx, now_ms)
}

/// Keeps a version that was trained here and is deleted, its files and those of its packages among the blobs in use.
pub(crate) fn keep_own(tx: &Transaction<'_>, gone: &Gone, now_ms: i64) -> store::Result<()> {
    let Some(own) = &gone.own else { return Ok(()) };
    let id = own.version.id;
    blob_use::add(tx, id.as_bytes(), own.sizes().into_keys())?;
    keep(tx, id, gone, now_ms)
}

/// Deletes for good what is kept under a name; its blobs are garbage from now on, unless another record uses them.
fn forget(tx: &Transaction<'_>, name: &str) -> store::Result<()> {
    if let Some(id) = name.rsplit('/').next().and_then(|id| id.parse::<VersionId>().ok()) {
        blob_use::remove(tx, id.as_bytes())?;
    }
    setting::delete(tx, name)
}

fn let_go(tx: &Transaction<'_>, now_ms: i64) -> store::Result<()> {
    let (oldest, mut bytes) = (named(now_ms - KEPT_MS), 0);
    for (index, (name, size_bytes)) in setting::below(tx, setting::GONE)?.into_iter().rev().enumerate() {
        bytes += size_bytes;
        // The newest can be taken back however much was written about it.
        if name < oldest || index >= MOST || index > 0 && bytes > MOST_BYTES {
            forget(tx, &name)?;
        }
    }
    Ok(())
}

/// Deletes for good what was deleted longer ago, and what can't come back: a version whose run is gone.
pub(crate) async fn sweep(engine: &Engine) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    let swept = engine.store().write(move |tx| {
        let_go(tx, now_ms)?;
        for (name, _) in setting::below(tx, setting::GONE)? {
            let own = setting::get::<Gone>(tx, &name)?.and_then(|gone| gone.own);
            if let Some(own) = own
                && store::run::bare(tx, own.version.run)?.is_none()
            {
                forget(tx, &name)?;
            }
        }
        Ok(())
    });
    Ok(swept.await?)
}

/// What was deleted under an id within a day, with the name that it is kept under.
fn kept(c: &Connection, id: impl std::fmt::Display, now_ms: i64) -> store::Result<Option<(String, Gone)>> {
    let ending = format!("/{id}");
    let oldest = named(now_ms - KEPT_MS);
    let all = setting::below(c, setting::GONE)?;
    let name = all.into_iter().map(|(name, _)| name).find(|name| name.ends_with(&ending) && *name >= oldest);
    let Some(name) = name else { return Ok(None) };
    Ok(setting::get(c, &name)?.map(|gone| (name, gone)))
}

fn not_kept(what: &str, id: impl std::fmt::Display) -> ApiError {
    ApiError::not_found(format!("No {what} with the id {id} was deleted here within a day."))
}

/// The same; it is kept no longer.
fn take(tx: &Transaction<'_>, what: &str, id: impl std::fmt::Display, now_ms: i64) -> store::Result<Gone> {
    let missing = || not_kept(what, &id).with_hint("Register it anew: the files are where they were.");
    let (name, gone) = kept(tx, &id, now_ms)?.ok_or_else(missing)?;
    setting::delete(tx, &name)?;
    Ok(gone)
}

/// Tells of all that can be taken back, the newest deletion first: the name that it is kept under, and what it is.
fn each(c: &Connection, now_ms: i64, mut tell: impl FnMut(&str, Gone) -> store::Result<()>) -> store::Result<()> {
    let oldest = named(now_ms - KEPT_MS);
    for (name, _) in setting::below(c, setting::GONE)?.into_iter().rev().filter(|(name, _)| *name >= oldest) {
        if let Some(gone) = setting::get::<Gone>(c, &name)? {
            tell(&name, gone)?;
        }
    }
    Ok(())
}

/// What the files of versions lie in that can be taken back, by the ids of runs and logged models.
pub(crate) fn places(c: &Connection, now_ms: i64) -> store::Result<HashSet<String>> {
    let mut places = HashSet::new();
    each(c, now_ms, |_, gone| {
        for (version, _) in &gone.versions {
            places.extend(store::client_version::places(&version.location, version.logged.as_deref()));
        }
        Ok(())
    })?;
    Ok(places)
}

/// A version that can be taken back.
#[derive(Clone)]
pub(crate) struct Restorable {
    /// "churn v3", as one that stands is told.
    pub(crate) version: String,
    /// Where its files lie.
    pub(crate) location: String,
    /// The logged model that it is.
    logged: Option<String>,
    /// By which it is purged: "churn:3", or "churn" where the whole model was deleted.
    pub(crate) title: String,
}

/// The versions that can be taken back and whose files lie in this run or logged model.
pub(crate) fn lying_in(c: &Connection, id: &str, now_ms: i64) -> store::Result<Vec<Restorable>> {
    lying(c, now_ms, |_, place| place == id)
}

/// What the files of versions lie in that can be taken back, by the id of the run or of the logged model: a version of each.
pub(crate) fn pointed(c: &Connection, now_ms: i64) -> store::Result<HashMap<String, Restorable>> {
    let mut pointed = HashMap::new();
    for one in lying(c, now_ms, |_, _| true)? {
        for place in store::client_version::places(&one.location, one.logged.as_deref()) {
            pointed.entry(place).or_insert_with(|| one.clone());
        }
    }
    Ok(pointed)
}

/// One that can be taken back and whose files lie in one of these runs and logged models; none of the models of a project,
/// without which they don't come back.
pub(crate) fn lying_in_any(
    c: &Connection,
    ids: &HashSet<String>,
    beside: ProjectId,
    now_ms: i64,
) -> store::Result<Option<Restorable>> {
    let all = lying(c, now_ms, |project, place| project != Some(beside) && ids.contains(place))?;
    Ok(all.into_iter().next())
}

/// Those whose files lie in what is asked for, by their model's project and the place's id.
fn lying(
    c: &Connection,
    now_ms: i64,
    is_meant: impl Fn(Option<ProjectId>, &str) -> bool,
) -> store::Result<Vec<Restorable>> {
    let mut found = Vec::new();
    each(c, now_ms, |name, gone| {
        let lies_here = |version: &ClientVersion| {
            store::client_version::places(&version.location, version.logged.as_deref())
                .any(|place| is_meant(gone.project, &place))
        };
        let here = gone.versions.iter().map(|(version, _)| version).filter(|version| lies_here(version));
        let told = |version: &ClientVersion| (version.number, version.location.clone(), version.logged.clone());
        let here: Vec<(u32, String, Option<String>)> = here.map(told).collect();
        if here.is_empty() {
            return Ok(());
        }
        if let Some(gone) = deleted(name, gone, 0) {
            found.extend(here.into_iter().map(|(number, location, logged)| Restorable {
                version: format!("{} v{number}", gone.name),
                location,
                logged,
                title: gone.title(),
            }));
        }
        Ok(())
    })?;
    Ok(found)
}

/// What can be taken back, the newest deletion first.
pub async fn list(engine: &Engine, _request: ListDeletedModels) -> anyhow::Result<Vec<DeletedModel>> {
    let now_ms = engine.now_ms();
    let read = move |c: &Connection| {
        let mut all = Vec::new();
        each(c, now_ms, |name, gone| {
            let frees_bytes = gone.own.as_ref().map_or(Ok(0), |own| own.frees_bytes(c))?;
            all.extend(deleted(name, gone, frees_bytes));
            Ok(())
        })?;
        Ok(all)
    };
    Ok(engine.store().read(read).await?)
}

/// What the name says that something is kept under, and what is kept.
fn deleted(name: &str, gone: Gone, frees_bytes: u64) -> Option<DeletedModel> {
    let (at_ms, id) = name.strip_prefix(setting::GONE)?.split_once('/')?;
    let of_version = |(version, _): &(ClientVersion, VersionNotes)| (version.id, version.number);
    let own = gone.own.as_ref().map(|own| (own.version.id, own.version.number));
    let of_client = gone.versions.first().map(of_version).filter(|_| id != gone.id.to_string());
    let (version, versions) = (own.or(of_client), gone.versions.len() + usize::from(own.is_some()));
    let (versions, deleted_ms) = (versions as u64, at_ms.parse().ok()?);
    let Gone { id: model, name, project, .. } = gone;
    Some(DeletedModel { model, name, version, versions, deleted_ms, project, frees_bytes })
}

fn announce(engine: &Engine, project: Option<ProjectId>, gone: &Gone) {
    engine.changed(project.map_or(Tag::ClientModels, Tag::Models));
    let own = gone.own.as_ref().map(|own| own.version.run);
    for run in gone.versions.iter().filter_map(|(version, _)| version.run).chain(own) {
        engine.changed(Tag::Run(run));
    }
    if own.is_some() {
        engine.changed(Tag::Packages);
        engine.changed(Tag::Storage);
    }
}

/// Deletes a model under which no version stands that was trained here, so that it can be brought back.
pub(crate) fn take_model(tx: &Transaction<'_>, row: ModelRow, now_ms: i64) -> store::Result<Gone> {
    let versions = store::client_version::of_model(tx, row.id)?;
    let gone = Gone::of(tx, row, versions)?;
    store::model::delete(tx, gone.id)?;
    keep(tx, gone.id, &gone, now_ms)?;
    Ok(gone)
}

/// Deletes a version that a client registered, so that it can be brought back.
pub(crate) fn take_version(
    tx: &Transaction<'_>,
    row: ModelRow,
    version: ClientVersion,
    now_ms: i64,
) -> store::Result<Gone> {
    let id = version.id;
    let gone = Gone::of(tx, row, vec![version])?;
    store::client_version::delete(tx, id)?;
    keep(tx, id, &gone, now_ms)?;
    Ok(gone)
}

/// Deletes a model. No bytes are freed: the files are the runs', or the logged models'.
pub async fn delete(engine: &Engine, request: DeleteModel) -> anyhow::Result<Freed> {
    let now_ms = engine.now_ms();
    let delete = move |tx: &Transaction<'_>| {
        let row = Which::Id(request.model).find(tx)?;
        registry::check_deletable(tx, &row)?;
        take_model(tx, row, now_ms)
    };
    let gone = engine.store().write_durable(delete).await?;
    announce(engine, gone.project, &gone);
    Ok(Freed { records: gone.versions.len() as u64 + 1, ..Freed::default() })
}

/// Deletes a version that a client registered, if it is one. Nothing else is freed.
pub(crate) async fn delete_version(engine: &Engine, id: VersionId) -> anyhow::Result<Option<Freed>> {
    let now_ms = engine.now_ms();
    let delete = move |tx: &Transaction<'_>| {
        let Some(bare) = store::client_version::get(tx, id)? else { return Ok(None) };
        let Some(row) = store::model::get(tx, bare.model)? else { return Ok(None) };
        let version = store::client_version::whole(tx, bare)?;
        take_version(tx, row, version, now_ms).map(Some)
    };
    let Some(gone) = engine.store().write_durable(delete).await? else { return Ok(None) };
    announce(engine, gone.project, &gone);
    Ok(Some(Freed { records: 1, ..Freed::default() }))
}

/// Lets go of what could be brought back. The files that nothing uses any more go with it, or with the next cleaning where
/// work is under way that may need them.
pub async fn purge(engine: &Engine, request: PurgeModel) -> anyhow::Result<Freed> {
    let now_ms = engine.now_ms();
    let purge = move |tx: &Transaction<'_>| {
        let (what, id) = match request.version {
            Some(version) => ("model version", version.to_string()),
            None => ("model", request.model.to_string()),
        };
        let (name, gone) = kept(tx, &id, now_ms)?.ok_or_else(|| not_kept(what, &id))?;
        forget(tx, &name)?;
        Ok(gone)
    };
    let gone = engine.store().write_durable(purge).await?;
    let unused = match gone.own {
        Some(_) => crate::storage::collect_unused(engine, false).await.unwrap_or_default(),
        None => Freed::default(),
    };
    announce(engine, gone.project, &gone);
    Ok(Freed { records: gone.versions.len() as u64 + 1, ..unused })
}

/// Brings a model back with the versions that went with it.
pub async fn restore(engine: &Engine, request: RestoreModel) -> anyhow::Result<Model> {
    let now_ms = engine.now_ms();
    let restore = move |tx: &Transaction<'_>| {
        let gone = take(tx, "model", request.model, now_ms)?;
        gone.refuse_without_project(tx)?;
        if !store::model::named(tx, &gone.name)?.is_empty() {
            let message = format!("Another model is called \"{}\" now.", gone.name);
            return Err(ApiError::new(ErrorCode::Conflict, message).with_hint("Rename that one first.").into());
        }
        gone.enter_model(tx, gone.name.clone())?;
        for (version, notes) in &gone.versions {
            enter_version(tx, version.clone(), notes, now_ms)?;
        }
        let row = Which::Id(gone.id).find(tx)?;
        Ok((gone, model::of_row(tx, row)?))
    };
    let (gone, model) = engine.store().write_durable(restore).await?;
    announce(engine, model.project, &gone);
    Ok(model)
}

/// Brings a version back under its model and number.
pub async fn restore_version(engine: &Engine, request: RestoreVersion) -> anyhow::Result<NamedVersion> {
    let now_ms = engine.now_ms();
    let restore = move |tx: &Transaction<'_>| {
        let gone = take(tx, "model version", request.version, now_ms)?;
        gone.refuse_without_project(tx)?;
        if let Some(own) = &gone.own {
            let row = enter_own(tx, &gone, own, now_ms)?;
            return Ok((gone, row));
        }
        let conflict = |message: String, hint: &str| ApiError::new(ErrorCode::Conflict, message).with_hint(hint);
        let Some(row) = store::model::get(tx, gone.id)? else {
            let message = format!("The model \"{}\" was deleted meanwhile.", gone.name);
            return Err(conflict(message, "Bring the model back first.").into());
        };
        for (version, notes) in &gone.versions {
            if store::client_version::is_taken(tx, row.id, version.number)? {
                let message = format!("{} has another version {} now.", row.name, version.number);
                return Err(conflict(message, "Register it anew: its files are where they were.").into());
            }
            enter_version(tx, version.clone(), notes, now_ms)?;
        }
        Ok((gone, row))
    };
    let (gone, row) = engine.store().write_durable(restore).await?;
    announce(engine, row.project, &gone);
    let own = gone.own.as_ref().map(|own| own.version.number);
    let number = own.or_else(|| gone.versions.first().map(|(version, _)| version.number)).unwrap_or(0);
    let (model, name, version) = (row.id, row.name, request.version);
    Ok(NamedVersion { model, name, version, number, of_client: own.is_none() })
}
