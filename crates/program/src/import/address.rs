//! Addresses as they are pasted, exported and typed: what clearly is an address is read as one.

use domain::{EmailAddress, address::AddressError};

/// An address out of a file.
#[derive(Debug)]
pub(super) enum AddressRead {
    /// One that mail can be sent to.
    Good {
        /// Normalised.
        address: EmailAddress,
        /// As the file writes it, less what was pasted around it.
        written: String,
        /// Something was taken off that is not only white space.
        was_tidied: bool,
    },
    /// None; the text as the file has it.
    Malformed(AddressError),
}

/// Reads an address: what stands in angle brackets, or the text less what is pasted around addresses.
/// A cell that still is none, or more than one, is left as it is.
pub(super) fn read(cell: &str) -> AddressRead {
    // An apostrophe may stand in a name, but none begins with it: it is a quote, or a spreadsheet's
    // mark for text. What is not seen is let through in domains.
    let is_clean = !cell.starts_with('\'') && !cell.contains(is_invisible);
    let as_it_is = match cell.parse::<EmailAddress>() {
        Ok(address) if is_clean => {
            return AddressRead::Good { address, written: cell.to_owned(), was_tidied: false };
        }
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let tidy = tidied(cell);
    match (tidy.parse::<EmailAddress>(), as_it_is) {
        (Ok(address), _) => AddressRead::Good { address, written: tidy, was_tidied: true },
        (Err(error), as_it_is) => AddressRead::Malformed(as_it_is.unwrap_or(error)),
    }
}

fn tidied(cell: &str) -> String {
    let text: String = cell.chars().filter(|c| !is_invisible(*c)).map(narrow).collect();
    let mut text = text.trim();
    // `Anna Meier <anna@example.com>`; of several addresses none is meant more than the others.
    if let Some((_, inside)) = text.split_once('<')
        && let Some((inside, behind)) = inside.split_once('>')
        && text.matches('@').count() == inside.matches('@').count()
        && !behind.contains('<')
    {
        text = inside;
    }
    loop {
        let before = text;
        text = text.trim();
        // What ends a sentence or a list, but begins none.
        text = text.trim_end_matches(['.', ',', ';', ':', '!']);
        for (open, close) in [
            ('"', '"'),
            ('\'', '\''),
            ('<', '>'),
            ('(', ')'),
            ('[', ']'),
            ('“', '”'),
            ('‘', '’'),
            ('„', '“'),
            ('«', '»'),
        ] {
            if let Some(inside) = text.strip_prefix(open).and_then(|text| text.strip_suffix(close))
            {
                text = inside;
            }
        }
        text = text.strip_prefix('\'').unwrap_or(text);
        if let Some(scheme) = text.get(..7)
            && scheme.eq_ignore_ascii_case("mailto:")
        {
            text = text[7..].split('?').next().unwrap_or_default();
        }
        if text == before {
            return text.to_owned();
        }
    }
}

/// What is not seen and comes along when an address is copied from a web page, a PDF or a chat: soft
/// hyphens, zero-width characters, marks of direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// The signs of an address as a Japanese or Chinese keyboard writes them.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        '。' | '｡' => '.',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_around_an_address_comes_off() {
        for cell in [
            "Anna Meier <anna@example.com>",
            "\"Meier, Anna\" <anna@example.com>",
            "<anna@example.com>",
            "\"anna@example.com\"",
            "'anna@example.com",
            "(anna@example.com)",
            "“anna@example.com”",
            "mailto:anna@example.com",
            "<MAILTO:anna@example.com?subject=Hi>",
            "anna@example.com.",
            "anna@example.com;",
            "anna@example.com, ",
            "\u{200b}anna@example.com\u{200e}",
            "\u{202a}anna@example.com\u{202c}",
            "an\u{ad}na@exam\u{200b}ple.com",
            "anna@exam\u{ad}ple.com",
            "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        ] {
            let AddressRead::Good { address, written, was_tidied } = read(cell) else {
                panic!("{cell}");
            };
            assert_eq!(
                (address.as_str(), written.as_str()),
                ("anna@example.com", "anna@example.com"),
                "{cell}"
            );
            assert!(was_tidied, "{cell}");
        }
    }

    #[test]
    fn what_is_an_address_stays_and_what_is_none_too() {
        for cell in [
            "Anna.O'Brien+x@Example.com",
            "山田@例え.jp",
            "x@xn--bcher-kva.example",
            "=1@example.com",
        ] {
            let AddressRead::Good { written, was_tidied, .. } = read(cell) else {
                panic!("{cell}")
            };
            assert_eq!((written.as_str(), was_tidied), (cell, false));
        }
        for cell in [
            "anna",
            "anna@example.com, bert@example.com",
            "Anna <anna@example.com>, Bert <bert@example.com>",
            "anna@example.com <bert@example.com>",
            ".anna@example.com",
            "anna.@example.com",
            "anna(at)example.com",
            "anna @example.com",
            "anna@localhost",
            "<>",
            "mailto:",
            "''",
        ] {
            assert!(matches!(read(cell), AddressRead::Malformed(_)), "{cell}");
        }
    }
}
