//! Types as SQL writes them: `format_type`, and back.

use peristyle_catalog::model::{Oid, PgType};

use super::built_in_types::{by_name, by_oid};
use super::names::{parts, quoted, relation_of_type, type_relation_named, type_shown, types_of};
use crate::relation::RelationContext;

/// Types that SQL names otherwise than `typname`: (oid, before the modifier, after it).
const SQL_NAMES: &[(u32, &str, &str)] = &[
    (16, "boolean", ""),
    (18, "\"char\"", ""),
    (20, "bigint", ""),
    (21, "smallint", ""),
    (23, "integer", ""),
    (700, "real", ""),
    (701, "double precision", ""),
    (1042, "character", ""),
    (1043, "character varying", ""),
    (1083, "time", " without time zone"),
    (1114, "timestamp", " without time zone"),
    (1184, "timestamp", " with time zone"),
    (1186, "interval", ""),
    (1266, "time", " with time zone"),
    (1560, "bit", ""),
    (1562, "bit varying", ""),
    (1700, "numeric", ""),
    (2276, "\"any\"", ""),
];

/// Other spellings of type names, in lower case with single blanks.
const SPELLINGS: &[(&str, u32)] = &[
    ("boolean", 16),
    ("bigint", 20),
    ("smallint", 21),
    ("integer", 23),
    ("int", 23),
    ("real", 700),
    ("float", 701),
    ("double precision", 701),
    ("character", 1042),
    ("char", 1042),
    ("character varying", 1043),
    ("char varying", 1043),
    ("time without time zone", 1083),
    ("time with time zone", 1266),
    ("bit varying", 1562),
    ("timestamp without time zone", 1114),
    ("timestamp with time zone", 1184),
    ("decimal", 1700),
    ("dec", 1700),
];

const BPCHAR: u32 = 1042;
const BIT: u32 = 1560;
const INTERVAL: u32 = 1186;
/// What PostgreSQL writes for a type that does not exist, and for none.
const UNKNOWN: &str = "???";
const NONE: &str = "-";
/// Length header that PostgreSQL counts into the modifiers of character types.
const VARHDRSZ: i32 = 4;

/// A type as SQL writes it. `typmod` is `None` where the caller asks for the type alone, −1 where the column has
/// no modifier.
pub(crate) fn format_type(context: &RelationContext<'_>, oid: u32, typmod: Option<i32>) -> String {
    if oid == 0 {
        return NONE.to_owned();
    }
    if let Some(element) = array_element(oid) {
        return format!("{}[]", format_built_in(element, typmod));
    }
    if by_oid(oid).is_some() {
        return format_built_in(oid, typmod);
    }
    match relation_of_type(context, Oid(oid)) {
        Some((relation, is_array)) => {
            let name = type_shown(context, relation);
            if is_array { format!("{name}[]") } else { name }
        }
        None => UNKNOWN.to_owned(),
    }
}

/// The element of a true array type: one that its element names as its array.
fn array_element(oid: u32) -> Option<u32> {
    let array = by_oid(oid)?;
    let element = by_oid(array.element)?;
    (element.array == oid).then_some(element.oid)
}

fn format_built_in(oid: u32, typmod: Option<i32>) -> String {
    if oid == BPCHAR && typmod == Some(-1) {
        return "bpchar".to_owned();
    }
    // So does bit, which alone means bit(1).
    if oid == BIT && typmod == Some(-1) {
        return "\"bit\"".to_owned();
    }
    let modifier = typmod.filter(|typmod| *typmod >= 0).map(|typmod| format_modifier(oid, typmod)).unwrap_or_default();
    match SQL_NAMES.iter().find(|name| name.0 == oid) {
        Some((_, before, after)) => format!("{before}{modifier}{after}"),
        None => by_oid(oid).map_or_else(|| UNKNOWN.to_owned(), |ty| format!("{}{modifier}", quoted(ty.name))),
    }
}

fn format_modifier(oid: u32, typmod: i32) -> String {
    let ty = PgType { oid, typmod };
    match oid {
        1042 | 1043 if typmod > VARHDRSZ => format!("({})", typmod - VARHDRSZ),
        1700 => ty.numeric_precision_scale().map(|(p, s)| format!("({p},{s})")).unwrap_or_default(),
        1083 | 1114 | 1184 | 1266 | 1560 | 1562 => format!("({typmod})"),
        INTERVAL => format_interval_modifier(typmod),
        _ => String::new(),
    }
}

/// Fields of an interval's modifier: bit in the range mask and name, largest first.
const INTERVAL_FIELDS: &[(i32, &str)] = &[
    (1 << 2, "year"),
    (1 << 1, "month"),
    (1 << 3, "day"),
    (1 << 10, "hour"),
    (1 << 11, "minute"),
    (1 << 12, "second"),
];
const FULL_RANGE: i32 = 0x7fff;
const FULL_PRECISION: i32 = 0xffff;

