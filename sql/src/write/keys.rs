//! Keys that a table enforces (`WITH (enforce_key = true)`): no two rows share one.
//!
//! A write collects the keys of its rows. Before it is staged, the key columns of the table's rows are read, pruned by
//! what the new keys can be, and none may be among the new. Who commits one of these keys before the write does so itself
//! makes it lose its race ([`Requirement::KeysFreeSince`]).

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Decimal256Type, FieldRef, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use peristyle_catalog::model::{
    ColumnId, Constraint, ConstraintKind, KeySet, Oid, PgType, Relation, Requirement, Table, WrittenKeys,
};
use peristyle_storage::partition::canonical;
use peristyle_storage::shape::{shaped, shaped_type};
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::pg_type;

use super::Target;
use crate::error::{SqlError, SqlState};
use crate::plan::Planner;
use crate::plan::parameters::Bound;
use crate::retention::Kept;
use crate::scan::{ADDRESS_COLUMN, AddressBook, SourceId, TableScan};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::single_value;
use crate::transaction::Looks;
use crate::values::OutputStyle;

/// Keys up to which a scan is pruned by a list of them; more are a range.
const LISTED_MAX: usize = 20;
/// Name of the table in the plan that reads its keys.
const TABLE: &str = "\u{1}table";

/// The rows that a write's keys are compared with.
pub(crate) enum Existing<'a> {
    /// All that the transaction sees by now.
    AllOf(&'a SharedTransaction),
    /// None: the write takes every row of the table away.
    Nothing,
    /// All that the statement sees but those that it takes away.
    AllBut(&'a IsGone<'a>),
}

/// Whether a statement takes the row away that lies there.
pub(crate) type IsGone<'a> = dyn Fn(SourceId, u64) -> bool + Sync + 'a;

/// The keys of one write.
pub(crate) struct KeyGuard {
    relation: Arc<Relation>,
    schema_name: String,
    keys: Vec<EnforcedKey>,
    bytes_max: usize,
}

/// A key that the table enforces.
struct EnforcedKey {
    constraint: Oid,
    types: Vec<PgType>,
    key: Key,
}

/// One key and what a write holds of it.
pub(crate) struct Key {
    name: String,
    columns: Vec<KeyColumn>,
    converter: RowConverter,
    seen: HashSet<Box<[u8]>>,
    bytes: usize,
    /// Values of the first column, while they are few.
    listed: Option<Vec<ScalarValue>>,
    range: Option<(ScalarValue, ScalarValue)>,
}

struct KeyColumn {
    name: String,
    /// Its place in the rows that are written.
    at: usize,
}

impl KeyGuard {
    /// `None` for a table that enforces no key. `fields` are those of the rows.
    pub(crate) fn new(
        scope: &Scope,
        target: &Target,
        fields: &[(ColumnId, FieldRef)],
    ) -> Result<Option<KeyGuard>, SqlError> {
        let keys = EnforcedKey::all_of(target, fields)?;
        if keys.is_empty() {
            return Ok(None);
        }
        Ok(Some(KeyGuard {
            relation: Arc::clone(&target.relation),
            schema_name: scope.schema_name(target.relation.schema).to_owned(),
            keys,
            bytes_max: scope.engine.limits().query_memory_bytes,
        }))
    }

    /// Knows the keys that an earlier write to the table took.
    pub(super) fn take_over(&mut self, earlier: KeyGuard) {
        let earlier = earlier.keys.into_iter().map(|enforced| enforced.key);
        for (own, earlier) in self.keys.iter_mut().map(|enforced| &mut enforced.key).zip(earlier) {
            own.seen = earlier.seen;
            own.bytes = earlier.bytes;
            own.listed = earlier.listed;
            own.range = earlier.range;
        }
    }

