//! From a tree to its plan: the steps in their order.

use std::sync::{Arc, OnceLock};

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use peristyle_catalog::model::{PgType, Relation};
use peristyle_storage::types::pg_type;
use sqlparser::ast::{self, VisitMut};

use super::parameters::{self, Bound};
use super::provider::{Binding, Provider, Touched};
use super::{
    bags, exclusions, gathered, interruption, late_settings, lateral, normalise, output_names, own_names, past,
    populated, recursion, recursion_form, refused, registered, sampled, ties, user_types, values_list, walks,
    with_names, with_once,
};
use crate::error::SqlError;
use crate::scan::AddressBook;
use crate::scope::Scope;
use crate::{pg_catalog, row_locks, semantics};

/// Plans statements of one scope.
pub(crate) struct Planner<'a> {
    pub(super) provider: Provider<'a>,
    /// What subqueries of the statement's expressions read too.
    pub(super) with: Option<ast::With>,
    /// The options of expressions that outlive the statement.
    pub(super) lasting: OnceLock<Arc<ConfigOptions>>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(scope: &'a Arc<Scope>) -> Result<Self, SqlError> {
        Ok(Planner::of(Provider::new(scope)?))
    }

    fn of(provider: Provider<'a>) -> Self {
        Planner { provider, with: None, lasting: OnceLock::new() }
    }

    /// A planner that reads the text of a view: its names mean what they meant when it was created.
    pub(crate) fn for_view(
        scope: &'a Arc<Scope>,
        search_path: &[String],
        bindings: &[Binding],
    ) -> Result<Self, SqlError> {
        Ok(Planner::of(Provider::new(scope)?.with_bindings(search_path, bindings)))
    }

    /// A planner that knows one table with its rows' addresses too, in the schema [`ADDRESSED_SCHEMA`].
    pub(crate) fn addressing(
        scope: &'a Arc<Scope>,
        relation: Arc<Relation>,
        book: Arc<AddressBook>,
    ) -> Result<Self, SqlError> {
        Ok(Planner::of(Provider::new(scope)?.with_addressed(relation, book)))
    }

    /// The planner for a run with these values of parameters.
    pub(crate) fn with_values(self, values: &'a Bound) -> Self {
        Planner { provider: self.provider.with_values(values), ..self }
    }

    pub(crate) fn state(&self) -> &SessionState {
        self.provider.state()
    }

    /// What the statement's plans run in.
    pub(crate) fn task(&self) -> Arc<TaskContext> {
        self.provider.task()
    }

    /// The relations that planning met so far.
    pub(crate) fn touched(&self) -> Vec<Touched> {
        self.provider.touched()
    }

    /// The plan of a query, parameters as placeholders of the types that are known.
    pub(crate) fn query(&self, query: &ast::Query, types: &[Option<PgType>]) -> Result<LogicalPlan, SqlError> {
        refused::refuse(query)?;
        recursion_form::refuse(query)?;
        let mut query = query.clone();
        row_locks::mark(&mut query)?;
        walks::settle(&mut query)?;
        with_names::tell_apart(&mut query);
        with_once::mark(self, &mut query)?;
        sampled::settle(self, &mut query)?;
        past::resolve(self, &mut query, types)?;
        populated::settle(self, &mut query)?;
        normalise::normalise(&mut query)?;
        output_names::assign(&mut query);
        late_settings::settle(&mut query);
        self.look_up_types(&mut query);
        let mut statement = ast::Statement::Query(Box::new(query));
        own_names::settle(self, &mut statement, types)?;
        self.planned(statement, types)
    }

    /// The plan of a query whose names are settled.
    pub(super) fn planned(
        &self,
        mut statement: ast::Statement,
        types: &[Option<PgType>],
    ) -> Result<LogicalPlan, SqlError> {
        recursion::settle_types(&mut statement);
        pg_catalog::rewrite::normalise(&mut statement);
        semantics::desugar(&mut statement);
        values_list::unify(self, &mut statement, types)?;
        exclusions::settle(self, &mut statement)?;
        let mut context = self.context(types);
        let plan = self.to_relation().sql_statement_to_plan_with_context(statement, &mut context)?;
        recursion::check_types(&plan)?;
        let plan = gathered::in_order(ties::keep(bags::count_rows(plan)?)?)?;
        let plan = with_once::plant(lateral::plant(plan)?)?;
        Ok(row_locks::plant(plan, self.provider.scope())?)
    }

    /// The plan of a query whose rows go to the client.
    pub(crate) fn shown_query(&self, query: &ast::Query, types: &[Option<PgType>]) -> Result<LogicalPlan, SqlError> {
        Ok(registered::show_names(self.query(query, types)?, &self.provider)?)
    }

    /// The plan of an expression over some columns (none: a constant expression).
    pub(crate) fn expression(&self, expression: &ast::Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
        let prepared = self.prepared(expression)?;
        let planned = self.to_relation().sql_to_expr(prepared, schema, &mut PlannerContext::new())?;
        self.analysed(planned, schema, &Bound::default())
    }

    /// As [`Self::expression`], with the values of parameters put in.
    pub(crate) fn bound_expression(
        &self,
        expression: &ast::Expr,
        schema: &DFSchema,
        bound: &Bound,
    ) -> Result<Expr, SqlError> {
        self.analysed(self.over(expression, schema, bound.types())?, schema, bound)
    }

    /// An expression's tree as the planner reads it.
    pub(crate) fn prepared(&self, expression: &ast::Expr) -> Result<ast::Expr, SqlError> {
        let mut expression = expression.clone();
        normalise::normalise(&mut expression)?;
        self.look_up_types(&mut expression);
        semantics::desugar(&mut expression);
        Ok(expression)
    }

    fn look_up_types(&self, tree: &mut impl VisitMut) {
        user_types::look_up(tree, &|name| self.provider.enum_type(name));
    }

    /// The plan of a prepared expression that reads no column, before the analyzer's rules; parameters are
    /// placeholders of the types that are known.
    pub(crate) fn cell(&self, prepared: &ast::Expr, types: &[Option<PgType>]) -> Result<Expr, SqlError> {
        let mut context = self.context(types);
        Ok(self.to_relation().sql_to_expr(prepared.clone(), &DFSchema::empty(), &mut context)?)
    }

    /// The plan of an expression over the columns of a plan, before the analyzer's rules.
    pub(crate) fn over(
        &self,
        expression: &ast::Expr,
        schema: &DFSchema,
        types: &[Option<PgType>],
    ) -> Result<Expr, SqlError> {
        let mut expression = expression.clone();
        self.tell_apart(&mut expression);
        let mut context = self.context(types);
        self.add_queries(&expression, types, &mut context)?;
        Ok(self.to_relation().sql_to_expr(self.prepared(&expression)?, schema, &mut context)?)
    }

    /// The expression after the analyzer's rules, which make casts and operators PostgreSQL's.
    pub(super) fn analysed(&self, expression: Expr, schema: &DFSchema, bound: &Bound) -> Result<Expr, SqlError> {
        let analysed = self.settled(plan_over(schema, [expression])?, bound)?;
        match analysed.expressions().into_iter().next() {
            Some(Expr::Alias(alias)) => Ok(*alias.expr),
            Some(other) => Ok(other),
            None => Err(SqlError::internal("an analysed expression was lost")),
        }
    }

    /// Puts the values of parameters in, optimises, and makes the physical plan.
    pub(crate) async fn physical(&self, plan: LogicalPlan, values: &Bound) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
        self.physical_of(&self.optimised(plan, values)?).await
    }

    /// The physical plan of an optimised one.
    pub(crate) async fn physical_of(&self, optimised: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
        let plan = self.state().query_planner().create_physical_plan(optimised, self.state()).await?;
        Ok(interruption::interruptible(plan, &self.provider.scope().guard)?)
    }

    /// Puts the values of parameters in and optimises.
    pub(crate) fn optimised(&self, plan: LogicalPlan, values: &Bound) -> Result<LogicalPlan, SqlError> {
        self.optimised_of(self.settled(plan, values)?)
    }

    /// Puts the values of parameters in and settles all types. What a client is told of a result is told of this plan:
    /// the optimiser may put a value in an expression's place, and which one depends on the parameters.
    pub(crate) fn settled(&self, plan: LogicalPlan, values: &Bound) -> Result<LogicalPlan, SqlError> {
        let plan = if values.is_empty() { plan } else { plan.with_param_values(values.param_values())? };
        Ok(self.state().analyzer().execute_and_check(plan, self.state().config_options(), |_, _| {})?)
    }

    /// Optimises a plan whose types are settled.
    pub(crate) fn optimised_of(&self, settled: LogicalPlan) -> Result<LogicalPlan, SqlError> {
        Ok(self.state().optimizer().optimize(settled, self.state(), |_, _| {})?)
    }

    /// What the planner takes parameters for: a bare numeric has the digits of its value.
    fn context(&self, types: &[Option<PgType>]) -> PlannerContext {
        let values = self.provider.values();
        let field = |(number, ty): (usize, &Option<PgType>)| {
            let ty = (*ty)?;
            let of_value = values.and_then(|values| values.field(number)).filter(|field| pg_type(field) == ty);
            Some(of_value.unwrap_or_else(|| parameters::field(ty)))
        };
        PlannerContext::new().with_prepare_param_data_types((1..).zip(types).map(field).collect())
    }

    fn to_relation(&self) -> SqlToRel<'_, Provider<'a>> {
        SqlToRel::new_with_options(&self.provider, ParserOptions::from(&self.state().config_options().sql_parser))
    }
}

/// A plan of expressions over some columns.
pub(crate) fn plan_over(
    schema: &DFSchema,
    expressions: impl IntoIterator<Item = Expr>,
) -> Result<LogicalPlan, SqlError> {
    let input = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema: Arc::new(schema.clone()) });
    let named = expressions.into_iter().enumerate().map(|(place, expr)| expr.alias(format!("value {place}")));
    Ok(LogicalPlanBuilder::from(input).project(named.collect::<Vec<_>>())?.build()?)
}
