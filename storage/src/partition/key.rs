//! The partition key at work: the fine bucket of each row, the coarse unit that a partition never crosses, and the
//! key range of what was written.

use std::sync::Arc;

use arrow::array::types::{Date32Type, TimestampMicrosecondType};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use peristyle_catalog::model::{ColumnId, KeyRange, PartitionKey, TimeUnit};

use super::bucket::{NULL_BUCKET, buckets_of};
use super::widening::{civil_from_days, days_to_micros};
use crate::{Error, Result};

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
const HOURS_PER_DAY: i64 = 24;
const MONTHS_PER_YEAR: i64 = 12;
/// More than a coarse unit has fine ones: 24 hours, 31 days, 12 months.
const FINE_UNITS_MAX: i64 = 32;

/// A table's partition key with the position of its column in the batches of one writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRule {
    None,
    Time {
        unit: TimeUnit,
        at: usize,
    },
    Bucket {
        buckets: u32,
        at: usize,
    },
    /// By both parts; without the column of the second, its keys are all NULL.
    TimeBucket {
        unit: TimeUnit,
        time_at: usize,
        buckets: u32,
        bucket_at: Option<usize>,
    },
    /// The batches lack the key's column: every key is NULL.
    Absent {
        is_bucket: bool,
    },
}

impl KeyRule {
    /// The rule for batches with these columns.
    pub fn new(key: &PartitionKey, columns: &[ColumnId]) -> Result<KeyRule> {
        let position = |id: &ColumnId| columns.iter().position(|column| column == id);
        Ok(match key {
            PartitionKey::None => KeyRule::None,
            PartitionKey::Time { unit, column } => match position(column) {
                Some(at) => KeyRule::Time { unit: *unit, at },
                None => KeyRule::Absent { is_bucket: false },
            },
            PartitionKey::Bucket { buckets, column } => match position(column) {
                Some(at) => KeyRule::Bucket { buckets: *buckets, at },
                None => KeyRule::Absent { is_bucket: true },
            },
            PartitionKey::TimeBucket { unit, time, buckets, column } => match position(time) {
                Some(time_at) => {
                    KeyRule::TimeBucket { unit: *unit, time_at, buckets: *buckets, bucket_at: position(column) }
                }
                None => KeyRule::Absent { is_bucket: false },
            },
        })
    }

    /// Whether rows go where they come.
    pub fn is_none(&self) -> bool {
        matches!(self, KeyRule::None | KeyRule::Absent { .. })
    }

    /// Each row's fine bucket: hours, days or months since 1970 UTC, or the hash bucket, or for both parts a number in
    /// whose order rows lie by coarse unit, hash bucket and fine unit. NULL for a NULL time.
    pub(super) fn buckets(&self, batch: &RecordBatch) -> Result<Int64Array> {
        match self {
            KeyRule::None | KeyRule::Absent { .. } => Ok(Int64Array::from(vec![0; batch.num_rows()])),
            KeyRule::Time { unit, at } => {
                let micros = micros_of(batch.column(*at))?;
                Ok(micros.unary(|micros| time_bucket(*unit, micros)))
            }
            KeyRule::Bucket { buckets, at } => {
                let buckets = buckets_of(batch.column(*at), *buckets)?;
                Ok(buckets.into_iter().map(i64::from).collect())
            }
            KeyRule::TimeBucket { unit, time_at, buckets, .. } => {
                let micros = micros_of(batch.column(*time_at))?;
                let hashed = self.hashed(batch)?;
                let codes = micros
                    .iter()
                    .zip(hashed)
                    .map(|(micros, bucket)| Some(two_part_code(*unit, time_bucket(*unit, micros?), *buckets, bucket)));
                Ok(codes.collect())
            }
        }
    }

    /// Each row's hash bucket.
    fn hashed(&self, batch: &RecordBatch) -> Result<Vec<u32>> {
        let (buckets, at) = match self {
            KeyRule::Bucket { buckets, at } => (*buckets, Some(*at)),
            KeyRule::TimeBucket { buckets, bucket_at, .. } => (*buckets, *bucket_at),
            KeyRule::None | KeyRule::Time { .. } | KeyRule::Absent { .. } => (1, None),
        };
        match at {
            Some(at) => Ok(buckets_of(batch.column(at), buckets)?.into_iter().collect()),
            None => Ok(vec![NULL_BUCKET; batch.num_rows()]),
        }
    }

