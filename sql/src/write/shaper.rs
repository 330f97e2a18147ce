//! Rows as given → rows as stored: defaults filled in, rows left out by a condition, NOT NULL and CHECK enforced.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::physical_plan::PhysicalExpr;
use peristyle_catalog::model::{ColumnId, ColumnRule, ConstraintKind, Oid, PgType, TimestampMicros};
use peristyle_storage::special_numeric::cast_numbers;
use peristyle_storage::types::pg_type;
use sqlparser::ast;

use super::Target;
use super::literal_rows::is_now;
use super::sink::nullable_schema;
use crate::error::{SqlError, SqlState};
use crate::parse::parse_expression;
use crate::plan::{Computing, Planner};
use crate::scope::Scope;
use crate::semantics;
use crate::sequence::{column_default, sequence_of_default};
use crate::single_value::row_text;

/// Makes whole rows of a table out of the columns that a write gives.
pub(crate) struct Shaper {
    table: String,
    schema_name: String,
    columns: Vec<ShapedColumn>,
    schema: SchemaRef,
    /// The same with NULL allowed everywhere: what may not be NULL is checked with an error that names the column.
    nullable: SchemaRef,
    generated: Vec<Computed>,
    checks: Vec<Check>,
    computes: Computes,
}

/// What a shaper computes beside taking rows as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Computes {
    Nothing,
    /// What means the same in later statements under the same definitions and settings.
    Lasting,
    /// What depends on the statement.
    Passing,
}

/// The name of a CHECK and what it computes.
type Check = (String, Arc<dyn PhysicalExpr>);

/// The place of a generated column and what computes it.
type Computed = (usize, Arc<dyn PhysicalExpr>);

struct ShapedColumn {
    id: ColumnId,
    field: FieldRef,
    source: Source,
    not_null: bool,
}

/// Where a column's values come from.
pub(super) enum Source {
    /// A column of the given batch.
    Given(usize),
    /// Its default, computed per batch.
    Default(Arc<dyn PhysicalExpr>),
    /// The time at which the transaction began.
    Now,
    /// The next values of a sequence.
    Sequence(Oid),
    Null,
}

impl Source {
    /// The column's field; a default of a bare numeric comes with digits of its own, which are kept, and that of an array with
    /// its form.
    fn field(&self, field: &FieldRef) -> Result<FieldRef, SqlError> {
        let Source::Default(expression) = self else { return Ok(Arc::clone(field)) };
        match expression.data_type(&Schema::empty())? {
            own if (own.is_decimal() || pg_type(field).is_array()) && own != *field.data_type() => {
                Ok(Arc::new(field.as_ref().clone().with_data_type(own)))
            }
            _ => Ok(Arc::clone(field)),
        }
    }
}

impl Shaper {
    /// A shaper for batches whose columns are called by these names, types already the table's; `extra` are columns
    /// that the write adds to the table.
    pub(crate) fn new(
        scope: &Arc<Scope>,
        target: &Target,
        fields: &[(ColumnId, FieldRef)],
        given: &[String],
    ) -> Result<Shaper, SqlError> {
        let computer = Computer::new(scope);
        let mut columns = fields
            .iter()
            .map(|(id, field)| {
                let is_generated = expression_of(target, *id).is_some();
                let source = match given.iter().position(|name| name == field.name()) {
                    // Whatever is given: what it is computed of may have changed.
                    _ if is_generated => Source::Null,
                    Some(position) => Source::Given(position),
                    None => default_source(&computer, target, *id, field)?,
                };
                let not_null = target.table().column_by_id(*id).is_some_and(|column| column.not_null);
                let field = source.field(field)?;
                Ok(ShapedColumn { id: *id, field, source, not_null })
            })
            .collect::<Result<Vec<_>, SqlError>>()?;
        let generated = generated(&computer, target, &mut columns)?;
        let schema = Arc::new(Schema::new(columns.iter().map(|c| Arc::clone(&c.field)).collect::<Vec<_>>()));
        let checks = checks(&computer, target, &schema)?;
        let schema_name = scope.schema_name(target.relation.schema).to_owned();
        let nullable = nullable_schema(schema.fields().iter());
        let (table, computes) = (target.name().to_owned(), computer.computes.get());
        Ok(Shaper { table, schema_name, columns, schema, nullable, generated, checks, computes })
    }

