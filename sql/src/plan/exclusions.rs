//! `EXCLUDE …` in the frames of windows: aggregates are computed by functions of ours there. Other window functions take no
//! notice of a frame.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Statement, Value, VisitMut,
    VisitorMut, WindowSpec, WindowType,
};

use super::Planner;
use crate::error::SqlError;
use crate::functions::excluding::name_of;
use crate::names::fold;
use crate::parse::Exclusion;

/// What the name of a window begins with that a window's exclusion is noted as. No name of a client's holds a control
/// character.
const NOTE: &str = "\u{1}exclude ";

/// Notes the exclusion of a function's window where its parser put a mark, so that no other rewrite takes that for a key.
pub(super) fn note(expr: &mut Expr) {
    if let Some(window) = window_of(expr)
        && let Some(exclusion) = Exclusion::take(window)
    {
        window.window_name = Some(Ident::with_quote('"', format!("{NOTE}{}", exclusion.word())));
    }
}

/// Calls the functions that compute such windows.
pub(super) fn settle(planner: &Planner<'_>, statement: &mut Statement) -> Result<(), SqlError> {
    match statement.visit(&mut Settler { planner }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Settler<'a, 'p> {
    planner: &'a Planner<'p>,
}

impl VisitorMut for Settler<'_, '_> {
    type Break = SqlError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let Some(exclusion) = window_of(expr).and_then(noted) else { return ControlFlow::Continue(()) };
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match self.exclude(function, exclusion) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Settler<'_, '_> {
    fn exclude(&self, function: &mut Function, exclusion: Exclusion) -> Result<(), SqlError> {
        let Some(name) = function.name.0.last().and_then(|part| part.as_ident()).map(fold) else { return Ok(()) };
        if !self.planner.state().aggregate_functions().contains_key(&name) {
            return Ok(());
        }
        if function.filter.is_some() || name == "nth_value" {
            let what = if function.filter.is_some() { "FILTER" } else { "nth_value" };
            return Err(SqlError::unsupported(format!("{what} over a window frame with EXCLUDE is not supported yet")));
        }
        function.name = ObjectName::from(vec![Ident::with_quote('"', name_of(&name, exclusion))]);
        // `count(*)` counts a value that is there in every row.
        if let FunctionArguments::List(list) = &mut function.args
            && let [FunctionArg::Unnamed(argument @ FunctionArgExpr::Wildcard)] = list.args.as_mut_slice()
        {
            *argument = FunctionArgExpr::Expr(Expr::Value(Value::Number("1".to_owned(), false).into()));
        }
        Ok(())
    }
}

fn window_of(expr: &mut Expr) -> Option<&mut WindowSpec> {
    match expr {
        Expr::Function(Function { over: Some(WindowType::WindowSpec(window)), .. }) => Some(window),
        _ => None,
    }
}

fn noted(window: &mut WindowSpec) -> Option<Exclusion> {
    let word = window.window_name.as_ref()?.value.strip_prefix(NOTE)?;
    let exclusion = Exclusion::ALL.iter().copied().find(|exclusion| exclusion.word() == word);
    window.window_name = None;
    exclusion
}
