//! Clock, identifiers and the session's facts. Nothing here reads the system: all comes from the statement's context.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray};
use chrono::DateTime;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::context::FunctionContext;
use super::define::{Call, Definition, Overload, overload, stable, volatile};
use super::error::FunctionError;
use super::interval::local_now;
use super::rows::*;
use super::signature::Ty;
use super::timetz;
use crate::semantics::{DAY_MICROS, micros_to_days};

const NOW: Overload = overload(&[], PgType::TIMESTAMPTZ, |c| constant(c, |x| TimestamptzOut(x.transaction_start.0)));

/// The word takes digits behind the point, PostgreSQL's functions do not.
const CURRENT_TIMESTAMP: &[Overload] = &[
    NOW,
    overload(&[Ty::Int4], PgType::TIMESTAMPTZ, |c| {
        let now = c.context()?.transaction_start.0;
        map1::<Int4, TimestamptzOut>(c, |digits| Ok(TimestamptzOut(rounded(now, digits))))
    }),
];

const LOCAL_NOW: &[Overload] = &[
    overload(&[], PgType::TIMESTAMP, |c| constant(c, |x| TimestampOut(local_now(x)))),
    overload(&[Ty::Int4], PgType::TIMESTAMP, |c| {
        let now = local_now(c.context()?);
        map1::<Int4, TimestampOut>(c, |digits| Ok(TimestampOut(rounded(now, digits))))
    }),
];

const USER: &[Overload] = &[overload(&[], PgType::NAME, |c| constant(c, |x| x.user.clone()))];
const DATABASE: &[Overload] = &[overload(&[], PgType::NAME, |c| constant(c, |x| x.database.clone()))];
const SCHEMA: &[Overload] = &[overload(&[], PgType::NAME, |c| {
    let schema = c.context()?.search_path.first().cloned();
    Ok(String::collect(vec![schema; c.rows]))
})];

pub(crate) const DEFINITIONS: &[Definition] = &[
    stable("now", &[NOW]),
    stable("current_timestamp", CURRENT_TIMESTAMP),
    stable("transaction_timestamp", &[NOW]),
    stable(
        "statement_timestamp",
        &[overload(&[], PgType::TIMESTAMPTZ, |c| constant(c, |x| TimestamptzOut(x.statement_start.0)))],
    ),
    stable("localtimestamp", LOCAL_NOW),
    stable("current_date", &[overload(&[], PgType::DATE, |c| constant(c, |x| DateOut(micros_to_days(local_now(x)))))]),
    stable(
        "localtime",
        &[
            overload(&[], PgType::TIME, |c| constant(c, |x| TimeOut(local_now(x).rem_euclid(DAY_MICROS)))),
            overload(&[Ty::Int4], PgType::TIME, |c| {
                let now = local_now(c.context()?);
                map1::<Int4, TimeOut>(c, |digits| Ok(TimeOut(rounded(now, digits).rem_euclid(DAY_MICROS))))
            }),
        ],
    ),
    stable("current_time", timetz::NOW),
    volatile("clock_timestamp", &[overload(&[], PgType::TIMESTAMPTZ, clock_timestamp)]),
    volatile("timeofday", &[overload(&[], PgType::TEXT, time_of_day)]),
    volatile("gen_random_uuid", &[overload(&[], PgType::UUID, gen_random_uuid)]),
    stable("current_user", USER),
    stable("session_user", USER),
    stable("user", USER),
    stable("current_role", USER),
    stable("current_database", DATABASE),
    stable("current_catalog", DATABASE),
    stable("current_schema", SCHEMA),
    stable("pg_backend_pid", &[overload(&[], PgType::INT4, |c| constant(c, |x| x.backend_pid))]),
    stable("version", &[overload(&[], PgType::TEXT, |c| constant(c, |x| x.version.clone()))]),
    stable(
        "current_setting",
        &[
            overload(&[Ty::Text], PgType::TEXT, |c| setting(c, false)),
            overload(&[Ty::Text, Ty::Bool], PgType::TEXT, |c| setting(c, true)),
        ],
    ),
];

fn constant<R: Out + Clone>(call: &Call<'_>, f: impl Fn(&FunctionContext) -> R) -> Result<ArrayRef> {
    let value = f(call.context()?);
    Ok(R::collect(vec![Some(value); call.rows]))
}

fn rounded(micros: i64, digits: i32) -> i64 {
    crate::values::round_micros(micros, digits)
}

fn clock_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let clock = &call.context()?.sources.clock;
    Ok(TimestamptzOut::collect((0..call.rows).map(|_| Some(TimestamptzOut(clock.now().0))).collect()))
}

/// The time of day as a text with its date and zone.
fn time_of_day(call: &Call<'_>) -> Result<ArrayRef> {
    let context = call.context()?;
    let zone = context.zone();
    let row = |_| {
        let now = context.sources.clock.now().0;
        let local = DateTime::from_timestamp_micros(zone.to_local(now)).unwrap_or_default();
        Some(format!("{} {}", local.format("%a %b %d %H:%M:%S%.6f %Y"), zone.abbreviation_at(now)))
    };
    Ok(String::collect((0..call.rows).map(row).collect()))
}

/// Version 4 of RFC 9562.
fn gen_random_uuid(call: &Call<'_>) -> Result<ArrayRef> {
    let mut bytes = vec![0; call.rows * 16];
    call.context()?.sources.entropy.fill(&mut bytes);
    let id = |chunk: &[u8]| {
        let random = chunk.try_into().expect("chunks of sixteen");
        Some(uuid::Builder::from_random_bytes(random).into_uuid().into_bytes())
    };
    let ids = bytes.chunks_exact(16).map(id);
    Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16)?))
}

fn setting(call: &Call<'_>, missing_ok: bool) -> Result<ArrayRef> {
    let settings = &call.context()?.settings;
    let may_miss = missing_ok.then(|| Argument::<Bool>::of(call, 1));
    let names = Argument::<Text>::of(call, 0);
    let row = |row: usize| {
        let Some(name) = names.get(row) else { return Ok(None) };
        match settings.setting(name) {
            Some(value) => Ok(Some(value)),
            None if may_miss.as_ref().is_some_and(|may| may.get(row) == Some(true)) => Ok(None),
            None => Err(FunctionError::new("42704", format!("unrecognized configuration parameter \"{name}\"")).into()),
        }
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