    /// A condition over the columns of shaped rows; 42804 if it is none.
    pub(super) fn condition(
        &self,
        scope: &Arc<Scope>,
        condition: &ast::Expr,
    ) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
        row_condition(scope, &self.table, &self.schema, condition)
    }

    pub(super) fn computes(&self) -> Computes {
        self.computes
    }

    /// The columns of shaped batches with their ids.
    pub(crate) fn fields(&self) -> Vec<(ColumnId, FieldRef)> {
        self.columns.iter().map(|column| (column.id, Arc::clone(&column.field))).collect()
    }

    /// One batch of whole rows, those for which the condition holds.
    pub(crate) fn shape(
        &self,
        scope: &Scope,
        given: &RecordBatch,
        condition: Option<&dyn PhysicalExpr>,
    ) -> Result<RecordBatch, SqlError> {
        let arrays = self
            .columns
            .iter()
            .map(|column| column.source.array(scope, &column.field, given))
            .collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(given.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.nullable), arrays, &options)?;
        let batch = self.computed(batch)?;
        let batch = match condition {
            Some(condition) => {
                let holds = condition.evaluate(&batch)?.into_array(batch.num_rows())?;
                filter_record_batch(&batch, holds.as_boolean())?
            }
            None => batch,
        };
        self.check_not_null(&batch)?;
        self.check_constraints(&batch)?;
        Ok(batch)
    }

    /// The batch with its generated columns.
    fn computed(&self, batch: RecordBatch) -> Result<RecordBatch, SqlError> {
        if self.generated.is_empty() {
            return Ok(batch);
        }
        let mut arrays = batch.columns().to_vec();
        for (at, expression) in &self.generated {
            arrays[*at] = expression.evaluate(&batch)?.into_array(batch.num_rows())?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.nullable), arrays, &options)?)
    }

    fn check_not_null(&self, batch: &RecordBatch) -> Result<(), SqlError> {
        for (column, array) in self.columns.iter().zip(batch.columns()) {
            if !column.not_null || array.null_count() == 0 {
                continue;
            }
            let row = (0..array.len()).find(|&row| array.is_null(row)).unwrap_or(0);
            let name = column.field.name();
            let message =
                format!("null value in column \"{name}\" of relation \"{}\" violates not-null constraint", self.table);
            return Err(SqlError::new(SqlState::NOT_NULL_VIOLATION, message)
                .detail(format!("Failing row contains {}.", row_text(batch, row)))
                .schema(&self.schema_name)
                .table(&self.table)
                .column(name));
        }
        Ok(())
    }

    fn check_constraints(&self, batch: &RecordBatch) -> Result<(), SqlError> {
        for (name, check) in &self.checks {
            let held = check.evaluate(batch)?.into_array(batch.num_rows())?;
            let held = held.as_boolean();
            // NULL counts as held.
            let Some(row) = (0..held.len()).find(|&row| held.is_valid(row) && !held.value(row)) else { continue };
            let message = format!("new row for relation \"{}\" violates check constraint \"{name}\"", self.table);
            return Err(SqlError::new(SqlState::CHECK_VIOLATION, message)
                .detail(format!("Failing row contains {}.", row_text(batch, row)))
                .schema(&self.schema_name)
                .table(&self.table)
                .constraint(name));
        }
        Ok(())
    }
}

impl Source {
    /// The column's values for the rows of a batch.
    pub(super) fn array(&self, scope: &Scope, field: &FieldRef, given: &RecordBatch) -> Result<ArrayRef, SqlError> {
        match self {
            Source::Given(position) => {
                let array = given.column(*position);
                if array.data_type() == field.data_type() {
                    return Ok(Arc::clone(array));
                }
                // The same PostgreSQL type in another Arrow form (string views, wider decimals).
                Ok(cast_numbers(array, field.data_type())?)
            }
            Source::Default(expression) => Ok(expression.evaluate(given)?.into_array(given.num_rows())?),
            Source::Now => Ok(moments(scope.transaction_started, field, given.num_rows())?),
            Source::Sequence(sequence) => next_values(scope, *sequence, field, given.num_rows()),
            Source::Null => Ok(new_null_array(field.data_type(), given.num_rows())),
        }
    }
}

/// The condition of `COPY … WHERE` over a table's columns; 42804 if it is none.
pub(super) fn row_condition(
    scope: &Arc<Scope>,
    table: &str,
    columns: &SchemaRef,
    condition: &ast::Expr,
) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
    let planner = Planner::new(scope)?;
    let schema = DFSchema::try_from_qualified_schema(TableReference::bare(table), columns)?;
    let condition = planner.expression(condition, &schema)?;
    let field = condition.to_field(&schema)?.1;
    if !matches!(field.data_type(), DataType::Boolean | DataType::Null) {
        let given = crate::values::type_name(pg_type(&field));
        let message = format!("argument of WHERE must be type boolean, not type {given}");
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message));
    }
    let condition = semantics::assignment_cast(condition, &schema, PgType::BOOL, &DataType::Boolean)?;
    planner.computed_by(condition, &schema)
}

