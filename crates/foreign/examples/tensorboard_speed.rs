//! How fast an event file of scalars is read: `cargo run --release -p foreign --example tensorboard_speed -- FOLDER
//! [MEGABYTES]`.
//!
//! Makes a file of so many (100) megabytes, twenty series by step, where the folder is not there yet.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    time::Instant,
};

use foreign::{Mark, Reader as _, Told, tensorboard::TensorBoard};

const FILE: &str = "events.out.tfevents.1700000000.demo";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("say the folder")?;
    let megabytes: u32 = arguments.next().map_or(Ok(100), |megabytes| megabytes.parse())?;
    let folder = Path::new(&folder);
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        make(&folder.join(FILE), u64::from(megabytes) * 1_000_000)?;
    }
    let size = fs::metadata(folder.join(FILE))?.len();
    let mut points = 0;
    let before = peak();
    let begun = Instant::now();
    TensorBoard::new(folder.to_owned()).read(&Mark::default(), &mut |told| {
        match told {
            Told::Points { points: more, .. } => points += more.len(),
            Told::Warning { place, message } | Told::LeftOut { place, message } => println!("{place}: {message}"),
            _ => {}
        }
        Ok(())
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{points} points of {size} bytes in {seconds:.2} s: {:.0} MB/s", size as f64 / 1e6 / seconds);
    println!("peak memory: {} before, {} after", before.unwrap_or_default(), peak().unwrap_or_default());
    Ok(())
}

/// The most memory that this process held, as Linux says it.
fn peak() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|peak| peak.trim().to_owned())
}

fn make(path: &Path, bytes: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut written, mut step) = (0, 0_u32);
    while written < bytes {
        for series in 0..20 {
            let tag = format!("train/series_{series:02}");
            let number = (step as f32).sin().to_le_bytes();
            let value = [&[0x0a, u8::try_from(tag.len())?], tag.as_bytes(), &[0x15], &number].concat();
            let summary = [&[0x0a, u8::try_from(value.len())?], &value[..]].concat();
            let mut event = [&[0x09][..], &(1.7e9 + f64::from(step)).to_le_bytes(), &[0x10]].concat();
            prost::encode_length_delimiter(usize::try_from(step)?, &mut event)?;
            event.extend([0x2a, u8::try_from(summary.len())?]);
            event.extend(summary);
            let length = (event.len() as u64).to_le_bytes();
            let record = [&length[..], &masked(&length), &event, &masked(&event)].concat();
            file.write_all(&record)?;
            written += record.len() as u64;
        }
        step += 1;
    }
    Ok(file.flush()?)
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
