//! Plain text as people read it in a mail program: lines of a bearable length, single blank lines.

/// The longest line, in characters: RFC 5322 section 2.1.1 asks for no more than 78.
const WIDTH: usize = 76;

/// Wraps lines that are too long at spaces, trims their ends, and makes one blank line of several.
///
/// A word that is longer than a line, such as a link, stays whole. What continues a list item
/// (`- …`) is indented under it.
pub(crate) fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / WIDTH + 8);
    let mut blanks = 0;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            blanks += 1;
            continue;
        }
        if blanks > 0 && !out.is_empty() {
            out.push('\n');
        }
        blanks = 0;
        push_line(&mut out, line);
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    if line.len() <= WIDTH || line.chars().count() <= WIDTH {
        out.push_str(line);
        out.push('\n');
        return;
    }
    let body = line.trim_start();
    let margin = line.len() - body.len();
    let hang = margin + if body.starts_with("- ") { 2 } else { 0 };
    out.push_str(&line[..margin]);
    let mut column = margin;
    let mut is_first = true;
    for word in body.split(' ').filter(|word| !word.is_empty()) {
        let width = word.chars().count();
        if is_first {
            is_first = false;
        } else if column + 1 + width > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', hang));
            column = hang;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_stay_whole_and_blank_lines_single() {
        let link = format!("https://a.example/{}", "x".repeat(90));
        let text = format!("\n\nHello  \n\n\n\nGo to {link} now\n\n");
        assert_eq!(wrap(&text), format!("Hello\n\nGo to\n{link}\nnow\n"));
    }

    #[test]
    fn list_items_hang() {
        let item = format!("- {}", "word ".repeat(20));
        let wrapped = wrap(&item);
        let lines: Vec<_> = wrapped.lines().collect();
        assert!(lines[0].starts_with("- word") && lines[1].starts_with("  word"), "{wrapped}");
    }

    proptest! {
        #[test]
        fn words_survive_and_lines_fit(text in "([a-zäß]{1,12}[ \n]{1,3}){0,80}") {
            let wrapped = wrap(&text);
            prop_assert!(text.split_whitespace().eq(wrapped.split_whitespace()));
            prop_assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH));
            prop_assert!(!wrapped.contains("\n\n\n"));
            prop_assert_eq!(wrap(&wrapped), wrapped.clone());
        }
    }
}
