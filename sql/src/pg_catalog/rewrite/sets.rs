//! Functions that give sets of rows, and functions in FROM, as the planner knows them: by `unnest` in a select list.
//!
//! - `generate_subscripts(…)`, `jsonb_each(…)` and their kin ([`givers`]) unnest arrays that hold what they give;
//! - `FROM f(…) [WITH ORDINALITY] AS t(a, b)` is `FROM LATERAL (SELECT f(…) AS a, … AS b) AS t`;
//! - `(row).field` reads a field of a record.

mod givers;
mod records;
mod series;
mod words;

use std::collections::HashSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Array, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias,
    TableFactor, Value, VisitMut, VisitorMut, visit_expressions,
};

use super::{call, called, folded, null, options};
use crate::functions::array_parts::ITEMS;
use crate::functions::array_types::ITEM;
use crate::functions::places::ORDINALS;
use crate::functions::{is_scalar, row};
use crate::parse::{ROWS_FROM, parse_query};
use crate::pg_catalog::functions::function_names;
use crate::plan::from_items::factors_of;
use crate::plan::output_names;

const UNNEST: &str = "unnest";

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Sets);
}

struct Sets;

impl VisitorMut for Sets {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let Some(derived) = Source::of(factor).and_then(Source::derived) {
            *factor = derived;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Infallible> {
        qualify_wildcards(select);
        series::read_in_from(select);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::Function(function) => {
                if let Some(set) = set_of(function).or_else(|| typed_items(function)) {
                    *expr = set;
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() {
                    let name = Expr::Value(Value::SingleQuotedString(folded(field)).into());
                    *expr = call("get_field", vec![std::mem::replace(root.as_mut(), null()), name]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `SELECT e FROM jsonb_array_elements(j) AS e`: the name of a table whose function gives one column of another name, and
/// that column, for which the table's name stands too.
pub(crate) fn value_column(factor: &TableFactor) -> Option<(Ident, &'static str)> {
    let source = Source::of(factor).filter(|source| !source.has_ordinality)?;
    let column = givers::own_column(&source.name)?;
    let alias = source.alias.filter(|alias| alias.columns.is_empty())?;
    (folded(&alias.name) != column).then_some((alias.name, column))
}

/// `t.*` where FROM names `s.t` is `s.t.*`.
fn qualify_wildcards(select: &mut Select) {
    let qualified = |table: &ObjectName| {
        let [ObjectNamePart::Identifier(table)] = table.0.as_slice() else { return None };
        factors_of(&select.from).find_map(|factor| match factor {
            TableFactor::Table { name, alias: None, args: None, .. } if name.0.len() > 1 => {
                (last(name)? == folded(table)).then(|| name.clone())
            }
            _ => None,
        })
    };
    let mut projection = select.projection.clone();
    for item in &mut projection {
        if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), _) = item
            && let Some(name) = qualified(table)
        {
            *table = name;
        }
    }
    select.projection = projection;
}

/// What a set-returning function gives, in a select list.
fn set_of(function: &Function) -> Option<Expr> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let arguments = expressions(&function.args)?;
    let item = |array: &str| {
        let array = call(array, arguments.clone());
        call(ITEM, vec![unnest(array.clone()), array])
    };
    if let Some(array) = givers::array_in_select_list(&folded(name)) {
        return Some(item(array));
    }
    let columns = givers::named(&folded(name))?.columns;
    let names: Vec<String> = columns.iter().map(|(column, _)| (*column).to_owned()).collect();
    Some(call(&row::name_of(None, &names, false), columns.iter().map(|(_, array)| item(array)).collect()))
}

/// The names of the columns of a function of that name that gives rows of several.
pub(crate) fn columns_of_rows(function: &Ident) -> Option<Vec<String>> {
    let columns = givers::named(&folded(function))?.columns;
    (columns.len() > 1).then(|| columns.iter().map(|(column, _)| (*column).to_owned()).collect())
}

/// The items of an array of any dimensions, one a row.
fn unnest(array: Expr) -> Expr {
    call(UNNEST, vec![call(ITEMS, vec![array])])
}

/// The items of an array beside the array, of whose items' type they are: the planner takes what a row holds of an array
/// for what its Arrow type is. An array of what is unnested itself is left as it is.
fn typed_items(function: &Function) -> Option<Expr> {
    let [array] = expressions(&function.args).filter(|_| function.over.is_none())?.try_into().ok()?;
    let is_nested = visit_expressions(&array, |expr| match called(expr) {
        Some(name) if name == UNNEST => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let is_unnest = last(&function.name)? == UNNEST && is_nested.is_continue();
    is_unnest.then(|| call(ITEM, vec![unnest(array.clone()), array]))
}

fn expressions(arguments: &FunctionArguments) -> Option<Vec<Expr>> {
    match arguments {
        FunctionArguments::List(list) if list.clauses.is_empty() => unnamed(&list.args),
        _ => None,
    }
}

fn unnamed(arguments: &[FunctionArg]) -> Option<Vec<Expr>> {
    let expression = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    arguments.iter().map(expression).collect()
}

/// A function in FROM.
struct Source {
    name: String,
    arguments: Vec<Expr>,
    has_ordinality: bool,
    alias: Option<TableAlias>,
}

impl Source {
    fn of(factor: &TableFactor) -> Option<Source> {
        let (name, arguments, has_ordinality, alias) = match factor {
            TableFactor::Table { name, args: Some(args), with_ordinality, alias, .. } => {
                (last(name)?, unnamed(&args.args)?, *with_ordinality, alias)
            }
            TableFactor::Table { name, args: None, with_ordinality, alias, .. } => {
                (words::word(name)?, Vec::new(), *with_ordinality, alias)
            }
            TableFactor::Function { name, args, with_ordinality, alias, .. } => {
                (last(name)?, unnamed(args)?, *with_ordinality, alias)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality, .. } => {
                ("unnest".to_owned(), array_exprs.clone(), *with_ordinality, alias)
            }
            _ => return None,
        };
        Some(Source { name, arguments, has_ordinality, alias: alias.clone() })
    }

    /// The subquery in its place; `None` for functions that the planner knows as tables, and for no functions.
    fn derived(self) -> Option<TableFactor> {
        if self.name == "pg_show_all_settings" && self.arguments.is_empty() && !self.has_ordinality {
            let query = parse_query("SELECT * FROM pg_catalog.pg_settings").expect("a constant text parses");
            let alias = self.alias.or_else(|| Some(alias_of(Ident::new(self.name))));
            return Some(TableFactor::Derived { lateral: false, subquery: query, alias, sample: None });
        }
        if let [array] = self.arguments.as_slice()
            && self.name == options::FUNCTION
        {
            return options::derived(array.clone(), self.alias);
        }
        let lateral = self.arguments.iter().any(reads_columns);
        if let [argument] = self.arguments.as_slice()
            && let Some(records) = records::derived(&self.name, argument, self.alias.as_ref(), lateral)
        {
            return Some(records);
        }
        if self.name == "generate_series" && !lateral && !self.has_ordinality {
            return None;
        }
        if let Some(numbered) = series::numbered(&self) {
            return Some(numbered);
        }
        let columns = self.columns()?;
        let name = self.alias.as_ref().map_or_else(|| Ident::new(self.name), |alias| alias.name.clone());
        let subquery = Box::new(select_of(columns));
        Some(TableFactor::Derived { lateral, subquery, alias: Some(alias_of(name)), sample: None })
    }

    /// Its columns with their names.
    fn columns(&self) -> Option<Vec<(Expr, Ident)>> {
        let Some(arrays) = self.arrays() else { return self.scalar() };
        let is_scalar = arrays.len() == 1 && givers::own_column(&self.name).is_none();
        let mut columns: Vec<(Expr, Ident)> =
            arrays.iter().map(|(array, name)| (unnest(array.clone()), Ident::new(name))).collect();
        if self.has_ordinality {
            let ordinals = call(ORDINALS, arrays.into_iter().map(|(array, _)| array).collect());
            columns.push((super::cast_to_bigint(unnest(ordinals)), Ident::new("ordinality")));
        }
        Some(self.named(columns, is_scalar))
    }

    /// The functions beside each other of `ROWS FROM (f(…), g(…))`, each of a value as an array of it.
    fn arrays_beside(&self) -> Option<Vec<(Expr, String)>> {
        let mut arrays = Vec::new();
        for part in &self.arguments {
            let Expr::Function(function) = part else { return None };
            let (name, arguments) = (last(&function.name)?, expressions(&function.args)?);
            let part = Source { name, arguments, has_ordinality: false, alias: None };
            match part.arrays() {
                Some(own) => arrays.extend(own),
                None => {
                    let value = call(&part.name, part.arguments);
                    let array = Expr::Array(Array { elem: vec![value], named: true });
                    arrays.push((array, part.name));
                }
            }
        }
        Some(arrays)
    }

    /// The arrays of what it gives, each with its column's name.
    fn arrays(&self) -> Option<Vec<(Expr, String)>> {
        if self.name == ROWS_FROM {
            return self.arrays_beside();
        }
        let called = |array: &str| call(array, self.arguments.clone());
        let unnested = |array: &Expr| (array.clone(), "unnest".to_owned());
        match (self.name.as_str(), self.arguments.as_slice()) {
            ("unnest", [_, ..]) => Some(self.arguments.iter().map(unnested).collect()),
            ("_pg_expandarray", [array]) => {
                Some(vec![(array.clone(), "x".to_owned()), (call(ORDINALS, vec![array.clone()]), "n".to_owned())])
            }
            (name, _) => {
                let columns = givers::named(name)?.columns.iter();
                Some(columns.map(|(column, array)| (called(array), (*column).to_owned())).collect())
            }
        }
    }

    /// The one row of a function that gives a value.
    fn scalar(&self) -> Option<Vec<(Expr, Ident)>> {
        if !is_function(&self.name) && !words::stands_for_value(&self.name) {
            return None;
        }
        let mut columns = vec![(self.value(), Ident::new(&self.name))];
        if self.has_ordinality {
            columns.push((super::cast_to_bigint(one()), Ident::new("ordinality")));
        }
        Some(self.named(columns, true))
    }

    fn value(&self) -> Expr {
        words::value(&self.name).unwrap_or_else(|| call(&self.name, self.arguments.clone()))
    }

    /// The columns under the names that the alias gives them, no two of one name.
    fn named(&self, columns: Vec<(Expr, Ident)>, is_scalar: bool) -> Vec<(Expr, Ident)> {
        let mut taken = HashSet::new();
        let named = columns.into_iter().enumerate().map(|(place, (expr, name))| {
            let name = self.column_name(place, is_scalar).unwrap_or(name);
            let is_free = taken.insert(folded(&name));
            (expr, if is_free { name } else { Ident::with_quote('"', output_names::apart(&folded(&name), place)) })
        });
        named.collect()
    }

    /// The name that the alias gives a column. That of a single column is the table's own.
    fn column_name(&self, place: usize, is_scalar: bool) -> Option<Ident> {
        let alias = self.alias.as_ref()?;
        let named = alias.columns.get(place).map(|column| column.name.clone());
        named.or_else(|| (is_scalar && place == 0).then(|| alias.name.clone()))
    }
}

fn alias_of(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(folded)
}

fn is_function(name: &str) -> bool {
    is_scalar(name) || function_names().any(|function| function == name)
}

/// Whether a function gives rows.
pub(super) fn gives_rows(name: &str) -> bool {
    matches!(name, UNNEST | "_pg_expandarray") || givers::named(name).is_some()
}

fn reads_columns(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn one() -> Expr {
    Expr::Value(Value::Number("1".to_owned(), false).into())
}

/// A SELECT of those columns from nowhere.
fn select_of(columns: Vec<(Expr, Ident)>) -> Query {
    let items = columns.into_iter().map(|(expr, alias)| SelectItem::ExprWithAlias { expr, alias });
    let mut query = *parse_query("SELECT 1").expect("a constant text parses");
    if let SetExpr::Select(select) = query.body.as_mut() {
        let select: &mut Select = select;
        select.projection = items.collect();
    }
    query
}
