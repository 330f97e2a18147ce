//! Casts as PostgreSQL does them, as a function that knows its target type.
//!
//! `needs_pg_cast` lists the pairs whose meaning differs from Arrow's cast kernel; all others stay DataFusion casts,
//! which its optimizer can move across comparisons.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{self, RangeType};
use peristyle_storage::shape::{Arrays, is_shaped, item_of_array};
use peristyle_storage::special_numeric::may_be_special;
use peristyle_storage::types::{marked_pg_type, pg_type_of_arrow};

use super::cast_json;
use super::cast_number;
use super::cast_packed;
use super::cast_text;
use super::cast_time;
use super::enum_cast;
use super::type_planner::typed_field;
use crate::functions::context::{FunctionContext, StatementContext};
use crate::functions::decimal::decimal_parts;
use crate::functions::define::first_value;
use crate::functions::error::{error, not_supported};
use crate::functions::signature::is_string;
use crate::values::type_name;

/// How a value too long for its type is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastKind {
    /// `x::type`: varchar(n) and char(n) cut the value.
    Explicit,
    /// A value that is stored in a column: too long is 22001, unless only blanks are lost.
    Assignment,
}

/// The cast to one type.
#[derive(Debug)]
pub(crate) struct PgCast {
    target: PgType,
    arrow: DataType,
    kind: CastKind,
    signature: Signature,
}

impl PartialEq for PgCast {
    fn eq(&self, other: &Self) -> bool {
        (self.target, &self.arrow, self.kind) == (other.target, &other.arrow, other.kind)
    }
}

impl Eq for PgCast {}

impl Hash for PgCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.target, &self.arrow, self.kind).hash(state);
    }
}

/// Whether a cast gives the same whatever the session's settings are: TimeZone and DateStyle say how times are read and
/// written.
pub(crate) fn is_fixed(from: PgType, to: PgType) -> bool {
    let is = |ty: PgType, known: &[PgType]| known.iter().any(|known| known.oid == ty.oid);
    let [from, to] = [from, to].map(|ty| ty.element().unwrap_or(ty));
    let [from, to] = [from, to].map(|ty| ty.kind().and_then(RangeType::of_kind).map_or(ty, |range| range.element));
    let is_of_zone = |ty| is(ty, &[PgType::TIMESTAMPTZ]);
    let is_of_day = |ty| is(ty, &[PgType::DATE, PgType::TIMESTAMP]);
    let reads = super::is_text(from) && (is_of_zone(to) || is_of_day(to) || is(to, &[PgType::TIME, PgType::INTERVAL]));
    let writes = super::is_text(to) && (is_of_zone(from) || is_of_day(from));
    let turns = (is_of_zone(from) && is_of_day(to)) || (is_of_day(from) && is_of_zone(to));
    let turns = turns || (from.oid != to.oid && is(to, &[PgType::TIMETZ]));
    !(reads || writes || turns)
}

impl PgCast {
    /// The type that the cast gives.
    pub(crate) fn target(&self) -> PgType {
        self.target
    }

    /// The Arrow type that the cast gives.
    pub(crate) fn arrow(&self) -> &DataType {
        &self.arrow
    }
}

/// The expression cast to a type, as an assignment or explicitly.
pub fn cast_expr(expr: Expr, target: PgType, kind: CastKind) -> Expr {
    cast_to_arrow(expr, target.unshaped(), super::type_planner::arrow_of(target), kind)
}

/// The expression cast to a type that lies in Arrow as given (an open numeric's width is the caller's choice).
pub fn cast_to_arrow(expr: Expr, target: PgType, arrow: DataType, kind: CastKind) -> Expr {
    // Text to timestamptz, and its print, depend on the session.
    let cast = PgCast { target, arrow, kind, signature: Signature::any(1, Volatility::Stable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(cast)), vec![expr]))
}

/// Whether Arrow's kernel would not do what PostgreSQL does between these types.
pub(crate) fn needs_pg_cast(from: &DataType, target: PgType, to: &DataType) -> bool {
    let limits_length = target.character_limit().or(target.bit_limit()).is_some();
    let is_time = matches!(to, DataType::Timestamp(..) | DataType::Time64(_)) || target.oid == PgType::TIMETZ.oid;
    if limits_length || target.has_less_digits_than_scale() || (is_time && target.typmod >= 0) {
        return true;
    }
    if from.is_null() || from == to {
        return rewrites_text(target) && !from.is_null();
    }
    if may_be_special(from) {
        return true;
    }
    match (from, to) {
        (from, to) if is_string(from) && is_string(to) => {
            rewrites_text(target) || target == PgType::CHAR || target == PgType::NAME
        }
        (from, to) if is_string(from) || is_string(to) => true,
        (from, to) if from.is_integer() && (to.is_floating() || to.is_integer()) => narrows(from, to),
        (from, DataType::Decimal128(..) | DataType::Decimal256(..)) => !widens_to_decimal(from, to),
        (DataType::Float32, DataType::Float64) => false,
        (DataType::Decimal128(..) | DataType::Decimal256(..), DataType::Float64) => false,
        (DataType::List(_), DataType::List(_)) => true,
        _ => true,
    }
}

