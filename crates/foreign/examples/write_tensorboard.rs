//! Writes the series of the tests' event files into a folder, to be read by TensorBoard: `cargo run -p foreign
//! --example write_tensorboard -- FOLDER`, then `tests/fixtures/read_tensorboard.py FOLDER`.

use std::{collections::BTreeMap, path::Path};

use foreign::{
    Mark, Reader as _, Told,
    tensorboard::{TensorBoard, write::EventFile},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say the folder")?;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tensorboard/runs");
    let mut files: BTreeMap<String, EventFile> = BTreeMap::new();
    TensorBoard::new(from).read(&Mark::default(), &mut |told| {
        match told {
            Told::Run(head) if !files.contains_key(&head.key) => {
                let file = EventFile::create(&Path::new(&folder).join(&head.key), head.created_ms)?;
                files.insert(head.key, file);
            }
            Told::Points { run, key, points } => files.get_mut(&run).ok_or("no run")?.points(&key, &points)?,
            _ => {}
        }
        Ok(())
    })?;
    files.into_values().try_for_each(EventFile::finish)?;
    Ok(())
}
