//! Where PostgreSQL's tables differ from those of the Encoding Standard. In all else both have the same.

use std::ops::RangeInclusive;

/// What an encoding has otherwise than the standard.
pub(super) struct Differences {
    /// Codes that it does not have.
    pub(super) missing: &'static [RangeInclusive<u16>],
    /// Codes, each with the characters from it on.
    pub(super) changed: &'static [(u16, &'static str)],
    /// Codes that come before others of the same characters.
    pub(super) preferred: &'static [RangeInclusive<u16>],
    /// Characters that are encoded and come back as others like them.
    pub(super) one_way: &'static [(char, u16)],
}

pub(super) const NONE: Differences = Differences { missing: &[], changed: &[], preferred: &[], one_way: &[] };

/// Over LATIN1: Turkish letters in place of Icelandic ones.
pub(super) const LATIN5: Differences =
    Differences { changed: &[(0xd0, "Ğ"), (0xdd, "İŞ"), (0xf0, "ğ"), (0xfd, "ış")], ..NONE };

/// The standard has two letters of KOI8-RU.
pub(super) const KOI8U: Differences = Differences { changed: &[(0xae, "╝"), (0xbe, "╬")], ..NONE };

pub(super) const WIN1255: Differences = Differences { missing: &[0xca..=0xca], ..NONE };

/// The standard has rows of Windows, which PostgreSQL has behind JIS X 0212 as others do. What is escaped would not survive
/// normalisation.
pub(super) const EUC_JP: Differences = Differences {
    missing: &[0xa237..=0xa237, 0xf9a1..=0xfcfe],
    changed: &[
        (0xa243, "￤"),
        (0xf373, "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡ"),
        (
            0xf421,
            "ⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤\u{fa0e}咊坙\u{fa0f}\u{fa10}增寬峵嵓\u{fa11}德悅愠敎昻\
             晥\u{fa12}\u{f929}栁\u{fa13}\u{fa14}橫櫢淸淲瀨\u{fa15}\u{fa16}甁皂皞\u{fa17}礰\u{fa18}\
             \u{fa19}\u{fa1a}\u{fa1b}竧\u{fa1c}\u{fa1d}綠緖\u{fa1e}荢\u{fa1f}薰\u{fa20}\u{fa21}蠇\u{fa22}\
             譿賴赶\u{fa23}\u{fa24}\u{fa25}郞\u{fa26}鄕\u{fa27}\u{fa28}閒\u{f9dc}\u{fa29}霻靍靑\u{fa2a}\
             \u{fa2b}\u{fa2c}馞髙魲\u{fa2d}黑",
        ),
    ],
    one_way: &[('¦', 0xa243)],
    ..NONE
};

/// Without the codes for characters of one's own, with IBM's codes before NEC's.
pub(super) const SJIS: Differences = Differences {
    missing: &[0xf040..=0xf9fc],
    preferred: &[0xfa4a..=0xfa53, 0xfa58..=0xfa5a],
    one_way: &[
        ('¢', 0x8191),
        ('£', 0x8192),
        ('¥', 0x5c),
        ('¬', 0x81ca),
        ('‖', 0x8161),
        ('‾', 0x7e),
        ('−', 0x817c),
        ('〜', 0x8160),
    ],
    ..NONE
};

/// Without what GBK and GB18030 added, which the standard calls by the same name.
pub(super) const EUC_CN: Differences = Differences {
    missing: &[0xa2a1..=0xa2b0, 0xa2e3..=0xa2e4, 0xa6d9..=0xa6f5, 0xa8bb..=0xa8c4],
    changed: &[(0xa1a4, "・"), (0xa1aa, "―")],
    ..NONE
};

/// Without what GB18030 added.
pub(super) const GBK: Differences = Differences {
    missing: &[
        0xa2e3..=0xa2e3,
        0xa3a0..=0xa3a0,
        0xa6d9..=0xa6df,
        0xa6ec..=0xa6ed,
        0xa6f3..=0xa6f3,
        0xa8bc..=0xa8bc,
        0xa8bf..=0xa8bf,
        0xa989..=0xa995,
        0xfe50..=0xfea0,
    ],
    ..NONE
};

/// A sign that Korea added in 2002.
pub(super) const KOREAN: Differences = Differences { changed: &[(0xa2e8, "㉾")], ..NONE };

/// Without the characters of Hong Kong. Signs are those of Windows' page 950 where PostgreSQL has none or others.
pub(super) const BIG5: Differences = Differences {
    missing: &[0x8140..=0xa0fe, 0xa3c0..=0xa3e1, 0xc6a1..=0xc8fe, 0xf9dd..=0xfefe],
    one_way: &[
        ('¢', 0xa246),
        ('£', 0xa247),
        ('¥', 0xa244),
        ('•', 0xa145),
        ('‾', 0xa1c2),
        ('∼', 0xa1e3),
        ('☉', 0xa1f3),
        ('♁', 0xa1f2),
    ],
    ..NONE
};
