//! SMTP commands (RFC 5321), as far as a sink needs them.

/// A command, or the answer to a line that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo,
    Helo,
    Mail { from: String, size: Option<u64>, smtputf8: bool },
    Rcpt { to: String },
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Bad(&'static str),
}

const SYNTAX: &str = "501 5.5.4 Syntax error in the address or its parameters";

impl Command {
    /// Reads one line without its CR LF.
    pub(super) fn parse(line: &[u8]) -> Self {
        let Ok(line) = std::str::from_utf8(line) else {
            return Self::Bad("501 5.5.2 The command is no UTF-8");
        };
        if line.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Self::Bad("501 5.5.2 Control characters in a command");
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let is = |name: &str| verb.eq_ignore_ascii_case(name);
        if is("MAIL") {
            return after_keyword(rest, "FROM:").map_or(Self::Bad(SYNTAX), mail);
        }
        if is("RCPT") {
            return after_keyword(rest, "TO:").map_or(Self::Bad(SYNTAX), rcpt);
        }
        match () {
            () if is("EHLO") && !rest.trim().is_empty() => Self::Ehlo,
            () if is("HELO") && !rest.trim().is_empty() => Self::Helo,
            () if is("EHLO") || is("HELO") => Self::Bad("501 5.5.4 Say who you are"),
            () if is("DATA") && rest.is_empty() => Self::Data,
            () if is("DATA") => Self::Bad("501 5.5.4 DATA takes no parameters"),
            () if is("RSET") => Self::Rset,
            () if is("NOOP") => Self::Noop,
            () if is("QUIT") => Self::Quit,
            () if is("VRFY") => Self::Vrfy,
            () => Self::Bad("502 5.5.1 Command not implemented"),
        }
    }
}

fn after_keyword<'a>(rest: &'a str, keyword: &str) -> Option<&'a str> {
    let (start, after) = rest.split_at_checked(keyword.len())?;
    // RFC 5321 allows no space here; senders that put one are common, and harmless.
    start.eq_ignore_ascii_case(keyword).then(|| after.trim_start())
}

fn mail(text: &str) -> Command {
    let Some((from, parameters)) = path(text) else { return Command::Bad(SYNTAX) };
    let (mut size, mut smtputf8) = (None, false);
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("SIZE") {
            let Ok(bytes) = value.parse() else { return Command::Bad(SYNTAX) };
            size = Some(bytes);
        } else if name.eq_ignore_ascii_case("SMTPUTF8") && value.is_empty() {
            smtputf8 = true;
        } else if !name.eq_ignore_ascii_case("BODY")
            || !(value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME"))
        {
            return Command::Bad("555 5.5.4 Parameter not known");
        }
    }
    if !from.is_ascii() && !smtputf8 {
        // RFC 6531, section 3.5.
        return Command::Bad("550 5.6.7 This sender address needs SMTPUTF8");
    }
    Command::Mail { from: from.to_owned(), size, smtputf8 }
}

fn rcpt(text: &str) -> Command {
    match path(text) {
        Some(("", _)) | None => Command::Bad("501 5.1.3 Syntax error in the recipient's address"),
        Some((_, parameters)) if !parameters.trim().is_empty() => {
            Command::Bad("555 5.5.4 Parameter not known")
        }
        Some((to, _)) if !to.contains('@') => {
            Command::Bad("501 5.1.3 The recipient's address has no @")
        }
        Some((to, _)) => Command::Rcpt { to: to.to_owned() },
    }
}

/// Splits `<address> parameters`. A source route before the address is dropped (RFC 5321, appendix C).
fn path(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    let end = inner.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
        None
    })?;
    let (address, parameters) = (&inner[..end], &inner[end + 1..]);
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return None;
    }
    let address = match address.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => address,
    };
    Some((address, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Command {
        Command::parse(line.as_bytes())
    }

    #[test]
    fn mail_takes_the_parameters_that_are_offered_and_no_others() {
        let from = "b@example.com".to_owned();
        assert_eq!(
            parse("mail from:<b@example.com> SIZE=12 body=8bitmime"),
            Command::Mail { from: from.clone(), size: Some(12), smtputf8: false }
        );
        assert_eq!(
            parse("MAIL FROM: <b@example.com>"),
            Command::Mail { from, size: None, smtputf8: false }
        );
        assert_eq!(
            parse("MAIL FROM:<>"),
            Command::Mail { from: String::new(), size: None, smtputf8: false }
        );
        assert!(
            matches!(parse("MAIL FROM:<é@example.com>"), Command::Bad(s) if s.starts_with("550 5.6.7"))
        );
        assert!(matches!(
            parse("MAIL FROM:<é@example.com> SMTPUTF8"),
            Command::Mail { smtputf8: true, .. }
        ));
        assert!(
            matches!(parse("MAIL FROM:<a@b.example> RET=HDRS"), Command::Bad(s) if s.starts_with("555"))
        );
        assert!(
            matches!(parse("MAIL FROM:<a@b.example> SIZE=x"), Command::Bad(s) if s.starts_with("501"))
        );
        assert!(matches!(parse("MAIL FROM:a@b.example"), Command::Bad(s) if s.starts_with("501")));
    }

    #[test]
    fn a_recipient_is_what_stands_between_the_angle_brackets() {
        let rcpt = |to: &str| Command::Rcpt { to: to.to_owned() };
        assert_eq!(parse("RCPT TO:<\"a>b\"@example.com>"), rcpt("\"a>b\"@example.com"));
        assert_eq!(parse("RCPT TO:<@relay.example:a@example.com>"), rcpt("a@example.com"));
        for bad in [
            "RCPT TO:<>",
            "RCPT TO:<a@example.com",
            "RCPT TO:<anna>",
            "RCPT TO:<a@b.c>x",
            "RCPT FOR:<a@b.c>",
        ] {
            assert!(matches!(parse(bad), Command::Bad(s) if s.starts_with("501")), "{bad}");
        }
    }

    #[test]
    fn control_characters_and_unknown_words_are_refused() {
        assert!(matches!(parse("NOOP a\rQUIT"), Command::Bad(s) if s.starts_with("501 5.5.2")));
        assert!(matches!(parse("STARTTLS"), Command::Bad(s) if s.starts_with("502")));
        assert!(matches!(parse("EHLO "), Command::Bad(s) if s.starts_with("501")));
        assert_eq!(parse("ehlo client.example"), Command::Ehlo);
        assert!(matches!(Command::parse(b"NOOP \xff"), Command::Bad(s) if s.starts_with("501")));
    }
}
