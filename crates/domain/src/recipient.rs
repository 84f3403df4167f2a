//! What a message may say of the person it goes to.

use std::collections::BTreeMap;

/// A contact as templates and headers meet it.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
    /// The other columns of the contact's file.
    pub fields: &'a BTreeMap<String, String>,
}

impl Recipient<'_> {
    /// The name for the To header; empty if nothing is known.
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name.trim(), self.last_name.trim()).trim().to_owned()
    }

    /// The merge fields a package asks for, of those that are known and not empty. What it does not
    /// ask for stays in the book.
    pub fn merge_fields(&self, asked: &[String]) -> BTreeMap<String, String> {
        asked
            .iter()
            .filter_map(|name| {
                let value = match name.as_str() {
                    "first_name" => self.first_name,
                    "last_name" => self.last_name,
                    other => self.fields.get(other)?,
                };
                (!value.is_empty()).then(|| (name.clone(), value.to_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_and_known_goes_along() {
        let fields = BTreeMap::from([
            ("company".to_owned(), "Sample & Sons".to_owned()),
            ("phone".to_owned(), "+43 1 234".to_owned()),
        ]);
        let anna = Recipient { first_name: " Anna", last_name: "", fields: &fields };
        assert_eq!(anna.name(), "Anna");
        let asked = ["first_name", "last_name", "company", "city"].map(str::to_owned);
        let given = anna.merge_fields(&asked);
        assert_eq!(given.into_keys().collect::<Vec<_>>(), ["company", "first_name"]);
        let nobody = Recipient { first_name: "", last_name: " ", fields: &fields };
        assert_eq!(nobody.name(), "");
    }
}
