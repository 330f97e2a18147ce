//! Encodes batches for COPY TO: text, csv, ndjson and binary.

use arrow::array::{Array, RecordBatch};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::PgType;

use super::options::{CopyFormat, CopyOptions, Header};
use super::tuples;
use crate::error::{Result, SqlError};
use crate::values::{
    Format, OutputStyle, ValueWriter, enclose, escape_json, json_value_writer, replace_by_pairs, value_writer,
    write_element,
};

/// Encodes the rows of one COPY TO.
#[derive(Clone, Debug)]
pub struct Encoder {
    options: CopyOptions,
    names: Vec<String>,
    types: Vec<PgType>,
    style: OutputStyle,
    force_quote: Vec<bool>,
    /// `"key":` of each column, for ndjson.
    json_keys: Vec<String>,
    /// Bytes that make a csv field need quotes.
    needs_quote: [bool; 256],
}

impl Encoder {
    /// An encoder for columns of these names and types.
    pub fn new(options: CopyOptions, columns: Vec<(String, PgType)>, style: OutputStyle) -> Encoder {
        let (names, types): (Vec<String>, Vec<PgType>) = columns.into_iter().unzip();
        let mut needs_quote = [false; 256];
        for byte in [options.delimiter, options.quote, b'\n', b'\r'] {
            needs_quote[usize::from(byte)] = true;
        }
        Encoder {
            force_quote: names.iter().map(|name| options.force_quote.contains(name)).collect(),
            json_keys: names.iter().map(|name| json_key(name)).collect(),
            options,
            names,
            types,
            style,
            needs_quote,
        }
    }

    /// Appends the header line, if the options ask for one.
    pub fn header(&self, out: &mut BytesMut) -> Result<()> {
        if self.options.header == Header::Absent {
            return Ok(());
        }
        self.line(out, |out| {
            for (at, name) in self.names.iter().enumerate() {
                if at > 0 {
                    out.put_u8(self.options.delimiter);
                }
                let start = out.len();
                out.put_slice(name.as_bytes());
                self.protect(start, false, out);
            }
            out.put_u8(b'\n');
            Ok(())
        })
    }

    /// What goes before the first row in one message with it, as PostgreSQL sends it and clients count on it.
    pub fn head(&self) -> BytesMut {
        match self.options.format {
            CopyFormat::Binary => BytesMut::from(&tuples::header()[..]),
            CopyFormat::Text | CopyFormat::Csv | CopyFormat::Ndjson | CopyFormat::Parquet => BytesMut::new(),
        }
    }

    /// Appends what ends the data.
    pub fn tail(&self, out: &mut BytesMut) {
        if self.options.format == CopyFormat::Binary {
            out.put_slice(&tuples::trailer());
        }
    }

    /// Appends the rows of a batch. Its columns are the encoder's, by position.
    pub fn encode(&self, batch: &RecordBatch, out: &mut BytesMut) -> Result<()> {
        self.encode_rows(batch, 0..batch.num_rows(), out, |_| {})
    }

    /// The same for some rows, calling back after each, so that a row can be a message of its own.
    pub fn encode_rows(
        &self,
        batch: &RecordBatch,
        rows: std::ops::Range<usize>,
        out: &mut BytesMut,
        mut end_row: impl FnMut(&mut BytesMut),
    ) -> Result<()> {
        let writers = self.writers(batch)?;
        for row in rows {
            match self.options.format {
                CopyFormat::Ndjson => self.line(out, |out| self.json_row(&writers, row, out))?,
                CopyFormat::Text | CopyFormat::Csv => self.line(out, |out| self.delimited_row(&writers, row, out))?,
                CopyFormat::Binary => self.tuple(&writers, row, out)?,
                CopyFormat::Parquet => return Err(SqlError::internal("Parquet is not written row by row")),
            }
            end_row(out);
        }
        Ok(())
    }

