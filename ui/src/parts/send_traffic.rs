//! Rows of a file beside the data, sent as ordinary requests: how a sample shows its second period, and how anybody sees
//! drift before the first caller comes.

use api::{
    deploy::{ProposeTraffic, SendTraffic, TrafficProposal},
    id::{DeploymentId, JobId},
    job::{GetJob, JobState},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    field::{Labelled, Select, TextField},
    icon,
    states::prose,
    toast::Toasts,
    words,
};
use crate::client::{Client, query::query};

/// The form; in a box of its own why there is none, where no file was sent or lies beside the data. Each send goes on where the last one ended.
#[component]
pub(crate) fn Traffic(
    id: DeploymentId,
    /// In a card of its own, rather than under a caption.
    #[prop(optional)]
    boxed: bool,
    /// Called once a send is over.
    #[prop(optional)]
    on_sent: Option<Callback<()>>,
) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let proposal = query(move || Some(ProposeTraffic { deployment: id }));
    let path = RwSignal::new(String::new());
    let [from, rows] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let under_way = RwSignal::new(None::<JobId>);
    told(under_way, on_sent);
    let options = Signal::derive(move || {
        let Some(now) = proposal.value.get() else { return Vec::new() };
        // Where any of several may be meant, a person chooses.
        let none = (now.chosen.is_none() && !now.files.is_empty()).then(|| (String::new(), "Choose…".to_owned()));
        none.into_iter().chain(now.files.into_iter().map(|file| (file.path.clone(), file.path))).collect::<Vec<_>>()
    });
    Effect::new(move |_| {
        let chosen = proposal.value.with(|now| now.as_ref().and_then(|now| now.chosen.clone()));
        if let Some(chosen) = chosen
            && path.with_untracked(String::is_empty)
        {
            path.set(chosen);
        }
    });
    let proposed = Memo::new(move |_| proposal.value.with(|now| now.as_ref().map(|now| now.rows)));
    Effect::new(move |_| {
        if let Some(proposed) = proposed.get() {
            rows.set(words::count(proposed));
        }
    });
    // Rows are counted from 1 where a person reads them.
    let next = Memo::new(move |_| {
        let file = path.get();
        proposal
            .value
            .with(|now| now.as_ref()?.files.iter().find(|found| found.path == file).map(|file| file.next_row + 1))
    });
    Effect::new(move |_| {
        if let Some(next) = next.get() {
            from.set(words::count(next));
        }
    });
    let number = move |text: RwSignal<String>| text.with(|text| whole(text));
    let is_ready = move || !path.with(String::is_empty) && number(from).is_some() && number(rows).is_some();
    let is_busy = Signal::derive(move || pending.busy.get() || under_way.get().is_some());
    let send = move || {
        let (Some(first), Some(rows)) = (untrack(|| number(from)), untrack(|| number(rows))) else { return };
        let offset = (next.get_untracked() != Some(first)).then_some(first - 1);
        let request = SendTraffic { deployment: id, path: path.get_untracked(), rows, offset, batch: None };
        pending.run(async move { client.call(request).await }, move |job| under_way.set(Some(job.id)));
    };
    let form = move || {
        view! {
            <div class="form">
                <Labelled label="File"><Select value=path options name="File" /></Labelled>
                <div class="two-fields">
                    <Labelled label="From row"><TextField value=from class="mono" /></Labelled>
                    <Labelled label="Rows"><TextField value=rows class="mono" /></Labelled>
                </div>
                <p class="small faint">
                    {move || proposal.value.with(|now| now.as_ref().and_then(closes))}
                    "These requests count, unlike a sample call. Rows are sent in an order that is spread over the whole file, each once before any again."
                </p>
                <div class="flex">
                    <Button
                        label=Signal::derive(move || if is_busy.get() { "Sending…".to_owned() } else { "Send".to_owned() })
                        kind="s" mark=icon::SEND
                        disabled=Signal::derive(move || is_busy.get() || !is_ready())
                        on_press=send
                    />
                </div>
            </div>
        }
    };
    let without = Memo::new(move |_| proposal.value.with(|now| now.as_ref().and_then(why_none)));
    view! {
        {move || without.get().filter(|_| boxed).map(|why| view! {
            <section class="card"><header><h2>"Send traffic"</h2></header><div class="body"><p class="small muted">{prose(why)}</p></div></section>
        })}
        <Show when=move || options.with(|options| !options.is_empty())>
            {if boxed {
                view! { <section class="card"><header><h2>"Send traffic"</h2></header><div class="body">{form()}</div></section> }.into_any()
            } else {
                view! { <details class="folded"><summary>"Send traffic"</summary>{form()}</details> }.into_any()
            }}
        </Show>
    }
}

/// Why nothing is offered to be sent.
fn why_none(proposal: &TrafficProposal) -> Option<&'static str> {
    proposal.files.is_empty().then_some(if proposal.data.is_empty() {
        "Rows of a table can be sent from here; for pictures, ask the model from your own program."
    } else {
        "No other table lies beside the data. Put one into the project's folder, or send rows of the data with `slipway deploy traffic NAME PATH`."
    })
}

/// A number from 1 on, with or without marks between its thousands.
fn whole(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().filter(|letter| *letter != ',').collect();
    digits.parse().ok().filter(|number| *number > 0)
}

/// "2,000 rows close 2 windows, as many as an alert takes. "
fn closes(proposal: &TrafficProposal) -> Option<String> {
    (proposal.windows > 0).then(|| {
        format!(
            "{} close {}, as many as an alert takes. ",
            words::counted(proposal.rows, "row", "rows"),
            words::counted(u64::from(proposal.windows), "window", "windows")
        )
    })
}

/// Says how a send ended, while its form is there to hear it.
fn told(under_way: RwSignal<Option<JobId>>, on_sent: Option<Callback<()>>) {
    let toasts = Toasts::get();
    let job = query(move || under_way.get().map(|job| GetJob { job }));
    Effect::new(move |_| {
        let Some(job) = job.value.get().filter(|job| job.state.is_over()) else { return };
        if under_way.get_untracked() != Some(job.id) {
            return;
        }
        under_way.set(None);
        if let Some(on_sent) = on_sent {
            on_sent.run(());
        }
        match (job.state, job.error) {
            (JobState::Done, _) => toasts.note(job.message, None, Some("/jobs".to_owned())),
            (_, Some(error)) => toasts.error(&error),
            (_, None) => toasts.note(job.message, None, Some("/jobs".to_owned())),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_written() {
        assert_eq!(
            [whole("2,000"), whole(" 15 "), whole("0"), whole("-3"), whole("")],
            [Some(2000), Some(15), None, None, None]
        );
    }

    #[test]
    fn the_hint_says_how_many_windows_the_rows_close() {
        let proposal =
            |rows, windows| TrafficProposal { files: Vec::new(), chosen: None, data: Vec::new(), rows, windows };
        assert_eq!(closes(&proposal(2000, 2)).unwrap(), "2,000 rows close 2 windows, as many as an alert takes. ");
        assert_eq!(closes(&proposal(500, 1)).unwrap(), "500 rows close 1 window, as many as an alert takes. ");
        assert_eq!(closes(&proposal(1000, 0)), None);
    }
}
