//! Rules that a table's rows must keep before it gets them: SET NOT NULL and ADD CHECK. The rows are looked at in the
//! statement's snapshot, and none may have come since when this commits.

use datafusion::logical_expr::LogicalPlanBuilder;
use peristyle_catalog::model::{Column, Constraint, ConstraintKind, Relation, Requirement, Table};
use sqlparser::ast::{Expr, Ident, UnaryOperator};

use super::alter_table::Altered;
use super::constraints::NewConstraint;
use super::generated::reads;
use super::rewrite::new_values;
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

    /// Adds the CHECKs anew that read a column whose type is another than before: they are planned over that type, and
    /// what they say of the rows may be something else.
    pub(super) async fn add_checks_again(&mut self, before: &Relation) -> Result<(), SqlError> {
        let changed = self.columns_of_other_type(before);
        let is_about = |constraint: &mut Constraint| match &constraint.kind {
            ConstraintKind::Check { expression } => changed.iter().any(|name| reads(expression, name)),
            ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } | ConstraintKind::ForeignKey { .. } => {
                false
            }
        };
        let again: Vec<Constraint> = self.table_mut().constraints.extract_if(.., is_about).collect();
        for Constraint { name, kind, .. } in again {
            if let ConstraintKind::Check { expression } = kind {
                let expression = &parse_expression(&expression)?;
                self.add_check(NewConstraint::Check { name: Some(name), expression }).await?;
            }
        }
        Ok(())
    }

    fn columns_of_other_type(&self, before: &Relation) -> Vec<String> {
        let is_changed = |column: &&Column| {
            let retyped = self.retyped.iter().find(|retyped| retyped.after == column.id);
            let source = retyped.map_or(column.id, |retyped| retyped.before);
            let before = before.as_table().and_then(|table| table.column_by_id(source));
            before.is_some_and(|before| before.ty != column.ty)
        };
        self.table().columns.iter().filter(is_changed).map(|column| column.name.clone()).collect()
    }

    /// Whether a row of the table fulfils a condition, which is about the columns as they will be. One that this statement
    /// gives other columns is written again, and its rows are looked at then.
    async fn has_row_where(&mut self, condition: Expr) -> Result<bool, SqlError> {
        let table = self.relation.oid;
        if !self.has_rows() {
            self.requires.push(Requirement::TableEmpty(table));
            return Ok(false);
        }
        let Some(before) = self.scope.view.relation(table).filter(|before| self.has_columns_of(before)) else {
            self.is_rewritten = true;
            return Ok(false);
        };
        self.requires.push(Requirement::NoRowsSince { table, since: self.scope.view.committed() });
        let planner = Planner::new(self.scope)?;
        let rows = new_values(&planner, self.scope, before, &self.relation, &[])?;
        let condition = planner.expression(&condition, rows.schema())?;
        let plan = LogicalPlanBuilder::from(rows).filter(condition)?.limit(0, Some(1))?.build()?;
        let physical = planner.physical(plan, &Bound::default()).await?;
        let found = collect(self.scope, physical, planner.task()).await?;
        Ok(found.iter().any(|batch| batch.num_rows() > 0))
    }

    /// Whether the columns are those of before, with other types at most.
    fn has_columns_of(&self, before: &Relation) -> bool {
        let columns =
            |table: &Table| -> Vec<_> { table.columns.iter().map(|column| (column.id, column.name.clone())).collect() };
        before.as_table().map(columns) == Some(columns(self.table()))
    }
}
