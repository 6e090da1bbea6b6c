//! What a run ran on and in: what its records say of it, and in the files of older clients.

use std::{collections::BTreeMap, path::Path};

use api::{
    figure::counted,
    run::{DIRECTORY, MACHINE, MACHINE_GPU, PACKAGE},
};
use url::Url;

use super::{
    proto::{Apple, Cpu, Environment, Git, GpuNvidia, Memory},
    value::file_below,
};
use crate::{file, value::Value};

/// What older clients wrote in the place of the record.
const METADATA: &str = "wandb-metadata.json";
/// Python's packages.
pub(super) const REQUIREMENTS: &str = "requirements.txt";
/// What was not committed.
pub(super) const PATCH: &str = "diff.patch";
/// What a run's head is told of, beside its log.
pub(super) const FILES: [&str; 3] = [METADATA, REQUIREMENTS, PATCH];
/// Memory that is said in less is in GiB, as the first clients wrote it.
const LEAST_BYTES: f64 = 1e6;
const GIB: f64 = 1_073_741_824.0;

/// What a record says, by the names that a run's environment has.
pub(super) fn told(of: &Environment) -> BTreeMap<String, String> {
    let python = of.python.rsplit(' ').next().unwrap_or_default();
    let memory = of.memory.map(|memory| memory.total).filter(|total| *total > 0);
    let facts = [
        (format!("{MACHINE}system"), of.os.clone()),
        (format!("{MACHINE}cpu"), cpu(of)),
        (format!("{MACHINE}memory"), memory.map(|total| format!("{:.0} GB", total as f64 / 1e9)).unwrap_or_default()),
        (MACHINE_GPU.to_owned(), gpus(of)),
        (format!("{MACHINE}cuda"), of.cuda_version.clone()),
        (format!("{MACHINE}container"), of.docker.clone()),
        (format!("{PACKAGE}python"), python.to_owned()),
        (DIRECTORY.to_owned(), of.root.clone()),
    ];
    let slurm = of.slurm.iter().map(|(name, value)| (format!("SLURM_{}", name.to_uppercase()), value.clone()));
    facts.into_iter().chain(slurm).filter(|(_, fact)| !fact.is_empty()).collect()
}

/// As it is said of programs that are measured here: "AMD EPYC 9124, 16 cores".
fn cpu(of: &Environment) -> String {
    let model = of.cpu.as_ref().map(|cpu| cpu.model.trim()).filter(|model| !model.is_empty());
    let model = model.or(of.apple.as_ref().map(|apple| apple.name.trim())).filter(|model| !model.is_empty());
    let cores = if of.cpu_count_logical > 0 { of.cpu_count_logical } else { of.cpu_count };
    let cores = (cores > 0).then(|| counted(u64::from(cores), "core", "cores"));
    model.map(ToOwned::to_owned).into_iter().chain(cores).collect::<Vec<_>>().join(", ")
}

