//! CREATE VIEW: the text is kept with what its names mean now.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use peristyle_catalog::model::{
    Change, Column, ColumnId, ColumnRule, Oid, Relation, RelationKind, Requirement, Seq, StoredQuery, View,
    ViewDependency,
};
use peristyle_storage::types::pg_type;
use sqlparser::ast::CreateView;

use super::place::Place;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold};
use crate::plan::{Planner, Touched, output_fields};
use crate::scan::TableScan;
use crate::scope::Scope;
use crate::{temporary, with_changes};

pub(super) fn create(scope: &Arc<Scope>, create: &CreateView, text: &str) -> Result<Done, SqlError> {
    if create.materialized {
        return Err(SqlError::syntax("syntax error at or near \"MATERIALIZED\""));
    }
    with_changes::refuse_in("views must not contain", &create.query)?;
    let name = QualifiedName::of(scope, &create.name)?;
    let planner = Planner::new(scope)?;
    let plan = planner.query(&create.query, &[])?;
    let place = Place::of(scope, &name, is_temporary(scope, create, &name, &planner.touched()))?;
    let existing = place.existing(scope, &name.name);
    if let Some(existing) = existing
        && (!create.or_replace || existing.as_view().is_none())
    {
        return Err(already_exists(existing, create.or_replace));
    }
    let columns = columns_of(create, &plan)?;
    let depends_on = dependencies(&planner.touched(), &plan)?;
    let mut requires: Vec<Requirement> = planner.touched().iter().map(|touched| unchanged(&touched.relation)).collect();
    let query = StoredQuery {
        text: query_text(text)?,
        search_path: scope.relation_path().map(str::to_owned).collect(),
        depends_on,
    };
    match existing {
        Some(existing) => {
            check_replacement(existing, &columns)?;
            requires.push(unchanged(existing));
            let mut relation = existing.as_ref().clone();
            if let RelationKind::View(view) = &mut relation.kind {
                *view = View { query, columns, ..view.clone() };
            }
            Ok(Done::new("CREATE VIEW", requires, vec![Change::ReplaceRelation(relation)]))
        }
        None => {
            let schema = place.schema();
            let (required, mut changes) = place.claim(&name.name);
            requires.extend(required);
            let oid = scope.engine.catalog().reserve_oids(3);
            let (row_type, array_type) = (Oid(oid.0 + 1), Oid(oid.0 + 2));
            let view = View { row_type, array_type, query, columns };
            let relation = Relation {
                oid,
                schema,
                name: name.name,
                owner: scope.session.user_oid,
                comment: None,
                acl: None,
                version: Seq::ZERO,
                kind: RelationKind::View(view),
            };
            changes.push(Change::CreateRelation(relation));
            Ok(Done::new("CREATE VIEW", requires, changes))
        }
    }
}

/// Whether a view goes with the session: it says so, or it reads a table that does.
fn is_temporary(scope: &Scope, create: &CreateView, name: &QualifiedName, touched: &[Touched]) -> bool {
    let goes = |touched: &Touched| temporary::is_temporary(scope.schema_name(touched.relation.schema));
    if create.temporary || name.schema().is_some() || !touched.iter().any(goes) {
        return create.temporary;
    }
    scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("view \"{}\" will be a temporary view", name.name));
    true
}

fn already_exists(existing: &Relation, or_replace: bool) -> SqlError {
    if or_replace {
        return SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a view", existing.name));
    }
    SqlError::new(SqlState::DUPLICATE_TABLE, format!("relation \"{}\" already exists", existing.name))
}

