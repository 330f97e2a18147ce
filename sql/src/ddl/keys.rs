//! Constraints of a table: CHECK is enforced, keys if the table says so; other keys and references are recorded and shown
//! as not validated.

use std::sync::Arc;

use peristyle_catalog::model::{Change, ColumnId, ConstraintKind, Index, Oid, Relation, RelationKind, Seq, Table};

use super::constraints::NewConstraint;
use super::create_table::constraint;
use super::generated::reads;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold};
use crate::plan::kept_expression::{kept, refuse_unsettled};
use crate::scope::Scope;

/// Adds constraints to a definition. Returns it with the changes that make the indexes behind its keys.
pub(super) fn add(
    scope: &Arc<Scope>,
    mut relation: Relation,
    constraints: Vec<NewConstraint<'_>>,
) -> Result<(Relation, Vec<Change>), SqlError> {
    let mut indexes = Vec::new();
    let mut unenforced = false;
    for new in constraints {
        match new {
            NewConstraint::Check { name, expression } => add_check(scope, &mut relation, name, expression)?,
            NewConstraint::Key { name, columns, primary } => {
                indexes.push(Change::CreateRelation(add_key(scope, &mut relation, name, &columns, primary)?));
                unenforced |= !table_of(&mut relation).enforces_keys();
            }
            NewConstraint::Foreign { name, columns, clause } => {
                add_reference(scope, &mut relation, name, &columns, clause)?;
                unenforced = true;
            }
        }
    }
    if unenforced {
        let message = match table_of(&mut relation).enforces_keys() {
            true => "REFERENCES constraints are recorded but not enforced",
            false => "PRIMARY KEY, UNIQUE and REFERENCES constraints are recorded but not enforced",
        };
        scope.notice(SqlState::SUCCESSFUL_COMPLETION, message);
    }
    Ok((relation, indexes))
}

fn table_of(relation: &mut Relation) -> &mut Table {
    match &mut relation.kind {
        RelationKind::Table(table) => table,
        RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => {
            unreachable!("constraints belong to tables")
        }
    }
}

fn add_check(
    scope: &Arc<Scope>,
    relation: &mut Relation,
    name: Option<String>,
    expression: &sqlparser::ast::Expr,
) -> Result<(), SqlError> {
    use arrow::datatypes::{DataType, Schema};
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::ExprSchemable;
    let fields = peristyle_storage::schema::table_fields(table_of(relation), None)?;
    let schema = DFSchema::try_from(Schema::new(fields.iter().map(|f| Arc::clone(&f.field)).collect::<Vec<_>>()))?;
    let planned = crate::plan::Planner::new(scope)?.expression(expression, &schema)?;
    if planned.get_type(&schema)? != DataType::Boolean {
        let message = "argument of CHECK must be type boolean";
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message));
    }
    let columns: Vec<_> = planned.column_refs().into_iter().collect();
    let base = match columns.as_slice() {
        [column] => format!("{}_{}_check", relation.name, column.name),
        _ => format!("{}_check", relation.name),
    };
    let name = constraint_name(relation, name, base)?;
    let oid = scope.engine.catalog().reserve_oids(1);
    let kept = kept(scope, expression, None)?;
    refuse_unsettled(scope, &kept, &schema)?;
    let kind = ConstraintKind::Check { expression: kept.to_string() };
    table_of(relation).constraints.push(constraint(oid, name, kind));
    Ok(())
}

