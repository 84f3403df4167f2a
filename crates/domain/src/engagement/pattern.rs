//! What a line of the list of user agents looks for.

/// Texts in a user agent: all of them there, or not there, as the line says.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    text: String,
    absent: bool,
    at_start: bool,
    at_end: bool,
    word_starts: bool,
    word_ends: bool,
}

/// `text` without the mark before it, and whether that was there.
fn before<'a>(text: &'a str, mark: &str) -> (&'a str, bool) {
    text.strip_prefix(mark).map_or((text, false), |rest| (rest, true))
}

/// `text` without the mark behind it, and whether that was there.
fn behind<'a>(text: &'a str, mark: &str) -> (&'a str, bool) {
    text.strip_suffix(mark).map_or((text, false), |rest| (rest, true))
}

impl Part {
    fn read(text: &str) -> Result<Self, String> {
        let (rest, absent) = before(text, "!");
        let (rest, at_start) = before(rest, "^");
        let (rest, at_end) = behind(rest, "$");
        let (rest, word_starts) = before(rest, "<");
        let (rest, word_ends) = behind(rest, ">");
        // The empty text is everywhere, and means something only between both ends.
        if rest.is_empty() && !(at_start && at_end) {
            return Err(format!("expected a text to look for, got \"{text}\""));
        }
        Ok(Self { text: rest.to_lowercase(), absent, at_start, at_end, word_starts, word_ends })
    }

    fn is_in(&self, agent: &str) -> bool {
        let bare = |neighbour: Option<char>| !neighbour.is_some_and(char::is_alphanumeric);
        agent.match_indices(&self.text).any(|(at, found)| {
            let (left, right) = (&agent[..at], &agent[at + found.len()..]);
            (!self.at_start || left.is_empty())
                && (!self.at_end || right.is_empty())
                && (!self.word_starts || bare(left.chars().next_back()))
                && (!self.word_ends || bare(right.chars().next()))
        })
    }
}

impl Pattern {
    /// Reads WHAT of a line.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let parts = text.split(" & ").map(|part| Part::read(part.trim())).collect::<Result<_, _>>();
        Ok(Self { parts: parts? })
    }

    /// Whether `agent`, in lower case, is meant.
    pub(super) fn matches(&self, agent: &str) -> bool {
        self.parts.iter().all(|part| part.is_in(agent) != part.absent)
    }
}

/// `agent`, in lower case, without the name of an Android device: `Android 9; de-de; SPIDER X1 Build/…`.
/// Makers call their devices anything, and lines about robots mean what a program calls itself.
pub(super) fn without_device(agent: &str) -> String {
    let named = || {
        let system = ["android ", "andr0id "].iter().filter_map(|name| agent.find(name)).min()?;
        let mut start = system + agent[system..].find([';', ')'])?;
        let mut segment = segment(agent, start)?;
        if is_language(segment) {
            start += 1 + segment.len();
            segment = self::segment(agent, start)?;
        }
        let name = segment.split(" build/").next().unwrap_or(segment);
        // A program and its version, no device.
        (!name.contains('/')).then(|| [&agent[..=start], &agent[start + 1 + name.len()..]].concat())
    };
    named().unwrap_or_else(|| agent.to_owned())
}

/// What stands between the semicolon at `start` and the next one, or the bracket's end.
fn segment(agent: &str, start: usize) -> Option<&str> {
    let rest = agent[start..].strip_prefix(';')?;
    Some(&rest[..rest.find([';', ')']).unwrap_or(rest.len())])
}

/// ` de-de`, ` en_us`.
fn is_language(segment: &str) -> bool {
    let both = segment.trim_start().split_once(['-', '_']);
    let two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    both.is_some_and(|(language, country)| two(language) && two(country))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finds(pattern: &str, agent: &str) -> bool {
        Pattern::read(pattern).unwrap().matches(agent)
    }

    #[test]
    fn a_text_is_looked_for_where_the_line_says() {
        for (pattern, there, elsewhere) in [
            ("Curl", "a curl/8", "cur l"),
            ("^curl", "curl/8", "libcurl/8"),
            ("bot$", "a bot", "a bot/1"),
            ("^$", "", "x"),
            ("<seo", "a seo tool", "museo"),
            ("<seo", "x;seo", "xseo"),
            ("seo>", "xseo/1", "seoul"),
            ("<rss>", "(rss)", "rss2 trss"),
            // The first place does not decide for the second.
            ("<rss>", "trss rss", "trss rss2"),
            ("^mozilla/ & java", "mozilla/5.0 java", "java mozilla/5.0"),
            ("libwww & !libwww-fm", "libwww/5", "lynx libwww-fm/2"),
            ("!^mozilla/", "curl", "mozilla/5.0"),
        ] {
            assert!(finds(pattern, there), "{pattern} in {there}");
            assert!(!finds(pattern, elsewhere), "{pattern} in {elsewhere}");
        }
        for nothing in ["!", "^", "a & ", "<>", "a & !"] {
            assert!(Pattern::read(nothing).is_err(), "{nothing}");
        }
    }

    #[test]
    fn a_device_may_be_called_anything() {
        for (agent, left) in [
            ("(linux; android 9; spider x1 build/p1; wv)", "(linux; android 9; build/p1; wv)"),
            ("(linux; android 9; cubot x19) chrome", "(linux; android 9;) chrome"),
            (
                "(linux; u; android 4; de-de; robot build/x)",
                "(linux; u; android 4; de-de; build/x)",
            ),
            ("(linux; android 5; robot", "(linux; android 5;"),
            ("(linux; andr0id 9; robot)", "(linux; andr0id 9;)"),
        ] {
            assert_eq!(without_device(agent), left);
        }
        for whole in [
            "curl/8",
            "android",
            "android 9",
            "(linux; android 10) robot",
            "(linux; android 9; robot/2.0)",
            "(linux; android 9; de-de)",
            "(linux; android 9; de-de",
        ] {
            assert_eq!(without_device(whole), whole);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_says_can_be_read(
            agent in "(android |andr0id |;|\\)|de-de| build/|/|ä|x| ){0,12}",
        ) {
            prop_assert!(without_device(&agent).len() <= agent.len());
        }
    }
}
