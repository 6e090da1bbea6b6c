//! What a run's artifacts hold beside numbers, by key and step.

use std::path::Path;

use api::{
    ErrorCode, RunId,
    media::{Among, GetMedium, GetNearestStep, ListMedia, MediumContent, SaveMedium},
    source::{Kind, ListSources, ReadSource},
    tracking::CreateExperiment,
};
use engine::{
    run::media,
    tracking::{
        artifacts,
        client::{self, Begin},
    },
};
use foreign::tensorboard::write::EventFile;

use crate::{artifact_places::keep, sources::add, sources_followed::runs, stage::Stage};

/// The last of a key at a step.
pub(crate) fn medium_at(run: RunId, key: &str, step: Option<i64>) -> GetMedium {
    GetMedium { run, key: key.to_owned(), step, turn: None }
}

/// What saves it.
pub(crate) fn saved_to(medium: GetMedium, to: &Path) -> SaveMedium {
    let GetMedium { run, key, step, turn } = medium;
    SaveMedium { run, key, step, turn, to: to.to_string_lossy().into_owned() }
}

#[tokio::test]
async fn files_that_differ_in_a_number_alone_are_slid_through() {
    let stage = Stage::new().await;
    let seen = stage.call(CreateExperiment { name: "seen".to_owned(), folder: String::new() }).await;
    let row = client::begin(&stage.engine, &seen.number.to_string(), Begin::default()).await.unwrap().row;
    let run = row.run.id;
    let files: [(&str, &[u8]); 8] = [
        ("samples/epoch_003.png", b"\x89PNG three"),
        ("samples/epoch_010.png", b"\x89PNG ten"),
        ("audio-12.aac", b"\xff\xf1P@ twelve"),
        ("audio-13.aac", b"\xff\xf1P@ thirteen"),
        ("plot_1.bmp", b"BM one"),
        ("conv1.avif", b"\0\0\0 ftypavif"),
        ("conv10.avif", b"\0\0\0 ftypavif"),
        ("conv2.avif", b"\0\0\0 ftypavif"),
    ];
    for (path, bytes) in files {
        let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        keep(&artifacts::of_run(&stage.engine, &row, &parts), bytes).await;
    }
    let keys = stage.call(ListMedia::of(run)).await.keys;
    let told: Vec<_> = keys.iter().map(|of| (of.key.as_str(), of.steps.as_slice(), of.by_step)).collect();
    assert_eq!(
        told,
        [
            ("audio", &[12, 13][..], true),
            ("conv1.avif", &[0][..], false),
            ("conv2.avif", &[0][..], false),
            ("conv10.avif", &[0][..], false),
            ("plot_1.bmp", &[0][..], false),
            ("samples/epoch", &[3, 10][..], true),
        ]
    );
    let last = stage.call(medium_at(run, "samples/epoch", None)).await;
    assert_eq!(last.step, 10);
    let near = |key: &str, step| GetNearestStep { run, key: key.to_owned(), step };
    for (step, found) in [(10, 10), (i64::MIN, 3), (6, 3), (7, 10), (1_000_000, 10)] {
        assert_eq!(stage.call(near("samples/epoch", step)).await, found, "{step}");
    }
    assert_eq!(stage.try_call(near("nothing", 1)).await.unwrap_err().code, ErrorCode::NotFound);
    for (key, step, kind) in [
        ("audio", Some(12), "audio/aac"),
        ("plot_1.bmp", None, "image/bmp"),
        ("conv1.avif", None, "image/avif"),
        ("samples/epoch", Some(3), "image/png"),
    ] {
        let (_, sent) = media::bytes(&stage.engine, run, key, (step, None)).await.unwrap();
        assert_eq!(sent, kind, "{key}");
    }
}

