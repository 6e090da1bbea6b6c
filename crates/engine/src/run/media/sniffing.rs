//! What a medium is by its first bytes, which its name does not say.

/// What a video's first bytes say that it is.
pub(super) const fn video(start: &[u8]) -> Option<&'static str> {
    match start {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("video/mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("video/webm"),
        _ => None,
    }
}

/// What the first bytes of a picture or a sound say that it is.
pub(in crate::run) const fn sniffed(start: &[u8]) -> Option<&'static str> {
    Some(match start {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'B', b'M', ..] => "image/bmp",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => "image/avif",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "audio/mp4",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "audio/wav",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'f', b'L', b'a', b'C', ..] => "audio/flac",
        // Of MPEG's sounds those without a layer are AAC.
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => "audio/aac",
        [b'I', b'D', b'3', ..] | [0xff, 0xe2..=0xff, ..] => "audio/mpeg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bytes_are_their_start_says() {
        assert_eq!(sniffed(b"\x89PNG\r\n"), Some("image/png"));
        assert_eq!(sniffed(b"RIFF\0\0\0\0WAVEfmt "), Some("audio/wav"));
        assert_eq!((sniffed(b"BM6\0"), sniffed(b"\0\0\0 ftypavif")), (Some("image/bmp"), Some("image/avif")));
        assert_eq!((sniffed(b"\0\0\0 ftypM4A "), sniffed(b"\xff\xf1P@")), (Some("audio/mp4"), Some("audio/aac")));
        assert_eq!((sniffed(b"OggS"), sniffed(b"\xff\xfb")), (Some("audio/ogg"), Some("audio/mpeg")));
        assert_eq!((sniffed(b"<svg xmlns="), sniffed(b"<html>"), sniffed(b"")), (None, None, None));
        assert_eq!(video(b"\0\0\0 ftypisom"), Some("video/mp4"));
        assert_eq!((video(b"\x1aE\xdf\xa3"), video(b"<script>")), (Some("video/webm"), None));
    }
}
