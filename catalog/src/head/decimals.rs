//! Bare numerics: each file holds its values with the digits that they need, and a reader needs one decimal that holds
//! those of all files. A commit after which there is none is refused, since it would make the column unreadable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TableContents;
use crate::model::{Column, ColumnId, ColumnRemap, Layout, PgType, Table, TypeKind};
use crate::{Error, Result};

/// Digits of the widest decimal.
const DIGITS_MAX: i16 = 76;
/// Digits of a decimal whose file does not say.
const DEFAULT_DIGITS: i16 = 38;
/// Digits before the point that a double is given room for when its column became `numeric`.
const FLOAT_WHOLE_DIGITS: i16 = 38;

/// What the values of each bare numeric of a table need, over all its layouts and missing values.
#[derive(Default)]
pub struct DecimalNeeds(BTreeMap<ColumnId, Need>);

impl DecimalNeeds {
    /// Of the table's live columns.
    pub fn of(table: &Table, contents: Option<&TableContents>) -> DecimalNeeds {
        let open: Vec<&Column> = table.columns.iter().filter(|column| column.ty.is_bare_numeric()).collect();
        if open.is_empty() {
            return DecimalNeeds::default();
        }
        let needs = DecimalNeeds(open.iter().map(|column| (column.id, Need::of_missing(column))).collect());
        let Some(contents) = contents else { return needs };
        let renamed = remaps(table, contents);
        let all = needs.with(contents.layouts(), &renamed);
        // Layouts of partitions that are gone are kept for a while; they count only where that does no harm.
        if all.0.values().all(Need::fits) { all } else { needs.with(live_layouts(contents), &renamed) }
    }

    fn with<'a>(&self, layouts: impl Iterator<Item = &'a Arc<Layout>>, renamed: &[ColumnRemap]) -> DecimalNeeds {
        let mut needs = self.0.clone();
        for (id, ty) in layouts.flat_map(|layout| layout.columns.iter().copied()) {
            let ids = std::iter::once(id).chain(renamed.iter().filter(|r| r.in_file == id).map(|r| r.in_table));
            for id in ids {
                if let Some(need) = needs.get_mut(&id) {
                    need.include(ty);
                }
            }
        }
        DecimalNeeds(needs)
    }

    /// Precision and scale that hold the column's values; `None` for other types, and where no value is known.
    /// [`Error::NumericTooWide`] if there are none.
    pub fn precision_scale(&self, column: &Column) -> Result<Option<(u8, i8)>> {
        match self.0.get(&column.id) {
            Some(need) => need.resolve(&column.name),
            None => Ok(None),
        }
    }
}

/// Whether every bare numeric of the table has a decimal that holds all its values.
pub(crate) fn decimals_fit(table: &Table, contents: Option<&TableContents>) -> Result<()> {
    let needs = DecimalNeeds::of(table, contents);
    table.columns.iter().try_for_each(|column| needs.precision_scale(column).map(|_| ()))
}

/// The layouts of live partitions and chunks, each once.
fn live_layouts(contents: &TableContents) -> impl Iterator<Item = &Arc<Layout>> {
    let partitions = contents.partitions().map(|partition| &partition.layout);
    let chunks = contents.chunks().map(|chunk| &chunk.layout);
    partitions.chain(chunks).map(|layout| (layout.id, layout)).collect::<BTreeMap<_, _>>().into_values()
}

/// The remaps of the table's partitions; only looked for if a layout names a column that the table does not.
pub(super) fn remaps(table: &Table, contents: &TableContents) -> Vec<ColumnRemap> {
    let live: BTreeSet<ColumnId> = table.columns.iter().map(|column| column.id).collect();
    let is_foreign = contents
        .layouts()
        .any(|layout| layout.columns.iter().any(|(id, _)| *id != ColumnId::ROW_SEQ && !live.contains(id)));
    if !is_foreign {
        return Vec::new();
    }
    let all = contents.partitions().flat_map(|partition| &partition.remap);
    let unique: BTreeSet<(ColumnId, ColumnId)> = all.map(|remap| (remap.in_file, remap.in_table)).collect();
    unique.into_iter().map(|(in_file, in_table)| ColumnRemap { in_file, in_table }).collect()
}

