//! `CREATE TABLE … (LIKE source …)`: the columns of a table, a view or a system relation, and what else the clause takes of
//! a table. They are copied once: nothing ties the new table to its source. Options that a table has `WITH` are not
//! copied.

use std::collections::HashSet;

use peristyle_catalog::model::{
    Change, Column, ColumnId, ColumnRule, ConstraintKind, Relation, RelationKind, SequenceRule, Table,
};
use sqlparser::ast::Expr;

use super::constraints::NewConstraint;
use super::create_table::NewColumn;
use super::drop::kind_word;
use super::index;
use super::keys::{ids_of, index_of, numbered};
use super::own_sequence::OwnSequence;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut};
use crate::parse::{LikeClause, LikeOption, SequenceOptions, parse_expression};
use crate::scope::{PG_CATALOG, Scope};

/// What clauses give to a table beside its columns.
#[derive(Default)]
pub(super) struct Copied {
    checks: Vec<(String, Expr)>,
    keys: Vec<Key>,
    indexes: Vec<Key>,
}

/// A key, or an index, by the names of its columns.
struct Key {
    columns: Vec<String>,
    kind: KeyKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Primary,
    Unique,
    Plain,
}

impl Copied {
    /// Takes note of what a clause copies; returns its columns.
    pub(super) fn take(&mut self, scope: &Scope, clause: &LikeClause<'_>) -> Result<Vec<NewColumn>, SqlError> {
        let name = QualifiedName::of(scope, clause.source)?;
        if let Some(system) = crate::relation::find(name.schema().unwrap_or(PG_CATALOG), &name.name) {
            let columns = system.declaration().columns.iter();
            return Ok(columns.map(|(name, ty)| NewColumn::plain((*name).to_owned(), *ty)).collect());
        }
        let source = scope.require_relation(name.schema(), &name.name)?;
        let columns = match &source.kind {
            RelationKind::Table(table) => {
                self.take_of_table(scope, source, table, clause)?;
                &table.columns
            }
            RelationKind::View(view) => &view.columns,
            RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => return Err(invalid(source)),
        };
        columns.iter().map(|column| copied_column(scope, column, clause)).collect()
    }

    fn take_of_table(
        &mut self,
        scope: &Scope,
        source: &Relation,
        table: &Table,
        clause: &LikeClause<'_>,
    ) -> Result<(), SqlError> {
        let names = |columns: &[ColumnId]| {
            let named = columns.iter().filter_map(|id| table.column_by_id(*id));
            named.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        for constraint in &table.constraints {
            match &constraint.kind {
                ConstraintKind::Check { expression } if clause.includes(LikeOption::Constraints) => {
                    self.checks.push((constraint.name.clone(), parse_expression(expression)?));
                }
                ConstraintKind::PrimaryKey { columns, .. } if clause.includes(LikeOption::Indexes) => {
                    self.keys.push(Key { columns: names(columns), kind: KeyKind::Primary });
                }
                ConstraintKind::Unique { columns, .. } if clause.includes(LikeOption::Indexes) => {
                    self.keys.push(Key { columns: names(columns), kind: KeyKind::Unique });
                }
                _ => {}
            }
        }
        if clause.includes(LikeOption::Indexes) {
            let behind_keys: Vec<_> = table.constraints.iter().filter_map(|own| index_of(&own.kind)).collect();
            for relation in scope.view.relations().filter(|relation| !behind_keys.contains(&relation.oid)) {
                if let RelationKind::Index(index) = &relation.kind
                    && index.table == source.oid
                {
                    let kind = if index.unique { KeyKind::Unique } else { KeyKind::Plain };
                    self.indexes.push(Key { columns: names(&index.columns), kind });
                }
            }
        }
        Ok(())
    }

    /// The constraints that are copied. References are not, as in PostgreSQL.
    pub(super) fn constraints(&self) -> impl Iterator<Item = NewConstraint<'_>> {
        let checks =
            self.checks.iter().map(|(name, expression)| NewConstraint::Check { name: Some(name.clone()), expression });
        let keys = self.keys.iter().map(|key| NewConstraint::Key {
            name: None,
            columns: key.columns.clone(),
            primary: key.kind == KeyKind::Primary,
        });
        checks.chain(keys)
    }

    /// The indexes of the new table beside those behind its keys.
    pub(super) fn indexes(&self, scope: &Scope, relation: &Relation) -> Result<Vec<Change>, SqlError> {
        let Some(table) = relation.as_table() else { return Ok(Vec::new()) };
        let mut taken: HashSet<String> = table.constraints.iter().map(|constraint| constraint.name.clone()).collect();
        let mut changes = Vec::with_capacity(self.indexes.len());
        for Key { columns, kind } in &self.indexes {
            let is_taken =
                |name: &str| taken.contains(name) || scope.view.relation_by_name(relation.schema, name).is_some();
            let name = numbered(cut(format!("{}_{}_idx", relation.name, columns.join("_"))), is_taken);
            taken.insert(name.clone());
            let columns = ids_of(table, columns)?;
            let index = index::recorded(scope, relation, name, columns, *kind == KeyKind::Unique);
            changes.push(Change::CreateRelation(index));
        }
        Ok(changes)
    }
}

fn copied_column(scope: &Scope, column: &Column, clause: &LikeClause<'_>) -> Result<NewColumn, SqlError> {
    let mut new = NewColumn::plain(column.name.clone(), column.ty);
    new.not_null = column.not_null;
    if clause.includes(LikeOption::Comments) {
        new.comment.clone_from(&column.comment);
    }
    let expression = column.default.as_ref().map(|default| &default.expression);
    match column.rule {
        ColumnRule::Plain if clause.includes(LikeOption::Defaults) => {
            new.copied_default = expression.cloned();
        }
        ColumnRule::Generated if clause.includes(LikeOption::Generated) => {
            new.generated = expression.map(|text| parse_expression(text)).transpose()?;
        }
        ColumnRule::Identity { sequence, is_always } if clause.includes(LikeOption::Identity) => {
            let kind = scope.view.relation(sequence).map(|sequence| &sequence.kind);
            let Some(RelationKind::Sequence(sequence)) = kind else {
                return Err(SqlError::internal("an identity column has no sequence"));
            };
            let options = Box::new(options_of(&sequence.rule));
            new.own_sequence = Some(OwnSequence::Identity { is_always, options });
        }
        ColumnRule::Plain | ColumnRule::Generated | ColumnRule::Identity { .. } => {}
    }
    Ok(new)
}

/// What makes a sequence of the same rule.
fn options_of(rule: &SequenceRule) -> SequenceOptions {
    SequenceOptions {
        increment: Some(rule.increment),
        min: Some(Some(rule.min)),
        max: Some(Some(rule.max)),
        start: Some(rule.start),
        cache: Some(rule.cache),
        cycle: Some(rule.cycle),
        ..SequenceOptions::default()
    }
}

fn invalid(source: &Relation) -> SqlError {
    let message = format!("relation \"{}\" is invalid in LIKE clause", source.name);
    let kind = kind_word(source);
    let kinds = if kind == "index" { "indexes".to_owned() } else { format!("{kind}s") };
    SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).detail(format!("This operation is not supported for {kinds}."))
}
