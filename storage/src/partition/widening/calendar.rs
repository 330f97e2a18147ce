//! Days and civil dates of the proleptic Gregorian calendar over the whole range of i64, which chrono's does not cover.

/// Days from 1970-01-01 to the first day of the 400-year era that starts on 0000-03-01.
const EPOCH_IN_ERA: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Year (0 is 1 BC), month (1..=12) and day of a day counted from 1970-01-01. Source: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + EPOCH_IN_ERA;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months are counted from March, so that the leap day is the last of the year.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + next_year, month as u32, day as u32)
}

/// Midnight of a date in µs since 1970; infinite dates stay infinite.
pub(crate) fn days_to_micros(days: i32) -> i64 {
    match days {
        i32::MAX => i64::MAX,
        i32::MIN => i64::MIN,
        days => i64::from(days).saturating_mul(MICROS_PER_DAY),
    }
}

/// The day and the µs within it.
pub(super) fn split_micros(micros: i64) -> (i64, i64) {
    (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY))
}