fn format_interval_modifier(typmod: i32) -> String {
    let (range, precision) = ((typmod >> 16) & FULL_RANGE, typmod & FULL_PRECISION);
    let named: Vec<&str> = INTERVAL_FIELDS.iter().filter(|field| range & field.0 != 0).map(|field| field.1).collect();
    let fields = match named.as_slice() {
        _ if range == FULL_RANGE => String::new(),
        [] => String::new(),
        [only] => format!(" {only}"),
        [first, .., last] => format!(" {first} to {last}"),
    };
    if precision == FULL_PRECISION { fields } else { format!("{fields}({precision})") }
}

/// The type that a name means, without its modifier: built in, an enum type, or the row type of a table or view. `None`
/// for none.
pub(crate) fn type_named(context: &RelationContext<'_>, text: &str) -> Option<u32> {
    let (name, is_array) = without_brackets(text.trim());
    let name = without_modifier(name);
    let oid = scalar_type(&name).or_else(|| user_type(context, &name))?;
    if !is_array {
        return Some(oid);
    }
    let of_row = || relation_of_type(context, Oid(oid)).and_then(|found| types_of(found.0)).map(|types| types.1.0);
    by_oid(oid).map(|ty| ty.array).filter(|array| *array != 0).or_else(of_row)
}

fn without_brackets(text: &str) -> (&str, bool) {
    let bare =
        text.strip_suffix(']').and_then(|text| text.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('['));
    match bare {
        Some(bare) => (without_brackets(bare.trim_end()).0, true),
        None => (text, false),
    }
}

/// Cuts `(…)` out and folds blanks, as in `timestamp(3)  with time zone`.
fn without_modifier(text: &str) -> String {
    let cut = match (text.find('('), text.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{} {}", &text[..open], &text[close + 1..]),
        _ => text.to_owned(),
    };
    cut.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn scalar_type(name: &str) -> Option<u32> {
    let folded = name.to_lowercase();
    if let Some(spelling) = SPELLINGS.iter().find(|spelling| spelling.0 == folded) {
        return Some(spelling.1);
    }
    let parts = parts(name)?;
    match parts.as_slice() {
        [name] => by_name(name).map(|ty| ty.oid),
        [schema, name] if schema == "pg_catalog" => by_name(name).map(|ty| ty.oid),
        _ => None,
    }
}

fn user_type(context: &RelationContext<'_>, name: &str) -> Option<u32> {
    let parts = parts(name)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return None,
    };
    let found = |name: &str| type_relation_named(context, schema, name).and_then(types_of);
    let array = || found(name.strip_prefix('_')?).map(|types| types.1.0);
    found(name).map(|types| types.0.0).or_else(array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg_catalog::fixture::context;

    /// As PostgreSQL 15 writes them.
    #[test]
    fn types_are_written_as_postgresql_writes_them() {
        let context = context();
        for (oid, typmod, expected) in [
            (16, None, "boolean"),
            (18, Some(-1), "\"char\""),
            (1042, None, "character"),
            (1042, Some(-1), "bpchar"),
            (1042, Some(14), "character(10)"),
            (1043, Some(-1), "character varying"),
            (1043, Some(14), "character varying(10)"),
            (1700, Some(983046), "numeric(15,2)"),
            (1700, Some(-1), "numeric"),
            (1083, Some(3), "time(3) without time zone"),
            (1266, Some(3), "time(3) with time zone"),
            (1560, None, "bit"),
            (1560, Some(-1), "\"bit\""),
            (1560, Some(5), "bit(5)"),
            (1562, Some(5), "bit varying(5)"),
            (1114, None, "timestamp without time zone"),
            (1114, Some(3), "timestamp(3) without time zone"),
            (1184, Some(0), "timestamp(0) with time zone"),
            (1186, Some(-1), "interval"),
            (1186, Some(2147418115), "interval(3)"),
            (1186, Some(458751), "interval year to month"),
            (1186, Some(470286339), "interval day to second(3)"),
            (1009, Some(-1), "text[]"),
            (1015, Some(14), "character varying(10)[]"),
            (1002, None, "\"char\"[]"),
            (2276, None, "\"any\""),
            (19, None, "name"),
            (0, None, "-"),
            (99999, None, "???"),
            (22, None, "int2vector"),
            (1115, Some(3), "timestamp(3) without time zone[]"),
        ] {
            assert_eq!(format_type(&context.relations(), oid, typmod), expected);
        }
    }

    #[test]
    fn types_are_read_in_every_spelling() {
        let context = context();
        for (text, oid) in [
            ("int", Some(23)),
            ("INTEGER", Some(23)),
            ("pg_catalog.int4", Some(23)),
            ("\"char\"", Some(18)),
            ("char(3)", Some(1042)),
            ("timestamp (3)  with time zone", Some(1184)),
            ("numeric(10,2)[]", Some(1231)),
            ("int[3][]", Some(1007)),
            ("other.\"Child\"", Some(16411)),
            ("t[]", Some(16402)),
            ("nosuch", None),
            ("", None),
        ] {
            assert_eq!(type_named(&context.relations(), text), oid, "{text}");
        }
    }
}
