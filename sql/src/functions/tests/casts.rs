//! casts: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn casts() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    ("select '12'::int, ' 12 '::int, '-7'::bigint", "12|12|-7"),
    ("select 'x'::int", r#"22P02 invalid input syntax for type integer: "x""#),
    ("select '99999999999'::int", r#"22003 value "99999999999" is out of range for type integer"#),
    ("select 1.5::int, 2.5::int, -2.5::int, 2.5::float8::int, 3.5::float8::int", "2|3|-3|2|4"),
    ("select 3000000000::int", "22003 integer out of range"),
    ("select 1e10::float8::int", "22003 integer out of range"),
    ("select 70000::smallint", "22003 smallint out of range"),
    ("select 1::bool, 0::bool, true::int, 'yes'::bool, 'off'::bool", "t|f|1|t|f"),
    ("select 'maybe'::bool", r#"22P02 invalid input syntax for type boolean: "maybe""#),
    ("select 123.456::numeric(5,2), 1234.5::numeric(5,2)", "22003 numeric field overflow"),
    ("select 12345.6::numeric(5,2)", "22003 numeric field overflow"),
    ("select '1.25'::numeric(3,1), '-1.25'::numeric(3,1)", "1.3|-1.3"),
    ("select 0.1::float8::numeric(10,5), 1.0::float8::text, 1.5::real::float8", "0.10000|1|1.5"),
    ("select 'hello'::varchar(3), 'hi'::char(5) || '|', 'hello'::char(3)", "hel|hi||hel"),
    ("select 'ab '::char(5) = 'ab', length('ab '::char(5))", "t|2"),
    ("select true::text, 5::text, 1.50::text, 'x'::text", "true|5|1.50|x"),
    ("select '2024-02-30'::date", r#"22008 date/time field value out of range: "2024-02-30""#),
    ("select 'nonsense'::date", r#"22007 invalid input syntax for type date: "nonsense""#),
    ("select '2024-02-29'::date, '20240229'::date, 'infinity'::date", "2024-02-29|2024-02-29|infinity"),
    (
        "select '2024-02-29 10:20:30.123456'::timestamp, '2024-02-29T10:20:30'::timestamp, '2024-02-29'::timestamp",
        "2024-02-29 10:20:30.123456|2024-02-29 10:20:30|2024-02-29 00:00:00",
    ),
    (
        "select '2024-02-29 10:20:30.6'::timestamp(0), '2024-02-29 10:20:30.126'::timestamp(2)",
        "2024-02-29 10:20:31|2024-02-29 10:20:30.13",
    ),
    (
        "select '2024-02-29 10:20:30+02'::timestamptz, '2024-02-29 10:20:30 America/New_York'::timestamptz",
        "2024-02-29 08:20:30+00|2024-02-29 15:20:30+00",
    ),
    (
        "select '10:20:30'::time, '10:20'::time, '1 day 2 hours'::interval, 'P1Y2M3DT4H'::interval, '1-2'::interval",
        "10:20:30|10:20:00|1 day 02:00:00|1 year 2 mons 3 days 04:00:00|1 year 2 mons",
    ),
    (
        "select timestamp '2024-02-29 10:20:30'::date, timestamp '2024-02-29 10:20:30'::time, date '2024-02-29'::timestamp",
        "2024-02-29|10:20:30|2024-02-29 00:00:00",
    ),
    (
        "select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'a0eebc999c0b4ef8bb6d6bb9bd380a11'::uuid",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ),
    ("select 'zz'::uuid", r#"22P02 invalid input syntax for type uuid: "zz""#),
    (r#"select '\xdeadbeef'::bytea, 'abc'::bytea"#, r#"\xdeadbeef|\x616263"#),
    (r#"select '{1,2,3}'::int[], '{a,"b c",NULL}'::text[]"#, r#"{1,2,3}|{a,"b c",NULL}"#),
    ("select '{1,x}'::int[]", r#"22P02 invalid input syntax for type integer: "x""#),
    ("select array[1,2]::text[], array['1','2']::int[]", "{1,2}|{1,2}"),
    (r#"select '{"b": 1, "a": 2}'::jsonb, '{"b":1}'::json"#, r#"{"a": 2, "b": 1}|{"b":1}"#),
    ("select '{bad'::jsonb", "22P02 invalid input syntax for type json"),
    (
        "select 1::float8::text, 1e20::float8::text, 0.1::real::text, 'NaN'::float8::text, '-Infinity'::float8::text",
        "1|1e+20|0.1|NaN|-Infinity",
    ),
    ("select 5::int8::int4, 5::int4::int2, 5::int::numeric, 5::int::float8", "5|5|5|5"),
    ("select cast('5' as integer), cast(5.7 as integer), cast(5 as text)", "5|6|5"),
    ("select int '5', numeric '1.5', bool 'true', text 'x'", "5|1.5|t|x"),
    (r#"select 'abc'::name, 'abc'::"char""#, "abc|a"),
    ("select '1e400'::float8", r#"22003 "1e400" is out of range for type double precision"#),
    ("select '1e5'::numeric, '1.5e-3'::numeric(6,4)", "100000|0.0015"),
    ("select ''::int", r#"22P02 invalid input syntax for type integer: """#),
    ("select '12abc'::float8", r#"22P02 invalid input syntax for type double precision: "12abc""#),
    (
        "select 12345678.9::real, 0.00001::float8, 123456789012345678::float8",
        "1.2345679e+07|1e-05|1.2345678901234568e+17",
    ),
    ("select 2147483648::int8::int4", "22003 integer out of range"),
    ("select 32768::int2", "22003 smallint out of range"),
    ("select 1::int::date", "42846 cannot cast type integer to date"),
    ("select 'infinity'::timestamp, '-infinity'::timestamptz", "infinity|-infinity"),
];
