//! The texts of a table's options that name columns: they follow a column's new name, as `ALTER TABLE … SET` reads them again
//! and `pg_class.reloptions` shows them.

use peristyle_catalog::model::{ColumnId, OrderColumn, PartitionKey, Table, TimeUnit};

use super::options::TableOptions;
use crate::pg_catalog::names::quoted;

/// Writes the texts anew that name the column.
pub(super) fn follow_rename(table: &mut Table, renamed: ColumnId) {
    if table.partition_key.columns().any(|column| column == renamed) {
        put_partition_key(table);
    }
    if table.order_key.iter().any(|order| order.column == renamed) {
        put_order_key(table);
    }
}

/// Writes the texts anew that do not mean the table's keys: they did not always follow new names of columns.
pub(super) fn settle(table: &mut Table) {
    let options = TableOptions::of_table(table);
    if options.partition_key(&table.columns).ok().as_ref() != Some(&table.partition_key) {
        put_partition_key(table);
    }
    if options.order_key(&table.columns).ok().as_ref() != Some(&table.order_key) {
        put_order_key(table);
    }
}

fn put_partition_key(table: &mut Table) {
    let text = partition_text(table, &table.partition_key);
    put(table, "partition_by", text);
}

fn put_order_key(table: &mut Table) {
    let text = table.order_key.iter().map(|order| order_text(table, order)).collect::<Vec<_>>().join(", ");
    put(table, "order_by", text);
}

/// Also of a key that the table has by default, which goes by a name.
fn put(table: &mut Table, name: &str, text: String) {
    match table.options.iter_mut().find(|(key, _)| key == name) {
        Some((_, value)) => *value = text,
        None => table.options.push((name.to_owned(), text)),
    }
}

fn partition_text(table: &Table, key: &PartitionKey) -> String {
    let time = key.time().map(|(unit, column)| format!("{}({})", unit_name(unit), name(table, column)));
    let bucket = key.bucket().map(|(buckets, column)| format!("bucket({buckets}, {})", name(table, column)));
    time.into_iter().chain(bucket).collect::<Vec<_>>().join(", ")
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Hour => "hour",
        TimeUnit::Day => "day",
        TimeUnit::Month => "month",
    }
}

fn order_text(table: &Table, order: &OrderColumn) -> String {
    let direction = if order.descending { " DESC" } else { "" };
    let nulls = match order.nulls_first {
        first if first == order.descending => "",
        true => " NULLS FIRST",
        false => " NULLS LAST",
    };
    format!("{}{direction}{nulls}", name(table, order.column))
}

fn name(table: &Table, column: ColumnId) -> String {
    table.column_by_id(column).map_or_else(String::new, |column| quoted(&column.name).into_owned())
}
