//! SQL functions with PostgreSQL's meaning, one file per family, each with its list of definitions.
//!
//! `register` gives a session exactly the functions that are meant to be there: ours, and those of DataFusion's
//! whose meaning is PostgreSQL's. DataFusion's `now`, `random`, `uuid` and the like are not among them.

pub(crate) mod age;
mod aggregate;
pub(crate) mod arithmetic;
pub(crate) mod array;
mod array_items;
pub(crate) mod array_parts;
pub(crate) mod array_types;
pub(crate) mod array_value;
pub(crate) mod bytes;
pub(crate) mod choice;
mod clock;
pub(crate) mod context;
mod datetime;
pub(crate) mod decimal;
mod decimal_math;
mod decimal_quotient;
pub(crate) mod define;
mod degrees;
pub(crate) mod distinct_from;
pub(crate) mod encoding;
pub(crate) mod enums;
pub(crate) mod error;
pub(crate) mod excluding;
pub(crate) mod extract;
mod integer_series;
pub(crate) mod interval;
pub(crate) mod interval_fields;
mod interval_template;
pub(crate) mod joined;
pub(crate) mod json;
pub(crate) mod json_build;
mod json_change;
pub(crate) mod json_operator;
pub(crate) mod json_path;
mod json_row;
pub(crate) mod json_sets;
mod json_text;
pub(crate) mod macaddr;
mod make_time;
pub(crate) mod math;
pub(crate) mod network;
mod network_abbrev;
mod number_format;
pub(crate) mod number_text;
mod open_time;
pub(crate) mod ordered_set;
mod overlaps;
pub(crate) mod own_type;
pub(crate) mod packed_rows;
pub(crate) mod pattern;
pub(crate) mod places;
pub(crate) mod range;
mod read_time;
mod regexp_places;
mod registry;
pub(crate) mod regular_expression;
pub(crate) mod rounding;
pub(crate) mod row;
mod row_lock;
mod rows;
pub(crate) mod sampling;
mod scale;
mod series;
pub(crate) mod series_array;
pub(crate) mod shared_type;
pub(crate) mod shown_scale;
pub(crate) mod signature;
mod special;
mod sql_pattern;
pub(crate) mod text;
pub(crate) mod ties;
mod time_template;
pub(crate) mod time_zone;
mod to_char;
pub(crate) mod type_of;
pub(crate) mod undefined;
pub(crate) mod unicode;
mod window;

pub(crate) use aggregate::{aggregate_scale, exact_statistic, sole_value};
pub use context::{FunctionContext, SettingsReader, StatementContext};
pub use error::{FunctionError, function_error};
pub use registry::{aggregate_functions, register, scalar_functions, window_functions};

pub(crate) use open_time::epoch_by_magnitude;
pub(crate) use registry::{is_aggregate, is_scalar, is_zoned, named};

#[cfg(test)]
mod tests;
