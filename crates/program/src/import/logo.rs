//! A logo that a row of the partners' table names.

use std::{
    io::Read,
    path::{Component, Path},
};

use crate::image_header::{self, ImageHeader};

/// What stands before the hash of a logo that is in the book already: so an export names it.
pub(crate) const ASSET: &str = "asset:";

/// The largest logo, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The largest side of a logo, in pixels.
const MAX_SIDE: u32 = 4096;

/// A logo's bytes and what they are.
#[derive(Debug)]
pub(super) struct Logo {
    pub(super) header: ImageHeader,
    pub(super) bytes: Vec<u8>,
}

/// Reads the logo `name`, a path relative to `folder` that does not lead out of it.
///
/// # Errors
/// What was expected instead.
pub(super) fn read(folder: &Path, name: &str) -> Result<Logo, String> {
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err("a file name relative to the table, inside its folder".to_owned());
    }
    let missing = |_| format!("a file that is there and can be read in {}", folder.display());
    let folder_itself = folder.canonicalize().map_err(missing)?;
    let path = folder.join(relative).canonicalize().map_err(missing)?;
    // A link may lead out of the folder, and then the mail of a partner would show any file of ours.
    if !path.starts_with(&folder_itself) || !path.is_file() {
        return Err("a file inside the folder of the table".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(missing)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("a logo of at most 1 MiB".to_owned());
    }
    let header = header(&bytes)?;
    Ok(Logo { header, bytes })
}

/// What the bytes of a logo are.
///
/// # Errors
/// What was expected instead.
pub(super) fn header(bytes: &[u8]) -> Result<ImageHeader, String> {
    let header = image_header::read(bytes)
        .ok_or_else(|| "a PNG or JPEG image (told by its content, not its name)".to_owned())?;
    let sides = [header.width, header.height];
    if sides.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
        return Err(format!(
            "a logo of 1 to {MAX_SIDE} pixels a side, not {} x {}",
            header.width, header.height
        ));
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn only_a_small_raster_image_in_the_folder_is_a_logo() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.png"), png(10, 10)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        std::fs::create_dir(folder.path().join("logos")).unwrap();
        write("logos/good.png", &png(640, 200));
        write("huge.png", &png(4097, 10));
        write("none.png", &png(0, 10));
        write("drawing.png", b"<svg/>");
        write("fat.png", &[png(10, 10), vec![0; 1024 * 1024]].concat());
        std::os::unix::fs::symlink(
            outside.path().join("secret.png"),
            folder.path().join("link.png"),
        )
        .unwrap();

        let good = read(folder.path(), "logos/good.png").unwrap();
        assert_eq!((good.header.width, good.header.extension), (640, "png"));
        for (name, want) in [
            ("huge.png", "4097 x 10"),
            ("none.png", "0 x 10"),
            ("drawing.png", "PNG or JPEG"),
            ("fat.png", "1 MiB"),
            ("link.png", "inside the folder"),
            ("../x.png", "relative"),
            ("/etc/passwd", "relative"),
            ("absent.png", "a file that is there"),
            ("logos", "a file inside"),
        ] {
            let expected = read(folder.path(), name).unwrap_err();
            assert!(expected.contains(want), "{name}: {expected}");
        }
    }
}
