//! The WITH of a statement that changes rows: subqueries in its SET, WHEN and RETURNING read its queries as those of its
//! own query do.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, SetExpr, TableFactor, TableWithJoins, Visit, VisitMut, With};

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::planner::PlannerContext;
use peristyle_catalog::model::PgType;

use super::{Planner, with_names, with_once};
use crate::error::SqlError;
use crate::names::fold;
use crate::parse::parse_query;
use crate::with_changes::reads;

impl Planner<'_> {
    /// The planner for a statement under a WITH; `tree` is what may read its queries.
    pub(crate) fn under(self, with: Option<&With>, tree: &impl Visit) -> Result<Self, SqlError> {
        let with = with.map(|with| with_once::marked(&self, with, tree)).transpose()?;
        Ok(Planner { with, ..self })
    }

    /// The WITH that the statement is under: all that reads one of its queries gets the rows of one run.
    pub(crate) fn with(&self) -> Option<&With> {
        self.with.as_ref()
    }

    /// 0A000 if a tree reads the WITH, and one of its queries gives other rows each time it runs: for a part of the
    /// statement that does not run in one plan with the others.
    pub(crate) fn refuse_other_rows(&self, tree: &impl Visit) -> Result<(), SqlError> {
        let Some(with) = &self.with else { return Ok(()) };
        let is_read = with.cte_tables.iter().any(|query| reads(tree, &fold(&query.alias.name)));
        match is_read && with.cte_tables.iter().any(|query| with_once::is_volatile(self, &query.query)) {
            true => Err(SqlError::unsupported("RETURNING of INSERT does not read a WITH with volatile functions")),
            false => Ok(()),
        }
    }

    /// Tells queries of a WITH within a tree from those of the statement's WITH that are called the same.
    pub(super) fn tell_apart(&self, tree: &mut impl VisitMut) {
        if let Some(with) = &self.with {
            with_names::tell_apart_under(with, tree);
        }
    }

    /// Lets a plan of the tree read the queries of the statement's WITH.
    pub(super) fn add_queries(
        &self,
        tree: &impl Visit,
        types: &[Option<PgType>],
        context: &mut PlannerContext,
    ) -> Result<(), SqlError> {
        let Some(with) = &self.with else { return Ok(()) };
        for query in &with.cte_tables {
            let name = fold(&query.alias.name);
            if reads(tree, &name) {
                context.insert_cte(name.clone(), self.all_of(with, &name, types)?);
            }
        }
        Ok(())
    }

    /// The rows of one query of a WITH.
    fn all_of(&self, with: &With, name: &str, types: &[Option<PgType>]) -> Result<LogicalPlan, SqlError> {
        let mut query = parse_query("SELECT * FROM query")?;
        query.with = Some(with.clone());
        if let SetExpr::Select(select) = query.body.as_mut()
            && let [TableWithJoins { relation: TableFactor::Table { name: read, .. }, .. }] = select.from.as_mut_slice()
        {
            *read = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', name))]);
        }
        Ok(LogicalPlanBuilder::from(self.query(&query, types)?).alias(name)?.build()?)
    }
}
