//! `GENERATED ALWAYS AS (expression) STORED`: what an expression may be, and what becomes of it as its table changes. Values
//! are computed where rows are shaped ([`crate::write`]).

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, Volatility};
use peristyle_catalog::model::{Column, ColumnDefault, ColumnId, ColumnRule, ConstraintKind, Openness, PgType, Table};
use peristyle_storage::types::{arrow_type, pg_field, pg_type};
use sqlparser::ast::{self, Expr, Ident, VisitMut, VisitorMut};

use super::alter_table::Altered;
use super::create_table::check_expression_type;
use super::rewrite::has_subquery;
use crate::error::{SqlError, SqlState};
use crate::functions::{age, enums, interval, is_zoned};
use crate::modify::value_over;
use crate::names::fold;
use crate::parse::parse_expression;
use crate::plan::Planner;
use crate::plan::kept_expression::{kept, refuse_unsettled};
use crate::scope::Scope;
use crate::semantics;

/// Columns of open tables come and change their types with what is written.
pub(super) fn refuse_open(openness: Openness) -> Result<(), SqlError> {
    match openness {
        Openness::Open => Err(SqlError::unsupported("generated columns of open tables are not supported")),
        Openness::Declared => Ok(()),
    }
}

/// Gives the generated ones of a table's columns their expressions.
pub(super) fn settle(
    scope: &Arc<Scope>,
    columns: &mut [Column],
    expressions: &[Option<&Expr>],
) -> Result<(), SqlError> {
    for (at, expression) in expressions.iter().enumerate() {
        if let Some(expression) = expression {
            columns[at].default = Some(expression_of(scope, columns, at, expression)?);
        }
    }
    Ok(())
}

/// The expression of the generated column at that place, if PostgreSQL takes it.
pub(super) fn expression_of(
    scope: &Arc<Scope>,
    columns: &[Column],
    at: usize,
    expression: &Expr,
) -> Result<ColumnDefault, SqlError> {
    if has_subquery(expression) {
        return Err(SqlError::unsupported("cannot use subquery in column generation expression"));
    }
    let planner = Planner::new(scope)?;
    let schema = row_schema(columns)?;
    let read = value_over(&planner, expression, &schema, &[], "column generation expressions")?;
    refuse_generated(columns, &read)?;
    let planned = planner.expression(expression, &schema)?;
    if !is_immutable(&planned, &schema)? {
        return Err(invalid("generation expression is not immutable"));
    }
    let from = pg_type(&planned.to_field(&schema)?.1);
    let is_text = from == PgType::TEXT && !matches!(planned, PlanExpr::Literal(..));
    check_expression_type(&columns[at].name, columns[at].ty, from, is_text)?;
    let kept = kept(scope, expression, Some(columns[at].ty))?;
    refuse_unsettled(scope, &kept, &schema)?;
    let oid = scope.engine.catalog().reserve_oids(1);
    Ok(ColumnDefault { oid, expression: kept.to_string() })
}

fn row_schema(columns: &[Column]) -> Result<DFSchema, SqlError> {
    let field = |column: &Column| pg_field(&column.name, column.ty, arrow_type(column.ty, None), true);
    let fields: Vec<Arc<Field>> = columns.iter().map(field).collect();
    Ok(DFSchema::try_from(Schema::new(fields))?)
}

fn refuse_generated(columns: &[Column], read: &PlanExpr) -> Result<(), SqlError> {
    let is_generated =
        |name: &str| columns.iter().any(|column| column.name == name && column.rule == ColumnRule::Generated);
    match read.column_refs().into_iter().find(|column| is_generated(&column.name)) {
        None => Ok(()),
        Some(column) => {
            let message = format!("cannot use generated column \"{}\" in column generation expression", column.name);
            Err(invalid(message).detail("A generated column cannot reference another generated column."))
        }
    }
}

fn invalid(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_OBJECT_DEFINITION, message)
}

