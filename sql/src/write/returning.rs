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
use crate::error::SqlError;
use crate::names::fold;
use crate::outcome::ColumnDescription;
use crate::plan::parameters::{self, Bound};
use crate::plan::{Planner, expression_name, plan_over};
use crate::scope::Scope;

/// What a RETURNING clause gave: its columns and their rows.
pub(super) type Returned = (Vec<ColumnDescription>, Vec<RecordBatch>);

/// What a RETURNING clause computes.
pub(super) struct Returning {
    /// The table's columns, as the expressions see them.
    input: SchemaRef,
    items: Vec<Arc<dyn PhysicalExpr>>,
    output: SchemaRef,
    columns: Vec<ColumnDescription>,
}

impl Returning {
    pub(super) fn new(
        scope: &Arc<Scope>,
        target: &Target,
        insert: &Insert,
        bound: &Bound,
    ) -> Result<Option<Returning>, SqlError> {
        Returning::over(scope, target, insert, bound, None)
    }

    /// The same for rows that were written: bare numerics have the digits of their values, arrays their form.
    pub(super) fn for_rows(
        self,
        scope: &Arc<Scope>,
        target: &Target,
        insert: &Insert,
        bound: &Bound,
        written: &[RecordBatch],
    ) -> Result<Returning, SqlError> {
        let has_forms = target.fields.iter().any(|field| field.ty.is_bare_numeric() || field.ty.is_array());
        let again = match written.first().filter(|_| has_forms) {
            Some(batch) => Returning::over(scope, target, insert, bound, Some(batch.schema_ref()))?,
            None => None,
        };
        Ok(again.unwrap_or(self))
    }

    fn over(
        scope: &Arc<Scope>,
        target: &Target,
        insert: &Insert,
        bound: &Bound,
        written: Option<&Schema>,
    ) -> Result<Option<Returning>, SqlError> {
        let Some(items) = &insert.returning else { return Ok(None) };
        let planner = Planner::new(scope)?.with_values(bound);
        let (input, schema) = seen(target, insert, written)?;
        let mut physical = Vec::new();
        let mut output: Vec<FieldRef> = Vec::new();
        for (item_name, expression) in expand(target, items)? {
            let logical = planner.bound_expression(&expression, &schema, bound)?;
            let item = planner.state().create_physical_expr(logical, &schema)?;
            let field = item.return_field(&input)?;
            output.push(Arc::new(field.as_ref().clone().with_name(item_name).with_nullable(true)));
            physical.push(item);
        }
        let columns = output.iter().map(|field| ColumnDescription::computed(field.name(), pg_type(field))).collect();
        Ok(Some(Returning { input, items: physical, output: Arc::new(Schema::new(output)), columns }))
    }

    /// The types of parameters that a RETURNING clause says, beside those that are known.
    pub(super) fn infer(
        scope: &Arc<Scope>,
        target: &Target,
        insert: &Insert,
        known: Vec<Option<PgType>>,
    ) -> Result<Vec<Option<PgType>>, SqlError> {
        let Some(items) = insert.returning.as_ref().filter(|_| known.contains(&None)) else { return Ok(known) };
        let planner = Planner::new(scope)?;
        let (_, schema) = seen(target, insert, None)?;
        let expressions = expand(target, items)?.into_iter().map(|(_, item)| planner.over(&item, &schema, &known));
        parameters::infer(&plan_over(&schema, expressions.collect::<Result<Vec<_>, _>>()?)?, &known)
    }

    pub(super) fn columns(&self) -> &[ColumnDescription] {
        &self.columns
    }

    /// The clause over the written batches.
    pub(super) fn take(self, written: &[RecordBatch]) -> Result<Returned, SqlError> {
        let batches = written.iter().map(|batch| self.compute(batch)).collect::<Result<_, _>>()?;
        Ok((self.columns, batches))
    }

    fn compute(&self, written: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let whole = self.whole_row(written)?;
        let rows = whole.num_rows();
        let arrays = self
            .items
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

/// The table's columns, as the expressions of a RETURNING clause see them.
fn seen(target: &Target, insert: &Insert, written: Option<&Schema>) -> Result<(SchemaRef, DFSchema), SqlError> {
    let alias = insert.table_alias.as_ref().map(|alias| fold(&alias.alias));
    let name = alias.as_deref().unwrap_or(target.name());
    let fields: Vec<FieldRef> = target.fields.iter().map(|field| input_field(field, written)).collect();
    let input: SchemaRef = Arc::new(Schema::new(fields));
    let schema = DFSchema::try_from_qualified_schema(TableReference::bare(name), &input)?;
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
