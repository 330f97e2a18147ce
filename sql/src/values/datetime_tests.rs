use super::*;
use crate::values::calendar::{write_date, write_time, write_timestamp, write_timestamptz};
use crate::values::style::DateOrder;
use bytes::BytesMut;
use proptest::prelude::*;

fn style() -> InputStyle {
    // 2024-05-06 07:08:09 UTC.
    InputStyle::new(1_714_979_289_000_000)
}

fn text(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

fn date(input: &str, order: DateOrder) -> Result<String> {
    let style = InputStyle { date_order: order, ..style() };
    parse_date(input, &style).map(|days| text(|out| write_date(days, out)))
}

#[test]
fn dates_in_every_form() {
    let cases = [
        ("1999-01-08", "1999-01-08"),
        ("January 8, 1999", "1999-01-08"),
        ("Jan 8, 1999", "1999-01-08"),
        ("1/8/1999", "1999-01-08"),
        ("1/18/1999", "1999-01-18"),
        ("01/02/03", "2003-01-02"),
        ("1999-Jan-08", "1999-01-08"),
        ("Jan-08-1999", "1999-01-08"),
        ("08-Jan-1999", "1999-01-08"),
        ("08 Jan 1999", "1999-01-08"),
        ("Fri 08 Jan 1999", "1999-01-08"),
        ("19990108", "1999-01-08"),
        ("990108", "1999-01-08"),
        ("1999.008", "1999-01-08"),
        ("J2451187", "1999-01-08"),
        ("January 8, 99 BC", "0099-01-08 BC"),
        ("1999-01-08 BC", "1999-01-08 BC"),
        ("0001-01-01", "0001-01-01"),
        ("10000-01-01", "10000-01-01"),
        ("2020-2-9", "2020-02-09"),
        ("2020-02-09 12:34:56", "2020-02-09"),
        ("epoch", "1970-01-01"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("today", "2024-05-06"),
        ("now", "2024-05-06"),
        ("tomorrow", "2024-05-07"),
        ("yesterday", "2024-05-05"),
        (" 1999-01-08 ", "1999-01-08"),
    ];
    for (input, output) in cases {
        assert_eq!(date(input, DateOrder::Mdy).unwrap(), output, "{input}");
    }
    assert_eq!(date("18/1/1999", DateOrder::Dmy).unwrap(), "1999-01-18");
    assert_eq!(date("99/1/18", DateOrder::Ymd).unwrap(), "1999-01-18");
}

#[test]
fn dates_that_are_none() {
    for input in ["", "x", "2020", "2020-01", "1999-01-08 x", "1999-01-08 1999/01/08", "1:2", "é"] {
        assert_eq!(date(input, DateOrder::Mdy).unwrap_err().code, SqlState::INVALID_DATETIME_FORMAT, "{input}");
    }
    for input in ["2020-13-01", "13/13/2020", "2020-02-30", "0000-01-01", "5874898-01-01", "4715-01-01 BC"] {
        assert_eq!(date(input, DateOrder::Mdy).unwrap_err().code, SqlState::DATETIME_FIELD_OVERFLOW, "{input}");
    }
    let error = date("18/1/1999", DateOrder::Mdy).unwrap_err();
    assert_eq!(error.message, "date/time field value out of range: \"18/1/1999\"");
    assert_eq!(error.hint.as_deref(), Some("Perhaps you need a different \"datestyle\" setting."));
}

#[test]
fn times_in_every_form() {
    let cases = [
        ("04:05:06.789", "04:05:06.789"),
        ("04:05", "04:05:00"),
        ("04:05 AM", "04:05:00"),
        ("04:05 PM", "16:05:00"),
        ("12:05 am", "00:05:00"),
        ("04:05:06-08:00", "04:05:06"),
        ("2003-04-12 04:05:06 America/New_York", "04:05:06"),
        ("24:00:00", "24:00:00"),
        ("23:59:60", "24:00:00"),
        ("04:05:06.1234567", "04:05:06.123457"),
        ("allballs", "00:00:00"),
        ("102937 EST", "10:29:37"),
        ("1225", "12:25:00"),
        ("0100+05:30", "01:00:00"),
        ("now", "07:08:09"),
    ];
    for (input, output) in cases {
        let micros = parse_time(input, &style()).unwrap();
        assert_eq!(text(|out| write_time(micros, out)), output, "{input}");
    }
    for input in ["25:00", "24:00:01", "10:60", "13:00 PM"] {
        assert_eq!(parse_time(input, &style()).unwrap_err().code, SqlState::DATETIME_FIELD_OVERFLOW, "{input}");
    }
    assert_eq!(parse_time("x", &style()).unwrap_err().message, "invalid input syntax for type time: \"x\"");
}

#[test]
fn timestamps_in_every_form() {
    let cases = [
        ("1999-01-08 04:05:06", "1999-01-08 04:05:06"),
        ("1999-01-08T04:05:06.5", "1999-01-08 04:05:06.5"),
        ("1999-01-08", "1999-01-08 00:00:00"),
        ("19990108T040506", "1999-01-08 04:05:06"),
        ("19990108 040506", "1999-01-08 04:05:06"),
        ("January 8 04:05:06 1999 PST", "1999-01-08 04:05:06"),
        ("1999-01-08 04:05:06+09", "1999-01-08 04:05:06"),
        ("0044-03-15 12:00:00 BC", "0044-03-15 12:00:00 BC"),
        ("294247-01-10 04:00:54.775806", "294247-01-10 04:00:54.775806"),
        ("infinity", "infinity"),
        ("now", "2024-05-06 07:08:09"),
        ("today 12:00", "2024-05-06 12:00:00"),
    ];
    for (input, output) in cases {
        let micros = parse_timestamp(input, &style()).unwrap();
        assert_eq!(text(|out| write_timestamp(micros, out)), output, "{input}");
    }
    let error = parse_timestamp("294277-01-01", &style()).unwrap_err();
    assert_eq!(error.message, "timestamp out of range: \"294277-01-01\"");
}

#[test]
fn timestamps_with_zones() {
    let cases = [
        ("1999-01-08 04:05:06", "1999-01-08 09:05:06+00"),
        ("1999-07-08 04:05:06", "1999-07-08 08:05:06+00"),
        ("1999-01-08 04:05:06Z", "1999-01-08 04:05:06+00"),
        ("1999-01-08 04:05:06 UTC", "1999-01-08 04:05:06+00"),
        ("1999-01-08 04:05:06+05:30", "1999-01-07 22:35:06+00"),
        ("1999-01-08 04:05:06-0800", "1999-01-08 12:05:06+00"),
        ("1999-01-08 04:05 PST", "1999-01-08 12:05:00+00"),
        ("1999-07-08 04:05:06 Europe/Berlin", "1999-07-08 02:05:06+00"),
        ("2018-03-11 02:30:00", "2018-03-11 07:30:00+00"),
        ("2000-7-8 230457-0800", "2000-07-09 07:04:57+00"),
        ("2.19.99 5:39 AM", "1999-02-19 10:39:00+00"),
        ("2024-01-01 00:00 UTC+3", "2024-01-01 03:00:00+00"),
        ("Jan 8 12345 1:00 EST-3:30", "12345-01-07 21:30:00+00"),
        ("epoch", "1970-01-01 00:00:00+00"),
        ("now", "2024-05-06 07:08:09+00"),
    ];
    let style = InputStyle { zone: Zone::parse("America/New_York").unwrap(), ..style() };
    for (input, output) in cases {
        let micros = parse_timestamptz(input, &style).unwrap();
        assert_eq!(text(|out| write_timestamptz(micros, 0, out)), output, "{input}");
    }
    let code = |input| parse_timestamptz(input, &style).unwrap_err().code;
    assert_eq!(code("2020-01-01 00:00:00+20"), SqlState::INVALID_TIME_ZONE_DISPLACEMENT);
    assert_eq!(code("2020-01-01 00:00 Foo/Bar"), SqlState::INVALID_PARAMETER_VALUE);
    assert_eq!(code("2020-01-01 00:00:00 nowhere"), SqlState::INVALID_DATETIME_FORMAT);
}

#[test]
fn modifiers_round_seconds() {
    assert_eq!(round_micros(1_500_000, 0), 2_000_000);
    assert_eq!(round_micros(-1_499_999, 0), -1_000_000);
    assert_eq!(round_micros(1_234_567, 3), 1_235_000);
    assert_eq!(round_micros(1_234_567, -1), 1_234_567);
    assert_eq!(round_micros(i64::MAX, 0), i64::MAX);
}

proptest! {
    #[test]
    fn timestamps_round_trip(
        micros in calendar::TIMESTAMP_MIN_MICROS..calendar::TIMESTAMP_END_MICROS, offset in -50_000_i32..50_000,
    ) {
        let local = text(|out| write_timestamp(micros, out));
        prop_assert_eq!(parse_timestamp(&local, &style()).unwrap(), micros);
        let zoned = text(|out| write_timestamptz(micros, offset, out));
        prop_assert_eq!(parse_timestamptz(&zoned, &style()).unwrap(), micros, "{}", zoned);
    }

    #[test]
    fn no_text_panics(input in "[-+0-9a-zA-Z:/. ,_é]{0,24}") {
        let _ = parse_date(&input, &style());
        let _ = parse_time(&input, &style());
        let _ = parse_timestamp(&input, &style());
        let _ = parse_timestamptz(&input, &style());
    }

    #[test]
    fn nothing_that_looks_like_a_date_panics(input in "[0-9]{1,9}[-/.:][0-9a-z]{0,9}[-/.: ]?[0-9]{0,9}( [0-9a-z:/+-]{0,9})?") {
        let _ = parse_timestamptz(&input, &style());
        let _ = Zone::parse(&input);
    }
}
