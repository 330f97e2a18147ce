//! math: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn math() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    (
        "select to_char(1234.567, 'FM9G999D99'), to_char(-12, '999'), to_char(12.5::float8, '999.99')",
        "1,234.57| -12|  12.50",
    ),
    ("select to_char(123456789012::bigint, 'FM999,999,999,999'), to_char(1.23, '99V9')", "123,456,789,012|  12"),
    ("select to_char(1, '9EEEE'), to_char(485, 'FMRN')", " 1e+00|CDLXXXV"),
    ("select to_number('12,454.8-', '99G999D9S'), to_number('1.234', '9.99') + 1", "-12454.8|2.23"),
    ("select to_number('abc', '999')", "22P02 invalid input syntax for type numeric: \" \""),
    (
        "select round(2.5), round(-2.5), round(2.345, 2), round(1.5, 3), round(2.5::float8), round(3.5::float8), round(1234.5678, -2)",
        "3|-3|2.35|1.500|2|4|1200",
    ),
    (
        "select trunc(2.567, 1), trunc(-2.9), trunc(2.9::float8), ceil(2.1), floor(-2.1), ceiling(2.1::float8)",
        "2.5|-2|2|3|-3|3",
    ),
    ("select round(5), floor(5), abs(-5), abs(-5.5), abs(-5.5::float8)", "5|5|5|5.5|5.5"),
    ("select abs(-2147483648)", "22003 integer out of range"),
    ("select sign(-2.5), sign(0), sign(3::float8)", "-1|0|1"),
    ("select sqrt(4), sqrt(2.25::float8), sqrt(-1)", "2201F cannot take square root of a negative number"),
    ("select sqrt(-1.0)", "2201F cannot take square root of a negative number"),
    ("select ln(0)", "2201E cannot take logarithm of zero"),
    ("select ln(-1.0)", "2201E cannot take logarithm of a negative number"),
    (
        "select exp(0), exp(1::float8), ln(1), log(100), log(1000.0::float8), exp(1000)",
        "22003 value out of range: overflow",
    ),
    (
        "select power(2, 10), power(2::float8, 0.5), power(-8, 1.0/3)",
        "2201F a negative number raised to a non-integer power yields a complex result",
    ),
    ("select power(0, -1)", "2201F zero raised to a negative power is undefined"),
    ("select mod(7, 3), mod(-7, 3), mod(7.5, 2), mod(7::bigint, 2)", "1|-1|1.5|1"),
    ("select mod(1, 0)", "22012 division by zero"),
    ("select div(7, 2), div(-7.5, 2), gcd(12, 18), lcm(4, 6), factorial(5)", "3|-3|6|12|120"),
    ("select width_bucket(5.35, 0.024, 10.06, 5), width_bucket(11::float8, 0, 10, 5)", "3|6"),
    ("select sin(0), cos(0), atan2(1, 1), degrees(pi()), radians(180)", "0|1|0.7853981633974483|180|3.141592653589793"),
    ("select asin(2)", "22003 input is out of range"),
    ("select round(null::numeric) is null, abs(null::int) is null", "t|t"),
    ("select round(avg(x), 2) from (values (1), (2), (4)) t(x)", "2.33"),
    ("select round('x')", r#"22P02 invalid input syntax for type double precision: "x""#),
    ("select pi()", "3.141592653589793"),
];
