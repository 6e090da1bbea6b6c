//! The one dispatch: a request's type routes to its handler, by every wire alike.
//!
//! A handler is `async fn(&Engine, R) -> anyhow::Result<R::Response>` and runs on the caller's task;
//! what blocks is moved to a blocking thread by the handler. The list below is the only table.

use api::{ApiError, ErrorCode, Request};
use serde_json::Value;

use crate::{
    Engine, ballast, dataset, error, hardware, host, host_log, jobs, model, overview, project, run, sample, settings,
    storage, tracking,
};

macro_rules! handlers {
    ($($request:path => $handler:path,)*) => {
        /// The methods that have a handler.
        pub const HANDLED: &[&str] = &[$(<$request as Request>::METHOD),*];

        async fn route(engine: &Engine, method: &str, params: Value) -> anyhow::Result<Value> {
            match method {
                $(<$request as Request>::METHOD => {
                    let request: $request = parse(method, params)?;
                    // Boxed, so that the largest handler does not size every call.
                    let response: <$request as Request>::Response = Box::pin($handler(engine, request)).await?;
                    answer::<$request>(response)
                })*
                _ => Err(unknown(method).into()),
            }
        }
    };
}

handlers! {
    // project
    api::project::ListProjects => project::list,
    api::project::LookAt => project::look,
    api::project::OpenProject => project::open,
    api::project::CreateProject => project::create,
    api::project::GetProject => project::get,
    api::project::DeleteProject => project::deletion::delete,
    api::project::RestoreProject => project::deletion::restore,
    api::project::PurgeProject => project::deletion::purge,
    api::project::ListDeletedProjects => project::deletion::list,
    api::project::EditProjectFile => project::edit,
    api::project::GetOverview => overview::get,
    api::project::ListSamples => sample::list,
    api::project::OpenSample => sample::open,
    // dataset
    api::dataset::GetDataset => dataset::get,
    api::dataset::PlanSnapshot => dataset::plan,
    api::dataset::TakeSnapshot => dataset::take,
    api::dataset::GetPreview => dataset::preview,
    api::dataset::GetProfile => dataset::profile,
    api::dataset::CompareSnapshots => dataset::compare,
    api::dataset::ExportSnapshot => dataset::export,
    api::dataset::DeleteSnapshot => crate::snapshot::deletion::delete,
    api::deleted::ListDeletedSnapshots => crate::snapshot::deletion::list,
    api::deleted::RestoreSnapshot => crate::snapshot::deletion::restore,
    api::deleted::PurgeSnapshot => crate::snapshot::deletion::purge,
    api::dataset::AddData => dataset::add,
    // run
    api::run::StartRun => run::start::start,
    api::run::ListRuns => run::list,
    api::run::GetRun => run::get,
    api::run::FindRuns => run::called::find,
    api::run::ResolveRuns => run::named::find,
    api::run::GetRuns => run::get_many,
    api::run::StopRun => run::stop,
    api::run::MarkEnded => run::mark_ended,
    api::run::ResumeRun => run::start::resume,
    api::run::EditRun => run::edit,
    api::run::DeleteCheckpoints => run::deletion::delete_checkpoints,
    api::run::GetEvaluation => run::evaluation,
    api::run::GetRunLog => run::log,
    api::run::ListArtifacts => run::artifacts,
    api::run::SaveArtifact => run::save_artifact,
    api::run::DeleteArtifact => run::deletion::delete_artifact,
    api::deleted::ListDeletedArtifacts => run::aside::list,
    api::deleted::RestoreArtifact => run::aside::restore,
    api::deleted::PurgeArtifact => run::aside::purge,
    api::run::BeginCommand => run::command::begin,
    api::run::StartCommand => run::exec::start,
    api::run::EndCommand => run::command::end,
    api::run::GetNested => run::nested::get,
    api::run::GetLineage => run::lineage::get,
    api::media::ListMedia => run::media::list,
    api::media::GetMedium => run::media::get,
    api::media::GetMediumSteps => run::media::get_steps,
    api::media::GetNearestStep => run::media::nearest_step,
    api::media::SaveMedium => run::media::save,
    api::run_diff::DiffRuns => run::diff::compare,
    api::run_diff::DiffCode => run::code_diff::compare,
    api::run_table::GroupRuns => run::table::group,
    api::run_table::AggregateRuns => run::bands::aggregate,
    api::run_table::PickRuns => run::table::pick,
    api::run_table::TabulateRuns => run::table::tabulate,
    api::run_table::values::ListValues => run::table::values,
    api::run_table::AssessParams => run::importance::assess,
    api::export::ExportRuns => run::export::start,
    // tracking
    api::tracking::ListExperiments => tracking::experiments::list,
    api::tracking::CreateExperiment => tracking::experiments::create,
    api::tracking::EditExperiment => tracking::experiments::edit,
    api::tracking::MoveExperiment => tracking::experiments::move_to,
    api::tracking::MoveFolder => tracking::folders::move_to,
    api::tracking::DeleteExperiment => tracking::experiments::delete,
    api::tracking::RestoreExperiment => tracking::experiments::restore,
    api::tracking::PurgeExperiment => tracking::experiments::purge,
    api::tracking::MoveRuns => tracking::experiments::move_runs,
    api::tracking::GetRunPlaces => run::nested::places,
    api::tracking::TrashRuns => tracking::experiments::trash_runs,
    api::tracking::RestoreRuns => tracking::experiments::restore_runs,
    api::tracking::PurgeRuns => tracking::experiments::purge_runs,
    api::tracking::GetTracking => tracking::token::get,
    api::tracking::RenewTracking => tracking::token::renew,
    api::tracking::ListViews => tracking::views::list,
    api::tracking::SaveView => tracking::views::save,
    api::tracking::DeleteView => tracking::views::delete,
    api::tracking::RestoreView => tracking::views::restore,
    api::tracking::ListDeletedViews => tracking::views::list_deleted,
    api::search::StartSearch => crate::search::start,
    api::search::ListSearches => crate::search::list,
    api::search::GetSearch => crate::search::get,
    api::search::StopSearch => crate::search::stop,
    api::search::ResumeSearch => crate::search::resume,
    api::search::DeleteSearch => crate::search::delete,
    api::search::RestoreSearch => crate::search::restore,
    api::search::AssessTrials => crate::search::trials::importance,
    api::source::LookForLogs => crate::source::look,
    api::source::AddSource => crate::source::add,
    api::source::ReadSource => crate::source::read,
    api::source::FollowSource => crate::source::set_followed,
    api::source::ListSources => crate::source::list,
    api::source::RemoveSource => crate::source::remove,
    api::source::ListDeletedSources => crate::source::list_deleted,
    api::source::RestoreSource => crate::source::restore,
    // model
    api::model::RegisterModel => model::register,
    api::model::ListModels => model::list,
    api::model::ListOtherModels => model::list_other,
    api::model::GetVersion => model::version,
    api::model::FindVersion => model::find::find,
    api::model::SetAlias => model::set_alias,
    api::model::DeleteVersion => model::delete,
    api::model::Predict => model::predict,
    api::model::PredictFile => model::predict_file,
    api::registered::ResolveVersion => model::find::resolve,
    api::registered::FindModel => model::find::model,
    api::registered::GetClientVersion => tracking::registered::get,
    api::registered::SetStage => tracking::registered::set_stage,
    api::registered::PutStages => tracking::registered::put_stages,
    api::registered::TagModel => tracking::registered::tag,
    api::registered::DescribeModel => tracking::registered::describe,
    api::registered::RenameModel => tracking::registered::rename,
    api::registered::DeleteModel => tracking::gone::delete,
    api::registered::RestoreModel => tracking::gone::restore,
    api::registered::RestoreVersion => tracking::gone::restore_version,
    api::logged::ListLogged => tracking::logged::shown::list,
    api::logged::GetLogged => tracking::logged::shown::get,
    api::logged::RegisterLogged => tracking::logged::registering::register,
    api::logged::DeleteLogged => tracking::logged::deletion::delete,
    api::logged::RestoreLogged => tracking::logged::deletion::restore,
    api::registered::PurgeModel => tracking::gone::purge,
    api::registered::ListDeletedModels => tracking::gone::list,
    api::registered::SaveVersionFile => tracking::registered::save_file,
    // host
    api::host::GetHost => host::get,
    api::host::StopHost => host::stop,
    api::host::MakeKey => host::key,
    api::host::GetStorage => storage::get,
    api::host::CollectGarbage => storage::collect,
    api::host::CompactDatabase => storage::compact::start,
    api::host::GetHardware => hardware::get,
    api::host::GetSettings => settings::get,
    api::host::PutSettings => settings::put,
    api::host::GetLog => host_log::get,
    // job
    api::job::ListJobs => jobs::list,
    api::job::GetJob => jobs::get,
    api::job::CancelJob => jobs::cancel,
    api::job::LeaveJob => jobs::leave,
    api::job::RetryJob => jobs::retry,
    api::job::GetJobLog => jobs::log,
    // secret
    api::host::ListSecrets => crate::secret::list,
    api::host::SetSecret => crate::secret::set,
    api::host::DeleteSecret => crate::secret::delete,
    api::host::MoveSecrets => crate::secret::move_all,
    // package
    api::package::ListRegistries => crate::registry::list,
    api::package::AddRegistry => crate::registry::add,
    api::package::SetRegistryPassword => crate::registry::set_password,
    api::package::RemoveRegistry => crate::registry::removal::remove,
    api::deleted::ListRemovedRegistries => crate::registry::removal::list,
    api::deleted::RestoreRegistry => crate::registry::removal::restore,
    api::package::CheckRegistry => crate::registry::check,
    api::package::BuildPackage => crate::package::build,
    api::package::PushPackage => crate::package::push,
    api::package::ListPackages => crate::package::list,
    api::package::ExportPackage => crate::package::export,
    // deploy
    api::deploy::ListTargets => crate::target::list,
    api::deploy::ListContexts => crate::target::contexts,
    api::deploy::AddTarget => crate::target::add,
    api::deploy::RemoveTarget => crate::target::remove,
    api::deleted::ListRemovedTargets => crate::target::list_removed,
    api::deleted::RestoreTarget => crate::target::restore,
    api::deploy::CheckTarget => crate::target::check,
    api::deploy::LookAtTarget => crate::target::look,
    api::deploy::ProposeDeploy => crate::deploy::propose::propose,
    api::deploy::PlanDeploy => crate::deploy::plan,
    api::deploy::StartDeploy => crate::deploy::start,
    api::deploy::ListDeployments => crate::deploy::list,
    api::deploy::GetDeployment => crate::deploy::get,
    api::deploy::ScaleDeployment => crate::deploy::scale,
    api::deploy::RollBack => crate::deploy::roll_back,
    api::deploy::DeleteDeployment => crate::deploy::delete,
    api::deleted::ListDeletedDeployments => crate::deploy::again::list,
    api::deleted::RestoreDeployment => crate::deploy::again::restore,
    api::deploy::GetDeploymentLogs => crate::deploy::logs,
    api::deploy::FollowDeploymentLogs => crate::deploy::follow_logs,
    api::deploy::GetDeploymentEvents => crate::deploy::events,
    api::deploy::CallDeployment => crate::deploy::ask::call,
    api::deploy::ProposeTraffic => crate::deploy::traffic::propose,
    api::deploy::SendTraffic => crate::deploy::traffic::send,
    // monitor
    api::monitor::GetMonitoring => crate::monitor::get,
    api::monitor::ListWindows => crate::monitor::windows,
    api::monitor::GetWindow => crate::monitor::window,
    api::monitor::GetWindowRows => crate::monitor::rows::get,
    api::monitor::CheckNow => crate::monitor::check,
    api::monitor::SetMonitored => crate::monitor::set,
    api::monitor::ListAlerts => crate::monitor::alerts,
    api::monitor::AcknowledgeAlert => crate::monitor::acknowledge,
}

