//! One thread owns the model; requests meet there and are computed together.
//!
//! A batch takes what is queued (and, with `--batch-wait-us`, what comes in that time) until it has
//! `--batch-max` rows; a request is never divided. If a batch fails, each request is computed alone, so that one can't fail
//! another. A panic of the model fails its request and nothing else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use infer::model::Model;
use tokio::sync::{mpsc, oneshot};

use crate::{answer::Failure, config::Config};

/// Between two looks at the queue while a batch waits for more.
const NAP: Duration = Duration::from_micros(50);

#[derive(Debug, Clone)]
pub(crate) struct Predictor {
    queue: mpsc::Sender<Question>,
}

#[derive(Debug)]
struct Question {
    rows: RecordBatch,
    reply: oneshot::Sender<Result<RecordBatch, Failure>>,
}

impl Predictor {
    /// Starts the thread; it ends when the last clone is gone.
    pub(crate) fn start(model: Arc<Model>, config: &Config) -> std::io::Result<Self> {
        let (queue, questions) = mpsc::channel(config.concurrency);
        let (most_rows, wait) = (config.batch_max, Duration::from_micros(config.batch_wait_us));
        let predict = move |rows: &RecordBatch| model.predict(rows).map_err(|error| error.to_string());
        thread::Builder::new().name("model".into()).spawn(move || answer_all(&predict, questions, most_rows, wait))?;
        Ok(Self { queue })
    }

    /// Whether the thread that answers is there.
    pub(crate) fn lives(&self) -> bool {
        !self.queue.is_closed()
    }

    pub(crate) async fn predict(&self, rows: RecordBatch) -> Result<RecordBatch, Failure> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Question { rows, reply }).await.map_err(|_| Failure::Ending)?;
        answer.await.map_err(|_| Failure::Ending)?
    }
}

/// The model, as the thread asks it.
type Predict<'a> = &'a dyn Fn(&RecordBatch) -> Result<RecordBatch, String>;

fn answer_all(predict: Predict<'_>, mut questions: mpsc::Receiver<Question>, most_rows: usize, wait: Duration) {
    while let Some(first) = questions.blocking_recv() {
        let mut rows = first.rows.num_rows();
        let mut batch = vec![first];
        let until = Instant::now() + wait;
        while rows < most_rows {
            match questions.try_recv() {
                Ok(question) => {
                    rows += question.rows.num_rows();
                    batch.push(question);
                }
                Err(_) if Instant::now() < until => thread::sleep(NAP),
                Err(_) => break,
            }
        }
        // Whoever gave up waiting is not computed for.
        batch.retain(|question| !question.reply.is_closed());
        answer(predict, batch);
    }
}

fn answer(predict: Predict<'_>, batch: Vec<Question>) {
    if batch.len() > 1
        && let Some(answers) = together(predict, &batch)
    {
        let mut from = 0;
        for question in batch {
            let rows = question.rows.num_rows();
            let _ = question.reply.send(Ok(answers.slice(from, rows)));
            from += rows;
        }
        return;
    }
    for question in batch {
        let _ = question.reply.send(guarded(predict, &question.rows).map_err(Failure::Model));
    }
}

fn together(predict: Predict<'_>, batch: &[Question]) -> Option<RecordBatch> {
    let rows = concat_batches(&batch[0].rows.schema(), batch.iter().map(|question| &question.rows)).ok()?;
    guarded(predict, &rows).ok()
}

/// A panic unwinds to here: the thread that owns the model must outlive it.
fn guarded(predict: Predict<'_>, rows: &RecordBatch) -> Result<RecordBatch, String> {
    catch_unwind(AssertUnwindSafe(|| predict(rows)))
        .unwrap_or_else(|_| Err("it panicked; the server's log has the place".to_owned()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, cast::AsArray as _, types::Float64Type};

    use super::*;

    fn rows(value: f64) -> RecordBatch {
        let column: arrow_array::ArrayRef = Arc::new(Float64Array::from(vec![value]));
        RecordBatch::try_from_iter([("x", column)]).unwrap()
    }

    /// Panics where a value is below zero, else gives the rows back.
    fn predict(rows: &RecordBatch) -> Result<RecordBatch, String> {
        let values = rows.column(0).as_primitive::<Float64Type>();
        assert!(values.values().iter().all(|value| *value >= 0.0), "on purpose");
        Ok(rows.clone())
    }

    #[test]
    fn a_panic_fails_its_own_request_only_and_the_thread_goes_on() {
        let (queue, questions) = mpsc::channel(8);
        let mut replies = Vec::new();
        for value in [1.0, -1.0, 2.0] {
            let (reply, answer) = oneshot::channel();
            queue.try_send(Question { rows: rows(value), reply }).unwrap();
            replies.push(answer);
        }
        let predictor = Predictor { queue };
        let thread = thread::spawn(move || answer_all(&predict, questions, 16, Duration::ZERO));
        let answers: Vec<_> = replies.into_iter().map(|reply| reply.blocking_recv().unwrap()).collect();
        assert_eq!(answers[0].as_ref().unwrap(), &rows(1.0));
        assert!(matches!(&answers[1], Err(Failure::Model(said)) if said.contains("panicked")), "{:?}", answers[1]);
        assert_eq!(answers[2].as_ref().unwrap(), &rows(2.0));
        assert!(predictor.lives());
        drop(predictor);
        thread.join().unwrap();
    }
}
