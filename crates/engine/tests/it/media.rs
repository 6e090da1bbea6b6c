//! What a run's artifacts hold beside numbers, by key and step.

use api::{
    ErrorCode,
    media::{GetMedium, GetNearestStep, ListMedia},
    tracking::CreateExperiment,
};
use engine::{
    run::media,
    tracking::{
        artifacts,
        client::{self, Begin},
    },
};

use crate::{artifact_places::keep, stage::Stage};

#[tokio::test]
async fn files_that_differ_in_a_number_alone_are_slid_through() {
    let stage = Stage::new().await;
    let seen = stage.call(CreateExperiment { name: "seen".to_owned(), folder: String::new() }).await;
    let row = client::begin(&stage.engine, &seen.number.to_string(), Begin::default()).await.unwrap().row;
    let run = row.run.id;
    let files: [(&str, &[u8]); 6] = [
        ("samples/epoch_003.png", b"\x89PNG three"),
        ("samples/epoch_010.png", b"\x89PNG ten"),
        ("audio-12.aac", b"\xff\xf1P@ twelve"),
        ("audio-13.aac", b"\xff\xf1P@ thirteen"),
        ("plot_1.bmp", b"BM one"),
        ("conv1.avif", b"\0\0\0 ftypavif"),
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
            ("plot_1.bmp", &[0][..], false),
            ("samples/epoch", &[3, 10][..], true),
        ]
    );
    let last = stage.call(GetMedium { run, key: "samples/epoch".to_owned(), step: None }).await;
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
        let (_, sent) = media::bytes(&stage.engine, run, key, step).await.unwrap();
        assert_eq!(sent, kind, "{key}");
    }
}
