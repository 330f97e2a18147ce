use std::fmt;

use uuid::Uuid;

/// A commit's sequence number. 0 is the empty catalog, the first commit is 1; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The state before any commit.
    pub const ZERO: Seq = Seq(0);

    /// The sequence number of the commit after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// PostgreSQL's object identifier. Objects of users take numbers from one durable counter that starts at
/// [`Oid::FIRST_USER`]; built-in objects have PostgreSQL's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(pub u32);

impl Oid {
    /// The first number that a user's object can get (PostgreSQL's `FirstNormalObjectId`).
    pub const FIRST_USER: Oid = Oid(16384);
}

/// A column's identity within its table. Given once, never reused, so a rename, a drop or a re-add never
/// reads another column's bytes. Parquet fields carry it as their field id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub u32);

impl ColumnId {
    /// The hidden column that holds each row's commit ([`Seq`]) in partitions that several commits wrote.
    pub const ROW_SEQ: ColumnId = ColumnId(2_147_483_645);
    /// The hidden column that says where a row lies in its partition or chunk. It is computed, never stored.
    pub const ROW_POSITION: ColumnId = ColumnId(2_147_483_644);
}

/// A partition's identity, a time-ordered UUID (version 7). The object's path derives from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub Uuid);

impl PartitionId {
    /// When it was made, by the clock of the server that made it.
    pub fn made_at(self) -> TimestampMicros {
        let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |at| at.to_unix());
        let micros = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(MICROS_PER_SECOND));
        TimestampMicros(micros.unwrap_or(i64::MAX).saturating_add(i64::from(nanos / 1000)))
    }
}

/// A chunk's identity: the commit that wrote it and its position within that commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// The commit.
    pub seq: Seq,
    /// Position among the commit's chunks, from 0.
    pub ordinal: u32,
}

/// A client's name for a load. A name that was committed before commits nothing and succeeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngestId(pub String);

/// Microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampMicros(pub i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl TimestampMicros {
    /// So many whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> TimestampMicros {
        TimestampMicros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// The seconds since 1970 that are over.
    pub const fn whole_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The time so many seconds earlier, or the earliest there is.
    pub fn seconds_before(self, seconds: u64) -> TimestampMicros {
        let ago = TimestampMicros::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
        TimestampMicros(self.0.saturating_sub(ago.0))
    }
}

/// `2026-11-20 19:01:16.000000+00`, proleptic Gregorian.
impl fmt::Display for TimestampMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.div_euclid(MICROS_PER_SECOND), self.0.rem_euclid(MICROS_PER_SECOND));
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}+00")
    }
}

/// Year, month and day of a number of days since 1970 (Hinnant's algorithm: years that begin in March).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.ordinal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_by_the_calendar() {
        let shown = |seconds: i64| TimestampMicros(seconds * MICROS_PER_SECOND + 5).to_string();
        assert_eq!(shown(0), "1970-01-01 00:00:00.000005+00");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:59.000005+00");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00.000005+00");
        assert_eq!(shown(-1), "1969-12-31 23:59:59.000005+00");
        assert_eq!(shown(1_795_201_276), "2026-11-20 19:01:16.000005+00");
    }
}
