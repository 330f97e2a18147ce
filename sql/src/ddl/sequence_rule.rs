//! How a sequence's values follow each other: what is written, with the defaults of what is not, checked as PostgreSQL does.

use peristyle_catalog::model::{PgType, SequencePlace, SequenceRule};

use crate::error::{SqlError, SqlState};
use crate::parse::SequenceOptions;
use crate::values::type_name;

/// The rule of a new sequence.
pub(super) fn new_rule(ty: PgType, options: &SequenceOptions) -> Result<SequenceRule, SqlError> {
    let rule = SequenceRule { ty, start: 1, increment: 1, min: 1, max: greatest(ty), cache: 1, cycle: false };
    let is_new = Given { min: true, max: true, start: true };
    changed(rule, options, is_new)
}

/// The rule of a sequence after ALTER SEQUENCE, and where it goes on from there.
pub(super) fn altered(
    before: &SequenceRule,
    place: SequencePlace,
    ty: Option<PgType>,
    options: &SequenceOptions,
) -> Result<(SequenceRule, SequencePlace), SqlError> {
    let mut rule = before.clone();
    let mut renewed = Given { min: false, max: false, start: false };
    if let Some(ty) = ty {
        // Limits that were the old type's become the new one's.
        renewed.max = rule.max == greatest(before.ty);
        renewed.min = rule.min == least(before.ty);
        rule.ty = ty;
    }
    let rule = changed(rule, options, renewed)?;
    let place = match options.restart {
        Some(at) => SequencePlace { last: at.unwrap_or(rule.start), is_called: false },
        None => place,
    };
    check_within("RESTART", place.last, &rule)?;
    Ok((rule, place))
}

/// What is given anew by default.
#[derive(Clone, Copy)]
struct Given {
    min: bool,
    max: bool,
    start: bool,
}

fn changed(mut rule: SequenceRule, options: &SequenceOptions, by_default: Given) -> Result<SequenceRule, SqlError> {
    if let Some(increment) = options.increment {
        rule.increment = increment;
    }
    if rule.increment == 0 {
        return Err(invalid("INCREMENT must not be zero"));
    }
    rule.cycle = options.cycle.unwrap_or(rule.cycle);
    let ascends = rule.increment > 0;
    match options.max {
        Some(Some(max)) => rule.max = max,
        None if !by_default.max => {}
        Some(None) | None => rule.max = if ascends { greatest(rule.ty) } else { -1 },
    }
    check_type("MAXVALUE", rule.max, rule.ty)?;
    match options.min {
        Some(Some(min)) => rule.min = min,
        None if !by_default.min => {}
        Some(None) | None => rule.min = if ascends { 1 } else { least(rule.ty) },
    }
    check_type("MINVALUE", rule.min, rule.ty)?;
    if rule.min >= rule.max {
        return Err(invalid(format!("MINVALUE ({}) must be less than MAXVALUE ({})", rule.min, rule.max)));
    }
    match options.start {
        Some(start) => rule.start = start,
        None if by_default.start => rule.start = if ascends { rule.min } else { rule.max },
        None => {}
    }
    check_within("START", rule.start, &rule)?;
    rule.cache = options.cache.unwrap_or(rule.cache);
    if rule.cache <= 0 {
        return Err(invalid(format!("CACHE ({}) must be greater than zero", rule.cache)));
    }
    Ok(rule)
}

fn check_type(what: &str, value: i64, ty: PgType) -> Result<(), SqlError> {
    if (least(ty)..=greatest(ty)).contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{what} ({value}) is out of range for sequence data type {}", type_name(ty))))
}

fn check_within(what: &str, value: i64, rule: &SequenceRule) -> Result<(), SqlError> {
    if value < rule.min {
        return Err(invalid(format!("{what} value ({value}) cannot be less than MINVALUE ({})", rule.min)));
    }
    if value > rule.max {
        return Err(invalid(format!("{what} value ({value}) cannot be greater than MAXVALUE ({})", rule.max)));
    }
    Ok(())
}

fn greatest(ty: PgType) -> i64 {
    match ty {
        PgType::INT2 => i16::MAX.into(),
        PgType::INT4 => i32::MAX.into(),
        _ => i64::MAX,
    }
}

fn least(ty: PgType) -> i64 {
    match ty {
        PgType::INT2 => i16::MIN.into(),
        PgType::INT4 => i32::MIN.into(),
        _ => i64::MIN,
    }
}

fn invalid(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
