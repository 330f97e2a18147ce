//! Equalities on a bucketed column → the buckets that can hold a row.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use peristyle_storage::partition::bucket::buckets_of;

/// The buckets that the filters leave; `None` if they say nothing.
pub(super) fn of_filters(filters: &[Expr], column: &str, buckets: u32) -> Option<BTreeSet<u32>> {
    filters.iter().filter_map(|filter| of(filter, column, buckets)).reduce(|a, b| &a & &b)
}

fn of(filter: &Expr, column: &str, buckets: u32) -> Option<BTreeSet<u32>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (of(left, column, buckets), of(right, column, buckets)) {
                (Some(a), Some(b)) => Some(&a & &b),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(&of(left, column, buckets)? | &of(right, column, buckets)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let value = constant_beside(left, right, column).or_else(|| constant_beside(right, left, column))?;
            Some(BTreeSet::from([bucket(value, buckets)?]))
        }
        Expr::InList(list) if !list.negated && is_column(&list.expr, column) => {
            list.list.iter().map(|value| bucket(literal(value)?, buckets)).collect()
        }
        _ => None,
    }
}

fn constant_beside<'a>(side: &Expr, other: &'a Expr, column: &str) -> Option<&'a ScalarValue> {
    if is_column(side, column) { literal(other) } else { None }
}

/// The column itself. One behind a cast holds values of another kind, which may hash elsewhere.
fn is_column(expression: &Expr, name: &str) -> bool {
    matches!(expression, Expr::Column(column) if column.name == name)
}

fn literal(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

fn bucket(value: &ScalarValue, buckets: u32) -> Option<u32> {
    buckets_of(&value.to_array().ok()?, buckets).ok()?.first().copied()
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn equalities_and_lists_pick_buckets() {
        let five = of_filters(&[col("k").eq(lit(5_i64))], "k", 64).expect("an equality");
        assert_eq!(five.len(), 1);
        assert_eq!(of_filters(&[lit(5_i32).eq(col("k"))], "k", 64), Some(five.clone()), "whatever the integer's width");
        let list = of_filters(&[col("k").in_list(vec![lit(5_i64), lit(6_i64)], false)], "k", 64).expect("a list");
        assert!(list.is_superset(&five));
        assert_eq!(of_filters(&[col("k").gt(lit(5_i64))], "k", 64), None);
        assert_eq!(of_filters(&[col("k").eq(lit(5_i64)).or(col("x").eq(lit(1)))], "k", 64), None);
    }
}
