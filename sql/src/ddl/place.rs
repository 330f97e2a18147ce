//! The schema that a new relation goes to.

use peristyle_catalog::model::{Change, Oid, Relation, Requirement, Schema};

use crate::error::{SqlError, SqlState};
use crate::names::QualifiedName;
use crate::scope::{PG_CATALOG, Scope};
use crate::temporary;

/// Where a new relation goes: a schema that is there, or the session's own that comes with its first temporary one.
pub(super) struct Place {
    schema: Oid,
    new: Option<Schema>,
}

impl Place {
    /// Where a name leads to; `is_temporary` if the statement says so. 42710 if an enum type has the name.
    pub(super) fn of(scope: &Scope, name: &QualifiedName, is_temporary: bool) -> Result<Place, SqlError> {
        let place = Place::named(scope, name, is_temporary)?;
        if place.existing(scope, &name.name).is_some_and(|existing| existing.as_enum().is_some()) {
            let message = format!("type \"{}\" already exists", name.name);
            return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message).hint(
                "A relation has an associated type of the same name, so you must use a name that doesn't conflict \
                 with any existing type.",
            ));
        }
        Ok(place)
    }

    /// Where the name of a new type leads to.
    pub(super) fn of_type(scope: &Scope, name: &QualifiedName) -> Result<Place, SqlError> {
        Place::named(scope, name, false)
    }

    fn named(scope: &Scope, name: &QualifiedName, is_temporary: bool) -> Result<Place, SqlError> {
        let is_own = |schema: &str| schema == temporary::ALIAS || schema == scope.temporary_schema();
        match name.schema() {
            None if is_temporary => Ok(Place::temporary(scope)),
            Some(schema) if is_own(schema) => Ok(Place::temporary(scope)),
            Some(_) if is_temporary => Err(misplaced("cannot create temporary relation in non-temporary schema")),
            Some(schema) if temporary::is_temporary(schema) => {
                Err(misplaced("cannot create relations in temporary schemas of other sessions"))
            }
            Some(built_in @ (PG_CATALOG | "information_schema" | "system")) => {
                let message = format!("permission denied to create \"{built_in}.{}\"", name.name);
                Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                    .detail("System catalog modifications are currently disallowed."))
            }
            Some(schema) => Ok(Place { schema: scope.require_schema(schema)?.oid, new: None }),
            None => Ok(Place { schema: scope.creation_schema()?.oid, new: None }),
        }
    }

    fn temporary(scope: &Scope) -> Place {
        if let Some(schema) = scope.schema(temporary::ALIAS) {
            return Place { schema: schema.oid, new: None };
        }
        let schema = Schema {
            oid: scope.engine.catalog().reserve_oids(1),
            database: scope.session.database_oid,
            name: scope.temporary_schema(),
            owner: scope.session.user_oid,
            comment: None,
            acl: None,
        };
        Place { schema: schema.oid, new: Some(schema) }
    }

    pub(super) fn schema(&self) -> Oid {
        self.schema
    }

    /// The relation of that name that is there already.
    pub(super) fn existing<'a>(&self, scope: &'a Scope, name: &str) -> Option<&'a std::sync::Arc<Relation>> {
        scope.view.relation_by_name(self.schema, name)
    }

    /// What a new relation of that name requires, and what must come before it.
    pub(super) fn claim(self, name: &str) -> (Vec<Requirement>, Vec<Change>) {
        match self.new {
            Some(schema) => {
                let (database, name) = (schema.database, schema.name.clone());
                (vec![Requirement::SchemaNameFree { database, name }], vec![Change::CreateSchema(schema)])
            }
            None => {
                let free = Requirement::NameFree { schema: self.schema, name: name.to_owned() };
                (vec![Requirement::SchemaLive(self.schema), free], Vec::new())
            }
        }
    }
}

fn misplaced(message: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message)
}
