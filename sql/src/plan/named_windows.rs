//! `OVER (w ORDER BY …)`: a window that begins as the one of a name. DataFusion knows windows that are nothing but a name.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, NamedWindowExpr, Select, VisitMut, VisitorMut, WindowSpec, WindowType};

use crate::error::{SqlError, SqlState};
use crate::names::fold;

/// Gives windows what they take from windows of the same SELECT.
pub(super) fn inherit(select: &mut Select) -> Result<(), SqlError> {
    let mut known: Vec<(String, WindowSpec)> = Vec::new();
    for definition in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(window) = &mut definition.1 {
            complete(window, &known)?;
            known.push((fold(&definition.0), window.clone()));
        }
    }
    match select.projection.visit(&mut Inheritor { known }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Inheritor {
    known: Vec<(String, WindowSpec)>,
}

impl VisitorMut for Inheritor {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some(WindowType::WindowSpec(window)) = &mut function.over else { return ControlFlow::Continue(()) };
        complete(window, &self.known).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

fn complete(window: &mut WindowSpec, known: &[(String, WindowSpec)]) -> Result<(), SqlError> {
    let Some(name) = window.window_name.take() else { return Ok(()) };
    let Some((_, base)) = known.iter().find(|(known, _)| *known == fold(&name)) else {
        let message = format!("window \"{}\" does not exist", fold(&name));
        return Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message));
    };
    refuse_override(window, base, &name)?;
    window.partition_by = base.partition_by.clone();
    if window.order_by.is_empty() {
        window.order_by = base.order_by.clone();
    }
    Ok(())
}

fn refuse_override(window: &WindowSpec, base: &WindowSpec, name: &Ident) -> Result<(), SqlError> {
    let name = fold(name);
    let message = if !window.partition_by.is_empty() {
        format!("cannot override PARTITION BY clause of window \"{name}\"")
    } else if !window.order_by.is_empty() && !base.order_by.is_empty() {
        format!("cannot override ORDER BY clause of window \"{name}\"")
    } else if base.window_frame.is_some() {
        format!("cannot copy window \"{name}\" because it has a frame clause")
    } else {
        return Ok(());
    };
    Err(SqlError::new(SqlState::WINDOWING_ERROR, message))
}
