//! `EXCLUDE …` in the frames of windows: aggregates are computed by functions of ours there. Other window functions take no
//! notice of a frame.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Statement, Value, VisitMut,
    VisitorMut, WindowSpec, WindowType,
};

use super::Planner;
use crate::error::SqlError;
use crate::functions::choice::CASE;
use crate::functions::excluding::name_of;
use crate::names::fold;
use crate::parse::Exclusion;
use crate::semantics::call;

/// What the name of a window begins with that a window's exclusion is noted as. No name of a client's holds a control
/// character.
const NOTE: &str = "\u{1}exclude ";

/// Aggregates to which NULL is a value, so that one in the place of what a FILTER leaves out would count.
const TAKES_NULL: &[&str] = &["array_agg", "first_value", "last_value"];

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
        let filter = function.filter.take();
        if filter.is_some() && TAKES_NULL.contains(&name.as_str()) {
            let message = format!("FILTER of {name} over a window frame with EXCLUDE is not supported yet");
            return Err(SqlError::unsupported(message));
        }
        function.name = ObjectName::from(vec![Ident::with_quote('"', name_of(&name, exclusion))]);
        if let FunctionArguments::List(list) = &mut function.args
            && let Some(FunctionArg::Unnamed(argument)) = list.args.first_mut()
        {
            // `count(*)` counts a value that is there in every row.
            if matches!(argument, FunctionArgExpr::Wildcard) {
                *argument = FunctionArgExpr::Expr(Expr::Value(Value::Number("1".to_owned(), false).into()));
            }
            if let (Some(filter), FunctionArgExpr::Expr(value)) = (filter, argument) {
                *value = call(CASE, vec![*filter, value.clone()]);
            }
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
