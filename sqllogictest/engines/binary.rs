//! PostgreSQL's binary wire form of a value, turned into its text form: what `psql` would have shown.
//!
//! Written apart from the server's own encoder on purpose, so that neither can hide the other's mistake. A type that
//! is not here is an error: a suite then casts it to text.

use chrono::{DateTime, Offset};
use chrono_tz::Tz;
use peristyle_catalog::model::{Oid, PgType, TypeKind};

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i64 = 10_957;
const DAY_MICROS: i64 = 86_400_000_000;
/// Decimal exponents from which on a float is written in scientific form: DBL_DIG and FLT_DIG.
const FLOAT8_DIGITS: i32 = 15;
const FLOAT4_DIGITS: i32 = 6;

/// Takes values from the front of a binary value.
struct Reader<'a>(&'a [u8]);

/// The text of a binary value of the type with this oid; timestamptz as seen in `zone`,
/// which only that needs.
pub(crate) fn text_of(oid: u32, bytes: &[u8], zone: Option<Tz>) -> Result<String, String> {
    let ty = PgType::plain(oid);
    // PostgreSQL's oids of users' types do not say what they are: those that suites show are enum types.
    let user_type = (oid >= Oid::FIRST_USER.0).then_some(TypeKind::Enum);
    let kind = ty.kind().or(user_type).ok_or_else(|| format!("no binary decoder for type {oid}"))?;
    let mut reader = Reader(bytes);
    let text = if ty.is_array() { array(&mut reader, zone) } else { scalar(kind, &mut reader, zone) }?;
    if reader.0.is_empty() { Ok(text) } else { Err(format!("{} bytes too many for type {oid}", reader.0.len())) }
}

