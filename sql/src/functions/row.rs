//! `ROW(…)`: values of several types as one, under PostgreSQL's names or under those of a relation's columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::{Oid, PgType};
use peristyle_storage::shape::is_shaped;
use peristyle_storage::types::pg_field;

use super::define::{Call, Definition, immutable, overload};
use super::signature::Ty;

/// Before the type and the names of the fields: the function that makes a row of a relation's columns.
const OF_COLUMNS: &str = "pg_row_of ";
/// Behind the type: the row is NULL where all its fields are, as that of a join's side without a match.
const OR_NONE: char = '?';
/// Between the type and the names; no identifier of a client can hold it.
const SEPARATOR: char = '\u{1}';

/// `row IS NULL`, which asks for its fields.
pub(crate) const IS_NULL: &str = "pg_row_is_null";
/// `row IS NOT NULL`.
pub(crate) const IS_NOT_NULL: &str = "pg_row_is_not_null";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(IS_NULL, &[overload(&[Ty::Unchanged], PgType::BOOL, |call| of_fields(call, false)).not_strict()]),
    immutable(IS_NOT_NULL, &[overload(&[Ty::Unchanged], PgType::BOOL, |call| of_fields(call, true)).not_strict()]),
];

/// The function that makes a row of a type of its own.
pub(crate) fn row() -> ScalarUDF {
    ScalarUDF::from(Row::new("row".to_owned(), PgType::RECORD, Vec::new()))
}

/// The name of the function that makes a row of columns of these names; a row type is a relation's, if it has one.
pub(crate) fn name_of(row_type: Option<Oid>, columns: &[String], may_be_missing: bool) -> String {
    let oid = row_type.map_or(PgType::RECORD.oid, |row_type| row_type.0);
    let or_none = if may_be_missing { String::from(OR_NONE) } else { String::new() };
    format!("{OF_COLUMNS}{oid}{or_none}{SEPARATOR}{}", columns.join(&SEPARATOR.to_string()))
}

/// The names of the columns of which the function of such a name makes a row.
pub(crate) fn columns_of(name: &str) -> Option<Vec<&str>> {
    let (_, columns) = name.strip_prefix(OF_COLUMNS)?.split_once(SEPARATOR)?;
    Some(columns.split(SEPARATOR).collect())
}

/// The function of such a name.
pub(crate) fn named(name: &str) -> Option<ScalarUDF> {
    let (ty, _) = name.strip_prefix(OF_COLUMNS)?.split_once(SEPARATOR)?;
    let columns = columns_of(name)?.into_iter().map(str::to_owned).collect();
    let row = Row::new(name.to_owned(), PgType::plain(ty.trim_end_matches(OR_NONE).parse().ok()?), columns);
    Some(ScalarUDF::from(Row { may_be_missing: ty.ends_with(OR_NONE), ..row }))
}

/// Whether an Arrow type is that of rows; arrays with dimensions are groups too.
pub(crate) fn is_row(ty: &DataType) -> bool {
    matches!(ty, DataType::Struct(_)) && !is_shaped(ty)
}

/// Whether all fields of each row are NULL, or none is.
fn of_fields(call: &Call<'_>, is_not_null: bool) -> Result<ArrayRef> {
    let values = call.expanded(0)?;
    let rows = values.as_struct();
    let are_null = |row: usize| {
        let mut fields = rows.columns().iter();
        match is_not_null {
            _ if rows.is_null(row) => !is_not_null,
            true => fields.all(|field| field.is_valid(row)),
            false => fields.all(|field| field.is_null(row)),
        }
    };
    Ok(Arc::new(BooleanArray::from_iter((0..call.rows).map(|row| Some(are_null(row))))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    name: String,
    ty: PgType,
    /// None for `f1`, `f2` and so on.
    columns: Vec<String>,
    may_be_missing: bool,
    signature: Signature,
}

impl Row {
    fn new(name: String, ty: PgType, columns: Vec<String>) -> Row {
        let signature = Signature::user_defined(Volatility::Immutable);
        Row { name, ty, columns, may_be_missing: false, signature }
    }

    /// The members under their names, each with its own type.
    fn members(&self, given: &[FieldRef]) -> Fields {
        let member = |(place, field): (usize, &FieldRef)| {
            let name = self.columns.get(place).cloned().unwrap_or_else(|| format!("f{}", place + 1));
            Arc::new(field.as_ref().clone().with_name(name).with_nullable(true))
        };
        given.iter().enumerate().map(member).collect()
    }

    /// Which rows are there.
    fn nulls(&self, columns: &[ArrayRef], rows: usize) -> Option<NullBuffer> {
        let is_there = |row: usize| columns.iter().any(|column| column.is_valid(row));
        self.may_be_missing.then(|| NullBuffer::new(BooleanBuffer::collect_bool(rows, is_there)))
    }
}

impl ScalarUDFImpl for Row {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// A literal without a type of its own is a text.
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let text = |ty: &DataType| matches!(ty, DataType::Null | DataType::Utf8);
        Ok(given.iter().map(|ty| if text(ty) { DataType::Utf8View } else { ty.clone() }).collect())
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        let fields = given.iter().map(|ty| Field::new("", ty.clone(), true));
        Ok(DataType::Struct(self.members(&fields.map(Arc::new).collect::<Vec<_>>())))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(pg_field(&self.name, self.ty, DataType::Struct(self.members(args.arg_fields)), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Struct(fields) = args.return_field.data_type() else {
            return Err(exec_datafusion_err!("a row that is none"));
        };
        let rows = args.number_rows;
        let columns = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let array = match columns.is_empty() {
            true => StructArray::new_empty_fields(rows, None),
            false => StructArray::try_new(fields.clone(), columns.clone(), self.nulls(&columns, rows))?,
        };
        Ok(ColumnarValue::Array(Arc::new(array)))
    }
}
