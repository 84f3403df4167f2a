//! Which rows of a file are overtaken by a later one of the same address.
//!
//! The last row of an address counts. Whoever only wrote row after row would change the contact back
//! and forth, count it as updated each time the same file comes again, and mail whoever looks in
//! between by a row that does not hold. So the file is read once for this before anything is written.
//! Memory stays bounded: what is remembered of a row is a hash and its number, in files when there is
//! more than a little of it, and in the end two bits.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Read, Seek, SeekFrom, Write},
};

/// Parts that are looked at one by one. An address is in one part only.
const PARTS: usize = 64;

/// Rows of a part that are kept in memory.
const IN_MEMORY: usize = 4_096;

/// Bytes of a row in a file.
const RECORD: usize = 24;

/// A bit for every row.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, at: u64) {
        let word = usize::try_from(at / 64).expect("rows of a file that was read have numbers");
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    fn has(&self, at: u64) -> bool {
        let word = usize::try_from(at / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
}

/// What is known of a file's repeated addresses.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    overtaken: Bits,
    opted_out_before: Bits,
    /// Rows that are taken.
    pub(super) rows: u64,
}

impl Repeats {
    /// Whether a later row has the address of this one.
    pub(super) fn is_overtaken(&self, row: u64) -> bool {
        self.overtaken.has(row)
    }

    /// Whether a row that this one overtakes says that the person opted out. What somebody said once
    /// is not taken back by a row that does not say it.
    pub(super) fn opted_out_before(&self, row: u64) -> bool {
        self.opted_out_before.has(row)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    address: u128,
    row: u64,
    opted_out: bool,
}

impl Seen {
    fn bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..16].copy_from_slice(&self.address.to_le_bytes());
        bytes[16..].copy_from_slice(&(self.row << 1 | u64::from(self.opted_out)).to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
        };
        let row = number(16..RECORD) as u64;
        Self { address: number(0..16), row: row >> 1, opted_out: row & 1 == 1 }
    }
}

#[derive(Debug, Default)]
struct Part {
    fresh: Vec<Seen>,
    file: Option<File>,
}

/// Collects what [`Repeats`] says.
#[derive(Debug)]
pub(super) struct Collector {
    hashers: [RandomState; 2],
    parts: Vec<Part>,
    rows: u64,
}

impl Collector {
    pub(super) fn new() -> Self {
        Self {
            // Random keys: nobody can make addresses that are taken for each other.
            hashers: [RandomState::new(), RandomState::new()],
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            rows: 0,
        }
    }

    /// Notes a row that is taken.
    ///
    /// # Errors
    /// There is no room for temporary files.
    pub(super) fn add(&mut self, row: u64, address: &str, opted_out: bool) -> io::Result<()> {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(address));
        let address = u128::from(high) << 64 | u128::from(low);
        let part = &mut self.parts[(low % PARTS as u64) as usize];
        part.fresh.push(Seen { address, row, opted_out });
        self.rows += 1;
        if part.fresh.len() == IN_MEMORY {
            let bytes: Vec<u8> = part.fresh.drain(..).flat_map(Seen::bytes).collect();
            if part.file.is_none() {
                part.file = Some(tempfile::tempfile()?);
            }
            if let Some(file) = &mut part.file {
                file.write_all(&bytes)?;
            }
        }
        Ok(())
    }

    /// What came of it.
    ///
    /// # Errors
    /// The temporary files can't be read.
    pub(super) fn end(self) -> io::Result<Repeats> {
        let mut repeats = Repeats { rows: self.rows, ..Repeats::default() };
        for part in self.parts {
            let mut all = part.fresh;
            if let Some(mut file) = part.file {
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(0))?;
                file.read_to_end(&mut bytes)?;
                all.extend(bytes.chunks_exact(RECORD).map(Seen::read));
            }
            all.sort_unstable();
            for same in all.chunk_by(|one, other| one.address == other.address) {
                let Some((last, before)) = same.split_last() else { continue };
                for row in before {
                    repeats.overtaken.set(row.row);
                }
                if before.iter().any(|row| row.opted_out) {
                    repeats.opted_out_before.set(last.row);
                }
            }
        }
        Ok(repeats)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_row_of_an_address_counts_however_many_there_are() {
        let mut collector = Collector::new();
        let addresses = 2 * PARTS * IN_MEMORY;
        let rows = 3 * addresses as u64;
        for row in 1..=rows {
            let number = row % addresses as u64;
            collector.add(row, &format!("a{number}@x.example"), row == 7).unwrap();
        }
        assert!(collector.parts.iter().all(|part| part.file.is_some()));
        assert!(collector.parts.iter().all(|part| part.fresh.len() < IN_MEMORY));
        let repeats = collector.end().unwrap();
        assert_eq!(repeats.rows, rows);
        for row in 1..=rows {
            assert_eq!(repeats.is_overtaken(row), row <= rows - addresses as u64, "{row}");
            let last = 7 + 2 * addresses as u64;
            assert_eq!(repeats.opted_out_before(row), row == last, "{row}");
        }
    }

    proptest! {
        #[test]
        fn it_is_what_a_map_would_say(rows in prop::collection::vec((0u8..6, any::<bool>()), 0..40)) {
            let mut collector = Collector::new();
            let mut last: HashMap<u8, usize> = HashMap::new();
            for (row, (address, opted_out)) in rows.iter().enumerate() {
                collector.add(row as u64, &address.to_string(), *opted_out).unwrap();
                last.insert(*address, row);
            }
            let repeats = collector.end().unwrap();
            for (row, (address, _)) in rows.iter().enumerate() {
                let is_last = last[address] == row;
                prop_assert_eq!(repeats.is_overtaken(row as u64), !is_last);
                let before = rows[..row].iter().any(|(other, out)| other == address && *out);
                prop_assert_eq!(repeats.opted_out_before(row as u64), is_last && before);
            }
        }
    }
}
