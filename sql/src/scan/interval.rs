//! Predicates over time → half-open ranges of the column itself.
//!
//! `date_trunc('day', ts) = X`, `ts::date = X`, `extract(epoch from ts) >= X` all say that `ts` lies in an interval,
//! if the function never decreases. Which interval is found by evaluating the predicate itself: where a predicate of
//! a non-decreasing function turns from false to true is searched over the µs from year 1 to 9999, many points at a
//! time. So every function that is known not to decrease prunes, in any time zone, with its own arithmetic. The range
//! only adds to what the statement says; the predicate itself is still applied to every row.
//!
//! Local time goes back where daylight saving ends, so what is computed of it may turn more than once within hours.
//! All turns near the one that was found are looked for, and the range takes the outermost.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, TryCast};
use datafusion::physical_plan::PhysicalExpr;

use crate::functions::extract;

/// 0001-01-01 and 10000-01-01 in µs: where the search looks. Beyond it nothing is excluded.
const FIRST_MICROS: i64 = -62_135_596_800_000_000;
const END_MICROS: i64 = 253_402_300_800_000_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Points that one evaluation looks at.
const POINTS: i64 = 1024;
/// How far from a turn there may be others: the furthest that a zone's clocks went back is a day.
const NEAR_MICROS: i64 = 25 * 3600 * 1_000_000;
/// Clocks change by whole minutes.
const MICROS_PER_MINUTE: i64 = 60_000_000;
/// Functions that never decrease in the argument at that place, the others constant, but for where clocks go back.
const NON_DECREASING: &[(&str, usize)] = &[
    ("date_trunc", 1),
    ("date_bin", 1),
    ("timezone", 1),
    ("to_timestamp", 0),
    ("floor", 0),
    ("ceil", 0),
    ("trunc", 0),
    ("round", 0),
    ("pg_op_add", 0),
    ("pg_op_subtract", 0),
    ("pg_op_time_add", 0),
    ("pg_op_time_subtract", 0),
];
/// Fields that `extract` and `date_part` count without starting over.
const NON_DECREASING_FIELDS: &[&str] = &["epoch", "year", "isoyear", "decade", "century", "millennium", "julian"];

/// Values that a time column may have: µs since 1970 (days × µs for a date), `from` included, `to` not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

impl Interval {
    pub(super) fn is_unbounded(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    fn intersect(self, other: Interval) -> Interval {
        Interval { from: self.from.max(other.from), to: earlier(self.to, other.to) }
    }
}

fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}

/// What the filters say of a time column.
pub(super) fn of_filters(state: &dyn Session, filters: &[Expr], column: &Field) -> Interval {
    let searcher = Searcher { state, column };
    filters.iter().fold(Interval::default(), |found, filter| found.intersect(searcher.of(filter)))
}

/// Whether a column is one that intervals are found for.
pub(super) fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _))
}

struct Searcher<'a> {
    state: &'a dyn Session,
    column: &'a Field,
}

