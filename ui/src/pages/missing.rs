//! An address that no page has.

use leptos::prelude::*;

use crate::{
    frame::crumbs::crumbs,
    parts::{icon, states::Empty},
};

#[component]
pub(crate) fn Missing() -> impl IntoView {
    crumbs(|| vec![("Not found".to_owned(), None)]);
    view! {
        <Empty mark=icon::CIRCLE_X title="No page has this address" text="The link may be of another version of Slipway.">
            <a class="btn" href="/">"Go to the start page"</a>
        </Empty>
    }
}
