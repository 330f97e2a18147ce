//! VALUES lists of constants, and of the time at which the transaction began: rows straight from the tree, without a plan. The
//! path of single-row inserts.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use peristyle_catalog::model::{PgType, TimestampMicros};
use peristyle_storage::schema::TableField;
use sqlparser::ast::{self, Expr, FunctionArguments, ObjectNamePart, Query, SetExpr, UnaryOperator, Value};

use super::Target;
use super::assign::check_count;
use crate::error::SqlError;
use crate::names::fold;
use crate::parse::{bare_body, parse_expression};
use crate::plan::parameters::{self, Bound};
use crate::scope::Scope;
use crate::sequence::column_default;
use crate::values::{self, ColumnBuilder, InputStyle};
use crate::{semantics, single_value};

use std::sync::Arc;

/// The columns that a VALUES list fills, each from one cell of its rows. Depends on the table's definition alone.
pub(super) struct Slots {
    columns: Vec<Slot>,
    /// The columns as the table has them, NULL allowed.
    schema: SchemaRef,
}

struct Slot {
    /// Position in a row of the list.
    cell: usize,
    ty: PgType,
}

/// One cell of constants.
enum Cell<'a> {
    Null,
    /// A string, or a number as written: read by the column's type.
    Text(std::borrow::Cow<'a, str>),
    Parameter(&'a ScalarValue, PgType),
    /// The time at which the transaction began.
    Now(TimestampMicros),
}

/// What cells mean in one run of the statement.
struct Run<'a> {
    bound: &'a Bound,
    transaction_started: TimestampMicros,
}

/// PostgreSQL's functions without arguments that give the time at which the transaction began, as timestamptz.
const NOW: &[&str] = &["now", "current_timestamp", "transaction_timestamp"];

impl Slots {
    /// Of an INSERT whose VALUES may be constants for known columns; `None` if a plan is needed.
    pub(super) fn of(target: &Target, names: &[String], rows: &[&[Expr]]) -> Result<Option<Slots>, SqlError> {
        for row in rows {
            check_count(names.len(), row.len(), target)?;
        }
        let Some(positions) = names.iter().map(|name| target.position(name)).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut columns = Vec::with_capacity(positions.len());
        let mut fields: Vec<FieldRef> = Vec::with_capacity(positions.len());
        for (cell, &position) in positions.iter().enumerate() {
            let TableField { ty, field, .. } = &target.fields[position];
            if target.is_open() && !is_plain_for(*ty, rows.iter().map(|row| &row[cell])) {
                return Ok(None);
            }
            // A column that is DEFAULT in every row is one that is not given; mixed with values it needs a plan.
            if !rows.iter().all(|row| is_default(&row[cell])) {
                columns.push(Slot { cell, ty: *ty });
                fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
            }
        }
        Ok(Some(Slots { columns, schema: Arc::new(Schema::new(fields)) }))
    }

