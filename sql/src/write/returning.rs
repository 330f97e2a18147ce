//! RETURNING: expressions over the rows that a write made.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::{DFSchema, TableReference};
use datafusion::physical_plan::PhysicalExpr;
use peristyle_catalog::model::PgType;
use peristyle_storage::schema::TableField;
use peristyle_storage::shape::item_of_array;
use peristyle_storage::special_numeric::cast_numbers;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{Expr, Insert, SelectItem};

use super::Target;
use super::returning_plan::{Asked, holds_query};
use crate::error::SqlError;
use crate::names::fold;
use crate::outcome::ColumnDescription;
use crate::parse::with_before;
use crate::plan::parameters::{self, Bound};
use crate::plan::{Planner, expression_name, plan_over};
use crate::scope::Scope;

/// What a RETURNING clause gave: its columns and their rows.
pub(super) type Returned = (Vec<ColumnDescription>, Vec<RecordBatch>);

/// An INSERT, whose RETURNING is to be computed.
#[derive(Clone, Copy)]
pub(super) struct Clause<'a> {
    pub(super) scope: &'a Arc<Scope>,
    pub(super) target: &'a Target,
    pub(super) insert: &'a Insert,
    pub(super) bound: &'a Bound,
}

/// How the values come.
enum Items {
    /// Each is computed of a row alone.
    Computed(Vec<Arc<dyn PhysicalExpr>>),
    /// Subqueries are among them.
    Asked,
}

/// What a RETURNING clause computes.
pub(super) struct Returning {
    /// The table's columns, as the expressions see them.
    input: SchemaRef,
    items: Items,
    output: SchemaRef,
    columns: Vec<ColumnDescription>,
    is_lasting: bool,
}

impl Returning {
    /// `None` without the clause.
    pub(super) fn new(clause: Clause<'_>) -> Result<Option<Returning>, SqlError> {
        Returning::over(clause, None)
    }

    /// Whether it computes the same in later statements with other parameters, under the same definitions and settings.
    pub(super) fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// The clause over the written batches.
    pub(super) async fn of_rows(&self, clause: Clause<'_>, written: &[RecordBatch]) -> Result<Returned, SqlError> {
        let again = self.for_rows(clause, written)?;
        let own = again.as_ref().unwrap_or(self);
        match &own.items {
            Items::Computed(_) => own.take(written),
            // A subquery is evaluated for rows alone.
            Items::Asked if written.iter().all(|batch| batch.num_rows() == 0) => own.take(&[]),
            Items::Asked => own.asked(clause, written).await,
        }
    }

    /// The same for rows that were written, if they differ from the table's columns: bare numerics have the digits of their
    /// values, arrays their form.
    fn for_rows(&self, clause: Clause<'_>, written: &[RecordBatch]) -> Result<Option<Returning>, SqlError> {
        match written.first().filter(|_| has_forms(clause.target)) {
            Some(batch) => Returning::over(clause, Some(batch.schema_ref())),
            None => Ok(None),
        }
    }

    fn over(clause: Clause<'_>, written: Option<&Schema>) -> Result<Option<Returning>, SqlError> {
        let Clause { target, insert, bound, .. } = clause;
        let Some(returned) = &insert.returning else { return Ok(None) };
        let planner = planner_under(clause)?;
        let (input, schema) = seen(target, insert, written)?;
        let items = expand(target, returned)?;
        let Computed { items: how, fields, is_lasting } = match holds_query(returned) {
            true => {
                let asked = Asked { planner: &planner, bound, table: name(target, insert), input: Arc::clone(&input) };
                Computed { items: Items::Asked, fields: asked.fields(&items)?, is_lasting: false }
            }
            false => computed(&planner, &items, &input, &schema, bound)?,
        };
        let named = fields.iter().zip(&items).map(|(field, (name, _))| named(field, name));
        let output: Vec<FieldRef> = named.collect();
        let columns = output.iter().map(|field| ColumnDescription::computed(field.name(), pg_type(field))).collect();
        let is_lasting = is_lasting && !has_forms(target);
        Ok(Some(Returning { input, items: how, output: Arc::new(Schema::new(output)), columns, is_lasting }))
    }

