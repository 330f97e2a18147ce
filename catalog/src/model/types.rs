use super::built_in_types::{BUILT_IN, BuiltIn, built_in};

/// A PostgreSQL type as a column or expression has it: the type's oid and its modifier.
///
/// `typmod` is PostgreSQL's `atttypmod`: -1 for none; `n + 4` for `varchar(n)` and `char(n)`;
/// `((p << 16) | (s & 0x7ff)) + 4` for `numeric(p, s)`; the number of digits for `time(n)` and `timestamp(n)`; n for
/// `bit(n)` and `bit varying(n)`. Below -1 it is that of a [shaped](PgType::shaped) array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgType {
    /// Oid in `pg_type`.
    pub oid: u32,
    /// Modifier, -1 for none.
    pub typmod: i32,
}

/// The types that Peristyle stores or shows. An array type is `Array(element)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum TypeKind {
    Bool,
    Bytea,
    /// PostgreSQL's internal one-byte `"char"`.
    Char,
    Name,
    Int8,
    Int2,
    Int2Vector,
    Int4,
    Regproc,
    Regprocedure,
    Text,
    Oid,
    Xid,
    OidVector,
    Json,
    PgNodeTree,
    Float4,
    Float8,
    Unknown,
    AclItem,
    Bpchar,
    Varchar,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Numeric,
    Regclass,
    Regtype,
    Regnamespace,
    Regrole,
    Record,
    Void,
    Uuid,
    Jsonb,
    AnyArray,
    Inet,
    Cidr,
    Macaddr,
    Macaddr8,
    Int4Range,
    Int8Range,
    NumRange,
    TsRange,
    TstzRange,
    DateRange,
    Timetz,
    Money,
    Bit,
    Varbit,
    /// Any of the users' enum types.
    Enum,
}

/// Modifier of a shaped array whose type has none; each further modifier is one less.
const SHAPED: i32 = -2;

/// Length header that PostgreSQL counts into the modifiers of character and numeric types.
const VARHDRSZ: i32 = 4;
/// A bit of numeric's modifier between precision and scale that PostgreSQL leaves 0.
const HOLDS_SPECIALS: i32 = 1 << 11;
/// Digits of the widest decimal.
const NUMERIC_PRECISION_MAX: u8 = 76;

#[allow(missing_docs)]
impl PgType {
    pub const BOOL: PgType = PgType::plain(16);
    pub const BYTEA: PgType = PgType::plain(17);
    pub const CHAR: PgType = PgType::plain(18);
    pub const NAME: PgType = PgType::plain(19);
    pub const INT8: PgType = PgType::plain(20);
    pub const INT2: PgType = PgType::plain(21);
    pub const INT4: PgType = PgType::plain(23);
    pub const TEXT: PgType = PgType::plain(25);
    pub const OID: PgType = PgType::plain(26);
    pub const JSON: PgType = PgType::plain(114);
    pub const FLOAT4: PgType = PgType::plain(700);
    pub const FLOAT8: PgType = PgType::plain(701);
    pub const UNKNOWN: PgType = PgType::plain(705);
    pub const BPCHAR: PgType = PgType::plain(1042);
    pub const VARCHAR: PgType = PgType::plain(1043);
    pub const DATE: PgType = PgType::plain(1082);
    pub const TIME: PgType = PgType::plain(1083);
    pub const TIMESTAMP: PgType = PgType::plain(1114);
    pub const TIMESTAMPTZ: PgType = PgType::plain(1184);
    pub const INTERVAL: PgType = PgType::plain(1186);
    pub const NUMERIC: PgType = PgType::plain(1700);
    pub const TIMETZ: PgType = PgType::plain(1266);
    pub const MONEY: PgType = PgType::plain(790);
    pub const BIT: PgType = PgType::plain(1560);
    pub const VARBIT: PgType = PgType::plain(1562);
    pub const UUID: PgType = PgType::plain(2950);
    pub const JSONB: PgType = PgType::plain(3802);
    pub const VOID: PgType = PgType::plain(2278);
    pub const RECORD: PgType = PgType::plain(2249);
    pub const RECORD_ARRAY: PgType = PgType::plain(2287);

    /// The type without a modifier.
    pub const fn plain(oid: u32) -> PgType {
        PgType { oid, typmod: -1 }
    }

    /// `numeric(precision, scale)`.
    pub const fn numeric(precision: u8, scale: i8) -> PgType {
        PgType { oid: 1700, typmod: (((precision as i32) << 16) | (scale as i32 & 0x7ff)) + VARHDRSZ }
    }

    /// Of a stored numeric: its finite values need `numeric(precision, scale)`, and NaN or infinities are among the others,
    /// for which there is room in decimals of the greatest precision alone. No column is declared so.
    pub const fn special_numeric(precision: u8, scale: i8) -> PgType {
        let finite = PgType::numeric(precision, scale);
        PgType { oid: finite.oid, typmod: finite.typmod + HOLDS_SPECIALS }
    }