fn scalar(kind: TypeKind, reader: &mut Reader, zone: Option<Tz>) -> Result<String, String> {
    Ok(match kind {
        TypeKind::Bool => (if reader.u8()? != 0 { "t" } else { "f" }).to_owned(),
        TypeKind::Int2 => reader.i16()?.to_string(),
        TypeKind::Int4 => reader.i32()?.to_string(),
        TypeKind::Int8 => reader.i64()?.to_string(),
        TypeKind::Oid | TypeKind::Xid => (reader.i32()? as u32).to_string(),
        TypeKind::Float4 => float4(f32::from_be_bytes(reader.take()?)),
        TypeKind::Float8 => float8(f64::from_be_bytes(reader.take()?)),
        TypeKind::Numeric => numeric(reader)?,
        TypeKind::Text
        | TypeKind::Varchar
        | TypeKind::Bpchar
        | TypeKind::Name
        | TypeKind::Char
        | TypeKind::Json
        | TypeKind::Enum
        | TypeKind::Unknown => reader.rest_text()?,
        TypeKind::Jsonb => jsonb(reader)?,
        TypeKind::Bytea => reader.rest().iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
        TypeKind::Date => date(reader.i32()?),
        TypeKind::Time => time_of_day(reader.i64()?),
        TypeKind::Timetz => time_of_day(reader.i64()?) + &offset_text(-reader.i32()?),
        TypeKind::Money => money(reader.i64()?),
        TypeKind::Bit | TypeKind::Varbit => bits(reader)?,
        TypeKind::Timestamp => timestamp(reader.i64()?, None)?,
        TypeKind::Timestamptz => timestamp(reader.i64()?, Some(zone.ok_or("the session's TimeZone is not known")?))?,
        TypeKind::Interval => interval(reader.i64()?, reader.i32()?, reader.i32()?),
        TypeKind::Uuid => uuid::Uuid::from_bytes(reader.take()?).to_string(),
        TypeKind::Inet | TypeKind::Cidr => network(reader)?,
        TypeKind::Int4Range => range(reader, PgType::INT4, zone)?,
        TypeKind::Int8Range => range(reader, PgType::INT8, zone)?,
        TypeKind::NumRange => range(reader, PgType::NUMERIC, zone)?,
        TypeKind::TsRange => range(reader, PgType::TIMESTAMP, zone)?,
        TypeKind::TstzRange => range(reader, PgType::TIMESTAMPTZ, zone)?,
        TypeKind::DateRange => range(reader, PgType::DATE, zone)?,
        TypeKind::Macaddr => hardware(reader.take::<6>()?.as_slice()),
        TypeKind::Macaddr8 => hardware(reader.take::<8>()?.as_slice()),
        TypeKind::Void => reader.rest_text()?,
        TypeKind::Int2Vector
        | TypeKind::Regproc
        | TypeKind::Regprocedure
        | TypeKind::OidVector
        | TypeKind::PgNodeTree
        | TypeKind::AclItem
        | TypeKind::Regclass
        | TypeKind::Regtype
        | TypeKind::Regnamespace
        | TypeKind::Regrole
        | TypeKind::Record
        | TypeKind::AnyArray => return Err(format!("no binary decoder for {kind:?}: cast it to text")),
    })
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or("binary value too short")?;
        self.0 = tail;
        Ok(*head)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(length).ok_or("binary value too short")?;
        self.0 = tail;
        Ok(head)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn rest_text(&mut self) -> Result<String, String> {
        String::from_utf8(self.rest().to_vec()).map_err(|error| error.to_string())
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(u8::from_be_bytes(self.take()?))
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn i16(&mut self) -> Result<i16, String> {
        Ok(i16::from_be_bytes(self.take()?))
    }

    fn i32(&mut self) -> Result<i32, String> {
        Ok(i32::from_be_bytes(self.take()?))
    }

    fn i64(&mut self) -> Result<i64, String> {
        Ok(i64::from_be_bytes(self.take()?))
    }
}

fn float4(value: f32) -> String {
    float(f64::from(value), &format!("{value:e}"), &format!("{value}"), FLOAT4_DIGITS)
}

fn float8(value: f64) -> String {
    float(value, &format!("{value:e}"), &format!("{value}"), FLOAT8_DIGITS)
}

/// Chooses between the shortest digits in scientific and in plain form as PostgreSQL does.
fn float(value: f64, scientific: &str, plain: &str, digits: i32) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return (if value > 0.0 { "Infinity" } else { "-Infinity" }).to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').expect("the e form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-4..digits).contains(&exponent) {
        return plain.to_owned();
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Digits in base 10,000, `weight` of the first, and the number of decimal places to show.
fn numeric(reader: &mut Reader) -> Result<String, String> {
    let (count, weight, sign, scale) = (reader.i16()?, i32::from(reader.i16()?), reader.u16()?, reader.u16()?);
    let digits: Vec<i16> = (0..count).map(|_| reader.i16()).collect::<Result<_, _>>()?;
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text = match sign {
        0x0000 => String::new(),
        0x4000 => "-".to_owned(),
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        other => return Err(format!("sign {other:#x} of a numeric")),
    };
    let whole: String = (0..=weight.max(0)).map(|at| format!("{:04}", group(at))).collect();
    text.push_str(if weight < 0 { "0" } else { whole.trim_start_matches('0') });
    if text.is_empty() || text == "-" {
        text.push('0');
    }
    if scale > 0 {
        let groups = i32::from(scale.div_ceil(4));
        let places: String = (1..=groups).map(|at| format!("{:04}", group(weight + at))).collect();
        text = format!("{text}.{}", &places[..usize::from(scale)]);
    }
    Ok(text)
}

/// Family, bits of the mask, whether it is a cidr, bytes of the address.
fn network(reader: &mut Reader) -> Result<String, String> {
    let [family, bits, is_cidr, length] = reader.take()?;
    let address = match (family, length) {
        (2, 4) => std::net::IpAddr::from(reader.take::<4>()?).to_string(),
        (3, 16) => v6(std::net::Ipv6Addr::from(reader.take::<16>()?)),
        other => return Err(format!("family and length {other:?} of an address")),
    };
    let is_host = is_cidr == 0 && bits == length * 8;
    Ok(if is_host { address } else { format!("{address}/{bits}") })
}

/// PostgreSQL writes what may be an address of IPv4 as one.
fn v6(address: std::net::Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = address.octets();
            format!("::{a}.{b}.{c}.{d}")
        }
        _ => address.to_string(),
    }
}

/// Flags for empty, for bounds that are in it, and for bounds that are not there; then the bounds with their lengths.
fn range(reader: &mut Reader, element: PgType, zone: Option<Tz>) -> Result<String, String> {
    let flags = reader.u8()?;
    if flags & 1 != 0 {
        return Ok("empty".to_owned());
    }
    let mut bound = |absent: u8| -> Result<String, String> {
        if flags & absent != 0 {
            return Ok(String::new());
        }
        let length = usize::try_from(reader.i32()?).map_err(|_| "a bound that is NULL".to_owned())?;
        let text = text_of(element.oid, reader.slice(length)?, zone)?;
        Ok(if text.contains(' ') { format!("\"{text}\"") } else { text })
    };
    let (lower, upper) = (bound(8)?, bound(16)?);
    let (open, close) = (if flags & 2 != 0 { '[' } else { '(' }, if flags & 4 != 0 { ']' } else { ')' });
    Ok(format!("{open}{lower},{upper}{close}"))
}

/// Cents, with a comma before each three digits.
fn money(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    let mut whole = (cents / 100).to_string();
    for at in (1..whole.len()).rev().filter(|at| (whole.len() - at) % 3 == 0).collect::<Vec<_>>() {
        whole.insert(at, ',');
    }
    format!("{sign}${whole}.{:02}", cents % 100)
}

/// How many there are, then eight in a byte.
fn bits(reader: &mut Reader) -> Result<String, String> {
    let length = usize::try_from(reader.i32()?).map_err(|_| "a negative number of bits".to_owned())?;
    let bytes = reader.slice(length.div_ceil(8))?;
    Ok((0..length).map(|at| if bytes[at / 8] >> (7 - at % 8) & 1 == 1 { '1' } else { '0' }).collect())
}

