//! What the program is told so that MLflow's client in it logs into this workspace: its first run is the command's own, and
//! further ones stand below that.

use std::ffi::OsString;

use api::{
    ApiError, ErrorCode, RunId,
    run::GetRun,
    tracking::{GetTracking, ListExperiments, PARENT_TAG, PROGRAM_TAG, Tracking},
};
use client::{find::PATIENCE, workspace::Workspace};
use serde_json::{Map, Value};

use crate::{context::Outcome, output::Output, session::Session};

const ADDRESS: &str = "MLFLOW_TRACKING_URI";
/// Beside the address and not within it: the client prints the address, which the run's log keeps.
const USER: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
/// What the client sends where it has no user and password.
const BEARER: &str = "MLFLOW_TRACKING_TOKEN";
const EXPERIMENT: &str = "MLFLOW_EXPERIMENT_ID";
const EXPERIMENT_NAME: &str = "MLFLOW_EXPERIMENT_NAME";
/// Tags, as a JSON object, that the client gives to each run that it begins; a nested run's own parent goes before.
const CONTEXT: &str = "MLFLOW_RUN_CONTEXT";

/// Who enters the command's run: a host, started where none runs, unless the program has nobody to ask there.
pub(super) async fn session(workspace: &Workspace, no_host: bool, output: Output) -> Outcome<Session> {
    if no_host || callers(ADDRESS).is_some() {
        return Session::open(workspace, super::COMMAND).await;
    }
    match Session::lasting(workspace).await {
        Ok(session) => Ok(session),
        Err(error) => {
            let session = Session::open(workspace, super::COMMAND).await?;
            if !matches!(session, Session::Host(_)) {
                unset(output, &error);
            }
            Ok(session)
        }
    }
}

/// What is set for the program. The caller's address stays, and so do an experiment and a parent that the caller named.
pub(super) async fn variables(
    session: &Session,
    run: RunId,
    no_host: bool,
    output: Output,
) -> Vec<(&'static str, OsString)> {
    let address = callers(ADDRESS);
    if no_host {
        output.say("slipway: with --no-host nothing is set for MLflow's client");
        return Vec::new();
    }
    if !matches!(session, Session::Host(_)) {
        if address.is_some() {
            stays(output);
        }
        return Vec::new();
    }
    match tokio::time::timeout(PATIENCE, tracking(session, run)).await.unwrap_or_else(|_| Err(slow())) {
        // Within another `slipway exec` it is our own.
        Ok((tracking, _)) if address.as_deref().is_some_and(|address| !is_ours(address, &tracking)) => {
            stays(output);
            Vec::new()
        }
        Ok((tracking, number)) => {
            let mut set = address_variables(&tracking);
            set.extend(past_proxies(callers));
            if callers(EXPERIMENT).or_else(|| callers(EXPERIMENT_NAME)).is_none() {
                set.push((EXPERIMENT, number.to_string().into()));
            }
            let context = context(callers(CONTEXT).as_deref(), callers(super::RUN).as_deref(), run);
            set.extend(context.map(|context| (CONTEXT, context.into())));
            set
        }
        Err(_) if address.is_some() => {
            stays(output);
            Vec::new()
        }
        Err(error) => {
            unset(output, &error);
            Vec::new()
        }
    }
}

/// The address, and the number of the run's experiment.
async fn tracking(session: &Session, run: RunId) -> Outcome<(Tracking, i64)> {
    let tracking = session.call(GetTracking::default()).await?;
    let run = session.call(GetRun { run }).await?;
    let experiments = session.call(ListExperiments::default()).await?;
    let own = experiments.into_iter().find(|experiment| experiment.id == run.experiment);
    let own = own.ok_or_else(|| ApiError::not_found(format!("{} has no experiment.", run.name)))?;
    Ok((tracking, own.number))
}

/// The address and what opens it. Where the caller has credentials, for a server that the program chooses by itself,
/// they stay, and ours stand within the address, which goes before.
fn address_variables(tracking: &Tracking) -> Vec<(&'static str, OsString)> {
    let (user, token) = credentials(&tracking.address);
    let others = [USER, PASSWORD, BEARER].into_iter().any(|variable| callers(variable).is_some());
    if others && callers(PASSWORD).as_deref() != Some(token) {
        return vec![(ADDRESS, tracking.address.clone().into())];
    }
    let user = person(callers).unwrap_or_else(|| user.to_owned());
    vec![(ADDRESS, bare(tracking).into()), (USER, user.into()), (PASSWORD, token.into())]
}

/// Whose session it is, by the variables that Python's `getpass` asks: the client notes the name that it signs in with as
/// the user of each run, and only the token opens anything. A colon would end the name, and of other letters than ASCII the
/// client makes none that it can send.
fn person(callers: impl Fn(&str) -> Option<String>) -> Option<String> {
    let named = ["LOGNAME", "USER", "LNAME", "USERNAME"].into_iter().find_map(callers);
    named.filter(|name| !name.is_empty() && name.is_ascii() && !name.contains(':'))
}

