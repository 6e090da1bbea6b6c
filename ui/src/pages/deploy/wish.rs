//! The numbers of the Deploy form as a person types them: what is mistyped is said in its field, never taken for
//! the default.

use std::collections::BTreeMap;

use api::deploy::DeploySpec;
use leptos::prelude::*;

/// The texts of the form's numbers.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) replicas: RwSignal<String>,
    pub(super) cpu: RwSignal<String>,
    pub(super) memory: RwSignal<String>,
    pub(super) share: RwSignal<String>,
    pub(super) days: RwSignal<String>,
    pub(super) port: RwSignal<String>,
}

/// What is wrong, by field.
pub(super) type Mistakes = BTreeMap<&'static str, String>;

/// What was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    pub(super) replicas: u32,
    pub(super) cpu_millis: Option<u32>,
    pub(super) memory_mb: Option<u32>,
    pub(super) log_share: f64,
    pub(super) log_days: u32,
    pub(super) port: Option<u16>,
}

/// A field, and its text for a specification.
type Shown = (RwSignal<String>, fn(&DeploySpec) -> String);

impl Wish {
    pub(super) fn new() -> Self {
        let empty = || RwSignal::new(String::new());
        Self { replicas: empty(), cpu: empty(), memory: empty(), share: empty(), days: empty(), port: empty() }
    }

    /// Each field, with its text for what is proposed.
    pub(super) fn fields(self) -> [Shown; 6] {
        [
            (self.replicas, |spec| spec.replicas.to_string()),
            (self.cpu, |spec| maybe(spec.cpu_millis)),
            (self.memory, |spec| maybe(spec.memory_mb)),
            (self.port, |spec| maybe(spec.port)),
            (self.share, |spec| percent(spec.log_share)),
            (self.days, |spec| spec.log_days.to_string()),
        ]
    }

    /// `has_port`: the target lets a port be chosen; elsewhere what was typed there says nothing.
    pub(super) fn read(self, has_port: bool) -> Result<Numbers, Mistakes> {
        let [replicas, cpu, memory, share, days, port] =
            [self.replicas, self.cpu, self.memory, self.share, self.days, self.port].map(|text| text.get());
        read(&replicas, &cpu, &memory, &share, &days, if has_port { port.as_str() } else { "" })
    }
}

fn read(replicas: &str, cpu: &str, memory: &str, share: &str, days: &str, port: &str) -> Result<Numbers, Mistakes> {
    let mut mistakes = Mistakes::new();
    let mut whole = |key, text: &str, from: u32, to: u32| {
        let value = text.trim().parse::<u32>().ok().filter(|value| (from..=to).contains(value));
        if value.is_none() {
            mistakes.insert(key, format!("Give a whole number from {from} to {to}."));
        }
        value.unwrap_or_default()
    };
    let replicas = whole("replicas", replicas, 1, 100);
    let mut maybe = |key, text: &str, to| (!text.trim().is_empty()).then(|| whole(key, text, 1, to));
    let cpu_millis = maybe("cpu", cpu, 1_000_000);
    let memory_mb = maybe("memory", memory, 100_000_000);
    let port = maybe("port", port, 65_535).and_then(|port| u16::try_from(port).ok());
    let log_days = whole("days", days, 0, 3650);
    let log_share = share.trim().trim_end_matches('%').trim_end().replace(',', ".").parse::<f64>().ok();
    let log_share = log_share.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0);
    if log_share.is_none() {
        mistakes.insert("share", "Give a share from 0 to 100, such as 12.5.".to_owned());
    }
    match log_share {
        Some(log_share) if mistakes.is_empty() => {
            Ok(Numbers { replicas, cpu_millis, memory_mb, log_share, log_days, port })
        }
        _ => Err(mistakes),
    }
}

fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A share of one as percent, with no digit more than it has.
fn percent(share: f64) -> String {
    let text = format!("{:.6}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_keeps_its_digits() {
        assert_eq!([0.005, 1.0, 0.0, 0.125, 0.1].map(percent), ["0.5", "100", "0", "12.5", "10"]);
        for text in ["12.5", "12,5", " 12.5 % "] {
            assert_eq!(read("1", "", "", text, "14", "").unwrap().log_share, 0.125, "{text}");
        }
    }

    #[test]
    fn what_is_mistyped_is_said_and_never_a_default() {
        let mistakes = read("0", "250m", "-5", "abc", "", "http").unwrap_err();
        assert_eq!(
            mistakes.keys().copied().collect::<Vec<_>>(),
            ["cpu", "days", "memory", "port", "replicas", "share"]
        );
        assert!(read("1", "", "", "101", "1", "").is_err() && read("1", "", "", "", "1", "").is_err());
        let fine = read("3", "250", "", "100", "0", "").unwrap();
        assert_eq!((fine.replicas, fine.cpu_millis, fine.memory_mb, fine.port), (3, Some(250), None, None));
        assert_eq!(read("1", "", "", "100", "1", " 8080 ").unwrap().port, Some(8080));
        assert!(["0", "65536", "-1"].iter().all(|port| read("1", "", "", "100", "1", port).is_err()));
    }
}
