//! What a run wrote, live: searchable, kept at its end while new lines come.

use api::{
    ApiError,
    event::{Event, Tag},
    id::RunId,
    run::{GetRunLog, LogChunk, LogStream, RunState},
};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_router::hooks::use_location;

use crate::{
    client::{Client, events},
    frame::address::{asking, filter_of_address},
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

/// How many lines stand beside the charts.
const LINES: usize = 60;

/// The last lines of a text. Of a bar that is drawn over itself only what was drawn last.
fn last_lines(text: &str) -> Vec<String> {
    let shown = |line: &str| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = text.lines().rev().take(LINES).map(shown).collect();
    lines.reverse();
    lines
}

/// The stream that says most: why a run broke off stands among its errors.
fn telling(state: RunState) -> &'static str {
    let (output, errors) = (STREAMS[0].0, STREAMS[1].0);
    if matches!(state, RunState::Failed | RunState::Killed) { errors } else { output }
}

/// Where a run's whole log stands, at a stream of it.
fn whole_log(stream: &'static str) -> Signal<String> {
    asking(vec![("tab", "logs".to_owned()), (STREAM, stream.to_owned())])
}

/// The same of a run that ended so.
pub(super) fn whole_log_of(state: RunState) -> Signal<String> {
    whole_log(telling(state))
}

/// The last lines in a card, beside the charts.
#[component]
pub(super) fn Tail(run: Memo<RunId>, state: Memo<RunState>) -> impl IntoView {
    let which = RwSignal::new(telling(state.get_untracked()).to_owned());
    let is_live = Signal::derive(move || !state.get().is_over());
    let growing = follow(run.into(), is_live, move || which.with(|which| stream_of(which)));
    // It broke off while it was looked at, or goes on.
    Effect::new(move |before: Option<&'static str>| {
        let now = telling(state.get());
        if before.is_some_and(|before| before != now) {
            which.set(now.to_owned());
        }
        now
    });
    // Nobody chooses here: where that stream has no line, the other one's are shown.
    turns_to_lines(run, which, RwSignal::new(false), growing);
    let links = STREAMS.map(|(stream, _)| whole_log(stream));
    let whole = move || links[usize::from(which.with(|which| which == STREAMS[1].0))].get();
    let node = NodeRef::<html::Div>::new();
    let lines = Memo::new(move |_| growing.text.with(|text| last_lines(text)));
    let scrolled = stay_at_end(node, move || lines.with(|_| ()));
    let nothing = Memo::new(move |_| lines.with(Vec::is_empty));
    // A run that writes nothing has no empty box beside its charts.
    view! {
        <div class="whole-row" class:hidden=move || nothing.get()>
            <Card title="Log" class="h" flush=true extra=ViewFn::from(move || view! {
                <span class="faint caption">{move || if growing.is_over.get() { "" } else { "live" }}</span>
                <a class="link small" href=whole>"Whole log"</a>
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
/// And the stream with which the log is opened.
const STREAM: &str = "stream";

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
    // A link here may name a stream; without a line it turns to the other one all the same.
    let asked = use_location().query.with_untracked(|query| query.get(STREAM));
    let known = STREAMS.into_iter().map(|(stream, _)| stream).find(|stream| asked.as_deref() == Some(*stream));
    let which = RwSignal::new(known.unwrap_or(STREAMS[0].0).to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_as_a_terminal_would() {
        assert_eq!(last_lines(""), Vec::<String>::new());
        assert_eq!(last_lines("a\r\n 10 %\r 90 %\r100 %\nb"), ["a", "100 %", "b"]);
        assert_eq!(last_lines(" 10 %\r 20 %\r"), [" 20 %"], "a bar that waits for its next drawing");
        let many: String = (0..100).map(|line| format!("{line}\n")).collect();
        let lines = last_lines(&many);
        assert_eq!((lines.len(), lines[0].as_str(), lines[LINES - 1].as_str()), (LINES, "40", "99"));
    }

    #[test]
    fn the_log_of_what_broke_off_begins_with_its_errors() {
        let streams = [RunState::Running, RunState::Finished, RunState::Stopped, RunState::Failed, RunState::Killed];
        assert_eq!(streams.map(telling), ["stdout", "stdout", "stdout", "stderr", "stderr"]);
        assert_eq!(stream_of(telling(RunState::Failed)), LogStream::Stderr);
    }
}
