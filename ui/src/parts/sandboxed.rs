//! Pages and drawings that other programs wrote, shown so that nothing in them acts.
//!
//! A page stands in a frame whose sandbox allows nothing: it is of an origin of its own, which has no way to this
//! window's token, storage or channels; no script runs, no form is sent, no other window opens. Its own policy, before
//! all that it says itself, keeps it from loading anything that is not within it, so that nobody learns that it is read.
//!
//! Two things of it hang on the window's own policy (`server::guard`, `tauri.conf.json`), which a `srcdoc` inherits. What
//! is loaded must be allowed by both: fonts and sounds within a page are there because both have `data:`. And a sandbox
//! lets a link lead the frame itself elsewhere: what keeps it from another's address is the window's `frame-src 'self'`,
//! and from one of ours that no answer of the host's may be framed. Either would put a refusal in the page's place, so
//! links lead within the page or nowhere: an address begins at the window's (`#results` would be the window's page), but
//! for one that says `about:srcdoc` itself. A `<base>` would do for some, and both policies forbid one.
//!
//! A drawing is an `<img>`, in which browsers run and load nothing; its address is one of `data:`, since
//! a `blob:` that is opened in a tab would be of our origin.

use std::ops::Range;

use leptos::prelude::*;

use crate::client::wire;

/// A page or a drawing is shown whole or not at all.
pub(crate) const WHOLE_BYTES: u64 = 4 << 20;

/// What the page may load: what it holds itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:; \
    form-action 'none'; base-uri 'none'";

/// The page behind the policy: whatever it says of itself comes later, and a policy is never widened by another. With it
/// whether it has links to elsewhere.
fn guarded(page: &str) -> (String, bool) {
    let mut text = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">"
    );
    let leads_out = write_links_within(page, &mut text);
    (text, leads_out)
}

/// Writes the page with its links to parts of itself spelled against its own address, and those to elsewhere without one:
/// whether there are any. What this misses, the policies refuse.
fn write_links_within(page: &str, out: &mut String) -> bool {
    let mut leads_out = false;
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = 1 + rest[1..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        let is_link = ["a", "area"].iter().any(|link| rest[1..name].eq_ignore_ascii_case(link));
        out.push_str(&rest[..name]);
        rest = &rest[name..];
        while is_link && let Some(attribute) = Attribute::first(rest) {
            out.push_str(&rest[..attribute.name.start]);
            let name = &rest[attribute.name.clone()];
            if ["href", "xlink:href"].iter().any(|href| name.eq_ignore_ascii_case(href)) {
                let value = rest[attribute.value.clone()].trim_ascii_start();
                if value.starts_with('#') {
                    out.push_str(&rest[attribute.name.start..attribute.value.start]);
                    out.push_str("about:srcdoc");
                    out.push_str(value);
                } else {
                    leads_out = true;
                    out.push_str("data-");
                    out.push_str(&rest[attribute.name.start..attribute.value.end]);
                }
            } else {
                out.push_str(&rest[attribute.name.start..attribute.value.end]);
            }
            rest = &rest[attribute.value.end..];
        }
    }
    out.push_str(rest);
    leads_out
}

/// Where in the rest of a tag its next attribute stands; without a value, that is empty.
struct Attribute {
    name: Range<usize>,
    value: Range<usize>,
}

impl Attribute {
    /// By the states of HTML's tokenizer; `None` at the end of the tag.
    fn first(tag: &str) -> Option<Self> {
        let bytes = tag.as_bytes();
        // After a value its closing quote may stand.
        let start = past(bytes, 0, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\''));
        if matches!(bytes.get(start), None | Some(b'>')) {
            return None;
        }
        // An equals sign at the begin of a name belongs to it.
        let end = past(bytes, start + 1, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
        let name = start..end;
        let equals = past(bytes, end, |byte| byte.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            return Some(Self { name, value: end..end });
        }
        let from = past(bytes, equals + 1, |byte| byte.is_ascii_whitespace());
        let value = match bytes.get(from) {
            Some(b'"') => from + 1..past(bytes, from + 1, |byte| byte != b'"'),
            Some(b'\'') => from + 1..past(bytes, from + 1, |byte| byte != b'\''),
            _ => from..past(bytes, from, |byte| !byte.is_ascii_whitespace() && byte != b'>'),
        };
        Some(Self { name, value })
    }
}

