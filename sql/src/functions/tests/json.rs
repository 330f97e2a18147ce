//! json: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn json() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    (
        r#"select '{"a": {"b": [1, 2]}}'::jsonb -> 'a', '{"a": 1}'::jsonb ->> 'a', '[1, 2, 3]'::jsonb -> 1, '[1,2]'::jsonb -> -1, '{"a":"x"}'::jsonb -> 'a'"#,
        r#"{"b": [1, 2]}|1|2|2|"x""#,
    ),
    (r#"select '{"a": {"b": [1, 2]}}'::jsonb #> '{a,b,1}', '{"a": {"b": [1, "x"]}}'::jsonb #>> '{a,b,1}'"#, "2|x"),
    (
        r#"select '{"a": 1, "b": 2}'::jsonb @> '{"a": 1}', '[1, 2]'::jsonb @> '1', '{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}', '{"a": [1, 2]}'::jsonb @> '{"a": [2]}'"#,
        "t|t|t|t",
    ),
    (
        r#"select '{"a": 1}'::jsonb ? 'a', '{"a": 1}'::jsonb ?| array['b', 'a'], '{"a": 1}'::jsonb ?& array['b', 'a']"#,
        "t|t|f",
    ),
    (r#"select '{"a": 1}'::jsonb || '{"b": 2}'::jsonb, '[1]'::jsonb || '2'::jsonb"#, r#"{"a": 1, "b": 2}|[1, 2]"#),
    ("select jsonb_typeof('[1]'), jsonb_typeof('null'), jsonb_array_length('[1, 2]')", "array|null|2"),
    ("select jsonb_array_length('{}')", "22023 cannot get array length of a non-array"),
    (
        "select jsonb_build_object('a', 1, 'b', null, 'c', 'x'), jsonb_build_array(1, 'a', true, 1.5)",
        r#"{"a": 1, "b": null, "c": "x"}|[1, "a", true, 1.5]"#,
    ),
    (
        r#"select to_jsonb(5), to_jsonb('x'::text), to_jsonb(array[1, 2]), to_jsonb('{"a":1}'::jsonb)"#,
        r#"5|"x"|[1, 2]|{"a": 1}"#,
    ),
    (
        r#"select jsonb_extract_path('{"a": {"b": 1}}', 'a', 'b'), jsonb_extract_path_text('{"a": {"b": "z"}}', 'a', 'b')"#,
        "1|z",
    ),
    (
        r#"select '{"a":1}'::jsonb = '{"a": 1}'::jsonb, ('{"a":null}'::jsonb -> 'a'), ('{"a":null}'::jsonb ->> 'a') is null"#,
        "t|null|t",
    ),
    (r#"select jsonb_strip_nulls('{"a": null, "b": 1}')"#, r#"{"b": 1}"#),
    (r#"select ('{"a": 5}'::jsonb ->> 'a')::int + 1"#, "6"),
];
