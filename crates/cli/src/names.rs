//! Records by the names that people use: wherever an id is asked for, a name does as well.

use std::path::Path;

use api::{
    ApiError, ErrorCode, JobId, PackageId, RegistryId, RunId, SnapshotId, TargetId, VersionId, WindowId,
    dataset::{GetDataset, Snapshot},
    deleted::{
        DeletedDeployment, DeletedSnapshot, ListDeletedDeployments, ListDeletedSnapshots, ListRemovedRegistries,
        ListRemovedTargets, RemovedTarget,
    },
    deploy::{Deployment, ListDeployments, ListTargets, Target},
    job::{Job, ListJobs},
    model::{FindVersion, Model},
    monitor::{Alert, ListAlerts, ListWindows},
    package::{ListPackages, ListRegistries, Package, Registry},
    project::{DeletedProject, ListDeletedProjects},
    registered::{DeletedModel, FindModel, ListDeletedModels, NamedVersion, ResolveVersion},
    run::{ListRuns, Nearness, ResolveRuns, ResolvedRun},
    run_table::Listing,
    tracking::{Experiment, ListExperiments, Scope},
};

use engine::nearest::did_you_mean;

use crate::{
    context::{Context, Outcome},
    output::one_line,
    words::{self, shell},
};

/// What is asked for at most while a name is looked up.
const MANY: u32 = 10_000;
/// Windows that are asked for at once while one is looked up.
const WINDOWS: u32 = 200;

impl Context {
    /// A run by id, by the beginning or the end of its id, by name, or `latest`.
    pub(crate) async fn run(&self, named: &str) -> Outcome<RunId> {
        self.run_among(named, None, false).await
    }

    /// The same, within an experiment where one is chosen.
    pub(crate) async fn run_of(&self, named: &str, experiment: Option<&Experiment>) -> Outcome<RunId> {
        self.run_among(named, experiment, false).await
    }

    /// Several runs, or with `deleted` several that were deleted.
    pub(crate) async fn runs(&self, named: &[String], deleted: bool) -> Outcome<Vec<RunId>> {
        self.runs_among(named, None, deleted).await
    }

    /// Several runs, within an experiment where one is chosen.
    pub(crate) async fn runs_of(&self, named: &[String], experiment: Option<&Experiment>) -> Outcome<Vec<RunId>> {
        self.runs_among(named, experiment, false).await
    }