fn add_key(
    scope: &Arc<Scope>,
    relation: &mut Relation,
    name: Option<String>,
    columns: &[String],
    primary: bool,
) -> Result<Relation, SqlError> {
    let ids = ids_of(table_of(relation), columns)?;
    if primary && table_of(relation).constraints.iter().any(|c| matches!(c.kind, ConstraintKind::PrimaryKey { .. })) {
        let message = format!("multiple primary keys for table \"{}\" are not allowed", relation.name);
        return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    let base = match primary {
        true => format!("{}_pkey", relation.name),
        false => format!("{}_{}_key", relation.name, columns.join("_")),
    };
    let name = free_name(scope, relation, constraint_name(relation, name, base)?);
    let oid = scope.engine.catalog().reserve_oids(2);
    let index = Oid(oid.0 + 1);
    let kind = match primary {
        true => ConstraintKind::PrimaryKey { columns: ids.clone(), index },
        false => ConstraintKind::Unique { columns: ids.clone(), index },
    };
    let table = table_of(relation);
    if primary {
        for column in table.columns.iter_mut().filter(|column| ids.contains(&column.id)) {
            column.not_null = true;
        }
    }
    table.constraints.push(constraint(oid, name.clone(), kind));
    let definition = format!("CREATE UNIQUE INDEX {name} ON {} USING btree ({})", relation.name, columns.join(", "));
    Ok(Relation {
        oid: index,
        schema: relation.schema,
        name,
        owner: relation.owner,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Index(Index { table: relation.oid, columns: ids, unique: true, primary, definition }),
    })
}

fn add_reference(
    scope: &Arc<Scope>,
    relation: &mut Relation,
    name: Option<String>,
    columns: &[String],
    clause: &sqlparser::ast::ForeignKeyConstraint,
) -> Result<(), SqlError> {
    let base = format!("{}_{}_fkey", relation.name, columns.join("_"));
    let name = constraint_name(relation, name, base)?;
    let ids = ids_of(table_of(relation), columns)?;
    let wanted = QualifiedName::of(scope, &clause.foreign_table)?;
    let is_self = wanted.name == relation.name && scope.relation(wanted.schema(), &wanted.name).is_none();
    let referenced = match is_self {
        true => relation.clone(),
        false => scope.require_relation(wanted.schema(), &wanted.name)?.as_ref().clone(),
    };
    let Some(other) = referenced.as_table() else {
        let message = format!("referenced relation \"{}\" is not a table", referenced.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    };
    let named: Vec<String> = clause.referred_columns.iter().map(fold).collect();
    let others = if named.is_empty() { primary_key(other, &referenced.name)? } else { ids_of(other, &named)? };
    if others.len() != ids.len() {
        let message = "number of referencing and referenced columns for foreign key disagree";
        return Err(SqlError::new(SqlState::INVALID_FOREIGN_KEY, message));
    }
    let oid = scope.engine.catalog().reserve_oids(1);
    let kind = ConstraintKind::ForeignKey { columns: ids, table: referenced.oid, referenced: others };
    table_of(relation).constraints.push(constraint(oid, name, kind));
    Ok(())
}

fn primary_key(table: &Table, name: &str) -> Result<Vec<ColumnId>, SqlError> {
    let key = table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => Some(columns.clone()),
        _ => None,
    });
    key.ok_or_else(|| {
        let message = format!("there is no primary key for referenced table \"{name}\"");
        SqlError::new(SqlState::UNDEFINED_OBJECT, message)
    })
}

/// Ids of columns by name; 42703 for one that the table lacks.
pub(super) fn ids_of(table: &Table, names: &[String]) -> Result<Vec<ColumnId>, SqlError> {
    names
        .iter()
        .map(|name| {
            let column = table.column(name).ok_or_else(|| {
                let message = format!("column \"{name}\" named in key does not exist");
                SqlError::new(SqlState::UNDEFINED_COLUMN, message)
            })?;
            Ok(column.id)
        })
        .collect()
}

/// The name given, which must be new, or one made from `base`.
fn constraint_name(relation: &Relation, given: Option<String>, base: String) -> Result<String, SqlError> {
    let taken = |name: &str| {
        relation.as_table().is_some_and(|table| table.constraints.iter().any(|constraint| constraint.name == name))
    };
    match given {
        Some(name) if taken(&name) => {
            let message = format!("constraint \"{name}\" for relation \"{}\" already exists", relation.name);
            Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message))
        }
        Some(name) => Ok(name),
        None => Ok(numbered(cut(base), taken)),
    }
}

/// A name that no relation of the schema has, since an index takes one.
fn free_name(scope: &Scope, relation: &Relation, name: String) -> String {
    numbered(name, |name| scope.view.relation_by_name(relation.schema, name).is_some())
}

/// The name, or the first of `name1`, `name2`, … that is free.
pub(super) fn numbered(name: String, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    (1..).map(|i| format!("{name}{i}")).find(|name| !taken(name)).expect("numbers do not end")
}

/// Whether a constraint is about the dropped column.
pub(super) fn names_column(kind: &ConstraintKind, dropped: &dyn Fn(&[ColumnId]) -> bool, name: &str) -> bool {
    match kind {
        ConstraintKind::PrimaryKey { columns, .. }
        | ConstraintKind::Unique { columns, .. }
        | ConstraintKind::ForeignKey { columns, .. } => dropped(columns),
        ConstraintKind::Check { expression } => reads(expression, name),
    }
}

/// The index behind a key.
pub(super) fn index_of(kind: &ConstraintKind) -> Option<Oid> {
    match kind {
        ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => Some(*index),
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => None,
    }
}
