//! CREATE SCHEMA.

use peristyle_catalog::model::{Change, Requirement, Schema};
use sqlparser::ast::SchemaName;

use super::Done;
use crate::error::{SqlError, SqlState};
use crate::names::{fold, parts};
use crate::scope::Scope;

pub(super) fn create(scope: &Scope, name: &SchemaName, if_not_exists: bool) -> Result<Done, SqlError> {
    let name = match name {
        SchemaName::Simple(name) | SchemaName::NamedAuthorization(name, _) => parts(name)?.join("."),
        SchemaName::UnnamedAuthorization(role) => fold(role),
    };
    if name.starts_with("pg_") {
        return Err(SqlError::new(SqlState::RESERVED_NAME, format!("unacceptable schema name \"{name}\""))
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    let is_built_in = matches!(name.as_str(), "information_schema" | "system");
    if is_built_in || scope.schema(&name).is_some() {
        let message = format!("schema \"{name}\" already exists");
        if if_not_exists {
            scope.notice(SqlState::DUPLICATE_SCHEMA, format!("{message}, skipping"));
            return Ok(Done::nothing("CREATE SCHEMA"));
        }
        return Err(SqlError::new(SqlState::DUPLICATE_SCHEMA, message));
    }
    let database = scope.session.database_oid;
    let schema = Schema {
        oid: scope.engine.catalog().reserve_oids(1),
        database,
        name: name.clone(),
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
    };
    let requires = vec![Requirement::SchemaNameFree { database, name }];
    Ok(Done::new("CREATE SCHEMA", requires, vec![Change::CreateSchema(schema)]))
}
