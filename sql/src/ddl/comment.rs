//! COMMENT ON TABLE, VIEW, MATERIALIZED VIEW, INDEX, SEQUENCE, TYPE, COLUMN.

use std::sync::Arc;

use peristyle_catalog::model::{Change, Relation, RelationKind};
use sqlparser::ast::{CommentObject, ObjectName, ObjectNamePart};

use super::enum_type::undefined_type;
use super::{Done, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::scope::Scope;

pub(super) fn run(
    scope: &Arc<Scope>,
    kind: &CommentObject,
    name: &ObjectName,
    comment: Option<&str>,
    if_exists: bool,
) -> Result<Done, SqlError> {
    let comment = comment.filter(|text| !text.is_empty()).map(str::to_owned);
    let relation = match kind {
        CommentObject::Table
        | CommentObject::View
        | CommentObject::MaterializedView
        | CommentObject::Index
        | CommentObject::Sequence => {
            let found = find(scope, name)?;
            require_kind(found, kind)?;
            Relation { comment, ..found.as_ref().clone() }
        }
        CommentObject::Type => {
            let name = QualifiedName::of(scope, name)?;
            let found = scope.enum_type(name.schema(), &name.name).ok_or_else(|| undefined_type(&name))?;
            Relation { comment, ..found.as_ref().clone() }
        }
        CommentObject::Column => comment_column(scope, name, comment)?,
        other => return Err(SqlError::unsupported(format!("COMMENT ON {other} is not supported yet"))),
    };
    if if_exists {
        return Err(SqlError::syntax("syntax error at or near \"IF\""));
    }
    Ok(Done::new("COMMENT", vec![unchanged(&relation)], vec![Change::ReplaceRelation(relation)]))
}

fn find<'a>(scope: &'a Scope, name: &ObjectName) -> Result<&'a Arc<Relation>, SqlError> {
    let name = QualifiedName::of(scope, name)?;
    scope.require_relation(name.schema(), &name.name)
}

fn require_kind(relation: &Relation, kind: &CommentObject) -> Result<(), SqlError> {
    let (is_of_kind, wanted) = match kind {
        CommentObject::View => (relation.as_view().is_some(), "a view"),
        CommentObject::Index => (matches!(relation.kind, RelationKind::Index(_)), "an index"),
        CommentObject::Sequence => (relation.as_sequence().is_some(), "a sequence"),
        CommentObject::MaterializedView => (relation.as_materialized().is_some(), "a materialized view"),
        _ => (relation.as_table().is_some_and(|table| table.materialized.is_none()), "a table"),
    };
    if is_of_kind {
        return Ok(());
    }
    Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {wanted}", relation.name)))
}

fn comment_column(scope: &Scope, name: &ObjectName, comment: Option<String>) -> Result<Relation, SqlError> {
    let Some((ObjectNamePart::Identifier(column), of)) = name.0.split_last() else {
        return Err(SqlError::syntax("column name must be qualified"));
    };
    if of.is_empty() {
        return Err(SqlError::syntax("column name must be qualified"));
    }
    let mut relation = find(scope, &ObjectName(of.to_vec()))?.as_ref().clone();
    let name = fold(column);
    let columns = match &mut relation.kind {
        RelationKind::Table(table) => &mut table.columns,
        RelationKind::View(view) => &mut view.columns,
        RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => {
            let message = format!("\"{}\" is not a table or view", relation.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
    };
    let Some(column) = columns.iter_mut().find(|column| column.name == name) else {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", relation.name);
        return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message));
    };
    column.comment = comment;
    Ok(relation)
}
