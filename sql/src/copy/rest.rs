//! The `_rest` column of open tables: a jsonb object of what has no column of its own.

use std::borrow::Cow;

use crate::error::Result;
use crate::values::{Json, write_members};

/// PostgreSQL's limit of a name.
const NAME_BYTES_MAX: usize = 63;

/// The name of the column.
pub(super) const REST_COLUMN: &str = "_rest";

/// Whether a key can name a column.
pub(crate) fn can_name_column(key: &str) -> bool {
    !key.is_empty() && key.len() <= NAME_BYTES_MAX && !key.contains('\0')
}

/// The normalised text of one row's rest.
pub(super) fn rest_text(members: &[(Cow<'_, str>, Json<'_>)]) -> Result<String> {
    let mut text = String::new();
    write_members(members, &mut text)?;
    Ok(text)
}
