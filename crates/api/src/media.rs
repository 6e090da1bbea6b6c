//! What a run holds at a step beside numbers: pictures, sounds, videos, pages, texts, tables, histograms.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{RunId, event::Tag};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumKind {
    Image,
    /// A picture as SVG, which another program's text is.
    Drawing,
    Audio,
    Video,
    /// A page of HTML, which is another program's: nobody lets it act.
    Page,
    Text,
    Table,
    Histogram,
}

impl MediumKind {
    /// Whether it is shown by its file's own bytes, which a browser draws or plays.
    pub const fn has_bytes(self) -> bool {
        !matches!(self, Self::Text | Self::Table | Self::Histogram)
    }
}

/// Endings of JSON that says by its name what it holds: a table, as Weights & Biases calls its own (`columns` and `data`), a
/// chart of Plotly's, which is shown as its text, and a histogram, `{"bins": [0, 1, 2], "counts": [5, 3]}`.
const OF_JSON: [(&str, MediumKind); 3] = [
    (".table.json", MediumKind::Table),
    (".plotly.json", MediumKind::Text),
    (".histogram.json", MediumKind::Histogram),
];

/// What a file is by its name, behind that name without its ending; `None` of what is no medium.
pub fn medium_by_name(path: &str) -> Option<(&str, MediumKind)> {
    let of_json = OF_JSON.iter().find_map(|(ending, kind)| Some((path.strip_suffix(*ending)?, *kind)));
    if of_json.is_some() {
        return of_json;
    }
    let (stem, ending) = path.rsplit_once('.')?;
    let kind = match ending.to_ascii_lowercase().as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "bmp" => MediumKind::Image,
        "svg" => MediumKind::Drawing,
        "wav" | "mp3" | "ogg" | "opus" | "flac" | "aac" | "m4a" => MediumKind::Audio,
        "mp4" | "m4v" | "webm" => MediumKind::Video,
        "html" | "htm" => MediumKind::Page,
        "txt" | "md" => MediumKind::Text,
        _ if delimiter_by_name(path).is_some() => MediumKind::Table,
        _ => return None,
    };
    Some((stem, kind))
}

/// What parts the cells of a table's file, by its name: a CSV or a TSV; `None` of any other file.
pub fn delimiter_by_name(path: &str) -> Option<u8> {
    match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "csv" => Some(b','),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

/// How keys stand: by their texts, but digits by the number that they are, so that t2 comes before t10.
pub fn by_key(left: &str, right: &str) -> Ordering {
    let digits = |text: &str| text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (mut one, mut other) = (left, right);
    loop {
        let (of_one, of_other) = (digits(one), digits(other));
        if of_one > 0 && of_other > 0 {
            // Without leading zeros the longer one is the greater: a number may be longer than any integer type.
            let (first, second) = (one[..of_one].trim_start_matches('0'), other[..of_other].trim_start_matches('0'));
            let order = first.len().cmp(&second.len()).then_with(|| first.cmp(second));
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (&one[of_one..], &other[of_other..]);
            continue;
        }
        match (one.chars().next(), other.chars().next()) {
            (Some(first), Some(second)) if first == second => {
                (one, other) = (&one[first.len_utf8()..], &other[second.len_utf8()..]);
            }
            (None, None) => return left.cmp(right),
            (first, second) => return first.cmp(&second),
        }
    }
}

/// The media of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaOfKey {
    pub key: String,
    pub kind: MediumKind,
    /// Rising. Of very many steps some are left out, evenly; the first and the last never are.
    pub steps: Vec<i64>,
    /// How many steps there are.
    pub total: u64,
    /// Whether it was logged by steps; a file that only lies there was not, and stands at 0.
    #[serde(default)]
    pub by_step: bool,
}

/// Keys in their order ([`by_key`]), the first thousand of those that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMedia {
    pub keys: Vec<MediaOfKey>,
    /// How many such keys there are.
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Medium {
    pub key: String,
    pub kind: MediumKind,
    pub step: i64,
    /// When it was logged, where its tool says.
    pub time_ms: Option<i64>,
    pub content: MediumContent,
    /// What its file is called where all of it is saved, from `GET /api/blob/media/RUN/whole?key=KEY&step=STEP`.
    #[serde(default)]
    pub file: String,
    /// Which it is of those of its step, where the key was logged several times at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<Among>,
}

/// Which of several media of a key at one step, in the order of their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Among {
    /// From 1.
    pub turn: u64,
    pub of: u64,
}

