//! text: SQL and the answers of PostgreSQL 15.

use super::check;

#[test]
fn text() {
    check("UTC", CASES);
}

const CASES: &[(&str, &str)] = &[
    (
        r#"select length('héllo'), char_length('abc'), octet_length('é'), bit_length('a'), length('\x0102'::bytea)"#,
        "5|3|2|8|2",
    ),
    (
        "select substring('hello' from 2 for 3), substring('hello' from 2), substring('hello' from -1 for 4), substr('héllo', 2, 2), substring('hello', 10)",
        "ell|ello|he|él|",
    ),
    ("select substring('hello' from 2 for -1)", "22011 negative substring length not allowed"),
    ("select substring('foobar' from 'o(.)b'), substring('foobar' from 'o.b')", "o|oob"),
    ("select position('l' in 'hello'), strpos('hello', 'z'), strpos('hello', '')", "3|0|1"),
    (
        "select left('hello', 2), left('hello', -2), right('hello', 2), right('hello', -2), left('é', 1)",
        "he|hel|lo|llo|é",
    ),
    (
        "select lpad('hi', 5), lpad('hi', 5, 'xy'), rpad('hi', 5, 'xy'), lpad('hello', 2), lpad('hi', -1)",
        "   hi|xyxhi|hixyx|he|",
    ),
    (
        "select trim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xax', 'x'), trim(both 'x' from 'xax')",
        "a|a|a|a|a",
    ),
    (
        "select repeat('ab', 3), repeat('ab', -1), reverse('héllo'), initcap('hello wORLD-foo')",
        "ababab||olléh|Hello World-Foo",
    ),
    ("select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('a,b', ',', 5)", "b|c|"),
    ("select split_part('a,b', ',', 0)", "22023 field position must not be zero"),
    (
        "select translate('12345', '143', 'ax'), replace('aXbX', 'X', '-'), overlay('Txxxxas' placing 'hom' from 2 for 4)",
        "a2x5|a-b-|Thomas",
    ),
    (
        "select concat('a', null, 1, true), concat_ws(',', 'a', null, 'b', 2), concat_ws(null, 'a') is null",
        "a1t|a,b,2|t",
    ),
    ("select ascii('é'), chr(233), to_hex(255), to_hex(-1)", "233|é|ff|ffffffff"),
    ("select chr(0)", "54000 null character not permitted"),
    ("select md5('abc')", "900150983cd24fb0d6963f7d28e17f72"),
    ("select encode(sha256('abc'::bytea), 'hex')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        r#"select encode('abc'::bytea, 'base64'), decode('YWJj', 'base64'), encode('\x00ff'::bytea, 'escape'), encode('abc', 'hex')"#,
        r#"YWJj|\x616263|\000\377|616263"#,
    ),
    (
        "select quote_ident('a b'), quote_ident('select'), quote_ident('abc'), quote_literal('it''s'), quote_nullable(null), quote_literal(5)",
        r#""a b"|"select"|abc|'it''s'|NULL|'5'"#,
    ),
    (
        "select format('%s-%I-%L', 'a', 'B c', 'd''e'), format('%2$s %1$s', 'a', 'b'), format('%5s|%-5s|', 'x', 'y'), format('%%')",
        r#"a-"B c"-'d''e'|b a|    x|y    ||%"#,
    ),
    ("select starts_with('hello', 'he'), 'hello' ^@ 'he'", "t|t"),
    (
        "select string_to_array('a,b,,c', ','), string_to_array('a,b', null), string_to_array('', ','), string_to_array('a,N', ',', 'N')",
        r#"{a,b,"",c}|{a,",",b}|{}|{a,NULL}"#,
    ),
    ("select array_to_string(array[1,null,3], ','), array_to_string(array[1,null,3], ',', '*')", "1,3|1,*,3"),
    (
        r#"select regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobar', 'b(..)', '\1-\&')"#,
        "fooXbaz|fooXX|fooar-bar",
    ),
    (
        "select regexp_match('foobarbequebaz', 'ba.'), regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('abc', 'x') is null",
        "{bar}|{bar,beque}|t",
    ),
    (
        r#"select regexp_split_to_array('hello  world', '\s+'), regexp_count('abcabc', 'b'), regexp_like('Hello', 'h', 'i'), regexp_substr('foobar', 'o+')"#,
        "{hello,world}|2|t|oo",
    ),
    (
        "select array_length(array[1,2,3], 1), cardinality(array[1,2]), array_position(array['a','b'], 'b'), array_upper(array[1,2], 1), array_length('{}'::int[], 1) is null",
        "3|2|2|2|t",
    ),
    ("select 'abc' || 5::text || null is null", "t"),
    ("select lpad('x', 3, '')", "x"),
    ("select length('x'::char(10)), 'a'::char(3) || 'b'", "1|ab"),
    ("select 'b' > 'a', 'a' < 'B', 'Z' < 'a'", "t|f|t"),
];