    async fn runs_among(
        &self,
        named: &[String],
        experiment: Option<&Experiment>,
        deleted: bool,
    ) -> Outcome<Vec<RunId>> {
        let mut runs = Vec::with_capacity(named.len());
        for named in named {
            let run = self.run_among(named, experiment, deleted).await?;
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// The experiment's run of this name, or the project's; where it has none, the only one of those that belong to no
    /// project.
    async fn run_among(&self, named: &str, experiment: Option<&Experiment>, deleted: bool) -> Outcome<RunId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        if named == "latest" {
            return self.latest_run(experiment, deleted).await;
        }
        let of = match experiment {
            Some(experiment) => Scope::Experiment(experiment.id),
            None => self.project_if_any().await?.map_or(Scope::All, Scope::Project),
        };
        let found = self.call(ResolveRuns { named: named.to_owned(), of }).await?;
        let wanted = |near: Nearness| found.iter().filter(move |run| run.nearness == near && run.deleted == deleted);
        let mut fits: Vec<&ResolvedRun> = wanted(Nearness::Own).collect();
        if fits.is_empty() {
            fits = wanted(Nearness::Shared).collect();
        }
        if fits.is_empty() {
            // A part of an id means the same run wherever somebody stands, as the whole does.
            let by_id = |run: &&ResolvedRun| run.deleted == deleted && is_meant(run.id, named);
            fits = found.iter().filter(by_id).collect();
        }
        if fits.is_empty() {
            let place = match of {
                Scope::Experiment(_) => experiment.map(|one| format!("in the experiment {}", one_line(&one.name))),
                Scope::Project(_) => Some("in this project or in an experiment of no project".to_owned()),
                Scope::All => None,
            };
            return Err(no_run(named, &found, deleted, place.as_deref()));
        }
        match fits.as_slice() {
            [only] => Ok(only.id),
            several => Err(clash(named, several)),
        }
    }

    /// The newest run of the experiment, or of the project.
    async fn latest_run(&self, experiment: Option<&Experiment>, deleted: bool) -> Outcome<RunId> {
        let of = match experiment {
            Some(experiment) => Scope::Experiment(experiment.id),
            None => {
                Scope::Project(self.project_of_runs("or name a run: `slipway run list --everywhere` lists all").await?)
            }
        };
        let sort = Some("created".to_owned());
        let list = Listing { of, deleted, filter: String::new(), sort, descending: true };
        let newest = self.call(ListRuns::of(list, 0, 1)).await?.rows.into_iter().next();
        newest.map(|row| row.id).ok_or_else(|| {
            let whose =
                experiment.map_or_else(|| "The project".to_owned(), |one| format!("The experiment {}", one.name));
            ApiError::not_found(format!("{whose} has no {}.", if deleted { "deleted run" } else { "run yet" }))
        })
    }

    /// The experiment that an option names, where it is given.
    pub(crate) async fn experiment_if_named(&self, named: Option<&str>) -> Outcome<Option<Experiment>> {
        match named {
            Some(named) => Ok(Some(self.experiment(named, false).await?)),
            None => Ok(None),
        }
    }

    /// An experiment by id, number or name, or with `deleted` one that was deleted.
    pub(crate) async fn experiment(&self, named: &str, deleted: bool) -> Outcome<Experiment> {
        let is_called = |experiment: &Experiment| {
            experiment.name == named || experiment.number.to_string() == named || experiment.id.to_string() == named
        };
        let all = self.call(ListExperiments { deleted, ..ListExperiments::default() }).await?;
        let fits: Vec<Experiment> = all.iter().filter(|one| is_called(one)).cloned().collect();
        if fits.is_empty()
            && let Some(other) = self
                .call(ListExperiments { deleted: !deleted, ..ListExperiments::default() })
                .await?
                .into_iter()
                .find(is_called)
        {
            return Err(match deleted {
                true => not_deleted(&other.name),
                false => ApiError::not_found(format!("The experiment {} is deleted.", other.name))
                    .with_hint(format!("`slipway experiment restore {}` brings it back.", other.number)),
            });
        }
        let list = if deleted { "slipway experiment list --deleted" } else { "slipway experiment list" };
        if fits.is_empty() {
            let meant = did_you_mean(named, all.iter().map(|one| one.name.as_str()));
            let missing = ApiError::not_found(format!("There is no experiment \"{named}\".{meant}"));
            return Err(missing.with_hint(format!("See `{list}`.")));
        }
        only(fits, "experiment", named, list, |found: &Experiment| found.id.to_string())
    }

    /// A snapshot of the project by id, number (`14`, `v14`), or `latest`.
    pub(crate) async fn snapshot(&self, named: Option<&str>) -> Outcome<SnapshotId> {
        let named = named.unwrap_or("latest");
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let project = self.project_id().await?;
        let snapshots = self.call(GetDataset { project }).await?.snapshots;
        if named == "latest" {
            return snapshots.first().map(|snapshot| snapshot.id).ok_or_else(|| {
                ApiError::not_found("The project has no snapshot yet.")
                    .with_hint("Take one with `slipway data snapshot`.")
            });
        }
        let number = named.trim_start_matches('v');
        let fits = snapshots.into_iter().filter(|snapshot| snapshot.number.to_string() == number).collect();
        let found: Snapshot =
            only(fits, "snapshot", named, "slipway data list", |found: &Snapshot| found.id.to_string())?;
        Ok(found.id)
    }

    /// A snapshot that was deleted, by number or id.
    pub(crate) async fn deleted_snapshot(&self, named: &str) -> Outcome<SnapshotId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let project = self.project_id().await?;
        let number = named.trim_start_matches('v');
        let all = self.call(ListDeletedSnapshots { project }).await?.into_iter();
        let fits = all.filter(|deleted| deleted.number.to_string() == number).collect();
        let id = |deleted: &DeletedSnapshot| deleted.snapshot.to_string();
        Ok(only(fits, "deleted snapshot", named, "slipway data list --deleted", id)?.snapshot)
    }