impl Searcher<'_> {
    fn of(&self, filter: &Expr) -> Interval {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => self.of(left).intersect(self.of(right)),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => hull(self.of(left), self.of(right)),
            Expr::BinaryExpr(comparison) => self.of_comparison(comparison),
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let from = self.compare(expr, Operator::GtEq, low);
                from.intersect(self.compare(expr, Operator::LtEq, high))
            }
            Expr::InList(list) if !list.negated => {
                let each = list.list.iter().map(|value| self.equal(&list.expr, value));
                each.reduce(hull).unwrap_or_default()
            }
            _ => Interval::default(),
        }
    }

    fn of_comparison(&self, comparison: &BinaryExpr) -> Interval {
        let BinaryExpr { left, op, right } = comparison;
        if is_constant(right) {
            return self.compare_or_equal(left, *op, right);
        }
        match op.swap() {
            Some(swapped) if is_constant(left) => self.compare_or_equal(right, swapped, left),
            _ => Interval::default(),
        }
    }

    fn compare_or_equal(&self, side: &Expr, op: Operator, constant: &Expr) -> Interval {
        match op {
            Operator::Eq | Operator::IsNotDistinctFrom => self.equal(side, constant),
            Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq => self.compare(side, op, constant),
            _ => Interval::default(),
        }
    }

    fn equal(&self, side: &Expr, constant: &Expr) -> Interval {
        self.compare(side, Operator::GtEq, constant).intersect(self.compare(side, Operator::LtEq, constant))
    }

    /// The interval of `side op constant` for an order operator, unbounded if nothing is known.
    fn compare(&self, side: &Expr, op: Operator, constant: &Expr) -> Interval {
        if !is_constant(constant) || !self.never_decreases(side) {
            return Interval::default();
        }
        let predicate = Expr::BinaryExpr(BinaryExpr::new(Box::new(side.clone()), op, Box::new(constant.clone())));
        let rising = matches!(op, Operator::Gt | Operator::GtEq);
        let turns_once = matches!(side, Expr::Column(_)) || *self.column.data_type() == DataType::Date32;
        self.search(&predicate, rising, turns_once).unwrap_or_default()
    }

    /// Whether the expression is a function of the column alone that never decreases.
    fn never_decreases(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Column(column) => column.name == *self.column.name(),
            Expr::Cast(Cast { expr, field }) => self.never_decreases(expr) && keeps_order(field.data_type()),
            Expr::TryCast(TryCast { expr, field }) => self.never_decreases(expr) && keeps_order(field.data_type()),
            Expr::Alias(alias) => self.never_decreases(&alias.expr),
            Expr::ScalarFunction(function) => {
                let place = match crate::semantics::is_order_keeping_cast(expression) {
                    true => Some(0),
                    false => non_decreasing_place(function.name(), &function.args),
                };
                let others_are_constant =
                    |place| function.args.iter().enumerate().all(|(at, arg)| at == place || is_constant(arg));
                place.is_some_and(|at| others_are_constant(at) && self.never_decreases(&function.args[at]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus | Operator::Minus, right }) => {
                self.never_decreases(left) && is_shift(right)
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Multiply | Operator::Divide, right }) => {
                self.never_decreases(left) && is_positive(right)
            }
            _ => false,
        }
    }

    /// Where the predicate turns. `rising`: false below and true above.
    fn search(&self, predicate: &Expr, rising: bool, turns_once: bool) -> Option<Interval> {
        let schema = Schema::new(vec![self.column.clone().with_nullable(true)]);
        let predicate = unqualified(predicate)?;
        let df_schema = DFSchema::try_from(schema.clone()).ok()?;
        let physical = self.state.create_physical_expr(predicate, &df_schema).ok()?;
        let holds = |points: &[i64]| self.evaluate(&physical, &schema, points);
        let ends = holds(&[FIRST_MICROS, END_MICROS])?;
        let turned = |value: bool| value == rising;
        if turned(ends[0]) || !turned(ends[1]) {
            // It never turns within the range: true or false everywhere, nothing to say either way.
            return None;
        }
        let (mut before, mut after) = (FIRST_MICROS, END_MICROS);
        while after - before > 1 {
            let step = ((after - before) / POINTS).max(1);
            let points: Vec<i64> = (1..).map(|i| before + i * step).take_while(|point| *point < after).collect();
            let values = holds(&points)?;
            let first = values.iter().position(|value| turned(*value));
            let (low, high) = match first {
                Some(0) => (before, points[0]),
                Some(at) => (points[at - 1], points[at]),
                None => (*points.last()?, after),
            };
            (before, after) = (low, high);
        }
        let turn = if turns_once { after } else { outermost_turn(after, rising, holds)? };
        Some(if rising { Interval { from: Some(turn), to: None } } else { Interval { from: None, to: Some(turn) } })
    }

    /// The predicate at some points; `None` if it fails there or is NULL.
    fn evaluate(&self, predicate: &Arc<dyn PhysicalExpr>, schema: &Schema, points: &[i64]) -> Option<Vec<bool>> {
        let array: ArrayRef = match self.column.data_type() {
            DataType::Date32 => Arc::new(Date32Array::from_iter_values(
                points.iter().map(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX)),
            )),
            DataType::Timestamp(_, zone) => {
                Arc::new(TimestampMicrosecondArray::from(points.to_vec()).with_timezone_opt(zone.clone()))
            }
            _ => return None,
        };
        let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![array]).ok()?;
        let values = predicate.evaluate(&batch).ok()?.into_array(points.len()).ok()?;
        let values: &BooleanArray = values.as_boolean_opt()?;
        (values.null_count() == 0).then(|| values.iter().flatten().collect())
    }
}

/// The first place near a turn from which on a rising predicate may hold, or the last up to which a falling one may.
fn outermost_turn(turn: i64, rising: bool, holds: impl Fn(&[i64]) -> Option<Vec<bool>>) -> Option<i64> {
    let first_minute = turn.div_euclid(MICROS_PER_MINUTE) * MICROS_PER_MINUTE;
    let step = if rising { -MICROS_PER_MINUTE } else { MICROS_PER_MINUTE };
    let points: Vec<i64> = (1..=NEAR_MICROS / MICROS_PER_MINUTE).map(|minute| first_minute + minute * step).collect();
    let furthest = holds(&points)?.iter().rposition(|&held| held);
    // Between that minute and the next further one it turned.
    Some(furthest.map_or(turn, |at| points[at] + step))
}

fn hull(a: Interval, b: Interval) -> Interval {
    let from = a.from.zip(b.from).map(|(a, b)| a.min(b));
    let to = a.to.zip(b.to).map(|(a, b)| a.max(b));
    Interval { from, to }
}

fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(..) => true,
        Expr::Cast(Cast { expr, .. }) => is_constant(expr),
        _ => false,
    }
}

fn is_positive(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Float64) {
            Ok(ScalarValue::Float64(Some(number))) => number > 0.0,
            _ => false,
        },
        Expr::Cast(Cast { expr, .. }) => is_positive(expr),
        _ => false,
    }
}

