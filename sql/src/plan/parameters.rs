//! Parameters of prepared statements: which types they have, and which values.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::{arrow_type, pg_field, pg_metadata, pg_type, pg_type_of_arrow};
use sqlparser::ast::{self, Expr, Value, ValueWithSpan, Visit, Visitor};

use super::user_types::looked_up;
use super::{open_parameters, past};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::session::{Parameter, WireFormat};
use crate::values::{Cell, InputStyle, parse_binary, parse_text, type_name};
use crate::{semantics, single_value};

/// Most parameters of a statement (the wire counts them in 16 bits).
const PARAMETERS_MAX: usize = 65_535;

/// Parameters with their values, as Bind gave them.
#[derive(Default)]
pub(crate) struct Bound {
    types: Vec<Option<PgType>>,
    values: Vec<ScalarValue>,
    /// Whether the values stand for others that nobody knows yet.
    are_unknown: bool,
}

impl Bound {
    /// Decodes what the client sent. An error that is one parameter's comes with its number.
    pub(crate) fn new(
        style: &InputStyle,
        parameters: &[Parameter],
        types: &[PgType],
    ) -> Result<Bound, (SqlError, Option<usize>)> {
        if parameters.len() != types.len() {
            let message = format!(
                "bind message supplies {} parameters, but the prepared statement requires {}",
                parameters.len(),
                types.len()
            );
            return Err((SqlError::new(SqlState::PROTOCOL_VIOLATION, message), None));
        }
        let numbered = parameters.iter().zip(types).zip(1..);
        let values = numbered
            .map(|((parameter, ty), number)| decode(style, parameter, *ty).map_err(|error| (error, Some(number))))
            .collect::<Result<_, _>>()?;
        Ok(Bound { types: types.iter().copied().map(planned_as).map(Some).collect(), values, are_unknown: false })
    }

    /// Values that were computed, each of its type.
    pub(crate) fn of_values(types: &[PgType], values: Vec<ScalarValue>) -> Bound {
        Bound { types: types.iter().copied().map(planned_as).map(Some).collect(), values, are_unknown: false }
    }

    /// NULLs of those types: enough to find out what a statement returns.
    pub(crate) fn nulls(types: &[PgType]) -> Result<Bound, SqlError> {
        let types: Vec<PgType> = types.iter().copied().map(planned_as).collect();
        let values =
            types.iter().map(|ty| ScalarValue::try_new_null(&arrow_type(*ty, None))).collect::<Result<_, _>>()?;
        Ok(Bound { types: types.iter().copied().map(Some).collect(), values, are_unknown: true })
    }

    /// Types alone, as far as they are known.
    pub(crate) fn of_types(types: &[Option<PgType>]) -> Bound {
        Bound { types: types.to_vec(), values: Vec::new(), are_unknown: true }
    }

    /// Whether the values stand for others that nobody knows yet.
    pub(super) fn are_unknown(&self) -> bool {
        self.are_unknown
    }

