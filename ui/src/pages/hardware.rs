//! Hardware: processor, memory, disk, GPUs, and why a worker can't start, with what mends it.

use api::{
    host::{GetHardware, Hardware as Machine, WorkerInfo},
    worker::{Device, Gpu},
};
use leptos::prelude::*;

use crate::{
    client::{Client, query::query},
    frame::crumbs::crumbs,
    parts::{
        button::{Button, CopyButton, Pending},
        card::{Card, Chip, Figure, Figures},
        icon,
        states::Load,
        words,
    },
};

#[component]
pub(crate) fn Hardware() -> impl IntoView {
    crumbs(|| vec![("Hardware".to_owned(), None)]);
    let machine = query(|| Some(GetHardware { probe: false }));
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
                    <Button label="Look again" mark=icon::REFRESH_CW disabled=pending.busy
                        on_press=move || pending.run(async move { client.call(GetHardware { probe: true }).await }, move |now| machine.value.set(Some(now))) />
                </span>
            </div>
            <Load query=machine let:machine>
                <Figures figures=Signal::derive(move || figures(&machine.get())) />
                <div class="columns section">
                    <Card title="Graphics" flush=true>{move || graphics(machine.get().gpus)}</Card>
                    <Card title="Workers" flush=true>
                        <div class="list">{move || machine.get().workers.into_iter().map(worker).collect_view()}</div>
                    </Card>
                </div>
            </Load>
        </div>
    }
}

fn figures(machine: &Machine) -> Vec<Figure> {
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
        Figure::new("Load", words::percent(machine.cpu_load), "over the last minute"),
        Figure::new(
            "Memory used",
            words::bytes(machine.memory_used_bytes),
            format!("of {}", words::bytes(machine.memory_bytes)),
        ),
        disk,
    ]
}

fn graphics(gpus: Vec<Gpu>) -> AnyView {
    if gpus.is_empty() {
        return view! { <p class="muted small padded">"No graphics adapter answers here. Trainings take the CPU."</p> }
            .into_any();
    }
    view! {
        <div class="list">
            {gpus
                .into_iter()
                .map(|gpu| {
                    let software = gpu.kind == "software";
                    view! {
                        <div>
                            <div class="grow">
                                <div class="cut">{gpu.name}</div>
                                <div class="small muted cut">{format!("{} · {} · {}", gpu.vendor, gpu.backend, gpu.driver)}</div>
                            </div>
                            {gpu.memory_bytes.map(|bytes| view! { <span class="num">{words::bytes(bytes)}</span> })}
                            <Chip text=gpu.kind tone=if software { "" } else { "good" } />
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}

fn worker(worker: WorkerInfo) -> impl IntoView {
    let devices = worker.devices.iter().copied().map(device).collect::<Vec<_>>().join(", ");
    view! {
        <div class="worker">
            <div class="grow">
                <div class="flex">
                    <span class="mono">{worker.backend.clone()}</span>
                    <Chip text=if worker.starts { "starts" } else { "does not start" } tone=if worker.starts { "good" } else { "warn" } dot=true />
                </div>
                <div class="small muted">{worker.reason.clone().unwrap_or_else(|| format!("Trains on {devices}."))}</div>
                {worker.mend.clone().map(|mend| view! {
                    <div class="flex command"><code class="mono grow cut">{mend.clone()}</code><CopyButton text=mend label="Copy the command" /></div>
                })}
                {worker.path.map(|path| view! { <div class="caption faint cut" title=path.clone()>{path.clone()}</div> })}
            </div>
        </div>
    }
}

const fn device(device: Device) -> &'static str {
    match device {
        Device::Auto => "auto",
        Device::Cpu => "CPU",
        Device::Cuda => "CUDA",
        Device::Metal => "Metal",
        Device::Wgpu => "wgpu (trees)",
    }
}
