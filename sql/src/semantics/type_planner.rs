//! Types in SQL become Arrow fields that carry their PostgreSQL type.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::planner::TypePlanner;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, arrow_type, pg_field};

use super::type_name::pg_type_of_sql;

/// Digits behind the point of a bare `numeric` whose source tells nothing about them (text, double precision).
pub(crate) const OPEN_NUMERIC_SCALE: i8 = 16;

/// DataFusion's hook for the names of types.
#[derive(Debug)]
pub(crate) struct PgTypePlanner;

impl TypePlanner for PgTypePlanner {
    fn plan_type_field(&self, sql_type: &sqlparser::ast::DataType) -> Result<Option<FieldRef>> {
        Ok(Some(field_of(pg_type_of_sql(sql_type)?)))
    }
}

/// The field of a cast's target. It has a name, as DataFusion drops the mark of a nameless nullable field.
pub(crate) fn field_of(ty: PgType) -> FieldRef {
    pg_field("cast", ty, arrow_of(ty), true)
}

/// The Arrow type of a cast's target; a bare numeric is open.
pub(crate) fn arrow_of(ty: PgType) -> DataType {
    arrow_type(ty, Some((DECIMAL128_PRECISION_MAX, OPEN_NUMERIC_SCALE)))
}
