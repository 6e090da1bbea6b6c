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

/// What there is to see or hear.
#[derive(Clone)]
enum Came {
    /// An address for the browser.
    Address(String),
    Page(String),
}

async fn fetched(
    client: Client,
    from: &str,
    kind: MediumKind,
    held: StoredValue<Option<String>>,
) -> Result<Came, ApiError> {
    match kind {
        MediumKind::Page => client.text(from).await.map(Came::Page),
        MediumKind::Drawing => client.text(from).await.map(|svg| Came::Address(drawing_address(&svg))),
        _ => {
            let address = client.blob(from).await?;
            if held.try_set_value(Some(address.clone())).is_some() {
                // Another was chosen before its bytes came.
                wire::forget_object(&address);
            }
            Ok(Came::Address(address))
        }
    }
}

#[component]
pub(crate) fn Played(
    /// Where its bytes are.
    from: String,
    kind: MediumKind,
    size_bytes: u64,
    name: String,
    /// A person chose this one among others.
    #[prop(optional)]
    is_chosen: bool,
) -> impl IntoView {
    let client = Client::get();
    if size_bytes == 0 {
        return view! { <p class="muted small padded">"The file is empty."</p> }.into_any();
    }
    if matches!(kind, MediumKind::Page | MediumKind::Drawing) && size_bytes > WHOLE_BYTES {
        return view! {
            <p class="muted small padded">"It is larger than 4 MiB, which is not shown here: save its file to open it elsewhere."</p>
        }
        .into_any();
    }
    let found = RwSignal::new(None::<Result<Came, ApiError>>);
    let is_asked = RwSignal::new(size_bytes < asked_from_bytes(kind, is_chosen));
    // What the browser keeps for us until it is given back.
    let held = StoredValue::new(None::<String>);
    let (from, name) = (StoredValue::new(from), StoredValue::new(name));
    let give_back = move || {
        if let Some(address) = held.try_update_value(Option::take).flatten() {
            wire::forget_object(&address);
        }
    };
    let load = move || {
        found.set(None);
        give_back();
        leptos::task::spawn_local(async move {
            let Some(from) = from.try_get_value() else { return };
            let answer = fetched(client, &from, kind, held).await;
            let what = name.try_get_value().unwrap_or_default();
            found.try_set(Some(answer.map_err(|error| lost(error, &what))));
        });
    };
    Effect::new(move |_| {
        if is_asked.get() {
            load();
        }
    });
    on_cleanup(give_back);
    view! {
        {move || match found.get() {
            _ if !is_asked.get() => view! {
                <div class="padded"><Button label=format!("Load it · {}", words::bytes(size_bytes)) mark=icon::DOWNLOAD on_press=move || is_asked.set(true) /></div>
            }
            .into_any(),
            None => view! { <div class="padded"><Skeleton lines=4 /></div> }.into_any(),
            Some(Err(error)) => view! { <Failure error again=load /> }.into_any(),
            Some(Ok(Came::Page(text))) => view! { <Page text name=name.get_value() /> }.into_any(),
            Some(Ok(Came::Address(address))) => view! { <Drawn address kind name=name.get_value() again=Callback::new(move |()| load()) /> }.into_any(),
        }}
    }
    .into_any()
}

/// What is said of bytes that did not come: of what, then why.
fn lost(error: ApiError, name: &str) -> ApiError {
    ApiError { message: format!("{name} could not be loaded. {}", error.message), ..error }
}

/// What the browser makes of an address, or that it can make nothing of it.
#[component]
fn Drawn(
    address: String,
    kind: MediumKind,
    name: String,
    /// Fetches it once more: it may have been written to its end meanwhile.
    again: Callback<()>,
) -> impl IntoView {
    let is_damaged = RwSignal::new(false);
    let large = RwSignal::new(false);
    let (address, name) = (StoredValue::new(address), StoredValue::new(name));
    // It may be said of one that is left already.
    let fails = move || {
        is_damaged.try_set(true);
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
                <audio controls src=address.get_value() aria-label=name.get_value() on:error=move |_| fails()></audio>
            }
            .into_any(),
            (false, MediumKind::Video) => view! {
                <video controls src=address.get_value() aria-label=name.get_value() on:error=move |_| fails()></video>
            }
            .into_any(),
            (false, _) => view! {
                <button
                    type="button"
                    class="enlarges"
                    aria-label=format!("Enlarge {}", name.get_value())
                    on:click=move |_| large.set(true)
                >
                    <img src=address.get_value() alt=name.get_value() on:error=move |_| fails() />
                </button>
            }
            .into_any(),
        }}
        <Dialog open=large title=name.get_value() wide=true>
            <div class="content large-picture"><img src=address.get_value() alt=name.get_value() /></div>
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
