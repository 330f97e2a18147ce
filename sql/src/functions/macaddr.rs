//! Functions and operators of hardware addresses.

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{Macaddr, Macaddr8};

use super::define::{Definition, Overload, immutable, overload};
use super::packed_rows::Of;
use super::rows::{map1, map2};
use super::signature::Ty;

const MACADDR: Ty = Ty::Packed(TypeKind::Macaddr);
const MACADDR8: Ty = Ty::Packed(TypeKind::Macaddr8);
const PG_MACADDR: PgType = PgType::plain(829);
const PG_MACADDR8: PgType = PgType::plain(774);
/// The bit that says that an address of eight bytes was not given by a manufacturer.
const LOCAL: u8 = 2;

const AND: &str = "pg_op_macaddr_and";
const OR: &str = "pg_op_macaddr_or";

/// Operators as they are written, and their functions.
pub(crate) const OPERATORS: &[(&str, &str)] = &[("&", AND), ("|", OR)];

/// `~`.
pub(super) const NOT: Overload = overload(&[MACADDR], PG_MACADDR, |c| {
    map1::<Of<Macaddr>, _>(c, |Macaddr(bytes)| Ok(Macaddr(bytes.map(|byte| !byte))))
});
pub(super) const NOT_8: Overload = overload(&[MACADDR8], PG_MACADDR8, |c| {
    map1::<Of<Macaddr8>, _>(c, |Macaddr8(bytes)| Ok(Macaddr8(bytes.map(|byte| !byte))))
});
/// `trunc`: the manufacturer's part.
pub(super) const TRUNC: Overload = overload(&[MACADDR], PG_MACADDR, |c| {
    map1::<Of<Macaddr>, _>(c, |Macaddr([a, b, c, ..])| Ok(Macaddr([a, b, c, 0, 0, 0])))
});
pub(super) const TRUNC_8: Overload = overload(&[MACADDR8], PG_MACADDR8, |c| {
    map1::<Of<Macaddr8>, _>(c, |Macaddr8([a, b, c, ..])| Ok(Macaddr8([a, b, c, 0, 0, 0, 0, 0])))
});

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        AND,
        &[
            overload(&[MACADDR, MACADDR], PG_MACADDR, |c| {
                map2::<Of<Macaddr>, Of<Macaddr>, _>(c, |a, b| Ok(Macaddr(zip(a.0, b.0, |a, b| a & b))))
            }),
            overload(&[MACADDR8, MACADDR8], PG_MACADDR8, |c| {
                map2::<Of<Macaddr8>, Of<Macaddr8>, _>(c, |a, b| Ok(Macaddr8(zip(a.0, b.0, |a, b| a & b))))
            }),
        ],
    ),
    immutable(
        OR,
        &[
            overload(&[MACADDR, MACADDR], PG_MACADDR, |c| {
                map2::<Of<Macaddr>, Of<Macaddr>, _>(c, |a, b| Ok(Macaddr(zip(a.0, b.0, |a, b| a | b))))
            }),
            overload(&[MACADDR8, MACADDR8], PG_MACADDR8, |c| {
                map2::<Of<Macaddr8>, Of<Macaddr8>, _>(c, |a, b| Ok(Macaddr8(zip(a.0, b.0, |a, b| a | b))))
            }),
        ],
    ),
    immutable(
        "macaddr8_set7bit",
        &[overload(&[MACADDR8], PG_MACADDR8, |c| {
            map1::<Of<Macaddr8>, _>(c, |Macaddr8([first, rest @ ..])| {
                let [b, c, d, e, f, g, h] = rest;
                Ok(Macaddr8([first | LOCAL, b, c, d, e, f, g, h]))
            })
        })],
    ),
];

fn zip<const N: usize>(a: [u8; N], b: [u8; N], of: impl Fn(u8, u8) -> u8) -> [u8; N] {
    std::array::from_fn(|at| of(a[at], b[at]))
}
