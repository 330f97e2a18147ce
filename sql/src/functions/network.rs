//! Functions and operators of inet and cidr.

use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{AddressFamily, Cidr, Inet};

use super::define::{Definition, Overload, immutable, overload};
use super::error::{error, invalid_parameter};
use super::network_abbrev::abbreviated;
use super::packed_rows::Of;
use super::rows::{Int4, Int8, map1, map2};
use super::signature::Ty;

const INET: Ty = Ty::Packed(TypeKind::Inet);
const CIDR: Ty = Ty::Packed(TypeKind::Cidr);
const PG_INET: PgType = PgType::plain(869);
const PG_CIDR: PgType = PgType::plain(650);

const WITHIN: &str = "pg_op_net_within";
const WITHIN_OR_EQUAL: &str = "pg_op_net_within_or_equal";
const CONTAINS: &str = "pg_op_net_contains";
const CONTAINS_OR_EQUAL: &str = "pg_op_net_contains_or_equal";
const OVERLAPS: &str = "pg_op_net_overlaps";
const AND: &str = "pg_op_net_and";
const OR: &str = "pg_op_net_or";
const ADD: &str = "pg_op_net_add";
const SUBTRACT: &str = "pg_op_net_subtract";

/// Operators as they are written, and their functions.
pub(crate) const OPERATORS: &[(&str, &str)] = &[
    ("<<", WITHIN),
    ("<<=", WITHIN_OR_EQUAL),
    (">>", CONTAINS),
    (">>=", CONTAINS_OR_EQUAL),
    ("&&", OVERLAPS),
    ("&", AND),
    ("|", OR),
    ("+", ADD),
    ("-", SUBTRACT),
];

/// `~`: what is no bit of the address stays 0.
pub(super) const NOT: Overload = overload(&[INET], PG_INET, |c| {
    map1::<Of<Inet>, _>(c, |inet| Ok(Inet { address: !inet.address & inet.all_bits(), ..inet }))
});

/// A test of two addresses.
macro_rules! test {
    ($name:expr, $test:expr) => {
        immutable(
            $name,
            &[overload(&[INET, INET], PgType::BOOL, |c| {
                let test: fn(Inet, Inet) -> bool = $test;
                map2::<Of<Inet>, Of<Inet>, _>(c, |a, b| Ok(test(a, b)))
            })],
        )
    };
}