    /// A model version by id, `NAME`, `NAME@ALIAS` or `NAME:NUMBER`.
    pub(crate) async fn version(&self, named: &str) -> Outcome<VersionId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let project = self.project_if_any().await?;
        Ok(self.call(FindVersion { reference: named.to_owned(), project }).await?.id)
    }

    /// The same of either kind, also one that a client registered.
    pub(crate) async fn any_version(&self, named: &str) -> Outcome<NamedVersion> {
        let project = self.project_if_any().await?;
        match self.call(ResolveVersion { reference: named.to_owned(), project }).await {
            Err(error) if error.code == ErrorCode::NotFound => Err(self.deleted_instead(named, error).await),
            answer => answer,
        }
    }

    /// A model by id or name, whoever registered it.
    pub(crate) async fn model(&self, named: &str) -> Outcome<Model> {
        let project = self.project_if_any().await?;
        match self.call(FindModel { name: named.to_owned(), project }).await {
            Err(error) if error.code == ErrorCode::NotFound => Err(self.deleted_instead(named, error).await),
            answer => answer,
        }
    }

    /// The same error, with the way back where a model or version of this name was deleted.
    async fn deleted_instead(&self, named: &str, error: ApiError) -> ApiError {
        let name = named.split(['@', ':', '/']).next().unwrap_or(named);
        let deleted = self.call(ListDeletedModels {}).await.unwrap_or_default();
        let is_it = |gone: &&DeletedModel| gone.title() == named || gone.name == name && gone.version.is_none();
        match deleted.iter().find(is_it) {
            Some(gone) => error.with_hint(format!(
                "{} was deleted: `slipway model restore {}` brings it back.",
                gone.title(),
                named_alone(gone, &deleted)
            )),
            None => error,
        }
    }

    /// A project that was forgotten, by name, id or folder.
    pub(crate) async fn deleted_project(&self, named: &str) -> Outcome<DeletedProject> {
        let all = self.call(ListDeletedProjects {}).await?.into_iter();
        let path = std::path::absolute(named).ok();
        let is_here = |one: &DeletedProject| path.as_deref().is_some_and(|path| path == Path::new(&one.path));
        let fits = all.filter(|one| one.project.to_string() == named || one.name == named || is_here(one)).collect();
        let id = |one: &DeletedProject| one.project.to_string();
        only(fits, "deleted project", named, "slipway project list --deleted", id)
    }

    /// What was deleted of models, by a name, a name with a number, or an id.
    pub(crate) async fn deleted_model(&self, named: &str, whole: bool) -> Outcome<DeletedModel> {
        let all = self.call(ListDeletedModels {}).await?.into_iter();
        let fits = all.filter(|gone| !whole || gone.version.is_none());
        let fits =
            fits.filter(|gone| id_of_deleted(gone) == named || gone.name == named || gone.title() == named).collect();
        only(fits, "deleted model", named, "slipway model list --deleted", id_of_deleted)
    }

    pub(crate) async fn registry(&self, named: &str) -> Outcome<RegistryId> {
        let registries = self.call(ListRegistries {}).await?;
        let fits =
            registries.into_iter().filter(|registry| registry.name == named || is_meant(registry.id, named)).collect();
        let registry: Registry =
            only(fits, "registry", named, "slipway registry list", |found: &Registry| found.id.to_string())?;
        Ok(registry.id)
    }

    pub(crate) async fn removed_registry(&self, named: &str) -> Outcome<RegistryId> {
        let all = self.call(ListRemovedRegistries {}).await?.into_iter().map(|removed| removed.registry);
        let fits = all.filter(|registry| registry.name == named || is_meant(registry.id, named)).collect();
        let id = |found: &Registry| found.id.to_string();
        Ok(only(fits, "removed registry", named, "slipway registry list --removed", id)?.id)
    }

    pub(crate) async fn removed_target(&self, named: &str) -> Outcome<TargetId> {
        let all = self.call(ListRemovedTargets {}).await?.into_iter();
        let fits = all.filter(|removed| removed.name == named || is_meant(removed.target, named)).collect();
        let id = |found: &RemovedTarget| found.target.to_string();
        Ok(only(fits, "removed target", named, "slipway target list --removed", id)?.target)
    }

    pub(crate) async fn target(&self, named: &str) -> Outcome<Target> {
        let targets = self.call(ListTargets {}).await?;
        let this_machine = matches!(named, "local" | "this-machine");
        let fits = targets.into_iter().filter(|target| {
            target.name == named
                || is_meant(target.id, named)
                || this_machine && target.kind == api::deploy::TargetKind::ThisMachine
        });
        only(fits.collect(), "target", named, "slipway target list", |target: &Target| target.id.to_string())
    }

    pub(crate) async fn target_id(&self, named: &str) -> Outcome<TargetId> {
        Ok(self.target(named).await?.id)
    }

    pub(crate) async fn deployment(&self, named: &str) -> Outcome<Deployment> {
        let deployments = self.call(ListDeployments { project: None }).await?;
        let fits = deployments.into_iter().filter(|found| found.name == named || is_meant(found.id, named)).collect();
        only(fits, "deployment", named, "slipway deploy list --all", |found: &Deployment| {
            format!("{} on {}", found.id, api::deploy::in_sentence(&found.target_name))
        })
    }

    pub(crate) async fn deleted_deployment(&self, named: &str) -> Outcome<DeletedDeployment> {
        let all = self.call(ListDeletedDeployments { project: None }).await?.into_iter();
        let fits = all.filter(|found| found.name == named || is_meant(found.deployment, named)).collect();
        only(fits, "deleted deployment", named, "slipway deploy list --all --deleted", |found: &DeletedDeployment| {
            format!("{} on {}", found.deployment, api::deploy::in_sentence(&found.target_name))
        })
    }

    pub(crate) async fn job(&self, named: &str) -> Outcome<JobId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let jobs = self.call(ListJobs { project: None, limit: Some(MANY) }).await?;
        // As with runs and searches, what was begun last.
        let newest = jobs.iter().max_by_key(|job| job.created_ms).filter(|_| named == "latest").map(|job| job.id);
        if let Some(newest) = newest {
            return Ok(newest);
        }
        let fits = jobs.into_iter().filter(|job| is_meant(job.id, named)).collect();
        let job: Job = only(fits, "job", named, "slipway job list --all", |job: &Job| job.id.to_string())?;
        Ok(job.id)
    }

    pub(crate) async fn alert(&self, named: &str) -> Outcome<Alert> {
        let alerts = self.call(ListAlerts::default()).await?;
        let fits = alerts.into_iter().filter(|alert| is_meant(alert.id, named)).collect();
        only(fits, "alert", named, "slipway monitor alerts --all", |alert: &Alert| alert.id.to_string())
    }

    /// A window of any deployment by its id.
    pub(crate) async fn window(&self, named: &str) -> Outcome<WindowId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let mut fits = Vec::new();
        for deployment in self.call(ListDeployments { project: None }).await? {
            let mut skip = 0;
            loop {
                let page = self.call(ListWindows { deployment: deployment.id, skip, limit: WINDOWS }).await?;
                let ids = page.windows.iter().map(|window| window.id);
                fits.extend(ids.filter(|id| is_meant(*id, named)));
                skip += page.windows.len() as u64;
                if page.windows.is_empty() || skip >= page.total {
                    break;
                }
            }
        }
        only(fits, "window", named, "slipway monitor windows NAME", WindowId::to_string)
    }

    /// A package by id, or the newest of a version.
    pub(crate) async fn package(&self, named: &str) -> Outcome<PackageId> {
        let all = self.call(ListPackages { version: None }).await?;
        let fits: Vec<Package> = all
            .into_iter()
            .filter(|found| found.id.to_string() == named || found.id.short() == named || found.digest == named)
            .collect();
        if let Some(found) = fits.first() {
            return Ok(found.id);
        }
        let version = self.version(named).await?;
        let packages = self.call(ListPackages { version: Some(version) }).await?;
        packages.iter().max_by_key(|package| package.created_ms).map(|package| package.id).ok_or_else(|| {
            ApiError::not_found(format!("{named} has no package yet."))
                .with_hint(format!("Build it with `slipway registry package {}`.", shell(named)))
        })
    }
}

