use super::*;
use proptest::prelude::*;

fn charset(name: &str) -> Charset {
    Charset::by_name(name).unwrap_or_else(|| panic!("{name}"))
}

fn supported() -> impl Iterator<Item = Charset> {
    Charset::all().filter(|charset| charset.is_supported())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, String) {
    let error = result.unwrap_err();
    (error.code.code(), error.message.clone())
}

#[test]
fn names_are_found_whatever_their_case_and_marks() {
    for (name, canonical) in [
        ("utf-8", "UTF8"),
        ("Unicode", "UTF8"),
        ("latin1", "LATIN1"),
        ("ISO-8859-1", "LATIN1"),
        ("iso_8859_5", "ISO_8859_5"),
        ("ISO 8859-16", "LATIN10"),
        ("Windows-1252", "WIN1252"),
        ("ALT", "WIN866"),
        ("Shift_JIS", "SJIS"),
        ("win949", "UHC"),
        ("sql-ascii", "SQL_ASCII"),
    ] {
        assert_eq!(charset(name).name(), canonical);
    }
    for unknown in ["", "klingon", "latin11", "utf16"] {
        assert_eq!(Charset::by_name(unknown), None, "{unknown}");
    }
    for charset in Charset::all() {
        assert_eq!(Charset::by_name(charset.name()), Some(charset));
        assert_eq!(Charset::by_number(charset.number().into()), Some(charset));
    }
    assert_eq!((Charset::UTF8.name(), Charset::by_number(42), Charset::by_number(-1)), ("UTF8", None, None));
}

#[test]
fn every_alias_stands_for_an_encoding() {
    for (alias, name) in ALIASES {
        assert_eq!(charset(alias).name(), *name);
        assert_eq!(normalised(alias), *alias);
    }
}

#[test]
fn every_character_that_has_a_code_comes_back() {
    for charset in supported() {
        let one_way = one_way(charset);
        let mut mapped = 0;
        for character in (0x80..0x1_0000).chain(0x1_f600..0x1_f640).filter_map(char::from_u32) {
            let text = character.to_string();
            let Ok(bytes) = charset.encode(&text) else { continue };
            let decoded = charset.decode(&bytes).unwrap();
            assert!(decoded == text || one_way.contains(character), "{} {bytes:x?}: {decoded}", charset.name());
            mapped += 1;
        }
        assert!(mapped >= 48, "{} has {mapped} characters", charset.name());
    }
}

#[test]
fn every_code_that_has_a_character_leads_to_one_that_has_the_same() {
    for charset in supported() {
        let one = (0x80..=0xff).map(|byte| vec![byte]);
        let two = (0x80..=0xff).flat_map(|lead| (0x30..=0xff).map(move |trail| vec![lead, trail]));
        for bytes in one.chain(two) {
            let Ok(text) = charset.decode(&bytes) else { continue };
            let encoded = charset.encode(&text).unwrap();
            assert_eq!(charset.decode(&encoded).unwrap(), text, "{} {bytes:x?}", charset.name());
        }
    }
}

#[test]
fn texts_are_those_that_other_programs_write() {
    for (name, text, bytes) in [
        ("LATIN1", "é\u{85}", &b"\xe9\x85"[..]),
        ("LATIN5", "ğ", b"\xf0"),
        ("LATIN9", "€", b"\xa4"),
        ("WIN1252", "€", b"\x80"),
        ("KOI8R", "Привет", b"\xf0\xd2\xc9\xd7\xc5\xd4"),
        ("KOI8U", "ґ╝", b"\xad\xae"),
        ("SJIS", "表ｱⅠ", b"\x95\x5c\xb1\xfa\x4a"),
        ("EUC_JP", "日ｱ丂ⅰ黑", b"\xc6\xfc\x8e\xb1\x8f\xb0\xa1\x8f\xf3\xf3\x8f\xf4\xfe"),
        ("EUC_KR", "한", b"\xc7\xd1"),
        ("UHC", "똠", b"\x8c\x63"),
        ("EUC_CN", "中・", b"\xd6\xd0\xa1\xa4"),
        ("GBK", "丂", b"\x81\x40"),
        ("BIG5", "功", b"\xa5\x5c"),
        ("GB18030", "中é😀", b"\xd6\xd0\xa8\xa6\x94\x39\xfc\x36"),
    ] {
        assert_eq!(charset(name).encode(text).unwrap(), bytes, "{name}");
        assert_eq!(charset(name).decode(bytes).unwrap(), text, "{name}");
    }
}

#[test]
fn some_characters_come_back_as_others_like_them() {
    assert_eq!(*charset("SJIS").encode("〜¥").unwrap(), *b"\x81\x60\x5c");
    assert_eq!(charset("SJIS").decode(b"\x81\x60\x5c").unwrap(), "～\\");
}

