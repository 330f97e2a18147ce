//! Intervals in ISO 8601's form with designators, `P1Y2M3DT4H5M6.5S` (after the `P`).

use arrow::datatypes::IntervalMonthDayNano;

pub(crate) fn parse_iso_interval(text: &str) -> Option<IntervalMonthDayNano> {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let (mut months, mut days, mut seconds) = (0.0, 0.0, 0.0);
    for (number, designator) in fields(date)? {
        match designator {
            'Y' => months += number * 12.0,
            'M' => months += number,
            'W' => days += number * 7.0,
            'D' => days += number,
            _ => return None,
        }
    }
    for (number, designator) in fields(time)? {
        match designator {
            'H' => seconds += number * 3600.0,
            'M' => seconds += number * 60.0,
            'S' => seconds += number,
            _ => return None,
        }
    }
    let micros = (seconds * 1e6).round() as i64;
    Some(IntervalMonthDayNano::new(months as i32, days as i32, micros.checked_mul(1000)?))
}

fn fields(text: &str) -> Option<Vec<(f64, char)>> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        fields.push((rest[..end].parse().ok()?, rest[end..].chars().next()?));
        rest = &rest[end + 1..];
    }
    rest.is_empty().then_some(fields)
}