/// Where a run was looked for, and where one of this name is instead.
fn no_run(named: &str, found: &[ResolvedRun], deleted: bool, place: Option<&str>) -> ApiError {
    let what = if deleted { "deleted run" } else { "run" };
    let place = place.unwrap_or("in an experiment of no project, and this folder is in none");
    let missing = ApiError::not_found(format!("There is no {what} \"{named}\" {place}."));
    if let Some(run) = found.iter().find(|run| run.deleted == deleted) {
        let hint = format!("One is in the experiment {}: name it by its id, {}.", run.experiment, run.id);
        return missing.with_hint(hint);
    }
    let list = if deleted { "slipway run list --everywhere --deleted" } else { "slipway run list --everywhere" };
    match found.first() {
        Some(there) if deleted => not_deleted(&there.name),
        Some(gone) => {
            missing.with_hint(format!("A deleted one is called so: `slipway run restore {}` brings it back.", gone.id))
        }
        None => missing.with_hint(format!("`{list}` lists all; --experiment NAME behind `run list` those of one.")),
    }
}

/// Runs that a name can't tell apart, with what does.
fn clash(named: &str, runs: &[&ResolvedRun]) -> ApiError {
    const TOLD: usize = 10;
    let line = |run: &&ResolvedRun| {
        let experiment = one_line(&run.experiment);
        format!("\n  {}  {experiment}  {}  {}", run.id, words::word(&run.state), words::time(run.created_ms))
    };
    let lines: String = runs.iter().take(TOLD).map(line).collect();
    let more = runs.len().saturating_sub(TOLD);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    ApiError::invalid(format!("{} runs fit \"{named}\".", runs.len()))
        .with_hint(format!("Name one by its id, or so much of its beginning that no other has it:{lines}{more}"))
}

