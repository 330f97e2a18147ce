//! Lines and columns of the parser ↔ bytes and PostgreSQL's character positions.

use sqlparser::tokenizer::Location;

/// Where each line of a query string starts.
pub(crate) struct TextIndex<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> TextIndex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        TextIndex { text, line_starts }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Byte offset of a place; the text's end for one that lies beyond. Columns count characters from 1.
    pub(crate) fn byte_at(&self, location: Location) -> usize {
        let line = usize::try_from(location.line).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(&start) = self.line_starts.get(line) else { return self.text.len() };
        let column = usize::try_from(location.column).unwrap_or(usize::MAX).saturating_sub(1);
        self.text[start..].char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// PostgreSQL's position: characters from the start of the string, from 1.
    pub(crate) fn position_at(&self, location: Location) -> usize {
        self.text[..self.byte_at(location)].chars().count() + 1
    }

    /// The position just behind the text.
    pub(crate) fn end_position(&self) -> usize {
        self.text.chars().count() + 1
    }

    /// The place that a parser message names (`… at Line: 1, Column: 8`).
    pub(crate) fn location_in(&self, message: &str) -> Option<Location> {
        let (_, rest) = message.rsplit_once(" at Line: ")?;
        let (line, column) = rest.split_once(", Column: ")?;
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_over_lines() {
        let index = TextIndex::new("sélect\n  1");
        assert_eq!(index.position_at(Location { line: 1, column: 3 }), 3);
        assert_eq!(index.position_at(Location { line: 2, column: 3 }), 10);
        assert_eq!(index.byte_at(Location { line: 9, column: 1 }), index.text().len());
        assert_eq!(
            index.location_in("Expected: x, found: y at Line: 2, Column: 3"),
            Some(Location { line: 2, column: 3 })
        );
    }
}
