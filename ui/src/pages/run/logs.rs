//! What a run wrote, live: searchable, kept at its end while new lines come.

use api::{
    ApiError,
    event::{Event, Tag},
    id::RunId,
    run::{GetRunLog, LogChunk, LogStream},
};
use leptos::{html, prelude::*, task::spawn_local};

use crate::{
    client::{Client, events},
    frame::address::filter_of_address,
    parts::{
        button::Button,
        card::Card,
        field::{Segments, TextField},
        icon,
        log::stay_at_end,
        states::{Empty, Failure},
    },
};

/// Text beyond this is cut off at its start: the file has the rest.
const KEPT: usize = 2_000_000;
/// How long a stream that the connection lost is waited for before it is gone on with.
const AGAIN_MS: i32 = 1_000;

/// A run's output as it grows.
#[derive(Clone, Copy)]
struct Growing {
    text: RwSignal<String>,
    error: RwSignal<Option<ApiError>>,
    is_over: RwSignal<bool>,
}

/// Follows a stream of a run's output until it is over or the owner goes; a run that is resumed is followed anew.
fn follow(run: Signal<RunId>, is_live: Signal<bool>, stream: impl Fn() -> LogStream + 'static) -> Growing {
    let client = Client::get();
    let growing =
        Growing { text: RwSignal::new(String::new()), error: RwSignal::new(None), is_over: RwSignal::new(false) };
    let number = StoredValue::new_local(0_u64);
    // What is asked for, not how the run stands: each change of it would open another stream.
    let run = Memo::new(move |_| run.get());
    // Ends the stream that is held, now: a run that writes nothing would hold it to its end, and a
    // browser has six connections for all.
    let held: StoredValue<Option<Box<dyn Fn()>>, LocalStorage> = StoredValue::new_local(None);
    let leave = move || {
        number.try_update_value(|number| *number += 1);
        if let Some(Some(end)) = held.try_update_value(Option::take) {
            end();
        }
    };
    let again = RwSignal::new(());
    Effect::new(move |was: Option<bool>| {
        let is = is_live.get();
        if was == Some(false) && is && growing.is_over.get_untracked() {
            again.set(());
        }
        is
    });
    Effect::new(move |_| {
        again.track();
        let (run, stream) = (run.get(), stream());
        leave();
        let ours = number.get_value();
        growing.text.set(String::new());
        growing.error.set(None);
        growing.is_over.set(false);
        spawn_local(async move {
            let mut after = 0;
            loop {
                let lines = client.follow_log(run, stream, after).await;
                if number.try_get_value() != Some(ours) {
                    if let Ok(lines) = lines {
                        lines.cancel();
                    }
                    return;
                }
                let mut lines = match lines {
                    Ok(lines) => lines,
                    Err(error) => {
                        growing.error.try_set(Some(error));
                        return;
                    }
                };
                held.try_update_value(|held| *held = Some(Box::new(lines.ender())));
                let is_lost = loop {
                    let data = lines.next().await;
                    if number.try_get_value() != Some(ours) {
                        lines.cancel();
                        return;
                    }
                    let data = match data {
                        Ok(Some(data)) => data,
                        ended => break ended.is_err(),
                    };
                    let Ok(chunk) = serde_json::from_str::<LogChunk>(&data) else { continue };
                    after = chunk.end;
                    growing.text.try_update(|text| {
                        text.push_str(&chunk.text);
                        if text.len() > KEPT {
                            let from = text.ceil_char_boundary(text.len() - KEPT / 2);
                            text.drain(..from);
                        }
                    });
                };
                if events::is_hidden() {
                    // The stream ended because nobody looks: it goes on from there when somebody does.
                    events::until_seen().await;
                } else if is_lost || is_live.try_get_untracked() == Some(true) {
                    // Also where it was resumed before its end was known here.
                    events::sleep(AGAIN_MS).await;
                } else {
                    break;
                }
            }
            growing.is_over.try_set(true);
        });
    });
    on_cleanup(leave);
    growing
}

/// The last lines in a card, beside the charts.
#[component]
pub(super) fn Tail(run: Signal<RunId>, is_live: Signal<bool>) -> impl IntoView {
    const LINES: usize = 60;
    let growing = follow(run, is_live, || LogStream::Stdout);
    let node = NodeRef::<html::Div>::new();
    let lines = Memo::new(move |_| {
        growing.text.with(|text| {
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(LINES)..].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()
        })
    });
    let scrolled = stay_at_end(node, move || lines.with(|_| ()));
    let nothing = Memo::new(move |_| lines.with(Vec::is_empty));
    // A training that writes nothing has no empty box beside its charts.
    view! {
        <div class="whole-row" class:hidden=move || nothing.get()>
            <Card title="Log" class="h" flush=true extra=ViewFn::from(move || view! {
                <span class="faint caption">{move || if growing.is_over.get() { "" } else { "live" }}</span>
            })>
                <div class="log tail" node_ref=node on:scroll=move |_| scrolled() tabindex="0" role="log" aria-label="Newest lines of the log">
                    {move || {
                        let lines = lines.get();
                        let last = lines.len().saturating_sub(1);
                        lines.into_iter().enumerate().map(|(index, line)| {
                            if index == last { view! { <b>{line}</b> "\n" }.into_any() } else { view! { {line} "\n" }.into_any() }
                        }).collect_view()
                    }}
                </div>
            </Card>
        </div>
    }
}

