//! `f(a, VARIADIC array)`: an array in the place of the last arguments. One that is written out is these arguments;
//! functions that only write their arguments are ones over the array. Any other is left for the planner to refuse.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
};

use super::desugar::{string, take};
use crate::names::fold;
use crate::parse::VARIADIC;

/// Puts the arguments that such an array stands for in its place.
pub(super) fn expand(function: &mut Function) {
    let Some(name) = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold) else { return };
    let FunctionArguments::List(list) = &mut function.args else { return };
    let Some((last, others)) = list.args.split_last_mut() else { return };
    let Some(array) = variadic(last) else { return };
    if let Expr::Array(items) = array {
        list.args = others.iter().cloned().chain(items.elem.drain(..).map(argument)).collect();
        return;
    }
    let separator = match (name.as_str(), &others) {
        ("concat", []) => argument(string("")),
        ("concat_ws", [separator]) => separator.clone(),
        _ => return,
    };
    list.args = vec![argument(take(array)), separator];
    function.name = ObjectName::from(vec![Ident::new("array_to_string")]);
}

fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// The array behind VARIADIC.
fn variadic(argument: &mut FunctionArg) -> Option<&mut Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Prefixed { prefix, value })) if prefix.value == VARIADIC => {
            Some(value)
        }
        _ => None,
    }
}
