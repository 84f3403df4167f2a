//! Colours, and whether text in them can be read.

use std::fmt;

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// White.
pub(crate) const WHITE: Colour = Colour(0xFF, 0xFF, 0xFF);
/// Black.
pub(crate) const BLACK: Colour = Colour(0, 0, 0);
/// The background of the layout in dark mode.
pub(crate) const DARK: Colour = Colour(0x1C, 0x1C, 0x20);
/// WCAG 2.2, 1.4.3: the least contrast of text.
pub(crate) const READABLE: f64 = 4.5;

impl Colour {
    /// What stands in for a colour that is none.
    pub(crate) const GREY: Self = Self(0x33, 0x33, 0x33);

    /// Reads `#rrggbb`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self(part(0)?, part(2)?, part(4)?))
    }

    /// Relative luminance, WCAG 2.2.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// The contrast of two colours, from 1 to 21.
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// White or black, whichever reads better on this colour; one of them always has enough contrast.
    pub(crate) fn text_on_it(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) { WHITE } else { BLACK }
    }

    /// This colour, moved away from `ground` just as far as text needs.
    pub(crate) fn readable_on(self, ground: Self) -> Self {
        let target = if ground.luminance() > 0.5 { Self(0, 0, 0) } else { WHITE };
        (0..=20)
            .map(|step| self.mixed(target, f64::from(step) / 20.0))
            .find(|colour| colour.contrast(ground) >= READABLE)
            .unwrap_or(target)
    }

    fn mixed(self, other: Self, share: f64) -> Self {
        let mix =
            |a: u8, b: u8| (f64::from(a) * (1.0 - share) + f64::from(b) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_contrasts() {
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 0.01);
        // The grey that WCAG names as the lightest readable one on white.
        assert!((WHITE.contrast(Colour(0x76, 0x76, 0x76)) - 4.54).abs() < 0.01);
    }

    proptest! {
        #[test]
        fn text_is_readable_whatever_the_colour(r: u8, g: u8, b: u8) {
            let colour = Colour(r, g, b);
            prop_assert!(colour.contrast(colour.text_on_it()) >= READABLE);
            prop_assert!(colour.readable_on(WHITE).contrast(WHITE) >= READABLE);
            prop_assert!(colour.readable_on(DARK).contrast(DARK) >= READABLE);
            prop_assert_eq!(Colour::read(&colour.to_string()), Some(colour));
        }
    }
}