/// Answers a call.
pub async fn dispatch(engine: &Engine, method: &str, params: Value) -> Result<Value, ApiError> {
    if ballast::frees(method) {
        return ballast::freeing(engine, answered(engine, method, params)).await;
    }
    answered(engine, method, params).await
}

async fn answered(engine: &Engine, method: &str, params: Value) -> Result<Value, ApiError> {
    route(engine, method, params).await.map_err(|failure| {
        let told = error::told(&failure);
        if told.code == ErrorCode::Internal {
            tracing::error!(method, error = format!("{failure:#}"), "a call failed");
        } else {
            tracing::debug!(method, error = format!("{failure:#}"), "a call was refused");
        }
        told
    })
}

/// The same for callers in this process, typed.
pub async fn call<R: Request>(engine: &Engine, request: R) -> Result<R::Response, ApiError> {
    let broken = |error: serde_json::Error| ApiError::new(ErrorCode::Internal, error.to_string());
    let params = serde_json::to_value(request).map_err(broken)?;
    let response = dispatch(engine, R::METHOD, params).await?;
    serde_json::from_value(response).map_err(broken)
}

fn parse<R: Request>(method: &str, params: Value) -> Result<R, ApiError> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params)
        .map_err(|error| ApiError::invalid(format!("The parameters of {method} are wrong: {error}.")))
}

