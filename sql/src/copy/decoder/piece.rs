//! Decodes one csv or text piece, field by field.

use std::collections::HashMap;

use arrow::array::BooleanBuilder;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::arrow_type;

use super::{
    Decoded, DecodedColumn, Decoder, Destination, SkippedRow, TargetColumn, assemble, push_absent, push_value,
};
use crate::copy::infer::InferredColumn;
use crate::copy::place::{Place, shown};
use crate::copy::records::{Field, RecordReader};
use crate::copy::rest::{REST_COLUMN, rest_text};
use crate::copy::rows::Rows;
use crate::copy::splitter::Piece;
use crate::error::{Result, SqlError, SqlState};
use crate::values::{Cell, ColumnBuilder, InputStyle, Json};

/// The state of decoding one csv or text piece.
pub(super) struct PieceDecoder<'d> {
    decoder: &'d Decoder,
    builders: Vec<ColumnBuilder>,
    /// Per field: whether the NULL marker counts when quoted, and when not.
    null_rules: Vec<NullRule>,
    defaulted: Option<Vec<BooleanBuilder>>,
    /// Targets that no field goes to.
    absent: Vec<usize>,
    inferred: HashMap<usize, InferredColumn>,
    rest: Option<RestColumn>,
    rows: Rows,
}

#[derive(Clone, Copy)]
struct NullRule {
    when_quoted: bool,
    when_bare: bool,
}

impl NullRule {
    fn is_null(self, field: &Field<'_>) -> bool {
        field.is_null_marker && if field.is_quoted { self.when_quoted } else { self.when_bare }
    }
}

/// Collects the `_rest` object of each row.
struct RestColumn {
    builder: ColumnBuilder,
    /// The members of the row that is being read.
    members: Vec<(String, String)>,
}

