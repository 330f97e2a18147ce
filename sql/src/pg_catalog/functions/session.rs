//! What a session says of itself and its server: names, settings, encodings, times.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::Parameter::{Bool, Int, Oid, Text};
use super::call::Call;
use super::{Function, UNDEFINED_OBJECT, failure};
use crate::charset::Charset;
use crate::pg_catalog::names::{effective_path, schema_name, schema_oid, temporary_schema};
use crate::relation::Value;
use crate::temporary;

const NAME_ARRAY: PgType = PgType::plain(1003);
const INET: PgType = PgType::plain(869);
const XID8: PgType = PgType::INT8;

/// `current_setting` where the same statement may set: it is read when it is called.
pub(crate) const LATE_SETTING: &str = "\u{1}current_setting";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("current_schema", &[&[]], PgType::NAME, current_schema),
    Function::stable("current_schemas", &[&[Bool]], NAME_ARRAY, current_schemas),
    Function::stable("current_database", &[&[]], PgType::NAME, database),
    Function::stable("current_catalog", &[&[]], PgType::NAME, database),
    Function::stable("current_user", &[&[]], PgType::NAME, user),
    Function::stable("current_role", &[&[]], PgType::NAME, user),
    Function::stable("session_user", &[&[]], PgType::NAME, user),
    Function::stable("user", &[&[]], PgType::NAME, user),
    Function::stable("pg_get_userbyid", &[&[Oid]], PgType::NAME, user_by_id),
    Function::stable("current_setting", &[&[Text], &[Text, Bool]], PgType::TEXT, setting),
    Function::stable(LATE_SETTING, &[&[Text], &[Text, Bool]], PgType::TEXT, setting).volatile(),
    Function::stable("set_config", &[&[Text, Text, Bool]], PgType::TEXT, set_config).not_strict().volatile(),
    Function::stable("pg_notify", &[&[Text, Text]], PgType::VOID, notify).not_strict().volatile(),
    Function::stable("version", &[&[]], PgType::TEXT, version),
    Function::stable("pg_backend_pid", &[&[]], PgType::INT4, |call| Ok(call.context.session.process_id.into())),
    Function::stable("pg_postmaster_start_time", &[&[]], PgType::TIMESTAMPTZ, started),
    Function::stable("pg_conf_load_time", &[&[]], PgType::TIMESTAMPTZ, started),
    Function::stable("pg_is_in_recovery", &[&[]], PgType::BOOL, |_| Ok(false.into())),
    Function::stable("pg_my_temp_schema", &[&[]], PgType::OID, own_temporary),
    Function::stable("pg_is_other_temp_schema", &[&[Oid]], PgType::BOOL, is_others_temporary),
    Function::stable("pg_relation_is_publishable", &[&[Oid]], PgType::BOOL, |_| Ok(false.into())),
    Function::stable("pg_tablespace_location", &[&[Oid]], PgType::TEXT, |_| Ok("".into())),
    Function::stable("pg_stat_get_numscans", &[&[Oid]], PgType::INT8, |_| Ok(Value::Null)),
    Function::stable("inet_client_addr", &[&[]], INET, client_address),
    Function::stable("inet_client_port", &[&[]], PgType::INT4, client_port),
    Function::stable("inet_server_addr", &[&[]], INET, |_| Ok(Value::Null)),
    Function::stable("inet_server_port", &[&[]], PgType::INT4, |_| Ok(Value::Null)),
    Function::stable("txid_current", &[&[]], PgType::INT8, transaction_id),
    Function::stable("pg_current_xact_id", &[&[]], XID8, transaction_id),
    Function::stable("pg_encoding_to_char", &[&[Int]], PgType::NAME, encoding_name),
    Function::stable("pg_char_to_encoding", &[&[Text]], PgType::INT4, encoding_number),
    Function::stable("pg_encoding_max_length", &[&[Int]], PgType::INT4, encoding_length),
    Function::stable("getdatabaseencoding", &[&[]], PgType::NAME, |_| Ok("UTF8".into())),
    Function::stable("pg_client_encoding", &[&[]], PgType::NAME, client_encoding),
    Function::stable("_pg_char_max_length", &[&[Oid, Int]], PgType::INT4, character_limit),
];

