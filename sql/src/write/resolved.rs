//! An INSERT of constants that is executed again and again is resolved once: its table, columns and types stay with the
//! statement as long as the table's definition stays.

use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::Definitions;
use peristyle_catalog::model::IngestId;
use sqlparser::ast::Insert;

use super::insert::table_name;
use super::literal_rows::{Slots, values_only};
use super::load::{Load, LoadPlan, Written};
use super::returning::Returning;
use crate::error::SqlError;
use crate::names::QualifiedName;
use crate::plan::parameters::Bound;
use crate::scope::Scope;
use crate::session::settings::Settings;

/// What is kept with a statement; empty if it is no INSERT, or was not executed yet.
#[derive(Debug, Default)]
pub(crate) struct ResolvedInsert(Mutex<Option<Arc<Resolved>>>);

struct Resolved {
    slots: Slots,
    plan: Arc<LoadPlan>,
    returning: Option<Arc<Returning>>,
    /// Where the name was last seen to lead to the table.
    seen: Mutex<Seen>,
}

/// What a name is looked up in.
struct Seen {
    definitions: Definitions,
    settings: Arc<Settings>,
}

impl Seen {
    fn by(scope: &Scope) -> Seen {
        Seen { definitions: scope.view.definitions(), settings: Arc::clone(&scope.settings) }
    }

    fn is_what(&self, scope: &Scope) -> bool {
        scope.view.has_definitions(&self.definitions) && Arc::ptr_eq(&self.settings, &scope.settings)
    }
}

impl ResolvedInsert {
    /// Keeps how an INSERT was resolved, if that holds for its next execution.
    pub(super) fn keep(&self, scope: &Scope, slots: Slots, plan: Arc<LoadPlan>, returning: Option<&Arc<Returning>>) {
        if plan.is_lasting() && returning.is_none_or(|returning| returning.is_lasting()) {
            let (returning, seen) = (returning.cloned(), Mutex::new(Seen::by(scope)));
            *self.0.lock() = Some(Arc::new(Resolved { slots, plan, returning, seen }));
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.lock().is_some()
    }

    /// The write of these values with its rows taken, and what RETURNING gives of them; `None` if the statement is to be
    /// resolved first. A load under an id always is.
    pub(super) async fn begin(
        &self,
        scope: &Arc<Scope>,
        insert: &Insert,
        bound: &Bound,
        ingest_id: Option<&IngestId>,
    ) -> Result<Option<Written>, SqlError> {
        let Some(resolved) = self.0.lock().clone().filter(|_| ingest_id.is_none()) else { return Ok(None) };
        let rows = insert.source.as_deref().and_then(values_only);
        let Some(rows) = rows.filter(|_| resolved.still_holds(scope, insert)) else { return Ok(None) };
        let batch = resolved.slots.fill(scope, &rows, bound)?.filter(|batch| resolved.slots.gave(batch));
        let Some(batch) = batch else { return Ok(None) };
        let load = Load::of(scope, Arc::clone(&resolved.plan))?.with(&batch, resolved.returning.is_some()).await?;
        let returned = resolved.returning.as_ref().map(|returning| returning.take(&load.kept)).transpose();
        load.giving(returned).await.map(Some)
    }
}

impl Resolved {
    /// Whether the name still leads to the same definition of the same table.
    fn still_holds(&self, scope: &Scope, insert: &Insert) -> bool {
        let mut seen = self.seen.lock();
        if seen.is_what(scope) {
            return true;
        }
        let holds = !self.computes() && self.is_found(scope, insert);
        if holds {
            *seen = Seen::by(scope);
        }
        holds
    }

    /// What is computed may depend on any definition and any setting.
    fn computes(&self) -> bool {
        self.plan.computes() || self.returning.is_some()
    }

    fn is_found(&self, scope: &Scope, insert: &Insert) -> bool {
        let name = table_name(insert).and_then(|name| QualifiedName::of(scope, name));
        let found = name.ok().and_then(|name| scope.relation(name.schema(), &name.name).cloned());
        found.is_some_and(|relation| Arc::ptr_eq(&relation, &self.plan.target().relation))
    }
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolved").field("table", &self.plan.target().name()).finish_non_exhaustive()
    }
}