/// Whether a value of the type is another text than the one that it was read from, or not any: char(n) loses its trailing
/// blanks, an enum type has labels only.
fn rewrites_text(target: PgType) -> bool {
    target == PgType::JSON || target == PgType::JSONB || target == PgType::BPCHAR || target.enum_definition().is_some()
}

fn narrows(from: &DataType, to: &DataType) -> bool {
    match (from.primitive_width(), to.primitive_width()) {
        (Some(from_width), Some(to_width)) if to.is_integer() => {
            from_width > to_width || from.is_unsigned_integer() != to.is_unsigned_integer()
        }
        _ => false,
    }
}

fn widens_to_decimal(from: &DataType, to: &DataType) -> bool {
    use crate::functions::decimal::decimal_parts;
    if from.is_floating() || from == &DataType::Boolean {
        return false;
    }
    let source = decimal_parts(&crate::functions::signature::decimal_of(from));
    match (source, decimal_parts(to)) {
        (Some((p1, s1)), Some((p2, s2))) => s2 >= s1 && i32::from(p2) - i32::from(s2) >= i32::from(p1) - i32::from(s1),
        _ => false,
    }
}

impl ScalarUDFImpl for PgCast {
    fn name(&self) -> &str {
        "pg_cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{}::{}", args[0].schema_name(), type_name(self.target)))
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.arrow.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let source = &args.arg_fields[0];
        // As a DataFusion cast does, keep the column's name.
        let field = typed_field(source.name(), self.target, self.arrow.clone());
        // An infinite timestamp has no time of day.
        let may_lose = matches!((source.data_type(), &self.arrow), (DataType::Timestamp(..), DataType::Time64(_)));
        Ok(Arc::new(field.as_ref().clone().with_nullable(source.is_nullable() || may_lose)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let input = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let context = args.config_options.extensions.get::<StatementContext>().map(|context| context.0.as_ref());
        let job = CastJob {
            source: marked_pg_type(&args.arg_fields[0]),
            target: self.target,
            arrow: &self.arrow,
            kind: self.kind,
            context,
        };
        let output = in_width(job.run(&input)?, &self.arrow)?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(first_value(&output)?));
        }
        Ok(ColumnarValue::Array(output))
    }
}

/// Texts come as views; DataFusion's own coercions may ask for another layout.
fn in_width(output: ArrayRef, arrow: &DataType) -> Result<ArrayRef> {
    let is_other_text = output.data_type() != arrow && is_string(output.data_type()) && is_string(arrow);
    if is_other_text { Ok(cast(&output, arrow)?) } else { Ok(output) }
}

/// An array cast to a type whose text does not depend on the session.
pub(crate) fn cast_array(input: &ArrayRef, target: PgType, arrow: &DataType) -> Result<ArrayRef> {
    CastJob { source: None, target, arrow, kind: CastKind::Explicit, context: None }.run(input)
}

/// One array to cast.
#[derive(Clone, Copy)]
pub(crate) struct CastJob<'a> {
    pub(crate) source: Option<PgType>,
    pub(crate) target: PgType,
    pub(crate) arrow: &'a DataType,
    pub(crate) kind: CastKind,
    pub(crate) context: Option<&'a FunctionContext>,
}

