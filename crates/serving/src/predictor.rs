//! One thread owns the model; requests meet there and are computed together.
//!
//! A batch takes what is queued (and, with `--batch-wait-us`, what comes in that time) up to
//! `--batch-max` rows. If a batch fails, each request is computed alone, so that one can't fail
//! another.

use std::{
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
        thread::Builder::new().name("model".into()).spawn(move || answer_all(&model, questions, most_rows, wait))?;
        Ok(Self { queue })
    }

    pub(crate) async fn predict(&self, rows: RecordBatch) -> Result<RecordBatch, Failure> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Question { rows, reply }).await.map_err(|_| Failure::Ending)?;
        answer.await.map_err(|_| Failure::Ending)?
    }
}

fn answer_all(model: &Model, mut questions: mpsc::Receiver<Question>, most_rows: usize, wait: Duration) {
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
        answer(model, batch);
    }
}

fn answer(model: &Model, batch: Vec<Question>) {
    if batch.len() > 1
        && let Some(answers) = together(model, &batch)
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
        let answer = model.predict(&question.rows).map_err(|error| Failure::Model(error.to_string()));
        let _ = question.reply.send(answer);
    }
}

fn together(model: &Model, batch: &[Question]) -> Option<RecordBatch> {
    let rows = concat_batches(&batch[0].rows.schema(), batch.iter().map(|question| &question.rows)).ok()?;
    model.predict(&rows).ok()
}
