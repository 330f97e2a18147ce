//! CREATE TABLE: columns, constraints and options → a definition.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChangeSet, Column, ColumnDefault, ColumnId, ColumnRule, Constraint, ConstraintKind, Oid, Openness, PgType,
    Relation, RelationKind, Requirement, Seq, Table,
};
use peristyle_storage::types::{arrow_type, marked_pg_type, pg_type};
use sqlparser::ast::{ColumnDef, ColumnOption, CreateTable, Expr, HiveDistributionStyle, Value};

use super::constraints::constraints;
use super::like::Copied;
use super::options::TableOptions;
use super::own_sequence::{self, OwnSequence};
use super::place::Place;
use super::{Done, generated, keys, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::parse::LikeClause;
use crate::plan::kept_expression::kept;
use crate::plan::user_types::looked_up;
use crate::scope::Scope;
use crate::semantics;
use crate::sequence::{self, by_oids};
use crate::temporary;
use crate::values::ColumnBuilder;

/// Name of the column that every open table has.
pub(crate) const TIME_COLUMN: &str = "time";
/// Its default. The column may have another name since.
pub(crate) const ARRIVAL: &str = "now()";

/// Names that PostgreSQL keeps for columns that every table has.
const SYSTEM_COLUMNS: &[&str] = &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A column before it has an id.
#[derive(Clone, Debug)]
pub(crate) struct NewColumn {
    pub(crate) name: String,
    pub(crate) ty: PgType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Expr>,
    /// The default of another column, which was checked and means objects by their oids.
    pub(crate) copied_default: Option<String>,
    /// The sequence that gives its values.
    pub(crate) own_sequence: Option<OwnSequence>,
    /// What its values are computed by.
    pub(crate) generated: Option<Expr>,
    pub(crate) comment: Option<String>,
}

impl NewColumn {
    /// A column without constraint or default.
    pub(crate) fn plain(name: String, ty: PgType) -> NewColumn {
        NewColumn {
            name,
            ty,
            not_null: false,
            default: None,
            copied_default: None,
            own_sequence: None,
            generated: None,
            comment: None,
        }
    }
}

pub(super) fn run(scope: &Arc<Scope>, create: &CreateTable) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, &create.name)?.name;
    let (mut columns, mut copied) = (Vec::with_capacity(create.columns.len()), Copied::default());
    for column in &create.columns {
        match LikeClause::of(column) {
            Some(clause) => columns.extend(copied.take(scope, &clause)?),
            None => columns.push(column_of(scope, column, &name)?),
        }
    }
    match table_with(scope, create, columns, &copied)? {
        Some((_, changes)) => Ok(Done { tag: "CREATE TABLE", changes }),
        None => Ok(Done::nothing("CREATE TABLE")),
    }
}

/// The table that a statement defines, with the change set that makes it; `None` if it exists and may.
pub(crate) fn new_table(
    scope: &Arc<Scope>,
    create: &CreateTable,
    columns: Vec<NewColumn>,
) -> Result<Option<(Relation, ChangeSet)>, SqlError> {
    if create.columns.iter().any(|column| LikeClause::of(column).is_some()) {
        return Err(SqlError::syntax("syntax error at or near \"LIKE\""));
    }
    table_with(scope, create, columns, &Copied::default())
}

