use peristyle_storage::special_numeric::Special;

/// How many of the summed values are NaN or infinite. They are counted beside the sum, so that they can leave it again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpecialTally {
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
}

impl SpecialTally {
    pub(super) fn count(&mut self, special: Special, by: i64) {
        match special {
            Special::NaN => self.nans += by,
            Special::Infinity => self.infinities += by,
            Special::NegativeInfinity => self.negative_infinities += by,
        }
    }

    /// What they make of a sum; `None` if there are none.
    pub(super) fn sum(self) -> Option<Special> {
        match (self.nans, self.infinities, self.negative_infinities) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(Special::Infinity),
            (0, 0, _) => Some(Special::NegativeInfinity),
            _ => Some(Special::NaN),
        }
    }
}
