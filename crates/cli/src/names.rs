//! Records by the names that people use: wherever an id is asked for, a name does as well.

use api::{
    ApiError, ErrorCode, JobId, PackageId, RegistryId, RunId, SnapshotId, TargetId, VersionId,
    dataset::{GetDataset, Snapshot},
    deploy::{Deployment, ListDeployments, ListTargets, Target},
    job::{Job, ListJobs},
    model::{FindVersion, Model},
    monitor::{Alert, ListAlerts},
    package::{ListPackages, ListRegistries, Package, Registry},
    registered::{DeletedModel, FindModel, ListDeletedModels, NamedVersion, ResolveVersion},
    run::{ListRuns, ProjectIdOr, RunRow},
    run_table::quoted,
    tracking::{Experiment, ListExperiments},
};

use crate::context::{Context, Outcome};

/// What is asked for at most while a name is looked up.
const MANY: u32 = 10_000;
/// Digits of an id's short form.
const SHORT: usize = 8;

impl Context {
    /// A run by id, by the short form of its id, by name, or `latest`.
    pub(crate) async fn run(&self, named: &str) -> Outcome<RunId> {
        self.run_among(named, false).await
    }

    /// Several runs, or with `deleted` several that were deleted.
    pub(crate) async fn runs(&self, named: &[String], deleted: bool) -> Outcome<Vec<RunId>> {
        let mut runs = Vec::with_capacity(named.len());
        for named in named {
            let run = self.run_among(named, deleted).await?;
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// The project's run of this name; where it has none, the only one of those that belong to no project.
    async fn run_among(&self, named: &str, deleted: bool) -> Outcome<RunId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        if named == "latest" {
            let others = "or name a run: `slipway run list --everywhere` lists all";
            let project = ProjectIdOr(self.project_of_runs(others).await?);
            let sort = Some("created".to_owned());
            let request = ListRuns { project, deleted, sort, descending: true, limit: Some(1), ..ListRuns::default() };
            let newest = self.call(request).await?.rows.into_iter().next();
            return newest.map(|row| row.id).ok_or_else(|| ApiError::not_found("The project has no runs yet."));
        }
        let mut filter = format!("name = {}", quoted(named));
        if named.len() == SHORT && named.chars().all(|digit| digit.is_ascii_hexdigit()) {
            filter.push_str(&format!(" or run_id like \"%{named}\""));
        }
        let project = self.project_if_any().await?;
        let mut fits = Vec::new();
        if let Some(project) = project.map(ProjectIdOr) {
            let request = ListRuns { project, deleted, filter: filter.clone(), ..ListRuns::default() };
            fits = self.call(request).await?.rows;
        }
        if fits.is_empty() {
            let experiments = self.call(ListExperiments::default()).await?;
            for experiment in experiments.into_iter().filter(|experiment| experiment.project.is_none()) {
                let experiment = Some(experiment.id);
                let request = ListRuns { experiment, deleted, filter: filter.clone(), ..ListRuns::default() };
                fits.extend(self.call(request).await?.rows);
            }
        }
        if fits.is_empty() {
            return Err(self.no_run(named, filter, deleted, project.is_some()).await?);
        }
        let list = if deleted { "slipway run list --deleted" } else { "slipway run list" };
        let row: RunRow = only(fits, "run", named, list, |row: &RunRow| row.id.to_string())?;
        Ok(row.id)
    }

    /// Where a run was looked for, and where one of this name is instead.
    async fn no_run(&self, named: &str, filter: String, deleted: bool, in_project: bool) -> Outcome<ApiError> {
        let anywhere = ListRuns { everywhere: true, filter, limit: Some(1), ..ListRuns::default() };
        let elsewhere = self.call(ListRuns { deleted, ..anywhere.clone() }).await?.rows.into_iter().next();
        let what = if deleted { "deleted run" } else { "run" };
        let place = match in_project {
            true => "in this project or in an experiment of no project",
            false => "in an experiment of no project, and this folder is in none",
        };
        let missing = ApiError::not_found(format!("There is no {what} \"{named}\" {place}."));
        if let Some(run) = elsewhere {
            let hint = format!("One is in the experiment {}: name it by its id, {}.", run.experiment, run.id);
            return Ok(missing.with_hint(hint));
        }
        let other = self.call(ListRuns { deleted: !deleted, ..anywhere }).await?.rows.into_iter().next();
        let list = if deleted { "slipway run list --everywhere --deleted" } else { "slipway run list --everywhere" };
        Ok(match other {
            Some(there) if deleted => not_deleted(&there.name, "run trash"),
            Some(gone) => missing
                .with_hint(format!("A deleted one is called so: `slipway run restore {}` brings it back.", gone.id)),
            None => missing.with_hint(format!("`{list}` lists all; --experiment NAME behind `run list` those of one.")),
        })
    }

    /// An experiment by id, number or name, or with `deleted` one that was deleted.
    pub(crate) async fn experiment(&self, named: &str, deleted: bool) -> Outcome<Experiment> {
        let is_called = |experiment: &Experiment| {
            experiment.name == named || experiment.number.to_string() == named || experiment.id.to_string() == named
        };
        let fits: Vec<Experiment> =
            self.call(ListExperiments { deleted }).await?.into_iter().filter(is_called).collect();
        if fits.is_empty()
            && let Some(other) = self.call(ListExperiments { deleted: !deleted }).await?.into_iter().find(is_called)
        {
            return Err(match deleted {
                true => not_deleted(&other.name, "experiment delete"),
                false => ApiError::not_found(format!("The experiment {} is deleted.", other.name))
                    .with_hint(format!("`slipway experiment restore {}` brings it back.", other.number)),
            });
        }
        let list = if deleted { "slipway experiment list --deleted" } else { "slipway experiment list" };
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
                gone.title()
            )),
            None => error,
        }
    }

    /// What was deleted of models, by a name, a name with a number, or an id.
    pub(crate) async fn deleted_model(&self, named: &str, whole: bool) -> Outcome<DeletedModel> {
        let id = |gone: &DeletedModel| match gone.version {
            Some((version, _)) => version.to_string(),
            None => gone.model.to_string(),
        };
        let all = self.call(ListDeletedModels {}).await?.into_iter();
        let fits = all.filter(|gone| !whole || gone.version.is_none());
        let fits = fits.filter(|gone| id(gone) == named || gone.name == named || gone.title() == named).collect();
        only(fits, "deleted model", named, "slipway model list --deleted", id)
    }

    pub(crate) async fn registry(&self, named: &str) -> Outcome<RegistryId> {
        let registries = self.call(ListRegistries {}).await?;
        let fits = registries
            .into_iter()
            .filter(|registry| registry.name == named || registry.id.to_string() == named)
            .collect();
        let registry: Registry =
            only(fits, "registry", named, "slipway registry list", |found: &Registry| found.id.to_string())?;
        Ok(registry.id)
    }

    pub(crate) async fn target(&self, named: &str) -> Outcome<Target> {
        let targets = self.call(ListTargets {}).await?;
        let this_machine = matches!(named, "local" | "this-machine");
        let fits = targets.into_iter().filter(|target| {
            target.name == named
                || target.id.to_string() == named
                || this_machine && target.kind == api::deploy::TargetKind::ThisMachine
        });
        only(fits.collect(), "target", named, "slipway target list", |target: &Target| target.id.to_string())
    }

    pub(crate) async fn target_id(&self, named: &str) -> Outcome<TargetId> {
        Ok(self.target(named).await?.id)
    }

    pub(crate) async fn deployment(&self, named: &str) -> Outcome<Deployment> {
        let deployments = self.call(ListDeployments { project: None }).await?;
        let fits =
            deployments.into_iter().filter(|found| found.name == named || found.id.to_string() == named).collect();
        only(fits, "deployment", named, "slipway deploy list", |found: &Deployment| {
            format!("{} on {}", found.id, api::deploy::in_sentence(&found.target_name))
        })
    }

    pub(crate) async fn job(&self, named: &str) -> Outcome<JobId> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let jobs = self.call(ListJobs { project: None, limit: Some(MANY) }).await?;
        let fits = jobs.into_iter().filter(|job| job.id.short() == named).collect();
        let job: Job = only(fits, "job", named, "slipway job list", |job: &Job| job.id.to_string())?;
        Ok(job.id)
    }

    pub(crate) async fn alert(&self, named: &str) -> Outcome<Alert> {
        let alerts = self.call(ListAlerts::default()).await?;
        let fits =
            alerts.into_iter().filter(|alert| alert.id.to_string() == named || alert.id.short() == named).collect();
        only(fits, "alert", named, "slipway monitor alerts", |alert: &Alert| alert.id.to_string())
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
                .with_hint(format!("Build it with `slipway registry package {named}`."))
        })
    }
}

/// What is there is first deleted so that it can be restored.
fn not_deleted(name: &str, command: &str) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{name} is not deleted."))
        .with_hint(format!("Delete it first, with `slipway {command}`: it can then be restored, or deleted for good."))
}

/// The only record that a name fits.
fn only<T>(mut fits: Vec<T>, what: &str, named: &str, list: &str, id: impl Fn(&T) -> String) -> Outcome<T> {
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
