//! `has_*_privilege`: a superuser may do everything; another role what it owns is not told apart yet, so nothing.
//! An object that is named and does not exist is an error, an oid of nothing gives NULL, as in PostgreSQL.

use datafusion::error::Result;
use peristyle_catalog::model::{Oid, PgType, Role};

use super::Parameter::{Named, Text};
use super::call::Call;
use super::{
    Function, INVALID_PARAMETER_VALUE, Registered, UNDEFINED_COLUMN, UNDEFINED_DATABASE, UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT, failure, parse_registered,
};
use crate::pg_catalog::built_in_types::by_oid;
use crate::pg_catalog::names::columns;
use crate::pg_catalog::names::{computed_relation, relation_of_type, schema_name};
use crate::pg_catalog::pg_proc::{function, functions};
use crate::relation::Value;

/// The object and the privilege; the role, if given, comes first.
const OBJECT: &[&[super::Parameter]] = &[&[Named, Text], &[Named, Named, Text]];
const COLUMN: &[&[super::Parameter]] = &[&[Named, Named, Text], &[Named, Named, Named, Text]];

const TABLE_PRIVILEGES: &str = "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER RULE";
const COLUMN_PRIVILEGES: &str = "SELECT INSERT UPDATE REFERENCES";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("has_table_privilege", OBJECT, PgType::BOOL, |call| on(call, TABLE_PRIVILEGES, relation)),
    Function::stable("has_any_column_privilege", OBJECT, PgType::BOOL, |call| on(call, COLUMN_PRIVILEGES, relation)),
    Function::stable("has_column_privilege", COLUMN, PgType::BOOL, column),
    Function::stable("has_schema_privilege", OBJECT, PgType::BOOL, |call| on(call, "CREATE USAGE", schema)),
    Function::stable("has_database_privilege", OBJECT, PgType::BOOL, |call| {
        on(call, "CREATE CONNECT TEMPORARY TEMP", database)
    }),
    Function::stable("has_type_privilege", OBJECT, PgType::BOOL, |call| on(call, "USAGE", of_type)),
    Function::stable("has_function_privilege", OBJECT, PgType::BOOL, |call| on(call, "EXECUTE", of_function)),
    Function::stable("has_language_privilege", OBJECT, PgType::BOOL, |call| on(call, "USAGE", built_in)),
    Function::stable("has_tablespace_privilege", OBJECT, PgType::BOOL, |call| on(call, "CREATE", built_in)),
    Function::stable("has_sequence_privilege", OBJECT, PgType::BOOL, |call| on(call, "USAGE SELECT UPDATE", relation)),
    Function::stable("pg_has_role", OBJECT, PgType::BOOL, |call| on(call, "USAGE MEMBER SET", role)),
    Function::stable("acldefault", &[&[Text, super::Parameter::Oid]], ACL, acl_default),
    Function::stable("row_security_active", &[&[Named]], PgType::BOOL, row_security),
];

const ACL: PgType = PgType::plain(1034);

