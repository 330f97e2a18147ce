//! The type string of a `query` record: one letter per column, made from the column's PostgreSQL type.
//!
//! | letter | type | letter | type | letter | type |
//! |---|---|---|---|---|---|
//! | `B` | boolean | `T` | text | `D` | date |
//! | `S` | smallint | `V` | varchar | `H` | time |
//! | `I` | integer | `C` | char(n) | `P` | timestamp |
//! | `L` | bigint | `M` | name | `Z` | timestamptz |
//! | `F` | real | `Q` | "char" | `E` | interval |
//! | `R` | double precision | `Y` | bytea | `U` | uuid |
//! | `N` | numeric | `J` | json | `K` | jsonb |
//! | `O` | oid | `G` | regclass, regtype, … | `W` | void |
//!
//! The small letter is the array of the capital's type; `?` is any other type.

use peristyle_catalog::model::{PgType, TypeKind};

/// One column's letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnLetter(char);

const SCALAR_LETTERS: &str = "BSILFRNTVCMQYDHPZEUJKOGW";
const OTHER: char = '?';

impl ColumnLetter {
    /// The letter of the type with this oid in `pg_type`.
    pub(crate) fn of(oid: u32) -> ColumnLetter {
        let ty = PgType::plain(oid);
        let letter = ty.kind().map_or(OTHER, scalar_letter);
        ColumnLetter(if ty.is_array() { letter.to_ascii_lowercase() } else { letter })
    }

    /// For rows that have no type, as those of COPY TO.
    pub(crate) fn text() -> ColumnLetter {
        ColumnLetter::of(PgType::TEXT.oid)
    }
}

impl sqllogictest::ColumnType for ColumnLetter {
    fn from_char(value: char) -> Option<Self> {
        let known = value == OTHER || SCALAR_LETTERS.contains(value.to_ascii_uppercase());
        known.then_some(ColumnLetter(value))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

fn scalar_letter(kind: TypeKind) -> char {
    match kind {
        TypeKind::Bool => 'B',
        TypeKind::Int2 => 'S',
        TypeKind::Int4 => 'I',
        TypeKind::Int8 => 'L',
        TypeKind::Float4 => 'F',
        TypeKind::Float8 => 'R',
        TypeKind::Numeric => 'N',
        TypeKind::Text => 'T',
        TypeKind::Varchar => 'V',
        TypeKind::Bpchar => 'C',
        TypeKind::Name => 'M',
        TypeKind::Char => 'Q',
        TypeKind::Bytea => 'Y',
        TypeKind::Date => 'D',
        TypeKind::Time => 'H',
        TypeKind::Timestamp => 'P',
        TypeKind::Timestamptz => 'Z',
        TypeKind::Interval => 'E',
        TypeKind::Uuid => 'U',
        TypeKind::Json => 'J',
        TypeKind::Jsonb => 'K',
        TypeKind::Oid => 'O',
        TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regnamespace
        | TypeKind::Regrole => 'G',
        TypeKind::Void => 'W',
        TypeKind::Int2Vector
        | TypeKind::Xid
        | TypeKind::OidVector
        | TypeKind::PgNodeTree
        | TypeKind::Unknown
        | TypeKind::AclItem
        | TypeKind::Record
        | TypeKind::AnyArray
        | peristyle_catalog::packed_kinds!()
        | TypeKind::Enum => OTHER,
    }
}