impl<'a> CastJob<'a> {
    pub(crate) fn context(&self) -> Result<&'a FunctionContext> {
        self.context.ok_or_else(|| error("XX000", "a cast needs a statement context"))
    }

    pub(crate) fn run(&self, input: &ArrayRef) -> Result<ArrayRef> {
        if let DataType::Timestamp(unit, zone) = self.arrow
            && *unit != TimeUnit::Microsecond
        {
            // DataFusion's own coercions ask for nanoseconds.
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            return Ok(cast(&CastJob { arrow: &micros, ..*self }.run(input)?, self.arrow)?);
        }
        let from = input.data_type();
        if from.is_null() {
            return Ok(new_null_array(self.arrow, input.len()));
        }
        let source = self.source.unwrap_or_else(|| pg_type_of_arrow(from));
        if enum_cast::is_impossible(source, self.target) {
            return Err(self.cannot_cast(from));
        }
        if is_json(source) && !is_json(self.target) && !is_string(self.arrow) {
            let takes_it = source == PgType::JSONB && cast_json::takes_jsonb(self.target);
            return if takes_it { cast_json::from_jsonb(self, input) } else { Err(self.cannot_cast(from)) };
        }
        if let Some(item) = item_of_array(self.arrow) {
            return match Arrays::of(input) {
                Some(arrays) => self.arrays_to_arrays(&arrays, item),
                None if is_string(from) => cast_text::text_to_arrays(self, input, item),
                None => Err(self.cannot_cast(from)),
            };
        }
        match (from, self.arrow) {
            (from, to) if is_string(from) && is_string(to) && self.target.enum_definition().is_some() => {
                enum_cast::to_enum(self, input)
            }
            (from, to) if is_string(from) && is_string(to) => cast_text::text_to_text(self, input),
            (DataType::Utf8View, DataType::Int32) if source == PgType::CHAR => cast_text::code_of_char(input),
            (from, _) if is_string(from) => cast_text::from_text(self, input),
            (DataType::Int32, to) if is_string(to) && self.target == PgType::CHAR => cast_text::char_of_code(input),
            (from, to) if is_string(to) && is_json(self.target) => Err(self.cannot_cast(from)),
            (DataType::FixedSizeBinary(width), to)
                if is_string(to) && packed::kind_of_width(*width) == Some(TypeKind::Inet) =>
            {
                cast_packed::inet_to_text(self, input)
            }
            (_, to) if is_string(to) => cast_text::to_text(self, input),
            (from, to) if packed::kind_of(from).or(packed::kind_of(to)).is_some() => cast_packed::convert(self, input),
            (from, to) if is_number(from) && is_number(to) => cast_number::number_to_number(self, input),
            (from, to) if is_bytes(from) && is_bytes(to) => Ok(cast(input, to)?),
            (DataType::Boolean, DataType::Int32) => Ok(cast(input, self.arrow)?),
            (DataType::Int32, DataType::Boolean) => Ok(cast(input, self.arrow)?),
            (from, to) if is_time(from) && is_time(to) => cast_time::time_to_time(self, input),
            (from, to) if from == to => Ok(Arc::clone(input)),
            (from, _) => Err(self.cannot_cast(from)),
        }
    }

    pub(super) fn cannot_cast(&self, from: &DataType) -> DataFusionError {
        let source = self.source.unwrap_or_else(|| pg_type_of_arrow(from));
        cannot_cast(source, self.target)
    }

    /// (precision, scale) of the decimals that the cast gives: those of `numeric(p, s)` may have less digits than they have room
    /// for.
    pub(super) fn decimal_parts(&self) -> Option<(u8, i8)> {
        let parts = decimal_parts(self.arrow);
        let declared = self.target.finite_precision_scale().filter(|_| self.target.has_less_digits_than_scale());
        declared.or(parts)
    }

    /// The type of the values that are cast.
    pub(super) fn source_type(&self, input: &ArrayRef) -> PgType {
        self.source.unwrap_or_else(|| pg_type_of_arrow(input.data_type()))
    }

    /// The arrays with items of that type, in the form that is wanted.
    fn arrays_to_arrays(&self, arrays: &Arrays, item: &FieldRef) -> Result<ArrayRef> {
        let arrays = Arrays::of(&arrays.with_lists(self.list_to_list(arrays.lists(), item)?)?);
        let arrays = arrays.ok_or_else(|| error("XX000", "a cast of arrays gave none"))?;
        if is_shaped(self.arrow) {
            return Ok(arrays.shaped()?);
        }
        if arrays.are_plain() { Ok(Arc::new(arrays.lists().clone())) } else { Err(not_a_list()) }
    }

    fn list_to_list(&self, list: &ListArray, item: &FieldRef) -> Result<ListArray> {
        let element = self.target.item().unwrap_or(PgType::TEXT);
        let inner = CastJob { source: None, target: element, arrow: item.data_type(), ..*self };
        let values = inner.run(list.values())?;
        Ok(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?)
    }
}

/// 0A000 where an array is taken for a list and is none.
pub(super) fn not_a_list() -> DataFusionError {
    not_supported("an array with more than one dimension or a lower bound other than 1 in this place")
}

pub(super) fn cannot_cast(source: PgType, target: PgType) -> DataFusionError {
    error("42846", format!("cannot cast type {} to {}", type_name(source), type_name(target)))
}

fn is_json(ty: PgType) -> bool {
    ty == PgType::JSON || ty == PgType::JSONB
}

fn is_bytes(ty: &DataType) -> bool {
    matches!(ty, DataType::Binary | DataType::BinaryView)
}

fn is_number(ty: &DataType) -> bool {
    ty.is_numeric()
}

fn is_time(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32 | DataType::Timestamp(..) | DataType::Time64(_) | DataType::Interval(_))
}
