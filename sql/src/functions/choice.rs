//! COALESCE, NULLIF, GREATEST, LEAST and CASE: the result has the PostgreSQL type that the values share, which the
//! Arrow type alone does not tell for jsonb, char(n) and others that are stored alike.
//!
//! CASE is planned as a call ([`CASE`], [`CASE_OF`]), since an expression of DataFusion's own has no field to carry the
//! type; `semantics` puts the CASE back, marked by [`marked`], before anything else looks at it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::functions::core;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{is_shaped, item_of_array, shaped_type};
use peristyle_storage::types::pg_type;

use super::array_types;
use super::error::error;
use super::shared_type::{chosen_type, in_order, is_unknown, needs_mark, shared_bytes, shared_number};
use super::signature::{coerced, is_string, is_unknown as is_unknown_type};
use crate::semantics::category::category;
use crate::semantics::type_planner::typed_field;
use crate::values::type_name;

/// `CASE WHEN c THEN v … [ELSE e]` as a call: the conditions and values in turn, then what ELSE gives.
pub(crate) const CASE: &str = "pg_case";
/// `CASE x WHEN …` as a call: the operand first.
pub(crate) const CASE_OF: &str = "pg_case_of";

/// The functions that choose one of their values.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let borrowed = [core::coalesce(), core::nullif(), core::greatest(), core::least()];
    let borrowed = borrowed.into_iter().map(Choice::new);
    let mut functions: Vec<_> = borrowed.map(|choice| Arc::new(ScalarUDF::new_from_impl(choice))).collect();
    functions.extend([false, true].map(|has_operand| Arc::new(ScalarUDF::new_from_impl(CaseCall::new(has_operand)))));
    functions
}

/// Positions of the values of which the function of that name gives one; `None` for any other function.
pub(crate) fn values_of(name: &str, arguments: usize) -> Option<Vec<usize>> {
    match name {
        "coalesce" | "greatest" | "least" => Some((0..arguments).collect()),
        array_types::MAKE => Some((0..arguments).collect()),
        "nullif" => Some(vec![0]),
        CASE => Some(case_values(0, arguments)),
        CASE_OF => Some(case_values(1, arguments)),
        _ => None,
    }
}

fn case_values(first: usize, arguments: usize) -> Vec<usize> {
    let is_value = |at: &usize| (at - first) % 2 == 1 || at + 1 == arguments;
    (first..arguments).filter(is_value).collect()
}

/// The result's field: of the Arrow type, marked if the values share a type that needs it.
fn chosen_field(name: &str, values: &[usize], args: &ReturnFieldArgs<'_>, arrow: DataType, nullable: bool) -> FieldRef {
    let of_value = |at: &usize| {
        let argument = args.scalar_arguments.get(*at).copied().flatten();
        let is_known = !argument.is_some_and(is_unknown) && !args.arg_fields[*at].data_type().is_null();
        is_known.then(|| pg_type(&args.arg_fields[*at]))
    };
    let types = in_order(name, args.arg_fields.len(), values.iter().map(of_value).collect());
    let field = match chosen_type(name, &types).filter(|ty| needs_mark(*ty, &arrow)) {
        Some(ty) => typed_field(name, ty, arrow),
        None => Arc::new(Field::new(name, arrow, nullable)),
    };
    Arc::new(field.as_ref().clone().with_nullable(nullable))
}