    /// The rows as a batch; `None` if a cell is no constant of its column's type.
    pub(super) fn fill(&self, scope: &Scope, rows: &[&[Expr]], bound: &Bound) -> Result<Option<RecordBatch>, SqlError> {
        let style = scope.input_style();
        let run = Run { bound, transaction_started: scope.transaction_started };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (slot, field) in self.columns.iter().zip(self.schema.fields()) {
            let cells = rows.iter().map(|row| constant(&row[slot.cell], slot.ty, &run));
            let Some(cells) = cells.collect::<Option<Vec<_>>>() else { return Ok(None) };
            columns.push(column(&style, slot.ty, field.data_type(), &cells)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.schema_of(&columns), columns, &options)?))
    }

    /// Whether a batch of the list's rows has the columns' own types: arrays may have another form than the table's have.
    pub(super) fn gave(&self, batch: &RecordBatch) -> bool {
        let fields = self.schema.fields().iter().zip(batch.columns());
        fields.into_iter().all(|(field, column)| field.data_type() == column.data_type())
    }

    /// A bare numeric's array has the digits of its values, an array the form of its values.
    fn schema_of(&self, columns: &[ArrayRef]) -> SchemaRef {
        let fields = self.schema.fields().iter().zip(columns);
        if fields.clone().all(|(field, column)| field.data_type() == column.data_type()) {
            return Arc::clone(&self.schema);
        }
        let fields = fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// Whether a source is a VALUES list of literals, parameters and calls of `now()` alone.
pub(crate) fn is_constant(query: &Query) -> bool {
    let is_literal = |cell: &Expr| match cell {
        Expr::Value(_) => true,
        Expr::UnaryOp { expr, .. } => matches!(expr.as_ref(), Expr::Value(_)),
        _ => is_default(cell) || is_now(cell),
    };
    values_only(query).is_some_and(|rows| rows.iter().all(|row| row.iter().all(is_literal)))
}

/// The rows of a VALUES list with nothing around it.
pub(super) fn values_only(query: &Query) -> Option<Vec<&[Expr]>> {
    match bare_body(query)? {
        SetExpr::Values(values) => Some(values.rows.iter().map(|row| row.as_slice()).collect()),
        _ => None,
    }
}

/// One column's cells as an array.
fn column(style: &InputStyle, ty: PgType, arrow: &DataType, cells: &[Cell<'_>]) -> Result<ArrayRef, SqlError> {
    if let [Cell::Parameter(value, given)] = cells
        && *given == ty
        && ty != PgType::NUMERIC
        && value.data_type() == *arrow
    {
        return Ok(value.to_array()?);
    }
    let mut builder = ColumnBuilder::new(ty, arrow.clone(), style.clone())?;
    for cell in cells {
        match cell {
            Cell::Null => builder.push_null(),
            Cell::Text(text) => builder.push_text(text)?,
            Cell::Parameter(value, _) if value.is_null() => builder.push_null(),
            // Its own text form, read again with the column's length or precision.
            Cell::Parameter(value, _) => builder.push_text(&single_value::text_of(value, ty)?)?,
            Cell::Now(time) => builder.push_cell(values::Cell::Timestamp(time.0))?,
        }
    }
    builder.finish()
}

/// The constant that a cell is, if its meaning depends on the column's type alone.
fn constant<'a>(expression: &'a Expr, ty: PgType, run: &Run<'a>) -> Option<Cell<'a>> {
    match expression {
        Expr::Nested(inner) => constant(inner, ty, run),
        Expr::Value(value) => match &value.value {
            Value::Null => Some(Cell::Null),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(Cell::Text(text.into())),
            Value::Number(text, false) if semantics::is_number(ty) => Some(Cell::Text(integer_or_as_is(text, ty)?)),
            Value::Boolean(on) if ty == PgType::BOOL => Some(Cell::Text(if *on { "t" } else { "f" }.into())),
            Value::Placeholder(_) => {
                let (value, given) = run.bound.get(parameters::placeholder(expression)?)?;
                (given.oid == ty.oid).then_some(Cell::Parameter(value, given))
            }
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match constant(expr, ty, run)? {
            Cell::Text(text) if semantics::is_number(ty) && is_digits(&text) => {
                Some(Cell::Text(format!("-{text}").into()))
            }
            _ => None,
        },
        call if ty == PgType::TIMESTAMPTZ && is_now(call) => Some(Cell::Now(run.transaction_started)),
        _ => None,
    }
}

/// Whether a cell is a call of `now()` or a function alike.
pub(super) fn is_now(cell: &Expr) -> bool {
    let Expr::Function(call) = cell else { return false };
    let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return false };
    let is_bare = call.over.is_none() && call.filter.is_none() && call.within_group.is_empty();
    let has_arguments = match &call.args {
        FunctionArguments::None => false,
        FunctionArguments::List(list) => !list.args.is_empty() || !list.clauses.is_empty(),
        FunctionArguments::Subquery(_) => true,
    };
    is_bare && !has_arguments && NOW.contains(&fold(name).as_str())
}

/// A number that an integer column takes as it stands; `1.5` for an integer is rounded, which is the plan's work.
fn integer_or_as_is(text: &str, ty: PgType) -> Option<std::borrow::Cow<'_, str>> {
    let is_integer = semantics::is_integer(ty);
    (!is_integer || text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text.into())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty()
}

/// Whether constants fit an open table's column as its type stands: a text for a number may widen it, which the plan
/// works out.
fn is_plain_for<'a>(ty: PgType, mut cells: impl Iterator<Item = &'a Expr>) -> bool {
    cells.all(|cell| match cell {
        Expr::Value(value) => match &value.value {
            Value::Null | Value::Placeholder(_) => true,
            Value::SingleQuotedString(_) => ty == PgType::TEXT,
            Value::Number(text, _) => ty == PgType::INT8 && text.len() < 19 && text.bytes().all(|b| b.is_ascii_digit()),
            Value::Boolean(_) => ty == PgType::BOOL,
            _ => false,
        },
        call => ty == PgType::TIMESTAMPTZ && is_now(call),
    })
}

/// Whether a cell is the word DEFAULT.
pub(crate) fn is_default(cell: &Expr) -> bool {
    matches!(cell, Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default"))
}

/// The source with the columns' default expressions in the place of DEFAULT.
pub(super) fn fill_defaults(target: &Target, names: &[String], source: &Query) -> Result<Query, SqlError> {
    let mut query = source.clone();
    if let SetExpr::Values(values) = query.body.as_mut() {
        for row in &mut values.rows {
            for (cell, name) in row.iter_mut().zip(names) {
                if is_default(cell) {
                    *cell = default_expression(target, name)?;
                }
            }
        }
    }
    Ok(query)
}

/// The column's default as its definition has it; NULL without one.
pub(crate) fn default_expression(target: &Target, name: &str) -> Result<Expr, SqlError> {
    let column = target.position(name).map(|at| target.column(target.fields[at].id));
    match column.and_then(column_default) {
        Some(default) => parse_expression(&default),
        None => Ok(Expr::Value(ast::Value::Null.into())),
    }
}
