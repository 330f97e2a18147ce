//! Calls that SQL writes with words between the arguments.

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{Expr, lit};

use super::operators::call;
use crate::functions::error::error;
use crate::functions::{array_types, extract};

/// SQL forms that look like functions: `substring(a from b)`, `position(a in b)`, `extract(f from t)`, `overlay`, `ARRAY[a, b]`.
#[derive(Debug)]
pub(crate) struct PgForms;

impl ExprPlanner for PgForms {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let args = args.into_iter().enumerate().map(|(index, arg)| if index == 0 { lower_literal(arg) } else { arg });
        let args: Vec<Expr> = args.collect();
        let field = args.first().and_then(|field| field.as_literal()?.try_as_str().flatten().map(str::to_owned));
        Ok(PlannerResult::Planned(call(extract::function_for(&field.unwrap_or_default()), args)?))
    }

    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call("substring", args)?))
    }

    fn plan_position(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call("strpos", args)?))
    }

    fn plan_array_literal(&self, values: Vec<Expr>, _schema: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(array_types::MAKE, values)?))
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        _qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        match field.data_type() {
            DataType::Struct(_) => Ok(PlannerResult::Original(Vec::new())),
            // What stands before the last dot is a table to PostgreSQL.
            _ => {
                let table = nested_names.iter().rev().nth(1).unwrap_or(field.name());
                Err(error("42P01", format!("missing FROM-clause entry for table \"{table}\"")))
            }
        }
    }

    fn plan_overlay(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call("overlay", args)?))
    }
}

fn lower_literal(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(value, _) => lit(value.to_string().to_lowercase().trim_matches('\'').to_owned()),
        other => other,
    }
}
