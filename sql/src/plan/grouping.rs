//! Keys of GROUP BY that DataFusion does not read: the numbers of results within grouping sets, and DISTINCT.

use std::collections::{BTreeSet, HashSet};

use sqlparser::ast::{Expr, GroupByExpr, Select, SelectItem, Value};

use super::grouping_sets::{cube, rollup};
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::parse::DISTINCT_MARK;

/// Most grouping sets, as PostgreSQL has them.
const SETS_MAX: usize = 4096;

/// Says the keys in ways that are read.
pub(super) fn settle(select: &mut Select) -> Result<(), SqlError> {
    let Select { group_by: GroupByExpr::Expressions(keys, _), projection, .. } = select else { return Ok(()) };
    for key in keys.iter_mut() {
        match key {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                for key in sets.iter_mut().flatten() {
                    refuse_constant(key)?;
                    if let Some(result) = numbered_result(key, projection, "GROUP BY")? {
                        *key = result;
                    }
                }
            }
            key => refuse_constant(key)?,
        }
    }
    let Some(mark) = keys.iter().position(is_mark) else { return Ok(()) };
    keys.remove(mark);
    if keys.iter().any(|key| matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_))) {
        *keys = vec![Expr::GroupingSets(distinct_sets(keys)?)];
    }
    Ok(())
}

/// The result that a key is the number of; `None` for any other key.
pub(super) fn numbered_result(key: &Expr, projection: &[SelectItem], clause: &str) -> Result<Option<Expr>, SqlError> {
    let Expr::Value(value) = key else { return Ok(None) };
    let Value::Number(text, _) = &value.value else { return Ok(None) };
    let place = text.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
    match place.and_then(|place| projection.get(place)) {
        Some(SelectItem::UnnamedExpr(result) | SelectItem::ExprWithAlias { expr: result, .. }) => {
            Ok(Some(result.clone()))
        }
        Some(_) => Err(SqlError::unsupported(format!("a number in {clause} of a list with * is not supported"))),
        None => {
            let message = format!("{clause} position {text} is not in select list");
            Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message))
        }
    }
}

fn refuse_constant(key: &Expr) -> Result<(), SqlError> {
    let Expr::Value(value) = key else { return Ok(()) };
    let is_number = match &value.value {
        Value::Number(text, _) => text.bytes().all(|byte| byte.is_ascii_digit()),
        value => matches!(value, Value::Placeholder(_)),
    };
    if is_number { Ok(()) } else { Err(SqlError::syntax("non-integer constant in GROUP BY")) }
}

fn is_mark(key: &Expr) -> bool {
    matches!(key, Expr::Identifier(name) if fold(name) == DISTINCT_MARK)
}

/// All grouping sets of the keys, those of the same keys once.
fn distinct_sets(keys: &[Expr]) -> Result<Vec<Vec<Expr>>, SqlError> {
    let mut sets = vec![Vec::new()];
    for key in keys {
        let more = sets_of(key)?;
        if sets.len() * more.len() > SETS_MAX {
            let message = format!("too many grouping sets present (maximum {SETS_MAX})");
            return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, message));
        }
        sets = sets.iter().flat_map(|set| more.iter().map(|more| [set.as_slice(), more].concat())).collect();
    }
    for set in &mut sets {
        let mut seen = HashSet::new();
        set.retain(|key| seen.insert(key.to_string()));
    }
    let mut seen = HashSet::new();
    sets.retain(|set| seen.insert(set.iter().map(ToString::to_string).collect::<BTreeSet<_>>()));
    Ok(sets)
}

fn sets_of(key: &Expr) -> Result<Vec<Vec<Expr>>, SqlError> {
    match key {
        Expr::Rollup(elements) => Ok(rollup(elements)),
        Expr::Cube(elements) => cube(elements),
        Expr::GroupingSets(sets) => Ok(sets.clone()),
        key => Ok(vec![vec![key.clone()]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_query;

    fn settled(sql: &str) -> Result<String, SqlError> {
        let mut query = parse_query(sql)?;
        if let sqlparser::ast::SetExpr::Select(select) = query.body.as_mut() {
            settle(select)?;
        }
        Ok(query.to_string())
    }

    #[test]
    fn results_have_numbers_within_sets_too() {
        let text = settled("SELECT a, b + 1 FROM t GROUP BY CUBE (1, 2)").expect("keys");
        assert_eq!(text, "SELECT a, b + 1 FROM t GROUP BY CUBE (a, b + 1)");
        assert!(settled("SELECT a FROM t GROUP BY ROLLUP (2)").is_err());
        assert!(settled("SELECT a FROM t GROUP BY 'x'").is_err());
    }

    #[test]
    fn distinct_sets_are_of_distinct_keys() {
        let text = settled("SELECT a FROM t GROUP BY DISTINCT ROLLUP (a, b), ROLLUP (a)").expect("keys");
        assert_eq!(text, "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a), ())");
        let text = settled("SELECT a FROM t GROUP BY DISTINCT a, CUBE (a, b)").expect("keys");
        assert_eq!(text, "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a))");
        assert_eq!(settled("SELECT a FROM t GROUP BY DISTINCT a").expect("keys"), "SELECT a FROM t GROUP BY a");
    }
}
