//! Writes the fixture's runs as a new file store: `cargo run -p foreign --example write_mlruns -- FOLDER`.

use std::{collections::BTreeMap, path::Path};

use foreign::{
    Mark, Reader as _, Told,
    mlflow_files::{
        MlflowFiles,
        write::{FileStore, Run},
    },
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say the folder")?;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mlruns");
    let mut store = FileStore::open(Path::new(&folder))?;
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    MlflowFiles::new(from).read(&Mark::default(), &mut |told| {
        match told {
            Told::Run(head) => {
                let (run, refused) = store.run(head.id.ok_or("no id")?, &head)?;
                println!("{}: refused {refused:?}", head.name);
                runs.insert(head.key, run);
            }
            Told::Points { run, key, points } => drop(runs.get(&run).ok_or("no run")?.points(&key, &points)?),
            Told::Group(head) => println!("{}: refused {:?}", head.name, store.group(&head)?),
            other => println!("{other:?}"),
        }
        Ok(())
    })?;
    runs.into_values().try_for_each(Run::finish)?;
    Ok(())
}
