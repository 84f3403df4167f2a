//! Language tags.

/// The tag in its usual writing (`de-AT`, `zh-Hant-TW`), if it is well formed in what of BCP 47 is in
/// common use: language, script, region, variants. An underscore is taken for a hyphen.
pub(crate) fn language_tag(text: &str) -> Option<String> {
    let mut parts = text.trim().split(['-', '_']);
    let language = parts.next()?;
    let alphabetic = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    if !(2..=3).contains(&language.len()) || !alphabetic(language) {
        return None;
    }
    let mut tag = language.to_ascii_lowercase();
    let mut stage = 0;
    for part in parts {
        let (next, written) = match part.len() {
            4 if alphabetic(part) && stage < 1 => {
                let mut written = part.to_ascii_lowercase();
                written[..1].make_ascii_uppercase();
                (1, written)
            }
            2 if alphabetic(part) && stage < 2 => (2, part.to_ascii_uppercase()),
            3 if part.bytes().all(|b| b.is_ascii_digit()) && stage < 2 => (2, part.to_owned()),
            5..=8 if part.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                (3, part.to_ascii_lowercase())
            }
            _ => return None,
        };
        stage = next;
        tag.push('-');
        tag.push_str(&written);
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_one_way() {
        for (text, want) in [
            ("EN", "en"),
            ("de_at", "de-AT"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("ca-valencia", "ca-valencia"),
        ] {
            assert_eq!(language_tag(text).as_deref(), Some(want));
        }
        for bad in ["", "e", "english", "de-", "de-A", "de-AT-Latn", "12", "de-AT\r\nX: y"] {
            assert_eq!(language_tag(bad), None, "{bad:?}");
        }
    }
}
