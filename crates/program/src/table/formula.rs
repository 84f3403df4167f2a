//! Cells that a spreadsheet program would run instead of showing.
//!
//! An export puts an apostrophe before them, which such programs take for "this is text", and an import
//! takes it off again. A text that has apostrophes there of its own gets one more, so that nothing is
//! lost on the way.

use std::borrow::Cow;

/// Whether a spreadsheet program may run a cell that begins like this: the signs, what some programs
/// skip before them, and the signs as a Japanese keyboard writes them.
fn is_dangerous(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// The text as a cell that is only shown.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    if is_dangerous(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text of such a cell.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_dangerous(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_shown() {
        for text in
            ["=HYPERLINK(\"http://x\")", "+43 1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"]
        {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        for text in ["Anna", "O'Brien", "'quoted'", "", "a=b", "'"] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
        assert_eq!(unguarded("=1"), "=1", "a cell of another program stays what it is");
    }

    proptest! {
        #[test]
        fn the_way_there_and_back_changes_nothing(text in "('{0,3}[=+@a\t＝-]?)?\\PC{0,8}") {
            let cell = guarded(&text);
            prop_assert_eq!(unguarded(&cell), &text);
            prop_assert!(!is_dangerous(&cell));
        }
    }
}