fn columns_of(create: &CreateView, plan: &LogicalPlan) -> Result<Vec<Column>, SqlError> {
    let schema = output_fields(plan);
    if create.columns.len() > schema.fields().len() {
        return Err(SqlError::syntax("CREATE VIEW specifies more column names than columns"));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
    for (number, field) in (1..).zip(schema.fields()) {
        let given = create.columns.get(columns.len()).map(|column| fold(&column.name));
        let name = given.unwrap_or_else(|| cut(field.name().clone()));
        if columns.iter().any(|column| column.name == name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
        }
        columns.push(Column {
            id: ColumnId(u32::from(number as u16)),
            attnum: number,
            name,
            ty: pg_type(field),
            not_null: false,
            default: None,
            missing: None,
            comment: None,
            rule: ColumnRule::Plain,
        });
    }
    Ok(columns)
}

/// PostgreSQL lets a replacement add columns at the end only.
fn check_replacement(existing: &Relation, columns: &[Column]) -> Result<(), SqlError> {
    let Some(view) = existing.as_view() else { return Ok(()) };
    if columns.len() < view.columns.len() {
        let message = "cannot drop columns from view";
        return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    for (old, new) in view.columns.iter().zip(columns) {
        if old.name != new.name {
            let message = format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name);
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message)
                .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if old.ty.oid != new.ty.oid {
            let message = format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name,
                crate::values::type_name(old.ty),
                crate::values::type_name(new.ty)
            );
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
    }
    Ok(())
}

/// What the view rests on: each relation that its text names, with the columns that its plan reads.
pub(super) fn dependencies(touched: &[Touched], plan: &LogicalPlan) -> Result<Vec<ViewDependency>, SqlError> {
    let read = columns_read(plan)?;
    let mut dependencies: Vec<ViewDependency> = Vec::new();
    for Touched { written, relation } in touched {
        // A type and a table may have one name.
        if dependencies.iter().any(|known| known.written == *written && known.relation == relation.oid) {
            continue;
        }
        let columns = match &relation.kind {
            RelationKind::Table(table) => {
                let names = read.get(&relation.oid).cloned().unwrap_or_default();
                let used = table.columns.iter().filter(|column| names.contains(&column.name));
                used.map(|column| (column.name.clone(), column.id)).collect()
            }
            RelationKind::View(view) => view.columns.iter().map(|column| (column.name.clone(), column.id)).collect(),
            RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => Vec::new(),
        };
        dependencies.push(ViewDependency { written: written.clone(), relation: relation.oid, columns });
    }
    Ok(dependencies)
}

/// Names of the columns that some node of the plan reads, by table.
fn columns_read(plan: &LogicalPlan) -> Result<BTreeMap<Oid, Vec<String>>, SqlError> {
    let optimiser = datafusion::optimizer::Optimizer::with_rules(vec![Arc::new(
        datafusion::optimizer::optimize_projections::OptimizeProjections::new(),
    )]);
    let context = datafusion::optimizer::OptimizerContext::new();
    let narrowed = optimiser.optimize(plan.clone(), &context, |_, _| {})?;
    let mut read: BTreeMap<Oid, Vec<String>> = BTreeMap::new();
    narrowed.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(table) = (provider.as_ref() as &dyn std::any::Any).downcast_ref::<TableScan>()
        {
            let schema = table.schema();
            let positions = scan.projection.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
            let names = positions.iter().map(|&at| table.stored_name(schema.field(at).name()));
            read.entry(table.oid()).or_default().extend(names);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read)
}

/// What stands behind the statement's first AS outside of parentheses.
fn query_text(text: &str) -> Result<String, SqlError> {
    let lower = text.to_ascii_lowercase();
    let mut depth = 0_i32;
    let bytes = lower.as_bytes();
    let boundary = |at: Option<&u8>| at.is_none_or(|b| b.is_ascii_whitespace() || *b == b'(' || *b == b')');
    let mut quoted = false;
    for at in 0..bytes.len() {
        match bytes[at] {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            b'a' if !quoted
                && depth == 0
                && lower[at..].starts_with("as")
                && at > 0
                && boundary(bytes.get(at - 1))
                && boundary(bytes.get(at + 2)) =>
            {
                return Ok(text[at + 2..].trim().to_owned());
            }
            _ => {}
        }
    }
    Err(SqlError::internal("CREATE VIEW without AS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_what_stands_behind_as() {
        assert_eq!(query_text("CREATE VIEW v (a, b) AS SELECT 1 AS x").expect("as"), "SELECT 1 AS x");
        assert_eq!(query_text("create view \"v as\" as(select 2)").expect("as"), "(select 2)");
    }
}
