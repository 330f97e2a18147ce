use super::ColumnId;

/// Text and bytea bounds are cut to this many bytes; a cut bound is inexact.
pub const BOUND_BYTES_MAX: usize = 32;

/// What is known of one column of one partition. An absent bound is unknown, not NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    pub column: ColumnId,
    /// Number of NULLs.
    pub nulls: u64,
    /// No value is below. Absent where unknown: a NaN was written, the type has no bounds, every value is NULL.
    pub min: Option<Bound>,
    /// No value is above.
    pub max: Option<Bound>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub value: BoundValue,
    /// Whether a row has exactly this value; a cut text bound is only a bound.
    pub exact: bool,
}

/// A bound in the physical form of the type in which the file holds the column (see docs/types.md).
#[derive(Clone, Debug, PartialEq)]
pub enum BoundValue {
    /// bool (0, 1), smallint, integer, bigint, oid, date (days), time, timestamp and timestamptz (µs).
    Int(i64),
    /// real and double precision; never NaN, never −0.0.
    Float(f64),
    /// numeric: the unscaled value, with the scale beside it.
    Decimal { unscaled: i128, scale: i8 },
    /// text, varchar, char, bytea, uuid: bytes in their own order.
    Bytes(Vec<u8>),
}
