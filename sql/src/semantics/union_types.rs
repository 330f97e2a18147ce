//! The columns of a UNION are of the type that those of its sides share. DataFusion gives them the marks of all sides, of
//! before it made the sides alike. The terms of a recursion are such sides too.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, RecursiveQuery, Union};
use datafusion::optimizer::AnalyzerRule;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{marked_pg_type, pg_type, pg_type_of_arrow};

use crate::functions::choice::marked;

/// The rule. It comes after type coercion, which makes the sides' Arrow types equal.
#[derive(Debug)]
pub(super) struct UnionTypes;

impl AnalyzerRule for UnionTypes {
    fn name(&self) -> &str {
        "union_types"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut has_union = false;
        let typed = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Union(union) => {
                has_union = true;
                typed(union).map(Transformed::yes)
            }
            LogicalPlan::RecursiveQuery(recursion) => Ok(Transformed::yes(marked_alike(recursion)?)),
            plan if has_union => plan.recompute_schema().map(Transformed::yes),
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(typed.data)
    }
}

fn typed(union: Union) -> Result<LogicalPlan> {
    let types: Vec<Option<PgType>> = (0..union.schema.fields().len()).map(|at| settled_type(&union, at)).collect();
    let inputs = union.inputs.into_iter().map(|input| of_types(input, &types)).collect::<Result<Vec<_>>>()?;
    let fields = union.schema.iter().enumerate().map(|(at, (qualifier, field))| {
        let mut metadata = inputs[0].schema().field(at).metadata().clone();
        metadata.extend(inputs[1..].iter().flat_map(|input| input.schema().field(at).metadata().clone()));
        let field: FieldRef = Arc::new(field.as_ref().clone().with_metadata(metadata));
        (qualifier.cloned(), field)
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), union.schema.metadata().clone())?;
    Ok(LogicalPlan::Union(Union { inputs, schema: Arc::new(schema) }))
}

/// The second term of a recursion with the marks of the first: DataFusion asks for the same, and PostgreSQL has the first
/// term say what the columns are.
fn marked_alike(recursion: RecursiveQuery) -> Result<LogicalPlan> {
    let (first, second) = (recursion.static_term.schema(), recursion.recursive_term.schema());
    let types = first.fields().iter().zip(second.fields()).map(|(first, second)| {
        let lie_alike = first.data_type() == second.data_type();
        (lie_alike && first.metadata() != second.metadata()).then(|| pg_type(first))
    });
    let types: Vec<_> = types.collect();
    let recursive_term = of_types(Arc::clone(&recursion.recursive_term), &types)?;
    Ok(LogicalPlan::RecursiveQuery(RecursiveQuery { recursive_term, ..recursion }))
}

/// The type of a column where the sides do not agree; `None` where they do.
fn settled_type(union: &Union, at: usize) -> Option<PgType> {
    let fields = union.inputs.iter().map(|input| input.schema().field(at));
    // A text without a mark may be a literal, which takes the other's type.
    let known =
        fields.filter(|field| marked_pg_type(field).is_some() || !matches!(field.data_type(), DataType::Utf8View));
    let mut types = known.map(|field| pg_type(field));
    let first = types.next()?;
    let others: Vec<PgType> = types.filter(|ty| *ty != first).collect();
    if others.is_empty() {
        return None;
    }
    let is_same = others.iter().all(|ty| ty.oid == first.oid);
    Some(if is_same { PgType::plain(first.oid) } else { pg_type_of_arrow(union.schema.field(at).data_type()) })
}

/// A side whose columns are of the types that are settled.
fn of_types(input: Arc<LogicalPlan>, types: &[Option<PgType>]) -> Result<Arc<LogicalPlan>> {
    let schema = Arc::clone(input.schema());
    let differs = |at: usize| types[at].filter(|ty| pg_type(schema.field(at)) != *ty);
    if (0..types.len()).all(|at| differs(at).is_none()) {
        return Ok(input);
    }
    let columns = schema.iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match differs(at) {
            Some(ty) => marked(column, ty).alias(field.name()),
            None => column,
        }
    });
    let plan = LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns.collect::<Vec<_>>())?.build()?;
    Ok(Arc::new(plan))
}
