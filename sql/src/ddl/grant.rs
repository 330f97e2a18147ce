//! GRANT and REVOKE keep nothing yet; what they name is looked up all the same, so that a wrong name is told from a missing
//! feature. DROP FUNCTION: there are no functions of users.

use std::sync::Arc;

use sqlparser::ast::{DropFunction, Grant, GrantObjects, Grantee, GranteeName, Revoke};

use super::Done;
use crate::error::{SqlError, SqlState};
use crate::names::{QualifiedName, fold};
use crate::pg_catalog::functions_named;
use crate::scope::{PG_CATALOG, Scope};

/// Grantees that are no roles.
const NO_ROLES: &[&str] = &["public", "current_user", "current_role", "session_user"];

pub(super) fn grant(scope: &Arc<Scope>, grant: &Grant) -> Result<Done, SqlError> {
    refuse(scope, "GRANT", grant.objects.as_ref(), &grant.grantees)
}

pub(super) fn revoke(scope: &Arc<Scope>, revoke: &Revoke) -> Result<Done, SqlError> {
    refuse(scope, "REVOKE", revoke.objects.as_ref(), &revoke.grantees)
}

fn refuse(
    scope: &Arc<Scope>,
    command: &str,
    objects: Option<&GrantObjects>,
    grantees: &[Grantee],
) -> Result<Done, SqlError> {
    match objects {
        Some(GrantObjects::Tables(names) | GrantObjects::Sequences(names) | GrantObjects::Views(names)) => {
            for name in names {
                let name = QualifiedName::of(scope, name)?;
                if crate::relation::find(name.schema().unwrap_or(PG_CATALOG), &name.name).is_none() {
                    scope.require_relation(name.schema(), &name.name)?;
                }
            }
        }
        Some(GrantObjects::Schemas(names)) => {
            for name in names {
                scope.require_schema(&QualifiedName::of(scope, name)?.name)?;
            }
        }
        _ => {}
    }
    grantees.iter().try_for_each(|grantee| require_role(scope, grantee))?;
    Err(SqlError::unsupported(format!("{command} is not supported")))
}

fn require_role(scope: &Scope, grantee: &Grantee) -> Result<(), SqlError> {
    let Some(GranteeName::ObjectName(name)) = &grantee.name else { return Ok(()) };
    let Some(name) = name.0.last().and_then(|part| part.as_ident()).map(fold) else { return Ok(()) };
    if NO_ROLES.contains(&name.as_str()) || scope.view.head().role_by_name(&name).is_some() {
        return Ok(());
    }
    Err(SqlError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
}

pub(super) fn drop_function(scope: &Scope, drop: &DropFunction) -> Result<Done, SqlError> {
    for function in &drop.func_desc {
        let name = function.name.0.last().and_then(|part| part.as_ident()).map(fold).unwrap_or_default();
        if !functions_named(&name).is_empty() {
            let message = format!("cannot drop function {name} because it is required by the database system");
            return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
        }
        let arguments = function.args.iter().flatten().map(|argument| argument.data_type.to_string().to_lowercase());
        let called = format!("{}({})", function.name, arguments.collect::<Vec<_>>().join(","));
        if !drop.if_exists {
            let message = match function.args {
                Some(_) => format!("function {called} does not exist"),
                None => format!("could not find a function named \"{}\"", function.name),
            };
            return Err(SqlError::new(SqlState::UNDEFINED_FUNCTION, message));
        }
        scope.notice(SqlState::SUCCESSFUL_COMPLETION, format!("function {called} does not exist, skipping"));
    }
    Ok(Done::nothing("DROP FUNCTION"))
}
