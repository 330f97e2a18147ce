//! `to_char` of numbers and `to_number`, by the templates of `number_format`.

use arrow::array::ArrayRef;
use arrow::datatypes::i256;
use datafusion::common::Result;
use peristyle_storage::special_numeric::Special;

use super::define::Call;
use super::error::error;
use super::number_template::{Notation, Template};
use super::rounding::unscaled;
use super::rows::{Argument, Float8, Int8, Out, Text, map2};
use crate::semantics::{decimal_at_scale, no_integer};

/// `to_number(text, template)` as the text of a decimal; `desugar` casts it to the template's digits.
pub(crate) const READ: &str = "pg_number_text";

pub(super) fn read(call: &Call<'_>) -> Result<ArrayRef> {
    map2::<Text, Text, _>(call, |text, template| Template::parse(template)?.read(text))
}

pub(super) fn of_integer(call: &Call<'_>) -> Result<ArrayRef> {
    map2::<Int8, Text, _>(call, |value, template| print(i256::from_i128(value.into()), 0, template))
}

pub(super) fn of_decimal(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, scale) = unscaled(call, 0)?;
    let templates = Argument::<Text>::of(call, 1);
    let row = |(row, value): (usize, Option<i256>)| match (value, templates.get(row)) {
        (Some(value), Some(template)) => print(value, scale, template).map(Some),
        _ => Ok(None),
    };
    Ok(String::collect(values.into_iter().enumerate().map(row).collect::<Result<_>>()?))
}

pub(super) fn of_double(call: &Call<'_>) -> Result<ArrayRef> {
    map2::<Float8, Text, _>(call, |value, template| {
        let template = Template::parse(template)?;
        match (template.notation, Special::of_float(value)) {
            // A number that no integer is has no numerals, as what is cast to the nearest one here.
            (Notation::Roman, _) => Ok(template.print_roman(value.round_ties_even() as i32)),
            (_, Some(special)) => print_special(special, &template),
            (Notation::Scientific, None) => Ok(template.print_scientific_double(value)),
            (Notation::Places, None) => {
                let shifted = value.abs() * 10_f64.powi(template.shift as i32);
                Ok(template.print(value < 0.0, &format!("{shifted:.*}", template.fraction)))
            }
        }
    })
}

/// A decimal of that scale by a template.
fn print(value: i256, scale: i32, template: &str) -> Result<String> {
    let template = Template::parse(template)?;
    match (Special::of(value), template.notation) {
        (Some(special), _) => print_special(special, &template),
        (None, Notation::Places) => print_places(value, scale, &template),
        (None, Notation::Scientific) => Ok(print_scientific(value, scale, &template)),
        (None, Notation::Roman) => {
            let rounded = decimal_at_scale(value, scale, u8::MAX, 0)?;
            let number = rounded.to_i128().and_then(|number| i32::try_from(number).ok());
            Ok(template.print_roman(number.ok_or_else(|| error("22003", "integer out of range"))?))
        }
    }
}

fn print_places(value: i256, scale: i32, template: &Template) -> Result<String> {
    let scale = scale - template.shift as i32;
    let rounded = decimal_at_scale(value, scale, u8::MAX, template.fraction as i8)?;
    let least = template.fraction + 1;
    let mut digits = format!("{:0>least$}", rounded.wrapping_abs().to_string());
    if template.fraction > 0 {
        digits.insert(digits.len() - template.fraction, '.');
    }
    Ok(template.print(rounded < i256::ZERO, &digits))
}

fn print_scientific(value: i256, scale: i32, template: &Template) -> String {
    let digits = value.wrapping_abs().to_string();
    let power = if value == i256::ZERO { 0 } else { digits.len() as i32 - 1 - scale };
    template.print_scientific(value < i256::ZERO, &digits, power)
}

fn print_special(special: Special, template: &Template) -> Result<String> {
    match template.notation {
        Notation::Places => {
            Ok(template.print(special == Special::NegativeInfinity, special.text().trim_start_matches('-')))
        }
        Notation::Scientific => Ok(template.no_scientific()),
        Notation::Roman => Err(no_integer(special, "integer")),
    }
}

/// Digits before and behind the point that a template has places for.
pub(crate) fn digits_of(template: &str) -> Result<(usize, usize)> {
    let template = Template::parse(template)?;
    Ok((template.whole, template.fraction))
}
