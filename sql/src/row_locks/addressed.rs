//! Puts the node that locks rows into a plan whose tree left a mark, and carries the addresses of rows from the scans
//! of the tables up to it.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, Result, internal_datafusion_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, SubqueryAlias, TableScan as ScanNode, utils,
};

use super::RowLock;
use super::clauses::{Clause, MARK, not_allowed, words};
use super::node::{LockRows, Locking};
use crate::error::{SqlError, SqlState};
use crate::plan::external;
use crate::scan::{ADDRESS_COLUMN, AddressBook, SystemTable, TableScan};
use crate::scope::Scope;

/// The plan with a node in the place of each mark.
pub(crate) fn plant(plan: LogicalPlan, scope: &Scope) -> Result<LogicalPlan> {
    // Names of hidden columns differ in the whole plan: those of a query around go through the nodes within.
    let mut count = 0;
    let planted = plan.transform_down_with_subqueries(|node| {
        refuse_computed(&node)?;
        match clauses_of(&node)? {
            None => Ok(Transformed::no(node)),
            Some(clauses) => locked(node, &clauses, scope, &mut count).map(Transformed::yes),
        }
    })?;
    Ok(planted.data)
}

/// The clauses of the SELECT whose plan that is; `None` without any.
fn clauses_of(plan: &LogicalPlan) -> Result<Option<Vec<Clause>>> {
    match plan {
        LogicalPlan::Limit(limit) => clauses_of(&limit.input),
        LogicalPlan::Sort(sort) => clauses_of(&sort.input),
        LogicalPlan::Projection(projection) => clauses_of(&projection.input),
        LogicalPlan::Filter(filter) => {
            let conditions = utils::split_conjunction(&filter.predicate);
            conditions.into_iter().find(|condition| is_mark(condition)).map(of_mark).transpose()
        }
        _ => Ok(None),
    }
}

fn is_mark(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.name() == MARK)
}

fn of_mark(mark: &Expr) -> Result<Vec<Clause>> {
    let lost = || internal_datafusion_err!("what rows to lock was lost");
    let Expr::ScalarFunction(call) = mark else { return Err(lost()) };
    let text = |expr: &Expr| expr.as_literal().and_then(|value| value.try_as_str().flatten().map(str::to_owned));
    let words: Vec<String> = call.args.iter().filter_map(text).collect();
    if words.len() != call.args.len() {
        return Err(lost());
    }
    Ok(words.chunks_exact(3).map(|words| Clause::of_arguments(&words[0], &words[1], &words[2])).collect())
}

/// Rows that were computed of several are none of a table's.
fn refuse_computed(node: &LogicalPlan) -> Result<()> {
    let inputs = node.inputs();
    let (Some(computes), [input]) = (computes(node), inputs.as_slice()) else { return Ok(()) };
    match clauses_of(input)?.and_then(|clauses| clauses.iter().map(|clause| clause.strength).max()) {
        Some(strength) => Err(external(not_allowed(strength, computes))),
        None => Ok(()),
    }
}

/// What makes rows of others, as PostgreSQL calls it.
fn computes(node: &LogicalPlan) -> Option<&'static str> {
    match node {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Some("aggregate functions"),
        LogicalPlan::Aggregate(_) => Some("GROUP BY clause"),
        LogicalPlan::Window(_) => Some("window functions"),
        LogicalPlan::Distinct(_) => Some("DISTINCT clause"),
        LogicalPlan::Unnest(_) => Some("set-returning functions in the target list"),
        LogicalPlan::Union(_) => Some("UNION/INTERSECT/EXCEPT"),
        _ => None,
    }
}

/// Rows are locked when they are known to be in the result, before it is cut: those behind a LIMIT are not.
fn locked(plan: LogicalPlan, clauses: &[Clause], scope: &Scope, count: &mut usize) -> Result<LogicalPlan> {
    if let LogicalPlan::Limit(limit) = &plan {
        let input = locked(limit.input.as_ref().clone(), clauses, scope, count)?;
        return plan.with_new_exprs(plan.expressions(), vec![input]);
    }
    let mut carrier = Carrier { clauses, book: Arc::default(), columns: Vec::new(), count };
    let addressed = carrier.carry(plan, Inside { clause: None, is_nullable: false })?;
    let Carrier { columns, book, .. } = carrier;
    let locking = Locking {
        columns,
        book,
        rows: Arc::clone(&scope.locked_rows),
        committed: scope.view.committed(),
        wait_max: scope.lock_wait_max(),
    };
    LockRows::over(addressed, Arc::new(locking))
}

/// Carries the addresses of rows upwards.
struct Carrier<'a> {
    clauses: &'a [Clause],
    book: Arc<AddressBook>,
    columns: Vec<(String, RowLock)>,
    count: &'a mut usize,
}

/// What a part of a plan is within.
#[derive(Clone, Copy)]
struct Inside<'c> {
    /// The clause that locks what it reads.
    clause: Option<&'c Clause>,
    /// Whether an outer join may have made its columns NULL.
    is_nullable: bool,
}