    /// Takes rows; 23505 where one has a key that was taken before.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<(), SqlError> {
        for EnforcedKey { key, .. } in &mut self.keys {
            let columns = key.written(rows.columns());
            let encoded = key.encode(&columns)?;
            for (row, encoded) in encoded.into_iter().enumerate() {
                let Some(encoded) = encoded else { continue };
                if !key.take(encoded, &columns[0], row)? {
                    return Err(violation(&self.relation, &self.schema_name, key, &columns, row));
                }
            }
            if key.bytes > self.bytes_max {
                let message = format!("the keys of one write take more than {} bytes", self.bytes_max);
                return Err(SqlError::new(SqlState::OUT_OF_MEMORY, message)
                    .hint("Write fewer rows at once, or raise statement_memory_bytes_max."));
            }
        }
        Ok(())
    }

    /// Compares with the rows that are there; returns what must hold until the commit.
    pub(crate) async fn check(self, scope: &Arc<Scope>, existing: Existing<'_>) -> Result<Requirement, SqlError> {
        let (scope, is_gone): (Arc<Scope>, &IsGone<'_>) = match existing {
            Existing::AllOf(transaction) => (newest(scope, transaction)?, &|_, _| false),
            Existing::AllBut(is_gone) => (Arc::clone(scope), is_gone),
            Existing::Nothing => return Ok(self.free_since(scope)),
        };
        for EnforcedKey { key, .. } in self.keys.iter().filter(|enforced| !enforced.key.seen.is_empty()) {
            self.check_key(&scope, key, is_gone).await?;
        }
        Ok(self.free_since(&scope))
    }

    /// Nobody adds a row that was not compared and has one of the keys.
    fn free_since(&self, scope: &Scope) -> Requirement {
        let written = self.keys.iter().map(EnforcedKey::written).collect();
        Requirement::KeysFreeSince { table: self.relation.oid, since: scope.view.committed(), written }
    }

    async fn check_key(&self, scope: &Arc<Scope>, key: &Key, is_gone: &IsGone<'_>) -> Result<(), SqlError> {
        let book = Arc::<AddressBook>::default();
        let relation = scope.view.relation(self.relation.oid).cloned().unwrap_or_else(|| Arc::clone(&self.relation));
        let planner = Planner::new(scope)?;
        let scan = TableScan::addressed(Arc::clone(scope), relation, Arc::clone(&book))?;
        let kept = self.relation.as_table().map(|table| Kept::of(table, scope.transaction_started)).transpose()?;
        let physical = planner.physical(key.plan(scan, kept.flatten())?, &Bound::default()).await?;
        let mut batches = execute_stream(physical, planner.task())?;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let (columns, addresses) = batch.columns().split_at(key.columns.len());
            let addresses: &Int64Array = addresses[0].as_primitive::<Int64Type>();
            for (row, encoded) in key.encode(columns)?.into_iter().enumerate() {
                let is_there = || {
                    let place = book.row_at(addresses.value(row));
                    place.is_none_or(|(source, position)| !is_gone(source, position))
                };
                if encoded.is_some_and(|encoded| key.seen.contains(&encoded)) && is_there() {
                    return Err(violation(&self.relation, &self.schema_name, key, columns, row));
                }
            }
        }
        Ok(())
    }
}

/// The scope of a statement that sees what the transaction did up to now.
pub(crate) fn newest(scope: &Arc<Scope>, transaction: &SharedTransaction) -> Result<Arc<Scope>, SqlError> {
    let mut slot = transaction.lock();
    scope.guard.check()?;
    match &mut *slot {
        Some(transaction) => Ok(Arc::new(scope.with_view(transaction.view(Looks::AtRows)?))),
        None => Err(SqlError::internal("a statement outlived its transaction")),
    }
}

impl EnforcedKey {
    /// The keys that a table enforces, for rows with these fields.
    fn all_of(target: &Target, fields: &[(ColumnId, FieldRef)]) -> Result<Vec<EnforcedKey>, SqlError> {
        let table = target.table();
        if !table.enforces_keys() {
            return Ok(Vec::new());
        }
        let keys = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                Some(EnforcedKey::new(table, constraint, columns, fields))
            }
            ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => None,
        });
        keys.collect()
    }

    fn new(
        table: &Table,
        constraint: &Constraint,
        columns: &[ColumnId],
        fields: &[(ColumnId, FieldRef)],
    ) -> Result<EnforcedKey, SqlError> {
        let types = columns.iter().filter_map(|id| table.column_by_id(*id)).map(|column| column.ty).collect();
        Ok(EnforcedKey { constraint: constraint.oid, types, key: Key::new(&constraint.name, columns, fields)? })
    }

    fn written(&self) -> WrittenKeys {
        let keys = KeySet::new(self.key.seen.iter().map(AsRef::as_ref));
        WrittenKeys { constraint: self.constraint, types: self.types.clone(), keys }
    }
}

impl Key {
    pub(crate) fn new(name: &str, ids: &[ColumnId], fields: &[(ColumnId, FieldRef)]) -> Result<Key, SqlError> {
        let missing = || SqlError::internal("a write lacks a column of an enforced key");
        let column = |id: &ColumnId| {
            let at = fields.iter().position(|(column, _)| column == id).ok_or_else(missing)?;
            Ok(KeyColumn { name: fields[at].1.name().clone(), at })
        };
        let columns: Vec<KeyColumn> = ids.iter().map(column).collect::<Result<_, SqlError>>()?;
        let sorted = columns.iter().map(|column| SortField::new(encoded_type(fields[column.at].1.data_type())));
        Ok(Key {
            name: name.to_owned(),
            converter: RowConverter::new(sorted.collect())?,
            columns,
            seen: HashSet::new(),
            bytes: 0,
            listed: Some(Vec::new()),
            range: None,
        })
    }

    /// The key's columns in rows that are written.
    pub(crate) fn written(&self, rows: &[ArrayRef]) -> Vec<ArrayRef> {
        self.columns.iter().map(|column| Arc::clone(&rows[column.at])).collect()
    }

