//! `WITH (retention = '90 days')`: rows whose time is longer ago are hidden at once, and go with their partitions when
//! all rows of these are.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, lit};
use peristyle_catalog::TableContents;
use peristyle_catalog::model::{ChunkId, ColumnId, KeyRange, PartitionId, PgType, Table, TimestampMicros};
use peristyle_storage::types::UTC;

use crate::error::{SqlError, SqlState};
use crate::functions::interval::{add_to_timestamp, negated};
use crate::values::parse_interval;

/// Name of the option.
pub(crate) const RETENTION: &str = "retention";
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What a table no longer keeps: whole partitions and chunks of rows that have all expired.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expired {
    pub partitions: Vec<PartitionId>,
    pub chunks: Vec<ChunkId>,
}

/// Fails for a text that is no interval above zero; an empty one stands for no retention.
pub(crate) fn check_interval(text: &str) -> Result<(), SqlError> {
    if text.is_empty() || cutoff(text, TimestampMicros(0)).is_ok_and(|cutoff| cutoff < 0) {
        return Ok(());
    }
    let message = format!("invalid value for option \"{RETENTION}\": \"{text}\"");
    Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
        .detail("Write an interval above zero, as \"90 days\", or an empty string for no limit."))
}

/// Which rows of a table are still kept.
pub(crate) struct Kept {
    /// The time of the partition key.
    pub(crate) column: ColumnId,
    /// The earliest that is kept, in the column's type.
    first: ScalarValue,
}

impl Kept {
    /// `None` if all are.
    pub(crate) fn of(table: &Table, now: TimestampMicros) -> Result<Option<Kept>, SqlError> {
        let Some(text) = option(table) else { return Ok(None) };
        let time = table.partition_key.time().and_then(|(_, id)| table.column_by_id(id));
        let Some(column) = time else { return Ok(None) };
        let cutoff = cutoff(text, now)?;
        let first = match column.ty.oid {
            oid if oid == PgType::DATE.oid => {
                let day = cutoff.div_euclid(MICROS_PER_DAY) + i64::from(cutoff.rem_euclid(MICROS_PER_DAY) > 0);
                ScalarValue::Date32(i32::try_from(day).ok())
            }
            oid if oid == PgType::TIMESTAMP.oid => ScalarValue::TimestampMicrosecond(Some(cutoff), None),
            _ => ScalarValue::TimestampMicrosecond(Some(cutoff), Some(UTC.into())),
        };
        Ok(Some(Kept { column: column.id, first }))
    }

    /// The condition over that column. A row without a time does not age.
    pub(crate) fn condition(&self, column: Expr) -> Expr {
        column.clone().gt_eq(lit(self.first.clone())).or(column.is_null())
    }
}

/// Whether a table holds rows that its retention hides.
pub(crate) fn hides_rows(table: &Table, contents: &TableContents, now: TimestampMicros) -> Result<bool, SqlError> {
    let (Some(text), Some(_)) = (option(table), table.partition_key.time()) else { return Ok(false) };
    let cutoff = cutoff(text, now)?;
    let is_older = |key: &KeyRange| key.time.is_some_and(|(oldest, _)| oldest < cutoff);
    Ok(contents.partitions().any(|p| is_older(&p.key)) || contents.chunks().any(|c| is_older(&c.key)))
}

/// What of a table's contents has expired as a whole. Chunks and partitions without a time stay.
pub fn expired(table: &Table, contents: &TableContents, now: TimestampMicros) -> Expired {
    let cutoff = option(table).and_then(|text| cutoff(text, now).ok());
    let (Some(cutoff), Some(_)) = (cutoff, table.partition_key.time()) else { return Expired::default() };
    // A NULL key does not age.
    let is_over = |key: &KeyRange| !key.nulls && key.time.is_some_and(|(_, newest)| newest < cutoff);
    let partitions = contents.partitions_in(None, None, Some(cutoff));
    Expired {
        partitions: partitions.filter(|p| is_over(&p.key)).map(|partition| partition.id).collect(),
        chunks: contents.chunks().filter(|c| is_over(&c.key)).map(|chunk| chunk.id).collect(),
    }
}

fn option(table: &Table) -> Option<&str> {
    let written = table.options.iter().find(|(name, _)| name == RETENTION);
    written.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
}

/// The earliest time that is kept, in µs since 1970. Months and days are counted in UTC.
fn cutoff(text: &str, now: TimestampMicros) -> Result<i64, SqlError> {
    let interval = negated(parse_interval(text)?.to_arrow()?)?;
    Ok(add_to_timestamp(now.0, interval)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_counted_back_by_the_calendar() {
        let march_31 = TimestampMicros(1_711_843_200_000_000); // 2024-03-31 00:00 UTC
        assert_eq!(cutoff("1 month", march_31).unwrap(), 1_709_164_800_000_000, "2024-02-29");
        assert_eq!(cutoff("90 days", march_31).unwrap(), march_31.0 - 90 * MICROS_PER_DAY);
    }

    #[test]
    fn only_intervals_above_zero_are_taken() {
        assert!(["", "1 second", "90 days"].iter().all(|text| check_interval(text).is_ok()));
        assert!(["0", "-1 day", "soon", "1"].iter().all(|text| check_interval(text).is_err() || *text == "1"));
    }
}
