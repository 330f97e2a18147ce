//! What a new catalog holds before its first commit.

use crate::Head;
use crate::model::{Database, Oid, Role, Schema, Seq, TimestampMicros};
use crate::records::{Counters, Record, RowOp};

/// PostgreSQL's bootstrap superuser.
const SUPERUSER: Oid = Oid(10);
/// PostgreSQL's `postgres` database.
const DATABASE_POSTGRES: Oid = Oid(5);
/// PostgreSQL's `public` schema.
const SCHEMA_PUBLIC: Oid = Oid(2200);
const DATABASE_PERISTYLE: Oid = Oid::FIRST_USER;
const SCHEMA_PUBLIC_OF_POSTGRES: Oid = Oid(Oid::FIRST_USER.0 + 1);
const NEXT_OID: u32 = Oid::FIRST_USER.0 + 2;

/// The head at [`Seq::ZERO`]: one superuser, two databases with a schema `public` each.
pub(crate) fn bootstrap(at: TimestampMicros) -> Head {
    let mut head = Head::default();
    for record in records(at) {
        head.apply(RowOp::Put(record)).expect("the first rows need no other rows");
    }
    head
}

fn records(at: TimestampMicros) -> [Record; 6] {
    [
        Record::Counters(Counters { seq: Seq::ZERO, at, next_oid: NEXT_OID }),
        Record::Role(Role { oid: SUPERUSER, name: "peristyle".to_owned(), superuser: true, login: true }),
        database(DATABASE_PERISTYLE, "peristyle", None),
        database(DATABASE_POSTGRES, "postgres", Some("default administrative connection database")),
        schema(SCHEMA_PUBLIC, DATABASE_PERISTYLE),
        schema(SCHEMA_PUBLIC_OF_POSTGRES, DATABASE_POSTGRES),
    ]
}

fn database(oid: Oid, name: &str, comment: Option<&str>) -> Record {
    let comment = comment.map(str::to_owned);
    Record::Database(Database { oid, name: name.to_owned(), owner: SUPERUSER, comment })
}

fn schema(oid: Oid, database: Oid) -> Record {
    Record::Schema(Schema {
        oid,
        database,
        name: "public".to_owned(),
        owner: SUPERUSER,
        comment: Some("standard public schema".to_owned()),
        acl: None,
    })
}
