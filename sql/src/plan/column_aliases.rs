//! `FROM t AS u (a)`: an alias that names fewer columns than there are; the others keep their names.

use sqlparser::ast::{Ident, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor};

use super::output_names::{expression_name, shown};
use super::scopes::Scopes;
use crate::names::fold;

/// Names the columns that an item's alias leaves out.
pub(super) fn complete(factor: &mut TableFactor, scopes: &Scopes<'_, '_>) {
    let Some(named) = alias_of(factor).map(|alias| alias.columns.len()).filter(|named| *named > 0) else { return };
    let Some(own) = own_columns(factor, scopes) else { return };
    let others = own
        .into_iter()
        .skip(named)
        .map(|name| TableAliasColumnDef { name: Ident::with_quote('"', name), data_type: None });
    if let Some(alias) = alias_of(factor) {
        alias.columns.extend(others);
    }
}

fn alias_of(factor: &mut TableFactor) -> Option<&mut TableAlias> {
    match factor {
        TableFactor::Table { alias, args: None, .. } | TableFactor::Derived { alias, .. } => alias.as_mut(),
        _ => None,
    }
}

/// The columns by their own names. What a subquery gives shows in its text, where it does not say `*`.
fn own_columns(factor: &TableFactor, scopes: &Scopes<'_, '_>) -> Option<Vec<String>> {
    match factor {
        TableFactor::Derived { subquery, .. } => match subquery.body.as_ref() {
            SetExpr::Values(values) => {
                let count = values.rows.first()?.content.len();
                Some((1..=count).map(|number| format!("column{number}")).collect())
            }
            SetExpr::Select(select) => select.projection.iter().map(result_name).collect(),
            _ => None,
        },
        TableFactor::Table { .. } => {
            let mut unnamed = factor.clone();
            alias_of(&mut unnamed)?.columns.clear();
            scopes.columns_of(&unnamed)
        }
        _ => None,
    }
}

fn result_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(shown(&fold(alias)).to_owned()),
        SelectItem::UnnamedExpr(expr) => expression_name(expr),
        _ => None,
    }
}
