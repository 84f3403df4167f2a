//! Logos of the demo partners: small PNG files of very different shapes.

use std::{fs, io::BufWriter, path::Path};

use crate::error::DataError;

use super::file_error;

/// Shape and size of a logo in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) pattern: Pattern,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// What it shows, in the brand's colour on a transparent ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    Disc,
    Ring,
    Stripes,
    Wave,
    Checks,
    Triangle,
    Solid,
}

/// Writes the logo.
pub(super) fn write(path: &Path, shape: Shape, colour: &str) -> Result<(), DataError> {
    let failed = |source| DataError::Logo { path: path.to_owned(), source };
    let file = fs::File::create(path).map_err(file_error(path))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), shape.width, shape.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels(shape, rgb(colour))).map_err(failed)?;
    writer.finish().map_err(failed)
}

fn rgb(colour: &str) -> [u8; 3] {
    let part = |at: usize| colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    [part(1), part(3), part(5)].map(|part| part.unwrap_or(0))
}

fn pixels(shape: Shape, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((shape.width * shape.height * 4) as usize);
    for y in 0..shape.height {
        for x in 0..shape.width {
            let alpha = if is_inked(shape, x, y) { 255 } else { 0 };
            bytes.extend([colour[0], colour[1], colour[2], alpha]);
        }
    }
    bytes
}

fn is_inked(shape: Shape, x: u32, y: u32) -> bool {
    let (width, height) = (f64::from(shape.width), f64::from(shape.height));
    let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
    let radius = width.min(height) / 2.0;
    let distance = (x - width / 2.0).hypot(y - height / 2.0);
    match shape.pattern {
        Pattern::Disc => distance < radius,
        Pattern::Ring => distance < radius && distance > radius * 0.6,
        Pattern::Stripes => ((x + y) / (radius / 2.0)).floor() % 2.0 == 0.0,
        Pattern::Wave => (y - height / 2.0).abs() < radius * (0.55 + 0.4 * (x / radius).sin()),
        Pattern::Checks => ((x / radius * 2.0).floor() + (y / radius * 2.0).floor()) % 2.0 == 0.0,
        Pattern::Triangle => (x - width / 2.0).abs() < y / height * width / 2.0,
        Pattern::Solid => true,
    }
}
