//! The pictures of a package: read, measured and written anew when it is published.

use std::collections::BTreeSet;

use crate::{
    diagnostic::{Findings, expected_name},
    files::PackageFiles,
    manifest::{self, Places},
    package::Package,
    picture::{self, Limits},
    version::PublishedAsset,
};

/// The asset that stands beside the partner's logo.
pub(crate) const VENDOR_LOGO: &str = "vendor_logo";

/// Gives every asset of the package its picture; answers the pictures, each once.
pub(crate) fn prepare(
    files: &PackageFiles,
    package: &mut Package,
    places: &Places,
    source: &str,
    findings: &mut Findings,
) -> Vec<PublishedAsset> {
    let mut published = Vec::new();
    let mut known = BTreeSet::new();
    for (name, asset) in &mut package.assets {
        let span = places.assets.get(name).cloned().unwrap_or_default();
        let Some(bytes) = files.get(&asset.file) else {
            // What has no name of a picture was found when the file was read.
            if asset.file.starts_with("assets/") {
                let message = format!("there is no file `{}`", asset.file);
                let pictures = files.iter().map(|(path, _)| path);
                let pictures: Vec<_> = pictures.filter(|it| it.starts_with("assets/")).collect();
                let expected = match pictures.is_empty() {
                    true => "a png, jpg or svg in the folder `assets`".to_owned(),
                    false => expected_name(&asset.file, pictures.iter().copied()),
                };
                findings.error(manifest::FILE, source, &span, message, expected);
            }
            continue;
        };
        // Screens have two pixels for one of CSS.
        let limits =
            Limits { drawn_width: asset.shown_width.map(|width| width * 2), ..Limits::default() };
        let prepare = if name == VENDOR_LOGO { picture::prepare_logo } else { picture::prepare };
        match prepare(bytes, &limits) {
            Ok(picture) => {
                asset.picture = Some(picture.asset());
                if known.insert(picture.hash.clone()) {
                    let (hash, extension) = (picture.hash, picture.extension);
                    published.push(PublishedAsset { hash, extension, bytes: picture.bytes });
                }
            }
            Err(error) => {
                let message = format!("`{}`: {}", asset.file, crate::check::chain(&error));
                findings.error(manifest::FILE, source, &span, message, "a picture for mail");
            }
        }
    }
    published
}
