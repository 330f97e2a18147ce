//! ALTER TABLE … SET (…) and RESET (…): a table's options.

use peristyle_catalog::model::{ColumnRule, Openness, PartitionKey, Table};
use sqlparser::ast::{Expr, SqlOption};

use super::alter_table::Altered;
use super::options::TableOptions;
use super::{generated, option_texts};
use crate::error::SqlError;
use crate::names::fold;
use crate::parse::RESET_MARK;

impl Altered<'_> {
    pub(super) fn set_options(&mut self, given: &[SqlOption]) -> Result<(), SqlError> {
        let would_show = self.hides_rows()?;
        let before = self.table().clone();
        let table = self.table_mut();
        change(table, given)?;
        // Key ranges of what is there were made by the old key. A unit of time says only how they are cut.
        let column = |key: &PartitionKey| key.time().map(|(_, column)| column);
        let keeps_ranges = column(&table.partition_key) == column(&before.partition_key)
            && table.partition_key.bucket() == before.partition_key.bucket();
        // Rows that were hidden do not come back.
        let shows = would_show && table.options != before.options;
        self.is_rewritten |= !keeps_ranges || shows;
        Ok(())
    }

    fn hides_rows(&self) -> Result<bool, SqlError> {
        let contents = self.scope.view.contents(self.relation.oid);
        let now = self.scope.transaction_started;
        contents.map_or(Ok(false), |contents| crate::retention::hides_rows(self.table(), contents, now))
    }
}

/// The table with the options. What none of them names stays as it is, whatever columns are called by now.
fn change(table: &mut Table, given: &[SqlOption]) -> Result<(), SqlError> {
    let mut options = TableOptions::of_table(table);
    for option in given {
        match reset_by(option)? {
            Some(name) => options.reset(&name),
            None => options.take(option)?,
        }
    }
    check(table, &options)?;
    let names = |option: &str| given.iter().any(|given| name_of(given).as_deref() == Some(option));
    let is_default_of_other = options.openness != table.openness && !options.says_partition_key();
    if names("partition_by") || is_default_of_other {
        table.partition_key = options.partition_key(&table.columns)?;
    }
    if names("order_by") {
        table.order_key = options.order_key(&table.columns)?;
    }
    options.check_retention(&table.partition_key)?;
    table.openness = options.openness;
    table.options = options.written;
    option_texts::settle(table);
    Ok(())
}

fn check(table: &Table, options: &TableOptions) -> Result<(), SqlError> {
    if options.enforces_keys() != table.enforces_keys() {
        return Err(SqlError::unsupported("changing enforce_key of a table is not supported")
            .hint("Create another table and copy the rows."));
    }
    if options.enforces_keys() && options.openness == Openness::Open {
        return Err(SqlError::unsupported("enforce_key on open tables is not supported"));
    }
    match table.columns.iter().any(|column| column.rule == ColumnRule::Generated) {
        true => generated::refuse_open(options.openness),
        false => Ok(()),
    }
}

fn name_of(option: &SqlOption) -> Option<String> {
    match option {
        SqlOption::KeyValue { key, .. } => Some(fold(key)),
        _ => None,
    }
}

/// The name of an option that RESET takes away.
fn reset_by(option: &SqlOption) -> Result<Option<String>, SqlError> {
    let SqlOption::KeyValue { value, .. } = option else { return Ok(None) };
    let is_mark = |value: &Expr| matches!(value, Expr::Identifier(word) if word.value == RESET_MARK);
    match value {
        Expr::BinaryOp { right, .. } if is_mark(right) => {
            Err(SqlError::syntax("RESET must not include values for parameters"))
        }
        value if is_mark(value) => Ok(name_of(option)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use peristyle_catalog::model::{Column, ColumnId, Oid, PgType, TimeUnit};

    use super::*;
    use crate::parse::{Tree, parse};

    fn given(list: &str) -> Vec<SqlOption> {
        use sqlparser::ast::{AlterTableOperation, Statement};
        let statements = parse(&format!("ALTER TABLE t {list}"), &mut Vec::new()).expect("parses");
        match &*statements[0].tree {
            Tree::Sql(tree) => match tree.as_ref() {
                Statement::AlterTable(alter) => match alter.operations.as_slice() {
                    [AlterTableOperation::SetOptionsParens { options }] => options.clone(),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn column(number: i16, name: &str, ty: PgType) -> Column {
        Column {
            id: ColumnId(u32::from(number.unsigned_abs())),
            attnum: number,
            name: name.to_owned(),
            ty,
            not_null: false,
            default: None,
            missing: None,
            comment: None,
            rule: ColumnRule::Plain,
        }
    }

    /// Partitioned by its first column, which was called `ts` when its options were written.
    fn table() -> Table {
        Table {
            row_type: Oid(1),
            array_type: Oid(2),
            openness: Openness::Declared,
            partition_key: PartitionKey::Time { unit: TimeUnit::Day, column: ColumnId(1) },
            order_key: Vec::new(),
            columns: vec![column(1, "at", PgType::TIMESTAMPTZ), column(2, "ts", PgType::TIMESTAMPTZ)],
            constraints: Vec::new(),
            next_column: ColumnId(3),
            next_attnum: 3,
            options: vec![("partition_by".to_owned(), "day(ts)".to_owned())],
            materialized: None,
        }
    }

    #[test]
    fn keys_stay_those_of_their_columns_whatever_the_texts_say() {
        let mut changed = table();
        change(&mut changed, &given("SET (retention = '30 days')")).expect("an option");
        assert_eq!(changed.partition_key, table().partition_key);
        let written = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(changed.options, [written("partition_by", "day(at)"), written("retention", "30 days")]);
        change(&mut changed, &given("SET (partition_by = 'day(ts)')")).expect("a key");
        assert_eq!(changed.partition_key, PartitionKey::Time { unit: TimeUnit::Day, column: ColumnId(2) });
    }

    #[test]
    fn the_key_of_an_open_table_stays_that_of_its_column() {
        let mut changed = Table { openness: Openness::Open, options: Vec::new(), ..table() };
        change(&mut changed, &given("SET (fillfactor = 70)")).expect("an option");
        assert_eq!(changed.partition_key, table().partition_key);
        assert_eq!(changed.options[1].1, "day(at)");
        changed.options.clear();
        change(&mut changed, &given("RESET (fillfactor)")).expect("an option");
        assert_eq!(changed.partition_key, table().partition_key);
    }
}
