//! Hardware: processor, memory, disk, GPUs, and why a worker can't start, with what mends it.

use api::{
    host::{GetHardware, Hardware as Told, WorkerInfo},
    worker::{Device, Gpu},
};
use charts::{
    axis::Axis,
    line::{Line, LineChart},
    plot::Scale,
    role::Role,
};
use leptos::prelude::*;

use crate::{
    client::Client,
    frame::{
        crumbs::crumbs,
        machine::{Machine, Reading},
    },
    parts::{
        button::{Button, CopyButton, Pending},
        card::{Card, Chip, Figure, Figures},
        chart::ChartCard,
        icon,
        states::Load,
        take_table::{Form, TakeTable, TextTable},
        words,
    },
};

#[component]
pub(crate) fn Hardware() -> impl IntoView {
    crumbs(|| vec![("Hardware".to_owned(), None)]);
    let Machine { now: machine, before } = Machine::get();
    let client = Client::get();
    let pending = Pending::new();
    view! {
        <div class="body-of-page">
            <div class="head">
                <div>
                    <h1>"Hardware"</h1>
                    <div class="sub">{move || machine.value.get().map(|machine| machine.auto)}</div>
                </div>
                <span class="right flex">
                    <Button label="Refresh" mark=icon::REFRESH_CW disabled=pending.busy
                        on_press=move || pending.run(async move { client.call(GetHardware { probe: true }).await }, move |now| machine.value.set(Some(now))) />
                </span>
            </div>
            <Load query=machine let:machine>
                <Figures figures=Signal::derive(move || figures(&machine.get())) />
                // A line needs more than one reading.
                <Show when=move || before.with(Vec::len).gt(&1)>
                    <div class="columns section">
                        <ChartCard title="Load" note="of all cores, the average of a minute" height=150.0
                            chart=Signal::derive(move || before.with(|before| load(before))) />
                        <ChartCard title="Memory used" note=Signal::derive(move || format!("of {}", words::bytes(machine.with(|machine| machine.memory_bytes)))) height=150.0
                            chart=Signal::derive(move || before.with(|before| memory(before, machine.with(|machine| machine.memory_bytes)))) />
                    </div>
                </Show>
                <div class="columns section">
                    <Card title="GPUs" flush=true extra=ViewFn::from(move || view! {
                        <Show when=move || machine.with(|machine| has_gpu(&machine.gpus))>
                            <TakeTable of=("GPU", "GPUs") table=move |form| machine.with_untracked(|machine| gpus_as_text(&machine.gpus, form)) />
                        </Show>
                    })>{move || graphics(machine.get().gpus)}</Card>
                    <Card title="Workers" flush=true extra=ViewFn::from(move || view! {
                        <TakeTable of=("worker", "workers") table=move |form| machine.with_untracked(|machine| workers_as_text(machine, form)) />
                    })>
                        <div class="list">{move || {
                            let machine = machine.get();
                            let has_gpu = has_gpu(&machine.gpus);
                            machine.workers.into_iter().map(|known| worker(known, has_gpu)).collect_view()
                        }}</div>
                    </Card>
                </div>
            </Load>
        </div>
    }
}

/// Readings further apart than this are not joined: nobody asked in between.
const GAP_MS: f64 = 30_000.0;

/// A line over the last minutes; while the window was hidden nothing was read.
fn over_time(name: &str, before: &[Reading], unit: &str, whole: f64, value: impl Fn(&Reading) -> f64) -> LineChart {
    let x = before.iter().map(|reading| reading.at_ms as f64).collect();
    let y = before.iter().map(value).collect();
    let offset_minutes = -js_sys::Date::new_0().get_timezone_offset() as i32;
    LineChart {
        name: name.to_owned(),
        lines: vec![Line::new(name, Role::series(0), x, y)],
        x: Axis { scale: Scale::Time { offset_minutes }, ..Axis::default() },
        y: Axis { unit: unit.to_owned(), range: Some((0.0, whole)), ..Axis::default() },
        smoothing: 0.0,
        gap: Some(GAP_MS),
        has_marks: false,
        bar_width: None,
    }
}

fn load(before: &[Reading]) -> LineChart {
    over_time("load", before, "%", 100.0, |reading| reading.cpu_load * 100.0)
}

fn memory(before: &[Reading], all_bytes: u64) -> LineChart {
    over_time("memory", before, "GB", all_bytes as f64 / 1e9, |reading| reading.memory_used_bytes as f64 / 1e9)
}

fn figures(machine: &Told) -> Vec<Figure> {
    let share = |used: u64, all: u64| if all == 0 { 0.0 } else { used as f64 / all as f64 };
    let disk_used = machine.disk_bytes.saturating_sub(machine.disk_free_bytes);
    let mut disk = Figure::new(
        "Disk free",
        words::bytes(machine.disk_free_bytes),
        format!("of {}", words::bytes(machine.disk_bytes)),
    );
    if share(disk_used, machine.disk_bytes) > 0.95 {
        disk.tone = "warn";
    }
    vec![
        Figure::new("Processor", words::counted(u64::from(machine.cores), "core", "cores"), machine.cpu.clone()),
        Figure::new("Load", words::percent((machine.cpu_load * 100.0).round() / 100.0), "of all cores, over a minute"),
        Figure::new(
            "Memory used",
            words::bytes(machine.memory_used_bytes),
            format!("of {}", words::bytes(machine.memory_bytes)),
        ),
        disk,
    ]
}