/// As [`new_table`], with what LIKE clauses copy beside columns.
fn table_with(
    scope: &Arc<Scope>,
    create: &CreateTable,
    columns: Vec<NewColumn>,
    copied: &Copied,
) -> Result<Option<(Relation, ChangeSet)>, SqlError> {
    refuse_unsupported(create)?;
    let name = QualifiedName::of(scope, &create.name)?;
    if create.on_commit.is_some() && !create.temporary {
        let message = "ON COMMIT can only be used on temporary tables";
        return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    let place = Place::of(scope, &name, create.temporary)?;
    if place.existing(scope, &name.name).is_some() {
        let message = format!("relation \"{}\" already exists", name.name);
        if create.if_not_exists {
            scope.notice(SqlState::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(None);
        }
        return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message));
    }
    let mut options = TableOptions::parse(&create.table_options, create.query.is_none() && columns.is_empty())?;
    if options.enforces_keys() && options.openness == Openness::Open {
        return Err(SqlError::unsupported("enforce_key on open tables is not supported"));
    }
    options.written.extend(create.on_commit.as_ref().and_then(temporary::option_of));
    let columns = with_time(columns, options.openness)?;
    if columns.iter().any(|column| column.generated.is_some()) {
        generated::refuse_open(options.openness)?;
    }
    check_names(scope, &columns)?;
    let mut relation = build(scope, place.schema(), &name.name, &columns, &options)?;
    temporary::check_types(scope, &relation)?;
    // Before the table has sequences of its own, which come with it.
    let of_columns: Vec<_> = relation
        .as_table()
        .into_iter()
        .flat_map(|table| &table.columns)
        .flat_map(|column| required(scope, column))
        .collect();
    let own: Vec<_> = columns.iter().map(|column| column.own_sequence.as_ref()).collect();
    let sequences = own_sequence::give_all(scope, &mut relation, &own)?;
    let (relation, more) = keys::add(scope, relation, copied.constraints().chain(constraints(create)).collect())?;
    let indexes = copied.indexes(scope, &relation)?;
    let (mut requires, mut changes) = place.claim(&name.name);
    requires.extend(of_columns);
    changes.push(Change::CreateRelation(relation.clone()));
    changes.extend(sequences);
    changes.extend(more);
    changes.extend(indexes);
    Ok(Some((relation, ChangeSet { requires, changes, ingest_id: None })))
}

/// What a new column requires of other relations: the sequences of its default are there, its enum type has the labels that
/// were looked at.
pub(super) fn required(scope: &Scope, column: &Column) -> Vec<Requirement> {
    let sequences = column.default.iter().flat_map(sequence::required);
    let ty = column.ty.enum_definition().and_then(|oid| scope.view.relation(oid));
    sequences.chain(ty.map(|ty| unchanged(ty))).collect()
}

fn refuse_unsupported(create: &CreateTable) -> Result<(), SqlError> {
    let refused = [
        (create.like.is_some(), "CREATE TABLE ... LIKE is not supported"),
        (create.clone.is_some(), "CREATE TABLE ... CLONE ... AS is not supported"),
        (create.inherits.is_some(), "table inheritance is not supported"),
        (create.partition_of.is_some(), "PARTITION OF is not supported"),
        (create.external, "CREATE EXTERNAL TABLE is not supported"),
        (create.or_replace, "CREATE OR REPLACE TABLE is not supported"),
        (create.hive_distribution != HiveDistributionStyle::NONE, "PARTITIONED BY is not supported"),
    ];
    if let Some((_, message)) = refused.iter().find(|(is_refused, _)| *is_refused) {
        return Err(SqlError::unsupported(*message));
    }
    if create.partition_by.is_some() {
        return Err(SqlError::unsupported("PARTITION BY is not supported")
            .hint("Give the table's partition key as an option: WITH (partition_by = 'day(ts)')."));
    }
    Ok(())
}

