//! `slipway hardware`, `settings`, `secret`, `storage`, `log`: the machine and the workspace.

use api::{
    ApiError,
    figure::counted,
    host::{
        CollectGarbage, CompactDatabase, DeleteSecret, Freed, FreedPart, GetHardware, GetHost, GetLog, GetSettings,
        GetStorage, Hardware, HostInfo, ListSecrets, LogLine, MoveSecrets, MovedSecrets, PutSettings, SecretBackend,
        SecretName, SecretsState, SetSecret, Settings, Storage, WorkerInfo,
    },
};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{
    context::{Context, Outcome},
    output::{one_line, pairs, table},
    words,
};

#[derive(Debug, Args)]
pub(crate) struct HardwareArguments {
    /// Probe the workers again instead of answering from the last probe
    #[arg(long)]
    probe: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Prints the settings
    Show,
    /// Sets settings: `theme=dark notifications=false`; an empty value sets the default
    Set {
        /// Settings as `slipway settings show` names them, with their values
        #[arg(required = true, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Lists the names of secrets; values never leave the secret store
    List,
    /// Sets a secret; its value is read from stdin
    Set {
        /// The secret's name
        name: String,
        /// At first use: keychain or file
        #[arg(long, value_parser = super::parse_word::<SecretBackend>)]
        backend: Option<SecretBackend>,
    },
    /// Deletes a secret for good: nothing brings its value back
    Delete {
        /// The secret's name
        name: String,
    },
    /// Moves every secret to another store: keychain or file
    Move {
        /// keychain or file
        #[arg(value_parser = super::parse_word::<SecretBackend>)]
        to: SecretBackend,
        /// Forget what can't be read from the old store any more
        #[arg(long)]
        forget: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Says what takes the workspace's space
    Show,
    /// Deletes what nothing points at
    Collect {
        /// Only say how much it would free
        #[arg(long)]
        dry_run: bool,
    },
    /// Gives back to the disk what deleted records left in the database; what is logged meanwhile may wait
    Compact {
        /// Return at once; it goes on in the host
        #[arg(long)]
        detach: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// At least this level: info, warn or error
    #[arg(long)]
    level: Option<String>,
    /// Only lines with this text
    #[arg(long)]
    contains: Option<String>,
    /// At most so many lines, the newest
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

pub(crate) async fn hardware(context: &mut Context, arguments: HardwareArguments) -> Outcome {
    if arguments.probe {
        context.lasting().await?;
    }
    context.output.show(&context.call(GetHardware { probe: arguments.probe }).await?, machine)
}

pub(crate) async fn settings(context: &Context, command: SettingsCommand) -> Outcome {
    let settings = context.call(GetSettings {}).await?;
    let settings = match command {
        SettingsCommand::Show => settings,
        SettingsCommand::Set { set } => context.call(PutSettings { settings: changed(&settings, &set)? }).await?,
    };
    context.output.show(&settings, |settings| match serde_json::to_value(settings) {
        Ok(Value::Object(all)) => {
            table(&["setting", "value"], all.into_iter().map(|(key, value)| vec![key, plain(&value)]))
        }
        _ => String::new(),
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The settings with some of them changed; an unknown key or a wrong value is an error.
fn changed(settings: &Settings, set: &[String]) -> Outcome<Settings> {
    let odd = |error: serde_json::Error| ApiError::invalid(format!("The settings can't be changed so: {error}."));
    let mut all = serde_json::to_value(settings).map_err(odd)?;
    let defaults = serde_json::to_value(Settings::default()).map_err(odd)?;
    for pair in set {
        let (key, value) = super::project::key_value(pair)?;
        let Some(place) = all.get_mut(&key) else {
            let known = defaults
                .as_object()
                .map(|known| known.keys().cloned().collect::<Vec<_>>().join(", "))
                .unwrap_or_default();
            return Err(
                ApiError::invalid(format!("There is no setting \"{key}\".")).with_hint(format!("There are: {known}."))
            );
        };
        let typed = pair.split_once('=').map_or("", |(_, typed)| typed);
        *place = match value {
            Value::Null => defaults[&key].clone(),
            // A text may look like a number.
            value if expected(&key) == TEXT && !value.is_string() => Value::from(typed),
            value => value,
        };
        // One at a time, so that what is wrong is known.
        if serde_json::from_value::<Settings>(all.clone()).is_err() {
            return Err(ApiError::invalid(format!("The setting \"{key}\" can't be \"{typed}\"."))
                .with_hint(format!("It is {}; an empty value sets the default.", expected(&key))));
        }
    }
    serde_json::from_value(all).map_err(odd)
}

const TEXT: &str = "a text";

/// What a setting can be.
fn expected(key: &str) -> &'static str {
    match key {
        "theme" => "system, dark or light",
        "samples_folder" | "currency" => TEXT,
        "memory_limit_bytes" | "reference_above_bytes" => "a whole number of bytes",
        "notifications" | "tracking_open" | "tracking_measured" => "true or false",
        "secret_store" => "keychain or file",
        "tracking_port" => "a whole number from 1 to 65535",
        "price_per_hour" | "price_per_kwh" | "tracking_max_cost" | "tracking_max_hours" | "tracking_max_kwh" => {
            "a number"
        }
        _ => "another kind of value",
    }
}

pub(crate) async fn secret(context: &mut Context, command: SecretCommand) -> Outcome {
    let state = match command {
        SecretCommand::List => context.call(ListSecrets {}).await?,
        SecretCommand::Set { name, backend } => {
            let value = super::read_secret(&format!("Value of {name}"))?;
            // The keychain may ask its person first.
            context.lasting().await?;
            context.call(SetSecret { name, value, backend }).await?
        }
        SecretCommand::Delete { name } => {
            context.lasting().await?;
            context.call(DeleteSecret { name }).await?
        }
        SecretCommand::Move { to, forget } => {
            context.lasting().await?;
            return context.output.show(&context.call(MoveSecrets { to, forget }).await?, moved);
        }
    };
    context.output.show(&state, secrets)
}

pub(crate) async fn storage(context: &mut Context, command: StorageCommand) -> Outcome {
    match command {
        StorageCommand::Show => context.output.show(&context.call(GetStorage {}).await?, space),
        StorageCommand::Collect { dry_run } => {
            context.lasting().await?;
            context.output.show(&context.call(CollectGarbage { dry_run }).await?, |freed| collected(freed, dry_run))
        }
        StorageCommand::Compact { detach } => {
            context.lasting().await?;
            let job = context.call(CompactDatabase {}).await?;
            let job = context.follow_unless(detach, job).await?;
            context.output.show(&job, |job| job.message.clone())
        }
    }
}

pub(crate) async fn log(context: &Context, arguments: LogArguments) -> Outcome {
    let LogArguments { level, contains, limit } = arguments;
    let level = level.map(|level| level.to_uppercase());
    context.output.show(&context.call(GetLog { level, contains, limit: Some(limit) }).await?, |lines| {
        let line = |line: &LogLine| {
            format!("{}  {:5}  {}  {}", words::time(line.at_ms), line.level, line.target, one_line(&line.message))
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Prints who the host is.
pub(crate) async fn status(context: &Context) -> Outcome {
    context.output.show(&context.call(GetHost {}).await?, |host: &HostInfo| {
        pairs(&[
            (
                "host",
                Some(format!("Slipway {}, process {}, since {}", host.version, host.pid, words::time(host.started_ms))),
            ),
            ("workspace", Some(host.workspace.clone())),
            ("platform", Some(host.platform.clone())),
            ("work", Some(if host.work.is_empty() { "none".to_owned() } else { one_line(&host.work.join(", ")) })),
        ])
    })
}

/// "X; 1.2 GB in 3 records freed, of which 0.9 GB stay with the database for what comes next."
pub(crate) fn freed(what: &str, freed: &Freed) -> String {
    let records = counted(freed.records, "record", "records");
    format!("{what}; {} in {records} freed{}.", words::bytes(freed.bytes), freed.said_of_what_stays())
}

/// What was freed, or after a dry run would be, then by what it was.
fn collected(freed_by: &Freed, is_dry: bool) -> String {
    let said = match is_dry {
        true => {
            let records = counted(freed_by.records, "record", "records");
            format!("Nothing is deleted yet; {} in {records} would be freed.", words::bytes(freed_by.bytes))
        }
        false => freed("What nothing pointed at is deleted", freed_by),
    };
    if freed_by.parts.is_empty() {
        return said;
    }
    let row = |part: &FreedPart| vec![part.name.clone(), words::bytes(part.bytes), words::count(part.records)];
    format!("{said}\n\n{}", table(&["part", ">size", ">records"], freed_by.parts.iter().map(row)))
}

fn machine(hardware: &Hardware) -> String {
    let memory =
        format!("{} of {} used", words::bytes(hardware.memory_used_bytes), words::bytes(hardware.memory_bytes));
    let mut lines = vec![pairs(&[
        (
            "processor",
            Some(format!("{}, {} cores, {} busy", hardware.cpu, hardware.cores, words::percent(hardware.cpu_load))),
        ),
        ("memory", Some(memory)),
        (
            "disk",
            Some(format!("{} of {} free", words::bytes(hardware.disk_free_bytes), words::bytes(hardware.disk_bytes))),
        ),
        ("auto", Some(hardware.auto.clone())),
    ])];
    let gpu = |gpu: &api::worker::Gpu| {
        let memory = words::or_dash(gpu.memory_bytes, words::bytes);
        vec![gpu.name.clone(), gpu.kind.clone(), gpu.backend.clone(), gpu.driver.clone(), memory]
    };
    lines.push(format!("\n{}", table(&["gpu", "kind", "backend", "driver", ">memory"], hardware.gpus.iter().map(gpu))));
    let worker = |worker: &WorkerInfo| {
        let devices = worker.devices.iter().map(words::word).collect::<Vec<_>>().join(", ");
        let state =
            if worker.starts { devices } else { worker.reason.clone().unwrap_or_else(|| "does not start".to_owned()) };
        vec![
            worker.backend.clone(),
            if worker.starts { "starts" } else { "does not start" }.to_owned(),
            state,
            worker.mend.clone().unwrap_or_default(),
        ]
    };
    lines.push(format!(
        "\n{}",
        table(&["worker", "", "devices or reason", "what mends it"], hardware.workers.iter().map(worker))
    ));
    lines.join("\n")
}

fn secrets(state: &SecretsState) -> String {
    let backend = state.backend.map_or_else(|| "not chosen yet".to_owned(), |backend| words::word(&backend));
    let problem = state.problem.as_ref().map(|problem| format!("\nproblem: {problem}")).unwrap_or_default();
    format!("kept in: {backend}\n\n{}{problem}", named(&state.names))
}

fn named(names: &[SecretName]) -> String {
    table(&["secret", "used by"], names.iter().map(|secret| vec![secret.name.clone(), secret.used_by.join(", ")]))
}

fn moved(moved: &MovedSecrets) -> String {
    let state = secrets(&moved.state);
    if moved.forgotten.is_empty() {
        return state;
    }
    format!("{state}\n\nforgotten, to be set again where it is needed:\n{}", named(&moved.forgotten))
}

fn space(storage: &Storage) -> String {
    let row =
        |part: &api::host::StoragePart| vec![part.name.clone(), words::bytes(part.size_bytes), part.detail.clone()];
    let parts = table(&["part", ">size", ""], storage.parts.iter().map(row));
    let collecting = match &storage.not_counted {
        Some(why) => why.message.clone(),
        None => format!("Collecting would free {}.", words::bytes(storage.collectable_bytes)),
    };
    let compacting = match storage.compactable_bytes {
        0 => String::new(),
        bytes => format!(" {} of the database is unused: compacting would free it.", words::bytes(bytes)),
    };
    let free = words::bytes(storage.free_bytes);
    format!("{}\n\n{parts}\n\n{free} free on the disk. {collecting}{compacting}", storage.workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_by_key() {
        let settings = changed(&Settings::default(), &["theme=dark".into(), "notifications=false".into()]).unwrap();
        assert_eq!((settings.theme, settings.notifications), (api::host::Theme::Dark, false));
        for (pair, told) in [
            ("theme=pink", "It is system, dark or light;"),
            ("notifications=maybe", "It is true or false;"),
            ("tracking_port=99999", "It is a whole number from 1 to 65535;"),
            ("memory_limit_bytes=4GB", "It is a whole number of bytes;"),
        ] {
            let error = changed(&settings, &["currency=EUR".into(), pair.into()]).unwrap_err();
            let (key, value) = pair.split_once('=').unwrap();
            assert_eq!(error.message, format!("The setting \"{key}\" can't be \"{value}\"."));
            assert!(error.hint.as_deref().unwrap().starts_with(told), "{error:?}");
        }
        assert_eq!(changed(&settings, &["currency=5".into()]).unwrap().currency, "5");
        let all = serde_json::to_value(Settings::default()).unwrap();
        for key in all.as_object().unwrap().keys() {
            assert_ne!(expected(key), expected("nothing"), "{key}");
        }
        assert!(changed(&settings, &["colour=pink".into()]).unwrap_err().hint.unwrap().contains("theme"));
        assert_eq!(changed(&settings, &["theme=".into()]).unwrap().theme, api::host::Theme::System);
    }
}
