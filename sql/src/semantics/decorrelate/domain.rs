//! The outer columns that a subquery names, and their different values.

use std::cell::Cell;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, NullEquality, Result, TableReference};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, binary_expr};

/// Makes names of relations that no client can give.
#[derive(Default)]
pub(super) struct Names {
    given: Cell<usize>,
}

impl Names {
    pub(super) fn fresh(&self) -> TableReference {
        self.given.set(self.given.get() + 1);
        TableReference::bare(format!("outer rows {}", self.given.get()))
    }
}

/// The different values of some columns of a plan, to be joined into a subquery.
pub(super) struct Domain<'a> {
    /// The columns, as the subquery names them.
    pub(super) outer: Vec<Column>,
    rows: LogicalPlan,
    pub(super) names: &'a Names,
}

/// A plan for each row of a domain: its first columns are the domain's.
pub(super) struct ForEach {
    pub(super) plan: LogicalPlan,
    pub(super) keys: Vec<Column>,
}

impl<'a> Domain<'a> {
    /// The domain of what `subqueries` name of `input`'s columns.
    pub(super) fn new(input: &LogicalPlan, subqueries: &[&LogicalPlan], names: &'a Names) -> Result<Self> {
        let mut outer = Vec::new();
        for subquery in subqueries {
            for column in outer_columns(subquery)? {
                if input.schema().has_column(&column) && !outer.contains(&column) {
                    outer.push(column);
                }
            }
        }
        let rows = match outer.is_empty() {
            true => LogicalPlanBuilder::empty(true).build()?,
            false => {
                let columns = outer.iter().enumerate();
                let columns = columns.map(|(i, column)| Expr::Column(column.clone()).alias(format!("outer {i}")));
                LogicalPlanBuilder::from(input.clone()).project(columns.collect::<Vec<_>>())?.distinct()?.build()?
            }
        };
        Ok(Domain { outer, rows, names })
    }

    /// The domain's rows under a name of their own.
    pub(super) fn rows(&self) -> Result<ForEach> {
        let plan = LogicalPlanBuilder::from(self.rows.clone()).alias(self.names.fresh())?.build()?;
        let keys = plan.schema().columns();
        Ok(ForEach { plan, keys })
    }

    /// Whether a plan names the domain's columns.
    pub(super) fn is_named_in(&self, plan: &LogicalPlan) -> Result<bool> {
        Ok(outer_columns(plan)?.iter().any(|column| self.outer.contains(column)))
    }

    /// An expression over `keys` instead of the outer columns.
    pub(super) fn over(&self, expr: &Expr, keys: &ForEach) -> Result<Expr> {
        let place = |column: &Column| self.outer.iter().position(|outer| outer == column);
        let replaced = expr.clone().transform(|expr| match expr {
            Expr::OuterReferenceColumn(_, ref column) => Ok(match place(column) {
                Some(place) => Transformed::yes(Expr::Column(keys.keys[place].clone())),
                None => Transformed::no(expr),
            }),
            other => map_subquery(other, |plan| self.renamed(plan, keys)),
        });
        replaced.data()
    }

    /// A subquery within: its references lead to `keys`, which are outer columns to it still.
    fn renamed(&self, plan: &LogicalPlan, keys: &ForEach) -> Result<LogicalPlan> {
        let rename = |expr: Expr| match expr {
            Expr::OuterReferenceColumn(field, column) => {
                let place = self.outer.iter().position(|outer| *outer == column);
                let renamed = place.map(|place| keys.keys[place].clone());
                let changed = renamed.is_some();
                let expr = Expr::OuterReferenceColumn(field, renamed.unwrap_or(column));
                Ok(if changed { Transformed::yes(expr) } else { Transformed::no(expr) })
            }
            other => Ok(Transformed::no(other)),
        };
        let renamed = plan.clone().transform_up_with_subqueries(|node| {
            node.map_expressions(|expr| {
                let expr = expr.transform(rename)?;
                expr.transform_data(|expr| map_subquery(expr, |plan| Ok(plan.clone())))
            })
        });
        renamed.data()
    }
}

impl ForEach {
    /// The columns after the domain's.
    pub(super) fn own(&self) -> Vec<Column> {
        self.plan.schema().columns().split_off(self.keys.len())
    }

    pub(super) fn key_exprs(&self) -> Vec<Expr> {
        self.keys.iter().cloned().map(Expr::Column).collect()
    }

