//! Where a table's rows come from: a list that is here, or one that is asked page by page.

use std::{ops::Range, sync::Arc};

use leptos::prelude::*;

use crate::client::paged::Paged;

/// Rows by index.
pub(crate) struct Rows<T: Send + Sync + 'static> {
    pub(crate) total: Signal<u64>,
    get: Arc<dyn Fn(u64) -> Option<T> + Send + Sync>,
    need: Arc<dyn Fn(Range<u64>) + Send + Sync>,
}

impl<T: Send + Sync + 'static> Clone for Rows<T> {
    fn clone(&self) -> Self {
        Self { total: self.total, get: self.get.clone(), need: self.need.clone() }
    }
}

impl<T: Clone + Send + Sync + 'static> Rows<T> {
    pub(crate) fn get(&self, index: u64) -> Option<T> {
        (self.get)(index)
    }

    pub(crate) fn need(&self, range: Range<u64>) {
        (self.need)(range);
    }
}

impl<T: Clone + Send + Sync + 'static> From<Signal<Vec<T>>> for Rows<T> {
    fn from(list: Signal<Vec<T>>) -> Self {
        Self {
            total: Signal::derive(move || list.with(|list| list.len() as u64)),
            get: Arc::new(move |index| list.with(|list| list.get(index as usize).cloned())),
            need: Arc::new(|_| {}),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> From<Memo<Vec<T>>> for Rows<T> {
    fn from(list: Memo<Vec<T>>) -> Self {
        Signal::from(list).into()
    }
}

impl<T: Clone + Send + Sync + 'static> From<Paged<T>> for Rows<T> {
    fn from(list: Paged<T>) -> Self {
        Self {
            total: Signal::derive(move || list.total.get().unwrap_or(0)),
            get: Arc::new(move |index| list.get(index)),
            need: Arc::new(move |range| list.need(range)),
        }
    }
}
