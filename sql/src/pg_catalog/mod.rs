//! `pg_catalog`: the system catalogs, computed from a snapshot, and the functions that read them.
//!
//! Built-in rows (`facts/*.tsv`) are PostgreSQL 15's, in its text form and with its oids.

pub mod functions;
pub mod rewrite;

mod built_in;
pub(crate) mod built_in_types;
pub(crate) mod definitions;
pub(crate) mod keywords;
pub(crate) mod names;
pub(crate) mod parentheses;
mod pg_attrdef;
mod pg_attribute;
mod pg_class;
pub(crate) mod pg_constraint;
mod pg_cursors;
mod pg_database;
mod pg_depend;
mod pg_description;
mod pg_enum;
pub(crate) mod pg_extension;
mod pg_index;
mod pg_indexes;
mod pg_locks;
mod pg_namespace;
mod pg_prepared_statements;
mod pg_proc;
mod pg_rewrite;
mod pg_roles;
pub(crate) mod pg_sequence;
mod pg_settings;
mod pg_shdescription;
mod pg_stat_activity;
mod pg_stat_database;
mod pg_stat_gssapi;
mod pg_stat_progress_copy;
mod pg_stat_ssl;
mod pg_stat_tables;
mod pg_tables;
mod pg_timezone_names;
pub(crate) mod pg_type;
mod pg_views;
pub(crate) mod type_names;

use crate::relation::Fill;
pub(crate) use pg_proc::functions_named;

/// Oid of the role that owns what is built in (`BOOTSTRAP_SUPERUSERID`).
pub(crate) const BOOTSTRAP_ROLE: u32 = 10;
/// Oid of the schema `pg_catalog`.
pub(crate) const PG_CATALOG: u32 = 11;
/// Oid of the schema `information_schema`, as PostgreSQL 15's initdb gives it.
pub(crate) const INFORMATION_SCHEMA: u32 = 13207;
/// Oid of the schema `system`, which only Peristyle has.
pub(crate) const SYSTEM: u32 = 16300;
/// `pg_class` and other catalogs as `classid` names them.
pub(crate) const PG_CLASS: u32 = 1259;
pub(crate) const PG_ATTRDEF: u32 = 2604;
pub(crate) const PG_REWRITE: u32 = 2618;
pub(crate) const PG_NAMESPACE: u32 = 2615;
pub(crate) const PG_TYPE: u32 = 1247;
pub(crate) const PG_EXTENSION: u32 = 3079;
pub(crate) const PG_DATABASE: u32 = 1262;
/// Access methods and the default tablespace.
pub(crate) const HEAP: u32 = 2;
pub(crate) const BTREE: u32 = 403;
pub(crate) const PG_DEFAULT: u32 = 1663;

/// The relations of this schema that have rows.
pub(crate) const FILLS: &[(&str, &str, Fill)] = &[
    ("pg_catalog", "pg_am", built_in::pg_am),
    ("pg_catalog", "pg_attrdef", pg_attrdef::fill),
    ("pg_catalog", "pg_attribute", pg_attribute::fill),
    ("pg_catalog", "pg_authid", pg_roles::pg_authid),
    ("pg_catalog", "pg_cast", built_in::pg_cast),
    ("pg_catalog", "pg_class", pg_class::fill),
    ("pg_catalog", "pg_collation", built_in::pg_collation),
    ("pg_catalog", "pg_constraint", pg_constraint::fill),
    ("pg_catalog", "pg_cursors", pg_cursors::fill),
    ("pg_catalog", "pg_database", pg_database::fill),
    ("pg_catalog", "pg_depend", pg_depend::fill),
    ("pg_catalog", "pg_description", pg_description::fill),
    ("pg_catalog", "pg_enum", pg_enum::fill),
    ("pg_catalog", "pg_extension", pg_extension::fill),
    ("pg_catalog", "pg_index", pg_index::fill),
    ("pg_catalog", "pg_indexes", pg_indexes::fill),
    ("pg_catalog", "pg_language", built_in::pg_language),
    ("pg_catalog", "pg_locks", pg_locks::fill),
    ("pg_catalog", "pg_matviews", pg_views::materialized),
    ("pg_catalog", "pg_namespace", pg_namespace::fill),
    ("pg_catalog", "pg_opclass", built_in::pg_opclass),
    ("pg_catalog", "pg_operator", built_in::pg_operator),
    ("pg_catalog", "pg_opfamily", built_in::pg_opfamily),
    ("pg_catalog", "pg_prepared_statements", pg_prepared_statements::fill),
    ("pg_catalog", "pg_proc", pg_proc::fill),
    ("pg_catalog", "pg_range", built_in::pg_range),
    ("pg_catalog", "pg_rewrite", pg_rewrite::fill),
    ("pg_catalog", "pg_roles", pg_roles::pg_roles),
    ("pg_catalog", "pg_sequence", pg_sequence::fill),
    ("pg_catalog", "pg_sequences", pg_sequence::view),
    ("pg_catalog", "pg_settings", pg_settings::fill),
    ("pg_catalog", "pg_shadow", pg_roles::pg_user),
    ("pg_catalog", "pg_shdescription", pg_shdescription::fill),
    ("pg_catalog", "pg_stat_activity", pg_stat_activity::fill),
    ("pg_catalog", "pg_stat_all_tables", pg_stat_tables::fill),
    ("pg_catalog", "pg_stat_database", pg_stat_database::fill),
    ("pg_catalog", "pg_stat_gssapi", pg_stat_gssapi::fill),
    ("pg_catalog", "pg_stat_progress_copy", pg_stat_progress_copy::fill),
    ("pg_catalog", "pg_stat_ssl", pg_stat_ssl::fill),
    ("pg_catalog", "pg_stat_user_tables", pg_stat_tables::fill),
    ("pg_catalog", "pg_statio_all_sequences", pg_sequence::io),
    ("pg_catalog", "pg_statio_all_tables", pg_stat_tables::io),
    ("pg_catalog", "pg_statio_user_sequences", pg_sequence::io),
    ("pg_catalog", "pg_statio_user_tables", pg_stat_tables::io),
    ("pg_catalog", "pg_tables", pg_tables::fill),
    ("pg_catalog", "pg_tablespace", built_in::pg_tablespace),
    ("pg_catalog", "pg_timezone_names", pg_timezone_names::fill),
    ("pg_catalog", "pg_type", pg_type::fill),
    ("pg_catalog", "pg_user", pg_roles::pg_user),
    ("pg_catalog", "pg_views", pg_views::fill),
];

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod tests;