impl<'d> PieceDecoder<'d> {
    pub(super) fn new(decoder: &'d Decoder) -> Result<PieceDecoder<'d>> {
        let destinations = &decoder.destinations;
        let rule = |destination: &Destination| {
            let name = match destination {
                Destination::Target(at) => &decoder.targets[*at].name,
                Destination::New(name, _) | Destination::Rest(name) => name,
            };
            NullRule {
                when_quoted: decoder.options.force_null.contains(name),
                when_bare: !decoder.options.force_not_null.contains(name),
            }
        };
        let has_rest = destinations.iter().any(|d| matches!(d, Destination::Rest(_)));
        let new_column = |(at, destination): (usize, &Destination)| match destination {
            Destination::New(_, has) => Some((at, InferredColumn::beside(*has))),
            Destination::Target(_) | Destination::Rest(_) => None,
        };
        let target_count = decoder.targets.len();
        Ok(PieceDecoder {
            decoder,
            builders: decoder.target_builders()?,
            null_rules: destinations.iter().map(rule).collect(),
            defaulted: decoder
                .options
                .default
                .is_some()
                .then(|| (0..target_count).map(|_| BooleanBuilder::new()).collect()),
            absent: (0..target_count).filter(|at| !destinations.contains(&Destination::Target(*at))).collect(),
            inferred: destinations.iter().enumerate().filter_map(new_column).collect(),
            rest: if has_rest { Some(RestColumn::new(decoder.style.clone())?) } else { None },
            rows: Rows::default(),
        })
    }

    /// Decodes the records of a piece.
    pub(super) fn decode(mut self, piece: &Piece) -> Result<Decoded> {
        let mut reader = RecordReader::new(piece, &self.decoder.options, &self.decoder.table)?;
        loop {
            let read = reader.read();
            let place = Place { table: &self.decoder.table, line: reader.line() };
            if !read.map_err(|error| place.of_record(error, reader.raw()))? {
                return self.finish();
            }
            self.take_record(&reader, place)?;
            self.rows.len += 1;
        }
    }

    fn take_record(&mut self, reader: &RecordReader<'_>, place: Place<'_>) -> Result<()> {
        let decoder = self.decoder;
        for (at, destination) in decoder.destinations.iter().enumerate() {
            let Some(field) = reader.field(at) else {
                return Err(place.of_record(missing_data(decoder, destination), reader.raw()));
            };
            match destination {
                Destination::Target(target) => {
                    let column = &decoder.targets[*target];
                    if field.is_default_marker && !column.has_default {
                        return Err(place.of_record(no_default(column), reader.raw()));
                    }
                    self.take_target(at, *target, field, place)?;
                }
                Destination::New(..) => self.take_new(at, field),
                Destination::Rest(name) => self.take_rest(at, name, field),
            }
        }
        let is_blank_of_no_columns = decoder.destinations.is_empty() && reader.raw().is_empty();
        if reader.len() > decoder.destinations.len() && !is_blank_of_no_columns {
            let error = SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column");
            return Err(place.of_record(error, reader.raw()));
        }
        for at in &self.absent {
            push_absent(&mut self.builders[*at], &decoder.targets[*at])?;
        }
        match &mut self.rest {
            Some(rest) => rest.end_row(),
            None => Ok(()),
        }
    }

    fn take_target(&mut self, at: usize, target: usize, field: Field<'_>, place: Place<'_>) -> Result<()> {
        let (column, builder) = (&self.decoder.targets[target], &mut self.builders[target]);
        if let Some(defaulted) = &mut self.defaulted {
            defaulted[target].append_value(field.is_default_marker);
        }
        if self.rows.is_skipping() || field.is_default_marker {
            builder.push_null();
            return Ok(());
        }
        if self.null_rules[at].is_null(&field) {
            return push_absent(builder, column);
        }
        let Err(error) = push_value(builder, column, field.text) else { return Ok(()) };
        let error = place.of_value(error, &column.name, field.text);
        if !self.decoder.may_skip(&error) {
            return Err(error);
        }
        let (column, value) = (column.name.clone(), shown(field.text));
        self.rows.skip(SkippedRow { line: place.line, column, value, error });
        builder.push_null();
        Ok(())
    }

    fn take_new(&mut self, at: usize, field: Field<'_>) {
        let is_null = self.null_rules[at].is_null(&field);
        if let Some(column) = self.inferred.get_mut(&at) {
            column.push((!is_null).then_some(field.text));
        }
    }

    fn take_rest(&mut self, at: usize, name: &str, field: Field<'_>) {
        let is_null = self.null_rules[at].is_null(&field);
        if let Some(rest) = self.rest.as_mut().filter(|_| !is_null) {
            rest.members.push((name.to_owned(), field.text.to_owned()));
        }
    }

    fn finish(mut self) -> Result<Decoded> {
        let mut columns = Vec::new();
        for (at, (builder, target)) in self.builders.into_iter().zip(&self.decoder.targets).enumerate() {
            let mut column = DecodedColumn::known(target, builder.finish()?);
            column.defaulted = self.defaulted.as_mut().map(|builders| builders[at].finish());
            columns.push(column);
        }
        for (at, destination) in self.decoder.destinations.iter().enumerate() {
            if let (Destination::New(name, _), Some(column)) = (destination, self.inferred.remove(&at)) {
                columns
                    .extend(column.finish(&self.decoder.style)?.map(|(ty, array)| DecodedColumn::new(name, ty, array)));
            }
        }
        if let Some(rest) = self.rest {
            columns.extend(rest.finish()?);
        }
        assemble(columns, self.rows)
    }
}

impl RestColumn {
    fn new(style: InputStyle) -> Result<RestColumn> {
        let builder = ColumnBuilder::new(PgType::JSONB, arrow_type(PgType::JSONB, None), style)?;
        Ok(RestColumn { builder, members: Vec::new() })
    }

    fn end_row(&mut self) -> Result<()> {
        if self.members.is_empty() {
            self.builder.push_null();
            return Ok(());
        }
        let members: Vec<_> =
            self.members.drain(..).map(|(key, text)| (key.into(), Json::String(text.into()))).collect();
        self.builder.push_cell(Cell::Text(rest_text(&members)?))
    }

    fn finish(self) -> Result<Option<DecodedColumn>> {
        let array = self.builder.finish()?;
        let is_empty = array.null_count() == array.len();
        Ok((!is_empty).then(|| DecodedColumn::new(REST_COLUMN, PgType::JSONB, array)))
    }
}

#[cold]
fn no_default(column: &TargetColumn) -> SqlError {
    SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, "unexpected default marker in COPY data")
        .detail(format!("Column \"{}\" has no default value.", column.name))
}

#[cold]
fn missing_data(decoder: &Decoder, destination: &Destination) -> SqlError {
    let name = match destination {
        Destination::Target(at) => &decoder.targets[*at].name,
        Destination::New(name, _) | Destination::Rest(name) => name,
    };
    SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, format!("missing data for column \"{name}\""))
}