impl<'a> Carrier<'a> {
    fn carry(&mut self, plan: LogicalPlan, inside: Inside<'a>) -> Result<LogicalPlan> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan, inside),
            LogicalPlan::SubqueryAlias(alias) => {
                let inside = self.within(alias.alias.table(), inside)?;
                let input = self.carry(alias.input.as_ref().clone(), inside)?;
                Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias)?))
            }
            LogicalPlan::Projection(projection) => {
                let known = self.columns.len();
                let input = self.carry(projection.input.as_ref().clone(), inside)?;
                let mut columns = projection.expr;
                columns.extend(self.hidden_of(&input, known));
                Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?))
            }
            LogicalPlan::Filter(filter) => {
                let input = self.carry(filter.input.as_ref().clone(), inside)?;
                let is_own = inside.clause.is_none();
                let conditions = utils::split_conjunction_owned(filter.predicate);
                let kept = conditions.into_iter().filter(|condition| !(is_own && is_mark(condition)));
                match utils::conjunction(kept) {
                    Some(kept) => Ok(LogicalPlan::Filter(Filter::try_new(kept, Arc::new(input))?)),
                    None => Ok(input),
                }
            }
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                let input = plan.inputs()[0].clone();
                plan.with_new_exprs(plan.expressions(), vec![self.carry(input, inside)?])
            }
            LogicalPlan::Join(ref join) => {
                let (left, right) = (join.left.as_ref().clone(), join.right.as_ref().clone());
                let is_nullable = |sides: [JoinType; 2]| inside.is_nullable || sides.contains(&join.join_type);
                let of_left = Inside { is_nullable: is_nullable([JoinType::Right, JoinType::Full]), ..inside };
                let of_right = Inside { is_nullable: is_nullable([JoinType::Left, JoinType::Full]), ..inside };
                let sides = vec![self.carry(left, of_left)?, self.carry(right, of_right)?];
                plan.with_new_exprs(plan.expressions(), sides)
            }
            LogicalPlan::Subquery(lateral) => {
                let input = self.carry(lateral.subquery.as_ref().clone(), inside)?;
                Ok(LogicalPlan::Subquery(Subquery { subquery: Arc::new(input), ..lateral }))
            }
            other => match (computes(&other), inside.clause) {
                (Some(computes), Some(clause)) => Err(external(not_allowed(clause.strength, computes))),
                _ => Ok(other),
            },
        }
    }

    /// What is within an item of FROM.
    fn within(&self, item: &str, around: Inside<'a>) -> Result<Inside<'a>> {
        if around.clause.is_some() {
            return Ok(around);
        }
        let clause = self.clauses.iter().find(|clause| clause.item == item);
        match clause.filter(|_| around.is_nullable) {
            Some(clause) => {
                let words = words(clause.strength);
                let message = format!("{words} cannot be applied to the nullable side of an outer join");
                Err(external(SqlError::unsupported(message)))
            }
            None => Ok(Inside { clause, ..around }),
        }
    }

    fn scan(&mut self, node: ScanNode, inside: Inside<'a>) -> Result<LogicalPlan> {
        let Some(clause) = self.within(node.table_name.table(), inside)?.clause else {
            return Ok(LogicalPlan::TableScan(node));
        };
        let provider = source_as_provider(&node.source)?;
        let provider = provider.as_ref() as &dyn Any;
        if provider.is::<SystemTable>() {
            let what = format!("{} of a system relation is not supported", words(clause.strength));
            return Err(external(SqlError::unsupported(what)));
        }
        let Some(table) = provider.downcast_ref::<TableScan>() else { return Ok(LogicalPlan::TableScan(node)) };
        let addressed = table.with_addresses(&self.book);
        let lock = self.lock_of(table, clause).map_err(external)?;
        self.addressed_scan(node, addressed, lock)
    }

    fn lock_of(&self, table: &TableScan, clause: &Clause) -> Result<RowLock, SqlError> {
        let name = table.name();
        if table.is_materialized() {
            let message = format!("cannot lock rows in materialized view \"{name}\"");
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        if table.is_past() {
            return Err(SqlError::unsupported("rows of the past cannot be locked"));
        }
        let Clause { strength, if_locked, .. } = *clause;
        Ok(RowLock { table: table.oid(), table_name: name.to_owned(), strength, if_locked })
    }

    /// The scan with a hidden column that has a name of its own in the whole plan.
    fn addressed_scan(&mut self, node: ScanNode, addressed: TableScan, lock: RowLock) -> Result<LogicalPlan> {
        let hidden = format!("\u{1}lock {}", self.count);
        *self.count += 1;
        let table = node.table_name.clone();
        let address = Expr::Column(Column::new(Some(table.clone()), ADDRESS_COLUMN));
        let columns: Vec<Expr> = node.projected_schema.columns().into_iter().map(Expr::Column).collect();
        let columns = columns.into_iter().chain([address.alias_qualified(Some(table), hidden.clone())]);
        let source = provider_as_source(Arc::new(addressed));
        let scan = LogicalPlanBuilder::scan_with_filters(node.table_name, source, None, node.filters)?;
        self.columns.push((hidden, lock));
        scan.project(columns)?.build()
    }

    /// The hidden columns that a plan has of those since.
    fn hidden_of(&self, input: &LogicalPlan, since: usize) -> Vec<Expr> {
        let is_hidden = |column: &Column| self.columns[since..].iter().any(|(name, _)| *name == column.name);
        input.schema().columns().into_iter().filter(is_hidden).map(Expr::Column).collect()
    }
}