/// Found where one that was deleted is looked for; what to do about it depends on what it is looked for.
fn not_deleted(name: &str) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{name} is not deleted."))
}

/// Says of what is to be restored and is there that it is as wanted.
pub(crate) fn on_restore(error: ApiError) -> ApiError {
    of_not_deleted(error, || "Nothing is to be done: it is where it was.".to_owned())
}

/// Says of what is to be deleted for good and is there which command comes first.
pub(crate) fn on_purge(error: ApiError, command: &str) -> ApiError {
    of_not_deleted(error, || {
        format!("Delete it first, with `slipway {command}`: it can then be restored, or deleted for good.")
    })
}

fn of_not_deleted(error: ApiError, hint: impl FnOnce() -> String) -> ApiError {
    if error.code == ErrorCode::Conflict && error.hint.is_none() { error.with_hint(hint()) } else { error }
}

/// How `model restore` is told of one of what was deleted, and of nothing else.
fn named_alone(gone: &DeletedModel, all: &[DeletedModel]) -> String {
    let title = gone.title();
    let is_only = |is_it: &dyn Fn(&DeletedModel) -> bool| all.iter().filter(|other| is_it(other)).count() == 1;
    match gone.version {
        _ if is_only(&|other| other.name == title || other.title() == title) => shell(&title).into_owned(),
        None if is_only(&|other| other.version.is_none() && other.name == title) => {
            format!("{} --whole", shell(&title))
        }
        _ => id_of_deleted(gone),
    }
}

fn id_of_deleted(gone: &DeletedModel) -> String {
    match gone.version {
        Some((version, _)) => version.to_string(),
        None => gone.model.to_string(),
    }
}

/// Whether an id is meant: whole, by its last eight digits, as tables have them, or by six of its first ones or more.
pub(crate) fn is_meant(id: impl ToString, named: &str) -> bool {
    let (id, named) = (id.to_string(), named.to_ascii_lowercase());
    id == named || named.len() >= 6 && id.starts_with(&named) || named.len() == 8 && id.ends_with(&named)
}

/// The only record that a name fits.
pub(crate) fn only<T>(mut fits: Vec<T>, what: &str, named: &str, list: &str, id: impl Fn(&T) -> String) -> Outcome<T> {
    match fits.len() {
        1 => Ok(fits.remove(0)),
        0 => Err(ApiError::not_found(format!("There is no {what} \"{named}\".")).with_hint(format!("See `{list}`."))),
        count => {
            let ids = fits.iter().take(5).map(id).collect::<Vec<_>>().join(", ");
            Err(ApiError::invalid(format!("{count} {what}s fit \"{named}\"."))
                .with_hint(format!("Name one by its id: {ids}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use api::ModelId;

    use super::*;

    fn gone(model: u8, name: &str, version: Option<u8>) -> DeletedModel {
        let version = version.map(|number| (VersionId::from_bytes([number; 16]), u32::from(number)));
        let model = ModelId::from_bytes([model; 16]);
        DeletedModel {
            model,
            name: name.to_owned(),
            version,
            versions: 1,
            deleted_ms: 1,
            project: None,
            frees_bytes: 0,
        }
    }

    #[test]
    fn an_id_is_meant_by_what_is_shown_of_it_and_by_its_beginning() {
        let id = RunId::from_bytes([1, 0xa2, 0x2d, 0x27, 3, 4, 5, 6, 7, 8, 9, 10, 0xab, 0xcd, 0xef, 1]);
        let whole = id.to_string();
        for named in [&*whole, &*id.short(), "ABCDEF01", "01a22d", "01a22d2703"] {
            assert!(is_meant(id, named), "{named}");
        }
        for other in ["", "01a22", "cdef01", "a22d27", "01a22e"] {
            assert!(!is_meant(id, other), "{other}");
        }
    }

    #[test]
    fn what_was_deleted_is_named_so_that_it_is_meant_alone() {
        let (model, version) = (gone(1, "churn", None), gone(1, "churn", Some(3)));
        let check = |it: &DeletedModel, others: &[&DeletedModel], expected: &str| {
            let all: Vec<DeletedModel> = others.iter().copied().chain([it]).cloned().collect();
            assert_eq!(named_alone(it, &all), expected);
        };
        check(&model, &[], "churn");
        check(&model, &[&version], "churn --whole");
        check(&version, &[&model], "churn:3");
        // Of two that were called so the id tells.
        check(&model, &[&gone(2, "churn", None)], &model.model.to_string());
        check(&gone(3, "two words", None), &[], "'two words'");
    }
}
