//! The sides of a UNION have columns of types that meet: a literal without a type is read as the other side's, numbers of
//! which one is a float as that. Others than these DataFusion would make texts. What INTERSECT and EXCEPT give has the types
//! that both sides share.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DataFusionError, JoinType, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, Union};
use datafusion::optimizer::AnalyzerRule;
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{is_shaped, shaped_type};
use peristyle_storage::types::{OPEN_DECIMAL, pg_type, pg_type_of_arrow};

use super::cast::{CastKind, cast_expr, cast_to_arrow};
use super::category::{Category, arithmetic_type, category, comparison_type};
use super::type_planner::arrow_of;
use crate::functions::choice::marked;
use crate::functions::error::error;
use crate::functions::shared_type::shared_number;
use crate::functions::signature::is_unknown;
use crate::values::{is_shaped_text, type_name};

/// The rule. It comes before type coercion.
#[derive(Debug)]
pub(super) struct UnionOperands;

impl AnalyzerRule for UnionOperands {
    fn name(&self) -> &str {
        "union_operands"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut has_union = false;
        let brought_together = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Union(union) => {
                let changed = brought_together(union)?;
                has_union |= changed.transformed;
                Ok(changed)
            }
            LogicalPlan::Join(join) if is_of_rows_in_both(&join) => {
                let typed = with_shared_types(join)?;
                has_union |= typed.transformed;
                Ok(typed)
            }
            plan if has_union => plan.recompute_schema().map(Transformed::yes),
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(brought_together.data)
    }
}

/// Whether a join is what DataFusion makes of INTERSECT and EXCEPT, the only ones of all columns whose NULLs are equal.
fn is_of_rows_in_both(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.on.len() == join.left.schema().fields().len()
}

