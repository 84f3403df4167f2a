//! The kind and size of an image, read from its first bytes; nothing is decoded.

/// What the header of an image says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageHeader {
    pub(crate) extension: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Reads a PNG's or JPEG's header; `None` for anything else, whatever its name says.
pub(crate) fn read(bytes: &[u8]) -> Option<ImageHeader> {
    png(bytes).or_else(|| jpeg(bytes))
}

fn png(bytes: &[u8]) -> Option<ImageHeader> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    // The first chunk is IHDR: length, name, width, height (PNG specification, 11.2.2).
    (rest.get(4..8)? == b"IHDR").then_some(())?;
    Some(ImageHeader {
        extension: "png",
        content_type: "image/png",
        width: u32::from_be_bytes(rest.get(8..12)?.try_into().ok()?),
        height: u32::from_be_bytes(rest.get(12..16)?.try_into().ok()?),
    })
}

fn jpeg(bytes: &[u8]) -> Option<ImageHeader> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        // A segment is FF, its kind, and a length that counts itself (ITU T.81, B.1.1).
        let kind = match rest {
            [0xff, 0xff, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, kind, ..] => *kind,
            _ => return None,
        };
        rest = &rest[2..];
        if kind == 0x01 || (0xd0..=0xd8).contains(&kind) {
            continue;
        }
        let length = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
        // Start of frame, of any coding; C4, C8 and CC are tables in the same range.
        if (0xc0..=0xcf).contains(&kind) && ![0xc4, 0xc8, 0xcc].contains(&kind) {
            let side = |at: usize| {
                rest.get(at..at + 2)?.try_into().ok().map(|two| u32::from(u16::from_be_bytes(two)))
            };
            return Some(ImageHeader {
                extension: "jpg",
                content_type: "image/jpeg",
                width: side(5)?,
                height: side(3)?,
            });
        }
        rest = rest.get(length.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_from_the_header() {
        let png =
            [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &[0, 0, 1, 0, 0, 0, 0, 64, 8, 6, 0, 0, 0]]
                .concat();
        let header = read(&png).unwrap();
        assert_eq!((header.extension, header.width, header.height), ("png", 256, 64));
        let jpeg = [
            &b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"[..],
            b"\xff\xc4\0\x04\0\0\xff\xc2\0\x11\x08\0\x40\x01\0\x03",
        ]
        .concat();
        let header = read(&jpeg).unwrap();
        assert_eq!((header.extension, header.width, header.height), ("jpg", 256, 64));
    }

    #[test]
    fn what_only_looks_like_an_image_is_none() {
        for bytes in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
            b"GIF89a",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8",
            b"",
        ] {
            assert_eq!(read(bytes), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_it_does_not_panic(tail in prop::collection::vec(any::<u8>(), 0..64)) {
            read(&[b"\xff\xd8", tail.as_slice()].concat());
            read(&[b"\x89PNG\r\n\x1a\n", tail.as_slice()].concat());
        }
    }
}
