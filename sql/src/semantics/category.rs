//! Which types PostgreSQL's operators bring together, and to what.

use peristyle_catalog::model::{PgType, TypeKind};

/// The families of types between whose members values are compared without an explicit cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    Number,
    Text,
    Bool,
    /// date, timestamp, timestamptz.
    Time,
    Array,
    /// Types that are only comparable with themselves.
    Own(TypeKind),
    /// An enum type, by its oid: labels of two types are never compared.
    Enum(u32),
    Other,
}

pub(crate) fn category(ty: PgType) -> Category {
    if ty.item().is_some() {
        return Category::Array;
    }
    let Some(kind) = ty.kind() else { return Category::Other };
    match kind {
        TypeKind::Int2
        | TypeKind::Int4
        | TypeKind::Int8
        | TypeKind::Float4
        | TypeKind::Float8
        | TypeKind::Numeric
        | TypeKind::Oid
        | TypeKind::Xid
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regnamespace
        | TypeKind::Regrole => Category::Number,
        TypeKind::Text
        | TypeKind::Varchar
        | TypeKind::Bpchar
        | TypeKind::Name
        | TypeKind::Char
        | TypeKind::Unknown
        | TypeKind::PgNodeTree
        | TypeKind::AclItem => Category::Text,
        TypeKind::Bool => Category::Bool,
        TypeKind::Date | TypeKind::Timestamp | TypeKind::Timestamptz => Category::Time,
        TypeKind::Bytea | TypeKind::Time | TypeKind::Interval | TypeKind::Uuid | TypeKind::Json | TypeKind::Jsonb => {
            Category::Own(kind)
        }
        // A cidr is an inet wherever one is asked for.
        TypeKind::Inet | TypeKind::Cidr => Category::Own(TypeKind::Inet),
        peristyle_catalog::bit_kinds!() => Category::Own(TypeKind::Varbit),
        TypeKind::Macaddr
        | TypeKind::Macaddr8
        | TypeKind::Timetz
        | TypeKind::Money
        | peristyle_catalog::range_kinds!() => Category::Own(kind),
        TypeKind::Int2Vector | TypeKind::OidVector => Category::Array,
        TypeKind::Enum => Category::Enum(ty.oid),
        TypeKind::Record | TypeKind::Void | TypeKind::AnyArray => Category::Other,
    }
}

/// Place of a number type in the order in which PostgreSQL converts implicitly.
fn rank(ty: PgType) -> Option<u8> {
    match ty.kind()? {
        TypeKind::Int2 => Some(0),
        TypeKind::Int4 => Some(1),
        TypeKind::Int8 => Some(2),
        TypeKind::Numeric => Some(3),
        TypeKind::Float4 => Some(4),
        TypeKind::Float8 => Some(5),
        _ => None,
    }
}

/// The type in which two numbers are added; `None` if there is no such operator.
pub(crate) fn arithmetic_type(left: PgType, right: PgType) -> Option<PgType> {
    let (a, b) = (rank(left)?, rank(right)?);
    let wider = if a >= b { left } else { right };
    // float4 meets another type as float8.
    let mixes_float4 = wider == PgType::FLOAT4 && a != b;
    Some(if mixes_float4 { PgType::FLOAT8 } else { PgType::plain(wider.oid) })
}

/// The type in which two values are compared; `None` if there is no such operator.
pub(crate) fn comparison_type(left: PgType, right: PgType) -> Option<PgType> {
    let (a, b) = (category(left), category(right));
    if is_time_of_day(a) && is_time_of_day(b) && a != b {
        return Some(PgType::TIMETZ);
    }
    if a != b || left.oid == TypeKind::Json.oid() {
        return None;
    }
    if let (Some(left), Some(right)) = (left.item(), right.item()) {
        comparison_type(left, right)?;
    }
    Some(match a {
        Category::Number => arithmetic_type(left, right).unwrap_or(PgType::plain(left.oid)),
        Category::Text => PgType::TEXT,
        Category::Time => later_time(left, right),
        Category::Own(kind) if left.oid != right.oid => PgType::plain(kind.oid()),
        Category::Bool | Category::Array | Category::Own(_) | Category::Enum(_) | Category::Other => {
            PgType::plain(left.oid)
        }
    })
}

/// A time without an offset has the session's beside one that has one.
fn is_time_of_day(category: Category) -> bool {
    matches!(category, Category::Own(TypeKind::Time | TypeKind::Timetz))
}

fn later_time(left: PgType, right: PgType) -> PgType {
    let order = [PgType::DATE, PgType::TIMESTAMP, PgType::TIMESTAMPTZ];
    let place = |ty: PgType| order.iter().position(|other| other.oid == ty.oid).unwrap_or(0);
    order[place(left).max(place(right))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_meet_as_postgresql_has_them_meet() {
        assert_eq!(arithmetic_type(PgType::INT2, PgType::INT4), Some(PgType::INT4));
        assert_eq!(arithmetic_type(PgType::INT8, PgType::numeric(5, 2)), Some(PgType::NUMERIC));
        assert_eq!(arithmetic_type(PgType::FLOAT4, PgType::INT4), Some(PgType::FLOAT8));
        assert_eq!(arithmetic_type(PgType::FLOAT4, PgType::FLOAT4), Some(PgType::FLOAT4));
        assert_eq!(arithmetic_type(PgType::TEXT, PgType::INT4), None);
        assert_eq!(comparison_type(PgType::DATE, PgType::TIMESTAMPTZ), Some(PgType::TIMESTAMPTZ));
        assert_eq!(comparison_type(PgType::TEXT, PgType::INT4), None);
        let array = |ty: PgType| ty.array().expect("an array type");
        assert_eq!(comparison_type(array(PgType::TEXT), array(PgType::INT4)), None);
        assert!(comparison_type(array(PgType::INT8), array(PgType::INT4)).is_some());
    }
}