    /// The unit in which a fine bucket lies and which a partition never crosses. NULLs keep to themselves.
    pub(super) fn coarse(&self, bucket: Option<i64>) -> Option<i64> {
        match self {
            KeyRule::None | KeyRule::Absent { .. } => Some(0),
            KeyRule::Bucket { .. } => bucket,
            KeyRule::Time { unit, .. } => bucket.map(|bucket| coarse_time(*unit, bucket)),
            KeyRule::TimeBucket { .. } => bucket.map(|code| code.div_euclid(FINE_UNITS_MAX)),
        }
    }

    /// The coarse unit of a partition that exists, for telling which may be merged.
    pub(crate) fn coarse_of_range(key: &PartitionKey, range: &KeyRange) -> Option<i64> {
        match key {
            PartitionKey::None => Some(0),
            PartitionKey::Bucket { .. } => range.bucket.map(i64::from),
            PartitionKey::Time { unit, .. } => {
                let (from, to) = range.time?;
                let (from, to) =
                    (coarse_time(*unit, time_bucket(*unit, from)), coarse_time(*unit, time_bucket(*unit, to)));
                (from == to).then_some(from)
            }
            PartitionKey::TimeBucket { unit, buckets, .. } => {
                let ((from, to), bucket) = (range.time?, range.bucket?);
                let coarse = |at| coarse_time(*unit, time_bucket(*unit, at));
                (coarse(from) == coarse(to)).then(|| coarse(from) * i64::from(*buckets) + i64::from(bucket))
            }
        }
    }

    /// The key range of rows.
    pub fn range_of(&self, batch: &RecordBatch) -> Result<KeyRange> {
        let mut tracker = KeyTracker::default();
        tracker.add(self, batch)?;
        Ok(tracker.range)
    }

    pub(super) fn time_column(&self) -> Option<usize> {
        match self {
            KeyRule::Time { at, .. } | KeyRule::TimeBucket { time_at: at, .. } => Some(*at),
            KeyRule::None | KeyRule::Bucket { .. } | KeyRule::Absent { .. } => None,
        }
    }
}

/// The key range of rows as they come.
#[derive(Debug, Default)]
pub(super) struct KeyTracker {
    range: KeyRange,
    is_started: bool,
}

impl KeyTracker {
    pub(super) fn add(&mut self, rule: &KeyRule, batch: &RecordBatch) -> Result<()> {
        match rule {
            KeyRule::None => {}
            KeyRule::Absent { is_bucket } => {
                self.range.nulls |= batch.num_rows() > 0;
                self.range.bucket = is_bucket.then_some(NULL_BUCKET);
            }
            KeyRule::Time { at, .. } => self.add_times(&micros_of(batch.column(*at))?),
            KeyRule::Bucket { at, .. } => {
                self.range.nulls |= batch.column(*at).null_count() > 0;
                self.add_buckets(&rule.buckets(batch)?);
            }
            KeyRule::TimeBucket { time_at, bucket_at, .. } => {
                self.add_times(&micros_of(batch.column(*time_at))?);
                self.range.nulls |= bucket_at.is_none_or(|at| batch.column(at).null_count() > 0);
                self.add_buckets(&rule.hashed(batch)?.into_iter().map(i64::from).collect());
            }
        }
        self.is_started |= batch.num_rows() > 0;
        Ok(())
    }

    pub(super) fn range(&self) -> KeyRange {
        self.range
    }

    fn add_times(&mut self, micros: &Int64Array) {
        self.range.nulls |= micros.null_count() > 0;
        if let (Some(low), Some(high)) = (min(micros), max(micros)) {
            let (from, to) = self.range.time.unwrap_or((low, high));
            self.range.time = Some((from.min(low), to.max(high)));
        }
    }

    /// Rows of several buckets, as a chunk may have them, have none as a whole.
    fn add_buckets(&mut self, buckets: &Int64Array) {
        let (Some(low), Some(high)) = (min(buckets), max(buckets)) else { return };
        let one = (low == high).then_some(low as u32);
        self.range.bucket = if self.is_started { self.range.bucket.filter(|bucket| Some(*bucket) == one) } else { one };
    }
}

/// A key column as µs since 1970.
fn micros_of(values: &ArrayRef) -> Result<Int64Array> {
    match values.data_type() {
        DataType::Timestamp(ArrowUnit::Microsecond, _) => {
            Ok(values.as_primitive::<TimestampMicrosecondType>().reinterpret_cast())
        }
        DataType::Date32 => Ok(values.as_primitive::<Date32Type>().unary(days_to_micros)),
        other => Err(Error::Unsupported(format!("a partition key by time over Arrow type {other}"))),
    }
}