/// A column as written.
pub(super) fn column_of(scope: &Scope, column: &ColumnDef, table: &str) -> Result<NewColumn, SqlError> {
    let ty = semantics::column_type(&looked_up(scope, &column.data_type)?)?;
    let mut new = NewColumn::plain(fold(&column.name), ty);
    new.own_sequence = OwnSequence::of(column, table)?;
    for option in &column.options {
        match &option.option {
            ColumnOption::Null | ColumnOption::Comment(_) => {}
            ColumnOption::NotNull | ColumnOption::PrimaryKey(_) => new.not_null = true,
            ColumnOption::Default(expression) => new.default = Some(expression.clone()),
            ColumnOption::Unique(_) | ColumnOption::ForeignKey(_) | ColumnOption::Check(_) => {}
            ColumnOption::Collation(name) if is_c_collation(&name.to_string()) => {}
            ColumnOption::Collation(name) => {
                return Err(SqlError::unsupported(format!("collation {name} is not supported")));
            }
            ColumnOption::Generated { generation_expr: None, .. } => {}
            ColumnOption::Generated { generation_expr: Some(expression), .. } => {
                if new.generated.replace(expression.clone()).is_some() {
                    return Err(twofold("multiple generation clauses", &new.name, table));
                }
            }
            other => return Err(SqlError::unsupported(format!("column option {other} is not supported"))),
        }
    }
    match new.generated {
        Some(_) if new.default.is_some() => Err(twofold("both default and generation expression", &new.name, table)),
        Some(_) if new.own_sequence.is_some() => {
            Err(twofold("both identity and generation expression", &new.name, table))
        }
        _ => Ok(new),
    }
}

fn twofold(what: &str, column: &str, table: &str) -> SqlError {
    SqlError::syntax(format!("{what} specified for column \"{column}\" of table \"{table}\""))
}

fn is_c_collation(name: &str) -> bool {
    matches!(name.trim_matches('"'), "C" | "POSIX" | "default" | "pg_catalog.\"C\"" | "pg_catalog.\"default")
}

/// Every open table has a column that says when a row happened, by default when it arrived.
fn with_time(mut columns: Vec<NewColumn>, openness: Openness) -> Result<Vec<NewColumn>, SqlError> {
    let has_time = columns.iter().find(|column| column.name == TIME_COLUMN);
    match (openness, has_time) {
        (Openness::Declared, _) => {}
        (Openness::Open, Some(time)) if time.ty.oid == PgType::TIMESTAMPTZ.oid => {}
        (Openness::Open, Some(time)) => {
            let ty = crate::values::type_name(time.ty);
            let message =
                format!("column \"{TIME_COLUMN}\" of an open table must be timestamp with time zone, not {ty}");
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        (Openness::Open, None) => {
            let default = crate::parse::parse_expression(ARRIVAL)?;
            let ty = PgType::TIMESTAMPTZ;
            columns.insert(0, NewColumn { default: Some(default), ..NewColumn::plain(TIME_COLUMN.to_owned(), ty) });
        }
    }
    Ok(columns)
}

fn check_names(scope: &Scope, columns: &[NewColumn]) -> Result<(), SqlError> {
    let limit = scope.engine.limits().max_table_columns;
    if columns.len() > limit {
        return Err(SqlError::new(SqlState::TOO_MANY_COLUMNS, format!("tables can have at most {limit} columns")));
    }
    if let Some(column) = columns.iter().find(|column| SYSTEM_COLUMNS.contains(&column.name.as_str())) {
        let message = format!("column name \"{}\" conflicts with a system column name", column.name);
        return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
    }
    let mut seen = std::collections::HashSet::new();
    match columns.iter().find(|column| !seen.insert(&column.name)) {
        Some(twice) => {
            let message = format!("column \"{}\" specified more than once", twice.name);
            Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message))
        }
        None => Ok(()),
    }
}