    /// Memory that the values hold.
    pub(crate) fn bytes(&self) -> usize {
        self.values.iter().map(ScalarValue::size).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn types(&self) -> &[Option<PgType>] {
        &self.types
    }

    /// The value and type of `$number`.
    pub(crate) fn get(&self, number: usize) -> Option<(&ScalarValue, PgType)> {
        let index = number.checked_sub(1)?;
        Some((self.values.get(index)?, (*self.types.get(index)?)?))
    }

    /// The field of the value of `$number`.
    pub(super) fn field(&self, number: usize) -> Option<FieldRef> {
        let (value, ty) = self.get(number)?;
        Some(pg_field("", ty, value.data_type(), true))
    }

    /// The value of a placeholder (`$1`) as a literal.
    pub(super) fn literal(&self, placeholder: &str) -> Option<datafusion::logical_expr::Expr> {
        let (value, ty) = self.get(placeholder_number(placeholder)?)?;
        let metadata = FieldMetadata::from(pg_metadata(ty));
        Some(datafusion::logical_expr::Expr::Literal(value.clone(), Some(metadata)))
    }

    pub(crate) fn param_values(&self) -> ParamValues {
        let values = self.values.iter().zip(&self.types).map(|(value, ty)| {
            let metadata = ty.map(|ty| FieldMetadata::from(pg_metadata(ty)));
            ScalarAndMetadata::new(value.clone(), metadata)
        });
        ParamValues::List(values.collect())
    }
}

/// The type as which a parameter is planned. Registered objects are looked up by name where the statement is planned, so
/// they are the text that names them.
pub(super) fn planned_as(ty: PgType) -> PgType {
    if ty.kind().is_some_and(TypeKind::is_registered) { PgType::TEXT } else { ty }
}

fn decode(style: &InputStyle, parameter: &Parameter, ty: PgType) -> Result<ScalarValue, SqlError> {
    if planned_as(ty) != ty
        && let (Some(bytes), WireFormat::Binary) = (&parameter.value, parameter.format)
    {
        return object_number(bytes, ty);
    }
    let ty = planned_as(ty);
    let cell = match (&parameter.value, parameter.format) {
        (None, _) => Cell::Null,
        (Some(bytes), WireFormat::Binary) => parse_binary(ty, bytes, style.charset)?,
        (Some(bytes), WireFormat::Text) => parse_text(ty, &style.charset.decode(bytes)?, style)?,
    };
    single_value::scalar(ty, cell, style)
}

/// The text of an oid as the wire's binary format has it.
fn object_number(bytes: &[u8], ty: PgType) -> Result<ScalarValue, SqlError> {
    let Ok(number) = bytes.try_into().map(u32::from_be_bytes) else {
        let message = format!("incorrect binary data format for type {}", type_name(ty));
        return Err(SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, message));
    };
    Ok(ScalarValue::Utf8View(Some(number.to_string())))
}

/// The field of a parameter of that type.
pub(super) fn field(ty: PgType) -> FieldRef {
    let ty = planned_as(ty);
    pg_field("", ty, arrow_type(ty, None), true)
}

/// What the client said of the types, and what casts in the text say (`$1::date`); `unknown` says nothing.
pub(crate) fn hinted(
    scope: &Arc<Scope>,
    tree: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<Vec<Option<PgType>>, SqlError> {
    let mut finder = Finder { scope, greatest: 0, casts: Vec::new() };
    let _ = tree.visit(&mut finder);
    if finder.greatest > PARAMETERS_MAX {
        let message = format!("there is no parameter ${}", finder.greatest);
        return Err(SqlError::new(SqlState::UNDEFINED_PARAMETER, message));
    }
    let mut hinted = vec![None; finder.greatest.max(types.len())];
    for (slot, ty) in hinted.iter_mut().zip(types) {
        *slot = ty.filter(|ty| ty.oid != PgType::UNKNOWN.oid && ty.oid != 0);
    }
    for (number, ty) in finder.casts {
        hinted[number - 1].get_or_insert(ty);
    }
    Ok(hinted)
}

/// The numbers of the parameters in a tree.
pub(crate) fn numbers(tree: &impl Visit) -> BTreeSet<usize> {
    let mut numbers = Numbers(BTreeSet::new());
    let _ = tree.visit(&mut numbers);
    numbers.0
}

struct Numbers(BTreeSet<usize>);

impl Visitor for Numbers {
    type Break = ();

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(text) = &value.value {
            self.0.extend(placeholder_number(text));
        }
        ControlFlow::Continue(())
    }
}

/// All types: those that are known, those that the plan infers, text for the rest, as PostgreSQL does.
pub(crate) fn resolve(plan: &LogicalPlan, hinted: &[Option<PgType>]) -> Result<Vec<PgType>, SqlError> {
    Ok(or_text(infer(plan, hinted)?))
}

/// The types that are known, text for the rest.
pub(crate) fn or_text(types: Vec<Option<PgType>>) -> Vec<PgType> {
    types.into_iter().map(|ty| ty.unwrap_or(PgType::TEXT)).collect()
}

