//! `WITH RECURSIVE`: DataFusion asks that both terms of a recursion mark their columns' types alike. A table's column is
//! marked even where its Arrow type says as much, what is computed is not. It casts the second term to the types of the
//! first, where PostgreSQL asks that these are wide enough.

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr as Planned, ExprSchemable, LogicalPlan, RecursiveQuery};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{Expr, Query, Select, SelectItem, SetExpr, Statement, Value, VisitMut, VisitorMut};

use super::external;
use crate::error::{SqlError, SqlState};
use crate::functions::own_type::OWN_TYPE;
use crate::semantics::call;
use crate::semantics::category::comparison_type;
use crate::values::type_name;

/// Has the columns of recursions marked where their types need it only.
pub(super) fn settle_types(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Recursions);
}

struct Recursions;

impl VisitorMut for Recursions {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        let recursions = query.with.iter_mut().filter(|with| with.recursive);
        for query in recursions.flat_map(|with| &mut with.cte_tables) {
            if matches!(query.query.body.as_ref(), SetExpr::SetOperation { .. }) {
                settle(&mut query.query.body);
            }
        }
        ControlFlow::Continue(())
    }
}

fn settle(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => settle_results(select),
        SetExpr::Query(query) => settle(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            settle(left);
            settle(right);
        }
        _ => {}
    }
}

/// Whether it is a literal that takes its type from the other term, or that has one that is never marked.
fn is_typeless(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(&value.value, Value::Number(digits, _) if digits.contains(['.', 'e', 'E'])),
        _ => false,
    }
}

fn settle_results(select: &mut Select) {
    for item in &mut select.projection {
        match item {
            SelectItem::ExprWithAlias { expr, .. } if !is_typeless(expr) => {
                *expr = call(OWN_TYPE, vec![expr.clone()]);
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = match &*expr {
                    Expr::Identifier(name) => Some(name.clone()),
                    Expr::CompoundIdentifier(path) => path.last().cloned(),
                    _ => None,
                };
                if let Some(alias) = name {
                    *item = SelectItem::ExprWithAlias { expr: call(OWN_TYPE, vec![expr.clone()]), alias };
                }
            }
            _ => {}
        }
    }
}

/// 42804 for a recursion whose first term is of a narrower type than both together.
pub(super) fn check_types(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::RecursiveQuery(recursion) = node {
            check(recursion)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn check(recursion: &RecursiveQuery) -> Result<()> {
    let LogicalPlan::Projection(second) = recursion.recursive_term.as_ref() else { return Ok(()) };
    let first = recursion.static_term.schema().fields();
    for (place, (column, field)) in second.expr.iter().zip(first).enumerate() {
        let Some(own) = before_cast(column) else { continue };
        let types = (pg_type(field), pg_type(&own.to_field(second.input.schema())?.1));
        if let Some(overall) = overall_type(types).filter(|overall| overall.oid != types.0.oid) {
            return Err(external(too_narrow(&recursion.name, place, types.0, overall)));
        }
    }
    Ok(())
}

/// The type of both terms together. A real is wide enough for all numbers but a double.
fn overall_type((first, second): (PgType, PgType)) -> Option<PgType> {
    let is_real = first == PgType::FLOAT4 && second != PgType::FLOAT8;
    if is_real { Some(first) } else { comparison_type(first, second) }
}

/// What a column of the second term is, if DataFusion casts it to the type of the first.
fn before_cast(column: &Planned) -> Option<&Planned> {
    let column = match column {
        Planned::Alias(alias) => alias.expr.as_ref(),
        column => column,
    };
    let Planned::Cast(cast) = column else { return None };
    match cast.expr.as_ref() {
        Planned::ScalarFunction(call) if call.func.name() == OWN_TYPE => Some(cast.expr.as_ref()),
        _ => None,
    }
}

fn too_narrow(name: &str, place: usize, first: PgType, overall: PgType) -> SqlError {
    let [first, overall] = [first, overall].map(|ty| type_name(PgType::plain(ty.oid)));
    let message = format!(
        "recursive query \"{name}\" column {} has type {first} in non-recursive term but type {overall} overall",
        place + 1
    );
    SqlError::new(SqlState::DATATYPE_MISMATCH, message)
        .hint("Cast the output of the non-recursive term to the correct type.")
}