    /// Whether stored numerics, or arrays of them, may hold NaN or infinities: see [`Self::special_numeric`].
    pub fn holds_specials(self) -> bool {
        let is_marked = self.typmod >= VARHDRSZ && (self.typmod - VARHDRSZ) & HOLDS_SPECIALS != 0;
        is_marked && self.kind() == Some(TypeKind::Numeric)
    }

    /// `varchar(n)`, n in characters.
    pub const fn varchar(n: i32) -> PgType {
        PgType { oid: 1043, typmod: n + VARHDRSZ }
    }

    /// `char(n)`, n in characters.
    pub const fn bpchar(n: i32) -> PgType {
        PgType { oid: 1042, typmod: n + VARHDRSZ }
    }

    /// The kind of this type, or of its element if it is an array; `None` for an oid that is not built in
    /// (a table's row type).
    pub fn kind(self) -> Option<TypeKind> {
        if self.is_enum_or_array() {
            return Some(TypeKind::Enum);
        }
        built_in(self.oid).map(|found| match found {
            BuiltIn::Type(kind) | BuiltIn::Array(kind, _) => kind,
        })
    }

    /// Whether this is `numeric` without precision and scale, or an array of it: the values decide how it is stored.
    pub fn is_bare_numeric(self) -> bool {
        self.typmod < 0 && self.kind() == Some(TypeKind::Numeric)
    }

    /// Whether this is an array type.
    pub fn is_array(self) -> bool {
        self.enum_element().is_some() || matches!(built_in(self.oid), Some(BuiltIn::Array(..)))
    }

    /// The element type of an array type, with the same modifier.
    pub fn element(self) -> Option<PgType> {
        if let Some(element) = self.enum_element() {
            return Some(element);
        }
        match built_in(self.oid)? {
            BuiltIn::Array(_, oid) => Some(PgType { oid, typmod: self.unshaped().typmod }),
            BuiltIn::Type(_) => None,
        }
    }

    /// This array type as it is stored where a value may have any dimensions and lower bounds (decision 0044). Layouts
    /// and casts that are being planned name it; to clients and columns it is the array type.
    pub const fn shaped(self) -> PgType {
        if self.is_shaped() { self } else { PgType { oid: self.oid, typmod: SHAPED - 1 - self.typmod } }
    }

    /// Whether each value has its own dimensions and lower bounds beside it.
    pub const fn is_shaped(self) -> bool {
        self.typmod <= SHAPED
    }

    /// The type as clients and columns name it.
    pub const fn unshaped(self) -> PgType {
        if self.is_shaped() { PgType { oid: self.oid, typmod: SHAPED - 1 - self.typmod } } else { self }
    }

    /// The type of the numbers in a vector of PostgreSQL's catalogs, which is an array that counts from 0.
    pub fn vector_element(self) -> Option<PgType> {
        match built_in(self.oid)? {
            BuiltIn::Type(TypeKind::Int2Vector) => Some(Self::INT2),
            BuiltIn::Type(TypeKind::OidVector) => Some(Self::OID),
            _ => None,
        }
    }

    /// The type of the items of an array or a vector.
    pub fn item(self) -> Option<PgType> {
        self.element().or_else(|| self.vector_element())
    }

    /// The array type over this type, with the same modifier.
    pub fn array(self) -> Option<PgType> {
        if let Some(array) = self.enum_array() {
            return Some(array);
        }
        let element = BUILT_IN.iter().find(|t| t.1 == self.oid && t.2 != 0)?;
        Some(PgType { oid: element.2, typmod: self.typmod })
    }

    /// (precision, scale) of the decimals in which `numeric(p, s)` lies; `None` for bare `numeric` and for other types.
    pub fn numeric_precision_scale(self) -> Option<(u8, i8)> {
        let (precision, scale) = self.finite_precision_scale()?;
        Some((if self.holds_specials() { NUMERIC_PRECISION_MAX } else { precision }, scale))
    }

    /// Whether this is `numeric(p, s)` with more digits behind the point than digits: all values are near 0, which the decimals
    /// in which they lie do not tell.
    pub fn has_less_digits_than_scale(self) -> bool {
        self.finite_precision_scale().is_some_and(|(precision, scale)| i16::from(precision) < i16::from(scale))
    }

    /// (precision, scale) that the finite values of `numeric(p, s)` need; `None` for bare `numeric` and for other types.
    pub fn finite_precision_scale(self) -> Option<(u8, i8)> {
        if self.oid != Self::NUMERIC.oid || self.typmod < VARHDRSZ {
            return None;
        }
        let packed = self.typmod - VARHDRSZ;
        // The scale is an 11-bit two's complement number.
        let scale = ((packed & 0x7ff) ^ 1024) - 1024;
        Some(((packed >> 16) as u8, scale as i8))
    }

