//! `pg_authid` and the views over it: `pg_roles`, `pg_user`, `pg_shadow`. Passwords are never shown.

use peristyle_catalog::model::Role;

use crate::relation::{RelationContext, Rows, Value};

const MASKED_PASSWORD: &str = "********";
const NO_LIMIT: i64 = -1;

pub(super) fn pg_authid<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    push_roles(context, rows, Value::Null);
}

pub(super) fn pg_roles<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    push_roles(context, rows, MASKED_PASSWORD.into());
}

fn push_roles<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>, password: Value<'a>) {
    let mut rows = rows.named([
        "oid",
        "rolname",
        "rolsuper",
        "rolinherit",
        "rolcreaterole",
        "rolcreatedb",
        "rolcanlogin",
        "rolreplication",
        "rolbypassrls",
        "rolconnlimit",
        "rolpassword",
    ]);
    for role in context.head.roles() {
        rows.push([
            role.oid.into(),
            (&role.name).into(),
            role.superuser.into(),
            true.into(),
            role.superuser.into(),
            role.superuser.into(),
            role.login.into(),
            false.into(),
            role.superuser.into(),
            NO_LIMIT.into(),
            password.clone(),
        ]);
    }
}

pub(super) fn pg_user<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["usename", "usesysid", "usecreatedb", "usesuper", "userepl", "usebypassrls", "passwd"]);
    for role in context.head.roles().into_iter().filter(|role: &&Role| role.login) {
        rows.push([
            (&role.name).into(),
            role.oid.into(),
            role.superuser.into(),
            role.superuser.into(),
            false.into(),
            role.superuser.into(),
            MASKED_PASSWORD.into(),
        ]);
    }
}
