//! `ROW(…)`: values of several types as one.

use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::{Oid, PgType};
use peristyle_storage::types::pg_field;

/// The pseudo-type of rows that have no type of their own.
const RECORD: u32 = 2249;
/// Before the oid of a relation's row type: the function that makes a row of its columns.
const OF_TYPE: &str = "pg_row_of_type_";

/// The function that makes a row of a type of its own.
pub(crate) fn row() -> ScalarUDF {
    ScalarUDF::from(Row::new("row".to_owned(), PgType::plain(RECORD)))
}

/// The name of the function that makes a row of a relation's row type.
pub(crate) fn name_of_type(row_type: Oid) -> String {
    format!("{OF_TYPE}{row_type}")
}

/// The function of such a name.
pub(crate) fn named(name: &str) -> Option<ScalarUDF> {
    let oid = name.strip_prefix(OF_TYPE)?.parse().ok()?;
    Some(ScalarUDF::from(Row::new(name.to_owned(), PgType::plain(oid))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    name: String,
    ty: PgType,
    signature: Signature,
}

impl Row {
    fn new(name: String, ty: PgType) -> Row {
        Row { name, ty, signature: Signature::user_defined(Volatility::Immutable) }
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
        Ok(DataType::Struct(members(&fields.map(Arc::new).collect::<Vec<_>>())))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(pg_field(&self.name, self.ty, DataType::Struct(members(args.arg_fields)), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Struct(fields) = args.return_field.data_type() else {
            return Err(exec_datafusion_err!("a row that is none"));
        };
        let rows = args.number_rows;
        let columns = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let array = match columns.is_empty() {
            true => StructArray::new_empty_fields(rows, None),
            false => StructArray::try_new(fields.clone(), columns, None)?,
        };
        Ok(ColumnarValue::Array(Arc::new(array)))
    }
}

/// The members under PostgreSQL's names, each with its own type.
fn members(given: &[FieldRef]) -> Fields {
    let member = |(number, field): (usize, &FieldRef)| {
        field.as_ref().clone().with_name(format!("f{number}")).with_nullable(true)
    };
    (1..).zip(given).map(member).map(Arc::new).collect()
}
