//! Text and oids of `regclass`, `regtype`, `regnamespace`, `regrole` and `regproc`.

use datafusion::error::Result;
use peristyle_catalog::model::{Oid, PgType};

use super::call::Call;
use super::{
    Function as Definition, INVALID_NAME, INVALID_TEXT, Parameter, UNDEFINED_FUNCTION, UNDEFINED_OBJECT,
    UNDEFINED_SCHEMA, UNDEFINED_TABLE, failure,
};
use crate::pg_catalog::names::{parts, quoted, relation_named, relation_shown, schema_name, schema_oid};
use crate::pg_catalog::pg_proc::{Function, function, functions};
use crate::pg_catalog::type_names::{format_type, type_named};
use crate::relation::{RelationContext, Value};

/// The types whose values are oids shown as names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    Class,
    Type,
    Namespace,
    Role,
    Proc,
    /// A function with the types that it takes.
    Procedure,
}

macro_rules! functions_of {
    ($($kind:ident $ty:literal $cast:literal $input:literal $output:literal $to:literal;)*) => {
        pub(super) const FUNCTIONS: &[Definition] = &[$(
            Definition::stable($cast, &[&[Parameter::Named]], PgType::plain($ty), |call| read(call, Registered::$kind)),
            Definition::stable($input, &[&[Parameter::Named]], PgType::plain($ty), |call| read(call, Registered::$kind)),
            Definition::stable($output, &[&[Parameter::Oid]], PgType::TEXT, |call| show(call, Registered::$kind)),
            Definition::stable($to, &[&[Parameter::Text]], PgType::plain($ty), |call| look_up(call, Registered::$kind)),
        )*];
    };
}

functions_of! {
    Class 2205 "regclass" "regclass_in" "regclass_out" "to_regclass";
    Type 2206 "regtype" "regtype_in" "regtype_out" "to_regtype";
    Namespace 4089 "regnamespace" "regnamespace_in" "regnamespace_out" "to_regnamespace";
    Role 4096 "regrole" "regrole_in" "regrole_out" "to_regrole";
    Proc 24 "regproc" "regproc_in" "regproc_out" "to_regproc";
    Procedure 2202 "regprocedure" "regprocedure_in" "regprocedure_out" "to_regprocedure";
}