/// Digits on both sides of the point that a bare numeric needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Need {
    is_known: bool,
    whole: i16,
    scale: i16,
    floats: bool,
    /// NaN or infinities, which lie in the greatest decimal.
    specials: bool,
}

impl Need {
    fn of_missing(column: &Column) -> Need {
        let mut need = Need::default();
        if let Some(missing) = &column.missing {
            need.include_text(&missing.text);
        }
        need
    }

    fn digits(&mut self, precision: i16, scale: i16) {
        self.is_known = true;
        self.whole = self.whole.max(precision - scale);
        self.scale = self.scale.max(scale);
    }

    fn include(&mut self, stored: PgType) {
        let stored = stored.unshaped();
        match stored.kind() {
            Some(TypeKind::Int2) => self.digits(5, 0),
            Some(TypeKind::Int4) => self.digits(10, 0),
            Some(TypeKind::Int8) => self.digits(19, 0),
            Some(TypeKind::Float4 | TypeKind::Float8) => self.floats = true,
            Some(TypeKind::Numeric) => {
                let decimal = PgType { oid: PgType::NUMERIC.oid, ..stored };
                self.specials |= decimal.holds_specials();
                match decimal.finite_precision_scale() {
                    Some((precision, scale)) => self.digits(precision.into(), scale.into()),
                    None => self.digits(DEFAULT_DIGITS, 0),
                }
            }
            _ => {}
        }
    }

    fn include_text(&mut self, text: &str) {
        let digits = text.trim_start_matches(['-', '+']);
        // In full, as the value is stored.
        if matches!(text, "NaN" | "Infinity" | "-Infinity") {
            self.is_known = true;
            self.specials = true;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            self.digits((whole.len() + fraction.len()) as i16, fraction.len() as i16);
        }
    }

    /// Digits before and behind the point; `None` if no value is known.
    fn both_sides(&self) -> Option<(i16, i16)> {
        if !self.floats {
            return self.is_known.then_some((self.whole.max(0), self.scale));
        }
        // Doubles take what is left of the greatest decimal behind their whole digits.
        let whole = self.whole.max(FLOAT_WHOLE_DIGITS);
        Some((whole, self.scale.max(DIGITS_MAX - whole)))
    }

    fn fits(&self) -> bool {
        self.both_sides().is_none_or(|(whole, scale)| whole + scale <= DIGITS_MAX)
    }

    fn resolve(&self, column: &str) -> Result<Option<(u8, i8)>> {
        let Some((whole, scale)) = self.both_sides() else { return Ok(None) };
        if !self.fits() {
            return Err(Error::NumericTooWide { column: column.to_owned(), whole, scale });
        }
        let precision = if self.specials { DIGITS_MAX } else { whole + scale };
        // All decimals of up to 38 digits cost the same, so the plan's type changes less often.
        Ok(Some((precision.max(DEFAULT_DIGITS) as u8, scale as i8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(types: &[PgType]) -> Option<(u8, i8)> {
        let mut need = Need::default();
        types.iter().for_each(|&ty| need.include(ty));
        need.resolve("n").unwrap()
    }

    #[test]
    fn an_open_decimal_has_room_for_every_layout() {
        assert_eq!(need(&[]), None);
        assert_eq!(need(&[PgType::numeric(4, 2), PgType::INT8]), Some((38, 2)));
        assert_eq!(need(&[PgType::numeric(30, 0), PgType::numeric(20, 20)]), Some((50, 20)));
        assert_eq!(need(&[PgType::FLOAT8, PgType::numeric(5, 1)]), Some((76, 38)));
        let special = PgType::special_numeric(20, 1);
        assert_eq!(
            need(&[special, PgType::numeric(38, 2)]),
            Some((76, 2)),
            "beside 38 digits, not 75, before the point"
        );
        let mut wide = Need::default();
        wide.include(PgType::numeric(60, 0));
        wide.include(PgType::numeric(20, 20));
        assert!(matches!(wide.resolve("n"), Err(Error::NumericTooWide { whole: 60, scale: 20, .. })));
    }

    #[test]
    fn a_missing_value_counts_its_digits() {
        let mut need = Need::default();
        need.include_text("-12.345");
        assert_eq!((need.whole, need.scale), (2, 3));
    }
}
