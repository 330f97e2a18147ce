//! Decodes a piece into columns: the declared ones by their type, those of an open table by what they hold.

mod piece;
mod tuples;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};

use self::piece::PieceDecoder;
use super::epoch::parse_epoch;
use super::ndjson;
use super::options::{CopyFormat, CopyOptions, Header, OnError};
use super::place::Place;
use super::records::{RecordReader, piece_text};
use super::rest::can_name_column;
use super::rows::Rows;
use super::splitter::Piece;
use crate::error::{Result, SqlError, SqlState};
use crate::values::{Cell, ColumnBuilder, InputStyle};

/// A column that exists and takes values.
#[derive(Clone, Debug)]
pub struct TargetColumn {
    pub name: String,
    pub ty: PgType,
    /// The type of the array that is wanted.
    pub arrow: DataType,
    /// Whether the `DEFAULT` marker may stand for a value.
    pub has_default: bool,
    /// Whether numbers are times, counted since 1970.
    pub counts_time: bool,
    /// The time that rows without one get.
    pub arrival: Option<Arrival>,
}

impl TargetColumn {
    /// A column of the type's own Arrow type.
    pub fn new(name: impl Into<String>, ty: PgType) -> TargetColumn {
        let arrow = arrow_type(ty, None);
        TargetColumn { name: name.into(), ty, arrow, has_default: false, counts_time: false, arrival: None }
    }
}

/// When the data arrived, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival(pub i64);

/// What becomes of columns that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// 42703: the table is declared.
    Refuse,
    /// They are added, with the type of their values; keys beyond this many columns go to `_rest`.
    Infer { new_columns_max: usize },
}

/// One column of a piece.
#[derive(Clone, Debug)]
pub struct DecodedColumn {
    pub name: String,
    pub ty: PgType,
    pub array: ArrayRef,
    /// Whether the table had it.
    pub is_known: bool,
    /// Rows whose field was the `DEFAULT` marker: NULL in the array, to be filled with the column's default.
    pub defaulted: Option<BooleanArray>,
}

/// A row that `ON_ERROR ignore` left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    pub line: u64,
    /// Empty for a line that could not be read at all.
    pub column: String,
    /// The value that could not be read, as far as messages show values.
    pub value: String,
    pub error: SqlError,
}

/// A piece, decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Target columns in their order, then new ones in order of appearance. All-NULL new ones are left out.
    pub columns: Vec<DecodedColumn>,
    /// Rows in every column.
    pub rows: usize,
    /// Rows left out, in order.
    pub skipped: Vec<SkippedRow>,
}

impl Decoded {
    /// The columns as one batch; each field carries its PostgreSQL type.
    pub fn into_batch(self) -> Result<RecordBatch> {
        let fields = self.columns.iter().map(|c| pg_field(&c.name, c.ty, c.array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = self.columns.into_iter().map(|column| column.array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|error| SqlError::internal(error.to_string()))
    }
}

/// The names in a header piece; a NULL marker is its text.
pub fn parse_header(piece: &Piece, options: &CopyOptions, table: &str) -> Result<Vec<String>> {
    let mut reader = RecordReader::new(piece, options, table)?;
    let read = reader.read();
    read.map_err(|error| Place { table, line: reader.line() }.of_record(error, reader.raw()))?;
    Ok((0..reader.len()).filter_map(|at| reader.field(at)).map(|field| field.text.to_owned()).collect())
}

/// Where a csv or text field goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Target(usize),
    /// To a column that takes the type of its values, beside the type that it has.
    New(String, Option<PgType>),
    /// Into `_rest` under this name.
    Rest(String),
}

/// Decodes pieces of one COPY; shared between threads.
#[derive(Clone, Debug)]
pub struct Decoder {
    pub(super) table: String,
    pub(super) targets: Vec<TargetColumn>,
    pub(super) options: CopyOptions,
    pub(super) style: InputStyle,
    pub(super) unknown: Unknown,
    /// Where each field goes, by position; unused for ndjson.
    destinations: Vec<Destination>,
}

impl Decoder {
    /// A decoder whose fields are the targets in their order (csv and text), or whose keys are the targets' names
    /// (ndjson).
    pub fn new(
        table: impl Into<String>,
        targets: Vec<TargetColumn>,
        options: CopyOptions,
        style: InputStyle,
        unknown: Unknown,
    ) -> Decoder {
        let destinations = (0..targets.len()).map(Destination::Target).collect();
        Decoder { table: table.into(), targets, options, style, unknown, destinations }
    }