/// The privileges of an object that nobody granted any on, by the letter of its kind: everybody's, and its owner's.
fn acl_default(call: &Call<'_>) -> Result<Value<'static>> {
    let (public, own) = match call.text(0).unwrap_or_default() {
        "c" => ("", ""),
        "r" => ("", "arwdDxt"),
        "s" => ("", "rwU"),
        "d" => ("Tc", "CTc"),
        "f" => ("X", "X"),
        "l" | "T" => ("U", "U"),
        "L" => ("", "rw"),
        "n" => ("", "UC"),
        "p" => ("", "sA"),
        "t" => ("", "C"),
        "F" | "S" => ("", "U"),
        other => {
            return Err(failure(INVALID_PARAMETER_VALUE, format!("unrecognized object type abbreviation: {other}")));
        }
    };
    let roles = call.context.head.roles();
    let owner = call.oid(1)?;
    let owner =
        roles.iter().find(|role| role.oid == owner).map_or_else(|| owner.0.to_string(), |role| role.name.clone());
    let items = [("", public), (owner.as_str(), own)].into_iter().filter(|(_, granted)| !granted.is_empty());
    Ok(items.map(|(grantee, granted)| format!("{grantee}={granted}/{owner}")).collect::<Vec<_>>().into())
}

/// Whether an object is there, from the position of the argument that names it.
type Exists = fn(&Call<'_>, usize) -> Result<bool>;

fn on(call: &Call<'_>, known: &str, exists: Exists) -> Result<Value<'static>> {
    let object = call.len() - 2;
    let holder = holder(call, object)?;
    check_privilege(call.text(object + 1).unwrap_or_default(), known)?;
    Ok(if exists(call, object)? { holder.superuser.into() } else { Value::Null })
}

/// The role that is asked about: the session's, or the one named before the object.
fn holder<'c>(call: &'c Call<'_>, object: usize) -> Result<&'c Role> {
    let roles = call.context.head.roles();
    let (name, oid) = match object {
        0 => (Some(call.context.session.user.as_str()), None),
        _ => (call.text(0), call.int(0)),
    };
    let matches = |role: &&Role| name == Some(&role.name) || oid == Some(i64::from(role.oid.0));
    let missing = || match name {
        Some(name) => failure(UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")),
        None => failure(UNDEFINED_OBJECT, format!("role with OID {} does not exist", oid.unwrap_or_default())),
    };
    roles.into_iter().find(matches).ok_or_else(missing)
}

fn check_privilege(given: &str, known: &str) -> Result<()> {
    for privilege in given.split(',').map(str::trim) {
        let upper = privilege.to_uppercase();
        let plain = upper.strip_suffix(" WITH GRANT OPTION").unwrap_or(&upper);
        if !known.split(' ').any(|candidate| candidate == plain) {
            let message = format!("unrecognized privilege type: \"{privilege}\"");
            return Err(failure(INVALID_PARAMETER_VALUE, message));
        }
    }
    Ok(())
}

/// The oid that an argument is or names.
fn named(call: &Call<'_>, at: usize, kind: Registered) -> Result<Oid> {
    match call.text(at) {
        Some(text) => parse_registered(&call.context, kind, text).map(Oid),
        None => call.oid(at),
    }
}

fn relation(call: &Call<'_>, at: usize) -> Result<bool> {
    let oid = named(call, at, Registered::Class)?;
    Ok(computed_relation(oid).is_some() || call.context.head.relation(oid).is_some())
}

fn schema(call: &Call<'_>, at: usize) -> Result<bool> {
    let oid = named(call, at, Registered::Namespace)?;
    Ok(schema_name(&call.context, oid).is_some())
}

fn of_type(call: &Call<'_>, at: usize) -> Result<bool> {
    let oid = named(call, at, Registered::Type)?;
    Ok(by_oid(oid.0).is_some() || relation_of_type(&call.context, oid).is_some())
}

fn role(call: &Call<'_>, at: usize) -> Result<bool> {
    let oid = named(call, at, Registered::Role)?;
    Ok(call.context.head.role_name(oid).is_some())
}

fn database(call: &Call<'_>, at: usize) -> Result<bool> {
    let databases = call.context.head.databases();
    match call.text(at) {
        None => Ok(databases.iter().any(|database| call.int(at) == Some(i64::from(database.oid.0)))),
        Some(name) if databases.iter().any(|database| database.name == name) => Ok(true),
        Some(name) => Err(failure(UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))),
    }
}

/// A function is named with the types of its arguments, of which only the name is looked at.
fn of_function(call: &Call<'_>, at: usize) -> Result<bool> {
    let Some(text) = call.text(at) else { return Ok(function(call.oid(at)?.0).is_some()) };
    let name = text.split('(').next().unwrap_or_default().trim().trim_start_matches("pg_catalog.");
    if functions().any(|function| function.name == name) {
        return Ok(true);
    }
    Err(failure(UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist")))
}

/// Languages and tablespaces are built in, and a superuser may use each.
fn built_in(_: &Call<'_>, _: usize) -> Result<bool> {
    Ok(true)
}

fn column(call: &Call<'_>) -> Result<Value<'static>> {
    let table = call.len() - 3;
    let holder = holder(call, table)?;
    check_privilege(call.text(table + 2).unwrap_or_default(), COLUMN_PRIVILEGES)?;
    let oid = named(call, table, Registered::Class)?;
    let Some(exists) = has_column(call, oid, table + 1) else { return Ok(Value::Null) };
    match (exists, call.text(table + 1)) {
        (true, _) => Ok(holder.superuser.into()),
        (false, None) => Ok(Value::Null),
        (false, Some(name)) => Err(failure(UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))),
    }
}

/// Whether a relation has the column that an argument names by name or number; `None` without the relation.
fn has_column(call: &Call<'_>, relation: Oid, at: usize) -> Option<bool> {
    if let Some(computed) = computed_relation(relation) {
        let number = call.int(at).and_then(|number| usize::try_from(number).ok());
        let count = computed.columns().len();
        let by_name = computed.columns().iter().any(|(name, _)| call.text(at) == Some(name));
        return Some(by_name || number.is_some_and(|number| (1..=count).contains(&number)));
    }
    let columns = columns(call.context.head.relation(relation)?);
    Some(columns.iter().any(|c| call.text(at) == Some(&c.name) || call.int(at) == Some(i64::from(c.attnum))))
}

fn row_security(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(relation(call, 0)?.then_some(false).into())
}
