//! The table that a statement changes, as its query names it.

use std::ops::ControlFlow;
use std::sync::Arc;

use peristyle_catalog::model::Relation;
use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, SelectItem, SelectItemQualifiedWildcardKind, TableAlias, TableFactor,
    VisitMut, VisitorMut,
};

use crate::error::{SqlError, SqlState};
use crate::names::{fold, parts};
use crate::plan::{ADDRESSED_SCHEMA, Planner};
use crate::scan::AddressBook;
use crate::scope::Scope;
use crate::write::Target;

/// A table with the name that expressions know it by.
pub(super) struct Modified {
    pub(super) target: Target,
    /// The alias, or the table's own name.
    pub(super) name: String,
    /// Longer names that stand for it too: `schema.table`, `database.schema.table`. None behind an alias.
    qualified: Vec<Vec<String>>,
    pub(super) book: Arc<AddressBook>,
}

impl Modified {
    pub(super) fn of(scope: &Scope, factor: &TableFactor) -> Result<Modified, SqlError> {
        if let TableFactor::Table { version: Some(_), .. } = factor {
            return Err(SqlError::unsupported("the past cannot be changed"));
        }
        let TableFactor::Table { name, alias, args: None, version: None, sample: None, .. } = factor else {
            return Err(SqlError::syntax(format!("syntax error at or near \"{factor}\"")));
        };
        let relation = Target::writable(scope, name)?;
        if relation.as_table().is_none() {
            return Err(not_a_table(relation));
        }
        let target = Target::of(scope, relation)?;
        let schema = scope.schema_name(target.relation.schema).to_owned();
        let table = target.name().to_owned();
        let (name, qualified) = match alias {
            Some(TableAlias { columns, .. }) if !columns.is_empty() => {
                return Err(SqlError::syntax("syntax error at or near \"(\""));
            }
            Some(alias) => (fold(&alias.name), Vec::new()),
            None => {
                let longest = vec![scope.session.database.clone(), schema.clone(), table.clone()];
                (table.clone(), vec![vec![schema, table], longest])
            }
        };
        Ok(Modified { target, name, qualified, book: Arc::default() })
    }

    /// A planner that knows the table as [`Self::factor`] names it.
    pub(super) fn planner<'a>(&self, scope: &'a Arc<Scope>) -> Result<Planner<'a>, SqlError> {
        Planner::addressing(scope, Arc::clone(&self.target.relation), Arc::clone(&self.book))
    }

    /// The table in a FROM list, with its rows' addresses.
    pub(super) fn factor(&self, written: &TableFactor) -> TableFactor {
        let mut factor = written.clone();
        if let TableFactor::Table { name, alias, .. } = &mut factor {
            let part = |part: &str| ObjectNamePart::Identifier(Ident::with_quote('"', part));
            *name = ObjectName(vec![part(ADDRESSED_SCHEMA), part(self.target.name())]);
            let own = Ident::with_quote('"', &self.name);
            *alias = Some(TableAlias { explicit: true, name: own, columns: Vec::new(), at: None });
        }
        factor
    }

    /// Makes the names that a tree has for the table those that the query knows.
    pub(super) fn shorten(&self, tree: &mut impl VisitMut) {
        let _ = tree.visit(&mut Shortener(self));
    }

    /// `schema.table.*` in a RETURNING.
    pub(super) fn shorten_item(&self, item: &mut SelectItem) {
        self.shorten(item);
        let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item else { return };
        if parts(name).is_ok_and(|parts| self.qualified.contains(&parts)) {
            *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', &self.name))]);
        }
    }
}

struct Shortener<'a>(&'a Modified);

impl VisitorMut for Shortener<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundIdentifier(path) = expression else { return ControlFlow::Continue(()) };
        if let Some((column, table)) = path.split_last() {
            let table: Vec<String> = table.iter().map(fold).collect();
            if self.0.qualified.contains(&table) {
                *path = vec![Ident::with_quote('"', &self.0.name), column.clone()];
            }
        }
        ControlFlow::Continue(())
    }
}

fn not_a_table(relation: &Relation) -> SqlError {
    let message = format!("cannot change rows of view or index \"{}\"", relation.name);
    SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).detail("Views are not updatable.")
}