/// A function of one address.
macro_rules! of_inet {
    ($name:literal, $returns:expr, $function:expr) => {
        immutable($name, &[overload(&[INET], $returns, |c| map1::<Of<Inet>, _>(c, |inet: Inet| Ok($function(inet))))])
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    test!(WITHIN, |a, b| a.bits > b.bits && is_in_network(a, b)),
    test!(WITHIN_OR_EQUAL, |a, b| a.bits >= b.bits && is_in_network(a, b)),
    test!(CONTAINS, |a, b| b.bits > a.bits && is_in_network(b, a)),
    test!(CONTAINS_OR_EQUAL, |a, b| b.bits >= a.bits && is_in_network(b, a)),
    test!(OVERLAPS, |a, b| if a.bits >= b.bits { is_in_network(a, b) } else { is_in_network(b, a) }),
    test!("inet_same_family", |a, b| a.family == b.family),
    immutable(AND, &[overload(&[INET, INET], PG_INET, |c| map2::<Of<Inet>, Of<Inet>, _>(c, and))]),
    immutable(OR, &[overload(&[INET, INET], PG_INET, |c| map2::<Of<Inet>, Of<Inet>, _>(c, or))]),
    immutable(
        ADD,
        &[
            overload(&[INET, Ty::Int8], PG_INET, |c| map2::<Of<Inet>, Int8, _>(c, |inet, by| moved(inet, by.into()))),
            overload(&[Ty::Int8, INET], PG_INET, |c| map2::<Int8, Of<Inet>, _>(c, |by, inet| moved(inet, by.into()))),
        ],
    ),
    immutable(
        SUBTRACT,
        &[
            overload(&[INET, INET], PgType::INT8, |c| map2::<Of<Inet>, Of<Inet>, _>(c, distance)),
            overload(&[INET, Ty::Int8], PG_INET, |c| {
                map2::<Of<Inet>, Int8, _>(c, |inet, by| moved(inet, -i128::from(by)))
            }),
        ],
    ),
    of_inet!("host", PgType::TEXT, |inet: Inet| inet.host().to_string()),
    of_inet!("family", PgType::INT4, |inet: Inet| match inet.family {
        AddressFamily::V4 => 4,
        AddressFamily::V6 => 6,
    }),
    of_inet!("masklen", PgType::INT4, |inet: Inet| i32::from(inet.bits)),
    of_inet!("network", PG_CIDR, Inet::network),
    of_inet!("netmask", PG_INET, |inet: Inet| whole(inet, inet.mask())),
    of_inet!("hostmask", PG_INET, |inet: Inet| whole(inet, !inet.mask() & inet.all_bits())),
    of_inet!("broadcast", PG_INET, |inet: Inet| Inet {
        address: inet.address | (!inet.mask() & inet.all_bits()),
        ..inet
    }),
    immutable(
        "abbrev",
        &[
            overload(&[INET], PgType::TEXT, |c| map1::<Of<Inet>, _>(c, |inet| Ok(inet.to_string()))),
            overload(&[CIDR], PgType::TEXT, |c| map1::<Of<Cidr>, _>(c, |cidr| Ok(abbreviated(cidr)))),
        ],
    ),
    immutable(
        "set_masklen",
        &[
            overload(&[INET, Ty::Int4], PG_INET, |c| map2::<Of<Inet>, Int4, _>(c, with_mask)),
            overload(&[CIDR, Ty::Int4], PG_CIDR, |c| {
                map2::<Of<Cidr>, Int4, _>(c, |cidr, bits| Ok(with_mask(cidr.inet(), bits)?.network()))
            }),
        ],
    ),
    immutable("inet_merge", &[overload(&[INET, INET], PG_CIDR, |c| map2::<Of<Inet>, Of<Inet>, _>(c, merged))]),
];

/// Whether the address lies in the network of the other.
fn is_in_network(inet: Inet, network: Inet) -> bool {
    inet.family == network.family && (inet.address ^ network.address) & network.mask() == 0
}

/// An address of the same family without a network.
fn whole(inet: Inet, address: u128) -> Inet {
    Inet { address, bits: inet.family.bits(), ..inet }
}

fn and(a: Inet, b: Inet) -> Result<Inet> {
    same_size(a, b, "AND")?;
    Ok(Inet { address: a.address & b.address, bits: a.bits.max(b.bits), ..a })
}

fn or(a: Inet, b: Inet) -> Result<Inet> {
    same_size(a, b, "OR")?;
    Ok(Inet { address: a.address | b.address, bits: a.bits.max(b.bits), ..a })
}

fn same_size(a: Inet, b: Inet, verb: &str) -> Result<()> {
    if a.family == b.family {
        return Ok(());
    }
    Err(invalid_parameter(format!("cannot {verb} inet values of different sizes")))
}

/// The address as a number of the family's bits.
fn number(inet: Inet) -> u128 {
    inet.address >> (u128::BITS - u32::from(inet.family.bits()))
}

fn moved(inet: Inet, by: i128) -> Result<Inet> {
    let unused = u128::BITS - u32::from(inet.family.bits());
    let moved = number(inet).checked_add_signed(by).filter(|number| *number <= u128::MAX >> unused);
    Ok(Inet { address: moved.ok_or_else(out_of_range)? << unused, ..inet })
}

fn distance(a: Inet, b: Inet) -> Result<i64> {
    same_size(a, b, "subtract")?;
    let (a, b) = (number(a), number(b));
    let distance = i128::try_from(a.abs_diff(b)).map_err(|_| out_of_range())?;
    i64::try_from(if a < b { -distance } else { distance }).map_err(|_| out_of_range())
}

fn out_of_range() -> datafusion::common::DataFusionError {
    error("22003", "result is out of range")
}

/// −1 stands for the whole address.
fn with_mask(inet: Inet, bits: i32) -> Result<Inet> {
    let all = inet.family.bits();
    let checked = match bits {
        -1 => Some(all),
        bits => u8::try_from(bits).ok().filter(|bits| *bits <= all),
    };
    let bits = checked.ok_or_else(|| invalid_parameter(format!("invalid mask length: {bits}")))?;
    Ok(Inet { bits, ..inet })
}

/// The smallest network that holds both.
fn merged(a: Inet, b: Inet) -> Result<Cidr> {
    if a.family != b.family {
        return Err(invalid_parameter("cannot merge addresses from different families"));
    }
    let common = (a.address ^ b.address).leading_zeros() as u8;
    Ok(Inet { bits: common.min(a.bits).min(b.bits), ..a }.network())
}
