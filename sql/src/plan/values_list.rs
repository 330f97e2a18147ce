//! VALUES lists whose rows differ in type: each column gets the type in which PostgreSQL brings its values together.
//! DataFusion wants the same type, and the same mark of it, in every row.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as Planned, ExprSchemable};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::is_shaped;
use peristyle_storage::special_numeric::may_be_special;
use peristyle_storage::types::{DECIMAL256_PRECISION_MAX, marked_pg_type, pg_type};
use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType as SqlType, ExactNumberInfo, Expr, Ident, ObjectName, Query, SetExpr,
    Statement, Value, Values, VisitMut, VisitorMut,
};

use super::{Planner, values_rows};
use crate::error::{SqlError, SqlState};
use crate::semantics::category::{Category, category, comparison_type};
use crate::semantics::{call, cast_call, sql_type_of, string};
use crate::values::{catalog_name, is_shaped_text, type_name};

/// Digits before the point that an integer type needs.
const INT4_DIGITS: u8 = 10;
const INT8_DIGITS: u8 = 19;

/// What a cell is before the column's type is known.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    /// NULL: takes the others' type.
    Null,
    /// A string or a parameter: takes the others' type too, with the digits that it shows.
    Unknown(Option<(u8, u8)>),
    /// A string too, which as an array has more dimensions than one or another lower bound than 1.
    ShapedText,
    /// The Arrow type tells a decimal's digits, the mark whether the plan knows the type by more than that.
    Known { ty: PgType, arrow: DataType, is_marked: bool },
}

impl Cell {
    fn is_shaped(&self) -> bool {
        match self {
            Cell::ShapedText => true,
            Cell::Known { arrow, .. } => is_shaped(arrow),
            Cell::Null | Cell::Unknown(_) => false,
        }
    }
}

/// Casts the cells of every VALUES list, where they differ. 42804 if they have no type in common.
pub(super) fn unify(
    planner: &Planner<'_>,
    statement: &mut Statement,
    types: &[Option<PgType>],
) -> Result<(), SqlError> {
    match statement.visit(&mut Unifier { planner, types }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Unifier<'a, 'b> {
    planner: &'a Planner<'b>,
    types: &'a [Option<PgType>],
}

impl VisitorMut for Unifier<'_, '_> {
    type Break = SqlError;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.unify_body(&mut query.body).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

impl Unifier<'_, '_> {
    fn unify_body(&self, body: &mut SetExpr) -> Result<(), SqlError> {
        match body {
            SetExpr::Values(values) => {
                self.unify_list(values)?;
                values_rows::unite_subqueries(body)
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.unify_body(left)?;
                self.unify_body(right)
            }
            _ => Ok(()),
        }
    }

    fn unify_list(&self, values: &mut Values) -> Result<(), SqlError> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        if values.rows.len() < 2 || values.rows.iter().any(|row| row.content.len() != width) {
            return Ok(());
        }
        for column in 0..width {
            let cells: Option<Vec<Cell>> = values.rows.iter().map(|row| self.cell(&row.content[column])).collect();
            // A cell that cannot be planned by itself says so when the list is planned.
            let Some(cells) = cells.filter(|cells| cells.iter().any(|cell| *cell != cells[0])) else { continue };
            let Some(common) = common_type(&cells)? else { continue };
            let are_shaped = common.is_array() && cells.iter().any(Cell::is_shaped);
            let sql = sql_type(common, &cells);
            for row in &mut values.rows {
                let cell = &mut row.content[column];
                if are_shaped { cast_shaped(cell, common) } else { cast(cell, &sql) }
            }
        }
        Ok(())
    }

    fn cell(&self, expr: &Expr) -> Option<Cell> {
        if let Expr::Value(value) = expr {
            match &value.value {
                Value::Null => return Some(Cell::Null),
                Value::SingleQuotedString(text) if is_shaped_text(text) => return Some(Cell::ShapedText),
                Value::SingleQuotedString(text) => return Some(Cell::Unknown(decimal_digits(text))),
                _ => {}
            }
        }
        let planned = self.planner.cell(expr, self.types).ok()?;
        let (_, field) = planned.to_field(&DFSchema::empty()).ok()?;
        if matches!(&planned, Planned::Placeholder(parameter) if parameter.field.is_none()) {
            return Some(Cell::Unknown(None));
        }
        let is_marked = marked_pg_type(&field).is_some();
        Some(Cell::Known { ty: pg_type(&field), arrow: field.data_type().clone(), is_marked })
    }
}

/// The type of a column; `None` if no cell has one.
fn common_type(cells: &[Cell]) -> Result<Option<PgType>, SqlError> {
    let mut common: Option<PgType> = None;
    for cell in cells {
        let Cell::Known { ty, .. } = cell else { continue };
        common = Some(match common {
            None => *ty,
            Some(common) if common.oid == ty.oid => {
                if common == *ty {
                    common
                } else {
                    PgType::plain(ty.oid)
                }
            }
            Some(common) => comparison_type(common, *ty).ok_or_else(|| mismatch(common, *ty))?,
        });
    }
    Ok(common)
}

fn mismatch(left: PgType, right: PgType) -> SqlError {
    let message = format!("VALUES types {} and {} cannot be matched", type_name(left), type_name(right));
    SqlError::new(SqlState::DATATYPE_MISMATCH, message)
}

fn sql_type(ty: PgType, cells: &[Cell]) -> SqlType {
    if ty.oid == PgType::NUMERIC.oid {
        return SqlType::Numeric(digits(cells));
    }
    if let Some(element) = ty.element() {
        return SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(sql_type(element, cells)), None));
    }
    match ty.kind() {
        Some(TypeKind::Enum) => sql_type_of(ty),
        Some(kind) if category(ty) != Category::Other => {
            SqlType::Custom(ObjectName::from(vec![Ident::new(catalog_name(kind))]), Vec::new())
        }
        _ => SqlType::Text,
    }
}

