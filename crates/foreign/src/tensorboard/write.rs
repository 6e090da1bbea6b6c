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
        Any, Dtype, Event, HparamsData, Image, Metadata, Plugin, SessionStart, Shape, Summary, Tensor, VERSION, Value,
    },
    record,
};
use crate::{Result, file::unwritable};

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
        let plugin = Plugin { name: "hparams".to_owned(), content: told.encode_to_vec() };
        // Every value has a tensor; of this one it says nothing.
        let nothing = Tensor {
            dtype: Dtype::Float as i32,
            shape: Some(Shape::default()),
            float_val: vec![0.0],
            ..Tensor::default()
        };
        let value = Value {
            tag: "_hparams_/session_start_info".to_owned(),
            metadata: Some(Metadata { plugin: Some(plugin) }),
            tensor: Some(nothing),
            ..Value::default()
        };
        let summary = Some(Summary { value: vec![value] });
        self.event(&Event { wall_time: seconds(created_ms), summary, ..Event::default() })
    }

    /// Appends points of a series. TensorBoard's scalars are `f32`: a larger number is infinite there.
    ///
    /// # Errors
    /// Where they can't be written.
    #[expect(clippy::cast_possible_truncation, reason = "TensorBoard's scalars are f32")]
    pub fn points(&mut self, key: &str, points: &[Point]) -> Result<()> {
        for point in points {
            let value = Value { tag: key.to_owned(), simple_value: Some(point.value as f32), ..Value::default() };
            let summary = Some(Summary { value: vec![value] });
            self.event(&Event { wall_time: seconds(point.time_ms), step: point.step, summary, ..Event::default() })?;
        }
        Ok(())
    }

    /// Appends a picture in its own encoding, of so many pixels in width and height.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn picture(
        &mut self,
        key: &str,
        (step, time_ms): (i64, i64),
        (width, height): (u32, u32),
        encoded: Vec<u8>,
    ) -> Result<()> {
        let value = Value { tag: key.to_owned(), image: Some(Image { height, width, encoded }), ..Value::default() };
        let summary = Some(Summary { value: vec![value] });
        self.event(&Event { wall_time: seconds(time_ms), step, summary, ..Event::default() })
    }

    /// # Errors
    /// Where what is left can't be written.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(unwritable(&self.path))
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
