//! Ranges: two bounds, each a number in the unit of the element's type, so that one code compares them all.
//!
//! | bytes | |
//! |---|---|
//! | 1 | 0 an empty range, 1 no lower bound, 2 a lower bound |
//! | width of the element | the lower bound, big-endian, with the sign's bit turned |
//! | 1 | 2 if the lower bound is not in the range, and 1 if there is no upper bound |
//! | width of the element | the upper bound |
//! | 1 | 1 if the upper bound is in the range |
//! | | zeros up to the type's width |

use std::cmp::Ordering;

use arrow::datatypes::i256;
use peristyle_catalog::model::{PgType, TypeKind};

/// A range type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeType {
    /// The type.
    pub kind: TypeKind,
    /// What it has ranges of.
    pub element: PgType,
    /// Whether there is a next element: then ranges have one form, `[a,b)`.
    pub is_discrete: bool,
    element_width: usize,
    width: usize,
}

/// Every range type. Their widths tell them from each other and from all packed types.
pub const RANGE_TYPES: &[RangeType] = &[
    RangeType::new(TypeKind::Int4Range, PgType::INT4, true, 4, 11),
    RangeType::new(TypeKind::DateRange, PgType::DATE, true, 4, 13),
    RangeType::new(TypeKind::Int8Range, PgType::INT8, true, 8, 19),
    RangeType::new(TypeKind::TsRange, PgType::TIMESTAMP, false, 8, 20),
    RangeType::new(TypeKind::TstzRange, PgType::TIMESTAMPTZ, false, 8, 21),
    RangeType::new(TypeKind::NumRange, PgType::NUMERIC, false, 32, 67),
];

const EMPTY: u8 = 0;
const UNBOUNDED: u8 = 1;
const BOUNDED: u8 = 2;
const EXCLUDES_LOWER: u8 = 2;
const NO_UPPER: u8 = 1;
/// The bit of the sign.
const SIGN: u8 = 0x80;

/// An end of a range, a place between values: just before a value, or just behind it, or beyond all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    side: Side,
    value: i256,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    BelowAll,
    AtValue,
    AboveAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Before,
    Behind,
}

/// The values between two edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// No value.
    Empty,
    /// From one edge to another, which is further on.
    Between(Edge, Edge),
}

/// A bound as it is written: its value, and whether the range holds it. `None` where there is no bound.
pub type Bound = Option<(i256, bool)>;

impl RangeType {
    const fn new(kind: TypeKind, element: PgType, is_discrete: bool, element_width: usize, width: usize) -> RangeType {
        RangeType { kind, element, is_discrete, element_width, width }
    }

    /// The range type of that kind.
    pub fn of_kind(kind: TypeKind) -> Option<&'static RangeType> {
        RANGE_TYPES.iter().find(|ty| ty.kind == kind)
    }

    /// The range type whose values have that many bytes.
    pub fn of_width(width: i32) -> Option<&'static RangeType> {
        RANGE_TYPES.iter().find(|ty| ty.width == width as usize)
    }

    /// Bytes of a value.
    pub fn width(&self) -> i32 {
        self.width as i32
    }

    /// The range's bytes.
    pub fn pack(&self, range: Range) -> Vec<u8> {
        let mut bytes = vec![0; self.width];
        let Range::Between(lower, upper) = range else { return bytes };
        let w = self.element_width;
        bytes[0] = UNBOUNDED;
        if let Some((value, included)) = lower.as_lower() {
            bytes[0] = BOUNDED;
            self.put(value, &mut bytes[1..=w]);
            bytes[1 + w] = if included { 0 } else { EXCLUDES_LOWER };
        }
        match upper.as_upper() {
            Some((value, included)) => {
                self.put(value, &mut bytes[2 + w..2 + 2 * w]);
                bytes[2 + 2 * w] = included.into();
            }
            None => bytes[1 + w] |= NO_UPPER,
        }
        bytes
    }

    /// The range of such bytes.
    pub fn unpack(&self, bytes: &[u8]) -> Range {
        let w = self.element_width;
        if bytes[0] == EMPTY {
            return Range::Empty;
        }
        let flags = bytes[1 + w];
        let lower = (bytes[0] == BOUNDED).then(|| (self.take(&bytes[1..=w]), flags & EXCLUDES_LOWER == 0));
        let upper = (flags & NO_UPPER == 0).then(|| (self.take(&bytes[2 + w..2 + 2 * w]), bytes[2 + 2 * w] == 1));
        Range::Between(Edge::lower(lower), Edge::upper(upper))
    }

    fn put(&self, value: i256, out: &mut [u8]) {
        let whole = value.to_be_bytes();
        out.copy_from_slice(&whole[whole.len() - self.element_width..]);
        out[0] ^= SIGN;
    }

    fn take(&self, bytes: &[u8]) -> i256 {
        let is_negative = bytes[0] & SIGN == 0;
        let mut whole = [if is_negative { 0xFF } else { 0 }; 32];
        let first = whole.len() - bytes.len();
        whole[first..].copy_from_slice(bytes);
        whole[first] ^= SIGN;
        i256::from_be_bytes(whole)
    }
}