/// A constant that moves every time by the same, and every number: months differ in length.
fn is_shift(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => interval.months == 0,
        Expr::Literal(ScalarValue::IntervalYearMonth(_), _) => false,
        other => matches!(other, Expr::Literal(..)),
    }
}

/// A cast of a time to one of these never decreases, but for where clocks go back.
fn keeps_order(to: &DataType) -> bool {
    matches!(to, DataType::Timestamp(..) | DataType::Date32) || to.is_numeric()
}

/// The place of the argument in which a call never decreases.
fn non_decreasing_place(name: &str, args: &[Expr]) -> Option<usize> {
    let is_extract = name == "date_part" || extract::NAMES.contains(&name);
    let place = if is_extract { 1 } else { NON_DECREASING.iter().find(|(known, _)| *known == name)?.1 };
    let keeps = match name {
        _ if is_extract => args.first().is_some_and(counts_on),
        "pg_op_add" | "pg_op_subtract" | "pg_op_time_add" | "pg_op_time_subtract" => args.last().is_some_and(is_shift),
        _ => true,
    };
    (keeps && place < args.len()).then_some(place)
}

/// Whether a field does not start over.
fn counts_on(field: &Expr) -> bool {
    let Expr::Literal(field, _) = field else { return false };
    let field = field.try_as_str().flatten().unwrap_or_default().to_lowercase();
    NON_DECREASING_FIELDS.contains(&field.as_str())
}

/// The predicate over the bare column.
fn unqualified(predicate: &Expr) -> Option<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let bare = predicate.clone().transform(|expression| {
        Ok(match expression {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(datafusion::common::Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    });
    bare.ok().map(|transformed| transformed.data)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::prelude::SessionContext;

    use super::*;

    fn interval(filters: &[Expr]) -> Interval {
        let state = SessionContext::new().state();
        let field = Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true);
        of_filters(&state, filters, &field)
    }

    fn at(micros: i64) -> Expr {
        lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
    }

    const DAY: i64 = MICROS_PER_DAY;

    #[test]
    fn comparisons_give_half_open_ranges() {
        let range = interval(&[col("ts").gt_eq(at(5)), col("ts").lt(at(9))]);
        assert_eq!(range, Interval { from: Some(5), to: Some(9) });
        assert_eq!(interval(&[col("ts").eq(at(7))]), Interval { from: Some(7), to: Some(8) });
        assert_eq!(interval(&[at(7).gt(col("ts"))]), Interval { from: None, to: Some(7) });
        assert_eq!(interval(&[col("ts").between(at(1), at(3))]), Interval { from: Some(1), to: Some(4) });
        assert!(interval(&[col("other").eq(at(7))]).is_unbounded());
        assert!(interval(&[col("ts").not_eq(at(7))]).is_unbounded());
    }

    #[test]
    fn casts_to_a_date_give_the_day() {
        let date = Expr::Cast(Cast::new(Box::new(col("ts")), DataType::Date32));
        let day = lit(ScalarValue::Date32(Some(3)));
        assert_eq!(interval(&[date.eq(day)]), Interval { from: Some(3 * DAY), to: Some(4 * DAY) });
    }

    #[test]
    fn a_month_more_may_be_earlier() {
        let shift = |months, days| lit(ScalarValue::new_interval_mdn(months, days, 0));
        let later = |shift| Expr::BinaryExpr(BinaryExpr::new(Box::new(col("ts")), Operator::Plus, Box::new(shift)));
        assert_eq!(interval(&[later(shift(0, 1)).gt_eq(at(DAY))]), Interval { from: Some(0), to: None });
        assert!(interval(&[later(shift(1, 0)).gt_eq(at(DAY))]).is_unbounded());
    }

    /// What holds from 02:00 on, but for an hour from 03:00 on that the clocks repeat.
    #[test]
    fn all_turns_near_the_first_are_taken_in() {
        let hour = 60 * MICROS_PER_MINUTE;
        let holds = |points: &[i64]| {
            Some(points.iter().map(|&p| p >= 2 * hour && !(3 * hour..4 * hour).contains(&p)).collect())
        };
        assert_eq!(outermost_turn(4 * hour, true, holds), Some(2 * hour - MICROS_PER_MINUTE));
        assert_eq!(outermost_turn(2 * hour, true, holds), Some(2 * hour), "exact where it turns once");
        let falls =
            |points: &[i64]| Some(points.iter().map(|&p| p < hour || (2 * hour..3 * hour).contains(&p)).collect());
        assert_eq!(outermost_turn(hour, false, falls), Some(3 * hour));
        assert_eq!(outermost_turn(3 * hour, false, falls), Some(3 * hour));
    }

    #[test]
    fn alternatives_are_joined_to_their_hull() {
        let either = col("ts").eq(at(3)).or(col("ts").eq(at(8)));
        assert_eq!(interval(&[either]), Interval { from: Some(3), to: Some(9) });
        assert!(interval(&[col("ts").eq(at(3)).or(col("x").eq(lit(1)))]).is_unbounded());
    }
}
