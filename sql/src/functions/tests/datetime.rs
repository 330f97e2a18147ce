//! datetime: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn datetime() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    (
        "select i from (values (interval '1 month'), (interval '29 days'), (interval '40 days'), (interval '25:00')) v(i) order by i",
        "25:00:00;29 days;1 mon;40 days",
    ),
    (
        "select i, rank() over (order by i desc) from (values (interval '24:00'), (interval '1 day'), (interval '2 days')) v(i) order by 2, i::text",
        "2 days|1;1 day|2;24:00:00|2",
    ),
    (
        "select array_agg(i order by i) from (values (interval '1 day'), (interval '23:00')) v(i)",
        "{23:00:00,\"1 day\"}",
    ),
    (
        "select date_trunc('hour', timestamp '2024-03-10 12:34:56.789'), date_trunc('week', timestamp '2024-03-10'), date_trunc('quarter', timestamp '2024-05-10')",
        "2024-03-10 12:00:00|2024-03-04 00:00:00|2024-04-01 00:00:00",
    ),
    (
        "select date_trunc('month', date '2024-05-10'), date_trunc('year', timestamptz '2024-05-10 01:00+00')",
        "2024-05-01 00:00:00+00|2024-01-01 00:00:00+00",
    ),
    (
        "select date_trunc('decade', timestamp '2024-05-10'), date_trunc('century', timestamp '2000-05-10'), date_trunc('millennium', timestamp '2001-05-10')",
        "2020-01-01 00:00:00|1901-01-01 00:00:00|2001-01-01 00:00:00",
    ),
    ("select date_trunc('day', timestamptz '2024-03-10 12:00+00', 'America/New_York')", "2024-03-10 05:00:00+00"),
    (
        "select date_trunc('hour', interval '1 day 02:34:56'), date_trunc('month', interval '14 months 3 days')",
        "1 day 02:00:00|1 year 2 mons",
    ),
    (
        "select date_trunc('nonsense', timestamp '2024-01-01')",
        r#"22023 unit "nonsense" not recognized for type timestamp without time zone"#,
    ),
    (
        "select date_bin('15 minutes', timestamp '2024-03-10 12:34:56', timestamp '2001-01-01'), date_bin('1 day', timestamptz '2024-03-10 12:34:56+00', timestamptz '2001-01-01 00:00+00')",
        "2024-03-10 12:30:00|2024-03-10 00:00:00+00",
    ),
    (
        "select extract(year from timestamp '2024-03-10 12:34:56.789')::int, extract(month from date '2024-03-10')::int, extract(dow from date '2024-03-10')::int, extract(isodow from date '2024-03-10')::int, extract(doy from date '2024-03-10')::int",
        "2024|3|0|7|70",
    ),
    (
        "select extract(week from date '2024-12-30')::int, extract(isoyear from date '2024-12-30')::int, extract(quarter from date '2024-05-01')::int, extract(century from date '2000-01-01')::int, extract(decade from date '2024-01-01')::int, extract(millennium from date '2001-01-01')::int",
        "1|2025|2|20|202|3",
    ),
    (
        "select extract(epoch from timestamp '2024-03-10 12:34:56.5')::float8, extract(second from timestamp '2024-03-10 12:34:56.5')::float8, extract(epoch from interval '1 month 1 day')::float8, extract(julian from date '2024-03-10')::float8",
        "1710074096.5|56.5|2678400|2460380",
    ),
    (
        "select date_part('hour', timestamp '2024-03-10 12:34:56'), date_part('epoch', timestamptz '2024-03-10 00:00+00'), date_part('milliseconds', time '10:20:30.5')",
        "12|1710028800|30500",
    ),
    ("select extract(hour from date '2024-01-01')", r#"0A000 unit "hour" not supported for type date"#),
    (
        "select extract(foo from timestamp '2024-01-01')",
        r#"22023 unit "foo" not recognized for type timestamp without time zone"#,
    ),
    (
        "select extract(day from interval '40 days 5 hours')::int, extract(hour from interval '40 days 5 hours')::int",
        "40|5",
    ),
    (
        "select age(timestamp '2024-03-10', timestamp '2023-01-15'), age(timestamp '2023-01-15', timestamp '2024-03-10'), age(date '2024-03-31', date '2024-02-29')",
        "1 year 1 mon 26 days|-1 years -1 mons -26 days|1 mon 2 days",
    ),
    (
        "select make_date(2024, 2, 29), make_timestamp(2024, 2, 29, 10, 20, 30.5), make_time(10, 20, 30.25), make_interval(1, 2, 0, 3)",
        "2024-02-29|2024-02-29 10:20:30.5|10:20:30.25|1 year 2 mons 3 days",
    ),
    ("select make_date(2023, 2, 29)", "22008 date field value out of range: 2023-02-29"),
    ("select to_timestamp(1700000000), to_timestamp(1700000000.5)", "2023-11-14 22:13:20+00|2023-11-14 22:13:20.5+00"),
    (
        "select justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour')",
        "1 mon 5 days|1 day 03:00:00|29 days 23:00:00",
    ),
    ("select isfinite(timestamp 'infinity'), isfinite(date '2024-01-01')", "f|t"),
    (
        "select to_char(timestamp '2024-03-05 14:07:09.123', 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(date '2024-03-05', 'Mon DD, YYYY'), to_char(timestamp '2024-03-05 14:07:09', 'FMMonth FMDDth, FMHH12:MI AM'), to_char(date '2024-03-05', 'Day|DY|D|DDD|WW|IW|Q')",
        "2024-03-05 14:07:09.123|Mar 05, 2024|March 5th, 2:07 PM|Tuesday  |TUE|3|065|10|10|1",
    ),
    ("select to_char(timestamptz '2024-03-05 14:07:09+00', 'HH24:MI TZ OF')", "14:07 UTC +00"),
    (
        "select to_date('2024-03-05', 'YYYY-MM-DD'), to_date('05 Mar 2024', 'DD Mon YYYY'), to_date('20240305', 'YYYYMMDD'), to_date('3/5/24', 'MM/DD/YY')",
        "2024-03-05|2024-03-05|2024-03-05|2024-03-05",
    ),
    (
        "select to_timestamp('2024-03-05 14:07:09', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp('05/Mar/2024:14:07:09', 'DD/Mon/YYYY:HH24:MI:SS')",
        "2024-03-05 14:07:09+00|2024-03-05 14:07:09+00",
    ),
    (
        "select timestamp '2024-01-01 12:00' at time zone 'America/New_York', timestamptz '2024-01-01 12:00+00' at time zone 'America/New_York', timestamptz '2024-07-01 12:00+00' at time zone 'UTC'",
        "2024-01-01 17:00:00+00|2024-01-01 07:00:00|2024-07-01 12:00:00",
    ),
    ("select timezone('America/New_York', timestamp '2024-07-01 12:00')", "2024-07-01 16:00:00+00"),
    ("select timestamp '2024-01-01' at time zone 'Mars/X'", r#"22023 time zone "Mars/X" not recognized"#),
    ("select count(*) from generate_series(timestamp '2024-01-01', timestamp '2024-01-02', interval '1 hour')", "25"),
    (
        "select d::date from generate_series(date '2024-01-30', date '2024-02-02', interval '1 day') d order by 1",
        "2024-01-30;2024-01-31;2024-02-01;2024-02-02",
    ),
    (
        "select date '2024-01-15' - interval '1 month', date '2024-03-31' - interval '1 month', timestamp '2024-03-10 10:00' - interval '1 day 2 hours'",
        "2023-12-15 00:00:00|2024-02-29 00:00:00|2024-03-09 08:00:00",
    ),
    ("select max(x) - min(x) from (values (date '2024-01-01'), (date '2024-01-10')) t(x)", "9"),
    (
        "select date '2024-02-28' + 2, '2024-01-01'::date < '2024-01-02', timestamp '2024-01-01' between '2024-01-01' and '2024-01-02'",
        "2024-03-01|t|t",
    ),
    (
        "select interval '1 day' > interval '23 hours', interval '-1 day', interval '1.5 months'",
        "t|-1 days|1 mon 15 days",
    ),
    ("select date '2024-01-01' in (date '2024-01-01', '2024-01-02')", "t"),
];