impl Edge {
    /// The lower end of a range.
    pub fn lower(bound: Bound) -> Edge {
        match bound {
            None => Edge { side: Side::BelowAll, value: i256::ZERO, place: Place::Before },
            Some((value, true)) => Edge { side: Side::AtValue, value, place: Place::Before },
            Some((value, false)) => Edge { side: Side::AtValue, value, place: Place::Behind },
        }
    }

    /// The upper end of a range.
    pub fn upper(bound: Bound) -> Edge {
        match bound {
            None => Edge { side: Side::AboveAll, value: i256::ZERO, place: Place::Before },
            Some((value, included)) => {
                Edge { side: Side::AtValue, value, place: if included { Place::Behind } else { Place::Before } }
            }
        }
    }

    /// The bound that this is as a lower end.
    pub fn as_lower(self) -> Bound {
        (self.side == Side::AtValue).then_some((self.value, self.place == Place::Before))
    }

    /// The bound that this is as an upper end.
    pub fn as_upper(self) -> Bound {
        (self.side == Side::AtValue).then_some((self.value, self.place == Place::Behind))
    }
}

impl Range {
    /// The range between two bounds; `None` if the lower is above the upper.
    pub fn new(lower: Bound, upper: Bound) -> Option<Range> {
        if let (Some((low, _)), Some((high, _))) = (lower, upper)
            && low > high
        {
            return None;
        }
        Some(Range::between(Edge::lower(lower), Edge::upper(upper)))
    }

    /// The values between two edges, none if they are not in order.
    fn between(lower: Edge, upper: Edge) -> Range {
        if lower < upper { Range::Between(lower, upper) } else { Range::Empty }
    }

    /// The ends; `None` of an empty range.
    pub fn edges(self) -> Option<(Edge, Edge)> {
        match self {
            Range::Empty => None,
            Range::Between(lower, upper) => Some((lower, upper)),
        }
    }

    /// Whether a value lies in the range.
    pub fn holds(self, value: i256) -> bool {
        self.contains(Range::Between(Edge::lower(Some((value, true))), Edge::upper(Some((value, true)))))
    }

    /// Whether all values of the other range lie in this one.
    pub fn contains(self, other: Range) -> bool {
        match (self, other) {
            (_, Range::Empty) => true,
            (Range::Empty, _) => false,
            (Range::Between(a, b), Range::Between(c, d)) => a <= c && d <= b,
        }
    }

    /// Whether some value lies in both.
    pub fn overlaps(self, other: Range) -> bool {
        self.both(other, |(a, b), (c, d)| a < d && c < b)
    }

    /// Whether all values come before those of the other.
    pub fn is_before(self, other: Range) -> bool {
        self.both(other, |(_, b), (c, _)| b <= c)
    }

    /// Whether no value comes behind those of the other.
    pub fn ends_within(self, other: Range) -> bool {
        self.both(other, |(_, b), (_, d)| b <= d)
    }

    /// Whether no value comes before those of the other.
    pub fn begins_within(self, other: Range) -> bool {
        self.both(other, |(a, _), (c, _)| a >= c)
    }

    /// Whether one begins where the other ends.
    pub fn is_adjacent(self, other: Range) -> bool {
        self.both(other, |(a, b), (c, d)| b == c || d == a)
    }

    fn both(self, other: Range, test: impl Fn((Edge, Edge), (Edge, Edge)) -> bool) -> bool {
        match (self.edges(), other.edges()) {
            (Some(a), Some(b)) => test(a, b),
            _ => false,
        }
    }

