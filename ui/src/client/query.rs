//! Live queries: asked once, shown at once from the last answer, asked again when a tag of theirs
//! changes or the stream had a gap. There is no polling.

pub(crate) mod prepared;

use std::rc::Rc;

use api::{ApiError, Request};
use leptos::{prelude::*, task::spawn_local};

use super::{Client, events::sleep, pace};

/// The newest answer to a request, and why the last try failed.
pub(crate) struct Query<T: Send + Sync + 'static> {
    pub(crate) value: RwSignal<Option<T>>,
    pub(crate) error: RwSignal<Option<ApiError>>,
    again: StoredValue<Rc<dyn Fn()>, LocalStorage>,
    /// What is shown is about to go: changes are not asked for.
    held: StoredValue<bool>,
}

impl<T: Send + Sync + 'static> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Query<T> {}

impl<T: Send + Sync + 'static> Query<T> {
    /// Awaits a call that takes away what is shown: its own announcement must not ask for it again.
    pub(crate) async fn held_while<R>(self, call: impl Future<Output = Result<R, ApiError>>) -> Result<R, ApiError> {
        self.held.try_update_value(|held| *held = true);
        let answer = call.await;
        if answer.is_err() {
            self.held.try_update_value(|held| *held = false);
        }
        answer
    }

    /// Asks again now, also in the pause after an answer.
    pub(crate) fn refresh(self) {
        if let Some(again) = self.again.try_get_value() {
            again();
        }
    }
}

/// What is asked now. A new question starts a new generation: answers to older ones are dropped.
struct Question<R> {
    request: Option<R>,
    key: String,
    generation: u64,
    busy: bool,
    /// Busy with nothing but the pause after an answer.
    pauses: bool,
    stale: bool,
}

impl<R> Question<R> {
    /// Whether it is to be asked. While an answer is on its way one more question is enough, however many changes come in.
    fn asks(&mut self) -> bool {
        self.stale = self.busy;
        !std::mem::replace(&mut self.busy, true)
    }

    /// A person asks, who waits for no pause.
    fn wakes(&mut self) {
        if std::mem::take(&mut self.pauses) {
            self.generation += 1;
            self.busy = false;
        }
    }
}

