//! SQL functions with PostgreSQL's meaning, one file per family, each with its list of definitions.
//!
//! `register` gives a session exactly the functions that are meant to be there: ours, and those of DataFusion's
//! whose meaning is PostgreSQL's. DataFusion's `now`, `random`, `uuid` and the like are not among them.

mod aggregate;
pub(crate) mod arithmetic;
pub(crate) mod array;
pub(crate) mod choice;
mod clock;
pub(crate) mod context;
mod datetime;
pub(crate) mod decimal;
pub(crate) mod define;
pub(crate) mod encoding;
pub(crate) mod error;
pub(crate) mod extract;
mod integer_series;
pub(crate) mod interval;
pub(crate) mod json;
pub(crate) mod json_build;
pub(crate) mod json_operator;
mod math;
mod number_format;
pub(crate) mod number_text;
mod open_time;
pub(crate) mod ordered_set;
mod pattern;
pub(crate) mod places;
mod read_time;
mod registry;
pub(crate) mod rounding;
pub(crate) mod row;
mod rows;
mod scale;
mod series;
pub(crate) mod signature;
pub(crate) mod text;
mod time_template;
pub(crate) mod time_zone;
mod to_char;
mod type_of;
pub(crate) mod undefined;
mod window;

pub(crate) use aggregate::sole_value;
pub use context::{FunctionContext, SettingsReader, StatementContext};
pub use error::{FunctionError, function_error};
pub use registry::{aggregate_functions, register, scalar_functions, window_functions};

pub(crate) use open_time::epoch_by_magnitude;
pub(crate) use registry::{is_scalar, named};

#[cfg(test)]
mod tests;
