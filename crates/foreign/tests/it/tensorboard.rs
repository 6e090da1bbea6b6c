//! TensorBoard's event files; `make_tensorboard.py` recorded them.

use std::{fs, path::PathBuf};

use api::run::RunState;
use api::source::Kind;
use foreign::{Mark, Media, Told, look, tensorboard::TensorBoard};

use crate::{copy, read};

fn media(told: &[Told], of: &str) -> Vec<Media> {
    let media = told.iter().filter_map(|told| match told {
        Told::Media { key, media, .. } if key == of => Some(media.clone()),
        _ => None,
    });
    media.collect()
}

fn event_file(folder: &std::path::Path, run: &str) -> PathBuf {
    fs::read_dir(folder.join(run)).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn both_forms_are_read() {
    let folder = copy("tensorboard");
    let found = look(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, &found[0].path), (Kind::TensorBoard, &folder.path().join("runs")));
    let told = read(&*foreign::open(&found[0]), &Mark::default());
    assert_eq!(told.warnings(), Vec::<String>::new());
    assert_eq!(told.series("loss").len(), 6);
    assert_eq!(told.series("loss")[1], (1, Some(0.5)));
    assert_eq!(told.series("loss")[5], (5, None));
    assert_eq!(told.series("acc"), [(0, Some(0.0)), (1, Some(0.25)), (2, Some(0.5))]);
    assert_eq!(told.points("acc")[2].time_ms, 1_700_000_002_000);
    assert_eq!(told.head("old/train").group, "runs");
    let head = told.heads().into_iter().rfind(|head| head.name == "new").unwrap();
    assert_eq!((head.state, head.ended_ms), (RunState::Finished, Some(1_700_000_050_000)));
    assert_eq!(head.params, crate::pairs(&[("lr", "0.125"), ("nesterov", "true"), ("optimizer", "adam")]));
    let Media::Histogram(histogram) = &media(&told.told, "spread")[0] else { panic!() };
    assert_eq!((&histogram.edges[..], &histogram.counts[..]), (&[0.0, 1.0, 2.0][..], &[3.0, 4.0][..]));
    let Media::Histogram(histogram) = &media(&told.told, "weights")[0] else { panic!() };
    assert_eq!(histogram.edges.len(), histogram.counts.len() + 1);
    assert_eq!(media(&told.told, "shot/1"), [Media::Image(b"\x89PNG two".to_vec())]);
    assert_eq!(media(&told.told, "sound"), [Media::Audio(b"RIFF".to_vec())]);
    assert_eq!(media(&told.told, "words"), [Media::Text("said".to_owned())]);
    assert!(matches!(&media(&told.told, "picture")[0], Media::Image(bytes) if bytes.starts_with(b"\x89PNG")));
}

#[test]
fn an_end_at_any_byte_waits_and_is_read_on() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    let whole = fs::read(&path).unwrap();
    let reader = TensorBoard::new(folder.path().join("runs/old"));
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let first = read(&reader, &Mark::default());
        fs::write(&path, &whole).unwrap();
        let second = read(&reader, &first.mark);
        assert_eq!(first.warnings().len() + second.warnings().len(), 0, "{end}");
        assert_eq!(first.series("loss").len() + second.series("loss").len(), 6, "{end}");
    }
}

#[test]
fn damage_at_any_byte_is_said_or_waited_for() {
    let folder = copy("tensorboard");
    let path = event_file(folder.path(), "runs/old/train");
    let whole = fs::read(&path).unwrap();
    let reader = TensorBoard::new(folder.path().join("runs/old"));
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let told = read(&reader, &Mark::default());
        assert_eq!(told.warnings().len(), 1, "{at}");
        assert_eq!(read(&reader, &told.mark).told, Vec::new(), "{at}: told once");
    }
}
