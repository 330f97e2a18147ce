//! `OVER w` and `OVER (w ORDER BY …)`: windows that are, or begin as, the one of a name. DataFusion knows the first alone,
//! and not in ORDER BY.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, NamedWindowExpr, OrderBy, Select, WindowSpec, WindowType};

use super::from_items::visit_own_exprs;
use crate::error::{SqlError, SqlState};
use crate::names::fold;

/// Gives windows, those of the ORDER BY behind it too, what they take from windows of the same SELECT.
pub(super) fn inherit(select: &mut Select, order_by: &mut Option<OrderBy>) -> Result<(), SqlError> {
    let mut known: Vec<(String, WindowSpec)> = Vec::new();
    for definition in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(window) = &mut definition.1 {
            complete(window, &known)?;
            known.push((fold(&definition.0), window.clone()));
        }
    }
    let mut inherit = |expr: &mut Expr| {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let inherited = match &mut function.over {
            Some(WindowType::WindowSpec(window)) => complete(window, &known),
            Some(WindowType::NamedWindow(name)) => base_of(name, &known).map(|window| {
                function.over = Some(WindowType::WindowSpec(window.clone()));
            }),
            None => Ok(()),
        };
        inherited.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    };
    let inherited = match visit_own_exprs(&mut select.projection, &mut inherit) {
        ControlFlow::Continue(()) => visit_own_exprs(order_by, &mut inherit),
        broken => broken,
    };
    match inherited {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn complete(window: &mut WindowSpec, known: &[(String, WindowSpec)]) -> Result<(), SqlError> {
    let Some(name) = window.window_name.take() else { return Ok(()) };
    let base = base_of(&name, known)?;
    refuse_override(window, base, &name)?;
    window.partition_by = base.partition_by.clone();
    if window.order_by.is_empty() {
        window.order_by = base.order_by.clone();
    }
    Ok(())
}

fn base_of<'k>(name: &Ident, known: &'k [(String, WindowSpec)]) -> Result<&'k WindowSpec, SqlError> {
    let base = known.iter().find(|(known, _)| *known == fold(name)).map(|(_, base)| base);
    base.ok_or_else(|| SqlError::new(SqlState::UNDEFINED_OBJECT, format!("window \"{}\" does not exist", fold(name))))
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