/// The first schema of the path, where new objects go; NULL if there is none.
fn current_schema(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.session.search_path.iter().find(|name| exists(call, name)).cloned().into())
}

fn own_temporary(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(temporary_schema(&call.context).map_or(0, |schema| schema.oid.0).into())
}

fn is_others_temporary(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    let is_own = temporary_schema(&call.context).is_some_and(|own| own.oid == oid);
    Ok((!is_own && schema_name(&call.context, oid).is_some_and(temporary::is_temporary)).into())
}

fn current_schemas(call: &Call<'_>) -> Result<Value<'static>> {
    let path = match call.boolean(0) {
        Some(true) => effective_path(&call.context),
        _ => call.context.session.search_path.iter().map(String::as_str).collect(),
    };
    let names: Vec<String> = path.into_iter().filter(|name| exists(call, name)).map(str::to_owned).collect();
    Ok(names.into())
}

fn exists(call: &Call<'_>, schema: &str) -> bool {
    schema_oid(&call.context, schema).is_some()
}

fn database(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.database.name.clone().into())
}

fn user(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.session.user.clone().into())
}

fn user_by_id(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    let name = call.context.head.role_name(oid).map(str::to_owned);
    Ok(name.unwrap_or_else(|| format!("unknown (OID={oid})")).into())
}

fn setting(call: &Call<'_>) -> Result<Value<'static>> {
    let name = call.text(0).unwrap_or_default();
    match call.control.setting(name) {
        Some(value) => Ok(value.into()),
        None if call.boolean(1) == Some(true) => Ok(Value::Null),
        None => Err(failure(UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))),
    }
}

fn set_config(call: &Call<'_>) -> Result<Value<'static>> {
    let Some(name) = call.text(0) else {
        return Err(failure("22004", "SET requires parameter name".to_owned()));
    };
    Ok(call.control.set(name, call.text(1), call.boolean(2).unwrap_or(false))?.into())
}

fn notify(call: &Call<'_>) -> Result<Value<'static>> {
    call.control.notify(call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default())?;
    Ok(Value::Null)
}

/// The version of PostgreSQL that is spoken, then Peristyle's own.
fn version(call: &Call<'_>) -> Result<Value<'static>> {
    let spoken = call.control.setting("server_version").unwrap_or_default();
    let (architecture, system) = (std::env::consts::ARCH, std::env::consts::OS);
    Ok(format!("PostgreSQL {spoken} (Peristyle {}) on {architecture}-{system}", env!("CARGO_PKG_VERSION")).into())
}

fn started(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.server.started_at.into())
}

fn client_address(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.session.client_address.map_or(Value::Null, |address| Value::Address(address.ip())))
}

fn client_port(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.session.client_address.map(|address| i64::from(address.port())).into())
}

fn transaction_id(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.context.session.transaction_id.into())
}

fn encoding_name(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.int(0).and_then(Charset::by_number).map_or("", Charset::name).into())
}

/// −1 for a name that is of none.
fn encoding_number(call: &Call<'_>) -> Result<Value<'static>> {
    let found = Charset::by_name(call.text(0).unwrap_or_default());
    Ok(i64::from(found.map_or(-1, Charset::number)).into())
}

fn encoding_length(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.int(0).and_then(Charset::by_number).map(|charset| i64::from(charset.length_max())).into())
}

fn client_encoding(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.control.setting("client_encoding").unwrap_or_else(|| "UTF8".to_owned()).into())
}

/// n of `varchar(n)` and `char(n)`; `information_schema` uses it.
fn character_limit(call: &Call<'_>) -> Result<Value<'static>> {
    let typmod = call.int(1).and_then(|typmod| i32::try_from(typmod).ok()).unwrap_or(-1);
    let ty = PgType { oid: call.oid(0)?.0, typmod };
    Ok(ty.character_limit().map(|limit| limit as u64).into())
}
