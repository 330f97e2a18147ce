//! Trees → plans: names are resolved against the statement's snapshot, DataFusion plans and optimises.

mod bags;
mod balance;
mod column_aliases;
mod conditions;
mod constant_query;
mod copies;
mod dependent_columns;
mod exclusions;
pub(crate) mod from_items;
mod gathered;
mod grouping;
mod grouping_sets;
mod guarded;
mod in_order;
mod interruption;
pub(crate) mod kept_expression;
mod late_settings;
mod lateral;
mod literals;
mod memory;
mod named_windows;
mod normalise;
mod open_parameters;
mod origins;
mod outer_aggregates;
pub(crate) mod output_names;
mod own_names;
mod page;
pub(crate) mod parameters;
mod past;
mod populated;
mod provider;
mod qualified;
mod quantified;
mod query_planner;
mod recursion;
mod recursion_form;
mod refused;
mod refused_calls;
mod registered;
mod repeated_names;
mod row_values;
mod sampled;
mod scopes;
mod select_clauses;
mod stream;
mod ties;
pub(crate) mod user_types;
mod using_joins;
mod values_list;
mod values_rows;
mod view;
mod walks;
mod whole_rows;
mod with_names;
mod with_once;
mod written_columns;

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use peristyle_catalog::model::{PgType, Relation};
use peristyle_storage::types::{arrow_type, pg_type};
use sqlparser::ast::{self, VisitMut};

pub(crate) use constant_query::ConstantResult;
pub(crate) use outer_aggregates::has_aggregate;
pub(crate) use provider::{ADDRESSED_SCHEMA, Binding, Touched, external};
pub(crate) use stream::{collect, start};
pub(crate) use view::{expand as expand_view, output_fields, plan_stored};

use self::parameters::Bound;
use self::provider::Provider;
use crate::engine::EngineLimits;
use crate::error::{SqlError, SqlState};
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::scan::AddressBook;
use crate::scope::Scope;
use crate::{functions, pg_catalog, row_locks, semantics, values};

/// The state that every statement's starts from: functions, rules, limits.
pub(crate) fn base_state(limits: &EngineLimits, spill_folder: &Path) -> Result<SessionState, SqlError> {
    let mut config = semantics::session_config().with_target_partitions(limits.streams);
    // Spilled data is given back file by file; larger files held up a repartition that waited for its reader.
    config.options_mut().execution.max_spill_file_size_bytes = ConfigNonZeroUsize::try_new(1)?;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(memory::shared_environment(limits, spill_folder)?)
        .with_type_planner(semantics::type_planner())
        .with_expr_planners(semantics::expr_planners())
        .with_analyzer_rules(semantics::analyzer_rules())
        .with_query_planner(Arc::new(query_planner::StatementPlanner));
    functions::register(&mut builder);
    let mut state = builder.build();
    for rule in semantics::physical_rules() {
        state = SessionStateBuilder::new_from_existing(state).with_physical_optimizer_rule(rule).build();
    }
    Ok(state)
}

/// The memory of one statement, for what it holds beside its plans.
pub(crate) fn statement_memory(scope: &Scope) -> Arc<dyn MemoryPool> {
    let shared = scope.engine.state().runtime_env();
    Arc::clone(&memory::query_environment(shared, scope.engine.limits().query_memory_bytes).memory_pool)
}

