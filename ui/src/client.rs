//! The only place that knows `fetch` or Tauri: calls, live queries, announcements, native dialogs.
//!
//! Pages ask with [`Client::call`] and [`query::query`], and never see an address or a token.

pub(crate) mod connect;
pub(crate) mod events;
pub(crate) mod job;
pub(crate) mod pace;
pub(crate) mod paged;
pub(crate) mod query;
pub(crate) mod saving;
pub(crate) mod shell;
pub(crate) mod upload;
pub(crate) mod wire;

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use api::{
    ApiError, ErrorCode, Request,
    call::Call,
    event::{Event, Tag},
    id::RunId,
    run::LogStream,
    series::{self, Series, Viewports},
};
use leptos::prelude::*;

use connect::Address;

/// Whether the host can be talked to now.
#[derive(Clone, PartialEq)]
pub(crate) enum Link {
    /// Not known yet: the page has just been opened.
    Connecting,
    Up,
    /// The stream of announcements broke off; it is tried again by itself.
    Lost {
        why: String,
        tries: u32,
    },
    /// A person has to do something: the key was used, or the host has another version.
    Refused(ApiError),
}

type Asked = Rc<dyn Fn(Option<&Tag>)>;
type Heard = Rc<dyn Fn(&Event)>;

/// What stands behind a [`Client`].
struct Inner {
    address: RefCell<Option<Address>>,
    next: Cell<u64>,
    /// Live queries: each is told of a changed tag, or (`None`) to ask again whatever it is.
    queries: RefCell<HashMap<u64, Asked>>,
    listeners: RefCell<HashMap<u64, Heard>>,
    /// The last answer of each query, so that a page seen before is there at once.
    kept: RefCell<HashMap<String, Rc<dyn Any>>>,
}

/// The connection to the host; a copy is as good as the original.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    inner: StoredValue<Rc<Inner>, LocalStorage>,
    pub(crate) link: RwSignal<Link>,
}

/// Answers that are kept for showing a page at once; the oldest don't matter, so all go at once.
const KEPT: usize = 400;

/// How long a read that was lost waits before each new try; then the next announcement asks.
const READ_AGAIN_MS: [i32; 4] = [100, 400, 1_600, 5_000];

impl Client {
    /// Makes the client, puts it into the context, and starts listening to the host.
    pub(crate) fn provide() -> Self {
        let inner = Inner {
            address: RefCell::default(),
            next: Cell::new(0),
            queries: RefCell::default(),
            listeners: RefCell::default(),
            kept: RefCell::default(),
        };
        let client = Self { inner: StoredValue::new_local(Rc::new(inner)), link: RwSignal::new(Link::Connecting) };
        provide_context(client);
        connect::listen();
        leptos::task::spawn_local(events::listen(client));
        client
    }

    /// The page's client.
    pub(crate) fn get() -> Self {
        expect_context()
    }

    /// Asks the host. A read that hangs on tags is sent again where the connection loses it; a write may have been
    /// heard.
    pub(crate) async fn call<R: Request>(self, request: R) -> Result<R::Response, ApiError> {
        let is_read = !request.tags().is_empty();
        let body = serde_json::to_string(&Call { method: R::METHOD.to_owned(), params: request })
            .map_err(|error| unreadable(R::METHOD, &error))?;
        let send = async || {
            let body = wire::Body::Json(body.clone());
            wire::text(wire::send(&self.address().await?, "POST", "/api/call", body).await?).await
        };
        let text = if is_read { self.unless_lost(send).await } else { send().await }?;
        serde_json::from_str(&text).map_err(|error| unreadable(R::METHOD, &error))
    }

    /// Repeats a read that the connection lost, while the host is there. A change of network cuts requests off and may
    /// leave the stream of announcements: nothing else would ask again.
    async fn unless_lost<T>(self, read: impl AsyncFn() -> Result<T, ApiError>) -> Result<T, ApiError> {
        for wait in READ_AGAIN_MS {
            match read().await {
                Err(error) if error == wire::gone() && self.link.get_untracked() == Link::Up => {
                    events::sleep(wait).await
                }
                answer => return answer,
            }
        }
        read().await
    }

