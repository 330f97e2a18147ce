//! `FROM pg_options_to_table(array)`: options as `name=value`, in two columns.

use sqlparser::ast::{Expr, SetExpr, TableAlias, TableFactor};

use crate::parse::parse_query;

pub(super) const FUNCTION: &str = "pg_options_to_table";
/// What the function gives of the array in the place of NULL.
const ROWS: &str = "SELECT split_part(o, '=', 1) AS option_name, nullif(substr(o, strpos(o, '=') + 1), o) AS option_value \
                    FROM LATERAL (SELECT unnest(NULL) AS o) AS options";

/// The function as a lateral subquery.
pub(super) fn derived(array: Expr, alias: Option<TableAlias>) -> Option<TableFactor> {
    let mut rows = parse_query(ROWS).ok()?;
    let SetExpr::Select(select) = rows.body.as_mut() else { return None };
    let TableFactor::Derived { subquery, .. } = &mut select.from.first_mut()?.relation else { return None };
    let SetExpr::Select(inner) = subquery.body.as_mut() else { return None };
    *inner.projection.first_mut().and_then(unnested)? = array;
    let alias =
        alias.unwrap_or_else(|| TableAlias { explicit: true, name: FUNCTION.into(), columns: Vec::new(), at: None });
    Some(TableFactor::Derived { lateral: true, subquery: rows, alias: Some(alias), sample: None })
}

/// The argument of the item's function.
fn unnested(item: &mut sqlparser::ast::SelectItem) -> Option<&mut Expr> {
    use sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments, SelectItem};
    let SelectItem::ExprWithAlias { expr: Expr::Function(function), .. } = item else { return None };
    let FunctionArguments::List(list) = &mut function.args else { return None };
    match list.args.first_mut()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
        _ => None,
    }
}
