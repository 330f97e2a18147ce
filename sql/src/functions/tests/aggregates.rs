//! aggregates: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn aggregates() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    ("select sum(x) from (values (2147483647), (1)) t(x)", "2147483648"),
    ("select sum(x) from (values (9223372036854775807), (1)) t(x)", "9223372036854775808"),
    (
        "select sum(x), min(x), max(x), count(x), count(*) from (values (1.50), (2.25), (null)) t(x)",
        "3.75|1.50|2.25|2|3",
    ),
    ("select avg(x) from (values (1), (2)) t(x)", "1.5000000000000000"),
    ("select avg(x) from (values (1.5), (2.5)) t(x)", "2.0000000000000000"),
    ("select sum(x), avg(x) from (values (1.5::float8), (2.5)) t(x)", "4|2"),
    ("select sum(x::real) from (values (1.5), (2.5)) t(x)", "4"),
    (
        "select sum(x), avg(x) from (values (interval '1 day'), (interval '2 days 12 hours')) t(x)",
        "3 days 12:00:00|1 day 18:00:00",
    ),
    ("select sum(x), avg(x), count(x) from (values (1)) t(x) where x > 1", "||0"),
    (
        "select g, sum(x), avg(x) from (values ('a', 1), ('b', 2), ('a', 4)) t(g, x) group by g order by g",
        "a|5|2.5000000000000000;b|2|2.0000000000000000",
    ),
    ("select g, sum(x) from (values ('a', 1.5), ('b', null), ('a', 4)) t(g, x) group by g order by g", "a|5.5;b|"),
    (
        "select sum(distinct x), avg(distinct x), count(distinct x) from (values (1), (1), (2)) t(x)",
        "3|1.5000000000000000|2",
    ),
    ("select g, sum(distinct x), sum(x) from (values (1, 1), (1, 1), (1, 2)) t(g, x) group by g", "1|3|4"),
    ("select sum(x) filter (where x > 1) from (values (1), (2), (3)) t(x)", "5"),
    ("select bool_and(x), bool_or(x), every(x) from (values (true), (false)) t(x)", "f|t|f"),
    ("select bit_and(x), bit_or(x), bit_xor(x) from (values (6), (3)) t(x)", "2|7|5"),
    ("select string_agg(x, ',' order by x desc) from (values ('a'), ('b')) t(x)", "b,a"),
    ("select array_agg(x order by x) from (values (3), (1), (2)) t(x)", "{1,2,3}"),
    ("select percentile_cont(0.5) within group (order by x) from (values (1::float8), (2), (4), (10)) t(x)", "3"),
    ("select sum(x) over (order by x) from (values (1), (2), (3)) t(x)", "1;3;6"),
    (
        "select x, avg(x) over (order by x rows between 1 preceding and current row) from (values (1.5::float8), (2), (4)) t(x) order by x",
        "1.5|1.5;2|1.75;4|3",
    ),
    (
        "select x, sum(x) over (order by x rows between 1 preceding and 1 following) from (values (1), (2), (4)) t(x) order by x",
        "1|3;2|7;4|6",
    ),
    (
        "select x, row_number() over (order by x), rank() over (order by x), dense_rank() over (order by x), ntile(2) over (order by x) from (values (1), (1), (3)) t(x) order by 1, 2",
        "1|1|1|1|1;1|2|1|1|1;3|3|3|2|2",
    ),
    (
        "select x, lag(x) over (order by x), lead(x, 1, 0) over (order by x) from (values (1), (2)) t(x) order by x",
        "1||2;2|1|0",
    ),
    ("select sum('a'::text)", "42883 function sum(text) does not exist"),
    ("select max(x), min(x) from (values (date '2024-01-01'), (date '2024-02-01')) t(x)", "2024-02-01|2024-01-01"),
    ("select max(x), min(x) from (values ('a'), ('b')) t(x)", "b|a"),
    ("select count(*) from generate_series(1, 10)", "10"),
    (
        "select exists (select 1 from generate_series(1, 3)) as a, not exists (select * from generate_series(1, 0)) as b",
        "t|t",
    ),
    (
        "with u as (select n as b from generate_series(2, 4) n), o as (select n as a from generate_series(1, 3) n) \
            select a, exists (select 1 from u where u.b = o.a) as e, case when not exists (select b from u where b = a) then 'no' end as c \
            from o where exists (select 1 from u where b >= a) order by a",
        "1|f|no;2|t|;3|t|",
    ),
    ("select count(*), sum(n) from generate_series(1, 100000) n", "100000|5000050000"),
    ("select count(*) from generate_series(1, 100000::bigint)", "100000"),
    ("select n, pg_typeof(n)::oid from generate_series(2147483646, 2147483647) n", "2147483646|23;2147483647|23"),
    ("select pg_typeof(n)::oid from generate_series(1::bigint, 1) n", "20"),
    ("select n from generate_series(3, 1, -1) n", "3;2;1"),
    (
        "select n from generate_series(9223372036854775806, 9223372036854775807) n",
        "9223372036854775806;9223372036854775807",
    ),
    ("select count(*) from generate_series(1, null::int)", "0"),
    ("select n from generate_series(1, 3, 0) n", "22023 step size cannot equal zero"),
    ("select jsonb_agg(n order by n desc) from generate_series(1, 3) n", "[3, 2, 1]"),
    ("select json_agg(x) from (values ('a'), (null)) v(x)", r#"["a", null]"#),
    ("select json_agg(n) filter (where n > 5) from generate_series(1, 3) n", ""),
    ("select jsonb_object_agg('k' || n, n * 1.5 order by n) from generate_series(1, 2) n", r#"{"k1": 1.5, "k2": 3.0}"#),
    ("select percentile_disc(0.5) within group (order by n) from generate_series(1, 10) n", "5"),
    ("select percentile_disc(0) within group (order by n desc) from generate_series(1, 10) n", "10"),
    (
        "select percentile_disc(2) within group (order by n) from generate_series(1, 10) n",
        "22003 percentile value 2 is not between 0 and 1",
    ),
    ("select mode() within group (order by x) from (values ('b'), ('a'), ('b'), (null), ('c'), ('c')) v(x)", "b"),
    (
        "select n % 2, mode() within group (order by n / 4) from generate_series(1, 9) n group by 1 order by 1",
        "0|1;1|0",
    ),
    ("select sum(n) from generate_series(1, 10, 3) n", "22"),
    ("select 1 union select 2 order by 1", "1;2"),
    ("with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select sum(n) from t", "15"),
    ("select x from (values (2), (null), (1)) t(x) order by x", "1;2;"),
    ("select x from (values (2), (null), (1)) t(x) order by x desc", ";2;1"),
    (
        "select grouping(g), g, sum(x) from (values ('a', 1), ('b', 2)) t(g, x) group by rollup(g) order by 1, 2",
        "0|a|1;0|b|2;1||3",
    ),
    ("select g, count(*) from (values ('a'), ('b'), ('a')) t(g) group by 1 order by 2 desc, 1 limit 1", "a|2"),
    ("select sum(x) from (values (0.1), (0.2)) t(x)", "0.3"),
];
