//! `[assets.NAME]`: the pictures of a package.

use std::collections::BTreeMap;

use super::{Reader, keys::Table};
use crate::package::Asset;

pub(super) const MOST_ASSETS: usize = 50;

impl Reader<'_> {
    pub(super) fn assets(&mut self, top: &mut Table<'_, '_>) -> BTreeMap<String, Asset> {
        let mut assets = BTreeMap::new();
        for (name, mut table) in self.named_tables(top, "assets", MOST_ASSETS, "hero") {
            let place = table.table.get("file").map_or(table.span.clone(), toml::Spanned::span);
            self.places.assets.insert(name.clone(), place);
            let file = self.line(&mut table, "file", 200);
            if !file.is_empty() && !is_picture_file(&file) {
                let span = self.places.assets[&name].clone();
                let message = format!("`{file}` is no picture of the package");
                let expected = "a file like `assets/hero.png`: png, jpg or svg, under `assets/`";
                self.error(&span, message, expected);
            }
            if !table.table.contains_key("alt") {
                let expected = "what the picture shows; \"\" if it is decoration";
                self.missing(&table, "alt", expected);
            }
            let alt = self.localised(&mut table, "alt", 300);
            let shown_width = self.number(&mut table, "width", 1..=1_200, "CSS pixels");
            self.refuse_unknown(&table);
            assets.insert(name, Asset { file, alt, shown_width, picture: None });
        }
        assets
    }
}

fn is_picture_file(path: &str) -> bool {
    let is_below = path
        .strip_prefix("assets/")
        .is_some_and(|rest| rest.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_picture =
        extension.is_some_and(|end| matches!(end.as_str(), "png" | "jpg" | "jpeg" | "svg"));
    is_below && is_picture && !path.contains('\\')
}
