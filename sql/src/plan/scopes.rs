//! What stands around a name: the items of FROM and the WITH queries that can be read there, and the items' columns.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields};
use peristyle_catalog::model::{Oid, PgType, Relation};
use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    WildcardAdditionalOptions, With,
};

use super::from_items::called;
use super::{Planner, output_names, written_columns};
use crate::error::SqlError;
use crate::functions::row::is_row;
use crate::names::{QualifiedName, fold};
use crate::parse::parse_query;
use crate::pg_catalog::rewrite::value_column;

/// All that is read around a place, the outermost first.
pub(super) struct Scopes<'a, 'p> {
    planner: &'a Planner<'p>,
    types: &'a [Option<PgType>],
    /// The queries of each WITH around.
    pub(super) withs: Vec<With>,
    pub(super) levels: Vec<Level>,
}

/// What one SELECT reads.
#[derive(Default)]
pub(super) struct Level {
    pub(super) items: Vec<Item>,
    /// Columns that joins by name made of those of both sides.
    pub(super) merged: HashMap<String, Expr>,
}

/// An item of a FROM, whose own names are settled.
pub(super) struct Item {
    pub(super) factor: TableFactor,
    /// The value that its name stands for (see [`value_column`]).
    value: Option<(Ident, &'static str)>,
    /// How many of the WITHs it can read.
    withs: usize,
    /// Found out when they are asked for; `None` for one that cannot be planned without what stands beside it, and whose
    /// text does not tell.
    columns: OnceCell<Option<Columns>>,
    /// Whether an outer join may give no row of it.
    pub(super) may_be_missing: bool,
}

/// The columns of an item.
struct Columns {
    /// As PostgreSQL names them.
    names: Vec<String>,
    /// As plans name them, apart from each other.
    own: Vec<String>,
    /// Those that hold rows, with the names of the rows' fields.
    rows: HashMap<String, Vec<String>>,
}

impl Columns {
    fn of(fields: &Fields) -> Columns {
        let name = |field: &FieldRef| output_names::shown(field.name()).to_owned();
        let rows = fields.iter().filter_map(|field| match field.data_type() {
            DataType::Struct(fields) if is_row(field.data_type()) => {
                Some((name(field), fields.iter().map(|field| field.name().clone()).collect()))
            }
            _ => None,
        });
        let own = fields.iter().map(|field| field.name().clone()).collect();
        Columns { names: fields.iter().map(name).collect(), own, rows: rows.collect() }
    }

    /// Columns of which the names alone are known.
    fn named(own: Vec<String>) -> Columns {
        let names = own.iter().map(|name| output_names::shown(name).to_owned()).collect();
        Columns { names, own, rows: HashMap::new() }
    }
}

/// An item whose row is read.
pub(super) struct Row<'s> {
    pub(super) item: &'s Item,
    /// Its columns as PostgreSQL names them, and as they are read.
    pub(super) names: &'s [String],
    pub(super) own: &'s [String],
}

impl<'a, 'p> Scopes<'a, 'p> {
    pub(super) fn new(planner: &'a Planner<'p>, types: &'a [Option<PgType>]) -> Self {
        Scopes { planner, types, withs: Vec::new(), levels: Vec::new() }
    }

    /// Adds an item to what the innermost SELECT reads.
    pub(super) fn add(&mut self, factor: &TableFactor) {
        let item = self.item(factor);
        if let Some(level) = self.levels.last_mut() {
            level.items.push(item);
        }
    }

    fn item(&self, factor: &TableFactor) -> Item {
        let value = value_column(factor);
        let columns = OnceCell::new();
        Item { factor: factor.clone(), value, withs: self.withs.len(), columns, may_be_missing: false }
    }

    /// The columns of what is no item yet, if they are known.
    pub(super) fn columns_of(&self, factor: &TableFactor) -> Option<Vec<String>> {
        self.planned_columns(&self.item(factor)).ok().map(|columns| columns.names)
    }