    /// The same decoder for data whose fields are those of a header: each goes to the column of its name, and names
    /// that the table lacks are new columns. 42703 for them on a declared table, 42701 for a name that comes twice.
    /// For an open table with a header; a declared one takes fields by position and only checks (`HEADER match`).
    pub fn with_header(mut self, names: &[String]) -> Result<Decoder> {
        let mut seen = HashSet::new();
        let mut new_columns = 0;
        self.destinations.clear();
        for name in names {
            if !seen.insert(name.as_str()) {
                let message = format!("column \"{name}\" specified more than once");
                return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
            }
            let known = self.targets.iter().position(|target| target.name == *name);
            let destination = match (known, self.unknown) {
                (Some(at), _) => Destination::Target(at),
                (None, Unknown::Refuse) => return Err(undefined_column(&self.table, name)),
                (None, Unknown::Infer { new_columns_max }) => {
                    new_columns += 1;
                    let has_room = new_columns <= new_columns_max && can_name_column(name);
                    if has_room { Destination::New(name.clone(), None) } else { Destination::Rest(name.clone()) }
                }
            };
            self.destinations.push(destination);
        }
        Ok(self)
    }

    /// Checks a header under `HEADER match`; does nothing otherwise. 22P04.
    pub fn check_header(&self, names: &[String]) -> Result<()> {
        if self.options.header != Header::Match {
            return Ok(());
        }
        let place = Place { table: &self.table, line: 1 };
        if names.len() != self.targets.len() {
            let message =
                format!("wrong number of fields in header line: got {}, expected {}", names.len(), self.targets.len());
            return Err(place.of_line(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message)));
        }
        match names.iter().zip(&self.targets).enumerate().find(|(_, (name, target))| **name != target.name) {
            None => Ok(()),
            Some((at, (name, target))) => {
                let message = format!(
                    "column name mismatch in header line field {}: got \"{name}\", expected \"{}\"",
                    at + 1,
                    target.name
                );
                Err(place.of_line(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message)))
            }
        }
    }

    /// Decodes the records of a piece. Columns of an open table take what the values show: a csv value is typed only if
    /// printing it gives the same bytes (a numeric column was declared, and is read as it stands), and a value that
    /// does not fit its column's type widens the column.
    pub fn decode(&self, piece: &Piece) -> Result<Decoded> {
        if !matches!(self.unknown, Unknown::Infer { .. }) {
            return self.decode_strictly(piece);
        }
        let first = match self.options.format {
            CopyFormat::Ndjson => self.decode_strictly(piece),
            // Bytes show no type, and what has types of its own is not decoded here.
            CopyFormat::Binary | CopyFormat::Parquet => return self.decode_strictly(piece),
            CopyFormat::Csv | CopyFormat::Text => self.widening(is_inferred).decode_strictly(piece),
        };
        match first {
            Err(error) if error.code.class() == "22" && self.targets.iter().any(may_widen) => {
                self.widening(may_widen).decode_strictly(piece)
            }
            decoded => decoded,
        }
    }

    /// The same decoder with the columns that are picked as new ones.
    fn widening(&self, picks: fn(&TargetColumn) -> bool) -> Decoder {
        let place_of = |target: usize| self.targets[..target].iter().filter(|column| !picks(column)).count();
        let destinations = self.destinations.iter().map(|destination| match destination {
            Destination::Target(at) if picks(&self.targets[*at]) => {
                let column = &self.targets[*at];
                Destination::New(column.name.clone(), Some(column.ty))
            }
            Destination::Target(at) => Destination::Target(place_of(*at)),
            other => other.clone(),
        });
        let destinations = destinations.collect();
        let targets: Vec<_> = self.targets.iter().filter(|column| !picks(column)).cloned().collect();
        let unknown = match self.unknown {
            Unknown::Refuse => Unknown::Refuse,
            Unknown::Infer { new_columns_max } => {
                Unknown::Infer { new_columns_max: new_columns_max + self.targets.len() - targets.len() }
            }
        };
        Decoder { targets, destinations, unknown, ..self.clone() }
    }

    /// Whether a JSON text does not fit the column: it widens a number's or a boolean's of an open table.
    pub(super) fn is_misfit(&self, column: &TargetColumn) -> bool {
        matches!(self.unknown, Unknown::Infer { .. }) && may_widen(column)
    }

    fn decode_strictly(&self, piece: &Piece) -> Result<Decoded> {
        match self.options.format {
            CopyFormat::Ndjson => {
                let text = piece_text(piece, &self.table)?;
                ndjson::decode(self, text, piece)
            }
            CopyFormat::Csv | CopyFormat::Text => PieceDecoder::new(self)?.decode(piece),
            CopyFormat::Binary => tuples::decode(self, piece),
            CopyFormat::Parquet => Err(SqlError::internal("Parquet is not cut into pieces")),
        }
    }

    /// Whether the fault may be skipped: the value's own, under `ON_ERROR ignore`.
    pub(super) fn may_skip(&self, error: &SqlError) -> bool {
        self.options.on_error == OnError::Ignore && error.code.class() == "22"
    }

    /// Names of the columns that the data goes to.
    pub(crate) fn target_names(&self) -> Vec<String> {
        self.targets.iter().map(|target| target.name.clone()).collect()
    }

    pub(super) fn target_builders(&self) -> Result<Vec<ColumnBuilder>> {
        self.targets.iter().map(|t| ColumnBuilder::new(t.ty, t.arrow.clone(), self.style.clone())).collect()
    }
}

