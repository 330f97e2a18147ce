//! Types as the grammar has them → `PgType`. What types are called is in `values::names`.

use std::borrow::Cow;

use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType as SqlType, ExactNumberInfo, Ident, ObjectName, TimezoneInfo,
};

use crate::functions::error::{error, not_supported};
use crate::values::{interval_of_digits, type_by_name, type_name};

/// Greatest precision that PostgreSQL takes for `numeric(p, s)`.
const NUMERIC_PRECISION_MAX: u64 = 1000;
/// Greatest precision of numeric values here.
const DECIMAL_PRECISION_MAX: u64 = peristyle_storage::types::DECIMAL256_PRECISION_MAX as u64;
/// Greatest n of `varchar(n)` and `char(n)`.
const CHARACTERS_MAX: u64 = 10_485_760;
/// Greatest n of `bit(n)` and `bit varying(n)`.
const BITS_MAX: u64 = CHARACTERS_MAX * 8;
/// Greatest number of digits behind the second.
const SECOND_DIGITS_MAX: u64 = 6;

/// The PostgreSQL type that a type's name in SQL stands for.
///
/// # Errors
/// 42704 for an unknown name, 22023 for a bad modifier, 0A000 for a type of PostgreSQL that Peristyle lacks.
pub fn pg_type_of_sql(sql: &SqlType) -> Result<PgType> {
    match sql {
        SqlType::Bool | SqlType::Boolean => Ok(PgType::BOOL),
        SqlType::SmallInt(_) | SqlType::Int2(_) => Ok(PgType::INT2),
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => Ok(PgType::INT4),
        SqlType::BigInt(_) | SqlType::Int8(_) => Ok(PgType::INT8),
        SqlType::Real | SqlType::Float4 => Ok(PgType::FLOAT4),
        SqlType::Float8 | SqlType::DoublePrecision | SqlType::Double(ExactNumberInfo::None) => Ok(PgType::FLOAT8),
        SqlType::Float(info) => float_type(info),
        SqlType::Numeric(info) | SqlType::Decimal(info) | SqlType::Dec(info) => numeric_type(info),
        SqlType::Text => Ok(PgType::TEXT),
        SqlType::Varchar(n) | SqlType::CharacterVarying(n) | SqlType::CharVarying(n) | SqlType::Nvarchar(n) => {
            varchar_type(n.as_ref())
        }
        SqlType::Char(n) | SqlType::Character(n) => char_type(n.as_ref()),
        SqlType::Bytea => Ok(PgType::BYTEA),
        SqlType::Bit(n) => bit_type(PgType::BIT, Some(n.unwrap_or(1)), "bit"),
        SqlType::BitVarying(n) | SqlType::VarBit(n) => bit_type(PgType::VARBIT, *n, "varbit"),
        SqlType::Uuid => Ok(PgType::UUID),
        SqlType::JSON => Ok(PgType::JSON),
        SqlType::JSONB => Ok(PgType::JSONB),
        SqlType::Date => Ok(PgType::DATE),
        SqlType::Time(digits, zone) => time_type(*digits, zone),
        SqlType::Timestamp(digits, zone) => timestamp_type(*digits, zone),
        SqlType::Interval { precision, .. } => interval_type(*precision),
        SqlType::Regclass => Ok(PgType::plain(TypeKind::Regclass.oid())),
        SqlType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => array_type(element),
        SqlType::Array(ArrayElemTypeDef::AngleBracket(element) | ArrayElemTypeDef::Parenthesis(element)) => {
            array_type(element)
        }
        SqlType::Custom(name, modifiers) => custom_type(name, modifiers),
        other => Err(unknown_type(&other.to_string().to_lowercase())),
    }
}

/// Begins the name that a user's type has in a tree once it was looked up; its oid follows. No name of a client's holds a
/// control character.
const LOOKED_UP: &str = "\u{1}type ";

/// A type that was looked up, as a tree names it.
pub(crate) fn sql_type_of(ty: PgType) -> SqlType {
    match ty.element() {
        Some(element) => SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(sql_type_of(element)), None)),
        None => {
            let name = Ident::with_quote('"', format!("{LOOKED_UP}{}", ty.oid));
            SqlType::Custom(ObjectName::from(vec![name]), Vec::new())
        }
    }
}

/// Whether a text that was printed of a tree names a type that was looked up, or the array type over it.
pub(crate) fn names_type(text: &str, ty: PgType) -> bool {
    text.contains(&sql_type_of(ty).to_string())
}

