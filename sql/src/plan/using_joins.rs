//! `a JOIN b USING (k)`, `a NATURAL JOIN b`: the one column `k` is that of whichever side has a row, and stands before the
//! others in `*`. DataFusion takes the left one's, and leaves it in its place. Here such a join becomes one by a
//! condition, and its `k` an expression.

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, TableFactor, TableWithJoins,
};

use super::row_values::binary;
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::semantics::call;

/// What a side of a join gives: its columns in order, each as it is read behind the join.
pub(super) struct Side {
    columns: Vec<Column>,
}

struct Column {
    name: String,
    value: Expr,
    /// Whether a join made it of the columns of both sides.
    is_merged: bool,
}

/// Whose key counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Left,
    Right,
    Full,
}

/// Whether one of the joins is by names.
pub(super) fn joins_by_name(tables: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => joins_by_name(table_with_joins),
        _ => false,
    };
    let by_name =
        |op: &JoinOperator| matches!(constraint(op), Some((_, JoinConstraint::Using(_) | JoinConstraint::Natural)));
    nested(&tables.relation) || tables.joins.iter().any(|join| by_name(&join.join_operator) || nested(&join.relation))
}

/// The kind of a join, and what it is by.
fn constraint(op: &JoinOperator) -> Option<(Kind, &JoinConstraint)> {
    match op {
        JoinOperator::Join(by) | JoinOperator::Inner(by) => Some((Kind::Left, by)),
        JoinOperator::Left(by) | JoinOperator::LeftOuter(by) => Some((Kind::Left, by)),
        JoinOperator::Right(by) | JoinOperator::RightOuter(by) => Some((Kind::Right, by)),
        JoinOperator::FullOuter(by) => Some((Kind::Full, by)),
        _ => None,
    }
}

/// What a join is by.
pub(super) fn constraint_mut(op: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match op {
        JoinOperator::Join(by)
        | JoinOperator::Inner(by)
        | JoinOperator::Left(by)
        | JoinOperator::LeftOuter(by)
        | JoinOperator::Right(by)
        | JoinOperator::RightOuter(by)
        | JoinOperator::FullOuter(by) => Some(by),
        _ => None,
    }
}

impl Side {
    /// The columns of a table.
    pub(super) fn of(table: &Ident, columns: &[String]) -> Side {
        let column = |name: &String| Column {
            name: name.clone(),
            value: Expr::CompoundIdentifier(vec![table.clone(), Ident::with_quote('"', name)]),
            is_merged: false,
        };
        Side { columns: columns.iter().map(column).collect() }
    }

    /// What a join of two sides gives; one by names becomes one by a condition.
    pub(super) fn joined(self, right: Side, op: &mut JoinOperator) -> Result<Side, SqlError> {
        let Some((kind, by)) = constraint(op) else { return Ok(self.beside(right)) };
        let keys = match by {
            JoinConstraint::Using(keys) => keys.iter().map(key_name).collect::<Result<_, _>>()?,
            JoinConstraint::Natural => self.shared_names(&right),
            JoinConstraint::On(_) | JoinConstraint::None => return Ok(self.beside(right)),
        };
        let (side, condition) = self.merged(right, &keys, kind)?;
        if let Some(by) = constraint_mut(op) {
            *by = condition.map_or(JoinConstraint::On(always()), JoinConstraint::On);
        }
        Ok(side)
    }

    /// All columns of both.
    fn beside(mut self, right: Side) -> Side {
        self.columns.extend(right.columns);
        self
    }

    fn shared_names(&self, right: &Side) -> Vec<String> {
        let names = self.columns.iter().map(|column| &column.name);
        names.filter(|name| right.columns.iter().any(|column| column.name == **name)).cloned().collect()
    }

    /// The keys, then the other columns of both; and the condition that the keys are equal.
    fn merged(mut self, mut right: Side, keys: &[String], kind: Kind) -> Result<(Side, Option<Expr>), SqlError> {
        let mut columns = Vec::new();
        let mut condition = None;
        for key in keys {
            let (left, right) = (self.take(key, "left")?, right.take(key, "right")?);
            let equal = binary(left.clone(), BinaryOperator::Eq, right.clone());
            condition = Some(match condition {
                Some(before) => binary(before, BinaryOperator::And, equal),
                None => equal,
            });
            let value = match kind {
                Kind::Left => left,
                Kind::Right => right,
                Kind::Full => call("coalesce", vec![left, right]),
            };
            columns.push(Column { name: key.clone(), value, is_merged: true });
        }
        columns.append(&mut self.columns);
        columns.append(&mut right.columns);
        Ok((Side { columns }, condition))
    }

    /// Takes the column of that name out.
    fn take(&mut self, key: &str, side: &str) -> Result<Expr, SqlError> {
        let mut places = (0..self.columns.len()).filter(|at| self.columns[*at].name == key);
        let Some(place) = places.next() else {
            let message = format!("column \"{key}\" specified in USING clause does not exist in {side} table");
            return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message));
        };
        if places.next().is_some() {
            let message = format!("common column name \"{key}\" appears more than once in {side} table");
            return Err(SqlError::new(SqlState::AMBIGUOUS_COLUMN, message));
        }
        Ok(self.columns.remove(place).value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    /// The merged columns whose names are no other's.
    pub(super) fn merged_columns(&self) -> impl Iterator<Item = (&String, &Expr)> {
        let is_one = |name: &String| self.columns.iter().filter(|column| column.name == *name).count() == 1;
        let merged = self.columns.iter().filter(move |column| column.is_merged && is_one(&column.name));
        merged.map(|column| (&column.name, &column.value))
    }

    /// Each column with the name that it needs, if it is not a table's own column.
    pub(super) fn into_columns(self) -> impl Iterator<Item = (Expr, Option<String>)> {
        self.columns.into_iter().map(|column| (column.value, column.is_merged.then_some(column.name)))
    }
}

fn key_name(name: &ObjectName) -> Result<String, SqlError> {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map(fold).ok_or_else(|| SqlError::syntax("a name was expected in USING"))
}

/// Sides of no common name are all joined with all.
fn always() -> Expr {
    Expr::Value(sqlparser::ast::Value::Boolean(true).into())
}

/// 0A000 for a join by names of what tells no columns, where DataFusion would take another key or order.
pub(super) fn refuse_unknown(op: &JoinOperator) -> Result<(), SqlError> {
    match constraint(op) {
        Some((Kind::Right | Kind::Full, JoinConstraint::Using(_) | JoinConstraint::Natural)) => {
            Err(SqlError::unsupported("RIGHT and FULL JOIN by names with a function of another item of FROM"))
        }
        _ => Ok(()),
    }
}
