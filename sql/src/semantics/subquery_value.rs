//! What a subquery gives where a value stands: NULL without rows, whatever its column is said to be, and of the type that the
//! column is marked with, which DataFusion forgets when it runs the subquery.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use peristyle_storage::types::pg_type;

use crate::functions::choice::marked_or_null;
use crate::functions::shared_type::needs_mark;

/// One that reads outer columns becomes a join, which knows both.
pub(super) fn rewrite(expr: Expr, _schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::ScalarSubquery(subquery) = &expr else { return Ok(Transformed::no(expr)) };
    let field = subquery.subquery.schema().field(0);
    let ty = pg_type(field);
    let is_known = field.is_nullable() && !needs_mark(ty, field.data_type());
    if is_known || !subquery.outer_ref_columns.is_empty() {
        return Ok(Transformed::no(expr));
    }
    Ok(Transformed::yes(marked_or_null(expr, ty)))
}
