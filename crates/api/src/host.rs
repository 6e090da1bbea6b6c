//! The host itself: who it is, this machine's hardware, settings, secrets, storage, its own log.

use serde::{Deserialize, Serialize};

use crate::{
    ApiError,
    event::Tag,
    figure,
    job::Job,
    spending::BudgetConfig,
    worker::{Device, Gpu},
};

/// `host.json` beside the lock: how clients find the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostFile {
    pub protocol: u32,
    /// The program's version.
    pub version: String,
    pub pid: u32,
    pub pid_started_ms: i64,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    /// Bearer token of this user's own processes; the file is readable by the user only.
    pub token: String,
}

/// What a client asks first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostInfo {
    pub protocol: u32,
    pub version: String,
    pub workspace: String,
    pub pid: u32,
    pub started_ms: i64,
    /// Work that keeps it alive without clients.
    pub work: Vec<String>,
    pub platform: String,
    /// Where MLflow's clients are answered; `None` where they are not.
    #[serde(default)]
    pub tracking_port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hardware {
    pub cpu: String,
    pub cores: u32,
    /// 0 to 1.
    pub cpu_load: f64,
    pub memory_bytes: u64,
    pub memory_used_bytes: u64,
    pub disk_bytes: u64,
    pub disk_free_bytes: u64,
    pub gpus: Vec<Gpu>,
    pub workers: Vec<WorkerInfo>,
    /// What `auto` would take for a large and for a small training, and why.
    pub auto: String,
    /// Every device that a training can name.
    #[serde(default)]
    pub devices: Vec<NamedDevice>,
}

/// Why a training that names this device would be refused here; `None`: it would not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedDevice {
    pub device: Device,
    pub trees: Option<String>,
    /// Of networks and linear models.
    pub networks: Option<String>,
    /// Only a software adapter offers it: right, but slower than the CPU.
    #[serde(default)]
    pub software: bool,
}

/// One build of the worker: does it start here, and if not, why and what mends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerInfo {
    pub backend: String,
    pub path: Option<String>,
    pub starts: bool,
    pub devices: Vec<Device>,
    /// Why it doesn't start.
    pub reason: Option<String>,
    /// The command that mends it, ready to copy.
    pub mend: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub theme: Theme,
    /// Where samples are copied to; by default `Slipway Samples` in the documents folder.
    pub samples_folder: Option<String>,
    /// Memory that trainings may use together; by default 80 % of the machine's.
    pub memory_limit_bytes: Option<u64>,
    pub notifications: bool,
    /// Folders that outgrow this are referenced by hash instead of copied.
    pub reference_above_bytes: u64,
    /// Where secrets are kept, once chosen.
    pub secret_store: Option<SecretBackend>,
    /// MLflow's clients on this machine need no token.
    pub tracking_open: bool,
    /// The port on which they are answered, of [`PORTS`]; by default 5577, or any free one where that is taken.
    pub tracking_port: Option<u16>,
    /// What the processes of their runs use on this machine is measured.
    pub tracking_measured: bool,
    /// What each measured run of a client may use at most that belongs to no project, as its `[budget]` says it of a
    /// project's.
    pub tracking_max_cost: Option<f64>,
    pub tracking_max_hours: Option<f64>,
    pub tracking_max_kwh: Option<f64>,
    /// What this machine costs an hour; runs that are started from then on say what they cost.
    pub price_per_hour: Option<f64>,
    /// What a kilowatt-hour costs, where GPUs tell their energy.
    pub price_per_kwh: Option<f64>,
    /// What prices and costs are in.
    pub currency: String,
}

/// What a port that is set can be; 0 would be another one at each start.
pub const PORTS: std::ops::RangeInclusive<u16> = 1..=u16::MAX;

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            samples_folder: None,
            memory_limit_bytes: None,
            notifications: true,
            reference_above_bytes: 20_000_000_000,
            secret_store: None,
            tracking_open: false,
            tracking_port: None,
            tracking_measured: true,
            tracking_max_cost: None,
            tracking_max_hours: None,
            tracking_max_kwh: None,
            price_per_hour: None,
            price_per_kwh: None,
            currency: "USD".to_owned(),
        }
    }
}

