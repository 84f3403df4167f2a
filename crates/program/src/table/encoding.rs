//! What a file was saved as: told by its byte order mark, or by looking through all of it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::kind;
use crate::error::{Error, Result};

const BLOCK: usize = 64 * 1024;

/// What was found out about a file before its first row is read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) encoding: &'static Encoding,
    /// Bytes of the byte order mark; reading begins behind it.
    pub(crate) mark: u64,
    /// Every byte is what UTF-8 has, so nothing needs to be decoded.
    pub(crate) is_plain: bool,
    pub(crate) bytes_total: u64,
    /// What the reader of the report should know.
    pub(crate) note: Option<String>,
}

impl Found {
    /// The encoding as the report names it.
    pub(crate) fn name(&self) -> String {
        let name = match self.encoding.name() {
            "windows-1252" => "Windows-1252",
            "UTF-16LE" => "UTF-16 (little endian)",
            "UTF-16BE" => "UTF-16 (big endian)",
            other => other,
        };
        match self.mark {
            3 => format!("{name} with a byte order mark"),
            _ => name.to_owned(),
        }
    }
}

/// The encoding of this name, as web browsers know it.
///
/// # Errors
/// There is none.
pub(crate) fn by_name(asked: &str) -> Result<&'static Encoding> {
    Encoding::for_label(asked.as_bytes()).ok_or_else(|| {
        let expected = "the name of an encoding, such as utf-8, windows-1250, shift_jis or gbk";
        Error::bad_input("--encoding", asked, expected)
    })
}

/// Looks through the whole file once, or twice if it is not in UTF-8.
///
/// # Errors
/// It can't be read, or it is no text.
pub(crate) fn find(
    file: &mut File,
    path: &Path,
    asked: Option<&'static Encoding>,
) -> Result<Found> {
    let io = |source| Error::File { path: path.to_owned(), source };
    let refuse = |value: &str, expected: &str| {
        Err(Error::bad_input(&path.display().to_string(), value, expected))
    };
    let mut head = Vec::with_capacity(BLOCK);
    file.by_ref().take(BLOCK as u64).read_to_end(&mut head).map_err(io)?;
    if head.is_empty() {
        return refuse("an empty file", "a CSV file with a header line");
    }
    if let Some((what, instead)) = kind::foreign(&head) {
        return refuse(what, instead);
    }
    let bytes_total = file.metadata().map_err(io)?.len();
    let found = |encoding: &'static Encoding, mark| Found {
        encoding,
        mark,
        is_plain: false,
        bytes_total,
        note: None,
    };
    let marked = Encoding::for_bom(&head).map(|(encoding, mark)| (encoding, mark as u64));
    if let Some(asked) = asked {
        let mark = marked.filter(|(encoding, _)| *encoding == asked).map_or(0, |(_, mark)| mark);
        return Ok(found(asked, mark));
    }
    let by_zeros = if marked.is_none() { by_zeros(&head) } else { None };
    if let Some((encoding, mark)) = marked.filter(|(encoding, _)| *encoding != UTF_8) {
        return Ok(noted(found(encoding, mark), |name| {
            format!("the file is {name}, and was read as that")
        }));
    }
    if let Some(encoding) = by_zeros {
        return Ok(noted(found(encoding, 0), |name| {
            format!("the file is {name} without a byte order mark, and was read as that")
        }));
    }
    if is_binary(&head) {
        return refuse("no text", "a CSV file with a header line");
    }
    let seen = look_through(file).map_err(io)?;
    let mark = marked.map_or(0, |(_, mark)| mark);
    let Some(line) = seen.first_odd_line else {
        return Ok(Found { is_plain: true, ..found(UTF_8, mark) });
    };
    if mark > 0 || seen.letters >= seen.odd {
        // A few damaged places; reading it as anything else would spoil every other letter.
        return Ok(noted(found(UTF_8, mark), |name| {
            format!(
                "the file is {name}, but line {line} and maybe others are not; their rows are refused"
            )
        }));
    }
    let encoding = guess(file).map_err(io)?;
    Ok(noted(found(encoding, 0), |name| {
        format!(
            "line {line} is not UTF-8, so the file was read as {name}; if its letters come out \
             wrong, name the right one with --encoding"
        )
    }))
}

fn noted(found: Found, note: impl Fn(&str) -> String) -> Found {
    Found { note: Some(note(&found.name())), ..found }
}

/// UTF-16 without a byte order mark: where every other byte of usual text is zero.
fn by_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let halves = head.len() / 2;
    // Even a Japanese table has delimiters, digits and addresses; no 8-bit text has these zeros.
    let mostly = |here: usize, there: usize| here * 8 > halves && there * 20 < here;
    if mostly(odd, even) {
        Some(UTF_16LE)
    } else if mostly(even, odd) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Control characters in such numbers that nobody wrote this as text. A few are a row's fault.
fn is_binary(head: &[u8]) -> bool {
    let odd = head.iter().filter(|b| **b < 0x20 && !b"\t\r\n\x0B\x0C\x1B".contains(b)).count();
    odd > 8 && odd * 32 > head.len()
}

struct Seen {
    /// The line of the first bytes that are no UTF-8.
    first_odd_line: Option<u64>,
    /// Letters that are UTF-8 beyond ASCII.
    letters: u64,
    /// Places that are no UTF-8.
    odd: u64,
}

