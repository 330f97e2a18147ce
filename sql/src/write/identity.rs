//! Columns that only their own rule gives values: GENERATED ALWAYS, and what OVERRIDING says against it.

use std::borrow::Cow;

use peristyle_catalog::model::{Column, ColumnRule};
use sqlparser::ast::{Expr, Ident, Insert, SetExpr};

use super::Target;
use super::literal_rows::is_default;
use crate::error::{SqlError, SqlState};
use crate::parse::Overriding;

/// Refuses values that an INSERT gives for columns that take none.
pub(super) fn check(target: &Target, names: &[String], insert: &Insert) -> Result<(), SqlError> {
    let overriding = Overriding::of(insert);
    if overriding == Some(Overriding::User) && (insert.on.is_some() || !is_values(insert)) {
        return Err(SqlError::unsupported("OVERRIDING USER VALUE is supported with VALUES alone"));
    }
    for (place, name) in names.iter().enumerate() {
        let Some(column) = target.table().column(name) else { continue };
        if gives(insert, place) {
            check_insert(column, overriding)?;
        }
    }
    Ok(())
}

/// The INSERT with DEFAULT for identity columns, where it says that their sequences' values count.
pub(super) fn overridden<'i>(target: &Target, names: &[String], insert: &'i Insert) -> Cow<'i, Insert> {
    if Overriding::of(insert) != Some(Overriding::User) {
        return Cow::Borrowed(insert);
    }
    let is_overridden =
        |name: &String| target.table().column(name).is_some_and(|column| !takes_given(column, Some(Overriding::User)));
    let mut insert = insert.clone();
    if let Some(SetExpr::Values(values)) = insert.source.as_mut().map(|source| source.body.as_mut()) {
        for row in &mut values.rows {
            let cells = row.iter_mut().zip(names).filter(|(_, name)| is_overridden(name));
            cells.for_each(|(cell, _)| *cell = Expr::Identifier(Ident::new("DEFAULT")));
        }
    }
    Cow::Owned(insert)
}

/// 428C9 if an UPDATE gives a column a value that takes none.
pub(crate) fn check_update(column: &Column) -> Result<(), SqlError> {
    match column.rule {
        ColumnRule::Plain | ColumnRule::Identity { is_always: false, .. } => Ok(()),
        ColumnRule::Identity { is_always: true, .. } | ColumnRule::Generated => {
            let message = format!("column \"{}\" can only be updated to DEFAULT", column.name);
            Err(SqlError::new(SqlState::GENERATED_ALWAYS, message).detail(reason(column)))
        }
    }
}

/// 428C9 if an INSERT gives a column a value that takes none.
pub(crate) fn check_insert(column: &Column, overriding: Option<Overriding>) -> Result<(), SqlError> {
    match column.rule {
        ColumnRule::Plain | ColumnRule::Identity { is_always: false, .. } => Ok(()),
        ColumnRule::Identity { is_always: true, .. } if overriding.is_some() => Ok(()),
        ColumnRule::Identity { is_always: true, .. } | ColumnRule::Generated => Err(refused(column)),
    }
}

/// Whether a given value counts, and not that of the column's sequence in its place.
pub(crate) fn takes_given(column: &Column, overriding: Option<Overriding>) -> bool {
    overriding != Some(Overriding::User) || !matches!(column.rule, ColumnRule::Identity { .. })
}

fn is_values(insert: &Insert) -> bool {
    matches!(insert.source.as_ref().map(|source| source.body.as_ref()), Some(SetExpr::Values(_)))
}

/// Whether it gives the column at that place anything but DEFAULT.
fn gives(insert: &Insert, place: usize) -> bool {
    match insert.source.as_ref().map(|source| source.body.as_ref()) {
        None => false,
        Some(SetExpr::Values(values)) => {
            values.rows.iter().any(|row| row.get(place).is_some_and(|cell| !is_default(cell)))
        }
        Some(_) => true,
    }
}

fn refused(column: &Column) -> SqlError {
    let message = format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name);
    let error = SqlError::new(SqlState::GENERATED_ALWAYS, message).detail(reason(column));
    match column.rule {
        ColumnRule::Generated => error,
        _ => error.hint("Use OVERRIDING SYSTEM VALUE to override."),
    }
}

fn reason(column: &Column) -> String {
    match column.rule {
        ColumnRule::Generated => format!("Column \"{}\" is a generated column.", column.name),
        _ => format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name),
    }
}
