//! `generate_series(…)` in FROM.

use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, TableAlias, TableAliasColumnDef, TableFactor, Value, ValueWithSpan,
};

use super::cast_call;
use super::desugar::{call, string};
use super::type_name::pg_type_of_sql;

/// Names the series' one column and keeps its bounds' casts ours.
pub(super) fn rewrite(factor: &mut TableFactor) {
    let (name, alias, args) = match factor {
        TableFactor::Table { name, alias, args: Some(args), .. } => (name, alias, &mut args.args),
        TableFactor::Function { name, alias, args, .. } => (name, alias, args),
        _ => return,
    };
    let Some(function) = name.0.last().and_then(|part| part.as_ident()) else { return };
    if !function.value.eq_ignore_ascii_case("generate_series") {
        return;
    }
    // The column of `generate_series(…) AS n` is called as the table is.
    let function = function.clone();
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: function, columns: vec![], at: None });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
    args.iter_mut().for_each(keep_cast);
}

/// DataFusion folds the casts of literals among a table function's arguments, in its own way and in UTC.
fn keep_cast(arg: &mut FunctionArg) {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else { return };
    let literal = match expr {
        Expr::TypedString(typed) => literal_cast(&typed.value, &typed.data_type),
        Expr::Cast { expr, data_type, .. } => match expr.as_ref() {
            Expr::Value(value) => literal_cast(value, data_type),
            _ => None,
        },
        _ => None,
    };
    if let Some(cast) = literal {
        *expr = cast;
    }
}

fn literal_cast(value: &ValueWithSpan, data_type: &DataType) -> Option<Expr> {
    let Value::SingleQuotedString(_) = &value.value else { return None };
    let target = pg_type_of_sql(data_type).ok()?;
    Some(call(cast_call::NAME, vec![Expr::Value(value.clone()), string(cast_call::target_text(target))]))
}
