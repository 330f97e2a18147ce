//! CREATE INDEX: recorded and shown, never built; pruning does its work.

use std::sync::Arc;

use peristyle_catalog::model::{Change, ColumnId, Index, Relation, RelationKind, Requirement, Seq};
use sqlparser::ast::{CreateIndex, Expr};

use super::keys::{ids_of, numbered};
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold};
use crate::scope::Scope;

pub(super) fn create(scope: &Arc<Scope>, create: &CreateIndex) -> Result<Done, SqlError> {
    let on = QualifiedName::of(scope, &create.table_name)?;
    let relation = scope.require_relation(on.schema(), &on.name)?;
    let Some(table) = relation.as_table() else {
        let message = format!("cannot create index on relation \"{}\"", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    };
    if create.predicate.is_some() {
        return Err(SqlError::unsupported("partial indexes are not supported"));
    }
    let names = create.columns.iter().map(|column| column_name(&column.column.expr)).collect::<Result<Vec<_>, _>>()?;
    let columns = ids_of(table, &names).map_err(|_| unknown(table, &names))?;
    let taken = |name: &str| scope.view.relation_by_name(relation.schema, name).is_some();
    let name = match &create.name {
        Some(name) => QualifiedName::of(scope, name)?.name,
        None => numbered(cut(format!("{}_{}_idx", relation.name, names.join("_"))), taken),
    };
    if taken(&name) {
        let message = format!("relation \"{name}\" already exists");
        if create.if_not_exists {
            scope.notice(SqlState::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(Done::nothing("CREATE INDEX"));
        }
        return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message));
    }
    scope.notice(
        SqlState::SUCCESSFUL_COMPLETION,
        "indexes are recorded but not built: partitions are pruned by their statistics",
    );
    let index = recorded(scope, relation, name.clone(), columns, create.unique);
    let requires = vec![unchanged(relation), Requirement::NameFree { schema: relation.schema, name }];
    Ok(Done::new("CREATE INDEX", requires, vec![Change::CreateRelation(index)]))
}

/// An index of a table, as the catalog shows it.
pub(super) fn recorded(
    scope: &Scope,
    relation: &Relation,
    name: String,
    columns: Vec<ColumnId>,
    unique: bool,
) -> Relation {
    let table = relation.as_table();
    let named = columns.iter().filter_map(|id| table?.column_by_id(*id)).map(|column| column.name.as_str());
    let definition = format!(
        "CREATE {}INDEX {name} ON {}.{} USING btree ({})",
        if unique { "UNIQUE " } else { "" },
        scope.schema_name(relation.schema),
        relation.name,
        named.collect::<Vec<_>>().join(", ")
    );
    Relation {
        oid: scope.engine.catalog().reserve_oids(1),
        schema: relation.schema,
        name,
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Index(Index { table: relation.oid, columns, unique, primary: false, definition }),
    }
}

fn column_name(expression: &Expr) -> Result<String, SqlError> {
    match expression {
        Expr::Identifier(ident) => Ok(fold(ident)),
        Expr::Nested(inner) => column_name(inner),
        _ => Err(SqlError::unsupported("indexes on expressions are not supported")),
    }
}

fn unknown(table: &peristyle_catalog::model::Table, names: &[String]) -> SqlError {
    let name = names.iter().find(|name| table.column(name).is_none()).map_or("", String::as_str);
    SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
}
