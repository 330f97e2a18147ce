//! COPY's data: options, cutting a byte stream into pieces, decoding a piece into columns, encoding batches.
//!
//! The way in: [`RecordSplitter`] (or [`TupleSplitter`]) cuts pieces, [`Decoder`] turns each into [`Decoded`] columns, on as many threads as
//! there are. The way out: [`Encoder`]. The statement's grammar is elsewhere and hands over pairs
//! ([`CopyOptions::from_pairs`]).

mod decoder;
mod encoder;
mod epoch;
mod infer;
mod json_array;
mod json_values;
mod ndjson;
mod options;
mod place;
mod records;
mod rest;
mod rows;
mod splitter;
mod tuples;

#[cfg(test)]
mod tests;

pub use decoder::{Arrival, Decoded, DecodedColumn, Decoder, SkippedRow, TargetColumn, Unknown, parse_header};
pub use encoder::Encoder;
pub use epoch::{epoch_by_magnitude, parse_epoch};
pub use options::{ColumnSet, CopyDirection, CopyFormat, CopyOptions, Header, LogVerbosity, OnError, OptionValue};
pub(crate) use rest::can_name_column;
pub use splitter::{COPY_RECORD_BYTES_MAX, LineEnd, PIECE_BYTES, Piece, RecordSplitter, SplitterLimits};
pub use tuples::TupleSplitter;
