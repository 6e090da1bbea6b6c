//! The design system's parts. A part knows tokens and its own behaviour, and nothing of a page.

pub(crate) mod button;
pub(crate) mod card;
pub(crate) mod chart;
pub(crate) mod curve_look;
pub(crate) mod curves;
pub(crate) mod data_cell;
pub(crate) mod dialog;
pub(crate) mod distribution;
pub(crate) mod field;
pub(crate) mod filter_line;
pub(crate) mod icon;
pub(crate) mod menu;
pub(crate) mod new_registry;
pub(crate) mod new_target;
pub(crate) mod pane;
pub(crate) mod picture;
pub(crate) mod report;
pub(crate) mod row_form;
pub(crate) mod rows;
pub(crate) mod stage;
pub(crate) mod states;
pub(crate) mod table;
pub(crate) mod tabs;
pub(crate) mod toast;
pub(crate) mod when;
pub(crate) mod words;
