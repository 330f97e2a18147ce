//! Sizes: bytes of partitions in the store and of chunks in the log.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::call::Call;
use super::{Function, Parameter, UNDEFINED_DATABASE, failure};
use crate::relation::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable(
        "pg_relation_size",
        &[&[Parameter::Oid], &[Parameter::Oid, Parameter::Text]],
        PgType::INT8,
        relation_size,
    ),
    Function::stable("pg_table_size", &[&[Parameter::Oid]], PgType::INT8, relation_size),
    Function::stable("pg_total_relation_size", &[&[Parameter::Oid]], PgType::INT8, relation_size),
    Function::stable("pg_indexes_size", &[&[Parameter::Oid]], PgType::INT8, indexes_size),
    Function::stable("pg_database_size", &[&[Parameter::Named]], PgType::INT8, database_size),
    Function::stable("pg_size_pretty", &[&[Parameter::Int]], PgType::TEXT, pretty),
];

/// NULL for an oid of no relation; views and indexes hold nothing. All bytes are in the main fork.
fn relation_size(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    if crate::pg_catalog::names::computed_relation(oid).is_some() || !matches!(call.text(1), None | Some("main")) {
        return Ok(Value::Int(0));
    }
    Ok(call.context.head.relation(oid).map(|_| call.context.head.table_bytes(oid)).into())
}

/// Indexes are recorded, not built.
fn indexes_size(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.head.relation(call.oid(0)?).map(|_| 0_i64).into())
}

fn database_size(call: &Call<'_>) -> Result<Value<'static>> {
    let databases = call.context.head.databases();
    let found = databases.into_iter().find(|database| match call.text(0) {
        Some(name) => database.name == name,
        None => call.int(0) == Some(i64::from(database.oid.0)),
    });
    let Some(database) = found else { return missing_database(call) };
    let relations = call.context.head.relations(database.oid);
    Ok(relations.iter().map(|relation| call.context.head.table_bytes(relation.oid)).sum::<u64>().into())
}

fn missing_database(call: &Call<'_>) -> Result<Value<'static>> {
    match call.text(0) {
        Some(name) => Err(failure(UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))),
        None => Ok(Value::Null),
    }
}

/// Units after bytes, each 1024 of the one before.
const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
/// A number stays in a unit below this many, so that it keeps some digits.
const UNIT_MAX: i128 = 10 * 1024;

fn pretty(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.int(0).map(pretty_size).into())
}

/// Bytes as people read them, rounded half away from zero at the last step, as PostgreSQL does.
fn pretty_size(bytes: i64) -> String {
    if i128::from(bytes).abs() < UNIT_MAX {
        return format!("{bytes} bytes");
    }
    // One bit more than the unit, to round with.
    let mut halves = i128::from(bytes) / 512;
    let last = UNITS.len() - 1;
    for (at, unit) in UNITS.iter().enumerate() {
        let rounded = (halves + halves.signum()) / 2;
        if halves.abs() < 2 * UNIT_MAX - 1 || at == last {
            return format!("{rounded} {unit}");
        }
        halves /= 1024;
    }
    unreachable!("the last unit takes every number")
}

#[cfg(test)]
mod tests {
    use super::pretty_size;

    #[test]
    fn sizes_round_as_postgresql_rounds() {
        assert_eq!(pretty_size(0), "0 bytes");
        assert_eq!(pretty_size(10239), "10239 bytes");
        assert_eq!(pretty_size(10240), "10 kB");
        assert_eq!(pretty_size(10485247), "10239 kB");
        assert_eq!(pretty_size(10485248), "10 MB");
        assert_eq!(pretty_size(10485759), "10 MB");
        assert_eq!(pretty_size(10485760), "10 MB");
        assert_eq!(pretty_size(-10240), "-10 kB");
        assert_eq!(pretty_size(-10737418240), "-10 GB");
        assert_eq!(pretty_size(1234567890123), "1150 GB");
        assert_eq!(pretty_size(9223372036854775807), "8192 PB");
    }
}