fn read(call: &Call<'_>, kind: Registered) -> Result<Value<'static>> {
    match call.text(0) {
        Some(text) => Ok(parse_registered(&call.context, kind, text)?.into()),
        None => Ok(call.oid(0)?.into()),
    }
}

fn show(call: &Call<'_>, kind: Registered) -> Result<Value<'static>> {
    let oid = match call.text(0) {
        Some(text) => parse_registered(&call.context, kind, text)?,
        None => call.oid(0)?.0,
    };
    Ok(show_registered(&call.context, kind, oid).into())
}

/// As [`read`], with NULL for a name of nothing.
fn look_up(call: &Call<'_>, kind: Registered) -> Result<Value<'static>> {
    Ok(call.text(0).and_then(|text| find(&call.context, kind, text)).into())
}

/// The oid that a text means: digits are the oid itself, `-` is 0, else it is a name, looked up in the search path.
///
/// # Errors
/// 42P01, 42704, 3F000, 42883 for a name of nothing, 42602 for what is no name.
pub fn parse_registered(context: &RelationContext<'_>, kind: Registered, text: &str) -> Result<u32> {
    if text == "-" {
        return Ok(0);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let range = |_| failure("22003", format!("value \"{text}\" is out of range for type oid"));
        return text.parse().map_err(range);
    }
    if !matches!(kind, Registered::Type | Registered::Procedure) && parts(text).is_none() {
        return Err(failure(INVALID_NAME, "invalid name syntax".to_owned()));
    }
    find(context, kind, text).ok_or_else(|| missing(kind, text))
}

/// An oid as its type shows it: the name as the session must write it, the number if nothing has that oid.
pub fn show_registered(context: &RelationContext<'_>, kind: Registered, oid: u32) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let name = match kind {
        Registered::Class => relation_shown(context, Oid(oid)),
        Registered::Type => Some(format_type(context, oid, None)).filter(|name| name != "???"),
        Registered::Namespace => schema_name(context, Oid(oid)).map(|name| quoted(name).into_owned()),
        Registered::Role => context.head.role_name(Oid(oid)).map(|name| quoted(name).into_owned()),
        Registered::Proc => function(oid).map(|found| shown_function(found.name)),
        Registered::Procedure => function(oid).map(|found| shown_procedure(context, &found)),
    };
    name.unwrap_or_else(|| oid.to_string())
}

/// A function's name; with its schema if the name alone means several, as PostgreSQL shows it.
fn shown_function(name: &str) -> String {
    let is_overloaded = functions().filter(|function| function.name == name).nth(1).is_some();
    if is_overloaded { format!("pg_catalog.{}", quoted(name)) } else { quoted(name).into_owned() }
}

/// A function with the types that it takes.
fn shown_procedure(context: &RelationContext<'_>, function: &Function) -> String {
    let types: Vec<String> = function.arguments.iter().map(|ty| format_type(context, *ty, None)).collect();
    format!("{}({})", quoted(function.name), types.join(","))
}

/// The function of that name that takes just those types.
fn procedure_named(context: &RelationContext<'_>, text: &str) -> Option<u32> {
    let (name, types) = text.trim().strip_suffix(')')?.split_once('(')?;
    let parts = parts(name.trim())?;
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return None,
    };
    let types = types.split(',').map(str::trim).filter(|ty| !ty.is_empty());
    let types = types.map(|ty| type_named(context, ty)).collect::<Option<Vec<u32>>>()?;
    functions().find(|function| function.name == name && function.arguments == types).map(|function| function.oid)
}

fn find(context: &RelationContext<'_>, kind: Registered, text: &str) -> Option<u32> {
    match kind {
        Registered::Type => return type_named(context, text),
        Registered::Procedure => return procedure_named(context, text),
        Registered::Class | Registered::Namespace | Registered::Role | Registered::Proc => {}
    }
    let parts = parts(text)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name.as_str()),
        [schema, name] => (Some(schema.as_str()), name.as_str()),
        [database, schema, name] if *database == context.database.name => (Some(schema.as_str()), name.as_str()),
        _ => return None,
    };
    match kind {
        Registered::Class => relation_named(context, schema, name).map(|oid| oid.0),
        Registered::Namespace => schema_oid(context, name).filter(|_| schema.is_none()).map(|oid| oid.0),
        Registered::Role => context.head.roles().into_iter().find(|role| role.name == name).map(|role| role.oid.0),
        Registered::Proc => only_function(name).filter(|_| matches!(schema, None | Some("pg_catalog"))),
        Registered::Type | Registered::Procedure => None,
    }
}

/// The function of that name, if it is the only one.
fn only_function(name: &str) -> Option<u32> {
    let mut found = functions().filter(|function| function.name == name);
    let first = found.next()?;
    found.next().is_none().then_some(first.oid)
}

fn missing(kind: Registered, text: &str) -> datafusion::common::DataFusionError {
    match kind {
        Registered::Class => failure(UNDEFINED_TABLE, format!("relation \"{text}\" does not exist")),
        Registered::Type => failure(UNDEFINED_OBJECT, format!("type \"{text}\" does not exist")),
        Registered::Namespace => failure(UNDEFINED_SCHEMA, format!("schema \"{text}\" does not exist")),
        Registered::Role => failure(UNDEFINED_OBJECT, format!("role \"{text}\" does not exist")),
        Registered::Proc if functions().any(|function| function.name == text) => {
            failure("42725", format!("more than one function named \"{text}\""))
        }
        Registered::Procedure if !text.contains('(') => failure(INVALID_TEXT, "expected a left parenthesis".to_owned()),
        Registered::Proc | Registered::Procedure => {
            failure(UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist"))
        }
    }
}
