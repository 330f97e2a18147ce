//! Statistics of a scan for the plan: exact where the catalog knows, inexact once a filter is taken.

use std::cmp::Ordering;

use arrow::array::Array;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics as PlanColumn, DataFusionError, Result, ScalarValue, Statistics};
use peristyle_catalog::model::{Bound, ColumnId, ColumnStatistics};
use peristyle_storage::partition::{ReadColumn, stored_type};
use peristyle_storage::real_time;
use peristyle_storage::statistics::bounds_array;

use super::TableScan;
use super::prune::Pruned;

/// Partitions up to which bounds of columns are gathered for a plan; beyond it only rows are counted.
const PARTITIONS_MAX: usize = 1024;

/// What the plan may rely on.
pub(super) fn of_scan(scan: &TableScan, pruned: &Pruned, columns: &[ReadColumn], filtered: bool) -> Result<Statistics> {
    let contents = scan.contents.as_ref();
    let in_memory = contents.and_then(|contents| contents.real_time()).map_or(0, real_time::row_count);
    let in_log: u64 = contents.map_or(0, |contents| contents.chunks_in_log().iter().map(|chunk| chunk.rows).sum());
    let in_chunks = in_memory + in_log;
    let rows = pruned.partitions.iter().map(|partition| partition.rows).sum::<u64>() + in_chunks;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let column_statistics = if pruned.partitions.len() > PARTITIONS_MAX || columns.is_empty() {
        vec![PlanColumn::new_unknown(); columns.len()]
    } else {
        of_columns(scan, pruned, columns, in_chunks > 0)?
    };
    let statistics =
        Statistics { num_rows: Precision::Exact(rows), total_byte_size: Precision::Absent, column_statistics };
    let is_guess = filtered || scan.scope.view.is_past();
    Ok(if is_guess { statistics.to_inexact() } else { statistics })
}

fn of_columns(scan: &TableScan, pruned: &Pruned, columns: &[ReadColumn], has_chunks: bool) -> Result<Vec<PlanColumn>> {
    let ids: Vec<_> = columns.iter().map(|column| column.id).collect();
    let loaded = scan.scope.engine.catalog().statistics(&pruned.partitions, &ids);
    let loaded = loaded.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let of_column = |(at, column): (usize, &ReadColumn)| {
        if column.id == ColumnId::ROW_POSITION {
            return PlanColumn::new_unknown();
        }
        let statistics: Vec<Option<&ColumnStatistics>> = loaded.iter().map(|row| row[at].as_ref()).collect();
        let known = Known::gather(pruned, column, &statistics);
        // Rows of chunks are not in the statistics: what these say of the rest stays a guess.
        if has_chunks { known.into_plan().to_inexact() } else { known.into_plan() }
    };
    Ok(columns.iter().enumerate().map(of_column).collect())
}

/// What is known of one column over all partitions.
struct Known {
    nulls: Option<usize>,
    min: Option<(ScalarValue, bool)>,
    max: Option<(ScalarValue, bool)>,
}

impl Known {
    fn gather(pruned: &Pruned, column: &ReadColumn, statistics: &[Option<&ColumnStatistics>]) -> Known {
        let nulls = pruned.partitions.iter().zip(statistics).map(|(partition, statistics)| match statistics {
            Some(statistics) => usize::try_from(statistics.nulls).ok(),
            None if stored_type(partition, column.id).is_none() && column.missing.is_none() => {
                usize::try_from(partition.rows).ok()
            }
            None => None,
        });
        let nulls = nulls.sum::<Option<usize>>();
        let extreme = |pick: fn(&ColumnStatistics) -> Option<&Bound>, wanted: Ordering| {
            fold(pruned, column, statistics, pick, wanted)
        };
        Known {
            nulls,
            min: extreme(|s| s.min.as_ref(), Ordering::Less),
            max: extreme(|s| s.max.as_ref(), Ordering::Greater),
        }
    }

    fn into_plan(self) -> PlanColumn {
        let precision = |bound: Option<(ScalarValue, bool)>| match bound {
            Some((value, true)) => Precision::Exact(value),
            Some((value, false)) => Precision::Inexact(value),
            None => Precision::Absent,
        };
        PlanColumn {
            null_count: self.nulls.map_or(Precision::Absent, Precision::Exact),
            min_value: precision(self.min),
            max_value: precision(self.max),
            ..PlanColumn::new_unknown()
        }
    }
}

/// The least or greatest bound over the partitions; `None` as soon as one that holds a value has no bound.
fn fold(
    pruned: &Pruned,
    column: &ReadColumn,
    statistics: &[Option<&ColumnStatistics>],
    pick: fn(&ColumnStatistics) -> Option<&Bound>,
    wanted: Ordering,
) -> Option<(ScalarValue, bool)> {
    let mut best: Option<(ScalarValue, bool)> = None;
    for (partition, statistics) in pruned.partitions.iter().zip(statistics) {
        let stored = stored_type(partition, column.id)?;
        let statistics = (*statistics)?;
        if statistics.nulls == partition.rows {
            continue;
        }
        let bound = pick(statistics)?;
        let array = bounds_array(std::iter::once(Some(bound)), stored, column.field.data_type());
        if array.is_null(0) {
            return None;
        }
        let value = ScalarValue::try_from_array(&array, 0).ok()?;
        let is_better = match &best {
            None => true,
            Some((current, _)) => value.partial_cmp(current)? == wanted,
        };
        if is_better {
            best = Some((value, bound.exact));
        }
    }
    best
}