/// Where the caller's programs ask a proxy, it can't reach us: loopback is added to what goes past it. Both spellings,
/// since programs differ in which they read, and in which they prefer.
fn past_proxies(callers: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, OsString)> {
    const LOOPBACK: &str = "127.0.0.1,localhost";
    if !["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().any(|variable| callers(variable).is_some()) {
        return Vec::new();
    }
    let past = callers("no_proxy").or_else(|| callers("NO_PROXY"));
    let past = match past {
        // Everything goes past it already.
        Some(past) if past.trim() == "*" => return Vec::new(),
        Some(past) => format!("{},{LOOPBACK}", past.trim_end_matches(',')),
        None => LOOPBACK.to_owned(),
    };
    ["NO_PROXY", "no_proxy"].into_iter().map(|variable| (variable, past.clone().into())).collect()
}

/// The address without what opens it.
fn bare(tracking: &Tracking) -> String {
    format!("http://127.0.0.1:{}", tracking.port)
}

fn is_ours(address: &str, tracking: &Tracking) -> bool {
    let address = address.trim_end_matches('/');
    address == tracking.address || address == bare(tracking)
}

/// User and token of `http://USER:TOKEN@HOST`.
fn credentials(address: &str) -> (&str, &str) {
    let within = address.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    within.and_then(|(credentials, _)| credentials.split_once(':')).unwrap_or_default()
}

/// The tags of the runs that are begun, with their parent. `outer` is the run that we stand in ourselves: its parenthood
/// ends here, while one that the caller chose, or what is no object, stays as it is (`None`).
fn context(known: Option<&str>, outer: Option<&str>, run: RunId) -> Option<String> {
    let mut tags: Map<String, Value> = known.map_or_else(|| Ok(Map::new()), serde_json::from_str).ok()?;
    let chosen = tags.get(PARENT_TAG).is_some_and(|parent| parent.as_str() != outer);
    for tag in [PARENT_TAG, PROGRAM_TAG] {
        tags.insert(tag.to_owned(), run.to_string().into());
    }
    (!chosen).then(|| Value::Object(tags).to_string())
}

fn callers(variable: &str) -> Option<String> {
    std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

fn stays(output: Output) {
    output.say(&format!("slipway: {ADDRESS} stays as it is set: what MLflow's client logs goes there"));
}

fn unset(output: Output, error: &ApiError) {
    tracing::warn!("MLflow's client in the program has no address: {error}");
    output.say(&format!("slipway: {ADDRESS} is not set: {}", error.message));
}

fn slow() -> ApiError {
    let message = format!("the address did not come within {} s; the secret store may be asking.", PATIENCE.as_secs());
    ApiError::new(ErrorCode::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_not_asked_for_us_and_what_the_caller_excepted_stays() {
        let check = |set: &[(&str, &str)], expect: Option<&str>| {
            let callers = |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            let told = past_proxies(callers);
            let expect: Vec<(&str, OsString)> = expect
                .map(|past| ["NO_PROXY", "no_proxy"].map(|name| (name, past.into())).to_vec())
                .unwrap_or_default();
            assert_eq!(told, expect, "{set:?}");
        };
        check(&[], None);
        check(&[("NO_PROXY", "intern")], None);
        check(&[("HTTP_PROXY", "http://proxy:3128")], Some("127.0.0.1,localhost"));
        check(&[("http_proxy", "http://proxy"), ("NO_PROXY", "intern,")], Some("intern,127.0.0.1,localhost"));
        check(&[("ALL_PROXY", "socks5://proxy"), ("no_proxy", "a"), ("NO_PROXY", "b")], Some("a,127.0.0.1,localhost"));
        check(&[("HTTP_PROXY", "http://proxy"), ("no_proxy", "*")], None);
    }

    #[test]
    fn the_client_signs_in_as_the_person_whose_session_it_is() {
        let of = |set: &[(&str, &str)]| {
            person(|name| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("USER", "root"), ("LOGNAME", "ada")]).as_deref(), Some("ada"));
        assert_eq!(of(&[("USERNAME", "ada")]).as_deref(), Some("ada"));
        assert_eq!((of(&[]), of(&[("USER", "a:b")])), (None, None));
        assert_eq!((of(&[("USER", "張")]), of(&[("USER", "")])), (None, None));
    }

    #[test]
    fn tags_of_begun_runs_keep_what_the_caller_chose() {
        let run = RunId::from_bytes([0x11; 16]);
        let own = "11111111111111111111111111111111";
        let check = |known: Option<&str>, outer: Option<&str>, expect: Option<Value>| {
            let tags = context(known, outer, run).map(|tags| serde_json::from_str::<Value>(&tags).unwrap());
            assert_eq!(tags, expect, "{known:?}");
        };
        check(None, None, Some(serde_json::json!({ PARENT_TAG: own, PROGRAM_TAG: own })));
        let kept = serde_json::json!({ "a": "b", PARENT_TAG: own, PROGRAM_TAG: own });
        check(Some(r#"{"a": "b"}"#), None, Some(kept));
        let within = r#"{"mlflow.parentRunId": "22", "slipway.program": "22"}"#;
        check(Some(within), Some("22"), Some(serde_json::json!({ PARENT_TAG: own, PROGRAM_TAG: own })));
        check(Some(within), None, None);
        check(Some("[1]"), None, None);
    }
}
