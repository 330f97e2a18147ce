//! `pg_stat_activity`: one row per session.

use std::net::SocketAddr;

use peristyle_catalog::model::Oid;

use crate::relation::{RelationContext, Rows, StatementView};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "datid",
        "datname",
        "pid",
        "usesysid",
        "usename",
        "application_name",
        "client_addr",
        "client_port",
        "backend_start",
        "xact_start",
        "query_start",
        "state_change",
        "state",
        "query",
        "backend_type",
    ]);
    for session in &context.server.statements {
        rows.push([
            database_oid(context, session).into(),
            (&session.database).into(),
            session.process_id.into(),
            role_oid(context, session).into(),
            (&session.user).into(),
            (&session.application).into(),
            session.client_address.map(|address| address.ip().to_string()).into(),
            client_port(session.client_address).into(),
            session.connected_at.into(),
            session.transaction_started_at.into(),
            session.started_at.into(),
            session.state_changed_at.into(),
            session.state.into(),
            (&session.text).into(),
            "client backend".into(),
        ]);
    }
}

fn database_oid(context: &RelationContext<'_>, session: &StatementView) -> Option<Oid> {
    context.head.databases().into_iter().find(|database| database.name == session.database).map(|found| found.oid)
}

fn role_oid(context: &RelationContext<'_>, session: &StatementView) -> Option<Oid> {
    context.head.roles().into_iter().find(|role| role.name == session.user).map(|role| role.oid)
}

/// −1 for a local socket, as PostgreSQL has it.
fn client_port(address: Option<SocketAddr>) -> i64 {
    address.map_or(-1, |address| i64::from(address.port()))
}
