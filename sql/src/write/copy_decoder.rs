//! What the fields of a COPY go to.

use std::sync::Arc;

use arrow::datatypes::Schema;
use peristyle_catalog::model::PgType;
use sqlparser::ast::{Expr, Ident, ObjectName};

use super::Target;
use super::copy_defaults::MarkedDefaults;
use super::shaper::row_condition;
use crate::copy::{Arrival, CopyOptions, Decoder, TargetColumn, Unknown};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;

/// Name of the column that takes what has no column of its own.
const REST_COLUMN: &str = "_rest";

/// A condition that is wrong fails before the client sends anything.
pub(super) fn check_condition(scope: &Arc<Scope>, target: &Target, condition: &Expr) -> Result<(), SqlError> {
    if target.is_open() {
        return Err(SqlError::unsupported("COPY ... FROM ... WHERE is not supported yet for a table of open schema"));
    }
    let fields: Vec<_> = target.fields.iter().map(|field| Arc::clone(&field.field)).collect();
    row_condition(scope, target.name(), &Arc::new(Schema::new(fields)), condition).map(|_| ())
}

/// The decoder for a COPY into the columns of a table, all if none is named.
pub(super) fn decoder(
    scope: &Arc<Scope>,
    name: &ObjectName,
    columns: &[Ident],
    options: CopyOptions,
) -> Result<(Target, Decoder, Option<MarkedDefaults>), SqlError> {
    let target = Target::find(scope, name)?;
    let names = if columns.is_empty() { all_columns(&target) } else { target.named(columns)? };
    target.refuse_generated(&names)?;
    check_forced(&target, &options, &names)?;
    let defaults = options.default.as_ref().map(|_| MarkedDefaults::of(scope, &target, &names)).transpose()?;
    let arrival = Arrival(scope.transaction_started.0);
    let targets = names
        .iter()
        .map(|name| match target.position(name) {
            Some(at) => {
                let field = &target.fields[at];
                TargetColumn {
                    arrow: field.field.data_type().clone(),
                    has_default: defaults.as_ref().is_some_and(|defaults| defaults.has(name)),
                    counts_time: target.counts_time(at),
                    arrival: target.begins_at_arrival(at).then_some(arrival),
                    ..TargetColumn::new(name.clone(), field.ty)
                }
            }
            None => TargetColumn::new(name.clone(), PgType::TEXT),
        })
        .collect();
    let limit = scope.engine.limits().max_table_columns;
    let unknown = match target.is_open() {
        true => Unknown::Infer { new_columns_max: limit.saturating_sub(target.fields.len() + 1) },
        false => Unknown::Refuse,
    };
    let style = scope.input_style();
    let decoder = Decoder::new(target.name(), targets, options, style, unknown);
    Ok((target, decoder, defaults))
}

/// On an open table the header may bring any column.
fn check_forced(target: &Target, options: &CopyOptions, copied: &[String]) -> Result<(), SqlError> {
    if target.is_open() {
        return Ok(());
    }
    for (set, option) in [(&options.force_not_null, "FORCE_NOT_NULL"), (&options.force_null, "FORCE_NULL")] {
        set.check(copied, |name| match target.position(name) {
            None => target.unknown_column(name),
            Some(_) => {
                let message = format!("{option} column \"{name}\" not referenced by COPY");
                SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message)
            }
        })?;
    }
    Ok(())
}

/// What data without a column list goes to. The rest column is filled by the decoder itself.
fn all_columns(target: &Target) -> Vec<String> {
    let names = target.fields.iter().map(|field| field.field.name().clone());
    let takes_none = |name: &String| target.is_generated(name) || (target.is_open() && name == REST_COLUMN);
    names.filter(|name| !takes_none(name)).collect()
}
