//! One writer, many writes: each stands or falls alone.

use api::ApiError;
use store::StoreError;

use crate::open;

#[tokio::test]
async fn a_write_that_fails_rolls_back_alone() {
    let (_folder, store) = open();
    let writes: Vec<_> = (0..100)
        .map(|number| {
            store.write(move |tx| {
                store::setting::put(tx, &format!("n{number}"), &number)?;
                if number % 3 == 0 { Err(ApiError::invalid("no").into()) } else { Ok(number) }
            })
        })
        .collect();
    for (number, result) in futures_join(writes).await.into_iter().enumerate() {
        assert_eq!(result.is_err(), number % 3 == 0);
    }
    for number in 0..100 {
        let found: Option<i32> = store.read(move |c| store::setting::get(c, &format!("n{number}"))).await.unwrap();
        assert_eq!(found.is_none(), number % 3 == 0);
    }
}

#[tokio::test]
async fn a_panic_in_a_write_takes_nobody_elses_write() {
    let (_folder, store) = open();
    let broken = store.write::<()>(|tx| {
        store::setting::put(tx, "broken", &1)?;
        panic!("on purpose")
    });
    assert!(matches!(broken.await, Err(StoreError::Closed)));
    store.write(|tx| store::setting::put(tx, "good", &1)).await.unwrap();
    let (broken, good): (Option<i32>, Option<i32>) =
        store.read(|c| Ok((store::setting::get(c, "broken")?, store::setting::get(c, "good")?))).await.unwrap();
    assert_eq!((broken, good), (None, Some(1)));
}

#[tokio::test]
async fn a_write_alone_that_fails_or_panics_leaves_nothing_and_the_next_is_written() {
    let (_folder, store) = open();
    let put = |tx: &store::Transaction<'_>| store::setting::put(tx, "broken", &1);
    for _ in 0..2 {
        let failed = store.write_briefly::<()>(move |tx| {
            put(tx)?;
            Err(ApiError::invalid("no").into())
        });
        assert!(matches!(failed.await, Err(StoreError::Refused(_))));
        let failed = store.write_durable::<()>(move |tx| {
            put(tx)?;
            Ok(tx.execute_batch("INSERT INTO nowhere VALUES (1)")?)
        });
        assert!(matches!(failed.await, Err(StoreError::Sqlite(_))));
        let broken = store.write_briefly::<()>(move |tx| {
            put(tx)?;
            panic!("on purpose")
        });
        assert!(matches!(broken.await, Err(StoreError::Closed)));
        store.write_briefly(|tx| store::setting::put(tx, "good", &1)).await.unwrap();
    }
    let (broken, good): (Option<i32>, Option<i32>) =
        store.read(|c| Ok((store::setting::get(c, "broken")?, store::setting::get(c, "good")?))).await.unwrap();
    assert_eq!((broken, good), (None, Some(1)));
}

#[tokio::test]
async fn a_reader_comes_back_where_its_caller_has_gone_or_it_panicked() {
    let (_folder, store) = open();
    for _ in 0..8 {
        let store = store.clone();
        let broken = tokio::spawn(async move { store.read::<()>(|_| panic!("on purpose")).await });
        assert!(broken.await.unwrap_err().is_panic());
    }
    // As many read as can at once, and the caller of one goes.
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (gates, reads): (Vec<_>, Vec<_>) = (0..4)
        .map(|_| {
            let (gate, opens) = std::sync::mpsc::channel::<()>();
            let (store, begun) = (store.clone(), begun.clone());
            let read = async move {
                store
                    .read(move |_| {
                        let _ = begun.send(());
                        let _ = opens.recv();
                        Ok(())
                    })
                    .await
            };
            (gate, tokio::spawn(read))
        })
        .unzip();
    for _ in 0..4 {
        begins.recv().await.unwrap();
    }
    reads[0].abort();
    let late = tokio::spawn({
        let store = store.clone();
        async move { store.read(|_| Ok(())).await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(gates);
    late.await.unwrap().unwrap();
    for read in reads.into_iter().skip(1) {
        read.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_to_each_caller_and_takes_nothing_acknowledged() {
    let (_folder, store) = open();
    store.write(|tx| store::setting::put(tx, "before", &1)).await.unwrap();
    let limit = |pages: u32| {
        store.write(move |tx| Ok(tx.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?))
    };
    // SQLite takes the present size where the limit is below it: the disk is full from here on.
    limit(1).await.unwrap();
    let long = "x".repeat(20_000);
    let writes: Vec<_> = (0..40)
        .map(|number| {
            let text = long.clone();
            store.write(move |tx| store::setting::put(tx, &format!("n{number}"), &text))
        })
        .collect();
    let results = futures_join(writes).await;
    assert!(results.iter().any(Result::is_err), "800 kB fit into a full disk");
    for result in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(result.is_full(), "a full disk is told as {result:?}");
    }
    limit(100_000).await.unwrap();
    store.write(|tx| store::setting::put(tx, "after", &1)).await.unwrap();
    for (number, result) in results.iter().enumerate() {
        let found: Option<String> = store.read(move |c| store::setting::get(c, &format!("n{number}"))).await.unwrap();
        assert_eq!(found.is_some(), result.is_ok(), "write {number} answered {result:?}");
    }
    let kept: Option<i32> = store.read(|c| store::setting::get(c, "before")).await.unwrap();
    assert_eq!(kept, Some(1));
}

#[tokio::test]
async fn foreign_keys_are_on() {
    let (_folder, store) = open();
    let orphan = crate::run_row(1);
    let refused = store.write(move |tx| store::run::put(tx, &orphan)).await;
    assert!(matches!(refused, Err(StoreError::Sqlite(_))), "{refused:?}");
}

async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    // Polled together, so that they share transactions.
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *result = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    results.into_iter().map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn brief_writes_and_those_that_queue_count_on_each_other() {
    let (folder, store) = open();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for turn in 0..50 {
                    let count = move |tx: &store::Transaction<'_>| {
                        let sum: i64 = store::setting::get(tx, "sum")?.unwrap_or_default();
                        store::setting::put(tx, "sum", &(sum + 1))?;
                        // Enough that the log is folded more than once.
                        store::setting::put(tx, &format!("{task}-{turn}"), &"x".repeat(200_000))?;
                        if turn == 49 { Err(ApiError::invalid("no").into()) } else { Ok(()) }
                    };
                    let done = if turn % 3 == 0 { store.write(count).await } else { store.write_briefly(count).await };
                    assert_eq!(done.is_err(), turn == 49);
                }
                let broken = store.write_briefly::<()>(|_| panic!("on purpose")).await;
                assert!(matches!(broken, Err(StoreError::Closed)));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let sum: Option<i64> = store.read(|c| store::setting::get(c, "sum")).await.unwrap();
    assert_eq!(sum, Some(8 * 49));
    // 78 MB were written.
    let log = std::fs::metadata(folder.path().join("slipway.db-wal")).unwrap().len();
    assert!(log < 60_000_000, "{log} bytes stand in the log");
    store.close().await;
    let closed = store.write_briefly(|tx| store::setting::put(tx, "late", &1)).await;
    assert!(matches!(closed, Err(StoreError::Closed)));
    assert!(!folder.path().join("slipway.db-wal").exists(), "one file is left");
}
