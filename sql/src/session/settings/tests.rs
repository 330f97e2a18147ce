use std::time::Duration;

use super::*;
use crate::transaction::Isolation;

fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), SqlError> {
    settings.set(name, &[value.to_owned()])
}

#[test]
fn values_are_checked_and_shown_as_postgresql_shows_them() {
    let mut settings = Settings::default();
    set(&mut settings, "statement_timeout", "90000").expect("a number of milliseconds");
    assert_eq!(settings.get("statement_timeout").expect("exists"), "90s");
    set(&mut settings, "timezone", "america/new_york").expect("a zone");
    assert_eq!(settings.get("TimeZone").expect("exists"), "America/New_York");
    set(&mut settings, "datestyle", "ISO, DMY").expect("a style");
    assert_eq!(settings.get("datestyle").expect("exists"), "ISO, DMY");
    let error = set(&mut settings, "extra_float_digits", "9").expect_err("out of range");
    assert_eq!(error.code, SqlState::INVALID_PARAMETER_VALUE);
    assert_eq!(set(&mut settings, "server_version", "9").expect_err("fixed").code.code(), "55P02");
    assert_eq!(settings.get("nonsense").expect_err("unknown").code, SqlState::UNDEFINED_OBJECT);
}

#[test]
fn reset_goes_back_to_the_start_up_packet() {
    let mut settings = Settings::default();
    settings.set_at_startup("search_path", "a, \"B c\"").expect("names");
    set(&mut settings, "search_path", "x").expect("a name");
    assert!(settings.search_path("u").eq(["x"]));
    settings.reset("search_path").expect("exists");
    assert!(settings.search_path("u").eq(["a", "B c"]));
    assert!(Settings::default().search_path("u").eq(["u", "public"]));
}

#[test]
fn what_a_value_means_follows_each_change() {
    let mut settings = Settings::default();
    assert_eq!(settings.timeouts().statement, None);
    set(&mut settings, "statement_timeout", "90s").expect("a time");
    assert_eq!(settings.timeouts().statement, Some(Duration::from_secs(90)));
    settings.reset("statement_timeout").expect("exists");
    assert_eq!(settings.timeouts().statement, None);
    settings.set_at_startup("statement_timeout", "1min").expect("a time");
    assert_eq!(settings.clone().timeouts().statement, Some(Duration::from_secs(60)));
    set(&mut settings, "statement_timeout", "0").expect("a time");
    set(&mut settings, "default_transaction_isolation", "serializable").expect("a level");
    assert_eq!(settings.timeouts().statement, None);
    assert_eq!(settings.default_modes().isolation, Isolation::Serializable);
    settings.reset_all();
    assert_eq!(settings.timeouts().statement, Some(Duration::from_secs(60)));
    assert_eq!(settings.default_modes().isolation, Isolation::ReadCommitted);
}

#[test]
fn settings_of_the_users_own_have_a_dot() {
    let mut settings = Settings::default();
    assert_eq!(settings.get("my.Colour").expect_err("not set").code, SqlState::UNDEFINED_OBJECT);
    set(&mut settings, "my.Colour", "blue").expect("any value");
    assert_eq!(settings.get("MY.colour").expect("set"), "blue");
    settings.reset("my.colour").expect("exists");
    assert_eq!(settings.get("my.colour").expect("set before"), "");
    assert_eq!(set(&mut settings, "my.1", "x").expect_err("no identifier").code, SqlState::INVALID_NAME);
}

#[test]
fn memory_is_shown_in_the_largest_unit() {
    let mut settings = Settings::default();
    for (value, shown) in [("64", "64kB"), ("8192", "8MB"), ("1GB", "1GB"), ("1536MB", "1536MB"), ("0.5GB", "512MB")] {
        set(&mut settings, "work_mem", value).expect("a size");
        assert_eq!(settings.get("work_mem").expect("exists"), shown);
    }
    for wrong in ["1", "12 apples", "-1"] {
        assert_eq!(set(&mut settings, "work_mem", wrong).expect_err(wrong).code, SqlState::INVALID_PARAMETER_VALUE);
    }
}

#[test]
fn a_role_is_the_users_own_or_none() {
    let mut settings = Settings::default();
    settings.set_user("ada");
    set(&mut settings, "role", "ada").expect("oneself");
    assert!(set(&mut settings, "role", "ben").is_err());
    settings.reset_all();
    assert_eq!(settings.get("role").expect("exists"), "ada", "RESET ALL leaves the role");
    settings.reset("role").expect("exists");
    assert_eq!(settings.get("role").expect("exists"), "none");
    assert_eq!(settings.get("session_authorization").expect("exists"), "ada");
}

#[test]
fn notices_below_the_level_are_left_out() {
    let mut settings = Settings::default();
    let shown = |settings: &Settings| ["INFO", "NOTICE", "WARNING"].map(|severity| settings.shows_notice(severity));
    assert_eq!(shown(&settings), [true, true, true]);
    set(&mut settings, "client_min_messages", "warning").expect("a level");
    assert_eq!(shown(&settings), [true, false, true]);
    set(&mut settings, "client_min_messages", "error").expect("a level");
    assert_eq!(shown(&settings), [true, false, false]);
}

#[test]
fn zones_are_named_or_displaced() {
    let mut settings = Settings::default();
    for (value, shown, arrow) in [
        ("-7", "<-07>+07", "-07:00"),
        ("5.5", "<+05:30>-05:30", "+05:30"),
        // As POSIX has it.
        ("+05:30", "<-05:30>+05:30", "-05:30"),
        ("europe/berlin", "Europe/Berlin", "Europe/Berlin"),
    ] {
        set(&mut settings, "TimeZone", value).expect("a zone");
        assert_eq!((settings.get("TimeZone").expect("exists"), settings.arrow_time_zone().as_str()), (shown, arrow));
    }
}

#[test]
fn definitions_are_sorted_and_valid() {
    let lower: Vec<_> = DEFINITIONS.iter().map(|d| d.name.to_lowercase()).collect();
    assert!(lower.is_sorted(), "SHOW ALL lists settings by name");
    let settings = Settings::default();
    let roles_and_lists = [SettingKind::SearchPath, SettingKind::Role];
    for d in DEFINITIONS.iter().filter(|d| !roles_and_lists.contains(&d.kind)) {
        assert_eq!(canonical(d, &[d.default.to_owned()], &settings).expect("valid default"), d.default, "{}", d.name);
    }
}
