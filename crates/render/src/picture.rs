//! Pictures that strangers hand in, made into pictures that mail can show.
//!
//! A picture is measured by its header before a pixel of it is decoded, and written anew: what comes
//! out is pixels and nothing else, no camera's position, no second file behind the first, no program.
//! A drawing (svg) is read without network, fonts and other files, and drawn as a png.

mod logo;
mod vector;

use std::{fmt, io::Cursor};

use domain::{ContentHash, brand};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};
use thiserror::Error;

pub use self::logo::prepare_logo;

/// What a picture may be at most and must be at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the file that is handed in.
    pub bytes: usize,
    /// The longest side, in pixels.
    pub side: u32,
    /// The most pixels.
    pub pixels: u64,
    /// The least width, in pixels.
    pub min_width: u32,
    /// The least height, in pixels.
    pub min_height: u32,
    /// How wide a drawing (svg) is drawn, in pixels; twice its own width if `None`.
    pub drawn_width: Option<u32>,
}

impl Default for Limits {
    /// 1 MiB, 4,096 pixels a side, 16 megapixels.
    fn default() -> Self {
        Self {
            bytes: 1024 * 1024,
            side: 4_096,
            pixels: 16 * 1024 * 1024,
            min_width: 1,
            min_height: 1,
            drawn_width: None,
        }
    }
}

/// A picture that mail can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// The file: pixels, and nothing else.
    pub bytes: Vec<u8>,
    /// BLAKE3 of the bytes.
    pub hash: ContentHash,
    /// `png` or `jpg`.
    pub extension: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Picture {
    fn new(bytes: Vec<u8>, extension: &'static str, (width, height): (u32, u32)) -> Self {
        Self { hash: ContentHash::of(&bytes), bytes, extension, width, height }
    }

    /// How a brand profile or a package names it.
    pub fn asset(&self) -> brand::Asset {
        brand::Asset {
            hash: self.hash.clone(),
            extension: self.extension.to_owned(),
            width: self.width,
            height: self.height,
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, hash, extension, width, height } = self;
        write!(f, "Picture({hash}.{extension}, {width}x{height}, {} bytes)", bytes.len())
    }
}