/// The types that are known, and those that the plan infers.
pub(crate) fn infer(plan: &LogicalPlan, hinted: &[Option<PgType>]) -> Result<Vec<Option<PgType>>, SqlError> {
    // Most statements have none, or all are named: the plan is not walked for them.
    if hinted.iter().all(Option::is_some) {
        return Ok(hinted.to_vec());
    }
    let inferred: HashMap<usize, PgType> = plan
        .get_parameter_fields()?
        .into_iter()
        .filter_map(|(name, field)| Some((placeholder_number(&name)?, inferred_type(&field?))))
        .collect();
    let around = open_parameters::types(plan)?;
    let of_plan = |number: usize| inferred.get(&number).or_else(|| around.get(&number)).copied();
    let types = hinted.iter().enumerate();
    Ok(types.map(|(i, known)| known.or_else(|| of_plan(i + 1))).collect())
}

fn inferred_type(field: &FieldRef) -> PgType {
    match pg_type(field) {
        // What a decimal of some precision is compared with may have any other.
        ty if ty.oid == PgType::NUMERIC.oid => PgType::NUMERIC,
        ty if ty.oid == 0 => pg_type_of_arrow(field.data_type()),
        ty => PgType::plain(ty.oid),
    }
}

/// 3 of `$3`.
pub(crate) fn placeholder_number(placeholder: &str) -> Option<usize> {
    placeholder.strip_prefix('$')?.parse().ok().filter(|&number| number > 0)
}

/// Placeholders in a tree: the greatest number, and the types that casts give.
struct Finder<'a> {
    scope: &'a Scope,
    greatest: usize,
    casts: Vec<(usize, PgType)>,
}

impl Visitor for Finder<'_> {
    type Break = ();

    /// A bound of a series is of the type of its other bound; the moment of a table's state is a time or a number.
    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Table { version: Some(version), .. } = factor
            && let Ok((moment, ty)) = past::moment(version)
        {
            self.casts.extend(placeholder(moment).map(|number| (number, ty)));
        }
        let (name, arguments) = match factor {
            ast::TableFactor::Table { name, args: Some(arguments), .. } => (name, &arguments.args),
            ast::TableFactor::Function { name, args, .. } => (name, args),
            _ => return ControlFlow::Continue(()),
        };
        if !name.to_string().to_lowercase().ends_with("generate_series") {
            return ControlFlow::Continue(());
        }
        let expressions: Vec<&Expr> = arguments.iter().filter_map(argument_expression).collect();
        let known = match expressions.iter().find_map(|expression| written_type(expression)) {
            Some(PgType::DATE) => PgType::TIMESTAMPTZ,
            known => known.unwrap_or(PgType::INT4),
        };
        let numbers = expressions.into_iter().filter_map(placeholder);
        self.casts.extend(numbers.map(|number| (number, known)));
        ControlFlow::Continue(())
    }

    /// LIMIT and OFFSET take bigint.
    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let counts = match &query.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                [limit.as_ref(), offset.as_ref().map(|offset| &offset.value)]
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => [Some(limit), Some(offset)],
            None => [None, None],
        };
        let rows = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref());
        let numbers = counts.into_iter().chain([rows]).flatten().filter_map(placeholder);
        self.casts.extend(numbers.map(|number| (number, PgType::INT8)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Some(number) = placeholder(expression) {
            self.greatest = self.greatest.max(number);
        }
        if let Expr::Cast { expr, data_type, .. } = expression
            && let Some(number) = placeholder(expr)
            && let Ok(ty) = looked_up(self.scope, data_type).and_then(|ty| Ok(semantics::pg_type_of_sql(&ty)?))
        {
            self.casts.push((number, PgType::plain(ty.oid)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(text) = &value.value {
            self.greatest = self.greatest.max(placeholder_number(text).unwrap_or(0));
        }
        ControlFlow::Continue(())
    }
}

fn argument_expression(argument: &ast::FunctionArg) -> Option<&Expr> {
    match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    }
}

/// The type that a cast or a typed literal says.
fn written_type(expression: &Expr) -> Option<PgType> {
    let ty = match expression {
        Expr::Cast { data_type, .. } => semantics::pg_type_of_sql(data_type).ok()?,
        Expr::TypedString(typed) => semantics::pg_type_of_sql(&typed.data_type).ok()?,
        _ => return None,
    };
    Some(PgType::plain(ty.oid))
}

/// The number of an expression that is a placeholder and nothing else.
pub(crate) fn placeholder(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => placeholder_number(text),
            _ => None,
        },
        Expr::Nested(inner) => placeholder(inner),
        _ => None,
    }
}
