//! The few headers the sink looks at.

/// Headers as they stand in the message, unfolded, not decoded. A header that is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) message_id: String,
    pub(super) list_unsubscribe: String,
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) to: String,
}

impl Headers {
    /// Finds them; the first of each name counts.
    pub(super) fn find(message: &[u8]) -> Self {
        let mut found = Self::default();
        let mut lines = message.split(|byte| *byte == b'\n').map(trim_end).peekable();
        while let Some(line) = lines.next() {
            if line.is_empty() {
                break;
            }
            let Some(field) = line.iter().position(|byte| *byte == b':').and_then(|colon| {
                let (name, value) = (&line[..colon], &line[colon + 1..]);
                found.field(name).filter(|field| field.is_empty()).map(|field| (field, value))
            }) else {
                continue;
            };
            let (field, value) = field;
            field.push_str(String::from_utf8_lossy(value).trim_start());
            while let Some(folded) =
                lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t')))
            {
                field.push_str(&String::from_utf8_lossy(folded));
            }
        }
        found
    }

    fn field(&mut self, name: &[u8]) -> Option<&mut String> {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        match () {
            () if is("Message-ID") => Some(&mut self.message_id),
            () if is("List-Unsubscribe") => Some(&mut self.list_unsubscribe),
            () if is("Subject") => Some(&mut self.subject),
            () if is("From") => Some(&mut self.from),
            () if is("To") => Some(&mut self.to),
            () => None,
        }
    }

    /// The Message-ID without its angle brackets.
    pub(super) fn message_id(&self) -> &str {
        self.message_id.trim().trim_start_matches('<').trim_end_matches('>')
    }

    /// The first web address of List-Unsubscribe (RFC 2369).
    pub(super) fn unsubscribe_url(&self) -> Option<&str> {
        self.list_unsubscribe
            .split('<')
            .filter_map(|part| part.split_once('>').map(|(url, _)| url.trim()))
            .find(|url| url.starts_with("http://") || url.starts_with("https://"))
    }
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_headers_are_one_and_the_body_is_not_looked_at() {
        let headers = Headers::find(
            b"Received: x\r\n from: y\r\nmessage-id:\r\n <a@b.example>\r\nSubject: one\r\n two\r\nSubject: three\r\n\
              List-Unsubscribe: <mailto:x@example.com>,\r\n <https://example.com/u/t>\r\n\r\nTo: body\r\n",
        );
        assert_eq!(headers.message_id(), "a@b.example");
        assert_eq!(headers.subject, "one two");
        assert_eq!(headers.unsubscribe_url(), Some("https://example.com/u/t"));
        assert_eq!((headers.to.as_str(), headers.from.as_str()), ("", ""));
    }
}