/// What the address calls the words that are searched.
const WORDS: &str = "words";

/// The streams and what they are called.
const STREAMS: [(&str, &str); 2] = [("stdout", "Output"), ("stderr", "Errors")];

fn stream_of(name: &str) -> LogStream {
    if name == STREAMS[1].0 { LogStream::Stderr } else { LogStream::Stdout }
}

/// Turns from a stream without a line to the other one, if that has some, until a person has chosen: at once, at
/// what the run does, and at its end.
fn turns_to_lines(run: Memo<RunId>, which: RwSignal<String>, is_chosen: RwSignal<bool>, growing: Growing) {
    let client = Client::get();
    let look = move |run: RunId| {
        if is_chosen.get_untracked() || !growing.text.with_untracked(String::is_empty) {
            return;
        }
        let shown = which.get_untracked();
        let other = if shown == STREAMS[0].0 { STREAMS[1].0 } else { STREAMS[0].0 };
        spawn_local(async move {
            let has_lines = async |name: &str| {
                let asked = GetRunLog { run, stream: stream_of(name), after: 0, limit_bytes: Some(1) };
                client.call(asked).await.is_ok_and(|chunk| chunk.total > 0)
            };
            let turns = !has_lines(shown.as_str()).await && has_lines(other).await;
            // Nothing else was chosen or shown meanwhile.
            if turns && is_chosen.try_get_untracked() == Some(false) && which.try_get_untracked() == Some(shown) {
                which.try_set(other.to_owned());
            }
        });
    };
    let is_over = Memo::new(move |_| growing.is_over.get());
    Effect::new(move |_| {
        let _ = is_over.get();
        look(run.get());
    });
    client.on_event(move |event| {
        let run = run.get_untracked();
        if matches!(event, Event::Changed { tag: Tag::Run(changed) } if *changed == run) {
            look(run);
        }
    });
}

#[component]
pub(super) fn LogsTab(
    run: Memo<RunId>,
    is_live: Signal<bool>,
    /// Whether what it prints is kept here: of a program that we started.
    is_kept: bool,
) -> impl IntoView {
    let which = RwSignal::new(STREAMS[0].0.to_owned());
    let is_chosen = RwSignal::new(false);
    let growing = follow(Signal::from(run), is_live, move || which.with(|which| stream_of(which)));
    turns_to_lines(run, which, is_chosen, growing);
    let search = filter_of_address(WORDS);
    let node = NodeRef::<html::Div>::new();
    let follows = RwSignal::new(true);
    let scrolled = stay_at_end(node, move || {
        growing.text.track();
        follows.track();
    });
    let shown = Memo::new(move |_| {
        let wanted = search.get().to_lowercase();
        growing.text.with(|text| {
            if wanted.is_empty() {
                text.clone()
            } else {
                text.lines().filter(|line| line.to_lowercase().contains(&wanted)).collect::<Vec<_>>().join("\n")
            }
        })
    });
    view! {
        <div class="flex log-tools">
            <Segments value=which name="Stream" options=STREAMS.to_vec() on_choose=Callback::new(move |()| is_chosen.set(true)) />
            <TextField value=search name="Search in the log" placeholder="Search" mark=icon::SEARCH is_filter=true class="grow mono" />
            // What is over has no new lines to follow.
            <Show when=move || !growing.is_over.get()>
                <Button
                    label=Signal::derive(move || if follows.get() { "Stay here".to_owned() } else { "Follow the end".to_owned() })
                    kind="quiet"
                    on_press=move || follows.update(|follows| *follows = !*follows)
                />
            </Show>
        </div>
        {move || growing.error.get().map(|error| view! { <Failure error again=move || which.notify() /> })}
        {move || {
            let empty = shown.with(String::is_empty) && growing.error.with(Option::is_none);
            empty.then(|| {
                let text = match (search.with(String::is_empty), growing.is_over.get()) {
                    (false, _) => "No line contains what is searched for.",
                    _ if !is_kept => "Its program was started elsewhere, and what it prints stays there. What it logs as a file is among the artifacts.",
                    (true, true) => "It wrote nothing here.",
                    (true, false) => "It wrote nothing here so far.",
                };
                view! { <Empty mark=icon::SCROLL_TEXT title="No lines" text=text /> }
            })
        }}
        <div
            class="log whole"
            class:hidden=move || shown.with(String::is_empty)
            node_ref=node
            on:scroll=move |_| scrolled()
            tabindex="0"
            role="log"
            data-follow=move || follows.get().to_string()
        >
            {move || shown.get()}
        </div>
    }
}
