//! Which partitions a scan must read: by key range first, then by statistics. Opens no object.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Field};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, col, lit};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use peristyle_catalog::model::{ColumnId, ColumnStatistics, Partition, PartitionKey};
use peristyle_storage::partition::{ReadColumn, RowGroups};
use peristyle_storage::statistics::bounds_array;

use super::interval::{self, Interval};
use super::{TableScan, bucket_range};
use crate::functions::array::ANY;

/// What is left of a table for one scan.
pub(crate) struct Pruned {
    pub(crate) partitions: Vec<Arc<Partition>>,
    /// Live partitions of the table.
    pub(crate) total: usize,
    /// For pruning row groups once a footer is at hand.
    pub(crate) predicate: Option<Arc<PruningPredicate>>,
}

/// Prunes on the catalog.
pub(super) fn prune(scan: &TableScan, state: &dyn Session, filters: &[Expr]) -> Result<Pruned> {
    let Some(contents) = &scan.contents else {
        return Ok(Pruned { partitions: Vec::new(), total: 0, predicate: None });
    };
    let total = contents.partition_count();
    let schema = DFSchema::try_from(scan.schema.as_ref().clone())?;
    let filters: Vec<Expr> = filters.iter().map(|filter| any_as_list(bare(filter), &schema)).collect();
    let intervals = intervals(scan, state, &filters);
    let mut partitions = by_key(scan, &filters, &intervals);
    let predicate = pruning_predicate(scan, state, filters, &intervals, &schema);
    if let Some(predicate) = &predicate
        && !partitions.is_empty()
    {
        let statistics = PartitionStatistics::load(scan, predicate, &partitions)?;
        let keep = predicate.prune(&statistics)?;
        partitions =
            partitions.into_iter().zip(keep).filter_map(|(partition, keep)| keep.then_some(partition)).collect();
    }
    Ok(Pruned { partitions, total, predicate })
}

/// What the filters say of each time column that they name.
fn intervals(scan: &TableScan, state: &dyn Session, filters: &[Expr]) -> Vec<(usize, Interval)> {
    let named: Vec<&Column> = filters.iter().flat_map(Expr::column_refs).collect();
    let time_columns =
        scan.columns.iter().enumerate().filter(|(_, column)| interval::is_time(column.field.data_type()));
    time_columns
        .filter(|(_, column)| named.iter().any(|named| named.name == *column.field.name()))
        .map(|(at, column)| (at, interval::of_filters(state, filters, &column.field)))
        .filter(|(_, interval)| !interval.is_unbounded())
        .collect()
}

/// The partitions whose key range can match.
fn by_key(scan: &TableScan, filters: &[Expr], intervals: &[(usize, Interval)]) -> Vec<Arc<Partition>> {
    let Some(contents) = &scan.contents else { return Vec::new() };
    let key = scan.relation.as_table().map_or(&PartitionKey::None, |table| &table.partition_key);
    let of_key = |column: ColumnId| intervals.iter().find(|(at, _)| scan.columns[*at].id == column);
    let interval = key.time().and_then(|(_, column)| of_key(column));
    let Interval { from, to } = interval.map(|(_, interval)| *interval).unwrap_or_default();
    let wanted = key.bucket().and_then(|(buckets, column)| {
        let named = scan.columns.iter().find(|read| read.id == column)?;
        bucket_range::of_filters(filters, named.field.name(), buckets)
    });
    let Some(wanted) = wanted else { return contents.partitions_in(None, from, to).cloned().collect() };
    // Partitions of no one bucket are among those of each.
    let mut seen = HashSet::new();
    let found = wanted.into_iter().flat_map(|bucket| contents.partitions_in(Some(bucket), from, to));
    found.filter(|partition| seen.insert(partition.id)).cloned().collect()
}

