//! `COPY … FROM … (DEFAULT 'marker')`: fields that are the marker take the default of their column, each as if the row had
//! not given it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, FieldRef, Schema};
use peristyle_storage::shape::{is_shaped, shaped};
use peristyle_storage::special_numeric::cast_numbers;

use super::Target;
use super::shaper::{Computer, Source, default_source};
use super::value_rows::wider;
use crate::copy::Decoded;
use crate::error::SqlError;
use crate::scope::Scope;

/// The defaults of the columns that a COPY reads, by their names.
pub(super) struct MarkedDefaults(BTreeMap<String, (FieldRef, Source)>);

impl MarkedDefaults {
    pub(super) fn of(scope: &Arc<Scope>, target: &Target, names: &[String]) -> Result<MarkedDefaults, SqlError> {
        if target.is_open() {
            return Err(SqlError::unsupported("COPY option DEFAULT is not supported for a table of open schema"));
        }
        let computer = Computer::new(scope);
        let mut defaults = BTreeMap::new();
        for field in target.fields.iter().filter(|field| names.contains(field.field.name())) {
            let source = default_source(&computer, target, field.id, &field.field)?;
            if !matches!(source, Source::Null) {
                defaults.insert(field.field.name().clone(), (Arc::clone(&field.field), source));
            }
        }
        Ok(MarkedDefaults(defaults))
    }

    /// Whether the column has one.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }

    /// Puts them where the marker stood.
    pub(super) fn fill(&self, scope: &Scope, piece: &mut Decoded) -> Result<(), SqlError> {
        for column in &mut piece.columns {
            let Some(marked) = column.defaulted.take().filter(|marked| marked.true_count() > 0) else { continue };
            let Some((field, source)) = self.0.get(&column.name) else {
                return Err(SqlError::internal("a marker stands for a default that is not there"));
            };
            let defaults = source.array(scope, field, &rows_without_columns(marked.true_count())?)?;
            column.array = filled(&column.array, &defaults, &marked)?;
        }
        Ok(())
    }
}

fn rows_without_columns(count: usize) -> Result<RecordBatch, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?)
}

/// The values with one default after the other in the marked places.
fn filled(given: &ArrayRef, defaults: &ArrayRef, marked: &BooleanArray) -> Result<ArrayRef, SqlError> {
    let mut next = 0..;
    let place = |(row, is_marked): (usize, bool)| match is_marked {
        true => (1, next.next().unwrap_or_default()),
        false => (0, row),
    };
    let places: Vec<(usize, usize)> = marked.values().iter().enumerate().map(place).collect();
    // Bare numerics have the digits of their values.
    let ty = wider(given.data_type(), defaults.data_type());
    let (given, defaults) = (in_form(given, &ty)?, in_form(defaults, &ty)?);
    Ok(interleave(&[given.as_ref(), defaults.as_ref()], &places)?)
}

fn in_form(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef, SqlError> {
    match values.as_list_opt::<i32>() {
        Some(lists) if is_shaped(ty) => in_form(&shaped(lists)?, ty),
        _ => Ok(cast_numbers(values, ty)?),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Int32Array};
    use arrow::datatypes::{Decimal128Type, Int32Type};

    use super::*;

    #[test]
    fn defaults_stand_where_the_marker_stood() {
        let given: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, None, Some(4)]));
        let defaults: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        let marked = BooleanArray::from(vec![false, true, false, false]);
        let filled = filled(&given, &defaults, &marked).expect("filled");
        let expected = Int32Array::from(vec![Some(1), Some(7), None, Some(4)]);
        assert_eq!(filled.as_primitive::<Int32Type>(), &expected);
    }

    #[test]
    fn a_bare_numeric_keeps_all_digits() {
        let decimals = |values: Vec<i128>, scale: i8| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(10, scale).expect("a decimal"))
        };
        let marked = BooleanArray::from(vec![true, false]);
        let filled = filled(&decimals(vec![0, 15], 1), &decimals(vec![125], 2), &marked).expect("filled");
        assert!(matches!(filled.data_type(), DataType::Decimal128(_, 2)));
        assert_eq!(filled.as_primitive::<Decimal128Type>().values(), &[125, 150]);
    }
}
