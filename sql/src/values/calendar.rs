//! Days and microseconds to the proleptic Gregorian calendar and back, PostgreSQL's bounds, and the text of dates,
//! times and timestamps (`DateStyle` ISO). Days and microseconds count from 1970-01-01.

use bytes::BytesMut;

use super::stack_text::StackText;

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Days from 1970-01-01 to 2000-01-01, where the binary forms count from.
pub(super) const POSTGRES_EPOCH_DAYS: i32 = 10_957;
pub(super) const POSTGRES_EPOCH_MICROS: i64 = POSTGRES_EPOCH_DAYS as i64 * MICROS_PER_DAY;
/// `infinity` and `-infinity` of dates.
pub const DATE_INFINITY: i32 = i32::MAX;
pub const DATE_NEGATIVE_INFINITY: i32 = i32::MIN;
/// `infinity` and `-infinity` of timestamps.
pub const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub const TIMESTAMP_NEGATIVE_INFINITY: i64 = i64::MIN;
/// 4714-11-24 BC, Julian day 0: the first date.
pub(super) const DATE_MIN_DAYS: i64 = -JULIAN_EPOCH_DAYS;
/// Julian day of 1970-01-01.
pub(super) const JULIAN_EPOCH_DAYS: i64 = 2_440_588;
/// The last date, 5874897-12-31.
pub(super) const DATE_MAX_DAYS: i64 = 2_145_042_905;
/// The first instant, 4714-11-24 00:00:00 BC.
pub(super) const TIMESTAMP_MIN_MICROS: i64 = DATE_MIN_DAYS * MICROS_PER_DAY;
/// The end of timestamps. PostgreSQL's last year is 294276, because it counts from 2000; 64 bits of microseconds from
/// 1970 end at 294247-01-10 04:00:54.775807, which stands for infinity.
pub(super) const TIMESTAMP_END_MICROS: i64 = TIMESTAMP_INFINITY;

/// Days since 1970-01-01 of a date; the year is astronomical (0 is 1 BC). Any month from 1 to 12 and any day.
/// After Howard Hinnant's "chrono-compatible low-level date algorithms".
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// (astronomical year, month, day) of days since 1970-01-01; the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Number of days in a month of an astronomical year.
pub fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Whether a number of days is a finite date of PostgreSQL's.
pub fn is_date_in_range(days: i64) -> bool {
    (DATE_MIN_DAYS..=DATE_MAX_DAYS).contains(&days)
}

/// Whether microseconds are a finite timestamp of PostgreSQL's.
pub fn is_timestamp_in_range(micros: i64) -> bool {
    (TIMESTAMP_MIN_MICROS..TIMESTAMP_END_MICROS).contains(&micros)
}

/// Writes a date.
pub fn write_date(days: i32, out: &mut BytesMut) {
    match days {
        DATE_INFINITY => out.extend_from_slice(b"infinity"),
        DATE_NEGATIVE_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let mut text = StackText::new();
            let is_bc = push_date(&mut text, i64::from(days));
            push_era(&mut text, is_bc);
            text.write_to(out);
        }
    }
}

/// Writes a time of day, in microseconds since midnight (24:00:00 included).
pub fn write_time(micros: i64, out: &mut BytesMut) {
    let mut text = StackText::new();
    push_time(&mut text, micros);
    text.write_to(out);
}

/// Writes a timestamp without time zone.
pub fn write_timestamp(micros: i64, out: &mut BytesMut) {
    if write_infinity(micros, out) {
        return;
    }
    let mut text = StackText::new();
    let is_bc = push_date_time(&mut text, micros);
    push_era(&mut text, is_bc);
    text.write_to(out);
}

/// Writes an instant as the local time `offset_seconds` east of UTC, with that offset.
pub fn write_timestamptz(micros: i64, offset_seconds: i32, out: &mut BytesMut) {
    if write_infinity(micros, out) {
        return;
    }
    let mut text = StackText::new();
    let local = micros.saturating_add(i64::from(offset_seconds) * MICROS_PER_SECOND);
    let is_bc = push_date_time(&mut text, local);
    push_offset(&mut text, offset_seconds);
    push_era(&mut text, is_bc);
    text.write_to(out);
}