/// The answer as it is sent. JSON has no number that is not finite and writes `null`, which the caller's type
/// may refuse: the tests' builds read each answer back, so that such a field is found here.
fn answer<R: Request>(response: R::Response) -> anyhow::Result<Value> {
    let value = serde_json::to_value(response)?;
    if cfg!(debug_assertions) {
        serde_json::from_value::<R::Response>(value.clone())
            .map_err(|error| anyhow::anyhow!("the answer to {} can't be read back: {error}", R::METHOD))?;
    }
    Ok(value)
}

fn unknown(method: &str) -> ApiError {
    let like = |known: &&str| strsim::jaro_winkler(known, method);
    let nearest = api::call::methods().into_iter().max_by(|left, right| like(left).total_cmp(&like(right)));
    let hint = match nearest.filter(|known| like(known) > 0.9) {
        Some(known) => format!("Is \"{known}\" meant? Otherwise host and client are of different versions."),
        None => "Host and client are of different versions: update the older one.".to_owned(),
    };
    ApiError::new(ErrorCode::WrongProtocol, format!("This host knows no call \"{method}\".")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn each_method_has_one_handler() {
        let known: BTreeSet<&str> = api::call::methods().into_iter().collect();
        let handled: BTreeSet<&str> = super::HANDLED.iter().copied().collect();
        assert_eq!(handled.len(), super::HANDLED.len(), "a method is handled twice");
        let missing: Vec<_> = known.difference(&handled).collect();
        assert!(missing.is_empty(), "without a handler: {missing:?}");
    }
}