fn time_bucket(unit: TimeUnit, micros: i64) -> i64 {
    match unit {
        TimeUnit::Hour => micros.div_euclid(MICROS_PER_HOUR),
        TimeUnit::Day => micros.div_euclid(MICROS_PER_DAY),
        TimeUnit::Month => month_of_day(micros.div_euclid(MICROS_PER_DAY)),
    }
}

/// A number that orders rows by coarse unit, hash bucket and fine unit.
fn two_part_code(unit: TimeUnit, fine: i64, buckets: u32, bucket: u32) -> i64 {
    let within = match unit {
        TimeUnit::Hour => fine.rem_euclid(HOURS_PER_DAY),
        TimeUnit::Day => i64::from(civil_from_days(fine).2) - 1,
        TimeUnit::Month => fine.rem_euclid(MONTHS_PER_YEAR),
    };
    (coarse_time(unit, fine) * i64::from(buckets) + i64::from(bucket)) * FINE_UNITS_MAX + within
}

fn coarse_time(unit: TimeUnit, bucket: i64) -> i64 {
    match unit {
        TimeUnit::Hour => bucket.div_euclid(HOURS_PER_DAY),
        TimeUnit::Day => month_of_day(bucket),
        TimeUnit::Month => bucket.div_euclid(MONTHS_PER_YEAR),
    }
}

/// Months since year 0.
fn month_of_day(day: i64) -> i64 {
    let (year, month, _) = civil_from_days(day);
    year * MONTHS_PER_YEAR + i64::from(month) - 1
}

/// The fine buckets as an array for sorting.
pub(super) fn bucket_array(rule: &KeyRule, batch: &RecordBatch) -> Result<ArrayRef> {
    Ok(Arc::new(rule.buckets(batch)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_buckets_lie_in_the_next_coarser_unit() {
        let at = 1_709_251_199_999_999; // 2024-02-29 23:59:59.999999
        assert_eq!(coarse_time(TimeUnit::Hour, time_bucket(TimeUnit::Hour, at)), time_bucket(TimeUnit::Day, at));
        assert_eq!(coarse_time(TimeUnit::Day, time_bucket(TimeUnit::Day, at)), time_bucket(TimeUnit::Month, at));
        assert_eq!(coarse_time(TimeUnit::Month, time_bucket(TimeUnit::Month, at)), 2024);
        assert_eq!(time_bucket(TimeUnit::Month, at) + 1, time_bucket(TimeUnit::Month, at + 1));
        assert_eq!(time_bucket(TimeUnit::Hour, -1), -1, "before 1970 buckets go down");
    }

    #[test]
    fn codes_of_both_parts_keep_their_order_and_lead_back_to_the_coarse_unit() {
        for (unit, at) in [(TimeUnit::Hour, 86_399_999_999), (TimeUnit::Day, -1), (TimeUnit::Month, i64::MAX)] {
            let rule = KeyRule::TimeBucket { unit, time_at: 0, buckets: 65_536, bucket_at: Some(1) };
            let fine = time_bucket(unit, at);
            let code = |bucket| two_part_code(unit, fine, 65_536, bucket);
            let coarse = |bucket| rule.coarse(Some(code(bucket)));
            assert!(code(0) < code(1) && coarse(0) < coarse(1), "{unit:?}");
            assert_eq!(coarse(7), Some(coarse_time(unit, fine) * 65_536 + 7));
            let range = KeyRange { time: Some((at, at)), bucket: Some(7), nulls: false };
            let key = PartitionKey::TimeBucket { unit, time: ColumnId(1), buckets: 65_536, column: ColumnId(2) };
            assert_eq!(KeyRule::coarse_of_range(&key, &range), coarse(7));
        }
        let least = two_part_code(TimeUnit::Hour, time_bucket(TimeUnit::Hour, i64::MIN), 65_536, 0);
        assert!(least < 0, "the earliest time has a code");
    }

    #[test]
    fn infinite_times_have_buckets_of_their_own() {
        for unit in [TimeUnit::Hour, TimeUnit::Day, TimeUnit::Month] {
            for at in [i64::MIN, i64::MAX] {
                let rule = KeyRule::Time { unit, at: 0 };
                assert!(rule.coarse(Some(time_bucket(unit, at))).is_some());
            }
        }
    }
}
