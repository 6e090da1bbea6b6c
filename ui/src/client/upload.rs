//! Dropped and chosen files: in our window their paths, in a browser an upload to the host's
//! staging folder. Either way the page gets paths that the host can read.

use std::cell::RefCell;

use api::{ApiError, ErrorCode, host::Uploaded};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

use super::{Client, wire};

/// Files with their paths relative to what was dropped.
pub(crate) type Dropped = Vec<(String, File)>;

/// How far an upload is.
#[derive(Clone, PartialEq)]
pub(crate) struct Progress {
    pub(crate) name: String,
    pub(crate) done: usize,
    pub(crate) files: usize,
}

/// The files of a chooser, with their paths inside of a chosen folder.
pub(crate) fn of_list(list: &FileList) -> Dropped {
    let mut files = Vec::new();
    for index in 0..list.length() {
        if let Some(file) = list.item(index) {
            let inside = js_sys::Reflect::get(&file, &JsValue::from_str("webkitRelativePath")).ok();
            let inside = inside.and_then(|path| path.as_string()).filter(|path| !path.is_empty());
            files.push((inside.unwrap_or_else(|| file.name()), file));
        }
    }
    files
}

/// The files of a drop, folders walked through. The entries are taken before the first await: the
/// browser empties the transfer when the event is over.
pub(crate) fn of_drop(transfer: &DataTransfer) -> impl Future<Output = Dropped> + 'static {
    let items = transfer.items();
    let mut entries = Vec::new();
    for index in 0..items.length() {
        if let Some(entry) = items.get(index).and_then(|item| item.webkit_get_as_entry().ok().flatten()) {
            entries.push(entry);
        }
    }
    let plain = transfer.files();
    async move {
        if entries.is_empty() {
            return plain.as_ref().map(of_list).unwrap_or_default();
        }
        let mut files = Vec::new();
        let mut open = entries;
        while let Some(entry) = open.pop() {
            if entry.is_directory() {
                open.extend(children(entry.unchecked_into()).await);
            } else if let Some(file) = file_of(&entry).await {
                files.push((entry.full_path().trim_start_matches('/').to_owned(), file));
            }
        }
        files.sort_by(|left, right| left.0.cmp(&right.0));
        files
    }
}

impl Client {
    /// Sends files one after another; the answer's folder holds them all under their names.
    pub(crate) async fn upload(
        self,
        files: Dropped,
        progress: RwSignal<Option<Progress>>,
    ) -> Result<Uploaded, ApiError> {
        let mut whole: Option<Uploaded> = None;
        let count = files.len();
        for (done, (name, file)) in files.into_iter().enumerate() {
            progress.set(Some(Progress { name: name.clone(), done, files: count }));
            let mut path = format!("/api/upload?path={}", wire::encode(&name));
            if let Some(whole) = &whole {
                path.push_str(&format!("&batch={}", wire::encode(&whole.batch)));
            }
            let sent = wire::send(&self.address().await?, "PUT", &path, wire::Body::File(file.into())).await;
            let sent = match sent {
                Ok(sent) => wire::text(sent).await,
                Err(error) => Err(error),
            };
            let sent: Uploaded = match sent.map(|text| serde_json::from_str(&text)) {
                Ok(Ok(sent)) => sent,
                Ok(Err(error)) => {
                    progress.set(None);
                    return Err(ApiError::new(
                        ErrorCode::WrongProtocol,
                        format!("The host's answer can't be read: {error}."),
                    ));
                }
                Err(error) => {
                    progress.set(None);
                    return Err(error);
                }
            };
            match &mut whole {
                Some(whole) => whole.paths.extend(sent.paths),
                None => whole = Some(sent),
            }
        }
        progress.set(None);
        whole.ok_or_else(|| ApiError::invalid("There is no file in what was dropped."))
    }
}

async fn file_of(entry: &FileSystemEntry) -> Option<File> {
    let entry: &FileSystemFileEntry = entry.unchecked_ref();
    let entry = entry.clone();
    let value = promised(move |resolve, _| entry.file_with_callback(resolve)).await?;
    value.dyn_into().ok()
}

/// A reader gives a folder's entries in portions, until one is empty.
async fn children(folder: FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = folder.create_reader();
    let mut all = Vec::new();
    loop {
        let portion = reader.clone();
        let value = promised(move |resolve, reject| {
            let _ = portion.read_entries_with_callback_and_callback(resolve, reject);
        });
        let Some(portion) = value.await.and_then(|value| value.dyn_into::<js_sys::Array>().ok()) else { break };
        if portion.length() == 0 {
            break;
        }
        all.extend(portion.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
    all
}

async fn promised(start: impl FnOnce(&js_sys::Function, &js_sys::Function) + 'static) -> Option<JsValue> {
    let start = RefCell::new(Some(start));
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if let Some(start) = start.borrow_mut().take() {
            start(&resolve, &reject);
        }
    });
    wasm_bindgen_futures::JsFuture::from(promise).await.ok()
}