    fn writers<'a>(&self, batch: &'a RecordBatch) -> Result<Vec<Box<dyn ValueWriter + 'a>>> {
        if batch.num_columns() != self.types.len() {
            return Err(SqlError::internal("a batch has other columns than COPY TO was planned with"));
        }
        let writer = |(array, ty): (&'a arrow::array::ArrayRef, &PgType)| {
            let array: &dyn Array = array.as_ref();
            match self.options.format {
                CopyFormat::Ndjson => json_value_writer(array, *ty, &self.style),
                CopyFormat::Text | CopyFormat::Csv | CopyFormat::Parquet => {
                    value_writer(array, *ty, Format::Text, &self.style)
                }
                CopyFormat::Binary => value_writer(array, *ty, Format::Binary, &self.style),
            }
        };
        batch.columns().iter().zip(&self.types).map(writer).collect()
    }

    /// Writes a line, and brings it into the encoding that is asked for. Characters that have a meaning are found in
    /// UTF-8: in other encodings their bytes are parts of other characters too.
    fn line(&self, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
        let start = out.len();
        write(out)?;
        self.options.charset.encode_from(start, out)
    }

    fn delimited_row(&self, writers: &[Box<dyn ValueWriter + '_>], row: usize, out: &mut BytesMut) -> Result<()> {
        for (at, writer) in writers.iter().enumerate() {
            if at > 0 {
                out.put_u8(self.options.delimiter);
            }
            if writer.is_null(row) {
                out.put_slice(self.options.null.as_bytes());
                continue;
            }
            let start = out.len();
            writer.write(row, out)?;
            self.protect(start, self.force_quote[at], out);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    fn json_row(&self, writers: &[Box<dyn ValueWriter + '_>], row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'{');
        for (at, writer) in writers.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            out.put_slice(self.json_keys[at].as_bytes());
            if writer.is_null(row) {
                out.put_slice(b"null");
            } else {
                writer.write(row, out)?;
            }
        }
        out.put_slice(b"}\n");
        Ok(())
    }

    fn tuple(&self, writers: &[Box<dyn ValueWriter + '_>], row: usize, out: &mut BytesMut) -> Result<()> {
        let count = i16::try_from(writers.len()).map_err(|_| SqlError::internal("a row of over 32767 columns"))?;
        out.put_i16(count);
        writers.iter().try_for_each(|writer| write_element(writer.as_ref(), row, out))
    }

    /// Quotes or escapes what was written from `start` on.
    fn protect(&self, start: usize, force_quote: bool, out: &mut BytesMut) {
        match self.options.format {
            CopyFormat::Csv if force_quote || self.is_ambiguous(&out[start..]) => self.quote(start, out),
            CopyFormat::Csv | CopyFormat::Ndjson | CopyFormat::Binary | CopyFormat::Parquet => {}
            CopyFormat::Text => self.escape(start, out),
        }
    }

    /// Whether a csv field would not read back as it is: it has a special byte in it, is the NULL marker, or is the
    /// end-of-data marker on a line of its own.
    fn is_ambiguous(&self, field: &[u8]) -> bool {
        field == self.options.null.as_bytes()
            || (field == b"\\." && self.names.len() == 1)
            || field.iter().any(|byte| self.needs_quote[usize::from(*byte)])
    }

    fn quote(&self, start: usize, out: &mut BytesMut) {
        let (quote, escape) = (self.options.quote, self.options.escape);
        replace_by_pairs(start, out, |byte| (byte == quote || byte == escape).then_some([escape, byte]));
        enclose(quote, start, out);
    }

    /// The text format's backslash escapes.
    fn escape(&self, start: usize, out: &mut BytesMut) {
        let delimiter = self.options.delimiter;
        let letter = |byte| match byte {
            8 => Some(b'b'),
            12 => Some(b'f'),
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            11 => Some(b'v'),
            byte => (byte == b'\\' || byte == delimiter).then_some(byte),
        };
        replace_by_pairs(start, out, |byte| letter(byte).map(|letter| [b'\\', letter]));
    }
}

fn json_key(name: &str) -> String {
    let mut key = String::new();
    escape_json(name, &mut key);
    key.push(':');
    key
}