/// How much of the file is UTF-8.
fn look_through(file: &mut File) -> io::Result<Seen> {
    file.seek(SeekFrom::Start(0))?;
    let mut block = vec![0u8; BLOCK];
    let mut kept = 0;
    let mut line = 1;
    let mut last = 0;
    let mut seen = Seen { first_odd_line: None, letters: 0, odd: 0 };
    loop {
        let read = file.read(&mut block[kept..])?;
        let filled = kept + read;
        let mut rest = &block[..filled];
        // A character cut by the end of the block is looked at with the next one.
        let cut = loop {
            let (whole, error) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            seen.letters += rest[..whole].iter().filter(|byte| **byte >= 0xC0).count() as u64;
            if seen.first_odd_line.is_none() {
                line += count_lines(&rest[..whole], last);
                last = rest[..whole].last().copied().unwrap_or(last);
            }
            match error {
                None => break 0,
                Some(None) if read > 0 => break rest.len() - whole,
                Some(length) => {
                    seen.odd += 1;
                    seen.first_odd_line.get_or_insert(line);
                    rest = &rest[whole + length.unwrap_or(rest.len() - whole)..];
                }
            }
        };
        if read == 0 {
            return Ok(seen);
        }
        block.copy_within(filled - cut..filled, 0);
        kept = cut;
    }
}

/// Line ends of any kind in `bytes`, which come behind the byte `last`.
fn count_lines(bytes: &[u8], last: u8) -> u64 {
    memchr::memchr2_iter(b'\r', b'\n', bytes)
        .filter(|at| {
            let before = if *at == 0 { last } else { bytes[at - 1] };
            bytes[*at] == b'\r' || before != b'\r'
        })
        .count() as u64
}

fn guess(file: &mut File) -> io::Result<&'static Encoding> {
    file.seek(SeekFrom::Start(0))?;
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut block = vec![0u8; BLOCK];
    loop {
        let read = file.read(&mut block)?;
        detector.feed(&block[..read], read == 0);
        if read == 0 {
            return Ok(detector.guess(None, Utf8Detection::Deny));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn found(bytes: &[u8]) -> Result<Found> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        find(&mut file, Path::new("x.csv"), None)
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    }

    #[test]
    fn every_usual_encoding_is_told() {
        let text = "email,first_name\nanna@example.com,Zoë\n";
        let japanese = "電子メール,名前\ntaro@example.jp,山田太郎\n";
        let encoded = |label: &str, text: &str| by_name(label).unwrap().encode(text).0.into_owned();
        for (bytes, name, mark) in [
            (text.as_bytes().to_vec(), "UTF-8", 0),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), "UTF-8 with a byte order mark", 3),
            (utf16(&format!("\u{feff}{text}"), false), "UTF-16 (little endian)", 2),
            (utf16(&format!("\u{feff}{text}"), true), "UTF-16 (big endian)", 2),
            (utf16(text, false), "UTF-16 (little endian)", 0),
            (utf16(text, true), "UTF-16 (big endian)", 0),
            (utf16(japanese, false), "UTF-16 (little endian)", 0),
            (utf16(japanese, true), "UTF-16 (big endian)", 0),
            (encoded("windows-1252", text), "Windows-1252", 0),
            (encoded("windows-1250", "email,jméno\na@b.example,Jiří Dvořák"), "windows-1250", 0),
            (encoded("windows-1251", "email,имя\na@b.example,Дмитрий"), "windows-1251", 0),
            (encoded("shift_jis", japanese), "Shift_JIS", 0),
        ] {
            let found = found(&bytes).unwrap();
            assert_eq!((found.name().as_str(), found.mark), (name, mark), "{bytes:?}");
            assert_eq!(found.is_plain, name.starts_with("UTF-8"), "{name}");
        }
    }

    #[test]
    fn one_broken_line_does_not_spoil_the_others() {
        let text = "email,first_name\na@x.example,Zoë\nb@x.example,Jürgen\nc@x.example,Ren\u{e9}\n";
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend(b"d@x.example,Andr\xE9\n");
        let found = found(&bytes).unwrap();
        assert_eq!((found.encoding.name(), found.is_plain), ("UTF-8", false));
        assert!(found.note.unwrap().contains("line 5"));
    }

    #[test]
    fn the_line_that_is_no_utf8_is_named_even_past_a_block() {
        let mut bytes = "é\n".repeat(BLOCK).into_bytes();
        let whole = found(&bytes).unwrap();
        assert!(whole.is_plain, "a character cut by a block is none");
        bytes.extend(b"Zo\xEB\n");
        let odd = found(&bytes).unwrap();
        assert!(odd.note.unwrap().contains(&format!("line {}", BLOCK + 1)));
        let mut bytes = "e\r\n".repeat(BLOCK).into_bytes();
        bytes.extend(b"Zo\xEB\n");
        let note = found(&bytes).unwrap().note.unwrap();
        assert!(note.contains(&format!("line {}", BLOCK + 1)) && note.contains("Windows-1252"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_what_to_do() {
        let noise: Vec<u8> =
            (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (bytes, want) in [
            (&b"PK\x03\x04rest"[..], "zip archive"),
            (b"", "empty file"),
            (&noise, "no text"),
            (&[0; 100], "no text"),
        ] {
            let error = found(bytes).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        assert!(by_name("klingon").unwrap_err().to_string().contains("windows-1250"));
    }
}