    /// n of `varchar(n)` and `char(n)`, in characters.
    pub fn character_limit(self) -> Option<usize> {
        let is_limited = matches!(self.oid, 1042 | 1043 | 1014 | 1015) && self.typmod >= VARHDRSZ;
        is_limited.then(|| (self.typmod - VARHDRSZ) as usize)
    }

    /// n of `bit(n)` and `bit varying(n)`.
    pub fn bit_limit(self) -> Option<usize> {
        let is_limited = matches!(self.kind(), Some(crate::bit_kinds!())) && self.typmod >= 0;
        is_limited.then_some(self.typmod as usize)
    }
}

/// The kinds of ranges as a pattern: a match over all kinds stays complete, and the list stands once.
#[macro_export]
macro_rules! range_kinds {
    () => {
        $crate::model::TypeKind::Int4Range
            | $crate::model::TypeKind::Int8Range
            | $crate::model::TypeKind::NumRange
            | $crate::model::TypeKind::TsRange
            | $crate::model::TypeKind::TstzRange
            | $crate::model::TypeKind::DateRange
    };
}

/// The kinds of bit strings as a pattern in the same way.
#[macro_export]
macro_rules! bit_kinds {
    () => {
        $crate::model::TypeKind::Bit | $crate::model::TypeKind::Varbit
    };
}

/// The kinds whose values are stored packed, as a pattern in the same way.
#[macro_export]
macro_rules! packed_kinds {
    () => {
        $crate::model::TypeKind::Inet
            | $crate::model::TypeKind::Cidr
            | $crate::model::TypeKind::Macaddr
            | $crate::model::TypeKind::Macaddr8
            | $crate::model::TypeKind::Timetz
            | $crate::model::TypeKind::Money
            | $crate::bit_kinds!()
            | $crate::range_kinds!()
    };
}

impl TypeKind {
    /// Oid in `pg_type`; 0 for [`TypeKind::Enum`], which is many types.
    pub fn oid(self) -> u32 {
        BUILT_IN.iter().find(|t| t.0 == self).map_or(0, |t| t.1)
    }

    /// Oid of the array type over this one, 0 if PostgreSQL has none.
    pub fn array_oid(self) -> u32 {
        BUILT_IN.iter().find(|t| t.0 == self).map_or(0, |t| t.2)
    }

    /// Whether values are the oids of objects that are read and shown by name: regclass and its kin.
    pub fn is_registered(self) -> bool {
        use TypeKind as K;
        matches!(self, K::Regclass | K::Regtype | K::Regproc | K::Regprocedure | K::Regnamespace | K::Regrole)
    }

    /// Whether values are stored as oids.
    pub fn is_oid(self) -> bool {
        self.is_registered() || matches!(self, TypeKind::Oid | TypeKind::Xid)
    }

    /// Every kind of the built-in types, in the order of oids of PostgreSQL's table of types.
    pub fn all() -> impl Iterator<Item = TypeKind> {
        BUILT_IN.iter().map(|t| t.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_modifier_round_trips() {
        assert_eq!(PgType::numeric(15, 2).typmod, 983_046, "as PostgreSQL's atttypmod");
        assert_eq!(PgType::numeric(15, 2).numeric_precision_scale(), Some((15, 2)));
        assert_eq!(PgType::numeric(5, -2).numeric_precision_scale(), Some((5, -2)));
        assert_eq!(PgType::NUMERIC.numeric_precision_scale(), None);
    }

    #[test]
    fn stored_numerics_say_whether_some_are_special() {
        let special = PgType::special_numeric(15, -2);
        assert!(special.holds_specials() && !special.is_bare_numeric());
        assert_eq!(special.finite_precision_scale(), Some((15, -2)));
        assert_eq!(special.numeric_precision_scale(), Some((76, -2)));
        assert!(special.array().expect("an array type").holds_specials());
        assert!(
            ![PgType::numeric(15, -2), PgType::NUMERIC, PgType::varchar(3000)].iter().any(|ty| ty.holds_specials())
        );
    }

    #[test]
    fn arrays_know_their_elements() {
        let array = PgType::varchar(10).array().expect("varchar has an array type");
        assert!(array.is_array());
        assert_eq!(array.element(), Some(PgType::varchar(10)));
        assert!(TypeKind::all().all(|kind| !PgType::plain(kind.oid()).is_array()));
    }

    #[test]
    fn a_shaped_array_keeps_its_modifier() {
        for element in [PgType::INT4, PgType::varchar(10), PgType::numeric(15, 2)] {
            let array = element.array().expect("it has an array type");
            let shaped = array.shaped();
            assert!(shaped.is_shaped() && !array.is_shaped());
            assert_eq!((shaped.unshaped(), shaped.element()), (array, Some(element)));
            assert_eq!(shaped.shaped(), shaped);
        }
    }
}
