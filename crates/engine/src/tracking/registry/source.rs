//! What a client may register a version from, and where its files lie, by the rules of MLflow's server.

use api::{
    ApiError, RunId,
    tracking::{LoggedModel, PROMPT_TAG},
};
use percent_encoding::percent_decode_str;

use super::{NewVersion, Version, Which, read};
use crate::{
    run,
    tracking::{
        artifacts::{Owner, owner},
        logged,
    },
};

/// How often a source is decoded at most: each time may reveal another `..`.
const DECODED: usize = 16;
/// What no alias is called, since it means the newest version.
pub(super) const LATEST: &str = "latest";
const PROMPTS: [&str; 2] = ["dummy-source", "prompt-template"];

/// A source with all that it says.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) source: String,
    /// Where the files lie, whatever is renamed or deleted later.
    pub(super) location: String,
    pub(super) run: Option<String>,
    pub(super) logged: Option<String>,
}

/// What stands before and behind the first colon, and between `//` and the next slash.
struct Uri<'a> {
    scheme: String,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Uri<'a> {
    fn of(text: &'a str) -> Self {
        let named = text.split_once(':').filter(|(scheme, _)| {
            scheme.starts_with(|one: char| one.is_ascii_alphabetic())
                && scheme.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
        });
        let (scheme, rest) = named.map_or(("", text), |found| found);
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        Self { scheme: scheme.to_ascii_lowercase(), authority, path }
    }

    /// A folder of a machine: without a scheme, with `file`, or with a drive's letter.
    fn is_local(&self) -> bool {
        self.scheme.len() <= 1 || self.scheme == "file"
    }

    fn parts(&self) -> Vec<String> {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        self.path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
    }
}

/// Where a version's files are read through us.
pub(in crate::tracking) enum Located {
    /// Among a run's artifacts, at these parts.
    Run(RunId, Vec<String>),
    /// By the parts of the proxy's path.
    Proxied(Vec<String>),
}

/// What of ours the address of files names, if it names any.
pub(in crate::tracking) fn locate(location: &str) -> Option<Located> {
    let uri = Uri::of(location);
    let parts = uri.parts();
    match uri.scheme.as_str() {
        "runs" => Some(Located::Run(parts.first()?.parse().ok()?, parts.get(1..)?.to_vec())),
        "mlflow-artifacts" => Some(Located::Proxied(parts)),
        _ => None,
    }
}

/// What `models:/…` names.
enum Named {
    Logged(String),
    Version { name: String, by: By },
}

enum By {
    Number(String),
    Alias(String),
    Stage(String),
    Latest,
}

fn refused(source: &str, why: &str) -> ApiError {
    ApiError::invalid(format!("Invalid model version source: '{source}'. {why}"))
}

fn not_within(source: &str, parameter: &str) -> ApiError {
    refused(source, &format!("The {parameter} request parameter must identify the resource that contains the source."))
}

/// Whether these are the tags of a prompt: of one that is said twice the last counts.
pub(super) fn is_prompt(tags: &[(String, String)]) -> bool {
    tags.iter().rev().find(|(key, _)| key == PROMPT_TAG).is_some_and(|(_, is)| is.eq_ignore_ascii_case("true"))
}

