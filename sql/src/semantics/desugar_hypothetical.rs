//! `rank(4000) WITHIN GROUP (ORDER BY pay)` and its like: what a window function would give a row that is not there, by
//! counts of the rows that would stand before it.

use sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    OrderByExpr, Value,
};

use super::desugar::{call, call_with, cast};
use crate::functions::choice::CASE;

/// The expression in place of such an aggregate; `None` for one whose form is another.
pub(super) fn rewrite(name: &str, function: &Function) -> Option<Expr> {
    let row = HypotheticalRow::of(function)?;
    match name {
        "rank" => Some(plus_one(row.count(None, Some(row.is_behind()?)))),
        "dense_rank" => row.distinct_before().map(plus_one),
        "percent_rank" => {
            let before = float(row.count(None, Some(row.is_behind()?)));
            let share = binary(before, BinaryOperator::Divide, float(row.count_or_null()));
            Some(call("coalesce", vec![share, float(number("0"))]))
        }
        "cume_dist" => {
            let up_to = Expr::Nested(Box::new(binary(row.is_behind()?, BinaryOperator::Or, row.is_equal()?)));
            let [up_to, all] = [Some(up_to), None].map(|rows| float(plus_one(row.count(None, rows))));
            Some(binary(up_to, BinaryOperator::Divide, all))
        }
        _ => None,
    }
}

/// The row that is not there: a value for each key of the order.
struct HypotheticalRow<'a> {
    keys: Vec<(&'a OrderByExpr, &'a Expr)>,
    function: &'a Function,
}

impl<'a> HypotheticalRow<'a> {
    fn of(function: &'a Function) -> Option<HypotheticalRow<'a>> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let value = |arg: &'a FunctionArg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
            _ => None,
        };
        let values = list.args.iter().map(value).collect::<Option<Vec<_>>>()?;
        let order = &function.within_group;
        let fits = !order.is_empty() && order.len() == values.len();
        fits.then(|| HypotheticalRow { keys: order.iter().zip(values).collect(), function })
    }

    /// Whether the row stands behind one that is there.
    fn is_behind(&self) -> Option<Expr> {
        let mut behind: Option<Expr> = None;
        for (key, value) in self.keys.iter().rev() {
            let by_key = comes_before(key, value);
            behind = Some(match behind {
                None => by_key,
                Some(by_others) => {
                    let by_others = binary(equals(key, value), BinaryOperator::And, by_others);
                    nested(binary(by_key, BinaryOperator::Or, nested(by_others)))
                }
            });
        }
        behind
    }

    fn is_equal(&self) -> Option<Expr> {
        let equal = self.keys.iter().map(|(key, value)| equals(key, value));
        equal.reduce(|all, one| binary(all, BinaryOperator::And, one)).map(nested)
    }

    /// `count(item) FILTER (WHERE rows)`, of all rows that the aggregate's own filter lets through; without an item `count(*)`.
    fn count(&self, item: Option<Expr>, rows: Option<Expr>) -> Expr {
        let is_distinct = item.is_some();
        let item = item.map_or(FunctionArgExpr::Wildcard, FunctionArgExpr::Expr);
        let mut counted = call_with("count", vec![FunctionArg::Unnamed(item)]);
        if let Expr::Function(count) = &mut counted {
            let own = self.function.filter.as_deref().cloned().map(nested);
            let filter = own.into_iter().chain(rows);
            count.filter = filter.reduce(|own, rows| binary(own, BinaryOperator::And, rows)).map(Box::new);
            if let FunctionArguments::List(list) = &mut count.args {
                list.duplicate_treatment = is_distinct.then_some(DuplicateTreatment::Distinct);
            }
        }
        counted
    }

    fn count_or_null(&self) -> Expr {
        call("nullif", vec![self.count(None, None), number("0")])
    }

    /// How many values of the one key stand before; NULL is one.
    fn distinct_before(&self) -> Option<Expr> {
        let [(key, _)] = self.keys.as_slice() else { return None };
        let behind = self.is_behind()?;
        let values = self.count(Some(key.expr.clone()), Some(behind.clone()));
        let is_null = Expr::IsNull(Box::new(nested(key.expr.clone())));
        let nulls = self.count(None, Some(binary(behind, BinaryOperator::And, is_null)));
        let has_nulls = binary(nulls, BinaryOperator::Gt, number("0"));
        Some(binary(values, BinaryOperator::Plus, call(CASE, vec![has_nulls, number("1"), number("0")])))
    }
}

/// Whether a row comes before one that has the value, by that key alone.
fn comes_before(key: &OrderByExpr, value: &Expr) -> Expr {
    let is_ascending = key.options.asc.unwrap_or(true);
    let nulls_first = key.options.nulls_first.unwrap_or(!is_ascending);
    let op = if is_ascending { BinaryOperator::Lt } else { BinaryOperator::Gt };
    let by_value = binary(nested(key.expr.clone()), op, nested(value.clone()));
    let (null, other) = if nulls_first { (&key.expr, value) } else { (value, &key.expr) };
    let null = Expr::IsNull(Box::new(nested(null.clone())));
    let other = Expr::IsNotNull(Box::new(nested(other.clone())));
    nested(binary(by_value, BinaryOperator::Or, nested(binary(null, BinaryOperator::And, other))))
}

fn equals(key: &OrderByExpr, value: &Expr) -> Expr {
    let (key, value) = (nested(key.expr.clone()), nested(value.clone()));
    Expr::IsNotDistinctFrom(Box::new(key), Box::new(value))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn number(digits: &str) -> Expr {
    cast(Expr::Value(Value::Number(digits.to_owned(), false).into()), DataType::BigInt(None))
}

fn plus_one(count: Expr) -> Expr {
    nested(binary(count, BinaryOperator::Plus, number("1")))
}

fn float(expr: Expr) -> Expr {
    cast(expr, DataType::Float8)
}
