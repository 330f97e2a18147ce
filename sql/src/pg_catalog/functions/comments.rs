//! Comments: `obj_description`, `col_description`, `shobj_description`.

use datafusion::error::Result;
use peristyle_catalog::model::{Oid, PgType};

use super::call::Call;
use super::{Function, Parameter};
use crate::pg_catalog::names::columns;
use crate::relation::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable(
        "obj_description",
        &[&[Parameter::Oid], &[Parameter::Oid, Parameter::Text]],
        PgType::TEXT,
        object_comment,
    ),
    Function::stable("col_description", &[&[Parameter::Oid, Parameter::Int]], PgType::TEXT, column_comment),
    Function::stable("shobj_description", &[&[Parameter::Oid, Parameter::Text]], PgType::TEXT, shared_comment),
];

fn object_comment(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    let definition = || call.context.head.enum_definition(PgType::plain(oid.0));
    let of_type = || definition().and_then(|relation| relation.comment.clone());
    let relation = || call.context.head.relation(oid).and_then(|relation| relation.comment.clone());
    let schema = || call.context.head.schema(oid).and_then(|schema| schema.comment.clone());
    let comment = match call.text(1) {
        Some("pg_class") => relation(),
        Some("pg_namespace") => schema(),
        Some("pg_type") => of_type(),
        Some(_) => None,
        None => relation().or_else(schema).or_else(of_type),
    };
    Ok(comment.into())
}

fn column_comment(call: &Call<'_>) -> Result<Value<'static>> {
    let (oid, number) = (call.oid(0)?, call.int(1));
    let relation = call.context.head.relation(oid);
    let column = relation.and_then(|r| columns(r).iter().find(|column| Some(i64::from(column.attnum)) == number));
    Ok(column.and_then(|column| column.comment.clone()).into())
}

fn shared_comment(call: &Call<'_>) -> Result<Value<'static>> {
    let oid: Oid = call.oid(0)?;
    let databases = call.context.head.databases();
    let database = databases.into_iter().find(|database| database.oid == oid && call.text(1) == Some("pg_database"));
    Ok(database.and_then(|database| database.comment.clone()).into())
}
