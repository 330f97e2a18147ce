//! SEARCH and CYCLE of recursive queries, as PostgreSQL has them: each row carries the rows by which it was reached, or how
//! many these are, in columns of its own.

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Array, BinaryOperator, CaseWhen, CastKind, Cte, DataType, Expr, Ident, Query, Select, SelectItem, SetExpr,
    TableAliasColumnDef, TableFactor, Value, VisitMut, VisitorMut,
};

use super::from_items::{called, factors_of};
use super::output_names::{expression_name, shown};
use super::row_values::{binary, nested};
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::parse::{Cycle, Search, Walk, parse_query};
use crate::semantics::{call, string};

/// What the rows of both terms go by within the terms around them; no client names a relation so by accident.
const STEP: &str = "walked rows";

/// Rewrites the recursive queries of a query that have such clauses.
pub(super) fn settle(query: &mut Query) -> Result<(), SqlError> {
    match query.visit(&mut Walks) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Walks;

impl VisitorMut for Walks {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        let Some(with) = &mut query.with else { return ControlFlow::Continue(()) };
        let is_recursive = with.recursive;
        let settled = with.cte_tables.iter_mut().try_for_each(|cte| match Walk::take(&mut cte.query)? {
            Some(_) if !is_recursive => Err(SqlError::syntax("WITH query is not recursive")),
            Some(walk) => walked(cte, &walk),
            None => Ok(()),
        });
        settled.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

/// A column that the clauses add, as the first term and as the second have it.
struct Added {
    name: String,
    first: Expr,
    second: Expr,
}

fn walked(cte: &mut Cte, walk: &Walk) -> Result<(), SqlError> {
    let name = fold(&cte.alias.name);
    let SetExpr::SetOperation { left, right, .. } = cte.query.body.as_mut() else { return Err(no_union()) };
    let columns = match cte.alias.columns.is_empty() {
        true => results_of(left)?,
        false => cte.alias.columns.iter().map(|column| fold(&column.name)).collect(),
    };
    let added = added_columns(walk, &columns)?;
    let SetExpr::Select(second) = right.as_mut() else { return Err(no_union()) };
    carry(second, &name, &added, walk.cycle.as_ref())?;
    let carried = columns.iter().cloned().chain(added.iter().map(|column| column.name.clone())).collect::<Vec<_>>();
    wrap(left, &columns, &columns, added.iter().map(|column| (&column.name, &column.first)))?;
    wrap(right, &carried, &columns, added.iter().map(|column| (&column.name, &column.second)))?;
    if !cte.alias.columns.is_empty() {
        let named = added.iter().map(|column| TableAliasColumnDef { name: quoted(&column.name), data_type: None });
        cte.alias.columns.extend(named);
    }
    Ok(())
}

fn no_union() -> SqlError {
    SqlError::syntax("with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT")
}

/// The names of the results of the first term.
fn results_of(term: &SetExpr) -> Result<Vec<String>, SqlError> {
    let SetExpr::Select(select) = term else { return Err(no_union()) };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(shown(&fold(alias)).to_owned()),
        SelectItem::UnnamedExpr(expr) => expression_name(expr),
        _ => None,
    };
    let names: Option<Vec<String>> = select.projection.iter().map(name).collect();
    names.ok_or_else(|| {
        SqlError::unsupported("SEARCH or CYCLE of a WITH query whose columns have no names is not supported")
            .hint("Name them behind the name of the WITH query.")
    })
}

fn added_columns(walk: &Walk, columns: &[String]) -> Result<Vec<Added>, SqlError> {
    let mut added = Vec::new();
    if let Some(search) = &walk.search {
        refuse_unknown("search", &search.columns, columns)?;
        added.push(order_of(search));
    }
    if let Some(cycle) = &walk.cycle {
        refuse_unknown("cycle", &cycle.columns, columns)?;
        added.extend(mark_and_path(cycle));
    }
    match added.iter().find(|column| columns.contains(&column.name)) {
        // PostgreSQL says so where the second term reads the column.
        Some(taken) => {
            let message = format!("column reference \"{}\" is ambiguous", taken.name);
            Err(SqlError::new(SqlState::AMBIGUOUS_COLUMN, message))
        }
        None => Ok(added),
    }
}

fn refuse_unknown(clause: &str, named: &[String], columns: &[String]) -> Result<(), SqlError> {
    match named.iter().find(|name| !columns.contains(name)) {
        Some(name) => Err(SqlError::syntax(format!("{clause} column \"{name}\" not in WITH query column list"))),
        None => Ok(()),
    }
}

/// Depth first, the rows from the first on; breadth first, how many there are before, and the row.
fn order_of(search: &Search) -> Added {
    let (name, row) = (search.order.clone(), row_of(&search.columns));
    if !search.is_breadth {
        return Added { first: array_of(row.clone()), second: grown(&name, row), name };
    }
    let values = || search.columns.iter().map(|name| column(name));
    let at_depth = |depth: Expr| Expr::Tuple(std::iter::once(depth).chain(values()).collect());
    let depth = call("get_field", vec![column(&name), string("f1")]);
    let deeper = binary(depth, BinaryOperator::Plus, number("1"));
    Added { first: at_depth(cast_to_bigint(number("0"))), second: at_depth(deeper), name }
}

/// Whether the row was reached before, and the rows from the first on.
fn mark_and_path(cycle: &Cycle) -> [Added; 2] {
    let row = row_of(&cycle.columns);
    let is_reached = Expr::AnyOp {
        left: Box::new(row.clone()),
        compare_op: BinaryOperator::Eq,
        right: Box::new(column(&cycle.path)),
        is_some: false,
    };
    let mark = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: is_reached, result: cycle.value.clone() }],
        else_result: Some(Box::new(cycle.other.clone())),
    };
    let path = Added { name: cycle.path.clone(), first: array_of(row.clone()), second: grown(&cycle.path, row) };
    [Added { name: cycle.mark.clone(), first: cycle.other.clone(), second: mark }, path]
}