/// A function of DataFusion's whose result is marked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Choice {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Choice {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let values = values_of(self.name(), args.arg_fields.len()).unwrap_or_default();
        if let Some(packed) = shared_bytes(&data_types(args.arg_fields)) {
            return Ok(chosen_field(self.name(), &values, &args, packed, true));
        }
        if let Some(number) = self.shared_number(&data_types(args.arg_fields)) {
            return Ok(chosen_field(self.name(), &values, &args, number, true));
        }
        let types = strings_as_arrays(&data_types(args.arg_fields));
        if let Some(shaped) = alike_arrays(&types).into_iter().find(is_shaped) {
            return Ok(chosen_field(self.name(), &values, &args, shaped, true));
        }
        if self.wider_number(&types).is_some() {
            return Ok(chosen_field(self.name(), &values, &args, types[0].clone(), true));
        }
        if self.name() != "nullif" && self.inner.coerce_types(&types).is_err() {
            return Err(unmatched(&self.name().to_uppercase(), args.arg_fields));
        }
        let again = ReturnFieldArgs { arg_fields: args.arg_fields, scalar_arguments: args.scalar_arguments };
        let field = self.inner.return_field_from_args(again)?;
        Ok(chosen_field(field.name(), &values, &args, field.data_type().clone(), field.is_nullable()))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let Some(wide) = self.wider_number(&types) else { return self.inner.invoke_with_args(args) };
        for arg in &mut args.args {
            *arg = arg.cast_to(&wide, None)?;
        }
        // The first is again what it was in its own type. Not by the function itself, which would ask for that type here.
        self.inner.inner().invoke_with_args(args)?.cast_to(&types[0], None)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if shared_bytes(arguments).is_some() {
            return Ok(arguments.to_vec());
        }
        match self.shared_number(arguments) {
            Some(number) => Ok(vec![number; arguments.len()]),
            // Nothing casts a string to records: `semantics` reads it before anything is computed.
            None if arguments.iter().any(is_string) && arguments.iter().any(is_records) => Ok(arguments.to_vec()),
            // DataFusion keeps only the text of an error here; `return_field_from_args` gives the error itself.
            // Arrow casts no list to an array of any dimensions; a rule of ours brings them together.
            None if arguments.iter().any(is_shaped) => Ok(arguments.to_vec()),
            None if self.name() == "nullif" => Ok(self.compared(arguments)),
            None => self.inner.coerce_types(&strings_as_arrays(arguments)).or_else(|_| Ok(arguments.to_vec())),
        }
    }
}

impl Choice {
    fn new(inner: Arc<ScalarUDF>) -> Choice {
        let signature = Signature::user_defined(inner.signature().volatility);
        Choice { inner, signature }
    }

    /// The type in which NULLIF compares integers, or floats, of two widths; the first keeps its own.
    fn wider_number(&self, types: &[DataType]) -> Option<DataType> {
        let [first, other] = types else { return None };
        if self.name() != "nullif" || first == other {
            return None;
        }
        match (first.is_integer() && other.is_integer(), first.is_floating() && other.is_floating()) {
            (true, _) => Some(DataType::Int64),
            (_, true) => Some(DataType::Float64),
            _ => None,
        }
    }

    /// The types in which NULLIF compares its arguments. Of those that do not meet a rule says so, with their names.
    fn compared(&self, arguments: &[DataType]) -> Vec<DataType> {
        if self.wider_number(arguments).is_some() {
            return arguments.to_vec();
        }
        coerced(self.inner.as_ref(), arguments).unwrap_or_else(|_| arguments.to_vec())
    }

    /// As [`shared_number`], where all arguments may be the result.
    fn shared_number(&self, arguments: &[DataType]) -> Option<DataType> {
        if self.name() == "nullif" { None } else { shared_number(arguments) }
    }
}

fn data_types(fields: &[FieldRef]) -> Vec<DataType> {
    fields.iter().map(|field| field.data_type().clone()).collect()
}

fn is_records(ty: &DataType) -> bool {
    matches!(ty, DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)))
}

/// The types of values among which a string beside arrays is read as one, and a literal without a type as what stands
/// beside it. Beside a number it has the digits that it shows, and beside packed bytes a rule reads it.
pub(super) fn strings_as_arrays(types: &[DataType]) -> Vec<DataType> {
    let array = types.iter().find(|ty| item_of_array(ty).is_some());
    let is_read_elsewhere = |ty: &DataType| ty.is_numeric() || matches!(ty, DataType::FixedSizeBinary(_));
    let known = types.iter().find(|ty| !is_unknown_type(ty)).filter(|ty| !is_read_elsewhere(ty));
    let read_as = |ty: &DataType| match array {
        Some(array) if is_string(ty) => Some(array.clone()),
        None if *ty == DataType::Utf8 => known.cloned(),
        _ => None,
    };
    types.iter().map(|ty| read_as(ty).unwrap_or_else(|| ty.clone())).collect()
}

