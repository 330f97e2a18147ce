//! A relation's name where a value may stand is its row. Functions that make JSON of it, as `row_to_json(t)`, get an object
//! of its columns; in a list of results, as in `SELECT t FROM t`, it is a value of the relation's row type. `(a, b)` there is a
//! row too.

use std::ops::ControlFlow;

use peristyle_catalog::model::{Oid, PgType, RelationKind};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
    WildcardAdditionalOptions, With,
};

use super::{Planner, output_names};
use crate::error::SqlError;
use crate::functions::json_build::JSON_ROW;
use crate::functions::row;
use crate::names::{QualifiedName, fold};
use crate::parse::parse_query;

/// Functions that take a row.
const OF_ROWS: &[&str] = &["row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg"];

/// Replaces rows by objects.
pub(super) fn expand(
    planner: &Planner<'_>,
    statement: &mut Statement,
    types: &[Option<PgType>],
) -> Result<(), SqlError> {
    let mut expander = Expander { planner, types, queries: Vec::new(), selects: Vec::new() };
    match statement.visit(&mut expander) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Expander<'a, 'p> {
    planner: &'a Planner<'p>,
    types: &'a [Option<PgType>],
    /// The WITH of each query around.
    queries: Vec<Option<With>>,
    /// What each SELECT around reads from.
    selects: Vec<Vec<TableWithJoins>>,
}

impl VisitorMut for Expander<'_, '_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.queries.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<SqlError> {
        self.queries.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        self.selects.push(select.from.clone());
        match select.projection.iter_mut().try_for_each(|item| self.show_row(item)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<SqlError> {
        self.selects.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some(name) = row_name(function) else { return ControlFlow::Continue(()) };
        match self.columns(&fold(&name)) {
            Ok(Some(columns)) => replace_row(function, &name, &columns),
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

impl Expander<'_, '_> {
    /// Makes a row of a result that is a relation's name or a list of values.
    fn show_row(&self, item: &mut SelectItem) -> Result<(), SqlError> {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = &mut *item else {
            return Ok(());
        };
        match expr {
            Expr::Tuple(values) if !values.is_empty() => *expr = row_of("row", std::mem::take(values)),
            Expr::Identifier(name) => {
                let name = name.clone();
                let Some(row) = self.row(&name)? else { return Ok(()) };
                *expr = row;
                if let SelectItem::UnnamedExpr(row) = item {
                    let alias = Ident::with_quote('"', fold(&name));
                    *item = SelectItem::ExprWithAlias { expr: row.clone(), alias };
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The row of the relation of that name, unless a column that is read here has the name.
    fn row(&self, name: &Ident) -> Result<Option<Expr>, SqlError> {
        let factors: Vec<&TableFactor> = self.selects.last().into_iter().flat_map(|from| factors_of(from)).collect();
        let named = fold(name);
        let own = factors.iter().find(|factor| called(factor).as_deref() == Some(&named));
        // A function that gives one column has it under the function's name.
        let Some(own) = own.filter(|own| stands_alone(own)) else { return Ok(None) };
        for factor in factors.iter().filter(|factor| stands_alone(factor)) {
            if self.columns_of(factor)?.contains(&named) {
                return Ok(None);
            }
        }
        let value = |column: String| Expr::CompoundIdentifier(vec![name.clone(), Ident::with_quote('"', column)]);
        let function = self.row_type(own).map_or_else(|| "row".to_owned(), row::name_of_type);
        Ok(Some(row_of(&function, self.columns_of(own)?.into_iter().map(value).collect())))
    }

    /// The row type of what is read, if that is a table or view.
    fn row_type(&self, factor: &TableFactor) -> Option<Oid> {
        let TableFactor::Table { name, args: None, .. } = factor else { return None };
        let scope = self.planner.provider.scope();
        let name = QualifiedName::of(scope, name).ok()?;
        let ctes = self.queries.iter().flatten().flat_map(|with| &with.cte_tables);
        let is_cte = name.schema().is_none() && ctes.map(|cte| fold(&cte.alias.name)).any(|cte| cte == name.name);
        let relation = scope.relation(name.schema(), &name.name).filter(|_| !is_cte)?;
        match &relation.kind {
            RelationKind::Table(table) => Some(table.row_type),
            RelationKind::View(view) => Some(view.row_type),
            RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => None,
        }
    }

    /// The columns of the relation of that name, unless a column of the name hides it.
    fn columns(&self, name: &str) -> Result<Option<Vec<String>>, SqlError> {
        for from in self.selects.iter().rev() {
            let Some(own) = factors_of(from).find(|factor| called(factor).as_deref() == Some(name)) else { continue };
            let columns = self.columns_of(own)?;
            return Ok(Some(columns).filter(|columns| !columns.iter().any(|column| column == name)));
        }
        Ok(None)
    }

    fn columns_of(&self, factor: &TableFactor) -> Result<Vec<String>, SqlError> {
        let mut query = parse_query("SELECT 1 FROM nothing")?;
        query.with = self.queries.iter().rev().find_map(Clone::clone);
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.from = vec![TableWithJoins { relation: factor.clone(), joins: Vec::new() }];
        }
        let plan = self.planner.query(&query, self.types)?;
        Ok(plan.schema().fields().iter().map(|field| output_names::shown(field.name()).to_owned()).collect())
    }
}

/// What a FROM clause reads, in order.
fn factors_of(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    from.iter()
        .flat_map(|tables| std::iter::once(&tables.relation).chain(tables.joins.iter().map(|join| &join.relation)))
}

/// Whether it can be planned without what stands beside it.
fn stands_alone(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { args, .. } => args.is_none(),
        TableFactor::Derived { lateral, .. } => !lateral,
        TableFactor::Function { .. } | TableFactor::UNNEST { .. } => false,
        _ => true,
    }
}

fn row_of(function: &str, values: Vec<Expr>) -> Expr {
    let mut row = function_of(function);
    let args = values.into_iter().map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value))).collect();
    row.args = FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() });
    Expr::Function(row)
}

/// The name that a FROM item goes by.
fn called(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(fold(&alias.name))
        }
        TableFactor::Table { name, alias: None, args: None, .. } => name.0.last()?.as_ident().map(fold),
        _ => None,
    }
}

/// The bare name that a function of rows is given.
fn row_name(function: &Function) -> Option<Ident> {
    let name = function.name.0.last()?.as_ident().map(fold)?;
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(row)))] if OF_ROWS.contains(&name.as_str()) => {
            Some(row.clone())
        }
        _ => None,
    }
}

fn replace_row(function: &mut Function, row: &Ident, columns: &[String]) {
    let argument = |expr: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let members = columns.iter().flat_map(|column| {
        let key = Expr::Value(Value::SingleQuotedString(column.clone()).into());
        let value = Expr::CompoundIdentifier(vec![row.clone(), Ident::with_quote('"', column)]);
        [argument(key), argument(value)]
    });
    let members = FunctionArgumentList { duplicate_treatment: None, args: members.collect(), clauses: Vec::new() };
    let name = function.name.to_string().to_lowercase();
    let mut built = function_of(if name.contains("jsonb") { "jsonb_build_object" } else { JSON_ROW });
    built.args = FunctionArguments::List(members);
    if name.ends_with("row_to_json") {
        *function = built;
    } else if let FunctionArguments::List(list) = &mut function.args {
        list.args[0] = argument(Expr::Function(built));
    }
}

fn function_of(name: &str) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}