fn graphics(gpus: Vec<Gpu>) -> AnyView {
    let (software, gpus): (Vec<Gpu>, Vec<Gpu>) = gpus.into_iter().partition(is_software);
    if gpus.is_empty() {
        let text = match software.first() {
            Some(one) => format!("No GPU. {} draws on the CPU; no training takes it by itself.", one.name),
            None => "No GPU answers here. Trainings take the CPU.".to_owned(),
        };
        return view! { <p class="muted small padded">{text}</p> }.into_any();
    }
    view! {
        <div class="list">
            {gpus
                .into_iter()
                .map(|gpu| {
                    view! {
                        <div>
                            <div class="grow">
                                <div class="cut">{gpu.name}</div>
                                <div class="small muted cut">{format!("{} · {} · {}", gpu.vendor, gpu.backend, gpu.driver)}</div>
                            </div>
                            {gpu.memory_bytes.map(|bytes| view! { <span class="num">{words::bytes(bytes)}</span> })}
                            <Chip text=gpu.kind tone="good" />
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}

fn has_gpu(gpus: &[Gpu]) -> bool {
    gpus.iter().any(|gpu| !is_software(gpu))
}

fn gpus_as_text(gpus: &[Gpu], form: Form) -> TextTable {
    let row = |gpu: &Gpu| {
        let [name, vendor, backend, driver, kind] =
            [&gpu.name, &gpu.vendor, &gpu.backend, &gpu.driver, &gpu.kind].map(Clone::clone);
        [
            name,
            vendor,
            backend,
            driver,
            gpu.memory_bytes.map_or_else(|| form.text(None), |bytes| form.size(bytes)),
            kind,
        ]
    };
    let head =
        [("GPU", false), ("Vendor", false), ("Backend", false), ("Driver", false), ("Memory", true), ("Kind", false)];
    TextTable::of(head, gpus.iter().filter(|gpu| !is_software(gpu)).map(row))
}

fn workers_as_text(machine: &Told, form: Form) -> TextTable {
    let has_gpu = has_gpu(&machine.gpus);
    let row = |worker: &WorkerInfo| {
        [
            backend(&worker.backend),
            state_of(worker).to_owned(),
            devices_of(worker, has_gpu),
            form.text(worker.reason.as_deref()),
            form.text(worker.mend.as_deref()),
            form.text(worker.path.as_deref()),
        ]
    };
    let head =
        [("Worker", false), ("State", false), ("Devices", false), ("Why", false), ("Command", false), ("Path", false)];
    TextTable::of(head, machine.workers.iter().map(row))
}

/// An adapter that draws on the processor.
fn is_software(gpu: &Gpu) -> bool {
    gpu.kind == "software"
}

const fn state_of(worker: &WorkerInfo) -> &'static str {
    if worker.starts { "ready" } else { "does not start" }
}

/// What it trains on.
fn devices_of(worker: &WorkerInfo, has_gpu: bool) -> String {
    let devices = worker.devices.iter().copied().filter(|device| has_gpu || *device != Device::Wgpu);
    devices.map(device).collect::<Vec<_>>().join(", ")
}

fn worker(worker: WorkerInfo, has_gpu: bool) -> impl IntoView {
    let (state, devices) = (state_of(&worker), devices_of(&worker, has_gpu));
    view! {
        <div class="worker">
            <div class="grow">
                <div class="flex">
                    <b>{format!("{} worker", backend(&worker.backend))}</b>
                    <Chip text=state tone=if worker.starts { "good" } else { "warn" } dot=true />
                </div>
                <div class="small muted">{worker.reason.clone().unwrap_or_else(|| format!("Trains on {devices}."))}</div>
                {worker.mend.clone().map(|mend| view! {
                    <div class="flex command"><code class="mono grow cut">{mend.clone()}</code><CopyButton text=mend label="Copy the command" /></div>
                })}
                {worker.path.map(|path| view! { <div class="caption faint mono cut" title=path.clone()>{path.clone()}</div> })}
            </div>
        </div>
    }
}

/// A build of the worker by its name.
fn backend(name: &str) -> String {
    match name {
        "cpu" => "CPU".to_owned(),
        "cuda" => "CUDA".to_owned(),
        "metal" => "Metal".to_owned(),
        other => words::capital(other),
    }
}

const fn device(device: Device) -> &'static str {
    match device {
        Device::Auto => "auto",
        Device::Cpu => "CPU",
        Device::Cuda => "CUDA",
        Device::Metal => "Metal",
        Device::Wgpu => "the GPU through Vulkan or Metal (trees)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_taken_with_why_it_does_not_start() {
        let gpu = |kind: &str| Gpu {
            name: "H200".to_owned(),
            vendor: "NVIDIA".to_owned(),
            driver: "580".to_owned(),
            backend: "Vulkan".to_owned(),
            kind: kind.to_owned(),
            memory_bytes: Some(2048),
        };
        let worker = WorkerInfo {
            backend: "cuda".to_owned(),
            path: None,
            starts: false,
            devices: vec![Device::Cpu, Device::Wgpu],
            reason: Some("No driver.".to_owned()),
            mend: Some("install it".to_owned()),
        };
        let machine = Told {
            cpu: String::new(),
            cores: 1,
            cpu_load: 0.0,
            memory_bytes: 0,
            memory_used_bytes: 0,
            disk_bytes: 0,
            disk_free_bytes: 0,
            gpus: vec![gpu("software")],
            workers: vec![worker],
            auto: String::new(),
            devices: Vec::new(),
        };
        let row = ["CUDA", "does not start", "CPU", "No driver.", "install it", ""];
        assert_eq!(workers_as_text(&machine, Form::Csv).rows, [row]);
        // What draws on the processor is no GPU, as in the list.
        let gpus = gpus_as_text(&[gpu("software"), gpu("discrete")], Form::Csv);
        assert_eq!(gpus.rows, [["H200", "NVIDIA", "Vulkan", "580", "2048", "discrete"]]);
    }
}