/// A text that was printed of a tree, with names in the place of the types that were looked up.
pub(crate) fn with_type_names<'t>(text: &'t str, name_of: &dyn Fn(PgType) -> String) -> Cow<'t, str> {
    let mark = format!("\"{LOOKED_UP}");
    let mut parts = text.split(&mark);
    let Some(first) = parts.next().filter(|first| first.len() < text.len()) else { return text.into() };
    let mut named = first.to_owned();
    for part in parts {
        match part.split_once('"').and_then(|(oid, rest)| Some((oid.parse().ok()?, rest))) {
            Some((oid, rest)) => named.extend([&name_of(PgType::plain(oid)), rest]),
            None => named.push_str(part),
        }
    }
    named.into()
}

fn unknown_type(name: &str) -> datafusion::common::DataFusionError {
    error("42704", format!("type \"{name}\" does not exist"))
}

fn float_type(info: &ExactNumberInfo) -> Result<PgType> {
    match info {
        ExactNumberInfo::None => Ok(PgType::FLOAT8),
        ExactNumberInfo::Precision(0) => Err(error("22023", "precision for type float must be at least 1 bit")),
        ExactNumberInfo::Precision(bits) if *bits <= 24 => Ok(PgType::FLOAT4),
        ExactNumberInfo::Precision(bits) if *bits <= 53 => Ok(PgType::FLOAT8),
        _ => Err(error("22023", "precision for type float must be less than 54 bits")),
    }
}

