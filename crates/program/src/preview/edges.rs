//! Persons and slots that put a message to the test.

use std::collections::BTreeMap;

use domain::{PartnerShelf, Recipient};
use render::{Package, SlotKind};

use super::stage::Reader;

/// As long as a field of a person is shown.
const LONGEST: &str = "Wolfeschlegelsteinhausenbergerdorff-Llanfairpwllgwyngyllgogerychwyrndrobwll";
/// What a slot is filled with, over and over: words of many lengths.
const WORDS: &str = "Wir betreuen die IT von Donaudampfschifffahrtsgesellschaften zwischen Wien und Linz, \
                     seit 1987, rund um die Uhr. ";

/// Nobody known, the longest names, and names from right to left.
pub(super) fn readers(package: &Package) -> Vec<Reader> {
    [
        ("no-name", "", ""),
        ("longest-name", LONGEST, LONGEST),
        ("right-to-left", "عبد الرحمن", "شركة النور للتجارة"),
    ]
    .map(|(label, name, other)| {
        let fields: BTreeMap<String, String> = package
            .person_fields
            .iter()
            .map(|field| {
                let value = if field.ends_with("name") { name } else { other };
                (field.clone(), value.to_owned())
            })
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let recipient = Recipient { first_name: name, last_name: "", fields: &fields };
        Reader {
            label: label.to_owned(),
            language: String::new(),
            address: "sample@example.com".to_owned(),
            name: recipient.name(),
            fields,
        }
    })
    .into()
}

/// The partner's shelf with every slot of words as full as the package lets it be.
pub(super) fn with_full_slots(package: &Package, shelf: &PartnerShelf) -> PartnerShelf {
    let mut full = shelf.clone();
    for (name, slot) in &package.slots {
        let words = |length: usize| -> String {
            let words: String = WORDS.chars().cycle().take(length).collect();
            words.trim().to_owned()
        };
        let most = slot.max_length as usize;
        let value = match slot.kind {
            SlotKind::Text => words(most),
            SlotKind::RichText => {
                // Line breaks count, too.
                let half = (most / 2).saturating_sub(4);
                format!("<p>{0}</p><ul><li>{0}</li></ul>", words(half))
            }
            SlotKind::Person => {
                format!("{LONGEST} <{}@example.com>, +43 1 2345678 90", "x".repeat(60))
            }
            _ => continue,
        };
        full.slots.insert(name.clone(), value);
    }
    full
}
