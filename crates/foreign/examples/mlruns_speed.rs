//! How fast a file store is read: `cargo run --release -p foreign --example mlruns_speed -- FOLDER [RUNS]`.
//!
//! Makes RUNS (10,000) runs with 10 params and 10 metrics each, as MLflow's client leaves them, where the folder is
//! not there yet, and reads them from nothing, and then again by the mark.

use std::{fmt::Write as _, fs, io, path::Path, time::Instant};

use foreign::{Mark, Reader as _, Told, mlflow_files::MlflowFiles};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("say the folder")?;
    let runs = arguments.next().map_or(Ok(10_000), |runs| runs.parse())?;
    let folder = Path::new(&folder);
    if !folder.exists() {
        make(folder, runs)?;
    }
    let reader = MlflowFiles::new(folder.to_owned());
    let mut mark = Mark::default();
    for what in ["first", "again"] {
        let (mut heads, mut points) = (0_u32, 0);
        let begun = Instant::now();
        mark = reader.read(&mark, &mut |told| {
            match told {
                Told::Run(_) => heads += 1,
                Told::Points { points: more, .. } => points += more.len(),
                other => println!("{other:?}"),
            }
            Ok(())
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let rate = f64::from(runs) / seconds;
        println!("{what}: {heads} heads and {points} points told in {seconds:.2} s, {rate:.0} runs/s");
    }
    println!("the mark is {} bytes", mark.0.to_string().len());
    Ok(())
}

fn make(folder: &Path, runs: u32) -> io::Result<()> {
    let experiment = folder.join("1");
    fs::create_dir_all(&experiment)?;
    let meta = "artifact_location: file:///mlruns/1\ncreation_time: 1700000000000\nexperiment_id: '1'\n\
                last_update_time: 1700000000000\nlifecycle_stage: active\nname: speed\n";
    fs::write(experiment.join("meta.yaml"), meta)?;
    for run in 0..runs {
        let id = format!("{run:032x}");
        let folder = experiment.join(&id);
        for name in ["params", "metrics", "tags", "artifacts"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let mut meta = format!("artifact_uri: file:///mlruns/1/{id}/artifacts\n");
        write!(meta, "end_time: 1700000001000\nentry_point_name: ''\nexperiment_id: '1'\nlifecycle_stage: active\n")
            .map_err(io::Error::other)?;
        write!(meta, "run_id: {id}\nrun_name: run-{run}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n")
            .map_err(io::Error::other)?;
        meta.push_str("start_time: 1700000000000\nstatus: 3\ntags: []\nuser_id: ada\n");
        fs::write(folder.join("meta.yaml"), meta)?;
        for number in 0..10 {
            fs::write(folder.join(format!("params/param{number}")), format!("{}", run * number))?;
            fs::write(folder.join(format!("metrics/metric{number}")), format!("1700000000000 0.{run} {number}\n"))?;
        }
        for (name, value) in
            [("runName", "run"), ("user", "ada"), ("source.name", "train.py"), ("source.type", "LOCAL")]
        {
            fs::write(folder.join(format!("tags/mlflow.{name}")), value)?;
        }
    }
    Ok(())
}