/// The filters with the ranges found for time columns, as a predicate over statistics; `None` if it would keep all.
pub(super) fn pruning_predicate(
    scan: &TableScan,
    state: &dyn Session,
    filters: Vec<Expr>,
    intervals: &[(usize, Interval)],
    schema: &DFSchema,
) -> Option<Arc<PruningPredicate>> {
    let ranges = intervals.iter().flat_map(|(at, interval)| range_filters(&scan.columns[*at].field, *interval));
    let all = filters.into_iter().chain(ranges);
    let physical = state.create_physical_expr(conjunction(all)?, schema).ok()?;
    PruningPredicateBuilder::new().with_file_schema(Arc::clone(&scan.schema)).build(physical)
}

fn range_filters(field: &Field, interval: Interval) -> Vec<Expr> {
    let column = || col(Column::new_unqualified(field.name()));
    let value = |micros: i64, round_up: bool| match field.data_type() {
        DataType::Date32 => {
            let day = 86_400_000_000;
            let days = if round_up {
                micros.div_euclid(day) + i64::from(micros.rem_euclid(day) > 0)
            } else {
                micros.div_euclid(day)
            };
            lit(ScalarValue::Date32(i32::try_from(days).ok()))
        }
        DataType::Timestamp(_, zone) => lit(ScalarValue::TimestampMicrosecond(Some(micros), zone.clone())),
        _ => lit(ScalarValue::Null),
    };
    let from = interval.from.map(|from| column().gt_eq(value(from, false)));
    let to = interval.to.map(|to| column().lt(value(to, true)));
    from.into_iter().chain(to).collect()
}

/// Filters name columns by table; the statistics' schema has bare names.
pub(super) fn bare(filter: &Expr) -> Expr {
    let stripped = filter.clone().transform(|expression| {
        Ok(match expression {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
            other => Transformed::no(other),
        })
    });
    stripped.map_or_else(|_| filter.clone(), |transformed| transformed.data)
}

/// `x = ANY (constant array)` as `x IN (its values)`, which the rules know. A NULL among them decides no row.
fn any_as_list(filter: Expr, schema: &DFSchema) -> Expr {
    let unchanged = filter.clone();
    let rewritten = filter.transform(|expression| {
        Ok(match in_list_of(&expression, schema) {
            Some(list) => Transformed::yes(list),
            None => Transformed::no(expression),
        })
    });
    rewritten.map_or(unchanged, |transformed| transformed.data)
}

fn in_list_of(expression: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::ScalarFunction(call) = expression else { return None };
    let [Expr::Literal(operator, _), tested, Expr::Literal(ScalarValue::List(list), _)] = call.args.as_slice() else {
        return None;
    };
    if call.name() != ANY || operator.try_as_str().flatten() != Some("=") || list.is_null(0) {
        return None;
    }
    let values = list.value(0);
    if tested.get_type(schema).ok()? != *values.data_type() {
        return None;
    }
    let present = (0..values.len()).filter(|&at| values.is_valid(at));
    let values =
        present.map(|at| ScalarValue::try_from_array(&values, at).map(lit)).collect::<Result<Vec<_>>>().ok()?;
    (!values.is_empty()).then(|| tested.clone().in_list(values, false))
}

/// Statistics of partitions as the predicate wants them: only the columns that it names are loaded.
pub(super) struct PartitionStatistics<'a> {
    partitions: &'a [Arc<Partition>],
    columns: HashMap<String, (&'a ReadColumn, Vec<Option<ColumnStatistics>>)>,
}

