//! The lines of a file as UTF-8, whatever it was saved as and however its lines end.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use encoding_rs::Decoder;

use super::encoding::Found;

const BLOCK: usize = 64 * 1024;

/// The longest row that is read, in bytes: what a quote that is never closed would swallow.
pub(super) const MAX_ROW_BYTES: usize = 4 * 1024 * 1024;

/// What [`Lines::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, with LF at its end, whatever it ended in.
    Whole,
    /// A line of more than [`MAX_ROW_BYTES`]; it was skipped.
    TooLong,
    /// There is none any more.
    End,
}

/// Reads a file line by line.
pub(super) struct Lines {
    file: File,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    last: u8,
    is_at_end: bool,
    number: u64,
    bytes_read: u64,
}

impl Lines {
    /// From the start of the file.
    pub(super) fn new(mut file: File, found: &Found) -> io::Result<Self> {
        file.seek(SeekFrom::Start(found.mark))?;
        let decoder = (!found.is_plain).then(|| found.encoding.new_decoder_without_bom_handling());
        Ok(Self {
            file,
            decoder,
            raw: vec![0; BLOCK],
            text: Vec::new(),
            at: 0,
            last: b'\n',
            is_at_end: false,
            number: 0,
            bytes_read: found.mark,
        })
    }

    /// The number of the line that was read last; 1 is the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes of the file that were read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Puts the next line into `into`.
    pub(super) fn next(&mut self, into: &mut Vec<u8>) -> io::Result<Line> {
        into.clear();
        let mut is_too_long = false;
        loop {
            let rest = &self.text[self.at..];
            let end = memchr::memchr(b'\n', rest);
            let part = &rest[..end.map_or(rest.len(), |end| end + 1)];
            self.at += part.len();
            if into.len() + part.len() > MAX_ROW_BYTES {
                is_too_long = true;
                into.clear();
            }
            if !is_too_long {
                into.extend_from_slice(part);
            }
            if end.is_some() {
                self.number += 1;
                return Ok(if is_too_long { Line::TooLong } else { Line::Whole });
            }
            if self.is_at_end {
                return Ok(Line::End);
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let read = self.file.read(&mut self.raw)?;
        self.bytes_read += read as u64;
        self.is_at_end = read == 0;
        self.at = 0;
        self.text.clear();
        match &mut self.decoder {
            None => self.text.extend_from_slice(&self.raw[..read]),
            Some(decoder) => {
                let room = decoder.max_utf8_buffer_length(read).unwrap_or(4 * BLOCK);
                self.text.resize(room, 0);
                let (_, _, written, _) =
                    decoder.decode_to_utf8(&self.raw[..read], &mut self.text, self.is_at_end);
                self.text.truncate(written);
            }
        }
        self.unify_line_ends();
        if self.is_at_end && self.last != b'\n' {
            // The last line ends like all others.
            self.text.push(b'\n');
            self.last = b'\n';
        }
        Ok(())
    }

    /// Turns CR LF and CR into LF.
    fn unify_line_ends(&mut self) {
        let before = self.last;
        self.last = self.text.last().copied().unwrap_or(before);
        if before != b'\r' && memchr::memchr(b'\r', &self.text).is_none() {
            return;
        }
        let mut previous = before;
        self.text.retain_mut(|byte| {
            let is_second_half = *byte == b'\n' && previous == b'\r';
            previous = *byte;
            if *byte == b'\r' {
                *byte = b'\n';
            }
            !is_second_half
        });
        if self.is_at_end && before == b'\r' && self.text.is_empty() {
            self.last = b'\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::Path};

    use super::*;
    use crate::table::encoding;

    fn lines(bytes: &[u8]) -> Lines {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let found = encoding::find(&mut file, Path::new("x.csv"), None).unwrap();
        Lines::new(file, &found).unwrap()
    }

    fn read(bytes: &[u8]) -> String {
        let mut lines = lines(bytes);
        let (mut all, mut line) = (Vec::new(), Vec::new());
        while lines.next(&mut line).unwrap() == Line::Whole {
            all.extend_from_slice(&line);
        }
        assert_eq!(lines.bytes_read(), bytes.len() as u64);
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn every_kind_of_line_end_reads_as_one() {
        for text in ["a\r\nb\r\n", "a\rb\r", "a\nb", "a\nb\n", "a\r\nb", "a\rb"] {
            assert_eq!(read(text.as_bytes()), "a\nb\n", "{text:?}");
        }
        assert_eq!(read(b"a\n\rb\r\r\n"), "a\n\nb\n\n");
        for end in ["\r\n", "\r", "\n"] {
            for length in [BLOCK - 2, BLOCK - 1, BLOCK] {
                let long = "x".repeat(length);
                let text = format!("{long}{end}y{end}");
                assert_eq!(read(text.as_bytes()), format!("{long}\ny\n"), "{end:?} {length}");
                assert_eq!(read(format!("{long}{end}").as_bytes()), format!("{long}\n"));
            }
        }
    }

    #[test]
    fn text_is_decoded_across_blocks() {
        let text = "Zoë,山田\n".repeat(BLOCK / 3);
        let utf16: Vec<u8> =
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(read(&utf16) == text, "UTF-16");
        let latin: Vec<u8> = "Zoë\n".repeat(BLOCK / 3).chars().map(|c| c as u8).collect();
        assert!(read(&latin) == "Zoë\n".repeat(BLOCK / 3), "Latin-1");
    }

    #[test]
    fn a_line_without_an_end_takes_bounded_memory() {
        let mut bytes = b"a\n".to_vec();
        bytes.resize(3 * MAX_ROW_BYTES, b'x');
        bytes.extend(b"\nb\n");
        let mut lines = lines(&bytes);
        let mut line = Vec::new();
        let mut seen = Vec::new();
        loop {
            let kind = lines.next(&mut line).unwrap();
            if kind == Line::End {
                break;
            }
            seen.push((kind, lines.number(), line.clone()));
        }
        assert!(line.capacity() <= 2 * MAX_ROW_BYTES);
        assert_eq!(
            seen,
            [
                (Line::Whole, 1, b"a\n".to_vec()),
                (Line::TooLong, 2, vec![]),
                (Line::Whole, 3, b"b\n".to_vec())
            ]
        );
    }
}
