//! Yes and no, as people and programs write them.

const YES: [&str; 19] = [
    "yes", "y", "true", "t", "1", "x", "on", "✓", "ja", "j", "oui", "o", "sí", "si", "sì", "sim",
    "да", "はい", "是",
];

const NO: [&str; 15] = [
    "no",
    "n",
    "false",
    "f",
    "0",
    "off",
    "-",
    "nein",
    "non",
    "nee",
    "não",
    "nao",
    "нет",
    "いいえ",
    "否",
];

/// What a cell says; `None` if that is neither.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    let word = text.trim().to_lowercase();
    if YES.contains(&word.as_str()) {
        Some(true)
    } else if NO.contains(&word.as_str()) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_yes_or_no_or_neither() {
        for word in ["Yes", "TRUE", "1", "x", "Ja", "oui", "はい"] {
            assert_eq!(yes_or_no(word), Some(true), "{word}");
        }
        for word in ["No", "false", "0", "Nein", "-"] {
            assert_eq!(yes_or_no(word), Some(false), "{word}");
        }
        for word in ["", "perhaps", "2", "2026-01-01"] {
            assert_eq!(yes_or_no(word), None, "{word}");
        }
        assert!(YES.iter().all(|word| !NO.contains(word)));
    }
}
