use super::{PgType, TypeKind};

/// The narrowest type of law 8's lattice that holds every value of both types, whatever the order in which they
/// were met: smallint → int → bigint → numeric → text; real → double; double joins smallint and int (exact in 53
/// bits) and otherwise goes to numeric, else text; objects and arrays → jsonb → json; any two others → text.
pub fn widen(a: PgType, b: PgType) -> PgType {
    if a == b {
        return a;
    }
    if a.oid == b.oid {
        return join_modifiers(a, b);
    }
    if let (Some(x), Some(y)) = (Rank::of(a), Rank::of(b)) {
        return x.join(y);
    }
    match (is_container(a) && is_container(b), a == PgType::JSON || b == PgType::JSON) {
        // The text of a jsonb is a json, but a json's is not in jsonb's form.
        (true, true) => PgType::JSON,
        (true, false) => PgType::JSONB,
        (false, _) => PgType::TEXT,
    }
}

/// Where a number type stands in the lattice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
}

impl Rank {
    fn of(ty: PgType) -> Option<Rank> {
        if ty.is_array() {
            return None;
        }
        match ty.kind()? {
            TypeKind::Int2 => Some(Rank::Int2),
            TypeKind::Int4 => Some(Rank::Int4),
            TypeKind::Int8 => Some(Rank::Int8),
            TypeKind::Float4 => Some(Rank::Float4),
            TypeKind::Float8 => Some(Rank::Float8),
            TypeKind::Numeric => Some(Rank::Numeric),
            _ => None,
        }
    }

    fn join(self, other: Rank) -> PgType {
        let (low, high) = (self.min(other), self.max(other));
        match (low, high) {
            (_, Rank::Numeric) | (Rank::Int8, Rank::Float4 | Rank::Float8) => PgType::NUMERIC,
            (_, Rank::Float4 | Rank::Float8) => PgType::FLOAT8,
            (_, Rank::Int8) => PgType::INT8,
            (_, Rank::Int4 | Rank::Int2) => PgType::INT4,
        }
    }
}

/// Objects and arrays of JSON: what a key of an open table held when it was not a scalar.
fn is_container(ty: PgType) -> bool {
    ty.is_array() || matches!(ty.kind(), Some(TypeKind::Json | TypeKind::Jsonb))
}

/// The modifier that takes the values of both: the longer text, the numeric with room for both sides of the point.
fn join_modifiers(a: PgType, b: PgType) -> PgType {
    if let (Some((p1, s1)), Some((p2, s2))) = (a.finite_precision_scale(), b.finite_precision_scale()) {
        let scale = s1.max(s2);
        let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
        let precision = whole + i16::from(scale);
        return match u8::try_from(precision) {
            Ok(precision) if precision <= 76 && (a.holds_specials() || b.holds_specials()) => {
                PgType::special_numeric(precision, scale)
            }
            Ok(precision) if precision <= 76 => PgType::numeric(precision, scale),
            _ => PgType::NUMERIC,
        };
    }
    if a.typmod < 0 || b.typmod < 0 {
        return PgType::plain(a.oid);
    }
    PgType { oid: a.oid, typmod: a.typmod.max(b.typmod) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALARS: &[PgType] = &[
        PgType::BOOL,
        PgType::INT2,
        PgType::INT4,
        PgType::INT8,
        PgType::FLOAT4,
        PgType::FLOAT8,
        PgType::NUMERIC,
        PgType::TEXT,
        PgType::TIMESTAMPTZ,
        PgType::DATE,
        PgType::JSONB,
        PgType::JSON,
        PgType { oid: 1007, typmod: -1 },
    ];

    #[test]
    fn widening_commutes_and_is_idempotent() {
        for &a in SCALARS {
            for &b in SCALARS {
                assert_eq!(widen(a, b), widen(b, a), "{a:?} with {b:?}");
                assert_eq!(widen(widen(a, b), b), widen(a, b), "{a:?} with {b:?} twice");
                for &c in SCALARS {
                    assert_eq!(widen(widen(a, b), c), widen(a, widen(b, c)), "{a:?}, {b:?}, {c:?}");
                }
            }
        }
    }

    #[test]
    fn integers_climb_and_doubles_join_only_where_exact() {
        assert_eq!(widen(PgType::INT2, PgType::INT8), PgType::INT8);
        assert_eq!(widen(PgType::INT4, PgType::FLOAT8), PgType::FLOAT8);
        assert_eq!(widen(PgType::INT8, PgType::FLOAT8), PgType::NUMERIC);
        assert_eq!(widen(PgType::BOOL, PgType::INT4), PgType::TEXT);
        assert_eq!(widen(PgType::NUMERIC, PgType::TEXT), PgType::TEXT);
        assert_eq!(widen(PgType::numeric(10, 2), PgType::numeric(6, 4)), PgType::numeric(12, 4));
        let special = widen(PgType::special_numeric(10, 2), PgType::numeric(6, 4));
        assert_eq!(special, PgType::special_numeric(12, 4));
    }
}