    /// What the clause gives for rows of which its subqueries are asked.
    async fn asked(&self, clause: Clause<'_>, written: &[RecordBatch]) -> Result<Returned, SqlError> {
        let Clause { scope, target, insert, bound } = clause;
        let planner = planner_under(clause)?;
        let items = expand(target, insert.returning.as_deref().unwrap_or_default())?;
        let rows = written.iter().map(|batch| self.whole_row(batch)).collect::<Result<_, _>>()?;
        let asked = Asked { planner: &planner, bound, table: name(target, insert), input: Arc::clone(&self.input) };
        let (schema, batches) = asked.rows(scope, &items, rows).await?;
        let fields: Vec<FieldRef> =
            schema.fields().iter().zip(&items).map(|(field, (name, _))| named(field, name)).collect();
        let output = Arc::new(Schema::new(fields));
        let named = batches.into_iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&output), batch.columns().to_vec(), &options)?)
        });
        Ok((self.columns.clone(), named.collect::<Result<_, SqlError>>()?))
    }

    /// The types of parameters that a RETURNING clause says, beside those that are known.
    pub(super) fn infer(
        scope: &Arc<Scope>,
        target: &Target,
        insert: &Insert,
        known: Vec<Option<PgType>>,
    ) -> Result<Vec<Option<PgType>>, SqlError> {
        let Some(items) = insert.returning.as_ref().filter(|_| known.contains(&None)) else { return Ok(known) };
        let unknown = Bound::of_types(&known);
        let planner = planner_under(Clause { scope, target, insert, bound: &unknown })?;
        let (_, schema) = seen(target, insert, None)?;
        let expressions = expand(target, items)?.into_iter().map(|(_, item)| planner.over(&item, &schema, &known));
        parameters::infer(&plan_over(&schema, expressions.collect::<Result<Vec<_>, _>>()?)?, &known)
    }

    pub(super) fn columns(&self) -> &[ColumnDescription] {
        &self.columns
    }

    /// The clause over batches, of which there are none if it has subqueries.
    pub(super) fn take(&self, written: &[RecordBatch]) -> Result<Returned, SqlError> {
        let batches = written.iter().map(|batch| self.compute(batch)).collect::<Result<_, _>>()?;
        Ok((self.columns.clone(), batches))
    }

    fn compute(&self, written: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let whole = self.whole_row(written)?;
        let rows = whole.num_rows();
        let Items::Computed(items) = &self.items else { return Err(SqlError::internal("a plan was expected")) };
        let arrays = items
            .iter()
            .map(|item| Ok(item.evaluate(&whole)?.into_array(rows)?))
            .collect::<Result<Vec<ArrayRef>, SqlError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.output), arrays, &options)?)
    }

    /// The written rows with every column of the table; an open table's write may lack some.
    fn whole_row(&self, written: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let arrays = self
            .input
            .fields()
            .iter()
            .map(|field| match written.column_by_name(field.name()) {
                Some(array) => Ok(cast_numbers(array, field.data_type())?),
                None => Ok(arrow::array::new_null_array(field.data_type(), written.num_rows())),
            })
            .collect::<Result<Vec<_>, SqlError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(written.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.input), arrays, &options)?)
    }
}

/// Bare numerics have the digits of their values, arrays their form.
fn has_forms(target: &Target) -> bool {
    target.fields.iter().any(|field| field.ty.is_bare_numeric() || field.ty.is_array())
}

/// A planner whose subqueries read the statement's WITH.
fn planner_under(clause: Clause<'_>) -> Result<Planner<'_>, SqlError> {
    let Clause { scope, insert, bound, .. } = clause;
    let planner = Planner::new(scope)?.with_values(bound);
    let Some(items) = insert.returning.as_ref().filter(|items| holds_query(items)) else { return Ok(planner) };
    let planner = planner.under(with_before(insert), items)?;
    planner.refuse_other_rows(items)?;
    Ok(planner)
}

/// Items as they are computed, with the columns that they give.
struct Computed {
    items: Items,
    fields: Vec<FieldRef>,
    is_lasting: bool,
}

/// The items as they are computed of rows.
fn computed(
    planner: &Planner<'_>,
    items: &[(String, Expr)],
    input: &SchemaRef,
    schema: &DFSchema,
    bound: &Bound,
) -> Result<Computed, SqlError> {
    let mut physical = Vec::with_capacity(items.len());
    let mut fields = Vec::with_capacity(items.len());
    let mut is_lasting = true;
    for (_, item) in items {
        let logical = planner.bound_expression(item, schema, bound)?;
        let computing = planner.computing(logical, schema)?;
        fields.push(computing.expression.return_field(input)?);
        physical.push(computing.expression);
        is_lasting &= computing.is_lasting && parameters::numbers(item).is_empty();
    }
    Ok(Computed { items: Items::Computed(physical), fields, is_lasting })
}

fn named(field: &FieldRef, name: &str) -> FieldRef {
    Arc::new(field.as_ref().clone().with_name(name).with_nullable(true))
}

/// What the clause calls the table.
fn name(target: &Target, insert: &Insert) -> TableReference {
    let alias = insert.table_alias.as_ref().map(|alias| fold(&alias.alias));
    TableReference::bare(alias.unwrap_or_else(|| target.name().to_owned()))
}

/// The table's columns, as the expressions of a RETURNING clause see them.
fn seen(target: &Target, insert: &Insert, written: Option<&Schema>) -> Result<(SchemaRef, DFSchema), SqlError> {
    let fields: Vec<FieldRef> = target.fields.iter().map(|field| input_field(field, written)).collect();
    let input: SchemaRef = Arc::new(Schema::new(fields));
    let schema = DFSchema::try_from_qualified_schema(name(target, insert), &input)?;
    Ok((input, schema))
}

fn input_field(column: &TableField, written: Option<&Schema>) -> FieldRef {
    let field = column.field.as_ref().clone().with_nullable(true);
    let form = written
        .filter(|_| column.ty.is_bare_numeric() || column.ty.is_array())
        .and_then(|written| written.field_with_name(field.name()).ok())
        .map(|given| given.data_type().clone())
        .filter(|form| form.is_decimal() || item_of_array(form).is_some());
    Arc::new(match form {
        Some(form) => field.with_data_type(form),
        None => field,
    })
}

/// The clause's items with their names, `*` as the table's columns.
fn expand(target: &Target, items: &[SelectItem]) -> Result<Vec<(String, Expr)>, SqlError> {
    let mut expanded = Vec::new();
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                expanded.push((expression_name(expression), expression.clone()));
            }
            SelectItem::ExprWithAlias { expr, alias } => expanded.push((fold(alias), expr.clone())),
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                expanded.extend(target.fields.iter().map(|field| {
                    let name = field.field.name().clone();
                    let ident = sqlparser::ast::Ident::with_quote('"', &name);
                    (name, Expr::Identifier(ident))
                }));
            }
            SelectItem::ExprWithAliases { .. } => {
                return Err(SqlError::syntax("RETURNING takes one name per expression"));
            }
        }
    }
    Ok(expanded)
}
