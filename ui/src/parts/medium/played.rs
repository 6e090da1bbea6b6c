//! What a browser draws or plays: a picture, a drawing, a page, a sound, a video. Its bytes come by the way that keeps the
//! token, large ones when a person says so.

use api::{ApiError, media::MediumKind};
use leptos::prelude::*;

use crate::{
    client::{Client, wire},
    parts::{
        button::Button,
        dialog::Dialog,
        icon,
        sandboxed::{Page, WHOLE_BYTES, drawing_address},
        states::{Failure, Skeleton},
        words,
    },
};

/// From how many bytes on it is fetched only when a person says so. Of what stands in a card there are many, and another
/// at each step: a sound or a video among them is heard and seen when it is pressed.
const fn asked_from_bytes(kind: MediumKind, is_chosen: bool) -> u64 {
    match kind {
        MediumKind::Video if !is_chosen => 1 << 20,
        MediumKind::Audio if !is_chosen => 4 << 20,
        _ => 32 << 20,
    }
}

const TOO_LARGE: &str = "It is larger than 4 MiB, which is not shown here: save its file to open it elsewhere.";

const fn is_too_large(kind: MediumKind, size_bytes: u64) -> bool {
    matches!(kind, MediumKind::Page | MediumKind::Drawing) && size_bytes > WHOLE_BYTES
}

/// What there is to see or hear.
#[derive(Clone)]
enum Came {
    /// An address for the browser.
    Address(String),
    Page(String),
}

async fn fetched(client: Client, from: &str, kind: MediumKind) -> Result<Came, ApiError> {
    match kind {
        MediumKind::Page => client.text(from).await.map(Came::Page),
        MediumKind::Drawing => client.text(from).await.map(|svg| Came::Address(drawing_address(&svg))),
        _ => client.blob(from).await.map(Came::Address),
    }
}

/// What is shown; that an address changes is the browser's matter, which keeps the picture until it has the next.
#[derive(Clone, PartialEq)]
enum Is {
    Empty,
    TooLarge,
    Unasked(u64),
    Waits,
    Failed(ApiError),
    Page(String),
    Address,
}

/// Where the bytes change, as from step to step, what is shown stays until the next have come.
#[component]
pub(crate) fn Played(
    /// Where its bytes are.
    #[prop(into)]
    from: Signal<String>,
    kind: MediumKind,
    #[prop(into)] size_bytes: Signal<u64>,
    #[prop(into)] name: Signal<String>,
    /// A person chose this one among others.
    #[prop(optional)]
    is_chosen: bool,
) -> impl IntoView {
    let client = Client::get();
    let wanted = Memo::new(move |_| (from.get(), size_bytes.get(), name.get()));
    let size = Memo::new(move |_| wanted.with(|(_, size, _)| *size));
    // Which of the large ones a person asked for.
    let pressed = RwSignal::new(None::<String>);
    let is_asked = Memo::new(move |_| {
        wanted.with(|(from, size, _)| {
            let is_small = *size < asked_from_bytes(kind, is_chosen);
            let fits = *size > 0 && !is_too_large(kind, *size);
            fits && (is_small || pressed.with(|pressed| pressed.as_ref() == Some(from)))
        })
    });
    let found = RwSignal::new(None::<Result<Came, ApiError>>);
    // What came is called as it was when it was asked for.
    let named = RwSignal::new(String::new());
    // What the browser keeps for us until it is given back.
    let held = StoredValue::new(None::<String>);
    let asked = StoredValue::new(0_u64);
    let give_back = move || {
        if let Some(address) = held.try_update_value(Option::take).flatten() {
            wire::forget_object(&address);
        }
    };
    let load = move || {
        let (from, _, name) = wanted.get_untracked();
        asked.update_value(|asked| *asked += 1);
        let own = asked.get_value();
        if found.with_untracked(|found| matches!(found, Some(Err(_)))) {
            found.set(None);
        }
        leptos::task::spawn_local(async move {
            let answer = fetched(client, &from, kind).await;
            let address = match &answer {
                Ok(Came::Address(address)) => Some(address.clone()),
                _ => None,
            };
            if asked.try_get_value() != Some(own) {
                // Another was chosen before its bytes came.
                if let Some(address) = address {
                    wire::forget_object(&address);
                }
                return;
            }
            let before = held.try_update_value(|held| std::mem::replace(held, address)).flatten();
            let answer = answer.map_err(|error| lost(error, &name));
            named.set(name);
            found.set(Some(answer));
            if let Some(before) = before {
                wire::forget_object(&before);
            }
        });
    };
    Effect::new(move |_| {
        wanted.track();
        if is_asked.get() {
            load();
        } else {
            asked.update_value(|asked| *asked += 1);
            found.set(None);
            give_back();
        }
    });
    on_cleanup(give_back);
    let is = Memo::new(move |_| match size.get() {
        0 => Is::Empty,
        size if is_too_large(kind, size) => Is::TooLarge,
        size if !is_asked.get() => Is::Unasked(size),
        _ => match found.get() {
            None => Is::Waits,
            Some(Err(error)) => Is::Failed(error),
            Some(Ok(Came::Page(text))) => Is::Page(text),
            Some(Ok(Came::Address(_))) => Is::Address,
        },
    });
    let address = Memo::new(move |before: Option<&String>| {
        found.with(|found| match found {
            Some(Ok(Came::Address(address))) => address.clone(),
            _ => before.cloned().unwrap_or_default(),
        })
    });
    let ask = move || pressed.set(Some(wanted.with_untracked(|(from, ..)| from.clone())));
    move || match is.get() {
        Is::Empty => view! { <p class="muted small padded">"The file is empty."</p> }.into_any(),
        Is::TooLarge => view! { <p class="muted small padded">{TOO_LARGE}</p> }.into_any(),
        Is::Unasked(size) => {
            let label = format!("Load it · {}", words::bytes(size));
            view! { <div class="padded"><Button label mark=icon::DOWNLOAD on_press=ask /></div> }.into_any()
        }
        Is::Waits => view! { <div class="padded"><Skeleton lines=4 /></div> }.into_any(),
        Is::Failed(error) => view! { <Failure error again=load /> }.into_any(),
        Is::Page(text) => view! { <Page text name=named.get_untracked() /> }.into_any(),
        Is::Address => view! { <Drawn address kind name=named again=Callback::new(move |()| load()) /> }.into_any(),
    }
}