impl Among {
    /// The turn behind this one; behind the last the first.
    pub const fn next(self) -> u64 {
        if self.turn < self.of { self.turn + 1 } else { 1 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MediumContent {
    /// A picture, a drawing, a sound, a video or a page: its bytes are at `GET /api/blob/media/RUN?key=KEY&step=STEP`, or
    /// saved by [`SaveMedium`].
    Bytes { size_bytes: u64 },
    /// The first 256 KiB.
    Text { text: String, is_cut: bool },
    /// The first thousand rows; a cell is text.
    Table { columns: Vec<String>, rows: Vec<Vec<String>>, total_rows: u64 },
    /// Counts between edges: one edge more than counts. All are finite.
    Histogram { edges: Vec<f64>, counts: Vec<f64> },
}

/// The keys of a run's media.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMedia {
    pub run: RunId,
    /// Only keys that have each of these words, in any case; by default all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

impl ListMedia {
    /// All of a run's.
    pub const fn of(run: RunId) -> Self {
        Self { run, words: String::new() }
    }

    /// Whether a key has the words that are looked for.
    pub fn asks_for(&self, key: &str) -> bool {
        let key = key.to_lowercase();
        self.words.to_lowercase().split_whitespace().all(|word| key.contains(word))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetMedium {
    pub run: RunId,
    pub key: String,
    /// By default the last.
    #[serde(default)]
    pub step: Option<i64>,
    /// [`Among::turn`]: by default the last of its step. The addresses of the bytes take it as `&turn=TURN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
}

/// The same of many steps of a key at once, of each the last, at most [`MOST_STEPS`]: what a run holds is looked through once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetMediumSteps {
    pub run: RunId,
    pub key: String,
    pub steps: Vec<i64>,
}

pub const MOST_STEPS: usize = 100;

/// The step of a key that is nearest to this one, the earlier of two: [`MediaOfKey::steps`] need not have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetNearestStep {
    pub run: RunId,
    pub key: String,
    pub step: i64,
}

/// Of these steps the one that is nearest to another, the earlier of two; `None` where there are none.
pub fn nearest(steps: impl IntoIterator<Item = i64>, wanted: i64) -> Option<i64> {
    steps.into_iter().min_by_key(|step| (step.abs_diff(wanted), *step))
}

/// Writes a medium to a file that isn't there yet, whole: what is a file as it lies, of what a log holds a picture or a
/// sound as its bytes, a text as text, a table as CSV, a histogram as the JSON of [`MediumKind::Histogram`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveMedium {
    pub run: RunId,
    pub key: String,
    /// By default the last.
    #[serde(default)]
    pub step: Option<i64>,
    /// As [`GetMedium::turn`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// An absolute path on the host's machine.
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMedium {
    pub path: String,
    pub step: i64,
    pub size_bytes: u64,
}

crate::requests! { METHODS;
    ListMedia => "run.media" -> RunMedia, |me| vec![Tag::Run(me.run)];
    GetMedium => "run.medium" -> Medium, |me| vec![Tag::Run(me.run)];
    // One for each step that was asked for; `None` of what is not there, or can't be read.
    GetMediumSteps => "run.medium_steps" -> Vec<Option<Medium>>, |me| vec![Tag::Run(me.run)];
    GetNearestStep => "run.nearest_step" -> i64, |me| vec![Tag::Run(me.run)];
    SaveMedium => "run.save_medium" -> SavedMedium;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_by_the_numbers_in_them() {
        let mut keys =
            ["t10", "t2", "t1", "layer/10/w", "layer/9/w", "t1/a", "é", "t", "t02", "t123456789012345678901"];
        keys.sort_by(|left, right| by_key(left, right));
        let sorted = ["layer/9/w", "layer/10/w", "t", "t1", "t1/a", "t02", "t2", "t10", "t123456789012345678901", "é"];
        assert_eq!(keys, sorted);
    }

    #[test]
    fn of_two_steps_as_near_the_earlier_is_nearest() {
        for (wanted, found) in [(10, 10), (12, 10), (15, 10), (16, 20), (i64::MAX, 20), (i64::MIN, 10)] {
            assert_eq!(nearest([20, 10], wanted), Some(found), "{wanted}");
        }
        assert_eq!(nearest([], 3), None);
    }

    #[test]
    fn a_name_says_what_a_file_is() {
        use MediumKind::{Audio, Drawing, Histogram, Image, Page, Table, Text, Video};
        for (path, stem, kind) in [
            ("page.html", "page", Page),
            ("drawing.SVG", "drawing", Drawing),
            ("v.mp4", "v", Video),
            ("a/clip.M4V", "a/clip", Video),
            ("said.m4a", "said", Audio),
            ("said.AAC", "said", Audio),
            ("said.opus", "said", Audio),
            ("drawn.bmp", "drawn", Image),
            ("drawn.avif", "drawn", Image),
            ("media/plotly/p.plotly.json", "media/plotly/p", Text),
            ("seen/step_2.table.json", "seen/step_2", Table),
            ("w.histogram.json", "w", Histogram),
            ("seen/step_2.csv", "seen/step_2", Table),
            ("all.TSV", "all", Table),
        ] {
            assert_eq!(medium_by_name(path), Some((stem, kind)), "{path}");
        }
        assert!(["weights.bin", "table.json", "none", "a.b/weights"].iter().all(|path| medium_by_name(path).is_none()));
    }
}
