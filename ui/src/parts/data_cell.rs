//! A cell of a table of data: each type as it is read best.

use api::config::ColumnType;
use leptos::prelude::*;

use super::words;

/// The cell in a class ("faint", "strong", or none).
pub(crate) fn data_cell(kind: ColumnType, text: Option<String>, class: &'static str) -> AnyView {
    let Some(text) = text else { return view! { <span class="miss">"missing"</span> }.into_any() };
    match kind {
        ColumnType::Integer | ColumnType::Decimal => {
            view! { <span class=class>{words::minus(&text)}</span> }.into_any()
        }
        // Times are read from their left: their fractions are of different lengths.
        ColumnType::Datetime => view! { <span class=format!("num {class}")>{text}</span> }.into_any(),
        _ => view! { <span class=class title=text.clone()>{text.clone()}</span> }.into_any(),
    }
}

pub(crate) const fn is_number(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Integer | ColumnType::Decimal)
}

/// Pixels that a column takes at most.
pub(crate) const WIDEST: f64 = 220.0;

/// Pixels that a column takes: its name, and beside it the button of its menu.
pub(crate) fn width(name: &str, kind: ColumnType) -> f64 {
    let least = if kind == ColumnType::Datetime { 196.0 } else { 112.0 };
    (name.chars().count() as f64 * 7.2 + 44.0).clamp(least, WIDEST)
}
