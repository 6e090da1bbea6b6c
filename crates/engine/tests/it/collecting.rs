//! What nothing uses is collected while others go on: nothing of theirs goes with it.

use std::sync::atomic::{AtomicBool, Ordering};

use api::{host::CollectGarbage, tracking::CreateExperiment};
use engine::tracking::{
    artifacts,
    client::{self, Begin},
    logged::{self, New},
};

use crate::{artifact_places::keep, stage::Stage};

/// Beside so many collections runs are begun without a pause.
const ROUNDS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_begun_beside_a_collection_keeps_its_folder() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let number = sweep.number.to_string();
    client::begin(&stage.engine, &number, Begin::default()).await.unwrap();
    let is_over = AtomicBool::new(false);
    let collect = async {
        for _ in 0..ROUNDS {
            // One to be let go of: so a write lies between the reading of the records and what is deleted, in which
            // runs begin.
            let new = New { name: Some("past".to_owned()), ..New::default() };
            let model = logged::create(&stage.engine, &sweep, new).await.unwrap().0.id;
            let long_ago = move |tx: &store::Transaction<'_>| store::logged_model::set_deleted(tx, &model, Some(1));
            stage.engine.store().write(long_ago).await.unwrap();
            stage.call(CollectGarbage { dry_run: false }).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let begin = async {
        let mut kept = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let row = client::begin(&stage.engine, &number, Begin::default()).await.unwrap().row;
            let place = artifacts::of_run(&stage.engine, &row, &["x.txt".to_owned()]);
            keep(&place, b"kept").await;
            kept.push(place.shown());
        }
        kept
    };
    let ((), kept) = tokio::join!(collect, begin);
    let lost = kept.iter().filter(|path| !path.exists()).count();
    assert_eq!(lost, 0, "of {} runs", kept.len());
}
