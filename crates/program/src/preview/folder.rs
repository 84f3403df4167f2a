//! A package's folder, looked at with nothing else there: no book, no vendor, no keys.

use std::{collections::BTreeMap, path::Path};

use render::PublishedAsset;

use super::{
    PreviewFor, Previews, Stage, edges, made_up, no_partner,
    stage::{Opened, Show},
};
use crate::{
    error::Result,
    picture::{SlotPicture, picture_for_slot},
};

/// What to show of a folder, for the sample partner in it.
#[derive(Debug, Clone)]
pub struct PreviewFolder<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Which step; without one, every step.
    pub step: Option<&'a str>,
    /// Slot values by slot name; they go before the sample's.
    pub slots: BTreeMap<String, String>,
    /// Pictures for slots.
    pub pictures: Vec<SlotPicture<'a>>,
    /// In which language; without one, the sample partner's, or the package's own.
    pub language: Option<&'a str>,
    /// To whom; contacts are in a book.
    pub person: &'a PreviewFor,
}

/// Renders the steps of a package's folder for its sample partner.
///
/// # Errors
/// The folder can't be read or has no sample, the package has errors, there is no such step or slot, a slot value
/// or picture does not fit.
pub fn preview_folder(stage: &Stage<'_>, preview: PreviewFolder<'_>) -> Result<Previews> {
    let mut opened = stage.open(preview.folder)?;
    let mut shelf = opened.sample_shelf()?;
    shelf.slots.extend(preview.slots);
    for picture in preview.pictures {
        let slot = picture.slot.to_owned();
        let (value, picture) = picture_for_slot(opened.compiled.package(), picture)?;
        shelf.slots.insert(slot, value);
        let (hash, extension, bytes) = (picture.hash, picture.extension, picture.bytes);
        opened.pictures.push(PublishedAsset { hash, extension, bytes });
    }
    let Opened { compiled, sample, .. } = &opened;
    let package = compiled.package();
    let readers = match preview.person {
        PreviewFor::Contact { .. } => return Err(no_partner()),
        PreviewFor::Sample(fields) => vec![made_up(package, sample.as_ref(), fields)],
        PreviewFor::Edges => edges::readers(package),
    };
    let is_full = matches!(preview.person, PreviewFor::Edges);
    let show = Show { step: preview.step, language: preview.language, is_full };
    stage.show(&opened, shelf, &readers, &show)
}
