//! `interval '…' DAY TO HOUR`: what the fields say of a literal's numbers, and what they leave of its value.

use arrow::datatypes::IntervalMonthDayNano;
use peristyle_catalog::model::PgType;
use sqlparser::ast::DateTimeField;

use super::define::{Definition, immutable, overload};
use super::error::invalid_parameter;
use super::rows::*;
use super::signature::Ty;

/// `(interval, last field)`: the interval without what is smaller than the field.
pub(crate) const CUT: &str = "pg_interval_cut";

pub(crate) const DEFINITIONS: &[Definition] = &[immutable(
    CUT,
    &[overload(&[Ty::Interval, Ty::Text], PgType::INTERVAL, |c| map2::<Interval, Text, IntervalMonthDayNano>(c, cut))],
)];

const SECOND_NANOS: i64 = 1_000_000_000;
const MONTHS_PER_YEAR: i32 = 12;

fn cut(interval: IntervalMonthDayNano, field: &str) -> datafusion::common::Result<IntervalMonthDayNano> {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let whole = |unit: i64| IntervalMonthDayNano::new(months, days, nanoseconds / unit * unit);
    Ok(match field {
        "year" => IntervalMonthDayNano::new(months / MONTHS_PER_YEAR * MONTHS_PER_YEAR, 0, 0),
        "month" => IntervalMonthDayNano::new(months, 0, 0),
        "day" => IntervalMonthDayNano::new(months, days, 0),
        "hour" => whole(3600 * SECOND_NANOS),
        "minute" => whole(60 * SECOND_NANOS),
        "second" => interval,
        other => return Err(invalid_parameter(format!("interval field \"{other}\" not recognized"))),
    })
}

/// The literal's text with the units that its fields say: a number without one is of the last field, and one before it of
/// the field before that.
pub(crate) fn with_units(text: &str, first: &DateTimeField, last: &DateTimeField) -> String {
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    let Some(end) = words.pop() else { return text.to_owned() };
    let is_clock = end.contains(':') && !end.starts_with([':', '-', '+']);
    let end = match (first, last) {
        (DateTimeField::Minute, DateTimeField::Second) if is_clock && end.matches(':').count() == 1 => {
            format!("00:{end}")
        }
        _ if is_number(end) => format!("{end} {last}"),
        _ => end.to_owned(),
    };
    let before = match words.pop() {
        Some(word) if is_number(word) && matches!(last, DateTimeField::Hour) => Some(format!("{word} day")),
        word => word.map(str::to_owned),
    };
    words.into_iter().map(str::to_owned).chain(before).chain([end]).collect::<Vec<_>>().join(" ")
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_units_of_the_fields() {
        use DateTimeField as F;
        assert_eq!(with_units("1 2", &F::Day, &F::Hour), "1 day 2 HOUR");
        assert_eq!(with_units("1.5", &F::Hour, &F::Hour), "1.5 HOUR");
        assert_eq!(with_units("04:05", &F::Minute, &F::Second), "00:04:05");
        assert_eq!(with_units("1-2", &F::Year, &F::Month), "1-2");
        assert_eq!(with_units("1 12:30", &F::Day, &F::Minute), "1 12:30");
    }

    #[test]
    fn smaller_parts_are_cut_off() {
        let interval = IntervalMonthDayNano::new(14, 3, 5_400 * SECOND_NANOS);
        assert_eq!(cut(interval, "hour").expect("a field"), IntervalMonthDayNano::new(14, 3, 3600 * SECOND_NANOS));
        assert_eq!(cut(interval, "month").expect("a field"), IntervalMonthDayNano::new(14, 0, 0));
        assert_eq!(cut(interval, "year").expect("a field"), IntervalMonthDayNano::new(12, 0, 0));
    }
}
