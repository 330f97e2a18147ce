//! Decodes one piece of the binary form, whose framing the splitter has checked.

use super::{Decoded, DecodedColumn, Decoder, assemble, push_absent};
use crate::copy::place::Place;
use crate::copy::rows::Rows;
use crate::copy::splitter::Piece;
use crate::copy::tuples::{take_count, take_field};
use crate::error::{Result, SqlError};
use crate::values::ColumnBuilder;

pub(super) fn decode(decoder: &Decoder, piece: &Piece) -> Result<Decoded> {
    let mut builders = decoder.target_builders()?;
    let mut rows = Rows::default();
    let mut rest = &piece.bytes[..];
    while take_count(&mut rest).is_some() {
        let place = Place { table: &decoder.table, line: piece.first_line + rows.len as u64 };
        take_tuple(decoder, &mut builders, &mut rest, place)?;
        rows.len += 1;
    }
    let columns = builders.into_iter().zip(&decoder.targets);
    let columns = columns.map(|(builder, target)| Ok(DecodedColumn::known(target, builder.finish()?)));
    assemble(columns.collect::<Result<_>>()?, rows)
}

fn take_tuple(decoder: &Decoder, builders: &mut [ColumnBuilder], rest: &mut &[u8], place: Place<'_>) -> Result<()> {
    for (builder, target) in builders.iter_mut().zip(&decoder.targets) {
        let field = take_field(rest).map_err(|_| SqlError::internal("a piece that ends within a tuple"))?;
        match field {
            None => push_absent(builder, target)?,
            Some(value) => builder.push_binary(value).map_err(|error| place.of_column(error, &target.name))?,
        }
    }
    Ok(())
}
