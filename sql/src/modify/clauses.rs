//! WHEN clauses: which of them is the first that a row meets, and what the table's columns become by it.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};

use super::modified::Modified;
use super::plan::{ACTION_COLUMN, Action, address, own};
use crate::error::SqlError;
use crate::scan::ADDRESS_COLUMN;
use crate::semantics::{CastKind, cast_to_arrow};
use crate::write::wider;

/// Name of the column that holds the number of the clause that a row meets.
const CLAUSE_COLUMN: &str = "\u{1}clause";

/// What a clause does.
pub(super) enum Deed {
    Nothing,
    Delete,
    /// New values of some columns, by their places.
    Update(Vec<(usize, Expr)>),
    /// A value for every column.
    Insert(Vec<Expr>),
}

/// One WHEN clause.
pub(super) struct Clause {
    /// Whether it is for rows that the table has.
    pub(super) matched: bool,
    pub(super) condition: Option<Expr>,
    pub(super) deed: Deed,
}

/// The joined rows with what becomes of each and the table's columns as they will be. An expression is evaluated only
/// for the rows that its clause is for.
pub(super) fn decide(modified: &Modified, joined: LogicalPlan, clauses: &[Clause]) -> Result<LogicalPlan, SqlError> {
    let mut numbered = vec![number(modified, clauses).alias(CLAUSE_COLUMN)];
    numbered.extend(joined.schema().columns().into_iter().map(Expr::Column));
    let numbered = LogicalPlanBuilder::from(joined).project(numbered)?.build()?;
    let mut output = vec![
        address(modified).alias_qualified(Some(modified.name.as_str()), ADDRESS_COLUMN),
        action(clauses).alias(ACTION_COLUMN),
    ];
    for (at, field) in modified.target.fields.iter().enumerate() {
        let name = field.field.name();
        let value = value(modified, &numbered, clauses, at)?;
        output.push(value.alias_qualified(Some(modified.name.as_str()), name));
    }
    Ok(LogicalPlanBuilder::from(numbered).project(output)?.build()?)
}

/// The number of the first clause that a row meets, from 1; 0 for none.
fn number(modified: &Modified, clauses: &[Clause]) -> Expr {
    let first_of = |matched: bool| {
        let numbers = (1_i32..).zip(clauses).filter(|(_, clause)| clause.matched == matched);
        let branches = numbers.map(|(number, clause)| (clause.condition.clone().unwrap_or(lit(true)), lit(number)));
        case(lit(true), branches, lit(0_i32))
    };
    case(address(modified).is_not_null(), [(lit(true), first_of(true))], first_of(false))
}

fn action(clauses: &[Clause]) -> Expr {
    let branches = (1_i32..).zip(clauses).map(|(number, clause)| {
        let action = match &clause.deed {
            Deed::Nothing => Action::Nothing,
            Deed::Delete => Action::Delete,
            Deed::Update(_) => Action::Update,
            Deed::Insert(_) => Action::Insert,
        };
        (lit(number), lit(action.code()))
    });
    case(met_clause(), branches, lit(Action::Nothing.code()))
}

/// The new value of the column at that place.
fn value(modified: &Modified, rows: &LogicalPlan, clauses: &[Clause], at: usize) -> Result<Expr, SqlError> {
    let field = &modified.target.fields[at];
    let given = (1_i32..).zip(clauses).filter_map(|(number, clause)| {
        let value = match &clause.deed {
            Deed::Update(values) => values.iter().find(|(column, _)| *column == at).map(|(_, value)| value),
            Deed::Insert(values) => values.get(at),
            Deed::Nothing | Deed::Delete => None,
        };
        value.map(|value| (number, value.clone()))
    });
    let given: Vec<(i32, Expr)> = given.collect();
    // Bare numerics have the digits of their values; what the clauses give meets in a type with room for all.
    let mut arrow: DataType = field.field.data_type().clone();
    for (_, value) in &given {
        arrow = wider(&arrow, &value.get_type(rows.schema())?);
    }
    let as_stored = |value: Expr| -> Result<Expr, SqlError> {
        match value.get_type(rows.schema())? == arrow {
            true => Ok(value),
            false => Ok(cast_to_arrow(value, field.ty, arrow.clone(), CastKind::Explicit)),
        }
    };
    let kept = as_stored(own(modified, field.field.name()))?;
    let branches = given.into_iter().map(|(number, value)| Ok((lit(number), as_stored(value)?)));
    Ok(case(met_clause(), branches.collect::<Result<Vec<_>, SqlError>>()?, kept))
}

fn met_clause() -> Expr {
    Expr::Column(Column::new_unqualified(CLAUSE_COLUMN))
}

/// `CASE operand WHEN … THEN … ELSE … END`: the form that stays a CASE, whatever the optimiser does.
fn case(operand: Expr, branches: impl IntoIterator<Item = (Expr, Expr)>, other: Expr) -> Expr {
    let branches: Vec<_> = branches.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    match branches.is_empty() {
        true => other,
        false => Expr::Case(Case::new(Some(Box::new(operand)), branches, Some(Box::new(other)))),
    }
}

/// The columns of a joined plan that are not the table's: what a clause for new rows may name.
pub(super) fn source_schema(
    modified: &Modified,
    joined: &LogicalPlan,
) -> Result<datafusion::common::DFSchema, SqlError> {
    let others = joined.schema().iter().filter(|(of, _)| of.is_none_or(|of| of.table() != modified.name));
    let fields = others.map(|(of, field)| (of.cloned(), Arc::clone(field))).collect();
    Ok(datafusion::common::DFSchema::new_with_metadata(fields, Default::default())?)
}