    /// The columns of an item, as PostgreSQL names them, if they are known.
    pub(super) fn columns<'i>(&self, item: &'i Item) -> Option<&'i [String]> {
        self.known_columns(item).map(|columns| columns.names.as_slice())
    }

    fn known_columns<'i>(&self, item: &'i Item) -> Option<&'i Columns> {
        let written = || written_columns::of(&item.factor, self).map(Columns::named);
        item.columns.get_or_init(|| self.planned_columns(item).ok().or_else(written)).as_ref()
    }

    /// The columns of an item, as they are read, if they are known.
    pub(super) fn own_columns<'i>(&self, item: &'i Item) -> Option<&'i [String]> {
        // A function's value is read by another name.
        if item.value.is_some() {
            return None;
        }
        self.known_columns(item).map(|columns| columns.own.as_slice())
    }

    /// The names of the fields of the rows that a column holds.
    pub(super) fn fields(&self, path: &[Ident]) -> Option<Vec<String>> {
        let (column, table) = path.split_last()?;
        let is_of_table = |item: &&Item| {
            table.last().is_none_or(|table| called(&item.factor).is_some_and(|name| fold(name) == fold(table)))
        };
        let items = self.levels.iter().rev().flat_map(|level| &level.items).filter(is_of_table);
        let mut columns = items.filter_map(|item| self.known_columns(item));
        columns.find_map(|columns| columns.rows.get(&fold(column)).cloned())
    }

    fn planned_columns(&self, item: &Item) -> Result<Columns, SqlError> {
        let mut query = parse_query("SELECT 1 FROM nothing")?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.from = vec![TableWithJoins { relation: item.factor.clone(), joins: Vec::new() }];
        }
        for with in self.withs[..item.withs].iter().rev().filter(|with| !with.cte_tables.is_empty()) {
            if query.with.is_some() {
                let inner = std::mem::replace(&mut query, parse_query("SELECT 1")?);
                *query.body = SetExpr::Query(inner);
            }
            query.with = Some(with.clone());
        }
        let plan = self.planner.planned(Statement::Query(query), self.types)?;
        Ok(Columns::of(plan.schema().fields()))
    }

    /// What a bare name stands for where no column has it: a key that a join merged, or the value that a function in
    /// FROM gives under another name.
    pub(super) fn meaning(&self, name: &Ident) -> Option<Expr> {
        let name = fold(name);
        if !self.levels.iter().any(|level| level.merged.contains_key(&name) || level.value(&name).is_some()) {
            return None;
        }
        self.innermost(&name, |level| level.merged.get(&name).cloned().or_else(|| level.value(&name)))
    }

    /// The item that a bare name stands for where no column has it, if its columns are known.
    pub(super) fn row(&self, name: &Ident) -> Option<Row<'_>> {
        let name = fold(name);
        if !self.levels.iter().any(|level| level.item(&name).is_some()) {
            return None;
        }
        let item = self.innermost(&name, |level| level.item(&name))?;
        let columns = self.known_columns(item)?;
        Some(Row { item, names: &columns.names, own: &columns.own })
    }

    /// What `find` gives for the innermost level that knows the name; `None` if it is a column's there.
    fn innermost<'s, T>(&'s self, name: &str, find: impl Fn(&'s Level) -> Option<T>) -> Option<T> {
        for level in self.levels.iter().rev() {
            let merged = level.merged.contains_key(name);
            if !merged && level.items.iter().any(|item| self.has_column(item, name)) {
                return None;
            }
            if let Some(found) = find(level) {
                return Some(found);
            }
        }
        None
    }

    pub(super) fn has_column(&self, item: &Item, name: &str) -> bool {
        self.columns(item).is_some_and(|columns| columns.iter().any(|column| column == name))
    }

    /// What is read, if that is a table or view.
    pub(super) fn relation(&self, item: &Item) -> Option<Arc<Relation>> {
        let TableFactor::Table { name, args: None, .. } = &item.factor else { return None };
        if self.query_called(item, name).is_some() {
            return None;
        }
        let name = QualifiedName::of(self.planner.provider.scope(), name).ok()?;
        self.planner.provider.relation(name.schema(), &name.name)
    }

    /// The query of a WITH that an item reads by that name.
    pub(super) fn query_called(&self, item: &Item, name: &ObjectName) -> Option<&Query> {
        let [name] = name.0.as_slice() else { return None };
        let name = fold(name.as_ident()?);
        let mut queries = self.withs[..item.withs].iter().rev().flat_map(|with| &with.cte_tables);
        queries.find(|query| fold(&query.alias.name) == name).map(|query| query.query.as_ref())
    }

    /// The oid of the schema of that name.
    pub(super) fn schema(&self, name: &str) -> Option<Oid> {
        self.planner.provider.scope().schema(name).map(|schema| schema.oid)
    }
}

impl Level {
    fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| called(&item.factor).map(fold).as_deref() == Some(name))
    }

    /// The column of a function that is called so, if that is the one it gives.
    fn value(&self, name: &str) -> Option<Expr> {
        let mut values = self.items.iter().filter_map(|item| item.value.as_ref());
        let (table, column) = values.find(|(table, _)| fold(table) == name)?;
        Some(Expr::CompoundIdentifier(vec![table.clone(), Ident::new(*column)]))
    }
}