/// Whether values of another type make a column of an open table wider: it has a type that values can show.
fn may_widen(column: &TargetColumn) -> bool {
    is_inferred(column) || column.ty.oid == PgType::NUMERIC.oid
}

/// Whether the column has a type that csv values of a new column get.
fn is_inferred(column: &TargetColumn) -> bool {
    [PgType::BOOL, PgType::INT2, PgType::INT4, PgType::INT8, PgType::FLOAT4, PgType::FLOAT8].contains(&column.ty)
}

/// 42703 for a column that a declared table does not have.
#[cold]
pub(super) fn undefined_column(table: &str, name: &str) -> SqlError {
    let message = format!("column \"{name}\" of relation \"{table}\" does not exist");
    SqlError::new(SqlState::UNDEFINED_COLUMN, message).hint("A table created WITH (schema = 'open') takes new columns.")
}

/// Appends a field's text to a target column; the time of an open table may be a number.
pub(super) fn push_value(builder: &mut ColumnBuilder, target: &TargetColumn, text: &str) -> Result<()> {
    if target.counts_time
        && let Some(micros) = parse_epoch(text)
    {
        return builder.push_cell(Cell::Timestamp(micros));
    }
    builder.push_text(text)
}

/// Appends what a target column holds where the data has nothing: NULL, or the time of arrival.
pub(super) fn push_absent(builder: &mut ColumnBuilder, target: &TargetColumn) -> Result<()> {
    match target.arrival {
        Some(Arrival(micros)) => builder.push_cell(Cell::Timestamp(micros)),
        None => {
            builder.push_null();
            Ok(())
        }
    }
}

impl DecodedColumn {
    pub(super) fn known(target: &TargetColumn, array: ArrayRef) -> DecodedColumn {
        DecodedColumn { name: target.name.clone(), ty: target.ty, array, is_known: true, defaulted: None }
    }

    pub(super) fn new(name: &str, ty: PgType, array: ArrayRef) -> DecodedColumn {
        DecodedColumn { name: name.to_owned(), ty, array, is_known: false, defaulted: None }
    }
}

/// Leaves out the bad rows and puts the piece together.
pub(super) fn assemble(mut columns: Vec<DecodedColumn>, mut rows: Rows) -> Result<Decoded> {
    let kept = rows.keep(columns.iter().map(|column| column.array.clone()))?;
    for (column, array) in columns.iter_mut().zip(kept) {
        if let Some(defaulted) = column.defaulted.take() {
            let kept = rows.keep(std::iter::once(Arc::new(defaulted) as ArrayRef))?;
            column.defaulted = kept[0].as_any().downcast_ref::<BooleanArray>().cloned();
        }
        column.array = array;
    }
    Ok(Decoded { columns, rows: rows.kept(), skipped: std::mem::take(&mut rows.skipped) })
}
