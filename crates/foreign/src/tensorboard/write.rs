//! Writes a run's series as an event file that TensorBoard reads.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use api::series::Point;
use prost::Message as _;

use super::{
    proto::{
        Any, Audio, Dim, Dtype, Event, HparamsData, Image, Metadata, Plugin, SessionStart, Shape, Summary, Tensor,
        VERSION, Value,
    },
    record,
};
use crate::{Histogram, Result, file::unwritable};

/// An event file that is written to.
pub struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// A new file in the run's folder, which is made as needed.
    ///
    /// # Errors
    /// Where it can't be made, or one of that time is there.
    pub fn create(folder: &Path, created_ms: i64) -> Result<Self> {
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let path = folder.join(format!("events.out.tfevents.{:010}.slipway", created_ms.div_euclid(1000)));
        let file = File::create_new(&path).map_err(unwritable(&path))?;
        let mut file = Self { path, file: BufWriter::new(file) };
        let version = Some(VERSION.to_owned());
        file.event(&Event { wall_time: seconds(created_ms), file_version: version, ..Event::default() })?;
        Ok(file)
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        record::write(&mut self.file, &event.encode_to_vec()).map_err(unwritable(&self.path))
    }

    /// Says the run's hyperparameters, as TensorBoard's plugin of that name reads them.
    ///
    /// # Errors
    /// Where they can't be written.
    pub fn hyperparameters<'a>(
        &mut self,
        created_ms: i64,
        params: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<()> {
        let value = |text: &String| match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Any { number: Some(number), ..Any::default() },
            _ => Any { text: Some(text.clone()), ..Any::default() },
        };
        let hparams = params.into_iter().map(|(key, text)| (key.clone(), value(text))).collect();
        let told = HparamsData { start: Some(SessionStart { hparams }), end: None };
        // Every value has a tensor; of this one it says nothing.
        let nothing = Tensor {
            dtype: Dtype::Float as i32,
            shape: Some(Shape::default()),
            float_val: vec![0.0],
            ..Tensor::default()
        };
        let value = Value {
            tag: "_hparams_/session_start_info".to_owned(),
            metadata: Some(of_plugin("hparams", told.encode_to_vec())),
            tensor: Some(nothing),
            ..Value::default()
        };
        self.value(value, (0, created_ms))
    }

    /// Appends a value of a step and time.
    fn value(&mut self, value: Value, (step, time_ms): (i64, i64)) -> Result<()> {
        let summary = Some(Summary { value: vec![value] });
        self.event(&Event { wall_time: seconds(time_ms), step, summary, ..Event::default() })
    }

    /// Appends points of a series. TensorBoard's scalars are `f32`: a larger number is infinite there.
    ///
    /// # Errors
    /// Where they can't be written.
    #[expect(clippy::cast_possible_truncation, reason = "TensorBoard's scalars are f32")]
    pub fn points(&mut self, key: &str, points: &[Point]) -> Result<()> {
        for point in points {
            let value = Value { tag: key.to_owned(), simple_value: Some(point.value as f32), ..Value::default() };
            self.value(value, (point.step, point.time_ms))?;
        }
        Ok(())
    }

    /// Appends a picture of a step and time in its own encoding, of so many pixels in width and height.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn picture(&mut self, key: &str, at: (i64, i64), (width, height): (u32, u32), encoded: Vec<u8>) -> Result<()> {
        let image = Some(Image { height, width, encoded });
        self.value(Value { tag: key.to_owned(), image, ..Value::default() }, at)
    }

    /// Appends a sound of a step and time, a whole WAV: TensorBoard takes each for one.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn sound(&mut self, key: &str, at: (i64, i64), encoded: Vec<u8>) -> Result<()> {
        let audio = Some(Audio { encoded, content_type: "audio/wav".to_owned() });
        self.value(Value { tag: key.to_owned(), audio, ..Value::default() }, at)
    }

    /// Appends a text of a step and time, which TensorBoard draws as Markdown.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn text(&mut self, key: &str, at: (i64, i64), text: String) -> Result<()> {
        let tensor = Tensor {
            dtype: Dtype::String as i32,
            shape: Some(Shape::default()),
            string_val: vec![text.into_bytes()],
            ..Tensor::default()
        };
        let metadata = Some(of_plugin("text", Vec::new()));
        self.value(Value { tag: key.to_owned(), tensor: Some(tensor), metadata, ..Value::default() }, at)
    }

    /// Appends a histogram of a step and time in TensorBoard's newer form, which keeps its edges: rows of left edge, right
    /// edge and count.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn histogram(&mut self, key: &str, at: (i64, i64), histogram: &Histogram) -> Result<()> {
        let Histogram { edges, counts } = histogram;
        let rows = edges.iter().zip(edges.iter().skip(1)).zip(counts);
        let double_val: Vec<f64> = rows.flat_map(|((left, right), count)| [*left, *right, *count]).collect();
        let rows = i64::try_from(double_val.len() / 3).unwrap_or(i64::MAX);
        let shape = Some(Shape { dim: vec![Dim { size: rows }, Dim { size: 3 }] });
        let tensor = Tensor { dtype: Dtype::Double as i32, shape, double_val, ..Tensor::default() };
        let metadata = Some(of_plugin("histograms", Vec::new()));
        self.value(Value { tag: key.to_owned(), tensor: Some(tensor), metadata, ..Value::default() }, at)
    }

    /// # Errors
    /// Where what is left can't be written.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(unwritable(&self.path))
    }
}

/// Says which plugin reads a value. Each value of a tag says it: TensorBoard needs it of the first alone.
fn of_plugin(name: &str, content: Vec<u8>) -> Metadata {
    Metadata { plugin: Some(Plugin { name: name.to_owned(), content }) }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
