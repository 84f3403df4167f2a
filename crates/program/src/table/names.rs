//! The names of columns: how they are compared, and what templates call them.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The longest name of a merge field that a package may speak of.
const MAX_NAME: usize = 40;

/// The form in which names are compared: letters and digits alone, in lower case and without accents,
/// so that `E-Mail`, `First Name` and `Prenom` are found.
pub(crate) fn key(name: &str) -> String {
    name.nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() && !is_combining_mark(*c))
        .collect()
}

/// What templates call the column that is named `written` and stands at `number`: lower case, one `_`
/// for whatever is no letter or digit of ASCII. A name that has none of these becomes the number.
pub(super) fn merge_field_name(written: &str, number: usize) -> String {
    let mut name = String::new();
    for c in written.nfkd().flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c)) {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            // Letters that are no plain one with an accent.
            'ß' => name.push_str("ss"),
            'æ' => name.push_str("ae"),
            'œ' => name.push_str("oe"),
            'ø' => name.push('o'),
            'đ' | 'ð' => name.push('d'),
            'ł' => name.push('l'),
            'ı' => name.push('i'),
            'þ' => name.push_str("th"),
            _ if !name.ends_with('_') && !name.is_empty() => name.push('_'),
            _ => {}
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "field_");
    }
    name.truncate(MAX_NAME);
    match name.trim_end_matches('_') {
        "" => format!("column_{number}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_compared_however_they_are_written() {
        for (one, other) in [
            ("E-Mail", "email"),
            ("First Name", "first_name"),
            ("PRÉNOM", "prenom"),
            ("Pre\u{301}nom", "Prénom"),
            ("Ｅメール", "Eメール"),
            ("İsim", "isim"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_ne!(key("名"), key("姓"));
        assert_eq!(key(" -_/ "), "");
    }

    #[test]
    fn merge_fields_have_names_a_template_can_use() {
        for (written, want) in [
            ("Job Title", "job_title"),
            (" Größe (m²) ", "grosse_m2"),
            ("2nd line", "field_2nd_line"),
            ("Ort/Łódź", "ort_lodz"),
            ("!!", "column_7"),
            ("部署", "column_7"),
            (
                "How likely is it that you would recommend us to a friend?",
                "how_likely_is_it_that_you_would_recommen",
            ),
        ] {
            assert_eq!(merge_field_name(written, 7), want, "{written:?}");
        }
    }

    proptest! {
        /// An export's header is an import's: a name that is one already stays as it is.
        #[test]
        fn a_name_of_a_name_is_the_name(written in "\\PC{0,60}") {
            let name = merge_field_name(&written, 3);
            prop_assert!(name.len() <= MAX_NAME && name.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert_eq!(merge_field_name(&name, 4), name);
        }
    }
}
