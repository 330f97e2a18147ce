//! ALTER TYPE … RENAME VALUE: what is stored is the label, so the columns of the type are written again, each under an id
//! of its own, in the commit that renames it.

use std::ops::ControlFlow;
use std::sync::Arc;

use peristyle_catalog::model::{
    Change, Column, ColumnDefault, ColumnRule, Constraint, ConstraintKind, EnumType, Relation, RelationKind,
    Requirement,
};
use sqlparser::ast::{CastKind, Expr, Value, visit_expressions};

use super::alter_table::Altered;
use super::enum_type::{check_label, label_exists, replaced, require_label};
use super::{Done, rewrite, unchanged};
use crate::error::SqlError;
use crate::parse::parse_expression;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::write::{newest, stage};

/// Stages the rename and all that it changes but the last table, which is what is left to do.
pub(super) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    relation: &Arc<Relation>,
    definition: &EnumType,
    (from, to): (&str, &str),
) -> Result<Done, SqlError> {
    let renamed = with_renamed(definition, from, to)?;
    if let Some(view) = scope.view.dependents(relation.oid).next() {
        return Err(refused(from, &format!("view {}", view.name)));
    }
    let tables: Vec<Arc<Relation>> = scope.view.tables_of_enum(relation.oid).cloned().collect();
    let mut done = replaced(relation, renamed);
    // No other table may have come to hold the old label when this commits.
    let except = tables.iter().map(|table| table.oid).collect();
    done.changes.requires.push(Requirement::NoDependents { oid: relation.oid, except });
    stage(&scope.guard, transaction, done.changes)?;
    for table in tables {
        // Labels are checked against those that the transaction has by now.
        let scope = newest(scope, transaction)?;
        let Some(table) = scope.view.relation(table.oid).cloned() else { continue };
        let done = match scope.view.is_dropped(&table) {
            true => as_texts(&table, relation),
            false => rewritten(&scope, transaction, &table, relation, (from, to)).await?,
        };
        stage(&scope.guard, transaction, done.changes)?;
    }
    Ok(Done::nothing("ALTER TYPE"))
}

fn with_renamed(definition: &EnumType, from: &str, to: &str) -> Result<EnumType, SqlError> {
    check_label(to)?;
    let at = require_label(definition, from)?;
    if definition.position(to).is_some() {
        return Err(label_exists(to));
    }
    let mut renamed = definition.clone();
    to.clone_into(&mut renamed.labels[at].name);
    Ok(renamed)
}

/// A dropped table that is taken back has texts.
fn as_texts(table: &Relation, ty: &Relation) -> Done {
    let mut after = table.clone();
    if let RelationKind::Table(definition) = &mut after.kind {
        let columns = definition.columns.iter_mut();
        columns.filter(|column| column.ty.enum_definition() == Some(ty.oid)).for_each(|column| column.to_text());
    }
    Done::new("ALTER TYPE", vec![unchanged(table)], vec![Change::ReplaceRelation(after)])
}

async fn rewritten(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    table: &Arc<Relation>,
    ty: &Relation,
    (from, to): (&str, &str),
) -> Result<Done, SqlError> {
    let mut altered = Altered::of(scope, table);
    refuse_texts(&altered, from)?;
    let columns = altered.table().columns.clone();
    for column in columns.iter().filter(|column| column.ty.enum_definition() == Some(ty.oid)) {
        if let Some(default) = &column.default {
            let renamed = renamed_default(default, from, to)?;
            altered.column_mut(&column.name)?.default = Some(renamed);
        }
        if let Some(view) = altered.readers(column.id).first() {
            return Err(refused(from, &format!("view {}", view.name)));
        }
        let using = renamed_value(&column.name, column.ty.is_array(), from, to)?;
        altered.retype(column, column.ty, Some(&using))?;
    }
    rewrite::run(scope, transaction, table, altered).await
}

/// The column's values with the new label in the place of the old one.
fn renamed_value(column: &str, is_array: bool, from: &str, to: &str) -> Result<Expr, SqlError> {
    let column = format!("\"{}\"", column.replace('"', "\"\""));
    let [from, to] = [from, to].map(|label| format!("'{}'", label.replace('\'', "''")));
    parse_expression(&match is_array {
        true => format!("array_replace({column}::text[], {from}, {to})"),
        false => format!("CASE {column}::text WHEN {from} THEN {to} ELSE {column}::text END"),
    })
}

/// A default that is the label itself is renamed with it.
fn renamed_default(default: &ColumnDefault, from: &str, to: &str) -> Result<ColumnDefault, SqlError> {
    let mut expression = parse_expression(&default.expression)?;
    let label = match &mut expression {
        Expr::Cast { expr, kind: CastKind::Cast | CastKind::DoubleColon, .. } => expr.as_mut(),
        other => other,
    };
    match label {
        Expr::Value(value) if value.value == Value::SingleQuotedString(from.to_owned()) => {
            value.value = Value::SingleQuotedString(to.to_owned());
            Ok(ColumnDefault { oid: default.oid, expression: expression.to_string() })
        }
        _ if names_label(&default.expression, from) => Err(refused(from, "a default")),
        _ => Ok(default.clone()),
    }
}

/// Constraints and generated columns keep their texts, in which a label is a string as any other.
fn refuse_texts(altered: &Altered<'_>, from: &str) -> Result<(), SqlError> {
    let is_generated = |column: &&Column| column.rule == ColumnRule::Generated;
    let names = |column: &&Column| column.default.as_ref().is_some_and(|own| names_label(&own.expression, from));
    if let Some(column) = altered.table().columns.iter().filter(is_generated).find(names) {
        return Err(refused(from, &format!("generated column {}", column.name)));
    }
    let mut constraints = altered.table().constraints.iter();
    let names =
        |c: &&Constraint| matches!(&c.kind, ConstraintKind::Check { expression } if names_label(expression, from));
    match constraints.find(names) {
        Some(constraint) => Err(refused(from, &format!("constraint {}", constraint.name))),
        None => Ok(()),
    }
}

/// Whether a string in an expression's text is the label, or holds it as an array's does.
fn names_label(text: &str, label: &str) -> bool {
    let Ok(tree) = parse_expression(text) else { return true };
    let holds = |expr: &Expr| match expr {
        Expr::Value(value) => matches!(&value.value, Value::SingleQuotedString(text) if text.contains(label)),
        _ => false,
    };
    let found =
        visit_expressions(&tree, |expr| if holds(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
    found.is_break()
}

fn refused(label: &str, what: &str) -> SqlError {
    SqlError::unsupported(format!("renaming the enum label \"{label}\" while {what} may name it is not supported"))
        .hint("Drop what names it, rename the label, and create it again.")
}
