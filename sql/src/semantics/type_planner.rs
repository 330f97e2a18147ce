//! Types in SQL become Arrow fields that carry their PostgreSQL type.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::TypePlanner;
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{is_shaped, item_of_array, shaped_type};
use peristyle_storage::types::{OPEN_DECIMAL, arrow_type, pg_field, pg_type_of_arrow};

use super::type_name::pg_type_of_sql;
use crate::functions::signature::{decimal_of, is_string, is_unknown};
use crate::values::is_shaped_text;

/// DataFusion's hook for the names of types.
#[derive(Debug)]
pub(crate) struct PgTypePlanner;

impl TypePlanner for PgTypePlanner {
    fn plan_type_field(&self, sql_type: &sqlparser::ast::DataType) -> Result<Option<FieldRef>> {
        Ok(Some(field_of(pg_type_of_sql(sql_type)?)))
    }
}

/// The field of a cast's target.
pub(crate) fn field_of(ty: PgType) -> FieldRef {
    typed_field("", ty, arrow_of(ty))
}

/// The target of a cast of that expression: a shaped array if what is cast is one, or is a text that may be of one.
pub(crate) fn cast_form(target: PgType, value: &Expr, from: &DataType) -> PgType {
    match value {
        Expr::Literal(literal, _) => form_of(target, literal.try_as_str(), from),
        _ => form_of(target, None, from),
    }
}

/// As [`cast_form`], of a literal's text if it is one. The value of a parameter is not looked at: it is put in its place
/// when all types are settled.
pub(super) fn form_of(target: PgType, literal: Option<Option<&str>>, from: &DataType) -> PgType {
    let is_open = match literal.filter(|_| is_unknown(from)) {
        Some(text) => text.is_some_and(is_shaped_text),
        None => is_shaped(from) || is_string(from),
    };
    if target.is_array() && is_open { target.shaped() } else { target }
}

/// A field that is marked where its Arrow type alone would lead to another PostgreSQL type. DataFusion asks that
/// the marks of the rows of VALUES, and of plans before and after a rule, agree; fewer marks disagree less.
pub(crate) fn typed_field(name: &str, ty: PgType, arrow: DataType) -> FieldRef {
    let ty = ty.unshaped();
    if pg_type_of_arrow(&arrow) == ty {
        return Arc::new(Field::new(name, arrow, true));
    }
    // DataFusion drops the mark of a cast to a nameless field.
    pg_field(if name.is_empty() { "cast" } else { name }, ty, arrow, true)
}

/// The Arrow type of an array of bare numerics that is made of the given values: numbers keep their digits, arrays their
/// form.
pub(crate) fn open_array(from: &DataType) -> DataType {
    let element = match item_of_array(from) {
        Some(item) if item.data_type().is_numeric() => decimal_of(item.data_type()),
        _ => OPEN_DECIMAL,
    };
    let list = DataType::List(typed_field(Field::LIST_FIELD_DEFAULT_NAME, PgType::NUMERIC, element));
    if is_shaped(from) || (is_string(from) && !is_unknown(from)) { shaped_type(&list) } else { list }
}

/// The Arrow type of a cast's target; a bare numeric, whose source tells nothing about its digits, is open.
pub(crate) fn arrow_of(ty: PgType) -> DataType {
    if ty.is_shaped() {
        return shaped_type(&arrow_of(ty.unshaped()));
    }
    match ty.item() {
        Some(element) => {
            let item = typed_field(Field::LIST_FIELD_DEFAULT_NAME, element, arrow_of(element));
            DataType::List(item)
        }
        None if ty == PgType::NUMERIC => OPEN_DECIMAL,
        None => arrow_type(ty, None),
    }
}