/// The rows of the left side, each column in the type that both sides share.
fn with_shared_types(join: Join) -> Result<Transformed<LogicalPlan>> {
    let (left, right) = (Arc::clone(join.left.schema()), Arc::clone(join.right.schema()));
    let mut is_changed = false;
    let columns = left.iter().zip(right.fields()).map(|((qualifier, field), other)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let (own, other) = (pg_type(field), pg_type(other));
        match arithmetic_type(own, other).filter(|shared| shared.oid != own.oid && shared.oid != PgType::NUMERIC.oid) {
            Some(shared) => {
                is_changed = true;
                cast_expr(column, shared, CastKind::Explicit).alias_qualified(qualifier.cloned(), field.name())
            }
            None => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    let plan = LogicalPlan::Join(join);
    if !is_changed {
        return Ok(Transformed::no(plan));
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build().map(Transformed::yes)
}

fn brought_together(union: Union) -> Result<Transformed<LogicalPlan>> {
    let columns = union.inputs[0].schema().fields().len();
    if union.inputs.iter().any(|input| input.schema().fields().len() != columns) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let types = (0..columns).map(|at| common_type(&union, at)).collect::<Result<Vec<_>>>()?;
    let are_shaped: Vec<bool> = (0..columns).map(|at| is_shaped_somewhere(&union, at)).collect();
    if types.iter().all(Option::is_none) && !are_shaped.contains(&true) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs =
        union.inputs.into_iter().map(|input| as_types(input, &types, &are_shaped)).collect::<Result<Vec<_>>>()?;
    Union::try_new_with_loose_types(inputs).map(|union| Transformed::yes(LogicalPlan::Union(union)))
}

/// The type that a column's values are cast to; `None` where they meet by themselves.
fn common_type(union: &Union, at: usize) -> Result<Option<(PgType, DataType)>> {
    let (open, fields): (Vec<_>, Vec<_>) = union.inputs.iter().partition(|input| is_open(input, at));
    let fields: Vec<&Field> = fields.into_iter().map(|input| input.schema().field(at).as_ref()).collect();
    let mut known = fields.iter().map(|field| pg_type(field));
    let Some(first) = known.next() else { return Ok(None) };
    let mut shared = first;
    for other in known.filter(|other| other.oid != first.oid) {
        shared = comparison_type(shared, other).ok_or_else(|| not_matched(first, other))?;
    }
    let types: Vec<_> = fields.iter().map(|field| field.data_type().clone()).collect();
    if matches!(category(shared), Category::Own(_)) && fields.iter().any(|field| pg_type(field).oid != shared.oid) {
        return Ok(Some((shared, arrow_of(shared))));
    }
    let is_read = !open.is_empty() && !matches!(category(shared), Category::Text | Category::Other);
    if is_read && shared.oid == PgType::NUMERIC.oid {
        return Ok(Some((PgType::NUMERIC, OPEN_DECIMAL)));
    }
    let are_texts = known_texts(&fields);
    if are_texts && fields.iter().any(|field| pg_type(field).oid != first.oid) {
        return Ok(Some((PgType::plain(first.oid), DataType::Utf8View)));
    }
    if let Some(number) = shared_number(&types).filter(|number| types.iter().any(|ty| ty != number)) {
        return Ok(Some((pg_type_of_arrow(&number), number)));
    }
    let plain = PgType::plain(shared.oid);
    Ok(is_read.then(|| (plain, arrow_of(plain))))
}

/// Whether columns are text and varchar, of which the first decides.
fn known_texts(fields: &[&Field]) -> bool {
    fields.iter().all(|field| [PgType::TEXT.oid, PgType::VARCHAR.oid].contains(&pg_type(field).oid))
}

fn not_matched(first: PgType, other: PgType) -> DataFusionError {
    let [first, other] = [first, other].map(|ty| type_name(PgType::plain(ty.oid)));
    error("42804", format!("UNION types {first} and {other} cannot be matched"))
}

/// Whether a side's column is a literal without a type, or NULL.
fn is_open(side: &LogicalPlan, at: usize) -> bool {
    if side.schema().field(at).data_type().is_null() {
        return true;
    }
    literal(side, at).is_some()
}

/// The literal without a type that a side's column is.
fn literal(side: &LogicalPlan, at: usize) -> Option<ScalarValue> {
    match side {
        LogicalPlan::Projection(projection) => match projection.expr[at].clone().unalias_nested().data {
            Expr::Literal(value, _) if is_unknown(&value.data_type()) => Some(value),
            _ => None,
        },
        LogicalPlan::Sort(sort) => literal(&sort.input, at),
        LogicalPlan::Limit(limit) => literal(&limit.input, at),
        _ => None,
    }
}

/// Whether a column of some side may have arrays of any dimensions.
fn is_shaped_somewhere(union: &Union, at: usize) -> bool {
    let is_array = |input: &Arc<LogicalPlan>| pg_type(input.schema().field(at)).is_array();
    let may_be_shaped = |input: &Arc<LogicalPlan>| match literal(input, at) {
        Some(value) => value.try_as_str().flatten().is_some_and(is_shaped_text),
        None => is_shaped(input.schema().field(at).data_type()),
    };
    union.inputs.iter().any(is_array) && union.inputs.iter().any(may_be_shaped)
}

/// A side with its columns cast to these types, arrays in the form that they have on some side.
fn as_types(
    input: Arc<LogicalPlan>,
    types: &[Option<(PgType, DataType)>],
    are_shaped: &[bool],
) -> Result<Arc<LogicalPlan>> {
    let schema = Arc::clone(input.schema());
    let columns = schema.iter().zip(types).enumerate().map(|(at, ((qualifier, field), ty))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let is_other =
            |ty: PgType, arrow: &DataType| pg_type(field) != ty || arrow.is_decimal() && field.data_type() != arrow;
        let is_cast = |ty: PgType| matches!(category(ty), Category::Number | Category::Own(_));
        match ty {
            Some((ty, _)) if category(*ty) == Category::Text && !is_open(&input, at) => {
                marked(column, *ty).alias(field.name())
            }
            Some((ty, arrow)) if is_open(&input, at) || is_cast(*ty) && is_other(*ty, arrow) => {
                let cast = match are_shaped[at] {
                    true => cast_expr(column, ty.shaped(), CastKind::Explicit),
                    false => cast_to_arrow(column, *ty, arrow.clone(), CastKind::Explicit),
                };
                cast.alias(field.name())
            }
            _ if are_shaped[at] && field.data_type().is_list() => {
                let arrow = shaped_type(field.data_type());
                cast_to_arrow(column, pg_type(field), arrow, CastKind::Explicit).alias(field.name())
            }
            _ => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    let plan = LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build()?;
    Ok(Arc::new(plan))
}
