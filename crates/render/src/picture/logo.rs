//! Logos: pictures that must be seen on white and on black.

use image::{DynamicImage, Rgba, RgbaImage, imageops};

use super::{Limits, Picture, PictureError, png, prepare};
use crate::colour::{Colour, DARK, WHITE};

/// Below this contrast with white a logo is not seen on it; WCAG 2.2, 1.4.11 asks for 3, which many good
/// logos miss.
const LEAST_CONTRAST: f64 = 1.6;
/// The share of the logo's box that must be clear for the ground to be seen through it.
const LEAST_CLEAR: f64 = 0.02;

/// Makes a logo for mail of a file: as [`prepare`], and a light logo on a clear ground gets a dark one, since
/// it lies on white.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_logo(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let picture = prepare(bytes, limits)?;
    if picture.extension != "png" {
        return Ok(picture);
    }
    let logo = image::load_from_memory(&picture.bytes).map_err(PictureError::Decode)?;
    if !logo.color().has_alpha() {
        return Ok(picture);
    }
    let logo = logo.to_rgba8();
    match seen(&logo) {
        Some(colour) if colour.contrast(WHITE) < LEAST_CONTRAST => png(&on_dark(&logo, limits)),
        _ => Ok(picture),
    }
}

/// The mean colour of what is seen of a logo; `None` if it leaves nothing clear, or all.
fn seen(logo: &RgbaImage) -> Option<Colour> {
    let mut sums = [0_u64; 4];
    for Rgba([red, green, blue, alpha]) in logo.pixels().copied() {
        let weight = u64::from(alpha);
        for (sum, channel) in sums.iter_mut().zip([red, green, blue]) {
            *sum += u64::from(channel) * weight;
        }
        sums[3] += weight;
    }
    let [red, green, blue, weight] = sums;
    let all = u64::from(logo.width()) * u64::from(logo.height()) * 255;
    if weight == 0 || (all - weight) as f64 <= all as f64 * LEAST_CLEAR {
        return None;
    }
    let mean = |sum: u64| u8::try_from(sum / weight).unwrap_or(u8::MAX);
    Some(Colour(mean(red), mean(green), mean(blue)))
}

/// The logo on a dark plate with room around it, as far as the limits leave room.
fn on_dark(logo: &RgbaImage, limits: &Limits) -> DynamicImage {
    let (width, height) = logo.dimensions();
    let room = (width.min(height) / 6).max(4);
    let room = room.min(limits.side.saturating_sub(width.max(height)) / 2);
    let Colour(red, green, blue) = DARK;
    let (width, height) = (width + 2 * room, height + 2 * room);
    let mut plate = RgbaImage::from_pixel(width, height, Rgba([red, green, blue, u8::MAX]));
    imageops::overlay(&mut plate, logo, i64::from(room), i64::from(room));
    DynamicImage::ImageRgba8(plate)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A bar of a colour on a clear ground.
    fn bar(colour: [u8; 3], alpha: u8) -> Vec<u8> {
        let [red, green, blue] = colour;
        let pixel = |_, y| match y {
            10..30 => Rgba([red, green, blue, alpha]),
            _ => Rgba([0, 0, 0, 0]),
        };
        let mut bytes = Cursor::new(Vec::new());
        let logo = RgbaImage::from_fn(120, 40, pixel);
        logo.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn pixels(bytes: &[u8]) -> RgbaImage {
        image::load_from_memory(bytes).unwrap().to_rgba8()
    }

    #[test]
    fn a_light_logo_on_a_clear_ground_gets_a_dark_one() {
        for light in [[255, 255, 255], [250, 240, 120]] {
            let picture = prepare_logo(&bar(light, 255), &Limits::default()).unwrap();
            let shown = pixels(&picture.bytes);
            assert_eq!((picture.width, picture.height), shown.dimensions());
            assert_eq!(shown.get_pixel(0, 0).0, [0x1C, 0x1C, 0x20, 255]);
            assert_eq!(&shown.get_pixel(picture.width / 2, picture.height / 2).0[..3], &light);
        }
    }

    #[test]
    fn every_other_logo_stays_as_it_is() {
        let dark = bar([11, 110, 79], 255);
        let opaque = {
            let mut bytes = Cursor::new(Vec::new());
            let white = image::RgbImage::from_pixel(40, 40, image::Rgb([255; 3]));
            white.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            bytes.into_inner()
        };
        let nothing = bar([255; 3], 0);
        for logo in [dark, opaque, nothing] {
            let limits = Limits::default();
            assert_eq!(prepare_logo(&logo, &limits).unwrap(), prepare(&logo, &limits).unwrap());
        }
    }

    #[test]
    fn a_logo_as_large_as_may_be_grows_no_further() {
        let limits = Limits { side: 120, ..Limits::default() };
        let picture = prepare_logo(&bar([255; 3], 255), &limits).unwrap();
        assert_eq!((picture.width, picture.height), (120, 40));
        assert_eq!(pixels(&picture.bytes).get_pixel(0, 0).0[3], 255);
    }
}