fn hardware(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn jsonb(reader: &mut Reader) -> Result<String, String> {
    match reader.u8()? {
        1 => reader.rest_text(),
        version => Err(format!("version {version} of binary jsonb")),
    }
}

fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (date, era) = calendar_date(i64::from(days) + EPOCH_DAYS);
            date + era
        }
    }
}

/// The date with this number of days since 1970-01-01 in the proleptic Gregorian calendar, and ` BC` where it is.
/// After Howard Hinnant's `civil_from_days`.
fn calendar_date(days: i64) -> (String, &'static str) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    (format!("{year:04}-{month:02}-{day:02}"), era)
}

fn time_of_day(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    clock + &fraction(micros % 1_000_000)
}

/// `.25` for 250,000 µs, nothing for none.
fn fraction(micros: i64) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

/// Microseconds since 2000-01-01; with a zone they are in UTC and shown there.
fn timestamp(micros: i64, zone: Option<Tz>) -> Result<String, String> {
    if micros == i64::MAX || micros == i64::MIN {
        return Ok((if micros > 0 { "infinity" } else { "-infinity" }).to_owned());
    }
    let offset_seconds = zone.map(|zone| offset_seconds(micros, zone)).transpose()?;
    let local = micros + offset_seconds.map_or(0, |seconds| i64::from(seconds) * 1_000_000);
    let (date, era) = calendar_date(local.div_euclid(DAY_MICROS) + EPOCH_DAYS);
    let offset = offset_seconds.map(offset_text).unwrap_or_default();
    Ok(format!("{date} {}{offset}{era}", time_of_day(local.rem_euclid(DAY_MICROS))))
}

fn offset_seconds(micros: i64, zone: Tz) -> Result<i32, String> {
    let seconds = micros.div_euclid(1_000_000) + EPOCH_DAYS * 86_400;
    let instant = DateTime::from_timestamp(seconds, 0).ok_or("timestamp out of chrono's range")?;
    Ok(instant.with_timezone(&zone).offset().fix().local_minus_utc())
}

/// `+05:30`; minutes and seconds only where there are some.
fn offset_text(seconds: i32) -> String {
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let mut text = format!("{sign}{:02}", seconds / 3600);
    if seconds % 3600 != 0 {
        text += &format!(":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        text += &format!(":{:02}", seconds % 60);
    }
    text
}

/// IntervalStyle `postgres`: `1 year -2 days +03:04:05.6`. A positive part after a negative one has a sign.
fn interval(micros: i64, days: i32, months: i32) -> String {
    let mut parts = Vec::new();
    let mut after_negative = false;
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value != 0 {
            let sign = if after_negative && value > 0 { "+" } else { "" };
            parts.push(format!("{sign}{value} {unit}{}", if value == 1 { "" } else { "s" }));
            after_negative = value < 0;
        }
    }
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { ["", "+"][usize::from(after_negative)] };
        parts.push(format!("{sign}{}", duration(micros.unsigned_abs())));
    }
    parts.join(" ")
}

/// Hours without a limit, minutes and seconds.
fn duration(micros: u64) -> String {
    time_of_day(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// An array of any dimensions.
fn array(reader: &mut Reader, zone: Option<Tz>) -> Result<String, String> {
    let (dimensions, _has_nulls, element_oid) = (reader.i32()?, reader.i32()?, reader.i32()? as u32);
    let bounds = (0..dimensions).map(|_| Ok((reader.i32()?, reader.i32()?))).collect::<Result<Vec<_>, String>>()?;
    if bounds.is_empty() {
        return Ok("{}".to_owned());
    }
    let items: i32 = bounds.iter().map(|(length, _)| *length).product();
    let mut texts: Vec<String> = (0..items).map(|_| element(reader, element_oid, zone)).collect::<Result<_, _>>()?;
    for (length, _) in bounds.iter().rev() {
        texts = texts.chunks(*length as usize).map(|inner| format!("{{{}}}", inner.join(","))).collect();
    }
    let has_bounds = bounds.iter().any(|(_, lower)| *lower != 1);
    let bound = |(length, lower): &(i32, i32)| format!("[{lower}:{}]", lower + length - 1);
    let written: String =
        if has_bounds { bounds.iter().map(bound).chain(["=".to_owned()]).collect() } else { String::new() };
    Ok(written + &texts.concat())
}

fn element(reader: &mut Reader, oid: u32, zone: Option<Tz>) -> Result<String, String> {
    let Ok(length) = usize::try_from(reader.i32()?) else { return Ok("NULL".to_owned()) };
    let text = text_of(oid, reader.slice(length)?, zone)?;
    let is_special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace();
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(is_special) {
        return Ok(text);
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
