//! What other catalogs need to know of built-in types.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::relation::facts;

/// The rows of `pg_type`.
pub(super) const PG_TYPE: &str = include_str!("facts/pg_type.tsv");
const PG_OPCLASS: &str = include_str!("facts/pg_opclass.tsv");

/// A row of `pg_type`, in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuiltInType {
    pub(crate) oid: u32,
    pub(crate) name: &'static str,
    pub(crate) len: i16,
    pub(crate) by_value: bool,
    pub(crate) align: &'static str,
    pub(crate) storage: &'static str,
    /// Oid of the element of an array type, else of what subscripting gives, else 0.
    pub(crate) element: u32,
    /// Oid of the array type over it, or 0.
    pub(crate) array: u32,
    /// Oid of the default collation, or 0.
    pub(crate) collation: u32,
}

static TYPES: LazyLock<HashMap<u32, BuiltInType>> =
    LazyLock::new(|| facts(PG_TYPE).map(|row| parse(&row)).map(|ty| (ty.oid, ty)).collect());

/// Default btree operator class by the oid of the type it takes.
static OPERATOR_CLASSES: LazyLock<HashMap<u32, u32>> = LazyLock::new(|| {
    let defaults = facts(PG_OPCLASS).filter(|row| row[7] == "t");
    defaults.map(|row| (number(row[6]), number(row[0]))).collect()
});

/// Oid of `text`, whose operator class serves `varchar` as well.
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;
/// `array_ops` takes `anyarray`.
const ANY_ARRAY: u32 = 2277;

/// The built-in type of that oid.
pub(crate) fn by_oid(oid: u32) -> Option<&'static BuiltInType> {
    TYPES.get(&oid)
}

/// The built-in type of that `typname`.
pub(crate) fn by_name(name: &str) -> Option<&'static BuiltInType> {
    TYPES.values().find(|ty| ty.name == name)
}

/// The default btree operator class of a type; 0 if PostgreSQL has none.
pub(crate) fn operator_class(ty: u32) -> u32 {
    let is_array = by_oid(ty).is_some_and(|ty| ty.len == -1 && ty.element != 0);
    let input = match ty {
        VARCHAR => TEXT,
        _ if is_array => ANY_ARRAY,
        other => other,
    };
    OPERATOR_CLASSES.get(&input).copied().unwrap_or(0)
}

fn parse(row: &[&'static str]) -> BuiltInType {
    BuiltInType {
        oid: number(row[0]),
        name: row[1],
        len: row[4].parse().expect("typlen is a number"),
        by_value: row[5] == "t",
        element: number(row[13]),
        array: number(row[14]),
        align: row[22],
        storage: row[23],
        collation: number(row[28]),
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("an oid is a number")
}

#[cfg(test)]
mod tests {
    use peristyle_catalog::model::{PgType, TypeKind};

    use super::*;

    #[test]
    fn every_kind_is_a_type_with_its_array() {
        for kind in TypeKind::all() {
            let ty = by_oid(kind.oid()).expect("a kind is a type");
            assert_eq!(ty.array, kind.array_oid(), "{}", ty.name);
            if let Some(array) = PgType::plain(kind.oid()).array() {
                assert_eq!(by_oid(array.oid).map(|array| array.element), Some(ty.oid), "{}", ty.name);
            }
        }
    }

    #[test]
    fn every_column_of_a_computed_relation_has_a_type() {
        let columns = crate::relation::declarations().iter().flat_map(|relation| &relation.columns);
        assert!(columns.into_iter().all(|(_, ty)| by_oid(ty.oid).is_some()));
    }

    /// As PostgreSQL 15 has them: oid, name, length, by value, array, element, collation.
    #[test]
    fn types_are_as_postgresql_has_them() {
        for (oid, name, len, by_value, array, element, collation) in [
            (16, "bool", 1, true, 1000, 0, 0),
            (19, "name", 64, false, 1003, 18, 950),
            (23, "int4", 4, true, 1007, 0, 0),
            (25, "text", -1, false, 1009, 0, 100),
            (1009, "_text", -1, false, 0, 25, 100),
            (1184, "timestamptz", 8, true, 1185, 0, 0),
            (2950, "uuid", 16, false, 2951, 0, 0),
        ] {
            let ty = by_oid(oid).expect(name);
            let found = (ty.name, ty.len, ty.by_value, ty.array, ty.element, ty.collation);
            assert_eq!(found, (name, len, by_value, array, element, collation));
        }
    }

    #[test]
    fn operator_classes_are_those_of_btree() {
        assert_eq!([operator_class(23), operator_class(25), operator_class(1043)], [1978, 3126, 3126]);
        assert_eq!((operator_class(1009), operator_class(114)), (10000, 0));
    }
}