#[test]
fn bytes_that_are_no_characters_are_named() {
    for (name, bytes, shown) in [
        ("LATIN1", &b"a\0"[..], "\"LATIN1\": 0x00"),
        ("SJIS", b"a\x81", "\"SJIS\": 0x81"),
        ("SJIS", b"\x81\x20b", "\"SJIS\": 0x81 0x20"),
        ("EUC_JP", b"\x8f\xa1\x20", "\"EUC_JP\": 0x8f 0xa1 0x20"),
        ("EUC_KR", b"\x8c\x63", "\"EUC_KR\": 0x8c 0x63"),
        ("EUC_KR", b"\x8f\xb0\xa1", "\"EUC_KR\": 0x8f 0xb0 0xa1"),
        ("GB18030", b"\x81\x30\x20\x30", "\"GB18030\": 0x81 0x30 0x20 0x30"),
        ("SQL_ASCII", b"\xe9 \xe9 ", "\"UTF8\": 0xe9 0x20 0xe9"),
    ] {
        let message = format!("invalid byte sequence for encoding {shown}");
        assert_eq!(refused(charset(name).decode(bytes)), ("22021", message));
    }
}

#[test]
fn characters_without_a_counterpart_are_named() {
    let message = "character with byte sequence 0x81 in encoding \"WIN1252\" has no equivalent in encoding \"UTF8\"";
    assert_eq!(refused(charset("WIN1252").decode(b"a\x81b")), ("22P05", message.to_owned()));
    let message =
        "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"";
    assert_eq!(refused(charset("LATIN1").encode("é€")), ("22P05", message.to_owned()));
    assert_eq!(*charset("LATIN1").encode_lossily("é€!"), *b"\xe9?!");
}

#[test]
fn what_nobody_has_tables_of_is_refused_by_name() {
    let unsupported: Vec<&str> =
        Charset::all().filter(|charset| !charset.is_supported()).map(|charset| charset.name()).collect();
    assert_eq!(unsupported, ["EUC_TW", "EUC_JIS_2004", "MULE_INTERNAL", "JOHAB", "SHIFT_JIS_2004"]);
    let message = "conversion between JOHAB and UTF8 is not supported";
    assert_eq!(refused(charset("johab").supported()), ("0A000", message.to_owned()));
}

#[test]
fn what_is_written_is_encoded_from_its_start_on() {
    let mut out = BytesMut::from("é:é".as_bytes());
    charset("LATIN1").encode_from("é:".len(), &mut out).unwrap();
    assert_eq!(&out[..], b"\xc3\xa9:\xe9");
}

/// Characters that come back as others like them, in PostgreSQL too.
fn one_way(charset: Charset) -> &'static str {
    if ["SJIS", "EUC_JP", "BIG5"].contains(&charset.name()) { "¢£¥¦¬‖•‾∼−☉♁〜" } else { "" }
}

/// Decodes a stream that comes in portions.
fn streamed(charset: Charset, bytes: &[u8], portion: usize) -> (String, Result<()>) {
    let mut decoder = StreamDecoder::new(charset).unwrap();
    let mut text = String::new();
    for bytes in bytes.chunks(portion) {
        if let Err(error) = decoder.push(bytes, &mut text) {
            return (text, Err(error));
        }
    }
    (text, decoder.finish())
}

#[test]
fn a_stream_may_not_end_within_a_character() {
    let (text, ended) = streamed(charset("SJIS"), b"a\x95\x5c\x95", 1);
    assert_eq!((text.as_str(), refused(ended).0), ("a表", "22021"));
    let (text, ended) = streamed(charset("SJIS"), b"a\x95\x5c\x81\x20b", 2);
    assert_eq!((text.as_str(), refused(ended).0), ("a表", "22021"));
    assert!(StreamDecoder::new(Charset::UTF8).is_none());
}

proptest! {
    #[test]
    fn how_a_stream_is_cut_changes_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..40), portion in 1_usize..5, number in 0_i64..42,
    ) {
        let charset = Charset::by_number(number).unwrap();
        prop_assume!(charset.is_supported() && !charset.is_unicode());
        let (text, ended) = streamed(charset, &bytes, portion);
        match charset.decode(&bytes) {
            Ok(whole) => prop_assert_eq!((text.as_str(), ended.is_ok()), (&*whole, true)),
            Err(error) => prop_assert_eq!(ended.unwrap_err().message.clone(), error.message.clone()),
        }
    }

    #[test]
    fn texts_come_back(text in "[ -~¡-ÿЀ-ӿぁ-ん一-龥가-힣]{0,20}", number in 0_i64..42) {
        let charset = Charset::by_number(number).unwrap();
        prop_assume!(charset.is_supported());
        if let Ok(bytes) = charset.encode(&text) {
            let decoded = charset.decode(&bytes).unwrap();
            prop_assert_eq!(charset.encode(&decoded).unwrap(), bytes.as_ref());
            if !text.contains(|character| one_way(charset).contains(character)) {
                prop_assert_eq!(decoded, text.as_str());
            }
        }
    }
}
