//! Rows of a statement as a Parquet file for others, in the forms of docs/types.md and with the writer's options of
//! partitions.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::file::metadata::KeyValue;
use peristyle_catalog::model::ColumnId;

use super::{FileError, Result};
use crate::packed;
use crate::partition::widening::widen_array;
use crate::partition::{WriteOptions, file_field, to_file};
use crate::shape::{Arrays, list_field, plain_lists};
use crate::special_numeric::has_special;
use crate::types::pg_type;

const DIMENSIONS: &str = "Parquet of arrays with more than one dimension or a lower bound other than 1";

/// Key of the file's own metadata under which the PostgreSQL types of its columns stand: `oid:modifier`, in order,
/// separated by commas. What reads the file again knows json from text by it.
pub(super) const TYPES_KEY: &str = "peristyle.pg_types";

/// A file in the making.
pub struct ParquetEncoder {
    /// The columns of the statement with their types.
    columns: Vec<FieldRef>,
    schema: SchemaRef,
    parquet: ArrowWriter<Vec<u8>>,
}

impl ParquetEncoder {
    /// A file of these columns.
    pub fn new(columns: &[FieldRef], options: &WriteOptions) -> Result<ParquetEncoder> {
        if columns.is_empty() {
            return Err(FileError::Unsupported("a Parquet file without columns".into()));
        }
        let fields =
            (1..).zip(columns).map(|(number, field)| file_field(ColumnId(number), &readable(&list_field(field))));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = options.properties(&schema).map_err(internal)?;
        let settings = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let parquet = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), settings);
        let mut parquet = parquet.map_err(|error| FileError::Unsupported(error.to_string()))?;
        let types: Vec<String> =
            columns.iter().map(|field| pg_type(field)).map(|ty| format!("{}:{}", ty.oid, ty.typmod)).collect();
        parquet.append_key_value_metadata(KeyValue::new(TYPES_KEY.to_owned(), types.join(",")));
        Ok(ParquetEncoder { columns: columns.to_vec(), schema, parquet })
    }

    /// Takes rows; returns the bytes that are ready.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<Bytes> {
        rows.columns().iter().try_for_each(refuse_special)?;
        let columns = rows.columns().iter().zip(&self.columns).zip(self.schema.fields());
        let arrays = columns.map(|((values, column), field)| {
            // What Parquet calls a list has one dimension and no lower bound.
            let lists = plain_lists(values).ok_or_else(|| FileError::Unsupported(DIMENSIONS.to_owned()))?;
            let readable = as_readable(&lists, &list_field(column)).map_err(internal)?;
            to_file(&readable, field).map_err(internal)
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(internal)?;
        self.parquet.write(&rows).map_err(internal)?;
        self.ready()
    }

    /// The rest of the file.
    pub fn finish(mut self) -> Result<Bytes> {
        self.parquet.finish().map_err(internal)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<Bytes> {
        self.parquet.sync().map_err(internal)?;
        Ok(std::mem::take(self.parquet.inner_mut()).into())
    }
}

/// The field of a column in a file for others, who do not know how values are packed: there they are texts.
fn readable(field: &FieldRef) -> FieldRef {
    let ty = match field.data_type() {
        ty if packed::kind_of(ty).is_some() => DataType::Utf8View,
        DataType::List(item) => DataType::List(readable(item)),
        _ => return Arc::clone(field),
    };
    Arc::new(Field::new(field.name(), ty, field.is_nullable()))
}

fn as_readable(values: &ArrayRef, column: &FieldRef) -> crate::Result<ArrayRef> {
    let wanted = readable(column);
    if wanted.data_type() == column.data_type() {
        Ok(values.clone())
    } else {
        widen_array(values, pg_type(column), &wanted)
    }
}

/// Other readers would take NaN and the infinities of numerics for numbers.
fn refuse_special(values: &ArrayRef) -> Result<()> {
    if let Some(arrays) = Arrays::of(values.as_ref()) {
        return refuse_special(arrays.lists().values());
    }
    match has_special(values) {
        true => Err(FileError::Unsupported("a numeric NaN or infinity in a Parquet file".into())),
        false => Ok(()),
    }
}

fn internal(error: impl std::fmt::Display) -> FileError {
    FileError::Internal(error.to_string())
}