impl Settings {
    /// What each measured run of a client may use at most that belongs to no project.
    pub const fn tracking_budget(&self) -> BudgetConfig {
        let Self { tracking_max_cost, tracking_max_hours, tracking_max_kwh, .. } = self;
        BudgetConfig { max_cost: *tracking_max_cost, max_hours: *tracking_max_hours, max_kwh: *tracking_max_kwh }
    }

    /// The same settings with these limits.
    #[must_use]
    pub fn with_tracking_budget(self, budget: &BudgetConfig) -> Self {
        let BudgetConfig { max_cost, max_hours, max_kwh } = *budget;
        Self { tracking_max_cost: max_cost, tracking_max_hours: max_hours, tracking_max_kwh: max_kwh, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretBackend {
    /// The system's keychain.
    Keychain,
    /// An `age` file in the workspace.
    File,
}

/// Names only: values never leave the secret store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecretName {
    pub name: String,
    pub used_by: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecretsState {
    pub backend: Option<SecretBackend>,
    pub names: Vec<SecretName>,
    /// Why the chosen store can't be reached, with the command that moves the secrets.
    pub problem: Option<crate::ApiError>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    pub workspace: String,
    /// By what takes it: blobs, runs, cache, request logs, database.
    pub parts: Vec<StoragePart>,
    pub free_bytes: u64,
    /// What collecting would free now.
    pub collectable_bytes: u64,
    /// Why that can't be said now, such as work that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_counted: Option<ApiError>,
    /// What of the database holds nothing: [`CompactDatabase`] would give it back.
    #[serde(default)]
    pub compactable_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoragePart {
    pub name: String,
    pub size_bytes: u64,
    pub detail: String,
}

/// Gives back to the disk what deleted records left in the database, which is written anew: refused where the disk has no
/// room for what it holds. Whoever writes waits meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactDatabase {}

/// What a deletion or a collection freed, or would free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Freed {
    pub bytes: u64,
    /// Those of these that stay with the database, which uses them for what comes next; [`CompactDatabase`] gives them back to
    /// the disk.
    #[serde(default)]
    pub in_database: u64,
    pub records: u64,
    /// Runs of these whose clients put their files elsewhere: those stay there.
    #[serde(default)]
    pub elsewhere: u64,
    /// What was collected, by what it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<FreedPart>,
}

impl Freed {
    /// ", of which 0.9 GB stay with the database for what comes next"; nothing where none do.
    pub fn said_of_database(&self) -> String {
        match self.in_database {
            0 => String::new(),
            size => format!(", of which {} stay with the database for what comes next", figure::bytes(size)),
        }
    }

    /// "1.2 GB freed", and what stays.
    pub fn said(&self) -> String {
        format!("{} freed{}", figure::bytes(self.bytes), self.said_of_what_stays())
    }

    /// The same of the database, then "; the files of 3 runs lie where their clients put them, and stay there".
    pub fn said_of_what_stays(&self) -> String {
        let database = self.said_of_database();
        match self.elsewhere {
            0 => database,
            1 => format!("{database}; the files of 1 run lie where its client put them, and stay there"),
            runs => format!(
                "{database}; the files of {} runs lie where their clients put them, and stay there",
                figure::count(runs)
            ),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreedPart {
    /// As in [`Storage::parts`].
    pub name: String,
    pub bytes: u64,
    pub records: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub at_ms: i64,
    /// "INFO", "WARN", "ERROR".
    pub level: String,
    pub target: String,
    pub message: String,
}

/// What `PUT /api/upload?path=RELATIVE[&batch=BATCH]` answers. Files of one drop share a batch, whose
/// folder keeps their relative paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// To be given with the next file of the same drop.
    pub batch: String,
    /// The staging folder: what `project.look` and `project.create`'s `copy_from` take for a whole drop.
    pub folder: String,
    /// Absolute paths of the files that this request stored.
    pub paths: Vec<String>,
}

/// `POST /api/session`: trades the one-time key of `/#KEY` for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    pub key: String,
}

/// The answer: a bearer token of this host's lifetime, for `sessionStorage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub token: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetHost {}

/// Asks the host to end: workers and serving processes go on and are adopted by the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StopHost {
    /// Stop running work first (resumable).
    #[serde(default)]
    pub stop_work: bool,
}

/// Makes a one-time key for a browser's address (`/#KEY`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MakeKey {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageKey {
    /// `http://127.0.0.1:PORT/#KEY`, good once.
    pub address: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetHardware {
    /// Probe the workers again instead of answering from the last probe.
    #[serde(default)]
    pub probe: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetSettings {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutSettings {
    #[serde(deserialize_with = "by_name")]
    pub settings: Settings,
}

/// Serde reads a list as a structure's fields in their order: an empty one would set every default.
fn by_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    let named = serde_json::Map::deserialize(deserializer)?;
    Settings::deserialize(serde_json::Value::Object(named)).map_err(serde::de::Error::custom)
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListSecrets {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetSecret {
    pub name: String,
    pub value: String,
    /// At first use: where secrets are to be kept.
    #[serde(default)]
    pub backend: Option<SecretBackend>,
}

/// Where the store can't be reached the name is forgotten all the same, and the value stays there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteSecret {
    pub name: String,
}

/// Moves every secret to another store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MoveSecrets {
    pub to: SecretBackend,
    /// Forget what can't be read from the old store any more, instead of moving nothing.
    #[serde(default)]
    pub forget: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedSecrets {
    pub state: SecretsState,
    /// What had to be forgotten: to be set again where it is still needed.
    pub forgotten: Vec<SecretName>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetStorage {}

/// Deletes what nothing points at, and logged models that were deleted more than a day ago. A dry run only says how
/// much.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectGarbage {
    pub dry_run: bool,
}

/// The app's own log, newest last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetLog {
    #[serde(default)]
    pub level: Option<String>,
    #[serde(default)]
    pub contains: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
}

crate::requests! { METHODS;
    GetHost => "host.get" -> HostInfo, |_me| vec![Tag::Jobs];
    StopHost => "host.stop" -> ();
    MakeKey => "host.key" -> PageKey;
    GetHardware => "hardware.get" -> Hardware, |_me| vec![Tag::Hardware];
    GetSettings => "settings.get" -> Settings, |_me| vec![Tag::Settings];
    PutSettings => "settings.put" -> Settings;
    ListSecrets => "secret.list" -> SecretsState, |_me| vec![Tag::Secrets];
    SetSecret => "secret.set" -> SecretsState;
    DeleteSecret => "secret.delete" -> SecretsState;
    MoveSecrets => "secret.move" -> MovedSecrets;
    GetStorage => "storage.get" -> Storage, |_me| vec![Tag::Storage];
    CollectGarbage => "storage.collect" -> Freed;
    CompactDatabase => "storage.compact" -> Job;
    GetLog => "host.log" -> Vec<LogLine>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_with_the_database_is_said_apart() {
        let freed = Freed { bytes: 1_200_000_000, in_database: 900_000_000, ..Freed::default() };
        assert_eq!(freed.said_of_database(), ", of which 900.0 MB stay with the database for what comes next");
        assert_eq!(Freed { in_database: 0, ..freed.clone() }.said_of_database(), "");
        let beside = Freed { elsewhere: 2, ..freed.clone() }.said_of_what_stays();
        assert_eq!(
            beside,
            format!(
                "{}; the files of 2 runs lie where their clients put them, and stay there",
                freed.said_of_database()
            )
        );
        assert_eq!(freed.said(), format!("1.2 GB freed{}", freed.said_of_database()));
        // As an earlier host sends it.
        assert_eq!(serde_json::from_str::<Freed>(r#"{"bytes": 1, "records": 2}"#).unwrap().in_database, 0);
    }

    #[test]
    fn a_list_is_no_settings() {
        let read = |text: &str| serde_json::from_str::<PutSettings>(text);
        assert!(read(r#"{"settings": []}"#).unwrap_err().to_string().contains("map"));
        assert_eq!(read(r#"{"settings": {"theme": "dark"}}"#).unwrap().settings.theme, Theme::Dark);
        assert!(read(r#"{"settings": {"theme": 3}}"#).is_err());
    }
}
