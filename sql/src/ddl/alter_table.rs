//! ALTER TABLE. Where readers can widen what old partitions hold, or fill it in, only the definition changes; a column whose
//! values become others is written again ([`super::alter_type`], [`super::rewrite`]).

use std::sync::Arc;

use datafusion::common::DFSchema;
use peristyle_catalog::model::{
    Change, Column, ColumnId, ColumnRule, MissingValue, PgType, Relation, RelationKind, Requirement, Table,
};
use peristyle_storage::types::arrow_type;
use sqlparser::ast::{AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, RenameTableNameKind};

use super::alter_type::Retyped;
use super::constraints::{NewConstraint, column_constraints, table_constraint};
use super::create_table::{column_of, new_column, new_default, required};
use super::{Done, change_also, generated, keys, moved, option_texts, rewrite, unchanged};
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, cut, fold};
use crate::parse::SCHEMA_MARK;
use crate::plan::user_types::looked_up;
use crate::scope::Scope;
use crate::sequence;
use crate::session::SharedTransaction;
use crate::write::newest;
use crate::{plan, semantics};

pub(super) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    alter: &AlterTable,
) -> Result<Done, SqlError> {
    let name = QualifiedName::of(scope, &alter.name)?;
    let Some(relation) = scope.relation(name.schema(), &name.name).cloned() else {
        if alter.if_exists {
            scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{name}\" does not exist, skipping"));
            return Ok(Done::nothing("ALTER TABLE"));
        }
        return Err(crate::scope::undefined_table(name.schema(), &name.name));
    };
    if let [AlterTableOperation::RenameTable { table_name }] = alter.operations.as_slice() {
        return rename(scope, &relation, table_name);
    }
    if !alter.operations.iter().all(|operation| takes(&relation, operation)) {
        let message = format!("ALTER action cannot be performed on relation \"{}\"", relation.name);
        return Err(
            SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).detail("This operation is supported for tables.")
        );
    }
    let (scope, relation) = match alter.operations.iter().any(looks_at_rows) {
        true => &Box::pin(held(scope, transaction, &name, relation)).await?,
        false => &(Arc::clone(scope), relation),
    };
    let mut altered = Altered::of(scope, relation);
    for operation in &alter.operations {
        altered.apply(operation).await?;
    }
    altered.add_checks_again(relation).await?;
    if altered.is_rewritten {
        return rewrite::run(scope, transaction, relation, altered).await;
    }
    let mut changes = vec![Change::ReplaceRelation(altered.relation)];
    changes.extend(altered.more);
    Ok(Done::new("ALTER TABLE", altered.requires, changes))
}

/// Whether an operation may look at all rows of the table, or write them anew.
fn looks_at_rows(operation: &AlterTableOperation) -> bool {
    use AlterColumnOperation::{SetDataType, SetNotNull};
    match operation {
        AlterTableOperation::AddColumn { column_def, .. } => !column_def.options.is_empty(),
        AlterTableOperation::AlterColumn { op, .. } => matches!(op, SetNotNull | SetDataType { .. }),
        AlterTableOperation::AddConstraint { .. } => true,
        _ => false,
    }
}

/// Has commits of rows to the table of that name wait, and gives it as it is then: others may have altered it while this
/// waited for them.
async fn held(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    name: &QualifiedName,
    mut relation: Arc<Relation>,
) -> Result<(Arc<Scope>, Arc<Relation>), SqlError> {
    loop {
        scope.locks.hold_commits(relation.oid, scope.lock_wait_max()).await?;
        let now = newest(scope, transaction)?;
        let found = now.relation(name.schema(), &name.name).cloned();
        let found = found.ok_or_else(|| crate::scope::undefined_table(name.schema(), &name.name))?;
        if found.oid == relation.oid {
            return Ok((now, found));
        }
        relation = found;
    }
}

/// Whether an operation is one for the relation's kind: a materialized view is what its query says.
fn takes(relation: &Relation, operation: &AlterTableOperation) -> bool {
    let is_of_names =
        matches!(operation, AlterTableOperation::RenameColumn { .. } | AlterTableOperation::OwnerTo { .. });
    relation.as_table().is_some_and(|table| table.materialized.is_none() || is_of_names)
}

