//! `pg_get_keywords()`: PostgreSQL's key words, which clients read to know what to quote.

use std::sync::Arc;

use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::functions::{UNDEFINED_FUNCTION, failure};
use crate::keywords::FACTS;
use crate::relation::{Rows, arrow_schema, facts};

const NAME: &str = "pg_get_keywords";
const COLUMNS: &[(&str, PgType)] = &[
    ("word", PgType::TEXT),
    ("catcode", PgType::CHAR),
    ("barelabel", PgType::BOOL),
    ("catdesc", PgType::TEXT),
    ("baredesc", PgType::TEXT),
];

/// The function by its name.
pub(crate) fn table_function() -> (String, Arc<TableFunction>) {
    (NAME.to_owned(), Arc::new(TableFunction::new(NAME.to_owned(), Arc::new(Keywords))))
}

#[derive(Debug)]
struct Keywords;

impl TableFunctionImpl for Keywords {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            let message = format!("function {NAME} with {} arguments does not exist", args.exprs().len());
            return Err(failure(UNDEFINED_FUNCTION, message));
        }
        let mut rows = Rows::new(COLUMNS);
        facts(FACTS).for_each(|fields| rows.push_text(&fields));
        let schema = arrow_schema(COLUMNS);
        let batch = rows.finish(Arc::clone(&schema))?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}
