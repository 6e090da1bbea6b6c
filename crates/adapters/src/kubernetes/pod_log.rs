//! Following the logs of pods: the cluster gives them from a second on, we want each line once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::api::LogParams;

/// When each pod's last line came that was shown; as text, for who asks again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ends(BTreeMap<String, Timestamp>);

impl Ends {
    /// What is no text of ours means that nothing was shown yet.
    pub(crate) fn parse(text: &str) -> Self {
        let known: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
        Self(known.into_iter().filter_map(|(pod, at)| Some((pod, at.parse().ok()?))).collect())
    }

    pub(crate) fn told(&self) -> String {
        let known: BTreeMap<&str, String> = self.0.iter().map(|(pod, at)| (pod.as_str(), at.to_string())).collect();
        serde_json::to_string(&known).unwrap_or_default()
    }

    /// Everything from the second of the last line on; of a pod that was not asked before, the newest lines.
    pub(crate) fn parameters(&self, pod: &str, lines: u32) -> LogParams {
        let since_time = self.0.get(pod).copied();
        let tail_lines = since_time.is_none().then_some(i64::from(lines));
        LogParams { timestamps: true, since_time, tail_lines, ..LogParams::default() }
    }

    /// The lines that were not shown yet, without their times.
    pub(crate) fn behind(&mut self, pod: &str, text: &str) -> Vec<String> {
        let shown = self.0.get(pod).copied();
        let mut new = Vec::new();
        for line in text.lines() {
            let stamped = line.split_once(' ').and_then(|(at, said)| Some((at.parse::<Timestamp>().ok()?, said)));
            match stamped {
                Some((at, _)) if shown.is_some_and(|shown| at <= shown) => {}
                Some((at, said)) => {
                    self.0.insert(pod.to_owned(), at);
                    new.push(said.to_owned());
                }
                // The node's own words have no time; once they were shown with the first lines.
                None if shown.is_none() => new.push(line.to_owned()),
                None => {}
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_each_pod_comes_once() {
        let mut ends = Ends::default();
        assert_eq!(ends.parameters("a", 7).tail_lines, Some(7));
        let first = "2026-01-01T00:00:01.1Z one\n2026-01-01T00:00:01.25Z two words\n";
        assert_eq!(ends.behind("a", first), ["one", "two words"]);
        let mut ends = Ends::parse(&ends.told());
        let asked = ends.parameters("a", 7);
        assert_eq!((asked.tail_lines, asked.since_time), (None, Some("2026-01-01T00:00:01.25Z".parse().unwrap())));
        // The whole second comes again, and a fraction may be written in several ways.
        let second = format!("{first}2026-01-01T00:00:01.250000000Z two words\n2026-01-01T00:00:01.3Z three\n");
        assert_eq!(ends.behind("a", &second), ["three"]);
        assert_eq!(ends.behind("b", "2026-01-01T00:00:00Z of another pod\n"), ["of another pod"]);
        assert_eq!(Ends::parse("no text of ours"), Ends::default());
    }
}