fn rename(scope: &Arc<Scope>, relation: &Arc<Relation>, to: &RenameTableNameKind) -> Result<Done, SqlError> {
    let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) = to;
    let to = QualifiedName::of(scope, to)?;
    match to.schema() {
        Some(SCHEMA_MARK) => moved::set_schema(scope, relation, &to.name, "ALTER TABLE"),
        Some(_) => Err(SqlError::syntax(format!("syntax error at or near \"{to}\""))),
        None => moved::rename(scope, relation, to.name, "ALTER TABLE"),
    }
}

/// A definition on its way to the next.
pub(super) struct Altered<'a> {
    pub(super) scope: &'a Arc<Scope>,
    pub(super) relation: Relation,
    /// Other relations that change with it.
    pub(super) more: Vec<Change>,
    pub(super) requires: Vec<Requirement>,
    /// Columns whose values become others.
    pub(super) retyped: Vec<Retyped>,
    /// Whether all rows are written again.
    pub(super) is_rewritten: bool,
}

impl<'a> Altered<'a> {
    /// A definition that nothing has changed yet.
    pub(super) fn of(scope: &'a Arc<Scope>, relation: &Relation) -> Altered<'a> {
        Altered {
            scope,
            relation: relation.clone(),
            more: Vec::new(),
            requires: vec![unchanged(relation)],
            retyped: Vec::new(),
            is_rewritten: false,
        }
    }
}

impl Altered<'_> {
    /// Changes another relation with this one, unless `change` says that it changed nothing.
    pub(super) fn change_other(&mut self, relation: &Relation, change: impl FnOnce(&mut Relation) -> bool) {
        change_also(&mut self.more, &mut self.requires, relation, change);
    }

    pub(super) fn table(&self) -> &Table {
        self.relation.as_table().expect("only tables are altered")
    }

    pub(super) fn table_mut(&mut self) -> &mut Table {
        match &mut self.relation.kind {
            RelationKind::Table(table) => table,
            RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => {
                unreachable!("only tables are altered")
            }
        }
    }

    async fn apply(&mut self, operation: &AlterTableOperation) -> Result<(), SqlError> {
        match operation {
            AlterTableOperation::AddColumn { column_def, if_not_exists, .. } => {
                self.add_column(column_def, *if_not_exists).await
            }
            AlterTableOperation::DropColumn { column_names, if_exists, drop_behavior, .. } => {
                let cascade = matches!(drop_behavior, Some(sqlparser::ast::DropBehavior::Cascade));
                column_names.iter().try_for_each(|name| self.drop_column(&fold(name), *if_exists, cascade))
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                self.rename_column(&fold(old_column_name), fold(new_column_name))
            }
            AlterTableOperation::AlterColumn { column_name, op: AlterColumnOperation::SetNotNull } => {
                self.set_not_null(&fold(column_name)).await
            }
            AlterTableOperation::AlterColumn { column_name, op } => self.alter_column(&fold(column_name), op),
            AlterTableOperation::SetOptionsParens { options } => self.set_options(options),
            AlterTableOperation::AddConstraint { constraint, not_valid } => {
                self.add_constraint(constraint, *not_valid).await
            }
            AlterTableOperation::DropConstraint { name, if_exists, .. } => {
                self.drop_constraint(&fold(name), *if_exists)
            }
            AlterTableOperation::OwnerTo { .. } => Ok(()),
            other => Err(SqlError::unsupported(format!("ALTER TABLE ... {other} is not supported"))),
        }
    }

