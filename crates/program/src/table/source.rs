//! The bytes of a file as UTF-8, whatever it was saved as.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::{Error, Result};

const BLOCK: usize = 64 * 1024;

/// The longest row that is read, in bytes. A quote that is never closed swallows all that follows;
/// this is where that ends.
pub(crate) const MAX_ROW_BYTES: u64 = 4 * 1024 * 1024;

/// What a file was saved as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8WithMark,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8WithMark => "UTF-8 with a byte order mark",
            Self::Utf16Le => "UTF-16 (little endian)",
            Self::Utf16Be => "UTF-16 (big endian)",
            Self::Windows1252 => "Windows-1252",
        }
    }
}

/// What was found out about a file before its first row is read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) encoding: Encoding,
    pub(crate) bytes_total: u64,
    /// The line of the first bytes that are no UTF-8, when that decided the encoding.
    pub(crate) first_odd_line: Option<u64>,
}

/// How far reading has come; shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    read: Arc<AtomicU64>,
    row: Arc<AtomicU64>,
}

impl Meter {
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// A row has ended: the next one may be as long again.
    pub(crate) fn row_ended(&self) {
        self.row.store(0, Ordering::Relaxed);
    }
}

/// Looks through the whole file once and opens it from its start.
pub(crate) fn open(path: &Path) -> Result<(Found, Utf8Source)> {
    let io = |source| Error::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(io(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let found = look_through(&mut file, path)?;
    let skip = match found.encoding {
        Encoding::Utf8WithMark => 3,
        Encoding::Utf16Le | Encoding::Utf16Be => 2,
        Encoding::Utf8 | Encoding::Windows1252 => 0,
    };
    file.seek(SeekFrom::Start(skip)).map_err(io)?;
    let decoder = match found.encoding {
        Encoding::Utf8 | Encoding::Utf8WithMark => None,
        Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
        Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
        Encoding::Windows1252 => Some(WINDOWS_1252.new_decoder_without_bom_handling()),
    };
    let meter = Meter::default();
    let file = BufReader::with_capacity(BLOCK, file);
    Ok((
        found,
        Utf8Source { file, decoder, ready: Vec::new(), at: 0, ended: false, last: 0, meter },
    ))
}

fn look_through(file: &mut File, path: &Path) -> Result<Found> {
    let io = |source| Error::File { path: path.to_owned(), source };
    let mut block = vec![0u8; BLOCK];
    let mut kept = 0;
    let mut total = 0u64;
    let mut lines = 1u64;
    let mut encoding = None;
    let mut first_odd_line = None;
    loop {
        let read = file.read(&mut block[kept..]).map_err(io)?;
        if total == 0 {
            encoding = by_head(&block[..read], path)?;
        }
        total += read as u64;
        let filled = kept + read;
        if first_odd_line.is_none() && encoding.is_none() {
            let part = &block[..filled];
            match std::str::from_utf8(part) {
                Ok(_) => kept = 0,
                // A character cut by the end of the block is looked at with the next one.
                Err(e) if e.error_len().is_none() && read > 0 => kept = filled - e.valid_up_to(),
                Err(e) => {
                    let before = count_lines(&part[..e.valid_up_to()]);
                    first_odd_line = Some(lines + before);
                    kept = 0;
                }
            }
            lines += count_lines(&block[..filled - kept]);
            block.copy_within(filled - kept..filled, 0);
        }
        if read == 0 {
            break;
        }
    }
    let encoding = encoding.unwrap_or(match first_odd_line {
        Some(_) => Encoding::Windows1252,
        None => Encoding::Utf8,
    });
    Ok(Found { encoding, bytes_total: total, first_odd_line })
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// What the first bytes say, if they say anything.
fn by_head(head: &[u8], path: &Path) -> Result<Option<Encoding>> {
    let refuse = |value: &str, expected: &str| {
        Err(Error::bad_input(&path.display().to_string(), value, expected))
    };
    match head {
        [0xEF, 0xBB, 0xBF, ..] => return Ok(Some(Encoding::Utf8WithMark)),
        [0xFF, 0xFE, ..] => return Ok(Some(Encoding::Utf16Le)),
        [0xFE, 0xFF, ..] => return Ok(Some(Encoding::Utf16Be)),
        [b'P', b'K', 3, 4, ..] => {
            return refuse(
                "a workbook (.xlsx, .ods)",
                "a CSV file: save the sheet as \"CSV UTF-8\"",
            );
        }
        [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            return refuse("a workbook (.xls)", "a CSV file: save the sheet as \"CSV UTF-8\"");
        }
        [] => return refuse("an empty file", "a CSV file with a header line"),
        _ => {}
    }
    let start = &head[..head.len().min(4096)];
    let nuls = start.iter().filter(|byte| **byte == 0).count();
    if nuls * 4 > start.len() {
        return refuse(
            "UTF-16 without a byte order mark, or no text at all",
            "a CSV file in UTF-8: save it as \"CSV UTF-8\"",
        );
    }
    Ok(None)
}

/// Reads UTF-8 out of a file in any of the encodings.
pub(crate) struct Utf8Source {
    file: BufReader<File>,
    decoder: Option<Decoder>,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
    last: u8,
    meter: Meter,
}

impl Utf8Source {
    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Text as it stands in the file; 0 is its end.
    fn read_text(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.decoder.is_none() {
            let count = self.file.read(into)?;
            self.meter.read.fetch_add(count as u64, Ordering::Relaxed);
            return Ok(count);
        }
        while self.at == self.ready.len() && !self.ended {
            self.decode_more()?;
        }
        let count = into.len().min(self.ready.len() - self.at);
        into[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }

    /// Turns CR LF and CR into LF, in place; gives the new length. The CSV reader leaves the LF of a
    /// CR LF for the next row, which puts every line number it gives one too low.
    fn unify_line_ends(&mut self, text: &mut [u8]) -> usize {
        let mut to = 0;
        for at in 0..text.len() {
            let byte = text[at];
            let is_second_half = byte == b'\n' && self.last == b'\r';
            self.last = byte;
            if !is_second_half {
                text[to] = if byte == b'\r' { b'\n' } else { byte };
                to += 1;
            }
        }
        to
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(());
        };
        let mut raw = [0u8; 8 * 1024];
        let read = self.file.read(&mut raw)?;
        self.meter.read.fetch_add(read as u64, Ordering::Relaxed);
        self.ended = read == 0;
        let room = decoder.max_utf8_buffer_length(read).unwrap_or(4 * BLOCK);
        self.ready.resize(room, 0);
        let (_, _, written, _) = decoder.decode_to_utf8(&raw[..read], &mut self.ready, self.ended);
        self.ready.truncate(written);
        self.at = 0;
        Ok(())
    }
}

impl Read for Utf8Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.meter.row.load(Ordering::Relaxed) > MAX_ROW_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a row of more than 4 MiB, which is what a quote that is never closed looks like",
            ));
        }
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let raw = self.read_text(into)?;
            if raw == 0 {
                // The last line ends like all others, so that lines can be counted by their ends.
                let missing = self.last != b'\n' && self.last != b'\r' && self.last != 0;
                self.last = b'\n';
                into[0] = b'\n';
                return Ok(usize::from(missing));
            }
            let count = self.unify_line_ends(&mut into[..raw]);
            if count > 0 {
                self.meter.row.fetch_add(count as u64, Ordering::Relaxed);
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(bytes: &[u8]) -> (Found, String) {
        let file = file(bytes);
        let (found, mut source) = open(file.path()).unwrap();
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        (found, text)
    }

    #[test]
    fn every_usual_encoding_reads_as_the_same_text() {
        let text = "email,first_name\nanna@example.com,Zoë\n";
        let utf16 = |big: bool| {
            let unit = |u: u16| {
                if big { u.to_be_bytes() } else { u.to_le_bytes() }
            };
            let mark = unit(0xFEFF);
            mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<_>>()
        };
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), Encoding::Utf8WithMark),
            (utf16(false), Encoding::Utf16Le),
            (utf16(true), Encoding::Utf16Be),
            (latin, Encoding::Windows1252),
        ] {
            let (found, got) = read(&bytes);
            assert_eq!((found.encoding, got.as_str()), (encoding, text));
        }
    }

    #[test]
    fn every_kind_of_line_end_reads_as_one() {
        for text in ["a\r\nb\r\n", "a\rb\r", "a\nb", "a\nb\n", "a\r\nb"] {
            assert_eq!(read(text.as_bytes()).1, "a\nb\n", "{text:?}");
        }
        let long = "x".repeat(BLOCK - 1);
        assert_eq!(read(format!("{long}\r\ny\r\n").as_bytes()).1, format!("{long}\ny\n"));
    }

    #[test]
    fn the_line_that_is_no_utf8_is_named_even_past_a_block() {
        let mut bytes = "é\n".repeat(BLOCK).into_bytes();
        assert_eq!(read(&bytes).0.encoding, Encoding::Utf8, "a character cut by a block is none");
        bytes.extend(b"Zo\xEB\n");
        let (found, text) = read(&bytes);
        assert_eq!(found.encoding, Encoding::Windows1252);
        assert_eq!(found.first_odd_line, Some(BLOCK as u64 + 1));
        assert!(text.ends_with("Zoë\n"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_what_to_do() {
        for (bytes, want) in [
            (&b"PK\x03\x04rest"[..], "CSV UTF-8"),
            (b"\xD0\xCF\x11\xE0rest", "CSV UTF-8"),
            (b"e\0m\0a\0i\0l\0", "byte order mark"),
            (b"", "header"),
        ] {
            let file = file(bytes);
            let error = open(file.path()).err().unwrap().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
