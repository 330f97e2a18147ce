//! Keys of ORDER BY and of windows that compare something are columns by the time that rows are put in order.
//!
//! DataFusion checks that the plan it made puts rows in the order that was asked for, and infers an expression's order from
//! the ranges of its parts. What a function or CASE gives has a range without a type there, which a comparison cannot take, so
//! that the check fails for a plan that is right: `ORDER BY a > abs(b)`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Sort, Window};
use datafusion::optimizer::AnalyzerRule;

/// What the columns of such keys are called, with a number each.
const KEY: &str = "\u{1}computed key ";

/// The rule. It comes after those that give keys their last form.
#[derive(Debug)]
pub(super) struct ComputedKeys;

impl AnalyzerRule for ComputedKeys {
    fn name(&self) -> &str {
        "computed_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let computed = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Sort(sort) if sort.expr.iter().any(|key| compares(&key.expr)) => {
                sorted(sort).map(Transformed::yes)
            }
            LogicalPlan::Window(window) if window.window_expr.iter().any(compares_within) => {
                over_columns(window).map(Transformed::yes)
            }
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(computed.data)
    }
}

fn sorted(sort: Sort) -> Result<LogicalPlan> {
    let mut keys = Keys::default();
    let expr = sort.expr.into_iter().map(|key| keys.sort(key)).collect();
    let columns = sort.input.schema().columns();
    let input = Arc::new(keys.beside(sort.input)?);
    only(columns, LogicalPlan::Sort(Sort { expr, input, fetch: sort.fetch }))
}

fn over_columns(window: Window) -> Result<LogicalPlan> {
    let mut keys = Keys::default();
    let functions = window.window_expr.into_iter().map(|function| keys.function(function)).collect();
    let columns = window.schema.columns();
    let input = Arc::new(keys.beside(window.input)?);
    only(columns, LogicalPlan::Window(Window::try_new(functions, input)?))
}

/// The plan without the columns of keys.
fn only(columns: Vec<Column>, plan: LogicalPlan) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).project(columns.into_iter().map(Expr::Column))?.build()
}

/// Whether a key compares; one with a subquery is left to the rules for these.
fn compares(key: &Expr) -> bool {
    let any = |is_it: fn(&Expr) -> bool| key.exists(|expr| Ok(is_it(expr))).is_ok_and(|found| found);
    any(|expr| matches!(expr, Expr::BinaryExpr(_) | Expr::Not(_) | Expr::Between(_) | Expr::InList(_)))
        && !any(|expr| {
            matches!(
                expr,
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::OuterReferenceColumn(..)
            )
        })
}

fn compares_within(function: &Expr) -> bool {
    match function {
        Expr::Alias(alias) => compares_within(&alias.expr),
        Expr::WindowFunction(call) => {
            call.params.partition_by.iter().any(compares) || call.params.order_by.iter().any(|key| compares(&key.expr))
        }
        _ => false,
    }
}

fn name_of(place: usize) -> String {
    format!("{KEY}{place}")
}

/// The keys that become columns, each once.
#[derive(Default)]
struct Keys(Vec<Expr>);

impl Keys {
    /// A column in the key's place, if it compares.
    fn key(&mut self, key: Expr) -> Expr {
        if !compares(&key) {
            return key;
        }
        // Functions of one window share its keys, or they could not share its sort.
        let key = key.unalias();
        let known = self.0.iter().position(|known| *known == key);
        let place = known.unwrap_or_else(|| {
            self.0.push(key);
            self.0.len() - 1
        });
        Expr::Column(Column::new_unqualified(name_of(place)))
    }

    fn sort(&mut self, key: SortKey) -> SortKey {
        SortKey { expr: self.key(key.expr), ..key }
    }

    /// The function over such columns, under its name.
    fn function(&mut self, function: Expr) -> Expr {
        let (qualifier, name) = function.qualified_name();
        let mut function = function.unalias();
        if let Expr::WindowFunction(call) = &mut function {
            let params = &mut call.params;
            params.partition_by =
                std::mem::take(&mut params.partition_by).into_iter().map(|key| self.key(key)).collect();
            params.order_by = std::mem::take(&mut params.order_by).into_iter().map(|key| self.sort(key)).collect();
        }
        function.alias_qualified(qualifier, name)
    }

    /// The input with their columns beside its own.
    fn beside(self, input: Arc<LogicalPlan>) -> Result<LogicalPlan> {
        let columns = input.schema().columns().into_iter().map(Expr::Column);
        let keys = self.0.into_iter().enumerate().map(|(place, key)| key.alias(name_of(place)));
        let columns: Vec<Expr> = columns.chain(keys).collect();
        LogicalPlanBuilder::from(input).project(columns)?.build()
    }
}