/// Where the files of a version lie that is to be registered. A source that leads out of where it says, or out of the
/// run or model that it is said to be of, is refused: whoever loads the version follows it.
pub(super) fn resolve(tx: &store::Transaction<'_>, new: &NewVersion) -> store::Result<Resolved> {
    let source = &new.source;
    let mut resolved =
        Resolved { source: source.clone(), location: source.clone(), run: new.run.clone(), logged: new.logged.clone() };
    if is_prompt(&new.tags) {
        return match PROMPTS.contains(&source.as_str()) {
            true => Ok(resolved),
            false => Err(refused(source, "Prompt sources must use an MLflow placeholder.").into()),
        };
    }
    let uri = Uri::of(source);
    if uri.is_local() {
        return match lies_within_run(tx, &uri, new.run.as_deref())? {
            true => Ok(resolved),
            false => Err(refused(
                source,
                "A local path must lie within the artifact folder of the run that the run_id request parameter names.",
            )
            .into()),
        };
    }
    leads_nowhere_else(source)?;
    match uri.scheme.as_str() {
        "models" => return of_models(tx, &uri, resolved),
        "runs" => {
            let run = uri.path.split('/').find(|part| !part.is_empty()).map(str::to_owned);
            if !uri.authority.is_empty() || new.logged.is_some() || run.is_none() || run != new.run {
                let parameter = if new.logged.is_some() { "model_id" } else { "run_id" };
                return Err(not_within(source, parameter).into());
            }
        }
        "mlflow-artifacts" => check_proxied(source, &uri, new)?,
        "http" | "https"
            if uri.parts().windows(4).any(|four| four == ["api", "2.0", "mlflow-artifacts", "artifacts"]) =>
        {
            return Err(not_within(source, "run_id").into());
        }
        _ => {}
    }
    if let Some(id) = &resolved.logged {
        let model = there(tx, id)?.ok_or_else(|| logged::missing(id))?;
        resolved.run = resolved.run.or(model.run.map(|run| run.to_string()));
    }
    Ok(resolved)
}

/// A logged model that is not deleted: the files of one that is may be gone any time.
fn there(tx: &store::Transaction<'_>, id: &str) -> store::Result<Option<LoggedModel>> {
    Ok(store::logged_model::bare(tx, id)?.filter(|model| model.deleted_ms.is_none()))
}

/// A path of the machine is one of a run that its client keeps there itself.
fn lies_within_run(tx: &store::Transaction<'_>, uri: &Uri<'_>, run: Option<&str>) -> store::Result<bool> {
    let Some(id) = run.and_then(|run| run.parse::<RunId>().ok()) else { return Ok(false) };
    let Some(row) = store::run::bare(tx, id)? else { return Ok(false) };
    let (number, location) = store::experiment::address(tx, row.run.experiment)?.unwrap_or_default();
    let address = run::artifact_uri(&row, number, location.as_deref());
    let root = Uri::of(&address);
    let (own, root_parts) = (uri.parts(), root.parts());
    let plain = own.iter().all(|part| !matches!(part.as_str(), "." | "..") && !part.contains(['/', '\\', '\0']));
    Ok(root.is_local()
        && uri.authority == root.authority
        && plain
        && uri.path.starts_with('/')
        && own.starts_with(&root_parts))
}

fn check_proxied(source: &str, uri: &Uri<'_>, new: &NewVersion) -> Result<(), ApiError> {
    // The id stands there as it is, so that whoever deletes files finds what points at them.
    let (parts, raw) = (uri.parts(), uri.path.split('/').map(str::to_owned).collect::<Vec<_>>());
    let named = owner(&parts).map(|(owner, _)| owner).filter(|own| owner(&raw).is_some_and(|(raw, _)| raw == *own));
    let within = match (named, &new.logged) {
        (Some(Owner::Run(run)), None) => new.run == Some(run.to_string()),
        (Some(Owner::Logged(model)), Some(logged)) => model == *logged,
        _ => false,
    };
    let parameter = if new.logged.is_some() { "model_id" } else { "run_id" };
    if within && uri.authority.is_empty() { Ok(()) } else { Err(not_within(source, parameter)) }
}

/// Refuses a path that goes up, however often it is encoded.
fn leads_nowhere_else(source: &str) -> Result<(), ApiError> {
    let wrong = || refused(source, "Its path must be absolute and without relative parts.");
    let mut text = source.to_owned();
    for _ in 0..DECODED {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().replace('+', " ");
        if decoded == text {
            let path = Uri::of(&text).path.trim_end_matches('/');
            let up = text.split(['/', '\\']).any(|part| part == "..") || path.split('/').any(|part| part == ".");
            return if up || text.contains('\0') || !path.starts_with('/') { Err(wrong()) } else { Ok(()) };
        }
        text = decoded;
    }
    Err(wrong())
}

