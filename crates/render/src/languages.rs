//! Which of a version's languages a message is in.

use crate::compiled::Compiled;

impl Compiled {
    /// The first of these wishes (BCP 47 tags, best first, empty for none) that the version speaks, or
    /// the package's own language. `de-AT` is spoken by who speaks `de`.
    pub fn language_of<'w>(&self, wishes: impl IntoIterator<Item = &'w String>) -> &str {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        wishes
            .into_iter()
            .filter(|wish| !wish.is_empty())
            .map(|wish| (primary(wish), self.language_for(wish)))
            .find(|(wished, found)| *wished == primary(found))
            .map_or(self.package().language.as_str(), |(_, found)| found)
    }
}
