//! Prints what the logs in a folder tell: `cargo run -p foreign --example tell -- FOLDER`.

use std::{path::Path, time::Instant};

use foreign::{Mark, Told};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say the folder")?;
    for found in foreign::look(Path::new(&folder)) {
        println!("{:?} {}", found.kind, found.path.display());
        let begun = Instant::now();
        foreign::open(&found).read(&Mark::default(), &mut |told| {
            match told {
                Told::Media { run, key, step, .. } => println!("  media of {run}: {key} at {step}"),
                told => println!("  {told:?}"),
            }
            Ok(())
        })?;
        println!("  in {:.3} s", begun.elapsed().as_secs_f64());
    }
    Ok(())
}
