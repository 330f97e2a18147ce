//! Names of types: what PostgreSQL calls them, and every spelling that it understands.

use peristyle_catalog::model::{PgType, TypeKind};

use crate::enum_types;
#[cfg(doc)]
use crate::enum_types::EnumTypes;

const VARHDRSZ: i32 = 4;
/// PostgreSQL's limits of modifiers.
const CHARACTERS_MAX: i32 = 10_485_760;
const BITS_MAX: i32 = CHARACTERS_MAX * 8;
const NUMERIC_PRECISION_MAX: i32 = 1000;
const NUMERIC_SCALE_MAX: i32 = 1000;
const SECOND_DIGITS_MAX: i32 = 6;
/// Bits of a `float(n)` that a real still holds.
const FLOAT4_BITS_MAX: i32 = 24;
const FLOAT8_BITS_MAX: i32 = 53;
/// The precision part of an interval's modifier: all fields, `p` digits.
const INTERVAL_FULL_RANGE: i32 = 0x7fff << 16;
const INTERVAL_FULL_PRECISION: i32 = 0xffff;

/// What PostgreSQL's `format_type` prints: `character varying(10)`, `numeric(15,2)`, `integer[]`. An enum type shows as
/// the mark in whose place its name is put ([`EnumTypes::named`]), a row type as its oid.
pub fn type_name(ty: PgType) -> String {
    if let Some(element) = ty.element() {
        return format!("{}[]", type_name(element));
    }
    let Some(kind) = ty.kind() else { return ty.oid.to_string() };
    if kind == TypeKind::Enum {
        return enum_types::mark(ty);
    }
    let base = base_name(kind);
    match kind {
        TypeKind::Varchar | TypeKind::Bpchar => match ty.character_limit() {
            Some(limit) => format!("{base}({limit})"),
            // PostgreSQL says bpchar here, because character alone means character(1).
            None if kind == TypeKind::Bpchar => "bpchar".to_owned(),
            None => base.to_owned(),
        },
        TypeKind::Numeric => match ty.numeric_precision_scale() {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => base.to_owned(),
        },
        TypeKind::Bit | TypeKind::Varbit => match ty.bit_limit() {
            Some(limit) => format!("{base}({limit})"),
            None => base.to_owned(),
        },
        TypeKind::Time => format!("time{} without time zone", digits_text(ty.typmod)),
        TypeKind::Timetz => format!("time{} with time zone", digits_text(ty.typmod)),
        TypeKind::Timestamp => format!("timestamp{} without time zone", digits_text(ty.typmod)),
        TypeKind::Timestamptz => format!("timestamp{} with time zone", digits_text(ty.typmod)),
        TypeKind::Interval => format!("interval{}", digits_text(interval_digits(ty))),
        _ => base.to_owned(),
    }
}

/// `interval(digits)`.
pub(crate) fn interval_of_digits(digits: i32) -> PgType {
    PgType { typmod: INTERVAL_FULL_RANGE | digits, ..PgType::INTERVAL }
}

/// Digits behind the second that an interval's modifier asks for, -1 for all.
pub(super) fn interval_digits(ty: PgType) -> i32 {
    let digits = ty.typmod & INTERVAL_FULL_PRECISION;
    if ty.typmod < 0 || digits == INTERVAL_FULL_PRECISION { -1 } else { digits }
}

fn digits_text(digits: i32) -> String {
    if digits < 0 { String::new() } else { format!("({digits})") }
}

