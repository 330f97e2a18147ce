//! The list of PostgreSQL's encodings, in the order of their numbers, and what else they are called.

use encoding_rs as standard;

use super::codes::Source::{Latin1, Standard, Windows};
use super::codes::{Definition, Source};
use super::differences::{self, Differences};
use super::form::Form;

/// What is known of an encoding.
pub(super) struct Facts {
    pub(super) name: &'static str,
    pub(super) length_max: i32,
    pub(super) repertoire: Repertoire,
}

/// Which characters an encoding has.
pub(super) enum Repertoire {
    /// All, as UTF-8.
    Unicode,
    /// Those that have a code.
    Coded(Definition),
    /// Nobody here knows.
    Unsupported,
}

const fn facts(name: &'static str, length_max: i32, repertoire: Repertoire) -> Facts {
    Facts { name, length_max, repertoire }
}

const fn coded(
    name: &'static str,
    length_max: i32,
    form: Form,
    source: Source,
    differences: &'static Differences,
) -> Facts {
    facts(name, length_max, Repertoire::Coded(Definition { form, source, differences }))
}

const fn single(name: &'static str, source: &'static standard::Encoding) -> Facts {
    coded(name, 1, Form::Single, Standard(source), &differences::NONE)
}

const fn windows(name: &'static str, source: &'static standard::Encoding) -> Facts {
    coded(name, 1, Form::Single, Windows(source), &differences::NONE)
}

/// All encodings; the position is the number.
pub(super) static CHARSETS: [Facts; 42] = [
    facts("SQL_ASCII", 1, Repertoire::Unicode),
    coded("EUC_JP", 3, Form::EucJp, Standard(standard::EUC_JP), &differences::EUC_JP),
    coded("EUC_CN", 3, Form::Euc, Standard(standard::GBK), &differences::EUC_CN),
    coded("EUC_KR", 3, Form::Euc, Standard(standard::EUC_KR), &differences::KOREAN),
    facts("EUC_TW", 4, Repertoire::Unsupported),
    facts("EUC_JIS_2004", 3, Repertoire::Unsupported),
    facts("UTF8", 4, Repertoire::Unicode),
    facts("MULE_INTERNAL", 4, Repertoire::Unsupported),
    coded("LATIN1", 1, Form::Single, Latin1, &differences::NONE),
    single("LATIN2", standard::ISO_8859_2),
    single("LATIN3", standard::ISO_8859_3),
    single("LATIN4", standard::ISO_8859_4),
    coded("LATIN5", 1, Form::Single, Latin1, &differences::LATIN5),
    single("LATIN6", standard::ISO_8859_10),
    single("LATIN7", standard::ISO_8859_13),
    single("LATIN8", standard::ISO_8859_14),
    single("LATIN9", standard::ISO_8859_15),
    single("LATIN10", standard::ISO_8859_16),
    windows("WIN1256", standard::WINDOWS_1256),
    windows("WIN1258", standard::WINDOWS_1258),
    windows("WIN866", standard::IBM866),
    windows("WIN874", standard::WINDOWS_874),
    single("KOI8R", standard::KOI8_R),
    windows("WIN1251", standard::WINDOWS_1251),
    windows("WIN1252", standard::WINDOWS_1252),
    single("ISO_8859_5", standard::ISO_8859_5),
    single("ISO_8859_6", standard::ISO_8859_6),
    single("ISO_8859_7", standard::ISO_8859_7),
    single("ISO_8859_8", standard::ISO_8859_8),
    windows("WIN1250", standard::WINDOWS_1250),
    windows("WIN1253", standard::WINDOWS_1253),
    windows("WIN1254", standard::WINDOWS_1254),
    coded("WIN1255", 1, Form::Single, Windows(standard::WINDOWS_1255), &differences::WIN1255),
    windows("WIN1257", standard::WINDOWS_1257),
    coded("KOI8U", 1, Form::Single, Standard(standard::KOI8_U), &differences::KOI8U),
    coded("SJIS", 2, Form::Sjis, Standard(standard::SHIFT_JIS), &differences::SJIS),
    coded("BIG5", 2, Form::Double, Standard(standard::BIG5), &differences::BIG5),
    coded("GBK", 2, Form::Double, Standard(standard::GBK), &differences::GBK),
    coded("UHC", 2, Form::Double, Standard(standard::EUC_KR), &differences::KOREAN),
    coded("GB18030", 4, Form::Gb18030, Standard(standard::GB18030), &differences::NONE),
    facts("JOHAB", 3, Repertoire::Unsupported),
    facts("SHIFT_JIS_2004", 2, Repertoire::Unsupported),
];

/// Other names, as [`normalised`] gives them, and what they stand for.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("abc", "WIN1258"),
    ("alt", "WIN866"),
    ("iso88591", "LATIN1"),
    ("iso885910", "LATIN6"),
    ("iso885913", "LATIN7"),
    ("iso885914", "LATIN8"),
    ("iso885915", "LATIN9"),
    ("iso885916", "LATIN10"),
    ("iso88592", "LATIN2"),
    ("iso88593", "LATIN3"),
    ("iso88594", "LATIN4"),
    ("iso88599", "LATIN5"),
    ("koi8", "KOI8R"),
    ("mskanji", "SJIS"),
    ("shiftjis", "SJIS"),
    ("tcvn", "WIN1258"),
    ("tcvn5712", "WIN1258"),
    ("unicode", "UTF8"),
    ("vscii", "WIN1258"),
    ("win", "WIN1251"),
    ("win932", "SJIS"),
    ("win936", "GBK"),
    ("win949", "UHC"),
    ("win950", "BIG5"),
    ("windows1250", "WIN1250"),
    ("windows1251", "WIN1251"),
    ("windows1252", "WIN1252"),
    ("windows1253", "WIN1253"),
    ("windows1254", "WIN1254"),
    ("windows1255", "WIN1255"),
    ("windows1256", "WIN1256"),
    ("windows1257", "WIN1257"),
    ("windows1258", "WIN1258"),
    ("windows866", "WIN866"),
    ("windows874", "WIN874"),
    ("windows932", "SJIS"),
    ("windows936", "GBK"),
    ("windows949", "UHC"),
    ("windows950", "BIG5"),
];

/// A name by which encodings are compared: its letters and digits, in lower case.
pub(super) fn normalised(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
