//! Which run it is, and where its choices come from.

use std::path::PathBuf;

use e2e::fleet::Engine;

/// One run of one fault.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The row of the table.
    pub fault: &'static str,
    /// What it is, in words.
    pub title: &'static str,
    /// Where the book is.
    pub engine: Engine,
    /// What every choice of this run is made from.
    pub seed: u64,
    /// Whether it has to be over soon.
    pub quick: bool,
    /// Its number among the runs of its fault, from 1.
    pub number: usize,
    /// Where its files go.
    pub folder: PathBuf,
    /// The choices.
    pub random: Random,
}

impl Plan {
    /// The name of its folder.
    pub fn name(&self) -> String {
        let engine = match self.engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        };
        format!("{}-{engine}-{}", self.fault, self.number)
    }

    /// One of two, by how much time there is.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Numbers from a seed (splitmix64): the same seed, the same choices.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
