//! `pg_proc`: PostgreSQL's signatures of the functions that can be called here, and of those that read and write the
//! values of types, which clients look up by oid to tell types apart.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::built_in_types::PG_TYPE;
use super::{BOOTSTRAP_ROLE, PG_CATALOG};
use crate::relation::{RelationContext, Rows, Value, facts};

/// oid, name, kind, strict, returns a set, volatility, parallel safety, arguments, defaults, variadic element,
/// result, argument types, implementation.
pub(crate) const PG_PROC: &str = include_str!("facts/pg_proc.tsv");
/// Oid of the language `internal`.
const INTERNAL: u32 = 12;
/// The columns `typinput` to `typmodout` in the rows of `pg_type`.
const TYPE_FUNCTIONS: std::ops::Range<usize> = 15..21;
/// The same of enum types, of which `pg_type` has rows once there are any.
const ENUM_FUNCTIONS: [&str; 4] = ["3506", "3507", "3532", "3533"];
/// `prorows` of functions that return sets.
const SET_ROWS: f64 = 1000.0;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(COLUMNS);
    let of_types = type_functions();
    let is_known = |row: &Vec<&str>| context.server.functions.contains(row[1]) || of_types.contains(row[0]);
    for row in facts(PG_PROC).filter(is_known) {
        let number = |text: &str| Value::Int(text.parse().expect("a fact of an integer type is a number"));
        let returns_set = row[4] == "t";
        rows.push([
            number(row[0]),
            row[1].into(),
            PG_CATALOG.into(),
            BOOTSTRAP_ROLE.into(),
            INTERNAL.into(),
            1.0.into(),
            if returns_set { SET_ROWS } else { 0.0 }.into(),
            number(row[9]),
            Value::Int(0),
            row[2].into(),
            false.into(),
            false.into(),
            (row[3] == "t").into(),
            returns_set.into(),
            row[5].into(),
            row[6].into(),
            number(row[7]),
            number(row[8]),
            number(row[10]),
            Value::List(row[11].split_whitespace().map(number).collect()),
            row[12].into(),
        ]);
    }
}

/// Oids of the functions that read and write values of types: `typinput` to `typmodout` of `pg_type`.
fn type_functions() -> HashSet<&'static str> {
    facts(PG_TYPE).flat_map(|row| row[TYPE_FUNCTIONS].to_vec()).chain(ENUM_FUNCTIONS).collect()
}

/// A function's signature.
pub(crate) struct Function {
    pub(crate) oid: u32,
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<u32>,
    /// How many of the last arguments need not be given.
    pub(crate) defaults: usize,
    /// The type of each of any number of values that the last argument takes.
    pub(crate) variadic: Option<u32>,
    pub(crate) result: u32,
    pub(crate) returns_set: bool,
}

impl Function {
    /// The types of its parameters in a call of so many arguments; `None` if it does not take as many.
    pub(crate) fn parameters(&self, count: usize) -> Option<Vec<u32>> {
        let all = self.arguments.len();
        match self.variadic {
            Some(item) if count >= all => {
                let fixed = self.arguments.iter().take(all - 1).copied();
                Some(fixed.chain(std::iter::repeat_n(item, count + 1 - all)).collect())
            }
            _ => (count <= all && count + self.defaults >= all).then(|| self.arguments[..count].to_vec()),
        }
    }
}

/// All of PostgreSQL's functions over the types that Peristyle knows, callable or not.
pub(crate) fn functions() -> impl Iterator<Item = Function> {
    facts(PG_PROC).map(|row| Function {
        oid: row[0].parse().expect("an oid is a number"),
        name: row[1],
        arguments: row[11].split_whitespace().map(|oid| oid.parse().expect("an oid is a number")).collect(),
        defaults: row[8].parse().expect("a count is a number"),
        variadic: Some(row[9]).filter(|oid| *oid != "0").map(|oid| oid.parse().expect("an oid is a number")),
        result: row[10].parse().expect("an oid is a number"),
        returns_set: row[4] == "t",
    })
}

/// The functions of that name, callable or not.
pub(crate) fn functions_named(name: &str) -> &'static [Function] {
    static BY_NAME: LazyLock<HashMap<&str, Vec<Function>>> = LazyLock::new(|| {
        let mut by_name: HashMap<&str, Vec<Function>> = HashMap::new();
        functions().for_each(|function| by_name.entry(function.name).or_default().push(function));
        by_name
    });
    BY_NAME.get(name).map_or(&[], Vec::as_slice)
}

/// The function of that oid.
pub(crate) fn function(oid: u32) -> Option<Function> {
    functions().find(|function| function.oid == oid)
}

/// The order of the values in [`fill`]; the other columns are always NULL.
const COLUMNS: [&str; 21] = [
    "oid",
    "proname",
    "pronamespace",
    "proowner",
    "prolang",
    "procost",
    "prorows",
    "provariadic",
    "prosupport",
    "prokind",
    "prosecdef",
    "proleakproof",
    "proisstrict",
    "proretset",
    "provolatile",
    "proparallel",
    "pronargs",
    "pronargdefaults",
    "prorettype",
    "proargtypes",
    "prosrc",
];

#[cfg(test)]
mod tests {
    use super::super::built_in_types::by_oid;
    use super::*;

    #[test]
    fn every_signature_is_of_known_types() {
        for function in functions() {
            let types = function.arguments.iter().chain([&function.result]);
            assert!(types.into_iter().all(|ty| by_oid(*ty).is_some()), "{}", function.name);
        }
    }

    #[test]
    fn a_function_is_found_by_its_oid() {
        let format_type = function(1081).expect("format_type");
        assert_eq!((format_type.name, format_type.arguments), ("format_type", vec![26, 23]));
    }
}