/// Plans statements of one scope.
pub(crate) struct Planner<'a> {
    provider: Provider<'a>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(scope: &'a Arc<Scope>) -> Result<Self, SqlError> {
        Ok(Planner { provider: Provider::new(scope)? })
    }

    /// A planner that reads the text of a view: its names mean what they meant when it was created.
    pub(crate) fn for_view(
        scope: &'a Arc<Scope>,
        search_path: &[String],
        bindings: &[Binding],
    ) -> Result<Self, SqlError> {
        Ok(Planner { provider: Provider::new(scope)?.with_bindings(search_path, bindings) })
    }

    /// A planner that knows one table with its rows' addresses too, in the schema [`ADDRESSED_SCHEMA`].
    pub(crate) fn addressing(
        scope: &'a Arc<Scope>,
        relation: Arc<Relation>,
        book: Arc<AddressBook>,
    ) -> Result<Self, SqlError> {
        Ok(Planner { provider: Provider::new(scope)?.with_addressed(relation, book) })
    }

    /// The planner for a run with these values of parameters.
    pub(crate) fn with_values(self, values: &'a Bound) -> Self {
        Planner { provider: self.provider.with_values(values) }
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
    fn planned(&self, mut statement: ast::Statement, types: &[Option<PgType>]) -> Result<LogicalPlan, SqlError> {
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
        let mut context = self.context(types);
        Ok(self.to_relation().sql_to_expr(self.prepared(expression)?, schema, &mut context)?)
    }

    /// The expression after the analyzer's rules, which make casts and operators PostgreSQL's.
    fn analysed(&self, expression: Expr, schema: &DFSchema, bound: &Bound) -> Result<Expr, SqlError> {
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

/// Runs a query: its rows come as they are taken.
pub(crate) async fn select(
    scope: Arc<Scope>,
    tree: &ast::Statement,
    bound: &Bound,
    known: &ConstantResult,
) -> Result<Outcome, SqlError> {
    let ast::Statement::Query(query) = tree else { return Err(SqlError::internal("a query was expected")) };
    if let Some(outcome) = known.outcome() {
        return Ok(outcome);
    }
    let planner = Planner::new(&scope)?.with_values(bound);
    let plan = planner.shown_query(query, bound.types())?;
    let origins = origins::of(&plan);
    let settled = planner.settled(plan, bound)?;
    let columns = with_origins(describe_schema(settled.schema().inner()), origins);
    let shown = semantics::with_shown_digits(settled)?;
    let physical = planner.physical_of(&planner.optimised_of(shown)?).await?;
    let task = planner.task();
    if constant_query::is_constant(query) {
        let batches = collect(&scope, physical, task).await?;
        known.keep(&columns, &batches);
        return Ok(constant_query::rows(columns, batches));
    }
    let batches = start(&scope, physical, task)?;
    Ok(Outcome::Rows(Rows { columns, batches, tag: RowsTag::Select }))
}

/// Parameters and columns of a query. Columns are those of the optimised plan: coercion settles their types.
pub(crate) fn describe_query(
    scope: &Arc<Scope>,
    tree: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<(Vec<PgType>, Option<Vec<ColumnDescription>>), SqlError> {
    let ast::Statement::Query(query) = tree else { return Err(SqlError::internal("a query was expected")) };
    let hinted = parameters::hinted(scope, tree, types)?;
    let guessed: Vec<_> = hinted.iter().map(|ty| ty.unwrap_or(PgType::TEXT)).collect();
    let unknown = Bound::nulls(&guessed)?;
    let planner = Planner::new(scope)?.with_values(&unknown);
    let plan = planner.query(query, &hinted)?;
    let resolved = parameters::resolve(&plan, &hinted)?;
    let typed: Vec<_> = resolved.iter().copied().map(Some).collect();
    let plan = planner.query(query, &typed)?;
    let origins = origins::of(&plan);
    let nulls = Bound::nulls(&resolved)?;
    let settled = planner.settled(plan, &nulls)?;
    Ok((resolved, Some(with_origins(describe_schema(settled.schema().inner()), origins))))
}

fn with_origins(mut columns: Vec<ColumnDescription>, origins: Vec<Option<origins::Origin>>) -> Vec<ColumnDescription> {
    for (column, origin) in columns.iter_mut().zip(origins) {
        column.origin = origin;
    }
    columns
}

/// PostgreSQL's name for the column of an expression.
pub(crate) fn expression_name(expression: &ast::Expr) -> String {
    output_names::expression_name(expression).unwrap_or_else(|| "?column?".to_owned())
}

/// The columns of a result by its schema.
pub(crate) fn describe_schema(schema: &SchemaRef) -> Vec<ColumnDescription> {
    schema.fields().iter().map(describe_field).collect()
}

fn describe_field(field: &FieldRef) -> ColumnDescription {
    ColumnDescription::computed(output_names::shown(field.name()), pg_type(field))
}

/// The name that a client sees for a field of a plan.
pub(crate) fn shown_name(field: &Field) -> &str {
    output_names::shown(field.name())
}

/// A constant expression's value, assigned to a type if one is given.
pub(crate) async fn constant(
    scope: &Arc<Scope>,
    expression: &ast::Expr,
    assigned: Option<(PgType, DataType)>,
) -> Result<(ScalarValue, PgType), SqlError> {
    let planner = Planner::new(scope)?;
    let empty = DFSchema::empty();
    let mut planned = planner.expression(expression, &empty)?;
    if let Some((ty, arrow)) = assigned {
        planned = semantics::assignment_cast(planned, &empty, ty, &arrow)?;
    }
    let plan = LogicalPlanBuilder::empty(true).project([planned.alias("value")])?.build()?;
    let physical = planner.physical(plan, &Bound::default()).await?;
    let ty = pg_type(physical.schema().field(0));
    let batches = collect(scope, physical, planner.task()).await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| SqlError::internal("no value"))?;
    Ok((ScalarValue::try_from_array(batch.column(0), 0)?, ty))
}

/// The value of an argument of EXECUTE, as assigned to parameter `number`.
pub(crate) async fn argument(
    scope: &Arc<Scope>,
    expression: &ast::Expr,
    ty: PgType,
    number: usize,
) -> Result<ScalarValue, SqlError> {
    let (_, field) = Planner::new(scope)?.expression(expression, &DFSchema::empty())?.to_field(&DFSchema::empty())?;
    let given = pg_type(&field);
    if !semantics::is_assignable(given, ty) {
        let (given, expected) = (values::type_name(given), values::type_name(ty));
        let message = format!("parameter ${number} of type {given} cannot be coerced to the expected type {expected}");
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message)
            .hint("You will need to rewrite or cast the expression."));
    }
    let planned = parameters::planned_as(ty);
    let assigned = (planned, arrow_type(planned, None));
    Ok(constant(scope, expression, Some(assigned)).await?.0)
}
