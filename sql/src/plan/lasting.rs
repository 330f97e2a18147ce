//! Expressions over rows that a prepared statement keeps from one execution to the next, as long as no definition and no
//! setting changes: planning them costs more than a row.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::Schema;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{Expr, ExprSchemable, Volatility};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::PhysicalExpr;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;

use super::Planner;
use crate::error::SqlError;
use crate::functions::StatementContext;
use crate::{pg_catalog, semantics};

/// What computes values of rows.
pub(crate) struct Computing {
    pub(crate) expression: Arc<dyn PhysicalExpr>,
    /// Whether it computes the same in later statements of its session.
    pub(crate) is_lasting: bool,
}

/// Functions that give another value at each call and ask the statement for nothing.
const NEW_AT_EACH_CALL: &[&str] = &["gen_random_uuid", "random", "clock_timestamp"];

impl Planner<'_> {
    /// What computes an analysed expression.
    pub(crate) fn computing(&self, expression: Expr, schema: &DFSchema) -> Result<Computing, SqlError> {
        let is_lasting = is_lasting(&expression, schema)?;
        let planned = self.computed_by(expression, schema)?;
        let expression = if is_lasting { self.let_go(planned)? } else { planned };
        Ok(Computing { expression, is_lasting })
    }

    /// The same for this statement alone. Functions that are a way to write another expression (`coalesce`) become that.
    pub(crate) fn computed_by(&self, expression: Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
        let options = Arc::clone(self.state().config_options());
        let context =
            SimplifyContext::builder().with_schema(Arc::new(schema.clone())).with_config_options(options).build();
        let expression = expression.transform_up(|part| written_out(part, &context))?.data;
        Ok(self.state().create_physical_expr(expression, schema)?)
    }

    /// The expression without the snapshot of the statement that it was planned in, which would stay in memory.
    fn let_go(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
        let options = self.lasting.get_or_init(|| Arc::new(without_snapshot(self.state().config_options())));
        let let_go = expression.transform_up(|part| {
            let Some(call) = part.downcast_ref::<ScalarFunctionExpr>() else { return Ok(Transformed::no(part)) };
            let (fun, args, options) = (Arc::new(call.fun().clone()), call.args().to_vec(), Arc::clone(options));
            let field = call.return_field(&Schema::empty())?;
            Ok(Transformed::yes(Arc::new(ScalarFunctionExpr::new(call.name(), fun, args, field, options)) as _))
        })?;
        Ok(let_go.data)
    }
}

fn written_out(part: Expr, context: &SimplifyContext) -> datafusion::common::Result<Transformed<Expr>> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = part else { return Ok(Transformed::no(part)) };
    Ok(match func.simplify(args, context)? {
        ExprSimplifyResult::Original(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
        ExprSimplifyResult::Simplified(written_out) => Transformed::yes(written_out),
    })
}

/// Whether an expression means the same in every statement under the same definitions and settings.
fn is_lasting(expression: &Expr, schema: &DFSchema) -> Result<bool, SqlError> {
    let mut lasts = true;
    expression.apply(|part| {
        lasts = match part {
            Expr::Column(_)
            | Expr::Literal(..)
            | Expr::Alias(_)
            | Expr::BinaryExpr(_)
            | Expr::Not(_)
            | Expr::Negative(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::Between(_)
            | Expr::Case(_)
            | Expr::InList(_)
            | Expr::Like(_) => true,
            Expr::Cast(cast) => is_lasting_cast(&cast.expr, pg_type(&part.to_field(schema)?.1), schema)?,
            Expr::ScalarFunction(call) => is_lasting_call(call, schema)?,
            _ => false,
        };
        Ok(if lasts { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(lasts)
}

fn is_lasting_call(call: &ScalarFunction, schema: &DFSchema) -> datafusion::common::Result<bool> {
    if let Some(cast) = call.func.inner().downcast_ref::<semantics::PgCast>() {
        return is_lasting_cast(&call.args[0], cast.target(), schema);
    }
    let name = call.func.name();
    Ok(match call.func.signature().volatility {
        Volatility::Immutable => !is_of_catalog(name),
        Volatility::Stable => false,
        Volatility::Volatile => NEW_AT_EACH_CALL.contains(&name),
    })
}

/// A text may be `now`; what labels an enum type has is asked of the snapshot.
fn is_lasting_cast(from: &Expr, to: PgType, schema: &DFSchema) -> datafusion::common::Result<bool> {
    let from = pg_type(&from.to_field(schema)?.1);
    let is_enum = [from, to].iter().any(|ty| ty.enum_definition().is_some());
    Ok(!is_enum && (semantics::is_fixed_cast(from, to) || !semantics::is_text(from)))
}

/// Whether a function reads the snapshot of the statement that it was made for.
fn is_of_catalog(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| pg_catalog::functions::function_names().collect());
    NAMES.contains(name)
}

fn without_snapshot(options: &ConfigOptions) -> ConfigOptions {
    let mut options = options.clone();
    if let Some(StatementContext(context)) = options.extensions.get_mut::<StatementContext>() {
        let mut own = context.as_ref().clone();
        own.enums = None;
        *context = Arc::new(own);
    }
    options
}