    /// Viewports of series, in their order; `None` where a run has no such series.
    pub(crate) async fn series(self, viewports: &Viewports) -> Result<Vec<Option<Series>>, ApiError> {
        let body = serde_json::to_string(viewports).map_err(|error| unreadable("series", &error))?;
        let read = async || {
            let body = wire::Body::Json(body.clone());
            wire::bytes(wire::send(&self.address().await?, "POST", "/api/series", body).await?).await
        };
        series::many_from_bytes(&self.unless_lost(read).await?)
            .map_err(|error| ApiError::new(ErrorCode::WrongProtocol, format!("The host's answer is {error}.")))
    }

    /// A run's output from a byte on as it is written, until the run is over or the page is hidden.
    pub(crate) async fn follow_log(self, run: RunId, stream: LogStream, after: u64) -> Result<events::Lines, ApiError> {
        let name = match stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        };
        let path = format!("/api/runs/{run}/log?stream={name}&after={after}");
        events::Lines::of(&wire::send(&self.address().await?, "GET", &path, wire::Body::None).await?)
    }

    /// A file of the host's as text.
    pub(crate) async fn text(self, path: &str) -> Result<String, ApiError> {
        let read = async || wire::text(wire::send(&self.address().await?, "GET", path, wire::Body::None).await?).await;
        self.unless_lost(read).await
    }

    /// The first bytes of a file of the host's that is not empty.
    pub(crate) async fn start_of(self, path: &str, bytes: u64) -> Result<Vec<u8>, ApiError> {
        let read = async || {
            wire::bytes(wire::send(&self.address().await?, "GET", path, wire::Body::Start(bytes)).await?).await
        };
        let mut start = self.unless_lost(read).await?;
        start.truncate(bytes as usize);
        Ok(start)
    }

    /// A file of the host's, as an address that an `<img>` or a download link can take. The caller
    /// gives it back with [`wire::forget_object`]; to save a file is [`saving::of_host`]'s.
    pub(crate) async fn blob(self, path: &str) -> Result<String, ApiError> {
        let read = async || {
            wire::object_address(wire::send(&self.address().await?, "GET", path, wire::Body::None).await?).await
        };
        self.unless_lost(read).await
    }

    /// Calls `heard` for every announcement, for as long as the caller's owner lives.
    pub(crate) fn on_event(self, heard: impl Fn(&Event) + 'static) {
        let inner = self.inner.get_value();
        let id = inner.number();
        inner.listeners.borrow_mut().insert(id, Rc::new(heard));
        let inner = StoredValue::new_local(inner);
        on_cleanup(move || {
            inner.with_value(|inner| inner.listeners.borrow_mut().remove(&id));
        });
    }

    async fn address(self) -> Result<Address, ApiError> {
        let known = self.inner.with_value(|inner| inner.address.borrow().clone());
        if let Some(address) = known {
            return Ok(address);
        }
        let address = connect::find().await?;
        self.inner.with_value(|inner| *inner.address.borrow_mut() = Some(address.clone()));
        Ok(address)
    }

    /// The next call looks for the host anew: it may have another address by now.
    fn forget_address(self) {
        self.inner.with_value(|inner| *inner.address.borrow_mut() = None);
    }

    /// Tells every live query, or those of one tag, to ask again.
    fn ask_again(self, tag: Option<&Tag>) {
        let queries: Vec<Asked> = self.inner.with_value(|inner| inner.queries.borrow().values().cloned().collect());
        for query in queries {
            query(tag);
        }
    }

    fn announce(self, event: &Event) {
        let listeners: Vec<Heard> = self.inner.with_value(|inner| inner.listeners.borrow().values().cloned().collect());
        for heard in listeners {
            heard(event);
        }
    }
}

impl Inner {
    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    fn keep(&self, key: String, value: Rc<dyn Any>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, value);
    }
}

fn unreadable(method: &str, error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::WrongProtocol, format!("The host's answer to {method} can't be read: {error}."))
        .with_hint("Page and host are of different versions: reload the page.")
}