    /// Each row's key in a form that is equal where keys are; `None` where a part is NULL, which equals nothing.
    pub(crate) fn encode(&self, columns: &[ArrayRef]) -> Result<Vec<Option<Box<[u8]>>>, SqlError> {
        let encoded = columns.iter().map(encoded).collect::<Result<Vec<_>, _>>()?;
        let rows = self.converter.convert_columns(&encoded)?;
        let is_null = |row: usize| columns.iter().any(|column| column.is_null(row));
        let row = |row: usize| (!is_null(row)).then(|| rows.row(row).as_ref().into());
        Ok((0..rows.num_rows()).map(row).collect())
    }

    /// Takes a key; false if it was taken.
    pub(crate) fn take(&mut self, encoded: Box<[u8]>, first: &ArrayRef, row: usize) -> Result<bool, SqlError> {
        let bytes = encoded.len() + size_of::<Box<[u8]>>() * 2;
        if !self.seen.insert(encoded) {
            return Ok(false);
        }
        self.bytes += bytes;
        let value = ScalarValue::try_from_array(first, row)?;
        self.range = Some(match self.range.take() {
            None => (value.clone(), value.clone()),
            Some((low, high)) => {
                let low = if value < low { value.clone() } else { low };
                let high = if value > high { value.clone() } else { high };
                (low, high)
            }
        });
        match &mut self.listed {
            Some(listed) if listed.len() < LISTED_MAX => listed.push(value),
            listed => *listed = None,
        }
        Ok(true)
    }

    /// The key's columns, and the addresses, of the rows that can have one of the keys taken.
    fn plan(&self, scan: TableScan, kept: Option<Kept>) -> Result<LogicalPlan, SqlError> {
        let column = |name: &str| Expr::Column(Column::new(Some(TABLE), name));
        let is_kept = kept.and_then(|kept| Some(kept.condition(column(scan.shown_name(kept.column)?))));
        let source = provider_as_source(Arc::new(scan) as Arc<dyn datafusion::catalog::TableProvider>);
        let first = || column(&self.columns[0].name);
        let condition = match (&self.listed, &self.range) {
            (Some(listed), _) => Some(first().in_list(listed.iter().cloned().map(lit).collect(), false)),
            (None, Some((low, high))) if keeps_order(&low.data_type()) => {
                Some(first().gt_eq(lit(low.clone())).and(first().lt_eq(lit(high.clone()))))
            }
            _ => None,
        };
        let mut plan = LogicalPlanBuilder::scan(TABLE, source, None)?;
        for condition in condition.into_iter().chain(is_kept) {
            plan = plan.filter(condition)?;
        }
        let output = self.columns.iter().map(|key| column(&key.name)).chain([column(ADDRESS_COLUMN)]);
        Ok(plan.project(output)?.build()?)
    }
}

/// Whether values are ordered in Rust as they are in a plan.
fn keeps_order(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8View | DataType::Date32 | DataType::Timestamp(..)) || ty.is_integer()
}

/// Decimals are compared whatever their scale, arrays whatever their form.
fn encoded_type(ty: &DataType) -> DataType {
    match ty {
        ty if ty.is_decimal() => DataType::Utf8,
        DataType::List(_) => shaped_type(ty),
        ty => ty.clone(),
    }
}

fn encoded(values: &ArrayRef) -> Result<ArrayRef, SqlError> {
    if let Some(lists) = values.as_list_opt::<i32>() {
        return Ok(canonical(&shaped(lists)?));
    }
    if !values.data_type().is_decimal() {
        return Ok(canonical(values));
    }
    let specials = values.as_primitive_opt::<Decimal256Type>();
    let special = |row: usize| specials.and_then(|values| Special::of(values.value(row)));
    let texts = arrow::compute::cast(values, &DataType::Utf8)?;
    let trimmed = texts.as_string::<i32>().iter().enumerate().map(|(row, text)| {
        text.map(|text| match special(row) {
            Some(special) => special.text(),
            None if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.'),
            None => text,
        })
    });
    Ok(Arc::new(trimmed.collect::<StringArray>()))
}

fn violation(relation: &Relation, schema: &str, key: &Key, columns: &[ArrayRef], row: usize) -> SqlError {
    let table = relation.as_table();
    let names: Vec<&str> = key.columns.iter().map(|column| column.name.as_str()).collect();
    let values = key.columns.iter().zip(columns).map(|(column, values)| {
        let ty = table.and_then(|table| table.column(&column.name)).map(|column| column.ty);
        let ty = ty.unwrap_or_else(|| pg_type(&arrow::datatypes::Field::new("", values.data_type().clone(), true)));
        single_value::print(values, row, ty, &OutputStyle::default()).unwrap_or_default()
    });
    let values: Vec<String> = values.collect();
    let message = format!("duplicate key value violates unique constraint \"{}\"", key.name);
    SqlError::new(SqlState::UNIQUE_VIOLATION, message)
        .detail(format!("Key ({})=({}) already exists.", names.join(", "), values.join(", ")))
        .schema(schema)
        .table(&relation.name)
        .constraint(&key.name)
}
