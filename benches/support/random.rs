//! Numbers that look like chance and are the same in every run, so that reports of different days compare.

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A number from `from` up to, but not including, `to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = to.abs_diff(from);
        from + i64::try_from(self.next() % width).expect("ranges are small")
    }

    /// One of them.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.between(0, i64::try_from(of.len()).expect("lists are short"));
        of[usize::try_from(at).expect("positions are not negative")]
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
