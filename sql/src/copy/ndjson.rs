//! Decodes newline-delimited JSON: each line an object, each key a column.

use std::borrow::Cow;
use std::collections::HashMap;

use peristyle_catalog::model::PgType;
use peristyle_storage::types::arrow_type;

use super::decoder::{
    Decoded, DecodedColumn, Decoder, SkippedRow, Unknown, assemble, push_absent, push_value, undefined_column,
};
use super::json_values::{JsonColumn, push_known, text_of};
use super::place::{Place, shown};
use super::rest::{REST_COLUMN, can_name_column, rest_text};
use super::rows::Rows;
use super::splitter::Piece;
use crate::error::{Result, SqlError, SqlState};
use crate::values::{Cell, ColumnBuilder, Json, parse_json, type_name};

/// Where a key goes.
#[derive(Clone, Copy)]
enum Slot {
    Target(usize),
    New(usize),
    Rest,
}

type Member<'a> = (Cow<'a, str>, Json<'a>);

/// Decodes a piece's text.
pub(super) fn decode(decoder: &Decoder, text: &str, piece: &Piece) -> Result<Decoded> {
    let mut state = JsonPiece::new(decoder)?;
    for (at, line) in text.split('\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = Place { table: &decoder.table, line: piece.first_line + at as u64 };
        state.take_line(line, place)?;
        state.rows.len += 1;
    }
    state.finish()
}

struct JsonPiece<'a> {
    decoder: &'a Decoder,
    builders: Vec<ColumnBuilder>,
    slots: HashMap<Cow<'a, str>, Slot>,
    new_names: Vec<String>,
    new_columns: Vec<JsonColumn<'a>>,
    /// Per target, the row's member that goes there.
    chosen: Vec<Option<Json<'a>>>,
    rest: Vec<(usize, String)>,
    rows: Rows,
}

impl<'a> JsonPiece<'a> {
    fn new(decoder: &'a Decoder) -> Result<JsonPiece<'a>> {
        let slot = |(at, name): (usize, &'a str)| (Cow::Borrowed(name), Slot::Target(at));
        Ok(JsonPiece {
            decoder,
            builders: decoder.target_builders()?,
            slots: decoder.targets.iter().map(|target| target.name.as_str()).enumerate().map(slot).collect(),
            new_names: Vec::new(),
            new_columns: Vec::new(),
            chosen: vec![None; decoder.targets.len()],
            rest: Vec::new(),
            rows: Rows::default(),
        })
    }

    fn take_line(&mut self, line: &'a str, place: Place<'_>) -> Result<()> {
        let members = match parse_object(line) {
            Ok(members) => members,
            Err(error) => return self.skip_line(place.of_line(error), place.line),
        };
        let mut rest: Vec<Member<'a>> = Vec::new();
        for (key, value) in members {
            match self.slot_of(&key).map_err(|error| place.of_line(error))? {
                Slot::Target(at) => self.chosen[at] = Some(value),
                Slot::New(at) => self.new_columns[at].set(self.rows.len, value),
                Slot::Rest => rest.push((key, value)),
            }
        }
        self.take_targets(place)?;
        if !rest.is_empty() {
            let text = rest_text(&rest).map_err(|error| place.of_line(error))?;
            self.rest.push((self.rows.len, text));
        }
        Ok(())
    }

    /// A line that is no object is one bad row.
    fn skip_line(&mut self, error: SqlError, line: u64) -> Result<()> {
        if !self.decoder.may_skip(&error) {
            return Err(error);
        }
        self.rows.skip(SkippedRow { line, column: String::new(), value: String::new(), error });
        self.builders.iter_mut().for_each(ColumnBuilder::push_null);
        Ok(())
    }

    fn slot_of(&mut self, key: &str) -> Result<Slot> {
        if let Some(slot) = self.slots.get(key) {
            return Ok(*slot);
        }
        let Unknown::Infer { new_columns_max } = self.decoder.unknown else {
            return Err(undefined_column(&self.decoder.table, key));
        };
        let has_room = self.new_columns.len() < new_columns_max && can_name_column(key) && key != REST_COLUMN;
        if !has_room {
            // Not remembered: keys without end must not fill the map.
            return Ok(Slot::Rest);
        }
        let slot = Slot::New(self.new_columns.len());
        self.new_names.push(key.to_owned());
        self.new_columns.push(JsonColumn::new());
        self.slots.insert(Cow::Owned(key.to_owned()), slot);
        Ok(slot)
    }

    fn take_targets(&mut self, place: Place<'_>) -> Result<()> {
        for (at, target) in self.decoder.targets.iter().enumerate() {
            let (builder, value) = (&mut self.builders[at], self.chosen[at].take());
            if self.rows.is_skipping() {
                builder.push_null();
                continue;
            }
            let pushed = match &value {
                None | Some(Json::Null) => push_absent(builder, target),
                Some(value @ (Json::String(_) | Json::Number(_))) if target.counts_time => {
                    push_value(builder, target, &text_of(value)?)
                }
                // Read as a number, `"007"` would lose its zeros.
                Some(Json::String(text)) if self.decoder.is_misfit(target) && !prints_alike(text) => {
                    Err(misfit(target.ty, text))
                }
                Some(value) => push_known(builder, target.ty, value),
            };
            let Err(error) = pushed else { continue };
            let text = value.as_ref().and_then(|value| text_of(value).ok()).unwrap_or_default();
            let error = place.of_value(error, &target.name, &text);
            if !self.decoder.may_skip(&error) {
                return Err(error);
            }
            let (column, value) = (target.name.clone(), shown(&text));
            self.rows.skip(SkippedRow { line: place.line, column, value, error });
            builder.push_null();
        }
        Ok(())
    }

    fn finish(self) -> Result<Decoded> {
        let (style, rows) = (&self.decoder.style, self.rows.len);
        let mut columns = Vec::new();
        for (builder, target) in self.builders.into_iter().zip(&self.decoder.targets) {
            columns.push(DecodedColumn::known(target, builder.finish()?));
        }
        for (name, column) in self.new_names.iter().zip(self.new_columns) {
            columns.extend(column.finish(rows, style)?.map(|(ty, array)| DecodedColumn::new(name, ty, array)));
        }
        if !self.rest.is_empty() {
            let mut builder = ColumnBuilder::new(PgType::JSONB, arrow_type(PgType::JSONB, None), style.clone())?;
            for (row, text) in self.rest {
                while builder.len() < row {
                    builder.push_null();
                }
                builder.push_cell(Cell::Text(text))?;
            }
            while builder.len() < rows {
                builder.push_null();
            }
            columns.push(DecodedColumn::new(REST_COLUMN, PgType::JSONB, builder.finish()?));
        }
        assemble(columns, self.rows)
    }
}

fn parse_object(line: &str) -> Result<Vec<Member<'_>>> {
    match parse_json(line)? {
        Json::Object(members) => Ok(members),
        _ => Err(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, "a line of NDJSON must be a JSON object")),
    }
}

/// Whether a text is a number or a boolean that is printed as it stands.
fn prints_alike(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number(whole) && (whole == "0" || !whole.starts_with('0'));
    let is_zero = whole == "0" && !digits.contains('.') && text.starts_with('-');
    matches!(text, "true" | "false") || (is_plain && is_number(fraction) && !fraction.ends_with('0') && !is_zero)
}

/// A text where the column has numbers or booleans.
fn misfit(ty: PgType, text: &str) -> SqlError {
    let message = format!("invalid input syntax for type {}: \"{text}\"", type_name(ty));
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}
