//! The List-ID of a partner's mail (RFC 2919).

use crate::ids::PartnerId;

/// Longest part taken from a partner key, in characters: a DNS label has at most 63.
const LONGEST_KEY: usize = 40;

/// A List-ID that a person can read and that no other partner has: the partner's key and the end of
/// its id, under `list_domain`. Stable for as long as the vendor keeps the partner's key.
pub fn list_id(partner_key: &str, partner: &PartnerId, list_domain: &str) -> String {
    let key: String = partner_key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(LONGEST_KEY)
        .collect();
    let key = key.trim_matches('-');
    let key = if key.is_empty() { "partner" } else { key };
    let id = partner.as_str();
    let tail = &id[id.len().saturating_sub(8)..];
    format!("{key}.{tail}.{list_domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_ids_are_readable_and_apart() {
        let one: PartnerId = "par_01j00000000000000000000abc".parse().unwrap();
        let other: PartnerId = "par_01j00000000000000000000abd".parse().unwrap();
        assert_eq!(
            list_id("Köhler & Söhne", &one, "lists.example"),
            "k-hler---s-hne.00000abc.lists.example"
        );
        assert_eq!(list_id("***", &one, "l.example"), "partner.00000abc.l.example");
        assert_ne!(list_id("acme", &one, "l.example"), list_id("acme", &other, "l.example"));
    }
}
