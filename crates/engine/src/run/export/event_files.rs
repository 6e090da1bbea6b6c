//! Runs as folders of TensorBoard's event files.

use std::{
    collections::HashSet,
    io::Cursor,
    path::{Path, PathBuf},
};

use api::series::Point;
use foreign::{Media, tensorboard::write::EventFile};
use image::ImageReader;

use super::{
    Form, Left, Told,
    media::{Fate, Medium},
};
use crate::run::media::sniffed;

pub(super) struct EventFiles {
    folder: PathBuf,
    taken: HashSet<String>,
    file: Option<EventFile>,
    name: String,
    /// A number of this run became infinite.
    is_large: bool,
    /// A number of any run was rounded.
    is_rounded: bool,
}

impl EventFiles {
    pub(super) fn new(folder: &Path) -> Self {
        let folder = folder.to_path_buf();
        Self { folder, taken: HashSet::new(), file: None, name: String::new(), is_large: false, is_rounded: false }
    }
}

impl Form for EventFiles {
    fn begin(&mut self, told: &Told, _: &mut Left) -> anyhow::Result<()> {
        let run = &told.run;
        let name = file_name(&run.name);
        // On a disk that knows no case, too.
        let numbered = |at: u32| if at == 1 { name.clone() } else { format!("{name}-{at}") };
        let free = (1..).map(numbered).find(|name| self.taken.insert(name.to_lowercase()));
        let created_ms = run.started_ms.unwrap_or(run.created_ms);
        let mut file = EventFile::create(&self.folder.join(free.unwrap_or(name)), created_ms)?;
        if !run.params.is_empty() {
            file.hyperparameters(created_ms, &run.params)?;
        }
        self.name.clone_from(&run.name);
        (self.file, self.is_large) = (Some(file), false);
        Ok(())
    }

    fn points(&mut self, key: &str, points: &[Point], left: &mut Left) -> anyhow::Result<()> {
        let is_too_large = |point: &Point| point.value.is_finite() && point.value.abs() > f64::from(f32::MAX);
        if !self.is_large && points.iter().any(is_too_large) {
            self.is_large = true;
            left.say(format!("{}: numbers of {key} above 3.4e38 are infinite in TensorBoard.", self.name));
        }
        // Of most runs some are: it is said once.
        if !self.is_rounded && points.iter().any(is_rounded) {
            self.is_rounded = true;
            left.say("Numbers are rounded to about 7 digits: TensorBoard's scalars have 32 bits.".to_owned());
        }
        if let Some(file) = &mut self.file {
            file.points(key, points)?;
        }
        Ok(())
    }

    fn artifact(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn medium(&mut self, medium: Medium) -> anyhow::Result<Fate> {
        let Medium { key, step, time_ms, content } = medium;
        let Some(file) = &mut self.file else { return Ok(Fate::Left) };
        let at = (step, time_ms);
        match content {
            // TensorBoard draws it as large as is said, so that its size must be known.
            Media::Image(bytes) => {
                let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format()?;
                let Ok(size) = reader.into_dimensions() else { return Ok(Fate::Unread) };
                file.picture(&key, at, size, bytes)?;
            }
            Media::Audio(bytes) if sniffed(&bytes) == Some("audio/wav") => file.sound(&key, at, bytes)?,
            Media::Text(text) => file.text(&key, at, text)?,
            Media::Histogram(histogram) => file.histogram(&key, at, &histogram)?,
            Media::Audio(_) | Media::Table { .. } | Media::File(_) => return Ok(Fate::Left),
        }
        Ok(Fate::Written)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        Ok(self.file.take().map_or(Ok(()), EventFile::finish)?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Whether a number is another one in 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "how it is rounded is the question")]
fn is_rounded(point: &Point) -> bool {
    let rounded = f64::from(point.value as f32);
    rounded.is_finite() && rounded.to_bits() != point.value.to_bits()
}

/// A name that every system takes for a folder: no separator, no device of Windows', no leading dot.
pub(super) fn file_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_control() || "<>:\"/\\|?*".contains(letter) { '_' } else { letter };
    let name: String = name.chars().take(100).map(plain).collect();
    let name = name.trim_matches([' ', '.']);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered =
        |start: &str| stem.len() == 4 && stem.starts_with(start) && stem.ends_with(|c: char| c.is_ascii_digit());
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT");
    match name {
        "" => "run".to_owned(),
        name if is_device => format!("{name}_"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_leads_nowhere_and_is_no_device() {
        for (name, file) in [
            ("brisk-heron", "brisk-heron"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\\b:c", "a_b_c"),
            ("größe 7", "größe 7"),
            ("con.txt", "con.txt_"),
            ("COM1", "COM1_"),
            ("...", "run"),
            ("", "run"),
        ] {
            assert_eq!(file_name(name), file);
        }
    }
}