/// Plans what a write computes, where there is something: planning costs more than a single row.
pub(super) struct Computer<'s> {
    scope: &'s Arc<Scope>,
    planner: OnceCell<Planner<'s>>,
    computes: Cell<Computes>,
}

impl<'s> Computer<'s> {
    pub(super) fn new(scope: &'s Arc<Scope>) -> Computer<'s> {
        Computer { scope, planner: OnceCell::new(), computes: Cell::new(Computes::Nothing) }
    }

    /// The analysed expression of a text.
    fn read(&self, text: &str, schema: &DFSchema) -> Result<Expr, SqlError> {
        self.planner()?.expression(&parse_expression(text)?, schema)
    }

    fn computing(&self, expression: Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
        let Computing { expression, is_lasting } = self.planner()?.computing(expression, schema)?;
        if !is_lasting {
            self.computes.set(Computes::Passing);
        } else if self.computes.get() == Computes::Nothing {
            self.computes.set(Computes::Lasting);
        }
        Ok(expression)
    }

    fn planner(&self) -> Result<&Planner<'s>, SqlError> {
        if let Some(planner) = self.planner.get() {
            return Ok(planner);
        }
        let planner = Planner::new(self.scope)?;
        Ok(self.planner.get_or_init(|| planner))
    }
}

/// What gives a column the values that a write does not give.
pub(super) fn default_source(
    computer: &Computer<'_>,
    target: &Target,
    id: ColumnId,
    field: &FieldRef,
) -> Result<Source, SqlError> {
    let Some(default) = target.table().column_by_id(id).and_then(column_default) else { return Ok(Source::Null) };
    let ty = pg_type(field);
    if let Some(sequence) = sequence_of_default(&default).filter(|_| semantics::is_integer(ty)) {
        return Ok(Source::Sequence(sequence));
    }
    let default = parse_expression(&default)?;
    if ty == PgType::TIMESTAMPTZ && is_now(&default) {
        return Ok(Source::Now);
    }
    let none = DFSchema::empty();
    let default = computer.planner()?.expression(&default, &none)?;
    let assigned = semantics::assignment_cast(default, &none, ty, field.data_type())?;
    Ok(Source::Default(computer.computing(assigned, &none)?))
}

/// A time as often as there are rows.
fn moments(time: TimestampMicros, field: &FieldRef, rows: usize) -> Result<ArrayRef, SqlError> {
    let one = ScalarValue::TimestampMicrosecond(Some(time.0), Some("UTC".into()));
    Ok(cast_with_options(&one.to_array_of_size(rows)?, field.data_type(), &CastOptions::default())?)
}

/// The text of what a generated column is computed by.
fn expression_of(target: &Target, id: ColumnId) -> Option<&str> {
    let column = target.table().column_by_id(id).filter(|column| column.rule == ColumnRule::Generated)?;
    column.default.as_ref().map(|own| own.expression.as_str())
}

/// What computes the generated columns. They read the others and not one another; a bare numeric comes with digits of its
/// own.
fn generated(
    computer: &Computer<'_>,
    target: &Target,
    columns: &mut [ShapedColumn],
) -> Result<Vec<Computed>, SqlError> {
    let schema = nullable_schema(columns.iter().map(|column| &column.field));
    let mut generated = Vec::new();
    for (at, column) in columns.iter_mut().enumerate() {
        let Some(text) = expression_of(target, column.id) else { continue };
        let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
        let expression = computer.read(text, &df_schema)?;
        let (ty, arrow) = (pg_type(&column.field), column.field.data_type());
        let assigned = semantics::assignment_cast(expression, &df_schema, ty, arrow)?;
        let digits = assigned.get_type(&df_schema)?;
        if digits != *arrow {
            column.field = Arc::new(column.field.as_ref().clone().with_data_type(digits));
        }
        generated.push((at, computer.computing(assigned, &df_schema)?));
    }
    Ok(generated)
}

/// As many values of a sequence as there are rows, as their column stores them.
fn next_values(scope: &Scope, sequence: Oid, field: &FieldRef, rows: usize) -> Result<ArrayRef, SqlError> {
    let values = Int64Array::from(scope.next_values(sequence, rows, rows)?);
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&values, field.data_type(), &strict).map_err(|_| {
        let message = format!("{} out of range", crate::values::type_name(pg_type(field)));
        SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
    })
}

fn checks(computer: &Computer<'_>, target: &Target, schema: &SchemaRef) -> Result<Vec<Check>, SqlError> {
    let mut checks = Vec::new();
    for constraint in &target.table().constraints {
        if let ConstraintKind::Check { expression } = &constraint.kind {
            let df_schema = DFSchema::try_from(Arc::clone(schema))?;
            let expression = computer.read(expression, &df_schema)?;
            checks.push((constraint.name.clone(), computer.computing(expression, &df_schema)?));
        }
    }
    Ok(checks)
}
