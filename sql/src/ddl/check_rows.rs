//! Rules that a table's rows must keep before it gets them: SET NOT NULL and ADD CHECK. The rows are looked at in the
//! statement's snapshot, and none may have come since when this commits.

use peristyle_catalog::model::{Constraint, ConstraintKind, Requirement};
use sqlparser::ast::{Expr, Ident, SetExpr, UnaryOperator};

use super::alter_table::Altered;
use super::constraints::NewConstraint;
use super::rewrite::all_of;
use crate::error::{SqlError, SqlState};
use crate::parse::parse_expression;
use crate::plan::parameters::Bound;
use crate::plan::{Planner, collect};

impl Altered<'_> {
    /// `ALTER COLUMN … SET NOT NULL`
    pub(super) async fn set_not_null(&mut self, name: &str) -> Result<(), SqlError> {
        if self.column_mut(name)?.not_null {
            return Ok(());
        }
        let is_null = Expr::IsNull(Box::new(Expr::Identifier(Ident::with_quote('"', name))));
        if self.has_row_where(is_null).await? {
            let table = &self.relation.name;
            let message = format!("column \"{name}\" of relation \"{table}\" contains null values");
            return Err(SqlError::new(SqlState::NOT_NULL_VIOLATION, message)
                .schema(self.scope.schema_name(self.relation.schema))
                .table(table)
                .column(name));
        }
        self.column_mut(name)?.not_null = true;
        Ok(())
    }

    /// `ADD CHECK`
    pub(super) async fn add_check(&mut self, check: NewConstraint<'_>) -> Result<(), SqlError> {
        self.add_constraints(vec![check])?;
        let newest = self.table().constraints.iter().max_by_key(|constraint| constraint.oid).cloned();
        let Some(Constraint { name, kind: ConstraintKind::Check { expression }, .. }) = newest else {
            return Err(SqlError::internal("a CHECK that was added is not there"));
        };
        let condition = Box::new(Expr::Nested(Box::new(parse_expression(&expression)?)));
        if self.has_row_where(Expr::UnaryOp { op: UnaryOperator::Not, expr: condition }).await? {
            let table = &self.relation.name;
            let message = format!("check constraint \"{name}\" of relation \"{table}\" is violated by some row");
            return Err(SqlError::new(SqlState::CHECK_VIOLATION, message)
                .schema(self.scope.schema_name(self.relation.schema))
                .table(table)
                .constraint(name));
        }
        Ok(())
    }

    /// Whether a row of the table fulfils a condition. One that this statement gives other columns is written again, and
    /// its rows are looked at then.
    async fn has_row_where(&mut self, condition: Expr) -> Result<bool, SqlError> {
        let table = self.relation.oid;
        if !self.has_rows() {
            self.requires.push(Requirement::TableEmpty(table));
            return Ok(false);
        }
        let before = self.scope.view.relation(table).and_then(|relation| relation.as_table());
        let columns = |table: &peristyle_catalog::model::Table| -> Vec<_> {
            table.columns.iter().map(|column| (column.id, column.name.clone(), column.ty)).collect()
        };
        if before.map(columns) != Some(columns(self.table())) {
            self.is_rewritten = true;
            return Ok(false);
        }
        self.requires.push(Requirement::NoRowsSince { table, since: self.scope.view.committed() });
        let mut query = all_of(self.scope, &self.relation)?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = Some(condition);
        }
        let planner = Planner::new(self.scope)?;
        let plan = planner.query(&query, &[])?;
        let plan = datafusion::logical_expr::LogicalPlanBuilder::from(plan).limit(0, Some(1))?.build()?;
        let physical = planner.physical(plan, &Bound::default()).await?;
        let found = collect(self.scope, physical, planner.task()).await?;
        Ok(found.iter().any(|batch| batch.num_rows() > 0))
    }
}
