//! A logo that a row of the partners' table names.

use std::{
    io::Read,
    path::{Component, Path},
};

use render::picture::{Limits, Picture, prepare_logo};

/// What stands before the hash of a logo that is in the book already: so an export names it.
pub(crate) const ASSET: &str = "asset:";

/// Reads the logo `name`, a path relative to `folder` that does not lead out of it, and makes a picture of
/// it that mail can show.
///
/// # Errors
/// What was expected instead.
pub(super) fn read(folder: &Path, name: &str) -> Result<Picture, String> {
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
    let limits = Limits::default();
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(limits.bytes as u64 + 1).read_to_end(&mut bytes))
        .map_err(missing)?;
    picture(&bytes)
}

/// Makes a picture that mail can show of a logo's bytes.
///
/// # Errors
/// What was expected instead.
pub(super) fn picture(bytes: &[u8]) -> Result<Picture, String> {
    prepare_logo(bytes, &Limits::default()).map_err(|error| {
        format!("a PNG, JPEG or SVG of at most 1 MiB and 4,096 pixels a side: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture as a program writes it.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![128; (width * height) as usize]).unwrap();
        writer.finish().unwrap();
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
        write("cut.png", &png(640, 200)[..60]);
        write("text.png", b"no picture at all");
        write("script.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>");
        write("fat.png", &[png(10, 10), vec![0; 1024 * 1024]].concat());
        write(
            "logos/drawn.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' width='100' height='40'><rect width='100' height='40' fill='#a30'/></svg>",
        );
        std::os::unix::fs::symlink(
            outside.path().join("secret.png"),
            folder.path().join("link.png"),
        )
        .unwrap();

        let good = read(folder.path(), "logos/good.png").unwrap();
        assert_eq!((good.width, good.extension), (640, "png"));
        let drawn = read(folder.path(), "logos/drawn.svg").unwrap();
        assert_eq!((drawn.width, drawn.height, drawn.extension), (200, 80, "png"));
        for (name, want) in [
            ("huge.png", "4097 x 10"),
            ("cut.png", "can't be decoded"),
            ("text.png", "no picture that is known"),
            ("script.svg", "line 1"),
            ("fat.png", "expected at most 1048576"),
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
