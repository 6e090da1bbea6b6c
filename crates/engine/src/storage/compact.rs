//! Gives back to the disk what deleted records left in the database.

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    event::Tag,
    figure::bytes,
    host::CompactDatabase,
    job::{Job, JobKind, Subject},
};
use store::database::compact::{Compacted, Room, room};

use super::has_room;
use crate::{
    Engine,
    jobs::{JobContext, NewJob, retry_with},
};

/// Enters the job; what can be refused is refused at once.
pub async fn start(engine: &Engine, request: CompactDatabase) -> anyhow::Result<Job> {
    check(engine).await?;
    let new = NewJob {
        kind: JobKind::Compact,
        title: "Compact the database".to_owned(),
        project: None,
        subject: Subject::None,
        memory_bytes: 0,
        request: retry_with(&request),
    };
    engine.jobs().start(engine, new, in_job).await
}

/// The database is written beside itself: what it uses must fit on the disk once more.
async fn check(engine: &Engine) -> anyhow::Result<()> {
    let Room { used_bytes, unused_bytes } = engine.store().read(room).await?;
    if unused_bytes == 0 {
        bail!(ApiError::new(ErrorCode::Conflict, "The database has no room to give back: all of it is used."));
    }
    let folder = engine.workspace().folder();
    if !has_room(folder, used_bytes).context("ask how much of the disk is free")? {
        let message = format!(
            "The disk has no room for it: the database is written anew, {} beside what it takes now.",
            bytes(used_bytes)
        );
        bail!(
            ApiError::new(ErrorCode::NoSpace, message)
                .with_hint("Free some space first: `slipway storage show` says what takes it.")
        );
    }
    Ok(())
}

async fn in_job(context: JobContext) -> anyhow::Result<String> {
    let engine = context.engine().clone();
    check(&engine).await?;
    context.progress(None, "Writes the database anew; what is logged meanwhile may wait");
    let Compacted { before, after } = engine.store().compact().await?;
    engine.changed(Tag::Storage);
    Ok(format!("{} given back to the disk; the database takes {}", bytes(before.saturating_sub(after)), bytes(after)))
}
