//! A picture in a slot: `<hash>.<png|jpg> <width>x<height> <what it shows>`.
//!
//! The picture itself is in the book; whoever put it there, made by [`crate::picture::prepare`], writes
//! this value.

use std::{fmt, str::FromStr};

use domain::ContentHash;

use super::Misfit;
use crate::{clean::clean, package::Slot};

/// The most characters of a description.
const MOST_ALT: usize = 300;
/// The longest side, in pixels.
const MOST_SIDE: u32 = 4_096;

const EXPECTED: &str = "a picture that was uploaded: `<hash>.png 1200x600 what it shows`";

/// A picture of the book, as a slot names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageValue {
    /// BLAKE3 of its bytes.
    pub hash: ContentHash,
    /// `png` or `jpg`.
    pub extension: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What it shows; may be empty.
    pub alt: String,
}

impl ImageValue {
    /// Reads a value for a slot.
    pub(super) fn read(text: &str, slot: &Slot) -> Result<Self, Misfit> {
        let image: Self = text.parse().map_err(|message| (message, EXPECTED.to_owned()))?;
        for (side, is, least) in
            [("wide", image.width, slot.min_width), ("high", image.height, slot.min_height)]
        {
            if is < least {
                let message = format!("the picture is {is} pixels {side}");
                return Err((message, format!("at least {least}")));
            }
        }
        Ok(image)
    }
}

impl FromStr for ImageValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (file, rest) = text.split_once(' ')?;
            let (size, alt) = rest.split_once(' ').unwrap_or((rest, ""));
            let (hash, extension) = file.split_once('.')?;
            let (width, height) = size.split_once('x')?;
            let side = |text: &str| {
                let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
                let side: u32 = text.parse().ok().filter(|_| is_plain)?;
                (1..=MOST_SIDE).contains(&side).then_some(side)
            };
            let alt = clean(alt, MOST_ALT);
            Some(Self {
                hash: hash.parse().ok()?,
                extension: matches!(extension, "png" | "jpg").then(|| extension.to_owned())?,
                width: side(width)?,
                height: side(height)?,
                alt: alt.into_owned(),
            })
        };
        read().ok_or_else(|| format!("`{}` is no picture", clean(text, 60)))
    }
}

impl fmt::Display for ImageValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, extension, width, height, alt } = self;
        write!(f, "{hash}.{extension} {width}x{height}")?;
        if alt.is_empty() { Ok(()) } else { write!(f, " {alt}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_they_are_written() {
        let hash = ContentHash::of(b"x");
        for text in
            [format!("{hash}.png 1200x600 Our team at the harbour"), format!("{hash}.jpg 1x4096")]
        {
            assert_eq!(text.parse::<ImageValue>().unwrap().to_string(), text);
        }
        let alt = format!("{hash}.png 2x1 a\n\u{202E}b  c ");
        assert_eq!(alt.parse::<ImageValue>().unwrap().alt, "a b c");
    }

    #[test]
    fn anything_else_is_no_picture() {
        let hash = ContentHash::of(b"x");
        for bad in [
            String::new(),
            "x.png 1x1".to_owned(),
            format!("{hash}.png"),
            format!("{hash}.svg 10x10"),
            format!("{hash}.png 0x10"),
            format!("{hash}.png 10x4097"),
            format!("{hash}.png +1x10"),
            format!("{hash}.png 01x10"),
            format!("{hash}.png 10x10x10"),
            format!("{hash}.png  10x10"),
            format!("{hash}.png\" onerror=x 10x10"),
            format!("../{hash}.png 10x10"),
            format!("{}.png 10x10", hash.to_string().to_uppercase()),
            "https://evil.example/x.png 10x10".to_owned(),
        ] {
            assert!(bad.parse::<ImageValue>().is_err(), "{bad:?}");
        }
    }
}