/// Asks what `request` says, and anew whenever its signals change; `None` asks nothing yet.
pub(crate) fn query<R>(request: impl Fn() -> Option<R> + 'static) -> Query<R::Response>
where
    R: Request + Clone,
    R::Response: Clone,
{
    asked(request, |_| 0)
}

/// The same for what costs the host more than a look into its records, such as a walk through a folder: however often it
/// changes, it is asked again only so many milliseconds after the last answer. The last change is always asked for.
pub(crate) fn paced<R>(request: impl Fn() -> Option<R> + 'static, pause_ms: i32) -> Query<R::Response>
where
    R: Request + Clone,
    R::Response: Clone,
{
    asked(request, move |_| pause_ms)
}

/// The same of what hangs on many runs, as many as `runs` says: what each announces of itself is gathered into one request.
pub(crate) fn gathered<R>(
    request: impl Fn() -> Option<R> + 'static,
    runs: impl Fn(&R) -> usize + Copy + 'static,
) -> Query<R::Response>
where
    R: Request + Clone,
    R::Response: Clone,
{
    asked(request, move |request| pace::of_runs(runs(request)))
}

/// `pause_ms` says how long after an answer to a request it is asked again.
fn asked<R>(
    request: impl Fn() -> Option<R> + 'static,
    pause_ms: impl Fn(&R) -> i32 + Copy + 'static,
) -> Query<R::Response>
where
    R: Request + Clone,
    R::Response: Clone,
{
    let client = Client::get();
    let value = RwSignal::new(None::<R::Response>);
    let error = RwSignal::new(None::<ApiError>);
    let question: StoredValue<Question<R>, LocalStorage> = StoredValue::new_local(Question {
        request: None,
        key: String::new(),
        generation: 0,
        busy: false,
        pauses: false,
        stale: false,
    });

    let ask: Rc<dyn Fn()> = Rc::new(move || {
        if question.try_update_value(Question::asks) == Some(true) {
            spawn_local(answers(client, question, value, error, pause_ms));
        }
    });

    {
        let ask = ask.clone();
        Effect::new(move |before: Option<String>| {
            let next = request();
            let key = next.as_ref().map_or_else(String::new, key_of);
            if before.as_ref() == Some(&key) {
                return key;
            }
            question.update_value(|question| {
                question.request = next;
                question.key.clone_from(&key);
                question.generation += 1;
                question.busy = false;
                question.pauses = false;
            });
            let kept = client.inner.with_value(|inner| inner.kept.borrow().get(&key).cloned());
            value.set(kept.and_then(|kept| kept.downcast_ref::<R::Response>().cloned()));
            error.set(None);
            ask();
            key
        });
    }

    let inner = client.inner.get_value();
    let id = inner.number();
    let again: Rc<dyn Fn()> = {
        let ask = ask.clone();
        Rc::new(move || {
            question.try_update_value(Question::wakes);
            ask();
        })
    };
    let again = StoredValue::new_local(again);
    let held = StoredValue::new(false);
    inner.queries.borrow_mut().insert(
        id,
        Rc::new(move |tag| {
            let ours = question.try_with_value(|question| match (&question.request, tag) {
                (Some(request), Some(tag)) => request.tags().iter().any(|own| own.covers(tag)),
                (request, None) => request.is_some(),
                (None, Some(_)) => false,
            });
            if ours == Some(true) && held.try_get_value() == Some(false) {
                ask();
            }
        }),
    );
    on_cleanup(move || {
        client.inner.with_value(|inner| inner.queries.borrow_mut().remove(&id));
    });
    Query { value, error, again, held }
}

/// Asks until the answer is as new as the last change.
async fn answers<R>(
    client: Client,
    question: StoredValue<Question<R>, LocalStorage>,
    value: RwSignal<Option<R::Response>>,
    error: RwSignal<Option<ApiError>>,
    pause_ms: impl Fn(&R) -> i32,
) where
    R: Request + Clone,
    R::Response: Clone,
{
    let ours = question.try_with_value(|question| question.generation);
    loop {
        let now = question.try_update_value(|question| {
            question.stale = false;
            question.request.clone().map(|request| (request, question.key.clone()))
        });
        let Some(Some((request, key))) = now else { break };
        let pause_ms = pause_ms(&request);
        let answer = client.call(request).await;
        if question.try_with_value(|question| question.generation) != ours {
            return;
        }
        match answer {
            Ok(answer) => {
                client.inner.with_value(|inner| inner.keep(key, Rc::new(answer.clone())));
                value.set(Some(answer));
                error.set(None);
            }
            Err(failed) => error.set(Some(failed)),
        }
        if pause_ms > 0 {
            question.try_update_value(|question| question.pauses = true);
            sleep(pause_ms).await;
            if question.try_with_value(|question| question.generation) != ours {
                return;
            }
            question.try_update_value(|question| question.pauses = false);
        }
        if question.try_with_value(|question| question.stale) != Some(true) {
            break;
        }
    }
    question.try_update_value(|question| question.busy = false);
}

fn key_of<R: Request>(request: &R) -> String {
    format!("{} {}", R::METHOD, serde_json::to_string(request).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_again_waits_for_no_pause() {
        let mut question =
            Question { request: Some(()), key: String::new(), generation: 1, busy: true, pauses: false, stale: false };
        question.wakes();
        assert!(!question.asks() && question.stale, "after the answer that is on its way");
        assert_eq!(question.generation, 1);
        question.pauses = true;
        assert!(!question.asks(), "what changes in the pause is asked for after it");
        question.wakes();
        assert!(question.asks() && !question.pauses);
        assert_eq!(question.generation, 2, "who slept until now has nothing more to do");
    }
}
