//! The mark of a limit that takes ties; `plan::ties` takes it away.

use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::signature::Ty;

/// `FETCH FIRST n ROWS WITH TIES` as `LIMIT pg_with_ties(n)`.
pub(crate) const MARK: &str = "pg_with_ties";

pub(crate) const DEFINITIONS: &[Definition] = &[immutable(MARK, &[overload(&[Ty::Int8], PgType::INT8, marked)])];

fn marked(_call: &Call<'_>) -> Result<arrow::array::ArrayRef> {
    internal_err!("a limit with ties that was not planned")
}
