//! Writers of ranges, whose bounds are written as their type is.

use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray};
use bytes::{BufMut, BytesMut};
use peristyle_storage::packed::{self, Edge, Range, RangeType};

use super::array_text::is_space;
use super::style::Format;
use super::writer::{BoxedWriter, Request, ValueWriter, write_sized};
use crate::error::Result;

/// Flags of the binary form.
pub(super) const IS_EMPTY: u8 = 1;
pub(super) const HOLDS_LOWER: u8 = 2;
pub(super) const HOLDS_UPPER: u8 = 4;
pub(super) const NO_LOWER: u8 = 8;
pub(super) const NO_UPPER: u8 = 16;

pub(super) fn writer<'a>(
    ranges: &'a FixedSizeBinaryArray,
    ty: &'static RangeType,
    request: Request,
) -> BoxedWriter<'a> {
    let element = Request { ty: ty.element, kind: ty.element.kind().unwrap_or(request.kind), ..request };
    let bounds = packed::bounds(ranges, ty);
    Box::new(RangeWriter { ranges, ty, bounds, element })
}

struct RangeWriter<'a> {
    ranges: &'a FixedSizeBinaryArray,
    ty: &'static RangeType,
    bounds: [ArrayRef; 2],
    element: Request,
}

impl ValueWriter for RangeWriter<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.ranges.is_null(row)
    }

    fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let range = self.ty.unpack(self.ranges.value(row));
        match self.element.format {
            Format::Text => self.write_text(range, row, out),
            Format::Binary => self.write_binary(range, row, out),
        }
    }
}

impl RangeWriter<'_> {
    fn write_text(&self, range: Range, row: usize, out: &mut BytesMut) -> Result<()> {
        let Some((lower, upper)) = range.edges() else {
            out.put_slice(b"empty");
            return Ok(());
        };
        out.put_u8(if holds_lower(lower) { b'[' } else { b'(' });
        self.write_quoted(0, row, out)?;
        out.put_u8(b',');
        self.write_quoted(1, row, out)?;
        out.put_u8(if holds_upper(upper) { b']' } else { b')' });
        Ok(())
    }

    /// A bound, in quotes if it has what would end it.
    fn write_quoted(&self, which: usize, row: usize, out: &mut BytesMut) -> Result<()> {
        let bounds = &self.bounds[which];
        if bounds.is_null(row) {
            return Ok(());
        }
        let start = out.len();
        self.element.writer(bounds.as_ref())?.write(row, out)?;
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || is_space(*byte);
        if out[start..].is_empty() || out[start..].iter().any(is_special) {
            // What the types of elements write has nothing that quotes do not take.
            let bare = out.split_off(start);
            out.put_u8(b'"');
            out.put_slice(&bare);
            out.put_u8(b'"');
        }
        Ok(())
    }

    fn write_binary(&self, range: Range, row: usize, out: &mut BytesMut) -> Result<()> {
        let Some((lower, upper)) = range.edges() else {
            out.put_u8(IS_EMPTY);
            return Ok(());
        };
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let of_lower = flag(holds_lower(lower), HOLDS_LOWER) | flag(lower.as_lower().is_none(), NO_LOWER);
        let of_upper = flag(holds_upper(upper), HOLDS_UPPER) | flag(upper.as_upper().is_none(), NO_UPPER);
        out.put_u8(of_lower | of_upper);
        for bounds in self.bounds.iter().filter(|bounds| bounds.is_valid(row)) {
            let writer = self.element.writer(bounds.as_ref())?;
            write_sized(out, |out| writer.write(row, out))?;
        }
        Ok(())
    }
}

fn holds_lower(edge: Edge) -> bool {
    edge.as_lower().is_some_and(|(_, included)| included)
}

fn holds_upper(edge: Edge) -> bool {
    edge.as_upper().is_some_and(|(_, included)| included)
}
