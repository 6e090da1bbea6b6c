//! Pages and drawings that other programs wrote, shown so that nothing in them acts.
//!
//! A page stands in a frame whose sandbox allows nothing: it is of an origin of its own, which has no way to this
//! window's token, storage or channels; no script runs, no form is sent, nothing opens or leaves the frame. Its own
//! policy, before all that it says itself, keeps it from loading anything that is not within it, so that nobody learns
//! that it is read. A drawing is an `<img>`, in which browsers run and load nothing; its address is one of `data:`, since
//! a `blob:` that is opened in a tab would be of our origin.

use leptos::prelude::*;

use crate::client::wire;

/// A page or a drawing is shown whole or not at all.
pub(crate) const WHOLE_BYTES: u64 = 4 << 20;

/// What the page may load: what it holds itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:; \
    form-action 'none'; base-uri 'none'";

/// The page behind the policy: whatever it says of itself comes later, and a policy is never widened by another.
fn guarded(page: &str) -> String {
    format!(
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">{page}"
    )
}

/// A page as it looks without its scripts.
#[component]
pub(crate) fn Page(
    text: String,
    /// What it is called.
    name: String,
) -> impl IntoView {
    let has_scripts = has_scripts(&text);
    view! {
        // The sandbox first: it must stand before there is anything to show.
        <iframe class="foreign-page" sandbox="" referrerpolicy="no-referrer" title=name srcdoc=guarded(&text)></iframe>
        {has_scripts.then(|| view! {
            <p class="muted small padded">"Scripts in it don't run here: what they would draw is missing. Save it to open it in a browser."</p>
        })}
    }
}

fn has_scripts(page: &str) -> bool {
    page.as_bytes().windows(7).any(|part| part.eq_ignore_ascii_case(b"<script"))
}

/// The address of a drawing for an `<img>`.
pub(crate) fn drawing_address(svg: &str) -> String {
    format!("data:image/svg+xml;charset=utf-8,{}", wire::encode(svg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_stands_before_whatever_a_page_says() {
        let hostile =
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src *\"><script>alert(1)</script>";
        let page = guarded(hostile);
        let policy = page.find("default-src 'none'").unwrap();
        assert!(policy < page.find("default-src *").unwrap() && !POLICY.contains('"'));
        assert!(!POLICY.contains("script-src") && !POLICY.contains("http") && !POLICY.contains("'self'"));
        assert!(has_scripts("<p><SCRIPT src=x>") && !has_scripts("<p>script"));
    }
}