fn numeric_type(info: &ExactNumberInfo) -> Result<PgType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(PgType::NUMERIC),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    if precision == 0 || precision > NUMERIC_PRECISION_MAX {
        return Err(error("22023", format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if precision > DECIMAL_PRECISION_MAX {
        return Err(not_supported(format!("numeric precision {precision}, more than {DECIMAL_PRECISION_MAX},")));
    }
    if scale.unsigned_abs() > NUMERIC_PRECISION_MAX {
        return Err(error("22023", format!("NUMERIC scale {scale} must be between -1000 and 1000")));
    }
    if scale > DECIMAL_PRECISION_MAX as i64 {
        return Err(not_supported(format!("numeric scale {scale}, more than {DECIMAL_PRECISION_MAX},")));
    }
    if scale < -(precision as i64) {
        return Err(not_supported(format!("numeric scale {scale}, below that of precision {precision},")));
    }
    Ok(PgType::numeric(precision as u8, scale as i8))
}

fn characters(length: &CharacterLength, name: &str) -> Result<Option<i32>> {
    match length {
        CharacterLength::Max => Ok(None),
        CharacterLength::IntegerLength { length: 0, .. } => {
            Err(error("22023", format!("length for type {name} must be at least 1")))
        }
        CharacterLength::IntegerLength { length, .. } if *length > CHARACTERS_MAX => {
            Err(error("22023", format!("length for type {name} cannot exceed {CHARACTERS_MAX}")))
        }
        CharacterLength::IntegerLength { length, .. } => Ok(Some(*length as i32)),
    }
}

fn varchar_type(length: Option<&CharacterLength>) -> Result<PgType> {
    let limit = length.map(|length| characters(length, "varchar")).transpose()?.flatten();
    Ok(limit.map_or(PgType::VARCHAR, PgType::varchar))
}

fn char_type(length: Option<&CharacterLength>) -> Result<PgType> {
    let limit = length.map(|length| characters(length, "char")).transpose()?.flatten();
    Ok(PgType::bpchar(limit.unwrap_or(1)))
}

fn bit_type(ty: PgType, length: Option<u64>, name: &str) -> Result<PgType> {
    match length {
        None => Ok(ty),
        Some(0) => Err(error("22023", format!("length for type {name} must be at least 1"))),
        Some(length) if length > BITS_MAX => {
            Err(error("22023", format!("length for type {name} cannot exceed {BITS_MAX}")))
        }
        Some(length) => Ok(PgType { typmod: length as i32, ..ty }),
    }
}

fn with_second_digits(ty: PgType, digits: Option<u64>, name: &str) -> Result<PgType> {
    match digits {
        None => Ok(ty),
        Some(digits) if digits <= SECOND_DIGITS_MAX => Ok(PgType { typmod: digits as i32, ..ty }),
        // PostgreSQL warns and takes six.
        Some(digits) if digits <= i32::MAX as u64 => Ok(PgType { typmod: SECOND_DIGITS_MAX as i32, ..ty }),
        Some(digits) => Err(error("22023", format!("{name}({digits}) precision must not be negative"))),
    }
}

fn interval_type(digits: Option<u64>) -> Result<PgType> {
    let ty = with_second_digits(PgType::INTERVAL, digits, "interval")?;
    Ok(if ty.typmod < 0 { ty } else { interval_of_digits(ty.typmod) })
}

fn time_type(digits: Option<u64>, zone: &TimezoneInfo) -> Result<PgType> {
    match zone {
        TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => with_second_digits(PgType::TIME, digits, "time"),
        TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => with_second_digits(PgType::TIMETZ, digits, "time"),
    }
}

fn timestamp_type(digits: Option<u64>, zone: &TimezoneInfo) -> Result<PgType> {
    let ty = match zone {
        TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => PgType::TIMESTAMP,
        TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => PgType::TIMESTAMPTZ,
    };
    with_second_digits(ty, digits, "timestamp")
}

fn array_type(element: &SqlType) -> Result<PgType> {
    // PostgreSQL does not tell int[][] from int[].
    let element = match pg_type_of_sql(element)? {
        array if array.is_array() => return Ok(array),
        element => element,
    };
    element.array().ok_or_else(|| not_supported(format!("an array of {}", type_name(element))))
}

fn custom_type(name: &ObjectName, modifiers: &[String]) -> Result<PgType> {
    let parts: Vec<String> = name.0.iter().map(|part| part.to_string()).collect();
    let (last, schema) = parts.split_last().ok_or_else(|| unknown_type(""))?;
    if schema.first().is_some_and(|schema| !schema.trim_matches('"').eq_ignore_ascii_case("pg_catalog")) {
        return Err(unknown_type(&parts.join(".")));
    }
    if let Some(oid) = last.trim_matches('"').strip_prefix(LOOKED_UP).and_then(|oid| oid.parse().ok()) {
        return Ok(PgType::plain(oid));
    }
    // The quoted "char" is another type than char.
    if last == "\"char\"" {
        return Ok(PgType::CHAR);
    }
    // The quoted "bit" has no length, while bit has one bit.
    if last == "\"bit\"" {
        return Ok(PgType::BIT);
    }
    match last.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')) {
        // No type that there is has a capital in its name.
        Some(quoted) if quoted.chars().any(char::is_uppercase) => Err(unknown_type(quoted)),
        Some(quoted) => named_type(quoted, modifiers),
        None => named_type(&last.to_lowercase(), modifiers),
    }
}

/// Types of PostgreSQL's that are not there.
const LACKING: &[&str] = &["xml", "point", "box", "tsvector"];

fn named_type(name: &str, modifiers: &[String]) -> Result<PgType> {
    if LACKING.contains(&name) {
        return Err(not_supported(format!("type {name}")));
    }
    let plain = type_by_name(name, &[]).ok_or_else(|| unknown_type(name))?;
    if modifiers.is_empty() {
        return Ok(plain);
    }
    let numbers: Option<Vec<i32>> = modifiers.iter().map(|modifier| modifier.trim().parse().ok()).collect();
    let ty = numbers.and_then(|numbers| type_by_name(name, &numbers));
    ty.ok_or_else(|| error("22023", format!("invalid type modifier for type {}", type_name(plain))))
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn parsed(sql: &str) -> Result<PgType> {
        let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).expect("tokens");
        pg_type_of_sql(&parser.parse_data_type().expect("a type"))
    }

    #[test]
    fn a_type_that_was_looked_up_is_found_by_its_oid() {
        let mood = PgType::of_enum(peristyle_catalog::model::Oid(16400)).expect("there is room");
        let text =
            format!("'{{a}}'::{} || 'b'::{}", sql_type_of(mood.array().expect("an array type")), sql_type_of(mood));
        assert_eq!(parsed(&sql_type_of(mood).to_string()).expect("a type"), mood);
        assert_eq!(with_type_names(&text, &|_| "mood".to_owned()), "'{a}'::mood[] || 'b'::mood");
        assert_eq!(with_type_names("'a'::text", &|_| "mood".to_owned()), "'a'::text");
    }

    #[test]
    fn names_lead_to_types_and_back_as_format_type_writes_them() {
        for (sql, formatted) in [
            ("int", "integer"),
            ("bigint[]", "bigint[]"),
            ("varchar(10)", "character varying(10)"),
            ("char", "character(1)"),
            ("bpchar", "bpchar"),
            ("\"char\"", "\"char\""),
            ("numeric(15,2)", "numeric(15,2)"),
            ("decimal", "numeric"),
            ("float(24)", "real"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("timestamptz", "timestamp with time zone"),
            ("pg_catalog.int4", "integer"),
            ("\"pg_catalog\".\"int4\"", "integer"),
            ("regclass", "regclass"),
            ("name", "name"),
            ("_text", "text[]"),
            ("jsonb", "jsonb"),
            ("interval", "interval"),
        ] {
            assert_eq!(type_name(parsed(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))), formatted, "{sql}");
        }
        assert!(parsed("nonsense").is_err());
        assert!(parsed("\"INTEGER\"").is_err());
        assert!(parsed("numeric(77,2)").is_err());
    }
}
