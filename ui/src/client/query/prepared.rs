//! Queries whose answer may have to be computed first, by a job that is followed meanwhile.

use std::rc::Rc;

use api::{
    Request,
    job::{Job, JobState, Prepared},
};
use leptos::prelude::*;

use super::{Query, key_of, query};
use crate::client::job::{Following, failure};

/// The query, and the job that computes its answer now.
pub(crate) struct Preparing<T: Send + Sync + 'static> {
    pub(crate) query: Query<T>,
    pub(crate) job: RwSignal<Option<Job>>,
}

impl<T: Send + Sync + 'static> Clone for Preparing<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Preparing<T> {}

/// As [`query`]; a job that failed or was cancelled is the query's error, and asking again starts another.
pub(crate) fn prepared<R, T>(request: impl Fn() -> Option<R> + 'static) -> Preparing<T>
where
    R: Request<Response = Prepared<T>> + Clone,
    T: Clone + Send + Sync + 'static,
{
    let request = Rc::new(request);
    let asked = {
        let request = request.clone();
        query(move || request())
    };
    let value = RwSignal::new(None::<T>);
    let error = RwSignal::new(None);
    let following = Following::new();
    Effect::new(move |_| error.set(asked.error.get()));
    // Of which question the value is: until there is another answer to the same one it stays.
    Effect::new(move |of: Option<Option<String>>| {
        let of = of.flatten();
        let answer = asked.value.get();
        let now = untrack(|| request()).map(|request| key_of(&request));
        if of != now || answer.is_none() {
            value.set(None);
        }
        match answer {
            Some(Prepared::Ready(answer)) => {
                following.forget();
                value.set(Some(answer));
            }
            Some(Prepared::UnderWay(job)) => {
                error.set(None);
                following.begin_by(job);
            }
            None => following.forget(),
        }
        now
    });
    Effect::new(move |_| {
        let Some(job) = following.job.get().filter(|job| job.state.is_over()) else { return };
        if job.state == JobState::Done {
            asked.refresh();
        } else {
            error.set(failure(&job));
        }
    });
    Preparing { query: Query { value, error, again: asked.again, held: asked.held }, job: following.job }
}
