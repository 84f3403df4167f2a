//! The content of a message as it comes off the wire: dot-unstuffed (RFC 5321, 4.5.2), and refused when it
//! has a CR or an LF alone, which is how a second message is smuggled past a server that reads them
//! differently.

use memchr::memchr;

/// How much of the start of a message is kept to find its headers in, when the rest is not kept.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How reading went on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// So many bytes were used up; the content goes on.
    More(usize),
    /// So many bytes were used up; the last of them were the final dot.
    End(usize),
    /// A CR or an LF stands alone.
    Bare,
}

/// A message being read.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
    size: usize,
    max: usize,
    keep_body: bool,
    in_headers: bool,
}

impl Content {
    /// Keeps the whole message if `keep_body`, otherwise its headers; takes at most `max` bytes.
    pub(super) fn new(keep_body: bool, max: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(if keep_body { 16 * 1024 } else { 2 * 1024 }),
            size: 0,
            max,
            keep_body,
            in_headers: true,
        }
    }

    /// Takes whole lines off `input`; what is left is the start of a line.
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &input[start..]) {
            let line = &input[start..=start + length];
            let Some(text) = line.strip_suffix(b"\r\n") else { return Fed::Bare };
            if memchr(b'\r', text).is_some() {
                return Fed::Bare;
            }
            start += length + 1;
            if text == b"." {
                return Fed::End(start);
            }
            self.push(if text.first() == Some(&b'.') { &line[1..] } else { line });
        }
        Fed::More(start)
    }

    fn push(&mut self, line: &[u8]) {
        self.size += line.len();
        if self.size > self.max {
            return;
        }
        if self.keep_body || (self.in_headers && self.bytes.len() < MAX_HEADER_BYTES) {
            self.bytes.extend_from_slice(line);
        }
        if line == b"\r\n" {
            self.in_headers = false;
        }
    }

    /// Whether it is larger than the sink takes.
    pub(super) fn is_too_big(&self) -> bool {
        self.size > self.max
    }

    /// Its size in bytes, after dot-unstuffing.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What was kept of it.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], step: usize) -> (Fed, Vec<u8>) {
        let mut content = Content::new(true, 1_000);
        let (mut start, mut end) = (0, 0);
        loop {
            end = (end + step).min(input.len());
            match content.feed(&input[start..end]) {
                Fed::More(used) if end < input.len() => start += used,
                fed => return (fed, content.into_bytes()),
            }
        }
    }

    #[test]
    fn dots_are_unstuffed_wherever_the_packets_are_cut() {
        let wire = b"a: b\r\n\r\n..\r\n...x\r\n.y\r\nz.\r\n.\r\n";
        for step in 1..=wire.len() {
            let (fed, bytes) = read(wire, step);
            assert!(matches!(fed, Fed::End(_)), "{step}: {fed:?}");
            assert_eq!(bytes, b"a: b\r\n\r\n.\r\n..x\r\ny\r\nz.\r\n", "{step}");
        }
    }

    #[test]
    fn what_follows_the_dot_is_left_alone() {
        assert_eq!(read(b".\r\nMAIL FROM:<>\r\n", 99).0, Fed::End(3));
    }

    #[test]
    fn a_line_end_that_is_not_cr_lf_is_no_line_end_and_no_content() {
        for smuggled in [
            &b"x\n.\r\nMAIL FROM:<>\r\n"[..],
            b"x\r\n.\nMAIL FROM:<>\r\n",
            b"x\r.\r\nMAIL FROM:<>\r\n",
            b"x\r\n\r.\r\n",
            b"x\r\r\n.\r\n",
        ] {
            assert_eq!(read(smuggled, 99).0, Fed::Bare, "{smuggled:?}");
        }
    }

    #[test]
    fn a_message_that_is_not_kept_is_counted_and_its_headers_are_read() {
        let mut content = Content::new(false, 1_000);
        assert_eq!(content.feed(b"a: b\r\n\r\nbody\r\n.\r\n"), Fed::End(17));
        assert_eq!(content.size(), 14);
        assert_eq!(content.into_bytes(), b"a: b\r\n\r\n");
        let mut content = Content::new(true, 5);
        content.feed(b"123456\r\n.\r\n");
        assert!(content.is_too_big());
    }
}