fn build(
    scope: &Arc<Scope>,
    schema: Oid,
    name: &str,
    columns: &[NewColumn],
    options: &TableOptions,
) -> Result<Relation, SqlError> {
    let catalog = scope.engine.catalog();
    let oid = catalog.reserve_oids(3);
    let mut built =
        (1..).zip(columns).map(|(number, column)| new_column(scope, number, column)).collect::<Result<Vec<_>, _>>()?;
    let expressions: Vec<_> = columns.iter().map(|column| column.generated.as_ref()).collect();
    generated::settle(scope, &mut built, &expressions)?;
    let count = i16::try_from(built.len()).expect("columns are limited");
    let table = Table {
        row_type: Oid(oid.0 + 1),
        array_type: Oid(oid.0 + 2),
        openness: options.openness,
        partition_key: {
            let key = options.partition_key(&built)?;
            options.check_retention(&key)?;
            key
        },
        order_key: options.order_key(&built)?,
        next_column: ColumnId(u32::try_from(built.len()).expect("columns are limited") + 1),
        next_attnum: count + 1,
        columns: built,
        constraints: Vec::new(),
        options: options.written.clone(),
        materialized: None,
    };
    Ok(Relation {
        oid,
        schema,
        name: name.to_owned(),
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Table(table),
    })
}

/// A column with its number as id and `attnum`; its default must be of a type that it takes.
pub(super) fn new_column(scope: &Arc<Scope>, number: i16, column: &NewColumn) -> Result<Column, SqlError> {
    let default = match (&column.default, &column.copied_default) {
        (Some(expression), _) => Some(new_default(scope, &column.name, column.ty, expression)?),
        (None, Some(copied)) => {
            let oid = scope.engine.catalog().reserve_oids(1);
            Some(ColumnDefault { oid, expression: copied.clone() })
        }
        (None, None) => None,
    };
    Ok(Column {
        id: ColumnId(u32::try_from(number).expect("numbers start at 1")),
        attnum: number,
        name: column.name.clone(),
        ty: column.ty,
        not_null: column.not_null,
        default,
        missing: None,
        comment: column.comment.clone(),
        rule: if column.generated.is_some() { ColumnRule::Generated } else { ColumnRule::Plain },
    })
}

/// Checks a default and keeps its text.
pub(super) fn new_default(
    scope: &Arc<Scope>,
    column: &str,
    ty: PgType,
    expression: &Expr,
) -> Result<ColumnDefault, SqlError> {
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::ExprSchemable;
    let planner = crate::plan::Planner::new(scope)?;
    let schema = DFSchema::empty();
    let planned = planner.expression(expression, &schema).map_err(|error| match error.code {
        SqlState::UNDEFINED_COLUMN => SqlError::unsupported("cannot use column reference in DEFAULT expression"),
        _ => error,
    })?;
    let (_, field) = planned.to_field(&schema)?;
    let is_text = marked_pg_type(&field).is_some_and(|ty| ty == PgType::TEXT);
    check_expression_type(column, ty, pg_type(&field), is_text)?;
    check_literal(scope, ty, expression)?;
    let oid = scope.engine.catalog().reserve_oids(1);
    let kept = kept(scope, &by_oids(scope, expression)?, Some(ty))?;
    Ok(ColumnDefault { oid, expression: kept.to_string() })
}

/// A default or generation expression must be of a type that its column takes. A string without a type of its own is read as
/// any type, a text is not.
pub(super) fn check_expression_type(column: &str, ty: PgType, from: PgType, is_text: bool) -> Result<(), SqlError> {
    if semantics::is_assignable(from, ty) && (!is_text || semantics::is_text(ty)) {
        return Ok(());
    }
    let message = format!(
        "column \"{column}\" is of type {} but default expression is of type {}",
        crate::values::type_name(ty),
        crate::values::type_name(from)
    );
    Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression."))
}

/// A string as a default must be one of the column's type.
fn check_literal(scope: &Scope, ty: PgType, expression: &Expr) -> Result<(), SqlError> {
    if let Expr::Value(value) = expression
        && let Value::SingleQuotedString(text) = &value.value
    {
        let style = scope.input_style();
        ColumnBuilder::new(PgType::plain(ty.oid), arrow_type(PgType::plain(ty.oid), None), style)?.push_text(text)?;
    }
    Ok(())
}

/// The constraint that a table gets, with its name made up if none is given.
pub(super) fn constraint(oid: Oid, name: String, kind: ConstraintKind) -> Constraint {
    Constraint { oid, name, kind }
}