impl<'a> PartitionStatistics<'a> {
    pub(super) fn load(
        scan: &'a TableScan,
        predicate: &PruningPredicate,
        partitions: &'a [Arc<Partition>],
    ) -> Result<Self> {
        let wanted = named_columns(scan, predicate);
        let ids: Vec<ColumnId> = wanted.iter().map(|column| column.id).collect();
        let loaded = scan.scope.engine.catalog().statistics(partitions, &ids);
        let mut rows = loaded.map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)))?;
        let columns = wanted.into_iter().enumerate().map(|(at, column)| {
            let of_column = rows.iter_mut().map(|row| row[at].take()).collect();
            (column.field.name().clone(), (column, of_column))
        });
        Ok(PartitionStatistics { partitions, columns: columns.collect() })
    }

    /// One array over all partitions. Files may hold the column in different types, so runs of one type are
    /// converted together.
    fn bounds(
        &self,
        name: &str,
        pick: impl Fn(&ColumnStatistics) -> Option<&peristyle_catalog::model::Bound>,
    ) -> Option<ArrayRef> {
        let (column, statistics) = self.columns.get(name)?;
        let target = column.field.data_type();
        let mut parts: Vec<ArrayRef> = Vec::new();
        let mut start = 0;
        while start < self.partitions.len() {
            let stored = peristyle_storage::partition::stored_type(&self.partitions[start], column.id);
            let same = |p: &&Arc<Partition>| peristyle_storage::partition::stored_type(p, column.id) == stored;
            let end = start + self.partitions[start..].iter().take_while(same).count();
            parts.push(match stored {
                Some(stored) => {
                    let bounds = statistics[start..end].iter().map(|s| s.as_ref().and_then(&pick));
                    bounds_array(bounds, stored, target)
                }
                None => missing_bounds(column, end - start),
            });
            start = end;
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        arrow::compute::concat(&parts).ok()
    }
}

/// Files that lack a column read as its missing value, in every row.
fn missing_bounds(column: &ReadColumn, files: usize) -> ArrayRef {
    let repeated = column
        .missing
        .as_ref()
        .and_then(|value| arrow::compute::take(value, &arrow::array::UInt32Array::from(vec![0; files]), None).ok());
    repeated.unwrap_or_else(|| new_null_array(column.field.data_type(), files))
}

fn named_columns<'a>(scan: &'a TableScan, predicate: &PruningPredicate) -> Vec<&'a ReadColumn> {
    let named = datafusion::physical_expr::utils::collect_columns(predicate.orig_expr());
    scan.columns.iter().filter(|column| named.iter().any(|n| n.name() == column.field.name())).collect()
}

impl PruningStatistics for PartitionStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name, |statistics| statistics.min.as_ref())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name, |statistics| statistics.max.as_ref())
    }

    fn num_containers(&self) -> usize {
        self.partitions.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let (read, statistics) = self.columns.get(&column.name)?;
        let counts = self.partitions.iter().zip(statistics).map(|(partition, statistics)| match statistics {
            Some(statistics) => Some(statistics.nulls),
            None if peristyle_storage::partition::stored_type(partition, read.id).is_some() => None,
            None => Some(if read.missing.is_some() { 0 } else { partition.rows }),
        });
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.partitions.iter().map(|partition| Some(partition.rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The row groups of an opened partition that the predicate leaves.
pub(super) fn row_groups(
    predicate: &PruningPredicate,
    groups: &RowGroups,
    columns: &[ReadColumn],
) -> Result<Vec<usize>> {
    let keep = predicate.prune(&RowGroupStatistics { groups, columns })?;
    Ok(keep.into_iter().enumerate().filter_map(|(group, keep)| keep.then_some(group)).collect())
}

struct RowGroupStatistics<'a> {
    groups: &'a RowGroups,
    columns: &'a [ReadColumn],
}

impl RowGroupStatistics<'_> {
    fn column(&self, column: &Column) -> Option<&ReadColumn> {
        self.columns.iter().find(|read| *read.field.name() == column.name)
    }
}

impl PruningStatistics for RowGroupStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.groups.min(self.column(column)?).ok()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.groups.max(self.column(column)?).ok()
    }

    fn num_containers(&self) -> usize {
        self.groups.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = self.groups.null_counts(self.column(column)?).ok()?;
        Some(Arc::new(counts))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.groups.row_counts()))
    }

    fn contained(&self, _column: &Column, _values: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