fn write_infinity(micros: i64, out: &mut BytesMut) -> bool {
    match micros {
        TIMESTAMP_INFINITY => out.extend_from_slice(b"infinity"),
        TIMESTAMP_NEGATIVE_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => return false,
    }
    true
}

fn push_date_time(text: &mut StackText, micros: i64) -> bool {
    let is_bc = push_date(text, micros.div_euclid(MICROS_PER_DAY));
    text.push(b' ');
    push_time(text, micros.rem_euclid(MICROS_PER_DAY));
    is_bc
}

/// Pushes `year-month-day` and says whether the year is before Christ.
fn push_date(text: &mut StackText, days: i64) -> bool {
    let (year, month, day) = civil_from_days(days);
    text.push_year(if year > 0 { year } else { 1 - year });
    text.push(b'-');
    text.push_pair(month);
    text.push(b'-');
    text.push_pair(day);
    year <= 0
}

fn push_time(text: &mut StackText, micros: i64) {
    let micros = micros.clamp(0, MICROS_PER_DAY);
    let seconds = (micros / MICROS_PER_SECOND) as u32;
    text.push_pair(seconds / 3600);
    text.push(b':');
    text.push_pair(seconds / 60 % 60);
    text.push(b':');
    text.push_pair(seconds % 60);
    text.push_fraction((micros % MICROS_PER_SECOND) as u32);
}

/// `+hh[:mm[:ss]]`.
fn push_offset(text: &mut StackText, offset_seconds: i32) {
    text.push(if offset_seconds < 0 { b'-' } else { b'+' });
    let seconds = offset_seconds.unsigned_abs();
    text.push_pair(seconds / 3600 % 100);
    if !seconds.is_multiple_of(3600) {
        text.push(b':');
        text.push_pair(seconds / 60 % 60);
    }
    if !seconds.is_multiple_of(60) {
        text.push(b':');
        text.push_pair(seconds % 60);
    }
}

fn push_era(text: &mut StackText, is_bc: bool) {
    if is_bc {
        text.push_str(" BC");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn bounds_are_the_dates_they_are_named_for() {
        assert_eq!(days_from_civil(-4713, 11, 24), DATE_MIN_DAYS);
        assert_eq!(days_from_civil(5_874_897, 12, 31), DATE_MAX_DAYS);
        assert_eq!(days_from_civil(294_247, 1, 10), TIMESTAMP_END_MICROS / MICROS_PER_DAY);
        assert_eq!(days_from_civil(2000, 1, 1), i64::from(POSTGRES_EPOCH_DAYS));
    }

    #[test]
    fn dates_before_christ_and_far_ahead() {
        assert_eq!(text(|out| write_date(DATE_MIN_DAYS as i32, out)), "4714-11-24 BC");
        assert_eq!(text(|out| write_date(DATE_MAX_DAYS as i32, out)), "5874897-12-31");
        assert_eq!(text(|out| write_date(days_from_civil(0, 2, 29) as i32, out)), "0001-02-29 BC");
        assert_eq!(text(|out| write_date(DATE_INFINITY, out)), "infinity");
        assert_eq!(text(|out| write_timestamp(-1, out)), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|out| write_timestamptz(0, -20_700, out)), "1969-12-31 18:15:00-05:45");
        assert_eq!(text(|out| write_timestamptz(0, 1_172, out)), "1970-01-01 00:19:32+00:19:32");
        assert_eq!(text(|out| write_time(MICROS_PER_DAY, out)), "24:00:00");
    }

    proptest! {
        #[test]
        fn civil_dates_round_trip(days in DATE_MIN_DAYS..=DATE_MAX_DAYS) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!(day >= 1 && day <= days_in_month(year, month));
        }
    }
}
