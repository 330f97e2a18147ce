//! new_york: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn new_york() {
    check("America/New_York", CASES);
}

const CASES: &[(&str, &str)] = &[
    (
        "select date_trunc('day', timestamptz '2024-03-10 12:00+00'), date_trunc('hour', timestamptz '2024-11-03 06:30+00')",
        "2024-03-10 00:00:00-05|2024-11-03 01:00:00-05",
    ),
    (
        "select timestamptz '2024-03-10 12:00+00'::date, timestamptz '2024-03-10 03:00+00'::date, timestamptz '2024-03-10 12:00+00'::timestamp",
        "2024-03-10|2024-03-09|2024-03-10 08:00:00",
    ),
    (
        "select timestamptz '2024-03-09 12:00' + interval '1 day', timestamptz '2024-03-09 12:00' + interval '24 hours'",
        "2024-03-10 12:00:00-04|2024-03-10 13:00:00-04",
    ),
    (
        "select '2024-03-10 02:30'::timestamptz, '2024-11-03 01:30'::timestamptz",
        "2024-03-10 03:30:00-04|2024-11-03 01:30:00-05",
    ),
    (
        "select extract(hour from timestamptz '2024-07-01 12:00+00')::int, extract(timezone from timestamptz '2024-07-01 12:00+00')::int",
        "8|-14400",
    ),
    (
        "select timestamp '2024-07-01 12:00'::timestamptz, date '2024-07-01'::timestamptz",
        "2024-07-01 12:00:00-04|2024-07-01 00:00:00-04",
    ),
    ("select date '2024-07-01' = timestamptz '2024-07-01 04:00+00'", "t"),
    ("select count(*) from generate_series(timestamptz '2024-03-09', timestamptz '2024-03-12', '1 day')", "4"),
    (
        "select timestamptz '2024-07-01 12:00+00'::text, to_char(timestamptz '2024-07-01 12:00+00', 'YYYY-MM-DD HH24 TZ')",
        "2024-07-01 08:00:00-04|2024-07-01 08 EDT",
    ),
];