/// Whether an expression gives the same for the same row, whenever and in whatever session.
fn is_immutable(expression: &PlanExpr, schema: &DFSchema) -> Result<bool, SqlError> {
    let mut is_immutable = true;
    expression.apply(|part| {
        is_immutable &= match part {
            PlanExpr::Cast(cast) => is_fixed(&cast.expr, pg_type(&part.to_field(schema)?.1), schema)?,
            PlanExpr::ScalarFunction(call) => match call.func.inner().downcast_ref::<semantics::PgCast>() {
                Some(cast) => is_fixed(&call.args[0], cast.target(), schema)?,
                None => is_immutable_call(call, part, schema)?,
            },
            _ => true,
        };
        Ok(if is_immutable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(is_immutable)
}

fn is_immutable_call(call: &ScalarFunction, part: &PlanExpr, schema: &DFSchema) -> datafusion::common::Result<bool> {
    let has_zone = |value: &PlanExpr| Ok(pg_type(&value.to_field(schema)?.1) == PgType::TIMESTAMPTZ);
    let name = call.func.name();
    match call.func.signature().volatility {
        Volatility::Immutable => Ok(true),
        // The places of labels change as others come between them, their order does not.
        Volatility::Stable if name == enums::PLACE => Ok(true),
        Volatility::Stable if age::reads_clock(name, call.args.len()) => Ok(false),
        Volatility::Stable if is_zoned(name) => {
            let read = call.args.iter().map(has_zone).collect::<datafusion::common::Result<Vec<bool>>>()?;
            // What lies between two instants is the same in every zone.
            let is_span = name == interval::SUBTRACT && !read.contains(&false);
            Ok(is_span || !read.contains(&true) && !has_zone(part)?)
        }
        Volatility::Stable | Volatility::Volatile => Ok(false),
    }
}

/// A literal is read once, when the expression is made: see [`kept`].
fn is_fixed(from: &PlanExpr, to: PgType, schema: &DFSchema) -> datafusion::common::Result<bool> {
    let is_literal = matches!(from, PlanExpr::Literal(..));
    Ok(is_literal || semantics::is_fixed_cast(pg_type(&from.to_field(schema)?.1), to))
}

impl Altered<'_> {
    /// The generated columns that are computed of a column.
    pub(super) fn computed_of(&self, name: &str) -> Vec<(ColumnId, String)> {
        let table = self.table();
        let computed = table.columns.iter().filter(|column| column.rule == ColumnRule::Generated);
        let reads = |column: &&Column| column.default.as_ref().is_some_and(|own| reads(&own.expression, name));
        computed.filter(reads).map(|column| (column.id, column.name.clone())).collect()
    }

    /// 42601 for a generated column.
    pub(super) fn refuse_generated(&mut self, name: &str, hint: Option<&str>) -> Result<(), SqlError> {
        if self.column_mut(name)?.rule != ColumnRule::Generated {
            return Ok(());
        }
        let message = format!("column \"{name}\" of relation \"{}\" is a generated column", self.relation.name);
        let refused = SqlError::syntax(message);
        Err(match hint {
            Some(hint) => refused.hint(hint),
            None => refused,
        })
    }
}

/// Whether an expression's text reads a column.
pub(super) fn reads(expression: &str, name: &str) -> bool {
    struct Finder<'a>(&'a str);
    impl ast::Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, part: &Expr) -> ControlFlow<()> {
            match column_of(part) {
                Some(column) if fold(column) == self.0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    parse_expression(expression).is_ok_and(|tree| ast::Visit::visit(&tree, &mut Finder(name)).is_break())
}

fn column_of(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(path) => path.last(),
        _ => None,
    }
}

/// A column has another name: generated columns and CHECKs that read it follow.
pub(super) fn follow_rename(table: &mut Table, from: &str, to: &str) -> Result<(), SqlError> {
    for column in table.columns.iter_mut().filter(|column| column.rule == ColumnRule::Generated) {
        if let Some(own) = &mut column.default {
            own.expression = renamed(&own.expression, from, to)?;
        }
    }
    for constraint in &mut table.constraints {
        if let ConstraintKind::Check { expression } = &mut constraint.kind {
            *expression = renamed(expression, from, to)?;
        }
    }
    Ok(())
}

fn renamed(expression: &str, from: &str, to: &str) -> Result<String, SqlError> {
    struct Renamer<'a>(&'a str, &'a str);
    impl VisitorMut for Renamer<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, part: &mut Expr) -> ControlFlow<()> {
            let column = match part {
                Expr::Identifier(column) => Some(column),
                Expr::CompoundIdentifier(path) => path.last_mut(),
                _ => None,
            };
            if let Some(column) = column.filter(|column| fold(column) == self.0) {
                let is_plain = crate::pg_catalog::names::quoted(self.1) == self.1;
                *column = if is_plain { Ident::new(self.1) } else { Ident::with_quote('"', self.1) };
            }
            ControlFlow::Continue(())
        }
    }
    if !reads(expression, from) {
        return Ok(expression.to_owned());
    }
    let mut tree = parse_expression(expression)?;
    let _ = tree.visit(&mut Renamer(from, to));
    Ok(tree.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_is_followed_in_expressions() {
        let to = |expression: &str| renamed(expression, "a", "Be").expect("it parses");
        assert_eq!(to("a * 2 + length('a')"), "\"Be\" * 2 + length('a')");
        assert_eq!(to("A > t.a"), "\"Be\" > t.\"Be\"");
        assert_eq!(to("b*2"), "b*2");
        assert!(reads("upper(\"x y\")", "x y") && !reads("b + 1", "a"));
    }
}