/// "NVIDIA H200, NVIDIA H200".
fn gpus(of: &Environment) -> String {
    if !of.gpu_nvidia.is_empty() {
        return of.gpu_nvidia.iter().map(|gpu| gpu.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    // No machine has more than that, and a log may say any number.
    let count = if of.gpu_type.is_empty() { 0 } else { of.gpu_count.clamp(1, 64) };
    vec![of.gpu_type.as_str(); count as usize].join(", ")
}

/// The address of a repository without whom it is asked for as: a token may stand there.
pub(super) fn without_user(remote: &str) -> String {
    let Ok(mut url) = Url::parse(remote) else { return remote.to_owned() };
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || url.set_username("").is_err() || url.set_password(None).is_err() {
        return remote.to_owned();
    }
    url.to_string()
}

/// What the client wrote into a file below the run's files; `None` where it wrote none.
pub(super) fn written(files: &Path) -> Option<Environment> {
    let text = file::text(&file_below(METADATA, files).ok()?).ok()?;
    read(&Value::from_json(&text).ok()?)
}

fn read(value: &Value) -> Option<Environment> {
    if value.entries().is_empty() {
        return None;
    }
    // Both clients' names of one thing; a number may stand in quotes.
    let text = |keys: &[&str]| {
        let said = keys.iter().find_map(|key| value.get(key).and_then(Value::as_str));
        said.unwrap_or_default().to_owned()
    };
    let number = |key: &str| value.get(key).and_then(|said| said.text().parse::<u32>().ok()).unwrap_or(0);
    let within = |above: &str, key: &str| value.get(above).and_then(|of| of.get(key)).map(Value::text);
    let bytes = |total: f64| if total < LEAST_BYTES { total * GIB } else { total };
    let total = within("memory", "total").and_then(|total| total.parse().ok()).map(|total| bytes(total) as u64);
    let gpus = ["gpu_nvidia", "gpu_devices"].iter().find_map(|key| value.get(key)).map(Value::items);
    let gpus = gpus.unwrap_or_default().iter().filter_map(|gpu| gpu.get("name").and_then(Value::as_str));
    let slurm = value.get("slurm").map(Value::entries).unwrap_or_default();
    Some(Environment {
        os: text(&["os"]),
        python: text(&["python"]),
        docker: text(&["docker"]),
        args: value.get("args").map(Value::items).unwrap_or_default().iter().map(Value::text).collect(),
        program: text(&["program", "codePath"]),
        git: within("git", "commit").map(|commit| Git {
            remote_url: within("git", "remote").or(within("git", "remote_url")).unwrap_or_default(),
            commit,
        }),
        root: text(&["root"]),
        host: text(&["host"]),
        username: text(&["username"]),
        cpu_count: number("cpu_count"),
        cpu_count_logical: number("cpu_count_logical"),
        gpu_type: text(&["gpu"]),
        gpu_count: number("gpu_count"),
        memory: total.map(|total| Memory { total }),
        cpu: within("cpu", "model").map(|model| Cpu { model }),
        apple: within("apple", "name").map(|name| Apple { name }),
        gpu_nvidia: gpus.map(|name| GpuNvidia { name: name.to_owned() }).collect(),
        cuda_version: text(&["cudaVersion", "cuda"]),
        slurm: slurm.iter().map(|(name, value)| (name.clone(), value.text())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file of a client tells.
    fn check(text: &str, expect: &[(&str, &str)]) {
        let of = read(&Value::from_json(text).expect("JSON")).expect("a record");
        let expect = expect.iter().map(|(name, fact)| ((*name).to_owned(), (*fact).to_owned()));
        assert_eq!(told(&of), expect.collect::<BTreeMap<_, _>>());
    }

    #[test]
    fn an_address_of_a_repository_names_nobody() {
        assert_eq!(without_user("https://ada:hush@host/x.git"), "https://host/x.git");
        assert_eq!(without_user("https://ghp_token@host:8443/x"), "https://host:8443/x");
        for stays in ["https://host/x.git", "git@host:x.git", "ssh://git@host/x.git", "/srv/x.git"] {
            assert_eq!(without_user(stays), stays);
        }
    }

    #[test]
    fn both_clients_files_tell_what_the_record_does() {
        // As wandb 0.15 and 0.19 write it.
        let first = r#"{"os": "Linux-5.15", "python": "3.8.10", "args": ["--lr", "1"], "program": "train.py",
            "git": {"remote": "https://host/x.git", "commit": "c0ffee"}, "root": "/w", "host": "h", "username": "ada",
            "cpu_count": 2, "cpu_count_logical": 4, "gpu": "Tesla T4", "gpu_count": 2, "memory": {"total": 16.0},
            "gpu_devices": [{"name": "Tesla T4", "memory_total": 1}, {"name": "Tesla T4", "memory_total": 1}],
            "cuda": null, "slurm": {"job_id": "7"}}"#;
        check(
            first,
            &[
                ("machine.system", "Linux-5.15"),
                ("machine.cpu", "4 cores"),
                ("machine.memory", "17 GB"),
                ("machine.gpu", "Tesla T4, Tesla T4"),
                ("package.python", "3.8.10"),
                ("PWD", "/w"),
                ("SLURM_JOB_ID", "7"),
            ],
        );
        let second = r#"{"os": "macOS-14.4.1-arm64-arm-64bit", "python": "CPython 3.11.7", "codePath": "train.py",
            "cpu_count": 12, "memory": {"total": "38654705664"}, "apple": {"name": "Apple M3 Pro"}, "gpu": "Apple M3 Pro",
            "cudaVersion": "12.4"}"#;
        check(
            second,
            &[
                ("machine.system", "macOS-14.4.1-arm64-arm-64bit"),
                ("machine.cpu", "Apple M3 Pro, 12 cores"),
                ("machine.memory", "39 GB"),
                ("machine.gpu", "Apple M3 Pro"),
                ("machine.cuda", "12.4"),
                ("package.python", "3.11.7"),
            ],
        );
        let of = read(&Value::from_json(first).expect("JSON")).expect("a record");
        assert_eq!((of.program.as_str(), of.args.len(), of.username.as_str()), ("train.py", 2, "ada"));
        assert_eq!(of.git.map(|git| git.commit).as_deref(), Some("c0ffee"));
        assert_eq!(read(&Value::from_json("[]").expect("JSON")), None);
    }
}