/// The first place from `from` on where a byte is none of these; the end where all are.
fn past(bytes: &[u8], from: usize, is_one: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !is_one(*byte)).map_or(bytes.len(), |count| from + count)
}

/// A page as it looks without its scripts.
#[component]
pub(crate) fn Page(
    text: String,
    /// What it is called.
    name: String,
) -> impl IntoView {
    let has_scripts = has_scripts(&text);
    let (page, leads_out) = guarded(&text);
    view! {
        // The sandbox first: it must stand before there is anything to show.
        <iframe class="foreign-page" sandbox="" referrerpolicy="no-referrer" title=name srcdoc=page></iframe>
        {has_scripts.then(|| view! {
            <p class="muted small padded">"Scripts in it don't run here: what they would draw is missing. Save it to open it in a browser."</p>
        })}
        {leads_out.then(|| view! {
            <p class="muted small padded">"Its links to other pages lead nowhere here. Save it to follow them in a browser."</p>
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
        let (page, _) = guarded(hostile);
        let policy = page.find("default-src 'none'").unwrap();
        assert!(policy < page.find("default-src *").unwrap() && !POLICY.contains('"'));
        assert!(!POLICY.contains("script-src") && !POLICY.contains("http") && !POLICY.contains("'self'"));
        assert!(has_scripts("<p><SCRIPT src=x>") && !has_scripts("<p>script"));
    }

    fn linked(page: &str) -> (String, bool) {
        let mut text = String::new();
        let leads_out = write_links_within(page, &mut text);
        (text, leads_out)
    }

    #[test]
    fn links_lead_within_the_page_or_nowhere() {
        let within = |page: &str, wanted: &str| assert_eq!(linked(page), (wanted.to_owned(), false), "{page}");
        within("<a href=\"#end\">x</a>", "<a href=\"about:srcdoc#end\">x</a>");
        within("<A class=x HREF = ' #é'>", "<A class=x HREF = 'about:srcdoc#é'>");
        within("<a href=#end>1 < 2", "<a href=about:srcdoc#end>1 < 2");
        within(
            "<svg><use href=\"#mark\"/><a xlink:href='#b'/></svg>",
            "<svg><use href=\"#mark\"/><a xlink:href='about:srcdoc#b'/></svg>",
        );
        // What is no link stays as it is, half a tag too.
        for page in ["<abbr href='x'>", "&lt;a href='x'>", "<a id=href>href=x</a>", "<a", "<a title='>", ""] {
            within(page, page);
        }
        let without = |page: &str, wanted: &str| assert_eq!(linked(page), (wanted.to_owned(), true), "{page}");
        without("<a href=\"https://a.b/#c\" id='d'>", "<a data-href=\"https://a.b/#c\" id='d'>");
        without("<area\n title='<a>' href=../x.html>", "<area\n title='<a>' data-href=../x.html>");
        without("<a href=''>", "<a data-href=''>");
        without("<a href>", "<a data-href>");
    }

    /// What a page in the frame may hold is for the window's policy to allow as well, and where the frame may be led to.
    #[test]
    fn the_desktops_policy_has_what_a_page_relies_on() {
        let settings: serde_json::Value =
            serde_json::from_str(include_str!("../../../src-tauri/tauri.conf.json")).unwrap();
        let policy = settings["app"]["security"]["csp"].as_str().unwrap();
        let directive = |name: &str| policy.split(';').map(str::trim).find(|directive| directive.starts_with(name));
        assert_eq!(directive("frame-src"), Some("frame-src 'self'"));
        assert_eq!(directive("font-src"), Some("font-src 'self' data:"));
        assert_eq!(directive("media-src"), Some("media-src 'self' blob: data:"));
        assert!(
            directive("img-src").unwrap().contains(" data:")
                && directive("style-src").unwrap().contains("'unsafe-inline'")
        );
    }
}
