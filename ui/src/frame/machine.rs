//! The machine's readings: asked every few seconds while the window is seen. The status line and the
//! Hardware page show the same ones.

use std::time::Duration;

use api::host::{GetHardware, Hardware};
use leptos::prelude::*;

use crate::{
    client::{
        Client, Link, events,
        query::{Query, query},
    },
    parts::when,
};

const EVERY: Duration = Duration::from_secs(5);
/// Ten minutes of readings.
const KEPT: usize = 120;
/// Answers closer together than this are one reading: a page asked in between.
const APART_MS: i64 = 2_000;

/// What one reading said.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    pub(crate) at_ms: i64,
    pub(crate) cpu_load: f64,
    pub(crate) memory_used_bytes: u64,
}

/// The newest answer, and those of the last minutes.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) now: Query<Hardware>,
    pub(crate) before: RwSignal<Vec<Reading>>,
}

impl Machine {
    pub(crate) fn provide() {
        let client = Client::get();
        let now = query(|| Some(GetHardware { probe: false }));
        let before = RwSignal::new(Vec::<Reading>::new());
        Effect::new(move |_| {
            let Some(reading) = now.value.with(|now| now.as_ref().map(read)) else { return };
            before.update(|before| {
                if before.last().is_none_or(|last| reading.at_ms - last.at_ms >= APART_MS) {
                    before.push(reading);
                }
                let surplus = before.len().saturating_sub(KEPT);
                before.drain(..surplus);
            });
        });
        let ask = move || {
            if client.link.get_untracked() == Link::Up && !events::is_hidden() {
                now.refresh();
            }
        };
        if let Ok(handle) = set_interval_with_handle(ask, EVERY) {
            on_cleanup(move || handle.clear());
        }
        provide_context(Self { now, before });
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }
}

fn read(hardware: &Hardware) -> Reading {
    Reading { at_ms: when::read(), cpu_load: hardware.cpu_load, memory_used_bytes: hardware.memory_used_bytes }
}
