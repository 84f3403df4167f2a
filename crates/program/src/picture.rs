//! Pictures that partners and vendors hand in: they go into the book as what mail can show.

use domain::VendorId;
use render::{
    ImageValue, Package, SlotKind,
    picture::{Limits, Picture, prepare},
};

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
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

/// The picture as mail shows it, and the value that the slot takes for it.
pub(crate) fn picture_for_slot(
    package: &Package,
    picture: SlotPicture<'_>,
) -> Result<(String, Picture)> {
    let slots = &package.slots;
    let Some(slot) = slots.get(picture.slot) else {
        return Err(Error::NotFound {
            what: "slot",
            asked: picture.slot.to_owned(),
            nearest: nearest(picture.slot, slots.keys().map(String::as_str)).map(str::to_owned),
        });
    };
    let place = format!("slot {}", picture.slot);
    if slot.kind != SlotKind::Image {
        return Err(Error::bad_input(&place, "a file", &format!("a {}, not a file", slot.kind)));
    }
    let mut limits =
        Limits { min_width: slot.min_width, min_height: slot.min_height, ..Limits::default() };
    if slot.max_bytes > 0 {
        limits.bytes = limits.bytes.min(slot.max_bytes as usize);
    }
    let prepared = prepare(picture.bytes, &limits).map_err(|error| Error::BadInput {
        problems: vec![Problem::said(&place, &error.to_string(), "a PNG, JPEG or SVG for mail")],
    })?;
    let value = ImageValue {
        hash: prepared.hash.clone(),
        extension: prepared.extension.to_owned(),
        width: prepared.width,
        height: prepared.height,
        alt: picture.alt.trim().to_owned(),
    };
    Ok((value.to_string(), prepared))
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
        self.picture_of(&vendor, package, picture).await
    }

    /// The same for whoever may fill the slots of the package.
    pub(crate) async fn picture_of(
        &self,
        vendor: &VendorId,
        package: &PreviewOf,
        picture: SlotPicture<'_>,
    ) -> Result<String> {
        let compiled = self.compiled_of(vendor, package).await?.compiled;
        let slot = picture.slot.to_owned();
        let (bytes, alt) = (picture.bytes.to_vec(), picture.alt.to_owned());
        let prepared = tokio::task::spawn_blocking(move || {
            let picture = SlotPicture { slot: &slot, bytes: &bytes, alt: &alt };
            picture_for_slot(compiled.package(), picture)
        });
        let (value, prepared) = prepared.await.map_err(|source| Error::Internal {
            doing: "read the picture",
            source: Box::new(source),
        })??;
        self.keep_picture(&prepared).await?;
        Ok(value)
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