fn base_name(kind: TypeKind) -> &'static str {
    match kind {
        TypeKind::Bool => "boolean",
        TypeKind::Bytea => "bytea",
        TypeKind::Char => "\"char\"",
        TypeKind::Name => "name",
        TypeKind::Int8 => "bigint",
        TypeKind::Int2 => "smallint",
        TypeKind::Int2Vector => "int2vector",
        TypeKind::Int4 => "integer",
        TypeKind::Regproc => "regproc",
        TypeKind::Regprocedure => "regprocedure",
        TypeKind::Text => "text",
        TypeKind::Oid => "oid",
        TypeKind::Xid => "xid",
        TypeKind::OidVector => "oidvector",
        TypeKind::Json => "json",
        TypeKind::PgNodeTree => "pg_node_tree",
        TypeKind::Float4 => "real",
        TypeKind::Float8 => "double precision",
        TypeKind::Unknown => "unknown",
        TypeKind::AclItem => "aclitem",
        TypeKind::Bpchar => "character",
        TypeKind::Varchar => "character varying",
        TypeKind::Date => "date",
        TypeKind::Time => "time without time zone",
        TypeKind::Timestamp => "timestamp without time zone",
        TypeKind::Timestamptz => "timestamp with time zone",
        TypeKind::Interval => "interval",
        TypeKind::Numeric => "numeric",
        TypeKind::Regclass => "regclass",
        TypeKind::Regtype => "regtype",
        TypeKind::Regnamespace => "regnamespace",
        TypeKind::Regrole => "regrole",
        TypeKind::Record => "record",
        TypeKind::Void => "void",
        TypeKind::Uuid => "uuid",
        TypeKind::Jsonb => "jsonb",
        TypeKind::AnyArray => "anyarray",
        TypeKind::Inet => "inet",
        TypeKind::Cidr => "cidr",
        TypeKind::Macaddr => "macaddr",
        TypeKind::Macaddr8 => "macaddr8",
        TypeKind::Int4Range => "int4range",
        TypeKind::Int8Range => "int8range",
        TypeKind::NumRange => "numrange",
        TypeKind::TsRange => "tsrange",
        TypeKind::TstzRange => "tstzrange",
        TypeKind::DateRange => "daterange",
        TypeKind::Timetz => "time with time zone",
        TypeKind::Money => "money",
        TypeKind::Bit => "bit",
        TypeKind::Varbit => "bit varying",
        TypeKind::Enum => "anyenum",
    }
}

/// The name in `pg_type.typname` of a kind: `int4`, `varchar`.
pub fn catalog_name(kind: TypeKind) -> &'static str {
    match kind {
        TypeKind::Bool => "bool",
        TypeKind::Char => "char",
        TypeKind::Int8 => "int8",
        TypeKind::Int2 => "int2",
        TypeKind::Int4 => "int4",
        TypeKind::Float4 => "float4",
        TypeKind::Float8 => "float8",
        TypeKind::Bpchar => "bpchar",
        TypeKind::Varchar => "varchar",
        TypeKind::Time => "time",
        TypeKind::Timetz => "timetz",
        TypeKind::Varbit => "varbit",
        TypeKind::Timestamp => "timestamp",
        TypeKind::Timestamptz => "timestamptz",
        other => base_name(other),
    }
}

/// The type of a name as SQL spells it (`int`, `CHARACTER VARYING`, `timestamp with time zone`, `"char"`, `_int4`,
/// `text[]`), with the modifiers that stood in its parentheses. A name may hold them itself (`numeric(10, 2)`,
/// `timestamp(3) with time zone`). `None` if there is no such type or the modifiers do not fit it; serial types are
/// not types (see [`serial_type`]).
pub fn type_by_name(name: &str, modifiers: &[i32]) -> Option<PgType> {
    let spelled = Spelling::of(name)?;
    let modifiers = if spelled.modifiers.is_empty() { modifiers } else { &spelled.modifiers };
    let ty = scalar_by_name(&spelled.words, modifiers)?;
    if spelled.is_array { ty.array() } else { Some(ty) }
}

/// The integer type of `smallserial`, `serial` and `bigserial`.
pub fn serial_type(name: &str) -> Option<PgType> {
    match name.trim_ascii().to_ascii_lowercase().as_str() {
        "smallserial" | "serial2" => Some(PgType::INT2),
        "serial" | "serial4" => Some(PgType::INT4),
        "bigserial" | "serial8" => Some(PgType::INT8),
        _ => None,
    }
}

