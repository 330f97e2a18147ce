//! Clauses of a SELECT in forms that the planner takes: the keys of GROUP BY one by one, one group of everything as an
//! aggregate, the results that DISTINCT ON numbers.

use sqlparser::ast::{BinaryOperator, Distinct, Expr, GroupByExpr, Select};

use super::{grouping, grouping_sets};
use crate::error::SqlError;
use crate::parse::parse_expression;

/// Rewrites the clauses in place.
pub(super) fn normalise(select: &mut Select) -> Result<(), SqlError> {
    grouping_sets::unfold(select)?;
    grouping::settle(select)?;
    let is_one_group = flatten_keys(select) || select.having.is_some() && has_no_keys(select);
    if is_one_group {
        let any = parse_expression("count(*) >= 0")?;
        select.having = Some(match select.having.take() {
            Some(having) => {
                let having = Box::new(Expr::Nested(Box::new(having)));
                Expr::BinaryOp { left: having, op: BinaryOperator::And, right: Box::new(any) }
            }
            None => any,
        });
    }
    distinct_on_results(select)
}

/// The keys of parentheses as keys; whether there is `()` and no key, which makes one group.
fn flatten_keys(select: &mut Select) -> bool {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return false };
    let had_keys = !keys.is_empty();
    let keys_of = |key| match key {
        Expr::Tuple(keys) => keys,
        key => vec![key],
    };
    *keys = std::mem::take(keys).into_iter().flat_map(keys_of).collect();
    had_keys && keys.is_empty()
}

fn has_no_keys(select: &Select) -> bool {
    matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// `DISTINCT ON (1)` is of the first result.
fn distinct_on_results(select: &mut Select) -> Result<(), SqlError> {
    let Some(Distinct::On(keys)) = &mut select.distinct else { return Ok(()) };
    for key in keys {
        if let Some(result) = grouping::numbered_result(key, &select.projection, "SELECT DISTINCT ON")? {
            *key = result;
        }
    }
    Ok(())
}
