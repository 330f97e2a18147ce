//! Which types a partition key may rest on, and which its columns may widen to.

use super::{ColumnId, PartitionKey, PgType, TypeKind};

/// Whether a partition key by time may rest on a column of the type.
pub fn is_time_key(ty: PgType) -> bool {
    [PgType::DATE.oid, PgType::TIMESTAMP.oid, PgType::TIMESTAMPTZ.oid].contains(&ty.oid)
}

/// Types whose equal values have equal hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketFamily {
    Bool,
    Number,
    Text,
    Bytes,
    /// date, timestamp and timestamptz.
    Instant,
    Time,
    Interval,
    Uuid,
    /// A type that is stored packed, each a family of its own.
    Packed(TypeKind),
}

/// The family of a type; `None` for one that cannot be a bucket key (json, arrays).
pub fn bucket_family(ty: PgType) -> Option<BucketFamily> {
    if ty.is_array() {
        return None;
    }
    match ty.kind()? {
        TypeKind::Bool => Some(BucketFamily::Bool),
        TypeKind::Int2
        | TypeKind::Int4
        | TypeKind::Int8
        | TypeKind::Oid
        | TypeKind::Xid
        | TypeKind::Float4
        | TypeKind::Float8
        | TypeKind::Numeric => Some(BucketFamily::Number),
        TypeKind::Text | TypeKind::Varchar | TypeKind::Bpchar | TypeKind::Char | TypeKind::Name | TypeKind::Enum => {
            Some(BucketFamily::Text)
        }
        TypeKind::Bytea => Some(BucketFamily::Bytes),
        TypeKind::Date | TypeKind::Timestamp | TypeKind::Timestamptz => Some(BucketFamily::Instant),
        TypeKind::Time => Some(BucketFamily::Time),
        TypeKind::Interval => Some(BucketFamily::Interval),
        TypeKind::Uuid => Some(BucketFamily::Uuid),
        kind @ (crate::packed_kinds!()) => Some(BucketFamily::Packed(match kind {
            // bit(n) and bit varying meet as the latter.
            crate::bit_kinds!() => TypeKind::Varbit,
            kind => kind,
        })),
        TypeKind::Int2Vector
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::OidVector
        | TypeKind::Json
        | TypeKind::Jsonb
        | TypeKind::PgNodeTree
        | TypeKind::Unknown
        | TypeKind::AclItem
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regnamespace
        | TypeKind::Regrole
        | TypeKind::Record
        | TypeKind::Void
        | TypeKind::AnyArray => None,
    }
}

impl PartitionKey {
    /// Whether a column may go from one type to another while its rows stay where they lie: the key ranges and buckets of
    /// these were computed of the former.
    pub fn lets_widen(&self, column: ColumnId, from: PgType, to: PgType) -> bool {
        let is_time = self.time().is_some_and(|(_, time)| time == column);
        let is_bucket = self.bucket().is_some_and(|(_, hashed)| hashed == column);
        (!is_time || from.oid == to.oid) && (!is_bucket || bucket_family(from) == bucket_family(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeUnit;

    #[test]
    fn a_key_lets_its_columns_widen_where_rows_stay_right() {
        let (time, hashed, other) = (ColumnId(1), ColumnId(2), ColumnId(3));
        let key = PartitionKey::TimeBucket { unit: TimeUnit::Day, time, buckets: 8, column: hashed };
        assert!(key.lets_widen(time, PgType { typmod: 3, ..PgType::TIMESTAMP }, PgType::TIMESTAMP));
        assert!(!key.lets_widen(time, PgType::DATE, PgType::TIMESTAMP), "its midnights are others in another form");
        assert!(!key.lets_widen(time, PgType::TIMESTAMPTZ, PgType::TEXT));
        assert!(key.lets_widen(hashed, PgType::INT2, PgType::NUMERIC));
        assert!(key.lets_widen(hashed, PgType::VARCHAR, PgType::TEXT));
        assert!(!key.lets_widen(hashed, PgType::INT4, PgType::TEXT));
        assert!(!key.lets_widen(hashed, PgType::INT4, PgType::JSONB));
        assert!(key.lets_widen(other, PgType::INT4, PgType::TEXT));
        let hashed_time = PartitionKey::TimeBucket { unit: TimeUnit::Day, time, buckets: 8, column: time };
        assert!(!hashed_time.lets_widen(time, PgType::DATE, PgType::TIMESTAMP));
    }
}
