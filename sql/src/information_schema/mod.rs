//! `information_schema`: the standard's views of the same snapshot, with PostgreSQL 15's values.

mod character_sets;
mod column_privileges;
mod columns;
mod constraints;
mod element_types;
mod enabled_roles;
mod key_column_usage;
mod listed;
mod referential_constraints;
mod schemata;
mod sequences;
mod table_privileges;
mod tables;
mod view_usage;
mod views;

use crate::relation::Fill;

/// The relations of this schema that have rows.
pub(crate) const FILLS: &[(&str, &str, Fill)] = &[
    ("information_schema", "character_sets", character_sets::fill),
    ("information_schema", "check_constraints", constraints::check_constraints),
    ("information_schema", "collations", character_sets::collations),
    ("information_schema", "column_privileges", column_privileges::fill),
    ("information_schema", "columns", columns::fill),
    ("information_schema", "constraint_column_usage", constraints::constraint_column_usage),
    ("information_schema", "element_types", element_types::fill),
    ("information_schema", "enabled_roles", enabled_roles::fill),
    ("information_schema", "information_schema_catalog_name", schemata::catalog_name),
    ("information_schema", "key_column_usage", key_column_usage::fill),
    ("information_schema", "referential_constraints", referential_constraints::fill),
    ("information_schema", "role_column_grants", column_privileges::fill),
    ("information_schema", "role_table_grants", table_privileges::fill),
    ("information_schema", "schemata", schemata::fill),
    ("information_schema", "sequences", sequences::fill),
    ("information_schema", "table_constraints", constraints::table_constraints),
    ("information_schema", "table_privileges", table_privileges::fill),
    ("information_schema", "tables", tables::fill),
    ("information_schema", "view_column_usage", view_usage::columns),
    ("information_schema", "view_table_usage", view_usage::tables),
    ("information_schema", "views", views::fill),
];

/// The standard's `yes_or_no`.
fn yes_or_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}