    /// The smallest range that holds both.
    pub fn merged(self, other: Range) -> Range {
        match (self, other) {
            (Range::Empty, range) | (range, Range::Empty) => range,
            (Range::Between(a, b), Range::Between(c, d)) => Range::Between(a.min(c), b.max(d)),
        }
    }

    /// The values that lie in one of them; `None` if they are no range.
    pub fn union(self, other: Range) -> Option<Range> {
        let is_one = self == Range::Empty || other == Range::Empty || self.overlaps(other) || self.is_adjacent(other);
        is_one.then(|| self.merged(other))
    }

    /// The values that lie in both.
    pub fn intersection(self, other: Range) -> Range {
        match (self.edges(), other.edges()) {
            (Some((a, b)), Some((c, d))) => Range::between(a.max(c), b.min(d)),
            _ => Range::Empty,
        }
    }

    /// The values that lie in this and not in the other; `None` if they are no range.
    pub fn difference(self, other: Range) -> Option<Range> {
        let (Some((a, b)), Some((c, d))) = (self.edges(), other.edges()) else { return Some(self) };
        if !self.overlaps(other) {
            return Some(self);
        }
        match (a < c, d < b) {
            (true, true) => None,
            (true, false) => Some(Range::between(a, c)),
            (false, true) => Some(Range::between(d, b)),
            (false, false) => Some(Range::Empty),
        }
    }
}

impl Ord for Range {
    /// An empty range comes first; then the lower ends count, then the upper.
    fn cmp(&self, other: &Range) -> Ordering {
        self.edges().cmp(&other.edges())
    }
}

impl PartialOrd for Range {
    fn partial_cmp(&self, other: &Range) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(lower: Option<(i128, bool)>, upper: Option<(i128, bool)>) -> Range {
        let bound = |bound: Option<(i128, bool)>| bound.map(|(value, included)| (i256::from_i128(value), included));
        Range::new(bound(lower), bound(upper)).expect("bounds in order")
    }

    #[test]
    fn bytes_come_in_the_order_of_ranges() {
        let ordered = [
            Range::Empty,
            range(None, Some((-5, false))),
            range(None, Some((5, false))),
            range(None, Some((5, true))),
            range(None, None),
            range(Some((-7, true)), Some((0, true))),
            range(Some((-7, false)), Some((-6, true))),
            range(Some((3, true)), Some((3, true))),
            range(Some((3, true)), Some((4, false))),
            range(Some((3, true)), Some((4, true))),
            range(Some((3, true)), None),
            range(Some((3, false)), Some((4, false))),
            range(Some((3, false)), None),
        ];
        for ty in RANGE_TYPES {
            let packed: Vec<Vec<u8>> = ordered.iter().map(|range| ty.pack(*range)).collect();
            assert!(packed.windows(2).all(|pair| pair[0] < pair[1]), "{ty:?}");
            for (range, bytes) in ordered.iter().zip(packed) {
                assert_eq!(bytes.len(), ty.width);
                assert_eq!(ty.unpack(&bytes), *range, "{ty:?}");
            }
        }
        assert!(ordered.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn sets_of_values() {
        let half = |low: i128, high: i128| range(Some((low, true)), Some((high, false)));
        assert!(half(1, 5).overlaps(half(4, 6)) && !half(1, 5).overlaps(half(5, 6)));
        assert!(half(1, 5).is_adjacent(half(5, 6)) && !half(1, 5).is_adjacent(range(Some((5, false)), None)));
        assert_eq!(half(1, 5).union(half(5, 7)), Some(half(1, 7)));
        assert_eq!(half(1, 5).union(half(6, 7)), None);
        assert_eq!(half(1, 5).intersection(half(3, 7)), half(3, 5));
        assert_eq!(half(1, 5).difference(half(3, 7)), Some(half(1, 3)));
        assert_eq!(half(1, 5).difference(half(2, 3)), None);
        assert_eq!(half(1, 5).difference(half(0, 9)), Some(Range::Empty));
        assert_eq!(range(Some((1, true)), Some((1, false))), Range::Empty);
        assert_eq!(Range::new(Some((i256::ONE, true)), Some((i256::ZERO, true))), None);
        assert!(half(1, 5).contains(Range::Empty) && half(1, 5).holds(i256::ONE));
    }
}