    /// The same rows, their own columns under the names of `schema`, column by column.
    pub(super) fn named_as(self, schema: &DFSchema) -> Result<ForEach> {
        let own = self.own();
        let named = own.into_iter().zip(schema.iter()).map(|(column, (qualifier, field))| {
            match column.relation.as_ref() == qualifier && column.name == *field.name() {
                true => Expr::Column(column),
                false => Expr::Column(column).alias_qualified(qualifier.cloned(), field.name()),
            }
        });
        let columns = self.key_exprs().into_iter().chain(named).collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::from(self.plan).project(columns)?.build()?;
        Ok(ForEach { plan, keys: self.keys })
    }

    /// Pairs the domain's rows in `left` with these.
    pub(super) fn joined_to(self, left: LogicalPlan, columns: &[Column], kind: JoinType) -> Result<LogicalPlan> {
        let left = LogicalPlanBuilder::from(left);
        if self.keys.is_empty() {
            let always = datafusion::logical_expr::lit(true);
            return match kind {
                JoinType::Inner => left.cross_join(self.plan)?.build(),
                _ => left.join_on(self.plan, kind, [always])?.build(),
            };
        }
        let keys = (columns.to_vec(), self.keys);
        left.join_detailed(self.plan, kind, keys, None, NullEquality::NullEqualsNull)?.build()
    }
}

/// Conditions that rows of two plans are for the same row of the domain.
pub(super) fn same(left: &[Column], right: &[Column]) -> impl Iterator<Item = Expr> {
    let pairs = left.iter().cloned().zip(right.iter().cloned());
    pairs.map(|(a, b)| binary_expr(Expr::Column(a), Operator::IsNotDistinctFrom, Expr::Column(b)))
}

/// The outer columns that a plan names, in its subqueries too.
pub(super) fn outer_columns(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        let inner: Vec<&DFSchema> = node.inputs().iter().map(|input| input.schema().as_ref()).collect();
        node.apply_expressions(|expr| collect(expr, &inner, &mut found).map(|()| TreeNodeRecursion::Continue))?;
        if let LogicalPlan::Subquery(lateral) = node {
            found.extend(outer_columns(&lateral.subquery)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The outer columns that an expression's subqueries name.
pub(super) fn outer_columns_of(expr: &Expr) -> Result<Vec<Column>> {
    let mut found = Vec::new();
    collect(expr, &[], &mut found)?;
    Ok(found)
}

/// Outer columns of an expression; those that its subqueries take from the rows that it reads are none.
fn collect(expr: &Expr, inner: &[&DFSchema], found: &mut Vec<Column>) -> Result<()> {
    expr.apply(|expr| {
        if let Expr::OuterReferenceColumn(_, column) = expr {
            found.push(column.clone());
        }
        if let Some(subquery) = subquery_of(expr) {
            let outer = outer_columns(&subquery.subquery)?;
            found.extend(outer.into_iter().filter(|column| !inner.iter().any(|schema| schema.has_column(column))));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The subquery that an expression is.
pub(super) fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(exists) => Some(&exists.subquery),
        Expr::InSubquery(tested) => Some(&tested.subquery),
        Expr::SetComparison(comparison) => Some(&comparison.subquery),
        _ => None,
    }
}

/// The expression with its subquery's plan replaced, and the list of outer columns made anew.
fn map_subquery(expr: Expr, map: impl Fn(&LogicalPlan) -> Result<LogicalPlan>) -> Result<Transformed<Expr>> {
    let changed = |subquery: &Subquery| {
        let plan = map(&subquery.subquery)?;
        let outer_ref_columns = references(&plan)?;
        Ok::<_, datafusion::error::DataFusionError>(Subquery {
            subquery: plan.into(),
            outer_ref_columns,
            spans: subquery.spans.clone(),
        })
    };
    Ok(match expr {
        Expr::ScalarSubquery(subquery) => Transformed::yes(Expr::ScalarSubquery(changed(&subquery)?)),
        Expr::Exists(mut exists) => {
            exists.subquery = changed(&exists.subquery)?;
            Transformed::yes(Expr::Exists(exists))
        }
        Expr::InSubquery(mut tested) => {
            tested.subquery = changed(&tested.subquery)?;
            Transformed::yes(Expr::InSubquery(tested))
        }
        other => Transformed::no(other),
    })
}

/// The outer columns of a plan as expressions.
fn references(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let wanted = outer_columns(plan)?;
    let mut found: Vec<Expr> = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr
                    && wanted.contains(column)
                    && !found.contains(expr)
                {
                    found.push(expr.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
