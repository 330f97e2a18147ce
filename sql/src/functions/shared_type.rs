//! The type that several values share, of which one is chosen.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Bits;
use peristyle_storage::types::pg_type_of_arrow;

use super::choice::{CASE, CASE_OF};
use super::signature::{crowded_decimal, is_unknown as is_unknown_type};
use crate::semantics::category::comparison_type;
use crate::semantics::type_planner::arrow_of;

/// The type that values share; `None` stands for a literal that takes any. `None` if they share none.
pub(crate) fn shared_type(values: &[Option<PgType>]) -> Option<PgType> {
    let first = values.iter().flatten().next()?;
    if values.iter().flatten().any(|ty| ty.oid != first.oid) {
        return shared_varchar(values.iter().flatten());
    }
    let is_same = values.iter().all(|ty| *ty == Some(*first));
    Some(if is_same { *first } else { PgType::plain(first.oid) })
}

/// varchar, if that is the first of it and text: either is cast to the other.
fn shared_varchar<'a>(mut types: impl Iterator<Item = &'a PgType>) -> Option<PgType> {
    let is_varchar = |ty: &PgType| ty.oid == PgType::VARCHAR.oid;
    let is_first = types.next().is_some_and(is_varchar);
    (is_first && types.all(|ty| is_varchar(ty) || ty.oid == PgType::TEXT.oid)).then_some(PgType::VARCHAR)
}

/// The type of what a function chooses among values of these. NULLIF compares a varchar as text, and gives that.
pub(crate) fn chosen_type(name: &str, types: &[Option<PgType>]) -> Option<PgType> {
    let is_compared_as_text = |ty: &PgType| name == "nullif" && ty.oid == PgType::VARCHAR.oid;
    shared_type(types).filter(|ty| !is_compared_as_text(ty))
}

/// The types of a choice's values in the order in which they are asked for the type that they share: what ELSE gives comes
/// first.
pub(crate) fn in_order<T>(name: &str, arguments: usize, mut types: Vec<T>) -> Vec<T> {
    let has_else = match name {
        CASE => !arguments.is_multiple_of(2),
        CASE_OF => arguments.is_multiple_of(2),
        _ => false,
    };
    if has_else {
        types.rotate_right(1);
    }
    types
}

/// The type that numbers share where DataFusion finds another or none: a float, if one of them is, or the widest decimal.
pub(crate) fn shared_number(types: &[DataType]) -> Option<DataType> {
    shared_float(types).or_else(|| crowded_decimal(types))
}

/// The float that numbers of several types share if one is a float: PostgreSQL casts all others to it by itself.
pub(crate) fn shared_float(types: &[DataType]) -> Option<DataType> {
    let floats = types.iter().filter(|ty| ty.is_floating());
    let widest = floats.max_by_key(|ty| ty.primitive_width())?;
    let are_numbers = types.iter().all(|ty| ty.is_numeric() || ty.is_null());
    are_numbers.then(|| widest.clone())
}

/// The type that values share of which one is stored in bytes of a fixed number, to which Arrow casts no literal: a rule makes
/// it of all before they are computed. `None` if none is, or if another does not meet it.
pub(crate) fn shared_bytes(types: &[DataType]) -> Option<DataType> {
    let width = |ty: &DataType| match ty {
        DataType::FixedSizeBinary(width) => Some(*width),
        ty => (*ty == Bits::ARROW).then_some(0),
    };
    let widest = types.iter().filter(|ty| width(ty).is_some()).max_by_key(|ty| width(ty))?;
    let of = pg_type_of_arrow(widest);
    let meets = |ty: &DataType| is_unknown_type(ty) || comparison_type(pg_type_of_arrow(ty), of) == Some(of);
    types.iter().all(meets).then(|| widest.clone())
}

/// Whether values of the type are told from others of the same Arrow type by their mark only.
pub(crate) fn needs_mark(ty: PgType, arrow: &DataType) -> bool {
    pg_type_of_arrow(arrow) != ty && arrow_of(ty) == *arrow
}

/// Whether a literal takes the type of the values beside it: a string without a type of its own, or NULL.
pub(crate) fn is_unknown(literal: &ScalarValue) -> bool {
    matches!(literal, ScalarValue::Utf8(_) | ScalarValue::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modifier_stays_if_all_have_it() {
        let two = PgType { oid: PgType::VARCHAR.oid, typmod: 6 };
        assert_eq!(shared_type(&[Some(two), Some(two)]), Some(two));
        assert_eq!(shared_type(&[Some(two), None]), Some(PgType::VARCHAR));
        assert_eq!(shared_type(&[Some(two), Some(PgType::TEXT)]), Some(PgType::VARCHAR));
        assert_eq!(shared_type(&[Some(PgType::TEXT), Some(two)]), None);
        assert_eq!(shared_type(&[None, None]), None);
    }
}