fn row_of(columns: &[String]) -> Expr {
    Expr::Tuple(columns.iter().map(|name| column(name)).collect())
}

fn array_of(row: Expr) -> Expr {
    Expr::Array(Array { elem: vec![row], named: true })
}

fn grown(path: &str, row: Expr) -> Expr {
    call("array_append", vec![column(path), row])
}

fn column(name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![quoted(STEP), quoted(name)])
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

fn number(text: &str) -> Expr {
    Expr::Value(Value::Number(text.to_owned(), false).into())
}

fn cast_to_bigint(expr: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type: DataType::BigInt(None),
        array: false,
        format: None,
    }
}

/// Has the second term give what the clauses added to the row that it goes on from, and go on from no row of a cycle.
fn carry(second: &mut Select, name: &str, added: &[Added], cycle: Option<&Cycle>) -> Result<(), SqlError> {
    let is_walk = |factor: &&TableFactor| {
        matches!(factor, TableFactor::Table { name: table, args: None, .. }
            if table.0.last().and_then(|part| part.as_ident()).is_some_and(|ident| fold(ident) == name))
    };
    let walk = factors_of(&second.from).find(is_walk).and_then(called).cloned();
    let walk = walk.ok_or_else(|| {
        SqlError::unsupported("SEARCH or CYCLE of a recursion that does not read itself in FROM is not supported")
    })?;
    let of_walk = |column: &str| Expr::CompoundIdentifier(vec![walk.clone(), quoted(column)]);
    second.projection.extend(added.iter().map(|column| SelectItem::UnnamedExpr(of_walk(&column.name))));
    if let Some(cycle) = cycle {
        let is_open = binary(of_walk(&cycle.mark), BinaryOperator::NotEq, cycle.value.clone());
        second.selection = Some(match second.selection.take() {
            Some(condition) => binary(nested(condition), BinaryOperator::And, is_open),
            None => is_open,
        });
    }
    Ok(())
}

/// A term as the rows of a SELECT around it, which adds columns to those that are `shown`.
fn wrap<'a>(
    term: &mut SetExpr,
    columns: &[String],
    shown: &[String],
    added: impl Iterator<Item = (&'a String, &'a Expr)>,
) -> Result<(), SqlError> {
    let mut around = *parse_query(&format!("SELECT 1 FROM (SELECT 1) AS \"{STEP}\""))?;
    let mut inner = *parse_query("SELECT 1")?;
    if let SetExpr::Select(select) = around.body.as_mut()
        && let Some(TableFactor::Derived { subquery, alias: Some(alias), .. }) =
            select.from.first_mut().map(|from| &mut from.relation)
    {
        std::mem::swap(inner.body.as_mut(), term);
        **subquery = inner;
        let named = columns.iter().map(|name| TableAliasColumnDef { name: quoted(name), data_type: None });
        alias.columns = named.collect();
        let shown = shown.iter().map(|name| SelectItem::ExprWithAlias { expr: column(name), alias: quoted(name) });
        let added = added.map(|(name, expr)| SelectItem::ExprWithAlias { expr: expr.clone(), alias: quoted(name) });
        select.projection = shown.chain(added).collect();
    }
    *term = *around.body;
    Ok(())
}
