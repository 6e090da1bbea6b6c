//! Content by hash, whole or not there.

use std::ops::ControlFlow;

use sha2::{Digest as _, Sha256};
use store::{StoreError, blob::BlobHash};

use crate::open;

#[test]
fn a_file_is_kept_once_with_both_hashes_in_one_read() {
    let (folder, store) = open();
    let path = folder.path().join("a.csv");
    let content = vec![7_u8; 1_000_000];
    std::fs::write(&path, &content).unwrap();
    let first = store.blobs().put_file(&path, true, &mut |_| ControlFlow::Continue(())).unwrap();
    let again = store.blobs().put_bytes(&content).unwrap();
    assert!(first.new && !again.new);
    assert_eq!((first.hash, first.size_bytes), (again.hash, 1_000_000));
    assert_eq!(first.sha256.unwrap(), <[u8; 32]>::from(Sha256::digest(&content)));
    assert_eq!(store.blobs().read(&first.hash).unwrap(), content);
    assert_eq!(store.blobs().list().unwrap(), vec![(first.hash, 1_000_000)]);
}

#[test]
fn a_stopped_file_leaves_nothing() {
    let (folder, store) = open();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, vec![7_u8; 2_000_000]).unwrap();
    let mut told = 0;
    let stopped = store.blobs().put_file(&path, false, &mut |bytes| {
        told += bytes;
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(StoreError::Stopped)), "{stopped:?}");
    assert!(told > 0 && told < 2_000_000, "{told}");
    assert_eq!(store.blobs().list().unwrap(), vec![]);
    assert_eq!(std::fs::read_dir(store.blobs().folder().join("incoming")).unwrap().count(), 0);
}

#[test]
fn a_copy_says_how_far_it_is_and_a_stopped_one_leaves_nothing() {
    let (folder, store) = open();
    let stored = store.blobs().put_bytes(&vec![7; 2_000_000]).unwrap();
    let (place, mut told) = (folder.path().join("out"), 0);
    let stopped = store.blobs().copy_telling(&stored.hash, &place.join("a.csv"), &mut |bytes| {
        told += bytes;
        if told > 1_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(StoreError::Stopped)), "{stopped:?}");
    assert!(told > 1_000_000 && told < 2_000_000, "{told}");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    told = 0;
    let all = store.blobs().copy_telling(&stored.hash, &place.join("a.csv"), &mut |bytes| {
        told += bytes;
        ControlFlow::Continue(())
    });
    all.unwrap();
    assert_eq!((told, std::fs::metadata(place.join("a.csv")).unwrap().len()), (2_000_000, 2_000_000));
    assert!(!std::fs::metadata(place.join("a.csv")).unwrap().permissions().readonly());
}

#[test]
fn damaged_bytes_are_never_handed_out() {
    let (folder, store) = open();
    let stored = store.blobs().put_bytes(b"right").unwrap();
    let path = store.blobs().path(&stored.hash);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(store.blobs().read(&stored.hash), Err(StoreError::MissingBlob(_))));
    std::fs::write(&path, b"wrong").unwrap();
    assert!(matches!(store.blobs().read(&stored.hash), Err(StoreError::Damaged { .. })));
    let copy = folder.path().join("copy");
    assert!(store.blobs().copy_to(&stored.hash, &copy).is_err());
    assert!(!copy.exists());
}

#[test]
fn a_damaged_blob_is_mended_by_putting_its_bytes_again_and_so_is_what_is_linked_to_it() {
    let (folder, store) = open();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, vec![7_u8; 600_000]).unwrap();
    let put_file = || store.blobs().put_file(&file, false, &mut |_| ControlFlow::Continue(())).unwrap();
    let put_bytes = || store.blobs().put_bytes(&std::fs::read(&file).unwrap()).unwrap();
    let stored = put_file();
    let (path, link) = (store.blobs().path(&stored.hash), folder.path().join("link"));
    std::fs::hard_link(&path, &link).unwrap();
    let damages: [&[u8]; 3] = [&[8; 600_000], b"short", &[7; 600_001]];
    for (damage, put) in damages.into_iter().zip([&put_file as &dyn Fn() -> store::blob::Stored, &put_bytes, &put_file])
    {
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a folder of the test's, gone after it")]
        permissions.set_readonly(false);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::fs::write(&path, damage).unwrap();
        let damaged = store.blobs().verify(&stored.hash).unwrap_err();
        assert!(damaged.is_lost() && damaged.to_string().contains(&path.display().to_string()), "{damaged}");
        let again = put();
        assert!(again.new && again.hash == stored.hash);
        store.blobs().verify(&stored.hash).unwrap();
        assert_eq!(std::fs::read(&link).unwrap(), std::fs::read(&file).unwrap());
        assert!(std::fs::metadata(&path).unwrap().permissions().readonly());
        assert!(!put().new, "it is whole now");
    }
    assert_eq!(std::fs::read_dir(store.blobs().folder().join("incoming")).unwrap().count(), 0);
}

#[test]
fn what_a_crash_left_half_written_is_swept_at_the_next_start() {
    let (folder, store) = open();
    let half = folder.path().join("blobs/incoming/half");
    std::fs::write(&half, b"ha").unwrap();
    drop(store);
    let store = store::Store::open(folder.path()).unwrap();
    assert!(!half.exists());
    assert_eq!(store.blobs().list().unwrap(), vec![]);
}

#[test]
fn a_hash_survives_its_text() {
    let hash = BlobHash::of(b"x");
    assert_eq!(hash.to_string().parse::<BlobHash>().unwrap(), hash);
    assert!("zz".parse::<BlobHash>().is_err());
}
