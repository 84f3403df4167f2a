//! Chance that a seed decides.

/// SplitMix64: one word of state, so that a seed is all there is to know.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The draws of a seed; `salt` keeps those of several uses apart.
    pub fn of(seed: u64, salt: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt);
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }

    /// A number of `from..to`.
    pub fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from).max(1)
    }

    /// Whether something happens that happens `permille` times of a thousand.
    pub fn permille(&mut self, permille: u32) -> bool {
        self.next() % 1_000 < u64::from(permille)
    }

    /// One of those in `weights`, by weight.
    pub fn weighted<T: Copy>(&mut self, weights: &[(u32, T)]) -> T {
        let sum: u32 = weights.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(sum as usize) as u32;
        for (weight, what) in weights {
            if at < *weight {
                return *what;
            }
            at -= weight;
        }
        weights[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again() {
        let draw = |seed| {
            let mut chance = Chance::of(seed, 1);
            (0..20).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn what_has_no_weight_is_never_drawn() {
        let mut chance = Chance::of(3, 0);
        assert!((0..500).all(|_| chance.weighted(&[(0, 'a'), (3, 'b'), (0, 'c')]) == 'b'));
    }
}
