//! What is known of a column's values without reading them: collected as they are written ([`Collector`]), turned
//! back into Arrow arrays for pruning ([`bounds_array`]). Statistics never lie (law 9): where a bound would need an
//! argument that does not hold, there is none.

mod bounds;
mod collect;
mod decimals;

pub use bounds::bounds_array;
pub(crate) use bounds::keeps_order;
pub use collect::Collector;
pub(crate) use decimals::DecimalExtremes;

use peristyle_catalog::model::{PgType, TypeKind};

/// Whether the order of the stored bytes is the type's order, so that least and greatest value mean something.
pub fn has_bounds(ty: PgType) -> bool {
    if ty.is_array() {
        return false;
    }
    match ty.kind() {
        Some(
            TypeKind::Bool
            | TypeKind::Bytea
            | TypeKind::Char
            | TypeKind::Name
            | TypeKind::Int8
            | TypeKind::Int2
            | TypeKind::Int4
            | TypeKind::Text
            | TypeKind::Oid
            | TypeKind::Xid
            | TypeKind::Float4
            | TypeKind::Float8
            | TypeKind::Bpchar
            | TypeKind::Varchar
            | TypeKind::Date
            | TypeKind::Time
            | TypeKind::Timestamp
            | TypeKind::Timestamptz
            | TypeKind::Numeric
            | TypeKind::Uuid
            | peristyle_catalog::packed_kinds!()
            // Labels as they are stored: they prune what is equal. Their order is another (docs/types.md), and what
            // compares by it does not name the column alone.
            | TypeKind::Enum,
        ) => true,
        Some(
            TypeKind::Regproc
            | TypeKind::Regprocedure
            | TypeKind::Regclass
            | TypeKind::Regtype
            | TypeKind::Regnamespace
            | TypeKind::Regrole
            | TypeKind::Int2Vector
            | TypeKind::OidVector
            | TypeKind::Json
            | TypeKind::Jsonb
            | TypeKind::PgNodeTree
            | TypeKind::Unknown
            | TypeKind::AclItem
            | TypeKind::Interval
            | TypeKind::Record
            | TypeKind::Void
            | TypeKind::AnyArray,
        )
        | None => false,
    }
}

#[cfg(test)]
mod tests;
