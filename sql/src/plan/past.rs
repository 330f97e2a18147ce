//! `t FOR SYSTEM_TIME AS OF time`, `t AT (TIMESTAMP => time)`, `t AT (SNAPSHOT => number)`: a table as it was after a
//! commit. When a statement is planned its moment is known, and becomes a part of the table's name.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::Expr as Planned;
use peristyle_catalog::model::{PgType, Seq, TimestampMicros};
use peristyle_storage::types::arrow_type;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query,
    TableAlias, TableFactor, TableVersion, VisitMut, VisitorMut,
};

use super::Planner;
use super::parameters::Bound;
use crate::error::{SqlError, SqlState};
use crate::names::{fold, parts};
use crate::semantics::assignment_cast;

/// What the part of a name begins with that says of which commit a table's state is. No name of a client's holds a
/// control character.
const COMMIT_MARK: &str = "\u{1}commit ";

/// Resolves the moments of all tables of a query.
pub(super) fn resolve(planner: &Planner<'_>, query: &mut Query, types: &[Option<PgType>]) -> Result<(), SqlError> {
    match query.visit(&mut Resolver { planner, types }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The commit that a name's first part says.
pub(super) fn commit_of(catalog: &str) -> Option<Seq> {
    catalog.strip_prefix(COMMIT_MARK)?.parse().ok().map(Seq)
}

/// The expression that says of when a table's state is, with its type.
pub(crate) fn moment(version: &TableVersion) -> Result<(&Expr, PgType), SqlError> {
    match version {
        TableVersion::ForSystemTimeAsOf(time) => Ok((time, PgType::TIMESTAMPTZ)),
        TableVersion::Function(Expr::Function(call)) => argument(call),
        _ => Err(SqlError::unsupported(format!("{version} is not supported"))
            .hint("Write FOR SYSTEM_TIME AS OF a time, or AT (SNAPSHOT => a number of system.snapshots).")),
    }
}

fn argument(call: &Function) -> Result<(&Expr, PgType), SqlError> {
    let FunctionArguments::List(list) = &call.args else { return Err(not_understood(call)) };
    let (name, value) = match list.args.as_slice() {
        [FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. }]
        | [FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }] => (fold(name), value),
        _ => return Err(not_understood(call)),
    };
    match name.as_str() {
        "timestamp" => Ok((value, PgType::TIMESTAMPTZ)),
        "snapshot" => Ok((value, PgType::INT8)),
        _ => Err(not_understood(call)),
    }
}

fn not_understood(call: &Function) -> SqlError {
    SqlError::syntax(format!("syntax error in \"{call}\""))
        .hint("Write AT (TIMESTAMP => a time) or AT (SNAPSHOT => a number of system.snapshots).")
}

struct Resolver<'a, 'p> {
    planner: &'a Planner<'p>,
    types: &'a [Option<PgType>],
}

impl VisitorMut for Resolver<'_, '_> {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match self.rename(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Resolver<'_, '_> {
    fn rename(&self, factor: &mut TableFactor) -> Result<(), SqlError> {
        let TableFactor::Table { name, alias, args, version, .. } = factor else { return Ok(()) };
        let Some(written) = version.take() else { return Ok(()) };
        let (expression, ty) = moment(&written)?;
        if args.is_some() {
            return Err(SqlError::unsupported("functions have no state in the past"));
        }
        let quoted = |part: &str| Ident::with_quote('"', part);
        let path = parts(name)?;
        let table = path.last().map_or("", String::as_str);
        if alias.is_none() {
            *alias = Some(TableAlias { explicit: true, name: quoted(table), columns: Vec::new(), at: None });
        }
        if let Some(seq) = self.commit(expression, ty)? {
            let schema = path.len().checked_sub(2).map_or("", |at| &path[at]);
            let marked = [&format!("{COMMIT_MARK}{}", seq.0), schema, table];
            *name = ObjectName(marked.iter().map(|part| ObjectNamePart::Identifier(quoted(part))).collect());
        }
        Ok(())
    }

    /// The commit that an expression means; `None` while values of parameters are unknown.
    fn commit(&self, expression: &Expr, ty: PgType) -> Result<Option<Seq>, SqlError> {
        let newest = self.planner.provider.scope().view.committed_head();
        match self.planner.folded(expression, ty, self.types)? {
            ScalarValue::TimestampMicrosecond(Some(at), _) => match newest.commit_at(TimestampMicros(at)) {
                Some(seq) => Ok(Some(seq)),
                None => Err(crate::history::too_old(newest)),
            },
            ScalarValue::Int64(Some(number)) => match u64::try_from(number).ok().map(Seq) {
                Some(seq) if seq <= newest.seq() => Ok(Some(seq)),
                _ => Err(crate::history::no_such_snapshot(number, newest)),
            },
            _ if self.planner.provider.values().is_some_and(Bound::are_unknown) => Ok(None),
            _ => Err(SqlError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "the time of a table's state must not be null")),
        }
    }
}

impl Planner<'_> {
    /// The value of an expression that reads no column, as assigned to a type.
    fn folded(&self, expression: &Expr, ty: PgType, types: &[Option<PgType>]) -> Result<ScalarValue, SqlError> {
        let empty = DFSchema::empty();
        let none = Bound::default();
        // Folded before the analyzer's rules, its casts would have the engine's meaning.
        let given = self.provider.values().unwrap_or(&none);
        let planned = self.analysed(self.over(expression, &empty, types)?, &empty, given)?;
        let planned = assignment_cast(planned, &empty, ty, &arrow_type(ty, None))?;
        match self.provider.constant_argument(self.analysed(planned, &empty, &none)?)? {
            Planned::Literal(value, _) => Ok(value),
            _ if self.provider.values().is_some_and(Bound::are_unknown) => Ok(ScalarValue::Null),
            other => self.evaluated(other),
        }
    }

    /// What folding left, as where a cast fails.
    fn evaluated(&self, expression: Planned) -> Result<ScalarValue, SqlError> {
        let is_subquery = |expr: &Planned| {
            Ok(matches!(expr, Planned::ScalarSubquery(_) | Planned::Exists(_) | Planned::InSubquery(_)))
        };
        if expression.exists(is_subquery)? {
            return Err(SqlError::unsupported("the time of a table's state must be a constant")
                .hint("Subqueries cannot stand there; a parameter can."));
        }
        let physical = self.state().create_physical_expr(expression, &DFSchema::empty())?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let one = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
        let value = physical.evaluate(&one)?.into_array(1)?;
        Ok(ScalarValue::try_from_array(&value, 0)?)
    }
}
