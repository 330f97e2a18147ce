//! The numbers of PostgreSQL's types, and which type a number is.

use super::TypeKind;

/// (kind, oid, oid of its array type or 0), PostgreSQL 15's numbers. An enum type has the oid of its definition.
pub(super) const BUILT_IN: &[(TypeKind, u32, u32)] = &[
    (TypeKind::Bool, 16, 1000),
    (TypeKind::Bytea, 17, 1001),
    (TypeKind::Char, 18, 1002),
    (TypeKind::Name, 19, 1003),
    (TypeKind::Int8, 20, 1016),
    (TypeKind::Int2, 21, 1005),
    (TypeKind::Int2Vector, 22, 1006),
    (TypeKind::Int4, 23, 1007),
    (TypeKind::Regproc, 24, 1008),
    (TypeKind::Regprocedure, 2202, 2207),
    (TypeKind::Text, 25, 1009),
    (TypeKind::Oid, 26, 1028),
    (TypeKind::Xid, 28, 1011),
    (TypeKind::OidVector, 30, 1013),
    (TypeKind::Json, 114, 199),
    (TypeKind::PgNodeTree, 194, 0),
    (TypeKind::Float4, 700, 1021),
    (TypeKind::Float8, 701, 1022),
    (TypeKind::Unknown, 705, 0),
    (TypeKind::AclItem, 1033, 1034),
    (TypeKind::Bpchar, 1042, 1014),
    (TypeKind::Varchar, 1043, 1015),
    (TypeKind::Date, 1082, 1182),
    (TypeKind::Time, 1083, 1183),
    (TypeKind::Timestamp, 1114, 1115),
    (TypeKind::Timestamptz, 1184, 1185),
    (TypeKind::Interval, 1186, 1187),
    (TypeKind::Numeric, 1700, 1231),
    (TypeKind::Regclass, 2205, 2210),
    (TypeKind::Regtype, 2206, 2211),
    (TypeKind::Regnamespace, 4089, 4090),
    (TypeKind::Regrole, 4096, 4097),
    (TypeKind::Record, 2249, 2287),
    (TypeKind::Void, 2278, 0),
    (TypeKind::Uuid, 2950, 2951),
    (TypeKind::Jsonb, 3802, 3807),
    (TypeKind::AnyArray, 2277, 0),
    (TypeKind::Inet, 869, 1041),
    (TypeKind::Cidr, 650, 651),
    (TypeKind::Macaddr, 829, 1040),
    (TypeKind::Macaddr8, 774, 775),
    (TypeKind::Int4Range, 3904, 3905),
    (TypeKind::Int8Range, 3926, 3927),
    (TypeKind::NumRange, 3906, 3907),
    (TypeKind::TsRange, 3908, 3909),
    (TypeKind::TstzRange, 3910, 3911),
    (TypeKind::DateRange, 3912, 3913),
    (TypeKind::Timetz, 1266, 1270),
    (TypeKind::Money, 790, 791),
    (TypeKind::Bit, 1560, 1561),
    (TypeKind::Varbit, 1562, 1563),
];

/// Oids of built-in types and their arrays are below this.
const BUILT_IN_OIDS: usize = 4098;

/// Where each oid stands: 0 for one that is not built in; for others twice the row's place in [`BUILT_IN`], and 1 more for
/// the type or 2 more for its array.
static PLACES: [u8; BUILT_IN_OIDS] = places();

const fn places() -> [u8; BUILT_IN_OIDS] {
    assert!(2 * BUILT_IN.len() <= u8::MAX as usize, "a place has one byte");
    let mut places = [0; BUILT_IN_OIDS];
    let mut row = 0;
    while row < BUILT_IN.len() {
        let (_, oid, array) = BUILT_IN[row];
        places[oid as usize] = 2 * row as u8 + 1;
        if array != 0 {
            places[array as usize] = 2 * row as u8 + 2;
        }
        row += 1;
    }
    places
}

/// What an oid names of a built-in type.
pub(super) enum BuiltIn {
    Type(TypeKind),
    /// With the oid of its element.
    Array(TypeKind, u32),
}

pub(super) fn built_in(oid: u32) -> Option<BuiltIn> {
    let place = usize::from(*PLACES.get(oid as usize)?).checked_sub(1)?;
    let (kind, element, _) = BUILT_IN[place / 2];
    Some(if place.is_multiple_of(2) { BuiltIn::Type(kind) } else { BuiltIn::Array(kind, element) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_oid_leads_to_its_type() {
        for &(kind, oid, array) in BUILT_IN {
            assert!(matches!(built_in(oid), Some(BuiltIn::Type(found)) if found == kind), "{kind:?}");
            let is_array =
                |found: BuiltIn| matches!(found, BuiltIn::Array(of, element) if (of, element) == (kind, oid));
            assert!(array == 0 || built_in(array).is_some_and(is_array), "{kind:?}");
        }
        assert!(built_in(0).is_none() && built_in(15).is_none() && built_in(u32::MAX).is_none());
    }
}