/// The types of arrays of which one may have any dimensions: so may all.
pub(crate) fn alike_arrays(types: &[DataType]) -> Vec<DataType> {
    let some_are_shaped = types.iter().any(is_shaped);
    let alike = |ty: &DataType| match ty {
        DataType::List(_) if some_are_shaped => shaped_type(ty),
        ty => ty.clone(),
    };
    types.iter().map(alike).collect()
}

/// CASE while it is planned.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CaseCall {
    has_operand: bool,
    signature: Signature,
}

impl CaseCall {
    fn new(has_operand: bool) -> CaseCall {
        CaseCall { has_operand, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CaseCall {
    fn name(&self) -> &str {
        if self.has_operand { CASE_OF } else { CASE }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        internal_err!("the type of a CASE is that of its values")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let values = values_of(self.name(), args.arg_fields.len()).unwrap_or_default();
        let type_at = |at: &usize| args.arg_fields[*at].data_type().clone();
        let types: Vec<DataType> = values.iter().map(type_at).collect();
        let is_known = |at: &&usize| !args.scalar_arguments.get(**at).copied().flatten().is_some_and(is_unknown);
        let known: Vec<DataType> = values.iter().filter(is_known).map(type_at).filter(|ty| !ty.is_null()).collect();
        let known = alike_arrays(&known);
        let union = || type_union_resolution(if known.is_empty() { &types } else { &known });
        let Some(arrow) = shared_number(&known).or_else(|| shared_bytes(&known)).or_else(union) else {
            return Err(unmatched("CASE", args.arg_fields));
        };
        Ok(chosen_field(self.name(), &values, &args, arrow, true))
    }

    fn short_circuits(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a CASE that was not analyzed")
    }
}

/// 42804 for values of types that do not meet; literals without a type meet all.
pub(super) fn unmatched(word: &str, values: &[FieldRef]) -> DataFusionError {
    let mut types = values.iter().filter(|field| !is_unknown_type(field.data_type())).map(|field| pg_type(field));
    let first = types.next().unwrap_or(PgType::TEXT);
    let other = types.find(|ty| category(*ty) != category(first)).unwrap_or(first);
    let name = |ty: PgType| type_name(PgType::plain(ty.oid));
    error("42804", format!("{word} types {} and {} cannot be matched", name(first), name(other)))
}

/// A value that has that type, as its Arrow type allows but does not tell.
pub(crate) fn marked(value: Expr, ty: PgType) -> Expr {
    mark(ty, false).call(vec![value])
}

/// As [`marked`], a value that may be NULL though it is said that it is not.
pub(crate) fn marked_or_null(value: Expr, ty: PgType) -> Expr {
    mark(ty, true).call(vec![value])
}

fn mark(ty: PgType, may_be_null: bool) -> ScalarUDF {
    ScalarUDF::new_from_impl(Mark { ty, may_be_null, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mark {
    ty: PgType,
    may_be_null: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Mark {
    fn name(&self) -> &str {
        "pg_mark"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args[0].schema_name().to_string())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let value = &args.arg_fields[0];
        let field = typed_field(value.name(), self.ty, value.data_type().clone());
        Ok(Arc::new(field.as_ref().clone().with_nullable(self.may_be_null || value.is_nullable())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_case_are_between_its_conditions() {
        assert_eq!(values_of(CASE, 4), Some(vec![1, 3]));
        assert_eq!(values_of(CASE, 5), Some(vec![1, 3, 4]));
        assert_eq!(values_of(CASE_OF, 6), Some(vec![2, 4, 5]));
        assert_eq!(values_of("nullif", 2), Some(vec![0]));
        assert_eq!(values_of("lower", 1), None);
    }
}
