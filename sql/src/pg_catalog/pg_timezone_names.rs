//! `pg_timezone_names`: the IANA time zones, with the offset at the time of the snapshot.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetComponents, OffsetName, TZ_VARIANTS};

use crate::relation::{RelationContext, Rows};

const MICROS_PER_SECOND: i64 = 1_000_000;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let at = DateTime::from_timestamp_micros(context.session.now.0).unwrap_or_default();
    let mut rows = rows.named(["name", "abbrev", "utc_offset", "is_dst"]);
    for zone in TZ_VARIANTS {
        let offset = zone.offset_from_utc_datetime(&at.naive_utc());
        let seconds = i64::from(offset.fix().local_minus_utc());
        let is_dst = !offset.dst_offset().is_zero();
        let abbreviation = offset.abbreviation().map(str::to_owned);
        rows.push([zone.name().into(), abbreviation.into(), (seconds * MICROS_PER_SECOND).into(), is_dst.into()]);
    }
}