/// Digits that hold every cell; a bare numeric if one's are not known.
fn digits(cells: &[Cell]) -> ExactNumberInfo {
    let (mut whole, mut scale) = (1_u8, 0_u8);
    for cell in cells {
        let (cell_whole, cell_scale) = match cell {
            Cell::Null => continue,
            Cell::Unknown(None) | Cell::ShapedText => return ExactNumberInfo::None,
            Cell::Unknown(Some(digits)) => *digits,
            Cell::Known { arrow, .. } => match arrow {
                open if may_be_special(open) => return ExactNumberInfo::None,
                DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
                    (p.saturating_sub(s.max(&0).unsigned_abs()), s.max(&0).unsigned_abs())
                }
                DataType::Int16 | DataType::Int32 => (INT4_DIGITS, 0),
                DataType::Int64 => (INT8_DIGITS, 0),
                _ => return ExactNumberInfo::None,
            },
        };
        (whole, scale) = (whole.max(cell_whole), scale.max(cell_scale));
    }
    let precision = whole.saturating_add(scale);
    if precision > DECIMAL256_PRECISION_MAX {
        return ExactNumberInfo::None;
    }
    ExactNumberInfo::PrecisionAndScale(u64::from(precision), i64::from(scale))
}

/// Digits before and behind the point of a number without exponent.
fn decimal_digits(text: &str) -> Option<(u8, u8)> {
    let number = text.trim().trim_start_matches(['-', '+']);
    let (whole, scale) = number.split_once('.').unwrap_or((number, ""));
    let is_number = !number.is_empty() && whole.bytes().chain(scale.bytes()).all(|b| b.is_ascii_digit());
    is_number.then_some((u8::try_from(whole.len()).ok()?, u8::try_from(scale.len()).ok()?))
}

fn cast(cell: &mut Expr, data_type: &SqlType) {
    let expr = std::mem::replace(cell, Expr::Value(Value::Null.into()));
    let (data_type, kind) = (data_type.clone(), CastKind::DoubleColon);
    *cell = Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None };
}

/// Makes a cell an array that may have any dimensions.
fn cast_shaped(cell: &mut Expr, array: PgType) {
    let expr = std::mem::replace(cell, Expr::Value(Value::Null.into()));
    *cell = call(cast_call::NAME, vec![expr, string(cast_call::target_text(array.shaped()))]);
}