fn of_models(tx: &store::Transaction<'_>, uri: &Uri<'_>, mut resolved: Resolved) -> store::Result<Resolved> {
    let wrong = not_within(&resolved.source, "model_id");
    if !uri.authority.is_empty() {
        return Err(wrong.into());
    }
    match parse(uri.path).ok_or_else(|| wrong.clone())? {
        Named::Logged(id) => {
            if resolved.logged.as_ref() != Some(&id) {
                return Err(wrong.into());
            }
            let Some(model) = there(tx, &id)? else { return Err(wrong.into()) };
            let (number, _) = store::experiment::address(tx, model.experiment)?.unwrap_or_default();
            resolved.location = logged::artifact_uri(number, &id);
            resolved.run = resolved.run.or(model.run.map(|run| run.to_string()));
        }
        Named::Version { name, by } => {
            let of = find(tx, &name, &by)?;
            let differs =
                |asked: &Option<String>, own: Option<&String>| asked.as_ref().is_some_and(|id| own != Some(id));
            if differs(&resolved.run, of.run_told.as_ref()) || differs(&resolved.logged, of.logged.as_ref()) {
                let why = "The run_id and model_id request parameters must match the referenced model version.";
                return Err(refused(&resolved.source, why).into());
            }
            resolved.source = format!("models:/{name}/{}", of.number);
            (resolved.location, resolved.run, resolved.logged) = (of.location, of.run_told, of.logged);
        }
    }
    Ok(resolved)
}

/// `/m-…`, `/NAME/VERSION`, `/NAME/STAGE`, `/NAME/latest`, `/NAME@latest` or `/NAME@ALIAS`.
fn parse(path: &str) -> Option<Named> {
    let rest = path.strip_prefix('/')?.trim_start_matches('/');
    let named = |name: &str, by| Some(Named::Version { name: name.to_owned(), by }).filter(|_| !name.trim().is_empty());
    match rest.split_once('/') {
        Some((_, suffix)) if suffix.trim().is_empty() || suffix.contains('/') => None,
        Some((name, suffix)) if suffix.bytes().all(|one| one.is_ascii_digit()) => {
            named(name, By::Number(suffix.to_owned()))
        }
        Some((name, suffix)) if suffix.eq_ignore_ascii_case(LATEST) => named(name, By::Latest),
        Some((name, suffix)) => named(name, By::Stage(suffix.to_owned())),
        None => match rest.rsplit_once('@') {
            Some((name, alias)) if alias.eq_ignore_ascii_case(LATEST) => named(name, By::Latest),
            Some((name, alias)) if !alias.trim().is_empty() => named(name, By::Alias(alias.to_owned())),
            Some(_) => None,
            None => Some(Named::Logged(rest.to_owned())).filter(|_| !rest.trim().is_empty()),
        },
    }
}

fn find(tx: &store::Transaction<'_>, name: &str, by: &By) -> store::Result<Version> {
    if let By::Number(number) = by {
        return super::find_version(tx, &Which::from(name), number);
    }
    let registered = read(tx, Which::from(name).find(tx)?)?;
    // The newest stands first.
    let found = registered.versions.into_iter().find(|version| match by {
        By::Number(_) | By::Latest => true,
        By::Alias(alias) => version.aliases.contains(alias),
        By::Stage(stage) => version.notes.stage.word().eq_ignore_ascii_case(stage),
    });
    let what = match by {
        By::Number(_) | By::Latest => String::new(),
        By::Alias(alias) => format!(" and alias '{alias}'"),
        By::Stage(stage) => format!(" and stage '{stage}'"),
    };
    let missing = || ApiError::invalid(format!("No versions of model with name '{name}'{what} found"));
    Ok(found.ok_or_else(missing)?)
}