/// Why a file does not become a picture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file is too large.
    #[error("the file has {got} bytes; expected at most {limit}")]
    TooManyBytes {
        /// Its size.
        got: usize,
        /// The most.
        limit: usize,
    },
    /// It is something else.
    #[error("the file is no picture that is known; expected png, jpg or svg")]
    Unknown,
    /// It has too many pixels.
    #[error(
        "the picture has {width} x {height} pixels; expected at most {side} a side and {pixels} in all"
    )]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The longest side.
        side: u32,
        /// The most pixels.
        pixels: u64,
    },
    /// It has too few pixels.
    #[error(
        "the picture has {width} x {height} pixels; expected at least {min_width} x {min_height}"
    )]
    TooSmall {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The least width.
        min_width: u32,
        /// The least height.
        min_height: u32,
    },
    /// It is damaged, or of a kind that is not read.
    #[error("the picture can't be decoded")]
    Decode(#[source] image::ImageError),
    /// It can't be written anew.
    #[error("the picture can't be encoded")]
    Encode(#[source] image::ImageError),
    /// A drawing that is no XML.
    #[error("the drawing is no svg")]
    Xml(#[source] resvg::usvg::roxmltree::Error),
    /// A drawing that can't be drawn.
    #[error("the drawing can't be read")]
    Svg(#[source] resvg::usvg::Error),
    /// A drawing with something in it that drawings for mail don't have.
    #[error("line {line}: {what}; expected {expected}")]
    Drawing {
        /// The line of the file.
        line: u32,
        /// What stands there.
        what: String,
        /// What may.
        expected: &'static str,
    },
}

/// Makes a picture for mail of a file.
///
/// # Errors
/// The file is too large, no picture, damaged, too large or too small in pixels (which its header says,
/// before anything is decoded), or a drawing with scripts, letters, pictures or too much in it.
pub fn prepare(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    if bytes.len() > limits.bytes {
        return Err(PictureError::TooManyBytes { got: bytes.len(), limit: limits.bytes });
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => pixels(bytes, format, limits),
        _ if vector::is_svg(bytes) => vector::draw(bytes, limits),
        _ => Err(PictureError::Unknown),
    }
}

impl Limits {
    fn check(&self, (width, height): (u32, u32)) -> Result<(), PictureError> {
        let &Self { side, pixels, min_width, min_height, .. } = self;
        if width > side || height > side || u64::from(width) * u64::from(height) > pixels {
            return Err(PictureError::TooLarge { width, height, side, pixels });
        }
        if width < min_width || height < min_height || width == 0 || height == 0 {
            return Err(PictureError::TooSmall { width, height, min_width, min_height });
        }
        Ok(())
    }
}

fn pixels(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<Picture, PictureError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder_limits = image::Limits::default();
    decoder_limits.max_image_width = Some(limits.side);
    decoder_limits.max_image_height = Some(limits.side);
    // Eight bytes a pixel is the most there is: four channels of 16 bits.
    decoder_limits.max_alloc = Some(limits.pixels.saturating_mul(8).saturating_add(1024 * 1024));
    // The header alone is read here.
    let size = ImageReader::with_format(Cursor::new(bytes), format)
        .into_dimensions()
        .map_err(PictureError::Decode)?;
    limits.check(size)?;
    reader.limits(decoder_limits);
    let mut decoder = reader.into_decoder().map_err(PictureError::Decode)?;
    let orientation = decoder.orientation().map_err(PictureError::Decode)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(PictureError::Decode)?;
    // Cameras write on their side and say so in what is thrown away here.
    picture.apply_orientation(orientation);
    limits.check((picture.width(), picture.height()))?;
    match format {
        ImageFormat::Jpeg => jpeg(&picture),
        _ => png(&picture),
    }
}

fn jpeg(picture: &DynamicImage) -> Result<Picture, PictureError> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 86);
    match picture {
        DynamicImage::ImageLuma8(grey) => grey.write_with_encoder(encoder),
        other => other.to_rgb8().write_with_encoder(encoder),
    }
    .map_err(PictureError::Encode)?;
    Ok(Picture::new(bytes, "jpg", (picture.width(), picture.height())))
}

/// Above so many pixels, packing well would take seconds.
const MOST_TO_PACK_WELL: u64 = 2_000_000;

fn png(picture: &DynamicImage) -> Result<Picture, PictureError> {
    let size = (picture.width(), picture.height());
    let compression = match u64::from(size.0) * u64::from(size.1) {
        0..=MOST_TO_PACK_WELL => CompressionType::Default,
        _ => CompressionType::Fast,
    };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, compression, FilterType::Adaptive);
    let is_grey = !picture.color().has_color();
    let done = match (is_grey, picture.color().has_alpha()) {
        (true, false) => {
            encoder.write_image(&picture.to_luma8(), size.0, size.1, image::ExtendedColorType::L8)
        }
        (_, true) => {
            let opaque = picture.to_rgba8();
            if opaque.pixels().all(|pixel| pixel.0[3] == u8::MAX) {
                let rgb = DynamicImage::ImageRgba8(opaque).to_rgb8();
                encoder.write_image(&rgb, size.0, size.1, image::ExtendedColorType::Rgb8)
            } else {
                encoder.write_image(&opaque, size.0, size.1, image::ExtendedColorType::Rgba8)
            }
        }
        (false, false) => {
            encoder.write_image(&picture.to_rgb8(), size.0, size.1, image::ExtendedColorType::Rgb8)
        }
    };
    done.map_err(PictureError::Encode)?;
    Ok(Picture::new(bytes, "png", size))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn gradient(width: u32, height: u32) -> DynamicImage {
        let pixel = |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 40]);
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
    }

    /// A png chunk with its checksum.
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = u32::MAX;
        for byte in kind.iter().chain(data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            }
        }
        let mut out = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
        out.extend(kind);
        out.extend(data);
        out.extend((crc ^ u32::MAX).to_be_bytes());
        out
    }

    #[test]
    fn pictures_keep_their_pixels_and_lose_everything_else() {
        let png = file(&gradient(40, 30), ImageFormat::Png);
        let mut with_notes = png[..33].to_vec();
        with_notes.extend(chunk(b"tEXt", b"Comment\0taken at 47.07 N 15.44 E"));
        with_notes.extend(&png[33..]);
        with_notes.extend(b"<script>alert(1)</script>PK\x03\x04 another file");
        let picture = prepare(&with_notes, &Limits::default()).unwrap();
        assert_eq!((picture.width, picture.height, picture.extension), (40, 30, "png"));
        for needle in [&b"47.07"[..], b"script", b"tEXt", b"PK\x03\x04"] {
            assert!(memchr::memmem::find(&picture.bytes, needle).is_none(), "{needle:?}");
        }
        let again = image::load_from_memory(&picture.bytes).unwrap();
        assert_eq!(again.to_rgb8(), gradient(40, 30).to_rgb8());
        assert_eq!(picture.hash, ContentHash::of(&picture.bytes));
        assert_eq!(
            prepare(&with_notes, &Limits::default()).unwrap(),
            picture,
            "the same every time"
        );
    }

    #[test]
    fn a_jpg_is_turned_as_its_camera_says_and_the_camera_forgotten() {
        let jpg = file(&gradient(48, 16), ImageFormat::Jpeg);
        // Exif: one entry, orientation 6 (turn right), and a note about the place.
        let mut exif =
            b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"GPS 47.07 15.44");
        let mut turned = jpg[..2].to_vec();
        turned.extend([0xFF, 0xE1]);
        turned.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        turned.extend(exif);
        turned.extend(&jpg[2..]);
        let picture = prepare(&turned, &Limits::default()).unwrap();
        assert_eq!((picture.width, picture.height, picture.extension), (16, 48, "jpg"));
        assert!(memchr::memmem::find(&picture.bytes, b"Exif").is_none());
        assert!(memchr::memmem::find(&picture.bytes, b"GPS").is_none());
    }

    #[test]
    fn clear_pixels_stay_clear() {
        let clear = RgbaImage::from_fn(8, 8, |x, _| Rgba([10, 20, 30, (x * 30) as u8]));
        let picture = prepare(
            &file(&DynamicImage::ImageRgba8(clear.clone()), ImageFormat::Png),
            &Limits::default(),
        );
        let again = image::load_from_memory(&picture.unwrap().bytes).unwrap();
        assert_eq!(again.to_rgba8(), clear);
    }

    #[test]
    fn a_bomb_is_known_by_its_header() {
        // What the header claims is all there is: decoding would fail, so the answer comes before it.
        for (width, height) in [(5_000_u32, 10_u32), (4_096, 4_097), (65_535, 65_535)] {
            let mut header = Vec::new();
            header.extend(width.to_be_bytes());
            header.extend(height.to_be_bytes());
            header.extend([8, 6, 0, 0, 0]);
            let mut bomb = b"\x89PNG\r\n\x1a\n".to_vec();
            bomb.extend(chunk(b"IHDR", &header));
            bomb.extend(chunk(b"IDAT", &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]));
            bomb.extend(chunk(b"IEND", &[]));
            let error = prepare(&bomb, &Limits::default()).unwrap_err();
            assert!(matches!(error, PictureError::TooLarge { .. }), "{width} x {height}: {error}");
        }
        let small = Limits { pixels: 100, ..Limits::default() };
        let error = prepare(&file(&gradient(11, 10), ImageFormat::Png), &small).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the picture has 11 x 10 pixels; expected at most 4096 a side and 100 in all"
        );
    }

    #[test]
    fn what_is_no_picture_or_does_not_fit_is_refused_with_a_reason() {
        let limits = Limits { bytes: 4_000, min_width: 50, min_height: 20, ..Limits::default() };
        let refused = |bytes: &[u8]| prepare(bytes, &limits).unwrap_err().to_string();
        assert_eq!(refused(&[0; 4_001]), "the file has 4001 bytes; expected at most 4000");
        assert_eq!(refused(b""), "the file is no picture that is known; expected png, jpg or svg");
        assert_eq!(
            refused(b"GIF89a"),
            "the file is no picture that is known; expected png, jpg or svg"
        );
        let narrow = file(&gradient(49, 40), ImageFormat::Png);
        assert_eq!(refused(&narrow), "the picture has 49 x 40 pixels; expected at least 50 x 20");
        let whole = file(&gradient(60, 40), ImageFormat::Png);
        assert!(prepare(&whole, &limits).is_ok());
        assert_eq!(refused(&whole[..whole.len() / 2]), "the picture can't be decoded");
    }
}