/// MLflow's `log_image` keeps a file for each call, W&B and TensorBoard likewise: none hides another.
#[tokio::test]
async fn what_was_logged_several_times_at_a_step_is_all_seen() {
    let stage = Stage::new().await;
    let seen = stage.call(CreateExperiment { name: "seen".to_owned(), folder: String::new() }).await;
    let row = client::begin(&stage.engine, &seen.number.to_string(), Begin::default()).await.unwrap().row;
    let run = row.run.id;
    for (name, bytes) in [
        ("dog+step+7+timestamp+20+aa.png", "later"),
        ("dog+step+7+timestamp+20+aa+compressed.webp", "its copy"),
        ("dog+step+7+timestamp+9+bb.png", "first"),
        ("dog+step+7+timestamp+9+bb+compressed.webp", "its copy"),
        ("dog+step+8+timestamp+30+cc+compressed.webp", "a copy alone"),
    ] {
        keep(&artifacts::of_run(&stage.engine, &row, &["images".to_owned(), name.to_owned()]), bytes.as_bytes()).await;
    }
    let keys = stage.call(ListMedia::of(run)).await.keys;
    let told: Vec<_> = keys.iter().map(|of| (of.key.as_str(), of.steps.as_slice(), of.total)).collect();
    assert_eq!(told, [("dog", &[7, 8][..], 2)]);
    let get = |step, turn| GetMedium { turn, ..medium_at(run, "dog", Some(step)) };
    for (step, turn, among, size) in [
        (7, None, Some(Among { turn: 2, of: 2 }), "later".len()),
        (7, Some(2), Some(Among { turn: 2, of: 2 }), "later".len()),
        (7, Some(1), Some(Among { turn: 1, of: 2 }), "first".len()),
        (8, None, None, "a copy alone".len()),
    ] {
        let medium = stage.call(get(step, turn)).await;
        let content = MediumContent::Bytes { size_bytes: size as u64 };
        assert_eq!((medium.among, medium.content), (among, content), "{step} {turn:?}");
    }
    assert_eq!((Among { turn: 1, of: 2 }.next(), Among { turn: 2, of: 2 }.next()), (2, 1));
    for turn in [0, 3] {
        let error = stage.try_call(get(7, Some(turn))).await.unwrap_err();
        assert!(error.message.contains("has 2, counted from 1"), "{error}");
    }
    let to = stage.path("first.png");
    stage.call(saved_to(get(7, Some(1)), &to)).await;
    assert_eq!(std::fs::read(to).unwrap(), b"first");
}

/// `add_image` without a step writes each at 0.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_an_event_file_has_at_one_step_are_all_seen() {
    let stage = Stage::new().await;
    let mut file = EventFile::create(&stage.path("tb/one"), 1_700_000_000_000).unwrap();
    for (time_ms, bytes) in [(1_700_000_001_000, "first"), (1_700_000_002_000, "later")] {
        file.picture("dog", (0, time_ms), (1, 1), bytes.as_bytes().to_vec()).unwrap();
    }
    file.text("said", (0, 1_700_000_001_000), "once".to_owned()).unwrap();
    file.finish().unwrap();
    add(&stage, &stage.path("tb"), Some(Kind::TensorBoard)).await;
    let run = runs(&stage).await[0].id;
    let check = async || {
        for (turn, time_ms) in [(1, 1_700_000_001_000), (2, 1_700_000_002_000)] {
            let medium = stage.call(GetMedium { turn: Some(turn), ..medium_at(run, "dog", Some(0)) }).await;
            assert_eq!((medium.among, medium.time_ms), (Some(Among { turn, of: 2 }), Some(time_ms)));
        }
        let last = stage.call(medium_at(run, "dog", None)).await;
        assert_eq!(
            (last.among, last.content),
            (Some(Among { turn: 2, of: 2 }), MediumContent::Bytes { size_bytes: 5 })
        );
        assert_eq!(stage.call(medium_at(run, "said", None)).await.among, None);
    };
    check().await;
    // What is told again at its place is the same.
    let source = stage.call(ListSources {}).await[0].id;
    let job = stage.call(ReadSource { source }).await;
    stage.done(job).await;
    check().await;
}
