//! Ids: UUIDv7, made where the record is made; 16 bytes in SQLite, 32 hex digits in text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Says that a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId(pub String);

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not an id: 32 hexadecimal digits are expected", self.0)
    }
}

impl std::error::Error for NotAnId {}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Uuid::from_bytes(bytes))
            }
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
            /// When it was made: the first 48 bits of a UUIDv7 are the milliseconds since the epoch.
            pub fn made_ms(&self) -> i64 {
                self.as_bytes()[..6].iter().fold(0, |ms, byte| ms << 8 | i64::from(*byte))
            }
            /// The last eight hex digits, which are random: enough for a person to tell two apart.
            pub fn short(&self) -> String {
                self.to_string()[24..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                uuid::Uuid::try_parse(text).map(Self).map_err(|_| NotAnId(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A folder of the user's with a `slipway.toml`.
    ProjectId,
    /// A named source of data in a project (`[data.NAME]`, or the one that `[data]` names).
    DatasetId,
    /// The content of a dataset at one moment.
    SnapshotId,
    /// Which rows train, validate and test.
    SplitId,
    /// A group of runs; each project has one of its name.
    ExperimentId,
    /// One training or one executed command.
    RunId,
    /// A search for hyperparameters, whose trials are runs.
    SearchId,
    /// A run log of another tool that is read where it lies.
    SourceId,
    /// A registered name under which versions stand.
    ModelId,
    /// One immutable model under a name.
    VersionId,
    /// An OCI image made of a model version.
    PackageId,
    /// An OCI registry that the workspace knows.
    RegistryId,
    /// A place that models are deployed to.
    TargetId,
    /// A model kept running on a target.
    DeploymentId,
    /// One step in a deployment's history: which version, how, when.
    RolloutId,
    /// Work that takes time.
    JobId,
    /// One closed window of watched requests.
    WindowId,
    /// A drift that lasted.
    AlertId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_crosses_json_as_32_hex_digits() {
        let id = RunId::from_bytes([7; 16]);
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, format!("\"{}\"", "07".repeat(16)));
        assert_eq!(serde_json::from_str::<RunId>(&text).unwrap(), id);
        assert!("nonsense".parse::<RunId>().is_err());
    }
}
