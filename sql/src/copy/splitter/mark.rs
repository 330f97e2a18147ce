//! The byte order mark that some programs write before UTF-8.

use bytes::BytesMut;

use crate::copy::options::CopyFormat;

const MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a mark may still come. It is no part of the first name or value of csv, nor of JSON; PostgreSQL's own format has
/// none.
pub(super) struct ByteOrderMark {
    is_awaited: bool,
}

impl ByteOrderMark {
    pub(super) fn before(format: CopyFormat) -> ByteOrderMark {
        ByteOrderMark { is_awaited: matches!(format, CopyFormat::Csv | CopyFormat::Ndjson) }
    }

    /// Takes the mark away, once it is there; false while its end may be coming.
    pub(super) fn is_past(&mut self, data: &mut BytesMut) -> bool {
        if self.is_awaited && data.len() < MARK.len() && MARK.starts_with(data) {
            return false;
        }
        if std::mem::take(&mut self.is_awaited) && data.starts_with(MARK) {
            let _ = data.split_to(MARK.len());
        }
        true
    }
}
