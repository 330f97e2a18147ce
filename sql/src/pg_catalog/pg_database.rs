//! `pg_database`: databases. Text is UTF-8, ordered by bytes, which is PostgreSQL's collation `C`; letters are Unicode's.

use super::PG_DEFAULT;
use crate::charset::Charset;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "oid",
        "datname",
        "datdba",
        "encoding",
        "datlocprovider",
        "datistemplate",
        "datallowconn",
        "datconnlimit",
        "datfrozenxid",
        "datminmxid",
        "dattablespace",
        "datcollate",
        "datctype",
    ]);
    for database in context.head.databases() {
        rows.push([
            database.oid.into(),
            (&database.name).into(),
            database.owner.into(),
            Charset::UTF8.number().into(),
            "c".into(),
            false.into(),
            true.into(),
            Value::Int(-1),
            Value::Int(0),
            Value::Int(0),
            PG_DEFAULT.into(),
            "C".into(),
            "C.UTF-8".into(),
        ]);
    }
}