/// A type's name taken apart.
struct Spelling {
    /// In lower case, one space between words; `"char"` keeps its quotes.
    words: String,
    modifiers: Vec<i32>,
    is_array: bool,
}

impl Spelling {
    fn of(name: &str) -> Option<Spelling> {
        let lower = name.trim_ascii().to_ascii_lowercase();
        let (lower, is_array) = strip_array(&lower);
        let lower = lower.strip_prefix("pg_catalog.").unwrap_or(lower);
        let (words, modifiers) = match lower.split_once('(') {
            Some((before, rest)) => {
                let (inside, after) = rest.split_once(')')?;
                let numbers = inside.split(',').map(|number| number.trim().parse().ok());
                (format!("{before} {after}"), numbers.collect::<Option<Vec<i32>>>()?)
            }
            None => (lower.to_owned(), Vec::new()),
        };
        let words = words.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        Some(Spelling { words, modifiers, is_array })
    }
}

/// Cuts `[]`, `[3]`, ` array` and PostgreSQL's own `_` in front; several dimensions are one type, as in PostgreSQL.
fn strip_array(name: &str) -> (&str, bool) {
    let mut rest = name;
    while let Some((before, inside)) = rest.strip_suffix(']').and_then(|cut| cut.rsplit_once('[')) {
        if !inside.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        rest = before.trim_end();
    }
    if let Some(before) = rest.strip_suffix(" array") {
        rest = before;
    }
    match rest.strip_prefix('_') {
        Some(element) => (element, true),
        None => (rest, rest.len() != name.len()),
    }
}

fn scalar_by_name(words: &str, modifiers: &[i32]) -> Option<PgType> {
    let kind = match words {
        "float" => return float_type(modifiers),
        "\"char\"" => TypeKind::Char,
        "int" | "integer" | "int4" => TypeKind::Int4,
        "smallint" | "int2" => TypeKind::Int2,
        "bigint" | "int8" => TypeKind::Int8,
        "bool" | "boolean" => TypeKind::Bool,
        "real" | "float4" => TypeKind::Float4,
        "double precision" | "float8" | "double" => TypeKind::Float8,
        "decimal" | "dec" | "numeric" => TypeKind::Numeric,
        "varchar"
        | "character varying"
        | "char varying"
        | "national character varying"
        | "national char varying"
        | "nchar varying" => TypeKind::Varchar,
        "character" | "char" | "national character" | "national char" | "nchar" => {
            return character_type(modifiers.first().copied().or(Some(1)));
        }
        "bpchar" => return character_type(modifiers.first().copied()),
        "time" | "time without time zone" => TypeKind::Time,
        "timetz" | "time with time zone" => TypeKind::Timetz,
        "bit" => return with_modifiers(TypeKind::Bit, if modifiers.is_empty() { &[1] } else { modifiers }),
        "\"bit\"" => TypeKind::Bit,
        "varbit" | "bit varying" => TypeKind::Varbit,
        "timestamp" | "timestamp without time zone" => TypeKind::Timestamp,
        "timestamptz" | "timestamp with time zone" => TypeKind::Timestamptz,
        _ => TypeKind::all().find(|kind| catalog_name(*kind) == words)?,
    };
    with_modifiers(kind, modifiers)
}

fn float_type(modifiers: &[i32]) -> Option<PgType> {
    match modifiers {
        [] => Some(PgType::FLOAT8),
        [bits] if (1..=FLOAT4_BITS_MAX).contains(bits) => Some(PgType::FLOAT4),
        [bits] if (1..=FLOAT8_BITS_MAX).contains(bits) => Some(PgType::FLOAT8),
        _ => None,
    }
}

fn character_type(limit: Option<i32>) -> Option<PgType> {
    match limit {
        None => Some(PgType::BPCHAR),
        Some(limit) if (1..=CHARACTERS_MAX).contains(&limit) => Some(PgType::bpchar(limit)),
        Some(_) => None,
    }
}

