//! Pictures that partners and vendors hand in: they go into the book as what mail can show.

use domain::VendorId;
use render::{
    ImageValue, SlotKind,
    picture::{Limits, Picture, prepare},
};

use crate::{
    actor::Actor,
    error::{Error, Result},
    nearest::nearest,
    package::content_type,
    preview::PreviewOf,
    program::Program,
};

/// A picture for a slot of kind `image`.
#[derive(Debug, Clone, Copy)]
pub struct SlotPicture<'a> {
    /// The slot.
    pub slot: &'a str,
    /// The file: PNG, JPEG or SVG.
    pub bytes: &'a [u8],
    /// What it shows, for people who do not see it.
    pub alt: &'a str,
}

impl Program {
    /// Takes a picture for a slot of a package into the book; answers with the value that the slot takes.
    ///
    /// # Errors
    /// No such package or slot, a slot of another kind, or a file that makes no picture within the slot's
    /// limits.
    pub async fn slot_picture(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        package: &PreviewOf,
        picture: SlotPicture<'_>,
    ) -> Result<String> {
        let vendor = self.require_vendor(actor, vendor).await?;
        let compiled = self.compiled_of(&vendor, package).await?.compiled;
        let slots = &compiled.package().slots;
        let Some(slot) = slots.get(picture.slot) else {
            return Err(Error::NotFound {
                what: "slot",
                asked: picture.slot.to_owned(),
                nearest: nearest(picture.slot, slots.keys().map(String::as_str)).map(str::to_owned),
            });
        };
        let place = format!("slot {}", picture.slot);
        if slot.kind != SlotKind::Image {
            let expected = format!("a {}, not a file", slot.kind);
            return Err(Error::bad_input(&place, "a file", &expected));
        }
        let mut limits =
            Limits { min_width: slot.min_width, min_height: slot.min_height, ..Limits::default() };
        if slot.max_bytes > 0 {
            limits.bytes = limits.bytes.min(slot.max_bytes as usize);
        }
        let bytes = picture.bytes.to_vec();
        let prepared = tokio::task::spawn_blocking(move || prepare(&bytes, &limits))
            .await
            .map_err(|source| Error::Internal {
                doing: "read the picture",
                source: Box::new(source),
            })?
            .map_err(|error| {
                let expected = "a PNG, JPEG or SVG that mail can show";
                Error::bad_input(&place, &error.to_string(), expected)
            })?;
        self.keep_picture(&prepared).await?;
        let value = ImageValue {
            hash: prepared.hash,
            extension: prepared.extension.to_owned(),
            width: prepared.width,
            height: prepared.height,
            alt: picture.alt.trim().to_owned(),
        };
        Ok(value.to_string())
    }

    /// Puts a picture into the book, under the hash of its bytes.
    pub(crate) async fn keep_picture(&self, picture: &Picture) -> Result<()> {
        self.store()
            .put_asset(&picture.bytes, content_type(picture.extension), self.now())
            .await
            .map_err(Error::book("keep the picture"))?;
        Ok(())
    }
}
