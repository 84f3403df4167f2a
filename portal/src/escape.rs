//! Text of strangers, made safe to stand in a page.

use std::fmt;

/// Shows a text inside HTML, between tags or in a quoted attribute.
pub(crate) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Signs that turn the reading direction could make a name read as another.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => f.write_str(" ")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_means_something_in_html_is_left() {
        let shown = Escaped("<b onx=\"1\" y='2'>&amp;\0\u{202e}Ünï</b>").to_string();
        assert_eq!(shown, "&lt;b onx=&quot;1&quot; y=&#39;2&#39;&gt;&amp;amp; Ünï&lt;/b&gt;");
    }
}
