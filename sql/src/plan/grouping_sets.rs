//! GROUPING SETS that hold others, CUBE and ROLLUP, as the sets that these are.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, ObjectNamePart, Select,
};

use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::parse::NESTED_SETS;

/// Most elements of a CUBE, as PostgreSQL has them.
const CUBE_ELEMENTS_MAX: usize = 12;

type Sets = Vec<Vec<Expr>>;

/// Rewrites the GROUP BY of a SELECT in place.
pub(super) fn unfold(select: &mut Select) -> Result<(), SqlError> {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(()) };
    for key in keys {
        let sets = match key {
            Expr::GroupingSets(sets) => {
                let unfolded = std::mem::take(sets).into_iter().map(sets_of).collect::<Result<Vec<_>, _>>()?;
                unfolded.into_iter().flatten().collect()
            }
            Expr::Rollup(elements) if has_lists(elements) => rollup(elements),
            Expr::Cube(elements) if has_lists(elements) => cube(elements)?,
            _ => continue,
        };
        *key = Expr::GroupingSets(sets);
    }
    Ok(())
}

/// Whether elements are lists of columns, which DataFusion knows of GROUPING SETS alone.
fn has_lists(elements: &[Vec<Expr>]) -> bool {
    elements.iter().any(|element| element.len() != 1)
}

/// All first elements, the longest list first.
pub(super) fn rollup(elements: &[Vec<Expr>]) -> Sets {
    (0..=elements.len()).rev().map(|count| elements[..count].concat()).collect()
}

/// All subsets; 54011 if there are too many elements.
pub(super) fn cube(elements: &[Vec<Expr>]) -> Result<Sets, SqlError> {
    if elements.len() > CUBE_ELEMENTS_MAX {
        let message = format!("CUBE is limited to {CUBE_ELEMENTS_MAX} elements");
        return Err(SqlError::new(SqlState::TOO_MANY_COLUMNS, message));
    }
    let is_in = |set: usize, place: usize| set & (1 << place) != 0;
    let subset = |set: usize| {
        let elements = elements.iter().enumerate().filter(|(place, _)| is_in(set, *place));
        elements.flat_map(|(_, element)| element.clone()).collect()
    };
    Ok((0..1 << elements.len()).rev().map(subset).collect())
}

/// The sets that an element stands for.
fn sets_of(element: Vec<Expr>) -> Result<Sets, SqlError> {
    let [Expr::Function(function)] = element.as_slice() else { return Ok(vec![element]) };
    let Some(name) = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold) else {
        return Ok(vec![element]);
    };
    match (name.as_str(), elements_of(function)) {
        ("rollup", Some(elements)) => Ok(rollup(&elements)),
        ("cube", Some(elements)) => cube(&elements),
        (NESTED_SETS, Some(elements)) => {
            let sets = elements.into_iter().map(sets_of).collect::<Result<Vec<_>, _>>()?;
            Ok(sets.into_iter().flatten().collect())
        }
        _ => Ok(vec![element]),
    }
}

/// What stands in the parentheses, each element as the list of columns that it is.
fn elements_of(function: &Function) -> Option<Sets> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let element = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(columns))) => Some(columns.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Nested(column))) => Some(vec![column.as_ref().clone()]),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(column)) => Some(vec![column.clone()]),
        _ => None,
    };
    list.args.iter().map(element).collect()
}