    async fn add_column(&mut self, definition: &ColumnDef, if_not_exists: bool) -> Result<(), SqlError> {
        let new = column_of(self.scope, definition, &self.relation.name)?;
        if self.table().column(&new.name).is_some() {
            let message = format!("column \"{}\" of relation \"{}\" already exists", new.name, self.relation.name);
            if if_not_exists {
                self.scope.notice(SqlState::DUPLICATE_COLUMN, format!("{message}, skipping"));
                return Ok(());
            }
            return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let limit = self.scope.engine.limits().max_table_columns;
        if self.table().columns.len() >= limit {
            return Err(SqlError::new(SqlState::TOO_MANY_COLUMNS, format!("tables can have at most {limit} columns")));
        }
        let attnum = self.table().next_attnum;
        let mut column = new_column(self.scope, attnum, &new)?;
        self.requires.extend(required(self.scope, &column));
        if let Some(expression) = &new.generated {
            generated::refuse_open(self.table().openness)?;
            let mut columns = self.table().columns.clone();
            columns.push(column.clone());
            column.default = Some(generated::expression_of(self.scope, &columns, columns.len() - 1, expression)?);
        }
        if let Some(own) = &new.own_sequence {
            self.more.push(own.give(self.scope, &self.relation, &mut column, &|_| false)?);
        }
        // Every row gets a value of its own.
        let differs = new.own_sequence.is_some()
            || new.generated.is_some()
            || new.default.as_ref().is_some_and(|default| is_volatile(self.scope, default));
        self.is_rewritten |= differs && self.has_rows();
        let missing = match &new.default {
            Some(expression) if !differs => missing_value(self.scope, new.ty, expression).await?,
            _ => None,
        };
        if new.not_null && !differs && missing.is_none() && self.has_rows() {
            let message =
                format!("column \"{}\" of relation \"{}\" contains null values", new.name, self.relation.name);
            return Err(SqlError::new(SqlState::NOT_NULL_VIOLATION, message));
        }
        let is_required = column.not_null || new.generated.is_some();
        if is_required && missing.is_none() && !self.is_rewritten {
            self.requires.push(Requirement::TableEmpty(self.relation.oid));
        }
        let column = Column { id: self.new_id(), missing, ..column };
        let table = self.table_mut();
        table.columns.push(column);
        table.next_attnum = attnum + 1;
        self.add_constraints(column_constraints(definition))
    }

    /// An id that no column of the table has or had.
    pub(super) fn new_id(&mut self) -> ColumnId {
        let id = self.scope.engine.catalog().reserve_columns(self.relation.oid, 1).max(self.table().next_column);
        self.table_mut().next_column = ColumnId(id.0 + 1);
        id
    }

    pub(super) fn has_rows(&self) -> bool {
        self.scope.view.contents(self.relation.oid).is_some_and(|contents| contents.rows() > 0)
    }

    fn rename_column(&mut self, from: &str, to: String) -> Result<(), SqlError> {
        let to = cut(to);
        if self.table().column(&to).is_some() {
            let message = format!("column \"{to}\" of relation \"{}\" already exists", self.relation.name);
            return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let column = self.column_mut(from)?;
        column.name = to.clone();
        let id = column.id;
        option_texts::follow_rename(self.table_mut(), id);
        generated::follow_rename(self.table_mut(), from, &to)
    }

    fn alter_column(&mut self, name: &str, operation: &AlterColumnOperation) -> Result<(), SqlError> {
        match operation {
            AlterColumnOperation::DropNotNull => {
                self.refuse_identity(name)?;
                self.column_mut(name)?.not_null = false;
            }
            AlterColumnOperation::DropDefault => {
                self.refuse_identity(name)?;
                self.refuse_generated(name, Some("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."))?;
                self.column_mut(name)?.default = None;
            }
            AlterColumnOperation::SetDefault { value } => {
                self.refuse_identity(name)?;
                self.refuse_generated(name, None)?;
                let ty = self.column_mut(name)?.ty;
                let default = new_default(self.scope, name, ty, value)?;
                self.requires.extend(sequence::required(&default));
                self.column_mut(name)?.default = Some(default);
            }
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                let to = semantics::column_type(&looked_up(self.scope, data_type)?)?;
                self.alter_type(name, to, using.as_ref())?;
            }
            AlterColumnOperation::SetNotNull => return Err(SqlError::internal("SET NOT NULL looks at rows")),
            AlterColumnOperation::AddGenerated { .. } => {
                return Err(SqlError::unsupported("ADD GENERATED beside other actions is not supported"));
            }
        }
        Ok(())
    }

    /// 42601 for an identity column.
    fn refuse_identity(&mut self, name: &str) -> Result<(), SqlError> {
        let is_identity = matches!(self.column_mut(name)?.rule, ColumnRule::Identity { .. });
        if !is_identity {
            return Ok(());
        }
        let message = format!("column \"{name}\" of relation \"{}\" is an identity column", self.relation.name);
        Err(SqlError::syntax(message))
    }

    async fn add_constraint(
        &mut self,
        constraint: &sqlparser::ast::TableConstraint,
        not_valid: bool,
    ) -> Result<(), SqlError> {
        let new = table_constraint(constraint)
            .ok_or_else(|| SqlError::unsupported(format!("constraint {constraint} is not supported")))?;
        if matches!(new, NewConstraint::Check { .. }) {
            if not_valid && self.has_rows() {
                return Err(SqlError::unsupported("CHECK ... NOT VALID on a table that holds rows is not supported"));
            }
            return self.add_check(new).await;
        }
        if matches!(new, NewConstraint::Key { .. }) && self.table().enforces_keys() && self.has_rows() {
            return Err(SqlError::unsupported(
                "adding an enforced key to a table that holds rows is not supported yet",
            ));
        }
        if !self.has_rows() {
            // Nobody checked rows that come before this commits.
            self.requires.push(Requirement::TableEmpty(self.relation.oid));
            return self.add_constraints(vec![new]);
        }
        // A key is recorded, not enforced: rows that are there keep their NULLs.
        let nullable: Vec<ColumnId> = self.table().columns.iter().filter(|c| !c.not_null).map(|c| c.id).collect();
        self.add_constraints(vec![new])?;
        for column in self.table_mut().columns.iter_mut().filter(|column| nullable.contains(&column.id)) {
            column.not_null = false;
        }
        Ok(())
    }

    pub(super) fn add_constraints(&mut self, new: Vec<NewConstraint<'_>>) -> Result<(), SqlError> {
        let (relation, indexes) = keys::add(self.scope, self.relation.clone(), new)?;
        self.relation = relation;
        self.more.extend(indexes);
        Ok(())
    }

    fn drop_constraint(&mut self, name: &str, if_exists: bool) -> Result<(), SqlError> {
        let Some(at) = self.table().constraints.iter().position(|constraint| constraint.name == name) else {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", self.relation.name);
            if if_exists {
                self.scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
                return Ok(());
            }
            return Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message));
        };
        let constraint = self.table_mut().constraints.remove(at);
        self.more.extend(keys::index_of(&constraint.kind).map(Change::DropRelation));
        Ok(())
    }

    pub(super) fn column_mut(&mut self, name: &str) -> Result<&mut Column, SqlError> {
        let missing = self.no_column(name);
        self.table_mut().columns.iter_mut().find(|column| column.name == name).ok_or(missing)
    }

    pub(super) fn no_column(&self, name: &str) -> SqlError {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", self.relation.name);
        SqlError::new(SqlState::UNDEFINED_COLUMN, message)
    }
}

/// Whether each row gets another value of a default.
fn is_volatile(scope: &Arc<Scope>, default: &sqlparser::ast::Expr) -> bool {
    let planner = plan::Planner::new(scope);
    let planned = planner.and_then(|planner| planner.expression(default, &DFSchema::empty()));
    planned.is_ok_and(|planned| planned.is_volatile())
}

/// The value that rows from before ADD COLUMN … DEFAULT read as, computed once.
async fn missing_value(
    scope: &Arc<Scope>,
    ty: PgType,
    expression: &sqlparser::ast::Expr,
) -> Result<Option<MissingValue>, SqlError> {
    let (value, _) = plan::constant(scope, expression, Some((ty, arrow_type(ty, None)))).await?;
    if value.is_null() {
        return Ok(None);
    }
    // Not the session's text: it is read again under any setting, and as text once the column is widened to it.
    let text = peristyle_storage::partition::text_of(&value.to_array()?, ty, 0)?;
    Ok(Some(MissingValue { text }))
}
