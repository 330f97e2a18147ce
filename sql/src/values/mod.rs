//! PostgreSQL's text and binary forms of every type: Arrow arrays to bytes, bytes to Arrow arrays, names of types.
//!
//! Output goes through [`value_writer`], which picks one writer per column and then costs no dispatch but one virtual
//! call per value. Input goes through [`parse_text`] and [`parse_binary`] for one value, [`ColumnBuilder`] for many.

mod array_builder;
mod array_scanner;
mod array_text;
mod array_writer;
mod binary_input;
mod bit_text;
mod calendar;
mod cell;
mod column_builder;
mod date_style;
mod datetime_fields;
mod datetime_text;
mod datetime_tokens;
mod decimal;
mod decimal_arithmetic;
mod decimal_binary;
mod decimal_functions;
mod decimal_text;
mod float;
mod interval;
mod interval_sum;
mod interval_text;
mod json;
mod json_key;
mod json_parser;
mod json_parts;
mod json_writer;
mod macaddr_text;
mod money_text;
mod names;
mod nested_writer;
mod network_text;
mod number_text;
mod number_writer;
mod open_numeric;
mod packed_binary;
mod quoting;
mod range_text;
mod range_writer;
mod scalar_text;
mod stack_text;
mod style;
mod text_writer;
mod time_writer;
mod writer;
mod zone;

#[cfg(test)]
mod round_trip_tests;

pub(crate) use array_text::{is_shaped_text, parse_items, too_many_dimensions};
pub use binary_input::parse_binary;
pub use calendar::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, civil_from_days, days_from_civil, days_in_month, is_date_in_range,
    is_timestamp_in_range, write_date, write_time, write_timestamp, write_timestamptz,
};
pub use cell::{Cell, parse_text};
pub use column_builder::ColumnBuilder;
pub use datetime_text::{parse_date, parse_time, parse_timestamp, parse_timestamptz, parse_timetz, round_micros};
pub use decimal::{Decimal, parse_bare_decimal_at, parse_decimal, parse_decimal_at, parse_open_decimal, special_text};
pub(crate) use decimal_functions::ibig_of;
pub use float::{write_f32, write_f64};
pub use interval::{Interval, IntervalStyle};
pub use interval_text::parse_interval;
pub use json::{Json, escape_json, normalise_jsonb, parse_json, validate_json};
pub use json_parts::{JsonParts, json_parts};
pub use json_writer::json_value_writer;
pub use names::{catalog_name, serial_type, type_by_name, type_name};
pub use scalar_text::{
    canonical_f32, canonical_f64, checked_utf8, fit_characters, invalid_utf8, parse_bool, parse_bytea,
    parse_escaped_bytes, parse_f32, parse_f64, parse_hex_bytes, parse_int, parse_oid, parse_uuid,
};
pub use style::{ByteaOutput, DateForm, DateOrder, Format, InputStyle, OutputStyle};
pub use writer::{ValueWriter, value_writer};
pub use zone::Zone;

pub(crate) use array_writer::write_element;
pub(crate) use bit_text::{checked_bits, cut_bits, parse_bits};
pub(crate) use cell::rounded_time;
pub(crate) use json::write_members;
pub(crate) use json_key::jsonb_key;
pub(crate) use names::interval_of_digits;
pub(crate) use number_text::plain_number;
pub(crate) use quoting::{enclose, replace_by_pairs};
pub(crate) use range_text::range_of;