fn with_modifiers(kind: TypeKind, modifiers: &[i32]) -> Option<PgType> {
    let plain = PgType::plain(kind.oid());
    let typmod = match (kind, modifiers) {
        (_, []) => return Some(plain),
        (TypeKind::Varchar, [limit]) if (1..=CHARACTERS_MAX).contains(limit) => limit + VARHDRSZ,
        (TypeKind::Numeric, [precision]) => numeric_modifier(*precision, 0)?,
        (TypeKind::Numeric, [precision, scale]) => numeric_modifier(*precision, *scale)?,
        // PostgreSQL takes more digits with a warning and means six.
        (TypeKind::Bit | TypeKind::Varbit, [limit]) if (1..=BITS_MAX).contains(limit) => *limit,
        (TypeKind::Time | TypeKind::Timetz | TypeKind::Timestamp | TypeKind::Timestamptz, [digits]) if *digits >= 0 => {
            (*digits).min(SECOND_DIGITS_MAX)
        }
        (TypeKind::Interval, [digits]) if *digits >= 0 => {
            return Some(interval_of_digits((*digits).min(SECOND_DIGITS_MAX)));
        }
        _ => return None,
    };
    Some(PgType { typmod, ..plain })
}

fn numeric_modifier(precision: i32, scale: i32) -> Option<i32> {
    let fits =
        (1..=NUMERIC_PRECISION_MAX).contains(&precision) && (-NUMERIC_SCALE_MAX..=NUMERIC_SCALE_MAX).contains(&scale);
    fits.then(|| ((precision << 16) | (scale & 0x7ff)) + VARHDRSZ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_types_and_back() {
        let cases = [
            ("int", "integer"),
            ("INT4", "integer"),
            ("character varying(10)", "character varying(10)"),
            ("varchar", "character varying"),
            ("char", "character(1)"),
            ("char(3)", "character(3)"),
            ("bpchar", "bpchar"),
            ("\"char\"", "\"char\""),
            ("numeric(15, 2)", "numeric(15,2)"),
            ("decimal(5)", "numeric(5,0)"),
            ("dec", "numeric"),
            ("float(24)", "real"),
            ("float(25)", "double precision"),
            ("float", "double precision"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("timestamptz", "timestamp with time zone"),
            ("time", "time without time zone"),
            ("time(3) with time zone", "time(3) with time zone"),
            ("timetz", "time with time zone"),
            ("bit", "bit(1)"),
            ("bit varying(5)", "bit varying(5)"),
            ("varbit", "bit varying"),
            ("interval(2)", "interval(2)"),
            ("text[]", "text[]"),
            ("int [3] [4]", "integer[]"),
            ("_int4", "integer[]"),
            ("varchar(3)[]", "character varying(3)[]"),
            ("pg_catalog.int8", "bigint"),
            ("regclass", "regclass"),
            ("jsonb", "jsonb"),
        ];
        for (spelling, name) in cases {
            let ty = type_by_name(spelling, &[]).unwrap_or_else(|| panic!("{spelling} is a type"));
            assert_eq!(type_name(ty), name, "{spelling}");
            assert_eq!(type_by_name(name, &[]), Some(ty), "{name}");
        }
        assert_eq!(type_by_name("numeric", &[10, 2]), Some(PgType::numeric(10, 2)));
        for spelling in ["", "foo", "serial", "int(3)", "varchar(0)", "numeric(0)", "float(54)", "varchar(x)"] {
            assert_eq!(type_by_name(spelling, &[]), None, "{spelling}");
        }
        assert_eq!(serial_type("BIGSERIAL"), Some(PgType::INT8));
    }

    #[test]
    fn every_kind_has_a_name_that_is_found() {
        for kind in TypeKind::all().filter(|kind| !matches!(kind, TypeKind::Char | TypeKind::Bit)) {
            assert_eq!(type_by_name(catalog_name(kind), &[]), Some(PgType::plain(kind.oid())), "{kind:?}");
        }
    }
}
