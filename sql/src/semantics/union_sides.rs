//! The sides of a UNION are all numbers, all texts, all times or all of one other type; a string literal among them is
//! read as the type of the others. Runs before DataFusion's type coercion, which would make texts of all.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union};
use datafusion::optimizer::AnalyzerRule;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;

use super::cast::{CastKind, cast_expr};
use super::category::comparison_type;
use crate::functions::choice::is_unknown;
use crate::functions::error::error;
use crate::values::type_name;

/// The rule.
#[derive(Debug)]
pub(super) struct UnionSides;

impl AnalyzerRule for UnionSides {
    fn name(&self) -> &str {
        "union_sides"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut has_union = false;
        let matched = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Union(union) => {
                has_union = true;
                matched(union).map(Transformed::yes)
            }
            plan if has_union => plan.recompute_schema().map(Transformed::yes),
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(matched.data)
    }
}

fn matched(union: Union) -> Result<LogicalPlan> {
    let types =
        (0..union.schema.fields().len()).map(|at| shared_type(&union.inputs, at)).collect::<Result<Vec<_>>>()?;
    let inputs = union.inputs.into_iter().map(|input| with_literals_read(input, &types)).collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
}

/// The type of a column on all sides where it is no literal; `None` if it is one on all sides.
fn shared_type(sides: &[Arc<LogicalPlan>], at: usize) -> Result<Option<PgType>> {
    let mut shared: Option<PgType> = None;
    for side in sides.iter().filter(|side| !is_literal(side, at)) {
        let ty = pg_type(side.schema().field(at));
        shared = Some(match shared {
            None => ty,
            Some(first) if first.oid == ty.oid => first,
            Some(first) => comparison_type(first, ty).ok_or_else(|| not_matched(first, ty))?,
        });
    }
    Ok(shared)
}

fn not_matched(first: PgType, other: PgType) -> datafusion::common::DataFusionError {
    let name = |ty: PgType| type_name(PgType::plain(ty.oid));
    error("42804", format!("UNION types {} and {} cannot be matched", name(first), name(other)))
}

/// Whether a column of a side is a literal that takes any type, maybe under another name.
fn is_literal(side: &LogicalPlan, at: usize) -> bool {
    if side.schema().field(at).data_type().is_null() {
        return true;
    }
    let LogicalPlan::Projection(projection) = side else { return false };
    match projection.expr[at].clone().unalias() {
        Expr::Literal(literal, _) => is_unknown(&literal),
        Expr::Column(column) => {
            let place = projection.input.schema().maybe_index_of_column(&column);
            place.is_some_and(|at| is_literal(&projection.input, at))
        }
        _ => false,
    }
}

/// A side whose literals are of the shared types. A number's digits are left to DataFusion.
fn with_literals_read(side: Arc<LogicalPlan>, types: &[Option<PgType>]) -> Result<Arc<LogicalPlan>> {
    let is_read = |ty: &PgType| ![PgType::TEXT.oid, PgType::NUMERIC.oid].contains(&ty.oid);
    let read = |at: usize| types[at].filter(|ty| is_read(ty) && is_literal(&side, at));
    if (0..types.len()).all(|at| read(at).is_none()) {
        return Ok(side);
    }
    let columns = side.schema().iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match read(at) {
            Some(ty) => cast_expr(column, PgType::plain(ty.oid), CastKind::Explicit).alias(field.name()),
            None => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    Ok(Arc::new(LogicalPlanBuilder::from(Arc::unwrap_or_clone(side)).project(columns)?.build()?))
}
