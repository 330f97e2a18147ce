//! Which functions a session has.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use super::define::Definition;
use super::{
    age, arithmetic, array, array_change, array_items, array_parts, array_types, bits, bytes, chance, choice, clock,
    collation, datetime, degrees, distinct_from, encoding, enums, extract, interval, interval_fields, joined, json,
    json_array, json_build, json_change, json_path, json_row, json_sets, json_text, letter_case, macaddr, make_time,
    math, money, network, nulls, open_time, ordered_set, overlaps, own_type, pattern, places, range, regexp_places,
    rounding, row, row_lock, sampling, scale, series_array, shown_scale, sql_pattern, text, ties, timetz, to_char,
    type_of, unicode,
};

/// The families of functions of ours.
const FAMILIES: &[&[Definition]] = &[
    age::DEFINITIONS,
    arithmetic::DEFINITIONS,
    array::DEFINITIONS,
    array_change::DEFINITIONS,
    array_items::DEFINITIONS,
    array_parts::DEFINITIONS,
    bits::DEFINITIONS,
    bytes::DEFINITIONS,
    chance::DEFINITIONS,
    clock::DEFINITIONS,
    collation::DEFINITIONS,
    datetime::DEFINITIONS,
    degrees::DEFINITIONS,
    distinct_from::DEFINITIONS,
    encoding::DEFINITIONS,
    enums::DEFINITIONS,
    extract::DEFINITIONS,
    interval::DEFINITIONS,
    interval_fields::DEFINITIONS,
    joined::DEFINITIONS,
    json::DEFINITIONS,
    json_array::DEFINITIONS,
    json_build::DEFINITIONS,
    json_change::DEFINITIONS,
    json_path::DEFINITIONS,
    json_row::DEFINITIONS,
    json_sets::DEFINITIONS,
    json_text::DEFINITIONS,
    letter_case::DEFINITIONS,
    macaddr::DEFINITIONS,
    make_time::DEFINITIONS,
    math::DEFINITIONS,
    money::DEFINITIONS,
    network::DEFINITIONS,
    nulls::DEFINITIONS,
    open_time::DEFINITIONS,
    ordered_set::DEFINITIONS,
    overlaps::DEFINITIONS,
    pattern::DEFINITIONS,
    places::DEFINITIONS,
    range::DEFINITIONS,
    regexp_places::DEFINITIONS,
    rounding::DEFINITIONS,
    row::DEFINITIONS,
    row_lock::DEFINITIONS,
    sampling::DEFINITIONS,
    scale::DEFINITIONS,
    shown_scale::DEFINITIONS,
    series_array::DEFINITIONS,
    sql_pattern::DEFINITIONS,
    text::DEFINITIONS,
    ties::DEFINITIONS,
    timetz::DEFINITIONS,
    to_char::DEFINITIONS,
    type_of::DEFINITIONS,
    unicode::DEFINITIONS,
];

/// Whether a stable function is immutable where it neither takes nor gives a value with a time zone.
pub(crate) fn is_zoned(name: &str) -> bool {
    FAMILIES.iter().flat_map(|family| family.iter()).any(|definition| definition.is_zoned && definition.name == name)
}

/// DataFusion's scalar functions that mean what PostgreSQL's of that name mean, or that its planner needs.
fn borrowed_scalar_functions() -> Vec<Arc<ScalarUDF>> {
    use datafusion::functions::{core, crypto, math, string, unicode};
    use datafusion::functions_nested as nested;
    vec![
        crate::semantics::cast_call::function(),
        core::named_struct(),
        core::get_field(),
        string::replace(),
        string::starts_with(),
        unicode::reverse(),
        math::pi(),
        crypto::md5(),
        crypto::sha224(),
        crypto::sha256(),
        crypto::sha384(),
        crypto::sha512(),
        nested::array_has::array_has_udf(),
    ]
}

static SCALAR_FUNCTIONS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let borrowed = borrowed_scalar_functions()
        .into_iter()
        .chain(choice::functions())
        .chain(array_types::functions())
        .chain([own_type::function()])
        .chain([Arc::new(row::row())]);
    let ours = FAMILIES.iter().flat_map(|family| family.iter().copied());
    let ours = ours.chain(rounding::fixed_scale_definitions()).map(|definition| Arc::new(definition.udf()));
    let mut functions = HashMap::new();
    for function in borrowed.chain(ours) {
        for alias in function.aliases() {
            functions.insert(alias.clone(), Arc::clone(&function));
        }
        functions.insert(function.name().to_owned(), function);
    }
    functions
});

/// A function of ours by its name.
pub(crate) fn named(name: &str) -> Result<Arc<ScalarUDF>> {
    SCALAR_FUNCTIONS.get(name).cloned().ok_or_else(|| internal_datafusion_err!("the function {name} is not registered"))
}

/// Whether a session has a scalar function of that name.
pub(crate) fn is_scalar(name: &str) -> bool {
    SCALAR_FUNCTIONS.contains_key(name)
}

/// Whether a session has an aggregate or a window function of that name.
pub(crate) fn is_aggregate_or_window(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let functions = window_functions();
        functions.iter().flat_map(|function| names_of(function.name(), function.aliases())).collect()
    });
    is_aggregate(name) || NAMES.contains(name)
}

fn names_of(name: &str, aliases: &[String]) -> Vec<String> {
    aliases.iter().cloned().chain([name.to_owned()]).collect()
}

/// Every scalar function of a session, by its names.
pub fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions: Vec<_> = SCALAR_FUNCTIONS.values().cloned().collect();
    functions.sort_by(|a, b| a.name().cmp(b.name()));
    functions.dedup_by(|a, b| a.name() == b.name());
    functions
}

/// Every aggregate function of a session.
pub fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    super::aggregate::all()
}

/// Aggregates that are made of others while a statement is planned.
const COMPOSED_AGGREGATES: &[&str] =
    &["json_agg", "json_object_agg", "jsonb_agg", "jsonb_object_agg", "mode", "percentile_cont", "percentile_disc"];

static AGGREGATES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let named = aggregate_functions().into_iter().flat_map(|function| {
        let aliases = function.aliases().to_vec();
        aliases.into_iter().chain([function.name().to_owned()])
    });
    named.chain(COMPOSED_AGGREGATES.iter().map(|name| (*name).to_owned())).collect()
});

/// Whether an aggregate has the name.
pub(crate) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(name)
}

/// Every window function of a session.
pub fn window_functions() -> Vec<Arc<WindowUDF>> {
    super::window::all()
}

/// Gives a session its functions: all that it has.
pub fn register(builder: &mut SessionStateBuilder) {
    builder.scalar_functions().get_or_insert_default().extend(scalar_functions());
    builder.aggregate_functions().get_or_insert_default().extend(aggregate_functions());
    builder.window_functions().get_or_insert_default().extend(window_functions());
    let tables = builder.table_functions().get_or_insert_default();
    tables.extend(super::series::table_functions());
    tables.extend([crate::pg_catalog::keywords::table_function()]);
}