/// What is said of bytes that did not come: of what, then why.
fn lost(error: ApiError, name: &str) -> ApiError {
    ApiError { message: format!("{name} could not be loaded. {}", error.message), ..error }
}

/// What the browser makes of an address, or that it can make nothing of it.
#[component]
fn Drawn(
    address: Memo<String>,
    kind: MediumKind,
    #[prop(into)] name: Signal<String>,
    /// Fetches it once more: it may have been written to its end meanwhile.
    again: Callback<()>,
) -> impl IntoView {
    let damaged = RwSignal::new(None::<String>);
    let is_damaged = Memo::new(move |_| {
        let address = address.get();
        damaged.with(|damaged| damaged.as_ref() == Some(&address))
    });
    let large = RwSignal::new(false);
    // It may be said of one that is left already.
    let fails = move || {
        if let Some(address) = address.try_get_untracked() {
            damaged.try_set(Some(address));
        }
    };
    view! {
        {move || match (is_damaged.get(), kind) {
            (true, _) => view! {
                <div class="padded stack" role="alert">
                    <p class="bad small">{format!("This {}: its bytes are damaged, or of a kind that isn't known here.", what_fails(kind))}</p>
                    <div><Button label="Try again" mark=icon::ROTATE_CW kind="s" on_press=move || again.run(()) /></div>
                </div>
            }
            .into_any(),
            (false, MediumKind::Audio) => view! {
                <audio controls src=move || address.get() aria-label=move || name.get() on:error=move |_| fails()></audio>
            }
            .into_any(),
            (false, MediumKind::Video) => view! {
                <video controls src=move || address.get() aria-label=move || name.get() on:error=move |_| fails()></video>
            }
            .into_any(),
            (false, _) => view! {
                <button
                    type="button"
                    class="enlarges"
                    aria-label=move || format!("Enlarge {}", name.get())
                    on:click=move |_| large.set(true)
                >
                    <img src=move || address.get() alt=move || name.get() on:error=move |_| fails() />
                </button>
            }
            .into_any(),
        }}
        <Dialog open=large title=name wide=true>
            <div class="content large-picture"><img src=move || address.get() alt=move || name.get() /></div>
        </Dialog>
    }
}

/// What is said of one that can't be shown.
const fn what_fails(kind: MediumKind) -> &'static str {
    match kind {
        MediumKind::Audio => "sound can't be played",
        MediumKind::Video => "video can't be played",
        _ => "picture can't be shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_is_named() {
        let why = ApiError::new(api::ErrorCode::Internal, "The host failed with status 500: out of order");
        let said = lost(why, "sample at step 20").message;
        assert_eq!(said, "sample at step 20 could not be loaded. The host failed with status 500: out of order");
    }

    #[test]
    fn a_video_in_a_card_is_fetched_when_it_is_asked_for() {
        let [video, sound, picture] = [MediumKind::Video, MediumKind::Audio, MediumKind::Image];
        let in_card = [video, sound, picture].map(|kind| asked_from_bytes(kind, false));
        assert!(in_card.is_sorted() && in_card[0] <= 1 << 20, "{in_card:?}");
        assert_eq!(asked_from_bytes(video, true), asked_from_bytes(picture, false));
    }
}
